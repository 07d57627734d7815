#include "store/usersql.h"
#include "support/tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/sqlsplit.h"

typedef struct rig {
    sqlite3 *db;
    slv_usersql *u;
    slv_buf out;
} rig;

static void rig_done(rig *r)
{
    r->u = slv_usersql_free(r->u);
    sqlite3_close(r->db);
    slv_buf_done(&r->out);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static void rig_init(rig *r)
{
    *r = (rig){.out = SLV_BUF(1 << 20)};
    SLV_ASSERT(sqlite3_open_v2(":memory:", &r->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               NULL) == SQLITE_OK);
    sqlite3_extended_result_codes(r->db, 1);
    r->u = slv_usersql_new(r->db, NULL);
}

/* Rows as "a,b;c,d;", or "!" and the message. */
static slv_str run_str(rig *r, slv_str sql, unsigned flags)
{
    slv_err err = {0};
    SLV_CLEANUP(slv_usersql_end) slv_usersql_query *q = NULL;
    slv_code code = slv_usersql_start(r->u, sql, flags, &q, &err);

    slv_buf_reset(&r->out);
    if (code == SLV_OK && slv_usersql_parameters(q) != 0)
        code = slv_usersql_wrong_count(r->u, &err);
    while (code == SLV_OK && (code = slv_usersql_step(q, &err)) == SLV_OK) {
        int n = sqlite3_column_count(slv_usersql_stmt(q));

        for (int i = 0; i < n && code == SLV_OK; i++) {
            const char *text = (const char *)sqlite3_column_text(slv_usersql_stmt(q), i);

            code = slv_buf_printf(&r->out, "%s%s", i ? "," : "", text ? text : "NULL");
        }
        if (code == SLV_OK)
            code = slv_buf_append_byte(&r->out, ';');
    }
    if (code == SLV_E_NOTFOUND)
        return slv_buf_view(&r->out);
    slv_str m = slv_usersql_message(r->u);
    slv_buf_reset(&r->out);
    if (slv_buf_printf(&r->out, "!%.*s", SLV_STR_ARGS(m)) != SLV_OK)
        return SLV_STR("! too long");
    return slv_buf_view(&r->out);
}

static slv_str run(rig *r, const char *sql)
{
    return run_str(r, slv_str_from(sql), 0);
}

#define RIG                                                                                        \
    SLV_CLEANUP(rig_done) rig r;                                                                   \
    rig_init(&r)
#define RUN(sql, want) CHECK_STR(run(&r, sql), SLV_STR(want))
#define NO_TRANSACTION                                                                             \
    "!To execute a transaction, please use the state.storage.transaction() or "                    \
    "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT "      \
    "statements. The JavaScript API is safer because it will automatically roll back on "          \
    "exceptions, and because it interacts correctly with Durable Objects' automatic atomic write " \
    "coalescing."

/* "text repeated n times", with separators, between head and tail. */
static slv_str many(slv_buf *b, const char *head, const char *piece, const char *between, int n,
                    const char *tail)
{
    slv_buf_reset(b);
    SLV_ASSERT(slv_buf_append(b, slv_str_from(head)) == SLV_OK);
    for (int i = 0; i < n; i++)
        SLV_ASSERT(slv_buf_printf(b, "%s%s", i ? between : "", piece) == SLV_OK);
    SLV_ASSERT(slv_buf_append(b, slv_str_from(tail)) == SLV_OK);
    return slv_buf_view(b);
}

TEST(texts_of_errors_carry_offset_and_code)
{
    RIG;
    RUN("SELECT * FROM nope", "!no such table: nope: SQLITE_ERROR");
    RUN("SELECT nope", "!no such column: nope at offset 7: SQLITE_ERROR");
    RUN("SELECT nofn(1)", "!no such function: nofn at offset 7: SQLITE_ERROR");
    RUN("not sql", "!near \"not\": syntax error at offset 0: SQLITE_ERROR");
    RUN("CREATE TABLE t (", "!incomplete input: SQLITE_ERROR");
    RUN("CREATE TABLE t(a UNIQUE, b INTEGER CHECK(b > 0))", "");
    RUN("INSERT INTO t VALUES(1, 1)", "");
    RUN("INSERT INTO t VALUES(1, 1)", "!UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT "
                                      "(extended: SQLITE_CONSTRAINT_UNIQUE)");
    RUN("INSERT INTO t VALUES(2, 0)", "!CHECK constraint failed: b > 0: SQLITE_CONSTRAINT "
                                      "(extended: SQLITE_CONSTRAINT_CHECK)");
}

TEST(several_statements_run_in_order_and_the_last_gives_rows)
{
    RIG;
    RUN("CREATE TABLE t(a); INSERT INTO t VALUES(1),(2); SELECT a FROM t", "1;2;");
    RUN("SELECT 1; SELECT 2  \n", "2;");
    RUN("SELECT 1;", "1;");
    RUN("SELECT 1; selec 2", "!near \"selec\": syntax error at offset 0: SQLITE_ERROR");
    RUN("SELECT 1; -- more", "!SQL code did not contain a statement.");
    RUN("-- nothing", "!SQL code did not contain a statement.");
    RUN(";", "!SQL code did not contain a statement.");
    RUN("", "!SQL code did not contain a statement.");
    RUN("SELECT ?; SELECT 2", "!When executing multiple SQL statements in a single call, only the "
                              "last statement can have parameters.");
    RUN("SELECT ?", "!Wrong number of parameter bindings for SQL query.");
    CHECK_STR(run_str(&r, SLV_STR("SELECT 1\0 and more"), 0),
              SLV_STR("!SQL code did not contain a statement."));
}

TEST(transactions_are_refused_in_the_words_of_the_platform)
{
    RIG;
    static const char *const texts[] = {"BEGIN",        "BEGIN IMMEDIATE", "COMMIT",
                                        "END",          "ROLLBACK",        "SAVEPOINT x",
                                        "RELEASE x",    "ROLLBACK TO x",   "SELECT 1; BEGIN",
                                        "EXPLAIN BEGIN"};
    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++)
        CHECK_STR(run(&r, texts[i]), SLV_STR(NO_TRANSACTION));
    CHECK(sqlite3_get_autocommit(r.db));
}

