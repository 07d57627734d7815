#include "cli/term.h"
#include "net/http1_write.h"

#include <stdlib.h>
#include <unistd.h>

static slv_term_level term_level = SLV_TERM_LOG;

bool slv_term_parse_level(const char *name, slv_term_level *ret)
{
    static const char *const names[] = {"none", "error", "warn", "info", "log", "debug"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (slv_term_level)i;
            return true;
        }
    return false;
}

void slv_term_set_level(slv_term_level level)
{
    term_level = level;
}

bool slv_term_shows(slv_term_level level)
{
    return level <= term_level;
}

static bool is_set(const char *name)
{
    const char *s = getenv(name);

    return s && s[0] && strcmp(s, "0") != 0;
}

static bool has_colors(FILE *stream)
{
    static int known[2] = {-1, -1};
    int *k = &known[stream == stderr];

    if (*k < 0) {
        const char *term = getenv("TERM");

        *k = is_set("FORCE_COLOR") || (isatty(fileno(stream)) && !is_set("NO_COLOR") &&
                                       !(term && strcmp(term, "dumb") == 0));
    }
    return *k;
}

const char *slv_term_color(FILE *stream, slv_color color)
{
    static const char *const codes[] = {
        [SLV_COLOR_RESET] = "\033[0m",  [SLV_COLOR_BOLD] = "\033[1m",
        [SLV_COLOR_DIM] = "\033[2m",    [SLV_COLOR_RED] = "\033[31m",
        [SLV_COLOR_GREEN] = "\033[32m", [SLV_COLOR_YELLOW] = "\033[33m",
        [SLV_COLOR_BLUE] = "\033[34m",  [SLV_COLOR_CYAN] = "\033[36m",
    };
    return has_colors(stream) ? codes[color] : "";
}

/* Both streams may be the same terminal: keep what is written in order. */
__attribute__((nonnull, format(printf, 2, 0))) static void line(FILE *stream, const char *fmt,
                                                                va_list ap)
{
    fflush(stream == stdout ? stderr : stdout);
    vfprintf(stream, fmt, ap);
    fputc('\n', stream);
    fflush(stream);
}

void slv_term_news(const char *fmt, ...)
{
    va_list ap;

    if (!slv_term_shows(SLV_TERM_INFO))
        return;
    va_start(ap, fmt);
    line(stdout, fmt, ap);
    va_end(ap);
}

void slv_term_warn(const char *fmt, ...)
{
    va_list ap;

    if (!slv_term_shows(SLV_TERM_WARN))
        return;
    fprintf(stderr, "%s▲ [WARNING]%s ", slv_term_color(stderr, SLV_COLOR_YELLOW),
            slv_term_color(stderr, SLV_COLOR_RESET));
    va_start(ap, fmt);
    line(stderr, fmt, ap);
    va_end(ap);
}

void slv_term_error(const char *fmt, ...)
{
    va_list ap;

    if (!slv_term_shows(SLV_TERM_ERROR))
        return;
    fprintf(stderr, "%s✘ [ERROR]%s ", slv_term_color(stderr, SLV_COLOR_RED),
            slv_term_color(stderr, SLV_COLOR_RESET));
    va_start(ap, fmt);
    line(stderr, fmt, ap);
    va_end(ap);
}

static slv_color status_color(int status)
{
    if (status == 0 || status >= 500)
        return SLV_COLOR_RED;
    if (status >= 400)
        return SLV_COLOR_YELLOW;
    return status >= 300 ? SLV_COLOR_CYAN : SLV_COLOR_GREEN;
}

/* A target is a stranger's: nothing in it may reach the terminal as a control sequence. */
static void put_clean(FILE *stream, slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        fputc((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F ? '?' : s.ptr[i], stream);
}

void slv_term_request(slv_str method, slv_str target, int status, uint64_t time_us)
{
    const char *text = slv_http_reason(status);

    if (!slv_term_shows(SLV_TERM_INFO))
        return;
    put_clean(stdout, method);
    fputc(' ', stdout);
    put_clean(stdout, target);
    fputc(' ', stdout);
    fputs(slv_term_color(stdout, status_color(status)), stdout);
    if (status == 0)
        fputs("canceled ", stdout);
    else if (status >= 100)
        fprintf(stdout, "%d%s%s ", status, text[0] ? " " : "", text);
    fprintf(stdout, "%s%s(%llums)%s\n", slv_term_color(stdout, SLV_COLOR_RESET),
            slv_term_color(stdout, SLV_COLOR_DIM), (unsigned long long)((time_us + 500) / 1000),
            slv_term_color(stdout, SLV_COLOR_RESET));
}

static slv_term_level level_of(slv_console_level level)
{
    switch (level) {
    case SLV_CONSOLE_ERROR:
        return SLV_TERM_ERROR;
    case SLV_CONSOLE_WARN:
        return SLV_TERM_WARN;
    case SLV_CONSOLE_INFO:
        return SLV_TERM_INFO;
    case SLV_CONSOLE_LOG:
    case SLV_CONSOLE_DEBUG:
    case SLV_CONSOLE_CHANNEL:
        break;
    }
    return SLV_TERM_LOG;
}

void slv_term_console(slv_console_level level, slv_str text, slv_str place)
{
    FILE *stream = level >= SLV_CONSOLE_WARN ? stderr : stdout;
    slv_color color = level == SLV_CONSOLE_ERROR  ? SLV_COLOR_RED
                      : level == SLV_CONSOLE_WARN ? SLV_COLOR_YELLOW
                                                  : SLV_COLOR_RESET;

    if (!slv_term_shows(level_of(level)))
        return;
    fflush(stream == stdout ? stderr : stdout);
    if (color != SLV_COLOR_RESET)
        fputs(slv_term_color(stream, color), stream);
    fwrite(text.ptr ? text.ptr : "", 1, text.len, stream);
    if (color != SLV_COLOR_RESET)
        fputs(slv_term_color(stream, SLV_COLOR_RESET), stream);
    if (place.len > 0)
        fprintf(stream, "  %s(%.*s)%s", slv_term_color(stream, SLV_COLOR_DIM), SLV_STR_ARGS(place),
                slv_term_color(stream, SLV_COLOR_RESET));
    fputc('\n', stream);
    fflush(stream);
}
