/* Requests about tables. */
#include "dynamo/request_int.h"

#define UNITS_MAX INT64_C(1000000000000)
#define INVALID "One or more parameter values were invalid: "

/* ---- pieces ---- */

static int64_t long_of(const slv_node *json, const char *name)
{
    const slv_node *n = slv_dyn_member_of(json, name);
    double d = 0;
    int64_t v;

    if (!n || slv_node_i64(n, &v))
        return n ? v : 0;
    return slv_node_f64(n, &d) && d < (double)UNITS_MAX ? (int64_t)d : UNITS_MAX + 1;
}

/* bounded: of a table. Those of an index are looked at when there is an index. */
static slv_code read_units(slv_dyn_scope *sc, const slv_node *json, bool bounded,
                           slv_dyn_units *ret)
{
    const slv_node *n = slv_dyn_member_of(json, "ProvisionedThroughput");
    const char *const names[] = {"ReadCapacityUnits", "WriteCapacityUnits"};

    *ret = (slv_dyn_units){.given = n != NULL};
    for (size_t i = 0; n && i < 2; i++) {
        int64_t v = long_of(n, names[i]);

        if (bounded && v > UNITS_MAX)
            return slv_dyn_invalid(sc, "Given value %.*s for %s is out of bounds",
                                   SLV_STR_ARGS(slv_node_get(n, names[i])->text), names[i]);
        *(i ? &ret->write : &ret->read) = v;
    }
    return SLV_OK;
}

static slv_code read_attrs(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *list = slv_dyn_member_of(r->json, "AttributeDefinitions");
    slv_dyn_table_request *t = &r->table_def;

    if (!list)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &t->attrs, list->count);
    for (const slv_node *n = list->first; n; n = n->next) {
        slv_dyn_key_attr *a = &t->attrs[t->attr_count++];

        a->name = slv_dyn_string_of(n, "AttributeName");
        if (!slv_dyn_type_parse(slv_dyn_string_of(n, "AttributeType"), &a->type))
            SLV_UNREACHABLE(); /* a constraint */
    }
    return SLV_OK;
}

static void read_key_schema(const slv_node *json, slv_dyn_key_element keys[2], uint32_t *ret_count)
{
    const slv_node *list = slv_dyn_member_of(json, "KeySchema");

    *ret_count = 0;
    for (const slv_node *n = list ? list->first : NULL; n && *ret_count < 2; n = n->next) {
        keys[*ret_count].name = slv_dyn_string_of(n, "AttributeName");
        keys[(*ret_count)++].key_type = slv_dyn_string_of(n, "KeyType");
    }
}

static slv_code read_index(slv_dyn_scope *sc, const slv_node *json, slv_dyn_index_def *ret)
{
    const slv_node *projection = slv_dyn_member_of(json, "Projection");
    const slv_node *non_key = slv_dyn_member_of(projection, "NonKeyAttributes");

    *ret = (slv_dyn_index_def){.name = slv_dyn_string_of(json, "IndexName")};
    read_key_schema(json, ret->keys, &ret->key_count);
    ret->projection_type = slv_dyn_string_of(projection, "ProjectionType");
    SLV_TRY(read_units(sc, json, false, &ret->throughput));
    if (!non_key)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &ret->non_key, non_key->count);
    for (const slv_node *n = non_key->first; n; n = n->next)
        ret->non_key[ret->non_key_count++] = slv_node_str(n);
    return SLV_OK;
}

static slv_code read_indexes(slv_dyn_scope *sc, const slv_node *list, slv_dyn_index_def **ret,
                             uint32_t *ret_count)
{
    if (!list)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, ret, list->count);
    for (const slv_node *n = list->first; n; n = n->next)
        SLV_TRY(read_index(sc, n, &(*ret)[(*ret_count)++]));
    return SLV_OK;
}

/* ---- what must hold between them ---- */

static bool is_defined(const slv_dyn_table_request *t, slv_str name)
{
    for (uint32_t i = 0; i < t->attr_count; i++)
        if (slv_str_eq(t->attrs[i].name, name))
            return true;
    return false;
}

