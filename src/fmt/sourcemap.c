#include "fmt/sourcemap.h"

#include "base/vec.h"
#include "fmt/json.h"

#define LINES_PER_MARK 32

/* What the decoder carries from one segment to the next. */
typedef struct decoder {
    size_t at; /* in the mappings */
    int64_t col, source, line, source_col, name;
} decoder;

struct slv_sourcemap {
    char *json;
    slv_arena arena;
    slv_str mappings;
    slv_str *sources, *contents, *names;
    size_t source_count, name_count;
    SLV_VEC(decoder) marks; /* at line 0, LINES_PER_MARK, ... */
    size_t line_count;
};

typedef struct segment {
    bool has_source, has_name;
} segment;

static bool vlq(slv_str s, size_t *at, int64_t *add)
{
    uint64_t v = 0;
    unsigned shift = 0;

    for (;;) {
        int digit = -1;
        char c = *at < s.len ? s.ptr[*at] : '\0';

        if (c >= 'A' && c <= 'Z')
            digit = c - 'A';
        else if (c >= 'a' && c <= 'z')
            digit = c - 'a' + 26;
        else if (slv_is_digit(c))
            digit = c - '0' + 52;
        else if (c == '+')
            digit = 62;
        else if (c == '/')
            digit = 63;
        if (digit < 0 || shift > 35)
            return false;
        (*at)++;
        v |= (uint64_t)(digit & 31) << shift;
        shift += 5;
        if (!(digit & 32))
            break;
    }
    *add += v & 1 ? -(int64_t)(v >> 1) : (int64_t)(v >> 1);
    return *add >= 0 && *add <= UINT32_MAX;
}

static bool at_end_of_segment(slv_str s, size_t at)
{
    return at >= s.len || s.ptr[at] == ',' || s.ptr[at] == ';';
}

static bool decode(const slv_sourcemap *m, decoder *d, segment *ret)
{
    slv_str s = m->mappings;

    ret->has_source = ret->has_name = false;
    if (!vlq(s, &d->at, &d->col))
        return false;
    if (at_end_of_segment(s, d->at))
        return true;
    if (!vlq(s, &d->at, &d->source) || !vlq(s, &d->at, &d->line) ||
        !vlq(s, &d->at, &d->source_col) || (size_t)d->source >= m->source_count)
        return false;
    ret->has_source = true;
    if (at_end_of_segment(s, d->at))
        return true;
    if (!vlq(s, &d->at, &d->name) || (size_t)d->name >= m->name_count)
        return false;
    ret->has_name = true;
    return at_end_of_segment(s, d->at);
}

static slv_code scan_lines(slv_sourcemap *m, slv_err *err)
{
    decoder d = {0};
    segment seg;
    size_t line = 0;

    slv_vec_push(&m->marks, d);
    while (d.at < m->mappings.len) {
        char c = m->mappings.ptr[d.at];

        if (c == ';') {
            d.at++;
            d.col = 0;
            if (++line % LINES_PER_MARK == 0)
                slv_vec_push(&m->marks, d);
        } else if (c == ',') {
            d.at++;
        } else if (!decode(m, &d, &seg)) {
            return slv_fail(err, SLV_E_PARSE, "source map: malformed mapping at offset %zu", d.at);
        }
    }
    m->line_count = line + 1;
    return SLV_OK;
}

static slv_code strings(slv_arena *arena, const slv_node *array, size_t count, slv_str **ret,
                        slv_err *err)
{
    size_t i = 0;

    *ret = slv_arena_try_alloc0(arena, (count + 1) * sizeof(slv_str));
    if (!*ret)
        return slv_fail(err, SLV_E_LIMIT, "source map: too large");
    if (array)
        for (const slv_node *n = array->first; n && i < count; n = n->next)
            (*ret)[i++] = slv_node_str(n);
    return SLV_OK;
}

static slv_code add_root(slv_sourcemap *m, slv_str root, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF((size_t)64 << 10);

    for (size_t i = 0; root.len > 0 && i < m->source_count; i++) {
        slv_buf_reset(&b);
        if (slv_buf_printf(&b, "%.*s%s%.*s", SLV_STR_ARGS(root),
                           slv_str_ends(root, SLV_STR("/")) ? "" : "/",
                           SLV_STR_ARGS(m->sources[i])) != SLV_OK ||
            slv_arena_dup(&m->arena, slv_buf_view(&b), &m->sources[i]) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "source map: too large");
    }
    return SLV_OK;
}

