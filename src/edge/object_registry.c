/* Calls on the registry of a tenant's objects (objects/registry.h), a store like the others. */
#include "base/mem.h"
#include "base/vec.h"
#include "edge/object_int.h"
#include "edge/registry.h"

#define WORKER_KEY_MAX ((size_t)8192)

static slv_code type_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    slv_registry *r;

    SLV_TRY(slv_registry_open(path, create, read_only, &r, err));
    *ret = r;
    return SLV_OK;
}

static void type_close(void *service)
{
    (void)slv_registry_free(service);
}

static slv_db *type_db(void *service)
{
    return slv_registry_db(service);
}

const slv_store_type slv_object_registry_store = {
    .kind = "do", .open = type_open, .close = type_close, .db = type_db};

static slv_store *store_of(slv_shard *shard, slv_str tenant)
{
    return slv_state_store(shard->server->o.state, &slv_object_registry_store, tenant,
                           SLV_STR("registry"));
}

typedef struct registry_call {
    slv_call call;
    slv_store *store;
    slv_objects *all;
    slv_object *o; /* NULL: it may be gone by then */
    slv_buf key;
    char id[SLV_OBJECT_ID_LEN + 1];
    bool named;
    slv_buf name;
    slv_registry_row row;
    slv_registry_alarm alarm;
    slv_object_saved saved;
    void *arg;
} registry_call;

static slv_str id_of(const registry_call *c)
{
    return slv_str_make(c->id, SLV_OBJECT_ID_LEN);
}

static void finish(registry_call *c)
{
    slv_objects *all = c->all;

    (void)slv_store_unref(c->store);
    slv_buf_done(&c->key);
    slv_buf_done(&c->name);
    free(c);
    slv_objects_pending_done(all);
}

static void start(slv_object *o, slv_code (*run)(slv_call *call, void *service, slv_err *err),
                  void (*done)(slv_call *call), registry_call *c)
{
    slv_shard *shard = o->all->shard;

    c->all = o->all;
    c->o = o;
    c->store = store_of(shard, o->tenant);
    memcpy(c->id, o->id, sizeof c->id);
    c->key = SLV_BUF((size_t)4096);
    c->call.kind = SLV_CALL_WRITE;
    c->call.create = true;
    c->call.run = run;
    c->call.done = done;
    if (slv_buf_set(&c->key, o->key) != SLV_OK)
        slv_buf_reset(&c->key);
    c->all->pending++;
    slv_store_call(c->store, shard->loop, &c->call);
}

static registry_call *of_call(slv_call *call)
{
    return slv_container_of(call, registry_call, call);
}

/* ---- enter and leave ---- */

static slv_code run_enter(slv_call *call, void *service, slv_err *err)
{
    registry_call *c = of_call(call);

    SLV_TRY(slv_registry_enter(service, slv_buf_view(&c->key), id_of(c), c->named,
                               slv_buf_view(&c->name), &c->row, err));
    return slv_buf_set(&c->name, c->row.name);
}

static void done_enter(slv_call *call)
{
    registry_call *c = of_call(call);
    slv_object *o = c->o;

    if (call->code == SLV_OK) {
        o->row = c->row;
        if (c->row.named && !o->named) {
            size_t len;

            free((void *)(size_t)o->name.ptr);
            o->name.len = c->name.len;
            o->name.ptr = slv_buf_take(&c->name, &len);
            o->named = true;
        }
        /* what was saved and not yet read by slv_objects_load */
        if (o->alarm.set_ms == SLV_REGISTRY_NO_ALARM && !o->alarm_unsaved)
            o->alarm = c->row.alarm;
    }
    slv_object_opened(o, call->code, &call->err);
    finish(c);
}

void slv_object_registry_enter(slv_object *o)
{
    registry_call *c = slv_new0(registry_call);

    c->name = SLV_BUF(SLV_FRAME_PAYLOAD_MAX);
    c->named = o->named && slv_buf_set(&c->name, o->name) == SLV_OK;
    start(o, run_enter, done_enter, c);
}

static slv_code run_leave(slv_call *call, void *service, slv_err *err)
{
    registry_call *c = of_call(call);

    return slv_registry_leave(service, slv_buf_view(&c->key), id_of(c), err);
}

/* A row that stays open costs one look at the next start. */
static void done_leave(slv_call *call)
{
    finish(of_call(call));
}

void slv_object_registry_leave(slv_object *o)
{
    registry_call *c = slv_new0(registry_call);

    start(o, run_leave, done_leave, c);
    c->o = NULL;
}

