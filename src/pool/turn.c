/*
 * Whose turn it is on a loop.
 *
 * Work of a turn is done before anything new is read. One account's thousand connections would make
 * each turn long, and whoever comes between would wait for all of it, three times: until it is
 * read, until its isolate is told, until the answer is written. So, while several accounts have
 * traffic, each has so many events placed in a turn, and its others wait for the next, in order:
 * however long one account's queue is, the first of another goes ahead of all but a turn's worth.
 *
 * Starting an isolate is the most costly thing that a request can ask for. Of one account so many
 * start at once meanwhile; the room that a started one leaves goes to whoever has fewest. A start
 * that waits for something (module scope may) gives its place up after a while.
 */
#include "base/clock.h"
#include "pool/pool_int.h"

#define CONTENDED_MS 1000 /* since when two accounts had traffic */
#define START_HOLD_NS ((uint64_t)1000000000)

static bool contended(const slv_pool *pool)
{
    return slv_loop_now_ms(pool->loop) < pool->contended_ms;
}

static void on_turn_end(slv_task *task)
{
    slv_container_of(task, slv_pool, turn_end)->turn++;
}

static void on_next_turn(slv_timer *timer)
{
    slv_pool_serve_all(slv_container_of(timer, slv_pool, next_turn));
}

void slv_turn_init(slv_pool *pool)
{
    pool->turn_end.fn = on_turn_end;
    pool->next_turn.fn = on_next_turn;
}

void slv_turn_done(slv_pool *pool)
{
    slv_timer_stop(&pool->next_turn);
    slv_task_cancel(&pool->turn_end);
}

void slv_turn_note(slv_pool *pool, slv_account *account)
{
    if (pool->recent != account && pool->recent)
        pool->contended_ms = slv_loop_now_ms(pool->loop) + CONTENDED_MS;
    pool->recent = account;
    if (!pool->short_turns && pool->contended_ms)
        slv_slice_pool(pool);
}

bool slv_turn_is_over(slv_account *account)
{
    slv_pool *pool = account->pool;

    if (account->turn != pool->turn) {
        account->turn = pool->turn;
        account->placed = 0;
    }
    if (account->placed < SLV_POOL_TURN_EVENTS || !contended(pool))
        return false;
    if (!slv_timer_started(&pool->next_turn))
        slv_timer_start(&pool->next_turn, pool->loop, 0);
    return true;
}

void slv_turn_count(slv_account *account)
{
    account->placed++;
    slv_loop_flush(account->pool->loop, &account->pool->turn_end);
}

bool slv_turn_may_start(const slv_account *account)
{
    const slv_pool *pool = account->pool;
    uint64_t now = slv_clock_mono_ns();
    unsigned starting = 0;

    if (!contended(pool))
        return true;
    SLV_LIST_EACH (n, &pool->all) {
        const slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        starting += iso->account == account && iso->group && iso->state < SLV_ISOLATE_READY &&
                    now < iso->asked_ns + START_HOLD_NS;
    }
    return starting < SLV_POOL_STARTS_MAX;
}
