/* selvage d1 execute|export */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/d1_int.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "fmt/json.h"

/* A file up to this size is run like a command, and its rows are shown; a larger one is streamed.
 */
#define FILE_SHOWN_MAX ((off_t)4 << 20)

/* ---- execute ---- */

/* A value as wrangler shows it: bytes as "[1, 2]". */
static slv_code put_value(slv_buf *out, const slv_node *v)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 20);

    if (v->type != SLV_NODE_ARRAY)
        return slv_json_put(out, v);
    SLV_TRY(slv_buf_append_byte(&text, '['));
    for (const slv_node *n = v->first; n; n = n->next)
        SLV_TRY(slv_buf_printf(&text, "%s%.*s", n == v->first ? "" : ", ", SLV_STR_ARGS(n->text)));
    SLV_TRY(slv_buf_append_byte(&text, ']'));
    return slv_json_put_string(out, slv_buf_view(&text));
}

static slv_code put_row(slv_buf *out, const slv_node *row)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (const slv_node *v = row->first; v; v = v->next) {
        SLV_TRY(slv_json_put_string(out, v->key));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(put_value(out, v));
        if (v->next)
            SLV_TRY(slv_buf_append_byte(out, ','));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code put_result(slv_buf *out, const slv_node *result)
{
    const slv_node *rows = slv_node_get(result, "results"),
                   *duration = slv_node_get(slv_node_get(result, "meta"), "duration");

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"results\":[")));
    for (const slv_node *row = rows ? rows->first : NULL; row; row = row->next) {
        SLV_TRY(put_row(out, row));
        if (row->next)
            SLV_TRY(slv_buf_append_byte(out, ','));
    }
    return slv_buf_printf(out, "],\"success\":true,\"meta\":{\"duration\":%.*s}}",
                          duration ? (int)duration->text.len : 1,
                          duration ? duration->text.ptr : "0");
}

/* The results as `wrangler d1 execute --json` shapes them. */
static slv_code shape(d1_verb *v, const slv_node *results, slv_node **ret, slv_err *err)
{
    slv_buf_reset(&v->body);
    SLV_TRY(slv_buf_append_byte(&v->body, '['));
    for (const slv_node *r = results->first; r; r = r->next) {
        SLV_TRY(put_result(&v->body, r));
        if (r->next)
            SLV_TRY(slv_buf_append_byte(&v->body, ','));
    }
    SLV_TRY(slv_buf_append_byte(&v->body, ']'));
    return slv_json_parse(slv_buf_view(&v->body), SLV_JSON_STRICT, &v->arena, ret, err);
}

static slv_code show(d1_verb *v, const slv_node *results, bool json, slv_err *err)
{
    slv_node *shaped = NULL;

    SLV_TRY(shape(v, results, &shaped, err));
    if (!json)
        printf("\xf0\x9f\x9a\xa3 %zu command%s executed successfully.\n", shaped->count,
               shaped->count == 1 ? "" : "s");
    if (json || !isatty(STDOUT_FILENO)) {
        slv_rest_print_json(stdout, shaped);
        return SLV_OK;
    }
    for (const slv_node *r = shaped->first; r; r = r->next) {
        const slv_node *rows = slv_node_get(r, "results");

        if (rows && rows->count > 0)
            slv_table_print_rows(rows, stdout);
    }
    return SLV_OK;
}

static slv_code refuse_binary(FILE *file, const char *path, slv_err *err)
{
    static const char magic[] = "SQLite format 3";
    char head[sizeof magic];
    size_t n = fread(head, 1, sizeof head, file);

    rewind(file);
    if (n == sizeof head && memcmp(head, magic, sizeof magic) == 0)
        return slv_fail(err, SLV_E_INVAL,
                        "Provided file is a binary SQLite database file instead of an SQL text "
                        "file. The execute command can only process SQL text files. Please export "
                        "an SQL file from your SQLite database and try again: %s",
                        path);
    return SLV_OK;
}

