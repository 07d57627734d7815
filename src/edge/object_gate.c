/*
 * Commits of objects, and the output gate: frames that others could see wait here until the writes
 * before them are durable. Syncs of many objects run beside each other; one object has one sync
 * under way at a time, and what it commits meanwhile waits for the next.
 */
#include "base/mem.h"
#include "edge/object_int.h"

typedef struct held_frame {
    slv_list node;
    uint64_t need; /* durable when this sequence is */
    slv_frame_type type;
    uint8_t flags;
    uint32_t id;
    uint32_t number; /* of a stream that it opens, known to the peer meanwhile; 0: none */
    size_t len;
    char payload[];
} held_frame;

/* ---- what belongs to whom ---- */

static slv_object *object_of_event(slv_isolate *iso, uint32_t id)
{
    slv_pool_event *pe = slv_isolate_event(iso, id);

    return pe ? slv_container_of(pe, slv_event, pe)->object : NULL;
}

static slv_object *object_of_stream(slv_isolate *iso, slv_peer *peer, uint32_t number)
{
    slv_object **p = slv_imap_get(&peer->held_numbers, number);

    if (p)
        return *p;
    return object_of_event(iso, slv_link_stream_event(slv_isolate_link(iso), number));
}

static bool shut(const slv_object *o)
{
    return o->writing || o->gated > o->durable || o->deleting > 0 || !slv_list_empty(&o->held);
}

/* OP_CANCEL names an operation whose OP may be among what is held. */
static slv_object *object_of_held_op(slv_peer *peer, uint32_t op)
{
    SLV_MAP_EACH (&peer->objects, i) {
        slv_object *o = peer->objects.values[i];

        SLV_LIST_EACH (node, &o->held) {
            const held_frame *h = slv_container_of(node, held_frame, node);

            if (h->type == SLV_FRAME_OP && h->id == op)
                return o;
        }
    }
    return NULL;
}

static slv_object *object_of_frame(slv_isolate *iso, slv_peer *peer, const slv_frame *f)
{
    slv_reader r;

    switch ((int)f->type) {
    case SLV_FRAME_RESPONSE:
    case SLV_FRAME_RPC_RESULT:
    case SLV_FRAME_END:
        return object_of_event(iso, f->id);
    case SLV_FRAME_OP:
        r = slv_reader_make(f->payload);
        return object_of_event(iso, slv_read_u32(&r));
    case SLV_FRAME_OP_CANCEL:
        return object_of_held_op(peer, f->id);
    case SLV_FRAME_DATA:
    case SLV_FRAME_FAIL:
    case SLV_FRAME_WS_DATA:
    case SLV_FRAME_WS_CLOSE:
    case SLV_FRAME_WS_FAIL:
        return object_of_stream(iso, peer, f->id);
    case SLV_FRAME_SOCKET_SEND:
    case SLV_FRAME_SOCKET_CLOSE:
        return slv_object_of(iso, f->id);
    default:
        return NULL;
    }
}

/* The stream or socket of the isolate's that a message opens; frames about it may follow. */
static uint32_t opened_number(const slv_frame *f)
{
    slv_msg_response response;
    slv_msg_op op;

    if (f->type == SLV_FRAME_RESPONSE && slv_msg_response_get(f->payload, &response) == SLV_OK &&
        (response.body_kind == SLV_BODY_STREAM || response.body_kind == SLV_BODY_SOCKET))
        return response.number & 1 ? response.number : 0;
    if (f->type != SLV_FRAME_OP || slv_msg_op_get(f->payload, &op) != SLV_OK)
        return 0;
    uint32_t number = 0;
    if (op.kind == SLV_OP_FETCH || op.kind == SLV_OP_SERVICE_FETCH)
        number = op.fetch.body_stream;
    else if (op.kind >= SLV_OP_STORE_FIRST)
        number = op.store.stream;
    return number & 1 ? number : 0;
}

