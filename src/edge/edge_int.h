/*
 * edge_int.h - what the files of the edge share.
 *
 *     server.c    the server: loops, listeners, deploys, hooks, drain           control loop
 *     shard.c     one loop thread: its http server, pool, client
 *     worker.c    which versions answer for a worker, and how others take over
 *     event.c     an event from placement to END, whoever wants it
 *     ingress.c   a client's request as an event
 *     egress.c    outgoing fetch and connect
 *     site.c      which worker answers for a host and a path
 *     route.c     requests find their version by the site; previews
 *     relay.c     calls between workers: service.c by HTTP, rpc.c by RPC
 *     tie.c       what workers hand to those that they make
 *     loader.c    dynamic workers
 *     resource.c  operations on resources: which file takes which kind
 *     object*.c   Durable Objects, see object_int.h
 *     wire.c      WebSockets: clients, origins and isolates, joined two by two
 *     queue.c     consumers of queues: batches for handlers
 *     release.c   an upgrade: what is handed over, what is ended, what goes on
 *     scheduled.c cron by the clock and by hand
 *     pages.c     error pages
 *     request_cf.c what is known of a request's connection
 *     body.c      bytes on their way through
 *
 * Everything but server.c runs on the thread of one loop and touches the state of that loop only.
 */
#ifndef SLV_EDGE_EDGE_INT_H
#define SLV_EDGE_EDGE_INT_H

#include <stdatomic.h>

#include "aio/timer.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/rand.h"
#include "edge/body_int.h"
#include "edge/server.h"
#include "edge/trace.h"
#include "fmt/url.h"
#include "net/client.h"

#define SLV_EDGE_INLINE_MAX                                                                        \
    ((size_t)60 << 10)         /* a body that fits one frame beside its head travels in it */
#define SLV_EDGE_SWEEP_MS 1000 /* how often lingering events are looked at */
#define SLV_EDGE_END_MS 10000  /* a canceled event that has not ended by then costs its isolate */

typedef struct slv_shard slv_shard;
typedef struct slv_asset_cache slv_asset_cache; /* asset_int.h */
typedef struct slv_event slv_event;
typedef struct slv_op slv_op;
typedef struct slv_object slv_object;   /* object_int.h */
typedef struct slv_objects slv_objects; /* object_int.h */

/* ---- events ---- */

/* How an event ended. */
typedef struct slv_event_end {
    slv_outcome outcome;
    bool lost; /* by `why`; else END came, or it was never placed (start_err) */
    slv_lost why;
    const slv_err *start_err;
    uint64_t cpu_us;
    slv_str error; /* JSON {"name","message","stack"} or empty */
    slv_str text;  /* of a lost one: says more; may be empty */
} slv_event_end;

typedef struct slv_event_ops {
    /* Placed: send EVENT. May be called twice, when the first isolate was lost. */
    void (*send)(slv_event *ev);
    /* RESPONSE of a fetch event; NULL where none can come. */
    slv_code (*response)(slv_event *ev, const slv_msg_response *m, slv_err *err);
    slv_code (*rpc_result)(slv_event *ev, const slv_frame *f, slv_err *err);
    /* Last callback; slv_event_done follows from here on whenever the owner likes. */
    void (*ended)(slv_event *ev, const slv_event_end *end);
} slv_event_ops;

typedef enum slv_event_state {
    SLV_EVENT_IDLE,    /* not begun, or ended */
    SLV_EVENT_WAITING, /* for an isolate */
    SLV_EVENT_RUNNING, /* EVENT was sent */
    SLV_EVENT_ENDING,  /* what it has is being ended; its owner hears of it next */
} slv_event_state;

