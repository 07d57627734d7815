/* crypto_fetch.c - OpenSSL's algorithms, looked up once in the life of the process: each look-up
 * costs microseconds. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the way to replace the random generator for good has no     \
                                       successor yet */
#include <pthread.h>

#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "base/rand.h"
#include "web/crypto_int.h"

static struct {
    EVP_MD *mds[SLV_DIGEST_SHA512 + 1];
    EVP_CIPHER *aes[CRYPTO_MODES][3];
    EVP_KDF *hkdf, *pbkdf2;
} fetched;

static const char *const md_names[] = {"MD5", "SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};

static int random_bytes(unsigned char *out, int len)
{
    if (len > 0)
        slv_rand_bytes(out, (size_t)len);
    return len >= 0;
}

static int random_ready(void)
{
    return 1;
}

/* OpenSSL's own generator keeps a state, which a fork copies; it notices by the process id, and in
   namespaces of their own two processes may have the same. The kernel's generator has no state of
   ours. */
static const RAND_METHOD kernel_random = {
    .bytes = random_bytes, .pseudorand = random_bytes, .status = random_ready};

static void fetch_all(void)
{
    static const char *const aes_names[CRYPTO_MODES][3] = {
        {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"},
        {"AES-128-CTR", "AES-192-CTR", "AES-256-CTR"},
        {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"},
        {"AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP"},
    };

    /* what an administrator configures for other programs is not for workers; and a sandboxed
     * process opens no file */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    SLV_ASSERT(RAND_set_rand_method(&kernel_random));
    for (size_t i = 0; i < SLV_ARRAY_LEN(md_names); i++)
        SLV_ASSERT((fetched.mds[i] = EVP_MD_fetch(NULL, md_names[i], NULL)) != NULL);
    for (size_t mode = 0; mode < CRYPTO_MODES; mode++)
        for (size_t i = 0; i < 3; i++)
            SLV_ASSERT((fetched.aes[mode][i] = EVP_CIPHER_fetch(NULL, aes_names[mode][i], NULL)) !=
                       NULL);
    SLV_ASSERT((fetched.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL)) != NULL);
    SLV_ASSERT((fetched.pbkdf2 = EVP_KDF_fetch(NULL, "PBKDF2", NULL)) != NULL);
}

void slv_crypto_fetch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    SLV_ASSERT(pthread_once(&once, fetch_all) == 0);
}

const EVP_MD *slv_crypto_md(slv_digest_id id)
{
    slv_crypto_fetch();
    return id <= SLV_DIGEST_SHA512 ? fetched.mds[id] : NULL;
}

const char *slv_crypto_md_name(slv_digest_id id)
{
    SLV_ASSERT(id <= SLV_DIGEST_SHA512);
    return md_names[id];
}

EVP_KDF *slv_crypto_hkdf(void)
{
    slv_crypto_fetch();
    return fetched.hkdf;
}

EVP_KDF *slv_crypto_pbkdf2(void)
{
    slv_crypto_fetch();
    return fetched.pbkdf2;
}

const EVP_CIPHER *slv_crypto_aes(crypto_mode mode, size_t key_len)
{
    slv_crypto_fetch();
    if (key_len != 16 && key_len != 24 && key_len != 32)
        return NULL;
    return fetched.aes[mode][key_len / 8 - 2];
}
