/* The control API of workers: uploads, versions, deployments, secrets and settings. */
#include <stdio.h>

#include "api/routes.h"
#include "base/mem.h"
#include "support/script_rig.h"

/* These alone: the others have services of their own. */
const slv_api_route *const slv_api_tables[] = {
    slv_api_deployment_routes,
    slv_api_dispatch_routes,
    slv_api_script_object_routes,
    slv_api_script_reference_routes,
    slv_api_script_routes,
    slv_api_script_secret_routes,
    slv_api_script_setting_routes,
    slv_api_upload_routes,
    slv_api_version_routes,
    slv_api_worker_routes,
    NULL,
};

#define SHOP "/workers/scripts/shop"
#define DATE "\"compatibility_date\":\"2026-01-01\""
#define PLAIN "{\"main_module\":\"main.js\"," DATE ",\"compatibility_flags\":[],\"bindings\":[]}"

static void put(script_rig *rig, const char *metadata)
{
    script_rig_upload(rig, "PUT", SHOP "?excludeScript=true&bindings_inherit=strict", metadata,
                      "export default {}");
}

static bool version_count(script_rig *rig, unsigned n)
{
    char text[64];

    script_rig_json(rig, "GET", SHOP "/versions?per_page=1", "");
    snprintf(text, sizeof text, "\"total_count\":%u", n);
    return script_rig_says(rig, 200, text);
}

/* ---- uploads ---- */

TEST(a_first_upload_is_a_version_that_is_deployed_and_handed_to_the_host)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char id[64], deployed[64];

    CHECK(script_rig_open(&rig, "first"));
    script_rig_json(&rig, "GET", "/workers/services/shop", "");
    CHECK(script_rig_says(&rig, 404, "\"code\":10007"));
    put(&rig, PLAIN);
    CHECK(script_rig_says(&rig, 200, "\"id\":\"shop\""));
    CHECK(script_rig_says(&rig, 200, "\"startup_time_ms\":3"));
    CHECK(script_rig_text(&rig, "deployment_id", 0, id, sizeof id));
    CHECK_INT(strlen(id), 36);
    CHECK_INT(rig.host.refreshes, 1);
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("shop"));
    script_rig_json(&rig, "GET", SHOP "/deployments", "");
    CHECK(script_rig_text(&rig, "version_id", 0, deployed, sizeof deployed));
    CHECK_STR(slv_str_from(deployed), slv_str_from(id));
    script_rig_json(&rig, "GET", "/workers/services/shop", "");
    CHECK(script_rig_says(&rig, 200, "\"last_deployed_from\":\"wrangler\""));
    CHECK(script_rig_says(&rig, 200, "\"default_environment\":{\"environment\":\"production\""));
    script_rig_json(&rig, "GET", "/workers/scripts", "");
    CHECK(script_rig_says(&rig, 200, "\"id\":\"shop\""));
}

