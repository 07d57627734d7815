#include "catalog/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "catalog/catalog_int.h"
#include "catalog/pages.h"
#include "catalog/worker.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/json_write.h"

#define COLUMNS_MAX 40
#define SQL_MAX 2048
#define SECRETS_MAX ((size_t)8 << 20)

/* Every table with rows of accounts but tokens, the audit log and uploads (a test holds the list
 * against the schema), in an order in which rows find what they belong to. */
static const struct {
    const char *table, *order;
} tables[] = {
    {"namespace", "name"},    {"worker", "dispatch,name"}, {"version", "dispatch,worker,number"},
    {"deployment", "seq"},    {"route", "domain,pattern"}, {"consumer", "queue"},
    {"asset", "hash"},        {"pages_project", "name"},   {"pages_deployment", "seq"},
    {"pages_domain", "name"},
};

static bool is_implied(slv_str column)
{
    return slv_str_is(column, "account") || slv_str_is(column, "seq");
}

/* ---- out ---- */

typedef struct out {
    slv_catalog *c;
    const slv_catalog_reseal *reseal;
    slv_buf *text;
    slv_err *err;
} out;

static slv_code put_sealed(const out *o, slv_json_writer *w, slv_str sealed)
{
    SLV_CLEANUP(slv_buf_done) slv_buf other = SLV_BUF(SECRETS_MAX), text = SLV_BUF(2 * SECRETS_MAX);

    if (sealed.len > 0)
        SLV_TRY(o->reseal->fn(o->reseal->arg, sealed, &other, o->err));
    SLV_TRY(slv_base64_encode(slv_buf_view(&other), SLV_BASE64_STD, &text));
    slv_json_open(w, '{');
    slv_json_put_text(w, "sealed", slv_buf_view(&text));
    slv_json_close(w, '}');
    return w->code;
}

static slv_code put_value(const out *o, slv_json_writer *w, sqlite3_stmt *st, int i)
{
    char number[40];

    switch (sqlite3_column_type(st, i)) {
    case SQLITE_BLOB:
        return put_sealed(o, w, slv_stmt_str(st, i));
    case SQLITE_INTEGER:
        slv_json_number(w, slv_stmt_int(st, i));
        return w->code;
    case SQLITE_FLOAT:
        (void)snprintf(number, sizeof number, "%.17g", sqlite3_column_double(st, i));
        slv_json_raw(w, slv_str_from(number));
        return w->code;
    case SQLITE_NULL:
        slv_json_raw(w, SLV_STR("null"));
        return w->code;
    default:
        slv_json_text(w, slv_stmt_str(st, i));
        return w->code;
    }
}

static slv_code put_row(const out *o, const char *table, sqlite3_stmt *st)
{
    slv_json_writer w = SLV_JSON_WRITER(o->text);

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "table", slv_str_from(table));
    slv_json_key(&w, "row");
    slv_json_open(&w, '{');
    for (int i = 0; i < sqlite3_column_count(st); i++) {
        slv_str column = slv_str_from(sqlite3_column_name(st, i));

        if (is_implied(column))
            continue;
        slv_json_key_str(&w, column);
        SLV_TRY(put_value(o, &w, st, i));
    }
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    return slv_buf_append_byte(o->text, '\n');
}

