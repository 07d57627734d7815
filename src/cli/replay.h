/*
 * replay.h - a recorded channel played to a new isolate: what main said is said again, what the
 * isolate answers is compared with what it answered then. Main thread; blocks.
 *
 * The isolate waits for nothing but frames, so the same frames in the same batches give the same
 * answers, as far as the worker does not ask for the time or for randomness. CPU figures are not
 * compared.
 */
#ifndef SLV_CLI_REPLAY_H
#define SLV_CLI_REPLAY_H

#include "base/err.h"
#include "base/str.h"

#define SLV_REPLAY_PATIENCE_MS 10000 /* without an answer that was recorded */

typedef struct slv_replay_result {
    size_t events;    /* that main began */
    size_t frames;    /* that the isolate sent then */
    size_t different; /* in type or id: the course of things is another one */
    size_t changed;   /* in payload only */
} slv_replay_result;

/* note: a line for each of the first differences. */
SLV_NODISCARD slv_code slv_replay(slv_str recording, void (*note)(void *user, const char *line),
                                  void *user, slv_replay_result *ret, slv_err *err);

#endif
