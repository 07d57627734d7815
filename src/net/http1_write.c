#include "net/http1_write.h"

#include <stdio.h>
#include <time.h>

#include "net/http1.h"

const char *slv_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {207, "Multi-Status"},
        {208, "Already Reported"},
        {226, "IM Used"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {305, "Use Proxy"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Payload Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {418, "I'm a teapot"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Entity"},
        {423, "Locked"},
        {424, "Failed Dependency"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {506, "Variant Also Negotiates"},
        {507, "Insufficient Storage"},
        {508, "Loop Detected"},
        {510, "Not Extended"},
        {511, "Network Authentication Required"},
    };

    if (status == 200)
        return "OK";
    for (size_t i = 0; i < SLV_ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

void slv_http_date(int64_t wall_ms, char out[30])
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[64];

    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
             tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    memcpy(out, text, 29);
    out[29] = 0;
}

bool slv_http_hop_by_hop(slv_str name)
{
    switch (name.len) {
    case 2:
        return slv_str_eq_nocase(name, SLV_STR("te"));
    case 7:
        return slv_str_eq_nocase(name, SLV_STR("trailer")) ||
               slv_str_eq_nocase(name, SLV_STR("upgrade"));
    case 10:
        return slv_str_eq_nocase(name, SLV_STR("connection")) ||
               slv_str_eq_nocase(name, SLV_STR("keep-alive"));
    case 16:
        return slv_str_eq_nocase(name, SLV_STR("proxy-connection"));
    case 17:
        return slv_str_eq_nocase(name, SLV_STR("transfer-encoding"));
    default:
        return false;
    }
}

bool slv_http_block_next(slv_str *block, slv_str *ret_name, slv_str *ret_value, bool *ret_bad)
{
    size_t line, colon;
    slv_str value;

    if (block->len == 0)
        return false;
    line = slv_str_chr(*block, '\n', 0);
    colon = slv_str_chr(*block, ':', 0);
    if (line == SIZE_MAX || colon == SIZE_MAX || colon > line) {
        *ret_bad = true;
        return false;
    }
    value = slv_str_sub(*block, colon + 1, line);
    while (value.len > 0 && (value.ptr[0] == ' ' || value.ptr[0] == '\t'))
        value = slv_str_skip(value, 1);
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
        value.len--;
    *ret_name = slv_str_sub(*block, 0, colon);
    *ret_value = value;
    if (!slv_http1_is_token(*ret_name) || !slv_http1_is_field_value(value)) {
        *ret_bad = true;
        return false;
    }
    *block = slv_str_skip(*block, line + 1);
    return true;
}

static char *put(char *p, slv_str s)
{
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

static char *put_number(char *p, uint64_t v)
{
    char digits[20];
    size_t n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n > 0)
        *p++ = digits[--n];
    return p;
}

typedef struct fields_seen {
    bool date, length, hsts, bad;
} fields_seen;

static char *put_fields(char *p, slv_str block, const slv_http1_write *how, fields_seen *seen)
{
    slv_str name, value;

    while (slv_http_block_next(&block, &name, &value, &seen->bad)) {
        if (slv_http_hop_by_hop(name))
            continue;
        if (name.len == 14 && slv_str_eq_nocase(name, SLV_STR("content-length"))) {
            if (!how->keeps_length)
                continue;
            seen->length = true;
        }
        if (name.len == 4 && slv_str_eq_nocase(name, SLV_STR("date")))
            seen->date = true;
        if (name.len == 25 && slv_str_eq_nocase(name, SLV_STR("strict-transport-security")))
            seen->hsts = true;
        p = put(p, name);
        p = put(p, SLV_STR(": "));
        p = put(p, value);
        p = put(p, SLV_STR("\r\n"));
    }
    return p;
}

static char *put_framing(char *p, const slv_response_head *head, const slv_http1_write *how,
                         bool length_given)
{
    if (how->upgrade)
        return put(p, SLV_STR("Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    if (how->bare || length_given) {
        /* nothing to say */
    } else if (how->chunked) {
        p = put(p, SLV_STR("Transfer-Encoding: chunked\r\n"));
    } else if (head->length >= 0) {
        p = put(p, SLV_STR("Content-Length: "));
        p = put_number(p, (uint64_t)head->length);
        p = put(p, SLV_STR("\r\n"));
    }
    if (!how->keep_alive)
        p = put(p, SLV_STR("Connection: close\r\n"));
    else if (how->version == 10)
        p = put(p, SLV_STR("Connection: keep-alive\r\n"));
    return p;
}

slv_code slv_http1_write_head(slv_outq *q, const slv_response_head *head,
                              const slv_http1_write *how, slv_err *err)
{
    slv_str reason = head->reason.len ? head->reason : slv_str_from(slv_http_reason(head->status));
    char *start, *p;
    fields_seen seen = {.date = false};

    if (head->status < 100 || head->status > 999)
        return slv_fail(err, SLV_E_INVAL, "response status %d cannot be sent", head->status);
    if (!slv_http1_is_field_value(reason))
        return slv_fail(err, SLV_E_INVAL, "the response's status text holds a control character");
    if (head->headers.len + reason.len > SLV_EXCHANGE_HEAD_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the response's head is larger than %zu bytes",
                        SLV_EXCHANGE_HEAD_MAX);
    /* Each row grows by two bytes at most (": " and CRLF for ":" and LF) and is at least three
     * bytes long ("a:\n"). */
    start = p =
        slv_outq_reserve(q, head->headers.len + head->headers.len / 3 * 2 + reason.len + 320);
    p = put(p, SLV_STR("HTTP/1.1 "));
    p = put_number(p, (uint64_t)head->status);
    *p++ = ' ';
    p = put(p, reason);
    p = put(p, SLV_STR("\r\n"));
    p = put_fields(p, head->headers, how, &seen);
    if (seen.bad)
        return slv_fail(err, SLV_E_INVAL, "a response header cannot be sent");
    if (how->hsts.len > 0 && !seen.hsts)
        p = put(p, how->hsts);
    if (!seen.date) {
        p = put(p, SLV_STR("Date: "));
        p = put(p, how->date);
        p = put(p, SLV_STR("\r\n"));
    }
    p = put_framing(p, head, how, seen.length);
    p = put(p, SLV_STR("\r\n"));
    slv_outq_commit(q, (size_t)(p - start));
    return SLV_OK;
}
