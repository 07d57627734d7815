/*
 * log.h - diagnostic lines of the program itself, on stderr: "selvage: <text>". Any thread; one
 * write for each line.
 *
 * Libraries and services do not log. The user's console output is not logging; it goes through
 * events.
 */
#ifndef SLV_BASE_LOG_H
#define SLV_BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

typedef enum slv_log_level {
    SLV_LOG_NONE,
    SLV_LOG_ERROR,
    SLV_LOG_WARN,
    SLV_LOG_INFO,
    SLV_LOG_DEBUG,
} slv_log_level;

void slv_log_set_level(slv_log_level level); /* before threads start; default SLV_LOG_WARN */
bool slv_log_enabled(slv_log_level level);
void slv_log(slv_log_level level, const char *fmt, ...) SLV_PRINTF(2, 3);

#endif
