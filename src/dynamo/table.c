/*
 * A table's definition on the disk is JSON, version by the file's:
 *
 *     {"id":"UUID","created":ms,"attrs":["a","S","b","N"],"keys":["a","b"],
 *      "rate":[read,write,decreases,increased,decreased],"onDemand":true,"onDemandSince":ms,
 *      "protected":true,"ttl":"attribute","class":"STANDARD","stream":"NEW_IMAGE","sse":true,
 *      "indexes":[{"space":n,"name":"i","global":true,"building":true,"keys":["c"],
 *                  "projection":"INCLUDE","extra":["x"],"rate":[...]}]}
 *
 * Members that say nothing are left out.
 */
#include <stdio.h>

#include "base/rand.h"
#include "dynamo/store_int.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define ARENA_MAX ((size_t)4 << 20)

static const char *const projection_names[] = {
    [SLV_DYN_PROJECT_ALL] = "ALL",
    [SLV_DYN_PROJECT_KEYS] = "KEYS_ONLY",
    [SLV_DYN_PROJECT_INCLUDE] = "INCLUDE",
};

static slv_dyn_projection_kind projection_of(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(projection_names); i++)
        if (slv_str_is(name, projection_names[i]))
            return (slv_dyn_projection_kind)i;
    return SLV_DYN_PROJECT_ALL;
}

static slv_dyn_table *table_new(void)
{
    slv_dyn_table *t = slv_new0(slv_dyn_table);

    t->arena = SLV_ARENA(ARENA_MAX);
    return t;
}

slv_dyn_table *slv_dyn_table_free(slv_dyn_table *t)
{
    if (t) {
        slv_arena_done(&t->arena);
        free(t);
    }
    return NULL;
}

bool slv_dyn_table_attr(const slv_dyn_table *t, slv_str name, slv_dyn_type *ret)
{
    for (size_t i = 0; i < t->attr_count; i++) {
        if (slv_str_eq(t->attrs[i].name, name)) {
            *ret = t->attrs[i].type;
            return true;
        }
    }
    return false;
}

const slv_dyn_index *slv_dyn_table_index(const slv_dyn_table *t, slv_str name)
{
    for (size_t i = 0; i < t->index_count; i++)
        if (slv_str_eq(t->indexes[i].name, name))
            return &t->indexes[i];
    return NULL;
}

/* Room for one more index than there are. */
static slv_code grow_indexes(slv_dyn_table *t)
{
    slv_dyn_index *all = slv_arena_try_alloc0(&t->arena, (t->index_count + 1) * sizeof *all);

    if (!all)
        return SLV_E_LIMIT;
    if (t->index_count > 0)
        memcpy(all, t->indexes, t->index_count * sizeof *all);
    t->indexes = all;
    return SLV_OK;
}

static slv_code copy_strs(slv_dyn_table *t, const slv_str *from, size_t count, const slv_str **ret)
{
    slv_str *all = slv_arena_try_alloc0(&t->arena, (count + 1) * sizeof *all);

    if (!all)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < count; i++)
        SLV_TRY(slv_arena_dup(&t->arena, from[i], &all[i]));
    *ret = all;
    return SLV_OK;
}

static slv_code set_key(slv_dyn_table *t, slv_str name, slv_dyn_key_attr *ret)
{
    slv_dyn_type type = SLV_DYN_S;

    (void)slv_dyn_table_attr(t, name, &type);
    ret->type = type;
    return slv_arena_dup(&t->arena, name, &ret->name);
}

/* ---- from a request ---- */

static slv_code set_keys(slv_dyn_table *t, const slv_dyn_key_element *keys, uint32_t count,
                         slv_dyn_keys *ret)
{
    SLV_TRY(set_key(t, keys[0].name, &ret->hash));
    ret->has_range = count > 1;
    return count > 1 ? set_key(t, keys[1].name, &ret->range) : SLV_OK;
}

