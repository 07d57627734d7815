/*
 * s3_int.h - one request to S3 on its way, and what its files share.
 *
 *     s3.c            from the exchange to the operation, and the answer
 *     s3_body.c       bodies of requests and answers
 *     s3_auth.c       signatures and scopes
 *     s3_answer.c     errors, metadata as headers, listings as XML
 *     s3_object.c     objects: get, head, put, copy, delete
 *     s3_list.c       pages of objects, and of buckets
 *     s3_parts.c      uploads in parts
 *     s3_bucket.c     buckets and their settings
 *     s3_cors.c       rules for browsers
 */
#ifndef SLV_API_S3_INT_H
#define SLV_API_S3_INT_H

#include "aio/strand.h"
#include "api/keyring.h"
#include "api/s3.h"
#include "base/mem.h"
#include "edge/r2_transfer.h"
#include "edge/server.h"
#include "fmt/awschunk.h"
#include "fmt/json.h"
#include "fmt/sigv4.h"
#include "fmt/xml.h"
#include "r2/r2.h"
#include "state/kinds.h"

struct slv_s3 {
    slv_state *state;
    char *tenant;
    slv_s3_keys *keys;
    slv_keyring *ring; /* of a server; NULL: keys are the tenant's */
};

typedef struct s3_call s3_call;

/* What a request wants. */
typedef struct s3_op {
    const char *method;
    char level;                /* 's' service, 'b' bucket, 'o' object */
    const char *sub;           /* query parameter that names it; NULL: none of the others' */
    bool write;                /* needs a key that may write */
    bool settings;             /* concerns the bucket itself: an admin's key */
    char body;                 /* 0: none, 'x' XML, 'c' content */
    void (*start)(s3_call *c); /* the body is there; or, for content, begins to come */
} s3_op;

typedef enum s3_payload {
    S3_PAYLOAD_NONE,   /* UNSIGNED-PAYLOAD, or no body is signed */
    S3_PAYLOAD_HASH,   /* hex of the whole */
    S3_PAYLOAD_CHUNKS, /* aws-chunked */
} s3_payload;

struct s3_call {
    slv_answerer answerer;
    slv_s3 *s3;
    slv_str tenant;
    slv_loop *loop;
    slv_exchange *ex; /* NULL: answered, or the client left */
    slv_arena arena;
    unsigned busy; /* calls, jobs that still come back */
    /* the request */
    bool virtual_host, public, is_head;
    bool chunks_open, body_over;
    s3_payload payload;
    slv_str path, query, headers; /* raw; headers as a block */
    slv_str bucket, key;          /* decoded */
    const s3_op *op;
    slv_sigv4_auth auth;
    slv_s3_key who;
    slv_str payload_hash;
    slv_awschunk chunks;
    uint64_t
        body_expected; /* x-amz-decoded-content-length, or Content-Length; UINT64_MAX: unknown */
    slv_buf body;      /* XML */
    /* what it does */
    slv_call call;
    slv_job job;
    slv_store *store, *source;
    slv_str source_bucket, source_key;
    slv_r2_push *push;
    slv_r2_pull *pull;
    slv_r2_put_options put;
    slv_r2_cond cond, source_cond;
    bool has_cond, has_ssec, has_source_ssec;
    uint8_t source_ssec[32];
    void (*then_copied)(s3_call *c);
    uint32_t upload_sums; /* kinds that a copied part carries */
    slv_xml *xml;         /* of the body */
    struct listing *list; /* s3_list.c */
    void *items;          /* of the operation under way, in the arena */
    size_t item_count;
    const char *setting;
    slv_str value; /* of the setting */
    uint8_t ssec[32];
    slv_str sum_json;      /* what the checksum of an upload's object must be; empty: any */
    slv_sum_kind sum_kind; /* that the client wants checked beside; SLV_SUM_KINDS: none */
    slv_str upload;
    uint32_t part;
    char etag[33]; /* of a part */
    slv_r2_found found;
    slv_r2_get_options get;
    slv_buf text; /* the answer's body */
    slv_buf head; /* its headers */
    int status;
    slv_code job_code;
    slv_err job_err;
    void (*then)(s3_call *c); /* when the call or job under way is done; its code in call.code */
    size_t owed;
};

