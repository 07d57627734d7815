/*
 * url_fast.c - recognises plain http(s) URLs that are already in normal form, so that the request
 * path need not take them apart: ASCII, a lower-case name or canonical IPv4 address, a canonical
 * port, no "." segments, nothing to escape. Whatever it is unsure about it leaves to the parser, so
 * it can only be too modest, never wrong.
 */
#include "fmt/url_int.h"

enum { HOST_BYTE = 1, PATH_BYTE = 2, QUERY_BYTE = 4, FRAGMENT_BYTE = 8, ALL_BYTES = 15 };

/* Bytes that stand as they are in each part, when nothing has to be escaped, ended or looked at
 * twice. */
static const uint8_t kinds[256] = {
    ['a' ... 'z'] = ALL_BYTES,
    ['0' ... '9'] = ALL_BYTES,
    ['A' ... 'Z'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['-'] = ALL_BYTES,
    ['.'] = ALL_BYTES,
    ['_'] = ALL_BYTES,
    ['/'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['~'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['!'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['$'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['%'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['&'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['('] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    [')'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['*'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['+'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    [','] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    [':'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    [';'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['='] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['@'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['['] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    [']'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['|'] = PATH_BYTE | QUERY_BYTE | FRAGMENT_BYTE,
    ['\''] = PATH_BYTE | FRAGMENT_BYTE,
    ['?'] = QUERY_BYTE | FRAGMENT_BYTE,
};

static size_t span(slv_str s, size_t from, uint8_t kind)
{
    while (from < s.len && kinds[(unsigned char)s.ptr[from]] & kind)
        from++;
    return from;
}

/* Four decimal parts of at most 255 without needless zeros. */
static bool canonical_ipv4(slv_str host)
{
    slv_str part;
    unsigned n = 0;

    while (slv_str_split(&host, '.', &part)) {
        uint64_t value;

        if (part.len == 0 || part.len > 3 || (part.len > 1 && part.ptr[0] == '0') ||
            slv_parse_u64(part, &value) != SLV_OK || value > 255)
            return false;
        n++;
    }
    return n == 4;
}

static bool plain_host(slv_str host)
{
    if (host.len == 0 || host.len > 255)
        return false;
    slv_str last = slv_str_skip(host, slv_str_rchr(host, '.') + 1); /* none: SIZE_MAX + 1 is 0 */
    return (last.len > 0 && slv_is_alpha(last.ptr[0])) || canonical_ipv4(host);
}

/* True when a segment of path may be "." or "..", in whatever spelling. */
static bool has_dots(slv_str path)
{
    for (size_t i = 0; (i = slv_str_chr(path, '/', i)) != SIZE_MAX;) {
        i++;
        if (i < path.len && (path.ptr[i] == '.' || path.ptr[i] == '%'))
            return true;
    }
    return false;
}

/* Digits after ":" at i; *ret_end is behind them. */
static bool plain_port(slv_str s, size_t i, slv_url_scheme scheme, uint32_t *ret_port,
                       size_t *ret_end)
{
    size_t end = i + 1;
    uint64_t port;

    while (end < s.len && slv_is_digit(s.ptr[end]))
        end++;
    slv_str digits = slv_str_sub(s, i + 1, end);
    if (digits.len == 0 || digits.len > 5 || (digits.len > 1 && digits.ptr[0] == '0') ||
        slv_parse_u64(digits, &port) != SLV_OK || port > 65535 ||
        (int32_t)port == slv_url_default_port(scheme))
        return false;
    *ret_port = (uint32_t)port;
    *ret_end = end;
    return true;
}

bool slv_url_fast_parse(slv_str s, slv_url *ret, slv_code *ret_code)
{
    bool https = slv_str_starts(s, SLV_STR("https://"));
    slv_url_scheme scheme = https ? SLV_URL_HTTPS : SLV_URL_HTTP;
    uint32_t protocol_end = https ? 6 : 5;
    slv_url_offsets at = {protocol_end, protocol_end + 2, protocol_end + 2, 0, SLV_URL_NONE, 0,
                          SLV_URL_NONE, SLV_URL_NONE};

    if (s.len >= SLV_URL_MAX || (!https && !slv_str_starts(s, SLV_STR("http://"))))
        return false;
    size_t i = span(s, at.host_start, HOST_BYTE);
    at.host_end = (uint32_t)i;
    if (!plain_host(slv_str_sub(s, at.host_start, i)))
        return false;
    if (i < s.len && s.ptr[i] == ':' && !plain_port(s, i, scheme, &at.port, &i))
        return false;
    at.pathname_start = (uint32_t)i;
    if (i < s.len) {
        if (s.ptr[i] != '/')
            return false;
        i = span(s, i, PATH_BYTE);
        if (has_dots(slv_str_sub(s, at.pathname_start, i)))
            return false;
        if (i < s.len && s.ptr[i] == '?') {
            at.search_start = (uint32_t)i;
            i = span(s, i, QUERY_BYTE);
        }
        if (i < s.len && s.ptr[i] == '#') {
            at.hash_start = (uint32_t)i;
            i = span(s, i + 1, FRAGMENT_BYTE);
        }
        if (i < s.len)
            return false;
    }
    *ret_code = slv_buf_reserve(&ret->href, s.len + 1);
    if (*ret_code != SLV_OK)
        return true;
    memmove(ret->href.ptr, s.ptr, s.len);
    if (at.pathname_start == s.len)
        ret->href.ptr[s.len++] = '/';
    ret->href.len = s.len;
    ret->at = at;
    ret->scheme = scheme;
    ret->has_host = true;
    ret->opaque_path = false;
    return true;
}
