/*
 * state_int.h - the layout of the state, private to its folder.
 *
 * One lock guards everything below but what a comment gives to one thread. It is held for moments;
 * no file is touched and nobody is called back under it.
 *
 * A store's calls wait in two queues. The writer's (WRITE, SOLO) is served by one thread at a time,
 * which takes all that waits (run.c). The readers' (READ) is served by up to READERS_MAX threads,
 * each with a read-only handle of its own.
 */
#ifndef SLV_STATE_STATE_INT_H
#define SLV_STATE_STATE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "aio/strand.h"
#include "aio/timer.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "state/state.h"

#define SLV_STATE_READERS_MAX 4
#define SLV_STATE_LOOPS_MAX 64
/* Read-only handles that one loop keeps for itself. */
#define SLV_STATE_INLINE_MAX 32
/* Calls that one transaction takes at most. */
#define SLV_STATE_RUN_MAX 512
/* A sweep that failed, or that a backup held up, is tried again. */
#define SLV_STATE_SWEEP_AGAIN_MS 2000
#define SLV_STATE_CREW_MAX 64
/* Stores whose handles keep their cached pages. */
#define SLV_STATE_WARM_MAX 16u
#define SLV_STATE_IDLE_MS 60000u

typedef enum crew_kind {
    CREW_OWN,  /* our own statements */
    CREW_USER, /* users' SQL */
    CREW_FILE, /* jobs on files */
    CREWS,
} crew_kind;

typedef struct tenant tenant;

/* A piece of work for a thread; queued at most once. */
typedef struct work work;
struct work {
    slv_list node;
    tenant *who;
    crew_kind crew;
    unsigned index;       /* among its like */
    void (*run)(work *w); /* without the lock */
};

/* What a tenant has waiting for one crew. */
typedef struct turn {
    slv_list node; /* in the crew's round, while works is not empty */
    slv_list works;
    unsigned running;
    tenant *who;
} turn;

struct tenant {
    char *name;
    turn turns[CREWS];
};

/* Threads of one purpose, started when there is work for them. */
typedef struct crew {
    slv_state *state;
    crew_kind kind;
    const char *name;
    pthread_cond_t wake;
    slv_list round; /* turns with work: each tenant gets one piece in turn */
    size_t tenants; /* that have had work so far */
    size_t queued;  /* works in all turns */
    unsigned max, count, idle;
    unsigned due; /* idle threads to be woken once the lock is given up */
    pthread_t threads[SLV_STATE_CREW_MAX];
} crew;

/* What a loop has here. */
typedef struct home home;
typedef struct inline_reader {
    slv_list node; /* home->recent, or home->closing */
    slv_store *store;
    void *service;
} inline_reader;
struct home {
    slv_state *state; /* NULL: the loop is forgotten; loop thread */
    slv_loop *loop;
    unsigned index;
    size_t refs;        /* guarded, as the next five: the state's and that of mail under way */
    size_t outstanding; /* calls and jobs that have not run to their end */
    slv_list incoming;  /* inline_reader: opened for this loop */
    SLV_VEC(slv_store *) drops; /* stores whose readers must go */
    bool mail_sent;
    slv_mail mail;
    /* loop thread */
    SLV_IMAP(inline_reader *) readers; /* by the address of their store */
    slv_list recent;                   /* least recently opened first */
    slv_list closing;
    slv_task close_task;
    slv_timer stuck_timer;
};

struct slv_store {
    slv_state *state;
    const slv_store_type *type;
    unsigned commits; /* its place in state->commits */
    tenant *who;
    char *key;       /* KIND/TENANT/ID, encoded: of the map */
    char *path;      /* without suffix */
    slv_str long_id; /* owned: what the file name cannot hold; else empty */
    size_t refs;
    slv_list used; /* in state->used while something is open here */
    uint64_t used_ns;
    bool warm; /* on state->used, and its handles keep their pages */

    /* the writer */
    slv_call *first, *last;
    size_t waiting;
    bool queued;    /* its work is queued or being run */
    bool held;      /* somebody other closes it just now */
    bool cut;       /* its log is to be cut where all of it has moved */
    bool condemned; /* a sync failed: no more of this handle */
    void *writer;   /* of the thread that has the work; read under the lock where it is idle */
    work write_work;

    /* the readers */
    slv_call *read_first, *read_last;
    slv_list unread;       /* in state->unread while reads wait */
    size_t reads;          /* that wait */
    uint64_t taken, noted; /* reads that threads took; how many when a loop looked last */
    unsigned reading;      /* works queued or being run */
    void *idle_readers[SLV_STATE_READERS_MAX];
    unsigned idle_count;
    work read_works[SLV_STATE_READERS_MAX];
    bool read_busy[SLV_STATE_READERS_MAX];
    uint64_t wanted;       /* homes, by index, that want a reader */
    unsigned inline_count; /* readers with homes */

    /* the end */
    slv_call *destroy; /* waits until no reader is left */

    /* the move elsewhere: calls that wait until nothing is open here */
    slv_call *leaving_first, *leaving_last;

    /* sweeps */
    slv_list sweeps; /* in state->sweeps while sweep_ms != 0 */
    int64_t sweep_ms;
    bool sweeping;
    slv_call sweep_call;
    int64_t sweep_next_ms; /* what the sweep that runs answered */
};

/* Outlives the state for as long as mail to the control loop is under way. */
typedef struct control_bell {
    slv_mail mail;
    slv_state *state; /* NULL: gone. Control thread */
    bool sent;        /* guarded */
} control_bell;

