/* selvage r2 bucket lock|lifecycle|notification|domain|dev-url, as wrangler has them. */
#include <stdio.h>

#include "base/file.h"
#include "cli/r2_int.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define DAY_S 86400u

/* An argument by place, or by its flag; NULL: neither. */
static const char *given(const slv_args *args, size_t place, const char *flag)
{
    const char *value = slv_args_string(args, flag);

    return value || args->positional.len <= place ? value : args->positional.items[place];
}

static slv_code need(const char *value, const char *what, slv_err *err)
{
    return value ? SLV_OK : slv_fail(err, SLV_E_INVAL, "%s is missing", what);
}

/* ---- lists of rules: locks and lifecycle ---- */

/* The rules that there are but the one of that id, and `more` (a rule without its "{"). */
static slv_code put_rules(r2_verb *v, const slv_node *rules, const char *without, slv_str more)
{
    bool first = true;

    slv_buf_reset(&v->body);
    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"rules\":[")));
    for (const slv_node *n = rules ? rules->first : NULL; n; n = n->next) {
        if (slv_str_is(slv_node_str(slv_node_get(n, "id")), without))
            continue;
        if (!first)
            SLV_TRY(slv_buf_append_byte(&v->body, ','));
        SLV_TRY(slv_json_put(&v->body, n));
        first = false;
    }
    if (more.len > 0 && !first)
        SLV_TRY(slv_buf_append_byte(&v->body, ','));
    SLV_TRY(slv_buf_append(&v->body, more));
    return slv_buf_append(&v->body, SLV_STR("]}"));
}

static slv_code get_rules(r2_verb *v, const char *rest, const slv_node **ret, slv_err *err)
{
    slv_node *result = NULL;

    SLV_TRY(slv_r2_verb_path(v, rest));
    SLV_TRY(slv_r2_verb_send(v, "GET", &result, err));
    *ret = slv_node_get(result, "rules");
    return SLV_OK;
}

static slv_code remove_rule(r2_verb *v, const char *rest, const char *what, slv_err *err)
{
    const char *name = given(v->args, 1, "name");
    const slv_node *rules;
    bool found = false;

    SLV_TRY(need(name, "--name", err));
    SLV_TRY(get_rules(v, rest, &rules, err));
    for (const slv_node *n = rules ? rules->first : NULL; n; n = n->next)
        found |= slv_str_is(slv_node_str(slv_node_get(n, "id")), name);
    if (!found)
        return slv_fail(err, SLV_E_NOTFOUND, "%s rule with ID '%s' not found in bucket '%s'.", what,
                        name, v->bucket);
    SLV_TRY(put_rules(v, rules, name, SLV_STR_NULL));
    SLV_TRY(slv_r2_verb_send(v, "PUT", NULL, err));
    printf("%s rule '%s' removed from bucket '%s'.\n", what, name, v->bucket);
    return SLV_OK;
}

static slv_code set_rules(r2_verb *v, const char *rest, const char *what, slv_err *err)
{
    const char *file = slv_args_string(v->args, "file");

    SLV_TRY(need(file, "--file", err));
    SLV_TRY(slv_r2_verb_path(v, rest));
    SLV_TRY(slv_file_read(file, &v->body, err));
    SLV_TRY(slv_r2_verb_send(v, "PUT", NULL, err));
    printf("Set %s rules of bucket '%s' from '%s'.\n", what, v->bucket, file);
    return SLV_OK;
}

static slv_code add_rule(r2_verb *v, const char *rest, const char *what, const char *name,
                         slv_str rule, slv_err *err)
{
    const slv_node *rules;

    SLV_TRY(get_rules(v, rest, &rules, err));
    SLV_TRY(put_rules(v, rules, name, rule));
    SLV_TRY(slv_r2_verb_send(v, "PUT", NULL, err));
    printf("\xe2\x9c\xa8 Added %s rule '%s' to bucket '%s'.\n", what, name, v->bucket);
    return SLV_OK;
}

/* ---- locks ---- */

