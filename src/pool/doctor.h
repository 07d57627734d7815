/*
 * doctor.h - what this machine allows: the kernel's part of `selvage doctor`, and of the start's
 * report.
 *
 * Threads: any; blocks (it tries things in children; with the engine's self-test some fifteen
 * seconds).
 */
#ifndef SLV_POOL_DOCTOR_H
#define SLV_POOL_DOCTOR_H

#include <stdbool.h>

#include "base/str.h"

#define SLV_DOCTOR_TEXT 240

typedef enum slv_doctor_level {
    SLV_DOCTOR_OK,
    SLV_DOCTOR_WARN, /* it runs, with less */
    SLV_DOCTOR_FAIL, /* it does not run, or not safely */
} slv_doctor_level;

typedef struct slv_doctor_row {
    const char *check; /* "Landlock" */
    slv_doctor_level level;
    char text[SLV_DOCTOR_TEXT]; /* what was found */
    char hint[SLV_DOCTOR_TEXT]; /* what to do about it; empty when all is well */
} slv_doctor_row;

typedef struct slv_doctor_options {
    bool engine;         /* also start the engine, and try whether forks of it work */
    const char *program; /* NULL: /proc/self/exe */
} slv_doctor_options;

/* Calls row for each check, in a fixed order, as it is done. Returns the worst level. */
slv_doctor_level slv_doctor_kernel(const slv_doctor_options *options,
                                   void (*row)(void *user, const slv_doctor_row *row), void *user);

const char *slv_doctor_level_name(slv_doctor_level level); /* "ok", "warn", "fail" */

#endif
