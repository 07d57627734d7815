/*
 * state.h - the state directory: who has it, and the stores in it, opened when they are needed.
 *
 * A *store* is one database with what belongs to it: the KV namespace "abc" of the tenant "local".
 * Services (kv, r2, d1, queue ...) are plain libraries that block; here they get their threads. A
 * piece of work on a store is a slv_call, in one of three ways:
 *
 *   SLV_CALL_READ    on a read-only handle, beside the writer and other readers
 *   SLV_CALL_WRITE   our own statements: on the writer's strand, in a savepoint of a transaction
 *                    that all waiting writes share; a call that fails rolls back to its savepoint
 *                    and harms nobody
 *   SLV_CALL_SOLO    a user's SQL, or anything that begins and ends transactions itself: on the
 *                    writer's strand, in none of ours
 *
 * After a run of WRITE and SOLO calls the store's WAL is synced once, and only then are they done:
 * whoever sees done() with SLV_OK sees a durable write. When commit or sync fail, every call of the
 * run gets SLV_E_IO, and the store is closed and opened anew before its next call.
 *
 * done() comes exactly once, on the loop that the call was made from, never inside slv_store_call.
 * Reads begin after every write that was acknowledged before they were made.
 *
 * Hot bounded reads may instead run inline on the loop, see slv_store_reader.
 *
 * Limits: SLV_STORE_WAITING_MAX calls wait for one store (then SLV_E_AGAIN); open handles are
 * closed least recently used first beyond options.open_max, and after a minute without use. The
 * directory's lock is a flock on DIR/lock that child processes inherit: it is free only when the
 * last process that could write is gone.
 *
 * Threading: open and close on one thread; everything else on any loop's thread.
 */
#ifndef SLV_STATE_STATE_H
#define SLV_STATE_STATE_H

#include <stdatomic.h>

#include "aio/loop.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/db.h"

/* DIR/aside: what is being made beside the state; what was left of it goes when the directory is
 * opened. DIR/replaced-TIME: a state that a restore has taken the place of. Neither is in copies.
 */
#define SLV_STATE_ASIDE "aside"
#define SLV_STATE_REPLACED "replaced-"
#define SLV_STORE_WAITING_MAX ((size_t)4096)
/* An id or a tenant's name is no longer. */
#define SLV_STORE_ID_MAX ((size_t)64 << 10)

typedef struct slv_state slv_state;
typedef struct slv_store slv_store;

typedef struct slv_state_options {
    unsigned threads;      /* for our own statements; 0: 4 */
    unsigned user_threads; /* for users' SQL; 0: 4 */
    unsigned open_max;     /* handles on databases open at once; 0: 64 */
    slv_loop *control;     /* where sweeps are timed from; NULL: none */
    unsigned lock_wait_ms; /* how long to wait for another process's lock; 0: not at all */
    bool lent; /* of a process that main has given the lock: dir is DIR/v1 itself, its folders of
                  stores are there, and no lock is taken */
} slv_state_options;

/* Makes DIR/v1 when absent and takes its lock. SLV_E_STATE: another process has it; the message
 * names its pid. */
SLV_NODISCARD slv_code slv_state_open(const char *dir, const slv_state_options *options,
                                      slv_state **ret, slv_err *err);
/* Waits for calls that run; no loop may make one any more. Accepts NULL, returns NULL. */
slv_state *slv_state_free(slv_state *state);
SLV_DEFINE_CLEANUP(slv_state *, slv_state_free);
/* Another process takes the directory: closes the stores and gives up the lock. From then on calls
 * fail with SLV_E_STATE; slv_state_work goes on, for files that are open. Every loop that made
 * calls has been forgotten, no store is elsewhere. Waits for calls that run. Control thread. */
void slv_state_retire(slv_state *state);
const char *slv_state_dir(const slv_state *state); /* DIR/v1 */
/* The descriptor that carries the lock. Whoever gives files of the state to another process gives
 * it this one too: the lock then lasts as long as that process can write. Close-on-exec. */
int slv_state_lock_fd(const slv_state *state);

/* The key that a server's secrets are sealed with: DIR/secret.key, mode 0600. Reads it; makes it,
 * durably, when it is not there. SLV_E_STATE: it has another length. Any thread; blocks. */
#define SLV_STATE_KEY_LEN ((size_t)32)
SLV_NODISCARD slv_code slv_state_key(const char *dir, uint8_t out[static SLV_STATE_KEY_LEN],
                                     slv_err *err);

