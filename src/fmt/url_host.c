/* url_host.c - the host parser: domains, opaque hosts, IPv4 and IPv6 in all the spellings that the
 * standard takes. */
#include "base/utf8.h"
#include "fmt/url_int.h"

static bool forbidden_host_byte(unsigned char c)
{
    return c == '\0' || c == '\t' || c == '\n' || c == '\r' || c == ' ' || c == '#' || c == '/' ||
           c == ':' || c == '<' || c == '>' || c == '?' || c == '@' || c == '[' || c == '\\' ||
           c == ']' || c == '^' || c == '|';
}

static bool forbidden_domain_byte(unsigned char c)
{
    return forbidden_host_byte(c) || c <= 0x1F || c == '%' || c == 0x7F;
}

/* One part of an IPv4 address: decimal, 0x hexadecimal or 0 octal. Values past 32 bits are all
 * alike too large. */
static bool ipv4_number(slv_str part, uint64_t *ret)
{
    unsigned radix = 10;
    uint64_t value = 0;

    if (part.len == 0)
        return false;
    if (part.len >= 2 && part.ptr[0] == '0' && slv_ascii_lower(part.ptr[1]) == 'x') {
        part = slv_str_skip(part, 2);
        radix = 16;
    } else if (part.len >= 2 && part.ptr[0] == '0') {
        part = slv_str_skip(part, 1);
        radix = 8;
    }
    for (size_t i = 0; i < part.len; i++) {
        int digit = slv_hex_value(part.ptr[i]);

        if (digit < 0 || (unsigned)digit >= radix)
            return false;
        value = SLV_MIN(value * radix + (unsigned)digit, (uint64_t)1 << 40);
    }
    *ret = value;
    return true;
}

static bool all_digits(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_digit(s.ptr[i]))
            return false;
    return s.len > 0;
}

static slv_str without_last_dot(slv_str s)
{
    return s.len > 0 && s.ptr[s.len - 1] == '.' ? slv_str_sub(s, 0, s.len - 1) : s;
}

static bool ends_in_number(slv_str domain)
{
    slv_str s = without_last_dot(domain);
    uint64_t ignored;

    if (s.len == 0)
        return false;
    slv_str last = slv_str_skip(s, slv_str_rchr(s, '.') + 1); /* none: SIZE_MAX + 1 is 0 */
    return all_digits(last) || ipv4_number(last, &ignored);
}

