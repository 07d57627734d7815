#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan/objmsg.h"
#include "store/object_file.h"
#include "support/isolate_rig.h"
#include "support/tap.h"

/* Durable Objects in an isolate in a child process; the test speaks main's side of the channel. */

#define OBJECT 100u

/* Of the object's file and its log. */
static char db[256], wal[256];

/* The next frame; what a console says is shown. */
static bool next(rig *r, slv_frame *ret)
{
    while (rig_read(r, ret)) {
        if (ret->type != SLV_FRAME_LOG && ret->type != SLV_FRAME_EXCEPTION)
            return true;
        tap_note("%s %u: %.*s", slv_frame_type_name(ret->type), ret->id,
                 SLV_STR_ARGS(ret->payload));
    }
    return false;
}

static bool expect(rig *r, slv_frame_type type, uint32_t id, slv_frame *ret)
{
    if (!next(r, ret))
        return false;
    if (ret->type == type && ret->id == id)
        return true;
    tap_note("got %s %u, expected %s %u: %.*s", slv_frame_type_name(ret->type), ret->id,
             slv_frame_type_name(type), id, SLV_STR_ARGS(ret->payload));
    return false;
}

static const char script[] =
    "const { DurableObject } = __selvage.module('cloudflare:workers');"
    "const tried = async f => { try { return await f(); } catch (e) { return e.name + ': ' + "
    "e.message; } };"
    "const late = () => new Promise(f => setTimeout(f, 5));"
    "const tests = {"
    "  async put(s) { s.put('a', 1); s.put('b', [2]); return 'put'; },"
    "  async get(s) { return [await s.get('a'), await s.get('b')]; },"
    "  async read(s) { return (await s.get('nothing')) === undefined; },"
    "  async unconfirmed(s) { await s.put('u', 1, { allowUnconfirmed: true }); return 'sent'; },"
    "  async sync(s) { s.put('s', 1); await s.sync(); return 'synced'; },"
    "  async count(s) { const n = ((await s.get('n')) ?? 0) + 1; await s.put('n', n); return n; },"
    "  async slow(s, c) { return c.blockConcurrencyWhile(async () => { const n = ((await "
    "s.get('m')) ?? 0) + 1; await late(); s.put('m', n); return n; }); },"
    "  async txn(s) { return s.transaction(async t => { await t.put('t', 1); await late(); await "
    "t.put('t', 2); return await s.get('t'); }); },"
    "  async undone(s) { const e = await tried(() => s.transaction(async t => { await t.put('t', "
    "9); await late(); throw new RangeError('no'); })); return [e, await s.get('t')]; },"
    "  async sql(s) { s.sql.exec('CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b); INSERT "
    "INTO t(b) VALUES (1), (2)'); const c = s.sql.exec('SELECT a, b, x\\'01\\' AS c FROM t ORDER "
    "BY a'); return [c.columnNames, c.next().value.a, c.toArray().length, c.rowsRead, "
    "s.sql.exec('SELECT ?1 AS v', 'x').one()]; },"
    "  async sqlError(s) { return [await tried(() => s.sql.exec('SELEC')), await tried(() => "
    "s.sql.exec('SELECT 1 WHERE 0').one()), await tried(() => s.sql.exec('BEGIN')), await tried(() "
    "=> s.sql.exec('SELECT ?'))]; },"
    "  async alarm(s) { await s.setAlarm(Date.now() + 1e6); return await s.getAlarm() > 0; },"
    "  async failing(s) { s.put('fail', 1); await s.setAlarm(Date.now() + 1e6); return 1; },"
    "  async noAlarm(s) { return await s.getAlarm(); },"
    "  async abort(s, c) { s.put('lost', 1); c.abort('why not'); },"
    "  async bad(s, c) { return c.blockConcurrencyWhile(async () => { throw new TypeError('in "
    "it'); }); },"
    "  async hold() { globalThis.timer = setTimeout(() => {}, 1e6); return 'held'; },"
    "  async letGo() { clearTimeout(globalThis.timer); return 'free'; },"
    "  async timer(s) { setTimeout(() => s.put('timer', 1), 5); return 'set'; },"
    "  async undoneSync(s) { s.kv.put('k', 1); await tried(() => s.transactionSync(() => { "
    "s.kv.put('k', 2); throw new Error('x'); })); return [s.kv.get('k'), [...s.kv.list()].length]; "
    "},"
    "  async unique(s) { return [await tried(() => s.get()), await tried(() => s.put('a')), await "
    "tried(() => s.get(Array(129).fill('a'))), (await s.get(Array(128).fill('a'))).size]; },"
    "};"
    "class Thing extends DurableObject {"
    "  calls = 0;"
    "  async fetch(request) { const name = new URL(request.url).pathname.slice(1); if (name === "
    "'ws') "
    "{ const [a, b] = Object.values(new WebSocketPair()); this.ctx.acceptWebSocket(b, ['t1', "
    "'t2']); "
    "b.serializeAttachment(7); b.send('early'); return new Response(null, { status: 101, "
    "webSocket: a "
    "}); } return "
    "Response.json(await tests[name](this.ctx.storage, this.ctx)); }"
    "  async alarm(info) { this.ctx.storage.put('rang', [info.retryCount, info.isRetry, await "
    "this.ctx.storage.getAlarm()]); if (await this.ctx.storage.get('fail')) throw new "
    "Error('alarm failed'); }"
    "  webSocketMessage(ws, m) { ws.send(m + ':' + ws.deserializeAttachment() + ':' + "
    "this.ctx.getTags(ws) + ':' + this.ctx.getWebSockets().length); }"
    "  webSocketClose(ws, code) { this.ctx.storage.kv.put('closed', code); }"
    "}"
    "class Broken extends DurableObject { constructor(c, e) { super(c, e); throw new "
    "RangeError('no instance'); } }"
    "return { get Thing() { return Thing; }, get Broken() { return Broken; }, get default() { "
    "return { fetch() { return new Response('x'); } }; } };";

