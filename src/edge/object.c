#include "edge/facet_int.h"
#include "edge/worker_int.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "state/name.h"

#define TEXT_MAX ((size_t)64 << 10)

/* ---- texts ---- */

static slv_str copy(slv_str s)
{
    char *p = slv_alloc(s.len + 1);

    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return slv_str_make(p, s.len);
}

static void drop(slv_str *s)
{
    free((void *)(size_t)s->ptr);
    *s = SLV_STR_NULL;
}

slv_code slv_object_error(slv_buf *out, slv_str message, unsigned flags)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"name\":\"Error\",\"message\":")));
    SLV_TRY(slv_json_put_string(out, message));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"stack\":\"\",\"remote\":true")));
    if (flags & SLV_OBJECT_RETRYABLE)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"retryable\":true")));
    if (flags & SLV_OBJECT_OVERLOADED)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"overloaded\":true")));
    if (flags & SLV_OBJECT_WAS_RESET)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"durableObjectReset\":true")));
    return slv_buf_append_byte(out, '}');
}

static const char *lost_text(const slv_event_end *end)
{
    switch (end->why) {
    case SLV_LOST_CPU:
        return "Durable Object exceeded its CPU time limit and was reset.";
    case SLV_LOST_MEMORY:
        return "Durable Object's isolate exceeded its memory limit and was reset.";
    case SLV_LOST_SHUTDOWN:
        return "Durable Object reset because the server is shutting down.";
    case SLV_LOST_WALL:
        return "Durable Object exceeded its wall time limit.";
    case SLV_LOST_CRASHED:
    case SLV_LOST_VIOLATION:
    case SLV_LOST_NEIGHBOUR:
        break;
    }
    return "Durable Object's isolate ended, and the object was reset.";
}

slv_str slv_object_call_error(slv_event *ev, const slv_event_end *end)
{
    slv_buf *out = &ev->shard->scratch;

    if (end->error.len > 0 || end->start_err)
        return SLV_STR_NULL;
    slv_buf_reset(out);
    slv_code code = SLV_OK;
    if (end->lost)
        code = slv_object_error(out, slv_str_from(lost_text(end)),
                                SLV_OBJECT_RETRYABLE | SLV_OBJECT_WAS_RESET);
    else if (end->outcome == SLV_OUTCOME_ABORTED)
        code = slv_object_error(out, SLV_STR("Durable Object reset."), SLV_OBJECT_WAS_RESET);
    else
        return SLV_STR_NULL;
    return code == SLV_OK ? slv_buf_view(out) : SLV_STR_NULL;
}

/* ---- the table ---- */

static slv_code table_key(slv_buf *out, slv_str tenant, slv_str key, slv_str id)
{
    SLV_TRY(slv_buf_append(out, tenant));
    SLV_TRY(slv_buf_append_byte(out, '\0'));
    SLV_TRY(slv_buf_append(out, key));
    SLV_TRY(slv_buf_append_byte(out, '\0'));
    return slv_buf_append(out, id);
}

slv_version *slv_object_version(const slv_object *o)
{
    if (o->facet)
        return slv_facet_version(o);
    return slv_shard_worker_for(o->all->shard, o->tenant, o->worker,
                                slv_str_make(o->id, SLV_OBJECT_ID_LEN));
}

static const slv_object_class *find_class(const slv_version *version, slv_str name)
{
    for (size_t i = 0; version && i < version->class_count; i++) {
        if (slv_str_eq(version->classes[i].name, name))
            return &version->classes[i];
    }
    return NULL;
}

static void home_send(slv_event *ev);
static void home_ended(slv_event *ev, const slv_event_end *end);
static const slv_event_ops home_ops = {.send = home_send, .ended = home_ended};
static void on_close_timer(slv_timer *timer);

