/*
 * rest.h - how a verb reaches the stores: REST calls, answered by the process that has the state
 * directory (STATE/control.sock) or, when nobody has it, by the router in this process; with
 * --remote by the server that rest_remote.h finds.
 *
 * One slv_rest for each run of a verb. Calls block until the answer is complete. Main thread only.
 *
 *     SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
 *     slv_node *result;
 *     SLV_TRY(slv_rest_open(args, &rest, err));
 *     SLV_TRY(slv_rest_get(rest, &result, err, "/queues?name=%s", ...));
 *
 * Paths begin behind "/client/v4/accounts/ACCOUNT" ("/queues"), or are whole ("/client/v4/...").
 *
 * Flags: a verb puts SLV_REST_FLAGS into its table; slv_rest_open reads them from args.
 */
#ifndef SLV_CLI_REST_H
#define SLV_CLI_REST_H

#include "cli/cmd.h"
#include "fmt/doc.h"
#include "plat/config.h"

/* Rows for slv_cmd.flags of every verb on resources. */
#define SLV_REST_FLAGS                                                                             \
    {"config", SLV_FLAG_STRING, 'c', "FILE", "configuration file"},                                \
        {"env", SLV_FLAG_STRING, 'e', "NAME", "environment of the configuration"},                 \
        {"persist-to", SLV_FLAG_STRING, 0, "DIR", "directory of local state (.selvage/state)"},    \
        {"local", SLV_FLAG_BOOL, 0, NULL, "act on local state (always so without --remote)"},      \
        {"remote", SLV_FLAG_BOOL, 0, NULL, "act on the server of CLOUDFLARE_API_BASE_URL"},        \
        {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},                             \
    {                                                                                              \
        "env-file", SLV_FLAG_LIST, 0, "FILE", NULL                                                 \
    }

/* The row of verbs that slv_rest_open_data serves. */
#define SLV_REST_DATA_FLAGS                                                                        \
    {                                                                                              \
        "data", SLV_FLAG_STRING, 0, "DIR", "data directory of the server (or SELVAGE_DATA)"        \
    }

typedef struct slv_rest slv_rest;

/* Finds the configuration (a project without one is fine) and who has the state, or the server. */
SLV_NODISCARD slv_code slv_rest_open(const slv_args *args, slv_rest **ret, slv_err *err);
/* The same for verbs that are about a server alone: --remote goes without saying. */
SLV_NODISCARD slv_code slv_rest_open_remote(const slv_args *args, slv_rest **ret, slv_err *err);
/* The same for verbs of whoever owns a server's data directory (--data DIR), without a project or a
 * token: by the socket in it, or in this process when no server runs. */
SLV_NODISCARD slv_code slv_rest_open_data(const slv_args *args, slv_rest **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_rest *slv_rest_free(slv_rest *rest);
SLV_DEFINE_CLEANUP(slv_rest *, slv_rest_free);

/* The checked configuration; NULL when the project has none. */
const slv_config *slv_rest_config(const slv_rest *rest);
/* Directory of the configuration, or the working directory. */
const char *slv_rest_dir(const slv_rest *rest);
/* The server that answers, NULL: this machine's state. */
const struct slv_remote *slv_rest_remote(const slv_rest *rest);
/* The binding of that name and type, e.g. SLV_BINDING_D1 and "DB". NULL: none. */
const slv_binding *slv_rest_binding(const slv_rest *rest, slv_binding_type type, slv_str name);

typedef struct slv_rest_request {
    const char *method;
    slv_str path;    /* with query; see above */
    slv_str headers; /* block; may be empty */
    slv_str body;
    FILE *from;           /* the body is read from there, up to its end; NULL: body */
    int64_t from_length;  /* what is known of it: bytes, or -1 */
    FILE *into;           /* an answer below 300 is written there; NULL: kept */
    const char *progress; /* NULL, or what a progress bar on stderr calls this: "Uploading x" */
} slv_rest_request;

typedef struct slv_rest_answer {
    int status;
    slv_str headers; /* block, names in lower case */
    slv_str body;    /* empty when it went to `into` */
    uint64_t length; /* of the body, wherever it went */
} slv_rest_answer;

/* Any answer is SLV_OK; failures are those of reaching the stores. The answer is borrowed until the
 * next call. */
SLV_NODISCARD slv_code slv_rest_call(slv_rest *rest, const slv_rest_request *request,
                                     slv_rest_answer *ret, slv_err *err);

/* JSON in (NULL: none), the envelope's `result` out, borrowed until slv_rest_free. success: false
 * is an error: its message is errors[0].message, err->detail errors[0].code, its code by the status
 * (404 SLV_E_NOTFOUND, 409 SLV_E_EXISTS, else SLV_E_INVAL). */
SLV_NODISCARD slv_code slv_rest_json(slv_rest *rest, const char *method, slv_str path,
                                     slv_str body_json, slv_node **ret_result, slv_err *err);
/* The same for any request. */
SLV_NODISCARD slv_code slv_rest_envelope(slv_rest *rest, const slv_rest_request *request,
                                         slv_node **ret_result, slv_err *err);
/* The `result_info` of the last of these; NULL: none. */
slv_node *slv_rest_info(const slv_rest *rest);

/* ---- text of paths and of answers ---- */

/* Appends s as encodeURIComponent writes it. */
SLV_NODISCARD slv_code slv_rest_put_escaped(slv_buf *out, slv_str s);
/* Prints a JSON tree as JSON.stringify(x, null, 2) does, and a newline. */
void slv_rest_print_json(FILE *out, const slv_node *node);

#endif
