/* Query and Scan: a range of rows, a page of them, what is left of it. */
#include "dynamo/store_int.h"
#include "fmt/json.h"

#define PAGE_MAX ((size_t)1 << 20)
#define ROW_MAX ((size_t)64 << 20) /* memory for one item's tree */
/* Scans are cut into segments by the first bits of the hash. */
#define COARSE_BITS 12
#define FINE_BITS 24

typedef struct page {
    slv_dyn_run *x;
    const slv_dyn_table *t;
    const slv_dyn_index *index; /* NULL: the table */
    bool fetch;                 /* the table has what is asked for; of local indexes */
    slv_dyn_range range;
    slv_arena row; /* of the row that is looked at */
    slv_dyn_scope scope;
    uint64_t scanned, count;
    size_t size;        /* as it counts for the page */
    size_t bytes;       /* as they count for capacity */
    int64_t fetched;    /* units */
    slv_dyn_value last; /* the key of the last row */
    bool full;
} page;

/* ---- the size of a page ---- */

/* What an item takes of a page. The service counts its own storage form, which is known from
 * observation only: names are one byte, values have short lengths before them, and there is an
 * overhead for each 3 KB that repeats the range key. */
static size_t packed_size(const slv_dyn_value *v)
{
    size_t n = slv_dyn_value_size(v);

    switch ((slv_dyn_type)v->type) {
    case SLV_DYN_S:
        return n + (n < 128 ? 1u : n < 16384 ? 2u : 3u);
    case SLV_DYN_B:
    case SLV_DYN_N:
        return n + 1;
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
        return n + v->count + 1;
    case SLV_DYN_NULL:
        return 0;
    case SLV_DYN_BOOL:
        return 1;
    case SLV_DYN_L:
        n = 3;
        for (uint32_t i = 0; i < v->count; i++)
            n += 1 + packed_size(&v->list[i]);
        return n;
    case SLV_DYN_M:
        n = 3 + v->count;
        for (uint32_t i = 0; i < v->count; i++)
            n += 1 + packed_size(&v->members[i].value);
        return n;
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

static size_t page_size(const page *p, const slv_dyn_value *item)
{
    size_t size = 0, range = 0;

    for (uint32_t i = 0; i < item->count; i++) {
        const slv_dyn_member *m = &item->members[i];

        if (p->t->keys.has_range && slv_str_eq(m->name, p->t->keys.range.name))
            range = slv_dyn_value_size(&m->value);
        else
            size += packed_size(&m->value) + 1;
    }
    return 2 + size + (1 + (1 + size) / 3072) * (18 + range);
}

/* ---- the index ---- */

/* A projection of attributes that the index does not have. */
static slv_code check_projected(page *p)
{
    slv_dyn_run *x = p->x;
    slv_str names[4];
    size_t count = slv_dyn_key_names(p->t, p->index, names);

    for (uint32_t i = 0; i < x->req->projection.count; i++) {
        slv_str name = x->req->projection.items[i].steps[0].name;

        if (slv_dyn_index_carries(p->index, names, count, name))
            continue;
        p->fetch = true;
        if (p->index->global)
            return slv_dyn_invalid(x->sc,
                                   "One or more parameter values were invalid: Global secondary "
                                   "index %.*s does not project %.*s",
                                   SLV_STR_ARGS(p->index->name), SLV_STR_ARGS(name));
    }
    return SLV_OK;
}

static slv_code find_index(page *p)
{
    slv_dyn_run *x = p->x;
    slv_str name = x->req->index;

    SLV_TRY(slv_dyn_run_table(x, x->req->table, &p->t));
    if (!name.ptr)
        return SLV_OK;
    p->index = slv_dyn_table_index(p->t, name);
    if (!p->index)
        return slv_dyn_invalid(x->sc, "The table does not have the specified index: %.*s",
                               SLV_STR_ARGS(name));
    if (p->index->global && x->req->consistent)
        return slv_dyn_invalid(x->sc,
                               "Consistent reads are not supported on global secondary indexes");
    if (p->index->building)
        return slv_dyn_invalid(x->sc, "Cannot read from backfilling global secondary index: %.*s",
                               SLV_STR_ARGS(name));
    return SLV_OK;
}

static slv_code check_select(page *p)
{
    slv_dyn_run *x = p->x;

    if (!p->index || p->index->projection == SLV_DYN_PROJECT_ALL)
        return SLV_OK;
    if (x->req->select == SLV_DYN_SELECT_ALL_ATTRIBUTES) {
        if (p->index->global)
            return slv_dyn_invalid(x->sc,
                                   "One or more parameter values were invalid: Select type "
                                   "ALL_ATTRIBUTES is not supported for global secondary index "
                                   "%.*s because its projection type is not ALL",
                                   SLV_STR_ARGS(p->index->name));
        p->fetch = true;
    }
    return check_projected(p);
}

static const slv_dyn_keys *keys_of(const page *p)
{
    return p->index ? &p->index->keys : &p->t->keys;
}

/* ---- where to begin ---- */

static slv_code bad_start(const page *p, const char *more)
{
    return slv_dyn_invalid(p->x->sc, "The provided starting key is invalid%s", more);
}

static bool has_condition(const page *p, slv_str name)
{
    const slv_dyn_key_conds *conds = &p->x->req->key_conds;

    for (uint32_t i = 0; i < conds->count; i++)
        if (slv_str_eq(conds->items[i].name, name))
            return true;
    return false;
}

/* How many attributes there are, and those of the keys that are looked through. The messages, and
 * what is told first, differ by operation. */
static slv_code check_start(const page *p, bool scan)
{
    const slv_dyn_keys *keys = keys_of(p);
    const slv_dyn_key_attr *const pair[] = {&keys->hash, &keys->range};
    const slv_dyn_value *start = &p->x->req->start_key;
    slv_str names[4];

    if (start->count != slv_dyn_key_names(p->t, p->index, names))
        return bad_start(
            p, scan && !p->index ? ": The provided key element does not match the schema" : "");
    if (scan && !p->index)
        return SLV_OK;
    for (size_t i = 0; i < (keys->has_range ? 2u : 1u); i++) {
        const slv_dyn_value *v = slv_dyn_value_get(start, pair[i]->name);

        if (!v)
            return bad_start(p, "");
        if (v->type != pair[i]->type || v->bytes.len == 0)
            return slv_dyn_invalid(p->x->sc, "The provided key element does not match the schema");
        if (!scan && i == 0 && !has_condition(p, pair[i]->name))
            return slv_dyn_invalid(p->x->sc, "Query condition missed key schema element: %.*s",
                                   SLV_STR_ARGS(pair[i]->name));
    }
    return SLV_OK;
}

/* The attributes of the table's own key. */
static slv_code check_start_item(const page *p)
{
    const slv_dyn_keys *keys = &p->t->keys;
    const slv_dyn_key_attr *const pair[] = {&keys->hash, &keys->range};

    for (size_t i = 0; i < (keys->has_range ? 2u : 1u); i++) {
        const slv_dyn_value *v = slv_dyn_value_get(&p->x->req->start_key, pair[i]->name);

        if (!v || v->type != pair[i]->type || v->bytes.len == 0)
            return bad_start(p, ": The provided key element does not match the schema");
    }
    return SLV_OK;
}

static slv_code start_place(page *p)
{
    slv_arena *arena = p->x->sc->arena;
    const slv_dyn_value *start = &p->x->req->start_key;
    bool in = true;

    p->range.after = true;
    if (p->index)
        return slv_dyn_entry_place_of(arena, p->t, p->index, start, &p->range.start, &in);
    return slv_dyn_place_of(arena, &p->t->keys, start, &p->range.start.at);
}

/* ---- Query's range ---- */

static slv_code prefix_range(page *p, slv_str prefix)
{
    SLV_CLEANUP(slv_buf_done) slv_buf end = SLV_BUF(SLV_DYN_RANGE_KEY_MAX + 1);
    bool bounded;

    p->range.low.r = prefix;
    SLV_TRY(slv_dyn_key_prefix_end(prefix, &end, &bounded));
    return bounded ? slv_arena_dup(p->x->sc->arena, slv_buf_view(&end), &p->range.high.r) : SLV_OK;
}

static slv_code range_of(page *p, const slv_dyn_key_cond *cond)
{
    slv_arena *arena = p->x->sc->arena;
    slv_dyn_range *r = &p->range;

    r->low.r = SLV_STR("");
    r->high.r = slv_dyn_range_end();
    if (!cond)
        return SLV_OK;
    slv_str a = cond->a->bytes;
    switch ((int)cond->op) {
    case SLV_DYN_OP_EQ:
        r->low.r = a;
        return slv_dyn_behind(arena, a, &r->high.r);
    case SLV_DYN_OP_LT:
        r->high.r = a;
        return SLV_OK;
    case SLV_DYN_OP_LE:
        return slv_dyn_behind(arena, a, &r->high.r);
    case SLV_DYN_OP_GT:
        return slv_dyn_behind(arena, a, &r->low.r);
    case SLV_DYN_OP_GE:
        r->low.r = a;
        return SLV_OK;
    case SLV_DYN_OP_BETWEEN:
        r->low.r = a;
        return slv_dyn_behind(arena, cond->b->bytes, &r->high.r);
    case SLV_DYN_OP_BEGINS_WITH:
        return prefix_range(p, a);
    default:
        SLV_UNREACHABLE();
    }
}

static bool in_range(const slv_dyn_range *r, slv_str key)
{
    return slv_str_cmp(key, r->low.r) >= 0 && slv_str_cmp(key, r->high.r) < 0;
}

/* The key to start behind lies where the conditions look. */
static slv_code check_bounds(const page *p, const slv_dyn_value *hash, const slv_dyn_key_cond *cond)
{
    const slv_dyn_keys *keys = keys_of(p);
    const slv_dyn_value *start = &p->x->req->start_key;
    bool same = slv_dyn_value_eq(slv_dyn_value_get(start, keys->hash.name), hash);

    if (!cond) {
        if (!same)
            return slv_dyn_invalid(p->x->sc, "The provided starting key is outside query "
                                             "boundaries based on provided conditions");
        return SLV_OK;
    }
    if (!in_range(&p->range, slv_dyn_value_get(start, keys->range.name)->bytes))
        return slv_dyn_invalid(p->x->sc,
                               "The provided starting key does not match the range key predicate");
    if (!same)
        return slv_dyn_invalid(p->x->sc,
                               "The query can return at most one row and cannot be restarted");
    return SLV_OK;
}

/* A filter of a Query leaves the keys alone. */
static slv_code visit_filter(void *arg, const slv_dyn_path *path)
{
    const page *p = arg;
    const slv_dyn_keys *keys = keys_of(p);
    slv_str name = path->steps[0].name;
    bool legacy = slv_node_get(p->x->req->json, "QueryFilter") != NULL;

    if (slv_str_eq(name, keys->hash.name) ||
        (keys->has_range && slv_str_eq(name, keys->range.name)))
        return slv_dyn_invalid(p->x->sc,
                               "%s can only contain non-primary key attributes: Primary key "
                               "attribute: %.*s",
                               legacy ? "QueryFilter" : "Filter Expression", SLV_STR_ARGS(name));
    return SLV_OK;
}

static slv_code query_range(page *p)
{
    slv_dyn_run *x = p->x;
    const slv_dyn_keys *keys = keys_of(p);
    const slv_dyn_key_cond *cond = NULL;
    const slv_dyn_value *hash = NULL;
    uint8_t *h;

    if (x->req->has_start_key)
        SLV_TRY(check_start(p, false));
    SLV_TRY(slv_dyn_key_conds_bind(x->sc, &x->req->key_conds, &keys->hash,
                                   keys->has_range ? &keys->range : NULL, &hash, &cond));
    SLV_TRY(range_of(p, cond));
    if (x->req->has_start_key) {
        SLV_TRY(check_start_item(p));
        SLV_TRY(check_bounds(p, hash, cond));
    }
    h = slv_arena_try_alloc(x->sc->arena, SLV_DYN_HASH_BYTES + hash->bytes.len);
    if (!h)
        return SLV_E_LIMIT;
    slv_dyn_hash(hash->bytes, SLV_STR_NULL, h, SLV_DYN_HASH_BYTES);
    memcpy(h + SLV_DYN_HASH_BYTES, hash->bytes.ptr, hash->bytes.len);
    p->range.low.h = slv_str_make(h, SLV_DYN_HASH_BYTES + hash->bytes.len);
    p->range.backward = x->req->backward;
    return x->req->has_start_key ? start_place(p) : SLV_OK;
}

/* ---- Scan's range ---- */

/* The first hash of a segment. */
static slv_code segment_start(slv_arena *arena, uint64_t segment, uint64_t total, slv_str *ret)
{
    unsigned bits = total <= (1u << COARSE_BITS) ? COARSE_BITS : FINE_BITS;
    uint64_t first = ((segment << bits) + total - 1) / total;
    uint8_t *bytes = slv_arena_try_alloc(arena, 4);

    if (!bytes)
        return SLV_E_LIMIT;
    first <<= 32 - bits;
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(first >> (24 - 8 * i));
    *ret = slv_str_make(bytes, 4);
    return SLV_OK;
}

static slv_code scan_range(page *p)
{
    slv_dyn_run *x = p->x;
    const slv_dyn_request *req = x->req;
    uint64_t segment = req->segment, total = req->total_segments;

    p->range.scan = true;
    p->range.low = (slv_dyn_place){SLV_STR(""), SLV_STR("")};
    p->range.high.h = slv_dyn_range_end();
    if (req->has_start_key) {
        SLV_TRY(check_start(p, true));
        SLV_TRY(check_select(p));
        SLV_TRY(check_start_item(p));
    }
    if (req->parallel && total > 1) {
        if (segment > 0)
            SLV_TRY(segment_start(x->sc->arena, segment, total, &p->range.low.h));
        if (segment + 1 < total)
            SLV_TRY(segment_start(x->sc->arena, segment + 1, total, &p->range.high.h));
    }
    if (!req->has_start_key)
        return SLV_OK;
    SLV_TRY(start_place(p));
    if (slv_str_cmp(p->range.start.at.h, p->range.low.h) < 0 ||
        slv_str_cmp(p->range.start.at.h, p->range.high.h) >= 0)
        return slv_dyn_invalid(x->sc,
                               "The provided starting key is invalid: Invalid ExclusiveStartKey. "
                               "Please use ExclusiveStartKey with correct Segment. TotalSegments: "
                               "%llu Segment: %llu",
                               (unsigned long long)total, (unsigned long long)segment);
    return SLV_OK;
}

/* ---- the page ---- */

static slv_code keep_key(page *p, const slv_dyn_value *item)
{
    slv_str names[4];
    size_t count = slv_dyn_key_names(p->t, p->index, names);
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)64 << 10);
    slv_dyn_member members[4];
    slv_dyn_value key = {.type = SLV_DYN_M, .members = members};
    slv_str kept;

    for (size_t i = 0; i < count; i++)
        members[key.count++] = (slv_dyn_member){names[i], *slv_dyn_value_get(item, names[i])};
    key.count = slv_dyn_members_sort(members, key.count);
    SLV_TRY(slv_dyn_item_encode(&key, &bytes)); /* what it borrows goes with the row */
    SLV_TRY(slv_arena_dup(p->x->sc->arena, slv_buf_view(&bytes), &kept));
    return slv_dyn_item_decode(p->x->sc, kept, &p->last);
}

