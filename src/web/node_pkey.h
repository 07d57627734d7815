/*
 * node_pkey.h - what is behind the asymmetric half of node:crypto: keys read and written in every
 * encoding that Node.js takes, generated, used; classic Diffie-Hellman; certificates; SPKAC. On
 * OpenSSL 3. No engine.
 *
 * Keys are the slv_pkey of web/crypto.h, so that WebCrypto and Node.js share them; kinds that
 * WebCrypto has not are SLV_PKEY_OTHER. Threads and errors as in node_crypto.h. Encoded keys and
 * certificates are limited to SLV_NODEJS_ENCODED_MAX bytes.
 */
#ifndef SLV_WEB_NODE_PKEY_H
#define SLV_WEB_NODE_PKEY_H

#include "web/crypto.h"

#define SLV_NODEJS_ENCODED_MAX ((size_t)1 << 20)
#define SLV_NODEJS_RSA_BITS_MAX 16384
#define SLV_NODEJS_DH_BITS_MAX 10000

/* ---- encodings ---- */

typedef enum slv_nodejs_encoding {
    SLV_NODEJS_PKCS1,
    SLV_NODEJS_PKCS8,
    SLV_NODEJS_SPKI,
    SLV_NODEJS_SEC1,
    SLV_NODEJS_ANY, /* reading only: not said */
} slv_nodejs_encoding;

typedef struct slv_nodejs_form {
    bool pem; /* else DER */
    slv_nodejs_encoding encoding;
    slv_str passphrase; /* ptr NULL: none */
    slv_str cipher;     /* writing only; ptr NULL: not encrypted */
} slv_nodejs_form;

SLV_NODISCARD slv_code slv_nodejs_private_read(slv_str bytes, const slv_nodejs_form *form,
                                               slv_pkey **ret, slv_err *err);
