#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "edge/file_int.h"

typedef struct file_source {
    slv_source source;
    slv_shard *shard;
    int fd;
    uint64_t at, end;
    size_t piece_size;
    size_t credit;
    bool busy;     /* bytes are on their way: pushed just now, or being read by a thread */
    bool canceled; /* gone as soon as it is not busy */
    slv_job job;
    char *piece;
    size_t want;
    ssize_t got;
} file_source;

static void release(file_source *f)
{
    (void)close(f->fd);
    free(f->piece);
    free(f);
}

/* ---- on a thread ---- */

static void run_read(slv_job *job)
{
    file_source *f = slv_container_of(job, file_source, job);

    do
        f->got = pread(f->fd, f->piece, f->want, (off_t)f->at);
    while (f->got < 0 && errno == EINTR);
}

/* ---- on the loop ---- */

static void pump(file_source *f);

/* False: f is gone. */
static bool deliver(file_source *f)
{
    slv_str bytes = slv_str_make(f->piece, f->got > 0 ? (size_t)f->got : 0);

    if (f->canceled) {
        release(f);
        return false;
    }
    if (f->got <= 0) { /* content files never shrink */
        slv_source_fail(&f->source, SLV_STR("A stored body could not be read."));
        release(f);
        return false;
    }
    f->at += bytes.len;
    f->credit -= bytes.len;
    bool last = f->at == f->end;
    slv_source_push(&f->source, bytes, last); /* may grant credit or cancel: f is busy */
    if (last || f->canceled) {
        release(f);
        return false;
    }
    return true;
}

static void done_read(slv_job *job)
{
    file_source *f = slv_container_of(job, file_source, job);

    if (deliver(f)) {
        f->busy = false;
        pump(f);
    }
}

/* Reads what needs no waiting. */
static bool read_now(file_source *f)
{
    struct iovec to = {.iov_base = f->piece, .iov_len = f->want};

    f->got = preadv2(f->fd, &to, 1, (off_t)f->at, RWF_NOWAIT);
    return f->got > 0;
}

static void pump(file_source *f)
{
    if (f->busy)
        return;
    f->busy = true;
    if (!f->piece)
        f->piece = slv_alloc(f->piece_size);
    while (f->credit > 0) {
        uint64_t left = SLV_MIN(f->end - f->at, f->piece_size);

        f->want = SLV_MIN(f->credit, (size_t)left);
        if (!read_now(f)) {
            slv_state_work(f->shard->server->o.state, f->shard->loop, &f->job);
            return;
        }
        if (!deliver(f))
            return;
    }
    f->busy = false;
}

static void on_credit(slv_source *src, size_t n)
{
    file_source *f = slv_container_of(src, file_source, source);

    f->credit += n;
    pump(f);
}

static void on_cancel(slv_source *src, slv_str reason)
{
    file_source *f = slv_container_of(src, file_source, source);

    (void)reason;
    f->canceled = true;
    if (!f->busy)
        release(f);
}

/* An empty body needs no credit to end. */
static void on_joined(slv_source *src)
{
    file_source *f = slv_container_of(src, file_source, source);

    if (f->at < f->end)
        return;
    f->busy = true;
    slv_source_push(src, SLV_STR_NULL, true);
    release(f);
}

static const slv_source_ops source_ops = {on_credit, on_cancel, on_joined};

slv_source *slv_file_source_new_take(slv_shard *shard, int fd, uint64_t offset, uint64_t length)
{
    file_source *f = slv_new0(file_source);

    f->source.ops = &source_ops;
    f->shard = shard;
    f->fd = fd;
    f->at = offset;
    f->end = offset + length;
    f->piece_size = (size_t)SLV_MIN(length, (uint64_t)SLV_FILE_PIECE);
    f->job.run = run_read;
    f->job.done = done_read;
    return &f->source;
}
