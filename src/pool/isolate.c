#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "chan/msg.h"
#include "pool/pool_int.h"

#define BLOB_PIECE ((size_t)60 * 1024)
#define APP_ZYGOTE_FROM 2 /* a version with so many isolates is busy */

static const char *lost_text(slv_lost why)
{
    switch (why) {
    case SLV_LOST_CPU:
        return "exceeded its CPU limit";
    case SLV_LOST_MEMORY:
        return "exceeded its memory limit";
    case SLV_LOST_WALL:
        return "exceeded its wall time limit";
    case SLV_LOST_CRASHED:
        return "crashed";
    case SLV_LOST_VIOLATION:
        return "broke the rules of its channel";
    case SLV_LOST_NEIGHBOUR:
        return "ended with its neighbour";
    case SLV_LOST_SHUTDOWN:
        return "was stopped";
    }
    return "ended";
}

static void set_name(slv_isolate *iso)
{
    slv_group *group = iso->group;

    if (iso->app)
        snprintf(iso->name, sizeof iso->name, "%.*s", (int)SLV_MIN(group->version->name.len, 48u),
                 group->version->name.ptr);
    else if (group)
        snprintf(iso->name, sizeof iso->name, "%.*s#%u",
                 (int)SLV_MIN(group->version->name.len, 48u), group->version->name.ptr,
                 ++group->next_number);
    else
        snprintf(iso->name, sizeof iso->name, "(spare)");
}

/* ---- the end ---- */

/* Whose turn it is, as far as the page can be believed: an open event, or the one that used most.
   A process that ended between turns (from outside, or before it read what was sent) ended by
   nobody's fault. */
static uint32_t find_culprit(slv_isolate *iso)
{
    uint32_t id = iso->page ? atomic_load_explicit(&iso->page->event, memory_order_relaxed) : 0;
    const slv_pool_event *worst = NULL;

    if (slv_imap_get(&iso->events, id))
        return id;
    if (iso->why == SLV_LOST_CRASHED)
        return 0;
    SLV_MAP_EACH (&iso->events, i) {
        if (!worst || iso->events.values[i]->cpu_ns > worst->cpu_ns)
            worst = iso->events.values[i];
    }
    return worst ? worst->id : 0;
}

static void leave_lists(slv_isolate *iso)
{
    slv_group *group = iso->group;

    slv_list_remove(&iso->node);
    iso->pool->isolate_count--;
    if (iso->app) {
        group->app = NULL;
        group->app_failed = iso->why != SLV_LOST_SHUTDOWN;
        group->dying_count++;
        iso->serves = slv_zygote_disconnect(iso->serves);
        return;
    }
    if (!group) {
        iso->account->blank_coming = false;
        return;
    }
    group->isolate_count--;
    group->dying_count++;
    if (iso->state < SLV_ISOLATE_READY) {
        group->starting_count--;
        iso->refused_start = true;
    }
    group->last_ms = slv_loop_now_ms(iso->pool->loop);
}

static void begin_dying(slv_isolate *iso)
{
    leave_lists(iso);
    slv_timer_stop(&iso->timer);
    slv_poll_stop(&iso->hello);
    iso->state = SLV_ISOLATE_DYING;
    slv_list_push(&iso->pool->dying, &iso->node);
    slv_pool_later(iso->pool);
}

void slv_isolate_fail(slv_isolate *iso, slv_lost why, uint32_t culprit, slv_code code,
                      const char *fmt, ...)
{
    slv_pool_stats *stats = &iso->pool->stats;
    char text[SLV_ERR_MESSAGE_MAX];
    va_list ap;

    if (iso->state == SLV_ISOLATE_DYING)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    iso->why = why;
    iso->culprit = culprit ? culprit : find_culprit(iso);
    iso->start_code = code;
    iso->text = slv_strdup(text);
    stats->killed_cpu += why == SLV_LOST_CPU;
    stats->killed_memory += why == SLV_LOST_MEMORY;
    stats->crashed += why == SLV_LOST_CRASHED;
    if (iso->has_proc)
        slv_proc_signal(&iso->proc, SIGKILL);
    begin_dying(iso);
}

void slv_isolate_trace(slv_isolate *iso)
{
    if (iso->page)
        atomic_store_explicit(&iso->page->trace, 1, memory_order_relaxed);
}

