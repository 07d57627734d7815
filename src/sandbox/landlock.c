#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "sandbox/sandbox_int.h"

/*
 * Landlock by system call: the distributions' headers are older than the kernels that they meet, so
 * the little that is needed is declared here (linux/landlock.h, the ABI notes of its
 * documentation).
 */
#define CREATE_RULESET_VERSION 1u

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* from ABI 4 */
    uint64_t scoped;             /* from ABI 6 */
};

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

/* File rights: 13 bits in ABI 1, REFER in 2, TRUNCATE in 3, IOCTL_DEV in 5. */
static uint64_t fs_rights(int abi)
{
    unsigned bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;

    return ((uint64_t)1 << bits) - 1;
}

int slv_sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, CREATE_RULESET_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

int slv_landlock_restrict(void)
{
    int abi = slv_sandbox_landlock_abi();
    struct ruleset_attr attr = {0};
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    long fd;

    if (abi == 0)
        return 0;
    attr.handled_access_fs = fs_rights(abi);
    if (abi >= 4)
        attr.handled_access_net = 3; /* bind, connect of TCP */
    if (abi >= 6)
        attr.scoped = 3; /* abstract Unix sockets, signals */
    fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0u);
    if (fd < 0)
        return 0;
    if (syscall(SYS_landlock_restrict_self, (int)fd, 0u) < 0)
        abi = 0;
    close((int)fd);
    return abi;
}