static slv_code fail_undefined(slv_dyn_scope *sc, const slv_dyn_table_request *t,
                               const slv_dyn_key_element *keys, uint32_t count)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF((size_t)1 << 20);

    SLV_TRY(slv_buf_append(&b, SLV_STR("Keys: [")));
    for (uint32_t i = 0; i < count; i++)
        SLV_TRY(slv_buf_printf(&b, "%s%.*s", i ? ", " : "", SLV_STR_ARGS(keys[i].name)));
    SLV_TRY(slv_buf_append(&b, SLV_STR("], AttributeDefinitions: [")));
    for (uint32_t i = 0; i < t->attr_count; i++)
        SLV_TRY(slv_buf_printf(&b, "%s%.*s", i ? ", " : "", SLV_STR_ARGS(t->attrs[i].name)));
    return slv_dyn_invalid(sc,
                           INVALID "Some index key attributes are not defined in "
                                   "AttributeDefinitions. %.*s]",
                           SLV_STR_ARGS(slv_buf_view(&b)));
}

static slv_code check_keys(slv_dyn_scope *sc, const slv_dyn_table_request *t,
                           const slv_dyn_key_element *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_defined(t, keys[i].name))
            return fail_undefined(sc, t, keys, count);
    if (count == 2 && slv_str_eq(keys[0].name, keys[1].name))
        return slv_dyn_invalid(
            sc, "Both the Hash Key and the Range Key element in the KeySchema have the same name");
    if (!slv_str_is(keys[0].key_type, "HASH"))
        return slv_dyn_invalid(
            sc, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    if (count == 2 && !slv_str_is(keys[1].key_type, "RANGE"))
        return slv_dyn_invalid(
            sc, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    return SLV_OK;
}

static slv_code check_projection(slv_dyn_scope *sc, const slv_dyn_index_def *d)
{
    bool include = slv_str_is(d->projection_type, "INCLUDE");

    if (!d->projection_type.len)
        return slv_dyn_invalid(sc, INVALID "Unknown ProjectionType: null");
    if (d->non_key && !include)
        return slv_dyn_invalid(sc,
                               INVALID "ProjectionType is %.*s, but NonKeyAttributes is specified",
                               SLV_STR_ARGS(d->projection_type));
    if (!d->non_key && include)
        return slv_dyn_invalid(sc, INVALID
                               "ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
    return SLV_OK;
}

static slv_code check_lsi(slv_dyn_scope *sc, const slv_dyn_table_request *t,
                          const slv_dyn_index_def *d)
{
    SLV_TRY(check_keys(sc, t, d->keys, d->key_count));
    if (d->key_count != 2)
        return slv_dyn_invalid(sc,
                               INVALID "Index KeySchema does not have a range key for index: %.*s",
                               SLV_STR_ARGS(d->name));
    if (!slv_str_eq(d->keys[0].name, t->keys[0].name))
        return slv_dyn_invalid(
            sc,
            INVALID "Index KeySchema does not have the same leading hash key as table "
                    "KeySchema for index: %.*s. index hash key: %.*s, table hash key: "
                    "%.*s",
            SLV_STR_ARGS(d->name), SLV_STR_ARGS(d->keys[0].name), SLV_STR_ARGS(t->keys[0].name));
    return check_projection(sc, d);
}

static slv_code check_gsi(slv_dyn_scope *sc, const slv_dyn_table_request *t,
                          const slv_dyn_index_def *d)
{
    SLV_TRY(check_keys(sc, t, d->keys, d->key_count));
    SLV_TRY(check_projection(sc, d));
    if (slv_str_is(t->billing_mode, "PAY_PER_REQUEST") && d->throughput.given)
        return slv_dyn_invalid(sc,
                               INVALID "ProvisionedThroughput should not be specified for index: "
                                       "%.*s when BillingMode is PAY_PER_REQUEST",
                               SLV_STR_ARGS(d->name));
    return SLV_OK;
}

static bool named_before(const slv_dyn_index_def *defs, uint32_t count, slv_str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (slv_str_eq(defs[i].name, name))
            return true;
    return false;
}

static slv_code check_indexes(slv_dyn_scope *sc, const slv_node *json,
                              const slv_dyn_table_request *t)
{
    if (slv_dyn_member_of(json, "LocalSecondaryIndexes")) {
        if (!t->lsi_count)
            return slv_dyn_invalid(sc, INVALID "List of LocalSecondaryIndexes is empty");
        if (t->key_count != 2)
            return slv_dyn_invalid(sc,
                                   INVALID "Table KeySchema does not have a range key, which is "
                                           "required when specifying a LocalSecondaryIndex");
    }
    for (uint32_t i = 0; i < t->lsi_count; i++) {
        SLV_TRY(check_lsi(sc, t, &t->lsis[i]));
        if (named_before(t->lsis, i, t->lsis[i].name))
            return slv_dyn_invalid(sc, INVALID "Duplicate index name: %.*s",
                                   SLV_STR_ARGS(t->lsis[i].name));
    }
    if (t->lsi_count > SLV_DYN_LSI_MAX)
        return slv_dyn_invalid(sc, INVALID
                               "Number of LocalSecondaryIndexes exceeds per-table limit of 5");
    if (slv_dyn_member_of(json, "GlobalSecondaryIndexes") && !t->gsi_count)
        return slv_dyn_invalid(sc, INVALID "List of GlobalSecondaryIndexes is empty");
    for (uint32_t i = 0; i < t->gsi_count; i++) {
        slv_str name = t->gsis[i].name;

        SLV_TRY(check_gsi(sc, t, &t->gsis[i]));
        if (named_before(t->lsis, t->lsi_count, name) || named_before(t->gsis, i, name))
            return slv_dyn_invalid(sc, INVALID "Duplicate index name: %.*s", SLV_STR_ARGS(name));
    }
    if (t->gsi_count > SLV_DYN_GSI_MAX)
        return slv_dyn_invalid(sc, INVALID
                               "GlobalSecondaryIndex count exceeds the per-table limit of 20");
    return SLV_OK;
}

/* The keys of the table and of its indexes, each once. */
static slv_code list_keys(const slv_dyn_table_request *t, slv_buf *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->attr_count; i++) {
        slv_str name = t->attrs[i].name;
        bool used = false;

        for (uint32_t k = 0; k < t->lsi_count + t->gsi_count + 1 && !used; k++) {
            const slv_dyn_key_element *keys = k == 0 ? t->keys
                                              : k <= t->lsi_count
                                                  ? t->lsis[k - 1].keys
                                                  : t->gsis[k - t->lsi_count - 1].keys;

            used = slv_str_eq(keys[0].name, name) || slv_str_eq(keys[1].name, name);
        }
        if (used)
            SLV_TRY(slv_buf_printf(out, "%s%.*s", n++ ? ", " : "", SLV_STR_ARGS(name)));
    }
    return SLV_OK;
}

/* Every defined attribute is a key of the table or of an index. */
static slv_code check_definitions_used(slv_dyn_scope *sc, const slv_dyn_table_request *t)
{
    SLV_CLEANUP(slv_buf_done) slv_buf all = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf used = SLV_BUF((size_t)1 << 20);

    for (uint32_t i = 0; i < t->attr_count; i++)
        SLV_TRY(slv_buf_printf(&all, "%s%.*s", i ? ", " : "", SLV_STR_ARGS(t->attrs[i].name)));
    SLV_TRY(list_keys(t, &used));
    if (used.len == all.len)
        return SLV_OK;
    return slv_dyn_invalid(sc,
                           INVALID "Some AttributeDefinitions are not used. AttributeDefinitions: "
                                   "[%.*s], keys used: [%.*s]",
                           SLV_STR_ARGS(slv_buf_view(&all)), SLV_STR_ARGS(slv_buf_view(&used)));
}

static slv_code check_billing(slv_dyn_scope *sc, const slv_dyn_table_request *t)
{
    if (slv_str_is(t->billing_mode, "PAY_PER_REQUEST")) {
        if (t->throughput.given)
            return slv_dyn_invalid(sc,
                                   INVALID "Neither ReadCapacityUnits nor WriteCapacityUnits can "
                                           "be specified when BillingMode is PAY_PER_REQUEST");
        return SLV_OK;
    }
    if (!t->throughput.given)
        return slv_dyn_invalid(sc, INVALID "ReadCapacityUnits and WriteCapacityUnits must both be "
                                           "specified when BillingMode is PROVISIONED");
    return SLV_OK;
}

/* ---- operations ---- */

static void read_settings(slv_dyn_request *r)
{
    const slv_node *protection = slv_dyn_member_of(r->json, "DeletionProtectionEnabled");
    const slv_node *stream = slv_dyn_member_of(r->json, "StreamSpecification");
    slv_dyn_table_request *t = &r->table_def;

    t->billing_mode = slv_dyn_string_of(r->json, "BillingMode");
    t->table_class = slv_dyn_string_of(r->json, "TableClass");
    t->has_deletion_protection = protection != NULL;
    t->deletion_protection = slv_dyn_node_bool(protection);
    t->has_stream = stream != NULL;
    t->stream_enabled = slv_dyn_node_bool(slv_node_get(stream, "StreamEnabled"));
    t->stream_view = slv_dyn_string_of(stream, "StreamViewType");
    t->sse = slv_dyn_member_of(r->json, "SSESpecification");
}

static slv_code read_tags(slv_dyn_scope *sc, const slv_node *list, slv_dyn_request *r)
{
    if (!list)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &r->tags, list->count);
    for (const slv_node *n = list->first; n; n = n->next) {
        slv_dyn_tag *t = &r->tags[r->tag_count++];

        t->key = n->type == SLV_NODE_STRING ? n->text : slv_dyn_string_of(n, "Key");
        t->value = slv_dyn_string_of(n, "Value");
    }
    return SLV_OK;
}

