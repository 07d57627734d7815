/*
 * testjs.h - runs test files of the built-in JavaScript: globals installed, timers and promises
 * pumped, TAP on stdout.
 *
 * Each file has test(name, fn) and the assertions of jslib/testing.js in scope; a test may be
 * async. All files run in one engine, one after another. A test that takes longer than
 * SLV_TESTJS_TEST_MS fails. Loop thread only.
 */
#ifndef SLV_RT_TESTJS_H
#define SLV_RT_TESTJS_H

#include <stdbool.h>

#include "base/err.h"

#define SLV_TESTJS_TEST_MS 20000

typedef struct slv_testjs_options {
    bool gc_stress;     /* a full collection after each turn */
    const char *filter; /* only tests whose name holds this; NULL: all */
} slv_testjs_options;

/* *ret_failed: tests that failed. An error is a file that cannot be read or evaluated. */
SLV_NODISCARD slv_code slv_testjs_run(const slv_testjs_options *options, int count,
                                      char *const files[], int *ret_failed, slv_err *err);

#endif