slv_object *slv_object_make(slv_objects *all, const slv_object_target *t, slv_str key, bool sql)
{
    SLV_CLEANUP(slv_buf_done) slv_buf place = SLV_BUF(TEXT_MAX);
    slv_object *o = slv_new0(slv_object);

    o->all = all;
    o->tenant = copy(t->tenant);
    o->worker = copy(t->worker);
    o->class_name = copy(t->class_name);
    o->key = copy(key);
    o->name = copy(t->named ? t->name : SLV_STR_NULL);
    o->named = t->named;
    o->sql = sql;
    memcpy(o->id, t->id.ptr, SLV_OBJECT_ID_LEN);
    slv_list_init(&o->facets);
    slv_list_init(&o->waiting);
    slv_list_init(&o->calls);
    slv_list_init(&o->held);
    slv_list_init(&o->asks);
    slv_list_init(&o->sockets);
    o->files = (slv_object_files){.db = -1, .wal = -1, .next = -1, .times = -1};
    o->end_error = SLV_BUF(SLV_MESSAGE_SMALL_MAX);
    o->option_text = SLV_BUF(2 * SLV_SOCKET_AUTO_MAX);
    o->next_socket = 1;
    o->close_timer.fn = on_close_timer;
    slv_object_alarm_init(o);
    if (table_key(&place, t->tenant, key, t->id) == SLV_OK)
        slv_map_set(&all->map, slv_buf_view(&place), o);
    return o;
}

slv_object *slv_object_get(slv_shard *shard, const slv_object_target *t, const char **ret_why)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(TEXT_MAX);
    const slv_version *version = slv_shard_worker_for(shard, t->tenant, t->worker, t->id);
    const slv_object_class *class = find_class(version, t->class_name);

    if (!class) {
        *ret_why = version ? "The Durable Object's class is not exported by its worker."
                           : "The worker of the Durable Object is not running.";
        return NULL;
    }
    if (shard->index != 0) { /* this connection was there before any worker had objects */
        *ret_why = "The connection must be made again to reach Durable Objects.";
        return NULL;
    }
    if (!shard->server->o.state) {
        *ret_why = "There is no state directory for Durable Objects.";
        return NULL;
    }
    if (table_key(&key, t->tenant, class->key, t->id) != SLV_OK) {
        *ret_why = "The Durable Object's id is too long.";
        return NULL;
    }
    slv_object **p = slv_map_get(&shard->objects->map, slv_buf_view(&key));
    if (p) {
        if (t->named && !(*p)->named) {
            drop(&(*p)->name);
            (*p)->name = copy(t->name);
            (*p)->named = true;
        }
        return *p;
    }
    return slv_object_make(shard->objects, t, class->key, class->sql);
}

void slv_object_release(slv_object *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(TEXT_MAX);

    if (o->state != SLV_OBJECT_ABSENT || o->call_count > 0 || !slv_list_empty(&o->sockets) ||
        (o->alarm.set_ms != SLV_REGISTRY_NO_ALARM && !o->all->closing) || o->alarm_running ||
        !slv_list_empty(&o->facets) || (o->facet && slv_facet_is_kept(o)))
        return;
    slv_object *parent = o->facet ? slv_facet_drop(o) : NULL;
    slv_timer_stop(&o->alarm_timer);
    if (table_key(&key, o->tenant, o->key, slv_str_make(o->id, SLV_OBJECT_ID_LEN)) == SLV_OK)
        (void)slv_map_remove(&o->all->map, slv_buf_view(&key));
    drop(&o->tenant);
    drop(&o->worker);
    drop(&o->class_name);
    drop(&o->key);
    drop(&o->name);
    slv_imap_done(&o->socket_ids);
    slv_buf_done(&o->end_error);
    slv_buf_done(&o->option_text);
    free(o);
    if (parent)
        slv_facet_dropped(parent);
}

/* ---- opening ---- */

typedef struct file_job {
    slv_job job;
    slv_object *o;
    slv_buf folder;    /* TENANT/do/KEY below the state */
    size_t parents[2]; /* of the folder, ends of those that may have to be made; 0: none */
    slv_object_files files;
    slv_code code;
    slv_err err;
} file_job;

static void file_run(slv_job *job)
{
    file_job *j = slv_container_of(job, file_job, job);

    for (size_t i = 0; i < SLV_ARRAY_LEN(j->parents) && j->parents[i] > 0; i++) {
        j->folder.ptr[j->parents[i]] = '\0';
        (void)mkdir(j->folder.ptr, 0700); /* a failure shows when the files are made */
        j->folder.ptr[j->parents[i]] = '/';
    }
    j->code = slv_object_files_open(j->folder.ptr, slv_str_make(j->o->id, SLV_OBJECT_ID_LEN),
                                    &j->files, &j->err);
}

