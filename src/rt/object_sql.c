#include "rt/object_int.h"

/*
 * SQL cursors. A cursor stands on its next row: giving a row out steps to the one behind it, so
 * that a statement is let go of with its last row and needs no further call. What a call says
 * beside rows is in rt->sql_state: done, rows read, rows written, number of the cursor.
 */

enum { DONE, READ, WRITTEN, CURSOR };

static void tell(slv_rt *rt, slv_usersql_query *q, bool done)
{
    rt->sql_state[DONE] = done;
    rt->sql_state[READ] = (double)slv_usersql_rows_read(q);
    rt->sql_state[WRITTEN] = (double)slv_usersql_rows_written(q);
}

void slv_rt_object_cursors_end(rt_object *o)
{
    while (o->cursors.len) {
        rt_cursor c = o->cursors.values[0];

        slv_imap_remove(&o->cursors, c.number);
        slv_usersql_end(c.query);
    }
}

/* Throws what SQLite says of a user's statement. */
static JSValueRef throw_sql(slv_rt *rt, rt_object *o, JSContextRef ctx, slv_code code,
                            JSValueRef *exc)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    slv_str message = slv_usersql_message(slv_durable_sql(o->db));
    slv_err err = {0};

    if (code == SLV_E_IO || code == SLV_E_LIMIT) {
        (void)slv_fail(&err, code, "%.*s", SLV_STR_ARGS(message));
        return slv_rt_object_throw(rt, o, ctx, &err, exc);
    }
    if (slv_buf_set(&text, message) != SLV_OK)
        return slv_js_throw_error(ctx, exc, "out of memory");
    return slv_js_throw_error(ctx, exc, "%.*s", SLV_STR_ARGS(slv_buf_view(&text)));
}

/* ---- values ---- */

static bool bind_value(JSContextRef ctx, sqlite3_stmt *st, int i, JSValueRef v, int *ret_rc,
                       JSValueRef *exc)
{
    if (JSValueIsNull(ctx, v) || JSValueIsUndefined(ctx, v)) {
        *ret_rc = sqlite3_bind_null(st, i);
    } else if (JSValueIsNumber(ctx, v)) {
        *ret_rc = sqlite3_bind_double(st, i, JSValueToNumber(ctx, v, NULL));
    } else if (JSValueIsString(ctx, v)) {
        SLV_TEXT(text);

        if (!slv_js_text_arg(ctx, v, &text, exc))
            return false;
        *ret_rc = sqlite3_bind_text64(st, i, text.str.len ? text.str.ptr : "", text.str.len,
                                      SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
        slv_js_bytes b;

        if (!slv_js_bytes_arg(ctx, v, &b, exc))
            return false;
        *ret_rc = b.len ? sqlite3_bind_blob64(st, i, b.ptr, b.len, SQLITE_TRANSIENT)
                        : sqlite3_bind_zeroblob(st, i, 0);
    }
    return true;
}

/* ArrayBuffer with a copy. */
static JSValueRef buffer_value(JSContextRef ctx, slv_str bytes, JSValueRef *exc)
{
    JSValueRef view = slv_js_bytes_copy(ctx, bytes, exc);

    return view ? JSObjectGetTypedArrayBuffer(ctx, (JSObjectRef)(size_t)view, exc) : NULL;
}

static JSValueRef column_value(JSContextRef ctx, sqlite3_stmt *st, int i, JSValueRef *exc)
{
    switch (sqlite3_column_type(st, i)) {
    case SQLITE_INTEGER:
        return slv_js_num(ctx, (double)sqlite3_column_int64(st, i));
    case SQLITE_FLOAT:
        return slv_js_num(ctx, sqlite3_column_double(st, i));
    case SQLITE_TEXT: {
        const unsigned char *text = sqlite3_column_text(st, i);

        return slv_js_string(ctx, slv_str_make(text, (size_t)sqlite3_column_bytes(st, i)));
    }
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(st, i);

        return buffer_value(ctx, slv_str_make(bytes, (size_t)sqlite3_column_bytes(st, i)), exc);
    }
    default:
        return slv_js_null(ctx);
    }
}

