#include "assets/form.h"

static const slv_str names[SLV_CODINGS] = {{"", 0}, {"gzip", 4}, {"br", 2}};
static const slv_str suffixes[SLV_CODINGS] = {{"", 0}, {".gz", 3}, {".br", 3}};

slv_str slv_coding_name(slv_coding c)
{
    return names[c];
}

slv_str slv_coding_suffix(slv_coding c)
{
    return suffixes[c];
}

/* ---- what is worth it ---- */

bool slv_form_packs(slv_str type, uint64_t size)
{
    static const char *const types[] = {
        "application/eot",
        "application/font",
        "application/font-sfnt",
        "application/font-woff",
        "application/geo+json",
        "application/graphql+json",
        "application/javascript",
        "application/javascript-binast",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/opentype",
        "application/otf",
        "application/rss+xml",
        "application/truetype",
        "application/ttf",
        "application/vnd.api+json",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-httpd-cgi",
        "application/x-javascript",
        "application/x-opentype",
        "application/x-otf",
        "application/x-perl",
        "application/x-protobuf",
        "application/x-ttf",
        "application/xhtml+xml",
        "application/xml",
        "font/otf",
        "font/ttf",
        "font/x-woff",
        "image/svg+xml",
        "image/vnd.microsoft.icon",
        "image/x-icon",
        "multipart/bag",
        "multipart/mixed",
        "text/css",
        "text/html",
        "text/javascript",
        "text/js",
        "text/plain",
        "text/richtext",
        "text/x-component",
        "text/x-java-source",
        "text/x-markdown",
        "text/x-script",
        "text/xml",
    };
    slv_str essence = slv_str_trim(slv_str_sub(type, 0, slv_str_chr(type, ';', 0)));

    for (size_t i = 0; size >= SLV_PACK_MIN && i < SLV_ARRAY_LEN(types); i++)
        if (slv_str_eq_nocase(essence, slv_str_from(types[i])))
            return true;
    return false;
}

/* ---- Accept-Encoding ---- */

/* "0.5" in thousandths; -1: it is no weight. */
static int weight_of(slv_str text)
{
    int value = 0, scale = 1000;

    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.'))
        return -1;
    value = (text.ptr[0] - '0') * scale;
    for (size_t i = 2; i < text.len; i++) {
        if (!slv_is_digit(text.ptr[i]))
            return -1;
        scale /= 10;
        value += (text.ptr[i] - '0') * scale;
    }
    return value <= 1000 ? value : -1;
}

/* An item "br;q=0.5"; -1: it cannot be read. */
static int item_weight(slv_str item, slv_str *ret_name)
{
    size_t semicolon = slv_str_chr(item, ';', 0);
    slv_str parameter;

    *ret_name = slv_str_trim(slv_str_sub(item, 0, semicolon));
    if (semicolon == SIZE_MAX)
        return 1000;
    parameter = slv_str_trim(slv_str_skip(item, semicolon + 1));
    if (parameter.len < 2 || slv_ascii_lower(parameter.ptr[0]) != 'q' || parameter.ptr[1] != '=')
        return -1;
    return weight_of(slv_str_trim(slv_str_skip(parameter, 2)));
}

slv_coding slv_form_coding(slv_str accept, unsigned have)
{
    int weights[SLV_CODINGS] = {0}, plain = 0;
    slv_str item, name;
    slv_coding best = SLV_CODING_NONE;

    while (slv_str_split(&accept, ',', &item)) {
        int weight = item_weight(slv_str_trim(item), &name);

        if (weight < 0)
            continue;
        for (int c = SLV_CODING_GZIP; c < SLV_CODINGS; c++)
            if (slv_str_eq_nocase(name, names[c]))
                weights[c] = weight;
        if (slv_str_eq_nocase(name, SLV_STR("identity")))
            plain = weight;
    }
    for (int c = SLV_CODING_GZIP; c < SLV_CODINGS; c++)
        if (have & 1u << c && weights[c] > 0 && weights[c] >= weights[best])
            best = (slv_coding)c;
    return best != SLV_CODING_NONE && plain > weights[best] ? SLV_CODING_NONE : best;
}

/* ---- Range ---- */

/* A strong tag that is the file's. Dates never match: files have none. */
static bool same_file(slv_str if_range, slv_str etag)
{
    slv_str tag = slv_str_trim(if_range);

    return tag.len == etag.len + 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"' &&
           slv_str_eq(slv_str_sub(tag, 1, tag.len - 1), etag);
}

/* Digits; more than a number holds is more than any file has. */
static bool read_number(slv_str text, uint64_t *ret)
{
    slv_code code = slv_parse_u64(text, ret);

    if (code == SLV_E_LIMIT)
        *ret = UINT64_MAX;
    return code == SLV_OK || code == SLV_E_LIMIT;
}

slv_ranged slv_form_range(slv_str range, slv_str if_range, slv_str etag, uint64_t size,
                          uint64_t *ret_from, uint64_t *ret_length)
{
    slv_str rest = slv_str_trim(range), first, last;
    uint64_t from = 0, to = 0;
    size_t dash;

    if (rest.len < 6 || !slv_str_eq_nocase(slv_str_sub(rest, 0, 6), SLV_STR("bytes=")) ||
        (if_range.len > 0 && !same_file(if_range, etag)))
        return SLV_RANGE_ALL;
    rest = slv_str_trim(slv_str_skip(rest, 6));
    dash = slv_str_chr(rest, '-', 0);
    if (dash == SIZE_MAX || slv_str_chr(rest, ',', 0) != SIZE_MAX)
        return SLV_RANGE_ALL;
    first = slv_str_sub(rest, 0, dash);
    last = slv_str_skip(rest, dash + 1);
    if ((first.len > 0 && !read_number(first, &from)) ||
        (last.len > 0 && !read_number(last, &to)) || (first.len == 0 && last.len == 0) ||
        (first.len > 0 && last.len > 0 && to < from))
        return SLV_RANGE_ALL;
    if (first.len == 0) { /* the last `to` bytes */
        if (to == 0 || size == 0)
            return SLV_RANGE_NONE;
        *ret_length = SLV_MIN(to, size);
        *ret_from = size - *ret_length;
        return SLV_RANGE_PART;
    }
    if (from >= size)
        return SLV_RANGE_NONE;
    to = last.len > 0 ? SLV_MIN(to, size - 1) : size - 1;
    *ret_from = from;
    *ret_length = to - from + 1;
    return SLV_RANGE_PART;
}
