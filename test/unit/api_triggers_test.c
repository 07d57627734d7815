/* The control API of workers: what leads to them. Hosts, routes, custom domains, crons. */
#include <stdio.h>

#include "api/routes.h"
#include "base/mem.h"
#include "support/script_rig.h"

const slv_api_route *const slv_api_tables[] = {
    slv_api_script_domain_routes, slv_api_script_route_routes, slv_api_script_routes,
    slv_api_trigger_routes,       slv_api_upload_routes,       NULL,
};

#define SHOP "/workers/scripts/shop"
#define BLOG "/workers/scripts/blog"
#define PLAIN "{\"main_module\":\"main.js\",\"compatibility_date\":\"2026-01-01\",\"bindings\":[]}"
/* What the control API gives as the id of the zone "example.com". */
#define ZONE "a379a6f6eeafb9a55e378c118034e275"

static bool open_rig(script_rig *rig, const char *name)
{
    if (!script_rig_open(rig, name))
        return false;
    script_rig_upload(rig, "PUT", SHOP, PLAIN, "export default {}");
    if (!script_rig_says(rig, 200, NULL))
        return false;
    script_rig_upload(rig, "PUT", BLOG, PLAIN, "export default {}");
    return script_rig_says(rig, 200, NULL);
}

/* ---- the host of its name ---- */

TEST(a_worker_has_a_host_when_it_is_switched_on)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(open_rig(&rig, "subdomain"));
    script_rig_json(&rig, "GET", SHOP "/subdomain", "");
    CHECK(script_rig_says(&rig, 200, "{\"enabled\":false,\"previews_enabled\":false}"));
    script_rig_json(&rig, "POST", SHOP "/subdomain", "{\"enabled\":true}");
    CHECK(script_rig_says(&rig, 200, "{\"enabled\":true,\"previews_enabled\":true}"));
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("shop"));
    script_rig_json(&rig, "POST", SHOP "/subdomain",
                    "{\"enabled\":true,\"previews_enabled\":false}");
    CHECK(script_rig_says(&rig, 200, "{\"enabled\":true,\"previews_enabled\":false}"));
    script_rig_upload(&rig, "PUT", SHOP, PLAIN, "export default {}");
    script_rig_json(&rig, "GET", SHOP "/subdomain", "");
    CHECK(script_rig_says(&rig, 200, "{\"enabled\":true,\"previews_enabled\":false}"));
    script_rig_json(&rig, "POST", SHOP "/subdomain", "{\"enabled\":1}");
    CHECK(script_rig_says(&rig, 400, "enabled must be true or false"));
    script_rig_json(&rig, "POST", "/workers/scripts/none/subdomain", "{\"enabled\":true}");
    CHECK(script_rig_says(&rig, 404, "\"code\":10007"));
}

/* ---- crons ---- */

TEST(schedules_replace_each_other)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(open_rig(&rig, "schedules"));
    script_rig_json(&rig, "PUT", SHOP "/schedules",
                    "[{\"cron\":\"*/5 * * * *\"},{\"cron\":\"0 0 * * SUN\"},"
                    "{\"cron\":\"*/5 * * * *\"}]");
    CHECK(script_rig_says(&rig, 200, "\"cron\":\"0 0 * * SUN\""));
    script_rig_json(&rig, "GET", SHOP "/schedules", "");
    CHECK(script_rig_says(&rig, 200, "{\"schedules\":[{\"cron\":\"*/5 * * * *\""));
    script_rig_json(&rig, "PUT", SHOP "/schedules",
                    "[{\"cron\":\"*/5 * * * *\"},{\"cron\":\"no\"}"
                    "]");
    CHECK(script_rig_says(&rig, 400, "invalid cron string 'no'"));
    script_rig_json(&rig, "GET", SHOP "/schedules", "");
    CHECK(script_rig_says(&rig, 200, "SUN"));
    script_rig_json(&rig, "PUT", SHOP "/schedules", "[{}]");
    CHECK(script_rig_says(&rig, 400, "[0].cron must be a string"));
    script_rig_json(&rig, "PUT", SHOP "/schedules", "[]");
    CHECK(script_rig_says(&rig, 200, "{\"schedules\":[]}"));
}