struct slv_event {
    const slv_event_ops *ops;
    slv_shard *shard;
    slv_version *version; /* a reference */
    slv_pool_event pe;
    slv_event_state state;
    slv_list node;        /* shard->events */
    slv_streams streams;  /* open on the isolate */
    slv_list op_list;     /* open operations */
    slv_list connections; /* connect.c */
    slv_list fetch_wait;  /* operations that wait for one of open_connections */
    unsigned fetches;     /* that wait for headers */
    uint32_t subrequests, op_count;
    uint32_t subrequest_limit;     /* 0: the version's alone */
    struct slv_outbound *outbound; /* tie_int.h; its owner's; NULL: as the version says */
    unsigned hops;                 /* calls of workers by workers that led here */
    slv_list linger;               /* shard->lingering: END is due by linger_ms */
    uint64_t linger_ms;
    bool canceled;
    bool effects; /* it has sent an operation or its response: not to be tried again */
    bool retried;
    bool inside;          /* called by another event */
    slv_isolate *on;      /* the only one that it may run on; NULL: any */
    slv_object *object;   /* whose call, or residence, it is; NULL: of none */
    bool resident;        /* the residence itself */
    slv_list object_node; /* of a call: where the object has it */
    /* what is told of it: trace_int.h */
    struct slv_trace *trace; /* NULL: nobody wants it */
    slv_trace_context context;
    uint64_t began_ns;
    uint16_t status;   /* of its response; 0: none */
    uint8_t traced_as; /* slv_trace_kind */
    bool told_tail;    /* it tells a tail worker of other events */
    bool always_kept;  /* that it ran is kept whatever the version says */
    bool cut_short;    /* the client left before it had everything */
};

/* ops, inside, hops set; version takes a reference. May call ops->send or ops->ended only later,
   from the loop, but for SLV_OK of the pool, where send is called from inside. */
void slv_event_begin(slv_event *ev, slv_shard *shard, slv_version *version, uint64_t cpu_limit_us,
                     uint64_t wall_limit_ms);
/* A call of an object, on the isolate that has it. */
void slv_event_place(slv_event *ev, slv_isolate *on);
/* The event is over without an END: nothing more of it is taken or sent. */
void slv_event_abandon(slv_event *ev, const slv_event_end *end);
/* Tells the isolate that nobody waits for the answer; END follows within `ms`, else the isolate is
 * killed. Nothing when not running. */
void slv_event_cancel(slv_event *ev, slv_cancel_reason reason);
/* The answer is complete: what still runs (waitUntil) has `ms` left. */
void slv_event_linger(slv_event *ev, uint64_t ms);
/* Gives up before it was placed; true when it waited. */
bool slv_event_withdraw(slv_event *ev);
slv_link *slv_event_link(const slv_event *ev);
void slv_event_sweep_(slv_shard *shard); /* each second: lingering events */

/* Frames of an isolate: pool's callback. */
slv_code slv_edge_frame_(void *user, slv_isolate *iso, const slv_frame *frame, slv_err *err);

/* ---- operations ---- */

typedef struct slv_op_ops {
    /* OP_CANCEL, or the event's end: stop, and answer with an error if the event is still open.
     * Frees op. */
    void (*cancel)(slv_op *op, bool answer);
} slv_op_ops;

struct slv_op {
    const slv_op_ops *ops;
    slv_event *event;
    uint32_t id;
    slv_list node; /* event->op_list */
    unsigned kind; /* on the channel; with the two below: for figures and traces */
    uint64_t began_ns;
    struct slv_trace_span *span;
};

void slv_op_open(slv_op *op, slv_event *ev, uint32_t id, const slv_op_ops *ops);
/* The answer was sent, or nobody wants it: no longer the event's. */
void slv_op_close(slv_op *op);
slv_op *slv_op_find(slv_event *ev, uint32_t id);
/* RESULT with ERROR. */
void slv_op_reject_json(slv_event *ev, uint32_t id, slv_str json);
/* RESULT without fields. */
void slv_op_answer_empty(slv_event *ev, uint32_t id);
/* What `cancel` of most operations begins with: the answer, where one is wanted, and close. */
void slv_op_abort(slv_op *op, bool answer);
void slv_op_reject(slv_event *ev, uint32_t id, slv_str name, slv_str message);

