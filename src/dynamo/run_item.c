/* GetItem, PutItem, UpdateItem, DeleteItem; and a write in two steps, as transactions need it. */
#include "dynamo/store_int.h"

/* ---- get ---- */

/* Keys have no inside. */
static slv_code check_path(slv_dyn_run *x, const slv_dyn_keys *keys, const slv_dyn_path *path,
                           const char *what)
{
    const slv_dyn_key_attr *const pair[] = {&keys->hash, &keys->range};

    for (size_t i = 0; path->len > 1 && i < (keys->has_range ? 2u : 1u); i++)
        if (slv_str_eq(path->steps[0].name, pair[i]->name))
            return slv_dyn_invalid(x->sc,
                                   "Key attributes must be scalars; list random access '[]' and "
                                   "map lookup '.' are not allowed: %s: %.*s",
                                   what, SLV_STR_ARGS(pair[i]->name));
    return SLV_OK;
}

slv_code slv_dyn_check_path(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_path *path)
{
    SLV_TRY(check_path(x, &t->keys, path, "Key"));
    for (size_t i = 0; i < t->index_count; i++)
        SLV_TRY(check_path(x, &t->indexes[i].keys, path, "IndexKey"));
    return SLV_OK;
}

slv_code slv_dyn_check_paths(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_paths *paths)
{
    for (uint32_t i = 0; i < paths->count; i++)
        SLV_TRY(slv_dyn_check_path(x, t, &paths->items[i]));
    return SLV_OK;
}

static slv_code visit_path(void *arg, const slv_dyn_path *path)
{
    const void *const *both = arg;

    return slv_dyn_check_path((slv_dyn_run *)(size_t)both[0], both[1], path);
}

slv_code slv_dyn_check_condition(slv_dyn_run *x, const slv_dyn_table *t,
                                 const slv_dyn_expr *condition)
{
    const void *both[] = {x, t};

    return condition ? slv_dyn_expr_paths(condition, visit_path, both) : SLV_OK;
}

/* Appends the item that stands in bytes, or what the paths name of it. */
static slv_code put_projected(slv_dyn_run *x, const slv_dyn_item_request *item, slv_str bytes)
{
    slv_dyn_value whole, part;

    if (!item->has_projection)
        return slv_dyn_run_put_bytes(x, bytes);
    SLV_TRY(slv_dyn_item_decode(x->sc, bytes, &whole));
    SLV_TRY(slv_dyn_project(x->sc, &item->projection, &whole, &part));
    return slv_dyn_run_put_item(x, &part);
}

slv_code slv_dyn_get_put(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_item_request *item,
                         const char *name, bool *ret_found, size_t *ret_size)
{
    slv_dyn_place at;
    sqlite3_stmt *st;
    slv_str bytes;

    *ret_found = false;
    *ret_size = 0;
    SLV_TRY(slv_dyn_run_place(x, t, &item->key, &at));
    SLV_TRY(slv_dyn_check_paths(x, t, &item->projection));
    slv_code code = slv_dyn_row_get(x->d, t->space, &at, &st, &bytes, ret_size, x->err);
    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    SLV_TRY(code);
    code = slv_dyn_run_reads(x, bytes.len);
    if (code == SLV_OK)
        code = name ? slv_dyn_put_name(x->out, name) : slv_dyn_put_comma(x->out);
    if (code == SLV_OK)
        code = put_projected(x, item, bytes);
    slv_stmt_done(st);
    *ret_found = true;
    return code == SLV_E_PARSE ? slv_fail(x->err, SLV_E_IO, "dynamo: an item is damaged") : code;
}

slv_code slv_dyn_run_get(slv_dyn_run *x)
{
    const slv_dyn_item_request *item = &x->req->item;
    const slv_dyn_table *t;
    bool found;
    size_t size;

    SLV_TRY(slv_dyn_run_table(x, x->req->table, &t));
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    SLV_TRY(slv_dyn_get_put(x, t, item, "Item", &found, &size));
    if (x->req->capacity != SLV_DYN_CAPACITY_NONE) {
        slv_dyn_consumed used = {.t = t};

        used.table = slv_dyn_units_of(size, 4096) * (item->consistent ? 2 : 1);
        SLV_TRY(slv_dyn_put_name(x->out, "ConsumedCapacity"));
        SLV_TRY(slv_dyn_put_consumed(x->out, &used, x->req->capacity == SLV_DYN_CAPACITY_INDEXES));
    }
    return slv_buf_append_byte(x->out, '}');
}