TEST(an_account_has_two_hundred_and_fifty_crons_and_not_one_more)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(1 << 16);

    CHECK(open_rig(&rig, "crons"));
    CHECK(slv_buf_append_byte(&body, '[') == SLV_OK);
    for (unsigned i = 0; i < SLV_CATALOG_CRONS_MAX - 1; i++)
        CHECK(slv_buf_printf(&body, "{\"cron\":\"%u %u * * *\"},", i % 60, i / 60) == SLV_OK);
    body.ptr[body.len - 1] = ']';
    script_rig_call(&rig, "PUT", SHOP "/schedules", slv_buf_view(&body));
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "PUT", BLOG "/schedules", "[\"1 1 * * *\"]");
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "PUT", BLOG "/schedules", "[\"1 1 * * *\",\"2 1 * * *\"]");
    CHECK(script_rig_says(&rig, 400, "at most 250 cron triggers"));
    script_rig_json(&rig, "GET", BLOG "/schedules", "");
    CHECK(script_rig_says(&rig, 200, "\"1 1 * * *\""));
}

/* ---- routes ---- */

TEST(routes_of_a_worker_replace_each_other_and_conflicts_name_the_owner)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char id[64], path[256];

    CHECK(open_rig(&rig, "routes"));
    script_rig_json(&rig, "PUT", SHOP "/routes",
                    "[{\"pattern\":\"shop.example.com/*\",\"zone_name\":\"example.com\"},"
                    "\"example.com/shop*\"]");
    CHECK(script_rig_says(&rig, 200, "\"pattern\":\"example.com/shop*\""));
    script_rig_json(&rig, "PUT", BLOG "/routes",
                    "[{\"pattern\":\"example.com/blog*\"},"
                    "{\"pattern\":\"SHOP.example.com/*\"}]");
    CHECK(script_rig_says(&rig, 409, "'SHOP.example.com/*' is already assigned to worker 'shop'"));
    script_rig_json(&rig, "GET", BLOG "/routes", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "GET", "/zones/" ZONE "/workers/routes", "");
    CHECK(script_rig_says(&rig, 200, "\"script\":\"shop\""));
    script_rig_json(&rig, "GET", "/zones/00000000000000000000000000000000/workers/routes", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "POST", "/zones/" ZONE "/workers/routes",
                    "{\"pattern\":\"example.com/blog*\",\"script\":\"blog\"}");
    CHECK(script_rig_says(&rig, 200, "\"script\":\"blog\""));
    CHECK(script_rig_text(&rig, "id", 0, id, sizeof id));
    snprintf(path, sizeof path, "/zones/" ZONE "/workers/routes/%s", id);
    script_rig_json(&rig, "PUT", path, "{\"pattern\":\"example.com/posts*\",\"script\":\"shop\"}");
    CHECK(script_rig_says(&rig, 200, "\"script\":\"shop\""));
    script_rig_json(&rig, "GET", path, "");
    CHECK(script_rig_says(&rig, 404, NULL));
    script_rig_json(&rig, "PUT", SHOP "/routes", "[]");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "PUT", BLOG "/routes", "[{\"pattern\":\"shop.example.com/*\"}]");
    CHECK(script_rig_says(&rig, 200, NULL));
}

TEST(a_route_may_lead_to_no_worker)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char id[64], path[256];

    CHECK(open_rig(&rig, "none"));
    script_rig_json(&rig, "POST", "/zones/" ZONE "/workers/routes",
                    "{\"pattern\":\"example.com/static/*\"}");
    CHECK(script_rig_says(&rig, 200, "\"pattern\":\"example.com/static/*\""));
    CHECK(!strstr(slv_buf_cstr(&rig.answer.body), "\"script\""));
    CHECK(script_rig_text(&rig, "id", 0, id, sizeof id));
    script_rig_json(&rig, "PUT", SHOP "/routes", "[\"example.com/static/*\"]");
    CHECK(script_rig_says(&rig, 409, "no worker"));
    snprintf(path, sizeof path, "/zones/" ZONE "/workers/routes/%s", id);
    script_rig_json(&rig, "DELETE", path, "");
    CHECK(script_rig_says(&rig, 200, id));
    script_rig_json(&rig, "PUT", SHOP "/routes", "[\"example.com/static/*\"]");
    CHECK(script_rig_says(&rig, 200, NULL));
}

