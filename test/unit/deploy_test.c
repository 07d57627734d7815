/* What a deployment sends: metadata of a configuration, forms, JSON written in order. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/form.h"
#include "cli/metadata.h"
#include "cli/rest_remote.h"
#include "fmt/json_write.h"
#include "support/tap.h"

/* ---- json_write.h ---- */

TEST(json_is_written_with_commas_where_they_belong)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);
    slv_json_writer w = SLV_JSON_WRITER(&out);

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "a", SLV_STR("x\"y"));
    slv_json_put_some(&w, "absent", SLV_STR(""));
    slv_json_key(&w, "list");
    slv_json_open(&w, '[');
    slv_json_number(&w, -1);
    slv_json_bool(&w, true);
    slv_json_node(&w, NULL);
    slv_json_open(&w, '[');
    slv_json_close(&w, ']');
    slv_json_close(&w, ']');
    slv_json_put_number(&w, "n", 7);
    slv_json_put_bool(&w, "b", false);
    slv_json_put_raw(&w, "r", SLV_STR("{}"));
    slv_json_close(&w, '}');
    CHECK(w.code == SLV_OK);
    CHECK(slv_str_is(slv_buf_view(&out),
                     "{\"a\":\"x\\\"y\",\"list\":[-1,true,null,[]],\"n\":7,\"b\":false,\"r\":{}}"));
}

TEST(json_that_passes_the_limit_says_so_at_the_end)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8);
    slv_json_writer w = SLV_JSON_WRITER(&out);

    slv_json_open(&w, '[');
    for (int i = 0; i < 10; i++)
        slv_json_number(&w, i);
    slv_json_close(&w, ']');
    CHECK(w.code == SLV_E_LIMIT);
}

/* ---- form.h ---- */

TEST(a_form_has_a_part_for_each_field_and_escapes_names)
{
    SLV_CLEANUP(slv_form_done) slv_form f;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(4096), want = SLV_BUF(4096);

    slv_form_init(&f, 4096);
    slv_form_text(&f, "metadata", SLV_STR("{}"));
    slv_form_file(&f, SLV_STR("./a\"b\r\n.js"), SLV_STR("text/plain"), SLV_STR("bytes"));
    CHECK(slv_form_end(&f, &headers, NULL) == SLV_OK);
    CHECK(slv_buf_printf(
              &want,
              "--%s\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n"
              "--%s\r\ncontent-disposition: form-data; name=\"./a%%22b%%0D%%0A.js\"; "
              "filename=\"./a%%22b%%0D%%0A.js\"\r\ncontent-type: text/plain\r\n\r\nbytes\r\n"
              "--%s--\r\n",
              f.boundary, f.boundary, f.boundary) == SLV_OK);
    CHECK(slv_str_eq(slv_buf_view(&f.body), slv_buf_view(&want)));
    CHECK(slv_str_find(slv_buf_view(&headers), slv_str_from(f.boundary), 0) != SIZE_MAX);
}

TEST(a_form_beyond_its_limit_is_an_error)
{
    SLV_CLEANUP(slv_form_done) slv_form f;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(4096);

    slv_form_init(&f, 200);
    slv_form_file(&f, SLV_STR("x"), SLV_STR("text/plain"), SLV_STR("0123456789"));
    slv_form_file(&f, SLV_STR("y"), SLV_STR("text/plain"), SLV_STR("0123456789"));
    CHECK(slv_form_end(&f, &headers, NULL) == SLV_E_LIMIT);
}

/* ---- metadata.h ---- */

typedef struct written {
    slv_project_options options;
    slv_project project;
    slv_metadata m;
    slv_buf out;
} written;

static void written_done(written *w)
{
    slv_config_done(&w->project.config);
    slv_compat_done(&w->project.compat);
    slv_buf_done(&w->out);
}
SLV_DEFINE_CLEANUP_DONE(written, written_done);

static bool read_config(written *w, const char *env, const char *text)
{
    const slv_config_options options = {.file = "wrangler.toml", .env = slv_str_from(env)};

    *w = (written){.out = SLV_BUF((size_t)1 << 20)};
    w->project.options = &w->options;
    w->m.project = &w->project;
    w->m.main_name = SLV_STR("index.js");
    (void)snprintf(w->project.compat.date, sizeof w->project.compat.date, "2026-01-01");
    return slv_config_parse(slv_str_from(text), &options, &w->project.config, NULL) == SLV_OK;
}

static bool gives(written *w, const char *json)
{
    slv_err err = {0};

    if (slv_metadata_write(&w->m, &w->out, &err) != SLV_OK)
        return false;
    if (slv_str_is(slv_buf_view(&w->out), json))
        return true;
    tap_note("%.*s", SLV_STR_ARGS(slv_buf_view(&w->out)));
    return false;
}

