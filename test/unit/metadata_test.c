/* Metadata of uploads: resolved against the version before, and read back as a version. */
#include <stdio.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "host/metadata.h"
#include "support/tap.h"

typedef struct rig {
    slv_arena arena;
    slv_fault fault;
    slv_resolved before, now;
    bool has_before, strict;
} rig;

static void rig_done(rig *r)
{
    slv_arena_done(&r->arena);
    slv_fault_done(&r->fault);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

#define RIG(r)                                                                                     \
    SLV_CLEANUP(rig_done) rig r = {.arena = SLV_ARENA((size_t)64 << 20)};                          \
    slv_fault_init(&r.fault)

/* 0: resolved; else the code of the fault. What is resolved is the version before of the next. */
static int resolve(rig *r, const char *json)
{
    slv_resolve in = {.today = "2026-08-01", .strict = r->strict};
    slv_node *root;

    if (slv_json_parse(slv_str_from(json), SLV_JSON_STRICT, &r->arena, &root, NULL) != SLV_OK)
        return -1;
    slv_fault_done(&r->fault);
    slv_fault_init(&r->fault);
    in.metadata = root;
    if (r->has_before) {
        in.previous_metadata = r->before.metadata;
        in.previous_secrets = r->before.secrets;
        in.objects = r->before.objects;
        in.migration_tag = r->before.migration_tag;
    }
    if (slv_metadata_resolve(&in, &r->arena, &r->now, &r->fault) != SLV_OK)
        return r->fault.code;
    r->before = r->now;
    r->has_before = true;
    return 0;
}

static bool says(const rig *r, const char *text)
{
    if (slv_str_find(slv_buf_view(&r->fault.text), slv_str_from(text), 0) != SIZE_MAX)
        return true;
    tap_note("it says: %.*s", SLV_STR_ARGS(slv_buf_view(&r->fault.text)));
    return false;
}

static bool has(slv_str json, const char *text)
{
    if (slv_str_find(json, slv_str_from(text), 0) != SIZE_MAX)
        return true;
    tap_note("it is: %.*s", SLV_STR_ARGS(json));
    return false;
}

static bool read_version(rig *r, slv_version_spec *ret)
{
    static slv_worker_row worker;
    static slv_version_row version;
    slv_err err = {0};

    worker = (slv_worker_row){.objects = r->now.objects,
                              .settings = SLV_STR("{\"tail_consumers\":[{\"service\":\"t\"}],"
                                                  "\"tags\":[\"a\",\"b\"]}")};
    version = (slv_version_row){.id = SLV_STR("11111111-2222-4333-8444-555555555555"),
                                .account = SLV_STR("acc"),
                                .worker = SLV_STR("w"),
                                .annotations = SLV_STR("{\"workers/tag\":\"v1.0\"}"),
                                .created_ms = INT64_C(1767225600123),
                                .metadata = r->now.metadata};
    const slv_metadata_in in = {.worker = &worker, .version = &version, .secrets = r->now.secrets};
    if (slv_metadata_read(&in, &r->arena, ret, &err) == SLV_OK)
        return true;
    tap_note("%s", slv_err_text(&err));
    return false;
}

static const slv_binding *binding(const slv_version_spec *spec, const char *name)
{
    static const slv_binding none;

    for (size_t i = 0; i < spec->binding_count; i++) {
        if (slv_str_is(spec->bindings[i].name, name))
            return &spec->bindings[i];
    }
    return &none;
}

TEST(every_kind_of_binding_reaches_the_version)
{
    RIG(r);
    slv_version_spec spec;

    CHECK_INT(
        resolve(&r,
                "{\"main_module\":\"./a.js\",\"compatibility_date\":\"2026-01-01\",\"bindings\":["
                "{\"type\":\"plain_text\",\"name\":\"T\",\"text\":\"t\"},"
                "{\"type\":\"json\",\"name\":\"J\",\"json\":{\"a\":[1]}},"
                "{\"type\":\"secret_text\",\"name\":\"S\",\"text\":\"hidden\"},"
                "{\"type\":\"kv_namespace\",\"name\":\"K\",\"namespace_id\":\"k1\"},"
                "{\"type\":\"d1\",\"name\":\"D\",\"id\":\"d1\"},"
                "{\"type\":\"r2_bucket\",\"name\":\"R\",\"bucket_name\":\"r1\"},"
                "{\"type\":\"queue\",\"name\":\"Q\",\"queue_name\":\"q1\",\"delivery_delay\":5},"
                "{\"type\":\"service\",\"name\":\"V\",\"service\":\"s\",\"environment\":\"stage\","
                "\"entrypoint\":\"E\",\"props\":{\"p\":1}},"
                "{\"type\":\"service\",\"name\":\"P\",\"service\":\"s\",\"environment\":"
                "\"production\"},"
                "{\"type\":\"durable_object_namespace\",\"name\":\"O\",\"class_name\":\"C\","
                "\"script_name\":\"other\"},"
                "{\"type\":\"assets\",\"name\":\"A\"},"
                "{\"type\":\"dispatch_namespace\",\"name\":\"N\",\"namespace\":\"ns\",\"outbound\":"
                "{\"worker\":{\"service\":\"out\"},\"params\":[{\"name\":\"x\"}]}},"
                "{\"type\":\"analytics_engine\",\"name\":\"Y\",\"dataset\":\"ds\"},"
                "{\"type\":\"ratelimit\",\"name\":\"L\",\"namespace_id\":\"1\",\"simple\":"
                "{\"limit\":2,\"period\":10}},"
                "{\"type\":\"send_email\",\"name\":\"M\",\"destination_address\":\"a@b\"},"
                "{\"type\":\"worker_loader\",\"name\":\"W\"},"
                "{\"type\":\"version_metadata\",\"name\":\"X\"},"
                "{\"type\":\"wasm_module\",\"name\":\"Z\",\"part\":\"./z.wasm\"}]}"),
        0);
    CHECK(!slv_str_eq(r.now.main, SLV_STR("")) && !r.now.service_worker);
    CHECK(slv_str_find(r.now.metadata, SLV_STR("hidden"), 0) == SIZE_MAX);
    CHECK_STR(r.now.secrets, SLV_STR("{\"S\":\"hidden\"}"));
    CHECK(read_version(&r, &spec));
    CHECK_INT(spec.binding_count, 18);
    CHECK_STR(binding(&spec, "T")->text, SLV_STR("t"));
    CHECK_STR(binding(&spec, "J")->text, SLV_STR("{\"a\":[1]}"));
    CHECK(binding(&spec, "S")->type == SLV_BINDING_SECRET);
    CHECK_STR(binding(&spec, "S")->text, SLV_STR("hidden"));
    CHECK_STR(binding(&spec, "K")->id, SLV_STR("k1"));
    CHECK_STR(binding(&spec, "D")->id, SLV_STR("d1"));
    CHECK_STR(binding(&spec, "R")->id, SLV_STR("r1"));
    CHECK(has(binding(&spec, "Q")->options, "\"delivery_delay\":5"));
    CHECK_STR(binding(&spec, "V")->service, SLV_STR("s-stage"));
    CHECK_STR(binding(&spec, "V")->entrypoint, SLV_STR("E"));
    CHECK_STR(binding(&spec, "V")->props, SLV_STR("{\"p\":1}"));
    CHECK_STR(binding(&spec, "P")->service, SLV_STR("s"));
    CHECK_STR(binding(&spec, "O")->id, SLV_STR("C"));
    CHECK_STR(binding(&spec, "O")->service, SLV_STR("other"));
    CHECK(binding(&spec, "A")->type == SLV_BINDING_ASSETS);
    CHECK_STR(binding(&spec, "N")->options, SLV_STR("{\"outbound\":{\"service\":\"out\"}}"));
    CHECK_STR(binding(&spec, "Y")->id, SLV_STR("ds"));
    CHECK(has(binding(&spec, "L")->options, "\"simple\":{\"limit\":2"));
    CHECK_STR(binding(&spec, "X")->text,
              SLV_STR("{\"id\":\"11111111-2222-4333-8444-555555555555\",\"tag\":\"v1.0\","
                      "\"timestamp\":\"2026-01-01T00:00:00.123Z\"}"));
    CHECK_STR(binding(&spec, "Z")->text, SLV_STR("z.wasm"));
    CHECK_INT(spec.observe.tail_count, 1);
    CHECK_INT(spec.tag_count, 2);
    CHECK_STR(spec.tag, SLV_STR("v1.0"));
}

TEST(a_kind_that_is_not_there_is_named)
{
    RIG(r);

    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"vectorize\",\"name\":\"V\"}]}"),
              SLV_FAULT_INVALID);
    CHECK(says(&r, "'V'") && says(&r, "'vectorize'"));
    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"d1\",\"name\":\"D\"}]}"), SLV_FAULT_INVALID);
    CHECK(says(&r, "needs 'id'"));
    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"d1\",\"name\":\"D\",\"id\":1}]}"),
              SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"assets\",\"name\":\"A\"},{\"type\":"
                          "\"assets\",\"name\":\"A\"}]}"),
              SLV_FAULT_INVALID);
    CHECK(says(&r, "twice"));
    CHECK_INT(resolve(&r, "{\"bindings\":{}}"), SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "{\"bindings\":[1]}"), SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "[]"), SLV_FAULT_INVALID);
}

