/*
 * crash.h - what every store promises, tried on a service by a few lines: what was acknowledged is
 * there after a kill -9, a failing disk, a full disk and a power cut.
 *
 * A service gives a deterministic run of changes: change n (from 1) of actor a. Several actors work
 * at once, each waiting for its last change before the next, all through state/state.h on one
 * store. The program that uses this links disk.c (support/disk.h) and registers each service with
 * CRASH_TESTS(name, &service), which makes the tests crash_NAME_kill, _fault, _full, _power.
 *
 *     static slv_code apply(void *service, unsigned actor, uint64_t n, slv_err *err) ...
 *     static slv_code verify(void *service, unsigned actor, uint64_t acked, uint64_t asked,
 *                            slv_err *err) ...
 *     static const crash_service kv = {.type = &slv_kv_store, .kind = SLV_CALL_WRITE,
 *                                      .apply = apply, .verify = verify};
 *     CRASH_TESTS(kv, &kv)
 */
#ifndef SLV_TEST_CRASH_H
#define SLV_TEST_CRASH_H

#include "state/state.h"
#include "support/tap.h"

#define CRASH_ACTORS 8u

typedef struct crash_service {
    const slv_store_type *type;
    slv_call_kind kind; /* of the calls that apply runs in */
    /* In the call: makes change n, content files and all. It must be one that can be made again,
     * should it be there without having been acknowledged. */
    slv_code (*apply)(void *service, unsigned actor, uint64_t n, slv_err *err);
    /* After reopening: SLV_OK when changes 1 to acked are there and none above asked is, with one
     * of those between in full or not at all. err says what is wrong. */
    slv_code (*verify)(void *service, unsigned actor, uint64_t acked, uint64_t asked, slv_err *err);
    /* What must hold of the whole; NULL: nothing beyond SQLite's own integrity_check. */
    slv_code (*check)(void *service, slv_err *err);
} crash_service;

/* Each reports by tap_failed. */
void crash_kill(const crash_service *s, const char *name);
void crash_fault(const crash_service *s, const char *name);
void crash_full(const crash_service *s, const char *name);
void crash_power(const crash_service *s, const char *name);
/* The other way round: on a disk that does not sync the power cuts must be seen to lose. */
void crash_control(const crash_service *s, const char *name);

#define CRASH_TESTS(name, service)                                                                 \
    TEST(crash_##name##_kill)                                                                      \
    {                                                                                              \
        crash_kill(service, #name);                                                                \
    }                                                                                              \
    TEST(crash_##name##_fault)                                                                     \
    {                                                                                              \
        crash_fault(service, #name);                                                               \
    }                                                                                              \
    TEST(crash_##name##_full)                                                                      \
    {                                                                                              \
        crash_full(service, #name);                                                                \
    }                                                                                              \
    TEST(crash_##name##_power)                                                                     \
    {                                                                                              \
        crash_power(service, #name);                                                               \
    }

#endif
