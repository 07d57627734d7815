/*
 * What may be a key, a value, metadata, a life: the platform's rules with the platform's texts.
 */
#include <inttypes.h>

#include "base/utf8.h"
#include "fmt/json.h"
#include "kv/kv.h"

#define META_ARENA_MAX ((size_t)1 << 20)

static slv_code refuse(slv_err *err, slv_code code, int status)
{
    if (err)
        err->detail = status;
    return code;
}

slv_code slv_kv_check_key(slv_str key, slv_err *err)
{
    slv_code code;

    if (key.len == 0)
        code = slv_fail(err, SLV_E_INVAL, "Key names must not be empty");
    else if (slv_str_is(key, ".") || slv_str_is(key, ".."))
        code = slv_fail(err, SLV_E_INVAL, "Illegal key name \"%.*s\". Please use a different name.",
                        SLV_STR_ARGS(key));
    else if (key.len > SLV_KV_KEY_MAX)
        return refuse(err,
                      slv_fail(err, SLV_E_LIMIT,
                               "UTF-8 encoded length of %zu exceeds key length limit of %zu.",
                               key.len, SLV_KV_KEY_MAX),
                      414);
    else if (!slv_utf8_valid(key))
        code = slv_fail(err, SLV_E_INVAL, "Could not URL-decode key name");
    else
        return SLV_OK;
    return refuse(err, code, 400);
}

slv_code slv_kv_check_cache_ttl(int64_t seconds, slv_err *err)
{
    if (seconds >= SLV_KV_CACHE_TTL_MIN_S)
        return SLV_OK;
    return refuse(err,
                  slv_fail(err, SLV_E_INVAL,
                           "Invalid cache_ttl of %" PRId64 ". Cache TTL must be at least %d.",
                           seconds, SLV_KV_CACHE_TTL_MIN_S),
                  400);
}

static slv_code check_ttl(int64_t ttl, slv_err *err)
{
    if (ttl >= SLV_KV_EXPIRES_MIN_S)
        return SLV_OK;
    slv_code code = ttl <= 0 ? slv_fail(err, SLV_E_INVAL,
                                        "Invalid expiration_ttl of %" PRId64
                                        ". Please specify integer greater than 0.",
                                        ttl)
                             : slv_fail(err, SLV_E_INVAL,
                                        "Invalid expiration_ttl of %" PRId64
                                        ". Expiration TTL must be at least %d.",
                                        ttl, SLV_KV_EXPIRES_MIN_S);
    return refuse(err, code, 400);
}

static slv_code check_expiration(int64_t at, int64_t now, slv_err *err)
{
    if (at >= now + SLV_KV_EXPIRES_MIN_S)
        return SLV_OK;
    slv_code code =
        at <= now ? slv_fail(err, SLV_E_INVAL,
                             "Invalid expiration of %" PRId64
                             ". Please specify integer greater than the current number of seconds"
                             " since the UNIX epoch.",
                             at)
                  : slv_fail(err, SLV_E_INVAL,
                             "Invalid expiration of %" PRId64
                             ". Expiration times must be at least %d seconds in the future.",
                             at, SLV_KV_EXPIRES_MIN_S);
    return refuse(err, code, 400);
}

slv_code slv_kv_check_life(const slv_kv_life *life, int64_t now_ms, int64_t *ret_expires_s,
                           slv_err *err)
{
    int64_t now = now_ms / 1000;

    if (life->has_ttl) {
        SLV_TRY(check_ttl(life->ttl_s, err));
        /* for ever and a day is as good */
        *ret_expires_s = life->ttl_s > INT64_MAX / 4 ? INT64_MAX / 4 : now + life->ttl_s;
    } else if (life->has_expiration) {
        SLV_TRY(check_expiration(life->expiration_s, now, err));
        *ret_expires_s = life->expiration_s;
    } else {
        *ret_expires_s = 0;
    }
    return SLV_OK;
}

slv_code slv_kv_check_meta(slv_str meta, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(META_ARENA_MAX);
    slv_node *tree;

    if (meta.len == 0)
        return SLV_OK;
    if (meta.len > SLV_KV_META_MAX)
        return refuse(err,
                      slv_fail(err, SLV_E_LIMIT, "Metadata length of %zu exceeds limit of %zu.",
                               meta.len, SLV_KV_META_MAX),
                      413);
    if (slv_json_parse(meta, SLV_JSON_STRICT, &arena, &tree, NULL) != SLV_OK)
        return refuse(err, slv_fail(err, SLV_E_INVAL, "Metadata must be valid JSON."), 400);
    return SLV_OK;
}

slv_code slv_kv_check_size(uint64_t size, slv_err *err)
{
    if (size <= SLV_KV_VALUE_MAX)
        return SLV_OK;
    return refuse(err,
                  slv_fail(err, SLV_E_LIMIT, "Value length of %" PRIu64 " exceeds limit of %zu.",
                           size, SLV_KV_VALUE_MAX),
                  413);
}
