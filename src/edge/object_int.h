/*
 * object_int.h - Durable Objects on one loop: who owns which, what waits for them, the output gate,
 * alarms, sockets that hibernate. docs/internals/objects.md is the contract with the isolate.
 *
 *     object.c           an object's way from absent to resident and back
 *     objects.c          all of them: idle ones, threads, deploys, the end
 *     facet.c            objects inside of an object
 *     object_gate.c      commits, syncs, and what is held until they are done
 *     object_alarm.c     alarms
 *     object_socket.c    sockets that hibernate, and what is asked about them
 *     object_hand.c      their way to another process, and from there
 *     object_registry.c  calls on the registry
 *     op_object.c        operations on namespaces
 *     op_bookmark.c      what an object asks about its past
 *     op_facet.c         operations on facets
 *
 * A *residence* is an event of main's (`home`) that stays open from OBJECT_OPEN to the end; its id
 * is the object's number. A *call* is an event with `object` set: it enters when the object is
 * resident, and waits here until then. Loop thread only.
 */
#ifndef SLV_EDGE_OBJECT_INT_H
#define SLV_EDGE_OBJECT_INT_H

#include "aio/strand.h"
#include "aio/timer.h"
#include "chan/objmsg.h"
#include "edge/peer_int.h"
#include "edge/wire_int.h"
#include "objects/files.h"
#include "objects/registry.h"
#include "state/state.h"

#define SLV_OBJECT_CALLS_MAX 5000    /* open and waiting in one object; beyond it is overloaded */
#define SLV_OBJECT_IDLE_MS 10000     /* without a call: asked to close */
#define SLV_OBJECT_CLOSE_MS 10000    /* from CLOSE to CLOSED */
#define SLV_OBJECTS_PER_ISOLATE 1000 /* residences: each costs the isolate two descriptors */
#define SLV_OBJECT_SOCKETS_MAX 32768
#define SLV_OBJECT_THREADS 16 /* that wait for the disk */
#define SLV_OBJECT_CHECKPOINT_BYTES                                                                \
    ((uint64_t)4 << 20) /* WAL from which on a checkpoint is due                                   \
                         */

typedef enum slv_object_state {
    SLV_OBJECT_ABSENT,
    SLV_OBJECT_OPENING, /* files and registry */
    SLV_OBJECT_PLACING, /* waits for an isolate */
    SLV_OBJECT_RESIDENT,
    SLV_OBJECT_CLOSING, /* CLOSE was sent */
    SLV_OBJECT_ENDING,  /* the residence is over; its last commits are being synced */
} slv_object_state;

typedef struct slv_facet slv_facet; /* facet_int.h */

struct slv_object {
    slv_objects *all;
    slv_facet *facet;  /* NULL: it is no facet */
    slv_list facets;   /* slv_facet.node */
    unsigned deleting; /* facets that are being removed: its gate is shut */
    slv_object_state state;
    slv_str tenant, worker, class_name, key, name, jurisdiction; /* owned */
    char id[SLV_OBJECT_ID_LEN + 1];
    bool named, sql, deleted;
    bool delayed; /* it would have been opened, but for all->adopting */

    slv_list waiting, calls; /* slv_event.object_node: before and after EVENT was sent */
    size_t call_count;       /* of both lists */

    /* the residence */
    slv_event home;
    slv_isolate *iso; /* until its process is known to be gone, or the object was given back */
    slv_object_files files;
    slv_registry_row row; /* of the registry; only epoch is used after the opening */
    unsigned opening;     /* what the opening still waits for */
    slv_err open_err;
    slv_code open_code;
    bool told_opened;
    bool isolate_gone; /* and that is why the residence ended */
    slv_buf end_error; /* JSON: why the residence ended; empty: the isolate went */
    slv_timer close_timer;
    slv_list idle; /* all->idle */
    uint64_t idle_since_ms;

    /* the gate */
    uint64_t committed, durable, gated; /* sequences; gated: the last that something waits for */
    bool writing;                       /* GATE came, its COMMIT not yet */
    uint64_t acts; /* counts what lasts or others have seen: writes, frames of sockets */
    bool syncing;
    slv_list dirty; /* all->dirty */
    slv_list held;  /* held_frame */
    bool over_when_durable;
    uint32_t frames; /* of the log, at the last commit; 0: none since it is the log */

    /* checkpoints: the log is changed (objects/files.h) */
    bool checkpointing; /* CHECKPOINT was sent */
    bool rotate;        /* CHECKPOINTED came: the next sync gives the new log its name */
    bool drop_next;     /* or takes it away again */
    bool moving;        /* slv_state_move_begin: from a log's making until it has its name */
    uint64_t refused;   /* length of the log when the isolate could not */
    slv_list asks;      /* slv_object_question: done by the next sync */

    /* the alarm */
    slv_registry_alarm alarm;
    bool alarm_unsaved; /* differs from the registry */
    bool alarm_touched; /* was set or deleted while its event ran */
    bool alarm_running;
    slv_timer alarm_timer;