static void file_done(slv_job *job)
{
    file_job *j = slv_container_of(job, file_job, job);
    slv_object *o = j->o;
    slv_objects *all = o->all;

    if (j->code == SLV_OK)
        o->files = j->files;
    slv_object_opened(o, j->code, &j->err);
    slv_buf_done(&j->folder);
    free(j);
    slv_objects_pending_done(all);
}

slv_code slv_object_folder(slv_shard *shard, slv_str tenant, slv_str key, slv_buf *b,
                           size_t ret_parents[2])
{
    size_t parents[2];

    SLV_TRY(slv_buf_append(b, slv_str_from(slv_state_dir(shard->server->o.state))));
    SLV_TRY(slv_buf_append_byte(b, '/'));
    SLV_TRY(slv_name_encode(tenant, b));
    parents[0] = b->len;
    SLV_TRY(slv_buf_append(b, SLV_STR("/do")));
    parents[1] = b->len;
    SLV_TRY(slv_buf_append_byte(b, '/'));
    SLV_TRY(slv_name_encode(key, b));
    if (ret_parents)
        memcpy(ret_parents, parents, sizeof parents);
    return slv_buf_cstr(b) ? SLV_OK : SLV_E_NOMEM;
}

static slv_code folder_of(slv_object *o, file_job *j)
{
    return o->facet ? slv_facet_folder(o, &j->folder)
                    : slv_object_folder(o->all->shard, o->tenant, o->key, &j->folder, j->parents);
}

static void open_object(slv_object *o)
{
    if (slv_objects_migrating(o->all, o->tenant, o->worker))
        return; /* slv_objects_resume follows */
    o->delayed = o->all->adopting;
    if (o->delayed)
        return; /* slv_objects_adopted follows */
    file_job *j = slv_new0(file_job);
    o->state = SLV_OBJECT_OPENING;
    o->opening = o->facet ? 1 : 2;
    o->open_code = SLV_OK;
    o->committed = o->durable = o->gated = o->refused = 0;
    o->frames = 0;
    o->checkpointing = o->rotate = o->drop_next = false;
    o->writing = o->told_opened = o->over_when_durable = o->isolate_gone = false;
    slv_buf_reset(&o->end_error);
    if (o->facet)
        slv_facet_opening(o);
    else
        slv_object_registry_enter(o); /* first: what fails below may be the end of the object */
    *j = (file_job){.job = {.run = file_run, .done = file_done}, .o = o, .folder = SLV_BUF(8192)};
    if (folder_of(o, j) != SLV_OK) {
        const slv_err err = {.message = "object: the path is too long"};

        slv_buf_done(&j->folder);
        free(j);
        slv_object_opened(o, SLV_E_LIMIT, &err);
    } else {
        slv_objects_job(o->all, &j->job);
    }
}

void slv_object_visit(slv_object *o)
{
    if (o->state == SLV_OBJECT_ABSENT)
        open_object(o);
}

void slv_objects_resume(slv_objects *all, slv_str tenant, slv_str worker)
{
    SLV_MAP_EACH (&all->map, i) {
        slv_object *o = all->map.values[i];

        if (slv_str_eq(o->worker, worker) && slv_str_eq(o->tenant, tenant) &&
            !slv_list_empty(&o->waiting))
            slv_object_visit(o);
    }
}

void slv_object_fail_waiting(slv_object *o, const slv_event_end *end)
{
    slv_list *node;

    while ((node = slv_list_pop(&o->waiting)) != NULL)
        slv_event_abandon(slv_container_of(node, slv_event, object_node), end);
}

void slv_object_opened(slv_object *o, slv_code code, const slv_err *err)
{
    slv_shard *shard = o->all->shard;

    if (code != SLV_OK && o->open_code == SLV_OK) {
        o->open_code = code;
        o->open_err = *err;
        slv_hook_notice(shard, slv_str_from(slv_err_text(err)));
    }
    if (--o->opening > 0)
        return;
    slv_version *version = slv_object_version(o);
    if (o->open_code == SLV_OK && version && !o->all->closing) {
        o->state = SLV_OBJECT_PLACING;
        o->home = (slv_event){.ops = &home_ops, .inside = true, .object = o, .resident = true};
        slv_event_begin(&o->home, shard, version, (uint64_t)version->limits.cpu_fetch_ms * 1000, 0);
        return;
    }
    slv_object_files_close(&o->files);
    o->state = SLV_OBJECT_ABSENT;
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(8192);
    if (slv_object_error(&json,
                         version ? SLV_STR("Durable Object's storage could not be opened.")
                                 : SLV_STR("The worker of the Durable Object is not running."),
                         0) != SLV_OK)
        slv_buf_reset(&json);
    const slv_event_end end = {.outcome = SLV_OUTCOME_EXCEPTION, .error = slv_buf_view(&json)};
    slv_object_fail_waiting(o, &end);
    slv_object_release(o);
}