TEST(a_version_that_is_only_uploaded_is_not_deployed)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char first[64], second[64], body[512];

    CHECK(script_rig_open(&rig, "upload"));
    put(&rig, PLAIN);
    CHECK(script_rig_text(&rig, "deployment_id", 0, first, sizeof first));
    script_rig_upload(&rig, "POST", SHOP "/versions?bindings_inherit=strict",
                      "{\"main_module\":\"main.js\"," DATE
                      ",\"bindings\":[{\"type\":\"plain_text\",\"name\":\"A\",\"text\":\"1\"}],"
                      "\"annotations\":{\"workers/message\":\"try\",\"workers/alias\":\"next\"}}",
                      "export default {}");
    CHECK(script_rig_says(&rig, 200, "\"number\":2"));
    CHECK(script_rig_says(&rig, 200, "\"workers/message\":\"try\""));
    CHECK(script_rig_says(&rig, 200, "\"has_preview\":true"));
    CHECK(script_rig_says(&rig, 200, "\"etag\":\""));
    CHECK(script_rig_text(&rig, "id", 0, second, sizeof second));
    script_rig_json(&rig, "GET", SHOP "/deployments", "");
    CHECK(script_rig_says(&rig, 200, first));
    CHECK(!strstr(slv_buf_cstr(&rig.answer.body), second));
    snprintf(body, sizeof body,
             "{\"strategy\":\"percentage\",\"versions\":[{\"version_id\":\"%s\",\"percentage\":90},"
             "{\"version_id\":\"%s\",\"percentage\":10}],\"annotations\":{\"workers/message\":"
             "\"slowly\"}}",
             first, second);
    script_rig_json(&rig, "POST", SHOP "/deployments", body);
    CHECK(script_rig_says(&rig, 200, "\"percentage\":90"));
    script_rig_json(&rig, "GET", SHOP "/deployments", "");
    CHECK(script_rig_says(&rig, 200, "{\"deployments\":[{"));
    CHECK(script_rig_says(&rig, 200, "\"workers/message\":\"slowly\""));
    snprintf(body, sizeof body, SHOP "/versions/%s", second);
    script_rig_json(&rig, "GET", body, "");
    CHECK(script_rig_says(&rig, 200, "\"text\":\"1\""));
    CHECK(script_rig_says(&rig, 200, "\"compatibility_date\":\"2026-01-01\""));
    script_rig_json(&rig, "GET", SHOP "/versions/nothing", "");
    CHECK(script_rig_says(&rig, 404, "'nothing'"));
}

TEST(what_is_wrong_with_an_upload_is_said_and_nothing_is_stored)
{
    static const struct {
        const char *metadata, *text, *says;
    } wrong[] = {
        {"{", "x", "metadata is no JSON"},
        {"[]", "x", "metadata must be an object"},
        {"{\"bindings\":{}}", "x", "bindings must be an array"},
        {"{\"bindings\":[1]}", "x", "bindings[0] must be an object"},
        {"{\"bindings\":[{\"type\":\"kv_namespace\"}]}", "x", "bindings[0].name must be a string"},
        {"{\"bindings\":[{\"name\":\"A\"}]}", "x", "bindings[0].type must be a string"},
        {"{\"annotations\":{\"workers/tag\":7}}", "x", "workers/tag"},
        {"{\"annotations\":{\"workers/alias\":\"9a\"}}", "x", "workers/alias"},
        {"{\"tail_consumers\":[{}]}", "x", "tail_consumers[0].service"},
        {"{\"main_module\":\"main.js\"," DATE ",\"bindings\":[{\"name\":\"K\",\"type\":\"inherit\"}"
         "]}",
         "x", "inherit binding 'K' is invalid"},
        {PLAIN, "throws", "Uncaught Error: boom"},
    };
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "wrong"));
    for (size_t i = 0; i < SLV_ARRAY_LEN(wrong); i++) {
        script_rig_upload(&rig, "PUT", SHOP "?bindings_inherit=strict", wrong[i].metadata,
                          wrong[i].text);
        CHECK(script_rig_says(&rig, 400, wrong[i].says));
    }
    script_rig_json(&rig, "PUT", SHOP, "{}");
    CHECK(script_rig_says(&rig, 400, "multipart/form-data"));
    script_rig_start(&rig, &rig.answer, "PUT", SHOP, "multipart/form-data; boundary=x",
                     SLV_STR("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--x--"));
    CHECK(script_rig_wait(&rig, &rig.answer));
    CHECK(script_rig_says(&rig, 400, "no part \\\"metadata\\\""));
    script_rig_upload(&rig, "PUT", "/workers/scripts/-shop", PLAIN, "x");
    CHECK(script_rig_says(&rig, 400, "A Worker's name"));
    script_rig_json(&rig, "GET", "/workers/services/shop", "");
    CHECK(script_rig_says(&rig, 404, NULL));
    CHECK_INT(rig.host.refreshes, 0);
}

