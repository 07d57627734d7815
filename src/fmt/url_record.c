#include "base/utf8.h"
#include "fmt/url_int.h"

static const struct {
    slv_str name;
    int32_t port;
} schemes[] = {
    [SLV_URL_OTHER] = {SLV_STR(""), -1},       [SLV_URL_HTTP] = {SLV_STR("http"), 80},
    [SLV_URL_HTTPS] = {SLV_STR("https"), 443}, [SLV_URL_WS] = {SLV_STR("ws"), 80},
    [SLV_URL_WSS] = {SLV_STR("wss"), 443},     [SLV_URL_FTP] = {SLV_STR("ftp"), 21},
    [SLV_URL_FILE] = {SLV_STR("file"), -1},
};

slv_url_scheme slv_url_scheme_of(slv_str name)
{
    for (unsigned i = SLV_URL_HTTP; i < SLV_ARRAY_LEN(schemes); i++)
        if (slv_str_eq(name, schemes[i].name))
            return (slv_url_scheme)i;
    return SLV_URL_OTHER;
}

int32_t slv_url_default_port(slv_url_scheme scheme)
{
    return schemes[scheme].port;
}

void slv_url_record_init(url_record *rec)
{
    *rec = (url_record){.port = -1,
                        .scheme_name = SLV_BUF(SLV_URL_MAX),
                        .username = SLV_BUF(SLV_URL_MAX),
                        .password = SLV_BUF(SLV_URL_MAX),
                        .host = SLV_BUF(SLV_URL_MAX),
                        .path = SLV_BUF(SLV_URL_MAX),
                        .query = SLV_BUF(SLV_URL_MAX),
                        .fragment = SLV_BUF(SLV_URL_MAX)};
}

void slv_url_record_done(url_record *rec)
{
    slv_buf_done(&rec->scheme_name);
    slv_buf_done(&rec->username);
    slv_buf_done(&rec->password);
    slv_buf_done(&rec->host);
    slv_buf_done(&rec->path);
    slv_buf_done(&rec->query);
    slv_buf_done(&rec->fragment);
}

slv_code slv_url_record_load(url_record *rec, const slv_url *url)
{
    slv_str href = slv_buf_view(&url->href);

    rec->scheme = url->scheme;
    rec->has_host = url->has_host;
    rec->opaque_path = url->opaque_path;
    rec->has_query = url->at.search_start != SLV_URL_NONE;
    rec->has_fragment = url->at.hash_start != SLV_URL_NONE;
    rec->port = url->at.port == SLV_URL_NONE ? -1 : (int32_t)url->at.port;
    SLV_TRY(slv_buf_set(&rec->scheme_name, slv_str_sub(href, 0, url->at.protocol_end - 1)));
    SLV_TRY(slv_buf_set(&rec->username, slv_url_username(url)));
    SLV_TRY(slv_buf_set(&rec->password, slv_url_password(url)));
    SLV_TRY(slv_buf_set(&rec->host, slv_url_hostname(url)));
    SLV_TRY(slv_buf_set(&rec->path, slv_url_pathname(url)));
    size_t query_end = rec->has_fragment ? url->at.hash_start : href.len;
    if (rec->has_query)
        SLV_TRY(slv_buf_set(&rec->query, slv_str_sub(href, url->at.search_start + 1, query_end)));
    if (rec->has_fragment)
        SLV_TRY(slv_buf_set(&rec->fragment, slv_str_skip(href, url->at.hash_start + 1)));
    return SLV_OK;
}

static slv_code write_authority(const url_record *rec, slv_buf *out, slv_url_offsets *at)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("//")));
    SLV_TRY(slv_buf_append(out, slv_buf_view(&rec->username)));
    at->username_end = (uint32_t)out->len;
    if (rec->password.len > 0) {
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_buf_append(out, slv_buf_view(&rec->password)));
    }
    at->host_start = (uint32_t)out->len;
    if (rec->username.len > 0 || rec->password.len > 0)
        SLV_TRY(slv_buf_append_byte(out, '@'));
    SLV_TRY(slv_buf_append(out, slv_buf_view(&rec->host)));
    at->host_end = (uint32_t)out->len;
    if (rec->port >= 0) {
        SLV_TRY(slv_buf_printf(out, ":%d", rec->port));
        at->port = (uint32_t)rec->port;
    }
    return SLV_OK;
}

