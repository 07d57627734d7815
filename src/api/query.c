/* What a handler reads of a call: query, headers, JSON and multipart bodies. */
#include "api/api_int.h"
#include "fmt/json.h"
#include "fmt/mime.h"

slv_code slv_api_decode(slv_arena *arena, slv_str text, bool plus, slv_str *ret)
{
    char *out;
    size_t n = 0;

    if (slv_str_chr(text, '%', 0) == SIZE_MAX && (!plus || slv_str_chr(text, '+', 0) == SIZE_MAX)) {
        *ret = text;
        return SLV_OK;
    }
    out = slv_arena_try_alloc(arena, text.len + 1);
    if (!out)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%' && i + 2 < text.len && slv_hex_value(text.ptr[i + 1]) >= 0 &&
            slv_hex_value(text.ptr[i + 2]) >= 0) {
            c = (char)(slv_hex_value(text.ptr[i + 1]) * 16 + slv_hex_value(text.ptr[i + 2]));
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    out[n] = 0;
    *ret = slv_str_make(out, n);
    return SLV_OK;
}

slv_str slv_api_query_item(const slv_api_call *call, const char *name, size_t i)
{
    slv_str rest = call->query, pair;

    while (rest.len > 0 && slv_str_split(&rest, '&', &pair)) {
        size_t eq = slv_str_chr(pair, '=', 0);
        slv_str key = eq == SIZE_MAX ? pair : slv_str_sub(pair, 0, eq), value;

        if (slv_api_decode(call->arena, key, true, &key) != SLV_OK)
            break;
        if (!slv_str_is(key, name) || i-- > 0)
            continue;
        value = eq == SIZE_MAX ? SLV_STR("") : slv_str_skip(pair, eq + 1);
        if (slv_api_decode(call->arena, value, true, &value) != SLV_OK)
            break;
        return value;
    }
    return SLV_STR_NULL;
}

slv_str slv_api_query(const slv_api_call *call, const char *name)
{
    return slv_api_query_item(call, name, 0);
}

bool slv_api_query_number(slv_api_call *call, const char *name, uint64_t min, uint64_t max,
                          uint64_t otherwise, uint64_t *ret)
{
    slv_str text = slv_api_query(call, name);

    *ret = otherwise;
    if (!text.ptr || text.len == 0)
        return true;
    if (slv_parse_u64(text, ret) == SLV_OK && *ret >= min && *ret <= max)
        return true;
    slv_api_error(call, 400, SLV_API_BAD_JSON, "%s must be a whole number from %llu to %llu", name,
                  (unsigned long long)min, (unsigned long long)max);
    return false;
}

slv_str slv_api_header(const slv_api_call *call, const char *name)
{
    slv_str rest = call->headers, line;

    while (rest.len > 0 && slv_str_split(&rest, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon != SIZE_MAX && slv_str_is(slv_str_sub(line, 0, colon), name))
            return slv_str_trim(slv_str_skip(line, colon + 1));
    }
    return SLV_STR_NULL;
}

slv_node *slv_api_body_json(slv_api_call *call)
{
    slv_node *root = NULL;
    slv_err err = {0};
    slv_code code = slv_json_parse(call->body, SLV_JSON_STRICT, call->arena, &root, &err);

    if (code == SLV_OK)
        return root;
    if (code == SLV_E_LIMIT)
        slv_api_error(call, 413, SLV_API_TOO_LARGE, "The request's body is too large");
    else
        slv_api_error(call, 400, SLV_API_BAD_JSON, "Could not parse the request's body as JSON: %s",
                      slv_err_text(&err));
    return NULL;
}

/* ---- multipart/form-data ---- */

static slv_str boundary_of(const slv_api_call *call)
{
    slv_mime mime;
    slv_str type = slv_api_header(call, "content-type");

    if (!type.ptr || slv_mime_parse(type, call->arena, &mime) != SLV_OK ||
        !slv_mime_is(&mime, SLV_STR("multipart/form-data")))
        return SLV_STR_NULL;
    return slv_mime_get(&mime, SLV_STR("boundary"));
}

bool slv_api_is_multipart(const slv_api_call *call)
{
    return boundary_of(call).len > 0;
}

/* The value of a parameter of Content-Disposition; names are escaped by percent signs. */
static slv_str parameter(const slv_api_call *call, slv_str line, const char *name)
{
    slv_str key;
    size_t at = 0, len = strlen(name);

    while ((at = slv_str_find(line, slv_str_from(name), at)) != SIZE_MAX) {
        key = slv_str_skip(line, at + len);
        if (at > 0 && (line.ptr[at - 1] == ' ' || line.ptr[at - 1] == ';') &&
            slv_str_starts(key, SLV_STR("=\""))) {
            slv_str value = slv_str_skip(key, 2), decoded;
            size_t end = slv_str_chr(value, '"', 0);

            if (end == SIZE_MAX)
                return SLV_STR_NULL;
            value = slv_str_sub(value, 0, end);
            return slv_api_decode(call->arena, value, false, &decoded) == SLV_OK ? decoded
                                                                                 : SLV_STR_NULL;
        }
        at += len;
    }
    return SLV_STR_NULL;
}

static void part_headers(const slv_api_call *call, slv_str head, slv_api_part *ret)
{
    slv_str line;

    while (head.len > 0 && slv_str_split(&head, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon == SIZE_MAX)
            continue;
        slv_str name = slv_str_sub(line, 0, colon),
                value = slv_str_trim(slv_str_skip(line, colon + 1));

        if (slv_str_eq_nocase(name, SLV_STR("content-type"))) {
            ret->type = value;
        } else if (slv_str_eq_nocase(name, SLV_STR("content-disposition"))) {
            ret->name = parameter(call, value, "name");
            ret->filename = parameter(call, value, "filename");
        }
    }
}

static bool malformed(size_t *at)
{
    *at = SIZE_MAX;
    return false;
}

/* *at stands behind a delimiter line's boundary, or is 0. */
bool slv_api_next_part(const slv_api_call *call, size_t *at, slv_api_part *ret)
{
    slv_str boundary = boundary_of(call), body = call->body;
    SLV_CLEANUP(slv_buf_done) slv_buf delimiter = SLV_BUF(256);
    size_t head_end, end;

    if (boundary.len == 0 ||
        slv_buf_printf(&delimiter, "\r\n--%.*s", SLV_STR_ARGS(boundary)) != SLV_OK)
        return malformed(at);
    if (*at == 0) {
        slv_str first = slv_str_skip(slv_buf_view(&delimiter), 2);

        if (!slv_str_starts(body, first))
            return malformed(at);
        *at = first.len;
    }
    body = slv_str_skip(body, *at);
    if (slv_str_starts(body, SLV_STR("--")))
        return false;
    if (!slv_str_starts(body, SLV_STR("\r\n")))
        return malformed(at);
    head_end = slv_str_find(body, SLV_STR("\r\n\r\n"), 0);
    if (head_end == SIZE_MAX)
        return malformed(at);
    end = slv_str_find(body, slv_buf_view(&delimiter), head_end + 2);
    if (end == SIZE_MAX || end < head_end + 2)
        return malformed(at);
    *ret = (slv_api_part){0};
    part_headers(call, slv_str_sub(body, 2, head_end), ret);
    ret->body = end < head_end + 4 ? SLV_STR("") : slv_str_sub(body, head_end + 4, end);
    *at += end + delimiter.len;
    return true;
}
