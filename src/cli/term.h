/*
 * term.h - what dev shows: request lines, console output, errors; coloured on a terminal. Main
 * thread only.
 *
 * Request lines, ordinary console output and news go to standard output; warnings, errors and
 * console.warn/error to standard error. Colours are on when the stream is a terminal, NO_COLOR is
 * not set and TERM is not "dumb"; FORCE_COLOR switches them on.
 */
#ifndef SLV_CLI_TERM_H
#define SLV_CLI_TERM_H

#include <stdio.h>

#include "base/buf.h"
#include "chan/msg.h"

typedef enum slv_term_level {
    SLV_TERM_NONE,
    SLV_TERM_ERROR,
    SLV_TERM_WARN,
    SLV_TERM_INFO,
    SLV_TERM_LOG,
    SLV_TERM_DEBUG,
} slv_term_level;

/* "none", "error", ...; false when there is no such level. */
bool slv_term_parse_level(const char *name, slv_term_level *ret);
void slv_term_set_level(slv_term_level level);
bool slv_term_shows(slv_term_level level);

typedef enum slv_color {
    SLV_COLOR_RESET,
    SLV_COLOR_BOLD,
    SLV_COLOR_DIM,
    SLV_COLOR_RED,
    SLV_COLOR_GREEN,
    SLV_COLOR_YELLOW,
    SLV_COLOR_BLUE,
    SLV_COLOR_CYAN,
} slv_color;

/* The escape sequence, or "" when the stream has no colours. */
const char *slv_term_color(FILE *stream, slv_color color);

void slv_term_news(const char *fmt, ...) SLV_PRINTF(1, 2); /* stdout, level info */
void slv_term_warn(const char *fmt, ...) SLV_PRINTF(1, 2);
void slv_term_error(const char *fmt, ...) SLV_PRINTF(1, 2);
/* "GET /x 200 OK (3ms)"; status 0: the client left. Not flushed: lines come in batches, and a write
   for each would cost as much as the request. */
void slv_term_request(slv_str method, slv_str target, int status, uint64_t time_us);
/* place may be empty. */
void slv_term_console(slv_console_level level, slv_str text, slv_str place);

#endif
