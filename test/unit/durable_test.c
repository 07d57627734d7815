#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "durable/durable.h"
#include "durable/vfs.h"
#include "store/object_file.h"
#include "support/tap.h"

/* ---- files ---- */

static char db_path[256], wal_path[256];

static bool write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, bytes, len) == (ssize_t)len;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* A new object, as main makes one. */
static bool make_object(const char *name)
{
    uint8_t page[SLV_OBJECT_FILE_SIZE];

    snprintf(db_path, sizeof db_path, "%s/%s.sqlite", tap_tmpdir(), name);
    snprintf(wal_path, sizeof wal_path, "%s/%s.sqlite-wal", tap_tmpdir(), name);
    slv_object_file_template(page);
    return write_file(db_path, page, sizeof page) && write_file(wal_path, "", 0);
}

static slv_durable *open_object(void)
{
    slv_durable_options o = {.db_fd = open(db_path, O_RDWR | O_CLOEXEC),
                             .wal_fd = open(wal_path, O_RDWR | O_CLOEXEC)};
    slv_durable *d = NULL;
    slv_err err = {0};

    if (slv_durable_open_take(&o, &d, &err) != SLV_OK)
        tap_note("open: %s", slv_err_text(&err));
    return d;
}

static bool put(slv_durable *d, const char *key, const char *value)
{
    slv_err err = {0};

    if (slv_durable_kv_put(d, slv_str_from(key), slv_str_from(value), &err) == SLV_OK)
        return true;
    tap_note("put: %s", slv_err_text(&err));
    return false;
}

static bool has(slv_durable *d, const char *key, const char *value)
{
    slv_str got;
    slv_code code = slv_durable_kv_get(d, slv_str_from(key), &got, NULL);

    return value ? code == SLV_OK && slv_str_is(got, value) : code == SLV_E_NOTFOUND;
}

static bool commit(slv_durable *d)
{
    return slv_durable_commit(d, NULL) == SLV_OK;
}

/* One integer of a user's query; -1 when it fails. */
static int64_t query_int(slv_durable *d, const char *sql)
{
    slv_usersql_query *q = NULL;
    slv_err err = {0};
    int64_t n = -1;

    if (slv_usersql_start(slv_durable_sql(d), slv_str_from(sql), 0, &q, &err) != SLV_OK) {
        tap_note("%s: %s", sql, slv_err_text(&err));
        return -1;
    }
    slv_code code = slv_usersql_step(q, &err);
    if (code == SLV_OK)
        n = sqlite3_column_int64(slv_usersql_stmt(q), 0);
    else if (code == SLV_E_NOTFOUND)
        n = 0;
    slv_usersql_end(q);
    return n;
}

static bool user_exec(slv_durable *d, const char *sql)
{
    bool ok = slv_durable_write(d, NULL) == SLV_OK && query_int(d, sql) >= 0;

    slv_durable_schema_changed(d);
    return ok;
}

static bool is_sound(slv_durable *d)
{
    slv_usersql_query *q = NULL;
    bool ok = false;

    if (slv_usersql_start(slv_durable_sql(d), SLV_STR("PRAGMA quick_check"), 0, &q, NULL) != SLV_OK)
        return false;
    if (slv_usersql_step(q, NULL) == SLV_OK)
        ok = strcmp((const char *)sqlite3_column_text(slv_usersql_stmt(q), 0), "ok") == 0;
    slv_usersql_end(q);
    return ok;
}

/* ---- what it does ---- */

TEST(values_are_there_again_after_it_was_closed)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;

    CHECK(make_object("again"));
    d = open_object();
    CHECK(d && has(d, "a", NULL));
    CHECK(put(d, "a", "1") && put(d, "b", "2") && put(d, "a", "one") && commit(d));
    d = slv_durable_free(d);
    d = open_object();
    CHECK(d && has(d, "a", "one") && has(d, "b", "2") && has(d, "c", NULL));
}

TEST(a_key_and_a_value_may_be_empty_or_hold_nul)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    slv_str got;

    CHECK(make_object("nul"));
    d = open_object();
    CHECK(d && put(d, "", ""));
    CHECK(slv_durable_kv_put(d, slv_str_make("a\0b", 3), slv_str_make("\0", 1), NULL) == SLV_OK);
    CHECK(commit(d) && has(d, "", "") && has(d, "a", NULL));
    CHECK(slv_durable_kv_get(d, slv_str_make("a\0b", 3), &got, NULL) == SLV_OK);
    CHECK_STR(got, slv_str_make("\0", 1));
}

