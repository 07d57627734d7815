/* The table store: queries, scans, batches, transactions. */
#include "dynamo_kit.h"

#define T "\"TableName\":\"things\""
#define KEY(pk, sk) "{\"pk\":{\"S\":\"" pk "\"},\"sk\":{\"N\":\"" sk "\"}}"

static int put(slv_dynamo *d, const char *pk, int sk, const char *more)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char json[1024];

    (void)snprintf(json, sizeof json,
                   "{" T ",\"Item\":{\"pk\":{\"S\":\"%s\"},\"sk\":{\"N\":\"%d\"}%s}}", pk, sk,
                   more);
    return dyn_ask(d, "PutItem", json, &out);
}

/* "a" has 1 to n, others lie around it. */
static slv_dynamo *with_items(int n)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    slv_dynamo *d = dyn_open();
    char more[100];

    if (dyn_ask(d, "CreateTable", DYN_MAKE_TABLE, &out) != 200)
        tap_failed(__FILE__, __LINE__, "%s", out.ptr);
    for (int i = 1; i <= n; i++) {
        (void)snprintf(more, sizeof more,
                       ",\"g\":{\"S\":\"g\"},\"l\":{\"S\":\"l%d\"},\"m\":{\"N\":\"%d\"}", 9 - i,
                       i % 2);
        if (put(d, "a", i, more) != 200)
            tap_failed(__FILE__, __LINE__, "put");
    }
    (void)put(d, "A", 1, "");
    (void)put(d, "aa", 1, "");
    (void)put(d, "b", -1, "");
    return d;
}

/* The sort keys that a query gives, one after the other: "1 2 3 | 3" with LastEvaluatedKey. */
static slv_str keys_of(slv_dynamo *d, const char *operation, const char *json, slv_buf *list)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 20);
    const char *at, *last, *n;

    slv_buf_reset(list);
    if (dyn_ask(d, operation, json, &out) != 200)
        return slv_str_from("failed");
    last = strstr(out.ptr, "LastEvaluatedKey");
    for (at = out.ptr; (n = strstr(at, "\"sk\":{\"N\":\"")) != NULL; at = n + 1) {
        n += strlen("\"sk\":{\"N\":\"");
        if (last && n > last) {
            if (slv_buf_append(list, SLV_STR("| ")) != SLV_OK)
                return SLV_STR_NULL;
            last = NULL;
        }
        if (slv_buf_printf(list, "%.*s ", (int)strcspn(n, "\""), n) != SLV_OK)
            return SLV_STR_NULL;
    }
    return slv_str_trim(slv_buf_view(list));
}

#define QUERY(condition, more)                                                                     \
    "{" T ",\"KeyConditionExpression\":\"pk = :a" condition "\",\"ExpressionAttributeValues\":{"   \
    "\":a\":{\"S\":\"a\"}" more "}"

TEST(dynamo_query_reads_a_range_both_ways)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(5);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);

    CHECK_STR(keys_of(d, "Query", QUERY("", "}"), &b), SLV_STR("1 2 3 4 5"));
    CHECK_STR(keys_of(d, "Query", QUERY("", "},\"ScanIndexForward\":false"), &b),
              SLV_STR("5 4 3 2 1"));
    CHECK_STR(keys_of(d, "Query", QUERY(" AND sk > :n", ",\":n\":{\"N\":\"2\"}}"), &b),
              SLV_STR("3 4 5"));
    CHECK_STR(keys_of(d, "Query", QUERY(" AND sk >= :n", ",\":n\":{\"N\":\"2\"}}"), &b),
              SLV_STR("2 3 4 5"));
    CHECK_STR(keys_of(d, "Query", QUERY(" AND sk < :n", ",\":n\":{\"N\":\"2\"}}"), &b),
              SLV_STR("1"));
    CHECK_STR(keys_of(d, "Query", QUERY(" AND sk <= :n", ",\":n\":{\"N\":\"2.0\"}}"), &b),
              SLV_STR("1 2"));
    CHECK_STR(keys_of(d, "Query",
                      QUERY(" AND sk BETWEEN :n AND :m",
                            ",\":n\":{\"N\":\"2\"},\":m\":{\"N\":\"4\"}},\"ScanIndexForward\":"
                            "false"),
                      &b),
              SLV_STR("4 3 2"));
    CHECK_STR(keys_of(d, "Query", QUERY(" AND sk = :n", ",\":n\":{\"N\":\"3\"}}"), &b),
              SLV_STR("3"));
}