struct slv_state {
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* some outstanding became 0 */
    struct {
        const char *kind; /* guarded */
        _Atomic(uint64_t) syncs, us, buckets[SLV_STATE_SYNC_BUCKETS];
    } commits[SLV_STATE_KINDS_MAX];
    unsigned commit_kinds;    /* guarded */
    _Atomic(uint64_t) serial; /* no other state of this process ever has it; new when a loop goes */
    char *dir;
    bool lent;   /* see slv_state_options */
    int lock_fd; /* -1: lent */
    SLV_MAP(slv_store *) stores;
    SLV_MAP(tenant *) tenants;
    SLV_MAP(bool) folders; /* whose names are known to be durable */
    SLV_MAP(bool) removed; /* folders of tenants: calls that come late make none anew */
    slv_list used;         /* stores with open handles, least recently used first */
    unsigned open_count, open_max, warm_count;
    crew crews[CREWS];
    unsigned processors;
    slv_list unread; /* stores of which reads wait */
    bool ending;
    bool retired; /* another process has the directory */
    /* moment.c */
    unsigned holds;
    bool frozen;
    unsigned moves, cuts; /* under way, to be made */
    pthread_cond_t thawed;
    home *homes[SLV_STATE_LOOPS_MAX];

    const slv_store_type *moved; /* the kind that lives elsewhere; NULL: none */
    const slv_state_elsewhere *elsewhere;

    slv_loop *control;
    control_bell *bell;
    slv_timer sweep_timer, idle_timer; /* control thread */
    work idle_work;
    bool idle_queued;
    slv_list sweeps;
};

/* state.c, with the lock: the place where commits of such stores are counted */
unsigned slv_state_commits_(slv_state *state, const slv_store_type *type);

/* dir.c */
SLV_NODISCARD slv_code slv_state_dir_open_(const char *dir, unsigned wait_ms, int *ret_lock,
                                           char **ret_v1, slv_err *err);
/* Makes the folder that path stands in, durably. */
SLV_NODISCARD slv_code slv_state_folder_(const slv_store *store, slv_err *err);
/* Removes PATH.*, the database first. */
SLV_NODISCARD slv_code slv_state_remove_(const slv_store *store, slv_err *err);
/* Before a database is made: what a removal that was cut short left behind goes; a long id is kept.
 */
SLV_NODISCARD slv_code slv_state_prepare_(const slv_store *store, slv_err *err);

/* tenant.c, with the lock: whether a folder lies in that of a tenant that was removed */
bool slv_state_is_removed_(const slv_state *state, const char *folder);

/* crew.c; all but start and stop with the lock held */
void slv_crew_init_(crew *c, slv_state *state, crew_kind kind, const char *name, unsigned max);
void slv_crew_stop_(crew *c); /* runs what waits, then ends the threads */
/* With the lock held, which must then be given up by slv_state_unlock_. */
void slv_crew_add_(slv_state *state, work *w);
/* Gives up the lock, then wakes threads: one that is woken under it takes the processor only to
 * wait for it. */
void slv_state_unlock_(slv_state *state);
tenant *slv_tenant_(slv_state *state, slv_str name);

/* state.c */
uint64_t slv_state_serial_(void);

/* home.c */
home *slv_home_(slv_state *state, slv_loop *loop); /* on the loop's thread */
/* With the lock held. */
void slv_home_give_(home *h, slv_store *store, void *service);
void slv_home_drop_(slv_state *state, slv_store *store);
/* On the loop, without the lock: a read waits, which slv_store_unstick_ is for. */
void slv_home_watch_(home *h);
/* With the lock held: one thing of this loop has run to its end. */
void slv_home_settle_(slv_state *state, slv_loop *loop);

/* store.c; with the lock held */
/* With the lock: stores whose reads wait for one that takes long get a thread more. Whether reads
 * wait at all. */
bool slv_store_unstick_(slv_state *state);
void slv_store_enqueue_(slv_store *store, slv_call *call);
void slv_store_tidy_(slv_store *store); /* frees it when nothing needs it any more */
void slv_store_used_(slv_store *store);
void slv_store_opened_(slv_store *store);
void slv_store_closed_(slv_store *store);
/* Queues the writer when it has something to do and nobody does it. */
void slv_store_kick_(slv_store *store);
/* Closes least recently used handles until there are few enough, and takes the cached pages of all
 * but the last few; gives the lock away meanwhile. */
void slv_store_evict_(slv_state *state);
/* Closes what was not used for SLV_STATE_IDLE_MS; gives the lock away meanwhile. */
void slv_store_close_idle_(slv_state *state);
/* Closes the writer and idle readers; the caller has the store for itself. Without the lock. */
void slv_store_close_all_(slv_store *store);

bool slv_call_destroys_(const slv_call *call);
/* On a thread that has the store for itself: nothing waits here, its handles close, and the calls
 * that waited for that go on. Without the lock. */
void slv_store_leave_(slv_store *store);

/* run.c */
void slv_run_write_(work *w);
void slv_run_read_(work *w);
/* Both without the lock. finish also counts the call as settled. */
void slv_call_post_(slv_call *call);
void slv_call_finish_(slv_state *state, slv_call *call);

/* sweep.c; the first two with the lock held */
void slv_sweep_plan_(slv_store *store, int64_t at_ms);
void slv_sweep_forget_(slv_store *store);
void slv_sweep_init_(slv_state *state, slv_loop *control);
void slv_sweep_stop_(slv_state *state); /* control thread, without the lock */

#endif
