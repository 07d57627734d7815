#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "chan/flow.h"
#include "rt/timers.h"
#include "support/isolate_rig.h"
#include "support/tap.h"

/* Events in an isolate, and the heap of its timers. */

/* The next frame of this type; others on the way are shown. */
static bool expect(rig *r, slv_frame_type type, slv_frame *ret)
{
    while (rig_read(r, ret)) {
        if (ret->type == type)
            return true;
        tap_note("%s %u: %.*s", slv_frame_type_name(ret->type), ret->id,
                 SLV_STR_ARGS(ret->payload));
    }
    return false;
}

/* Starts an isolate with this script and answers with its READY or START_FAILED frame. */
static bool rig_start(rig *r, const char *script, const char *more_config, slv_frame_type want,
                      slv_frame *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf config = SLV_BUF(65536);

    return slv_buf_printf(&config,
                          "{\"name\":\"w\",\"compatibilityDate\":\"2026-01-01\",\"flags\":["
                          "\"global_navigator\","
                          "\"streams_enable_constructors\"],"
                          "\"main\":\"index.js\","
                          "\"script\":1,\"serviceWorker\":false,\"limits\":{},\"dev\":true,"
                          "\"processEnv\":{}%s}",
                          more_config ? more_config : ",\"modules\":[],\"env\":[]") == SLV_OK &&
           rig_spawn(r, script, slv_buf_view(&config)) && expect(r, want, ret);
}

static bool put_fetch(rig *r, uint32_t id, const char *path)
{
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF(1024);
    slv_msg_event m = {.kind = SLV_EVENT_FETCH};

    if (slv_buf_printf(&url, "http://localhost%s", path) != SLV_OK)
        return false;
    m.fetch = (slv_msg_event_fetch){.body_length = -1,
                                    .method = SLV_STR("GET"),
                                    .url = slv_buf_view(&url),
                                    .headers = SLV_STR("host:localhost\naccept:*/*\n")};
    return put_event(r, id, &m);
}

/* A POST whose body comes on this stream; its length as far as it is known, -1: not. */
static bool put_post(rig *r, uint32_t id, uint32_t stream, int64_t length)
{
    const slv_msg_event m = {.kind = SLV_EVENT_FETCH,
                             .fetch = {.bits = SLV_FETCH_STREAM,
                                       .body_stream = stream,
                                       .body_length = length,
                                       .method = SLV_STR("POST"),
                                       .url = SLV_STR("http://localhost/"),
                                       .headers = SLV_STR("host:localhost\n")}};

    return put_event(r, id, &m);
}

static bool expect_response(rig *r, uint32_t id, slv_msg_response *ret)
{
    slv_frame frame;

    return expect(r, SLV_FRAME_RESPONSE, &frame) && frame.id == id &&
           slv_msg_response_get(frame.payload, ret) == SLV_OK;
}

static bool fetch(rig *r, uint32_t id, const char *path, slv_msg_response *ret)
{
    return put_fetch(r, id, path) && expect_response(r, id, ret);
}

static bool expect_end(rig *r, uint32_t id, slv_msg_end *ret)
{
    slv_frame frame;

    return expect(r, SLV_FRAME_END, &frame) && frame.id == id &&
           slv_msg_end_get(frame.payload, ret) == SLV_OK;
}

/* A script that starts, and answers GET / with this body. */
static bool answers(const char *script, const char *want)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_response response;

    if (!rig_start(&r, script, NULL, SLV_FRAME_READY, &ready) || !fetch(&r, 1, "/", &response))
        return false;
    if (slv_str_is(response.body, want))
        return true;
    tap_note("answer: %.*s", SLV_STR_ARGS(response.body));
    return false;
}

