#include "net/acme_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define KEY_MAX ((size_t)256 << 10)

static slv_code make_dir(const char *path, slv_err *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return SLV_OK;
    return slv_fail_errno(err, SLV_E_IO, "cannot make %s", path);
}

static slv_code sync_dir(const char *path, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (rc != 0)
        (void)slv_fail_errno(err, SLV_E_IO, "cannot sync %s", path);
    if (fd >= 0)
        (void)close(fd);
    return rc == 0 ? SLV_OK : SLV_E_IO;
}

/* A new file, 0600 from its first byte, synced. */
static slv_code write_file(const char *path, slv_str bytes, slv_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    slv_code code = SLV_OK;

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    while (code == SLV_OK && bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n > 0)
            bytes = slv_str_skip(bytes, (size_t)n);
        else if (errno != EINTR)
            code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    }
    if (code == SLV_OK && (fchmod(fd, 0600) != 0 || fsync(fd) != 0))
        code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    if (close(fd) != 0 && code == SLV_OK)
        code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    return code;
}

static slv_code make_account(const char *dir, const char *path, EVP_PKEY **ret, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *fresh = slv_path_join(dir, SLV_STR("account.key.new"));
    SLV_CLEANUP(slv_buf_done) slv_buf pem = SLV_BUF(KEY_MAX);
    EVP_PKEY *key;
    slv_code code;

    SLV_TRY(slv_acme_key_new(&key, err));
    code = slv_acme_key_to_pem(key, &pem, err);
    if (code == SLV_OK)
        code = write_file(fresh, slv_buf_view(&pem), err);
    if (code == SLV_OK && rename(fresh, path) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    if (code == SLV_OK)
        code = sync_dir(dir, err);
    if (pem.ptr)
        OPENSSL_cleanse(pem.ptr, pem.cap);
    if (code != SLV_OK) {
        EVP_PKEY_free(key);
        return code;
    }
    *ret = key;
    return SLV_OK;
}

slv_code slv_acme_files_account(const char *dir, EVP_PKEY **ret, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR("account.key"));
    SLV_CLEANUP(slv_charp_free) char *certs = slv_path_join(dir, SLV_STR("certs"));
    SLV_CLEANUP(slv_buf_done) slv_buf pem = SLV_BUF(KEY_MAX);
    slv_err why = {0};
    struct stat st;
    slv_code code;

    SLV_TRY(make_dir(dir, err));
    SLV_TRY(make_dir(certs, err));
    if (stat(path, &st) != 0 && errno == ENOENT)
        return make_account(dir, path, ret, err);
    if (stat(path, &st) == 0 && st.st_mode & (S_IRWXG | S_IRWXO))
        return slv_fail(err, SLV_E_DENIED,
                        "%s: the account's key is open to others (mode %04o); give it mode 0600",
                        path, (unsigned)st.st_mode & 07777);
    SLV_TRY(slv_file_read(path, &pem, err));
    code = slv_acme_key_from_pem(slv_buf_view(&pem), ret, &why);
    OPENSSL_cleanse(pem.ptr, pem.cap);
    return code == SLV_OK ? SLV_OK : slv_fail(err, code, "%s: %s", path, slv_err_text(&why));
}

static void remove_pair(const char *folder)
{
    SLV_CLEANUP(slv_charp_free) char *chain = slv_path_join(folder, SLV_STR("fullchain.pem"));
    SLV_CLEANUP(slv_charp_free) char *key = slv_path_join(folder, SLV_STR("privkey.pem"));

    (void)unlink(chain);
    (void)unlink(key);
    (void)rmdir(folder);
}

/* The new folder takes the old one's place in one step, so that no crash leaves a key beside
 * another's certificate. */
slv_code slv_acme_files_keep(const char *dir, slv_str host, slv_str chain, slv_str key,
                             slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *certs = slv_path_join(dir, SLV_STR("certs"));
    SLV_CLEANUP(slv_charp_free) char *fresh = slv_path_join(certs, SLV_STR(".new"));
    SLV_CLEANUP(slv_charp_free) char *folder = slv_path_join(certs, host);
    SLV_CLEANUP(slv_charp_free) char *chain_path = slv_path_join(fresh, SLV_STR("fullchain.pem"));
    SLV_CLEANUP(slv_charp_free) char *key_path = slv_path_join(fresh, SLV_STR("privkey.pem"));
    bool replaced;

    remove_pair(fresh);
    SLV_TRY(make_dir(fresh, err));
    SLV_TRY(write_file(chain_path, chain, err));
    SLV_TRY(write_file(key_path, key, err));
    SLV_TRY(sync_dir(fresh, err));
    replaced = renameat2(AT_FDCWD, fresh, AT_FDCWD, folder, RENAME_EXCHANGE) == 0;
    if (!replaced && rename(fresh, folder) != 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot put %s in its place", folder);
    if (replaced)
        remove_pair(fresh);
    return sync_dir(certs, err);
}

void slv_acme_files_each(const char *dir, void (*fn)(void *user, slv_str host), void *user)
{
    SLV_CLEANUP(slv_charp_free) char *certs = slv_path_join(dir, SLV_STR("certs"));
    DIR *list = opendir(certs);
    const struct dirent *e;

    while (list && (e = readdir(list)))
        if (e->d_name[0] != '.')
            fn(user, slv_str_from(e->d_name));
    if (list)
        closedir(list);
}
