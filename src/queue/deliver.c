/* What goes out: batches for consumers in workers, leases for those that pull, and the end of
 * messages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "queue/queue_int.h"

#define SWEEP_PIECE 500
#define LEASE_BYTES 16

static const char due_sql[] =
    "SELECT seq,due,id,ts,type,attempts,body FROM messages WHERE due<=?1 ORDER BY due,seq";
static const char due_seq_sql[] = "SELECT seq,due FROM messages WHERE due<=?1 ORDER BY due,seq";
static const char next_sql[] = "SELECT due FROM messages WHERE due>?1 ORDER BY due LIMIT 1";
static const char one_sql[] = "SELECT seq,due,id,ts,type,attempts,body FROM messages WHERE seq=?1";
static const char remove_sql[] = "DELETE FROM messages WHERE seq=?1 RETURNING size";
static const char retry_sql[] =
    "UPDATE messages SET attempts=attempts+1,due=?2,lease=NULL WHERE seq=?1";
static const char lease_sql[] =
    "UPDATE messages SET attempts=attempts+1,due=?2,lease=?3 WHERE seq=?1";
static const char release_sql[] = "UPDATE messages SET due=?2,lease=NULL WHERE seq=?1";
static const char lease_of_sql[] = "SELECT lease FROM messages WHERE seq=?1";
static const char purge_sql[] = "DELETE FROM messages";
static const char purge_totals_sql[] = "UPDATE totals SET count=0,bytes=0 WHERE one=1";
static const char old_sql[] = "SELECT seq,sent FROM messages ORDER BY seq LIMIT 500";

void slv_queue_batch_done(slv_queue_batch *b)
{
    slv_vec_done(&b->messages);
    slv_buf_done(&b->bodies);
}

static void batch_init(slv_queue_batch *b)
{
    *b = (slv_queue_batch){.bodies = SLV_BUF(SLV_QUEUE_BATCH_MAX * SLV_QUEUE_MESSAGE_MAX)};
}

static void put_hex(char *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + i * 2, 3, "%02x", bytes[i]);
}

/* A row of due_sql or one_sql. Bodies are views once all are there (they may move). */
static slv_code add_row(slv_queue_batch *b, sqlite3_stmt *st)
{
    slv_str id = slv_stmt_str(st, 2), body = slv_stmt_str(st, 6);
    slv_queue_message m = {
        .seq = slv_stmt_int(st, 0),
        .timestamp_ms = slv_stmt_int(st, 3),
        .type = (slv_queue_type)slv_stmt_int(st, 4),
        .attempts = (uint32_t)slv_stmt_int(st, 5),
        .body = {NULL, body.len},
    };

    if (id.len == SLV_QUEUE_ID_LEN / 2)
        put_hex(m.id, (const unsigned char *)id.ptr, id.len);
    SLV_TRY(slv_buf_append(&b->bodies, body));
    slv_vec_push(&b->messages, m);
    return SLV_OK;
}

static void place_bodies(slv_queue_batch *b)
{
    const char *at = b->bodies.ptr;

    for (size_t i = 0; i < b->messages.len; i++) {
        b->messages.items[i].body.ptr = at ? at : "";
        at += b->messages.items[i].body.len;
    }
}

/* ---- push ---- */

