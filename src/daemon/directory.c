#include "daemon/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define STEP_MS 20
#define TELL_MS 1000
/* Longer than an adopted supervisor takes to end: its main may be draining. */
#define ADOPTED_MS 60000

static slv_code make_dir(const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *up = slv_path_dir(path);

    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return SLV_OK;
    if (errno != ENOENT || strcmp(up, path) == 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot make the folder %s", path);
    SLV_TRY(make_dir(up, err));
    return mkdir(path, 0700) == 0 || errno == EEXIST
               ? SLV_OK
               : slv_fail_errno(err, SLV_E_IO, "cannot make the folder %s", path);
}

static void pause_a_moment(void)
{
    const struct timespec step = {0, STEP_MS * 1000000L};

    (void)nanosleep(&step, NULL);
}

/* "PID\n" or "PID adopted\n". 0: not readable. */
static pid_t read_owner(int fd, bool *ret_adopted)
{
    char text[64] = {0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    slv_str rest = slv_str_trim(slv_str_make(text, n > 0 ? (size_t)n : 0)), first = SLV_STR("");
    uint64_t pid = 0;

    (void)slv_str_split(&rest, ' ', &first);
    *ret_adopted = rest.ptr && slv_str_is(rest, "adopted");
    return slv_parse_u64(first, &pid) == SLV_OK ? (pid_t)pid : 0;
}

static slv_code in_use(const char *dir, pid_t pid, slv_err *err)
{
    if (pid == 0)
        return slv_fail(err, SLV_E_STATE, "%s is served already", dir);
    return slv_fail(err, SLV_E_STATE,
                    "%s is served already, by process %d; stop that one first, or give this one "
                    "a directory of its own with --data",
                    dir, (int)pid);
}

static slv_code lock(int fd, const char *dir, slv_err *err)
{
    bool adopted, asked = false;

    for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return slv_fail_errno(err, SLV_E_IO, "cannot lock %s/serve.pid", dir);
        pid_t pid = read_owner(fd, &adopted);
        if (!adopted || waited_ms > ADOPTED_MS)
            return in_use(dir, pid, err);
        if (!asked && pid > 0)
            (void)kill(pid, SIGTERM);
        asked = true;
        pause_a_moment();
    }
    return SLV_OK;
}

slv_code slv_directory_take(slv_str where, bool adopted, int *ret_fd, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(where.ptr, where.len);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR("serve.pid"));
    char text[64];
    slv_code code;
    int fd, len;

    SLV_TRY(make_dir(dir, err));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    code = lock(fd, dir, err);
    len = snprintf(text, sizeof text, "%ld%s\n", (long)getpid(), adopted ? " adopted" : "");
    if (code == SLV_OK && (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len))
        code = slv_fail_errno(err, SLV_E_IO, "%s", path);
    if (code != SLV_OK) {
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return SLV_OK;
}

slv_code slv_directory_settle(slv_str where, unsigned wait_ms, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(where.ptr, where.len);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR("lock"));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool adopted;

    if (fd < 0)
        return SLV_OK; /* nobody ever had */
    for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += STEP_MS) {
        if (waited_ms >= wait_ms) {
            pid_t pid = read_owner(fd, &adopted);

            close(fd);
            return in_use(dir, pid, err);
        }
        if (waited_ms == TELL_MS)
            slv_log(SLV_LOG_WARN, "%s is in use by process %d; waiting for its end", dir,
                    (int)read_owner(fd, &adopted));
        pause_a_moment();
    }
    close(fd); /* and with it the lock */
    return SLV_OK;
}
