/* What was acknowledged survives kill -9, a failing disk, a full disk and a power cut: the ground
 * under every service, tried on two of the test's own. Services with their own file of this kind:
 * crash_NAME_test.c. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/crash.h"
#include "support/tap.h"

/* ---- rows ---- */

typedef struct rows {
    slv_db *db;
} rows;

static const char *const steps[] = {
    "CREATE TABLE r(a INTEGER, n INTEGER, v BLOB, PRIMARY KEY(a,n))",
    "CREATE TABLE total(a INTEGER PRIMARY KEY, n INTEGER)"};
static const slv_db_schema schema = {0x63726173, steps, 2};

static slv_code rows_open(const char *path, bool create, bool read_only, void **ret, slv_err *err)
{
    char file[1024];
    slv_db_options o = {
        .schema = &schema, .create = create, .read_only = read_only, .cache_bytes = 64 << 10};
    slv_db *db = NULL;

    (void)snprintf(file, sizeof file, "%s.sqlite", path);
    SLV_TRY(slv_db_open(file, &o, &db, err));
    rows *r = slv_new0(rows);
    r->db = db;
    *ret = r;
    return SLV_OK;
}

static void rows_close(void *service)
{
    rows *r = service;

    slv_db_free(r->db);
    free(r);
}

static slv_db *rows_db(void *service)
{
    return ((rows *)service)->db;
}

static size_t size_of(unsigned actor, uint64_t n)
{
    return (size_t)((n * 7919 + actor * 104729) % 3000);
}

static slv_code put_row(slv_db *db, unsigned actor, uint64_t n, size_t size, slv_err *err)
{
    static const char zeros[8 << 20];
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(db, "INSERT OR REPLACE INTO r(a,n,v) VALUES(?1,?2,?3)", &st, err));
    slv_stmt_bind_int(st, 1, actor);
    slv_stmt_bind_int(st, 2, (int64_t)n);
    slv_stmt_bind_blob(st, 3, slv_str_make(zeros, size));
    SLV_TRY(slv_stmt_run(db, st, err));
    SLV_TRY(slv_db_stmt(db, "INSERT OR REPLACE INTO total(a,n) VALUES(?1,?2)", &st, err));
    slv_stmt_bind_int(st, 1, actor);
    slv_stmt_bind_int(st, 2, (int64_t)n);
    return slv_stmt_run(db, st, err);
}

static slv_code rows_apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    return put_row(rows_db(service), actor, n, size_of(actor, n), err);
}

/* A transaction of its own, as users' SQL has it. */
static slv_code rows_apply_solo(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    slv_db *db = rows_db(service);

    SLV_TRY(slv_db_exec(db, "BEGIN", err));
    SLV_TRY(put_row(db, actor, n, size_of(actor, n), err));
    return slv_db_exec(db, "COMMIT", err);
}

static int64_t ask(slv_db *db, const char *sql, unsigned actor)
{
    sqlite3_stmt *st = NULL;

    if (slv_db_stmt(db, sql, &st, NULL) != SLV_OK)
        return -1;
    slv_stmt_bind_int(st, 1, actor);
    int64_t n = slv_stmt_step(db, st, NULL) == SLV_OK ? slv_stmt_int(st, 0) : -1;
    slv_stmt_done(st);
    return n;
}

static slv_code rows_verify(void *service, unsigned actor, uint64_t acked, uint64_t asked,
                            slv_err *err)
{
    slv_db *db = rows_db(service);
    int64_t count = ask(db, "SELECT count(*) FROM r WHERE a=?1", actor);
    int64_t last = ask(db, "SELECT coalesce(max(n),0) FROM r WHERE a=?1", actor);
    int64_t total = ask(db, "SELECT coalesce(max(n),0) FROM total WHERE a=?1", actor);

    if (count != last || last != total)
        return slv_fail(err, SLV_E_IO, "actor %u: %lld rows up to %lld, total %lld", actor,
                        (long long)count, (long long)last, (long long)total);
    if (last < (int64_t)acked || last > (int64_t)asked)
        return slv_fail(err, SLV_E_IO, "actor %u: up to %lld is there, %llu were acknowledged",
                        actor, (long long)last, (unsigned long long)acked);
    for (int64_t n = 1; n <= last; n++) {
        sqlite3_stmt *st = NULL;

        SLV_TRY(slv_db_stmt(db, "SELECT length(v) FROM r WHERE a=?1 AND n=?2", &st, err));
        slv_stmt_bind_int(st, 1, actor);
        slv_stmt_bind_int(st, 2, n);
        slv_code code = slv_stmt_step(db, st, err);
        size_t len = code == SLV_OK ? (size_t)slv_stmt_int(st, 0) : 0;
        slv_stmt_done(st);
        if (code != SLV_OK || len != size_of(actor, (uint64_t)n))
            return slv_fail(err, SLV_E_IO, "actor %u: row %lld is damaged", actor, (long long)n);
    }
    return SLV_OK;
}

