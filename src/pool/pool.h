/*
 * pool.h - the isolates of one loop: their birth, the choice of one for each event, their limits,
 * their end.
 *
 * Threads: loop thread only, that of the loop given to slv_pool_new. Nothing here blocks longer
 * than a fork or exec. An isolate never leaves its pool. Callbacks run on the loop; none runs
 * inside slv_pool_begin, slv_pool_end or slv_isolate_kill, so a caller may be in the middle of its
 * own structures.
 *
 * The caller (edge) embeds a slv_pool_event in each event and fills the first part:
 *
 *     slv_pool_begin(pool, &e->pool_event)    SLV_OK: placed, ev->isolate and ev->id are set: send
 * EVENT now SLV_E_AGAIN: waiting; ->placed follows exactly once … frames … through
 * slv_isolate_link(ev->isolate) and options.frame slv_pool_end(&e->pool_event, cpu_us)    when the
 * END frame came, or to give up in any state
 *
 * When an isolate is killed or dies, every event open on it gets ->lost once, at the moment of the
 * decision and before options.gone; the event is then over (slv_pool_end is allowed and does
 * nothing). The event whose turn it was gets the reason, its neighbours SLV_LOST_NEIGHBOUR, so that
 * they can be tried again elsewhere.
 *
 * Choice: the ready isolate of that version with the fewest open events; a further one is started
 * when all are busy and the cap allows. Caps bound further isolates, never the first one that an
 * event calls from inside (SLV_POOL_INSIDE: a service binding): refusing that one would be a
 * deadlock. Only events from outside wait.
 *
 * Limits: CPU by the child's clock, sampled while an event is open and charged to the event that
 * the shared page names; memory by resident pages less what was shared at birth. A lie in the page
 * moves cost between the worker's own events only. Numbers come from the version's limits
 * (plat/limits.h), defaults from the specification's limits table.
 */
#ifndef SLV_POOL_POOL_H
#define SLV_POOL_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

#define SLV_POOL_QUEUE_MAX 10000    /* events that wait for an isolate of one version */
#define SLV_POOL_QUEUE_AGE_MS 30000 /* the longest wait */
#define SLV_POOL_PER_ISOLATE                                                                       \
    250 /* open events in an isolate, beyond which another one is wanted                           \
         */
#define SLV_POOL_TURN_EVENTS                                                                       \
    8 /* of one account from outside in a turn of the loop, while another one has traffic too */
#define SLV_POOL_STARTS_MAX                                                                        \
    4 /* isolates of one account that start at once for events from outside, meanwhile */
#define SLV_POOL_LOADED_MAX 32 /* isolates of the workers that one worker has loaded */
#define SLV_POOL_TEXT_MAX 4096 /* start-up failure text kept from a worker (cut) */

typedef struct slv_pool slv_pool;
typedef struct slv_isolate slv_isolate;
typedef struct slv_pool_event slv_pool_event;
typedef struct slv_zygote slv_zygote;   /* pool/zygote.h */
typedef struct slv_zygotes slv_zygotes; /* pool/zygote.h */
typedef struct slv_budget slv_budget;   /* pool/budget.h */
struct slv_loop;
struct slv_link;
struct slv_frame;
struct slv_record;
struct slv_version; /* plat/version.h */

/* Why an open event was lost. Names are those of the trace outcome where there is one. */
#define SLV_LOST(X)                                                                                \
    X(CPU, "exceededCpu")         /* this event used more CPU than its limit */                    \
    X(MEMORY, "exceededMemory")   /* the isolate passed its memory limit in this event's turn */   \
    X(WALL, "exceededWallTime")   /* this event was open too long; the isolate lives on */         \
    X(CRASHED, "exception")       /* the process died in this event's turn */                      \
    X(VIOLATION, "internalError") /* the isolate broke the channel's rules and was killed */       \
    X(NEIGHBOUR, "internalError") /* another event's limit or crash took the isolate down */       \
    X(SHUTDOWN, "canceled")       /* slv_isolate_kill by the caller, or the pool closes */

typedef enum slv_lost {
#define X(name, outcome) SLV_LOST_##name,
    SLV_LOST(X)
#undef X
} slv_lost;