void slv_isolate_kill(slv_isolate *iso, slv_lost why, const char *text)
{
    slv_isolate_fail(iso, why, 0, SLV_E_CANCELED, "%s", text ? text : lost_text(why));
}

/* A fork that went wrong before any user code is the zygote's fault: the same by exec. */
static bool try_again_by_exec(slv_isolate *iso)
{
    slv_pool *pool = iso->pool;

    if (!iso->forked || iso->started || iso->app || pool->closing || iso->why == SLV_LOST_SHUTDOWN)
        return false;
    pool->exec_until_ms = slv_loop_now_ms(pool->loop) + 10000;
    if (iso->start_code != SLV_E_AGAIN) /* it was not quiet after all */
        slv_pool_notice(pool, "isolate %s: %s; starting it by exec", iso->name, iso->text);
    (void)slv_isolate_start(iso->account, iso->group);
    return true;
}

void slv_isolate_tell(slv_isolate *iso)
{
    const char *text = iso->text ? iso->text : lost_text(iso->why);

    iso->told = true;
    if (iso->refused_start && !try_again_by_exec(iso))
        slv_pool_refuse(iso->group, iso->start_code == SLV_OK ? SLV_E_CLOSED : iso->start_code,
                        text);
    while (iso->events.len > 0) {
        slv_pool_event *ev = iso->events.values[0];
        bool guilty = ev->id == iso->culprit || iso->why == SLV_LOST_SHUTDOWN;

        slv_pool_lose(iso, ev, guilty ? iso->why : SLV_LOST_NEIGHBOUR, text);
    }
    iso->link = slv_link_close(iso->link);
    if (!iso->has_proc && !iso->fork_pending)
        slv_pool_gone(iso);
}

void slv_pool_gone(slv_isolate *iso)
{
    slv_pool *pool = iso->pool;
    const char *text = iso->why == SLV_LOST_SHUTDOWN ? NULL : iso->text;

    SLV_ASSERT(iso->told && iso->events.len == 0);
    if (iso->opened && pool->options.gone)
        pool->options.gone(pool->options.user, iso, text);
    else if (text && (!iso->group || iso->app))
        slv_pool_notice(pool, "isolate %s: %s", iso->name, text);
    if (iso->group)
        iso->group->dying_count--;
    if (pool->options.budget && !iso->app)
        slv_budget_count(pool->options.budget, slv_str_from(iso->account->name), -1);
    iso->account->isolates--;
    slv_account_tidy(iso->account);
    slv_list_remove(&iso->node);
    slv_list_remove(&iso->all);
    slv_imap_done(&iso->events);
    slv_buf_done(&iso->handlers);
    slv_meter_done(&iso->meter);
    slv_birth_done(iso);
    free(iso->text);
    free(iso);
    if (pool->closing || pool->waiting_events > 0)
        slv_pool_later(pool);
}

/* The process is over, by itself or by us. */
static void on_ended(slv_proc *proc, int status)
{
    slv_isolate *iso = slv_container_of(proc, slv_isolate, proc);
    char words[300];

    iso->has_proc = false;
    if (iso->state == SLV_ISOLATE_STOPPING && iso->events.len == 0) {
        iso->why = SLV_LOST_SHUTDOWN;
        begin_dying(iso);
        return;
    }
    if (iso->state != SLV_ISOLATE_DYING) {
        slv_birth_last_words(iso, words, sizeof words);
        if (iso->eof && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, SLV_E_CLOSED, "closed its channel%s", words);
        else if (WIFSIGNALED(status))
            slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, SLV_E_CLOSED, "crashed: %s%s",
                             strsignal(WTERMSIG(status)), words);
        else
            slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, SLV_E_CLOSED,
                             "process ended with status %d%s", WEXITSTATUS(status), words);
        return;
    }
    if (iso->told)
        slv_pool_gone(iso);
}

/* ---- frames ---- */

