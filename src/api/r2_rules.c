/*
 * Rules of a bucket by HTTP: locks, lifecycle, event notifications, domains. Each is a setting of
 * the bucket (r2/r2.h): locks, events and domains as they come, lifecycle as r2/lifecycle.c reads
 * it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "api/queues_int.h"
#include "api/r2_int.h"
#include "api/routes.h"
#include "base/rand.h"
#include "fmt/json.h"

#define RULES_MAX 1000
#define DAY_S INT64_C(86400)
#define BAD_RULE 10040
#define NO_RULES 10059

/* ---- a setting that is read, changed and written in one call ---- */

typedef struct rules_rest rules_rest;
struct rules_rest {
    slv_api_call *api;
    slv_call call;
    slv_store *store;
    slv_arena arena;
    slv_buf out;
    slv_str bucket;
    slv_node *body;
    const char *setting, *wrap; /* wrap: the member that the result has it in */
    slv_str empty;              /* what stands for a setting that was never made */
    /* Writes the new setting to out, from what there is (NULL: nothing). NULL: it is read alone. */
    slv_code (*change)(rules_rest *r, const slv_node *now, slv_buf *out, slv_err *err);
    slv_code (*show)(rules_rest *r, const slv_node *now, slv_buf *out);
    char queue[256];
    slv_str queue_id;
    int64_t now_ms;
};

static void rest_free(rules_rest *r)
{
    (void)slv_store_unref(r->store);
    slv_arena_done(&r->arena);
    slv_buf_done(&r->out);
    free(r);
}

static rules_rest *rest_new(slv_api_call *call, const char *setting)
{
    rules_rest *r = slv_new0(rules_rest);

    r->api = call;
    r->setting = setting;
    r->bucket = call->params[1];
    r->arena = SLV_ARENA((size_t)8 << 20);
    r->out = SLV_BUF((size_t)4 << 20);
    r->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    r->store = slv_state_store(slv_api_state(call->api), &slv_r2_store, call->tenant, r->bucket);
    return r;
}

static slv_code run_rules(slv_call *call, void *service, slv_err *err)
{
    rules_rest *r = slv_container_of(call, rules_rest, call);
    SLV_CLEANUP(slv_buf_done) slv_buf changed = SLV_BUF((size_t)4 << 20);
    slv_str text;
    slv_node *now = NULL;

    SLV_TRY(slv_r2_setting(service, r->setting, &r->arena, &text, err));
    if (text.len > 0)
        SLV_TRY(slv_json_parse(text, SLV_JSON_STRICT, &r->arena, &now, err));
    if (r->change) {
        SLV_TRY(r->change(r, now, &changed, err));
        SLV_TRY(slv_r2_setting_set(service, r->setting, slv_buf_view(&changed), err));
        SLV_TRY(slv_arena_dup(&r->arena, slv_buf_view(&changed), &text));
        now = NULL;
        if (text.len > 0)
            SLV_TRY(slv_json_parse(text, SLV_JSON_STRICT, &r->arena, &now, err));
    }
    return r->show(r, now, &r->out);
}

static void on_rules(slv_call *call)
{
    rules_rest *r = slv_container_of(call, rules_rest, call);
    slv_api_call *api = r->api;

    if (call->code == SLV_OK)
        slv_api_ok(api, slv_buf_view(&r->out));
    else if (call->code == SLV_E_NOTFOUND && call->err.detail == 0)
        slv_api_error(api, 404, R2_NOT_FOUND, "%s", slv_r2_error_text(SLV_R2_NO_SUCH_BUCKET));
    else if (call->code == SLV_E_INVAL)
        slv_api_error(api, 400, BAD_RULE, "%s", slv_err_text(&call->err));
    else if (call->code == SLV_E_STATE)
        slv_api_error(api, 404, NO_RULES, "%s", slv_err_text(&call->err));
    else
        slv_api_fail(api, &call->err, 0);
    rest_free(r);
}

static void start(rules_rest *r)
{
    r->call = (slv_call){
        .kind = r->change ? SLV_CALL_WRITE : SLV_CALL_READ, .run = run_rules, .done = on_rules};
    slv_store_call(r->store, slv_api_loop(r->api->api), &r->call);
}

static slv_code show_plain(rules_rest *r, const slv_node *now, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "{\"%s\":", r->wrap));
    SLV_TRY(now ? slv_json_put(out, now) : slv_buf_append(out, r->empty));
    return slv_buf_append_byte(out, '}');
}

/* ---- locks ---- */

