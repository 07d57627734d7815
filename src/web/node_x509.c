/* node_x509.c - certificates as X509Certificate shows them, and SPKAC. */
#include <limits.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "web/node_pkey_int.h"

struct slv_nodejs_x509 {
    X509 *cert;
};

slv_nodejs_x509 *slv_nodejs_x509_free(slv_nodejs_x509 *c)
{
    if (c) {
        X509_free(c->cert);
        free(c);
    }
    return NULL;
}

static int no_passphrase(SLV_UNUSED char *to, SLV_UNUSED int size, SLV_UNUSED int writing,
                         SLV_UNUSED void *of)
{
    return 0;
}

slv_code slv_nodejs_x509_read(slv_str bytes, slv_nodejs_x509 **ret)
{
    const unsigned char *p = crypto_bytes(bytes);

    slv_crypto_fetch();
    if (bytes.len > SLV_NODEJS_ENCODED_MAX)
        return SLV_E_PARSE;
    BIO *bio = slv_nodejs_bio_over(bytes);
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!cert)
        cert = d2i_X509(NULL, &p, (long)bytes.len);
    ERR_clear_error();
    if (!cert)
        return SLV_E_PARSE;
    *ret = slv_new0(slv_nodejs_x509);
    (*ret)->cert = cert;
    return SLV_OK;
}

/* ---- alternative names: quoted as JSON where a comma or quote could be read as the end ---- */

static bool is_plain(slv_str name, bool utf8)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        if (c == '"' || c == '\\' || c == ',' || c == '\'' || c < ' ' || c == 0x7F ||
            (!utf8 && c > '~'))
            return false;
    }
    return true;
}

static void put_name(BIO *out, slv_str name, bool utf8, const char *prefix)
{
    bool plain = is_plain(name, utf8);

    if (!plain)
        BIO_puts(out, "\"");
    if (prefix)
        BIO_printf(out, "%s:", prefix);
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        if (plain || (c >= ' ' && c != ',' && c != '"' && c != '\\' && c <= '~') ||
            (utf8 && c >= 0x80))
            BIO_write(out, &c, 1);
        else if (c == '"' || c == '\\')
            BIO_printf(out, "\\%c", c);
        else
            BIO_printf(out, "\\u00%02x", c);
    }
    if (!plain)
        BIO_puts(out, "\"");
}

