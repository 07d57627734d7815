/* What each loop has of the stores: read-only handles for itself, and a count of what it waits for.
 */
#include "base/mem.h"
#include "state/state_int.h"

#define STUCK_MS 2 /* between looks at reads that wait */

/* The home that this thread asked for last. */
static _Thread_local struct {
    uint64_t serial;
    const slv_loop *loop;
    home *h;
} last;

static void unref(home *h)
{
    if (--h->refs > 0)
        return;
    slv_vec_done(&h->drops);
    free(h);
}

/* ---- on the loop's thread ---- */

static void close_readers(home *h)
{
    slv_list *node;

    while ((node = slv_list_pop(&h->closing)) != NULL) {
        inline_reader *r = slv_container_of(node, inline_reader, node);
        slv_store *store = r->store;

        store->type->close(r->service);
        free(r);
        pthread_mutex_lock(&h->state->lock);
        store->inline_count--;
        slv_store_closed_(store);
        slv_store_kick_(store);
        slv_store_tidy_(store);
        slv_state_unlock_(h->state);
    }
}

static void on_close(slv_task *task)
{
    close_readers(slv_container_of(task, home, close_task));
}

/* Whoever was given the handle in this turn may still use it: it closes at the turn's end. */
static void retire(home *h, inline_reader *r)
{
    slv_list_remove(&r->node);
    (void)slv_imap_remove(&h->readers, (uintptr_t)r->store);
    slv_list_push(&h->closing, &r->node);
    slv_loop_flush(h->loop, &h->close_task);
}

static void retire_of(home *h, const slv_store *store)
{
    inline_reader **r = slv_imap_get(&h->readers, (uintptr_t)store);

    if (r)
        retire(h, *r);
}

static void install(home *h, inline_reader *r)
{
    retire_of(h, r->store);
    if (h->readers.len >= SLV_STATE_INLINE_MAX)
        retire(h, slv_container_of(h->recent.next, inline_reader, node));
    slv_imap_set(&h->readers, (uintptr_t)r->store, r);
    slv_list_push(&h->recent, &r->node);
}

/* Takes what the threads left for this loop: first the new handles, then what must go, since a
 * store may be told to go after its handle was opened. */
static void collect(home *h)
{
    slv_state *state = h->state;
    slv_list fresh;
    slv_list *node;

    slv_list_init(&fresh);
    pthread_mutex_lock(&state->lock);
    while ((node = slv_list_pop(&h->incoming)) != NULL)
        slv_list_push(&fresh, node);
    __typeof__(h->drops) drops = h->drops;
    h->drops = (__typeof__(h->drops)){0};
    slv_state_unlock_(state);
    while ((node = slv_list_pop(&fresh)) != NULL)
        install(h, slv_container_of(node, inline_reader, node));
    for (size_t i = 0; i < drops.len; i++)
        retire_of(h, drops.items[i]);
    slv_vec_done(&drops);
}

static void on_mail(slv_mail *mail)
{
    home *h = slv_container_of(mail, home, mail);
    slv_state *state = h->state;

    if (!state) { /* forgotten meanwhile: this was the last that knew the home */
        unref(h);
        return;
    }
    pthread_mutex_lock(&state->lock);
    h->mail_sent = false;
    h->refs--;
    slv_state_unlock_(state);
    collect(h);
}

void *slv_store_reader(slv_store *store, slv_loop *loop)
{
    slv_state *state = store->state;
    home *h = slv_home_(state, loop);
    inline_reader **r = slv_imap_get(&h->readers, (uintptr_t)store);

    if (SLV_LIKELY(r != NULL))
        return (*r)->service;
    pthread_mutex_lock(&state->lock);
    store->wanted |= (uint64_t)1 << h->index;
    slv_state_unlock_(state);
    return NULL;
}

static home *find(slv_state *state, const slv_loop *loop)
{
    for (size_t i = 0; i < SLV_STATE_LOOPS_MAX; i++)
        if (state->homes[i] && state->homes[i]->loop == loop)
            return state->homes[i];
    return NULL;
}

