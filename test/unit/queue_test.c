/* The queue service: delivery against a model, limits, leases, settings. */
#include "queue/queue.h"

#include <stdio.h>

#include "base/mem.h"
#include "support/tap.h"

static slv_code open_at(const char *name, slv_queue **ret, slv_err *err)
{
    const slv_queue_options options = {.create = true};
    char path[512];

    snprintf(path, sizeof path, "%s/%s", tap_tmpdir(), name);
    return slv_queue_open(path, &options, ret, err);
}

static slv_queue_new text(const char *body)
{
    return (slv_queue_new){.body = slv_str_from(body), .type = SLV_QUEUE_TEXT, .delay_s = -1};
}

static slv_code send_text(slv_queue *q, const char *body, int64_t delay_s, int64_t now_ms)
{
    slv_queue_new m = text(body);
    slv_err err;

    m.delay_s = delay_s;
    return slv_queue_send(q, &m, 1, now_ms, NULL, &err);
}

static slv_code take(slv_queue *q, int64_t now_ms, size_t max, slv_queue_batch *ret)
{
    const slv_queue_take_options o = {.now_ms = now_ms, .max = max, .partial_ms = now_ms};
    slv_err err;

    return slv_queue_take(q, &o, ret, &err);
}

TEST(messages_come_in_order_with_what_was_sent)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0};
    slv_queue_metrics before;
    slv_err err;
    slv_queue_new list[] = {
        {.body = SLV_STR("{\"a\":1}"), .type = SLV_QUEUE_JSON, .delay_s = -1},
        {.body = SLV_STR("\0\1\2"), .type = SLV_QUEUE_BYTES, .delay_s = -1},
        {.body = SLV_STR(""), .type = SLV_QUEUE_TEXT, .delay_s = -1},
    };

    CHECK(open_at("order", &q, &err) == SLV_OK);
    CHECK(slv_queue_send(q, list, 3, 5000, &before, &err) == SLV_OK);
    CHECK_INT(before.count, 0);
    CHECK_INT(before.oldest_ms, 0);
    CHECK(send_text(q, "last", -1, 5001) == SLV_OK);
    CHECK(take(q, 5000, 10, &b) == SLV_OK);
    CHECK_INT(b.messages.len, 3);
    CHECK_STR(b.messages.items[0].body, SLV_STR("{\"a\":1}"));
    CHECK_STR(b.messages.items[1].body, SLV_STR("\0\1\2"));
    CHECK_STR(b.messages.items[2].body, SLV_STR(""));
    CHECK_INT(b.messages.items[1].type, SLV_QUEUE_BYTES);
    CHECK_INT(b.messages.items[0].timestamp_ms, 5000);
    CHECK_INT(b.messages.items[0].attempts, 0);
    CHECK_INT(strlen(b.messages.items[0].id), 32);
    CHECK(strcmp(b.messages.items[0].id, b.messages.items[1].id) != 0);
    CHECK_INT(b.next_ms, 5001);
    CHECK_INT(b.left.count, 1);
    CHECK_INT(b.left.bytes, 4);
    CHECK_INT(b.left.oldest_ms, 5001);
}

TEST(a_batch_waits_until_it_is_full_or_its_time_is_over)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    slv_queue_take_options o = {.now_ms = 2000, .max = 3, .partial_ms = 999, .count_max = 10};
    slv_err err;

    CHECK(open_at("partial", &q, &err) == SLV_OK);
    for (int i = 0; i < 2; i++)
        CHECK(send_text(q, "x", -1, 1000 + i) == SLV_OK);
    {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0};

        CHECK(slv_queue_take(q, &o, &b, &err) == SLV_OK);
        CHECK_INT(b.messages.len, 0);
        CHECK_INT(b.due, 2);
        CHECK_INT(b.first_ms, 1000);
    }
    {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0};

        o.partial_ms = 1000; /* at its time */
        CHECK(slv_queue_take(q, &o, &b, &err) == SLV_OK);
        CHECK_INT(b.messages.len, 2);
    }
    CHECK(send_text(q, "x", -1, 1002) == SLV_OK);
    CHECK(send_text(q, "x", -1, 1003) == SLV_OK);
    {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0};

        o.partial_ms = 0; /* full */
        CHECK(slv_queue_take(q, &o, &b, &err) == SLV_OK);
        CHECK_INT(b.messages.len, 3);
        CHECK_INT(b.due, 4);
    }
}

