/* crypto_test.c - the operations behind WebCrypto against Wycheproof's vectors, and their own
 * promises. */
#include <stdio.h>

#include "fmt/base64.h"
#include "fmt/json.h"
#include "support/tap.h"
#include "web/crypto.h"

typedef struct counts {
    int ran, failed;
} counts;

/* A vector: its group, itself, and room for the bytes that it names. */
typedef struct vector {
    const slv_node *group, *test;
    slv_arena arena;
    slv_pkey *key; /* of the group */
} vector;

static slv_str unhex(vector *v, slv_str text)
{
    char *out = slv_arena_try_alloc(&v->arena, text.len / 2 + 1);

    SLV_ASSERT(out && text.len % 2 == 0);
    for (size_t i = 0; i < text.len / 2; i++)
        out[i] = (char)(slv_hex_value(text.ptr[2 * i]) << 4 | slv_hex_value(text.ptr[2 * i + 1]));
    return slv_str_make(out, text.len / 2);
}

static slv_str hex(vector *v, const char *name)
{
    const slv_node *n = slv_node_get(v->test, name);

    return unhex(v, slv_node_str(n ? n : slv_node_get(v->group, name)));
}

static int64_t number(const slv_node *object, const char *name)
{
    int64_t value = 0;

    SLV_ASSERT(slv_node_i64(slv_node_get(object, name), &value));
    return value;
}

/* Member of a JWK as bytes; ptr NULL when absent or malformed. */
static slv_str jwk_part(vector *v, const slv_node *jwk, const char *name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(4096);
    slv_str copy = SLV_STR_NULL;

    if (slv_node_is(slv_node_get(jwk, name), SLV_NODE_STRING) &&
        slv_base64_decode(slv_node_str(slv_node_get(jwk, name)), SLV_BASE64_URL, &bytes) == SLV_OK)
        SLV_ASSERT(slv_arena_dup(&v->arena, slv_buf_view(&bytes), &copy) == SLV_OK);
    return copy;
}

static slv_digest_id hash_of(slv_str name)
{
    if (slv_str_is(name, "SHA-1"))
        return SLV_DIGEST_SHA1;
    if (slv_str_is(name, "SHA-256"))
        return SLV_DIGEST_SHA256;
    return slv_str_is(name, "SHA-384") ? SLV_DIGEST_SHA384 : SLV_DIGEST_SHA512;
}

typedef bool vector_fn(vector *v, slv_digest_id hash); /* true: the operation accepted */

/* Runs every vector of a file. For "acceptable" either answer is right. */
static void run_file(const char *file, slv_digest_id hash, slv_code (*open_key)(vector *v),
                     vector_fn *fn, counts *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(32 << 20);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(256 << 20);
    const char *path = tap_data(file);
    slv_node *root;
    slv_err err;

    if (!path)
        return;
    SLV_ASSERT(tap_read_file(path, &text));
    SLV_ASSERT(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, &err) == SLV_OK);
    for (slv_node *g = slv_node_get(root, "testGroups")->first; g; g = g->next) {
        vector v = {.group = g, .arena = SLV_ARENA(8 << 20)};

        SLV_ASSERT(!open_key || open_key(&v) == SLV_OK);
        for (slv_node *t = slv_node_get(g, "tests")->first; t; t = t->next) {
            slv_str result = slv_node_str(slv_node_get(t, "result"));

            v.test = t;
            bool accepted = fn(&v, hash);
            c->ran++;
            if (!slv_str_is(result, "acceptable") && accepted != slv_str_is(result, "valid")) {
                tap_note("%s: test %d (%.*s) was %s", file, (int)number(t, "tcId"),
                         SLV_STR_ARGS(slv_node_str(slv_node_get(t, "comment"))),
                         accepted ? "accepted" : "refused");
                c->failed++;
            }
            slv_arena_reset(&v.arena);
        }
        slv_pkey_free(v.key);
        slv_arena_done(&v.arena);
    }
}

#define RUN(file, hash, open_key, fn)                                                              \
    do {                                                                                           \
        counts c_ = {0};                                                                           \
        run_file("wycheproof/" file, hash, open_key, fn, &c_);                                     \
        CHECK_INT(c_.failed, 0);                                                                   \
    } while (0)

