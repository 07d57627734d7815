#include "store/usersql.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/usersql_int.h"

/* The platform's words for BEGIN, SAVEPOINT and the like. */
static const char no_transactions[] =
    "To execute a transaction, please use the state.storage.transaction() or "
    "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT "
    "statements. The JavaScript API is safer because it will automatically roll back on "
    "exceptions, "
    "and because it interacts correctly with Durable Objects' automatic atomic write coalescing.";

/* ---- the connection ---- */

/* The function is not built in; its name is refused in the platform's words. */
static void load_extension(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    sqlite3_result_error(context, "not authorized", -1);
}

slv_usersql *slv_usersql_new(sqlite3 *db, const char *reserved)
{
    static const struct {
        int what, max;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, (int)SLV_USERSQL_VALUE_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, (int)SLV_USERSQL_TEXT_MAX},
        {SQLITE_LIMIT_COLUMN, SLV_USERSQL_COLUMNS_MAX},
        {SQLITE_LIMIT_EXPR_DEPTH, SLV_USERSQL_DEPTH_MAX},
        {SQLITE_LIMIT_COMPOUND_SELECT, SLV_USERSQL_COMPOUND_MAX},
        {SQLITE_LIMIT_VDBE_OP, SLV_USERSQL_OPS_MAX},
        {SQLITE_LIMIT_FUNCTION_ARG, SLV_USERSQL_ARGUMENTS_MAX},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, SLV_USERSQL_PATTERN_MAX},
        {SQLITE_LIMIT_VARIABLE_NUMBER, SLV_USERSQL_PARAMETERS_MAX},
        {SQLITE_LIMIT_TRIGGER_DEPTH, SLV_USERSQL_TRIGGER_DEPTH_MAX},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    slv_usersql *u = slv_new0(slv_usersql);

    u->db = db;
    u->reserved = slv_strdup(reserved ? reserved : "_cf_");
    u->reserved_len = strlen(u->reserved);
    u->message = SLV_BUF(USERSQL_MESSAGE_MAX);
    slv_list_init(&u->idle);
    for (size_t i = 0; i < SLV_ARRAY_LEN(limits); i++)
        sqlite3_limit(db, limits[i].what, limits[i].max);
    /* None of these can fail on an open connection but for lack of memory. */
    SLV_ASSERT(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK);
    SLV_ASSERT(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL) == SQLITE_OK);
    for (int n = 1; n <= 2; n++)
        SLV_ASSERT(sqlite3_create_function(db, "load_extension", n, SQLITE_UTF8, NULL,
                                           load_extension, NULL, NULL) == SQLITE_OK);
    SLV_ASSERT(sqlite3_set_authorizer(db, slv_usersql_authorize, u) == SQLITE_OK);
    return u;
}

static slv_usersql_query *discard(slv_usersql_query *q)
{
    if (q) {
        sqlite3_finalize(q->st);
        free((void *)(size_t)q->text.ptr);
        free(q);
    }
    return NULL;
}

slv_usersql *slv_usersql_free(slv_usersql *u)
{
    if (u) {
        slv_list *node;

        while ((node = slv_list_pop(&u->idle)))
            discard(slv_container_of(node, slv_usersql_query, lru));
        slv_map_done(&u->kept);
        sqlite3_progress_handler(u->db, 0, NULL, NULL);
        sqlite3_set_authorizer(u->db, NULL, NULL);
        slv_buf_done(&u->message);
        free(u->reserved);
        free(u);
    }
    return NULL;
}

static int look_up(void *arg)
{
    slv_usersql *u = arg;

    if (u->stop && atomic_load_explicit(u->stop, memory_order_relaxed))
        u->stopped = true;
    else if (u->deadline_ns && slv_clock_mono_ns() >= u->deadline_ns)
        u->timed_out = true;
    return u->stopped || u->timed_out;
}