/* A script that starts, and whose GET / ends without a response, with an error that has this. */
static bool ends(const char *script, slv_outcome outcome, const char *want)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_end end;

    if (!rig_start(&r, script, NULL, SLV_FRAME_READY, &ready) || !put_fetch(&r, 1, "/") ||
        !expect_end(&r, 1, &end))
        return false;
    if (end.outcome == outcome && slv_str_find(end.error, slv_str_from(want), 0) != SIZE_MAX)
        return true;
    tap_note("outcome %d: %.*s", (int)end.outcome, SLV_STR_ARGS(end.error));
    return false;
}

static bool does_not_start(const char *script, const char *want)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame failed;

    if (!rig_start(&r, script, NULL, SLV_FRAME_START_FAILED, &failed))
        return false;
    if (slv_str_find(failed.payload, slv_str_from(want), 0) != SIZE_MAX)
        return true;
    tap_note("error: %.*s", SLV_STR_ARGS(failed.payload));
    return false;
}

#define FETCH(body)                                                                                \
    "return { get default() { return { async fetch(request, env, ctx) { " body " } }; } };"

TEST(a_fetch_event_gets_a_response_and_an_end)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_ready m;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(&r, FETCH("return new Response('hello ' + new URL(request.url).pathname);"),
                    NULL, SLV_FRAME_READY, &ready));
    CHECK(slv_msg_ready_get(ready.payload, &m) == SLV_OK);
    CHECK_STR(
        m.json,
        SLV_STR(
            "{\"handlers\":[\"fetch\"],\"entrypoints\":[{\"name\":\"default\",\"kind\":\"object\","
            "\"handlers\":[\"fetch\"]}],\"classes\":[]}"));
    for (uint32_t id = 1; id <= 3; id++) {
        CHECK(fetch(&r, id, "/a", &response));
        CHECK_INT(response.status, 200);
        CHECK_INT(response.body_kind, SLV_BODY_INLINE);
        CHECK_STR(response.body, SLV_STR("hello /a"));
        CHECK(expect_end(&r, id, &end));
        CHECK_INT(end.outcome, SLV_OUTCOME_OK);
        CHECK(end.cpu_us > 0);
    }
}

TEST(cpu_time_is_charged_to_the_event_that_used_it)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(&r,
                    FETCH("if (request.url.endsWith('busy')) { const p = Math.PI; let x = 0; for "
                          "(let i = 0; i < 3e7; i++) x += i % 7 * p; }"
                          "if (request.url.endsWith('wait')) await new Promise(r => setTimeout(r, "
                          "100)); return new Response('x');"),
                    NULL, SLV_FRAME_READY, &ready));
    static const char *const paths[] = {"/", "/busy", "/", "/wait"};
    uint64_t us[4];
    for (uint32_t id = 1; id <= 4; id++)
        CHECK(put_fetch(&r, id, paths[id - 1]));
    for (uint32_t id = 1; id <= 4; id++) {
        CHECK(expect_response(&r, id, &response));
        CHECK(expect_end(&r, id, &end));
        us[id - 1] = end.cpu_us;
    }
    CHECK(us[1] > 10000);
    CHECK(us[2] < us[1] / 2);
    CHECK(us[3] < 50000); /* waiting costs nothing */
}

TEST(many_events_of_one_batch_are_answered_in_order)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(&r, FETCH("return new Response(request.url);"), NULL, SLV_FRAME_READY, &ready));
    for (uint32_t id = 1; id <= 200; id++)
        CHECK(put_fetch(&r, id, "/x"));
    for (uint32_t id = 1; id <= 200; id++) {
        CHECK(expect_response(&r, id, &response));
        CHECK(expect_end(&r, id, &end));
    }
}

TEST(an_exception_ends_the_event_with_its_stack)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_end end;

    CHECK(rig_start(&r, FETCH("throw new TypeError('boom');"), NULL, SLV_FRAME_READY, &ready));
    CHECK(put_fetch(&r, 7, "/"));
    CHECK(expect_end(&r, 7, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_EXCEPTION);
    CHECK(slv_str_find(end.error, SLV_STR("\"name\":\"TypeError\",\"message\":\"boom\""), 0) !=
          SIZE_MAX);
    CHECK(slv_str_find(end.error, SLV_STR("TypeError: boom\\n    at fetch (index.js:1:"), 0) !=
          SIZE_MAX);
}

