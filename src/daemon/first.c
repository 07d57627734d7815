#include "daemon/first.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"

#define START_MS 60000
#define ARENA_MAX ((size_t)1 << 20)

typedef struct first_call {
    slv_call call;
    slv_arena arena;
    slv_str email;
    int64_t now_ms;
    slv_first *out;
    bool done;
} first_call;

static slv_code run_first(slv_call *call, void *service, slv_err *err)
{
    first_call *f = slv_container_of(call, first_call, call);
    slv_account_row *rows, row = {.name = SLV_STR("main"), .email = f->email};
    slv_token_row token = {.name = SLV_STR("first"), .email = SLV_STR(""), .scopes = SLV_SCOPE_ALL};
    size_t count;

    SLV_TRY(slv_catalog_account_list(service, &f->arena, &rows, &count, err));
    f->out->accounts = SLV_MAX(count, (size_t)1);
    if (count > 0)
        return SLV_OK;
    slv_catalog_account_id_draw(f->out->account);
    row.id = token.account = slv_str_from(f->out->account);
    row.created_ms = token.created_ms = f->now_ms;
    SLV_TRY(slv_catalog_account_create(service, &row, err));
    SLV_TRY(slv_catalog_token_create(service, &token, &f->arena, f->out->token, err));
    f->out->made = true;
    return SLV_OK;
}

static void on_first(slv_call *call)
{
    first_call *f = slv_container_of(call, first_call, call);

    f->done = true;
}

static bool is_done(void *arg)
{
    return ((first_call *)arg)->done;
}

slv_code slv_first_account(slv_store *catalog, slv_loop *loop, slv_str email, slv_first *ret,
                           slv_err *err)
{
    first_call f = {
        .call = {.kind = SLV_CALL_WRITE, .create = true, .run = run_first, .done = on_first},
        .arena = SLV_ARENA(ARENA_MAX),
        .email = email,
        .now_ms = slv_loop_wall_ms(loop),
        .out = ret,
    };

    *ret = (slv_first){0};
    slv_store_call(catalog, loop, &f.call);
    while (!slv_loop_run_until(loop, is_done, &f, START_MS))
        continue; /* the call is on our stack */
    slv_arena_done(&f.arena);
    if (f.call.code != SLV_OK)
        return slv_fail(err, f.call.code, "the catalog of accounts: %s", slv_err_text(&f.call.err));
    return SLV_OK;
}

/* ---- the key ---- */

static slv_code make_key(const char *dir, const char *path, uint8_t *out, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *near = NULL;
    int fd, above;
    bool ok;

    if (asprintf(&near, "%s.new", path) < 0)
        abort();
    slv_rand_bytes(out, SLV_SECRET_KEY_LEN);
    fd = open(near, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", near);
    ok = write(fd, out, SLV_SECRET_KEY_LEN) == (ssize_t)SLV_SECRET_KEY_LEN && fsync(fd) == 0;
    close(fd);
    if (!ok || rename(near, path) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    above = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = above >= 0 && fsync(above) == 0;
    if (above >= 0)
        close(above);
    return ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", dir);
}

slv_code slv_first_key(const char *dir, uint8_t out[static SLV_SECRET_KEY_LEN], slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = NULL;
    uint8_t bytes[SLV_SECRET_KEY_LEN + 1];
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
    if (n != (ssize_t)SLV_SECRET_KEY_LEN)
        return slv_fail(err, SLV_E_STATE, "%s is not a key of %zu bytes", path, SLV_SECRET_KEY_LEN);
    memcpy(out, bytes, SLV_SECRET_KEY_LEN);
    return SLV_OK;
}
