/* The table store over kill -9, a failing disk, a full disk and power cuts: each change is a
 * transaction over two items of two tables, with an index that must agree with them. */
#include <inttypes.h>
#include <stdio.h>

#include "dynamo/dynamo.h"
#include "state/kinds.h"
#include "support/crash.h"
#include "support/tap.h"

#define NOW INT64_C(1800000000000)
#define SLOTS 8u

static slv_code ask(slv_dynamo *d, const char *operation, const char *json, int *ret_status,
                    slv_buf *out, slv_err *err)
{
    const slv_dynamo_origin origin = {.now_ms = NOW};
    SLV_CLEANUP(slv_dynamo_request_free)
    slv_dynamo_request *r =
        slv_dynamo_request_new(slv_str_from(operation), slv_str_from(json), &origin);
    slv_str body;

    if (!slv_dynamo_request_done(r))
        SLV_TRY(slv_dynamo_run(d, r, err));
    slv_dynamo_request_answer(r, ret_status, &body);
    SLV_TRY(slv_buf_set(out, body));
    return slv_buf_cstr(out) ? SLV_OK : SLV_E_NOMEM;
}

static slv_code make_table(slv_dynamo *d, const char *name, slv_buf *out, slv_err *err)
{
    char json[700];
    int status;

    (void)snprintf(json, sizeof json, "{\"TableName\":\"%s\"}", name);
    SLV_TRY(ask(d, "DescribeTable", json, &status, out, err));
    if (status == 200)
        return SLV_OK;
    (void)snprintf(json, sizeof json,
                   "{\"TableName\":\"%s\",\"AttributeDefinitions\":[{\"AttributeName\":\"pk\","
                   "\"AttributeType\":\"S\"},{\"AttributeName\":\"n\",\"AttributeType\":\"N\"}],"
                   "\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}],"
                   "\"BillingMode\":\"PAY_PER_REQUEST\",\"GlobalSecondaryIndexes\":[{"
                   "\"IndexName\":\"by-n\",\"KeySchema\":[{\"AttributeName\":\"n\",\"KeyType\":"
                   "\"HASH\"}],\"Projection\":{\"ProjectionType\":\"ALL\"}}]}",
                   name);
    SLV_TRY(ask(d, "CreateTable", json, &status, out, err));
    return status == 200 ? SLV_OK : slv_fail(err, SLV_E_STATE, "%s", out->ptr);
}

/* Change n: slot n of both tables says n, slot n + 1 goes, "last" says n. */
static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char json[2000];
    int status;

    SLV_TRY(make_table(service, "one", &out, err));
    SLV_TRY(make_table(service, "two", &out, err));
    (void)snprintf(json, sizeof json,
                   "{\"TransactItems\":["
                   "{\"Put\":{\"TableName\":\"one\",\"Item\":{\"pk\":{\"S\":\"%u/%" PRIu64
                   "\"},\"n\":{\"N\":\"%" PRIu64 "\"}}}},"
                   "{\"Put\":{\"TableName\":\"two\",\"Item\":{\"pk\":{\"S\":\"%u/%" PRIu64
                   "\"},\"n\":{\"N\":\"%" PRIu64 "\"}}}},"
                   "{\"Delete\":{\"TableName\":\"one\",\"Key\":{\"pk\":{\"S\":\"%u/%" PRIu64
                   "\"}}}},"
                   "{\"Update\":{\"TableName\":\"two\",\"Key\":{\"pk\":{\"S\":\"%u/last\"}},"
                   "\"UpdateExpression\":\"SET v = :v\",\"ExpressionAttributeValues\":{\":v\":{"
                   "\"N\":\"%" PRIu64 "\"}}}}]}",
                   actor, n % SLOTS, n, actor, n % SLOTS, n, actor, (n + 1) % SLOTS, actor, n);
    SLV_TRY(ask(service, "TransactWriteItems", json, &status, &out, err));
    return status == 200 ? SLV_OK : slv_fail(err, SLV_E_STATE, "%s", out.ptr);
}

