#include "d1/d1.h"
#include "support/tap.h"

#include <stdio.h>

#include "store/usersql.h"

typedef struct rig {
    char path[512];
    slv_d1 *writer, *reader;
    slv_arena arena;
    slv_d1_json json;
    slv_d1_batch batch;
} rig;

static void rig_done(rig *r)
{
    r->reader = slv_d1_free(r->reader);
    r->writer = slv_d1_free(r->writer);
    slv_arena_done(&r->arena);
    slv_d1_json_done(&r->json);
}
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

static bool rig_init(rig *r)
{
    static int number;
    slv_err err = {0};

    *r = (rig){.arena = SLV_ARENA((size_t)64 << 20)};
    slv_d1_json_init(&r->json, true);
    snprintf(r->path, sizeof r->path, "%s/d%d", tap_tmpdir(), number++);
    if (slv_d1_open(r->path, true, false, &r->writer, &err) == SLV_OK &&
        slv_d1_open(r->path, false, true, &r->reader, &err) == SLV_OK)
        return true;
    tap_note("%s", slv_err_text(&err));
    return false;
}
#define RIG                                                                                        \
    SLV_CLEANUP(rig_done) rig r;                                                                   \
    CHECK(rig_init(&r))

/* A batch given as the binding sends it; the rows of all results one after the other, without
 * figures.
 */
static slv_code run(rig *r, bool read, const char *request, slv_buf *out)
{
    slv_d1_statement *list = NULL;
    size_t count = 0;
    slv_err err = {0};
    slv_code code;

    slv_buf_reset(out);
    slv_d1_json_reset(&r->json);
    code = slv_d1_request_parse(slv_str_from(request), SLV_STR(""), &r->arena, &list, &count, &err);
    if (code != SLV_OK) {
        tap_note("%s", slv_err_text(&err));
        return code;
    }
    r->batch = (slv_d1_batch){
        .statements = list,
        .count = count,
        .read = read,
        .sink = &slv_d1_json_sink,
        .sink_arg = &r->json,
    };
    slv_d1 *d1 = read ? r->reader : r->writer;
    code = slv_d1_run(d1, &r->batch, &err);
    if (code != SLV_OK)
        return slv_buf_append(out, slv_d1_message(d1)) == SLV_OK ? code : SLV_E_NOMEM;
    slv_str all = slv_buf_view(&r->json.out);
    size_t at = 0;

    while ((at = slv_str_find(all, SLV_STR("\"rows\":"), at)) != SIZE_MAX) {
        size_t end = slv_str_find(all, SLV_STR("},\"success\""), at);

        at += 7;
        if (slv_buf_append(out, slv_str_sub(all, at, end)) != SLV_OK)
            return SLV_E_NOMEM;
    }
    return SLV_OK;
}

#define WRITES(request, want)                                                                      \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf out_ = SLV_BUF(1 << 20);                                 \
        slv_code code_ = run(&r, false, request, &out_);                                           \
        CHECK_STR(slv_buf_view(&out_), SLV_STR(want));                                             \
        CHECK_INT(code_, SLV_OK);                                                                  \
    } while (0)
#define READS(request, want)                                                                       \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf out_ = SLV_BUF(1 << 20);                                 \
        slv_code code_ = run(&r, true, request, &out_);                                            \
        CHECK_STR(slv_buf_view(&out_), SLV_STR(want));                                             \
        CHECK_INT(code_, SLV_OK);                                                                  \
    } while (0)
#define FAILS(reads, request, code, want)                                                          \
    do {                                                                                           \
        SLV_CLEANUP(slv_buf_done) slv_buf out_ = SLV_BUF(1 << 20);                                 \
        slv_code code_ = run(&r, reads, request, &out_);                                           \
        CHECK_STR(slv_buf_view(&out_), SLV_STR(want));                                             \
        CHECK_INT(code_, code);                                                                    \
    } while (0)