TEST(metadata_has_a_megabyte_and_not_one_byte_more)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(2 << 20);

    CHECK(script_rig_open(&rig, "megabyte"));
    CHECK(slv_buf_append(&text, SLV_STR("{\"bindings\":1,\"x\":\"")) == SLV_OK);
    while (text.len < ((size_t)1 << 20) - 2)
        CHECK(slv_buf_append_byte(&text, 'x') == SLV_OK);
    CHECK(slv_buf_append(&text, SLV_STR("\"}")) == SLV_OK);
    script_rig_upload(&rig, "PUT", SHOP, slv_buf_cstr(&text), "x");
    CHECK(script_rig_says(&rig, 400, "bindings must be an array"));
    text.len -= 2;
    CHECK(slv_buf_append(&text, SLV_STR("x\"}")) == SLV_OK);
    script_rig_upload(&rig, "PUT", SHOP, slv_buf_cstr(&text), "x");
    CHECK(script_rig_says(&rig, 413, "\"code\":10027"));
}

static slv_code put_part(slv_buf *body, const char *name, const char *type, slv_str text)
{
    SLV_TRY(slv_buf_printf(body,
                           "--" RIG_BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"; "
                           "filename=\"%s\"\r\nContent-Type: %s\r\n\r\n",
                           name, name, type));
    SLV_TRY(slv_buf_append(body, text));
    return slv_buf_append(body, SLV_STR("\r\n"));
}

static bool send_form(script_rig *rig, slv_buf *body)
{
    if (slv_buf_append(body, SLV_STR("--" RIG_BOUNDARY "--\r\n")) != SLV_OK)
        return false;
    script_rig_start(rig, &rig->answer, "PUT", SHOP, "multipart/form-data; boundary=" RIG_BOUNDARY,
                     slv_buf_view(body));
    return script_rig_wait(rig, &rig->answer);
}

/* What comes after the sizes were looked at fails: nothing is built. */
#define UNFIT SLV_STR("{\"bindings\":1}")

TEST(modules_have_sixty_four_megabytes_together_and_not_one_byte_more)
{
    const size_t max = (size_t)64 << 20;
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    SLV_CLEANUP(slv_charp_free) char *big = slv_alloc(max);

    memset(big, 'x', max);
    CHECK(script_rig_open(&rig, "size"));
    for (size_t more = 0; more < 2; more++) {
        SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)80 << 20);

        CHECK(put_part(&body, "metadata", "application/json", UNFIT) == SLV_OK);
        CHECK(put_part(&body, "a.js", "application/javascript+module", slv_str_make(big, more)) ==
              SLV_OK);
        CHECK(put_part(&body, "b.bin", "application/octet-stream", slv_str_make(big, max)) ==
              SLV_OK);
        CHECK(put_part(&body, "a.js.map", "application/source-map", slv_str_make(big, 4096)) ==
              SLV_OK);
        CHECK(send_form(&rig, &body));
        if (more == 0)
            CHECK(script_rig_says(&rig, 400, "bindings must be an array"));
        else
            CHECK(script_rig_says(&rig, 413, "\"code\":10027"));
    }
}

TEST(an_upload_has_five_thousand_parts_and_not_one_more)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "parts"));
    for (size_t more = 0; more < 2; more++) {
        SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)4 << 20);

        CHECK(put_part(&body, "metadata", "application/json", UNFIT) == SLV_OK);
        for (size_t i = 0; i < 5000 + more; i++) {
            char name[16];

            snprintf(name, sizeof name, "m%zu", i);
            CHECK(put_part(&body, name, "text/plain", SLV_STR("")) == SLV_OK);
        }
        CHECK(send_form(&rig, &body));
        if (more == 0)
            CHECK(script_rig_says(&rig, 400, "bindings must be an array"));
        else
            CHECK(script_rig_says(&rig, 413, "at most 5000 modules"));
    }
}

