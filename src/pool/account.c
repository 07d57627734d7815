/* What a pool has of each account: its base zygote, its spare, and how much of the pool it takes.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "pool/pool_int.h"

#define ZYGOTE_FROM 2 /* isolates started, before the account has a zygote of its own */

slv_account *slv_account_get(slv_pool *pool, slv_str name)
{
    SLV_LIST_EACH (n, &pool->accounts) {
        slv_account *a = slv_container_of(n, slv_account, node);

        if (slv_str_is(name, a->name))
            return a;
    }
    slv_account *a = slv_new0(slv_account);

    a->pool = pool;
    a->name = slv_strndup(name.ptr, name.len);
    slv_list_init(&a->blanks);
    slv_list_push(&pool->accounts, &a->node);
    return a;
}

/* Memory that forked isolates share is the account's alone: its zygote begins when it is worth it,
 * and ends with the account's last isolate here. */
void slv_account_started(slv_account *a)
{
    slv_pool *pool = a->pool;

    a->starts++;
    if (!a->zygote && pool->options.zygotes && pool->zygotes_on && a->starts >= ZYGOTE_FROM) {
        a->zygote = slv_zygotes_get(pool->options.zygotes, slv_str_from(a->name));
        if (a->zygote)
            a->conn = slv_zygote_connect(a->zygote, pool->loop);
    }
}

slv_zygote_conn *slv_account_conn(const slv_account *a)
{
    return a->conn ? a->conn : a->pool->zygote;
}

slv_zygote *slv_account_zygote(const slv_account *a)
{
    return a->zygote ? a->zygote : a->pool->options.zygote;
}

void slv_account_tidy(slv_account *a)
{
    slv_pool *pool = a->pool;

    if (a->groups > 0 || a->isolates > 0)
        return;
    if (pool->options.budget && a->bytes > 0)
        slv_budget_use_by(pool->options.budget, slv_str_from(a->name), -(int64_t)a->bytes);
    a->conn = slv_zygote_disconnect(a->conn);
    slv_zygotes_put(pool->options.zygotes, SLV_STEAL(a->zygote));
    slv_list_remove(&a->node);
    free(a->name);
    free(a);
}

/* ---- room ---- */

static void let_go(slv_isolate *iso)
{
    slv_isolate_kill(iso, SLV_LOST_SHUTDOWN, NULL);
}

static bool drop_spare(slv_pool *pool, const slv_account *of)
{
    SLV_LIST_EACH (n, &pool->accounts) {
        slv_account *a = slv_container_of(n, slv_account, node);

        if ((!of || a == of) && !slv_list_empty(&a->blanks)) {
            let_go(slv_container_of(a->blanks.next, slv_isolate, node));
            return true;
        }
    }
    return false;
}

static bool has_instance(const slv_group *group)
{
    SLV_LIST_EACH (n, &group->isolates) {
        if (slv_container_of(n, slv_isolate, node)->from_app)
            return true;
    }
    return false;
}

/* One whose instances are all gone: they would end with it. */
static bool drop_app_zygote(slv_pool *pool)
{
    SLV_LIST_EACH (n, &pool->groups) {
        slv_group *group = slv_container_of(n, slv_group, node);

        if (group->app && group->dying_count == 0 && !has_instance(group)) {
            let_go(group->app);
            return true;
        }
    }
    return false;
}

static slv_isolate *longest_idle(slv_pool *pool, const slv_account *of, slv_str parent)
{
    slv_isolate *oldest = NULL;

    SLV_LIST_EACH (n, &pool->all) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        if (iso->state != SLV_ISOLATE_READY || iso->app || iso->events.len > 0 ||
            (of && iso->account != of) ||
            (parent.len > 0 && !slv_str_eq(iso->group->version->parent, parent)))
            continue;
        if (!oldest || iso->idle_ms < oldest->idle_ms)
            oldest = iso;
    }
    return oldest;
}

bool slv_account_make_room(slv_pool *pool, const slv_account *of)
{
    slv_isolate *idle;

    if (drop_spare(pool, of))
        return true;
    idle = longest_idle(pool, of, SLV_STR_NULL);
    if (idle)
        let_go(idle);
    return idle != NULL;
}

/* The workers that one worker has loaded, and that run. */
static unsigned loaded_by(const slv_pool *pool, slv_str parent)
{
    unsigned n = 0;

    SLV_LIST_EACH (i, &pool->groups) {
        const slv_group *group = slv_container_of(i, slv_group, node);

        if (slv_str_eq(group->version->parent, parent))
            n += group->isolate_count;
    }
    return n;
}

bool slv_account_may_load(slv_group *group)
{
    slv_pool *pool = group->pool;
    slv_str parent = group->version->parent;
    unsigned cap = pool->options.cap_loaded ? pool->options.cap_loaded : SLV_POOL_LOADED_MAX;
    slv_isolate *idle;

    if (parent.len == 0 || group->isolate_count > 0 || loaded_by(pool, parent) < cap)
        return true;
    idle = longest_idle(pool, NULL, parent);
    if (idle)
        let_go(idle);
    return idle != NULL;
}

/* ---- memory ---- */

/* What a fork shares with its zygote is there once. */
static uint64_t weight(const slv_isolate *iso)
{
    return iso->meter.used_bytes + (iso->forked ? 0 : iso->meter.base_bytes);
}

static void let_idle_go(slv_pool *pool, const slv_account *of, uint64_t over)
{
    uint64_t freed = 0;
    slv_isolate *idle;

    while (freed < over && (idle = longest_idle(pool, of, SLV_STR_NULL)) != NULL) {
        freed += weight(idle);
        let_go(idle);
    }
}

static void tell_use(slv_pool *pool)
{
    slv_budget *budget = pool->options.budget;
    uint64_t sum = 0;

    SLV_LIST_EACH (n, &pool->accounts) {
        slv_account *a = slv_container_of(n, slv_account, node);
        uint64_t own = 0;

        SLV_LIST_EACH (i, &pool->all) {
            slv_isolate *iso = slv_container_of(i, slv_isolate, all);

            if (iso->account != a)
                continue;
            slv_meter_look(iso);
            own += weight(iso);
        }
        slv_budget_use_by(budget, slv_str_from(a->name), (int64_t)(own - a->bytes));
        a->bytes = own;
        sum += own;
    }
    slv_budget_use(budget, pool->budget_place, sum);
}

void slv_account_watch_memory(slv_pool *pool)
{
    slv_budget *budget = pool->options.budget;
    uint64_t over;

    if (!budget)
        return;
    tell_use(pool);
    SLV_LIST_EACH (n, &pool->accounts) {
        slv_account *a = slv_container_of(n, slv_account, node);

        over = slv_budget_over_by(budget, slv_str_from(a->name));
        if (over > 0)
            let_idle_go(pool, a, over);
    }
    over = slv_budget_over(budget);
    if (over == 0)
        return;
    while (drop_spare(pool, NULL) || drop_app_zygote(pool))
        continue;
    let_idle_go(pool, NULL, over);
}
