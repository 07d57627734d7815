/*
 * request.cf: what is known of the connection that a request came by.
 *
 * In dev it is what the reference gives, a visitor from Austin, so that code that reads a place
 * finds one. A server says what is so: the protocol, TLS and round trip of the connection that
 * reached it (a proxy's, behind one), and the colo that its owner gave it. Where a client is, a
 * server does not know, and does not say.
 */
#include "edge/edge_int.h"
#include "fmt/json.h"
#include "net/exchange.h"

static const char no_certificate[] =
    ",\"tlsClientAuth\":{\"certPresented\":\"0\",\"certVerified\":\"NONE\",\"certRevoked\":\"0\","
    "\"certIssuerDN\":\"\",\"certSubjectDN\":\"\",\"certIssuerDNRFC2253\":\"\","
    "\"certSubjectDNRFC2253\":\"\",\"certIssuerDNLegacy\":\"\",\"certSubjectDNLegacy\":\"\","
    "\"certSerial\":\"\",\"certIssuerSerial\":\"\",\"certSKI\":\"\",\"certIssuerSKI\":\"\","
    "\"certFingerprintSHA1\":\"\",\"certFingerprintSHA256\":\"\",\"certNotBefore\":\"\","
    "\"certNotAfter\":\"\"}";

static slv_str protocol(int version)
{
    return version == 20   ? SLV_STR("HTTP/2")
           : version == 11 ? SLV_STR("HTTP/1.1")
                           : SLV_STR("HTTP/1.0");
}

slv_str slv_request_cf_cipher(slv_str name)
{
    static const slv_str names[][2] = {
        {{"TLS_AES_128_GCM_SHA256", 22}, {"AEAD-AES128-GCM-SHA256", 22}},
        {{"TLS_AES_256_GCM_SHA384", 22}, {"AEAD-AES256-GCM-SHA384", 22}},
        {{"TLS_CHACHA20_POLY1305_SHA256", 28}, {"AEAD-CHACHA20-POLY1305-SHA256", 29}},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        if (slv_str_eq(name, names[i][0]))
            return names[i][1];
    }
    return name;
}

/* Names of versions and ciphers are the library's own: nothing in them needs escaping. */
static slv_code put_connection(const slv_server_options *o, const slv_request_head *h, slv_buf *out)
{
    slv_str cipher = slv_request_cf_cipher(h->tls_cipher);

    SLV_TRY(slv_buf_printf(out,
                           ",\"httpProtocol\":\"%.*s\",\"tlsVersion\":\"%.*s\",\"tlsCipher\":"
                           "\"%.*s\",\"clientTcpRtt\":%u,\"colo\":\"%.*s\"",
                           SLV_STR_ARGS(protocol(h->version)), SLV_STR_ARGS(h->tls_version),
                           SLV_STR_ARGS(cipher), h->rtt_ms, SLV_STR_ARGS(o->colo)));
    if (h->tls_version.len > 0)
        SLV_TRY(slv_buf_append(out, slv_str_make(no_certificate, sizeof no_certificate - 1)));
    return slv_buf_append_byte(out, '}');
}

slv_code slv_request_cf_put(const slv_shard *shard, const slv_exchange *ex, slv_buf *out)
{
    const slv_server_options *o = &shard->server->o;
    const slv_http_header *accept = slv_exchange_header(ex, SLV_STR("accept-encoding"));

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"clientAcceptEncoding\":")));
    SLV_TRY(slv_json_put_string(out, accept ? accept->value : SLV_STR_NULL));
    if (o->colo.len > 0)
        return put_connection(o, &ex->head, out);
    /* a member of that name there would count */
    if (shard->cf.len <= 2)
        return slv_buf_append_byte(out, '}');
    SLV_TRY(slv_buf_append_byte(out, ','));
    return slv_buf_append(out, slv_str_skip(shard->cf, 1));
}
