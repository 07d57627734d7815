/* Accounts and tokens. */
#include "catalog/account.h"

#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "catalog/catalog_int.h"
#include "fmt/base64.h"
#include "fmt/sum.h"

#define HASH_LEN ((size_t)32)
#define KEY_LEN ((size_t)16) /* of the hash: what a row is found by */
#define SECRET_LEN ((size_t)32)

const char slv_catalog_account_schema_[] =
    "CREATE TABLE account(id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE,"
    " email TEXT NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE token(id TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL,"
    " email TEXT NOT NULL, hash_key BLOB NOT NULL, hash BLOB NOT NULL, scopes INTEGER NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL,"
    " used INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX token_hash ON token(hash_key);"
    "CREATE INDEX token_account ON token(account,created);"
    "CREATE TABLE audit(number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    " account TEXT NOT NULL, actor TEXT NOT NULL, token TEXT NOT NULL, action TEXT NOT NULL,"
    " resource TEXT NOT NULL, status INTEGER NOT NULL) STRICT;"
    "CREATE INDEX audit_account ON audit(account,number);"
    "CREATE INDEX audit_at ON audit(at);";

/* ---- scopes ---- */

static const struct {
    const char *name;
    unsigned bit;
} scopes[] = {{"read", SLV_SCOPE_READ}, {"deploy", SLV_SCOPE_DEPLOY}, {"data", SLV_SCOPE_DATA}};

slv_code slv_catalog_scopes_text(unsigned set, slv_arena *arena, slv_str *ret)
{
    char text[64];
    size_t n = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(scopes); i++)
        if (set & scopes[i].bit)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "," : "", scopes[i].name);
    return slv_arena_dup(arena, slv_str_make(text, n), ret);
}

static unsigned scope_bit(slv_str word)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(scopes); i++)
        if (slv_str_is(word, scopes[i].name))
            return scopes[i].bit;
    return slv_str_is(word, "all") ? SLV_SCOPE_ALL : 0;
}

slv_code slv_catalog_scopes_parse(slv_str text, unsigned *ret, slv_err *err)
{
    unsigned set = 0;
    size_t at = 0;

    while (at < text.len) {
        size_t end = at;

        while (end < text.len && text.ptr[end] != ',' && text.ptr[end] != ' ')
            end++;
        slv_str word = slv_str_sub(text, at, end);
        if (word.len > 0) {
            unsigned bit = scope_bit(word);

            if (!bit)
                return slv_fail(err, SLV_E_INVAL,
                                "'%.*s' is no scope; those are read, deploy, data and all",
                                SLV_STR_ARGS(word));
            set |= bit;
        }
        at = end + 1;
    }
    if (!set)
        return slv_fail(err, SLV_E_INVAL,
                        "no scope is named; those are read, deploy, data and all");
    *ret = set;
    return SLV_OK;
}

/* ---- accounts ---- */

bool slv_catalog_account_id_ok(slv_str id)
{
    if (id.len != SLV_ACCOUNT_ID_LEN)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (slv_hex_value(id.ptr[i]) < 0 || (id.ptr[i] >= 'A' && id.ptr[i] <= 'F'))
            return false;
    return true;
}

void slv_catalog_account_id_draw(char out[static SLV_ACCOUNT_ID_LEN + 1])
{
    uint8_t bytes[SLV_ACCOUNT_ID_LEN / 2];

    slv_rand_bytes(bytes, sizeof bytes);
    slv_hex_put(slv_str_make(bytes, sizeof bytes), out);
    out[SLV_ACCOUNT_ID_LEN] = 0;
}

/* Names stand on one line of people's terminals. */
static slv_code check_text(const char *what, slv_str text, size_t min, size_t max, slv_err *err)
{
    if (text.len < min || text.len > max)
        return slv_fail(err, SLV_E_INVAL, "%s is %zu bytes long; %zu to %zu are allowed", what,
                        text.len, min, max);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return slv_fail(err, SLV_E_INVAL, "%s has a control character in it", what);
    return SLV_OK;
}

