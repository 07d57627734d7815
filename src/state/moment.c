/* Holding the directory still: for copies of all of it as it was at one moment. */
#include <time.h>

#include "state/state_int.h"

#define MOVES_END_S 20 /* how long a checkpoint may take */

bool slv_state_move_begin(slv_state *state)
{
    pthread_mutex_lock(&state->lock);
    bool may = state->holds == 0;
    state->moves += may;
    slv_state_unlock_(state);
    return may;
}

void slv_state_move_end(slv_state *state)
{
    pthread_mutex_lock(&state->lock);
    SLV_ASSERT(state->moves > 0);
    state->moves--;
    pthread_cond_broadcast(&state->quiet);
    slv_state_unlock_(state);
}

/* With the lock. A log whose content has moved would be begun anew by the next write; who has the
 * writer cuts it. */
static void cut_logs(slv_state *state)
{
    for (size_t i = 0; i < state->stores.len; i++) {
        slv_store *store = state->stores.values[i];

        if (store->cut || store->destroy || (!store->writer && !store->queued))
            continue;
        store->cut = true;
        state->cuts++;
        slv_store_kick_(store);
    }
}

static void tell_elsewhere(slv_state *state, slv_still step)
{
    pthread_mutex_lock(&state->lock);
    const slv_state_elsewhere *there = state->elsewhere;
    slv_state_unlock_(state);
    if (there && there->still)
        there->still(there->arg, step);
}

slv_code slv_state_hold(slv_state *state, slv_err *err)
{
    struct timespec end;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += MOVES_END_S;
    pthread_mutex_lock(&state->lock);
    state->holds++;
    while (state->moves > 0 && rc == 0)
        rc = pthread_cond_timedwait(&state->quiet, &state->lock, &end);
    cut_logs(state);
    slv_state_unlock_(state); /* the threads that cut begin */
    pthread_mutex_lock(&state->lock);
    while (state->cuts > 0 && rc == 0)
        rc = pthread_cond_timedwait(&state->quiet, &state->lock, &end);
    slv_state_unlock_(state);
    tell_elsewhere(state, SLV_STILL_HOLD);
    if (rc == 0)
        return SLV_OK;
    slv_state_release(state);
    return slv_fail(err, SLV_E_TIMEOUT, "a checkpoint or statement did not end in %d seconds",
                    MOVES_END_S);
}

void slv_state_release(slv_state *state)
{
    tell_elsewhere(state, SLV_STILL_RELEASE);
    pthread_mutex_lock(&state->lock);
    SLV_ASSERT(state->holds > 0);
    state->holds--;
    for (size_t i = 0; state->holds == 0 && i < state->stores.len; i++)
        slv_store_kick_(state->stores.values[i]); /* removals that have waited */
    slv_state_unlock_(state);
}

void slv_state_freeze(slv_state *state)
{
    pthread_mutex_lock(&state->lock);
    SLV_ASSERT(state->holds > 0);
    while (state->frozen) /* for another copy */
        pthread_cond_wait(&state->thawed, &state->lock);
    state->frozen = true;
    slv_state_unlock_(state);
    tell_elsewhere(state, SLV_STILL_FREEZE);
}

void slv_state_thaw(slv_state *state)
{
    tell_elsewhere(state, SLV_STILL_THAW);
    pthread_mutex_lock(&state->lock);
    state->frozen = false;
    pthread_cond_broadcast(&state->thawed);
    slv_state_unlock_(state);
}

void slv_state_gate(slv_state *state)
{
    pthread_mutex_lock(&state->lock);
    while (state->frozen)
        pthread_cond_wait(&state->thawed, &state->lock);
    slv_state_unlock_(state);
}
