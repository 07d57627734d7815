#include "api/s3.h"

#include <stdio.h>

#include "api/s3_int.h"
#include "base/rand.h"
#include "net/server.h"

/* First match wins; rows without `sub` come last of their level. */
const s3_op slv_s3_ops[] = {
    {"GET", 's', NULL, false, false, 0, slv_s3_list_buckets},

    {"GET", 'b', "cors", false, true, 0, slv_s3_get_cors},
    {"PUT", 'b', "cors", true, true, 'x', slv_s3_put_cors},
    {"DELETE", 'b', "cors", true, true, 0, slv_s3_delete_cors},
    {"GET", 'b', "lifecycle", false, true, 0, slv_s3_get_lifecycle},
    {"PUT", 'b', "lifecycle", true, true, 'x', slv_s3_put_lifecycle},
    {"DELETE", 'b', "lifecycle", true, true, 0, slv_s3_delete_lifecycle},
    {"GET", 'b', "location", false, false, 0, slv_s3_get_location},
    {"GET", 'b', "encryption", false, false, 0, slv_s3_get_encryption},
    {"GET", 'b', "uploads", false, false, 0, slv_s3_list_uploads},
    {"POST", 'b', "delete", true, false, 'x', slv_s3_delete_objects},
    {"GET", 'b', NULL, false, false, 0, slv_s3_list_objects},
    {"HEAD", 'b', NULL, false, false, 0, slv_s3_head_bucket},
    {"PUT", 'b', NULL, true, true, 'x', slv_s3_create_bucket},
    {"DELETE", 'b', NULL, true, true, 0, slv_s3_delete_bucket},

    {"POST", 'o', "uploads", true, false, 0, slv_s3_create_upload},
    {"POST", 'o', "uploadId", true, false, 'x', slv_s3_complete_upload},
    {"PUT", 'o', "uploadId", true, false, 'c', slv_s3_upload_part},
    {"DELETE", 'o', "uploadId", true, false, 0, slv_s3_abort_upload},
    {"GET", 'o', "uploadId", false, false, 0, slv_s3_list_parts},
    {"GET", 'o', NULL, false, false, 0, slv_s3_get_object},
    {"HEAD", 'o', NULL, false, false, 0, slv_s3_head_object},
    {"PUT", 'o', NULL, true, false, 'c', slv_s3_put_object},
    {"DELETE", 'o', NULL, true, false, 0, slv_s3_delete_object},
    {0},
};

/* What R2 does not have either: a request that names one is not another request. */
static const char *const absent_subresources[] = {
    "acl",        "tagging",           "versioning",        "versions",     "policy",
    "website",    "logging",           "notification",      "replication",  "requestPayment",
    "accelerate", "analytics",         "inventory",         "metrics",      "object-lock",
    "legal-hold", "retention",         "torrent",           "restore",      "select",
    "attributes", "ownershipControls", "publicAccessBlock", "policyStatus", "intelligent-tiering",
};
static const char *const absent_headers[] = {
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-context",
    "x-amz-request-payer",
};

slv_s3 *slv_s3_new(const slv_s3_options *options)
{
    slv_s3 *s3 = slv_new0(slv_s3);
    slv_str tenant = options->tenant.len > 0 ? options->tenant : SLV_STR("local");

    s3->state = options->state;
    s3->tenant = slv_strndup(tenant.ptr, tenant.len);
    s3->keys = slv_s3_keys_new(s3->state, tenant);
    if (options->many)
        s3->ring = slv_keyring_new(s3->state, SLV_S3_KEYS_FILE);
    return s3;
}

slv_s3 *slv_s3_free(slv_s3 *s3)
{
    if (s3) {
        (void)slv_s3_keys_free(s3->keys);
        (void)slv_keyring_free(s3->ring);
        free(s3->tenant);
        free(s3);
    }
    return NULL;
}

/* ---- life ---- */

