/* Bodies of requests and answers: content in constant memory, XML whole. */
#include <stdio.h>

#include "api/s3_int.h"
#include "fmt/base64.h"

static s3_call *of_answerer(slv_answerer *a)
{
    return slv_container_of(a, s3_call, answerer);
}

/* ---- content out ---- */

static void pull_data(void *user, slv_str bytes, bool fin)
{
    s3_call *c = user;
    slv_exchange *ex = c->ex;

    bool more = slv_exchange_write(ex, bytes);
    if (fin) {
        c->ex = NULL;
        slv_exchange_end(ex);
        slv_s3_release(c);
    } else if (more) {
        slv_r2_pull_more(c->pull, bytes.len);
    } else {
        c->owed += bytes.len;
    }
}

static void pull_fail(void *user, const slv_err *err)
{
    s3_call *c = user;
    slv_exchange *ex = c->ex;

    (void)err; /* half an object is cut, so that the client sees that it is half */
    c->ex = NULL;
    slv_exchange_abort(ex);
    slv_s3_release(c);
}

void slv_s3_on_writable(slv_answerer *a)
{
    s3_call *c = of_answerer(a);
    size_t owed = c->owed;

    c->owed = 0;
    if (c->pull && owed > 0)
        slv_r2_pull_more(c->pull, owed);
}

void slv_s3_stream(s3_call *c, int status, slv_str headers)
{
    SLV_CLEANUP(slv_buf_done) slv_buf all = SLV_BUF((size_t)256 << 10);
    const slv_r2_pull_options options = {
        .state = c->s3->state, .loop = c->loop, .user = c, .data = pull_data, .fail = pull_fail};

    if (!c->found.reader) {
        slv_s3_reply(c, status, headers, c->found.bytes);
        return;
    }
    slv_response_head head = {.status = status, .length = (int64_t)c->found.length};
    if (slv_s3_put_all_headers(c, headers, &all) != SLV_OK) {
        slv_s3_internal(c);
        return;
    }
    head.headers = slv_buf_view(&all);
    if (slv_exchange_respond(c->ex, &head, NULL) != SLV_OK) {
        slv_s3_internal(c);
        return;
    }
    c->pull = slv_r2_pull_new_take(&options, SLV_STEAL(c->found.reader));
    slv_r2_pull_more(c->pull, SLV_R2_WINDOW);
}

/* ---- content in ---- */

static void push_taken(void *user, size_t n)
{
    s3_call *c = user;

    if (c->ex)
        slv_exchange_credit(c->ex, n);
}

static void push_done(void *user, slv_code code, const slv_err *err)
{
    s3_call *c = user;
    slv_err why = *err;

    if (!c->ex)
        return;
    if (code == SLV_OK)
        c->then(c);
    else
        slv_s3_fail(c, code, &why);
}

/* The value that the client says a sum has: from a header, or from the trailers. */
static bool expect_sum(s3_call *c, slv_sum_kind kind, slv_str base64)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SLV_SUM_MAX);

    if (slv_base64_decode(base64, SLV_BASE64_STD, &raw) != SLV_OK || raw.len != slv_sum_len(kind)) {
        slv_s3_error(c, 400, kind == SLV_SUM_MD5 ? "InvalidDigest" : "InvalidRequest",
                     kind == SLV_SUM_MD5 ? "The Content-MD5 you specified is not valid."
                                         : "The value of a checksum is not valid.");
        return false;
    }
    slv_r2_push_expect(c->push, kind, slv_buf_view(&raw));
    return true;
}

static void end_content(s3_call *c)
{
    if (c->payload == S3_PAYLOAD_CHUNKS) {
        char name[40];

        if (!slv_awschunk_ended(&c->chunks)) {
            slv_s3_error(c, 400, "IncompleteBody", "The request body terminated unexpectedly");
            return;
        }
        if (c->sum_kind != SLV_SUM_KINDS) {
            (void)snprintf(name, sizeof name, "x-amz-checksum-%s", slv_s3_sum_name(c->sum_kind));
            slv_str value = slv_awschunk_trailer(&c->chunks, slv_str_from(name));
            if (value.ptr && !expect_sum(c, c->sum_kind, value))
                return;
        }
    }
    if (c->body_expected != UINT64_MAX && slv_r2_push_size(c->push) != c->body_expected) {
        slv_s3_error(c, 400, "IncompleteBody", slv_r2_error_text(SLV_R2_INCOMPLETE));
        return;
    }
    slv_r2_push_end(c->push);
}

/* False: answered. */
static bool take_chunks(s3_call *c, slv_str bytes)
{
    size_t all = bytes.len, kept = 0;

    while (bytes.len > 0) {
        slv_str data;
        slv_code code = slv_awschunk_feed(&c->chunks, &bytes, &data);

        if (code == SLV_E_DENIED) {
            slv_s3_error(c, 403, "SignatureDoesNotMatch",
                         "The signature of a chunk does not match its content.");
            return false;
        }
        if (code != SLV_OK) {
            slv_s3_error(c, 400, "InvalidRequest", "The aws-chunked body is malformed.");
            return false;
        }
        if (data.len > 0)
            slv_r2_push_write(c->push, data);
        kept += data.len;
    }
    if (kept < all) /* framing is not written anywhere */
        slv_exchange_credit(c->ex, all - kept);
    return true;
}

