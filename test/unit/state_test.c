/* The state directory: lock, names, calls in their three ways, group commit, readers, sweeps. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "state/name.h"
#include "state/state.h"
#include "support/tap.h"

#define WAIT_MS 60000

/* ---- a small service: counters by name ---- */

typedef struct counters {
    slv_db *db;
} counters;

static const char *const steps[] = {
    "CREATE TABLE c(k TEXT PRIMARY KEY, n INTEGER NOT NULL, due INTEGER NOT NULL DEFAULT 0)"};
static const slv_db_schema schema = {0x74657374, steps, 1};

static slv_code counters_open(const char *path, bool create, bool read_only, void **ret,
                              slv_err *err)
{
    char file[512];
    slv_db_options o = {.schema = &schema, .create = create, .read_only = read_only};
    slv_db *db = NULL;

    (void)snprintf(file, sizeof file, "%s.sqlite", path);
    SLV_TRY(slv_db_open(file, &o, &db, err));
    counters *c = slv_new0(counters);
    c->db = db;
    *ret = c;
    return SLV_OK;
}

static void counters_close(void *service)
{
    counters *c = service;

    slv_db_free(c->db);
    free(c);
}

static slv_db *counters_db(void *service)
{
    return ((counters *)service)->db;
}

static slv_code counters_add(counters *c, slv_str k, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, "INSERT INTO c(k,n) VALUES(?1,1) ON CONFLICT(k) DO UPDATE SET n=n+1",
                        &st, err));
    slv_stmt_bind_text(st, 1, k);
    return slv_stmt_run(c->db, st, err);
}

static slv_code counters_get(counters *c, slv_str k, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, "SELECT n FROM c WHERE k=?1", &st, err));
    slv_stmt_bind_text(st, 1, k);
    slv_code code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        *ret = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

static slv_code counters_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    counters *c = service;
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, "DELETE FROM c WHERE due<>0 AND due<=?1", &st, err));
    slv_stmt_bind_int(st, 1, now_ms);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    SLV_TRY(slv_db_stmt(c->db, "SELECT min(due) FROM c WHERE due<>0", &st, err));
    slv_code code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        *ret_next_ms = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

static const slv_store_type counter_type = {
    "counters", false, counters_open, counters_close, counters_db, counters_sweep, NULL};
static const slv_store_type user_type = {"user",      true, counters_open, counters_close,
                                         counters_db, NULL, NULL};

/* ---- calls ---- */

typedef struct rig {
    slv_loop *loop;
    slv_state *state;
} rig;

