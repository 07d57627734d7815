/* Tables themselves: made, described, changed, removed. */
#include "dynamo/store_int.h"
#include "fmt/json.h"

/* Rows of a table that a new index takes over at once; the rest follows by sweeps. */
#define BUILD_AT_ONCE 1000
#define RATE_MAX INT64_C(1000000000000)

/* The table of a request on tables. */
static slv_code find_table(slv_dyn_run *x, slv_str name, const slv_dyn_table **ret)
{
    slv_code code = x->d ? slv_dyn_catalog_find(x->d, name, ret, x->err) : SLV_E_NOTFOUND;

    if (code == SLV_E_NOTFOUND)
        code =
            slv_dyn_fail(x->sc, SLV_DYN_ERROR_NOT_FOUND,
                         "Requested resource not found: Table: %.*s not found", SLV_STR_ARGS(name));
    SLV_ASSERT(code != SLV_OK || *ret);
    return code;
}

static slv_code describe(slv_dyn_run *x, const slv_dyn_table *t, const char *member,
                         slv_dyn_describe d)
{
    slv_dyn_tally tally[SLV_DYN_INDEXES_MAX + 1];

    SLV_TRY(slv_dyn_catalog_tally(x->d, t->space, &tally[0], x->err));
    for (size_t i = 0; i < t->index_count; i++)
        SLV_TRY(slv_dyn_catalog_tally(x->d, t->indexes[i].space, &tally[i + 1], x->err));
    d.region = x->r->region;
    d.tally = tally;
    SLV_TRY(slv_buf_printf(x->out, "{\"%s\":", member));
    SLV_TRY(slv_dyn_table_describe(t, &d, x->out));
    return slv_buf_append_byte(x->out, '}');
}

static slv_code put_tags(slv_dyn_run *x, int64_t space)
{
    sqlite3_stmt *st;

    for (uint32_t i = 0; i < x->req->tag_count; i++) {
        SLV_TRY(slv_db_stmt(x->d->db,
                            "INSERT INTO tag(space, key, value) VALUES(?1, ?2, ?3)"
                            " ON CONFLICT DO UPDATE SET value = excluded.value",
                            &st, x->err));
        slv_stmt_bind_int(st, 1, space);
        slv_stmt_bind_text(st, 2, x->req->tags[i].key);
        slv_stmt_bind_text(st, 3, x->req->tags[i].value);
        SLV_TRY(slv_stmt_run(x->d->db, st, x->err));
    }
    return SLV_OK;
}

slv_code slv_dyn_run_create_table(slv_dyn_run *x)
{
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *t = NULL;
    const slv_dyn_table *other;
    int64_t count = 0;

    slv_code code = slv_dyn_catalog_find(x->d, x->req->table, &other, x->err);
    if (code == SLV_OK)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_IN_USE, "Table already exists: %.*s",
                            SLV_STR_ARGS(x->req->table));
    if (code != SLV_E_NOTFOUND)
        return code;
    SLV_TRY(slv_dyn_catalog_count(x->d, &count, x->err));
    if (count >= SLV_DYNAMO_TABLES_MAX)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_LIMIT,
                            "Subscriber limit exceeded: There is a limit of %d tables per "
                            "subscriber",
                            SLV_DYNAMO_TABLES_MAX);
    SLV_TRY(slv_dyn_table_make(x->req, x->r->now_ms, &t));
    SLV_TRY(slv_dyn_catalog_add(x->d, t, x->err));
    SLV_TRY(put_tags(x, t->space));
    return describe(
        x, t, "TableDescription",
        (slv_dyn_describe){.status = "CREATING", .indexes_status = "CREATING", .fresh = true});
}

slv_code slv_dyn_run_describe_table(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;

    SLV_TRY(find_table(x, x->req->table, &t));
    return describe(x, t, "Table", (slv_dyn_describe){.status = "ACTIVE"});
}

slv_code slv_dyn_run_delete_table(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;

    SLV_TRY(find_table(x, x->req->table, &t));
    if (t->protected)
        return slv_dyn_invalid(x->sc, "Resource cannot be deleted as it is currently protected "
                                      "against deletion. Disable deletion protection first.");
    SLV_TRY(describe(x, t, "TableDescription",
                     (slv_dyn_describe){.status = "DELETING", .no_globals = true}));
    return slv_dyn_catalog_drop(x->d, t, x->err);
}

