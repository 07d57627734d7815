#include "base/map.h"

/* Linear probing over slots that hold entry + 1; kept at most half full. Deletion shifts followers
 * back. */

static size_t mask_of(const slv_map_core *c)
{
    return c->slot_count - 1;
}

size_t slv_map_find_(const slv_map_core *c, const slv_str *keys, size_t len, slv_str key)
{
    if (len == 0)
        return SIZE_MAX;
    uint64_t h = slv_hash(key);
    for (size_t s = h & mask_of(c); c->slots[s]; s = (s + 1) & mask_of(c)) {
        size_t e = c->slots[s] - 1;

        if (c->hashes[e] == h && slv_str_eq(keys[e], key))
            return e;
    }
    return SIZE_MAX;
}

/* An invertible mix (splitmix64's finaliser), so that equal mixes mean equal keys. */
uint64_t slv_imap_mix_(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}

size_t slv_imap_find_(const slv_map_core *c, size_t len, uint64_t key)
{
    if (len == 0)
        return SIZE_MAX;
    uint64_t h = slv_imap_mix_(key);
    for (size_t s = h & mask_of(c); c->slots[s]; s = (s + 1) & mask_of(c))
        if (c->hashes[c->slots[s] - 1] == h)
            return c->slots[s] - 1;
    return SIZE_MAX;
}

static void insert_slot(slv_map_core *c, size_t entry)
{
    size_t s = c->hashes[entry] & mask_of(c);

    while (c->slots[s])
        s = (s + 1) & mask_of(c);
    c->slots[s] = (uint32_t)entry + 1;
}

void slv_map_link_(slv_map_core *c, size_t entry, uint64_t hash)
{
    SLV_ASSERT(entry < UINT32_MAX - 1);
    c->hashes[entry] = hash;
    if ((entry + 1) * 2 > c->slot_count) {
        free(c->slots);
        c->slot_count = c->slot_count ? c->slot_count * 2 : 16;
        c->slots = slv_alloc0(c->slot_count * sizeof *c->slots);
        for (size_t e = 0; e < entry; e++)
            insert_slot(c, e);
    }
    insert_slot(c, entry);
}

static size_t slot_of(const slv_map_core *c, size_t entry)
{
    size_t s = c->hashes[entry] & mask_of(c);

    while (c->slots[s] != (uint32_t)entry + 1)
        s = (s + 1) & mask_of(c);
    return s;
}

void slv_map_unlink_(slv_map_core *c, size_t entry, size_t len)
{
    size_t mask = mask_of(c), hole = slot_of(c, entry);

    for (size_t s = (hole + 1) & mask; c->slots[s]; s = (s + 1) & mask) {
        size_t home = c->hashes[c->slots[s] - 1] & mask;

        if (((s - home) & mask) >= ((s - hole) & mask)) { /* hole lies between home and s */
            c->slots[hole] = c->slots[s];
            hole = s;
        }
    }
    c->slots[hole] = 0;
    if (entry != len - 1) {
        c->slots[slot_of(c, len - 1)] = (uint32_t)entry + 1;
        c->hashes[entry] = c->hashes[len - 1];
    }
}

void slv_map_core_done_(slv_map_core *c)
{
    free(c->slots);
    free(c->hashes);
    *c = (slv_map_core){0};
}

slv_str slv_map_copy_key_(slv_str key)
{
    return slv_str_make(slv_strndup(key.ptr, key.len), key.len);
}
