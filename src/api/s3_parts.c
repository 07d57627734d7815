#include <stdio.h>

#include "api/s3_int.h"
#include "fmt/base64.h"

static s3_call *of_call(slv_call *call)
{
    return slv_container_of(call, s3_call, call);
}

/* ---- create ---- */

static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(SLV_R2_UPLOAD_ID_MAX);
    uint8_t md5[SLV_SUM_MAX];
    char hex[32];

    if (c->has_ssec) {
        slv_sum_of(SLV_SUM_MD5, slv_str_make(c->ssec, sizeof c->ssec), md5);
        slv_hex_put(slv_str_make(md5, 16), hex);
        c->put.ssec_md5 = slv_str_make(hex, sizeof hex);
    }
    SLV_TRY(slv_r2_multipart_create(service, c->key, &c->put, &id, err));
    SLV_TRY(slv_xml_put_head(&c->text));
    SLV_TRY(slv_buf_append(
        &c->text,
        SLV_STR(
            "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    SLV_TRY(slv_xml_put(&c->text, "Bucket", c->bucket));
    SLV_TRY(slv_xml_put(&c->text, "Key", c->key));
    SLV_TRY(slv_xml_put(&c->text, "UploadId", slv_buf_view(&id)));
    return slv_xml_close(&c->text, "InitiateMultipartUploadResult");
}

/* Whether the checksum will be of all bytes, or of the parts' checksums. False: answered. */
static bool sum_type(s3_call *c, slv_sum_kind kind)
{
    static const char *const full[] = {[SLV_SUM_CRC32] = "full:crc32",
                                       [SLV_SUM_CRC32C] = "full:crc32c",
                                       [SLV_SUM_CRC64NVME] = "full:crc64nvme"};
    slv_str type = slv_s3_header(c, "x-amz-checksum-type");
    bool may_full = kind >= SLV_SUM_CRC32, must_full = kind == SLV_SUM_CRC64NVME;
    bool wants_full = type.ptr ? slv_str_is(type, "FULL_OBJECT") : must_full;

    if ((wants_full && !may_full) || (!wants_full && must_full) ||
        (type.ptr && !wants_full && !slv_str_is(type, "COMPOSITE"))) {
        slv_s3_error(c, 400, "InvalidRequest",
                     "The checksum type cannot be used with the checksum algorithm.");
        return false;
    }
    c->put.sum_name = slv_str_from(wants_full ? full[kind] : slv_s3_sum_name(kind));
    if (slv_s3_put_header(&c->head, "x-amz-checksum-type",
                          wants_full ? SLV_STR("FULL_OBJECT") : SLV_STR("COMPOSITE")) != SLV_OK)
        slv_buf_reset(&c->head);
    return true;
}

void slv_s3_create_upload(s3_call *c)
{
    slv_str algorithm = slv_s3_header(c, "x-amz-checksum-algorithm");

    if (!slv_s3_read_metadata(c) || !slv_s3_read_ssec(c, "x-amz-", c->ssec, &c->has_ssec))
        return;
    if (algorithm.ptr) {
        slv_sum_kind kind = slv_s3_sum_kind(algorithm);

        if (kind == SLV_SUM_KINDS) {
            slv_s3_error(c, 400, "InvalidRequest", "The checksum algorithm is not known.");
            return;
        }
        if (!sum_type(c, kind))
            return;
        if (slv_s3_put_header(&c->head, "x-amz-checksum-algorithm", algorithm) != SLV_OK)
            slv_buf_reset(&c->head);
    }
    slv_s3_run(c, SLV_CALL_WRITE, run_create, slv_s3_reply_xml);
}

/* ---- parts ---- */

static slv_code run_check(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    return slv_r2_multipart_check(service, c->key, c->upload, &c->arena, NULL, NULL, err);
}

static slv_code run_part(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);
    slv_r2_upload *up;

    SLV_TRY(slv_r2_push_upload(c->push, service, &up, err));
    SLV_TRY(slv_r2_part_put(service, c->key, c->upload, c->part, up, c->put.now_ms, c->etag, err));
    if (c->sum_kind != SLV_SUM_KINDS)
        return slv_buf_set(&c->body, slv_r2_upload_sum(up, c->sum_kind));
    return SLV_OK;
}

static void part_done(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf base64 = SLV_BUF(128);
    slv_code code = slv_buf_printf(&c->head, "etag:\"%s\"\n", c->etag);
    char name[40];

    if (code == SLV_OK && c->sum_kind != SLV_SUM_KINDS && c->body.len > 0) {
        (void)snprintf(name, sizeof name, "x-amz-checksum-%s", slv_s3_sum_name(c->sum_kind));
        code = slv_base64_encode(slv_buf_view(&c->body), SLV_BASE64_STD, &base64);
        if (code == SLV_OK)
            code = slv_s3_put_header(&c->head, name, slv_buf_view(&base64));
    }
    if (code != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply(c, 200, SLV_STR_NULL, SLV_STR_NULL);
}

static void part_stored(s3_call *c)
{
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_part, part_done);
}

static void part_begin(s3_call *c)
{
    slv_s3_take_content(c, part_stored);
}

static void part_copied(s3_call *c)
{
    slv_buf *out = &c->text;

    slv_buf_reset(out);
    if (slv_xml_put_head(out) != SLV_OK || slv_xml_open(out, "CopyPartResult") != SLV_OK ||
        slv_s3_put_etag_xml(out, slv_str_from(c->etag)) != SLV_OK ||
        slv_s3_put_time_xml(out, "LastModified", c->put.now_ms) != SLV_OK ||
        slv_xml_close(out, "CopyPartResult") != SLV_OK)
        slv_s3_internal(c);
    else
        slv_s3_reply_xml(c);
}

static void part_copy_stored(s3_call *c)
{
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_part, part_copied);
}