TEST(nothing_of_a_turn_stays_when_it_is_rolled_back)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    bool there;

    CHECK(make_object("rollback"));
    d = open_object();
    CHECK(d && put(d, "a", "1"));
    slv_durable_rollback(d); /* the table itself, too */
    CHECK(has(d, "a", NULL) && put(d, "a", "2") && commit(d));
    CHECK(slv_durable_kv_delete(d, SLV_STR("a"), &there, NULL) == SLV_OK && there);
    CHECK(slv_durable_kv_delete(d, SLV_STR("a"), &there, NULL) == SLV_OK && !there);
    CHECK(has(d, "a", NULL));
    slv_durable_rollback(d);
    CHECK(has(d, "a", "2") && !slv_durable_in_transaction(d));
}

TEST(only_what_was_changed_makes_a_transaction_dirty)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;

    CHECK(make_object("dirty"));
    d = open_object();
    CHECK(d && !slv_durable_dirty(d));
    CHECK(slv_durable_write(d, NULL) == SLV_OK && slv_durable_in_transaction(d));
    CHECK(!slv_durable_dirty(d) && put(d, "a", "1") && slv_durable_dirty(d) && commit(d));
    CHECK(!slv_durable_dirty(d) && !slv_durable_in_transaction(d));
}

TEST(savepoints_nest)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;

    CHECK(make_object("savepoints"));
    d = open_object();
    CHECK(d && slv_durable_savepoint(d, NULL) == SLV_OK && put(d, "a", "1"));
    CHECK(slv_durable_savepoint(d, NULL) == SLV_OK && put(d, "a", "2") && put(d, "b", "2"));
    CHECK_INT(slv_durable_depth(d), 2);
    slv_durable_rollback_to(d);
    CHECK(has(d, "a", "1") && has(d, "b", NULL));
    CHECK(slv_durable_release(d, NULL) == SLV_OK && slv_durable_depth(d) == 0 && commit(d));
    CHECK(has(d, "a", "1"));
}

static bool lists(slv_durable *d, slv_durable_range range, const char *want)
{
    SLV_CLEANUP(slv_buf_done) slv_buf got = SLV_BUF(1000);
    slv_str key;
    slv_str value;

    if (slv_durable_kv_list(d, &range, NULL) != SLV_OK)
        return false;
    while (slv_durable_kv_next(d, &key, &value, NULL) == SLV_OK)
        if (slv_buf_append(&got, key) != SLV_OK)
            return false;
    if (slv_str_is(slv_buf_view(&got), want))
        return true;
    tap_note("listed %.*s, expected %s", SLV_STR_ARGS(slv_buf_view(&got)), want);
    return false;
}

TEST(lists_run_in_byte_order_and_within_their_range)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;

    CHECK(make_object("list"));
    d = open_object();
    CHECK(d && lists(d, (slv_durable_range){0}, ""));
    CHECK(put(d, "c", "") && put(d, "a", "") && put(d, "Z", "") && put(d, "b", "") &&
          put(d, "\xc3\xa9", ""));
    CHECK(lists(d, (slv_durable_range){0}, "Zabc\xc3\xa9"));
    CHECK(lists(d, (slv_durable_range){.start = SLV_STR("b")}, "bc\xc3\xa9"));
    CHECK(lists(d, (slv_durable_range){.end = SLV_STR("b"), .has_end = true}, "Za"));
    CHECK(lists(d, (slv_durable_range){.end = SLV_STR(""), .has_end = true}, ""));
    CHECK(lists(d, (slv_durable_range){.reverse = true, .limit = 2},
                "\xc3\xa9"
                "c"));
    CHECK(lists(d,
                (slv_durable_range){
                    .start = SLV_STR("a"), .end = SLV_STR("c"), .has_end = true, .reverse = true},
                "ba"));
    CHECK(commit(d));
}