static bool send_open(slv_object *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(SLV_MESSAGE_SMALL_MAX);
    const int fds[] = {o->files.db, o->files.wal};
    uint32_t sockets = 0;

    SLV_LIST_EACH (node, &o->sockets) {
        (void)node;
        sockets++;
    }
    slv_msg_object_open m = {
        .class_name = o->class_name,
        .id = slv_str_make(o->id, SLV_OBJECT_ID_LEN),
        .bits = (uint8_t)((o->named ? SLV_OBJECT_NAMED : 0) | (o->sql ? SLV_OBJECT_SQL : 0)),
        .name = o->name,
        .jurisdiction = o->jurisdiction,
        .epoch = o->row.epoch,
        .alarm_ms = o->alarm.set_ms,
        .next_socket = o->next_socket,
        .sockets = sockets,
    };
    if (o->facet && slv_facet_describe(o, &m) != SLV_OK)
        return false;
    if (slv_msg_object_open_put(&payload, &m) != SLV_OK)
        return false;
    return slv_link_send_fds(slv_event_link(&o->home), SLV_FRAME_OBJECT_OPEN, o->home.pe.id,
                             slv_buf_view(&payload), fds, SLV_ARRAY_LEN(fds), NULL) == SLV_OK;
}

/* An isolate was chosen: the object is given to it, then what waited. */
static void home_send(slv_event *ev)
{
    slv_object *o = ev->object;
    slv_list *node;

    if (slv_peer_of(ev)->objects.len >= SLV_OBJECTS_PER_ISOLATE) {
        const slv_err full = {.code = SLV_E_AGAIN,
                              .message = "too many Durable Objects are open in one isolate"};
        const slv_event_end end = {.outcome = SLV_OUTCOME_EXCEPTION, .start_err = &full};

        slv_event_abandon(ev, &end);
        return;
    }
    o->state = SLV_OBJECT_RESIDENT;
    o->iso = ev->pe.isolate;
    slv_imap_set(&slv_peer_of(ev)->objects, ev->pe.id, o);
    if (!send_open(o)) {
        slv_link_violate(slv_event_link(ev), SLV_E_IO, "an object could not be given to it");
        return;
    }
    if (o->facet && slv_facet_stopped(o)) {
        slv_facet_stop(o);
        return;
    }
    while ((node = slv_list_pop(&o->waiting)) != NULL) {
        slv_event *call = slv_container_of(node, slv_event, object_node);

        slv_list_push(&o->calls, node);
        slv_event_place(call, o->iso);
    }
    if (slv_list_empty(&o->calls))
        slv_object_left(ev);
}

/* ---- calls ---- */

void slv_object_enter(slv_event *ev)
{
    slv_object *o = ev->object;

    o->call_count++;
    slv_list_remove(&o->idle);
    for (slv_object *p = slv_facet_parent(o); p; p = slv_facet_parent(p))
        slv_list_remove(&p->idle);
    if (o->state == SLV_OBJECT_RESIDENT) {
        slv_list_push(&o->calls, &ev->object_node);
        slv_pool_renew(&o->home.pe);
        slv_event_place(ev, o->iso);
        return;
    }
    ev->state = SLV_EVENT_WAITING;
    slv_list_push(&o->waiting, &ev->object_node);
    if (o->state == SLV_OBJECT_ABSENT)
        open_object(o);
}

void slv_object_left(slv_event *ev)
{
    slv_object *o = ev->object;

    if (!ev->resident) {
        slv_list_remove(&ev->object_node);
        o->call_count--;
    }
    if (o->state == SLV_OBJECT_RESIDENT && o->call_count == 0 && !slv_list_linked(&o->idle) &&
        !slv_facets_busy(o))
        slv_objects_idle(o);
}

/* ---- the end of a residence ---- */