slv_code slv_dyn_table_add_index(slv_dyn_table *t, const slv_dyn_index_def *def, bool global)
{
    SLV_TRY(grow_indexes(t));
    slv_dyn_index *x = &t->indexes[t->index_count];

    SLV_TRY(slv_arena_dup(&t->arena, def->name, &x->name));
    x->global = global;
    x->projection = projection_of(def->projection_type);
    x->extra_count = def->non_key_count;
    x->rate.read = def->throughput.read;
    x->rate.write = def->throughput.write;
    SLV_TRY(copy_strs(t, def->non_key, def->non_key_count, &x->extra));
    SLV_TRY(set_keys(t, def->keys, def->key_count, &x->keys));
    t->index_count++;
    return SLV_OK;
}

static slv_code make_id(slv_dyn_table *t)
{
    uint8_t raw[16];
    char hex[32], text[37];

    slv_rand_bytes(raw, sizeof raw);
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    slv_hex_put(slv_str_make(raw, sizeof raw), hex);
    (void)snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
    return slv_arena_dup(&t->arena, slv_str_from(text), &t->id);
}

slv_code slv_dyn_table_set_attrs(slv_dyn_table *t, const slv_dyn_key_attr *attrs, size_t count)
{
    slv_dyn_key_attr *all = slv_arena_try_alloc0(&t->arena, (count + 1) * sizeof *all);

    if (!all)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < count; i++) {
        all[i].type = attrs[i].type;
        SLV_TRY(slv_arena_dup(&t->arena, attrs[i].name, &all[i].name));
    }
    t->attrs = all;
    t->attr_count = count;
    return SLV_OK;
}

static slv_code fill(slv_dyn_table *t, const slv_dyn_request *req, int64_t now_ms)
{
    const slv_dyn_table_request *def = &req->table_def;

    SLV_TRY(slv_arena_dup(&t->arena, req->table, &t->name));
    SLV_TRY(make_id(t));
    t->created_ms = now_ms;
    SLV_TRY(slv_dyn_table_set_attrs(t, def->attrs, def->attr_count));
    SLV_TRY(set_keys(t, def->keys, def->key_count, &t->keys));
    for (uint32_t i = 0; i < def->lsi_count; i++)
        SLV_TRY(slv_dyn_table_add_index(t, &def->lsis[i], false));
    for (uint32_t i = 0; i < def->gsi_count; i++)
        SLV_TRY(slv_dyn_table_add_index(t, &def->gsis[i], true));
    t->rate.read = def->throughput.read;
    t->rate.write = def->throughput.write;
    t->on_demand = slv_str_is(def->billing_mode, "PAY_PER_REQUEST");
    t->on_demand_ms = t->on_demand ? now_ms : 0;
    t->protected = def->deletion_protection;
    t->sse = slv_node_is(slv_node_get(def->sse, "Enabled"), SLV_NODE_BOOL) &&
             slv_node_get(def->sse, "Enabled")->boolean;
    if (def->stream_enabled)
        SLV_TRY(slv_arena_dup(&t->arena, def->stream_view, &t->stream));
    return slv_arena_dup(&t->arena, def->table_class, &t->klass);
}

slv_code slv_dyn_table_make(const slv_dyn_request *req, int64_t now_ms, slv_dyn_table **ret)
{
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *t = table_new();

    SLV_TRY(fill(t, req, now_ms));
    *ret = SLV_STEAL(t);
    return SLV_OK;
}

/* ---- from the disk ---- */

static int64_t number_of(const slv_node *n)
{
    int64_t v = 0;

    (void)slv_node_i64(n, &v);
    return v;
}

static bool true_of(const slv_node *n)
{
    return slv_node_is(n, SLV_NODE_BOOL) && n->boolean;
}

static void read_rate(const slv_node *n, slv_dyn_rate *ret)
{
    int64_t *const fields[] = {&ret->read, &ret->write, &ret->decreases, &ret->increased_ms,
                               &ret->decreased_ms};
    size_t i = 0;

    for (const slv_node *v = n ? n->first : NULL; v && i < SLV_ARRAY_LEN(fields); v = v->next)
        *fields[i++] = number_of(v);
}

