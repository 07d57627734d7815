/*
 * Whole databases as SQL text. An import is uploaded into a file beside the stores and run from
 * there; an export is written into a file without a name and read from there.
 *
 * wrangler's protocols: import is init, PUT, ingest, poll; export is polled until it names a URL.
 * Both are answered as complete at once, the work being done within the one call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_int.h"
#include "api/d1_int.h"
#include "api/routes.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define PIECE ((size_t)64 << 10)
#define UPLOAD_MAX ((uint64_t)5 << 30)
#define DIRECT "direct" /* instead of an etag: run what comes, at once */

typedef struct transfer {
    slv_api_call *api;
    slv_d1_call d;
    slv_store *store;
    int fd;
    char *path; /* of an upload that is kept; NULL: none */
    slv_sum sum;
    bool summing, direct;
    uint64_t size, at;
    slv_str tables[SLV_D1_ASK_TABLES_MAX];
    slv_buf message;
    atomic_bool stop;
    bool running, gone, writing;
} transfer;

static transfer *transfer_new(slv_api_call *call, slv_store *store)
{
    transfer *t = slv_new0(transfer);

    t->api = call;
    t->store = store;
    t->fd = -1;
    t->message = SLV_BUF(1 << 20);
    call->user = t;
    return t;
}

static void transfer_free(transfer *t)
{
    if (t->fd >= 0)
        (void)close(t->fd);
    if (t->summing)
        slv_sum_done(&t->sum);
    (void)slv_store_unref(t->store);
    slv_buf_done(&t->message);
    free(t->path);
    free(t);
}

static void fail_io(transfer *t, const char *what)
{
    slv_err err;

    (void)slv_fail_errno(&err, SLV_E_IO, "%s", what);
    slv_api_fail(t->api, &err, 0);
    transfer_free(t);
}

/* A file of ours beside the account's databases; without a name when etag is NULL. */
static int open_file(slv_api_call *call, const char *etag, int flags, char **ret_path)
{
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF((size_t)8 << 10);
    char *path = NULL;

    if (slv_state_folder(slv_api_state(call->api), &slv_d1_store, call->tenant, &dir, NULL) !=
        SLV_OK)
        return -1;
    if (!etag)
        return open(dir.ptr, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (asprintf(&path, "%s/upload-%s.sql", dir.ptr, etag) < 0)
        return -1;
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && ret_path)
        *ret_path = path;
    else
        free(path);
    return fd;
}

static bool is_etag(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (slv_hex_value(s.ptr[i]) < 0)
            return false;
    return s.len == 32;
}

/* Where a database's text is put or taken, for whoever has the URL: such transfers have no token.
 */
static slv_code put_url(slv_api_call *call, slv_buf *out, slv_str id, const char *what,
                        slv_str etag)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(SLV_API_PATH_MAX);

    SLV_TRY(slv_buf_printf(&path, "/accounts/%.*s/d1/database/%.*s/%s%.*s",
                           SLV_STR_ARGS(call->params[0]), SLV_STR_ARGS(id), what,
                           SLV_STR_ARGS(etag)));
    SLV_TRY(slv_buf_printf(out, "%s" SLV_API_PREFIX "%.*s?", slv_api_call_base_url(call),
                           (int)path.len, path.ptr));
    return slv_api_put_grant(call, slv_buf_view(&path), out);
}

/* ---- import ---- */

static void on_imported(slv_call *call)
{
    transfer *t = slv_container_of(call, transfer, d.call);
    const slv_d1_import *im = &t->d.ask.import;
    const char *bookmark = t->d.ask.after;
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(4096);

    if (t->path)
        (void)unlink(t->path);
    if (call->code != SLV_OK) {
        slv_api_d1_fail(t->api, call->code, &call->err, slv_buf_view(&t->message));
    } else if (slv_buf_printf(
                   &json,
                   "{\"success\":true,\"type\":\"import\",\"status\":\"complete\",\"at_bookmark\":"
                   "\"%s\",\"messages\":[],\"errors\":[],\"result\":{\"num_queries\":%llu,"
                   "\"final_bookmark\":\"%s\",\"meta\":{\"served_by\":\"selvage.db\",\"duration\":"
                   "%.3f,\"rows_read\":%llu,\"rows_written\":%llu,\"size_after\":%llu}}}",
                   bookmark, (unsigned long long)im->statements, bookmark, im->duration_ms,
                   (unsigned long long)im->rows_read, (unsigned long long)im->rows_written,
                   (unsigned long long)im->size_after) == SLV_OK) {
        slv_api_ok(t->api, slv_buf_view(&json));
    } else {
        slv_api_error(t->api, 500, SLV_API_INTERNAL, "Out of memory");
    }
    transfer_free(t);
}

static void start_import(transfer *t)
{
    t->running = true;
    t->d.ask = (slv_d1_ask){
        .kind = SLV_D1_ASK_IMPORT, .stop = &t->stop, .fd = t->fd, .message = &t->message};
    slv_d1_call_make(&t->d, t->store, slv_api_loop(t->api->api), SLV_CALL_SOLO, true, on_imported);
}