static bool cbc(vector *v, SLV_UNUSED slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(1 << 20);

    if (slv_aes_cbc(false, hex(v, "key"), hex(v, "iv"), hex(v, "ct"), &out) != SLV_OK ||
        !slv_str_eq(slv_buf_view(&out), hex(v, "msg")))
        return false;
    return slv_aes_cbc(true, hex(v, "key"), hex(v, "iv"), hex(v, "msg"), &back) == SLV_OK &&
           slv_str_eq(slv_buf_view(&back), hex(v, "ct"));
}

TEST(aes_cbc)
{
    RUN("aes_cbc_pkcs5_test.json", 0, NULL, cbc);
}

static bool gcm(vector *v, SLV_UNUSED slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(1 << 20);
    slv_gcm_options o = {hex(v, "key"), hex(v, "iv"), hex(v, "aad"), hex(v, "tag").len};

    SLV_ASSERT(slv_buf_append(&in, hex(v, "ct")) == SLV_OK &&
               slv_buf_append(&in, hex(v, "tag")) == SLV_OK);
    if (slv_aes_gcm(false, o, slv_buf_view(&in), &out) != SLV_OK ||
        !slv_str_eq(slv_buf_view(&out), hex(v, "msg")))
        return false;
    return slv_aes_gcm(true, o, hex(v, "msg"), &back) == SLV_OK &&
           slv_str_eq(slv_buf_view(&back), slv_buf_view(&in));
}

TEST(aes_gcm)
{
    RUN("aes_gcm_test.json", 0, NULL, gcm);
}

static bool kw(vector *v, SLV_UNUSED slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(1 << 20);

    if (slv_aes_kw(false, hex(v, "key"), hex(v, "ct"), &out) != SLV_OK ||
        !slv_str_eq(slv_buf_view(&out), hex(v, "msg")))
        return false;
    return slv_aes_kw(true, hex(v, "key"), hex(v, "msg"), &back) == SLV_OK &&
           slv_str_eq(slv_buf_view(&back), hex(v, "ct"));
}

TEST(aes_key_wrap)
{
    RUN("aes_wrap_test.json", 0, NULL, kw);
}

static bool hmac(vector *v, slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);
    slv_str tag = hex(v, "tag");

    SLV_ASSERT(slv_hmac(hash, hex(v, "key"), hex(v, "msg"), &out) == SLV_OK);
    return slv_bytes_equal(slv_str_sub(slv_buf_view(&out), 0, tag.len), tag);
}

TEST(hmac_of_every_hash)
{
    RUN("hmac_sha1_test.json", SLV_DIGEST_SHA1, NULL, hmac);
    RUN("hmac_sha256_test.json", SLV_DIGEST_SHA256, NULL, hmac);
    RUN("hmac_sha384_test.json", SLV_DIGEST_SHA384, NULL, hmac);
    RUN("hmac_sha512_test.json", SLV_DIGEST_SHA512, NULL, hmac);
}

static bool hkdf(vector *v, slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_kdf_options o = {.hash = hash,
                         .key = hex(v, "ikm"),
                         .salt = hex(v, "salt"),
                         .info = hex(v, "info"),
                         .len = (size_t)number(v->test, "size")};

    return slv_hkdf(o, &out) == SLV_OK && slv_str_eq(slv_buf_view(&out), hex(v, "okm"));
}

TEST(hkdf_of_every_hash)
{
    RUN("hkdf_sha1_test.json", SLV_DIGEST_SHA1, NULL, hkdf);
    RUN("hkdf_sha256_test.json", SLV_DIGEST_SHA256, NULL, hkdf);
    RUN("hkdf_sha384_test.json", SLV_DIGEST_SHA384, NULL, hkdf);
    RUN("hkdf_sha512_test.json", SLV_DIGEST_SHA512, NULL, hkdf);
}

static bool pbkdf2(vector *v, slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_kdf_options o = {.hash = hash,
                         .key = hex(v, "password"),
                         .salt = hex(v, "salt"),
                         .iterations = (uint32_t)number(v->test, "iterationCount"),
                         .len = (size_t)number(v->test, "dkLen")};

    if (o.iterations > 1000000) { /* ten times what the platform allows, and half a minute */
        tap_note("test %d has %u iterations and was left out", (int)number(v->test, "tcId"),
                 o.iterations);
        return true;
    }
    return slv_pbkdf2(o, &out) == SLV_OK && slv_str_eq(slv_buf_view(&out), hex(v, "dk"));
}

TEST(pbkdf2_of_every_hash)
{
    RUN("pbkdf2_hmacsha1_test.json", SLV_DIGEST_SHA1, NULL, pbkdf2);
    RUN("pbkdf2_hmacsha256_test.json", SLV_DIGEST_SHA256, NULL, pbkdf2);
    RUN("pbkdf2_hmacsha512_test.json", SLV_DIGEST_SHA512, NULL, pbkdf2);
}

