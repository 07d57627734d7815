/*
 * analytics query: a question to what workers have counted, in SQL.
 */
#include <stdio.h>

#include "cli/exit.h"
#include "cli/rest.h"
#include "cli/verbs.h"
#include "fmt/json.h"

static slv_code query(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)256 << 20);
    slv_rest_request request = {.method = "POST", .path = SLV_STR("/analytics_engine/sql")};
    slv_rest_answer answer;
    const char *sql;
    slv_node *tree = NULL;

    SLV_TRY(slv_args_required(args, 0, "sql", &sql, err));
    SLV_TRY(slv_rest_open(args, &rest, err));
    request.body = slv_str_from(sql);
    SLV_TRY(slv_rest_call(rest, &request, &answer, err));
    SLV_TRY(slv_json_parse(answer.body, SLV_JSON_STRICT, &arena, &tree, err));
    if (answer.status >= 300) {
        const slv_node *errors = slv_node_get(tree, "errors");

        return slv_fail(
            err, SLV_E_INVAL, "%.*s",
            SLV_STR_ARGS(slv_node_str(slv_node_get(errors ? errors->first : NULL, "message"))));
    }
    slv_rest_print_json(stdout, tree);
    return SLV_OK;
}

static int query_exec(const slv_args *args)
{
    slv_err err = {0};

    return query(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag query_flags[] = {SLV_REST_FLAGS};

const slv_cmd slv_cmd_analytics_query_verb = {
    .name = "analytics query",
    .args = "<sql>",
    .usage = "ask the analytics datasets in SQL (SHOW TABLES lists them)",
    .flags = query_flags,
    .flag_count = SLV_ARRAY_LEN(query_flags),
    .max_positional = 1,
    .exec = query_exec,
};