/* ---- upload ---- */

static void on_gone(slv_api_call *call)
{
    transfer *t = call->user;

    t->gone = true;
    if (t->running) { /* its done() ends the call */
        atomic_store_explicit(&t->stop, true, memory_order_relaxed);
        slv_store_cancel(&t->d.call);
        return;
    }
    if (t->writing)
        slv_api_abort(call);
    else
        slv_api_error(call, 499, SLV_API_INTERNAL, "The client has gone");
    transfer_free(t);
}

static bool write_all(int fd, slv_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = slv_str_skip(bytes, (size_t)n);
    }
    return true;
}

static void finish_upload(transfer *t)
{
    uint8_t digest[SLV_SUM_MAX];
    char hex[33], headers[80];

    if (t->direct) {
        start_import(t);
        return;
    }
    slv_sum_end(&t->sum, digest);
    t->summing = false;
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    snprintf(headers, sizeof headers, "etag:\"%s\"\n", hex);
    slv_api_reply(t->api, 200, slv_str_from(headers), SLV_STR(""));
    transfer_free(t);
}

static void on_body(slv_api_call *call, slv_str bytes, bool last)
{
    transfer *t = call->user;

    t->size += bytes.len;
    if (t->size > UPLOAD_MAX) {
        slv_api_error(call, 413, SLV_API_TOO_LARGE, "A file of SQL has at most 5 GiB");
        transfer_free(t);
        return;
    }
    if (!write_all(t->fd, bytes)) {
        fail_io(t, "d1: the upload cannot be kept");
        return;
    }
    if (t->summing)
        slv_sum_add(&t->sum, bytes);
    if (last)
        finish_upload(t);
    else
        slv_api_credit(call, bytes.len);
}

static void upload_found(slv_api_call *call, slv_store *store, slv_str id)
{
    slv_str etag = call->params[2];
    transfer *t = transfer_new(call, store);
    char name[33];

    (void)id;
    t->direct = slv_str_is(etag, DIRECT);
    if (call->gone) {
        on_gone(call);
        return;
    }
    if (!t->direct && !is_etag(etag)) {
        slv_api_error(call, 400, SLV_API_D1_FAILED, "The etag must be an MD5 in hexadecimal");
        transfer_free(t);
        return;
    }
    snprintf(name, sizeof name, "%.*s", SLV_STR_ARGS(etag));
    t->fd = t->direct ? open_file(call, NULL, 0, NULL)
                      : open_file(call, name, O_WRONLY | O_CREAT | O_TRUNC, NULL);
    if (t->fd < 0) {
        fail_io(t, "d1: the upload cannot be kept");
        return;
    }
    if (!t->direct) {
        slv_sum_init(&t->sum, SLV_SUM_MD5);
        t->summing = true;
    }
    call->on_body = on_body;
    call->on_gone = on_gone;
    slv_api_credit(call, 4 * PIECE);
}

void slv_api_d1_upload(slv_api_call *call)
{
    slv_api_d1_find(call, upload_found);
}

static void answer_init(slv_api_call *call, slv_str id, slv_str etag)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);
    slv_code code = slv_buf_append(&json, SLV_STR("{\"success\":true,\"upload_url\":\""));

    if (code == SLV_OK)
        code = put_url(call, &json, id, "upload/", etag);
    if (code == SLV_OK)
        code = slv_buf_printf(&json, "\",\"filename\":\"%.*s.sql\"}", SLV_STR_ARGS(etag));
    if (code == SLV_OK)
        slv_api_ok(call, slv_buf_view(&json));
    else
        slv_api_error(call, 500, SLV_API_INTERNAL, "Out of memory");
}

static void import_found(slv_api_call *call, slv_store *store, slv_str id)
{
    slv_node *body = slv_api_body_json(call);

    if (!body) {
        (void)slv_store_unref(store);
        return;
    }
    slv_str action = slv_node_str(slv_node_get(body, "action"));
    slv_str etag = slv_node_str(slv_node_get(body, "etag"));
    char name[33];

    if (!slv_str_is(action, "poll") && !is_etag(etag)) {
        slv_api_error(call, 400, SLV_API_D1_FAILED, "The etag must be an MD5 in hexadecimal");
    } else if (slv_str_is(action, "init")) {
        answer_init(call, id, etag);
    } else if (slv_str_is(action, "ingest")) {
        transfer *t = transfer_new(call, store);

        snprintf(name, sizeof name, "%.*s", SLV_STR_ARGS(etag));
        t->fd = open_file(call, name, O_RDONLY, &t->path);
        if (t->fd < 0) {
            slv_api_error(call, 404, SLV_API_D1_NOT_FOUND, "Nothing was uploaded under that etag");
            transfer_free(t);
            return;
        }
        call->on_gone = on_gone;
        start_import(t);
        return;
    } else {
        slv_api_error(call, 400, SLV_API_D1_FAILED, "Not currently importing anything.");
    }
    (void)slv_store_unref(store);
}

