#include <stdlib.h>
#include <unistd.h>

#include "rt/object_int.h"

#define ERROR_JSON_MAX ((size_t)64 << 10)

static rt_object *find(slv_rt *rt, uint32_t number)
{
    rt_object **found = slv_imap_get(&rt->objects, number);

    return found ? *found : NULL;
}

bool slv_rt_object_is_open(slv_rt *rt, uint32_t number)
{
    rt_object *o = find(rt, number);

    return o && o->end == RT_OBJECT_LIVES;
}

rt_object *slv_rt_object_arg(slv_rt *rt, JSContextRef ctx, JSValueRef v, JSValueRef *exc)
{
    uint32_t number;
    rt_object *o;

    if (!slv_js_u32_arg(ctx, v, &number, exc))
        return NULL;
    o = find(rt, number);
    if (o && o->end == RT_OBJECT_LIVES)
        return o;
    slv_js_throw_error(ctx, exc, "This Durable Object has been reset.");
    return NULL;
}

/* ---- ending ---- */

static void object_free(slv_rt *rt, rt_object *o)
{
    slv_imap_remove(&rt->objects, o->number);
    slv_rt_object_cursors_end(o);
    slv_imap_done(&o->cursors);
    slv_durable_free(o->db);
    slv_rt_event_forget(rt, o->event);
    free(o);
}

/* From here on its natives refuse, its events are dumb. */
static void stop(slv_rt *rt, rt_object *o, rt_object_end how)
{
    o->end = how;
    slv_rt_object_cursors_end(o);
    slv_vec_push(&rt->ending, o->number);
}

void slv_rt_object_reset(slv_rt *rt, rt_object *o, slv_str error)
{
    size_t at;
    slv_buf *out;

    if (o->end != RT_OBJECT_LIVES)
        return;
    if (o->db)
        slv_durable_rollback(o->db);
    out = slv_rt_frame_begin(rt, SLV_FRAME_OBJECT_RESET, 0, o->number, &at);
    slv_rt_frame_end(rt, at, slv_msg_str_put(out, error));
    stop(rt, o, RT_OBJECT_RESET);
    for (size_t i = 0; i < rt->events.len; i++) {
        rt_event *event = rt->events.values[i];

        if (event->object == o->number || event == o->event)
            event->responded = event->ended = true;
    }
}

static slv_str error_json(const char *text, slv_buf *out)
{
    slv_buf_reset(out);
    if (slv_buf_printf(out, "{\"name\":\"Error\",\"message\":\"") != SLV_OK)
        return SLV_STR("");
    for (const char *p = text; *p; p++) {
        bool plain = (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\';

        if ((plain ? slv_buf_append_byte(out, *p)
                   : slv_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*p)) != SLV_OK)
            break;
    }
    return slv_buf_append(out, SLV_STR("\",\"stack\":\"\"}")) == SLV_OK ? slv_buf_view(out)
                                                                        : SLV_STR("");
}

static void break_object(slv_rt *rt, rt_object *o, const char *text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(ERROR_JSON_MAX);

    slv_rt_object_reset(rt, o, error_json(text, &json));
}

JSValueRef slv_rt_object_throw(slv_rt *rt, rt_object *o, JSContextRef ctx, const slv_err *err,
                               JSValueRef *exc)
{
    /* A full disk may have rolled back what the turn has written before. */
    if (err->code == SLV_E_IO || (err->code == SLV_E_LIMIT && !slv_durable_in_transaction(o->db)))
        break_object(rt, o, slv_err_text(err));
    else
        slv_rt_object_wrote(rt, o, true); /* it may have begun a transaction */
    return slv_js_throw_error(ctx, exc, "%s", slv_err_text(err));
}

/* Everything that JavaScript knows of it goes: in a turn of nobody's. */
static void tell_gone(slv_rt *rt, uint32_t number)
{
    JSValueRef arg;

    slv_rt_turn_begin(rt, NULL);
    arg = slv_js_num(slv_js_context(rt->js), number);
    slv_rt_turn_call(rt, rt->entries.object_gone, 1, &arg);
    slv_rt_turn_end(rt);
}

bool slv_rt_objects_drop_reset(slv_rt *rt, rt_event *turn)
{
    bool dropped_turn = false;

    for (size_t i = 0; i < rt->ending.len; i++) {
        uint32_t number = rt->ending.items[i];
        rt_object *o = find(rt, number);

        if (!o || o->end != RT_OBJECT_RESET)
            continue;
        for (size_t j = rt->events.len; j > 0; j--) {
            rt_event *event = rt->events.values[j - 1];

            if (event->object != number)
                continue;
            dropped_turn |= event == turn;
            slv_rt_event_forget(rt, event);
        }
        dropped_turn |= o->event == turn;
        object_free(rt, o);
    }
    return dropped_turn;
}

