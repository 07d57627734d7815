/*
 * link_int.h - what link.c and stream.c share, private to chan.
 */
#ifndef SLV_CHAN_LINK_INT_H
#define SLV_CHAN_LINK_INT_H

#include "aio/poll.h"
#include "base/map.h"
#include "base/vec.h"
#include "chan/link.h"
#include "chan/stream.h"

typedef struct slv_pair slv_pair;

/* Descriptors that leave with the byte at `at` (counted from the first byte ever sent). */
typedef struct slv_link_fds {
    uint64_t at;
    int fds[SLV_LINK_FDS_MAX];
    size_t count;
} slv_link_fds;

struct slv_link {
    slv_link_options o;
    int fd; /* -1: a pair, or closed */
    slv_poll poll;
    slv_pair *pair;
    int end; /* ours of the pair */

    slv_frame_reader reader;
    slv_buf out;
    size_t out_at;   /* written so far of out */
    size_t build_at; /* the frame that is being built */
    uint64_t sent;   /* bytes written since the beginning */
    SLV_VEC(slv_link_fds) fds;
    SLV_VEC(int) came; /* descriptors received, oldest first */
    slv_task flush, closing;

    SLV_IMAP(slv_stream *) streams;
    slv_list let_go; /* streams of nobody that the peer may still speak of */
    uint32_t next_number;

    bool hello_seen, building;
    bool closed; /* nothing goes or comes any more */
    bool told;   /* options.closed was called */
    bool dead;   /* slv_link_close was called inside a callback: free when it returns */
    int depth;
    slv_code why;
    char text[160];
};

void slv_link_shut_(slv_link *link, slv_code code, const char *text);
/* A frame of types 20 to 26. */
SLV_NODISCARD slv_code slv_link_stream_frame_(slv_link *link, const slv_frame *f, slv_err *err);
/* Every open object fails. */
void slv_link_fail_streams_(slv_link *link, const char *text);

#endif