void slv_usersql_guard(slv_usersql *u, uint64_t deadline_ns, const atomic_bool *stop)
{
    bool on = deadline_ns || stop;

    u->deadline_ns = deadline_ns;
    u->stop = stop;
    u->stopped = u->timed_out = false;
    sqlite3_progress_handler(u->db, on ? USERSQL_GUARD_OPS : 0, on ? look_up : NULL, u);
}

/* ---- statements ---- */

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r')))
        p++;
    return p;
}

/* Prepares the first statement of [sql, end), which is NUL-terminated. */
static slv_code prepare(slv_usersql *u, const char *sql, const char *end, const char **ret_tail,
                        sqlite3_stmt **ret, slv_err *err)
{
    int rc;

    u->saw_pragma = u->saw_state = u->saw_transaction = false;
    u->judging = true;
    rc = sqlite3_prepare_v3(u->db, sql, (int)(end - sql) + 1, SQLITE_PREPARE_PERSISTENT, ret,
                            ret_tail);
    u->judging = false;
    if (rc == SQLITE_AUTH && u->saw_transaction)
        return slv_usersql_say(u, err, SLV_E_INVAL, slv_str_from(no_transactions));
    if (rc != SQLITE_OK)
        return slv_usersql_fail(u, rc, err);
    if (!*ret)
        return slv_usersql_say(u, err, SLV_E_INVAL,
                               SLV_STR("SQL code did not contain a statement."));
    return SLV_OK;
}

static slv_code step(slv_usersql *u, sqlite3_stmt *st, slv_err *err)
{
    int rc;

    u->judging = true; /* the library may prepare it anew, and modules prepare theirs */
    rc = sqlite3_step(st);
    u->judging = false;
    if (rc == SQLITE_ROW)
        return SLV_OK;
    if (rc == SQLITE_DONE)
        return SLV_E_NOTFOUND;
    return slv_usersql_fail(u, rc, err);
}

static slv_code refuse_write(slv_usersql *u, slv_err *err)
{
    return slv_usersql_say(u, err, SLV_E_STATE, SLV_STR("the statement needs the writer"));
}

static bool for_writer(const slv_usersql *u, sqlite3_stmt *st)
{
    return !sqlite3_stmt_readonly(st) || u->saw_pragma || u->saw_state;
}

