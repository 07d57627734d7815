#include "api/s3_int.h"

#define STREAMING "STREAMING-"

static bool region_ok(slv_str region)
{
    static const char *const names[] = {"auto", "",     "us-east-1", "wnam", "enam",
                                        "weur", "eeur", "apac",      "oc"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        if (slv_str_is(region, names[i]))
            return true;
    }
    return false;
}

/* Signed now, or at least not yet expired. False: answered. */
static bool check_time(s3_call *c)
{
    int64_t signed_ms, now = slv_s3_now(c);

    if (slv_sigv4_time(c->auth.amz_date, &signed_ms) != SLV_OK) {
        slv_s3_error(c, 400, "InvalidArgument", "X-Amz-Date is malformed.");
        return false;
    }
    if (c->auth.presigned) {
        if (c->auth.expires_s < 1 || c->auth.expires_s > SLV_S3_EXPIRES_MAX) {
            slv_s3_error(c, 400, "AuthorizationQueryParametersError",
                         "X-Amz-Expires must be between 1 and 604800 seconds");
            return false;
        }
        if (signed_ms - now > SLV_S3_SKEW_MS) {
            slv_s3_error(
                c, 403, "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.");
            return false;
        }
        if (now > signed_ms + (int64_t)c->auth.expires_s * 1000) {
            slv_s3_error(c, 403, "ExpiredRequest", "Request has expired");
            return false;
        }
        return true;
    }
    int64_t apart = now > signed_ms ? now - signed_ms : signed_ms - now;
    if (apart <= SLV_S3_SKEW_MS)
        return true;
    slv_s3_error(c, 403, "RequestTimeTooSkewed",
                 "The difference between the request time and the current time is too large.");
    return false;
}

