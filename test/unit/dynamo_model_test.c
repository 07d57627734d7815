/* What selvage:bao asks of the tables: keys, values and expressions from plans and plain values. */
#include "dynamo/model.h"

#include "dynamo_kit.h"

#define MAKE_TABLE                                                                                 \
    "{\"TableName\":\"models\",\"BillingMode\":\"PAY_PER_REQUEST\",\"AttributeDefinitions\":["     \
    "{\"AttributeName\":\"_pk\",\"AttributeType\":\"S\"},{\"AttributeName\":\"_sk\","              \
    "\"AttributeType\":\"S\"},{\"AttributeName\":\"_gsi1_pk\",\"AttributeType\":\"S\"},"           \
    "{\"AttributeName\":\"_gsi1_sk\",\"AttributeType\":\"S\"}],\"KeySchema\":[{\"AttributeName\":" \
    "\"_pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"_sk\",\"KeyType\":\"RANGE\"}],"            \
    "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"gsi1\",\"KeySchema\":[{\"AttributeName\":"       \
    "\"_gsi1_pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"_gsi1_sk\",\"KeyType\":\"RANGE\"}],"  \
    "\"Projection\":{\"ProjectionType\":\"ALL\"}}]}"

#define USER                                                                                       \
    "models\tacme\tu\tid\tmodelPrefix\t1000\tUser\tacme\ni\tgsi1\tkind\tat\nu\t_uc1\temail\n"      \
    "f\tU\tid\nf\tS\tkind\nf\tD\tat\nf\tS\temail\nf\tC\tn\nf\tX\ttags\nf\tB\ton\nf\tO\town"
#define STEP "models\t\ts\tthing\tn\t0\tStep\t\nf\tS\tthing\nf\tI\tn\nf\tF\tw"

static slv_dynamo *with_table(void)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    slv_dynamo *d = dyn_open();

    if (dyn_ask(d, "CreateTable", MAKE_TABLE, &out) != 200)
        tap_failed(__FILE__, __LINE__, "%s", out.ptr);
    return d;
}

static void run_request(slv_dynamo *d, slv_dynamo_request *r)
{
    slv_db *db = slv_dynamo_db(d);
    slv_err err = {0};
    slv_code code;

    if (slv_dynamo_request_done(r))
        return;
    code = slv_db_begin(db, &err);
    if (code == SLV_OK)
        code = slv_dynamo_run(d, r, &err);
    if (code == SLV_OK)
        code = slv_db_commit(db, &err);
    if (code != SLV_OK) {
        slv_db_rollback(db);
        slv_dynamo_request_fail(r, code);
    }
}

/* The status; out: the names of the requests, a space behind each, and the answer. */
static int task(slv_dynamo *d, uint8_t verb, slv_str plan, slv_str text, slv_buf *out)
{
    const slv_dynamo_origin origin = {.now_ms = DYN_NOW};
    SLV_CLEANUP(slv_dynamo_task_free)
    slv_dynamo_task *t = slv_dynamo_task_new(verb, plan, text, &origin);
    slv_dynamo_request *r = NULL, *next;
    slv_str body;
    int status;

    slv_buf_reset(out);
    while ((next = slv_dynamo_task_step(t, r)) != NULL) {
        slv_dynamo_request_free(r);
        r = next;
        if (slv_buf_append(out, slv_dynamo_request_operation(r)) != SLV_OK ||
            slv_buf_append_byte(out, ' ') != SLV_OK)
            tap_failed(__FILE__, __LINE__, "no memory");
        run_request(d, r);
    }
    slv_dynamo_task_answer(t, r, &status, &body);
    if (slv_buf_append(out, body) != SLV_OK || !slv_buf_cstr(out))
        status = -1;
    slv_dynamo_request_free(r);
    return status;
}

#define GIVES(d, verb, plan, text, status, answer)                                                 \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf out_ = SLV_BUF((size_t)1 << 20);                         \
        int status_ = task((d), (verb), slv_str_from(plan), slv_str_from(text), &out_);            \
        CHECK_STR(slv_buf_view(&out_), slv_str_from(answer));                                      \
        CHECK_INT(status_, status);                                                                \
    } while (0)
#define NOT_MINE(d, verb, plan, text) GIVES(d, verb, plan, text, SLV_DYNAMO_TASK_NOT_MINE, "")
#define SAVES(d, plan, text, answer) GIVES(d, SLV_DYNAMO_TASK_SAVE, plan, text, 200, answer)

