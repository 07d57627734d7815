/* Stores: their handles, what is open, and the calls that wait. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "state/name.h"
#include "state/state_int.h"

#define KEY_BYTES (4 * SLV_NAME_MAX)
/* A WAL of fewer pages is read again quickly when the file is next opened. */
#define CLOSE_WAL_PAGES 64u
#define READS_EACH 8u /* that wait for one thread before another one helps */

/* ---- handles ---- */

static slv_store *make(slv_state *state, const slv_store_type *type, slv_str tenant_name,
                       slv_str id, slv_str key)
{
    slv_store *store = slv_new0(slv_store);
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(SLV_STORE_ID_MAX + 1);
    const char *name = strrchr(key.ptr, '/') + 1;

    store->state = state;
    store->type = type;
    store->commits = slv_state_commits_(state, type);
    store->who = slv_tenant_(state, tenant_name);
    store->key = slv_strndup(key.ptr, key.len);
    if (asprintf(&store->path, "%s/%s", state->dir, store->key) < 0)
        abort();
    if (slv_name_decode(slv_str_from(name), &whole) != SLV_OK)
        store->long_id = slv_str_make(slv_strndup(id.ptr, id.len), id.len);
    crew_kind by = type->user_sql ? CREW_USER : CREW_OWN;
    store->write_work = (work){.who = store->who, .crew = by, .run = slv_run_write_};
    for (size_t i = 0; i < SLV_STATE_READERS_MAX; i++)
        store->read_works[i] =
            (work){.who = store->who, .crew = by, .index = (unsigned)i, .run = slv_run_read_};
    slv_map_set(&state->stores, slv_str_from(store->key), store);
    return store;
}

slv_store *slv_state_store(slv_state *state, const slv_store_type *type, slv_str tenant_name,
                           slv_str id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_BYTES);

    SLV_ASSERT(id.len <= SLV_STORE_ID_MAX && tenant_name.len <= SLV_STORE_ID_MAX);
    SLV_ASSERT(slv_name_encode(tenant_name, &key) == SLV_OK);
    SLV_ASSERT(slv_buf_append_byte(&key, '/') == SLV_OK);
    SLV_ASSERT(slv_buf_append(&key, slv_str_from(type->kind)) == SLV_OK);
    SLV_ASSERT(slv_buf_append_byte(&key, '/') == SLV_OK);
    SLV_ASSERT(slv_name_encode(id, &key) == SLV_OK && slv_buf_cstr(&key));
    pthread_mutex_lock(&state->lock);
    slv_store **known = slv_map_get(&state->stores, slv_buf_view(&key));
    slv_store *store = known ? *known : make(state, type, tenant_name, id, slv_buf_view(&key));
    SLV_ASSERT(store->type == type);
    store->refs++;
    slv_state_unlock_(state);
    return store;
}

slv_store *slv_store_ref(slv_store *store)
{
    pthread_mutex_lock(&store->state->lock);
    store->refs++;
    slv_state_unlock_(store->state);
    return store;
}

const char *slv_store_path(const slv_store *store)
{
    return store->path;
}

slv_store *slv_store_unref(slv_store *store)
{
    if (!store)
        return NULL;
    slv_state *state = store->state;

    pthread_mutex_lock(&state->lock);
    SLV_ASSERT(store->refs > 0);
    store->refs--;
    slv_store_tidy_(store);
    slv_state_unlock_(state);
    return NULL;
}

static bool nothing_open(const slv_store *store)
{
    return !store->writer && store->idle_count == 0 && store->reading == 0 &&
           store->inline_count == 0;
}

void slv_store_tidy_(slv_store *store)
{
    slv_state *state = store->state;

    if (store->refs > 0 || store->queued || store->held || store->first || store->read_first ||
        store->leaving_first || store->destroy || store->condemned || store->sweep_ms != 0 ||
        store->sweeping || !nothing_open(store))
        return;
    (void)slv_map_remove(&state->stores, slv_str_from(store->key));
    slv_list_remove(&store->used);
    free(store->key);
    free(store->path);
    free((void *)(size_t)store->long_id.ptr);
    free(store);
}

