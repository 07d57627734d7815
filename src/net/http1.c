#include "net/http1.h"

enum state {
    ST_START,
    ST_METHOD,
    ST_TARGET,
    ST_VERSION, /* the 8 bytes "HTTP/d.d" */
    ST_REQUEST_CR,
    ST_STATUS,
    ST_STATUS_END,
    ST_REASON,
    ST_LINE_LF,
    ST_FIELD,
    ST_NAME,
    ST_VALUE_START,
    ST_VALUE,
    ST_VALUE_LF,
    ST_END_LF,
    ST_DONE,
    ST_FAILED,
};

enum { TOKEN = 1, TARGET = 2, VALUE = 4 };

/* Classes of bytes: TOKEN (RFC 9110 tchar), TARGET (visible ASCII), VALUE (TAB, space, visible
 * ASCII, 0x80 and up). */
#define T TOKEN | TARGET | VALUE
#define V TARGET | VALUE
/* clang-format off */
static const uint8_t classes[256] = {
    ['\t'] = VALUE, [' '] = VALUE,
    ['!'] = T, ['"'] = V, ['#'] = T, ['$'] = T, ['%'] = T, ['&'] = T, ['\''] = T, ['('] = V, [')'] = V, ['*'] = T,
    ['+'] = T, [','] = V, ['-'] = T, ['.'] = T, ['/'] = V, ['0' ... '9'] = T, [':'] = V, [';'] = V, ['<'] = V,
    ['='] = V, ['>'] = V, ['?'] = V, ['@'] = V, ['A' ... 'Z'] = T, ['['] = V, ['\\'] = V, [']'] = V, ['^'] = T,
    ['_'] = T, ['`'] = T, ['a' ... 'z'] = T, ['{'] = V, ['|'] = T, ['}'] = V, ['~'] = T,
    [0x80 ... 0xff] = VALUE,
};
/* clang-format on */
#undef T
#undef V

static inline bool is(char c, unsigned class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

bool slv_http1_is_token_char(char c)
{
    return is(c, TOKEN);
}

bool slv_http1_is_token(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is(s.ptr[i], TOKEN))
            return false;
    return s.len > 0;
}

bool slv_http1_is_field_value(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is(s.ptr[i], VALUE))
            return false;
    return true;
}

bool slv_http1_known_method(slv_str m)
{
    static const char *const methods[] = {
        "GET",    "HEAD",       "POST",        "PUT",        "DELETE",   "PATCH",  "OPTIONS",
        "PURGE",  "PROPFIND",   "PROPPATCH",   "MKCOL",      "COPY",     "MOVE",   "LOCK",
        "UNLOCK", "ACL",        "BIND",        "UNBIND",     "REBIND",   "REPORT", "SEARCH",
        "QUERY",  "MKACTIVITY", "CHECKOUT",    "MERGE",      "M-SEARCH", "NOTIFY", "LINK",
        "UNLINK", "SUBSCRIBE",  "UNSUBSCRIBE", "MKCALENDAR", "SOURCE",   "BAN",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(methods); i++)
        if (slv_str_is(m, methods[i]))
            return true;
    return false;
}

