#include "meter/analytics.h"

#include <stdio.h>

#include "base/mem.h"
#include "meter/analytics_int.h"

#define SWEEP_PIECE 1000
#define SWEEP_EVERY_MS ((int64_t)3600 * 1000)

#define BLOBS                                                                                      \
    "blob1,blob2,blob3,blob4,blob5,blob6,blob7,blob8,blob9,blob10,"                                \
    "blob11,blob12,blob13,blob14,blob15,blob16,blob17,blob18,blob19,blob20"
#define DOUBLES                                                                                    \
    "double1,double2,double3,double4,double5,double6,double7,double8,double9,double10,"            \
    "double11,double12,double13,double14,double15,double16,double17,double18,double19,double20"

static const char *const steps[] = {
    "CREATE TABLE point(time INTEGER NOT NULL, index1," BLOBS "," DOUBLES ");"
    "CREATE INDEX point_time ON point(time);",
};

static const slv_db_schema schema = {
    .application_id = 0x736c616e, /* "slan" */
    .steps = steps,
    .count = SLV_ARRAY_LEN(steps),
};

slv_code slv_analytics_open(const char *path, bool create, bool read_only, slv_analytics **ret,
                            slv_err *err)
{
    SLV_CLEANUP(slv_analytics_free) slv_analytics *a = slv_new0(slv_analytics);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(8192);
    const slv_db_options options = {.schema = &schema, .create = create, .read_only = read_only};

    SLV_TRY(slv_buf_printf(&file, "%s.sqlite", path));
    SLV_TRY(slv_db_open(slv_buf_cstr(&file), &options, &a->db, err));
    *ret = SLV_STEAL(a);
    return SLV_OK;
}

slv_analytics *slv_analytics_free(slv_analytics *a)
{
    if (a) {
        (void)slv_db_free(a->db);
        free(a);
    }
    return NULL;
}

slv_db *slv_analytics_db(slv_analytics *a)
{
    return a->db;
}

static slv_code check(const slv_analytics_point *p, slv_err *err)
{
    size_t sum = 0;

    for (size_t i = 0; i < p->blob_count && i < SLV_ANALYTICS_ITEMS; i++)
        sum += p->blobs[i].len;
    if (p->index.len <= SLV_ANALYTICS_INDEX_MAX && p->blob_count <= SLV_ANALYTICS_ITEMS &&
        p->double_count <= SLV_ANALYTICS_ITEMS && sum <= SLV_ANALYTICS_BLOBS_MAX)
        return SLV_OK;
    return slv_fail(err, SLV_E_LIMIT, "analytics: the data point is too large");
}

slv_code slv_analytics_write(slv_analytics *a, const slv_analytics_point *p, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(check(p, err));
    SLV_TRY(slv_db_stmt(a->db,
                        "INSERT INTO point VALUES(?,?,"
                        "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                        "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                        &st, err));
    slv_stmt_bind_int(st, 1, p->time_ms);
    slv_stmt_bind_text(st, 2, p->index.ptr ? p->index : SLV_STR(""));
    for (int i = 0; i < SLV_ANALYTICS_ITEMS; i++) {
        bool text = (size_t)i < p->blob_count && p->blobs[i].ptr;

        slv_stmt_bind_text(st, 3 + i, text ? p->blobs[i] : SLV_STR(""));
        if (sqlite3_bind_double(st, 3 + SLV_ANALYTICS_ITEMS + i,
                                (size_t)i < p->double_count ? p->doubles[i] : 0) != SQLITE_OK)
            return slv_db_fail(a->db, err, "analytics");
    }
    slv_code code = slv_stmt_step(a->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_analytics_sweep(slv_analytics *a, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(a->db,
                        "DELETE FROM point WHERE rowid IN (SELECT rowid FROM point WHERE time < ?1"
                        " ORDER BY time LIMIT ?2)",
                        &st, err));
    slv_stmt_bind_int(st, 1, now_ms - SLV_ANALYTICS_KEPT_MS);
    slv_stmt_bind_int(st, 2, SWEEP_PIECE);
    slv_code code = slv_stmt_step(a->db, st, err);
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    bool more = sqlite3_changes(slv_db_handle(a->db)) == SWEEP_PIECE;
    *ret_next_ms = now_ms + (more ? 1 : SWEEP_EVERY_MS);
    return SLV_OK;
}
