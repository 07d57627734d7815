#include "fmt/url.h"

#include "fmt/url_int.h"

void slv_url_done(slv_url *url)
{
    slv_buf_done(&url->href);
}

static slv_str part(const slv_url *url, size_t from, size_t to)
{
    return slv_str_sub(slv_buf_view(&url->href), from, to);
}

slv_str slv_url_protocol(const slv_url *url)
{
    return part(url, 0, url->at.protocol_end);
}

slv_str slv_url_username(const slv_url *url)
{
    if (url->at.username_end == url->at.protocol_end)
        return SLV_STR("");
    return part(url, url->at.protocol_end + 2, url->at.username_end);
}

slv_str slv_url_password(const slv_url *url)
{
    if (url->at.host_start == url->at.username_end)
        return SLV_STR("");
    return part(url, url->at.username_end + 1, url->at.host_start);
}

/* Where the host itself begins: behind the "@", if there is one. */
static size_t host_begin(const slv_url *url)
{
    size_t at = url->at.host_start;

    return at < url->href.len && at < url->at.host_end && url->href.ptr[at] == '@' ? at + 1 : at;
}

slv_str slv_url_host(const slv_url *url)
{
    if (!url->has_host)
        return SLV_STR("");
    return part(url, host_begin(url), url->at.pathname_start);
}

slv_str slv_url_hostname(const slv_url *url)
{
    return part(url, host_begin(url), url->at.host_end);
}

slv_str slv_url_port(const slv_url *url)
{
    if (url->at.port == SLV_URL_NONE)
        return SLV_STR("");
    return part(url, url->at.host_end + 1, url->at.pathname_start);
}

slv_str slv_url_pathname(const slv_url *url)
{
    size_t end = SLV_MIN(url->at.search_start, url->at.hash_start); /* NONE is the largest */

    return part(url, url->at.pathname_start, end);
}

slv_str slv_url_search(const slv_url *url)
{
    if (url->at.search_start == SLV_URL_NONE)
        return SLV_STR("");
    slv_str s = part(url, url->at.search_start, url->at.hash_start);
    return s.len == 1 ? SLV_STR("") : s;
}

slv_str slv_url_hash(const slv_url *url)
{
    if (url->at.hash_start == SLV_URL_NONE)
        return SLV_STR("");
    slv_str s = part(url, url->at.hash_start, url->href.len);
    return s.len == 1 ? SLV_STR("") : s;
}

slv_code slv_url_origin(const slv_url *url, slv_buf *ret)
{
    if (slv_str_is(slv_url_protocol(url), "blob:")) {
        SLV_CLEANUP(slv_url_done) slv_url inner = SLV_URL_INIT;
        slv_code code = slv_url_parse(slv_url_pathname(url), NULL, &inner);

        if (code == SLV_OK && (inner.scheme == SLV_URL_HTTP || inner.scheme == SLV_URL_HTTPS))
            return slv_url_origin(&inner, ret);
        return slv_buf_set(ret, SLV_STR("null"));
    }
    if (url->scheme == SLV_URL_OTHER || url->scheme == SLV_URL_FILE)
        return slv_buf_set(ret, SLV_STR("null"));
    SLV_TRY(slv_buf_set(ret, slv_url_protocol(url)));
    SLV_TRY(slv_buf_append(ret, SLV_STR("//")));
    return slv_buf_append(ret, slv_url_host(url));
}

uint16_t slv_url_port_number(const slv_url *url)
{
    int32_t by_scheme = slv_url_default_port(url->scheme);

    if (url->at.port != SLV_URL_NONE)
        return (uint16_t)url->at.port;
    return by_scheme < 0 ? 0 : (uint16_t)by_scheme;
}

static slv_str strip_controls(slv_str s)
{
    while (s.len > 0 && (unsigned char)s.ptr[0] <= ' ')
        s = slv_str_skip(s, 1);
    while (s.len > 0 && (unsigned char)s.ptr[s.len - 1] <= ' ')
        s.len--;
    return s;
}

slv_code slv_url_parse(slv_str input, const slv_url *base, slv_url *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf scratch = SLV_BUF(SLV_URL_MAX * 3);
    SLV_CLEANUP(slv_url_record_done) url_record rec;
    slv_code code = SLV_OK;
    slv_str clean;

    slv_url_record_init(&rec);
    if (input.len > SLV_URL_MAX)
        return SLV_E_LIMIT;
    if (slv_url_fast_parse(input, ret, &code))
        return code;
    SLV_TRY(slv_url_clean(strip_controls(input), &scratch, &clean));
    SLV_TRY(slv_url_run(clean, base, &rec, URL_NO_OVERRIDE));
    return slv_url_record_write(&rec, ret);
}

