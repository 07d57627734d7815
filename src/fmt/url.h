/*
 * url.h - URLs as the WHATWG URL standard parses, changes and writes them, over UTF-8 bytes.
 *
 * A slv_url holds its serialisation and the offsets of the components in it, so every getter is a
 * view. Malformed UTF-8 in the input is read as U+FFFD. Plain http(s) URLs in ASCII that are
 * already in normal form are recognised without being taken apart. Any thread; one slv_url is used
 * by one thread at a time.
 *
 * Limits: input and serialisation of at most SLV_URL_MAX bytes (SLV_E_LIMIT past it). SLV_E_PARSE:
 * not a URL.
 */
#ifndef SLV_FMT_URL_H
#define SLV_FMT_URL_H

#include "base/buf.h"

#define SLV_URL_MAX ((size_t)32 << 20)
#define SLV_URL_NONE UINT32_MAX

/*
 * Offsets into href, in the order in which the parts stand:
 *
 *     https://user:pass@example.com:1234/foo/bar?baz#quux
 *           |     |    |          | ^^^^|       |   |
 *           |     |    |          | |   |       |   hash_start
 *           |     |    |          | |   |       search_start
 *           |     |    |          | |   pathname_start
 *           |     |    |          | port
 *           |     |    |          host_end
 *           |     |    host_start (at the "@" when there are credentials, else where the host
 * begins) |     username_end protocol_end (after the ":")
 *
 * Without a host, username_end, host_start and host_end equal protocol_end; a path that would begin
 * with "//" is then written behind "/.", so that pathname_start is host_end + 2.
 */
typedef struct slv_url_offsets {
    uint32_t protocol_end, username_end, host_start, host_end;
    uint32_t port; /* SLV_URL_NONE: absent */
    uint32_t pathname_start;
    uint32_t search_start; /* SLV_URL_NONE: null, so neither "?" nor a query */
    uint32_t hash_start;   /* SLV_URL_NONE: null */
} slv_url_offsets;

typedef enum slv_url_scheme {
    SLV_URL_OTHER,
    SLV_URL_HTTP,
    SLV_URL_HTTPS,
    SLV_URL_WS,
    SLV_URL_WSS,
    SLV_URL_FTP,
    SLV_URL_FILE,
} slv_url_scheme; /* all but OTHER are "special" */

typedef struct slv_url {
    slv_buf href;
    slv_url_offsets at;
    slv_url_scheme scheme;
    bool has_host; /* the host is not null; it may be empty */
    bool
        opaque_path; /* "mailto:x": the path is one string that relative references cannot change */
} slv_url;

#define SLV_URL_INIT                                                                               \
    ((slv_url){SLV_BUF(SLV_URL_MAX),                                                               \
               {0, 0, 0, 0, SLV_URL_NONE, 0, SLV_URL_NONE, SLV_URL_NONE},                          \
               SLV_URL_OTHER,                                                                      \
               false,                                                                              \
               false})

void slv_url_done(slv_url *url);
SLV_DEFINE_CLEANUP_DONE(slv_url, slv_url_done);

/* Parses input, relative to base when that is not NULL (base may not be ret). *ret must be
   initialised; its memory is used again. On failure *ret keeps its value. */
SLV_NODISCARD slv_code slv_url_parse(slv_str input, const slv_url *base, slv_url *ret);

/* The attributes of the URL class: views into href, good until the next change. protocol ends with
   ":", search and hash begin with "?" and "#" or are empty. */
slv_str slv_url_protocol(const slv_url *url);
slv_str slv_url_username(const slv_url *url);
slv_str slv_url_password(const slv_url *url);
slv_str slv_url_host(const slv_url *url); /* with the port */
slv_str slv_url_hostname(const slv_url *url);
slv_str slv_url_port(const slv_url *url);
slv_str slv_url_pathname(const slv_url *url);
slv_str slv_url_search(const slv_url *url);
slv_str slv_url_hash(const slv_url *url);
/* Replaces *ret by the serialised origin, "null" when it is opaque. */
SLV_NODISCARD slv_code slv_url_origin(const slv_url *url, slv_buf *ret);
/* The port that a connection uses: the given one, or that of the scheme; 0 when neither is known.
 */
uint16_t slv_url_port_number(const slv_url *url);

/* The attribute setters. A value that does not fit leaves the URL as it is and is no error, except
   for HREF, which fails with SLV_E_PARSE. */
typedef enum slv_url_part {
    SLV_URL_HREF,
    SLV_URL_PROTOCOL,
    SLV_URL_USERNAME,
    SLV_URL_PASSWORD,
    SLV_URL_HOST,
    SLV_URL_HOSTNAME,
    SLV_URL_PORT,
    SLV_URL_PATHNAME,
    SLV_URL_SEARCH,
    SLV_URL_HASH,
} slv_url_part;
SLV_NODISCARD slv_code slv_url_set(slv_url *url, slv_url_part part, slv_str value);

/* True when every label of the host has 1 to 63 bytes and the whole at most 253 (a trailing dot
   apart), as a name must that is to be looked up. The URL standard itself does not ask for it. */
bool slv_url_dns_length_ok(const slv_url *url);

/* Domain to ASCII and host parsing alone (idna.c, url_host.c); used by URLPattern and by the tests.
 * ret is replaced. */
SLV_NODISCARD slv_code slv_url_domain_to_ascii(slv_str domain, slv_buf *ret);
/* special: the rules of http and its like; otherwise an opaque host. */
SLV_NODISCARD slv_code slv_url_parse_host(slv_str input, bool special, slv_buf *ret);

/* Percent-encode sets of the standard, from small to large. */
typedef enum slv_url_set_id {
    SLV_URL_SET_C0,
    SLV_URL_SET_FRAGMENT,
    SLV_URL_SET_QUERY,
    SLV_URL_SET_SPECIAL_QUERY,
    SLV_URL_SET_PATH,
    SLV_URL_SET_USERINFO,
    SLV_URL_SET_COMPONENT,
    SLV_URL_SET_FORM,
} slv_url_set_id;
bool slv_url_in_set(slv_url_set_id set, unsigned char byte);
/* Appends s with the bytes of the set written as %XX; malformed UTF-8 becomes U+FFFD first. */
SLV_NODISCARD slv_code slv_url_percent_encode(slv_str s, slv_url_set_id set, slv_buf *out);
/* Appends s with every valid %XX replaced by its byte. */
SLV_NODISCARD slv_code slv_url_percent_decode(slv_str s, slv_buf *out);

/* One name or value of application/x-www-form-urlencoded: appends, "+" is a space. */
SLV_NODISCARD slv_code slv_form_encode(slv_str s, slv_buf *out);
SLV_NODISCARD slv_code slv_form_decode(slv_str s, slv_buf *out);

#endif