static slv_code read_fields(slv_sourcemap *m, const slv_node *root, slv_err *err)
{
    const slv_node *sources = slv_node_get(root, "sources"), *names = slv_node_get(root, "names");
    const slv_node *mappings = slv_node_get(root, "mappings");
    int64_t version = 0;

    if (!slv_node_i64(slv_node_get(root, "version"), &version) || version != 3)
        return slv_fail(err, SLV_E_PARSE, "source map: version 3 expected");
    if (!slv_node_is(sources, SLV_NODE_ARRAY) || !slv_node_is(mappings, SLV_NODE_STRING))
        return slv_fail(err, SLV_E_PARSE, "source map: \"sources\" and \"mappings\" expected");
    m->source_count = sources->count;
    m->name_count = slv_node_is(names, SLV_NODE_ARRAY) ? names->count : 0;
    m->mappings = mappings->text;
    SLV_TRY(strings(&m->arena, sources, m->source_count, &m->sources, err));
    SLV_TRY(strings(&m->arena, names, m->name_count, &m->names, err));
    SLV_TRY(strings(&m->arena, slv_node_get(root, "sourcesContent"), m->source_count, &m->contents,
                    err));
    return add_root(m, slv_node_str(slv_node_get(root, "sourceRoot")), err);
}

slv_code slv_sourcemap_new(slv_str json, slv_sourcemap **ret, slv_err *err)
{
    SLV_CLEANUP(slv_sourcemap_free) slv_sourcemap *m = slv_new0(slv_sourcemap);
    slv_node *root;

    if (json.len > SLV_SOURCEMAP_MAX)
        return slv_fail(err, SLV_E_LIMIT, "source map: %zu bytes; %zu are allowed", json.len,
                        SLV_SOURCEMAP_MAX);
    m->arena = SLV_ARENA(SLV_SOURCEMAP_MAX);
    m->json = slv_try_alloc(json.len + 1);
    if (!m->json)
        return SLV_E_NOMEM;
    if (json.len)
        memcpy(m->json, json.ptr, json.len);
    SLV_TRY(
        slv_json_parse(slv_str_make(m->json, json.len), SLV_JSON_STRICT, &m->arena, &root, err));
    SLV_TRY(read_fields(m, root, err));
    SLV_TRY(scan_lines(m, err));
    *ret = SLV_STEAL(m);
    return SLV_OK;
}

slv_sourcemap *slv_sourcemap_free(slv_sourcemap *m)
{
    if (m) {
        slv_arena_done(&m->arena);
        slv_vec_done(&m->marks);
        free(m->json);
        free(m);
    }
    return NULL;
}

bool slv_sourcemap_find(const slv_sourcemap *m, uint32_t line, uint32_t col, slv_source_place *ret)
{
    decoder d, best = {0};
    segment seg, best_seg = {0};
    size_t target = line - 1, at_line;

    if (line == 0 || col == 0 || target >= m->line_count)
        return false;
    at_line = target / LINES_PER_MARK * LINES_PER_MARK;
    d = m->marks.items[target / LINES_PER_MARK];
    while (d.at < m->mappings.len && at_line <= target) {
        char c = m->mappings.ptr[d.at];

        if (c == ';') {
            d.at++;
            d.col = 0;
            at_line++;
        } else if (c == ',') {
            d.at++;
        } else {
            if (!decode(m, &d, &seg))
                return false;
            if (at_line == target && d.col > (int64_t)col - 1)
                break;
            if (at_line == target) {
                best = d;
                best_seg = seg;
            }
        }
    }
    if (!best_seg.has_source)
        return false;
    ret->source = m->sources[best.source];
    ret->line = (uint32_t)best.line + 1;
    ret->col = (uint32_t)best.source_col + 1;
    ret->name = best_seg.has_name ? m->names[best.name] : SLV_STR_NULL;
    return true;
}

size_t slv_sourcemap_source_count(const slv_sourcemap *m)
{
    return m->source_count;
}

slv_str slv_sourcemap_source(const slv_sourcemap *m, size_t i)
{
    return i < m->source_count ? m->sources[i] : SLV_STR_NULL;
}

slv_str slv_sourcemap_content(const slv_sourcemap *m, size_t i)
{
    return i < m->source_count ? m->contents[i] : SLV_STR_NULL;
}