static bool rig_start(rig *r)
{
    static const char config[] =
        "{\"name\":\"w\",\"compatibilityDate\":\"2026-01-01\",\"flags\":[\"rpc\"],"
        "\"main\":\"index.js\",\"script\":1,\"serviceWorker\":false,\"limits\":{},\"dev\":true,"
        "\"processEnv\":{},\"modules\":[],\"env\":[]}";
    slv_frame ready;

    return rig_spawn(r, script, slv_str_from(config)) && expect(r, SLV_FRAME_READY, 0, &ready);
}

static bool make_files(const char *name)
{
    uint8_t page[SLV_OBJECT_FILE_SIZE];
    FILE *f;
    bool ok;

    snprintf(db, sizeof db, "%s/%s", tap_tmpdir(), name);
    snprintf(wal, sizeof wal, "%s/%s-wal", tap_tmpdir(), name);
    slv_object_file_template(page);
    f = fopen(db, "w");
    ok = f && fwrite(page, sizeof page, 1, f) == 1;
    ok = f && fclose(f) == 0 && ok;
    f = fopen(wal, "w");
    return f && fclose(f) == 0 && ok;
}

/* OBJECT_OPEN with the two descriptors beside its first byte. */
static bool open_object(rig *r, uint32_t number, const char *class_name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(65536);
    const slv_msg_object_open m = {
        .class_name = slv_str_from(class_name),
        .id = SLV_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        .bits = SLV_OBJECT_NAMED | SLV_OBJECT_SQL,
        .name = SLV_STR("it"),
        .epoch = 1,
        .alarm_ms = SLV_OBJECT_NO_ALARM,
        .next_socket = 1};
    int fds[2] = {open(db, O_RDWR), open(wal, O_RDWR)};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control = {0};
    size_t at;
    bool ok;

    if (!rig_flush(r) || slv_frame_begin(&bytes, SLV_FRAME_OBJECT_OPEN, 0, number, &at) != SLV_OK ||
        slv_msg_object_open_put(&bytes, &m) != SLV_OK || slv_frame_end(&bytes, at) != SLV_OK)
        return false;
    struct iovec io = {bytes.ptr, bytes.len};
    struct msghdr msg = {.msg_iov = &io,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    ok = sendmsg(r->fd, &msg, 0) == (ssize_t)bytes.len;
    close(fds[0]);
    close(fds[1]);
    return ok;
}

static bool opened(rig *r, uint32_t number, int64_t want_alarm)
{
    slv_frame frame;
    int64_t alarm_ms;

    return expect(r, SLV_FRAME_OBJECT_OPENED, number, &frame) &&
           slv_msg_object_opened_get(frame.payload, &alarm_ms) == SLV_OK &&
           (want_alarm == alarm_ms || (want_alarm > 0 && alarm_ms > 0));
}

static bool start_object(rig *r, const char *name)
{
    return rig_start(r) && make_files(name) && open_object(r, OBJECT, "Thing") &&
           opened(r, OBJECT, SLV_OBJECT_NO_ALARM);
}

static bool call(rig *r, uint32_t id, const char *test)
{
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF(1024);
    slv_msg_event m = {.kind = SLV_EVENT_FETCH};

    if (slv_buf_printf(&url, "http://object/%s", test) != SLV_OK)
        return false;
    m.fetch = (slv_msg_event_fetch){.bits = SLV_FETCH_OBJECT,
                                    .body_length = -1,
                                    .method = SLV_STR("GET"),
                                    .url = slv_buf_view(&url),
                                    .headers = SLV_STR("host:object\n"),
                                    .object = OBJECT};
    return put_event(r, id, &m);
}

/* RESPONSE with this body, then END. */
static bool answers(rig *r, uint32_t id, const char *want)
{
    slv_msg_response response;
    slv_frame frame;

    if (!expect(r, SLV_FRAME_RESPONSE, id, &frame) ||
        slv_msg_response_get(frame.payload, &response) != SLV_OK)
        return false;
    if (!slv_str_is(response.body, want)) {
        tap_note("answer %u: %.*s", id, SLV_STR_ARGS(response.body));
        return false;
    }
    return expect(r, SLV_FRAME_END, id, &frame);
}

static bool gate(rig *r)
{
    slv_frame frame;

    return expect(r, SLV_FRAME_OBJECT_GATE, OBJECT, &frame);
}

static bool commits(rig *r, uint64_t seq, slv_msg_object_commit *ret)
{
    slv_frame frame;

    return expect(r, SLV_FRAME_OBJECT_COMMIT, OBJECT, &frame) &&
           slv_msg_object_commit_get(frame.payload, ret) == SLV_OK && ret->seq == seq;
}

/* A call that writes: the gate shuts before the response, the commit comes with the turn's end. */
static bool answers_and_commits(rig *r, uint32_t id, uint64_t seq, const char *want)
{
    slv_msg_response response;
    slv_msg_object_commit m;
    slv_frame frame;

    if (!gate(r) || !expect(r, SLV_FRAME_RESPONSE, id, &frame) ||
        slv_msg_response_get(frame.payload, &response) != SLV_OK)
        return false;
    if (!slv_str_is(response.body, want)) {
        tap_note("answer %u: %.*s", id, SLV_STR_ARGS(response.body));
        return false;
    }
    return commits(r, seq, &m) && !m.unconfirmed && expect(r, SLV_FRAME_END, id, &frame);
}

static bool is_reset(rig *r, const char *want)
{
    slv_frame frame;
    slv_str json;

    if (!expect(r, SLV_FRAME_OBJECT_RESET, OBJECT, &frame) ||
        slv_msg_str_get(frame.payload, &json) != SLV_OK)
        return false;
    if (slv_str_find(json, slv_str_from(want), 0) != SIZE_MAX)
        return true;
    tap_note("reset: %.*s", SLV_STR_ARGS(json));
    return false;
}

/* ---- storage and its commits ---- */

TEST(the_gate_shuts_before_the_response_and_the_commit_follows)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "gate"));
    CHECK(call(&r, 1, "read") && answers(&r, 1, "true"));
    CHECK(call(&r, 2, "put") && answers_and_commits(&r, 2, 1, "\"put\""));
    CHECK(call(&r, 3, "get") && answers(&r, 3, "[1,[2]]"));
}

