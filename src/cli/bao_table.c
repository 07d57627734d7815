#include "cli/bao_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "aio/loop.h"
#include "aio/timer.h"
#include "bao/codegen.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/project.h"
#include "cli/rest.h"
#include "fmt/json.h"
#include "fmt/sigv4_client.h"
#include "fmt/url.h"
#include "net/client.h"

#define ANSWER_MAX ((size_t)32 << 20)
#define WINDOW ((size_t)1 << 20)
#define WAIT_TRIES 600
#define WAIT_MS 500

struct slv_bao_table {
    const slv_args *args;
    slv_rest *rest; /* NULL: an endpoint */
    char *name, *dir;
    slv_arena arena;
    /* of an endpoint */
    slv_loop *loop;
    slv_client *client;
    const char *endpoint;
    slv_str region, host;
    slv_buf answer;
    int status;
    bool done;
    slv_err failed;
};

/* ---- an endpoint ---- */

static void on_response(slv_fetch *fetch, const slv_fetch_response *response)
{
    slv_bao_table *t = slv_fetch_user(fetch);

    t->status = response->status;
    slv_fetch_credit(fetch, WINDOW);
}

static void on_data(slv_fetch *fetch, slv_str bytes)
{
    slv_bao_table *t = slv_fetch_user(fetch);

    if (slv_buf_append(&t->answer, bytes) != SLV_OK && t->failed.code == SLV_OK)
        (void)slv_fail(&t->failed, SLV_E_LIMIT, "the answer of %s is too large", t->endpoint);
    slv_fetch_credit(fetch, bytes.len);
}

static void on_end(slv_fetch *fetch)
{
    slv_bao_table *t = slv_fetch_user(fetch);

    t->done = true;
}

static void on_fail(slv_fetch *fetch, slv_code code, slv_str message)
{
    slv_bao_table *t = slv_fetch_user(fetch);

    t->done = true;
    (void)slv_fail(&t->failed, code, "%s did not answer: %.*s", t->endpoint, SLV_STR_ARGS(message));
}

static const slv_fetch_handlers handlers = {
    .response = on_response, .data = on_data, .end = on_end, .fail = on_fail};

static bool is_done(void *arg)
{
    const slv_bao_table *t = arg;

    return t->done;
}

static slv_str environment(const char *name)
{
    const char *value = getenv(name);

    return slv_str_from(value && value[0] ? value : NULL);
}

static slv_code put_headers(const slv_bao_table *t, const char *operation, slv_str body,
                            slv_buf *out, slv_err *err)
{
    slv_sigv4_request request = {.method = SLV_STR("POST"), .path = SLV_STR("/")};
    slv_str token = environment("AWS_SESSION_TOKEN");
    slv_sigv4_signer signer = {.access_key = environment("AWS_ACCESS_KEY_ID"),
                               .secret = environment("AWS_SECRET_ACCESS_KEY"),
                               .region = t->region,
                               .service = SLV_STR("dynamodb")};
    time_t now = (time_t)(slv_clock_wall_ms() / 1000);
    char date[32];
    struct tm tm;

    if (!signer.access_key.ptr || !signer.secret.ptr)
        return slv_fail(
            err, SLV_E_INVAL,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; an endpoint wants "
            "signed requests");
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &tm);
    signer.amz_date = slv_str_from(date);
    SLV_TRY(slv_buf_printf(out,
                           "content-type:application/x-amz-json-1.0\nhost:%.*s\n"
                           "x-amz-date:%s\n",
                           SLV_STR_ARGS(t->host), date));
    if (token.ptr)
        SLV_TRY(slv_buf_printf(out, "x-amz-security-token:%.*s\n", SLV_STR_ARGS(token)));
    SLV_TRY(slv_buf_printf(out, "x-amz-target:DynamoDB_20120810.%s\n", operation));
    request.headers = slv_buf_view(out);
    SLV_CLEANUP(slv_buf_done) slv_buf authorization = SLV_BUF((size_t)16 << 10);
    SLV_TRY(slv_sigv4_authorize(&request, &signer, body, &authorization, err));
    return slv_buf_printf(out, "authorization:%.*s\n", SLV_STR_ARGS(slv_buf_view(&authorization)));
}