TEST(delays_and_the_queues_own_delay)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0};
    slv_queue_settings s;
    slv_err err;

    CHECK(open_at("delays", &q, &err) == SLV_OK);
    CHECK(slv_queue_get_settings(q, &s, &err) == SLV_OK);
    s.delay_s = 7;
    CHECK(slv_queue_set_settings(q, &s, 1, &err) == SLV_OK);
    CHECK(send_text(q, "own", -1, 1000) == SLV_OK);
    CHECK(send_text(q, "none", 0, 1000) == SLV_OK);
    CHECK(send_text(q, "longest", SLV_QUEUE_DELAY_MAX, 1000) == SLV_OK);
    CHECK(send_text(q, "too long", SLV_QUEUE_DELAY_MAX + 1, 1000) == SLV_E_INVAL);
    CHECK(send_text(q, "negative", -2, 1000) == SLV_E_INVAL);
    CHECK(take(q, 7999, 10, &b) == SLV_OK);
    CHECK_INT(b.messages.len, 1);
    CHECK_STR(b.messages.items[0].body, SLV_STR("none"));
    CHECK_INT(b.next_ms, 8000);
}

TEST(limits_at_the_limit_and_one_past_it)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    SLV_CLEANUP(slv_charp_free) char *big = slv_alloc0(SLV_QUEUE_MESSAGE_MAX + 1);
    slv_queue_new list[SLV_QUEUE_BATCH_MAX + 1];
    slv_err err;

    CHECK(open_at("limits", &q, &err) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(list); i++)
        list[i] = text("x");
    list[0].body = slv_str_make(big, SLV_QUEUE_MESSAGE_MAX);
    CHECK(slv_queue_send(q, list, 1, 1, NULL, &err) == SLV_OK);
    list[0].body.len++;
    CHECK(slv_queue_send(q, list, 1, 1, NULL, &err) == SLV_E_LIMIT);
    CHECK_STR(slv_str_from(err.message),
              SLV_STR("message length of 128001 bytes exceeds limit of 128000"));
    CHECK(slv_queue_send(q, list, 2, 1, NULL, &err) == SLV_E_LIMIT);
    list[0] = text("x");
    CHECK(slv_queue_send(q, list, SLV_QUEUE_BATCH_MAX, 1, NULL, &err) == SLV_OK);
    CHECK(slv_queue_send(q, list, SLV_QUEUE_BATCH_MAX + 1, 1, NULL, &err) == SLV_E_LIMIT);
    CHECK_STR(slv_str_from(err.message),
              SLV_STR("batch message count of 101 exceeds limit of 100"));
    CHECK(slv_queue_send(q, list, 0, 1, NULL, &err) == SLV_E_INVAL);
    for (int i = 0; i < 3; i++)
        list[i].body = slv_str_make(big, SLV_QUEUE_BATCH_BYTES_MAX / 3);
    CHECK(slv_queue_send(q, list, 3, 1, NULL, &err) == SLV_OK);
    list[0].body.len++;
    CHECK(slv_queue_send(q, list, 3, 1, NULL, &err) == SLV_E_LIMIT);
    for (int i = 0; i < 3; i++) {
        slv_queue_settings s;
        static const int64_t good[] = {SLV_QUEUE_RETENTION_MIN, SLV_QUEUE_RETENTION_MAX, 3600};
        static const int64_t bad[] = {SLV_QUEUE_RETENTION_MIN - 1, SLV_QUEUE_RETENTION_MAX + 1, -1};

        CHECK(slv_queue_get_settings(q, &s, &err) == SLV_OK);
        s.retention_s = good[i];
        CHECK(slv_queue_set_settings(q, &s, 1, &err) == SLV_OK);
        s.retention_s = bad[i];
        CHECK(slv_queue_set_settings(q, &s, 1, &err) == SLV_E_INVAL);
    }
    CHECK(slv_queue_name_valid(SLV_STR("a-1")));
    CHECK(!slv_queue_name_valid(SLV_STR("-a")));
    CHECK(!slv_queue_name_valid(SLV_STR("A")));
    CHECK(!slv_queue_name_valid(SLV_STR("")));
    memset(big, 'a', 64);
    CHECK(slv_queue_name_valid(slv_str_make(big, SLV_QUEUE_NAME_MAX)));
    CHECK(!slv_queue_name_valid(slv_str_make(big, SLV_QUEUE_NAME_MAX + 1)));
}