/* ---- writes ---- */

/* Key attributes of indexes have the right type, or are not there. */
static slv_code check_index_keys(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_value *item)
{
    for (size_t i = 0; i < t->index_count; i++) {
        const slv_dyn_index *index = &t->indexes[i];

        SLV_TRY(slv_dyn_index_key_check(x->sc, item, &index->keys.hash, index->name));
        if (index->keys.has_range)
            SLV_TRY(slv_dyn_index_key_check(x->sc, item, &index->keys.range, index->name));
    }
    return SLV_OK;
}

static slv_code check_update(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_update *update)
{
    SLV_TRY(slv_dyn_update_check_key(x->sc, update, t->keys.hash.name));
    if (t->keys.has_range)
        SLV_TRY(slv_dyn_update_check_key(x->sc, update, t->keys.range.name));
    for (size_t i = 0; i < t->index_count; i++) {
        const slv_dyn_index *index = &t->indexes[i];

        SLV_TRY(slv_dyn_update_check_index_key(x->sc, update, &index->keys.hash, index->name));
        if (index->keys.has_range)
            SLV_TRY(slv_dyn_update_check_index_key(x->sc, update, &index->keys.range, index->name));
    }
    for (uint32_t i = 0; i < update->count; i++)
        SLV_TRY(slv_dyn_check_condition(x, t, update->actions[i].value));
    return slv_dyn_check_paths(x, t, &update->paths);
}

/* The same of what the update has made. */
static slv_code check_updated_keys(slv_dyn_run *x, const slv_dyn_change *c)
{
    for (size_t i = 0; i < c->t->index_count; i++) {
        const slv_dyn_keys *keys = &c->t->indexes[i].keys;

        SLV_TRY(slv_dyn_update_check_index_result(x->sc, &c->item->update, c->after, &keys->hash));
        if (keys->has_range)
            SLV_TRY(
                slv_dyn_update_check_index_result(x->sc, &c->item->update, c->after, &keys->range));
    }
    return SLV_OK;
}

static slv_code plan_update(slv_dyn_run *x, slv_dyn_change *c)
{
    const slv_dyn_value *old = c->before ? c->before : &c->item->key;

    SLV_DYN_NEW(x->sc, &c->after);
    if (c->item->has_update)
        SLV_TRY(slv_dyn_update_apply(x->sc, &c->item->update, old, c->before != NULL, c->after));
    else
        *c->after = *old;
    SLV_TRY(check_updated_keys(x, c));
    SLV_TRY(check_index_keys(x, c->t, c->after));
    if (slv_dyn_item_size(c->after) > SLV_DYN_ITEM_MAX)
        return slv_dyn_invalid(x->sc, "Item size to update has exceeded the maximum allowed size");
    return SLV_OK;
}

static slv_code find_place(slv_dyn_run *x, slv_dyn_change *c)
{
    const slv_dyn_item_request *item = c->item;
    const slv_dyn_keys *keys = &c->t->keys;

    if (item->kind != SLV_DYN_ITEM_PUT)
        return slv_dyn_run_place(x, c->t, &item->key, &c->at);
    SLV_TRY(
        slv_dyn_item_check(x->sc, &item->item, &keys->hash, keys->has_range ? &keys->range : NULL));
    SLV_TRY(check_index_keys(x, c->t, &item->item));
    return slv_dyn_place_of(x->sc->arena, keys, &item->item, &c->at);
}