static slv_code put_lock(const slv_args *args, slv_buf *out, slv_err *err)
{
    const char *date = slv_args_string(args, "retention-date");
    uint64_t days;

    if (slv_args_has(args, "retention-days")) {
        SLV_TRY(slv_args_number(args, "retention-days", 1, 100000, 0, &days, err));
        return slv_buf_printf(out, "{\"type\":\"Age\",\"maxAgeSeconds\":%llu}}",
                              (unsigned long long)days * DAY_S);
    }
    if (date) {
        SLV_TRY(slv_buf_append(out, SLV_STR("{\"type\":\"Date\",\"date\":")));
        SLV_TRY(slv_json_put_string(out, slv_str_from(date)));
        return slv_buf_append(out, SLV_STR("}}"));
    }
    if (slv_args_bool(args, "retention-indefinite", false))
        return slv_buf_append(out, SLV_STR("{\"type\":\"Indefinite\"}}"));
    return slv_fail(err, SLV_E_INVAL,
                    "one of --retention-days, --retention-date and --retention-indefinite says how "
                    "long objects are kept");
}

static slv_code put_head(slv_buf *out, const char *name)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"id\":")));
    SLV_TRY(slv_json_put_string(out, slv_str_from(name)));
    return slv_buf_append(out, SLV_STR(",\"enabled\":true,"));
}

static slv_code lock_add(r2_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf rule = SLV_BUF((size_t)64 << 10);
    const char *name = given(v->args, 1, "name"), *prefix = given(v->args, 2, "prefix");

    SLV_TRY(need(name, "the rule's name", err));
    SLV_TRY(put_head(&rule, name));
    SLV_TRY(slv_buf_append(&rule, SLV_STR("\"prefix\":")));
    SLV_TRY(slv_json_put_string(&rule, slv_str_from(prefix ? prefix : "")));
    SLV_TRY(slv_buf_append(&rule, SLV_STR(",\"condition\":")));
    SLV_TRY(put_lock(v->args, &rule, err));
    return add_rule(v, "/lock", "lock", name, slv_buf_view(&rule), err);
}

static void show_condition(const slv_node *condition, const char *age, slv_buf *out)
{
    slv_str type = slv_node_str(slv_node_get(condition, "type"));
    int64_t seconds = 0;
    slv_code code;

    if (slv_str_is(type, "Age") && slv_node_i64(slv_node_get(condition, age), &seconds))
        code = slv_buf_printf(out, "after %g day%s", (double)seconds / DAY_S,
                              seconds == DAY_S ? "" : "s");
    else if (slv_str_is(type, "Date"))
        code = slv_buf_printf(out, "on %.10s", slv_node_str(slv_node_get(condition, "date")).ptr);
    else
        code = slv_buf_append(out, SLV_STR("indefinitely"));
    if (code != SLV_OK)
        slv_buf_reset(out);
}

static void print_field(const char *name, slv_str value)
{
    printf("%-12s%.*s\n", name, SLV_STR_ARGS(value));
}

static void print_rule(const slv_node *rule, slv_str prefix, slv_str what, const char *label)
{
    const slv_node *enabled = slv_node_get(rule, "enabled");

    print_field("name:", slv_node_str(slv_node_get(rule, "id")));
    print_field("enabled:", enabled && enabled->boolean ? SLV_STR("Yes") : SLV_STR("No"));
    print_field("prefix:", prefix.len > 0 ? prefix : SLV_STR("(all prefixes)"));
    print_field(label, what);
    if (rule->next)
        printf("\n");
}

static slv_code lock_list(r2_verb *v, slv_err *err)
{
    const slv_node *rules;

    SLV_TRY(get_rules(v, "/lock", &rules, err));
    if (!rules || !rules->first)
        printf("There are no lock rules for bucket '%s'.\n", v->bucket);
    for (const slv_node *n = rules ? rules->first : NULL; n; n = n->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(256);

        show_condition(slv_node_get(n, "condition"), "maxAgeSeconds", &text);
        print_rule(n, slv_node_str(slv_node_get(n, "prefix")), slv_buf_view(&text), "condition:");
    }
    return SLV_OK;
}

