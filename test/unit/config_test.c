/* wrangler.toml and its JSON forms, compatibility dates and flags, versions. */
#include <stdio.h>

#include "base/vec.h"
#include "fmt/json.h"
#include "plat/compat.h"
#include "plat/config.h"
#include "plat/stack.h"
#include "support/tap.h"

typedef struct seen {
    slv_buf warnings; /* a line each */
    slv_config config;
    slv_err err;
    slv_code code;
} seen;

static void note_warning(void *arg, const char *line)
{
    seen *s = arg;

    SLV_ASSERT(slv_buf_printf(&s->warnings, "%s\n", line) == SLV_OK);
}

static void seen_done(seen *s)
{
    slv_buf_done(&s->warnings);
    slv_config_done(&s->config);
}
SLV_DEFINE_CLEANUP_DONE(seen, seen_done);

static void load(seen *s, const char *file, const char *env, bool allow, const char *text)
{
    slv_config_options options = {.file = file,
                                  .env = slv_str_from(env ? env : ""),
                                  .allow_unsupported = allow,
                                  .warn = note_warning,
                                  .warn_arg = s};

    *s = (seen){.warnings = SLV_BUF((size_t)1 << 20)};
    s->code = slv_config_parse(slv_str_from(text), &options, &s->config, &s->err);
}

#define LOAD(s, ...)                                                                               \
    SLV_CLEANUP(seen_done) seen s;                                                                 \
    load(&s, __VA_ARGS__)
#define CHECK_FAILS(s, want_code, want_text)                                                       \
    CHECK_INT((s).code, (want_code));                                                              \
    CHECK_STR(slv_str_from((s).err.message), SLV_STR(want_text))

TEST(config_reads_the_same_from_toml_and_json)
{
    LOAD(
        a, "wrangler.toml", NULL, false,
        "name = 'x'\nmain = 'a.ts'\ncompatibility_flags = ['f']\n[vars]\nA = 'b'\nN = { x = [1] }\n"
        "[[services]]\nbinding = 'S'\nservice = 'y'\nentrypoint = 'E'\nprops = { p = 1 "
        "}\n[triggers]\ncrons = ['* * * * *']\n");
    LOAD(b, "wrangler.jsonc", NULL, false,
         "{ \"name\": \"x\", \"main\": \"a.ts\", // c\n \"compatibility_flags\": [\"f\",],\n"
         "\"vars\": {\"A\": \"b\", \"N\": {\"x\": [1]}}, \"services\": [{\"binding\": \"S\", "
         "\"service\": \"y\","
         "\"entrypoint\": \"E\", \"props\": {\"p\": 1}}], \"triggers\": {\"crons\": [\"* * * * "
         "*\"]} }");
    seen *both[] = {&a, &b};

    for (size_t i = 0; i < 2; i++) {
        slv_config *c = &both[i]->config;

        CHECK_INT(both[i]->code, SLV_OK);
        CHECK_INT(both[i]->warnings.len, 0);
        CHECK_STR(c->name, SLV_STR("x"));
        CHECK_STR(c->main, SLV_STR("a.ts"));
        CHECK(c->compatibility_flags.len == 1 && c->crons.len == 1 && c->keep_names && !c->minify);
        CHECK_INT(c->bindings.len, 3);
        CHECK(c->bindings.items[0].type == SLV_BINDING_TEXT &&
              c->bindings.items[1].type == SLV_BINDING_JSON);
        CHECK_STR(c->bindings.items[1].text, SLV_STR("{\"x\":[1]}"));
        CHECK_STR(c->bindings.items[2].props, SLV_STR("{\"p\":1}"));
        CHECK_STR(c->bindings.items[2].entrypoint, SLV_STR("E"));
    }
}

static const char env_toml[] =
    "name = 'x'\nmain = 'a.js'\nminify = true\n[vars]\nA = '1'\nB = '2'\n[triggers]\ncrons = "
    "['a']\n"
    "[env.staging]\nmain = 'b.js'\n[env.staging.vars]\nA = '3'\n[env.other]\nname = 'own'\n";

