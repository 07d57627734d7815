#include "base/mem.h"
#include "base/rand.h"
#include "fmt/base64.h"
#include "r2/r2_int.h"

/* State of a row of uploads. */
enum { OPEN, COMPLETED, ABORTED };

static slv_code run(slv_r2 *r2, sqlite3_stmt *st, slv_err *err)
{
    slv_code code = slv_stmt_step(r2->db, st, err);

    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_r2_multipart_create(slv_r2 *r2, slv_str key, const slv_r2_put_options *options,
                                 slv_buf *ret_id, slv_err *err)
{
    uint8_t random[33];
    sqlite3_stmt *st;

    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(slv_r2_check_metadata(
        options->custom, options->metadata_max ? options->metadata_max : SLV_R2_METADATA_MAX, err));
    slv_rand_bytes(random, sizeof random);
    SLV_TRY(slv_base64_encode(slv_str_make(random, sizeof random), SLV_BASE64_URL, ret_id));
    SLV_TRY(slv_db_stmt(r2->db,
                        "INSERT INTO uploads(id,key,state,began,class,http,custom,ssec,sum)"
                        " VALUES(?1,?2,0,?3,?4,?5,?6,?7,?8)",
                        &st, err));
    slv_stmt_bind_text(st, 1, slv_buf_view(ret_id));
    slv_stmt_bind_text(st, 2, key);
    slv_stmt_bind_int(st, 3, options->now_ms);
    slv_stmt_bind_int(st, 4, options->class);
    slv_stmt_bind_text(st, 5, options->http.ptr ? options->http : SLV_STR(""));
    slv_stmt_bind_text(st, 6, options->custom.ptr ? options->custom : SLV_STR(""));
    slv_stmt_bind_text(st, 7, options->ssec_md5.ptr ? options->ssec_md5 : SLV_STR(""));
    slv_stmt_bind_text(st, 8, options->sum_name.ptr ? options->sum_name : SLV_STR(""));
    return run(r2, st, err);
}

typedef struct upload_row {
    int64_t state;
    slv_r2_class class;
    slv_str http, custom, ssec_md5, sum_name;
} upload_row;

/* NO_SUCH_UPLOAD when there is no such row. */
static slv_code find(slv_r2 *r2, slv_str key, slv_str id, slv_arena *arena, upload_row *ret,
                     slv_err *err)
{
    sqlite3_stmt *st;
    upload_row row = {0};

    *ret = row;
    if (id.len > SLV_R2_UPLOAD_ID_MAX)
        return slv_r2_fail(err, SLV_R2_NO_SUCH_UPLOAD);
    SLV_TRY(slv_db_stmt(r2->db,
                        "SELECT state,class,http,custom,ssec,sum FROM uploads WHERE id=?1 AND "
                        "key=?2",
                        &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_text(st, 2, key);
    slv_code code = slv_stmt_step(r2->db, st, err);
    if (code == SLV_OK) {
        row.state = slv_stmt_int(st, 0);
        row.class = (slv_r2_class)(slv_stmt_int(st, 1) & 3);
        code = slv_arena_dup(arena, slv_stmt_str(st, 2), &row.http);
        if (code == SLV_OK)
            code = slv_arena_dup(arena, slv_stmt_str(st, 3), &row.custom);
        if (code == SLV_OK)
            code = slv_arena_dup(arena, slv_stmt_str(st, 4), &row.ssec_md5);
        if (code == SLV_OK)
            code = slv_arena_dup(arena, slv_stmt_str(st, 5), &row.sum_name);
    } else if (code == SLV_E_NOTFOUND) {
        code = slv_r2_fail(err, SLV_R2_NO_SUCH_UPLOAD);
    }
    slv_stmt_done(st);
    if (code == SLV_OK)
        *ret = row;
    return code;
}

static slv_code find_open(slv_r2 *r2, slv_str key, slv_str id, slv_arena *arena, upload_row *ret,
                          slv_err *err)
{
    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(find(r2, key, id, arena, ret, err));
    return ret->state == OPEN ? SLV_OK : slv_r2_fail(err, SLV_R2_NO_SUCH_UPLOAD);
}

slv_code slv_r2_multipart_check(slv_r2 *r2, slv_str key, slv_str id, slv_arena *arena,
                                slv_str *ret_ssec_md5, slv_str *ret_sum_name, slv_err *err)
{
    upload_row row;

    SLV_TRY(find_open(r2, key, id, arena, &row, err));
    if (ret_ssec_md5)
        *ret_ssec_md5 = row.ssec_md5;
    if (ret_sum_name)
        *ret_sum_name = row.sum_name;
    return SLV_OK;
}

/* ---- parts ---- */

static slv_code drop_part(slv_r2 *r2, slv_str id, uint32_t number, int64_t now_ms, slv_err *err)
{
    sqlite3_stmt *st;
    slv_r2_place place = {0};

    SLV_TRY(slv_db_stmt(r2->db, "SELECT body FROM parts WHERE upload=?1 AND n=?2", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_int(st, 2, number);
    slv_code code = slv_stmt_step(r2->db, st, err);
    if (code == SLV_OK)
        slv_r2_place_get(st, 0, &place);
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    SLV_TRY(slv_r2_place_drop(r2, &place, now_ms, err));
    SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM parts WHERE upload=?1 AND n=?2", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_int(st, 2, number);
    return run(r2, st, err);
}

slv_code slv_r2_part_put(slv_r2 *r2, slv_str key, slv_str id, uint32_t number, slv_r2_upload *up,
                         int64_t now_ms, char ret_etag[33], slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)256 << 10);
    upload_row row;
    slv_r2_place place;
    slv_str checksums;
    sqlite3_stmt *st;

    if (number < 1 || number > SLV_R2_PARTS_MAX)
        return slv_r2_fail(err, SLV_R2_BAD_ARGUMENT);
    SLV_TRY(find_open(r2, key, id, &arena, &row, err));
    if (!slv_str_eq(row.ssec_md5, slv_r2_upload_ssec(up)))
        return slv_r2_fail(err, row.ssec_md5.len > 0 && slv_r2_upload_ssec(up).len == 0
                                    ? SLV_R2_NEEDS_KEY
                                    : SLV_R2_WRONG_KEY);
    SLV_TRY(drop_part(r2, id, number, now_ms, err));
    SLV_TRY(slv_r2_upload_checksums(up, &arena, &checksums));
    SLV_TRY(slv_r2_upload_place(up, r2, &place, err));
    slv_hex_put(slv_r2_upload_sum(up, SLV_SUM_MD5), ret_etag);
    ret_etag[32] = '\0';
    SLV_TRY(slv_db_stmt(r2->db,
                        "INSERT INTO parts(upload,n,size,etag,checksums,uploaded,body) "
                        "VALUES(?1,?2,?3,?4,?5,?6,?7)",
                        &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_int(st, 2, number);
    slv_stmt_bind_int(st, 3, (int64_t)slv_r2_upload_size(up));
    slv_stmt_bind_text(st, 4, slv_str_from(ret_etag));
    slv_stmt_bind_text(st, 5, checksums);
    slv_stmt_bind_int(st, 6, now_ms);
    slv_r2_place_bind(st, 7, &place);
    SLV_TRY(run(r2, st, err));
    slv_r2_upload_taken(up);
    return SLV_OK;
}

/* Places of a run of parts, so that they can be changed after the statement was read. */
typedef struct part_row {
    uint32_t number;
    uint64_t size;
    char etag[33];
    slv_str checksums; /* in the arena */
    slv_r2_place place;
} part_row;
typedef SLV_VEC(part_row) part_rows;

static slv_code load_parts(slv_r2 *r2, slv_str id, slv_arena *arena, part_rows *ret, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(slv_db_stmt(r2->db,
                        "SELECT n,size,etag,body,checksums FROM parts WHERE upload=?1 ORDER BY n",
                        &st, err));
    slv_stmt_bind_text(st, 1, id);
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        part_row row = {.number = (uint32_t)slv_stmt_int(st, 0),
                        .size = (uint64_t)slv_stmt_int(st, 1)};
        slv_str etag = slv_stmt_str(st, 2);

        memcpy(row.etag, etag.ptr, SLV_MIN(etag.len, sizeof row.etag - 1));
        slv_r2_place_get(st, 3, &row.place);
        if (arena && (code = slv_arena_dup(arena, slv_stmt_str(st, 4), &row.checksums)) != SLV_OK)
            break;
        slv_vec_push(ret, row);
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_r2_parts_drop(slv_r2 *r2, slv_str upload, int64_t now_ms, slv_err *err)
{
    part_rows rows = {0};
    sqlite3_stmt *st;
    slv_code code = load_parts(r2, upload, NULL, &rows, err);

    for (size_t i = 0; code == SLV_OK && i < rows.len; i++)
        code = slv_r2_place_drop(r2, &rows.items[i].place, now_ms, err);
    slv_vec_done(&rows);
    SLV_TRY(code);
    SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM parts WHERE upload=?1", &st, err));
    slv_stmt_bind_text(st, 1, upload);
    return run(r2, st, err);
}

static part_row *find_part(const part_rows *rows, uint32_t number)
{
    size_t low = 0, high = rows->len;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (rows->items[middle].number == number)
            return &rows->items[middle];
        if (rows->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool has_sum(const part_row *row, slv_str hex)
{
    return hex.len == 0 || slv_str_find(row->checksums, hex, 0) < row->checksums.len;
}

/* Checks what was named against what is there, and marks it in `chosen` (as rows). */
static slv_code choose(const part_rows *rows, const slv_r2_part *parts, size_t count, bool *chosen,
                       slv_err *err)
{
    for (size_t i = 0; i < count; i++) { /* a repetition is told before what is missing */
        for (size_t j = i; count <= 64 && j-- > 0;) {
            if (parts[j].number == parts[i].number)
                return slv_r2_fail(err, SLV_R2_INTERNAL);
        }
    }
    for (size_t i = 0; i < count; i++) {
        part_row *row = find_part(rows, parts[i].number);

        if (!row || !slv_str_is(parts[i].etag, row->etag) || !has_sum(row, parts[i].sum))
            return slv_r2_fail(err, SLV_R2_BAD_PART);
        if (chosen[row - rows->items])
            return slv_r2_fail(err, SLV_R2_INTERNAL);
        chosen[row - rows->items] = true;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (find_part(rows, parts[i].number)->size < SLV_R2_PART_MIN)
            return slv_r2_fail(err, SLV_R2_TOO_SMALL);
    }
    return SLV_OK;
}

/* All parts but the last are of one size, and it is not larger. */
static slv_code check_sizes(const part_rows *rows, const bool *chosen, slv_err *err)
{
    uint64_t common = 0;
    bool ended = false;

    for (size_t i = 0; i < rows->len; i++) {
        uint64_t size = rows->items[i].size;

        if (!chosen[i])
            continue;
        if (ended || (common > 0 && size > common))
            return slv_r2_fail(err, SLV_R2_BAD_UPLOAD);
        if (common == 0)
            common = SLV_MAX(size, (uint64_t)1);
        else if (size < common)
            ended = true;
    }
    return SLV_OK;
}

/* Sizes, the tag of tags; parts that were not named go. */
static slv_code assemble(slv_r2 *r2, slv_str id, slv_str sum_name, const part_rows *rows,
                         const bool *chosen, slv_r2_object *o, slv_arena *arena, int64_t now_ms,
                         slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf etag = SLV_BUF(64);
    SLV_CLEANUP(slv_r2_joint_done) slv_r2_joint joint;
    uint8_t md5[SLV_SUM_MAX];
    slv_sum sum;
    slv_code code = SLV_OK;

    slv_r2_joint_init(&joint, sum_name);
    slv_sum_init(&sum, SLV_SUM_MD5);
    for (size_t i = 0; i < rows->len && code == SLV_OK; i++) {
        const part_row *row = &rows->items[i];

        if (!chosen[i]) {
            code = drop_part(r2, id, row->number, now_ms, err);
            continue;
        }
        if (!slv_hex_get(slv_str_from(row->etag), md5, 16))
            code = slv_fail(err, SLV_E_IO, "r2: the row of a part is damaged");
        slv_sum_add(&sum, slv_str_make(md5, 16));
        slv_r2_joint_add(&joint, row->checksums, row->size);
        o->size += row->size;
        o->parts++;
    }
    slv_sum_end(&sum, md5);
    SLV_TRY(code);
    SLV_TRY(slv_hex_append(&etag, slv_str_make(md5, 16)));
    SLV_TRY(slv_buf_printf(&etag, "-%u", o->parts));
    SLV_TRY(slv_r2_joint_json(&joint, arena, &o->checksums));
    return slv_arena_dup(arena, slv_buf_view(&etag), &o->etag);
}

static slv_code set_state(slv_r2 *r2, slv_str id, int state, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r2->db, "UPDATE uploads SET state=?2 WHERE id=?1", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_int(st, 2, state);
    return run(r2, st, err);
}

static slv_code complete(slv_r2 *r2, slv_str key, slv_str id, const upload_row *row,
                         const part_rows *rows, const bool *chosen, slv_str checksums,
                         int64_t now_ms, slv_arena *arena, slv_r2_object *ret, slv_err *err)
{
    slv_r2_object o = {.key = key,
                       .http = row->http,
                       .custom = row->custom,
                       .ssec_md5 = row->ssec_md5,
                       .uploaded_ms = now_ms,
                       .class = row->class};
    const slv_r2_place nowhere = {0};
    char version[33];

    slv_r2_random_hex(version);
    SLV_TRY(slv_arena_dup(arena, slv_str_make(version, 32), &o.version));
    SLV_TRY(assemble(r2, id, row->sum_name, rows, chosen, &o, arena, now_ms, err));
    if (checksums.len > 0 && !slv_str_eq(checksums, o.checksums))
        return slv_r2_fail(err, SLV_R2_BAD_DIGEST);
    SLV_TRY(slv_r2_row_put(r2, &o, id, &nowhere, now_ms, err));
    SLV_TRY(set_state(r2, id, COMPLETED, err));
    *ret = o;
    const slv_r2_event event = {
        .action = "CompleteMultipartUpload", .key = key, .object = ret, .now_ms = now_ms};
    return slv_r2_note_(r2, &event, err);
}

slv_code slv_r2_multipart_complete(slv_r2 *r2, slv_str key, slv_str id, const slv_r2_part *parts,
                                   size_t count, const slv_r2_cond *cond, slv_str checksums,
                                   int64_t now_ms, slv_arena *arena, slv_r2_object *ret,
                                   slv_err *err)
{
    part_rows rows = {0};
    slv_r2_object old;
    upload_row row;

    SLV_TRY(find_open(r2, key, id, arena, &row, err));
    SLV_TRY(slv_r2_check_lock_(r2, key, now_ms, err));
    if (cond) {
        slv_code found = slv_r2_head(r2, key, NULL, arena, &old, err);

        if (found != SLV_OK && found != SLV_E_NOTFOUND)
            return found;
        if (!slv_r2_cond_holds(cond, found == SLV_OK ? &old : NULL))
            return slv_r2_fail(err, SLV_R2_PRECONDITION);
    }
    slv_code code = load_parts(r2, id, arena, &rows, err);
    bool *chosen = slv_alloc0(rows.len + 1);
    if (code == SLV_OK)
        code = choose(&rows, parts, count, chosen, err);
    if (code == SLV_OK)
        code = check_sizes(&rows, chosen, err);
    if (code == SLV_OK)
        code = complete(r2, key, id, &row, &rows, chosen, checksums, now_ms, arena, ret, err);
    free(chosen);
    slv_vec_done(&rows);
    return code;
}

slv_code slv_r2_multipart_abort(slv_r2 *r2, slv_str key, slv_str id, int64_t now_ms, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)256 << 10);
    upload_row row;

    SLV_TRY(slv_r2_check_key(key, err));
    SLV_TRY(find(r2, key, id, &arena, &row, err));
    if (row.state != OPEN)
        return SLV_OK;
    SLV_TRY(slv_r2_parts_drop(r2, id, now_ms, err));
    return set_state(r2, id, ABORTED, err);
}

/* ---- listings ---- */

slv_code slv_r2_parts_list(slv_r2 *r2, slv_str key, slv_str id, uint32_t after, uint32_t max,
                           void *arg, slv_code (*each)(void *arg, const slv_r2_part *part),
                           bool *ret_more, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)256 << 10);
    upload_row row;
    sqlite3_stmt *st;
    slv_code code;
    uint32_t count = 0;

    SLV_TRY(find_open(r2, key, id, &arena, &row, err));
    SLV_TRY(slv_db_stmt(r2->db,
                        "SELECT n,etag,size,uploaded,checksums FROM parts WHERE upload=?1 AND n>?2 "
                        "ORDER BY n",
                        &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_int(st, 2, after);
    *ret_more = false;
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        const slv_r2_part part = {.number = (uint32_t)slv_stmt_int(st, 0),
                                  .etag = slv_stmt_str(st, 1),
                                  .size = (uint64_t)slv_stmt_int(st, 2),
                                  .uploaded_ms = slv_stmt_int(st, 3),
                                  .checksums = slv_stmt_str(st, 4)};

        *ret_more = count++ == max;
        if (*ret_more || (code = each(arg, &part)) != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_r2_multipart_list(slv_r2 *r2, slv_str prefix, slv_str after_key, slv_str after_id,
                               uint32_t max, void *arg,
                               slv_code (*each)(void *arg, const slv_r2_pending *p), bool *ret_more,
                               slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;
    uint32_t count = 0;

    SLV_TRY(slv_db_stmt(r2->db,
                        "SELECT key,id,began,class FROM uploads WHERE state=0 AND "
                        "(key,id)>(?1,?2) AND key>=?3 ORDER BY key,id",
                        &st, err));
    slv_stmt_bind_text(st, 1, after_key.ptr ? after_key : SLV_STR(""));
    slv_stmt_bind_text(st, 2, after_id.ptr ? after_id : SLV_STR(""));
    slv_stmt_bind_text(st, 3, prefix.ptr ? prefix : SLV_STR(""));
    *ret_more = false;
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        const slv_r2_pending p = {.key = slv_stmt_str(st, 0),
                                  .id = slv_stmt_str(st, 1),
                                  .began_ms = slv_stmt_int(st, 2),
                                  .class = (slv_r2_class)(slv_stmt_int(st, 3) & 3)};

        if (!slv_str_starts(p.key, prefix))
            break;
        *ret_more = count++ == max;
        if (*ret_more || (code = each(arg, &p)) != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}
