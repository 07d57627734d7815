#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "rt/rt_int.h"
#include "rt/title.h"

/*
 * The life of an isolate: read all frames that are there, one turn for each, write what gathered,
 * wait.
 *
 * A turn is: lock the engine, one call for one event, unlock, which runs the promise jobs. The jobs
 * belong to that event, because nothing else enters JavaScript before they are through.
 */

#define PUMP_EVERY 64    /* batches between two looks at the engine's own loop */
#define IDLE_STEP_MS 500 /* how long to wait while the engine may still have work of its own */
#define IDLE_COLLECT 4   /* steps after which garbage is collected once */
#define IDLE_STEPS 24 /* after that its helper threads have gone, and waiting is for main alone */
#define OUT_WRITTEN_MAX ((size_t)256 << 10) /* of the queue's front, before it is moved */
#define LONG_TURN_NS 1000000                /* of wall time */
#define FDS_MAX 16                          /* descriptors that one read takes */
#define EXPORT_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- turns ---- */

void slv_rt_turn_begin(slv_rt *rt, rt_event *event)
{
    SLV_ASSERT(!rt->turn);
    rt->turn = event;
    atomic_store_explicit(&rt->page->event, event ? event->id : 0, memory_order_relaxed);
    atomic_store_explicit(&rt->page->last, event ? event->id : 0, memory_order_relaxed);
    atomic_store_explicit(&rt->page->turn,
                          atomic_load_explicit(&rt->page->turn, memory_order_relaxed) + 1,
                          memory_order_release);
    slv_js_enter(rt->js);
}

/* Entries catch what user code throws; this is an error of ours, or a stack that is full. */
static void log_thrown(slv_rt *rt, JSValueRef thrown)
{
    SLV_CLEANUP(slv_js_error_done) slv_js_error error = SLV_JS_ERROR_INIT;
    size_t at;
    slv_buf *out;

    slv_js_describe(rt->js, thrown, &error, NULL);
    out = slv_rt_frame_begin(rt, SLV_FRAME_LOG, 0, rt->turn ? rt->turn->id : 0, &at);
    const slv_msg_log log = {SLV_CONSOLE_ERROR,
                             slv_buf_view(error.stack.len ? &error.stack : &error.message),
                             SLV_STR(""), SLV_STR("")};
    slv_rt_frame_end(rt, at, slv_msg_log_put(out, &log));
}

void slv_rt_turn_call(slv_rt *rt, JSObjectRef fn, size_t argc, const JSValueRef argv[])
{
    JSValueRef thrown = NULL;

    (void)JSObjectCallAsFunction(slv_js_context(rt->js), fn, NULL, argc, argv, &thrown);
    if (SLV_UNLIKELY(thrown != NULL))
        log_thrown(rt, thrown);
}

/* From here on time is counted for the turns that follow. */
static void start_accounts(slv_rt *rt)
{
    rt->cpu_mark_ns = slv_clock_thread_cpu_ns();
    rt->wall_mark_ns = slv_clock_mono_ns();
    rt->charged_ns = 0;
}

/* The thread's CPU clock is a system call, the wall clock is not: a turn below a millisecond is
   charged its wall time (it cannot have used more CPU), a longer one what the CPU clock says less
   what the short ones before it were charged. */
static void charge(slv_rt *rt, rt_event *event)
{
    uint64_t now = slv_clock_mono_ns();
    uint64_t ns = now - rt->wall_mark_ns;

    if (ns >= LONG_TURN_NS) {
        uint64_t used = slv_clock_thread_cpu_ns() - rt->cpu_mark_ns;

        event->cpu_ns += used > rt->charged_ns ? used - rt->charged_ns : 0;
        start_accounts(rt);
        return;
    }
    event->cpu_ns += ns;
    rt->charged_ns += ns;
    rt->wall_mark_ns = now;
}

void slv_rt_turn_end(slv_rt *rt)
{
    rt_event *event = rt->turn;

    slv_js_leave(rt->js);
    rt->turn = NULL;
    atomic_store_explicit(&rt->page->event, 0, memory_order_relaxed);
    if (event)
        charge(rt, event);
    if (rt->written.len)
        slv_rt_objects_commit(rt);
    if (rt->ending.len && slv_rt_objects_drop_reset(rt, event))
        event = NULL;
    if (event)
        slv_rt_event_settle(rt, event);
    while (rt->finished.len) {
        event = slv_rt_event_find(rt, slv_vec_pop(&rt->finished));
        if (event)
            slv_rt_event_settle(rt, event);
    }
    if (rt->ending.len)
        slv_rt_objects_finish(rt);
}