static slv_code open_spki(vector *v, slv_pkey_kind kind)
{
    slv_str der = unhex(v, slv_node_str(slv_node_get(v->group, "publicKeyDer")));
    size_t trailing;

    SLV_TRY(slv_pkey_from_spki(kind, der, &v->key, &trailing));
    return trailing == 0 ? SLV_OK : SLV_E_PARSE;
}

static slv_code open_p256(vector *v)
{
    return open_spki(v, SLV_PKEY_P256);
}
static slv_code open_p384(vector *v)
{
    return open_spki(v, SLV_PKEY_P384);
}
static slv_code open_p521(vector *v)
{
    return open_spki(v, SLV_PKEY_P521);
}
static slv_code open_ed25519(vector *v)
{
    return open_spki(v, SLV_PKEY_ED25519);
}
static slv_code open_rsa(vector *v)
{
    return open_spki(v, SLV_PKEY_RSA);
}

static bool ecdsa(vector *v, slv_digest_id hash)
{
    slv_sign_options o = {SLV_SCHEME_ECDSA, hash, 0};

    return slv_pkey_verify(v->key, o, hex(v, "sig"), hex(v, "msg"));
}

TEST(ecdsa_verifies_plain_signatures)
{
    RUN("ecdsa_secp256r1_sha256_p1363_test.json", SLV_DIGEST_SHA256, open_p256, ecdsa);
    RUN("ecdsa_secp384r1_sha384_p1363_test.json", SLV_DIGEST_SHA384, open_p384, ecdsa);
    RUN("ecdsa_secp521r1_sha512_p1363_test.json", SLV_DIGEST_SHA512, open_p521, ecdsa);
}

static bool eddsa(vector *v, SLV_UNUSED slv_digest_id hash)
{
    slv_sign_options o = {.scheme = SLV_SCHEME_EDDSA};

    return slv_pkey_verify(v->key, o, hex(v, "sig"), hex(v, "msg"));
}

TEST(ed25519_verifies)
{
    RUN("ed25519_test.json", 0, open_ed25519, eddsa);
}

static bool pkcs1(vector *v, slv_digest_id hash)
{
    slv_sign_options o = {SLV_SCHEME_PKCS1, hash, 0};

    return slv_pkey_verify(v->key, o, hex(v, "sig"), hex(v, "msg"));
}

static bool pss(vector *v, slv_digest_id hash)
{
    slv_sign_options o = {SLV_SCHEME_PSS, hash, (unsigned)number(v->group, "sLen")};

    return slv_pkey_verify(v->key, o, hex(v, "sig"), hex(v, "msg"));
}

TEST(rsa_verifies)
{
    RUN("rsa_signature_2048_sha256_test.json", SLV_DIGEST_SHA256, open_rsa, pkcs1);
    RUN("rsa_signature_2048_sha512_test.json", SLV_DIGEST_SHA512, open_rsa, pkcs1);
    RUN("rsa_pss_2048_sha256_mgf1_32_test.json", SLV_DIGEST_SHA256, open_rsa, pss);
}

static slv_code open_pkcs8(vector *v)
{
    slv_str der = unhex(v, slv_node_str(slv_node_get(v->group, "privateKeyPkcs8")));
    size_t trailing;

    return slv_pkey_from_pkcs8(SLV_PKEY_RSA, der, &v->key, &trailing);
}

static bool oaep(vector *v, slv_digest_id hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(10000);

    SLV_ASSERT(hash == hash_of(slv_node_str(slv_node_get(v->group, "sha"))));
    return slv_rsa_oaep(v->key, false, hash, hex(v, "label"), hex(v, "ct"), &out) == SLV_OK &&
           slv_str_eq(slv_buf_view(&out), hex(v, "msg"));
}

TEST(rsa_oaep_decrypts)
{
    RUN("rsa_oaep_2048_sha1_mgf1sha1_test.json", SLV_DIGEST_SHA1, open_pkcs8, oaep);
    RUN("rsa_oaep_2048_sha256_mgf1sha256_test.json", SLV_DIGEST_SHA256, open_pkcs8, oaep);
}