static void on_content(s3_call *c, slv_str bytes, bool last)
{
    if (c->payload == S3_PAYLOAD_CHUNKS) {
        if (!take_chunks(c, bytes))
            return;
    } else {
        slv_r2_push_write(c->push, bytes);
    }
    if (last)
        end_content(c);
}

bool slv_s3_find_sum(s3_call *c, slv_str *ret_value)
{
    static const slv_str prefix = {"x-amz-checksum-", 15};
    slv_str trailer = slv_s3_header(c, "x-amz-trailer");

    *ret_value = SLV_STR_NULL;
    c->sum_kind = SLV_SUM_KINDS;
    if (trailer.ptr && slv_str_starts(trailer, prefix))
        c->sum_kind = slv_s3_sum_kind(slv_str_skip(trailer, prefix.len));
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        char name[40];

        (void)snprintf(name, sizeof name, "x-amz-checksum-%s", slv_s3_sum_name(kind));
        slv_str value = slv_s3_header(c, name);
        if (!value.ptr || kind == SLV_SUM_MD5)
            continue;
        if (ret_value->ptr) {
            slv_s3_error(
                c, 400, "InvalidRequest",
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                "allowed.");
            return false;
        }
        *ret_value = value;
        c->sum_kind = kind;
    }
    return true;
}

void slv_s3_take_content(s3_call *c, void (*stored)(s3_call *c))
{
    slv_str sum, md5 = slv_s3_header(c, "content-md5");
    bool hashed = c->payload == S3_PAYLOAD_HASH;
    uint8_t hash[32];

    if (!slv_s3_find_sum(c, &sum))
        return;
    slv_r2_push_options options = {
        .state = c->s3->state,
        .loop = c->loop,
        .store = c->store,
        .upload = {.sums = c->sum_kind != SLV_SUM_KINDS ? 1u << c->sum_kind : 0,
                   .checks = hashed ? 1u << SLV_SUM_SHA256 : 0,
                   .ssec_key = c->has_ssec ? c->ssec : NULL},
        .user = c,
        .taken = push_taken,
        .done = push_done,
    };
    if (c->body_expected != UINT64_MAX && c->body_expected > SLV_R2_PART_MAX) {
        slv_s3_error(c, 400, "EntityTooLarge", slv_r2_error_text(SLV_R2_TOO_LARGE));
        return;
    }
    c->push = slv_r2_push_new(&options);
    c->then = stored;
    if (hashed) {
        if (!slv_hex_get(c->payload_hash, hash, sizeof hash)) {
            slv_s3_error(c, 400, "InvalidArgument", "x-amz-content-sha256 is malformed.");
            return;
        }
        slv_r2_push_expect(c->push, SLV_SUM_SHA256, slv_str_make(hash, sizeof hash));
    }
    if ((md5.ptr && !expect_sum(c, SLV_SUM_MD5, md5)) ||
        (sum.ptr && !expect_sum(c, c->sum_kind, sum)))
        return;
    if (c->ex->head.has_body)
        slv_exchange_credit(c->ex, SLV_R2_WINDOW);
    else
        end_content(c);
}

/* ---- bodies in XML ---- */

void slv_s3_xml_over(s3_call *c)
{
    uint8_t hash[SLV_SUM_MAX], want[32];

    if (c->payload == S3_PAYLOAD_HASH) {
        slv_sum_of(SLV_SUM_SHA256, slv_buf_view(&c->body), hash);
        if (!slv_hex_get(c->payload_hash, want, sizeof want) || memcmp(hash, want, 32) != 0) {
            slv_s3_error(c, 400, "XAmzContentSHA256Mismatch",
                         "The provided 'x-amz-content-sha256' header does not match what was "
                         "computed.");
            return;
        }
    }
    c->op->start(c);
}

static void on_xml(s3_call *c, slv_str bytes, bool last)
{
    if (c->body_over)
        return;
    if (c->payload == S3_PAYLOAD_CHUNKS) {
        slv_str data;

        while (bytes.len > 0) {
            if (slv_awschunk_feed(&c->chunks, &bytes, &data) != SLV_OK ||
                slv_buf_append(&c->body, data) != SLV_OK) {
                c->body_over = true;
                slv_s3_error(c, 400, "InvalidRequest", "The aws-chunked body is malformed.");
                return;
            }
        }
    } else if (slv_buf_append(&c->body, bytes) != SLV_OK) {
        c->body_over = true;
        slv_s3_error(c, 400, "MaxMessageLengthExceeded", "Your request was too large.");
        return;
    }
    if (last) {
        c->body_over = true;
        slv_s3_xml_over(c);
    } else {
        slv_exchange_credit(c->ex, bytes.len);
    }
}

void slv_s3_on_body(slv_answerer *a, slv_str bytes, bool last)
{
    s3_call *c = of_answerer(a);

    if (c->op && c->op->body == 'x')
        on_xml(c, bytes, last);
    else if (c->push)
        on_content(c, bytes, last);
}