void slv_rt_objects_finish(slv_rt *rt)
{
    while (rt->ending.len) {
        uint32_t number = slv_vec_pop(&rt->ending);
        rt_object *o = find(rt, number);

        if (o) { /* closed, and its calls have said their END */
            size_t at;
            slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_OBJECT_CLOSED, 0, number, &at);

            slv_rt_frame_end(rt, at, slv_msg_object_closed_put(out, false));
            object_free(rt, o);
        }
        tell_gone(rt, number);
    }
}

/* ---- commits ---- */

void slv_rt_object_wrote(slv_rt *rt, rt_object *o, bool unconfirmed)
{
    if (!o->listed) {
        o->listed = true;
        slv_vec_push(&rt->written, o->number);
    }
    if (o->gated || unconfirmed || o->spanning || !slv_durable_dirty(o->db))
        return;
    o->gated = true;
    slv_rt_frame_send(rt, SLV_FRAME_OBJECT_GATE, 0, o->number, SLV_STR(""));
}

static void send_commit(slv_rt *rt, rt_object *o)
{
    const slv_msg_object_commit m = {++o->seq, !o->gated, o->alarm,
                                     o->alarm == SLV_ALARM_SET ? o->alarm_ms : 0,
                                     slv_durable_wal_frames(o->db)};
    size_t at;
    slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_OBJECT_COMMIT, 0, o->number, &at);

    slv_rt_frame_end(rt, at, slv_msg_object_commit_put(out, &m));
    o->gated = false;
    o->alarm = SLV_ALARM_SAME;
}

void slv_rt_object_commit(slv_rt *rt, rt_object *o)
{
    bool dirty = slv_durable_dirty(o->db);
    slv_err err = {0};

    if (o->spanning)
        return;
    if (slv_durable_commit(o->db, &err) != SLV_OK)
        break_object(rt, o, slv_err_text(&err));
    else if (dirty || o->gated) /* shut and then rolled back: a commit of nothing opens it */
        send_commit(rt, o);
}

void slv_rt_objects_commit(slv_rt *rt)
{
    while (rt->written.len) {
        rt_object *o = find(rt, slv_vec_pop(&rt->written));

        if (!o)
            continue;
        o->listed = false;
        if (o->end == RT_OBJECT_LIVES)
            slv_rt_object_commit(rt, o);
    }
}

/* ---- frames ---- */

/* Descriptors come in the order of the frames that name them. */
static bool take_fd(slv_rt *rt, int *ret)
{
    if (rt->fds.len == 0) {
        slv_rt_violation(rt, "a frame without its descriptors");
        return false;
    }
    *ret = rt->fds.items[0];
    rt->fds.len--;
    memmove(rt->fds.items, rt->fds.items + 1, rt->fds.len * sizeof(int));
    return true;
}

/* Inside a turn. Workers without objects do without the built-ins of objects. */
static void find_entries(slv_rt *rt)
{
    rt_entries *e = &rt->entries;
    const struct {
        JSObjectRef *slot;
        const char *name;
    } rows[] = {
        {&e->object_open, "onObjectOpen"},       {&e->object_close, "onObjectClose"},
        {&e->object_durable, "onObjectDurable"}, {&e->object_wake, "onObjectWake"},
        {&e->object_gone, "onObjectGone"},       {&e->alarm, "onAlarm"},
        {&e->socket_event, "onSocketEvent"},     {&e->facet_over, "onFacetOver"},
    };

    if (e->object_open)
        return;
    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++)
        *rows[i].slot = slv_rt_export(rt, "objects", rows[i].name);
}

static void enter_open(slv_rt *rt, rt_object *o, const slv_msg_object_open *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[10];

    slv_rt_turn_begin(rt, o->event);
    find_entries(rt);
    args[0] = slv_js_num(ctx, o->number);
    args[1] = slv_js_string(ctx, m->class_name);
    args[2] = slv_js_string(ctx, m->id);
    args[3] = slv_js_num(ctx, m->bits);
    args[4] = slv_js_string(ctx, m->name);
    args[5] = slv_js_string(ctx, m->jurisdiction);
    args[6] = slv_js_num(ctx, m->next_socket);
    args[7] = slv_js_num(ctx, m->sockets);
    args[8] = slv_js_num(ctx, m->depth);
    args[9] = slv_js_string(ctx, m->props);
    slv_rt_turn_call(rt, rt->entries.object_open, SLV_ARRAY_LEN(args), args);
    slv_rt_turn_end(rt);
}

static void send_opened(slv_rt *rt, rt_object *o, int64_t alarm_ms)
{
    size_t at;
    slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_OBJECT_OPENED, 0, o->number, &at);

    slv_rt_frame_end(rt, at, slv_msg_object_opened_put(out, alarm_ms));
}

