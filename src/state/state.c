#include "state/state.h"

#include <sched.h>
#include <unistd.h>

#include "base/mem.h"
#include "state/state_int.h"

#define THREADS 4u
#define OPEN_MAX 64u
#define FILE_THREADS 4u

uint64_t slv_state_serial_(void)
{
    static _Atomic(uint64_t) next = 1;

    return atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
}

/* That this process may run on. */
static unsigned processors(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

slv_code slv_state_open(const char *dir, const slv_state_options *options, slv_state **ret,
                        slv_err *err)
{
    slv_state_options o = options ? *options : (slv_state_options){0};
    SLV_CLEANUP(slv_charp_free) char *v1 = NULL;
    int lock_fd = -1;

    SLV_TRY(slv_db_library_check(err));
    if (o.lent)
        v1 = slv_strdup(dir);
    else
        SLV_TRY(slv_state_dir_open_(dir, o.lock_wait_ms, &lock_fd, &v1, err));
    slv_state *state = slv_new0(slv_state);
    state->dir = SLV_STEAL(v1);
    state->lock_fd = lock_fd;
    state->serial = slv_state_serial_();
    state->lent = o.lent;
    state->open_max = o.open_max ? o.open_max : OPEN_MAX;
    pthread_mutex_init(&state->lock, NULL);
    pthread_cond_init(&state->quiet, NULL);
    pthread_cond_init(&state->thawed, NULL);
    slv_list_init(&state->used);
    slv_list_init(&state->unread);
    state->processors = processors();
    slv_crew_init_(&state->crews[CREW_OWN], state, CREW_OWN, "store",
                   o.threads ? o.threads : THREADS);
    slv_crew_init_(&state->crews[CREW_USER], state, CREW_USER, "sql",
                   o.user_threads ? o.user_threads : THREADS);
    slv_crew_init_(&state->crews[CREW_FILE], state, CREW_FILE, "file", FILE_THREADS);
    slv_sweep_init_(state, o.control);
    *ret = state;
    return SLV_OK;
}

static bool busy(const slv_state *state)
{
    for (size_t i = 0; i < SLV_STATE_LOOPS_MAX; i++)
        if (state->homes[i] && state->homes[i]->outstanding > 0)
            return true;
    if (state->idle_queued)
        return true;
    for (size_t i = 0; i < state->stores.len; i++)
        if (state->stores.values[i]->queued || state->stores.values[i]->held ||
            state->stores.values[i]->reading > 0 || state->stores.values[i]->sweeping)
            return true;
    return false;
}

static void close_stores(slv_state *state)
{
    while (state->stores.len > 0) {
        slv_store *store = state->stores.values[0];

        SLV_ASSERT(store->inline_count == 0); /* else a loop was not forgotten */
        slv_store_close_all_(store);
        pthread_mutex_lock(&state->lock);
        store->refs = 0;
        store->condemned = false;
        slv_store_tidy_(store);
        slv_state_unlock_(state);
    }
}

slv_state *slv_state_free(slv_state *state)
{
    if (!state)
        return NULL;
    slv_sweep_stop_(state);
    for (size_t i = 0; i < SLV_STATE_LOOPS_MAX; i++)
        if (state->homes[i] && slv_loop_here(state->homes[i]->loop))
            slv_state_forget_loop(state, state->homes[i]->loop);
    pthread_mutex_lock(&state->lock);
    while (busy(state))
        pthread_cond_wait(&state->quiet, &state->lock);
    state->ending = true;
    slv_state_unlock_(state);
    for (int i = 0; i < CREWS; i++)
        slv_crew_stop_(&state->crews[i]);
    close_stores(state);
    for (size_t i = 0; i < SLV_STATE_LOOPS_MAX; i++)
        SLV_ASSERT(!state->homes[i]);
    for (size_t i = 0; i < state->tenants.len; i++) {
        free(state->tenants.values[i]->name);
        free(state->tenants.values[i]);
    }
    slv_map_done(&state->tenants);
    slv_map_done(&state->folders);
    slv_map_done(&state->removed);
    slv_map_done(&state->stores);
    pthread_cond_destroy(&state->quiet);
    pthread_cond_destroy(&state->thawed);
    pthread_mutex_destroy(&state->lock);
    if (state->lock_fd >= 0)
        close(state->lock_fd);
    free(state->dir);
    free(state);
    return NULL;
}

void slv_state_retire(slv_state *state)
{
    slv_sweep_stop_(state);
    pthread_mutex_lock(&state->lock);
    state->retired = true;
    while (busy(state))
        pthread_cond_wait(&state->quiet, &state->lock);
    state->ending = true; /* as at the end: the files alone are the whole databases */
    slv_state_unlock_(state);
    for (size_t i = 0; i < state->stores.len; i++)
        slv_store_close_all_(state->stores.values[i]);
    pthread_mutex_lock(&state->lock);
    state->ending = false;
    if (state->lock_fd >= 0)
        close(state->lock_fd);
    state->lock_fd = -1;
    slv_state_unlock_(state);
}

const char *slv_state_dir(const slv_state *state)
{
    return state->dir;
}

const uint32_t slv_state_sync_bounds_us[SLV_STATE_SYNC_BUCKETS - 1] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 1000000,
};

