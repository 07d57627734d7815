#include "state/state_int.h"

#include <stdio.h>
#include <string.h>

/* Of several tenants none may have all threads: the others would wait for its slowest statement. */
static bool may_run(const crew *c, const turn *t)
{
    return t->running + 1 < c->max || c->tenants < 2 || c->max == 1;
}

static work *next_work(crew *c, turn **ret_turn)
{
    SLV_LIST_EACH (n, &c->round) {
        turn *t = slv_container_of(n, turn, node);

        if (!may_run(c, t))
            continue;
        slv_list_remove(&t->node);
        work *w = slv_container_of(slv_list_pop(&t->works), work, node);
        if (!slv_list_empty(&t->works))
            slv_list_push(&c->round, &t->node);
        c->queued--;
        *ret_turn = t;
        return w;
    }
    return NULL;
}

static void *crew_main(void *arg)
{
    crew *c = arg;
    slv_state *state = c->state;

    pthread_mutex_lock(&state->lock);
    for (;;) {
        turn *t = NULL;
        work *w = next_work(c, &t);

        if (w) {
            t->running++;
            pthread_mutex_unlock(&state->lock);
            w->run(w);
            pthread_mutex_lock(&state->lock);
            t->running--;
            continue;
        }
        if (state->ending && slv_list_empty(&c->round))
            break;
        c->idle++;
        pthread_cond_wait(&c->wake, &state->lock);
        c->idle--;
    }
    pthread_mutex_unlock(&state->lock);
    return NULL;
}

void slv_crew_init_(crew *c, slv_state *state, crew_kind kind, const char *name, unsigned max)
{
    c->state = state;
    c->kind = kind;
    c->name = name;
    c->max = SLV_MIN(max, (unsigned)SLV_STATE_CREW_MAX);
    slv_list_init(&c->round);
    pthread_cond_init(&c->wake, NULL);
}

void slv_crew_stop_(crew *c)
{
    pthread_mutex_lock(&c->state->lock);
    SLV_ASSERT(c->state->ending);
    pthread_cond_broadcast(&c->wake);
    unsigned count = c->count;
    pthread_mutex_unlock(&c->state->lock);
    for (unsigned i = 0; i < count; i++)
        SLV_ASSERT(pthread_join(c->threads[i], NULL) == 0);
    pthread_cond_destroy(&c->wake);
}

static void start_thread(crew *c)
{
    char name[16];

    if (pthread_create(&c->threads[c->count], NULL, crew_main, c) != 0) {
        SLV_ASSERT(c->count > 0); /* with none at all, nothing would ever run */
        return;
    }
    (void)snprintf(name, sizeof name, "%.10s-%u", c->name, c->count);
    (void)pthread_setname_np(c->threads[c->count], name);
    c->count++;
}

void slv_state_unlock_(slv_state *state)
{
    unsigned due[CREWS];

    for (int i = 0; i < CREWS; i++) {
        due[i] = state->crews[i].due;
        state->crews[i].due = 0;
    }
    pthread_mutex_unlock(&state->lock);
    for (int i = 0; i < CREWS; i++)
        for (; due[i] > 0; due[i]--)
            pthread_cond_signal(&state->crews[i].wake);
}

void slv_crew_add_(slv_state *state, work *w)
{
    crew *c = &state->crews[w->crew];
    turn *t = &w->who->turns[w->crew];

    slv_list_push(&t->works, &w->node);
    if (!slv_list_linked(&t->node))
        slv_list_push(&c->round, &t->node);
    c->queued++;
    if (c->idle > c->due)
        c->due++;
    if (c->queued > c->idle && c->count < c->max)
        start_thread(c);
}

tenant *slv_tenant_(slv_state *state, slv_str name)
{
    tenant **known = slv_map_get(&state->tenants, name);

    if (known)
        return *known;
    tenant *who = slv_new0(tenant);
    who->name = slv_strndup(name.ptr, name.len);
    for (int i = 0; i < CREWS; i++) {
        slv_list_init(&who->turns[i].works);
        who->turns[i].who = who;
        state->crews[i].tenants++;
    }
    slv_map_set(&state->tenants, name, who);
    return who;
}
