/* A program of others, locked down: `__tool PARENT BINARY ARGUMENT...`. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rt/roles_int.h"

int slv_role_tool(int argc, char **argv)
{
    char *const none[] = {NULL};
    slv_err err = {.code = SLV_OK};
    int binary = -1;
    pid_t parent;

    if (argc < 4 || !slv_role_parent(argc, argv, &parent)) {
        (void)slv_fail(&err, SLV_E_INVAL, "__tool is started by selvage, not by people");
        return slv_role_fail(&err);
    }
    if (slv_sandbox_tool(parent, argv[3], &binary, &err) != SLV_OK)
        return slv_role_fail(&err);
    (void)syscall(SYS_execveat, binary, "", argv + 3, none, AT_EMPTY_PATH);
    (void)slv_fail_errno(&err, SLV_E_IO, "%s", argv[3]);
    return slv_role_fail(&err);
}