/* ---- frames out ---- */

slv_buf *slv_rt_frame_begin(slv_rt *rt, slv_frame_type type, uint8_t flags, uint32_t id,
                            size_t *ret_at)
{
    SLV_ASSERT(slv_frame_begin(&rt->out, type, flags, id, ret_at) == SLV_OK);
    return &rt->out;
}

void slv_rt_frame_end(slv_rt *rt, size_t at, slv_code code)
{
    if (code != SLV_OK || slv_frame_end(&rt->out, at) != SLV_OK)
        slv_frame_undo(&rt->out, at);
}

slv_code slv_rt_frame_try_end(slv_rt *rt, size_t at)
{
    slv_code code = slv_frame_end(&rt->out, at);

    if (code != SLV_OK)
        slv_frame_undo(&rt->out, at);
    return code;
}

void slv_rt_frame_send(slv_rt *rt, slv_frame_type type, uint8_t flags, uint32_t id, slv_str payload)
{
    if (slv_frame_put(&rt->out, type, flags, id, payload) != SLV_OK)
        slv_rt_violation(rt, "more is waiting to be written than an isolate may hold");
}

void slv_rt_violation(slv_rt *rt, const char *what)
{
    if (!rt->closed)
        rt->violation = what;
    rt->closed = true;
}

/* While main reads more slowly than JavaScript writes, the queue never runs empty: what is written
   makes room at its front. */
static void compact(slv_rt *rt)
{
    if (rt->out_at >= OUT_WRITTEN_MAX && rt->out_at >= rt->out.len / 2) {
        slv_buf_consume(&rt->out, rt->out_at);
        rt->out_at = 0;
    }
}

static slv_code flush(slv_rt *rt)
{
    while (rt->out_at < rt->out.len) {
        ssize_t n = send(rt->fd, rt->out.ptr + rt->out_at, rt->out.len - rt->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            compact(rt);
            return SLV_E_AGAIN;
        }
        if (n < 0) {
            rt->closed = true;
            return SLV_E_CLOSED;
        }
        rt->out_at += (size_t)n;
    }
    rt->out_at = 0;
    slv_buf_reset(&rt->out);
    if (rt->out.cap > ((size_t)4 << 20)) { /* a burst has passed */
        slv_buf_done(&rt->out);
    }
    return SLV_OK;
}

/* ---- frames in ---- */

/* Descriptors wait for the frames that name them. */
static void keep_fds(slv_rt *rt, struct msghdr *msg)
{
    if (msg->msg_flags & MSG_CTRUNC)
        slv_rt_violation(rt, "more descriptors than an isolate may hold");
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            slv_vec_push(&rt->fds, fd);
        }
    }
}

/* Reads once. SLV_E_AGAIN: nothing there; *ret_more: there may be more. */
static slv_code read_some(slv_rt *rt, bool *ret_more)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    char *ptr;
    size_t room;
    ssize_t n;

    SLV_TRY(slv_frame_reader_room(&rt->reader, SLV_RT_READ_MAX, &ptr, &room));
    struct iovec io = {ptr, room};
    struct msghdr msg = {.msg_iov = &io,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    do
        n = recvmsg(rt->fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n > 0 && msg.msg_controllen > 0)
        keep_fds(rt, &msg);
    if (n < 0 && errno == EAGAIN)
        return SLV_E_AGAIN;
    if (n <= 0) {
        rt->closed = true;
        return SLV_E_CLOSED;
    }
    slv_frame_reader_got(&rt->reader, (size_t)n);
    *ret_more = (size_t)n == room || msg.msg_controllen > 0; /* a read ends at descriptors */
    return SLV_OK;
}

static void hello_frame(slv_rt *rt, const slv_frame *frame)
{
    uint32_t version;

    if (rt->hello_came || slv_msg_u32_get(frame->payload, &version) != SLV_OK ||
        version != SLV_CHAN_VERSION)
        slv_rt_violation(rt, "HELLO of another version");
    rt->hello_came = true;
}

