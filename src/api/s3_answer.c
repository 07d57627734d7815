#include <stdio.h>
#include <time.h>

#include "api/s3_int.h"
#include "fmt/base64.h"

static const char *const sum_names[SLV_SUM_KINDS] = {"md5",    "sha1",  "sha256", "sha384",
                                                     "sha512", "crc32", "crc32c", "crc64nvme"};

const char *slv_s3_sum_name(slv_sum_kind kind)
{
    return sum_names[kind];
}

const char *slv_s3_sum_element(slv_sum_kind kind)
{
    static const char *const names[SLV_SUM_KINDS] = {
        [SLV_SUM_CRC32] = "ChecksumCRC32",         [SLV_SUM_CRC32C] = "ChecksumCRC32C",
        [SLV_SUM_CRC64NVME] = "ChecksumCRC64NVME", [SLV_SUM_SHA1] = "ChecksumSHA1",
        [SLV_SUM_SHA256] = "ChecksumSHA256",
    };

    return names[kind];
}

slv_sum_kind slv_s3_sum_kind(slv_str name)
{
    static const slv_sum_kind known[] = {SLV_SUM_CRC32, SLV_SUM_CRC32C, SLV_SUM_CRC64NVME,
                                         SLV_SUM_SHA1, SLV_SUM_SHA256};

    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++) {
        if (slv_str_eq_nocase(name, slv_str_from(sum_names[known[i]])))
            return known[i];
    }
    return SLV_SUM_KINDS;
}

/* ---- dates ---- */

slv_code slv_s3_http_date(int64_t ms, char out[40])
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;

    if (!gmtime_r(&s, &tm) || strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        return SLV_E_INVAL;
    return SLV_OK;
}

bool slv_s3_parse_date(slv_str text, int64_t *ret_ms)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y", "%Y-%m-%dT%H:%M:%SZ"};
    char copy[64];

    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i < SLV_ARRAY_LEN(forms); i++) {
        struct tm tm = {0};
        const char *end = strptime(copy, forms[i], &tm);

        if (end && *end == '\0') {
            *ret_ms = (int64_t)timegm(&tm) * 1000;
            return true;
        }
    }
    return false;
}

/* ---- XML ---- */

slv_code slv_s3_put_error(s3_call *c, const char *code, slv_str message)
{
    SLV_TRY(slv_xml_put_head(&c->text));
    SLV_TRY(slv_xml_open(&c->text, "Error"));
    SLV_TRY(slv_xml_put(&c->text, "Code", slv_str_from(code)));
    SLV_TRY(slv_xml_put(&c->text, "Message", message));
    return slv_xml_close(&c->text, "Error");
}

slv_code slv_s3_put_etag_xml(slv_buf *out, slv_str etag)
{
    return slv_buf_printf(out, "<ETag>&quot;%.*s&quot;</ETag>", SLV_STR_ARGS(etag));
}

