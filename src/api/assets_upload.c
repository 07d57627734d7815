/* Static files of a worker: one part of a multipart body each, named by its hash, as base64. */
#include "api/assets_int.h"
#include "api/routes.h"
#include "fmt/multipart.h"

#define BODY_MAX ((uint64_t)100 << 20)
#define PARTS_MAX 5000u

/* ---- the body ---- */

typedef struct reader {
    asset_rest *r;
    slv_multipart multipart;
    slv_buf hash, type; /* of the part under way */
} reader;

static slv_code part_begin(void *arg, const slv_multipart_part *part, slv_err *err)
{
    reader *rd = arg;

    if (!slv_assets_hash_valid(part->name))
        return slv_asset_refuse(rd->r, err, 400, ASSETS_INVALID,
                                "Part '%.*s' is not named by the hash of a file",
                                SLV_STR_ARGS(slv_str_sub(part->name, 0, 64)));
    if (rd->r->parts.len == PARTS_MAX)
        return slv_asset_refuse(rd->r, err, 400, ASSETS_INVALID, "More than %u parts", PARTS_MAX);
    SLV_TRY(slv_buf_set(&rd->hash, part->name));
    SLV_TRY(slv_buf_set(&rd->type, part->type));
    return slv_asset_begin(rd->r->batch, err);
}

static slv_code part_data(void *arg, slv_str bytes, slv_err *err)
{
    reader *rd = arg;

    return slv_asset_text(rd->r->batch, bytes, err);
}

static slv_code part_end(void *arg, slv_err *err)
{
    reader *rd = arg;
    uint64_t size;

    SLV_TRY(slv_asset_end(rd->r->batch, slv_buf_view(&rd->hash), &size, err));
    return slv_asset_part_add(rd->r, slv_buf_view(&rd->hash), slv_buf_view(&rd->type), size, err);
}

static const slv_multipart_ops part_ops = {part_begin, part_data, part_end};

static void reader_free(void *arg)
{
    reader *rd = arg;

    slv_multipart_done(&rd->multipart);
    slv_buf_done(&rd->hash);
    slv_buf_done(&rd->type);
    free(rd);
}

static slv_code eat(asset_rest *r, slv_str bytes, bool last, slv_err *err)
{
    reader *rd = r->reader;

    if (!r->batch)
        SLV_TRY(slv_asset_batch_new(r->files, r->token.account, &r->batch, err));
    SLV_TRY(slv_multipart_add(&rd->multipart, bytes, err));
    return last ? slv_multipart_end(&rd->multipart, err) : SLV_OK;
}

/* ---- what came ---- */

/* Each file must have been announced, and be what it was announced as. */
static slv_code check(asset_rest *r, slv_catalog *c, slv_err *err)
{
    for (size_t i = r->parts.len; i-- > 0;) {
        asset_part *p = &r->parts.items[i];
        slv_str extension;
        slv_code code =
            slv_catalog_session_wants(c, r->session.id, p->hash, &r->arena, &extension, err);

        if (code == SLV_E_NOTFOUND) { /* once more, or by another session meanwhile */
            slv_asset_row row;

            code = slv_catalog_asset_get(c, r->session.account, p->hash, &r->arena, &row, err);
            if (code == SLV_E_NOTFOUND)
                return slv_asset_refuse(r, err, 400, ASSETS_INVALID,
                                        "File %.*s is not wanted in this session",
                                        SLV_STR_ARGS(p->hash));
            SLV_TRY(code);
            slv_asset_batch_drop(r->batch, i);
            p->hash = SLV_STR_NULL;
            continue;
        }
        SLV_TRY(code);
        if (!slv_asset_batch_is(r->batch, i, extension))
            return slv_asset_refuse(r, err, 400, ASSETS_INVALID,
                                    "The content of file %.*s has another hash",
                                    SLV_STR_ARGS(p->hash));
        p->checked = true;
    }
    return slv_asset_commit(r->batch, err);
}

static slv_code store(asset_rest *r, slv_catalog *c, slv_err *err)
{
    for (size_t i = 0; i < r->parts.len; i++) {
        const asset_part *p = &r->parts.items[i];
        const slv_asset_row row = {p->hash, p->type, p->size, p->checked};

        if (!p->checked)
            continue;
        SLV_TRY(slv_catalog_asset_put(c, r->session.account, &row, r->now_ms, err));
        SLV_TRY(slv_catalog_session_has(c, r->session.id, p->hash, err));
    }
    return slv_catalog_session_left(c, r->session.id, &r->left, err);
}

static void stored(asset_rest *r)
{
    if (r->left == 0) {
        slv_asset_complete(r);
        return;
    }
    slv_json_raw(&r->json, SLV_STR("{\"jwt\":null}"));
    slv_asset_answer(r);
}

static void checked(asset_rest *r)
{
    slv_asset_write(r, store, stored);
}

static void eaten(asset_rest *r)
{
    slv_asset_read(r, check, checked);
}

/* ---- the call ---- */

static slv_code find_session(asset_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code = slv_catalog_session_get(c, r->token.id, &r->arena, &r->session, err);

    return code == SLV_E_NOTFOUND
               ? slv_asset_refuse(r, err, 403, ASSETS_TOKEN_REFUSED, "The upload has expired")
               : code;
}

static void found_session(asset_rest *r)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    slv_str boundary = slv_multipart_boundary(slv_api_header(r->api, "content-type"), &arena);
    reader *rd = slv_new0(reader);
    slv_err err = {0};

    *rd = (reader){.r = r, .hash = SLV_BUF(64), .type = SLV_BUF(SLV_MULTIPART_HEAD_MAX)};
    r->reader = rd;
    r->reader_free = reader_free;
    r->eat = eat;
    r->eaten = eaten;
    if (slv_multipart_init(&rd->multipart, boundary, &part_ops, rd, &err) != SLV_OK)
        slv_asset_fail(r, &err);
    else
        slv_asset_stream(r, BODY_MAX);
}

static void upload(slv_api_call *call)
{
    asset_rest *r = slv_asset_rest_new(call);

    if (!r || !slv_asset_rest_token(r, SLV_ASSET_SESSION))
        return;
    if (!slv_str_eq(r->token.account, call->params[0])) {
        slv_asset_error(r, 403, ASSETS_TOKEN_REFUSED, "The token is for another account");
        return;
    }
    if (!slv_str_is(slv_api_query(call, "base64"), "true")) {
        slv_asset_error(r, 400, ASSETS_INVALID, "Files are uploaded as base64: ?base64=true");
        return;
    }
    slv_asset_read(r, find_session, found_session);
}

const slv_api_route slv_api_assets_upload_routes[] = {
    {.method = "POST",
     .pattern = "/accounts/:account/workers/assets/upload",
     .handle = upload,
     .streams = true,
     .access = SLV_API_OPEN},
    {0},
};