slv_code slv_dyn_run_list_tables(slv_dyn_run *x)
{
    uint64_t limit = x->req->limit > 0 ? x->req->limit : 100, n = 0;
    sqlite3_stmt *st;
    slv_str last = {0};
    slv_code code = SLV_E_NOTFOUND;

    SLV_TRY(slv_buf_append(x->out, SLV_STR("{\"TableNames\":[")));
    if (x->d) {
        SLV_TRY(slv_db_stmt(x->d->db, "SELECT name FROM catalog WHERE name > ?1 ORDER BY name", &st,
                            x->err));
        slv_stmt_bind_text(st, 1, x->req->start_table);
        while ((code = slv_stmt_step(x->d->db, st, x->err)) == SLV_OK && n < limit) {
            code = slv_dyn_put_comma(x->out);
            if (code == SLV_OK)
                code = slv_json_put_string(x->out, slv_stmt_str(st, 0));
            if (code == SLV_OK && ++n == limit)
                code = slv_arena_dup(x->sc->arena, slv_stmt_str(st, 0), &last);
            if (code != SLV_OK)
                break;
        }
        slv_stmt_done(st);
    }
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    SLV_TRY(slv_buf_append_byte(x->out, ']'));
    if (code == SLV_OK) { /* there is another behind the last */
        SLV_TRY(slv_dyn_put_name(x->out, "LastEvaluatedTableName"));
        SLV_TRY(slv_json_put_string(x->out, last));
    }
    return slv_buf_append_byte(x->out, '}');
}

/* ---- UpdateTable ---- */

/* Raises and lowerings are noted with their time, as DescribeTable shows them. */
static slv_code change_rate(slv_dyn_run *x, slv_dyn_rate *rate, const slv_dyn_units *want)
{
    if (rate->read == want->read && rate->write == want->write)
        return slv_dyn_invalid(
            x->sc,
            "The provisioned throughput for the table will not change. The requested value equals "
            "the current value. Current ReadCapacityUnits provisioned for the table: %lld. "
            "Requested ReadCapacityUnits: %lld. Current WriteCapacityUnits provisioned for the "
            "table: %lld. Requested WriteCapacityUnits: %lld. Refer to the Amazon DynamoDB "
            "Developer Guide for current limits and how to request higher limits.",
            (long long)rate->read, (long long)want->read, (long long)rate->write,
            (long long)want->write);
    if (want->read > rate->read || want->write > rate->write) {
        rate->increased_ms = x->r->now_ms;
    } else {
        rate->decreased_ms = x->r->now_ms;
        rate->decreases++;
    }
    rate->read = want->read;
    rate->write = want->write;
    return SLV_OK;
}

static bool names_index(const slv_dyn_table_request *def, slv_str name)
{
    for (uint32_t i = 0; i < def->index_update_count; i++)
        if (slv_str_eq(def->index_updates[i].def.name, name))
            return true;
    return false;
}

static slv_code change_billing(slv_dyn_run *x, slv_dyn_table *t)
{
    const slv_dyn_table_request *def = &x->req->table_def;
    bool demand = slv_str_is(def->billing_mode, "PAY_PER_REQUEST");

    if (def->throughput.given && (demand || (def->billing_mode.len == 0 && t->on_demand)))
        return slv_dyn_invalid(x->sc, "One or more parameter values were invalid: Neither "
                                      "ReadCapacityUnits nor WriteCapacityUnits can be specified "
                                      "when BillingMode is PAY_PER_REQUEST");
    if (def->billing_mode.len > 0 && !demand && t->on_demand) {
        for (size_t i = 0; i < t->index_count; i++)
            if (t->indexes[i].global && !names_index(def, t->indexes[i].name))
                return slv_dyn_invalid(x->sc,
                                       "One or more parameter values were invalid: "
                                       "ProvisionedThroughput must be specified for index: %.*s",
                                       SLV_STR_ARGS(t->indexes[i].name));
        t->on_demand = false;
    }
    if (def->throughput.given)
        SLV_TRY(change_rate(x, &t->rate, &def->throughput));
    if (demand && !t->on_demand) {
        t->on_demand = true;
        t->on_demand_ms = x->r->now_ms;
        t->rate = (slv_dyn_rate){.decreases = t->rate.decreases};
        for (size_t i = 0; i < t->index_count; i++)
            t->indexes[i].rate = (slv_dyn_rate){.decreases = t->indexes[i].rate.decreases + 1,
                                                .decreased_ms = x->r->now_ms};
    }
    return SLV_OK;
}

