/*
 * What D1 reads from outside: batches of an isolate, SQL texts as they are split (held against
 * SQLite's own rule), and users' SQL itself, which must neither crash nor touch what is ours.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "d1/d1.h"
#include "store/sqlsplit.h"
#include "store/usersql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_batch(slv_str text)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    slv_d1_statement *list = NULL;
    size_t count = 0, cut = text.len > 8 ? text.len - 8 : text.len, bytes = 0;

    if (slv_d1_request_parse(slv_str_sub(text, 0, cut), slv_str_skip(text, cut), &arena, &list,
                             &count, NULL) != SLV_OK)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < list[i].param_count; k++)
            if (list[i].params[k].kind == SLV_D1_BLOB)
                bytes += list[i].params[k].bytes.len;
    SLV_ASSERT(bytes == text.len - cut);
}

static void split(slv_str text)
{
    slv_sqlsplit s = {0};
    SLV_CLEANUP(slv_charp_free) char *copy = slv_strndup(text.ptr, text.len);
    size_t at = 0;

    if (memchr(text.ptr, 0, text.len))
        return; /* SQLite's function ends there */
    while (at < text.len) {
        bool ended;

        at += slv_sqlsplit_feed(&s, slv_str_skip(text, at), &ended);
        if (ended) {
            char keep = copy[at];

            copy[at] = '\0';
            SLV_ASSERT(sqlite3_complete(copy));
            copy[at] = keep;
        }
    }
    if (sqlite3_complete(copy))
        SLV_ASSERT(!slv_sqlsplit_pending(&s));
}

static void run(slv_str text)
{
    sqlite3 *db = NULL;
    slv_usersql_query *q = NULL;
    sqlite3_stmt *st = NULL;

    if (sqlite3_open_v2(":memory:", &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        abort();
    SLV_ASSERT(sqlite3_exec(db,
                            "CREATE TABLE _cf_ours(a); INSERT INTO _cf_ours VALUES(1); CREATE "
                            "TABLE t(a, b)",
                            NULL, NULL, NULL) == SQLITE_OK);
    slv_usersql *u = slv_usersql_new(db, NULL);
    slv_usersql_guard(u, slv_clock_mono_ns() + 200000000, NULL);
    if (slv_usersql_start(u, text, 0, &q, NULL) == SLV_OK)
        while (slv_usersql_step(q, NULL) == SLV_OK) {
        }
    slv_usersql_end(q);
    slv_usersql_guard(u, 0, NULL);
    SLV_ASSERT(sqlite3_get_autocommit(db));
    SLV_ASSERT(sqlite3_prepare_v2(db, "SELECT sum(a) FROM _cf_ours", -1, &st, NULL) == SQLITE_OK);
    SLV_ASSERT(sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) == 1);
    sqlite3_finalize(st);
    (void)slv_usersql_free(u);
    SLV_ASSERT(sqlite3_close(db) == SQLITE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str text = slv_str_make(data, size);

    parse_batch(text);
    if (size == 0)
        return 0;
    split(text);
    run(text);
    return 0;
}