static slv_code on_ready(slv_isolate *iso, const slv_frame *frame, slv_err *err)
{
    slv_pool *pool = iso->pool;
    slv_group *group = iso->group;
    slv_msg_ready ready;
    uint64_t limit_us = (uint64_t)group->version->limits.cpu_startup_ms * 1000;

    if (iso->state != SLV_ISOLATE_STARTING)
        return slv_fail(err, SLV_E_PROTOCOL, "READY out of place");
    SLV_TRY(slv_msg_ready_get(frame->payload, &ready));
    SLV_TRY(slv_buf_set(&iso->handlers, ready.json));
    if (ready.cpu_us > limit_us) {
        slv_isolate_fail(iso, SLV_LOST_CPU, 0, SLV_E_LIMIT,
                         "start-up took %" PRIu64 " ms of CPU; the limit is %u ms",
                         ready.cpu_us / 1000, group->version->limits.cpu_startup_ms);
        return SLV_OK;
    }
    slv_timer_stop(&iso->timer);
    iso->state = SLV_ISOLATE_READY;
    if (pool->waiting_events > 0) /* who waits for its place */
        slv_pool_later(pool);
    slv_slice_isolate(iso);
    iso->startup_us = ready.cpu_us;
    slv_version_cool(group->version);
    if (iso->app) /* it closes its channel now */
        return SLV_OK;
    iso->idle_ms = slv_loop_now_ms(pool->loop);
    group->starting_count--;
    pool->stats.last_start_us = (slv_clock_mono_ns() - iso->asked_ns) / 1000;
    iso->opened = true;
    if (pool->options.opened)
        pool->options.opened(pool->options.user, iso);
    slv_pool_ready(iso);
    if (group->retired && iso->events.len == 0)
        slv_isolate_idle(iso);
    else
        slv_pool_spare(group->account);
    if (group->isolate_count >= APP_ZYGOTE_FROM && !group->retired && !pool->options.no_spare)
        slv_isolate_start_app(group);
    return SLV_OK;
}

static slv_code on_start_failed(slv_isolate *iso, const slv_frame *frame, slv_err *err)
{
    slv_str json;

    if (iso->state != SLV_ISOLATE_STARTING)
        return slv_fail(err, SLV_E_PROTOCOL, "START_FAILED out of place");
    SLV_TRY(slv_msg_str_get(frame->payload, &json));
    if (slv_buf_set(&iso->group->failure, json) != SLV_OK)
        slv_buf_reset(&iso->group->failure); /* longer than is kept: the short text has to do */
    slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, SLV_E_JS, "%.*s", SLV_STR_ARGS(json));
    return SLV_OK;
}

static slv_code on_frame(void *user, const slv_frame *frame, slv_err *err)
{
    slv_isolate *iso = user;
    slv_pool *pool = iso->pool;

    switch (iso->state) {
    case SLV_ISOLATE_DYING:
        return SLV_OK; /* decided; what it still says counts no more */
    case SLV_ISOLATE_STARTING:
        if (frame->type == SLV_FRAME_READY)
            return on_ready(iso, frame, err);
        if (frame->type == SLV_FRAME_START_FAILED)
            return on_start_failed(iso, frame, err);
        if (frame->type != SLV_FRAME_LOG && frame->type != SLV_FRAME_EXCEPTION)
            return slv_fail(err, SLV_E_PROTOCOL, "%s before READY",
                            slv_frame_type_name(frame->type));
        if (iso->app)
            return SLV_OK; /* an isolate of this version has said it already */
        break;
    case SLV_ISOLATE_READY:
    case SLV_ISOLATE_STOPPING:
        if (frame->type == SLV_FRAME_READY || frame->type == SLV_FRAME_START_FAILED)
            return slv_fail(err, SLV_E_PROTOCOL, "%s twice", slv_frame_type_name(frame->type));
        break;
    case SLV_ISOLATE_FORKING:
    case SLV_ISOLATE_BORN:
    case SLV_ISOLATE_BLANK:
        return slv_fail(err, SLV_E_PROTOCOL, "%s before START", slv_frame_type_name(frame->type));
    }
    return pool->options.frame(pool->options.user, iso, frame, err);
}

static bool on_hold(void *user, const slv_frame *frame)
{
    slv_isolate *iso = user;
    slv_pool *pool = iso->pool;

    return iso->opened && iso->state != SLV_ISOLATE_DYING && pool->options.hold &&
           pool->options.hold(pool->options.user, iso, frame);
}

static void on_link_closed(void *user, slv_code code, const char *text)
{
    slv_isolate *iso = user;

    if (iso->state == SLV_ISOLATE_DYING)
        return;
    if (iso->app && iso->state == SLV_ISOLATE_READY && code == SLV_E_CLOSED)
        return; /* as it should: from here on it only forks */
    if (code != SLV_E_CLOSED && code != SLV_E_IO) {
        slv_isolate_fail(iso, SLV_LOST_VIOLATION, 0, code, "channel: %s", text);
        return;
    }
    /* The process ends, or must: its status is about to say how. No event is placed on it
     * meanwhile. */
    iso->eof = true;
    iso->draining = true;
    if (iso->state != SLV_ISOLATE_STOPPING)
        slv_proc_signal(&iso->proc, SIGKILL);
}