static slv_code check_rule_list(const slv_node *rules, slv_err *err)
{
    if (!slv_node_is(rules, SLV_NODE_ARRAY) || rules->count > RULES_MAX)
        return slv_fail(err, SLV_E_INVAL, "rules must be an array of at most %d rules", RULES_MAX);
    for (const slv_node *rule = rules->first; rule; rule = rule->next) {
        if (!slv_node_is(slv_node_get(rule, "id"), SLV_NODE_STRING) ||
            !slv_node_is(slv_node_get(rule, "enabled"), SLV_NODE_BOOL))
            return slv_fail(err, SLV_E_INVAL,
                            "each rule must have an id, a string, and enabled, true or false");
    }
    return SLV_OK;
}

static bool date_ok(slv_str text)
{
    char day[11];
    struct tm tm = {0};

    if (text.len < 10)
        return false;
    memcpy(day, text.ptr, 10);
    day[10] = '\0';
    return strptime(day, "%Y-%m-%d", &tm) != NULL;
}

static slv_code check_lock(const slv_node *rule, slv_err *err)
{
    const slv_node *condition = slv_node_get(rule, "condition");
    slv_str type = slv_node_str(slv_node_get(condition, "type"));
    int64_t seconds;

    if (slv_str_is(type, "Indefinite"))
        return SLV_OK;
    if (slv_str_is(type, "Age") &&
        slv_node_i64(slv_node_get(condition, "maxAgeSeconds"), &seconds) && seconds > 0 &&
        seconds <= INT64_C(100000) * DAY_S)
        return SLV_OK;
    if (slv_str_is(type, "Date") && date_ok(slv_node_str(slv_node_get(condition, "date"))))
        return SLV_OK;
    return slv_fail(err, SLV_E_INVAL,
                    "a lock's condition must be {\"type\":\"Age\",\"maxAgeSeconds\":N}, "
                    "{\"type\":\"Date\",\"date\":\"YYYY-MM-DD\"} or {\"type\":\"Indefinite\"}");
}

static slv_code change_lock(rules_rest *r, const slv_node *now, slv_buf *out, slv_err *err)
{
    const slv_node *rules = slv_node_get(r->body, "rules");

    (void)now;
    SLV_TRY(check_rule_list(rules, err));
    for (const slv_node *rule = rules->first; rule; rule = rule->next)
        SLV_TRY(check_lock(rule, err));
    return rules->count > 0 ? slv_json_put(out, rules) : SLV_OK;
}

static void lock_route(slv_api_call *call)
{
    rules_rest *r = rest_new(call, "lock");

    r->wrap = "rules";
    r->empty = SLV_STR("[]");
    r->show = show_plain;
    if (slv_str_is(call->method, "PUT")) {
        r->change = change_lock;
        r->body = slv_api_body_json(call);
        if (!r->body) {
            rest_free(r);
            return;
        }
    }
    start(r);
}

/* ---- lifecycle ---- */

static slv_code put_age(slv_buf *out, const char *member, const slv_node *condition, slv_err *err)
{
    int64_t seconds;

    if (!slv_node_i64(slv_node_get(condition, "maxAge"), &seconds) || seconds < 0 ||
        seconds > INT64_C(100000) * DAY_S)
        return slv_fail(err, SLV_E_INVAL,
                        "maxAge must be a number of seconds, at most 100,000 days");
    return slv_buf_printf(out, ",\"%s\":%" PRId64, member, (seconds + DAY_S - 1) / DAY_S);
}

static slv_code put_expiry(slv_buf *out, const slv_node *condition, slv_err *err)
{
    slv_str date = slv_node_str(slv_node_get(condition, "date"));
    char text[24];
    int64_t ms;

    if (!slv_str_is(slv_node_str(slv_node_get(condition, "type")), "Date"))
        return put_age(out, "expireDays", condition, err);
    if (!date_ok(date))
        return slv_fail(err, SLV_E_INVAL, "date must be YYYY-MM-DD");
    (void)snprintf(text, sizeof text, "%.10sT00:00:00Z", date.ptr);
    if (!slv_s3_parse_date(slv_str_from(text), &ms))
        return slv_fail(err, SLV_E_INVAL, "date must be YYYY-MM-DD");
    return slv_buf_printf(out, ",\"expireDate\":%" PRId64, ms);
}

