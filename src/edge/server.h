/*
 * server.h - the edge: listeners, the events that requests become, and the deployed workers that
 * answer them, on one or more loop threads.
 *
 * Each loop thread has its own listeners (SO_REUSEPORT), connections, isolates and outgoing client;
 * a connection stays on its loop. Hooks are delivered on options.control, gathered: at most one
 * wake-up for each turn of a loop thread.
 *
 * Threading: new, listen, start, drain and free on the control loop's thread; deploy, undeploy and
 * figures on any thread.
 *
 * Limits: those of the version (plat/limits.h): URL, headers, request body, wall time, subrequests,
 * open connections; CPU and memory are the pool's; queue length and age of waiting events too.
 */
#ifndef SLV_EDGE_SERVER_H
#define SLV_EDGE_SERVER_H

#include "aio/loop.h"
#include "base/str.h"
#include "chan/msg.h"
#include "chan/record.h"
#include "edge/site.h"
#include "net/server.h"
#include "plat/version.h"
#include "pool/pool.h"

#define SLV_SERVER_LOOPS_MAX 64

typedef struct slv_server slv_server;
struct slv_trace; /* edge/trace.h */

#define SLV_LINE_BATCH 1

/* One finished request. All strings are borrowed for the call. */
typedef struct slv_request_line {
    slv_str method, target, worker; /* worker: empty when none answered */
    int status; /* 0: the client left before there was one; SLV_LINE_BATCH: target is a queue */
    int64_t wall_ms; /* when it began */
    uint64_t time_us, cpu_us;
    slv_str outcome; /* "ok", "exception", "exceededCpu", "canceled" ... */
} slv_request_line;

/* One console line of a worker. */
typedef struct slv_console_line {
    slv_version *version; /* for its source map; borrowed */
    int64_t wall_ms;
    slv_console_level level;
    slv_str text, place;
} slv_console_line;

/* An uncaught exception, an unhandled rejection, or an event lost to a limit or crash. */
typedef struct slv_exception_line {
    slv_version *version;
    int64_t wall_ms;
    slv_str name, message, stack;
} slv_exception_line;

typedef struct slv_preview_ask slv_preview_ask; /* a question that waits for its answer */

/* Each may be NULL, which also costs nothing. */
typedef struct slv_server_hooks {
    void *user;
    void (*request)(void *user, const slv_request_line *line);
    void (*console)(void *user, const slv_console_line *line);
    void (*exception)(void *user, const slv_exception_line *line);
    /* What had gathered has been told: a good moment to flush. */
    void (*told)(void *user);
    /* A line for the log of the server itself. */
    void (*notice)(void *user, slv_str text);
    /* An event of which somebody wants a trace is over; borrowed for the call, slv_trace_ref keeps
       it (edge/trace.h). */
    void (*trace)(void *user, struct slv_trace *trace);
    /* The first isolate of a deployed version is up on one loop (err NULL) or cannot start. Once
       for each deploy. failure: what the worker reported, {"name","message","stack"}, or empty. */
    void (*deployed)(void *user, slv_version *version, const slv_err *err, slv_str failure);
} slv_server_hooks;

/* What the user pointer of an exchange of the server points at: who answers it. */
typedef struct slv_answerer {
    void (*body)(struct slv_answerer *a, slv_str bytes,
                 bool last);                  /* NULL: no credit was granted */
    void (*writable)(struct slv_answerer *a); /* may be NULL */
    void (*gone)(struct slv_answerer *a);
} slv_answerer;

/* What else answers on the server's listeners: asked for each request below /cdn-cgi/, or for hosts
 * of its own, on its loop.
 * True: it has the exchange, whose `user` points at an answerer of its own. */
typedef struct slv_server_extension {
    bool (*take)(void *arg, slv_loop *loop, slv_exchange *ex); /* NULL: nothing */
    bool hosts; /* it has hosts: it is asked for every request */
    void *arg;
} slv_server_extension;

#define SLV_COLO_MAX 8