/* Streams in the table of capabilities of a message. */
static void each_cap(const slv_frame *f, slv_peer *peer, slv_object *o, bool add)
{
    slv_msg_result_rpc result = {0};
    const slv_msg_caps *caps = NULL;
    slv_msg_op op;

    if (f->type == SLV_FRAME_RPC_RESULT && !(f->flags & SLV_FRAME_ERROR) &&
        slv_msg_result_rpc_get(f->payload, &result) == SLV_OK)
        caps = &result.caps;
    else if (f->type == SLV_FRAME_OP && slv_msg_op_get(f->payload, &op) == SLV_OK &&
             op.kind == SLV_OP_RPC)
        caps = &op.rpc.caps;
    for (size_t i = 0; caps && i < caps->count; i++) {
        slv_msg_cap cap = slv_msg_cap_at(caps, i);

        if (cap.kind == SLV_CAP_CALLABLE || cap.kind == SLV_CAP_WRITE || !(cap.number & 1))
            continue;
        if (add)
            slv_imap_set(&peer->held_numbers, cap.number, o);
        else
            (void)slv_imap_remove(&peer->held_numbers, cap.number);
    }
}

/* ---- holding and releasing ---- */

bool slv_object_hold(slv_isolate *iso, const slv_frame *f)
{
    slv_peer *peer = slv_isolate_user(iso);

    if (!peer || peer->objects.len == 0)
        return false;
    slv_object *o = object_of_frame(iso, peer, f);
    if (!o || !shut(o))
        return false;
    held_frame *h = slv_alloc(sizeof *h + f->payload.len);
    *h = (held_frame){.need = o->writing ? o->committed + 1 : o->gated,
                      .type = f->type,
                      .flags = f->flags,
                      .id = f->id,
                      .number = opened_number(f),
                      .len = f->payload.len};
    if (f->payload.len > 0)
        memcpy(h->payload, f->payload.ptr, f->payload.len);
    if (h->number)
        slv_imap_set(&peer->held_numbers, h->number, o);
    each_cap(f, peer, o, true);
    slv_list_push(&o->held, &h->node);
    return true;
}

static slv_frame frame_of(const held_frame *h)
{
    return (slv_frame){h->type, h->flags, h->id, slv_str_make(h->payload, h->len)};
}

static void forget_numbers(slv_peer *peer, const held_frame *h, slv_object *o)
{
    slv_frame f = frame_of(h);

    if (h->number)
        (void)slv_imap_remove(&peer->held_numbers, h->number);
    each_cap(&f, peer, o, false);
}

/* What has waited for sequences that are durable now, and for facets that are removed, goes where
 * it was going. */
void slv_object_gate_open(slv_object *o)
{
    while (!slv_list_empty(&o->held) && o->iso) {
        held_frame *h = slv_container_of(o->held.next, held_frame, node);
        slv_link *link = slv_isolate_link(o->iso);
        slv_err err = {0};

        if (h->need > o->durable || o->deleting > 0 || !link || slv_link_is_closed(link))
            return;
        slv_list_remove(&h->node);
        forget_numbers(slv_isolate_user(o->iso), h, o);
        slv_frame f = frame_of(h);
        slv_code code = slv_link_deliver(link, &f, &err);
        free(h);
        if (code != SLV_OK) {
            slv_link_violate(link, SLV_E_PROTOCOL, "%s", slv_err_text(&err));
            return;
        }
    }
}

void slv_object_drop_held(slv_object *o)
{
    slv_peer *peer = o->iso ? slv_isolate_user(o->iso) : NULL;
    slv_list *node;

    while ((node = slv_list_pop(&o->held)) != NULL) {
        held_frame *h = slv_container_of(node, held_frame, node);

        if (peer)
            forget_numbers(peer, h, o);
        free(h);
    }
}

/* ---- commits ---- */

void slv_object_gate(slv_object *o)
{
    o->writing = true;
    o->acts++;
}

slv_code slv_object_commit(slv_object *o, const slv_msg_object_commit *m, slv_err *err)
{
    if (m->seq != o->committed + 1)
        return slv_fail(err, SLV_E_PROTOCOL, "OBJECT_COMMIT out of sequence");
    o->committed = m->seq;
    if (m->frames > 0)
        o->frames = m->frames;
    if (o->facet && m->alarm == SLV_ALARM_SET)
        return slv_fail(err, SLV_E_PROTOCOL, "an alarm of a facet");
    o->acts++;
    o->writing = false;
    if (!m->unconfirmed)
        o->gated = m->seq;
    if (m->alarm != SLV_ALARM_SAME)
        slv_object_alarm_set(o, m->alarm, m->alarm_ms);
    slv_object_sync_soon(o);
    return SLV_OK;
}

