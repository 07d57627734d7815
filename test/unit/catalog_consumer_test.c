/* Which worker takes the messages of a queue. */
#include "catalog/consumer.h"

#include <stdio.h>

#include "catalog/worker.h"
#include "support/tap.h"

#define ACCOUNT SLV_STR("0123456789abcdef0123456789abcdef")
#define OTHER SLV_STR("fedcba9876543210fedcba9876543210")

typedef struct rig {
    slv_catalog *c;
    slv_arena arena;
    slv_err err;
} rig;

static void rig_done(rig *r)
{
    (void)slv_catalog_free(r->c);
    slv_arena_done(&r->arena);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static bool open_rig(rig *r, const char *name)
{
    const slv_catalog_options options = {.create = true};
    char path[512];

    r->arena = SLV_ARENA((size_t)1 << 20);
    snprintf(path, sizeof path, "%s/%s", tap_tmpdir(), name);
    return slv_catalog_open(path, &options, &r->c, &r->err) == SLV_OK;
}

static slv_code put_worker(rig *r, const char *name)
{
    const slv_worker_row row = {.account = ACCOUNT,
                                .dispatch = SLV_STR(""),
                                .name = slv_str_from(name),
                                .tag = SLV_STR("t"),
                                .crons = SLV_STR("[]"),
                                .settings = SLV_STR("{}"),
                                .objects = SLV_STR("")};

    return slv_catalog_worker_put(r->c, &row, &r->err);
}

static slv_code put(rig *r, const char *queue, const char *worker)
{
    const slv_consumer_row row = {.queue = slv_str_from(queue),
                                  .id = SLV_STR("0123"),
                                  .worker = slv_str_from(worker),
                                  .dead_letter_queue = SLV_STR("dead"),
                                  .batch_size = 7,
                                  .wait_ms = SLV_CONSUMER_UNSET,
                                  .retries = 0,
                                  .concurrency = SLV_CONSUMER_UNSET,
                                  .retry_delay_s = 12,
                                  .created_ms = 99};

    return slv_catalog_consumer_put(r->c, ACCOUNT, &row, &r->err);
}

static slv_code get(rig *r, const char *queue, slv_consumer_row *ret)
{
    return slv_catalog_consumer_get(r->c, ACCOUNT, slv_str_from(queue), &r->arena, ret, &r->err);
}

TEST(a_queue_has_one_worker)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_consumer_row row;

    CHECK(open_rig(&r, "one"));
    CHECK(put(&r, "jobs", "nobody") == SLV_E_NOTFOUND);
    CHECK(get(&r, "jobs", &row) == SLV_E_NOTFOUND);
    CHECK(put_worker(&r, "a") == SLV_OK && put_worker(&r, "b") == SLV_OK);
    CHECK(put(&r, "jobs", "a") == SLV_OK);
    CHECK(get(&r, "jobs", &row) == SLV_OK);
    CHECK(slv_str_is(row.worker, "a") && slv_str_is(row.dead_letter_queue, "dead") &&
          slv_str_is(row.id, "0123") && row.batch_size == 7 && row.retries == 0 &&
          row.wait_ms == SLV_CONSUMER_UNSET && row.concurrency == SLV_CONSUMER_UNSET &&
          row.retry_delay_s == 12 && row.created_ms == 99);
    CHECK(put(&r, "jobs", "b") == SLV_OK);
    CHECK(get(&r, "jobs", &row) == SLV_OK && slv_str_is(row.worker, "b"));
    CHECK(slv_catalog_consumer_get(r.c, OTHER, SLV_STR("jobs"), &r.arena, &row, &r.err) ==
          SLV_E_NOTFOUND);
}

TEST(rows_go_with_the_queue_and_with_the_worker)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_worker_key a = {ACCOUNT, SLV_STR(""), SLV_STR("a")};
    slv_consumer_list list = {0};
    slv_consumer_row row;

    CHECK(open_rig(&r, "gone"));
    CHECK(put_worker(&r, "a") == SLV_OK && put_worker(&r, "b") == SLV_OK);
    CHECK(put(&r, "z", "a") == SLV_OK && put(&r, "m", "a") == SLV_OK &&
          put(&r, "o", "b") == SLV_OK);
    CHECK(slv_catalog_consumers_of(r.c, ACCOUNT, SLV_STR("a"), &r.arena, &list, &r.err) == SLV_OK);
    CHECK(list.count == 2 && slv_str_is(list.items[0].queue, "m") &&
          slv_str_is(list.items[1].queue, "z"));
    CHECK(slv_catalog_consumer_remove(r.c, ACCOUNT, SLV_STR("m"), &r.err) == SLV_OK);
    CHECK(slv_catalog_consumer_remove(r.c, ACCOUNT, SLV_STR("m"), &r.err) == SLV_OK);
    CHECK(get(&r, "m", &row) == SLV_E_NOTFOUND);
    CHECK(slv_catalog_worker_delete(r.c, &a, &r.err) == SLV_OK);
    CHECK(get(&r, "z", &row) == SLV_E_NOTFOUND);
    CHECK(get(&r, "o", &row) == SLV_OK);
}

TAP_MAIN()
