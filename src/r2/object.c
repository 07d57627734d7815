#include "base/mem.h"
#include "r2/r2_int.h"

/* ---- where content is ---- */

void slv_r2_place_get(sqlite3_stmt *st, int column, slv_r2_place *ret)
{
    slv_str text = slv_stmt_str(st, column);

    *ret = (slv_r2_place){0};
    if (slv_stmt_is_null(st, column))
        return;
    if (sqlite3_column_type(st, column) == SQLITE_INTEGER) {
        ret->row = true;
        ret->id = slv_stmt_int(st, column);
    } else if (text.len == SLV_BLOB_ID_LEN) {
        ret->file = true;
        memcpy(ret->blob.text, text.ptr, text.len);
    }
}

void slv_r2_place_bind(sqlite3_stmt *st, int i, const slv_r2_place *place)
{
    if (place->row)
        slv_stmt_bind_int(st, i, place->id);
    else if (place->file)
        slv_stmt_bind_text(st, i, slv_str_from(place->blob.text));
    else
        slv_stmt_bind_null(st, i);
}

/* Steps a statement that gives no rows. */
static slv_code run(slv_r2 *r2, sqlite3_stmt *st, slv_err *err)
{
    slv_code code = slv_stmt_step(r2->db, st, err);

    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_r2_place_drop(slv_r2 *r2, const slv_r2_place *place, int64_t now_ms, slv_err *err)
{
    sqlite3_stmt *st;

    if (place->row) {
        SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM bodies WHERE id=?1", &st, err));
        slv_stmt_bind_int(st, 1, place->id);
        return run(r2, st, err);
    }
    if (!place->file)
        return SLV_OK;
    SLV_TRY(
        slv_db_stmt(r2->db, "INSERT OR IGNORE INTO garbage(file,since) VALUES(?1,?2)", &st, err));
    slv_stmt_bind_text(st, 1, slv_str_from(place->blob.text));
    slv_stmt_bind_int(st, 2, now_ms);
    return run(r2, st, err);
}

slv_code slv_r2_place_bytes(slv_r2 *r2, const slv_r2_place *place, slv_arena *arena, slv_str *ret,
                            slv_err *err)
{
    sqlite3_stmt *st;

    *ret = SLV_STR_NULL;
    if (!place->row)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(r2->db, "SELECT bytes FROM bodies WHERE id=?1", &st, err));
    slv_stmt_bind_int(st, 1, place->id);
    slv_code code = slv_stmt_step(r2->db, st, err);
    if (code == SLV_OK)
        code = slv_arena_dup(arena, slv_stmt_str(st, 0), ret);
    else if (code == SLV_E_NOTFOUND)
        code = slv_fail(err, SLV_E_IO, "r2: the content of an object is missing");
    slv_stmt_done(st);
    return code;
}

/* ---- rows ---- */

slv_code slv_r2_row_get(sqlite3_stmt *st, slv_arena *arena, slv_r2_object *ret)
{
    slv_r2_object o = {
        .size = (uint64_t)slv_stmt_int(st, 2),
        .uploaded_ms = slv_stmt_int(st, 4),
        .class = (slv_r2_class)(slv_stmt_int(st, 5) & 3),
        .parts = (uint32_t)slv_stmt_int(st, 10),
    };

    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 0), &o.key));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 1), &o.version));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 3), &o.etag));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 6), &o.http));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 7), &o.custom));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 8), &o.checksums));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 9), &o.ssec_md5));
    *ret = o;
    return SLV_OK;
}

slv_code slv_r2_row_find(slv_r2 *r2, slv_str key, slv_arena *arena, slv_r2_object *ret,
                         slv_str *ret_upload, slv_r2_place *ret_place, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r2->db, "SELECT " SLV_R2_COLUMNS " FROM objects WHERE key=?1", &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_code code = slv_stmt_step(r2->db, st, err);
    if (code == SLV_OK)
        code = slv_r2_row_get(st, arena, ret);
    else if (code == SLV_E_NOTFOUND)
        code = slv_r2_fail(err, SLV_R2_NO_SUCH_KEY);
    if (code == SLV_OK)
        code = slv_arena_dup(arena, slv_stmt_str(st, 11), ret_upload);
    if (code == SLV_OK)
        slv_r2_place_get(st, 12, ret_place);
    slv_stmt_done(st);
    return code;
}