TEST(a_batch_is_all_or_nothing)
{
    RIG;
    WRITES("[[\"CREATE TABLE t(a UNIQUE)\"],[\"INSERT INTO t VALUES(?)\",1]]", "[][]");
    FAILS(false, "[[\"INSERT INTO t VALUES(2)\"],[\"INSERT INTO t VALUES(?)\",1]]", SLV_E_INVAL,
          "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)");
    READS("[[\"SELECT a FROM t\"]]", "[[1]]");
    /* A conflict clause that ends the transaction ends the batch as well. */
    FAILS(false, "[[\"INSERT INTO t VALUES(2)\"],[\"INSERT OR ROLLBACK INTO t VALUES(1)\"]]",
          SLV_E_INVAL,
          "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)");
    READS("[[\"SELECT a FROM t\"]]", "[[1]]");
    WRITES("[[\"CREATE TABLE k(id INTEGER PRIMARY KEY, p REFERENCES k DEFERRABLE INITIALLY "
           "DEFERRED)\"]]",
           "[]");
    FAILS(false, "[[\"INSERT INTO k VALUES(1, 9)\"]]", SLV_E_INVAL,
          "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: "
          "SQLITE_CONSTRAINT_FOREIGNKEY)");
    READS("[[\"SELECT count(*) FROM k\"]]", "[[0]]");
}

TEST(values_are_stored_as_the_platform_stores_them)
{
    RIG;
    READS("[[\"SELECT typeof(?1), ?1\",5]]", "[[\"real\",5]]");
    READS("[[\"SELECT typeof(?1), ?1\",true]]", "[[\"real\",1]]");
    READS("[[\"SELECT typeof(?1), ?1\",null]]", "[[\"null\",null]]");
    READS("[[\"SELECT typeof(?1), ?1\",\"\"]]", "[[\"text\",\"\"]]");
    READS("[[\"SELECT x'0102', 1e400, 9007199254740993, 0.1, 1e300\"]]",
          "[[[1,2],null,9007199254740993,0.1,1e+300]]");
    READS("[[\"SELECT length(?), hex(?)\",\"\\ud800\",\"a\\u0000b\"]]", "[[1,\"610062\"]]");
}

TEST(texts_without_statements_are_passed_over)
{
    RIG;
    FAILS(false, "[]", SLV_E_INVAL, "No SQL statements detected.");
    FAILS(false, "[[\"\"],[\" \\n -- c\"]]", SLV_E_INVAL, "No SQL statements detected.");
    FAILS(false, "[[\"-- c\"]]", SLV_E_INVAL, "SQL code did not contain a statement.");
    READS("[[\"\"],[\"SELECT 1\"],[\"  -- x\"]]", "[[1]]");
    CHECK_INT(r.batch.total.rows_read, 0);
}

TEST(figures_tell_what_a_statement_did)
{
    RIG;
    WRITES("[[\"CREATE TABLE t(id INTEGER PRIMARY KEY, v)\"]]", "[]");
    CHECK(r.batch.total.changed_db);
    CHECK_INT(r.batch.total.changes, 0);
    CHECK_INT(r.batch.total.last_row_id, 0);
    WRITES("[[\"INSERT INTO t(v) VALUES(1),(2)\"]]", "[]");
    CHECK_INT(r.batch.total.changes, 2);
    CHECK_INT(r.batch.total.last_row_id, 2);
    CHECK_INT(r.batch.total.rows_written, 2);
    CHECK(r.batch.total.size_after >= 8192);
    READS("[[\"SELECT v FROM t\"]]", "[[1],[2]]");
    CHECK_INT(r.batch.total.rows_read, 2);
    CHECK_INT(r.batch.total.last_row_id, 2); /* the reader is told by the writer */
    CHECK(!r.batch.total.changed_db);
    WRITES("[[\"UPDATE t SET v = 1 WHERE id = 99\"]]", "[]");
    CHECK(!r.batch.total.changed_db);
}