static slv_dyn_index *own_index(slv_dyn_table *t, slv_str name)
{
    for (size_t i = 0; i < t->index_count; i++)
        if (slv_str_eq(t->indexes[i].name, name))
            return &t->indexes[i];
    return NULL;
}

/* Definitions beside those that are known. */
static slv_code merge_attrs(slv_dyn_run *x, slv_dyn_table *t)
{
    const slv_dyn_table_request *def = &x->req->table_def;
    size_t room = t->attr_count + def->attr_count, count = t->attr_count;
    slv_dyn_key_attr *all;
    slv_dyn_type type;

    if (def->attr_count == 0)
        return SLV_OK;
    SLV_DYN_NEW_N(x->sc, &all, room);
    memcpy(all, t->attrs, t->attr_count * sizeof *all);
    for (uint32_t i = 0; i < def->attr_count; i++) {
        if (!slv_dyn_table_attr(t, def->attrs[i].name, &type)) {
            all[count++] = def->attrs[i];
        } else if (type != def->attrs[i].type) {
            return slv_dyn_invalid(x->sc,
                                   "One or more parameter values were invalid: Attribute %.*s is "
                                   "defined as another type already",
                                   SLV_STR_ARGS(def->attrs[i].name));
        }
    }
    return slv_dyn_table_set_attrs(t, all, count);
}

static bool uses_attr(const slv_dyn_keys *keys, slv_str name)
{
    return slv_str_eq(keys->hash.name, name) ||
           (keys->has_range && slv_str_eq(keys->range.name, name));
}

/* What no key names any more is no longer defined. */
static void drop_attrs(slv_dyn_table *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->attr_count; i++) {
        bool used = uses_attr(&t->keys, t->attrs[i].name);

        for (size_t k = 0; k < t->index_count; k++)
            used = used || uses_attr(&t->indexes[k].keys, t->attrs[i].name);
        if (used)
            t->attrs[kept++] = t->attrs[i];
    }
    t->attr_count = kept;
}

static slv_code start_build(slv_dyn_run *x, int64_t space, int64_t of)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(x->d->db,
                        "INSERT OR REPLACE INTO build(space, of, h, r) VALUES(?1, ?2, x'', x'')",
                        &st, x->err));
    slv_stmt_bind_int(st, 1, space);
    slv_stmt_bind_int(st, 2, of);
    return slv_stmt_run(x->d->db, st, x->err);
}

static slv_code create_index(slv_dyn_run *x, slv_dyn_table *t, const slv_dyn_index_def *def)
{
    slv_dyn_type type;
    size_t globals = 0;

    if (own_index(t, def->name))
        return slv_dyn_invalid(x->sc, "Attempting to create an index which already exists");
    for (size_t i = 0; i < t->index_count; i++)
        globals += t->indexes[i].global ? 1 : 0;
    if (globals >= SLV_DYN_GSI_MAX)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_LIMIT,
                            "Subscriber limit exceeded: Number of global secondary indexes exceeds "
                            "per-table limit of %d",
                            SLV_DYN_GSI_MAX);
    for (uint32_t i = 0; i < def->key_count; i++)
        if (!slv_dyn_table_attr(t, def->keys[i].name, &type))
            return slv_dyn_invalid(x->sc,
                                   "One or more parameter values were invalid: Some index key "
                                   "attributes are not defined in AttributeDefinitions. Keys: "
                                   "[%.*s]",
                                   SLV_STR_ARGS(def->keys[i].name));
    if (t->on_demand && def->throughput.given)
        return slv_dyn_invalid(x->sc,
                               "One or more parameter values were invalid: ProvisionedThroughput "
                               "should not be specified for index: %.*s when BillingMode is "
                               "PAY_PER_REQUEST",
                               SLV_STR_ARGS(def->name));
    if (!t->on_demand && !def->throughput.given)
        return slv_dyn_invalid(x->sc,
                               "One or more parameter values were invalid: Both ReadCapacityUnits "
                               "and WriteCapacityUnits must be specified for index: %.*s",
                               SLV_STR_ARGS(def->name));
    SLV_TRY(slv_dyn_table_add_index(t, def, true));
    t->indexes[t->index_count - 1].building = true;
    return SLV_OK;
}

static slv_code remove_index(slv_dyn_run *x, slv_dyn_table *t, slv_str name)
{
    slv_dyn_index *index = own_index(t, name);

    if (!index || !index->global)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_NOT_FOUND, "Requested resource not found");
    SLV_TRY(slv_dyn_space_drop(x->d, index->space, x->err));
    size_t at = (size_t)(index - t->indexes);
    memmove(index, index + 1, (t->index_count - at - 1) * sizeof *index);
    t->index_count--;
    return SLV_OK;
}