TEST(an_unconfirmed_write_shuts_no_gate)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_msg_object_commit m;
    slv_msg_response response;
    slv_frame frame;

    CHECK(start_object(&r, "unconfirmed"));
    CHECK(call(&r, 1, "unconfirmed") && expect(&r, SLV_FRAME_RESPONSE, 1, &frame));
    CHECK(slv_msg_response_get(frame.payload, &response) == SLV_OK);
    CHECK(commits(&r, 1, &m) && m.unconfirmed);
}

TEST(sync_waits_until_main_says_durable)
{
    SLV_CLEANUP(rig_done) rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(100);
    slv_msg_object_commit m;

    CHECK(start_object(&r, "sync"));
    CHECK(call(&r, 1, "sync") && gate(&r) && commits(&r, 1, &m));
    CHECK(slv_msg_object_durable_put(&payload, 1) == SLV_OK);
    CHECK(put(&r, SLV_FRAME_OBJECT_DURABLE, 0, OBJECT, slv_buf_view(&payload)));
    CHECK(answers(&r, 1, "\"synced\""));
}

TEST(calls_that_come_together_see_each_others_writes)
{
    SLV_CLEANUP(rig_done) rig r;
    char want[8];

    CHECK(start_object(&r, "count"));
    for (uint32_t i = 1; i <= 8; i++)
        CHECK(call(&r, i, "count"));
    for (uint32_t i = 1; i <= 8; i++) {
        snprintf(want, sizeof want, "%u", i);
        CHECK(answers_and_commits(&r, i, i, want));
    }
}

