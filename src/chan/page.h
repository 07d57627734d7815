/*
 * page.h - the page of memory that main and an isolate share: whose turn it is, and what main
 * wishes. Header only.
 *
 * Main makes it, sealed against resizing, and passes it at birth as descriptor 4; both map it. Each
 * field has one writer. The isolate is an adversary: main copies a field once, checks it, and
 * believes nothing but that it moves cost between the worker's own events.
 */
#ifndef SLV_CHAN_PAGE_H
#define SLV_CHAN_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#define SLV_PAGE_SIZE ((size_t)4096)
#define SLV_PAGE_TITLE 96
#define SLV_PAGE_FD 4
#define SLV_CHANNEL_FD 3

typedef struct slv_page {
    /* by the isolate, before each entry into JavaScript */
    _Atomic uint32_t event; /* whose turn it is; 0 between turns */
    _Atomic uint32_t turn;  /* counts turns */
    /* by main: changes when memory nears its limit; the isolate collects garbage at the end of its
     * turn */
    _Atomic uint32_t collect;
    /* by the isolate, once: the sandbox layers it took (SLV_SANDBOX_* bits), for people; main
     * verifies on its own */
    _Atomic uint32_t layers;
    /* by the isolate, with `event`, but kept between turns: whose the last turn was */
    _Atomic uint32_t last;
    /* by the isolate, after a collection that main wished for: what lives then in KiB, and, after
     * that, the value of `collect` that it has answered */
    _Atomic uint32_t live_kib, collected;
    /* by main, before START: what ps shall show; ends with a NUL */
    char title[SLV_PAGE_TITLE];
    /* by main: 1 when somebody wants the values of console lines, not only their text */
    _Atomic uint32_t trace;
} slv_page;

#endif