void slv_s3_release(s3_call *c)
{
    if (c->ex || c->busy > 0)
        return;
    (void)slv_r2_push_free(c->push);
    (void)slv_r2_pull_free(c->pull);
    (void)slv_r2_reader_free(c->found.reader);
    (void)slv_store_unref(c->store);
    (void)slv_store_unref(c->source);
    if (c->chunks_open)
        slv_awschunk_done(&c->chunks);
    slv_buf_done(&c->body);
    slv_buf_done(&c->text);
    slv_buf_done(&c->head);
    slv_arena_done(&c->arena);
    explicit_bzero(c->ssec, sizeof c->ssec);
    free(c);
}

static s3_call *of_answerer(slv_answerer *a)
{
    return slv_container_of(a, s3_call, answerer);
}

static void on_gone(slv_answerer *a)
{
    s3_call *c = of_answerer(a);

    c->ex = NULL;
    slv_s3_release(c); /* frees what is under way, unless a call on the store still uses it */
}

/* ---- the request's parts ---- */

slv_str slv_s3_header(const s3_call *c, const char *name)
{
    slv_str rest = c->headers, line, wanted = slv_str_from(name);

    while (rest.len > 0 && slv_str_split(&rest, '\n', &line)) {
        if (line.len > wanted.len && line.ptr[wanted.len] == ':' && slv_str_starts(line, wanted))
            return slv_str_trim(slv_str_skip(line, wanted.len + 1));
    }
    return SLV_STR_NULL;
}

slv_str slv_s3_query(s3_call *c, const char *name)
{
    slv_str rest = c->query, item;

    while (rest.len > 0 && slv_str_split(&rest, '&', &item)) {
        SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF((size_t)64 << 10);
        size_t eq = slv_str_chr(item, '=', 0);
        slv_str value;

        if (!slv_str_is(slv_str_sub(item, 0, eq), name))
            continue;
        value = eq == SIZE_MAX ? SLV_STR("") : slv_str_skip(item, eq + 1);
        for (size_t i = 0; i < value.len; i++) {
            int high = i + 2 < value.len ? slv_hex_value(value.ptr[i + 1]) : -1;
            int low = i + 2 < value.len ? slv_hex_value(value.ptr[i + 2]) : -1;
            char ch = value.ptr[i] == '+' ? ' ' : value.ptr[i];

            if (ch == '%' && high >= 0 && low >= 0) {
                ch = (char)(high << 4 | low);
                i += 2;
            }
            if (slv_buf_append_byte(&plain, ch) != SLV_OK)
                return SLV_STR("");
        }
        if (slv_arena_dup(&c->arena, slv_buf_view(&plain), &value) != SLV_OK || !value.ptr)
            return SLV_STR("");
        return value;
    }
    return SLV_STR_NULL;
}

bool slv_s3_query_number(s3_call *c, const char *name, uint64_t max, uint64_t otherwise,
                         uint64_t *ret)
{
    slv_str text = slv_s3_query(c, name);

    *ret = otherwise;
    if (!text.ptr || text.len == 0)
        return true;
    if (slv_parse_u64(text, ret) == SLV_OK && *ret <= max)
        return true;
    slv_s3_error(c, 400, "InvalidArgument", "A number in the query is malformed or out of range.");
    return false;
}

int64_t slv_s3_now(const s3_call *c)
{
    return slv_loop_wall_ms(c->loop);
}

/* ---- answers ---- */

/* Headers of every answer, then the given ones. */
slv_code slv_s3_put_all_headers(s3_call *c, slv_str headers, slv_buf *out)
{
    uint8_t id[8];

    slv_rand_bytes(id, sizeof id);
    SLV_TRY(slv_buf_append(out, SLV_STR("x-amz-request-id:")));
    SLV_TRY(slv_hex_append(out, slv_str_make(id, sizeof id)));
    SLV_TRY(slv_buf_append_byte(out, '\n'));
    SLV_TRY(slv_buf_append(out, slv_buf_view(&c->head)));
    return slv_buf_append(out, headers);
}

