/* Which router answers, and what verbs make of its answers. */
#include "cli/rest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "api/http.h"
#include "base/file.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "cli/rest_int.h"
#include "cli/term.h"
#include "fmt/json.h"
#include "state/kinds.h"

#define DEFAULT_STATE ".selvage/state"
#define LOCAL_ACCOUNT "local"
#define BAR_FROM ((size_t)256 << 10) /* less is there before a bar is seen */
#define WAIT_STEP_MS 20
#define WAIT_STEPS 500 /* ten seconds for a verb that runs elsewhere to end */

/* ---- who has the state ---- */

/* A descriptor's name instead of the directory's: the address of a socket is short. */
static bool socket_path(int dir, char path[static 64])
{
    snprintf(path, 64, "/proc/self/fd/%d/%s", dir, SLV_API_SOCKET);
    return access(path, F_OK) == 0;
}

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok;

    if (fd < 0)
        return false;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ok = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

static slv_code use_socket(slv_rest *rest, slv_err *err)
{
    int dir = open(rest->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    slv_client_options options = {0};
    char path[64];

    if (dir < 0)
        return SLV_E_NOTFOUND;
    if (!socket_path(dir, path) || !answers(path)) {
        close(dir);
        return SLV_E_NOTFOUND;
    }
    options.unix_path = path;
    rest->dir = dir; /* the path leads through it */
    return slv_client_new(rest->loop, &options, &rest->client, err);
}

static slv_code find_router(slv_rest *rest, slv_err *err)
{
    const slv_state_options options = {.control = rest->loop};
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000 * 1000};
    slv_code code = SLV_E_STATE;

    for (int i = 0; code == SLV_E_STATE && i < WAIT_STEPS; i++) {
        if (use_socket(rest, err) == SLV_OK)
            return SLV_OK;
        if (i > 0)
            nanosleep(&step, NULL);
        code = slv_state_open(rest->state_dir, &options, &rest->state, err);
    }
    if (code != SLV_OK)
        return code;
    if (rest->owner)
        rest->catalog = slv_state_store(rest->state, &slv_catalog_store,
                                        SLV_STR(SLV_CATALOG_TENANT), SLV_STR(SLV_CATALOG_ID));
    const slv_api_options api = {
        .loop = rest->loop, .state = rest->state, .catalog = rest->catalog};

    rest->api = slv_api_new(&api);
    return SLV_OK;
}

/* ---- open ---- */

static void warn(void *arg, const char *line)
{
    (void)arg;
    slv_term_warn("%s", line);
}

static char *find_state_dir(const slv_rest *rest, const char *persist_to)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0);

    if (persist_to)
        return slv_path_join(cwd ? cwd : "/", slv_str_from(persist_to));
    return slv_path_join(rest->project.home, SLV_STR(DEFAULT_STATE));
}

/* ---- a server ---- */

static slv_code use_server(slv_rest *rest, slv_err *err)
{
    const slv_config *c = &rest->project.config;
    SLV_CLEANUP(slv_charp_free) char *account = NULL;
    const slv_client_options options = {.ca_file = getenv("NODE_EXTRA_CA_CERTS")};
    slv_str id = slv_node_str(slv_config_value(c, "account_id"));

    if (id.len > 0)
        account = slv_strndup(id.ptr, id.len);
    SLV_TRY(slv_remote_find(rest->project.dir, rest->options.env, account, &rest->remote, err));
    return slv_client_new(rest->loop, &options, &rest->client, err);
}

/* Nobody has said which account: the only one that the token knows. */
static slv_code find_account(slv_rest *rest, slv_err *err)
{
    slv_node *list = NULL;
    slv_str id;

    if (rest->remote.account)
        return SLV_OK;
    SLV_TRY(slv_rest_json(rest, "GET", SLV_STR(SLV_API_PREFIX "/memberships?page=1"), SLV_STR(""),
                          &list, err));
    id = slv_node_str(slv_node_get(slv_node_get(list ? list->first : NULL, "account"), "id"));
    if (!list || id.len == 0)
        return slv_fail(err, SLV_E_INVAL, "this token belongs to no account");
    if (list->count > 1)
        return slv_fail(err, SLV_E_INVAL,
                        "this token knows %zu accounts; say which with CLOUDFLARE_ACCOUNT_ID",
                        list->count);
    rest->remote.account = slv_strndup(id.ptr, id.len);
    return SLV_OK;
}

