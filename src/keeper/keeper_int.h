/*
 * keeper_int.h - main's half of the keepers. Private to keeper.
 *
 * Two sides that know each other by mail and by sockets alone: processes are the control thread's
 * (keeper.c), connections and the calls on them are a loop's (conn.c). The lock guards the list of
 * what loops have.
 */
#ifndef SLV_KEEPER_KEEPER_INT_H
#define SLV_KEEPER_KEEPER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "aio/proc.h"
#include "aio/timer.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "keeper/keeper.h"

typedef enum keeper_state {
    KEEPER_NONE,     /* no process */
    KEEPER_STARTING, /* its byte is awaited */
    KEEPER_UP,
    KEEPER_ENDING, /* its end is awaited: another may not be started before */
} keeper_state;

/* One account's process. Control thread. */
typedef struct keeper {
    slv_keepers *k;
    char *tenant;
    keeper_state state;
    slv_proc proc;
    int control, errors; /* -1: none */
    char socket_name[32];
    slv_poll poll;        /* of control */
    slv_timer timer;      /* what the state waits for */
    bool broken;          /* it ended, or must, by no wish of ours */
    bool told_weak;       /* that Landlock does not hold was said */
    size_t conns;         /* of all loops */
    unsigned owes;        /* still.c: answers that are awaited */
    SLV_VEC(int) waiting; /* ends of connections that go there when it is up */
} keeper;

/* What one loop has. */
typedef struct keeper_home {
    slv_loop *loop;
    slv_keepers *k;
    SLV_MAP(struct keeper_conn *) conns; /* by tenant */
    slv_buf scratch;
} keeper_home;

struct slv_keepers {
    slv_keepers_options o;
    slv_state_elsewhere there;
    bool moved, ending;
    SLV_MAP(keeper *) keepers; /* by tenant */
    uint64_t started, crashed;
    char lock_path[4096];

    bool held, frozen; /* control thread */

    pthread_mutex_t lock; /* of what follows */
    SLV_VEC(keeper_home *) homes;
    pthread_cond_t paid;
    unsigned owed; /* answers that are awaited, of all */
    bool told;
};

/* conn.c: the table of state.h */
void slv_keeper_call_(void *arg, slv_call *call, bool destroy);
void slv_keeper_cancel_(void *arg, slv_call *call);
void slv_keeper_forget_(void *arg, slv_loop *loop);

/* still.c: one step of a copy. The first on any thread but the control thread, the others there. */
void slv_keeper_still_(void *arg, slv_still what);
void slv_keeper_stood_(keeper *p); /* it answered */
void slv_keeper_gone_(keeper *p);
void slv_keeper_came_(keeper *p);

/* keeper.c; any thread: tells the control thread */
void slv_keeper_connect_(slv_keepers *k, const char *tenant, int fd_take);
/* broken: not by our wish; the process is to be ended when it still lives. */
void slv_keeper_left_(slv_keepers *k, const char *tenant, bool broken);

#endif
