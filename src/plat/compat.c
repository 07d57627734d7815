#include "plat/compat.h"

#include <stdio.h>
#include <stdlib.h>

#include "fmt/suggest.h"

#define WORDS_MAX 512

bool slv_compat_date_valid(slv_str s)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t y, m, d;
    bool leap;

    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-' ||
        slv_parse_u64(slv_str_sub(s, 0, 4), &y) != SLV_OK ||
        slv_parse_u64(slv_str_sub(s, 5, 7), &m) != SLV_OK ||
        slv_parse_u64(slv_str_sub(s, 8, 10), &d) != SLV_OK)
        return false;
    leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return y >= 2000 && m >= 1 && m <= 12 && d >= 1 &&
           d <= days[m - 1] + (uint64_t)(m == 2 && leap);
}

static int find_row(slv_str name, bool *ret_disables)
{
    for (size_t i = 0; i < slv_compat_flag_count; i++) {
        *ret_disables =
            slv_compat_flags[i].disable && slv_str_is(name, slv_compat_flags[i].disable);
        if (*ret_disables || slv_str_is(name, slv_compat_flags[i].enable))
            return (int)i;
    }
    return -1;
}

static slv_code unknown_flag(slv_str name, slv_err *err)
{
    const char *words[WORDS_MAX];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < slv_compat_flag_count && n + 2 <= WORDS_MAX; i++) {
        words[n++] = slv_compat_flags[i].enable;
        words[n++] = slv_compat_flags[i].disable;
    }
    near = slv_suggest(name, words, n);
    if (near)
        return slv_fail(err, SLV_E_INVAL, "no such compatibility flag: '%.*s'; did you mean '%s'?",
                        SLV_STR_ARGS(name), near);
    return slv_fail(err, SLV_E_INVAL, "no such compatibility flag: '%.*s'", SLV_STR_ARGS(name));
}

typedef struct resolve {
    const char *date;
    bool *named_on, *named_off, *on; /* by row */
    slv_compat_warn warn;
    void *warn_arg;
    slv_err *err;
} resolve;

static void warn(const resolve *r, const char *text)
{
    if (r->warn)
        r->warn(r->warn_arg, text);
}

static slv_code read_name(resolve *r, slv_str name)
{
    bool disables;
    int row = find_row(name, &disables);
    bool *set;

    if (row < 0)
        return unknown_flag(name, r->err);
    if (slv_compat_flags[row].experimental)
        return slv_fail(r->err, SLV_E_INVAL,
                        "the compatibility flag '%.*s' is experimental and not supported",
                        SLV_STR_ARGS(name));
    set = disables ? &r->named_off[row] : &r->named_on[row];
    if (*set)
        return slv_fail(r->err, SLV_E_INVAL, "the compatibility flag '%.*s' is given twice",
                        SLV_STR_ARGS(name));
    *set = true;
    if (r->named_on[row] && r->named_off[row])
        return slv_fail(r->err, SLV_E_INVAL,
                        "the compatibility flags '%s' and '%s' contradict each other",
                        slv_compat_flags[row].enable, slv_compat_flags[row].disable);
    return SLV_OK;
}

static bool reached(const resolve *r, const char *date)
{
    return date &&
           strcmp(r->date, date) >= 0; /* the form of dates makes their order that of the text */
}

static bool implied(const resolve *r, size_t row)
{
    const slv_compat_flag *f = &slv_compat_flags[row];

    if (r->named_off[row] || !reached(r, f->implied_date))
        return false;
    for (size_t k = 0; k < SLV_ARRAY_LEN(f->implied_by) && f->implied_by[k]; k++) {
        bool disables;
        int other = find_row(slv_str_from(f->implied_by[k]), &disables);

        SLV_ASSERT(other >= 0 && !disables);
        if (r->on[other])
            return true;
    }
    return false;
}

