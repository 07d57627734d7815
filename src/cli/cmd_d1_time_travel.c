/* selvage d1 time-travel info|restore */
#include <stdio.h>

#include "cli/d1_int.h"
#include "cli/verbs.h"

static slv_code add_query(d1_verb *v, const char *name, const char *value)
{
    SLV_TRY(slv_buf_printf(
        &v->path, "%s%s=", slv_str_chr(slv_buf_view(&v->path), '?', 0) == SIZE_MAX ? "?" : "&",
        name));
    return slv_rest_put_escaped(&v->path, slv_str_from(value));
}

static slv_code info(d1_verb *v, slv_err *err)
{
    const char *timestamp = slv_args_string(v->args, "timestamp");
    slv_node *result = NULL;

    SLV_TRY(slv_d1_verb_path(v, "/time_travel/bookmark", err));
    if (timestamp)
        SLV_TRY(add_query(v, "timestamp", timestamp));
    SLV_TRY(slv_rest_json(v->rest, "GET", slv_buf_view(&v->path), SLV_STR(""), &result, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, result);
        return SLV_OK;
    }
    slv_str mark = slv_node_str(slv_node_get(result, "bookmark"));
    printf("\xf0\x9f\x9a\xa7 Time Traveling...\n");
    if (timestamp)
        printf("\xe2\x9a\xa0\xef\xb8\x8f Timestamp '%s' corresponds with bookmark '%.*s'\n",
               timestamp, SLV_STR_ARGS(mark));
    else
        printf("\xe2\x9a\xa0\xef\xb8\x8f The current bookmark is '%.*s'\n", SLV_STR_ARGS(mark));
    printf("\xe2\x9a\xa1\xef\xb8\x8f To restore to this specific bookmark, run:\n"
           " `selvage d1 time-travel restore %s --bookmark=%.*s`\n",
           v->name, SLV_STR_ARGS(mark));
    return SLV_OK;
}

static slv_code restore(d1_verb *v, slv_err *err)
{
    const char *timestamp = slv_args_string(v->args, "timestamp"),
               *bookmark = slv_args_string(v->args, "bookmark");
    bool json = slv_args_bool(v->args, "json", false);
    slv_node *result = NULL;

    if (timestamp && bookmark)
        return slv_fail(err, SLV_E_INVAL, "Provide either a timestamp, or a bookmark - not both.");
    if (!timestamp && !bookmark)
        return slv_fail(err, SLV_E_INVAL, "Provide either a timestamp or a bookmark");
    if (!json) {
        printf("\xf0\x9f\x9a\xa7 Restoring database %s from %s %s\n", v->name,
               bookmark ? "bookmark" : "timestamp", bookmark ? bookmark : timestamp);
        printf("\xe2\x9a\xa0\xef\xb8\x8f This will overwrite all data in database %s.\n"
               "In-flight queries and transactions will be cancelled.\n",
               v->name);
        if (!slv_d1_verb_confirm(slv_args_bool(v->args, "yes", false), "OK to proceed"))
            return SLV_OK;
        printf("\xe2\x9a\xa1\xef\xb8\x8f Time travel in progress...\n");
    }
    SLV_TRY(slv_d1_verb_path(v, "/time_travel/restore", err));
    SLV_TRY(add_query(v, bookmark ? "bookmark" : "timestamp", bookmark ? bookmark : timestamp));
    SLV_TRY(slv_rest_json(v->rest, "POST", slv_buf_view(&v->path), SLV_STR(""), &result, err));
    if (json) {
        slv_rest_print_json(stdout, result);
        return SLV_OK;
    }
    slv_str now = slv_node_str(slv_node_get(result, "bookmark")),
            before = slv_node_str(slv_node_get(result, "previous_bookmark"));
    printf("\xe2\x9c\x85 Database %s restored back to bookmark %.*s\n"
           "\xe2\x86\xa9\xef\xb8\x8f To undo this operation, you can restore to the previous "
           "bookmark: %.*s\n",
           v->name, SLV_STR_ARGS(now), SLV_STR_ARGS(before));
    return SLV_OK;
}

static int exec_info(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, info);
}
static int exec_restore(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, restore);
}

static const slv_flag info_flags[] = {
    {"timestamp", SLV_FLAG_STRING, 0, "TIME", "seconds since 1970, or 2026-07-13T08:46:42Z"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    SLV_REST_FLAGS,
};
static const slv_flag restore_flags[] = {
    {"bookmark", SLV_FLAG_STRING, 0, "MARK", "where to go back to"},
    {"timestamp", SLV_FLAG_STRING, 0, "TIME", "seconds since 1970, or 2026-07-13T08:46:42Z"},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
    {"yes", SLV_FLAG_BOOL, 'y', NULL, "do not ask"},
    SLV_REST_FLAGS,
};

const slv_cmd slv_cmd_d1_time_travel_info_verb = {
    .name = "d1 time-travel info",
    .args = "<database>",
    .usage = "where a database stands, or stood",
    .flags = info_flags,
    .flag_count = SLV_ARRAY_LEN(info_flags),
    .max_positional = 1,
    .exec = exec_info,
};
const slv_cmd slv_cmd_d1_time_travel_restore_verb = {
    .name = "d1 time-travel restore",
    .args = "<database>",
    .usage = "make a database what it was",
    .flags = restore_flags,
    .flag_count = SLV_ARRAY_LEN(restore_flags),
    .max_positional = 1,
    .exec = exec_restore,
};
