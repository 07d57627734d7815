/*
 * rest_int.h - the ways to the router: rest.c chooses, rest_wire.c speaks to a server or to the
 * process that has the state, rest_here.c runs the router in this one. Private to cli.
 */
#ifndef SLV_CLI_REST_INT_H
#define SLV_CLI_REST_INT_H

#include "aio/loop.h"
#include "api/api.h"
#include "cli/project.h"
#include "cli/rest.h"
#include "cli/rest_remote.h"
#include "cli/table.h"
#include "net/client.h"

#define SLV_REST_ANSWER_MAX ((size_t)1 << 30)
#define SLV_REST_PIECE ((size_t)128 << 10)

struct slv_rest {
    const slv_args *args;
    slv_project_options options;
    slv_project project;
    char *state_dir;
    slv_loop *loop;
    /* here */
    slv_state *state;
    slv_store *catalog; /* of a server's directory */
    bool owner;         /* the directory is a server's */
    slv_api *api;
    /* or elsewhere */
    slv_client *client;
    int dir;           /* of the socket */
    slv_remote remote; /* base_url NULL: the state of this machine is meant */
    /* the call that runs */
    const slv_rest_request *request;
    slv_progress progress;
    int status;
    uint64_t length;
    slv_buf target, headers, body;
    bool done;
    slv_err err; /* code SLV_OK: it was answered */
    slv_arena arena;
    slv_node *info;
};

/* Answers as they come, for both ways. */
void slv_rest_took_head(slv_rest *rest, int status, slv_str headers);
void slv_rest_took_body(slv_rest *rest, slv_str bytes);
void slv_rest_ended(slv_rest *rest, slv_code code, const char *message);
/* The next piece of request->from into buf; 0 at its end. */
size_t slv_rest_next_piece(slv_rest *rest, char buf[static SLV_REST_PIECE]);
/* Bytes of the request's body, -1 when not known. */
int64_t slv_rest_body_length(const slv_rest *rest);

void slv_rest_call_here(slv_rest *rest);
void slv_rest_call_wire(slv_rest *rest);

#endif