TEST(what_reaches_outside_or_is_ours_is_not_authorized)
{
    RIG;
    static const char *const refused[] = {
        "ATTACH ':memory:' AS x",
        "DETACH x",
        "CREATE TEMP TABLE z(a)",
        "CREATE TEMP VIEW z AS SELECT 1",
        "CREATE TABLE _cf_x(a)",
        "CREATE TABLE _CF_x(a)",
        "CREATE VIEW _cf_v AS SELECT 1",
        "CREATE VIRTUAL TABLE z USING csv(a)",
        "PRAGMA journal_mode",
        "PRAGMA user_version",
        "PRAGMA page_count",
        "PRAGMA page_size=1024",
        "PRAGMA writable_schema=1",
        "PRAGMA table_info(_cf_x)",
        "PRAGMA case_sensitive_like=maybe",
        "PRAGMA temp.table_list",
        "PRAGMA function_list",
        "PRAGMA nonsense",
        "PRAGMA quick_check('_cf_x')",
        "PRAGMA optimize('x')",
    };
    RUN("CREATE TABLE t(a)", "");
    for (size_t i = 0; i < SLV_ARRAY_LEN(refused); i++) {
        tap_note("%s", refused[i]);
        CHECK_STR(run(&r, refused[i]), SLV_STR("!not authorized: SQLITE_AUTH"));
    }
    RUN("SELECT load_extension('x')", "!not authorized: SQLITE_ERROR");
    RUN("SELECT sqlite_version()",
        "!not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR");
    RUN("SELECT * FROM pragma_function_list", "!not authorized: SQLITE_AUTH");
    RUN("ALTER TABLE t RENAME TO _cf_t", "!not authorized: SQLITE_AUTH");
    RUN("CREATE INDEX _cf_i ON t(a)", "!not authorized: SQLITE_AUTH");
    RUN("CREATE TRIGGER _cf_g AFTER INSERT ON t BEGIN SELECT 1; END",
        "!not authorized: SQLITE_AUTH");
    RUN("CREATE TABLE sqlite_x(a)",
        "!object name reserved for internal use: sqlite_x: SQLITE_ERROR");
    RUN("DELETE FROM sqlite_master", "!table sqlite_master may not be modified: SQLITE_ERROR");
    CHECK_INT(
        sqlite3_exec(r.db, "CREATE TABLE _cf_KV(k, v); INSERT INTO _cf_KV VALUES(1, 2)", 0, 0, 0),
        SQLITE_OK);
    RUN("SELECT * FROM _cf_KV", "!access to _cf_KV.k is prohibited: SQLITE_AUTH");
    RUN("DELETE FROM _cf_KV", "!not authorized: SQLITE_AUTH");
    RUN("DROP TABLE _cf_KV", "!not authorized: SQLITE_AUTH");
    RUN("INSERT INTO t SELECT k FROM _cf_KV", "!access to _cf_KV.k is prohibited: SQLITE_AUTH");
    RUN("ALTER TABLE t RENAME TO u", "");
    RUN("ALTER TABLE u RENAME COLUMN a TO b", "");
    RUN("ALTER TABLE u ADD COLUMN c DEFAULT 5", "");
    RUN("ALTER TABLE u DROP COLUMN c", "");
}

