/* Small files that were sent lately, as they were sent: no file is opened for them again. */
#include "edge/asset_int.h"

#include <stdio.h>
#include <sys/uio.h>

#include "base/map.h"

typedef struct entry {
    slv_list node; /* newest first */
    char key[40];
    size_t len;
    char bytes[];
} entry;

struct slv_asset_cache {
    SLV_MAP(entry *) by_key;
    slv_list used;
    size_t bytes;
};

/* A tag names what a file holds (or held, when its directory was read), a coding how it is packed.
 */
static slv_str key_of(const slv_asset *asset, slv_coding coding, char out[static 40])
{
    int n = snprintf(out, 40, "%.32s%d", asset->etag, (int)coding);

    return slv_str_make(out, (size_t)n);
}

static void drop(slv_asset_cache *c, entry *e)
{
    slv_list_remove(&e->node);
    c->bytes -= e->len;
    (void)slv_map_remove(&c->by_key, slv_str_from(e->key));
    free(e);
}

bool slv_asset_cache_get(slv_shard *shard, const slv_asset *asset, slv_coding coding, slv_str *ret)
{
    slv_asset_cache *c = shard->asset_cache;
    char key[40];
    entry **found = c ? slv_map_get(&c->by_key, key_of(asset, coding, key)) : NULL;

    if (!found)
        return false;
    slv_list_remove(&(*found)->node);
    slv_list_push_front(&c->used, &(*found)->node);
    *ret = slv_str_make((*found)->bytes, (*found)->len);
    return true;
}

bool slv_asset_cache_fill(slv_shard *shard, const slv_asset *asset, slv_coding coding, int fd,
                          uint64_t size, slv_str *ret)
{
    slv_asset_cache *c = shard->asset_cache;
    struct iovec to;
    char key[40];
    entry *e;

    if (size == 0 || size > SLV_ASSET_CACHED_MAX)
        return false;
    if (!c) {
        c = shard->asset_cache = slv_new0(slv_asset_cache);
        slv_list_init(&c->used);
    }
    e = slv_alloc(sizeof *e + size);
    to = (struct iovec){.iov_base = e->bytes, .iov_len = size};
    if (preadv2(fd, &to, 1, 0, RWF_NOWAIT) != (ssize_t)size) { /* the disk would be waited for */
        free(e);
        return false;
    }
    e->node = (slv_list){0};
    e->len = size;
    memcpy(e->key, key, key_of(asset, coding, key).len + 1);
    slv_list_push_front(&c->used, &e->node);
    slv_map_set(&c->by_key, slv_str_from(e->key), e);
    c->bytes += e->len;
    while (c->bytes > SLV_ASSET_CACHE_MAX)
        drop(c, slv_container_of(c->used.prev, entry, node));
    *ret = slv_str_make(e->bytes, e->len);
    return true;
}

void slv_asset_cache_free(slv_shard *shard)
{
    slv_asset_cache *c = shard->asset_cache;

    if (!c)
        return;
    while (!slv_list_empty(&c->used))
        drop(c, slv_container_of(c->used.next, entry, node));
    slv_map_done(&c->by_key);
    free(c);
    shard->asset_cache = NULL;
}
