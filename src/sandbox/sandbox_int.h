/* sandbox_int.h - private to src/sandbox. */
#ifndef SLV_SANDBOX_SANDBOX_INT_H
#define SLV_SANDBOX_SANDBOX_INT_H

#include "sandbox/sandbox.h"

/* Stands in a filter for the pid of the process that loads it: tgkill is allowed to oneself only.
 */
#define SLV_SANDBOX_PID_MARK 0x5e1fa9e5u

/* What Landlock leaves: nothing, or what stands below a directory, or files that may be read and
 * executed. */
typedef struct slv_landlock_rules {
    const char *dir;                 /* everything below it; NULL: nothing */
    const char *const *read_execute; /* NULL-terminated list of files; NULL: none */
} slv_landlock_rules;

/* Restricts this thread: no file, no TCP, no signal to the outside but what the rules leave.
   Returns the ABI, 0 when the kernel has none or a rule cannot be made. */
int slv_landlock_restrict(const slv_landlock_rules *rules);

/* Raises what the kernel counts against us when the machine runs out of memory. */
void slv_sandbox_offer_to_oom_(void);
/* False: was not root, or cannot stop being it. */
bool slv_sandbox_leave_root_(uid_t uid);

#endif