static void part_copy_begin(s3_call *c)
{
    slv_s3_take_copy(c, part_copy_stored);
}

void slv_s3_upload_part(s3_call *c)
{
    uint64_t number;

    c->upload = slv_s3_query(c, "uploadId");
    if (!slv_s3_query_number(c, "partNumber", SLV_R2_PARTS_MAX, 0, &number) ||
        !slv_s3_read_ssec(c, "x-amz-", c->ssec, &c->has_ssec))
        return;
    if (number == 0) {
        slv_s3_error(c, 400, "InvalidArgument",
                     "Part number must be an integer between 1 and 10000, inclusive");
        return;
    }
    c->part = (uint32_t)number;
    slv_s3_run(c, SLV_CALL_READ, run_check,
               slv_s3_header(c, "x-amz-copy-source").ptr ? part_copy_begin : part_begin);
}

/* ---- complete, abort ---- */

static slv_code run_complete(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    SLV_TRY(slv_r2_multipart_complete(service, c->key, c->upload, c->items, c->item_count,
                                      c->has_cond ? &c->cond : NULL, c->sum_json, c->put.now_ms,
                                      &c->arena, &c->found.object, err));
    slv_buf_reset(&c->text);
    SLV_TRY(slv_xml_put_head(&c->text));
    SLV_TRY(slv_buf_append(
        &c->text,
        SLV_STR(
            "<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    SLV_TRY(slv_buf_printf(&c->text, "<Location>"));
    SLV_TRY(slv_xml_put_text(&c->text, c->path));
    SLV_TRY(slv_buf_printf(&c->text, "</Location>"));
    SLV_TRY(slv_xml_put(&c->text, "Bucket", c->bucket));
    SLV_TRY(slv_xml_put(&c->text, "Key", c->key));
    SLV_TRY(slv_s3_put_etag_xml(&c->text, c->found.object.etag));
    SLV_TRY(slv_s3_put_checksums_xml(&c->text, c->found.object.checksums, true));
    return slv_xml_close(&c->text, "CompleteMultipartUploadResult");
}

static bool sum_hex(s3_call *c, slv_sum_kind kind, slv_str base64, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SLV_SUM_MAX);
    char hex[2 * SLV_SUM_MAX];

    if (slv_base64_decode(base64, SLV_BASE64_STD, &raw) != SLV_OK || raw.len != slv_sum_len(kind))
        return false;
    slv_hex_put(slv_buf_view(&raw), hex);
    return slv_arena_dup(&c->arena, slv_str_make(hex, 2 * raw.len), ret) == SLV_OK;
}

static slv_str unquoted(slv_str etag)
{
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        return slv_str_sub(etag, 1, etag.len - 1);
    return etag;
}

/* What the client says of a part's content, in hex. False: malformed. */
static bool read_part_sum(s3_call *c, const slv_xml *part, slv_str *ret)
{
    *ret = SLV_STR_NULL;
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        const char *element = slv_s3_sum_element(kind);
        slv_str base64 = element ? slv_xml_text(part, element) : SLV_STR_NULL;

        if (base64.len > 0)
            return sum_hex(c, kind, base64, ret);
    }
    return true;
}

/* What the client says of the whole, as r2 writes it: "BASE64", or "BASE64-3" of three parts'
 * checksums. */
static bool read_whole_sum(s3_call *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(512);
    slv_str value, hex, count = SLV_STR_NULL;

    c->sum_json = SLV_STR_NULL;
    if (!slv_s3_find_sum(c, &value))
        return false;
    if (!value.ptr)
        return true;
    size_t dash = slv_str_find(value, SLV_STR("-"), 0);
    if (dash < value.len) {
        count = slv_str_skip(value, dash + 1);
        value = slv_str_sub(value, 0, dash);
    }
    const char *name = slv_s3_sum_name(c->sum_kind);
    if (!sum_hex(c, c->sum_kind, value, &hex)) {
        slv_s3_error(c, 400, "InvalidRequest", "The value of a checksum is not valid.");
        return false;
    }
    slv_code code = count.ptr ? slv_buf_printf(&out, "{\"parts\":\"%.*s\",\"parts-%s\":\"%.*s\"}",
                                               SLV_STR_ARGS(count), name, SLV_STR_ARGS(hex))
                              : slv_buf_printf(&out, "{\"%s\":\"%.*s\"}", name, SLV_STR_ARGS(hex));
    if (code == SLV_OK)
        code = slv_arena_dup(&c->arena, slv_buf_view(&out), &c->sum_json);
    if (code != SLV_OK)
        slv_s3_internal(c);
    return code == SLV_OK;
}

/* False: malformed. */
static bool read_parts(s3_call *c)
{
    size_t count = 0, i = 0;
    slv_err err = {0};

    if (slv_xml_parse(slv_buf_view(&c->body), &c->arena, &c->xml, &err) != SLV_OK)
        return false;
    for (const slv_xml *p = slv_xml_child(c->xml, "Part"); p; p = slv_xml_again(p))
        count++;
    slv_r2_part *parts = slv_arena_try_alloc0(&c->arena, (count + 1) * sizeof *parts);
    if (!parts || count == 0 || count > SLV_R2_PARTS_MAX)
        return false;
    for (const slv_xml *p = slv_xml_child(c->xml, "Part"); p; p = slv_xml_again(p), i++) {
        uint64_t number;

        if (slv_parse_u64(slv_xml_text(p, "PartNumber"), &number) != SLV_OK || number == 0 ||
            number > SLV_R2_PARTS_MAX)
            return false;
        parts[i].number = (uint32_t)number;
        parts[i].etag = unquoted(slv_xml_text(p, "ETag"));
        if (!read_part_sum(c, p, &parts[i].sum))
            return false;
    }
    c->items = parts;
    c->item_count = count;
    return true;
}

void slv_s3_complete_upload(s3_call *c)
{
    const slv_r2_part *parts;

    c->upload = slv_s3_query(c, "uploadId");
    if (!slv_s3_read_cond(c, "", &c->cond, &c->has_cond))
        return;
    if (!read_parts(c)) {
        slv_s3_error(c, 400, "MalformedXML",
                     "The XML you provided was not well formed or did not validate against our "
                     "published schema.");
        return;
    }
    if (!read_whole_sum(c))
        return;
    parts = c->items;
    for (size_t i = 1; i < c->item_count; i++) {
        if (parts[i].number <= parts[i - 1].number) {
            slv_s3_error(c, 400, "InvalidPartOrder",
                         "The list of parts was not in ascending order. The parts list must be "
                         "specified in order by part number.");
            return;
        }
    }
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_complete, slv_s3_reply_xml);
}