TEST(a_reader_refuses_what_the_writer_must_do)
{
    RIG;
    FAILS(true, "[[\"CREATE TABLE t(a)\"]]", SLV_E_STATE, "the statement needs the writer");
    FAILS(true, "[[\"SELECT 1\"],[\"SELECT last_insert_rowid()\"]]", SLV_E_STATE,
          "the statement needs the writer");
    const slv_d1_statement texts[] = {{.sql = SLV_STR("SELECT 1")}, {.sql = SLV_STR("DELETE x")}};
    CHECK(slv_d1_looks_read(texts, 1));
    CHECK(!slv_d1_looks_read(texts, 2));
}

TEST(a_batch_of_reads_sees_one_state)
{
    RIG;
    WRITES("[[\"CREATE TABLE t(a)\"],[\"INSERT INTO t VALUES(1)\"]]", "[][]");
    READS("[[\"SELECT a FROM t\"],[\"SELECT count(*) FROM t\"]]", "[[1]][[1]]");
    WRITES("[[\"INSERT INTO t VALUES(2)\"]]", "[]");
    READS("[[\"SELECT a FROM t\"],[\"SELECT count(*) FROM t\"]]", "[[1],[2]][[2]]");
}

TEST(settings_hold_for_one_batch)
{
    RIG;
    WRITES("[[\"PRAGMA case_sensitive_like=ON\"],[\"SELECT 'a' LIKE 'A'\"]]", "[][[0]]");
    WRITES("[[\"SELECT 'a' LIKE 'A' FROM (SELECT changes())\"]]", "[[1]]");
    WRITES("[[\"PRAGMA foreign_keys=OFF\"],[\"PRAGMA foreign_keys\"]]", "[][[1]]");
}

TEST(a_stopped_batch_changes_nothing)
{
    RIG;
    atomic_bool stop = true;
    slv_err err = {0};
    const slv_d1_statement list[] = {
        {.sql = SLV_STR("CREATE TABLE t(a)")},
        {.sql = SLV_STR(
             "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
             "SELECT x FROM c")}};
    slv_d1_batch b = {.statements = list,
                      .count = 2,
                      .stop = &stop,
                      .sink = &slv_d1_json_sink,
                      .sink_arg = &r.json};
    CHECK_INT(slv_d1_run(r.writer, &b, &err), SLV_E_CANCELED);
    FAILS(true, "[[\"SELECT * FROM t\"]]", SLV_E_INVAL, "no such table: t: SQLITE_ERROR");
}

TEST(a_result_of_32_mib_is_refused_and_the_next_one_works)
{
    RIG;
    slv_d1_rows rows;
    slv_err err = {0};
    const slv_d1_statement big = {
        .sql = SLV_STR("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 40) "
                       "SELECT zeroblob(1000000) FROM c")};
    slv_d1_batch b = {
        .statements = &big, .count = 1, .read = true, .sink = &slv_d1_rows_sink, .sink_arg = &rows};
    slv_d1_rows_init(&rows, false);
    slv_code code = slv_d1_run(r.reader, &b, &err);
    slv_d1_rows_done(&rows);
    CHECK_INT(code, SLV_E_LIMIT);
    READS("[[\"SELECT 1\"]]", "[[1]]");
}

TEST(rows_for_an_isolate_have_text_apart)
{
    RIG;
    SLV_CLEANUP(slv_d1_rows_done) slv_d1_rows rows;
    slv_err err = {0};
    const slv_d1_statement s = {.sql = SLV_STR("SELECT 7 AS a, 'h\xc3\xa9' AS b, NULL AS c")};
    slv_d1_batch b = {
        .statements = &s, .count = 1, .read = true, .sink = &slv_d1_rows_sink, .sink_arg = &rows};
    slv_d1_rows_init(&rows, false);
    CHECK_INT(slv_d1_run(r.reader, &b, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&rows.text), SLV_STR("abch\xc3\xa9"));
    static const char want[] = "\3\1\1\1\1\0\0\0\1\7\0\0\0\3\2\0";
    CHECK_STR(slv_str_sub(slv_buf_view(&rows.block), 0, sizeof want - 1),
              slv_str_make(want, sizeof want - 1));
    CHECK_INT(rows.block.len, sizeof want - 1 + 6 * 5 + 1);
}