slv_code slv_url_record_write(const url_record *rec, slv_url *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_URL_MAX);
    slv_url_offsets at = {
        .port = SLV_URL_NONE, .search_start = SLV_URL_NONE, .hash_start = SLV_URL_NONE};

    size_t most = rec->scheme_name.len + rec->username.len + rec->password.len + rec->host.len +
                  rec->path.len + rec->query.len + rec->fragment.len + 16;
    SLV_TRY(slv_buf_reserve(&out, SLV_MIN(most, SLV_URL_MAX)));
    SLV_TRY(slv_buf_append(&out, slv_buf_view(&rec->scheme_name)));
    SLV_TRY(slv_buf_append_byte(&out, ':'));
    at.protocol_end = at.username_end = at.host_start = at.host_end = (uint32_t)out.len;
    if (rec->has_host)
        SLV_TRY(write_authority(rec, &out, &at));
    else if (!rec->opaque_path && slv_str_starts(slv_buf_view(&rec->path), SLV_STR("//")))
        SLV_TRY(slv_buf_append(&out, SLV_STR("/."))); /* else the path would read as a host */
    at.pathname_start = (uint32_t)out.len;
    SLV_TRY(slv_buf_append(&out, slv_buf_view(&rec->path)));
    if (rec->has_query) {
        at.search_start = (uint32_t)out.len;
        SLV_TRY(slv_buf_append_byte(&out, '?'));
        SLV_TRY(slv_buf_append(&out, slv_buf_view(&rec->query)));
    }
    if (rec->has_fragment) {
        at.hash_start = (uint32_t)out.len;
        SLV_TRY(slv_buf_append_byte(&out, '#'));
        SLV_TRY(slv_buf_append(&out, slv_buf_view(&rec->fragment)));
    }
    slv_buf old = ret->href;
    ret->href = out;
    out = old;
    ret->at = at;
    ret->scheme = rec->scheme;
    ret->has_host = rec->has_host;
    ret->opaque_path = rec->opaque_path;
    return SLV_OK;
}

/* "." or "%2e" at the front: how many bytes, or 0. */
static size_t dot_len(slv_str s)
{
    if (s.len >= 1 && s.ptr[0] == '.')
        return 1;
    return slv_str_eq_nocase(slv_str_sub(s, 0, 3), SLV_STR("%2e")) ? 3 : 0;
}

bool slv_url_single_dot(slv_str segment)
{
    size_t n = dot_len(segment);

    return n > 0 && n == segment.len;
}

bool slv_url_double_dot(slv_str segment)
{
    size_t n = dot_len(segment);

    return n > 0 && slv_url_single_dot(slv_str_skip(segment, n));
}

bool slv_url_windows_letter(slv_str s)
{
    return s.len == 2 && slv_is_alpha(s.ptr[0]) && (s.ptr[1] == ':' || s.ptr[1] == '|');
}

bool slv_url_starts_windows_letter(slv_str s)
{
    if (!slv_url_windows_letter(slv_str_sub(s, 0, 2)))
        return false;
    return s.len == 2 || s.ptr[2] == '/' || s.ptr[2] == '\\' || s.ptr[2] == '?' || s.ptr[2] == '#';
}

void slv_url_shorten_path(url_record *rec)
{
    slv_str path = slv_buf_view(&rec->path);

    /* a drive letter that stands alone is not left by ".." */
    if (rec->scheme == SLV_URL_FILE && path.len == 3 && path.ptr[2] == ':' &&
        slv_url_windows_letter(slv_str_skip(path, 1)))
        return;
    if (path.len > 0)
        rec->path.len = slv_str_rchr(path, '/');
}

slv_code slv_url_clean(slv_str input, slv_buf *scratch, slv_str *ret)
{
    bool dirty = false;

    for (size_t i = 0; i < input.len && !dirty; i++) {
        unsigned char c = (unsigned char)input.ptr[i];

        dirty = c >= 0x80 || c == '\t' || c == '\n' || c == '\r';
    }
    *ret = input;
    if (!dirty)
        return SLV_OK;
    for (size_t i = 0; i < input.len;) {
        bool malformed;
        uint32_t cp = slv_utf8_next(input, &i, &malformed);
        char bytes[4];

        if (cp != '\t' && cp != '\n' && cp != '\r')
            SLV_TRY(slv_buf_append(scratch, slv_str_make(bytes, slv_utf8_put(cp, bytes))));
    }
    *ret = slv_buf_view(scratch);
    return SLV_OK;
}
