/* selvage d1 insights */
#include <stdio.h>

#include "base/clock.h"
#include "cli/d1_int.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define PERIOD_MAX_MS ((uint64_t)31 * 24 * 3600 * 1000)

/* "1d", "12h", "30m": how far back. */
static slv_code read_period(const char *text, uint64_t *ret_ms, slv_err *err)
{
    slv_str s = slv_str_from(text);
    uint64_t n = 0, unit = 0;

    if (s.len > 1) {
        char last = s.ptr[s.len - 1];

        unit = last == 'd' ? 86400000u : last == 'h' ? 3600000u : last == 'm' ? 60000u : 0u;
    }
    if (unit == 0 || slv_parse_u64(slv_str_sub(s, 0, s.len - 1), &n) != SLV_OK || n == 0 ||
        n > PERIOD_MAX_MS / unit)
        return slv_fail(err, SLV_E_INVAL,
                        "--time-period must be a number and d, h or m, at most 31d: '%s'", text);
    *ret_ms = n * unit;
    return SLV_OK;
}

static const char *choice(const slv_args *args, const char *flag, const char *const *from,
                          size_t count, slv_err *err)
{
    const char *given = slv_args_string(args, flag);

    if (!given)
        return from[0];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(given, from[i]) == 0)
            return from[i];
    }
    slv_fail(err, SLV_E_INVAL, "--%s cannot be '%s'", flag, given);
    return NULL;
}

static slv_code put_order(const slv_args *args, slv_buf *out, slv_err *err)
{
    static const char *const types[] = {"sum", "avg"},
                             *const bys[] = {"time", "reads", "writes", "count"},
                             *const ways[] = {"DESC", "ASC"};
    static const char *const fields[] = {"queryDurationMs", "rowsRead", "rowsWritten"};
    const char *type = choice(args, "sort-type", types, SLV_ARRAY_LEN(types), err);
    const char *by = type ? choice(args, "sort-by", bys, SLV_ARRAY_LEN(bys), err) : NULL;
    const char *way = by ? choice(args, "sort-direction", ways, SLV_ARRAY_LEN(ways), err) : NULL;

    if (!way)
        return SLV_E_INVAL;
    for (size_t i = 0; i < SLV_ARRAY_LEN(fields); i++) {
        if (strcmp(by, bys[i]) == 0)
            return slv_buf_printf(out, "%s_%s_%s", type, fields[i], way);
    }
    return slv_buf_printf(out, "count_%s", way);
}

static double number_of(const slv_node *group, const char *part, const char *name)
{
    double v = 0;

    (void)slv_node_f64(slv_node_get(part ? slv_node_get(group, part) : group, name), &v);
    return v;
}

/* The members and their order are those that wrangler prints. */
static slv_code print_group(const slv_node *g, bool first)
{
    SLV_CLEANUP(slv_buf_done) slv_buf query = SLV_BUF((size_t)64 << 10);
    slv_str text = slv_node_str(slv_node_get(slv_node_get(g, "dimensions"), "query"));
    double read = number_of(g, "avg", "rowsRead"), given = number_of(g, "avg", "rowsReturned");

    SLV_TRY(slv_json_put_string(&query, text));
    printf("%s\n  {\n    \"query\": %.*s,\n", first ? "" : ",", SLV_STR_ARGS(slv_buf_view(&query)));
    printf("    \"avgRowsRead\": %.10g,\n    \"totalRowsRead\": %.15g,\n", read,
           number_of(g, "sum", "rowsRead"));
    printf("    \"avgRowsWritten\": %.10g,\n    \"totalRowsWritten\": %.15g,\n",
           number_of(g, "avg", "rowsWritten"), number_of(g, "sum", "rowsWritten"));
    printf("    \"avgDurationMs\": %.10g,\n    \"totalDurationMs\": %.15g,\n",
           number_of(g, "avg", "queryDurationMs"), number_of(g, "sum", "queryDurationMs"));
    printf("    \"numberOfTimesRun\": %.15g,\n    \"queryEfficiency\": %.10g\n  }",
           number_of(g, NULL, "count"), read > 0 && given > 0 ? given / read : 0);
    return SLV_OK;
}

static slv_code insights(d1_verb *v, slv_err *err)
{
    const char *period = slv_args_string(v->args, "time-period");
    slv_node *result = NULL;
    uint64_t back, limit;
    int64_t now = slv_clock_wall_ms();

    SLV_TRY(read_period(period ? period : "1d", &back, err));
    SLV_TRY(slv_args_number(v->args, slv_args_has(v->args, "limit") ? "limit" : "count", 1, 10000,
                            5, &limit, err));
    SLV_TRY(slv_d1_verb_path(v, "/insights", err));
    SLV_TRY(slv_buf_printf(&v->path, "%sfrom=%lld&to=%lld&limit=%llu&order=",
                           slv_str_chr(slv_buf_view(&v->path), '?', 0) == SIZE_MAX ? "?" : "&",
                           (long long)(now - (int64_t)back), (long long)now,
                           (unsigned long long)limit));
    SLV_TRY(put_order(v->args, &v->path, err));
    SLV_TRY(slv_rest_json(v->rest, "GET", slv_buf_view(&v->path), SLV_STR(""), &result, err));
    bool first = true;
    printf("[");
    for (const slv_node *g = result->first; g; g = g->next) {
        SLV_TRY(print_group(g, first));
        first = false;
    }
    printf("%s]\n", first ? "" : "\n");
    return SLV_OK;
}

static int exec_insights(const slv_args *args)
{
    return slv_d1_verb_run(args, 1, insights);
}

static const slv_flag flags[] = {
    {"time-period", SLV_FLAG_STRING, 0, "PERIOD", "how far back: 1d (the default), 12h, 30m"},
    {"sort-type", SLV_FLAG_STRING, 0, "TYPE", "sum (the default) or avg"},
    {"sort-by", SLV_FLAG_STRING, 0, "FIELD", "time (the default), reads, writes or count"},
    {"sort-direction", SLV_FLAG_STRING, 0, "WAY", "DESC (the default) or ASC"},
    {"limit", SLV_FLAG_NUMBER, 0, "N", "how many statements (5)"},
    {"count", SLV_FLAG_NUMBER, 0, "N", NULL},
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON (always so)"},
    SLV_REST_FLAGS,
};

const slv_cmd slv_cmd_d1_insights_verb = {
    .name = "d1 insights",
    .args = "<database>",
    .usage = "what the statements of a database cost",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 1,
    .exec = exec_insights,
};
