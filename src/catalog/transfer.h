/*
 * transfer.h - everything that the catalog has of one account, as lines of JSON, and back.
 *
 * A line is {"table":"worker","row":{"name":"hello",...}}: a row with the names of its columns, but
 * those that say whose it is and where it stands (`account`, `seq`; lines come in the order of
 * seq). Bytes, which are sealed secrets throughout, are {"sealed":"base64"}, sealed anew on the
 * way. Tokens, the audit log and uploads that are under way are not among them.
 *
 * What comes back is checked as what strangers say: tables and columns must be known, names valid,
 * hosts nobody else's. Columns that a later format has added get their defaults.
 *
 * Threading and errors: catalog.h. Both are for one call, so that an account comes whole or not.
 */
#ifndef SLV_CATALOG_TRANSFER_H
#define SLV_CATALOG_TRANSFER_H

#include "base/buf.h"
#include "catalog/account.h"

#define SLV_CATALOG_LINE_MAX ((size_t)32 << 20)

/* Opens what is sealed with one key and seals it with another; appends. */
typedef struct slv_catalog_reseal {
    slv_code (*fn)(void *arg, slv_str sealed, slv_buf *out, slv_err *err);
    void *arg;
} slv_catalog_reseal;

/* Version of the tables: lines of an older one can be imported, those of a newer one cannot. */
unsigned slv_catalog_format(void);

/* Appends the lines. SLV_E_NOTFOUND: no such account. */
SLV_NODISCARD slv_code slv_catalog_export(slv_catalog *c, slv_str account,
                                          const slv_catalog_reseal *reseal, slv_buf *out,
                                          slv_err *err);

typedef struct slv_catalog_import_options {
    slv_catalog_reseal reseal;
    /* Routes and custom domains are left out, and Pages projects get other subdomains where theirs
     * are taken: for a copy beside the original. */
    bool without_hosts;
    int64_t now_ms; /* of a copy: its workers are younger than the original's */
} slv_catalog_import_options;

/* Makes the account, and its rows of the lines. SLV_E_EXISTS: the account, its name or a host (the
 * message says which, and whose it is); SLV_E_PARSE: a line, by its number. */
SLV_NODISCARD slv_code slv_catalog_import(slv_catalog *c, const slv_account_row *account,
                                          slv_str lines, const slv_catalog_import_options *options,
                                          slv_err *err);

#endif
