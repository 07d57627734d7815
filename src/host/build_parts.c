/* The modules of an upload, as the bundler takes them and as the code file keeps them. */
#include "base/mem.h"
#include "fmt/base64.h"
#include "fmt/mime.h"
#include "host/host_int.h"

#define MAP_INLINE_MAX ((size_t)64 << 20)
#define TAIL ((size_t)1024) /* of a module, where it names its map */

typedef enum part_kind {
    PART_MODULE,
    PART_MAP,
    PART_UNKNOWN,
} part_kind;

static const struct {
    const char *type;
    part_kind kind;
    slv_module_type module;
} types[] = {
    {"application/javascript+module", PART_MODULE, SLV_MODULE_ESM},
    {"application/javascript", PART_MODULE, SLV_MODULE_CJS},
    {"text/javascript+module", PART_MODULE, SLV_MODULE_ESM},
    {"text/javascript", PART_MODULE, SLV_MODULE_CJS},
    {"application/wasm", PART_MODULE, SLV_MODULE_WASM},
    {"text/plain", PART_MODULE, SLV_MODULE_TEXT},
    {"application/octet-stream", PART_MODULE, SLV_MODULE_DATA},
    {"application/json", PART_MODULE, SLV_MODULE_JSON},
    {"application/source-map", PART_MAP, 0},
};

static part_kind kind_of(slv_str type, slv_module_type *ret)
{
    slv_str plain = slv_str_trim(slv_str_sub(type, 0, slv_str_chr(type, ';', 0)));

    for (size_t i = 0; i < SLV_ARRAY_LEN(types); i++) {
        if (slv_str_eq_nocase(plain, slv_str_from(types[i].type))) {
            *ret = types[i].module;
            return types[i].kind;
        }
    }
    return PART_UNKNOWN;
}

void slv_host_parts_done(host_parts *p)
{
    slv_vec_done(&p->modules);
}

static slv_module *find(host_parts *p, slv_str name)
{
    for (size_t i = 0; i < p->modules.len; i++) {
        if (slv_str_eq(p->modules.items[i].name, name))
            return &p->modules.items[i];
    }
    return NULL;
}

/* The map stands at the end of its module, where the bundler reads it. */
static slv_code join_map(host_parts *p, const slv_upload_part *part, slv_arena *arena)
{
    slv_str name = slv_metadata_module_name(part->name);
    slv_module *m =
        slv_str_ends(name, SLV_STR(".map")) ? find(p, slv_str_sub(name, 0, name.len - 4)) : NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(3 * MAP_INLINE_MAX);
    slv_str code;
    size_t last;

    if (!m || part->body.len > MAP_INLINE_MAX || m->bytes.len > MAP_INLINE_MAX)
        return SLV_OK;
    code = m->bytes;
    last =
        slv_str_find(code, SLV_STR("\n//# sourceMappingURL="), code.len - SLV_MIN(code.len, TAIL));
    if (last != SIZE_MAX)
        code = slv_str_sub(code, 0, last);
    SLV_TRY(slv_buf_append(&text, code));
    SLV_TRY(slv_buf_append(&text, SLV_STR("\n//# sourceMappingURL=data:application/json;base64,")));
    SLV_TRY(slv_base64_encode(part->body, SLV_BASE64_STD, &text));
    SLV_TRY(slv_buf_append_byte(&text, '\n'));
    return slv_arena_dup(arena, slv_buf_view(&text), &m->bytes);
}

static slv_code add(host_parts *p, const slv_upload_part *part, slv_fault *f)
{
    slv_module m = {.name = slv_metadata_module_name(part->name), .bytes = part->body};

    if (m.name.len == 0)
        return slv_fault_set(f, SLV_FAULT_INVALID, "a module has no name");
    switch (kind_of(part->type, &m.type)) {
    case PART_MAP:
        return SLV_OK;
    case PART_UNKNOWN:
        return slv_fault_set(f, SLV_FAULT_INVALID,
                             "the module '%.*s' is of type '%.*s', which this server has nothing "
                             "for",
                             SLV_STR_ARGS(part->name), SLV_STR_ARGS(part->type));
    case PART_MODULE:
        break;
    }
    if (find(p, m.name))
        return slv_fault_set(f, SLV_FAULT_INVALID, "two modules are named '%.*s'",
                             SLV_STR_ARGS(m.name));
    p->bytes += m.bytes.len;
    slv_vec_push(&p->modules, m);
    return SLV_OK;
}

