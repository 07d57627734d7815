/*
 * Group commit. A thread that gets a store's writer takes all the calls that wait, runs them in
 * order, WRITE calls as savepoints of one transaction, syncs once, and only then tells anybody.
 * What arrives meanwhile waits for the next run: no timer is needed for runs to grow with the load.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "state/state_int.h"

/* READ calls that a thread serves before other stores get their turn. */
#define READ_BATCH 32
/* After a write, so much later the service is asked what is due. */
#define SWEEP_AFTER_MS 2000
#define CUT_TRIES 50
#define CUT_STEP_NS 2000000

typedef struct run {
    slv_store *store;
    slv_db *db; /* NULL while nothing is open */
    bool transaction;
    size_t from; /* the first call of the transaction */
    size_t count;
    slv_call *calls[SLV_STATE_RUN_MAX];
    slv_loop *loops[SLV_STATE_RUN_MAX];
} run;

/* ---- the writer's handle ---- */

static void close_readers(slv_store *store)
{
    slv_state *state = store->state;
    void *idle[SLV_STATE_READERS_MAX];

    pthread_mutex_lock(&state->lock);
    unsigned n = store->idle_count;
    for (unsigned i = 0; i < n; i++)
        idle[i] = store->idle_readers[i];
    store->idle_count = 0;
    slv_home_drop_(state, store);
    slv_state_unlock_(state);
    for (unsigned i = 0; i < n; i++)
        store->type->close(idle[i]);
    pthread_mutex_lock(&state->lock);
    for (unsigned i = 0; i < n; i++)
        slv_store_closed_(store);
    slv_state_unlock_(state);
}

static void close_writer(slv_store *store)
{
    slv_state *state = store->state;

    store->type->close(store->writer);
    pthread_mutex_lock(&state->lock);
    store->writer = NULL;
    slv_store_closed_(store);
    slv_state_unlock_(state);
}

/* Before a store whose sync failed is opened again. */
static slv_code rescue(slv_store *store, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *file = NULL;

    if (asprintf(&file, "%s.sqlite", store->path) < 0)
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    SLV_TRY(slv_db_rescue(file, err));
    store->condemned = false;
    return SLV_OK;
}

static slv_code open_writer(slv_store *store, bool create, slv_err *err)
{
    slv_state *state = store->state;
    void *service = NULL;

    if (store->condemned)
        SLV_TRY(rescue(store, err));
    if (create)
        SLV_TRY(slv_state_prepare_(store, err));
    slv_code code = store->type->open(store->path, create, false, &service, err);
    if (code == SLV_E_IO)
        store->condemned = true; /* it may be a sync that failed */
    if (code != SLV_OK)
        return code;
    pthread_mutex_lock(&state->lock);
    store->writer = service;
    slv_store_opened_(store);
    slv_sweep_plan_(store, slv_clock_wall_ms() + SWEEP_AFTER_MS);
    slv_state_unlock_(state);
    return SLV_OK;
}

static slv_code need_writer(run *r, bool create, slv_err *err)
{
    slv_store *store = r->store;

    if (store->writer && store->condemned) {
        close_readers(store);
        close_writer(store);
    }
    r->db = NULL;
    if (!store->writer)
        SLV_TRY(open_writer(store, create, err));
    r->db = store->type->db(store->writer);
    return SLV_OK;
}

/* ---- a run ---- */

static void fail_calls(run *r, size_t from, size_t to, const slv_err *why)
{
    for (size_t i = from; i < to; i++)
        if (r->calls[i]->code == SLV_OK)
            r->calls[i]->code = slv_fail(&r->calls[i]->err, SLV_E_IO,
                                         "the change was not made durable: %s", slv_err_text(why));
}

/* Ends the transaction that WRITE calls share, when there is one. */
static slv_code end_transaction(run *r, slv_err *err)
{
    if (!r->transaction)
        return SLV_OK;
    r->transaction = false;
    slv_code code = slv_db_commit(r->db, err);
    if (code != SLV_OK)
        slv_db_rollback(r->db);
    return code;
}

