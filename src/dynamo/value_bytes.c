/*
 * The stored bytes of an item. Numbers are little-endian base 128 (seven bits in a byte, the top
 * bit says that more follow).
 *
 *   item    version (1), then the payload of a map
 *   value   tag, payload
 *   tag     0 S, 1 N, 2 B, 3 SS, 4 NS, 5 BS, 6 M, 7 L, 8 true, 9 NULL, 10 false
 *   S, B    length, bytes;  N: length, bytes of number.h
 *   sets    count, then for each member length and bytes; ordered, no duplicates
 *   L       count, values
 *   M       count, then for each member length and bytes of the name, value; ordered by name
 *
 * Decoding checks all of it (bounds, order, numbers, depth, UTF-8 is not checked): a file may have
 * been damaged.
 */
#include "base/bytes.h"
#include "dynamo/value_int.h"
#include "fmt/json.h"

#define VERSION 1
#define TAG_TRUE 8
#define TAG_NULL 9
#define TAG_FALSE 10

static slv_code put_size(slv_buf *out, size_t n)
{
    SLV_TRY(slv_buf_reserve(out, 10));
    for (; n > 0x7F; n >>= 7)
        out->ptr[out->len++] = (char)(n | 0x80);
    out->ptr[out->len++] = (char)n;
    return SLV_OK;
}

static slv_code put_str(slv_buf *out, slv_str s)
{
    SLV_TRY(put_size(out, s.len));
    return slv_buf_append(out, s);
}

static slv_code put_value(const slv_dyn_value *v, slv_buf *out);

static slv_code put_map(const slv_dyn_value *v, slv_buf *out)
{
    SLV_TRY(put_size(out, v->count));
    for (uint32_t i = 0; i < v->count; i++) {
        SLV_TRY(put_str(out, v->members[i].name));
        SLV_TRY(put_value(&v->members[i].value, out));
    }
    return SLV_OK;
}

static slv_code put_value(const slv_dyn_value *v, slv_buf *out)
{
    bool no = v->type == SLV_DYN_BOOL && !v->boolean;

    SLV_TRY(slv_buf_append_byte(out, (char)(no ? TAG_FALSE : v->type)));
    switch ((slv_dyn_type)v->type) {
    case SLV_DYN_S:
    case SLV_DYN_N:
    case SLV_DYN_B:
        return put_str(out, v->bytes);
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
        SLV_TRY(put_size(out, v->count));
        for (uint32_t i = 0; i < v->count; i++)
            SLV_TRY(put_str(out, v->set[i]));
        return SLV_OK;
    case SLV_DYN_L:
        SLV_TRY(put_size(out, v->count));
        for (uint32_t i = 0; i < v->count; i++)
            SLV_TRY(put_value(&v->list[i], out));
        return SLV_OK;
    case SLV_DYN_M:
        return put_map(v, out);
    case SLV_DYN_BOOL:
    case SLV_DYN_NULL:
        return SLV_OK;
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

slv_code slv_dyn_item_encode(const slv_dyn_value *item, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, VERSION));
    return put_map(item, out);
}

/* ---- reading ---- */

static size_t read_size(slv_reader *r)
{
    size_t n = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t b = slv_read_u8(r);

        n |= (size_t)(b & 0x7F) << shift;
        if (b < 0x80)
            return n;
    }
    r->bad = true;
    return 0;
}

static slv_str read_str(slv_reader *r)
{
    return slv_read_bytes(r, read_size(r));
}

/* A count of things that take at least min bytes each. */
static uint32_t read_count(slv_reader *r, size_t min)
{
    size_t n = read_size(r);

    if (n > r->rest.len / min)
        r->bad = true;
    return r->bad ? 0 : (uint32_t)n;
}

static slv_code read_value(slv_dyn_scope *sc, slv_reader *r, uint32_t level, slv_dyn_value *ret);

