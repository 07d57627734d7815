#include "meter/ratelimit.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

typedef struct window {
    int64_t epoch;
    SLV_MAP(uint32_t) counts;
} window;

struct slv_ratelimits {
    pthread_mutex_t lock;
    SLV_MAP(window *) windows; /* by tenant, namespace and period */
};

slv_ratelimits *slv_ratelimits_new(void)
{
    slv_ratelimits *all = slv_new0(slv_ratelimits);

    pthread_mutex_init(&all->lock, NULL);
    return all;
}

slv_ratelimits *slv_ratelimits_free(slv_ratelimits *all)
{
    if (all) {
        SLV_MAP_EACH (&all->windows, i) {
            slv_map_done(&all->windows.values[i]->counts);
            free(all->windows.values[i]);
        }
        slv_map_done(&all->windows);
        pthread_mutex_destroy(&all->lock);
        free(all);
    }
    return NULL;
}

/* NULL: there are too many. */
static window *window_of(slv_ratelimits *all, const slv_ratelimit_use *use)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(use->tenant.len + use->id.len + 40);
    window **found;

    if (slv_buf_printf(&name, "%u %zu ", use->period_s, use->tenant.len) != SLV_OK ||
        slv_buf_append(&name, use->tenant) != SLV_OK || slv_buf_append(&name, use->id) != SLV_OK)
        return NULL;
    found = slv_map_get(&all->windows, slv_buf_view(&name));
    if (found)
        return *found;
    if (all->windows.len >= SLV_RATELIMIT_NAMESPACES_MAX)
        return NULL;
    window *w = slv_new0(window);
    slv_map_set(&all->windows, slv_buf_view(&name), w);
    return w;
}

static bool take(slv_ratelimits *all, const slv_ratelimit_use *use)
{
    window *w = window_of(all, use);
    int64_t epoch = use->now_ms / ((int64_t)use->period_s * 1000);
    slv_str key = slv_str_sub(use->key, 0, SLV_RATELIMIT_KEY_MAX);

    if (!w)
        return true;
    if (epoch != w->epoch) {
        slv_map_done(&w->counts);
        w->epoch = epoch;
    }
    uint32_t *count = slv_map_get(&w->counts, key);
    if ((count ? (double)*count : 0.0) >= use->limit)
        return false;
    if (count)
        (*count)++;
    else if (w->counts.len < SLV_RATELIMIT_KEYS_MAX)
        slv_map_set(&w->counts, key, 1);
    return true;
}

bool slv_ratelimit_take(slv_ratelimits *all, const slv_ratelimit_use *use)
{
    SLV_ASSERT(use->period_s > 0);
    pthread_mutex_lock(&all->lock);
    bool taken = take(all, use);
    pthread_mutex_unlock(&all->lock);
    return taken;
}