TEST(config_environments_inherit_and_override)
{
    LOAD(s, "wrangler.toml", "staging", false, env_toml);
    CHECK_INT(s.code, SLV_OK);
    CHECK_STR(s.config.name, SLV_STR("x-staging"));
    CHECK_STR(s.config.main, SLV_STR("b.js"));
    CHECK(s.config.minify && s.config.crons.len == 1);
    CHECK_INT(s.config.bindings.len, 1); /* vars are replaced, not merged */
    CHECK_STR(s.config.bindings.items[0].text, SLV_STR("3"));
    CHECK_INT(s.warnings.len, 0);
}

TEST(config_warns_of_what_an_environment_does_not_inherit)
{
    LOAD(s, "wrangler.toml", "other", false, env_toml);
    CHECK_INT(s.code, SLV_OK);
    CHECK_STR(s.config.name, SLV_STR("own"));
    CHECK_INT(s.config.bindings.len, 0);
    CHECK_STR(slv_buf_view(&s.warnings),
              SLV_STR("wrangler.toml:13:6: 'vars' exists at the top level, but not in 'env.other'; "
                      "it is not inherited, "
                      "so repeat it there\n"));
}

TEST(config_names_the_environments_that_there_are)
{
    LOAD(s, "wrangler.toml", "prod", false, env_toml);
    CHECK_FAILS(s, SLV_E_INVAL,
                "wrangler.toml: there is no environment 'prod'; there are: staging, other");
    LOAD(t, "wrangler.toml", "prod", false, "name = 'x'");
    CHECK_FAILS(t, SLV_E_INVAL,
                "wrangler.toml: there is no environment 'prod'; the configuration has no "
                "[env.prod] section");
}

TEST(config_warns_of_unknown_keys)
{
    LOAD(s, "wrangler.toml", "a", false,
         "compatability_date = '2026-01-01'\nzzzzzzzzzz = 1\n[build]\ncomand = "
         "'x'\n[env.a.dev]\nport = 1\n[env.not_used]\nyyyyyyyyyy = 1\n");
    CHECK_INT(s.code, SLV_OK);
    CHECK_STR(slv_buf_view(&s.warnings),
              SLV_STR("wrangler.toml:1:1: unknown key 'compatability_date'; did you mean "
                      "'compatibility_date'?\n"
                      "wrangler.toml:2:1: unknown key 'zzzzzzzzzz'\n"
                      "wrangler.toml:4:1: unknown key 'build.comand'; did you mean 'command'?\n"
                      "wrangler.toml:5:8: 'env.a.dev' belongs to the top level and has no effect "
                      "in an environment\n"));
}

TEST(config_type_errors_name_place_key_and_what_was_expected)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"main = 1", "wrangler.toml:1:8: 'main' must be a string, not a number"},
        {"[vars]\n[dev]\nport = 'x'",
         "wrangler.toml:3:8: 'dev.port' must be a number, not a string"},
        {"[dev]\nport = 70000",
         "wrangler.toml:2:8: 'dev.port' must be a whole number from 0 to 65535"},
        {"compatibility_flags = ['a', 2]",
         "wrangler.toml:1:29: 'compatibility_flags[1]' must be a string, not a number"},
        {"[[services]]\nbinding = 'A'", "wrangler.toml:1:3: 'services[0]' needs a 'service'"},
        {"[[rules]]\ntype = 'Wasm'\nglobs = []",
         "wrangler.toml:2:8: 'rules[0].type' must be one of "
         "ESModule|CommonJS|CompiledWasm|Text|Data|PythonModule|PythonRequirement, not \"Wasm\""},
        {"[env.a]\nminify = 'yes'",
         "wrangler.toml:2:10: 'env.a.minify' must be true or false, not a string"},
        {"vars = 'x'", "wrangler.toml:1:8: 'vars' must be a table, not a string"},
        {"[limits]\ncpu_ms = 300001",
         "wrangler.toml:2:10: 'limits.cpu_ms' must be a whole number from 1 to 300000"},
        {"name = 'a b'",
         "wrangler.toml:1:8: 'name' may have letters, digits, '-' and '_' only, and 255 of them"},
        {"[vars]\nA = '1'\n[[services]]\nbinding = 'A'\nservice = 'b'",
         "wrangler.toml:3:3: the binding name 'A' is used twice"},
        {"name = ", "wrangler.toml:1:8: expected a value"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        LOAD(s, "wrangler.toml", NULL, false, rows[i].text);
        CHECK(s.code != SLV_OK);
        CHECK_STR(slv_str_from(s.err.message), slv_str_from(rows[i].error));
    }
}

