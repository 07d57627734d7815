#include "edge/notify_int.h"

#include <stdatomic.h>

#include "aio/timer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "queue/queue.h"
#include "r2/r2.h"
#include "state/kinds.h"

#define TAKE_MAX 100
#define BYTES_MAX ((size_t)200 << 10) /* of one call's messages */
#define AGAIN_MS 2000                 /* a store that failed */

struct slv_notify {
    slv_server *server; /* NULL: freed; the rest goes with the last job */
    slv_loop *control;
    slv_state *state;
    slv_list jobs;    /* one for each bucket that has events */
    atomic_uint refs; /* the server, each job, and each piece of news */
};

typedef struct job {
    slv_call call;
    slv_list node;
    slv_notify *notify;
    char *account, *bucket;
    bool again; /* more came meanwhile */
    slv_store *store, *queue;
    slv_arena arena;
    slv_r2_pending_event events[TAKE_MAX];
    slv_queue_new messages[TAKE_MAX];
    size_t count, sent;
    slv_timer timer;
} job;

typedef struct news {
    slv_mail mail;
    slv_notify *notify;
    char *account, *bucket;
} news;

static void unref(slv_notify *n)
{
    if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) == 1)
        free(n);
}

static void job_free(job *j)
{
    slv_list_remove(&j->node);
    slv_timer_stop(&j->timer);
    (void)slv_store_unref(j->store);
    (void)slv_store_unref(j->queue);
    slv_arena_done(&j->arena);
    free(j->account);
    free(j->bucket);
    unref(j->notify);
    free(j);
}

static void start(job *j, slv_store *store, bool create,
                  slv_code (*run)(slv_call *, void *, slv_err *), void (*done)(slv_call *))
{
    j->call = (slv_call){.kind = SLV_CALL_WRITE, .create = create, .run = run, .done = done};
    slv_store_call(store, j->notify->control, &j->call);
}

static void take(job *j);

static void on_timer(slv_timer *timer)
{
    take(slv_container_of(timer, job, timer));
}

/* True when the job goes on; else it is over, or comes again. */
static bool goes_on(job *j, slv_call *call)
{
    if (!j->notify->server || call->code == SLV_E_NOTFOUND) {
        job_free(j); /* what is left is found when the bucket is opened again */
        return false;
    }
    if (call->code == SLV_OK)
        return true;
    slv_log(SLV_LOG_WARN, "bucket %s: an event cannot be sent: %s", j->bucket,
            slv_err_text(&call->err));
    slv_timer_start(&j->timer, j->notify->control, AGAIN_MS);
    return false;
}

/* ---- from the bucket to the queue, and out of the bucket ---- */

static slv_code run_done(slv_call *call, void *service, slv_err *err)
{
    job *j = slv_container_of(call, job, call);

    return slv_r2_events_done(service, j->events[0].seq, j->events[j->sent - 1].seq,
                              j->events[0].queue, err);
}

static void on_removed(slv_call *call)
{
    job *j = slv_container_of(call, job, call);

    if (goes_on(j, call))
        take(j);
}

static slv_code run_send(slv_call *call, void *service, slv_err *err)
{
    job *j = slv_container_of(call, job, call);

    return slv_queue_send(service, j->messages, j->sent, slv_clock_wall_ms(), NULL, err);
}

static void on_sent(slv_call *call)
{
    job *j = slv_container_of(call, job, call);

    if (!goes_on(j, call))
        return;
    slv_server_queue_changed(j->notify->server, slv_str_from(j->account), j->events[0].queue);
    start(j, j->store, false, run_done, on_removed);
}

/* Those of one queue that stand at the front. */
static void send_front(job *j)
{
    size_t bytes = 0;

    for (j->sent = 0; j->sent < j->count; j->sent++) {
        const slv_r2_pending_event *e = &j->events[j->sent];

        bytes += e->body.len;
        if (!slv_str_eq(e->queue, j->events[0].queue) || (j->sent > 0 && bytes > BYTES_MAX))
            break;
        j->messages[j->sent] =
            (slv_queue_new){.body = e->body, .type = SLV_QUEUE_JSON, .delay_s = -1};
    }
    (void)slv_store_unref(j->queue);
    j->queue = slv_state_store(j->notify->state, &slv_queue_store, slv_str_from(j->account),
                               j->events[0].queue);
    start(j, j->queue, true, run_send, on_sent);
}

static slv_code run_take(slv_call *call, void *service, slv_err *err)
{
    job *j = slv_container_of(call, job, call);

    return slv_r2_events_take(service, &j->arena, j->events, TAKE_MAX, &j->count, err);
}

static void on_taken(slv_call *call)
{
    job *j = slv_container_of(call, job, call);

    if (!goes_on(j, call))
        return;
    if (j->count > 0)
        send_front(j);
    else if (j->again)
        take(j);
    else
        job_free(j);
}

static void take(job *j)
{
    j->again = false;
    slv_arena_reset(&j->arena);
    start(j, j->store, false, run_take, on_taken);
}

/* ---- news ---- */

static job *job_of(slv_notify *n, const news *w)
{
    SLV_LIST_EACH (node, &n->jobs) {
        job *j = slv_container_of(node, job, node);

        if (strcmp(j->account, w->account) == 0 && strcmp(j->bucket, w->bucket) == 0)
            return j;
    }
    return NULL;
}

static void on_mail(slv_mail *mail)
{
    news *w = slv_container_of(mail, news, mail);
    slv_notify *n = w->notify;
    job *j = n->server ? job_of(n, w) : NULL;

    if (j) {
        j->again = true;
    } else if (n->server) {
        j = slv_new0(job);
        j->notify = n;
        j->account = SLV_STEAL(w->account);
        j->bucket = SLV_STEAL(w->bucket);
        j->arena = SLV_ARENA((size_t)16 << 20);
        j->timer.fn = on_timer;
        j->store = slv_state_store(n->state, &slv_r2_store, slv_str_from(j->account),
                                   slv_str_from(j->bucket));
        atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
        slv_list_push(&n->jobs, &j->node);
        take(j);
    }
    free(w->account);
    free(w->bucket);
    free(w);
    unref(n);
}

/* On the thread of a write that has not ended: the call that follows comes after it. */
static void on_news(void *arg, slv_str account, slv_str bucket)
{
    slv_notify *n = arg;
    news *w = slv_new0(news);

    w->mail.fn = on_mail;
    w->notify = n;
    w->account = slv_strndup(account.ptr, account.len);
    w->bucket = slv_strndup(bucket.ptr, bucket.len);
    atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
    slv_loop_post(n->control, &w->mail);
}

slv_notify *slv_notify_new(slv_server *server, slv_loop *control, slv_state *state)
{
    slv_notify *n = slv_new0(slv_notify);

    n->server = server;
    n->control = control;
    n->state = state;
    atomic_init(&n->refs, 1);
    slv_list_init(&n->jobs);
    slv_r2_watch(on_news, n);
    return n;
}

slv_notify *slv_notify_free(slv_notify *n)
{
    if (!n)
        return NULL;
    slv_r2_watch(NULL, NULL);
    n->server = NULL;
    SLV_LIST_EACH (node, &n->jobs) {
        job *j = slv_container_of(node, job, node);

        if (slv_timer_started(&j->timer))
            job_free(j); /* no call of it is under way */
    }
    unref(n);
    return NULL;
}
