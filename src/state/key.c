/* The key of a server's secrets: DIR/secret.key. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "state/state.h"

static slv_code make_key(const char *dir, const char *path, uint8_t *out, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *near = NULL;
    int fd, above;
    bool ok;

    if (asprintf(&near, "%s.new", path) < 0)
        abort();
    slv_rand_bytes(out, SLV_STATE_KEY_LEN);
    fd = open(near, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", near);
    ok = write(fd, out, SLV_STATE_KEY_LEN) == (ssize_t)SLV_STATE_KEY_LEN && fsync(fd) == 0;
    close(fd);
    if (!ok || rename(near, path) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    above = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = above >= 0 && fsync(above) == 0;
    if (above >= 0)
        close(above);
    return ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", dir);
}

slv_code slv_state_key(const char *dir, uint8_t out[static SLV_STATE_KEY_LEN], slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = NULL;
    uint8_t bytes[SLV_STATE_KEY_LEN + 1];
    ssize_t n;
    int fd;

    if (asprintf(&path, "%s/secret.key", dir) < 0)
        abort();
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return make_key(dir, path, out, err);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    n = read(fd, bytes, sizeof bytes);
    close(fd);
    if (n != (ssize_t)SLV_STATE_KEY_LEN)
        return slv_fail(err, SLV_E_STATE, "%s is not a key of %zu bytes", path, SLV_STATE_KEY_LEN);
    memcpy(out, bytes, SLV_STATE_KEY_LEN);
    return SLV_OK;
}