TEST(metadata_of_a_plain_worker)
{
    SLV_CLEANUP(written_done) written w;

    CHECK(read_config(&w, "", "name = \"x\"\ncompatibility_flags = [\"nodejs_compat\"]\n"));
    CHECK(gives(&w, "{\"main_module\":\"index.js\",\"bindings\":[],\"compatibility_date\":"
                    "\"2026-01-01\",\"compatibility_flags\":[\"nodejs_compat\"]}"));
}

TEST(metadata_of_every_kind_of_binding)
{
    SLV_CLEANUP(written_done) written w;

    CHECK(read_config(
        &w, "",
        "name = \"x\"\n[vars]\nA = \"a\"\nB = [1]\n"
        "[[kv_namespaces]]\nbinding = \"KV\"\nid = \"k1\"\npreview_id = \"not this\"\n"
        "[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"d1\"\n"
        "[[r2_buckets]]\nbinding = \"R\"\nbucket_name = \"b\"\njurisdiction = \"eu\"\n"
        "[[queues.producers]]\nbinding = \"Q\"\nqueue = \"q\"\ndelivery_delay = 3\n"
        "[[durable_objects.bindings]]\nname = \"O\"\nclass_name = \"C\"\nscript_name = \"other\"\n"
        "[[services]]\nbinding = \"S\"\nservice = \"s\"\nentrypoint = \"E\"\nprops = { a = 1 }\n"
        "[[analytics_engine_datasets]]\nbinding = \"EV\"\n"
        "[[dispatch_namespaces]]\nbinding = \"D\"\nnamespace = \"n\"\n"
        "outbound = { service = \"out\", parameters = [\"p\"] }\n"));
    CHECK(gives(
        &w, "{\"main_module\":\"index.js\",\"bindings\":["
            "{\"name\":\"A\",\"type\":\"plain_text\",\"text\":\"a\"},"
            "{\"name\":\"B\",\"type\":\"json\",\"json\":[1]},"
            "{\"name\":\"KV\",\"type\":\"kv_namespace\",\"namespace_id\":\"k1\"},"
            "{\"name\":\"DB\",\"type\":\"d1\",\"id\":\"d1\"},"
            "{\"name\":\"R\",\"type\":\"r2_bucket\",\"bucket_name\":\"b\",\"jurisdiction\":\"eu\"},"
            "{\"name\":\"Q\",\"type\":\"queue\",\"queue_name\":\"q\",\"delivery_delay\":3},"
            "{\"name\":\"O\",\"type\":\"durable_object_namespace\",\"class_name\":\"C\",\"script_"
            "name\":"
            "\"other\"},"
            "{\"name\":\"S\",\"type\":\"service\",\"service\":\"s\",\"entrypoint\":\"E\",\"props\":"
            "{\"a\":1}},"
            "{\"name\":\"EV\",\"type\":\"analytics_engine\",\"dataset\":\"EV\"},"
            "{\"name\":\"D\",\"type\":\"dispatch_namespace\",\"namespace\":\"n\",\"outbound\":"
            "{\"worker\":{\"service\":\"out\"},\"params\":[{\"name\":\"p\"}]}}],"
            "\"compatibility_date\":\"2026-01-01\",\"compatibility_flags\":[]}"));
}

TEST(metadata_of_what_was_provided_or_is_inherited)
{
    SLV_CLEANUP(written_done) written w;
    const slv_provision provisions[] = {{SLV_STR("KV"), SLV_STR("made")},
                                        {SLV_STR("DB"), SLV_STR("")}};

    CHECK(read_config(&w, "",
                      "name = \"x\"\n[[kv_namespaces]]\nbinding = \"KV\"\n"
                      "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"db\"\n"));
    w.m.provisions = provisions;
    w.m.provision_count = 2;
    CHECK(gives(&w, "{\"main_module\":\"index.js\",\"bindings\":["
                    "{\"name\":\"KV\",\"type\":\"kv_namespace\",\"namespace_id\":\"made\"},"
                    "{\"name\":\"DB\",\"type\":\"inherit\"}],"
                    "\"compatibility_date\":\"2026-01-01\",\"compatibility_flags\":[]}"));
}

static const char migrations[] = "name = \"x\"\n"
                                 "[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"A\"]\n"
                                 "[[migrations]]\ntag = \"v2\"\nrenamed_classes = [{ from = \"A\", "
                                 "to = \"B\" }]\n";

TEST(migrations_that_wait_are_sent_and_those_that_were_made_are_not)
{
    SLV_CLEANUP(written_done) written w;

    CHECK(read_config(&w, "", migrations));
    CHECK(slv_metadata_migrates(&w.m));
    CHECK(gives(&w, "{\"main_module\":\"index.js\",\"bindings\":[],\"compatibility_date\":"
                    "\"2026-01-01\",\"compatibility_flags\":[],\"migrations\":{\"new_tag\":\"v2\","
                    "\"steps\":[{\"new_sqlite_classes\":[\"A\"]},{\"renamed_classes\":[{\"from\":"
                    "\"A\",\"to\":\"B\"}]}]}}"));
    w.m.migration_tag = SLV_STR("v1");
    CHECK(gives(&w, "{\"main_module\":\"index.js\",\"bindings\":[],\"compatibility_date\":"
                    "\"2026-01-01\",\"compatibility_flags\":[],\"migrations\":{\"old_tag\":\"v1\","
                    "\"new_tag\":\"v2\",\"steps\":[{\"renamed_classes\":[{\"from\":\"A\",\"to\":"
                    "\"B\"}]}]}}"));
    w.m.migration_tag = SLV_STR("v2");
    CHECK(!slv_metadata_migrates(&w.m));
}