TEST(dynamo_query_goes_on_where_a_page_ended)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(5);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);

    CHECK_STR(keys_of(d, "Query", QUERY("", "},\"Limit\":2"), &b), SLV_STR("1 2 | 2"));
    CHECK_STR(
        keys_of(d, "Query", QUERY("", "},\"Limit\":2,\"ExclusiveStartKey\":" KEY("a", "2")), &b),
        SLV_STR("3 4 | 4"));
    CHECK_STR(
        keys_of(d, "Query", QUERY("", "},\"Limit\":2,\"ExclusiveStartKey\":" KEY("a", "4")), &b),
        SLV_STR("5"));
    CHECK_STR(
        keys_of(d, "Query",
                QUERY("", "},\"Limit\":2,\"ScanIndexForward\":false,\"ExclusiveStartKey\":" KEY(
                              "a", "4")),
                &b),
        SLV_STR("3 2 | 2"));
    /* the limit is of what is looked at: a filter comes after */
    CHECK_STR(keys_of(d, "Query",
                      QUERY("", ",\":o\":{\"N\":\"0\"}},\"Limit\":3,\"FilterExpression\":\"m = "
                                ":o\""),
                      &b),
              SLV_STR("2 | 3"));
    DYN_FAILS(d, "Query", QUERY("", "},\"ExclusiveStartKey\":" KEY("b", "4")),
              "ValidationException", "outside query boundaries");
}

TEST(dynamo_indexes_are_ordered_by_their_keys)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(5);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4096);

    CHECK_STR(keys_of(d, "Query", QUERY("", "},\"IndexName\":\"by-l\""), &b), SLV_STR("5 4 3 2 1"));
    CHECK_STR(
        keys_of(d, "Query",
                QUERY(" AND begins_with(l, :p)", ",\":p\":{\"S\":\"l7\"}},\"IndexName\":\"by-l\""),
                &b),
        SLV_STR("2"));
    CHECK_STR(keys_of(d, "Query",
                      QUERY("", "},\"IndexName\":\"by-l\",\"Limit\":1,\"ExclusiveStartKey\":{"
                                "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"4\"},\"l\":{\"S\":\"l5\"}}"),
                      &b),
              SLV_STR("3 | 3"));
    DYN_HAS(d, "Query", QUERY("", "},\"IndexName\":\"by-l\",\"Limit\":1"),
            "\"LastEvaluatedKey\":{\"l\":{\"S\":\"l4\"},\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"5\"}");
}

/* Entries with the same key: pages of one give each once, forwards and backwards. */
TEST(dynamo_equal_index_keys_are_paged_without_loss)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(8);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 16);

    for (int backward = 0; backward < 2; backward++) {
        unsigned seen = 0;
        char start[200] = "";
        int pages = 0;

        do {
            slv_buf_reset(&json);
            CHECK(slv_buf_printf(&json,
                                 "{" T ",\"IndexName\":\"by-g\",\"Limit\":1,\"ScanIndexForward\":"
                                 "%s,\"KeyConditionExpression\":\"g = :g\","
                                 "\"ExpressionAttributeValues\":{\":g\":{\"S\":\"g\"}}%s%s}",
                                 backward ? "false" : "true",
                                 start[0] ? ",\"ExclusiveStartKey\":" : "", start) == SLV_OK);
            CHECK_INT(dyn_ask(d, "Query", slv_buf_cstr(&json), &out), 200);
            const char *last = strstr(out.ptr, "\"LastEvaluatedKey\":");
            const char *n = strstr(out.ptr, "\"sk\":{\"N\":\"");
            start[0] = '\0';
            if (!last)
                break;
            CHECK(n && n < last);
            seen |= 1u << (n[strlen("\"sk\":{\"N\":\"")] - '0');
            (void)snprintf(start, sizeof start, "%s", last + strlen("\"LastEvaluatedKey\":"));
            start[strlen(start) - 1] = '\0';
        } while (++pages < 20);
        CHECK_INT(pages, 8);
        CHECK_INT(seen, 0x1fe);
    }
}