/* The source behind a stream number that an isolate names as a body: one of its own, or one of ours
 * that it hands back. */
SLV_NODISCARD slv_code slv_event_body(slv_event *ev, uint32_t number, slv_source **ret,
                                      slv_err *err);
/* Counts one; false when the limit is reached, and the operation was rejected. */
bool slv_event_subrequest(slv_event *ev, uint32_t op);
/* The same for a call of another worker, which may be too deep as well. */
bool slv_event_may_call(slv_event *ev, uint32_t op);
/* Rejects a caller's operation with what became of the callee. */
void slv_service_reject(slv_op *op, slv_event *callee, const slv_event_end *end);
/* The shard's outgoing client. */
slv_code slv_egress_open(slv_shard *shard, slv_err *err);
void slv_egress_close(slv_shard *shard);
/* OP frames by kind. An error is a violation. */
slv_code slv_egress_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_err *err);
slv_code slv_egress_connect(slv_event *ev, uint32_t op, const slv_msg_op_connect *m, slv_err *err);
slv_code slv_egress_starttls(slv_event *ev, uint32_t op, uint32_t readable, slv_err *err);
/* The event has ended: nobody reads or writes its connections any more. */
void slv_connections_end(slv_event *ev);
slv_code slv_service_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_err *err);
slv_code slv_rpc_op(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_err *err);
/* resource.c: operations on stores and on what else a binding stands for. */
slv_code slv_resource_op(slv_event *ev, uint32_t op, const slv_msg_op *m, slv_err *err);
/* CAP_DROP. */
slv_code slv_rpc_drop(slv_isolate *iso, slv_str payload, slv_err *err);

/* ---- the server and its loops ---- */

struct slv_shard {
    slv_server *server;
    unsigned index;
    slv_loop *loop;
    slv_http_server *http;
    slv_pool *pool;
    slv_client *client;
    bool threaded;                        /* its thread runs */
    SLV_MAP(struct slv_worker *) workers; /* worker_int.h: by tenant and name */
    struct slv_worker *main_worker;       /* of dev, the default one; borrowed from workers */
    slv_list events;
    slv_list lingering; /* slv_event.linger, soonest first for equal delays */
    slv_timer sweep;
    slv_list idle_ingress;        /* structs kept for the next request */
    slv_asset_cache *asset_cache; /* asset_int.h; NULL: nothing is in it */
    size_t idle_count;
    slv_prng prng;   /* CF-Ray: not a secret */
    slv_buf scratch; /* within one call */
    slv_url url;     /* of url_of, the head that was asked for last */
    const void *url_of;
    slv_str cf; /* request.cf, JSON */
    slv_buf notice_page, notice_text, cf_text;
    uint64_t requests;
    slv_buf hook_out; /* records for the control loop, see hooks.c */
    slv_task hook_flush;
    slv_timer hook_timer;
    uint64_t hooks_sent_ms;
    slv_list crons;
    slv_timer cron_timer;
    struct slv_cron_book *cron_book; /* cron_book.h; NULL: no cron was deployed */
    slv_list feeds;                  /* queue_int.h */
    void (*feeds_over)(slv_shard *shard);
    struct slv_site *site;         /* a reference; NULL: everything goes to main_worker */
    struct slv_previews *previews; /* route_int.h */
    slv_objects *objects;
    struct slv_loader *loader; /* loader_int.h */
    struct slv_sights *sights; /* sight_int.h */
    bool on_first; /* some worker has Durable Objects: connections go to the first loop */
    void (*on_closed)(slv_shard *shard);
    uint64_t close_ms; /* when what still runs is cut */
    slv_timer closing;
    slv_mail over;
    bool draining, closed;
    bool settled; /* nothing of it is under way any more */
    /* release.c */
    bool leaving;   /* another process takes over what can be handed to it */
    bool released;  /* and has the state */
    bool http_over; /* no connection of HTTP is left */
    size_t clients; /* WebSockets */
    uint64_t release_ms, front_ms;
    void (*on_released)(slv_shard *shard), (*on_front_over)(slv_shard *shard);
    slv_timer release;
    slv_mail released_mail, left_mail;
};

