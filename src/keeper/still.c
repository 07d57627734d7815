/* Keepers hold still with main: for copies of the state. */
#include <sys/socket.h>

#include "base/mem.h"
#include "keeper/keeper_int.h"

/* One step, told to all; lives on the stack of the thread that waits for it. */
typedef struct step {
    slv_mail mail;
    slv_keepers *k;
    char what;
} step;

/* Control thread. */
static void owe(keeper *p, char what)
{
    if (p->state != KEEPER_UP || send(p->control, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
        return; /* it is about to end */
    p->owes++;
    pthread_mutex_lock(&p->k->lock);
    p->k->owed++;
    pthread_mutex_unlock(&p->k->lock);
}

static void pay(keeper *p, unsigned n)
{
    p->owes -= n;
    pthread_mutex_lock(&p->k->lock);
    p->k->owed -= n;
    pthread_cond_broadcast(&p->k->paid);
    pthread_mutex_unlock(&p->k->lock);
}

void slv_keeper_stood_(keeper *p)
{
    if (p->owes > 0)
        pay(p, 1);
}

void slv_keeper_gone_(keeper *p)
{
    pay(p, p->owes);
}

/* One that comes up meanwhile stands still from its beginning. */
void slv_keeper_came_(keeper *p)
{
    if (p->k->held)
        owe(p, SLV_STILL_HOLD);
    if (p->k->frozen)
        owe(p, SLV_STILL_FREEZE);
}

static void on_step(slv_mail *mail)
{
    step *s = slv_container_of(mail, step, mail);
    slv_keepers *k = s->k;

    switch (s->what) {
    case SLV_STILL_HOLD:
    case SLV_STILL_RELEASE:
        k->held = s->what == SLV_STILL_HOLD;
        break;
    default:
        k->frozen = s->what == SLV_STILL_FREEZE;
        break;
    }
    for (size_t i = 0; i < k->keepers.len; i++)
        owe(k->keepers.values[i], s->what);
    pthread_mutex_lock(&k->lock);
    k->told = true;
    pthread_cond_broadcast(&k->paid);
    pthread_mutex_unlock(&k->lock);
}

void slv_keeper_still_(void *arg, slv_still what)
{
    slv_keepers *k = arg;
    step s = {.mail.fn = on_step, .k = k, .what = (char)what};

    pthread_mutex_lock(&k->lock);
    k->told = false;
    pthread_mutex_unlock(&k->lock);
    slv_loop_post(k->o.control, &s.mail);
    pthread_mutex_lock(&k->lock);
    while (!k->told || k->owed > 0)
        pthread_cond_wait(&k->paid, &k->lock);
    pthread_mutex_unlock(&k->lock);
}
