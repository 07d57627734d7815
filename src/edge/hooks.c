#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "chan/msg.h"
#include "edge/sight_int.h"

/* What may wait to be told; more is dropped. */
#define OUT_MAX ((size_t)16 << 20)
/* Under load the control loop is woken this often at most. */
#define GATHER_MS 5

typedef enum hook_kind {
    HOOK_REQUEST = 1,
    HOOK_CONSOLE,
    HOOK_EXCEPTION,
    HOOK_NOTICE,
    HOOK_DEPLOYED,
    HOOK_TRACE,
} hook_kind;

/* Records of one turn: u8 kind, then by kind. A version travels as its pointer, with a reference.
 */
typedef struct hook_batch {
    slv_mail mail;
    slv_server *server;
    slv_buf bytes;
} hook_batch;

static slv_version *read_version(slv_reader *r)
{
    return (slv_version *)(uintptr_t)slv_read_u64(r);
}

static void deliver_request(const slv_server_hooks *hooks, slv_reader *r)
{
    slv_request_line line = {0};

    line.method = slv_read_str(r);
    line.target = slv_read_str(r);
    line.worker = slv_read_str(r);
    line.outcome = slv_read_str(r);
    line.status = slv_read_u16(r);
    line.wall_ms = (int64_t)slv_read_u64(r);
    line.time_us = slv_read_u64(r);
    line.cpu_us = slv_read_u64(r);
    hooks->request(hooks->user, &line);
}

static void deliver_console(const slv_server_hooks *hooks, slv_reader *r)
{
    slv_console_line line = {.version = read_version(r)};

    line.wall_ms = (int64_t)slv_read_u64(r);
    line.level = (slv_console_level)slv_read_u8(r);
    line.text = slv_read_str(r);
    line.place = slv_read_str(r);
    hooks->console(hooks->user, &line);
    (void)slv_version_unref(line.version);
}

static void deliver_exception(const slv_server_hooks *hooks, slv_reader *r)
{
    slv_exception_line line = {.version = read_version(r)};

    line.wall_ms = (int64_t)slv_read_u64(r);
    line.name = slv_read_str(r);
    line.message = slv_read_str(r);
    line.stack = slv_read_str(r);
    hooks->exception(hooks->user, &line);
    (void)slv_version_unref(line.version);
}

static void deliver_deployed(const slv_server_hooks *hooks, slv_reader *r)
{
    slv_version *version = read_version(r);
    slv_err err = {.code = (slv_code)slv_read_u8(r)};
    slv_str message = slv_str_sub(slv_read_str(r), 0, sizeof err.message - 1);

    if (message.len > 0)
        memcpy(err.message, message.ptr, message.len);
    slv_str failure = slv_read_str(r);
    hooks->deployed(hooks->user, version, err.code == SLV_OK ? NULL : &err, failure);
    (void)slv_version_unref(version);
}

static void deliver_trace(const slv_server_hooks *hooks, slv_reader *r)
{
    slv_trace *t = (slv_trace *)(uintptr_t)slv_read_u64(r);
    slv_sights *sights = (slv_sights *)(uintptr_t)slv_read_u64(r);

    hooks->trace(hooks->user, t);
    slv_sights_told(sights, t);
    (void)slv_trace_unref(t);
}

static void on_batch(slv_mail *mail)
{
    hook_batch *batch = slv_container_of(mail, hook_batch, mail);
    const slv_server_hooks *hooks = &batch->server->o.hooks;
    slv_reader r = slv_reader_make(slv_buf_view(&batch->bytes));

    while (r.rest.len > 0) {
        switch ((hook_kind)slv_read_u8(&r)) {
        case HOOK_REQUEST:
            deliver_request(hooks, &r);
            break;
        case HOOK_CONSOLE:
            deliver_console(hooks, &r);
            break;
        case HOOK_EXCEPTION:
            deliver_exception(hooks, &r);
            break;
        case HOOK_NOTICE:
            hooks->notice(hooks->user, slv_read_str(&r));
            break;
        case HOOK_DEPLOYED:
            deliver_deployed(hooks, &r);
            break;
        case HOOK_TRACE:
            deliver_trace(hooks, &r);
            break;
        }
        SLV_ASSERT(!r.bad);
    }
    if (hooks->told)
        hooks->told(hooks->user);
    slv_buf_done(&batch->bytes);
    free(batch);
}

void slv_hooks_flush(slv_shard *shard)
{
    slv_timer_stop(&shard->hook_timer);
    if (shard->hook_out.len == 0)
        return;
    shard->hooks_sent_ms = slv_loop_now_ms(shard->loop);
    hook_batch *batch = slv_new0(hook_batch);

    batch->mail.fn = on_batch;
    batch->server = shard->server;
    batch->bytes = shard->hook_out;
    shard->hook_out = SLV_BUF(OUT_MAX);
    slv_loop_post(shard->server->o.control, &batch->mail);
}

static void on_flush(slv_task *task)
{
    slv_shard *shard = slv_container_of(task, slv_shard, hook_flush);
    uint64_t now = slv_loop_now_ms(shard->loop);

    if (shard->hook_out.len == 0 || slv_timer_started(&shard->hook_timer))
        return;
    if (now < shard->hooks_sent_ms + GATHER_MS) {
        slv_timer_start(&shard->hook_timer, shard->loop, GATHER_MS);
        return;
    }
    slv_hooks_flush(shard);
}