    /* sockets that hibernate */
    slv_list sockets; /* in the order of acceptance */
    SLV_IMAP(struct slv_hibernating *) socket_ids;
    uint32_t next_socket;
    slv_msg_socket_options options; /* strings in option_text */
    slv_buf option_text;
};

struct slv_objects {
    slv_shard *shard;
    SLV_MAP(slv_object *) map; /* by tenant, key and id */
    slv_list idle;             /* resident without calls, oldest first */
    slv_list dirty;            /* with commits that no sync has begun for */
    slv_task sync;             /* at the end of the turn */
    slv_timer sweep;
    slv_threads *threads;                    /* from the first job on */
    slv_strand *strands[SLV_OBJECT_THREADS]; /* one for each: jobs take turns */
    unsigned next_strand;
    size_t pending;              /* calls and jobs under way */
    uint32_t last_run;           /* facet_int.h */
    SLV_MAP(bool) loaded;        /* tenants and workers whose alarms are here */
    SLV_MAP(unsigned) migrating; /* tenants and workers, and how often at once */
    bool closing;
    bool leaving;  /* sockets tell their objects nothing more: another process will */
    bool adopting; /* sockets of another process are still to come: no object is opened before */
    void (*closed)(slv_shard *shard);
};

/* ---- object.c ---- */

typedef struct slv_object_target {
    slv_str tenant, worker, class_name, id, name;
    bool named;
} slv_object_target;

/* A new one, in the table under tenant, key and id. */
slv_object *slv_object_make(slv_objects *all, const slv_object_target *target, slv_str key,
                            bool sql);
/* The object, made when this loop has not heard of it. NULL: the class is not there, and *ret_why
 * says so. */
slv_object *slv_object_get(slv_shard *shard, const slv_object_target *target, const char **ret_why);
/* The object that an operation calls; NULL: it was rejected (op_object.c). */
slv_object *slv_object_for_call(slv_event *ev, uint32_t op, const slv_object_target *target);
bool slv_object_id_valid(slv_str id);
/* The version that the object is of: its id picks it. NULL: its worker does not run. */
slv_version *slv_object_version(const slv_object *o);
/* ev->object is set: sends its EVENT when the object is resident. From slv_event_begin. */
void slv_object_enter(slv_event *ev);
/* A call has ended, or was withdrawn; or the residence has. From event.c. */
void slv_object_left(slv_event *ev);
/* The frames of objects.md. */
SLV_NODISCARD slv_code slv_object_frame(slv_isolate *iso, const slv_frame *f, slv_err *err);
/* The resident object of that number, NULL when there is none. */
slv_object *slv_object_of(slv_isolate *iso, uint32_t number);
/* The process is gone for sure: its objects may be given to another. */
void slv_objects_isolate_gone(slv_shard *shard, slv_isolate *iso);
/* Opens it without a call, so that it tells its alarm. */
void slv_object_visit(slv_object *o);
/* The residence ends: open calls fail with the error (JSON; empty: the isolate went). */
void slv_object_end(slv_object *o, slv_str error);
/* Asks the isolate to give the object back. */
void slv_object_close(slv_object *o, slv_close_reason reason, slv_str message);
/* With an error of the caller's, JSON. */
void slv_object_close_json(slv_object *o, slv_close_reason reason, slv_str error);
/* Everybody who waits hears why. */
void slv_object_fail_waiting(slv_object *o, const slv_event_end *end);
/* It is absent: opened again for those who wait, or let go of. */
void slv_object_settle(slv_object *o);
/* Frees it when nothing is left of it. */
void slv_object_release(slv_object *o);
/* Everything is on disk after the residence has ended. */
void slv_object_ended(slv_object *o);
/* Error JSON with the members that errors of objects have. */
enum {
    SLV_OBJECT_RETRYABLE = 1,
    SLV_OBJECT_OVERLOADED = 2,
    SLV_OBJECT_WAS_RESET = 4,
};
SLV_NODISCARD slv_code slv_object_error(slv_buf *out, slv_str message, unsigned flags);
/* What became of a call, as error JSON into scratch; empty: end->error says it. */
slv_str slv_object_call_error(slv_event *ev, const slv_event_end *end);

/* ---- object_gate.c ---- */

/* True when the frame was kept: it belongs to an object whose gate is shut. Every frame of an
 * isolate that has objects passes here first. */
bool slv_object_hold(slv_isolate *iso, const slv_frame *f);
SLV_NODISCARD slv_code slv_object_commit(slv_object *o, const slv_msg_object_commit *m,
                                         slv_err *err);