static slv_code read_keys(slv_dyn_table *t, const slv_node *n, slv_dyn_keys *ret)
{
    if (!slv_node_is(n, SLV_NODE_ARRAY) || !n->first)
        return SLV_E_PARSE;
    SLV_TRY(set_key(t, slv_node_str(n->first), &ret->hash));
    ret->has_range = n->first->next != NULL;
    return ret->has_range ? set_key(t, slv_node_str(n->first->next), &ret->range) : SLV_OK;
}

static slv_code read_index(slv_dyn_table *t, const slv_node *n)
{
    const slv_node *extra = slv_node_get(n, "extra");
    slv_str *names = NULL;

    SLV_TRY(grow_indexes(t));
    slv_dyn_index *x = &t->indexes[t->index_count];
    x->space = number_of(slv_node_get(n, "space"));
    x->global = true_of(slv_node_get(n, "global"));
    x->building = true_of(slv_node_get(n, "building"));
    x->projection = projection_of(slv_node_str(slv_node_get(n, "projection")));
    SLV_TRY(slv_arena_dup(&t->arena, slv_node_str(slv_node_get(n, "name")), &x->name));
    if (extra && extra->count > 0) {
        names = slv_arena_try_alloc0(&t->arena, extra->count * sizeof *names);
        if (!names)
            return SLV_E_LIMIT;
    }
    for (const slv_node *e = names ? extra->first : NULL; e; e = e->next)
        SLV_TRY(slv_arena_dup(&t->arena, slv_node_str(e), &names[x->extra_count++]));
    x->extra = names;
    read_rate(slv_node_get(n, "rate"), &x->rate);
    SLV_TRY(read_keys(t, slv_node_get(n, "keys"), &x->keys));
    t->index_count++;
    return SLV_OK;
}

static slv_code read_attrs(slv_dyn_table *t, const slv_node *n)
{
    slv_dyn_key_attr all[SLV_DYN_INDEXES_MAX * 2 + 2];
    size_t count = 0;

    for (const slv_node *a = n ? n->first : NULL; a && a->next; a = a->next->next) {
        slv_dyn_type type;

        if (count == SLV_ARRAY_LEN(all) || !slv_dyn_type_parse(slv_node_str(a->next), &type))
            return SLV_E_PARSE;
        all[count++] = (slv_dyn_key_attr){slv_node_str(a), type};
    }
    return slv_dyn_table_set_attrs(t, all, count);
}

static slv_code read_table(slv_dyn_table *t, const slv_node *n)
{
    const slv_node *indexes = slv_node_get(n, "indexes");

    SLV_TRY(slv_arena_dup(&t->arena, slv_node_str(slv_node_get(n, "id")), &t->id));
    SLV_TRY(slv_arena_dup(&t->arena, slv_node_str(slv_node_get(n, "ttl")), &t->ttl));
    SLV_TRY(slv_arena_dup(&t->arena, slv_node_str(slv_node_get(n, "class")), &t->klass));
    SLV_TRY(slv_arena_dup(&t->arena, slv_node_str(slv_node_get(n, "stream")), &t->stream));
    t->created_ms = number_of(slv_node_get(n, "created"));
    t->on_demand = true_of(slv_node_get(n, "onDemand"));
    t->on_demand_ms = number_of(slv_node_get(n, "onDemandSince"));
    t->protected = true_of(slv_node_get(n, "protected"));
    t->sse = true_of(slv_node_get(n, "sse"));
    read_rate(slv_node_get(n, "rate"), &t->rate);
    SLV_TRY(read_attrs(t, slv_node_get(n, "attrs")));
    SLV_TRY(read_keys(t, slv_node_get(n, "keys"), &t->keys));
    for (const slv_node *x = indexes ? indexes->first : NULL; x; x = x->next)
        SLV_TRY(read_index(t, x));
    return SLV_OK;
}

slv_code slv_dyn_table_parse(slv_str json, slv_dyn_table **ret, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena scratch = SLV_ARENA(ARENA_MAX);
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *t = table_new();
    slv_node *root;

    SLV_TRY(slv_json_parse(json, SLV_JSON_STRICT, &scratch, &root, err));
    slv_code code = read_table(t, root);
    if (code != SLV_OK)
        return slv_fail(err, SLV_E_IO, "dynamo: the definition of a table is damaged");
    *ret = SLV_STEAL(t);
    return SLV_OK;
}

