/* Metadata of uploads: what is resolved can be read, and resolved again by what comes next. */
#include <stdlib.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "host/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: metadata of one upload, a NUL, that of the next. */
static bool resolve(slv_str text, const slv_resolved *before, slv_arena *arena, slv_resolved *ret)
{
    SLV_CLEANUP(slv_fault_done) slv_fault fault;
    slv_node *root;
    slv_resolve in = {.today = "2026-08-01"};

    slv_fault_init(&fault);
    if (slv_json_parse(text, SLV_JSON_STRICT, arena, &root, NULL) != SLV_OK)
        return false;
    in.metadata = root;
    if (before) {
        in.previous_metadata = before->metadata;
        in.previous_secrets = before->secrets;
        in.objects = before->objects;
        in.migration_tag = before->migration_tag;
    }
    if (slv_metadata_resolve(&in, arena, ret, &fault) != SLV_OK) {
        SLV_ASSERT(fault.code != 0 && fault.status >= 400);
        return false;
    }
    SLV_ASSERT(fault.code == 0);
    return true;
}

static void read_back(const slv_resolved *r, slv_arena *arena)
{
    const slv_worker_row worker = {.objects = r->objects};
    const slv_version_row version = {.id = SLV_STR("id"),
                                     .account = SLV_STR("acc"),
                                     .worker = SLV_STR("w"),
                                     .metadata = r->metadata};
    const slv_metadata_in in = {.worker = &worker, .version = &version, .secrets = r->secrets};
    slv_version_spec spec;
    slv_version *v = NULL;
    slv_err err = {0};
    slv_code code = slv_metadata_read(&in, arena, &spec, &err);

    SLV_ASSERT(code == SLV_OK || code == SLV_E_LIMIT);
    if (code != SLV_OK)
        return;
    spec.script = SLV_STR("return {}");
    spec.main_name = SLV_STR("index.js");
    if (slv_version_new(&spec, &v, &err) == SLV_OK)
        (void)slv_version_unref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    slv_str text = slv_str_make(data, size);
    size_t nul = slv_str_chr(text, '\0', 0);
    slv_resolved first, second;

    if (!resolve(slv_str_sub(text, 0, nul), NULL, &arena, &first))
        return 0;
    read_back(&first, &arena);
    if (nul != SIZE_MAX && resolve(slv_str_skip(text, nul + 1), &first, &arena, &second))
        read_back(&second, &arena);
    return 0;
}