static void on_hook_timer(slv_timer *timer)
{
    slv_hooks_flush(slv_container_of(timer, slv_shard, hook_timer));
}

void slv_hooks_init(slv_shard *shard)
{
    shard->hook_out = SLV_BUF(OUT_MAX);
    shard->hook_flush.fn = on_flush;
    shard->hook_timer.fn = on_hook_timer;
}

/* A record is written whole or not at all. */
static bool complete(slv_shard *shard, size_t at, slv_code code)
{
    if (code != SLV_OK) {
        shard->hook_out.len = at;
        return false;
    }
    slv_loop_flush(shard->loop, &shard->hook_flush);
    return true;
}

static slv_code put_version(slv_buf *out, hook_kind kind, slv_version *version)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)kind));
    return slv_buf_append_u64(out, (uint64_t)(uintptr_t)version);
}

static slv_code put_request(slv_buf *out, const slv_request_line *line)
{
    SLV_TRY(slv_buf_append_u8(out, HOOK_REQUEST));
    SLV_TRY(slv_msg_str_put(out, line->method));
    SLV_TRY(slv_msg_str_put(out, line->target));
    SLV_TRY(slv_msg_str_put(out, line->worker));
    SLV_TRY(slv_msg_str_put(out, line->outcome));
    SLV_TRY(slv_buf_append_u16(out, (uint16_t)line->status));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)line->wall_ms));
    SLV_TRY(slv_buf_append_u64(out, line->time_us));
    return slv_buf_append_u64(out, line->cpu_us);
}

void slv_hook_request(slv_shard *shard, const slv_request_line *line)
{
    size_t at = shard->hook_out.len;

    if (shard->server->o.hooks.request)
        (void)complete(shard, at, put_request(&shard->hook_out, line));
}

static slv_code put_console(slv_buf *out, slv_version *version, int64_t wall_ms,
                            const slv_msg_log *m)
{
    SLV_TRY(put_version(out, HOOK_CONSOLE, version));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)wall_ms));
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->level));
    SLV_TRY(slv_msg_str_put(out, m->text));
    return slv_msg_str_put(out, m->place);
}

void slv_hook_console(slv_shard *shard, slv_version *version, const slv_msg_log *m)
{
    size_t at = shard->hook_out.len;

    if (shard->server->o.hooks.console &&
        complete(shard, at,
                 put_console(&shard->hook_out, version, slv_loop_wall_ms(shard->loop), m)))
        (void)slv_version_ref(version);
}

static slv_code put_exception(slv_buf *out, slv_version *version, int64_t wall_ms,
                              const slv_error_text *e)
{
    SLV_TRY(put_version(out, HOOK_EXCEPTION, version));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)wall_ms));
    SLV_TRY(slv_msg_str_put(out, e->name));
    SLV_TRY(slv_msg_str_put(out, e->message));
    return slv_msg_str_put(out, e->stack);
}

void slv_hook_exception(slv_shard *shard, slv_version *version, slv_str error)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)8 << 20);
    size_t at = shard->hook_out.len;
    slv_error_text e = {0};

    if (!shard->server->o.hooks.exception)
        return;
    if (!slv_error_parse(error, &arena, &e))
        e = (slv_error_text){SLV_STR("Error"), error, SLV_STR_NULL};
    if (complete(shard, at,
                 put_exception(&shard->hook_out, version, slv_loop_wall_ms(shard->loop), &e)))
        (void)slv_version_ref(version);
}

void slv_hook_notice(slv_shard *shard, slv_str text)
{
    size_t at = shard->hook_out.len;

    if (!shard->server->o.hooks.notice)
        return;
    slv_code code = slv_buf_append_u8(&shard->hook_out, HOOK_NOTICE);
    if (code == SLV_OK)
        code = slv_msg_str_put(&shard->hook_out, text);
    (void)complete(shard, at, code);
}

void slv_hook_deployed(slv_shard *shard, slv_version *version, const slv_err *err, slv_str failure)
{
    size_t at = shard->hook_out.len;
    slv_str message = slv_str_from(err ? slv_err_text(err) : "");

    if (!shard->server->o.hooks.deployed)
        return;
    slv_code code = put_version(&shard->hook_out, HOOK_DEPLOYED, version);
    if (code == SLV_OK)
        code = slv_buf_append_u8(&shard->hook_out, (uint8_t)(err ? err->code : SLV_OK));
    if (code == SLV_OK)
        code = slv_msg_str_put(&shard->hook_out, message);
    if (code == SLV_OK)
        code = slv_msg_str_put(&shard->hook_out, failure);
    if (complete(shard, at, code))
        (void)slv_version_ref(version);
}

void slv_hook_trace(slv_shard *shard, slv_trace *t)
{
    size_t at = shard->hook_out.len;

    if (!shard->server->o.hooks.trace || !slv_sights_may_tell(shard->sights, t))
        return;
    slv_code code = slv_buf_append_u8(&shard->hook_out, HOOK_TRACE);
    if (code == SLV_OK)
        code = slv_buf_append_u64(&shard->hook_out, (uint64_t)(uintptr_t)t);
    if (code == SLV_OK)
        code = slv_buf_append_u64(&shard->hook_out, (uint64_t)(uintptr_t)shard->sights);
    if (complete(shard, at, code))
        (void)slv_trace_ref(t);
    else
        slv_sights_told(shard->sights, t);
}
