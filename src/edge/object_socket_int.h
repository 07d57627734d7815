/*
 * object_socket_int.h - what a socket that hibernates is, for the files that deal with it:
 * object_socket.c (its life), object_hand.c (its way to another process).
 */
#ifndef SLV_EDGE_OBJECT_SOCKET_INT_H
#define SLV_EDGE_OBJECT_SOCKET_INT_H

#include "edge/object_int.h"

typedef struct slv_hibernating slv_hibernating;

/* One message, close or failure on its way to the object. */
typedef struct slv_socket_event {
    slv_event ev;
    slv_list node; /* socket->queue, until it is sent */
    slv_hibernating *s;
    slv_socket_what what;
    uint16_t code;
    bool clean;
    bool retried;
    uint64_t acts; /* of the object, when it was sent */
    slv_buf data;
} slv_socket_event;

struct slv_hibernating {
    slv_wire w;
    slv_object *o;
    slv_list node; /* o->sockets */
    uint32_t id;
    uint16_t tag_count;
    bool joined; /* the other end was returned */
    bool ready;  /* and somebody takes messages there */
    bool in_text;
    bool got_close;  /* the other end's close or failure is on its way to the object */
    bool sent_close; /* the object's */
    bool attached;
    slv_socket_event *running;
    slv_list queue; /* slv_socket_event */
    slv_list early;
    slv_buf in; /* a message of which pieces are missing */
    size_t owed, unread;
    int64_t auto_ms;
    char *tags;
    size_t tags_len;
    char *attachment;
    size_t attachment_len;
    uint16_t early_close;
    slv_buf early_reason;
};

/* A new one, on the object's lists; tags are copied. */
slv_hibernating *slv_hibernating_new(slv_object *o, uint32_t id, uint16_t tag_count, slv_str tags);
/* The other end is told that it is over, if it is still there. */
void slv_hibernating_free(slv_hibernating *s);
/* Behind what waits for the object. Takes data. */
void slv_hibernating_tell(slv_hibernating *s, slv_socket_what what, uint16_t code, bool clean,
                          slv_buf *data_take);
void slv_hibernating_attach(slv_hibernating *s, slv_str bytes);
/* What the object has said of all its sockets; copied. */
SLV_NODISCARD slv_code slv_object_socket_options(slv_object *o, const slv_msg_socket_options *m);

#endif
