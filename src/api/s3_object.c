#include <stdio.h>

#include "api/s3_int.h"
#include "fmt/base64.h"

static s3_call *of_call(slv_call *call)
{
    return slv_container_of(call, s3_call, call);
}

/* ---- get, head ---- */

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    c->get.cond = c->has_cond ? &c->cond : NULL;
    c->get.ssec_key = c->has_ssec ? c->ssec : NULL;
    return slv_r2_get(service, c->key, &c->get, &c->arena, &c->found, err);
}

/* Which condition it was decides between 304 and 412. */
static void answer_unmet(s3_call *c)
{
    slv_r2_cond hard = c->cond;

    hard.has_none = hard.has_after = false;
    if (slv_r2_cond_holds(&hard, &c->found.object)) {
        char etag[96];

        (void)snprintf(etag, sizeof etag, "etag:\"%.*s\"\n", SLV_STR_ARGS(c->found.object.etag));
        slv_s3_reply(c, 304, slv_str_from(etag), SLV_STR_NULL);
    } else {
        slv_s3_error(c, 412, "PreconditionFailed", slv_r2_error_text(SLV_R2_PRECONDITION));
    }
}

static void got(s3_call *c)
{
    const slv_r2_found *f = &c->found;
    char text[128];

    if (c->call.code != SLV_OK) {
        slv_err err = c->call.err;

        if (err.detail == SLV_R2_PRECONDITION)
            answer_unmet(c);
        else
            slv_s3_fail(c, c->call.code, &err);
        return;
    }
    int status = f->partial ? 206 : 200;
    slv_code code = slv_s3_put_object_headers(c, &f->object, !f->partial);
    text[0] = '\0';
    if (f->partial && f->length > 0)
        (void)snprintf(text, sizeof text, "content-range:bytes %llu-%llu/%llu\n",
                       (unsigned long long)f->offset,
                       (unsigned long long)(f->offset + f->length - 1),
                       (unsigned long long)f->object.size);
    if (code == SLV_OK && c->get.part > 0 && f->object.parts > 0)
        code = slv_buf_printf(&c->head, "x-amz-mp-parts-count:%u\n", f->object.parts);
    if (code == SLV_OK && c->is_head)
        code = slv_buf_printf(&c->head, "content-length:%llu\n", (unsigned long long)f->length);
    if (code != SLV_OK)
        slv_s3_internal(c);
    else if (c->is_head)
        slv_s3_reply(c, status, slv_str_from(text), SLV_STR_NULL);
    else
        slv_s3_stream(c, status, slv_str_from(text));
}

void slv_s3_get_object(s3_call *c)
{
    uint64_t part;

    if (!slv_s3_read_cond(c, "", &c->cond, &c->has_cond) ||
        !slv_s3_read_ssec(c, "x-amz-", c->ssec, &c->has_ssec) ||
        !slv_s3_query_number(c, "partNumber", SLV_R2_PARTS_MAX, 0, &part))
        return;
    c->get = (slv_r2_get_options){.now_ms = slv_s3_now(c), .part = (uint32_t)part};
    slv_str range = slv_s3_header(c, "range");
    if (range.ptr)
        c->get.range = (slv_r2_range){.kind = SLV_R2_RANGE_HEADER, .strict = true, .header = range};
    slv_s3_run_any(c, SLV_CALL_READ, run_get, got);
}

void slv_s3_head_object(s3_call *c)
{
    slv_s3_get_object(c); /* opens what it does not send; sizes of parts and ranges are the same */
}

/* ---- put ---- */

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);
    slv_r2_upload *up;

    c->put.cond = c->has_cond ? &c->cond : NULL;
    SLV_TRY(slv_r2_push_upload(c->push, service, &up, err));
    return slv_r2_put(service, c->key, up, &c->put, &c->arena, &c->found.object, err);
}