/* Runs the parser from a state on a setter's value. What it refuses changes nothing more, and is no
 * error. */
static slv_code override(url_record *rec, slv_str value, url_state state)
{
    slv_code code = slv_url_run(value, NULL, rec, state);

    return code == SLV_E_PARSE ? SLV_OK : code;
}

static slv_code set_query(url_record *rec, slv_str value, bool present)
{
    slv_buf_reset(&rec->query);
    rec->has_query = present;
    if (value.len > 0 && value.ptr[0] == '?')
        value = slv_str_skip(value, 1);
    return override(rec, value, URL_QUERY);
}

static slv_code set_fragment(url_record *rec, slv_str value, bool present)
{
    slv_buf_reset(&rec->fragment);
    rec->has_fragment = present;
    if (value.len > 0 && value.ptr[0] == '#')
        value = slv_str_skip(value, 1);
    return override(rec, value, URL_FRAGMENT);
}

static slv_code set_credentials(slv_buf *which, slv_str value)
{
    slv_buf_reset(which);
    return slv_url_percent_encode(value, SLV_URL_SET_USERINFO, which);
}

static slv_code set_protocol(url_record *rec, slv_str value)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_URL_MAX * 3);

    SLV_TRY(slv_buf_set(&text, value));
    SLV_TRY(slv_buf_append_byte(&text, ':'));
    return override(rec, slv_buf_view(&text), URL_SCHEME_START);
}

static slv_code set_part(url_record *rec, slv_url_part which, slv_str value, slv_str raw)
{
    bool no_credentials = !rec->has_host || rec->host.len == 0 || rec->scheme == SLV_URL_FILE;

    switch (which) {
    case SLV_URL_PROTOCOL:
        return set_protocol(rec, value);
    case SLV_URL_USERNAME: /* the raw value: only the parser drops tabs and newlines */
        return no_credentials ? SLV_OK : set_credentials(&rec->username, raw);
    case SLV_URL_PASSWORD:
        return no_credentials ? SLV_OK : set_credentials(&rec->password, raw);
    case SLV_URL_HOST:
        return rec->opaque_path ? SLV_OK : override(rec, value, URL_HOST);
    case SLV_URL_HOSTNAME:
        return rec->opaque_path ? SLV_OK : override(rec, value, URL_HOSTNAME);
    case SLV_URL_PORT:
        if (no_credentials)
            return SLV_OK;
        if (raw.len > 0)
            return override(rec, value, URL_PORT);
        rec->port = -1;
        return SLV_OK;
    case SLV_URL_PATHNAME:
        if (rec->opaque_path)
            return SLV_OK;
        slv_buf_reset(&rec->path);
        return override(rec, value, URL_PATH_START);
    case SLV_URL_SEARCH:
        return set_query(rec, value, raw.len > 0);
    case SLV_URL_HASH:
        return set_fragment(rec, value, raw.len > 0);
    case SLV_URL_HREF:
        break;
    }
    SLV_UNREACHABLE();
}

slv_code slv_url_set(slv_url *url, slv_url_part which, slv_str value)
{
    SLV_CLEANUP(slv_buf_done) slv_buf scratch = SLV_BUF(SLV_URL_MAX * 3);
    SLV_CLEANUP(slv_url_record_done) url_record rec;
    slv_str clean;

    slv_url_record_init(&rec);
    if (which == SLV_URL_HREF)
        return slv_url_parse(value, NULL, url);
    if (value.len > SLV_URL_MAX)
        return SLV_E_LIMIT;
    SLV_TRY(slv_url_record_load(&rec, url));
    SLV_TRY(slv_url_clean(value, &scratch, &clean));
    SLV_TRY(set_part(&rec, which, clean, value));
    return slv_url_record_write(&rec, url);
}

bool slv_url_dns_length_ok(const slv_url *url)
{
    slv_str host = slv_url_hostname(url), label;

    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > 253)
        return false;
    while (slv_str_split(&host, '.', &label))
        if (label.len == 0 || label.len > 63)
            return false;
    return true;
}
