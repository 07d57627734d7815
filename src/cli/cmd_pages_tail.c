/* selvage pages deployment tail [ID]: events of a deployment's functions, as they end. */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/pages_verb.h"
#include "cli/tail_follow.h"
#include "cli/verbs.h"

/* A deployment is named by its id, or by a URL of its own: https://<first 8 of the id>.… */
static bool is_it(const slv_node *d, slv_str wanted)
{
    slv_str id = slv_node_str(slv_node_get(d, "id")), url = slv_node_str(slv_node_get(d, "url"));

    return slv_str_eq(id, wanted) || slv_str_eq(url, wanted) ||
           (wanted.len == 8 && slv_str_starts(id, wanted));
}

/* That one, or the latest of the environment. */
static slv_code choose(slv_pages_verb *v, slv_str wanted, slv_str *ret, slv_err *err)
{
    const char *environment = slv_args_string(v->args, "environment");
    slv_node *list;

    if (!environment)
        environment = "production";
    SLV_TRY(slv_pages_call(v, "GET", &list, err, "/%.*s/deployments%s%s", SLV_STR_ARGS(v->name),
                           wanted.len > 0 ? "" : "?env=", wanted.len > 0 ? "" : environment));
    for (const slv_node *d = list->first; d; d = d->next) {
        if (wanted.len > 0 && !is_it(d, wanted))
            continue;
        *ret = slv_node_str(slv_node_get(d, "id"));
        return SLV_OK;
    }
    if (wanted.len > 0)
        return slv_fail(err, SLV_E_NOTFOUND, "%.*s has no deployment '%.*s'", SLV_STR_ARGS(v->name),
                        SLV_STR_ARGS(wanted));
    return slv_fail(err, SLV_E_NOTFOUND, "%.*s has no deployment in %s", SLV_STR_ARGS(v->name),
                    environment);
}

static void on_connected(void *arg)
{
    fprintf(stderr, "Connected to the deployment %s, waiting for logs...\n", (const char *)arg);
}

static slv_code run(slv_pages_verb *v, slv_err *err)
{
    slv_str wanted = slv_str_from(v->args->positional.len > 0 ? v->args->positional.items[0] : "");
    slv_str found = SLV_STR_NULL;
    slv_node *session, *nothing;
    slv_err ignored;
    char id[64], tail[64];
    bool pretty;

    SLV_TRY(slv_pages_need_name(v, err));
    SLV_TRY(slv_tail_format(v->args, &pretty, err));
    SLV_TRY(choose(v, wanted, &found, err));
    (void)snprintf(id, sizeof id, "%.*s", SLV_STR_ARGS(found));
    SLV_TRY(slv_tail_put_filters(v->args, &v->json, err));
    SLV_TRY(slv_pages_call(v, "POST", &session, err, "/%.*s/deployments/%s/tails",
                           SLV_STR_ARGS(v->name), id));
    (void)snprintf(tail, sizeof tail, "%.*s",
                   SLV_STR_ARGS(slv_node_str(slv_node_get(session, "id"))));
    slv_code code = slv_tail_follow(slv_node_str(slv_node_get(session, "url")), pretty,
                                    pretty ? on_connected : NULL, id, err);
    /* it is gone with its socket; a server of another make may want to be told */
    (void)!slv_pages_call(v, "DELETE", &nothing, &ignored, "/%.*s/deployments/%s/tails/%s",
                          SLV_STR_ARGS(v->name), id, tail);
    return code;
}

static int exec(const slv_args *args)
{
    return slv_pages_run(args, run);
}

static const slv_flag flags[] = {
    SLV_PAGES_FLAGS,
    {"environment", SLV_FLAG_STRING, 0, "NAME", "the latest of production or preview (production)"},
    SLV_TAIL_FLAGS,
};

const slv_cmd slv_cmd_pages_deployment_tail_verb = {
    .name = "pages deployment tail",
    .args = "[ID]",
    .usage = "show events of a deployment's functions as they end",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 1,
    .exec = exec,
};
