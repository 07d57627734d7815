#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/s3_int.h"
#include "fmt/base64.h"

/* ---- objects ---- */

typedef struct listing {
    s3_call *c;
    slv_buf prefixes;
    slv_r2_list_options page;
    bool v2, encode, owner;
    uint32_t count;
    slv_buf last; /* name given last: NextMarker */
} listing;

static slv_code on_object(void *arg, const slv_r2_object *o)
{
    listing *l = arg;
    slv_buf *out = &l->c->text;

    l->count++;
    SLV_TRY(slv_buf_set(&l->last, o->key));
    SLV_TRY(slv_xml_open(out, "Contents"));
    SLV_TRY(slv_s3_put_name_xml(out, "Key", o->key, l->encode));
    SLV_TRY(slv_s3_put_time_xml(out, "LastModified", o->uploaded_ms));
    SLV_TRY(slv_s3_put_etag_xml(out, o->etag));
    SLV_TRY(slv_xml_put_number(out, "Size", o->size));
    SLV_TRY(slv_xml_put(out, "StorageClass",
                        o->class == SLV_R2_CLASS_INFREQUENT ? SLV_STR("STANDARD_IA")
                                                            : SLV_STR("STANDARD")));
    if (l->owner || !l->v2)
        SLV_TRY(slv_buf_append(out, SLV_STR("<Owner><ID>local</ID><DisplayName>local</DisplayName>"
                                            "</Owner>")));
    return slv_xml_close(out, "Contents");
}

static slv_code on_prefix(void *arg, slv_str prefix)
{
    listing *l = arg;

    l->count++;
    SLV_TRY(slv_buf_set(&l->last, prefix));
    SLV_TRY(slv_xml_open(&l->prefixes, "CommonPrefixes"));
    SLV_TRY(slv_s3_put_name_xml(&l->prefixes, "Prefix", prefix, l->encode));
    return slv_xml_close(&l->prefixes, "CommonPrefixes");
}

static slv_code put_tail(listing *l, slv_str cursor, uint32_t max_keys)
{
    slv_buf *out = &l->c->text;
    slv_str token = slv_s3_query(l->c, "continuation-token");

    SLV_TRY(slv_buf_append(out, slv_buf_view(&l->prefixes)));
    SLV_TRY(slv_xml_put(out, "Name", l->c->bucket));
    SLV_TRY(slv_s3_put_name_xml(out, "Prefix", l->page.prefix, l->encode));
    if (l->page.delimiter.len > 0)
        SLV_TRY(slv_s3_put_name_xml(out, "Delimiter", l->page.delimiter, l->encode));
    SLV_TRY(slv_xml_put_number(out, "MaxKeys", max_keys));
    if (l->encode)
        SLV_TRY(slv_xml_put(out, "EncodingType", SLV_STR("url")));
    SLV_TRY(slv_xml_put(out, "IsTruncated", cursor.len > 0 ? SLV_STR("true") : SLV_STR("false")));
    if (!l->v2) {
        SLV_TRY(slv_s3_put_name_xml(out, "Marker", slv_s3_query(l->c, "marker"), l->encode));
        if (cursor.len > 0)
            SLV_TRY(slv_s3_put_name_xml(out, "NextMarker", slv_buf_view(&l->last), l->encode));
    } else {
        SLV_TRY(slv_xml_put_number(out, "KeyCount", l->count));
        if (token.len > 0)
            SLV_TRY(slv_xml_put(out, "ContinuationToken", token));
        if (l->page.start_after.len > 0)
            SLV_TRY(slv_s3_put_name_xml(out, "StartAfter", l->page.start_after, l->encode));
        if (cursor.len > 0)
            SLV_TRY(slv_xml_put(out, "NextContinuationToken", cursor));
    }
    return slv_xml_close(out, "ListBucketResult");
}

static void listing_done(void *arg)
{
    listing *l = arg;

    slv_buf_done(&l->prefixes);
    slv_buf_done(&l->last);
}