slv_code slv_s3_put_time_xml(slv_buf *out, const char *name, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];

    if (!gmtime_r(&s, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return SLV_E_INVAL;
    return slv_buf_printf(out, "<%s>%s.%03dZ</%s>", name, text, (int)(ms % 1000), name);
}

slv_code slv_s3_put_name_xml(slv_buf *out, const char *element, slv_str name, bool encode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf encoded = SLV_BUF((size_t)64 << 10);

    if (!encode)
        return slv_xml_put(out, element, name);
    SLV_TRY(slv_uri_encode(name, true, &encoded));
    return slv_xml_put(out, element, slv_buf_view(&encoded));
}

/* ---- an object as headers ---- */

slv_code slv_s3_put_header(slv_buf *out, const char *name, slv_str value)
{
    SLV_TRY(slv_buf_append(out, slv_str_from(name)));
    SLV_TRY(slv_buf_append_byte(out, ':'));
    for (size_t i = 0; i < value.len; i++) { /* what cannot stand in a header is left out */
        char ch = value.ptr[i];

        if (ch != '\r' && ch != '\n' && ch != '\0')
            SLV_TRY(slv_buf_append_byte(out, ch));
    }
    return slv_buf_append_byte(out, '\n');
}

typedef struct http_field {
    const char *member, *header, *override;
} http_field;

static const http_field http_fields[] = {
    {"contentType", "content-type", "response-content-type"},
    {"contentLanguage", "content-language", "response-content-language"},
    {"contentDisposition", "content-disposition", "response-content-disposition"},
    {"contentEncoding", "content-encoding", "response-content-encoding"},
    {"cacheControl", "cache-control", "response-cache-control"},
};

static slv_code put_http(s3_call *c, const slv_node *http)
{
    char date[40];
    int64_t expires;

    for (size_t i = 0; i < SLV_ARRAY_LEN(http_fields); i++) {
        slv_str value = slv_node_str(slv_node_get(http, http_fields[i].member));
        slv_str other = slv_s3_query(c, http_fields[i].override);

        if (other.ptr)
            value = other;
        else if (i == 0 && !value.ptr)
            value = SLV_STR("application/octet-stream");
        if (value.ptr)
            SLV_TRY(slv_s3_put_header(&c->head, http_fields[i].header, value));
    }
    slv_str other = slv_s3_query(c, "response-expires");
    if (other.ptr)
        return slv_s3_put_header(&c->head, "expires", other);
    if (slv_node_i64(slv_node_get(http, "cacheExpiry"), &expires) &&
        slv_s3_http_date(expires, date) == SLV_OK)
        return slv_s3_put_header(&c->head, "expires", slv_str_from(date));
    return SLV_OK;
}

static slv_code put_ssec(slv_buf *out, slv_str md5_hex)
{
    SLV_CLEANUP(slv_buf_done) slv_buf base64 = SLV_BUF(64);
    uint8_t md5[16];

    if (!slv_hex_get(md5_hex, md5, sizeof md5))
        return SLV_OK;
    SLV_TRY(slv_base64_encode(slv_str_make(md5, sizeof md5), SLV_BASE64_STD, &base64));
    SLV_TRY(slv_s3_put_header(out, "x-amz-server-side-encryption-customer-algorithm",
                              SLV_STR("AES256")));
    return slv_s3_put_header(out, "x-amz-server-side-encryption-customer-key-md5",
                             slv_buf_view(&base64));
}

/* A member of an object's checksums as S3 writes it; SLV_SUM_KINDS when it is none that S3 knows.
 */
static slv_sum_kind checksum_of(const slv_node *root, const slv_node *n, slv_buf *ret_base64,
                                bool *ret_of_parts)
{
    static const slv_str mark = {"parts-", 6};
    uint8_t sum[SLV_SUM_MAX];

    *ret_of_parts = slv_str_starts(n->key, mark);
    slv_sum_kind kind = slv_s3_sum_kind(*ret_of_parts ? slv_str_skip(n->key, mark.len) : n->key);
    if (kind == SLV_SUM_KINDS || !slv_hex_get(slv_node_str(n), sum, slv_sum_len(kind)) ||
        slv_base64_encode(slv_str_make(sum, slv_sum_len(kind)), SLV_BASE64_STD, ret_base64) !=
            SLV_OK)
        return SLV_SUM_KINDS;
    slv_str count = *ret_of_parts ? slv_node_str(slv_node_get(root, "parts")) : SLV_STR_NULL;
    if (count.len > 0 && slv_buf_printf(ret_base64, "-%.*s", SLV_STR_ARGS(count)) != SLV_OK)
        return SLV_SUM_KINDS;
    return kind;
}

slv_code slv_s3_put_checksum_headers(slv_buf *out, const slv_r2_object *o)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    slv_node *root;

    if (o->checksums.len == 0 ||
        slv_json_parse(o->checksums, SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK)
        return SLV_OK;
    for (const slv_node *n = root->first; n; n = n->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf base64 = SLV_BUF(128);
        bool of_parts;
        slv_sum_kind kind = checksum_of(root, n, &base64, &of_parts);
        char name[40];

        if (kind == SLV_SUM_KINDS)
            continue;
        (void)snprintf(name, sizeof name, "x-amz-checksum-%s", slv_s3_sum_name(kind));
        SLV_TRY(slv_s3_put_header(out, name, slv_buf_view(&base64)));
        SLV_TRY(slv_s3_put_header(out, "x-amz-checksum-type",
                                  of_parts ? SLV_STR("COMPOSITE") : SLV_STR("FULL_OBJECT")));
    }
    return SLV_OK;
}

slv_code slv_s3_put_checksums_xml(slv_buf *out, slv_str checksums, bool typed)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    slv_node *root;

    if (checksums.len == 0 ||
        slv_json_parse(checksums, SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK)
        return SLV_OK;
    for (const slv_node *n = root->first; n; n = n->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf base64 = SLV_BUF(128);
        bool of_parts;
        slv_sum_kind kind = checksum_of(root, n, &base64, &of_parts);

        if (kind == SLV_SUM_KINDS)
            continue;
        SLV_TRY(slv_xml_put(out, slv_s3_sum_element(kind), slv_buf_view(&base64)));
        if (typed)
            SLV_TRY(slv_xml_put(out, "ChecksumType",
                                of_parts ? SLV_STR("COMPOSITE") : SLV_STR("FULL_OBJECT")));
    }
    return SLV_OK;
}

slv_code slv_s3_put_object_headers(s3_call *c, const slv_r2_object *o, bool whole)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_node *http = NULL, *custom = NULL;
    slv_buf *out = &c->head;
    char date[40];

    if (o->http.len > 0)
        SLV_TRY(slv_json_parse(o->http, SLV_JSON_STRICT, &arena, &http, NULL));
    if (o->custom.len > 0)
        SLV_TRY(slv_json_parse(o->custom, SLV_JSON_STRICT, &arena, &custom, NULL));
    SLV_TRY(put_http(c, http));
    for (const slv_node *n = custom ? custom->first : NULL; n; n = n->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF((size_t)16 << 10);

        SLV_TRY(slv_buf_printf(&name, "x-amz-meta-%.*s", SLV_STR_ARGS(n->key)));
        const char *text = slv_buf_cstr(&name);
        SLV_TRY(text ? slv_s3_put_header(out, text, slv_node_str(n)) : SLV_E_LIMIT);
    }
    SLV_TRY(slv_buf_printf(out, "etag:\"%.*s\"\naccept-ranges:bytes\n", SLV_STR_ARGS(o->etag)));
    SLV_TRY(slv_s3_http_date(o->uploaded_ms, date));
    SLV_TRY(slv_s3_put_header(out, "last-modified", slv_str_from(date)));
    if (o->class == SLV_R2_CLASS_INFREQUENT)
        SLV_TRY(slv_s3_put_header(out, "x-amz-storage-class", SLV_STR("STANDARD_IA")));
    if (o->ssec_md5.len > 0)
        SLV_TRY(put_ssec(out, o->ssec_md5));
    if (whole && slv_str_eq_nocase(slv_s3_header(c, "x-amz-checksum-mode"), SLV_STR("ENABLED")))
        SLV_TRY(slv_s3_put_checksum_headers(out, o));
    return SLV_OK;
}