static void rig_done(rig *r)
{
    if (r->state && r->loop)
        slv_state_forget_loop(r->state, r->loop);
    slv_state_free(r->state);
    slv_loop_free(r->loop);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static bool rig_open(rig *r, const char *name, slv_state_options o)
{
    char dir[512];
    slv_err err = {0};

    (void)snprintf(dir, sizeof dir, "%s/%s", tap_tmpdir(), name);
    if (slv_loop_new(&r->loop, &err) != SLV_OK)
        return false;
    o.control = r->loop;
    if (slv_state_open(dir, &o, &r->state, &err) == SLV_OK)
        return true;
    tap_note("%s", slv_err_text(&err));
    return false;
}

typedef struct ask {
    slv_call call;
    char key[32];
    int64_t n;
    slv_code fail; /* what run answers after its work */
    bool rollback; /* the transaction goes away under it */
    unsigned *left;
    unsigned *order, *next_order;
} ask;

static slv_code ask_add(slv_call *call, void *service, slv_err *err)
{
    ask *a = slv_container_of(call, ask, call);
    counters *c = service;

    SLV_TRY(counters_add(c, slv_str_from(a->key), err));
    if (a->rollback)
        slv_db_rollback(c->db);
    return a->fail ? slv_fail(err, a->fail, "asked to fail") : SLV_OK;
}

static slv_code ask_solo(slv_call *call, void *service, slv_err *err)
{
    counters *c = service;

    SLV_TRY(slv_db_exec(c->db, "BEGIN", err));
    SLV_TRY(ask_add(call, service, err));
    return slv_db_exec(c->db, "COMMIT", err);
}

static slv_code ask_open_end(slv_call *call, void *service, slv_err *err)
{
    SLV_TRY(slv_db_exec(((counters *)service)->db, "BEGIN", err));
    return ask_add(call, service, err);
}

static slv_code ask_get(slv_call *call, void *service, slv_err *err)
{
    ask *a = slv_container_of(call, ask, call);

    return counters_get(service, slv_str_from(a->key), &a->n, err);
}

static void on_done(slv_call *call)
{
    ask *a = slv_container_of(call, ask, call);

    if (a->order)
        *a->order = ++*a->next_order;
    --*a->left;
}

static bool none_left(void *arg)
{
    return *(unsigned *)arg == 0;
}

static ask make_ask(slv_call_kind kind, slv_code (*run)(slv_call *, void *, slv_err *),
                    const char *key, unsigned *left)
{
    ask a = {.call = {.kind = kind, .create = kind != SLV_CALL_READ, .run = run, .done = on_done},
             .left = left};

    (void)snprintf(a.key, sizeof a.key, "%s", key);
    ++*left;
    return a;
}

/* One call, waited for. */
static slv_code do_call(rig *r, slv_store *store, slv_call_kind kind,
                        slv_code (*run)(slv_call *, void *, slv_err *), const char *key, int64_t *n)
{
    unsigned left = 0;
    ask a = make_ask(kind, run, key, &left);

    slv_store_call(store, r->loop, &a.call);
    if (left != 1 || !slv_loop_run_until(r->loop, none_left, &left, WAIT_MS))
        return SLV_E_TIMEOUT;
    if (n)
        *n = a.n;
    return a.call.code;
}

SLV_DEFINE_CLEANUP(slv_store *, slv_store_unref);

/* ---- names ---- */

TEST(state_names_become_file_names_and_back)
{
    static const char *const pairs[][2] = {
        {"my-kv_1", "my-kv_1"},       {"", "%"},    {"A.b", "%41%2eb"},
        {"a/../b", "a%2f%2e%2e%2fb"}, {"%", "%25"}, {"\xc3\xa4", "%c3%a4"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(pairs); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000), back = SLV_BUF(1000);

        CHECK(slv_name_encode(slv_str_from(pairs[i][0]), &out) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), slv_str_from(pairs[i][1]));
        CHECK(slv_name_decode(slv_buf_view(&out), &back) == SLV_OK);
        CHECK_STR(slv_buf_view(&back), slv_str_from(pairs[i][0]));
    }
    static const char *const bad[] = {"", "A", "a.b", "%4", "%zz", "%61", "a%", "a/b"};
    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf back = SLV_BUF(1000);

        CHECK(slv_name_decode(slv_str_from(bad[i]), &back) == SLV_E_PARSE);
    }
}

TEST(state_names_that_are_too_long_are_cut_and_stay_distinct)
{
    SLV_CLEANUP(slv_buf_done) slv_buf a = SLV_BUF(1000), b = SLV_BUF(1000), back = SLV_BUF(1000);
    char name[SLV_NAME_WHOLE + 1];

    memset(name, 'x', sizeof name);
    CHECK(slv_name_encode(slv_str_make(name, SLV_NAME_WHOLE), &a) == SLV_OK);
    CHECK_INT(a.len, SLV_NAME_WHOLE);
    CHECK(slv_name_decode(slv_buf_view(&a), &back) == SLV_OK);
    slv_buf_reset(&a);
    CHECK(slv_name_encode(slv_str_make(name, SLV_NAME_WHOLE + 1), &a) == SLV_OK);
    name[SLV_NAME_WHOLE] = 'y';
    CHECK(slv_name_encode(slv_str_make(name, SLV_NAME_WHOLE + 1), &b) == SLV_OK);
    CHECK(a.len <= SLV_NAME_MAX && b.len <= SLV_NAME_MAX);
    CHECK(!slv_str_eq(slv_buf_view(&a), slv_buf_view(&b)));
    slv_buf_reset(&back);
    CHECK(slv_name_decode(slv_buf_view(&a), &back) == SLV_E_UNSUPPORTED);
}

TEST(state_names_round_trip)
{
    slv_prng prng;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 2000; round++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000), back = SLV_BUF(1000);
        char name[50];
        size_t len = slv_prng_below(&prng, sizeof name);

        for (size_t i = 0; i < len; i++)
            name[i] = (char)slv_prng_next(&prng);
        CHECK(slv_name_encode(slv_str_make(name, len), &out) == SLV_OK);
        CHECK(slv_str_chr(slv_buf_view(&out), '.', 0) == SIZE_MAX);
        CHECK(slv_name_decode(slv_buf_view(&out), &back) == SLV_OK);
        CHECK_STR(slv_buf_view(&back), slv_str_make(name, len));
    }
}