TEST(config_cpu_limit_at_its_edge)
{
    LOAD(s, "wrangler.toml", NULL, false, "[limits]\ncpu_ms = 300000\nsubrequests = 7");
    CHECK_INT(s.code, SLV_OK);
    CHECK_INT(s.config.limits.cpu_fetch_ms, 300000);
    CHECK_INT(s.config.limits.subrequests, 7);
}

TEST(config_queue_consumers_have_their_numbers_and_limits)
{
    static const struct {
        const char *line;
        bool good;
    } rows[] = {
        {"max_batch_size = 100", true},
        {"max_batch_size = 101", false},
        {"max_batch_timeout = 60", true},
        {"max_batch_timeout = 61", false},
        {"max_batch_timeout = 0.5", true},
        {"max_retries = 100", true},
        {"max_retries = 101", false},
        {"max_concurrency = 250", true},
        {"max_concurrency = 251", false},
        {"max_concurrency = 0", false},
        {"retry_delay = 86400", true},
        {"retry_delay = 86401", false},
        {"visibility_timeout_ms = 43200000", true},
        {"visibility_timeout_ms = 43200001", false},
    };
    char text[512];

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        snprintf(text, sizeof text, "[[queues.consumers]]\nqueue = 'q'\n%s\n", rows[i].line);
        LOAD(s, "wrangler.toml", NULL, false, text);
        CHECK_INT(s.code, rows[i].good ? SLV_OK : SLV_E_INVAL);
    }
    LOAD(s, "wrangler.toml", NULL, false,
         "[[queues.producers]]\nbinding = 'Q'\nqueue = 'jobs'\ndelivery_delay = 3\n"
         "[[queues.consumers]]\nqueue = 'jobs'\ndead_letter_queue = 'dead'\n"
         "[[queues.consumers]]\nqueue = 'dead'\ntype = 'http_pull'\nmax_batch_size = 0\n");
    CHECK_INT(s.code, SLV_OK);
    CHECK_INT(s.config.consumers.len, 2);
    CHECK_INT(s.config.consumers.items[0].batch_size, 5);
    CHECK_INT(s.config.consumers.items[0].batch_timeout_ms, 1000);
    CHECK_INT(s.config.consumers.items[0].retries, 2);
    CHECK_STR(s.config.consumers.items[0].dead_letter_queue, SLV_STR("dead"));
    CHECK(s.config.consumers.items[1].pull);
    CHECK_INT(s.config.consumers.items[1].batch_size, 1);
    CHECK_STR(slv_config_binding(&s.config, SLV_STR("Q"))->id, SLV_STR("jobs"));
    LOAD(twice, "wrangler.toml", NULL, false,
         "[[queues.consumers]]\nqueue = 'q'\n[[queues.consumers]]\nqueue = 'q'\n");
    CHECK_INT(twice.code, SLV_E_INVAL);
    CHECK(slv_str_find(slv_str_from(twice.err.message), SLV_STR("has two consumers"), 0) !=
          SIZE_MAX);
}

