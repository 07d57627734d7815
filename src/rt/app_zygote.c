/*
 * An app zygote: a worker's module scope evaluated once, in a process that forks instances of it.
 * It has run user code, so it is locked down like an isolate and may do one thing more, fork; its
 * children give that up. After READY it has no channel.
 *
 * Evaluating ahead is sound because module scope has no I/O, no random values and a clock that
 * stands at 0.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt/zygote_int.h"

int slv_app_zygote_life(zygote *z, pid_t parent)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_APP_ZYGOTE,
                                   .mode = slv_sandbox_mode_env(),
                                   .parent = parent,
                                   .filter = &z->app_filter};
    slv_page *page = mmap(NULL, SLV_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, SLV_PAGE_FD, 0);
    slv_sandbox_report report = {0};
    slv_err err = {.code = SLV_OK};
    slv_code code;

    z->app = true;
    z->state = SLV_ZYGOTE_WARMING;
    z->control = -1;
    z->tested = true; /* the base zygote's test holds for its forks */
    z->tasks = opendir("/proc/self/task");
    slv_vec_push(&z->conns, SLV_APP_FDS - 1);
    snprintf(z->text, sizeof z->text, "warming");
    slv_zygote_watch_children();
    if (page == MAP_FAILED || !z->tasks) {
        (void)slv_fail_errno(&err, SLV_E_IO, "app zygote");
        return slv_role_fail(&err);
    }
    if (slv_sandbox_enter(&options, &report, &err) != SLV_OK)
        return slv_role_fail(&err);
    z->layers = report.layers;
    code = slv_rt_preload(z->rt, SLV_CHANNEL_FD, page, &err);
    close(SLV_CHANNEL_FD);
    (void)munmap(page, SLV_PAGE_SIZE);
    close(SLV_PAGE_FD);
    if (code == SLV_E_JS) /* it has said so */
        return 0;
    if (code != SLV_OK)
        return slv_role_fail(&err);
    return slv_zygote_serve(z);
}