static slv_code read_set(slv_dyn_scope *sc, slv_reader *r, slv_dyn_value *ret)
{
    slv_str *strs = NULL;

    ret->count = read_count(r, 1);
    if (!ret->count)
        return SLV_E_PARSE;
    SLV_DYN_NEW_N(sc, &strs, ret->count);
    for (uint32_t i = 0; i < ret->count; i++) {
        strs[i] = read_str(r);
        if (r->bad || (i && slv_str_cmp(strs[i - 1], strs[i]) >= 0) ||
            (ret->type == SLV_DYN_NS && !slv_dyn_num_valid(strs[i])))
            return SLV_E_PARSE;
    }
    ret->set = strs;
    return SLV_OK;
}

static slv_code read_map(slv_dyn_scope *sc, slv_reader *r, uint32_t level, slv_dyn_value *ret)
{
    slv_dyn_member *members = NULL;

    ret->type = SLV_DYN_M;
    ret->count = read_count(r, 2);
    SLV_DYN_NEW_N(sc, &members, ret->count);
    for (uint32_t i = 0; i < ret->count; i++) {
        members[i].name = read_str(r);
        if (r->bad || (i && slv_str_cmp(members[i - 1].name, members[i].name) >= 0))
            return SLV_E_PARSE;
        SLV_TRY(read_value(sc, r, level, &members[i].value));
    }
    ret->members = members;
    return r->bad ? SLV_E_PARSE : SLV_OK;
}

static slv_code read_list(slv_dyn_scope *sc, slv_reader *r, uint32_t level, slv_dyn_value *ret)
{
    slv_dyn_value *items = NULL;

    ret->count = read_count(r, 1);
    SLV_DYN_NEW_N(sc, &items, ret->count);
    for (uint32_t i = 0; i < ret->count; i++)
        SLV_TRY(read_value(sc, r, level, &items[i]));
    ret->list = items;
    return r->bad ? SLV_E_PARSE : SLV_OK;
}

static slv_code read_value(slv_dyn_scope *sc, slv_reader *r, uint32_t level, slv_dyn_value *ret)
{
    uint8_t tag = slv_read_u8(r);

    if (r->bad || level > SLV_DYN_DEPTH_MAX)
        return SLV_E_PARSE;
    ret->type = tag;
    switch (tag) {
    case SLV_DYN_S:
    case SLV_DYN_B:
        ret->bytes = read_str(r);
        return r->bad ? SLV_E_PARSE : SLV_OK;
    case SLV_DYN_N:
        ret->bytes = read_str(r);
        return r->bad || !slv_dyn_num_valid(ret->bytes) ? SLV_E_PARSE : SLV_OK;
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
        return read_set(sc, r, ret);
    case SLV_DYN_L:
        return read_list(sc, r, level + 1, ret);
    case SLV_DYN_M:
        return read_map(sc, r, level + 1, ret);
    case TAG_TRUE:
    case TAG_FALSE:
        ret->type = SLV_DYN_BOOL;
        ret->boolean = tag == TAG_TRUE;
        return SLV_OK;
    case TAG_NULL:
        ret->type = SLV_DYN_NULL;
        return SLV_OK;
    default:
        return SLV_E_PARSE;
    }
}

slv_code slv_dyn_item_decode(slv_dyn_scope *sc, slv_str bytes, slv_dyn_value *ret)
{
    slv_reader r = slv_reader_make(bytes);

    *ret = (slv_dyn_value){.type = SLV_DYN_M};
    if (slv_read_u8(&r) != VERSION || r.bad)
        return SLV_E_PARSE;
    SLV_TRY(read_map(sc, &r, 1, ret));
    return slv_reader_end(&r) ? SLV_OK : SLV_E_PARSE;
}

/* ---- to JSON without a tree ---- */

/* plain: values as a program has them (value.h); NULL: as the API has them. */
static slv_code json_value(slv_reader *r, uint32_t level, slv_dyn_plain *plain, slv_buf *out);