static slv_code run_abort(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);

    return slv_r2_multipart_abort(service, c->key, c->upload, c->put.now_ms, err);
}

static void aborted(s3_call *c)
{
    slv_s3_reply(c, 204, SLV_STR_NULL, SLV_STR_NULL);
}

void slv_s3_abort_upload(s3_call *c)
{
    c->upload = slv_s3_query(c, "uploadId");
    c->put.now_ms = slv_s3_now(c);
    slv_s3_run(c, SLV_CALL_WRITE, run_abort, aborted);
}

/* ---- listings ---- */

typedef struct parts_page {
    s3_call *c;
    uint32_t after, max, last;
    bool more;
} parts_page;

static slv_code on_part(void *arg, const slv_r2_part *part)
{
    parts_page *page = arg;
    slv_buf *out = &page->c->text;

    page->last = part->number;
    SLV_TRY(slv_xml_open(out, "Part"));
    SLV_TRY(slv_xml_put_number(out, "PartNumber", part->number));
    SLV_TRY(slv_s3_put_time_xml(out, "LastModified", part->uploaded_ms));
    SLV_TRY(slv_s3_put_etag_xml(out, part->etag));
    SLV_TRY(slv_xml_put_number(out, "Size", part->size));
    SLV_TRY(slv_s3_put_checksums_xml(out, part->checksums, false));
    return slv_xml_close(out, "Part");
}