unsigned slv_state_commits_(slv_state *state, const slv_store_type *type)
{
    for (unsigned i = 0; i < state->commit_kinds; i++) {
        if (strcmp(state->commits[i].kind, type->kind) == 0)
            return i;
    }
    SLV_ASSERT(state->commit_kinds < SLV_STATE_KINDS_MAX);
    state->commits[state->commit_kinds].kind = type->kind;
    return state->commit_kinds++;
}

void slv_state_get_figures(slv_state *state, slv_state_figures *ret)
{
    pthread_mutex_lock(&state->lock);
    ret->count = state->commit_kinds;
    for (size_t k = 0; k < ret->count; k++) {
        ret->kinds[k].kind = state->commits[k].kind;
        ret->kinds[k].syncs = atomic_load_explicit(&state->commits[k].syncs, memory_order_relaxed);
        ret->kinds[k].sync_us = atomic_load_explicit(&state->commits[k].us, memory_order_relaxed);
        for (size_t i = 0; i < SLV_STATE_SYNC_BUCKETS; i++)
            ret->kinds[k].buckets[i] =
                atomic_load_explicit(&state->commits[k].buckets[i], memory_order_relaxed);
    }
    slv_state_unlock_(state);
}

int slv_state_lock_fd(const slv_state *state)
{
    return state->lock_fd;
}

/* ---- jobs on files ---- */

typedef struct file_work {
    work w;
    slv_state *state;
    slv_job *job;
} file_work;

static void on_job_done(slv_mail *mail)
{
    slv_job *job = slv_container_of(mail, slv_job, mail);

    job->done(job);
}

static void run_job(work *w)
{
    file_work *f = slv_container_of(w, file_work, w);
    slv_state *state = f->state;
    slv_job *job = f->job;
    slv_loop *loop = job->loop;

    free(f);
    job->run(job);
    job->mail.fn = on_job_done;
    slv_loop_post(loop, &job->mail);
    pthread_mutex_lock(&state->lock);
    slv_home_settle_(state, loop);
    slv_state_unlock_(state);
}

void slv_state_work(slv_state *state, slv_loop *loop, slv_job *job)
{
    home *h = slv_home_(state, loop);
    file_work *f = slv_new0(file_work);

    SLV_ASSERT(job->run && job->done);
    job->loop = loop;
    f->state = state;
    f->job = job;
    f->w = (work){.crew = CREW_FILE, .run = run_job};
    pthread_mutex_lock(&state->lock);
    f->w.who = slv_tenant_(state, SLV_STR("")); /* nobody's: all take turns in order */
    h->outstanding++;
    slv_crew_add_(state, &f->w);
    slv_state_unlock_(state);
}