static slv_code find_next(slv_queue *q, int64_t now_ms, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    *ret = 0;
    SLV_TRY(slv_db_stmt(q->db, next_sql, &st, err));
    slv_stmt_bind_int(st, 1, now_ms);
    code = slv_stmt_step(q->db, st, err);
    if (code == SLV_OK)
        *ret = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code count_due(slv_queue *q, const slv_queue_take_options *o, slv_queue_batch *b,
                          slv_err *err)
{
    size_t most = SLV_MAX(o->count_max, o->max);
    sqlite3_stmt *st = NULL;
    slv_code code = SLV_OK;

    SLV_TRY(slv_db_stmt(q->db, due_seq_sql, &st, err));
    slv_stmt_bind_int(st, 1, o->now_ms);
    while (b->due < most && (code = slv_stmt_step(q->db, st, err)) == SLV_OK) {
        if (slv_queue_has_(o->busy, o->busy_count, slv_stmt_int(st, 0)))
            continue;
        if (b->due++ == 0)
            b->first_ms = slv_stmt_int(st, 1);
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code read_due(slv_queue *q, const slv_queue_take_options *o, slv_queue_batch *b,
                         slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code = SLV_OK;

    SLV_TRY(slv_db_stmt(q->db, due_sql, &st, err));
    slv_stmt_bind_int(st, 1, o->now_ms);
    while (b->messages.len < o->max && (code = slv_stmt_step(q->db, st, err)) == SLV_OK) {
        if (slv_queue_has_(o->busy, o->busy_count, slv_stmt_int(st, 0)))
            continue;
        code = add_row(b, st);
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    place_bodies(b);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static int by_seq(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* What waits beside the messages of the batch. */
static slv_code count_left(slv_queue *q, const slv_queue_take_options *o, slv_queue_batch *b,
                           slv_err *err)
{
    int64_t given[SLV_QUEUE_BATCH_MAX];

    SLV_TRY(slv_queue_totals_(q, &b->left, NULL, err));
    for (size_t i = 0; i < b->messages.len; i++) {
        given[i] = b->messages.items[i].seq;
        b->left.count--;
        b->left.bytes -= b->messages.items[i].body.len;
    }
    qsort(given, b->messages.len, sizeof given[0], by_seq);
    return slv_queue_oldest_(q, given, b->messages.len, o->busy, o->busy_count, &b->left.oldest_ms,
                             err);
}

slv_code slv_queue_take(slv_queue *q, const slv_queue_take_options *options, slv_queue_batch *ret,
                        slv_err *err)
{
    slv_queue_take_options o = *options;

    batch_init(ret);
    o.max = SLV_MIN(o.max, SLV_QUEUE_BATCH_MAX);
    SLV_TRY(count_due(q, &o, ret, err));
    if (ret->due < o.max)
        SLV_TRY(find_next(q, o.now_ms, &ret->next_ms, err));
    if (ret->due > 0 && (ret->due >= o.max || ret->first_ms <= o.partial_ms))
        SLV_TRY(read_due(q, &o, ret, err));
    return count_left(q, &o, ret, err);
}

slv_code slv_queue_read(slv_queue *q, const int64_t *seqs, size_t count, slv_queue_batch *ret,
                        slv_err *err)
{
    sqlite3_stmt *st = NULL;

    batch_init(ret);
    SLV_TRY(slv_db_stmt(q->db, one_sql, &st, err));
    for (size_t i = 0; i < count; i++) {
        slv_code code;

        slv_stmt_bind_int(st, 1, seqs[i]);
        code = slv_stmt_step(q->db, st, err);
        if (code == SLV_OK)
            code = add_row(ret, st);
        slv_stmt_done(st);
        if (code != SLV_OK && code != SLV_E_NOTFOUND)
            return code;
    }
    place_bodies(ret);
    return SLV_OK;
}

slv_code slv_queue_remove(slv_queue *q, const int64_t *seqs, size_t count, slv_err *err)
{
    int64_t gone = 0, bytes = 0;
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(q->db, remove_sql, &st, err));
    for (size_t i = 0; i < count; i++) {
        slv_code code;

        slv_stmt_bind_int(st, 1, seqs[i]);
        while ((code = slv_stmt_step(q->db, st, err)) == SLV_OK) {
            gone++;
            bytes += slv_stmt_int(st, 0);
        }
        slv_stmt_done(st);
        if (code != SLV_E_NOTFOUND)
            return code;
    }
    return slv_queue_add_totals_(q, -gone, -bytes, err);
}

slv_code slv_queue_retry(slv_queue *q, int64_t seq, int64_t due_ms, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(q->db, retry_sql, &st, err));
    slv_stmt_bind_int(st, 1, seq);
    slv_stmt_bind_int(st, 2, due_ms);
    return slv_stmt_run(q->db, st, err);
}

/* ---- pull ---- */

/* 16 digits of the message's number, 32 of the lease's own randomness. */
static slv_code grant(slv_queue *q, slv_queue_message *m, int64_t until_ms, slv_err *err)
{
    unsigned char bytes[LEASE_BYTES];
    sqlite3_stmt *st = NULL;

    slv_rand_bytes(bytes, sizeof bytes);
    snprintf(m->lease, sizeof m->lease, "%016" PRIx64, (uint64_t)m->seq);
    put_hex(m->lease + 16, bytes, sizeof bytes);
    SLV_TRY(slv_db_stmt(q->db, lease_sql, &st, err));
    slv_stmt_bind_int(st, 1, m->seq);
    slv_stmt_bind_int(st, 2, until_ms);
    slv_stmt_bind_blob(st, 3, slv_str_make(bytes, sizeof bytes));
    m->attempts++;
    return slv_stmt_run(q->db, st, err);
}

slv_code slv_queue_pull(slv_queue *q, const slv_queue_pull_options *options, slv_queue_batch *ret,
                        slv_queue_batch *ret_dead, slv_err *err)
{
    const slv_queue_take_options any = {.now_ms = options->now_ms};
    sqlite3_stmt *st = NULL;
    slv_code code = SLV_OK;

    batch_init(ret);
    batch_init(ret_dead);
    SLV_TRY(slv_db_stmt(q->db, due_sql, &st, err));
    slv_stmt_bind_int(st, 1, options->now_ms);
    while (ret->messages.len < SLV_MIN(options->max, SLV_QUEUE_BATCH_MAX) &&
           ret_dead->messages.len < SLV_QUEUE_BATCH_MAX &&
           (code = slv_stmt_step(q->db, st, err)) == SLV_OK) {
        bool dead = options->attempts_max > 0 && slv_stmt_int(st, 5) >= options->attempts_max;

        code = add_row(dead ? ret_dead : ret, st);
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    place_bodies(ret);
    place_bodies(ret_dead);
    for (size_t i = 0; i < ret->messages.len; i++)
        SLV_TRY(grant(q, &ret->messages.items[i], options->now_ms + options->lease_ms, err));
    return count_left(q, &any, ret, err);
}

static slv_code parse_lease(slv_str lease, int64_t *ret_seq,
                            unsigned char bytes[static LEASE_BYTES])
{
    uint64_t seq;

    if (lease.len != SLV_QUEUE_LEASE_LEN ||
        slv_parse_hex_u64(slv_str_sub(lease, 0, 16), &seq) != SLV_OK)
        return SLV_E_NOTFOUND;
    for (size_t i = 0; i < LEASE_BYTES; i++) {
        int high = slv_hex_value(lease.ptr[16 + i * 2]), low = slv_hex_value(lease.ptr[17 + i * 2]);

        if (high < 0 || low < 0)
            return SLV_E_NOTFOUND;
        bytes[i] = (unsigned char)(high * 16 + low);
    }
    *ret_seq = (int64_t)seq;
    return SLV_OK;
}

static slv_code holds_lease(slv_queue *q, int64_t seq, slv_str lease, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(q->db, lease_of_sql, &st, err));
    slv_stmt_bind_int(st, 1, seq);
    code = slv_stmt_step(q->db, st, err);
    if (code == SLV_OK && !slv_str_eq(slv_stmt_str(st, 0), lease))
        code = SLV_E_NOTFOUND;
    slv_stmt_done(st);
    return code;
}

slv_code slv_queue_settle(slv_queue *q, slv_str lease, bool ack, int64_t due_ms, slv_err *err)
{
    unsigned char bytes[LEASE_BYTES];
    sqlite3_stmt *st = NULL;
    int64_t seq = 0;

    if (parse_lease(lease, &seq, bytes) != SLV_OK)
        return slv_fail(err, SLV_E_NOTFOUND, "%.*s is no lease", SLV_STR_ARGS(lease));
    SLV_TRY(holds_lease(q, seq, slv_str_make(bytes, sizeof bytes), err));
    if (ack)
        return slv_queue_remove(q, &seq, 1, err);
    SLV_TRY(slv_db_stmt(q->db, release_sql, &st, err));
    slv_stmt_bind_int(st, 1, seq);
    slv_stmt_bind_int(st, 2, due_ms);
    return slv_stmt_run(q->db, st, err);
}

/* ---- the end ---- */

slv_code slv_queue_purge(slv_queue *q, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(q->db, purge_sql, &st, err));
    SLV_TRY(slv_stmt_run(q->db, st, err));
    SLV_TRY(slv_db_stmt(q->db, purge_totals_sql, &st, err));
    return slv_stmt_run(q->db, st, err);
}

slv_code slv_queue_sweep(slv_queue *q, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    int64_t old[SWEEP_PIECE], retention = 0;
    sqlite3_stmt *st = NULL;
    size_t count = 0;
    slv_code code;

    *ret_next_ms = 0;
    SLV_TRY(slv_queue_retention_(q, &retention, err));
    SLV_TRY(slv_db_stmt(q->db, old_sql, &st, err));
    while ((code = slv_stmt_step(q->db, st, err)) == SLV_OK) {
        if (slv_stmt_int(st, 1) + retention > now_ms) {
            *ret_next_ms = slv_stmt_int(st, 1) + retention;
            break;
        }
        old[count++] = slv_stmt_int(st, 0);
    }
    slv_stmt_done(st);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    if (count == SWEEP_PIECE)
        *ret_next_ms = now_ms;
    return slv_queue_remove(q, old, count, err);
}