TEST(config_refuses_what_is_absent_unless_told)
{
    static const char text[] =
        "[[vectorize]]\nbinding = 'VEC'\nindex_name = 'x'\n[[workflows]]\nname = 'w'\n"
        "binding = 'FLOW'\nclass_name = 'C'\n[ai]\nbinding = 'AI'\n"
        "[assets]\ndirectory = 'public'\nbinding = 'ASSETS'\n";

    LOAD(s, "wrangler.toml", NULL, false, text);
    CHECK_FAILS(s, SLV_E_UNSUPPORTED,
                "wrangler.toml:1:3: 'vectorize' is not supported by this version of selvage; "
                "--allow-unsupported runs the worker without it");
    LOAD(t, "wrangler.toml", NULL, true, text);
    CHECK_INT(t.code, SLV_OK);
    CHECK_INT(t.config.bindings.len, 4);
    CHECK(slv_config_binding(&t.config, SLV_STR("VEC"))->type == SLV_BINDING_UNSUPPORTED);
    CHECK_STR(slv_config_binding(&t.config, SLV_STR("FLOW"))->text, SLV_STR("workflows"));
    CHECK(slv_config_binding(&t.config, SLV_STR("AI")) != NULL);
    CHECK(slv_str_find(slv_buf_view(&t.warnings), SLV_STR("'ai' is not supported"), 0) != SIZE_MAX);
}

TEST(config_takes_a_single_table_for_an_array_of_one)
{
    LOAD(s, "wrangler.toml", "staging", true,
         "[env.staging.d1_databases]\nbinding = 'DB'\ndatabase_name = 'x'\ndatabase_id = 'y'\n");
    CHECK_INT(s.code, SLV_OK);
    CHECK(slv_config_binding(&s.config, SLV_STR("DB")) != NULL);
    CHECK(slv_str_starts(
        slv_buf_view(&s.warnings),
        SLV_STR("wrangler.toml:1:14: 'env.staging.d1_databases' should be an array of tables "
                "([[env.staging.d1_databases]])")));
}

TEST(config_rules_end_their_type_unless_they_fall_through)
{
    LOAD(s, "wrangler.toml", NULL, false,
         "rules = [{ type = 'Text', globs = ['**/*.md'] }, { type = 'Data', globs = ['**/*.dat'], "
         "fallthrough = true }]");
    CHECK_INT(s.code, SLV_OK);
    CHECK_INT(s.config.rules.len, 5);
    CHECK(!s.config.rules.items[0].ignored && s.config.rules.items[0].type == SLV_RULE_TEXT);
    CHECK(s.config.rules.items[2].is_default && s.config.rules.items[2].ignored); /* default Text */
    CHECK(!s.config.rules.items[3].ignored && !s.config.rules.items[4].ignored);  /* Data, wasm */
}

TEST(config_secrets_replace_variables)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_node *object;

    CHECK(slv_json_parse(SLV_STR("{\"A\":\"s\",\"B\":\"t\"}"), SLV_JSON_STRICT, &arena, &object,
                         NULL) == SLV_OK);
    LOAD(s, "wrangler.toml", NULL, false, "[vars]\nA = '1'");
    CHECK(slv_config_set_secrets(&s.config, object) == SLV_OK);
    CHECK_INT(s.config.bindings.len, 2);
    CHECK(s.config.bindings.items[0].type == SLV_BINDING_SECRET);
    CHECK_STR(s.config.bindings.items[0].text, SLV_STR("s"));
    LOAD(t, "wrangler.toml", NULL, false, "[secrets]\nrequired = ['B', 'C']");
    CHECK(slv_config_set_secrets(&t.config, object) == SLV_OK);
    CHECK_INT(t.config.bindings.len, 1);
    CHECK_STR(t.config.bindings.items[0].name, SLV_STR("B"));
}

TEST(config_finds_the_host_of_the_first_route)
{
    static const struct {
        const char *text, *host;
    } rows[] = {
        {"routes = ['*.example.com/*', 'b.com']", "example.com"},
        {"routes = [{ pattern = 'https://www.example.com/a*', zone_name = 'x' }]",
         "www.example.com"},
        {"route = 'shop.example.com'", "shop.example.com"},
        {"route = '*/path'", ""},
        {"name = 'x'", ""},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        LOAD(s, "wrangler.toml", NULL, false, rows[i].text);
        CHECK_STR(s.config.route_host, slv_str_from(rows[i].host));
    }
}

