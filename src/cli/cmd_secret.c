/*
 * selvage secret put|list|delete|bulk: secrets of a server's worker (--remote, secret_remote.c), or
 * of local runs, in the file that a session reads them from: .dev.vars (of the environment, where
 * there is one), or .env where that is all there is. Other lines of the file stay as they are.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/project.h"
#include "cli/secret_int.h"
#include "cli/verbs.h"
#include "fmt/dotenv.h"
#include "fmt/json.h"

#define VALUE_MAX ((size_t)1 << 20)
#define BULK_MAX ((size_t)8 << 20)

typedef struct secrets {
    const slv_args *args;
    char *dir;  /* of the project */
    char *path; /* the file */
    bool exists;
    slv_arena arena;
    slv_buf text; /* of the file */
} secrets;

static void secrets_done(secrets *s)
{
    free(s->dir);
    free(s->path);
    slv_buf_done(&s->text);
    slv_arena_done(&s->arena);
}
SLV_DEFINE_CLEANUP_DONE(secrets, secrets_done);

/* ---- the file ---- */

static bool use(secrets *s, const char *name)
{
    free(s->path);
    s->path = slv_path_join(s->dir, slv_str_from(name));
    s->exists = slv_file_exists(s->path);
    return s->exists;
}

static void choose_file(secrets *s, const char *env)
{
    char name[256];

    snprintf(name, sizeof name, ".dev.vars%s%s", env ? "." : "", env ? env : "");
    if (use(s, name) || (env && use(s, ".dev.vars")) || use(s, ".env"))
        return;
    (void)use(s, name);
}

static slv_code open_secrets(secrets *s, slv_err *err)
{
    const char *env = slv_args_string(s->args, "env"), *cwd = slv_args_string(s->args, "cwd");
    slv_project_options options = {
        .config = slv_args_string(s->args, "config"), .env = env, .allow_unsupported = true};
    slv_project project;
    slv_code code;

    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "cannot go to %s", cwd);
    code = slv_project_load_config(&options, &project, err);
    if (code == SLV_OK)
        s->dir = slv_strdup(project.dir);
    slv_project_done(&project);
    if (code != SLV_OK)
        return code;
    choose_file(s, env);
    return s->exists ? slv_file_read(s->path, &s->text, err) : SLV_OK;
}

/* Written beside and renamed: a crash leaves the old file or the new one. */
static slv_code save(secrets *s, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *temporary = NULL;
    struct stat st;
    mode_t mode = stat(s->path, &st) == 0 ? st.st_mode & 0777 : 0600;
    int fd;
    bool ok;

    if (asprintf(&temporary, "%s.new", s->path) < 0)
        abort();
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", temporary);
    ok = write(fd, s->text.ptr, s->text.len) == (ssize_t)s->text.len && fsync(fd) == 0;
    close(fd);
    if (ok && rename(temporary, s->path) == 0)
        return SLV_OK;
    slv_code code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", s->path);
    unlink(temporary);
    return code;
}

/* ---- lines ---- */

/* Where the assignment that begins at `at` ends, its quoted lines and line break included. */
static size_t assignment_end(slv_str text, size_t at, size_t value)
{
    size_t line = slv_str_chr(text, '\n', at), close;
    char quote;

    while (value < text.len && (text.ptr[value] == ' ' || text.ptr[value] == '\t'))
        value++;
    quote = value < text.len ? text.ptr[value] : '\0';
    if (quote == '"' || quote == '\'' || quote == '`') {
        close = value + 1;
        while (close < text.len && text.ptr[close] != quote)
            close += quote == '"' && text.ptr[close] == '\\' ? 2 : 1;
        if (close < text.len)
            line = slv_str_chr(text, '\n', close);
    }
    return line == SIZE_MAX ? text.len : line + 1;
}

/* The assignment that stands at the line beginning at `at`: its name, and where it ends. */
static slv_str assignment_at(slv_str text, size_t at, size_t *ret_end)
{
    size_t end = slv_str_chr(text, '\n', at);
    slv_str line = slv_str_trim(slv_str_sub(text, at, end)), name;
    size_t equals = slv_str_chr(line, '=', 0);

    *ret_end = end == SIZE_MAX ? text.len : end + 1;
    if (line.len == 0 || line.ptr[0] == '#' || equals == SIZE_MAX)
        return SLV_STR_NULL;
    name = slv_str_trim(slv_str_sub(line, 0, equals));
    if (slv_str_starts(name, SLV_STR("export ")))
        name = slv_str_trim(slv_str_skip(name, 7));
    *ret_end = assignment_end(text, at, (size_t)(line.ptr - text.ptr) + equals + 1);
    return name;
}

