/*
 * fault.h - fault injection for tests: fail the n-th fallible allocation (or write, fsync ...) from
 * now on.
 *
 * Compiled in always, costs one predictable branch. Counters are per thread, so tests may run
 * beside each other.
 */
#ifndef SLV_BASE_FAULT_H
#define SLV_BASE_FAULT_H

#include <stdbool.h>

typedef enum slv_fault_kind {
    SLV_FAULT_ALLOC,
    SLV_FAULT_WRITE,
    SLV_FAULT_SYNC,
    SLV_FAULT_KINDS,
} slv_fault_kind;

/* The n-th (1 = next) point of this kind on this thread fails once; 0 switches off. */
void slv_fault_arm(slv_fault_kind kind, unsigned long n);
/* True when an armed fault has fired since slv_fault_arm. */
bool slv_fault_fired(slv_fault_kind kind);
/* Called by the code under test at each point that may fail. */
bool slv_fault_hit(slv_fault_kind kind);

#endif