/* A key from a JWK; NULL when it is refused. */
static slv_pkey *jwk_key(vector *v, const slv_node *jwk, slv_pkey_kind kind)
{
    slv_str parts[SLV_PKEY_PARTS] = {{NULL, 0}};
    slv_pkey *k = NULL;
    const char *crv = kind == SLV_PKEY_X25519 ? "X25519" : "P-256";

    if (!slv_str_is(slv_node_str(slv_node_get(jwk, "crv")), crv))
        return NULL;
    parts[0] = jwk_part(v, jwk, "x");
    if (kind != SLV_PKEY_X25519)
        parts[SLV_EC_Y] = jwk_part(v, jwk, "y");
    parts[kind == SLV_PKEY_X25519 ? SLV_OKP_D : SLV_EC_D] = jwk_part(v, jwk, "d");
    return slv_pkey_from_parts(kind, parts, &k) == SLV_OK ? k : NULL;
}

static bool agrees(vector *v, slv_pkey_kind kind)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);
    SLV_CLEANUP(slv_pkey_free) slv_pkey *own = jwk_key(v, slv_node_get(v->test, "private"), kind);
    SLV_CLEANUP(slv_pkey_free) slv_pkey *peer = jwk_key(v, slv_node_get(v->test, "public"), kind);

    return own && peer && slv_pkey_derive(own, peer, &out) == SLV_OK &&
           slv_str_eq(slv_buf_view(&out), hex(v, "shared"));
}

static bool ecdh(vector *v, SLV_UNUSED slv_digest_id hash)
{
    return agrees(v, SLV_PKEY_P256);
}

static bool x25519(vector *v, SLV_UNUSED slv_digest_id hash)
{
    return agrees(v, SLV_PKEY_X25519);
}

TEST(shared_secrets)
{
    RUN("ecdh_secp256r1_webcrypto_test.json", 0, NULL, ecdh);
    RUN("x25519_jwk_test.json", 0, NULL, x25519);
}

/* ---- promises of our own ---- */

static bool digest_is(slv_digest_id id, const char *text, const char *want)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100);
    char got[2 * SLV_DIGEST_MAX + 1];

    SLV_ASSERT(slv_digest_all(id, slv_str_from(text), &out) == SLV_OK);
    for (size_t i = 0; i < out.len; i++)
        (void)snprintf(got + 2 * i, 3, "%02x", (unsigned char)out.ptr[i]);
    return strcmp(got, want) == 0;
}

TEST(digests_and_checksums)
{
    CHECK(digest_is(SLV_DIGEST_MD5, "123456789", "25f9e794323b453885f5181f1b624d0b"));
    CHECK(digest_is(SLV_DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"));
    CHECK(digest_is(SLV_DIGEST_CRC32, "123456789", "cbf43926"));
    CHECK(digest_is(SLV_DIGEST_CRC32C, "123456789", "e3069283"));
    CHECK(digest_is(SLV_DIGEST_CRC64NVME, "123456789", "ae8b14860a799888"));
}

/* Counting by hand over single blocks must give what one call over all of them gives. */
TEST(ctr_wraps_its_counter_within_its_bits)
{
    static const unsigned bits[] = {1, 3, 8, 16, 63, 64, 65, 127, 128};
    slv_str key = slv_str_make("0123456789abcdef", 16);

    for (size_t i = 0; i < SLV_ARRAY_LEN(bits); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(1000);
        SLV_CLEANUP(slv_buf_done) slv_buf parts = SLV_BUF(1000);
        unsigned char counter[16], in[16 * 2] = {0};

        memset(counter, 0xFF, sizeof counter); /* wraps after one block */
        CHECK(slv_aes_ctr(key, slv_str_make(counter, 16), bits[i], slv_str_make(in, sizeof in),
                          &whole) == SLV_OK);
        CHECK(slv_aes_ctr(key, slv_str_make(counter, 16), 128, slv_str_make(in, 16), &parts) ==
              SLV_OK);
        for (unsigned bit = 0; bit < bits[i]; bit++)
            counter[15 - bit / 8] &= (unsigned char)~(1u << bit % 8);
        CHECK(slv_aes_ctr(key, slv_str_make(counter, 16), 128, slv_str_make(in, 16), &parts) ==
              SLV_OK);
        CHECK(slv_str_eq(slv_buf_view(&whole), slv_buf_view(&parts)));
    }
}

TEST(ctr_refuses_to_repeat_a_block)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);
    slv_str key = slv_str_make("0123456789abcdef", 16);
    char in[16 * 4 + 1] = {0};

    CHECK(slv_aes_ctr(key, key, 2, slv_str_make(in, 64), &out) == SLV_OK);
    CHECK(slv_aes_ctr(key, key, 2, slv_str_make(in, 65), &out) == SLV_E_LIMIT);
    CHECK(slv_aes_ctr(key, key, 0, slv_str_make(in, 1), &out) == SLV_E_INVAL);
    CHECK(slv_aes_ctr(key, key, 129, slv_str_make(in, 1), &out) == SLV_E_INVAL);
}

