#include "catalog/consumer.h"

#include "catalog/worker_int.h"

const char slv_catalog_consumer_schema_[] =
    "CREATE TABLE consumer(account TEXT NOT NULL, queue TEXT NOT NULL, id TEXT NOT NULL,"
    " worker TEXT NOT NULL, dead_letter TEXT NOT NULL, batch_size INTEGER NOT NULL,"
    " wait INTEGER NOT NULL, retries INTEGER NOT NULL, concurrency INTEGER NOT NULL,"
    " retry_delay INTEGER NOT NULL, created INTEGER NOT NULL,"
    " PRIMARY KEY(account,queue)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX consumer_worker ON consumer(account,worker,queue);";

#define COLUMNS                                                                                    \
    "queue,id,worker,dead_letter,batch_size,wait,retries,concurrency,retry_delay,created"

static slv_code read_consumer(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_consumer_row *r = row;
    int at = 0;

    *r = (slv_consumer_row){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->queue, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->id, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->worker, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->dead_letter_queue, err));
    r->batch_size = slv_stmt_int(st, at++);
    r->wait_ms = slv_stmt_int(st, at++);
    r->retries = slv_stmt_int(st, at++);
    r->concurrency = slv_stmt_int(st, at++);
    r->retry_delay_s = slv_stmt_int(st, at++);
    r->created_ms = slv_stmt_int(st, at);
    return SLV_OK;
}

static const char get_sql[] = "SELECT " COLUMNS " FROM consumer WHERE account=?1 AND queue=?2";

slv_code slv_catalog_consumer_get(slv_catalog *c, slv_str account, slv_str queue, slv_arena *arena,
                                  slv_consumer_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, get_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, queue);
    return slv_catalog_row_(c, st, read_consumer, arena, ret, err);
}

static const char of_sql[] =
    "SELECT " COLUMNS " FROM consumer WHERE account=?1 AND worker=?2 ORDER BY queue";

slv_code slv_catalog_consumers_of(slv_catalog *c, slv_str account, slv_str worker, slv_arena *arena,
                                  slv_consumer_list *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    SLV_TRY(slv_db_stmt(c->db, of_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, worker);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_consumer_row), read_consumer, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

static const char worker_sql[] =
    "SELECT count(*) FROM worker WHERE account=?1 AND dispatch=?2 AND name=?3";
static const char put_sql[] = "INSERT OR REPLACE INTO consumer(account," COLUMNS ")"
                              " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)";

slv_code slv_catalog_consumer_put(slv_catalog *c, slv_str account, const slv_consumer_row *row,
                                  slv_err *err)
{
    const slv_worker_key key = {account, SLV_STR(""), row->worker};
    sqlite3_stmt *st = NULL;
    uint64_t n;
    int at = 1;

    SLV_TRY(slv_catalog_count_(c, worker_sql, &key, &n, err));
    if (n == 0)
        return slv_catalog_no_worker_(&key, err);
    SLV_TRY(slv_db_stmt(c->db, put_sql, &st, err));
    slv_stmt_bind_text(st, at++, account);
    slv_stmt_bind_text(st, at++, row->queue);
    slv_stmt_bind_text(st, at++, row->id);
    slv_stmt_bind_text(st, at++, row->worker);
    slv_stmt_bind_text(st, at++, row->dead_letter_queue);
    slv_stmt_bind_int(st, at++, row->batch_size);
    slv_stmt_bind_int(st, at++, row->wait_ms);
    slv_stmt_bind_int(st, at++, row->retries);
    slv_stmt_bind_int(st, at++, row->concurrency);
    slv_stmt_bind_int(st, at++, row->retry_delay_s);
    slv_stmt_bind_int(st, at, row->created_ms);
    return slv_stmt_run(c->db, st, err);
}

static const char remove_sql[] = "DELETE FROM consumer WHERE account=?1 AND queue=?2";

slv_code slv_catalog_consumer_remove(slv_catalog *c, slv_str account, slv_str queue, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, remove_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, queue);
    return slv_stmt_run(c->db, st, err);
}