/* ---- s3.c ---- */

/* Header of the request, by lower-case name; ptr NULL: absent. */
slv_str slv_s3_header(const s3_call *c, const char *name);
/* Query parameter, decoded; ptr NULL: absent, "" when it has no value. */
slv_str slv_s3_query(s3_call *c, const char *name);
/* false: answered with an error. */
bool slv_s3_query_number(s3_call *c, const char *name, uint64_t max, uint64_t otherwise,
                         uint64_t *ret);
int64_t slv_s3_now(const s3_call *c);
/* Answers and lets go: the call may be gone after. headers are beside those of every answer. */
void slv_s3_reply(s3_call *c, int status, slv_str headers, slv_str body);
/* c->text as XML. */
void slv_s3_reply_xml(s3_call *c);
void slv_s3_error(s3_call *c, int status, const char *code, const char *message);
/* By R2's number. */
void slv_s3_fail(s3_call *c, slv_code code, const slv_err *err);
void slv_s3_internal(s3_call *c);
/* Runs on the bucket; then(c) follows on the loop unless it failed, which is answered, or the
 * client has gone. A bucket that is not there is NoSuchBucket. */
void slv_s3_run(s3_call *c, slv_call_kind kind,
                slv_code (*run)(slv_call *call, void *service, slv_err *err),
                void (*then)(s3_call *c));
/* The same, but then(c) looks at c->call.code itself. */
void slv_s3_run_any(s3_call *c, slv_call_kind kind,
                    slv_code (*run)(slv_call *call, void *service, slv_err *err),
                    void (*then)(s3_call *c));
/* Blocking work without a bucket. */
void slv_s3_work(s3_call *c, void (*run)(slv_job *job), void (*then)(s3_call *c));
/* Sends found.bytes or found.reader behind a head. Takes the reader. */
void slv_s3_stream(s3_call *c, int status, slv_str headers);
/* Begins to take content; c->put etc. are set; stored(c) when all of it was taken. */
/* The checksum that the client gives, and where: a header (its value), or a trailer that it
 * announces. False: answered. */
bool slv_s3_find_sum(s3_call *c, slv_str *ret_value);
void slv_s3_take_content(s3_call *c, void (*stored)(s3_call *c));

void slv_s3_release(s3_call *c); /* when neither exchange nor work has it */
slv_code slv_s3_put_all_headers(s3_call *c, slv_str headers, slv_buf *out);
/* s3_body.c: of the answerer; and the end of a body in XML. */
void slv_s3_on_body(slv_answerer *a, slv_str bytes, bool last);
void slv_s3_on_writable(slv_answerer *a);
void slv_s3_xml_over(s3_call *c);

/* ---- s3_auth.c ---- */

/* Judges the signature. False: answered. */
bool slv_s3_authenticate(s3_call *c);
/* May the key do c->op on the bucket? False: answered. */
bool slv_s3_authorize(s3_call *c);
bool slv_s3_may_read(const s3_call *c, slv_str bucket);

/* ---- s3_answer.c ---- */