/* Commits that made writes durable: how many, and how long each took with its sync. Buckets count
 * what took no longer than a bound (and longer than the one before); the last has none. */
#define SLV_STATE_SYNC_BUCKETS 10
extern const uint32_t slv_state_sync_bounds_us[SLV_STATE_SYNC_BUCKETS - 1];
#define SLV_STATE_KINDS_MAX 16
typedef struct slv_state_figures {
    size_t count;
    struct {
        const char *kind; /* slv_store_type.kind */
        uint64_t syncs, sync_us, buckets[SLV_STATE_SYNC_BUCKETS];
    } kinds[SLV_STATE_KINDS_MAX];
} slv_state_figures;
/* Any thread. */
void slv_state_get_figures(slv_state *state, slv_state_figures *ret);

/* What came from another process, for the service itself to do. */
typedef struct slv_served {
    bool read; /* on a reader */
    slv_str bytes;
    int fd; /* -1: none */
    const atomic_bool *stop;
} slv_served;

/* One kind of store: a static const of the service's glue. */
typedef struct slv_store_type {
    const char *kind; /* "kv": the folder TENANT/kv */
    bool user_sql;    /* its calls run on the threads for users' SQL */
    /* Opens the service. path: TENANT/KIND/ID (no suffix: the service adds ".sqlite", a folder for
     * blobs ...), its folder exists. SLV_E_NOTFOUND: not there, and create is false. */
    slv_code (*open)(const char *path, bool create, bool read_only, void **ret, slv_err *err);
    void (*close)(void *service);
    slv_db *(*db)(void *service);
    /* Work that is due by itself (expired entries ...), as a WRITE call, a bounded piece at a time.
     * *ret_next_ms: when to come again, 0: not before the next write. NULL: none. */
    slv_code (*sweep)(void *service, int64_t now_ms, int64_t *ret_next_ms, slv_err *err);
    /* Runs a call that came as bytes (slv_call_wire); what answer has goes back also when it fails.
     * NULL: stores of this kind live in main alone. */
    slv_code (*serve)(void *service, const slv_served *ask, slv_buf *answer, slv_err *err);
} slv_store_type;

/* The store's handle, made when absent; nothing is opened yet. id is any text that the tenant may
 * choose: it is encoded for the file name. Counted: give each back. */
slv_store *slv_state_store(slv_state *state, const slv_store_type *type, slv_str tenant,
                           slv_str id);
slv_store *slv_store_ref(slv_store *store);
slv_store *slv_store_unref(slv_store *store); /* accepts NULL, returns NULL */
/* What type->open is given: to find content files from outside a call. As long as a reference. */
const char *slv_store_path(const slv_store *store);
slv_str slv_store_tenant(const slv_store *store); /* as long as a reference */
/* The id, appended. */
SLV_NODISCARD slv_code slv_store_id(const slv_store *store, slv_buf *out);

typedef enum slv_call_kind {
    SLV_CALL_READ,
    SLV_CALL_WRITE,
    SLV_CALL_SOLO,
} slv_call_kind;

typedef struct slv_call slv_call;

/* How a call is asked of a store that lives in another process. On the loop. */
typedef struct slv_call_wire {
    /* What `serve` reads. *ret_fd: a descriptor that goes along (borrowed), or left alone. */
    slv_code (*put)(slv_call *call, slv_buf *out, int *ret_fd);
    /* What `serve` answered, before done(), also of a call that failed. Not SLV_OK: malformed. */
    slv_code (*get)(slv_call *call, slv_str bytes, slv_err *err);
} slv_call_wire;

struct slv_call {
    slv_call_kind kind;
    bool create; /* the store is made when it is absent (else SLV_E_NOTFOUND) */
    /* On a thread of the pool. Arguments and results stand in the struct around the call. */
    slv_code (*run)(slv_call *call, void *service, slv_err *err);
    /* On the loop; may free the call. */
    void (*done)(slv_call *call);
    const slv_call_wire *wire; /* of kinds that have `serve`; NULL: for stores in main alone */
    slv_code code;             /* for done() */
    slv_err err;
    /* below: state's */
    void *away; /* of whoever has it, when that is not the state */
    slv_loop *loop;
    slv_store *store;
    slv_call *next;
    slv_mail mail;
};

