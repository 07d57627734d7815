/*
 * cron_book.h - which slot of each cron has run last, kept in the state directory (v1/cron.json),
 * so that a slot that was missed while nothing ran is made up for: the latest one, once.
 *
 * A slot counts as run when its handler has ended, however it did: one that a crash interrupted is
 * missed. Written behind, a file replaced as a whole; without a state nothing is kept. Loop thread
 * only. Limits: SLV_CRON_BOOK_MAX entries; further ones are not kept.
 */
#ifndef SLV_EDGE_CRON_BOOK_H
#define SLV_EDGE_CRON_BOOK_H

#include "fmt/cron.h"
#include "plat/version.h"
#include "state/state.h"

#define SLV_CRON_BOOK_MAX 10000

typedef struct slv_cron_book slv_cron_book;

/* Reads the file; one that is damaged is an empty one. state may be NULL. */
slv_cron_book *slv_cron_book_open(slv_state *state, slv_loop *loop);
/* From here on nothing is written before free. */
void slv_cron_book_close(slv_cron_book *book);
/* When no job runs any more: writes what is not written yet. Accepts NULL, returns NULL. */
slv_cron_book *slv_cron_book_free(slv_cron_book *book);

/* The latest slot between the last one that ran and now_ms; -1: none was missed. Answered once for
 * each cron of a worker, so that a new version of it misses nothing twice. */
int64_t slv_cron_book_missed(slv_cron_book *book, const slv_version *version, slv_str text,
                             const slv_cron *cron, int64_t now_ms);
void slv_cron_book_ran(slv_cron_book *book, const slv_version *version, slv_str text,
                       int64_t slot_ms);
/* The last slot of cron after from_ms and not after to_ms; -1: none. */
int64_t slv_cron_book_latest(const slv_cron *cron, int64_t from_ms, int64_t to_ms);

#endif
