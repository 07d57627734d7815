/*
 * Rules for browsers. The setting "cors" of a bucket is JSON as the control API gives it:
 *
 *     [{"allowed": {"origins": ["https://a.example"], "methods": ["PUT"], "headers": ["*"]},
 *       "exposeHeaders": ["ETag"], "maxAgeSeconds": 3600}]
 */
#include "api/s3_int.h"

#define RULES_MAX 100

/* ---- matching ---- */

/* "*" stands for any text, once. */
static bool matches(slv_str pattern, slv_str text)
{
    size_t star = slv_str_chr(pattern, '*', 0);

    if (star == SIZE_MAX)
        return slv_str_eq_nocase(pattern, text);
    slv_str head = slv_str_sub(pattern, 0, star), tail = slv_str_skip(pattern, star + 1);
    return text.len >= head.len + tail.len &&
           slv_str_eq_nocase(slv_str_sub(text, 0, head.len), head) &&
           slv_str_eq_nocase(slv_str_skip(text, text.len - tail.len), tail);
}

static bool any_matches(const slv_node *list, slv_str text)
{
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        if (matches(slv_node_str(n), text))
            return true;
    }
    return false;
}

static bool headers_allowed(const slv_node *list, slv_str wanted)
{
    slv_str item;

    while (wanted.len > 0 && slv_str_split(&wanted, ',', &item)) {
        item = slv_str_trim(item);
        if (item.len > 0 && !any_matches(list, item))
            return false;
    }
    return true;
}

static slv_code put_list(slv_buf *out, const char *name, const slv_node *list)
{
    if (!list || list->count == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, "%s:", name));
    for (const slv_node *n = list->first; n; n = n->next) {
        if (n != list->first)
            SLV_TRY(slv_buf_append(out, SLV_STR(", ")));
        SLV_TRY(slv_buf_append(out, slv_node_str(n)));
    }
    return slv_buf_append_byte(out, '\n');
}

static slv_code put_rule(const slv_node *rule, slv_str origin, slv_str wanted, bool preflight,
                         slv_buf *out)
{
    const slv_node *allowed = slv_node_get(rule, "allowed");
    int64_t age;
    bool all = any_matches(slv_node_get(allowed, "origins"), SLV_STR("*")) &&
               slv_node_get(allowed, "origins")->count == 1 &&
               slv_str_is(slv_node_str(slv_node_get(allowed, "origins")->first), "*");

    SLV_TRY(slv_s3_put_header(out, "access-control-allow-origin", all ? SLV_STR("*") : origin));
    SLV_TRY(slv_s3_put_header(out, "vary",
                              SLV_STR("Origin, Access-Control-Request-Headers, "
                                      "Access-Control-Request-Method")));
    SLV_TRY(put_list(out, "access-control-expose-headers", slv_node_get(rule, "exposeHeaders")));
    if (!preflight)
        return SLV_OK;
    SLV_TRY(put_list(out, "access-control-allow-methods", slv_node_get(allowed, "methods")));
    if (wanted.len > 0)
        SLV_TRY(slv_s3_put_header(out, "access-control-allow-headers", wanted));
    if (slv_node_i64(slv_node_get(rule, "maxAgeSeconds"), &age))
        SLV_TRY(slv_buf_printf(out, "access-control-max-age:%lld\n", (long long)age));
    return SLV_OK;
}

