/* The words of the WebSocket handshake: the accept key, and what is agreed on permessage-deflate.
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "net/http1.h"
#include "net/ws_codec.h"

void slv_ws_accept_key(slv_str key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[24 + sizeof guid];
    unsigned len = 0;

    SLV_ASSERT(key.len == 24);
    memcpy(text, key.ptr, 24);
    memcpy(text + 24, guid, sizeof guid);
    SLV_ASSERT(EVP_Digest(text, 24 + sizeof guid - 1, digest, &len, EVP_sha1(), NULL) == 1 &&
               len == 20);
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
}

/* "name" or "name=value", the value perhaps quoted. */
static void split_parameter(slv_str param, slv_str *ret_name, slv_str *ret_value)
{
    slv_str value = param;

    *ret_name = param;
    *ret_value = SLV_STR_NULL;
    if (slv_str_chr(param, '=', 0) == SIZE_MAX)
        return;
    (void)slv_str_split(&value, '=', ret_name);
    *ret_name = slv_str_trim(*ret_name);
    value = slv_str_trim(value);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = slv_str_sub(value, 1, value.len - 1);
    *ret_value = value;
}

typedef struct deflate_params {
    bool server_plain, client_plain, server_bits_given, client_bits_given;
    uint64_t server_bits;
} deflate_params;

/* False for parameters that are unknown, repeated, or have wrong values. */
static bool read_parameters(slv_str params, deflate_params *p)
{
    slv_str param, name, value;

    *p = (deflate_params){.server_bits = 15};
    while (slv_str_split(&params, ';', &param)) {
        uint64_t bits = 15;
        bool *given;

        split_parameter(slv_str_trim(param), &name, &value);
        if (slv_str_eq_nocase(name, SLV_STR("server_no_context_takeover")))
            given = &p->server_plain;
        else if (slv_str_eq_nocase(name, SLV_STR("client_no_context_takeover")))
            given = &p->client_plain;
        else if (slv_str_eq_nocase(name, SLV_STR("server_max_window_bits")))
            given = &p->server_bits_given;
        else if (slv_str_eq_nocase(name, SLV_STR("client_max_window_bits")))
            given = &p->client_bits_given;
        else
            return false;
        if (*given)
            return false;
        *given = true;
        if (given == &p->server_plain || given == &p->client_plain) {
            if (value.ptr)
                return false;
            continue;
        }
        if (value.ptr &&
            (slv_parse_u64(value, &bits) != SLV_OK || bits < 8 || bits > 15 || value.ptr[0] == '0'))
            return false;
        if (given == &p->server_bits_given) {
            if (!value.ptr)
                return false;
            p->server_bits = bits;
        }
    }
    return true;
}

slv_ws_deflate_offer slv_ws_deflate_choose(slv_str offers, char ret_answer[128])
{
    slv_str offer, name;
    deflate_params p;

    ret_answer[0] = 0;
    while (slv_str_split(&offers, ',', &offer)) {
        (void)slv_str_split(&offer, ';', &name);
        if (!slv_str_eq_nocase(slv_str_trim(name), SLV_STR("permessage-deflate")))
            continue;
        /* zlib cannot write raw deflate with a window of 256 bytes */
        if ((offer.ptr && !read_parameters(offer, &p)) || (offer.ptr && p.server_bits < 9))
            continue;
        if (!offer.ptr)
            p = (deflate_params){.server_bits = 15};
        snprintf(ret_answer, 128,
                 "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
        if (p.server_bits_given)
            snprintf(ret_answer + strlen(ret_answer), 128 - strlen(ret_answer),
                     "; server_max_window_bits=%d", (int)p.server_bits);
        return (slv_ws_deflate_offer){true, (int)p.server_bits};
    }
    return (slv_ws_deflate_offer){false, 15};
}

slv_code slv_ws_deflate_confirm(slv_str answer, bool offered, slv_ws_deflate_offer *ret,
                                slv_err *err)
{
    slv_str name;
    deflate_params p;

    *ret = (slv_ws_deflate_offer){false, 15};
    answer = slv_str_trim(answer);
    if (answer.len == 0)
        return SLV_OK;
    (void)slv_str_split(&answer, ';', &name);
    if (!offered || !slv_str_eq_nocase(slv_str_trim(name), SLV_STR("permessage-deflate")) ||
        !answer.ptr || !read_parameters(answer, &p) || !p.server_plain || p.client_bits_given)
        return slv_fail(err, SLV_E_PROTOCOL,
                        "the server answered with a WebSocket extension that was not offered");
    ret->agreed = true;
    return SLV_OK;
}