static slv_code update_index(slv_dyn_run *x, slv_dyn_table *t, const slv_dyn_index_update *u)
{
    slv_dyn_index *index;

    switch (u->kind) {
    case SLV_DYN_INDEX_CREATE:
        return create_index(x, t, &u->def);
    case SLV_DYN_INDEX_DELETE:
        return remove_index(x, t, u->def.name);
    case SLV_DYN_INDEX_UPDATE:
        if (u->def.throughput.read > RATE_MAX || u->def.throughput.write > RATE_MAX)
            return slv_dyn_invalid(x->sc, "This operation cannot be performed with given input "
                                          "values. Please contact DynamoDB service team for more "
                                          "info: Action Blocked: IndexUpdate");
        index = own_index(t, u->def.name);
        if (!index || !index->global)
            return slv_dyn_fail(x->sc, SLV_DYN_ERROR_NOT_FOUND, "Requested resource not found");
        return change_rate(x, &index->rate, &u->def.throughput);
    }
    SLV_UNREACHABLE();
}

static slv_code update_settings(slv_dyn_run *x, slv_dyn_table *t)
{
    const slv_dyn_table_request *def = &x->req->table_def;
    const slv_node *enabled = slv_node_get(def->sse, "Enabled");

    if (def->has_deletion_protection)
        t->protected = def->deletion_protection;
    if (def->table_class.len > 0)
        SLV_TRY(slv_arena_dup(&t->arena, def->table_class, &t->klass));
    if (def->has_stream)
        SLV_TRY(slv_arena_dup(&t->arena, def->stream_enabled ? def->stream_view : SLV_STR(""),
                              &t->stream));
    if (def->sse)
        t->sse = slv_node_is(enabled, SLV_NODE_BOOL) && enabled->boolean;
    return SLV_OK;
}

/* While a table is updated, its description has the rates that it had. */
static slv_code show_old_rates(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_table *old,
                               slv_dyn_describe d)
{
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *shown = NULL;

    SLV_TRY(slv_dyn_table_copy(t, &shown, x->err));
    if (!shown->on_demand && !old->on_demand) {
        shown->rate.read = old->rate.read;
        shown->rate.write = old->rate.write;
        shown->rate.decreases = old->rate.decreases;
    }
    for (size_t i = 0; i < shown->index_count; i++) {
        const slv_dyn_index *was = slv_dyn_table_index(old, shown->indexes[i].name);

        if (was && !shown->on_demand && !old->on_demand) {
            shown->indexes[i].rate.read = was->rate.read;
            shown->indexes[i].rate.write = was->rate.write;
            shown->indexes[i].rate.decreases = was->rate.decreases;
        }
    }
    return describe(x, shown, "TableDescription", d);
}

slv_code slv_dyn_run_update_table(slv_dyn_run *x)
{
    const slv_dyn_table_request *def = &x->req->table_def;
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *t = NULL;
    const slv_dyn_table *old = NULL, *now = NULL;
    unsigned online = 0;

    SLV_TRY(find_table(x, x->req->table, &old));
    SLV_TRY(slv_dyn_table_copy(old, &t, x->err));
    for (uint32_t i = 0; i < def->index_update_count; i++)
        online += def->index_updates[i].kind != SLV_DYN_INDEX_UPDATE ? 1 : 0;
    if (online > 1)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_LIMIT,
                            "Subscriber limit exceeded: Only 1 online index can be created or "
                            "deleted simultaneously per table");
    SLV_TRY(change_billing(x, t));
    SLV_TRY(merge_attrs(x, t));
    for (uint32_t i = 0; i < def->index_update_count; i++)
        SLV_TRY(update_index(x, t, &def->index_updates[i]));
    drop_attrs(t);
    SLV_TRY(update_settings(x, t));
    SLV_TRY(slv_dyn_catalog_change(x->d, t, x->err));
    slv_dyn_describe d = {.status = "UPDATING"};
    for (uint32_t i = 0; i < def->index_update_count; i++)
        d.one_index = def->index_updates[i].def.name;
    d.one_status = online > 0 ? "CREATING" : "UPDATING";
    if (def->billing_mode.len > 0)
        d.indexes_status = "UPDATING";
    SLV_TRY(show_old_rates(x, t, old, d));
    for (size_t i = 0; i < t->index_count; i++) {
        if (!t->indexes[i].building || slv_dyn_table_index(old, t->indexes[i].name))
            continue;
        SLV_TRY(start_build(x, t->indexes[i].space, t->space));
        SLV_TRY(slv_dyn_catalog_find(x->d, t->name, &now, x->err));
        bool over;
        SLV_TRY(slv_dyn_build_some(x->d, now, t->indexes[i].space, BUILD_AT_ONCE, &over, x->err));
        break;
    }
    return SLV_OK;
}

