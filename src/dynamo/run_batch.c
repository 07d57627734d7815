/* BatchGetItem and BatchWriteItem. */
#include "dynamo/store_int.h"
#include "fmt/json.h"

#define BATCH_BYTES ((size_t)16 << 20) /* of items that an answer has */
#define DUPLICATES "Provided list of item keys contains duplicates"

static slv_code put_capacities(slv_dyn_run *x, const slv_dyn_consumed *used, uint32_t count)
{
    if (x->req->capacity == SLV_DYN_CAPACITY_NONE)
        return SLV_OK;
    SLV_TRY(slv_dyn_put_name(x->out, "ConsumedCapacity"));
    SLV_TRY(slv_buf_append_byte(x->out, '['));
    for (uint32_t i = 0; i < count; i++) {
        SLV_TRY(slv_dyn_put_comma(x->out));
        SLV_TRY(
            slv_dyn_put_consumed(x->out, &used[i], x->req->capacity == SLV_DYN_CAPACITY_INDEXES));
    }
    return slv_buf_append_byte(x->out, ']');
}

/* ---- reads ---- */

typedef struct batch_read {
    slv_dyn_run *x;
    const slv_dyn_table **tables;
    slv_dyn_consumed *used;
    uint32_t *done; /* keys of each table that were looked at */
    size_t bytes;
    bool full;
} batch_read;

/* Everything is checked before anything is read. */
static slv_code check_reads(batch_read *b)
{
    slv_dyn_run *x = b->x;
    slv_dyn_place at;

    for (uint32_t i = 0; i < x->req->batch_count; i++) {
        const slv_dyn_batch_table *part = &x->req->batch[i];

        SLV_TRY(slv_dyn_run_table(x, part->table, &b->tables[i]));
        b->used[i].t = b->tables[i];
        for (uint32_t k = 0; k < part->count; k++)
            SLV_TRY(slv_dyn_run_place(x, b->tables[i], &part->items[k].key, &at));
    }
    return SLV_OK;
}

static slv_code read_part(batch_read *b, uint32_t i)
{
    slv_dyn_run *x = b->x;
    const slv_dyn_batch_table *part = &x->req->batch[i];
    bool found;
    size_t size;

    SLV_TRY(slv_dyn_put_comma(x->out));
    SLV_TRY(slv_json_put_string(x->out, part->table));
    SLV_TRY(slv_buf_append(x->out, SLV_STR(":[")));
    for (uint32_t k = 0; k < part->count && !b->full; k++) {
        const slv_dyn_item_request *item = &part->items[k];
        size_t before = x->out->len;

        SLV_TRY(slv_dyn_get_put(x, b->tables[i], item, NULL, &found, &size));
        if (b->bytes + size > BATCH_BYTES) { /* it does not fit any more, nor does what follows */
            x->out->len = before;
            b->full = true;
            break;
        }
        b->bytes += size;
        b->used[i].table += slv_dyn_units_of(size, 4096) * (item->consistent ? 2 : 1);
        b->done[i] = k + 1;
    }
    return slv_buf_append_byte(x->out, ']');
}

/* The members of the request's part, with the keys that are left. */
static slv_code put_unprocessed(batch_read *b, uint32_t i)
{
    slv_dyn_run *x = b->x;
    const slv_dyn_batch_table *part = &x->req->batch[i];

    if (b->done[i] == part->count)
        return SLV_OK;
    SLV_TRY(slv_dyn_put_comma(x->out));
    SLV_TRY(slv_json_put_string(x->out, part->table));
    SLV_TRY(slv_buf_append(x->out, SLV_STR(":{\"Keys\":[")));
    for (uint32_t k = b->done[i]; k < part->count; k++) {
        SLV_TRY(slv_dyn_put_comma(x->out));
        SLV_TRY(slv_dyn_run_put_item(x, &part->items[k].key));
    }
    SLV_TRY(slv_buf_append_byte(x->out, ']'));
    for (const slv_node *m = part->json->first; m; m = m->next) {
        if (slv_str_is(m->key, "Keys") || m->type == SLV_NODE_NULL)
            continue;
        SLV_TRY(slv_buf_append_byte(x->out, ','));
        SLV_TRY(slv_json_put_string(x->out, m->key));
        SLV_TRY(slv_buf_append_byte(x->out, ':'));
        SLV_TRY(slv_json_put(x->out, m));
    }
    return slv_buf_append_byte(x->out, '}');
}