static slv_code lock_remove(r2_verb *v, slv_err *err)
{
    return remove_rule(v, "/lock", "Lock", err);
}

static slv_code lock_set(r2_verb *v, slv_err *err)
{
    return set_rules(v, "/lock", "lock", err);
}

/* ---- lifecycle ---- */

static slv_code put_days(const slv_args *args, const char *flag, const char *before,
                         const char *after, bool *some, slv_buf *out, slv_err *err)
{
    uint64_t days;

    if (!slv_args_has(args, flag))
        return SLV_OK;
    *some = true;
    SLV_TRY(slv_args_number(args, flag, 1, 100000, 0, &days, err));
    return slv_buf_printf(out, ",%s{\"condition\":{\"type\":\"Age\",\"maxAge\":%llu}%s", before,
                          (unsigned long long)days * DAY_S, after);
}

static slv_code lifecycle_add(r2_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf rule = SLV_BUF((size_t)64 << 10);
    const char *name = given(v->args, 1, "name"), *prefix = given(v->args, 2, "prefix");
    const char *date = slv_args_string(v->args, "expire-date");
    bool some = date != NULL;

    SLV_TRY(need(name, "the rule's name", err));
    SLV_TRY(put_head(&rule, name));
    SLV_TRY(slv_buf_append(&rule, SLV_STR("\"conditions\":{\"prefix\":")));
    SLV_TRY(slv_json_put_string(&rule, slv_str_from(prefix ? prefix : "")));
    SLV_TRY(slv_buf_append_byte(&rule, '}'));
    SLV_TRY(
        put_days(v->args, "expire-days", "\"deleteObjectsTransition\":", "}", &some, &rule, err));
    if (date) {
        SLV_TRY(slv_buf_append(
            &rule, SLV_STR(",\"deleteObjectsTransition\":{\"condition\":{\"type\":\"Date\","
                           "\"date\":")));
        SLV_TRY(slv_json_put_string(&rule, slv_str_from(date)));
        SLV_TRY(slv_buf_append(&rule, SLV_STR("}}")));
    }
    SLV_TRY(put_days(v->args, "ia-transition-days", "\"storageClassTransitions\":[",
                     ",\"storageClass\":\"InfrequentAccess\"}]", &some, &rule, err));
    SLV_TRY(put_days(v->args, "abort-multipart-days", "\"abortMultipartUploadsTransition\":", "}",
                     &some, &rule, err));
    SLV_TRY(slv_buf_append_byte(&rule, '}'));
    if (!some)
        return slv_fail(err, SLV_E_INVAL,
                        "one of --expire-days, --expire-date, --ia-transition-days and "
                        "--abort-multipart-days says what the rule does");
    return add_rule(v, "/lifecycle", "lifecycle", name, slv_buf_view(&rule), err);
}

static slv_code put_action(slv_buf *out, const char *what, const slv_node *condition)
{
    if (!condition)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, "%s%s ", out->len > 0 ? ", " : "", what));
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(256);
    show_condition(condition, "maxAge", &text);
    return slv_buf_append(out, slv_buf_view(&text));
}

static slv_code lifecycle_list(r2_verb *v, slv_err *err)
{
    const slv_node *rules;

    SLV_TRY(get_rules(v, "/lifecycle", &rules, err));
    if (!rules || !rules->first)
        printf("There are no lifecycle rules for bucket '%s'.\n", v->bucket);
    for (const slv_node *n = rules ? rules->first : NULL; n; n = n->next) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1024);
        const slv_node *cool = slv_node_get(n, "storageClassTransitions");

        SLV_TRY(put_action(&text, "Expire objects",
                           slv_node_get(slv_node_get(n, "deleteObjectsTransition"), "condition")));
        SLV_TRY(put_action(&text, "Transition to Infrequent Access",
                           slv_node_get(cool ? cool->first : NULL, "condition")));
        SLV_TRY(put_action(
            &text, "Abort incomplete multipart uploads",
            slv_node_get(slv_node_get(n, "abortMultipartUploadsTransition"), "condition")));
        print_rule(n, slv_node_str(slv_node_get(slv_node_get(n, "conditions"), "prefix")),
                   slv_buf_view(&text), "action:");
    }
    return SLV_OK;
}

