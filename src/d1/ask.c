/* Asks: what each one does with a database. */
#include "d1/ask.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

#define PIECE ((size_t)64 << 10)

static slv_code keep_message(slv_d1 *d1, slv_d1_ask *ask)
{
    return slv_buf_set(ask->message, slv_d1_message(d1));
}

/* ---- batches ---- */

static slv_code run_rows(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    if (!ask->statements) {
        slv_d1_statement *list = NULL;

        SLV_TRY(slv_d1_request_parse(ask->json, ask->blobs, ask->arena, &list, &ask->count, err));
        ask->statements = list;
    }
    slv_d1_rows_reset(ask->rows);
    slv_d1_batch batch = {
        .statements = ask->statements,
        .count = ask->count,
        .read = ask->read,
        .stop = ask->stop,
        .sink = &slv_d1_rows_sink,
        .sink_arg = ask->rows,
    };
    if (ask->read && ask->want_bookmark) /* what is read is at least as new */
        slv_d1_bookmark(d1, ask->before);
    slv_code code = slv_d1_run(d1, &batch, err);
    if (!ask->read && ask->want_bookmark)
        slv_d1_bookmark(d1, ask->before);
    if (code == SLV_OK || (code == SLV_E_STATE && ask->read))
        return code;
    /* The user's failure is an answer; only a disk that fails is the store's. */
    SLV_TRY(keep_message(d1, ask));
    return code == SLV_E_IO ? code : SLV_OK;
}

static slv_code run_json(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    slv_d1_batch batch = {
        .statements = ask->statements,
        .count = ask->count,
        .read = ask->read,
        .stop = ask->stop,
        .sink = &slv_d1_json_sink,
        .sink_arg = ask->out,
    };

    slv_d1_json_reset(ask->out);
    slv_code code = slv_d1_run(d1, &batch, err);
    if (code == SLV_OK)
        return slv_d1_json_finish(ask->out);
    if (code != SLV_E_STATE || !ask->read)
        SLV_TRY(keep_message(d1, ask));
    return code;
}

static slv_code run_info(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    if (ask->now_ms)
        SLV_TRY(slv_d1_info_set(d1, ask->name, ask->now_ms, err));
    return slv_d1_info_get(d1, ask->arena, &ask->info, err);
}

/* ---- whole databases ---- */

typedef struct file_text {
    slv_d1_ask *ask;
    uint64_t at;
    slv_buf gathered; /* a row is small */
} file_text;

static slv_code read_file(void *arg, char *out, size_t size, size_t *ret_len, slv_err *err)
{
    file_text *f = arg;
    ssize_t n = pread(f->ask->fd, out, size, (off_t)f->at);

    if (n < 0)
        return slv_fail_errno(err, SLV_E_IO, "d1: the uploaded text cannot be read");
    f->at += (uint64_t)n;
    *ret_len = (size_t)n;
    return SLV_OK;
}

static slv_code run_import(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    file_text f = {.ask = ask};

    ask->import = (slv_d1_import){.read = read_file, .arg = &f, .stop = ask->stop};
    slv_code code = slv_d1_import_run(d1, &ask->import, err);
    slv_d1_bookmark(d1, ask->after);
    if (code != SLV_OK)
        SLV_TRY(keep_message(d1, ask));
    return code;
}

static slv_code write_all(file_text *f, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(f->ask->fd, bytes.ptr, bytes.len, (off_t)f->at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return slv_fail_errno(err, SLV_E_IO, "d1: the export cannot be kept");
        f->at += (uint64_t)n;
        bytes = slv_str_skip(bytes, (size_t)n);
    }
    return SLV_OK;
}

static slv_code write_file(void *arg, slv_str bytes, slv_err *err)
{
    file_text *f = arg;

    if (f->ask->stop && atomic_load_explicit(f->ask->stop, memory_order_relaxed))
        return slv_fail(err, SLV_E_CANCELED, "the client has gone");
    if (f->gathered.len + bytes.len > PIECE) {
        SLV_TRY(write_all(f, slv_buf_view(&f->gathered), err));
        slv_buf_reset(&f->gathered);
    }
    return bytes.len <= PIECE ? slv_buf_append(&f->gathered, bytes) : write_all(f, bytes, err);
}

static slv_code run_export(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    file_text f = {.ask = ask, .gathered = SLV_BUF(2 * PIECE)};
    slv_code code = slv_d1_export(d1, &ask->export, write_file, &f, err);

    if (code == SLV_OK)
        code = write_all(&f, slv_buf_view(&f.gathered), err);
    slv_buf_done(&f.gathered);
    ask->size = f.at;
    if (code != SLV_OK)
        SLV_TRY(keep_message(d1, ask));
    return code;
}

/* ---- Time Travel ---- */

static slv_code run_travel(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    slv_str wanted = ask->bookmark;
    slv_code code = SLV_OK;

    slv_d1_bookmark(d1, ask->before);
    if (ask->by_time) {
        code = slv_d1_bookmark_at(d1, ask->ms, ask->after, err);
        wanted = slv_str_from(ask->after);
    }
    if (code == SLV_OK && ask->restore) {
        code = slv_d1_restore(d1, wanted, err);
        slv_d1_bookmark(d1, ask->after);
    }
    if (code != SLV_OK)
        SLV_TRY(keep_message(d1, ask));
    return code;
}

slv_code slv_d1_ask_run(slv_d1 *d1, slv_d1_ask *ask, slv_err *err)
{
    if (ask->message)
        slv_buf_reset(ask->message);
    switch (ask->kind) {
    case SLV_D1_ASK_ROWS:
        return run_rows(d1, ask, err);
    case SLV_D1_ASK_JSON:
        return run_json(d1, ask, err);
    case SLV_D1_ASK_INFO:
        return run_info(d1, ask, err);
    case SLV_D1_ASK_IMPORT:
        return run_import(d1, ask, err);
    case SLV_D1_ASK_EXPORT:
        return run_export(d1, ask, err);
    case SLV_D1_ASK_TRAVEL:
        return run_travel(d1, ask, err);
    case SLV_D1_ASK_INSIGHTS:
        slv_buf_reset(&ask->out->out);
        return slv_d1_tell_insights(d1, &ask->insights, &ask->out->out);
    }
    return slv_fail(err, SLV_E_PARSE, "d1: an ask of no kind");
}
