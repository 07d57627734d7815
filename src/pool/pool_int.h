/* pool_int.h - private to src/pool: what a pool, its groups (one for each version) and its isolates
 * look like. */
#ifndef SLV_POOL_POOL_INT_H
#define SLV_POOL_POOL_INT_H

#include "aio/loop.h"
#include "aio/proc.h"
#include "aio/timer.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "chan/link.h"
#include "chan/page.h"
#include "plat/version.h"
#include "pool/budget.h"
#include "pool/pool.h"
#include "pool/zygote.h"
#include "sandbox/sandbox.h"

#define SLV_POOL_TICK_MIN_MS 4
#define SLV_POOL_TICK_MAX_MS 32
#define SLV_POOL_BIRTH_MS 20000      /* from fork or exec to HELLO */
#define SLV_POOL_START_WALL_MS 30000 /* from START to READY, whatever the CPU clock says */
#define SLV_POOL_STOP_MS 5000        /* from STOP to the end of the process */
#define SLV_POOL_BACKOFF_MS 500      /* a version that cannot start is not tried again sooner */

enum { /* slv_pool_event.state; zero: never begun, or over */
       SLV_EVENT_IDLE,
       SLV_EVENT_WAITING,
       SLV_EVENT_REFUSED, /* will get placed() with an error from the loop */
       SLV_EVENT_OPEN,
};

typedef enum slv_isolate_state {
    SLV_ISOLATE_FORKING,  /* a zygote was asked */
    SLV_ISOLATE_BORN,     /* the process exists; its HELLO is awaited */
    SLV_ISOLATE_BLANK,    /* verified, waits for a worker: a spare */
    SLV_ISOLATE_STARTING, /* START was sent */
    SLV_ISOLATE_READY,
    SLV_ISOLATE_STOPPING, /* STOP was sent */
    SLV_ISOLATE_DYING,    /* killed or closed; events are told; its pidfd is awaited */
} slv_isolate_state;

typedef struct slv_warm {
    void (*fn)(void *user, void *arg, slv_isolate *iso, const slv_err *err);
    void *user;
} slv_warm;

/* What an account has in this pool; as long as it has a group or an isolate. */
typedef struct slv_account {
    slv_list node; /* pool->accounts */
    slv_pool *pool;
    char *name;
    unsigned groups, isolates; /* isolates: of any state, spares and app zygotes too */
    unsigned starts;
    uint64_t bytes; /* that the budget was told of */
    slv_list blanks;
    bool blank_coming;
    slv_zygote *zygote;    /* its own, NULL: the pool's, or none */
    slv_zygote_conn *conn; /* to that */
    uint64_t turn;         /* of the pool, for `placed` */
    unsigned placed;       /* events from outside in that turn */
    uint64_t cpu_ns;       /* that its isolates used in the pool's window: share.c */
    uint64_t use;          /* of late, in nanoseconds for each second */
    int nice;              /* what its isolates should have */
    unsigned calm_windows; /* in a row, in which it would have had less */
} slv_account;

/* Everything about one version in this pool. */
typedef struct slv_group {
    slv_list node; /* pool->groups */
    slv_pool *pool;
    slv_account *account;
    slv_version *version;
    slv_list isolates; /* of any state but DYING */
    slv_list waiting;  /* events, oldest first */
    slv_list refused;  /* events that the pool's task will tell so */
    unsigned waiting_count, isolate_count, starting_count, dying_count, next_number;
    bool retired;
    SLV_VEC(slv_warm) warms;
    slv_isolate *app; /* its app zygote, NULL: none */
    bool app_failed;  /* the last one ended by itself: no other */
    slv_buf failure;  /* JSON of the last START_FAILED */
    uint64_t failed_ms, last_ms;
    slv_err failed;
} slv_group;

/* Figures taken from outside the process. */
typedef struct slv_meter {
    clockid_t clock;
    bool has_clock;
    int statm, schedstat; /* -1: not open */
    uint64_t cpu_ns;      /* process clock at the last sample */
    uint64_t main_ns;     /* schedstat at the last sample: the JavaScript thread alone */
    uint64_t start_ns, start_main_ns; /* both at START */
    uint64_t unclaimed_ns;            /* used since a turn of an open event was last seen */
    uint32_t turn;                    /* the page's counter at the last sample */
    uint64_t base_bytes;              /* private memory before any user code */
    uint64_t used_bytes;
    uint64_t window_ns, window_cpu_ns; /* how busy, in the last window */
    uint64_t ask_bytes;                /* with more, the isolate is asked to collect */
    uint64_t live_bytes;               /* what it says lived after the last such collection */
    uint64_t heavy_cpu_ns;             /* the process clock when that was above the limit */
    bool busy, asked;                  /* asked: the answer is outstanding */
    uint64_t stuck_ms;                 /* when an event was given up in the midst of its turn; 0 */
    uint32_t stuck_turn;
} slv_meter;