static slv_code read_create(slv_dyn_scope *sc, slv_dyn_request *r)
{
    slv_dyn_table_request *t = &r->table_def;
    bool indexed = slv_dyn_member_of(r->json, "LocalSecondaryIndexes") ||
                   slv_dyn_member_of(r->json, "GlobalSecondaryIndexes");

    read_settings(r);
    SLV_TRY(read_units(sc, r->json, true, &t->throughput));
    SLV_TRY(check_billing(sc, t));
    SLV_TRY(read_attrs(sc, r));
    read_key_schema(r->json, t->keys, &t->key_count);
    if (t->key_count > t->attr_count)
        return slv_dyn_invalid(sc,
                               "Invalid KeySchema: Some index key attribute have no definition");
    SLV_TRY(check_keys(sc, t, t->keys, t->key_count));
    if (!indexed && t->key_count != t->attr_count)
        return slv_dyn_invalid(sc,
                               INVALID "Number of attributes in KeySchema does not exactly match "
                                       "number of attributes defined in AttributeDefinitions");
    SLV_TRY(read_indexes(sc, slv_dyn_member_of(r->json, "LocalSecondaryIndexes"), &t->lsis,
                         &t->lsi_count));
    SLV_TRY(read_indexes(sc, slv_dyn_member_of(r->json, "GlobalSecondaryIndexes"), &t->gsis,
                         &t->gsi_count));
    SLV_TRY(check_indexes(sc, r->json, t));
    SLV_TRY(check_definitions_used(sc, t));
    return read_tags(sc, slv_dyn_member_of(r->json, "Tags"), r);
}

