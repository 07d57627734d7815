/*
 * transfer.h - one account of a server as a file, and back (docs/formats/export.md).
 *
 * An export is taken as a backup is (backup.h): acknowledgements pause while lengths are noted, and
 * what was acknowledged before is in it, of every store of the account. Secrets and access keys are
 * sealed anew with a key made of a passphrase. Tokens and the cache are left out.
 *
 * An import is made aside and put in place in two steps that a crash may fall between: the folder
 * gets its name, marked as belonging to nobody; then one transaction of the catalog makes the
 * account. What is marked and has no account goes when the server starts (slv_import_settle).
 *
 * Threading: everything blocks, and is for one thread at a time; not on a loop's thread.
 */
#ifndef SLV_STATE_TRANSFER_H
#define SLV_STATE_TRANSFER_H

#include "catalog/transfer.h"
#include "state/state.h"

#define SLV_EXPORT_FORMAT 1
#define SLV_EXPORT_PASSPHRASE_MAX ((size_t)4096)

typedef struct slv_export_options {
    const char *to;     /* absolute; must not exist */
    slv_str account;    /* its id */
    slv_str passphrase; /* not empty */
} slv_export_options;

typedef struct slv_transfer_report {
    uint64_t files, bytes; /* of the account's data */
    uint64_t paused_us;    /* for which nothing was acknowledged */
    int64_t taken_ms;      /* the moment */
} slv_transfer_report;

/* The file appears whole and durable, or not at all. SLV_E_EXISTS, SLV_E_NOTFOUND: no such account;
 * SLV_E_IO, SLV_E_LIMIT, SLV_E_TIMEOUT. */
SLV_NODISCARD slv_code slv_state_export(slv_state *state, const slv_export_options *options,
                                        slv_transfer_report *ret, slv_err *err);

/* ---- back ---- */

typedef struct slv_import slv_import;

/* What an export says of itself. Strings live as long as the import. */
typedef struct slv_import_head {
    slv_account_row account;
    int64_t taken_ms;
} slv_import_head;

/* Reads the beginning. SLV_E_DENIED: another passphrase; SLV_E_STATE: of a newer program;
 * SLV_E_PARSE: it is no export. */
SLV_NODISCARD slv_code slv_import_open(slv_state *state, const char *from, slv_str passphrase,
                                       slv_import **ret, slv_err *err);
const slv_import_head *slv_import_head_of(const slv_import *m);
/* Access keys of S3 and DynamoDB are left out: they are in use on this server. */
void slv_import_without_keys(slv_import *m);
/* Reads and checks all of it, aside. SLV_E_PARSE and SLV_E_DENIED name the entry. */
SLV_NODISCARD slv_code slv_import_read(slv_import *m, slv_err *err);
/* The rows for slv_catalog_import, as long as the import, and how their secrets are opened. */
slv_str slv_import_rows(const slv_import *m);
slv_catalog_reseal slv_import_reseal(slv_import *m);
/* Puts what was read where the account's data lies. SLV_E_EXISTS: something is there. */
SLV_NODISCARD slv_code slv_import_place(slv_import *m, slv_str account, slv_err *err);
/* The account's row is durable: it may stay. */
void slv_import_keep(slv_import *m);
const slv_transfer_report *slv_import_report(const slv_import *m);
/* Removes what was read and is not kept. Accepts NULL, returns NULL. */
slv_import *slv_import_free(slv_import *m);
SLV_DEFINE_CLEANUP(slv_import *, slv_import_free);

/* What imports that were cut short have left: goes, unless `known` says that the account is there.
 * Before anything of these accounts is opened. */
SLV_NODISCARD slv_code slv_import_settle(slv_state *state,
                                         bool (*known)(void *arg, slv_str account), void *arg,
                                         slv_err *err);

#endif
