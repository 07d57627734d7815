/* Rules for what goes by itself, as XML of S3 and as the JSON that r2/lifecycle.c reads. */
#include "api/s3_int.h"

#define RULES_MAX 1000

/* The prefix stands in the rule, its Filter, or the Filter's And. */
static slv_str prefix_of(const slv_xml *rule)
{
    const slv_xml *filter = slv_xml_child(rule, "Filter"), *and = slv_xml_child(filter, "And");
    const slv_xml *prefix = slv_xml_child(rule, "Prefix");

    if (!prefix)
        prefix = slv_xml_child(filter, "Prefix");
    if (!prefix)
        prefix = slv_xml_child(and, "Prefix");
    return prefix ? prefix->text : SLV_STR_NULL;
}

static slv_code put_days(slv_buf *out, const char *member, slv_str days)
{
    uint64_t n;

    if (days.len == 0)
        return SLV_OK;
    SLV_TRY(slv_parse_u64(days, &n));
    if (n == 0 || n > 100000)
        return SLV_E_PARSE;
    return slv_buf_printf(out, ",\"%s\":%llu", member, (unsigned long long)n);
}

/* "2026-01-01T00:00:00.000Z", with or without fraction, or the day alone. */
static slv_code put_date(slv_buf *out, slv_str date)
{
    char text[24];
    int64_t ms;

    if (date.len == 0)
        return SLV_OK;
    if (date.len < 10)
        return SLV_E_PARSE;
    memcpy(text, date.ptr, 10);
    memcpy(text + 10, "T00:00:00Z", 11);
    if (!slv_s3_parse_date(slv_str_from(text), &ms))
        return SLV_E_PARSE;
    return slv_buf_printf(out, ",\"expireDate\":%lld", (long long)ms);
}

static slv_code put_rule(slv_buf *out, const slv_xml *rule)
{
    const slv_xml *expire = slv_xml_child(rule, "Expiration");
    const slv_xml *cool = slv_xml_child(rule, "Transition");
    slv_str status = slv_xml_text(rule, "Status");

    if (!slv_str_is(status, "Enabled") && !slv_str_is(status, "Disabled"))
        return SLV_E_PARSE;
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"id\":")));
    SLV_TRY(slv_json_put_string(out, slv_xml_text(rule, "ID")));
    SLV_TRY(slv_buf_printf(
        out, ",\"enabled\":%s,\"prefix\":", slv_str_is(status, "Enabled") ? "true" : "false"));
    SLV_TRY(slv_json_put_string(out, prefix_of(rule)));
    SLV_TRY(put_days(out, "expireDays", slv_xml_text(expire, "Days")));
    SLV_TRY(put_date(out, slv_xml_text(expire, "Date")));
    SLV_TRY(put_days(out, "transitionDays", slv_xml_text(cool, "Days")));
    SLV_TRY(put_days(out, "abortDays",
                     slv_xml_text(slv_xml_child(rule, "AbortIncompleteMultipartUpload"),
                                  "DaysAfterInitiation")));
    return slv_buf_append_byte(out, '}');
}

slv_code slv_s3_lifecycle_from_xml(slv_str xml, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    slv_xml *root;
    size_t count = 0;

    SLV_TRY(slv_xml_parse(xml, &arena, &root, err));
    if (!slv_str_is(root->name, "LifecycleConfiguration"))
        return SLV_E_PARSE;
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (const slv_xml *rule = slv_xml_child(root, "Rule"); rule; rule = slv_xml_again(rule)) {
        if (count++ == RULES_MAX)
            return SLV_E_LIMIT;
        if (count > 1)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_rule(out, rule));
    }
    SLV_TRY(slv_buf_append_byte(out, ']'));
    return count > 0 ? SLV_OK : SLV_E_PARSE;
}

/* <outer><inner>N</inner>more</outer> */
static slv_code put_action(slv_buf *out, const char *outer, const char *inner,
                           const slv_node *value, const char *more)
{
    if (!value)
        return SLV_OK;
    return slv_buf_printf(out, "<%s><%s>%.*s</%s>%s</%s>", outer, inner, SLV_STR_ARGS(value->text),
                          inner, more, outer);
}

slv_code slv_s3_lifecycle_to_xml(slv_str json, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    slv_node *root;
    int64_t date;

    SLV_TRY(slv_json_parse(json, SLV_JSON_STRICT, &arena, &root, NULL));
    SLV_TRY(slv_xml_put_head(out));
    SLV_TRY(slv_buf_append(
        out,
        SLV_STR("<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    for (const slv_node *rule = root->first; rule; rule = rule->next) {
        const slv_node *enabled = slv_node_get(rule, "enabled");

        SLV_TRY(slv_xml_open(out, "Rule"));
        SLV_TRY(slv_xml_put(out, "ID", slv_node_str(slv_node_get(rule, "id"))));
        SLV_TRY(
            slv_xml_put(out, "Status",
                        !enabled || enabled->boolean ? SLV_STR("Enabled") : SLV_STR("Disabled")));
        SLV_TRY(slv_xml_open(out, "Filter"));
        SLV_TRY(slv_xml_put(out, "Prefix", slv_node_str(slv_node_get(rule, "prefix"))));
        SLV_TRY(slv_xml_close(out, "Filter"));
        SLV_TRY(put_action(out, "Expiration", "Days", slv_node_get(rule, "expireDays"), ""));
        if (slv_node_i64(slv_node_get(rule, "expireDate"), &date)) {
            SLV_TRY(slv_xml_open(out, "Expiration"));
            SLV_TRY(slv_s3_put_time_xml(out, "Date", date));
            SLV_TRY(slv_xml_close(out, "Expiration"));
        }
        SLV_TRY(put_action(out, "Transition", "Days", slv_node_get(rule, "transitionDays"),
                           "<StorageClass>STANDARD_IA</StorageClass>"));
        SLV_TRY(put_action(out, "AbortIncompleteMultipartUpload", "DaysAfterInitiation",
                           slv_node_get(rule, "abortDays"), ""));
        SLV_TRY(slv_xml_close(out, "Rule"));
    }
    return slv_xml_close(out, "LifecycleConfiguration");
}