static void put_done(s3_call *c)
{
    const slv_r2_object *o = &c->found.object;
    slv_code code = slv_buf_printf(&c->head, "etag:\"%.*s\"\nx-amz-version-id:%.*s\n",
                                   SLV_STR_ARGS(o->etag), SLV_STR_ARGS(o->version));

    if (code == SLV_OK)
        code = slv_s3_put_checksum_headers(&c->head, o);
    if (code != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply(c, 200, SLV_STR_NULL, SLV_STR_NULL);
}

static void put_stored(s3_call *c)
{
    c->put.now_ms = slv_s3_now(c);
    c->call.create =
        slv_str_eq_nocase(slv_s3_header(c, "cf-create-bucket-if-missing"), SLV_STR("true"));
    slv_s3_run(c, SLV_CALL_WRITE, run_put, put_done);
}

/* The bucket is there: before content is taken for nothing. */
static slv_code run_exists(slv_call *call, void *service, slv_err *err)
{
    (void)call;
    (void)service;
    (void)err;
    return SLV_OK;
}

static void put_begin(s3_call *c)
{
    slv_s3_take_content(c, put_stored);
}

void slv_s3_put_object(s3_call *c)
{
    if (slv_s3_header(c, "x-amz-copy-source").ptr) {
        slv_s3_copy_object(c);
        return;
    }
    if (!slv_s3_read_metadata(c) || !slv_s3_read_cond(c, "", &c->cond, &c->has_cond) ||
        !slv_s3_read_ssec(c, "x-amz-", c->ssec, &c->has_ssec))
        return;
    if (slv_str_eq_nocase(slv_s3_header(c, "cf-create-bucket-if-missing"), SLV_STR("true")))
        put_begin(c);
    else
        slv_s3_run(c, SLV_CALL_READ, run_exists, put_begin);
}

/* ---- copy ---- */

static slv_code run_source(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    return slv_r2_get(service, c->source_key, &c->get, &c->arena, &c->found, err);
}

static slv_code copy_all(s3_call *c, slv_r2_upload *up, slv_err *err)
{
    char *piece = slv_alloc(SLV_R2_PIECE);
    slv_code code = SLV_OK;
    size_t n = 1;

    if (!c->found.reader)
        code = slv_r2_upload_write(up, c->found.bytes, err);
    while (c->found.reader && code == SLV_OK && n > 0) {
        code = slv_r2_reader_read(c->found.reader, piece, SLV_R2_PIECE, &n, err);
        if (code == SLV_OK)
            code = slv_r2_upload_write(up, slv_str_make(piece, n), err);
    }
    free(piece);
    return code == SLV_OK ? slv_r2_upload_finish(up, err) : code;
}

static slv_code fill(void *arg, slv_r2_upload *up, slv_err *err)
{
    return copy_all(arg, up, err);
}

/* On a thread: content passes from one object to the other. */
static void run_copy(slv_job *job)
{
    s3_call *c = slv_container_of(job, s3_call, job);

    c->job_code = slv_r2_push_fill(c->push, fill, c, &c->job_err);
}

static void copied(s3_call *c)
{
    slv_err err = c->job_err;

    c->found.reader = slv_r2_reader_free(c->found.reader);
    if (c->job_code != SLV_OK)
        slv_s3_fail(c, c->job_code, &err);
    else
        c->then_copied(c);
}

static void source_found(s3_call *c)
{
    slv_err err = c->call.err;

    if (c->call.code != SLV_OK) {
        slv_s3_fail(c, c->call.code, &err);
        return;
    }
    /* the bucket that the copy goes to is c->store again */
    slv_store *source = c->store;
    c->store = c->source;
    c->source = source;
    const slv_r2_push_options options = {
        .state = c->s3->state,
        .loop = c->loop,
        .store = c->store,
        .upload = {.sums = c->upload_sums, .ssec_key = c->has_ssec ? c->ssec : NULL},
        .user = c,
    };
    c->push = slv_r2_push_new(&options);
    slv_s3_work(c, run_copy, copied);
}

/* "/bucket/key" or "bucket/key", percent-encoded. */
static bool read_source(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF((size_t)16 << 10);
    slv_str text = slv_s3_header(c, "x-amz-copy-source");
    slv_str path;

    text = slv_str_sub(text, 0, slv_str_find(text, SLV_STR("?versionId="), 0));
    if (text.len > 0 && text.ptr[0] == '/')
        text = slv_str_skip(text, 1);
    if (slv_uri_decode(text, &plain) != SLV_OK ||
        slv_arena_dup(&c->arena, slv_buf_view(&plain), &path) != SLV_OK)
        path = SLV_STR_NULL;
    size_t slash = slv_str_chr(path, '/', 0);
    c->source_bucket = slv_str_sub(path, 0, slash);
    c->source_key = slash == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(path, slash + 1);
    if (c->source_key.len == 0 || !slv_r2_bucket_name_ok(c->source_bucket)) {
        slv_s3_error(c, 400, "InvalidArgument",
                     "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
        return false;
    }
    if (slv_s3_may_read(c, c->source_bucket))
        return true;
    slv_s3_error(c, 403, "AccessDenied", "Access Denied");
    return false;
}

void slv_s3_take_copy(s3_call *c, void (*stored)(s3_call *c))
{
    slv_str range = slv_s3_header(c, "x-amz-copy-source-range");
    bool some;

    if (!read_source(c) || !slv_s3_read_cond(c, "x-amz-copy-source-", &c->source_cond, &some) ||
        !slv_s3_read_ssec(c, "x-amz-copy-source-", c->source_ssec, &c->has_source_ssec))
        return;
    c->get = (slv_r2_get_options){.cond = some ? &c->source_cond : NULL,
                                  .ssec_key = c->has_source_ssec ? c->source_ssec : NULL,
                                  .now_ms = slv_s3_now(c)};
    if (range.ptr)
        c->get.range = (slv_r2_range){.kind = SLV_R2_RANGE_HEADER, .strict = true, .header = range};
    c->then_copied = stored;
    c->source = c->store;
    c->store = slv_state_store(c->s3->state, &slv_r2_store, c->tenant, c->source_bucket);
    slv_s3_run_any(c, SLV_CALL_READ, run_source, source_found);
}

static void copy_done(s3_call *c)
{
    const slv_r2_object *o = &c->found.object;

    slv_buf_reset(&c->text);
    if (slv_xml_put_head(&c->text) != SLV_OK ||
        slv_xml_open(&c->text, "CopyObjectResult") != SLV_OK ||
        slv_s3_put_etag_xml(&c->text, o->etag) != SLV_OK ||
        slv_s3_put_time_xml(&c->text, "LastModified", o->uploaded_ms) != SLV_OK ||
        slv_xml_close(&c->text, "CopyObjectResult") != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply_xml(c);
}

static void copy_stored(s3_call *c)
{
    if (!slv_str_eq_nocase(slv_s3_header(c, "x-amz-metadata-directive"), SLV_STR("REPLACE"))) {
        c->put.http = c->found.object.http;
        c->put.custom = c->found.object.custom;
        if (!slv_s3_header(c, "x-amz-storage-class").ptr)
            c->put.class = c->found.object.class;
    }
    c->put.now_ms = slv_s3_now(c);
    c->put.from_bucket = c->source_bucket;
    c->put.from_key = c->source_key;
    slv_s3_run(c, SLV_CALL_WRITE, run_put, copy_done);
}

void slv_s3_copy_object(s3_call *c)
{
    if (!slv_s3_read_metadata(c) ||
        !slv_s3_read_cond(c, "cf-copy-destination-", &c->cond, &c->has_cond) ||
        !slv_s3_read_ssec(c, "x-amz-", c->ssec, &c->has_ssec))
        return;
    slv_s3_take_copy(c, copy_stored);
}

/* ---- delete ---- */

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    return slv_r2_delete(service, c->key, c->put.now_ms, NULL, err);
}

static void deleted(s3_call *c)
{
    slv_s3_reply(c, 204, SLV_STR_NULL, SLV_STR_NULL);
}

void slv_s3_delete_object(s3_call *c)
{
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_delete, deleted);
}

static slv_code delete_each(s3_call *c, slv_r2 *r2, const slv_xml *root, slv_err *err)
{
    bool quiet = slv_str_is(slv_xml_text(root, "Quiet"), "true");

    for (const slv_xml *o = slv_xml_child(root, "Object"); o; o = slv_xml_again(o)) {
        const slv_xml *name = slv_xml_child(o, "Key");
        slv_str key = name ? name->text : SLV_STR_NULL;
        slv_err why = {0};
        slv_code code = slv_r2_delete(r2, key, c->put.now_ms, NULL, &why);

        if (code != SLV_OK && why.detail != SLV_R2_BAD_NAME) {
            *err = why;
            return code;
        }
        if (code == SLV_OK && quiet)
            continue;
        SLV_TRY(slv_xml_open(&c->text, code == SLV_OK ? "Deleted" : "Error"));
        SLV_TRY(slv_xml_put(&c->text, "Key", key));
        if (code != SLV_OK) {
            SLV_TRY(slv_xml_put(&c->text, "Code", SLV_STR("InvalidObjectName")));
            SLV_TRY(slv_xml_put(&c->text, "Message", slv_str_from(slv_err_text(&why))));
        }
        SLV_TRY(slv_xml_close(&c->text, code == SLV_OK ? "Deleted" : "Error"));
    }
    return SLV_OK;
}

static slv_code run_delete_many(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    SLV_TRY(slv_xml_put_head(&c->text));
    SLV_TRY(slv_buf_append(
        &c->text, SLV_STR("<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    SLV_TRY(delete_each(c, service, c->xml, err));
    return slv_xml_close(&c->text, "DeleteResult");
}

void slv_s3_delete_objects(s3_call *c)
{
    slv_err err = {0};
    size_t count = 0;

    if (slv_xml_parse(slv_buf_view(&c->body), &c->arena, &c->xml, &err) != SLV_OK ||
        !slv_str_is(c->xml->name, "Delete")) {
        slv_s3_error(c, 400, "MalformedXML",
                     "The XML you provided was not well formed or did not validate against our "
                     "published schema.");
        return;
    }
    for (const slv_xml *o = slv_xml_child(c->xml, "Object"); o; o = slv_xml_again(o))
        count++;
    if (count == 0 || count > SLV_R2_DELETE_MAX) {
        slv_s3_error(c, 400, "MalformedXML",
                     "The XML you provided was not well formed or did not validate against our "
                     "published schema.");
        return;
    }
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_delete_many, slv_s3_reply_xml);
}