static slv_str asn1_str(const ASN1_STRING *s)
{
    return slv_str_make(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void put_directory(BIO *out, const X509_NAME *name)
{
    const unsigned long form =
        XN_FLAG_RFC2253 & ~(unsigned long)(ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_ESC_CTRL);
    BIO *line = slv_nodejs_bio();
    char *data = NULL;

    BIO_puts(out, "DirName:");
    if (X509_NAME_print_ex(line, name, 0, form) >= 0) {
        long len = BIO_get_mem_data(line, &data);

        put_name(out, slv_str_make(data, len > 0 ? (size_t)len : 0), true, NULL);
    }
    BIO_free(line);
}

static void put_address(BIO *out, slv_str ip)
{
    const unsigned char *b = crypto_bytes(ip);

    BIO_puts(out, "IP Address:");
    if (ip.len == 4)
        BIO_printf(out, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
    else if (ip.len == 16)
        for (size_t i = 0; i < 8; i++)
            BIO_printf(out, i == 0 ? "%X" : ":%X", b[2 * i] << 8 | b[2 * i + 1]);
    else
        BIO_puts(out, "<invalid>");
}

static void put_other(BIO *out, const OTHERNAME *other)
{
    static const struct {
        int nid;
        const char *prefix;
        int type;
    } known[] = {
        {NID_id_on_SmtpUTF8Mailbox, "SmtpUTF8Mailbox", V_ASN1_UTF8STRING},
        {NID_XmppAddr, "XmppAddr", V_ASN1_UTF8STRING},
        {NID_SRVName, "SRVName", V_ASN1_IA5STRING},
        {NID_ms_upn, "UPN", V_ASN1_UTF8STRING},
        {NID_NAIRealm, "NAIRealm", V_ASN1_UTF8STRING},
    };
    int nid = OBJ_obj2nid(other->type_id);

    BIO_puts(out, "othername:");
    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++)
        if (known[i].nid == nid && other->value->type == known[i].type) {
            put_name(out, asn1_str(other->value->value.asn1_string),
                     known[i].type == V_ASN1_UTF8STRING, known[i].prefix);
            return;
        }
    BIO_puts(out, "<unsupported>");
}

static void put_general_name(BIO *out, const GENERAL_NAME *name)
{
    char oid[256];

    switch (name->type) {
    case GEN_DNS:
        BIO_puts(out, "DNS:");
        put_name(out, asn1_str(name->d.dNSName), false, NULL);
        break;
    case GEN_EMAIL:
        BIO_puts(out, "email:");
        put_name(out, asn1_str(name->d.rfc822Name), false, NULL);
        break;
    case GEN_URI:
        BIO_puts(out, "URI:");
        put_name(out, asn1_str(name->d.uniformResourceIdentifier), false, NULL);
        break;
    case GEN_DIRNAME:
        put_directory(out, name->d.dirn);
        break;
    case GEN_IPADD:
        put_address(out, asn1_str(name->d.ip));
        break;
    case GEN_RID:
        OBJ_obj2txt(oid, sizeof oid, name->d.rid, 1);
        BIO_printf(out, "Registered ID:%s", oid);
        break;
    case GEN_OTHERNAME:
        put_other(out, name->d.otherName);
        break;
    default:
        BIO_puts(out,
                 name->type == GEN_X400 ? "X400Name:<unsupported>" : "EdiPartyName:<unsupported>");
    }
}

static slv_code put_alt_names(const X509 *cert, BIO *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    if (!names)
        return SLV_E_NOTFOUND;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (i > 0)
            BIO_puts(out, ", ");
        put_general_name(out, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
    return SLV_OK;
}

static slv_code put_info_access(const X509 *cert, BIO *out)
{
    AUTHORITY_INFO_ACCESS *list = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);

    if (!list)
        return SLV_E_NOTFOUND;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(list); i++) {
        const ACCESS_DESCRIPTION *entry = sk_ACCESS_DESCRIPTION_value(list, i);
        char method[80];

        i2t_ASN1_OBJECT(method, sizeof method, entry->method);
        BIO_printf(out, "%s - ", method);
        put_general_name(out, entry->location);
        BIO_puts(out, "\n");
    }
    AUTHORITY_INFO_ACCESS_free(list);
    return SLV_OK;
}

/* ---- fields ---- */

static slv_code put_fingerprint(const X509 *cert, const char *hash, BIO *out)
{
    const EVP_MD *md = slv_nodejs_md(slv_str_from(hash));
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!md || !X509_digest(cert, md, bytes, &len))
        return SLV_E_NOTFOUND;
    for (unsigned i = 0; i < len; i++)
        BIO_printf(out, i == 0 ? "%02X" : ":%02X", bytes[i]);
    return SLV_OK;
}

static slv_code put_serial(X509 *cert, BIO *out)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get_serialNumber(cert), NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;

    if (hex)
        BIO_puts(out, hex);
    OPENSSL_free(hex);
    BN_free(n);
    return hex ? SLV_OK : SLV_E_NOTFOUND;
}

static slv_code put_key_usage(const X509 *cert, BIO *out)
{
    EXTENDED_KEY_USAGE *list = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    char oid[256];

    if (!list)
        return SLV_E_NOTFOUND;
    for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++)
        if (OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(list, i), 1) >= 0)
            BIO_printf(out, "%s\n", oid);
    EXTENDED_KEY_USAGE_free(list);
    return SLV_OK;
}

