/* Route patterns and custom domains. */
#include "base/utf8.h"
#include "catalog/worker_int.h"

/* ---- what a pattern may be ---- */

static slv_code bad(slv_err *err, slv_str pattern, const char *why)
{
    return slv_fail(err, SLV_E_INVAL, "route pattern '%.*s': %s", SLV_STR_ARGS(pattern), why);
}

/* Why the text is no host of labels; NULL: it is one. */
static const char *host_fault(slv_str host)
{
    slv_str rest = host, label;

    if (host.len == 0)
        return "a host is missing";
    if (host.len > 253)
        return "the host has more than 253 characters";
    while (slv_str_split(&rest, '.', &label)) {
        if (label.len == 0)
            return "a label of the host is empty";
        if (label.len > 63)
            return "a label of the host has more than 63 characters";
        if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
            return "a label of the host begins or ends with a hyphen";
        for (size_t i = 0; i < label.len; i++) {
            char c = label.ptr[i];

            if (c == '*')
                return "\"*\" may stand only as the first character of the host and the last of "
                       "the path";
            if (c == ':')
                return "the host has no port";
            if (!slv_is_alpha(c) && !slv_is_digit(c) && c != '-' && c != '_')
                return "a host has letters, digits, hyphens and dots (other scripts as xn--...)";
        }
    }
    return NULL;
}

static slv_str without_scheme(slv_str pattern)
{
    if (slv_str_eq_nocase(slv_str_sub(pattern, 0, 8), SLV_STR("https://")))
        return slv_str_skip(pattern, 8);
    if (slv_str_eq_nocase(slv_str_sub(pattern, 0, 7), SLV_STR("http://")))
        return slv_str_skip(pattern, 7);
    return pattern;
}

static const char *path_fault(slv_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '?' || path.ptr[i] == '#')
            return "a pattern has no query and no fragment";
        if (path.ptr[i] == '*' && i + 1 < path.len)
            return "\"*\" may stand only as the first character of the host and the last of the "
                   "path";
        if ((unsigned char)path.ptr[i] <= ' ' || path.ptr[i] == 0x7f)
            return "the path has a space or control character";
    }
    return NULL;
}

slv_code slv_route_pattern_check(slv_str pattern, slv_str *ret_host, slv_str *ret_path,
                                 slv_err *err)
{
    slv_str rest = without_scheme(pattern), host, path, literal;
    size_t slash = slv_str_chr(rest, '/', 0);
    const char *fault;

    host = slv_str_sub(rest, 0, slash);
    path = slash == SIZE_MAX ? SLV_STR("") : slv_str_skip(rest, slash);
    if (pattern.len > 1024)
        return bad(err, slv_str_sub(pattern, 0, 64), "it is longer than 1,024 bytes");
    if (!slv_utf8_valid(pattern))
        return bad(err, SLV_STR("?"), "it is not UTF-8");
    if (slv_str_chr(host, '?', 0) != SIZE_MAX || slv_str_chr(host, '#', 0) != SIZE_MAX)
        return bad(err, pattern, "a pattern has no query and no fragment");
    if (slv_str_find(rest, SLV_STR("://"), 0) != SIZE_MAX &&
        slv_str_find(rest, SLV_STR("://"), 0) < slash)
        return bad(err, pattern, "the scheme is http:// or https://, or left out");
    literal = slv_str_starts(host, SLV_STR("*")) ? slv_str_skip(host, 1) : host;
    if (literal.len != host.len && slv_str_starts(literal, SLV_STR(".")))
        literal = slv_str_skip(literal, 1);
    if (literal.len == 0 && host.len > 0)
        return bad(err, pattern, "\"*\" alone is no host: it must end with a domain");
    fault = host_fault(literal);
    if (!fault)
        fault = path_fault(path);
    if (fault)
        return bad(err, pattern, fault);
    if (ret_host)
        *ret_host = host;
    if (ret_path)
        *ret_path = path;
    return SLV_OK;
}

slv_code slv_route_domain_check(slv_str host, slv_err *err)
{
    const char *fault = host_fault(host);

    if (fault && slv_str_chr(host, '*', 0) != SIZE_MAX)
        fault = "a custom domain has no wildcard";
    if (fault && slv_str_chr(host, '/', 0) != SIZE_MAX)
        fault = "a custom domain is a host, without scheme and path";
    if (fault)
        return slv_fail(err, SLV_E_INVAL, "custom domain '%.*s': %s", SLV_STR_ARGS(host), fault);
    return SLV_OK;
}

