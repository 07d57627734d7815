/*
 * api.h - the control API ("/client/v4/...") as calls: a request in, an answer out, no socket.
 *
 * A slv_api_call is one request. Whoever has it (api/http.h for a connection, cli/rest.h for a verb
 * in its own process) is its *carrier*. The router finds the route, gathers the body unless the
 * route streams it, and calls the route's handler once. From then on the handler answers, at once
 * or later from the loop (store calls), by exactly one of the ending functions below: ok, error,
 * fail, reply, end or abort. It must end the call also when the client has gone meanwhile; what is
 * answered then is dropped. Nothing of a call may be touched after it was ended, and no callback
 * comes for it.
 *
 * One file for each area (kv.c, r2.c ...) exports a const table of routes; routes.c lists the
 * tables. Patterns are segments: "/accounts/:account/queues/:queue/messages". A segment ":name"
 * takes one segment that is not empty, "*name" (the last) the rest of the path, slashes included.
 * Routing is on the raw path; parameters are percent-decoded one by one (bytes: a NUL or bad UTF-8
 * may stand in them). Literal segments win over parameters. An unknown path is answered 404 with
 * code 7003, a known one with another method 405 with code 10405.
 *
 * The account in paths names the tenant; with one tenant (dev) any account is that one. A server
 * has accounts (slv_api_options.catalog): there a call is taken by its token, before its handler
 * runs and before its body is read: auth.c, and auth_scope.c for what each route asks of a token.
 *
 * Memory: call->arena (SLV_API_ARENA_MAX, and the body beside it) lives as long as the call. Put
 * your state there, or in the struct around your slv_call.
 *
 * Threading: everything on the loop of the slv_api, callbacks too. Functions of this header never
 * call back from inside, but the carrier's answer may be on its way when they return.
 */
#ifndef SLV_API_API_H
#define SLV_API_API_H

#include "aio/loop.h"
#include "base/arena.h"
#include "base/buf.h"
#include "fmt/doc.h"
#include "state/state.h"

#define SLV_API_PREFIX "/client/v4"
#define SLV_API_PARAMS_MAX 6
#define SLV_API_SEGMENTS_MAX 64
#define SLV_API_PATH_MAX ((size_t)16 << 10)
#define SLV_API_ARENA_MAX ((size_t)8 << 20)
#define SLV_API_BODY_MAX ((size_t)1 << 20) /* of a route that gives no body_max */

/* Codes of errors that wrangler or scripts branch on. */
#define SLV_API_INTERNAL 10013
#define SLV_API_NO_ROUTE 7003
#define SLV_API_BAD_METHOD 10405
#define SLV_API_BAD_JSON 10026
#define SLV_API_TOO_LARGE 10413
#define SLV_API_AUTH 10000

typedef struct slv_api slv_api;
typedef struct slv_api_call slv_api_call;
typedef struct slv_api_carrier slv_api_carrier; /* api/carrier.h */
typedef struct slv_server slv_server;           /* edge/server.h */
typedef struct slv_host slv_host;               /* host/host.h */
typedef struct slv_sight slv_sight;             /* sight/sight.h */

typedef enum slv_api_order {
    SLV_API_RELOAD,  /* configuration and certificates */
    SLV_API_RESTART, /* main ends and is started again */
    SLV_API_UPGRADE, /* a new process from the executable on disk takes over */
} slv_api_order;

typedef struct slv_api_options {
    slv_loop *loop;
    slv_state *state;
    slv_str tenant;       /* copied; empty: "local" */
    slv_server *server;   /* whose workers and queues change with the stores; NULL: none runs */
    slv_host *host;       /* of `serve`; NULL: workers are not deployed */
    slv_sight *sight;     /* tails and kept logs; NULL: there are none */
    slv_store *catalog;   /* of `serve`: accounts and tokens; NULL: whoever reaches us may do all */
    const char *base_url; /* "http://127.0.0.1:8787": for URLs in answers; NULL: none */
    /* What stands between "<worker>." and ".workers.dev" where wrangler prints a worker's URL;
     * NULL: "local". */
    const char *subdomain;
    /* Asked before an account is added, with how many there are then; what it says is the answer.
     * NULL: nobody minds. */
    slv_code (*more_accounts)(void *arg, size_t accounts, slv_err *err);
    void *more_arg;
    /* The owner of the directory asks for something that the whole server does. NULL: it cannot. */
    slv_code (*order)(void *arg, slv_api_order what, slv_err *err);
    void *order_arg;
} slv_api_options;

