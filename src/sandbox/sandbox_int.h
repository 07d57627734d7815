/* sandbox_int.h - private to src/sandbox. */
#ifndef SLV_SANDBOX_SANDBOX_INT_H
#define SLV_SANDBOX_SANDBOX_INT_H

#include "sandbox/sandbox.h"

/* Stands in a filter for the pid of the process that loads it: tgkill is allowed to oneself only.
 */
#define SLV_SANDBOX_PID_MARK 0x5e1fa9e5u

/* Restricts this thread by Landlock without any rule: no file, no TCP, no signal to the outside.
   Returns the ABI, 0 when the kernel has none. */
int slv_landlock_restrict(void);

#endif
