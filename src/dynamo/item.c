/* Where items stand, and all that follows from writing one: index entries, figures, its end. */
#include "dynamo/store_int.h"
#include "fmt/sum.h"

/* The order in which hash keys are scanned is that of the service itself: by MD5 of a word and the
 * key's bytes. */
#define HASH_WORD "Outliers"

void slv_dyn_hash(slv_str hash_key, slv_str range_key, uint8_t *out, size_t len)
{
    char text[sizeof HASH_WORD + SLV_DYN_HASH_KEY_MAX + SLV_DYN_RANGE_KEY_MAX];
    uint8_t sum[SLV_SUM_MAX];
    size_t n = sizeof HASH_WORD - 1;

    SLV_ASSERT(hash_key.len <= SLV_DYN_HASH_KEY_MAX && range_key.len <= SLV_DYN_RANGE_KEY_MAX);
    memcpy(text, HASH_WORD, n);
    if (hash_key.len > 0)
        memcpy(text + n, hash_key.ptr, hash_key.len);
    n += hash_key.len;
    if (range_key.len > 0)
        memcpy(text + n, range_key.ptr, range_key.len);
    slv_sum_of(SLV_SUM_MD5, slv_str_make(text, n + range_key.len), sum);
    memcpy(out, sum, len);
}

static slv_code place(slv_arena *arena, slv_str hash, slv_str range, slv_dyn_place *ret)
{
    uint8_t *h = slv_arena_try_alloc(arena, SLV_DYN_HASH_BYTES + hash.len);

    if (!h)
        return SLV_E_LIMIT;
    slv_dyn_hash(hash, SLV_STR_NULL, h, SLV_DYN_HASH_BYTES);
    if (hash.len > 0)
        memcpy(h + SLV_DYN_HASH_BYTES, hash.ptr, hash.len);
    *ret = (slv_dyn_place){slv_str_make(h, SLV_DYN_HASH_BYTES + hash.len), range};
    return SLV_OK;
}

slv_code slv_dyn_place_of(slv_arena *arena, const slv_dyn_keys *keys, const slv_dyn_value *item,
                          slv_dyn_place *ret)
{
    const slv_dyn_value *hash = slv_dyn_value_get(item, keys->hash.name);
    const slv_dyn_value *range = keys->has_range ? slv_dyn_value_get(item, keys->range.name) : NULL;

    SLV_ASSERT(hash && (range || !keys->has_range));
    return place(arena, hash->bytes, range ? range->bytes : SLV_STR(""), ret);
}

/* A value that an index can be ordered by. */
static const slv_dyn_value *key_value(const slv_dyn_key_attr *attr, const slv_dyn_value *item)
{
    const slv_dyn_value *v = slv_dyn_value_get(item, attr->name);

    return v && v->type == attr->type && v->bytes.len > 0 ? v : NULL;
}

slv_code slv_dyn_entry_place_of(slv_arena *arena, const slv_dyn_table *t, const slv_dyn_index *x,
                                const slv_dyn_value *item, slv_dyn_entry_place *ret, bool *ret_in)
{
    const slv_dyn_value *hash = key_value(&x->keys.hash, item);
    const slv_dyn_value *range = x->keys.has_range ? key_value(&x->keys.range, item) : NULL;
    uint8_t *tie;

    *ret_in = hash && (range || !x->keys.has_range);
    if (!*ret_in)
        return SLV_OK;
    SLV_TRY(place(arena, hash->bytes, range ? range->bytes : SLV_STR(""), &ret->at));
    SLV_TRY(slv_dyn_place_of(arena, &t->keys, item, &ret->item));
    tie = slv_arena_try_alloc(arena, SLV_DYN_TIE_BYTES);
    if (!tie)
        return SLV_E_LIMIT;
    slv_dyn_hash(slv_str_skip(ret->item.h, SLV_DYN_HASH_BYTES), ret->item.r, tie,
                 SLV_DYN_TIE_BYTES);
    ret->tie = slv_str_make(tie, SLV_DYN_TIE_BYTES);
    return SLV_OK;
}

size_t slv_dyn_key_names(const slv_dyn_table *t, const slv_dyn_index *x, slv_str out[4])
{
    const slv_dyn_keys *const all[] = {&t->keys, x ? &x->keys : &t->keys};
    size_t n = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(all); i++) {
        const slv_dyn_key_attr *const pair[] = {&all[i]->hash, &all[i]->range};

        for (size_t k = 0; k < (all[i]->has_range ? 2u : 1u); k++) {
            bool known = false;

            for (size_t j = 0; j < n; j++)
                known = known || slv_str_eq(out[j], pair[k]->name);
            if (!known)
                out[n++] = pair[k]->name;
        }
    }
    return n;
}