TEST(what_stays_of_the_version_before)
{
    RIG(r);

    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"plain_text\",\"name\":\"A\",\"text\":\"1\"},"
                          "{\"type\":\"secret_text\",\"name\":\"S\",\"text\":\"s1\"},"
                          "{\"type\":\"kv_namespace\",\"name\":\"K\",\"namespace_id\":\"k\"}]}"),
              0);
    /* nothing is said of what to keep: secrets alone */
    CHECK_INT(resolve(&r, "{\"bindings\":[]}"), 0);
    CHECK_STR(r.now.metadata,
              SLV_STR("{\"bindings\":[{\"name\":\"S\",\"type\":\"secret_text\"}]}"));
    CHECK_STR(r.now.secrets, SLV_STR("{\"S\":\"s1\"}"));
    /* types are listed: these */
    CHECK_INT(resolve(&r, "{\"keep_bindings\":[\"secret_key\"],\"bindings\":[{\"type\":"
                          "\"plain_text\",\"name\":\"A\",\"text\":\"2\"}]}"),
              0);
    CHECK_STR(r.now.secrets, SLV_STR(""));
    CHECK_INT(resolve(&r, "{\"keep_bindings\":[\"plain_text\"],\"bindings\":[{\"type\":"
                          "\"secret_text\",\"name\":\"S\",\"text\":\"s2\"}]}"),
              0);
    CHECK(has(r.now.metadata, "\"name\":\"A\""));
    CHECK_STR(r.now.secrets, SLV_STR("{\"S\":\"s2\"}"));
    /* a new value goes before what is kept */
    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"secret_text\",\"name\":\"S\",\"text\":"
                          "\"s3\"}]}"),
              0);
    CHECK_STR(r.now.secrets, SLV_STR("{\"S\":\"s3\"}"));
    /* by name alone, of the same type: as it is */
    CHECK_INT(resolve(&r, "{\"keep_bindings\":[],\"bindings\":[{\"type\":\"secret_text\","
                          "\"name\":\"S\"}]}"),
              0);
    CHECK_STR(r.now.secrets, SLV_STR("{\"S\":\"s3\"}"));
    CHECK_INT(resolve(&r, "{\"keep_bindings\":[],\"bindings\":[{\"type\":\"inherit\",\"name\":"
                          "\"S\"}]}"),
              0);
    CHECK_STR(r.now.secrets, SLV_STR("{\"S\":\"s3\"}"));
    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"inherit\",\"name\":\"NONE\"}]}"),
              SLV_FAULT_INHERIT);
    CHECK(
        slv_str_starts(slv_buf_view(&r.fault.text), SLV_STR("inherit binding 'NONE' is invalid")));
}

