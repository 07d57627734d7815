/*
 * Rules for what goes by itself. The setting "lifecycle" is JSON:
 *
 *     [{"id": "old logs", "enabled": true, "prefix": "logs/", "expireDays": 30, "expireDate": ms,
 *       "abortDays": 1, "transitionDays": 7}]
 */
#include "base/mem.h"
#include "fmt/json.h"
#include "r2/r2_int.h"

#define DAY_MS INT64_C(86400000)
#define ROUND_MS (INT64_C(3600) * 1000) /* between two rounds over the bucket */
#define SOON_MS 100
#define ROWS_MAX 1000 /* looked at in one piece */

typedef struct lifecycle_rule {
    slv_str prefix;
    int64_t expire_before, abort_before, cool_before; /* INT64_MIN: never */
} lifecycle_rule;

static int64_t days_ago(const slv_node *rule, const char *name, int64_t now_ms)
{
    int64_t days;

    return slv_node_i64(slv_node_get(rule, name), &days) ? now_ms - days * DAY_MS : INT64_MIN;
}

static lifecycle_rule read_rule(const slv_node *n, int64_t now_ms)
{
    lifecycle_rule rule = {
        .prefix = slv_node_str(slv_node_get(n, "prefix")),
        .expire_before = days_ago(n, "expireDays", now_ms),
        .abort_before = days_ago(n, "abortDays", now_ms),
        .cool_before = days_ago(n, "transitionDays", now_ms),
    };
    int64_t date;

    if (slv_node_i64(slv_node_get(n, "expireDate"), &date) && now_ms >= date)
        rule.expire_before = INT64_MAX;
    return rule;
}

static bool is_enabled(const slv_node *n)
{
    const slv_node *enabled = slv_node_get(n, "enabled");

    return !enabled || enabled->boolean;
}

typedef struct due_row {
    char *key;
    bool expire;
} due_row;
typedef SLV_VEC(due_row) due_rows;

/* What the rules say of a row. */
static void judge(const slv_node *rules, slv_str key, int64_t uploaded, bool cool, int64_t now_ms,
                  due_rows *due)
{
    bool expire = false, transition = false;

    for (const slv_node *n = rules->first; n; n = n->next) {
        lifecycle_rule rule = read_rule(n, now_ms);

        if (!is_enabled(n) || !slv_str_starts(key, rule.prefix))
            continue;
        expire = expire || uploaded <= rule.expire_before;
        transition = transition || (!cool && uploaded <= rule.cool_before);
    }
    if (expire || transition)
        slv_vec_push(due, ((due_row){slv_strndup(key.ptr, key.len), expire}));
}

static slv_code look(slv_r2 *r2, const slv_node *rules, slv_buf *at, int64_t now_ms, due_rows *due,
                     bool *ret_more, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;
    int count = 0;

    SLV_TRY(slv_db_stmt(r2->db,
                        "SELECT key,uploaded,class FROM objects WHERE key>?1 ORDER BY key LIMIT ?2",
                        &st, err));
    slv_stmt_bind_text(st, 1, at->len > 0 ? slv_buf_view(at) : SLV_STR(""));
    slv_stmt_bind_int(st, 2, ROWS_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf last = SLV_BUF(2 * SLV_R2_KEY_MAX);
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        count++;
        judge(rules, slv_stmt_str(st, 0), slv_stmt_int(st, 1),
              slv_stmt_int(st, 2) == SLV_R2_CLASS_INFREQUENT, now_ms, due);
        code = slv_buf_set(&last, slv_stmt_str(st, 0));
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    *ret_more = count == ROWS_MAX;
    return *ret_more ? slv_buf_set(at, slv_buf_view(&last)) : slv_buf_set(at, SLV_STR(""));
}

static slv_code apply(slv_r2 *r2, const due_rows *due, int64_t now_ms, slv_err *err)
{
    for (size_t i = 0; i < due->len; i++) {
        slv_str key = slv_str_from(due->items[i].key);
        sqlite3_stmt *st;

        if (due->items[i].expire) {
            bool locked;

            SLV_TRY(slv_r2_locked_(r2, key, now_ms, &locked, err));
            if (!locked)
                SLV_TRY(slv_r2_remove_(r2, key, "LifecycleDeletion", now_ms, NULL, err));
            continue;
        }
        SLV_TRY(slv_db_stmt(r2->db, "UPDATE objects SET class=2 WHERE key=?1", &st, err));
        slv_stmt_bind_text(st, 1, key);
        SLV_TRY(slv_stmt_run(r2->db, st, err));
    }
    return SLV_OK;
}

/* Uploads that were begun too long ago, by rule. */
static slv_code abort_uploads(slv_r2 *r2, const slv_node *rules, int64_t now_ms, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);

    for (const slv_node *n = rules->first; n; n = n->next) {
        lifecycle_rule rule = read_rule(n, now_ms);
        slv_str key = SLV_STR_NULL, id = SLV_STR_NULL;
        sqlite3_stmt *st;

        if (!is_enabled(n) || rule.abort_before == INT64_MIN)
            continue;
        SLV_TRY(slv_db_stmt(r2->db,
                            "SELECT key,id FROM uploads WHERE state=0 AND began<=?1 AND "
                            "substr(key,1,length(?2))=?2 LIMIT 1",
                            &st, err));
        slv_stmt_bind_int(st, 1, rule.abort_before);
        slv_stmt_bind_text(st, 2, rule.prefix.ptr ? rule.prefix : SLV_STR(""));
        slv_code code = slv_stmt_step(r2->db, st, err);
        if (code == SLV_OK)
            code = slv_arena_dup(&arena, slv_stmt_str(st, 0), &key);
        if (code == SLV_OK)
            code = slv_arena_dup(&arena, slv_stmt_str(st, 1), &id);
        slv_stmt_done(st);
        if (code == SLV_OK)
            SLV_TRY(slv_r2_multipart_abort(r2, key, id, now_ms, err));
        else if (code != SLV_E_NOTFOUND)
            return code;
    }
    return SLV_OK;
}

slv_code slv_r2_lifecycle_(slv_r2 *r2, int64_t now_ms, int64_t *next_ms, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    slv_r2_files *files = r2->files;
    due_rows due = {0};
    slv_str text;
    slv_node *rules;
    bool more = false;

    SLV_TRY(slv_r2_setting(r2, "lifecycle", &arena, &text, err));
    if (text.len == 0)
        return SLV_OK;
    if (now_ms < files->lifecycle_ms) {
        *next_ms = *next_ms == 0 ? files->lifecycle_ms : SLV_MIN(*next_ms, files->lifecycle_ms);
        return SLV_OK;
    }
    SLV_TRY(slv_json_parse(text, SLV_JSON_STRICT, &arena, &rules, err));
    slv_code code = look(r2, rules, &files->lifecycle_at, now_ms, &due, &more, err);
    if (code == SLV_OK)
        code = apply(r2, &due, now_ms, err);
    if (code == SLV_OK)
        code = abort_uploads(r2, rules, now_ms, err);
    for (size_t i = 0; i < due.len; i++)
        free(due.items[i].key);
    slv_vec_done(&due);
    files->lifecycle_ms = now_ms + (more ? SOON_MS : ROUND_MS);
    *next_ms = *next_ms == 0 ? files->lifecycle_ms : SLV_MIN(*next_ms, files->lifecycle_ms);
    return code;
}
