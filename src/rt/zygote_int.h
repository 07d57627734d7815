/* zygote_int.h - what the base zygote and the app zygotes that it forks have in common. */
#ifndef SLV_RT_ZYGOTE_INT_H
#define SLV_RT_ZYGOTE_INT_H

#include <dirent.h>

#include "base/vec.h"
#include "chan/zygote_wire.h"
#include "rt/roles_int.h"

#define RESERVED_FDS 6 /* 0 to 5: a child's own go there */
#define ZYGOTE_FDS 64  /* descriptors of a zygote lie below this number */
#define HIGH_FD 128    /* above everything that is open */
#define HIGH_FD_APP 48 /* an app zygote holds little, and may number no higher than an isolate */

typedef struct zygote {
    slv_rt *rt;
    slv_sandbox_filter filter, app_filter;
    slv_zygote_state state;
    bool namespaces, tested, app;
    bool warm;       /* every built-in evaluated and run hot; an app zygote inherits that */
    unsigned ticks;  /* of waiting for quiet */
    uint32_t layers; /* that children inherit: an app zygote's */
    char text[SLV_ZYGOTE_TEXT];
    int control; /* -1: an app zygote has none */
    SLV_VEC(int) conns;
    int eventfds[8]; /* of the engine, by number */
    unsigned eventfd_count;
    DIR *tasks; /* of this very process */
} zygote;

/* Serves until main, or the last connection of an app zygote, is gone. Returns the exit status. */
int slv_zygote_serve(zygote *z);
void slv_zygote_watch_children(void);
/* From the fork to the end: locks itself down, loads a worker from its channel, forks instances of
 * it. */
int slv_app_zygote_life(zygote *z, pid_t parent);

#endif