/* What two rows that mean the same have in common: scheme and host in lower case, a path. */
static slv_code match_of(const slv_route_row *row, slv_buf *ret, slv_err *err)
{
    slv_str host = row->pattern, path = SLV_STR("");
    size_t lower;

    SLV_TRY(row->domain ? slv_route_domain_check(host, err)
                        : slv_route_pattern_check(row->pattern, &host, &path, err));
    SLV_TRY(
        slv_buf_append(ret, slv_str_sub(row->pattern, 0, (size_t)(host.ptr - row->pattern.ptr))));
    SLV_TRY(slv_buf_append(ret, host));
    lower = ret->len;
    if (!row->domain)
        SLV_TRY(slv_buf_append(ret, path.len > 0 ? path : SLV_STR("/")));
    for (size_t i = 0; i < lower; i++)
        ret->ptr[i] = slv_ascii_lower(ret->ptr[i]);
    return SLV_OK;
}

/* ---- reading ---- */

#define COLUMNS "id,account,worker,domain,pattern,zone,created"

static slv_code read_route(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_route_row *r = row;
    int at = 0;

    *r = (slv_route_row){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->id, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->worker, err));
    r->domain = slv_stmt_int(st, at++) != 0;
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->pattern, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &r->zone, err));
    r->created_ms = slv_stmt_int(st, at);
    return SLV_OK;
}

static const char list_sql[] = "SELECT " COLUMNS " FROM route ORDER BY pattern,account";
static const char list_account_sql[] =
    "SELECT " COLUMNS " FROM route WHERE account=?1 ORDER BY pattern";
static const char list_worker_sql[] =
    "SELECT " COLUMNS " FROM route WHERE account=?1 AND worker=?2 ORDER BY pattern";

slv_code slv_catalog_route_list(slv_catalog *c, slv_str account, slv_str worker, slv_arena *arena,
                                slv_route_list *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    SLV_TRY(slv_db_stmt(c->db,
                        account.len == 0  ? list_sql
                        : worker.len == 0 ? list_account_sql
                                          : list_worker_sql,
                        &st, err));
    if (account.len > 0)
        slv_stmt_bind_text(st, 1, account);
    if (account.len > 0 && worker.len > 0)
        slv_stmt_bind_text(st, 2, worker);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_route_row), read_route, arena, &items, &ret->count,
                              err));
    ret->items = items;
    return SLV_OK;
}

static const char get_sql[] = "SELECT " COLUMNS " FROM route WHERE account=?1 AND id=?2";

slv_code slv_catalog_route_get(slv_catalog *c, slv_str account, slv_str id, slv_arena *arena,
                               slv_route_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, get_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, id);
    code = slv_catalog_row_(c, st, read_route, arena, ret, err);
    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_fail(err, code, "there is no route '%.*s'", SLV_STR_ARGS(id));
}

/* ---- changing ---- */

static const char owner_sql[] = "SELECT account,worker,id FROM route WHERE domain=?1 AND match=?2";
static const char update_sql[] = "UPDATE route SET worker=?2,zone=?3 WHERE id=?1";
static const char add_sql[] =
    "INSERT INTO route(" COLUMNS ",match) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)";
static const char full_sql[] = "SELECT count(*) FROM route WHERE zone=?1 AND domain=?2";

static slv_code taken(slv_err *err, const slv_route_row *row, slv_str account, slv_str worker)
{
    const char *what = row->domain ? "custom domain" : "route pattern";

    if (!slv_str_eq(account, row->account))
        return slv_fail(err, SLV_E_EXISTS, "%s '%.*s' belongs to another account", what,
                        SLV_STR_ARGS(row->pattern));
    if (worker.len == 0)
        return slv_fail(err, SLV_E_EXISTS, "%s '%.*s' is set to lead to no worker", what,
                        SLV_STR_ARGS(row->pattern));
    return slv_fail(err, SLV_E_EXISTS, "%s '%.*s' is already assigned to worker '%.*s'", what,
                    SLV_STR_ARGS(row->pattern), SLV_STR_ARGS(worker));
}

static slv_code room_in_zone(slv_catalog *c, const slv_route_row *row, slv_err *err)
{
    unsigned max = row->domain ? SLV_CATALOG_DOMAINS_MAX : SLV_CATALOG_ROUTES_MAX;
    sqlite3_stmt *st = NULL;
    int64_t n = 0;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, full_sql, &st, err));
    slv_stmt_bind_text(st, 1, row->zone);
    slv_stmt_bind_int(st, 2, row->domain);
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        n = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    if (code == SLV_OK && n >= (int64_t)max)
        return slv_fail(err, SLV_E_LIMIT, "zone '%.*s' has %u %s, and may have no more",
                        SLV_STR_ARGS(row->zone), max, row->domain ? "custom domains" : "routes");
    return code;
}

static const char pages_sql[] = "SELECT account,project FROM pages_domain WHERE name=?1";