static slv_code call_endpoint(slv_bao_table *t, const char *operation, slv_str body,
                              slv_str *ret_answer, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF((size_t)64 << 10);
    slv_fetch_request request = {.method = SLV_STR("POST"),
                                 .url = slv_str_from(t->endpoint),
                                 .body = body,
                                 .redirect = SLV_REDIRECT_ERROR};
    slv_fetch *fetch;

    SLV_TRY(put_headers(t, operation, body, &headers, err));
    request.headers = slv_buf_view(&headers);
    slv_buf_reset(&t->answer);
    t->done = false;
    t->failed = (slv_err){0};
    SLV_TRY(slv_fetch_start(t->client, &request, &handlers, t, &fetch, err));
    while (!slv_loop_run_until(t->loop, is_done, t, 60 * 60 * 1000))
        continue;
    if (t->failed.code != SLV_OK)
        return slv_fail(err, t->failed.code, "%s", slv_err_text(&t->failed));
    *ret_answer = slv_buf_view(&t->answer);
    return SLV_OK;
}

/* The host with its port, as Host says it. */
static slv_code open_endpoint(slv_bao_table *t, slv_err *err)
{
    slv_client_options options = {0};
    slv_str url = slv_str_from(t->endpoint), rest;
    size_t scheme = slv_str_find(url, SLV_STR("://"), 0);
    const char *region = slv_args_string(t->args, "region");

    if (scheme == SIZE_MAX ||
        !(slv_str_starts(url, SLV_STR("http://")) || slv_str_starts(url, SLV_STR("https://"))))
        return slv_fail(err, SLV_E_INVAL, "--endpoint must be a URL, found '%s'", t->endpoint);
    rest = slv_str_skip(url, scheme + 3);
    t->host = slv_str_sub(rest, 0, slv_str_chr(rest, '/', 0));
    t->region = region ? slv_str_from(region) : environment("AWS_REGION");
    if (t->region.len == 0)
        t->region = SLV_STR("us-west-2");
    SLV_TRY(slv_loop_new(&t->loop, err));
    return slv_client_new(t->loop, &options, &t->client, err);
}

/* ---- this machine ---- */

static slv_code call_here(slv_bao_table *t, const char *operation, slv_str body,
                          slv_str *ret_answer, slv_err *err)
{
    char path[128];
    slv_rest_request request = {.method = "POST", .body = body};
    slv_rest_answer answer;

    snprintf(path, sizeof path, "/dynamodb/operations/%s", operation);
    request.path = slv_str_from(path);
    SLV_TRY(slv_rest_call(t->rest, &request, &answer, err));
    t->status = answer.status;
    *ret_answer = answer.body;
    return SLV_OK;
}

/* ---- both ---- */

static char *configured_name(const slv_bao_table *t, const slv_binding *var)
{
    SLV_CLEANUP(slv_bao_place_done) slv_bao_place place;
    const char *env = getenv("TABLE_NAME");

    if (t->args->positional.len > 0)
        return slv_strdup(t->args->positional.items[0]);
    if (var && var->text.len > 0)
        return slv_strndup(var->text.ptr, var->text.len);
    slv_bao_place_find(t->dir, &place);
    if (place.table)
        return slv_strdup(place.table);
    return slv_strdup(env && env[0] ? env : "dynamo-bao-dev");
}

static slv_code open_here(slv_bao_table *t, slv_err *err)
{
    SLV_TRY(slv_rest_open(t->args, &t->rest, err));
    t->dir = slv_strdup(slv_rest_dir(t->rest));
    t->name =
        configured_name(t, slv_rest_binding(t->rest, SLV_BINDING_TEXT, SLV_STR("TABLE_NAME")));
    return SLV_OK;
}

/* The project, without its state: that may be another process's. */
static slv_code open_project(slv_bao_table *t, slv_err *err)
{
    const char *cwd = slv_args_string(t->args, "cwd");
    slv_project_options options = {.config = slv_args_string(t->args, "config"),
                                   .env = slv_args_string(t->args, "env"),
                                   .allow_unsupported = true};
    slv_project project;
    slv_code code;

    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "cannot go to %s", cwd);
    code = slv_project_load_config(&options, &project, err);
    if (code == SLV_OK) {
        t->dir = slv_strdup(project.dir);
        t->name = configured_name(t, slv_config_binding(&project.config, SLV_STR("TABLE_NAME")));
    }
    slv_project_done(&project);
    return code;
}

