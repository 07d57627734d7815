/*
 * Keepers: what is asked of a D1 database in another process is answered as in this one, what was
 * acknowledged outlives the process, and one account's process has nothing of another's. The test
 * program is main and keeper.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper.h"
#include "state/d1_call.h"
#include "state/kinds.h"
#include "support/tap.h"

#define WAIT_MS 60000

static slv_loop *loop;
static slv_state *state;
static slv_keepers *keepers;
static char notices[4096];

static void on_notice(void *user, const char *text)
{
    size_t at = strlen(notices);

    (void)user;
    snprintf(notices + at, sizeof notices - at, "%s\n", text);
}

static bool set_up(const char *name, uint64_t memory, uint32_t idle_ms, bool move)
{
    char dir[512];
    slv_keepers_options options = {.memory_bytes = memory, .idle_ms = idle_ms, .notice = on_notice};
    slv_err err = {0};

    notices[0] = 0;
    snprintf(dir, sizeof dir, "%s/%s", tap_tmpdir(), name);
    if (slv_loop_new(&loop, &err) != SLV_OK || slv_state_open(dir, NULL, &state, &err) != SLV_OK) {
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&err));
        return false;
    }
    options.control = loop;
    options.state = state;
    keepers = slv_keepers_new(&options);
    if (move)
        slv_keepers_move(keepers);
    return true;
}

static void tear_down(void)
{
    keepers = slv_keepers_free(keepers);
    state = slv_state_free(state);
    loop = slv_loop_free(loop);
    if (notices[0])
        tap_note("%s", notices);
}

/* ---- asks ---- */

typedef struct asked {
    slv_d1_call d;
    slv_store *store;
    slv_arena arena;
    slv_buf message;
    slv_d1_rows rows;
    slv_d1_json json;
    atomic_bool stop;
    slv_d1_statement one;
    bool over;
} asked;

static void on_done(slv_call *call)
{
    slv_container_of(call, asked, d.call)->over = true;
}

static bool is_over(void *arg)
{
    return ((asked *)arg)->over;
}

static void asked_init(asked *a, const char *tenant, const char *id)
{
    *a = (asked){.arena = SLV_ARENA((size_t)4 << 20), .message = SLV_BUF(1 << 20)};
    slv_d1_rows_init(&a->rows, false);
    slv_d1_json_init(&a->json, true);
    a->store = slv_state_store(state, &slv_d1_store, slv_str_from(tenant), slv_str_from(id));
}

static void asked_done(asked *a)
{
    (void)slv_store_unref(a->store);
    slv_d1_rows_done(&a->rows);
    slv_d1_json_done(&a->json);
    slv_buf_done(&a->message);
    slv_arena_done(&a->arena);
}

static void send_sql(asked *a, const char *sql, slv_call_kind kind)
{
    a->over = false;
    a->one = (slv_d1_statement){.sql = slv_str_from(sql)};
    a->d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_JSON,
                            .stop = &a->stop,
                            .statements = &a->one,
                            .count = 1,
                            .message = &a->message,
                            .out = &a->json};
    slv_d1_call_make(&a->d, a->store, loop, kind, true, on_done);
}

/* Runs one statement; its rows as JSON, or "error: ...". */
static slv_str sql(asked *a, const char *text, slv_call_kind kind)
{
    send_sql(a, text, kind);
    if (!slv_loop_run_until(loop, is_over, a, WAIT_MS))
        return SLV_STR("no answer");
    if (a->d.call.code == SLV_OK)
        return slv_buf_view(&a->json.out);
    slv_buf_reset(&a->json.out);
    if (slv_buf_printf(&a->json.out, "%s: %.*s", slv_code_name(a->d.call.code),
                       SLV_STR_ARGS(a->message.len > 0
                                        ? slv_buf_view(&a->message)
                                        : slv_str_from(slv_err_text(&a->d.call.err)))) != SLV_OK)
        return SLV_STR("no memory");
    return slv_buf_view(&a->json.out);
}

static bool has(slv_str text, const char *part)
{
    bool found = slv_str_find(text, slv_str_from(part), 0) != SIZE_MAX;

    if (!found)
        tap_note("%.*s lacks %s", SLV_STR_ARGS(slv_str_sub(text, 0, 300)), part);
    return found;
}

#define RUN(a, text) sql(a, text, SLV_CALL_SOLO)
#define LOOK(a, text) sql(a, text, SLV_CALL_READ)