static void put_name_parts(const X509_NAME *name, BIO *out)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
        int nid = OBJ_obj2nid(type);
        unsigned char *text = NULL;
        char oid[80];
        int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));

        if (len < 0)
            continue;
        if (nid == NID_undef)
            OBJ_obj2txt(oid, sizeof oid, type, 1);
        BIO_puts(out, nid == NID_undef ? oid : OBJ_nid2sn(nid));
        BIO_write(out, "", 1);
        for (int j = 0; j < len; j++)
            if (text[j] != 0) /* NUL separates */
                BIO_write(out, text + j, 1);
        BIO_write(out, "", 1);
        OPENSSL_free(text);
    }
}

#define NAME_LINES                                                                                 \
    (ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT |                   \
     XN_FLAG_SEP_MULTILINE | XN_FLAG_FN_SN)

static slv_code put_field(X509 *cert, slv_nodejs_x509_field field, BIO *out)
{
    bool subject = field == SLV_NODEJS_X509_SUBJECT || field == SLV_NODEJS_X509_SUBJECT_PARTS;
    const X509_NAME *name = subject ? X509_get_subject_name(cert) : X509_get_issuer_name(cert);

    switch (field) {
    case SLV_NODEJS_X509_SUBJECT:
    case SLV_NODEJS_X509_ISSUER:
        return X509_NAME_print_ex(out, name, 0, NAME_LINES) > 0 ? SLV_OK : SLV_E_NOTFOUND;
    case SLV_NODEJS_X509_SUBJECT_PARTS:
    case SLV_NODEJS_X509_ISSUER_PARTS:
        put_name_parts(name, out);
        return SLV_OK;
    case SLV_NODEJS_X509_SUBJECT_ALT_NAME:
        return put_alt_names(cert, out);
    case SLV_NODEJS_X509_INFO_ACCESS:
        return put_info_access(cert, out);
    case SLV_NODEJS_X509_VALID_FROM:
        return ASN1_TIME_print(out, X509_get0_notBefore(cert)) ? SLV_OK : SLV_E_NOTFOUND;
    case SLV_NODEJS_X509_VALID_TO:
        return ASN1_TIME_print(out, X509_get0_notAfter(cert)) ? SLV_OK : SLV_E_NOTFOUND;
    case SLV_NODEJS_X509_SERIAL:
        return put_serial(cert, out);
    case SLV_NODEJS_X509_PEM:
        return PEM_write_bio_X509(out, cert) ? SLV_OK : SLV_E_NOTFOUND;
    case SLV_NODEJS_X509_DER:
        return i2d_X509_bio(out, cert) ? SLV_OK : SLV_E_NOTFOUND;
    case SLV_NODEJS_X509_SHA1:
        return put_fingerprint(cert, "sha1", out);
    case SLV_NODEJS_X509_SHA256:
        return put_fingerprint(cert, "sha256", out);
    case SLV_NODEJS_X509_SHA512:
        return put_fingerprint(cert, "sha512", out);
    case SLV_NODEJS_X509_KEY_USAGE:
        return put_key_usage(cert, out);
    }
    return SLV_E_NOTFOUND;
}

slv_code slv_nodejs_x509_get(const slv_nodejs_x509 *c, slv_nodejs_x509_field field, slv_buf *out)
{
    BIO *bio = slv_nodejs_bio();
    slv_code code = put_field(c->cert, field, bio);

    ERR_clear_error();
    if (code != SLV_OK) {
        BIO_free(bio);
        return code;
    }
    return slv_nodejs_bio_take(bio, out);
}

bool slv_nodejs_x509_is_ca(const slv_nodejs_x509 *c)
{
    return X509_check_ca(c->cert) == 1;
}

slv_pkey *slv_nodejs_x509_key(const slv_nodejs_x509 *c)
{
    EVP_PKEY *pkey = X509_get_pubkey(c->cert);

    ERR_clear_error();
    return pkey ? slv_nodejs_wrap(pkey) : NULL;
}

/* ---- checks ---- */

