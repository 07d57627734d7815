#include "edge/r2_transfer.h"

#include <stdio.h>
#include <unistd.h>

#include "aio/strand.h"
#include "base/mem.h"

/* ---- in ---- */

typedef struct expectation {
    bool set;
    uint8_t sum[SLV_SUM_MAX];
} expectation;

struct slv_r2_push {
    slv_r2_push_options o;
    uint8_t key[32];
    slv_job job;
    slv_call call; /* makes the bucket when there is none yet: files need its folder */
    slv_task task; /* done, when no thread was needed */
    slv_r2_upload *upload;
    slv_buf held;  /* the loop's */
    slv_buf piece; /* the thread's */
    expectation expected[SLV_SUM_KINDS];
    uint64_t size;
    int64_t now_ms;
    bool busy, posted, fin, finishing, over, abandoned;
    slv_code code;
    slv_err err;
};

static void push_destroy(slv_r2_push *p)
{
    (void)slv_r2_upload_free(p->upload);
    (void)slv_store_unref(p->o.store);
    slv_buf_done(&p->held);
    slv_buf_done(&p->piece);
    explicit_bzero(p->key, sizeof p->key);
    free(p);
}

slv_r2_push *slv_r2_push_free(slv_r2_push *p)
{
    if (p) {
        p->abandoned = true;
        slv_task_cancel(&p->task);
        if (!p->busy)
            push_destroy(p);
    }
    return NULL;
}

static void expect_all(slv_r2_push *p)
{
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        if (p->expected[kind].set)
            slv_r2_upload_expect(p->upload, kind,
                                 slv_str_make(p->expected[kind].sum, slv_sum_len(kind)));
    }
}

/* On a thread. */
static slv_code write_piece(slv_r2_push *p, slv_err *err)
{
    if (!p->upload) {
        SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = NULL;

        SLV_TRY(slv_r2_files_open(slv_store_path(p->o.store), p->now_ms, &files, err));
        p->upload = slv_r2_upload_new(files, &p->o.upload);
    }
    SLV_TRY(slv_r2_upload_write(p->upload, slv_buf_view(&p->piece), err));
    if (!p->finishing)
        return SLV_OK;
    expect_all(p);
    return slv_r2_upload_finish(p->upload, err);
}

static void push_run(slv_job *job)
{
    slv_r2_push *p = slv_container_of(job, slv_r2_push, job);

    p->code = write_piece(p, &p->err);
}

static void push_step(slv_r2_push *p);

static void push_over(slv_r2_push *p)
{
    p->over = true;
    p->o.done(p->o.user, p->code, &p->err); /* may free p */
}

static void push_done(slv_job *job)
{
    slv_r2_push *p = slv_container_of(job, slv_r2_push, job);
    size_t written = p->piece.len;

    p->busy = false;
    if (p->abandoned) {
        push_destroy(p);
        return;
    }
    if (p->code != SLV_OK || p->finishing) {
        push_over(p);
        return;
    }
    slv_buf_reset(&p->piece);
    push_step(p);
    if (!p->fin)
        p->o.taken(p->o.user, written); /* may end p */
}

static void push_later(slv_task *task)
{
    slv_r2_push *p = slv_container_of(task, slv_r2_push, task);

    p->posted = false;
    push_over(p);
}

static bool bucket_exists(const slv_r2_push *p)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s.blobs", slv_store_path(p->o.store));
    return access(path, F_OK) == 0;
}

static slv_code run_make(slv_call *call, void *service, slv_err *err)
{
    (void)call;
    (void)service;
    (void)err;
    return SLV_OK; /* opening it was all */
}

static void made(slv_call *call)
{
    slv_r2_push *p = slv_container_of(call, slv_r2_push, call);

    if (!p->abandoned && call->code == SLV_OK) {
        slv_state_work(p->o.state, p->o.loop, &p->job);
        return;
    }
    p->busy = false;
    if (p->abandoned) {
        push_destroy(p);
        return;
    }
    p->code = call->code;
    p->err = call->err;
    push_over(p);
}

static void push_step(slv_r2_push *p)
{
    if (p->busy || p->over || p->posted)
        return;
    if (p->fin && !p->upload && p->size <= SLV_R2_INLINE_MAX) {
        p->posted = true; /* small: written inside the call that stores it */
        slv_loop_later(p->o.loop, &p->task);
        return;
    }
    if (!p->fin && p->held.len < SLV_R2_PIECE)
        return;
    slv_buf piece = p->piece;
    p->piece = p->held;
    p->held = piece;
    p->finishing = p->fin;
    p->busy = true;
    if (p->upload || bucket_exists(p))
        slv_state_work(p->o.state, p->o.loop, &p->job);
    else
        slv_store_call(p->o.store, p->o.loop, &p->call);
}

