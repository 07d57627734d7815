/*
 * rt_int.h - what the files of src/rt share: the state of an isolate.
 */
#ifndef SLV_RT_RT_INT_H
#define SLV_RT_RT_INT_H

#include "js/builtins.h"
#include "js/js.h"
#include "rt/timers.h"

typedef struct slv_rt slv_rt;

struct slv_rt {
    slv_js *js;
    slv_timers *timers;
    /* The clocks that JavaScript sees (N.clock, a Float64Array over this memory): wall time and
       time since the isolate began, in ms. They stand still while JavaScript runs and advance with
       each batch of frames and each timer. */
    double clock[2];
    int64_t started_ms; /* monotonic */
};

/* Monotonic milliseconds. */
int64_t slv_rt_mono_ms(void);
/* Lets the clocks advance to now. */
void slv_rt_tick(slv_rt *rt);
/* Timers, clock, random seeds: what also works without a channel. */
void slv_rt_add_base_natives(slv_rt *rt);
slv_rt *slv_rt_current(void);
/* A function that a built-in exports, looked up once; it must exist. */
JSObjectRef slv_rt_export(slv_rt *rt, const char *module, const char *name);

#endif
