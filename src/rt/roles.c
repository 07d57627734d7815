#include "rt/roles.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"
#include "rt/roles_int.h"
#include "rt/title.h"

bool slv_role_run(int argc, char **argv, int *ret_status)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } roles[] = {{"__isolate", slv_role_isolate},
                 {"__zygote", slv_role_zygote},
                 {"__rewrite", slv_role_rewrite},
                 {"__selftest", slv_role_selftest}};

    if (argc > 1 && strcmp(argv[1], "__tool") == 0) { /* its arguments stay what they are */
        *ret_status = slv_role_tool(argc, argv);
        return true;
    }
    for (size_t i = 0; argc > 1 && i < SLV_ARRAY_LEN(roles); i++) {
        if (strcmp(argv[1], roles[i].name) == 0) {
            slv_title_init(argc, argv);
            *ret_status = roles[i].run(argc, argv);
            return true;
        }
    }
    return false;
}

bool slv_role_parent(int argc, char **argv, pid_t *ret)
{
    uint64_t pid = 0;

    if (argc < 3 || slv_parse_u64(slv_str_from(argv[2]), &pid) != SLV_OK || pid == 0)
        return false;
    *ret = (pid_t)pid;
    return true;
}

int slv_role_fail(const slv_err *err)
{
    fprintf(stderr, "%s\n", slv_err_text(err));
    return 1;
}

int slv_isolate_life(slv_rt *rt, pid_t parent, const slv_sandbox_filter *filter,
                     uint32_t inherited_layers)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_ISOLATE,
                                   .mode = slv_sandbox_mode_env(),
                                   .parent = parent,
                                   .filter = filter};
    slv_page *page = mmap(NULL, SLV_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, SLV_PAGE_FD, 0);
    slv_sandbox_report report = {0};
    slv_err err = {.code = SLV_OK};
    slv_code code;

    if (page == MAP_FAILED) {
        (void)slv_fail_errno(&err, SLV_E_IO, "shared page");
        return slv_role_fail(&err);
    }
    if (slv_sandbox_enter(&options, &report, &err) != SLV_OK)
        return slv_role_fail(&err);
    atomic_store_explicit(&page->layers, report.layers | inherited_layers, memory_order_relaxed);
    code = slv_rt_run(rt, SLV_CHANNEL_FD, page, &err);
    if (code == SLV_OK || code == SLV_E_JS) /* a worker that cannot start has said so */
        return 0;
    return slv_role_fail(&err);
}

int slv_role_isolate(int argc, char **argv)
{
    slv_err err = {.code = SLV_OK};
    pid_t parent;

    if (!slv_role_parent(argc, argv, &parent)) {
        (void)slv_fail(&err, SLV_E_INVAL, "__isolate is started by selvage, not by people");
        return slv_role_fail(&err);
    }
    /* no destructors: the engine's threads may be at work, and nothing is left to save */
    _exit(slv_isolate_life(slv_rt_prepare(), parent, NULL, 0));
}