/* ---- headers of a request ---- */

/* "aws-chunked" is of the message, not of the object. */
static slv_str without_chunked(slv_str coding, slv_buf *out)
{
    slv_str rest = coding, item;

    slv_buf_reset(out);
    while (rest.len > 0 && slv_str_split(&rest, ',', &item)) {
        item = slv_str_trim(item);
        if (item.len == 0 || slv_str_eq_nocase(item, SLV_STR("aws-chunked")))
            continue;
        if ((out->len > 0 && slv_buf_append(out, SLV_STR(", ")) != SLV_OK) ||
            slv_buf_append(out, item) != SLV_OK)
            break;
    }
    return slv_buf_view(out);
}

static slv_code put_member(slv_buf *out, const char *name, slv_str value)
{
    SLV_TRY(slv_buf_printf(out, "%s\"%s\":", out->len == 0 ? "{" : ",", name));
    return slv_json_put_string(out, value);
}

static slv_code read_http(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)128 << 10);
    SLV_CLEANUP(slv_buf_done) slv_buf coding = SLV_BUF((size_t)16 << 10);
    slv_str expires = slv_s3_header(c, "expires");
    int64_t ms;

    for (size_t i = 0; i < SLV_ARRAY_LEN(http_fields); i++) {
        slv_str value = slv_s3_header(c, http_fields[i].header);

        if (value.ptr && slv_str_is(slv_str_from(http_fields[i].member), "contentEncoding"))
            value = without_chunked(value, &coding);
        if (value.len > 0)
            SLV_TRY(put_member(&json, http_fields[i].member, value));
    }
    if (expires.ptr && slv_s3_parse_date(expires, &ms))
        SLV_TRY(slv_buf_printf(&json, "%s\"cacheExpiry\":%lld", json.len == 0 ? "{" : ",",
                               (long long)ms));
    if (json.len > 0)
        SLV_TRY(slv_buf_append_byte(&json, '}'));
    return slv_arena_dup(&c->arena, slv_buf_view(&json), &c->put.http);
}

static slv_code read_custom(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)256 << 10);
    static const slv_str prefix = {"x-amz-meta-", 11};
    slv_str rest = c->headers, line;

    while (rest.len > 0 && slv_str_split(&rest, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (!slv_str_starts(line, prefix) || colon == SIZE_MAX || colon == prefix.len)
            continue;
        SLV_TRY(slv_buf_append_byte(&json, json.len == 0 ? '{' : ','));
        SLV_TRY(slv_json_put_string(&json, slv_str_sub(line, prefix.len, colon)));
        SLV_TRY(slv_buf_append_byte(&json, ':'));
        SLV_TRY(slv_json_put_string(&json, slv_str_trim(slv_str_skip(line, colon + 1))));
    }
    if (json.len > 0)
        SLV_TRY(slv_buf_append_byte(&json, '}'));
    return slv_arena_dup(&c->arena, slv_buf_view(&json), &c->put.custom);
}