TEST(modules_come_back_as_they_were_uploaded)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "content"));
    put(&rig, PLAIN);
    script_rig_json(&rig, "GET", SHOP "/content/v2", "");
    CHECK(script_rig_says(&rig, 200, "export default {}"));
    CHECK(script_rig_says(&rig, 200, "name=\"main.js\"; filename=\"main.js\""));
    CHECK(slv_str_find(slv_buf_view(&rig.answer.headers), SLV_STR("cf-entrypoint:main.js\n"), 0) !=
          SIZE_MAX);
    CHECK(slv_str_find(slv_buf_view(&rig.answer.headers), SLV_STR("multipart/form-data; bound"),
                       0) != SIZE_MAX);
    script_rig_json(&rig, "GET", SHOP "/content/v2?version=nothing", "");
    CHECK(script_rig_says(&rig, 404, "'nothing'"));
}

/* ---- secrets ---- */

static void put_secret(script_rig *rig, const char *name, const char *text)
{
    char body[256];

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"text\":\"%s\",\"type\":\"secret_text\"}", name,
             text);
    script_rig_json(rig, "PUT", SHOP "/secrets", body);
}

TEST(a_secret_makes_a_version_that_is_deployed_and_is_never_told)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "secret"));
    put_secret(&rig, "KEY", "hush");
    CHECK(script_rig_says(&rig, 404, "\"code\":10007"));
    put(&rig, "{\"main_module\":\"main.js\"," DATE
              ",\"bindings\":[{\"type\":\"plain_text\",\"name\":\"MODE\",\"text\":\"x\"}]}");
    put_secret(&rig, "KEY", "hush");
    CHECK(script_rig_says(&rig, 200, "{\"name\":\"KEY\",\"type\":\"secret_text\"}"));
    CHECK(!strstr(slv_buf_cstr(&rig.answer.body), "hush"));
    CHECK(version_count(&rig, 2));
    CHECK(!strstr(slv_buf_cstr(&rig.answer.body), "hush"));
    CHECK(script_rig_says(&rig, 200, "\"name\":\"MODE\""));
    script_rig_json(&rig, "GET", SHOP "/secrets", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[{\"name\":\"KEY\",\"type\":\"secret_text\"}]"));
    script_rig_json(&rig, "GET", SHOP "/settings", "");
    CHECK(script_rig_says(&rig, 200, "{\"name\":\"KEY\",\"type\":\"secret_text\"}"));
    put_secret(&rig, "MODE", "y");
    CHECK(script_rig_says(&rig, 400, "already in use"));
    /* a deploy that says nothing of secrets keeps them */
    put(&rig, PLAIN);
    script_rig_json(&rig, "GET", SHOP "/secrets", "");
    CHECK(script_rig_says(&rig, 200, "\"KEY\""));
    script_rig_json(&rig, "DELETE", SHOP "/secrets/KEY?url_encoded=true", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":null"));
    script_rig_json(&rig, "GET", SHOP "/secrets", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "DELETE", SHOP "/secrets/KEY", "");
    CHECK(script_rig_says(&rig, 404, "'KEY'"));
    CHECK(version_count(&rig, 4));
}

TEST(secrets_that_come_together_are_all_there)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    script_answer answers[5] = {0};
    char body[128];

    CHECK(script_rig_open(&rig, "together"));
    put(&rig, PLAIN);
    for (int i = 0; i < 5; i++) {
        snprintf(body, sizeof body, "{\"name\":\"K%d\",\"text\":\"v\"}", i);
        script_rig_start(&rig, &answers[i], "PUT", SHOP "/secrets", "text/plain",
                         slv_str_from(body));
    }
    for (int i = 0; i < 5; i++) {
        bool over = script_rig_wait(&rig, &answers[i]);
        int status = answers[i].status;

        script_answer_done(&answers[i]);
        CHECK(over);
        CHECK_INT(status, 200);
    }
    script_rig_json(&rig, "GET", SHOP "/secrets", "");
    for (int i = 0; i < 5; i++) {
        snprintf(body, sizeof body, "\"K%d\"", i);
        CHECK(script_rig_says(&rig, 200, body));
    }
    CHECK(version_count(&rig, 6));
    CHECK(rig.host.builds > 6); /* some saw a version that another had added */
}

