#include <stdio.h>
#include <time.h>

#include "cache/policy.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

static int digits(slv_str s, size_t at, size_t n)
{
    int v = 0;

    for (size_t i = at; i < at + n; i++) {
        if (!slv_is_digit(s.ptr[i]))
            return -1;
        v = v * 10 + (s.ptr[i] - '0');
    }
    return v;
}

/* Index of three letters in a table of such; -1: not there. */
static int name_at(const char *table, size_t count, slv_str s, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(table + 3 * i, s.ptr + at, 3) == 0)
            return (int)i;
    }
    return -1;
}

slv_code slv_cache_date_parse(slv_str s, int64_t *ret_s)
{
    static const char shape[] = "AAA, 00 AAA 0000 00:00:00 GMT";
    struct tm tm = {0};

    if (s.len != sizeof shape - 1)
        return SLV_E_PARSE;
    for (size_t i = 0; i < s.len; i++) {
        bool any = shape[i] == '0' || (shape[i] == 'A' && i < 25);

        if (!any && s.ptr[i] != shape[i])
            return SLV_E_PARSE;
    }
    tm.tm_mday = digits(s, 5, 2);
    tm.tm_mon = name_at(months, 12, s, 8);
    int year = digits(s, 12, 4);
    tm.tm_hour = digits(s, 17, 2);
    tm.tm_min = digits(s, 20, 2);
    tm.tm_sec = digits(s, 23, 2);
    if (name_at(days, 7, s, 0) < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_mon < 0 ||
        year < 1900 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 ||
        tm.tm_sec < 0 || tm.tm_sec > 60)
        return SLV_E_PARSE;
    tm.tm_year = year - 1900;
    *ret_s = timegm(&tm);
    return SLV_OK;
}

void slv_cache_date_format(int64_t s, char out[static 30])
{
    struct tm tm = {0};
    char text[96];
    time_t t = (time_t)s;

    if (!gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < 0) {
        t = 0;
        (void)gmtime_r(&t, &tm);
    }
    (void)snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
                   tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, 29);
    out[29] = '\0';
}
