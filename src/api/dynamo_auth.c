/* Signatures: that they are there and have all their parts is always asked; whether they are right
 * only where the face verifies. */
#include "api/dynamo_int.h"
#include "fmt/sigv4.h"
#include "fmt/sum.h"

#define TEXT_MAX ((size_t)64 << 10)
#define WRONG                                                                                      \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "AWS Secret Access Key and signing method. Consult the service documentation for details."

/* Value of KEY=VALUE among the parts of the Authorization header. */
static slv_str auth_part(slv_str header, const char *name)
{
    size_t space = slv_str_chr(header, ' ', 0);
    slv_str rest = slv_str_skip(header, space == SIZE_MAX ? header.len : space + 1);
    slv_str wanted = slv_str_from(name);

    while (rest.len > 0) {
        size_t end = 0;

        while (end < rest.len && rest.ptr[end] != ',' && rest.ptr[end] != ' ')
            end++;
        slv_str part = slv_str_trim(slv_str_sub(rest, 0, end));
        rest = slv_str_skip(rest, end + 1);
        if (part.len > wanted.len && part.ptr[wanted.len] == '=' && slv_str_starts(part, wanted))
            return slv_str_skip(part, wanted.len + 1);
    }
    return SLV_STR_NULL;
}

/* Value of a query parameter, as it was sent. */
static slv_str query_part(slv_str query, const char *name)
{
    slv_str rest = query, item;

    while (rest.len > 0 && slv_str_split(&rest, '&', &item)) {
        size_t eq = slv_str_chr(item, '=', 0);

        if (slv_str_is(slv_str_sub(item, 0, eq), name))
            return eq == SIZE_MAX ? SLV_STR("") : slv_str_skip(item, eq + 1);
    }
    return SLV_STR_NULL;
}

/* The third element of KEY/DATE/REGION/SERVICE/aws4_request, where it could be one. */
static void read_region(dynamo_call *c, slv_str credential)
{
    slv_str rest = credential, part = {0};

    for (int i = 0; i < 3; i++)
        if (!slv_str_split(&rest, '/', &part))
            return;
    if (part.len == 0 || part.len > 64)
        return;
    for (size_t i = 0; i < part.len; i++)
        if (!slv_is_alpha(part.ptr[i]) && !slv_is_digit(part.ptr[i]) && part.ptr[i] != '-')
            return;
    if (slv_arena_dup(&c->arena, part, &c->region) != SLV_OK)
        c->region = SLV_STR_NULL;
}

static bool missing(dynamo_call *c, slv_buf *text)
{
    slv_dynamo_refuse(c, "IncompleteSignatureException", slv_buf_view(text));
    return false;
}

static bool check_header(dynamo_call *c, slv_str header)
{
    static const char *const names[] = {"Credential", "Signature", "SignedHeaders"};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);
    slv_code code = SLV_OK;

    for (size_t i = 0; i < SLV_ARRAY_LEN(names) && code == SLV_OK; i++)
        if (auth_part(header, names[i]).len == 0)
            code =
                slv_buf_printf(&text, "Authorization header requires '%s' parameter. ", names[i]);
    if (code == SLV_OK && !slv_dynamo_header(c, "x-amz-date").ptr &&
        !slv_dynamo_header(c, "date").ptr)
        code = slv_buf_append(&text, SLV_STR("Authorization header requires existence of either a "
                                             "'X-Amz-Date' or a 'Date' header. "));
    if (text.len > 0 && code == SLV_OK)
        code = slv_buf_printf(&text, "Authorization=%.*s", SLV_STR_ARGS(header));
    if (code != SLV_OK || text.len > 0)
        return missing(c, &text);
    read_region(c, auth_part(header, "Credential"));
    return true;
}

static bool check_query(dynamo_call *c)
{
    static const char *const names[] = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
                                        "X-Amz-SignedHeaders", "X-Amz-Date"};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX), plain = SLV_BUF(TEXT_MAX);
    slv_code code = SLV_OK;

    for (size_t i = 0; i < SLV_ARRAY_LEN(names) && code == SLV_OK; i++)
        if (query_part(c->query, names[i]).len == 0)
            code =
                slv_buf_printf(&text, "AWS query-string parameters must include '%s'. ", names[i]);
    if (text.len > 0 && code == SLV_OK)
        code = slv_buf_append(&text, SLV_STR("Re-examine the query-string parameters."));
    if (code != SLV_OK || text.len > 0)
        return missing(c, &text);
    if (slv_uri_decode(query_part(c->query, "X-Amz-Credential"), &plain) == SLV_OK)
        read_region(c, slv_buf_view(&plain));
    return true;
}