typedef struct secret_meanwhile {
    script_rig *rig;
    script_answer answer;
} secret_meanwhile;

static void put_meanwhile(void *arg)
{
    secret_meanwhile *m = arg;

    script_rig_start(m->rig, &m->answer, "PUT", SHOP "/secrets", "text/plain",
                     SLV_STR("{\"name\":\"LATE\",\"text\":\"v\"}"));
}

TEST(a_deploy_does_not_lose_a_secret_that_was_put_while_it_was_built)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    secret_meanwhile m = {.rig = &rig};
    bool over;

    CHECK(script_rig_open(&rig, "meanwhile"));
    put(&rig, PLAIN);
    rig.host.meanwhile = put_meanwhile;
    rig.host.meanwhile_arg = &m;
    put(&rig, PLAIN);
    over = script_rig_wait(&rig, &m.answer);
    script_answer_done(&m.answer);
    CHECK(over);
    CHECK_INT(m.answer.status, 200);
    CHECK(version_count(&rig, 3));
    script_rig_json(&rig, "GET", SHOP "/secrets", "");
    CHECK(script_rig_says(&rig, 200, "LATE"));
    CHECK_INT(rig.host.builds, 4);
}

TEST(secrets_are_not_changed_behind_a_version_that_waits_to_be_deployed)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "waiting"));
    put(&rig, PLAIN);
    script_rig_upload(&rig, "POST", SHOP "/versions", PLAIN, "export default {}");
    CHECK(script_rig_says(&rig, 200, NULL));
    put_secret(&rig, "KEY", "hush");
    CHECK(script_rig_says(&rig, 400, "\"code\":10215"));
    /* `versions secret put` of newer wrangler */
    script_rig_json(&rig, "PATCH", "/workers/workers/shop/versions/latest",
                    "{\"env\":{\"KEY\":{\"type\":\"secret_text\",\"text\":\"hush\"}},"
                    "\"annotations\":{\"workers/message\":\"why\"}}");
    CHECK(script_rig_says(&rig, 200, "\"number\":3"));
    CHECK(script_rig_says(&rig, 200, "\"workers/message\":\"why\""));
    CHECK(script_rig_says(&rig, 200, "{\"name\":\"KEY\",\"type\":\"secret_text\"}"));
    script_rig_json(&rig, "PATCH", "/workers/workers/shop/versions/latest",
                    "{\"env\":{\"KEY\":null}}");
    CHECK(script_rig_says(&rig, 200, "\"bindings\":[]"));
    script_rig_json(&rig, "PATCH", "/workers/workers/shop/versions/latest", "{\"env\":{\"K\":1}}");
    CHECK(script_rig_says(&rig, 400, "env.K must be null or an object"));
}

TEST(many_secrets_at_once)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "bulk"));
    put(&rig, PLAIN);
    put_secret(&rig, "OLD", "1");
    put_secret(&rig, "STAYS", "2");
    script_rig_json(&rig, "PATCH", SHOP "/secrets-bulk",
                    "{\"secrets\":{\"A\":{\"name\":\"A\",\"text\":\"3\",\"type\":\"secret_text\"},"
                    "\"OLD\":null}}");
    CHECK(script_rig_says(&rig, 200, "\"STAYS\""));
    CHECK(script_rig_says(&rig, 200, "\"A\""));
    CHECK(!strstr(slv_buf_cstr(&rig.answer.body), "OLD"));
    script_rig_json(&rig, "PATCH", SHOP "/secrets-bulk", "{\"secrets\":{\"A\":{\"text\":3}}}");
    CHECK(script_rig_says(&rig, 400, "secrets[\\\"A\\\"]"));
    /* the form that wrangler 4.86 sends */
    script_rig_start(&rig, &rig.answer, "PATCH", SHOP "/settings",
                     "multipart/form-data; boundary=x",
                     SLV_STR("--x\r\nContent-Disposition: form-data; name=\"settings\"\r\n\r\n"
                             "{\"bindings\":[{\"name\":\"A\",\"type\":\"secret_text\"},"
                             "{\"name\":\"B\",\"type\":\"secret_text\",\"text\":\"4\"}]}\r\n"
                             "--x--\r\n"));
    CHECK(script_rig_wait(&rig, &rig.answer));
    CHECK(script_rig_says(&rig, 200, "\"bindings\":["));
    script_rig_json(&rig, "GET", SHOP "/secrets", "");
    CHECK(script_rig_says(&rig, 200, "\"A\""));
    CHECK(script_rig_says(&rig, 200, "\"B\""));
    CHECK(!strstr(slv_buf_cstr(&rig.answer.body), "STAYS"));
}