TEST(patterns_that_are_wrong_or_reach_for_the_servers_own_hosts)
{
    static const struct {
        const char *pattern, *says;
    } wrong[] = {
        {"example.com/*/x", "route pattern 'example.com/*/x': "},
        {"*/*", "alone"},
        {"shop.ours.test/*", "server's own domain"},
        {"*.ours.test/*", "server's own domain"},
        {"OURS.test/", "server's own domain"},
        {"*.test/*", "server's own domain"},
        {"*urs.test/*", ""},
    };
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char body[256];

    CHECK(open_rig(&rig, "wrong"));
    for (size_t i = 0; i < SLV_ARRAY_LEN(wrong); i++) {
        snprintf(body, sizeof body, "[{\"pattern\":\"%s\"}]", wrong[i].pattern);
        script_rig_json(&rig, "PUT", SHOP "/routes", body);
        CHECK(script_rig_says(&rig, wrong[i].says[0] ? 400 : 200, wrong[i].says));
    }
    script_rig_json(&rig, "PUT", SHOP "/routes", "[{\"pattern\":1}]");
    CHECK(script_rig_says(&rig, 400, "pattern must be a string"));
    script_rig_json(&rig, "PUT", SHOP "/routes", "{}");
    CHECK(script_rig_says(&rig, 400, "array"));
}

/* ---- custom domains ---- */

TEST(a_custom_domain_is_taken_over_only_when_that_is_said)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char id[64], path[256];

    CHECK(open_rig(&rig, "domains"));
    script_rig_json(&rig, "PUT", SHOP "/domains/records",
                    "{\"override_existing_origin\":true,\"origins\":[{\"hostname\":"
                    "\"Shop.example.com\",\"zone_name\":\"example.com\"}]}");
    CHECK(script_rig_says(&rig, 200, "\"hostname\":\"shop.example.com\""));
    CHECK(script_rig_says(&rig, 200, "\"zone_id\":\"" ZONE "\""));
    CHECK(script_rig_text(&rig, "id", 0, id, sizeof id));
    script_rig_json(&rig, "POST", BLOG "/domains/changeset?replace_state=true",
                    "[{\"hostname\":\"shop.example.com\"},{\"hostname\":\"blog.example.com\"}]");
    CHECK(script_rig_says(&rig, 200, "\"added\":[{\"id\":\""));
    CHECK(script_rig_says(&rig, 200, "\"modified\":true"));
    snprintf(path, sizeof path, "/workers/domains/records/%s", id);
    script_rig_json(&rig, "GET", path, "");
    CHECK(script_rig_says(&rig, 200, "\"service\":\"shop\""));
    script_rig_json(&rig, "PUT", BLOG "/domains/records",
                    "{\"override_existing_origin\":false,\"origins\":[{\"hostname\":"
                    "\"shop.example.com\"}]}");
    CHECK(script_rig_says(&rig, 409, "already assigned to worker 'shop'"));
    script_rig_json(&rig, "PUT", BLOG "/domains/records",
                    "{\"override_existing_origin\":true,\"origins\":[{\"hostname\":"
                    "\"shop.example.com\"}]}");
    CHECK(script_rig_says(&rig, 200, "\"service\":\"blog\""));
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("shop")); /* after blog */
    script_rig_json(&rig, "GET", SHOP "/domains/records", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "GET", "/workers/domains", "");
    CHECK(script_rig_says(&rig, 200, id));
    snprintf(path, sizeof path, "/workers/domains/%s", id);
    script_rig_json(&rig, "DELETE", path, "");
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "GET", "/workers/domains/records", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "PUT", "/workers/domains",
                    "{\"hostname\":\"a.ours.test\",\"service\":\"shop\"}");
    CHECK(script_rig_says(&rig, 400, "server's own domain"));
    script_rig_json(&rig, "PUT", "/workers/domains",
                    "{\"hostname\":\"*.example.com\",\"service\":\"shop\"}");
    CHECK(script_rig_says(&rig, 400, "wildcard"));
    script_rig_json(&rig, "PUT", "/workers/domains",
                    "{\"hostname\":\"b.example.com\",\"service\":\"shop\"}");
    CHECK(script_rig_says(&rig, 200, "\"hostname\":\"b.example.com\""));
}

TEST(what_leads_to_a_worker_goes_with_it)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(open_rig(&rig, "gone"));
    script_rig_json(&rig, "PUT", SHOP "/routes", "[\"example.com/*\"]");
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "DELETE", SHOP, "");
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "PUT", BLOG "/routes", "[\"example.com/*\"]");
    CHECK(script_rig_says(&rig, 200, NULL));
}

TAP_MAIN()