bool slv_dyn_index_carries(const slv_dyn_index *x, const slv_str *names, size_t count, slv_str name)
{
    if (x->projection == SLV_DYN_PROJECT_ALL)
        return true;
    for (size_t i = 0; i < count; i++)
        if (slv_str_eq(names[i], name))
            return true;
    for (size_t i = 0; i < x->extra_count; i++)
        if (slv_str_eq(x->extra[i], name))
            return true;
    return false;
}

slv_code slv_dyn_index_project(slv_arena *arena, const slv_dyn_table *t, const slv_dyn_index *x,
                               const slv_dyn_value *item, slv_dyn_value *ret)
{
    slv_dyn_member *members;
    slv_str names[4];

    *ret = *item;
    if (x->projection == SLV_DYN_PROJECT_ALL)
        return SLV_OK;
    size_t count = slv_dyn_key_names(t, x, names);
    members = slv_arena_try_alloc(arena, (item->count + 1) * sizeof *members);
    if (!members)
        return SLV_E_LIMIT;
    ret->count = 0;
    for (uint32_t i = 0; i < item->count; i++)
        if (slv_dyn_index_carries(x, names, count, item->members[i].name))
            members[ret->count++] = item->members[i];
    ret->members = members;
    return SLV_OK;
}

bool slv_dyn_item_expiry(const slv_dyn_table *t, const slv_dyn_value *item, int64_t *ret_s)
{
    const slv_dyn_value *v = t->ttl.len > 0 ? slv_dyn_value_get(item, t->ttl) : NULL;

    return v && v->type == SLV_DYN_N && slv_dyn_num_to_i64(v->bytes, ret_s) && *ret_s > 0;
}

/* ---- reading ---- */

slv_code slv_dyn_item_read(slv_dynamo *d, slv_dyn_scope *sc, const slv_dyn_table *t,
                           const slv_dyn_place *at, slv_dyn_value **ret, slv_err *err)
{
    sqlite3_stmt *st;
    slv_str bytes;

    *ret = NULL;
    slv_code code = slv_dyn_row_get(d, t->space, at, &st, &bytes, NULL, err);
    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    SLV_TRY(code);
    code = slv_arena_dup(sc->arena, bytes, &bytes);
    slv_stmt_done(st);
    SLV_TRY(code);
    slv_dyn_value *item = slv_arena_try_alloc0(sc->arena, sizeof *item);
    if (!item)
        return SLV_E_LIMIT;
    code = slv_dyn_item_decode(sc, bytes, item);
    if (code == SLV_E_PARSE)
        return slv_fail(err, SLV_E_IO, "dynamo: an item is damaged");
    SLV_TRY(code);
    *ret = item;
    return SLV_OK;
}

/* ---- writing ---- */

typedef struct writing {
    slv_dynamo *d;
    slv_arena *arena;
    const slv_dyn_table *t;
    slv_err *err;
} writing;

/* One side of a change of an entry. */
typedef struct side {
    bool in;
    slv_dyn_entry_place at;
    slv_dyn_value kept;
    size_t size;
} side;

static slv_code look(const writing *w, const slv_dyn_index *x, const slv_dyn_value *item, side *ret)
{
    *ret = (side){0};
    if (!item)
        return SLV_OK;
    SLV_TRY(slv_dyn_entry_place_of(w->arena, w->t, x, item, &ret->at, &ret->in));
    if (!ret->in)
        return SLV_OK;
    SLV_TRY(slv_dyn_index_project(w->arena, w->t, x, item, &ret->kept));
    ret->size = slv_dyn_item_size(&ret->kept);
    return SLV_OK;
}

static slv_code encode(slv_arena *arena, const slv_dyn_value *item, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_DYN_ITEM_MAX * 4);

    SLV_TRY(slv_dyn_item_encode(item, &bytes));
    return slv_arena_dup(arena, slv_buf_view(&bytes), ret);
}

static slv_code put_entry(const writing *w, const slv_dyn_index *x, const side *s)
{
    slv_str bytes;

    SLV_TRY(encode(w->arena, &s->kept, &bytes));
    return slv_dyn_entry_put(w->d, x->space, &s->at, s->size, bytes, w->err);
}

/* Of an index that is being filled nobody knows without looking whether an entry is there. */
static slv_code remove_entry(const writing *w, const slv_dyn_index *x, const side *s, bool *ret_was)
{
    SLV_TRY(slv_dyn_entry_delete(w->d, x->space, &s->at, w->err));
    *ret_was = sqlite3_changes(slv_db_handle(w->d->db)) > 0;
    return SLV_OK;
}