TEST(what_the_platform_offers_works)
{
    RIG;
    RUN("PRAGMA foreign_keys", "1;");
    RUN("PRAGMA case_sensitive_like='ON'", "");
    RUN("PRAGMA case_sensitive_like=0", "");
    RUN("PRAGMA optimize(-1)", "");
    RUN("PRAGMA quick_check(1)", "ok;");
    RUN("CREATE TABLE d(a DEFAULT CURRENT_TIMESTAMP, b DEFAULT (UPPER('x')))", "");
    RUN("INSERT INTO d DEFAULT VALUES; SELECT length(a), b FROM d", "19,X;");
    RUN("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT NOT NULL DEFAULT 'x', n INT AS (id*2))", "");
    RUN("SELECT name FROM pragma_table_info('t')", "id;v;");
    RUN("CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET v = v || '!' WHERE id = new.id; END",
        "");
    RUN("INSERT INTO t(v) VALUES('a') RETURNING id, n", "1,2;");
    RUN("SELECT v FROM t", "a!;");
    RUN("CREATE VIRTUAL TABLE f USING fts5(x)", "");
    RUN("INSERT INTO f VALUES('hello world'),('other')", "");
    RUN("SELECT highlight(f, 0, '<', '>') FROM f('hello')", "<hello> world;");
    RUN("CREATE VIRTUAL TABLE fv USING fts5vocab(f, row)", "");
    RUN("SELECT term FROM fv", "hello;other;world;");
    RUN("DROP TABLE fv", "");
    RUN("DROP TABLE f", "");
    RUN("CREATE VIRTUAL TABLE rt USING rtree(id, a, b)", "");
    RUN("INSERT INTO rt VALUES(1, 2, 3)", "");
    RUN("SELECT id FROM rt WHERE a > 1", "1;");
    RUN("SELECT value FROM json_each('[3,4]')", "3;4;");
    RUN("SELECT json('{\"a\":1}') ->> 'a', round(2.5), pow(2,10), "
        "timediff('2024-01-02','2024-01-01')",
        "1,3.0,1024.0,+0000-00-01 00:00:00.000;");
    RUN("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 10) SELECT sum(x) FROM "
        "c",
        "55;");
}

