/*
 * dynamo_kit.h - tables in a temporary directory, asked in JSON. For tests of the table store.
 */
#ifndef SLV_TEST_DYNAMO_KIT_H
#define SLV_TEST_DYNAMO_KIT_H

#include <stdio.h>

#include "dynamo/dynamo.h"
#include "support/tap.h"

#define DYN_NOW INT64_C(1800000000000)

static inline slv_dynamo *dyn_open(void)
{
    static int n;
    char path[512];
    slv_dynamo *d = NULL;
    slv_err err = {0};

    (void)snprintf(path, sizeof path, "%s/tables%d", tap_tmpdir(), n++);
    if (slv_dynamo_open(path, true, false, &d, &err) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&err));
    return d;
}

/* The answer, in out; returns the status, or -1 when the call itself failed. */
static inline int dyn_ask_at(slv_dynamo *d, const char *operation, const char *json, int64_t now_ms,
                             slv_buf *out)
{
    const slv_dynamo_origin origin = {.now_ms = now_ms};
    SLV_CLEANUP(slv_dynamo_request_free)
    slv_dynamo_request *r =
        slv_dynamo_request_new(slv_str_from(operation), slv_str_from(json), &origin);
    slv_db *db = slv_dynamo_db(d);
    slv_err err = {0};
    int status = -1;
    slv_str body;

    if (!slv_dynamo_request_done(r)) {
        slv_code code = slv_db_begin(db, &err);
        if (code == SLV_OK)
            code = slv_dynamo_run(d, r, &err);
        if (code == SLV_OK)
            code = slv_db_commit(db, &err);
        if (code != SLV_OK) {
            slv_db_rollback(db);
            slv_dynamo_request_fail(r, code);
        }
    }
    slv_dynamo_request_answer(r, &status, &body);
    if (slv_buf_set(out, body) != SLV_OK || !slv_buf_cstr(out))
        return -1;
    return status;
}

static inline int dyn_ask(slv_dynamo *d, const char *operation, const char *json, slv_buf *out)
{
    return dyn_ask_at(d, operation, json, DYN_NOW, out);
}

/* Whether the answer is that of a request that succeeds, text for text. */
#define DYN_IS(d, operation, json, answer)                                                         \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf answered_ = SLV_BUF((size_t)64 << 20);                   \
        int status_ = dyn_ask((d), operation, json, &answered_);                                   \
        CHECK_STR(slv_buf_view(&answered_), slv_str_from(answer));                                 \
        CHECK_INT(status_, 200);                                                                   \
    } while (0)

/* Whether it fails with that error, its message containing text. */
#define DYN_FAILS(d, operation, json, error, text)                                                 \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf answered_ = SLV_BUF((size_t)64 << 20);                   \
        int status_ = dyn_ask((d), operation, json, &answered_);                                   \
        if (!strstr(answered_.ptr, "#" error "\"") || !strstr(answered_.ptr, text)) {              \
            tap_failed(__FILE__, __LINE__, "%s: %s", operation, answered_.ptr);                    \
            return;                                                                                \
        }                                                                                          \
        CHECK_INT(status_, 400);                                                                   \
    } while (0)

/* Whether it succeeds and its answer contains text. */
#define DYN_HAS(d, operation, json, text)                                                          \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf answered_ = SLV_BUF((size_t)64 << 20);                   \
        int status_ = dyn_ask((d), operation, json, &answered_);                                   \
        if (status_ != 200 || !strstr(answered_.ptr, text)) {                                      \
            tap_failed(__FILE__, __LINE__, "%s: %.600s", operation, answered_.ptr);                \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* TableName, pk (S), sk (N); gsi "by-g" (g, KEYS_ONLY), lsi "by-l" (pk, l; INCLUDE x). */
#define DYN_MAKE_TABLE                                                                             \
    "{\"TableName\":\"things\",\"AttributeDefinitions\":["                                         \
    "{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"                                          \
    "{\"AttributeName\":\"sk\",\"AttributeType\":\"N\"},"                                          \
    "{\"AttributeName\":\"g\",\"AttributeType\":\"S\"},"                                           \
    "{\"AttributeName\":\"l\",\"AttributeType\":\"S\"}],"                                          \
    "\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"                              \
    "{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],\"BillingMode\":\"PAY_PER_REQUEST\","       \
    "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"by-g\","                                         \
    "\"KeySchema\":[{\"AttributeName\":\"g\",\"KeyType\":\"HASH\"}],"                              \
    "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}}],"                                         \
    "\"LocalSecondaryIndexes\":[{\"IndexName\":\"by-l\","                                          \
    "\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"                              \
    "{\"AttributeName\":\"l\",\"KeyType\":\"RANGE\"}],"                                            \
    "\"Projection\":{\"ProjectionType\":\"INCLUDE\",\"NonKeyAttributes\":[\"x\"]}}]}"

#endif
