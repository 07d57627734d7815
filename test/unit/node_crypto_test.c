/* node_crypto_test.c - what is behind node:crypto and node:zlib: known answers, Wycheproof, round
 * trips, limits. */
#include <stdio.h>
#include <stdlib.h>

#include "fmt/json.h"
#include "support/tap.h"
#include "web/node_crypto.h"
#include "web/node_pkey.h"
#include "web/node_zlib.h"

static bool is_hex(const slv_buf *b, const char *hex)
{
    static const char digits[] = "0123456789abcdef";

    if (strlen(hex) != 2 * b->len)
        return false;
    for (size_t i = 0; i < b->len; i++)
        if (hex[2 * i] != digits[(unsigned char)b->ptr[i] >> 4] ||
            hex[2 * i + 1] != digits[b->ptr[i] & 15])
            return false;
    return true;
}

static bool hash_is(const char *name, size_t len, const char *text, const char *hex)
{
    SLV_CLEANUP(slv_nodejs_hash_free) slv_nodejs_hash *h = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1024);

    return slv_nodejs_hash_new(slv_str_from(name), len, &h, NULL) == SLV_OK &&
           slv_nodejs_hash_update(h, slv_str_from(text)) == SLV_OK &&
           slv_nodejs_hash_final(h, &out) == SLV_OK && is_hex(&out, hex);
}