TEST(critical_sections_run_one_after_the_other)
{
    SLV_CLEANUP(rig_done) rig r;
    char want[8];

    CHECK(start_object(&r, "sections"));
    for (uint32_t i = 1; i <= 4; i++)
        CHECK(call(&r, i, "slow"));
    for (uint32_t i = 1; i <= 4; i++) {
        snprintf(want, sizeof want, "%u", i);
        CHECK(answers_and_commits(&r, i, i, want));
    }
}

TEST(a_transaction_over_turns_is_one_commit)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "txn"));
    CHECK(call(&r, 1, "txn") && answers_and_commits(&r, 1, 1, "2"));
    CHECK(call(&r, 2, "undone") && call(&r, 3, "put"));
    CHECK(answers(&r, 2, "[\"RangeError: no\",2]"));
    CHECK(answers_and_commits(&r, 3, 2, "\"put\""));
}

TEST(sql_gives_rows_and_errors)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "sql"));
    CHECK(call(&r, 1, "sql") &&
          answers_and_commits(&r, 1, 1, "[[\"a\",\"b\",\"c\"],1,1,2,{\"v\":\"x\"}]"));
    CHECK(call(&r, 2, "sqlError"));
    CHECK(
        answers(&r, 2,
                "[\"Error: near \\\"SELEC\\\": syntax error at offset 0: SQLITE_ERROR\","
                "\"Error: Expected exactly one result from SQL query, but got no results.\","
                "\"Error: To execute a transaction, please use the state.storage.transaction() or "
                "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or "
                "SAVEPOINT statements. The JavaScript API is safer because it will automatically "
                "roll back on exceptions, and because it interacts correctly with Durable "
                "Objects' automatic atomic write coalescing.\","
                "\"Error: Wrong number of parameter bindings for SQL query.\"]"));
}

TEST(a_synchronous_transaction_rolls_back_what_threw)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "undone_sync"));
    CHECK(call(&r, 1, "undoneSync") && answers_and_commits(&r, 1, 1, "[1,1]"));
}

TEST(keys_are_limited_in_number)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "keys"));
    CHECK(call(&r, 1, "unique"));
    CHECK(answers(&r, 1,
                  "[\"TypeError: Failed to execute 'get' on 'DurableObjectStorage': parameter 1 is "
                  "not of type 'string or Array'.\",\"TypeError: put() called with undefined "
                  "value.\",\"RangeError: Maximum number of keys is 128.\",0]"));
}

TEST(a_timer_outlives_the_call_that_set_it)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_msg_object_commit m;

    CHECK(start_object(&r, "timer"));
    CHECK(call(&r, 1, "timer") && answers(&r, 1, "\"set\""));
    CHECK(gate(&r) && commits(&r, 1, &m));
}

/* ---- life ---- */

static bool close_object(rig *r, slv_close_reason reason, bool want_refused)
{
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(1000);
    const slv_msg_object_close m = {
        reason, reason == SLV_CLOSE_IDLE ? SLV_STR("") : SLV_STR("{\"name\":\"Error\"}")};
    slv_frame frame;
    bool refused;

    return slv_msg_object_close_put(&payload, &m) == SLV_OK &&
           put(r, SLV_FRAME_OBJECT_CLOSE, 0, OBJECT, slv_buf_view(&payload)) &&
           expect(r, SLV_FRAME_OBJECT_CLOSED, OBJECT, &frame) &&
           slv_msg_object_closed_get(frame.payload, &refused) == SLV_OK && refused == want_refused;
}

