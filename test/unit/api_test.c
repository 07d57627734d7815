/* The control API without a connection: routes, bodies, envelopes, clients that leave. */
#include "api/carrier.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/api_int.h"
#include "base/mem.h"
#include "catalog/account.h"
#include "support/tap.h"

/* ---- routes ---- */

static void nothing(slv_api_call *call)
{
    (void)call;
}

static const slv_api_route first[] = {
    {"GET", "/accounts/:account/things/:thing", nothing, 0, false, SLV_API_TOKEN},
    {"PUT", "/accounts/:account/things/:thing/*rest", nothing, 0, false, SLV_API_TOKEN},
    {0},
};
static const slv_api_route second[] = {
    {"GET", "/accounts/:account/things/all", nothing, 0, false, SLV_API_TOKEN},
    {"POST", "/accounts/:account/things/:thing", nothing, 0, false, SLV_API_TOKEN},
    {0},
};
static const slv_api_route *const tables[] = {first, second, NULL};

static const slv_api_route *match(const char *method, const char *path, slv_str params[static 6],
                                  size_t *ret_count, bool *ret_known)
{
    return slv_api_match(tables, slv_str_from(method), slv_str_from(path), params, ret_count,
                         ret_known);
}

TEST(literals_win_and_segments_are_whole)
{
    slv_str params[SLV_API_PARAMS_MAX];
    size_t count = 0;
    bool known;

    CHECK(match("GET", "/accounts/a/things/all", params, &count, &known) == &second[0]);
    CHECK_INT(count, 1);
    CHECK(match("GET", "/accounts/a/things/al", params, &count, &known) == &first[0]);
    CHECK_INT(count, 2);
    CHECK_STR(params[1], SLV_STR("al"));
    CHECK(match("HEAD", "/accounts/a/things/x/", params, &count, &known) == &first[0]);
    CHECK(match("POST", "/accounts/a/things/x", params, &count, &known) == &second[1]);
    CHECK(!match("DELETE", "/accounts/a/things/x", params, &count, &known) && known);
    CHECK(!match("GET", "/accounts//things/x", params, &count, &known) && !known);
    CHECK(!match("GET", "/accounts/a/things", params, &count, &known) && !known);
    CHECK(!match("GET", "", params, &count, &known) && !known);
    CHECK(match("PUT", "/accounts/a/things/t/x/y%2Fz/", params, &count, &known) == &first[1]);
    CHECK_STR(params[2], SLV_STR("x/y%2Fz/"));
    CHECK(!match("PUT", "/accounts/a/things/t/", params, &count, &known));
}

/* ---- calls, with the routes that there are ---- */

typedef struct wire {
    slv_api_call *call;
    size_t credit;
    int status;
    slv_buf body;
    bool ended, aborted;
} wire;

static void on_credit(void *arg, size_t n)
{
    ((wire *)arg)->credit += n;
}

static void on_begin(void *arg, int status, slv_str headers, int64_t length)
{
    (void)headers;
    (void)length;
    ((wire *)arg)->status = status;
}

static bool on_write(void *arg, slv_str bytes)
{
    return slv_buf_append(&((wire *)arg)->body, bytes) == SLV_OK;
}

static void on_end(void *arg)
{
    ((wire *)arg)->ended = true;
    ((wire *)arg)->call = NULL;
}

static void on_abort(void *arg)
{
    ((wire *)arg)->aborted = true;
    ((wire *)arg)->call = NULL;
}

static const slv_api_carrier carrier = {on_credit, on_begin, on_write, on_end, on_abort};

static void start(slv_api *api, wire *w, const char *method, const char *target, int64_t length)
{
    const slv_api_head head = {.method = slv_str_from(method),
                               .target = slv_str_from(target),
                               .headers = SLV_STR("content-type:text/plain\n"),
                               .length = length};

    slv_buf_done(&w->body);
    *w = (wire){.body = SLV_BUF(1 << 20)};
    slv_api_call_start(api, &head, &carrier, w, &w->call);
}

static bool says(const wire *w, int status, const char *text)
{
    if (w->status == status && w->ended &&
        slv_str_find(slv_buf_view(&w->body), slv_str_from(text), 0) != SIZE_MAX)
        return true;
    tap_note("%d %.*s", w->status, SLV_STR_ARGS(slv_buf_view(&w->body)));
    return false;
}

TEST(what_cannot_be_routed_is_told_in_the_envelope)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = NULL;
    SLV_CLEANUP(slv_api_free) slv_api *api = NULL;
    slv_api_options options = {0};
    wire w = {0};
    slv_err err;

    CHECK(slv_loop_new(&loop, &err) == SLV_OK);
    options.loop = loop;
    api = slv_api_new(&options);
    start(api, &w, "GET", "/client/v4/accounts/a/nothing?x", 0);
    CHECK(says(&w, 404, "\"code\":7003"));
    start(api, &w, "GET", "/elsewhere", 0);
    CHECK(says(&w, 404, "\"success\":false"));
    start(api, &w, "DELETE", "//client/v4//accounts/a/queues", 0);
    CHECK(says(&w, 405, "\"code\":10405"));
    start(api, &w, "POST", "/client/v4/accounts/a/queues", 3);
    CHECK(w.credit > 0 && !w.ended);
    slv_api_call_body(w.call, SLV_STR("{\"q"), true);
    CHECK(says(&w, 400, "Could not parse the request's body as JSON"));
    slv_buf_done(&w.body);
    CHECK_INT(slv_api_open_calls(api), 0);
}

