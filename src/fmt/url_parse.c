/* url_parse.c - the "basic URL parser" of the standard: one function for each state. */
#include "fmt/url_int.h"

#define END (-1)

typedef enum step {
    GO,   /* on to the next byte */
    STOP, /* parsed as far as this state is asked to */
    FAIL, /* p->code says why */
} step;

typedef struct parser {
    slv_str in;
    size_t pos; /* may wrap below 0 for a moment: "decrease pointer" before the increment */
    const slv_url *base;
    url_record *rec;
    slv_buf buf;
    url_state state, override;
    slv_code code;
    bool at_sign, brackets, password_token;
} parser;

static step fail(parser *p, slv_code code)
{
    p->code = code;
    return FAIL;
}

#define PUT(expr)                                                                                  \
    do {                                                                                           \
        slv_code put_code_ = (expr);                                                               \
        if (SLV_UNLIKELY(put_code_ != SLV_OK))                                                     \
            return fail(p, put_code_);                                                             \
    } while (0)

static slv_str rest(const parser *p) /* from the byte at pos on */
{
    return slv_str_skip(p->in, p->pos);
}

static bool next_is(const parser *p, char c)
{
    return p->pos < p->in.len && p->pos + 1 < p->in.len && p->in.ptr[p->pos + 1] == c;
}

static bool special(const parser *p)
{
    return url_special(p->rec->scheme);
}

static bool ends_authority(const parser *p, int c)
{
    return c == END || c == '/' || c == '?' || c == '#' || (c == '\\' && special(p));
}

static step enter(parser *p, url_state state, bool same_byte)
{
    p->state = state;
    if (same_byte)
        p->pos--;
    return GO;
}

static step enter_query(parser *p)
{
    p->rec->has_query = true;
    slv_buf_reset(&p->rec->query);
    return enter(p, URL_QUERY, false);
}

static step enter_fragment(parser *p)
{
    p->rec->has_fragment = true;
    slv_buf_reset(&p->rec->fragment);
    return enter(p, URL_FRAGMENT, false);
}

static step scheme_start(parser *p, int c)
{
    if (c != END && slv_is_alpha((char)c)) {
        PUT(slv_buf_append_byte(&p->buf, slv_ascii_lower((char)c)));
        return enter(p, URL_SCHEME, false);
    }
    if (p->override)
        return fail(p, SLV_E_PARSE);
    return enter(p, URL_NO_SCHEME, true);
}

/* The protocol setter reached ":": changes the scheme where the standard allows it. */
static step override_scheme(parser *p)
{
    url_record *rec = p->rec;
    slv_url_scheme scheme = slv_url_scheme_of(slv_buf_view(&p->buf));

    if (url_special(scheme) != url_special(rec->scheme))
        return STOP;
    if (scheme == SLV_URL_FILE && (rec->username.len || rec->password.len || rec->port >= 0))
        return STOP;
    if (rec->scheme == SLV_URL_FILE && rec->host.len == 0)
        return STOP;
    PUT(slv_buf_set(&rec->scheme_name, slv_buf_view(&p->buf)));
    rec->scheme = scheme;
    if (rec->port == slv_url_default_port(scheme))
        rec->port = -1;
    return STOP;
}

static step scheme(parser *p, int c)
{
    url_record *rec = p->rec;

    if (c != END &&
        (slv_is_alpha((char)c) || slv_is_digit((char)c) || c == '+' || c == '-' || c == '.')) {
        PUT(slv_buf_append_byte(&p->buf, slv_ascii_lower((char)c)));
        return GO;
    }
    if (c != ':') {
        if (p->override)
            return fail(p, SLV_E_PARSE);
        slv_buf_reset(&p->buf);
        p->pos = SIZE_MAX; /* start over */
        return enter(p, URL_NO_SCHEME, false);
    }
    if (p->override)
        return override_scheme(p);
    PUT(slv_buf_set(&rec->scheme_name, slv_buf_view(&p->buf)));
    rec->scheme = slv_url_scheme_of(slv_buf_view(&p->buf));
    slv_buf_reset(&p->buf);
    if (rec->scheme == SLV_URL_FILE)
        return enter(p, URL_FILE, false);
    if (special(p) && p->base && p->base->scheme == rec->scheme)
        return enter(p, URL_SPECIAL_RELATIVE_OR_AUTHORITY, false);
    if (special(p))
        return enter(p, URL_SPECIAL_AUTHORITY_SLASHES, false);
    if (next_is(p, '/')) {
        p->pos++;
        return enter(p, URL_PATH_OR_AUTHORITY, false);
    }
    rec->opaque_path = true;
    return enter(p, URL_OPAQUE_PATH, false);
}

