#include <stdio.h>

#include "base/mem.h"
#include "edge/file_int.h"

/* What may come while a thread writes: the window of the source, and a first piece. */
#define BEHIND_MAX (2 * (size_t)SLV_FLOW_CREDIT_MAX)

static void settle(slv_upload *up);

static void destroy(slv_upload *up)
{
    (void)slv_blob_abort(up->writer);
    (void)slv_blobs_free(up->blobs);
    slv_buf_done(&up->bytes);
    slv_buf_done(&up->piece);
    free(up->dir);
    free(up);
}

slv_upload *slv_upload_free(slv_upload *up)
{
    if (up) {
        up->abandoned = up->over = true;
        slv_sink_cancel(&up->sink, SLV_STR("The operation was canceled."));
        if (!up->busy && !up->settling)
            destroy(up);
    }
    return NULL;
}

/* ---- on a thread ---- */

static slv_code write_piece(slv_upload *up)
{
    if (!up->blobs)
        SLV_TRY(slv_blobs_open(up->dir, &up->blobs, &up->job_err));
    if (!up->writer)
        SLV_TRY(slv_blob_begin(up->blobs, &up->writer, &up->job_err));
    SLV_TRY(slv_blob_append(up->writer, slv_buf_view(&up->piece), &up->job_err));
    if (!up->finishing)
        return SLV_OK;
    slv_blob_writer *writer = up->writer;
    up->writer = NULL;
    return slv_blob_finish(writer, &up->blob, &up->job_err);
}

static void run_write(slv_job *job)
{
    slv_upload *up = slv_container_of(job, slv_upload, job);

    up->job_code = write_piece(up);
}

/* ---- on the loop ---- */

static void finish(slv_upload *up, slv_code code, const slv_err *err)
{
    up->over = true;
    up->code = code;
    if (err)
        up->err = *err;
    up->o.done(up); /* may free up */
}

static void done_write(slv_job *job)
{
    slv_upload *up = slv_container_of(job, slv_upload, job);

    up->busy = false;
    if (up->abandoned) {
        destroy(up);
    } else if (up->over) {
        return; /* the source failed meanwhile */
    } else if (up->job_code != SLV_OK) {
        slv_sink_cancel(&up->sink, SLV_STR("The body could not be stored."));
        finish(up, up->job_code, &up->job_err);
    } else if (up->finishing) {
        finish(up, SLV_OK, NULL);
    } else {
        slv_buf_reset(&up->piece);
        settle(up);
    }
}

static void start_write(slv_upload *up)
{
    slv_buf piece = up->piece;

    up->piece = up->bytes;
    up->bytes = piece;
    up->finishing = up->fin;
    up->busy = true;
    slv_state_work(up->o.shard->server->o.state, up->o.shard->loop, &up->job);
}

/* The next step, when no thread is at work: a piece to write, or the end. */
static void step(slv_upload *up)
{
    if (up->size > up->o.max) { /* only counted any more */
        if (up->fin)
            finish(up, SLV_E_LIMIT, NULL);
    } else if (up->size <= up->o.memory) {
        if (up->fin)
            finish(up, SLV_OK, NULL);
    } else if (up->fin || up->bytes.len >= SLV_FILE_PIECE) {
        start_write(up);
    }
}

/* Goes on as far as it goes. What a thread is to write is credited when it is written, all else at
 * once; a source may answer credit from inside, with bytes, its end or a failure. */
static void settle(slv_upload *up)
{
    if (up->settling)
        return;
    up->settling = true;
    while (!up->busy && !up->over) {
        size_t owed = up->owed;

        step(up);
        if (up->busy || up->over || owed == 0)
            break;
        up->owed -= owed;
        slv_sink_credit(&up->sink, owed);
    }
    up->settling = false;
    if (up->abandoned && !up->busy)
        destroy(up);
}

static void on_data(slv_sink *sink, slv_str bytes, bool fin)
{
    slv_upload *up = slv_container_of(sink, slv_upload, sink);
    bool fits = true;

    up->size += bytes.len;
    up->owed += bytes.len;
    up->fin = fin;
    if (up->size > up->o.max)
        slv_buf_reset(&up->bytes);
    else
        fits = slv_buf_append(&up->bytes, bytes) == SLV_OK;
    if (!fin && (!fits || up->size > SLV_UPLOAD_COUNT_MAX)) {
        up->fin = true;
        slv_sink_cancel(sink, SLV_STR("The body is too large."));
    }
    if (!fits)
        up->size = up->o.max + 1; /* it sends without credit, or memory is gone */
    settle(up);
}

static void on_fail(slv_sink *sink, slv_str message)
{
    slv_upload *up = slv_container_of(sink, slv_upload, sink);
    slv_err err = {0};

    (void)slv_fail(&err, SLV_E_CANCELED, "%.*s", SLV_STR_ARGS(message));
    if (!up->over)
        finish(up, SLV_E_CANCELED, &err);
}

static void on_joined(slv_sink *sink)
{
    slv_sink_credit(sink, SLV_FLOW_WINDOW);
}

static const slv_sink_ops sink_ops = {.data = on_data, .fail = on_fail, .joined = on_joined};

slv_upload *slv_upload_new(const slv_upload_options *options)
{
    slv_upload *up = slv_new0(slv_upload);

    up->o = *options;
    up->dir = slv_strdup(options->dir);
    up->user = options->user;
    up->sink.ops = &sink_ops;
    up->bytes = SLV_BUF(BEHIND_MAX);
    up->piece = SLV_BUF(BEHIND_MAX);
    up->job.run = run_write;
    up->job.done = done_write;
    return up;
}