slv_code slv_dyn_run_batch_get(slv_dyn_run *x)
{
    batch_read b = {.x = x};
    uint32_t count = x->req->batch_count;

    SLV_DYN_NEW_N(x->sc, &b.tables, count + 1);
    SLV_DYN_NEW_N(x->sc, &b.used, count + 1);
    SLV_DYN_NEW_N(x->sc, &b.done, count + 1);
    SLV_TRY(check_reads(&b));
    SLV_TRY(slv_buf_append(x->out, SLV_STR("{\"Responses\":{")));
    for (uint32_t i = 0; i < count; i++)
        SLV_TRY(read_part(&b, i));
    SLV_TRY(slv_buf_append(x->out, SLV_STR("},\"UnprocessedKeys\":{")));
    for (uint32_t i = 0; i < count; i++)
        SLV_TRY(put_unprocessed(&b, i));
    SLV_TRY(slv_buf_append_byte(x->out, '}'));
    SLV_TRY(put_capacities(x, b.used, count));
    return slv_buf_append_byte(x->out, '}');
}

/* ---- writes ---- */

/* In a batch an item without its key is told like a key that is none. */
static slv_code check_key_of(slv_dyn_run *x, const slv_dyn_item_request *item)
{
    const slv_dyn_table *t;

    if (item->kind != SLV_DYN_ITEM_PUT)
        return SLV_OK;
    SLV_TRY(slv_dyn_run_table(x, item->table, &t));
    const slv_dyn_key_attr *const pair[] = {&t->keys.hash, &t->keys.range};
    for (size_t i = 0; i < (t->keys.has_range ? 2u : 1u); i++) {
        const slv_dyn_value *v = slv_dyn_value_get(&item->item, pair[i]->name);

        if (!v || v->type != pair[i]->type)
            return slv_dyn_invalid(x->sc, "The provided key element does not match the schema");
    }
    return SLV_OK;
}

static slv_code plan_part(slv_dyn_run *x, const slv_dyn_batch_table *part, slv_dyn_change *changes)
{
    for (uint32_t k = 0; k < part->count; k++) {
        SLV_TRY(check_key_of(x, &part->items[k]));
        SLV_TRY(slv_dyn_change_plan(x, &part->items[k], &changes[k]));
        for (uint32_t j = 0; j < k; j++)
            if (slv_dyn_place_eq(&changes[j].at, &changes[k].at))
                return slv_dyn_invalid(x->sc, DUPLICATES);
    }
    return SLV_OK;
}

static slv_code put_metrics(slv_dyn_run *x, slv_dyn_change *const *changes)
{
    SLV_TRY(slv_dyn_put_name(x->out, "ItemCollectionMetrics"));
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    for (uint32_t i = 0; i < x->req->batch_count; i++) {
        const slv_dyn_batch_table *part = &x->req->batch[i];

        if (!slv_dyn_has_collections(changes[i][0].t))
            continue;
        SLV_TRY(slv_dyn_put_comma(x->out));
        SLV_TRY(slv_json_put_string(x->out, part->table));
        SLV_TRY(slv_buf_append(x->out, SLV_STR(":[")));
        for (uint32_t k = 0; k < part->count; k++) {
            const slv_dyn_change *c = &changes[i][k];

            SLV_TRY(slv_dyn_put_comma(x->out));
            SLV_TRY(slv_dyn_put_collection(x, c->t, &c->at, c->after ? c->after : &c->item->key,
                                           x->out));
        }
        SLV_TRY(slv_buf_append_byte(x->out, ']'));
    }
    return slv_buf_append_byte(x->out, '}');
}

slv_code slv_dyn_run_batch_write(slv_dyn_run *x)
{
    uint32_t count = x->req->batch_count;
    slv_dyn_change **changes;
    slv_dyn_consumed *used;

    SLV_DYN_NEW_N(x->sc, &changes, count + 1);
    SLV_DYN_NEW_N(x->sc, &used, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        SLV_DYN_NEW_N(x->sc, &changes[i], x->req->batch[i].count + 1);
        SLV_TRY(plan_part(x, &x->req->batch[i], changes[i]));
    }
    for (uint32_t i = 0; i < count; i++) {
        used[i].t = changes[i][0].t;
        for (uint32_t k = 0; k < x->req->batch[i].count; k++) {
            SLV_TRY(slv_dyn_change_make(x, &changes[i][k]));
            slv_dyn_consumed_add(&used[i], &changes[i][k].units, 2);
        }
    }
    SLV_TRY(slv_buf_append(x->out, SLV_STR("{\"UnprocessedItems\":{}")));
    if (x->req->collection_metrics)
        SLV_TRY(put_metrics(x, changes));
    SLV_TRY(put_capacities(x, used, count));
    return slv_buf_append_byte(x->out, '}');
}
