#include <inttypes.h>

#include "fmt/base64.h"
#include "fmt/json.h"
#include "kv/kv_int.h"

/* A cursor is the last key of its page, in base64. What follows a key is the key with a NUL behind
 * it; so both bounds of a list are keys, the first one included. */
typedef struct bounds {
    slv_buf from, to;
} bounds;

static void bounds_done(bounds *b)
{
    slv_buf_done(&b->from);
    slv_buf_done(&b->to);
}
SLV_DEFINE_CLEANUP_DONE(bounds, bounds_done);

/* The first string behind all that begin with prefix; valid UTF-8 has no byte 0xff. */
static slv_code behind(slv_str prefix, slv_buf *out)
{
    while (prefix.len > 0 && (unsigned char)prefix.ptr[prefix.len - 1] == 0xff)
        prefix.len--;
    if (prefix.len == 0)
        return slv_buf_append_byte(out, (char)0xff);
    SLV_TRY(slv_buf_append(out, prefix));
    out->ptr[out->len - 1]++;
    return SLV_OK;
}

static slv_code bounds_of(const slv_kv_query *query, bounds *b)
{
    SLV_TRY(behind(query->prefix, &b->to));
    if (query->cursor.len <= SLV_KV_CURSOR_MAX &&
        slv_base64_decode_forgiving(query->cursor, &b->from) == SLV_OK && b->from.len > 0)
        SLV_TRY(slv_buf_append_byte(&b->from, '\0'));
    else
        slv_buf_reset(&b->from);
    if (slv_str_cmp(slv_buf_view(&b->from), query->prefix) < 0)
        SLV_TRY(slv_buf_set(&b->from, query->prefix));
    return SLV_OK;
}

static slv_code put_key(slv_buf *json, sqlite3_stmt *st, bool first)
{
    int64_t expires = slv_stmt_int(st, 1);

    SLV_TRY(slv_buf_append(json, first ? SLV_STR("{\"name\":") : SLV_STR(",{\"name\":")));
    SLV_TRY(slv_json_put_string(json, slv_stmt_str(st, 0)));
    if (expires > 0)
        SLV_TRY(slv_buf_printf(json, ",\"expiration\":%" PRId64, expires));
    if (!slv_stmt_is_null(st, 2)) {
        SLV_TRY(slv_buf_append(json, SLV_STR(",\"metadata\":")));
        SLV_TRY(slv_buf_append(json, slv_stmt_str(st, 2)));
    }
    return slv_buf_append_byte(json, '}');
}

/* *last: the last key shown. */
static slv_code put_page(slv_kv *kv, sqlite3_stmt *st, uint32_t limit, slv_buf *json, slv_buf *last,
                         bool *ret_more, slv_err *err)
{
    slv_code code;

    *ret_more = false;
    SLV_TRY(slv_buf_append_byte(json, '['));
    for (uint32_t n = 0; (code = slv_stmt_step(kv->db, st, err)) == SLV_OK; n++) {
        if (n == limit) {
            *ret_more = true;
            break;
        }
        SLV_TRY(put_key(json, st, n == 0));
        SLV_TRY(slv_buf_set(last, slv_stmt_str(st, 0)));
    }
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    return slv_buf_append_byte(json, ']');
}

slv_code slv_kv_check_query(const slv_kv_query *query, slv_err *err)
{
    slv_code code;

    if (query->prefix.len > SLV_KV_KEY_MAX)
        return slv_kv_check_key(query->prefix, err); /* says so */
    if (query->limit <= SLV_KV_LIST_MAX)
        return SLV_OK;
    code = slv_fail(err, SLV_E_INVAL,
                    "Invalid key_count_limit of %u. Please specify an integer less than %u.",
                    query->limit, SLV_KV_LIST_MAX);
    if (err)
        err->detail = 400;
    return code;
}

slv_code slv_kv_list(slv_kv *kv, const slv_kv_query *query, int64_t now_ms, slv_buf *json,
                     slv_buf *cursor, bool *ret_more, slv_err *err)
{
    SLV_CLEANUP(bounds_done)
    bounds b = {SLV_BUF(SLV_KV_CURSOR_MAX + 1), SLV_BUF(SLV_KV_KEY_MAX + 1)};
    SLV_CLEANUP(slv_buf_done) slv_buf last = SLV_BUF(SLV_KV_KEY_MAX);
    uint32_t limit = query->limit > 0 ? query->limit : SLV_KV_LIST_MAX;
    sqlite3_stmt *st;

    SLV_TRY(slv_kv_check_query(query, err));
    SLV_TRY(bounds_of(query, &b));
    SLV_TRY(slv_db_stmt(kv->db,
                        "SELECT key, expires, meta FROM entry WHERE key >= ?1 AND key < ?2 AND"
                        " (expires = 0 OR expires > ?3) ORDER BY key LIMIT ?4",
                        &st, err));
    slv_stmt_bind_blob(st, 1, b.from.len > 0 ? slv_buf_view(&b.from) : SLV_STR(""));
    slv_stmt_bind_blob(st, 2, slv_buf_view(&b.to));
    slv_stmt_bind_int(st, 3, slv_kv_seconds(now_ms));
    slv_stmt_bind_int(st, 4, (int64_t)limit + 1);
    slv_code code = put_page(kv, st, limit, json, &last, ret_more, err);
    slv_stmt_done(st);
    if (code == SLV_OK && *ret_more)
        code = slv_base64_encode(slv_buf_view(&last), SLV_BASE64_STD, cursor);
    return code;
}