const char *slv_lost_outcome(slv_lost why); /* "exceededCpu" */

enum {
    SLV_POOL_INSIDE = 1, /* called by an open event: never waits for a cap */
    SLV_POOL_APART =
        2, /* alone in its isolate, while it is open: the same route has just killed one */
    SLV_POOL_RESIDENT = 4, /* stays open for long and costs next to nothing: it fills no isolate */
};

struct slv_pool_event {
    /* Set by the caller before slv_pool_begin; zero means the default of the version. */
    struct slv_version *version; /* borrowed; must outlive the event */
    unsigned flags;              /* SLV_POOL_* */
    uint64_t cpu_limit_us;
    uint64_t wall_limit_ms; /* 0: none */
    slv_isolate *on; /* not NULL: this isolate and no other (a capability of its own is called) */
    /* After SLV_E_AGAIN, once: err is NULL when placed (isolate and id are set). Otherwise the
       event is over: SLV_E_TIMEOUT waited too long, SLV_E_JS the worker cannot start (the message
       is what it reported, with its stack), SLV_E_LIMIT its start-up passed a limit, SLV_E_CANCELED
       the pool closes, SLV_E_IO/E_CLOSED others. */
    void (*placed)(slv_pool_event *ev, const slv_err *err);
    /* Once, when a placed event is lost. text says more, for the log; valid during the call. */
    void (*lost)(slv_pool_event *ev, slv_lost why, const char *text);

    /* Readable while placed. */
    slv_isolate *isolate;
    uint32_t id;     /* the event's number in its channel, never 0, never used again in it */
    uint64_t cpu_us; /* charged so far; exact after slv_pool_end */

    /* Private to the pool. */
    slv_list node;
    slv_list timed;
    slv_pool *pool;
    void *group;
    uint64_t queued_ms, wall_end_ms, cpu_ns;
    int state;
    slv_code code;
};

typedef struct slv_pool_options {
    struct slv_loop *loop;
    void *user;
    /* Channel is up, READY has come: make your per-isolate state and keep it with
     * slv_isolate_set_user. */
    void (*opened)(void *user, slv_isolate *iso);
    /* Every frame but HELLO, READY, START_FAILED. LOG and EXCEPTION frames of module scope come
       before `opened`: find the worker by slv_isolate_version. Valid during the call. Returning
       anything but SLV_OK is a violation of the channel's rules: the isolate is killed and the text
       goes to the log. */
    slv_code (*frame)(void *user, slv_isolate *iso, const struct slv_frame *frame, slv_err *err);
    /* As slv_link_options.hold; may be NULL. */
    bool (*hold)(void *user, slv_isolate *iso, const struct slv_frame *frame);
    /* The process is gone (its pidfd says so), all its events have been told; release per-isolate
       state. Called for each isolate for which `opened` was called. text: one line about its end,
       for the log; NULL after a plain stop. */
    void (*gone)(void *user, slv_isolate *iso, const char *text);
    /* A line for the log of the server ("sandbox: …"), may be NULL. */
    void (*notice)(void *user, const char *text);

    slv_zygote *zygote;       /* shared by the pools of a server, borrowed; NULL: always exec */
    slv_zygotes *zygotes;     /* instead: one for each account; borrowed; NULL: none */
    slv_budget *budget;       /* caps and memory of all pools together; borrowed; NULL: cap_total */
    unsigned cap_loaded;      /* isolates of workers that one has loaded; 0: SLV_POOL_LOADED_MAX */
    const char *program;      /* NULL: /proc/self/exe */
    unsigned cap_per_version; /* isolates of one version in this pool; 0: 1 with keep_one, else
                                 processors */
    unsigned cap_total;       /* 0: 256 */
    uint64_t idle_ms;         /* an isolate without events is stopped after this; 0: 60 s */
    bool keep_one; /* dev: one isolate, so that globals last, and it is never idle-stopped */
    struct slv_record *record; /* of the first isolate's channel (chan/record.h); borrowed; NULL */
    unsigned spares;           /* of an account that has earned one; 0: 1 */
    bool no_spare;             /* no process is started ahead of its worker */
} slv_pool_options;