static slv_code take_scheme(parser *p)
{
    slv_str protocol = slv_url_protocol(p->base);

    p->rec->scheme = p->base->scheme;
    return slv_buf_set(&p->rec->scheme_name, slv_str_sub(protocol, 0, protocol.len - 1));
}

static slv_code take_host(parser *p)
{
    p->rec->has_host = p->base->has_host;
    return slv_buf_set(&p->rec->host, slv_url_hostname(p->base));
}

static slv_code take_authority(parser *p)
{
    SLV_TRY(slv_buf_set(&p->rec->username, slv_url_username(p->base)));
    SLV_TRY(slv_buf_set(&p->rec->password, slv_url_password(p->base)));
    p->rec->port = p->base->at.port == SLV_URL_NONE ? -1 : (int32_t)p->base->at.port;
    return take_host(p);
}

static slv_code take_path_and_query(parser *p)
{
    const slv_url *base = p->base;

    p->rec->opaque_path = base->opaque_path;
    SLV_TRY(slv_buf_set(&p->rec->path, slv_url_pathname(base)));
    p->rec->has_query = base->at.search_start != SLV_URL_NONE;
    slv_buf_reset(&p->rec->query);
    if (!p->rec->has_query)
        return SLV_OK;
    size_t end = base->at.hash_start == SLV_URL_NONE ? base->href.len : base->at.hash_start;
    return slv_buf_set(&p->rec->query,
                       slv_str_sub(slv_buf_view(&base->href), base->at.search_start + 1, end));
}

static step no_scheme(parser *p, int c)
{
    if (!p->base || (p->base->opaque_path && c != '#'))
        return fail(p, SLV_E_PARSE);
    if (p->base->opaque_path) {
        PUT(take_scheme(p));
        PUT(take_path_and_query(p));
        return enter_fragment(p);
    }
    return enter(p, p->base->scheme == SLV_URL_FILE ? URL_FILE : URL_RELATIVE, true);
}

static step special_relative_or_authority(parser *p, int c)
{
    if (c == '/' && next_is(p, '/')) {
        p->pos++;
        return enter(p, URL_SPECIAL_AUTHORITY_IGNORE_SLASHES, false);
    }
    return enter(p, URL_RELATIVE, true);
}

static step path_or_authority(parser *p, int c)
{
    return c == '/' ? enter(p, URL_AUTHORITY, false) : enter(p, URL_PATH, true);
}

static step relative(parser *p, int c)
{
    PUT(take_scheme(p));
    if (c == '/' || (c == '\\' && special(p)))
        return enter(p, URL_RELATIVE_SLASH, false);
    PUT(take_authority(p));
    PUT(take_path_and_query(p));
    if (c == '?')
        return enter_query(p);
    if (c == '#')
        return enter_fragment(p);
    if (c == END)
        return GO;
    p->rec->has_query = false;
    slv_url_shorten_path(p->rec);
    return enter(p, URL_PATH, true);
}

static step relative_slash(parser *p, int c)
{
    if (special(p) && (c == '/' || c == '\\'))
        return enter(p, URL_SPECIAL_AUTHORITY_IGNORE_SLASHES, false);
    if (c == '/')
        return enter(p, URL_AUTHORITY, false);
    PUT(take_authority(p));
    return enter(p, URL_PATH, true);
}

static step special_authority_slashes(parser *p, int c)
{
    if (c == '/' && next_is(p, '/')) {
        p->pos++;
        return enter(p, URL_SPECIAL_AUTHORITY_IGNORE_SLASHES, false);
    }
    return enter(p, URL_SPECIAL_AUTHORITY_IGNORE_SLASHES, true);
}