static void dispatch(slv_rt *rt, const slv_frame *frame)
{
    if (!rt->hello_came && frame->type != SLV_FRAME_HELLO) {
        slv_rt_violation(rt, "a frame before HELLO");
        return;
    }
    switch ((unsigned)frame->type) {
    case SLV_FRAME_HELLO:
        hello_frame(rt, frame);
        break;
    case SLV_FRAME_BLOB:
    case SLV_FRAME_START:
        if (rt->page != &rt->no_page)
            slv_title_set(rt->page->title);
        slv_rt_start_frame(rt, frame);
        break;
    case SLV_FRAME_EVENT:
    case SLV_FRAME_CANCEL:
    case SLV_FRAME_CAP_DROP:
    case SLV_FRAME_CAP_BROKEN:
        slv_rt_event_frame(rt, frame);
        break;
    case SLV_FRAME_RESULT:
        slv_rt_result_frame(rt, frame);
        break;
    case SLV_FRAME_OBJECT_OPEN:
    case SLV_FRAME_OBJECT_CLOSE:
    case SLV_FRAME_OBJECT_DURABLE:
    case SLV_FRAME_OBJECT_CHECKPOINT:
    case SLV_FRAME_FACET_OVER:
        slv_rt_object_frame(rt, frame);
        break;
    case SLV_FRAME_STOP:
        rt->stopping = true;
        break;
    case SLV_FRAME_ANSWER: /* to a question that nobody asks any more */
        break;
    default:
        slv_rt_stream_frame(rt, frame);
        break;
    }
    if (!slv_list_empty(&rt->woken))
        slv_rt_streams_wake(rt);
    if (rt->waking.len)
        slv_rt_objects_wake(rt);
}

typedef struct deferred_head {
    uint32_t type, flags, id, len;
} deferred_head;

static void defer_frame(slv_rt *rt, const slv_frame *frame)
{
    const deferred_head head = {frame->type, frame->flags, frame->id, (uint32_t)frame->payload.len};

    if (slv_buf_append(&rt->deferred, slv_str_make(&head, sizeof head)) != SLV_OK ||
        slv_buf_append(&rt->deferred, frame->payload) != SLV_OK)
        slv_rt_violation(rt, "more frames came during a question than an isolate may hold");
}

/* Frames that came while a question blocked. Handling one may ask again and add to them. */
static void run_deferred(slv_rt *rt)
{
    size_t at = 0;

    while (at < rt->deferred.len && !rt->closed) {
        SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(SLV_MESSAGE_MAX);
        deferred_head head;

        memcpy(&head, rt->deferred.ptr + at, sizeof head);
        at += sizeof head;
        if (slv_buf_set(&payload, slv_str_make(rt->deferred.ptr + at, head.len)) != SLV_OK) {
            slv_rt_violation(rt, "no memory for a frame");
            return;
        }
        at += head.len;
        const slv_frame frame = {(slv_frame_type)head.type, (uint8_t)head.flags, head.id,
                                 slv_buf_view(&payload)};
        dispatch(rt, &frame);
    }
    slv_buf_reset(&rt->deferred);
}

slv_code slv_rt_wait_answer(slv_rt *rt, uint32_t question, slv_frame *ret, slv_err *err)
{
    for (;;) {
        slv_frame frame;
        slv_code code;
        bool more;

        while ((code = slv_frame_reader_next(&rt->reader, &frame, err)) == SLV_OK) {
            if (frame.type == SLV_FRAME_ANSWER && frame.id == question) {
                *ret = frame;
                return SLV_OK;
            }
            defer_frame(rt, &frame);
        }
        if (code != SLV_E_AGAIN)
            slv_rt_violation(rt, "a frame that cannot be read");
        if (rt->closed)
            return slv_fail(err, SLV_E_CLOSED, "The isolate is being stopped.");

        bool full = flush(rt) == SLV_E_AGAIN;
        struct pollfd fd = {rt->fd, (short)(POLLIN | (full ? POLLOUT : 0)), 0};
        (void)poll(&fd, 1, -1);
        if (fd.revents & (POLLIN | POLLHUP | POLLERR))
            (void)read_some(rt, &more);
    }
}

/* Reads and handles what is there. */
static slv_code read_batch(slv_rt *rt, slv_err *err)
{
    bool more = true;

    start_accounts(rt);
    while (more && !rt->closed) {
        slv_frame frame;
        slv_code code = read_some(rt, &more);

        if (code == SLV_E_AGAIN)
            break;
        if (code != SLV_OK)
            return code;
        while (!rt->closed && (code = slv_frame_reader_next(&rt->reader, &frame, err)) == SLV_OK) {
            dispatch(rt, &frame);
            if (rt->deferred.len)
                run_deferred(rt);
        }
        if (code != SLV_E_AGAIN && code != SLV_OK)
            return code;
    }
    return SLV_OK;
}

/* ---- the loop ---- */

static bool is_over(const slv_rt *rt, bool preload)
{
    if (rt->closed || rt->state == RT_FAILED)
        return true;
    return preload ? rt->state != RT_NEW : rt->stopping && rt->events.len == 0;
}