static slv_code lifecycle_remove(r2_verb *v, slv_err *err)
{
    return remove_rule(v, "/lifecycle", "Lifecycle", err);
}

static slv_code lifecycle_set(r2_verb *v, slv_err *err)
{
    return set_rules(v, "/lifecycle", "lifecycle", err);
}

/* ---- notifications ---- */

static slv_code notification_path(r2_verb *v, const char *queue)
{
    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/event_notifications/r2/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->bucket)));
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/configuration")));
    if (!queue)
        return SLV_OK;
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/queues/")));
    return slv_rest_put_escaped(&v->path, slv_str_from(queue));
}

static slv_code put_text(r2_verb *v, const char *flag)
{
    const char *value = slv_args_string(v->args, flag);

    if (!value)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(&v->body, ",\"%s\":", flag));
    return slv_json_put_string(&v->body, slv_str_from(value));
}

static slv_code put_actions(r2_verb *v, slv_err *err)
{
    static const char *const flags[] = {"event-type", "event-types"};
    bool create = false, gone = false;

    for (size_t f = 0; f < SLV_ARRAY_LEN(flags); f++) {
        const char *type;

        for (size_t i = 0; (type = slv_args_item(v->args, flags[f], i)) != NULL; i++) {
            create |= strcmp(type, "object-create") == 0;
            gone |= strcmp(type, "object-delete") == 0;
            if (strcmp(type, "object-create") != 0 && strcmp(type, "object-delete") != 0)
                return slv_fail(err, SLV_E_INVAL,
                                "--event-type is object-create or object-delete, not '%s'", type);
        }
    }
    if (!create && !gone)
        return slv_fail(err, SLV_E_INVAL, "--event-type is missing");
    return slv_buf_printf(&v->body, "{\"rules\":[{\"actions\":[%s%s%s]",
                          create ? "\"PutObject\",\"CompleteMultipartUpload\",\"CopyObject\"" : "",
                          create && gone ? "," : "",
                          gone ? "\"DeleteObject\",\"LifecycleDeletion\"" : "");
}

static slv_code notification_create(r2_verb *v, slv_err *err)
{
    const char *queue = slv_args_string(v->args, "queue");

    SLV_TRY(need(queue, "--queue", err));
    SLV_TRY(put_actions(v, err));
    SLV_TRY(put_text(v, "prefix"));
    SLV_TRY(put_text(v, "suffix"));
    SLV_TRY(put_text(v, "description"));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR("}]}")));
    SLV_TRY(notification_path(v, queue));
    SLV_TRY(slv_r2_verb_send(v, "PUT", NULL, err));
    printf("Event notification rule created successfully!\n");
    return SLV_OK;
}

static slv_code notification_delete(r2_verb *v, slv_err *err)
{
    const char *queue = slv_args_string(v->args, "queue"), *rule = slv_args_string(v->args, "rule");

    SLV_TRY(need(queue, "--queue", err));
    if (rule) {
        SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"ruleIds\":[")));
        SLV_TRY(slv_json_put_string(&v->body, slv_str_from(rule)));
        SLV_TRY(slv_buf_append(&v->body, SLV_STR("]}")));
    }
    SLV_TRY(notification_path(v, queue));
    SLV_TRY(slv_r2_verb_send(v, "DELETE", NULL, err));
    printf("Event notification rule deleted successfully!\n");
    return SLV_OK;
}

