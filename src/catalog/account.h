/*
 * account.h - accounts, the tokens that act for them, and the log of what was changed.
 *
 * A token is SLV_TOKEN_PREFIX and 32 random bytes in base64url. The catalog keeps its SHA-256
 * alone: the row is found by the first half of it and the whole compared in constant time, so
 * neither the file nor the time of an answer tells a token. It belongs to one account, has scopes,
 * may end at a time, and can be revoked; when it was used last is kept to SLV_TOKEN_USED_GRAIN_MS.
 *
 * The audit log has a row for each change. It is bounded: SLV_AUDIT_ROWS_MAX rows, none older than
 * SLV_AUDIT_AGE_MS.
 *
 * Threads, time and errors: catalog.h. Writing functions are for calls that write. Limits:
 * SLV_ACCOUNTS_MAX accounts, SLV_TOKENS_MAX tokens of one that are not revoked.
 */
#ifndef SLV_CATALOG_ACCOUNT_H
#define SLV_CATALOG_ACCOUNT_H

#include "catalog/catalog.h"

#define SLV_ACCOUNT_ID_LEN 32
#define SLV_ACCOUNT_NAME_MAX ((size_t)100)
#define SLV_ACCOUNT_EMAIL_MAX ((size_t)254)
#define SLV_ACCOUNTS_MAX 1000u
#define SLV_TOKENS_MAX 200u
#define SLV_TOKEN_PREFIX "slv_"
#define SLV_TOKEN_LEN 47 /* of the text: the prefix and 43 digits */
#define SLV_TOKEN_USED_GRAIN_MS INT64_C(300000)
#define SLV_AUDIT_ROWS_MAX INT64_C(100000)
#define SLV_AUDIT_AGE_MS (INT64_C(400) * 86400000)
#define SLV_AUDIT_TEXT_MAX ((size_t)2048)

typedef enum slv_scope {
    SLV_SCOPE_READ = 1,   /* see what there is */
    SLV_SCOPE_DEPLOY = 2, /* change workers, and make what they bind to */
    SLV_SCOPE_DATA = 4,   /* read and change what stores hold, and delete stores */
    SLV_SCOPE_ALL = 7,
} slv_scope;

typedef struct slv_account_row {
    slv_str id, name;
    slv_str email; /* of whoever owns it: what `whoami` shows */
    int64_t created_ms;
} slv_account_row;

typedef struct slv_token_row {
    slv_str id, account, name;
    slv_str email;   /* in whose name it acts; empty: the account's */
    unsigned scopes; /* slv_scope */
    int64_t created_ms;
    int64_t expires_ms; /* 0: never */
    int64_t revoked_ms; /* 0: it is not */
    int64_t used_ms;    /* 0: never */
} slv_token_row;

typedef struct slv_audit_row {
    uint64_t number;
    int64_t at_ms;
    slv_str account;
    slv_str actor;    /* an e-mail address; "owner" for the owner of the data directory */
    slv_str token;    /* its id; empty: the owner's socket */
    slv_str action;   /* "PUT /accounts/:account/workers/scripts/:script" */
    slv_str resource; /* "/accounts/…/workers/scripts/hello" */
    int status;       /* what was answered */
} slv_audit_row;

/* "read,deploy,data" of scopes, in the arena; and back: names between commas or spaces, or "all".
 * SLV_E_INVAL names the word that is none. */
SLV_NODISCARD slv_code slv_catalog_scopes_text(unsigned scopes, slv_arena *arena, slv_str *ret);
SLV_NODISCARD slv_code slv_catalog_scopes_parse(slv_str text, unsigned *ret, slv_err *err);

/* True for 32 lower-case hexadecimal digits. */
bool slv_catalog_account_id_ok(slv_str id);

/* ---- accounts ---- */

/* row->id, name and email are given (an id is drawn with slv_catalog_account_id_draw).
 * SLV_E_EXISTS: the id or the name. */
SLV_NODISCARD slv_code slv_catalog_account_create(slv_catalog *c, const slv_account_row *row,
                                                  slv_err *err);
void slv_catalog_account_id_draw(char out[static SLV_ACCOUNT_ID_LEN + 1]);
/* By id or by name. */
SLV_NODISCARD slv_code slv_catalog_account_get(slv_catalog *c, slv_str id_or_name, slv_arena *arena,
                                               slv_account_row *ret, slv_err *err);
/* All, oldest first. */
SLV_NODISCARD slv_code slv_catalog_account_list(slv_catalog *c, slv_arena *arena,
                                                slv_account_row **ret, size_t *ret_count,
                                                slv_err *err);
/* With every row of the catalog that belongs to it, but those of the audit log. Its stores are the
 * caller's to remove. */
SLV_NODISCARD slv_code slv_catalog_account_delete(slv_catalog *c, slv_str id, slv_err *err);

/* ---- tokens ---- */

/* Draws a token for row (account, name, email, scopes, expires_ms, created_ms are given), writes it
 * to text and its id to row->id, in the arena. */
SLV_NODISCARD slv_code slv_catalog_token_create(slv_catalog *c, slv_token_row *row,
                                                slv_arena *arena,
                                                char text[static SLV_TOKEN_LEN + 1], slv_err *err);
/* The token that this text is, live or not. SLV_E_NOTFOUND: none. */
SLV_NODISCARD slv_code slv_catalog_token_find(slv_catalog *c, slv_str text, slv_arena *arena,
                                              slv_token_row *ret, slv_err *err);
/* Of an account (empty: of all), oldest first. */
SLV_NODISCARD slv_code slv_catalog_token_list(slv_catalog *c, slv_str account, slv_arena *arena,
                                              slv_token_row **ret, size_t *ret_count, slv_err *err);
/* By id or name within an account. SLV_E_NOTFOUND: none that is not revoked already. */
SLV_NODISCARD slv_code slv_catalog_token_revoke(slv_catalog *c, slv_str account, slv_str id_or_name,
                                                int64_t now_ms, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_token_used(slv_catalog *c, slv_str id, int64_t now_ms,
                                              slv_err *err);
/* Whether it may act now. */
static inline bool slv_catalog_token_live(const slv_token_row *row, int64_t now_ms)
{
    return row->revoked_ms == 0 && (row->expires_ms == 0 || now_ms < row->expires_ms);
}

/* ---- the audit log ---- */

/* Texts are cut to SLV_AUDIT_TEXT_MAX; number is ignored. Within any call that writes. */
SLV_NODISCARD slv_code slv_catalog_audit(slv_catalog *c, const slv_audit_row *row, slv_err *err);
/* Newest first, at most `limit`, those below number `before` (0: from the newest). account empty:
 * of all. */
SLV_NODISCARD slv_code slv_catalog_audit_list(slv_catalog *c, slv_str account, uint64_t before,
                                              size_t limit, slv_arena *arena, slv_audit_row **ret,
                                              size_t *ret_count, slv_err *err);

#endif