static int wait_ms(const slv_rt *rt, int idle_steps)
{
    int64_t next = slv_timers_next(rt->timers);
    int64_t wait = idle_steps < IDLE_STEPS ? IDLE_STEP_MS : INT32_MAX;

    if (next != INT64_MAX)
        wait = SLV_MIN(wait, SLV_MAX(next - slv_rt_mono_ms(), (int64_t)0));
    return wait == INT32_MAX ? -1 : (int)wait;
}

static void collect(slv_rt *rt)
{
    slv_js_enter(rt->js);
    slv_js_collect(rt->js);
    slv_js_leave(rt->js);
}

/* Main wishes for a collection when memory nears the limit, and to know what lives then. */
static void collect_if_wanted(slv_rt *rt)
{
    uint32_t wish = atomic_load_explicit(&rt->page->collect, memory_order_relaxed);
    uint64_t live;

    if (wish == rt->collect_seen)
        return;
    rt->collect_seen = wish;
    collect(rt);
    slv_js_enter(rt->js);
    live = slv_js_heap_bytes(rt->js);
    slv_js_leave(rt->js);
    atomic_store_explicit(&rt->page->live_kib, (uint32_t)SLV_MIN(live >> 10, (uint64_t)UINT32_MAX),
                          memory_order_relaxed);
    atomic_store_explicit(&rt->page->collected, wish, memory_order_release);
}

static void pump(slv_rt *rt)
{
    slv_rt_turn_begin(rt, NULL);
    slv_rt_turn_call(rt, rt->entries.pump, 0, NULL);
    slv_rt_turn_end(rt);
    slv_js_pump(rt->js);
}

static void first_quiet(slv_rt *rt)
{
    rt->was_quiet = true;
    slv_rt_turn_begin(rt, NULL);
    slv_rt_turn_call(rt, rt->entries.quiet, 0, NULL);
    slv_rt_turn_end(rt);
}

static slv_code loop(slv_rt *rt, bool preload, slv_err *err)
{
    unsigned batches = 0;
    int idle_steps = 0;

    while (!is_over(rt, preload)) {
        bool full = rt->out_at < rt->out.len;
        struct pollfd fd = {rt->fd, (short)(POLLIN | (full ? POLLOUT : 0)), 0};
        int n = poll(&fd, 1, wait_ms(rt, idle_steps));

        slv_rt_tick(rt);
        if (n > 0 && fd.revents & (POLLIN | POLLHUP | POLLERR)) {
            SLV_TRY(read_batch(rt, err));
            idle_steps = 0;
        } else if (n == 0) {
            idle_steps++;
            if (rt->state == RT_STARTED && !rt->was_quiet)
                first_quiet(rt);
            if (idle_steps == IDLE_COLLECT)
                collect(rt);
        }
        if (slv_timers_next(rt->timers) != INT64_MAX)
            start_accounts(rt);
        slv_rt_fire_timers(rt);
        if (!slv_list_empty(&rt->woken))
            slv_rt_streams_wake(rt);
        if (rt->waking.len)
            slv_rt_objects_wake(rt);
        if (n == 0 || ++batches % PUMP_EVERY == 0)
            pump(rt);
        collect_if_wanted(rt);
        (void)flush(rt);
    }
    if (rt->violation)
        return slv_fail(err, SLV_E_PROTOCOL, "main sent %s", rt->violation);
    return SLV_OK;
}

/* What must still be said before the process ends. */
static void flush_all(slv_rt *rt)
{
    while (flush(rt) == SLV_E_AGAIN) {
        struct pollfd fd = {rt->fd, POLLOUT, 0};

        if (poll(&fd, 1, 5000) <= 0)
            return;
    }
}

static slv_code attach(slv_rt *rt, int fd, slv_page *page, slv_err *err)
{
    size_t at;
    slv_buf *out;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return slv_fail_errno(err, SLV_E_IO, "channel");
    rt->fd = fd;
    rt->page = page ? page : &rt->no_page;
    rt->collect_seen = atomic_load_explicit(&rt->page->collect, memory_order_relaxed);
    rt->hello_came = false;
    slv_frame_reader_done(&rt->reader);
    slv_frame_reader_init(&rt->reader, SLV_CHAN_MAIN);
    rt->out_at = 0;
    slv_buf_reset(&rt->out);
    out = slv_rt_frame_begin(rt, SLV_FRAME_HELLO, 0, 0, &at);
    slv_rt_frame_end(rt, at, slv_msg_u32_put(out, SLV_CHAN_VERSION));
    return SLV_OK;
}