TEST(a_promise_that_nothing_can_resolve_is_a_hang)
{
    CHECK(ends(FETCH("await new Promise(() => {});"), SLV_OUTCOME_HUNG,
               "would never generate a response"));
}

TEST(what_is_no_response_is_an_error)
{
    CHECK(ends(FETCH("return 5;"), SLV_OUTCOME_EXCEPTION,
               "the Promise did not resolve to 'Response'"));
}

TEST(wait_until_keeps_the_event_open_and_its_failure_is_logged)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(
        &r,
        FETCH("ctx.waitUntil(new Promise((_, no) => setTimeout(() => no(new Error('late')), 20)));"
              "return new Response('x');"),
        NULL, SLV_FRAME_READY, &frame));
    CHECK(fetch(&r, 1, "/", &response));
    CHECK(expect(&r, SLV_FRAME_EXCEPTION, &frame));
    CHECK_INT(frame.id, 1);
    CHECK(slv_str_find(frame.payload, SLV_STR("late"), 0) != SIZE_MAX);
    CHECK(expect_end(&r, 1, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_EXCEPTION);
}

TEST(a_failure_is_told_before_what_wait_until_was_given_ends)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(
        &r, FETCH("ctx.waitUntil(new Promise(r => setTimeout(r, 50))); throw new Error('first');"),
        NULL, SLV_FRAME_READY, &frame));
    CHECK(fetch(&r, 1, "/", &response));
    CHECK_INT(response.bits, SLV_RESPONSE_FAILED);
    CHECK(slv_str_find(response.body, SLV_STR("first"), 0) != SIZE_MAX);
    CHECK(expect_end(&r, 1, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_EXCEPTION);
    CHECK(slv_str_find(end.error, SLV_STR("first"), 0) != SIZE_MAX);
}

TEST(module_scope_has_no_io_and_a_clock_at_zero)
{
    CHECK(answers("let why = ''; try { setTimeout(() => {}, 1); } catch (e) { why = e.message; }"
                  "const at = [Date.now(), new Date().getTime(), performance.now()];"
                  "return { default: { fetch() { return Response.json([at, why.slice(0, 47), "
                  "Date.now() > 1e12, Date.now() === new "
                  "Date().getTime()]); } } };",
                  "[[0,0,0],\"Disallowed operation called within global scope\",true,true]"));
}

TEST(the_clock_stands_still_while_javascript_runs)
{
    CHECK(answers(FETCH("const a = Date.now(); for (let i = 0; i < 3e7; i++); const b = Date.now();"
                        "await new Promise(r => setTimeout(r, 30)); return Response.json([b - a, "
                        "Date.now() - b >= 30]);"),
                  "[0,true]"));
}

TEST(code_from_strings_is_refused)
{
    CHECK(answers(FETCH("const t = f => { try { return String(f()); } catch (e) { return e.name "
                        "+ ': ' + e.message; } };"
                        "const m = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);"
                        "return new Response([t(() => eval('1')), t(() => new Function('1')), "
                        "t(() => new WebAssembly.Module(m)),"
                        "await WebAssembly.compile(m).catch(e => e.name)].join('|'));"),
                  "EvalError: Code generation from strings disallowed for this "
                  "context|EvalError: Code generation from "
                  "strings disallowed for this context|CompileError: "
                  "WebAssembly.Module(): Wasm code generation disallowed by "
                  "embedder|CompileError"));
}

TEST(a_script_that_throws_does_not_start)
{
    CHECK(does_not_start("\n\nthrow new RangeError('no');", "RangeError: no\\n    at index.js:3:"));
}