SLV_NODISCARD slv_code slv_pool_new(const slv_pool_options *options, slv_pool **ret, slv_err *err);
/* Kills what is left, tells every event (SHUTDOWN, or placed with SLV_E_CANCELED), then calls done
   once all processes are gone; the pool is freed after that. */
void slv_pool_close(slv_pool *pool, void (*done)(void *user), void *user);

SLV_NODISCARD slv_code slv_pool_begin(slv_pool *pool, slv_pool_event *ev, slv_err *err);
/* Ends or gives up an event in any state; nothing when it was lost or never begun. cpu_us: the
   figure of the END frame, 0 when none came (the sampled one stays). */
void slv_pool_end(slv_pool_event *ev, uint64_t cpu_us);

/* The event has its CPU budget anew: it is one that stays open and is given work by others. */
void slv_pool_renew(slv_pool_event *ev);

/* Starts an isolate of the version before traffic asks for it (a deploy, `dev`'s first run). ready:
   once, err NULL when it is up, otherwise why it cannot start (the codes of ->placed); may be NULL.
 */
void slv_pool_warm(slv_pool *pool, struct slv_version *version,
                   void (*ready)(void *user, void *arg, slv_isolate *iso, const slv_err *err),
                   void *arg);
/* No traffic comes for this version any more: its idle isolates stop, the others when their last
   event ends. Events that are begun for it all the same (a retry) are still served. */
void slv_pool_retire(slv_pool *pool, struct slv_version *version);

/* True while isolates of the version run or start. */
bool slv_pool_has(slv_pool *pool, struct slv_version *version);
/* What the version reported when it last could not start, {"name","message","stack"}; empty when it
   did start. Valid until the next turn. */
slv_str slv_pool_failure(slv_pool *pool, struct slv_version *version);

/* ---- isolates ---- */

struct slv_link *slv_isolate_link(const slv_isolate *iso);
struct slv_version *slv_isolate_version(const slv_isolate *iso);
const char *slv_isolate_name(const slv_isolate *iso); /* "my-api#1" */
pid_t slv_isolate_pid(const slv_isolate *iso); /* for display only; everything acts on the pidfd */
void slv_isolate_set_user(slv_isolate *iso, void *user);
void *slv_isolate_user(const slv_isolate *iso);
/* The payload JSON of READY: {"handlers":[…],"entrypoints":[…]}; valid as long as the isolate. */
slv_str slv_isolate_handlers(const slv_isolate *iso);
/* CPU that module scope took. */
uint64_t slv_isolate_startup_us(const slv_isolate *iso);
/* Somebody wants the values of its console lines from now on. */
void slv_isolate_trace(slv_isolate *iso);
/* The open event with that number, NULL when there is none: frames name events so. */
slv_pool_event *slv_isolate_event(slv_isolate *iso, uint32_t id);
/* Ends the process now (SIGKILL). Every open event is lost with `why` when its turn it is or why is
   SHUTDOWN, as NEIGHBOUR otherwise; told from the loop, not inside this call. */
void slv_isolate_kill(slv_isolate *iso, slv_lost why, const char *text);

/* ---- figures, for metrics and doctor ---- */

typedef struct slv_pool_stats {
    unsigned isolates, starting, open_events, waiting_events;
    uint64_t started_exec, started_zygote, started_app_zygote, killed_cpu, killed_memory, crashed;
    uint64_t rss_bytes;     /* of all isolates, as last sampled */
    uint64_t last_start_us; /* from the decision to READY */
} slv_pool_stats;

/* Each isolate that has a worker, with its memory as last sampled. */
void slv_pool_each(const slv_pool *pool,
                   void (*fn)(void *arg, const struct slv_version *version, uint64_t bytes),
                   void *arg);
/* True when the next isolate (of any account, where each has a zygote) comes from a zygote, not by
 * exec. */
bool slv_pool_forks(const slv_pool *pool);
/* True when the version has an app zygote that forks now. */
bool slv_pool_app_quiet(slv_pool *pool, struct slv_version *version);
void slv_pool_get_stats(const slv_pool *pool, slv_pool_stats *ret);

#endif