TEST(an_alarm_is_kept_with_the_writes_beside_it)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    int64_t ms = 0;

    CHECK(make_object("alarm"));
    d = open_object();
    CHECK(d && slv_durable_alarm_get(d, &ms, NULL) == SLV_OK && ms == SLV_DURABLE_NO_ALARM);
    CHECK(slv_durable_alarm_set(d, SLV_DURABLE_NO_ALARM, NULL) == SLV_OK && !slv_durable_dirty(d));
    CHECK(slv_durable_alarm_set(d, 1000, NULL) == SLV_OK && put(d, "a", "1") && commit(d));
    CHECK(slv_durable_alarm_set(d, 2000, NULL) == SLV_OK && put(d, "a", "2"));
    slv_durable_rollback(d);
    CHECK(slv_durable_alarm_get(d, &ms, NULL) == SLV_OK && ms == 1000 && has(d, "a", "1"));
    CHECK(slv_durable_alarm_set(d, SLV_DURABLE_NO_ALARM, NULL) == SLV_OK && commit(d));
    CHECK(slv_durable_alarm_get(d, &ms, NULL) == SLV_OK && ms == SLV_DURABLE_NO_ALARM);
}

TEST(users_sql_cannot_reach_the_hidden_tables)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;

    CHECK(make_object("hidden"));
    d = open_object();
    CHECK(d && put(d, "a", "1") && commit(d));
    CHECK(query_int(d, "SELECT count(*) FROM _cf_KV") == -1);
    CHECK(query_int(d, "SELECT count(*) FROM sqlite_schema WHERE name='_cf_KV'") == 1);
    CHECK(query_int(d, "ATTACH '/tmp/x' AS x") == -1);
    CHECK(query_int(d, "VACUUM INTO '/tmp/x'") == -1);
}

TEST(delete_all_drops_everything_of_everybody)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    uint64_t before;
    uint64_t after;
    int64_t ms;

    CHECK(make_object("delete_all"));
    d = open_object();
    CHECK(d && slv_durable_size(d, &before, NULL) == SLV_OK);
    CHECK(put(d, "a", "1") && slv_durable_alarm_set(d, 5, NULL) == SLV_OK);
    CHECK(user_exec(d, "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT);"
                       "CREATE TABLE c(p REFERENCES p(id)); INSERT INTO p VALUES(1);"
                       "INSERT INTO c VALUES(1); CREATE VIEW v AS SELECT * FROM p;"
                       "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES('y');"
                       "CREATE TRIGGER t AFTER INSERT ON p BEGIN DELETE FROM c; END"));
    CHECK(commit(d));
    CHECK(slv_durable_delete_all(d, false, NULL) == SLV_OK && has(d, "a", NULL));
    CHECK(put(d, "b", "2") && commit(d) && has(d, "b", "2"));
    CHECK(slv_durable_alarm_get(d, &ms, NULL) == SLV_OK && ms == 5);
    CHECK(query_int(d, "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '_cf_%' "
                       "AND name NOT LIKE 'sqlite_%'") == 0);
    CHECK(slv_durable_delete_all(d, true, NULL) == SLV_OK && commit(d) && is_sound(d));
    CHECK(slv_durable_alarm_get(d, &ms, NULL) == SLV_OK && ms == SLV_DURABLE_NO_ALARM);
    CHECK(slv_durable_size(d, &after, NULL) == SLV_OK && after <= before + (4u << 12));
}

TEST(a_checkpoint_lets_the_wal_begin_again)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    struct stat st;
    off_t grown;
    char key[16];

    CHECK(make_object("checkpoint"));
    d = open_object();
    CHECK(d);
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%d", i);
        CHECK(put(d, key, "v") && commit(d));
    }
    CHECK(stat(wal_path, &st) == 0 && st.st_size > 50 * 4096);
    grown = st.st_size;
    CHECK(slv_durable_checkpoint(d, NULL) == SLV_OK);
    for (int i = 0; i < 30; i++)
        CHECK(put(d, "again", "v") && commit(d));
    CHECK(stat(wal_path, &st) == 0 && st.st_size == grown);
    d = slv_durable_free(d);
    CHECK(stat(wal_path, &st) == 0); /* never removed */
    d = open_object();
    CHECK(d && has(d, "k49", "v") && has(d, "again", "v") && is_sound(d));
}

TEST(a_value_that_was_read_is_in_no_checkpoints_way)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    struct stat st;
    off_t grown;

    CHECK(make_object("read"));
    d = open_object();
    CHECK(d && put(d, "a", "1") && commit(d));
    for (int i = 0; i < 20; i++)
        CHECK(put(d, "a", "1") && commit(d));
    CHECK(stat(wal_path, &st) == 0);
    grown = st.st_size;
    CHECK(has(d, "a", "1") && slv_durable_checkpoint(d, NULL) == SLV_OK);
    CHECK(has(d, "a", "1"));
    slv_durable_kv_got(d);
    for (int i = 0; i < 10; i++)
        CHECK(put(d, "a", "2") && commit(d));
    CHECK(stat(wal_path, &st) == 0);
    CHECK_INT(st.st_size, grown);
}