static step special_authority_ignore_slashes(parser *p, int c)
{
    return c == '/' || c == '\\' ? GO : enter(p, URL_AUTHORITY, true);
}

/* What stands in buf before an "@" is credentials. An earlier "@" belongs to them. */
static step take_credentials(parser *p)
{
    slv_str text = slv_buf_view(&p->buf);

    if (p->at_sign)
        PUT(slv_buf_append(p->password_token ? &p->rec->password : &p->rec->username,
                           SLV_STR("%40")));
    p->at_sign = true;
    if (!p->password_token) {
        size_t colon = slv_str_chr(text, ':', 0);

        PUT(slv_url_percent_encode(slv_str_sub(text, 0, colon), SLV_URL_SET_USERINFO,
                                   &p->rec->username));
        p->password_token = colon != SIZE_MAX;
        text = colon == SIZE_MAX ? SLV_STR("") : slv_str_skip(text, colon + 1);
    }
    PUT(slv_url_percent_encode(text, SLV_URL_SET_USERINFO, &p->rec->password));
    slv_buf_reset(&p->buf);
    return GO;
}

static step authority(parser *p, int c)
{
    if (c == '@')
        return take_credentials(p);
    if (ends_authority(p, c)) {
        if (p->at_sign && p->buf.len == 0)
            return fail(p, SLV_E_PARSE);
        p->pos -= p->buf.len + 1;
        slv_buf_reset(&p->buf);
        return enter(p, URL_HOST, false);
    }
    PUT(slv_buf_append_byte(&p->buf, (char)c));
    return GO;
}

static step set_host(parser *p)
{
    PUT(slv_url_parse_host(slv_buf_view(&p->buf), special(p), &p->rec->host));
    p->rec->has_host = true;
    slv_buf_reset(&p->buf);
    return GO;
}

static step host(parser *p, int c)
{
    if (p->override && p->rec->scheme == SLV_URL_FILE)
        return enter(p, URL_FILE_HOST, true);
    if (c == ':' && !p->brackets) {
        if (p->buf.len == 0 || p->override == URL_HOSTNAME)
            return fail(p, SLV_E_PARSE);
        p->state = URL_PORT;
        return set_host(p);
    }
    if (ends_authority(p, c)) {
        p->pos--;
        if (p->buf.len == 0 &&
            (special(p) || (p->override && (p->rec->username.len > 0 || p->rec->password.len > 0 ||
                                            p->rec->port >= 0))))
            return fail(p, SLV_E_PARSE);
        p->state = URL_PATH_START;
        step done = set_host(p);
        return p->override && done == GO ? STOP : done;
    }
    if (c == '[')
        p->brackets = true;
    if (c == ']')
        p->brackets = false;
    PUT(slv_buf_append_byte(&p->buf, (char)c));
    return GO;
}

static step port(parser *p, int c)
{
    if (c != END && slv_is_digit((char)c)) {
        PUT(slv_buf_append_byte(&p->buf, (char)c));
        return GO;
    }
    if (!ends_authority(p, c) && !p->override)
        return fail(p, SLV_E_PARSE);
    if (p->buf.len > 0) {
        uint64_t number;

        if (slv_parse_u64(slv_buf_view(&p->buf), &number) != SLV_OK || number > 65535)
            return fail(p, SLV_E_PARSE);
        p->rec->port =
            (int32_t)number == slv_url_default_port(p->rec->scheme) ? -1 : (int32_t)number;
        slv_buf_reset(&p->buf);
        if (p->override)
            return STOP;
    }
    if (p->override)
        return fail(p, SLV_E_PARSE);
    return enter(p, URL_PATH_START, true);
}

