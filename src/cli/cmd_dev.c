#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/dev.h"
#include "cli/dev_args.h"
#include "cli/project_args.h"
#include "cli/term.h"
#include "cli/verbs.h"

#define NO_REMOTE "selvage runs everything on this machine; leave the flag out"

static const slv_flag dev_flags[] = {
    SLV_PROJECT_FLAGS,
    {"host", SLV_FLAG_STRING, 0, "HOST",
     "host that requests seem to be for (that of the first route)"},
    {"config", SLV_FLAG_STRING, 'c', "FILE",
     "configuration file; several run several workers, the first answers requests"},
    {"port", SLV_FLAG_NUMBER, 0, "PORT", "port to listen on (8787); 0 takes a free one"},
    SLV_DEV_FLAGS,
    {"site", SLV_FLAG_REFUSED, 0, NULL,
     "Workers Sites are not supported by this version of selvage"},
    {"remote", SLV_FLAG_REFUSED, 'r', NULL, NO_REMOTE},
    {"tunnel", SLV_FLAG_REFUSED, 0, NULL, NO_REMOTE},
    {"tunnel-name", SLV_FLAG_REFUSED, 0, NULL, NO_REMOTE},
    {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},
    /* known to wrangler and of no effect here */
    {"local", SLV_FLAG_BOOL, 'l', NULL, NULL},
    {"inspect", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"inspector-port", SLV_FLAG_NUMBER, 0, "PORT", NULL},
    {"inspector-ip", SLV_FLAG_STRING, 0, "ADDRESS", NULL},
    {"local-upstream", SLV_FLAG_STRING, 0, "HOST", NULL},
    {"upstream-protocol", SLV_FLAG_STRING, 0, "http|https", NULL},
    {"routes", SLV_FLAG_LIST, 0, "ROUTE", NULL},
    {"route", SLV_FLAG_LIST, 0, "ROUTE", NULL},
    {"types", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"enable-containers", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"container-engine", SLV_FLAG_STRING, 0, "ENGINE", NULL},
    {"legacy-env", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"experimental-vectorize-bind-to-prod", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"experimental-images-local-mode", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"logpush", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"install-skills", SLV_FLAG_BOOL, 0, NULL, NULL},
};

static void one_worker(const slv_args *a, const slv_project_lists *l, slv_project_options *o)
{
    const char *host = slv_args_string(a, "local-upstream");

    slv_project_args(a, l, o);
    o->host = host ? host : slv_args_string(a, "host");
}

static slv_code workers(const slv_args *a, const slv_project_lists *l, slv_dev_options *o,
                        slv_err *err)
{
    const char *config;
    size_t n = 0;

    for (; (config = slv_args_item(a, "config", n)); n++) {
        if (n == SLV_DEV_WORKERS_MAX)
            return slv_fail(err, SLV_E_LIMIT, "more than %d configurations", SLV_DEV_WORKERS_MAX);
        one_worker(a, l, &o->workers[n]);
        o->workers[n].config = config;
        o->workers[n].name = n == 0 ? slv_args_string(a, "name") : NULL;
    }
    if (n == 0)
        one_worker(a, l, &o->workers[n++]);
    o->worker_count = n;
    o->workers[0].script = a->positional.len > 0 ? a->positional.items[0] : NULL;
    return SLV_OK;
}

static slv_code dev(const slv_args *a, slv_dev_options *o, slv_err *err)
{
    SLV_CLEANUP(slv_project_lists_done) slv_project_lists lists = {0};

    SLV_TRY(slv_dev_args_begin(a, err));
    SLV_TRY(slv_project_lists_read(a, &lists, err));
    SLV_TRY(slv_dev_args_server(a, o, err));
    SLV_TRY(workers(a, &lists, o, err));
    return slv_dev_run(o, err);
}

static int dev_exec(const slv_args *a)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc0(sizeof(slv_dev_options));
    slv_dev_options *o = memory;
    slv_err err = {0};

    o->began_ns = slv_clock_mono_ns();
    if (dev(a, o, &err) != SLV_OK)
        return slv_cmd_fail(a->cmd, &err);
    return 0;
}

const slv_cmd slv_cmd_dev_verb = {
    .name = "dev",
    .args = "[script]",
    .usage = "run a worker, and again at each change of its sources",
    .flags = dev_flags,
    .flag_count = SLV_ARRAY_LEN(dev_flags),
    .max_positional = 1,
    .exec = dev_exec,
};