void slv_s3_reply(s3_call *c, int status, slv_str headers, slv_str body)
{
    SLV_CLEANUP(slv_buf_done) slv_buf all = SLV_BUF((size_t)256 << 10);
    slv_exchange *ex = c->ex;

    if (ex) {
        slv_response_head head = {.status = status};
        slv_code code = slv_s3_put_all_headers(c, headers, &all);

        head.headers = slv_buf_view(&all);
        c->ex = NULL;
        if (code != SLV_OK || slv_exchange_reply(ex, &head, body, NULL) != SLV_OK)
            slv_exchange_abort(ex);
    }
    slv_s3_release(c);
}

void slv_s3_reply_xml(s3_call *c)
{
    slv_s3_reply(c, 200, SLV_STR("content-type:application/xml\n"), slv_buf_view(&c->text));
}

void slv_s3_error(s3_call *c, int status, const char *code, const char *message)
{
    slv_buf_reset(&c->text);
    if (!c->is_head && slv_s3_put_error(c, code, slv_str_from(message)) != SLV_OK)
        slv_buf_reset(&c->text);
    slv_s3_reply(c, status, SLV_STR("content-type:application/xml\n"), slv_buf_view(&c->text));
}

void slv_s3_internal(s3_call *c)
{
    slv_s3_error(c, 500, "InternalError", slv_r2_error_text(SLV_R2_INTERNAL));
}

void slv_s3_fail(s3_call *c, slv_code code, const slv_err *err)
{
    int number = slv_r2_error_number(err);

    if (code == SLV_E_NOTFOUND && err->detail == 0) {
        slv_s3_error(c, 404, "NoSuchBucket", slv_r2_error_text(SLV_R2_NO_SUCH_BUCKET));
        return;
    }
    if (code == SLV_E_AGAIN) {
        slv_s3_error(c, 503, "SlowDown",
                     "Reduce your concurrent request rate for the same bucket.");
        return;
    }
    slv_s3_error(c, slv_r2_error_status(number), slv_r2_error_name(number),
                 number == SLV_R2_INTERNAL ? slv_r2_error_text(number) : slv_err_text(err));
}

/* ---- work elsewhere ---- */

static void proceed(s3_call *c, void (*then)(s3_call *c))
{
    c->busy--;
    if (!c->ex)
        slv_s3_release(c);
    else
        then(c);
}

static void checked(s3_call *c)
{
    void (*then)(s3_call *) = c->then;

    if (c->call.code == SLV_OK) {
        then(c);
    } else {
        slv_err err = c->call.err;

        slv_s3_fail(c, c->call.code, &err);
    }
}

static void call_done(slv_call *call)
{
    s3_call *c = slv_container_of(call, s3_call, call);

    proceed(c, checked);
}

static void call_done_any(slv_call *call)
{
    s3_call *c = slv_container_of(call, s3_call, call);

    proceed(c, c->then);
}

static void start_call(s3_call *c, slv_call_kind kind,
                       slv_code (*run)(slv_call *call, void *service, slv_err *err))
{
    if (!c->store)
        c->store = slv_state_store(c->s3->state, &slv_r2_store, c->tenant, c->bucket);
    c->call.kind = kind;
    c->call.run = run;
    c->busy++;
    slv_store_call(c->store, c->loop, &c->call);
}

void slv_s3_run(s3_call *c, slv_call_kind kind,
                slv_code (*run)(slv_call *call, void *service, slv_err *err),
                void (*then)(s3_call *c))
{
    c->then = then;
    c->call.done = call_done;
    start_call(c, kind, run);
}

void slv_s3_run_any(s3_call *c, slv_call_kind kind,
                    slv_code (*run)(slv_call *call, void *service, slv_err *err),
                    void (*then)(s3_call *c))
{
    c->then = then;
    c->call.done = call_done_any;
    start_call(c, kind, run);
}

static void job_done(slv_job *job)
{
    s3_call *c = slv_container_of(job, s3_call, job);

    proceed(c, c->then);
}

void slv_s3_work(s3_call *c, void (*run)(slv_job *job), void (*then)(s3_call *c))
{
    c->then = then;
    c->job = (slv_job){.run = run, .done = job_done};
    c->busy++;
    slv_state_work(c->s3->state, c->loop, &c->job);
}

