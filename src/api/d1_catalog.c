/*
 * Which databases there are. Each knows its own name and age; a list opens them one after the
 * other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/d1_int.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/vec.h"
#include "fmt/json.h"

#define NAME_MAX_LEN ((size_t)64)
#define PAGE_MAX 10000

typedef struct entry {
    char *id;
    slv_d1_info info; /* its name in lister.arena */
} entry;

/* A walk over all databases of the tenant. */
typedef struct lister {
    slv_api_call *api;
    slv_d1_call d;
    slv_store *store;
    slv_arena arena;
    SLV_VEC(entry) entries;
    size_t at;
    void (*done)(struct lister *l);
    slv_api_d1_found found; /* of slv_api_d1_find */
    slv_str wanted;         /* in the call's arena */
} lister;

static void lister_free(lister *l)
{
    for (size_t i = 0; i < l->entries.len; i++)
        free(l->entries.items[i].id);
    slv_vec_done(&l->entries);
    slv_arena_done(&l->arena);
    (void)slv_store_unref(l->store);
    free(l);
}

static slv_store *store_of(slv_api_call *call, slv_str id)
{
    return slv_state_store(slv_api_state(call->api), &slv_d1_store, call->tenant, id);
}

static void next(lister *l);

static void on_info(slv_call *call)
{
    lister *l = slv_container_of(call, lister, d.call);

    if (call->code == SLV_E_NOTFOUND || call->code == SLV_E_IO) { /* it went, or is damaged */
        free(l->entries.items[l->at].id);
        for (size_t i = l->at + 1; i < l->entries.len; i++)
            l->entries.items[i - 1] = l->entries.items[i];
        l->entries.len--;
    } else {
        l->entries.items[l->at].info = l->d.ask.info;
        l->at++;
    }
    next(l);
}

static void next(lister *l)
{
    l->store = slv_store_unref(l->store);
    if (l->at == l->entries.len) {
        l->done(l);
        return;
    }
    l->store = store_of(l->api, slv_str_from(l->entries.items[l->at].id));
    l->d.ask =
        (slv_d1_ask){.kind = SLV_D1_ASK_INFO, .arena = &l->arena, .info = {.name = SLV_STR("")}};
    slv_d1_call_make(&l->d, l->store, slv_api_loop(l->api->api), SLV_CALL_READ, false, on_info);
}

static void add_id(void *arg, slv_str id)
{
    lister *l = arg;

    slv_vec_push(&l->entries, ((entry){.id = slv_strndup(id.ptr, id.len)}));
}

/* done() comes later; it frees l. NULL: the call was ended. */
static lister *list_all(slv_api_call *call, void (*done)(lister *l))
{
    lister *l = slv_new0(lister);
    slv_err err = {0};

    l->api = call;
    l->done = done;
    l->arena = SLV_ARENA((size_t)16 << 20);
    if (slv_state_list(slv_api_state(call->api), &slv_d1_store, call->tenant, add_id, l, &err) !=
        SLV_OK) {
        slv_api_fail(call, &err, 0);
        lister_free(l);
        return NULL;
    }
    return l;
}

/* ---- one database, by id or name ---- */

static void on_named(lister *l)
{
    slv_api_call *call = l->api;
    slv_api_d1_found found = l->found;
    slv_str wanted = l->wanted;
    entry *match = NULL;

    for (size_t i = 0; i < l->entries.len; i++)
        if (slv_str_eq(l->entries.items[i].info.name, wanted))
            match = &l->entries.items[i];
    if (!match) {
        lister_free(l);
        slv_api_error(call, 404, SLV_API_D1_NOT_FOUND, "The database %.*s could not be found.",
                      SLV_STR_ARGS(wanted));
        return;
    }
    slv_str id;
    if (slv_arena_dup(call->arena, slv_str_from(match->id), &id) != SLV_OK) {
        lister_free(l);
        slv_api_error(call, 500, SLV_API_INTERNAL, "Out of memory");
        return;
    }
    lister_free(l);
    found(call, store_of(call, id), id);
}