/* ---- what is open ---- */

static void set_warm(slv_store *store, bool warm)
{
    if (store->warm == warm)
        return;
    store->warm = warm;
    store->state->warm_count += warm ? 1 : -1u;
}

void slv_store_used_(slv_store *store)
{
    if (!slv_list_linked(&store->used))
        return;
    slv_list_remove(&store->used);
    slv_list_push(&store->state->used, &store->used);
    store->used_ns = slv_clock_mono_ns();
    set_warm(store, true);
}

void slv_store_opened_(slv_store *store)
{
    store->state->open_count++;
    if (!slv_list_linked(&store->used))
        slv_list_push(&store->state->used, &store->used);
    slv_store_used_(store);
}

void slv_store_closed_(slv_store *store)
{
    SLV_ASSERT(store->state->open_count > 0);
    store->state->open_count--;
    if (!nothing_open(store))
        return;
    slv_list_remove(&store->used);
    set_warm(store, false);
}

static void close_writer(slv_store *store, unsigned wal_pages)
{
    slv_db *db;

    if (!store->writer)
        return;
    db = store->type->db(store->writer);
    if (!store->condemned && slv_db_wal_pages(db) >= wal_pages &&
        slv_state_move_begin(store->state)) {
        /* What stays in the WAL is as durable as in the file: a failure loses nothing. */
        slv_code code = slv_db_checkpoint(db, true, NULL);
        (void)code;
        slv_state_move_end(store->state);
    }
    store->type->close(store->writer);
}

void slv_store_close_all_(slv_store *store)
{
    slv_state *state = store->state;
    unsigned readers = store->idle_count;

    /* At the end the file alone is the whole database, for whoever copies it. */
    close_writer(store, state->ending ? 1 : CLOSE_WAL_PAGES);
    for (unsigned i = 0; i < readers; i++)
        store->type->close(store->idle_readers[i]);
    pthread_mutex_lock(&state->lock);
    unsigned closed = readers + (store->writer ? 1 : 0);
    store->idle_count = 0;
    store->writer = NULL;
    while (closed-- > 0)
        slv_store_closed_(store);
    slv_state_unlock_(state);
}

static bool at_rest(const slv_store *store)
{
    return !store->queued && !store->held && store->reading == 0 &&
           (store->writer || store->idle_count > 0);
}

/* Without the lock; the store is held. */
static void cool(slv_store *store)
{
    if (store->writer)
        slv_db_cool(store->type->db(store->writer));
    for (unsigned i = 0; i < store->idle_count; i++)
        slv_db_cool(store->type->db(store->idle_readers[i]));
}

/* Gives the lock away while `alone` has the store for itself. */
static void with_store(slv_store *store, void (*alone)(slv_store *store))
{
    slv_state *state = store->state;

    store->held = true;
    slv_state_unlock_(state);
    alone(store);
    pthread_mutex_lock(&state->lock);
    store->held = false;
    slv_store_kick_(store);
    slv_store_tidy_(store);
    pthread_cond_broadcast(&state->quiet);
}

/* The least recently used store at rest; warm: of those that keep their pages. */
static slv_store *oldest(slv_state *state, bool warm)
{
    SLV_LIST_EACH (n, &state->used) {
        slv_store *store = slv_container_of(n, slv_store, used);

        if (at_rest(store) && (store->warm || !warm))
            return store;
    }
    return NULL;
}

void slv_store_evict_(slv_state *state)
{
    slv_store *store;

    while (state->open_count > state->open_max && (store = oldest(state, false)) != NULL) {
        slv_home_drop_(state, store);
        with_store(store, slv_store_close_all_);
    }
    while (state->warm_count > SLV_STATE_WARM_MAX && (store = oldest(state, true)) != NULL) {
        set_warm(store, false);
        with_store(store, cool);
    }
}

