/* Databases and content files: opening, formats, transactions, errors. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/blob.h"
#include "store/db.h"
#include "support/tap.h"

static const char *const steps[] = {
    "CREATE TABLE t(k TEXT PRIMARY KEY, v BLOB)",
    "ALTER TABLE t ADD COLUMN n INTEGER NOT NULL DEFAULT 7",
};
static const slv_db_schema old_schema = {0x736c7631, steps, 1};
static const slv_db_schema schema = {0x736c7631, steps, 2};
static const slv_db_schema other_schema = {0x736c7632, steps, 1};

static const char *path_of(const char *name)
{
    static char path[4][512];
    static unsigned next;
    char *out = path[next++ % 4];

    (void)snprintf(out, sizeof path[0], "%s/%s", tap_tmpdir(), name);
    return out;
}

static slv_code open_db(const char *name, const slv_db_schema *s, bool create, slv_db **ret)
{
    slv_db_options o = {.schema = s, .create = create};
    slv_err err = {0};
    slv_code code = slv_db_open(path_of(name), &o, ret, &err);

    if (code != SLV_OK)
        tap_note("%s", slv_err_text(&err));
    return code;
}

static const char put_sql[] = "INSERT INTO t(k,v) VALUES(?1,?2)";
static const char get_sql[] = "SELECT v,n FROM t WHERE k=?1";

static slv_code put(slv_db *db, slv_str k, slv_str v)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(db, put_sql, &st, NULL));
    slv_stmt_bind_text(st, 1, k);
    slv_stmt_bind_blob(st, 2, v);
    return slv_stmt_run(db, st, NULL);
}

static int64_t count(slv_db *db)
{
    sqlite3_stmt *st = NULL;

    if (slv_db_stmt(db, "SELECT count(*) FROM t", &st, NULL) != SLV_OK ||
        slv_stmt_step(db, st, NULL) != SLV_OK)
        return -1;
    int64_t n = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return n;
}

TEST(store_library_is_new_enough)
{
    slv_err err = {0};

    CHECK(slv_db_library_check(&err) == SLV_OK);
    tap_note("SQLite %s", sqlite3_libversion());
    CHECK(sqlite3_compileoption_used("THREADSAFE=2"));
    CHECK(sqlite3_compileoption_used("ENABLE_FTS5"));
    CHECK(sqlite3_compileoption_used("OMIT_LOAD_EXTENSION"));
}

TEST(store_row_survives_reopening)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;
    sqlite3_stmt *st = NULL;

    CHECK(open_db("a.sqlite", &schema, true, &db) == SLV_OK);
    CHECK(put(db, SLV_STR("k"), SLV_STR("v\0w")) == SLV_OK);
    CHECK(slv_db_sync(db, NULL) == SLV_OK);
    db = slv_db_free(db);
    CHECK(open_db("a.sqlite", &schema, false, &db) == SLV_OK);
    CHECK(slv_db_stmt(db, get_sql, &st, NULL) == SLV_OK);
    slv_stmt_bind_text(st, 1, SLV_STR("k"));
    CHECK(slv_stmt_step(db, st, NULL) == SLV_OK);
    CHECK_STR(slv_stmt_str(st, 0), SLV_STR("v\0w"));
    CHECK_INT(slv_stmt_int(st, 1), 7);
    CHECK(slv_stmt_step(db, st, NULL) == SLV_E_NOTFOUND);
    slv_stmt_done(st);
    CHECK(slv_db_bytes(db) >= 4096);
}

TEST(store_absent_file_is_not_made_unless_asked)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;

    CHECK(open_db("absent.sqlite", &schema, false, &db) == SLV_E_NOTFOUND);
    CHECK(access(path_of("absent.sqlite"), F_OK) != 0);
    /* An empty file is one whose making was cut short. */
    close(open(path_of("absent.sqlite"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK(open_db("absent.sqlite", &schema, false, &db) == SLV_E_NOTFOUND);
    CHECK(open_db("absent.sqlite", &schema, true, &db) == SLV_OK);
    CHECK_INT(count(db), 0);
}

TEST(store_older_format_is_brought_forward_and_newer_refused)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;

    CHECK(open_db("f.sqlite", &old_schema, true, &db) == SLV_OK);
    CHECK(put(db, SLV_STR("k"), SLV_STR("v")) == SLV_OK);
    db = slv_db_free(db);
    CHECK(open_db("f.sqlite", &schema, false, &db) == SLV_OK);
    sqlite3_stmt *st = NULL;
    CHECK(slv_db_stmt(db, get_sql, &st, NULL) == SLV_OK);
    slv_stmt_bind_text(st, 1, SLV_STR("k"));
    CHECK(slv_stmt_step(db, st, NULL) == SLV_OK);
    CHECK_INT(slv_stmt_int(st, 1), 7);
    slv_stmt_done(st);
    db = slv_db_free(db);
    CHECK(open_db("f.sqlite", &old_schema, false, &db) == SLV_E_STATE);
    CHECK(open_db("f.sqlite", &other_schema, false, &db) == SLV_E_IO);
}

TEST(store_file_that_is_no_database_is_refused)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;
    FILE *f = fopen(path_of("junk.sqlite"), "we");

    CHECK(f);
    for (int i = 0; i < 5000; i++)
        (void)fputs("junk ", f);
    (void)fclose(f);
    CHECK(open_db("junk.sqlite", &schema, true, &db) == SLV_E_IO);
    CHECK(open_db("no/such/folder.sqlite", &schema, true, &db) == SLV_E_IO);
}