TEST(digests_by_any_of_their_names)
{
    CHECK(hash_is("md4", SLV_NODEJS_HASH_OWN, "abc", "a448017aaf21d8525fc10ae87aa6729d"));
    CHECK(hash_is("md5", SLV_NODEJS_HASH_OWN, "abc", "900150983cd24fb0d6963f7d28e17f72"));
    CHECK(hash_is("RSA-SHA1", SLV_NODEJS_HASH_OWN, "abc",
                  "a9993e364706816aba3e25717850c26c9cd0d89d"));
    CHECK(hash_is("Sha256", SLV_NODEJS_HASH_OWN, "abc",
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(hash_is("shake128", 0, "abc", ""));
    CHECK(hash_is("shake128", 5, "abc", "5881092dd8"));
    CHECK(!hash_is("ripemd160", SLV_NODEJS_HASH_OWN, "abc",
                   "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"));
}

TEST(only_shake_has_a_length_of_the_callers)
{
    SLV_CLEANUP(slv_nodejs_hash_free) slv_nodejs_hash *h = NULL;
    slv_err err = {0};

    CHECK(slv_nodejs_hash_new(SLV_STR("sha256"), 32, &h, &err) == SLV_OK);
    h = slv_nodejs_hash_free(h);
    CHECK(slv_nodejs_hash_new(SLV_STR("sha256"), 31, &h, &err) == SLV_E_DENIED);
    CHECK_STR(slv_str_from(slv_err_text(&err)), SLV_STR("invalid digest size"));
    CHECK(slv_nodejs_hash_new(SLV_STR("shake256"), SLV_NODEJS_OUT_MAX + 1, &h, &err) ==
          SLV_E_LIMIT);
}

TEST(a_copy_goes_on_from_where_it_was_made)
{
    SLV_CLEANUP(slv_nodejs_hash_free) slv_nodejs_hash *a = NULL;
    SLV_CLEANUP(slv_nodejs_hash_free) slv_nodejs_hash *b = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf x = SLV_BUF(64);
    SLV_CLEANUP(slv_buf_done) slv_buf y = SLV_BUF(64);

    CHECK(slv_nodejs_hash_new(SLV_STR("sha1"), SLV_NODEJS_HASH_OWN, &a, NULL) == SLV_OK);
    CHECK(slv_nodejs_hash_update(a, SLV_STR("a")) == SLV_OK);
    CHECK(slv_nodejs_hash_copy(a, SLV_NODEJS_HASH_OWN, &b, NULL) == SLV_OK);
    CHECK(slv_nodejs_hash_update(b, SLV_STR("bc")) == SLV_OK);
    CHECK(slv_nodejs_hash_final(a, &x) == SLV_OK && slv_nodejs_hash_final(b, &y) == SLV_OK);
    CHECK(is_hex(&x, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"));
    CHECK(is_hex(&y, "a9993e364706816aba3e25717850c26c9cd0d89d"));
}

/* ---- Wycheproof ---- */

typedef struct bytes {
    char data[1 << 16];
    size_t len;
} bytes;

static slv_str unhex(bytes *b, const slv_node *object, const char *name)
{
    slv_str text = slv_node_str(slv_node_get(object, name));

    SLV_ASSERT(text.len / 2 <= sizeof b->data);
    for (size_t i = 0; i < text.len / 2; i++)
        b->data[i] =
            (char)(slv_hex_value(text.ptr[2 * i]) << 4 | slv_hex_value(text.ptr[2 * i + 1]));
    b->len = text.len / 2;
    return slv_str_make(b->data, b->len);
}

/* Whether our decryption agrees with the vector; ivs that our limits refuse count as agreeing with
 * "invalid". */
static bool aead_agrees(const char *cipher, const slv_node *t)
{
    static bytes key, iv, aad, ct, tag, msg;
    SLV_CLEANUP(slv_nodejs_cipher_free) slv_nodejs_cipher *c = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_nodejs_cipher_options o = {.name = slv_str_from(cipher), .tag_len = 16};
    bool valid = !slv_str_is(slv_node_str(slv_node_get(t, "result")), "invalid");
    slv_err err;

    o.key = unhex(&key, t, "key");
    o.iv = unhex(&iv, t, "iv");
    unhex(&aad, t, "aad");
    unhex(&ct, t, "ct");
    unhex(&tag, t, "tag");
    unhex(&msg, t, "msg");
    bool ok = slv_nodejs_cipher_new(&o, &c, &err) == SLV_OK;
    if (!ok && iv.len > 128)
        return true;
    ok = ok && slv_nodejs_cipher_set_tag(c, slv_str_make(tag.data, tag.len), &err) == SLV_OK &&
         (aad.len == 0 ||
          slv_nodejs_cipher_aad(c, slv_str_make(aad.data, aad.len), -1, &err) == SLV_OK) &&
         slv_nodejs_cipher_update(c, slv_str_make(ct.data, ct.len), &out, &err) == SLV_OK &&
         slv_nodejs_cipher_final(c, &out, &err) == SLV_OK;
    if (ok && !slv_str_eq(slv_buf_view(&out), slv_str_make(msg.data, msg.len)))
        return false;
    return ok == valid;
}

/* Groups of the vectors that `cipher` (or one for each key size) is for. */
static void run_aead(const char *file, const char *const ciphers[3])
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(64 << 20);
    const char *path = tap_data(file);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(256 << 20);
    slv_node *root;
    slv_err err;
    int ran = 0;

    if (!path)
        return;
    CHECK(tap_read_file(path, &text));
    CHECK(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, &err) == SLV_OK);
    for (slv_node *g = slv_node_get(root, "testGroups")->first; g; g = g->next) {
        int64_t bits = 0, tag_bits = 0;

        SLV_ASSERT(slv_node_i64(slv_node_get(g, "keySize"), &bits) &&
                   slv_node_i64(slv_node_get(g, "tagSize"), &tag_bits));
        if (tag_bits != 128 || (bits != 128 && bits != 192 && bits != 256) ||
            !ciphers[bits / 64 - 2])
            continue;
        for (slv_node *t = slv_node_get(g, "tests")->first; t; t = t->next) {
            int64_t id = 0;

            (void)slv_node_i64(slv_node_get(t, "tcId"), &id);
            ran++;
            if (!aead_agrees(ciphers[bits / 64 - 2], t)) {
                tap_failed(__FILE__, __LINE__, "%s: vector %lld", file, (long long)id);
                break;
            }
        }
    }
    tap_note("%d vectors", ran);
    CHECK(ran > 50);
}

TEST(gcm_as_wycheproof_has_it)
{
    static const char *const ciphers[3] = {"aes-128-gcm", "aes-192-gcm", "aes-256-gcm"};

    run_aead("wycheproof/aes_gcm_test.json", ciphers);
}

/* RFC 8439, 2.8.2 */
TEST(chacha20_poly1305_as_rfc_8439_has_it)
{
    SLV_CLEANUP(slv_nodejs_cipher_free) slv_nodejs_cipher *c = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(256);
    char key[32];
    slv_nodejs_cipher_options o = {.encrypt = true,
                                   .name = SLV_STR("ChaCha20-Poly1305"),
                                   .iv =
                                       SLV_STR("\x07\x00\x00\x00\x40\x41\x42\x43\x44\x45\x46\x47"),
                                   .tag_len = -1};
    slv_err err = {0};

    for (int i = 0; i < 32; i++)
        key[i] = (char)(0x80 + i);
    o.key = slv_str_make(key, sizeof key);
    CHECK(slv_nodejs_cipher_new(&o, &c, &err) == SLV_OK);
    CHECK(slv_nodejs_cipher_aad(c, SLV_STR("\x50\x51\x52\x53\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"), -1,
                                &err) == SLV_OK);
    CHECK(slv_nodejs_cipher_update(
              c,
              SLV_STR("Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
                      "for the future, sunscreen would be it."),
              &out, &err) == SLV_OK);
    CHECK(slv_nodejs_cipher_tag(c, &out, &err) == SLV_E_DENIED); /* not yet */
    CHECK(slv_nodejs_cipher_final(c, &out, &err) == SLV_OK);
    slv_buf_reset(&out);
    CHECK(slv_nodejs_cipher_tag(c, &out, &err) == SLV_OK);
    CHECK(is_hex(&out, "1ae10b594f09e26a7e902ecbd0600691"));
}

TEST(a_tag_is_asked_for_and_checked)
{
    SLV_CLEANUP(slv_nodejs_cipher_free) slv_nodejs_cipher *c = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(256);
    slv_nodejs_cipher_options o = {.name = SLV_STR("aes-128-gcm"),
                                   .key = SLV_STR("0123456789abcdef"),
                                   .iv = SLV_STR("0123456789ab"),
                                   .tag_len = -1};
    slv_err err = {0};

    CHECK(slv_nodejs_cipher_new(&o, &c, &err) == SLV_OK);
    CHECK(slv_nodejs_cipher_final(c, &out, &err) == SLV_E_DENIED);
    CHECK_STR(slv_str_from(slv_err_text(&err)), SLV_STR("No auth tag provided"));
    CHECK(slv_nodejs_cipher_set_tag(c, SLV_STR("123"), &err) == SLV_E_DENIED);
    CHECK(slv_nodejs_cipher_set_tag(c, SLV_STR("1234"), &err) == SLV_OK);
    CHECK(slv_nodejs_cipher_set_tag(c, SLV_STR("1234"), &err) == SLV_E_DENIED);
    CHECK(slv_nodejs_cipher_final(c, &out, &err) == SLV_E_DENIED);
    CHECK_STR(slv_str_from(slv_err_text(&err)), SLV_STR("Authentication failed"));
}

TEST(every_listed_cipher_is_there)
{
    const char *const *names;
    size_t n = slv_nodejs_cipher_names(&names);

    for (size_t i = 0; i < n; i++) {
        slv_nodejs_cipher_info info, again;

        CHECK(slv_nodejs_cipher_find(slv_str_from(names[i]), 0, -1, -1, &info) == SLV_OK);
        CHECK(info.key_len > 0 && info.block_len > 0);
        CHECK(i == 0 || strcmp(names[i - 1], names[i]) < 0);
        if (info.nid != 0)
            CHECK(slv_nodejs_cipher_find(SLV_STR_NULL, info.nid, -1, -1, &again) == SLV_OK);
    }
}

/* ---- derivation ---- */

TEST(scrypt_as_rfc_7914_has_it)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(64);
    slv_nodejs_kdf o = {.n = 16, .r = 1, .p = 1, .maxmem = 32 << 20, .len = 64};

    CHECK(slv_nodejs_scrypt(&o, &out) == SLV_OK);
    CHECK(is_hex(&out, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0"
                       "948f8326a753a0fc8"
                       "1f17e8d3e0fb2e0d3628cf35e20c38d18906"));
    slv_buf_reset(&out);
    o.n = 15; /* no power of two */
    CHECK(slv_nodejs_scrypt(&o, &out) == SLV_E_DENIED);
}

TEST(lengths_of_derived_keys_are_bounded)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 16);
    slv_nodejs_kdf o = {.hash = SLV_STR("sha256"), .iterations = 1, .len = 255 * 32};

    CHECK(slv_nodejs_hkdf(&o, &out) == SLV_OK && slv_nodejs_pbkdf2(&o, &out) == SLV_OK);
    o.len++;
    CHECK(slv_nodejs_hkdf(&o, &out) == SLV_E_LIMIT && slv_nodejs_pbkdf2(&o, &out) == SLV_E_LIMIT);
    o.hash = SLV_STR("nope");
    CHECK(slv_nodejs_hkdf(&o, &out) == SLV_E_NOTFOUND);
}