static step file(parser *p, int c)
{
    url_record *rec = p->rec;

    rec->scheme = SLV_URL_FILE;
    PUT(slv_buf_set(&rec->scheme_name, SLV_STR("file")));
    rec->has_host = true;
    slv_buf_reset(&rec->host);
    if (c == '/' || c == '\\')
        return enter(p, URL_FILE_SLASH, false);
    if (!p->base || p->base->scheme != SLV_URL_FILE)
        return enter(p, URL_PATH, true);
    PUT(take_host(p));
    PUT(take_path_and_query(p));
    if (c == '?')
        return enter_query(p);
    if (c == '#')
        return enter_fragment(p);
    if (c == END)
        return GO;
    rec->has_query = false;
    if (slv_url_starts_windows_letter(rest(p)))
        slv_buf_reset(&rec->path);
    else
        slv_url_shorten_path(rec);
    return enter(p, URL_PATH, true);
}

static step file_slash(parser *p, int c)
{
    if (c == '/' || c == '\\')
        return enter(p, URL_FILE_HOST, false);
    if (p->base && p->base->scheme == SLV_URL_FILE) {
        slv_str path = slv_url_pathname(p->base);

        PUT(take_host(p));
        if (!slv_url_starts_windows_letter(c == END ? SLV_STR("") : rest(p)) && path.len >= 3 &&
            path.ptr[2] == ':' && slv_url_windows_letter(slv_str_sub(path, 1, 3)) &&
            (path.len == 3 || path.ptr[3] == '/'))
            PUT(slv_buf_append(&p->rec->path, slv_str_sub(path, 0, 3)));
    }
    return enter(p, URL_PATH, true);
}

static step file_host(parser *p, int c)
{
    if (c != END && c != '/' && c != '\\' && c != '?' && c != '#') {
        PUT(slv_buf_append_byte(&p->buf, (char)c));
        return GO;
    }
    p->pos--;
    if (!p->override && slv_url_windows_letter(slv_buf_view(&p->buf)))
        return enter(p, URL_PATH, false); /* buf becomes the first segment */
    p->state = URL_PATH_START;
    if (p->buf.len == 0) {
        slv_buf_reset(&p->rec->host);
        p->rec->has_host = true;
    } else {
        step done = set_host(p);

        if (done != GO)
            return done;
        if (slv_str_is(slv_buf_view(&p->rec->host), "localhost"))
            slv_buf_reset(&p->rec->host);
    }
    return p->override ? STOP : GO;
}

static step path_start(parser *p, int c)
{
    if (special(p))
        return enter(p, URL_PATH, c != '/' && c != '\\');
    if (!p->override && c == '?')
        return enter_query(p);
    if (!p->override && c == '#')
        return enter_fragment(p);
    if (c != END)
        return enter(p, URL_PATH, c != '/');
    if (p->override && !p->rec->has_host)
        PUT(slv_buf_append_byte(&p->rec->path, '/'));
    return GO;
}

/* Ends the segment in buf. slash: another segment follows. */
static slv_code end_segment(parser *p, bool slash)
{
    url_record *rec = p->rec;
    slv_str segment = slv_buf_view(&p->buf);

    if (slv_url_double_dot(segment)) {
        slv_url_shorten_path(rec);
        if (!slash)
            SLV_TRY(slv_buf_append_byte(&rec->path, '/'));
    } else if (slv_url_single_dot(segment)) {
        if (!slash)
            SLV_TRY(slv_buf_append_byte(&rec->path, '/'));
    } else {
        if (rec->scheme == SLV_URL_FILE && rec->path.len == 0 && slv_url_windows_letter(segment))
            p->buf.ptr[1] = ':';
        SLV_TRY(slv_buf_append_byte(&rec->path, '/'));
        SLV_TRY(slv_buf_append(&rec->path, segment));
    }
    slv_buf_reset(&p->buf);
    return SLV_OK;
}

/* The position of the first byte at or after pos that is one of the two, or a query or fragment
 * begins there. */
static size_t run_end(const parser *p, char one, char other, bool stops_at_query)
{
    size_t i = p->pos;

    for (; i < p->in.len; i++) {
        char c = p->in.ptr[i];

        if (c == one || c == other || (stops_at_query && (c == '?' || c == '#')))
            break;
    }
    return i;
}

