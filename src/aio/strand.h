/*
 * strand.h - what blocks runs off the loop: serial queues (strands) over a pool of threads.
 *
 * Jobs of one strand run one after the other, in order, on whichever thread is free; jobs of
 * different strands run beside each other. run() touches no loop state. done() arrives by mailbox
 * on the loop that submitted the job, exactly once, after run(). A busy strand gives its thread
 * back after a batch so that the others get their share.
 *
 * Threading: pools and strands are made, fed and freed on any one thread at a time, each strand by
 * one loop.
 */
#ifndef SLV_AIO_STRAND_H
#define SLV_AIO_STRAND_H

#include "aio/loop.h"

typedef struct slv_threads slv_threads;
typedef struct slv_strand slv_strand;

typedef struct slv_job {
    void (*run)(struct slv_job *job);  /* on a pool thread */
    void (*done)(struct slv_job *job); /* on the loop; may free the job */
    slv_loop *loop;                    /* set by submit */
    struct slv_job *next;
    slv_mail mail;
} slv_job;

/* count threads, 1 to 64, named name-0, name-1 ... */
SLV_NODISCARD slv_code slv_threads_new(unsigned count, const char *name, slv_threads **ret,
                                       slv_err *err);
/* Waits until every submitted job has run (their done() calls are then in the mailboxes), ends the
   threads. Every strand must have been freed. Accepts NULL, returns NULL. */
slv_threads *slv_threads_free(slv_threads *threads);
SLV_DEFINE_CLEANUP(slv_threads *, slv_threads_free);

slv_strand *slv_strand_new(slv_threads *threads);
/* Jobs that wait still run; the strand goes away after the last. Accepts NULL, returns NULL. */
slv_strand *slv_strand_free(slv_strand *strand);
/* run and done must be set. The job stays in place until done(). */
void slv_strand_submit(slv_strand *strand, slv_loop *loop, slv_job *job);
/* Jobs submitted and not yet run; what callers bound their queues by. Any thread. */
size_t slv_strand_waiting(const slv_strand *strand);

#endif
