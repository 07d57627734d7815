#include "base/fault.h"

static _Thread_local unsigned long left[SLV_FAULT_KINDS];
static _Thread_local bool fired[SLV_FAULT_KINDS];

void slv_fault_arm(slv_fault_kind kind, unsigned long n)
{
    left[kind] = n;
    fired[kind] = false;
}

bool slv_fault_fired(slv_fault_kind kind)
{
    return fired[kind];
}

bool slv_fault_hit(slv_fault_kind kind)
{
    if (__builtin_expect(left[kind] == 0, 1) || --left[kind] > 0)
        return false;
    fired[kind] = true;
    return true;
}