static bool status_has(pid_t pid, const char *line)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    return tap_read_file(path, &text) && has(slv_buf_view(&text), line);
}

TEST(a_database_lives_in_its_accounts_process)
{
    asked a, b;

    CHECK(set_up("lives", 0, 0, true));
    asked_init(&a, "alpha", "one");
    asked_init(&b, "beta", "one");
    CHECK_INT(slv_keepers_pid(keepers, SLV_STR("alpha")), 0);
    CHECK(has(RUN(&a, "CREATE TABLE t(x)"), "\"success\":true"));
    CHECK(has(RUN(&a, "INSERT INTO t VALUES ('of alpha')"), "\"changes\":1"));
    CHECK(has(RUN(&b, "CREATE TABLE t(x)"), "\"success\":true"));
    CHECK(has(LOOK(&a, "SELECT x FROM t"), "[[\"of alpha\"]]"));
    CHECK(has(LOOK(&b, "SELECT x FROM t"), "\"rows\":[]"));
    pid_t one = slv_keepers_pid(keepers, SLV_STR("alpha")),
          other = slv_keepers_pid(keepers, SLV_STR("beta"));
    CHECK(one > 0 && other > 0 && one != other && one != getpid());
    CHECK(status_has(one, "Seccomp:\t2"));
    CHECK(status_has(one, "NoNewPrivs:\t1"));
    CHECK(status_has(one, "CapEff:\t0000000000000000"));
    asked_done(&a);
    asked_done(&b);
    tear_down();
    CHECK_STR(slv_str_from(notices), SLV_STR(""));
}

TEST(errors_and_rows_are_those_of_a_database_in_main)
{
    static const char *const texts[] = {
        "SELECT 1 AS a, 2.5 AS b, 'tä\xf0\x9f\x98\x80xt' AS c, x'00ff' AS d, NULL AS e",
        "SELECT nothing FROM nowhere",
        "SELEC",
        "",
        "PRAGMA table_list",
        "ATTACH 'x' AS y",
    };
    SLV_CLEANUP(slv_buf_done) slv_buf here = SLV_BUF(1 << 20);
    asked a;

    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++) {
        for (int moved = 0; moved < 2; moved++) {
            CHECK(set_up("same", 0, 0, moved));
            asked_init(&a, "alpha", "one");
            slv_str got = RUN(&a, texts[i]);
            size_t at = slv_str_find(got, SLV_STR("\"duration\""), 0);

            got = slv_str_sub(got, 0, SLV_MIN(at, got.len));
            if (moved)
                CHECK_STR(got, slv_buf_view(&here));
            else
                CHECK(slv_buf_set(&here, got) == SLV_OK);
            asked_done(&a);
            tear_down();
        }
    }
}

/* Each change that was acknowledged is there, whenever the process is killed. */
TEST(what_was_acknowledged_outlives_the_process)
{
    asked w[8], look;
    unsigned next = 0, acked = 0, kills = 0, lost = 0;
    unsigned number[8] = {0};
    bool sure[4000] = {false};
    uint64_t end;
    char text[80];

    CHECK(set_up("outlives", 0, 0, true));
    for (int i = 0; i < 8; i++)
        asked_init(&w[i], "alpha", "one");
    asked_init(&look, "alpha", "one");
    CHECK(has(RUN(&look, "CREATE TABLE t(n INTEGER PRIMARY KEY)"), "success"));
    end = slv_clock_mono_ns() + UINT64_C(4000000000);
    for (int i = 0; i < 8; i++)
        w[i].over = true;
    while (slv_clock_mono_ns() < end && next < 3900) {
        for (int i = 0; i < 8; i++) {
            if (!w[i].over)
                continue;
            if (number[i] && w[i].d.call.code == SLV_OK) {
                sure[number[i]] = true;
                acked++;
            } else if (number[i]) {
                lost++;
            }
            number[i] = ++next;
            snprintf(text, sizeof text, "INSERT INTO t VALUES (%u)", number[i]);
            w[i].arena.limit = (size_t)4 << 20;
            slv_str kept;
            slv_arena_done(&w[i].arena);
            w[i].arena = SLV_ARENA((size_t)4 << 20);
            CHECK(slv_arena_dup(&w[i].arena, slv_str_from(text), &kept) == SLV_OK);
            w[i].over = false;
            w[i].one = (slv_d1_statement){.sql = kept};
            w[i].d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_JSON,
                                      .statements = &w[i].one,
                                      .count = 1,
                                      .message = &w[i].message,
                                      .out = &w[i].json};
            slv_d1_call_make(&w[i].d, w[i].store, loop, SLV_CALL_SOLO, true, on_done);
        }
        (void)slv_loop_run_until(loop, is_over, &w[next % 8], 50);
        pid_t pid = slv_keepers_pid(keepers, SLV_STR("alpha"));
        if (pid > 0 && acked > (kills + 1) * 60 && kills < 8) {
            kills++;
            CHECK(kill(pid, SIGKILL) == 0);
        }
    }
    for (int i = 0; i < 8; i++) {
        CHECK(slv_loop_run_until(loop, is_over, &w[i], WAIT_MS));
        if (w[i].d.call.code == SLV_OK)
            sure[number[i]] = true;
    }
    slv_str all = LOOK(&look, "SELECT ',' || group_concat(n) || ',' FROM t");
    for (unsigned n = 1; n <= next; n++) {
        snprintf(text, sizeof text, ",%u,", n);
        if (sure[n])
            CHECK(has(all, text));
    }
    tap_note("%u changes acknowledged, %u refused, %u kills", acked, lost, kills);
    CHECK(kills > 0 && acked > 60);
    for (int i = 0; i < 8; i++)
        asked_done(&w[i]);
    asked_done(&look);
    tear_down();
}

