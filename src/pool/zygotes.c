/* The base zygotes of accounts. Forks of one share the layout of their memory, and what they share
 * with each other they would share with a stranger too: hence one for each account. */
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "pool/zygote.h"

typedef struct entry {
    slv_zygote *zygote;
    unsigned refs;
} entry;

struct slv_zygotes {
    slv_zygote_options options;
    unsigned max;
    pthread_mutex_t lock;
    SLV_MAP(entry) entries;
};

slv_zygotes *slv_zygotes_new(const slv_zygote_options *options, unsigned max)
{
    slv_zygotes *set = slv_new0(slv_zygotes);

    set->options = *options;
    set->max = max ? max : SLV_ZYGOTES_MAX;
    pthread_mutex_init(&set->lock, NULL);
    return set;
}

slv_zygotes *slv_zygotes_free(slv_zygotes *set)
{
    if (set) {
        SLV_ASSERT(set->entries.len == 0);
        slv_map_done(&set->entries);
        pthread_mutex_destroy(&set->lock);
        free(set);
    }
    return NULL;
}

slv_zygote *slv_zygotes_get(slv_zygotes *set, slv_str account)
{
    slv_zygote *zygote = NULL;

    pthread_mutex_lock(&set->lock);
    entry *known = slv_map_get(&set->entries, account);
    if (known) {
        known->refs++;
        zygote = known->zygote;
    } else if (set->entries.len < set->max) {
        zygote = slv_zygote_new(&set->options);
        slv_map_set(&set->entries, account, ((entry){zygote, 1}));
    }
    pthread_mutex_unlock(&set->lock);
    return zygote;
}

void slv_zygotes_put(slv_zygotes *set, slv_zygote *zygote)
{
    bool last = false;

    if (!zygote)
        return;
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->entries.len; i++) {
        if (set->entries.values[i].zygote != zygote)
            continue;
        last = --set->entries.values[i].refs == 0;
        if (last)
            (void)slv_map_remove(&set->entries, set->entries.keys[i]);
        break;
    }
    pthread_mutex_unlock(&set->lock);
    if (last)
        (void)slv_zygote_free(zygote); /* waits for its end, which is near */
}

unsigned slv_zygotes_count(slv_zygotes *set)
{
    pthread_mutex_lock(&set->lock);
    unsigned n = (unsigned)set->entries.len;
    pthread_mutex_unlock(&set->lock);
    return n;
}