TEST(dynamo_page_ends_at_1_mb)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(0);
    SLV_CLEANUP(slv_buf_done)
    slv_buf json = SLV_BUF((size_t)1 << 20), out = SLV_BUF((size_t)8 << 20);

    for (int i = 1; i <= 4; i++) {
        slv_buf_reset(&json);
        CHECK(slv_buf_printf(&json,
                             "{" T ",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"%d\"},\"v\":{"
                             "\"S\":\"",
                             i) == SLV_OK);
        for (int k = 0; k < 390000; k++)
            CHECK(slv_buf_append_byte(&json, 'x') == SLV_OK);
        CHECK(slv_buf_append(&json, SLV_STR("\"}}}")) == SLV_OK);
        CHECK_INT(dyn_ask(d, "PutItem", slv_buf_cstr(&json), &out), 200);
    }
    DYN_HAS(d, "Query", QUERY("", "},\"Select\":\"COUNT\""),
            "\"Count\":3,\"ScannedCount\":3,\"LastEvaluatedKey\":{\"pk\":{\"S\":\"a\"},\"sk\":{"
            "\"N\":\"3\"}}");
    DYN_HAS(d, "Query",
            QUERY("", "},\"Select\":\"COUNT\",\"ConsistentRead\":true,\"ReturnConsumedCapacity\":"
                      "\"TOTAL\""),
            "\"CapacityUnits\":286.0");
}

TEST(dynamo_segments_of_a_scan_share_the_table)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(0);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char name[20], json[200];
    int total = 0;

    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "key%d", i);
        CHECK_INT(put(d, name, 1, ""), 200);
    }
    for (int i = 0; i < 7; i++) {
        int count = 0;

        (void)snprintf(json, sizeof json,
                       "{" T ",\"Segment\":%d,\"TotalSegments\":7,\"Select\":\"COUNT\"}", i);
        CHECK_INT(dyn_ask(d, "Scan", json, &out), 200);
        CHECK_INT(sscanf(out.ptr, "{\"Count\":%d", &count), 1);
        CHECK(count > 0);
        total += count;
    }
    CHECK_INT(total, 203);
    DYN_FAILS(d, "Scan",
              "{" T
              ",\"Segment\":0,\"TotalSegments\":1000000,\"ExclusiveStartKey\":" KEY("a", "1") "}",
              "ValidationException", "Please use ExclusiveStartKey with correct Segment");
}

/* ---- batches ---- */

TEST(dynamo_batches)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(3);

    DYN_IS(
        d, "BatchWriteItem",
        "{\"RequestItems\":{\"things\":[{\"PutRequest\":{\"Item\":" KEY(
            "n", "1") "}},{\"DeleteRequest\":{\"Key\":" KEY("a",
                                                            "1") "}}]},\"ReturnConsumedCapacity\":"
                                                                 "\"TOTAL\"}",
        "{\"UnprocessedItems\":{},\"ConsumedCapacity\":[{\"TableName\":\"things\","
        "\"CapacityUnits\":4.0}]}");
    DYN_IS(d, "BatchGetItem",
           "{\"RequestItems\":{\"things\":{\"Keys\":[" KEY("n", "1") "," KEY(
               "a", "1") "]}},"
                         "\"ReturnConsumedCapacity\":\"TOTAL\"}",
           "{\"Responses\":{\"things\":[{\"pk\":{\"S\":\"n\"},\"sk\":{\"N\":\"1\"}}]},"
           "\"UnprocessedKeys\":{},\"ConsumedCapacity\":[{\"TableName\":\"things\","
           "\"CapacityUnits\":1.0}]}");
    DYN_FAILS(d, "BatchWriteItem",
              "{\"RequestItems\":{\"things\":[{\"PutRequest\":{\"Item\":" KEY(
                  "n", "1") "}},{\"DeleteRequest\":{\"Key\":" KEY("n", "1.0") "}}]}}",
              "ValidationException", "Provided list of item keys contains duplicates");
    DYN_FAILS(d, "BatchGetItem", "{\"RequestItems\":{\"other\":{\"Keys\":[" KEY("n", "1") "]}}}",
              "ResourceNotFoundException", "Requested resource not found");
}