void slv_object_close(slv_object *o, slv_close_reason reason, slv_str message)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(TEXT_MAX);

    if (reason != SLV_CLOSE_IDLE &&
        slv_object_error(&json, message, SLV_OBJECT_WAS_RESET | SLV_OBJECT_RETRYABLE) != SLV_OK)
        slv_buf_reset(&json);
    slv_object_close_json(o, reason, slv_buf_view(&json));
}

void slv_object_close_json(slv_object *o, slv_close_reason reason, slv_str error)
{
    if (o->state != SLV_OBJECT_RESIDENT)
        return; /* it may have no isolate */
    slv_link *link = slv_event_link(&o->home);
    const slv_msg_object_close m = {reason, error};
    o->state = SLV_OBJECT_CLOSING;
    slv_list_remove(&o->idle);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_OBJECT_CLOSE, 0, o->home.pe.id);
    slv_link_end(link, slv_msg_object_close_put(out, &m));
    slv_timer_start(&o->close_timer, o->all->shard->loop, SLV_OBJECT_CLOSE_MS);
}

static void on_close_timer(slv_timer *timer)
{
    slv_object *o = slv_container_of(timer, slv_object, close_timer);

    if (o->iso)
        slv_isolate_kill(o->iso, SLV_LOST_VIOLATION, "an object was not given back in time");
}

/* Refused: what came meanwhile goes to it. */
static void stay(slv_object *o)
{
    slv_list *node;

    slv_timer_stop(&o->close_timer);
    o->state = SLV_OBJECT_RESIDENT;
    if (o->facet && slv_facet_stopped(o)) {
        slv_facet_stop(o);
        return;
    }
    while ((node = slv_list_pop(&o->waiting)) != NULL) {
        slv_list_push(&o->calls, node);
        slv_event_place(slv_container_of(node, slv_event, object_node), o->iso);
    }
    slv_object_left(&o->home);
}

void slv_object_end(slv_object *o, slv_str error)
{
    const slv_event_end end = {.outcome = SLV_OUTCOME_ABORTED, .error = error};
    slv_list *node;

    o->state = SLV_OBJECT_ENDING;
    slv_timer_stop(&o->close_timer);
    slv_list_remove(&o->idle);
    slv_facets_end(o);
    if (o->facet)
        slv_facet_over(o, error);
    while ((node = slv_list_pop(&o->calls)) != NULL)
        slv_event_abandon(slv_container_of(node, slv_event, object_node), &end);
    slv_object_drop_held(o);
    slv_object_sockets_residence_over(o);
    if (o->home.state != SLV_EVENT_IDLE) {
        (void)slv_imap_remove(&slv_peer_of(&o->home)->objects, o->home.pe.id);
        o->iso = NULL; /* it gave the object back itself */
        slv_event_abandon(&o->home, &end);
        slv_object_sync_last(o);
    }
}

/* The isolate went, or none could be had. */
static void home_ended(slv_event *ev, const slv_event_end *end)
{
    slv_object *o = ev->object;

    if (o->state == SLV_OBJECT_ENDING)
        return;
    if (end->start_err) {
        o->iso = NULL;
        slv_object_files_close(&o->files);
        o->state = SLV_OBJECT_ENDING;
        slv_object_fail_waiting(o, end);
        slv_object_ended(o);
        return;
    }
    if (o->iso && slv_isolate_user(o->iso))
        (void)slv_imap_remove(&((slv_peer *)slv_isolate_user(o->iso))->objects, ev->pe.id);
    slv_str error = slv_object_call_error(ev, end);
    if (slv_buf_set(&o->end_error, error) != SLV_OK)
        slv_buf_reset(&o->end_error);
    o->isolate_gone = true;
    slv_object_end(o, slv_buf_view(&o->end_error));
}

void slv_objects_isolate_gone(slv_shard *shard, slv_isolate *iso)
{
    /* From the end: an object that has nothing to sync leaves the map at once, and the last one
     * takes its place. */
    for (size_t i = shard->objects->map.len; i > 0; i--) {
        slv_object *o = shard->objects->map.values[i - 1];

        if (o->iso == iso && o->state == SLV_OBJECT_ENDING) {
            o->iso = NULL;
            slv_object_sync_last(o);
        }
    }
}