/* Streams the file to whoever has the stores, which runs it statement by statement. */
static slv_code import_file(d1_verb *v, FILE *file, off_t size, bool json, slv_err *err)
{
    slv_rest_answer answer;
    slv_node *root = NULL;

    SLV_TRY(slv_d1_verb_path(v, "/upload/direct", err));
    const slv_rest_request request = {.method = "PUT",
                                      .path = slv_buf_view(&v->path),
                                      .from = file,
                                      .from_length = size,
                                      .progress = json ? NULL : "Importing"};
    SLV_TRY(slv_rest_call(v->rest, &request, &answer, err));
    SLV_TRY(slv_json_parse(answer.body, SLV_JSON_STRICT, &v->arena, &root, err));
    if (answer.status >= 300) {
        const slv_node *errors = slv_node_get(root, "errors");
        slv_str text = slv_node_str(slv_node_get(errors ? errors->first : NULL, "message"));

        return slv_fail(err, SLV_E_INVAL, "%.*s", SLV_STR_ARGS(text));
    }
    const slv_node *done = slv_node_get(slv_node_get(root, "result"), "result"),
                   *meta = slv_node_get(done, "meta");
#define FIGURE(of, name) SLV_STR_ARGS(slv_node_get(of, name)->text)
    if (!done || !meta)
        return slv_fail(err, SLV_E_PROTOCOL, "the answer tells nothing of the import");
    if (json) {
        slv_buf_reset(&v->body);
        SLV_TRY(slv_buf_printf(
            &v->body,
            "[{\"results\":[{\"Total queries executed\":%.*s,\"Rows read\":%.*s,\"Rows "
            "written\":%.*s,\"Database size (bytes)\":%.*s}],\"success\":true,"
            "\"meta\":{\"duration\":%.*s}}]",
            FIGURE(done, "num_queries"), FIGURE(meta, "rows_read"), FIGURE(meta, "rows_written"),
            FIGURE(meta, "size_after"), FIGURE(meta, "duration")));
        SLV_TRY(slv_json_parse(slv_buf_view(&v->body), SLV_JSON_STRICT, &v->arena, &root, err));
        slv_rest_print_json(stdout, root);
        return SLV_OK;
    }
    printf("\xf0\x9f\x9a\xa3 Executed %.*s queries in %.*sms (%.*s rows read, %.*s rows written)\n"
           "   Database is currently %.*s bytes large\n",
           FIGURE(done, "num_queries"), FIGURE(meta, "duration"), FIGURE(meta, "rows_read"),
           FIGURE(meta, "rows_written"), FIGURE(meta, "size_after"));
    return SLV_OK;
#undef FIGURE
}

static slv_code execute_file(d1_verb *v, const char *path, bool json, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)FILE_SHOWN_MAX + 1);
    FILE *file = fopen(path, "rb");
    struct stat st;
    slv_node *results = NULL;
    slv_code code;

    if (!file || fstat(fileno(file), &st) != 0) {
        code = slv_fail_errno(err, SLV_E_INVAL, "%s", path);
        if (file)
            (void)fclose(file);
        return code;
    }
    code = refuse_binary(file, path, err);
    if (code == SLV_OK && st.st_size > FILE_SHOWN_MAX)
        code = import_file(v, file, st.st_size, json, err);
    else if (code == SLV_OK && (code = slv_file_read(path, &text, err)) == SLV_OK &&
             (code = slv_d1_verb_query(v, slv_buf_view(&text), &results, err)) == SLV_OK)
        code = show(v, results, json, err);
    (void)fclose(file);
    return code;
}

static slv_code execute(d1_verb *v, slv_err *err)
{
    const char *command = slv_args_string(v->args, "command"),
               *file = slv_args_string(v->args, "file");
    bool json = slv_args_bool(v->args, "json", false);
    slv_node *results = NULL;
    slv_code code = SLV_OK;

    if (command && file)
        return slv_fail(err, SLV_E_INVAL, "Error: can't provide both --command and --file.");
    if (!command && !file)
        return slv_fail(err, SLV_E_INVAL, "Error: must provide --command or --file.");
    if (!json)
        printf("\xf0\x9f\x8c\x80 Executing on local database %s (%.*s):\n", v->name,
               SLV_STR_ARGS(v->id));
    if (file)
        code = execute_file(v, file, json, err);
    else if ((code = slv_d1_verb_query(v, slv_str_from(command), &results, err)) == SLV_OK)
        code = show(v, results, json, err);
    if (code == SLV_OK || !json)
        return code;
    /* A program reads the failure where it would have read the rows. */
    slv_buf_reset(&v->body);
    if (slv_json_put_string(&v->body, slv_str_from(slv_err_text(err))) == SLV_OK)
        printf("{\n  \"error\": {\n    \"text\": %.*s\n  }\n}\n",
               SLV_STR_ARGS(slv_buf_view(&v->body)));
    return code;
}