TEST(a_top_level_await_that_cannot_end_does_not_start)
{
    CHECK(
        does_not_start("await new Promise(() => {});", "Top-level await in module is unsettled."));
}

TEST(bindings_and_modules_come_from_the_start_configuration)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_response response;

    CHECK(rig_start(
        &r,
        "const t = __selvage.data('t.txt'); const w = __selvage.module('cloudflare:workers');"
        "let no; try { __selvage.module('nope'); } catch (e) { no = e.message; }"
        "return { default: { fetch(request, env) { return Response.json([env, t, w.env.A, no]); } "
        "} };",
        ",\"modules\":[{\"name\":\"t.txt\",\"type\":\"text\",\"blob\":9}],\"env\":[{\"name\":\"A\","
        "\"type\":\"plain_text\","
        "\"text\":\"x\"},{\"name\":\"B\",\"type\":\"json\",\"json\":{\"c\":[1]}}]",
        SLV_FRAME_READY, &ready));
    CHECK(fetch(&r, 1, "/", &response));
    CHECK(slv_str_starts(response.body,
                         SLV_STR("[{\"A\":\"x\",\"B\":{\"c\":[1]}},\"{\\\"name\\\":\\\"w\\\"")));
    CHECK(slv_str_ends(response.body, SLV_STR("\"x\",\"No such module \\\"nope\\\".\"]")));
}

TEST(objects_of_another_event_refuse_to_work)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(&r,
                    "let saved; return { default: { async fetch(request) {"
                    "if (!saved) { saved = request; await new Promise(r => setTimeout(r, 300)); "
                    "return new Response('first'); }"
                    "try { return new Response(await saved.text()); } catch (e) { return new "
                    "Response(e.message); } } } };",
                    NULL, SLV_FRAME_READY, &ready));
    CHECK(put_post(&r, 1, 2, -1));
    CHECK(fetch(&r, 2, "/", &response));
    CHECK(slv_str_starts(response.body,
                         SLV_STR("Cannot perform I/O on behalf of a different request.")));
    CHECK(expect_end(&r, 2, &end));
    CHECK(expect_response(&r, 1, &response));
}

TEST(a_streamed_body_waits_for_credit_and_ends_with_fin)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;
    slv_msg_end end;
    size_t total = 0;
    uint32_t number;

    CHECK(rig_start(&r,
                    FETCH("let n = 0; return new Response(new ReadableStream({ pull(c) { if (n++ "
                          "=== 10) c.close(); else "
                          "c.enqueue(new Uint8Array(100000)); } }));"),
                    NULL, SLV_FRAME_READY, &frame));
    CHECK(fetch(&r, 1, "/", &response));
    CHECK_INT(response.body_kind, SLV_BODY_STREAM);
    CHECK_INT(response.number % 2, 1);
    number = response.number;
    while (total < SLV_FLOW_WINDOW) {
        CHECK(expect(&r, SLV_FRAME_DATA, &frame));
        CHECK_INT(frame.id, number);
        total += frame.payload.len;
    }
    CHECK_INT(total, SLV_FLOW_WINDOW);
    CHECK(put_u32(&r, SLV_FRAME_CREDIT, number, 4 << 20));
    do {
        CHECK(expect(&r, SLV_FRAME_DATA, &frame));
        total += frame.payload.len;
    } while (!(frame.flags & SLV_FRAME_FIN));
    CHECK_INT(total, 1000000);
    CHECK(expect_end(&r, 1, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_OK);
}