static void switch_on(resolve *r)
{
    bool more = true;

    for (size_t i = 0; i < slv_compat_flag_count; i++) {
        const slv_compat_flag *f = &slv_compat_flags[i];

        r->on[i] = r->named_on[i] || ((f->always || reached(r, f->date)) && !r->named_off[i]);
    }
    while (more) { /* one flag may imply another that implies a third */
        more = false;
        for (size_t i = 0; i < slv_compat_flag_count; i++)
            if (!r->on[i] && implied(r, i))
                more = r->on[i] = true;
    }
}

static slv_code choose_date(resolve *r, slv_str date, const char *today, slv_compat *ret)
{
    const char *latest = strcmp(today, SLV_COMPAT_NEWEST) < 0 ? today : SLV_COMPAT_NEWEST;
    char text[256];

    if (date.len == 0) {
        snprintf(text, sizeof text,
                 "no compatibility_date is given, so the oldest behaviour (%s) is in force; "
                 "add compatibility_date = \"%s\" to the configuration",
                 SLV_COMPAT_OLDEST, latest);
        warn(r, text);
        date = SLV_STR(SLV_COMPAT_OLDEST);
    }
    if (!slv_compat_date_valid(date))
        return slv_fail(r->err, SLV_E_INVAL,
                        "compatibility_date '%.*s' is no date; expected \"YYYY-MM-DD\"",
                        SLV_STR_ARGS(date));
    memcpy(ret->date, date.ptr, 10);
    ret->date[10] = '\0';
    if (strcmp(ret->date, today) > 0) {
        snprintf(text, sizeof text, "compatibility_date %s is in the future; falling back to %s",
                 ret->date, latest);
        warn(r, text);
        memcpy(ret->date, latest, 11);
    } else if (strcmp(ret->date, SLV_COMPAT_NEWEST) > 0) {
        snprintf(text, sizeof text,
                 "compatibility_date %s is newer than the newest that this version of selvage "
                 "knows; falling back to %s",
                 ret->date, SLV_COMPAT_NEWEST);
        warn(r, text);
        memcpy(ret->date, SLV_COMPAT_NEWEST, 11);
    }
    r->date = ret->date;
    return SLV_OK;
}

static int compare(const void *a, const void *b)
{
    return slv_str_cmp(*(const slv_str *)a, *(const slv_str *)b);
}

static void collect(const resolve *r, slv_compat *ret)
{
    for (size_t i = 0; i < slv_compat_flag_count; i++) {
        slv_str name = slv_str_from(slv_compat_flags[i].enable);

        if (r->on[i])
            slv_vec_push(&ret->on, name);
        else
            slv_vec_push(&ret->off, name);
    }
    if (ret->on.len)
        qsort(ret->on.items, ret->on.len, sizeof(slv_str), compare);
    if (ret->off.len)
        qsort(ret->off.items, ret->off.len, sizeof(slv_str), compare);
}

slv_code slv_compat_resolve(slv_str date, const slv_str *names, size_t name_count,
                            const char *today, slv_compat_warn warn_fn, void *warn_arg,
                            slv_compat *ret, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc0(3 * slv_compat_flag_count * sizeof(bool));
    bool *rows = memory;
    resolve r = {
        .named_on = rows,
        .named_off = rows + slv_compat_flag_count,
        .on = rows + 2 * slv_compat_flag_count,
        .warn = warn_fn,
        .warn_arg = warn_arg,
        .err = err,
    };

    if (name_count > SLV_COMPAT_FLAGS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "%zu compatibility flags; %d are allowed", name_count,
                        SLV_COMPAT_FLAGS_MAX);
    SLV_TRY(choose_date(&r, date, today, ret));
    for (size_t i = 0; i < name_count; i++)
        SLV_TRY(read_name(&r, names[i]));
    switch_on(&r);
    collect(&r, ret);
    return SLV_OK;
}

void slv_compat_done(slv_compat *c)
{
    slv_vec_done(&c->on);
    slv_vec_done(&c->off);
}

bool slv_compat_has(const slv_compat *c, const char *flag)
{
    slv_str key = slv_str_from(flag);

    return c->on.len > 0 && bsearch(&key, c->on.items, c->on.len, sizeof(slv_str), compare) != NULL;
}