struct slv_isolate {
    slv_list node; /* group->isolates, account->blanks or pool->dying */
    slv_list all;  /* pool->all */
    slv_pool *pool;
    slv_account *account;
    slv_group *group; /* NULL: blank */
    slv_isolate_state state;
    slv_link *link;
    slv_proc proc;
    bool has_proc, opened, forked;
    bool from_app;           /* forked with its worker loaded: READY follows HELLO */
    bool app;                /* is an app zygote: no event ever */
    slv_zygote_conn *serves; /* of an app zygote: where it takes requests */
    bool fork_pending;       /* a zygote's answer is outstanding */
    bool started;            /* START was sent */
    bool eof;                /* it closed its end; the end of the process is awaited */
    int channel;             /* main's end until the link has it; -1 after */
    int errors;              /* read end of the process's stderr */
    slv_poll hello;
    slv_timer timer; /* birth, start, stop or idle, by state */
    slv_page *page;
    char name[64];
    char socket_name[32]; /* of the isolate's end, as /proc/<pid>/fd shows it */
    char serves_name[32];
    void *user;
    slv_buf handlers;
    SLV_IMAP(slv_pool_event *) events;
    unsigned residents; /* of the events */
    uint32_t next_event;
    bool apart;       /* open for one event alone */
    bool draining;    /* takes no new events: it is ending */
    bool short_turns; /* slice.c */
    int nice;         /* share.c */
    bool heavy;       /* more lives than its limit allows: takes none, and ends with its last */
    slv_meter meter;
    uint64_t startup_us; /* CPU of module scope */
    uint64_t asked_ns;   /* when its start was decided */
    uint64_t idle_ms;    /* since when it has no event */
    /* the end */
    bool told, refused_start; /* events know; died before READY */
    slv_lost why;
    uint32_t culprit;
    slv_code start_code;
    char *text;
    slv_fork_request fork;
};

struct slv_pool {
    slv_pool_options options;
    slv_loop *loop;
    slv_sandbox_mode sandbox;
    slv_list groups, all, accounts, dying;
    slv_list timed; /* open events with a wall limit */
    slv_task task;  /* tells what was decided */
    slv_timer tick;
    slv_timer housekeeping;
    unsigned tick_ms;
    unsigned isolate_count, open_events, waiting_events;
    unsigned budget_place;
    bool closing, recorded, zygotes_on;
    /* fairness, turn.c: of several accounts none may fill a turn of the loop */
    const slv_account *recent; /* whose event came last; compared, never followed */
    uint64_t contended_ms;     /* until when there are several */
    uint64_t turn;
    slv_task turn_end;
    slv_timer next_turn; /* some wait for it */
    bool short_turns;    /* slice.c */
    bool may_weigh;      /* share.c: the kernel lets us take a nice value back */
    uint64_t window_ns;  /* when the window of slv_account.cpu_ns began */
    void (*closed)(void *user);
    void *closed_user;
    slv_zygote_conn *zygote; /* this pool's connection; NULL: exec */
    slv_pool_stats stats;
    uint64_t now_ns;        /* of the running tick */
    uint64_t exec_until_ms; /* a fork went wrong: exec until then */
};

/* ---- isolate.c: the life of one ---- */

/* Starts a process for a group, or a blank one of the account (NULL). */
slv_isolate *slv_isolate_start(slv_account *account, slv_group *group);
/* Starts the app zygote of a busy version; nothing when the base zygote is not quiet. */
void slv_isolate_start_app(slv_group *group);
/* Gives a blank one its worker. */
void slv_isolate_assign(slv_isolate *iso, slv_group *group);
/* No further events; the process ends by itself, or is made to. */
void slv_isolate_stop(slv_isolate *iso);
/* The one way to the end: kills the process, remembers why; the pool's task tells. code: for a
 * start that failed. */
void slv_isolate_fail(slv_isolate *iso, slv_lost why, uint32_t culprit, slv_code code,
                      const char *fmt, ...) SLV_PRINTF(5, 6);