static slv_str trim_blanks(slv_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = slv_str_skip(s, 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

bool slv_http1_list_has(slv_str list, slv_str token)
{
    slv_str item;

    while (slv_str_split(&list, ',', &item))
        if (slv_str_eq_nocase(trim_blanks(item), token))
            return true;
    return false;
}

void slv_http1_head_init(slv_http1_head *h, bool response, slv_http1_field *fields)
{
    *h = (slv_http1_head){.response = response, .fields = fields};
}

bool slv_http1_keeps_alive(const slv_http1_head *h)
{
    if (h->flags & SLV_HTTP1_CONNECTION_CLOSE || h->framing == SLV_HTTP1_TO_CLOSE)
        return false;
    return h->version == 11 || (h->version == 10 && h->flags & SLV_HTTP1_CONNECTION_KEEP);
}

static slv_code refuse(slv_http1_head *h, slv_code code, uint16_t status, const char *why)
{
    h->state = ST_FAILED;
    h->error_status = status;
    h->error = why;
    return code;
}

static slv_code bad(slv_http1_head *h, const char *why)
{
    return refuse(h, SLV_E_PARSE, 400, why);
}

/* What the fields that matter to framing say.
 * ------------------------------------------------------------------- */

static slv_code on_content_length(slv_http1_head *h, slv_str value)
{
    if (h->has_length)
        return bad(h, "more than one Content-Length");
    if (h->has_coding)
        return bad(h, "Content-Length beside Transfer-Encoding");
    if (slv_parse_u64(value, &h->content_length) != SLV_OK || h->content_length > INT64_MAX)
        return bad(h, "bad Content-Length");
    h->has_length = true;
    return SLV_OK;
}

/* "chunked" must come once, and last over all fields of that name. A response may end in another
   coding (it then ends with the connection). */
static slv_code on_transfer_encoding(slv_http1_head *h, slv_str value)
{
    slv_str item;

    if (h->has_length)
        return bad(h, "Transfer-Encoding beside Content-Length");
    h->has_coding = true;
    while (slv_str_split(&value, ',', &item)) {
        item = trim_blanks(item);
        if (item.len == 0)
            continue;
        if (h->chunked) {
            if (!h->response)
                return bad(h, "a transfer coding after chunked");
            h->chunked = false;
            h->flags |= SLV_HTTP1_CODED;
        } else if (slv_str_eq_nocase(item, SLV_STR("chunked"))) {
            h->chunked = true;
        } else {
            h->flags |= SLV_HTTP1_CODED;
        }
    }
    return SLV_OK;
}

static void on_connection(slv_http1_head *h, slv_str value)
{
    slv_str item;

    while (slv_str_split(&value, ',', &item)) {
        item = trim_blanks(item);
        if (slv_str_eq_nocase(item, SLV_STR("close")))
            h->flags |= SLV_HTTP1_CONNECTION_CLOSE;
        else if (slv_str_eq_nocase(item, SLV_STR("keep-alive")))
            h->flags |= SLV_HTTP1_CONNECTION_KEEP;
        else if (slv_str_eq_nocase(item, SLV_STR("upgrade")))
            h->flags |= SLV_HTTP1_CONNECTION_UPGRADE;
        else if (item.len > 0)
            h->flags |= SLV_HTTP1_CONNECTION_OTHER;
    }
}

static slv_code on_field(slv_http1_head *h, slv_str name, slv_str value)
{
    switch (name.len) {
    case 4:
        if (slv_str_eq_nocase(name, SLV_STR("host")))
            h->flags |= h->flags & SLV_HTTP1_HOST ? SLV_HTTP1_HOST_TWICE : SLV_HTTP1_HOST;
        break;
    case 6:
        if (slv_str_eq_nocase(name, SLV_STR("expect")))
            h->flags |= slv_str_eq_nocase(value, SLV_STR("100-continue"))
                            ? SLV_HTTP1_EXPECT_CONTINUE
                            : SLV_HTTP1_EXPECT_OTHER;
        break;
    case 7:
        if (slv_str_eq_nocase(name, SLV_STR("upgrade")))
            h->flags |= SLV_HTTP1_UPGRADE;
        break;
    case 10:
        if (slv_str_eq_nocase(name, SLV_STR("connection")))
            on_connection(h, value);
        break;
    case 14:
        if (slv_str_eq_nocase(name, SLV_STR("content-length")))
            return on_content_length(h, value);
        break;
    case 17:
        if (slv_str_eq_nocase(name, SLV_STR("transfer-encoding")))
            return on_transfer_encoding(h, value);
        break;
    default:
        break;
    }
    return SLV_OK;
}

static slv_code on_head_end(slv_http1_head *h)
{
    if (h->has_coding && h->version < 11)
        return bad(h, "Transfer-Encoding in HTTP/1.0");
    if (!h->response) {
        if (h->has_coding && !h->chunked)
            return bad(h, "Transfer-Encoding does not end in chunked");
        h->framing = h->chunked      ? SLV_HTTP1_CHUNKED
                     : h->has_length ? SLV_HTTP1_LENGTH
                                     : SLV_HTTP1_NO_BODY;
    } else if (h->status < 200 || h->status == 204 || h->status == 304) {
        h->framing = SLV_HTTP1_NO_BODY;
    } else if (h->has_coding) {
        h->framing = h->chunked ? SLV_HTTP1_CHUNKED : SLV_HTTP1_TO_CLOSE;
    } else {
        h->framing = h->has_length ? SLV_HTTP1_LENGTH : SLV_HTTP1_TO_CLOSE;
    }
    h->length = h->pos;
    h->state = ST_DONE;
    return SLV_OK;
}

/* Scanning.
 * ------------------------------------------------------------------------------------------------------
 */

/* Eight bytes at once: true when one of them is below 0x20, or is 0x7f. Exact for "none"; may not
 * err that way. */
static inline bool has_control(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
    uint64_t del = x ^ (ones * 0x7f);

    return (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & highs;
}

static uint32_t scan_value(const char *p, uint32_t pos, uint32_t end)
{
    while (end - pos >= 8) {
        uint64_t x;

        memcpy(&x, p + pos, 8);
        if (has_control(x))
            break;
        pos += 8;
    }
    while (pos < end && is(p[pos], VALUE))
        pos++;
    return pos;
}

static uint32_t scan_class(const char *p, uint32_t pos, uint32_t end, unsigned class)
{
    while (pos < end && is(p[pos], class))
        pos++;
    return pos;
}

static bool known_version(const char *p, uint8_t *ret)
{
    if (memcmp(p, "HTTP/", 5) != 0 || !slv_is_digit(p[5]) || p[6] != '.' || !slv_is_digit(p[7]))
        return false;
    *ret = (uint8_t)((p[5] - '0') * 10 + (p[7] - '0'));
    return *ret == 9 || *ret == 10 || *ret == 11 || *ret == 20;
}

/* The step functions return true when the state moved on; false when more bytes are needed or
 * *ret_code is an error. */

static bool step_request_line(slv_http1_head *h, const char *p, uint32_t end, slv_code *ret_code)
{
    switch (h->state) {
    case ST_METHOD:
        h->pos = scan_class(p, h->pos, end, TOKEN);
        if (h->pos - h->mark > SLV_HTTP1_METHOD_MAX ||
            (h->pos < end && (p[h->pos] != ' ' || h->pos == h->mark))) {
            *ret_code = bad(h, "bad method");
            return false;
        }
        if (h->pos == end)
            return false;
        h->method = (slv_http1_slice){h->mark, h->pos - h->mark};
        h->mark = ++h->pos;
        h->state = ST_TARGET;
        return true;
    case ST_TARGET:
        h->pos = scan_class(p, h->pos, end, TARGET);
        if (h->pos - h->mark > SLV_HTTP1_TARGET_MAX) {
            *ret_code = refuse(h, SLV_E_LIMIT, 414, "the request target is too long");
            return false;
        }
        if (h->pos == end)
            return false;
        if (p[h->pos] != ' ' || h->pos == h->mark) {
            *ret_code = bad(h, "bad request target");
            return false;
        }
        h->target = (slv_http1_slice){h->mark, h->pos - h->mark};
        h->mark = ++h->pos;
        h->state = ST_VERSION;
        return true;
    default: /* ST_REQUEST_CR */
        if (h->pos == end)
            return false;
        if (p[h->pos++] != '\r') {
            *ret_code = bad(h, "bad request line");
            return false;
        }
        h->state = ST_LINE_LF;
        return true;
    }
}

static bool step_status_line(slv_http1_head *h, const char *p, uint32_t end, slv_code *ret_code)
{
    switch (h->state) {
    case ST_STATUS:
        if (end - h->pos < 4)
            return false;
        if (p[h->pos] != ' ' || p[h->pos + 1] < '1' || p[h->pos + 1] > '9' ||
            !slv_is_digit(p[h->pos + 2]) || !slv_is_digit(p[h->pos + 3])) {
            *ret_code = bad(h, "bad status code");
            return false;
        }
        h->status = (uint16_t)((p[h->pos + 1] - '0') * 100 + (p[h->pos + 2] - '0') * 10 +
                               (p[h->pos + 3] - '0'));
        h->pos += 4;
        h->state = ST_STATUS_END;
        return true;
    case ST_STATUS_END:
        if (h->pos == end)
            return false;
        if (p[h->pos] != ' ' && p[h->pos] != '\r') {
            *ret_code = bad(h, "bad status line");
            return false;
        }
        h->mark = p[h->pos] == ' ' ? ++h->pos : h->pos;
        h->state = ST_REASON;
        return true;
    default: /* ST_REASON */
        h->pos = scan_value(p, h->pos, end);
        if (h->pos == end)
            return false;
        if (p[h->pos] != '\r') {
            *ret_code = bad(h, "bad status line");
            return false;
        }
        h->reason = (slv_http1_slice){h->mark, h->pos - h->mark};
        h->pos++;
        h->state = ST_LINE_LF;
        return true;
    }
}

static bool step_start_line(slv_http1_head *h, const char *p, uint32_t end, slv_code *ret_code)
{
    switch (h->state) {
    case ST_START:
        while (h->pos < end && (p[h->pos] == '\r' || p[h->pos] == '\n'))
            h->pos++;
        if (h->pos == end)
            return false;
        h->mark = h->pos;
        h->state = h->response ? ST_VERSION : ST_METHOD;
        return true;
    case ST_VERSION:
        /* Wrong bytes are refused as they come: a TLS greeting has no line end. */
        for (; h->pos < end && h->pos - h->mark < 5; h->pos++)
            if (p[h->pos] != "HTTP/"[h->pos - h->mark]) {
                *ret_code = bad(h, "not HTTP");
                return false;
            }
        if (end - h->mark < 8)
            return false;
        if (!known_version(p + h->mark, &h->version)) {
            *ret_code = refuse(h, SLV_E_PARSE, 505, "unknown HTTP version");
            return false;
        }
        h->pos = h->mark + 8;
        h->state = h->response ? ST_STATUS : ST_REQUEST_CR;
        return true;
    case ST_LINE_LF:
        if (h->pos == end)
            return false;
        if (p[h->pos++] != '\n') {
            *ret_code = bad(h, "CR without LF");
            return false;
        }
        h->state = ST_FIELD;
        return true;
    case ST_METHOD:
    case ST_TARGET:
    case ST_REQUEST_CR:
        return step_request_line(h, p, end, ret_code);
    default:
        return step_status_line(h, p, end, ret_code);
    }
}

static slv_code end_value(slv_http1_head *h, const char *p)
{
    slv_http1_field *f = &h->fields[h->field_count];
    uint32_t end = h->pos;

    while (end > h->mark && (p[end - 1] == ' ' || p[end - 1] == '\t'))
        end--;
    f->value = (slv_http1_slice){h->mark, end - h->mark};
    h->field_count++;
    return on_field(h, slv_http1_text(f->name, p), slv_http1_text(f->value, p));
}

/* As step_start_line, for the fields and the empty line. */
static bool step_fields(slv_http1_head *h, const char *p, uint32_t end, slv_code *ret_code)
{
    if (h->pos == end)
        return false;
    switch (h->state) {
    case ST_FIELD:
        if (p[h->pos] == '\r') {
            h->pos++;
            h->state = ST_END_LF;
            return true;
        }
        if (h->field_count == SLV_HTTP1_HEADERS_MAX) {
            *ret_code = refuse(h, SLV_E_LIMIT, 431, "too many header fields");
            return false;
        }
        if (!is(p[h->pos], TOKEN)) {
            *ret_code = bad(h, p[h->pos] == ' ' || p[h->pos] == '\t'
                                   ? "a header line begins with white space"
                                   : "bad header name");
            return false;
        }
        h->mark = h->pos;
        h->state = ST_NAME;
        return true;
    case ST_NAME:
        h->pos = scan_class(p, h->pos, end, TOKEN);
        if (h->pos == end)
            return false;
        if (p[h->pos] != ':') {
            *ret_code = bad(h, "bad header name");
            return false;
        }
        h->fields[h->field_count].name = (slv_http1_slice){h->mark, h->pos - h->mark};
        h->pos++;
        h->state = ST_VALUE_START;
        return true;
    case ST_VALUE_START:
        while (h->pos < end && (p[h->pos] == ' ' || p[h->pos] == '\t'))
            h->pos++;
        h->mark = h->pos;
        h->state = h->pos < end ? ST_VALUE : ST_VALUE_START;
        return h->pos < end;
    case ST_VALUE:
        h->pos = scan_value(p, h->pos, end);
        if (h->pos == end)
            return false;
        if (p[h->pos] != '\r') {
            *ret_code = bad(h, p[h->pos] == '\n' ? "LF without CR" : "bad header value");
            return false;
        }
        h->state = ST_VALUE_LF;
        return true;
    case ST_VALUE_LF: /* pos stands on the CR */
        if (end - h->pos < 2)
            return false;
        if (p[h->pos + 1] != '\n') {
            *ret_code = bad(h, "CR without LF");
            return false;
        }
        *ret_code = end_value(h, p);
        if (*ret_code != SLV_OK)
            return false;
        h->pos += 2;
        h->state = ST_FIELD;
        return true;
    case ST_END_LF:
        if (p[h->pos++] != '\n') {
            *ret_code = bad(h, "CR without LF");
            return false;
        }
        *ret_code = on_head_end(h);
        return false;
    default:
        SLV_UNREACHABLE();
    }
}

slv_code slv_http1_head_parse(slv_http1_head *h, slv_str data)
{
    uint32_t end = (uint32_t)SLV_MIN(data.len, SLV_HTTP1_HEAD_MAX);
    slv_code code = SLV_E_AGAIN;

    SLV_ASSERT(h->state != ST_DONE);
    if (h->state == ST_FAILED)
        return SLV_E_PARSE;
    while (h->state < ST_FIELD && step_start_line(h, data.ptr, end, &code))
        ;
    if (h->state >= ST_FIELD && h->state < ST_DONE) {
        bool more = true;

        while (more) {
            code = SLV_E_AGAIN;
            more = step_fields(h, data.ptr, end, &code);
        }
    }
    if (code == SLV_E_AGAIN && data.len >= SLV_HTTP1_HEAD_MAX)
        return refuse(h, SLV_E_LIMIT, 431, "the request head is too large");
    return code;
}
