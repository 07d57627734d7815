/*
 * pool_rig.h - a pool on a loop, and events that remember what became of them: for the tests of the
 * pool, with isolates that do what the test says and with real ones. An event is a SCHEDULED one
 * whose cron text tells the isolate what to do.
 */
#ifndef SLV_TEST_POOL_RIG_H
#define SLV_TEST_POOL_RIG_H

#include <stdio.h>

#include "aio/loop.h"
#include "chan/link.h"
#include "chan/msg.h"
#include "plat/version.h"
#include "pool/pool.h"
#include "support/tap.h"

typedef struct try_event {
    slv_pool_event e;
    const char *what;
    bool placed, ended, lost, refused;
    slv_lost why;
    slv_code code;
    char text[300];
    uint64_t cpu_us;
} try_event;

static slv_loop *loop;
static slv_pool *pool;
static unsigned opened, gone, logs;
static char last_log[300]; /* the last console line or exception */
static slv_zygote *rig_zygote;
SLV_UNUSED static slv_zygotes *rig_zygotes;    /* instead, one for each account */
SLV_UNUSED static slv_budget *rig_budget;      /* of the pools that are made from now on */
SLV_UNUSED static const char *rig_tenant = ""; /* of the versions that are made from now on */
SLV_UNUSED static const char *rig_parent = "";
static const slv_module *rig_modules; /* of every version made */
static size_t rig_module_count;
static char gone_text[300];
SLV_UNUSED static bool closed;

SLV_UNUSED static void send_event(try_event *t)
{
    slv_msg_event m = {.kind = SLV_EVENT_SCHEDULED, .scheduled = {.cron = slv_str_from(t->what)}};
    slv_link *link = slv_isolate_link(t->e.isolate);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, t->e.id);

    t->placed = true;
    slv_link_end(link, slv_msg_event_put(out, &m));
}

SLV_UNUSED static void on_placed(slv_pool_event *ev, const slv_err *err)
{
    try_event *t = slv_container_of(ev, try_event, e);

    if (!err) {
        send_event(t);
        return;
    }
    t->refused = true;
    tap_note("refused: %.200s", slv_err_text(err));
    t->code = err->code;
    snprintf(t->text, sizeof t->text, "%s", slv_err_text(err));
}

SLV_UNUSED static void on_lost(slv_pool_event *ev, slv_lost why, const char *text)
{
    try_event *t = slv_container_of(ev, try_event, e);

    t->lost = true;
    t->why = why;
    t->cpu_us = ev->cpu_us;
    snprintf(t->text, sizeof t->text, "%s", text);
}

SLV_UNUSED static slv_code on_frame(void *user, slv_isolate *iso, const slv_frame *f, slv_err *err)
{
    slv_pool_event *ev = slv_isolate_event(iso, f->id);
    slv_msg_end end;

    (void)user;
    logs += f->type == SLV_FRAME_LOG;
    if (f->type == SLV_FRAME_LOG) {
        slv_msg_log log;

        if (slv_msg_log_get(f->payload, &log) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "LOG");
        snprintf(last_log, sizeof last_log, "%.*s", SLV_STR_ARGS(log.text));
    }
    if (f->type == SLV_FRAME_EXCEPTION) {
        slv_str json;

        if (slv_msg_str_get(f->payload, &json) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "EXCEPTION");
        snprintf(last_log, sizeof last_log, "%.*s", SLV_STR_ARGS(json));
    }
    if (f->type != SLV_FRAME_END)
        return SLV_OK;
    if (!ev || slv_msg_end_get(f->payload, &end) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "END of no event");
    if (end.error.len > 0)
        snprintf(last_log, sizeof last_log, "%.*s", SLV_STR_ARGS(end.error));
    slv_pool_end(ev, end.cpu_us);
    slv_container_of(ev, try_event, e)->ended = true;
    return SLV_OK;
}

SLV_UNUSED static void on_opened(void *user, slv_isolate *iso)
{
    (void)user;
    (void)iso;
    opened++;
}

SLV_UNUSED static void on_gone(void *user, slv_isolate *iso, const char *text)
{
    (void)user;
    (void)iso;
    gone++;
    snprintf(gone_text, sizeof gone_text, "%s", text ? text : "");
}

SLV_UNUSED static void on_notice(void *user, const char *text)
{
    (void)user;
    tap_note("%s", text);
}

SLV_UNUSED static slv_version *version_of(const char *script, uint64_t memory_mb)
{
    slv_version_spec spec = {.name = SLV_STR("w"),
                             .tenant = slv_str_from(rig_tenant),
                             .parent = slv_str_from(rig_parent),
                             .compatibility_date = SLV_STR("2026-01-01"),
                             .main_name = SLV_STR("index.js"),
                             .script = slv_str_from(script),
                             .modules = rig_modules,
                             .module_count = rig_module_count,
                             .limits = SLV_LIMITS_DEFAULT};
    slv_version *v = NULL;

    spec.limits.memory_bytes = memory_mb << 20;
    if (slv_version_new(&spec, &v, NULL) != SLV_OK)
        return NULL;
    return v;
}

SLV_UNUSED static bool set_up(unsigned cap, uint64_t idle_ms, bool spare)
{
    slv_pool_options options = {.loop = NULL,
                                .opened = on_opened,
                                .frame = on_frame,
                                .gone = on_gone,
                                .notice = on_notice,
                                .cap_per_version = cap,
                                .idle_ms = idle_ms,
                                .zygote = rig_zygotes ? NULL : rig_zygote,
                                .zygotes = rig_zygotes,
                                .budget = rig_budget,
                                .cap_loaded = 2,
                                .no_spare = !spare};

    opened = gone = logs = 0;
    gone_text[0] = 0;
    closed = false;
    if (slv_loop_new(&loop, NULL) != SLV_OK)
        return false;
    options.loop = loop;
    return slv_pool_new(&options, &pool, NULL) == SLV_OK;
}

SLV_UNUSED static void on_closed(void *user)
{
    (void)user;
    closed = true;
}
SLV_UNUSED static bool is_closed(void *arg)
{
    (void)arg;
    return closed;
}

SLV_UNUSED static bool tear_down(slv_version *v)
{
    bool in_time;

    slv_pool_close(pool, on_closed, NULL);
    in_time = slv_loop_run_until(loop, is_closed, NULL, 10000);
    slv_version_unref(v);
    loop = slv_loop_free(loop);
    return in_time;
}

SLV_UNUSED static slv_code start(try_event *t, slv_version *v, const char *what, uint64_t cpu_ms)
{
    slv_code code;

    t->what = what;
    t->e.version = v;
    t->e.placed = on_placed;
    t->e.lost = on_lost;
    t->e.cpu_limit_us = cpu_ms * 1000;
    code = slv_pool_begin(pool, &t->e, NULL);
    if (code == SLV_OK)
        send_event(t);
    return code;
}

SLV_UNUSED static bool over(void *arg)
{
    const try_event *t = arg;

    return t->ended || t->lost || t->refused;
}
SLV_UNUSED static bool wait_over(try_event *t)
{
    return slv_loop_run_until(loop, over, t, 20000);
}
SLV_UNUSED static bool has_isolate(void *arg)
{
    const try_event *t = arg;

    return t->placed || t->refused;
}
SLV_UNUSED static bool all_gone(void *arg)
{
    (void)arg;
    return gone == opened;
}

#endif
