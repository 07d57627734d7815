/* What calls a worker besides requests of its own: the host of its name, and the clock. */
#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/cron.h"
#include "sight/sight.h"

#define RUNS_SHOWN 20

/* ---- subdomain: hosts made of the worker's name ---- */

static void put_subdomain(script_rest *r)
{
    slv_json_open(&r->json, '{');
    slv_json_put_bool(&r->json, "enabled", r->row.workers_dev);
    slv_json_put_bool(&r->json, "previews_enabled", r->row.previews);
    slv_json_close(&r->json, '}');
}

static slv_code work_subdomain(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(slv_script_row(r, c, err));
    put_subdomain(r);
    return SLV_OK;
}

static void get_subdomain(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_subdomain, NULL);
}

/* previews_enabled that is not given follows enabled. */
static slv_code work_set_subdomain(script_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *enabled = slv_node_get(r->body, "enabled"),
                   *previews = slv_node_get(r->body, "previews_enabled");

    SLV_TRY(slv_script_row(r, c, err));
    r->row.workers_dev = enabled && enabled->boolean;
    r->row.previews = slv_node_is(previews, SLV_NODE_BOOL) ? previews->boolean : r->row.workers_dev;
    r->row.modified_ms = r->now_ms;
    SLV_TRY(slv_catalog_worker_put(c, &r->row, err));
    put_subdomain(r);
    return SLV_OK;
}

static void post_subdomain(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    const slv_node *previews = slv_node_get(body, "previews_enabled");
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (!slv_node_is(slv_node_get(body, "enabled"), SLV_NODE_BOOL))
        slv_script_error(r, 400, SCRIPT_INVALID, "enabled must be true or false");
    else if (previews && previews->type != SLV_NODE_BOOL && previews->type != SLV_NODE_NULL)
        slv_script_error(r, 400, SCRIPT_INVALID, "previews_enabled must be true or false");
    else
        slv_script_write(r, work_set_subdomain, slv_script_apply);
}

static void delete_subdomain(slv_api_call *call)
{
    slv_script_write(slv_script_new(call), work_set_subdomain, slv_script_apply);
}

/* ---- schedules ---- */

static void put_schedules(script_rest *r)
{
    const slv_node *crons = slv_script_parse(r->row.crons, &r->arena);

    slv_json_key(&r->json, "schedules");
    slv_json_open(&r->json, '[');
    for (const slv_node *n = slv_node_is(crons, SLV_NODE_ARRAY) ? crons->first : NULL; n;
         n = n->next) {
        slv_json_open(&r->json, '{');
        slv_json_put_text(&r->json, "cron", slv_node_str(n));
        slv_script_put_time(&r->json, "created_on", r->row.created_ms);
        slv_script_put_time(&r->json, "modified_on", r->row.modified_ms);
        slv_json_close(&r->json, '}');
    }
    slv_json_close(&r->json, ']');
}

/* The last runs, of what is kept of events; newest first. */
static void put_run(script_rest *r, const slv_node *run)
{
    double cpu_ms = 0, wall_ms = 0;
    int64_t slot = 0, began = 0;

    (void)slv_node_i64(slv_node_get(run, "scheduledTime"), &slot);
    (void)slv_node_i64(slv_node_get(run, "timestamp"), &began);
    (void)slv_node_f64(slv_node_get(run, "cpuTime"), &cpu_ms);
    (void)slv_node_f64(slv_node_get(run, "wallTime"), &wall_ms);
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "cron", slv_node_str(slv_node_get(run, "cron")));
    slv_json_put_text(&r->json, "outcome", slv_node_str(slv_node_get(run, "outcome")));
    slv_script_put_time(&r->json, "scheduled_on", slot);
    slv_script_put_time(&r->json, "started_on", began);
    slv_json_put_number(&r->json, "cpu_us", (int64_t)(cpu_ms * 1000));
    slv_json_put_number(&r->json, "wall_us", (int64_t)(wall_ms * 1000));
    slv_json_close(&r->json, '}');
}

static void on_runs(void *arg, const slv_kept *found, const slv_err *err)
{
    script_rest *r = arg;
    slv_str rest = found ? slv_buf_view(&found->lines) : SLV_STR_NULL, line;

    (void)err; /* the schedules are there all the same */
    slv_json_open(&r->json, '{');
    put_schedules(r);
    slv_json_key(&r->json, "runs");
    slv_json_open(&r->json, '[');
    while (slv_str_split(&rest, '\n', &line)) {
        const slv_node *run = line.len > 0 ? slv_script_parse(line, &r->arena) : NULL;

        if (run)
            put_run(r, run);
    }
    slv_json_close(&r->json, ']');
    slv_json_close(&r->json, '}');
    slv_script_answer(r);
}