/* An index that is being filled: what was there before goes, in any case. */
static slv_code write_entry_building(const writing *w, const slv_dyn_index *x, const side *old,
                                     const side *new)
{
    int64_t items = 0, bytes = 0;
    bool was = false;

    if (old->in)
        SLV_TRY(remove_entry(w, x, old, &was));
    if (was) {
        items--;
        bytes -= (int64_t)old->size;
    }
    if (new->in) {
        SLV_TRY(put_entry(w, x, new));
        items++;
        bytes += (int64_t) new->size;
    }
    return slv_dyn_tally_add(w->d, x->space, items, bytes, w->err);
}

static slv_code write_entry(const writing *w, const slv_dyn_index *x, const slv_dyn_value *before,
                            const slv_dyn_value *after, int64_t *units)
{
    side old, new;
    bool was;

    SLV_TRY(look(w, x, before, &old));
    SLV_TRY(look(w, x, after, &new));
    if (!old.in && !new.in)
        return SLV_OK;
    bool stays = old.in && new.in &&slv_dyn_place_eq(&old.at.at, &new.at.at);
    if (stays && slv_dyn_value_eq(&old.kept, &new.kept))
        return SLV_OK;
    if (stays) {
        *units += slv_dyn_units_of(SLV_MAX(old.size, new.size), 1024);
    } else {
        *units += (old.in ? slv_dyn_units_of(old.size, 1024) : 0) +
                  (new.in ? slv_dyn_units_of(new.size, 1024) : 0);
    }
    if (x->building)
        return write_entry_building(w, x, &old, &new);
    if (old.in && !stays)
        SLV_TRY(remove_entry(w, x, &old, &was));
    if (new.in)
        SLV_TRY(put_entry(w, x, &new));
    return slv_dyn_tally_add(w->d, x->space, (new.in ? 1 : 0) - (old.in ? 1 : 0),
                             (int64_t) new.size - (int64_t)old.size, w->err);
}

static slv_code write_expiry(const writing *w, const slv_dyn_place *at, const slv_dyn_value *before,
                             const slv_dyn_value *after)
{
    int64_t old = 0, new = 0;
    bool had = before && slv_dyn_item_expiry(w->t, before, &old);
    bool has = after && slv_dyn_item_expiry(w->t, after, &new);

    if (had && has && old == new)
        return SLV_OK;
    if (had)
        SLV_TRY(slv_dyn_expiry_delete(w->d, w->t->space, old, at, w->err));
    return has ? slv_dyn_expiry_put(w->d, w->t->space, new, at, w->err) : SLV_OK;
}

slv_code slv_dyn_item_write(slv_dynamo *d, slv_arena *arena, const slv_dyn_table *t,
                            const slv_dyn_place *at, const slv_dyn_value *before,
                            const slv_dyn_value *after, slv_dyn_written *units, slv_err *err)
{
    const writing w = {d, arena, t, err};
    size_t old_size = before ? slv_dyn_item_size(before) : 0;
    size_t new_size = after ? slv_dyn_item_size(after) : 0;
    slv_str bytes;

    units->table += slv_dyn_units_of(SLV_MAX(old_size, new_size), 1024);
    if (!before && !after)
        return SLV_OK;
    if (after) {
        SLV_TRY(encode(arena, after, &bytes));
        SLV_TRY(slv_dyn_row_put(d, t->space, at, new_size, bytes, err));
    } else {
        SLV_TRY(slv_dyn_row_delete(d, t->space, at, err));
    }
    SLV_TRY(slv_dyn_tally_add(d, t->space, (after ? 1 : 0) - (before ? 1 : 0),
                              (int64_t)new_size - (int64_t)old_size, err));
    for (size_t i = 0; i < t->index_count; i++)
        SLV_TRY(write_entry(&w, &t->indexes[i], before, after, &units->index[i]));
    return t->ttl.len > 0 ? write_expiry(&w, at, before, after) : SLV_OK;
}

slv_code slv_dyn_entry_fill(slv_dynamo *d, slv_arena *arena, const slv_dyn_table *t,
                            const slv_dyn_index *x, const slv_dyn_value *item, slv_err *err)
{
    const writing w = {d, arena, t, err};
    side new;
    bool was;

    SLV_TRY(look(&w, x, item, &new));
    if (!new.in)
        return SLV_OK;
    SLV_TRY(remove_entry(&w, x, &new, &was));
    SLV_TRY(put_entry(&w, x, &new));
    return was ? SLV_OK : slv_dyn_tally_add(d, x->space, 1, (int64_t) new.size, err);
}
