#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cut message must not end in half a character. */
static void trim_utf8_tail(char *s, size_t len)
{
    size_t start = len;

    while (start > 0 && len - start < 4 && ((unsigned char)s[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)s[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (need > 1 && len - (start - 1) < need)
        s[start - 1] = '\0';
}

SLV_PRINTF(2, 0) static void format(slv_err *err, const char *fmt, va_list ap)
{
    int n = vsnprintf(err->message, sizeof err->message, fmt, ap);

    if (n < 0)
        err->message[0] = '\0';
    else if ((size_t)n >= sizeof err->message)
        trim_utf8_tail(err->message, sizeof err->message - 1);
}

slv_code slv_fail(slv_err *err, slv_code code, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return code;
    err->code = code;
    err->detail = 0;
    va_start(ap, fmt);
    format(err, fmt, ap);
    va_end(ap);
    return code;
}

slv_code slv_fail_errno(slv_err *err, slv_code code, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    size_t len;
    char text[128];

    if (!err)
        return code;
    err->code = code;
    err->detail = saved;
    va_start(ap, fmt);
    format(err, fmt, ap);
    va_end(ap);
    len = strlen(err->message);
    const char *why = strerror_r(saved, text, sizeof text);
    (void)snprintf(err->message + len, sizeof err->message - len, ": %s", why);
    return code;
}

const char *slv_code_name(slv_code code)
{
    switch (code) {
#define X(name, value, text)                                                                       \
    case SLV_##name:                                                                               \
        return #name;
        SLV_CODES(X)
#undef X
    }
    return "E_UNKNOWN";
}

const char *slv_code_text(slv_code code)
{
    switch (code) {
#define X(name, value, text)                                                                       \
    case SLV_##name:                                                                               \
        return text;
        SLV_CODES(X)
#undef X
    }
    return "unknown error";
}

const char *slv_err_text(const slv_err *err)
{
    if (!err) /* nobody asked for the reason; who puts it into a text of its own has this */
        return "failed";
    return err->message[0] ? err->message : slv_code_text(err->code);
}

void slv_assert_fail(const char *expr, const char *file, int line, const char *func)
{
    (void)fprintf(stderr, "selvage: assertion failed: %s (%s:%d, %s)\n", expr, file, line, func);
    abort();
}