slv_code slv_s3_put_error(s3_call *c, const char *code, slv_str message);
/* Appends "name:value\n". */
slv_code slv_s3_put_header(slv_buf *out, const char *name, slv_str value);
/* Content-Type, ETag ... of an object, with the overrides of the query where it was signed. */
slv_code slv_s3_put_object_headers(s3_call *c, const slv_r2_object *o, bool whole);
/* <ChecksumCRC32> and the like, of the JSON of an object or a part; typed: <ChecksumType> too. */
slv_code slv_s3_put_checksums_xml(slv_buf *out, slv_str checksums, bool typed);
const char *slv_s3_sum_element(slv_sum_kind kind); /* of those that S3 knows */
slv_code slv_s3_put_checksum_headers(slv_buf *out, const slv_r2_object *o);
slv_code slv_s3_put_etag_xml(slv_buf *out, slv_str etag);
slv_code slv_s3_put_time_xml(slv_buf *out, const char *name, int64_t ms);
slv_code slv_s3_http_date(int64_t ms, char out[40]);
/* An HTTP date. False: it is none. */
bool slv_s3_parse_date(slv_str text, int64_t *ret_ms);
/* Percent-encoded when encoding-type=url was asked for. */
slv_code slv_s3_put_name_xml(slv_buf *out, const char *element, slv_str name, bool encode);
/* httpMetadata, customMetadata and storage class from the headers into c->put. False: answered. */
bool slv_s3_read_metadata(s3_call *c);
/* If-Match and the like, with a prefix ("x-amz-copy-source-"); false: answered. */
bool slv_s3_read_cond(s3_call *c, const char *prefix, slv_r2_cond *ret, bool *ret_some);
/* x-amz-server-side-encryption-customer-*; false: answered. */
bool slv_s3_read_ssec(s3_call *c, const char *prefix, uint8_t key[32], bool *ret_some);
/* "crc32" ... ; SLV_SUM_KINDS: another. */
slv_sum_kind slv_s3_sum_kind(slv_str name);
const char *slv_s3_sum_name(slv_sum_kind kind);

/* ---- operations ---- */

extern const s3_op slv_s3_ops[]; /* s3.c; ends with a row without method */
void slv_s3_get_object(s3_call *c);
void slv_s3_head_object(s3_call *c);
void slv_s3_put_object(s3_call *c);
void slv_s3_copy_object(s3_call *c);
void slv_s3_delete_object(s3_call *c);
void slv_s3_delete_objects(s3_call *c);
void slv_s3_list_objects(s3_call *c);
void slv_s3_create_upload(s3_call *c);
void slv_s3_upload_part(s3_call *c);
void slv_s3_complete_upload(s3_call *c);
void slv_s3_abort_upload(s3_call *c);
void slv_s3_list_parts(s3_call *c);
void slv_s3_list_uploads(s3_call *c);
void slv_s3_list_buckets(s3_call *c);
void slv_s3_head_bucket(s3_call *c);
void slv_s3_create_bucket(s3_call *c);
void slv_s3_delete_bucket(s3_call *c);
void slv_s3_get_location(s3_call *c);
void slv_s3_get_encryption(s3_call *c);
void slv_s3_get_cors(s3_call *c);
void slv_s3_put_cors(s3_call *c);
void slv_s3_delete_cors(s3_call *c);
void slv_s3_get_lifecycle(s3_call *c);
void slv_s3_put_lifecycle(s3_call *c);
void slv_s3_delete_lifecycle(s3_call *c);
/* Copies the object of source_bucket/source_key; stored(c) as of slv_s3_take_content. */
void slv_s3_take_copy(s3_call *c, void (*stored)(s3_call *c));

/* ---- s3_cors.c ---- */

/* Rules (JSON of the setting "cors") for an origin and method: appends Access-Control-* headers.
 * False: none fits. preflight: names what was asked for. */
bool slv_s3_cors_headers(slv_str rules, slv_str origin, slv_str method, slv_str wanted,
                         bool preflight, slv_buf *out);
void slv_s3_preflight(s3_call *c);
/* XML of CORSConfiguration as the setting's JSON, and back. */
slv_code slv_s3_cors_from_xml(slv_str xml, slv_buf *out, slv_err *err);
slv_code slv_s3_cors_to_xml(slv_str json, slv_buf *out);
/* The same of LifecycleConfiguration (s3_lifecycle.c; rules as r2/lifecycle.c reads them). */
slv_code slv_s3_lifecycle_from_xml(slv_str xml, slv_buf *out, slv_err *err);
slv_code slv_s3_lifecycle_to_xml(slv_str json, slv_buf *out);

/* When the bucket was made. Blocks shortly. */
int64_t slv_s3_bucket_created_ms(slv_state *state, slv_str tenant, slv_str name);
/* 3 to 63 of a-z, 0-9 and "-", which stands at neither end. */
bool slv_r2_bucket_name_ok(slv_str name);

#endif