TEST(migrations_change_the_classes)
{
    RIG(r);
    slv_version_spec spec;

    CHECK_INT(resolve(&r, "{\"bindings\":[{\"type\":\"durable_object_namespace\",\"name\":\"O\","
                          "\"class_name\":\"A\"}]}"),
              SLV_FAULT_NO_CLASS);
    CHECK(says(&r, "'A'"));
    CHECK_INT(resolve(&r, "{\"migrations\":{\"new_tag\":\"v2\",\"steps\":[{\"new_classes\":[\"A\"]}"
                          ",{\"new_sqlite_classes\":[\"B\"]}]},\"bindings\":[{\"type\":"
                          "\"durable_object_namespace\",\"name\":\"O\",\"class_name\":\"A\"}]}"),
              0);
    CHECK_STR(r.now.migration_tag, SLV_STR("v2"));
    CHECK_INT(resolve(&r, "{}"), 0); /* the classes and the tag stay */
    CHECK_STR(r.now.migration_tag, SLV_STR("v2"));
    CHECK_INT(resolve(&r, "{\"migrations\":{\"old_tag\":\"v1\",\"new_tag\":\"v3\",\"steps\":[]}}"),
              SLV_FAULT_TAG);
    CHECK_INT(resolve(&r, "{\"migrations\":{\"new_tag\":\"v3\",\"steps\":[]}}"), SLV_FAULT_TAG);
    CHECK_INT(resolve(&r, "{\"migrations\":{\"old_tag\":\"v2\",\"new_tag\":\"v3\",\"steps\":"
                          "[{\"new_classes\":[\"A\"]}]}}"),
              SLV_FAULT_CLASS_EXISTS);
    CHECK_INT(resolve(&r, "{\"migrations\":{\"old_tag\":\"v2\",\"new_tag\":\"v3\",\"steps\":"
                          "[{\"renamed_classes\":[{\"from\":\"A\",\"to\":\"C\"}]},"
                          "{\"deleted_classes\":[\"B\"]},{\"new_sqlite_classes\":[\"A\"]}]}}"),
              0);
    CHECK(read_version(&r, &spec));
    CHECK_INT(spec.class_count, 2);
    CHECK_STR(spec.classes[0].name, SLV_STR("C"));
    CHECK_STR(spec.classes[0].key, SLV_STR("A"));
    CHECK(!spec.classes[0].sql);
    CHECK_STR(spec.classes[1].name, SLV_STR("A"));
    CHECK_STR(spec.classes[1].key, SLV_STR("A~2"));
    CHECK(spec.classes[1].sql);
    CHECK_INT(spec.object_step_count, 3);
    CHECK_STR(spec.object_steps[2].tag, SLV_STR("v3"));
    CHECK_STR(spec.object_steps[2].deleted, SLV_STR("B"));
    CHECK_INT(resolve(&r, "{\"migrations\":{\"old_tag\":\"v3\",\"new_tag\":\"v4\",\"steps\":"
                          "[{\"deleted_classes\":[\"NONE\"]}]}}"),
              SLV_FAULT_CLASS_EXISTS);
    CHECK_INT(resolve(&r, "{\"migrations\":{\"steps\":[]}}"), SLV_FAULT_INVALID);
}

