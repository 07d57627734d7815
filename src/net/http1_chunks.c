/* Chunked transfer coding (RFC 9112 section 7.1), one byte at a time outside chunk data. */
#include "net/http1.h"

enum state {
    CH_SIZE_START,
    CH_SIZE,
    CH_EXT_NAME_START,
    CH_EXT_NAME,
    CH_EXT_VALUE_START,
    CH_EXT_VALUE,
    CH_EXT_QUOTED,
    CH_EXT_ESCAPE,
    CH_EXT_QUOTED_END,
    CH_SIZE_LF,
    CH_DATA,
    CH_DATA_CR,
    CH_DATA_LF,
    CH_TRAILER,
    CH_TRAILER_NAME,
    CH_TRAILER_VALUE,
    CH_TRAILER_LF,
    CH_END_LF,
    CH_FAILED,
};

void slv_http1_chunks_init(slv_http1_chunks *c)
{
    *c = (slv_http1_chunks){.state = CH_SIZE_START};
}

static slv_code bad(slv_http1_chunks *c, slv_code code, const char *why)
{
    c->state = CH_FAILED;
    c->error = why;
    return code;
}

static bool is_value(char ch)
{
    return slv_http1_is_field_value((slv_str){&ch, 1});
}

/* After a complete size, extension name or value: what may follow. */
static slv_code after_part(slv_http1_chunks *c, char ch, const char *why)
{
    if (ch == ';')
        c->state = CH_EXT_NAME_START;
    else if (ch == '\r')
        c->state = CH_SIZE_LF;
    else
        return bad(c, SLV_E_PARSE, why);
    return SLV_OK;
}

static slv_code step_extension(slv_http1_chunks *c, char ch)
{
    static const char why[] = "bad chunk extension";

    switch (c->state) {
    case CH_EXT_NAME_START:
        if (!slv_http1_is_token_char(ch))
            return bad(c, SLV_E_PARSE, why);
        c->state = CH_EXT_NAME;
        return SLV_OK;
    case CH_EXT_NAME:
        if (slv_http1_is_token_char(ch))
            return SLV_OK;
        if (ch != '=')
            return after_part(c, ch, why);
        c->state = CH_EXT_VALUE_START;
        return SLV_OK;
    case CH_EXT_VALUE_START:
        if (ch != '"' && !slv_http1_is_token_char(ch))
            return bad(c, SLV_E_PARSE, why);
        c->state = ch == '"' ? CH_EXT_QUOTED : CH_EXT_VALUE;
        return SLV_OK;
    case CH_EXT_VALUE:
        return slv_http1_is_token_char(ch) ? SLV_OK : after_part(c, ch, why);
    case CH_EXT_QUOTED:
        if (ch == '"')
            c->state = CH_EXT_QUOTED_END;
        else if (ch == '\\')
            c->state = CH_EXT_ESCAPE;
        else if (!is_value(ch))
            return bad(c, SLV_E_PARSE, why);
        return SLV_OK;
    case CH_EXT_ESCAPE:
        if (!is_value(ch))
            return bad(c, SLV_E_PARSE, why);
        c->state = CH_EXT_QUOTED;
        return SLV_OK;
    case CH_EXT_QUOTED_END:
        return after_part(c, ch, why);
    default:
        SLV_UNREACHABLE();
    }
}

static slv_code step_trailer(slv_http1_chunks *c, char ch)
{
    switch (c->state) {
    case CH_TRAILER:
        if (ch == '\r')
            c->state = CH_END_LF;
        else if (slv_http1_is_token_char(ch))
            c->state = CH_TRAILER_NAME;
        else
            return bad(c, SLV_E_PARSE, "bad trailer");
        return SLV_OK;
    case CH_TRAILER_NAME:
        if (ch == ':')
            c->state = CH_TRAILER_VALUE;
        else if (!slv_http1_is_token_char(ch))
            return bad(c, SLV_E_PARSE, "bad trailer");
        return SLV_OK;
    case CH_TRAILER_VALUE:
        if (ch == '\r')
            c->state = CH_TRAILER_LF;
        else if (!is_value(ch))
            return bad(c, SLV_E_PARSE, "bad trailer");
        return SLV_OK;
    case CH_TRAILER_LF:
        if (ch != '\n')
            return bad(c, SLV_E_PARSE, "CR without LF in a trailer");
        c->state = CH_TRAILER;
        return SLV_OK;
    default:
        SLV_UNREACHABLE();
    }
}

