/*
 * roles.h - what this executable is when main starts it as one of its children: the bodies of
 * main() for the roles
 * __isolate and __zygote. Called with nothing done before; they do not return until the process is
 * to end, and their value is its exit status.
 *
 *     __isolate PARENT        descriptors 3 the channel, 4 the shared page
 *     __zygote PARENT ns|-    descriptor 3 the control socket (chan/zygote_wire.h)
 *     __rewrite PARENT        a script on descriptor 0, the rewritten one on 1 (bundle/rewrite.h)
 *     __tool PARENT BINARY ARGUMENT...   becomes that program, locked down (slv_sandbox_tool)
 *     __selftest              prints "engine TEXT" and "fork ok" (or why not) on descriptor 1
 *
 * PARENT is the pid of the process that started it: the role ends with it.
 */
#ifndef SLV_RT_ROLES_H
#define SLV_RT_ROLES_H

#include <stdbool.h>

/* True when argv[1] names a role; *ret_status is set when it ends. */
bool slv_role_run(int argc, char **argv, int *ret_status);

int slv_role_isolate(int argc, char **argv);
int slv_role_zygote(int argc, char **argv);
int slv_role_rewrite(int argc, char **argv);
int slv_role_selftest(int argc, char **argv);
int slv_role_tool(int argc, char **argv);

#endif
