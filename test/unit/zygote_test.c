/*
 * Isolates from a zygote: the same as those by exec, sooner, and with nothing shared by accident.
 * The test program is main, zygote and isolate. One zygote serves all tests, because it takes
 * eleven seconds to become quiet.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool/zygote.h"
#include "rt/roles.h"
#include "support/pool_rig.h"

static const char script[] =
    "const handler = { async scheduled(c) {\n"
    "  if (c.cron === 'random') console.log(Math.random() + ' ' + crypto.randomUUID() + ' ' + "
    "crypto.getRandomValues(new Uint8Array(4)));\n"
    "  if (c.cron === 'hold') await new Promise(r => setTimeout(r, 60000));\n"
    "  if (c.cron === 'loop') for (;;);\n"
    "  if (c.cron === 'work') {\n"
    "    let kept = []; for (let i = 0; i < 2e5; i++) { const o = {i, s: 'x' + i}; if (i % 1000 "
    "=== 0) kept.push(o); }\n"
    "    for (let i = 0; i < 1000; i++) await 0;\n"
    "    console.log(kept.length + /b+/.exec('abbb')[0]);\n"
    "  }\n"
    "} };\n"
    "return { get default() { return handler; } };\n";

static bool quiet(void *arg)
{
    (void)arg;
    return slv_pool_forks(pool);
}

static bool set_quiet(void)
{
    return slv_loop_run_until(loop, quiet, NULL, 40000);
}

/* A pool whose zygote is quiet. */
static bool set_up_quiet(unsigned cap)
{
    if (!set_up(cap, 0, false))
        return false;
    return set_quiet();
}

static bool set_up_quiet_with_spare(unsigned cap)
{
    if (!set_up(cap, 0, true))
        return false;
    return slv_loop_run_until(loop, quiet, NULL, 40000);
}

TEST(until_it_is_quiet_isolates_start_by_exec)
{
    slv_version *v = version_of(script, 128);
    slv_pool_stats stats;
    try_event t = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&t, v, "work", 0);
    CHECK(wait_over(&t));
    CHECK(t.ended);
    slv_pool_get_stats(pool, &stats);
    CHECK_INT(stats.started_exec, 1);
    CHECK_INT(stats.started_zygote, 0);
    tap_note("by exec: %llu us to READY", (unsigned long long)stats.last_start_us);
    CHECK(tear_down(v));
}

TEST(a_quiet_zygote_forks_isolates_that_work)
{
    slv_version *v = version_of(script, 128);
    slv_pool_stats stats;

    CHECK(v && set_up_quiet(1));
    for (unsigned i = 0; i < 3; i++) {
        slv_version *w = version_of(script, 128);
        try_event t = {0};

        (void)start(&t, w, "work", 0);
        CHECK(wait_over(&t));
        if (!t.ended)
            tap_failed(__FILE__, __LINE__, "%s", t.text);
        CHECK_STR(slv_str_from(last_log), SLV_STR("200bbb"));
        slv_pool_get_stats(pool, &stats);
        tap_note("by zygote: %llu us to READY", (unsigned long long)stats.last_start_us);
        slv_version_unref(w);
    }
    CHECK_INT(stats.started_zygote, 3);
    CHECK_INT(stats.started_exec, 0);
    CHECK(tear_down(v));
}

TEST(limits_hold_in_a_forked_isolate)
{
    slv_version *v = version_of(script, 128);
    try_event hold = {0}, t = {0}, next = {0};

    CHECK(v && set_up_quiet(1));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    (void)start(&t, v, "loop", 50);
    CHECK(wait_over(&t));
    CHECK(t.lost);
    CHECK_INT(t.why, SLV_LOST_CPU);
    CHECK_INT(hold.why, SLV_LOST_NEIGHBOUR);
    (void)start(&next, v, "work", 0);
    CHECK(wait_over(&next));
    CHECK(next.ended);
    CHECK(tear_down(v));
}

/* Every eventfd has the same name; its number stands in fdinfo. */
static void name_eventfd(pid_t pid, const char *name, char *out, size_t size)
{
    char path[300], line[100];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", (int)pid, name);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "eventfd-id:", 11) == 0)
            snprintf(out, size, "eventfd:%s", line + 11);
    }
    if (f)
        fclose(f);
}

/* Where descriptor `name` of that process leads. */
static bool target_of(pid_t pid, const char *name, char *out, size_t size)
{
    char path[300];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, name);
    n = readlink(path, out, size - 1);
    out[n > 0 ? n : 0] = 0;
    if (strcmp(out, "anon_inode:[eventfd]") == 0)
        name_eventfd(pid, name, out, size);
    return n > 0;
}

