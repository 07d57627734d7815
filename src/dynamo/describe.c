/* A table as TableDescription. */
#include "dynamo/store_int.h"
#include "fmt/json.h"

slv_code slv_dyn_put_arn(slv_buf *out, slv_str region, slv_str table, slv_str index)
{
    SLV_TRY(slv_buf_printf(out, "\"arn:aws:dynamodb:%.*s:%s:table/%.*s", SLV_STR_ARGS(region),
                           SLV_DYNAMO_ACCOUNT, SLV_STR_ARGS(table)));
    if (index.len > 0)
        SLV_TRY(slv_buf_printf(out, "/index/%.*s", SLV_STR_ARGS(index)));
    return slv_buf_append_byte(out, '"');
}

static slv_code put_member(slv_buf *out, const char *name, slv_str text)
{
    SLV_TRY(slv_dyn_put_name(out, name));
    return slv_json_put_string(out, text);
}

static slv_code put_key(slv_buf *out, const slv_dyn_key_attr *attr, const char *type)
{
    SLV_TRY(slv_dyn_put_comma(out));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"AttributeName\":")));
    SLV_TRY(slv_json_put_string(out, attr->name));
    return slv_buf_printf(out, ",\"KeyType\":\"%s\"}", type);
}

static slv_code put_keys(slv_buf *out, const slv_dyn_keys *keys)
{
    SLV_TRY(slv_dyn_put_name(out, "KeySchema"));
    SLV_TRY(slv_buf_append_byte(out, '['));
    SLV_TRY(put_key(out, &keys->hash, "HASH"));
    if (keys->has_range)
        SLV_TRY(put_key(out, &keys->range, "RANGE"));
    return slv_buf_append_byte(out, ']');
}

static slv_code put_rate(slv_buf *out, const slv_dyn_rate *r)
{
    SLV_TRY(slv_dyn_put_name(out, "ProvisionedThroughput"));
    SLV_TRY(slv_buf_append_byte(out, '{'));
    if (r->increased_ms > 0) {
        SLV_TRY(slv_dyn_put_name(out, "LastIncreaseDateTime"));
        SLV_TRY(slv_dyn_put_time(out, r->increased_ms));
    }
    if (r->decreased_ms > 0) {
        SLV_TRY(slv_dyn_put_name(out, "LastDecreaseDateTime"));
        SLV_TRY(slv_dyn_put_time(out, r->decreased_ms));
    }
    SLV_TRY(slv_dyn_put_name(out, "NumberOfDecreasesToday"));
    return slv_buf_printf(out, "%lld,\"ReadCapacityUnits\":%lld,\"WriteCapacityUnits\":%lld}",
                          (long long)r->decreases, (long long)r->read, (long long)r->write);
}

static slv_code put_projection(slv_buf *out, const slv_dyn_index *x)
{
    SLV_TRY(slv_dyn_put_name(out, "Projection"));
    SLV_TRY(slv_buf_printf(out, "{\"ProjectionType\":\"%s\"",
                           x->projection == SLV_DYN_PROJECT_ALL    ? "ALL"
                           : x->projection == SLV_DYN_PROJECT_KEYS ? "KEYS_ONLY"
                                                                   : "INCLUDE"));
    for (size_t i = 0; i < x->extra_count; i++) {
        SLV_TRY(slv_buf_append(out, i == 0 ? SLV_STR(",\"NonKeyAttributes\":[") : SLV_STR(",")));
        SLV_TRY(slv_json_put_string(out, x->extra[i]));
    }
    return slv_buf_append(out, x->extra_count > 0 ? SLV_STR("]}") : SLV_STR("}"));
}