slv_code slv_dyn_table_copy(const slv_dyn_table *t, slv_dyn_table **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(ARENA_MAX);
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *copy = NULL;

    SLV_TRY(slv_dyn_table_put(t, &json));
    SLV_TRY(slv_dyn_table_parse(slv_buf_view(&json), &copy, err));
    SLV_ASSERT(copy);
    copy->space = t->space;
    copy->generation = t->generation;
    SLV_TRY(slv_arena_dup(&copy->arena, t->name, &copy->name));
    *ret = SLV_STEAL(copy);
    return SLV_OK;
}

/* ---- to the disk ---- */

static slv_code put_text(slv_buf *out, const char *name, slv_str text)
{
    if (text.len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, ",\"%s\":", name));
    return slv_json_put_string(out, text);
}

static slv_code put_rate(slv_buf *out, const slv_dyn_rate *r)
{
    return slv_buf_printf(out, ",\"rate\":[%lld,%lld,%lld,%lld,%lld]", (long long)r->read,
                          (long long)r->write, (long long)r->decreases, (long long)r->increased_ms,
                          (long long)r->decreased_ms);
}

static slv_code put_keys(slv_buf *out, const slv_dyn_keys *keys)
{
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"keys\":[")));
    SLV_TRY(slv_json_put_string(out, keys->hash.name));
    if (keys->has_range) {
        SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, keys->range.name));
    }
    return slv_buf_append_byte(out, ']');
}

static slv_code put_index(slv_buf *out, const slv_dyn_index *x)
{
    SLV_TRY(slv_buf_printf(out, "{\"space\":%lld%s%s,\"projection\":\"%s\"", (long long)x->space,
                           x->global ? ",\"global\":true" : "",
                           x->building ? ",\"building\":true" : "",
                           projection_names[x->projection]));
    SLV_TRY(put_text(out, "name", x->name));
    SLV_TRY(put_keys(out, &x->keys));
    SLV_TRY(put_rate(out, &x->rate));
    for (size_t i = 0; i < x->extra_count; i++) {
        SLV_TRY(slv_buf_append(out, i == 0 ? SLV_STR(",\"extra\":[") : SLV_STR(",")));
        SLV_TRY(slv_json_put_string(out, x->extra[i]));
    }
    return slv_buf_append(out, x->extra_count > 0 ? SLV_STR("]}") : SLV_STR("}"));
}

slv_code slv_dyn_table_put(const slv_dyn_table *t, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "{\"created\":%lld", (long long)t->created_ms));
    SLV_TRY(put_text(out, "id", t->id));
    SLV_TRY(put_text(out, "ttl", t->ttl));
    SLV_TRY(put_text(out, "class", t->klass));
    SLV_TRY(put_text(out, "stream", t->stream));
    if (t->on_demand_ms != 0)
        SLV_TRY(slv_buf_printf(out, ",\"onDemandSince\":%lld", (long long)t->on_demand_ms));
    SLV_TRY(slv_buf_printf(out, "%s%s%s", t->on_demand ? ",\"onDemand\":true" : "",
                           t->protected ? ",\"protected\":true" : "",
                           t->sse ? ",\"sse\":true" : ""));
    SLV_TRY(put_rate(out, &t->rate));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"attrs\":[")));
    for (size_t i = 0; i < t->attr_count; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, t->attrs[i].name));
        SLV_TRY(slv_buf_printf(out, ",\"%s\"", slv_dyn_type_name(t->attrs[i].type)));
    }
    SLV_TRY(slv_buf_append_byte(out, ']'));
    SLV_TRY(put_keys(out, &t->keys));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"indexes\":[")));
    for (size_t i = 0; i < t->index_count; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(put_index(out, &t->indexes[i]));
    }
    return slv_buf_append(out, SLV_STR("]}"));
}