/* The call stays in place until done(). */
void slv_store_call(slv_store *store, slv_loop *loop, slv_call *call);
/* Nobody waits for the call any more. Its owner has set the flag by which the service stops; a
 * store in another process is told. done() comes all the same. */
void slv_store_cancel(slv_call *call);

/* ---- stores that live elsewhere ---- */

typedef enum slv_still {
    SLV_STILL_HOLD = 'H',
    SLV_STILL_FREEZE = 'F',
    SLV_STILL_THAW = 'T',
    SLV_STILL_RELEASE = 'R',
} slv_still;

/* Whoever has the stores of one kind in other processes (keeper/keeper.h). On the call's loop. */
typedef struct slv_state_elsewhere {
    void *arg;
    /* Sees to the call's done(), by slv_call_back. destroy: everything of the store is to go. */
    void (*call)(void *arg, slv_call *call, bool destroy);
    void (*cancel)(void *arg, slv_call *call);
    /* The loop goes away: its calls are done when this returns. */
    void (*forget)(void *arg, slv_loop *loop);
    /* From slv_state_hold and its like: the same there. Returns when it is so; blocks, on the
     * caller's thread. */
    void (*still)(void *arg, slv_still step);
} slv_state_elsewhere;

/* From now on calls on stores of this kind go there. Those open here finish what they have begun
 * and are closed before their first call goes. NULL, when no loop makes such calls any more: they
 * are elsewhere no longer. */
void slv_state_move(slv_state *state, const slv_store_type *type, const slv_state_elsewhere *there);
/* A call that was given away is done. Any thread; done() follows on its loop. */
void slv_call_back(slv_call *call);

/* A read-only service for this loop alone, when one is open here already; NULL: make a READ call
 * (this loop then gets one soon). Valid until the loop's next turn. For bounded reads by statements
 * of our own that touch a few pages. */
void *slv_store_reader(slv_store *store, slv_loop *loop);
/* Before a loop that made calls or used slv_store_reader goes away, on its thread: waits until all
 * that it asked for has run (their done() calls are then in its mailbox) and closes its readers. */
void slv_state_forget_loop(slv_state *state, slv_loop *loop);

/* ---- the whole directory at one moment ---- */

/*
 * For copies of everything (state/backup.h). While the directory is held, files of it only grow:
 * checkpoints, sweeps and removals wait, and every log begins with what is not in its database.
 * While it is frozen, nothing is acknowledged: so whatever a file has then was either acknowledged
 * before, or by nobody. All but the last two block, and are not for a loop's thread.
 */
/* SLV_E_TIMEOUT: something that moves files did not end. Counted: release as often. */
SLV_NODISCARD slv_code slv_state_hold(slv_state *state, slv_err *err);
void slv_state_release(slv_state *state);
void slv_state_freeze(slv_state *state);
void slv_state_thaw(slv_state *state);
/* Between making something durable by other ways than calls and saying so: waits while it is
 * frozen. */
void slv_state_gate(slv_state *state);
/* For those who move or remove files of the directory: may not begin (false) while it is held. */
bool slv_state_move_begin(slv_state *state);
void slv_state_move_end(slv_state *state);

/* Plain work that blocks on files, not tied to one database: reading and writing content files. */
typedef struct slv_job slv_job;
void slv_state_work(slv_state *state, slv_loop *loop, slv_job *job);

/* The ids of one kind that a tenant has, in order; for listings. Blocks. */
/* The folder that a tenant's stores of one kind lie in, made durably when absent; appended. */
SLV_NODISCARD slv_code slv_state_folder(slv_state *state, const slv_store_type *type,
                                        slv_str tenant, slv_buf *out, slv_err *err);
typedef void (*slv_state_each)(void *arg, slv_str id);
SLV_NODISCARD slv_code slv_state_list(slv_state *state, const slv_store_type *type, slv_str tenant,
                                      slv_state_each each, void *arg, slv_err *err);
/* Removes whatever lies in a tenant's folder, and the folder. Its stores must have been destroyed;
 * those that are opened later fail with SLV_E_NOTFOUND, until it is revived. Blocks: in a job. */
SLV_NODISCARD slv_code slv_state_remove_tenant(slv_state *state, slv_str tenant, slv_err *err);
/* A tenant of this name is there again. Any thread. */
void slv_state_revive_tenant(slv_state *state, slv_str tenant);
/* Closes the store and removes everything of it; as a call: done() comes when it is gone. */
void slv_store_destroy(slv_store *store, slv_loop *loop, slv_call *call);

#endif