TEST(a_moved_message_keeps_its_id_and_time)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *from = NULL, *to = NULL;
    SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch a = {0}, b = {0};
    slv_err err;

    CHECK(open_at("move-from", &from, &err) == SLV_OK);
    CHECK(open_at("move-to", &to, &err) == SLV_OK);
    CHECK(send_text(from, "m", -1, 1234) == SLV_OK);
    CHECK(take(from, 2000, 1, &a) == SLV_OK);
    CHECK_INT(a.messages.len, 1);
    slv_queue_new m = {.body = a.messages.items[0].body,
                       .type = a.messages.items[0].type,
                       .delay_s = 0,
                       .id = slv_str_from(a.messages.items[0].id),
                       .timestamp_ms = a.messages.items[0].timestamp_ms};
    CHECK(slv_queue_send(to, &m, 1, 9000, NULL, &err) == SLV_OK);
    CHECK(take(to, 9000, 1, &b) == SLV_OK);
    CHECK_INT(b.messages.len, 1);
    CHECK_STR(slv_str_from(b.messages.items[0].id), slv_str_from(a.messages.items[0].id));
    CHECK_INT(b.messages.items[0].timestamp_ms, 1234);
    CHECK_INT(b.messages.items[0].attempts, 0);
    m.id = SLV_STR("zz");
    CHECK(slv_queue_send(to, &m, 1, 9000, NULL, &err) == SLV_E_INVAL);
}

TEST(a_lease_hides_a_message_for_its_time_and_counts_until_the_next_one)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    slv_queue_pull_options o = {.now_ms = 1000, .lease_ms = 500, .max = 5};
    char first[SLV_QUEUE_LEASE_LEN + 1];
    slv_queue_metrics left;
    slv_err err;

    CHECK(open_at("lease", &q, &err) == SLV_OK);
    CHECK(send_text(q, "m", -1, 1000) == SLV_OK);
    {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0}, dead = {0};

        CHECK(slv_queue_pull(q, &o, &b, &dead, &err) == SLV_OK);
        CHECK_INT(b.messages.len, 1);
        CHECK_INT(b.messages.items[0].attempts, 1);
        memcpy(first, b.messages.items[0].lease, sizeof first);
        CHECK_INT(strlen(first), SLV_QUEUE_LEASE_LEN);
    }
    o.now_ms = 1499;
    {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0}, dead = {0};

        CHECK(slv_queue_pull(q, &o, &b, &dead, &err) == SLV_OK);
        CHECK_INT(b.messages.len, 0);
    }
    /* the file is closed: leases are in it */
    q = slv_queue_free(q);
    CHECK(open_at("lease", &q, &err) == SLV_OK);
    o.now_ms = 1500;
    {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0}, dead = {0};

        CHECK(slv_queue_pull(q, &o, &b, &dead, &err) == SLV_OK);
        CHECK_INT(b.messages.len, 1);
        CHECK_INT(b.messages.items[0].attempts, 2);
        CHECK(slv_queue_settle(q, slv_str_from(first), true, 0, &err) == SLV_E_NOTFOUND);
        /* late, and still the message's last lease */
        CHECK(slv_queue_settle(q, slv_str_from(b.messages.items[0].lease), true, 0, &err) ==
              SLV_OK);
        CHECK(slv_queue_settle(q, slv_str_from(b.messages.items[0].lease), true, 0, &err) ==
              SLV_E_NOTFOUND);
    }
    CHECK(slv_queue_get_metrics(q, &left, &err) == SLV_OK);
    CHECK_INT(left.count, 0);
    CHECK_INT(left.bytes, 0);
    CHECK(slv_queue_settle(q, SLV_STR("nonsense"), true, 0, &err) == SLV_E_NOTFOUND);
}