slv_code slv_nodejs_x509_match(const slv_nodejs_x509 *c, slv_nodejs_x509_check what, slv_str name,
                               unsigned flags, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf z = SLV_BUF(1024);
    char *found = NULL;
    int rc = -2;

    if (name.len >= 1000 || slv_buf_append(&z, name) != SLV_OK ||
        slv_buf_append_byte(&z, 0) != SLV_OK)
        return SLV_E_INVAL;
    switch (what) {
    case SLV_NODEJS_CHECK_HOST:
        rc = X509_check_host(c->cert, z.ptr, name.len, flags, &found);
        break;
    case SLV_NODEJS_CHECK_EMAIL:
        rc = X509_check_email(c->cert, z.ptr, name.len, flags);
        break;
    case SLV_NODEJS_CHECK_IP:
        rc = memchr(name.ptr, 0, name.len) ? -2 : X509_check_ip_asc(c->cert, z.ptr, flags);
        break;
    }
    ERR_clear_error();
    slv_code code = rc == 1   ? slv_buf_append(out, found ? slv_str_from(found) : name)
                    : rc == 0 ? SLV_E_NOTFOUND
                              : SLV_E_INVAL;
    OPENSSL_free(found);
    return code;
}

bool slv_nodejs_x509_issued_by(const slv_nodejs_x509 *c, const slv_nodejs_x509 *issuer)
{
    bool is = X509_check_issued(issuer->cert, c->cert) == X509_V_OK;

    ERR_clear_error();
    return is;
}

bool slv_nodejs_x509_signed_by(const slv_nodejs_x509 *c, const slv_pkey *key)
{
    bool is = X509_verify(c->cert, key->pkey) > 0;

    ERR_clear_error();
    return is;
}

bool slv_nodejs_x509_is_of(const slv_nodejs_x509 *c, const slv_pkey *private_key)
{
    bool is = X509_check_private_key(c->cert, private_key->pkey) == 1;

    ERR_clear_error();
    return is;
}

/* ---- SPKAC ---- */

static NETSCAPE_SPKI *spkac_read(slv_str text)
{
    slv_crypto_fetch();
    while (text.len > 0 && strchr(" \n\r\t", text.ptr[text.len - 1]) && text.ptr[text.len - 1])
        text.len--;
    NETSCAPE_SPKI *spki = text.len > 0 && text.len <= SLV_NODEJS_ENCODED_MAX
                              ? NETSCAPE_SPKI_b64_decode(text.ptr, (int)text.len)
                              : NULL;
    ERR_clear_error();
    return spki;
}

bool slv_nodejs_spkac_verify(slv_str text)
{
    NETSCAPE_SPKI *spki = spkac_read(text);
    EVP_PKEY *pkey = spki ? X509_PUBKEY_get(spki->spkac->pubkey) : NULL;
    bool ok = pkey && NETSCAPE_SPKI_verify(spki, pkey) > 0;

    EVP_PKEY_free(pkey);
    NETSCAPE_SPKI_free(spki);
    ERR_clear_error();
    return ok;
}

slv_code slv_nodejs_spkac_key(slv_str text, slv_buf *out)
{
    NETSCAPE_SPKI *spki = spkac_read(text);
    EVP_PKEY *pkey = spki ? NETSCAPE_SPKI_get_pubkey(spki) : NULL;
    BIO *bio = slv_nodejs_bio();
    bool ok = pkey && PEM_write_bio_PUBKEY(bio, pkey) == 1;

    EVP_PKEY_free(pkey);
    NETSCAPE_SPKI_free(spki);
    ERR_clear_error();
    slv_code code = slv_nodejs_bio_take(bio, out);
    return ok ? code : SLV_E_PARSE;
}

slv_code slv_nodejs_spkac_challenge(slv_str text, slv_buf *out)
{
    NETSCAPE_SPKI *spki = spkac_read(text);
    unsigned char *utf8 = NULL;
    int len = spki ? ASN1_STRING_to_UTF8(&utf8, spki->spkac->challenge) : -1;
    slv_code code = len >= 0 ? slv_buf_append(out, slv_str_make(utf8, (size_t)len)) : SLV_E_PARSE;

    OPENSSL_free(utf8);
    NETSCAPE_SPKI_free(spki);
    ERR_clear_error();
    return code;
}