slv_code slv_dyn_change_plan(slv_dyn_run *x, const slv_dyn_item_request *item, slv_dyn_change *ret)
{
    *ret = (slv_dyn_change){.item = item, .write = item->kind != SLV_DYN_ITEM_CHECK};
    SLV_TRY(slv_dyn_run_table(x, item->table, &ret->t));
    SLV_TRY(find_place(x, ret));
    if (item->has_update)
        SLV_TRY(check_update(x, ret->t, &item->update));
    SLV_TRY(slv_dyn_check_condition(x, ret->t, item->condition));
    SLV_TRY(slv_dyn_item_read(x->d, x->sc, ret->t, &ret->at, &ret->before, x->err));
    if (!slv_dyn_expr_test(item->condition, ret->before)) {
        ret->failed = true;
        return SLV_OK;
    }
    if (item->kind == SLV_DYN_ITEM_UPDATE)
        return plan_update(x, ret);
    if (item->kind == SLV_DYN_ITEM_PUT) {
        SLV_DYN_NEW(x->sc, &ret->after);
        *ret->after = item->item;
    }
    return SLV_OK;
}

slv_code slv_dyn_change_make(slv_dyn_run *x, slv_dyn_change *c)
{
    return slv_dyn_item_write(x->d, x->sc->arena, c->t, &c->at, c->before, c->after, &c->units,
                              x->err);
}

static slv_code answer_failed(slv_dyn_run *x, const slv_dyn_change *c)
{
    x->r->status = slv_dyn_error_status(SLV_DYN_ERROR_CONDITIONAL);
    SLV_TRY(slv_buf_printf(x->out,
                           "{\"__type\":\"%s\",\"message\":\"The conditional request failed\"",
                           slv_dyn_error_type(SLV_DYN_ERROR_CONDITIONAL)));
    if (c->item->return_old_on_failure && c->before) {
        SLV_TRY(slv_dyn_put_name(x->out, "Item"));
        SLV_TRY(slv_dyn_item_put_json(c->before, x->out));
    }
    return slv_buf_append_byte(x->out, '}');
}

/* The attributes that were asked for; NULL: none. */
static slv_code returned(slv_dyn_run *x, const slv_dyn_change *c, const slv_dyn_value **ret)
{
    slv_dyn_return_values want = c->item->returns;
    bool part = want == SLV_DYN_RETURN_UPDATED_OLD || want == SLV_DYN_RETURN_UPDATED_NEW;
    bool old = want == SLV_DYN_RETURN_ALL_OLD || want == SLV_DYN_RETURN_UPDATED_OLD;
    slv_dyn_value *v;

    *ret = want == SLV_DYN_RETURN_NONE ? NULL : old ? c->before : c->after;
    if (!part || !*ret)
        return SLV_OK;
    SLV_DYN_NEW(x->sc, &v);
    SLV_TRY(slv_dyn_project(x->sc, &c->item->update.paths, *ret, v));
    *ret = v->count > 0 ? v : NULL;
    return SLV_OK;
}

slv_code slv_dyn_run_write(slv_dyn_run *x)
{
    const slv_dyn_value *attributes;
    slv_dyn_change c;

    SLV_TRY(slv_dyn_change_plan(x, &x->req->item, &c));
    if (c.failed)
        return answer_failed(x, &c);
    SLV_TRY(slv_dyn_change_make(x, &c));
    SLV_TRY(returned(x, &c, &attributes));
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    if (attributes) {
        SLV_TRY(slv_dyn_put_name(x->out, "Attributes"));
        SLV_TRY(slv_dyn_run_put_item(x, attributes));
    }
    if (x->req->capacity != SLV_DYN_CAPACITY_NONE) {
        slv_dyn_consumed used = {.t = c.t};

        slv_dyn_consumed_add(&used, &c.units, 2);
        SLV_TRY(slv_dyn_put_name(x->out, "ConsumedCapacity"));
        SLV_TRY(slv_dyn_put_consumed(x->out, &used, x->req->capacity == SLV_DYN_CAPACITY_INDEXES));
    }
    if (x->req->collection_metrics && slv_dyn_has_collections(c.t)) {
        SLV_TRY(slv_dyn_put_name(x->out, "ItemCollectionMetrics"));
        SLV_TRY(slv_dyn_put_collection(x, c.t, &c.at, c.after ? c.after : &c.item->key, x->out));
    }
    return slv_buf_append_byte(x->out, '}');
}