TEST(store_savepoint_rolls_back_alone)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;

    CHECK(open_db("sp.sqlite", &schema, true, &db) == SLV_OK);
    CHECK(slv_db_begin(db, NULL) == SLV_OK);
    CHECK(slv_db_savepoint(db, NULL) == SLV_OK);
    CHECK(put(db, SLV_STR("a"), SLV_STR("1")) == SLV_OK);
    CHECK(slv_db_release(db, NULL) == SLV_OK);
    CHECK(slv_db_savepoint(db, NULL) == SLV_OK);
    CHECK(put(db, SLV_STR("b"), SLV_STR("1")) == SLV_OK);
    CHECK(put(db, SLV_STR("a"), SLV_STR("2")) == SLV_E_EXISTS);
    slv_db_rollback_to(db);
    CHECK(slv_db_in_transaction(db));
    CHECK(slv_db_commit(db, NULL) == SLV_OK);
    CHECK(!slv_db_in_transaction(db));
    CHECK_INT(count(db), 1);
    CHECK(slv_db_begin(db, NULL) == SLV_OK);
    CHECK(put(db, SLV_STR("c"), SLV_STR("1")) == SLV_OK);
    slv_db_rollback(db);
    CHECK_INT(count(db), 1);
}

TEST(store_reader_sees_commits_and_cannot_write)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;
    SLV_CLEANUP(slv_db_free) slv_db *reader = NULL;
    slv_db_options o = {.schema = &schema, .read_only = true};

    CHECK(slv_db_open(path_of("r.sqlite"), &o, &reader, NULL) == SLV_E_NOTFOUND);
    CHECK(open_db("r.sqlite", &schema, true, &db) == SLV_OK);
    CHECK(slv_db_open(path_of("r.sqlite"), &o, &reader, NULL) == SLV_OK);
    CHECK(put(db, SLV_STR("a"), SLV_STR("1")) == SLV_OK);
    CHECK_INT(count(reader), 1);
    CHECK(put(reader, SLV_STR("b"), SLV_STR("1")) == SLV_E_DENIED);
}

TEST(store_max_bytes_is_a_limit)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;
    slv_db_options o = {.schema = &schema, .create = true, .max_bytes = 64 * 4096};
    slv_err err = {0};

    CHECK(slv_db_open(path_of("max.sqlite"), &o, &db, &err) == SLV_OK);
    CHECK(slv_db_exec(db, "INSERT INTO t(k,v) VALUES('a',zeroblob(50*4096))", &err) == SLV_OK);
    CHECK(slv_db_exec(db, "INSERT INTO t(k,v) VALUES('b',zeroblob(50*4096))", &err) == SLV_E_LIMIT);
    CHECK_INT(err.detail, SQLITE_FULL);
    CHECK_INT(count(db), 1);
}

