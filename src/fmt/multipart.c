#include "fmt/multipart.h"

#include "fmt/mime.h"

#define CRLF SLV_STR("\r\n")
#define DASHES SLV_STR("--")
#define PIECE ((size_t)64 << 10) /* looked at together */
/* A piece, and before it a part's fields or a delimiter that have not come whole. */
#define HELD_MAX (PIECE + SLV_MULTIPART_HEAD_MAX + 256)

enum {
    FIRST,  /* the first delimiter is due */
    BEHIND, /* a delimiter was there: "--" or a line end follows */
    HEAD,   /* fields of a part */
    OPEN,   /* they are over, their line end is not taken yet */
    DATA,
    OVER, /* behind the last delimiter */
};

slv_str slv_multipart_boundary(slv_str content_type, slv_arena *arena)
{
    slv_mime mime;

    if (!content_type.ptr || slv_mime_parse(content_type, arena, &mime) != SLV_OK ||
        !slv_mime_is(&mime, SLV_STR("multipart/form-data")))
        return SLV_STR_NULL;
    return slv_mime_get(&mime, SLV_STR("boundary"));
}

slv_str slv_multipart_sniff(slv_str body)
{
    size_t end = slv_str_find(slv_str_sub(body, 0, SLV_MULTIPART_BOUNDARY_MAX + 4), CRLF, 0);

    if (!slv_str_starts(body, DASHES) || end == SIZE_MAX || end < 3)
        return SLV_STR_NULL;
    return slv_str_sub(body, 2, end);
}

/* ---- the fields of a part ---- */

static slv_code unescape(slv_str text, slv_arena *arena, slv_str *ret)
{
    char *out;
    size_t n = 0;

    *ret = text;
    if (slv_str_chr(text, '%', 0) == SIZE_MAX)
        return SLV_OK;
    out = slv_arena_try_alloc(arena, text.len + 1);
    if (!out)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < text.len; i++) {
        int high = i + 2 < text.len ? slv_hex_value(text.ptr[i + 1]) : -1;
        int low = i + 2 < text.len ? slv_hex_value(text.ptr[i + 2]) : -1;

        if (text.ptr[i] == '%' && high >= 0 && low >= 0) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = text.ptr[i];
        }
    }
    out[n] = '\0';
    *ret = slv_str_make(out, n);
    return SLV_OK;
}

/* The value of a parameter of Content-Disposition. */
static slv_str parameter(slv_str line, const char *name, slv_arena *arena)
{
    size_t at = 0, len = strlen(name);

    while ((at = slv_str_find(line, slv_str_from(name), at)) != SIZE_MAX) {
        slv_str rest = slv_str_skip(line, at + len);

        if (at > 0 && (line.ptr[at - 1] == ' ' || line.ptr[at - 1] == ';') &&
            slv_str_starts(rest, SLV_STR("=\""))) {
            slv_str value = slv_str_skip(rest, 2), plain;
            size_t end = slv_str_chr(value, '"', 0);

            if (end == SIZE_MAX || unescape(slv_str_sub(value, 0, end), arena, &plain) != SLV_OK)
                return SLV_STR_NULL;
            return plain;
        }
        at += len;
    }
    return SLV_STR_NULL;
}

static void read_fields(slv_str head, slv_arena *arena, slv_multipart_part *ret)
{
    slv_str line;

    *ret = (slv_multipart_part){0};
    while (head.len > 0 && slv_str_split(&head, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon == SIZE_MAX)
            continue;
        slv_str name = slv_str_sub(line, 0, colon),
                value = slv_str_trim(slv_str_skip(line, colon + 1));

        if (slv_str_eq_nocase(name, SLV_STR("content-type"))) {
            ret->type = value;
        } else if (slv_str_eq_nocase(name, SLV_STR("content-disposition"))) {
            ret->name = parameter(value, "name", arena);
            ret->filename = parameter(value, "filename", arena);
        }
    }
}

/* ---- in place ---- */

static bool malformed(size_t *at)
{
    *at = SIZE_MAX;
    return false;
}

/* *at stands behind a delimiter's boundary, or is 0. */
bool slv_multipart_next(slv_str body, slv_str boundary, size_t *at, slv_arena *arena,
                        slv_multipart_part *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf delimiter = SLV_BUF(256);
    size_t head_end, end;

    if (boundary.len == 0 || *at == SIZE_MAX ||
        slv_buf_printf(&delimiter, "\r\n--%.*s", SLV_STR_ARGS(boundary)) != SLV_OK)
        return malformed(at);
    if (*at == 0) {
        slv_str first = slv_str_skip(slv_buf_view(&delimiter), 2);

        if (!slv_str_starts(body, first))
            return malformed(at);
        *at = first.len;
    }
    body = slv_str_skip(body, *at);
    if (slv_str_starts(body, DASHES))
        return false;
    if (!slv_str_starts(body, CRLF))
        return malformed(at);
    head_end = slv_str_find(body, SLV_STR("\r\n\r\n"), 0);
    if (head_end == SIZE_MAX || head_end > SLV_MULTIPART_HEAD_MAX)
        return malformed(at);
    end = slv_str_find(body, slv_buf_view(&delimiter), head_end + 2);
    if (end == SIZE_MAX)
        return malformed(at);
    read_fields(slv_str_sub(body, 2, head_end), arena, ret);
    ret->body = end < head_end + 4 ? SLV_STR("") : slv_str_sub(body, head_end + 4, end);
    *at += end + delimiter.len;
    return true;
}

/* ---- in pieces ---- */

