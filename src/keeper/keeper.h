/*
 * keeper.h - the D1 databases of an account in a process of its own.
 *
 * User SQL on user schemas is the largest thing that strangers can attack in C. With several
 * accounts it runs in `selvage: keeper ACCOUNT`: a process that holds the account's databases, can
 * open files below the account's d1 folder and nowhere else, has no socket but those to main, and
 * is bounded in memory and processor time. The state (state/state.h) sends it every call on stores
 * of that kind; main's code that makes the calls does not know the difference. `dev` has no
 * keepers.
 *
 * A keeper is started by an account's first call and ended when nobody has called for a minute.
 * Acknowledged means durable as in main: the keeper runs the same state library, and answers after
 * the sync. When it ends by itself (a crash, a kill, memory) its open reads are asked once more, of
 * the next one; what was to be written gets SLV_E_CLOSED and may or may not have happened. The next
 * one is started when the kernel says that the last one is gone: two never have the same file.
 *
 * Main verifies a keeper as it does isolates before the first call goes there. What it answers is
 * read as a stranger's.
 *
 * Threading: new, move and free on the control loop's thread; calls come and end on any loop.
 */
#ifndef SLV_KEEPER_KEEPER_H
#define SLV_KEEPER_KEEPER_H

#include <sys/types.h>

#include "aio/loop.h"
#include "base/err.h"
#include "base/str.h"
#include "state/state.h"

#define SLV_KEEPER_MEMORY ((uint64_t)256 << 20) /* of one keeper, for SQLite */
#define SLV_KEEPER_IDLE_MS 60000                /* without a call, before it is ended */
#define SLV_KEEPER_CALLS_MAX 4096               /* open at once from one loop, then SLV_E_AGAIN */

typedef struct slv_keepers slv_keepers;

typedef struct slv_keepers_options {
    slv_loop *control;
    slv_state *state;        /* freed after the keepers */
    const char *program;     /* NULL: /proc/self/exe */
    const char *const *envp; /* NULL: this process's environment */
    uint64_t memory_bytes;   /* 0: SLV_KEEPER_MEMORY */
    uint32_t idle_ms;        /* 0: SLV_KEEPER_IDLE_MS */
    /* A line for the log of the server, on the control loop: a keeper ended by itself. May be NULL.
     */
    void (*notice)(void *user, const char *text);
    void *user;
} slv_keepers_options;

/* Nothing is started, and databases stay in main, until slv_keepers_move. */
slv_keepers *slv_keepers_new(const slv_keepers_options *options);
/* From now on every account's databases live in its keeper; those that are open in main are closed
 * when what they have begun is done. When an account is added: before its first worker runs. Again:
 * nothing. */
void slv_keepers_move(slv_keepers *k);
bool slv_keepers_moved(const slv_keepers *k);
/* After every other loop has been forgotten by the state (slv_state_forget_loop), and before the
 * state is freed. Ends the processes and waits for them. Accepts NULL, returns NULL. */
slv_keepers *slv_keepers_free(slv_keepers *k);

typedef struct slv_keepers_stats {
    unsigned processes;
    uint64_t started, crashed, rss_bytes;
} slv_keepers_stats;
void slv_keepers_get_stats(slv_keepers *k, slv_keepers_stats *ret); /* control thread */
/* The account's process; 0: none now. For display and tests. Control thread. */
pid_t slv_keepers_pid(slv_keepers *k, slv_str tenant);

/* main() of `__keeper PARENT V1 FOLDER MEMORY` (V1: the state's folder of tenants, FOLDER: the one
 * of this tenant's stores). Descriptors: 3 the control socket, 4 the state's lock. Returns the exit
 * status. */
int slv_role_keeper(int argc, char **argv);

#endif