static bool is_stopped(void *arg)
{
    char path[64];
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);

    snprintf(path, sizeof path, "/proc/%d/status", (int)*(pid_t *)arg);
    return tap_read_file(path, &text) &&
           slv_str_find(slv_buf_view(&text), SLV_STR("State:\tT"), 0) != SIZE_MAX;
}

TEST(a_read_is_asked_again_and_a_write_is_not)
{
    asked read, write;

    CHECK(set_up("again", 0, 0, true));
    asked_init(&read, "alpha", "one");
    asked_init(&write, "alpha", "one");
    CHECK(has(RUN(&read, "CREATE TABLE t(n)"), "success"));
    pid_t pid = slv_keepers_pid(keepers, SLV_STR("alpha"));
    CHECK(kill(pid, SIGSTOP) == 0); /* it has neither when it ends */
    while (!is_stopped(&pid))       /* nothing would wake a loop for it */
        usleep(1000);
    send_sql(&read, "SELECT 42", SLV_CALL_READ);
    send_sql(&write, "INSERT INTO t VALUES (1)", SLV_CALL_SOLO);
    CHECK(!slv_loop_run_until(loop, is_over, &read, 50));
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(slv_loop_run_until(loop, is_over, &read, WAIT_MS));
    CHECK(slv_loop_run_until(loop, is_over, &write, WAIT_MS));
    CHECK_INT(read.d.call.code, SLV_OK);
    CHECK(has(slv_buf_view(&read.json.out), "[[42]]"));
    CHECK_INT(write.d.call.code, SLV_E_CLOSED);
    CHECK(has(slv_str_from(notices), "Killed"));
    CHECK(has(LOOK(&read, "SELECT count(*) FROM t"), "[[0]]"));
    asked_done(&read);
    asked_done(&write);
    tear_down();
}

TEST(a_query_that_takes_too_much_fails_alone)
{
    static const char big[] = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
                              "WHERE n < 400000) SELECT length(group_concat(hex(randomblob(200)))) "
                              "FROM c";
    asked a;

    CHECK(set_up("much", (uint64_t)32 << 20, 0, true));
    asked_init(&a, "alpha", "one");
    CHECK(has(RUN(&a, "CREATE TABLE t(n)"), "success"));
    pid_t pid = slv_keepers_pid(keepers, SLV_STR("alpha"));
    CHECK(has(LOOK(&a, big), "E_"));
    CHECK(has(RUN(&a, "INSERT INTO t VALUES (1)"), "\"changes\":1"));
    CHECK_INT(slv_keepers_pid(keepers, SLV_STR("alpha")), pid);
    asked_done(&a);
    tear_down();
}