/* ---- birth and start ---- */

static void send_blob(slv_link *link, uint32_t number, slv_str bytes)
{
    size_t at = 0;

    do {
        slv_str piece = slv_str_sub(bytes, at, at + BLOB_PIECE);

        at += piece.len;
        slv_link_send(link, SLV_FRAME_BLOB, at == bytes.len ? SLV_FRAME_FIN : 0, number, piece);
    } while (at < bytes.len);
}

static void expect_ready(slv_isolate *iso)
{
    iso->state = SLV_ISOLATE_STARTING;
    slv_timer_start(&iso->timer, iso->pool->loop, SLV_POOL_START_WALL_MS);
    slv_meter_start(iso);
    slv_meter_wake(iso->pool);
}

static void send_start(slv_isolate *iso)
{
    const slv_version *version = iso->group->version;
    size_t blobs = slv_version_blob_count(version);
    slv_buf *out;

    iso->started = true;
    /* a spare had no name when it began */
    snprintf(iso->page->title, sizeof iso->page->title, "selvage: isolate %s", iso->name);
    if (iso->from_app) { /* the worker came with the fork */
        expect_ready(iso);
        return;
    }
    for (size_t i = 1; i <= blobs; i++)
        send_blob(iso->link, (uint32_t)i, slv_version_blob(version, i));
    send_blob(iso->link, (uint32_t)blobs + 1, version->start_json);
    out = slv_link_begin(iso->link, SLV_FRAME_START, 0, 0);
    slv_link_end(iso->link, slv_msg_u32_put(out, (uint32_t)blobs + 1));
    expect_ready(iso);
}

static void on_timer(slv_timer *timer)
{
    slv_isolate *iso = slv_container_of(timer, slv_isolate, timer);
    char words[300];

    slv_birth_last_words(iso, words, sizeof words);
    if (iso->state < SLV_ISOLATE_BLANK)
        slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, SLV_E_TIMEOUT,
                         "process did not come up within %d s%s", SLV_POOL_BIRTH_MS / 1000, words);
    else if (iso->state == SLV_ISOLATE_STARTING)
        slv_isolate_fail(iso, SLV_LOST_WALL, 0, SLV_E_LIMIT,
                         "start-up did not end within %d s: module scope waits for something that "
                         "does not come%s",
                         SLV_POOL_START_WALL_MS / 1000, words);
    else
        slv_isolate_fail(iso, SLV_LOST_SHUTDOWN, 0, SLV_E_TIMEOUT, "did not stop");
}

/* HELLO is there: the isolate has locked itself down. Nothing of the user's is sent before we have
 * seen it. */
static void on_hello(slv_poll *poll, unsigned events)
{
    slv_isolate *iso = slv_container_of(poll, slv_isolate, hello);
    slv_link_options options = {.loop = iso->pool->loop,
                                .side = SLV_CHAN_MAIN,
                                .user = iso,
                                .frame = on_frame,
                                .hold = on_hold,
                                .closed = on_link_closed};
    slv_err err = {.code = SLV_OK};
    char byte;
    int fd;

    (void)events;
    slv_poll_stop(&iso->hello);
    if (recv(iso->channel, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
        iso->eof = true;
        slv_proc_signal(&iso->proc, SIGKILL); /* `ended` tells more */
        return;
    }
    if (slv_birth_verify(iso, &err) != SLV_OK) {
        slv_isolate_fail(iso, SLV_LOST_VIOLATION, 0, SLV_E_DENIED, "%s", slv_err_text(&err));
        return;
    }
    slv_meter_birth(iso);
    if (iso->group && !iso->pool->recorded) {
        options.record = iso->pool->options.record;
        iso->pool->recorded = true;
    }
    fd = iso->channel;
    iso->channel = -1;
    if (slv_link_open_take(&options, fd, &iso->link, &err) != SLV_OK) {
        slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, SLV_E_IO, "%s", slv_err_text(&err));
        return;
    }
    if (iso->group) {
        send_start(iso);
        return;
    }
    slv_timer_stop(&iso->timer);
    iso->state = SLV_ISOLATE_BLANK;
    iso->account->blank_coming = false;
    iso->idle_ms = slv_loop_now_ms(iso->pool->loop);
    slv_list_push(&iso->account->blanks, &iso->node);
}

