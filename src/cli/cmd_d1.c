/* selvage d1 create|list|info|delete, and what all verbs of D1 have in common */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/d1_int.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define TEXT_MAX ((size_t)64 << 20)

/* ---- a run ---- */

const char *slv_d1_verb_file(const d1_verb *v)
{
    (void)v;
    return "configuration";
}

/* The binding whose database_name or own name is `name`. */
static slv_code find_in_config(d1_verb *v, slv_err *err)
{
    const slv_config *c = slv_rest_config(v->rest);

    for (size_t i = 0; c && i < c->bindings.len; i++) {
        const slv_binding *b = &c->bindings.items[i];
        slv_node *table = NULL;

        if (b->type != SLV_BINDING_D1)
            continue;
        SLV_TRY(slv_json_parse(b->options, SLV_JSON_STRICT, &v->arena, &table, err));
        if (!slv_str_is(b->name, v->name) &&
            !slv_str_is(slv_node_str(slv_node_get(table, "database_name")), v->name))
            continue;
        v->id = b->id;
        v->options = table;
        return SLV_OK;
    }
    v->id = slv_str_from(v->name);
    return SLV_OK;
}

static slv_code run(d1_verb *v, int needs, slv_code (*work)(d1_verb *v, slv_err *err), slv_err *err)
{
    if (needs)
        SLV_TRY(slv_args_required(v->args, 0, "the database's name or binding", &v->name, err));
    if (slv_args_bool(v->args, "local", false) && slv_args_bool(v->args, "remote", false))
        return slv_fail(err, SLV_E_INVAL, "can't use --local and --remote at the same time");
    SLV_TRY(slv_rest_open(v->args, &v->rest, err));
    if (needs)
        SLV_TRY(find_in_config(v, err));
    return work(v, err);
}

int slv_d1_verb_run(const slv_args *args, int needs, slv_code (*work)(d1_verb *v, slv_err *err))
{
    d1_verb v = {.args = args,
                 .arena = SLV_ARENA(TEXT_MAX),
                 .path = SLV_BUF(1 << 16),
                 .body = SLV_BUF(TEXT_MAX)};
    slv_err err = {0};
    slv_code code = run(&v, needs, work, &err);

    if (code == SLV_E_NOTFOUND && err.detail == 7404)
        (void)slv_fail(&err, code,
                       "Couldn't find a D1 DB with the name or binding '%s' in your %s file.",
                       v.name, slv_d1_verb_file(&v));
    (void)slv_rest_free(v.rest);
    slv_buf_done(&v.path);
    slv_buf_done(&v.body);
    slv_arena_done(&v.arena);
    if (code == SLV_OK)
        return 0;
    err.code = code;
    int status = slv_cmd_fail(args->cmd, &err);
    return err.detail == 7500 ? 1 : status; /* SQL that failed is no wrong use of the verb */
}

slv_code slv_d1_verb_path(d1_verb *v, const char *rest, slv_err *err)
{
    (void)err;
    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/d1/database/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, v->id));
    SLV_TRY(slv_buf_append(&v->path, slv_str_from(rest)));
    if (!v->options)
        return SLV_OK;
    return slv_buf_append(&v->path,
                          strchr(rest, '?') ? SLV_STR("&create=1") : SLV_STR("?create=1"));
}

slv_str slv_d1_verb_option(const d1_verb *v, const char *key, const char *otherwise)
{
    slv_str text = slv_node_str(slv_node_get(v->options, key));

    return text.len > 0 ? text : slv_str_from(otherwise);
}

/* The text without the one transaction that dumps of SQLite stand in: there is one around all of
 * it. */
static slv_code without_transaction(slv_str sql, slv_buf *out)
{
    static const char *const words[] = {"BEGIN TRANSACTION;", "COMMIT;"};
    size_t from = 0;

    if (slv_str_find(sql, slv_str_from(words[0]), 0) == SIZE_MAX)
        return slv_buf_append(out, sql);
    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++) {
        size_t at = slv_str_find(sql, slv_str_from(words[i]), from);

        if (at == SIZE_MAX)
            continue;
        SLV_TRY(slv_buf_append(out, slv_str_sub(sql, from, at)));
        from = at + strlen(words[i]);
    }
    return slv_buf_append(out, slv_str_skip(sql, from));
}

slv_code slv_d1_verb_query(d1_verb *v, slv_str sql, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);

    slv_buf_reset(&v->body);
    SLV_TRY(without_transaction(sql, &text));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"sql\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_buf_view(&text)));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    SLV_TRY(slv_d1_verb_path(v, "/query", err));
    return slv_rest_json(v->rest, "POST", slv_buf_view(&v->path), slv_buf_view(&v->body), ret, err);
}

bool slv_d1_verb_confirm(bool sure, const char *question)
{
    char line[64] = "";

    if (sure || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || getenv("CI"))
        return true;
    printf("%s (y/n) ", question);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* ---- create, list, info, delete ---- */

static slv_code create(d1_verb *v, slv_err *err)
{
    slv_node *db = NULL;

    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_str_from(v->name)));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    SLV_TRY(
        slv_rest_json(v->rest, "POST", SLV_STR("/d1/database"), slv_buf_view(&v->body), &db, err));
    slv_str name = slv_node_str(slv_node_get(db, "name")),
            id = slv_node_str(slv_node_get(db, "uuid"));
    printf("\xe2\x9c\x85 Successfully created DB '%.*s'\n"
           "Created your new D1 database.\n\n"
           "{\n  \"d1_databases\": [\n    {\n      \"binding\": \"DB\",\n"
           "      \"database_name\": \"%.*s\",\n      \"database_id\": \"%.*s\"\n    }\n  ]\n}\n",
           SLV_STR_ARGS(name), SLV_STR_ARGS(name), SLV_STR_ARGS(id));
    return SLV_OK;
}