TEST(a_large_body_in_memory_travels_at_the_pace_of_main)
{
    static const struct {
        const char *body;
        size_t bytes;
        bool streamed;
    } rows[] = {{"'x'.repeat(65536)", 65536, false},
                {"'x'.repeat(65537)", 65537, true},
                {"'\\u20ac'.repeat(65537)", 196611, true},
                {"new Uint8Array(3000000)", 3000000, true}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(rig_done) rig r;
        SLV_CLEANUP(slv_buf_done) slv_buf script = SLV_BUF(1000);
        slv_frame frame;
        slv_msg_response response;
        slv_msg_end end;
        size_t total = 0;

        CHECK(slv_buf_printf(&script,
                             "return { default: { fetch() { return new Response(%s); } } };",
                             rows[i].body) == SLV_OK);
        CHECK(rig_start(&r, slv_buf_cstr(&script), NULL, SLV_FRAME_READY, &frame));
        CHECK(fetch(&r, 1, "/", &response));
        CHECK_INT(response.body_kind, rows[i].streamed ? SLV_BODY_STREAM : SLV_BODY_INLINE);
        if (rows[i].streamed) {
            CHECK_INT(response.body_length, rows[i].bytes);
            CHECK(put_u32(&r, SLV_FRAME_CREDIT, response.number, 8 << 20));
            do {
                CHECK(expect(&r, SLV_FRAME_DATA, &frame));
                total += frame.payload.len;
            } while (!(frame.flags & SLV_FRAME_FIN));
            CHECK_INT(total, rows[i].bytes);
        }
        CHECK(expect_end(&r, 1, &end));
        CHECK_INT(end.outcome, SLV_OUTCOME_OK);
    }
}

TEST(a_request_body_is_asked_for_and_read)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;

    CHECK(rig_start(&r, FETCH("return new Response((await request.text()).length + '');"), NULL,
                    SLV_FRAME_READY, &frame));
    CHECK(put_post(&r, 1, 2, 6));
    CHECK(expect(&r, SLV_FRAME_CREDIT, &frame));
    CHECK_INT(frame.id, 2);
    CHECK(put(&r, SLV_FRAME_DATA, 0, 2, SLV_STR("abc")));
    CHECK(put(&r, SLV_FRAME_DATA, SLV_FRAME_FIN, 2, SLV_STR("def")));
    CHECK(expect_response(&r, 1, &response));
    CHECK_STR(response.body, SLV_STR("6"));
}

TEST(a_body_that_is_passed_on_unread_is_spliced)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;

    CHECK(
        rig_start(&r, FETCH("return new Response(request.body);"), NULL, SLV_FRAME_READY, &frame));
    CHECK(put_post(&r, 1, 44, -1));
    CHECK(expect_response(&r, 1, &response));
    CHECK_INT(response.body_kind, SLV_BODY_SPLICE);
    CHECK_INT(response.number, 44);
}