static int exec_execute(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, execute);
}

/* ---- export ---- */

static slv_code export_to(d1_verb *v, slv_err *err)
{
    const char *output = slv_args_string(v->args, "output"), *table;
    bool no_schema =
        !slv_args_bool(v->args, "schema", true) || slv_args_bool(v->args, "no-schema", false);
    bool no_data =
        !slv_args_bool(v->args, "data", true) || slv_args_bool(v->args, "no-data", false);
    struct stat st;
    slv_rest_answer answer;

    if (!output)
        return slv_fail(err, SLV_E_INVAL, "--output is needed: the file to write");
    if (no_schema && no_data)
        return slv_fail(err, SLV_E_INVAL, "You cannot specify both --no-schema and --no-data");
    if (stat(output, &st) == 0 && S_ISDIR(st.st_mode))
        return slv_fail(err, SLV_E_INVAL,
                        "Please specify a file path for --output, not a directory.");
    printf("\xf0\x9f\x8c\x80 Exporting local database %s (%.*s):\n", v->name, SLV_STR_ARGS(v->id));
    SLV_TRY(slv_d1_verb_path(v,
                             no_schema ? "/dump?no_schema=1"
                             : no_data ? "/dump?no_data=1"
                                       : "/dump?no_data=0",
                             err));
    for (size_t i = 0; (table = slv_args_item(v->args, "table", i)); i++) {
        SLV_TRY(slv_buf_append(&v->path, SLV_STR("&table=")));
        SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(table)));
    }
    FILE *file = fopen(output, "wb");
    if (!file)
        return slv_fail_errno(err, SLV_E_INVAL, "%s", output);
    const slv_rest_request request = {
        .method = "GET", .path = slv_buf_view(&v->path), .into = file, .progress = "Exporting"};
    slv_code code = slv_rest_call(v->rest, &request, &answer, err);
    if (fclose(file) != 0 && code == SLV_OK)
        code = slv_fail_errno(err, SLV_E_IO, "%s", output);
    if (code == SLV_OK && answer.status >= 300) {
        slv_node *root = NULL;
        const slv_node *errors;

        SLV_TRY(slv_json_parse(answer.body, SLV_JSON_STRICT, &v->arena, &root, err));
        errors = slv_node_get(root, "errors");
        code = slv_fail(
            err, answer.status == 404 ? SLV_E_NOTFOUND : SLV_E_INVAL, "%.*s",
            SLV_STR_ARGS(slv_node_str(slv_node_get(errors ? errors->first : NULL, "message"))));
    }
    if (code != SLV_OK)
        (void)unlink(output);
    else
        printf("Done!\n");
    return code;
}

static int exec_export(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, export_to);
}

static const slv_flag execute_flags[] = {
    {"command", SLV_FLAG_STRING, 0, "SQL",
     "what to execute; several statements are separated by ;"},
    {"file", SLV_FLAG_STRING, 0, "FILE", "file of SQL to execute"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    {"yes", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    {"preview", SLV_FLAG_BOOL, 0, NULL, NULL},
    SLV_REST_FLAGS,
};
static const slv_flag export_flags[] = {
    {"output", SLV_FLAG_STRING, 0, "FILE", "file of SQL to write"},
    {"table", SLV_FLAG_LIST, 0, "NAME", "tables to export (all)"},
    {"schema", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"data", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"no-schema", SLV_FLAG_BOOL, 0, NULL, "only the rows"},
    {"no-data", SLV_FLAG_BOOL, 0, NULL, "only the schema"},
    {"skip-confirmation", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    SLV_REST_FLAGS,
};

const slv_cmd slv_cmd_d1_execute_verb = {
    .name = "d1 execute",
    .args = "<database>",
    .usage = "execute SQL",
    .flags = execute_flags,
    .flag_count = SLV_ARRAY_LEN(execute_flags),
    .max_positional = 1,
    .exec = exec_execute,
};
const slv_cmd slv_cmd_d1_export_verb = {
    .name = "d1 export",
    .args = "<database>",
    .usage = "write a database as SQL",
    .flags = export_flags,
    .flag_count = SLV_ARRAY_LEN(export_flags),
    .max_positional = 1,
    .exec = exec_export,
};
