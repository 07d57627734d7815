/* The file of a queue, and what comes in. */
#include "queue/queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "queue/queue_int.h"

#define APPLICATION_ID 0x73715145u /* "sqQE" */

static const char *const steps[] = {
    "CREATE TABLE messages(seq INTEGER PRIMARY KEY, due INTEGER NOT NULL, id BLOB NOT NULL,"
    " ts INTEGER NOT NULL, sent INTEGER NOT NULL, type INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, size INTEGER NOT NULL, lease BLOB, body BLOB NOT NULL) STRICT;"
    "CREATE INDEX messages_due ON messages(due);"
    "CREATE TABLE totals(one INTEGER PRIMARY KEY CHECK(one=1), count INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, next INTEGER NOT NULL) STRICT;"
    "INSERT INTO totals VALUES(1,0,0,1);"
    "CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;",
};
static const slv_db_schema schema = {APPLICATION_ID, steps, SLV_ARRAY_LEN(steps)};

static const char totals_sql[] = "SELECT count,bytes,next FROM totals WHERE one=1";
static const char add_sql[] = "UPDATE totals SET count=count+?1,bytes=bytes+?2 WHERE one=1";
static const char grow_sql[] =
    "UPDATE totals SET count=count+?1,bytes=bytes+?2,next=next+?1 WHERE one=1";
static const char insert_sql[] =
    "INSERT INTO messages(seq,due,id,ts,sent,type,attempts,size,lease,body)"
    " VALUES(?1,?2,?3,?4,?5,?6,0,?7,NULL,?8)";
static const char arrival_sql[] = "SELECT seq,ts FROM messages ORDER BY seq";

static const char *const type_names[] = {[SLV_QUEUE_JSON] = "json",
                                         [SLV_QUEUE_TEXT] = "text",
                                         [SLV_QUEUE_BYTES] = "bytes",
                                         [SLV_QUEUE_V8] = "v8"};

const char *slv_queue_type_name(slv_queue_type type)
{
    return (size_t)type < SLV_ARRAY_LEN(type_names) ? type_names[type] : NULL;
}

bool slv_queue_type_parse(slv_str name, slv_queue_type *ret)
{
    for (int i = SLV_QUEUE_JSON; i <= SLV_QUEUE_V8; i++)
        if (slv_str_is(name, type_names[i])) {
            *ret = (slv_queue_type)i;
            return true;
        }
    return false;
}

bool slv_queue_name_valid(slv_str name)
{
    if (name.len == 0 || name.len > SLV_QUEUE_NAME_MAX || name.ptr[0] == '-' ||
        name.ptr[name.len - 1] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!(name.ptr[i] >= 'a' && name.ptr[i] <= 'z') && !slv_is_digit(name.ptr[i]) &&
            name.ptr[i] != '-')
            return false;
    return true;
}

/* ---- the file ---- */

slv_code slv_queue_open(const char *path, const slv_queue_options *options, slv_queue **ret,
                        slv_err *err)
{
    SLV_CLEANUP(slv_queue_free) slv_queue *q = slv_new0(slv_queue);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(64 << 10);
    const slv_db_options o = {
        .schema = &schema, .create = options->create, .read_only = options->read_only};

    SLV_TRY(slv_buf_printf(&file, "%s.sqlite", path));
    if (!slv_buf_cstr(&file))
        return SLV_E_NOMEM;
    SLV_TRY(slv_db_open(file.ptr, &o, &q->db, err));
    *ret = SLV_STEAL(q);
    return SLV_OK;
}

slv_queue *slv_queue_free(slv_queue *q)
{
    if (!q)
        return NULL;
    slv_db_free(q->db);
    free(q);
    return NULL;
}

slv_db *slv_queue_db(slv_queue *q)
{
    return q->db;
}

/* ---- totals ---- */

