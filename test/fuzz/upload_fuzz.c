/* upload_fuzz.c - bodies of uploads: forms in pieces and in place, JSON in pieces, tokens. The
 * first byte says how long the pieces are. */
#include "base/err.h"
#include "fmt/json.h"
#include "fmt/jsonpush.h"
#include "fmt/jwt.h"
#include "fmt/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct told {
    slv_buf text;
} told;

static slv_code on_begin(void *arg, const slv_multipart_part *part, slv_err *err)
{
    (void)err;
    return slv_buf_printf(&((told *)arg)->text, "<%zu %zu %zu>", part->name.len, part->filename.len,
                          part->type.len);
}

static slv_code on_data(void *arg, slv_str bytes, slv_err *err)
{
    (void)err;
    return slv_buf_append(&((told *)arg)->text, bytes);
}

static slv_code on_end(void *arg, slv_err *err)
{
    (void)err;
    return slv_buf_append(&((told *)arg)->text, SLV_STR("</>"));
}

static const slv_multipart_ops form_ops = {on_begin, on_data, on_end};

/* The same whatever the pieces are. */
static slv_code read_form(slv_str body, slv_str boundary, size_t step, slv_buf *out)
{
    told t = {*out};
    slv_multipart m;
    slv_code code = slv_multipart_init(&m, boundary, &form_ops, &t, NULL);

    while (code == SLV_OK && body.len > 0) {
        code = slv_multipart_add(&m, slv_str_sub(body, 0, step), NULL);
        body = slv_str_skip(body, step);
    }
    if (code == SLV_OK)
        code = slv_multipart_end(&m, NULL);
    slv_multipart_done(&m);
    *out = t.text;
    return code;
}

static void try_form(slv_str body, size_t step)
{
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(1 << 20), pieces = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_str boundary = slv_multipart_sniff(body);
    slv_multipart_part part;
    size_t at = 0, count = 0;

    if (!boundary.ptr)
        return;
    if (read_form(body, boundary, SIZE_MAX, &whole) == SLV_OK) {
        SLV_ASSERT(read_form(body, boundary, step, &pieces) == SLV_OK);
        SLV_ASSERT(slv_str_eq(slv_buf_view(&whole), slv_buf_view(&pieces)));
    }
    while (slv_multipart_next(body, boundary, &at, &arena, &part))
        count += part.body.len;
    SLV_ASSERT(count <= body.len);
}

static slv_code js_mark(void *arg, bool array, slv_err *err)
{
    (void)err;
    return slv_buf_append_byte(&((told *)arg)->text, array ? '[' : '{');
}

static slv_code js_text(void *arg, slv_str text, slv_err *err)
{
    return on_data(arg, text, err);
}

static slv_code js_piece(void *arg, slv_str piece, bool last, slv_err *err)
{
    (void)last;
    return on_data(arg, piece, err);
}

static const slv_jsonpush_ops js_ops = {js_mark, js_mark, js_text, js_piece, js_text};

static slv_code read_json(slv_str text, size_t step, slv_buf *out)
{
    told t = {*out};
    slv_jsonpush p;
    slv_code code = SLV_OK;

    slv_jsonpush_init(&p, &js_ops, &t);
    while (code == SLV_OK && text.len > 0) {
        code = slv_jsonpush_add(&p, slv_str_sub(text, 0, step), NULL);
        text = slv_str_skip(text, step);
    }
    if (code == SLV_OK)
        code = slv_jsonpush_end(&p, NULL);
    *out = t.text;
    return code;
}

static void try_json(slv_str text, size_t step)
{
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(1 << 20), pieces = SLV_BUF(1 << 20);
    slv_code code = read_json(text, SIZE_MAX, &whole);

    SLV_ASSERT(read_json(text, step, &pieces) == code);
    if (code == SLV_OK)
        SLV_ASSERT(slv_str_eq(slv_buf_view(&whole), slv_buf_view(&pieces)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_str in = slv_str_make(data, size);
    slv_node *claims;
    size_t step;

    if (size == 0)
        return 0;
    step = 1 + (data[0] & 63);
    in = slv_str_skip(in, 1);
    try_form(in, step);
    try_json(in, step);
    return slv_jwt_check(SLV_STR("key"), in, 0, &arena, &claims) == SLV_OK && size < 16;
}
