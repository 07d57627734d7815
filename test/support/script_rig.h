/*
 * script_rig.h - the control API of workers without a connection: a catalog in a directory of its
 * own, a host that is fake_host.c, and calls that are made one after the other.
 */
#ifndef SLV_TEST_SCRIPT_RIG_H
#define SLV_TEST_SCRIPT_RIG_H

#include "api/carrier.h"
#include "support/fake_host.h"
#include "support/tap.h"

#define RIG_ACCOUNT "0123456789abcdef0123456789abcdef"
#define RIG_BOUNDARY "----formdata-undici-012345678901"

typedef struct script_answer {
    slv_api_call *call;
    int status;
    slv_buf headers, body;
    bool over;
} script_answer;

typedef struct script_rig {
    slv_loop *loop;
    slv_state *state;
    slv_store *store;
    slv_api *api;
    slv_host host;
    script_answer answer; /* of the last call */
} script_rig;

/* False: the test has failed already. */
bool script_rig_open(script_rig *rig, const char *name);
void script_rig_done(script_rig *rig);
SLV_DEFINE_CLEANUP_DONE(script_rig, script_rig_done);

/* path: below /client/v4/accounts/RIG_ACCOUNT, or below /client/v4 when it begins with "/zones".
 * Waits for the answer. */
void script_rig_call(script_rig *rig, const char *method, const char *path, slv_str body);
void script_rig_json(script_rig *rig, const char *method, const char *path, const char *json);
/* Without waiting; answer must stay until it is over. */
void script_rig_start(script_rig *rig, script_answer *answer, const char *method, const char *path,
                      const char *type, slv_str body);
bool script_rig_wait(script_rig *rig, script_answer *answer);
void script_answer_done(script_answer *answer);
/* metadata and one module "main.js" of that text. */
void script_rig_upload(script_rig *rig, const char *method, const char *path, const char *metadata,
                       const char *text);
/* Whether the last answer has the status and, when text is not NULL, that text in it. */
bool script_rig_says(script_rig *rig, int status, const char *text);
/* The string that follows "key":" in the last answer, the occurrence-th (from 0) of it. */
bool script_rig_text(script_rig *rig, const char *key, unsigned occurrence, char *out, size_t cap);

#endif