TEST(what_is_no_database_is_refused)
{
    uint8_t junk[SLV_OBJECT_FILE_SIZE];
    slv_durable_options o;
    slv_durable *d = NULL;
    slv_err err = {0};

    CHECK(make_object("junk"));
    memset(junk, 'x', sizeof junk);
    CHECK(write_file(db_path, junk, sizeof junk));
    o = (slv_durable_options){open(db_path, O_RDWR), open(wal_path, O_RDWR), 0};
    CHECK(slv_durable_open_take(&o, &d, &err) == SLV_E_IO && !d);
    CHECK(fcntl(o.db_fd, F_GETFD) == -1 && fcntl(o.wal_fd, F_GETFD) == -1);
}

TEST(a_full_file_fails_the_write_and_keeps_what_was_there)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
    slv_durable_options o = {.max_bytes = 64 << 10};
    static char big[16 << 10];
    slv_err err = {0};
    slv_code code = SLV_OK;

    CHECK(make_object("full"));
    o.db_fd = open(db_path, O_RDWR);
    o.wal_fd = open(wal_path, O_RDWR);
    CHECK(slv_durable_open_take(&o, &d, &err) == SLV_OK);
    CHECK(put(d, "a", "1") && commit(d));
    memset(big, 'b', sizeof big);
    for (int i = 0; i < 10 && code == SLV_OK; i++) {
        char key[8];

        snprintf(key, sizeof key, "%d", i);
        code = slv_durable_kv_put(d, slv_str_from(key), slv_str_make(big, sizeof big), &err);
    }
    CHECK_INT(code, SLV_E_LIMIT);
    slv_durable_rollback(d);
    CHECK(has(d, "a", "1") && has(d, "0", NULL) && put(d, "a", "2") && commit(d));
}

/* ---- a call that fails, at every place ---- */

static long fail_at; /* the how manieth call from now on; below 0: none */

static bool fails_now(void)
{
    return fail_at >= 0 && fail_at-- == 0;
}

static ssize_t failing_pwrite(int fd, const void *from, size_t n, off_t at)
{
    if (fails_now()) {
        errno = fail_at % 2 ? EIO : ENOSPC;
        return -1;
    }
    return pwrite(fd, from, n, at);
}

