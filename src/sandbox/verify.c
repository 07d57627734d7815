#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/sandbox_int.h"

/* What the kernel says of one thread. */
struct thread_status {
    uint64_t seccomp, nnp, caps, uid;
};

static slv_code read_text(const char *path, char *out, size_t size, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "sandbox: %s", path);
    while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    if (n < 0)
        return slv_fail_errno(err, SLV_E_IO, "sandbox: %s", path);
    out[len] = 0;
    return SLV_OK;
}

/* The value of a "Name:\tvalue" line; all ones when there is none, so that absence never reads as
 * good. */
static uint64_t field(const char *text, const char *name, int base)
{
    size_t len = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            return strtoull(line + len + 1, NULL, base);
    }
    return UINT64_MAX;
}

static slv_code check_thread(pid_t pid, const char *tid, bool must_drop_root, slv_err *err)
{
    struct thread_status s;
    char path[64], text[4096];

    snprintf(path, sizeof path, "/proc/%d/task/%.20s/status", (int)pid, tid);
    SLV_TRY(read_text(path, text, sizeof text, err));
    s = (struct thread_status){field(text, "Seccomp", 10), field(text, "NoNewPrivs", 10),
                               field(text, "CapEff", 16), field(text, "Uid", 10)};
    if (s.seccomp != 2)
        return slv_fail(err, SLV_E_DENIED, "sandbox: no system call filter (thread %s)", tid);
    if (s.nnp != 1)
        return slv_fail(err, SLV_E_DENIED, "sandbox: no_new_privs is not set (thread %s)", tid);
    if (s.caps != 0)
        return slv_fail(err, SLV_E_DENIED, "sandbox: has capabilities %" PRIx64, s.caps);
    if (must_drop_root && s.uid == 0)
        return slv_fail(err, SLV_E_DENIED, "sandbox: still root");
    return SLV_OK;
}

static slv_code check_threads(pid_t pid, bool must_drop_root, slv_err *err)
{
    slv_code code = SLV_OK;
    unsigned seen = 0;
    char path[64];
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    dir = opendir(path);
    if (!dir)
        return slv_fail_errno(err, SLV_E_IO, "sandbox: %s", path);
    for (struct dirent *e; code == SLV_OK && (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        seen++;
        code = check_thread(pid, e->d_name, must_drop_root, err);
        if (code == SLV_E_IO &&
            seen > 1) /* a helper thread may end meanwhile; a new one inherits */
            code = SLV_OK;
    }
    closedir(dir);
    if (code == SLV_OK && seen == 0)
        code = slv_fail(err, SLV_E_DENIED, "sandbox: no thread seen");
    return code;
}

static bool same_namespace(pid_t pid, const char *name)
{
    char path[64], theirs[64], ours[64];
    ssize_t a, b;

    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    a = readlink(path, theirs, sizeof theirs);
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    b = readlink(path, ours, sizeof ours);
    return a <= 0 || b <= 0 || (a == b && memcmp(theirs, ours, (size_t)a) == 0);
}

/* What an isolate may hold: its channel, the shared page and its own memory files, what the engine
 * opened. */
static bool allowed_target(const char *target, const slv_sandbox_expect *expect)
{
    static const char *const exact[] = {"/dev/null", "/dev/urandom", "/dev/random",
                                        "anon_inode:[eventfd]", "anon_inode:[eventpoll]"};
    size_t len = strlen(target);

    if (expect->app_zygote && strcmp(target, expect->app_zygote) == 0)
        return true;
    if (expect->keeper_file && strcmp(target, expect->keeper_file) == 0)
        return true;
    if (strncmp(target, "socket:", 7) == 0)
        return expect->channel && strcmp(target, expect->channel) == 0;
    if (expect->app_zygote && strncmp(target, "/proc/", 6) == 0 && len > 5 &&
        strcmp(target + len - 5, "/task") == 0)
        return true;
    for (size_t i = 0; i < SLV_ARRAY_LEN(exact); i++) {
        if (strcmp(target, exact[i]) == 0)
            return true;
    }
    if (expect->keeper_file && strncmp(target, "pipe:", 5) == 0)
        return true; /* its loop's own, and its stderr: none leads elsewhere */
    if (strncmp(target, "pipe:", 5) == 0)
        return expect->errors && strcmp(target, expect->errors) == 0;
    if (strncmp(target, "/memfd:selvage-", 15) == 0)
        return true;
    /* the engine's allocator keeps its zygote's statm open */
    return strncmp(target, "/proc/", 6) == 0 && len > 6 && strcmp(target + len - 6, "/statm") == 0;
}

static slv_code check_descriptors(pid_t pid, const slv_sandbox_expect *expect, slv_err *err)
{
    slv_code code = SLV_OK;
    char path[300], target[256];
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    dir = opendir(path);
    if (!dir)
        return slv_fail_errno(err, SLV_E_IO, "sandbox: %s", path);
    for (struct dirent *e; code == SLV_OK && (e = readdir(dir));) {
        ssize_t n;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/fd/%.20s", (int)pid, e->d_name);
        n = readlink(path, target, sizeof target - 1);
        if (n < 0) {
            if (errno != ENOENT)
                code = slv_fail_errno(err, SLV_E_IO, "sandbox: %s", path);
            continue;
        }
        target[n] = 0;
        if (!allowed_target(target, expect))
            code = slv_fail(err, SLV_E_DENIED, "sandbox: descriptor %s is %s", e->d_name, target);
    }
    closedir(dir);
    return code;
}

slv_code slv_sandbox_verify(pid_t pid, const slv_sandbox_expect *expect, slv_err *err)
{
    static const char *const spaces[] = {"net", "ipc", "pid"};

    if (expect->mode == SLV_SANDBOX_OFF)
        return SLV_OK;
    SLV_TRY(check_threads(pid, geteuid() == 0 && !expect->keeper_file, err));
    for (size_t i = 0; expect->namespaces && i < SLV_ARRAY_LEN(spaces); i++) {
        if (same_namespace(pid, spaces[i]))
            return slv_fail(err, SLV_E_DENIED, "sandbox: shares our %s namespace", spaces[i]);
    }
    return check_descriptors(pid, expect, err);
}