static void has_id(void *arg, slv_str id)
{
    lister *l = arg;

    if (slv_str_eq(id, l->wanted))
        l->at = 1;
}

void slv_api_d1_find(slv_api_call *call, slv_api_d1_found found)
{
    slv_str id = call->params[SLV_API_D1_ID], create = slv_api_query(call, "create");
    lister probe = {.wanted = id};
    slv_err err = {0};

    if (slv_state_list(slv_api_state(call->api), &slv_d1_store, call->tenant, has_id, &probe,
                       &err) != SLV_OK) {
        slv_api_fail(call, &err, 0);
        return;
    }
    if (probe.at || slv_str_is(create, "1")) {
        found(call, store_of(call, id), id);
        return;
    }
    lister *l = list_all(call, on_named);
    if (!l)
        return;
    l->found = found;
    l->wanted = id;
    next(l);
}

/* ---- answers ---- */

static slv_code put_time(slv_buf *out, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;

    if (!gmtime_r(&s, &tm))
        return SLV_E_INVAL;
    return slv_buf_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900,
                          tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                          (int)(ms % 1000));
}

static slv_code put_database(slv_buf *out, slv_str id, const slv_d1_info *info)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"uuid\":")));
    SLV_TRY(slv_json_put_string(out, id));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"name\":")));
    SLV_TRY(slv_json_put_string(out, info->name.len > 0 ? info->name : id));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"version\":\"production\",\"created_at\":")));
    SLV_TRY(put_time(out, info->created_ms));
    return slv_buf_printf(out, ",\"num_tables\":%u,\"file_size\":%llu}", info->tables,
                          (unsigned long long)info->file_bytes);
}

static void answer_buf(slv_api_call *call, slv_code code, slv_buf *json, slv_str info)
{
    if (code != SLV_OK)
        slv_api_error(call, 500, SLV_API_INTERNAL, "Out of memory");
    else
        slv_api_ok_info(call, slv_buf_view(json), info);
}

static void on_listed(lister *l)
{
    slv_api_call *call = l->api;
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)32 << 20);
    slv_str name = slv_api_query(call, "name");
    uint64_t page = 1, per_page = PAGE_MAX;
    size_t total = 0, shown = 0;
    char info[160];
    slv_code code = slv_buf_append_byte(&json, '[');

    if (!slv_api_query_number(call, "page", 1, UINT32_MAX, 1, &page) ||
        !slv_api_query_number(call, "per_page", 1, PAGE_MAX, PAGE_MAX, &per_page)) {
        lister_free(l);
        return;
    }
    for (size_t i = 0; i < l->entries.len; i++) {
        entry *e = &l->entries.items[i];

        if (name.len > 0 && slv_str_find(e->info.name, name, 0) == SIZE_MAX)
            continue;
        if (code == SLV_OK && total >= (page - 1) * per_page && shown < per_page) {
            if (shown++ > 0)
                code = slv_buf_append_byte(&json, ',');
            if (code == SLV_OK)
                code = put_database(&json, slv_str_from(e->id), &e->info);
        }
        total++;
    }
    if (code == SLV_OK)
        code = slv_buf_append_byte(&json, ']');
    snprintf(info, sizeof info,
             "{\"page\":%llu,\"per_page\":%llu,\"count\":%zu,\"total_count\":%zu}",
             (unsigned long long)page, (unsigned long long)per_page, shown, total);
    lister_free(l);
    answer_buf(call, code, &json, slv_str_from(info));
}

void slv_api_d1_list(slv_api_call *call)
{
    lister *l = list_all(call, on_listed);

    if (l)
        next(l);
}

/* ---- info, create, delete ---- */

typedef struct single {
    slv_api_call *api;
    slv_d1_call d;
    slv_store *store;
    slv_arena arena;
    slv_str id; /* in the call's arena */
} single;

