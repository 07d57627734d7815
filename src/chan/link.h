/*
 * link.h - one end of a channel on a loop: frames over a socketpair to an isolate, or by mailbox to
 * another loop.
 *
 * Sending gathers: frames are appended to one buffer while a turn runs and leave in one write at
 * its end. Receiving reads all there is, in every turn, whatever cannot be written. HELLO is sent
 * at open and checked on arrival. Frames of streams and sockets (20 to 26) go to the objects of
 * chan/stream.h, every other frame to options.frame.
 *
 * A violation by the peer (codec, credits, numbers, options.frame returning an error), the end of
 * the peer, an error of the descriptor, or a queue that grows over options.queue_max closes the
 * link: from then on nothing is sent or delivered, every stream and socket learns it (failed), then
 * options.closed comes, once, from the loop and never from inside a call.
 *
 * Threading: loop thread only; the two ends of a pair may live on two loops.
 * Ownership: the link owns its descriptor.
 */
#ifndef SLV_CHAN_LINK_H
#define SLV_CHAN_LINK_H

#include "aio/loop.h"
#include "chan/frame.h"
#include "chan/msg.h"

#define SLV_LINK_QUEUE_MAX                                                                         \
    ((size_t)80 << 20) /* default of queue_max: two of the largest messages, and some */
#define SLV_LINK_FDS_MAX 4
#define SLV_LINK_FDS_WAITING 64
#define SLV_LINK_STREAMS_MAX ((size_t)65536) /* numbers open at once */

typedef struct slv_link slv_link;
typedef struct slv_record slv_record; /* chan/record.h */

typedef struct slv_link_options {
    slv_loop *loop;
    slv_chan_side side; /* ours: SLV_CHAN_MAIN chooses even numbers */
    void *user;
    /* Not for HELLO. Valid during the call. Anything but SLV_OK is a violation; err->message tells
     * which. May close the link. */
    slv_code (*frame)(void *user, const slv_frame *frame, slv_err *err);
    /* SLV_E_CLOSED: the peer closed its end; SLV_E_PROTOCOL: a violation; SLV_E_LIMIT: queue_max;
     * SLV_E_IO. */
    void (*closed)(void *user, slv_code code, const char *text);
    /* Every frame but HELLO, before it is acted upon: true when the caller has copied it and will
     * hand it back by slv_link_deliver, or drop it. NULL: none is kept. */
    bool (*hold)(void *user, const slv_frame *frame);
    size_t queue_max;   /* 0: SLV_LINK_QUEUE_MAX */
    bool takes_fds;     /* descriptors may come, see slv_link_take_fd; else none is ever received */
    slv_record *record; /* NULL: none; borrowed */
} slv_link_options;

/* fd: a connected SOCK_STREAM socket, taken over (also on failure), made non-blocking. */
SLV_NODISCARD slv_code slv_link_open_take(const slv_link_options *options, int fd, slv_link **ret,
                                          slv_err *err);
/* Two ends joined by mailbox. Call on the loop of `a`; `b` may be used on its own loop from the
   next message on. One side is SLV_CHAN_MAIN, the other SLV_CHAN_ISOLATE, which decides only whose
   numbers are even: any frame may go either way. */
void slv_link_open_pair(const slv_link_options *a, const slv_link_options *b, slv_link **ret_a,
                        slv_link **ret_b);
/* Sends what is queued as far as that goes at once, closes, frees. No callback of the link follows;
   streams and sockets still open on it get `failed` from inside. Accepts NULL, returns NULL. */
slv_link *slv_link_close(slv_link *link);
SLV_DEFINE_CLEANUP(slv_link *, slv_link_close);

/* ---- sending: never fails; a queue over its limit closes the link ---- */

void slv_link_send(slv_link *link, slv_frame_type type, uint8_t flags, uint32_t id,
                   slv_str payload);
/* Builds a payload in place: append it to the buffer returned, then end with the encoder's code:
       slv_buf *out = slv_link_begin(link, SLV_FRAME_END, 0, id);
       slv_link_end(link, slv_msg_end_put(out, &m)); */
slv_buf *slv_link_begin(slv_link *link, slv_frame_type type, uint8_t flags, uint32_t id);
void slv_link_end(slv_link *link, slv_code code);
/* A frame with descriptors beside its first byte; they are duplicated. Not on a pair. */
SLV_NODISCARD slv_code slv_link_send_fds(slv_link *link, slv_frame_type type, uint32_t id,
                                         slv_str payload, const int *fds, size_t count,
                                         slv_err *err);

/* The oldest descriptor that came and was not taken yet: that of the frame being told of, when its
 * sender sends them one with a frame. The caller closes it. -1: none. At most
 * SLV_LINK_FDS_WAITING wait; more is a violation. */
int slv_link_take_fd(slv_link *link);

/* A frame that was held: acted upon as if it came now. Anything but SLV_OK is a violation. */
SLV_NODISCARD slv_code slv_link_deliver(slv_link *link, const slv_frame *frame, slv_err *err);
/* The event that an open stream or socket belongs to; 0: no such number is open. */
uint32_t slv_link_stream_event(const slv_link *link, uint32_t number);

/* Bytes that wait to be written. */
size_t slv_link_queued(const slv_link *link);
bool slv_link_is_closed(const slv_link *link);
slv_loop *slv_link_loop(const slv_link *link);
void *slv_link_user(const slv_link *link);
void slv_link_set_user(slv_link *link, void *user);
/* Closes for a violation found outside (in a reply that was decoded later). Does nothing when
 * closed. */
void slv_link_violate(slv_link *link, slv_code code, const char *fmt, ...) SLV_PRINTF(3, 4);

#endif
