#include "api/keyring.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "state/name.h"

#define LOOK_AGAIN_NS UINT64_C(1000000000) /* for tenants that have keys since */
#define NAME_BYTES ((size_t)1024)

typedef struct owner {
    char *tenant;
    slv_s3_keys *keys;
} owner;

struct slv_keyring {
    slv_state *state;
    char *file;
    pthread_mutex_t mutex; /* of what follows; owners are added only */
    SLV_VEC(owner *) owners;
    uint64_t looked_ns;
};

slv_keyring *slv_keyring_new(slv_state *state, const char *file)
{
    slv_keyring *ring = slv_new0(slv_keyring);

    ring->state = state;
    ring->file = slv_strdup(file);
    SLV_ASSERT(pthread_mutex_init(&ring->mutex, NULL) == 0);
    return ring;
}

slv_keyring *slv_keyring_free(slv_keyring *ring)
{
    if (!ring)
        return NULL;
    for (size_t i = 0; i < ring->owners.len; i++) {
        (void)slv_s3_keys_free(ring->owners.items[i]->keys);
        free(ring->owners.items[i]->tenant);
        free(ring->owners.items[i]);
    }
    slv_vec_done(&ring->owners);
    pthread_mutex_destroy(&ring->mutex);
    free(ring->file);
    free(ring);
    return NULL;
}

/* ---- who has keys ---- */

static bool is_known(const slv_keyring *ring, slv_str tenant)
{
    for (size_t i = 0; i < ring->owners.len; i++)
        if (slv_str_is(tenant, ring->owners.items[i]->tenant))
            return true;
    return false;
}

static void look_at(slv_keyring *ring, const char *folder)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(8192), tenant = SLV_BUF(NAME_BYTES);
    owner *o;

    if (folder[0] == '.' ||
        slv_buf_printf(&path, "%s/%s/%s", slv_state_dir(ring->state), folder, ring->file) !=
            SLV_OK ||
        !slv_buf_cstr(&path) || access(path.ptr, F_OK) != 0 ||
        slv_name_decode(slv_str_from(folder), &tenant) != SLV_OK ||
        is_known(ring, slv_buf_view(&tenant)))
        return;
    o = slv_new0(owner);
    o->tenant = slv_strndup(tenant.ptr, tenant.len);
    o->keys = slv_s3_keys_open(ring->state, slv_buf_view(&tenant), ring->file);
    slv_vec_push(&ring->owners, o);
}

/* False: it was looked a moment ago. */
static bool look(slv_keyring *ring)
{
    uint64_t now = slv_clock_mono_ns();
    struct dirent *entry;
    DIR *dir;

    if (ring->looked_ns && now - ring->looked_ns < LOOK_AGAIN_NS)
        return false;
    ring->looked_ns = now;
    dir = opendir(slv_state_dir(ring->state));
    if (!dir)
        return false;
    while ((entry = readdir(dir)))
        look_at(ring, entry->d_name);
    closedir(dir);
    return true;
}

static slv_code find_from(slv_keyring *ring, size_t from, slv_str id, slv_arena *arena,
                          slv_s3_key *ret, slv_str *ret_tenant, slv_err *err)
{
    for (size_t i = from; i < ring->owners.len; i++) {
        const owner *o = ring->owners.items[i];
        slv_code code = slv_s3_keys_find(o->keys, id, arena, ret, err);

        if (code == SLV_OK)
            return slv_arena_dup(arena, slv_str_from(o->tenant), ret_tenant);
        if (code != SLV_E_NOTFOUND)
            return code;
    }
    return SLV_E_NOTFOUND;
}

slv_code slv_keyring_find(slv_keyring *ring, slv_str id, slv_arena *arena, slv_s3_key *ret,
                          slv_str *ret_tenant, slv_err *err)
{
    slv_code code;

    SLV_ASSERT(pthread_mutex_lock(&ring->mutex) == 0);
    size_t known = ring->owners.len;
    code = find_from(ring, 0, id, arena, ret, ret_tenant, err);
    if (code == SLV_E_NOTFOUND && look(ring))
        code = find_from(ring, known, id, arena, ret, ret_tenant, err);
    SLV_ASSERT(pthread_mutex_unlock(&ring->mutex) == 0);
    return code;
}