/* A Pages project may have the host. */
static slv_code not_of_pages(slv_catalog *c, const slv_route_row *row, slv_str host, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    if (!row->domain)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(c->db, pages_sql, &st, err));
    slv_stmt_bind_text(st, 1, host);
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK && slv_str_eq(slv_stmt_str(st, 0), row->account))
        code = slv_fail(err, SLV_E_EXISTS, "custom domain '%.*s' is that of Pages project '%.*s'",
                        SLV_STR_ARGS(row->pattern), SLV_STR_ARGS(slv_stmt_str(st, 1)));
    else if (code == SLV_OK)
        code = slv_fail(err, SLV_E_EXISTS, "custom domain '%.*s' belongs to another account",
                        SLV_STR_ARGS(row->pattern));
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code add(slv_catalog *c, const slv_route_row *row, slv_str match, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(not_of_pages(c, row, match, err));
    SLV_TRY(room_in_zone(c, row, err));
    SLV_TRY(slv_db_stmt(c->db, add_sql, &st, err));
    slv_stmt_bind_text(st, 1, row->id);
    slv_stmt_bind_text(st, 2, row->account);
    slv_stmt_bind_text(st, 3, row->worker);
    slv_stmt_bind_int(st, 4, row->domain);
    slv_stmt_bind_text(st, 5, row->pattern);
    slv_stmt_bind_text(st, 6, row->zone);
    slv_stmt_bind_int(st, 7, row->created_ms);
    slv_stmt_bind_text(st, 8, match);
    return slv_stmt_run(c->db, st, err);
}

static slv_code update(slv_catalog *c, const slv_route_row *row, slv_str id, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, update_sql, &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_text(st, 2, row->worker);
    slv_stmt_bind_text(st, 3, row->zone);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_route_put(slv_catalog *c, const slv_route_row *row, bool take, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf match = SLV_BUF(2048);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(4096);
    slv_str account = SLV_STR_NULL, worker = SLV_STR_NULL, id = SLV_STR_NULL;
    sqlite3_stmt *st = NULL;
    slv_code code;
    int at = 0;

    SLV_TRY(match_of(row, &match, err));
    SLV_TRY(slv_db_stmt(c->db, owner_sql, &st, err));
    slv_stmt_bind_int(st, 1, row->domain);
    slv_stmt_bind_text(st, 2, slv_buf_view(&match));
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        code = slv_catalog_take_(st, &at, &arena, &account, err);
    if (code == SLV_OK)
        code = slv_catalog_take_(st, &at, &arena, &worker, err);
    if (code == SLV_OK)
        code = slv_catalog_take_(st, &at, &arena, &id, err);
    slv_stmt_done(st);
    if (code == SLV_E_NOTFOUND)
        return add(c, row, slv_buf_view(&match), err);
    SLV_TRY(code);
    if (!slv_str_eq(account, row->account) || (!slv_str_eq(worker, row->worker) && !take))
        return taken(err, row, account, worker);
    return update(c, row, id, err);
}

static bool among(const slv_route_row *rows, size_t count, const slv_route_row *row, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf mine = SLV_BUF(2048);
    SLV_CLEANUP(slv_buf_done) slv_buf theirs = SLV_BUF(2048);

    if (match_of(row, &mine, err) != SLV_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        slv_buf_reset(&theirs);
        if (match_of(&rows[i], &theirs, err) == SLV_OK &&
            slv_str_eq(slv_buf_view(&mine), slv_buf_view(&theirs)))
            return true;
    }
    return false;
}

slv_code slv_catalog_route_replace(slv_catalog *c, const slv_worker_key *key, bool domain,
                                   const slv_route_row *rows, size_t count, bool take, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    slv_route_list have = {0};

    SLV_TRY(slv_catalog_route_list(c, key->account, key->name, &arena, &have, err));
    for (size_t i = 0; i < have.count; i++) {
        if (have.items[i].domain == domain && !among(rows, count, &have.items[i], NULL))
            SLV_TRY(slv_catalog_route_delete(c, key->account, have.items[i].id, err));
    }
    for (size_t i = 0; i < count; i++)
        SLV_TRY(slv_catalog_route_put(c, &rows[i], take, err));
    return SLV_OK;
}

static const char delete_sql[] = "DELETE FROM route WHERE account=?1 AND id=?2 RETURNING id";

slv_code slv_catalog_route_delete(slv_catalog *c, slv_str account, slv_str id, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, delete_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, id);
    code = slv_stmt_step(c->db, st, err);
    slv_stmt_done(st);
    if (code == SLV_E_NOTFOUND)
        return slv_fail(err, code, "there is no route '%.*s'", SLV_STR_ARGS(id));
    return code;
}