/* The row that the query stands on, as an array. */
static JSObjectRef row_value(JSContextRef ctx, sqlite3_stmt *st, JSValueRef *exc)
{
    JSValueRef values[SLV_USERSQL_COLUMNS_MAX];
    int n = SLV_MIN(sqlite3_column_count(st), SLV_USERSQL_COLUMNS_MAX);

    for (int i = 0; i < n; i++) {
        values[i] = column_value(ctx, st, i, exc);
        if (!values[i])
            return NULL;
    }
    return slv_js_array(ctx, (size_t)n, values);
}

static JSObjectRef names_value(JSContextRef ctx, sqlite3_stmt *st)
{
    JSValueRef values[SLV_USERSQL_COLUMNS_MAX];
    int n = SLV_MIN(sqlite3_column_count(st), SLV_USERSQL_COLUMNS_MAX);

    for (int i = 0; i < n; i++)
        values[i] = slv_js_string(ctx, slv_str_from(sqlite3_column_name(st, i)));
    return slv_js_array(ctx, (size_t)n, values);
}

/* ---- running ---- */

/* Some pragmas mean nothing inside of a transaction, and none that is allowed needs one. */
static bool is_pragma(slv_str sql)
{
    return slv_str_eq_nocase(slv_str_sub(slv_str_trim(sql), 0, 6), SLV_STR("PRAGMA"));
}

/* Prepares the text, in a transaction unless it only reads. */
static slv_code start(slv_durable *db, slv_str sql, slv_usersql_query **ret, slv_err *err)
{
    slv_usersql *u = slv_durable_sql(db);

    if (!slv_durable_in_transaction(db) && slv_usersql_looks_read(sql)) {
        slv_code code = slv_usersql_start(u, sql, SLV_USERSQL_READ, ret, err);

        if (code != SLV_E_STATE)
            return code;
    }
    if (!is_pragma(sql))
        SLV_TRY(slv_durable_write(db, err));
    return slv_usersql_start(u, sql, 0, ret, err);
}

/* SLV_OK: a row is there. */
static slv_code step(rt_object *o, slv_usersql_query *q, slv_err *err)
{
    bool inside = slv_durable_in_transaction(o->db);
    slv_code code = slv_usersql_step(q, err);

    if (inside && !slv_durable_in_transaction(o->db)) /* OR ROLLBACK */
        slv_durable_schema_changed(o->db);
    return code;
}

/* A cursor that is left half-read keeps its statement: when there are too many, one gives way. */
static uint32_t keep(rt_object *o, slv_usersql_query *q)
{
    rt_cursor c;

    if (o->cursors.len >= RT_CURSORS_MAX) {
        c = o->cursors.values[0];
        slv_imap_remove(&o->cursors, c.number);
        slv_usersql_end(c.query);
    }
    do
        o->last_cursor++;
    while (o->last_cursor == 0 || slv_imap_get(&o->cursors, o->last_cursor));
    c = (rt_cursor){o->last_cursor, q};
    slv_imap_set(&o->cursors, c.number, c);
    return c.number;
}