TEST(a_pulled_message_dies_after_its_last_delivery)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    slv_queue_pull_options o = {.lease_ms = 10, .max = 5, .attempts_max = 3};
    slv_err err;

    CHECK(open_at("dead", &q, &err) == SLV_OK);
    CHECK(send_text(q, "m", -1, 0) == SLV_OK);
    for (int i = 0; i < 4; i++) {
        SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0}, dead = {0};

        o.now_ms = i * 100;
        CHECK(slv_queue_pull(q, &o, &b, &dead, &err) == SLV_OK);
        CHECK_INT(b.messages.len, i < 3);
        CHECK_INT(dead.messages.len, i == 3);
    }
}

TEST(retention_takes_the_old_and_leaves_the_rest)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    slv_queue_settings s;
    slv_queue_metrics m;
    int64_t next;
    slv_err err;

    CHECK(open_at("retention", &q, &err) == SLV_OK);
    CHECK(slv_queue_get_settings(q, &s, &err) == SLV_OK);
    s.retention_s = 60;
    CHECK(slv_queue_set_settings(q, &s, 1, &err) == SLV_OK);
    CHECK(send_text(q, "old", -1, 1000) == SLV_OK);
    CHECK(send_text(q, "young", -1, 2000) == SLV_OK);
    CHECK(slv_queue_sweep(q, 60999, &next, &err) == SLV_OK);
    CHECK_INT(next, 61000);
    CHECK(slv_queue_sweep(q, 61000, &next, &err) == SLV_OK);
    CHECK_INT(next, 62000);
    CHECK(slv_queue_get_metrics(q, &m, &err) == SLV_OK);
    CHECK_INT(m.count, 1);
    CHECK_INT(m.bytes, 5);
    CHECK_INT(m.oldest_ms, 2000);
    CHECK(slv_queue_purge(q, &err) == SLV_OK);
    CHECK(slv_queue_get_metrics(q, &m, &err) == SLV_OK);
    CHECK_INT(m.count, 0);
    CHECK(slv_queue_sweep(q, 99999, &next, &err) == SLV_OK);
    CHECK_INT(next, 0);
}

TEST(settings_and_consumer_are_kept)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1000);
    slv_queue_settings s, again;
    slv_err err;

    CHECK(open_at("settings", &q, &err) == SLV_OK);
    CHECK(slv_queue_get_settings(q, &s, &err) == SLV_OK);
    CHECK_INT(s.retention_s, SLV_QUEUE_RETENTION);
    s.paused = true;
    s.declared = true;
    CHECK(slv_queue_set_settings(q, &s, 100, &err) == SLV_OK);
    CHECK(slv_queue_set_consumer(q, SLV_STR("{\"type\":\"http_pull\"}"), 100, &err) == SLV_OK);
    q = slv_queue_free(q);
    CHECK(open_at("settings", &q, &err) == SLV_OK);
    CHECK(slv_queue_get_settings(q, &s, &err) == SLV_OK);
    CHECK(s.paused && s.declared);
    CHECK_INT(s.created_ms, 100);
    CHECK_INT(strlen(s.id), 32);
    CHECK(slv_queue_set_settings(q, &s, 200, &err) == SLV_OK);
    CHECK(slv_queue_get_settings(q, &again, &err) == SLV_OK);
    CHECK_INT(again.created_ms, 100);
    CHECK_INT(again.modified_ms, 200);
    CHECK_STR(slv_str_from(again.id), slv_str_from(s.id));
    CHECK(slv_queue_get_consumer(q, &json, &err) == SLV_OK);
    CHECK_STR(slv_buf_view(&json), SLV_STR("{\"type\":\"http_pull\"}"));
    CHECK(slv_queue_set_consumer(q, SLV_STR(""), 100, &err) == SLV_OK);
    CHECK(slv_queue_get_consumer(q, &json, &err) == SLV_OK);
    CHECK_INT(json.len, 0);
}

/* ---- against a model ---- */

#define MODEL_MAX 400

typedef struct model_message {
    int64_t due, order;
    uint32_t attempts;
    int body;
    bool there, busy;
} model_message;

typedef struct model {
    model_message m[MODEL_MAX];
    int count;
    int64_t order;
} model;