bool slv_s3_cors_headers(slv_str rules, slv_str origin, slv_str method, slv_str wanted,
                         bool preflight, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    slv_node *root;

    if (slv_json_parse(rules, SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK)
        return false;
    for (const slv_node *rule = root->first; rule; rule = rule->next) {
        const slv_node *allowed = slv_node_get(rule, "allowed");

        if (any_matches(slv_node_get(allowed, "origins"), origin) &&
            any_matches(slv_node_get(allowed, "methods"), method) &&
            headers_allowed(slv_node_get(allowed, "headers"), wanted))
            return put_rule(rule, origin, wanted, preflight, out) == SLV_OK;
    }
    return false;
}

static slv_code run_rules(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = slv_container_of(call, s3_call, call);

    return slv_r2_setting(service, "cors", &c->arena, &c->value, err);
}

static void answer_preflight(s3_call *c)
{
    if (c->call.code == SLV_OK && c->value.len > 0 &&
        slv_s3_cors_headers(c->value, slv_s3_header(c, "origin"),
                            slv_s3_header(c, "access-control-request-method"),
                            slv_s3_header(c, "access-control-request-headers"), true, &c->head))
        slv_s3_reply(c, 204, SLV_STR_NULL, SLV_STR_NULL);
    else
        slv_s3_error(
            c, 403, "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the "
            "evalution of Origin, request method / Access-Control-Request-Method or "
            "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.");
}

void slv_s3_preflight(s3_call *c)
{
    if (!slv_s3_header(c, "origin").ptr || !slv_s3_header(c, "access-control-request-method").ptr ||
        !slv_r2_bucket_name_ok(c->bucket))
        slv_s3_error(c, 400, "BadRequest",
                     "Insufficient information. Origin request header needed.");
    else
        slv_s3_run_any(c, SLV_CALL_READ, run_rules, answer_preflight);
}

/* ---- XML ---- */

static slv_code put_array(slv_buf *out, const char *name, const slv_xml *rule, const char *element)
{
    bool first = true;

    SLV_TRY(slv_buf_printf(out, "\"%s\":[", name));
    for (const slv_xml *n = slv_xml_child(rule, element); n; n = slv_xml_again(n)) {
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        first = false;
        SLV_TRY(slv_json_put_string(out, slv_str_trim(n->text)));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code put_json_rule(slv_buf *out, const slv_xml *rule)
{
    slv_str age = slv_xml_text(rule, "MaxAgeSeconds"), id = slv_xml_text(rule, "ID");
    uint64_t seconds;

    if (!slv_xml_child(rule, "AllowedOrigin") || !slv_xml_child(rule, "AllowedMethod"))
        return SLV_E_PARSE;
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"allowed\":{")));
    SLV_TRY(put_array(out, "origins", rule, "AllowedOrigin"));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_array(out, "methods", rule, "AllowedMethod"));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_array(out, "headers", rule, "AllowedHeader"));
    SLV_TRY(slv_buf_append(out, SLV_STR("},")));
    SLV_TRY(put_array(out, "exposeHeaders", rule, "ExposeHeader"));
    if (id.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"id\":")));
        SLV_TRY(slv_json_put_string(out, id));
    }
    if (age.len > 0) {
        SLV_TRY(slv_parse_u64(age, &seconds));
        SLV_TRY(slv_buf_printf(out, ",\"maxAgeSeconds\":%llu", (unsigned long long)seconds));
    }
    return slv_buf_append_byte(out, '}');
}

slv_code slv_s3_cors_from_xml(slv_str xml, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    slv_xml *root;
    size_t count = 0;

    SLV_TRY(slv_xml_parse(xml, &arena, &root, err));
    if (!slv_str_is(root->name, "CORSConfiguration"))
        return SLV_E_PARSE;
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (const slv_xml *rule = slv_xml_child(root, "CORSRule"); rule; rule = slv_xml_again(rule)) {
        if (count++ == RULES_MAX)
            return SLV_E_LIMIT;
        if (count > 1)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_json_rule(out, rule));
    }
    SLV_TRY(slv_buf_append_byte(out, ']'));
    return count > 0 ? SLV_OK : SLV_E_PARSE;
}

static slv_code put_elements(slv_buf *out, const char *name, const slv_node *list)
{
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next)
        SLV_TRY(slv_xml_put(out, name, slv_node_str(n)));
    return SLV_OK;
}

slv_code slv_s3_cors_to_xml(slv_str json, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    slv_node *root;
    int64_t age;

    SLV_TRY(slv_json_parse(json, SLV_JSON_STRICT, &arena, &root, NULL));
    SLV_TRY(slv_xml_put_head(out));
    SLV_TRY(slv_buf_append(
        out, SLV_STR("<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    for (const slv_node *rule = root->first; rule; rule = rule->next) {
        const slv_node *allowed = slv_node_get(rule, "allowed");

        SLV_TRY(slv_xml_open(out, "CORSRule"));
        if (slv_node_str(slv_node_get(rule, "id")).len > 0)
            SLV_TRY(slv_xml_put(out, "ID", slv_node_str(slv_node_get(rule, "id"))));
        SLV_TRY(put_elements(out, "AllowedOrigin", slv_node_get(allowed, "origins")));
        SLV_TRY(put_elements(out, "AllowedMethod", slv_node_get(allowed, "methods")));
        SLV_TRY(put_elements(out, "AllowedHeader", slv_node_get(allowed, "headers")));
        SLV_TRY(put_elements(out, "ExposeHeader", slv_node_get(rule, "exposeHeaders")));
        if (slv_node_i64(slv_node_get(rule, "maxAgeSeconds"), &age))
            SLV_TRY(slv_xml_put_number(out, "MaxAgeSeconds", (uint64_t)age));
        SLV_TRY(slv_xml_close(out, "CORSRule"));
    }
    return slv_xml_close(out, "CORSConfiguration");
}