static slv_code put_table(const out *o, size_t t, slv_str account)
{
    sqlite3_stmt *st = NULL;
    char sql[SQL_MAX];
    slv_code code;

    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE account=?1 ORDER BY %s",
                   tables[t].table, tables[t].order);
    if (sqlite3_prepare_v2(slv_db_handle(o->c->db), sql, -1, &st, NULL) != SQLITE_OK)
        return slv_db_fail(o->c->db, o->err, tables[t].table);
    slv_stmt_bind_text(st, 1, account);
    while ((code = slv_stmt_step(o->c->db, st, o->err)) == SLV_OK &&
           (code = put_row(o, tables[t].table, st)) == SLV_OK)
        continue;
    (void)sqlite3_finalize(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

unsigned slv_catalog_format(void)
{
    return slv_catalog_steps_;
}

slv_code slv_catalog_export(slv_catalog *c, slv_str account, const slv_catalog_reseal *reseal,
                            slv_buf *text, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    const out o = {.c = c, .reseal = reseal, .text = text, .err = err};
    slv_account_row row;
    slv_code code = slv_catalog_account_get(c, account, &arena, &row, err);

    for (size_t t = 0; code == SLV_OK && t < SLV_ARRAY_LEN(tables); t++)
        code = put_table(&o, t, row.id);
    if (code == SLV_E_LIMIT)
        return slv_fail(err, code, "the account has more than an export may hold");
    return code;
}

/* ---- in ---- */

typedef struct in {
    slv_catalog *c;
    slv_str account;
    const slv_catalog_import_options *o;
    slv_arena arena; /* of one line */
    slv_err *err;
} in;

static slv_code open_sealed(const in *m, const slv_node *value, slv_buf *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sealed = SLV_BUF(SECRETS_MAX);
    const slv_node *text = slv_node_get(value, "sealed");

    if (!slv_node_is(text, SLV_NODE_STRING) || value->count != 1 ||
        slv_base64_decode(text->text, SLV_BASE64_STD, &sealed) != SLV_OK)
        return slv_fail(m->err, SLV_E_PARSE, "a sealed value is damaged");
    return sealed.len > 0 ? m->o->reseal.fn(m->o->reseal.arg, slv_buf_view(&sealed), ret, m->err)
                          : SLV_OK;
}

/* What is bound lives until the statement has run: in the arena of the line. */
static slv_code bind(in *m, sqlite3_stmt *st, int i, const slv_node *value)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SECRETS_MAX);
    int64_t whole;
    double real;
    slv_str kept;

    if (slv_node_is(value, SLV_NODE_OBJECT)) {
        SLV_TRY(open_sealed(m, value, &bytes));
        SLV_TRY(slv_arena_dup(&m->arena, slv_buf_view(&bytes), &kept));
        slv_stmt_bind_blob(st, i, kept);
    } else if (slv_node_is(value, SLV_NODE_STRING)) {
        slv_stmt_bind_text(st, i, value->text);
    } else if (slv_node_i64(value, &whole)) {
        slv_stmt_bind_int(st, i, whole);
    } else if (slv_node_f64(value, &real)) {
        (void)sqlite3_bind_double(st, i, real);
    } else if (slv_node_is(value, SLV_NODE_NULL)) {
        slv_stmt_bind_null(st, i);
    } else {
        return slv_fail(m->err, SLV_E_PARSE, "the column '%.*s' is neither text nor number",
                        SLV_STR_ARGS(value->key));
    }
    return SLV_OK;
}

/* Names of columns go into the statement: only such that the table has. */
static slv_code check_columns(const in *m, const char *table, const slv_node *row)
{
    for (const slv_node *n = row->first; n; n = n->next) {
        sqlite3_stmt *st;
        slv_code code;

        if (row->count > COLUMNS_MAX || is_implied(n->key))
            return slv_fail(m->err, SLV_E_PARSE, "'%.*s' is no column of a line",
                            SLV_STR_ARGS(n->key));
        SLV_TRY(slv_db_stmt(m->c->db, "SELECT 1 FROM pragma_table_info(?1) WHERE name=?2", &st,
                            m->err));
        slv_stmt_bind_text(st, 1, slv_str_from(table));
        slv_stmt_bind_text(st, 2, n->key);
        code = slv_stmt_step(m->c->db, st, m->err);
        slv_stmt_done(st);
        if (code == SLV_E_NOTFOUND)
            return slv_fail(m->err, SLV_E_PARSE, "the table %s has no column '%.*s'", table,
                            SLV_STR_ARGS(n->key));
        SLV_TRY(code);
    }
    return SLV_OK;
}