static slv_code put_lifecycle(slv_buf *out, const slv_node *rule, slv_err *err)
{
    const slv_node *conditions = slv_node_get(rule, "conditions");
    const slv_node *expire = slv_node_get(rule, "deleteObjectsTransition");
    const slv_node *abort = slv_node_get(rule, "abortMultipartUploadsTransition");
    const slv_node *cool = slv_node_get(rule, "storageClassTransitions");

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"id\":")));
    SLV_TRY(slv_json_put_string(out, slv_node_str(slv_node_get(rule, "id"))));
    SLV_TRY(slv_buf_printf(out, ",\"enabled\":%s,\"prefix\":",
                           slv_node_get(rule, "enabled")->boolean ? "true" : "false"));
    SLV_TRY(slv_json_put_string(out, slv_node_str(slv_node_get(conditions, "prefix"))));
    if (expire && expire->type == SLV_NODE_OBJECT)
        SLV_TRY(put_expiry(out, slv_node_get(expire, "condition"), err));
    if (abort && abort->type == SLV_NODE_OBJECT)
        SLV_TRY(put_age(out, "abortDays", slv_node_get(abort, "condition"), err));
    if (cool && cool->type == SLV_NODE_ARRAY && cool->first)
        SLV_TRY(put_age(out, "transitionDays", slv_node_get(cool->first, "condition"), err));
    return slv_buf_append_byte(out, '}');
}

static slv_code change_lifecycle(rules_rest *r, const slv_node *now, slv_buf *out, slv_err *err)
{
    const slv_node *rules = slv_node_get(r->body, "rules");

    (void)now;
    SLV_TRY(check_rule_list(rules, err));
    if (rules->count == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (const slv_node *rule = rules->first; rule; rule = rule->next) {
        if (rule != rules->first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_lifecycle(out, rule, err));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code show_age(slv_buf *out, const char *member, const slv_node *days)
{
    int64_t n;

    if (!slv_node_i64(days, &n))
        return SLV_OK;
    return slv_buf_printf(out, ",\"%s\":{\"condition\":{\"type\":\"Age\",\"maxAge\":%" PRId64 "}}",
                          member, n * DAY_S);
}

static slv_code show_lifecycle_rule(slv_buf *out, const slv_node *rule)
{
    const slv_node *enabled = slv_node_get(rule, "enabled");
    int64_t n;

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"id\":")));
    SLV_TRY(slv_json_put_string(out, slv_node_str(slv_node_get(rule, "id"))));
    SLV_TRY(slv_buf_printf(out, ",\"enabled\":%s,\"conditions\":{\"prefix\":",
                           !enabled || enabled->boolean ? "true" : "false"));
    SLV_TRY(slv_json_put_string(out, slv_node_str(slv_node_get(rule, "prefix"))));
    SLV_TRY(slv_buf_append_byte(out, '}'));
    SLV_TRY(show_age(out, "deleteObjectsTransition", slv_node_get(rule, "expireDays")));
    if (slv_node_i64(slv_node_get(rule, "expireDate"), &n)) {
        SLV_TRY(slv_buf_append(
            out, SLV_STR(",\"deleteObjectsTransition\":{\"condition\":{\"type\":\"Date\","
                         "\"date\":")));
        SLV_TRY(slv_r2_rest_put_time(out, n));
        SLV_TRY(slv_buf_append(out, SLV_STR("}}")));
    }
    SLV_TRY(show_age(out, "abortMultipartUploadsTransition", slv_node_get(rule, "abortDays")));
    if (slv_node_i64(slv_node_get(rule, "transitionDays"), &n))
        SLV_TRY(slv_buf_printf(out,
                               ",\"storageClassTransitions\":[{\"condition\":{\"type\":\"Age\","
                               "\"maxAge\":%" PRId64 "},\"storageClass\":\"InfrequentAccess\"}]",
                               n * DAY_S));
    return slv_buf_append_byte(out, '}');
}

static slv_code show_lifecycle(rules_rest *r, const slv_node *now, slv_buf *out)
{
    (void)r;
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"rules\":[")));
    for (const slv_node *rule = now ? now->first : NULL; rule; rule = rule->next) {
        if (rule != now->first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(show_lifecycle_rule(out, rule));
    }
    return slv_buf_append(out, SLV_STR("]}"));
}

static void lifecycle_route(slv_api_call *call)
{
    rules_rest *r = rest_new(call, "lifecycle");

    r->show = show_lifecycle;
    if (slv_str_is(call->method, "PUT")) {
        r->change = change_lifecycle;
        r->body = slv_api_body_json(call);
        if (!r->body) {
            rest_free(r);
            return;
        }
    }
    start(r);
}

/* ---- event notifications ---- */