void slv_store_close_idle_(slv_state *state)
{
    uint64_t now = slv_clock_mono_ns();
    slv_store *store;

    while ((store = oldest(state, false)) != NULL &&
           store->used_ns + SLV_STATE_IDLE_MS * UINT64_C(1000000) <= now)
        with_store(store, slv_store_close_all_);
}

/* ---- calls ---- */

static void add_reader(slv_store *store)
{
    for (size_t i = 0; i < SLV_STATE_READERS_MAX; i++) {
        if (store->read_busy[i])
            continue;
        store->read_busy[i] = true;
        store->reading++;
        slv_crew_add_(store->state, &store->read_works[i]);
        return;
    }
}

/* Most reads are over sooner than a thread is awake: another one helps where many wait and a
 * processor may be free, or where the first does not come back (slv_store_unstick_). */
static void kick_readers(slv_store *store)
{
    if (!store->read_first)
        return;
    if (store->reading == 0 || (store->reading < store->state->processors &&
                                store->reads > (size_t)store->reading * READS_EACH))
        add_reader(store);
}

bool slv_store_unstick_(slv_state *state)
{
    SLV_LIST_EACH (node, &state->unread) {
        slv_store *store = slv_container_of(node, slv_store, unread);

        if (store->taken == store->noted && !store->held && !store->destroy)
            add_reader(store);
        store->noted = store->taken;
    }
    return !slv_list_empty(&state->unread);
}

void slv_store_kick_(slv_store *store)
{
    if (store->held)
        return;
    if (store->destroy) { /* nothing but the end may begin, and only when no reader is left */
        if (store->queued || store->reading > 0 || store->inline_count > 0 ||
            store->state->holds > 0)
            return;
        store->queued = true;
        slv_crew_add_(store->state, &store->write_work);
        return;
    }
    bool leaves = store->leaving_first && !store->read_first && store->reading == 0;

    if ((store->first || leaves || store->cut) && !store->queued) {
        store->queued = true;
        slv_crew_add_(store->state, &store->write_work);
    }
    kick_readers(store);
}

void slv_store_enqueue_(slv_store *store, slv_call *call)
{
    bool read = call->kind == SLV_CALL_READ;
    slv_call **first = read ? &store->read_first : &store->first;
    slv_call **last = read ? &store->read_last : &store->last;

    call->next = NULL;
    if (*last)
        (*last)->next = call;
    else
        *first = call;
    *last = call;
    store->waiting++;
    if (read && store->reads++ == 0)
        slv_list_push(&store->state->unread, &store->unread);
    slv_store_used_(store);
    slv_store_kick_(store);
}

static void on_done(slv_mail *mail)
{
    slv_call *call = slv_container_of(mail, slv_call, mail);

    call->done(call);
}

void slv_call_post_(slv_call *call)
{
    call->mail.fn = on_done;
    slv_loop_post(call->loop, &call->mail);
}

void slv_call_finish_(slv_state *state, slv_call *call)
{
    slv_loop *loop = call->loop;

    slv_call_post_(call); /* which may be gone from here on */
    pthread_mutex_lock(&state->lock);
    slv_home_settle_(state, loop);
    slv_state_unlock_(state);
}

/* ---- stores that live elsewhere ---- */

static bool gone_from_here(const slv_store *store)
{
    return !store->queued && !store->held && !store->first && !store->read_first &&
           !store->destroy && !store->leaving_first && nothing_open(store);
}