/* ---- the lock ---- */

TEST(state_lock_keeps_another_process_out_and_outlives_its_taker_in_children)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    slv_state *second = NULL;
    slv_err err = {0};
    char dir[512], pid[32];

    CHECK(rig_open(&r, "lock", (slv_state_options){0}));
    (void)snprintf(dir, sizeof dir, "%s/lock", tap_tmpdir());
    CHECK(slv_state_open(dir, NULL, &second, &err) == SLV_E_STATE);
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    CHECK(strstr(slv_err_text(&err), pid));
    /* A child that was given the descriptor keeps the lock. */
    int kept = dup(slv_state_lock_fd(r.state));
    r.state = slv_state_free(r.state);
    CHECK(slv_state_open(dir, NULL, &second, &err) == SLV_E_STATE);
    close(kept);
    CHECK(slv_state_open(dir, NULL, &second, &err) == SLV_OK);
    slv_state_free(second);
}

/* ---- calls ---- */

TEST(state_write_is_read_back_and_absent_store_is_not_made_by_reading)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    int64_t n = 0;

    CHECK(rig_open(&r, "basic", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("A b"));
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_E_NOTFOUND);
    char file[512];
    struct stat st;
    (void)snprintf(file, sizeof file, "%s/local/counters/%%41%%20b.sqlite", slv_state_dir(r.state));
    CHECK(stat(file, &st) != 0);
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(stat(file, &st) == 0);
    CHECK(do_call(&r, store, SLV_CALL_SOLO, ask_solo, "k", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    CHECK_INT(n, 2);
}

TEST(state_failed_call_harms_no_neighbour)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned left = 0;
    ask asks[100];
    int64_t n = 0;

    CHECK(rig_open(&r, "fail", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    for (int i = 0; i < 100; i++) {
        asks[i] = make_ask(i % 7 == 3 ? SLV_CALL_SOLO : SLV_CALL_WRITE,
                           i % 7 == 3 ? ask_solo : ask_add, i % 2 ? "bad" : "good", &left);
        asks[i].fail = i % 2 ? SLV_E_INVAL : SLV_OK;
    }
    for (int i = 0; i < 100; i++)
        slv_store_call(store, r.loop, &asks[i].call);
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    for (int i = 0; i < 100; i++)
        CHECK_INT(asks[i].call.code, i % 2 ? SLV_E_INVAL : SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "good", &n) == SLV_OK);
    CHECK_INT(n, 50);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "bad", &n) == SLV_E_NOTFOUND);
}

