#include "base/utf8.h"
#include "fmt/json.h"
#include "r2/r2_int.h"

/* ---- conditions ---- */

static bool includes(slv_str tags, slv_str etag, bool weak)
{
    slv_str tag;

    while (slv_str_split(&tags, '\n', &tag)) {
        if (slv_str_is(tag, "*"))
            return true;
        if (tag.len > 0 && (tag.ptr[0] == 'S' || (weak && tag.ptr[0] == 'W')) &&
            slv_str_eq(slv_str_skip(tag, 1), etag))
            return true;
    }
    return false;
}

static int64_t granular(const slv_r2_cond *cond, int64_t ms)
{
    int64_t rest = ms % 1000;

    return cond->seconds ? ms - (rest < 0 ? rest + 1000 : rest) : ms;
}

bool slv_r2_cond_holds(const slv_r2_cond *cond, const slv_r2_object *object)
{
    if (!object)
        return !cond->has_match && !cond->has_after;
    bool match = !cond->has_match || includes(cond->match, object->etag, false);
    bool none = !cond->has_none || !includes(cond->none, object->etag, true);
    int64_t uploaded = granular(cond, object->uploaded_ms);
    bool after =
        !cond->has_after || granular(cond, cond->after_ms) < uploaded || (cond->has_none && none);
    bool before = !cond->has_before || uploaded < granular(cond, cond->before_ms) ||
                  (cond->has_match && match);

    return match && none && after && before;
}

static void skip_space(slv_str *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        *rest = slv_str_skip(*rest, 1);
}

bool slv_r2_cond_tags(slv_str field, slv_buf *out)
{
    slv_str rest = field;

    for (bool first = true;; first = false) {
        bool weak = false;

        skip_space(&rest);
        while (rest.len > 0 && rest.ptr[0] == ',') {
            rest = slv_str_skip(rest, 1);
            skip_space(&rest);
        }
        if (rest.len == 0)
            return !first;
        if (rest.ptr[0] == '*')
            return slv_buf_set(out, SLV_STR("*")) == SLV_OK;
        if (slv_str_starts(rest, SLV_STR("W/"))) {
            weak = true;
            rest = slv_str_skip(rest, 2);
        }
        bool quoted = rest.len > 0 && rest.ptr[0] == '"';
        if (quoted)
            rest = slv_str_skip(rest, 1);
        /* clients of S3 also send tags without quotes */
        size_t end =
            quoted ? slv_str_chr(rest, '"', 0) : SLV_MIN(slv_str_chr(rest, ',', 0), rest.len);
        if (end == SIZE_MAX)
            return false;
        slv_str tag = slv_str_sub(rest, 0, end);
        if (!quoted)
            tag = slv_str_trim(tag);
        if (slv_str_chr(tag, '\n', 0) != SIZE_MAX || (!first && slv_buf_append_byte(out, '\n')) ||
            slv_buf_append_byte(out, weak ? 'W' : 'S') || slv_buf_append(out, tag))
            return false;
        rest = slv_str_skip(rest, end + (quoted ? 1 : 0));
        skip_space(&rest);
        if (rest.len > 0 && rest.ptr[0] != ',')
            return false;
    }
}

/* ---- ranges ---- */

static bool number(slv_str text, uint64_t *ret)
{
    slv_code code = slv_parse_u64(text, ret);

    if (code == SLV_E_LIMIT)
        *ret = UINT64_MAX;
    return code == SLV_OK || code == SLV_E_LIMIT;
}

typedef enum header_range {
    HEADER_WHOLE,  /* malformed, several, or all of it */
    HEADER_BEYOND, /* nothing of it is there */
    HEADER_PART,
} header_range;