#define ADA                                                                                        \
    "{\"new\":true,\"values\":{\"id\":\"a\",\"kind\":\"k\",\"at\":5,\"email\":\"a@b\",\"n\":1,"    \
    "\"tags\":[\"x\",\"y\"],\"on\":true}}"
#define ADA_ITEM                                                                                   \
    "{\"_gsi1_pk\":\"[acme]#u#gsi1#k\",\"_gsi1_sk\":\"00000000000000000005\",\"_iter_pk\":"        \
    "\"[acme]#u#iter#097\",\"_iter_sk\":\"a\",\"_pk\":\"[acme]#u#a\",\"_sk\":\"u\",\"at\":5,"      \
    "\"email\":\"a@b\",\"id\":\"a\",\"kind\":\"k\",\"n\":1,\"on\":true,\"tags\":[\"x\",\"y\"]}"
#define READ_UNITS ",\"ConsumedCapacity\":{\"TableName\":\"models\",\"CapacityUnits\":0.5}}"

TEST(dynamo_model_saves_an_item_with_its_keys_and_unique_values)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    SAVES(d, USER, ADA,
          "GetItem TransactWriteItems GetItem {\"written\":{\"ConsumedCapacity\":[{\"TableName\":"
          "\"models\",\"CapacityUnits\":5.0,\"WriteCapacityUnits\":5.0}]},\"read\":{"
          "\"Item\":" ADA_ITEM READ_UNITS "}");
    DYN_IS(
        d, "GetItem",
        "{\"TableName\":\"models\",\"Key\":{\"_pk\":{\"S\":\"[acme]#_raft_uc#_uc1#u#email:a@b\"},"
        "\"_sk\":{\"S\":\"_raft_uc\"}}}",
        "{\"Item\":{\"_gsi_test_id\":{\"S\":\"acme\"},\"_pk\":{\"S\":"
        "\"[acme]#_raft_uc#_uc1#u#email:a@b\"},\"_sk\":{\"S\":\"_raft_uc\"},\"relatedId\":{\"S\":"
        "\"a\"},\"relatedModel\":{\"S\":\"User\"},\"uniqueValue\":{\"S\":"
        "\"[acme]#_raft_uc#_uc1#u#email:a@b\"}}}");
    GIVES(d, SLV_DYNAMO_TASK_SAVE, USER,
          "{\"new\":true,\"values\":{\"id\":\"b\",\"email\":\"a@b\"}}", SLV_DYNAMO_TASK_TAKEN,
          "GetItem email");
    GIVES(d, SLV_DYNAMO_TASK_FIND, USER, "a", 200, "GetItem {\"Item\":" ADA_ITEM READ_UNITS);
}

TEST(dynamo_model_changes_what_differs)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);

    CHECK_INT(task(d, SLV_DYNAMO_TASK_SAVE, SLV_STR(USER), SLV_STR(ADA), &out), 200);
    CHECK_INT(task(d, SLV_DYNAMO_TASK_SAVE, SLV_STR(USER),
                   SLV_STR("{\"id\":\"a\",\"values\":{\"at\":6,\"n\":\"+004\",\"on\":null,\"tags\":"
                           "[\"y\"],\"own\":{\"deep\":[1,\"2\"]}},\"fill\":{\"kind\":\"k\"},"
                           "\"before\":{\"tags\":[\"x\",\"y\"],\"email\":\"a@b\"},\"condition\":"
                           "{\"n\":{\"$gte\":1},\"$not\":{\"kind\":\"z\"}}}"),
                   &out),
              200);
    CHECK(strstr(slv_buf_cstr(&out), "UpdateItem {\"Attributes\":{\"_gsi1_pk\":\"[acme]#u#gsi1#k\","
                                     "\"_gsi1_sk\":\"00000000000000000006\""));
    CHECK(strstr(slv_buf_cstr(&out), "\"n\":5,\"own\":{\"deep\":[1,\"2\"]},\"tags\":[\"y\"]}"));
    /* a condition that does not hold */
    CHECK_INT(task(d, SLV_DYNAMO_TASK_SAVE, SLV_STR(USER),
                   SLV_STR("{\"id\":\"a\",\"values\":{\"n\":1},\"condition\":{\"n\":9}}"), &out),
              400);
    CHECK(strstr(slv_buf_cstr(&out), "ConditionalCheckFailedException"));
    /* the unique value moves, and goes */
    CHECK_INT(task(d, SLV_DYNAMO_TASK_SAVE, SLV_STR(USER),
                   SLV_STR("{\"id\":\"a\",\"values\":{\"email\":\"c@d\"},\"before\":{\"email\":"
                           "\"a@b\"}}"),
                   &out),
              200);
    CHECK(strstr(slv_buf_cstr(&out), "GetItem TransactWriteItems GetItem {"));
    CHECK_INT(task(d, SLV_DYNAMO_TASK_SAVE, SLV_STR(USER),
                   SLV_STR("{\"id\":\"a\",\"values\":{\"email\":null},\"before\":{\"email\":"
                           "\"c@d\"}}"),
                   &out),
              200);
    DYN_HAS(d, "Scan", "{\"TableName\":\"models\"}", "\"Count\":1,");
}

