/*
 * ask.h - everything that main asks of a D1 database, as data: what is wanted, and what came of it.
 *
 * A database lives in main or, with several accounts, in its account's keeper (keeper/keeper.h). An
 * ask is run where the database is: slv_d1_ask_run in place; elsewhere its wishes travel as bytes
 * (put, serve, get), and nothing else of it does but one descriptor, where it has one. The bytes
 * come from another process of ours that users' SQL may have taken over, so main reads an answer as
 * a stranger's.
 *
 * Threading and errors are those of d1.h. Pointers are borrowed until the ask is over.
 */
#ifndef SLV_D1_ASK_H
#define SLV_D1_ASK_H

#include "d1/d1.h"
#include "d1/insights.h"

#define SLV_D1_ASK_TABLES_MAX 256

typedef enum slv_d1_ask_kind {
    SLV_D1_ASK_ROWS = 1, /* a batch, for an isolate. What the user did wrong is an answer: SLV_OK
                            and a message */
    SLV_D1_ASK_JSON,     /* a batch, for a REST call */
    SLV_D1_ASK_INFO,     /* name, age, size; sets name and age first where `now_ms` is given */
    SLV_D1_ASK_IMPORT,   /* runs the text of a file */
    SLV_D1_ASK_EXPORT,   /* writes the text into a file */
    SLV_D1_ASK_TRAVEL,   /* bookmarks, and going back */
    SLV_D1_ASK_INSIGHTS, /* what statements cost, as JSON in `out` */
} slv_d1_ask_kind;

typedef struct slv_d1_ask {
    slv_d1_ask_kind kind;
    bool read; /* on a reader, which refuses to write (SLV_E_STATE) */
    const atomic_bool *stop;
    int fd; /* IMPORT reads it, EXPORT writes it, both from its beginning */

    /* ROWS, JSON: statements, or (ROWS) the bytes that slv_d1_request_parse takes. */
    const slv_d1_statement *statements;
    size_t count;
    slv_str json, blobs;
    bool want_bookmark; /* ROWS: where it stands, in `before` */

    slv_str name; /* INFO */
    int64_t now_ms;

    slv_d1_export_options export;

    bool restore, by_time; /* TRAVEL: to a bookmark, or to a time */
    int64_t ms;
    slv_str bookmark;

    slv_d1_insights_ask insights;

    /* What came of it. */
    slv_arena *arena; /* ROWS: parsed statements; INFO: the name */
    slv_buf *message; /* the text for the user, of a failure; empty otherwise */
    slv_d1_rows *rows;
    slv_d1_json *out;
    slv_d1_info info;
    slv_d1_import import; /* its figures */
    uint64_t size;        /* of what EXPORT wrote */
    char before[SLV_D1_BOOKMARK_LEN + 1], after[SLV_D1_BOOKMARK_LEN + 1];
} slv_d1_ask;

SLV_NODISCARD slv_code slv_d1_ask_run(slv_d1 *d1, slv_d1_ask *ask, slv_err *err);

/* ---- the same elsewhere ---- */

/* The wishes of an ask. SLV_E_LIMIT: more than the buffer takes. */
SLV_NODISCARD slv_code slv_d1_ask_put(const slv_d1_ask *ask, slv_buf *out);
/* Runs what the bytes ask; answer gets what slv_d1_ask_get reads, also when it fails. fd: -1 where
 * none came. SLV_E_PARSE: no ask. */
SLV_NODISCARD slv_code slv_d1_serve(slv_d1 *d1, bool read, slv_str bytes, int fd,
                                    const atomic_bool *stop, slv_buf *answer, slv_err *err);
/* Fills what came of the ask. SLV_E_PARSE: malformed. */
SLV_NODISCARD slv_code slv_d1_ask_get(slv_d1_ask *ask, slv_str bytes, slv_err *err);

#endif
