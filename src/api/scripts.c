/* Workers by HTTP: lists, one, its content, its end. */
#include <stdio.h>

#include "aio/strand.h"
#include "api/routes.h"
#include "api/script_int.h"
#include "base/rand.h"

/* ---- GET scripts ---- */

static slv_code put_one(script_rest *r, slv_catalog *c, const slv_worker_row *row, slv_err *err)
{
    const slv_worker_key key = slv_worker_row_key(row);
    slv_version_row latest;
    slv_code code = slv_catalog_version_latest(c, &key, false, &r->arena, &latest, err);

    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    slv_json_open(&r->json, '{');
    slv_script_put_worker(&r->json, row, code == SLV_OK ? &latest : NULL, &r->arena);
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_str dispatch = r->key.dispatch.ptr ? r->key.dispatch : SLV_STR("");
    slv_arena rows = SLV_ARENA((size_t)256 << 20);
    slv_worker_list list = {0};
    slv_code code = slv_catalog_worker_list(c, r->key.account, dispatch, &rows, &list, err);

    slv_json_open(&r->json, '[');
    for (size_t i = 0; code == SLV_OK && i < list.count; i++) {
        slv_arena_reset(&r->arena); /* one version's metadata at a time */
        code = put_one(r, c, &list.items[i], err);
    }
    slv_json_close(&r->json, ']');
    slv_arena_done(&rows);
    return code;
}

static void get_scripts(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_list, NULL);
}

/* ---- GET services/:script ---- */

static void put_environment(script_rest *r, const slv_version_row *latest)
{
    slv_json_writer *w = &r->json;

    slv_json_open(w, '{');
    slv_json_put_text(w, "environment", SLV_STR("production"));
    slv_script_put_time(w, "created_on", r->row.created_ms);
    slv_script_put_time(w, "modified_on", r->row.modified_ms);
    slv_json_key(w, "script");
    slv_json_open(w, '{');
    slv_script_put_worker(w, &r->row, latest, &r->arena);
    slv_json_close(w, '}');
    slv_json_close(w, '}');
}

static slv_code work_service(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_version_row latest;
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    code = slv_catalog_version_latest(c, &r->key, false, &r->arena, &latest, err);
    if (code != SLV_E_NOTFOUND)
        SLV_TRY(code);
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "id", r->row.name);
    slv_script_put_time(&r->json, "created_on", r->row.created_ms);
    slv_script_put_time(&r->json, "modified_on", r->row.modified_ms);
    slv_json_key(&r->json, "default_environment");
    put_environment(r, code == SLV_OK ? &latest : NULL);
    slv_json_key(&r->json, "environments");
    slv_json_open(&r->json, '[');
    put_environment(r, code == SLV_OK ? &latest : NULL);
    slv_json_close(&r->json, ']');
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void get_service(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_service, NULL);
}

static slv_code work_environment(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_version_row latest;
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    code = slv_catalog_version_latest(c, &r->key, false, &r->arena, &latest, err);
    if (code != SLV_E_NOTFOUND)
        SLV_TRY(code);
    put_environment(r, code == SLV_OK ? &latest : NULL);
    return SLV_OK;
}

static void get_environment(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_environment, NULL);
}

/* ---- GET scripts/:script/content/v2: what was uploaded, as a form ---- */

typedef struct content_job {
    slv_job job;
    script_rest *r;
    const slv_host *host;
    slv_upload_part *parts;
    size_t count;
    slv_str main;
    slv_code code;
    slv_err err;
} content_job;

static void run_content(slv_job *job)
{
    content_job *j = slv_container_of(job, content_job, job);
    script_rest *r = j->r;

    j->code = slv_host_modules(j->host, r->key.account, r->previous.code, &r->arena, &j->parts,
                               &j->count, &j->main, &j->err);
}

static slv_code put_name(slv_buf *out, slv_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c == '"' || c == '\r' || c == '\n')
            SLV_TRY(slv_buf_printf(out, "%%%02X", (unsigned char)c));
        else
            SLV_TRY(slv_buf_append_byte(out, c));
    }
    return SLV_OK;
}

/* The boundary is random: no module has it in it but by a chance of one in 2^128. */
static slv_code put_form(const content_job *j, const char *boundary, slv_buf *out)
{
    for (size_t i = 0; i < j->count; i++) {
        const slv_upload_part *p = &j->parts[i];

        SLV_TRY(slv_buf_printf(out, "--%s\r\nContent-Disposition: form-data; name=\"", boundary));
        SLV_TRY(put_name(out, p->name));
        SLV_TRY(slv_buf_append(out, SLV_STR("\"; filename=\"")));
        SLV_TRY(put_name(out, p->name));
        SLV_TRY(slv_buf_printf(out, "\"\r\nContent-Type: %.*s\r\n\r\n", SLV_STR_ARGS(p->type)));
        SLV_TRY(slv_buf_append(out, p->body));
        SLV_TRY(slv_buf_append(out, SLV_STR("\r\n")));
    }
    return slv_buf_printf(out, "--%s--\r\n", boundary);
}