TEST(dynamo_model_keys_are_those_of_the_package)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    static const struct {
        const char *plan, *values, *has;
    } cases[] = {
        {STEP, "\"thing\":\"t\",\"n\":-12", "\"_sk\":\"00000000000000000-12\""},
        {STEP, "\"thing\":\"t\",\"n\":12345678901234567000", "\"_sk\":\"12345678901234567000\""},
        {STEP, "\"thing\":\"t\",\"n\":123456789012345680000", "\"_sk\":\"123456789012345680000\""},
        {"models\t\tf\tthing\tw\t1\tF\t\nf\tS\tthing\nf\tF\tw", "\"thing\":\"t\",\"w\":0.1",
         "\"_sk\":\"1.00000000000000005551e-1\""},
        {"models\t\tf\tthing\tw\t1\tF\t\nf\tS\tthing\nf\tF\tw", "\"thing\":\"t\",\"w\":-1e21",
         "\"_sk\":\"-1.00000000000000000000e+21\""},
        {"models\t\tf\tthing\tw\t1\tF\t\nf\tS\tthing\nf\tF\tw", "\"thing\":\"t\",\"w\":1",
         "\"_iter_pk\":\"f#iter\",\"_iter_sk\":\"t##__SK__##1.00000000000000000000e+0\""},
        {"models\t\tp\tmodelPrefix\tid\t1000\tP\t\nf\tS\tid", "\"id\":\"\xf0\x9f\x98\x80\"",
         "\"_iter_pk\":\"p#iter#899\""},
        {"models\t\tp\tmodelPrefix\tid\t1000\tP\t\nf\tS\tid", "\"id\":\"x\"",
         "\"_pk\":\"p\",\"_sk\":\"x\""},
        {"models\t\tq\tid\tmodelPrefix\t0\tP\t\nf\tD\tid", "\"id\":0", "\"_pk\":\"q#0\""},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(cases); i++) {
        char text[256];

        (void)snprintf(text, sizeof text, "{\"new\":true,\"values\":{%s}}", cases[i].values);
        CHECK_INT(
            task(d, SLV_DYNAMO_TASK_SAVE, slv_str_from(cases[i].plan), slv_str_from(text), &out),
            200);
        if (!strstr(slv_buf_cstr(&out), cases[i].has))
            tap_failed(__FILE__, __LINE__, "%s: %s", cases[i].has, out.ptr);
    }
}

TEST(dynamo_model_finds_and_queries)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char text[160];

    for (int i = 0; i < 5; i++) {
        (void)snprintf(text, sizeof text, "{\"new\":true,\"values\":{\"thing\":\"t\",\"n\":%d}}",
                       i);
        CHECK_INT(task(d, SLV_DYNAMO_TASK_SAVE, SLV_STR(STEP), slv_str_from(text), &out), 200);
    }
    CHECK_INT(task(d, SLV_DYNAMO_TASK_BATCH, SLV_STR(STEP),
                   SLV_STR("[\"t##__SK__##00000000000000000001\",\"t##__SK__##none\"]"), &out),
              200);
    CHECK(strstr(slv_buf_cstr(&out),
                 "BatchGetItem {\"Responses\":{\"models\":[{\"_pk\":\"s#t\","
                 "\"_sk\":\"00000000000000000001\",\"n\":1,\"thing\":\"t\"}]}"));
    CHECK_INT(task(d, SLV_DYNAMO_TASK_QUERY, SLV_STR(STEP),
                   SLV_STR("{\"pk\":\"t\",\"skField\":\"n\",\"sk\":{\"$between\":[1,3]},\"filter\":"
                           "{\"$or\":[{\"n\":{\"$in\":[1,2]}},{\"n\":{\"$gt\":2}}]},\"limit\":2,"
                           "\"backward\":true}"),
                   &out),
              200);
    CHECK(strstr(slv_buf_cstr(&out), "\"n\":3,\"thing\":\"t\"},{"));
    CHECK(strstr(slv_buf_cstr(&out),
                 "\"Count\":2,\"ScannedCount\":2,\"LastEvaluatedKey\":{\"_pk\":\"s#t\",\"_sk\":"
                 "\"00000000000000000002\"}"));
    CHECK_INT(task(d, SLV_DYNAMO_TASK_QUERY, SLV_STR(STEP),
                   SLV_STR("{\"pk\":\"t\",\"limit\":9,\"count\":true,\"start\":{\"_pk\":\"s#t\","
                           "\"_sk\":\"00000000000000000003\"}}"),
                   &out),
              200);
    CHECK(strstr(slv_buf_cstr(&out), "Query {\"Count\":1,"));
}