TEST(store_failed_bind_is_told_by_the_step)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;
    sqlite3_stmt *st = NULL;
    char big[100] = {0};

    CHECK(open_db("bind.sqlite", &schema, true, &db) == SLV_OK);
    sqlite3_limit(slv_db_handle(db), SQLITE_LIMIT_LENGTH, 99);
    CHECK(slv_db_stmt(db, get_sql, &st, NULL) == SLV_OK);
    slv_stmt_bind_text(st, 1, slv_str_make(big, 99));
    CHECK(slv_stmt_step(db, st, NULL) == SLV_E_NOTFOUND);
    slv_stmt_done(st);
    slv_stmt_bind_text(st, 1, slv_str_make(big, 100));
    CHECK(slv_stmt_step(db, st, NULL) == SLV_E_LIMIT);
    slv_stmt_done(st);
    slv_stmt_bind_text(st, 1, slv_str_make(NULL, 0)); /* the empty text, not NULL */
    CHECK(slv_stmt_step(db, st, NULL) == SLV_E_NOTFOUND);
    slv_stmt_done(st);
}

static slv_code on_checkpoint(void *arg, slv_db *db, slv_err *err)
{
    char path[512];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s-wal", slv_db_path(db));
    if (stat(path, &st) != 0)
        return slv_fail_errno(err, SLV_E_IO, "stat");
    *(int64_t *)arg = st.st_size;
    return SLV_OK;
}

TEST(store_checkpoint_is_due_after_its_pages_and_tells_the_archive)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;
    int64_t seen = 0;
    slv_db_options o = {.schema = &schema,
                        .create = true,
                        .before_checkpoint = on_checkpoint,
                        .before_checkpoint_arg = &seen};

    CHECK(slv_db_open(path_of("cp.sqlite"), &o, &db, NULL) == SLV_OK);
    CHECK(!slv_db_checkpoint_due(db));
    CHECK(slv_db_exec(db, "INSERT INTO t(k,v) VALUES('a',zeroblob(1000*4096))", NULL) == SLV_OK);
    CHECK(slv_db_checkpoint_due(db));
    CHECK(slv_db_checkpoint(db, false, NULL) == SLV_OK);
    CHECK(!slv_db_checkpoint_due(db));
    CHECK(seen >= 1000 * 4096);
    struct stat st;
    CHECK(stat(path_of("cp.sqlite-wal"), &st) == 0 && st.st_size == seen);
    CHECK(slv_db_checkpoint(db, true, NULL) == SLV_OK);
    CHECK(stat(path_of("cp.sqlite-wal"), &st) == 0 && st.st_size == 0);
    CHECK_INT(count(db), 1);
}

TEST(store_removed_file_is_noticed_by_the_sync)
{
    SLV_CLEANUP(slv_db_free) slv_db *db = NULL;

    CHECK(open_db("gone.sqlite", &schema, true, &db) == SLV_OK);
    CHECK(slv_db_sync(db, NULL) == SLV_OK);
    CHECK(unlink(path_of("gone.sqlite")) == 0);
    CHECK(put(db, SLV_STR("a"), SLV_STR("1")) == SLV_OK);
    CHECK(slv_db_sync(db, NULL) == SLV_E_IO);
    CHECK(slv_db_begin(db, NULL) == SLV_E_IO);
}

/* ---- blobs ---- */

static bool named_none(void *arg, slv_str id)
{
    (void)id;
    ++*(int *)arg;
    return false;
}

static bool named_all(void *arg, slv_str id)
{
    (void)id;
    ++*(int *)arg;
    return true;
}