static slv_code parse_ipv4(slv_str domain, slv_buf *ret)
{
    slv_str left = without_last_dot(domain), part;
    uint64_t numbers[4], address = 0;
    size_t n = 0;

    while (slv_str_split(&left, '.', &part)) {
        if (n == 4 || !ipv4_number(part, &numbers[n]))
            return SLV_E_PARSE;
        n++;
    }
    if (n == 0)
        return SLV_E_PARSE;
    for (size_t i = 0; i + 1 < n; i++) {
        if (numbers[i] > 255)
            return SLV_E_PARSE;
        address |= numbers[i] << (8 * (3 - i));
    }
    if (numbers[n - 1] >= (uint64_t)1 << (8 * (5 - n)))
        return SLV_E_PARSE;
    address |= numbers[n - 1];
    slv_buf_reset(ret);
    return slv_buf_printf(ret, "%u.%u.%u.%u", (unsigned)(address >> 24),
                          (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
                          (unsigned)(address & 255));
}

/* The dotted decimal at the end of an IPv6 address, whole of s: two pieces. */
static bool ipv6_tail(slv_str s, uint16_t ret[2])
{
    slv_str part;
    unsigned bytes[4], n = 0;

    while (slv_str_split(&s, '.', &part)) {
        uint64_t value;

        if (n == 4 || !all_digits(part) || part.len > 3 || (part.len > 1 && part.ptr[0] == '0') ||
            slv_parse_u64(part, &value) != SLV_OK || value > 255)
            return false;
        bytes[n++] = (unsigned)value;
    }
    if (n != 4)
        return false;
    ret[0] = (uint16_t)(bytes[0] << 8 | bytes[1]);
    ret[1] = (uint16_t)(bytes[2] << 8 | bytes[3]);
    return true;
}

/* Moves the pieces behind "::" to the end. */
static void ipv6_expand(uint16_t pieces[8], size_t n, size_t compress)
{
    size_t moved = n - compress;

    for (size_t i = 0; i < moved; i++) {
        pieces[7 - i] = pieces[n - 1 - i];
        if (7 - i != n - 1 - i)
            pieces[n - 1 - i] = 0;
    }
}

static bool parse_ipv6(slv_str s, uint16_t pieces[8])
{
    size_t n = 0, compress = SIZE_MAX, i = 0;

    memset(pieces, 0, 8 * sizeof pieces[0]);
    if (s.len >= 2 && s.ptr[0] == ':') {
        if (s.ptr[1] != ':')
            return false;
        compress = 0;
        i = 2;
    } else if (s.len == 0 || s.ptr[0] == ':') {
        return false;
    }
    while (i < s.len) {
        size_t start = i;
        unsigned value = 0;

        if (n == 8)
            return false;
        if (s.ptr[i] == ':') {
            if (compress != SIZE_MAX)
                return false;
            compress = n;
            i++;
            continue;
        }
        for (; i < s.len && i - start < 4 && slv_hex_value(s.ptr[i]) >= 0; i++)
            value = value << 4 | (unsigned)slv_hex_value(s.ptr[i]);
        if (i < s.len && s.ptr[i] == '.') {
            if (i == start || n > 6 || !ipv6_tail(slv_str_skip(s, start), pieces + n))
                return false;
            n += 2;
            break;
        }
        if (i == start)
            return false;
        pieces[n++] = (uint16_t)value;
        if (i == s.len)
            break;
        if (s.ptr[i] != ':' || ++i == s.len)
            return false;
    }
    if (compress == SIZE_MAX)
        return n == 8;
    ipv6_expand(pieces, n, compress);
    return true;
}

/* The first longest run of at least two zero pieces. */
static size_t zero_run(const uint16_t pieces[8], size_t *ret_len)
{
    size_t best = 8, best_len = 1;

    for (size_t i = 0; i < 8; i++) {
        size_t len = 0;

        while (i + len < 8 && pieces[i + len] == 0)
            len++;
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    *ret_len = best_len;
    return best;
}

static slv_code write_ipv6(const uint16_t pieces[8], slv_buf *ret)
{
    size_t run_len, run = zero_run(pieces, &run_len);

    slv_buf_reset(ret);
    SLV_TRY(slv_buf_append_byte(ret, '['));
    for (size_t i = 0; i < 8; i++) {
        if (i == run) {
            SLV_TRY(slv_buf_append(ret, i == 0 ? SLV_STR("::") : SLV_STR(":")));
            i += run_len - 1;
            continue;
        }
        SLV_TRY(slv_buf_printf(ret, "%x", pieces[i]));
        if (i < 7)
            SLV_TRY(slv_buf_append_byte(ret, ':'));
    }
    return slv_buf_append_byte(ret, ']');
}

static slv_code parse_opaque_host(slv_str input, slv_buf *ret)
{
    for (size_t i = 0; i < input.len; i++)
        if (forbidden_host_byte((unsigned char)input.ptr[i]))
            return SLV_E_PARSE;
    slv_buf_reset(ret);
    return slv_url_percent_encode(input, SLV_URL_SET_C0, ret);
}

slv_code slv_url_parse_host(slv_str input, bool special, slv_buf *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf decoded = SLV_BUF(SLV_URL_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf ascii = SLV_BUF(SLV_URL_MAX);

    if (input.len > 0 && input.ptr[0] == '[') {
        uint16_t pieces[8];

        if (input.ptr[input.len - 1] != ']' ||
            !parse_ipv6(slv_str_sub(input, 1, input.len - 1), pieces))
            return SLV_E_PARSE;
        return write_ipv6(pieces, ret);
    }
    if (!special)
        return parse_opaque_host(input, ret);
    SLV_TRY(slv_url_percent_decode(input, &decoded));
    SLV_TRY(slv_url_domain_to_ascii(slv_buf_view(&decoded), &ascii));
    slv_str domain = slv_buf_view(&ascii);
    for (size_t i = 0; i < domain.len; i++)
        if (forbidden_domain_byte((unsigned char)domain.ptr[i]))
            return SLV_E_PARSE;
    if (ends_in_number(domain))
        return parse_ipv4(domain, ret);
    return slv_buf_set(ret, domain);
}
