/* Modules of an upload: kinds, names, maps, and the size that is allowed. */
#include <stdlib.h>

#include "host/host_int.h"
#include "support/tap.h"

#define LIMIT ((size_t)64 << 20)
#define ESM SLV_STR("application/javascript+module")

typedef struct rig {
    slv_arena arena;
    slv_fault fault;
    host_parts parts;
} rig;

static void rig_done(rig *r)
{
    slv_arena_done(&r->arena);
    slv_fault_done(&r->fault);
    slv_host_parts_done(&r->parts);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static int read_parts(rig *r, const slv_upload_part *parts, size_t n, const char *main)
{
    const slv_upload u = {.parts = parts, .part_count = n};
    const slv_resolved resolved = {.main = slv_str_from(main)};

    r->arena = SLV_ARENA((size_t)256 << 20);
    slv_fault_init(&r->fault);
    return slv_host_parts_read(&u, &resolved, &r->arena, &r->parts, &r->fault) == SLV_OK
               ? 0
               : r->fault.code;
}

TEST(types_are_kinds_and_names_lose_their_dots)
{
    static const struct {
        const char *type;
        slv_module_type kind;
    } types[] = {
        {"application/javascript", SLV_MODULE_CJS},
        {"application/wasm", SLV_MODULE_WASM},
        {"text/plain;charset=utf-8", SLV_MODULE_TEXT},
        {"application/octet-stream", SLV_MODULE_DATA},
        {"Application/JSON", SLV_MODULE_JSON},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(types); i++) {
        SLV_CLEANUP(rig_done) rig r = {0};
        const slv_upload_part parts[] = {
            {SLV_STR("index.js"), ESM, SLV_STR("")},
            {SLV_STR("./lib/x"), slv_str_from(types[i].type), SLV_STR("")}};

        CHECK_INT(read_parts(&r, parts, 2, "./index.js"), 0);
        CHECK_INT(r.parts.modules.items[1].type, types[i].kind);
        CHECK_STR(r.parts.modules.items[1].name, SLV_STR("lib/x"));
        CHECK_STR(r.parts.main, SLV_STR("index.js"));
    }
}

TEST(what_cannot_be_is_refused)
{
    const slv_upload_part python[] = {{SLV_STR("a.py"), SLV_STR("text/x-python"), SLV_STR("")}};
    const slv_upload_part twice[] = {{SLV_STR("a"), ESM, SLV_STR("")},
                                     {SLV_STR("./a"), ESM, SLV_STR("")}};
    const slv_upload_part text[] = {{SLV_STR("a"), SLV_STR("text/plain"), SLV_STR("")}};
    const slv_upload_part nameless[] = {{SLV_STR("./"), ESM, SLV_STR("")}};
    SLV_CLEANUP(rig_done) rig a = {0}, b = {0}, c = {0}, d = {0}, e = {0};

    CHECK_INT(read_parts(&a, python, 1, "a.py"), SLV_FAULT_INVALID);
    CHECK_INT(read_parts(&b, twice, 2, "a"), SLV_FAULT_INVALID);
    CHECK_INT(read_parts(&c, text, 1, "a"), SLV_FAULT_INVALID);
    CHECK_INT(read_parts(&d, text, 1, "b"), SLV_FAULT_INVALID);
    CHECK_INT(read_parts(&e, nameless, 1, "a"), SLV_FAULT_INVALID);
}

TEST(a_map_is_joined_to_its_module)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    const slv_upload_part parts[] = {
        {SLV_STR("index.js"), ESM, SLV_STR("a();\n//# sourceMappingURL=index.js.map")},
        {SLV_STR("index.js.map"), SLV_STR("application/source-map"), SLV_STR("{}")},
        {SLV_STR("other.js.map"), SLV_STR("application/source-map"), SLV_STR("{}")}};

    CHECK_INT(read_parts(&r, parts, 3, "index.js"), 0);
    CHECK_INT(r.parts.modules.len, 1);
    CHECK_STR(r.parts.modules.items[0].bytes,
              SLV_STR("a();\n//# sourceMappingURL=data:application/json;base64,e30=\n"));
}

/* As many bytes as are allowed, and one more; maps do not count. */
TEST(the_size_of_an_upload)
{
    char *bytes = calloc(1, LIMIT + 1);

    for (size_t more = 0; more <= 1; more++) {
        rig r = {0};
        const slv_upload_part parts[] = {
            {SLV_STR("index.js"), ESM, SLV_STR("1234")},
            {SLV_STR("big.bin"), SLV_STR("application/octet-stream"),
             slv_str_make(bytes, LIMIT - 4 + more)},
            {SLV_STR("index.js.map"), SLV_STR("application/source-map"), SLV_STR("{}")}};
        int code = read_parts(&r, parts, 3, "index.js");
        int status = r.fault.status;

        rig_done(&r);
        if (code != (more ? SLV_FAULT_TOO_LARGE : 0) || status != (more ? 413 : 0))
            tap_failed(__FILE__, __LINE__, "%zu more: %d, %d", more, code, status);
    }
    free(bytes);
}
TAP_MAIN()