TEST(a_socket_carries_messages_both_ways_and_keeps_the_event_open)
{
    SLV_CLEANUP(rig_done) rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(1 << 20);
    slv_frame frame;
    slv_msg_response response;
    slv_msg_ws_close close;
    slv_msg_end end;
    uint32_t number;
    size_t total = 0;
    size_t at;

    CHECK(rig_start(
        &r,
        FETCH("const [client, server] = Object.values(new WebSocketPair()); server.accept();"
              "server.addEventListener('message', e => server.send(typeof e.data === 'string' ? "
              "'got ' + e.data : e.data));"
              "server.addEventListener('close', e => server.close(e.code, 'bye'));"
              "return new Response(null, { status: 101, webSocket: client });"),
        NULL, SLV_FRAME_READY, &frame));
    CHECK(fetch(&r, 1, "/", &response));
    CHECK_INT(response.status, 101);
    CHECK_INT(response.body_kind, SLV_BODY_SOCKET);
    number = response.number;
    CHECK_INT(number % 2, 1);

    /* a message in pieces */
    CHECK(put(&r, SLV_FRAME_WS_DATA, SLV_FRAME_TEXT, number, SLV_STR("h")));
    CHECK(put(&r, SLV_FRAME_WS_DATA, SLV_FRAME_TEXT | SLV_FRAME_FIN, number, SLV_STR("i")));
    CHECK(expect(&r, SLV_FRAME_WS_DATA, &frame));
    CHECK_INT(frame.flags, SLV_FRAME_TEXT | SLV_FRAME_FIN);
    CHECK_STR(frame.payload, SLV_STR("got hi"));
    /* an empty one */
    CHECK(put(&r, SLV_FRAME_WS_DATA, SLV_FRAME_TEXT | SLV_FRAME_FIN, number, SLV_STR("")));
    CHECK(expect(&r, SLV_FRAME_WS_DATA, &frame));
    CHECK_STR(frame.payload, SLV_STR("got "));
    /* 200,000 bytes in frames, and back, within the window */
    for (size_t i = 0; i < 200000; i++)
        CHECK(slv_buf_append_u8(&big, (uint8_t)i) == SLV_OK);
    for (at = 0; at < big.len; at += 50000)
        CHECK(put(&r, SLV_FRAME_WS_DATA, at + 50000 == big.len ? SLV_FRAME_FIN : 0, number,
                  slv_str_sub(slv_buf_view(&big), at, at + 50000)));
    do {
        CHECK(expect(&r, SLV_FRAME_WS_DATA, &frame));
        CHECK(memcmp(frame.payload.ptr, big.ptr + total, frame.payload.len) == 0);
        total += frame.payload.len;
    } while (!(frame.flags & SLV_FRAME_FIN));
    CHECK_INT(total, big.len);

    at = r.out.len;
    close = (slv_msg_ws_close){4001, SLV_STR("enough")};
    CHECK(slv_frame_begin(&r.out, SLV_FRAME_WS_CLOSE, 0, number, &at) == SLV_OK &&
          slv_msg_ws_close_put(&r.out, &close) == SLV_OK && slv_frame_end(&r.out, at) == SLV_OK);
    CHECK(expect(&r, SLV_FRAME_WS_CLOSE, &frame));
    CHECK(slv_msg_ws_close_get(frame.payload, &close) == SLV_OK);
    CHECK_INT(close.code, 4001);
    CHECK(expect_end(&r, 1, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_OK);
}

TEST(service_worker_syntax_answers_by_events)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_ready ready;
    slv_msg_response response;
    slv_msg_event m = {.kind = SLV_EVENT_SCHEDULED,
                       .scheduled = {1700000000000, SLV_STR("* * * * *")}};
    slv_msg_end end;
    slv_msg_log log;

    CHECK(rig_start(
        &r,
        "addEventListener('fetch', e => e.respondWith(new Response(A + ' ' + e.request.method)));"
        "addEventListener('scheduled', e => console.log(e.scheduledTime, e.cron));",
        ",\"serviceWorker\":true,\"modules\":[],\"env\":[{\"name\":\"A\",\"type\":\"plain_text\","
        "\"text\":\"x\"}]",
        SLV_FRAME_READY, &frame));
    CHECK(slv_msg_ready_get(frame.payload, &ready) == SLV_OK);
    CHECK_STR(
        ready.json,
        SLV_STR("{\"handlers\":[\"fetch\",\"scheduled\"],\"entrypoints\":[],\"classes\":[]}"));
    CHECK(fetch(&r, 1, "/", &response));
    CHECK_STR(response.body, SLV_STR("x GET"));
    CHECK(put_event(&r, 2, &m));
    CHECK(expect(&r, SLV_FRAME_LOG, &frame));
    CHECK(slv_msg_log_get(frame.payload, &log) == SLV_OK);
    CHECK_INT(log.level, SLV_CONSOLE_LOG);
    CHECK_STR(log.text, SLV_STR("1700000000000 * * * * *"));
    CHECK(slv_str_starts(log.place, SLV_STR("index.js:1:")));
    CHECK(expect_end(&r, 2, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_OK);
}

TEST(console_output_of_an_event_ends_at_256_kib)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;
    slv_msg_log log;
    size_t total = 0;

    CHECK(rig_start(&r,
                    FETCH("for (let i = 0; i < 10; i++) console.log('x'.repeat(32 * 1024 - 1) + "
                          "'y'); return new Response('done');"),
                    NULL, SLV_FRAME_READY, &frame));
    CHECK(put_fetch(&r, 1, "/"));
    for (int i = 0; i < 8; i++) {
        CHECK(expect(&r, SLV_FRAME_LOG, &frame));
        CHECK(slv_msg_log_get(frame.payload, &log) == SLV_OK);
        total += log.text.len;
    }
    CHECK_INT(total, 256 * 1024);
    CHECK(expect_response(&r, 1, &response)); /* and no ninth line before it */
    CHECK_STR(response.body, SLV_STR("done"));
}

