#include "base/mem.h"
#include "edge/file_int.h"
#include "edge/op_r2_int.h"
#include "fmt/json.h"

/* ---- texts ---- */

static slv_code put_raw(slv_buf *out, slv_str json, const char *none)
{
    SLV_TRY(slv_buf_append_byte(out, ','));
    return slv_buf_append(out, json.len > 0 ? json : slv_str_from(none));
}

/* No printf here: one for each get cost more than reading the row. */
static slv_code put_number(slv_buf *out, int64_t v)
{
    char digits[20]; /* of INT64_MIN, with its sign */
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (v < 0)
        digits[--at] = '-';
    return slv_buf_append(out, slv_str_make(digits + at, sizeof digits - at));
}

/* What needs no escapes. */
static slv_code put_quoted(slv_buf *out, slv_str plain)
{
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"")));
    SLV_TRY(slv_buf_append(out, plain));
    return slv_buf_append_byte(out, '"');
}

slv_code slv_r2_object_json(slv_buf *out, const slv_r2_object *o)
{
    SLV_TRY(slv_buf_append_byte(out, '['));
    SLV_TRY(slv_json_put_string(out, o->key));
    SLV_TRY(put_quoted(out, o->version));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_number(out, (int64_t)o->size));
    SLV_TRY(put_quoted(out, o->etag));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_number(out, o->uploaded_ms));
    SLV_TRY(put_quoted(out, slv_str_from(slv_r2_class_name(o->class))));
    SLV_TRY(put_raw(out, o->http, "0"));
    SLV_TRY(put_raw(out, o->custom, "0"));
    SLV_TRY(put_raw(out, o->checksums, "0"));
    SLV_TRY(put_quoted(out, o->ssec_md5));
    return slv_buf_append_byte(out, ']');
}

typedef struct list_out {
    slv_buf *objects;
    slv_buf prefixes;
    bool some_objects, some_prefixes;
} list_out;

static slv_code on_object(void *arg, const slv_r2_object *o)
{
    list_out *l = arg;

    if (l->some_objects)
        SLV_TRY(slv_buf_append_byte(l->objects, ','));
    l->some_objects = true;
    return slv_r2_object_json(l->objects, o);
}

static slv_code on_prefix(void *arg, slv_str prefix)
{
    list_out *l = arg;

    if (l->some_prefixes)
        SLV_TRY(slv_buf_append_byte(&l->prefixes, ','));
    l->some_prefixes = true;
    return slv_json_put_string(&l->prefixes, prefix);
}

slv_code slv_r2_list_json(slv_r2 *r2, const slv_r2_list_options *page, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF((size_t)16 << 10);
    list_out l = {.objects = out, .prefixes = SLV_BUF(SLV_MESSAGE_MAX)};
    const slv_r2_list_to to = {&l, on_object, on_prefix};
    slv_code code = slv_buf_append(out, SLV_STR("{\"objects\":["));

    if (code == SLV_OK)
        code = slv_r2_list(r2, page, &to, &cursor, err);
    if (code == SLV_OK)
        code = slv_buf_append(out, SLV_STR("],\"prefixes\":["));
    if (code == SLV_OK)
        code = slv_buf_append(out, slv_buf_view(&l.prefixes));
    if (code == SLV_OK && cursor.len > 0)
        code = slv_buf_printf(out, "],\"cursor\":\"%.*s\"}", SLV_STR_ARGS(slv_buf_view(&cursor)));
    else if (code == SLV_OK)
        code = slv_buf_append(out, SLV_STR("]}"));
    slv_buf_done(&l.prefixes);
    return code;
}

/* ---- content that goes out ---- */

typedef struct r2_source {
    slv_source source;
    slv_r2_pull *pull;
} r2_source;

static void source_free(r2_source *s)
{
    (void)slv_r2_pull_free(s->pull);
    free(s);
}

static void on_data(void *user, slv_str bytes, bool fin)
{
    r2_source *s = user;

    slv_source_push(&s->source, bytes, fin); /* may cancel, which frees s, unless it was the last */
    if (fin)
        source_free(s);
}

static void on_fail(void *user, const slv_err *err)
{
    r2_source *s = user;

    slv_source_fail(&s->source, slv_str_from(slv_err_text(err)));
    source_free(s);
}

static void on_credit(slv_source *src, size_t n)
{
    slv_r2_pull_more(slv_container_of(src, r2_source, source)->pull, n);
}

static void on_cancel(slv_source *src, slv_str reason)
{
    (void)reason;
    source_free(slv_container_of(src, r2_source, source));
}

static const slv_source_ops source_ops = {.credit = on_credit, .cancel = on_cancel};

slv_source *slv_r2_source_new_take(slv_shard *shard, slv_r2_reader *reader)
{
    const slv_r2_pull_options options = {
        .state = shard->server->o.state, .loop = shard->loop, .data = on_data, .fail = on_fail};
    uint64_t offset, length;
    int fd;

    if (slv_r2_reader_take_file(reader, &fd, &offset, &length)) {
        (void)slv_r2_reader_free(reader);
        return slv_file_source_new_take(shard, fd, offset, length);
    }
    r2_source *s = slv_new0(r2_source);
    slv_r2_pull_options own = options;
    own.user = s;
    s->source.ops = &source_ops;
    s->pull = slv_r2_pull_new_take(&own, reader);
    return &s->source;
}
