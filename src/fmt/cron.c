#include "fmt/cron.h"

#define MINUTE_MS ((int64_t)60000)
#define DAY_MS ((int64_t)86400000)

typedef struct field {
    const char *name;
    unsigned min, max;
    const char *const *names; /* of min, min + 1 ... */
    unsigned name_count;
} field;

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const day_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

static const field fields[] = {
    {"minute", 0, 59, NULL, 0},
    {"hour", 0, 23, NULL, 0},
    {"day of the month", 1, 31, NULL, 0},
    {"month", 1, 12, month_names, 12},
    {"day of the week", 1, 7, day_names, 7},
};

/* ---- parsing ---- */

static slv_code wrong(const field *f, slv_str item, slv_err *err)
{
    return slv_fail(err, SLV_E_PARSE, "cron: \"%.*s\" is no %s (%u-%u)", SLV_STR_ARGS(item),
                    f->name, f->min, f->max);
}

static bool parse_value(const field *f, slv_str s, unsigned *ret)
{
    uint64_t v;

    for (unsigned i = 0; i < f->name_count; i++) {
        if (slv_str_eq_nocase(s, slv_str_from(f->names[i]))) {
            *ret = f->min + i;
            return true;
        }
    }
    if (s.len == 0 || s.len > 2 || slv_parse_u64(s, &v) != SLV_OK || v < f->min || v > f->max)
        return false;
    *ret = (unsigned)v;
    return true;
}

/* "*", "5", "5-9", each with "/2"; "5/2" runs to the end. */
static bool parse_range(const field *f, slv_str item, uint64_t *set)
{
    slv_str range = item, step_text = SLV_STR_NULL;
    size_t slash = slv_str_chr(item, '/', 0);
    unsigned from, to;
    uint64_t step = 1;

    if (slash != SIZE_MAX) {
        range = slv_str_sub(item, 0, slash);
        step_text = slv_str_skip(item, slash + 1);
        if (step_text.len > 2 || slv_parse_u64(step_text, &step) != SLV_OK || step == 0 ||
            step > f->max)
            return false;
    }
    size_t dash = slv_str_chr(range, '-', 0);
    if (slv_str_eq(range, SLV_STR("*"))) {
        from = f->min;
        to = f->max;
    } else if (dash != SIZE_MAX) {
        if (!parse_value(f, slv_str_sub(range, 0, dash), &from) ||
            !parse_value(f, slv_str_skip(range, dash + 1), &to) || from > to)
            return false;
    } else {
        if (!parse_value(f, range, &from))
            return false;
        to = slash != SIZE_MAX ? f->max : from;
    }
    for (uint64_t v = from; v <= to; v += step)
        *set |= (uint64_t)1 << v;
    return true;
}

static bool ends_with_letter(slv_str s, char letter)
{
    return s.len > 0 && slv_ascii_lower(s.ptr[s.len - 1]) == letter;
}

/* L, L-n, LW, nW. False: none of them, or malformed. */
static bool parse_day(const field *f, slv_str item, slv_cron *cron)
{
    slv_str head = slv_str_sub(item, 0, item.len - 1);
    unsigned v;
    uint64_t n;

    if (slv_str_eq_nocase(item, SLV_STR("L"))) {
        cron->last_minus |= 1;
        return true;
    }
    if (slv_str_eq_nocase(item, SLV_STR("LW"))) {
        cron->last_near = true;
        return true;
    }
    if (item.len > 2 && slv_ascii_lower(item.ptr[0]) == 'l' && item.ptr[1] == '-') {
        if (slv_parse_u64(slv_str_skip(item, 2), &n) != SLV_OK || n < 1 || n > 30)
            return false;
        cron->last_minus |= (uint32_t)1 << n;
        return true;
    }
    if (!ends_with_letter(item, 'w') || !parse_value(f, head, &v))
        return false;
    cron->near_days |= (uint32_t)1 << v;
    return true;
}

/* nL, n#k. */
static bool parse_weekday(const field *f, slv_str item, slv_cron *cron)
{
    size_t hash = slv_str_chr(item, '#', 0);
    unsigned v;
    uint64_t k;

    if (hash != SIZE_MAX) {
        if (!parse_value(f, slv_str_sub(item, 0, hash), &v) ||
            slv_parse_u64(slv_str_skip(item, hash + 1), &k) != SLV_OK || k < 1 || k > 5)
            return false;
        cron->nth_weekdays[v] |= (uint8_t)(1 << k);
        return true;
    }
    if (!ends_with_letter(item, 'l') || !parse_value(f, slv_str_sub(item, 0, item.len - 1), &v))
        return false;
    cron->last_weekdays |= (uint32_t)1 << v;
    return true;
}

static slv_code parse_field(unsigned i, slv_str text, slv_cron *cron, uint64_t *set, slv_err *err)
{
    const field *f = &fields[i];
    slv_str rest = text, item;

    while (slv_str_split(&rest, ',', &item)) {
        bool ok = item.len > 0 && parse_range(f, item, set);

        if (!ok && item.len > 0 && i == 2)
            ok = parse_day(f, item, cron);
        else if (!ok && item.len > 0 && i == 4)
            ok = parse_weekday(f, item, cron);
        if (!ok)
            return wrong(f, item, err);
    }
    return SLV_OK;
}