static slv_code read_index_update(slv_dyn_scope *sc, const slv_node *n, slv_dyn_index_update *ret)
{
    const slv_node *update = slv_dyn_member_of(n, "Update");
    const slv_node *create = slv_dyn_member_of(n, "Create");
    const slv_node *delete = slv_dyn_member_of(n, "Delete");
    const slv_node *one = update ? update : create ? create : delete;

    if (!one)
        return slv_dyn_invalid(sc, INVALID "One of GlobalSecondaryIndexUpdate.Update, "
                                           "GlobalSecondaryIndexUpdate.Create, "
                                           "GlobalSecondaryIndexUpdate.Delete must not be null");
    ret->kind = update   ? SLV_DYN_INDEX_UPDATE
                : create ? SLV_DYN_INDEX_CREATE
                         : SLV_DYN_INDEX_DELETE;
    SLV_TRY(read_index(sc, one, &ret->def));
    return ret->kind == SLV_DYN_INDEX_CREATE ? check_projection(sc, &ret->def) : SLV_OK;
}

static slv_code read_index_updates(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *list = slv_dyn_member_of(r->json, "GlobalSecondaryIndexUpdates");
    slv_dyn_table_request *t = &r->table_def;

    if (!list)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &t->index_updates, list->count);
    for (const slv_node *n = list->first; n; n = n->next) {
        slv_dyn_index_update *u = &t->index_updates[t->index_update_count];

        SLV_TRY(read_index_update(sc, n, u));
        for (uint32_t i = 0; i < t->index_update_count; i++)
            if (slv_str_eq(t->index_updates[i].def.name, u->def.name))
                return slv_dyn_invalid(sc,
                                       INVALID "Only one global secondary index update per index "
                                               "is allowed simultaneously. Index: %.*s",
                                       SLV_STR_ARGS(u->def.name));
        t->index_update_count++;
    }
    return SLV_OK;
}

static slv_code read_update_table(slv_dyn_scope *sc, slv_dyn_request *r)
{
    slv_dyn_table_request *t = &r->table_def;
    const slv_node *updates = slv_dyn_member_of(r->json, "GlobalSecondaryIndexUpdates");

    read_settings(r);
    SLV_TRY(read_attrs(sc, r));
    if (!slv_dyn_member_of(r->json, "ProvisionedThroughput") && !t->billing_mode.len &&
        !t->has_stream && !(updates && updates->count) && !t->sse && !t->table_class.len &&
        !t->has_deletion_protection)
        return slv_dyn_invalid(sc, "At least one of ProvisionedThroughput, BillingMode, "
                                   "UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
                                   "SSESpecification or ReplicaUpdates is required");
    if (slv_str_is(t->billing_mode, "PROVISIONED") &&
        !slv_dyn_member_of(r->json, "ProvisionedThroughput"))
        return slv_dyn_invalid(sc, INVALID "ProvisionedThroughput must be specified when "
                                           "BillingMode is PROVISIONED");
    SLV_TRY(read_units(sc, r->json, true, &t->throughput));
    if (slv_str_is(t->billing_mode, "PAY_PER_REQUEST"))
        SLV_TRY(check_billing(sc, t));
    return read_index_updates(sc, r);
}