/* The text without the assignments of name. True when there was one. */
static slv_code without(slv_str text, slv_str name, slv_buf *out, bool *ret_found)
{
    *ret_found = false;
    for (size_t at = 0, end; at < text.len; at = end) {
        slv_str found = assignment_at(text, at, &end);

        if (found.ptr && slv_str_eq(found, name))
            *ret_found = true;
        else
            SLV_TRY(slv_buf_append(out, slv_str_sub(text, at, end)));
    }
    return SLV_OK;
}

static bool has_any(slv_str s, const char *bytes)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(bytes, s.ptr[i]))
            return true;
    return false;
}

/* NAME='value' in quotes that say exactly that. */
static slv_code put_line(slv_buf *out, slv_str name, slv_str value, slv_err *err)
{
    char quote = !has_any(value, "'") ? '\'' : !has_any(value, "`") ? '`' : '"';

    if (quote == '"' && has_any(value, "\"\\"))
        return slv_fail(
            err, SLV_E_INVAL,
            "the value of %.*s has every kind of quotes; no line of the file can say it",
            SLV_STR_ARGS(name));
    if (out->len > 0 && out->ptr[out->len - 1] != '\n')
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    return slv_buf_printf(out, "%.*s=%c%.*s%c\n", SLV_STR_ARGS(name), quote, SLV_STR_ARGS(value),
                          quote);
}

static bool valid_name(slv_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!slv_is_alpha(name.ptr[i]) && name.ptr[i] != '_' && name.ptr[i] != '.' &&
            name.ptr[i] != '-' && !slv_is_digit(name.ptr[i]))
            return false;
    return name.len > 0;
}

static slv_code set(secrets *s, slv_str name, slv_str value, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BULK_MAX * 2);
    bool found;

    if (!valid_name(name))
        return slv_fail(err, SLV_E_INVAL, "'%.*s' is no name of a secret", SLV_STR_ARGS(name));
    SLV_TRY(without(slv_buf_view(&s->text), name, &out, &found));
    SLV_TRY(put_line(&out, name, value, err));
    return slv_buf_set(&s->text, slv_buf_view(&out));
}

/* ---- put ---- */

static slv_code put(secrets *s, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF(VALUE_MAX);
    const char *name;

    SLV_TRY(slv_args_required(s->args, 0, "the secret's name", &name, err));
    SLV_TRY(slv_secret_read_value(name, &value, err));
    SLV_TRY(set(s, slv_str_from(name), slv_buf_view(&value), err));
    SLV_TRY(save(s, err));
    printf("Success! The secret %s is in %s\n", name, slv_path_base(s->path));
    return SLV_OK;
}

/* ---- list, delete ---- */

static slv_code parse(secrets *s, slv_str text, slv_node **ret, slv_err *err)
{
    *ret = slv_node_new(&s->arena, SLV_NODE_OBJECT, 0, 0);
    return *ret ? slv_dotenv_parse(text, &s->arena, *ret, err) : SLV_E_LIMIT;
}

static slv_code list(secrets *s, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BULK_MAX);
    const char *format = slv_args_string(s->args, "format");
    bool pretty = format && strcmp(format, "pretty") == 0;
    slv_node *all;

    if (format && !pretty && strcmp(format, "json") != 0)
        return slv_fail(err, SLV_E_INVAL, "--format takes json or pretty, not '%s'", format);
    SLV_TRY(parse(s, slv_buf_view(&s->text), &all, err));
    for (const slv_node *n = all->first; n; n = n->next) {
        if (pretty) {
            printf("Secret Name: %.*s\n\n", SLV_STR_ARGS(n->key));
            continue;
        }
        SLV_TRY(slv_buf_append(&out, n == all->first ? SLV_STR("\n") : SLV_STR(",\n")));
        SLV_TRY(slv_buf_append(&out, SLV_STR("  {\n    \"name\": ")));
        SLV_TRY(slv_json_put_string(&out, n->key));
        SLV_TRY(slv_buf_append(&out, SLV_STR(",\n    \"type\": \"secret_text\"\n  }")));
    }
    if (!pretty)
        printf("[%.*s%s]\n", SLV_STR_ARGS(slv_buf_view(&out)), all->first ? "\n" : "");
    return SLV_OK;
}