typedef struct slv_server_options {
    slv_loop *control; /* where hooks run; its thread makes and frees the server */
    unsigned loops;    /* 0: 1 */
    slv_server_hooks hooks;
    const char *program;     /* see slv_pool_options */
    const char *project_dir; /* where esbuild is looked for, for dynamic workers; NULL: beside the
                                program */
    slv_zygote *zygote;      /* NULL: always exec, or: */
    slv_zygotes *zygotes;    /* one for each account; freed after the server */
    slv_budget *budget;      /* pool/budget.h; NULL: none; freed after the server */
    /* state/state.h; NULL: no worker has resources. Freed after the server. */
    struct slv_state *state;
    /* edge/dynamo.h: tables that workers' requests to AWS reach; NULL: none. Freed after the
     * server. */
    struct slv_dynamo_face *dynamo;
    /* net/door.h: whom requests are believed to be from, challenges, redirects; NULL: nothing of
     * it. Freed after the server. */
    struct slv_door *door;
    unsigned isolates; /* of one version on each loop; 0: the pool's default */
    uint64_t idle_ms;  /* an isolate without events is stopped after this; 0: the pool\'s default */
    unsigned spares;   /* processes kept ready for an account that has earned them; 0: one */
    unsigned trace_all; /* SLV_TRACE_KEEP, EXPORT, LOGS, LINE: what is told of every event, by what
                           the versions say (edge/trace.h) */
    slv_server_extension extension;
    /* While draining: a connection that another process may go on with (net/server.h, hand_over).
     * On loop threads. NULL: there is none. */
    bool (*hand_over)(void *arg, int fd, const slv_handed *about);
    /* And a WebSocket that hibernates, after slv_server_release: bytes for slv_server_adopt_socket,
     * and its descriptor, which is taken when it is true; -1: it has none. */
    bool (*hand_socket)(void *hand_over_arg, slv_str state, int fd);
    void *hand_over_arg;
    /* Sockets of another process are still to come: objects are not opened before
     * slv_server_adopted. */
    bool adopts;
    slv_pumps *pumps;    /* net/pump.h: for those that speak TLS; NULL: they are closed */
    bool dev;            /* error pages with the stack; loopback may be fetched; keep one isolate */
    bool test_scheduled; /* /__scheduled triggers too */
    bool live_reload;    /* HTML pages get a script that reloads them after a deploy */
    bool allow_private;  /* workers may reach private addresses */
    bool no_cron;        /* crons do not fire by the clock */
    bool asset_ranges;   /* parts of static files are sent to those who ask for them */
    const char *record;  /* file for the channel of the first isolate; NULL: none */
    const char *ca_file; /* NULL: the system's store */
    slv_str cf_json;     /* request.cf, an object; empty: a built-in one; copied */
    /* Where this server is, "FRA": the end of cf-ray, and request.cf then says what is so of the
     * connection. Capital letters and digits, SLV_COLO_MAX at most; copied. Empty: as in dev. */
    slv_str colo;
    slv_http_options http; /* timeouts; handlers and ctx are ignored */
} slv_server_options;

SLV_NODISCARD slv_code slv_server_new(const slv_server_options *options, slv_server **ret,
                                      slv_err *err);
/* Opens the address on every loop. Before or after start. *ret_port (may be NULL): the port in use.
 */
SLV_NODISCARD slv_code slv_server_listen(slv_server *server, const slv_listen_options *options,
                                         uint16_t *ret_port, slv_err *err);
/* A listening socket that somebody else opened and keeps; every loop takes connections from it.
 * Before start, or later, when all that requests need is there; traits (net/server.h) are copied.
 */
SLV_NODISCARD slv_code slv_server_listen_fd(slv_server *server, int fd,
                                            const slv_listener_traits *traits, slv_err *err);
/* A connection that another process had: some loop goes on with it. After start. Takes fd. tls: for
 * one whose TLS is yet to begin (net/server.h); may be NULL. */
void slv_server_adopt(slv_server *server, int fd, const slv_handed *about, slv_tls_server *tls);
/* A WebSocket that hibernates there goes on here. state is copied; takes fd, -1: it has gone. */
void slv_server_adopt_socket(slv_server *server, slv_str state, int fd);
/* Those that were waited for have come (options.adopts). */
void slv_server_adopted(slv_server *server);
/* Starts the loop threads. */
SLV_NODISCARD slv_code slv_server_start(slv_server *server, slv_err *err);
/* Makes version the one that answers for its name: requests and calls that begin from now on go to
   it, those that run finish on the old one, connections stay. The first name deployed is the
   default worker. Takes a reference. */
void slv_server_deploy(slv_server *server, slv_version *version);

#define SLV_SPLIT_MAX 2

/* Versions of one worker, and how much of what comes each gets; together 100. The one with the
 * share that may grow (the newest) stands first. */
typedef struct slv_deploy {
    slv_version *versions[SLV_SPLIT_MAX];
    double percent[SLV_SPLIT_MAX];
    size_t count;
} slv_deploy;