static slv_code insert(in *m, const char *table, const slv_node *row)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF(SQL_MAX);
    sqlite3_stmt *st = NULL;
    slv_code code = SLV_OK;
    int i = 1;

    SLV_TRY(check_columns(m, table, row));
    SLV_TRY(slv_buf_printf(&sql, "INSERT INTO %s(account", table));
    for (const slv_node *n = row->first; n; n = n->next)
        SLV_TRY(slv_buf_printf(&sql, ",\"%.*s\"", SLV_STR_ARGS(n->key)));
    SLV_TRY(slv_buf_append(&sql, SLV_STR(") VALUES(?")));
    for (size_t n = 0; n < row->count; n++)
        SLV_TRY(slv_buf_append(&sql, SLV_STR(",?")));
    SLV_TRY(slv_buf_append_byte(&sql, ')'));
    if (sqlite3_prepare_v2(slv_db_handle(m->c->db), sql.ptr, (int)sql.len, &st, NULL) != SQLITE_OK)
        return slv_db_fail(m->c->db, m->err, table);
    slv_stmt_bind_text(st, i++, m->account);
    for (const slv_node *n = row->first; code == SLV_OK && n; n = n->next)
        code = bind(m, st, i++, n);
    if (code == SLV_OK)
        code = slv_stmt_step(m->c->db, st, m->err);
    (void)sqlite3_finalize(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* ---- tables with rules ---- */

static slv_str text_of(const slv_node *row, const char *key)
{
    slv_str s = slv_node_str(slv_node_get(row, key));

    return s.ptr ? s : SLV_STR("");
}

static int64_t number_of(const slv_node *row, const char *key)
{
    int64_t n = 0;

    (void)slv_node_i64(slv_node_get(row, key), &n);
    return n;
}

static slv_code take_worker(in *m, const char *table, slv_node *row)
{
    slv_node *created = slv_node_get(row, "created");
    slv_str name = text_of(row, "name");
    char now[24];

    if (!slv_worker_name_valid(name, text_of(row, "dispatch").len > 0))
        return slv_fail(m->err, SLV_E_PARSE, "'%.*s' is no name of a worker", SLV_STR_ARGS(name));
    /* of two workers of one name the older has the host */
    if (m->o->without_hosts && slv_node_is(created, SLV_NODE_NUMBER)) {
        (void)snprintf(now, sizeof now, "%lld", (long long)m->o->now_ms);
        created->text = slv_str_from(now);
    }
    return insert(m, table, row);
}

/* An id that another row has is drawn anew: nothing else names it. */
static slv_code take_route(in *m, const char *table, slv_node *row)
{
    char id[SLV_ACCOUNT_ID_LEN + 1];
    const slv_route_row route = {.account = m->account,
                                 .worker = text_of(row, "worker"),
                                 .pattern = text_of(row, "pattern"),
                                 .domain = number_of(row, "domain") != 0,
                                 .zone = text_of(row, "zone"),
                                 .created_ms = number_of(row, "created"),
                                 .id = slv_str_make(id, SLV_ACCOUNT_ID_LEN)};

    (void)table;
    slv_catalog_account_id_draw(id);
    return m->o->without_hosts ? SLV_OK : slv_catalog_route_put(m->c, &route, false, m->err);
}

static slv_code subdomain_owner(in *m, slv_str value, slv_str *ret)
{
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(
        slv_db_stmt(m->c->db, "SELECT account FROM pages_project WHERE subdomain=?1", &st, m->err));
    slv_stmt_bind_text(st, 1, value);
    code = slv_stmt_step(m->c->db, st, m->err);
    if (code == SLV_OK)
        code = slv_arena_dup(&m->arena, slv_stmt_str(st, 0), ret);
    slv_stmt_done(st);
    return code;
}

static slv_code take_project(in *m, const char *table, slv_node *row)
{
    slv_node *subdomain = slv_node_get(row, "subdomain");
    SLV_CLEANUP(slv_buf_done) slv_buf other = SLV_BUF(256);
    slv_str name = text_of(row, "name"), owner;
    slv_code code;

    if (!slv_pages_name_valid(name) || !slv_node_is(subdomain, SLV_NODE_STRING))
        return slv_fail(m->err, SLV_E_PARSE, "'%.*s' is no name of a Pages project",
                        SLV_STR_ARGS(name));
    code = subdomain_owner(m, subdomain->text, &owner);
    if (code == SLV_OK && !m->o->without_hosts)
        return slv_fail(m->err, SLV_E_EXISTS,
                        "the subdomain '%.*s' of the Pages project is taken, by the account %.*s",
                        SLV_STR_ARGS(subdomain->text), SLV_STR_ARGS(owner));
    while (code == SLV_OK) {
        other.len = 0;
        SLV_TRY(slv_buf_printf(&other, "%.*s-%04x", SLV_STR_ARGS(name),
                               (unsigned)(slv_rand_u64() & 0xffff)));
        code = subdomain_owner(m, slv_buf_view(&other), &owner);
        subdomain->text = slv_buf_view(&other);
    }
    return code == SLV_E_NOTFOUND ? insert(m, table, row) : code;
}

static slv_code take_domain(in *m, const char *table, slv_node *row)
{
    const slv_pages_domain domain = {.name = text_of(row, "name"),
                                     .account = m->account,
                                     .project = text_of(row, "project"),
                                     .id = text_of(row, "id"),
                                     .created_ms = number_of(row, "created")};

    (void)table;
    if (m->o->without_hosts)
        return SLV_OK;
    SLV_TRY(slv_route_domain_check(domain.name, m->err));
    return slv_catalog_domain_add(m->c, &domain, m->err);
}

static const struct {
    const char *table;
    slv_code (*take)(in *m, const char *table, slv_node *row);
} rules[] = {
    {"worker", take_worker},
    {"route", take_route},
    {"pages_project", take_project},
    {"pages_domain", take_domain},
};

static slv_code take_line(in *m, slv_str line)
{
    slv_node *root = NULL, *row;
    slv_str table;
    const char *known = NULL;

    SLV_TRY(slv_json_parse(line, SLV_JSON_STRICT, &m->arena, &root, m->err));
    row = slv_node_get(root, "row");
    table = text_of(root, "table");
    for (size_t t = 0; t < SLV_ARRAY_LEN(tables); t++)
        if (slv_str_is(table, tables[t].table))
            known = tables[t].table;
    if (!known || !slv_node_is(row, SLV_NODE_OBJECT))
        return slv_fail(m->err, SLV_E_PARSE, "it is no row of a table that is known: '%.*s'",
                        SLV_STR_ARGS(table));
    for (size_t i = 0; i < SLV_ARRAY_LEN(rules); i++)
        if (slv_str_is(table, rules[i].table))
            return rules[i].take(m, known, row);
    return insert(m, known, row);
}

slv_code slv_catalog_import(slv_catalog *c, const slv_account_row *account, slv_str lines,
                            const slv_catalog_import_options *options, slv_err *err)
{
    in m = {.c = c, .account = account->id, .o = options, .err = err};
    slv_code code = slv_catalog_account_create(c, account, err);
    slv_str line;

    m.arena = SLV_ARENA(4 * SLV_CATALOG_LINE_MAX);
    for (size_t number = 1; code == SLV_OK && slv_str_split(&lines, '\n', &line); number++) {
        slv_err why = {0};

        if (line.len == 0)
            continue;
        m.err = &why;
        code = take_line(&m, line);
        slv_arena_reset(&m.arena);
        if (code == SLV_OK)
            continue;
        /* hosts speak for themselves; the rest is somebody's file */
        if (code == SLV_E_EXISTS && why.detail == 0)
            code = slv_fail(err, code, "%s", slv_err_text(&why));
        else
            code = slv_fail(err, code == SLV_E_IO ? code : SLV_E_PARSE, "line %zu: %s", number,
                            slv_err_text(&why));
    }
    slv_arena_done(&m.arena);
    return code;
}