struct slv_server {
    slv_server_options o;
    slv_shard **shards;
    unsigned count;
    bool started;
    slv_record *record;
    slv_list jobs, probes; /* that the control loop waits for; its own */
    bool over;             /* drained: no loop runs any more */
    void (*preview)(void *user, slv_preview_ask *ask, slv_str host); /* NULL: there are none */
    void *preview_user;
    struct slv_ratelimits *ratelimits; /* meter/ratelimit.h */
    struct slv_notify *notify;         /* notify_int.h; NULL: there are no stores */
    struct slv_packer *packer;         /* pack_int.h; NULL without a state */
    char *program, *project_dir, *ca_file, *cf;
    char colo[SLV_COLO_MAX];
    bool stopping;
    unsigned closing; /* loops that have not closed yet */
    unsigned adopted; /* connections of another process; control thread */
    void (*drained)(void *user);
    void *drained_user;
    unsigned releasing, left; /* loops that have not been released, and over, yet */
    void (*released)(void *user), (*left_over)(void *user);
    void *released_user;
};

/* What the control loop waits for from every loop; NULL is nobody. Any thread. */
typedef struct slv_deploy_job {
    slv_list node; /* server->jobs; control loop */
    slv_mail mail;
    slv_loop *control;
    atomic_uint left;
    void (*done)(void *arg);
    void *arg;
} slv_deploy_job;
void slv_deploy_job_done(slv_deploy_job *job);
/* No loop runs any more: those that wait for one are over. */
void slv_deploy_jobs_over(slv_server *server);
void slv_probes_over(slv_server *server);

slv_code slv_shard_open(slv_server *server, unsigned index, slv_shard **ret, slv_err *err);
/* On the shard's loop. */
void slv_shard_deploy(slv_shard *shard, const slv_deploy *deploy, bool report, slv_deploy_job *job);
void slv_shard_undeploy(slv_shard *shard, slv_str tenant, slv_str name, bool remove);
void slv_shard_undeploy_all(slv_shard *shard);
/* Ends everything on the shard's loop, then calls done on it. */
void slv_shard_close(slv_shard *shard, uint32_t timeout_ms, void (*done)(slv_shard *shard));
slv_shard *slv_shard_free(slv_shard *shard);
/* allow_address of clients: by the server's options. */
bool slv_shard_may_reach(void *shard, const struct sockaddr *address);
/* The version that answers for a worker now, of two one is drawn; NULL: none. */
slv_version *slv_shard_worker(slv_shard *shard, slv_str tenant, slv_str name);
/* The one that stays with the key. */
slv_version *slv_shard_worker_for(slv_shard *shard, slv_str tenant, slv_str name, slv_str key);
/* dev: the one that all requests go to. */
slv_version *slv_shard_main(slv_shard *shard);

/* ---- hooks: gathered on the shard's loop, delivered on the control loop ---- */

void slv_hook_request(slv_shard *shard, const slv_request_line *line);
void slv_hook_console(slv_shard *shard, slv_version *version, const slv_msg_log *m);
/* error: JSON {"name","message","stack"}. */
void slv_hook_exception(slv_shard *shard, slv_version *version, slv_str error);
void slv_hook_notice(slv_shard *shard, slv_str text);
/* failure: JSON of what the worker reported; may be empty. */
void slv_hook_deployed(slv_shard *shard, slv_version *version, const slv_err *err, slv_str failure);
void slv_hooks_init(slv_shard *shard);
void slv_hooks_flush(slv_shard *shard);

/* ---- request.cf ---- */

/* Appends the JSON of request.cf. */
SLV_NODISCARD slv_code slv_request_cf_put(const slv_shard *shard, const slv_exchange *ex,
                                          slv_buf *out);
