/*
 * dynamodb: the table store alone, as a server for programs that speak DynamoDB.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "aio/signal.h"
#include "api/dynamo.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/term.h"
#include "cli/verbs.h"

#define DEFAULT_PORT 8000
#define DEFAULT_STATE ".selvage/state"
#define MEMORY_DIRS "/dev/shm", "/tmp"
#define MEMORY_PREFIX "selvage-dynamodb-"
#define TREE_DEPTH 8

static const slv_flag flags[] = {
    {"port", SLV_FLAG_NUMBER, 0, "PORT", "port to listen on (8000); 0 takes a free one"},
    {"ip", SLV_FLAG_STRING, 0, "ADDRESS", "address to listen on (localhost)"},
    {"persist-to", SLV_FLAG_STRING, 0, "DIR", "directory for the tables (.selvage/state)"},
    {"in-memory", SLV_FLAG_BOOL, 0, NULL, "keep the tables in memory, until the server ends"},
    {"verify-signatures", SLV_FLAG_BOOL, 0, NULL,
     "take only requests signed with 'selvage dynamodb credentials' (on beyond this machine)"},
    {"cors", SLV_FLAG_BOOL, 0, NULL, "--no-cors: pages of other machines may not ask"},
    {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},
    /* as DynamoDB Local calls them */
    {"db-path", SLV_FLAG_STRING, 0, "DIR", NULL},
    {"shared-db", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"delay-transient-statuses", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"optimize-db-before-startup", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"disable-telemetry", SLV_FLAG_BOOL, 0, NULL, NULL},
};

typedef struct server {
    slv_loop *loop;
    slv_state *state;
    slv_dynamo_face *face;
    slv_dynamo_http *http;
    slv_dynamo_listener *listener;
    slv_signal on_int, on_term;
    char *memory; /* a directory that goes with the server; NULL: none */
} server;

static void on_signal(slv_signal *sig, int number, server *s)
{
    (void)sig;
    (void)number;
    slv_loop_stop(s->loop);
}

static void on_int(slv_signal *sig, int number)
{
    on_signal(sig, number, slv_container_of(sig, server, on_int));
}

static void on_term(slv_signal *sig, int number)
{
    on_signal(sig, number, slv_container_of(sig, server, on_term));
}

/* ---- tables in memory ---- */