static slv_code print_notification(const slv_node *queue, const slv_node *rule)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);
    const slv_node *actions = slv_node_get(rule, "actions");
    slv_str prefix = slv_node_str(slv_node_get(rule, "prefix")),
            suffix = slv_node_str(slv_node_get(rule, "suffix"));

    for (const slv_node *n = actions ? actions->first : NULL; n; n = n->next) {
        if (n != actions->first)
            SLV_TRY(slv_buf_append_byte(&text, ','));
        SLV_TRY(slv_buf_append(&text, slv_node_str(n)));
    }
    print_field("rule_id:", slv_node_str(slv_node_get(rule, "ruleId")));
    print_field("created_at:", slv_node_str(slv_node_get(rule, "createdAt")));
    print_field("queue_name:", slv_node_str(slv_node_get(queue, "queueName")));
    print_field("prefix:", prefix.len > 0 ? prefix : SLV_STR("(all prefixes)"));
    print_field("suffix:", suffix.len > 0 ? suffix : SLV_STR("(all suffixes)"));
    print_field("event_type:", slv_buf_view(&text));
    printf("\n");
    return SLV_OK;
}

static slv_code notification_list(r2_verb *v, slv_err *err)
{
    slv_node *result = NULL;

    SLV_TRY(notification_path(v, NULL));
    SLV_TRY(slv_r2_verb_send(v, "GET", &result, err));
    const slv_node *queues = slv_node_get(result, "queues");
    if (!queues || !queues->first)
        printf("There are no event notifications for bucket '%s'.\n", v->bucket);
    for (const slv_node *q = queues ? queues->first : NULL; q; q = q->next) {
        const slv_node *rules = slv_node_get(q, "rules");

        for (const slv_node *rule = rules ? rules->first : NULL; rule; rule = rule->next)
            SLV_TRY(print_notification(q, rule));
    }
    return SLV_OK;
}

/* ---- domains ---- */

static slv_code domain_path(r2_verb *v, const char **ret, slv_err *err)
{
    *ret = slv_args_string(v->args, "domain");
    SLV_TRY(need(*ret, "--domain", err));
    SLV_TRY(slv_r2_verb_path(v, "/domains/custom/"));
    return slv_rest_put_escaped(&v->path, slv_str_from(*ret));
}

static slv_code put_domain_flags(r2_verb *v)
{
    static const char *const flags[][2] = {{"zone-id", "zoneId"}, {"min-tls", "minTLS"}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(flags); i++) {
        const char *value = slv_args_string(v->args, flags[i][0]);

        if (!value)
            continue;
        SLV_TRY(slv_buf_printf(&v->body, "%s\"%s\":", v->body.len > 1 ? "," : "", flags[i][1]));
        SLV_TRY(slv_json_put_string(&v->body, slv_str_from(value)));
    }
    return slv_buf_append_byte(&v->body, '}');
}

static slv_code domain_add(r2_verb *v, slv_err *err)
{
    const char *domain;

    SLV_TRY(domain_path(v, &domain, err));
    SLV_TRY(slv_r2_verb_path(v, "/domains/custom"));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"enabled\":true,\"domain\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_str_from(domain)));
    SLV_TRY(put_domain_flags(v));
    SLV_TRY(slv_r2_verb_send(v, "POST", NULL, err));
    printf("\xe2\x9c\xa8 Custom domain '%s' connected successfully.\n", domain);
    return SLV_OK;
}

static slv_code domain_update(r2_verb *v, slv_err *err)
{
    const char *domain;

    SLV_TRY(domain_path(v, &domain, err));
    SLV_TRY(slv_buf_append_byte(&v->body, '{'));
    SLV_TRY(put_domain_flags(v));
    SLV_TRY(slv_r2_verb_send(v, "PUT", NULL, err));
    printf("\xe2\x9c\xa8 Custom domain '%s' updated successfully.\n", domain);
    return SLV_OK;
}

static slv_code domain_remove(r2_verb *v, slv_err *err)
{
    const char *domain;

    SLV_TRY(domain_path(v, &domain, err));
    SLV_TRY(slv_r2_verb_send(v, "DELETE", NULL, err));
    printf("Custom domain '%s' removed successfully.\n", domain);
    return SLV_OK;
}

static void print_domain(const slv_node *d)
{
    const slv_node *enabled = slv_node_get(d, "enabled");

    print_field("domain:", slv_node_str(slv_node_get(d, "domain")));
    print_field("enabled:", enabled && enabled->boolean ? SLV_STR("Yes") : SLV_STR("No"));
    print_field("min_tls:", slv_node_str(slv_node_get(d, "minTLS")));
    print_field("zone_id:", slv_node_str(slv_node_get(d, "zoneId")));
    if (d->next)
        printf("\n");
}

