#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "daemon/daemon.h"
#include "rt/title.h"

static const slv_flag serve_flags[] = {
    {"data", SLV_FLAG_STRING, 0, "DIR", "directory of everything that the server keeps"},
    {"config", SLV_FLAG_STRING, 'c', "FILE", "selvage.toml"},
    {"listen", SLV_FLAG_LIST, 0, "ADDRESS:PORT",
     "where requests to workers come in (127.0.0.1:8080); unix:PATH is a socket"},
    {"tls-listen", SLV_FLAG_LIST, 0, "ADDRESS:PORT", "the same for HTTPS"},
    {"control-listen", SLV_FLAG_LIST, 0, "ADDRESS:PORT",
     "where the control API is (127.0.0.1:8788)"},
    {"domain", SLV_FLAG_STRING, 0, "DOMAIN", "workers are at WORKER.DOMAIN (localhost)"},
    {"certificates", SLV_FLAG_STRING, 0, "DIR", "certificates and keys for HTTPS, PEM"},
    {"loops", SLV_FLAG_NUMBER, 0, "N", "loop threads (1)"},
    {"drain-seconds", SLV_FLAG_NUMBER, 0, "N", "how long open requests may take to end (30)"},
    {"upgrade-seconds", SLV_FLAG_NUMBER, 0, "N",
     "how long connections that an upgrade cannot hand over may go on (3600)"},
    {"allow-private", SLV_FLAG_BOOL, 0, NULL, "workers may reach private addresses"},
    {"allow-weak-sandbox", SLV_FLAG_BOOL, 0, NULL,
     "several accounts although this kernel has not all of the sandbox's floor"},
    {"as", SLV_FLAG_STRING, 0, "ROLE", NULL}, /* how its processes start each other */
};

typedef struct serve {
    const slv_args *args;
    slv_serve_config config[2]; /* the one in force, and the one that a reload reads */
    unsigned which;
    char *program;
    char *argv[SLV_DAEMON_ARGS_MAX + 1];
} serve;

/* Paths of flags are seen from the working directory, which stays as it is. */
static slv_code path_flag(slv_serve_config *c, const char *text, slv_str *ret)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(cwd ? cwd : "/", slv_str_from(text));

    return slv_arena_dup(&c->arena, slv_str_from(path), ret);
}

static slv_code list_flag(const slv_args *a, const char *name, slv_strs *ret, slv_err *err)
{
    const char *s;

    if (!slv_args_has(a, name))
        return SLV_OK;
    ret->count = 0;
    for (size_t i = 0; (s = slv_args_item(a, name, i)); i++) {
        if (i == SLV_SERVE_LIST_MAX)
            return slv_fail(err, SLV_E_LIMIT, "--%s has more than %d values", name,
                            SLV_SERVE_LIST_MAX);
        ret->items[ret->count++] = slv_str_from(s);
    }
    return SLV_OK;
}

/* Flags win over the file. */
static slv_code apply_flags(const slv_args *a, slv_serve_config *c, slv_err *err)
{
    SLV_TRY(list_flag(a, "listen", &c->listen, err));
    SLV_TRY(list_flag(a, "tls-listen", &c->tls_listen, err));
    SLV_TRY(list_flag(a, "control-listen", &c->control_listen, err));
    SLV_TRY(slv_args_number(a, "loops", 1, 64, c->loops, &c->loops, err));
    SLV_TRY(slv_args_number(a, "drain-seconds", 0, 3600, c->drain_seconds, &c->drain_seconds, err));
    SLV_TRY(slv_args_number(a, "upgrade-seconds", 0, 7 * 86400, c->upgrade_seconds,
                            &c->upgrade_seconds, err));
    if (slv_args_has(a, "domain"))
        c->domain = slv_str_from(slv_args_string(a, "domain"));
    if (slv_args_has(a, "certificates"))
        SLV_TRY(path_flag(c, slv_args_string(a, "certificates"), &c->tls_certificates));
    c->allow_private = slv_args_bool(a, "allow-private", c->allow_private);
    c->allow_weak_sandbox = slv_args_bool(a, "allow-weak-sandbox", c->allow_weak_sandbox);
    if (slv_args_has(a, "data"))
        SLV_TRY(path_flag(c, slv_args_string(a, "data"), &c->data));
    if (c->data.len == 0)
        return slv_fail(err, SLV_E_INVAL,
                        "name the directory that the server keeps everything in: --data DIR");
    return SLV_OK;
}

static slv_code load(void *arg, const slv_serve_config **ret, slv_err *err)
{
    serve *s = arg;
    slv_serve_config *c = &s->config[1 - s->which];

    slv_serve_config_done(c);
    SLV_TRY(slv_serve_config_load(slv_args_string(s->args, "config"), c, err));
    SLV_TRY(apply_flags(s->args, c, err));
    s->which = 1 - s->which;
    *ret = c;
    return SLV_OK;
}

/* The name on disk: after an upgrade another file is there. */
static char *program_path(void)
{
    static const char gone[] = " (deleted)";
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    slv_str s = slv_str_make(path, n > 0 ? (size_t)n : 0);

    if (slv_str_ends(s, slv_str_from(gone)))
        s.len -= sizeof gone - 1;
    return s.len > 0 ? slv_strndup(s.ptr, s.len) : slv_strdup("/proc/self/exe");
}

/* The flags as they were given, for the other processes; --as is theirs alone. */
static void same_arguments(serve *s)
{
    size_t n = 0;

    s->argv[n++] = slv_strdup("selvage");
    s->argv[n++] = slv_strdup("serve");
    for (size_t i = 0; i < s->args->flags.len && n < SLV_DAEMON_ARGS_MAX; i++) {
        const slv_arg *f = &s->args->flags.items[i];

        if (strcmp(f->flag->name, "as") == 0)
            continue;
        if (asprintf(&s->argv[n++], "--%s=%s", f->flag->name, f->value) < 0)
            abort();
    }
}

static slv_code run(serve *s, slv_err *err)
{
    const char *as = slv_args_string(s->args, "as");
    slv_daemon_options o = {.reload = load, .reload_arg = s, .title = slv_title_set};

    if (as)
        SLV_TRY(slv_daemon_role_parse(slv_str_from(as), &o, err));
    SLV_TRY(load(s, &o.config, err));
    s->program = program_path();
    same_arguments(s);
    o.program = s->program;
    o.argv = (const char *const *)s->argv;
    return slv_daemon_run(&o, err);
}

static int serve_exec(const slv_args *a)
{
    serve s = {.args = a};
    slv_err err = {0};
    slv_code code = run(&s, &err);

    slv_serve_config_done(&s.config[0]);
    slv_serve_config_done(&s.config[1]);
    for (size_t i = 0; s.argv[i]; i++)
        free(s.argv[i]);
    free(s.program);
    if (code == SLV_OK)
        return 0;
    /* What main could not do its supervisor tells. */
    return slv_args_has(a, "as") ? 1 : slv_cmd_fail(a->cmd, &err);
}

const slv_cmd slv_cmd_serve_verb = {
    .name = "serve",
    .args = "",
    .usage = "run a server that wrangler deploys to",
    .flags = serve_flags,
    .flag_count = SLV_ARRAY_LEN(serve_flags),
    .exec = serve_exec,
};
