#include "edge/facet_int.h"

#include "base/mem.h"
#include "fmt/sum.h"

#define FACETS_SUFFIX ".facets"
#define TEXT_MAX (2 * SLV_FACET_ID_MAX)

slv_object *slv_facet_parent(const slv_object *o)
{
    return o->facet ? o->facet->parent : NULL;
}

static slv_object *object_of(slv_list *node)
{
    return slv_container_of(node, slv_facet, node)->self;
}

/* ---- folders ---- */

/* "/ID.facets" for each object above it, the outermost first. */
static slv_code append_way(const slv_object *o, slv_buf *out)
{
    const slv_object *parent = o->facet->parent;

    if (parent->facet)
        SLV_TRY(append_way(parent, out));
    return slv_buf_printf(out, "/%.*s" FACETS_SUFFIX, (int)SLV_OBJECT_ID_LEN, parent->id);
}

slv_code slv_facet_folder(slv_object *o, slv_buf *out)
{
    const slv_object *root = o;

    while (root->facet)
        root = root->facet->parent;
    SLV_TRY(slv_object_folder(o->all->shard, root->tenant, root->key, out, NULL));
    SLV_TRY(append_way(o, out));
    return slv_buf_cstr(out) ? SLV_OK : SLV_E_NOMEM;
}

/* ---- making and freeing ---- */

/* The table knows a facet by its parent's key, the way to it and the digest of its name. */
static slv_object *make(slv_object *parent, slv_str name, slv_str id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(TEXT_MAX);
    const slv_object_target target = {.tenant = parent->tenant,
                                      .worker = parent->worker,
                                      .class_name = parent->class_name,
                                      .id = id};
    slv_facet *f = slv_new0(slv_facet);

    if (slv_buf_printf(&key, "%.*s/%.*s" FACETS_SUFFIX, SLV_STR_ARGS(parent->key),
                       (int)SLV_OBJECT_ID_LEN, parent->id) != SLV_OK) {
        free(f);
        return NULL;
    }
    slv_object *o = slv_object_make(parent->all, &target, slv_buf_view(&key), true);
    f->parent = parent;
    f->self = o;
    f->name = slv_str_make(slv_strndup(name.ptr, name.len), name.len);
    f->depth = parent->facet ? parent->facet->depth + 1 : 1;
    f->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    f->why = SLV_BUF(SLV_MESSAGE_SMALL_MAX);
    o->facet = f;
    slv_list_push(&parent->facets, &f->node);
    return o;
}

slv_object *slv_facet_get(slv_object *parent, slv_str name)
{
    uint8_t sum[SLV_SUM_MAX];
    char id[SLV_OBJECT_ID_LEN];
    size_t count = 0;

    SLV_LIST_EACH (node, &parent->facets) {
        count++;
        if (slv_str_eq(slv_container_of(node, slv_facet, node)->name, name))
            return object_of(node);
    }
    if (count >= SLV_FACETS_MAX)
        return NULL;
    slv_sum_of(SLV_SUM_SHA256, name, sum);
    slv_hex_put(slv_str_make((const char *)sum, slv_sum_len(SLV_SUM_SHA256)), id);
    return make(parent, name, slv_str_make(id, sizeof id));
}

slv_object *slv_facet_of_run(slv_object *parent, uint32_t run)
{
    SLV_LIST_EACH (node, &parent->facets) {
        if (run != 0 && slv_container_of(node, slv_facet, node)->run == run)
            return object_of(node);
    }
    return NULL;
}

slv_object *slv_facet_drop(slv_object *o)
{
    slv_facet *f = o->facet;
    slv_object *parent = f->parent;

    slv_list_remove(&f->node);
    slv_gift_done(&f->props);
    slv_arena_done(&f->arena);
    slv_buf_done(&f->why);
    (void)slv_version_unref(f->version);
    free((void *)(size_t)f->name.ptr);
    free(f);
    o->facet = NULL;
    return parent;
}

void slv_facet_dropped(slv_object *parent)
{
    if (parent->facet && parent->facet->remove && parent->state == SLV_OBJECT_ABSENT &&
        slv_facet_remove(parent))
        return; /* it had to wait for this one */
    slv_object_release(parent);
}

bool slv_facet_is_kept(const slv_object *o)
{
    return o->facet->remove || (o->facet->run != 0 && !o->all->closing);
}

/* ---- runs ---- */

static slv_code take_start(slv_facet *f, const slv_facet_start *start)
{
    slv_gift_done(&f->props);
    slv_arena_done(&f->arena);
    f->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    SLV_TRY(slv_arena_dup(&f->arena, start->id, &f->id));
    SLV_TRY(slv_arena_dup(&f->arena, start->id_name, &f->id_name));
    f->id_named = start->id_named;
    SLV_TRY(slv_gift_copy(start->props, &f->arena, &f->props));
    (void)slv_version_unref(f->version);
    f->version = slv_version_ref(start->version);
    return SLV_OK;
}

slv_code slv_facet_begin(slv_object *o, const slv_facet_start *start, uint32_t *ret_run)
{
    slv_facet *f = o->facet;

    if (f->run != 0)
        return SLV_E_AGAIN;
    SLV_TRY(take_start(f, start));
    free((void *)(size_t)o->class_name.ptr);
    o->class_name = slv_str_make(slv_strndup(start->class_name.ptr, start->class_name.len),
                                 start->class_name.len);
    do
        f->run = ++o->all->last_run;
    while (f->run == 0);
    *ret_run = f->run;
    return SLV_OK;
}

slv_version *slv_facet_version(const slv_object *o)
{
    return o->facet->version;
}