TEST(an_idle_object_closes_and_opens_again_with_its_data)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "idle"));
    CHECK(call(&r, 1, "put") && answers_and_commits(&r, 1, 1, "\"put\""));
    CHECK(call(&r, 2, "hold") && answers(&r, 2, "\"held\""));
    CHECK(close_object(&r, SLV_CLOSE_IDLE, true)); /* a timer goes on */
    CHECK(call(&r, 4, "letGo") && answers(&r, 4, "\"free\""));
    CHECK(close_object(&r, SLV_CLOSE_IDLE, false));
    CHECK(open_object(&r, OBJECT, "Thing") && opened(&r, OBJECT, SLV_OBJECT_NO_ALARM));
    CHECK(call(&r, 3, "get") && answers(&r, 3, "[1,[2]]"));
}

TEST(closing_an_object_ends_its_calls)
{
    SLV_CLEANUP(rig_done) rig r;
    SLV_CLEANUP(slv_buf_done) slv_buf payload = SLV_BUF(1000);
    const slv_msg_object_close m = {SLV_CLOSE_UPDATE, SLV_STR("{\"name\":\"Error\"}")};
    slv_msg_end end;
    slv_frame frame;

    CHECK(start_object(&r, "closing"));
    CHECK(call(&r, 1, "slow"));
    CHECK(slv_msg_object_close_put(&payload, &m) == SLV_OK);
    CHECK(put(&r, SLV_FRAME_OBJECT_CLOSE, 0, OBJECT, slv_buf_view(&payload)));
    CHECK(expect(&r, SLV_FRAME_END, 1, &frame));
    CHECK(slv_msg_end_get(frame.payload, &end) == SLV_OK && end.outcome == SLV_OUTCOME_EXCEPTION);
    CHECK(expect(&r, SLV_FRAME_OBJECT_CLOSED, OBJECT, &frame));
}

TEST(abort_loses_what_is_not_committed_and_nothing_else)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "abort"));
    CHECK(call(&r, 1, "put") && answers_and_commits(&r, 1, 1, "\"put\""));
    CHECK(call(&r, 2, "abort") && gate(&r) && is_reset(&r, "\"why not\""));
    CHECK(open_object(&r, OBJECT, "Thing") && opened(&r, OBJECT, SLV_OBJECT_NO_ALARM));
    CHECK(call(&r, 3, "get") && answers(&r, 3, "[1,[2]]"));
}

TEST(what_fails_in_a_critical_section_resets_the_object)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(start_object(&r, "bad"));
    CHECK(call(&r, 1, "bad") && is_reset(&r, "\"in it\""));
}

TEST(a_constructor_that_throws_resets_the_object)
{
    SLV_CLEANUP(rig_done) rig r;

    CHECK(rig_start(&r) && make_files("broken"));
    CHECK(open_object(&r, OBJECT, "Broken") && opened(&r, OBJECT, SLV_OBJECT_NO_ALARM));
    CHECK(call(&r, 1, "get") && is_reset(&r, "\"no instance\""));
}

/* ---- alarms ---- */

static bool ring(rig *r, uint32_t id, int64_t ms, uint32_t retries, bool last)
{
    const slv_msg_event m = {.kind = SLV_EVENT_ALARM, .alarm = {OBJECT, ms, retries, last}};

    return put_event(r, id, &m);
}

TEST(an_alarm_is_told_with_its_commit_and_removed_when_it_has_rung)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_msg_object_commit m;
    slv_msg_response response;
    slv_frame frame;
    slv_msg_end end;

    CHECK(start_object(&r, "alarm"));
    CHECK(call(&r, 1, "alarm") && gate(&r) && expect(&r, SLV_FRAME_RESPONSE, 1, &frame));
    CHECK(slv_msg_response_get(frame.payload, &response) == SLV_OK);
    CHECK_STR(response.body, SLV_STR("true"));
    CHECK(commits(&r, 1, &m) && m.alarm == SLV_ALARM_SET && m.alarm_ms > 0);
    int64_t at = m.alarm_ms;
    CHECK(expect(&r, SLV_FRAME_END, 1, &frame));
    CHECK(ring(&r, 2, at + 1, 0, false)); /* not the one that is set */
    CHECK(expect(&r, SLV_FRAME_END, 2, &frame));
    CHECK(ring(&r, 3, at, 0, false) && gate(&r) && commits(&r, 2, &m));
    CHECK(m.alarm == SLV_ALARM_NONE);
    CHECK(expect(&r, SLV_FRAME_END, 3, &frame));
    CHECK(slv_msg_end_get(frame.payload, &end) == SLV_OK && end.outcome == SLV_OUTCOME_OK);
    CHECK(call(&r, 4, "noAlarm") && answers(&r, 4, "null"));
}

