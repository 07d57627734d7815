#include "fmt/base64.h"
#include "r2/r2_int.h"

/* A cursor is base64url of "k" and the last key given, or of "p" and the last prefix. */
static slv_code parse_cursor(const slv_r2_list_options *options, slv_buf *ret_after,
                             bool *ret_prefix)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF((size_t)8 << 10);

    if (slv_base64_decode(options->cursor, SLV_BASE64_URL, &raw) != SLV_OK || raw.len == 0 ||
        (raw.ptr[0] != 'k' && raw.ptr[0] != 'p'))
        return slv_buf_set(ret_after, options->cursor); /* not one of ours: as a key */
    *ret_prefix = raw.ptr[0] == 'p';
    return slv_buf_set(ret_after, slv_str_skip(slv_buf_view(&raw), 1));
}

static slv_code put_cursor(char kind, slv_str last, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF((size_t)8 << 10);

    SLV_TRY(slv_buf_append_byte(&raw, kind));
    SLV_TRY(slv_buf_append(&raw, last));
    return slv_base64_encode(slv_buf_view(&raw), SLV_BASE64_URL, out);
}

/* The least text that is greater than everything that begins with the prefix; false: none is. */
static bool after_prefix(slv_buf *text)
{
    while (text->len > 0 && (unsigned char)text->ptr[text->len - 1] == 0xFF)
        text->len--;
    if (text->len == 0)
        return false;
    text->ptr[text->len - 1]++;
    return true;
}

typedef struct walk {
    slv_r2 *r2;
    const slv_r2_list_options *options;
    const slv_r2_list_to *to;
    slv_buf from; /* the least key that may come next */
    slv_buf last; /* given last */
    bool last_is_prefix;
    uint32_t count, limit;
    size_t bytes;
} walk;

/* Not before what follows `last`, or all that it stands for. *ret_some false: behind everything. */
static slv_code begin_after(walk *w, slv_str last, bool is_prefix, bool *ret_some)
{
    SLV_CLEANUP(slv_buf_done) slv_buf at = SLV_BUF((size_t)64 << 10);

    SLV_TRY(slv_buf_set(&at, last));
    if (is_prefix && last.len > 0)
        *ret_some = *ret_some && after_prefix(&at);
    else
        SLV_TRY(slv_buf_append_byte(&at, '\0'));
    if (slv_str_cmp(slv_buf_view(&at), slv_buf_view(&w->from)) > 0)
        return slv_buf_set(&w->from, slv_buf_view(&at));
    return SLV_OK;
}

/* Where the page begins: behind the prefix, startAfter and cursor alike. */
static slv_code begin(walk *w, bool *ret_some)
{
    const slv_r2_list_options *o = w->options;
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF((size_t)8 << 10);
    bool is_prefix = false;

    *ret_some = true;
    SLV_TRY(slv_buf_set(&w->from, o->prefix));
    if (o->start_after.ptr)
        SLV_TRY(begin_after(w, o->start_after, o->after_prefix, ret_some));
    if (!o->cursor.ptr || o->cursor.len == 0)
        return SLV_OK;
    SLV_TRY(parse_cursor(o, &cursor, &is_prefix));
    return begin_after(w, slv_buf_view(&cursor), is_prefix, ret_some);
}

/* The key as far as its delimiter; empty: it is not folded. */
static slv_str folded(const slv_r2_list_options *o, slv_str key)
{
    if (o->delimiter.len == 0)
        return SLV_STR_NULL;
    size_t at = slv_str_find(key, o->delimiter, o->prefix.len);
    return at == SIZE_MAX ? SLV_STR_NULL : slv_str_sub(key, 0, at + o->delimiter.len);
}

static slv_code give(walk *w, sqlite3_stmt *st, slv_str fold)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_r2_object object;

    w->count++;
    w->last_is_prefix = fold.len > 0;
    if (fold.len > 0) {
        SLV_TRY(slv_buf_set(&w->last, fold));
        w->bytes += fold.len;
        return w->to->prefix(w->to->arg, slv_buf_view(&w->last));
    }
    SLV_TRY(slv_r2_row_get(st, &arena, &object));
    if (!w->options->http)
        object.http = SLV_STR_NULL;
    if (!w->options->custom)
        object.custom = SLV_STR_NULL;
    SLV_TRY(slv_buf_set(&w->last, object.key));
    w->bytes += object.key.len + object.http.len + object.custom.len + object.checksums.len + 256;
    return w->to->object(w->to->arg, &object);
}

/* Rows from w->from on. SLV_E_NOTFOUND: all were given; SLV_E_AGAIN: again, from another place;
 * SLV_E_LIMIT: the page is full. */
static slv_code run(walk *w, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(slv_db_stmt(
        w->r2->db, "SELECT " SLV_R2_COLUMNS " FROM objects WHERE key>=?1 ORDER BY key", &st, err));
    slv_stmt_bind_text(st, 1, slv_buf_view(&w->from));
    while ((code = slv_stmt_step(w->r2->db, st, err)) == SLV_OK) {
        slv_str key = slv_stmt_str(st, 0), fold;

        if (!slv_str_starts(key, w->options->prefix)) {
            code = SLV_E_NOTFOUND;
            break;
        }
        if (w->count == w->limit || w->bytes >= SLV_R2_LIST_BYTES) {
            code = SLV_E_LIMIT;
            break;
        }
        fold = folded(w->options, key);
        code = give(w, st, fold);
        if (code != SLV_OK)
            break;
        if (fold.len > 0) { /* past all that it stands for */
            code = slv_buf_set(&w->from, slv_buf_view(&w->last));
            if (code == SLV_OK)
                code = after_prefix(&w->from) ? SLV_E_AGAIN : SLV_E_NOTFOUND;
            break;
        }
    }
    slv_stmt_done(st);
    return code;
}

slv_code slv_r2_list(slv_r2 *r2, const slv_r2_list_options *options, const slv_r2_list_to *to,
                     slv_buf *ret_cursor, slv_err *err)
{
    walk w = {.r2 = r2,
              .options = options,
              .to = to,
              .from = SLV_BUF((size_t)64 << 10),
              .last = SLV_BUF((size_t)8 << 10)};
    bool some = true;
    slv_code code;

    if (options->limit > SLV_R2_LIST_MAX)
        return slv_r2_fail(err, SLV_R2_BAD_MAX_KEYS);
    w.limit = options->limit ? options->limit : SLV_R2_LIST_MAX;
    code = begin(&w, &some);
    while (code == SLV_OK && some) {
        code = run(&w, err);
        if (code != SLV_E_AGAIN)
            break;
        code = SLV_OK;
    }
    if (code == SLV_E_LIMIT && w.count > 0)
        code = put_cursor(w.last_is_prefix ? 'p' : 'k', slv_buf_view(&w.last), ret_cursor);
    slv_buf_done(&w.from);
    slv_buf_done(&w.last);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}