static const slv_store_type rows_type = {"rows", false, rows_open, rows_close, rows_db, NULL, NULL};
static const slv_store_type user_type = {"user", true, rows_open, rows_close, rows_db, NULL, NULL};
static const crash_service shared = {&rows_type, SLV_CALL_WRITE, rows_apply, rows_verify, NULL};
static const crash_service solo = {&user_type, SLV_CALL_SOLO, rows_apply_solo, rows_verify, NULL};

CRASH_TESTS(shared, &shared)
CRASH_TESTS(solo, &solo)

TEST(crash_simulator_sees_what_is_lost_without_syncs)
{
    crash_control(&shared, "control");
}

/* ---- a savepoint that spilled the page cache ---- */

#define SPILLERS 40

typedef struct spiller {
    slv_call call;
    unsigned number;
    unsigned *left;
} spiller;

static slv_code spill(slv_call *call, void *service, slv_err *err)
{
    spiller *s = slv_container_of(call, spiller, call);
    bool fails = s->number % 3 == 1;

    /* Far more than the cache holds: pages of the transaction go to the WAL before it commits. */
    SLV_TRY(put_row(rows_db(service), 0, s->number, fails ? (size_t)1 << 20 : 100, err));
    return fails ? slv_fail(err, SLV_E_INVAL, "rolled back") : SLV_OK;
}

static void spilled(slv_call *call)
{
    spiller *s = slv_container_of(call, spiller, call);

    if (call->code != (s->number % 3 == 1 ? SLV_E_INVAL : SLV_OK))
        _exit(3);
    --*s->left;
}

static bool none_left(void *arg)
{
    return *(unsigned *)arg == 0;
}

/* In a process of its own, which is killed as soon as everything was acknowledged. */
static void spill_and_tell(const char *dir, int report)
{
    slv_loop *loop = NULL;
    slv_state *state = NULL;
    spiller spillers[SPILLERS];
    unsigned left = SPILLERS;

    if (slv_loop_new(&loop, NULL) != SLV_OK || slv_state_open(dir, NULL, &state, NULL) != SLV_OK)
        _exit(1);
    slv_store *store = slv_state_store(state, &rows_type, SLV_STR("local"), SLV_STR("s"));
    for (unsigned i = 0; i < SPILLERS; i++) {
        spillers[i] = (spiller){
            .call = {.kind = SLV_CALL_WRITE, .create = true, .run = spill, .done = spilled},
            .number = i,
            .left = &left};
        slv_store_call(store, loop, &spillers[i].call);
    }
    if (!slv_loop_run_until(loop, none_left, &left, 60000) || write(report, "x", 1) != 1)
        _exit(2);
    for (;;)
        pause();
}

TEST(crash_savepoint_that_spilled_the_cache_takes_nobody_with_it)
{
    char dir[512], path[1024], byte;
    void *service = NULL;
    slv_err err = {0};
    int ends[2];

    (void)snprintf(dir, sizeof dir, "%s/spill", tap_tmpdir());
    CHECK(pipe(ends) == 0);
    (void)fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        spill_and_tell(dir, ends[1]);
    close(ends[1]);
    ssize_t told = read(ends[0], &byte, 1);
    close(ends[0]);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    CHECK_INT(told, 1);

    (void)snprintf(path, sizeof path, "%s/v1/local/rows/s", dir);
    CHECK(rows_open(path, false, false, &service, &err) == SLV_OK);
    for (int i = 0; i < SPILLERS; i++) {
        sqlite3_stmt *st = NULL;
        slv_db *db = rows_db(service);

        CHECK(slv_db_stmt(db, "SELECT length(v) FROM r WHERE a=0 AND n=?1", &st, &err) == SLV_OK);
        slv_stmt_bind_int(st, 1, i);
        slv_code code = slv_stmt_step(db, st, &err);
        slv_stmt_done(st);
        CHECK_INT(code, i % 3 == 1 ? SLV_E_NOTFOUND : SLV_OK);
    }
    rows_close(service);
}

TAP_MAIN()