/* ---- tags ---- */

/* Whether s has at least n of c before a character that is none. */
static bool has_parts(slv_str s, char c, size_t n)
{
    size_t seen = 0;

    for (size_t i = 0; i < s.len; i++)
        seen += s.ptr[i] == c;
    return seen >= n;
}

/* arn:aws:dynamodb:REGION:DIGITS:table/NAME with a name of three characters at least */
static bool is_table_arn(slv_str arn, slv_str *ret_name)
{
    size_t at = slv_str_find(arn, SLV_STR(":table/"), 0);

    if (!slv_str_starts(arn, SLV_STR("arn:aws:dynamodb:")) || at == SIZE_MAX)
        return false;
    *ret_name = slv_str_skip(arn, at + strlen(":table/"));
    return ret_name->len >= 3 && slv_str_chr(*ret_name, '/', 0) == SIZE_MAX;
}

static slv_code read_resource(slv_dyn_scope *sc, slv_dyn_request *r, const char *list_name,
                              const char *empty)
{
    const slv_node *list = list_name ? slv_dyn_member_of(r->json, list_name) : NULL;

    r->resource_arn = slv_dyn_string_of(r->json, "ResourceArn");
    r->next_token = slv_dyn_string_of(r->json, "NextToken");
    if (!slv_dyn_member_of(r->json, "ResourceArn"))
        return slv_dyn_invalid(sc, "Invalid TableArn");
    if (!list && (!has_parts(r->resource_arn, ':', 5) || !has_parts(r->resource_arn, '/', 1)))
        return slv_dyn_fail(sc, SLV_DYN_ERROR_ACCESS_DENIED,
                            "User: arn:aws:iam::000000000000:root is not authorized to perform: "
                            "dynamodb:%s on resource: %.*s",
                            slv_dyn_operation_name(r->op),
                            SLV_STR_ARGS(r->resource_arn.len ? r->resource_arn : SLV_STR("*")));
    if (list_name && !list)
        return slv_dyn_invalid(
            sc,
            "1 validation error detected: Value null at '%c%s' failed to satisfy "
            "constraint: Member must not be null",
            slv_ascii_lower(list_name[0]), list_name + 1);
    if (!is_table_arn(r->resource_arn, &r->table))
        return slv_dyn_invalid(sc, "Invalid TableArn: Invalid ResourceArn provided as input %.*s",
                               SLV_STR_ARGS(r->resource_arn));
    if (list && !list->count)
        return slv_dyn_invalid(sc, "%s", empty);
    return read_tags(sc, list, r);
}

static slv_code read_ttl(slv_dyn_request *r)
{
    const slv_node *spec = slv_dyn_member_of(r->json, "TimeToLiveSpecification");

    r->table_def.ttl_attribute = slv_dyn_string_of(spec, "AttributeName");
    r->table_def.ttl_enabled = slv_dyn_node_bool(slv_node_get(spec, "Enabled"));
    return SLV_OK;
}

slv_code slv_dyn_read_table(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *limit = slv_dyn_member_of(r->json, "Limit");

    switch ((int)r->op) {
    case SLV_DYN_CREATE_TABLE:
        return read_create(sc, r);
    case SLV_DYN_UPDATE_TABLE:
        return read_update_table(sc, r);
    case SLV_DYN_UPDATE_TIME_TO_LIVE:
        return read_ttl(r);
    case SLV_DYN_LIST_TABLES:
        r->start_table = slv_dyn_string_of(r->json, "ExclusiveStartTableName");
        r->limit = limit ? (uint64_t)long_of(r->json, "Limit") : 0;
        return SLV_OK;
    case SLV_DYN_TAG_RESOURCE:
        return read_resource(sc, r, "Tags", "Atleast one Tag needs to be provided as Input.");
    case SLV_DYN_UNTAG_RESOURCE:
        return read_resource(sc, r, "TagKeys",
                             "Atleast one Tag Key needs to be provided as Input.");
    case SLV_DYN_LIST_TAGS:
        return read_resource(sc, r, NULL, NULL);
    default:
        return SLV_OK;
    }
}