static void run_write_call(run *r, size_t i)
{
    slv_call *call = r->calls[i];
    slv_err why = {0};

    if (!r->transaction) {
        call->code = slv_db_begin(r->db, &call->err);
        if (call->code != SLV_OK)
            return;
        r->transaction = true;
        r->from = i;
    }
    call->code = slv_db_savepoint(r->db, &call->err);
    if (call->code == SLV_OK) {
        call->code = call->run(call, r->store->writer, &call->err);
        if (call->code != SLV_OK)
            slv_db_rollback_to(r->db);
        else if (slv_db_in_transaction(r->db))
            call->code = slv_db_release(r->db, &call->err);
    }
    if (slv_db_in_transaction(r->db))
        return;
    /* A failing disk makes SQLite roll back all of it: the neighbours' changes are gone too. */
    (void)slv_fail(&why, SLV_E_IO, "%s", slv_err_text(&call->err));
    r->transaction = false;
    fail_calls(r, r->from, i + 1, &why);
}

static slv_code run_solo_call(run *r, slv_call *call, slv_err *err)
{
    SLV_TRY(end_transaction(r, err));
    call->code = call->run(call, r->store->writer, &call->err);
    slv_db_rollback(r->db); /* what it left open is not committed */
    return SLV_OK;
}

static void count_sync(slv_store *store, uint64_t began_ns)
{
    slv_state *state = store->state;
    uint64_t us = (slv_clock_mono_ns() - began_ns) / 1000;
    size_t i = 0;

    while (i < SLV_STATE_SYNC_BUCKETS - 1 && us > slv_state_sync_bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&state->commits[store->commits].syncs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&state->commits[store->commits].us, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&state->commits[store->commits].buckets[i], 1, memory_order_relaxed);
}

/* Everything so far is durable, or nothing of it is acknowledged. */
static void settle(run *r, size_t from, size_t to, slv_err *earlier)
{
    slv_err err = {0};
    slv_code code = earlier ? SLV_E_IO : SLV_OK;
    uint64_t began_ns = slv_clock_mono_ns();

    if (!r->db)
        return;
    if (code == SLV_OK)
        code = end_transaction(r, &err);
    if (code == SLV_OK)
        code = slv_db_sync(r->db, &err);
    if (code == SLV_OK) {
        count_sync(r->store, began_ns);
        return;
    }
    fail_calls(r, from, to, earlier ? earlier : &err);
    r->store->condemned = true;
}

static void run_calls(run *r)
{
    size_t from = 0; /* calls before are settled */

    for (size_t i = 0; i < r->count; i++) {
        slv_call *call = r->calls[i];
        slv_err err = {0};
        slv_code code = SLV_OK;

        call->code =
            r->db && !r->store->condemned ? SLV_OK : need_writer(r, call->create, &call->err);
        if (call->code != SLV_OK)
            continue;
        switch (call->kind) {
        case SLV_CALL_READ: /* it needed the writer to make the file, or to bring it forward */
            call->code = call->run(call, r->store->writer, &call->err);
            break;
        case SLV_CALL_WRITE:
            run_write_call(r, i);
            break;
        case SLV_CALL_SOLO:
            code = run_solo_call(r, call, &err);
            break;
        }
        if (code != SLV_OK) { /* the transaction before it failed; it did not run itself */
            settle(r, from, i, &err);
            from = i--;
        }
    }
    settle(r, from, r->count, NULL);
}

static bool wrote(const run *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->calls[i]->code == SLV_OK && r->calls[i]->kind != SLV_CALL_READ &&
            r->calls[i] != &r->store->sweep_call)
            return true;
    return false;
}