/* Also the public half of a private key or of a certificate. */
SLV_NODISCARD slv_code slv_nodejs_public_read(slv_str bytes, const slv_nodejs_form *form,
                                              slv_pkey **ret, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_private_write(const slv_pkey *k, const slv_nodejs_form *form,
                                                slv_buf *out, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_public_write(const slv_pkey *k, const slv_nodejs_form *form,
                                               slv_buf *out, slv_err *err);

/* ---- what a key is ---- */

/* "rsa", "rsa-pss", "dsa", "dh", "ec", "ed25519", "ed448", "x25519", "x448", or NULL. */
const char *slv_nodejs_key_type(const slv_pkey *k);
typedef struct slv_nodejs_key_details {
    unsigned bits;           /* RSA and DSA */
    unsigned divisor_bits;   /* DSA */
    char curve[40];          /* EC; "" for one without a name */
    char hash[24], mgf1[24]; /* RSA-PSS, "" when it does not restrict them */
    int salt_len;            /* RSA-PSS; -1 */
} slv_nodejs_key_details;
void slv_nodejs_key_details_get(const slv_pkey *k, slv_nodejs_key_details *ret);
/* Appends the public exponent of RSA, big-endian. */
SLV_NODISCARD slv_code slv_nodejs_key_exponent(const slv_pkey *k, slv_buf *out);
/* Whether both are the same public key (and private key, if `private`). */
bool slv_nodejs_key_equal(const slv_pkey *a, const slv_pkey *b);

/* ---- generation ---- */

typedef struct slv_nodejs_keygen {
    slv_str type; /* as slv_nodejs_key_type */
    uint32_t bits, exponent;
    slv_str curve;
    bool explicit_curve;
    slv_str hash, mgf1;   /* RSA-PSS; ptr NULL: free */
    int64_t salt_len;     /* RSA-PSS; -1: free */
    int64_t divisor_bits; /* DSA; -1: the library's choice */
    slv_str group, prime; /* DH: one of them, or bits */
    uint32_t generator;
} slv_nodejs_keygen;
SLV_NODISCARD slv_code slv_nodejs_key_generate(const slv_nodejs_keygen *o, slv_pkey **ret,
                                               slv_err *err);

/* ---- use ---- */

#define SLV_NODEJS_PADDING_OWN 0 /* the key's own */
#define SLV_NODEJS_SALT_OWN INT32_MIN
typedef struct slv_nodejs_sign {
    slv_str hash; /* ptr NULL: the key's own */
    int padding;  /* OpenSSL's numbers, which are Node's */
    int salt_len;
    bool p1363; /* (EC)DSA: r and s side by side instead of DER */
} slv_nodejs_sign;
/* prehashed: `bytes` is the digest already. */
SLV_NODISCARD slv_code slv_nodejs_key_sign(const slv_pkey *k, const slv_nodejs_sign *o,
                                           bool prehashed, slv_str bytes, slv_buf *out,
                                           slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_key_verify(const slv_pkey *k, const slv_nodejs_sign *o,
                                             bool prehashed, slv_str bytes, slv_str signature,
                                             bool *ret, slv_err *err);

typedef enum slv_nodejs_rsa {
    SLV_NODEJS_PUBLIC_ENCRYPT,
    SLV_NODEJS_PRIVATE_DECRYPT,
    SLV_NODEJS_PRIVATE_ENCRYPT,
    SLV_NODEJS_PUBLIC_DECRYPT,
} slv_nodejs_rsa;
typedef struct slv_nodejs_rsa_options {
    int padding;
    slv_str hash, label; /* OAEP; label.ptr NULL: none */
} slv_nodejs_rsa_options;
SLV_NODISCARD slv_code slv_nodejs_key_rsa(const slv_pkey *k, slv_nodejs_rsa what,
                                          const slv_nodejs_rsa_options *o, slv_str in, slv_buf *out,
                                          slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_key_agree(const slv_pkey *own, const slv_pkey *peer, slv_buf *out,
                                            slv_err *err);

/* ---- Diffie-Hellman, with numbers ---- */

typedef struct slv_nodejs_dh slv_nodejs_dh;
SLV_NODISCARD slv_code slv_nodejs_dh_group(slv_str name, slv_nodejs_dh **ret, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_dh_of_prime(slv_str prime, slv_str generator, slv_nodejs_dh **ret,
                                              slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_dh_of_size(int32_t bits, int32_t generator, slv_nodejs_dh **ret,
                                             slv_err *err);
slv_nodejs_dh *slv_nodejs_dh_free(slv_nodejs_dh *d);
SLV_DEFINE_CLEANUP(slv_nodejs_dh *, slv_nodejs_dh_free);
int slv_nodejs_dh_verify_error(const slv_nodejs_dh *d);
SLV_NODISCARD slv_code slv_nodejs_dh_generate(slv_nodejs_dh *d, slv_err *err);
typedef enum slv_nodejs_dh_part {
    SLV_NODEJS_DH_PRIME,
    SLV_NODEJS_DH_GENERATOR,
    SLV_NODEJS_DH_PUBLIC,
    SLV_NODEJS_DH_PRIVATE,
} slv_nodejs_dh_part;
SLV_NODISCARD slv_code slv_nodejs_dh_get(const slv_nodejs_dh *d, slv_nodejs_dh_part part,
                                         slv_buf *out, slv_err *err);
/* PUBLIC or PRIVATE. */
SLV_NODISCARD slv_code slv_nodejs_dh_set(slv_nodejs_dh *d, slv_nodejs_dh_part part, slv_str number,
                                         slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_dh_secret(slv_nodejs_dh *d, slv_str peer, slv_buf *out,
                                            slv_err *err);

/* ---- ECDH ---- */

typedef enum slv_nodejs_point { /* OpenSSL's numbers, which are Node's */
                                SLV_NODEJS_COMPRESSED = 2,
                                SLV_NODEJS_UNCOMPRESSED = 4,
                                SLV_NODEJS_HYBRID = 6,
} slv_nodejs_point;
typedef struct slv_nodejs_ecdh slv_nodejs_ecdh;
SLV_NODISCARD slv_code slv_nodejs_ecdh_new(slv_str curve, slv_nodejs_ecdh **ret, slv_err *err);
slv_nodejs_ecdh *slv_nodejs_ecdh_free(slv_nodejs_ecdh *e);
SLV_DEFINE_CLEANUP(slv_nodejs_ecdh *, slv_nodejs_ecdh_free);
SLV_NODISCARD slv_code slv_nodejs_ecdh_generate(slv_nodejs_ecdh *e, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_ecdh_public(const slv_nodejs_ecdh *e, slv_nodejs_point form,
                                              slv_buf *out, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_ecdh_private(const slv_nodejs_ecdh *e, slv_buf *out,
                                               slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_ecdh_set_private(slv_nodejs_ecdh *e, slv_str number,
                                                   slv_err *err);
/* SLV_E_PARSE: the peer's point is none of the curve. */
SLV_NODISCARD slv_code slv_nodejs_ecdh_secret(const slv_nodejs_ecdh *e, slv_str peer, slv_buf *out,
                                              slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_ecdh_convert(slv_str curve, slv_str point, slv_nodejs_point form,
                                               slv_buf *out, slv_err *err);

/* ---- certificates ---- */

typedef struct slv_nodejs_x509 slv_nodejs_x509;
/* PEM or DER. SLV_E_PARSE: it is none. */
SLV_NODISCARD slv_code slv_nodejs_x509_read(slv_str bytes, slv_nodejs_x509 **ret);
slv_nodejs_x509 *slv_nodejs_x509_free(slv_nodejs_x509 *c);
SLV_DEFINE_CLEANUP(slv_nodejs_x509 *, slv_nodejs_x509_free);

typedef enum slv_nodejs_x509_field {
    SLV_NODEJS_X509_SUBJECT, /* a line for each part */
    SLV_NODEJS_X509_ISSUER,
    SLV_NODEJS_X509_SUBJECT_ALT_NAME,
    SLV_NODEJS_X509_INFO_ACCESS,
    SLV_NODEJS_X509_VALID_FROM,
    SLV_NODEJS_X509_VALID_TO,
    SLV_NODEJS_X509_SERIAL,
    SLV_NODEJS_X509_PEM,
    SLV_NODEJS_X509_DER,
    SLV_NODEJS_X509_SHA1, /* fingerprints, "AB:CD…" */
    SLV_NODEJS_X509_SHA256,
    SLV_NODEJS_X509_SHA512,
    SLV_NODEJS_X509_KEY_USAGE,     /* object identifiers of extended usage, a line each */
    SLV_NODEJS_X509_SUBJECT_PARTS, /* name NUL value NUL …, not escaped */
    SLV_NODEJS_X509_ISSUER_PARTS,
} slv_nodejs_x509_field;
/* SLV_E_NOTFOUND: the certificate has none. */
SLV_NODISCARD slv_code slv_nodejs_x509_get(const slv_nodejs_x509 *c, slv_nodejs_x509_field field,
                                           slv_buf *out);
bool slv_nodejs_x509_is_ca(const slv_nodejs_x509 *c);
/* The key that it is for; NULL when it is of no known kind. */
slv_pkey *slv_nodejs_x509_key(const slv_nodejs_x509 *c);
typedef enum slv_nodejs_x509_check {
    SLV_NODEJS_CHECK_HOST,
    SLV_NODEJS_CHECK_EMAIL,
    SLV_NODEJS_CHECK_IP,
} slv_nodejs_x509_check;
/* flags: X509_CHECK_FLAG_… of the library. *ret: the name that matched (of HOST), or the given one.
   SLV_E_NOTFOUND: no match; SLV_E_INVAL: malformed name. */
SLV_NODISCARD slv_code slv_nodejs_x509_match(const slv_nodejs_x509 *c, slv_nodejs_x509_check what,
                                             slv_str name, unsigned flags, slv_buf *out);
bool slv_nodejs_x509_issued_by(const slv_nodejs_x509 *c, const slv_nodejs_x509 *issuer);
bool slv_nodejs_x509_signed_by(const slv_nodejs_x509 *c, const slv_pkey *key);
bool slv_nodejs_x509_is_of(const slv_nodejs_x509 *c, const slv_pkey *private_key);

/* ---- SPKAC: base64, trailing white space ignored ---- */

bool slv_nodejs_spkac_verify(slv_str text);
SLV_NODISCARD slv_code slv_nodejs_spkac_key(slv_str text, slv_buf *out);
SLV_NODISCARD slv_code slv_nodejs_spkac_challenge(slv_str text, slv_buf *out);

#endif
