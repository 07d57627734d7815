#include <inttypes.h>

#include "cache/policy_int.h"

/* ---- conditions ---- */

/* What stands between the quotes of an entity tag, weak or not; ptr NULL: it is none. */
static slv_str tag_text(slv_str tag)
{
    if (slv_str_starts(tag, SLV_STR("W/")))
        tag = slv_str_skip(tag, 2);
    if (tag.len < 3 || tag.ptr[0] != '"' || tag.ptr[tag.len - 1] != '"')
        return SLV_STR_NULL;
    return slv_str_sub(tag, 1, tag.len - 1);
}

static bool has_tag(slv_str list, slv_str etag)
{
    slv_str mine = tag_text(etag), item;

    if (!mine.ptr)
        return false;
    if (slv_str_is(list, "*"))
        return true;
    while (slv_cache_next_item(&list, &item)) {
        slv_str theirs = tag_text(item);

        if (theirs.ptr && slv_str_eq(theirs, mine))
            return true;
    }
    return false;
}

static bool is_unmodified(slv_str request, slv_str response)
{
    slv_str none = slv_cache_field(request, "if-none-match");
    slv_str since = slv_cache_field(request, "if-modified-since");
    slv_str etag = slv_cache_field(response, "etag");
    int64_t theirs, mine;

    if (none.ptr && etag.ptr && has_tag(none, etag))
        return true;
    return since.ptr && slv_cache_date_parse(since, &theirs) == SLV_OK &&
           slv_cache_date_parse(slv_cache_field(response, "last-modified"), &mine) == SLV_OK &&
           mine <= theirs;
}

/* ---- ranges ---- */

typedef enum range_kind {
    RANGE_BAD,   /* 416 */
    RANGE_WHOLE, /* as if there were no Range */
    RANGE_SOME,
} range_kind;

static slv_code number(slv_str text, uint64_t *ret)
{
    slv_code code = slv_parse_u64(text, ret);

    if (code == SLV_E_LIMIT) {
        *ret = UINT64_MAX;
        code = SLV_OK;
    }
    return code;
}

static range_kind read_range(slv_str item, uint64_t size, slv_cache_range *ret)
{
    size_t dash = slv_str_chr(item, '-', 0);
    slv_str first = slv_str_trim(slv_str_sub(item, 0, SLV_MIN(dash, item.len)));
    slv_str last = dash == SIZE_MAX ? SLV_STR_NULL : slv_str_trim(slv_str_skip(item, dash + 1));
    uint64_t a = 0, b = size > 0 ? size - 1 : 0;

    if (dash == SIZE_MAX || (first.len == 0 && last.len == 0))
        return RANGE_BAD;
    if (first.len == 0) { /* the last so many bytes */
        if (number(last, &b) != SLV_OK)
            return RANGE_BAD;
        if (b == 0 || b >= size)
            return RANGE_WHOLE;
        *ret = (slv_cache_range){size - b, size - 1};
        return RANGE_SOME;
    }
    if (number(first, &a) != SLV_OK || (last.len > 0 && number(last, &b) != SLV_OK) || a > b ||
        a >= size)
        return RANGE_BAD;
    *ret = (slv_cache_range){a, SLV_MIN(b, size - 1)};
    return RANGE_SOME;
}

static range_kind read_ranges(slv_str field, uint64_t size, slv_cache_plan *plan)
{
    slv_str item;

    if (!slv_str_eq_nocase(slv_str_trim(slv_str_sub(field, 0, 5)), SLV_STR("bytes")))
        return RANGE_BAD;
    field = slv_str_trim(slv_str_skip(field, 5));
    if (field.len == 0 || field.ptr[0] != '=')
        return RANGE_BAD;
    field = slv_str_trim(slv_str_skip(field, 1));
    if (field.len == 0 || field.ptr[field.len - 1] == ',')
        return RANGE_BAD;
    while (slv_str_split(&field, ',', &item)) {
        slv_cache_range range;
        range_kind kind = read_range(slv_str_trim(item), size, &range);

        if (kind == RANGE_SOME && plan->range_count == SLV_CACHE_RANGES_MAX)
            kind = RANGE_WHOLE;
        if (kind != RANGE_SOME) {
            plan->range_count = 0;
            return kind;
        }
        plan->ranges[plan->range_count++] = range;
    }
    return RANGE_SOME;
}

void slv_cache_plan_match(slv_str request, uint16_t status, slv_str response, uint64_t size,
                          slv_cache_plan *ret)
{
    slv_str range = slv_cache_field(request, "range");

    *ret = (slv_cache_plan){.status = status};
    if (range.len > 0 && read_ranges(range, size, ret) == RANGE_BAD)
        ret->status = 416;
    else if (is_unmodified(request, response))
        ret->status = 304;
    else if (ret->range_count > 0)
        ret->status = 206;
    if (ret->status != 206)
        ret->range_count = 0;
}

/* ---- Vary ---- */

static bool takes(slv_str accept, slv_str coding)
{
    slv_str item;

    while (slv_cache_next_item(&accept, &item)) {
        size_t end = SLV_MIN(slv_str_chr(item, ';', 0), item.len);
        slv_str name = slv_str_trim(slv_str_sub(item, 0, end));
        slv_str rest = slv_str_skip(item, end);
        bool zero = slv_str_find(rest, SLV_STR("q=0"), 0) != SIZE_MAX &&
                    slv_str_find(rest, SLV_STR("q=0."), 0) == SIZE_MAX;

        if (slv_str_eq_nocase(name, coding) || slv_str_is(name, "*"))
            return !zero;
    }
    return false;
}

bool slv_cache_refused(slv_str request, slv_str response)
{
    slv_str coding = slv_cache_field(response, "content-encoding");
    slv_str accept = slv_cache_field(request, "accept-encoding");
    slv_str vary = slv_cache_field(response, "vary"), item;

    if (coding.len == 0 || !accept.ptr)
        return false;
    while (slv_cache_next_item(&vary, &item)) {
        if (slv_str_eq_nocase(item, SLV_STR("accept-encoding")))
            return !takes(accept, coding);
    }
    return false;
}

/* ---- the answer's headers ---- */

slv_code slv_cache_answer_headers(const slv_cache_plan *plan, slv_str response, uint64_t size,
                                  int64_t age_s, slv_str boundary, slv_buf *out)
{
    slv_str name, value;

    if (plan->status == 416)
        return slv_buf_printf(out, "content-range:bytes */%" PRIu64 "\ncf-cache-status:HIT\n",
                              size);
    while (slv_cache_next_field(&response, &name, &value)) {
        if (plan->range_count > 0 && slv_str_eq_nocase(name, SLV_STR("content-length")))
            continue;
        if (plan->range_count > 1 && slv_str_eq_nocase(name, SLV_STR("content-type")))
            continue;
        SLV_TRY(slv_buf_append(out, name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_buf_append(out, value));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    if (plan->range_count == 1)
        SLV_TRY(slv_buf_printf(out,
                               "content-range:bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64
                               "\ncontent-length:%" PRIu64 "\n",
                               plan->ranges[0].from, plan->ranges[0].to, size,
                               plan->ranges[0].to - plan->ranges[0].from + 1));
    if (plan->range_count > 1)
        SLV_TRY(slv_buf_printf(out, "content-type:multipart/byteranges; boundary=%.*s\n",
                               SLV_STR_ARGS(boundary)));
    return slv_buf_printf(out, "age:%" PRId64 "\ncf-cache-status:HIT\n", age_s > 0 ? age_s : 0);
}
