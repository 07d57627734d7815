#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static slv_log_level current = SLV_LOG_WARN;

void slv_log_set_level(slv_log_level level)
{
    current = level;
}

bool slv_log_enabled(slv_log_level level)
{
    return level <= current;
}

void slv_log(slv_log_level level, const char *fmt, ...)
{
    char line[2048];
    va_list ap;

    if (!slv_log_enabled(level))
        return;
    int head = snprintf(line, sizeof line, "selvage: %s",
                        level == SLV_LOG_ERROR  ? "error: "
                        : level == SLV_LOG_WARN ? "warning: "
                                                : "");
    va_start(ap, fmt);
    int n = vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, ap);
    va_end(ap);
    size_t len = (size_t)head + (n < 0 ? 0 : (size_t)n);
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* a closed stderr is no reason to stop */
}