TEST(a_database_keeps_its_name_and_its_identity)
{
    RIG;
    slv_d1_info info;
    slv_err err = {0};
    char before[SLV_D1_BOOKMARK_LEN + 1], after[SLV_D1_BOOKMARK_LEN + 1];

    CHECK_INT(slv_db_begin(slv_d1_db(r.writer), &err), SLV_OK);
    CHECK_INT(slv_d1_info_set(r.writer, SLV_STR("orders"), 1234567890123, &err), SLV_OK);
    CHECK_INT(slv_db_commit(slv_d1_db(r.writer), &err), SLV_OK);
    WRITES("[[\"CREATE TABLE t(a)\"]]", "[]");
    CHECK_INT(r.batch.total.last_row_id, 0);
    slv_d1_bookmark(r.writer, before);
    r.reader = slv_d1_free(r.reader);
    r.writer = slv_d1_free(r.writer);
    CHECK_INT(slv_d1_open(r.path, false, false, &r.writer, &err), SLV_OK);
    CHECK_INT(slv_d1_info_get(r.writer, &r.arena, &info, &err), SLV_OK);
    CHECK_STR(info.name, SLV_STR("orders"));
    CHECK_INT(info.created_ms, 1234567890123);
    CHECK_INT(info.tables, 1);
    slv_d1_bookmark(r.writer, after);
    CHECK_STR(slv_str_from(after + 27), slv_str_from(before + 27));
    CHECK_INT(strlen(after), SLV_D1_BOOKMARK_LEN);
}

/* ---- time travel ---- */

static bool checkpoint(rig *r)
{
    slv_err err = {0};

    if (slv_db_sync(slv_d1_db(r->writer), &err) == SLV_OK &&
        slv_db_checkpoint(slv_d1_db(r->writer), false, &err) == SLV_OK)
        return true;
    tap_note("%s", slv_err_text(&err));
    return false;
}

static bool reopen(rig *r, bool empty)
{
    slv_err err = {0};

    r->reader = slv_d1_free(r->reader);
    if (empty && slv_db_checkpoint(slv_d1_db(r->writer), true, &err) != SLV_OK)
        return false;
    r->writer = slv_d1_free(r->writer);
    return slv_d1_open(r->path, false, false, &r->writer, &err) == SLV_OK &&
           slv_d1_open(r->path, false, true, &r->reader, &err) == SLV_OK;
}