static void find_runs(script_rest *r)
{
    slv_sight *sight = slv_api_sight(r->api->api);
    const slv_keep_query query = {.worker = r->key.name,
                                  .type = SLV_STR("event"),
                                  .event = SLV_STR("scheduled"),
                                  .limit = RUNS_SHOWN};

    if (sight)
        slv_sight_logs(sight, r->key.account, &query, on_runs, r);
    else
        on_runs(r, NULL, NULL);
}

static void get_schedules(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), slv_script_row, find_runs);
}

static slv_str cron_of(const slv_node *item)
{
    return item->type == SLV_NODE_STRING ? item->text : slv_node_str(slv_node_get(item, "cron"));
}

/* As JSON, those that come twice once. */
static slv_code crons_json(script_rest *r, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);
    slv_json_writer w = SLV_JSON_WRITER(&text);

    slv_json_open(&w, '[');
    for (const slv_node *n = r->body->first; n; n = n->next) {
        bool seen = false;

        for (const slv_node *p = r->body->first; p != n && !seen; p = p->next)
            seen = slv_str_eq(cron_of(p), cron_of(n));
        if (!seen)
            slv_json_text(&w, cron_of(n));
    }
    slv_json_close(&w, ']');
    SLV_TRY(w.code);
    return slv_arena_dup(&r->arena, slv_buf_view(&text), ret);
}

static slv_code check_count(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_worker_list list = {0};
    size_t total = 0;

    SLV_TRY(slv_catalog_worker_list(c, r->key.account, SLV_STR(""), &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        const slv_node *crons = slv_script_parse(list.items[i].crons, &r->arena);

        total += crons ? crons->count : 0;
    }
    if (total > SLV_CATALOG_CRONS_MAX)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_CRON,
                                 "An account has at most %u cron triggers; these would make it %zu",
                                 SLV_CATALOG_CRONS_MAX, total);
    return SLV_OK;
}

static slv_code work_set_schedules(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(crons_json(r, &r->row.crons));
    r->row.modified_ms = r->now_ms;
    SLV_TRY(slv_catalog_worker_put(c, &r->row, err));
    SLV_TRY(check_count(r, c, err));
    slv_json_open(&r->json, '{');
    put_schedules(r);
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static bool check_crons(script_rest *r)
{
    size_t i = 0;

    if (slv_node_is(slv_node_get(r->body, "schedules"), SLV_NODE_ARRAY))
        r->body = slv_node_get(r->body, "schedules");
    if (r->body->type != SLV_NODE_ARRAY) {
        slv_script_error(r, 400, SCRIPT_BAD_CRON, "The body must be an array of {cron}");
        return false;
    }
    if (r->body->count > SLV_CATALOG_CRONS_MAX) {
        slv_script_error(r, 400, SCRIPT_BAD_CRON, "An account has at most %u cron triggers",
                         SLV_CATALOG_CRONS_MAX);
        return false;
    }
    for (const slv_node *n = r->body->first; n; n = n->next, i++) {
        slv_str text = cron_of(n);
        slv_cron cron;
        slv_err err = {0};

        if (!text.ptr) {
            slv_script_error(r, 400, SCRIPT_BAD_CRON, "[%zu].cron must be a string", i);
            return false;
        }
        if (slv_cron_parse(text, &cron, &err) != SLV_OK) {
            slv_script_error(r, 400, SCRIPT_BAD_CRON, "invalid cron string '%.*s': %s",
                             SLV_STR_ARGS(text), slv_err_text(&err));
            return false;
        }
    }
    return true;
}

static void put_all_schedules(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (check_crons(r))
        slv_script_write(r, work_set_schedules, slv_script_apply);
}

#define ONE "/accounts/:account/workers/scripts/:script"
#define SERVICE "/accounts/:account/workers/services/:script/environments/:environment"

const slv_api_route slv_api_trigger_routes[] = {
    {.method = "GET", .pattern = ONE "/subdomain", .handle = get_subdomain},
    {.method = "POST", .pattern = ONE "/subdomain", .handle = post_subdomain},
    {.method = "DELETE", .pattern = ONE "/subdomain", .handle = delete_subdomain},
    {.method = "GET", .pattern = ONE "/schedules", .handle = get_schedules},
    {.method = "PUT", .pattern = ONE "/schedules", .handle = put_all_schedules},
    {.method = "GET", .pattern = SERVICE "/subdomain", .handle = get_subdomain},
    {.method = "POST", .pattern = SERVICE "/subdomain", .handle = post_subdomain},
    {0},
};
