#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/dev.h"
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
    {"ip", SLV_FLAG_STRING, 0, "ADDRESS", "address to listen on (localhost)"},
    {"local-protocol", SLV_FLAG_STRING, 0, "http|https", "protocol of the server (http)"},
    {"https-key-path", SLV_FLAG_STRING, 0, "FILE", "key for https, PEM"},
    {"https-cert-path", SLV_FLAG_STRING, 0, "FILE", "certificate for https, PEM"},
    {"persist-to", SLV_FLAG_STRING, 0, "DIR", "directory for local state (.selvage/state)"},
    {"s3-port", SLV_FLAG_NUMBER, 0, "PORT", "serve R2 by S3 on a port of its own as well"},
    {"test-scheduled", SLV_FLAG_BOOL, 0, NULL,
     "GET /__scheduled?cron=... runs the scheduled handler"},
    {"live-reload", SLV_FLAG_BOOL, 0, NULL,
     "reload HTML pages in the browser when the worker changes"},
    {"log-level", SLV_FLAG_STRING, 0, "LEVEL", "none, error, warn, info, log (default) or debug"},
    {"show-interactive-dev-session", SLV_FLAG_BOOL, 0, NULL,
     "keys on the terminal (on when it is one)"},
    {"loops", SLV_FLAG_NUMBER, 0, "N", "loop threads (1)"},
    {"record", SLV_FLAG_STRING, 0, "FILE",
     "write the channel of the first isolate to a file, for 'selvage replay'"},
    {"zygote", SLV_FLAG_BOOL, 0, NULL, "--no-zygote: start every isolate anew"},
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

static slv_code set_log_level(const slv_args *a, slv_err *err)
{
    const char *name = slv_args_string(a, "log-level");
    slv_term_level level = SLV_TERM_LOG;

    if (!name)
        name = getenv("WRANGLER_LOG");
    if (name && name[0] && !slv_term_parse_level(name, &level))
        return slv_fail(err, SLV_E_INVAL,
                        "--log-level takes none, error, warn, info, log or debug, not '%s'", name);
    slv_term_set_level(level);
    return SLV_OK;
}

static slv_code server_options(const slv_args *a, slv_dev_options *o, slv_err *err)
{
    /* in the background, changing the terminal would stop us */
    bool foreground = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
    bool terminal = foreground && isatty(STDOUT_FILENO) && !getenv("CI");
    uint64_t port, loops, s3_port;

    SLV_TRY(slv_args_number(a, "port", 0, 65535, 0, &port, err));
    SLV_TRY(slv_args_number(a, "loops", 1, 64, 1, &loops, err));
    SLV_TRY(slv_args_number(a, "s3-port", 0, 65535, 0, &s3_port, err));
    o->port = slv_args_has(a, "port") ? (int)port : -1;
    o->s3_port = slv_args_has(a, "s3-port") ? (int)s3_port : -1;
    o->loops = (unsigned)loops;
    o->ip = slv_args_string(a, "ip");
    o->protocol = slv_args_string(a, "local-protocol");
    if (o->protocol && strcmp(o->protocol, "http") != 0 && strcmp(o->protocol, "https") != 0)
        return slv_fail(err, SLV_E_INVAL, "--local-protocol takes http or https, not '%s'",
                        o->protocol);
    o->persist_to = slv_args_string(a, "persist-to");
    o->https_key = slv_args_string(a, "https-key-path");
    o->https_cert = slv_args_string(a, "https-cert-path");
    o->test_scheduled = slv_args_bool(a, "test-scheduled", false);
    o->live_reload = slv_args_bool(a, "live-reload", false);
    o->interactive = slv_args_bool(a, "show-interactive-dev-session", terminal) && foreground;
    o->no_zygote = !slv_args_bool(a, "zygote", true);
    o->record = slv_args_string(a, "record");
    return SLV_OK;
}

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
    const char *cwd = slv_args_string(a, "cwd");

    SLV_TRY(set_log_level(a, err));
    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "--cwd %s", cwd);
    SLV_TRY(slv_project_lists_read(a, &lists, err));
    SLV_TRY(server_options(a, o, err));
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
