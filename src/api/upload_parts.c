/* What an upload brings: the parts of its form, and metadata that can be built from. */
#include <stdio.h>

#include "api/script_int.h"
#include "fmt/json.h"

static bool reject(script_rest *r, int status, int code, const char *text)
{
    slv_script_error(r, status, code, "%s", text);
    return false;
}

/* ---- metadata ---- */

static bool check_binding(script_rest *r, const slv_node *b, size_t i)
{
    const slv_node *name = slv_node_get(b, "name"), *type = slv_node_get(b, "type");

    if (!slv_node_is(b, SLV_NODE_OBJECT)) {
        slv_script_error(r, 400, SCRIPT_INVALID, "bindings[%zu] must be an object, not %s", i,
                         slv_node_type_text(b->type));
        return false;
    }
    if (!slv_node_is(name, SLV_NODE_STRING) || name->text.len == 0) {
        slv_script_error(r, 400, SCRIPT_INVALID,
                         "bindings[%zu].name must be a string that is not empty", i);
        return false;
    }
    if (!slv_node_is(type, SLV_NODE_STRING) || type->text.len == 0) {
        slv_script_error(r, 400, SCRIPT_INVALID,
                         "bindings[%zu].type must be a string that is not empty (binding '%.*s')",
                         i, SLV_STR_ARGS(name->text));
        return false;
    }
    return true;
}

static bool check_bindings(script_rest *r)
{
    const slv_node *list = slv_node_get(r->metadata, "bindings");
    size_t i = 0;

    if (!list || list->type == SLV_NODE_NULL)
        return true;
    if (list->type != SLV_NODE_ARRAY)
        return reject(r, 400, SCRIPT_INVALID, "bindings must be an array");
    if (list->count > SCRIPT_BINDINGS_MAX) {
        slv_script_error(r, 400, SCRIPT_INVALID, "A Worker has at most %u bindings",
                         SCRIPT_BINDINGS_MAX);
        return false;
    }
    for (const slv_node *b = list->first; b; b = b->next)
        if (!check_binding(r, b, i++))
            return false;
    return true;
}

static bool alias_ok(slv_str alias)
{
    if (alias.len == 0 || alias.ptr[0] < 'a' || alias.ptr[0] > 'z' ||
        alias.ptr[alias.len - 1] == '-')
        return false;
    for (size_t i = 0; i < alias.len; i++) {
        char c = alias.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !slv_is_digit(c) && c != '-')
            return false;
    }
    return true;
}

static bool check_annotations(script_rest *r)
{
    const slv_node *list = slv_node_get(r->metadata, "annotations"), *alias;

    if (!list || list->type == SLV_NODE_NULL)
        return true;
    if (list->type != SLV_NODE_OBJECT)
        return reject(r, 400, SCRIPT_INVALID, "annotations must be an object");
    for (const slv_node *m = list->first; m; m = m->next) {
        if (m->type == SLV_NODE_STRING)
            continue;
        slv_script_error(r, 400, SCRIPT_INVALID, "annotations[\"%.*s\"] must be a string",
                         SLV_STR_ARGS(m->key));
        return false;
    }
    alias = slv_node_get(list, "workers/alias");
    if (!alias)
        return true;
    if (!alias_ok(alias->text))
        return reject(r, 400, SCRIPT_INVALID,
                      "annotations[\"workers/alias\"] begins with a letter and has lower case "
                      "letters, digits and hyphens alone");
    if (alias->text.len + r->key.name.len > 62)
        return reject(r, 400, SCRIPT_INVALID,
                      "annotations[\"workers/alias\"] and the Worker's name have more than 62 "
                      "characters together");
    return true;
}

bool slv_script_check_metadata(script_rest *r)
{
    return check_bindings(r) && check_annotations(r);
}