/* A cipher's name as the platform gives it: those of TLS 1.3 have names of its own. */
slv_str slv_request_cf_cipher(slv_str name);

/* ---- pages ---- */

typedef struct slv_page_spec {
    int status;
    int code;               /* 1101, 1102 ...; 0: none */
    slv_str title;          /* "Worker threw exception" */
    slv_str detail;         /* plain text: a stack, in dev; may be empty */
    unsigned retry_after_s; /* 0: nothing is said of it */
} slv_page_spec;

/* Answers the exchange with a page that suits its Accept header. Terminal for ex. */
void slv_page_reply(slv_exchange *ex, const slv_page_spec *page);
/* The page for an event that ended without an answer. `detail` is written to scratch. */
slv_page_spec slv_page_for_end(slv_shard *shard, slv_version *version, const slv_event_end *end);

/* {"name":..,"message":..,"stack":..}: members as text; false when it is not that. Strings live in
 * arena. */
typedef struct slv_error_text {
    slv_str name, message, stack;
} slv_error_text;
bool slv_error_parse(slv_str json, slv_arena *arena, slv_error_text *ret);
/* Appends such JSON without a stack. */
SLV_NODISCARD slv_code slv_error_put(slv_buf *out, slv_str name, slv_str message);

/* ---- requests ---- */

extern const slv_exchange_handlers slv_ingress_handlers_;
/* The version is known: answers, or becomes an event. now: inside of `request`. */
void slv_ingress_serve(slv_shard *shard, slv_exchange *ex, slv_version *version, bool now);
/* The URL as a worker sees it, normalised; in shard->url until the next call. version NULL: none
 * has a host of its own. SLV_E_PARSE. */
slv_code slv_shard_url(slv_shard *shard, const slv_request_head *head, const slv_version *version,
                       slv_str *ret);

/* origin.c: a scheme and a host with its port. */
typedef struct slv_origin {
    slv_str scheme, host;
} slv_origin;
/* Appends a header block in which `from` is replaced by `to` wherever a field names it. */
SLV_NODISCARD slv_code slv_origin_rewrite(slv_str block, const slv_origin *from,
                                          const slv_origin *to, slv_buf *out);
void slv_ingress_free_idle(slv_shard *shard);
/* live.c: pages that reload themselves. True when the request was for the version, and has been
 * answered. */
bool slv_live_request(slv_shard *shard, slv_exchange *ex);
/* The script that belongs at the end of this response; empty when it is no HTML page. Appended to
 * out. */
SLV_NODISCARD slv_code slv_live_script(slv_shard *shard, const slv_exchange *ex,
                                       const slv_msg_response *m, slv_buf *out);

/* True when the request was for a path of the platform's own (/cdn-cgi/..., /__scheduled) and has
 * been taken. */
bool slv_scheduled_request(slv_shard *shard, slv_exchange *ex);
/* These are the worker's crons from now on. */
void slv_cron_set(slv_shard *shard, slv_str tenant, slv_str worker, const slv_str *crons, size_t n);
void slv_cron_stop(slv_shard *shard);

/* op_r2.c: the buckets that a version is bound to are there from its start, also for S3, and are
 * swept. */
void slv_r2_deploy(slv_shard *shard, slv_version *version);
/* queue.c: these are the queues that the version's worker consumes from now on. */
void slv_queue_set(slv_shard *shard, slv_version *version, const slv_consumer *list, size_t n);
/* Another version has taken over. */
void slv_queue_version(slv_shard *shard, const struct slv_worker *w);
void slv_queue_undeploy(slv_shard *shard, slv_str tenant, slv_str worker);
/* Calls back when nothing of a feed is open any more, perhaps from inside. */
void slv_queue_close(slv_shard *shard, void (*over)(slv_shard *shard));
/* count messages were sent (0: something else has changed). Any thread. */
void slv_queue_news(slv_server *server, slv_str tenant, slv_str queue, size_t count);

#endif
