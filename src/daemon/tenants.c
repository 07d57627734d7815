#include "daemon/tenants.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "sandbox/sandbox.h"

#define ZYGOTE_AFTER_MS 1000

struct slv_tenants {
    const slv_serve_config *config;
    slv_zygotes *zygotes;
    slv_budget *budget;
    slv_keepers *keepers;
};

static void on_notice(void *user, const char *text)
{
    (void)user;
    slv_log(SLV_LOG_WARN, "%s", text);
}

slv_tenants *slv_tenants_new(const slv_serve_config *config, slv_loop *control, slv_state *state,
                             slv_server_options *server)
{
    slv_tenants *t = slv_new0(slv_tenants);
    const slv_zygote_options zygote = {.start_after_ms = ZYGOTE_AFTER_MS};
    const slv_budget_options budget = {
        .isolates = (unsigned)config->server_isolates,
        .account_isolates = (unsigned)config->account_isolates,
        .memory_bytes = config->server_memory_mb << 20,
        .account_memory_bytes = config->account_memory_mb << 20,
    };
    const slv_keepers_options keepers = {.control = control, .state = state, .notice = on_notice};

    t->config = config;
    t->zygotes = slv_zygotes_new(&zygote, 0);
    t->budget = slv_budget_new(&budget);
    t->keepers = slv_keepers_new(&keepers);
    server->zygotes = t->zygotes;
    server->budget = t->budget;
    server->idle_ms = config->idle_seconds * 1000;
    server->spares = (unsigned)config->spare_isolates;
    slv_sandbox_hide();
    return t;
}

slv_code slv_tenants_count(slv_tenants *t, size_t accounts, slv_err *err)
{
    slv_err why = {0};

    if (accounts < 2 || slv_keepers_moved(t->keepers))
        return SLV_OK;
    if (slv_sandbox_floor(&why) != SLV_OK) {
        if (!t->config->allow_weak_sandbox)
            return slv_fail(err, SLV_E_DENIED,
                            "a second account is refused: %s. `selvage doctor` tells more; "
                            "--allow-weak-sandbox serves several accounts all the same",
                            slv_err_text(&why));
        slv_log(SLV_LOG_WARN, "several accounts on a weak sandbox: %s", slv_err_text(&why));
    }
    slv_keepers_move(t->keepers);
    return SLV_OK;
}

const slv_keepers *slv_tenants_keepers(const slv_tenants *t)
{
    return t->keepers;
}

void slv_tenants_close(slv_tenants *t)
{
    if (t)
        t->keepers = slv_keepers_free(t->keepers);
}

slv_tenants *slv_tenants_free(slv_tenants *t)
{
    if (t) {
        slv_tenants_close(t);
        t->zygotes = slv_zygotes_free(t->zygotes);
        t->budget = slv_budget_free(t->budget);
        free(t);
    }
    return NULL;
}
