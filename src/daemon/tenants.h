/*
 * tenants.h - what keeps the accounts of one server apart: a base zygote for each, the budget that
 * they share, and, as soon as there are two, keepers for their databases.
 *
 * Control loop. docs/security.md tells what protects whom.
 */
#ifndef SLV_DAEMON_TENANTS_H
#define SLV_DAEMON_TENANTS_H

#include "daemon/config.h"
#include "edge/server.h"
#include "keeper/keeper.h"
#include "pool/budget.h"
#include "pool/zygote.h"
#include "state/state.h"

typedef struct slv_tenants slv_tenants;

/* Fills `zygotes` and `budget` of the server's options. */
slv_tenants *slv_tenants_new(const slv_serve_config *config, slv_loop *control, slv_state *state,
                             slv_server_options *server);
/* There are, or are about to be, so many accounts: asked at the start and before one is added.
 * SLV_E_DENIED: this machine cannot keep a second one apart and the configuration does not say that
 * it may be served all the same; the message says what is missing and what to do. */
SLV_NODISCARD slv_code slv_tenants_count(slv_tenants *t, size_t accounts, slv_err *err);
const slv_keepers *slv_tenants_keepers(const slv_tenants *t);
/* Twice: first while the state is there and after every loop but the control loop has been
 * forgotten by it (ends the keepers), then after the server is gone (the rest). Accepts NULL,
 * returns NULL. */
void slv_tenants_close(slv_tenants *t);
slv_tenants *slv_tenants_free(slv_tenants *t);

#endif
