/*
 * The limits against the real engine: each way to burn CPU and each way to take memory, with an
 * innocent event beside it. The test program is the isolate itself (role __isolate).
 */
#include <signal.h>
#include <string.h>

#include "rt/roles.h"
#include "support/pool_rig.h"

/* One handler; the cron text picks what it does. `hold` waits for a timer that is far away. */
static const char script[] =
    "const kept = [];\n"
    "const wasm = (name) => new WebAssembly.Instance(__selvage.data(name)).exports;\n"
    "const acts = {\n"
    "  ok() {},\n"
    "  hold() { return new Promise(r => setTimeout(r, 60000)); },\n"
    "  loop() { for (;;); },\n"
    "  microtasks() { return new Promise(() => { const f = () => Promise.resolve().then(f); f(); "
    "}); },\n"
    "  async awaits() { for (;;) await 0; },\n"
    "  wasm() { wasm('loop.wasm').f(); },\n"
    "  regex() { /a*a*a*a*b/.test('a'.repeat(20000)); },\n"
    "  exponential() { for (;;) /(a+)+$/.test('a'.repeat(40) + 'b'); },\n"
    "  sort() { for (;;) Array.from({length: 1e6}, (_, i) => -i).sort((a, b) => a - b); },\n"
    "  json() { const o = Array.from({length: 1000}, (_, i) => ({i})); for (;;) "
    "JSON.parse(JSON.stringify(o)); },\n"
    "  objects() { for (;;) kept.push({a: kept.length, b: [1, 2, 3]}); },\n"
    "  strings() { for (let i = 0;; i++) kept.push('x'.repeat(1000) + i + Math.sqrt(i), "
    "JSON.stringify({i, s: 'y'.repeat(5000)})); },\n"
    "  buffers() { for (;;) { const b = new Uint8Array(1 << 20); b.fill(1); kept.push(b); } },\n"
    "  wasmMemory() { const m = wasm('memory.wasm').m; for (;;) "
    "{ m.grow(16); new Uint8Array(m.buffer).fill(1); } },\n"
    "  some() { for (let i = 0; i < 60; i++) { const b = new Uint8Array(1 << 20); b.fill(1); "
    "kept.push(b); } },\n"
    "  garbage() { for (let i = 0; i < 600; i++) { const b = new Uint8Array(1 << 20); b.fill(1); } "
    "},\n"
    "  async garbageObjects() { for (let i = 0; i < 3e6; i++) { ({a: i, b: [1, 2, 3], c: 'x' + "
    "i}); if (i % 1e5 === 0) await 0; } },\n"
    "  async much() { for (let i = 0; i < 140; i++) { const b = new Uint8Array(1 << 20); "
    "b.fill(1); "
    "kept.push(b); } await new Promise(r => setTimeout(r, 1500)); },\n"
    "  work() { const t = []; for (let i = 0; i < 3e5; i++) t.push(i * 2); t.sort(); },\n"
    "  async steps() { for (let i = 0; i < 2000; i++) { await new Promise(r => setTimeout(r, 1)); "
    "for (let j = 0; j < 3e6; j++); } },\n"
    "};\n"
    "const handler = { async scheduled(c) { await acts[c.cron](); } };\n"
    "return { get default() { return handler; } };\n";

/* (func (export "f") (loop (br 0))) and (memory (export "m") 1) */
static const unsigned char loop_wasm[] = {0, 97, 115, 109, 1, 0, 0, 0,  1,  4, 1,   96,
                                          0, 0,  3,   2,   1, 0, 7, 5,  1,  1, 102, 0,
                                          0, 10, 9,   1,   7, 0, 3, 64, 12, 0, 11,  11};
static const unsigned char memory_wasm[] = {0, 97, 115, 109, 1, 0, 0, 0,   5, 3,
                                            1, 0,  1,   7,   5, 1, 1, 109, 2, 0};

static bool ended_well(void *arg)
{
    return ((const try_event *)arg)->ended;
}