static slv_code step_size(slv_http1_chunks *c, char ch)
{
    int digit = slv_hex_value(ch);

    if (digit >= 0) {
        if (c->left > (uint64_t)INT64_MAX >> 4)
            return bad(c, SLV_E_PARSE, "the chunk size is too large");
        c->left = c->left << 4 | (uint64_t)digit;
        c->state = CH_SIZE;
        return SLV_OK;
    }
    if (c->state == CH_SIZE_START)
        return bad(c, SLV_E_PARSE, "bad chunk size");
    return after_part(c, ch, "bad chunk size");
}

/* Every byte that is no data. */
static slv_code step(slv_http1_chunks *c, char ch)
{
    switch (c->state) {
    case CH_SIZE_START:
    case CH_SIZE:
        /* sizes count, too: a size may have any number of leading zeroes */
        return step_size(c, ch);
    case CH_SIZE_LF:
        if (ch != '\n')
            return bad(c, SLV_E_PARSE, "CR without LF after a chunk size");
        c->state = c->left ? CH_DATA : CH_TRAILER;
        return SLV_OK;
    case CH_DATA_CR:
        if (ch != '\r')
            return bad(c, SLV_E_PARSE, "no CRLF after a chunk");
        c->state = CH_DATA_LF;
        return SLV_OK;
    case CH_DATA_LF:
        if (ch != '\n')
            return bad(c, SLV_E_PARSE, "no CRLF after a chunk");
        c->state = CH_SIZE_START;
        return SLV_OK;
    case CH_END_LF:
        if (ch != '\n')
            return bad(c, SLV_E_PARSE, "CR without LF after the last chunk");
        c->done = true;
        return SLV_OK;
    case CH_TRAILER:
    case CH_TRAILER_NAME:
    case CH_TRAILER_VALUE:
    case CH_TRAILER_LF:
        return step_trailer(c, ch);
    default:
        return step_extension(c, ch);
    }
}

/* Framing that a sender needs (size, CRLFs) is free; extensions, trailers and padded sizes are
 * counted. */
static bool counts(const slv_http1_chunks *c)
{
    return c->state != CH_DATA_CR && c->state != CH_DATA_LF && c->state != CH_SIZE_LF &&
           c->state != CH_SIZE_START && c->state != CH_END_LF &&
           !(c->state == CH_SIZE && c->left != 0);
}

slv_code slv_http1_chunks_next(slv_http1_chunks *c, slv_str in, size_t max_data, size_t *ret_used,
                               slv_str *ret_data)
{
    size_t i = 0;

    *ret_used = 0;
    *ret_data = SLV_STR_NULL;
    if (c->state == CH_FAILED)
        return SLV_E_PARSE;
    for (; i < in.len && !c->done && c->state != CH_DATA; i++) {
        if (counts(c) && ++c->extra > SLV_HTTP1_CHUNK_EXTRA_MAX)
            return bad(c, SLV_E_LIMIT, "chunk extensions or trailers are too large");
        SLV_TRY(step(c, in.ptr[i]));
    }
    if (c->state == CH_DATA) {
        size_t n = SLV_MIN(in.len - i, max_data);

        n = (size_t)SLV_MIN((uint64_t)n, c->left);

        *ret_data = slv_str_sub(in, i, i + n);
        c->left -= n;
        if (c->left == 0)
            c->state = CH_DATA_CR;
        i += n;
    }
    *ret_used = i;
    return SLV_OK;
}
