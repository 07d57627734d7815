/*
 * keep.h - kept logs of one account: files of JSON lines, the oldest removed first.
 *
 * A plain library that blocks on files: no threads, no clock. One writer at a time (a slv_keep);
 * searches need none and may run beside it.
 *
 * What is written is not synced: a crash of the machine may cost the last seconds of logs, never
 * anything else. A line is whole or is not read. docs/formats/logs.md has the files.
 *
 * Limits: SLV_KEEP_LINE_MAX bytes in a line, SLV_KEEP_FOUND_MAX lines and SLV_KEEP_FOUND_BYTES
 * bytes found by one search.
 */
#ifndef SLV_SIGHT_KEEP_H
#define SLV_SIGHT_KEEP_H

#include "base/buf.h"
#include "base/err.h"

#define SLV_KEEP_DAYS 7u
#define SLV_KEEP_BYTES ((uint64_t)256 << 20)
#define SLV_KEEP_SEGMENT_BYTES ((uint64_t)4 << 20)
#define SLV_KEEP_LINE_MAX ((size_t)512 << 10)
#define SLV_KEEP_FOUND_MAX 2000u
#define SLV_KEEP_FOUND_BYTES ((size_t)16 << 20)

typedef struct slv_keep slv_keep;

/* dir: exists. Strings are copied. Accepts what a crash left. */
SLV_NODISCARD slv_code slv_keep_open(const char *dir, uint32_t days, uint64_t bytes, slv_keep **ret,
                                     slv_err *err);
/* Accepts NULL, returns NULL. */
slv_keep *slv_keep_close(slv_keep *keep);
SLV_DEFINE_CLEANUP(slv_keep *, slv_keep_close);
/* lines: whole, each with its newline. Old files go when they are due. */
SLV_NODISCARD slv_code slv_keep_append(slv_keep *keep, slv_str lines, int64_t now_ms, slv_err *err);

typedef struct slv_keep_query {
    slv_str worker;             /* empty: of all */
    int64_t since_ms, until_ms; /* until 0: no end */
    int level;                  /* the least: 0 debug, 1 info, 2 log, 3 warn, 4 error */
    slv_str type;               /* "log", "exception", "event"; empty: all */
    slv_str event;              /* kind of event, "fetch", "scheduled" ...; empty: all */
    slv_str outcome;            /* empty: all */
    slv_str search;             /* a text in the line; empty: all */
    slv_str request;            /* id of an event; empty: all */
    uint32_t limit;             /* 0: 100 */
} slv_keep_query;

typedef struct slv_kept {
    slv_buf lines; /* JSON objects, newest first, each with a newline */
    size_t count;
    bool more; /* the limit was reached */
} slv_kept;

/* A folder that is not there has no lines. */
SLV_NODISCARD slv_code slv_keep_search(const char *dir, const slv_keep_query *query, slv_kept *ret,
                                       slv_err *err);
void slv_kept_done(slv_kept *kept);
/* -1: none of the levels. */
int slv_keep_level(slv_str name);

#endif