TEST(a_database_goes_back_to_any_bookmark)
{
    enum { STEPS = 60 };
    RIG;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    char marks[STEPS][SLV_D1_BOOKMARK_LEN + 1], now[SLV_D1_BOOKMARK_LEN + 1], request[200];
    slv_err err = {0};
    slv_prng p;

    slv_prng_seed(&p, tap_seed());
    WRITES("[[\"CREATE TABLE t(n, pad)\"],[\"INSERT INTO t VALUES(0, zeroblob(9000))\"]]", "[][]");
    for (int i = 0; i < STEPS; i++) {
        snprintf(request, sizeof request, "[[\"UPDATE t SET n = %d, pad = zeroblob(%u)\"]]", i,
                 (unsigned)slv_prng_below(&p, 20000));
        CHECK_INT(run(&r, false, request, &out), SLV_OK);
        slv_d1_bookmark(r.writer, marks[i]);
        if (i > 0)
            CHECK(strcmp(marks[i - 1], marks[i]) < 0);
        if (slv_prng_below(&p, 5) == 0)
            CHECK(checkpoint(&r));
        if (slv_prng_below(&p, 9) == 0)
            CHECK(reopen(&r, slv_prng_below(&p, 2)));
    }
    for (int round = 0; round < 25; round++) {
        int i = (int)slv_prng_below(&p, STEPS);

        slv_d1_bookmark(r.writer, now);
        slv_code code = slv_d1_restore(r.writer, slv_str_from(marks[i]), &err);
        if (code != SLV_OK)
            tap_note("%d, %s: %s", i, marks[i], slv_err_text(&err));
        CHECK_INT(code, SLV_OK);
        CHECK_INT(run(&r, true, "[[\"SELECT n FROM t\"],[\"SELECT count(*) FROM t\"]]", &out),
                  SLV_OK);
        snprintf(request, sizeof request, "[[%d]][[1]]", i);
        CHECK_STR(slv_buf_view(&out), slv_str_from(request));
        CHECK_INT(run(&r, false, "[[\"PRAGMA quick_check\"]]", &out), SLV_OK);
        CHECK_STR(slv_buf_view(&out), SLV_STR("[[\"ok\"]]"));
        /* A restore is a commit like any other. */
        slv_d1_bookmark(r.writer, marks[i]);
        CHECK(strcmp(now, marks[i]) < 0);
        if (slv_prng_below(&p, 3) == 0)
            CHECK(checkpoint(&r));
        if (slv_prng_below(&p, 4) == 0)
            CHECK(reopen(&r, slv_prng_below(&p, 2)));
    }
}

TEST(bookmarks_that_are_none_are_refused)
{
    RIG;
    slv_err err = {0};
    char mark[SLV_D1_BOOKMARK_LEN + 1];

    slv_d1_bookmark(r.writer, mark);
    CHECK_INT(slv_d1_restore(r.writer, SLV_STR("x"), &err), SLV_E_INVAL);
    CHECK_STR(slv_d1_message(r.writer), SLV_STR("The bookmark is malformed."));
    mark[58] = mark[58] == '0' ? '1' : '0';
    CHECK_INT(slv_d1_restore(r.writer, slv_str_from(mark), &err), SLV_E_INVAL);
    CHECK_STR(slv_d1_message(r.writer), SLV_STR("The bookmark is of another database."));
    slv_d1_bookmark(r.writer, mark);
    mark[0] = '7';
    CHECK_INT(slv_d1_restore(r.writer, slv_str_from(mark), &err), SLV_E_NOTFOUND);
    CHECK_STR(slv_d1_message(r.writer), SLV_STR("that bookmark lies in the future"));
    CHECK_INT(slv_d1_bookmark_at(r.writer, 5, mark, &err), SLV_E_NOTFOUND);
    CHECK_INT(slv_d1_bookmark_at(r.writer, INT64_MAX, mark, &err), SLV_OK);
}

/* ---- SQL text ---- */

static slv_code to_buf(void *arg, slv_str bytes, slv_err *err)
{
    (void)err;
    return slv_buf_append(arg, bytes);
}

typedef struct feed {
    slv_str rest;
    size_t piece;
} feed;

static slv_code from_str(void *arg, char *out, size_t size, size_t *ret_len, slv_err *err)
{
    feed *f = arg;
    size_t most = SLV_MIN(size, f->piece), n = SLV_MIN(most, f->rest.len);

    (void)err;
    memcpy(out, f->rest.ptr, n);
    f->rest = slv_str_skip(f->rest, n);
    *ret_len = n;
    return SLV_OK;
}