static step path(parser *p, int c)
{
    bool slash = c == '/' || (c == '\\' && special(p));

    if (c != END && !slash && (p->override || (c != '?' && c != '#'))) {
        size_t end = run_end(p, '/', special(p) ? '\\' : '/', !p->override);

        PUT(slv_url_percent_encode(slv_str_sub(p->in, p->pos, end), SLV_URL_SET_PATH, &p->buf));
        p->pos = end - 1;
        return GO;
    }
    PUT(end_segment(p, slash));
    if (c == '?')
        return enter_query(p);
    if (c == '#')
        return enter_fragment(p);
    return GO;
}

static step opaque_path(parser *p, int c)
{
    if (c == '?')
        return enter_query(p);
    if (c == '#')
        return enter_fragment(p);
    if (c == END)
        return GO;
    if (c == ' ') {
        /* a space that would end the path is escaped, so that dropping the query cannot lose it */
        bool last = next_is(p, '?') || next_is(p, '#');

        PUT(slv_buf_append(&p->rec->path, last ? SLV_STR("%20") : SLV_STR(" ")));
        return GO;
    }
    size_t end = run_end(p, ' ', ' ', true);
    PUT(slv_url_percent_encode(slv_str_sub(p->in, p->pos, end), SLV_URL_SET_C0, &p->rec->path));
    p->pos = end - 1;
    return GO;
}

static step query(parser *p, int c)
{
    if (c == END)
        return GO;
    if (c == '#' && !p->override)
        return enter_fragment(p);
    size_t end = p->override ? p->in.len : run_end(p, '#', '#', false);
    PUT(slv_url_percent_encode(slv_str_sub(p->in, p->pos, end),
                               special(p) ? SLV_URL_SET_SPECIAL_QUERY : SLV_URL_SET_QUERY,
                               &p->rec->query));
    p->pos = end - 1;
    return GO;
}

static step fragment(parser *p, int c)
{
    if (c == END)
        return GO;
    PUT(slv_url_percent_encode(rest(p), SLV_URL_SET_FRAGMENT, &p->rec->fragment));
    p->pos = p->in.len - 1;
    return GO;
}

static step (*const states[])(parser *p, int c) = {
    [URL_SCHEME_START] = scheme_start,
    [URL_SCHEME] = scheme,
    [URL_NO_SCHEME] = no_scheme,
    [URL_SPECIAL_RELATIVE_OR_AUTHORITY] = special_relative_or_authority,
    [URL_PATH_OR_AUTHORITY] = path_or_authority,
    [URL_RELATIVE] = relative,
    [URL_RELATIVE_SLASH] = relative_slash,
    [URL_SPECIAL_AUTHORITY_SLASHES] = special_authority_slashes,
    [URL_SPECIAL_AUTHORITY_IGNORE_SLASHES] = special_authority_ignore_slashes,
    [URL_AUTHORITY] = authority,
    [URL_HOST] = host,
    [URL_HOSTNAME] = host,
    [URL_PORT] = port,
    [URL_FILE] = file,
    [URL_FILE_SLASH] = file_slash,
    [URL_FILE_HOST] = file_host,
    [URL_PATH_START] = path_start,
    [URL_PATH] = path,
    [URL_OPAQUE_PATH] = opaque_path,
    [URL_QUERY] = query,
    [URL_FRAGMENT] = fragment,
};

static slv_code run(parser *p)
{
    for (;;) {
        int c = p->pos < p->in.len ? (unsigned char)p->in.ptr[p->pos] : END;

        switch (states[p->state](p, c)) {
        case FAIL:
            return p->code;
        case STOP:
            return SLV_OK;
        case GO:
            break;
        }
        if (p->pos == p->in.len)
            return SLV_OK;
        p->pos++;
    }
}

slv_code slv_url_run(slv_str input, const slv_url *base, url_record *rec, url_state override)
{
    parser p = {.in = input,
                .base = base,
                .rec = rec,
                .buf = SLV_BUF(SLV_URL_MAX),
                .state = override ? override : URL_SCHEME_START,
                .override = override};
    slv_code code = run(&p);

    slv_buf_done(&p.buf);
    return code;
}