TEST(what_nobody_waits_for_is_stopped)
{
    static const char endless[] = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
                                  "SELECT count(*) FROM c";
    asked a;

    CHECK(set_up("stopped", 0, 0, true));
    asked_init(&a, "alpha", "one");
    CHECK(has(RUN(&a, "CREATE TABLE t(n)"), "success"));
    send_sql(&a, endless, SLV_CALL_READ);
    CHECK(!slv_loop_run_until(loop, is_over, &a, 100));
    slv_store_cancel(&a.d.call);
    CHECK(slv_loop_run_until(loop, is_over, &a, 20000));
    CHECK_INT(a.d.call.code, SLV_E_CANCELED);
    asked_done(&a);
    tear_down();
}

TEST(databases_that_are_open_here_move_there)
{
    asked a[6];

    CHECK(set_up("moves", 0, 0, false));
    for (int i = 0; i < 6; i++)
        asked_init(&a[i], "alpha", i % 2 ? "odd" : "even");
    CHECK(has(RUN(&a[0], "CREATE TABLE t(n)"), "success"));
    CHECK(has(RUN(&a[1], "CREATE TABLE t(n)"), "success"));
    CHECK_INT(slv_keepers_pid(keepers, SLV_STR("alpha")), 0);
    send_sql(&a[2], "INSERT INTO t VALUES (1)", SLV_CALL_SOLO); /* under way when it moves */
    send_sql(&a[3], "INSERT INTO t VALUES (1)", SLV_CALL_SOLO);
    slv_keepers_move(keepers);
    send_sql(&a[4], "INSERT INTO t VALUES (2)", SLV_CALL_SOLO);
    send_sql(&a[5], "INSERT INTO t VALUES (2)", SLV_CALL_SOLO);
    for (int i = 2; i < 6; i++) {
        CHECK(slv_loop_run_until(loop, is_over, &a[i], WAIT_MS));
        CHECK_INT(a[i].d.call.code, SLV_OK);
    }
    CHECK(slv_keepers_pid(keepers, SLV_STR("alpha")) > 0);
    CHECK(has(LOOK(&a[0], "SELECT group_concat(n) FROM t"), "[[\"1,2\"]]"));
    CHECK(has(LOOK(&a[1], "SELECT group_concat(n) FROM t"), "[[\"1,2\"]]"));
    for (int i = 0; i < 6; i++)
        asked_done(&a[i]);
    tear_down();
}

static bool is_gone(void *arg)
{
    (void)arg;
    return slv_keepers_pid(keepers, SLV_STR("alpha")) == 0;
}

TEST(one_that_nobody_calls_ends_and_comes_again)
{
    asked a;

    CHECK(set_up("ends", 0, 50, true));
    asked_init(&a, "alpha", "one");
    CHECK(has(RUN(&a, "CREATE TABLE t(n)"), "success"));
    CHECK(slv_keepers_pid(keepers, SLV_STR("alpha")) > 0);
    CHECK(slv_loop_run_until(loop, is_gone, NULL, WAIT_MS));
    CHECK(has(RUN(&a, "INSERT INTO t VALUES (1)"), "\"changes\":1"));
    asked_done(&a);
    tear_down();
    CHECK_STR(slv_str_from(notices), SLV_STR(""));
}

TEST(texts_go_in_and_out_by_descriptors)
{
    static const char dump[] = "CREATE TABLE t(x); INSERT INTO t VALUES ('imported');";
    slv_d1_export_options everything = {0};
    char read_back[512] = {0};
    asked a;
    int in = open(tap_tmpdir(), O_TMPFILE | O_RDWR, 0600),
        out = open(tap_tmpdir(), O_TMPFILE | O_RDWR, 0600);

    CHECK(in >= 0 && out >= 0 && write(in, dump, strlen(dump)) == (ssize_t)strlen(dump));
    CHECK(set_up("texts", 0, 0, true));
    asked_init(&a, "alpha", "one");
    a.d.ask =
        (slv_d1_ask){.kind = SLV_D1_ASK_IMPORT, .stop = &a.stop, .fd = in, .message = &a.message};
    slv_d1_call_make(&a.d, a.store, loop, SLV_CALL_SOLO, true, on_done);
    CHECK(slv_loop_run_until(loop, is_over, &a, WAIT_MS));
    CHECK_INT(a.d.call.code, SLV_OK);
    CHECK_INT(a.d.ask.import.statements, 2);
    CHECK(strlen(a.d.ask.after) == SLV_D1_BOOKMARK_LEN);
    a.over = false;
    a.d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_EXPORT,
                           .stop = &a.stop,
                           .fd = out,
                           .export = everything,
                           .message = &a.message};
    slv_d1_call_make(&a.d, a.store, loop, SLV_CALL_READ, false, on_done);
    CHECK(slv_loop_run_until(loop, is_over, &a, WAIT_MS));
    CHECK_INT(a.d.call.code, SLV_OK);
    CHECK(pread(out, read_back, sizeof read_back - 1, 0) > 0);
    CHECK(has(slv_str_from(read_back), "imported"));
    CHECK_INT(a.d.ask.size, strlen(read_back));
    close(in);
    close(out);
    asked_done(&a);
    tear_down();
}