static slv_code count_rows(slv_catalog *c, const char *sql, slv_str arg, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    if (arg.ptr)
        slv_stmt_bind_text(st, 1, arg);
    slv_code code = slv_stmt_step(c->db, st, err);

    *ret = code == SLV_OK ? slv_stmt_int(st, 0) : 0;
    slv_stmt_done(st);
    return code;
}

slv_code slv_catalog_account_create(slv_catalog *c, const slv_account_row *row, slv_err *err)
{
    sqlite3_stmt *st;
    int64_t n;

    if (!slv_catalog_account_id_ok(row->id))
        return slv_fail(err, SLV_E_INVAL, "an account's id is 32 lower-case hexadecimal digits");
    SLV_TRY(check_text("the account's name", row->name, 1, SLV_ACCOUNT_NAME_MAX, err));
    SLV_TRY(check_text("the account's e-mail address", row->email, 0, SLV_ACCOUNT_EMAIL_MAX, err));
    SLV_TRY(count_rows(c, "SELECT count(*) FROM account", SLV_STR_NULL, &n, err));
    if (n >= SLV_ACCOUNTS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "there are %u accounts already, as many as are allowed",
                        SLV_ACCOUNTS_MAX);
    SLV_TRY(count_rows(c, "SELECT count(*) FROM account WHERE name=?1", row->name, &n, err));
    if (n > 0)
        return slv_fail(err, SLV_E_EXISTS, "there is an account of the name '%.*s' already",
                        SLV_STR_ARGS(row->name));
    SLV_TRY(slv_db_stmt(c->db, "INSERT INTO account(id,name,email,created) VALUES(?1,?2,?3,?4)",
                        &st, err));
    slv_stmt_bind_text(st, 1, row->id);
    slv_stmt_bind_text(st, 2, row->name);
    slv_stmt_bind_text(st, 3, row->email);
    slv_stmt_bind_int(st, 4, row->created_ms);
    return slv_stmt_run(c->db, st, err);
}

#define ACCOUNT_COLUMNS "id,name,email,created"

static slv_code read_account(sqlite3_stmt *st, slv_arena *arena, slv_account_row *ret)
{
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 0), &ret->id));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 1), &ret->name));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 2), &ret->email));
    ret->created_ms = slv_stmt_int(st, 3);
    return SLV_OK;
}

slv_code slv_catalog_account_get(slv_catalog *c, slv_str id_or_name, slv_arena *arena,
                                 slv_account_row *ret, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id=?1 OR name=?1"
                        " ORDER BY id<>?1 LIMIT 1",
                        &st, err));
    slv_stmt_bind_text(st, 1, id_or_name);
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        code = read_account(st, arena, ret);
    else if (code == SLV_E_NOTFOUND)
        code = slv_fail(err, code, "there is no account '%.*s'", SLV_STR_ARGS(id_or_name));
    slv_stmt_done(st);
    return code;
}

slv_code slv_catalog_account_list(slv_catalog *c, slv_arena *arena, slv_account_row **ret,
                                  size_t *ret_count, slv_err *err)
{
    slv_account_row *rows;
    sqlite3_stmt *st;
    int64_t count;
    size_t n = 0;
    slv_code code;

    SLV_TRY(count_rows(c, "SELECT count(*) FROM account", SLV_STR_NULL, &count, err));
    rows = slv_arena_try_alloc0(arena, ((size_t)count + 1) * sizeof *rows);
    if (!rows)
        return SLV_E_LIMIT;
    SLV_TRY(slv_db_stmt(c->db, "SELECT " ACCOUNT_COLUMNS " FROM account ORDER BY created,id", &st,
                        err));
    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK && n < (size_t)count)
        if ((code = read_account(st, arena, &rows[n++])) != SLV_OK)
            break;
    slv_stmt_done(st);
    *ret = rows;
    *ret_count = n;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* Every table with rows of accounts has a column of that name. */