static header_range parse_header(slv_str text, uint64_t size, uint64_t *ret_offset,
                                 uint64_t *ret_length)
{
    uint64_t first = 0, last = 0;

    text = slv_str_trim(text);
    size_t eq = slv_str_chr(text, '=', 0);
    if (eq == SIZE_MAX ||
        !slv_str_eq_nocase(slv_str_trim(slv_str_sub(text, 0, eq)), SLV_STR("bytes")))
        return HEADER_WHOLE;
    text = slv_str_skip(text, eq + 1);
    size_t dash = slv_str_chr(text, '-', 0);
    if (dash == SIZE_MAX)
        return HEADER_WHOLE;
    slv_str from = slv_str_trim(slv_str_sub(text, 0, dash));
    slv_str to = slv_str_trim(slv_str_skip(text, dash + 1));
    if ((from.len > 0 && !number(from, &first)) || (to.len > 0 && !number(to, &last)) ||
        (from.len == 0 && to.len == 0))
        return HEADER_WHOLE;
    if (from.len == 0) {
        if (last == 0)
            return HEADER_BEYOND;
        if (last >= size)
            return size == 0 ? HEADER_BEYOND : HEADER_WHOLE;
        *ret_offset = size - last;
        *ret_length = last;
        return HEADER_PART;
    }
    if (to.len > 0 && first > last)
        return HEADER_WHOLE;
    if (first >= size)
        return HEADER_BEYOND;
    last = to.len > 0 ? SLV_MIN(last, size - 1) : size - 1;
    *ret_offset = first;
    *ret_length = last - first + 1;
    return HEADER_PART;
}

slv_code slv_r2_range_resolve(const slv_r2_range *range, uint64_t size, uint64_t *ret_offset,
                              uint64_t *ret_length, bool *ret_partial, slv_err *err)
{
    uint64_t offset = 0, length = size;
    bool partial = false;

    switch (range->kind) {
    case SLV_R2_RANGE_NONE:
        break;
    case SLV_R2_RANGE_HEADER:
        switch (parse_header(range->header, size, &offset, &length)) {
        case HEADER_BEYOND:
            if (range->strict)
                return slv_r2_fail(err, SLV_R2_BAD_RANGE);
            break;
        case HEADER_PART:
            partial = true;
            break;
        case HEADER_WHOLE:
            break;
        }
        break;
    case SLV_R2_RANGE_SUFFIX:
        if (range->length == 0 || size == 0)
            return slv_r2_fail(err, SLV_R2_BAD_RANGE);
        length = SLV_MIN(range->length, size);
        offset = size - length;
        partial = true;
        break;
    case SLV_R2_RANGE_OFFSET:
        if (range->offset > size)
            return slv_r2_fail(err, SLV_R2_BAD_RANGE);
        offset = range->offset;
        length = range->has_length ? SLV_MIN(range->length, size - offset) : size - offset;
        if (length == 0)
            return slv_r2_fail(err, SLV_R2_BAD_RANGE);
        partial = true;
        break;
    }
    *ret_offset = offset;
    *ret_length = length;
    *ret_partial = partial;
    return SLV_OK;
}

/* ---- names and metadata ---- */

slv_code slv_r2_check_key(slv_str key, slv_err *err)
{
    if (key.len > SLV_R2_KEY_MAX || !slv_utf8_valid(key))
        return slv_r2_fail(err, SLV_R2_BAD_NAME);
    return SLV_OK;
}

static size_t text_cost(slv_str text)
{
    size_t units = slv_utf16_len(text);

    for (size_t at = 0; at < text.len;) {
        bool bad;

        if (slv_utf8_next(text, &at, &bad) >= 0x100)
            return 2 * units;
    }
    return units;
}

slv_code slv_r2_check_metadata(slv_str custom_json, size_t max, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    slv_node *root;
    size_t total = 0;

    if (custom_json.len == 0)
        return SLV_OK;
    if (slv_json_parse(custom_json, SLV_JSON_STRICT, &arena, &root, err) != SLV_OK ||
        !slv_node_is(root, SLV_NODE_OBJECT))
        return slv_r2_fail(err, SLV_R2_BAD_ARGUMENT);
    for (const slv_node *n = root->first; n; n = n->next) {
        if (!slv_node_is(n, SLV_NODE_STRING))
            return slv_r2_fail(err, SLV_R2_BAD_ARGUMENT);
        total += text_cost(n->key) + text_cost(n->text);
    }
    return total > max ? slv_r2_fail(err, SLV_R2_METADATA_TOO_LARGE) : SLV_OK;
}

static const char *const class_names[] = {"", "Standard", "InfrequentAccess"};

const char *slv_r2_class_name(slv_r2_class c)
{
    return class_names[c];
}

bool slv_r2_class_parse(slv_str name, slv_r2_class *ret)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(class_names); i++) {
        if (slv_str_is(name, class_names[i])) {
            *ret = (slv_r2_class)i;
            return true;
        }
    }
    return false;
}