static void set_limits(slv_rest *rest)
{
    rest->dir = -1;
    rest->arena.limit = SLV_REST_ANSWER_MAX;
    rest->headers.limit = SLV_EXCHANGE_HEAD_MAX * 2;
    rest->body.limit = SLV_REST_ANSWER_MAX;
    rest->target.limit = SLV_API_PATH_MAX;
}

static slv_code open_rest(const slv_args *args, bool remote, slv_rest **ret, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = slv_new0(slv_rest);
    const char *cwd = slv_args_string(args, "cwd"), *env = slv_args_string(args, "env");

    set_limits(rest);
    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "cannot go to %s", cwd);
    if (!env || !env[0])
        env = getenv("CLOUDFLARE_ENV");
    rest->args = args;
    rest->options.config = slv_args_string(args, "config");
    rest->options.env = env && env[0] ? env : NULL;
    rest->options.allow_unsupported = true;
    rest->options.warn = warn;
    SLV_TRY(slv_project_load_config(&rest->options, &rest->project, err));
    SLV_TRY(slv_loop_new(&rest->loop, err));
    if (remote) {
        SLV_TRY(use_server(rest, err));
        SLV_TRY(find_account(rest, err));
    } else {
        rest->state_dir = find_state_dir(rest, slv_args_string(args, "persist-to"));
        SLV_TRY(find_router(rest, err));
    }
    *ret = SLV_STEAL(rest);
    return SLV_OK;
}

slv_code slv_rest_open(const slv_args *args, slv_rest **ret, slv_err *err)
{
    bool remote = slv_args_bool(args, "remote", false);

    if (remote && slv_args_bool(args, "local", false))
        return slv_fail(err, SLV_E_INVAL, "can't use --local and --remote at the same time");
    return open_rest(args, remote, ret, err);
}

slv_code slv_rest_open_remote(const slv_args *args, slv_rest **ret, slv_err *err)
{
    return open_rest(args, true, ret, err);
}

slv_code slv_rest_open_data(const slv_args *args, slv_rest **ret, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = slv_new0(slv_rest);
    SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0), *inside = NULL;
    const char *data = slv_args_string(args, "data");

    set_limits(rest);
    if (!data || !data[0])
        data = getenv("SELVAGE_DATA");
    if (!data || !data[0])
        return slv_fail(err, SLV_E_INVAL,
                        "name the server's data directory: --data DIR, or SELVAGE_DATA");
    rest->args = args;
    rest->owner = true;
    rest->state_dir = slv_path_join(cwd ? cwd : "/", slv_str_from(data));
    inside = slv_path_join(rest->state_dir, SLV_STR("v1/%40server"));
    if (!slv_dir_exists(inside))
        return slv_fail(err, SLV_E_NOTFOUND, "%s is not the data directory of a server",
                        rest->state_dir);
    SLV_TRY(slv_loop_new(&rest->loop, err));
    SLV_TRY(find_router(rest, err));
    *ret = SLV_STEAL(rest);
    return SLV_OK;
}

slv_rest *slv_rest_free(slv_rest *rest)
{
    if (!rest)
        return NULL;
    slv_client_free(rest->client);
    slv_api_free(rest->api);
    if (rest->state)
        slv_state_forget_loop(rest->state, rest->loop);
    (void)slv_store_unref(rest->catalog);
    slv_state_free(rest->state);
    slv_loop_free(rest->loop);
    slv_project_done(&rest->project);
    slv_buf_done(&rest->target);
    slv_buf_done(&rest->headers);
    slv_buf_done(&rest->body);
    slv_arena_done(&rest->arena);
    slv_remote_done(&rest->remote);
    if (rest->dir >= 0)
        close(rest->dir);
    free(rest->state_dir);
    free(rest);
    return NULL;
}