static const char *const actions[] = {"PutObject", "CopyObject", "CompleteMultipartUpload",
                                      "DeleteObject", "LifecycleDeletion"};

static slv_code check_event(const slv_node *rule, slv_err *err)
{
    const slv_node *list = slv_node_get(rule, "actions");
    bool good = slv_node_is(list, SLV_NODE_ARRAY) && list->count > 0;

    for (const slv_node *n = good ? list->first : NULL; n && good; n = n->next) {
        good = false;
        for (size_t i = 0; i < SLV_ARRAY_LEN(actions); i++)
            good |= slv_str_is(slv_node_str(n), actions[i]);
    }
    if (!good)
        return slv_fail(err, SLV_E_INVAL,
                        "actions must name some of PutObject, CopyObject, "
                        "CompleteMultipartUpload, DeleteObject and LifecycleDeletion");
    return SLV_OK;
}

static slv_code put_member(slv_buf *out, const char *name, const slv_node *value)
{
    if (!value || value->type != SLV_NODE_STRING)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, ",\"%s\":", name));
    return slv_json_put_string(out, value->text);
}

static slv_code put_event(rules_rest *r, slv_buf *out, const slv_node *rule)
{
    SLV_TRY(slv_buf_printf(out, "{\"ruleId\":\"%016" PRIx64 "%016" PRIx64 "\",\"createdAt\":",
                           slv_rand_u64(), slv_rand_u64()));
    SLV_TRY(slv_r2_rest_put_time(out, r->now_ms));
    SLV_TRY(put_member(out, "prefix", slv_node_get(rule, "prefix")));
    SLV_TRY(put_member(out, "suffix", slv_node_get(rule, "suffix")));
    SLV_TRY(put_member(out, "description", slv_node_get(rule, "description")));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"actions\":")));
    SLV_TRY(slv_json_put(out, slv_node_get(rule, "actions")));
    return slv_buf_append_byte(out, '}');
}

static bool is_named(const slv_node *ids, slv_str id)
{
    for (const slv_node *n = ids->first; n; n = n->next) {
        if (slv_str_eq(slv_node_str(n), id))
            return true;
    }
    return false;
}

/* The rules of one queue, without those that go, and with those that come. */
static slv_code put_queue_rules(rules_rest *r, const slv_node *old, bool removing, size_t *count,
                                slv_buf *out)
{
    const slv_node *ids = slv_node_get(r->body, "ruleIds"), *more = slv_node_get(r->body, "rules");

    for (const slv_node *rule = old ? old->first : NULL; rule; rule = rule->next) {
        if (removing &&
            (!ids || ids->count == 0 || is_named(ids, slv_node_str(slv_node_get(rule, "ruleId")))))
            continue;
        if ((*count)++ > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put(out, rule));
    }
    for (const slv_node *rule = removing ? NULL : more->first; rule; rule = rule->next) {
        if ((*count)++ > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_event(r, out, rule));
    }
    return SLV_OK;
}

static slv_code put_queue(rules_rest *r, slv_str id, slv_str name, const slv_node *old, bool ours,
                          bool removing, bool *first, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf rules = SLV_BUF((size_t)1 << 20);
    size_t count = 0;

    if (ours) {
        SLV_TRY(put_queue_rules(r, old, removing, &count, &rules));
        if (count == 0)
            return SLV_OK;
    }
    SLV_TRY(slv_buf_append(out, *first ? SLV_STR("{\"queueId\":") : SLV_STR(",{\"queueId\":")));
    *first = false;
    SLV_TRY(slv_json_put_string(out, id));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"queueName\":")));
    SLV_TRY(slv_json_put_string(out, name));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"rules\":")));
    if (!ours) {
        SLV_TRY(slv_json_put(out, old));
    } else {
        SLV_TRY(slv_buf_append_byte(out, '['));
        SLV_TRY(slv_buf_append(out, slv_buf_view(&rules)));
        SLV_TRY(slv_buf_append_byte(out, ']'));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code change_events(rules_rest *r, const slv_node *now, slv_buf *out, slv_err *err)
{
    bool removing = slv_str_is(r->api->method, "DELETE"), found = false, first = true;
    const slv_node *more = slv_node_get(r->body, "rules"), *queues = slv_node_get(now, "queues");

    if (!removing && !slv_node_is(more, SLV_NODE_ARRAY))
        return slv_fail(err, SLV_E_INVAL, "rules must be an array");
    for (const slv_node *rule = removing ? NULL : more->first; rule; rule = rule->next)
        SLV_TRY(check_event(rule, err));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"account\":")));
    SLV_TRY(slv_json_put_string(out, r->api->tenant));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"bucket\":")));
    SLV_TRY(slv_json_put_string(out, r->bucket));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"queues\":[")));
    for (const slv_node *q = queues ? queues->first : NULL; q; q = q->next) {
        bool ours = slv_str_eq(slv_node_str(slv_node_get(q, "queueId")), r->queue_id);

        found |= ours;
        SLV_TRY(put_queue(r, slv_node_str(slv_node_get(q, "queueId")),
                          slv_node_str(slv_node_get(q, "queueName")), slv_node_get(q, "rules"),
                          ours, removing, &first, out));
    }
    if (!found && removing)
        return slv_fail(err, SLV_E_STATE, "The bucket has no event notifications for this queue.");
    if (!found)
        SLV_TRY(put_queue(r, r->queue_id, slv_str_from(r->queue), NULL, true, false, &first, out));
    return slv_buf_append(out, SLV_STR("]}"));
}

