#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "fmt/json.h"
#include "meter/analytics_int.h"

#define PROGRESS_STEP 10000

typedef struct question {
    int64_t now_s;
    unsigned steps; /* of PROGRESS_STEP instructions */
} question;

/* ---- what a question may do ---- */

static const char *const functions[] = {
    "abs",
    "argmax",
    "argmin",
    "avg",
    "ceil",
    "coalesce",
    "concat",
    "count",
    "exp",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "intdiv",
    "length",
    "like",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "now",
    "nullif",
    "pow",
    "power",
    "replace",
    "round",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "todatetime",
    "tostartofinterval",
    "tounixtimestamp",
    "total",
    "touint32",
    "trim",
    "trunc",
    "typeof",
    "upper",
    "row_number",
    "rank",
    "dense_rank",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "ntile",
    "nth_value",
};

static int authorize(void *arg, int action, const char *a, const char *b, const char *db,
                     const char *trigger)
{
    (void)arg;
    (void)db;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
        return SQLITE_OK;
    case SQLITE_READ: /* common tables of the question's own come with another name, or none */
        return a && (strncmp(a, "sqlite_", 7) == 0 || strncmp(a, "pragma_", 7) == 0) ? SQLITE_DENY
                                                                                     : SQLITE_OK;
    case SQLITE_FUNCTION:
        for (size_t i = 0; b && i < SLV_ARRAY_LEN(functions); i++) {
            if (sqlite3_stricmp(b, functions[i]) == 0)
                return SQLITE_OK;
        }
        return SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int on_progress(void *arg)
{
    question *q = arg;

    return ++q->steps > SLV_ANALYTICS_WORK_MAX / PROGRESS_STEP;
}

/* ---- functions of the platform's dialect ---- */

static void fn_now(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    question *q = sqlite3_user_data(ctx);

    (void)n;
    (void)v;
    sqlite3_result_int64(ctx, q->now_s);
}

/* "2024-01-31 12:30:00" or a number of seconds. */
static void fn_to_time(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tm tm = {0};
    const char *text = (const char *)sqlite3_value_text(v[0]);

    (void)n;
    if (sqlite3_value_type(v[0]) != SQLITE_TEXT || !text) {
        sqlite3_result_value(ctx, v[0]);
    } else if (strptime(text, "%Y-%m-%d %H:%M:%S", &tm) || strptime(text, "%Y-%m-%d", &tm)) {
        sqlite3_result_int64(ctx, timegm(&tm));
    } else {
        sqlite3_result_error(ctx, "toDateTime: the text is no time", -1);
    }
}

static void fn_to_start(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    int64_t at = sqlite3_value_int64(v[0]), step = sqlite3_value_int64(v[1]);

    (void)n;
    if (step > 0)
        sqlite3_result_int64(ctx, at - at % step);
    else
        sqlite3_result_error(ctx, "toStartOfInterval: the interval must be longer than nothing",
                             -1);
}

static void fn_int_div(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    double a = sqlite3_value_double(v[0]), b = sqlite3_value_double(v[1]);
    double r = b == 0 ? 0 : trunc(a / b);

    (void)n;
    if (b == 0 || fabs(r) > 9e15)
        sqlite3_result_error(ctx, "intDiv: division by zero, or too large", -1);
    else
        sqlite3_result_int64(ctx, (int64_t)r);
}

static void fn_if(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void)n;
    sqlite3_result_value(ctx, sqlite3_value_double(v[0]) != 0 ? v[1] : v[2]);
}

static bool add_functions(sqlite3 *db, question *q)
{
    static const struct {
        const char *name;
        int n;
        void (*fn)(sqlite3_context *, int, sqlite3_value **);
    } rows[] = {
        {"now", 0, fn_now},
        {"toDateTime", 1, fn_to_time},
        {"toUnixTimestamp", 1, fn_to_time},
        {"toUInt32", 1, fn_to_time},
        {"toStartOfInterval", 2, fn_to_start},
        {"intDiv", 2, fn_int_div},
        {"if", 3, fn_if},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        if (sqlite3_create_function_v2(db, rows[i].name, rows[i].n, SQLITE_UTF8, q, rows[i].fn,
                                       NULL, NULL, NULL) != SQLITE_OK)
            return false;
    }
    return true;
}

/* ---- answers ---- */

static bool is_time(sqlite3_stmt *st, int i)
{
    const char *name = sqlite3_column_name(st, i);

    return name && sqlite3_stricmp(name, "timestamp") == 0;
}

static const char *type_of(sqlite3_stmt *st, int i, bool any)
{
    if (is_time(st, i))
        return "DateTime";
    switch (any ? sqlite3_column_type(st, i) : SQLITE_TEXT) {
    case SQLITE_INTEGER:
        return "Int64";
    case SQLITE_FLOAT:
        return "Float64";
    default:
        return "String";
    }
}