TEST(bodies_are_taken_up_to_the_limit_and_not_one_byte_more)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = NULL;
    SLV_CLEANUP(slv_api_free) slv_api *api = NULL;
    SLV_CLEANUP(slv_charp_free) char *big = slv_alloc(SLV_API_BODY_MAX);
    slv_api_options options = {0};
    wire w = {0};
    slv_err err;

    memset(big, ' ', SLV_API_BODY_MAX);
    CHECK(slv_loop_new(&loop, &err) == SLV_OK);
    options.loop = loop;
    api = slv_api_new(&options);
    start(api, &w, "POST", "/client/v4/accounts/a/queues", (int64_t)SLV_API_BODY_MAX + 1);
    CHECK(says(&w, 413, "\"code\":10413"));
    start(api, &w, "POST", "/client/v4/accounts/a/queues", -1);
    slv_api_call_body(w.call, slv_str_make(big, SLV_API_BODY_MAX), false);
    CHECK(w.call != NULL);
    slv_api_call_body(w.call, SLV_STR(""), true);
    CHECK(says(&w, 400, "JSON"));
    start(api, &w, "POST", "/client/v4/accounts/a/queues", -1);
    slv_api_call_body(w.call, slv_str_make(big, SLV_API_BODY_MAX), false);
    slv_api_call_body(w.call, SLV_STR(" "), false);
    CHECK(says(&w, 413, "\"code\":10413"));
    /* a client that leaves before its body was there */
    start(api, &w, "POST", "/client/v4/accounts/a/queues", 10);
    slv_api_call_gone(w.call);
    CHECK(!w.ended && !w.aborted);
    slv_buf_done(&w.body);
    CHECK_INT(slv_api_open_calls(api), 0);
}

/* ---- what handlers read ---- */

TEST(queries_and_escapes)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 16);
    slv_api_call call = {.arena = &arena,
                         .query = SLV_STR("a=1&b=x+y%20z&a=%32&empty=&flag&%61=3&bad=%zz%4")};

    CHECK_STR(slv_api_query(&call, "a"), SLV_STR("1"));
    CHECK_STR(slv_api_query_item(&call, "a", 1), SLV_STR("2"));
    CHECK_STR(slv_api_query_item(&call, "a", 2), SLV_STR("3"));
    CHECK(slv_api_query_item(&call, "a", 3).ptr == NULL);
    CHECK_STR(slv_api_query(&call, "b"), SLV_STR("x y z"));
    CHECK(slv_api_query(&call, "empty").ptr != NULL);
    CHECK(slv_api_query(&call, "flag").ptr != NULL);
    CHECK_STR(slv_api_query(&call, "bad"), SLV_STR("%zz%4"));
    CHECK(slv_api_query(&call, "c").ptr == NULL);
}

TEST(parts_of_a_form)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 16);
    slv_api_call call = {
        .arena = &arena,
        .headers = SLV_STR("content-type:multipart/form-data; boundary=----b\n"),
        .body = SLV_STR("------b\r\nContent-Disposition: form-data; name=\"value\"; "
                        "filename=\"a%22b\"\r\nContent-Type: text/plain\r\n\r\n1\r\n--2\r\n"
                        "------b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n"
                        "------b--\r\n"),
    };
    slv_api_part part;
    size_t at = 0;

    CHECK(slv_api_is_multipart(&call));
    CHECK(slv_api_next_part(&call, &at, &part));
    CHECK_STR(part.name, SLV_STR("value"));
    CHECK_STR(part.filename, SLV_STR("a\"b"));
    CHECK_STR(part.type, SLV_STR("text/plain"));
    CHECK_STR(part.body, SLV_STR("1\r\n--2"));
    CHECK(slv_api_next_part(&call, &at, &part));
    CHECK_STR(part.name, SLV_STR("metadata"));
    CHECK(part.filename.ptr == NULL);
    CHECK_STR(part.body, SLV_STR("{}"));
    CHECK(!slv_api_next_part(&call, &at, &part) && at != SIZE_MAX);
    call.body = SLV_STR("------b\r\nno end");
    at = 0;
    CHECK(!slv_api_next_part(&call, &at, &part) && at == SIZE_MAX);
}

/* ---- scopes ---- */

static unsigned scopes_of(const char *method, const char *pattern, bool *audited)
{
    const slv_api_route route = {.method = method, .pattern = pattern};

    return slv_auth_scopes(&route, audited);
}