/* ---- alarms ---- */

static slv_code run_save(slv_call *call, void *service, slv_err *err)
{
    registry_call *c = of_call(call);

    return slv_registry_set_alarm(service, slv_buf_view(&c->key), id_of(c), &c->alarm, err);
}

static void done_save(slv_call *call)
{
    registry_call *c = of_call(call);

    if (call->code != SLV_OK)
        slv_hook_notice(c->all->shard, slv_str_from(slv_err_text(&call->err)));
    if (c->saved)
        c->saved(c->o, c->arg, call->code, &call->err);
    finish(c);
}

void slv_object_registry_save(slv_object *o, slv_object_saved done, void *arg)
{
    registry_call *c = slv_new0(registry_call);

    c->alarm = o->alarm;
    c->saved = done;
    c->arg = arg;
    o->alarm_unsaved = false;
    start(o, run_save, done_save, c);
}

/* ---- the start ---- */

typedef struct load_row {
    slv_buf key, name;
    char id[SLV_OBJECT_ID_LEN];
    bool named, open;
    slv_registry_alarm alarm;
} load_row;

typedef struct load_call {
    slv_call call;
    slv_store *store;
    slv_objects *all;
    slv_version *version; /* a reference */
    SLV_VEC(load_row) rows;
    bool open;   /* the rows being read are of objects that were left open */
    bool loaded; /* alarms are here already */
    bool erase;  /* the worker is no more */
} load_call;

static void take_row(void *arg, const slv_registry_row *row)
{
    load_call *c = arg;
    load_row r = {.key = SLV_BUF((size_t)4096),
                  .name = SLV_BUF(SLV_FRAME_PAYLOAD_MAX),
                  .named = row->named,
                  .open = c->open,
                  .alarm = row->alarm};

    if (row->id.len != SLV_OBJECT_ID_LEN || slv_buf_set(&r.key, row->key) != SLV_OK ||
        slv_buf_set(&r.name, row->name) != SLV_OK) {
        slv_buf_done(&r.key);
        slv_buf_done(&r.name);
        return;
    }
    memcpy(r.id, row->id.ptr, SLV_OBJECT_ID_LEN);
    slv_vec_push(&c->rows, r);
}

/* Where the steps begin that the worker's classes have not gone through. */
static slv_code find_step(slv_registry *r, const slv_version *v, size_t *ret, slv_err *err)
{
    slv_str tag;
    slv_code code = slv_registry_tag(r, v->name, &tag, err);

    *ret = v->object_step_count; /* a tag that is not there any more: nothing is deleted */
    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    for (size_t i = 0; code == SLV_OK && i < v->object_step_count; i++) {
        if (slv_str_eq(v->object_steps[i].tag, tag))
            *ret = i + 1;
    }
    return code;
}

/* Files go first: what is cut off here begins again at the next start. */
static slv_code migrate(load_call *c, slv_registry *r, slv_err *err)
{
    const slv_version *v = c->version;
    size_t from;

    SLV_TRY(find_step(r, v, &from, err));
    for (size_t i = 0; i < v->object_step_count; i++) {
        const slv_object_step *s = &v->object_steps[i];
        SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF(8192);

        if (s->deleted.len == 0 || (i < from && !slv_str_is(s->tag, "exports")))
            continue;
        SLV_TRY(slv_object_folder(c->all->shard, v->tenant, s->deleted, &folder, NULL));
        SLV_TRY(slv_object_folder_remove(folder.ptr, err));
        SLV_TRY(slv_registry_drop_class(r, s->deleted, err));
    }
    if (v->object_step_count == 0)
        return SLV_OK;
    return slv_registry_set_tag(r, v->name, v->object_steps[v->object_step_count - 1].tag, err);
}

static slv_code erase(load_call *c, slv_registry *r, slv_err *err)
{
    const slv_version *v = c->version;

    for (size_t i = 0; i < v->class_count; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF(8192);

        SLV_TRY(slv_object_folder(c->all->shard, v->tenant, v->classes[i].key, &folder, NULL));
        SLV_TRY(slv_object_folder_remove(folder.ptr, err));
        SLV_TRY(slv_registry_drop_class(r, v->classes[i].key, err));
    }
    return slv_registry_set_tag(r, v->name, SLV_STR(""), err);
}

static slv_code run_load(slv_call *call, void *service, slv_err *err)
{
    load_call *c = slv_container_of(call, load_call, call);

    if (c->erase)
        return erase(c, service, err);

    SLV_TRY(migrate(c, service, err));
    if (c->loaded)
        return SLV_OK;
    SLV_TRY(slv_registry_alarms(service, take_row, c, err));
    c->open = true;
    return slv_registry_left_open(service, take_row, c, err);
}