static slv_code delete_secret(secrets *s, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BULK_MAX * 2);
    const char *name;
    bool found;

    SLV_TRY(slv_args_required(s->args, 0, "the secret's name", &name, err));
    SLV_TRY(without(slv_buf_view(&s->text), slv_str_from(name), &out, &found));
    if (!found)
        return slv_fail(err, SLV_E_NOTFOUND, "there is no secret %s in %s", name,
                        slv_path_base(s->path));
    SLV_TRY(slv_buf_set(&s->text, slv_buf_view(&out)));
    SLV_TRY(save(s, err));
    printf("Success! Deleted secret %s\n", name);
    return SLV_OK;
}

/* ---- bulk ---- */

static slv_code bulk(secrets *s, slv_err *err)
{
    slv_node *all = NULL;
    size_t count = 0;

    SLV_TRY(slv_secret_read_bulk(s->args, &s->arena, &all, err));
    for (const slv_node *n = all->first; n; n = n->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(BULK_MAX * 2);
        bool found;

        if (n->type == SLV_NODE_NULL) {
            SLV_TRY(without(slv_buf_view(&s->text), n->key, &out, &found));
            SLV_TRY(slv_buf_set(&s->text, slv_buf_view(&out)));
        } else if (n->type == SLV_NODE_STRING) {
            SLV_TRY(set(s, n->key, n->text, err));
        } else {
            return slv_fail(err, SLV_E_INVAL, "the value for %.*s must be a string, or null",
                            SLV_STR_ARGS(n->key));
        }
        count++;
    }
    SLV_TRY(save(s, err));
    printf("%zu secret%s successfully written\n", count, count == 1 ? "" : "s");
    return SLV_OK;
}

/* ---- the verbs ---- */

static int run(const slv_args *args, slv_code (*work)(secrets *s, slv_err *err))
{
    SLV_CLEANUP(secrets_done)
    secrets s = {.args = args, .arena = SLV_ARENA(BULK_MAX * 8), .text = SLV_BUF(BULK_MAX * 2)};
    slv_err err = {0};
    slv_code code = open_secrets(&s, &err);

    if (code == SLV_OK)
        code = work(&s, &err);
    if (code == SLV_OK)
        return 0;
    err.code = code;
    return slv_cmd_fail(args->cmd, &err);
}

static bool is_remote(const slv_args *args)
{
    return slv_args_bool(args, "remote", false);
}

static int exec_put(const slv_args *args)
{
    return is_remote(args) ? slv_script_run(args, slv_secret_remote_put) : run(args, put);
}

static int exec_list(const slv_args *args)
{
    return is_remote(args) ? slv_script_run(args, slv_secret_remote_list) : run(args, list);
}

static int exec_delete(const slv_args *args)
{
    return is_remote(args) ? slv_script_run(args, slv_secret_remote_delete)
                           : run(args, delete_secret);
}

static int exec_bulk(const slv_args *args)
{
    return is_remote(args) ? slv_script_run(args, slv_secret_remote_bulk) : run(args, bulk);
}

static const slv_flag flags[] = {
    SLV_REST_FLAGS,
    {"name", SLV_FLAG_STRING, 0, "WORKER", "name of the worker, with --remote"},
    {"format", SLV_FLAG_STRING, 0, "json|pretty", "of the list"},
};

#define VERB(id, words, arguments, what, count, function)                                          \
    const slv_cmd slv_cmd_secret_##id##_verb = {                                                   \
        .name = "secret " words,                                                                   \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = flags,                                                                            \
        .flag_count = SLV_ARRAY_LEN(flags),                                                        \
        .max_positional = count,                                                                   \
        .exec = function,                                                                          \
    }

VERB(put, "put", "<name>", "set a secret of local runs; its value is typed or comes by stdin", 1,
     exec_put);
VERB(list, "list", "", "names of the secrets of local runs", 0, exec_list);
VERB(delete, "delete", "<name>", "delete a secret of local runs", 1, exec_delete);
VERB(bulk, "bulk", "[file]", "set secrets from JSON or lines NAME=value", 1, exec_bulk);