static void on_stuck(slv_timer *timer)
{
    home *h = slv_container_of(timer, home, stuck_timer);

    pthread_mutex_lock(&h->state->lock);
    bool more = slv_store_unstick_(h->state);
    slv_state_unlock_(h->state);
    if (more)
        slv_timer_start(timer, h->loop, STUCK_MS);
}

void slv_home_watch_(home *h)
{
    if (!slv_timer_started(&h->stuck_timer))
        slv_timer_start(&h->stuck_timer, h->loop, STUCK_MS);
}

home *slv_home_(slv_state *state, slv_loop *loop)
{
    uint64_t serial = atomic_load_explicit(&state->serial, memory_order_relaxed);

    if (SLV_LIKELY(last.serial == serial && last.loop == loop))
        return last.h;
    pthread_mutex_lock(&state->lock);
    home *h = find(state, loop);
    if (!h) {
        unsigned i = 0;

        while (i < SLV_STATE_LOOPS_MAX && state->homes[i])
            i++;
        SLV_ASSERT(i < SLV_STATE_LOOPS_MAX);
        h = slv_new0(home);
        h->state = state;
        h->loop = loop;
        h->index = i;
        h->refs = 1;
        h->mail.fn = on_mail;
        h->close_task.fn = on_close;
        h->stuck_timer.fn = on_stuck;
        slv_list_init(&h->incoming);
        slv_list_init(&h->recent);
        slv_list_init(&h->closing);
        state->homes[i] = h;
    }
    slv_state_unlock_(state);
    last.serial = serial;
    last.loop = loop;
    last.h = h;
    return h;
}

void slv_state_forget_loop(slv_state *state, slv_loop *loop)
{
    if (state->elsewhere)
        state->elsewhere->forget(state->elsewhere->arg, loop);
    pthread_mutex_lock(&state->lock);
    home *h = find(state, loop);
    if (!h) {
        slv_state_unlock_(state);
        return;
    }
    while (h->outstanding > 0)
        pthread_cond_wait(&state->quiet, &state->lock);
    for (size_t i = 0; i < state->stores.len; i++) /* no thread gives it a reader from here on */
        state->stores.values[i]->wanted &= ~((uint64_t)1 << h->index);
    slv_state_unlock_(state);

    collect(h);
    while (h->readers.len > 0)
        retire(h, h->readers.values[0]);
    slv_task_cancel(&h->close_task);
    slv_timer_stop(&h->stuck_timer);
    close_readers(h);
    slv_imap_done(&h->readers);

    pthread_mutex_lock(&state->lock);
    state->homes[h->index] = NULL;
    slv_state_unlock_(state);
    /* Whoever remembers this home looks again. */
    atomic_store_explicit(&state->serial, slv_state_serial_(), memory_order_relaxed);
    h->state = NULL;
    unref(h);
}

/* ---- with the lock held, any thread ---- */

static void ring(home *h)
{
    if (h->mail_sent)
        return;
    h->mail_sent = true;
    h->refs++;
    slv_loop_post(h->loop, &h->mail);
}

void slv_home_give_(home *h, slv_store *store, void *service)
{
    inline_reader *r = slv_new0(inline_reader);

    r->store = store;
    r->service = service;
    store->inline_count++;
    slv_list_push(&h->incoming, &r->node);
    ring(h);
}

void slv_home_drop_(slv_state *state, slv_store *store)
{
    store->wanted = 0;
    if (store->inline_count == 0)
        return;
    for (size_t i = 0; i < SLV_STATE_LOOPS_MAX; i++) {
        if (!state->homes[i])
            continue;
        slv_vec_push(&state->homes[i]->drops, store);
        ring(state->homes[i]);
    }
}

void slv_home_settle_(slv_state *state, slv_loop *loop)
{
    home *h = find(state, loop);

    SLV_ASSERT(h && h->outstanding > 0);
    if (--h->outstanding == 0)
        pthread_cond_broadcast(&state->quiet);
}