static slv_code run_parts(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);
    parts_page *page = c->items;
    slv_buf *out = &c->text;

    SLV_TRY(slv_xml_put_head(out));
    SLV_TRY(slv_buf_append(
        out, SLV_STR("<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    SLV_TRY(slv_r2_parts_list(service, c->key, c->upload, page->after, page->max, page, on_part,
                              &page->more, err));
    SLV_TRY(slv_xml_put(out, "Bucket", c->bucket));
    SLV_TRY(slv_xml_put(out, "Key", c->key));
    SLV_TRY(slv_xml_put(out, "UploadId", c->upload));
    SLV_TRY(slv_xml_put_number(out, "PartNumberMarker", page->after));
    SLV_TRY(slv_xml_put_number(out, "NextPartNumberMarker", page->last));
    SLV_TRY(slv_xml_put_number(out, "MaxParts", page->max));
    SLV_TRY(slv_xml_put(out, "IsTruncated", page->more ? SLV_STR("true") : SLV_STR("false")));
    SLV_TRY(slv_xml_put(out, "StorageClass", SLV_STR("STANDARD")));
    return slv_xml_close(out, "ListPartsResult");
}

void slv_s3_list_parts(s3_call *c)
{
    parts_page *page = slv_arena_try_alloc0(&c->arena, sizeof *page);
    uint64_t max, after;

    c->upload = slv_s3_query(c, "uploadId");
    if (!page) {
        slv_s3_internal(c);
        return;
    }
    if (!slv_s3_query_number(c, "max-parts", INT32_MAX, 1000, &max) ||
        !slv_s3_query_number(c, "part-number-marker", INT32_MAX, 0, &after))
        return;
    *page = (parts_page){
        .c = c, .after = (uint32_t)after, .max = (uint32_t)SLV_MIN(max, UINT64_C(1000))};
    c->items = page;
    slv_s3_run(c, SLV_CALL_READ, run_parts, slv_s3_reply_xml);
}