static void open_frame(slv_rt *rt, const slv_frame *frame)
{
    slv_durable_options options = {.db_fd = -1, .wal_fd = -1};
    slv_msg_object_open m;
    int64_t alarm_ms = SLV_DURABLE_NO_ALARM;
    rt_event *event;
    rt_object *o;
    slv_err err = {0};

    if (rt->state != RT_STARTED || slv_msg_object_open_get(frame->payload, &m) != SLV_OK) {
        slv_rt_violation(rt, "OBJECT_OPEN that cannot be read");
        return;
    }
    if (!take_fd(rt, &options.db_fd) || !take_fd(rt, &options.wal_fd))
        return;
    event = slv_rt_event_new(rt, frame->id);
    if (!event) {
        (void)close(options.db_fd);
        (void)close(options.wal_fd);
        return;
    }
    event->resident = true;
    o = slv_new0(rt_object);
    o->number = frame->id;
    o->event = event;
    slv_imap_set(&rt->objects, o->number, o);
    if (slv_durable_open_take(&options, &o->db, &err) != SLV_OK ||
        slv_durable_alarm_get(o->db, &alarm_ms, &err) != SLV_OK)
        break_object(rt, o, slv_err_text(&err));
    else
        send_opened(rt, o, alarm_ms);
    enter_open(rt, o, &m);
}

static void close_frame(slv_rt *rt, rt_object *o, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    slv_msg_object_close m;
    JSValueRef args[4];

    if (slv_msg_object_close_get(frame->payload, &m) != SLV_OK) {
        slv_rt_violation(rt, "OBJECT_CLOSE that cannot be read");
        return;
    }
    slv_rt_turn_begin(rt, o->event);
    args[0] = slv_js_num(ctx, o->number);
    args[1] = slv_js_bool(ctx, m.reason == SLV_CLOSE_IDLE);
    args[2] = slv_js_bool(ctx, o->event->waits > 0 || o->spanning > 0 || o->wanted > 0);
    args[3] = slv_js_string(ctx, m.error);
    slv_rt_turn_call(rt, rt->entries.object_close, 4, args);
    slv_rt_turn_end(rt);
}

static void durable_frame(slv_rt *rt, rt_object *o, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[2];

    if (slv_msg_object_durable_get(frame->payload, &o->durable) != SLV_OK || o->durable > o->seq) {
        slv_rt_violation(rt, "OBJECT_DURABLE that cannot be read");
        return;
    }
    if (o->wanted == 0)
        return;
    if (o->durable >= o->wanted)
        o->wanted = 0;
    slv_rt_turn_begin(rt, o->event);
    args[0] = slv_js_num(ctx, o->number);
    args[1] = slv_js_num(ctx, (double)o->durable);
    slv_rt_turn_call(rt, rt->entries.object_durable, 2, args);
    slv_rt_turn_end(rt);
}

static void facet_over_frame(slv_rt *rt, rt_object *o, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[3];
    uint32_t run;
    slv_str error;

    if (slv_msg_facet_over_get(frame->payload, &run, &error) != SLV_OK) {
        slv_rt_violation(rt, "FACET_OVER that cannot be read");
        return;
    }
    slv_rt_turn_begin(rt, o->event);
    args[0] = slv_js_num(ctx, o->number);
    args[1] = slv_js_num(ctx, run);
    args[2] = slv_js_string(ctx, error);
    slv_rt_turn_call(rt, rt->entries.facet_over, SLV_ARRAY_LEN(args), args);
    slv_rt_turn_end(rt);
}

static void send_checkpointed(slv_rt *rt, const rt_object *o, bool changed)
{
    size_t at;
    slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_OBJECT_CHECKPOINTED, 0, o->number, &at);

    slv_rt_frame_end(rt, at, slv_msg_object_checkpointed_put(out, changed));
}

/* Main has a log for what comes next. */
static void checkpoint(slv_rt *rt, rt_object *o, int next)
{
    slv_err err = {0};
    bool changed = false;

    if (slv_durable_wal_bytes(o->db) > SLV_DURABLE_WAL_MAX)
        slv_rt_object_cursors_end(o); /* left half-read for long, most likely */
    if (o->spanning > 0) {
        (void)close(next);
    } else if (slv_durable_change_wal(o->db, next, &changed, &err) != SLV_OK) {
        break_object(rt, o, slv_err_text(&err));
        (void)slv_rt_objects_drop_reset(rt, NULL);
        slv_rt_objects_finish(rt);
        return;
    }
    send_checkpointed(rt, o, changed);
}