TEST(a_database_is_named_goes_back_in_time_and_is_removed)
{
    char before[SLV_D1_BOOKMARK_LEN + 1];
    asked a;

    CHECK(set_up("back", 0, 0, true));
    asked_init(&a, "alpha", "one");
    a.d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_INFO,
                           .name = SLV_STR("prices"),
                           .now_ms = 1700000000000,
                           .arena = &a.arena};
    slv_d1_call_make(&a.d, a.store, loop, SLV_CALL_WRITE, true, on_done);
    CHECK(slv_loop_run_until(loop, is_over, &a, WAIT_MS));
    CHECK_STR(a.d.ask.info.name, SLV_STR("prices"));
    CHECK_INT(a.d.ask.info.created_ms, 1700000000000);
    CHECK(has(RUN(&a, "CREATE TABLE t(n)"), "success"));
    a.over = false;
    a.d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_TRAVEL, .message = &a.message};
    slv_d1_call_make(&a.d, a.store, loop, SLV_CALL_SOLO, false, on_done);
    CHECK(slv_loop_run_until(loop, is_over, &a, WAIT_MS));
    snprintf(before, sizeof before, "%s", a.d.ask.before);
    CHECK(strlen(before) == SLV_D1_BOOKMARK_LEN);
    CHECK(has(RUN(&a, "INSERT INTO t VALUES (1)"), "\"changes\":1"));
    a.over = false;
    a.d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_TRAVEL,
                           .restore = true,
                           .bookmark = slv_str_from(before),
                           .message = &a.message};
    slv_d1_call_make(&a.d, a.store, loop, SLV_CALL_SOLO, false, on_done);
    CHECK(slv_loop_run_until(loop, is_over, &a, WAIT_MS));
    CHECK_INT(a.d.call.code, SLV_OK);
    CHECK(has(LOOK(&a, "SELECT count(*) FROM t"), "[[0]]"));
    a.over = false;
    a.d.call = (slv_call){.done = on_done};
    slv_store_destroy(a.store, loop, &a.d.call);
    CHECK(slv_loop_run_until(loop, is_over, &a, WAIT_MS));
    CHECK_INT(a.d.call.code, SLV_OK);
    CHECK(has(LOOK(&a, "SELECT count(*) FROM sqlite_schema WHERE name = 't'"), "[[0]]"));
    asked_done(&a);
    tear_down();
}

static double cost_of(bool move, const char *text, slv_call_kind kind)
{
    asked a;
    uint64_t began;

    if (!set_up(move ? "cost_there" : "cost_here", 0, 0, move))
        return 0;
    asked_init(&a, "alpha", "one");
    (void)RUN(&a, "CREATE TABLE t(n INTEGER PRIMARY KEY, v)");
    (void)RUN(&a, "INSERT INTO t VALUES (1, 'one')");
    for (int i = 0; i < 20; i++)
        (void)sql(&a, text, kind);
    began = slv_clock_mono_ns();
    for (int i = 0; i < 300; i++)
        (void)sql(&a, text, kind);
    double us = (double)(slv_clock_mono_ns() - began) / 300e3;
    asked_done(&a);
    tear_down();
    return us;
}

TEST(the_cost_of_a_query_is_told)
{
    static const char select[] = "SELECT v FROM t WHERE n = 1",
                      insert[] = "INSERT INTO t(v) VALUES ('x')";
    double here = cost_of(false, select, SLV_CALL_READ),
           there = cost_of(true, select, SLV_CALL_READ);

    tap_note("one select at a time: %.0f us in main, %.0f us in a keeper", here, there);
    here = cost_of(false, insert, SLV_CALL_SOLO);
    there = cost_of(true, insert, SLV_CALL_SOLO);
    tap_note("one insert at a time: %.0f us in main, %.0f us in a keeper", here, there);
    CHECK(there > 0);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "__keeper") == 0)
        return slv_role_keeper(argc, argv);
    return tap_main(argc, argv);
}