/* ---- compatibility ---- */

static slv_code resolve(const char *date, const char *flags, const char *today, slv_compat *c,
                        slv_buf *warnings, slv_err *err)
{
    slv_str names[8], rest = slv_str_from(flags);
    seen s = {.warnings = *warnings};
    slv_code code;
    size_t n = 0;

    while (flags[0] && slv_str_split(&rest, ' ', &names[n]))
        n++;
    code = slv_compat_resolve(slv_str_from(date), names, n, today, note_warning, &s, c, err);
    *warnings = s.warnings;
    return code;
}

#define RESOLVE(c, date, flags, today)                                                             \
    SLV_CLEANUP(slv_compat_done) slv_compat c = {0};                                               \
    SLV_CLEANUP(slv_buf_done) slv_buf c##_warnings = SLV_BUF(4096);                                \
    slv_err c##_err = {0};                                                                         \
    slv_code c##_code = resolve(date, flags, today, &c, &c##_warnings, &c##_err)

TEST(compat_dates_switch_flags_on_from_their_day)
{
    RESOLVE(before, "2022-03-20", "", "2026-08-01");
    RESOLVE(on, "2022-03-21", "", "2026-08-01");
    CHECK(before_code == SLV_OK && !slv_compat_has(&before, "global_navigator"));
    CHECK(on_code == SLV_OK && slv_compat_has(&on, "global_navigator"));
    CHECK_INT(before.on.len + before.off.len, slv_compat_flag_count);
    CHECK(slv_compat_has(&before, "r2_public_beta_bindings")); /* at all dates */
}

TEST(compat_flags_imply_others_from_their_day)
{
    RESOLVE(v1, "2024-09-22", "nodejs_compat", "2026-08-01");
    RESOLVE(v2, "2025-09-01", "nodejs_compat", "2026-08-01");
    RESOLVE(off, "2025-09-01", "nodejs_compat no_nodejs_compat_v2", "2026-08-01");
    RESOLVE(none, "2025-09-01", "", "2026-08-01");
    CHECK(v1_code == SLV_OK && v2_code == SLV_OK);
    CHECK(slv_compat_has(&v1, "nodejs_compat") && !slv_compat_has(&v1, "nodejs_compat_v2"));
    CHECK(slv_compat_has(&v2, "nodejs_compat_v2") &&
          slv_compat_has(&v2, "nodejs_compat_populate_process_env"));
    CHECK(slv_compat_has(
        &v2, "enable_nodejs_http_server_modules")); /* through enable_nodejs_http_modules */
    CHECK(off_code == SLV_OK && !slv_compat_has(&off, "nodejs_compat_v2"));
    CHECK(none_code == SLV_OK && !slv_compat_has(&none, "nodejs_compat_populate_process_env"));
}

TEST(compat_names_override_the_date)
{
    RESOLVE(c, "2026-01-01", "no_global_navigator enable_request_signal", "2026-08-01");
    CHECK_INT(c_code, SLV_OK);
    CHECK(!slv_compat_has(&c, "global_navigator") && slv_compat_has(&c, "enable_request_signal"));
}

TEST(compat_errors)
{
    static const struct {
        const char *date, *flags, *error;
    } rows[] = {
        {"2026-01-01", "node_compat",
         "no such compatibility flag: 'node_compat'; did you mean 'nodejs_compat'?"},
        {"2026-01-01", "qqqqqqqqqqqqqqqqqqqqq",
         "no such compatibility flag: 'qqqqqqqqqqqqqqqqqqqqq'"},
        {"2026-01-01", "nodejs_als no_nodejs_als",
         "the compatibility flags 'nodejs_als' and 'no_nodejs_als' contradict each other"},
        {"2026-01-01", "nodejs_als nodejs_als",
         "the compatibility flag 'nodejs_als' is given twice"},
        {"2026-01-01", "precise_timers",
         "the compatibility flag 'precise_timers' is experimental and not supported"},
        {"2026-02-30", "", "compatibility_date '2026-02-30' is no date; expected \"YYYY-MM-DD\""},
        {"yesterday", "", "compatibility_date 'yesterday' is no date; expected \"YYYY-MM-DD\""},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        RESOLVE(c, rows[i].date, rows[i].flags, "2026-08-01");
        CHECK_INT(c_code, SLV_E_INVAL);
        CHECK_STR(slv_str_from(c_err.message), slv_str_from(rows[i].error));
    }
}