TEST(an_alarm_that_fails_stays_until_its_last_try)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_msg_object_commit m;
    slv_frame frame;
    slv_msg_end end;

    CHECK(start_object(&r, "alarm_fails"));
    CHECK(call(&r, 1, "failing") && gate(&r) && expect(&r, SLV_FRAME_RESPONSE, 1, &frame));
    CHECK(commits(&r, 1, &m) && m.alarm == SLV_ALARM_SET);
    int64_t at = m.alarm_ms;
    CHECK(expect(&r, SLV_FRAME_END, 1, &frame));
    CHECK(ring(&r, 2, at, 0, false) && gate(&r) && commits(&r, 2, &m) && m.alarm == SLV_ALARM_SAME);
    CHECK(expect(&r, SLV_FRAME_END, 2, &frame));
    CHECK(slv_msg_end_get(frame.payload, &end) == SLV_OK && end.outcome == SLV_OUTCOME_EXCEPTION);
    CHECK(ring(&r, 3, at, 6, true) && gate(&r) && commits(&r, 3, &m) && m.alarm == SLV_ALARM_NONE);
    CHECK(expect(&r, SLV_FRAME_END, 3, &frame));
    CHECK(slv_msg_end_get(frame.payload, &end) == SLV_OK && end.outcome == SLV_OUTCOME_EXCEPTION);
}

/* ---- hibernating sockets ---- */

static bool says(rig *r, uint32_t socket, const char *want)
{
    slv_msg_socket_bytes m;
    slv_frame frame;

    if (!expect(r, SLV_FRAME_SOCKET_SEND, OBJECT, &frame) ||
        slv_msg_socket_send_get(frame.payload, &m) != SLV_OK)
        return false;
    if (m.socket == socket && slv_str_is(m.bytes, want))
        return true;
    tap_note("socket %u: %.*s", m.socket, SLV_STR_ARGS(m.bytes));
    return false;
}

static bool hear(rig *r, uint32_t id, uint32_t socket, slv_socket_what what, uint16_t code,
                 const char *data)
{
    const slv_msg_event m = {
        .kind = SLV_EVENT_SOCKET,
        .socket = {OBJECT, socket, what, code, what == SLV_SOCKET_CLOSED, slv_str_from(data)}};

    return put_event(r, id, &m);
}

TEST(an_accepted_socket_is_handed_to_main_and_heard_by_the_object)
{
    SLV_CLEANUP(rig_done) rig r;
    slv_msg_socket_accept accept;
    slv_msg_socket_bytes attach;
    slv_msg_socket_close closing;
    slv_msg_object_commit m;
    slv_msg_response response;
    slv_frame frame;

    CHECK(start_object(&r, "socket"));
    CHECK(call(&r, 1, "ws") && expect(&r, SLV_FRAME_SOCKET_ACCEPT, OBJECT, &frame));
    CHECK(slv_msg_socket_accept_get(frame.payload, &accept) == SLV_OK);
    CHECK(accept.socket == 1 && accept.count == 2);
    CHECK(expect(&r, SLV_FRAME_SOCKET_ATTACH, OBJECT, &frame));
    CHECK(slv_msg_socket_attach_get(frame.payload, &attach) == SLV_OK && attach.socket == 1);
    CHECK(says(&r, 1, "early"));
    CHECK(expect(&r, SLV_FRAME_RESPONSE, 1, &frame));
    CHECK(slv_msg_response_get(frame.payload, &response) == SLV_OK);
    CHECK(response.body_kind == SLV_BODY_HIBERNATING && response.number == 1);
    CHECK(expect(&r, SLV_FRAME_END, 1, &frame));

    CHECK(hear(&r, 2, 1, SLV_SOCKET_TEXT, 0, "hi") && says(&r, 1, "hi:7:t1,t2:1"));
    CHECK(expect(&r, SLV_FRAME_END, 2, &frame));
    /* The handler does not close: the platform does. */
    CHECK(hear(&r, 3, 1, SLV_SOCKET_CLOSED, 4001, "bye") && gate(&r));
    CHECK(expect(&r, SLV_FRAME_SOCKET_CLOSE, OBJECT, &frame));
    CHECK(slv_msg_socket_close_get(frame.payload, &closing) == SLV_OK && closing.code == 4001);
    CHECK(commits(&r, 1, &m) && expect(&r, SLV_FRAME_END, 3, &frame));
}

TAP_MAIN()
