/* selvage account create|list|delete, selvage token create|list|revoke, selvage audit: what the
 * owner of a server's data directory does. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/rest.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define ACCOUNTS "/client/v4/server/accounts"
#define TEXT_MAX ((size_t)64 << 10)

typedef struct owner_verb {
    const slv_args *args;
    slv_rest *rest;
    slv_buf path, body;
    slv_arena arena;
    slv_node *result;
} owner_verb;

typedef slv_code (*owner_work)(owner_verb *v, slv_err *err);

static int run_verb(const slv_args *args, owner_work work)
{
    owner_verb v = {.args = args,
                    .path = SLV_BUF(TEXT_MAX),
                    .body = SLV_BUF(TEXT_MAX),
                    .arena = SLV_ARENA((size_t)16 << 20)};
    slv_err err = {0};
    slv_code code = slv_rest_open_data(args, &v.rest, &err);

    if (code == SLV_OK)
        code = work(&v, &err);
    slv_rest_free(v.rest);
    slv_buf_done(&v.path);
    slv_buf_done(&v.body);
    slv_arena_done(&v.arena);
    return code == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static slv_code send(owner_verb *v, const char *method, slv_err *err)
{
    return slv_rest_json(v->rest, method, slv_buf_view(&v->path), slv_buf_view(&v->body),
                         &v->result, err);
}

/* ---- text ---- */

static slv_str member(const slv_node *n, const char *name)
{
    slv_str s = slv_node_str(slv_node_get(n, name));

    return s.ptr ? s : SLV_STR("");
}