slv_code slv_bao_table_open(const slv_args *args, slv_bao_table **ret, slv_err *err)
{
    SLV_CLEANUP(slv_bao_table_free) slv_bao_table *t = slv_new0(slv_bao_table);

    t->args = args;
    t->arena = SLV_ARENA(ANSWER_MAX * 4);
    t->answer = SLV_BUF(ANSWER_MAX);
    t->endpoint = slv_args_string(args, "endpoint");
    if (t->endpoint) {
        SLV_TRY(open_endpoint(t, err));
        SLV_TRY(open_project(t, err));
    } else {
        SLV_TRY(open_here(t, err));
    }
    *ret = SLV_STEAL(t);
    return SLV_OK;
}

slv_bao_table *slv_bao_table_free(slv_bao_table *t)
{
    if (t) {
        slv_client_free(t->client);
        slv_loop_free(t->loop);
        slv_rest_free(t->rest);
        slv_buf_done(&t->answer);
        slv_arena_done(&t->arena);
        free(t->name);
        free(t->dir);
        free(t);
    }
    return NULL;
}

const char *slv_bao_table_name(const slv_bao_table *t)
{
    return t->name;
}

const char *slv_bao_table_dir(const slv_bao_table *t)
{
    return t->dir;
}

static slv_code refused(const slv_node *answer, const char *operation, slv_err *err)
{
    slv_str type = slv_node_str(slv_node_get(answer, "__type"));
    slv_str message = slv_node_str(slv_node_get(answer, "message"));
    slv_str name = slv_str_skip(type, slv_str_rchr(type, '#') + 1);
    slv_code code = slv_str_is(name, "ResourceNotFoundException") ? SLV_E_NOTFOUND
                    : slv_str_is(name, "ResourceInUseException")  ? SLV_E_EXISTS
                    : slv_str_is(name, "ValidationException")     ? SLV_E_INVAL
                                                                  : SLV_E_DENIED;

    if (message.len == 0)
        message = slv_node_str(slv_node_get(answer, "Message"));
    return slv_fail(err, code, "%s: %.*s%s%.*s", operation, SLV_STR_ARGS(name),
                    message.len > 0 ? ": " : "", SLV_STR_ARGS(message));
}

slv_code slv_bao_table_call(slv_bao_table *t, const char *operation, slv_str members,
                            slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)1 << 20);
    slv_str answer = SLV_STR_NULL, copy;

    SLV_TRY(slv_buf_append(&body, SLV_STR("{\"TableName\":")));
    SLV_TRY(slv_json_put_string(&body, slv_str_from(t->name)));
    SLV_TRY(slv_buf_printf(&body, "%s%.*s}", members.len > 0 ? "," : "", SLV_STR_ARGS(members)));
    SLV_TRY(t->endpoint ? call_endpoint(t, operation, slv_buf_view(&body), &answer, err)
                        : call_here(t, operation, slv_buf_view(&body), &answer, err));
    SLV_TRY(slv_arena_dup(&t->arena, answer, &copy));
    if (slv_json_parse(copy, SLV_JSON_STRICT, &t->arena, ret, err) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "%s: the answer (status %d) is no JSON", operation,
                        t->status);
    return t->status >= 300 ? refused(*ret, operation, err) : SLV_OK;
}

slv_code slv_bao_table_wait(slv_bao_table *t, slv_err *err)
{
    const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000L};

    for (int i = 0; i < WAIT_TRIES; i++) {
        slv_node *answer;
        const slv_node *table;

        SLV_TRY(slv_bao_table_call(t, "DescribeTable", SLV_STR(""), &answer, err));
        table = slv_node_get(answer, "Table");
        if (slv_str_is(slv_node_str(slv_node_get(table, "TableStatus")), "ACTIVE"))
            return SLV_OK;
        nanosleep(&pause, NULL);
    }
    return slv_fail(err, SLV_E_TIMEOUT, "table %s did not become active", t->name);
}