TEST(limits_hold_at_their_number_and_not_one_past_it)
{
    RIG;
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(4 << 20);

    CHECK(run_str(&r, many(&b, "SELECT ", "1", ",", 100, ""), 0).ptr[0] == '1');
    CHECK_STR(run_str(&r, many(&b, "SELECT ", "1", ",", 101, ""), 0),
              SLV_STR("!too many columns in result set: SQLITE_ERROR"));
    CHECK_STR(run_str(&r, many(&b, "SELECT ", "1", "+", 100, ""), 0), SLV_STR("100;"));
    CHECK_STR(run_str(&r, many(&b, "SELECT ", "1", "+", 101, ""), 0),
              SLV_STR("!Expression tree is too large (maximum depth 100): SQLITE_ERROR"));
    CHECK_STR(run_str(&r, many(&b, "", "SELECT 1", " UNION ALL ", 5, ""), 0),
              SLV_STR("1;1;1;1;1;"));
    CHECK_STR(run_str(&r, many(&b, "", "SELECT 1", " UNION ALL ", 6, ""), 0),
              SLV_STR("!too many terms in compound SELECT: SQLITE_ERROR"));
    CHECK_STR(run_str(&r, many(&b, "SELECT max(", "1", ",", 127, ")"), 0), SLV_STR("1;"));
    CHECK_STR(run_str(&r, many(&b, "SELECT max(", "1", ",", 128, ")"), 0),
              SLV_STR("!too many arguments on function max at offset 7: SQLITE_ERROR"));
    CHECK_STR(run_str(&r, many(&b, "SELECT 'a' LIKE '", "a", "", 50, "'"), 0), SLV_STR("0;"));
    CHECK_STR(run_str(&r, many(&b, "SELECT 'a' LIKE '", "a", "", 51, "'"), 0),
              SLV_STR("!LIKE or GLOB pattern too complex: SQLITE_ERROR"));
    CHECK_STR(run_str(&r, many(&b, "SELECT 'a' GLOB '", "a", "", 51, "'"), 0),
              SLV_STR("!LIKE or GLOB pattern too complex: SQLITE_ERROR"));
    RUN("SELECT ?101", "!variable number must be between ?1 and ?100 at offset 7: SQLITE_ERROR");
    RUN("SELECT ?100", "!Wrong number of parameter bindings for SQL query.");
    RUN("SELECT length(zeroblob(2200000))", "2200000;");
    RUN("SELECT length(randomblob(2200001))", "!string or blob too big: SQLITE_TOOBIG");
    many(&b, "SELECT 1 --", "x", "", 100000 - 11, "");
    CHECK_INT(b.len, 100000);
    CHECK_STR(run_str(&r, slv_buf_view(&b), 0), SLV_STR("1;"));
    many(&b, "SELECT 1 --", "x", "", 100001 - 11, "");
    CHECK_STR(run_str(&r, slv_buf_view(&b), 0), SLV_STR("!statement too long: SQLITE_TOOBIG"));
    RUN("CREATE TABLE t(a, n)", "");
    RUN("CREATE TRIGGER g AFTER INSERT ON t WHEN new.n > 0 BEGIN INSERT INTO t VALUES(1, new.n-1); "
        "END",
        "");
    RUN("PRAGMA recursive_triggers=1", "");
    RUN("INSERT INTO t VALUES(1, 9)", "");
    /* SQLite's words for it change with its versions. */
    CHECK(slv_str_ends(run(&r, "INSERT INTO t VALUES(1, 10)"), SLV_STR(": SQLITE_ERROR")));
    /* Each term costs some instructions: far below and far above the limit of 25,000. */
    CHECK_STR(
        run_str(&r, many(&b, "SELECT count(*) FROM t WHERE a IN (", "abs(1)", ",", 1000, ")"), 0),
        SLV_STR("10;"));
    CHECK_STR(
        run_str(&r, many(&b, "SELECT count(*) FROM t WHERE a IN (", "abs(n)", ",", 9000, ")"), 0),
        SLV_STR("!out of memory: SQLITE_NOMEM"));
}