static void finish_sweep(slv_store *store)
{
    int64_t next = store->sweep_next_ms;
    slv_code code = store->sweep_call.code;

    store->sweeping = false;
    if (code == SLV_E_NOTFOUND)
        return;         /* the store was removed */
    if (code != SLV_OK) /* nobody else would begin it again */
        next = slv_clock_wall_ms() + SLV_STATE_SWEEP_AGAIN_MS;
    if (next > 0)
        slv_sweep_plan_(store, next);
}

static void finish(run *r)
{
    slv_store *store = r->store;
    slv_state *state = store->state;
    bool plan = wrote(r), swept = false;

    if (plan)
        slv_state_gate(state);
    for (size_t i = 0; i < r->count; i++) {
        slv_call *call = r->calls[i];

        r->loops[i] = call->loop;
        if (call == &store->sweep_call) {
            swept = true;
            continue;
        }
        slv_call_post_(call);
    }
    pthread_mutex_lock(&state->lock);
    for (size_t i = 0; i < r->count; i++)
        if (r->loops[i])
            slv_home_settle_(state, r->loops[i]);
    if (swept)
        finish_sweep(store);
    if (plan)
        slv_sweep_plan_(store, slv_clock_wall_ms() + SWEEP_AFTER_MS);
    slv_state_unlock_(state);
}

/* ---- the end of a store ---- */

static void destroy(slv_store *store)
{
    slv_state *state = store->state;
    slv_call *call = store->destroy;

    store->condemned = true; /* no checkpoint of what goes */
    slv_store_close_all_(store);
    call->code = slv_state_remove_(store, &call->err);
    store->condemned = false;
    pthread_mutex_lock(&state->lock);
    store->destroy = NULL;
    slv_sweep_forget_(store);
    slv_state_unlock_(state);
    slv_call_finish_(state, call);
}

/* ---- threads ---- */

/* With the lock held: takes what waits, up to a call that ends the store. */
static void take(run *r)
{
    slv_store *store = r->store;

    while (store->first && r->count < SLV_STATE_RUN_MAX) {
        slv_call *call = store->first;

        if (slv_call_destroys_(call) && r->count > 0)
            break;
        store->first = call->next;
        if (!store->first)
            store->last = NULL;
        store->waiting--;
        if (slv_call_destroys_(call)) {
            store->destroy = call;
            slv_home_drop_(store->state, store);
            break;
        }
        r->calls[r->count++] = call;
    }
}

/* With the lock. */
static void drop_cut(slv_store *store)
{
    if (!store->cut)
        return;
    store->cut = false;
    store->state->cuts--;
}

/* See moment.c. Where a reader is in the way, a little later. */
static void cut_log(const run *r)
{
    const struct timespec step = {.tv_nsec = CUT_STEP_NS};

    for (int i = 0; i < CUT_TRIES && r->db && !r->store->condemned; i++) {
        if (slv_db_wal_pages(r->db) > 0 || slv_db_checkpoint(r->db, true, NULL) != SLV_E_AGAIN)
            return;
        nanosleep(&step, NULL);
    }
}

static void checkpoint(run *r)
{
    slv_code code;

    if (!slv_state_move_begin(r->store->state))
        return; /* another time: the log grows meanwhile */
    code = slv_db_checkpoint(r->db, false, NULL);
    if (code != SLV_OK && code != SLV_E_AGAIN)
        r->store->condemned = true;
    slv_state_move_end(r->store->state);
}

