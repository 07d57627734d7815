/* selvage tail [worker]: events of a worker on a server, as they end. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/script_verb.h"
#include "cli/tail_follow.h"
#include "cli/verbs.h"

static slv_code open_verb(slv_script_verb *v, const slv_args *args, slv_err *err)
{
    const slv_config *c;

    *v = (slv_script_verb){
        .args = args, .path = SLV_BUF((size_t)64 << 10), .json = SLV_BUF((size_t)256 << 10)};
    SLV_TRY(slv_rest_open_remote(args, &v->rest, err));
    c = slv_rest_config(v->rest);
    v->name = args->positional.len > 0 ? args->positional.items[0] : slv_args_string(args, "name");
    if (!v->name && c && c->name.len > 0)
        v->name = v->owned_name = slv_strndup(c->name.ptr, c->name.len);
    if (!v->name)
        return slv_fail(err, SLV_E_INVAL,
                        "which worker? name it (selvage tail NAME), or run this where its "
                        "configuration is");
    return SLV_OK;
}

static void on_connected(void *arg)
{
    const slv_script_verb *v = arg;

    fprintf(stderr, "Connected to %s, waiting for logs...\n", v->name);
}

static slv_code run(slv_script_verb *v, slv_err *err)
{
    slv_node *session, *nothing;
    slv_err ignored;
    bool pretty;

    SLV_TRY(slv_tail_format(v->args, &pretty, err));
    SLV_TRY(slv_tail_put_filters(v->args, &v->json, err));
    SLV_TRY(slv_script_call(v, "POST", &session, err, "/tails"));
    slv_str id = slv_node_str(slv_node_get(session, "id"));
    slv_code code = slv_tail_follow(slv_node_str(slv_node_get(session, "url")), pretty,
                                    pretty ? on_connected : NULL, v, err);
    /* it is gone with its socket; a server of another make may want to be told */
    (void)!slv_script_call(v, "DELETE", &nothing, &ignored, "/tails/%.*s", SLV_STR_ARGS(id));
    return code;
}

static int tail_exec(const slv_args *args)
{
    SLV_CLEANUP(slv_script_done) slv_script_verb v = {0};
    slv_err err = {0};

    if (open_verb(&v, args, &err) != SLV_OK || run(&v, &err) != SLV_OK)
        return slv_cmd_fail(args->cmd, &err);
    return 0;
}

static const slv_flag flags[] = {
    SLV_REST_FLAGS,
    {"name", SLV_FLAG_STRING, 0, "NAME", "name of the worker"},
    SLV_TAIL_FLAGS,
};

const slv_cmd slv_cmd_tail_verb = {
    .name = "tail",
    .args = "[worker]",
    .usage = "show events of a worker on a server as they end",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 1,
    .exec = tail_exec,
};
