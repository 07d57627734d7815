/* node_crypto_fuzz.c - what node:crypto and node:zlib read from strangers: keys and certificates as
 * PEM and DER, SPKAC, compressed data. What was read is shown and written. The first byte says what
 * the rest is. */
#include "base/err.h"
#include "web/node_pkey.h"
#include "web/node_zlib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_key(const slv_pkey *k, bool is_private)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 22);
    slv_nodejs_form form = {.pem = true,
                            .encoding = is_private ? SLV_NODEJS_PKCS8 : SLV_NODEJS_SPKI};
    slv_nodejs_key_details details;

    slv_nodejs_key_details_get(k, &details);
    (void)slv_nodejs_key_type(k);
    if (slv_nodejs_key_exponent(k, &out) != SLV_OK)
        slv_buf_reset(&out);
    if ((is_private ? slv_nodejs_private_write(k, &form, &out, NULL)
                    : slv_nodejs_public_write(k, &form, &out, NULL)) != SLV_OK)
        slv_buf_reset(&out);
}

static void read_key(slv_str in, bool is_private, bool pem)
{
    static const slv_nodejs_encoding encodings[] = {
        SLV_NODEJS_PKCS1, SLV_NODEJS_PKCS8, SLV_NODEJS_SPKI, SLV_NODEJS_SEC1, SLV_NODEJS_ANY};

    for (size_t i = 0; i < (pem ? 1 : SLV_ARRAY_LEN(encodings)); i++) {
        SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
        slv_nodejs_form form = {
            .pem = pem, .encoding = encodings[i], .passphrase = SLV_STR("password")};

        if ((is_private ? slv_nodejs_private_read(in, &form, &k, NULL)
                        : slv_nodejs_public_read(in, &form, &k, NULL)) == SLV_OK)
            look_at_key(k, is_private);
    }
}

static void read_certificate(slv_str in)
{
    SLV_CLEANUP(slv_nodejs_x509_free) slv_nodejs_x509 *c = NULL;

    if (slv_nodejs_x509_read(in, &c) != SLV_OK)
        return;
    for (int field = SLV_NODEJS_X509_SUBJECT; field <= SLV_NODEJS_X509_ISSUER_PARTS; field++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 22);

        if (slv_nodejs_x509_get(c, (slv_nodejs_x509_field)field, &out) != SLV_OK)
            slv_buf_reset(&out);
    }
    SLV_CLEANUP(slv_buf_done) slv_buf found = SLV_BUF(4096);
    if (slv_nodejs_x509_match(c, SLV_NODEJS_CHECK_HOST, SLV_STR("a.example.com"), 0, &found) !=
        SLV_OK)
        slv_buf_reset(&found);
    (void)slv_nodejs_x509_is_ca(c);
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = slv_nodejs_x509_key(c);
    if (k)
        look_at_key(k, false);
}

static void read_spkac(slv_str in)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 22);

    if (slv_nodejs_spkac_key(in, &out) != SLV_OK)
        slv_buf_reset(&out);
    if (slv_nodejs_spkac_challenge(in, &out) != SLV_OK)
        slv_buf_reset(&out);
}

/* In pieces as small as the second byte says, out by a window of 64 bytes. */
static void unpack(slv_nodejs_zip_mode mode, slv_str in)
{
    slv_nodejs_zlib_options o = {
        .window_bits = 15, .level = -1, .mem_level = 8, .dictionary = SLV_STR("dictionary")};
    slv_nodejs_zip_error e = {0};
    SLV_CLEANUP(slv_nodejs_zip_free)
    slv_nodejs_zip *z = mode <= SLV_NODEJS_UNZIP ? slv_nodejs_zip_zlib(mode, &o)
                                                 : slv_nodejs_zip_new(mode, UINT64_MAX, &e);
    size_t step = in.len > 0 ? (unsigned char)in.ptr[0] + 1u : 1;
    uint8_t window[64];

    for (size_t rounds = 0; in.len > 0 && rounds < 20000; rounds++) {
        size_t given = step < in.len ? step : in.len;
        slv_nodejs_zip_io io = {(const uint8_t *)in.ptr, given, window, sizeof window};

        if (!slv_nodejs_zip_write(z, 0, &io, &e)) {
            SLV_ASSERT(e.message && e.code);
            return;
        }
        SLV_ASSERT(io.in_len <= given && io.out_len <= sizeof window);
        if (io.in_len == given && io.out_len == sizeof window)
            return; /* nothing moves: ended */
        in = slv_str_skip(in, given - io.in_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 16384)
        return 0;
    slv_str in = slv_str_make(data + 1, size - 1);
    switch (data[0] % 14) {
    case 0:
    case 1:
    case 2:
    case 3:
        read_key(in, data[0] & 1, data[0] & 2);
        break;
    case 4:
        read_certificate(in);
        break;
    case 5:
        read_spkac(in);
        break;
    case 6:
        unpack(SLV_NODEJS_BROTLI_DECODE, in);
        break;
    case 7:
        unpack(SLV_NODEJS_ZSTD_DECODE, in);
        break;
    case 8:
        unpack(SLV_NODEJS_GUNZIP, in);
        break;
    case 9:
        unpack(SLV_NODEJS_INFLATE, in);
        break;
    case 10:
        unpack(SLV_NODEJS_INFLATE_RAW, in);
        break;
    default:
        unpack(SLV_NODEJS_UNZIP, in);
    }
    return 0;
}