/* sqlExec(object, text, values) -> names of the columns; sqlState: done, else the cursor */
SLV_NATIVE(sql_exec)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_usersql_end) slv_usersql_query *q = NULL;
    SLV_TEXT(sql);
    JSObjectRef values = (JSObjectRef)(size_t)SLV_ARG(2);
    JSObjectRef names;
    uint32_t count;
    slv_err err = {0};
    slv_code code;

    if (!o || !slv_js_text_arg(ctx, SLV_ARG(1), &sql, exc) ||
        !slv_js_u32_arg(ctx, slv_js_get(ctx, values, "length", exc), &count, exc))
        return NULL;
    code = start(o->db, sql.str, &q, &err);
    slv_rt_object_wrote(rt, o, false); /* statements before the last have run */
    if (code == SLV_OK && count != slv_usersql_parameters(q))
        code = slv_usersql_wrong_count(slv_durable_sql(o->db), &err);
    if (code != SLV_OK)
        return throw_sql(rt, o, ctx, code, exc);
    for (uint32_t i = 0; i < count; i++) {
        JSValueRef v = JSObjectGetPropertyAtIndex(ctx, values, i, exc);
        int rc = SQLITE_OK;

        if (!v || !bind_value(ctx, slv_usersql_stmt(q), (int)i + 1, v, &rc, exc))
            return NULL;
        if (rc != SQLITE_OK)
            return throw_sql(rt, o, ctx, slv_usersql_fail(slv_durable_sql(o->db), rc, &err), exc);
    }
    names = names_value(ctx, slv_usersql_stmt(q));
    code = step(o, q, &err);
    slv_rt_object_wrote(rt, o, false);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return throw_sql(rt, o, ctx, code, exc);
    tell(rt, q, code == SLV_E_NOTFOUND);
    rt->sql_state[CURSOR] = code == SLV_OK ? keep(o, SLV_STEAL(q)) : 0;
    return names;
}

static rt_cursor *cursor_arg(rt_object *o, JSContextRef ctx, JSValueRef v, uint32_t *ret,
                             JSValueRef *exc)
{
    rt_cursor *c = slv_js_u32_arg(ctx, v, ret, exc) ? slv_imap_get(&o->cursors, *ret) : NULL;

    if (!c && !*exc)
        slv_js_throw_error(ctx, exc,
                           "SQL cursor was closed because the same statement was executed again. "
                           "If you need to run multiple copies of the same statement "
                           "concurrently, you must create multiple prepared statement objects.");
    return c;
}

/* sqlNext(object, cursor, count) -> up to count rows, each an array; sqlState: done, then the
 * cursor is gone */
SLV_NATIVE(sql_next)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    JSObjectRef rows = slv_js_array(ctx, 0, NULL);
    slv_code code = SLV_OK;
    slv_err err = {0};
    uint32_t number;
    uint32_t count;
    rt_cursor *c;
    slv_usersql_query *q;

    if (!o || !slv_js_u32_arg(ctx, SLV_ARG(2), &count, exc))
        return NULL;
    c = cursor_arg(o, ctx, SLV_ARG(1), &number, exc);
    if (!c)
        return NULL;
    q = c->query;
    for (uint32_t i = 0; i < count && code == SLV_OK; i++) {
        JSObjectRef row = row_value(ctx, slv_usersql_stmt(q), exc);

        if (!row)
            return NULL;
        JSObjectSetPropertyAtIndex(ctx, rows, i, row, NULL);
        code = step(o, q, &err);
    }
    tell(rt, q, code == SLV_E_NOTFOUND);
    if (code == SLV_OK)
        return rows;
    slv_imap_remove(&o->cursors, number);
    if (code == SLV_E_NOTFOUND) {
        slv_usersql_end(q);
        return rows;
    }
    JSValueRef thrown = throw_sql(rt, o, ctx, code, exc);
    slv_usersql_end(q);
    return thrown;
}

/* sqlEnd(object, cursor): nobody wants the rest */
SLV_NATIVE(sql_end)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    uint32_t number;
    rt_cursor *c;

    if (!o || !slv_js_u32_arg(ctx, SLV_ARG(1), &number, exc))
        return NULL;
    c = slv_imap_get(&o->cursors, number);
    if (c) {
        slv_usersql_end(c->query);
        slv_imap_remove(&o->cursors, number);
    }
    return slv_js_undefined(ctx);
}

static const slv_native sql_natives[] = {
    {"sqlExec", sql_exec},
    {"sqlNext", sql_next},
    {"sqlEnd", sql_end},
};

void slv_rt_add_object_sql_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, sql_natives, SLV_ARRAY_LEN(sql_natives));
}