/* what: burns; hold: beside it; the isolate must end for `why`, and a fresh one must answer. */
static void overrun(const char *what, uint64_t cpu_ms, slv_lost why)
{
    slv_version *v = version_of(script, 128);
    try_event hold = {0}, burn = {0}, next = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    (void)start(&burn, v, what, cpu_ms);
    if (!wait_over(&burn))
        tap_failed(__FILE__, __LINE__, "%s goes on", what);
    CHECK(burn.lost);
    if (burn.why != why)
        tap_failed(__FILE__, __LINE__, "%s: %s", what, burn.text);
    CHECK(hold.lost);
    CHECK_INT(hold.why, SLV_LOST_NEIGHBOUR);
    tap_note("%s: %llu ms charged, %llu to the neighbour: %s", what,
             (unsigned long long)burn.cpu_us / 1000, (unsigned long long)hold.cpu_us / 1000,
             burn.text);
    if (why == SLV_LOST_CPU)
        CHECK(burn.cpu_us >= cpu_ms * 1000 && hold.cpu_us < 60000);
    (void)start(&next, v, "ok", 0);
    CHECK(wait_over(&next));
    CHECK(next.ended);
    CHECK(tear_down(v));
}

#define CPU_TEST(name)                                                                             \
    TEST(cpu_of_##name##_is_limited)                                                               \
    {                                                                                              \
        overrun(#name, 100, SLV_LOST_CPU);                                                         \
    }
CPU_TEST(loop)
CPU_TEST(microtasks)
CPU_TEST(awaits)
CPU_TEST(wasm)
CPU_TEST(regex)
CPU_TEST(exponential)
CPU_TEST(sort)
CPU_TEST(json)

#define MEMORY_TEST(name)                                                                          \
    TEST(memory_of_##name##_is_limited)                                                            \
    {                                                                                              \
        overrun(#name, 20000, SLV_LOST_MEMORY);                                                    \
    }
MEMORY_TEST(objects)
MEMORY_TEST(strings)
MEMORY_TEST(buffers)
MEMORY_TEST(wasmMemory)

TEST(turns_add_up_over_the_life_of_an_event)
{
    slv_version *v = version_of(script, 128);
    try_event t = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&t, v, "steps", 150);
    CHECK(wait_over(&t));
    CHECK(t.lost);
    CHECK_INT(t.why, SLV_LOST_CPU);
    CHECK(tear_down(v));
}

TEST(what_stays_below_the_limits_ends_well)
{
    static const char *const fine[] = {"ok", "work", "some", "garbage", "garbageObjects", "ok"};
    slv_version *v = version_of(script, 128);
    slv_pool_stats stats;

#ifdef __SANITIZE_ADDRESS__
    slv_version_unref(v);
    tap_skip("the sanitizer's own memory counts as the isolate's");
    return;
#endif
    CHECK(v && set_up(1, 0, false));
    for (size_t i = 0; i < SLV_ARRAY_LEN(fine); i++) {
        try_event t = {0};

        (void)start(&t, v, fine[i], 0);
        if (!slv_loop_run_until(loop, ended_well, &t, 30000)) {
            tap_failed(__FILE__, __LINE__, "%s: %s (%s)", fine[i], t.text, last_log);
            return;
        }
        slv_pool_get_stats(pool, &stats);
        tap_note("%s: %llu ms CPU, isolate %llu MB, start %llu us", fine[i],
                 (unsigned long long)t.e.cpu_us / 1000, (unsigned long long)stats.rss_bytes >> 20,
                 (unsigned long long)stats.last_start_us);
    }
    CHECK_INT(opened, 1);
    CHECK(tear_down(v));
}

static bool another_isolate(void *arg)
{
    (void)arg;
    return opened > 1;
}

static bool one_is_gone(void *arg)
{
    (void)arg;
    return gone > 0;
}

/* More lives than is allowed, and nothing takes more: who is open may finish, who comes is given a
 * fresh isolate, and the old one ends. */
TEST(an_isolate_above_its_limit_is_replaced)
{
    slv_version *v = version_of(script, 128);
    try_event much = {0};
    bool replaced = false;

#ifdef __SANITIZE_ADDRESS__
    slv_version_unref(v);
    tap_skip("the sanitizer's own memory counts as the isolate's");
    return;
#endif
    CHECK(v && set_up(1, 0, false));
    (void)start(&much, v, "much", 0);
    for (int i = 0; i < 1000 && !much.ended && !replaced; i++) {
        try_event next = {0};

        (void)start(&next, v, "ok", 0);
        CHECK(slv_loop_run_until(loop, ended_well, &next, 30000));
        replaced = another_isolate(NULL);
    }
    CHECK(slv_loop_run_until(loop, ended_well, &much, 30000));
    CHECK(replaced);
    CHECK_INT(gone, 0);
    CHECK(slv_loop_run_until(loop, one_is_gone, NULL, 20000));
    CHECK_INT(opened, 2);
    CHECK(tear_down(v));
}

/* Garbage comes and goes beside what lives, for longer than any of it fits. */
TEST(garbage_does_not_count)
{
    slv_version *v = version_of(script, 128);
    try_event some = {0};

#ifdef __SANITIZE_ADDRESS__
    slv_version_unref(v);
    tap_skip("the sanitizer's own memory counts as the isolate's");
    return;
#endif
    CHECK(v && set_up(1, 0, false));
    (void)start(&some, v, "some", 0);
    CHECK(slv_loop_run_until(loop, ended_well, &some, 30000));
    for (int i = 0; i < 6; i++) {
        try_event t = {0};

        (void)start(&t, v, i % 2 ? "garbage" : "garbageObjects", 0);
        if (!slv_loop_run_until(loop, ended_well, &t, 30000)) {
            tap_failed(__FILE__, __LINE__, "%s", t.text);
            return;
        }
    }
    CHECK_INT(opened, 1);
    CHECK(tear_down(v));
}

/* A loop whose event passes its wall time first is not sampled any more: its isolate must go. */
TEST(a_turn_that_outlives_its_event_is_ended)
{
    slv_version *v = version_of(script, 128);
    try_event ok = {0}, loop_event = {.e = {.wall_limit_ms = 300}}, next = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&ok, v, "ok", 0);
    CHECK(wait_over(&ok));
    (void)start(&loop_event, v, "loop", 600000);
    CHECK(wait_over(&loop_event));
    CHECK_INT(loop_event.why, SLV_LOST_WALL);
    CHECK(slv_loop_run_until(loop, one_is_gone, NULL, 20000));
    (void)start(&next, v, "ok", 0);
    CHECK(wait_over(&next));
    CHECK(next.ended);
    CHECK_INT(opened, 2);
    CHECK(tear_down(v));
}

TEST(module_scope_has_its_own_limit)
{
    slv_version *v = version_of("for (;;);", 128);
    try_event t = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&t, v, "ok", 0);
    CHECK(wait_over(&t));
    CHECK(t.refused);
    CHECK_INT(t.code, SLV_E_LIMIT);
    CHECK(tear_down(v));
}

TEST(a_throwing_module_scope_is_reported)
{
    slv_version *v = version_of("throw new TypeError('not today');", 128);
    try_event t = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&t, v, "ok", 0);
    CHECK(wait_over(&t));
    CHECK(t.refused);
    CHECK_INT(t.code, SLV_E_JS);
    CHECK(strstr(t.text, "not today"));
    CHECK(tear_down(v));
}

int main(int argc, char **argv)
{
    const slv_module modules[] = {
        {SLV_STR("loop.wasm"), SLV_MODULE_WASM, slv_str_make(loop_wasm, sizeof loop_wasm)},
        {SLV_STR("memory.wasm"), SLV_MODULE_WASM, slv_str_make(memory_wasm, sizeof memory_wasm)}};
    int status;

    rig_modules = modules;
    rig_module_count = SLV_ARRAY_LEN(modules);
    (void)signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    return tap_main(argc, argv);
}