TEST(metadata_of_static_files_secrets_and_notes)
{
    SLV_CLEANUP(written_done) written w;
    const slv_pair secrets[] = {{SLV_STR("K"), SLV_STR("v")}};

    CHECK(read_config(&w, "",
                      "name = \"x\"\n[assets]\ndirectory = \"d\"\nbinding = \"ASSETS\"\n"
                      "html_handling = \"none\"\nrun_worker_first = [\"/api/*\"]\n"));
    w.m.assets_jwt = SLV_STR("j");
    w.m.headers_text = SLV_STR("/*\n  A: b\n");
    w.m.secrets = secrets;
    w.m.secret_count = 1;
    w.m.keep_vars = true;
    w.m.message = "m";
    CHECK(gives(&w, "{\"main_module\":\"index.js\",\"bindings\":["
                    "{\"name\":\"ASSETS\",\"type\":\"assets\"},"
                    "{\"name\":\"K\",\"type\":\"secret_text\",\"text\":\"v\"}],"
                    "\"compatibility_date\":\"2026-01-01\",\"compatibility_flags\":[],"
                    "\"assets\":{\"jwt\":\"j\",\"config\":{\"html_handling\":\"none\","
                    "\"run_worker_first\":[\"/api/*\"],\"_headers\":\"/*\\n  A: b\\n\"}},"
                    "\"annotations\":{\"workers/message\":\"m\"},"
                    "\"keep_bindings\":[\"plain_text\",\"json\",\"secret_text\",\"secret_key\"]}"));
}

TEST(metadata_is_that_of_the_environment)
{
    SLV_CLEANUP(written_done) written w;

    CHECK(read_config(&w, "staging",
                      "name = \"x\"\n[vars]\nA = \"top\"\n[env.staging.vars]\nA = \"staging\"\n"
                      "[env.staging.observability]\nenabled = true\n"));
    CHECK(gives(&w, "{\"main_module\":\"index.js\",\"bindings\":["
                    "{\"name\":\"A\",\"type\":\"plain_text\",\"text\":\"staging\"}],"
                    "\"compatibility_date\":\"2026-01-01\",\"compatibility_flags\":[],"
                    "\"observability\":{\"enabled\":true}}"));
}

/* ---- rest_remote.h ---- */

static void write_env(const char *dir, const char *text)
{
    char path[512];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/.env", dir);
    f = fopen(path, "we");
    SLV_ASSERT(f);
    fputs(text, f);
    (void)fclose(f);
}

TEST(a_server_is_told_by_the_environment_or_a_file)
{
    slv_remote r;
    slv_err err = {0};

    (void)unsetenv("CLOUDFLARE_API_BASE_URL");
    (void)unsetenv("CLOUDFLARE_API_TOKEN");
    (void)unsetenv("CLOUDFLARE_ACCOUNT_ID");
    CHECK(slv_remote_find(tap_tmpdir(), NULL, NULL, &r, &err) == SLV_E_INVAL);
    CHECK(slv_str_find(slv_str_from(slv_err_text(&err)), SLV_STR("CLOUDFLARE_API_BASE_URL"), 0) !=
          SIZE_MAX);
    slv_remote_done(&r);
    write_env(tap_tmpdir(), "CLOUDFLARE_API_BASE_URL=https://api.test/client/v4/\n"
                            "CLOUDFLARE_API_TOKEN=t\nCLOUDFLARE_ACCOUNT_ID=a\n");
    CHECK(slv_remote_find(tap_tmpdir(), NULL, NULL, &r, &err) == SLV_OK);
    CHECK(strcmp(r.base_url, "https://api.test/client/v4") == 0 && strcmp(r.token, "t") == 0 &&
          strcmp(r.account, "a") == 0);
    slv_remote_done(&r);
    CHECK(setenv("CLOUDFLARE_API_TOKEN", "other", 1) == 0);
    CHECK(slv_remote_find(tap_tmpdir(), NULL, "configured", &r, &err) == SLV_OK);
    CHECK(strcmp(r.token, "other") == 0 && strcmp(r.account, "configured") == 0);
    slv_remote_done(&r);
    (void)unsetenv("CLOUDFLARE_API_TOKEN");
    write_env(tap_tmpdir(), "CLOUDFLARE_API_BASE_URL=ftp://x\nCLOUDFLARE_API_TOKEN=t\n");
    CHECK(slv_remote_find(tap_tmpdir(), NULL, NULL, &r, &err) == SLV_E_INVAL);
    slv_remote_done(&r);
}

TAP_MAIN()
