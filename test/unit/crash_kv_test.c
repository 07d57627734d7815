/* A KV namespace over kill -9, a failing disk, a full disk and power cuts. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "kv/kv.h"
#include "state/kinds.h"
#include "support/crash.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)
#define SLOTS 10u
#define LARGE_EVERY 7u /* such a value is a content file */

/* Change n of an actor: slot n mod SLOTS is written, the next one deleted, and "last" says n. */
static void slot_key(unsigned actor, uint64_t slot, char out[static 40])
{
    (void)snprintf(out, 40, "%u/%" PRIu64, actor, slot % SLOTS);
}

static size_t size_of(uint64_t n)
{
    return n % LARGE_EVERY == 0 ? SLV_KV_INLINE_MAX + 1 + n % 5000 : (size_t)(n * 7919 % 2000) + 8;
}

/* The number, then bytes that follow from it. */
static void fill(uint64_t n, char *out, size_t size)
{
    memcpy(out, &n, sizeof n);
    for (size_t i = sizeof n; i < size; i++)
        out[i] = (char)(n * 31 + i);
}

static slv_code put(slv_kv *kv, const char *key, slv_str value, slv_err *err)
{
    const slv_kv_put_args args = {.key = slv_str_from(key), .value = value, .now_ms = NOW};

    return slv_kv_put(kv, &args, err);
}

static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    static _Thread_local char bytes[SLV_KV_INLINE_MAX + 6000];
    char key[40];

    fill(n, bytes, size_of(n));
    slot_key(actor, n, key);
    SLV_TRY(put(service, key, slv_str_make(bytes, size_of(n)), err));
    slot_key(actor, n + 1, key);
    SLV_TRY(slv_kv_delete(service, slv_str_from(key), err));
    (void)snprintf(key, sizeof key, "%u/last", actor);
    return put(service, key, slv_str_make(&n, sizeof n), err);
}

/* *ret_n: the number in the value, 0: there is none. The whole value must be what fill() made. */
static slv_code look(slv_kv *kv, const char *key, bool whole, uint64_t *ret_n, slv_err *err)
{
    static char got[SLV_KV_INLINE_MAX + 6000], want[SLV_KV_INLINE_MAX + 6000];
    slv_kv_entry e;
    slv_code code = slv_kv_get(kv, slv_str_from(key), NOW, &e, err);

    *ret_n = 0;
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    if (e.size > sizeof got || e.size < sizeof *ret_n)
        code = slv_fail(err, SLV_E_STATE, "%s has %" PRIu64 " bytes", key, e.size);
    else if (e.fd < 0)
        memcpy(got, e.value.ptr, e.size);
    else if (pread(e.fd, got, e.size, 0) != (ssize_t)e.size)
        code = slv_fail(err, SLV_E_STATE, "the file of %s is short", key);
    if (e.fd >= 0)
        (void)close(e.fd);
    if (code == SLV_OK) {
        memcpy(ret_n, got, sizeof *ret_n);
        fill(*ret_n, want, e.size);
        if (whole && (e.size != size_of(*ret_n) || memcmp(got, want, e.size) != 0))
            code = slv_fail(err, SLV_E_STATE, "%s is not whole", key);
    }
    slv_kv_release(kv);
    return code;
}

static slv_code verify(void *service, unsigned actor, uint64_t acked, uint64_t asked, slv_err *err)
{
    uint64_t last, n;
    char key[40];

    (void)snprintf(key, sizeof key, "%u/last", actor);
    SLV_TRY(look(service, key, false, &last, err));
    if (last < acked || last > asked)
        return slv_fail(err, SLV_E_STATE,
                        "actor %u is at %" PRIu64 "; %" PRIu64 " was acknowledged, %" PRIu64
                        " asked for",
                        actor, last, acked, asked);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        /* the last change up to `last` that wrote this slot; the one before it deleted it */
        uint64_t back = (last + SLOTS - slot) % SLOTS;
        uint64_t want = back <= last && back != SLOTS - 1 ? last - back : 0;

        slot_key(actor, slot, key);
        SLV_TRY(look(service, key, true, &n, err));
        if (n != want)
            return slv_fail(err, SLV_E_STATE, "%s is of change %" PRIu64 ", not %" PRIu64, key, n,
                            want);
    }
    return SLV_OK;
}

static const crash_service kv = {
    .type = &slv_kv_store, .kind = SLV_CALL_WRITE, .apply = apply, .verify = verify};
CRASH_TESTS(kv, &kv)
TAP_MAIN()