void slv_object_sync_soon(slv_object *o)
{
    if (!o->syncing && !slv_list_linked(&o->dirty)) {
        slv_list_push(&o->all->dirty, &o->dirty);
        slv_loop_flush(o->all->shard->loop, &o->all->sync);
    }
}

slv_code slv_object_checkpointed(slv_object *o, slv_str payload, slv_err *err)
{
    bool changed;

    if (!o->checkpointing || slv_msg_object_checkpointed_get(payload, &changed) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed OBJECT_CHECKPOINTED");
    o->checkpointing = false;
    o->rotate = changed;
    o->drop_next = !changed;
    if (changed) {
        o->frames = 0;
        o->refused = 0;
    }
    slv_object_sync_soon(o);
    return SLV_OK;
}

typedef struct sync_job {
    slv_job job;
    slv_object *o;
    slv_state *state;
    uint64_t seq;   /* durable when all parts are done */
    unsigned parts; /* the files, and the registry when the alarm changed */
    uint64_t wal_bytes;
    bool rotate, drop_next;
    uint64_t checkpoint_from; /* bytes of the log; 0: never */
    bool prepared;            /* a log for the time after a checkpoint is there */
    uint32_t frames;
    int64_t now_ms;
    slv_list asks;
    slv_code code;
    slv_err err;
} sync_job;

/* Without the way back there is no checkpoint; the log grows until there is room for it, and as
 * long as the directory is held. */
static bool prepare(sync_job *s, slv_object_files *f)
{
    if (!slv_state_move_begin(s->state))
        return false;
    if (slv_object_files_prepare(f, NULL) == SLV_OK)
        return true;
    slv_state_move_end(s->state);
    return false;
}

static void sync_run(slv_job *job)
{
    sync_job *s = slv_container_of(job, sync_job, job);

    slv_object_files *f = &s->o->files;

    if (s->drop_next)
        slv_object_files_drop_next(f);
    if (s->rotate)
        s->code = slv_object_files_rotate(f, &s->err);
    if (s->code == SLV_OK)
        s->code = slv_object_files_sync(f, &s->wal_bytes, &s->err);
    if (s->code != SLV_OK)
        return;
    if (s->frames > 0)
        slv_object_files_note(f, s->frames, s->now_ms);
    SLV_LIST_EACH (node, &s->asks)
        slv_object_question_run(slv_object_question_of(node), f);
    s->prepared = s->checkpoint_from > 0 && s->wal_bytes >= s->checkpoint_from && !f->restoring &&
                  prepare(s, f);
    slv_state_gate(s->state);
}

static void begin_sync(slv_object *o);

void slv_object_moved(slv_object *o)
{
    if (o->moving)
        slv_state_move_end(o->all->shard->server->o.state);
    o->moving = false;
}

static void tell_checkpoint(slv_object *o, uint64_t wal_bytes)
{
    o->checkpointing = true;
    o->refused = wal_bytes;
    if (slv_link_send_fds(slv_event_link(&o->home), SLV_FRAME_OBJECT_CHECKPOINT, o->home.pe.id,
                          SLV_STR_NULL, &o->files.next, 1, NULL) != SLV_OK)
        slv_link_violate(slv_event_link(&o->home), SLV_E_IO, "a log could not be given to it");
}

static void tell_durable(slv_object *o, const sync_job *s)
{
    if (!o->iso || o->state == SLV_OBJECT_ENDING || o->over_when_durable)
        return;
    if (s->seq > o->durable) { /* else the sync was for something else than commits */
        slv_link *link = slv_event_link(&o->home);
        slv_buf *out = slv_link_begin(link, SLV_FRAME_OBJECT_DURABLE, 0, o->home.pe.id);

        slv_link_end(link, slv_msg_object_durable_put(out, s->seq));
    }
    if (s->prepared)
        tell_checkpoint(o, s->wal_bytes);
}

static void sync_failed(slv_object *o, const slv_err *err)
{
    slv_hook_notice(o->all->shard, slv_str_from(slv_err_text(err)));
    slv_object_drop_held(o);
    if (o->state == SLV_OBJECT_ENDING && !o->iso)
        slv_object_ended(o);
    else if (o->state != SLV_OBJECT_ENDING && o->iso)
        slv_isolate_kill(o->iso, SLV_LOST_VIOLATION, "a write of a Durable Object failed");
}

static void finish_asks(sync_job *s)
{
    slv_list *node;

    while ((node = slv_list_pop(&s->asks)) != NULL)
        slv_object_question_done(slv_object_question_of(node));
}

static bool has_work(const slv_object *o)
{
    return o->committed > o->durable || o->alarm_unsaved || o->rotate || o->drop_next ||
           !slv_list_empty(&o->asks);
}

static void sync_over(sync_job *s)
{
    slv_object *o = s->o;

    o->syncing = false;
    if (s->rotate || s->drop_next)
        slv_object_moved(o);
    o->moving |= s->prepared;
    finish_asks(s);
    if (s->code != SLV_OK) {
        sync_failed(o, &s->err);
        free(s);
        return;
    }
    tell_durable(o, s);
    o->durable = s->seq;
    free(s);
    slv_object_alarm_arm(o);
    slv_object_gate_open(o);
    if (has_work(o))
        begin_sync(o);
    else if (o->state == SLV_OBJECT_ENDING && !o->iso)
        slv_object_ended(o);
    else
        slv_object_commit_settled(o);
}

static void sync_part_done(sync_job *s)
{
    slv_objects *all = s->o->all;

    if (--s->parts == 0)
        sync_over(s);
    slv_objects_pending_done(all);
}

static void sync_done(slv_job *job)
{
    sync_part_done(slv_container_of(job, sync_job, job));
}

static void on_saved(slv_object *o, void *arg, slv_code code, const slv_err *err)
{
    sync_job *s = arg;

    (void)o;
    if (code != SLV_OK && s->code == SLV_OK) {
        s->code = code;
        s->err = *err;
    }
    sync_part_done(s);
}

static void begin_sync(slv_object *o)
{
    sync_job *s = slv_new0(sync_job);

    s->job = (slv_job){.run = sync_run, .done = sync_done};
    s->o = o;
    s->state = o->all->shard->server->o.state;
    s->seq = o->committed;
    s->parts = o->alarm_unsaved ? 2 : 1;
    s->rotate = o->rotate;
    s->drop_next = o->drop_next;
    s->frames = o->frames;
    s->now_ms = slv_loop_wall_ms(o->all->shard->loop);
    if (!o->checkpointing && o->iso && o->state != SLV_OBJECT_ENDING)
        s->checkpoint_from =
            SLV_MAX(SLV_OBJECT_CHECKPOINT_BYTES, o->refused + SLV_OBJECT_CHECKPOINT_BYTES / 4);
    slv_list_init(&s->asks);
    while (!slv_list_empty(&o->asks))
        slv_list_push(&s->asks, slv_list_pop(&o->asks));
    o->rotate = o->drop_next = false;
    o->syncing = true;
    if (o->alarm_unsaved) {
        o->all->pending++;
        slv_object_registry_save(o, on_saved, s);
    }
    slv_objects_job(o->all, &s->job);
}

static void on_sync(slv_task *task)
{
    slv_objects *all = slv_container_of(task, slv_objects, sync);
    slv_list *node;

    while ((node = slv_list_pop(&all->dirty)) != NULL) {
        slv_object *o = slv_container_of(node, slv_object, dirty);

        if (!o->syncing)
            begin_sync(o);
    }
}

void slv_objects_sync_init(slv_objects *all)
{
    slv_list_init(&all->dirty);
    all->sync.fn = on_sync;
}

void slv_object_commit_settled(slv_object *o)
{
    if (!o->over_when_durable || o->state == SLV_OBJECT_ENDING || o->syncing ||
        (o->committed > o->durable && o->files.db >= 0))
        return;
    o->over_when_durable = false;
    slv_object_end(o, slv_buf_view(&o->end_error));
}

void slv_object_sync_last(slv_object *o)
{
    slv_list_remove(&o->dirty);
    if (o->syncing)
        return; /* what follows it ends the residence */
    if (has_work(o))
        begin_sync(o);
    else
        slv_object_ended(o);
}