static uint64_t counted(rig *r, const char *sql, bool written)
{
    slv_err err = {0};
    slv_usersql_query *q = NULL;

    if (slv_usersql_start(r->u, slv_str_from(sql), 0, &q, &err) != SLV_OK)
        return UINT64_MAX;
    while (slv_usersql_step(q, &err) == SLV_OK) {
    }
    uint64_t n = written ? slv_usersql_rows_written(q) : slv_usersql_rows_read(q);
    slv_usersql_end(q);
    return n;
}

TEST(rows_are_counted_as_the_platform_counts_them)
{
    RIG;
    CHECK_INT(counted(&r, "SELECT 1", false), 0);
    CHECK_INT(counted(&r, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", true), 2);
    CHECK_INT(counted(&r, "CREATE INDEX i ON t(v)", true), 1);
    CHECK_INT(counted(&r, "INSERT INTO t(v) VALUES(1),(2),(3)", true), 6);
    CHECK_INT(counted(&r, "SELECT * FROM t", false), 3);
    CHECK_INT(counted(&r, "SELECT * FROM t WHERE id = 2", false), 1);
    CHECK_INT(counted(&r, "SELECT * FROM t WHERE id = 9", false), 1);
    CHECK_INT(counted(&r, "SELECT count(*) FROM t", false), 3);
    CHECK_INT(counted(&r, "UPDATE t SET v = 9 WHERE id = 1", true), 2);
    CHECK_INT(counted(&r, "DELETE FROM t", true), 3);
    /* A kept statement begins anew. */
    CHECK_INT(counted(&r, "INSERT INTO t(v) VALUES(1),(2),(3)", true), 6);
    CHECK_INT(counted(&r, "SELECT * FROM t", false), 3);
    CHECK_INT(counted(&r, "SELECT value FROM json_each('[1,2]')", false), 2);
}

TEST(a_read_is_refused_when_it_would_write)
{
    RIG;
    slv_str want = SLV_STR("!the statement needs the writer");

    RUN("CREATE TABLE t(a)", "");
    CHECK_STR(run_str(&r, SLV_STR("SELECT count(*) FROM t"), SLV_USERSQL_READ), SLV_STR("0;"));
    CHECK_STR(run_str(&r, SLV_STR("INSERT INTO t VALUES(1)"), SLV_USERSQL_READ), want);
    CHECK_STR(run_str(&r, SLV_STR("INSERT INTO t VALUES(1); SELECT 1"), SLV_USERSQL_READ), want);
    CHECK_STR(run_str(&r, SLV_STR("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"),
                      SLV_USERSQL_READ),
              want);
    CHECK_STR(run_str(&r, SLV_STR("SELECT last_insert_rowid()"), SLV_USERSQL_READ), want);
    CHECK_STR(run_str(&r, SLV_STR("SELECT changes()"), SLV_USERSQL_READ), want);
    CHECK_STR(run_str(&r, SLV_STR("PRAGMA foreign_keys"), SLV_USERSQL_READ), want);
    /* Also when it is kept already. */
    RUN("SELECT total_changes()", "0;");
    CHECK_STR(run_str(&r, SLV_STR("SELECT total_changes()"), SLV_USERSQL_READ), want);
    RUN("SELECT count(*) FROM t", "0;");
    CHECK(slv_usersql_looks_read(SLV_STR("  SELECT 1")));
    CHECK(slv_usersql_looks_read(SLV_STR("-- c\n/* d */ With x as (select 1) select 2")));
    CHECK(slv_usersql_looks_read(SLV_STR("values(1)")));
    CHECK(!slv_usersql_looks_read(SLV_STR("selection")));
    CHECK(!slv_usersql_looks_read(SLV_STR("/* select")));
    CHECK(!slv_usersql_looks_read(SLV_STR("-- select")));
    CHECK(!slv_usersql_looks_read(SLV_STR("PRAGMA foreign_keys")));
    CHECK(!slv_usersql_looks_read(SLV_STR("")));
}

static const char endless[] =
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c";

TEST(a_query_without_end_is_stopped_by_time_and_by_flag)
{
    RIG;
    atomic_bool stop = true;
    slv_err err = {0};
    slv_usersql_query *q = NULL;

    slv_usersql_guard(r.u, 0, &stop);
    CHECK_INT(slv_usersql_start(r.u, slv_str_from(endless), 0, &q, &err), SLV_OK);
    CHECK_INT(slv_usersql_step(q, &err), SLV_E_CANCELED);
    q = slv_usersql_end(q);
    slv_usersql_guard(r.u, slv_clock_mono_ns() + 1000000, NULL);
    CHECK_INT(slv_usersql_start(r.u, slv_str_from(endless), 0, &q, &err), SLV_OK);
    CHECK_INT(slv_usersql_step(q, &err), SLV_E_TIMEOUT);
    CHECK_STR(slv_usersql_message(r.u), SLV_STR("interrupted: SQLITE_INTERRUPT"));
    q = slv_usersql_end(q);
    /* The connection goes on. */
    slv_usersql_guard(r.u, 0, NULL);
    RUN("SELECT 7", "7;");
}

TEST(the_same_text_runs_twice_at_once_and_the_cache_stays_bounded)
{
    RIG;
    slv_usersql_query *a = NULL, *b = NULL;
    slv_str sql = SLV_STR("VALUES (1),(2)");

    CHECK_INT(slv_usersql_start(r.u, sql, 0, &a, NULL), SLV_OK);
    CHECK_INT(slv_usersql_step(a, NULL), SLV_OK);
    CHECK_INT(slv_usersql_start(r.u, sql, 0, &b, NULL), SLV_OK);
    CHECK_INT(slv_usersql_step(b, NULL), SLV_OK);
    CHECK_INT(slv_usersql_step(a, NULL), SLV_OK);
    CHECK_INT(sqlite3_column_int(slv_usersql_stmt(a), 0), 2);
    CHECK_INT(sqlite3_column_int(slv_usersql_stmt(b), 0), 1);
    a = slv_usersql_end(a);
    b = slv_usersql_end(b);
    CHECK_INT(slv_usersql_start(r.u, sql, 0, &a, NULL), SLV_OK);
    CHECK_INT(slv_usersql_start(r.u, sql, 0, &b, NULL), SLV_OK);
    CHECK(a != b);
    a = slv_usersql_end(a);
    b = slv_usersql_end(b);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 18);

    for (int i = 0; i < 60; i++) {
        char number[16];

        snprintf(number, sizeof number, "%d", i);
        many(&text, "SELECT '", "x", "", 40000, "', ");
        CHECK(slv_buf_append(&text, slv_str_from(number)) == SLV_OK);
        CHECK(run_str(&r, slv_buf_view(&text), 0).ptr[0] == 'x');
    }
    sqlite3_stmt *st = NULL;
    size_t open = 0;

    while ((st = sqlite3_next_stmt(r.db, st)))
        open++;
    CHECK(open <= SLV_USERSQL_CACHE_BYTES / 40000 + 1);
}

/* ---- where a statement ends ---- */

static size_t split_count(slv_str text)
{
    slv_str s;
    size_t n = 0;

    while (slv_sqlsplit_next(&text, &s))
        n++;
    return n;
}

TEST(statements_are_split_where_sqlite_would)
{
    slv_str rest = SLV_STR(" -- a;\nSELECT ';' ; ; /* ; */ INSERT INTO \"a;b\" VALUES (']');"
                           "CREATE TEMP TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END;"
                           " SELECT 3 -- end; \n");
    slv_str s;

    CHECK(slv_sqlsplit_next(&rest, &s));
    CHECK_STR(s, SLV_STR("SELECT ';' ;"));
    CHECK(slv_sqlsplit_next(&rest, &s));
    CHECK_STR(s, SLV_STR("INSERT INTO \"a;b\" VALUES (']');"));
    CHECK(slv_sqlsplit_next(&rest, &s));
    CHECK_STR(s, SLV_STR("CREATE TEMP TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END;"));
    CHECK(slv_sqlsplit_next(&rest, &s));
    CHECK_STR(s, SLV_STR("SELECT 3 -- end; \n"));
    CHECK(!slv_sqlsplit_next(&rest, &s));
    CHECK_INT(split_count(SLV_STR(" ;; -- x\n/* ; */;")), 0);
    CHECK_INT(split_count(SLV_STR("a-b; a/b; 'it''s;'; [a;b]; `c;d`")), 5);
    CHECK_INT(split_count(SLV_STR("CREATE TRIGGER t BEGIN SELECT CASE WHEN 1 THEN 2 END; END; x")),
              2);
    CHECK_INT(split_count(SLV_STR("explain create trigger t begin select 1; end; y;")), 2);
    CHECK_INT(split_count(SLV_STR("createx; trigger;")), 2);
}

/* Random texts of the pieces that matter. */
static size_t random_text(slv_prng *p, char *out, size_t max)
{
    static const char *const pieces[] = {
        ";",          ";",       ";",           " ",
        "\n",         "'",       "\"",          "`",
        "[",          "]",       "--",          "/*",
        "*/",         "-",       "/",           "*",
        "a",          "create ", "trigger ",    "temp ",
        "temporary ", "end",     " end;",       "explain ",
        "select ",    "begin ",  "_1",          "$x",
        "\xc3\xa9",   "(",       "case ",       "CREATE\tTRIGGER ",
        "0",          "/",       "query plan ",
    };
    size_t len = 0, n = 1 + slv_prng_below(p, 24);

    for (size_t i = 0; i < n; i++) {
        const char *piece = pieces[slv_prng_below(p, SLV_ARRAY_LEN(pieces))];

        if (len + strlen(piece) >= max)
            break;
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    out[len] = '\0';
    return len;
}

TEST(splitting_agrees_with_sqlite3_complete_and_any_cut_of_the_bytes)
{
    slv_prng p;

    slv_prng_seed(&p, tap_seed());
    for (int round = 0; round < 20000; round++) {
        char text[512];
        size_t len = random_text(&p, text, sizeof text);
        slv_sqlsplit whole = {0}, cut = {0};
        size_t at = 0, ends = 0, ends_cut = 0;
        bool ended = false;

        while (at < len) {
            size_t n = slv_sqlsplit_feed(&whole, slv_str_make(text + at, len - at), &ended);

            at += n;
            ends += ended;
            if (ended) {
                char keep = text[at];

                text[at] = '\0';
                if (!sqlite3_complete(text))
                    tap_note("cut after %zu of: %s", at, text);
                CHECK(sqlite3_complete(text));
                text[at] = keep;
            }
        }
        /* Complete to SQLite means: nothing is left that would have to be ended. */
        if (sqlite3_complete(text))
            CHECK(!slv_sqlsplit_pending(&whole));
        for (at = 0; at < len;) {
            size_t piece = SLV_MIN(1 + slv_prng_below(&p, 5), len - at);

            at += slv_sqlsplit_feed(&cut, slv_str_make(text + at, piece), &ended);
            ends_cut += ended;
        }
        CHECK_INT(ends_cut, ends);
        CHECK_INT(slv_sqlsplit_pending(&cut), slv_sqlsplit_pending(&whole));
    }
}

TAP_MAIN()