/* The directory and what is in it; depth ends what cannot be. */
static void remove_tree(int above, const char *name, int depth)
{
    int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        (void)unlinkat(above, name, 0);
        return;
    }
    while (depth > 0 && (e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_tree(fd, e->d_name, depth - 1);
    (void)closedir(dir);
    (void)unlinkat(above, name, AT_REMOVEDIR);
}

/* What a server that was killed has left: its lock is there, and nobody has it. */
static void remove_left_over(const char *above)
{
    DIR *dir = opendir(above);
    struct dirent *e;

    while (dir && (e = readdir(dir)) != NULL) {
        SLV_CLEANUP(slv_charp_free) char *lock = NULL;

        if (strncmp(e->d_name, MEMORY_PREFIX, sizeof MEMORY_PREFIX - 1) != 0 ||
            asprintf(&lock, "%s/lock", e->d_name) < 0)
            continue;
        int fd = openat(dirfd(dir), lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue; /* of another user, or about to be made */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            remove_tree(dirfd(dir), e->d_name, TREE_DEPTH);
        (void)close(fd);
    }
    if (dir)
        (void)closedir(dir);
}

static char *make_memory_dir(void)
{
    static const char *const above[] = {MEMORY_DIRS};

    for (size_t i = 0; i < SLV_ARRAY_LEN(above); i++) {
        char *path = slv_path_join(above[i], SLV_STR(MEMORY_PREFIX "XXXXXX"));

        remove_left_over(above[i]);
        if (mkdtemp(path))
            return path;
        free(path);
    }
    return NULL;
}

/* ---- the server ---- */

static slv_code open_state(server *s, const slv_args *a, slv_err *err)
{
    const slv_state_options options = {.control = s->loop};
    const char *dir = slv_args_string(a, "persist-to");

    if (!dir)
        dir = slv_args_string(a, "db-path");
    if (slv_args_bool(a, "in-memory", false)) {
        if (dir)
            return slv_fail(err, SLV_E_INVAL, "--in-memory and --persist-to exclude each other");
        s->memory = make_memory_dir();
        if (!s->memory)
            return slv_fail_errno(err, SLV_E_IO, "--in-memory: no directory could be made");
        dir = s->memory;
    }
    slv_err why = {0};
    slv_code code = slv_state_open(dir ? dir : DEFAULT_STATE, &options, &s->state, &why);
    if (code == SLV_E_STATE)
        return slv_fail(err, code,
                        "%s; while 'selvage dev' runs, its tables are at its address followed by "
                        "%s",
                        slv_err_text(&why), SLV_DYNAMO_PATH);
    return code == SLV_OK ? SLV_OK : slv_fail(err, code, "%s", slv_err_text(&why));
}

static bool is_loopback(const char *ip)
{
    return !ip || strcmp(ip, "localhost") == 0 || strncmp(ip, "127.", 4) == 0 ||
           strcmp(ip, "::1") == 0;
}

static slv_code listen_at(server *s, const slv_args *a, slv_err *err)
{
    const char *ip = slv_args_string(a, "ip");
    const slv_dynamo_face_options face = {.state = s->state};
    slv_dynamo_http_options http = {
        .verify = slv_args_bool(a, "verify-signatures", !is_loopback(ip)),
        .any_page = slv_args_bool(a, "cors", true),
    };
    uint64_t port;
    uint16_t used;

    SLV_TRY(slv_args_number(a, "port", 0, 65535, DEFAULT_PORT, &port, err));
    s->face = slv_dynamo_face_new(&face);
    http.face = s->face;
    s->http = slv_dynamo_http_new(&http);
    SLV_TRY(slv_dynamo_http_listen(s->http, s->loop, slv_str_from(ip ? ip : "localhost"),
                                   (uint16_t)port, &s->listener, &used, err));
    bool six = ip && strchr(ip, ':');
    printf("DynamoDB is ready on http://%s%s%s:%u%s\n", six ? "[" : "", ip ? ip : "localhost",
           six ? "]" : "", used, http.verify ? "" : " (any signature is accepted)");
    return fflush(stdout) == 0 ? SLV_OK : SLV_E_IO;
}

static slv_code run(server *s, const slv_args *a, slv_err *err)
{
    const char *cwd = slv_args_string(a, "cwd");

    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "--cwd %s", cwd);
    SLV_TRY(slv_loop_new(&s->loop, err));
    s->on_int.fn = on_int;
    s->on_term.fn = on_term;
    SLV_TRY(slv_signal_start(&s->on_int, s->loop, SIGINT, err));
    SLV_TRY(slv_signal_start(&s->on_term, s->loop, SIGTERM, err));
    SLV_TRY(open_state(s, a, err));
    SLV_TRY(listen_at(s, a, err));
    slv_mem_settle();
    slv_loop_run(s->loop);
    return SLV_OK;
}

static int dynamodb_exec(const slv_args *a)
{
    server s = {0};
    slv_err err = {0};
    slv_code code = run(&s, a, &err);

    (void)slv_dynamo_listener_free(s.listener);
    if (s.state) { /* what was asked for comes back before those that asked go */
        slv_state_forget_loop(s.state, s.loop);
        slv_loop_stop(s.loop);
        slv_loop_run(s.loop);
    }
    (void)slv_dynamo_http_free(s.http);
    (void)slv_dynamo_face_free(s.face);
    (void)slv_state_free(s.state);
    slv_signal_stop(&s.on_int);
    slv_signal_stop(&s.on_term);
    slv_loop_free(s.loop);
    if (s.memory) {
        remove_tree(AT_FDCWD, s.memory, TREE_DEPTH);
        free(s.memory);
    }
    return code == SLV_OK ? 0 : slv_cmd_fail(a->cmd, &err);
}

const slv_cmd slv_cmd_dynamodb_verb = {
    .name = "dynamodb",
    .args = "",
    .usage = "serve DynamoDB tables alone",
    .flags = flags,
    .flag_count = SLV_ARRAY_LEN(flags),
    .max_positional = 0,
    .exec = dynamodb_exec,
};
