#include "plat/observe.h"

#define NAME_MAX_LEN ((size_t)1024)

static bool flag(const slv_node *table, const char *key, bool otherwise)
{
    const slv_node *n = slv_node_get(table, key);

    return slv_node_is(n, SLV_NODE_BOOL) ? n->boolean : otherwise;
}

static double rate(const slv_node *table, double otherwise)
{
    double v;

    if (!slv_node_f64(slv_node_get(table, "head_sampling_rate"), &v) || !(v >= 0) || v > 1)
        return otherwise;
    return v;
}

static slv_code read_tail(const slv_node *n, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(NAME_MAX_LEN);
    slv_str env = slv_node_str(slv_node_get(n, "environment"));

    SLV_TRY(slv_buf_append(&name, slv_node_str(slv_node_get(n, "service"))));
    if (env.len > 0 && name.len > 0)
        SLV_TRY(slv_buf_printf(&name, "-%.*s", SLV_STR_ARGS(env)));
    return slv_arena_dup(arena, slv_buf_view(&name), ret);
}

slv_code slv_observe_read(const slv_node *tail_consumers, const slv_node *observability,
                          slv_arena *arena, slv_observe *ret)
{
    const slv_node *logs = slv_node_get(observability, "logs");
    const slv_node *traces = slv_node_get(observability, "traces");
    bool enabled = flag(observability, "enabled", false);
    double sampled = rate(observability, 1);
    slv_str *names = slv_arena_try_alloc0(arena, SLV_OBSERVE_TAILS_MAX * sizeof *names);

    if (!names)
        return SLV_E_LIMIT;
    *ret = (slv_observe){.tails = names,
                         .logs = flag(logs, "enabled", enabled),
                         .traces = flag(traces, "enabled", false),
                         .invocations = flag(logs, "invocation_logs", true),
                         .log_rate = rate(logs, sampled),
                         .trace_rate = rate(traces, sampled)};
    if (!slv_node_is(tail_consumers, SLV_NODE_ARRAY))
        return SLV_OK;
    for (const slv_node *n = tail_consumers->first; n && ret->tail_count < SLV_OBSERVE_TAILS_MAX;
         n = n->next) {
        slv_str *name = &names[ret->tail_count];

        SLV_TRY(read_tail(n, arena, name));
        if (name->len > 0)
            ret->tail_count++;
    }
    return SLV_OK;
}