/* "2026-11-22 05:20" in the terminal's time zone; 0: otherwise. */
static slv_str when(owner_verb *v, const slv_node *n, const char *name, const char *otherwise)
{
    int64_t ms = 0;
    char text[40];
    time_t seconds;
    struct tm tm;
    slv_str s;

    if (!slv_node_i64(slv_node_get(n, name), &ms) || ms == 0)
        return slv_str_from(otherwise);
    seconds = (time_t)(ms / 1000);
    (void)localtime_r(&seconds, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
    return slv_arena_dup(&v->arena, slv_str_from(text), &s) == SLV_OK ? s : SLV_STR("");
}

static slv_code put(owner_verb *v, const char *name, const char *value)
{
    SLV_TRY(slv_buf_printf(&v->body, "%s\"%s\":", v->body.len > 1 ? "," : "", name));
    return slv_json_put_string(&v->body, slv_str_from(value));
}

static slv_code put_flag(owner_verb *v, const char *flag)
{
    return slv_args_has(v->args, flag) ? put(v, flag, slv_args_string(v->args, flag)) : SLV_OK;
}

static bool wants_json(const owner_verb *v)
{
    if (!slv_args_bool(v->args, "json", false))
        return false;
    slv_rest_print_json(stdout, v->result);
    return true;
}

/* ---- account ---- */

static slv_code account_create(owner_verb *v, slv_err *err)
{
    const char *name;

    SLV_TRY(slv_args_required(v->args, 0, "the account's name", &name, err));
    SLV_TRY(slv_buf_append(&v->path, SLV_STR(ACCOUNTS)));
    SLV_TRY(slv_buf_append_byte(&v->body, '{'));
    SLV_TRY(put(v, "name", name));
    SLV_TRY(put_flag(v, "email"));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    SLV_TRY(send(v, "POST", err));
    if (wants_json(v))
        return SLV_OK;
    slv_str id = member(v->result, "id");
    printf("Created account %s: %.*s\nGive it a token: selvage token create --account %s\n", name,
           SLV_STR_ARGS(id), name);
    return SLV_OK;
}

static slv_code account_list(owner_verb *v, slv_err *err)
{
    static const char *const columns[] = {"account", "name", "e-mail", "created"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));

    SLV_TRY(slv_buf_append(&v->path, SLV_STR(ACCOUNTS)));
    SLV_TRY(send(v, "GET", err));
    if (wants_json(v))
        return SLV_OK;
    for (const slv_node *n = v->result->first; n; n = n->next) {
        const slv_str cells[] = {member(n, "id"), member(n, "name"), member(n, "email"),
                                 when(v, n, "created_ms", "")};

        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
    return SLV_OK;
}

/* The name again, typed by whoever means it. */
static slv_code confirm(const owner_verb *v, const char *name, slv_err *err)
{
    char line[300];

    if (slv_args_bool(v->args, "yes", false))
        return SLV_OK;
    if (!isatty(STDIN_FILENO))
        return slv_fail(err, SLV_E_INVAL,
                        "this removes everything that the account has; say --yes when that is "
                        "meant");
    fprintf(stderr,
            "This removes the account %s with its workers, databases, buckets and everything "
            "else that it has.\nType its name to go on: ",
            name);
    if (!fgets(line, sizeof line, stdin))
        line[0] = 0;
    line[strcspn(line, "\r\n")] = 0;
    return strcmp(line, name) == 0 ? SLV_OK : slv_fail(err, SLV_E_CANCELED, "nothing was removed");
}

static slv_code account_path(owner_verb *v, const char *account, const char *rest)
{
    SLV_TRY(slv_buf_append(&v->path, SLV_STR(ACCOUNTS "/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(account)));
    return slv_buf_append(&v->path, slv_str_from(rest));
}

static slv_code account_delete(owner_verb *v, slv_err *err)
{
    const char *name;

    SLV_TRY(slv_args_required(v->args, 0, "the account's name or id", &name, err));
    SLV_TRY(confirm(v, name, err));
    SLV_TRY(account_path(v, name, ""));
    SLV_TRY(send(v, "DELETE", err));
    if (wants_json(v))
        return SLV_OK;
    printf("Removed account %s and everything that it had\n", name);
    return SLV_OK;
}

/* ---- token ---- */

/* The only account, when there is one alone. */
static slv_code which_account(owner_verb *v, slv_str *ret, slv_err *err)
{
    const char *named = slv_args_string(v->args, "account");

    if (named) {
        *ret = slv_str_from(named);
        return SLV_OK;
    }
    SLV_TRY(slv_buf_set(&v->path, SLV_STR(ACCOUNTS)));
    SLV_TRY(send(v, "GET", err));
    if (v->result->count != 1)
        return slv_fail(err, SLV_E_INVAL, "there are %zu accounts; say which with --account",
                        v->result->count);
    SLV_TRY(slv_arena_dup(&v->arena, member(v->result->first, "id"), ret));
    slv_buf_reset(&v->path);
    return SLV_OK;
}

static slv_code tokens_path(owner_verb *v, const char *rest, slv_err *err)
{
    slv_str account;

    SLV_TRY(which_account(v, &account, err));
    return account_path(v, account.ptr, rest);
}

/* "90d", "12h", "30m", "45s". */
static slv_code read_duration(const char *text, uint64_t *ret, slv_err *err)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'y', 31536000}};
    slv_str s = slv_str_from(text);
    uint64_t n = 0;

    for (size_t i = 0; s.len > 1 && i < SLV_ARRAY_LEN(units); i++)
        if (s.ptr[s.len - 1] == units[i].unit &&
            slv_parse_u64(slv_str_sub(s, 0, s.len - 1), &n) == SLV_OK && n > 0 && n < 100000000) {
            *ret = n * units[i].seconds;
            return SLV_OK;
        }
    return slv_fail(err, SLV_E_INVAL, "'%s' is no time; write a number and a unit: 12h, 90d, 1y",
                    text);
}

static slv_code token_create(owner_verb *v, slv_err *err)
{
    const char *expires = slv_args_string(v->args, "expires");
    const char *name = v->args->positional.len > 0 ? v->args->positional.items[0] : "cli";
    uint64_t seconds = 0;

    if (expires)
        SLV_TRY(read_duration(expires, &seconds, err));
    SLV_TRY(tokens_path(v, "/tokens", err));
    SLV_TRY(slv_buf_append_byte(&v->body, '{'));
    SLV_TRY(put(v, "name", name));
    SLV_TRY(put_flag(v, "email"));
    SLV_TRY(put_flag(v, "scopes"));
    if (seconds)
        SLV_TRY(slv_buf_printf(&v->body, ",\"expires_in\":%llu", (unsigned long long)seconds));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    SLV_TRY(send(v, "POST", err));
    if (wants_json(v))
        return SLV_OK;
    fprintf(stderr, "Token %s for account %.*s (%.*s); it is shown only now:\n", name,
            SLV_STR_ARGS(member(v->result, "account")), SLV_STR_ARGS(member(v->result, "scopes")));
    printf("%.*s\n", SLV_STR_ARGS(member(v->result, "token")));
    return SLV_OK;
}

static slv_str token_state(owner_verb *v, const slv_node *n)
{
    const slv_node *live = slv_node_get(n, "live");
    int64_t revoked = 0;

    if (slv_node_i64(slv_node_get(n, "revoked_ms"), &revoked) && revoked > 0)
        return SLV_STR("revoked");
    if (live && !live->boolean)
        return SLV_STR("expired");
    return when(v, n, "expires_ms", "never");
}

static slv_code token_list(owner_verb *v, slv_err *err)
{
    static const char *const columns[] = {"token",   "name",      "scopes",
                                          "created", "last used", "expires"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));

    SLV_TRY(tokens_path(v, "/tokens", err));
    SLV_TRY(send(v, "GET", err));
    if (wants_json(v))
        return SLV_OK;
    for (const slv_node *n = v->result->first; n; n = n->next) {
        const slv_str cells[] = {member(n, "id"),
                                 member(n, "name"),
                                 member(n, "scopes"),
                                 when(v, n, "created_ms", ""),
                                 when(v, n, "used_ms", "never"),
                                 token_state(v, n)};

        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
    return SLV_OK;
}

static slv_code token_revoke(owner_verb *v, slv_err *err)
{
    const char *token;

    SLV_TRY(slv_args_required(v->args, 0, "the token's id or name", &token, err));
    SLV_TRY(tokens_path(v, "/tokens/", err));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(token)));
    SLV_TRY(send(v, "DELETE", err));
    printf("Revoked %s\n", token);
    return SLV_OK;
}