/* What does not fit 16 MB comes back as keys that were not processed. */
TEST(dynamo_batch_reads_16_mb)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(0);
    SLV_CLEANUP(slv_buf_done)
    slv_buf json = SLV_BUF((size_t)1 << 20), out = SLV_BUF((size_t)64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf batch = SLV_BUF((size_t)1 << 20);

    CHECK(slv_buf_append(&batch, SLV_STR("{\"RequestItems\":{\"things\":{\"ConsistentRead\":true,"
                                         "\"Keys\":[")) == SLV_OK);
    for (int i = 1; i <= 44; i++) {
        slv_buf_reset(&json);
        CHECK(slv_buf_printf(&json,
                             "{" T ",\"Item\":{\"pk\":{\"S\":\"big\"},\"sk\":{\"N\":\"%d\"},\"v\":{"
                             "\"S\":\"",
                             i) == SLV_OK);
        CHECK(slv_buf_reserve(&json, 400000) == SLV_OK);
        memset(json.ptr + json.len, 'x', 400000);
        json.len += 400000;
        CHECK(slv_buf_append(&json, SLV_STR("\"}}}")) == SLV_OK);
        CHECK_INT(dyn_ask(d, "PutItem", slv_buf_cstr(&json), &out), 200);
        CHECK(slv_buf_printf(&batch, "%s{\"pk\":{\"S\":\"big\"},\"sk\":{\"N\":\"%d\"}}",
                             i > 1 ? "," : "", i) == SLV_OK);
    }
    CHECK(slv_buf_append(&batch, SLV_STR("]}}}")) == SLV_OK);
    CHECK_INT(dyn_ask(d, "BatchGetItem", slv_buf_cstr(&batch), &out), 200);
    /* 41 items of 400,010 bytes are below 16 MiB, 42 are not */
    CHECK(strstr(out.ptr, "\"UnprocessedKeys\":{\"things\":{\"Keys\":[{\"pk\":{\"S\":\"big\"},"
                          "\"sk\":{\"N\":\"42\"}},{\"pk\":{\"S\":\"big\"},\"sk\":{\"N\":\"43\"}},{"
                          "\"pk\":{\"S\":\"big\"},\"sk\":{\"N\":\"44\"}}],\"ConsistentRead\":true}"
                          "}") != NULL);
}

/* ---- transactions ---- */

TEST(dynamo_transaction_is_all_or_nothing)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(2);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);

    CHECK_INT(
        dyn_ask(
            d, "TransactWriteItems",
            "{\"TransactItems\":[{\"Put\":{" T
            ",\"Item\":" KEY("n", "1") "}},{\"ConditionCheck\":{" T ",\"Key\":" KEY(
                "a", "1") ",\"ConditionExpression\":\"attribute_not_exists(pk)\","
                          "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}},{\"Delete\":{" T
                          ",\"Key\":" KEY("a", "2") "}}]}",
            &out),
        400);
    CHECK_STR(
        slv_buf_view(&out),
        SLV_STR(
            "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\","
            "\"CancellationReasons\":[{\"Code\":\"None\"},{\"Code\":\"ConditionalCheckFailed\","
            "\"Item\":{\"g\":{\"S\":\"g\"},\"l\":{\"S\":\"l8\"},\"m\":{\"N\":\"1\"},\"pk\":{"
            "\"S\":\"a\"},\"sk\":{\"N\":\"1\"}},\"Message\":\"The conditional request failed\"}"
            ",{\"Code\":\"None\"}],\"Message\":\"Transaction cancelled, please refer "
            "cancellation reasons for specific reasons [None, ConditionalCheckFailed, None]\"}"));
    DYN_IS(d, "GetItem", "{" T ",\"Key\":" KEY("n", "1") "}", "{}");
    DYN_HAS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "2") "}", "Item");
    DYN_IS(d, "TransactWriteItems",
           "{\"ReturnConsumedCapacity\":\"TOTAL\",\"TransactItems\":[{\"Put\":{" T
           ",\"Item\":" KEY("n", "1") "}},{\"Update\":{" T ",\"Key\":" KEY(
               "n", "2") ",\"UpdateExpression\":\"SET v = "
                         ":v\",\"ExpressionAttributeValues\":{\":v\":{\"S\":\"x\""
                         "}}}}]}",
           "{\"ConsumedCapacity\":[{\"TableName\":\"things\",\"CapacityUnits\":4.0,"
           "\"WriteCapacityUnits\":4.0}]}");
    DYN_IS(d, "TransactGetItems",
           "{\"TransactItems\":[{\"Get\":{" T
           ",\"Key\":" KEY("n", "2") "}},{\"Get\":{" T ",\"Key\":" KEY("n", "3") "}}]}",
           "{\"Responses\":[{\"Item\":{\"pk\":{\"S\":\"n\"},\"sk\":{\"N\":\"2\"},\"v\":{\"S\":"
           "\"x\"}}},{}]}");
    DYN_FAILS(d, "TransactWriteItems",
              "{\"TransactItems\":[{\"Put\":{" T
              ",\"Item\":" KEY("n", "1") "}},{\"Delete\":{" T ",\"Key\":" KEY("n", "1") "}}]}",
              "ValidationException",
              "Transaction request cannot include multiple operations on one item");
}

