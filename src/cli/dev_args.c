#include "cli/dev_args.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/term.h"

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

slv_code slv_dev_args_begin(const slv_args *a, slv_err *err)
{
    const char *cwd = slv_args_string(a, "cwd");

    SLV_TRY(set_log_level(a, err));
    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "--cwd %s", cwd);
    return SLV_OK;
}

slv_code slv_dev_args_server(const slv_args *a, slv_dev_options *o, slv_err *err)
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
    o->asset_ranges = slv_args_bool(a, "asset-ranges", false);
    o->interactive = slv_args_bool(a, "show-interactive-dev-session", terminal) && foreground;
    o->no_zygote = !slv_args_bool(a, "zygote", true);
    o->record = slv_args_string(a, "record");
    return SLV_OK;
}
