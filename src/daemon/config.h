/*
 * config.h - what a server is told: flags of `selvage serve` and the tables of selvage.toml, in one
 * struct.
 *
 * A flag wins over the file. Keys may be written with dashes, as flags are. Keys of the file are
 * rows of one table (config.c): a key that is not there is an error with a suggestion, and so is a
 * value of another type or out of range; messages begin with FILE:LINE:COL. Paths in the file are
 * seen from its folder.
 *
 * One thread. Everything lives in the config's arena until slv_serve_config_done.
 */
#ifndef SLV_DAEMON_CONFIG_H
#define SLV_DAEMON_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define SLV_SERVE_LIST_MAX 64
#define SLV_SERVE_FILE_MAX ((size_t)1 << 20)

typedef struct slv_strs {
    slv_str items[SLV_SERVE_LIST_MAX];
    size_t count;
} slv_strs;

typedef struct slv_serve_config {
    slv_arena arena;
    const char *file; /* NULL: none */

    slv_str data;    /* directory */
    slv_str domain;  /* "example.com"; "localhost" unless told; empty: none */
    slv_str colo;    /* "FRA": the end of cf-ray, request.cf.colo */
    slv_strs listen; /* "127.0.0.1:8080", "[::]:80", ":80", "unix:/run/x" */
    slv_strs control_listen;
    uint64_t loops;
    uint64_t drain_seconds;   /* how long open requests may take to end */
    uint64_t upgrade_seconds; /* how long a front keeps what an upgrade could not hand over */

    /* [tls] */
    slv_strs tls_listen;
    slv_str tls_certificates;  /* folder */
    bool tls_redirect;         /* plain HTTP is sent to HTTPS */
    uint64_t tls_hsts_seconds; /* answers over HTTPS say so (Strict-Transport-Security); 0: not */
    /* [acme] */
    slv_str acme_directory, acme_email, acme_ca_file;
    slv_strs acme_hosts;
    bool acme_accept_terms;
    /* [proxy] */
    slv_strs proxy_trusted;         /* addresses or networks whose X-Forwarded-* count */
    slv_strs proxy_protocol_listen; /* listeners that begin with the PROXY protocol */
    /* [limits] */
    uint64_t account_isolates, server_isolates, version_isolates, idle_seconds, spare_isolates;
    uint64_t account_memory_mb, server_memory_mb;
    bool allow_private;      /* workers may reach private addresses */
    bool allow_weak_sandbox; /* several accounts without the sandbox's floor */
    /* [logs] */
    slv_str log_level, log_format;
    uint64_t log_keep_days, log_keep_mb;
    bool log_requests;
    /* [otlp] */
    slv_str otlp_endpoint, otlp_service;
    slv_strs otlp_headers; /* "name: value" */
} slv_serve_config;

/* Defaults, then the file (NULL: none). SLV_E_PARSE, SLV_E_INVAL: "FILE:LINE:COL: ..." */
SLV_NODISCARD slv_code slv_serve_config_load(const char *file, slv_serve_config *ret, slv_err *err);
/* A text in place of a file: for tests. */
SLV_NODISCARD slv_code slv_serve_config_parse(slv_str text, const char *file, slv_serve_config *ret,
                                              slv_err *err);
void slv_serve_config_done(slv_serve_config *c);
SLV_DEFINE_CLEANUP_DONE(slv_serve_config, slv_serve_config_done);

#endif
