/*
 * dev_int.h - the parts of dev: dev.c (server, life), dev_worker.c (build, watch, deploy),
 * dev_state.c (stores), dev_show.c (what is seen), dev_keys.c (keys). Private to cli.
 */
#ifndef SLV_CLI_DEV_INT_H
#define SLV_CLI_DEV_INT_H

#include "aio/poll.h"
#include "aio/proc.h"
#include "aio/signal.h"
#include "aio/timer.h"
#include "api/dynamo.h"
#include "api/http.h"
#include "api/s3.h"
#include "cli/dev.h"
#include "cli/watch.h"
#include "edge/server.h"
#include "net/tls.h"

typedef struct dev dev;

typedef enum dev_worker_state {
    DEV_IDLE,
    DEV_COMMAND, /* the custom build command runs */
    DEV_BUNDLE,
} dev_worker_state;

typedef struct dev_worker {
    dev *d;
    const slv_project_options *options;
    slv_project project;
    bool loaded;
    slv_bundler *bundler;
    slv_watch *watch;
    dev_worker_state state;
    bool dirty, dirty_config, dirty_command; /* something changed while a build was under way */
    bool tried;                              /* a first build has been made, or has failed */
    bool deployed, showing_error;
    slv_proc command;
    slv_timer no_bundle; /* static files alone: deployed from the loop, as a bundle would be */
    slv_task models_failed;
    slv_buf models_text;  /* why models could not be made */
    uint64_t began_ns;    /* of the build that is under way */
    slv_version *version; /* the last one that was built */
    slv_version *good;    /* the last one that has started */
    bool pending;         /* it is not deployed yet */
} dev_worker;

typedef struct dev_keys {
    slv_poll poll;
    bool on;
} dev_keys;

struct dev {
    const slv_dev_options *o;
    slv_loop *loop;
    slv_server *server;
    slv_zygote *zygote;
    slv_tls_server *tls;
    slv_state *state; /* NULL: another session has it, and no worker needs one */
    slv_api *api;     /* for verbs, behind STATE/control.sock */
    slv_api_http *api_http;
    slv_s3 *s3; /* of the state */
    slv_s3_listener *s3_listener;
    slv_dynamo_face *tables; /* of the state */
    slv_dynamo_http *tables_http;
    char s3_url[80]; /* where S3 is served on its own; empty: only below url */
    dev_worker workers[SLV_DEV_WORKERS_MAX];
    size_t worker_count;
    slv_signal on_int, on_term, on_hup;
    dev_keys keys;
    char url[300]; /* where it listens */
    bool started;  /* until then clients wait in the kernel's queue */
    bool ready;    /* the first line has been printed */
    bool stopping;
    slv_task stop_task;
};

/* dev_worker.c */
SLV_NODISCARD slv_code slv_dev_worker_open(dev *d, dev_worker *w,
                                           const slv_project_options *options, slv_err *err);
void slv_dev_worker_close(dev_worker *w);
void slv_dev_worker_build(dev_worker *w); /* or again after the one that is under way */
void slv_dev_worker_deployed(dev_worker *w, slv_version *version, const slv_err *err,
                             slv_str failure);

/* dev_state.c */
/* After the workers' configurations are known, before the server. */
SLV_NODISCARD slv_code slv_dev_state_open(dev *d, slv_err *err);
SLV_NODISCARD slv_code slv_dev_state_listen(dev *d, slv_err *err); /* once d->url is known */
/* What else the listeners serve; arg is the dev. */
bool slv_dev_state_take(void *arg, slv_loop *loop, slv_exchange *ex);
void slv_dev_state_hang_up(dev *d); /* before the server goes */
void slv_dev_state_close(dev *d);   /* after the server went */

/* dev_show.c */
void slv_dev_warn(void *arg, const char *text);
void slv_dev_show_ready(dev *d);
void slv_dev_show_bindings(const dev_worker *w);
void slv_dev_show_request(void *user, const slv_request_line *line);
void slv_dev_show_console(void *user, const slv_console_line *line);
void slv_dev_show_exception(void *user, const slv_exception_line *line);
void slv_dev_show_notice(void *user, slv_str text);
/* Appends why a version does not start, in the sources' places. */
SLV_NODISCARD slv_code slv_dev_start_failure(slv_version *version, const slv_err *err,
                                             slv_str failure, slv_buf *out);

/* dev_keys.c */
void slv_dev_keys_start(dev *d);
void slv_dev_keys_stop(dev *d);

/* dev.c */
/* Deploys what is pending, the first worker before the others: the server answers with the first
 * that it gets. */
void slv_dev_deploy(dev *d);
void slv_dev_begin(dev *d); /* takes connections once every worker has been tried */
void slv_dev_stop(dev *d);

#endif