typedef struct uploads_page {
    s3_call *c;
    slv_str prefix, key, id;
    uint32_t max;
    bool more, encode;
    slv_str last_key, last_id;
} uploads_page;

static slv_code on_upload(void *arg, const slv_r2_pending *p)
{
    uploads_page *page = arg;
    slv_buf *out = &page->c->text;

    SLV_TRY(slv_arena_dup(&page->c->arena, p->key, &page->last_key));
    SLV_TRY(slv_arena_dup(&page->c->arena, p->id, &page->last_id));
    SLV_TRY(slv_xml_open(out, "Upload"));
    SLV_TRY(slv_s3_put_name_xml(out, "Key", p->key, page->encode));
    SLV_TRY(slv_xml_put(out, "UploadId", p->id));
    SLV_TRY(slv_s3_put_time_xml(out, "Initiated", p->began_ms));
    SLV_TRY(slv_xml_put(out, "StorageClass",
                        p->class == SLV_R2_CLASS_INFREQUENT ? SLV_STR("STANDARD_IA")
                                                            : SLV_STR("STANDARD")));
    return slv_xml_close(out, "Upload");
}

static slv_code run_uploads(slv_call *call, void *service, slv_err *err)
{
    s3_call *c = of_call(call);
    uploads_page *page = c->items;
    slv_buf *out = &c->text;

    SLV_TRY(slv_xml_put_head(out));
    SLV_TRY(slv_buf_append(
        out,
        SLV_STR("<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    SLV_TRY(slv_r2_multipart_list(service, page->prefix, page->key, page->id, page->max, page,
                                  on_upload, &page->more, err));
    SLV_TRY(slv_xml_put(out, "Bucket", c->bucket));
    SLV_TRY(slv_s3_put_name_xml(out, "Prefix", page->prefix, page->encode));
    SLV_TRY(slv_s3_put_name_xml(out, "KeyMarker", page->key, page->encode));
    SLV_TRY(slv_xml_put(out, "UploadIdMarker", page->id));
    if (page->more) {
        SLV_TRY(slv_s3_put_name_xml(out, "NextKeyMarker", page->last_key, page->encode));
        SLV_TRY(slv_xml_put(out, "NextUploadIdMarker", page->last_id));
    }
    SLV_TRY(slv_xml_put_number(out, "MaxUploads", page->max));
    SLV_TRY(slv_xml_put(out, "IsTruncated", page->more ? SLV_STR("true") : SLV_STR("false")));
    return slv_xml_close(out, "ListMultipartUploadsResult");
}

void slv_s3_list_uploads(s3_call *c)
{
    uploads_page *page = slv_arena_try_alloc0(&c->arena, sizeof *page);
    uint64_t max;

    if (!page) {
        slv_s3_internal(c);
        return;
    }
    if (!slv_s3_query_number(c, "max-uploads", INT32_MAX, 1000, &max))
        return;
    *page = (uploads_page){.c = c,
                           .prefix = slv_s3_query(c, "prefix"),
                           .key = slv_s3_query(c, "key-marker"),
                           .id = slv_s3_query(c, "upload-id-marker"),
                           .max = (uint32_t)SLV_MIN(max, UINT64_C(1000)),
                           .encode = slv_str_is(slv_s3_query(c, "encoding-type"), "url")};
    if (page->key.len > 0 && page->id.len == 0) /* past every upload of that key */
        page->id = SLV_STR("\x7f");
    c->items = page;
    slv_s3_run(c, SLV_CALL_READ, run_uploads, slv_s3_reply_xml);
}