/* ---- keys ---- */

static bool rewrites(const slv_pkey *k, bool is_private, slv_nodejs_form form)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *again = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_err err = {0};
    slv_code code = is_private ? slv_nodejs_private_write(k, &form, &out, &err)
                               : slv_nodejs_public_write(k, &form, &out, &err);

    if (code == SLV_OK)
        code = is_private ? slv_nodejs_private_read(slv_buf_view(&out), &form, &again, &err)
                          : slv_nodejs_public_read(slv_buf_view(&out), &form, &again, &err);
    if (code != SLV_OK)
        tap_note("%s", slv_err_text(&err));
    return code == SLV_OK && slv_nodejs_key_equal(k, again);
}

static slv_pkey *made(const char *type, const char *curve)
{
    slv_nodejs_keygen o = {
        .type = slv_str_from(type), .bits = 2048, .exponent = 65537, .salt_len = -1};
    slv_pkey *k = NULL;
    slv_err err = {0};

    if (curve)
        o.curve = slv_str_from(curve);
    if (slv_nodejs_key_generate(&o, &k, &err) != SLV_OK)
        tap_note("%s", slv_err_text(&err));
    return k;
}

TEST(keys_survive_every_encoding)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *rsa = made("rsa", NULL);
    SLV_CLEANUP(slv_pkey_free) slv_pkey *ec = made("ec", "secp256k1");
    SLV_CLEANUP(slv_pkey_free) slv_pkey *ed = made("ed25519", NULL);

    CHECK(rsa && ec && ed);
    for (int pem = 0; pem < 2; pem++) {
        slv_nodejs_form form = {.pem = pem, .encoding = SLV_NODEJS_PKCS1};

        CHECK(rewrites(rsa, true, form) && rewrites(rsa, false, form));
        form.encoding = SLV_NODEJS_SEC1;
        CHECK(rewrites(ec, true, form));
        form.encoding = SLV_NODEJS_SPKI;
        CHECK(rewrites(rsa, false, form) && rewrites(ec, false, form) && rewrites(ed, false, form));
        form.encoding = SLV_NODEJS_PKCS8;
        CHECK(rewrites(rsa, true, form) && rewrites(ec, true, form) && rewrites(ed, true, form));
        form.cipher = SLV_STR("aes-256-cbc");
        form.passphrase = SLV_STR("top secret");
        CHECK(rewrites(rsa, true, form) && rewrites(ed, true, form));
    }
}