TEST(blob_is_read_back_and_removed)
{
    SLV_CLEANUP(slv_blobs_free) slv_blobs *blobs = NULL;
    SLV_CLEANUP(slv_blob_abort) slv_blob_writer *w = NULL;
    slv_blob_id id;
    char got[16] = {0};
    int fd = -1;

    CHECK(slv_blobs_open(path_of("blobs"), &blobs, NULL) == SLV_OK);
    CHECK(slv_blob_begin(blobs, &w, NULL) == SLV_OK);
    CHECK(slv_blob_append(w, SLV_STR("hello "), NULL) == SLV_OK);
    CHECK(slv_blob_append(w, SLV_STR("world"), NULL) == SLV_OK);
    CHECK(slv_blob_finish(SLV_STEAL(w), &id, NULL) == SLV_OK);
    CHECK_INT(strlen(id.text), SLV_BLOB_ID_LEN);
    CHECK(slv_blob_open(blobs, slv_str_from(id.text), &fd, NULL) == SLV_OK);
    CHECK(slv_blob_remove(blobs, slv_str_from(id.text), NULL) == SLV_OK);
    ssize_t n = pread(fd, got, sizeof got, 0); /* removed while it is read */
    close(fd);
    CHECK_INT(n, 11);
    CHECK_STR(slv_str_from(got), SLV_STR("hello world"));
    CHECK(slv_blob_open(blobs, slv_str_from(id.text), &fd, NULL) == SLV_E_NOTFOUND);
    CHECK(slv_blob_remove(blobs, slv_str_from(id.text), NULL) == SLV_OK);
}

TEST(blob_names_from_outside_reach_no_other_file)
{
    SLV_CLEANUP(slv_blobs_free) slv_blobs *blobs = NULL;
    int fd = -1;

    CHECK(slv_blobs_open(path_of("blobs2"), &blobs, NULL) == SLV_OK);
    CHECK(slv_blob_open(blobs, SLV_STR("../../../../../../../etc/passwd."), &fd, NULL) ==
          SLV_E_NOTFOUND);
    CHECK(slv_blob_open(blobs, SLV_STR(""), &fd, NULL) == SLV_E_NOTFOUND);
    CHECK(slv_blob_open(blobs, SLV_STR("ABCDEFABCDEFABCDEFABCDEFABCDEFAB"), &fd, NULL) ==
          SLV_E_NOTFOUND);
}

TEST(blob_sweep_takes_what_no_row_names_and_is_old)
{
    SLV_CLEANUP(slv_blobs_free) slv_blobs *blobs = NULL;
    slv_blob_writer *w = NULL;
    slv_blob_id id;
    int asked = 0, fd = -1;
    int64_t later = slv_clock_wall_ms() + 60000;

    CHECK(slv_blobs_open(path_of("blobs3"), &blobs, NULL) == SLV_OK);
    CHECK(slv_blob_begin(blobs, &w, NULL) == SLV_OK);
    CHECK(slv_blob_finish(w, &id, NULL) == SLV_OK);
    CHECK(slv_blobs_sweep(blobs, later - 120000, named_none, &asked, NULL) == SLV_OK);
    CHECK_INT(asked, 0); /* too young to be asked about */
    CHECK(slv_blobs_sweep(blobs, later, named_all, &asked, NULL) == SLV_OK);
    CHECK_INT(asked, 1);
    CHECK(slv_blob_open(blobs, slv_str_from(id.text), &fd, NULL) == SLV_OK);
    close(fd);
    CHECK(slv_blobs_sweep(blobs, later, named_none, &asked, NULL) == SLV_OK);
    CHECK(slv_blob_open(blobs, slv_str_from(id.text), &fd, NULL) == SLV_E_NOTFOUND);
    /* What a crash left behind half written. */
    CHECK(slv_blob_begin(blobs, &w, NULL) == SLV_OK);
    CHECK(slv_blobs_sweep(blobs, later, named_all, &asked, NULL) == SLV_OK);
    CHECK(slv_blob_finish(w, &id, NULL) == SLV_E_IO);
}

TAP_MAIN()