TEST(compat_dates_that_cannot_be_fall_back_with_a_warning)
{
    RESOLVE(missing, "", "", "2026-08-01");
    RESOLVE(future, "2026-09-01", "", "2026-08-01");
    RESOLVE(unknown, "2027-01-01", "", "2027-02-01");
    CHECK(missing_code == SLV_OK && missing_warnings.len > 0);
    CHECK_STR(slv_str_from(missing.date), SLV_STR("2021-05-01"));
    CHECK(future_code == SLV_OK && future_warnings.len > 0);
    CHECK_STR(slv_str_from(future.date), SLV_STR("2026-08-01"));
    CHECK(unknown_code == SLV_OK && unknown_warnings.len > 0);
    CHECK_STR(slv_str_from(unknown.date), SLV_STR(SLV_COMPAT_NEWEST));
}

TEST(compat_table_is_sound)
{
    for (size_t i = 0; i < slv_compat_flag_count; i++) {
        const slv_compat_flag *f = &slv_compat_flags[i];

        CHECK(!f->date || slv_compat_date_valid(slv_str_from(f->date)));
        CHECK(!f->implied_date == !f->implied_by[0]);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(f->enable, slv_compat_flags[j].enable) != 0);
    }
}

/* ---- versions ---- */

TEST(version_describes_itself_to_an_isolate)
{
    static const slv_str flags[] = {{"rpc", 3}, {"nodejs_als", 10}};
    static const slv_module modules[] = {{{"a.wasm", 6}, SLV_MODULE_WASM, {"\0asm", 4}}};
    static const slv_binding bindings[] = {
        {.name = {"T", 1}, .type = SLV_BINDING_TEXT, .text = {"\"x\"", 3}},
        {.name = {"J", 1}, .type = SLV_BINDING_JSON, .text = {"{\"a\":1}", 7}},
        {.name = {"S", 1},
         .type = SLV_BINDING_SERVICE,
         .service = {"w", 1},
         .props = {"{\"p\":2}", 7}},
        {.name = {"S2", 2},
         .type = SLV_BINDING_SERVICE,
         .service = {"w", 1},
         .entrypoint = {"E", 1}},
    };
    slv_version_spec spec = {.name = SLV_STR("w"),
                             .compatibility_date = SLV_STR("2026-01-01"),
                             .flags = flags,
                             .flag_count = 2,
                             .main_name = SLV_STR("index.js"),
                             .script = SLV_STR("return {}"),
                             .modules = modules,
                             .module_count = 1,
                             .bindings = bindings,
                             .binding_count = 4,
                             .limits = SLV_LIMITS_DEFAULT};
    SLV_CLEANUP(slv_version_unref) slv_version *v = NULL;
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_node *root, *env;
    int64_t n;

    CHECK(slv_version_new(&spec, &v, NULL) == SLV_OK);
    CHECK(slv_version_flag(v, "rpc") && slv_version_flag(v, "nodejs_als") &&
          !slv_version_flag(v, "url_standard"));
    CHECK_INT(v->id.len, 36);
    CHECK_INT(slv_version_blob_count(v), 2);
    CHECK_STR(slv_version_blob(v, 2), slv_str_make("\0asm", 4));
    CHECK_INT(v->service_count, 2);
    CHECK_STR(v->services[1]->entrypoint, SLV_STR("E"));
    CHECK(slv_json_parse(v->start_json, SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK);
    CHECK_INT(slv_node_get(root, "flags")->count, 2);
    CHECK_INT(slv_node_get(root, "flagsOff")->count, slv_compat_flag_count - 2);
    CHECK(slv_node_i64(slv_node_get(slv_node_get(root, "modules")->first, "blob"), &n) && n == 2);
    env = slv_node_get(root, "env");
    CHECK_STR(slv_node_get(env->first, "text")->text, SLV_STR("\"x\""));
    CHECK(slv_node_get(env->first->next, "json")->type == SLV_NODE_OBJECT);
    CHECK(slv_node_i64(slv_node_get(env->last, "index"), &n) && n == 1);
}

TEST(stacks_are_mapped_to_sources)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"Error: x\n    at f (index.js:1:3)\n    at index.js:1:9",
         "Error: x\n    at f (src/a.ts:1:1)\n    at src/a.ts:1:5"},
        {"at myindex.js:1:1 and index.js:1 and index.js:9:9",
         "at myindex.js:1:1 and index.js:1 and index.js:9:9"},
        {"", ""},
    };
    slv_version_spec spec = {
        .name = SLV_STR("w"),
        .main_name = SLV_STR("index.js"),
        .limits = SLV_LIMITS_DEFAULT,
        .source_map = SLV_STR(
            "{\"version\":3,\"sources\":[\"src/a.ts\"],\"names\":[],\"mappings\":\"AAAA,QAAI\"}")};
    SLV_CLEANUP(slv_version_unref) slv_version *v = NULL;

    CHECK(slv_version_new(&spec, &v, NULL) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);

        CHECK(slv_stack_map(v, slv_str_from(rows[i].in), &out) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), slv_str_from(rows[i].out));
    }
}