static slv_code domain_list(r2_verb *v, slv_err *err)
{
    slv_node *result = NULL;

    SLV_TRY(slv_r2_verb_path(v, "/domains/custom"));
    SLV_TRY(slv_r2_verb_send(v, "GET", &result, err));
    const slv_node *list = slv_node_get(result, "domains");
    if (!list || !list->first)
        printf("There are no custom domains connected to this bucket.\n");
    for (const slv_node *d = list ? list->first : NULL; d; d = d->next)
        print_domain(d);
    return SLV_OK;
}

static slv_code domain_get(r2_verb *v, slv_err *err)
{
    const char *domain;
    slv_node *result = NULL;

    SLV_TRY(domain_path(v, &domain, err));
    SLV_TRY(slv_r2_verb_send(v, "GET", &result, err));
    if (!slv_node_get(result, "domain"))
        return slv_fail(err, SLV_E_NOTFOUND, "The bucket has no domain '%s'.", domain);
    print_domain(result);
    return SLV_OK;
}

static slv_code dev_url(r2_verb *v, const char *body, slv_err *err)
{
    slv_node *result = NULL;

    SLV_TRY(slv_r2_verb_path(v, "/domains/managed"));
    SLV_TRY(slv_buf_append(&v->body, slv_str_from(body)));
    SLV_TRY(slv_r2_verb_send(v, body[0] ? "PUT" : "GET", &result, err));
    const slv_node *enabled = slv_node_get(result, "enabled");
    printf("Public access of bucket '%s' is %s%s%.*s\n", v->bucket,
           enabled && enabled->boolean ? "enabled" : "disabled",
           enabled && enabled->boolean ? ": " : ".",
           enabled && enabled->boolean ? (int)slv_node_str(slv_node_get(result, "domain")).len : 0,
           slv_node_str(slv_node_get(result, "domain")).ptr);
    return SLV_OK;
}

static slv_code dev_url_get(r2_verb *v, slv_err *err)
{
    return dev_url(v, "", err);
}

static slv_code dev_url_enable(r2_verb *v, slv_err *err)
{
    return dev_url(v, "{\"enabled\":true}", err);
}

static slv_code dev_url_disable(r2_verb *v, slv_err *err)
{
    return dev_url(v, "{\"enabled\":false}", err);
}

/* ---- the verbs ---- */

#define COMMON                                                                                     \
    {"jurisdiction", SLV_FLAG_STRING, 'J', "NAME", NULL},                                          \
        {"force", SLV_FLAG_BOOL, 'y', NULL, "do not ask (nothing is asked)"}, SLV_REST_FLAGS
#define NAMED                                                                                      \
    {"name", SLV_FLAG_STRING, 0, "NAME", "of the rule"},                                           \
    {                                                                                              \
        "id", SLV_FLAG_STRING, 0, "NAME", NULL                                                     \
    }

static const slv_flag plain[] = {COMMON};
static const slv_flag named[] = {NAMED, COMMON};
static const slv_flag from_file[] = {{"file", SLV_FLAG_STRING, 0, "FILE", "JSON: {\"rules\": []}"},
                                     COMMON};
