/* Pages projects and deployments as the control API shows them. */
#include <stdio.h>
#include <time.h>

#include "api/pages_int.h"
#include "fmt/json.h"

void slv_pages_put_time(slv_json_writer *w, const char *key, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40], whole[64];

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    (void)snprintf(whole, sizeof whole, "%s.%03dZ", text, (int)(ms % 1000));
    slv_json_put_text(w, key, slv_str_from(whole));
}

static slv_code put_url(asset_rest *r, const char *key, slv_str subdomain, slv_str label)
{
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF((size_t)4 << 10);
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(slv_host_pages_url(p->host, subdomain, label, &url));
    if (key)
        slv_json_put_text(&r->json, key, slv_buf_view(&url));
    else
        slv_json_text(&r->json, slv_buf_view(&url));
    return SLV_OK;
}

static void put_stage(slv_json_writer *w, const char *name, int64_t ms)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "name", slv_str_from(name));
    slv_json_put_text(w, "status", SLV_STR("success"));
    slv_pages_put_time(w, "started_on", ms);
    slv_pages_put_time(w, "ended_on", ms);
    slv_json_close(w, '}');
}

static void put_stages(slv_json_writer *w, int64_t ms)
{
    static const char *const names[] = {"queued", "initialize", "clone_repo", "build", "deploy"};

    slv_json_key(w, "latest_stage");
    put_stage(w, "deploy", ms);
    slv_json_key(w, "stages");
    slv_json_open(w, '[');
    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        put_stage(w, names[i], ms);
    slv_json_close(w, ']');
}

slv_code slv_pages_put_deployment(asset_rest *r, const slv_pages_project *project,
                                  const slv_pages_deployment *row, slv_err *err)
{
    slv_json_writer *w = &r->json;
    slv_node *trigger = NULL;

    SLV_TRY(slv_json_parse(row->trigger, SLV_JSON_STRICT, &r->arena, &trigger, err));
    slv_json_open(w, '{');
    slv_json_put_text(w, "id", row->id);
    slv_json_put_text(w, "short_id", slv_str_sub(row->id, 0, 8));
    slv_json_put_text(w, "project_id", project->id);
    slv_json_put_text(w, "project_name", row->project);
    slv_json_put_text(w, "environment",
                      row->production ? SLV_STR("production") : SLV_STR("preview"));
    SLV_TRY(put_url(r, "url", project->subdomain, slv_str_sub(row->id, 0, 8)));
    slv_json_key(w, "aliases");
    if (row->alias.len > 0 && !row->production) {
        slv_json_open(w, '[');
        SLV_TRY(put_url(r, NULL, project->subdomain, row->alias));
        slv_json_close(w, ']');
    } else {
        slv_json_raw(w, SLV_STR("null"));
    }
    slv_pages_put_time(w, "created_on", row->created_ms);
    slv_pages_put_time(w, "modified_on", row->created_ms);
    put_stages(w, row->created_ms);
    slv_json_key(w, "deployment_trigger");
    slv_json_open(w, '{');
    slv_json_put_text(w, "type", SLV_STR("ad_hoc"));
    slv_json_key(w, "metadata");
    slv_json_node(w, trigger);
    slv_json_close(w, '}');
    slv_json_put_raw(w, "source", SLV_STR("null"));
    slv_json_put_raw(w, "build_config", SLV_STR("{}"));
    slv_json_put_bool(w, "is_skipped", false);
    slv_json_put_bool(w, "uses_functions", row->code.len > 0);
    slv_json_put_text(w, "author_email", row->author);
    slv_json_close(w, '}');
    return SLV_OK;
}

static slv_code put_named(asset_rest *r, slv_catalog *c, const slv_pages_project *row,
                          const char *key, slv_str id, slv_err *err)
{
    slv_pages_deployment d;
    slv_code code = id.len > 0
                        ? slv_catalog_pages_get(c, row->account, row->name, id, &r->arena, &d, err)
                        : SLV_E_NOTFOUND;

    slv_json_key(&r->json, key);
    if (code == SLV_OK)
        return slv_pages_put_deployment(r, row, &d, err);
    slv_json_raw(&r->json, SLV_STR("null"));
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code put_domains(asset_rest *r, slv_catalog *c, const slv_pages_project *row,
                            slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf own = SLV_BUF((size_t)4 << 10);
    slv_pages_domain_list list;
    slv_json_writer *w = &r->json;

    SLV_TRY(slv_catalog_domain_list(c, row->account, row->name, &r->arena, &list, err));
    SLV_TRY(slv_host_pages_name(slv_pages_of(r)->host, row->subdomain, SLV_STR(""), &own));
    slv_json_put_text(w, "subdomain", own.len > 0 ? slv_buf_view(&own) : row->subdomain);
    slv_json_key(w, "domains");
    slv_json_open(w, '[');
    if (own.len > 0)
        slv_json_text(w, slv_buf_view(&own));
    for (size_t i = 0; i < list.count; i++)
        slv_json_text(w, list.items[i].name);
    slv_json_close(w, ']');
    return SLV_OK;
}

slv_code slv_pages_put_project(asset_rest *r, slv_catalog *c, const slv_pages_project *row,
                               slv_err *err)
{
    const slv_pages_page newest = {.limit = 1};
    slv_json_writer *w = &r->json;
    slv_pages_deployment_list list;
    slv_node *extra = NULL;

    SLV_TRY(slv_json_parse(row->extra, SLV_JSON_STRICT, &r->arena, &extra, err));
    SLV_TRY(
        slv_catalog_pages_list(c, row->account, row->name, &newest, &r->arena, &list, NULL, err));
    slv_json_open(w, '{');
    slv_json_put_text(w, "id", row->id);
    slv_json_put_text(w, "name", row->name);
    SLV_TRY(put_domains(r, c, row, err));
    slv_json_put_raw(w, "source", SLV_STR("null"));
    slv_json_key(w, "build_config");
    if (slv_node_get(extra, "build_config"))
        slv_json_node(w, slv_node_get(extra, "build_config"));
    else
        slv_json_raw(w, SLV_STR("{\"build_command\":null,\"destination_dir\":null,"
                                "\"root_dir\":null}"));
    slv_json_put_raw(w, "deployment_configs", row->configs);
    slv_json_put_text(w, "production_branch", row->branch);
    SLV_TRY(put_named(r, c, row, "latest_deployment",
                      list.count > 0 ? list.items[0].id : SLV_STR(""), err));
    SLV_TRY(put_named(r, c, row, "canonical_deployment", row->production, err));
    slv_pages_put_time(w, "created_on", row->created_ms);
    slv_pages_put_time(w, "modified_on", row->modified_ms);
    slv_json_put_bool(w, "uses_functions", list.count > 0 && list.items[0].code.len > 0);
    slv_json_close(w, '}');
    return SLV_OK;
}
