/*
 * What a bucket's settings make of a change: locks, which refuse it, and events, which tell it.
 *
 * The setting "lock" is JSON, as REST takes it:
 *
 *     [{"id": "keep", "enabled": true, "prefix": "logs/", "condition": {"type": "Age",
 *       "maxAgeSeconds": 86400}}]           or {"type":"Date","date":..}, {"type":"Indefinite"}
 *
 * and "events" {"account": .., "bucket": .., "queues": [{"queueId", "queueName", "rules":
 * [{"ruleId", "createdAt", "prefix", "suffix", "actions": ["PutObject", ..]}]}]}. An event is a row
 * of the table `events`, written in the transaction of the change and removed when its queue has
 * it.
 */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "r2/r2_int.h"

#define ARENA_MAX ((size_t)4 << 20)

/* ---- who is told ---- */

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static slv_r2_news watch_fn;
static void *watch_arg;

void slv_r2_watch(slv_r2_news fn, void *arg)
{
    pthread_mutex_lock(&watch_lock);
    watch_fn = fn;
    watch_arg = arg;
    pthread_mutex_unlock(&watch_lock);
}

static void tell(slv_str account, slv_str bucket)
{
    pthread_mutex_lock(&watch_lock);
    if (watch_fn)
        watch_fn(watch_arg, account, bucket);
    pthread_mutex_unlock(&watch_lock);
}

/* NULL: never set. */
static slv_code read_setting(slv_r2 *r2, const char *name, slv_arena *arena, slv_node **ret,
                             slv_err *err)
{
    slv_str text;

    *ret = NULL;
    SLV_TRY(slv_r2_setting(r2, name, arena, &text, err));
    return text.len > 0 ? slv_json_parse(text, SLV_JSON_STRICT, arena, ret, err) : SLV_OK;
}

/* ---- locks ---- */

static bool is_on(const slv_node *rule)
{
    const slv_node *enabled = slv_node_get(rule, "enabled");

    return !enabled || (slv_node_is(enabled, SLV_NODE_BOOL) && enabled->boolean);
}

/* "2026-01-31" and what may follow, as the first moment of that day. */
static bool read_day(slv_str text, int64_t *ret_ms)
{
    char day[11];
    struct tm tm = {0};

    if (text.len < 10)
        return false;
    memcpy(day, text.ptr, 10);
    day[10] = '\0';
    if (!strptime(day, "%Y-%m-%d", &tm))
        return false;
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static bool holds(const slv_node *rule, int64_t uploaded_ms, int64_t now_ms)
{
    const slv_node *condition = slv_node_get(rule, "condition");
    slv_str type = slv_node_str(slv_node_get(condition, "type"));
    int64_t seconds, until;

    if (slv_str_is(type, "Age"))
        return slv_node_i64(slv_node_get(condition, "maxAgeSeconds"), &seconds) &&
               now_ms - uploaded_ms < seconds * 1000;
    if (slv_str_is(type, "Date"))
        return read_day(slv_node_str(slv_node_get(condition, "date")), &until) && now_ms < until;
    return true; /* Indefinite */
}

slv_code slv_r2_locked_(slv_r2 *r2, slv_str key, int64_t now_ms, bool *ret, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ARENA_MAX);
    sqlite3_stmt *st;
    slv_node *rules;
    slv_code code;

    *ret = false;
    SLV_TRY(read_setting(r2, "lock", &arena, &rules, err));
    if (!rules)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(r2->db, "SELECT uploaded FROM objects WHERE key=?1", &st, err));
    slv_stmt_bind_text(st, 1, key);
    code = slv_stmt_step(r2->db, st, err);
    int64_t uploaded = code == SLV_OK ? slv_stmt_int(st, 0) : 0;
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    for (const slv_node *rule = rules->first; rule && !*ret; rule = rule->next)
        *ret = is_on(rule) && slv_str_starts(key, slv_node_str(slv_node_get(rule, "prefix"))) &&
               holds(rule, uploaded, now_ms);
    return SLV_OK;
}

slv_code slv_r2_check_lock_(slv_r2 *r2, slv_str key, int64_t now_ms, slv_err *err)
{
    bool locked;

    SLV_TRY(slv_r2_locked_(r2, key, now_ms, &locked, err));
    return locked ? slv_r2_fail(err, SLV_R2_LOCKED) : SLV_OK;
}

/* ---- events ---- */

static bool has_action(const slv_node *rule, const char *action)
{
    const slv_node *actions = slv_node_get(rule, "actions");

    for (const slv_node *n = actions ? actions->first : NULL; n; n = n->next) {
        if (slv_str_is(slv_node_str(n), action))
            return true;
    }
    return false;
}

