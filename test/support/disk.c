#include "support/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "support/disk_log.h"

#define FDS 4096
#define PATH_BYTES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_BYTES]; /* empty: nothing is watched */
static size_t root_len;

/* What an open descriptor stands for; path NULL: nothing of ours. */
static struct {
    char *path;
    uint32_t inode;
    bool dir;
} fds[FDS];
static SLV_MAP(uint32_t) names; /* what is there now, by path below root */

static struct {
    disk_op op;
    unsigned long left; /* 0: off */
    int error;
    bool stay, fired;
} fault;
static unsigned long calls[DISK_OPS];
static bool lying;

/* ---- names ---- */

/* Absolute, without "." and ".." parts; only lexically, which is enough for what the tests open. */
static void normalize(const char *in, char out[PATH_BYTES])
{
    size_t n = 0;

    for (slv_str rest = slv_str_from(in), part; rest.ptr && slv_str_split(&rest, '/', &part);) {
        if (part.len == 0 || slv_str_is(part, "."))
            continue;
        if (slv_str_is(part, "..")) {
            while (n > 0 && out[n - 1] != '/')
                n--;
            n -= n > 0;
            continue;
        }
        if (n + part.len + 2 > PATH_BYTES)
            break;
        out[n++] = '/';
        memcpy(out + n, part.ptr, part.len);
        n += part.len;
    }
    out[n] = '\0';
}

/* The path below root ("" for root itself); NULL: not ours. */
static const char *ours(int at, const char *path, char out[PATH_BYTES])
{
    char whole[PATH_BYTES * 2];

    if (root[0] == '\0')
        return NULL;
    if (path[0] != '/' && at >= 0 && at < FDS && fds[at].path)
        (void)snprintf(whole, sizeof whole, "%s/%s/%s", root, fds[at].path, path);
    else if (path[0] == '/')
        (void)snprintf(whole, sizeof whole, "%s", path);
    else
        return NULL;
    normalize(whole, out);
    if (strncmp(out, root, root_len) != 0 || (out[root_len] != '/' && out[root_len] != '\0'))
        return NULL;
    if (slv_str_ends(slv_str_from(out), SLV_STR("-shm")))
        return NULL;
    return out[root_len] == '/' ? out + root_len + 1 : out + root_len;
}

/* ---- faults ---- */

/* True: this call fails, errno is set. */
static bool fails(disk_op op)
{
    calls[op]++;
    if (fault.left == 0 || fault.op != op)
        return false;
    if (!(fault.stay && fault.fired) && --fault.left > 0)
        return false;
    fault.left = fault.stay ? 1 : 0;
    fault.fired = true;
    errno = fault.error;
    return true;
}

void disk_fail(disk_op op, unsigned long nth, int error, bool stay)
{
    pthread_mutex_lock(&lock);
    fault.op = op;
    fault.left = nth;
    fault.error = error;
    fault.stay = stay;
    fault.fired = false;
    pthread_mutex_unlock(&lock);
}

void disk_lie(void)
{
    pthread_mutex_lock(&lock);
    lying = true;
    pthread_mutex_unlock(&lock);
}

void disk_heal(void)
{
    pthread_mutex_lock(&lock);
    fault.left = 0;
    pthread_mutex_unlock(&lock);
}

bool disk_has_failed(void)
{
    pthread_mutex_lock(&lock);
    bool fired = fault.fired;
    pthread_mutex_unlock(&lock);
    return fired;
}

unsigned long disk_calls(disk_op op)
{
    pthread_mutex_lock(&lock);
    unsigned long n = calls[op];
    pthread_mutex_unlock(&lock);
    return n;
}

const char *disk_op_name(disk_op op)
{
    static const char *const text[] = {"open", "read", "write", "resize", "sync", "name"};

    return text[op];
}

/* ---- watching ---- */

static void forget_fd(int fd)
{
    if (fd >= 0 && fd < FDS && fds[fd].path) {
        free(fds[fd].path);
        fds[fd].path = NULL;
    }
}

void disk_watch(const char *dir)
{
    pthread_mutex_lock(&lock);
    SLV_ASSERT(root[0] == '\0');
    normalize(dir, root);
    root_len = strlen(root);
    slv_map_done(&names);
    memset(&fault, 0, sizeof fault);
    memset(calls, 0, sizeof calls);
    lying = false;
    disk_log_reset();
    pthread_mutex_unlock(&lock);
}

void disk_stop(void)
{
    pthread_mutex_lock(&lock);
    root[0] = '\0';
    fault.left = 0;
    for (int i = 0; i < FDS; i++)
        forget_fd(i);
    slv_map_done(&names);
    pthread_mutex_unlock(&lock);
}