slv_api *slv_api_new(const slv_api_options *options);
/* No call may be open. Accepts NULL, returns NULL. */
slv_api *slv_api_free(slv_api *api);
SLV_DEFINE_CLEANUP(slv_api *, slv_api_free);
slv_loop *slv_api_loop(const slv_api *api);
slv_state *slv_api_state(const slv_api *api);
slv_server *slv_api_server(const slv_api *api); /* may be NULL */
slv_host *slv_api_host(const slv_api *api);     /* may be NULL */
slv_sight *slv_api_sight(const slv_api *api);   /* may be NULL */
slv_store *slv_api_catalog(const slv_api *api); /* may be NULL */
/* As slv_store_call, on the catalog: what a call changes and its row of the audit log are one
 * transaction. */
void slv_api_catalog_call(slv_api_call *api, slv_store *catalog, slv_call *call);
const char *slv_api_base_url(const slv_api *api); /* may be NULL */
/* The same as whoever calls knows it: by the Host that the call came for. In the call's arena. */
const char *slv_api_call_base_url(slv_api_call *call);
const char *slv_api_subdomain(const slv_api *api);
size_t slv_api_open_calls(const slv_api *api);
/* Whoever adds an account asks first. SLV_E_DENIED: it is not to be, and why. */
SLV_NODISCARD slv_code slv_api_more_accounts(slv_api *api, size_t accounts, slv_err *err);

SLV_NODISCARD slv_code slv_api_give_order(slv_api *api, slv_api_order what, slv_err *err);

/* ---- what a handler sees ---- */

struct slv_api_call {
    slv_api *api;
    slv_str method, path, query; /* raw; path without the prefix, query without "?" */
    slv_str headers;             /* a run of name ":" value "\n", names in lower case */
    slv_str tenant;              /* the account */
    slv_str peer;                /* the client's address; empty: this machine's owner */
    slv_str actor; /* who calls, as logs and versions name it: an e-mail address; may be empty */
    slv_str token; /* id of the token; empty: the owner of the data directory, or there are none */
    unsigned scopes; /* what it may do: slv_scope (catalog/account.h) */
    /* Of the pattern, in its order, decoded; the account's too. */
    slv_str params[SLV_API_PARAMS_MAX];
    size_t param_count;
    slv_str body;   /* the whole, unless the route streams */
    int64_t length; /* of the body; -1 unknown */
    slv_arena *arena;
    void *user; /* the handler's */
    /* For a route that streams; set by the handler before it grants credit. Bytes are borrowed for
     * the call; last ends the body (bytes may then be empty). */
    void (*on_body)(slv_api_call *call, slv_str bytes, bool last);
    /* The client went away, or its body broke: on_body comes no more. The handler still ends the
     * call, now or later. May be NULL: end it when you are ready. */
    void (*on_gone)(slv_api_call *call);
    void (*on_writable)(slv_api_call *call); /* see slv_api_write */
    /* below: the router's */
    const slv_api_carrier *carrier;
    void *carried;
    const struct slv_api_route *route;
    slv_buf gathered;
    int status; /* once begun */
    bool gone, begun, handled;
    bool audited;               /* its success is a row of the audit log */
    struct slv_auth_op *asking; /* whether it may be handled is being looked up */
    slv_list node;
};

