#include <errno.h>
#include <fcntl.h>
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
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define RULE_PATH_BENEATH 1
#define FS_EXECUTE 1u
#define FS_READ_FILE 4u

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

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

static bool allow(int ruleset, const char *path, uint64_t rights)
{
    struct path_beneath_attr rule = {.allowed_access = rights,
                                     .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    bool ok = rule.parent_fd >= 0 &&
              syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0u) == 0;

    if (rule.parent_fd >= 0)
        close(rule.parent_fd);
    return ok;
}

static bool allow_all(int ruleset, const slv_landlock_rules *rules, int abi)
{
    bool ok = true;

    if (rules->dir)
        ok = allow(ruleset, rules->dir, fs_rights(abi) & ~(uint64_t)FS_EXECUTE);
    for (const char *const *p = rules->read_execute; p && *p; p++)
        ok = allow(ruleset, *p, FS_EXECUTE | FS_READ_FILE) && ok;
    return ok;
}

int slv_landlock_restrict(const slv_landlock_rules *rules)
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
    if (!allow_all((int)fd, rules, abi) || syscall(SYS_landlock_restrict_self, (int)fd, 0u) < 0)
        abi = 0;
    close((int)fd);
    return abi;
}
