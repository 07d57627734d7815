#include <stdio.h>

#include "api/s3_int.h"

static s3_call *of_call(slv_call *call)
{
    return slv_container_of(call, s3_call, call);
}

bool slv_r2_bucket_name_ok(slv_str name)
{
    if (name.len < 3 || name.len > 63 || name.ptr[0] == '-' || name.ptr[name.len - 1] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.ptr[i];

        if (!(ch >= 'a' && ch <= 'z') && !slv_is_digit(ch) && ch != '-')
            return false;
    }
    return true;
}

static slv_code run_nothing(slv_call *call, void *service, slv_err *err)
{
    (void)call;
    (void)service;
    (void)err;
    return SLV_OK;
}

static void reply_empty(s3_call *c)
{
    slv_s3_reply(c, 200, SLV_STR_NULL, SLV_STR_NULL);
}

static void reply_no_content(s3_call *c)
{
    slv_s3_reply(c, 204, SLV_STR_NULL, SLV_STR_NULL);
}

void slv_s3_head_bucket(s3_call *c)
{
    if (slv_s3_put_header(&c->head, "x-amz-bucket-region", SLV_STR("auto")) != SLV_OK)
        slv_buf_reset(&c->head);
    slv_s3_run(c, SLV_CALL_READ, run_nothing, reply_empty);
}

/* ---- create, delete ---- */

static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);
    char now[24];
    slv_str known;

    SLV_TRY(slv_r2_setting(service, "created", &c->arena, &known, err));
    if (known.len > 0)
        return SLV_OK;
    (void)snprintf(now, sizeof now, "%lld", (long long)c->put.now_ms);
    return slv_r2_setting_set(service, "created", slv_str_from(now), err);
}

static void create(s3_call *c)
{
    if (c->call.code == SLV_OK) { /* it was there */
        slv_s3_error(c, 409, "BucketAlreadyOwnedByYou",
                     "The bucket you tried to create already exists, and you own it.");
        return;
    }
    char location[80];
    (void)snprintf(location, sizeof location, "/%.*s", SLV_STR_ARGS(c->bucket));
    if (slv_s3_put_header(&c->head, "location", slv_str_from(location)) != SLV_OK)
        slv_buf_reset(&c->head);
    c->call = (slv_call){.create = true};
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_create, reply_empty);
}

void slv_s3_create_bucket(s3_call *c)
{
    slv_s3_run_any(c, SLV_CALL_READ, run_nothing, create);
}

static slv_code run_empty(slv_call *call, void *service, slv_err *err)
{
    uint64_t objects, bytes;

    (void)call;
    SLV_TRY(slv_r2_usage(service, &objects, &bytes, err));
    return objects == 0 ? SLV_OK : slv_fail(err, SLV_E_EXISTS, "not empty");
}

static void destroyed(slv_call *call)
{
    s3_call *c = of_call(call);

    c->busy--;
    slv_err err = call->err;
    if (call->code == SLV_OK)
        reply_no_content(c);
    else
        slv_s3_fail(c, call->code, &err);
}

static void delete (s3_call *c)
{
    slv_err err = c->call.err;

    if (c->call.code == SLV_E_EXISTS) {
        slv_s3_error(c, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty.");
    } else if (c->call.code != SLV_OK) {
        slv_s3_fail(c, c->call.code, &err);
    } else {
        c->call = (slv_call){.done = destroyed};
        c->busy++;
        slv_store_destroy(c->store, c->loop, &c->call);
    }
}

void slv_s3_delete_bucket(s3_call *c)
{
    slv_s3_run_any(c, SLV_CALL_WRITE, run_empty, delete);
}

/* ---- what is the same for every bucket ---- */

static void put_location(s3_call *c)
{
    slv_buf_reset(&c->text);
    if (slv_xml_put_head(&c->text) != SLV_OK ||
        slv_buf_append(&c->text, SLV_STR("<LocationConstraint "
                                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">auto"
                                         "</LocationConstraint>")) != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply_xml(c);
}

void slv_s3_get_location(s3_call *c)
{
    slv_s3_run(c, SLV_CALL_READ, run_nothing, put_location);
}

static void put_encryption(s3_call *c)
{
    slv_buf_reset(&c->text);
    if (slv_xml_put_head(&c->text) != SLV_OK ||
        slv_buf_append(&c->text, SLV_STR("<ServerSideEncryptionConfiguration "
                                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>"
                                         "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
                                         "</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
                                         "<BucketKeyEnabled>true</BucketKeyEnabled></Rule>"
                                         "</ServerSideEncryptionConfiguration>")) != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply_xml(c);
}

void slv_s3_get_encryption(s3_call *c)
{
    slv_s3_run(c, SLV_CALL_READ, run_nothing, put_encryption);
}

/* ---- settings ---- */

static slv_code run_setting(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    return slv_r2_setting(service, c->setting, &c->arena, &c->value, err);
}

static slv_code run_set(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    return slv_r2_setting_set(service, c->setting, c->value, err);
}

static void malformed(s3_call *c)
{
    slv_s3_error(
        c, 400, "MalformedXML",
        "The XML you provided was not well formed or did not validate against our published "
        "schema.");
}

static void put_cors(s3_call *c)
{
    if (c->value.len == 0)
        slv_s3_error(c, 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist");
    else if (slv_s3_cors_to_xml(c->value, &c->text) != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply_xml(c);
}

void slv_s3_get_cors(s3_call *c)
{
    c->setting = "cors";
    slv_s3_run(c, SLV_CALL_READ, run_setting, put_cors);
}

void slv_s3_put_cors(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 20);
    slv_err err = {0};

    if (slv_s3_cors_from_xml(slv_buf_view(&c->body), &json, &err) != SLV_OK ||
        slv_arena_dup(&c->arena, slv_buf_view(&json), &c->value) != SLV_OK) {
        malformed(c);
        return;
    }
    c->setting = "cors";
    slv_s3_run(c, SLV_CALL_WRITE, run_set, reply_empty);
}

void slv_s3_delete_cors(s3_call *c)
{
    c->setting = "cors";
    c->value = SLV_STR_NULL;
    slv_s3_run(c, SLV_CALL_WRITE, run_set, reply_no_content);
}

static void put_lifecycle(s3_call *c)
{
    if (c->value.len == 0)
        slv_s3_error(c, 404, "NoSuchLifecycleConfiguration",
                     "The lifecycle configuration does not exist");
    else if (slv_s3_lifecycle_to_xml(c->value, &c->text) != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply_xml(c);
}

void slv_s3_get_lifecycle(s3_call *c)
{
    c->setting = "lifecycle";
    slv_s3_run(c, SLV_CALL_READ, run_setting, put_lifecycle);
}

void slv_s3_put_lifecycle(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 20);
    slv_err err = {0};

    if (slv_s3_lifecycle_from_xml(slv_buf_view(&c->body), &json, &err) != SLV_OK ||
        slv_arena_dup(&c->arena, slv_buf_view(&json), &c->value) != SLV_OK) {
        malformed(c);
        return;
    }
    c->setting = "lifecycle";
    slv_s3_run(c, SLV_CALL_WRITE, run_set, reply_empty);
}

void slv_s3_delete_lifecycle(s3_call *c)
{
    c->setting = "lifecycle";
    c->value = SLV_STR_NULL;
    slv_s3_run(c, SLV_CALL_WRITE, run_set, reply_no_content);
}
