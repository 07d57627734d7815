/*
 * keyring.h - the access keys of every tenant of a server: whose one is, by its id alone, as the
 * protocols of S3 and DynamoDB name it. Ids are random, 32 digits, so that two tenants never share
 * one. Any thread; a look-up reads a file's state for each tenant that has keys.
 */
#ifndef SLV_API_KEYRING_H
#define SLV_API_KEYRING_H

#include "api/s3_keys.h"

typedef struct slv_keyring slv_keyring;

/* file: of each tenant's folder (s3_keys.h). */
slv_keyring *slv_keyring_new(slv_state *state, const char *file);
/* Accepts NULL, returns NULL. */
slv_keyring *slv_keyring_free(slv_keyring *ring);
/* Copies both into the arena. SLV_E_NOTFOUND: nobody's. */
SLV_NODISCARD slv_code slv_keyring_find(slv_keyring *ring, slv_str id, slv_arena *arena,
                                        slv_s3_key *ret, slv_str *ret_tenant, slv_err *err);

#endif
