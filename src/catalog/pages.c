/* Pages projects and their domains; the tables of Pages and of static files. */
#include "catalog/pages.h"

#include "catalog/pages_int.h"

/* Large columns stand last, as in worker.c. */
const char slv_catalog_pages_schema_[] =
    "CREATE TABLE asset(account TEXT NOT NULL, hash TEXT NOT NULL, size INTEGER NOT NULL,"
    " checked INTEGER NOT NULL, touched INTEGER NOT NULL, type TEXT NOT NULL,"
    " PRIMARY KEY(account,hash)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE asset_session(id TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL,"
    " dispatch TEXT NOT NULL, worker TEXT NOT NULL, manifest TEXT NOT NULL,"
    " expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE asset_wanted(session TEXT NOT NULL, hash TEXT NOT NULL,"
    " extension TEXT NOT NULL, PRIMARY KEY(session,hash)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pages_project(account TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,"
    " subdomain TEXT NOT NULL UNIQUE, branch TEXT NOT NULL, production TEXT NOT NULL,"
    " created INTEGER NOT NULL, modified INTEGER NOT NULL, configs TEXT NOT NULL,"
    " extra TEXT NOT NULL, secrets BLOB NOT NULL,"
    " PRIMARY KEY(account,name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pages_deployment(seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL,"
    " project TEXT NOT NULL, id TEXT NOT NULL, production INTEGER NOT NULL, branch TEXT NOT NULL,"
    " alias TEXT NOT NULL, created INTEGER NOT NULL, author TEXT NOT NULL, code TEXT NOT NULL,"
    " etag TEXT NOT NULL, startup INTEGER NOT NULL, handlers TEXT NOT NULL,"
    " cause TEXT NOT NULL, routes TEXT NOT NULL, metadata TEXT NOT NULL,"
    " secrets BLOB NOT NULL, assets TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX pages_deployment_id ON pages_deployment(account,project,id);"
    "CREATE INDEX pages_deployment_order ON pages_deployment(account,project,seq);"
    "CREATE INDEX pages_deployment_alias ON pages_deployment(account,project,alias,seq);"
    "CREATE INDEX pages_deployment_code ON pages_deployment(account,code);"
    "CREATE TABLE pages_domain(name TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL,"
    " project TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX pages_domain_project ON pages_domain(account,project,name);";

/* ---- names ---- */

bool slv_pages_name_valid(slv_str name)
{
    if (name.len == 0 || name.len > SLV_PAGES_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !slv_is_digit(c) &&
            (c != '-' || i == 0 || i + 1 == name.len))
            return false;
    }
    return true;
}

/* ---- projects ---- */

#define PROJECT "account,name,id,subdomain,branch,production,created,modified,configs,extra,secrets"

static slv_code read_project(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_pages_project *p = row;
    int at = 0;

    *p = (slv_pages_project){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->name, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->id, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->subdomain, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->branch, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->production, err));
    p->created_ms = slv_stmt_int(st, at++);
    p->modified_ms = slv_stmt_int(st, at++);
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->configs, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &p->extra, err));
    return slv_catalog_take_(st, &at, arena, &p->secrets, err);
}

slv_code slv_catalog_pages_stmt_(slv_catalog *c, const char *sql, slv_str account, slv_str project,
                                 sqlite3_stmt **ret, slv_err *err)
{
    SLV_TRY(slv_db_stmt(c->db, sql, ret, err));
    slv_stmt_bind_text(*ret, 1, account);
    slv_stmt_bind_text(*ret, 2, project);
    return SLV_OK;
}

slv_code slv_catalog_project_get(slv_catalog *c, slv_str account, slv_str name, slv_arena *arena,
                                 slv_pages_project *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(
        c, "SELECT " PROJECT " FROM pages_project WHERE account=?1 AND name=?2", account, name, &st,
        err));
    slv_code code = slv_catalog_row_(c, st, read_project, arena, ret, err);
    if (code == SLV_E_NOTFOUND)
        return slv_fail(err, code, "there is no project '%.*s'", SLV_STR_ARGS(name));
    return code;
}