static slv_code run_list(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = slv_container_of(call, s3_call, call);
    listing *l = c->list;
    const slv_r2_list_to to = {l, on_object, on_prefix};
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF((size_t)16 << 10);
    uint32_t limit = l->page.limit;

    SLV_TRY(slv_xml_put_head(&c->text));
    SLV_TRY(slv_buf_append(
        &c->text, SLV_STR("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    if (limit > 0)
        SLV_TRY(slv_r2_list(service, &l->page, &to, &cursor, err));
    return put_tail(l, slv_buf_view(&cursor), limit);
}

static void listed(s3_call *c)
{
    slv_err err = c->call.err;

    if (c->call.code == SLV_OK)
        slv_s3_reply_xml(c);
    else
        slv_s3_fail(c, c->call.code, &err);
}

void slv_s3_list_objects(s3_call *c)
{
    listing *l = slv_arena_try_alloc0(&c->arena, sizeof *l);
    uint64_t max;

    if (!l) {
        slv_s3_internal(c);
        return;
    }
    if (!slv_s3_query_number(c, "max-keys", INT32_MAX, SLV_R2_LIST_MAX, &max))
        return;
    slv_str marker = slv_s3_query(c, "marker"), start = slv_s3_query(c, "start-after");
    *l = (listing){
        .c = c,
        .prefixes = SLV_BUF((size_t)16 << 20),
        .last = SLV_BUF((size_t)16 << 10),
        .v2 = slv_str_is(slv_s3_query(c, "list-type"), "2"),
        .encode = slv_str_is(slv_s3_query(c, "encoding-type"), "url"),
        .owner = slv_str_is(slv_s3_query(c, "fetch-owner"), "true"),
        .page = {.prefix = slv_s3_query(c, "prefix"),
                 .delimiter = slv_s3_query(c, "delimiter"),
                 .limit = (uint32_t)SLV_MIN(max, (uint64_t)SLV_R2_LIST_MAX)},
    };
    if (l->v2) {
        l->page.cursor = slv_s3_query(c, "continuation-token");
        l->page.start_after = start.len > 0 ? start : SLV_STR_NULL;
    } else if (marker.len > 0) {
        l->page.start_after = marker;
        /* a folded prefix was given as the marker: not once more */
        l->page.after_prefix = l->page.delimiter.len > 0 && slv_str_ends(marker, l->page.delimiter);
    }
    c->list = l;
    if (slv_arena_defer(&c->arena, listing_done, l) != SLV_OK) {
        slv_s3_internal(c);
        return;
    }
    slv_s3_run_any(c, SLV_CALL_READ, run_list, listed);
}

/* ---- buckets ---- */

typedef struct bucket_list {
    slv_arena *arena;
    slv_str *names;
    size_t count, cap;
    slv_code code;
} bucket_list;

static void on_bucket(void *arg, slv_str id)
{
    bucket_list *l = arg;

    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->names = slv_realloc(l->names, l->cap * sizeof *l->names);
    }
    if (slv_arena_dup(l->arena, id, &l->names[l->count]) == SLV_OK)
        l->count++;
}

/* The folder of a bucket's content was made with it. */
int64_t slv_s3_bucket_created_ms(slv_state *state, slv_str tenant, slv_str name)
{
    slv_store *store = slv_state_store(state, &slv_r2_store, tenant, name);
    SLV_CLEANUP(slv_charp_free) char *path = NULL;
    struct statx st;
    int64_t ms = 0;

    if (asprintf(&path, "%s.blobs", slv_store_path(store)) < 0)
        path = NULL;
    if (path && statx(AT_FDCWD, path, 0, STATX_BTIME | STATX_MTIME, &st) == 0)
        ms =
            (st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec : st.stx_mtime.tv_sec) * INT64_C(1000);
    (void)slv_store_unref(store);
    return ms;
}

static slv_code put_buckets(s3_call *c)
{
    bucket_list l = {.arena = &c->arena};
    slv_code code =
        slv_state_list(c->s3->state, &slv_r2_store, c->tenant, on_bucket, &l, &c->job_err);

    if (code == SLV_OK)
        code = slv_xml_put_head(&c->text);
    if (code == SLV_OK)
        code = slv_buf_append(
            &c->text, SLV_STR("<ListAllMyBucketsResult "
                              "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>local"
                              "</ID><DisplayName>local</DisplayName></Owner><Buckets>"));
    for (size_t i = 0; i < l.count && code == SLV_OK; i++) {
        if (!slv_s3_may_read(c, l.names[i]))
            continue;
        code = slv_xml_open(&c->text, "Bucket");
        if (code == SLV_OK)
            code = slv_xml_put(&c->text, "Name", l.names[i]);
        if (code == SLV_OK)
            code =
                slv_s3_put_time_xml(&c->text, "CreationDate",
                                    slv_s3_bucket_created_ms(c->s3->state, c->tenant, l.names[i]));
        if (code == SLV_OK)
            code = slv_xml_close(&c->text, "Bucket");
    }
    free(l.names);
    SLV_TRY(code);
    return slv_buf_append(&c->text, SLV_STR("</Buckets></ListAllMyBucketsResult>"));
}

static void run_buckets(slv_job *job)
{
    s3_call *c = slv_container_of(job, s3_call, job);

    c->job_code = put_buckets(c);
}

static void buckets_listed(s3_call *c)
{
    if (c->job_code == SLV_OK)
        slv_s3_reply_xml(c);
    else
        slv_s3_internal(c);
}

void slv_s3_list_buckets(s3_call *c)
{
    slv_s3_work(c, run_buckets, buckets_listed);
}
