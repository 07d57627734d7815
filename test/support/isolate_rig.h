/*
 * isolate_rig.h - an isolate with its engine in a child process, while the test speaks main's side
 * of the channel: for the tests of rt. Frames that are put go out with the next read or flush.
 */
#ifndef SLV_TEST_ISOLATE_RIG_H
#define SLV_TEST_ISOLATE_RIG_H

#include <sys/types.h>

#include "chan/msg.h"

typedef struct rig {
    pid_t pid; /* 0: somebody has waited for it */
    int fd;
    slv_frame_reader reader;
    slv_buf out;
    slv_buf last; /* payload of the frame that rig_read() returned */
} rig;

/* Starts the isolate and puts START with this script (a function body) and configuration. */
bool rig_spawn(rig *r, const char *script, slv_str config);
/* Closes the channel and waits for the isolate. */
void rig_done(rig *r);
SLV_DEFINE_CLEANUP_DONE(rig, rig_done);

bool rig_flush(rig *r);
/* The next frame but HELLO; its payload stays until the next read. False after a minute. */
bool rig_read(rig *r, slv_frame *ret);

bool put(rig *r, slv_frame_type type, uint8_t flags, uint32_t id, slv_str payload);
bool put_u32(rig *r, slv_frame_type type, uint32_t id, uint32_t v);
bool put_event(rig *r, uint32_t id, const slv_msg_event *m);

#endif