/* A database that a configuration made knows no name of its own: it has the configuration's. */
static slv_code name_by_config(d1_verb *v, slv_node *db, slv_err *err)
{
    const slv_config *c = slv_rest_config(v->rest);
    slv_node *name = slv_node_get(db, "name");
    slv_str id = slv_node_str(slv_node_get(db, "uuid"));

    if (!name || !slv_str_eq(name->text, id))
        return SLV_OK;
    for (size_t i = 0; c && i < c->bindings.len; i++) {
        const slv_binding *b = &c->bindings.items[i];
        slv_node *table = NULL;

        if (b->type != SLV_BINDING_D1 || !slv_str_eq(b->id, id))
            continue;
        SLV_TRY(slv_json_parse(b->options, SLV_JSON_STRICT, &v->arena, &table, err));
        if (slv_node_get(table, "database_name"))
            name->text = slv_node_str(slv_node_get(table, "database_name"));
    }
    return SLV_OK;
}

static slv_code list(d1_verb *v, slv_err *err)
{
    slv_node *all = NULL;

    SLV_TRY(slv_rest_json(v->rest, "GET", SLV_STR("/d1/database"), SLV_STR(""), &all, err));
    for (slv_node *db = all->first; db; db = db->next)
        SLV_TRY(name_by_config(v, db, err));
    if (slv_args_bool(v->args, "json", false))
        slv_rest_print_json(stdout, all);
    else
        slv_table_print_rows(all, stdout);
    return SLV_OK;
}

static slv_code info(d1_verb *v, slv_err *err)
{
    static const char *const columns[] = {"", ""};
    slv_node *db = NULL;

    SLV_TRY(slv_d1_verb_path(v, "", err));
    SLV_TRY(slv_rest_json(v->rest, "GET", slv_buf_view(&v->path), SLV_STR(""), &db, err));
    SLV_TRY(name_by_config(v, db, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, db);
        return SLV_OK;
    }
    SLV_CLEANUP(slv_table_free) slv_table *t = slv_table_new(columns, 2);
    for (const slv_node *n = db->first; n; n = n->next) {
        const slv_str cells[2] = {
            slv_str_is(n->key, "file_size") ? SLV_STR("database_size") : n->key, n->text};

        if (!slv_str_is(n->key, "version"))
            slv_table_row(t, cells);
    }
    slv_table_print(t, stdout);
    return SLV_OK;
}

static slv_code delete (d1_verb *v, slv_err *err)
{
    slv_node *ignored;

    printf("About to delete database DB '%s' (%.*s).\n"
           "This action is irreversible and will permanently delete all data in the database.\n\n",
           v->name, SLV_STR_ARGS(v->id));
    if (!slv_d1_verb_confirm(slv_args_bool(v->args, "skip-confirmation", false),
                             "Ok to proceed?")) {
        printf("Not deleting.\n");
        return SLV_OK;
    }
    printf("Deleting...\n");
    v->options = NULL; /* what is not there is not made */
    SLV_TRY(slv_d1_verb_path(v, "", err));
    SLV_TRY(slv_rest_json(v->rest, "DELETE", slv_buf_view(&v->path), SLV_STR(""), &ignored, err));
    printf("Deleted '%s' successfully.\n", v->name);
    return SLV_OK;
}

static int exec_create(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, create);
}
static int exec_list(const slv_args *args)
{
    return slv_d1_verb_run(args, 0, list);
}
static int exec_info(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, info);
}
static int exec_delete(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, delete);
}

static const slv_flag create_flags[] = {
    {"location", SLV_FLAG_STRING, 0, "REGION", NULL},
    {"jurisdiction", SLV_FLAG_STRING, 0, "NAME", NULL},
    {"use-remote", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"update-config", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"binding", SLV_FLAG_STRING, 0, "NAME", NULL},
    SLV_REST_FLAGS,
};
static const slv_flag json_flags[] = {
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    SLV_REST_FLAGS,
};
static const slv_flag delete_flags[] = {
    {"skip-confirmation", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    SLV_REST_FLAGS,
};

#define VERB(id, what, flags_of, arguments, count, run)                                            \
    const slv_cmd slv_cmd_d1_##id##_verb = {                                                       \
        .name = "d1 " #id,                                                                         \
        .args = arguments,                                                                         \
        .usage = what,                                                                             \
        .flags = flags_of,                                                                         \
        .flag_count = SLV_ARRAY_LEN(flags_of),                                                     \
        .max_positional = count,                                                                   \
        .exec = run,                                                                               \
    }

VERB(create, "make a database", create_flags, "<name>", 1, exec_create);
VERB(list, "list databases", json_flags, "", 0, exec_list);
VERB(info, "what is known of a database", json_flags, "<name>", 1, exec_info);
VERB(delete, "delete a database and all of its data", delete_flags, "<name>", 1, exec_delete);