/* Lets go of what the row of a key stands for. */
static slv_code drop_content(slv_r2 *r2, slv_str key, int64_t now_ms, bool *ret_existed,
                             slv_err *err)
{
    sqlite3_stmt *st;
    slv_r2_place place = {0};
    char upload[SLV_R2_UPLOAD_ID_MAX];
    size_t len = 0;

    SLV_TRY(slv_db_stmt(r2->db, "SELECT upload,body FROM objects WHERE key=?1", &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_code code = slv_stmt_step(r2->db, st, err);
    *ret_existed = code == SLV_OK;
    if (code == SLV_OK) {
        slv_str id = slv_stmt_str(st, 0);

        len = SLV_MIN(id.len, sizeof upload);
        if (len > 0)
            memcpy(upload, id.ptr, len);
        slv_r2_place_get(st, 1, &place);
    }
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    if (len > 0)
        return slv_r2_parts_drop(r2, slv_str_make(upload, len), now_ms, err);
    return slv_r2_place_drop(r2, &place, now_ms, err);
}

slv_code slv_r2_row_put(slv_r2 *r2, const slv_r2_object *o, slv_str upload,
                        const slv_r2_place *place, int64_t now_ms, slv_err *err)
{
    sqlite3_stmt *st;
    bool existed;

    SLV_TRY(drop_content(r2, o->key, now_ms, &existed, err));
    SLV_TRY(slv_db_stmt(r2->db,
                        "INSERT OR REPLACE INTO objects(" SLV_R2_COLUMNS ") "
                        "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)",
                        &st, err));
    slv_stmt_bind_text(st, 1, o->key);
    slv_stmt_bind_text(st, 2, o->version);
    slv_stmt_bind_int(st, 3, (int64_t)o->size);
    slv_stmt_bind_text(st, 4, o->etag);
    slv_stmt_bind_int(st, 5, o->uploaded_ms);
    slv_stmt_bind_int(st, 6, o->class);
    slv_stmt_bind_text(st, 7, o->http.ptr ? o->http : SLV_STR(""));
    slv_stmt_bind_text(st, 8, o->custom.ptr ? o->custom : SLV_STR(""));
    slv_stmt_bind_text(st, 9, o->checksums.ptr ? o->checksums : SLV_STR(""));
    slv_stmt_bind_text(st, 10, o->ssec_md5.ptr ? o->ssec_md5 : SLV_STR(""));
    slv_stmt_bind_int(st, 11, o->parts);
    slv_stmt_bind_text(st, 12, upload.ptr ? upload : SLV_STR(""));
    slv_r2_place_bind(st, 13, place);
    return run(r2, st, err);
}

/* ---- head, get ---- */

slv_code slv_r2_head(slv_r2 *r2, slv_str key, const slv_r2_cond *cond, slv_arena *arena,
                     slv_r2_object *ret, slv_err *err)
{
    slv_r2_place place;
    slv_str upload;

    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(slv_r2_row_find(r2, key, arena, ret, &upload, &place, err));
    if (cond && !slv_r2_cond_holds(cond, ret))
        return slv_r2_fail(err, SLV_R2_PRECONDITION);
    return SLV_OK;
}

static slv_code check_ssec(const slv_r2_object *o, const uint8_t *key, slv_err *err)
{
    uint8_t md5[SLV_SUM_MAX];
    char hex[32];

    if (o->ssec_md5.len == 0)
        return SLV_OK; /* a key that is not needed is ignored, as for plain objects everywhere */
    if (!key)
        return slv_r2_fail(err, SLV_R2_NEEDS_KEY);
    slv_sum_of(SLV_SUM_MD5, slv_str_make(key, SLV_SEAL_KEY), md5);
    slv_hex_put(slv_str_make(md5, 16), hex);
    if (!slv_secret_eq(o->ssec_md5, slv_str_make(hex, sizeof hex)))
        return slv_r2_fail(err, SLV_R2_WRONG_KEY);
    return SLV_OK;
}

static slv_code add_piece(slv_r2 *r2, slv_r2_reader *reader, const slv_r2_place *place,
                          uint64_t size, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_r2_piece piece = {.place = *place, .size = size};
    slv_str bytes;

    SLV_TRY(slv_r2_place_bytes(r2, place, &arena, &bytes, err));
    if (bytes.len > 0) {
        piece.bytes = slv_try_alloc(bytes.len);
        if (!piece.bytes)
            return SLV_E_NOMEM;
        memcpy(piece.bytes, bytes.ptr, bytes.len);
    }
    slv_r2_reader_add(reader, &piece);
    return SLV_OK;
}

static slv_code add_parts(slv_r2 *r2, slv_r2_reader *reader, slv_str upload, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(
        slv_db_stmt(r2->db, "SELECT body,size FROM parts WHERE upload=?1 ORDER BY n", &st, err));
    slv_stmt_bind_text(st, 1, upload);
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        slv_r2_place place;

        slv_r2_place_get(st, 0, &place);
        code = add_piece(r2, reader, &place, (uint64_t)slv_stmt_int(st, 1), err);
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* Where part `number` (from 1, in order) of an object lies in it. */
static slv_code part_range(slv_r2 *r2, slv_str upload, uint32_t number, uint64_t *ret_offset,
                           uint64_t *ret_length, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;
    uint64_t offset = 0;
    bool found = false;

    SLV_TRY(slv_db_stmt(r2->db, "SELECT size FROM parts WHERE upload=?1 ORDER BY n LIMIT ?2", &st,
                        err));
    slv_stmt_bind_text(st, 1, upload);
    slv_stmt_bind_int(st, 2, number);
    for (uint32_t i = 1; (code = slv_stmt_step(r2->db, st, err)) == SLV_OK; i++) {
        *ret_length = (uint64_t)slv_stmt_int(st, 0);
        *ret_offset = offset;
        offset += *ret_length;
        found = i == number;
    }
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    return found ? SLV_OK : slv_r2_fail(err, SLV_R2_BAD_RANGE);
}

static slv_code resolve(slv_r2 *r2, const slv_r2_get_options *options, slv_str upload,
                        slv_r2_found *found, slv_err *err)
{
    if (options->part > 0 && upload.len > 0) {
        found->partial = true;
        return part_range(r2, upload, options->part, &found->offset, &found->length, err);
    }
    if (options->part > 1)
        return slv_r2_fail(err, SLV_R2_BAD_RANGE);
    return slv_r2_range_resolve(&options->range, found->object.size, &found->offset, &found->length,
                                &found->partial, err);
}

slv_code slv_r2_get(slv_r2 *r2, slv_str key, const slv_r2_get_options *options, slv_arena *arena,
                    slv_r2_found *ret, slv_err *err)
{
    slv_r2_found found = {0};
    slv_r2_place place;
    slv_str upload, bytes;

    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(slv_r2_row_find(r2, key, arena, &found.object, &upload, &place, err));
    ret->object = found.object;
    if (options->cond && !slv_r2_cond_holds(options->cond, &found.object))
        return slv_r2_fail(err, SLV_R2_PRECONDITION);
    SLV_TRY(check_ssec(&found.object, options->ssec_key, err));
    SLV_TRY(resolve(r2, options, upload, &found, err));
    bool sealed = found.object.ssec_md5.len > 0;
    if (found.length == 0) {
        *ret = found;
        return SLV_OK;
    }
    if (place.row && !sealed) {
        SLV_TRY(slv_r2_place_bytes(r2, &place, arena, &bytes, err));
        if (bytes.len != found.object.size)
            return slv_fail(err, SLV_E_IO, "r2: the content of an object has another size");
        found.bytes = slv_str_sub(bytes, found.offset, found.offset + found.length);
        *ret = found;
        return SLV_OK;
    }
    if (options->rows_only)
        return SLV_E_AGAIN;
    SLV_CLEANUP(slv_r2_reader_free)
    slv_r2_reader *reader =
        slv_r2_reader_new(r2->files, sealed ? options->ssec_key : NULL, options->now_ms);
    if (upload.len > 0)
        SLV_TRY(add_parts(r2, reader, upload, err));
    else
        SLV_TRY(add_piece(r2, reader, &place, found.object.size, err));
    SLV_TRY(slv_r2_reader_start(reader, found.offset, found.length, err));
    found.reader = SLV_STEAL(reader);
    *ret = found;
    return SLV_OK;
}

/* ---- put, delete ---- */

slv_code slv_r2_put(slv_r2 *r2, slv_str key, slv_r2_upload *up, const slv_r2_put_options *options,
                    slv_arena *arena, slv_r2_object *ret, slv_err *err)
{
    slv_r2_object old, o = {
                           .key = key,
                           .http = options->http,
                           .custom = options->custom,
                           .size = slv_r2_upload_size(up),
                           .uploaded_ms = options->now_ms,
                           .class = options->class,
                       };
    slv_r2_place place;
    char version[33], etag[32];

    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(slv_r2_check_metadata(
        options->custom, options->metadata_max ? options->metadata_max : SLV_R2_METADATA_MAX, err));
    SLV_TRY(slv_r2_check_lock_(r2, key, options->now_ms, err));
    if (options->cond) {
        slv_code code = slv_r2_head(r2, key, NULL, arena, &old, err);

        if (code != SLV_OK && code != SLV_E_NOTFOUND)
            return code;
        if (!slv_r2_cond_holds(options->cond, code == SLV_OK ? &old : NULL))
            return slv_r2_fail(err, SLV_R2_PRECONDITION);
    }
    slv_r2_random_hex(version);
    slv_hex_put(slv_r2_upload_sum(up, SLV_SUM_MD5), etag);
    SLV_TRY(slv_arena_dup(arena, slv_str_make(version, 32), &o.version));
    SLV_TRY(slv_arena_dup(arena, slv_str_make(etag, 32), &o.etag));
    SLV_TRY(slv_arena_dup(arena, slv_r2_upload_ssec(up), &o.ssec_md5));
    SLV_TRY(slv_r2_upload_checksums(up, arena, &o.checksums));
    SLV_TRY(slv_r2_upload_place(up, r2, &place, err));
    SLV_TRY(slv_r2_row_put(r2, &o, SLV_STR_NULL, &place, options->now_ms, err));
    const slv_r2_event event = {.action = options->from_key.len > 0 ? "CopyObject" : "PutObject",
                                .key = key,
                                .object = &o,
                                .from_bucket = options->from_bucket,
                                .from_key = options->from_key,
                                .now_ms = options->now_ms};
    SLV_TRY(slv_r2_note_(r2, &event, err));
    slv_r2_upload_taken(up);
    *ret = o;
    return SLV_OK;
}

slv_code slv_r2_remove_(slv_r2 *r2, slv_str key, const char *action, int64_t now_ms,
                        bool *ret_existed, slv_err *err)
{
    const slv_r2_event event = {.action = action, .key = key, .now_ms = now_ms};
    sqlite3_stmt *st;
    bool existed = false;

    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(slv_r2_check_lock_(r2, key, now_ms, err));
    SLV_TRY(drop_content(r2, key, now_ms, &existed, err));
    if (ret_existed)
        *ret_existed = existed;
    if (!existed)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM objects WHERE key=?1", &st, err));
    slv_stmt_bind_text(st, 1, key);
    SLV_TRY(run(r2, st, err));
    return slv_r2_note_(r2, &event, err);
}

slv_code slv_r2_delete(slv_r2 *r2, slv_str key, int64_t now_ms, bool *ret_existed, slv_err *err)
{
    return slv_r2_remove_(r2, key, "DeleteObject", now_ms, ret_existed, err);
}