slv_code slv_isolate_adopted(slv_isolate *iso, slv_err *err)
{
    iso->has_proc = true;
    slv_share_isolate(iso);
    iso->state = SLV_ISOLATE_BORN;
    iso->hello.fn = on_hello;
    return slv_poll_start(&iso->hello, iso->pool->loop, iso->channel, SLV_POLL_READ, err);
}

static slv_isolate *start(slv_account *account, slv_group *group, bool app)
{
    slv_pool *pool = account->pool;
    slv_isolate *iso = slv_new0(slv_isolate);
    slv_err err = {.code = SLV_OK};
    slv_code code;

    iso->pool = pool;
    iso->account = account;
    iso->group = group;
    iso->app = app;
    account->isolates++;
    if (pool->options.budget && !app)
        slv_budget_count(pool->options.budget, slv_str_from(account->name), 1);
    iso->channel = iso->errors = -1;
    iso->proc.ended = on_ended;
    iso->proc.pidfd = -1;
    iso->timer.fn = on_timer;
    iso->next_event = 1;
    iso->handlers = SLV_BUF((size_t)1 << 20);
    iso->asked_ns = slv_clock_mono_ns();
    slv_meter_init(&iso->meter);
    set_name(iso);
    slv_list_push(&pool->all, &iso->all);
    pool->isolate_count++;
    if (app) {
        group->app = iso;
    } else if (group) {
        slv_list_push(&group->isolates, &iso->node);
        group->isolate_count++;
        group->starting_count++;
    }
    slv_timer_start(&iso->timer, pool->loop, SLV_POOL_BIRTH_MS);
    code = slv_birth(iso, &err);
    if (code != SLV_OK)
        slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, code, "cannot start an isolate: %s",
                         slv_err_text(&err));
    return iso;
}

slv_isolate *slv_isolate_start(slv_account *account, slv_group *group)
{
    return start(account, group, false);
}

void slv_isolate_start_app(slv_group *group)
{
    slv_zygote_conn *base = slv_account_conn(group->account);

    if (group->app || group->app_failed || !base || !slv_zygote_quiet(base))
        return;
    (void)start(group->account, group, true);
}

void slv_isolate_assign(slv_isolate *iso, slv_group *group)
{
    SLV_ASSERT(iso->state == SLV_ISOLATE_BLANK && !iso->group);
    iso->group = group;
    set_name(iso);
    iso->asked_ns = slv_clock_mono_ns();
    slv_list_push(&group->isolates, &iso->node);
    group->isolate_count++;
    group->starting_count++;
    send_start(iso);
}

void slv_isolate_stop(slv_isolate *iso)
{
    SLV_ASSERT(iso->events.len == 0);
    if (iso->state != SLV_ISOLATE_READY)
        return;
    iso->state = SLV_ISOLATE_STOPPING;
    slv_link_send(iso->link, SLV_FRAME_STOP, 0, 0, SLV_STR_NULL);
    slv_timer_start(&iso->timer, iso->pool->loop, SLV_POOL_STOP_MS);
}

/* ---- accessors ---- */

slv_link *slv_isolate_link(const slv_isolate *iso)
{
    return iso->link;
}
slv_version *slv_isolate_version(const slv_isolate *iso)
{
    return iso->group ? iso->group->version : NULL;
}
const char *slv_isolate_name(const slv_isolate *iso)
{
    return iso->name;
}
pid_t slv_isolate_pid(const slv_isolate *iso)
{
    return iso->proc.pid;
}
void slv_isolate_set_user(slv_isolate *iso, void *user)
{
    iso->user = user;
}
void *slv_isolate_user(const slv_isolate *iso)
{
    return iso->user;
}
uint64_t slv_isolate_startup_us(const slv_isolate *iso)
{
    return iso->startup_us;
}

slv_str slv_isolate_handlers(const slv_isolate *iso)
{
    return slv_buf_view(&iso->handlers);
}
slv_pool_event *slv_isolate_event(slv_isolate *iso, uint32_t id)
{
    slv_pool_event **found = slv_imap_get(&iso->events, id);

    return found ? *found : NULL;
}