TEST(version_size_limit_at_its_edge)
{
    slv_version_spec spec = {
        .name = SLV_STR("w"), .script = SLV_STR("1234567890"), .limits = SLV_LIMITS_DEFAULT};
    slv_version *v = NULL;

    spec.limits.worker_bytes = 10;
    CHECK(slv_version_new(&spec, &v, NULL) == SLV_OK);
    v = slv_version_unref(v);
    spec.limits.worker_bytes = 9;
    CHECK_INT(slv_version_new(&spec, &v, NULL), SLV_E_LIMIT);
}

/* "Name=origin:sql ..." */
static void show_classes(const slv_config *c, slv_buf *out)
{
    slv_buf_reset(out);
    for (size_t i = 0; i < c->classes.len; i++) {
        const slv_object_class *k = &c->classes.items[i];

        SLV_ASSERT(slv_buf_printf(out, "%.*s=%.*s%s ", SLV_STR_ARGS(k->name), SLV_STR_ARGS(k->key),
                                  k->sql ? "+sql" : "") == SLV_OK);
    }
}

TEST(config_migrations_make_rename_and_delete_classes)
{
    static const struct {
        const char *text, *classes;
    } rows[] = {
        {"[[migrations]]\ntag='v1'\nnew_classes=['A']\nnew_sqlite_classes=['B']\n", "A=A B=B+sql "},
        {"[[migrations]]\ntag='v1'\nnew_classes=['A']\n[[migrations]]\ntag='v2'\n"
         "renamed_classes=[{from='A',to='Z'}]\n",
         "Z=A "},
        /* the name is free again, the origin is not */
        {"[[migrations]]\ntag='v1'\nnew_classes=['A']\n[[migrations]]\ntag='v2'\n"
         "renamed_classes=[{from='A',to='Z'}]\n[[migrations]]\ntag='v3'\nnew_classes=['A']\n",
         "Z=A A=A~2 "},
        {"[[migrations]]\ntag='v1'\nnew_classes=['A']\n[[migrations]]\ntag='v2'\n"
         "deleted_classes=['A']\n[[migrations]]\ntag='v3'\nnew_sqlite_classes=['A']\n",
         "A=A+sql "},
        {"[exports.A]\ntype='durable-object'\n[exports.B]\ntype='durable-object'\n"
         "storage='legacy-kv'\n[exports.Old]\ntype='durable-object'\nstate='renamed'\n"
         "renamed_to='A'\n",
         "A=Old+sql B=B "},
        {"[[durable_objects.bindings]]\nname='N'\nclass_name='C'\n", "C=C "},
        {"[[durable_objects.bindings]]\nname='N'\nclass_name='C'\nscript_name='other'\n", ""},
    };
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        LOAD(s, "wrangler.toml", NULL, false, rows[i].text);
        CHECK_INT(s.code, SLV_OK);
        show_classes(&s.config, &out);
        CHECK_STR(slv_buf_view(&out), slv_str_from(rows[i].classes));
    }
    LOAD(s, "wrangler.toml", NULL, false, rows[3].text);
    CHECK_INT(s.config.object_steps.len, 4); /* three tags, one deletion */
    CHECK_STR(s.config.object_steps.items[2].tag, SLV_STR("v2"));
    CHECK_STR(s.config.object_steps.items[2].deleted, SLV_STR("A"));
}