TEST(a_wrong_passphrase_opens_nothing)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *ec = made("ec", "P-256");
    SLV_CLEANUP(slv_pkey_free) slv_pkey *again = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 16);
    slv_nodejs_form form = {.pem = true,
                            .encoding = SLV_NODEJS_PKCS8,
                            .cipher = SLV_STR("aes-128-cbc"),
                            .passphrase = SLV_STR("right")};

    CHECK(ec && slv_nodejs_private_write(ec, &form, &out, NULL) == SLV_OK);
    form.passphrase = SLV_STR("wrong");
    CHECK(slv_nodejs_private_read(slv_buf_view(&out), &form, &again, NULL) == SLV_E_DENIED);
    form.passphrase = SLV_STR_NULL;
    CHECK(slv_nodejs_private_read(slv_buf_view(&out), &form, &again, NULL) == SLV_E_DENIED);
}

TEST(signatures_in_both_forms)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *ec = made("ec", "P-521");
    slv_nodejs_sign o = {.hash = SLV_STR("sha512"), .salt_len = SLV_NODEJS_SALT_OWN};

    CHECK(ec);
    for (int p1363 = 0; p1363 < 2; p1363++) {
        SLV_CLEANUP(slv_buf_done) slv_buf sig = SLV_BUF(1024);
        bool is = false;

        o.p1363 = p1363;
        CHECK(slv_nodejs_key_sign(ec, &o, false, SLV_STR("text"), &sig, NULL) == SLV_OK);
        CHECK(!p1363 || sig.len == 132);
        CHECK(slv_nodejs_key_verify(ec, &o, false, SLV_STR("text"), slv_buf_view(&sig), &is,
                                    NULL) == SLV_OK &&
              is);
        CHECK(slv_nodejs_key_verify(ec, &o, false, SLV_STR("test"), slv_buf_view(&sig), &is,
                                    NULL) == SLV_OK &&
              !is);
    }
}

TEST(key_sizes_are_bounded)
{
    slv_nodejs_keygen o = {
        .type = SLV_STR("rsa"), .bits = SLV_NODEJS_RSA_BITS_MAX + 1, .exponent = 65537};
    SLV_CLEANUP(slv_nodejs_dh_free) slv_nodejs_dh *d = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 16);
    slv_pkey *k = NULL;

    CHECK(slv_nodejs_key_generate(&o, &k, NULL) == SLV_E_LIMIT);
    CHECK(slv_nodejs_dh_of_size(SLV_NODEJS_DH_BITS_MAX + 1, 2, &d, NULL) == SLV_E_LIMIT);
    CHECK(slv_nodejs_prime(SLV_NODEJS_PRIME_BITS_MAX + 1, false, SLV_STR_NULL, SLV_STR_NULL, &out,
                           NULL) == SLV_E_LIMIT);
    CHECK(slv_nodejs_prime(64, true, SLV_STR_NULL, SLV_STR_NULL, &out, NULL) == SLV_OK &&
          out.len == 8);
    bool is = false;
    CHECK(slv_nodejs_prime_check(slv_buf_view(&out), 10, &is, NULL) == SLV_OK && is);
}