void slv_facet_opening(slv_object *o)
{
    o->facet->stopped = false;
    o->row = (slv_registry_row){0};
}

slv_code slv_facet_describe(slv_object *o, slv_msg_object_open *m)
{
    const slv_facet *f = o->facet;
    slv_buf *props = &o->all->shard->notice_text;

    slv_buf_reset(props);
    if (f->props.text.len > 0)
        SLV_TRY(slv_gift_give(&f->props, &o->home, props));
    m->id = f->id;
    m->bits = (uint8_t)(SLV_OBJECT_FACET | SLV_OBJECT_SQL | (f->id_named ? SLV_OBJECT_NAMED : 0));
    m->name = f->id_name;
    m->jurisdiction = SLV_STR_NULL;
    m->depth = (uint8_t)f->depth;
    m->props = slv_buf_view(props);
    return SLV_OK;
}

static bool is_busy(const slv_object *o)
{
    return o->state != SLV_OBJECT_ABSENT || o->call_count > 0 || !slv_list_empty(&o->sockets);
}

bool slv_facets_busy(const slv_object *o)
{
    SLV_LIST_EACH (node, &o->facets) {
        if (is_busy(object_of(node)))
            return true;
    }
    return false;
}

/* ---- ends ---- */

bool slv_facet_stopped(const slv_object *o)
{
    return o->facet->stopped;
}

void slv_facet_stop(slv_object *o)
{
    slv_object_close_json(o, SLV_CLOSE_UPDATE, slv_buf_view(&o->facet->why));
}

void slv_facet_abort(slv_object *o, slv_str error)
{
    slv_facet *f = o->facet;

    f->run = 0;
    if (slv_buf_set(&f->why, error) != SLV_OK)
        slv_buf_reset(&f->why);
    const slv_event_end end = {.outcome = SLV_OUTCOME_ABORTED, .error = slv_buf_view(&f->why)};
    slv_object_fail_waiting(o, &end);
    slv_object_sockets_drop(o, SLV_STR("The Durable Object was stopped."));
    if (o->state == SLV_OBJECT_ABSENT)
        return;
    f->stopped = true;
    slv_facet_stop(o);
}

void slv_facets_end(slv_object *parent)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(SLV_MESSAGE_SMALL_MAX);

    if (slv_list_empty(&parent->facets))
        return;
    if (slv_object_error(&json, SLV_STR("Durable Object reset because its parent has ended."),
                         SLV_OBJECT_WAS_RESET) != SLV_OK)
        slv_buf_reset(&json);
    SLV_LIST_EACH (node, &parent->facets) {
        slv_object *o = object_of(node);

        slv_facet_abort(o, slv_buf_view(&json));
        slv_object_release(o);
    }
}

static void tell_parent(slv_object *o, uint32_t run, slv_str error)
{
    slv_object *parent = o->facet->parent;

    if (parent->state != SLV_OBJECT_RESIDENT || !parent->iso)
        return;
    slv_link *link = slv_event_link(&parent->home);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_FACET_OVER, 0, parent->home.pe.id);
    slv_link_end(link, slv_msg_facet_over_put(out, run, error));
}

void slv_facet_over(slv_object *o, slv_str error)
{
    slv_facet *f = o->facet;

    if (f->stopped || f->run == 0 || (error.len == 0 && !o->isolate_gone))
        return; /* the parent knows, or it was idle */
    tell_parent(o, f->run, error);
    f->run = 0;
}

/* ---- removal ---- */

typedef struct remove_job {
    slv_job job;
    slv_object *o;
    slv_buf folder;
    slv_code code;
    slv_err err;
} remove_job;

static void remove_run(slv_job *job)
{
    remove_job *j = slv_container_of(job, remove_job, job);

    if (j->code == SLV_OK)
        j->code = slv_object_files_remove(j->folder.ptr, slv_str_make(j->o->id, SLV_OBJECT_ID_LEN),
                                          &j->err);
}

static void remove_done(slv_job *job)
{
    remove_job *j = slv_container_of(job, remove_job, job);
    slv_object *o = j->o;
    slv_objects *all = o->all;
    slv_object *parent = o->facet->parent;

    if (j->code != SLV_OK)
        slv_hook_notice(all->shard, slv_str_from(slv_err_text(&j->err)));
    slv_buf_done(&j->folder);
    free(j);
    o->facet->remove = false;
    o->state = SLV_OBJECT_ABSENT;
    parent->deleting--;
    slv_object_gate_open(parent);
    slv_object_commit_settled(parent);
    slv_object_settle(o);
    slv_objects_pending_done(all);
}

bool slv_facet_remove(slv_object *o)
{
    if (!o->facet->remove)
        return false;
    if (!slv_list_empty(&o->facets))
        return true; /* slv_facet_dropped comes again */
    remove_job *j = slv_new0(remove_job);
    *j = (remove_job){
        .job = {.run = remove_run, .done = remove_done}, .o = o, .folder = SLV_BUF(8192)};
    j->code = slv_facet_folder(o, &j->folder);
    if (j->code != SLV_OK)
        (void)slv_fail(&j->err, j->code, "object: the path is too long");
    o->state = SLV_OBJECT_ENDING; /* nobody opens it meanwhile */
    slv_objects_job(o->all, &j->job);
    return true;
}

void slv_facet_delete(slv_object *o)
{
    if (o->facet->remove)
        return;
    o->facet->remove = true;
    o->facet->parent->deleting++;
    if (o->state == SLV_OBJECT_ABSENT)
        (void)slv_facet_remove(o);
}