TEST(config_migrations_that_cannot_be)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"[[migrations]]\ntag='v1'\ndeleted_classes=['A']\n",
         "wrangler.toml:3:18: the class 'A' is deleted, but no migration has created it"},
        {"[[migrations]]\ntag='v1'\nnew_classes=['A']\n[[migrations]]\ntag='v1'\n",
         "wrangler.toml:4:3: two migrations have the tag 'v1'"},
        {"[[migrations]]\ntag='v1'\nnew_classes=['A']\nnew_sqlite_classes=['A']\n",
         "wrangler.toml:4:21: the class 'A' is created, but an earlier migration has created it"},
        {"[[migrations]]\ntag='v1'\nrenamed_classes=[{from='A',to='B'}]\n",
         "wrangler.toml:3:18: the class 'A' is renamed, but no migration has created it"},
        {"[[migrations]]\ntag='v1'\nnew_classes=['A','B']\nrenamed_classes=[{from='A',to='B'}]\n",
         "wrangler.toml:4:18: a class is renamed to 'B', which is there already"},
        {"[[migrations]]\ntag='v1'\n[exports.A]\ntype='durable-object'\n",
         "wrangler.toml:3:2: 'exports' and 'migrations' exclude each other: keep one of them"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        LOAD(s, "wrangler.toml", NULL, false, rows[i].text);
        CHECK_INT(s.code, SLV_E_INVAL);
        CHECK_STR(slv_str_from(s.err.message), slv_str_from(rows[i].error));
    }
}

TEST(version_knows_the_keys_of_its_classes)
{
    const slv_object_class classes[] = {{SLV_STR("Z"), SLV_STR("A"), true}};
    const slv_binding bindings[] = {
        {.name = SLV_STR("N"), .type = SLV_BINDING_OBJECTS, .id = SLV_STR("Z")},
        {.name = SLV_STR("M"), .type = SLV_BINDING_OBJECTS, .id = SLV_STR("Plain")},
    };
    const slv_version_spec spec = {.name = SLV_STR("w"),
                                   .script = SLV_STR(""),
                                   .classes = classes,
                                   .class_count = 1,
                                   .bindings = bindings,
                                   .binding_count = 2,
                                   .limits = SLV_LIMITS_DEFAULT};
    slv_version *v = NULL;

    CHECK_INT(slv_version_new(&spec, &v, NULL), SLV_OK);
    CHECK_INT(v->class_count, 2);
    CHECK_STR(v->classes[0].key, SLV_STR("w-A"));
    CHECK(v->classes[0].sql);
    CHECK_STR(v->classes[1].key, SLV_STR("w-Plain"));
    CHECK(!v->classes[1].sql);
    CHECK_INT(v->resource_count, 4); /* two bindings, two members of ctx.exports */
    CHECK_STR(v->resources[2]->id, SLV_STR("Z"));
    CHECK_INT(v->resources[3]->index, 3);
    v = slv_version_unref(v);
}

TAP_MAIN()