/* ---- compression ---- */

static slv_nodejs_zip *opened(slv_nodejs_zip_mode mode)
{
    slv_nodejs_zlib_options o = {.window_bits = 15, .level = -1, .mem_level = 8};
    slv_nodejs_zip_error e;

    return mode <= SLV_NODEJS_UNZIP ? slv_nodejs_zip_zlib(mode, &o)
                                    : slv_nodejs_zip_new(mode, UINT64_MAX, &e);
}

static bool survives(slv_nodejs_zip_mode to, slv_nodejs_zip_mode from, int flush)
{
    SLV_CLEANUP(slv_nodejs_zip_free) slv_nodejs_zip *a = opened(to);
    SLV_CLEANUP(slv_nodejs_zip_free) slv_nodejs_zip *b = opened(from);
    SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf mid = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_nodejs_zip_error e = {0};

    for (int i = 0; i < 5000; i++)
        SLV_ASSERT(slv_buf_printf(&in, "line %d of many\n", i) == SLV_OK);
    bool ok = slv_nodejs_zip_all(a, flush, slv_buf_view(&in), 1 << 20, &mid, &e) == SLV_OK &&
              mid.len < in.len / 2 &&
              slv_nodejs_zip_all(b, flush, slv_buf_view(&mid), 1 << 20, &out, &e) == SLV_OK &&
              slv_str_eq(slv_buf_view(&in), slv_buf_view(&out));
    if (!ok)
        tap_note("mode %d: %s", to, e.message ? e.message : "other bytes");
    return ok;
}

TEST(what_is_compressed_comes_back)
{
    CHECK(survives(SLV_NODEJS_DEFLATE, SLV_NODEJS_INFLATE, 4));
    CHECK(survives(SLV_NODEJS_DEFLATE, SLV_NODEJS_UNZIP, 4));
    CHECK(survives(SLV_NODEJS_GZIP, SLV_NODEJS_GUNZIP, 4));
    CHECK(survives(SLV_NODEJS_GZIP, SLV_NODEJS_UNZIP, 4));
    CHECK(survives(SLV_NODEJS_DEFLATE_RAW, SLV_NODEJS_INFLATE_RAW, 4));
    CHECK(survives(SLV_NODEJS_BROTLI_ENCODE, SLV_NODEJS_BROTLI_DECODE, 2));
    CHECK(survives(SLV_NODEJS_ZSTD_ENCODE, SLV_NODEJS_ZSTD_DECODE, 2));
}

TEST(output_is_bounded_at_the_byte)
{
    SLV_CLEANUP(slv_nodejs_zip_free) slv_nodejs_zip *pack = opened(SLV_NODEJS_DEFLATE);
    SLV_CLEANUP(slv_buf_done) slv_buf in = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf packed = SLV_BUF(1 << 20);
    slv_nodejs_zip_error e = {0};

    for (int i = 0; i < 1000; i++)
        SLV_ASSERT(slv_buf_append(&in, SLV_STR("0123456789")) == SLV_OK);
    CHECK(slv_nodejs_zip_all(pack, 4, slv_buf_view(&in), 1 << 20, &packed, &e) == SLV_OK);
    for (size_t most = 9999; most <= 10000; most++) {
        SLV_CLEANUP(slv_nodejs_zip_free) slv_nodejs_zip *unpack = opened(SLV_NODEJS_INFLATE);
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);

        CHECK(slv_nodejs_zip_all(unpack, 4, slv_buf_view(&packed), most, &out, &e) ==
              (most < 10000 ? SLV_E_LIMIT : SLV_OK));
    }
}

TEST(bad_data_has_the_librarys_words)
{
    SLV_CLEANUP(slv_nodejs_zip_free) slv_nodejs_zip *z = opened(SLV_NODEJS_GUNZIP);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_nodejs_zip_error e = {0};

    CHECK(slv_nodejs_zip_all(z, 4, SLV_STR("junk"), 100, &out, &e) == SLV_E_PARSE);
    CHECK_STR(slv_str_from(e.message), SLV_STR("incorrect header check"));
    CHECK_STR(slv_str_from(e.code), SLV_STR("Z_DATA_ERROR"));
    CHECK_INT(e.errnum, -3);
}

TAP_MAIN()
