/* Work that is due by itself: when, timed on the control loop. */
#include <malloc.h>

#include "base/clock.h"
#include "base/mem.h"
#include "state/state_int.h"

/* On the control loop: hands out what is due and sleeps until the next. */
static void look(slv_state *state)
{
    int64_t now = slv_clock_wall_ms(), next = 0;

    pthread_mutex_lock(&state->lock);
    SLV_LIST_EACH (n, &state->sweeps) {
        slv_store *store = slv_container_of(n, slv_store, sweeps);

        if (store->sweep_ms > now) {
            next = next == 0 ? store->sweep_ms : SLV_MIN(next, store->sweep_ms);
            continue;
        }
        if (store->sweeping)
            continue; /* plans the next one itself */
        slv_sweep_forget_(store);
        store->sweeping = true;
        slv_store_enqueue_(store, &store->sweep_call);
    }
    slv_state_unlock_(state);
    if (next != 0)
        slv_timer_start(&state->sweep_timer, state->control, (uint64_t)SLV_MAX(next - now, 1));
}

static void on_timer(slv_timer *timer)
{
    look(slv_container_of(timer, slv_state, sweep_timer));
}

static void on_bell(slv_mail *mail)
{
    control_bell *bell = slv_container_of(mail, control_bell, mail);
    slv_state *state = bell->state;

    if (!state) {
        free(bell);
        return;
    }
    pthread_mutex_lock(&state->lock);
    bell->sent = false;
    slv_state_unlock_(state);
    look(state);
}

static slv_code run_sweep(slv_call *call, void *service, slv_err *err)
{
    slv_store *store = slv_container_of(call, slv_store, sweep_call);
    int64_t now_ms = slv_clock_wall_ms();
    slv_code code;

    store->sweep_next_ms = now_ms + SLV_STATE_SWEEP_AGAIN_MS;
    if (!slv_state_move_begin(store->state))
        return SLV_OK;
    store->sweep_next_ms = 0;
    code = store->type->sweep(service, now_ms, &store->sweep_next_ms, err);
    slv_state_move_end(store->state);
    return code;
}

void slv_sweep_plan_(slv_store *store, int64_t at_ms)
{
    slv_state *state = store->state;

    if (!store->type->sweep || !state->control || state->ending)
        return;
    if (store->sweep_ms != 0 && store->sweep_ms <= at_ms)
        return;
    if (store->sweep_ms == 0)
        slv_list_push(&state->sweeps, &store->sweeps);
    store->sweep_ms = at_ms;
    store->sweep_call.kind = SLV_CALL_WRITE;
    store->sweep_call.run = run_sweep;
    store->sweep_call.store = store;
    if (!state->bell->sent) {
        state->bell->sent = true;
        slv_loop_post(state->control, &state->bell->mail);
    }
}

void slv_sweep_forget_(slv_store *store)
{
    slv_list_remove(&store->sweeps);
    store->sweep_ms = 0;
}

/* ---- stores that nobody uses ---- */

static void close_idle(work *w)
{
    slv_state *state = slv_container_of(w, slv_state, idle_work);

    pthread_mutex_lock(&state->lock);
    unsigned before = state->open_count;
    slv_store_close_idle_(state);
    bool fewer = state->open_count < before;
    slv_state_unlock_(state);
    if (fewer)
        malloc_trim(0); /* each thread's heap keeps what was freed in its middle otherwise */
    pthread_mutex_lock(&state->lock);
    state->idle_queued = false;
    pthread_cond_broadcast(&state->quiet);
    slv_state_unlock_(state);
}

static void on_idle(slv_timer *timer)
{
    slv_state *state = slv_container_of(timer, slv_state, idle_timer);

    pthread_mutex_lock(&state->lock);
    if (!slv_list_empty(&state->used) && !state->idle_queued) {
        state->idle_queued = true;
        state->idle_work.who = slv_tenant_(state, SLV_STR(""));
        slv_crew_add_(state, &state->idle_work);
    }
    slv_state_unlock_(state);
    slv_timer_start(timer, state->control, SLV_STATE_IDLE_MS / 2);
}

void slv_sweep_init_(slv_state *state, slv_loop *control)
{
    state->control = control;
    slv_list_init(&state->sweeps);
    state->sweep_timer.fn = on_timer;
    state->bell = slv_new0(control_bell);
    state->bell->mail.fn = on_bell;
    state->bell->state = state;
    state->idle_work = (work){.crew = CREW_FILE, .run = close_idle};
    state->idle_timer.fn = on_idle;
    if (control)
        slv_timer_start(&state->idle_timer, control, SLV_STATE_IDLE_MS / 2);
}

void slv_sweep_stop_(slv_state *state)
{
    slv_timer_stop(&state->sweep_timer);
    slv_timer_stop(&state->idle_timer);
    if (!state->bell)
        return;
    pthread_mutex_lock(&state->lock);
    while (!slv_list_empty(&state->sweeps))
        slv_sweep_forget_(slv_container_of(state->sweeps.next, slv_store, sweeps));
    state->control = NULL; /* what still runs plans nothing more */
    bool sent = state->bell->sent;
    state->bell->state = NULL;
    slv_state_unlock_(state);
    if (!sent)
        free(state->bell); /* else its mail frees it */
    state->bell = NULL;
}