static bool take_metadata(script_rest *r, slv_str text)
{
    slv_err err = {0};

    if (text.len > SCRIPT_METADATA_MAX)
        return reject(r, 413, SCRIPT_TOO_LARGE, "metadata has more than 1 MB");
    if (slv_json_parse(text, SLV_JSON_STRICT, r->api->arena, &r->metadata, &err) != SLV_OK) {
        slv_script_error(r, 400, SCRIPT_INVALID, "metadata is no JSON: %s", slv_err_text(&err));
        return false;
    }
    if (r->metadata->type != SLV_NODE_OBJECT)
        return reject(r, 400, SCRIPT_INVALID, "metadata must be an object");
    return true;
}

/* ---- parts ---- */

static bool add_part(script_rest *r, const slv_api_part *part)
{
    slv_upload_part *p;

    for (size_t i = 0; i < r->part_count; i++) {
        if (!slv_str_eq(r->parts[i].name, part->name))
            continue;
        slv_script_error(r, 400, SCRIPT_INVALID, "There are two parts of the name '%.*s'",
                         SLV_STR_ARGS(part->name));
        return false;
    }
    if (r->part_count == SCRIPT_PARTS_MAX) {
        slv_script_error(r, 413, SCRIPT_TOO_LARGE, "A Worker has at most %u modules",
                         SCRIPT_PARTS_MAX);
        return false;
    }
    if (r->part_count % 64 == 0)
        r->parts = slv_realloc(r->parts, (r->part_count + 64) * sizeof *r->parts);
    p = &r->parts[r->part_count++];
    *p = (slv_upload_part){part->name, part->type, part->body};
    return true;
}

static bool check_size(script_rest *r)
{
    size_t size = 0;

    for (size_t i = 0; i < r->part_count; i++)
        if (!slv_str_starts(r->parts[i].type, SLV_STR("application/source-map")))
            size += r->parts[i].body.len;
    if (size <= SCRIPT_SIZE_MAX)
        return true;
    slv_script_error(r, 413, SCRIPT_TOO_LARGE,
                     "Your Worker exceeded the size limit of %zu MiB. Its modules have %.1f MiB.",
                     SCRIPT_SIZE_MAX >> 20, (double)size / (1 << 20));
    return false;
}

static bool take_form(script_rest *r)
{
    slv_str metadata = SLV_STR_NULL;
    slv_api_part part;
    size_t at = 0;

    while (slv_api_next_part(r->api, &at, &part)) {
        if (part.name.len == 0)
            return reject(r, 400, SCRIPT_INVALID, "A part of the form has no name");
        if (slv_str_is(part.name, "metadata"))
            metadata = part.body.ptr ? part.body : SLV_STR("");
        else if (!add_part(r, &part))
            return false;
    }
    if (at == SIZE_MAX)
        return reject(r, 400, SCRIPT_INVALID, "The request's body is no multipart/form-data");
    if (!metadata.ptr)
        return reject(r, 400, SCRIPT_INVALID,
                      "The form has no part \"metadata\", which says what the others are");
    return take_metadata(r, metadata);
}

/* A service worker's script alone, as the body. */
static bool take_plain(script_rest *r)
{
    const slv_api_part part = {
        .name = SLV_STR("script"), .type = SLV_STR("application/javascript"), .body = r->api->body};

    return add_part(r, &part) && take_metadata(r, SLV_STR("{\"body_part\":\"script\"}"));
}

bool slv_script_take_upload(script_rest *r)
{
    slv_str type = slv_api_header(r->api, "content-type");

    if (slv_api_is_multipart(r->api)) {
        if (!take_form(r))
            return false;
    } else if (slv_str_starts(type, SLV_STR("application/javascript")) ||
               slv_str_starts(type, SLV_STR("text/javascript"))) {
        if (!take_plain(r))
            return false;
    } else {
        return reject(r, 400, SCRIPT_INVALID,
                      "An upload is multipart/form-data with a part \"metadata\" and one for each "
                      "module");
    }
    return check_size(r) && slv_script_check_metadata(r) &&
           slv_script_check_settings(r, r->metadata);
}
