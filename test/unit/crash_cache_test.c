/* A cache over kill -9, a failing disk, a full disk and power cuts: entries in rows and in files,
 * their tags, and the sum of their sizes. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cache/cache.h"
#include "cache/cache_int.h"
#include "state/kinds.h"
#include "support/crash.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)
#define SLOTS 10u
#define LARGE_EVERY 7u /* such a body is a content file */
#define HEADERS "content-type:application/octet-stream\n"

/* Change n of an actor: slot n mod SLOTS is put, the next one purged by its tag, the one behind it
 * deleted, and "last" says n. */
static void slot_key(unsigned actor, uint64_t slot, char out[static 64])
{
    (void)snprintf(out, 64, "https://host%u.example/%" PRIu64, actor, slot % SLOTS);
}

static void slot_tag(unsigned actor, uint64_t slot, char out[static 64])
{
    (void)snprintf(out, 64, "a%u-%" PRIu64, actor, slot % SLOTS);
}

static size_t size_of(uint64_t n)
{
    return n % LARGE_EVERY == 0 ? SLV_CACHE_INLINE_MAX + 1 + n % 5000
                                : (size_t)(n * 7919 % 2000) + 8;
}

/* The number, then bytes that follow from it. */
static void fill(uint64_t n, char *out, size_t size)
{
    memcpy(out, &n, sizeof n);
    for (size_t i = sizeof n; i < size; i++)
        out[i] = (char)(n * 31 + i);
}

static slv_code write_file(slv_cache *cache, slv_str bytes, slv_blob_id *ret, slv_err *err)
{
    slv_blobs *blobs;
    slv_blob_writer *w;

    SLV_TRY(slv_cache_blobs_(cache, &blobs, err));
    SLV_TRY(slv_blob_begin(blobs, &w, err));
    slv_code code = slv_blob_append(w, bytes, err);
    if (code != SLV_OK) {
        (void)slv_blob_abort(w);
        return code;
    }
    return slv_blob_finish(w, ret, err);
}

static slv_code put(slv_cache *cache, const char *key, const char *tag, slv_str bytes, slv_err *err)
{
    slv_blob_id id = {0};
    slv_cache_put_args args = {
        .key = slv_str_from(key),
        .status = 200,
        .headers = SLV_STR(HEADERS),
        .tags = slv_str_from(tag),
        .size = bytes.len,
        .now_ms = NOW,
        .expires_ms = NOW + 1000000,
    };

    if (bytes.len > SLV_CACHE_INLINE_MAX) {
        SLV_TRY(write_file(cache, bytes, &id, err));
        args.blob = slv_str_from(id.text);
    } else {
        args.body = bytes;
    }
    return slv_cache_put(cache, &args, err);
}

static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    static _Thread_local char bytes[SLV_CACHE_INLINE_MAX + 6000];
    char key[64], tag[64];
    uint64_t count;
    bool had;

    fill(n, bytes, size_of(n));
    slot_key(actor, n, key);
    slot_tag(actor, n, tag);
    SLV_TRY(put(service, key, tag, slv_str_make(bytes, size_of(n)), err));
    slot_tag(actor, n + 1, tag);
    SLV_TRY(slv_cache_purge(service, SLV_CACHE_PURGE_TAG, slv_str_from(tag), &count, err));
    slot_key(actor, n + 2, key);
    SLV_TRY(slv_cache_delete(service, slv_str_from(key), NOW, &had, err));
    (void)snprintf(key, sizeof key, "https://host%u.example/last", actor);
    return put(service, key, "", slv_str_make(&n, sizeof n), err);
}