TEST(dynamo_model_marks_what_json_lacks)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    DYN_IS(d, "PutItem",
           "{\"TableName\":\"models\",\"Item\":{\"_pk\":{\"S\":\"s#b\"},\"_sk\":{\"S\":\"x\"},"
           "\"b\":{\"B\":\"AP8H\"},\"l\":{\"L\":[{\"BS\":[\"AA==\"]},{\"N\":\"1E-130\"},{\"NULL\":"
           "true}]},\"\\u0000B\":{\"NS\":[\"2\",\"12345678901234567890123456789012345678\"]}}}",
           "{}");
    GIVES(d, SLV_DYNAMO_TASK_CALL, "GetItem",
          "{\"TableName\":\"models\",\"Key\":{\"_pk\":\"s#b\",\"_sk\":\"x\"}}",
          SLV_DYNAMO_TASK_MARKED,
          "GetItem {\"Item\":{\"\\u0000\\u0000B\":[2,12345678901234567890123456789012345678],"
          "\"_pk\":\"s#b\",\"_sk\":\"x\",\"b\":{\"\\u0000B\":\"AP8H\"},\"l\":[{\"\\u0000BS\":["
          "\"AA==\"]},0."
          "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
          "000000000000000000000000000000000000000001,null]}}");
}

TEST(dynamo_model_leaves_to_the_library_what_it_cannot_make)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    static const char *const saves[] = {
        "",
        "{",
        "[]",
        "{\"new\":true}",
        "{\"new\":true,\"values\":{}}",                            /* no key */
        "{\"new\":true,\"values\":{\"id\":7}}",                    /* no id */
        "{\"new\":true,\"values\":{\"id\":\"\"}}",                 /* an empty one */
        "{\"new\":true,\"values\":{\"id\":\"a\",\"other\":1}}",    /* no field */
        "{\"new\":true,\"values\":{\"id\":\"a\",\"email\":5}}",    /* unique, no text */
        "{\"new\":true,\"values\":{\"id\":\"a\",\"tags\":\"x\"}}", /* no set */
        "{\"new\":true,\"values\":{\"id\":\"a\",\"n\":\"5\"}}",    /* no sign */
        "{\"new\":true,\"values\":{\"id\":\"a\",\"n\":\"+1234567890123456\"}}", /* too long */
        "{\"id\":\"a\",\"values\":{\"at\":5}}",                                 /* half a key */
        "{\"id\":\"a\",\"values\":{\"n\":1},\"condition\":{}}",
        "{\"id\":\"a\",\"values\":{\"n\":1},\"condition\":{\"nothing\":1}}",
        "{\"id\":\"a\",\"values\":{\"n\":1},\"condition\":{\"own\":1}}",
        "{\"id\":\"a\",\"values\":{\"n\":1},\"condition\":{\"n\":{\"$like\":1}}}",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(saves); i++)
        NOT_MINE(d, SLV_DYNAMO_TASK_SAVE, USER, saves[i]);
    NOT_MINE(d, SLV_DYNAMO_TASK_FIND, STEP, "t"); /* half an id */
    NOT_MINE(d, SLV_DYNAMO_TASK_BATCH, STEP, "[5]");
    NOT_MINE(d, SLV_DYNAMO_TASK_QUERY, STEP, "{\"pk\":\"t\",\"sk\":5,\"skField\":\"none\"}");
    NOT_MINE(d, SLV_DYNAMO_TASK_CALL, "NoItem", "{}");
    NOT_MINE(d, SLV_DYNAMO_TASK_SAVE + 1, USER, "{}");
    NOT_MINE(d, SLV_DYNAMO_TASK_FIND, "models\t\tp\tid\tmodelPrefix\tmany\tP\t", "a");
    NOT_MINE(d, SLV_DYNAMO_TASK_FIND, "models\t\tp\tid\tmodelPrefix\t0\tP\t\nx\ty\tz", "a");
    DYN_HAS(d, "Scan", "{\"TableName\":\"models\"}", "\"Count\":0,");
}

TAP_MAIN()