static bool round_trips(slv_pkey_kind kind)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
    SLV_CLEANUP(slv_pkey_free) slv_pkey *pub = NULL;
    SLV_CLEANUP(slv_pkey_free) slv_pkey *prv = NULL;
    SLV_CLEANUP(slv_pkey_free) slv_pkey *again = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf spki = SLV_BUF(10000);
    SLV_CLEANUP(slv_buf_done) slv_buf pkcs8 = SLV_BUF(10000);
    SLV_CLEANUP(slv_buf_done) slv_buf again_der = SLV_BUF(10000);
    slv_buf numbers[SLV_PKEY_PARTS];
    slv_str parts[SLV_PKEY_PARTS];
    size_t trailing;

    if (slv_pkey_generate(kind, 1024, 65537, &k) != SLV_OK || slv_pkey_spki(k, &spki) != SLV_OK ||
        slv_pkey_pkcs8(k, &pkcs8) != SLV_OK ||
        slv_pkey_from_spki(kind, slv_buf_view(&spki), &pub, &trailing) != SLV_OK ||
        slv_pkey_from_pkcs8(kind, slv_buf_view(&pkcs8), &prv, &trailing) != SLV_OK)
        return false;
    for (unsigned i = 0; i < SLV_PKEY_PARTS; i++) {
        numbers[i] = SLV_BUF(1000);
        parts[i] =
            slv_pkey_part(prv, i, &numbers[i]) == SLV_OK ? slv_buf_view(&numbers[i]) : SLV_STR_NULL;
    }
    bool same = slv_pkey_from_parts(kind, parts, &again) == SLV_OK &&
                slv_pkey_pkcs8(again, &again_der) == SLV_OK &&
                slv_str_eq(slv_buf_view(&again_der), slv_buf_view(&pkcs8));
    for (unsigned i = 0; i < SLV_PKEY_PARTS; i++)
        slv_buf_done(&numbers[i]);
    return same &&
           slv_pkey_part(pub,
                         kind == SLV_PKEY_ED25519 || kind == SLV_PKEY_X25519 ? SLV_OKP_D : SLV_EC_D,
                         &again_der) == SLV_E_NOTFOUND;
}

TEST(keys_survive_every_format)
{
    for (int kind = SLV_PKEY_RSA; kind <= SLV_PKEY_X25519; kind++)
        CHECK(round_trips((slv_pkey_kind)kind));
}

TEST(a_key_of_another_kind_is_told_apart_from_no_key)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
    SLV_CLEANUP(slv_pkey_free) slv_pkey *other = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf der = SLV_BUF(10000);
    size_t trailing;

    CHECK(slv_pkey_generate(SLV_PKEY_P256, 0, 0, &k) == SLV_OK);
    CHECK(slv_pkey_spki(k, &der) == SLV_OK);
    CHECK(slv_pkey_from_spki(SLV_PKEY_P384, slv_buf_view(&der), &other, &trailing) ==
          SLV_E_UNSUPPORTED);
    CHECK(slv_pkey_from_spki(SLV_PKEY_RSA, slv_buf_view(&der), &other, &trailing) ==
          SLV_E_UNSUPPORTED);
    CHECK(slv_pkey_from_spki(SLV_PKEY_P256, slv_str_sub(slv_buf_view(&der), 0, 20), &other,
                             &trailing) == SLV_E_PARSE);
    CHECK(slv_buf_append_byte(&der, 'x') == SLV_OK);
    CHECK(slv_pkey_from_spki(SLV_PKEY_P256, slv_buf_view(&der), &other, &trailing) == SLV_OK);
    CHECK_INT(trailing, 1);
}