static slv_code show(page *p, const slv_dyn_value *item)
{
    slv_dyn_run *x = p->x;
    slv_dyn_value part;

    if (!slv_dyn_expr_test(x->req->filter, item))
        return SLV_OK;
    p->count++;
    if (x->req->select == SLV_DYN_SELECT_COUNT)
        return SLV_OK;
    SLV_TRY(slv_dyn_put_comma(x->out));
    if (!x->req->has_projection)
        return slv_dyn_run_put_item(x, item);
    SLV_TRY(slv_dyn_project(&p->scope, &x->req->projection, item, &part));
    return slv_dyn_run_put_item(x, &part);
}

/* The whole item behind an entry of a local index. */
static slv_code fetch(page *p, const slv_dyn_place *at, slv_dyn_value *item)
{
    slv_dyn_value *whole;

    SLV_TRY(slv_dyn_item_read(p->x->d, &p->scope, p->t, at, &whole, p->x->err));
    if (!whole)
        return slv_fail(p->x->err, SLV_E_IO, "dynamo: an index entry without its item");
    p->fetched += slv_dyn_units_of(slv_dyn_item_size(whole), 4096);
    *item = *whole;
    return SLV_OK;
}

static slv_code take_row(page *p, const slv_dyn_row *row)
{
    slv_dyn_value item;
    uint64_t limit = p->x->req->limit;

    SLV_TRY(slv_dyn_run_reads(p->x, row->bytes.len));
    slv_arena_reset(&p->row);
    p->scope = SLV_DYN_SCOPE(&p->row);
    slv_code code = slv_dyn_item_decode(&p->scope, row->bytes, &item);
    if (code == SLV_E_PARSE)
        return slv_fail(p->x->err, SLV_E_IO, "dynamo: an item is damaged");
    SLV_TRY(code);
    p->scanned++;
    p->size += page_size(p, &item);
    p->bytes += slv_dyn_item_size(&item);
    p->full = (limit > 0 && p->scanned >= limit) || p->size >= PAGE_MAX;
    if (p->full)
        SLV_TRY(keep_key(p, &item));
    if (p->fetch)
        SLV_TRY(fetch(p, &row->item, &item));
    return show(p, &item);
}

