/*
 * r2_transfer.h - content of objects on its way between a loop and the files, in constant memory.
 *
 * A push takes bytes from the loop and has threads of the state write them; a pull has threads read
 * and hands the bytes to the loop. Both work with pieces of SLV_R2_PIECE and never more than the
 * window (SLV_R2_WINDOW) beside.
 *
 * Loop thread only. Callbacks come from the loop, never from inside a function of this header.
 */
#ifndef SLV_EDGE_R2_TRANSFER_H
#define SLV_EDGE_R2_TRANSFER_H

#include "r2/r2.h"
#include "state/state.h"

#define SLV_R2_PIECE ((size_t)128 << 10)
#define SLV_R2_WINDOW ((size_t)256 << 10)

typedef struct slv_r2_push slv_r2_push;

typedef struct slv_r2_push_options {
    slv_state *state;
    slv_loop *loop;
    slv_store *store; /* a reference is taken */
    slv_r2_upload_options upload;
    void *user;
    /* n more bytes may come: they were written, or need not be. Not after slv_r2_push_end. */
    void (*taken)(void *user, size_t n);
    /* After slv_r2_push_end, or earlier for a failure: then nothing more is taken. Once. */
    void (*done)(void *user, slv_code code, const slv_err *err);
} slv_r2_push_options;

slv_r2_push *slv_r2_push_new(const slv_r2_push_options *options);
/* Copies. At most the window beyond what was taken. */
void slv_r2_push_write(slv_r2_push *push, slv_str bytes);
/* As of slv_r2_upload_expect; before slv_r2_push_end. */
void slv_r2_push_expect(slv_r2_push *push, slv_sum_kind kind, slv_str sum);
void slv_r2_push_end(slv_r2_push *push);
uint64_t slv_r2_push_size(const slv_r2_push *push);
/* Instead of writing: on a thread, `fill` writes all of it and finishes it; callbacks do not come.
 */
SLV_NODISCARD slv_code slv_r2_push_fill(slv_r2_push *push,
                                        slv_code (*fill)(void *arg, slv_r2_upload *up,
                                                         slv_err *err),
                                        void *arg, slv_err *err);
/* In a call on the store, after done(SLV_OK): the finished upload, which belongs to push. A small
 * one is made here. */
SLV_NODISCARD slv_code slv_r2_push_upload(slv_r2_push *push, slv_r2 *r2, slv_r2_upload **ret,
                                          slv_err *err);
/* Drops the content unless an object has it. No callback follows. Accepts NULL, returns NULL. Not
 * while a call on the store uses it. */
slv_r2_push *slv_r2_push_free(slv_r2_push *push);

typedef struct slv_r2_pull slv_r2_pull;

typedef struct slv_r2_pull_options {
    slv_state *state;
    slv_loop *loop;
    void *user;
    void (*data)(void *user, slv_str bytes, bool fin); /* borrowed; never more than was asked for */
    void (*fail)(void *user, const slv_err *err);      /* nothing follows */
} slv_r2_pull_options;

/* Takes the reader, which has something left. */
slv_r2_pull *slv_r2_pull_new_take(const slv_r2_pull_options *options, slv_r2_reader *reader);
/* n more bytes are wanted. */
void slv_r2_pull_more(slv_r2_pull *pull, size_t n);
/* Any time, also inside its callbacks. Accepts NULL, returns NULL. */
slv_r2_pull *slv_r2_pull_free(slv_r2_pull *pull);

#endif