static slv_code delete_rows(slv_catalog *c, slv_str table, slv_str id, slv_err *err)
{
    char sql[200];
    sqlite3_stmt *st = NULL;
    slv_code code;

    (void)snprintf(sql, sizeof sql, "DELETE FROM \"%.*s\" WHERE account=?1", SLV_STR_ARGS(table));
    if (sqlite3_prepare_v2(slv_db_handle(c->db), sql, -1, &st, NULL) != SQLITE_OK)
        return slv_db_fail(c->db, err, "account");
    slv_stmt_bind_text(st, 1, id);
    do
        code = slv_stmt_step(c->db, st, err);
    while (code == SLV_OK);
    (void)sqlite3_finalize(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_catalog_account_delete(slv_catalog *c, slv_str id, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    slv_account_row row;
    slv_str tables[64];
    size_t n = 0;
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(slv_catalog_account_get(c, id, &arena, &row, err));
    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) p"
                        " WHERE m.type='table' AND p.name='account' AND m.name<>'audit'",
                        &st, err));
    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK && n < SLV_ARRAY_LEN(tables))
        if ((code = slv_arena_dup(&arena, slv_stmt_str(st, 0), &tables[n++])) != SLV_OK)
            break;
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code == SLV_OK ? SLV_E_LIMIT : code;
    for (size_t i = 0; i < n; i++)
        SLV_TRY(delete_rows(c, tables[i], row.id, err));
    SLV_TRY(slv_db_stmt(c->db, "DELETE FROM account WHERE id=?1", &st, err));
    slv_stmt_bind_text(st, 1, row.id);
    return slv_stmt_run(c->db, st, err);
}

/* ---- tokens ---- */

static void hash_of(slv_str text, uint8_t out[static SLV_SUM_MAX])
{
    slv_sum_of(SLV_SUM_SHA256, text, out);
}

slv_code slv_catalog_token_create(slv_catalog *c, slv_token_row *row, slv_arena *arena,
                                  char text[static SLV_TOKEN_LEN + 1], slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(128);
    uint8_t secret[SECRET_LEN], hash[SLV_SUM_MAX];
    char id[SLV_ACCOUNT_ID_LEN + 1];
    slv_account_row account;
    sqlite3_stmt *st;
    int64_t n;

    SLV_TRY(slv_catalog_account_get(c, row->account, arena, &account, err));
    SLV_TRY(check_text("the token's name", row->name, 1, SLV_ACCOUNT_NAME_MAX, err));
    SLV_TRY(check_text("the token's e-mail address", row->email, 0, SLV_ACCOUNT_EMAIL_MAX, err));
    if (row->scopes == 0 || (row->scopes & ~(unsigned)SLV_SCOPE_ALL))
        return slv_fail(err, SLV_E_INVAL, "a token has at least one of read, deploy and data");
    SLV_TRY(count_rows(c, "SELECT count(*) FROM token WHERE account=?1 AND revoked=0", account.id,
                       &n, err));
    if (n >= SLV_TOKENS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the account has %u tokens already; revoke one first",
                        SLV_TOKENS_MAX);
    slv_rand_bytes(secret, sizeof secret);
    SLV_TRY(slv_buf_append(&out, SLV_STR(SLV_TOKEN_PREFIX)));
    SLV_TRY(slv_base64_encode(slv_str_make(secret, sizeof secret), SLV_BASE64_URL, &out));
    SLV_ASSERT(out.len == SLV_TOKEN_LEN);
    hash_of(slv_buf_view(&out), hash);
    slv_catalog_account_id_draw(id);
    SLV_TRY(slv_arena_dup(arena, slv_str_from(id), &row->id));
    row->account = account.id;
    SLV_TRY(slv_db_stmt(c->db,
                        "INSERT INTO token(id,account,name,email,hash_key,hash,scopes,created,"
                        "expires,revoked,used) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,0,0)",
                        &st, err));
    slv_stmt_bind_text(st, 1, row->id);
    slv_stmt_bind_text(st, 2, row->account);
    slv_stmt_bind_text(st, 3, row->name);
    slv_stmt_bind_text(st, 4, row->email);
    slv_stmt_bind_blob(st, 5, slv_str_make(hash, KEY_LEN));
    slv_stmt_bind_blob(st, 6, slv_str_make(hash, HASH_LEN));
    slv_stmt_bind_int(st, 7, row->scopes);
    slv_stmt_bind_int(st, 8, row->created_ms);
    slv_stmt_bind_int(st, 9, row->expires_ms);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    memcpy(text, out.ptr, SLV_TOKEN_LEN);
    text[SLV_TOKEN_LEN] = 0;
    return SLV_OK;
}

