/*
 * main_int.h - what the files of main share. Private to daemon.
 */
#ifndef SLV_DAEMON_MAIN_INT_H
#define SLV_DAEMON_MAIN_INT_H

#include "aio/timer.h"
#include "api/dynamo.h"
#include "api/http.h"
#include "api/s3.h"
#include "daemon/daemon.h"
#include "daemon/first.h"
#include "daemon/link.h"
#include "daemon/listen.h"
#include "edge/server.h"
#include "pool/zygote.h"
#include "state/kinds.h"

typedef struct slv_main {
    const slv_daemon_options *o;
    slv_loop *loop; /* control */
    slv_link link;  /* to the supervisor */
    slv_listeners listeners;
    slv_state *state;
    slv_store *catalog;
    uint8_t key[SLV_SECRET_KEY_LEN];
    slv_first first;
    slv_zygote *zygote;
    slv_dynamo_face *tables;
    slv_dynamo_http *tables_http;
    slv_s3 *s3;
    slv_server *server;
    slv_api *api;
    slv_api_http *owner_http, *api_http; /* on the owner's socket; on the network */
    char base_url[160];                  /* of the control API, without the prefix */
    bool serving, may_go;
    bool stopping, drained, answered, host_stopped;
    slv_task stop_task;
} slv_main;

void slv_main_stop(slv_main *m);

#endif