static void answer_content(const content_job *j)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(4096);
    script_rest *r = j->r;
    slv_api_call *call = r->api;
    char id[33], boundary[64];
    slv_code code = SLV_OK;

    slv_script_hex_id(id);
    snprintf(boundary, sizeof boundary, "----form-%s", id);
    /* A service worker has one script and no modules: it comes plain. */
    if (j->count == 1 && slv_str_starts(j->parts[0].type, SLV_STR("application/javascript")) &&
        !slv_str_starts(j->parts[0].type, SLV_STR("application/javascript+module"))) {
        code = slv_buf_printf(&headers, "content-type:%.*s\n", SLV_STR_ARGS(j->parts[0].type));
        if (code == SLV_OK)
            code = slv_buf_append(&r->out, j->parts[0].body);
    } else {
        code =
            slv_buf_printf(&headers, "content-type:multipart/form-data; boundary=%s\n", boundary);
        if (code == SLV_OK)
            code = put_form(j, boundary, &r->out);
    }
    if (code == SLV_OK)
        code = slv_buf_printf(&headers, "cf-entrypoint:%.*s\netag:%.*s\n", SLV_STR_ARGS(j->main),
                              SLV_STR_ARGS(r->previous.etag));
    if (code == SLV_OK)
        slv_api_reply(call, 200, slv_buf_view(&headers), slv_buf_view(&r->out));
    else
        slv_api_error(call, 500, SLV_API_INTERNAL, "The content is too large");
    slv_script_free(r);
}

static void on_content(slv_job *job)
{
    content_job *j = slv_container_of(job, content_job, job);

    if (j->code == SLV_OK)
        answer_content(j);
    else
        slv_script_fail(j->r, &j->err);
    free(j);
}

static slv_code work_content(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    if (!r->name.ptr &&
        slv_catalog_deployment_current(c, &r->key, &r->arena, &r->current, err) == SLV_OK)
        r->name = r->current.versions[0].version;
    code = r->name.ptr
               ? slv_catalog_version_get(c, &r->key, r->name, &r->arena, &r->previous, err)
               : slv_catalog_version_latest(c, &r->key, false, &r->arena, &r->previous, err);
    if (code == SLV_E_NOTFOUND)
        return slv_script_no_version(r, r->name, err);
    SLV_TRY(code);
    if (r->previous.code.len == 0)
        return slv_script_refuse(r, err, 404, SCRIPT_NOT_FOUND,
                                 "Worker '%.*s' has static files alone, and no code",
                                 SLV_STR_ARGS(r->key.name));
    return SLV_OK;
}

static void read_modules(script_rest *r)
{
    slv_host *host = slv_api_host(r->api->api);
    content_job *j;

    if (!host) {
        slv_script_error(r, 404, SCRIPT_NOT_FOUND, "No Workers are hosted here");
        return;
    }
    j = slv_new0(content_job);
    *j = (content_job){.job = {.run = run_content, .done = on_content}, .r = r, .host = host};
    slv_state_work(slv_api_state(r->api->api), slv_api_loop(r->api->api), &j->job);
}

static void get_content(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);
    slv_str version = slv_api_query(call, "version");

    if (version.len > 0)
        r->name = version;
    slv_script_read(r, work_content, read_modules);
}

/* ---- DELETE ---- */

static slv_code work_delete(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf who = SLV_BUF(400);

    SLV_TRY(slv_script_row(r, c, err));
    if (!r->force && r->key.dispatch.len == 0) {
        SLV_TRY(slv_script_first_reference(r, c, &who, err));
        if (who.len > 0)
            return slv_script_refuse(r, err, 400, SCRIPT_REFERENCED,
                                     "Worker '%.*s' is used by %.*s: delete that first, or say "
                                     "force=true",
                                     SLV_STR_ARGS(r->key.name), SLV_STR_ARGS(slv_buf_view(&who)));
    }
    SLV_TRY(slv_catalog_worker_delete(c, &r->key, err));
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "id", r->key.name);
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void delete_script(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->force = slv_str_is(slv_api_query(call, "force"), "true");
    slv_script_write(r, work_delete, slv_script_apply);
}

#define ONE "/accounts/:account/workers/scripts/:script"
#define SERVICE "/accounts/:account/workers/services/:script"
#define ENVIRONMENT SERVICE "/environments/:environment"
#define SPACE "/accounts/:account/workers/dispatch/namespaces/:namespace/scripts"

const slv_api_route slv_api_script_routes[] = {
    {.method = "GET", .pattern = "/accounts/:account/workers/scripts", .handle = get_scripts},
    {.method = "GET", .pattern = ONE, .handle = get_content},
    {.method = "DELETE", .pattern = ONE, .handle = delete_script},
    {.method = "GET", .pattern = ONE "/content", .handle = get_content},
    {.method = "GET", .pattern = ONE "/content/v2", .handle = get_content},
    {.method = "GET", .pattern = SERVICE, .handle = get_service},
    {.method = "DELETE", .pattern = SERVICE, .handle = delete_script},
    {.method = "GET", .pattern = ENVIRONMENT, .handle = get_environment},
    {.method = "GET", .pattern = ENVIRONMENT "/content", .handle = get_content},
    {.method = "GET", .pattern = ENVIRONMENT "/content/v2", .handle = get_content},
    {.method = "GET", .pattern = SPACE, .handle = get_scripts},
    {.method = "GET", .pattern = SPACE "/:script", .handle = get_environment},
    {.method = "DELETE", .pattern = SPACE "/:script", .handle = delete_script},
    {.method = "GET", .pattern = SPACE "/:script/content", .handle = get_content},
    {0},
};
