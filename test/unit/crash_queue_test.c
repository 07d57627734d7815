/* A queue over kill -9, a failing disk, a full disk and power cuts: what was sent waits, what was
 * acknowledged is gone, what is tried again counts it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "queue/queue.h"
#include "state/kinds.h"
#include "support/crash.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)
#define KEPT 8u /* messages of one actor that wait: those of all fit one batch */
#define BODY_MAX ((size_t)4096)
#define LEN_OF_HEAD ((size_t)16)

/* Change n of an actor: message n is sent, the one before it tried again, the one KEPT before it
 * acknowledged. */
typedef struct waiting {
    int64_t seq;
    uint64_t n;
    uint32_t attempts;
    bool whole;
} waiting;

static size_t size_of(uint64_t n)
{
    return LEN_OF_HEAD + (size_t)(n * 7919 % (BODY_MAX - LEN_OF_HEAD));
}

/* Who and what number, then bytes that follow from both. */
static void fill(uint64_t actor, uint64_t n, char *out)
{
    memcpy(out, &actor, 8);
    memcpy(out + 8, &n, 8);
    for (size_t i = LEN_OF_HEAD; i < size_of(n); i++)
        out[i] = (char)(n * 31 + actor * 7 + i);
}

/* The actor's messages that wait, by number; ret has room for KEPT + 2. More is a failure. */
static slv_code look(slv_queue *q, unsigned actor, waiting *ret, size_t *ret_count, slv_err *err)
{
    SLV_CLEANUP(slv_queue_batch_done) slv_queue_batch batch = {0};
    const slv_queue_take_options options = {
        .now_ms = NOW + 1000, .max = 100, .partial_ms = NOW + 1000, .count_max = 100};
    char want[BODY_MAX];
    size_t count = 0;

    SLV_TRY(slv_queue_take(q, &options, &batch, err));
    for (size_t i = 0; i < batch.messages.len; i++) {
        const slv_queue_message *m = &batch.messages.items[i];
        waiting w = {.seq = m->seq, .attempts = m->attempts};
        uint64_t who;

        if (m->body.len < LEN_OF_HEAD)
            return slv_fail(err, SLV_E_STATE, "a message of %zu bytes", m->body.len);
        memcpy(&who, m->body.ptr, 8);
        memcpy(&w.n, m->body.ptr + 8, 8);
        if (who != actor)
            continue;
        if (count == KEPT + 2)
            return slv_fail(err, SLV_E_STATE, "actor %u has too many messages", actor);
        fill(actor, w.n, want);
        w.whole = m->body.len == size_of(w.n) && memcmp(m->body.ptr, want, m->body.len) == 0;
        ret[count++] = w;
    }
    *ret_count = count;
    return SLV_OK;
}

static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    waiting all[KEPT + 2];
    char body[BODY_MAX];
    size_t count;

    SLV_TRY(look(service, actor, all, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (all[i].n == n || all[i].n + KEPT <= n)
            SLV_TRY(slv_queue_remove(service, &all[i].seq, 1, err));
        else if (all[i].n + 1 == n)
            SLV_TRY(slv_queue_retry(service, all[i].seq, NOW, err));
    }
    fill(actor, n, body);
    const slv_queue_new m = {
        .body = slv_str_make(body, size_of(n)), .type = SLV_QUEUE_BYTES, .delay_s = -1};
    return slv_queue_send(service, &m, 1, NOW, NULL, err);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const waiting *)a)->n, y = ((const waiting *)b)->n;

    return x < y ? -1 : x > y;
}

static slv_code verify(void *service, unsigned actor, uint64_t acked, uint64_t asked, slv_err *err)
{
    waiting all[KEPT + 2];
    size_t count;

    SLV_TRY(look(service, actor, all, &count, err));
    qsort(all, count, sizeof all[0], by_number);
    uint64_t last = count > 0 ? all[count - 1].n : 0;
    if (last < acked || last > asked || count != SLV_MIN(last, (uint64_t)KEPT))
        return slv_fail(err, SLV_E_STATE,
                        "actor %u has %zu messages up to %" PRIu64 "; %" PRIu64
                        " was acknowledged, %" PRIu64 " asked for",
                        actor, count, last, acked, asked);
    for (size_t i = 0; i < count; i++) {
        const waiting *w = &all[i];

        if (w->n != last - count + 1 + i)
            return slv_fail(err, SLV_E_STATE, "actor %u: message %" PRIu64 " is out of the row",
                            actor, w->n);
        if (!w->whole || (w->n == last) != (w->attempts == 0))
            return slv_fail(err, SLV_E_STATE,
                            "actor %u: message %" PRIu64 " is %s, with %u attempts", actor, w->n,
                            w->whole ? "whole" : "not whole", w->attempts);
    }
    return SLV_OK;
}

/* The figures that are kept beside the messages are theirs. */
static slv_code check(void *service, slv_err *err)
{
    slv_queue_metrics metrics;
    uint64_t count = 0, bytes = 0;

    SLV_TRY(slv_queue_get_metrics(service, &metrics, err));
    for (unsigned actor = 0; actor < CRASH_ACTORS; actor++) {
        waiting all[KEPT + 2];
        size_t n;

        SLV_TRY(look(service, actor, all, &n, err));
        count += n;
        for (size_t i = 0; i < n; i++)
            bytes += size_of(all[i].n);
    }
    if (metrics.count != count || metrics.bytes != bytes)
        return slv_fail(err, SLV_E_STATE,
                        "%" PRIu64 " messages of %" PRIu64 " bytes wait; the figures say %" PRIu64
                        " and %" PRIu64,
                        count, bytes, metrics.count, metrics.bytes);
    return SLV_OK;
}

static const crash_service queue = {.type = &slv_queue_store,
                                    .kind = SLV_CALL_WRITE,
                                    .apply = apply,
                                    .verify = verify,
                                    .check = check};
CRASH_TESTS(queue, &queue)
TAP_MAIN()
