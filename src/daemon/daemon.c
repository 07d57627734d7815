/* The roles of the processes of a server, and how one starts another. */
#include "daemon/daemon.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon_int.h"

static const char *const role_names[] = {
    [SLV_DAEMON_MAIN] = "main", [SLV_DAEMON_NEXT] = "next", [SLV_DAEMON_ADOPTER] = "adopter"};

slv_code slv_daemon_role_parse(slv_str text, slv_daemon_options *ret, slv_err *err)
{
    slv_str name;

    if (slv_str_split(&text, ':', &name) && text.ptr)
        for (unsigned i = SLV_DAEMON_MAIN; i < SLV_ARRAY_LEN(role_names); i++)
            if (slv_str_is(name, role_names[i])) {
                ret->role = (slv_daemon_role)i;
                ret->handed = text;
                return SLV_OK;
            }
    return slv_fail(err, SLV_E_INVAL, "--as is for selvage itself, not for people");
}

slv_code slv_daemon_spawn(const slv_daemon_options *o, slv_daemon_role role,
                          const slv_listeners *listeners, int heir, slv_loop *loop, slv_proc *proc,
                          slv_link *link, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf as = SLV_BUF(4096);
    const char *argv[SLV_DAEMON_ARGS_MAX + 2];
    int fds[SLV_DAEMON_FIRST_FD + SLV_LISTENERS_MAX + 1] = {0, 1, 2}, ends[2];
    size_t n = 0, count = SLV_DAEMON_FIRST_FD + listeners->count;
    slv_code code;

    SLV_TRY(slv_buf_printf(&as, "--as=%s:", role_names[role]));
    SLV_TRY(slv_listeners_put(listeners, &as));
    while (o->argv[n] && n < SLV_DAEMON_ARGS_MAX) {
        argv[n] = o->argv[n];
        n++;
    }
    argv[n++] = slv_buf_cstr(&as);
    argv[n] = NULL;
    SLV_TRY(slv_link_pair(ends, err));
    fds[SLV_DAEMON_LINK_FD] = ends[1];
    for (size_t i = 0; i < listeners->count; i++)
        fds[SLV_DAEMON_FIRST_FD + i] = listeners->items[i].fd;
    if (role == SLV_DAEMON_NEXT)
        fds[count++] = heir;
    const slv_proc_options options = {
        .path = o->program,
        .argv = argv,
        .fds = fds,
        .fd_count = (unsigned)count,
    };
    code = slv_proc_start(proc, loop, &options, err);
    close(ends[1]);
    if (code != SLV_OK) {
        close(ends[0]);
        return code;
    }
    return slv_link_start(link, loop, ends[0], err);
}

void slv_daemon_log_level(const slv_serve_config *c)
{
    static const struct {
        const char *name;
        slv_log_level level;
    } levels[] = {{"none", SLV_LOG_NONE},
                  {"error", SLV_LOG_ERROR},
                  {"warn", SLV_LOG_WARN},
                  {"info", SLV_LOG_INFO},
                  {"debug", SLV_LOG_DEBUG}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(levels); i++)
        if (slv_str_is(c->log_level, levels[i].name))
            slv_log_set_level(levels[i].level);
}

slv_code slv_daemon_run(const slv_daemon_options *o, slv_err *err)
{
    slv_daemon_log_level(o->config);
    if (o->role == SLV_DAEMON_MAIN || o->role == SLV_DAEMON_NEXT)
        return slv_daemon_main(o, err);
    return slv_daemon_supervise(o, err);
}