static single *single_new(slv_api_call *call, slv_store *store, slv_str id)
{
    single *s = slv_new0(single);

    s->api = call;
    s->store = store;
    s->id = id;
    s->arena = SLV_ARENA(1 << 20);
    return s;
}

static void single_free(single *s)
{
    (void)slv_store_unref(s->store);
    slv_arena_done(&s->arena);
    free(s);
}

static void on_single(slv_call *call)
{
    single *s = slv_container_of(call, single, d.call);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);

    if (call->code != SLV_OK)
        slv_api_fail(s->api, &call->err, 0);
    else
        answer_buf(s->api, put_database(&json, s->id, &s->d.ask.info), &json, SLV_STR_NULL);
    single_free(s);
}

/* Asks what it is; where a time is given, it gets that and a name first. */
static void ask_single(single *s, slv_call_kind kind, slv_str name, int64_t now_ms)
{
    s->d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_INFO,
                            .name = name,
                            .now_ms = now_ms,
                            .arena = &s->arena,
                            .info = {.name = SLV_STR("")}};
    slv_d1_call_make(&s->d, s->store, slv_api_loop(s->api->api), kind, kind == SLV_CALL_WRITE,
                     on_single);
}

static void info_found(slv_api_call *call, slv_store *store, slv_str id)
{
    single *s = single_new(call, store, id);

    ask_single(s, SLV_CALL_READ, SLV_STR(""), 0);
}

void slv_api_d1_get(slv_api_call *call)
{
    slv_api_d1_find(call, info_found);
}

static void on_deleted(slv_call *call)
{
    single *s = slv_container_of(call, single, d.call);

    if (call->code != SLV_OK)
        slv_api_fail(s->api, &call->err, 0);
    else
        slv_api_ok(s->api, SLV_STR("null"));
    single_free(s);
}

static void delete_found(slv_api_call *call, slv_store *store, slv_str id)
{
    single *s = single_new(call, store, id);

    s->d.call = (slv_call){.kind = SLV_CALL_SOLO, .done = on_deleted};
    slv_store_destroy(store, slv_api_loop(call->api), &s->d.call);
}

void slv_api_d1_delete(slv_api_call *call)
{
    slv_api_d1_find(call, delete_found);
}

static bool valid_name(slv_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!slv_is_alpha(name.ptr[i]) && !slv_is_digit(name.ptr[i]) && name.ptr[i] != '-' &&
            name.ptr[i] != '_')
            return false;
    return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static void on_names_known(lister *l)
{
    slv_api_call *call = l->api;
    slv_str name = l->wanted;
    bool taken = false;
    char text[40];
    slv_str id;
    uint64_t a = slv_rand_u64(), b = slv_rand_u64();

    for (size_t i = 0; i < l->entries.len; i++)
        taken |= slv_str_eq(l->entries.items[i].info.name, name);
    lister_free(l);
    if (taken) {
        slv_api_error(call, 409, SLV_API_D1_EXISTS, "A database with the name %.*s already exists.",
                      SLV_STR_ARGS(name));
        return;
    }
    /* A UUID of version 4. */
    snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
             ((unsigned)(b >> 48) & 0x3fff) | 0x8000, (unsigned long long)(b & 0xffffffffffff));
    if (slv_arena_dup(call->arena, slv_str_from(text), &id) != SLV_OK) {
        slv_api_error(call, 500, SLV_API_INTERNAL, "Out of memory");
        return;
    }
    single *s = single_new(call, store_of(call, id), id);
    ask_single(s, SLV_CALL_WRITE, name, slv_clock_wall_ms());
}

void slv_api_d1_create(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);

    if (!body)
        return;
    slv_str name = slv_node_str(slv_node_get(body, "name"));
    if (!valid_name(name)) {
        slv_api_error(call, 400, SLV_API_D1_FAILED,
                      "A database's name has 1 to %zu letters, digits, - and _", NAME_MAX_LEN);
        return;
    }
    lister *l = list_all(call, on_names_known);
    if (!l)
        return;
    l->wanted = name;
    next(l);
}