slv_code slv_catalog_project_by_subdomain(slv_catalog *c, slv_str subdomain, slv_arena *arena,
                                          slv_pages_project *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(
        slv_db_stmt(c->db, "SELECT " PROJECT " FROM pages_project WHERE subdomain=?1", &st, err));
    slv_stmt_bind_text(st, 1, subdomain);
    slv_code code = slv_catalog_row_(c, st, read_project, arena, ret, err);
    if (code == SLV_E_NOTFOUND)
        return slv_fail(err, code, "no project has the subdomain '%.*s'", SLV_STR_ARGS(subdomain));
    return code;
}

static slv_code count_projects(slv_catalog *c, slv_str account, uint64_t *ret, slv_err *err)
{
    const slv_worker_key key = {.account = account};

    return slv_catalog_count_(c, "SELECT count(*) FROM pages_project WHERE account=?1 OR ?1=''",
                              &key, ret, err);
}

slv_code slv_catalog_project_list(slv_catalog *c, slv_str account, uint64_t offset, uint64_t limit,
                                  slv_arena *arena, slv_pages_project_list *ret,
                                  uint64_t *ret_total, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    if (ret_total)
        SLV_TRY(count_projects(c, account, ret_total, err));
    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT " PROJECT " FROM pages_project WHERE account=?1 OR ?1=''"
                        " ORDER BY account,name LIMIT ?2 OFFSET ?3",
                        &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_int(st, 2, limit == 0 ? -1 : (int64_t)limit);
    slv_stmt_bind_int(st, 3, (int64_t)offset);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_pages_project), read_project, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

static slv_code subdomain_taken(slv_catalog *c, slv_str subdomain, bool *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, "SELECT 1 FROM pages_project WHERE subdomain=?1", &st, err));
    slv_stmt_bind_text(st, 1, subdomain);
    slv_code code = slv_stmt_step(c->db, st, err);
    *ret = code == SLV_OK;
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* "name", or "name-1a2b" when another account has that. */
static slv_code choose_subdomain(slv_catalog *c, slv_pages_project *row, slv_arena *arena,
                                 slv_err *err)
{
    slv_str wanted = row->subdomain;

    for (size_t n = 0; n + 4 <= row->id.len; n += 4) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(128);
        bool taken;

        SLV_TRY(subdomain_taken(c, row->subdomain, &taken, err));
        if (!taken)
            return SLV_OK;
        SLV_TRY(slv_buf_printf(&text, "%.*s-%.4s", SLV_STR_ARGS(wanted), row->id.ptr + n));
        SLV_TRY(slv_arena_dup(arena, slv_buf_view(&text), &row->subdomain));
    }
    return slv_fail(err, SLV_E_EXISTS, "the subdomain '%.*s' is taken", SLV_STR_ARGS(wanted));
}

static void bind_project(sqlite3_stmt *st, const slv_pages_project *p)
{
    slv_stmt_bind_text(st, 3, p->branch);
    slv_stmt_bind_text(st, 4, p->production);
    slv_stmt_bind_int(st, 5, p->modified_ms);
    slv_stmt_bind_text(st, 6, p->configs);
    slv_stmt_bind_text(st, 7, p->extra);
    slv_stmt_bind_blob(st, 8, p->secrets);
}