/* The same for a server of many workers: crons and consumers are the worker's (set_triggers), no
   isolate is started before the first event, unless the worker has some now: then those of the new
   versions are up before they are called. done (may be NULL) comes on the control loop when every
   loop sends what begins from now on to the new versions. References are taken. */
void slv_server_deploy_split(slv_server *server, const slv_deploy *deploy, void (*done)(void *arg),
                             void *arg);
/* No version answers for the worker any more; its crons and queues go too. remove: it was deleted,
   and what its Durable Objects kept goes with it. */
void slv_server_undeploy(slv_server *server, slv_str tenant, slv_str name, bool remove);
/* Crons and consumed queues of a worker that is deployed, instead of those before. Copied. */
void slv_server_set_triggers(slv_server *server, slv_str tenant, slv_str name, const slv_str *crons,
                             size_t cron_count, const slv_consumer *consumers,
                             size_t consumer_count);

/* Sessions of `tail`: events of the worker are traced while there are any (edge/trace.h). dispatch:
 * the namespace that it was uploaded to; empty: none. Any thread. */
void slv_server_watch(slv_server *server, slv_str tenant, slv_str dispatch, slv_str worker,
                      bool on);

/* From now on requests find their worker by the site, not by being the first that was deployed. A
   reference is taken. Versions of preview hosts are asked for anew. */
void slv_server_set_site(slv_server *server, slv_site *site);
/* done comes on the control loop when every loop has done what it was told before. */
void slv_server_barrier(slv_server *server, void (*done)(void *arg), void *arg);
/* Before start: fn is called on the control loop when a request has come for a host that the site
   says is to be asked for; answer with slv_server_preview_answer, now or later, once. */
void slv_server_on_preview(slv_server *server,
                           void (*fn)(void *user, slv_preview_ask *ask, slv_str host), void *user);
/* The version for the host that was asked for, which is kept while it is used; NULL: there is none,
   `why` (may be NULL) is the title of the page that says so. On the control loop. */
void slv_server_preview_answer(slv_server *server, slv_preview_ask *ask_take, slv_version *version,
                               const char *why);

/* What became of a version that was started once. Strings are borrowed for the call. */
typedef struct slv_probe_result {
    bool ok;
    slv_str failure;    /* what the worker reported: {"name","message","stack"}; may be empty */
    const slv_err *err; /* unless ok: SLV_E_JS, or SLV_E_LIMIT: a limit of the start was passed */
    slv_str handlers;   /* {"handlers":[],"entrypoints":[]} */
    uint64_t cpu_us;    /* of module scope */
} slv_probe_result;
/* Starts an isolate of the version, apart from those that serve, and ends it: module scope runs, no
   event is sent. fn comes on the control loop, once. */
void slv_server_probe(slv_server *server, slv_version *version,
                      void (*fn)(void *arg, const slv_probe_result *result), void *arg);

/* Messages were sent to the queue, or its settings have changed, by others than this server's
   workers. Any thread. */
void slv_server_queue_changed(slv_server *server, slv_str tenant, slv_str queue);

/* Until fail text is cleared (empty), requests that come from a browser are answered with it as an
   error page, status 500: what `dev` shows when the build fails before any version exists. Copied.
 */
void slv_server_set_notice_page(slv_server *server, slv_str html);

typedef struct slv_server_stats {
    uint64_t requests;
    size_t connections;
    slv_pool_stats pool; /* added up over the loops */
} slv_server_stats;
/* Asks every loop; fn comes on the control loop. */
void slv_server_get_stats(slv_server *server, void (*fn)(void *user, const slv_server_stats *stats),
                          void *user);

/* Another process takes over (options.hand_over, hand_socket): stops accepting, hands over what it
 * can, lets finish what needs stores (timeout_ms at most). Then released comes on the control loop:
 * the state is not touched any more, and may be retired; what could not be handed over goes on.
 * over comes, later, when nothing is left of it. slv_server_drain after released ends it at once.
 */
void slv_server_release(slv_server *server, uint32_t timeout_ms, void (*released)(void *user),
                        void (*over)(void *user), void *user);
/* Stops accepting, lets open requests finish (timeout_ms at most), stops isolates and loop threads;
   done comes on the control loop. Then slv_server_free. */
void slv_server_drain(slv_server *server, uint32_t timeout_ms, void (*done)(void *user),
                      void *user);
/* After drain's done, or before start. Accepts NULL, returns NULL. */
slv_server *slv_server_free(slv_server *server);
SLV_DEFINE_CLEANUP(slv_server *, slv_server_free);

#endif
