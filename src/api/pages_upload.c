/* Files of Pages projects: the token, which are missing, and the files themselves. */
#include "api/pages_int.h"
#include "api/routes.h"
#include "assets/assets.h"
#include "fmt/json.h"
#include "fmt/jsonpush.h"

#define BODY_MAX ((uint64_t)120 << 20)
#define HASHES_BODY_MAX ((size_t)8 << 20)
#define FILES_MAX 5000u /* in one request */
#define TEXT_MAX ((size_t)512)

/* ---- the token ---- */

static void put_token(asset_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf jwt = SLV_BUF((size_t)16 << 10);
    pages_rest *p = slv_pages_of(r);
    const slv_asset_token token = {
        .kind = SLV_ASSET_PAGES,
        .account = p->account,
        .name = p->name,
        .expires_s = r->now_ms / 1000 + SLV_ASSET_SESSION_S,
    };
    slv_code code = slv_asset_token_put(r->files, &token, &jwt);

    if (code != SLV_OK)
        r->json.code = code;
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "jwt", slv_buf_view(&jwt));
    slv_json_close(&r->json, '}');
    slv_asset_answer(r);
}

static void upload_token(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, slv_pages_project_row, put_token);
}

/* ---- hashes ---- */

/* {"hashes": [...]}. Ends the call when it is none. */
static slv_node *take_hashes(asset_rest *r)
{
    slv_node *root = NULL, *hashes;
    slv_err err = {0};

    if (slv_json_parse(r->api->body, SLV_JSON_STRICT, &r->arena, &root, &err) != SLV_OK) {
        slv_asset_error(r, 400, SLV_API_BAD_JSON, "Could not parse the request's body as JSON: %s",
                        slv_err_text(&err));
        return NULL;
    }
    hashes = slv_node_get(root, "hashes");
    if (!slv_node_is(hashes, SLV_NODE_ARRAY)) {
        slv_asset_error(r, 400, PAGES_INVALID, "hashes must be a list");
        return NULL;
    }
    for (const slv_node *h = hashes->first; h; h = h->next)
        if (!slv_assets_hash_valid(slv_node_str(h))) {
            slv_asset_error(r, 400, PAGES_INVALID,
                            "hashes: '%.*s' is none: 32 lower-case hexadecimal digits",
                            SLV_STR_ARGS(slv_str_sub(slv_node_str(h), 0, 64)));
            return NULL;
        }
    return hashes;
}

