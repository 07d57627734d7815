/*
 * url_int.h - what url.c (the parser), url_host.c, url_sets.c and url_record.c share. Private to
 * the URL parser.
 *
 * While a URL is being parsed or changed it is taken apart into a url_record; slv_url_record_write
 * turns that into the serialised form with offsets that slv_url is.
 */
#ifndef SLV_FMT_URL_INT_H
#define SLV_FMT_URL_INT_H

#include "fmt/url.h"

typedef struct url_record {
    slv_url_scheme scheme;
    slv_buf scheme_name; /* without ":" */
    slv_buf username, password, host;
    /* Segments, each behind its "/": the list [] is "", the list [""] is "/". An opaque path is
     * written as it is. */
    slv_buf path;
    slv_buf query, fragment;
    int32_t port; /* -1: null */
    bool has_host, opaque_path, has_query, has_fragment;
} url_record;

void slv_url_record_init(url_record *rec);
void slv_url_record_done(url_record *rec);
SLV_DEFINE_CLEANUP_DONE(url_record, slv_url_record_done);
SLV_NODISCARD slv_code slv_url_record_load(url_record *rec, const slv_url *url);
/* Replaces *ret; on failure it is unchanged. */
SLV_NODISCARD slv_code slv_url_record_write(const url_record *rec, slv_url *ret);

slv_url_scheme slv_url_scheme_of(slv_str name);
/* -1 when the scheme has none. */
int32_t slv_url_default_port(slv_url_scheme scheme);
static inline bool url_special(slv_url_scheme scheme)
{
    return scheme != SLV_URL_OTHER;
}

/* Path segments: "." and "..", also with %2e. */
bool slv_url_single_dot(slv_str segment);
bool slv_url_double_dot(slv_str segment);
bool slv_url_windows_letter(slv_str s);        /* "C:" or "C|" */
bool slv_url_starts_windows_letter(slv_str s); /* the same, and then the end or one of / \ ? # */
void slv_url_shorten_path(url_record *rec);

/* The setters run the parser from one of these states on a part of a URL. */
typedef enum url_state {
    URL_NO_OVERRIDE,
    URL_SCHEME_START,
    URL_SCHEME,
    URL_NO_SCHEME,
    URL_SPECIAL_RELATIVE_OR_AUTHORITY,
    URL_PATH_OR_AUTHORITY,
    URL_RELATIVE,
    URL_RELATIVE_SLASH,
    URL_SPECIAL_AUTHORITY_SLASHES,
    URL_SPECIAL_AUTHORITY_IGNORE_SLASHES,
    URL_AUTHORITY,
    URL_HOST,
    URL_HOSTNAME,
    URL_PORT,
    URL_FILE,
    URL_FILE_SLASH,
    URL_FILE_HOST,
    URL_PATH_START,
    URL_PATH,
    URL_OPAQUE_PATH,
    URL_QUERY,
    URL_FRAGMENT,
} url_state;

/* Runs the basic URL parser. input has no tabs, newlines or malformed UTF-8. SLV_E_PARSE: failure,
   after which rec may have been changed in part (the setters keep such changes). */
SLV_NODISCARD slv_code slv_url_run(slv_str input, const slv_url *base, url_record *rec,
                                   url_state override);
/* Copies input without tabs and newlines and with malformed UTF-8 replaced, when there are any;
 * else *ret is input. */
SLV_NODISCARD slv_code slv_url_clean(slv_str input, slv_buf *scratch, slv_str *ret);
/* Recognises a normalised plain http(s) URL and fills *ret from it. False: use the parser. */
bool slv_url_fast_parse(slv_str input, slv_url *ret, slv_code *ret_code);

#endif