/* ---- time to live ---- */

slv_code slv_dyn_run_describe_ttl(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;

    SLV_TRY(find_table(x, x->req->table, &t));
    SLV_TRY(slv_buf_printf(x->out, "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"%s\"",
                           t->ttl.len > 0 ? "ENABLED" : "DISABLED"));
    if (t->ttl.len > 0) {
        SLV_TRY(slv_dyn_put_name(x->out, "AttributeName"));
        SLV_TRY(slv_json_put_string(x->out, t->ttl));
    }
    return slv_buf_append(x->out, SLV_STR("}}"));
}

static slv_code clear_expiry(slv_dyn_run *x, int64_t space)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(x->d->db, "DELETE FROM expiry WHERE space = ?1", &st, x->err));
    slv_stmt_bind_int(st, 1, space);
    return slv_stmt_run(x->d->db, st, x->err);
}

slv_code slv_dyn_run_update_ttl(slv_dyn_run *x)
{
    const slv_dyn_table_request *def = &x->req->table_def;
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *t = NULL;
    const slv_dyn_table *old = NULL, *now = NULL;
    bool over;

    SLV_TRY(find_table(x, x->req->table, &old));
    if (def->ttl_enabled && old->ttl.len > 0 && slv_str_eq(old->ttl, def->ttl_attribute))
        return slv_dyn_invalid(x->sc, "TimeToLive is already enabled");
    if (!def->ttl_enabled && old->ttl.len == 0)
        return slv_dyn_invalid(x->sc, "TimeToLive is already disabled");
    if (old->ttl.len > 0 && !slv_str_eq(old->ttl, def->ttl_attribute))
        return slv_dyn_invalid(x->sc,
                               "TimeToLive is active on a different AttributeName: current "
                               "AttributeName is %.*s",
                               SLV_STR_ARGS(old->ttl));
    SLV_TRY(slv_dyn_table_copy(old, &t, x->err));
    SLV_TRY(slv_arena_dup(&t->arena, def->ttl_enabled ? def->ttl_attribute : SLV_STR(""), &t->ttl));
    SLV_TRY(slv_dyn_catalog_change(x->d, t, x->err));
    SLV_TRY(clear_expiry(x, t->space));
    if (def->ttl_enabled) {
        SLV_TRY(start_build(x, t->space, t->space));
        SLV_TRY(slv_dyn_catalog_find(x->d, t->name, &now, x->err));
        SLV_TRY(slv_dyn_build_some(x->d, now, t->space, BUILD_AT_ONCE, &over, x->err));
    }
    SLV_TRY(slv_buf_printf(x->out, "{\"TimeToLiveSpecification\":{\"Enabled\":%s",
                           def->ttl_enabled ? "true" : "false"));
    SLV_TRY(slv_dyn_put_name(x->out, "AttributeName"));
    SLV_TRY(slv_json_put_string(x->out, def->ttl_attribute));
    return slv_buf_append(x->out, SLV_STR("}}"));
}

/* ---- tags ---- */

