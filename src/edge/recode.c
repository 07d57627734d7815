#include "edge/recode_int.h"

#include "base/mem.h"
#include "chan/msg.h"
#include "net/decode.h"

#define PIECE ((size_t)32 << 10)

/* ---- header fields ---- */

/* "q=0", "q=0.0" ... */
static bool refused(slv_str parameters)
{
    size_t at = slv_str_find(parameters, SLV_STR("q="), 0);
    slv_str q = at == SIZE_MAX ? SLV_STR("1") : slv_str_trim(slv_str_skip(parameters, at + 2));

    for (size_t i = 0; i < q.len; i++) {
        if (q.ptr[i] >= '1' && q.ptr[i] <= '9')
            return false;
    }
    return true;
}

static bool accepts(slv_str accept, slv_str coding)
{
    slv_str item;

    while (slv_str_split(&accept, ',', &item)) {
        size_t semicolon = SLV_MIN(slv_str_chr(item, ';', 0), item.len);
        slv_str token = slv_str_trim(slv_str_sub(item, 0, semicolon));

        if (slv_str_eq_nocase(token, coding))
            return !refused(slv_str_skip(item, semicolon));
    }
    return false; /* "*" gets plain bytes, as from the reference */
}

bool slv_recode_wanted(const slv_exchange *ex, slv_str headers, slv_str *ret_coding)
{
    slv_str name, value;
    bool bad = false;

    while (slv_header_next(&headers, &name, &value, &bad)) {
        if (name.len != 16 || !slv_str_eq_nocase(name, SLV_STR("content-encoding")))
            continue;
        const slv_http_header *accept = slv_exchange_header(ex, SLV_STR("accept-encoding"));

        *ret_coding = slv_str_trim(value);
        return accept && !accepts(accept->value, *ret_coding) &&
               (slv_str_eq_nocase(*ret_coding, SLV_STR("gzip")) ||
                slv_str_eq_nocase(*ret_coding, SLV_STR("br")) ||
                slv_str_eq_nocase(*ret_coding, SLV_STR("deflate")));
    }
    return false;
}

slv_code slv_recode_headers(slv_str headers, slv_buf *out)
{
    slv_str name, value;
    bool bad = false;

    while (slv_header_next(&headers, &name, &value, &bad)) {
        if (slv_str_eq_nocase(name, SLV_STR("content-encoding")))
            continue;
        SLV_TRY(slv_buf_append(out, name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_buf_append(out, value));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    return SLV_OK;
}

/* ---- decoding ---- */

/* All that bytes become, appended to out. */
static slv_code run(slv_decoder *d, slv_str bytes, bool fin, slv_buf *out)
{
    size_t used, len;
    slv_err err;

    do {
        SLV_TRY(slv_buf_reserve(out, PIECE));
        size_t cap = out->cap - out->len;
        SLV_TRY(slv_decoder_run(d, bytes, fin, out->ptr + out->len, cap, &used, &len, &err));
        out->len += len;
        bytes = slv_str_skip(bytes, used);
        if (len < cap && used == 0)
            break;
    } while (bytes.len > 0 || len > 0);
    return SLV_OK;
}

slv_code slv_recode_whole(slv_str coding, slv_str body, slv_buf *out)
{
    slv_decoder *d = slv_decoder_new(coding);
    slv_code code = d ? run(d, body, true, out) : SLV_E_UNSUPPORTED;

    d = slv_decoder_free(d);
    return code;
}

/* ---- on the way ---- */

/* A source and a sink. Input is credited once all that became of it has been passed on. */
typedef struct filter {
    slv_source out;
    slv_sink in;
    slv_source *inner; /* until it is joined */
    slv_decoder *decoder;
    slv_buf buf;
    uint64_t made, passed; /* bytes of output */
    size_t owed;           /* bytes of input */
    bool began;
} filter;

static slv_sink *part(filter *f)
{
    slv_sink *to = f->out.sink;

    f->out.sink = NULL;
    if (to)
        to->source = NULL;
    return to;
}

static void filter_free(filter *f)
{
    f->decoder = slv_decoder_free(f->decoder);
    slv_buf_done(&f->buf);
    free(f);
}

static void filter_credit(slv_source *src, size_t n)
{
    filter *f = slv_container_of(src, filter, out);
    size_t owed = f->owed;

    if (!f->began) { /* the window */
        f->began = true;
        slv_sink_credit(&f->in, n);
        return;
    }
    f->passed += n;
    if (f->passed < f->made)
        return;
    f->owed = 0;
    slv_sink_credit(&f->in, owed);
}

static void filter_cancel(slv_source *src, slv_str reason)
{
    filter *f = slv_container_of(src, filter, out);

    if (f->inner)
        f->inner->ops->cancel(f->inner, reason);
    slv_sink_cancel(&f->in, reason);
    filter_free(f);
}

static void filter_joined(slv_source *src)
{
    filter *f = slv_container_of(src, filter, out);
    slv_source *inner = f->inner;

    f->inner = NULL;
    slv_body_join(inner, &f->in);
}

static void filter_fail(slv_sink *sink, slv_str message)
{
    filter *f = slv_container_of(sink, filter, in);
    slv_sink *to = part(f);

    filter_free(f);
    if (to)
        to->ops->fail(to, message);
}

static void filter_data(slv_sink *sink, slv_str bytes, bool fin)
{
    filter *f = slv_container_of(sink, filter, in);

    slv_buf_reset(&f->buf);
    if (run(f->decoder, bytes, fin, &f->buf) != SLV_OK) {
        slv_sink_cancel(sink, SLV_STR("The body could not be decoded."));
        filter_fail(sink, SLV_STR("The body could not be decoded."));
        return;
    }
    f->owed += bytes.len;
    f->made += f->buf.len;
    if (!fin && f->buf.len == 0) { /* nothing to wait for */
        size_t owed = f->passed >= f->made ? f->owed : 0;

        f->owed -= owed;
        slv_sink_credit(sink, owed);
    } else if (!fin) {
        slv_source_push(&f->out, slv_buf_view(&f->buf), false); /* may cancel, which frees f */
    } else {
        slv_buf last = f->buf;
        slv_sink *to = part(f);

        f->buf = (slv_buf){0};
        filter_free(f);
        if (to)
            to->ops->data(to, slv_buf_view(&last), true);
        slv_buf_done(&last);
    }
}

static const slv_source_ops source_ops = {filter_credit, filter_cancel, filter_joined};
static const slv_sink_ops sink_ops = {.data = filter_data, .fail = filter_fail};

slv_source *slv_recode_source(slv_str coding, slv_source *src)
{
    slv_decoder *decoder = slv_decoder_new(coding);

    if (!decoder)
        return NULL;
    filter *f = slv_new0(filter);
    f->out.ops = &source_ops;
    f->in.ops = &sink_ops;
    f->inner = src;
    f->decoder = decoder;
    f->buf = SLV_BUF(SLV_RECODE_MAX);
    return &f->out;
}