static slv_code put_index(const slv_dyn_table *t, const slv_dyn_describe *d, size_t i, slv_buf *out)
{
    const slv_dyn_index *x = &t->indexes[i];
    const char *status = x->building         ? "CREATING"
                         : d->indexes_status ? d->indexes_status
                                             : "ACTIVE";

    if (!x->building && d->one_index.len > 0 && slv_str_eq(d->one_index, x->name))
        status = d->one_status;
    SLV_TRY(slv_dyn_put_comma(out));
    SLV_TRY(slv_buf_append_byte(out, '{'));
    SLV_TRY(put_member(out, "IndexName", x->name));
    SLV_TRY(put_keys(out, &x->keys));
    SLV_TRY(put_projection(out, x));
    SLV_TRY(slv_buf_printf(out, ",\"IndexSizeBytes\":%lld,\"ItemCount\":%lld",
                           (long long)d->tally[i + 1].bytes, (long long)d->tally[i + 1].items));
    SLV_TRY(slv_dyn_put_name(out, "IndexArn"));
    SLV_TRY(slv_dyn_put_arn(out, d->region, t->name, x->name));
    if (x->global) {
        SLV_TRY(slv_buf_printf(out, ",\"IndexStatus\":\"%s\"%s", status,
                               x->building ? ",\"Backfilling\":true" : ""));
        SLV_TRY(put_rate(out, &x->rate));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code put_indexes(const slv_dyn_table *t, const slv_dyn_describe *d, bool global,
                            slv_buf *out)
{
    bool any = false;

    for (size_t i = 0; i < t->index_count; i++) {
        if (t->indexes[i].global != global)
            continue;
        if (!any) {
            SLV_TRY(
                slv_dyn_put_name(out, global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes"));
            SLV_TRY(slv_buf_append_byte(out, '['));
        }
        any = true;
        SLV_TRY(put_index(t, d, i, out));
    }
    return any ? slv_buf_append_byte(out, ']') : SLV_OK;
}

/* A table that always was provisioned says nothing of modes. */
static slv_code put_billing(const slv_dyn_table *t, const slv_dyn_describe *d, slv_buf *out)
{
    const char *mode = t->on_demand ? "PAY_PER_REQUEST" : "PROVISIONED";

    if (t->on_demand_ms == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, ",\"BillingModeSummary\":{\"BillingMode\":\"%s\"", mode));
    if (!d->fresh) {
        SLV_TRY(slv_dyn_put_name(out, "LastUpdateToPayPerRequestDateTime"));
        SLV_TRY(slv_dyn_put_time(out, t->on_demand_ms));
    }
    SLV_TRY(slv_buf_printf(out, "},\"TableThroughputModeSummary\":{\"TableThroughputMode\":\"%s\"",
                           mode));
    if (!d->fresh) {
        SLV_TRY(slv_dyn_put_name(out, "LastUpdateToPayPerRequestDateTime"));
        SLV_TRY(slv_dyn_put_time(out, t->on_demand_ms));
    }
    return slv_buf_append_byte(out, '}');
}

static slv_code put_settings(const slv_dyn_table *t, slv_buf *out)
{
    if (t->protected)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"DeletionProtectionEnabled\":true")));
    if (t->klass.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"TableClassSummary\":{\"TableClass\":")));
        SLV_TRY(slv_json_put_string(out, t->klass));
        SLV_TRY(slv_buf_append_byte(out, '}'));
    }
    if (t->sse)
        SLV_TRY(slv_buf_append(
            out, SLV_STR(",\"SSEDescription\":{\"Status\":\"ENABLED\",\"SSEType\":\"KMS\"}")));
    if (t->stream.len > 0) {
        SLV_TRY(slv_buf_append(
            out, SLV_STR(",\"StreamSpecification\":{\"StreamEnabled\":true,\"StreamViewType\":")));
        SLV_TRY(slv_json_put_string(out, t->stream));
        SLV_TRY(slv_buf_append_byte(out, '}'));
    }
    return SLV_OK;
}

slv_code slv_dyn_table_describe(const slv_dyn_table *t, const slv_dyn_describe *d, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"AttributeDefinitions\":[")));
    for (size_t i = 0; i < t->attr_count; i++) {
        SLV_TRY(slv_dyn_put_comma(out));
        SLV_TRY(slv_buf_append_byte(out, '{'));
        SLV_TRY(put_member(out, "AttributeName", t->attrs[i].name));
        SLV_TRY(
            slv_buf_printf(out, ",\"AttributeType\":\"%s\"}", slv_dyn_type_name(t->attrs[i].type)));
    }
    SLV_TRY(slv_buf_append_byte(out, ']'));
    SLV_TRY(put_member(out, "TableName", t->name));
    SLV_TRY(put_keys(out, &t->keys));
    SLV_TRY(put_member(out, "TableStatus", slv_str_from(d->status)));
    SLV_TRY(slv_dyn_put_name(out, "CreationDateTime"));
    SLV_TRY(slv_dyn_put_time(out, t->created_ms));
    SLV_TRY(put_rate(out, &t->rate));
    SLV_TRY(slv_buf_printf(out, ",\"TableSizeBytes\":%lld,\"ItemCount\":%lld",
                           (long long)d->tally[0].bytes, (long long)d->tally[0].items));
    SLV_TRY(slv_dyn_put_name(out, "TableArn"));
    SLV_TRY(slv_dyn_put_arn(out, d->region, t->name, SLV_STR_NULL));
    SLV_TRY(put_member(out, "TableId", t->id));
    SLV_TRY(put_billing(t, d, out));
    SLV_TRY(put_indexes(t, d, false, out));
    if (!d->no_globals)
        SLV_TRY(put_indexes(t, d, true, out));
    SLV_TRY(put_settings(t, out));
    return slv_buf_append_byte(out, '}');
}
