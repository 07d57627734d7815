/*
 * Mail that a worker sends: kept as a file in the state directory (TENANT/email/TIME-N.eml), and
 * told of in the log. What may be sent to whom is checked by the isolate, which holds the binding's
 * configuration; main only keeps what it is given.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "edge/file_int.h"
#include "edge/resource_int.h"
#include "state/kinds.h"

enum {
    OP_SEND = 128,
};

#define MAIL_MAX ((uint64_t)25 << 20)
#define ADDRESS_MAX ((size_t)1000)
#define PATH_BYTES 8192

typedef struct mail_op {
    slv_op op;
    slv_shard *shard;
    slv_version *version; /* a reference */
    slv_store *store;     /* names the file */
    slv_upload *upload;
    slv_arena arena;
    slv_str from, to, raw;
    slv_job job;
    bool writing;
    slv_code code;
    slv_err err;
    char path[PATH_BYTES];
} mail_op;

static void op_free(mail_op *m)
{
    (void)slv_upload_free(m->upload);
    (void)slv_store_unref(m->store);
    (void)slv_version_unref(m->version);
    slv_arena_done(&m->arena);
    free(m);
}

static void on_cancel(slv_op *op, bool answer)
{
    mail_op *m = slv_container_of(op, mail_op, op);

    slv_op_abort(op, answer);
    if (!m->writing)
        op_free(m);
}

static const slv_op_ops op_ops = {on_cancel};

/* ---- on a thread ---- */

static slv_code write_all(int fd, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno != EINTR)
            return slv_fail_errno(err, SLV_E_IO, "mail could not be kept");
        bytes = slv_str_skip(bytes, n > 0 ? (size_t)n : 0);
    }
    return fsync(fd) == 0 ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "mail could not be kept");
}

/* The folders of the tenant and of its mail, the first time. */
static slv_code make_folders(char *path, slv_err *err)
{
    char *last = strrchr(path, '/'), *above;

    *last = '\0';
    int rc = mkdir(path, 0700);
    if (rc != 0 && errno == ENOENT && (above = strrchr(path, '/')) != NULL) {
        *above = '\0';
        rc = mkdir(path, 0700);
        *above = '/';
        if (rc == 0 || errno == EEXIST)
            rc = mkdir(path, 0700);
    }
    if (rc != 0 && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    *last = '/';
    return SLV_OK;
}

/* A file that is cut off by a crash has no name yet. */
static slv_code keep(mail_op *m)
{
    char temporary[PATH_BYTES + 8];

    (void)snprintf(temporary, sizeof temporary, "%s.part", m->path);
    SLV_TRY(make_folders(m->path, &m->err));
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(&m->err, SLV_E_IO, "%s", temporary);
    slv_code code = write_all(fd, m->raw, &m->err);
    (void)close(fd);
    if (code == SLV_OK && rename(temporary, m->path) != 0)
        code = slv_fail_errno(&m->err, SLV_E_IO, "%s", m->path);
    if (code != SLV_OK)
        (void)unlink(temporary);
    return code;
}

static void run_keep(slv_job *job)
{
    mail_op *m = slv_container_of(job, mail_op, job);

    m->code = keep(m);
}

/* ---- on the loop ---- */

/* A line of the worker's, where people look. */
static void tell(mail_op *m)
{
    slv_buf line = SLV_BUF(2 * PATH_BYTES);

    if (slv_buf_printf(&line, "send_email from %.*s to %.*s: %s", SLV_STR_ARGS(m->from),
                       SLV_STR_ARGS(m->to), m->path) == SLV_OK) {
        const slv_msg_log log = {.level = SLV_CONSOLE_INFO, .text = slv_buf_view(&line)};

        slv_hook_console(m->shard, m->version, &log);
    }
    slv_buf_done(&line);
}

static void fail(mail_op *m, slv_str message)
{
    slv_op_reject(m->op.event, m->op.id, SLV_STR("Error"), message);
    slv_op_close(&m->op);
    op_free(m);
}

static void done_keep(slv_job *job)
{
    mail_op *m = slv_container_of(job, mail_op, job);

    m->writing = false;
    if (m->code == SLV_OK)
        tell(m);
    else
        slv_hook_notice(m->shard, slv_str_from(slv_err_text(&m->err)));
    if (!m->op.event) {
        op_free(m);
    } else if (m->code != SLV_OK) {
        fail(m, SLV_STR("The mail could not be kept."));
    } else {
        slv_link_send(slv_event_link(m->op.event), SLV_FRAME_RESULT, 0, m->op.id, SLV_STR_NULL);
        slv_op_close(&m->op);
        op_free(m);
    }
}

static void start_keep(mail_op *m)
{
    m->writing = true;
    m->job.run = run_keep;
    m->job.done = done_keep;
    slv_state_work(m->shard->server->o.state, m->shard->loop, &m->job);
}

static void on_uploaded(slv_upload *up)
{
    mail_op *m = up->user;

    if (up->code == SLV_OK) {
        m->raw = slv_buf_view(&up->bytes);
        start_keep(m);
    } else {
        fail(m, up->code == SLV_E_LIMIT ? SLV_STR("The mail is larger than 25 MiB.")
                                        : SLV_STR("The mail could not be read."));
    }
}

static void name_file(mail_op *m, slv_str tenant)
{
    char id[64];

    (void)snprintf(id, sizeof id, "%" PRId64 "-%08x", slv_loop_wall_ms(m->shard->loop),
                   (unsigned)slv_rand_u64());
    m->store =
        slv_state_store(m->shard->server->o.state, &slv_email_store, tenant, slv_str_from(id));
    (void)snprintf(m->path, sizeof m->path, "%s.eml", slv_store_path(m->store));
}

slv_code slv_email_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str from = slv_read_str(&r), to = slv_read_str(&r), raw;
    slv_source *body = NULL;

    (void)slv_read_u64(&r); /* the length, if it is known */
    raw = slv_read_str(&r);
    if (c->kind != OP_SEND || !slv_reader_end(&r))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed mail");
    if (c->stream)
        SLV_TRY(slv_event_body(c->ev, c->stream, &body, err));
    if (!slv_event_subrequest(c->ev, c->op)) {
        if (body)
            body->ops->cancel(body, SLV_STR("Too many subrequests."));
        return SLV_OK;
    }
    mail_op *m = slv_new0(mail_op);
    m->shard = c->ev->shard;
    m->version = slv_version_ref(c->ev->version);
    m->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    slv_op_open(&m->op, c->ev, c->op, &op_ops);
    name_file(m, c->ev->version->tenant);
    if (slv_arena_dup(&m->arena, slv_str_sub(from, 0, ADDRESS_MAX), &m->from) != SLV_OK ||
        slv_arena_dup(&m->arena, slv_str_sub(to, 0, ADDRESS_MAX), &m->to) != SLV_OK ||
        slv_arena_dup(&m->arena, raw, &m->raw) != SLV_OK) {
        if (body)
            body->ops->cancel(body, SLV_STR("The mail is too large."));
        fail(m, SLV_STR("The mail is too large."));
    } else if (body) {
        const slv_upload_options options = {.shard = m->shard,
                                            .dir = "",
                                            .memory = MAIL_MAX,
                                            .max = MAIL_MAX,
                                            .done = on_uploaded,
                                            .user = m};

        m->upload = slv_upload_new(&options);
        slv_body_join(body, &m->upload->sink);
    } else {
        start_keep(m);
    }
    return SLV_OK;
}
