/*
 * site.h - which worker answers for a host and a path: the routing table of a server of many
 * workers. Made on the control loop, then given to every loop, and never changed.
 *
 * In this order (platform specification 22): a custom domain; route patterns; the host that a
 * worker has by its name (or a Pages project); hosts of previews, which are not in the table but
 * asked for. A host counts without case, port or a dot at its end. Looking one up costs the same
 * however many there are.
 *
 * Of the patterns that match, the one with the longest literal host wins, then the longest literal
 * path, then the one without a wildcard. "*.example.com" means what is below example.com,
 * "*example.com" that and example.com itself. A pattern without a wildcard at its end is the whole
 * path, with the query. A pattern may say that no worker answers.
 *
 * Threads: built on one, used on any; counted. Limits: SLV_SITE_HOST_MAX bytes of a host,
 * SLV_SITE_TEXT_MAX of all names.
 */
#ifndef SLV_EDGE_SITE_H
#define SLV_EDGE_SITE_H

#include "base/err.h"
#include "base/str.h"

#define SLV_SITE_HOST_MAX ((size_t)253)
#define SLV_SITE_TEXT_MAX ((size_t)256 << 20)

typedef struct slv_site slv_site;

typedef struct slv_site_target {
    slv_str tenant, worker; /* worker empty: none answers there */
} slv_site_target;

typedef enum slv_site_source {
    SLV_SITE_DOMAIN, /* a custom domain */
    SLV_SITE_NAME,   /* <worker>.<domain>, or a Pages host: gives way to routes */
} slv_site_source;

/* One reference. */
slv_site *slv_site_new(void);
slv_site *slv_site_ref(slv_site *site);
/* Accepts NULL, returns NULL. */
slv_site *slv_site_unref(slv_site *site);
SLV_DEFINE_CLEANUP(slv_site *, slv_site_unref);

/* Before it is given away. Strings are copied. SLV_E_EXISTS: the host has a target of that source
 * already; SLV_E_INVAL: no host. */
SLV_NODISCARD slv_code slv_site_add_host(slv_site *site, slv_str host, slv_site_source source,
                                         const slv_site_target *target, slv_err *err);
/* pattern: "[http://|https://]HOST[/PATH]", see above. */
SLV_NODISCARD slv_code slv_site_add_route(slv_site *site, slv_str pattern,
                                          const slv_site_target *target, slv_err *err);
/* Hosts one label below this one, or two, that are not in the table are to be asked for. */
SLV_NODISCARD slv_code slv_site_add_asked(slv_site *site, slv_str host, slv_err *err);

typedef enum slv_site_answer {
    SLV_SITE_NOTHING,
    SLV_SITE_WORKER,
    SLV_SITE_ASK, /* it may be a preview */
} slv_site_answer;

/* authority: Host of the request. path: normalised, with the query. *ret_host: as it was looked up,
 * in out. */
slv_site_answer slv_site_find(const slv_site *site, slv_str authority, bool https, slv_str path,
                              char out[SLV_SITE_HOST_MAX + 1], slv_str *ret_host,
                              slv_site_target *ret);
/* True when there are patterns, for which paths have to be normalised. */
bool slv_site_has_routes(const slv_site *site);

#endif