TEST(what_is_exported_can_be_imported)
{
    RIG;
    SLV_CLEANUP(rig_done) rig other;
    SLV_CLEANUP(slv_buf_done) slv_buf first = SLV_BUF(1 << 20), second = SLV_BUF(1 << 20);
    static const slv_d1_export_options all = {0};
    slv_err err = {0};

    CHECK(rig_init(&other));
    WRITES("[[\"CREATE TABLE \\\"a b\\\"(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT, r, x, g AS "
           "(id))\"],"
           "[\"INSERT INTO \\\"a b\\\"(t, r, x) VALUES('it''s\\r\\n', 1e-7, x'00ff'), (NULL, 1e21, "
           "0.1)\"],"
           "[\"CREATE INDEX i ON \\\"a b\\\"(t)\"],[\"CREATE VIEW v AS SELECT 1\"],"
           "[\"CREATE TRIGGER g AFTER INSERT ON \\\"a b\\\" BEGIN SELECT 1; SELECT 2; END\"]]",
           "[][][][][]");
    CHECK_INT(slv_d1_export(r.reader, &all, to_buf, &first, &err), SLV_OK);
    CHECK(slv_str_find(slv_buf_view(&first),
                       SLV_STR("INSERT INTO \"a b\" VALUES(1,replace(replace('it''s\\r\\n','\\r',"
                               "char(13)),'\\n',char(10)),1e-7,X'00ff');"),
                       0) != SIZE_MAX);
    /* As SQLite's own dumps do. */
    SLV_CLEANUP(slv_buf_done) slv_buf dump = SLV_BUF(1 << 20);
    CHECK_INT(slv_buf_printf(&dump, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n%.*s\nCOMMIT;\n",
                             SLV_STR_ARGS(slv_buf_view(&first))),
              SLV_OK);
    feed f = {slv_buf_view(&dump), 7};
    slv_d1_import im = {.read = from_str, .arg = &f};
    slv_code code = slv_d1_import_run(other.writer, &im, &err);
    if (code != SLV_OK)
        tap_note("%s", slv_err_text(&err));
    CHECK_INT(code, SLV_OK);
    CHECK_INT(slv_d1_export(other.reader, &all, to_buf, &second, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&second), slv_buf_view(&first));
    /* All or nothing. */
    f = (feed){SLV_STR("CREATE TABLE later(a); INSERT INTO later VALUES(1); BAD"), 3};
    im = (slv_d1_import){.read = from_str, .arg = &f};
    CHECK_INT(slv_d1_import_run(other.writer, &im, &err), SLV_E_INVAL);
    CHECK_STR(slv_d1_message(other.writer),
              SLV_STR("near \"BAD\": syntax error at offset 0: SQLITE_ERROR"));
    slv_buf_reset(&second);
    CHECK_INT(slv_d1_export(other.reader, &all, to_buf, &second, &err), SLV_OK);
    CHECK_STR(slv_buf_view(&second), slv_buf_view(&first));
}

TEST(requests_that_are_none_are_refused)
{
    static const char *const bad[] = {
        "",
        "5",
        "[5]",
        "[[]]",
        "[[1]]",
        "[[\"x\",{}]]",
        "[[\"x\",[1,2]]]",
        "[[\"x\",[-1]]]",
        "[[\"x\",[3]]]",
        "[[\"x\",[1.5]]]",
        "[[\"x\"]",
        "[[\"x\",[0]]]x",
    };
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    slv_d1_statement *list;
    size_t n;

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++)
        CHECK_INT(
            slv_d1_request_parse(slv_str_from(bad[i]), SLV_STR("ab"), &arena, &list, &n, NULL),
            SLV_E_PARSE);
    /* Every byte belongs to a value. */
    CHECK_INT(
        slv_d1_request_parse(SLV_STR("[[\"x\",[1]]]"), SLV_STR("ab"), &arena, &list, &n, NULL),
        SLV_E_PARSE);
    CHECK_INT(
        slv_d1_request_parse(SLV_STR("[[\"x\",[1],[1]]]"), SLV_STR("ab"), &arena, &list, &n, NULL),
        SLV_OK);
    CHECK_STR(list[0].params[1].bytes, SLV_STR("b"));
}

TAP_MAIN()