static slv_code read_rows(page *p)
{
    slv_dyn_run *x = p->x;
    slv_dyn_row row;
    sqlite3_stmt *st;

    p->range.space = p->index ? p->index->space : p->t->space;
    p->range.entries = p->index != NULL;
    SLV_TRY(slv_dyn_range_open(x->d, &p->range, x->sc->arena, &st, x->err));
    slv_code code = SLV_OK;
    while (code == SLV_OK && !p->full) {
        code = slv_dyn_range_step(x->d, &p->range, st, &row, x->err);
        if (code == SLV_OK)
            code = take_row(p, &row);
        else if (code == SLV_E_NOTFOUND)
            break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code put_capacity(const page *p)
{
    slv_dyn_run *x = p->x;
    slv_dyn_consumed used = {.t = p->t};
    int64_t factor = x->req->consistent ? 2 : 1;
    int64_t units = slv_dyn_units_of(p->bytes, 4096) * factor;

    if (p->index) {
        size_t i = (size_t)(p->index - p->t->indexes);

        used.index[i] = units;
        used.touched[i] = true;
        used.table = p->fetched * factor;
    } else {
        used.table = units;
    }
    SLV_TRY(slv_dyn_put_name(x->out, "ConsumedCapacity"));
    return slv_dyn_put_consumed(x->out, &used, x->req->capacity == SLV_DYN_CAPACITY_INDEXES);
}

static slv_code answer(page *p)
{
    slv_dyn_run *x = p->x;

    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    if (x->req->select != SLV_DYN_SELECT_COUNT)
        SLV_TRY(slv_buf_append(x->out, SLV_STR("\"Items\":[")));
    SLV_TRY(read_rows(p));
    if (x->req->select != SLV_DYN_SELECT_COUNT)
        SLV_TRY(slv_buf_append_byte(x->out, ']'));
    SLV_TRY(slv_dyn_put_name(x->out, "Count"));
    SLV_TRY(slv_buf_printf(x->out, "%llu,\"ScannedCount\":%llu", (unsigned long long)p->count,
                           (unsigned long long)p->scanned));
    if (p->full) {
        SLV_TRY(slv_dyn_put_name(x->out, "LastEvaluatedKey"));
        SLV_TRY(slv_dyn_run_put_item(x, &p->last));
    }
    if (x->req->capacity != SLV_DYN_CAPACITY_NONE)
        SLV_TRY(put_capacity(p));
    return slv_buf_append_byte(x->out, '}');
}

static slv_code run_page(page *p, slv_code (*range)(page *p), bool query)
{
    slv_dyn_run *x = p->x;

    SLV_TRY(find_index(p));
    SLV_TRY(range(p));
    SLV_TRY(slv_dyn_check_paths(x, p->t, &x->req->projection));
    if (query && x->req->filter)
        SLV_TRY(slv_dyn_expr_paths(x->req->filter, visit_filter, p));
    SLV_TRY(check_select(p));
    SLV_TRY(slv_dyn_check_condition(x, p->t, x->req->filter));
    return answer(p);
}

slv_code slv_dyn_run_query(slv_dyn_run *x)
{
    page p = {.x = x, .row = SLV_ARENA(ROW_MAX)};
    slv_code code = run_page(&p, query_range, true);

    slv_arena_done(&p.row);
    return code;
}

slv_code slv_dyn_run_scan(slv_dyn_run *x)
{
    page p = {.x = x, .row = SLV_ARENA(ROW_MAX)};
    slv_code code = run_page(&p, scan_range, false);

    slv_arena_done(&p.row);
    return code;
}