/* The number member of an item; 0: there is none. */
static slv_code look(slv_dynamo *d, const char *table, unsigned actor, const char *slot,
                     const char *member, uint64_t *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char json[200], find[40];
    int status;

    *ret = 0;
    (void)snprintf(json, sizeof json, "{\"TableName\":\"%s\",\"Key\":{\"pk\":{\"S\":\"%u/%s\"}}}",
                   table, actor, slot);
    SLV_TRY(ask(d, "GetItem", json, &status, &out, err));
    if (status != 200)
        return SLV_OK; /* the tables were never acknowledged */
    (void)snprintf(find, sizeof find, "\"%s\":{\"N\":\"", member);
    const char *at = strstr(out.ptr, find);
    if (at && sscanf(at + strlen(find), "%" SCNu64, ret) != 1)
        return slv_fail(err, SLV_E_STATE, "%s", out.ptr);
    return SLV_OK;
}

static slv_code verify(void *service, unsigned actor, uint64_t acked, uint64_t asked, slv_err *err)
{
    uint64_t last, one, two;
    char slot[24];

    SLV_TRY(look(service, "two", actor, "last", "v", &last, err));
    if (last < acked || last > asked)
        return slv_fail(err, SLV_E_STATE, "last is %" PRIu64 ", acknowledged %" PRIu64, last,
                        acked);
    if (last == 0)
        return SLV_OK;
    (void)snprintf(slot, sizeof slot, "%" PRIu64, last % SLOTS);
    SLV_TRY(look(service, "one", actor, slot, "n", &one, err));
    SLV_TRY(look(service, "two", actor, slot, "n", &two, err));
    if (one != last || two != last)
        return slv_fail(err, SLV_E_STATE, "slot of %" PRIu64 " says %" PRIu64 " and %" PRIu64, last,
                        one, two);
    (void)snprintf(slot, sizeof slot, "%" PRIu64, (last + 1) % SLOTS);
    SLV_TRY(look(service, "one", actor, slot, "n", &one, err));
    return one == 0 ? SLV_OK
                    : slv_fail(err, SLV_E_STATE, "what %" PRIu64 " removed is there", last);
}

static slv_code count_of(slv_dynamo *d, const char *json, int *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    int status;

    *ret = 0;
    SLV_TRY(ask(d, "Scan", json, &status, &out, err));
    if (status == 200 && sscanf(out.ptr, "{\"Count\":%d", ret) != 1)
        return slv_fail(err, SLV_E_STATE, "%s", out.ptr);
    return SLV_OK;
}

/* The index has the items that have its key, and the figures agree. */
static slv_code check(void *service, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char figure[40];
    int items, entries, status;

    SLV_TRY(count_of(service, "{\"TableName\":\"one\",\"Select\":\"COUNT\"}", &items, err));
    SLV_TRY(count_of(service, "{\"TableName\":\"one\",\"IndexName\":\"by-n\",\"Select\":\"COUNT\"}",
                     &entries, err));
    if (items != entries)
        return slv_fail(err, SLV_E_STATE, "%d items, %d entries", items, entries);
    SLV_TRY(ask(service, "DescribeTable", "{\"TableName\":\"one\"}", &status, &out, err));
    (void)snprintf(figure, sizeof figure, "\"ItemCount\":%d,\"TableArn\"", items);
    return status != 200 || strstr(out.ptr, figure)
               ? SLV_OK
               : slv_fail(err, SLV_E_STATE, "%d items, but %.300s", items, out.ptr);
}

static const crash_service tables = {
    .type = &slv_dynamo_store,
    .kind = SLV_CALL_WRITE,
    .apply = apply,
    .verify = verify,
    .check = check,
};

CRASH_TESTS(dynamo, &tables)
TAP_MAIN()