TEST(dates_flags_and_limits_are_judged)
{
    RIG(r);
    slv_version_spec spec;

    CHECK_INT(resolve(&r, "{\"compatibility_date\":\"2026-08-02\"}"), SLV_FAULT_INVALID);
    CHECK(says(&r, "in the future: \"2026-08-02\""));
    CHECK_INT(resolve(&r, "{\"compatibility_date\":\"2026-08-01\"}"), 0);
    CHECK_INT(resolve(&r, "{\"compatibility_date\":\"2026-02-30\"}"), SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "{\"compatibility_flags\":[\"no_such_flag\"]}"), SLV_FAULT_INVALID);
    CHECK(says(&r, "no_such_flag"));
    CHECK_INT(resolve(&r, "{\"compatibility_flags\":[1]}"), SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "{\"limits\":{\"cpu_ms\":0}}"), SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "{\"limits\":{\"cpu_ms\":300001}}"), SLV_FAULT_INVALID);
    CHECK_INT(resolve(&r, "{\"limits\":{\"cpu_ms\":300000,\"subrequests\":50},"
                          "\"compatibility_flags\":[\"nodejs_compat\"],\"main_module\":\"a\","
                          "\"unknown\":{\"x\":1}}"),
              0);
    CHECK(has(r.now.metadata, "\"unknown\""));
    CHECK(read_version(&r, &spec));
    CHECK_INT(spec.limits.cpu_fetch_ms, 300000);
    CHECK_INT(spec.limits.subrequests, 50);
    CHECK_INT(resolve(&r, "{\"main_module\":\"a\",\"body_part\":\"b\"}"), SLV_FAULT_INVALID);
}

/* As many variables as allowed and one more; one of the longest length and one longer. */
TEST(variables_have_limits)
{
    for (unsigned n = 128; n <= 129; n++) {
        RIG(r);
        SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);

        CHECK(slv_buf_append(&json, SLV_STR("{\"bindings\":[")) == SLV_OK);
        for (unsigned i = 0; i < n; i++)
            CHECK(slv_buf_printf(&json,
                                 "%s{\"type\":\"%s\",\"name\":\"V%u\",\"text\":\"\",\"json\":1}",
                                 i ? "," : "",
                                 i % 3 == 0   ? "secret_text"
                                 : i % 3 == 1 ? "plain_text"
                                              : "json",
                                 i) == SLV_OK);
        CHECK(slv_buf_append(&json, SLV_STR("]}")) == SLV_OK);
        CHECK_INT(resolve(&r, slv_buf_cstr(&json)), n == 128 ? 0 : SLV_FAULT_INVALID);
    }
    for (int len = 5120; len <= 5121; len++) {
        RIG(r);
        char json[6000];

        snprintf(json, sizeof json,
                 "{\"bindings\":[{\"type\":\"plain_text\",\"name\":\"V\",\"text\":\"%0*d\"}]}", len,
                 0);
        CHECK_INT(resolve(&r, json), len == 5120 ? 0 : SLV_FAULT_INVALID);
    }
}
TAP_MAIN()