void slv_object_ended(slv_object *o)
{
    slv_object_moved(o);
    slv_object_files_close(&o->files);
    o->state = SLV_OBJECT_ABSENT;
    if (!o->facet)
        slv_object_registry_leave(o);
    else if (slv_facet_remove(o))
        return;
    slv_object_settle(o);
}

void slv_object_settle(slv_object *o)
{
    slv_object *parent = slv_facet_parent(o);

    if (!slv_list_empty(&o->waiting) && !o->all->closing) {
        open_object(o);
        return;
    }
    const slv_event_end end = {.outcome = SLV_OUTCOME_CANCELED};
    slv_object_fail_waiting(o, &end);
    slv_object_release(o);
    if (parent && parent->state == SLV_OBJECT_RESIDENT)
        slv_object_left(&parent->home); /* it may be idle now */
}

/* ---- frames ---- */

slv_object *slv_object_of(slv_isolate *iso, uint32_t number)
{
    slv_peer *peer = slv_isolate_user(iso);
    slv_object **p = peer ? slv_imap_get(&peer->objects, number) : NULL;

    return p ? *p : NULL;
}

static slv_code take_opened(slv_object *o, slv_str payload, slv_err *err)
{
    int64_t alarm;

    if (o->told_opened || slv_msg_object_opened_get(payload, &alarm) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_OPENED");
    o->told_opened = true;
    if (alarm != o->alarm.set_ms && !o->facet) {
        slv_object_alarm_set(o, alarm == SLV_OBJECT_NO_ALARM ? SLV_ALARM_NONE : SLV_ALARM_SET,
                             alarm);
        slv_object_registry_save(o, NULL, NULL);
        slv_object_alarm_arm(o);
    }
    return SLV_OK;
}

static slv_code take_closed(slv_object *o, slv_str payload, slv_err *err)
{
    bool refused;

    if (o->state != SLV_OBJECT_CLOSING || slv_msg_object_closed_get(payload, &refused) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_CLOSED");
    if (refused) {
        stay(o);
    } else {
        o->over_when_durable = true;
        slv_object_commit_settled(o);
    }
    return SLV_OK;
}

/* The isolate's error, with the member that says what happened to the object. */
static slv_code set_reset_error(slv_buf *out, slv_str error)
{
    SLV_TRY(slv_buf_set(out, error));
    while (out->len > 0 && out->ptr[out->len - 1] != '}')
        out->len--;
    if (out->len < 2)
        return slv_buf_set(out, error);
    out->len--;
    return slv_buf_append(out, out->ptr[out->len - 1] == '{'
                                   ? SLV_STR("\"durableObjectReset\":true}")
                                   : SLV_STR(",\"durableObjectReset\":true}"));
}

static slv_code take_reset(slv_object *o, slv_str payload, slv_err *err)
{
    slv_str error;

    if (slv_msg_str_get(payload, &error) != SLV_OK || o->over_when_durable)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_RESET");
    if (set_reset_error(&o->end_error, error) != SLV_OK)
        slv_buf_reset(&o->end_error);
    o->state = SLV_OBJECT_CLOSING; /* no further call enters */
    slv_list_remove(&o->idle);
    slv_timer_stop(&o->close_timer);
    o->over_when_durable = true;
    slv_object_commit_settled(o);
    return SLV_OK;
}

slv_code slv_object_frame(slv_isolate *iso, const slv_frame *f, slv_err *err)
{
    slv_object *o = slv_object_of(iso, f->id);
    slv_msg_object_commit commit;

    if (!o || o->over_when_durable)
        return SLV_OK; /* it crossed the end of the residence */
    switch ((int)f->type) {
    case SLV_FRAME_OBJECT_OPENED:
        return take_opened(o, f->payload, err);
    case SLV_FRAME_OBJECT_CLOSED:
        return take_closed(o, f->payload, err);
    case SLV_FRAME_OBJECT_RESET:
        return take_reset(o, f->payload, err);
    case SLV_FRAME_OBJECT_GATE:
        slv_object_gate(o);
        return SLV_OK;
    case SLV_FRAME_OBJECT_CHECKPOINTED:
        return slv_object_checkpointed(o, f->payload, err);
    case SLV_FRAME_OBJECT_COMMIT:
        if (slv_msg_object_commit_get(f->payload, &commit) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_COMMIT");
        return slv_object_commit(o, &commit, err);
    default:
        return slv_object_socket_frame(o, f, err);
    }
}
