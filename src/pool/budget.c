#include "pool/budget.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"

#define PLACES 128 /* pools */

typedef struct share {
    unsigned isolates;
    uint64_t bytes;
} share;

struct slv_budget {
    slv_budget_options o;
    pthread_mutex_t lock;
    unsigned isolates;
    SLV_MAP(share) accounts; /* of each that has something */
    uint64_t used[PLACES];
    bool taken[PLACES];
    uint64_t total;
};

static uint64_t read_number(const char *path)
{
    char text[64];
    uint64_t v = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (fd >= 0)
        close(fd);
    if (n <= 0 || slv_parse_u64(slv_str_trim(slv_str_make(text, (size_t)n)), &v) != SLV_OK)
        return 0; /* "max" too */
    return v;
}

uint64_t slv_machine_memory(void)
{
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t all = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(limits); i++) {
        uint64_t v = read_number(limits[i]);

        if (v > 0 && (all == 0 || v < all))
            all = v;
    }
    return all;
}

slv_budget *slv_budget_new(const slv_budget_options *options)
{
    slv_budget *b = slv_new0(slv_budget);

    b->o = *options;
    if (b->o.isolates == 0)
        b->o.isolates = SLV_BUDGET_ISOLATES;
    if (b->o.account_isolates == 0)
        b->o.account_isolates = SLV_BUDGET_ACCOUNT;
    if (b->o.memory_bytes == 0)
        b->o.memory_bytes = slv_machine_memory() / 100 * SLV_BUDGET_MEMORY_PERCENT;
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

slv_budget *slv_budget_free(slv_budget *budget)
{
    if (budget) {
        slv_map_done(&budget->accounts);
        pthread_mutex_destroy(&budget->lock);
        free(budget);
    }
    return NULL;
}

static uint64_t over_by(const slv_budget *b, const share *own)
{
    uint64_t limit = b->o.account_memory_bytes;

    return own && limit && own->bytes > limit ? own->bytes - limit : 0;
}

slv_budget_room slv_budget_room_for(slv_budget *budget, slv_str account)
{
    slv_budget_room room = SLV_BUDGET_ROOM;
    const share *own;

    pthread_mutex_lock(&budget->lock);
    own = slv_map_get(&budget->accounts, account);
    if (own && (own->isolates >= budget->o.account_isolates || over_by(budget, own) > 0))
        room = SLV_BUDGET_ACCOUNT_FULL;
    else if (budget->isolates >= budget->o.isolates)
        room = SLV_BUDGET_SERVER_FULL;
    pthread_mutex_unlock(&budget->lock);
    return room;
}

/* With the lock. */
static void change(slv_budget *b, slv_str account, int isolates, int64_t bytes)
{
    share *own = slv_map_get(&b->accounts, account);
    share now = own ? *own : (share){0};

    now.isolates += (unsigned)isolates;
    now.bytes += (uint64_t)bytes;
    if (now.isolates == 0 && now.bytes == 0)
        (void)slv_map_remove(&b->accounts, account);
    else if (own)
        *own = now;
    else
        slv_map_set(&b->accounts, account, now);
}

void slv_budget_count(slv_budget *budget, slv_str account, int delta)
{
    pthread_mutex_lock(&budget->lock);
    budget->isolates += (unsigned)delta;
    change(budget, account, delta, 0);
    pthread_mutex_unlock(&budget->lock);
}

void slv_budget_use_by(slv_budget *budget, slv_str account, int64_t delta)
{
    pthread_mutex_lock(&budget->lock);
    change(budget, account, 0, delta);
    pthread_mutex_unlock(&budget->lock);
}

uint64_t slv_budget_over_by(slv_budget *budget, slv_str account)
{
    pthread_mutex_lock(&budget->lock);
    uint64_t over = over_by(budget, slv_map_get(&budget->accounts, account));
    pthread_mutex_unlock(&budget->lock);
    return over;
}

unsigned slv_budget_join(slv_budget *budget)
{
    unsigned place = 0;

    pthread_mutex_lock(&budget->lock);
    while (place < PLACES - 1 && budget->taken[place])
        place++;
    SLV_ASSERT(!budget->taken[place]);
    budget->taken[place] = true;
    pthread_mutex_unlock(&budget->lock);
    return place;
}

void slv_budget_use(slv_budget *budget, unsigned place, uint64_t bytes)
{
    pthread_mutex_lock(&budget->lock);
    budget->total += bytes - budget->used[place];
    budget->used[place] = bytes;
    pthread_mutex_unlock(&budget->lock);
}

void slv_budget_leave(slv_budget *budget, unsigned place)
{
    slv_budget_use(budget, place, 0);
    pthread_mutex_lock(&budget->lock);
    budget->taken[place] = false;
    pthread_mutex_unlock(&budget->lock);
}

uint64_t slv_budget_over(slv_budget *budget)
{
    uint64_t over;

    pthread_mutex_lock(&budget->lock);
    over = budget->o.memory_bytes && budget->total > budget->o.memory_bytes
               ? budget->total - budget->o.memory_bytes
               : 0;
    pthread_mutex_unlock(&budget->lock);
    return over;
}

uint64_t slv_budget_limit(const slv_budget *budget)
{
    return budget->o.memory_bytes;
}