/* ---- from the exchange to the operation ---- */

static slv_code decode_key(s3_call *c, slv_str raw)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF((size_t)64 << 10);

    SLV_TRY(slv_uri_decode(raw, &plain));
    return slv_arena_dup(&c->arena, slv_buf_view(&plain), &c->key);
}

/* Host without port; "bucket.localhost" names a bucket on a listener of S3's own. */
static slv_str host_bucket(const s3_call *c)
{
    slv_str host = c->ex->head.authority;
    static const slv_str base = {".localhost", 10};
    size_t colon = slv_str_rchr(host, ':');

    if (colon != SIZE_MAX && slv_str_chr(host, ']', colon) == SIZE_MAX)
        host = slv_str_sub(host, 0, colon);
    return slv_str_ends(host, base) ? slv_str_sub(host, 0, host.len - base.len) : SLV_STR_NULL;
}

/* Below prefix: "/bucket/key". */
static slv_code split_path(s3_call *c, slv_str prefix)
{
    slv_str rest = slv_str_skip(c->path, prefix.len);
    slv_str named = c->virtual_host ? host_bucket(c) : SLV_STR_NULL;

    if (rest.len > 0 && rest.ptr[0] == '/')
        rest = slv_str_skip(rest, 1);
    if (named.len > 0) {
        c->bucket = named;
        return decode_key(c, rest);
    }
    size_t slash = slv_str_chr(rest, '/', 0);
    c->bucket = slv_str_sub(rest, 0, slash);
    return slash == SIZE_MAX ? SLV_OK : decode_key(c, slv_str_skip(rest, slash + 1));
}

static slv_code copy_headers(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF((size_t)256 << 10);
    const slv_request_head *head = &c->ex->head;
    bool host = false;

    for (size_t i = 0; i < head->header_count; i++) {
        const slv_http_header *h = &head->headers[i];

        host = host || slv_str_is(h->name, "host");
        SLV_TRY(slv_buf_append(&block, h->name));
        SLV_TRY(slv_buf_append_byte(&block, ':'));
        SLV_TRY(slv_buf_append(&block, h->value));
        SLV_TRY(slv_buf_append_byte(&block, '\n'));
    }
    if (!host)
        SLV_TRY(slv_buf_printf(&block, "host:%.*s\n", SLV_STR_ARGS(head->authority)));
    return slv_arena_dup(&c->arena, slv_buf_view(&block), &c->headers);
}

static bool has_query(const s3_call *c, const char *name)
{
    slv_str rest = c->query, item;

    while (rest.len > 0 && slv_str_split(&rest, '&', &item)) {
        if (slv_str_is(slv_str_sub(item, 0, slv_str_chr(item, '=', 0)), name))
            return true;
    }
    return false;
}

static const s3_op *find_op(const s3_call *c)
{
    char level = c->bucket.len == 0 ? 's' : c->key.len == 0 ? 'b' : 'o';

    for (const s3_op *op = slv_s3_ops; op->method; op++) {
        if (op->level == level && slv_str_is(c->ex->head.method, op->method) &&
            (!op->sub || has_query(c, op->sub)))
            return op;
    }
    return NULL;
}

/* True when it was answered: something that R2 does not do. */
static bool refuse_absent(s3_call *c)
{
    char text[160];

    for (size_t i = 0; i < SLV_ARRAY_LEN(absent_subresources); i++) {
        if (!has_query(c, absent_subresources[i]))
            continue;
        (void)snprintf(text, sizeof text, "%s not implemented", absent_subresources[i]);
        slv_s3_error(c, 501, "NotImplemented", text);
        return true;
    }
    for (size_t i = 0; i < SLV_ARRAY_LEN(absent_headers); i++) {
        if (!slv_s3_header(c, absent_headers[i]).ptr)
            continue;
        (void)snprintf(text, sizeof text, "Header '%s' with value not implemented",
                       absent_headers[i]);
        slv_s3_error(c, 501, "NotImplemented", text);
        return true;
    }
    return false;
}

