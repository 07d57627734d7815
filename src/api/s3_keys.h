/*
 * s3_keys.h - the access keys of a tenant: who may sign requests to S3, and for what.
 *
 * They stand in TENANT/r2-credentials.json of the state directory, readable by the owner alone:
 * signatures can be checked only by who knows the secret. Changes are written whole, by rename; a
 * change by another process is seen with the next request. Any thread.
 */
#ifndef SLV_API_S3_KEYS_H
#define SLV_API_S3_KEYS_H

#include "base/arena.h"
#include "base/buf.h"
#include "state/state.h"

#define SLV_S3_KEYS_MAX ((size_t)1000)
#define SLV_S3_KEY_BUCKETS_MAX ((size_t)100)

#define SLV_S3_KEYS_FILE "r2-credentials.json"

typedef struct slv_s3_keys slv_s3_keys;

typedef struct slv_s3_key {
    slv_str id, secret, name;
    bool write;
    bool admin;             /* all buckets, and what concerns buckets themselves */
    const slv_str *buckets; /* unless admin */
    size_t bucket_count;
    int64_t created_ms;
} slv_s3_key;

slv_s3_keys *slv_s3_keys_new(slv_state *state, slv_str tenant);
/* The same of another service, in TENANT/FILE. */
slv_s3_keys *slv_s3_keys_open(slv_state *state, slv_str tenant, const char *file);
/* Accepts NULL, returns NULL. */
slv_s3_keys *slv_s3_keys_free(slv_s3_keys *keys);
SLV_DEFINE_CLEANUP(slv_s3_keys *, slv_s3_keys_free);

/* Copies into the arena. SLV_E_NOTFOUND: no such key. */
SLV_NODISCARD slv_code slv_s3_keys_find(slv_s3_keys *keys, slv_str id, slv_arena *arena,
                                        slv_s3_key *ret, slv_err *err);
/* All, oldest first, as long as the arena. */
SLV_NODISCARD slv_code slv_s3_keys_list(slv_s3_keys *keys, slv_arena *arena, slv_s3_key **ret,
                                        size_t *ret_count, slv_err *err);
/* Draws an id and a secret for `like`, whose own are ignored. */
SLV_NODISCARD slv_code slv_s3_keys_create(slv_s3_keys *keys, const slv_s3_key *like,
                                          slv_arena *arena, slv_s3_key *ret, slv_err *err);
/* SLV_E_NOTFOUND. */
SLV_NODISCARD slv_code slv_s3_keys_delete(slv_s3_keys *keys, slv_str id, slv_err *err);

#endif