TEST(a_rollback_behind_a_change_of_secrets_asks_first)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char first[64], body[256];

    CHECK(script_rig_open(&rig, "rollback"));
    put(&rig, PLAIN);
    CHECK(script_rig_text(&rig, "deployment_id", 0, first, sizeof first));
    put(&rig, PLAIN);
    snprintf(body, sizeof body, "{\"versions\":[{\"version_id\":\"%s\",\"percentage\":100}]}",
             first);
    script_rig_json(&rig, "POST", SHOP "/deployments", body);
    CHECK(script_rig_says(&rig, 200, first));
    CHECK(script_rig_says(&rig, 200, "\"workers/triggered_by\":\"rollback\""));
    put(&rig, PLAIN);
    put_secret(&rig, "KEY", "hush");
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "POST", SHOP "/deployments", body);
    CHECK(script_rig_says(&rig, 400, "\"code\":10220"));
    CHECK(script_rig_says(&rig, 400, "The following secrets have changed: KEY"));
    script_rig_json(&rig, "POST", SHOP "/deployments?force=true", body);
    CHECK(script_rig_says(&rig, 200, first));
}

/* ---- deployments ---- */

TEST(what_is_wrong_with_a_deployment_is_said)
{
    static const struct {
        const char *body, *says;
    } wrong[] = {
        {"{}", "versions must be an array"},
        {"{\"versions\":[]}", "versions must have 1 or 2 items"},
        {"{\"versions\":[1,2,3]}", "versions must have 1 or 2 items"},
        {"{\"versions\":[{}]}", "versions[0].version_id must be a string"},
        {"{\"versions\":[{\"version_id\":\"x\"}]}", "versions[0].percentage must be a number"},
        {"{\"versions\":[{\"version_id\":\"x\",\"percentage\":100}]}", "no version 'x'"},
        {"{\"versions\":[{\"version_id\":\"x\",\"percentage\":50}]}", "add up to 100"},
        {"{\"strategy\":\"blue\"}", "strategy"},
        {"{", "JSON"},
    };
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "deployment"));
    put(&rig, PLAIN);
    for (size_t i = 0; i < SLV_ARRAY_LEN(wrong); i++) {
        script_rig_json(&rig, "POST", SHOP "/deployments", wrong[i].body);
        CHECK(script_rig_says(&rig, 400, wrong[i].says));
    }
    script_rig_json(&rig, "POST", "/workers/scripts/none/deployments",
                    "{\"versions\":[{\"version_id\":\"x\",\"percentage\":100}]}");
    CHECK(script_rig_says(&rig, 404, "\"code\":10007"));
}

/* ---- settings ---- */