static slv_code show_events(rules_rest *r, const slv_node *now, slv_buf *out)
{
    const slv_node *queues = slv_node_get(now, "queues");

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"bucketName\":")));
    SLV_TRY(slv_json_put_string(out, r->bucket));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"queues\":")));
    SLV_TRY(queues ? slv_json_put(out, queues) : slv_buf_append(out, SLV_STR("[]")));
    return slv_buf_append_byte(out, '}');
}

static slv_code show_nothing(rules_rest *r, const slv_node *now, slv_buf *out)
{
    (void)r;
    (void)now;
    return slv_buf_append(out, SLV_STR("{}"));
}

static void events_get(slv_api_call *call)
{
    rules_rest *r = rest_new(call, "events");

    r->show = show_events;
    start(r);
}

/* The queue is there: rules name it. */
static void queue_found(queue_rest *q)
{
    slv_api_call *call = q->api;
    rules_rest *r = call->user;

    snprintf(r->queue, sizeof r->queue, "%s", q->name);
    if (slv_arena_dup(&r->arena, slv_str_from(q->settings.id), &r->queue_id) != SLV_OK)
        r->queue_id = SLV_STR_NULL;
    slv_queue_rest_free(q);
    start(r);
}

static void queue_gone(slv_api_call *call)
{
    rest_free(call->user);
}

static void events_change(slv_api_call *call)
{
    bool removing = slv_str_is(call->method, "DELETE");
    rules_rest *r = rest_new(call, "events");

    if (!removing || call->body.len > 0) {
        r->body = slv_api_body_json(call);
        if (!r->body) {
            rest_free(r);
            return;
        }
    }
    r->change = change_events;
    r->show = show_nothing;
    call->user = r;
    slv_queue_rest_find_named(call, call->params[2], queue_found, queue_gone);
}

/* ---- domains ---- */

static const slv_node *domain_of(const slv_node *now, slv_str name)
{
    for (const slv_node *d = now ? now->first : NULL; d; d = d->next) {
        if (slv_str_eq_nocase(slv_node_str(slv_node_get(d, "domain")), name))
            return d;
    }
    return NULL;
}

static slv_code put_domain(rules_rest *r, slv_str name, const slv_node *old, slv_buf *out)
{
    static const char *const members[] = {"zoneId", "zoneName", "minTLS"};
    const slv_node *enabled = slv_node_get(r->body, "enabled");

    if (!enabled)
        enabled = slv_node_get(old, "enabled");
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"domain\":")));
    SLV_TRY(slv_json_put_string(out, name));
    SLV_TRY(
        slv_buf_printf(out, ",\"enabled\":%s", !enabled || enabled->boolean ? "true" : "false"));
    for (size_t i = 0; i < SLV_ARRAY_LEN(members); i++) {
        const slv_node *n = slv_node_get(r->body, members[i]);

        SLV_TRY(put_member(out, members[i], n ? n : slv_node_get(old, members[i])));
    }
    return slv_buf_append(out,
                          SLV_STR(",\"status\":{\"ownership\":\"active\",\"ssl\":\"active\"}}"));
}