slv_r2_push *slv_r2_push_new(const slv_r2_push_options *options)
{
    slv_r2_push *p = slv_new0(slv_r2_push);

    p->o = *options;
    p->o.store = slv_store_ref(options->store);
    if (options->upload.ssec_key) {
        memcpy(p->key, options->upload.ssec_key, sizeof p->key);
        p->o.upload.ssec_key = p->key;
    }
    p->call = (slv_call){.kind = SLV_CALL_WRITE, .create = true, .run = run_make, .done = made};
    p->job.run = push_run;
    p->job.done = push_done;
    p->task.fn = push_later;
    p->held = SLV_BUF((size_t)64 << 20);
    p->piece = SLV_BUF((size_t)64 << 20);
    p->now_ms = slv_loop_wall_ms(options->loop);
    return p;
}

void slv_r2_push_write(slv_r2_push *p, slv_str bytes)
{
    if (p->over || p->posted || p->fin)
        return;
    p->size += bytes.len;
    if (slv_buf_append(&p->held, bytes) != SLV_OK && p->code == SLV_OK) {
        p->code = slv_fail(&p->err, SLV_E_LIMIT, "too much was sent at once");
        if (!p->busy) {
            p->posted = true;
            slv_loop_later(p->o.loop, &p->task);
        }
        return;
    }
    push_step(p);
}

void slv_r2_push_expect(slv_r2_push *p, slv_sum_kind kind, slv_str sum)
{
    SLV_ASSERT(sum.len == slv_sum_len(kind));
    p->expected[kind].set = true;
    memcpy(p->expected[kind].sum, sum.ptr, sum.len);
}

void slv_r2_push_end(slv_r2_push *p)
{
    if (p->fin)
        return;
    p->fin = true;
    push_step(p);
}

uint64_t slv_r2_push_size(const slv_r2_push *p)
{
    return p->size;
}

slv_code slv_r2_push_fill(slv_r2_push *p,
                          slv_code (*fill)(void *arg, slv_r2_upload *up, slv_err *err), void *arg,
                          slv_err *err)
{
    SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = NULL;

    SLV_ASSERT(!p->upload);
    SLV_TRY(slv_r2_files_open(slv_store_path(p->o.store), p->now_ms, &files, err));
    p->upload = slv_r2_upload_new(files, &p->o.upload);
    return fill(arg, p->upload, err);
}

slv_code slv_r2_push_upload(slv_r2_push *p, slv_r2 *r2, slv_r2_upload **ret, slv_err *err)
{
    if (!p->upload) {
        SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = slv_r2_files_of(r2);

        p->upload = slv_r2_upload_new(files, &p->o.upload);
        SLV_TRY(slv_r2_upload_write(p->upload, slv_buf_view(&p->held), err));
        expect_all(p);
        SLV_TRY(slv_r2_upload_finish(p->upload, err));
    }
    *ret = p->upload;
    return SLV_OK;
}

/* ---- out ---- */

struct slv_r2_pull {
    slv_r2_pull_options o;
    slv_job job;
    slv_r2_reader *reader;
    char *piece;
    size_t credit, want, got;
    uint64_t left;
    bool busy, calling, abandoned;
    slv_code code;
    slv_err err;
};

static void pull_destroy(slv_r2_pull *p)
{
    (void)slv_r2_reader_free(p->reader);
    free(p->piece);
    free(p);
}

slv_r2_pull *slv_r2_pull_free(slv_r2_pull *p)
{
    if (p) {
        p->abandoned = true;
        if (!p->busy && !p->calling)
            pull_destroy(p);
    }
    return NULL;
}

static void pull_run(slv_job *job)
{
    slv_r2_pull *p = slv_container_of(job, slv_r2_pull, job);

    p->code = slv_r2_reader_read(p->reader, p->piece, p->want, &p->got, &p->err);
}

static void pull_step(slv_r2_pull *p)
{
    if (p->busy || p->calling || p->credit == 0 || p->left == 0 || p->abandoned)
        return;
    p->want = SLV_MIN(p->credit, SLV_R2_PIECE);
    if (!p->piece)
        p->piece = slv_alloc(SLV_R2_PIECE);
    p->busy = true;
    slv_state_work(p->o.state, p->o.loop, &p->job);
}

static void pull_done(slv_job *job)
{
    slv_r2_pull *p = slv_container_of(job, slv_r2_pull, job);

    p->busy = false;
    if (p->abandoned) {
        pull_destroy(p);
        return;
    }
    p->calling = true;
    if (p->code != SLV_OK || p->got == 0) {
        if (p->code == SLV_OK)
            (void)slv_fail(&p->err, SLV_E_IO, "r2: content ended early");
        p->left = 0;
        p->o.fail(p->o.user, &p->err);
    } else {
        p->credit -= p->got;
        p->left -= p->got;
        p->o.data(p->o.user, slv_str_make(p->piece, p->got), p->left == 0);
    }
    p->calling = false;
    if (p->abandoned)
        pull_destroy(p);
    else
        pull_step(p);
}

slv_r2_pull *slv_r2_pull_new_take(const slv_r2_pull_options *options, slv_r2_reader *reader)
{
    slv_r2_pull *p = slv_new0(slv_r2_pull);

    p->o = *options;
    p->reader = reader;
    p->left = slv_r2_reader_left(reader);
    p->job.run = pull_run;
    p->job.done = pull_done;
    return p;
}

void slv_r2_pull_more(slv_r2_pull *p, size_t n)
{
    p->credit += n;
    pull_step(p);
}