void slv_run_write_(work *w)
{
    slv_store *store = slv_container_of(w, slv_store, write_work);
    slv_state *state = store->state;
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(sizeof(run));
    run *r = memory;
    bool ending, leaving, cutting;

    r->store = store;
    r->transaction = false;
    r->count = r->from = 0;
    pthread_mutex_lock(&state->lock);
    ending = store->destroy != NULL;
    if (ending && state->holds > 0) { /* it waits for the release, which kicks it */
        store->queued = false;
        drop_cut(store);
        slv_state_unlock_(state);
        return;
    }
    state->moves += ending;
    cutting = store->cut;
    leaving = !ending && !store->first && store->leaving_first;
    if (!ending)
        take(r);
    r->db = store->writer ? store->type->db(store->writer) : NULL;
    slv_state_unlock_(state);
    if (ending)
        destroy(store);
    if (leaving) {
        r->db = NULL;
        slv_store_leave_(store);
    }
    if (r->count > 0) {
        run_calls(r);
        finish(r);
        if (r->db && slv_db_checkpoint_due(r->db))
            checkpoint(r);
    }
    if (cutting)
        cut_log(r);
    pthread_mutex_lock(&state->lock);
    state->moves -= ending;
    if (cutting)
        drop_cut(store);
    store->queued = false;
    slv_store_kick_(store);
    slv_store_tidy_(store);
    slv_store_evict_(state);
    pthread_cond_broadcast(&state->quiet);
    slv_state_unlock_(state);
}

/* Gives the handle to a loop that wants one, or keeps it for the next call. With the lock held. */
static void put_reader(slv_store *store, void *service)
{
    if (store->wanted != 0) {
        unsigned index = (unsigned)__builtin_ctzll(store->wanted);

        store->wanted &= store->wanted - 1;
        slv_home_give_(store->state->homes[index], store, service);
        return;
    }
    SLV_ASSERT(store->idle_count < SLV_STATE_READERS_MAX);
    store->idle_readers[store->idle_count++] = service;
}

static slv_code open_reader(slv_store *store, void **ret, slv_err *err)
{
    SLV_TRY(store->type->open(store->path, false, true, ret, err));
    pthread_mutex_lock(&store->state->lock);
    slv_store_opened_(store);
    slv_state_unlock_(store->state);
    return SLV_OK;
}

/* Runs a READ call on *service, which is opened first when it is NULL. False: the writer must do
 * something first, the call went to its queue. */
static bool run_read_call(slv_store *store, slv_call *call, void **service)
{
    slv_state *state = store->state;

    if (!*service) {
        call->code = open_reader(store, service, &call->err);
        if (call->code == SLV_E_STATE || (call->code == SLV_E_NOTFOUND && call->create)) {
            call->code = SLV_OK;
            call->err = (slv_err){0};
            pthread_mutex_lock(&state->lock);
            call->next = NULL;
            if (store->last)
                store->last->next = call;
            else
                store->first = call;
            store->last = call;
            store->waiting++;
            slv_state_unlock_(state);
            return false;
        }
        if (call->code != SLV_OK)
            return true;
    }
    call->code = call->run(call, *service, &call->err);
    return true;
}

void slv_run_read_(work *w)
{
    unsigned index = w->index;
    slv_store *store = slv_container_of(w - index, slv_store, read_works[0]);
    slv_state *state = store->state;
    void *service = NULL;

    pthread_mutex_lock(&state->lock);
    if (store->idle_count > 0)
        service = store->idle_readers[--store->idle_count];
    for (int i = 0; i < READ_BATCH && store->read_first && !store->destroy; i++) {
        slv_call *call = store->read_first;

        store->read_first = call->next;
        if (!store->read_first)
            store->read_last = NULL;
        store->waiting--;
        store->taken++;
        if (--store->reads == 0)
            slv_list_remove(&store->unread);
        slv_store_kick_(store);
        slv_state_unlock_(state);
        slv_loop *loop = call->loop;
        bool over = run_read_call(store, call, &service);
        if (over)
            slv_call_post_(call); /* which may be gone from here on */
        pthread_mutex_lock(&state->lock);
        if (over)
            slv_home_settle_(state, loop);
    }
    store->read_busy[index] = false;
    store->reading--;
    if (service)
        put_reader(store, service);
    slv_store_kick_(store);
    slv_store_tidy_(store);
    slv_store_evict_(state);
    pthread_cond_broadcast(&state->quiet);
    slv_state_unlock_(state);
}