/* Those that are there count as used: they stay until the deployment names them. */
static slv_code run_missing(asset_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *hashes = slv_pages_of(r)->body;

    slv_json_open(&r->json, '[');
    for (const slv_node *h = hashes->first; h; h = h->next) {
        bool has;

        SLV_TRY(slv_catalog_asset_touch(c, r->token.account, h->text, r->now_ms, &has, err));
        if (!has)
            slv_json_text(&r->json, h->text);
    }
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void hashes_call(slv_api_call *call, asset_step run)
{
    asset_rest *r = slv_pages_rest_new(call);
    slv_node *hashes;

    if (!r || !slv_asset_rest_token(r, SLV_ASSET_PAGES))
        return;
    hashes = take_hashes(r);
    if (!hashes)
        return;
    slv_pages_of(r)->body = hashes;
    slv_asset_write(r, run, slv_asset_answer);
}

static void check_missing(slv_api_call *call)
{
    hashes_call(call, run_missing);
}

static slv_code run_upsert(asset_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *hashes = slv_pages_of(r)->body;

    for (const slv_node *h = hashes->first; h; h = h->next) {
        bool has;

        SLV_TRY(slv_catalog_asset_touch(c, r->token.account, h->text, r->now_ms, &has, err));
    }
    slv_json_raw(&r->json, SLV_STR("null"));
    return SLV_OK;
}

static void upsert_hashes(slv_api_call *call)
{
    hashes_call(call, run_upsert);
}

/* ---- files: [{"key","value","metadata":{"contentType"},"base64":true}] ---- */

typedef enum field {
    FIELD_NONE,
    FIELD_KEY,
    FIELD_VALUE,
    FIELD_METADATA,
    FIELD_BASE64,
    FIELD_TYPE,
} field;

typedef struct files_reader {
    asset_rest *r;
    slv_jsonpush json;
    unsigned depth;
    field field;
    bool begun, over; /* of the value of the file under way */
    slv_buf key, type;
} files_reader;

static slv_code bad_form(files_reader *rd, slv_err *err, const char *what)
{
    return slv_asset_refuse(rd->r, err, 400, PAGES_INVALID,
                            "The body must be a list of files, {\"key\",\"value\",\"metadata\","
                            "\"base64\":true}: %s",
                            what);
}

/* Levels: 1 the list, 2 a file, 3 its metadata. */
static slv_code on_open(void *arg, bool array, slv_err *err)
{
    files_reader *rd = arg;

    rd->depth++;
    if ((rd->depth == 1) != array || rd->depth > 3 ||
        (rd->depth == 3 && rd->field != FIELD_METADATA))
        return bad_form(rd, err, "a level too many, or another one");
    if (rd->depth == 2) {
        slv_buf_reset(&rd->key);
        slv_buf_reset(&rd->type);
        rd->begun = rd->over = false;
    }
    return SLV_OK;
}

/* The extensions that have this type, by the table that wrangler takes them from: if one of them
 * makes the hash, it is right. Others are looked at when a deployment names the file. */
static bool is_checked(const slv_asset_batch *b, size_t i, slv_str type)
{
    slv_str extension;

    if (slv_asset_batch_is(b, i, SLV_STR("")))
        return true;
    for (size_t n = 0; (extension = slv_assets_type_extension(type, n)).len > 0; n++)
        if (slv_asset_batch_is(b, i, extension))
            return true;
    return false;
}

static slv_code end_file(files_reader *rd, slv_err *err)
{
    asset_rest *r = rd->r;
    uint64_t size;

    if (!rd->over || rd->key.len == 0)
        return bad_form(rd, err, "a file has no key or no value");
    if (!slv_assets_hash_valid(slv_buf_view(&rd->key)))
        return bad_form(rd, err, "the key of a file is its hash, 32 hexadecimal digits");
    if (r->parts.len == FILES_MAX)
        return slv_asset_refuse(r, err, 400, PAGES_INVALID, "More than %u files", FILES_MAX);
    SLV_TRY(slv_asset_end(r->batch, slv_buf_view(&rd->key), &size, err));
    SLV_TRY(slv_asset_part_add(r, slv_buf_view(&rd->key), slv_buf_view(&rd->type), size, err));
    r->parts.items[r->parts.len - 1].checked =
        is_checked(r->batch, r->parts.len - 1, slv_buf_view(&rd->type));
    return SLV_OK;
}

static slv_code on_close(void *arg, SLV_UNUSED bool array, slv_err *err)
{
    files_reader *rd = arg;

    rd->field = FIELD_NONE;
    return --rd->depth == 1 ? end_file(rd, err) : SLV_OK;
}

static slv_code on_name(void *arg, slv_str name, SLV_UNUSED slv_err *err)
{
    files_reader *rd = arg;

    rd->field = rd->depth == 3 ? (slv_str_is(name, "contentType") ? FIELD_TYPE : FIELD_NONE)
                : slv_str_is(name, "key")      ? FIELD_KEY
                : slv_str_is(name, "value")    ? FIELD_VALUE
                : slv_str_is(name, "metadata") ? FIELD_METADATA
                : slv_str_is(name, "base64")   ? FIELD_BASE64
                                               : FIELD_NONE;
    return SLV_OK;
}

static slv_code on_value(files_reader *rd, slv_str piece, bool last, slv_err *err)
{
    if (!rd->begun) {
        rd->begun = true;
        SLV_TRY(slv_asset_begin(rd->r->batch, err));
    } else if (rd->over) {
        return bad_form(rd, err, "a file has two values");
    }
    rd->over = last;
    return slv_asset_text(rd->r->batch, piece, err);
}

static slv_code on_text(void *arg, slv_str piece, bool last, slv_err *err)
{
    files_reader *rd = arg;

    if (rd->depth < 2)
        return bad_form(rd, err, "a text stands where a file must be");
    if (rd->field == FIELD_VALUE)
        return on_value(rd, piece, last, err);
    if (rd->field == FIELD_KEY && slv_buf_append(&rd->key, piece) != SLV_OK)
        return bad_form(rd, err, "a key is too long");
    if (rd->field == FIELD_TYPE && slv_buf_append(&rd->type, piece) != SLV_OK)
        return bad_form(rd, err, "a content type is too long");
    return rd->field == FIELD_BASE64 ? bad_form(rd, err, "base64 must be true") : SLV_OK;
}

static slv_code on_literal(void *arg, slv_str text, slv_err *err)
{
    files_reader *rd = arg;

    if (rd->depth < 2 || rd->field == FIELD_KEY || rd->field == FIELD_VALUE ||
        (rd->field == FIELD_BASE64 && !slv_str_is(text, "true")))
        return bad_form(rd, err, "files come as base64");
    return SLV_OK;
}

static const slv_jsonpush_ops files_ops = {on_open, on_close, on_name, on_text, on_literal};

static void files_free(void *arg)
{
    files_reader *rd = arg;

    slv_buf_done(&rd->key);
    slv_buf_done(&rd->type);
    free(rd);
}

static slv_code eat(asset_rest *r, slv_str bytes, bool last, slv_err *err)
{
    files_reader *rd = r->reader;

    if (!r->batch)
        SLV_TRY(slv_asset_batch_new(r->files, r->token.account, &r->batch, err));
    SLV_TRY(slv_jsonpush_add(&rd->json, bytes, err));
    return last ? slv_jsonpush_end(&rd->json, err) : SLV_OK;
}

/* What is there and is right is not written over. */
static slv_code run_commit(asset_rest *r, slv_catalog *c, slv_err *err)
{
    for (size_t i = 0; i < r->parts.len; i++) {
        asset_part *p = &r->parts.items[i];
        slv_asset_row row;
        slv_code code = slv_catalog_asset_get(c, r->token.account, p->hash, &r->arena, &row, err);

        if (code != SLV_OK && code != SLV_E_NOTFOUND)
            return code;
        if (code == SLV_OK && row.checked) {
            slv_asset_batch_drop(r->batch, i);
            p->size = row.size;
            p->checked = true;
        }
    }
    return slv_asset_commit(r->batch, err);
}

static slv_code run_store(asset_rest *r, slv_catalog *c, slv_err *err)
{
    for (size_t i = 0; i < r->parts.len; i++) {
        const asset_part *p = &r->parts.items[i];
        const slv_asset_row row = {p->hash, p->type, p->size, p->checked};

        SLV_TRY(slv_catalog_asset_put(c, r->token.account, &row, r->now_ms, err));
    }
    slv_json_open(&r->json, '{');
    slv_json_put_number(&r->json, "successful_key_count", (int64_t)r->parts.len);
    slv_json_put_raw(&r->json, "unsuccessful_keys", SLV_STR("[]"));
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void committed(asset_rest *r)
{
    slv_asset_write(r, run_store, slv_asset_answer);
}

static void eaten(asset_rest *r)
{
    slv_asset_read(r, run_commit, committed);
}

static void upload(slv_api_call *call)
{
    asset_rest *r = slv_asset_rest_new(call);
    files_reader *rd;

    if (!r || !slv_asset_rest_token(r, SLV_ASSET_PAGES))
        return;
    rd = slv_new0(files_reader);
    *rd = (files_reader){.r = r, .key = SLV_BUF(64), .type = SLV_BUF(TEXT_MAX)};
    slv_jsonpush_init(&rd->json, &files_ops, rd);
    r->reader = rd;
    r->reader_free = files_free;
    r->eat = eat;
    r->eaten = eaten;
    slv_asset_stream(r, BODY_MAX);
}

const slv_api_route slv_api_pages_upload_routes[] = {
    {.method = "GET", .pattern = PAGES_PROJECT "/upload-token", .handle = upload_token},
    {.method = "POST",
     .pattern = "/pages/assets/check-missing",
     .handle = check_missing,
     .body_max = HASHES_BODY_MAX,
     .access = SLV_API_OPEN},
    {.method = "POST",
     .pattern = "/pages/assets/upsert-hashes",
     .handle = upsert_hashes,
     .body_max = HASHES_BODY_MAX,
     .access = SLV_API_OPEN},
    {.method = "POST",
     .pattern = "/pages/assets/upload",
     .handle = upload,
     .streams = true,
     .access = SLV_API_OPEN},
    {0},
};