slv_code slv_rt_preload(slv_rt *rt, int channel_fd, slv_page *page, slv_err *err)
{
    slv_code code;

    SLV_TRY(attach(rt, channel_fd, page, err));
    (void)flush(rt);
    code = loop(rt, true, err);
    flush_all(rt);
    rt->fd = -1;
    rt->page = &rt->no_page;
    if (code == SLV_OK && rt->state == RT_FAILED)
        return slv_fail(err, SLV_E_JS, "the worker cannot start");
    if (code == SLV_OK && rt->state == RT_NEW)
        return SLV_E_CLOSED;
    return code;
}

slv_code slv_rt_run(slv_rt *rt, int channel_fd, slv_page *page, slv_err *err)
{
    slv_code code;

    SLV_TRY(attach(rt, channel_fd, page, err));
    if (rt->state == RT_STARTED) /* forked from an app zygote */
        slv_rt_frame_send(rt, SLV_FRAME_READY, 0, 0, slv_buf_view(&rt->ready));
    (void)flush(rt);
    code = loop(rt, false, err);
    flush_all(rt);
    close(rt->fd);
    rt->fd = -1;
    if (code == SLV_E_CLOSED)
        return SLV_OK;
    if (code == SLV_OK && rt->state == RT_FAILED)
        return slv_fail(err, SLV_E_JS, "the worker cannot start");
    return code;
}

/* ---- birth ---- */

static void find_entries(slv_rt *rt)
{
    rt_entries *e = &rt->entries;
    const struct {
        JSObjectRef *slot;
        const char *module, *name;
    } rows[] = {
        {&e->start, "runtime", "start"},
        {&e->stuck, "runtime", "stuck"},
        {&e->reseed, "runtime", "afterFork"},
        {&e->unhandled, "runtime", "onUnhandled"},
        {&e->fetch, "runtime", "onFetch"},
        {&e->scheduled, "runtime", "onScheduled"},
        {&e->queue, "runtime", "onQueue"},
        {&e->rpc, "runtime", "onRpc"},
        {&e->tail, "runtime", "onTail"},
        {&e->cancel, "runtime", "onCancel"},
        {&e->idle, "runtime", "onIdle"},
        {&e->pump, "runtime", "beforePump"},
        {&e->quiet, "runtime", "onQuiet"},
        {&e->cap_drop, "runtime", "onCapDrop"},
        {&e->cap_broken, "runtime", "onCapBroken"},
        {&e->result, "io", "onResult"},
        {&e->readable, "io", "onReadable"},
        {&e->writable, "io", "onWritable"},
        {&e->socket, "io", "onSocket"},
    };

    for (size_t i = 0; i < EXPORT_COUNT(rows); i++)
        *rows[i].slot = slv_rt_export(rt, rows[i].module, rows[i].name);
}

slv_rt *slv_rt_prepare(void)
{
    slv_rt *rt = slv_new0(slv_rt);
    JSObjectRef warm;
    slv_err err = {0};

    slv_rt_init(rt);
    slv_js_enter(rt->js);
    find_entries(rt);
    slv_rt_events_init(rt);
    slv_js_on_unhandled(rt->js, rt->entries.unhandled);
    warm = slv_rt_export(rt, "runtime", "warmUp");
    if (!slv_js_call(rt->js, warm, 0, NULL, NULL, &err))
        slv_assert_fail(err.message, "warmUp", 0, __func__);
    slv_js_leave(rt->js);
    rt->out_at = 0;
    slv_buf_reset(&rt->out);
    slv_js_pump(rt->js);
    return rt;
}

void slv_rt_warm(slv_rt *rt)
{
    slv_rt_turn_begin(rt, NULL);
    slv_rt_turn_call(rt, slv_rt_export(rt, "runtime", "warmAll"), 0, NULL);
    slv_rt_turn_end(rt);
    collect(rt);
    slv_js_pump(rt->js);
}

slv_rt *slv_rt_free(slv_rt *rt)
{
    if (!rt)
        return NULL;
    slv_rt_done(rt);
    slv_js_free(rt->js);
    free(rt);
    return NULL;
}

void slv_rt_after_fork(slv_rt *rt)
{
    slv_js_after_fork(rt->js);
    rt->started_ms = slv_rt_mono_ms();
    slv_rt_tick(rt);
    slv_rt_turn_begin(rt, NULL);
    slv_rt_turn_call(rt, rt->entries.reseed, 0, NULL);
    slv_rt_turn_end(rt);
}
