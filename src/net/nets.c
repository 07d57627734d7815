#include "net/nets.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/mem.h"

#define ADDRESS_TEXT_MAX ((size_t)45)

/* Everything is kept as IPv6; IPv4 stands at ::ffff:0:0/96. */
typedef struct net {
    uint8_t bytes[16];
    unsigned bits;
} net;

struct slv_nets {
    size_t count;
    bool unix_too;
    net list[];
};

/* *ret_v4: it is an IPv4 address, however it was written. */
static bool read_address(slv_str text, uint8_t out[16], bool *ret_v4)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[ADDRESS_TEXT_MAX + 1];

    if (text.len == 0 || text.len > ADDRESS_TEXT_MAX || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET, copy, out + 12) == 1) {
        memcpy(out, mapped, sizeof mapped);
        *ret_v4 = true;
        return true;
    }
    if (inet_pton(AF_INET6, copy, out) != 1)
        return false;
    *ret_v4 = memcmp(out, mapped, sizeof mapped) == 0;
    return true;
}

bool slv_nets_is_address(slv_str text)
{
    uint8_t bytes[16];
    bool v4;

    return read_address(text, bytes, &v4);
}

static bool has_bit(const uint8_t bytes[16], unsigned i)
{
    return bytes[i / 8] & 0x80u >> i % 8;
}

static slv_code read_net(slv_str entry, net *ret, slv_err *err)
{
    size_t slash = slv_str_chr(entry, '/', 0);
    slv_str address = slv_str_sub(entry, 0, slash);
    uint64_t bits = 0;
    bool v4;

    if (!read_address(address, ret->bytes, &v4))
        return slv_fail(err, SLV_E_INVAL,
                        "\"%.*s\" is no network; write an address or a network like 10.0.0.0/8",
                        SLV_STR_ARGS(entry));
    v4 = slv_str_chr(address, ':', 0) == SIZE_MAX;
    if (slash == SIZE_MAX)
        bits = v4 ? 32 : 128;
    else if (slv_parse_u64(slv_str_skip(entry, slash + 1), &bits) != SLV_OK ||
             bits > (v4 ? 32 : 128))
        return slv_fail(err, SLV_E_INVAL, "\"%.*s\": the prefix has 0 to %d bits",
                        SLV_STR_ARGS(entry), v4 ? 32 : 128);
    ret->bits = (unsigned)bits + (v4 ? 96 : 0);
    for (unsigned i = ret->bits; i < 128; i++)
        if (has_bit(ret->bytes, i))
            return slv_fail(err, SLV_E_INVAL, "\"%.*s\" has bits set beyond its prefix",
                            SLV_STR_ARGS(entry));
    return SLV_OK;
}

slv_code slv_nets_new(const slv_str *entries, size_t count, slv_nets **ret, slv_err *err)
{
    if (count > SLV_NETS_MAX)
        return slv_fail(err, SLV_E_INVAL, "%zu networks; at most %d may be named", count,
                        SLV_NETS_MAX);
    SLV_CLEANUP(slv_nets_free) slv_nets *nets = slv_alloc0(sizeof *nets + count * sizeof(net));
    for (size_t i = 0; i < count; i++) {
        if (slv_str_is(entries[i], "unix"))
            nets->unix_too = true;
        else
            SLV_TRY(read_net(entries[i], &nets->list[nets->count++], err));
    }
    *ret = SLV_STEAL(nets);
    return SLV_OK;
}

slv_nets *slv_nets_free(slv_nets *nets)
{
    free(nets);
    return NULL;
}

static bool within(const net *n, const uint8_t bytes[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    return memcmp(n->bytes, bytes, whole) == 0 &&
           (rest == 0 || (n->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0);
}

bool slv_nets_has(const slv_nets *nets, slv_str address)
{
    uint8_t bytes[16];
    bool v4;

    if (!nets)
        return false;
    if (address.len == 0)
        return nets->unix_too;
    if (!read_address(address, bytes, &v4))
        return false;
    for (size_t i = 0; i < nets->count; i++)
        /* ::/0 is about IPv6 */
        if ((nets->list[i].bits >= 96 || !v4) && within(&nets->list[i], bytes))
            return true;
    return false;
}