slv_code slv_multipart_init(slv_multipart *m, slv_str boundary, const slv_multipart_ops *ops,
                            void *arg, slv_err *err)
{
    *m = (slv_multipart){.ops = ops, .arg = arg, .held = SLV_BUF(HELD_MAX)};
    if (boundary.len == 0 || boundary.len > SLV_MULTIPART_BOUNDARY_MAX)
        return slv_fail(err, SLV_E_PARSE, "the body is no multipart/form-data with a boundary");
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = boundary.len + 4;
    return SLV_OK;
}

static slv_code broken(slv_err *err)
{
    return slv_fail(err, SLV_E_PARSE, "the multipart body is malformed");
}

static slv_code begin_part(slv_multipart *m, slv_str head, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(4 * SLV_MULTIPART_HEAD_MAX);
    slv_multipart_part part;

    read_fields(head, &arena, &part);
    m->state = OPEN;
    return m->ops->begin(m->arg, &part, err);
}

/* Each of the following takes what it can of the held bytes; *ret false: more is needed. */
static slv_code take_first(slv_multipart *m, bool *ret)
{
    slv_str held = slv_buf_view(&m->held);
    slv_str first = slv_str_make(m->delimiter + 2, m->delimiter_len - 2);

    *ret = held.len >= first.len;
    if (!*ret)
        return slv_str_starts(first, held) ? SLV_OK : SLV_E_PARSE;
    if (!slv_str_starts(held, first))
        return SLV_E_PARSE;
    slv_buf_consume(&m->held, first.len);
    m->state = BEHIND;
    return SLV_OK;
}

static slv_code take_behind(slv_multipart *m, bool *ret)
{
    slv_str held = slv_buf_view(&m->held);

    *ret = held.len >= 2;
    if (!*ret)
        return SLV_OK;
    if (slv_str_starts(held, DASHES)) {
        m->state = OVER;
        return SLV_OK;
    }
    if (!slv_str_starts(held, CRLF))
        return SLV_E_PARSE;
    m->state = HEAD; /* the line end stays: a part without fields has an empty line at once */
    return SLV_OK;
}

static slv_code take_head(slv_multipart *m, bool *ret, slv_err *err)
{
    slv_str held = slv_buf_view(&m->held);
    size_t end = slv_str_find(held, SLV_STR("\r\n\r\n"), 0);

    *ret = end != SIZE_MAX;
    if (end == SIZE_MAX ? held.len > SLV_MULTIPART_HEAD_MAX : end > SLV_MULTIPART_HEAD_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the fields of a part are larger than %zu bytes",
                        SLV_MULTIPART_HEAD_MAX);
    if (!*ret)
        return SLV_OK;
    SLV_TRY(begin_part(m, slv_str_sub(held, 2, end), err));
    /* The second line end may belong to the delimiter of an empty part. */
    slv_buf_consume(&m->held, end + 2);
    return SLV_OK;
}

/* The line end that closes the fields may be that of the delimiter: then the part is empty. What is
 * shorter than a delimiter is not whole in either case. */
static slv_code take_open(slv_multipart *m, bool *ret, slv_err *err)
{
    slv_str held = slv_buf_view(&m->held);

    *ret = held.len >= m->delimiter_len;
    if (!*ret)
        return SLV_OK;
    if (slv_str_starts(held, slv_str_make(m->delimiter, m->delimiter_len))) {
        slv_buf_consume(&m->held, m->delimiter_len);
        m->state = BEHIND;
        return m->ops->end(m->arg, err);
    }
    slv_buf_consume(&m->held, 2);
    m->state = DATA;
    return SLV_OK;
}

static slv_code take_data(slv_multipart *m, bool *ret, slv_err *err)
{
    slv_str held = slv_buf_view(&m->held);
    size_t end = slv_str_find(held, slv_str_make(m->delimiter, m->delimiter_len), 0), told = end;

    *ret = end != SIZE_MAX;
    if (!*ret)
        told = held.len < m->delimiter_len ? 0 : held.len - (m->delimiter_len - 1);
    if (told > 0)
        SLV_TRY(m->ops->data(m->arg, slv_str_sub(held, 0, told), err));
    slv_buf_consume(&m->held, *ret ? end + m->delimiter_len : told);
    if (!*ret)
        return SLV_OK;
    m->state = BEHIND;
    return m->ops->end(m->arg, err);
}

static slv_code step(slv_multipart *m, bool *ret, slv_err *err)
{
    switch (m->state) {
    case FIRST:
        return take_first(m, ret) == SLV_OK ? SLV_OK : broken(err);
    case BEHIND:
        return take_behind(m, ret) == SLV_OK ? SLV_OK : broken(err);
    case HEAD:
        return take_head(m, ret, err);
    case OPEN:
        return take_open(m, ret, err);
    case DATA:
        return take_data(m, ret, err);
    default:
        *ret = false;
        slv_buf_reset(&m->held);
        return SLV_OK;
    }
}

slv_code slv_multipart_add(slv_multipart *m, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0) {
        slv_str piece = slv_str_sub(bytes, 0, PIECE);
        bool more = true;

        SLV_TRY(slv_buf_append(&m->held, piece));
        while (more)
            SLV_TRY(step(m, &more, err));
        bytes = slv_str_skip(bytes, piece.len);
    }
    return SLV_OK;
}

slv_code slv_multipart_end(slv_multipart *m, slv_err *err)
{
    return m->state == OVER ? SLV_OK : slv_fail(err, SLV_E_PARSE, "the multipart body is cut off");
}

void slv_multipart_done(slv_multipart *m)
{
    slv_buf_done(&m->held);
}
