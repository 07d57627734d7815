/* A bucket over kill -9, a failing disk, a full disk and power cuts: objects in rows, in files and
 * in parts. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "r2/r2.h"
#include "state/kinds.h"
#include "support/crash.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)
#define SLOTS 10u
#define LARGE_EVERY 7u /* such an object is a content file */
#define PARTS_EVERY 9u /* and such a one has parts */

/* Change n of an actor: slot n mod SLOTS is written, the next one deleted, and "last" says n. */
static void slot_key(unsigned actor, uint64_t slot, char out[static 40])
{
    (void)snprintf(out, 40, "%u/%" PRIu64, actor, slot % SLOTS);
}

static size_t size_of(uint64_t n)
{
    return n % LARGE_EVERY == 0 || n % PARTS_EVERY == 0 ? SLV_R2_INLINE_MAX + 1 + n % 5000
                                                        : (size_t)(n * 7919 % 2000) + 8;
}

/* The number, then bytes that follow from it. */
static void fill(uint64_t n, char *out, size_t size)
{
    memcpy(out, &n, sizeof n);
    for (size_t i = sizeof n; i < size; i++)
        out[i] = (char)(n * 31 + i);
}

static slv_code upload(slv_r2 *r2, slv_str bytes, slv_r2_upload **ret, slv_err *err)
{
    SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = slv_r2_files_of(r2);
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = slv_r2_upload_new(files, NULL);

    SLV_TRY(slv_r2_upload_write(up, bytes, err));
    SLV_TRY(slv_r2_upload_finish(up, err));
    *ret = SLV_STEAL(up);
    return SLV_OK;
}

static slv_code put(slv_r2 *r2, const char *key, slv_str bytes, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = NULL;
    const slv_r2_put_options options = {.now_ms = NOW};
    slv_r2_object o;

    SLV_TRY(upload(r2, bytes, &up, err));
    return slv_r2_put(r2, slv_str_from(key), up, &options, &arena, &o, err);
}

static slv_code put_parts(slv_r2 *r2, const char *key, slv_str bytes, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf id = SLV_BUF(SLV_R2_UPLOAD_ID_MAX);
    const slv_r2_put_options options = {.now_ms = NOW};
    slv_str name = slv_str_from(key);
    slv_r2_object o;
    char etag[33];

    SLV_TRY(slv_r2_multipart_create(r2, name, &options, &id, err));
    SLV_TRY(upload(r2, bytes, &up, err));
    SLV_TRY(slv_r2_part_put(r2, name, slv_buf_view(&id), 1, up, NOW, etag, err));
    const slv_r2_part part = {.number = 1, .etag = slv_str_from(etag)};
    return slv_r2_multipart_complete(r2, name, slv_buf_view(&id), &part, 1, NULL, SLV_STR_NULL, NOW,
                                     &arena, &o, err);
}

static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err)
{
    static _Thread_local char bytes[SLV_R2_INLINE_MAX + 6000];
    char key[40];

    fill(n, bytes, size_of(n));
    slot_key(actor, n, key);
    slv_str all = slv_str_make(bytes, size_of(n));
    SLV_TRY(n % PARTS_EVERY == 0 ? put_parts(service, key, all, err) : put(service, key, all, err));
    slot_key(actor, n + 1, key);
    SLV_TRY(slv_r2_delete(service, slv_str_from(key), NOW, NULL, err));
    (void)snprintf(key, sizeof key, "%u/last", actor);
    return put(service, key, slv_str_make(&n, sizeof n), err);
}

static slv_code read_object(slv_r2 *r2, const char *key, char *out, size_t size, size_t *ret_len,
                            slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    const slv_r2_get_options options = {.now_ms = NOW};
    slv_r2_found found = {0};

    SLV_TRY(slv_r2_get(r2, slv_str_from(key), &options, &arena, &found, err));
    SLV_CLEANUP(slv_r2_reader_free) slv_r2_reader *reader = found.reader;
    if (found.length > size)
        return slv_fail(err, SLV_E_STATE, "%s has %" PRIu64 " bytes", key, found.length);
    if (reader)
        return slv_r2_reader_read(reader, out, size, ret_len, err);
    memcpy(out, found.bytes.ptr, found.bytes.len);
    *ret_len = found.bytes.len;
    return SLV_OK;
}

/* *ret_n: the number in the content, 0: there is none. All of it must be what fill() made. */
static slv_code look(slv_r2 *r2, const char *key, bool whole, uint64_t *ret_n, slv_err *err)
{
    static char got[SLV_R2_INLINE_MAX + 6000], want[SLV_R2_INLINE_MAX + 6000];
    size_t len = 0;
    slv_code code = read_object(r2, key, got, sizeof got, &len, err);

    *ret_n = 0;
    if (code == SLV_E_NOTFOUND && err->detail == SLV_R2_NO_SUCH_KEY)
        return SLV_OK;
    if (code != SLV_OK)
        return code;
    memcpy(ret_n, got, sizeof *ret_n);
    fill(*ret_n, want, len);
    if (whole && (len != size_of(*ret_n) || memcmp(got, want, len) != 0))
        return slv_fail(err, SLV_E_STATE, "%s is not whole", key);
    return SLV_OK;
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

static const crash_service r2 = {
    .type = &slv_r2_store, .kind = SLV_CALL_WRITE, .apply = apply, .verify = verify};
CRASH_TESTS(r2, &r2)
TAP_MAIN()