/* ---- audit ---- */

static slv_code audit(owner_verb *v, slv_err *err)
{
    static const char *const columns[] = {"at", "who", "what", "where"};
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, SLV_ARRAY_LEN(columns));
    const char *account = slv_args_string(v->args, "account");
    uint64_t limit;

    SLV_TRY(slv_args_number(v->args, "limit", 1, 1000, 50, &limit, err));
    SLV_TRY(slv_buf_printf(
        &v->path, "/client/v4/server/audit?limit=%llu&account=", (unsigned long long)limit));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(account ? account : "")));
    SLV_TRY(send(v, "GET", err));
    if (wants_json(v))
        return SLV_OK;
    for (const slv_node *n = v->result->first; n; n = n->next) {
        const slv_str cells[] = {when(v, n, "at_ms", ""), member(n, "actor"), member(n, "action"),
                                 member(n, "resource")};

        slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
    return SLV_OK;
}

/* ---- reload ---- */

static slv_code reload(owner_verb *v, slv_err *err)
{
    bool upgrade = slv_args_bool(v->args, "upgrade", false);

    SLV_TRY(slv_buf_printf(&v->path, "/client/v4/server/%s", upgrade ? "upgrade" : "reload"));
    SLV_TRY(send(v, "POST", err));
    puts(upgrade ? "The executable on disk takes over" : "The configuration is read again");
    return SLV_OK;
}

/* ---- tables ---- */

static const slv_flag account_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"email", SLV_FLAG_STRING, 0, "ADDRESS", "of whoever owns it, as whoami shows it"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag list_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag delete_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"yes", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag token_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"account", SLV_FLAG_STRING, 0, "ACCOUNT", "id or name (not needed when there is one)"},
    {"scopes", SLV_FLAG_STRING, 0, "LIST", "read, deploy, data, or all (all)"},
    {"expires", SLV_FLAG_STRING, 0, "TIME", "12h, 90d, 1y (never)"},
    {"email", SLV_FLAG_STRING, 0, "ADDRESS", "in whose name it acts (the account's)"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag tokens_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"account", SLV_FLAG_STRING, 0, "ACCOUNT", "id or name (not needed when there is one)"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag audit_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"account", SLV_FLAG_STRING, 0, "ACCOUNT", "id or name (of all)"},
    {"limit", SLV_FLAG_NUMBER, 0, "N", "how many rows, newest first (50)"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag reload_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"upgrade", SLV_FLAG_BOOL, 0, NULL, "the executable on disk takes over"},
};

#define VERB(id, words, arguments, line, table, positional, fn)                                    \
    static int id##_exec(const slv_args *args)                                                     \
    {                                                                                              \
        return run_verb(args, fn);                                                                 \
    }                                                                                              \
    const slv_cmd slv_cmd_##id##_verb = {.name = words,                                            \
                                         .args = arguments,                                        \
                                         .usage = line,                                            \
                                         .flags = table,                                           \
                                         .flag_count = SLV_ARRAY_LEN(table),                       \
                                         .max_positional = positional,                             \
                                         .exec = id##_exec}

VERB(account_create, "account create", "<name>", "make an account on a server", account_flags, 1,
     account_create);
VERB(account_list, "account list", "", "the accounts of a server", list_flags, 0, account_list);
VERB(account_delete, "account delete", "<account>", "remove an account and everything that it has",
     delete_flags, 1, account_delete);
VERB(token_create, "token create", "[name]", "make a token for an account, and show it once",
     token_flags, 1, token_create);
VERB(token_list, "token list", "", "the tokens of an account", tokens_flags, 0, token_list);
VERB(token_revoke, "token revoke", "<token>", "a token is taken no longer", tokens_flags, 1,
     token_revoke);
VERB(audit, "audit", "", "what was changed on a server, and by whom", audit_flags, 0, audit);
VERB(reload, "reload", "", "let a server read its configuration and certificates again",
     reload_flags, 0, reload);