TEST(settings_of_the_worker_make_no_version_and_survive_uploads_as_wrangler_expects)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "settings"));
    put(&rig, PLAIN);
    script_rig_json(
        &rig, "PATCH", SHOP "/script-settings",
        "{\"logpush\":true,\"tags\":[\"cf:service=shop\"],\"observability\":{\"enabled\""
        ":true},\"tail_consumers\":[{\"service\":\"watch\"}]}");
    CHECK(script_rig_says(&rig, 200, "\"tags\":[\"cf:service=shop\"]"));
    script_rig_json(&rig, "PATCH", SHOP "/script-settings", "{\"logpush\":false}");
    CHECK(script_rig_says(&rig, 200, "\"watch\""));
    CHECK(script_rig_says(&rig, 200, "\"logpush\":false"));
    CHECK(version_count(&rig, 1));
    script_rig_json(&rig, "GET", "/workers/tails/by-consumer/watch", "");
    CHECK(script_rig_says(&rig, 200, "\"service\":\"shop\""));
    put(&rig, PLAIN);
    script_rig_json(&rig, "GET", SHOP "/script-settings", "");
    CHECK(script_rig_says(&rig, 200, "\"tags\":[\"cf:service=shop\"]"));
    CHECK(script_rig_says(&rig, 200, "\"tail_consumers\":null"));
    script_rig_json(&rig, "PATCH", SHOP "/script-settings", "{\"tags\":[1]}");
    CHECK(script_rig_says(&rig, 400, "tags must be an array of strings"));
    script_rig_json(&rig, "PATCH", SHOP "/settings", "{\"compatibility_date\":\"2025-05-05\"}");
    CHECK(script_rig_says(&rig, 200, "\"compatibility_date\":\"2025-05-05\""));
    CHECK(version_count(&rig, 3));
}

TEST(a_worker_may_be_made_before_its_code_and_its_classes_are_listed)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    char tag[64], path[256], key[64];

    CHECK(script_rig_open(&rig, "workers"));
    script_rig_json(&rig, "POST", "/workers/workers",
                    "{\"name\":\"shop\",\"subdomain\":{\"enabled\":true}}");
    CHECK(script_rig_says(&rig, 200, "\"subdomain\":{\"enabled\":true,\"previews_enabled\":true}"));
    CHECK(script_rig_text(&rig, "id", 0, tag, sizeof tag));
    script_rig_json(&rig, "POST", "/workers/workers", "{\"name\":\"shop\"}");
    CHECK(script_rig_says(&rig, 409, NULL));
    script_rig_upload(&rig, "POST", SHOP "/versions",
                      "{\"main_module\":\"main.js\"," DATE ",\"bindings\":[],\"migrations\":{"
                      "\"new_tag\":\"v1\",\"steps\":[{\"new_sqlite_classes\":[\"Room\"]}]}}",
                      "export default {}");
    CHECK(script_rig_says(&rig, 200, "\"number\":1"));
    snprintf(path, sizeof path, "/workers/workers/%s", tag);
    script_rig_json(&rig, "PATCH", path, "{\"tags\":[\"a\"]}");
    CHECK(script_rig_says(&rig, 200, "\"tags\":[\"a\"]"));
    script_rig_json(&rig, "GET", "/workers/workers?page=1&per_page=1", "");
    CHECK(script_rig_says(&rig, 200, "\"total_count\":1"));
    script_rig_json(&rig, "GET", "/workers/durable_objects/namespaces?per_page=1000", "");
    CHECK(script_rig_says(&rig, 200, "\"class\":\"Room\",\"use_sqlite\":true"));
    CHECK(script_rig_text(&rig, "id", 0, key, sizeof key));
    snprintf(path, sizeof path, "/workers/durable_objects/namespaces/%s", key);
    script_rig_json(&rig, "GET", path, "");
    CHECK(script_rig_says(&rig, 200, "\"script\":\"shop\""));
    script_rig_json(&rig, "GET", "/workers/durable_objects/namespaces/none", "");
    CHECK(script_rig_says(&rig, 404, "'none'"));
    script_rig_json(&rig, "GET", "/workers/services/shop", "");
    CHECK(script_rig_says(&rig, 200, "\"migration_tag\":\"v1\""));
    /* migrations begin where the last ones ended */
    script_rig_upload(&rig, "PUT", SHOP,
                      "{\"main_module\":\"main.js\"," DATE ",\"bindings\":[],\"migrations\":{"
                      "\"old_tag\":\"v0\",\"new_tag\":\"v2\",\"steps\":[]}}",
                      "export default {}");
    CHECK(script_rig_says(&rig, 400, "\"code\":10079"));
    script_rig_json(&rig, "DELETE", "/workers/workers/shop", "");
    CHECK(script_rig_says(&rig, 200, NULL));
}

