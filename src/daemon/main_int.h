/*
 * main_int.h - what the files of main share: main.c (life), main_open.c (parts), front.c (what
 * comes after an upgrade), health.c. Private to daemon.
 */
#ifndef SLV_DAEMON_MAIN_INT_H
#define SLV_DAEMON_MAIN_INT_H

#include "aio/signal.h"
#include "aio/timer.h"
#include "api/dynamo.h"
#include "api/http.h"
#include "api/s3.h"
#include "daemon/daemon_int.h"
#include "daemon/first.h"
#include "daemon/heir.h"
#include "daemon/tenants.h"
#include "edge/server.h"
#include "host/host.h"
#include "net/door.h"
#include "net/pump.h"
#include "sight/sight.h"
#include "state/kinds.h"

typedef struct slv_main {
    const slv_daemon_options *o;
    const slv_serve_config *config;
    slv_loop *loop; /* control */
    slv_link link;  /* to the supervisor */
    slv_proc adopter;
    slv_timer adopt_timer;
    slv_heir heir;       /* connections of mains before this one */
    slv_bequest bequest; /* where ours go when we end */
    slv_pumps *pumps;    /* those that speak TLS, from then on */
    bool released;       /* another main waits for the state, and takes connections */
    bool front;          /* it has the state */
    bool left_over;      /* of the server nothing is left */
    slv_timer alone_timer;
    slv_timer front_timer;
    slv_listeners listeners; /* kept for whoever has to start a supervisor */
    slv_state *state;
    slv_store *catalog;
    uint8_t key[SLV_STATE_KEY_LEN];
    slv_first first;
    slv_tenants *tenants;
    slv_door *door;
    slv_dynamo_face *tables;
    slv_dynamo_http *tables_http;
    slv_s3 *s3;
    char *domain; /* as it was at the start: loop threads read it */
    slv_sight *sight;
    slv_server *server;
    slv_host *host;
    slv_api *api;
    slv_api_http *owner_http, *api_http; /* on the owner's socket; on the network */
    char base_url[160];                  /* of the control API, without the prefix */
    bool may_go;                         /* the state is free */
    bool serving, ready;                 /* requests are taken; all that is deployed answers */
    bool stopping, drained, answered, host_stopped, sight_stopped;
    uint64_t drain_ms;
    slv_task stop_task;
    slv_signal on_term;
    slv_code code; /* why it could not go on */
    slv_err *err;
} slv_main;

/* main.c */
void slv_main_stop(slv_main *m);
/* It cannot go on. */
void slv_main_fail(slv_main *m, const slv_err *err);
/* Every worker that is deployed answers: the supervisor may say so. */
void slv_main_ready(slv_main *m);

/* main_open.c */
SLV_NODISCARD slv_code slv_main_open_state(slv_main *m, slv_err *err);
SLV_NODISCARD slv_code slv_main_open_server(slv_main *m, slv_err *err);
SLV_NODISCARD slv_code slv_main_listen(slv_main *m, slv_err *err);
SLV_NODISCARD slv_code slv_main_open_api(slv_main *m, slv_err *err);
void slv_main_let_go(slv_main *m); /* of the state, and of the listeners */
void slv_main_close(slv_main *m);  /* all of it, however far it was opened */

/* front.c: a main that was released, when all that it could end has ended. Returns when nothing is
 * left of it. */
void slv_main_be_front(slv_main *m);
void slv_main_pumps_over(void *arg);
void slv_main_left_over(void *arg);
void slv_main_end_front(slv_main *m);
/* The supervisor is gone: nobody will tell it to end. */
void slv_main_front_alone(slv_main *m);

/* health.c: what the control listener answers besides the API, without a token. arg: slv_main. */
bool slv_main_take_control(void *arg, slv_loop *loop, slv_exchange *ex);

#endif