bool slv_s3_read_metadata(s3_call *c)
{
    slv_str class = slv_s3_header(c, "x-amz-storage-class");
    slv_err err = {0};

    c->put.metadata_max = SLV_R2_METADATA_S3_MAX;
    c->put.now_ms = slv_s3_now(c);
    if (read_http(c) != SLV_OK || read_custom(c) != SLV_OK) {
        slv_s3_error(c, 400, "MetadataTooLarge", slv_r2_error_text(SLV_R2_METADATA_TOO_LARGE));
        return false;
    }
    slv_code code = slv_r2_check_key(c->key, &err);
    if (code == SLV_OK)
        code = slv_r2_check_metadata(c->put.custom, SLV_R2_METADATA_S3_MAX, &err);
    if (code != SLV_OK) {
        slv_s3_fail(c, code, &err);
        return false;
    }
    if (!class.ptr || slv_str_is(class, "STANDARD"))
        c->put.class = class.ptr ? SLV_R2_CLASS_STANDARD : SLV_R2_CLASS_DEFAULT;
    else if (slv_str_is(class, "STANDARD_IA"))
        c->put.class = SLV_R2_CLASS_INFREQUENT;
    else {
        slv_s3_error(c, 400, "InvalidStorageClass",
                     "The storage class you specified is not valid.");
        return false;
    }
    return true;
}

static slv_str prefixed(const s3_call *c, const char *prefix, const char *name)
{
    char text[96];

    (void)snprintf(text, sizeof text, "%s%s", prefix, name);
    return slv_s3_header(c, text);
}

static bool read_tags(s3_call *c, slv_str field, slv_str *ret, bool *ret_has)
{
    SLV_CLEANUP(slv_buf_done) slv_buf tags = SLV_BUF((size_t)64 << 10);

    if (!field.ptr)
        return true;
    if (!slv_r2_cond_tags(field, &tags) ||
        slv_arena_dup(&c->arena, slv_buf_view(&tags), ret) != SLV_OK) {
        slv_s3_error(c, 400, "InvalidArgument", "A condition is malformed.");
        return false;
    }
    *ret_has = true;
    return true;
}

bool slv_s3_read_cond(s3_call *c, const char *prefix, slv_r2_cond *ret, bool *ret_some)
{
    slv_r2_cond cond = {.seconds = true};
    slv_str before = prefixed(c, prefix, "if-unmodified-since");
    slv_str after = prefixed(c, prefix, "if-modified-since");

    if (!read_tags(c, prefixed(c, prefix, "if-match"), &cond.match, &cond.has_match) ||
        !read_tags(c, prefixed(c, prefix, "if-none-match"), &cond.none, &cond.has_none))
        return false;
    /* a date that is none counts as absent, as HTTP wants it; "not modified since" includes then */
    if (before.ptr && slv_s3_parse_date(before, &cond.before_ms)) {
        cond.has_before = true;
        cond.before_ms += 1000;
    }
    cond.has_after = after.ptr && slv_s3_parse_date(after, &cond.after_ms);
    *ret_some = cond.has_match || cond.has_none || cond.has_before || cond.has_after;
    *ret = cond;
    return true;
}

bool slv_s3_read_ssec(s3_call *c, const char *prefix, uint8_t key[32], bool *ret_some)
{
    slv_str algorithm = prefixed(c, prefix, "server-side-encryption-customer-algorithm");
    slv_str text = prefixed(c, prefix, "server-side-encryption-customer-key");
    slv_str md5 = prefixed(c, prefix, "server-side-encryption-customer-key-md5");
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(128), said = SLV_BUF(128);
    uint8_t sum[SLV_SUM_MAX];

    *ret_some = false;
    if (!algorithm.ptr && !text.ptr && !md5.ptr)
        return true;
    if (!algorithm.ptr || !slv_str_is(algorithm, "AES256")) {
        slv_s3_error(
            c, 400, "InvalidEncryptionAlgorithmError",
            "The encryption request you specified is not valid. The valid value is AES256.");
        return false;
    }
    if (slv_base64_decode(text, SLV_BASE64_STD, &raw) != SLV_OK || raw.len != 32) {
        slv_s3_error(c, 400, "InvalidArgument",
                     "The secret key was invalid for the specified algorithm.");
        return false;
    }
    slv_sum_of(SLV_SUM_MD5, slv_buf_view(&raw), sum);
    if (md5.ptr && (slv_base64_decode(md5, SLV_BASE64_STD, &said) != SLV_OK || said.len != 16 ||
                    memcmp(said.ptr, sum, 16) != 0)) {
        slv_s3_error(
            c, 400, "InvalidArgument",
            "The calculated MD5 hash of the key did not match the hash that was provided.");
        return false;
    }
    memcpy(key, raw.ptr, 32);
    explicit_bzero(raw.ptr, raw.len);
    *ret_some = true;
    return true;
}