const slv_config *slv_rest_config(const slv_rest *rest)
{
    return rest->project.config_path ? &rest->project.config : NULL;
}

const char *slv_rest_dir(const slv_rest *rest)
{
    return rest->project.dir;
}

const slv_remote *slv_rest_remote(const slv_rest *rest)
{
    return rest->remote.base_url ? &rest->remote : NULL;
}

const slv_binding *slv_rest_binding(const slv_rest *rest, slv_binding_type type, slv_str name)
{
    const slv_config *c = &rest->project.config;

    for (size_t i = 0; i < c->bindings.len; i++)
        if (c->bindings.items[i].type == type && slv_str_eq(c->bindings.items[i].name, name))
            return &c->bindings.items[i];
    return NULL;
}

/* ---- a call ---- */

void slv_rest_ended(slv_rest *rest, slv_code code, const char *message)
{
    if (rest->done)
        return;
    rest->done = true;
    if (code != SLV_OK && rest->err.code == SLV_OK)
        (void)slv_fail(&rest->err, code, "%s", message);
}

void slv_rest_took_head(slv_rest *rest, int status, slv_str headers)
{
    rest->status = status;
    if (slv_buf_set(&rest->headers, headers) != SLV_OK)
        (void)slv_fail(&rest->err, SLV_E_LIMIT, "the answer's headers are too large");
    if (rest->request->into && rest->request->progress && !rest->request->from)
        rest->progress.what = rest->request->progress;
}

void slv_rest_took_body(slv_rest *rest, slv_str bytes)
{
    FILE *into = rest->status < 300 ? rest->request->into : NULL;

    rest->length += bytes.len;
    if (into && fwrite(bytes.ptr, 1, bytes.len, into) != bytes.len && rest->err.code == SLV_OK)
        (void)slv_fail_errno(&rest->err, SLV_E_IO, "cannot write the answer");
    if (!into && slv_buf_append(&rest->body, bytes) != SLV_OK)
        (void)slv_fail(&rest->err, SLV_E_LIMIT, "the answer is too large");
    if (rest->progress.what && !rest->request->from)
        slv_progress_step(&rest->progress, bytes.len);
}

size_t slv_rest_next_piece(slv_rest *rest, char buf[static SLV_REST_PIECE])
{
    size_t n = fread(buf, 1, SLV_REST_PIECE, rest->request->from);

    if (n == 0 && ferror(rest->request->from) && rest->err.code == SLV_OK)
        (void)slv_fail_errno(&rest->err, SLV_E_IO, "cannot read what is to be sent");
    if (rest->progress.what)
        slv_progress_step(&rest->progress, n);
    return n;
}

int64_t slv_rest_body_length(const slv_rest *rest)
{
    const slv_rest_request *r = rest->request;

    return r->from ? (r->from_length > 0 ? r->from_length : -1) : (int64_t)r->body.len;
}

static slv_code make_target(slv_rest *rest, slv_str path)
{
    const char *account = rest->remote.account ? rest->remote.account : LOCAL_ACCOUNT;

    slv_buf_reset(&rest->target);
    if (!slv_str_starts(path, SLV_STR(SLV_API_PREFIX "/")))
        SLV_TRY(slv_buf_printf(&rest->target, SLV_API_PREFIX "/accounts/%s", account));
    return slv_buf_append(&rest->target, path);
}

/* A large body that is all there goes in pieces, for the bar to move. */
static FILE *in_pieces(const slv_rest *rest, const slv_rest_request *request)
{
    if (!request->progress || request->from || request->body.len < BAR_FROM || !rest->client ||
        !isatty(STDERR_FILENO))
        return NULL;
    /* it is read and no more */
    return fmemopen((char *)(size_t)request->body.ptr, request->body.len, "r");
}

