#include "aio/strand.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"

#define THREADS_MAX 64
/* Jobs that a strand runs before it goes to the back of the line. */
#define BATCH 32

struct slv_threads {
    pthread_mutex_t lock;
    pthread_cond_t work;
    slv_list ready; /* strands with jobs that no thread runs */
    size_t strands;
    bool ending;
    unsigned count;
    pthread_t ids[THREADS_MAX];
};

struct slv_strand {
    slv_list node;
    slv_threads *threads;
    slv_job *first, *last; /* guarded by threads->lock, as all below */
    size_t waiting;
    bool active; /* on ready, or being run */
    bool freed;
};

static void on_done(slv_mail *mail)
{
    slv_job *job = slv_container_of(mail, slv_job, mail);

    job->done(job);
}

static slv_job *next_job(slv_strand *strand)
{
    slv_job *job = strand->first;

    if (job) {
        strand->first = job->next;
        if (!strand->first)
            strand->last = NULL;
        strand->waiting--;
    }
    return job;
}

/* With the lock held on entry and on return. */
static void run_strand(slv_threads *threads, slv_strand *strand)
{
    slv_job *job;

    for (int i = 0; i < BATCH && (job = next_job(strand)) != NULL; i++) {
        pthread_mutex_unlock(&threads->lock);
        job->run(job);
        job->mail.fn = on_done;
        slv_loop_post(job->loop, &job->mail);
        pthread_mutex_lock(&threads->lock);
    }
    if (strand->first) {
        slv_list_push(&threads->ready, &strand->node);
        return;
    }
    strand->active = false;
    if (strand->freed) {
        threads->strands--;
        free(strand);
    }
}

static void *thread_main(void *arg)
{
    slv_threads *threads = arg;

    pthread_mutex_lock(&threads->lock);
    for (;;) {
        slv_list *node = slv_list_pop(&threads->ready);

        if (node)
            run_strand(threads, slv_container_of(node, slv_strand, node));
        else if (threads->ending)
            break;
        else
            pthread_cond_wait(&threads->work, &threads->lock);
    }
    pthread_mutex_unlock(&threads->lock);
    return NULL;
}

slv_code slv_threads_new(unsigned count, const char *name, slv_threads **ret, slv_err *err)
{
    if (count == 0 || count > THREADS_MAX)
        return slv_fail(err, SLV_E_INVAL, "threads: %u is not between 1 and %d", count,
                        THREADS_MAX);
    slv_threads *threads = slv_new0(slv_threads);

    pthread_mutex_init(&threads->lock, NULL);
    pthread_cond_init(&threads->work, NULL);
    slv_list_init(&threads->ready);
    for (unsigned i = 0; i < count; i++) {
        char cut[16];
        int rc = pthread_create(&threads->ids[i], NULL, thread_main, threads);

        if (rc != 0) {
            (void)slv_threads_free(threads);
            return slv_fail(err, SLV_E_IO, "threads: %s", strerror(rc));
        }
        threads->count++;
        (void)snprintf(cut, sizeof cut, "%.10s-%u", name, i);
        (void)pthread_setname_np(threads->ids[i], cut);
    }
    *ret = threads;
    return SLV_OK;
}

slv_threads *slv_threads_free(slv_threads *threads)
{
    if (!threads)
        return NULL;
    pthread_mutex_lock(&threads->lock);
    threads->ending = true;
    pthread_cond_broadcast(&threads->work);
    pthread_mutex_unlock(&threads->lock);
    for (unsigned i = 0; i < threads->count; i++)
        SLV_ASSERT(pthread_join(threads->ids[i], NULL) == 0);
    SLV_ASSERT(threads->strands == 0);
    pthread_cond_destroy(&threads->work);
    pthread_mutex_destroy(&threads->lock);
    free(threads);
    return NULL;
}

slv_strand *slv_strand_new(slv_threads *threads)
{
    slv_strand *strand = slv_new0(slv_strand);

    strand->threads = threads;
    pthread_mutex_lock(&threads->lock);
    threads->strands++;
    pthread_mutex_unlock(&threads->lock);
    return strand;
}

slv_strand *slv_strand_free(slv_strand *strand)
{
    if (!strand)
        return NULL;
    slv_threads *threads = strand->threads;

    pthread_mutex_lock(&threads->lock);
    strand->freed = true;
    bool idle = !strand->active;
    if (idle)
        threads->strands--;
    pthread_mutex_unlock(&threads->lock);
    if (idle)
        free(strand);
    return NULL;
}

void slv_strand_submit(slv_strand *strand, slv_loop *loop, slv_job *job)
{
    slv_threads *threads = strand->threads;

    SLV_ASSERT(job->run && job->done);
    job->loop = loop;
    job->next = NULL;
    pthread_mutex_lock(&threads->lock);
    SLV_ASSERT(!strand->freed);
    if (strand->last)
        strand->last->next = job;
    else
        strand->first = job;
    strand->last = job;
    strand->waiting++;
    if (!strand->active) {
        strand->active = true;
        slv_list_push(&threads->ready, &strand->node);
        pthread_cond_signal(&threads->work);
    }
    pthread_mutex_unlock(&threads->lock);
}

size_t slv_strand_waiting(const slv_strand *strand)
{
    slv_threads *threads = strand->threads;

    pthread_mutex_lock(&threads->lock);
    size_t n = strand->waiting;
    pthread_mutex_unlock(&threads->lock);
    return n;
}