static slv_code copy_headers(const dynamo_call *c, slv_buf *out)
{
    const slv_request_head *head = &c->ex->head;
    bool host = false;

    for (size_t i = 0; i < head->header_count; i++) {
        const slv_http_header *h = &head->headers[i];

        host = host || slv_str_is(h->name, "host");
        SLV_TRY(slv_buf_append(out, h->name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_buf_append(out, h->value));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    return host ? SLV_OK : slv_buf_printf(out, "host:%.*s\n", SLV_STR_ARGS(head->authority));
}

static bool find_secret(dynamo_call *c, slv_str id, slv_str *ret)
{
    slv_s3_key key;
    slv_err err = {0};

    for (size_t i = 0; i < c->http->extra.len; i++) {
        if (slv_str_eq(c->http->extra.items[i].id, id)) {
            *ret = c->http->extra.items[i].secret;
            return true;
        }
    }
    if (c->http->ring) {
        slv_str tenant;

        if (slv_keyring_find(c->http->ring, id, &c->arena, &key, &tenant, &err) != SLV_OK)
            return false;
        c->face = slv_dynamo_face_of(c->http->face, tenant);
    } else if (slv_s3_keys_find(c->http->keys, id, &c->arena, &key, &err) != SLV_OK) {
        return false;
    }
    *ret = key.secret;
    return true;
}

/* The date is of now, as far as clocks agree; a signature in the query says how long it lives. */
static bool check_time(dynamo_call *c, const slv_sigv4_auth *auth)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);
    int64_t at, now = slv_loop_wall_ms(c->loop);
    int64_t life =
        auth->presigned ? (int64_t)SLV_MIN(auth->expires_s, 604800u) * 1000 : SLV_DYNAMO_SKEW_MS;

    if (slv_sigv4_time(auth->amz_date, &at) != SLV_OK) {
        if (slv_buf_printf(&text,
                           "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                           "http://en.wikipedia.org/wiki/ISO_8601",
                           SLV_STR_ARGS(auth->amz_date)) != SLV_OK)
            slv_buf_reset(&text);
        return missing(c, &text);
    }
    if (now - at <= life && at - now <= SLV_DYNAMO_SKEW_MS)
        return true;
    if (slv_buf_printf(&text, "Signature %s: %.*s is not within 15 minutes of the server's time",
                       now > at ? "expired" : "not yet current",
                       SLV_STR_ARGS(auth->amz_date)) != SLV_OK)
        slv_buf_reset(&text);
    slv_dynamo_refuse(c, "InvalidSignatureException", slv_buf_view(&text));
    return false;
}

static bool check_scope(dynamo_call *c, const slv_sigv4_auth *auth)
{
    slv_str rest = auth->signed_headers, name;
    bool host = false;

    while (rest.len > 0 && slv_str_split(&rest, ';', &name))
        host = host || slv_str_eq_nocase(name, SLV_STR("host"));
    if (!host) {
        slv_dynamo_refuse(c, "InvalidSignatureException",
                          SLV_STR("'Host' must be a 'SignedHeader' in the AWS Authorization."));
        return false;
    }
    if (!slv_str_is(auth->service, "dynamodb")) {
        slv_dynamo_refuse(c, "InvalidSignatureException",
                          SLV_STR("Credential should be scoped to correct service: 'dynamodb'. "));
        return false;
    }
    return true;
}

static bool check_signature(dynamo_call *c, const slv_sigv4_request *request,
                            const slv_sigv4_auth *auth, slv_str secret, slv_str body)
{
    /* The path is "/" mostly; below a prefix clients differ in how they write it. */
    static const slv_sigv4_path ways[] = {SLV_SIGV4_PATH_TWICE, SLV_SIGV4_PATH_SENT};
    SLV_CLEANUP(slv_buf_done) slv_buf canonical = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf to_sign = SLV_BUF(TEXT_MAX);
    uint8_t sum[SLV_SUM_MAX];
    char hex[64];
    slv_err err = {0};

    slv_sum_of(SLV_SUM_SHA256, body, sum);
    slv_hex_put(slv_str_make(sum, 32), hex);
    for (size_t i = 0; i < SLV_ARRAY_LEN(ways); i++) {
        slv_buf_reset(&canonical);
        slv_buf_reset(&to_sign);
        if (slv_sigv4_verify(request, auth, ways[i], slv_str_make(hex, sizeof hex), secret,
                             &canonical, &to_sign, &err) == SLV_OK)
            return true;
    }
    slv_dynamo_refuse(c, "InvalidSignatureException", SLV_STR(WRONG));
    return false;
}

static bool verify(dynamo_call *c, slv_str body)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF((size_t)256 << 10);
    slv_sigv4_request request = {.method = c->ex->head.method, .path = c->path, .query = c->query};
    slv_sigv4_auth auth;
    slv_str secret;
    slv_err err = {0};

    slv_code code = copy_headers(c, &headers);
    request.headers = slv_buf_view(&headers);
    if (code == SLV_OK)
        code = slv_sigv4_parse(&request, &c->arena, &auth, &err);
    if (code != SLV_OK) {
        slv_dynamo_refuse(c, "IncompleteSignatureException", slv_str_from(slv_err_text(&err)));
        return false;
    }
    if (!check_time(c, &auth) || !check_scope(c, &auth))
        return false;
    if (!find_secret(c, auth.access_key, &secret)) {
        slv_dynamo_refuse(c, "UnrecognizedClientException",
                          SLV_STR("The security token included in the request is invalid."));
        return false;
    }
    return check_signature(c, &request, &auth, secret, body);
}

bool slv_dynamo_authenticate(dynamo_call *c, slv_str body)
{
    slv_str header = slv_dynamo_header(c, "authorization");
    bool in_query = query_part(c->query, "X-Amz-Algorithm").ptr != NULL;

    if (header.len > 0 && in_query) {
        slv_dynamo_refuse(c, "InvalidSignatureException",
                          SLV_STR("Found both 'X-Amz-Algorithm' as a query-string param and "
                                  "'Authorization' as HTTP header."));
        return false;
    }
    if ((header.len == 0 && !in_query) ||
        (header.len > 0 && !slv_str_starts(slv_str_trim(header), SLV_STR("AWS4-")))) {
        slv_dynamo_refuse(c, "MissingAuthenticationTokenException",
                          SLV_STR("Request is missing Authentication Token"));
        return false;
    }
    if (!(header.len > 0 ? check_header(c, header) : check_query(c)))
        return false;
    return !c->http->verify || verify(c, body);
}