void slv_rt_object_frame(slv_rt *rt, const slv_frame *frame)
{
    rt_object *o = find(rt, frame->id);
    int next = -1;

    if (frame->type == SLV_FRAME_OBJECT_OPEN) {
        open_frame(rt, frame);
        return;
    }
    if (frame->type == SLV_FRAME_OBJECT_CHECKPOINT && !take_fd(rt, &next))
        return;
    if (!o || o->end != RT_OBJECT_LIVES) { /* crossed a RESET */
        if (next >= 0)
            (void)close(next);
        return;
    }
    if (frame->type == SLV_FRAME_OBJECT_CLOSE)
        close_frame(rt, o, frame);
    else if (frame->type == SLV_FRAME_OBJECT_DURABLE)
        durable_frame(rt, o, frame);
    else if (frame->type == SLV_FRAME_FACET_OVER)
        facet_over_frame(rt, o, frame);
    else
        checkpoint(rt, o, next);
}

/* A turn for each object that asked for one, until none does. */
void slv_rt_objects_wake(slv_rt *rt)
{
    while (rt->waking.len) {
        uint32_t number = rt->waking.items[0];
        rt_object *o = find(rt, number);
        JSValueRef arg;

        rt->waking.len--;
        memmove(rt->waking.items, rt->waking.items + 1, rt->waking.len * sizeof(uint32_t));
        if (!o || o->end != RT_OBJECT_LIVES)
            continue;
        o->waking = false;
        slv_rt_turn_begin(rt, o->event);
        arg = slv_js_num(slv_js_context(rt->js), number);
        slv_rt_turn_call(rt, rt->entries.object_wake, 1, &arg);
        slv_rt_turn_end(rt);
    }
}

void slv_rt_objects_done(slv_rt *rt)
{
    while (rt->objects.len)
        object_free(rt, rt->objects.values[0]);
    for (size_t i = 0; i < rt->fds.len; i++)
        (void)close(rt->fds.items[i]);
    slv_imap_done(&rt->objects);
    slv_vec_done(&rt->written);
    slv_vec_done(&rt->ending);
    slv_vec_done(&rt->waking);
    slv_vec_done(&rt->fds);
}

/* ---- natives ---- */

/* objectWake(object): a turn of the object's own, as soon as this one is over */
SLV_NATIVE(object_wake)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);

    if (!o)
        return NULL;
    if (!o->waking) {
        o->waking = true;
        slv_vec_push(&rt->waking, o->number);
    }
    return slv_js_undefined(ctx);
}

/* objectReset(object, error JSON): it is over, with all that it had not committed */
SLV_NATIVE(object_reset)
{
    slv_rt *rt = slv_rt_current();
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(ERROR_JSON_MAX);
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    JSValueRef thrown = NULL;

    if (!o)
        return NULL;
    if (!slv_js_append_arg(ctx, SLV_ARG(1), &json, &thrown))
        error_json("The Durable Object was reset by an error that is too large to be told.", &json);
    slv_rt_object_reset(rt, o, slv_buf_view(&json));
    return slv_js_undefined(ctx);
}

/* objectClosed(object, refused): the answer to OBJECT_CLOSE */
SLV_NATIVE(object_closed)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    size_t at;
    slv_buf *out;

    if (!o)
        return NULL;
    if (!JSValueToBoolean(ctx, SLV_ARG(1))) {
        if (o->spanning)
            slv_durable_rollback(o->db);
        o->spanning = 0;
        slv_rt_object_commit(rt, o);
        if (o->end == RT_OBJECT_LIVES)
            stop(rt, o, RT_OBJECT_CLOSED);
        return slv_js_undefined(ctx);
    }
    out = slv_rt_frame_begin(rt, SLV_FRAME_OBJECT_CLOSED, 0, o->number, &at);
    slv_rt_frame_end(rt, at, slv_msg_object_closed_put(out, true));
    return slv_js_undefined(ctx);
}

/* objectSync(object) -> sequence to wait for (objectDurable comes), or 0: all is durable */
SLV_NATIVE(object_sync)
{
    slv_rt *rt = slv_rt_current();
    rt_object *o = slv_rt_object_arg(rt, ctx, SLV_ARG(0), exc);
    uint64_t last;

    if (!o)
        return NULL;
    last = o->seq + (o->gated || (!o->spanning && slv_durable_dirty(o->db)));
    if (last <= o->durable)
        return slv_js_num(ctx, 0);
    o->wanted = last;
    return slv_js_num(ctx, (double)last);
}

static const slv_native object_natives[] = {
    {"objectWake", object_wake},
    {"objectReset", object_reset},
    {"objectClosed", object_closed},
    {"objectSync", object_sync},
};

void slv_rt_add_object_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, object_natives, SLV_ARRAY_LEN(object_natives));
    slv_rt_add_object_store_natives(rt);
    slv_rt_add_object_sql_natives(rt);
    slv_rt_add_object_socket_natives(rt);
}