void disk_note(uint64_t mark)
{
    pthread_mutex_lock(&lock);
    disk_log_mark(mark);
    pthread_mutex_unlock(&lock);
}

/* ---- the calls ---- */

static int open_at(int at, const char *path, int flags, unsigned mode)
{
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

static void opened(int fd, const char *path, int flags)
{
    uint32_t *known = slv_map_get(&names, slv_str_from(path));
    struct stat st;

    if (fd >= FDS || fstat(fd, &st) != 0)
        return;
    forget_fd(fd);
    fds[fd].path = slv_strdup(path);
    fds[fd].dir = S_ISDIR(st.st_mode);
    if (fds[fd].dir)
        return;
    if (known) {
        fds[fd].inode = *known;
        if (flags & O_TRUNC)
            disk_log_resize(*known, 0);
        return;
    }
    fds[fd].inode = disk_log_create(path, false);
    slv_map_set(&names, slv_str_from(path), fds[fd].inode);
}

static int do_open(int at, const char *path, int flags, unsigned mode)
{
    char whole[PATH_BYTES];
    int fd = -1;

    pthread_mutex_lock(&lock);
    const char *name = ours(at, path, whole);
    if (!name || !fails(DISK_OPEN))
        fd = open_at(at, path, flags, mode);
    if (name && fd >= 0)
        opened(fd, name, flags);
    else
        forget_fd(fd); /* closed where we did not see it */
    pthread_mutex_unlock(&lock);
    return fd;
}

static bool watched(int fd)
{
    return root[0] != '\0' && fd >= 0 && fd < FDS && fds[fd].path && !fds[fd].dir;
}

static ssize_t do_write(int fd, const void *bytes, size_t len, int64_t offset)
{
    ssize_t n = -1;

    pthread_mutex_lock(&lock);
    if (!watched(fd) || !fails(DISK_WRITE)) {
        int64_t at = offset < 0 ? (int64_t)lseek(fd, 0, SEEK_CUR) : offset;

        n = offset < 0 ? (ssize_t)syscall(SYS_write, fd, bytes, len)
                       : (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, offset);
        if (n > 0 && watched(fd))
            disk_log_write(fds[fd].inode, (uint64_t)at, bytes, (size_t)n);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

static int do_sync(int fd, long number)
{
    int rc = -1;

    pthread_mutex_lock(&lock);
    bool mine = root[0] != '\0' && fd >= 0 && fd < FDS && fds[fd].path;
    bool fail = mine && fails(DISK_SYNC);
    if (!mine)
        rc = (int)syscall(number, fd);
    else if (!fail)
        rc = 0; /* the log knows: the real disk need not be waited for */
    if (mine && fds[fd].dir && !fail)
        disk_log_sync_dir(fds[fd].path);
    else if (mine && !fds[fd].dir && !lying)
        disk_log_sync(fds[fd].inode, !fail);
    pthread_mutex_unlock(&lock);
    if (fail)
        errno = fault.error;
    return rc;
}

static int do_resize(int fd, int64_t len)
{
    int rc = -1;

    pthread_mutex_lock(&lock);
    if (!watched(fd) || !fails(DISK_RESIZE))
        rc = (int)syscall(SYS_ftruncate, fd, len);
    if (rc == 0 && watched(fd))
        disk_log_resize(fds[fd].inode, (uint64_t)len);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int do_unlink(int at, const char *path, int flags)
{
    char whole[PATH_BYTES];
    int rc = -1;

    pthread_mutex_lock(&lock);
    const char *name = ours(at, path, whole);
    if (!name || !fails(DISK_NAME))
        rc = (int)syscall(SYS_unlinkat, at, path, flags);
    if (rc == 0 && name) {
        disk_log_remove(name);
        (void)slv_map_remove(&names, slv_str_from(name));
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int do_rename(int from_at, const char *from, int to_at, const char *to)
{
    char a[PATH_BYTES], b[PATH_BYTES];
    int rc = -1;

    pthread_mutex_lock(&lock);
    const char *old = ours(from_at, from, a), *fresh = ours(to_at, to, b);
    if (!fresh || !fails(DISK_NAME))
        rc = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    uint32_t *inode = old && fresh && rc == 0 ? slv_map_get(&names, slv_str_from(old)) : NULL;
    if (inode) {
        uint32_t n = *inode;

        disk_log_rename(old, fresh);
        (void)slv_map_remove(&names, slv_str_from(old));
        slv_map_set(&names, slv_str_from(fresh), n);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int do_mkdir(int at, const char *path, unsigned mode)
{
    char whole[PATH_BYTES];
    int rc = -1;

    pthread_mutex_lock(&lock);
    const char *name = ours(at, path, whole);
    if (!name || !fails(DISK_NAME))
        rc = (int)syscall(SYS_mkdirat, at, path, mode);
    if (rc == 0 && name)
        slv_map_set(&names, slv_str_from(name), disk_log_create(name, true));
    pthread_mutex_unlock(&lock);
    return rc;
}

static bool read_fails(int fd)
{
    pthread_mutex_lock(&lock);
    bool fail = watched(fd) && fails(DISK_READ);
    pthread_mutex_unlock(&lock);
    return fail;
}

/* ---- under the names of the C library ---- */

#define AS(symbol) __asm__(symbol)
#define MODE(flags)                                                                                \
    __extension__({                                                                                \
        unsigned mode_ = 0;                                                                        \
        if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
            va_list ap_;                                                                           \
            va_start(ap_, flags);                                                                  \
            mode_ = va_arg(ap_, unsigned);                                                         \
            va_end(ap_);                                                                           \
        }                                                                                          \
        mode_;                                                                                     \
    })

int disk_open64(const char *path, int flags, ...) AS("open64");
int disk_open64(const char *path, int flags, ...)
{
    return do_open(AT_FDCWD, path, flags, MODE(flags));
}

int disk_openat64(int at, const char *path, int flags, ...) AS("openat64");
int disk_openat64(int at, const char *path, int flags, ...)
{
    return do_open(at, path, flags, MODE(flags));
}

int disk_open64_2(const char *path, int flags) AS("__open64_2");
int disk_open64_2(const char *path, int flags)
{
    return do_open(AT_FDCWD, path, flags, 0);
}

int disk_openat64_2(int at, const char *path, int flags) AS("__openat64_2");
int disk_openat64_2(int at, const char *path, int flags)
{
    return do_open(at, path, flags, 0);
}

int disk_close(int fd) AS("close");
int disk_close(int fd)
{
    pthread_mutex_lock(&lock);
    forget_fd(fd);
    int rc = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return rc;
}

ssize_t disk_write(int fd, const void *bytes, size_t len) AS("write");
ssize_t disk_write(int fd, const void *bytes, size_t len)
{
    return do_write(fd, bytes, len, -1);
}

ssize_t disk_pwrite64(int fd, const void *bytes, size_t len, int64_t offset) AS("pwrite64");
ssize_t disk_pwrite64(int fd, const void *bytes, size_t len, int64_t offset)
{
    return do_write(fd, bytes, len, offset);
}

ssize_t disk_pread64(int fd, void *out, size_t len, int64_t offset) AS("pread64");
ssize_t disk_pread64(int fd, void *out, size_t len, int64_t offset)
{
    return read_fails(fd) ? -1 : (ssize_t)syscall(SYS_pread64, fd, out, len, offset);
}

int disk_ftruncate64(int fd, int64_t len) AS("ftruncate64");
int disk_ftruncate64(int fd, int64_t len)
{
    return do_resize(fd, len);
}

int disk_fsync(int fd) AS("fsync");
int disk_fsync(int fd)
{
    return do_sync(fd, SYS_fsync);
}

int disk_fdatasync(int fd) AS("fdatasync");
int disk_fdatasync(int fd)
{
    return do_sync(fd, SYS_fdatasync);
}

int disk_unlink(const char *path) AS("unlink");
int disk_unlink(const char *path)
{
    return do_unlink(AT_FDCWD, path, 0);
}

int disk_unlinkat(int at, const char *path, int flags) AS("unlinkat");
int disk_unlinkat(int at, const char *path, int flags)
{
    return do_unlink(at, path, flags);
}

int disk_rmdir(const char *path) AS("rmdir");
int disk_rmdir(const char *path)
{
    return do_unlink(AT_FDCWD, path, AT_REMOVEDIR);
}

int disk_rename(const char *from, const char *to) AS("rename");
int disk_rename(const char *from, const char *to)
{
    return do_rename(AT_FDCWD, from, AT_FDCWD, to);
}

int disk_renameat(int from_at, const char *from, int to_at, const char *to) AS("renameat");
int disk_renameat(int from_at, const char *from, int to_at, const char *to)
{
    return do_rename(from_at, from, to_at, to);
}

int disk_mkdir(const char *path, unsigned mode) AS("mkdir");
int disk_mkdir(const char *path, unsigned mode)
{
    return do_mkdir(AT_FDCWD, path, mode);
}

int disk_mkdirat(int at, const char *path, unsigned mode) AS("mkdirat");
int disk_mkdirat(int at, const char *path, unsigned mode)
{
    return do_mkdir(at, path, mode);
}