static bool read_lengths(s3_call *c)
{
    slv_str decoded = slv_s3_header(c, "x-amz-decoded-content-length");

    c->body_expected = c->ex->head.content_length >= 0 ? (uint64_t)c->ex->head.content_length
                       : c->ex->head.has_body          ? UINT64_MAX
                                                       : 0;
    if (c->payload != S3_PAYLOAD_CHUNKS)
        return true;
    c->body_expected = UINT64_MAX;
    if (!decoded.ptr || slv_parse_u64(decoded, &c->body_expected) == SLV_OK)
        return true;
    slv_s3_error(c, 400, "InvalidArgument", "x-amz-decoded-content-length is malformed.");
    return false;
}

/* The signature fits: what was asked for. */
static void dispatch(s3_call *c)
{
    if (refuse_absent(c))
        return;
    c->op = find_op(c);
    if (!c->op) {
        slv_s3_error(c, 405, "MethodNotAllowed",
                     "The specified method is not allowed against this resource.");
        return;
    }
    if (c->bucket.len > 0 && !slv_r2_bucket_name_ok(c->bucket)) {
        slv_s3_error(c, 400, "InvalidBucketName", "The specified bucket name is not valid.");
        return;
    }
    if (!c->public && !slv_s3_authorize(c))
        return;
    if (!read_lengths(c))
        return;
    if (c->bucket.len > 0)
        c->store = slv_state_store(c->s3->state, &slv_r2_store, c->tenant, c->bucket);
    if (c->op->body != 'x') {
        c->op->start(c);
    } else if (c->ex->head.has_body) {
        slv_exchange_credit(c->ex, SLV_R2_WINDOW);
    } else {
        slv_s3_xml_over(c);
    }
}

/* Cross-origin requests get the headers of the bucket's rules on every answer. */
static slv_code run_origin(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = slv_container_of(call, s3_call, call);
    slv_str rules;

    SLV_TRY(slv_r2_setting(service, "cors", &c->arena, &rules, err));
    if (rules.len > 0)
        (void)slv_s3_cors_headers(rules, slv_s3_header(c, "origin"),
                                  c->ex ? c->ex->head.method : SLV_STR_NULL, SLV_STR_NULL, false,
                                  &c->head);
    return SLV_OK;
}

static void judge(s3_call *c)
{
    (void)slv_store_unref(c->store);
    c->store = NULL;
    if (c->public) {
        dispatch(c);
        return;
    }
    if (slv_s3_authenticate(c))
        dispatch(c);
}

static bool local_name(slv_str authority)
{
    size_t colon = slv_str_rchr(authority, ':');
    slv_str host = authority;

    if (colon != SIZE_MAX && slv_str_chr(authority, ']', colon) == SIZE_MAX)
        host = slv_str_sub(authority, 0, colon);
    return slv_str_eq_nocase(host, SLV_STR("localhost")) || slv_str_starts(host, SLV_STR("127.")) ||
           slv_str_is(host, "[::1]") || slv_str_ends(host, SLV_STR(".localhost"));
}

static void start(s3_call *c, slv_str prefix)
{
    slv_str target = c->ex->head.path;
    size_t question = slv_str_chr(target, '?', 0);

    c->path = slv_str_sub(target, 0, question);
    c->query = question == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(target, question + 1);
    slv_code code = slv_arena_dup(&c->arena, c->path, &c->path);
    if (code == SLV_OK)
        code = slv_arena_dup(&c->arena, c->query, &c->query);
    if (code == SLV_OK)
        code = copy_headers(c);
    if (code == SLV_OK)
        code = split_path(c, prefix);
    if (code != SLV_OK) {
        slv_s3_error(c, 400, "InvalidURI", "Couldn't parse the specified URI.");
        return;
    }
    if (slv_str_is(c->ex->head.method, "OPTIONS")) {
        slv_s3_preflight(c);
        return;
    }
    if (c->public && (!local_name(c->ex->head.authority) || c->key.len == 0 ||
                      !(c->is_head || slv_str_is(c->ex->head.method, "GET")))) {
        slv_s3_error(c, 403, "AccessDenied", "Access Denied");
        return;
    }
    if (slv_s3_header(c, "origin").ptr && c->bucket.len > 0 && slv_r2_bucket_name_ok(c->bucket))
        slv_s3_run_any(c, SLV_CALL_READ, run_origin, judge);
    else
        judge(c);
}