slv_code slv_host_parts_read(const slv_upload *u, const slv_resolved *resolved, slv_arena *arena,
                             host_parts *ret, slv_fault *fault)
{
    const slv_limits limits = SLV_LIMITS_DEFAULT;
    slv_module_type ignored;
    slv_module *main;

    for (size_t i = 0; i < u->part_count; i++)
        SLV_TRY(add(ret, &u->parts[i], fault));
    if (ret->bytes > limits.worker_bytes) {
        (void)slv_fault_set(fault, SLV_FAULT_TOO_LARGE,
                            "Your Worker exceeded the size limit of %llu MiB: its modules have "
                            "%llu bytes",
                            (unsigned long long)(limits.worker_bytes >> 20),
                            (unsigned long long)ret->bytes);
        fault->status = 413;
        return SLV_E_LIMIT;
    }
    ret->main = slv_metadata_module_name(resolved->main);
    main = find(ret, ret->main);
    if (!main)
        return slv_fault_set(
            fault, SLV_FAULT_INVALID, "'%s' is '%.*s', but there is no such module",
            resolved->service_worker ? "body_part" : "main_module", SLV_STR_ARGS(resolved->main));
    if (main->type != SLV_MODULE_ESM && main->type != SLV_MODULE_CJS)
        return slv_fault_set(fault, SLV_FAULT_INVALID, "the main module '%.*s' is no JavaScript",
                             SLV_STR_ARGS(resolved->main));
    main->type = SLV_MODULE_ESM; /* a script without exports is one of the old form */
    for (size_t i = 0; i < u->part_count; i++) {
        if (kind_of(u->parts[i].type, &ignored) == PART_MAP &&
            join_map(ret, &u->parts[i], arena) != SLV_OK)
            return slv_fault_set(fault, SLV_FAULT_TOO_LARGE, "the source maps are too large");
    }
    return SLV_OK;
}

/* ---- the code file ---- */

static bool has_module(const host_code_parts *out, slv_str name)
{
    for (size_t i = 0; i < out->len; i++) {
        if (out->items[i].kind == SLV_CODE_MODULE && slv_str_eq(out->items[i].name, name))
            return true;
    }
    return false;
}

/* Modules that only bindings name (wasm_module, text_blob, data_blob). */
static void add_bound(const host_parts *parts, const slv_node *metadata, host_code_parts *out)
{
    const slv_node *list = slv_node_get(metadata, "bindings");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        slv_str name = slv_metadata_module_name(slv_node_str(slv_node_get(n, "part")));

        for (size_t i = 0; name.len > 0 && i < parts->modules.len; i++) {
            const slv_module *m = &parts->modules.items[i];

            if (slv_str_eq(m->name, name) && !has_module(out, name))
                slv_vec_push(out, ((slv_code_part){.kind = SLV_CODE_MODULE,
                                                   .type = (uint8_t)m->type,
                                                   .name = m->name,
                                                   .bytes = m->bytes}));
        }
    }
}

void slv_host_code_parts(const slv_upload *u, const host_parts *parts, const slv_bundle *bundle,
                         const slv_node *metadata, host_code_parts *out)
{
    slv_vec_push(out,
                 ((slv_code_part){.kind = SLV_CODE_SCRIPT,
                                  .flags = bundle->service_worker ? SLV_CODE_SERVICE_WORKER : 0,
                                  .name = parts->main,
                                  .bytes = bundle->script}));
    if (bundle->source_map.len > 0)
        slv_vec_push(out, ((slv_code_part){.kind = SLV_CODE_MAP, .bytes = bundle->source_map}));
    for (size_t i = 0; i < bundle->modules.len; i++) {
        const slv_module *m = &bundle->modules.items[i];

        slv_vec_push(out, ((slv_code_part){.kind = SLV_CODE_MODULE,
                                           .type = (uint8_t)m->type,
                                           .name = m->name,
                                           .bytes = m->bytes}));
    }
    add_bound(parts, metadata, out);
    for (size_t i = 0; i < u->part_count; i++)
        slv_vec_push(out, ((slv_code_part){.kind = SLV_CODE_UPLOAD,
                                           .name = u->parts[i].name,
                                           .note = u->parts[i].type,
                                           .bytes = u->parts[i].body}));
}
