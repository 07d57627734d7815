/* roles_int.h - shared by the roles. */
#ifndef SLV_RT_ROLES_INT_H
#define SLV_RT_ROLES_INT_H

#include <sys/types.h>

#include "rt/roles.h"
#include "rt/rt.h"
#include "sandbox/sandbox.h"

bool slv_role_parent(int argc, char **argv, pid_t *ret);
/* Says why on stderr, which main reads; returns the exit status. */
int slv_role_fail(const slv_err *err);
/* From a prepared engine to the end of the process: lock down, HELLO, events. filter NULL: built
   here. Returns the exit status. */
int slv_isolate_life(slv_rt *rt, pid_t parent, const slv_sandbox_filter *filter,
                     uint32_t inherited_layers);

#endif