/* What stands for the body in the signature, and how it comes. False: answered. */
static bool find_payload(s3_call *c)
{
    slv_str said = slv_s3_header(c, "x-amz-content-sha256");

    if (!said.ptr && c->auth.presigned) {
        slv_str in_query = slv_s3_query(c, "X-Amz-Content-Sha256");

        said = in_query.ptr ? in_query : SLV_STR(SLV_SIGV4_UNSIGNED);
    }
    if (!said.ptr) {
        slv_s3_error(c, 400, "InvalidRequest",
                     "Missing required header for this request: x-amz-content-sha256");
        return false;
    }
    c->payload_hash = said;
    if (slv_str_is(said, SLV_SIGV4_UNSIGNED)) {
        c->payload = S3_PAYLOAD_NONE;
        return true;
    }
    if (!slv_str_starts(said, SLV_STR(STREAMING))) {
        c->payload = S3_PAYLOAD_HASH;
        return true;
    }
    if (!slv_str_is(said, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") &&
        !slv_str_is(said, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") &&
        !slv_str_is(said, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")) {
        slv_s3_error(c, 501, "NotImplemented", "This way of signing a body is not implemented.");
        return false;
    }
    c->payload = S3_PAYLOAD_CHUNKS;
    return true;
}

static slv_code open_chunks(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf scope = SLV_BUF(512);
    const slv_sigv4_auth *a = &c->auth;
    uint8_t key[32];
    slv_awschunk_options options = {
        .trailers = slv_str_ends(c->payload_hash, SLV_STR("-TRAILER")),
        .amz_date = a->amz_date,
        .signature = a->signature,
    };

    if (slv_str_starts(c->payload_hash, SLV_STR("STREAMING-AWS4"))) {
        SLV_TRY(slv_buf_printf(&scope, "%.*s/%.*s/%.*s/aws4_request", SLV_STR_ARGS(a->date),
                               SLV_STR_ARGS(a->region), SLV_STR_ARGS(a->service)));
        slv_sigv4_key(c->who.secret, a->date, a->region, a->service, key);
        options.key = key;
        options.scope = slv_buf_view(&scope);
    }
    SLV_TRY(slv_awschunk_init(&c->chunks, &options));
    c->chunks_open = true;
    explicit_bzero(key, sizeof key);
    return SLV_OK;
}

static void refuse_signature(s3_call *c, const slv_buf *canonical, const slv_buf *to_sign)
{
    static const slv_str text = SLV_STR("");
    slv_buf *out = &c->text;

    (void)text;
    slv_buf_reset(out);
    if (c->is_head || slv_xml_put_head(out) != SLV_OK || slv_xml_open(out, "Error") != SLV_OK ||
        slv_xml_put(out, "Code", SLV_STR("SignatureDoesNotMatch")) != SLV_OK ||
        slv_xml_put(out, "Message",
                    SLV_STR("The request signature we calculated does not match the signature you "
                            "provided. Check your secret access key and signing method.")) !=
            SLV_OK ||
        slv_xml_put(out, "StringToSign", slv_buf_view(to_sign)) != SLV_OK ||
        slv_xml_put(out, "CanonicalRequest", slv_buf_view(canonical)) != SLV_OK ||
        slv_xml_close(out, "Error") != SLV_OK)
        slv_buf_reset(out);
    slv_s3_reply(c, 403, SLV_STR("content-type:application/xml\n"), slv_buf_view(out));
}

/* The path as it was sent, else as AWS's clients write it: some sign one and send the other. */
static bool check_signature(s3_call *c)
{
    static const slv_sigv4_path ways[] = {SLV_SIGV4_PATH_SENT, SLV_SIGV4_PATH_DECODED};
    SLV_CLEANUP(slv_buf_done) slv_buf canonical = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf to_sign = SLV_BUF((size_t)4 << 10);
    const slv_sigv4_request request = {
        .method = c->ex->head.method, .path = c->path, .query = c->query, .headers = c->headers};
    slv_err err = {0};

    for (size_t i = 0; i < SLV_ARRAY_LEN(ways); i++) {
        slv_code code = slv_sigv4_verify(&request, &c->auth, ways[i], c->payload_hash,
                                         c->who.secret, &canonical, &to_sign, &err);

        if (code == SLV_OK)
            return true;
        if (code == SLV_E_INVAL) {
            slv_s3_error(c, 400, "InvalidRequest", slv_err_text(&err));
            return false;
        }
    }
    refuse_signature(c, &canonical, &to_sign);
    return false;
}

/* Headers that change what a request does must be signed. */
static bool signs_host(const s3_call *c)
{
    slv_str rest = c->auth.signed_headers, name;

    while (rest.len > 0 && slv_str_split(&rest, ';', &name)) {
        if (slv_str_is(name, "host"))
            return true;
    }
    return false;
}

bool slv_s3_authenticate(s3_call *c)
{
    const slv_sigv4_request request = {
        .method = c->ex->head.method, .path = c->path, .query = c->query, .headers = c->headers};
    slv_err err = {0};
    slv_code code = slv_sigv4_parse(&request, &c->arena, &c->auth, &err);

    if (code == SLV_E_NOTFOUND) {
        slv_s3_error(c, 403, "AccessDenied", "Access Denied");
        return false;
    }
    if (code != SLV_OK) {
        slv_s3_error(c, 400, code == SLV_E_UNSUPPORTED ? "InvalidRequest" : "InvalidArgument",
                     slv_err_text(&err));
        return false;
    }
    if (c->auth.token.len > 0) {
        slv_s3_error(c, 400, "InvalidArgument", "X-Amz-Security-Token");
        return false;
    }
    if (!slv_str_is(c->auth.service, "s3") || !region_ok(c->auth.region)) {
        slv_s3_error(
            c, 400, "InvalidRegionName",
            "The region name is not valid. Must be one of: wnam, enam, weur, eeur, apac, oc, "
            "auto");
        return false;
    }
    if (!signs_host(c)) {
        slv_s3_error(c, 400, "InvalidRequest", "The host header must be signed.");
        return false;
    }
    code = c->s3->ring
               ? slv_keyring_find(c->s3->ring, c->auth.access_key, &c->arena, &c->who, &c->tenant,
                                  &err)
               : slv_s3_keys_find(c->s3->keys, c->auth.access_key, &c->arena, &c->who, &err);
    if (code == SLV_E_NOTFOUND) {
        slv_s3_error(c, 401, "Unauthorized", "Unauthorized");
        return false;
    }
    if (code != SLV_OK) {
        slv_s3_internal(c);
        return false;
    }
    if (!check_time(c) || !find_payload(c) || !check_signature(c))
        return false;
    if (c->payload == S3_PAYLOAD_CHUNKS && open_chunks(c) != SLV_OK) {
        slv_s3_error(c, 400, "InvalidArgument", "The signature is malformed.");
        return false;
    }
    return true;
}

bool slv_s3_may_read(const s3_call *c, slv_str bucket)
{
    for (size_t i = 0; i < c->who.bucket_count; i++) {
        if (slv_str_eq(c->who.buckets[i], bucket))
            return true;
    }
    return c->who.admin;
}

bool slv_s3_authorize(s3_call *c)
{
    const s3_op *op = c->op;
    bool ok = !op->write || c->who.write;

    if (op->settings)
        ok = ok && c->who.admin;
    else if (c->bucket.len > 0)
        ok = ok && slv_s3_may_read(c, c->bucket);
    if (!ok)
        slv_s3_error(c, 403, "AccessDenied", "Access Denied");
    return ok;
}