static slv_code put_meta(sqlite3_stmt *st, bool any, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"meta\":[")));
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        SLV_TRY(slv_buf_append(out, i ? SLV_STR(",{\"name\":") : SLV_STR("{\"name\":")));
        SLV_TRY(slv_json_put_string(out, slv_str_from(sqlite3_column_name(st, i))));
        SLV_TRY(slv_buf_printf(out, ",\"type\":\"%s\"}", type_of(st, i, any)));
    }
    return slv_buf_append(out, SLV_STR("],\"data\":["));
}

static slv_code put_time(slv_buf *out, int64_t s)
{
    struct tm tm;
    time_t t = (time_t)s;
    char text[40];

    if (!gmtime_r(&t, &tm) || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        return slv_buf_append(out, SLV_STR("null"));
    return slv_buf_printf(out, "\"%s\"", text);
}

static slv_code put_value(sqlite3_stmt *st, int i, slv_buf *out)
{
    double d;

    switch (sqlite3_column_type(st, i)) {
    case SQLITE_NULL:
        return slv_buf_append(out, SLV_STR("null"));
    case SQLITE_INTEGER:
        if (is_time(st, i))
            return put_time(out, sqlite3_column_int64(st, i));
        return slv_buf_printf(out, "%" PRId64, (int64_t)sqlite3_column_int64(st, i));
    case SQLITE_FLOAT:
        d = sqlite3_column_double(st, i);
        if (isfinite(d))
            return slv_buf_printf(out, "%.17g", d);
        return slv_buf_append(out, SLV_STR("null"));
    default:
        return slv_json_put_string(out, slv_stmt_str(st, i));
    }
}

static slv_code put_row(sqlite3_stmt *st, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, slv_str_from(sqlite3_column_name(st, i))));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(put_value(st, i, out));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code put_answer(sqlite3 *db, sqlite3_stmt *st, slv_buf *out, slv_err *err)
{
    int rc = sqlite3_step(st);
    unsigned rows = 0;

    SLV_TRY(put_meta(st, rc == SQLITE_ROW, out));
    for (; rc == SQLITE_ROW; rc = sqlite3_step(st)) {
        if (rows++ >= SLV_ANALYTICS_ROWS_MAX)
            return slv_fail(err, SLV_E_LIMIT, "the answer has more than %d rows",
                            SLV_ANALYTICS_ROWS_MAX);
        if (rows > 1)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_row(st, out));
    }
    if (rc == SQLITE_INTERRUPT)
        return slv_fail(err, SLV_E_LIMIT, "the question takes too much work");
    if (rc != SQLITE_DONE)
        return slv_fail(err, SLV_E_INVAL, "%s", sqlite3_errmsg(db));
    return slv_buf_printf(out, "],\"rows\":%u,\"rows_before_limit_at_least\":%u}", rows, rows);
}

static slv_code ask(sqlite3 *db, slv_str sql, slv_buf *out, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    const char *tail = NULL;
    slv_code code = SLV_OK;

    if (sqlite3_prepare_v2(db, sql.ptr, (int)sql.len, &st, &tail) != SQLITE_OK)
        code = slv_fail(err, SLV_E_INVAL, "%s", sqlite3_errmsg(db));
    else if (!st || !sqlite3_stmt_readonly(st) || tail != sql.ptr + sql.len)
        code = slv_fail(err, SLV_E_INVAL, "only one SELECT can be run at a time");
    else
        code = put_answer(db, st, out, err);
    (void)sqlite3_finalize(st);
    if (code == SLV_E_LIMIT && err && !err->message[0])
        return slv_fail(err, code, "the answer is too large");
    return code;
}

slv_code slv_analytics_query(slv_analytics *a, slv_str dataset, slv_str sql, int64_t now_ms,
                             slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(2 * SLV_ANALYTICS_SQL_MAX);
    sqlite3 *db = slv_db_handle(a->db);
    question q = {.now_s = now_ms / 1000};

    if (sql.len > SLV_ANALYTICS_SQL_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the question is longer than %zu bytes",
                        SLV_ANALYTICS_SQL_MAX);
    SLV_TRY(slv_analytics_rewrite_(dataset, sql, &text, err));
    if (!add_functions(db, &q))
        return slv_db_fail(a->db, err, "analytics");
    sqlite3_set_authorizer(db, authorize, NULL);
    sqlite3_progress_handler(db, PROGRESS_STEP, on_progress, &q);
    slv_code code = ask(db, slv_buf_view(&text), out, err);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    sqlite3_set_authorizer(db, NULL, NULL);
    return code;
}
