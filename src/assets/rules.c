#include <stdarg.h>

#include "assets/rules_int.h"
#include "fmt/url.h"

#define HTTPS SLV_STR("https://")

slv_code slv_rule_warn(slv_buf *warnings, const char *file, unsigned line, slv_str text,
                       const char *fmt, ...)
{
    va_list ap;

    SLV_TRY(slv_buf_printf(warnings, "%s:%u: ", file, line));
    va_start(ap, fmt);
    slv_code code = slv_buf_vprintf(warnings, fmt, ap);
    va_end(ap);
    SLV_TRY(code);
    if (text.len > 0)
        SLV_TRY(slv_buf_printf(warnings, " | %.*s", SLV_STR_ARGS(slv_str_sub(text, 0, 200))));
    return slv_buf_append_byte(warnings, '\n');
}

slv_code slv_rule_next(slv_str *text, const char *file, unsigned *number, slv_str *ret,
                       slv_buf *warnings)
{
    slv_str line;

    *ret = SLV_STR_NULL;
    while (slv_str_split(text, '\n', &line)) {
        ++*number;
        line = slv_str_trim(line);
        if (line.len > SLV_RULE_LINE_MAX && line.ptr[0] != '#') {
            SLV_TRY(slv_rule_warn(warnings, file, *number, SLV_STR_NULL,
                                  "the line is longer than %zu bytes", SLV_RULE_LINE_MAX));
        } else if (line.len > 0 && line.ptr[0] != '#') {
            *ret = line;
            return SLV_OK;
        }
    }
    return SLV_OK;
}

/* The host of https://HOST/..., however many slashes stand before it; *rest: what follows it. */
static slv_str host_of(slv_str url, slv_str *rest)
{
    size_t at = HTTPS.len;

    if (!slv_str_starts(url, HTTPS))
        return SLV_STR_NULL;
    while (at < url.len && url.ptr[at] == '/')
        at++;
    size_t end = slv_str_chr(url, '/', at);
    if (end > url.len)
        end = url.len;
    *rest = slv_str_skip(url, end);
    return slv_str_sub(url, at, end);
}

bool slv_rule_has_host(slv_str url)
{
    slv_str rest;

    return host_of(url, &rest).len > 0;
}

static bool has_port(slv_str host)
{
    size_t colon = slv_str_rchr(host, ':');

    if (colon >= host.len || colon + 1 == host.len)
        return false;
    for (size_t i = colon + 1; i < host.len; i++)
        if (!slv_is_digit(host.ptr[i]))
            return false;
    return true;
}

static slv_code append_path(slv_str path, bool rest, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(2 * SLV_RULE_LINE_MAX + 16);
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;

    SLV_TRY(slv_buf_append(&text, SLV_STR("relative://")));
    if (path.len == 0 || path.ptr[0] != '/')
        SLV_TRY(slv_buf_append_byte(&text, '/'));
    SLV_TRY(slv_buf_append(&text, path));
    SLV_TRY(slv_url_parse(slv_buf_view(&text), NULL, &url));
    SLV_TRY(slv_buf_append(out, slv_url_pathname(&url)));
    if (rest) {
        SLV_TRY(slv_buf_append(out, slv_url_search(&url)));
        SLV_TRY(slv_buf_append(out, slv_url_hash(&url)));
    }
    return SLV_OK;
}

slv_code slv_rule_url(slv_str token, unsigned bits, slv_arena *arena, slv_str *ret,
                      const char **ret_why)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8 * SLV_RULE_LINE_MAX);
    slv_str rest, host = host_of(token, &rest);

    if (host.len > 0 && bits & SLV_RULE_RELATIVE) {
        *ret_why = "only relative URLs are allowed";
        return SLV_E_PARSE;
    }
    if (host.len > 0 && bits & SLV_RULE_NO_PORT && has_port(host)) {
        *ret_why = "specifying ports is not supported";
        return SLV_E_PARSE;
    }
    if (host.len == 0 && !(bits & SLV_RULE_RELATIVE) && (token.len == 0 || token.ptr[0] != '/')) {
        *ret_why = "URLs should either be relative (begin with a slash), or use HTTPS (begin with "
                   "\"https://\")";
        return SLV_E_PARSE;
    }
    *ret_why = "the URL cannot be parsed";
    if (host.len > 0)
        SLV_TRY(slv_buf_printf(&out, "https://%.*s", SLV_STR_ARGS(host)));
    if (append_path(host.len > 0 ? rest : token, bits & SLV_RULE_REST, &out) != SLV_OK)
        return SLV_E_PARSE;
    return slv_arena_dup(arena, slv_buf_view(&out), ret);
}