slv_code slv_cron_parse(slv_str text, slv_cron *ret, slv_err *err)
{
    slv_cron cron = {0};
    uint64_t sets[5] = {0};
    slv_str rest = slv_str_trim(text);
    unsigned count = 0;

    while (rest.len > 0) {
        size_t end = 0;

        while (end < rest.len && rest.ptr[end] != ' ' && rest.ptr[end] != '\t')
            end++;
        slv_str part = slv_str_sub(rest, 0, end);
        if (count == 5)
            return slv_fail(err, SLV_E_PARSE, "cron: more than 5 fields");
        SLV_TRY(parse_field(count, part, &cron, &sets[count], err));
        if (count == 2)
            cron.any_day = slv_str_eq(part, SLV_STR("*"));
        else if (count == 4)
            cron.any_weekday = slv_str_eq(part, SLV_STR("*"));
        count++;
        rest = slv_str_trim(slv_str_skip(rest, end));
    }
    if (count != 5)
        return slv_fail(err, SLV_E_PARSE, "cron: %u fields; 5 are needed", count);
    cron.minutes = sets[0];
    cron.hours = (uint32_t)sets[1];
    cron.days = (uint32_t)sets[2];
    cron.months = (uint32_t)sets[3];
    cron.weekdays = (uint32_t)sets[4];
    *ret = cron;
    return SLV_OK;
}

/* ---- the calendar ---- */

typedef struct date {
    int64_t days; /* since the epoch */
    int year;
    unsigned month, day, weekday; /* weekday 1: Sunday */
    unsigned last;                /* days of the month */
} date;

static bool leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static unsigned month_length(int64_t year, unsigned month)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && leap(year) ? 29 : lengths[month - 1];
}

/* Years are counted from March, in eras of 400, so that the leap day comes last. */
static date date_of(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    date d;

    d.days = days;
    d.day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    d.month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    d.year = (int)(yoe + era * 400 + (d.month <= 2));
    d.weekday = (unsigned)(((days + 4) % 7 + 7) % 7) + 1; /* 1970-01-01 was a Thursday */
    d.last = month_length(d.year, d.month);
    return d;
}

static int64_t days_of(int64_t time_ms)
{
    int64_t days = time_ms / DAY_MS;

    return time_ms % DAY_MS < 0 ? days - 1 : days;
}

/* The weekday (Monday to Friday) nearest to day n of d's month, without leaving the month. */
static unsigned nearest_weekday(const date *d, unsigned n)
{
    unsigned weekday = (d->weekday - 1 + 35 + n - d->day) % 7; /* 0: Sunday */

    if (weekday == 6)
        return n > 1 ? n - 1 : n + 2;
    if (weekday == 0)
        return n < d->last ? n + 1 : n - 2;
    return n;
}

static bool day_named(const slv_cron *cron, const date *d)
{
    unsigned from_end = d->last - d->day;

    if (cron->days >> d->day & 1 || (from_end < 31 && cron->last_minus >> from_end & 1))
        return true;
    if (cron->last_near && nearest_weekday(d, d->last) == d->day)
        return true;
    for (unsigned n = 1; n <= d->last && cron->near_days; n++) {
        if (cron->near_days >> n & 1 && nearest_weekday(d, n) == d->day)
            return true;
    }
    return false;
}

static bool weekday_named(const slv_cron *cron, const date *d)
{
    if (cron->weekdays >> d->weekday & 1)
        return true;
    if (cron->last_weekdays >> d->weekday & 1 && d->day + 7 > d->last)
        return true;
    return cron->nth_weekdays[d->weekday] >> ((d->day - 1) / 7 + 1) & 1;
}

static bool date_matches(const slv_cron *cron, const date *d)
{
    if (!(cron->months >> d->month & 1))
        return false;
    if (cron->any_day)
        return weekday_named(cron, d);
    if (cron->any_weekday)
        return day_named(cron, d);
    return day_named(cron, d) || weekday_named(cron, d);
}

bool slv_cron_matches(const slv_cron *cron, int64_t time_ms)
{
    date d = date_of(days_of(time_ms));
    int64_t minute = (time_ms - d.days * DAY_MS) / MINUTE_MS;

    return cron->minutes >> (minute % 60) & 1 && cron->hours >> (minute / 60) & 1 &&
           date_matches(cron, &d);
}

/* The first slot of a day at or after minute `from`; -1. */
static int64_t slot_of_day(const slv_cron *cron, int64_t from)
{
    for (int64_t m = from; m < 1440; m++) {
        if (cron->hours >> (m / 60) & 1 && cron->minutes >> (m % 60) & 1)
            return m;
    }
    return -1;
}

int64_t slv_cron_next(const slv_cron *cron, int64_t time_ms)
{
    int64_t days = days_of(time_ms);
    int64_t minute = (time_ms - days * DAY_MS) / MINUTE_MS + 1;

    for (int i = 0; i < 366 * 30; i++, days++, minute = 0) {
        date d = date_of(days);
        int64_t slot = date_matches(cron, &d) ? slot_of_day(cron, minute) : -1;

        if (slot >= 0)
            return days * DAY_MS + slot * MINUTE_MS;
    }
    return -1;
}

int64_t slv_cron_interval(const slv_cron *cron, int64_t time_ms)
{
    int64_t least = DAY_MS, last = slv_cron_next(cron, time_ms);

    /* slots of a day repeat on every day that has any, so few steps tell */
    for (int i = 0; i < 1500 && last >= 0 && last < time_ms + 366 * DAY_MS; i++) {
        int64_t next = slv_cron_next(cron, last);

        if (next < 0)
            break;
        least = SLV_MIN(least, next - last);
        last = next;
    }
    return least;
}
