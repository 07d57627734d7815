/*
 * usersql_int.h - the parts of usersql: judge (usersql_auth.c), texts (usersql_error.c), statements
 * (usersql.c).
 */
#ifndef SLV_STORE_USERSQL_INT_H
#define SLV_STORE_USERSQL_INT_H

#include "base/list.h"
#include "base/map.h"
#include "store/usersql.h"

/* Longest text of a failure. */
#define USERSQL_MESSAGE_MAX ((size_t)256 << 10)

/* Instructions between two looks at the deadline and the stop flag. */
#define USERSQL_GUARD_OPS 4000

struct slv_usersql_query {
    slv_usersql *u;
    sqlite3_stmt *st;
    slv_str text;     /* owned */
    slv_list lru;     /* of u->idle, while nobody uses it */
    bool keep;        /* one statement without effects at its preparation */
    bool kept;        /* found by its text */
    bool writer_only; /* refused with SLV_USERSQL_READ */
};

struct slv_usersql {
    sqlite3 *db;
    char *reserved;
    size_t reserved_len;

    bool judging;    /* what is prepared or run now is a user's */
    bool saw_pragma; /* since the last statement began */
    bool saw_state;  /* a function that reads the state of the writing connection */
    bool saw_transaction;

    uint64_t deadline_ns;
    const atomic_bool *stop;
    bool timed_out, stopped;

    SLV_MAP(slv_usersql_query *) kept;
    slv_list idle; /* least recently used first */
    size_t kept_bytes;

    slv_buf message;
};

/* The authorizer that sqlite3_set_authorizer is given, with a slv_usersql. */
int slv_usersql_authorize(void *arg, int action, const char *a, const char *b, const char *schema,
                          const char *trigger);

/* Sets the message and fills err. */
slv_code slv_usersql_say(slv_usersql *u, slv_err *err, slv_code code, slv_str text);

/* Of the library as the build makes it (tools/sqlite_count.py). */
sqlite3_uint64 slv_sqlite_rows(sqlite3_stmt *st, int which, int reset);

#endif