static void take(slv_s3 *s3, slv_loop *loop, slv_exchange *ex, slv_str prefix, bool public,
                 bool virtual_host)
{
    s3_call *c = slv_new0(s3_call);

    c->s3 = s3;
    c->tenant = slv_str_from(s3->tenant);
    c->loop = loop;
    c->ex = ex;
    c->public = public;
    c->virtual_host = virtual_host;
    c->is_head = slv_str_is(ex->head.method, "HEAD");
    c->answerer = (slv_answerer){slv_s3_on_body, slv_s3_on_writable, on_gone};
    c->arena = SLV_ARENA((size_t)8 << 20);
    c->body = SLV_BUF(SLV_S3_XML_MAX);
    c->text = SLV_BUF((size_t)16 << 20);
    c->head = SLV_BUF((size_t)128 << 10);
    c->sum_kind = SLV_SUM_KINDS;
    ex->user = &c->answerer;
    start(c, prefix);
}

static bool below(slv_str path, slv_str prefix)
{
    return slv_str_starts(path, prefix) &&
           (path.len == prefix.len || path.ptr[prefix.len] == '/' || path.ptr[prefix.len] == '?');
}

bool slv_s3_take(void *arg, slv_loop *loop, slv_exchange *ex)
{
    slv_str path = ex->head.path;

    if (below(path, SLV_STR(SLV_S3_PATH)))
        take(arg, loop, ex, SLV_STR(SLV_S3_PATH), false, false);
    else if (!((slv_s3 *)arg)->ring && below(path, SLV_STR(SLV_S3_PUBLIC_PATH)))
        take(arg, loop, ex, SLV_STR(SLV_S3_PUBLIC_PATH), true, false);
    else
        return false;
    return true;
}

void slv_s3_take_host(slv_s3 *s3, slv_loop *loop, slv_exchange *ex)
{
    take(s3, loop, ex, SLV_STR_NULL, false, false);
}

/* ---- a listener of its own ---- */

struct slv_s3_listener {
    slv_s3 *s3;
    slv_loop *loop;
    slv_http_server *server;
};

static void listener_request(void *ctx, slv_exchange *ex)
{
    slv_s3_listener *l = ctx;

    take(l->s3, l->loop, ex, SLV_STR_NULL, false, true);
}

static void listener_body(slv_exchange *ex, slv_str bytes, bool last)
{
    slv_s3_on_body(ex->user, bytes, last);
}

static void listener_writable(slv_exchange *ex)
{
    slv_s3_on_writable(ex->user);
}

static void listener_gone(slv_exchange *ex, slv_gone_reason reason)
{
    (void)reason;
    on_gone(ex->user);
}

static const slv_exchange_handlers listener_handlers = {
    .request = listener_request,
    .body = listener_body,
    .writable = listener_writable,
    .gone = listener_gone,
};

slv_code slv_s3_listen(slv_s3 *s3, slv_loop *loop, slv_str host, uint16_t port,
                       slv_s3_listener **ret, uint16_t *ret_port, slv_err *err)
{
    slv_s3_listener *l = slv_new0(slv_s3_listener);
    const slv_http_options http = {.handlers = &listener_handlers, .ctx = l};
    const slv_listen_options options = {.host = host, .port = port};

    l->s3 = s3;
    l->loop = loop;
    l->server = slv_http_server_new(loop, &http);
    slv_code code = slv_http_server_listen(l->server, &options, err);
    if (code != SLV_OK) {
        (void)slv_s3_listener_free(l);
        return code;
    }
    *ret_port = slv_http_server_port(l->server);
    *ret = l;
    return SLV_OK;
}

slv_s3_listener *slv_s3_listener_free(slv_s3_listener *l)
{
    if (l) {
        (void)slv_http_server_free(l->server);
        free(l);
    }
    return NULL;
}
