/*
 * dev.h - `selvage dev`: workers built, served, watched and replaced in place until told to stop.
 * Main thread; blocks.
 */
#ifndef SLV_CLI_DEV_H
#define SLV_CLI_DEV_H

#include "cli/project.h"

#define SLV_DEV_WORKERS_MAX 32

typedef struct slv_dev_options {
    /* One for each worker; the first is the one that requests reach. */
    slv_project_options workers[SLV_DEV_WORKERS_MAX];
    size_t worker_count;
    const char *ip;                     /* NULL: as configured, else localhost */
    int port;                           /* -1: as configured, else default_port or a free one */
    uint16_t default_port;              /* 0: 8787 */
    const char *protocol;               /* "http", "https"; NULL: as configured */
    int s3_port;                        /* of S3 alone; -1: none, 0: any */
    const char *persist_to;             /* directory of the state; NULL: .selvage/state */
    const char *https_key, *https_cert; /* files; NULL: made now */
    unsigned loops;
    bool test_scheduled, live_reload, asset_ranges, interactive, no_zygote;
    const char *record;
    uint64_t began_ns; /* when the program started */
} slv_dev_options;

/* Returns when it was told to stop and everything has ended. */
SLV_NODISCARD slv_code slv_dev_run(const slv_dev_options *options, slv_err *err);

#endif