slv_code slv_queue_totals_(slv_queue *q, slv_queue_metrics *ret, int64_t *ret_next, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(q->db, totals_sql, &st, err));
    code = slv_stmt_step(q->db, st, err);
    if (code == SLV_OK) {
        *ret = (slv_queue_metrics){.count = (uint64_t)slv_stmt_int(st, 0),
                                   .bytes = (uint64_t)slv_stmt_int(st, 1)};
        if (ret_next)
            *ret_next = slv_stmt_int(st, 2);
    } else if (code == SLV_E_NOTFOUND) {
        code = slv_fail(err, SLV_E_IO, "queue: the totals are missing");
    }
    slv_stmt_done(st);
    return code;
}

slv_code slv_queue_add_totals_(slv_queue *q, int64_t count, int64_t bytes, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    if (count == 0 && bytes == 0)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(q->db, add_sql, &st, err));
    slv_stmt_bind_int(st, 1, count);
    slv_stmt_bind_int(st, 2, bytes);
    return slv_stmt_run(q->db, st, err);
}

bool slv_queue_has_(const int64_t *sorted, size_t count, int64_t seq)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (sorted[mid] == seq)
            return true;
        if (sorted[mid] < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

slv_code slv_queue_oldest_(slv_queue *q, const int64_t *a, size_t a_count, const int64_t *b,
                           size_t b_count, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    *ret = 0;
    SLV_TRY(slv_db_stmt(q->db, arrival_sql, &st, err));
    while ((code = slv_stmt_step(q->db, st, err)) == SLV_OK) {
        int64_t seq = slv_stmt_int(st, 0);

        if (slv_queue_has_(a, a_count, seq) || slv_queue_has_(b, b_count, seq))
            continue;
        *ret = slv_stmt_int(st, 1);
        break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_queue_get_metrics(slv_queue *q, slv_queue_metrics *ret, slv_err *err)
{
    slv_queue_metrics m;

    SLV_TRY(slv_queue_totals_(q, &m, NULL, err));
    SLV_TRY(slv_queue_oldest_(q, NULL, 0, NULL, 0, &m.oldest_ms, err));
    *ret = m;
    return SLV_OK;
}

/* ---- sending ---- */

static slv_code check_delay(int64_t delay_s, slv_err *err)
{
    if (delay_s >= -1 && delay_s <= SLV_QUEUE_DELAY_MAX)
        return SLV_OK;
    return slv_fail(err, SLV_E_INVAL,
                    "message delay %lld is invalid; it must be from 0 to %d seconds",
                    (long long)delay_s, SLV_QUEUE_DELAY_MAX);
}

slv_code slv_queue_check(const slv_queue_new *messages, size_t count, bool batch, slv_err *err)
{
    size_t total = 0, largest = 0;

    if (count == 0)
        return slv_fail(err, SLV_E_INVAL, "there is no message");
    for (size_t i = 0; i < count; i++) {
        total += messages[i].body.len;
        largest = SLV_MAX(largest, messages[i].body.len);
    }
    if (count > SLV_QUEUE_BATCH_MAX)
        return slv_fail(err, SLV_E_LIMIT, "batch message count of %zu exceeds limit of %zu", count,
                        SLV_QUEUE_BATCH_MAX);
    if (largest > SLV_QUEUE_MESSAGE_MAX && !batch)
        return slv_fail(err, SLV_E_LIMIT, "message length of %zu bytes exceeds limit of %zu",
                        largest, SLV_QUEUE_MESSAGE_MAX);
    if (largest > SLV_QUEUE_MESSAGE_MAX)
        return slv_fail(err, SLV_E_LIMIT,
                        "message in batch has length %zu bytes which exceeds single message size "
                        "limit of %zu",
                        largest, SLV_QUEUE_MESSAGE_MAX);
    if (total > SLV_QUEUE_BATCH_BYTES_MAX)
        /* The number that is documented; what is counted on top of bodies is allowed for. */
        return slv_fail(err, SLV_E_LIMIT, "batch size of %zu bytes exceeds limit of 256000", total);
    for (size_t i = 0; i < count; i++)
        SLV_TRY(check_delay(messages[i].delay_s, err));
    return SLV_OK;
}

static slv_code make_id(slv_str hex, char out[static SLV_QUEUE_ID_LEN / 2], slv_err *err)
{
    if (hex.len == 0) {
        slv_rand_bytes(out, SLV_QUEUE_ID_LEN / 2);
        return SLV_OK;
    }
    if (hex.len != SLV_QUEUE_ID_LEN)
        return slv_fail(err, SLV_E_INVAL, "a message's id has %zu digits", SLV_QUEUE_ID_LEN);
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = slv_hex_value(hex.ptr[i]), low = slv_hex_value(hex.ptr[i + 1]);

        if (high < 0 || low < 0)
            return slv_fail(err, SLV_E_INVAL, "a message's id is hexadecimal");
        out[i / 2] = (char)(high * 16 + low);
    }
    return SLV_OK;
}

static slv_code insert(slv_queue *q, const slv_queue_new *m, int64_t seq, int64_t due_ms,
                       int64_t now_ms, slv_err *err)
{
    char id[SLV_QUEUE_ID_LEN / 2];
    sqlite3_stmt *st = NULL;

    SLV_TRY(make_id(m->id, id, err));
    SLV_TRY(slv_db_stmt(q->db, insert_sql, &st, err));
    slv_stmt_bind_int(st, 1, seq);
    slv_stmt_bind_int(st, 2, due_ms);
    slv_stmt_bind_blob(st, 3, slv_str_make(id, sizeof id));
    slv_stmt_bind_int(st, 4, m->id.len > 0 ? m->timestamp_ms : now_ms);
    slv_stmt_bind_int(st, 5, now_ms);
    slv_stmt_bind_int(st, 6, m->type);
    slv_stmt_bind_int(st, 7, (int64_t)m->body.len);
    slv_stmt_bind_blob(st, 8, m->body);
    return slv_stmt_run(q->db, st, err);
}

static slv_code grow_totals(slv_queue *q, size_t count, size_t bytes, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(q->db, grow_sql, &st, err));
    slv_stmt_bind_int(st, 1, (int64_t)count);
    slv_stmt_bind_int(st, 2, (int64_t)bytes);
    return slv_stmt_run(q->db, st, err);
}

slv_code slv_queue_send(slv_queue *q, const slv_queue_new *messages, size_t count, int64_t now_ms,
                        slv_queue_metrics *ret_before, slv_err *err)
{
    slv_queue_settings settings;
    slv_queue_metrics before = {0};
    int64_t next = 0;
    size_t bytes = 0;

    SLV_TRY(slv_queue_check(messages, count, count > 1, err));
    for (size_t i = 0; i < count; i++)
        bytes += messages[i].body.len;
    SLV_TRY(slv_queue_totals_(q, &before, &next, err));
    if (before.bytes + bytes > SLV_QUEUE_BACKLOG_MAX) {
        slv_code code = slv_fail(err, SLV_E_LIMIT, "Storage Limit Exceeded");

        if (err)
            err->detail = 1;
        return code;
    }
    if (ret_before)
        SLV_TRY(slv_queue_oldest_(q, NULL, 0, NULL, 0, &before.oldest_ms, err));
    if (next == 1)
        SLV_TRY(slv_queue_first_settings_(q, now_ms, err));
    SLV_TRY(slv_queue_get_settings(q, &settings, err));
    for (size_t i = 0; i < count; i++) {
        int64_t delay = messages[i].delay_s >= 0 ? messages[i].delay_s : settings.delay_s;

        SLV_TRY(insert(q, &messages[i], next + (int64_t)i, now_ms + delay * 1000, now_ms, err));
    }
    SLV_TRY(grow_totals(q, count, bytes, err));
    if (ret_before)
        *ret_before = before;
    return SLV_OK;
}