void slv_api_d1_import(slv_api_call *call)
{
    slv_api_d1_find(call, import_found);
}

/* ---- export ---- */

static void on_writable(slv_api_call *call)
{
    transfer *t = call->user;
    SLV_CLEANUP(slv_charp_free) char *piece = slv_alloc(PIECE);

    while (t->at < t->size) {
        ssize_t n = pread(t->fd, piece, PIECE, (off_t)t->at);

        if (n <= 0) {
            slv_api_abort(call);
            transfer_free(t);
            return;
        }
        t->at += (uint64_t)n;
        if (!slv_api_write(call, slv_str_make(piece, (size_t)n)))
            return;
    }
    slv_api_end(call);
    transfer_free(t);
}

static void on_dumped(slv_call *call)
{
    transfer *t = slv_container_of(call, transfer, d.call);
    slv_api_call *api = t->api;

    if (call->code != SLV_OK) {
        slv_api_d1_fail(api, call->code, &call->err, slv_buf_view(&t->message));
        transfer_free(t);
        return;
    }
    t->running = false;
    t->size = t->d.ask.size;
    if (t->gone) {
        slv_api_error(api, 499, SLV_API_INTERNAL, "The client has gone");
        transfer_free(t);
        return;
    }
    t->writing = true;
    api->on_writable = on_writable;
    slv_api_begin(api, 200, SLV_STR("content-type:application/sql\n"), (int64_t)t->size);
    on_writable(api);
}

static bool is_true(slv_api_call *call, const char *name)
{
    slv_str v = slv_api_query(call, name);

    return slv_str_is(v, "1") || slv_str_is(v, "true");
}

static void dump_found(slv_api_call *call, slv_store *store, slv_str id)
{
    transfer *t = transfer_new(call, store);
    slv_str table;

    (void)id;
    slv_d1_export_options *o = &t->d.ask.export;
    t->d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_EXPORT, .stop = &t->stop, .message = &t->message};
    o->no_schema = is_true(call, "no_schema");
    o->no_data = is_true(call, "no_data");
    o->tables = t->tables;
    while (o->table_count < SLV_D1_ASK_TABLES_MAX &&
           (table = slv_api_query_item(call, "table", o->table_count)).ptr)
        t->tables[o->table_count++] = table;
    t->fd = open_file(call, NULL, 0, NULL);
    if (t->fd < 0) {
        fail_io(t, "d1: the export cannot be kept");
        return;
    }
    t->d.ask.fd = t->fd;
    t->running = true;
    call->on_gone = on_gone;
    slv_d1_call_make(&t->d, store, slv_api_loop(call->api), SLV_CALL_READ, false, on_dumped);
}

void slv_api_d1_dump(slv_api_call *call)
{
    slv_api_d1_find(call, dump_found);
}

/* Percent-encoded as a query's value. */
static slv_code put_escaped(slv_buf *out, slv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        SLV_TRY(slv_is_alpha(c) || slv_is_digit(c) || c == '_'
                    ? slv_buf_append_byte(out, c)
                    : slv_buf_printf(out, "%%%02X", (unsigned char)c));
    }
    return SLV_OK;
}

static slv_code put_export(slv_api_call *call, slv_buf *out, slv_str id, const slv_node *options)
{
    const slv_node *no_schema = slv_node_get(options, "no_schema"),
                   *no_data = slv_node_get(options, "no_data"),
                   *tables = slv_node_get(options, "tables");

    SLV_TRY(slv_buf_printf(
        out,
        "{\"success\":true,\"type\":\"export\",\"status\":\"complete\",\"at_bookmark\":\"\","
        "\"messages\":[],\"errors\":[],\"result\":{\"filename\":\"%.*s.sql\",\"signed_url\":\"",
        SLV_STR_ARGS(id)));
    SLV_TRY(put_url(call, out, id, "dump", SLV_STR("")));
    SLV_TRY(slv_buf_printf(out, "&no_schema=%d&no_data=%d", no_schema && no_schema->boolean,
                           no_data && no_data->boolean));
    for (const slv_node *n = tables ? tables->first : NULL; n; n = n->next) {
        SLV_TRY(slv_buf_append(out, SLV_STR("&table=")));
        SLV_TRY(put_escaped(out, slv_node_str(n)));
    }
    return slv_buf_append(out, SLV_STR("\"}}"));
}

static void export_found(slv_api_call *call, slv_store *store, slv_str id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(1 << 20);
    slv_node *body = slv_api_body_json(call);

    (void)slv_store_unref(store);
    if (!body)
        return;
    if (put_export(call, &json, id, slv_node_get(body, "dump_options")) == SLV_OK)
        slv_api_ok(call, slv_buf_view(&json));
    else
        slv_api_error(call, 413, SLV_API_TOO_LARGE, "Too many tables are named");
}

void slv_api_d1_export(slv_api_call *call)
{
    slv_api_d1_find(call, export_found);
}