/* A statement that stands before the last one: run, its rows dropped after the first. */
static slv_code run_ahead(slv_usersql *u, sqlite3_stmt *st, unsigned flags, slv_err *err)
{
    slv_code code;

    if (sqlite3_bind_parameter_count(st) > 0)
        return slv_usersql_say(
            u, err, SLV_E_INVAL,
            SLV_STR("When executing multiple SQL statements in a single call, only the last "
                    "statement can have parameters."));
    if ((flags & SLV_USERSQL_READ) && for_writer(u, st))
        return refuse_write(u, err);
    code = step(u, st, err);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code start_new(slv_usersql *u, char *text, size_t len, unsigned flags,
                          slv_usersql_query **ret, slv_err *err)
{
    const char *at = text, *end = text + len;

    for (;;) {
        sqlite3_stmt *st = NULL;
        const char *tail = NULL;
        slv_code code = prepare(u, at, end, &tail, &st, err);

        SLV_TRY(code);
        tail = skip_blanks(tail, end);
        if (tail < end) {
            code = run_ahead(u, st, flags, err);
            sqlite3_finalize(st);
            SLV_TRY(code);
            at = tail;
            continue;
        }
        if ((flags & SLV_USERSQL_READ) && for_writer(u, st)) {
            sqlite3_finalize(st);
            return refuse_write(u, err);
        }
        slv_usersql_query *q = slv_new0(slv_usersql_query);
        q->u = u;
        q->st = st;
        q->keep = at == text && !u->saw_pragma;
        q->writer_only = for_writer(u, st);
        *ret = q;
        return SLV_OK;
    }
}

slv_code slv_usersql_start(slv_usersql *u, slv_str sql, unsigned flags, slv_usersql_query **ret,
                           slv_err *err)
{
    slv_usersql_query **kept = slv_map_get(&u->kept, sql);
    slv_usersql_query *q = kept ? *kept : NULL;

    slv_buf_reset(&u->message);
    if (q && slv_list_linked(&q->lru)) { /* else it runs already: another one is made */
        if ((flags & SLV_USERSQL_READ) && q->writer_only)
            return refuse_write(u, err);
        slv_list_remove(&q->lru);
        *ret = q;
        return SLV_OK;
    }
    if (sql.len > SLV_USERSQL_TEXT_MAX)
        return slv_usersql_say(u, err, SLV_E_INVAL, SLV_STR("statement too long: SQLITE_TOOBIG"));

    char *text = slv_strndup(sql.ptr ? sql.ptr : "", sql.len);
    slv_code code = start_new(u, text, sql.len, flags, &q, err);

    if (code != SLV_OK) {
        free(text);
        return code;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): refuse_write() gives no OK */
    q->text = slv_str_make(text, sql.len);
    *ret = q;
    return SLV_OK;
}

sqlite3_stmt *slv_usersql_stmt(slv_usersql_query *q)
{
    return q->st;
}

size_t slv_usersql_parameters(slv_usersql_query *q)
{
    return (size_t)sqlite3_bind_parameter_count(q->st);
}

slv_code slv_usersql_step(slv_usersql_query *q, slv_err *err)
{
    return step(q->u, q->st, err);
}

uint64_t slv_usersql_rows_read(slv_usersql_query *q)
{
    return slv_sqlite_rows(q->st, 0, 0);
}

uint64_t slv_usersql_rows_written(slv_usersql_query *q)
{
    return slv_sqlite_rows(q->st, 1, 0);
}

static void shrink(slv_usersql *u)
{
    slv_list *node;

    while (u->kept_bytes > SLV_USERSQL_CACHE_BYTES && (node = slv_list_pop(&u->idle))) {
        slv_usersql_query *old = slv_container_of(node, slv_usersql_query, lru);

        slv_map_remove(&u->kept, old->text);
        u->kept_bytes -= old->text.len;
        discard(old);
    }
}

slv_usersql_query *slv_usersql_end(slv_usersql_query *q)
{
    if (!q)
        return NULL;
    slv_usersql *u = q->u;

    sqlite3_reset(q->st); /* repeats the error of the last step */
    if (!q->keep)
        return discard(q);
    if (!q->kept) {
        if (slv_map_get(&u->kept, q->text)) /* the same text was started twice at once */
            return discard(q);
        slv_map_set(&u->kept, q->text, q);
        q->kept = true;
        u->kept_bytes += q->text.len;
    }
    sqlite3_clear_bindings(q->st);
    slv_sqlite_rows(q->st, 0, 1);
    slv_sqlite_rows(q->st, 1, 1);
    slv_list_push(&u->idle, &q->lru);
    shrink(u);
    return NULL;
}

/* ---- a hint ---- */

bool slv_usersql_looks_read(slv_str sql)
{
    static const char *const words[] = {"select", "values", "with", "explain"};
    size_t at = 0, len = 0;

    for (;;) {
        while (at < sql.len && (sql.ptr[at] == ' ' || (sql.ptr[at] >= '\t' && sql.ptr[at] <= '\r')))
            at++;
        if (at + 1 < sql.len && sql.ptr[at] == '-' && sql.ptr[at + 1] == '-') {
            at = SLV_MIN(slv_str_chr(sql, '\n', at), sql.len);
        } else if (at + 1 < sql.len && sql.ptr[at] == '/' && sql.ptr[at + 1] == '*') {
            size_t end = slv_str_find(sql, SLV_STR("*/"), at + 2);

            at = end == SIZE_MAX ? sql.len : end + 2;
        } else {
            break;
        }
    }
    while (at + len < sql.len && slv_is_alpha(sql.ptr[at + len]))
        len++;
    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++)
        if (slv_str_eq_nocase(slv_str_sub(sql, at, at + len), slv_str_from(words[i])))
            return true;
    return false;
}