slv_code slv_catalog_project_add(slv_catalog *c, slv_pages_project *row, slv_arena *arena,
                                 slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_pages_project other;
    uint64_t count;
    slv_code code = slv_catalog_project_get(c, row->account, row->name, arena, &other, err);

    if (code == SLV_OK)
        return slv_fail(err, SLV_E_EXISTS, "there is a project '%.*s' already",
                        SLV_STR_ARGS(row->name));
    if (code != SLV_E_NOTFOUND)
        return code;
    SLV_TRY(count_projects(c, row->account, &count, err));
    if (count >= SLV_PAGES_PROJECTS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "an account may have %u projects",
                        SLV_PAGES_PROJECTS_MAX);
    SLV_TRY(choose_subdomain(c, row, arena, err));
    SLV_TRY(slv_catalog_pages_stmt_(
        c,
        "INSERT INTO pages_project(account,name,branch,production,modified,configs,extra,secrets,"
        "id,subdomain,created) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
        row->account, row->name, &st, err));
    bind_project(st, row);
    slv_stmt_bind_text(st, 9, row->id);
    slv_stmt_bind_text(st, 10, row->subdomain);
    slv_stmt_bind_int(st, 11, row->created_ms);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_project_update(slv_catalog *c, const slv_pages_project *row, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(
        c,
        "UPDATE pages_project SET branch=?3,production=?4,modified=?5,configs=?6,extra=?7,"
        "secrets=?8 WHERE account=?1 AND name=?2",
        row->account, row->name, &st, err));
    bind_project(st, row);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_project_delete(slv_catalog *c, slv_str account, slv_str name, slv_err *err)
{
    static const char *const sql[] = {
        "DELETE FROM pages_deployment WHERE account=?1 AND project=?2",
        "DELETE FROM pages_domain WHERE account=?1 AND project=?2",
        "DELETE FROM pages_project WHERE account=?1 AND name=?2",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(sql); i++) {
        sqlite3_stmt *st = NULL;

        SLV_TRY(slv_catalog_pages_stmt_(c, sql[i], account, name, &st, err));
        SLV_TRY(slv_stmt_run(c->db, st, err));
    }
    if (sqlite3_changes(slv_db_handle(c->db)) == 0)
        return slv_fail(err, SLV_E_NOTFOUND, "there is no project '%.*s'", SLV_STR_ARGS(name));
    return SLV_OK;
}

/* ---- domains ---- */

static slv_code read_domain(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_pages_domain *d = row;
    int at = 0;

    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->name, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->project, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->id, err));
    d->created_ms = slv_stmt_int(st, at);
    return SLV_OK;
}

slv_code slv_catalog_domain_list(slv_catalog *c, slv_str account, slv_str project, slv_arena *arena,
                                 slv_pages_domain_list *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(c,
                                    "SELECT name,account,project,id,created FROM pages_domain"
                                    " WHERE (account=?1 OR ?1='') AND (project=?2 OR ?2='')"
                                    " ORDER BY name",
                                    account, project, &st, err));
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_pages_domain), read_domain, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

/* Whose the host is already, "project 'x'" or "Worker 'x'"; empty: nobody's. */
static slv_code domain_owner(slv_catalog *c, slv_str name, slv_buf *out, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT 'project ''' || project || '''' FROM pages_domain WHERE name=?1"
                        " UNION ALL SELECT 'Worker ''' || worker || '''' FROM route"
                        " WHERE domain=1 AND pattern=?1",
                        &st, err));
    slv_stmt_bind_text(st, 1, name);
    slv_code code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        code = slv_buf_set(out, slv_stmt_str(st, 0));
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_catalog_domain_add(slv_catalog *c, const slv_pages_domain *row, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf owner = SLV_BUF(1024);
    const slv_worker_key key = {.account = row->account, .dispatch = row->project};
    sqlite3_stmt *st = NULL;
    uint64_t count;

    SLV_TRY(domain_owner(c, row->name, &owner, err));
    if (owner.len > 0)
        return slv_fail(err, SLV_E_EXISTS, "the domain '%.*s' is that of %.*s",
                        SLV_STR_ARGS(row->name), SLV_STR_ARGS(slv_buf_view(&owner)));
    SLV_TRY(slv_catalog_count_(
        c, "SELECT count(*) FROM pages_domain WHERE account=?1 AND project=?2", &key, &count, err));
    if (count >= SLV_PAGES_DOMAINS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "a project may have %u domains", SLV_PAGES_DOMAINS_MAX);
    SLV_TRY(slv_catalog_pages_stmt_(c,
                                    "INSERT INTO pages_domain(account,project,name,id,created)"
                                    " VALUES(?1,?2,?3,?4,?5)",
                                    row->account, row->project, &st, err));
    slv_stmt_bind_text(st, 3, row->name);
    slv_stmt_bind_text(st, 4, row->id);
    slv_stmt_bind_int(st, 5, row->created_ms);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_domain_delete(slv_catalog *c, slv_str account, slv_str project, slv_str name,
                                   slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(
        c, "DELETE FROM pages_domain WHERE account=?1 AND project=?2 AND name=?3", account, project,
        &st, err));
    slv_stmt_bind_text(st, 3, name);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    if (sqlite3_changes(slv_db_handle(c->db)) == 0)
        return slv_fail(err, SLV_E_NOTFOUND, "the project has no domain '%.*s'",
                        SLV_STR_ARGS(name));
    return SLV_OK;
}