/* True: the call is no more of ours. */
static bool moved(slv_store *store, slv_call *call)
{
    slv_state *state = store->state;

    pthread_mutex_lock(&state->lock);
    if (state->moved != store->type) {
        slv_state_unlock_(state);
        return false;
    }
    bool free_to_go = gone_from_here(store);
    if (!free_to_go) {
        call->next = NULL;
        if (store->leaving_last)
            store->leaving_last->next = call;
        else
            store->leaving_first = call;
        store->leaving_last = call;
        slv_store_kick_(store);
    }
    slv_state_unlock_(state);
    if (free_to_go)
        state->elsewhere->call(state->elsewhere->arg, call, slv_call_destroys_(call));
    return true;
}

static void on_left(slv_mail *mail)
{
    slv_call *call = slv_container_of(mail, slv_call, mail);
    const slv_state_elsewhere *there = call->store->state->elsewhere;

    there->call(there->arg, call, slv_call_destroys_(call));
}

void slv_store_leave_(slv_store *store)
{
    slv_state *state = store->state;

    slv_store_close_all_(store);
    pthread_mutex_lock(&state->lock);
    slv_sweep_forget_(store);
    store->condemned = false;
    slv_call *call = store->leaving_first;
    store->leaving_first = store->leaving_last = NULL;
    slv_state_unlock_(state);
    while (call) {
        slv_call *next = call->next;

        call->mail.fn = on_left;
        slv_loop_post(call->loop, &call->mail);
        call = next;
    }
}

void slv_state_move(slv_state *state, const slv_store_type *type, const slv_state_elsewhere *there)
{
    SLV_ASSERT(type->serve && (!state->moved || state->moved == type));
    pthread_mutex_lock(&state->lock);
    state->elsewhere = there;
    state->moved = there ? type : NULL;
    slv_state_unlock_(state);
}

void slv_store_cancel(slv_call *call)
{
    slv_state *state = call->store->state;

    if (call->away)
        state->elsewhere->cancel(state->elsewhere->arg, call);
}

void slv_call_back(slv_call *call)
{
    call->away = NULL;
    slv_call_post_(call);
}

slv_str slv_store_tenant(const slv_store *store)
{
    return slv_str_from(store->who->name);
}

slv_code slv_store_id(const slv_store *store, slv_buf *out)
{
    if (store->long_id.len > 0)
        return slv_buf_append(out, store->long_id);
    return slv_name_decode(slv_str_from(strrchr(store->key, '/') + 1), out);
}

void slv_store_call(slv_store *store, slv_loop *loop, slv_call *call)
{
    slv_state *state = store->state;
    home *h = slv_home_(state, loop);

    SLV_ASSERT(call->run && call->done);
    call->code = SLV_OK;
    call->err.code = SLV_OK;
    call->err.detail = 0;
    call->err.message[0] = '\0';
    call->loop = loop;
    call->store = store;
    call->away = NULL;
    if (store->type->serve && moved(store, call))
        return;
    pthread_mutex_lock(&state->lock);
    h->outstanding++;
    bool full = store->waiting >= SLV_STORE_WAITING_MAX, retired = state->retired;
    if (!full && !retired)
        slv_store_enqueue_(store, call);
    slv_state_unlock_(state);
    if (retired)
        call->code = slv_fail(&call->err, SLV_E_STATE, "another process has the stores");
    else if (full)
        call->code = slv_fail(&call->err, SLV_E_AGAIN, "too many operations wait for this store");
    if (retired || full)
        slv_call_finish_(state, call);
    else if (call->kind == SLV_CALL_READ)
        slv_home_watch_(h);
}

/* ---- the end of a store ---- */

static slv_code destroy_marker(slv_call *call, void *service, slv_err *err)
{
    (void)call;
    (void)service;
    (void)err;
    SLV_UNREACHABLE();
}

bool slv_call_destroys_(const slv_call *call)
{
    return call->run == destroy_marker;
}

void slv_store_destroy(slv_store *store, slv_loop *loop, slv_call *call)
{
    call->kind = SLV_CALL_SOLO;
    call->create = false;
    call->run = destroy_marker;
    slv_store_call(store, loop, call);
}