/* The table that an ARN names. */
static slv_code tagged_table(slv_dyn_run *x, const slv_dyn_table **ret)
{
    slv_str arn = x->req->resource_arn, rest = arn, account = {0};
    size_t slash = slv_str_rchr(arn, '/');
    slv_str name = slv_str_skip(arn, slash == SIZE_MAX ? 0 : slash + 1);

    for (int i = 0; i < 5; i++) /* arn:aws:dynamodb:REGION:ACCOUNT:table/NAME */
        if (!slv_str_split(&rest, ':', &account))
            break;
    if (!slv_str_is(account, SLV_DYNAMO_ACCOUNT)) {
        slv_code denied =
            slv_dyn_fail(x->sc, SLV_DYN_ERROR_ACCESS_DENIED,
                         "User: arn:aws:iam::%s:user/selvage is not authorized to perform: "
                         "dynamodb:%s on resource: %.*s",
                         SLV_DYNAMO_ACCOUNT, slv_dyn_operation_name(x->r->op), SLV_STR_ARGS(arn));

        SLV_ASSERT(denied != SLV_OK);
        return denied;
    }
    slv_code code = x->d ? slv_dyn_catalog_find(x->d, name, ret, x->err) : SLV_E_NOTFOUND;

    if (code == SLV_E_NOTFOUND && x->r->op == SLV_DYN_UNTAG_RESOURCE)
        code = slv_dyn_fail(x->sc, SLV_DYN_ERROR_NOT_FOUND, "Requested resource not found");
    else if (code == SLV_E_NOTFOUND)
        code = slv_dyn_fail(x->sc, SLV_DYN_ERROR_NOT_FOUND,
                            "Requested resource not found: ResourcArn: %.*s not found",
                            SLV_STR_ARGS(arn));
    SLV_ASSERT(code != SLV_OK || *ret);
    return code;
}

slv_code slv_dyn_run_tag(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;

    SLV_TRY(tagged_table(x, &t));
    return put_tags(x, t->space);
}

slv_code slv_dyn_run_untag(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;
    sqlite3_stmt *st;

    SLV_TRY(tagged_table(x, &t));
    for (uint32_t i = 0; i < x->req->tag_count; i++) {
        SLV_TRY(
            slv_db_stmt(x->d->db, "DELETE FROM tag WHERE space = ?1 AND key = ?2", &st, x->err));
        slv_stmt_bind_int(st, 1, t->space);
        slv_stmt_bind_text(st, 2, x->req->tags[i].key);
        SLV_TRY(slv_stmt_run(x->d->db, st, x->err));
    }
    return SLV_OK;
}

static slv_code put_tag(slv_dyn_run *x, slv_str key, slv_str value)
{
    SLV_TRY(slv_dyn_put_comma(x->out));
    SLV_TRY(slv_buf_append(x->out, SLV_STR("{\"Key\":")));
    SLV_TRY(slv_json_put_string(x->out, key));
    SLV_TRY(slv_buf_append(x->out, SLV_STR(",\"Value\":")));
    SLV_TRY(slv_json_put_string(x->out, value));
    return slv_buf_append_byte(x->out, '}');
}

slv_code slv_dyn_run_list_tags(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(tagged_table(x, &t));
    SLV_TRY(slv_buf_append(x->out, SLV_STR("{\"Tags\":[")));
    SLV_TRY(slv_db_stmt(x->d->db, "SELECT key, value FROM tag WHERE space = ?1", &st, x->err));
    slv_stmt_bind_int(st, 1, t->space);
    while ((code = slv_stmt_step(x->d->db, st, x->err)) == SLV_OK) {
        code = put_tag(x, slv_stmt_str(st, 0), slv_stmt_str(st, 1));
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? slv_buf_append(x->out, SLV_STR("]}")) : code;
}

/* ---- what clients ask besides ---- */

slv_code slv_dyn_run_backups(slv_dyn_run *x)
{
    const slv_dyn_table *t = NULL;
    slv_code code = x->d ? slv_dyn_catalog_find(x->d, x->req->table, &t, x->err) : SLV_E_NOTFOUND;

    if (code == SLV_E_NOTFOUND)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_TABLE_NOT_FOUND, "Table not found: %.*s",
                            SLV_STR_ARGS(x->req->table));
    SLV_TRY(code);
    return slv_buf_append(x->out,
                          SLV_STR("{\"ContinuousBackupsDescription\":{\"ContinuousBackupsStatus\":"
                                  "\"ENABLED\",\"PointInTimeRecoveryDescription\":"
                                  "{\"PointInTimeRecoveryStatus\":\"DISABLED\"}}}"));
}

slv_code slv_dyn_run_limits(slv_dyn_run *x)
{
    return slv_buf_append(
        x->out, SLV_STR("{\"AccountMaxReadCapacityUnits\":80000,\"AccountMaxWriteCapacityUnits\":"
                        "80000,\"TableMaxReadCapacityUnits\":40000,"
                        "\"TableMaxWriteCapacityUnits\":40000}"));
}

slv_code slv_dyn_run_endpoints(slv_dyn_run *x)
{
    return slv_buf_printf(x->out,
                          "{\"Endpoints\":[{\"Address\":\"dynamodb.%.*s.amazonaws.com\","
                          "\"CachePeriodInMinutes\":1440}]}",
                          SLV_STR_ARGS(x->r->region));
}
