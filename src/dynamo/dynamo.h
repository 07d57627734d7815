/*
 * dynamo.h - the tables of one tenant: DynamoDB's operations (API of 2012-08-10) on one SQLite
 * file.
 *
 * A request goes three steps. It is made from the operation's name and its JSON, which checks all
 * that needs no table; it is run on the store, in a call of state/state.h; its answer is taken.
 * Whatever is wrong with it is an answer as well: an HTTP status of 400 and up, and a body with
 * `__type`. Only failures of the disk, and what must roll the call back, are codes.
 *
 *     slv_dynamo_request *r = slv_dynamo_request_new(SLV_STR("GetItem"), json, &origin);
 *     if (!slv_dynamo_request_done(r))
 *         code = slv_dynamo_run(dynamo, r, &err);    // on a thread, READ or WRITE
 *     slv_dynamo_request_answer(r, &status, &body);
 *
 * A request that was run and whose call failed (its commit, its sync, a full queue) is answered by
 * slv_dynamo_request_fail. A request may be run again: what it answered is forgotten first.
 *
 * Limits: AWS's (docs/dynamodb.md); a request has SLV_DYNAMO_BODY_MAX bytes; running one takes up
 * to SLV_DYNAMO_MEMORY_MAX of memory, and more is an answer with status 500.
 *
 * Threading: a slv_dynamo is used by one thread at a time and may block on disk; a request by one
 * thread at a time. Times are passed in. Writes are inside the transaction of whoever calls
 * (store/db.h). The file's format is docs/formats/dynamo.md.
 */
#ifndef SLV_DYNAMO_DYNAMO_H
#define SLV_DYNAMO_DYNAMO_H

#include "base/buf.h"
#include "store/db.h"

#define SLV_DYNAMO_BODY_MAX ((size_t)16 << 20)
#define SLV_DYNAMO_MEMORY_MAX ((size_t)256 << 20)
#define SLV_DYNAMO_TABLES_MAX 2500          /* of a tenant */
#define SLV_DYNAMO_TOKEN_MS INT64_C(600000) /* how long a ClientRequestToken is remembered */
/* Of the page that a request may read where it must not block (slv_dynamo_run_small). */
#define SLV_DYNAMO_SMALL_BYTES ((size_t)64 << 10)
#define SLV_DYNAMO_ACCOUNT "123456789012" /* whose all tables are */

typedef struct slv_dynamo slv_dynamo;

/* path without suffix: PATH.sqlite. SLV_E_NOTFOUND: absent, and create is false. */
SLV_NODISCARD slv_code slv_dynamo_open(const char *path, bool create, bool read_only,
                                       slv_dynamo **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_dynamo *slv_dynamo_free(slv_dynamo *dynamo);
SLV_DEFINE_CLEANUP(slv_dynamo *, slv_dynamo_free);
slv_db *slv_dynamo_db(slv_dynamo *dynamo);

/* ---- requests ---- */

typedef struct slv_dynamo_request slv_dynamo_request;

typedef struct slv_dynamo_origin {
    slv_str region; /* in ARNs; empty: "us-east-1" */
    int64_t now_ms;
} slv_dynamo_origin;

/* Copies what it needs. Never NULL: what is wrong is its answer. */
slv_dynamo_request *slv_dynamo_request_new(slv_str operation, slv_str json,
                                           const slv_dynamo_origin *origin);
/* Accepts NULL, returns NULL. */
slv_dynamo_request *slv_dynamo_request_free(slv_dynamo_request *r);
SLV_DEFINE_CLEANUP(slv_dynamo_request *, slv_dynamo_request_free);

/* It is answered: malformed, or nothing that concerns tables. */
bool slv_dynamo_request_done(const slv_dynamo_request *r);
bool slv_dynamo_request_writes(const slv_dynamo_request *r);
/* It may make the file. */
bool slv_dynamo_request_creates(const slv_dynamo_request *r);
/* Perhaps it reads little: worth slv_dynamo_run_small. */
bool slv_dynamo_request_small(const slv_dynamo_request *r);
/* "GetItem"; empty when the operation is none. A literal. */
slv_str slv_dynamo_request_operation(const slv_dynamo_request *r);

/* Calls fn for each table that it names, in their order. */
void slv_dynamo_request_tables(const slv_dynamo_request *r, void (*fn)(void *arg, slv_str name),
                               void *arg);

/* Operations that write fail on a read-only handle. A failure rolls back (the caller's savepoint).
 */
SLV_NODISCARD slv_code slv_dynamo_run(slv_dynamo *dynamo, slv_dynamo_request *r, slv_err *err);
/* A read that gives up with SLV_E_AGAIN where it would read more than SLV_DYNAMO_SMALL_BYTES. */
SLV_NODISCARD slv_code slv_dynamo_run_small(slv_dynamo *dynamo, slv_dynamo_request *r,
                                            slv_err *err);
/* What a call on the store ended with, unless SLV_OK, becomes the answer. SLV_E_NOTFOUND: there is
 * no file yet, so there is no table. */
void slv_dynamo_request_fail(slv_dynamo_request *r, slv_code code);
/* Borrowed until the request is run again or freed. */
void slv_dynamo_request_answer(const slv_dynamo_request *r, int *ret_status, slv_str *ret_body);

/* It is the name of an operation. */
bool slv_dynamo_operation_known(slv_str name);

/* ---- answers without a request ---- */

/* Appends {"__type": ..., "message": ...}; error: "MissingAuthenticationTokenException" and the
 * other names of dynamo/scope.h. Returns the HTTP status. */
int slv_dynamo_put_error(const char *error, slv_str message, slv_buf *out);

/* ---- upkeep ---- */

/* A bounded piece of the work that is due by itself: items past their TTL, indexes that are being
 * filled, tables that were deleted, tokens. *ret_next_ms: when to come again; 0: not before the
 * next write. */
SLV_NODISCARD slv_code slv_dynamo_sweep(slv_dynamo *dynamo, int64_t now_ms, int64_t *ret_next_ms,
                                        slv_err *err);

#endif
