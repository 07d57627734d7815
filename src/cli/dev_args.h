/*
 * dev_args.h - the flags of a dev session: shared by `dev` and `pages dev`.
 */
#ifndef SLV_CLI_DEV_ARGS_H
#define SLV_CLI_DEV_ARGS_H

#include "cli/cmd.h"
#include "cli/dev.h"

/* Rows for slv_cmd.flags; "port" is the verb's own. */
#define SLV_DEV_FLAGS                                                                              \
    {"ip", SLV_FLAG_STRING, 0, "ADDRESS", "address to listen on (localhost)"},                     \
        {"local-protocol", SLV_FLAG_STRING, 0, "http|https", "protocol of the server (http)"},     \
        {"https-key-path", SLV_FLAG_STRING, 0, "FILE", "key for https, PEM"},                      \
        {"https-cert-path", SLV_FLAG_STRING, 0, "FILE", "certificate for https, PEM"},             \
        {"persist-to", SLV_FLAG_STRING, 0, "DIR", "directory for local state (.selvage/state)"},   \
        {"s3-port", SLV_FLAG_NUMBER, 0, "PORT", "serve R2 by S3 on a port of its own as well"},    \
        {"test-scheduled", SLV_FLAG_BOOL, 0, NULL,                                                 \
         "GET /__scheduled?cron=... runs the scheduled handler"},                                  \
        {"asset-ranges", SLV_FLAG_BOOL, 0, NULL,                                                   \
         "send parts of static files to who asks for them, as a server does"},                     \
        {"live-reload", SLV_FLAG_BOOL, 0, NULL,                                                    \
         "reload HTML pages in the browser when the worker changes"},                              \
        {"log-level", SLV_FLAG_STRING, 0, "LEVEL",                                                 \
         "none, error, warn, info, log (default) or debug"},                                       \
        {"show-interactive-dev-session", SLV_FLAG_BOOL, 0, NULL,                                   \
         "keys on the terminal (on when it is one)"},                                              \
        {"loops", SLV_FLAG_NUMBER, 0, "N", "loop threads (1)"},                                    \
        {"record", SLV_FLAG_STRING, 0, "FILE",                                                     \
         "write the channel of the first isolate to a file, for 'selvage replay'"},                \
    {                                                                                              \
        "zygote", SLV_FLAG_BOOL, 0, NULL, "--no-zygote: start every isolate anew"                  \
    }

/* The level of the log, --cwd. */
SLV_NODISCARD slv_code slv_dev_args_begin(const slv_args *a, slv_err *err);
/* All but the workers. */
SLV_NODISCARD slv_code slv_dev_args_server(const slv_args *a, slv_dev_options *o, slv_err *err);

#endif