static slv_code change_domains(rules_rest *r, const slv_node *now, slv_buf *out, slv_err *err)
{
    bool adding = slv_str_is(r->api->method, "POST"),
         removing = slv_str_is(r->api->method, "DELETE");
    slv_str name = adding ? slv_node_str(slv_node_get(r->body, "domain")) : r->api->params[2];
    const slv_node *old = domain_of(now, name);
    bool first = true;

    if (name.len == 0 || name.len > 253 || slv_str_chr(name, '.', 0) == SIZE_MAX)
        return slv_fail(err, SLV_E_INVAL, "domain must be a host name");
    if (!adding && !old)
        return slv_fail(err, SLV_E_STATE, "The bucket has no domain '%.*s'.", SLV_STR_ARGS(name));
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (const slv_node *d = now ? now->first : NULL; d; d = d->next) {
        if (d == old)
            continue;
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put(out, d));
        first = false;
    }
    if (!removing) {
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_domain(r, name, old, out));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code show_domain(rules_rest *r, const slv_node *now, slv_buf *out)
{
    const slv_node *one = r->api->param_count > 2 ? domain_of(now, r->api->params[2]) : NULL;

    return one ? slv_json_put(out, one) : slv_buf_append(out, SLV_STR("{}"));
}

static void domains_route(slv_api_call *call)
{
    rules_rest *r = rest_new(call, "domains");

    r->wrap = "domains";
    r->empty = SLV_STR("[]");
    r->show = slv_str_is(call->method, "GET") && call->param_count < 3 ? show_plain : show_domain;
    if (!slv_str_is(call->method, "GET")) {
        r->change = change_domains;
        r->body = slv_str_is(call->method, "DELETE") ? NULL : slv_api_body_json(call);
        if (!r->body && !slv_str_is(call->method, "DELETE")) {
            rest_free(r);
            return;
        }
    }
    start(r);
}

static slv_code change_managed(rules_rest *r, const slv_node *now, slv_buf *out, slv_err *err)
{
    const slv_node *enabled = slv_node_get(r->body, "enabled");

    (void)now;
    if (!slv_node_is(enabled, SLV_NODE_BOOL))
        return slv_fail(err, SLV_E_INVAL, "enabled must be true or false");
    return slv_buf_append(out, enabled->boolean ? SLV_STR("true") : SLV_STR("false"));
}

static slv_code show_managed(rules_rest *r, const slv_node *now, slv_buf *out)
{
    const char *base = slv_api_base_url(r->api->api);

    SLV_TRY(slv_buf_append(out, SLV_STR("{\"bucketId\":")));
    SLV_TRY(slv_json_put_string(out, r->bucket));
    SLV_TRY(slv_buf_printf(out, ",\"domain\":\"%s/cdn-cgi/local/r2/public/%.*s\",\"enabled\":%s}",
                           base ? base : "", SLV_STR_ARGS(r->bucket),
                           now && now->boolean ? "true" : "false"));
    return SLV_OK;
}

static void managed_route(slv_api_call *call)
{
    rules_rest *r = rest_new(call, "managed");

    r->show = show_managed;
    if (slv_str_is(call->method, "PUT")) {
        r->change = change_managed;
        r->body = slv_api_body_json(call);
        if (!r->body) {
            rest_free(r);
            return;
        }
    }
    start(r);
}

#define EVENTS "/accounts/:account/event_notifications/r2/:bucket/configuration"
#define BUCKET R2_BUCKETS "/:bucket"

const slv_api_route slv_api_r2_rule_routes[] = {
    {.method = "GET", .pattern = BUCKET "/lock", .handle = lock_route},
    {.method = "PUT", .pattern = BUCKET "/lock", .handle = lock_route},
    {.method = "GET", .pattern = BUCKET "/lifecycle", .handle = lifecycle_route},
    {.method = "PUT", .pattern = BUCKET "/lifecycle", .handle = lifecycle_route},
    {.method = "GET", .pattern = EVENTS, .handle = events_get},
    {.method = "PUT", .pattern = EVENTS "/queues/:queue", .handle = events_change},
    {.method = "DELETE", .pattern = EVENTS "/queues/:queue", .handle = events_change},
    {.method = "GET", .pattern = BUCKET "/domains/custom", .handle = domains_route},
    {.method = "POST", .pattern = BUCKET "/domains/custom", .handle = domains_route},
    {.method = "GET", .pattern = BUCKET "/domains/custom/:domain", .handle = domains_route},
    {.method = "PUT", .pattern = BUCKET "/domains/custom/:domain", .handle = domains_route},
    {.method = "DELETE", .pattern = BUCKET "/domains/custom/:domain", .handle = domains_route},
    {.method = "GET", .pattern = BUCKET "/domains/managed", .handle = managed_route},
    {.method = "PUT", .pattern = BUCKET "/domains/managed", .handle = managed_route},
    {0},
};