TEST(what_stores_hold_is_for_the_scope_of_data_alone)
{
    static const char *const patterns[][2] = {
        {"GET", "/accounts/:account/storage/kv/namespaces/:ns/values/:key"},
        {"GET", "/accounts/:account/storage/kv/namespaces/:ns/keys"},
        {"PUT", "/accounts/:account/storage/kv/namespaces/:ns/bulk"},
        {"GET", "/accounts/:account/r2/buckets/:bucket/objects/*key"},
        {"POST", "/accounts/:account/d1/database/:id/query"},
        {"POST", "/accounts/:account/d1/database/:id/time_travel/restore"},
        {"POST", "/accounts/:account/queues/:queue/messages/pull"},
        {"POST", "/accounts/:account/queues/:queue/purge"},
        {"DELETE", "/accounts/:account/d1/database/:id"},
        {"DELETE", "/accounts/:account/storage/kv/namespaces/:ns"},
        {"POST", "/accounts/:account/r2/credentials"},
        {"POST", "/accounts/:account/dynamodb/operations/:operation"},
        {"GET", "/accounts/:account/analytics_engine/sql"},
    };
    bool audited;

    for (size_t i = 0; i < SLV_ARRAY_LEN(patterns); i++)
        CHECK_INT(scopes_of(patterns[i][0], patterns[i][1], &audited), SLV_SCOPE_DATA);
}

TEST(a_deployment_needs_one_scope_and_looking_another)
{
    bool audited;

    CHECK_INT(scopes_of("PUT", "/accounts/:account/workers/scripts/:script", &audited),
              SLV_SCOPE_DEPLOY);
    CHECK(audited);
    CHECK_INT(scopes_of("GET", "/accounts/:account/workers/scripts", &audited),
              SLV_SCOPE_READ | SLV_SCOPE_DEPLOY);
    CHECK(!audited);
    CHECK_INT(scopes_of("POST", "/accounts/:account/d1/database", &audited),
              SLV_SCOPE_DEPLOY | SLV_SCOPE_DATA);
    CHECK(audited);
    CHECK_INT(scopes_of("GET", "/accounts/:account/queues", &audited), SLV_SCOPE_ALL);
    CHECK_INT(scopes_of("GET", "/user", &audited), SLV_SCOPE_ALL);
    CHECK_INT(scopes_of("GET", "/accounts/:account", &audited), SLV_SCOPE_ALL);
    CHECK_INT(scopes_of("POST", "/accounts/:account/workers/scripts/:script/tails", &audited),
              SLV_SCOPE_READ | SLV_SCOPE_DEPLOY);
    CHECK(!audited);
    CHECK_INT(scopes_of("GET", "/accounts/:account/pages/projects/:project/upload-token", &audited),
              SLV_SCOPE_DEPLOY);
    CHECK_INT(scopes_of("DELETE", "/zones/:zone/workers/routes/:route", &audited),
              SLV_SCOPE_DEPLOY);
    CHECK(audited);
}

/* test/support/api_routes.txt: who may call which route. It is written by hand, so that nothing
 * becomes reachable by another token because a row of a table or of the rules moved. */
static void put_route(const slv_api_route *route, char *out, size_t cap)
{
    static const char *const others[] = {
        [SLV_API_GRANT] = "grant", [SLV_API_OWNER] = "owner", [SLV_API_OPEN] = "open"};
    bool audited;
    unsigned scopes = slv_auth_scopes(route, &audited);

    if (route->access != SLV_API_TOKEN)
        snprintf(out, cap, "%s %s %s\n", others[route->access], route->method, route->pattern);
    else
        snprintf(out, cap, "%c%c%c %s %s\n", scopes & SLV_SCOPE_READ ? 'r' : '-',
                 scopes & SLV_SCOPE_DEPLOY ? 'd' : '-', scopes & SLV_SCOPE_DATA ? 's' : '-',
                 route->method, route->pattern);
}

TEST(who_may_call_a_route_is_what_the_list_says)
{
    SLV_CLEANUP(slv_buf_done) slv_buf list = SLV_BUF(1 << 20), text = SLV_BUF(1 << 20);
    const char *dir = getenv("SLV_TEST_SUPPORT");
    size_t rows = 0, lines = 0;
    char line[512];

    CHECK(slv_buf_append(&list, SLV_STR("\n")) == SLV_OK);
    CHECK(dir != NULL); /* set by the build's test environment */
    snprintf(line, sizeof line, "%s/api_routes.txt", dir);
    CHECK(tap_read_file(line, &text));
    CHECK(slv_buf_append(&list, slv_buf_view(&text)) == SLV_OK);
    for (const slv_api_route *const *table = slv_api_tables; *table; table++) {
        for (const slv_api_route *route = *table; route->method; route++, rows++) {
            line[0] = '\n';
            put_route(route, line + 1, sizeof line - 1);
            if (slv_str_find(slv_buf_view(&list), slv_str_from(line), 0) == SIZE_MAX)
                tap_failed(__FILE__, __LINE__, "not in the list: %s", line + 1);
        }
    }
    for (size_t i = 1; i < list.len; i++)
        lines += list.ptr[i] == '\n' && list.ptr[i - 1] != '\n';
    CHECK_INT(lines, rows); /* none that is not there any more */
}

TAP_MAIN()