static slv_code json_map(slv_reader *r, uint32_t level, slv_dyn_plain *plain, slv_buf *out)
{
    uint32_t count = read_count(r, 2);

    SLV_TRY(slv_buf_append_byte(out, '{'));
    for (uint32_t i = 0; i < count; i++) {
        slv_str name = read_str(r);

        if (r->bad)
            return SLV_E_PARSE;
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        if (plain)
            SLV_TRY(slv_dyn_plain_put_name(plain, name, out));
        else
            SLV_TRY(slv_json_put_string(out, name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(json_value(r, level, plain, out));
    }
    return slv_buf_append_byte(out, '}');
}

/* The elements of a set or list. */
static slv_code json_elements(slv_reader *r, slv_dyn_type t, uint32_t level, slv_dyn_plain *plain,
                              slv_buf *out)
{
    uint32_t count = read_count(r, 1);

    SLV_TRY(slv_buf_append_byte(out, '['));
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(out, ','));
        if (t == SLV_DYN_L) {
            SLV_TRY(json_value(r, level, plain, out));
            continue;
        }
        slv_str s = read_str(r);

        if (r->bad || (t == SLV_DYN_NS && !slv_dyn_num_valid(s)))
            return SLV_E_PARSE;
        SLV_TRY(plain && t == SLV_DYN_NS ? slv_dyn_num_put(s, out) : slv_dyn_put_scalar(t, s, out));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code json_payload(slv_reader *r, slv_dyn_type t, uint32_t level, slv_dyn_plain *plain,
                             slv_buf *out)
{
    slv_str s;

    switch (t) {
    case SLV_DYN_S:
    case SLV_DYN_N:
    case SLV_DYN_B:
        s = read_str(r);
        if (r->bad || (t == SLV_DYN_N && !slv_dyn_num_valid(s)))
            return SLV_E_PARSE;
        return plain && t == SLV_DYN_N ? slv_dyn_num_put(s, out) : slv_dyn_put_scalar(t, s, out);
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
    case SLV_DYN_L:
        return json_elements(r, t, level + 1, plain, out);
    case SLV_DYN_M:
        return json_map(r, level + 1, plain, out);
    case SLV_DYN_BOOL:
        return slv_buf_append(out, SLV_STR("true"));
    case SLV_DYN_NULL:
        return slv_buf_append(out, plain ? SLV_STR("null") : SLV_STR("true"));
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

static slv_code json_value(slv_reader *r, uint32_t level, slv_dyn_plain *plain, slv_buf *out)
{
    uint8_t tag = slv_read_u8(r);
    bool named;

    if (r->bad || level > SLV_DYN_DEPTH_MAX || tag > TAG_FALSE)
        return SLV_E_PARSE;
    if (tag == TAG_FALSE)
        return slv_buf_append(out, plain ? SLV_STR("false") : SLV_STR("{\"BOOL\":false}"));
    named = !plain || tag == SLV_DYN_B || tag == SLV_DYN_BS;
    if (named)
        SLV_TRY(slv_dyn_put_type(plain, (slv_dyn_type)tag, out));
    SLV_TRY(json_payload(r, (slv_dyn_type)tag, level, plain, out));
    return named ? slv_buf_append_byte(out, '}') : SLV_OK;
}

static slv_code item_json(slv_str bytes, slv_dyn_plain *plain, slv_buf *out)
{
    slv_reader r = slv_reader_make(bytes);

    if (slv_read_u8(&r) != VERSION || r.bad)
        return SLV_E_PARSE;
    SLV_TRY(json_map(&r, 1, plain, out));
    return slv_reader_end(&r) ? SLV_OK : SLV_E_PARSE;
}

slv_code slv_dyn_item_bytes_put_json(slv_str bytes, slv_buf *out)
{
    return item_json(bytes, NULL, out);
}

slv_code slv_dyn_item_bytes_put_plain(slv_str bytes, slv_dyn_plain *plain, slv_buf *out)
{
    return item_json(bytes, plain, out);
}