TEST(operations_answer_by_their_number_and_fail_as_main_says)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;
    slv_msg_op op;
    slv_msg_result_fetch result = {.status = 203,
                                   .status_text = SLV_STR("Odd"),
                                   .url = SLV_STR("http://up/"),
                                   .headers = SLV_STR("x-a:1\n"),
                                   .body_length = 2,
                                   .body = SLV_STR("ok")};
    size_t at;

    CHECK(rig_start(&r,
                    FETCH("const one = fetch('http://up/'), two = fetch('http://down/').catch(e => "
                          "e.name + ' ' + e.message);"
                          "const r = await one; return new Response([r.status, "
                          "r.headers.get('x-a'), await r.text(), await two].join());"),
                    NULL, SLV_FRAME_READY, &frame));
    CHECK(put_fetch(&r, 1, "/"));
    CHECK(expect(&r, SLV_FRAME_OP, &frame));
    CHECK(slv_msg_op_get(frame.payload, &op) == SLV_OK);
    CHECK_INT(op.event, 1);
    CHECK_STR(op.fetch.url, SLV_STR("http://up/"));
    uint32_t first = frame.id;
    CHECK(expect(&r, SLV_FRAME_OP, &frame));
    CHECK(slv_frame_begin(&r.out, SLV_FRAME_RESULT, SLV_FRAME_ERROR, frame.id, &at) == SLV_OK &&
          slv_msg_str_put(&r.out, SLV_STR("{\"name\":\"TypeError\",\"message\":\"no\"}")) ==
              SLV_OK &&
          slv_frame_end(&r.out, at) == SLV_OK);
    CHECK(slv_frame_begin(&r.out, SLV_FRAME_RESULT, 0, first, &at) == SLV_OK &&
          slv_msg_result_fetch_put(&r.out, &result) == SLV_OK &&
          slv_frame_end(&r.out, at) == SLV_OK);
    CHECK(expect_response(&r, 1, &response));
    CHECK_STR(response.body, SLV_STR("203,1,ok,TypeError no"));
}

TEST(an_event_that_ends_in_the_turn_of_another_gets_its_end)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_response response;
    slv_msg_end end;

    CHECK(rig_start(&r,
                    "let go; return { default: { async fetch(request) { if "
                    "(request.url.endsWith('a')) { const timer = setTimeout(() => {}, 60000);"
                    "await new Promise(r => go = r); return new Response('a'); } go(); return new "
                    "Response('b'); } } };",
                    NULL, SLV_FRAME_READY, &frame));
    CHECK(put_fetch(&r, 1, "/a"));
    CHECK(fetch(&r, 2, "/b", &response));
    CHECK(expect_response(&r, 1, &response));
    CHECK_STR(response.body, SLV_STR("a"));
    CHECK(expect_end(&r, 2, &end) || expect_end(&r, 1, &end));
}

