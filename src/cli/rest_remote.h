/*
 * rest_remote.h - the server that --remote means, as wrangler is told of one: by the variables
 * CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID of the environment, or of
 * the .env files beside the configuration.
 *
 * There is no server that goes without saying: without CLOUDFLARE_API_BASE_URL it is an error.
 * Main thread only.
 */
#ifndef SLV_CLI_REST_REMOTE_H
#define SLV_CLI_REST_REMOTE_H

#include "base/err.h"
#include "base/str.h"

typedef struct slv_remote {
    char *base_url; /* without a slash at its end: "https://api.example.com/client/v4" */
    char *token;
    char *account; /* NULL: none was named */
} slv_remote;

/* dir: where .env is looked for. env: of the configuration, ".env.NAME" goes before ".env"; may be
 * NULL. account: of the configuration, goes before the variable; may be NULL. */
SLV_NODISCARD slv_code slv_remote_find(const char *dir, const char *env, const char *account,
                                       slv_remote *ret, slv_err *err);
void slv_remote_done(slv_remote *r);

#endif