TEST(dynamo_token_makes_a_transaction_once)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(0);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    static const char add[] =
        "{\"ClientRequestToken\":\"token-1\",\"TransactItems\":[{\"Update\":{" T ",\"Key\":" KEY(
            "n", "1") ",\"UpdateExpression\":\"ADD v :v\",\"ExpressionAttributeValues\":{\":v\":{"
                      "\"N\":\"%d\"}}}}]}";
    char json[400];
    int64_t next;
    slv_err err = {0};

    (void)snprintf(json, sizeof json, add, 1);
    DYN_IS(d, "TransactWriteItems", json, "{}");
    DYN_IS(d, "TransactWriteItems", json, "{}");
    DYN_HAS(d, "GetItem", "{" T ",\"Key\":" KEY("n", "1") "}", "\"v\":{\"N\":\"1\"}");
    (void)snprintf(json, sizeof json, add, 2);
    DYN_FAILS(d, "TransactWriteItems", json, "IdempotentParameterMismatchException",
              "non-identical request");
    /* ten minutes later it is forgotten */
    CHECK(slv_dynamo_sweep(d, DYN_NOW + SLV_DYNAMO_TOKEN_MS - 1, &next, &err) == SLV_OK);
    CHECK_INT(next, DYN_NOW + SLV_DYNAMO_TOKEN_MS);
    CHECK_INT(dyn_ask_at(d, "TransactWriteItems", json, DYN_NOW + SLV_DYNAMO_TOKEN_MS - 1, &out),
              400);
    CHECK_INT(dyn_ask_at(d, "TransactWriteItems", json, DYN_NOW + SLV_DYNAMO_TOKEN_MS, &out), 200);
    DYN_HAS(d, "GetItem", "{" T ",\"Key\":" KEY("n", "1") "}", "\"v\":{\"N\":\"3\"}");
}

/* A request that reads more than it may inline says so; it then runs elsewhere. */
TEST(dynamo_small_run_gives_up_where_much_is_read)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_items(3);
    SLV_CLEANUP(slv_buf_done)
    slv_buf json = SLV_BUF((size_t)1 << 20), out = SLV_BUF((size_t)1 << 20);
    const slv_dynamo_origin origin = {.now_ms = DYN_NOW};
    SLV_CLEANUP(slv_dynamo_request_free)
    slv_dynamo_request *r =
        slv_dynamo_request_new(SLV_STR("Query"), slv_str_from(QUERY("", "}")), &origin);
    slv_err err = {0};
    int status;
    slv_str body;

    CHECK(!slv_dynamo_request_done(r) && slv_dynamo_request_small(r));
    CHECK(slv_dynamo_run_small(d, r, &err) == SLV_OK);
    CHECK(slv_buf_append(&json, SLV_STR("{" T ",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":"
                                        "\"4\"},\"v\":{\"S\":\"")) == SLV_OK);
    CHECK(slv_buf_reserve(&json, SLV_DYNAMO_SMALL_BYTES) == SLV_OK);
    memset(json.ptr + json.len, 'x', SLV_DYNAMO_SMALL_BYTES);
    json.len += SLV_DYNAMO_SMALL_BYTES;
    CHECK(slv_buf_append(&json, SLV_STR("\"}}}")) == SLV_OK);
    CHECK_INT(dyn_ask(d, "PutItem", slv_buf_cstr(&json), &out), 200);
    CHECK(slv_dynamo_run_small(d, r, &err) == SLV_E_AGAIN);
    CHECK(slv_dynamo_run(d, r, &err) == SLV_OK);
    slv_dynamo_request_answer(r, &status, &body);
    CHECK_INT(status, 200);
    CHECK(slv_str_find(body, SLV_STR("\"Count\":4"), 0) != SIZE_MAX);
}

TAP_MAIN()