TEST(rsa_numbers_come_complete_or_not_at_all)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
    SLV_CLEANUP(slv_pkey_free) slv_pkey *other = NULL;
    slv_buf numbers[SLV_PKEY_PARTS];
    slv_str parts[SLV_PKEY_PARTS];

    CHECK(slv_pkey_generate(SLV_PKEY_RSA, 1024, 65537, &k) == SLV_OK);
    for (unsigned i = 0; i < SLV_PKEY_PARTS; i++) {
        numbers[i] = SLV_BUF(1000);
        SLV_ASSERT(slv_pkey_part(k, i, &numbers[i]) == SLV_OK);
        parts[i] = slv_buf_view(&numbers[i]);
    }
    slv_str q = parts[SLV_RSA_Q], d = parts[SLV_RSA_D];
    parts[SLV_RSA_Q] = SLV_STR_NULL;
    slv_code without_q = slv_pkey_from_parts(SLV_PKEY_RSA, parts, &other);
    parts[SLV_RSA_Q] = parts[SLV_RSA_P];
    slv_code wrong_q = slv_pkey_from_parts(SLV_PKEY_RSA, parts, &other);
    parts[SLV_RSA_Q] = q;
    parts[SLV_RSA_D] = SLV_STR_NULL;
    slv_code without_d = slv_pkey_from_parts(SLV_PKEY_RSA, parts, &other);
    parts[SLV_RSA_D] = d;
    for (unsigned i = SLV_RSA_P; i <= SLV_RSA_QI; i++)
        parts[i] = SLV_STR_NULL;
    slv_code short_form = slv_pkey_from_parts(SLV_PKEY_RSA, parts, &other);
    for (unsigned i = 0; i < SLV_PKEY_PARTS; i++)
        slv_buf_done(&numbers[i]);
    CHECK(without_q == SLV_E_PARSE && wrong_q == SLV_E_PARSE && without_d == SLV_E_PARSE);
    CHECK(short_form == SLV_OK);
}

TEST(points_come_compressed_and_leave_uncompressed)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
    SLV_CLEANUP(slv_pkey_free) slv_pkey *from_short = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(200);
    SLV_CLEANUP(slv_buf_done) slv_buf one = SLV_BUF(1000);
    SLV_CLEANUP(slv_buf_done) slv_buf two = SLV_BUF(1000);
    char compressed[33];

    CHECK(slv_pkey_generate(SLV_PKEY_P256, 0, 0, &k) == SLV_OK);
    CHECK(slv_pkey_raw(k, &raw) == SLV_OK);
    CHECK_INT(raw.len, 65);
    memcpy(compressed, raw.ptr, 33);
    compressed[0] = (char)(2 + (raw.ptr[64] & 1));
    CHECK(slv_pkey_from_raw(SLV_PKEY_P256, slv_str_make(compressed, 33), &from_short) == SLV_OK);
    CHECK(slv_pkey_spki(k, &one) == SLV_OK && slv_pkey_spki(from_short, &two) == SLV_OK);
    CHECK(slv_str_eq(slv_buf_view(&one), slv_buf_view(&two)));
}

TEST(what_is_signed_verifies_and_nothing_else)
{
    static const struct {
        slv_pkey_kind kind;
        slv_sign_options options;
        size_t len;
    } cases[] = {{SLV_PKEY_RSA, {SLV_SCHEME_PKCS1, SLV_DIGEST_SHA512, 0}, 128},
                 {SLV_PKEY_RSA, {SLV_SCHEME_PSS, SLV_DIGEST_SHA256, 20}, 128},
                 {SLV_PKEY_P256, {SLV_SCHEME_ECDSA, SLV_DIGEST_SHA384, 0}, 64},
                 {SLV_PKEY_P521, {SLV_SCHEME_ECDSA, SLV_DIGEST_SHA1, 0}, 132},
                 {SLV_PKEY_ED25519, {SLV_SCHEME_EDDSA, 0, 0}, 64}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
        SLV_CLEANUP(slv_buf_done) slv_buf sig = SLV_BUF(1000);

        CHECK(slv_pkey_generate(cases[i].kind, 1024, 65537, &k) == SLV_OK);
        CHECK(slv_pkey_sign(k, cases[i].options, SLV_STR("message"), &sig) == SLV_OK);
        CHECK_INT(sig.len, cases[i].len);
        CHECK(slv_pkey_verify(k, cases[i].options, slv_buf_view(&sig), SLV_STR("message")));
        CHECK(!slv_pkey_verify(k, cases[i].options, slv_buf_view(&sig), SLV_STR("massage")));
        CHECK(!slv_pkey_verify(k, cases[i].options, SLV_STR(""), SLV_STR("message")));
        sig.ptr[5] ^= 1;
        CHECK(!slv_pkey_verify(k, cases[i].options, slv_buf_view(&sig), SLV_STR("message")));
    }
}

TAP_MAIN()
