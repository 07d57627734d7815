/* Values of esbuild's protocol. */
#include <stdio.h>

#include "base/bytes.h"
#include "bundle/esbuild.h"

#define DEPTH_MAX 64

enum { TAG_NULL, TAG_BOOL, TAG_NUMBER, TAG_STRING, TAG_BYTES, TAG_ARRAY, TAG_MAP };

/* ---- writing ---- */

static void check(slv_buf *b, slv_code code)
{
    if (code != SLV_OK)
        b->limit = 0;
}

bool slv_esbuild_put_ok(const slv_buf *b)
{
    return b->limit != 0;
}

static void put_tag(slv_buf *b, uint8_t tag)
{
    check(b, slv_buf_append_u8(b, tag));
}

static void put_counted(slv_buf *b, slv_str s)
{
    check(b, slv_buf_append_u32(b, (uint32_t)s.len));
    check(b, slv_buf_append(b, s));
}

void slv_esbuild_put_null(slv_buf *b)
{
    put_tag(b, TAG_NULL);
}

void slv_esbuild_put_bool(slv_buf *b, bool v)
{
    put_tag(b, TAG_BOOL);
    check(b, slv_buf_append_u8(b, v));
}

void slv_esbuild_put_number(slv_buf *b, uint32_t v)
{
    put_tag(b, TAG_NUMBER);
    check(b, slv_buf_append_u32(b, v));
}

void slv_esbuild_put_string(slv_buf *b, slv_str s)
{
    put_tag(b, TAG_STRING);
    put_counted(b, s);
}

void slv_esbuild_put_bytes(slv_buf *b, slv_str s)
{
    put_tag(b, TAG_BYTES);
    put_counted(b, s);
}

void slv_esbuild_put_array(slv_buf *b, uint32_t n)
{
    put_tag(b, TAG_ARRAY);
    check(b, slv_buf_append_u32(b, n));
}

void slv_esbuild_put_map(slv_buf *b, uint32_t n)
{
    put_tag(b, TAG_MAP);
    check(b, slv_buf_append_u32(b, n));
}

void slv_esbuild_put_key(slv_buf *b, const char *key)
{
    put_counted(b, slv_str_from(key));
}

/* ---- reading ---- */

typedef struct decoder {
    slv_reader r;
    slv_arena *arena;
    slv_err *err;
    int depth;
} decoder;

static slv_code malformed(decoder *d)
{
    return slv_fail(d->err, SLV_E_PARSE, "esbuild sent a malformed packet");
}

static slv_code decode_value(decoder *d, slv_node **ret);

static slv_code decode_children(decoder *d, slv_node *n, bool map)
{
    uint32_t count = slv_read_u32(&d->r);

    if (d->depth == DEPTH_MAX)
        return malformed(d);
    d->depth++;
    for (uint32_t i = 0; i < count; i++) {
        slv_str key = map ? slv_read_str(&d->r) : SLV_STR_NULL;
        slv_node *child = NULL;

        if (d->r.bad || d->r.rest.len == 0)
            return malformed(d);
        SLV_TRY(decode_value(d, &child));
        SLV_ASSERT(child);
        child->key = key;
        slv_node_append(n, child);
    }
    d->depth--;
    return SLV_OK;
}

static slv_code decode_number(decoder *d, slv_node *n)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", slv_read_u32(&d->r));

    return slv_arena_dup(d->arena, slv_str_make(text, (size_t)len), &n->text);
}

static slv_code decode_value(decoder *d, slv_node **ret)
{
    slv_node *n = slv_node_new(d->arena, SLV_NODE_NULL, 0, 0);

    if (!n)
        return slv_fail(d->err, SLV_E_LIMIT, "esbuild sent too large a packet");
    *ret = n;
    switch (slv_read_u8(&d->r)) {
    case TAG_NULL:
        break;
    case TAG_BOOL:
        n->type = SLV_NODE_BOOL;
        n->boolean = slv_read_u8(&d->r) != 0;
        break;
    case TAG_NUMBER:
        n->type = SLV_NODE_NUMBER;
        SLV_TRY(decode_number(d, n));
        break;
    case TAG_STRING:
    case TAG_BYTES:
        n->type = SLV_NODE_STRING;
        n->text = slv_read_str(&d->r);
        break;
    case TAG_ARRAY:
        n->type = SLV_NODE_ARRAY;
        return decode_children(d, n, false);
    case TAG_MAP:
        n->type = SLV_NODE_OBJECT;
        return decode_children(d, n, true);
    default:
        return malformed(d);
    }
    return d->r.bad ? malformed(d) : SLV_OK;
}

slv_code slv_esbuild_decode(slv_str bytes, slv_arena *arena, slv_node **ret, slv_err *err)
{
    decoder d = {slv_reader_make(bytes), arena, err, 0};

    SLV_TRY(decode_value(&d, ret));
    return slv_reader_end(&d.r) ? SLV_OK : malformed(&d);
}