static bool wants(const slv_node *queue, const char *action, slv_str key)
{
    const slv_node *rules = slv_node_get(queue, "rules");

    for (const slv_node *rule = rules ? rules->first : NULL; rule; rule = rule->next) {
        if (has_action(rule, action) &&
            slv_str_starts(key, slv_node_str(slv_node_get(rule, "prefix"))) &&
            slv_str_ends(key, slv_node_str(slv_node_get(rule, "suffix"))))
            return true;
    }
    return false;
}

static slv_code put_time(slv_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    return slv_buf_printf(out, "\"%s.%03dZ\"", text, (int)(ms % 1000));
}

static slv_code put_body(slv_buf *out, const slv_node *setting, const slv_r2_event *e)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"account\":")));
    SLV_TRY(slv_json_put_string(out, slv_node_str(slv_node_get(setting, "account"))));
    SLV_TRY(slv_buf_printf(out, ",\"action\":\"%s\",\"bucket\":", e->action));
    SLV_TRY(slv_json_put_string(out, slv_node_str(slv_node_get(setting, "bucket"))));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"object\":{\"key\":")));
    SLV_TRY(slv_json_put_string(out, e->key));
    if (e->object) {
        SLV_TRY(
            slv_buf_printf(out, ",\"size\":%llu,\"eTag\":", (unsigned long long)e->object->size));
        SLV_TRY(slv_json_put_string(out, e->object->etag));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("},\"eventTime\":")));
    SLV_TRY(put_time(out, e->now_ms));
    if (e->from_key.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"copySource\":{\"bucket\":")));
        SLV_TRY(slv_json_put_string(out, e->from_bucket));
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"object\":")));
        SLV_TRY(slv_json_put_string(out, e->from_key));
        SLV_TRY(slv_buf_append_byte(out, '}'));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code add_event(slv_r2 *r2, slv_str queue, slv_str body, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r2->db, "INSERT INTO events(queue,body) VALUES(?1,?2)", &st, err));
    slv_stmt_bind_text(st, 1, queue);
    slv_stmt_bind_text(st, 2, body);
    return slv_stmt_run(r2->db, st, err);
}

slv_code slv_r2_note_(slv_r2 *r2, const slv_r2_event *e, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ARENA_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)64 << 10);
    slv_node *setting;
    bool told = false;

    SLV_TRY(read_setting(r2, "events", &arena, &setting, err));
    const slv_node *queues = slv_node_get(setting, "queues");
    for (const slv_node *q = queues ? queues->first : NULL; q; q = q->next) {
        if (!wants(q, e->action, e->key))
            continue;
        if (!told)
            SLV_TRY(put_body(&body, setting, e));
        told = true;
        SLV_TRY(
            add_event(r2, slv_node_str(slv_node_get(q, "queueName")), slv_buf_view(&body), err));
    }
    if (told)
        tell(slv_node_str(slv_node_get(setting, "account")),
             slv_node_str(slv_node_get(setting, "bucket")));
    return SLV_OK;
}

slv_code slv_r2_remember_(slv_r2 *r2, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ARENA_MAX);
    sqlite3_stmt *st;
    slv_node *setting;

    SLV_TRY(slv_db_stmt(r2->db, "SELECT 1 FROM events LIMIT 1", &st, err));
    slv_code code = slv_stmt_step(r2->db, st, err);
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    SLV_TRY(read_setting(r2, "events", &arena, &setting, err));
    if (setting)
        tell(slv_node_str(slv_node_get(setting, "account")),
             slv_node_str(slv_node_get(setting, "bucket")));
    return SLV_OK;
}

slv_code slv_r2_events_take(slv_r2 *r2, slv_arena *arena, slv_r2_pending_event *ret, size_t max,
                            size_t *ret_count, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;
    size_t n = 0;

    SLV_TRY(
        slv_db_stmt(r2->db, "SELECT seq,queue,body FROM events ORDER BY seq LIMIT ?1", &st, err));
    slv_stmt_bind_int(st, 1, (int64_t)max);
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        ret[n].seq = slv_stmt_int(st, 0);
        code = slv_arena_dup(arena, slv_stmt_str(st, 1), &ret[n].queue);
        if (code == SLV_OK)
            code = slv_arena_dup(arena, slv_stmt_str(st, 2), &ret[n].body);
        if (code != SLV_OK)
            break;
        n++;
    }
    slv_stmt_done(st);
    *ret_count = n;
    return code == SLV_E_NOTFOUND || (code == SLV_E_LIMIT && n > 0) ? SLV_OK : code;
}

slv_code slv_r2_events_done(slv_r2 *r2, int64_t from, int64_t to, slv_str queue, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(
        slv_db_stmt(r2->db, "DELETE FROM events WHERE seq>=?1 AND seq<=?2 AND queue=?3", &st, err));
    slv_stmt_bind_int(st, 1, from);
    slv_stmt_bind_int(st, 2, to);
    slv_stmt_bind_text(st, 3, queue);
    return slv_stmt_run(r2->db, st, err);
}