TEST(state_calls_of_one_store_are_done_in_their_order)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned left = 0, next = 0, order[200];
    ask *asks = slv_alloc(200 * sizeof(ask));

    CHECK(rig_open(&r, "order", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    for (int i = 0; i < 200; i++) {
        asks[i] = make_ask(SLV_CALL_WRITE, ask_add, "k", &left);
        asks[i].order = &order[i];
        asks[i].next_order = &next;
        slv_store_call(store, r.loop, &asks[i].call);
    }
    CHECK_INT(left, 200); /* none inside the call */
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    for (unsigned i = 0; i < 200; i++)
        CHECK_INT(order[i], i + 1);
    free(asks);
}

TEST(state_transaction_lost_under_a_call_fails_those_who_shared_it)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned left = 0;
    ask asks[3];
    int64_t n = 0;

    CHECK(rig_open(&r, "lost", (slv_state_options){.threads = 1}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    for (int i = 0; i < 3; i++)
        asks[i] = make_ask(SLV_CALL_WRITE, ask_add, "k", &left);
    asks[1].rollback = true;
    for (int i = 0; i < 3; i++)
        slv_store_call(store, r.loop, &asks[i].call);
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    CHECK_INT(asks[1].call.code, SLV_E_IO);
    CHECK_INT(asks[2].call.code, SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    /* The first may have had a transaction of its own, when a thread was quick to take it. */
    CHECK_INT(n, asks[0].call.code == SLV_OK ? 3 : 2);
}

TEST(state_transaction_left_open_is_rolled_back)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    int64_t n = 0;

    CHECK(rig_open(&r, "open", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &user_type, SLV_STR("local"), SLV_STR("s"));
    CHECK(do_call(&r, store, SLV_CALL_SOLO, ask_open_end, "k", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "l", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_E_NOTFOUND);
}

/* Holds the store's thread until it is let go. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool open, reached;
} gate;
static gate the_gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};

static slv_code ask_gate(slv_call *call, void *service, slv_err *err)
{
    pthread_mutex_lock(&the_gate.lock);
    the_gate.reached = true;
    pthread_cond_broadcast(&the_gate.cond);
    while (!the_gate.open)
        pthread_cond_wait(&the_gate.cond, &the_gate.lock);
    pthread_mutex_unlock(&the_gate.lock);
    return ask_add(call, service, err);
}

static void gate_reset(void)
{
    the_gate.open = the_gate.reached = false;
}

static void gate_wait(void)
{
    pthread_mutex_lock(&the_gate.lock);
    while (!the_gate.reached)
        pthread_cond_wait(&the_gate.cond, &the_gate.lock);
    pthread_mutex_unlock(&the_gate.lock);
}

static void gate_open(void)
{
    pthread_mutex_lock(&the_gate.lock);
    the_gate.open = true;
    pthread_cond_broadcast(&the_gate.cond);
    pthread_mutex_unlock(&the_gate.lock);
}

TEST(state_waiting_calls_have_a_limit)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned left = 0;
    size_t count = SLV_STORE_WAITING_MAX + 2;
    ask *asks = slv_alloc(count * sizeof(ask));

    gate_reset();
    CHECK(rig_open(&r, "waiting", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    asks[0] = make_ask(SLV_CALL_WRITE, ask_gate, "k", &left);
    slv_store_call(store, r.loop, &asks[0].call);
    gate_wait(); /* taken: it does not wait any more */
    for (size_t i = 1; i < count; i++) {
        asks[i] = make_ask(SLV_CALL_WRITE, ask_add, "k", &left);
        slv_store_call(store, r.loop, &asks[i].call);
    }
    gate_open();
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    for (size_t i = 0; i < count - 1; i++)
        CHECK_INT(asks[i].call.code, SLV_OK);
    CHECK_INT(asks[count - 1].call.code, SLV_E_AGAIN);
    free(asks);
}

TEST(state_read_runs_beside_a_writer_that_is_busy)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned left = 0;
    int64_t n = 0;

    gate_reset();
    CHECK(rig_open(&r, "beside", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    ask slow = make_ask(SLV_CALL_WRITE, ask_gate, "k", &left);
    slv_store_call(store, r.loop, &slow.call);
    gate_wait();
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    CHECK_INT(n, 1);
    gate_open();
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    CHECK_INT(n, 2);
}

TEST(state_loop_gets_a_reader_of_its_own)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    int64_t n = 0;

    CHECK(rig_open(&r, "inline", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    CHECK(slv_store_reader(store, r.loop) == NULL);
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    for (int i = 0; i < 100 && !slv_store_reader(store, r.loop); i++)
        CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    counters *c = slv_store_reader(store, r.loop);
    CHECK(c);
    CHECK(counters_get(c, SLV_STR("k"), &n, NULL) == SLV_OK);
    CHECK_INT(n, 1);
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(slv_store_reader(store, r.loop) == c);
    CHECK(counters_get(c, SLV_STR("k"), &n, NULL) == SLV_OK);
    CHECK_INT(n, 2);
}

static void collect_id(void *arg, slv_str id)
{
    slv_buf *out = arg;

    if (slv_buf_append(out, slv_str_sub(id, 0, 10)) != SLV_OK ||
        slv_buf_append_byte(out, ' ') != SLV_OK)
        out->len = 0;
}

TEST(state_destroyed_store_is_gone_with_all_that_is_its)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf ids = SLV_BUF(1000);
    unsigned left = 0;
    int64_t n = 0;
    char blob[512];

    CHECK(rig_open(&r, "destroy", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    SLV_CLEANUP(slv_store_unref)
    slv_store *other = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s2"));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(do_call(&r, other, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    for (int i = 0; i < 100 && !slv_store_reader(store, r.loop); i++)
        CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    (void)snprintf(blob, sizeof blob, "%s/local/counters/s.blobs", slv_state_dir(r.state));
    CHECK(mkdir(blob, 0700) == 0);
    (void)snprintf(blob, sizeof blob, "%s/local/counters/s.blobs/x", slv_state_dir(r.state));
    close(open(blob, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK(slv_state_list(r.state, &counter_type, SLV_STR("local"), collect_id, &ids, NULL) ==
          SLV_OK);
    CHECK_STR(slv_buf_view(&ids), SLV_STR("s s2 "));

    ask gone = make_ask(SLV_CALL_SOLO, ask_add, "", &left);
    slv_store_destroy(store, r.loop, &gone.call);
    ask after = make_ask(SLV_CALL_WRITE, ask_add, "k", &left);
    after.call.create = false;
    slv_store_call(store, r.loop, &after.call);
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    CHECK_INT(gone.call.code, SLV_OK);
    CHECK_INT(after.call.code, SLV_E_NOTFOUND);
    CHECK(access(blob, F_OK) != 0);
    slv_buf_reset(&ids);
    CHECK(slv_state_list(r.state, &counter_type, SLV_STR("local"), collect_id, &ids, NULL) ==
          SLV_OK);
    CHECK_STR(slv_buf_view(&ids), SLV_STR("s2 "));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    CHECK_INT(n, 1);
}

TEST(state_long_ids_are_listed_whole)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf ids = SLV_BUF(1000);
    char id[300];

    memset(id, 'q', sizeof id);
    CHECK(rig_open(&r, "long", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store =
        slv_state_store(r.state, &counter_type, SLV_STR("local"), slv_str_make(id, sizeof id));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(slv_state_list(r.state, &counter_type, SLV_STR("local"), collect_id, &ids, NULL) ==
          SLV_OK);
    CHECK_STR(slv_buf_view(&ids), SLV_STR("qqqqqqqqqq "));
}

TEST(state_more_stores_than_may_be_open_all_keep_their_rows)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    int64_t n = 0;
    char id[16];

    CHECK(rig_open(&r, "lru", (slv_state_options){.open_max = 4}));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++) {
            (void)snprintf(id, sizeof id, "s%d", i);
            SLV_CLEANUP(slv_store_unref)
            slv_store *store =
                slv_state_store(r.state, &counter_type, SLV_STR("local"), slv_str_from(id));
            CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
            CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
            CHECK_INT(n, round + 1);
        }
    }
}

static slv_code ask_due(slv_call *call, void *service, slv_err *err)
{
    counters *c = service;

    (void)call;
    return slv_db_exec(c->db, "INSERT INTO c(k,n,due) VALUES('due',1,1)", err);
}

static bool swept(void *arg)
{
    rig *r = ((void **)arg)[0];
    slv_store *store = ((void **)arg)[1];
    int64_t n = 0;

    return do_call(r, store, SLV_CALL_READ, ask_get, "due", &n) == SLV_E_NOTFOUND;
}

TEST(state_sweep_comes_by_itself_after_a_write)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    int64_t n = 0;

    CHECK(rig_open(&r, "sweep", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_due, "due", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "due", &n) == SLV_OK);
    void *arg[] = {&r, store};
    uint64_t until = slv_clock_mono_ns() + (uint64_t)WAIT_MS * 1000000;
    while (!swept(arg) && slv_clock_mono_ns() < until)
        ;
    CHECK(swept(arg));
}

static slv_code ask_slow_sweep(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    (void)service;
    (void)now_ms;
    (void)err;
    pthread_mutex_lock(&the_gate.lock);
    the_gate.reached = true;
    pthread_cond_broadcast(&the_gate.cond);
    while (!the_gate.open)
        pthread_cond_wait(&the_gate.cond, &the_gate.lock);
    pthread_mutex_unlock(&the_gate.lock);
    *ret_next_ms = 1; /* and again at once */
    return SLV_OK;
}

static bool gate_reached(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&the_gate.lock);
    bool reached = the_gate.reached;
    pthread_mutex_unlock(&the_gate.lock);
    return reached;
}

static void *open_later(void *arg)
{
    const struct timespec pause = {0, 50L * 1000 * 1000};

    (void)arg;
    (void)nanosleep(&pause, NULL); /* most likely the state is being freed by then */
    gate_open();
    return NULL;
}

TEST(state_sweep_that_ends_while_the_state_goes_plans_nothing_more)
{
    static const slv_store_type slow = {"slow",      false,          counters_open, counters_close,
                                        counters_db, ask_slow_sweep, NULL};
    rig r = {0};
    pthread_t thread;

    gate_reset();
    CHECK(rig_open(&r, "ending", (slv_state_options){0}));
    slv_store *store = slv_state_store(r.state, &slow, SLV_STR("local"), SLV_STR("s"));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    for (int i = 0; i < WAIT_MS / 10 && !gate_reached(NULL); i++)
        (void)slv_loop_run_until(r.loop, gate_reached, NULL, 10); /* nothing wakes the loop */
    CHECK(gate_reached(NULL));
    (void)slv_store_unref(store);
    CHECK(pthread_create(&thread, NULL, open_later, NULL) == 0);
    rig_done(&r); /* AddressSanitizer sees what the sweep would touch */
    pthread_join(thread, NULL);
}

TEST(state_removed_file_costs_one_call_and_the_store_is_made_anew)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    int64_t n = 0;
    char file[512];

    CHECK(rig_open(&r, "removed", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(file, sizeof file, "%s/local/counters/s.sqlite%s", slv_state_dir(r.state),
                       suffixes[i]);
        CHECK(unlink(file) == 0);
    }
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_E_IO);
    CHECK(do_call(&r, store, SLV_CALL_WRITE, ask_add, "k", NULL) == SLV_OK);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    CHECK_INT(n, 1);
}

/* ---- several loops ---- */

typedef struct worker {
    pthread_t thread;
    slv_state *state;
    slv_store *store;
    unsigned ok;
} worker;

static void *worker_main(void *arg)
{
    worker *w = arg;
    rig r = {.state = w->state};
    int64_t n = 0;

    if (slv_loop_new(&r.loop, NULL) != SLV_OK)
        return NULL;
    for (int i = 0; i < 100; i++) {
        counters *c;

        if (do_call(&r, w->store, SLV_CALL_WRITE, ask_add, "k", NULL) != SLV_OK)
            break;
        c = slv_store_reader(w->store, r.loop);
        slv_code code = c ? counters_get(c, SLV_STR("k"), &n, NULL)
                          : do_call(&r, w->store, SLV_CALL_READ, ask_get, "k", &n);
        if (code == SLV_OK && n > (int64_t)i)
            w->ok++;
    }
    slv_state_forget_loop(w->state, r.loop);
    slv_loop_free(r.loop);
    return NULL;
}

TEST(state_loops_share_a_store)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    worker workers[4] = {0};
    int64_t n = 0;

    CHECK(rig_open(&r, "loops", (slv_state_options){0}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *store = slv_state_store(r.state, &counter_type, SLV_STR("local"), SLV_STR("s"));
    for (int i = 0; i < 4; i++) {
        workers[i].state = r.state;
        workers[i].store = store;
        CHECK(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < 4; i++)
        CHECK_INT(workers[i].ok, 100);
    CHECK(do_call(&r, store, SLV_CALL_READ, ask_get, "k", &n) == SLV_OK);
    CHECK_INT(n, 400);
}

TEST(state_a_tenant_with_slow_statements_leaves_a_thread_to_the_others)
{
    SLV_CLEANUP(rig_done) rig r = {0};
    unsigned left = 0;
    ask slow[3];
    slv_store *stores[3];
    char id[8];

    gate_reset();
    CHECK(rig_open(&r, "fair", (slv_state_options){.user_threads = 3}));
    SLV_CLEANUP(slv_store_unref)
    slv_store *other = slv_state_store(r.state, &user_type, SLV_STR("other"), SLV_STR("s"));
    for (int i = 0; i < 3; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        stores[i] = slv_state_store(r.state, &user_type, SLV_STR("greedy"), slv_str_from(id));
        slow[i] = make_ask(SLV_CALL_SOLO, ask_gate, "k", &left);
        slv_store_call(stores[i], r.loop, &slow[i].call);
    }
    gate_wait();
    CHECK(do_call(&r, other, SLV_CALL_SOLO, ask_solo, "k", NULL) == SLV_OK);
    CHECK_INT(left, 3);
    gate_open();
    CHECK(slv_loop_run_until(r.loop, none_left, &left, WAIT_MS));
    for (int i = 0; i < 3; i++)
        (void)slv_store_unref(stores[i]);
}

TAP_MAIN()