TEST(cancel_ends_the_event_unless_wait_until_holds_it)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame frame;
    slv_msg_end end;

    CHECK(rig_start(
        &r,
        FETCH(
            "if (request.url.endsWith('wait')) ctx.waitUntil(new Promise(r => setTimeout(r, 50)));"
            "await new Promise(r => setTimeout(r, 5000)); return new Response('never');"),
        NULL, SLV_FRAME_READY, &frame));
    CHECK(put_fetch(&r, 1, "/"));
    CHECK(put(&r, SLV_FRAME_CANCEL, 0, 1, SLV_STR("\x01")));
    CHECK(expect_end(&r, 1, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_CANCELED);
    CHECK(put_fetch(&r, 2, "/wait"));
    CHECK(put(&r, SLV_FRAME_CANCEL, 0, 2, SLV_STR("\x01")));
    CHECK(expect_end(&r, 2, &end));
    CHECK_INT(end.outcome, SLV_OUTCOME_CANCELED);
}

TEST(the_ten_thousand_and_first_timer_is_refused)
{
    CHECK(answers(FETCH("let n = 0; try { for (;;) { setTimeout(() => {}, 1e6); n++; } } catch "
                        "(e) { return new Response(n + ' ' + "
                        "e.name); }"),
                  "10000 QuotaExceededError"));
}

TEST(random_numbers_differ_between_isolates)
{
    char seen[2][64] = {"", ""};

    for (int i = 0; i < 2; i++) {
        SLV_CLEANUP(rig_done) rig r;
        slv_frame ready;
        slv_msg_response response;

        CHECK(rig_start(&r, FETCH("return new Response(String(Math.random()));"), NULL,
                        SLV_FRAME_READY, &ready));
        CHECK(fetch(&r, 1, "/", &response));
        (void)snprintf(seen[i], sizeof seen[i], "%.*s", SLV_STR_ARGS(response.body));
    }
    CHECK(strcmp(seen[0], seen[1]) != 0);
}

TEST(stop_ends_the_process_once_its_events_have_ended)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_frame ready;
    slv_msg_end end;
    int status;

    CHECK(rig_start(&r,
                    FETCH("await new Promise(r => setTimeout(r, 30)); return new Response('x');"),
                    NULL, SLV_FRAME_READY, &ready));
    CHECK(put_fetch(&r, 1, "/"));
    CHECK(put(&r, SLV_FRAME_STOP, 0, 0, SLV_STR("")));
    CHECK(expect_end(&r, 1, &end));
    CHECK(waitpid(r.pid, &status, 0) == r.pid);
    r.pid = 0;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- the timer heap, against a list that is searched ---- */

TEST(timers_fire_in_order_of_deadline_then_of_start)
{
    SLV_CLEANUP(slv_timers_free) slv_timers *t = slv_timers_new();
    struct {
        int64_t due;
        uint32_t id;
    } model[300];
    size_t n = 0;
    slv_prng prng;
    int64_t now = 0;

    slv_prng_seed(&prng, tap_seed());
    for (int round = 0; round < 3000; round++) {
        if (n < SLV_ARRAY_LEN(model) && slv_prng_below(&prng, 3)) {
            model[n].due = now + (int64_t)slv_prng_below(&prng, 50);
            model[n].id = slv_timers_start(t, model[n].due);
            n++;
        } else if (n && slv_prng_below(&prng, 2)) {
            size_t i = slv_prng_below(&prng, n);

            slv_timers_stop(t, model[i].id);
            memmove(&model[i], &model[i + 1], (n - i - 1) * sizeof model[0]);
            n--;
        } else {
            now += (int64_t)slv_prng_below(&prng, 10);
            for (;;) {
                size_t first = SIZE_MAX;
                uint32_t id = slv_timers_pop(t, now, UINT64_MAX);

                for (size_t i = 0; i < n; i++) {
                    if (model[i].due <= now &&
                        (first == SIZE_MAX || model[i].due < model[first].due))
                        first = i;
                }
                CHECK_INT(id, first == SIZE_MAX ? 0 : model[first].id);
                if (!id)
                    break;
                memmove(&model[first], &model[first + 1], (n - first - 1) * sizeof model[0]);
                n--;
            }
        }
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < n; i++)
            next = SLV_MIN(next, model[i].due);
        CHECK(slv_timers_next(t) == next);
    }
}

TAP_MAIN()