#define TOKEN_COLUMNS "id,account,name,email,scopes,created,expires,revoked,used"

static slv_code read_token(sqlite3_stmt *st, slv_arena *arena, slv_token_row *ret)
{
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 0), &ret->id));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 1), &ret->account));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 2), &ret->name));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 3), &ret->email));
    ret->scopes = (unsigned)slv_stmt_int(st, 4);
    ret->created_ms = slv_stmt_int(st, 5);
    ret->expires_ms = slv_stmt_int(st, 6);
    ret->revoked_ms = slv_stmt_int(st, 7);
    ret->used_ms = slv_stmt_int(st, 8);
    return SLV_OK;
}

/* Looks at every byte whatever the others are. */
static bool same_hash(slv_str stored, const uint8_t *hash)
{
    unsigned differs = 0;

    if (stored.len != HASH_LEN)
        return false;
    for (size_t i = 0; i < HASH_LEN; i++)
        differs |= (unsigned char)stored.ptr[i] ^ hash[i];
    return differs == 0;
}

slv_code slv_catalog_token_find(slv_catalog *c, slv_str text, slv_arena *arena, slv_token_row *ret,
                                slv_err *err)
{
    uint8_t hash[SLV_SUM_MAX];
    sqlite3_stmt *st;
    slv_code code;

    hash_of(text, hash);
    SLV_TRY(
        slv_db_stmt(c->db, "SELECT " TOKEN_COLUMNS ",hash FROM token WHERE hash_key=?1", &st, err));
    slv_stmt_bind_blob(st, 1, slv_str_make(hash, KEY_LEN));
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        code = same_hash(slv_stmt_str(st, 9), hash) ? read_token(st, arena, ret) : SLV_E_NOTFOUND;
    slv_stmt_done(st);
    return code;
}

slv_code slv_catalog_token_list(slv_catalog *c, slv_str account, slv_arena *arena,
                                slv_token_row **ret, size_t *ret_count, slv_err *err)
{
    slv_token_row *rows;
    sqlite3_stmt *st;
    int64_t count;
    size_t n = 0;
    slv_code code;

    SLV_TRY(count_rows(c, "SELECT count(*) FROM token WHERE ?1='' OR account=?1",
                       account.ptr ? account : SLV_STR(""), &count, err));
    rows = slv_arena_try_alloc0(arena, ((size_t)count + 1) * sizeof *rows);
    if (!rows)
        return SLV_E_LIMIT;
    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT " TOKEN_COLUMNS " FROM token WHERE ?1='' OR account=?1"
                        " ORDER BY created,id",
                        &st, err));
    slv_stmt_bind_text(st, 1, account.ptr ? account : SLV_STR(""));
    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK && n < (size_t)count)
        if ((code = read_token(st, arena, &rows[n++])) != SLV_OK)
            break;
    slv_stmt_done(st);
    *ret = rows;
    *ret_count = n;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_catalog_token_revoke(slv_catalog *c, slv_str account, slv_str id_or_name,
                                  int64_t now_ms, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db,
                        "UPDATE token SET revoked=?3 WHERE account=?1 AND revoked=0"
                        " AND (id=?2 OR name=?2)",
                        &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, id_or_name);
    slv_stmt_bind_int(st, 3, now_ms);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    if (sqlite3_changes(slv_db_handle(c->db)) == 0)
        return slv_fail(err, SLV_E_NOTFOUND, "the account has no token '%.*s' that is in force",
                        SLV_STR_ARGS(id_or_name));
    return SLV_OK;
}

slv_code slv_catalog_token_used(slv_catalog *c, slv_str id, int64_t now_ms, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, "UPDATE token SET used=?2 WHERE id=?1 AND used<?2", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_int(st, 2, now_ms);
    return slv_stmt_run(c->db, st, err);
}