/* *ret_n: the number in the body, 0: there is no entry. The whole body must be what fill() made. */
static slv_code look(slv_cache *cache, const char *key, bool whole, uint64_t *ret_n,
                     uint64_t *ret_sum, slv_err *err)
{
    static char got[SLV_CACHE_INLINE_MAX + 6000], want[SLV_CACHE_INLINE_MAX + 6000];
    slv_cache_entry e;
    slv_code code = slv_cache_get(cache, slv_str_from(key), NOW, &e, err);

    *ret_n = 0;
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    if (e.size > sizeof got || e.size < sizeof *ret_n || !slv_str_is(e.headers, HEADERS))
        code = slv_fail(err, SLV_E_STATE, "%s has %" PRIu64 " bytes", key, e.size);
    else if (e.fd < 0)
        memcpy(got, e.body.ptr, e.size);
    else if (pread(e.fd, got, e.size, 0) != (ssize_t)e.size)
        code = slv_fail(err, SLV_E_STATE, "the file of %s is short", key);
    if (e.fd >= 0)
        (void)close(e.fd);
    if (code == SLV_OK) {
        *ret_sum += e.size + strlen(HEADERS);
        memcpy(ret_n, got, sizeof *ret_n);
        fill(*ret_n, want, e.size);
        if (whole && (e.size != size_of(*ret_n) || memcmp(got, want, e.size) != 0))
            code = slv_fail(err, SLV_E_STATE, "%s is not whole", key);
    }
    slv_cache_release(cache);
    return code;
}

/* The last change up to `last` that put this slot; 0: a later one took it away, or none put it. */
static uint64_t put_by(uint64_t last, uint64_t slot)
{
    uint64_t back = (last + SLOTS - slot) % SLOTS;

    return back < last && back < SLOTS - 2 ? last - back : 0;
}

static slv_code verify(void *service, unsigned actor, uint64_t acked, uint64_t asked, slv_err *err)
{
    uint64_t last, n, sum = 0;
    char key[64];

    (void)snprintf(key, sizeof key, "https://host%u.example/last", actor);
    SLV_TRY(look(service, key, false, &last, &sum, err));
    if (last < acked || last > asked)
        return slv_fail(err, SLV_E_STATE,
                        "actor %u is at %" PRIu64 "; %" PRIu64 " was acknowledged, %" PRIu64
                        " asked for",
                        actor, last, acked, asked);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        slot_key(actor, slot, key);
        SLV_TRY(look(service, key, true, &n, &sum, err));
        if (n != put_by(last, slot))
            return slv_fail(err, SLV_E_STATE, "%s is of change %" PRIu64 ", not %" PRIu64, key, n,
                            put_by(last, slot));
    }
    return SLV_OK;
}

/* The sum that is kept is that of the entries, and every tag is of one. */
static slv_code check(void *service, slv_err *err)
{
    uint64_t total, sum = 0, n;
    sqlite3_stmt *st;
    char key[64];

    for (unsigned actor = 0; actor < CRASH_ACTORS; actor++) {
        (void)snprintf(key, sizeof key, "https://host%u.example/last", actor);
        SLV_TRY(look(service, key, false, &n, &sum, err));
        for (uint64_t slot = 0; slot < SLOTS; slot++) {
            slot_key(actor, slot, key);
            SLV_TRY(look(service, key, true, &n, &sum, err));
        }
    }
    SLV_TRY(slv_cache_total(service, &total, err));
    if (total != sum)
        return slv_fail(err, SLV_E_STATE, "the entries have %" PRIu64 " bytes, the sum is %" PRIu64,
                        sum, total);
    SLV_TRY(slv_db_stmt(slv_cache_db(service),
                        "SELECT count(*) FROM tag WHERE entry NOT IN (SELECT id FROM entry)", &st,
                        err));
    slv_code code = slv_stmt_step(slv_cache_db(service), st, err);
    if (code == SLV_OK && slv_stmt_int(st, 0) != 0)
        code = slv_fail(err, SLV_E_STATE, "tags of entries that are gone");
    slv_stmt_done(st);
    return code;
}

static const crash_service cache = {.type = &slv_cache_store,
                                    .kind = SLV_CALL_WRITE,
                                    .apply = apply,
                                    .verify = verify,
                                    .check = check};
CRASH_TESTS(cache, &cache)
TAP_MAIN()