/* Who may call a route where calls need tokens. */
typedef enum slv_api_access {
    SLV_API_TOKEN, /* a token of the account in the path, with the scope of the route */
    SLV_API_GRANT, /* whoever was given the URL: slv_api_put_grant; tenant is the path's account */
    SLV_API_OWNER, /* the owner of the data directory alone, by the socket in it */
    SLV_API_OPEN,  /* the handler checks a secret of its own; tenant is only what the path says */
} slv_api_access;

typedef struct slv_api_route {
    const char *method;  /* "GET"; a GET route answers HEAD too, without its body */
    const char *pattern; /* without the prefix */
    void (*handle)(slv_api_call *call);
    size_t body_max; /* 0: SLV_API_BODY_MAX; more is answered 413 */
    bool streams;    /* handle runs at the head; the body comes by on_body as credit is granted */
    slv_api_access access;
} slv_api_route;

/* Ends with a row without method. Area files define them: const slv_api_route slv_api_kv_routes[]
 */
extern const slv_api_route *const slv_api_tables[]; /* NULL-terminated */

/* First value of a query parameter, decoded ("+" is a space) into the arena; ptr NULL: absent. */
slv_str slv_api_query(const slv_api_call *call, const char *name);
/* Value number i of a repeated one; ptr NULL past the end. */
slv_str slv_api_query_item(const slv_api_call *call, const char *name, size_t i);
/* A whole number from min to max, `otherwise` when absent. False: the call was ended with a 400. */
bool slv_api_query_number(slv_api_call *call, const char *name, uint64_t min, uint64_t max,
                          uint64_t otherwise, uint64_t *ret);
/* First header of that (lower case) name; ptr NULL: absent. */
slv_str slv_api_header(const slv_api_call *call, const char *name);
/* The body as JSON, whatever its content type. NULL: the call was ended with a 400. */
slv_node *slv_api_body_json(slv_api_call *call);

/* One part of a multipart/form-data body, in place. */
typedef struct slv_api_part {
    slv_str name, filename, type, body; /* filename.ptr NULL: a text field */
} slv_api_part;
/* The next part of call->body; *at begins at 0. False: no more, or (at == SIZE_MAX) malformed. */
bool slv_api_next_part(const slv_api_call *call, size_t *at, slv_api_part *ret);
bool slv_api_is_multipart(const slv_api_call *call);

/* Appends "expires=...&grant=..." to a query: for a while the URL of this path (without the prefix,
 * as it will be asked for) then needs no token. Nothing where calls need none. */
SLV_NODISCARD slv_code slv_api_put_grant(slv_api_call *call, slv_str path, slv_buf *out);

/* More of the body for on_body. */
void slv_api_credit(slv_api_call *call, size_t n);

/* ---- answers: each ends the call, but begin and write ---- */

/* 200 and the envelope {success: true, ..., result}. result: JSON; empty: null. */
void slv_api_ok(slv_api_call *call, slv_str result_json);
/* With result_info, an object as JSON. */
void slv_api_ok_info(slv_api_call *call, slv_str result_json, slv_str info_json);
/* {success: false, errors: [{code, message}]} */
void slv_api_error(slv_api_call *call, int status, int code, const char *fmt, ...) SLV_PRINTF(4, 5);
/* The same by the table of codes: E_INVAL and E_PARSE 400, E_NOTFOUND 404, E_EXISTS 409, E_LIMIT
 * 413, E_AGAIN 429, others 500. code 0: SLV_API_INTERNAL. */
void slv_api_fail(slv_api_call *call, const slv_err *err, int code);
/* Anything else, complete. headers: a block as in exchange.h. */
void slv_api_reply(slv_api_call *call, int status, slv_str headers, slv_str body);

/* A body in pieces: begin, write any number of times, end. length -1: not known. False from write:
 * enough for now, on_writable follows once. */
void slv_api_begin(slv_api_call *call, int status, slv_str headers, int64_t length);
bool slv_api_write(slv_api_call *call, slv_str bytes);
void slv_api_end(slv_api_call *call);
/* The answer cannot be completed: the client sees that it is cut. Before begin: a bare 500. */
void slv_api_abort(slv_api_call *call);

#endif
