/*
 * Whether a fork of this engine, as it is on this machine, gives working children: run by a zygote
 * once, before its first real fork. That forking works is behaviour of the library, not a promise
 * of it.
 */
#include "rt/forktest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "rt/rt_int.h"

#define CHILDREN 2
#define TIME_MS 15000

/* Objects, strings, a collection's worth of garbage, a hot loop that gets compiled, promises, a
   regex and a wasm module (one function that adds): what must not hang or crash in a child. The
   answer is the work's result and a random number. */
static const char work[] =
    "(compile => {\n"
    "  let keep = [];\n"
    "  for (let i = 0; i < 60000; i++) { let o = {i, s: 'x' + i, a: [i, i + 1]}; if (i % 100 === "
    "0) keep.push(o); }\n"
    "  const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2);\n"
    "  const f = fib(22);\n"
    "  const m = /(\\d+)-(\\w+)/.exec('a 12-bc');\n"
    "  const wasm = new "
    "Uint8Array([0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,7,7,1,3,97,100,100,0,0,"
    "10,9,1,7,0,32,0,32,1,106,11]);\n"
    "  const add = new WebAssembly.Instance(compile(wasm)).exports.add;\n"
    "  globalThis.__forktest = 0;\n"
    "  (async () => { for (let i = 0; i < 1000; i++) { await 0; globalThis.__forktest++; } })();\n"
    "  return [keep.length, f, m[1], add(40, 2)].join() + '|' + Math.random();\n"
    "})";
static const char after[] =
    "(() => { const n = globalThis.__forktest; delete globalThis.__forktest; return '' + n; })";
static const char expected[] = "600,17711,12,42|";

/* Calls the function that text is. Gives its result, or the error, as text. */
static bool evaluate(slv_rt *rt, const char *text, char *out, size_t size)
{
    JSObjectRef compile = slv_rt_export(rt, "wasm", "compileModule");
    JSContextRef ctx = slv_js_context(rt->js);
    slv_err err = {.code = SLV_OK};
    JSValueRef fn, value = NULL, exc = NULL;
    bool ok = false;

    slv_js_enter(rt->js);
    fn = slv_js_eval(rt->js, slv_str_from(text), "forktest", 1, NULL, &err);
    if (fn) {
        const JSValueRef argv[] = {compile};

        value = slv_js_call(rt->js, (JSObjectRef)(size_t)fn, 1, argv, NULL, &err);
    }
    if (value) {
        SLV_TEXT(result);

        if (slv_js_text_arg(ctx, value, &result, &exc)) {
            snprintf(out, size, "%.*s", SLV_STR_ARGS(result.str));
            ok = true;
        }
    } else {
        snprintf(out, size, "%s", slv_err_text(&err));
    }
    slv_js_leave(rt->js);
    return ok;
}

/* In the child. Writes the random number, or an empty answer. */
static void child(slv_rt *rt, int fd)
{
    char result[128] = "", count[32] = "";
    size_t skip = sizeof expected - 1;
    ssize_t n;

    slv_hash_reseed();
    slv_rt_after_fork(rt);
    if (!evaluate(rt, work, result, sizeof result)) {
        dprintf(fd, "!%s", result);
        _exit(1);
    }
    slv_js_collect(rt->js);
    if (!evaluate(rt, after, count, sizeof count) || strcmp(count, "1000") != 0 ||
        strncmp(result, expected, skip) != 0)
        _exit(2);
    n = write(fd, result + skip, strlen(result + skip));
    _exit(n > 0 ? 0 : 3);
}

/* Reads what the child wrote until its end, or the time is over. */
static bool read_answer(int fd, uint64_t end_ms, char *out, size_t size)
{
    size_t len = 0;

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint64_t now = slv_clock_mono_ns() / 1000000;
        ssize_t n;

        if (now >= end_ms || (poll(&p, 1, (int)(end_ms - now)) <= 0 && errno != EINTR))
            return false;
        n = read(fd, out + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    out[len] = 0;
    return len > 0;
}

bool slv_forktest(slv_rt *rt, char *why, size_t size)
{
    char answers[CHILDREN][128] = {{0}};
    uint64_t end_ms = slv_clock_mono_ns() / 1000000 + TIME_MS;

    for (unsigned i = 0; i < CHILDREN; i++) {
        int fds[2], status = 0;
        bool answered;
        pid_t pid;

        if (pipe(fds) != 0) {
            snprintf(why, size, "pipe: %s", strerror(errno));
            return false;
        }
        pid = fork();
        if (pid == 0) {
            close(fds[0]);
            child(rt, fds[1]);
        }
        close(fds[1]);
        answered = pid > 0 && read_answer(fds[0], end_ms, answers[i], sizeof answers[i]);
        close(fds[0]);
        if (pid > 0) {
            (void)kill(pid, SIGKILL); /* our own child, not reaped yet: the number is its */
            (void)waitpid(pid, &status, 0);
        }
        if (!answered || answers[i][0] == '!') {
            snprintf(why, size, "a forked engine did not answer (status %#x)%s", status,
                     answers[i]);
            return false;
        }
    }
    if (strcmp(answers[0], answers[1]) == 0) {
        snprintf(why, size, "two forks draw the same random numbers");
        return false;
    }
    return true;
}