/* ---- the end ---- */

TEST(a_worker_that_others_need_is_deleted_by_force_alone)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};

    CHECK(script_rig_open(&rig, "references"));
    put(&rig, PLAIN);
    script_rig_upload(&rig, "PUT", "/workers/scripts/front",
                      "{\"main_module\":\"main.js\"," DATE
                      ",\"bindings\":[{\"type\":\"service\",\"name\":\"S\",\"service\":\"shop\"}]}",
                      "export default {}");
    CHECK(script_rig_says(&rig, 200, NULL));
    script_rig_json(&rig, "GET", SHOP "/references", "");
    CHECK(script_rig_says(&rig, 200, "\"incoming\":[{\"service\":\"front\""));
    script_rig_json(&rig, "GET", "/workers/scripts/front/references", "");
    CHECK(script_rig_says(&rig, 200, "\"outgoing\":[{\"service\":\"shop\""));
    script_rig_json(&rig, "DELETE", "/workers/services/shop?force=false", "");
    CHECK(script_rig_says(&rig, 400, "'front'"));
    script_rig_json(&rig, "DELETE", "/workers/services/shop?force=true", "");
    CHECK(script_rig_says(&rig, 200, NULL));
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("shop"));
    script_rig_json(&rig, "GET", SHOP "/settings", "");
    CHECK(script_rig_says(&rig, 404, "\"code\":10007"));
}

TEST(workers_of_a_dispatch_namespace)
{
    SLV_CLEANUP(script_rig_done) script_rig rig = {0};
    const char *path = "/workers/dispatch/namespaces/tenants/scripts/shop";

    CHECK(script_rig_open(&rig, "dispatch"));
    script_rig_upload(&rig, "PUT", path, PLAIN, "export default {}");
    CHECK(script_rig_says(&rig, 404, "tenants"));
    script_rig_json(&rig, "POST", "/workers/dispatch/namespaces", "{\"name\":\"tenants\"}");
    CHECK(script_rig_says(&rig, 200, "\"namespace_name\":\"tenants\""));
    script_rig_json(&rig, "POST", "/workers/dispatch/namespaces", "{\"name\":\"tenants\"}");
    CHECK(script_rig_says(&rig, 409, NULL));
    script_rig_json(&rig, "GET", path, "");
    CHECK(script_rig_says(&rig, 404, "\"code\":10092"));
    script_rig_upload(&rig, "PUT", path, PLAIN, "export default {}");
    CHECK(script_rig_says(&rig, 200, "\"dispatch_namespace\":\"tenants\""));
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("tenants/shop"));
    script_rig_json(&rig, "GET", "/workers/scripts", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
    script_rig_json(&rig, "GET", "/workers/dispatch/namespaces/tenants/scripts", "");
    CHECK(script_rig_says(&rig, 200, "\"id\":\"shop\""));
    script_rig_json(&rig, "PUT", "/workers/dispatch/namespaces/tenants/scripts/shop/secrets",
                    "{\"name\":\"K\",\"text\":\"v\"}");
    CHECK(script_rig_says(&rig, 200, "\"K\""));
    script_rig_json(&rig, "PUT", "/workers/dispatch/namespaces/tenants", "{\"name\":\"people\"}");
    CHECK(script_rig_says(&rig, 200, "\"people\""));
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("people/shop"));
    script_rig_json(&rig, "DELETE", "/workers/dispatch/namespaces/people", "");
    CHECK(script_rig_says(&rig, 200, NULL));
    CHECK_STR(slv_str_from(rig.host.refreshed), SLV_STR("people/shop"));
    script_rig_json(&rig, "GET", "/workers/dispatch/namespaces", "");
    CHECK(script_rig_says(&rig, 200, "\"result\":[]"));
}

TAP_MAIN()