static int failing_sync(int fd)
{
    if (fails_now()) {
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

static const slv_durable_calls failing = {pread, failing_pwrite, ftruncate, failing_sync};

TEST(a_failing_write_at_any_place_loses_no_commit)
{
    for (long n = 0; n < 60; n++) {
        SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
        int committed = 0;
        char value[16];

        CHECK(make_object("fault"));
        d = open_object();
        CHECK(d);
        slv_durable_vfs_calls(&failing);
        fail_at = n;
        for (int i = 1; i <= 10; i++) {
            snprintf(value, sizeof value, "%d", i);
            if (slv_durable_kv_put(d, SLV_STR("n"), slv_str_from(value), NULL) != SLV_OK ||
                slv_durable_commit(d, NULL) != SLV_OK) {
                slv_durable_rollback(d);
                break;
            }
            committed = i;
            if (i == 5 && slv_durable_checkpoint(d, NULL) != SLV_OK)
                break;
        }
        fail_at = -1;
        d = slv_durable_free(d);
        slv_durable_vfs_calls(NULL);
        d = open_object();
        CHECK(d && is_sound(d));
        snprintf(value, sizeof value, "%d", committed);
        CHECK(has(d, "n", committed ? value : NULL));
    }
}

/* ---- kill -9 ---- */

/* Commits 1, 2, 3 ... and tells each through fd after it is committed. */
static void child_commits(int fd)
{
    slv_durable *d = open_object();
    char text[16];

    for (int i = 1; d; i++) {
        bool there;

        snprintf(text, sizeof text, "%d", i);
        if (!put(d, "n", text) || !put(d, text, text) ||
            (i > 20 && slv_durable_kv_delete(d, SLV_STR("1"), &there, NULL) != SLV_OK) ||
            !commit(d))
            _exit(1);
        if (i % 40 == 0 && slv_durable_checkpoint(d, NULL) != SLV_OK)
            _exit(1);
        if (write(fd, &i, sizeof i) != sizeof i)
            _exit(1);
    }
    _exit(1);
}

TEST(kill_9_loses_nothing_that_was_told)
{
    slv_prng rng;

    slv_prng_seed(&rng, tap_seed());
    for (int round = 0; round < 12; round++) {
        SLV_CLEANUP(slv_durable_free) slv_durable *d = NULL;
        int last = 0;
        int told;
        int want = 1 + (int)slv_prng_below(&rng, 200);
        int fds[2];
        char key[16];
        slv_str got;
        uint64_t n;
        pid_t pid;

        CHECK(make_object("kill") && pipe(fds) == 0);
        pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            child_commits(fds[1]);
        close(fds[1]);
        while (last < want && read(fds[0], &told, sizeof told) == sizeof told)
            last = told;
        kill(pid, SIGKILL);
        while (read(fds[0], &told, sizeof told) == sizeof told)
            last = told;
        close(fds[0]);
        waitpid(pid, NULL, 0);
        CHECK(last >= want);
        d = open_object();
        CHECK(d && is_sound(d));
        CHECK(slv_durable_kv_get(d, SLV_STR("n"), &got, NULL) == SLV_OK);
        CHECK(slv_parse_u64(got, &n) == SLV_OK && n >= (uint64_t)last && n <= (uint64_t)last + 1);
        for (int i = 2; i <= last; i++) {
            snprintf(key, sizeof key, "%d", i);
            CHECK(has(d, key, key));
        }
    }
}

/* ---- power cut: what was not synced is there in part, torn, or not at all ---- */

typedef struct cut_write {
    bool wal;
    off_t at; /* -1: truncation to `len` */
    size_t len;
    char *bytes;
} cut_write;

static SLV_VEC(cut_write) journal;
static int cut_wal_fd, cut_db_fd;

static bool is_wal(int fd)
{
    return fd == cut_wal_fd;
}

static ssize_t cut_pwrite(int fd, const void *from, size_t n, off_t at)
{
    cut_write w = {is_wal(fd), at, n, slv_alloc(n)};

    memcpy(w.bytes, from, n);
    slv_vec_push(&journal, w);
    return pwrite(fd, from, n, at);
}

static int cut_truncate(int fd, off_t length)
{
    cut_write w = {is_wal(fd), -1, (size_t)length, NULL};

    slv_vec_push(&journal, w);
    return ftruncate(fd, length);
}

/* What the disk has when the power goes: everything up to the last sync of the file. */
static slv_buf disk_db = SLV_BUF(64 << 20), disk_wal = SLV_BUF(64 << 20);

static void apply(slv_buf *file, const cut_write *w, size_t from, size_t to)
{
    size_t end = w->at < 0 ? w->len : (size_t)w->at + to;

    if (w->at < 0) {
        file->len = SLV_MIN(file->len, w->len);
    } else {
        if (end > file->len) {
            SLV_ASSERT(slv_buf_reserve(file, end - file->len) == SLV_OK);
            memset(file->ptr + file->len, 0, end - file->len);
            file->len = end;
        }
        memcpy(file->ptr + w->at + from, w->bytes + from, to - from);
    }
}

static void settle(bool wal)
{
    size_t kept = 0;

    for (size_t i = 0; i < journal.len; i++) {
        cut_write w = journal.items[i];

        if (w.wal == wal) {
            apply(wal ? &disk_wal : &disk_db, &w, 0, w.len);
            free(w.bytes);
        } else {
            journal.items[kept++] = w;
        }
    }
    journal.len = kept;
}

static int cut_sync(int fd)
{
    settle(is_wal(fd));
    return 0;
}

static const slv_durable_calls cutting = {pread, cut_pwrite, cut_truncate, cut_sync};

/* A state in which the disk may be: of each write that was not synced all, nothing, or some
 * sectors. */
static bool write_crash_state(slv_prng *rng)
{
    SLV_CLEANUP(slv_buf_done) slv_buf db = SLV_BUF(64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf wal = SLV_BUF(64 << 20);

    SLV_ASSERT(slv_buf_set(&db, slv_buf_view(&disk_db)) == SLV_OK);
    SLV_ASSERT(slv_buf_set(&wal, slv_buf_view(&disk_wal)) == SLV_OK);
    for (size_t i = 0; i < journal.len; i++) {
        const cut_write *w = &journal.items[i];
        slv_buf *file = w->wal ? &wal : &db;
        uint64_t luck = slv_prng_below(rng, 3);

        if (luck == 0 || (w->at < 0 && luck == 1))
            continue;
        if (luck == 2 && w->len > 512) {
            size_t from = 512 * (size_t)slv_prng_below(rng, w->len / 512);

            apply(file, w, from, from + SLV_MIN((size_t)512, w->len - from));
        } else {
            apply(file, w, 0, w->len);
        }
    }
    return write_file(db_path, db.ptr, db.len) && write_file(wal_path, wal.ptr, wal.len);
}

static bool load_disk(void)
{
    slv_buf_reset(&disk_db);
    slv_buf_reset(&disk_wal);
    journal.len = 0;
    return tap_read_file(db_path, &disk_db) && tap_read_file(wal_path, &disk_wal);
}

static void drop_journal(void)
{
    for (size_t i = 0; i < journal.len; i++)
        free(journal.items[i].bytes);
    slv_vec_done(&journal);
    slv_buf_done(&disk_db);
    slv_buf_done(&disk_wal);
}

/* Runs an object in which main acknowledges commits (syncs the WAL) now and then, and cuts the
 * power after `steps` of them. Returns the last acknowledged. */
static int run_until_cut(slv_prng *rng, int steps, bool acknowledge)
{
    slv_durable_options o = {.db_fd = open(db_path, O_RDWR), .wal_fd = open(wal_path, O_RDWR)};
    slv_durable *d = NULL;
    int acknowledged = 0;
    char value[16];

    cut_db_fd = o.db_fd;
    cut_wal_fd = o.wal_fd;
    slv_durable_vfs_calls(&cutting);
    if (slv_durable_open_take(&o, &d, NULL) != SLV_OK)
        return -1;
    for (int i = 1; i <= steps; i++) {
        snprintf(value, sizeof value, "%d", i);
        if (!put(d, "n", value) || !put(d, value, value) || !commit(d))
            return -1;
        if (slv_prng_below(rng, 4) == 0) {
            if (acknowledge)
                settle(true); /* main's fdatasync of the same file */
            acknowledged = i;
        }
        if (slv_prng_below(rng, 12) == 0 && slv_durable_checkpoint(d, NULL) != SLV_OK)
            return -1;
    }
    slv_durable_vfs_calls(NULL);
    slv_durable_free(d);
    return acknowledged;
}

/* 0 sound and complete, 1 an acknowledged commit is missing, 2 damaged */
static int look(int acknowledged)
{
    slv_durable *d = open_object();
    uint64_t n = 0;
    slv_str got;
    int verdict = 0;

    if (!d || !is_sound(d))
        verdict = 2;
    else if (acknowledged && (slv_durable_kv_get(d, SLV_STR("n"), &got, NULL) != SLV_OK ||
                              slv_parse_u64(got, &n) != SLV_OK || n < (uint64_t)acknowledged))
        verdict = 1;
    for (uint64_t i = 1; verdict == 0 && i <= n; i++) {
        char key[24];

        snprintf(key, sizeof key, "%llu", (unsigned long long)i);
        if (!has(d, key, key))
            verdict = 1;
    }
    slv_durable_free(d);
    return verdict;
}

static int count_damage(bool acknowledge, int rounds)
{
    slv_prng rng;
    int damage = 0;

    slv_prng_seed(&rng, tap_seed());
    for (int round = 0; round < rounds; round++) {
        int steps = 1 + (int)slv_prng_below(&rng, 60);
        int acknowledged;

        if (!make_object("cut") || !load_disk())
            return -1;
        acknowledged = run_until_cut(&rng, steps, acknowledge);
        if (acknowledged < 0)
            return -1;
        for (int state = 0; state < 4; state++) {
            if (!write_crash_state(&rng))
                return -1;
            int verdict = look(acknowledged);
            if (verdict && acknowledge)
                tap_note("round %d, %d of %d acknowledged: %s", round, acknowledged, steps,
                         verdict == 1 ? "lost" : "damaged");
            damage += verdict != 0;
        }
        drop_journal();
    }
    return damage;
}

TEST(a_power_cut_loses_nothing_that_main_synced)
{
    CHECK_INT(count_damage(true, 60), 0);
}

/* So that the test above can see a loss. */
TEST(without_mains_sync_a_power_cut_is_seen_to_lose)
{
    CHECK(count_damage(false, 20) > 0);
}

TAP_MAIN()
