/*
 * map.h - SLV_MAP(V): open-addressing tables from byte strings, or from 64-bit integers, to values.
 *
 * slv_map (string keys, keyed SipHash because keys come from strangers; keys are copied) and
 * slv_imap (integer keys). Both map to a void-free typed value through the macros below. Counts are
 * the caller's to limit. One thread.
 *
 *     SLV_MAP(struct conn *) m = {0};
 *     slv_map_set(&m, key, c);          replaces
 *     struct conn **p = slv_map_get(&m, key);   NULL when absent; valid until the next set or
 * remove slv_map_remove(&m, key);          true when it was there SLV_MAP_EACH(&m, i)
 * use(m.keys[i], m.values[i]); slv_map_done(&m);
 */
#ifndef SLV_BASE_MAP_H
#define SLV_BASE_MAP_H

#include "base/hash.h"
#include "base/mem.h"

/* Entries stand densely in keys[]/values[]; index maps hash slots to entries. Removal moves the
 * last entry. */
typedef struct slv_map_core {
    uint32_t *slots; /* entry + 1, 0 empty; capacity is a power of two */
    size_t slot_count;
    uint64_t *hashes;
} slv_map_core;

#define SLV_MAP(V)                                                                                 \
    struct {                                                                                       \
        slv_map_core core;                                                                         \
        slv_str *keys;                                                                             \
        V *values;                                                                                 \
        size_t len, cap;                                                                           \
    }
#define SLV_IMAP(V)                                                                                \
    struct {                                                                                       \
        slv_map_core core;                                                                         \
        V *values;                                                                                 \
        size_t len, cap;                                                                           \
    } /* entry i is found under core.hashes[i], an invertible mix of its key */

size_t slv_map_find_(const slv_map_core *c, const slv_str *keys, size_t len, slv_str key);
size_t slv_imap_find_(const slv_map_core *c, size_t len, uint64_t key);
/* Makes room for one more entry and links entry number `entry` under hash. */
void slv_map_link_(slv_map_core *c, size_t entry, uint64_t hash);
/* Unlinks entry; the caller then moves the last entry into its place, which this accounts for. */
void slv_map_unlink_(slv_map_core *c, size_t entry, size_t len);
void slv_map_core_done_(slv_map_core *c);
slv_str slv_map_copy_key_(slv_str key);
/* Integer keys are mixed, not keyed: they are our own numbers. */
uint64_t slv_imap_mix_(uint64_t key);

/* An entry that is found or was linked has a place. */
#define slv_map_placed_(m)                                                                         \
    do {                                                                                           \
        if (!(m)->values)                                                                          \
            __builtin_unreachable();                                                               \
    } while (0)
#define slv_map_get(m, key)                                                                        \
    __extension__({                                                                                \
        size_t at_ = slv_map_find_(&(m)->core, (m)->keys, (m)->len, (key));                        \
        at_ == SIZE_MAX ? NULL : &(m)->values[at_];                                                \
    })
#define slv_map_set(m, key, value)                                                                 \
    do {                                                                                           \
        slv_str key_ = (key);                                                                      \
        size_t at_ = slv_map_find_(&(m)->core, (m)->keys, (m)->len, key_);                         \
        if (at_ == SIZE_MAX) {                                                                     \
            if ((m)->len == (m)->cap) {                                                            \
                (m)->cap = (m)->cap ? (m)->cap * 2 : 8;                                            \
                (m)->keys = slv_realloc((m)->keys, (m)->cap * sizeof(slv_str));                    \
                (m)->values = slv_realloc((m)->values, (m)->cap * sizeof *(m)->values);            \
                (m)->core.hashes = slv_realloc((m)->core.hashes, (m)->cap * sizeof(uint64_t));     \
            }                                                                                      \
            at_ = (m)->len++;                                                                      \
            (m)->keys[at_] = slv_map_copy_key_(key_);                                              \
            slv_map_link_(&(m)->core, at_, slv_hash(key_));                                        \
        }                                                                                          \
        slv_map_placed_(m);                                                                        \
        (m)->values[at_] = (value);                                                                \
    } while (0)
#define slv_map_remove(m, key)                                                                     \
    __extension__({                                                                                \
        size_t at_ = slv_map_find_(&(m)->core, (m)->keys, (m)->len, (key));                        \
        if (at_ != SIZE_MAX) {                                                                     \
            slv_map_unlink_(&(m)->core, at_, (m)->len);                                            \
            free((void *)(size_t)(m)->keys[at_].ptr);                                              \
            (m)->len--;                                                                            \
            (m)->keys[at_] = (m)->keys[(m)->len];                                                  \
            (m)->values[at_] = (m)->values[(m)->len];                                              \
        }                                                                                          \
        at_ != SIZE_MAX;                                                                           \
    })
#define SLV_MAP_EACH(m, i) for (size_t i = 0; i < (m)->len; i++)
#define slv_map_done(m)                                                                            \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < (m)->len; i_++)                                                   \
            free((void *)(size_t)(m)->keys[i_].ptr);                                               \
        free((m)->keys);                                                                           \
        free((m)->values);                                                                         \
        slv_map_core_done_(&(m)->core);                                                            \
        (m)->keys = NULL;                                                                          \
        (m)->values = NULL;                                                                        \
        (m)->len = (m)->cap = 0;                                                                   \
    } while (0)

#define slv_imap_get(m, key)                                                                       \
    __extension__({                                                                                \
        size_t at_ = slv_imap_find_(&(m)->core, (m)->len, (key));                                  \
        at_ == SIZE_MAX ? NULL : &(m)->values[at_];                                                \
    })
#define slv_imap_set(m, key, value)                                                                \
    do {                                                                                           \
        uint64_t key_ = (key);                                                                     \
        size_t at_ = slv_imap_find_(&(m)->core, (m)->len, key_);                                   \
        if (at_ == SIZE_MAX) {                                                                     \
            if ((m)->len == (m)->cap) {                                                            \
                (m)->cap = (m)->cap ? (m)->cap * 2 : 8;                                            \
                (m)->values = slv_realloc((m)->values, (m)->cap * sizeof *(m)->values);            \
                (m)->core.hashes = slv_realloc((m)->core.hashes, (m)->cap * sizeof(uint64_t));     \
            }                                                                                      \
            at_ = (m)->len++;                                                                      \
            slv_map_link_(&(m)->core, at_, slv_imap_mix_(key_));                                   \
        }                                                                                          \
        slv_map_placed_(m);                                                                        \
        (m)->values[at_] = (value);                                                                \
    } while (0)
#define slv_imap_remove(m, key)                                                                    \
    __extension__({                                                                                \
        size_t at_ = slv_imap_find_(&(m)->core, (m)->len, (key));                                  \
        if (at_ != SIZE_MAX) {                                                                     \
            slv_map_unlink_(&(m)->core, at_, (m)->len);                                            \
            (m)->len--;                                                                            \
            (m)->values[at_] = (m)->values[(m)->len];                                              \
        }                                                                                          \
        at_ != SIZE_MAX;                                                                           \
    })
#define slv_imap_done(m)                                                                           \
    do {                                                                                           \
        free((m)->values);                                                                         \
        slv_map_core_done_(&(m)->core);                                                            \
        (m)->values = NULL;                                                                        \
        (m)->len = (m)->cap = 0;                                                                   \
    } while (0)

#endif