slv_code slv_rest_call(slv_rest *rest, const slv_rest_request *request, slv_rest_answer *ret,
                       slv_err *err)
{
    if (make_target(rest, request->path) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the name is too long");
    FILE *pieces = in_pieces(rest, request);
    slv_rest_request piecewise = *request;

    if (pieces) {
        piecewise.body = SLV_STR_NULL;
        piecewise.from = pieces;
        piecewise.from_length = (int64_t)request->body.len;
        request = &piecewise;
    }
    rest->request = request;
    rest->done = false;
    rest->status = 0;
    rest->length = 0;
    rest->err = (slv_err){0};
    slv_buf_reset(&rest->headers);
    slv_buf_reset(&rest->body);
    rest->progress = (slv_progress){0};
    if (request->progress && request->from) {
        rest->progress.what = request->progress;
        rest->progress.total = request->from_length > 0 ? (uint64_t)request->from_length : 0;
    }
    if (rest->client)
        slv_rest_call_wire(rest);
    else
        slv_rest_call_here(rest);
    slv_progress_done(&rest->progress);
    if (pieces)
        (void)fclose(pieces);
    if (rest->err.code != SLV_OK)
        return slv_fail(err, rest->err.code, "%s", slv_err_text(&rest->err));
    *ret = (slv_rest_answer){
        .status = rest->status,
        .headers = slv_buf_view(&rest->headers),
        .body = slv_buf_view(&rest->body),
        .length = rest->length,
    };
    return SLV_OK;
}

/* ---- JSON ---- */

static slv_code code_of_status(int status)
{
    switch (status) {
    case 403:
        return SLV_E_DENIED;
    case 404:
        return SLV_E_NOTFOUND;
    case 409:
        return SLV_E_EXISTS;
    case 413:
        return SLV_E_LIMIT;
    case 429:
        return SLV_E_AGAIN;
    default:
        return status >= 500 ? SLV_E_IO : SLV_E_INVAL;
    }
}

static slv_code envelope_error(const slv_node *root, int status, slv_err *err)
{
    const slv_node *errors = slv_node_get(root, "errors");
    const slv_node *first = slv_node_is(errors, SLV_NODE_ARRAY) ? errors->first : NULL;
    slv_str message = slv_node_str(slv_node_get(first, "message"));
    int64_t number = 0;
    slv_code code = slv_fail(err, code_of_status(status), "%.*s", SLV_STR_ARGS(message));

    if (err && slv_node_i64(slv_node_get(first, "code"), &number))
        err->detail = (int)number;
    return code;
}

slv_code slv_rest_envelope(slv_rest *rest, const slv_rest_request *request, slv_node **ret_result,
                           slv_err *err)
{
    slv_rest_answer answer = {0};
    slv_node *root = NULL, *success;
    slv_str text;

    SLV_TRY(slv_rest_call(rest, request, &answer, err));
    rest->info = NULL;
    if (slv_arena_dup(&rest->arena, answer.body, &text) != SLV_OK ||
        slv_json_parse(text, SLV_JSON_STRICT, &rest->arena, &root, err) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "the answer (status %d) is no JSON", answer.status);
    success = slv_node_get(root, "success");
    if (!slv_node_is(success, SLV_NODE_BOOL) || !success->boolean)
        return envelope_error(root, answer.status, err);
    rest->info = slv_node_get(root, "result_info");
    *ret_result = slv_node_get(root, "result");
    return SLV_OK;
}

slv_code slv_rest_json(slv_rest *rest, const char *method, slv_str path, slv_str body_json,
                       slv_node **ret_result, slv_err *err)
{
    const slv_rest_request request = {
        .method = method,
        .path = path,
        .headers = body_json.len > 0 ? SLV_STR("content-type:application/json\n") : SLV_STR(""),
        .body = body_json,
    };

    return slv_rest_envelope(rest, &request, ret_result, err);
}

slv_node *slv_rest_info(const slv_rest *rest)
{
    return rest->info;
}
