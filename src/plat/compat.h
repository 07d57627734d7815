/*
 * compat.h - compatibility dates and flags: what a project's date and flags switch on. Any thread;
 * the date of today is passed in.
 *
 * Names and dates are those of the public runtime (its list of August 2026). A flag is on when it
 * is named, when the date has reached its default date, or when another flag implies it from some
 * date on; its opposite name switches it off.
 *
 * Limits: SLV_COMPAT_FLAGS_MAX names in a configuration.
 */
#ifndef SLV_PLAT_COMPAT_H
#define SLV_PLAT_COMPAT_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

#define SLV_COMPAT_FLAGS_MAX 200
#define SLV_COMPAT_OLDEST "2021-05-01" /* what a missing date means */
#define SLV_COMPAT_NEWEST "2026-08-22" /* the newest date that the table knows */

/* A row of the table. */
typedef struct slv_compat_flag {
    const char *enable;
    const char *disable;       /* NULL: none */
    const char *date;          /* default from then on; NULL: never */
    const char *implied_by[2]; /* enable names; NULL: none */
    const char *implied_date;
    bool experimental;
    bool always;
} slv_compat_flag;

extern const slv_compat_flag slv_compat_flags[];
extern const size_t slv_compat_flag_count;

/* Static strings. */
typedef struct slv_compat {
    char date[11];        /* in force: "2026-01-01" */
    SLV_VEC(slv_str) on;  /* enable names, sorted */
    SLV_VEC(slv_str) off; /* enable names of the others, sorted */
} slv_compat;

void slv_compat_done(slv_compat *c);
SLV_DEFINE_CLEANUP_DONE(slv_compat, slv_compat_done);

/* "YYYY-MM-DD" and a day that exists. */
bool slv_compat_date_valid(slv_str date);

/* Called with a line of text for what is allowed but questionable. */
typedef void (*slv_compat_warn)(void *arg, const char *text);

/*
 * date empty: the oldest, with a warning. A date after today, or after the newest known one, falls
 * back to the earlier of these with a warning. SLV_E_INVAL: malformed date, unknown flag (with a
 * suggestion), a flag named twice, a flag and its opposite, an experimental flag. today is
 * "YYYY-MM-DD".
 */
SLV_NODISCARD slv_code slv_compat_resolve(slv_str date, const slv_str *names, size_t name_count,
                                          const char *today, slv_compat_warn warn, void *warn_arg,
                                          slv_compat *ret, slv_err *err);
bool slv_compat_has(const slv_compat *c, const char *flag);

#endif