void slv_object_gate(slv_object *o);
/* CHECKPOINTED. */
SLV_NODISCARD slv_code slv_object_checkpointed(slv_object *o, slv_str payload, slv_err *err);
/* The change of its log is over, or will never be: the directory may be held. */
void slv_object_moved(slv_object *o);
/* A sync follows, whether or not there are commits. */
void slv_object_sync_soon(slv_object *o);
/* CLOSED or RESET has come: ends the residence as soon as nothing is left to be synced. */
void slv_object_commit_settled(slv_object *o);
/* Syncs what is not durable yet; slv_object_ended follows. */
void slv_object_sync_last(slv_object *o);
void slv_object_drop_held(slv_object *o);
void slv_object_gate_open(slv_object *o);
void slv_objects_sync_init(slv_objects *all);

/* ---- op_bookmark.c ---- */

typedef struct slv_object_question slv_object_question;
/* On the thread of a sync, and after it on the loop. */
void slv_object_question_run(slv_object_question *ask, slv_object_files *files);
void slv_object_question_done(slv_object_question *ask);
slv_object_question *slv_object_question_of(slv_list *node);

/* ---- object_alarm.c ---- */

void slv_object_alarm_init(slv_object *o);
/* The alarm that is now in force; saved with the next sync. */
void slv_object_alarm_set(slv_object *o, slv_alarm_change change, int64_t ms);
/* Starts the timer by o->alarm. */
void slv_object_alarm_arm(slv_object *o);

/* ---- object_socket.c ---- */

SLV_NODISCARD slv_code slv_object_socket_frame(slv_object *o, const slv_frame *f, slv_err *err);
/* The wire of a RESPONSE of kind 5. NULL: it is over already. SLV_E_PROTOCOL. */
SLV_NODISCARD slv_code slv_object_socket_wire(slv_object *o, uint32_t id, slv_wire **ret,
                                              slv_err *err);
/* The residence is over: sockets whose other end was never returned go with it. */
void slv_object_sockets_residence_over(slv_object *o);
void slv_object_sockets_drop(slv_object *o, slv_str message);
SLV_NODISCARD slv_code slv_object_ask(slv_isolate *iso, const slv_frame *f, slv_err *err);

/* ---- object_registry.c ---- */

/* Enters the object: o->row.epoch, o->name, then slv_object_opened. */
void slv_object_registry_enter(slv_object *o);
void slv_object_registry_leave(slv_object *o);
/* Saves o->alarm; done (may be NULL) comes when it is durable. */
typedef void (*slv_object_saved)(slv_object *o, void *arg, slv_code code, const slv_err *err);
void slv_object_registry_save(slv_object *o, slv_object_saved done, void *arg);
/* Brings the worker's classes to its last migration (a class that was deleted loses its objects),
 * then reads alarms and objects that were left open, once for each worker. No object of the worker
 * is opened meanwhile. */
void slv_objects_load(slv_shard *shard, slv_version *version);
/* Removes all that objects of the version's classes kept. None is opened meanwhile. */
void slv_objects_erase(slv_shard *shard, slv_version *version);
/* That is under way. */
bool slv_objects_migrating(slv_objects *all, slv_str tenant, slv_str worker);
/* Opens what had to wait for the worker's migration. */
void slv_objects_resume(slv_objects *all, slv_str tenant, slv_str worker);
/* Appends the folder of a class, ending with a NUL that does not count; ret_parents: where the
 * parents end that may have to be made (may be NULL). */
SLV_NODISCARD slv_code slv_object_folder(slv_shard *shard, slv_str tenant, slv_str key,
                                         slv_buf *out, size_t ret_parents[2]);
/* One part of the opening is done. */
void slv_object_opened(slv_object *o, slv_code code, const slv_err *err);

/* ---- object_hand.c ---- */

/* Another process goes on with the sockets of all objects, as far as they are at rest; `last`: the
 * others are closed. Every object is absent. True: none is left. */
bool slv_objects_hand(slv_objects *all, bool last);
/* Asks every object for itself back; true when all have come. */
bool slv_objects_take_back(slv_objects *all);
/* A socket of another process: parsed from state; fd -1: it has no connection any more. Takes fd.
 */
void slv_objects_adopt(slv_objects *all, slv_str state, int fd);
/* All that come have come: what was to be opened meanwhile is. */
void slv_objects_adopted(slv_objects *all);

/* ---- the shard's ---- */

/* One has become idle: those that have been so for long are closed. */
void slv_objects_idle(slv_object *o);
/* Blocking work on files: counted in pending, which done() gives back. */
void slv_objects_job(slv_objects *all, slv_job *job);
void slv_objects_pending_done(slv_objects *all);

slv_objects *slv_objects_new(slv_shard *shard);
/* Versions have taken over: objects of others are reset; alarms are loaded. */
struct slv_worker;
void slv_objects_deploy(slv_shard *shard, const struct slv_worker *w);
/* No version answers any more; remove: the worker is no more, and what its objects kept goes. */
void slv_objects_undeploy(slv_shard *shard, slv_version *version, bool remove);
/* Every isolate is gone: calls closed when nothing is under way any more. */
void slv_objects_close(slv_objects *all, void (*closed)(slv_shard *shard));
slv_objects *slv_objects_free(slv_objects *all);

#endif
