/* What a pool tells of itself: for metrics and doctor. */
#include "pool/pool_int.h"

bool slv_pool_forks(const slv_pool *pool)
{
    bool quiet = pool->zygote && slv_zygote_quiet(pool->zygote);

    SLV_LIST_EACH (n, &pool->accounts) {
        const slv_account *a = slv_container_of(n, slv_account, node);

        quiet = quiet || (a->conn && slv_zygote_quiet(a->conn));
    }
    return quiet && slv_loop_now_ms(pool->loop) >= pool->exec_until_ms;
}

void slv_pool_get_stats(const slv_pool *pool, slv_pool_stats *ret)
{
    *ret = pool->stats;
    ret->isolates = pool->isolate_count;
    ret->open_events = pool->open_events;
    ret->waiting_events = pool->waiting_events;
    ret->starting = 0;
    ret->rss_bytes = 0;
    SLV_LIST_EACH (n, &pool->all) {
        const slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        ret->rss_bytes += iso->meter.base_bytes + iso->meter.used_bytes;
        ret->starting += iso->state < SLV_ISOLATE_READY && iso->group;
    }
}

void slv_pool_each(const slv_pool *pool,
                   void (*fn)(void *arg, const slv_version *version, uint64_t bytes), void *arg)
{
    SLV_LIST_EACH (n, &pool->all) {
        const slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        if (iso->group && !iso->app && iso->state != SLV_ISOLATE_DYING)
            fn(arg, iso->group->version, iso->meter.base_bytes + iso->meter.used_bytes);
    }
}
