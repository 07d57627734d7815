/* What is known of the queue itself: rows of text. */
#include <inttypes.h>
#include <stdio.h>

#include "base/rand.h"
#include "queue/queue_int.h"

static const char get_sql[] = "SELECT value FROM meta WHERE key=?1";
static const char put_sql[] = "INSERT OR REPLACE INTO meta(key,value) VALUES(?1,?2)";
static const char drop_sql[] = "DELETE FROM meta WHERE key=?1";

/* *ret_found false: there is no such row, and ret is empty. */
static slv_code get_text(slv_queue *q, const char *key, slv_buf *ret, bool *ret_found, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    slv_buf_reset(ret);
    SLV_TRY(slv_db_stmt(q->db, get_sql, &st, err));
    slv_stmt_bind_text(st, 1, slv_str_from(key));
    code = slv_stmt_step(q->db, st, err);
    *ret_found = code == SLV_OK;
    if (code == SLV_OK)
        code = slv_buf_set(ret, slv_stmt_str(st, 0));
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code put_text(slv_queue *q, const char *key, slv_str value, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(q->db, value.len > 0 ? put_sql : drop_sql, &st, err));
    slv_stmt_bind_text(st, 1, slv_str_from(key));
    if (value.len > 0)
        slv_stmt_bind_text(st, 2, value);
    return slv_stmt_run(q->db, st, err);
}

static slv_code get_number(slv_queue *q, const char *key, int64_t otherwise, int64_t *ret,
                           slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(64);
    bool found;

    SLV_TRY(get_text(q, key, &text, &found, err));
    if (!found || slv_parse_i64(slv_buf_view(&text), ret) != SLV_OK)
        *ret = otherwise;
    return SLV_OK;
}

static slv_code put_number(slv_queue *q, const char *key, int64_t value, slv_err *err)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    return put_text(q, key, slv_str_from(text), err);
}

slv_code slv_queue_retention_(slv_queue *q, int64_t *ret_ms, slv_err *err)
{
    SLV_TRY(get_number(q, "retention_s", SLV_QUEUE_RETENTION, ret_ms, err));
    *ret_ms *= 1000;
    return SLV_OK;
}

slv_code slv_queue_get_settings(slv_queue *q, slv_queue_settings *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(64);
    slv_queue_settings s = {0};
    int64_t paused, declared;
    bool found;

    SLV_TRY(get_text(q, "id", &id, &found, err));
    snprintf(s.id, sizeof s.id, "%.*s", SLV_STR_ARGS(slv_buf_view(&id)));
    SLV_TRY(get_number(q, "created_ms", 0, &s.created_ms, err));
    SLV_TRY(get_number(q, "modified_ms", 0, &s.modified_ms, err));
    SLV_TRY(get_number(q, "delay_s", 0, &s.delay_s, err));
    SLV_TRY(get_number(q, "retention_s", SLV_QUEUE_RETENTION, &s.retention_s, err));
    SLV_TRY(get_number(q, "paused", 0, &paused, err));
    SLV_TRY(get_number(q, "declared", 0, &declared, err));
    s.paused = paused != 0;
    s.declared = declared != 0;
    *ret = s;
    return SLV_OK;
}

slv_code slv_queue_first_settings_(slv_queue *q, int64_t now_ms, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(64);
    char hex[SLV_QUEUE_ID_LEN + 1];
    bool found;

    SLV_TRY(get_text(q, "id", &id, &found, err));
    if (found)
        return SLV_OK;
    snprintf(hex, sizeof hex, "%016" PRIx64 "%016" PRIx64, slv_rand_u64(), slv_rand_u64());
    SLV_TRY(put_text(q, "id", slv_str_from(hex), err));
    SLV_TRY(put_number(q, "modified_ms", now_ms, err));
    return put_number(q, "created_ms", now_ms, err);
}

slv_code slv_queue_set_settings(slv_queue *q, const slv_queue_settings *settings, int64_t now_ms,
                                slv_err *err)
{
    if (settings->delay_s < 0 || settings->delay_s > SLV_QUEUE_DELAY_MAX)
        return slv_fail(err, SLV_E_INVAL, "delivery_delay must be from 0 to %d seconds",
                        SLV_QUEUE_DELAY_MAX);
    if (settings->retention_s < SLV_QUEUE_RETENTION_MIN ||
        settings->retention_s > SLV_QUEUE_RETENTION_MAX)
        return slv_fail(err, SLV_E_INVAL, "message_retention_period must be from %d to %d seconds",
                        SLV_QUEUE_RETENTION_MIN, SLV_QUEUE_RETENTION_MAX);
    SLV_TRY(slv_queue_first_settings_(q, now_ms, err));
    SLV_TRY(put_number(q, "modified_ms", now_ms, err));
    SLV_TRY(put_number(q, "delay_s", settings->delay_s, err));
    SLV_TRY(put_number(q, "retention_s", settings->retention_s, err));
    SLV_TRY(put_number(q, "paused", settings->paused, err));
    return put_number(q, "declared", settings->declared, err);
}

slv_code slv_queue_get_consumer(slv_queue *q, slv_buf *ret, slv_err *err)
{
    bool found;

    return get_text(q, "consumer", ret, &found, err);
}

slv_code slv_queue_set_consumer(slv_queue *q, slv_str json, int64_t now_ms, slv_err *err)
{
    if (json.len > SLV_QUEUE_CONSUMER_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the consumer's settings are larger than %zu bytes",
                        SLV_QUEUE_CONSUMER_MAX);
    SLV_TRY(slv_queue_first_settings_(q, now_ms, err));
    return put_text(q, "consumer", json, err);
}