/* True when b holds a descriptor that is the very one of a. */
static bool shares(pid_t a, pid_t b)
{
    char path[64], one[256], other[256];
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)a);
    dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] == '.' || !target_of(a, e->d_name, one, sizeof one))
            continue;
        /* sockets, pipes and statm carry their identity in the name */
        if (strncmp(one, "socket:", 7) != 0 && strncmp(one, "pipe:", 5) != 0 &&
            strncmp(one, "eventfd:", 8) != 0 && !strstr(one, "/statm"))
            continue;
        for (int fd = 0; fd < 64; fd++) {
            char name[16];

            snprintf(name, sizeof name, "%d", fd);
            if (target_of(b, name, other, sizeof other) && strcmp(one, other) == 0) {
                tap_note("both hold %s", one);
                found = true;
            }
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

TEST(siblings_share_no_descriptor_and_no_randomness)
{
    slv_version *v = version_of(script, 128), *w = version_of(script, 128);
    try_event a = {0}, b = {0};
    char first[300], net[2][64], path[64];
    pid_t pids[2];

    CHECK(v && w && set_up_quiet(1));
    (void)start(&a, v, "random", 0);
    CHECK(wait_over(&a));
    snprintf(first, sizeof first, "%s", last_log);
    (void)start(&b, w, "random", 0);
    CHECK(wait_over(&b));
    CHECK(a.ended && b.ended);
    tap_note("%s | %s", first, last_log);
    CHECK(strlen(first) > 40);
    CHECK(strncmp(first, last_log, 8) != 0);                         /* Math.random */
    CHECK(strcmp(strchr(first, ' '), strchr(last_log, ' ')) != 0);   /* randomUUID */
    CHECK(strcmp(strrchr(first, ' '), strrchr(last_log, ' ')) != 0); /* getRandomValues */
    pids[0] = slv_isolate_pid(a.e.isolate);
    pids[1] = slv_isolate_pid(b.e.isolate);
    CHECK(pids[0] > 0 && pids[1] > 0 && pids[0] != pids[1]);
    CHECK(!shares(pids[0], pids[1]));
    for (unsigned i = 0; i < 2; i++) {
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/ns/net", (int)(i ? getpid() : pids[0]));
        n = readlink(path, net[i], 63);
        net[i][n > 0 ? n : 0] = 0;
    }
    CHECK(strcmp(net[0], net[1]) != 0 || !slv_zygote_has_namespaces(rig_zygote));
    tap_note("namespaces of their own: %s", slv_zygote_has_namespaces(rig_zygote) ? "yes" : "no");
    slv_version_unref(w);
    CHECK(tear_down(v));
}

static bool has_app(void *arg)
{
    (void)arg;
    return slv_pool_app_quiet(pool, (slv_version *)arg);
}

static bool app_has_forked(void *arg)
{
    slv_pool_stats stats;

    (void)arg;
    slv_pool_get_stats(pool, &stats);
    return stats.started_app_zygote >= 1;
}

TEST(a_busy_version_gets_an_app_zygote_that_forks_ready_instances)
{
    slv_version *v = version_of(script, 128);
    try_event hold[4] = {0}, t = {0};
    slv_pool_stats stats;

    CHECK(v && set_up_quiet_with_spare(8));
    for (unsigned i = 0; i < 2; i++) {
        hold[i].e.flags = SLV_POOL_APART;
        (void)start(&hold[i], v, "hold", 0);
        CHECK(slv_loop_run_until(loop, has_isolate, &hold[i], 20000));
    }
    CHECK(slv_loop_run_until(loop, has_app, v, 40000));
    for (unsigned i = 2; i < 4; i++) {
        hold[i].e.flags = SLV_POOL_APART;
        (void)start(&hold[i], v, i == 2 ? "random" : "hold", 0);
        CHECK(slv_loop_run_until(loop, has_isolate, &hold[i], 20000));
        slv_pool_get_stats(pool, &stats);
        tap_note("by app zygote: %llu us to READY", (unsigned long long)stats.last_start_us);
    }
    CHECK(wait_over(&hold[2]));
    if (!hold[2].ended)
        tap_failed(__FILE__, __LINE__, "%s", hold[2].text);
    tap_note("%s", last_log);
    CHECK(slv_loop_run_until(loop, app_has_forked, NULL, 20000)); /* a spare may have come first */
    t.e.flags = SLV_POOL_APART;
    (void)start(&t, v, "loop", 50); /* limits hold there too */
    CHECK(wait_over(&t));
    CHECK_INT(t.why, SLV_LOST_CPU);
    CHECK(tear_down(v));
}

static bool is_over_or_lost(void *arg)
{
    return over(arg);
}

TEST(the_end_of_a_zygote_is_survived)
{
    slv_version *v = version_of(script, 128);
    try_event hold = {0}, next = {0};
    slv_pool_stats stats;

    CHECK(v && set_up_quiet(1));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    CHECK(kill(slv_zygote_pid(rig_zygote), SIGKILL) == 0);
    (void)slv_loop_run_until(loop, is_over_or_lost, &hold, 2000);
    (void)start(&next, v, "work", 0);
    CHECK(wait_over(&next));
    CHECK(next.ended);
    slv_pool_get_stats(pool, &stats);
    CHECK(stats.started_exec + stats.started_zygote >= 1);
    CHECK(tear_down(v));
    CHECK(set_up_quiet(1)); /* another one has taken its place */
    {
        slv_version *w = version_of(script, 128);
        try_event t = {0};

        (void)start(&t, w, "work", 0);
        CHECK(wait_over(&t));
        slv_pool_get_stats(pool, &stats);
        CHECK_INT(stats.started_zygote, 1);
        CHECK(tear_down(w));
    }
}

/* ---- main is killed ---- */

/* Another main: one isolate by exec and one by a fork, both in a loop, and the zygote. Prints their
 * pids and waits. */
static int victim_main(void)
{
    slv_zygote_options options = {0};
    slv_version *v = version_of(script, 128), *w = version_of(script, 128);
    try_event a = {0}, b = {0}, never = {0};

    rig_zygote = slv_zygote_new(&options);
    if (!set_up(1, 0, false))
        return 1;
    (void)start(&a, v, "loop", 600000);
    if (!slv_loop_run_until(loop, has_isolate, &a, 20000) || !set_quiet())
        return 2;
    (void)start(&b, w, "loop", 600000);
    if (!slv_loop_run_until(loop, has_isolate, &b, 20000))
        return 3;
    (void)slv_loop_run_until(loop, over, &never, 200); /* both are in their loops */
    printf("%d %d %d\n", (int)slv_isolate_pid(a.e.isolate), (int)slv_isolate_pid(b.e.isolate),
           (int)slv_zygote_pid(rig_zygote));
    fflush(stdout);
    (void)slv_loop_run_until(loop, over, &never, 60000);
    return 0;
}

/* Running, not merely waiting to be reaped. */
static bool runs(int pid)
{
    char path[64], text[64] = "";
    FILE *f;

    if (kill(pid, 0) != 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (f) {
        size_t n = fread(text, 1, sizeof text - 1, f);

        text[n] = 0;
        fclose(f);
    }
    return text[0] && strstr(text, ") Z") == NULL && strstr(text, ") X") == NULL;
}

TEST(nothing_outlives_main)
{
    char line[100] = "";
    int fds[2], pids[3] = {0}, waited;
    FILE *out;
    pid_t pid;

    CHECK(pipe(fds) == 0);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        close(fds[0]);
        close(fds[1]);
        execl("/proc/self/exe", "zygote_test", "__victim", (char *)NULL);
        _exit(9);
    }
    close(fds[1]);
    out = fdopen(fds[0], "r");
    CHECK(out && fgets(line, sizeof line, out));
    CHECK(sscanf(line, "%d %d %d", &pids[0], &pids[1], &pids[2]) == 3);
    for (unsigned i = 0; i < 3; i++)
        CHECK(pids[i] > 1 && runs(pids[i]));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    fclose(out);
    for (waited = 0; waited < 5000 && (runs(pids[0]) || runs(pids[1]) || runs(pids[2]));
         waited += 10)
        (void)poll(NULL, 0, 10);
    CHECK(!runs(pids[0]));
    CHECK(!runs(pids[1]));
    CHECK(!runs(pids[2]));
    tap_note("all gone %d ms after main", waited);
}

static pid_t plain_user;

/* A zygote of its own becomes quiet, which takes seconds in which nothing is to be done: main()
 * begins this before the first test. */
static void start_plain_user(void)
{
    plain_user = fork();
    if (plain_user == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, 1);
        if (setgroups(0, NULL) != 0 || setresgid(1000, 1000, 1000) != 0 ||
            setresuid(1000, 1000, 1000) != 0)
            _exit(8);
        execl("/proc/self/exe", "zygote_test", "siblings", (char *)NULL);
        _exit(9);
    }
}

TEST(a_plain_user_gets_the_same)
{
    int status = -1;

    if (geteuid() != 0) {
        tap_skip("this is one");
        return;
    }
    if (plain_user == 0)
        start_plain_user();
    CHECK(plain_user > 0 && waitpid(plain_user, &status, 0) == plain_user);
    CHECK_INT(status, 0);
}

int main(int argc, char **argv)
{
    slv_zygote_options options = {0};
    int status;

    (void)signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    if (argc > 1 && strcmp(argv[1], "__victim") == 0)
        return victim_main();
    if (argc == 1 && geteuid() == 0)
        start_plain_user();
    rig_zygote = slv_zygote_new(&options);
    status = tap_main(argc, argv);
    slv_zygote_free(rig_zygote);
    return status;
}