/* The messages that a take must give, in order. */
static size_t model_due(model *md, int64_t now, size_t max, int *out)
{
    size_t n = 0;

    for (;;) {
        int best = -1;

        for (int i = 0; i < md->count; i++) {
            model_message *m = &md->m[i];
            bool taken = false;

            for (size_t k = 0; k < n; k++)
                taken = taken || out[k] == i;
            if (!m->there || m->busy || m->due > now || taken)
                continue;
            if (best < 0 || m->due < md->m[best].due ||
                (m->due == md->m[best].due && m->order < md->m[best].order))
                best = i;
        }
        if (best < 0 || n == max)
            return n;
        out[n++] = best;
    }
}

static bool model_step(slv_queue *q, model *md, slv_prng *r, int64_t now)
{
    int64_t busy[MODEL_MAX], seqs[SLV_QUEUE_BATCH_MAX];
    size_t busy_count = 0, n;
    int want[SLV_QUEUE_BATCH_MAX];
    char body[16];
    slv_err err = {0};

    if (slv_prng_below(r, 2) && md->count < MODEL_MAX) {
        int64_t delay = slv_prng_below(r, 3) ? 0 : (int64_t)slv_prng_below(r, 4);

        snprintf(body, sizeof body, "%d", md->count);
        if (send_text(q, body, delay, now) != SLV_OK)
            return false;
        md->m[md->count] = (model_message){
            .due = now + delay * 1000, .order = md->order++, .body = md->count, .there = true};
        md->count++;
    }
    /* seq is the place in the model, counted from 1 */
    for (int i = 0; i < md->count; i++)
        if (md->m[i].there && md->m[i].busy)
            busy[busy_count++] = i + 1;
    const slv_queue_take_options o = {.now_ms = now,
                                      .max = 1 + slv_prng_below(r, 6),
                                      .partial_ms = now,
                                      .busy = busy,
                                      .busy_count = busy_count};
    SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch b = {0};
    n = model_due(md, now, o.max, want);
    if (slv_queue_take(q, &o, &b, &err) != SLV_OK || b.messages.len != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        model_message *m = &md->m[want[i]];

        snprintf(body, sizeof body, "%d", m->body);
        if (!slv_str_is(b.messages.items[i].body, body) ||
            b.messages.items[i].attempts != m->attempts || b.messages.items[i].seq != want[i] + 1)
            return false;
        seqs[0] = b.messages.items[i].seq;
        switch (slv_prng_below(r, 4)) {
        case 0:
            m->there = false;
            if (slv_queue_remove(q, seqs, 1, &err) != SLV_OK)
                return false;
            break;
        case 1:
            m->attempts++;
            m->due = now + 1000;
            if (slv_queue_retry(q, seqs[0], m->due, &err) != SLV_OK)
                return false;
            break;
        case 2:
            m->busy = true;
            break;
        default:
            break; /* forgotten, as in a crash: it comes again */
        }
    }
    if (slv_prng_below(r, 8) == 0)
        for (int i = 0; i < md->count; i++)
            md->m[i].busy = false;
    return true;
}

TEST(any_sequence_of_calls_gives_what_a_model_gives)
{
    uint64_t seed = tap_seed();
    slv_prng r;

    slv_prng_seed(&r, seed);
    for (int run = 0; run < 8; run++) {
        SLV_CLEANUP(slv_queue_free) slv_queue *q = NULL;
        SLV_CLEANUP(slv_free) void *md = slv_alloc0(sizeof(model));
        slv_queue_metrics totals;
        uint64_t count = 0;
        int64_t now = 1000;
        char name[32];
        slv_err err;

        snprintf(name, sizeof name, "model-%d", run);
        CHECK(open_at(name, &q, &err) == SLV_OK);
        for (int i = 0; i < 300; i++) {
            now += (int64_t)slv_prng_below(&r, 600);
            CHECK(slv_db_begin(slv_queue_db(q), &err) == SLV_OK);
            CHECK(model_step(q, md, &r, now));
            CHECK(slv_db_commit(slv_queue_db(q), &err) == SLV_OK);
            if (slv_prng_below(&r, 40) == 0) {
                q = slv_queue_free(q);
                CHECK(open_at(name, &q, &err) == SLV_OK);
            }
        }
        for (int i = 0; i < ((model *)md)->count; i++)
            count += ((model *)md)->m[i].there;
        CHECK(slv_queue_get_metrics(q, &totals, &err) == SLV_OK);
        CHECK_INT(totals.count, count);
    }
}

TAP_MAIN()
