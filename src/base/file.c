#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_SIZE ((size_t)64 << 10)

static slv_code open_failed(const char *path, slv_err *err)
{
    slv_code code = errno == ENOENT || errno == ENOTDIR ? SLV_E_NOTFOUND
                    : errno == EACCES || errno == EPERM ? SLV_E_DENIED
                                                        : SLV_E_IO;

    return slv_fail_errno(err, code, "cannot read %s", path);
}

slv_code slv_file_read(const char *path, slv_buf *out, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    slv_code code = SLV_OK;

    slv_buf_reset(out);
    if (fd < 0)
        return open_failed(path, err);
    for (;;) {
        ssize_t n;

        if (slv_buf_reserve(out, READ_SIZE) != SLV_OK) {
            code = slv_fail(err, SLV_E_LIMIT, "%s has more than %zu bytes", path, out->limit);
            break;
        }
        n = read(fd, out->ptr + out->len, READ_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            code = slv_fail_errno(err, SLV_E_IO, "cannot read %s", path);
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    close(fd);
    return code;
}

bool slv_file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool slv_dir_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Removes ".", ".." and empty parts of an absolute path in place. */
static void normalise(char *path)
{
    char *out = path;

    for (const char *p = path; *p;) {
        const char *start = p + strspn(p, "/");
        size_t n = strcspn(start, "/");

        p = start + n;
        if (n == 0 || (n == 1 && start[0] == '.'))
            continue;
        if (n == 2 && start[0] == '.' && start[1] == '.') {
            while (out > path && *--out != '/')
                ;
            continue;
        }
        *out++ = '/';
        memmove(out, start, n);
        out += n;
    }
    if (out == path)
        *out++ = '/';
    *out = '\0';
}

char *slv_path_join(const char *base, slv_str path)
{
    size_t base_len = strlen(base);
    bool absolute = path.len > 0 && path.ptr[0] == '/';
    char *joined = slv_alloc(base_len + path.len + 3);
    size_t at = 0;

    if (!absolute) {
        memcpy(joined, base, base_len);
        at = base_len;
        joined[at++] = '/';
    }
    if (path.len)
        memcpy(joined + at, path.ptr, path.len);
    joined[at + path.len] = '\0';
    normalise(joined);
    return joined;
}

char *slv_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return slv_strdup(".");
    return slash == path ? slv_strdup("/") : slv_strndup(path, (size_t)(slash - path));
}

const char *slv_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *slv_path_relative(const char *dir, const char *path)
{
    size_t same = 0, ups = 0, at = 0;
    const char *rest;
    char *out;

    /* the longest run of equal parts */
    for (size_t i = 0;; i++) {
        bool dir_end = dir[i] == '\0' || dir[i] == '/',
             path_end = path[i] == '\0' || path[i] == '/';

        if (dir_end && path_end)
            same = i;
        if (dir[i] != path[i] || dir[i] == '\0')
            break;
    }
    if (strcmp(dir, "/") == 0)
        same = 0;
    for (const char *p = dir + same; *p; p++)
        ups += *p == '/' && p[1] != '\0';
    rest = path + same + strspn(path + same, "/");
    out = slv_alloc(ups * 3 + strlen(rest) + 2);
    for (size_t i = 0; i < ups; i++, at += 3)
        memcpy(out + at, "../", 3);
    memcpy(out + at, rest, strlen(rest) + 1);
    if (out[0] == '\0')
        memcpy(out, ".", 2);
    else if (rest[0] == '\0')
        out[at - 1] = '\0'; /* no slash at the end */
    return out;
}