/* Called from the pool's task: tells every event and closes the link. */
void slv_isolate_tell(slv_isolate *iso);
void slv_isolate_idle(slv_isolate *iso);

/* The process exists: waits for its HELLO. */
slv_code slv_isolate_adopted(slv_isolate *iso, slv_err *err);

/* ---- birth.c: processes, descriptors, verification ---- */

slv_code slv_birth(slv_isolate *iso, slv_err *err);
slv_code slv_birth_verify(slv_isolate *iso, slv_err *err);
/* What it wrote on stderr, cut to the end, for a line in the log. */
void slv_birth_last_words(slv_isolate *iso, char *out, size_t size);
void slv_birth_done(slv_isolate *iso);
/* The zygote has answered for iso->fork. */
void slv_birth_forked(slv_isolate *iso, int pidfd, pid_t pid, slv_code code);
const char *slv_birth_program(const slv_pool *pool);

/* ---- meter.c ---- */

void slv_meter_init(slv_meter *m);
void slv_meter_done(slv_meter *m);
/* After the verification: the clock, and how much memory was there before any user code. */
void slv_meter_birth(slv_isolate *iso);
void slv_meter_begin(slv_isolate *iso); /* before the first event of an idle isolate */
void slv_meter_start(slv_isolate *iso); /* START is sent */
void slv_meter_tick(slv_timer *timer);
void slv_meter_wake(slv_pool *pool);   /* there is something to sample */
void slv_meter_look(slv_isolate *iso); /* how much memory it uses now, without consequence */

/* ---- pool.c ---- */

void slv_pool_later(slv_pool *pool);
/* Serves who waits in the group; calls their placed(). */
void slv_pool_serve(slv_group *group);
/* In all groups: what room there is goes to the accounts that have the fewest isolates, and within
 * one to who has waited longest. */
void slv_pool_serve_all(slv_pool *pool);
/* READY came. */
void slv_pool_ready(slv_isolate *iso);
/* An open event is over without its END. */
void slv_pool_lose(slv_isolate *iso, slv_pool_event *ev, slv_lost why, const char *text);
/* A start failed for good: everyone who waits hears it. */
void slv_pool_refuse(slv_group *group, slv_code code, const char *text);
void slv_pool_gone(slv_isolate *iso); /* process over; frees it */
void slv_pool_notice(slv_pool *pool, const char *fmt, ...) SLV_PRINTF(2, 3);
void slv_pool_spare(slv_account *account);

/* ---- turn.c ---- */

void slv_turn_init(slv_pool *pool);
void slv_turn_done(slv_pool *pool);
/* An event from outside came. */
void slv_turn_note(slv_pool *pool, slv_account *account);
/* It has had as many events in this turn of the loop as it may; who waits is served in the next. */
bool slv_turn_is_over(slv_account *account);
void slv_turn_count(slv_account *account); /* an event from outside was placed */
bool slv_turn_may_start(const slv_account *account);

/* ---- share.c ---- */

void slv_share_init(slv_pool *pool);
void slv_share_used(slv_isolate *iso, uint64_t cpu_ns);
/* Looks, when it is time, who uses how much, and sets the weights. */
void slv_share_pool(slv_pool *pool);
/* A process has begun: it weighs what its account's do. */
void slv_share_isolate(slv_isolate *iso);
/* The nice value of an account that used so much of late (ns for each second), of `accounts` that
 * use processors at all. */
int slv_share_nice(uint64_t use, unsigned accounts, unsigned processors);

/* ---- slice.c ---- */

void slv_slice_pool(slv_pool *pool);      /* contention may have begun or ended */
void slv_slice_isolate(slv_isolate *iso); /* it may have begun or ceased to be busy */

/* ---- account.c ---- */

slv_account *slv_account_get(slv_pool *pool, slv_str name);
void slv_account_started(slv_account *account);
void slv_account_tidy(slv_account *account); /* frees it when nothing of it is left */
/* The zygote that forks for it now; NULL: exec. */
slv_zygote_conn *slv_account_conn(const slv_account *account);
slv_zygote *slv_account_zygote(const slv_account *account);
/* Something that has nothing to do goes, of this account or (NULL) of any. False: all are busy. */
bool slv_account_make_room(slv_pool *pool, const slv_account *of);
/* Whether a worker that was loaded by another may have its first isolate: a cap that holds for
 * calls from inside too, which are refused then, because code could load without end. */
bool slv_account_may_load(slv_group *group);
/* Tells the budget what is used, and gives back what it wants. */
void slv_account_watch_memory(slv_pool *pool);

#endif