static const slv_flag lock_flags[] = {
    NAMED,
    {"prefix", SLV_FLAG_STRING, 0, "TEXT", "of the keys that it is for"},
    {"retention-days", SLV_FLAG_NUMBER, 0, "N", "how long objects are kept"},
    {"retention-date", SLV_FLAG_STRING, 0, "DAY", "until when: 2026-12-31"},
    {"retention-indefinite", SLV_FLAG_BOOL, 0, NULL, "for ever"},
    COMMON,
};
static const slv_flag lifecycle_flags[] = {
    NAMED,
    {"prefix", SLV_FLAG_STRING, 0, "TEXT", "of the keys that it is for"},
    {"expire-days", SLV_FLAG_NUMBER, 0, "N", "objects go after so many days"},
    {"expire-date", SLV_FLAG_STRING, 0, "DAY", "objects go on that day: 2026-12-31"},
    {"ia-transition-days", SLV_FLAG_NUMBER, 0, "N", "to Infrequent Access after so many days"},
    {"abort-multipart-days", SLV_FLAG_NUMBER, 0, "N", "uploads that nobody completes go"},
    COMMON,
};
static const slv_flag notification_flags[] = {
    {"event-type", SLV_FLAG_LIST, 0, "TYPE", "object-create, object-delete"},
    {"event-types", SLV_FLAG_LIST, 0, "TYPE", NULL},
    {"queue", SLV_FLAG_STRING, 0, "NAME", "that is told"},
    {"rule", SLV_FLAG_STRING, 0, "ID", "only this rule (delete)"},
    {"prefix", SLV_FLAG_STRING, 0, "TEXT", "of the keys that it is for"},
    {"suffix", SLV_FLAG_STRING, 0, "TEXT", "of the keys that it is for"},
    {"description", SLV_FLAG_STRING, 0, "TEXT", "what it is for"},
    COMMON,
};
static const slv_flag domain_flags[] = {
    {"domain", SLV_FLAG_STRING, 0, "HOST", "its name"},
    {"zone-id", SLV_FLAG_STRING, 0, "ID", "zone that it belongs to"},
    {"min-tls", SLV_FLAG_STRING, 0, "VERSION", "1.0 to 1.3"},
    COMMON,
};

#define VERB(id, words, arguments, line, table, positional)                                        \
    static int exec_##id(const slv_args *args)                                                     \
    {                                                                                              \
        return slv_r2_verb_run(args, id);                                                          \
    }                                                                                              \
    const slv_cmd slv_cmd_r2_##id##_verb = {.name = "r2 bucket " words,                            \
                                            .args = arguments,                                     \
                                            .usage = line,                                         \
                                            .flags = table,                                        \
                                            .flag_count = SLV_ARRAY_LEN(table),                    \
                                            .max_positional = positional,                          \
                                            .exec = exec_##id}

VERB(lock_add, "lock add", "<bucket> [name] [prefix]", "keep objects", lock_flags, 3);
VERB(lock_list, "lock list", "<bucket>", "which objects are kept", plain, 1);
VERB(lock_remove, "lock remove", "<bucket>", "keep them no more", named, 2);
VERB(lock_set, "lock set", "<bucket>", "set all of these rules from a file", from_file, 1);
VERB(lifecycle_add, "lifecycle add", "<bucket> [name] [prefix]", "objects go by themselves",
     lifecycle_flags, 3);
VERB(lifecycle_list, "lifecycle list", "<bucket>", "what goes by itself", plain, 1);
VERB(lifecycle_remove, "lifecycle remove", "<bucket>", "they stay", named, 2);
VERB(lifecycle_set, "lifecycle set", "<bucket>", "set all of these rules from a file", from_file,
     1);
VERB(notification_create, "notification create", "<bucket>", "tell a queue of changes",
     notification_flags, 1);
VERB(notification_list, "notification list", "<bucket>", "which queues are told", plain, 1);
VERB(notification_delete, "notification delete", "<bucket>", "tell it no more", notification_flags,
     1);
VERB(domain_add, "domain add", "<bucket>", "note a domain of the bucket", domain_flags, 1);
VERB(domain_get, "domain get", "<bucket>", "what is noted of a domain", domain_flags, 1);
VERB(domain_list, "domain list", "<bucket>", "domains of the bucket", plain, 1);
VERB(domain_update, "domain update", "<bucket>", "change what is noted", domain_flags, 1);
VERB(domain_remove, "domain remove", "<bucket>", "forget a domain", domain_flags, 1);
VERB(dev_url_get, "dev-url get", "<bucket>", "the public URL of the bucket", plain, 1);
VERB(dev_url_enable, "dev-url enable", "<bucket>", "note that it is public", plain, 1);
VERB(dev_url_disable, "dev-url disable", "<bucket>", "note that it is not", plain, 1);
