#include "net/proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "fmt/sum.h"

#define BINARY_HEAD 16u /* signature, command, family, length */
#define SIGNATURE_LEN 12u
#define TLV_CRC32C 0x03
#define TLV_SSL 0x20
#define SSL_CLIENT_TLS 0x01

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static slv_code bad(const char **ret_why, const char *why)
{
    *ret_why = why;
    return SLV_E_PARSE;
}

/* ---- version 1 ---- */

static bool read_address(slv_str word, int family, char out[46])
{
    uint8_t bytes[16];

    if (word.len == 0 || word.len > 45)
        return false;
    memcpy(out, word.ptr, word.len);
    out[word.len] = 0;
    /* written as we write it, so that one client has one name */
    return inet_pton(family, out, bytes) == 1 && inet_ntop(family, bytes, out, 46);
}

static bool read_port(slv_str word, uint16_t *ret)
{
    uint64_t n;

    if (word.len == 0 || (word.len > 1 && word.ptr[0] == '0') ||
        slv_parse_u64(word, &n) != SLV_OK || n > UINT16_MAX)
        return false;
    *ret = (uint16_t)n;
    return true;
}

static slv_code parse_line(slv_str data, slv_proxy_header *h, const char **ret_why)
{
    size_t end = slv_str_find(slv_str_sub(data, 0, SLV_PROXY_LINE_MAX), SLV_STR("\r\n"), 0);
    slv_str rest, word[5];
    int family;

    if (end == SIZE_MAX)
        return data.len >= SLV_PROXY_LINE_MAX ? bad(ret_why, "the line is too long") : SLV_E_AGAIN;
    h->length = end + 2;
    rest = slv_str_sub(data, 6, end);
    if (slv_str_is(rest, "UNKNOWN") || slv_str_starts(rest, SLV_STR("UNKNOWN ")))
        return SLV_OK;
    for (size_t i = 0; i < SLV_ARRAY_LEN(word); i++)
        if (!slv_str_split(&rest, ' ', &word[i]))
            return bad(ret_why, "a word is missing");
    if (rest.ptr)
        return bad(ret_why, "too many words");
    if (slv_str_is(word[0], "TCP4"))
        family = AF_INET;
    else if (slv_str_is(word[0], "TCP6"))
        family = AF_INET6;
    else
        return bad(ret_why, "unknown protocol");
    if (!read_address(word[1], family, h->peer) || !read_address(word[2], family, h->local))
        return bad(ret_why, "bad address");
    if (!read_port(word[3], &h->peer_port) || !read_port(word[4], &h->local_port))
        return bad(ret_why, "bad port");
    h->known = true;
    return SLV_OK;
}

/* ---- version 2 ---- */

static uint16_t get_u16(const char *p)
{
    return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

/* The sum over the whole header, with zeros where it stands. */
static bool sum_holds(slv_str header, slv_str sum)
{
    size_t at = (size_t)(sum.ptr - header.ptr);
    uint8_t out[SLV_SUM_MAX];
    slv_sum s;

    slv_sum_init(&s, SLV_SUM_CRC32C);
    slv_sum_add(&s, slv_str_sub(header, 0, at));
    slv_sum_add(&s, slv_str_make("\0\0\0", 4));
    slv_sum_add(&s, slv_str_skip(header, at + 4));
    slv_sum_end(&s, out);
    return memcmp(out, sum.ptr, 4) == 0;
}

static slv_code parse_additions(slv_str header, slv_str rest, slv_proxy_header *h,
                                const char **ret_why)
{
    while (rest.len > 0) {
        size_t len;
        slv_str value;

        if (rest.len < 3 || (len = get_u16(rest.ptr + 1)) > rest.len - 3)
            return bad(ret_why, "an addition is longer than the header");
        value = slv_str_sub(rest, 3, 3 + len);
        if (rest.ptr[0] == TLV_CRC32C && (len != 4 || !sum_holds(header, value)))
            return bad(ret_why, "the checksum is wrong");
        if (rest.ptr[0] == TLV_SSL) {
            if (len < 5)
                return bad(ret_why, "malformed addition about TLS");
            h->tls = value.ptr[0] & SSL_CLIENT_TLS;
        }
        rest = slv_str_skip(rest, 3 + len);
    }
    return SLV_OK;
}

static slv_code parse_binary(slv_str data, slv_proxy_header *h, const char **ret_why)
{
    size_t address = 0, len;
    int family = AF_UNSPEC;
    bool local;
    slv_str body;

    if (data.len < BINARY_HEAD)
        return SLV_E_AGAIN;
    if (data.ptr[12] != 0x20 && data.ptr[12] != 0x21)
        return bad(ret_why, "unknown version or command");
    local = data.ptr[12] == 0x20;
    len = get_u16(data.ptr + 14);
    h->length = BINARY_HEAD + len;
    if (h->length > SLV_PROXY_HEADER_MAX) {
        *ret_why = "the header is too long";
        return SLV_E_LIMIT;
    }
    switch (data.ptr[13]) {
    case 0x00:
        break;
    case 0x11:
        family = AF_INET;
        address = 4;
        break;
    case 0x21:
        family = AF_INET6;
        address = 16;
        break;
    case 0x31:
        family = AF_UNIX;
        address = 106; /* two paths of 108 bytes */
        break;
    default:
        if (!local)
            return bad(ret_why, "unknown family");
    }
    if (!local && address && len < 2 * address + 4)
        return bad(ret_why, "the addresses are cut");
    if (data.len < h->length)
        return SLV_E_AGAIN;
    if (local)
        return SLV_OK; /* the balancer's own connection: whatever follows means nothing */
    data = slv_str_sub(data, 0, h->length);
    body = slv_str_skip(data, BINARY_HEAD);
    if (address) {
        h->known = true;
        if (family != AF_UNIX) {
            (void)inet_ntop(family, body.ptr, h->peer, sizeof h->peer);
            (void)inet_ntop(family, body.ptr + address, h->local, sizeof h->local);
            h->peer_port = get_u16(body.ptr + 2 * address);
            h->local_port = get_u16(body.ptr + 2 * address + 2);
        }
        body = slv_str_skip(body, 2 * address + 4);
    }
    return parse_additions(data, body, h, ret_why);
}

slv_code slv_proxy_parse(slv_str data, slv_proxy_header *ret, const char **ret_why)
{
    *ret = (slv_proxy_header){.known = false};
    *ret_why = "";
    if (data.len == 0)
        return SLV_E_AGAIN;
    if (memcmp(data.ptr, signature, SLV_MIN(data.len, (size_t)SIGNATURE_LEN)) == 0)
        return parse_binary(data, ret, ret_why);
    if (memcmp(data.ptr, "PROXY ", SLV_MIN(data.len, (size_t)6)) == 0)
        return parse_line(data, ret, ret_why);
    return bad(ret_why, "the connection does not begin with a PROXY header");
}