static const slv_object_class *class_of_key(const slv_version *version, slv_str key)
{
    for (size_t i = 0; i < version->class_count; i++) {
        if (slv_str_eq(version->classes[i].key, key))
            return &version->classes[i];
    }
    return NULL;
}

static void use_row(load_call *c, const load_row *r)
{
    const slv_object_class *class = class_of_key(c->version, slv_buf_view(&r->key));
    const char *why;

    if (!class)
        return; /* of another worker, or of a class that is no more */
    const slv_object_target target = {.tenant = c->version->tenant,
                                      .worker = c->version->name,
                                      .class_name = class->name,
                                      .id = slv_str_make(r->id, SLV_OBJECT_ID_LEN),
                                      .name = slv_buf_view(&r->name),
                                      .named = r->named};
    slv_object *o = slv_object_get(c->all->shard, &target, &why);
    if (!o || o->state != SLV_OBJECT_ABSENT)
        return; /* it is open again and tells by itself */
    if (r->alarm.set_ms != SLV_REGISTRY_NO_ALARM && o->alarm.set_ms == SLV_REGISTRY_NO_ALARM) {
        o->alarm = r->alarm;
        slv_object_alarm_arm(o);
    }
    if (r->open)
        slv_object_visit(o);
    else
        slv_object_release(o);
}

/* Both names, as a key. */
static slv_str put_worker(slv_buf *b, slv_str tenant, slv_str worker)
{
    slv_buf_reset(b);
    return slv_buf_printf(b, "%.*s/%.*s", SLV_STR_ARGS(tenant), SLV_STR_ARGS(worker)) == SLV_OK
               ? slv_buf_view(b)
               : SLV_STR_NULL;
}

static void done_load(slv_call *call)
{
    load_call *c = slv_container_of(call, load_call, call);
    slv_objects *all = c->all;
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(WORKER_KEY_MAX);
    slv_str worker = put_worker(&key, c->version->tenant, c->version->name);
    unsigned *busy = slv_map_get(&all->migrating, worker);

    if (call->code != SLV_OK)
        slv_hook_notice(all->shard, slv_str_from(slv_err_text(&call->err)));
    if (busy && --*busy == 0)
        (void)slv_map_remove(&all->migrating, worker);
    for (size_t i = 0; i < c->rows.len; i++) {
        if (call->code == SLV_OK && !all->closing)
            use_row(c, &c->rows.items[i]);
        slv_buf_done(&c->rows.items[i].key);
        slv_buf_done(&c->rows.items[i].name);
    }
    slv_vec_done(&c->rows);
    if (!slv_objects_migrating(all, c->version->tenant, c->version->name))
        slv_objects_resume(all, c->version->tenant, c->version->name);
    (void)slv_version_unref(c->version);
    (void)slv_store_unref(c->store);
    free(c);
    slv_objects_pending_done(all);
}

bool slv_objects_migrating(slv_objects *all, slv_str tenant, slv_str worker)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(WORKER_KEY_MAX);

    return all->migrating.len > 0 &&
           slv_map_get(&all->migrating, put_worker(&key, tenant, worker)) != NULL;
}

static void begin_load(slv_shard *shard, slv_version *version, bool erases)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(WORKER_KEY_MAX);
    slv_objects *all = shard->objects;
    slv_str worker = put_worker(&key, version->tenant, version->name);
    unsigned *busy = slv_map_get(&all->migrating, worker);
    load_call *c = slv_new0(load_call);

    c->loaded = slv_map_get(&all->loaded, worker) != NULL;
    c->erase = erases;
    if (erases) /* what comes under that name later has alarms of its own */
        (void)slv_map_remove(&all->loaded, worker);
    else
        slv_map_set(&all->loaded, worker, true);
    slv_map_set(&all->migrating, worker, busy ? *busy + 1 : 1);
    c->all = all;
    c->version = slv_version_ref(version);
    c->store = store_of(shard, version->tenant);
    c->call.kind = SLV_CALL_WRITE;
    c->call.create = true;
    c->call.run = run_load;
    c->call.done = done_load;
    all->pending++;
    slv_store_call(c->store, shard->loop, &c->call);
}

void slv_objects_load(slv_shard *shard, slv_version *version)
{
    begin_load(shard, version, false);
}

void slv_objects_erase(slv_shard *shard, slv_version *version)
{
    begin_load(shard, version, true);
}
