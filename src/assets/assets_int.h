/*
 * assets_int.h - the parts of a set. Private to assets.
 *
 *     assets.c    the set, and the rules of run_worker_first
 *     scan.c      reading a directory
 *     ignore.c    .assetsignore
 *     redirects.c, headers.c, rules.c, pattern.c   the files of rules
 *     find.c      which file a path means
 *     answer.c    what a request gets
 *     pages.c     what it gets where the rules of Pages hold
 *     routes.c    _routes.json
 *     manifest.c  the files of an upload as a set
 *     hash.c      names of contents
 *     type.c      content types
 */
#ifndef SLV_ASSETS_ASSETS_INT_H
#define SLV_ASSETS_ASSETS_INT_H

#include <stdatomic.h>

#include "assets/assets.h"
#include "assets/headers.h"
#include "assets/redirects.h"
#include "assets/routes.h"
#include "base/map.h"
#include "base/vec.h"
#include "fmt/url.h"

#define SLV_ASSETS_MEMORY ((size_t)256 << 20) /* paths, names, rules */

struct slv_assets {
    _Atomic unsigned refs;
    bool immutable;
    slv_arena arena; /* every string */
    slv_assets_config config;
    SLV_VEC(slv_asset) files;
    SLV_MAP(uint32_t) index; /* path -> files */
    slv_redirects redirects;
    slv_header_rules headers;
    slv_routes routes; /* of Pages */
};

slv_assets *slv_assets_new(const slv_assets_config *config);
/* Strings are copied. */
SLV_NODISCARD slv_code slv_assets_add(slv_assets *a, const slv_asset *asset);
SLV_NODISCARD slv_code slv_assets_add_rules(slv_assets *a, slv_str headers, slv_str redirects,
                                            slv_buf *warnings);

/* find.c */
typedef struct slv_asset_find {
    const slv_asset *asset; /* NULL: none, or a redirect */
    uint16_t status;        /* 200 or 404 */
    slv_buf *redirect;      /* the path, decoded, when `redirected` */
    bool redirected;
} slv_asset_find;

/* path is decoded. ret->redirect is set by the caller. False: nothing is there. */
bool slv_assets_find(const slv_assets *a, slv_str path, slv_not_found_handling not_found,
                     slv_asset_find *ret);

/* answer.c: a request on its way to its answer. */
#define SLV_ANSWERING_TEXT_MAX ((size_t)256 << 10)
typedef struct slv_answering {
    const slv_assets *a;
    const slv_assets_request *r;
    slv_url url;
    slv_buf path;     /* that is looked for, as it came */
    slv_buf plain;    /* decoded */
    slv_buf location; /* of a redirect */
    uint16_t status;  /* 0: nothing is there */
    const slv_asset *asset;
} slv_answering;

slv_answering slv_answering_new(const slv_assets *a, const slv_assets_request *r);
void slv_answering_done(slv_answering *w);
SLV_DEFINE_CLEANUP_DONE(slv_answering, slv_answering_done);
/* `_redirects`. *ret_done: it is answered, by status and location. A rule with status 200 changes
 * w->path instead (*ret_proxied). */
SLV_NODISCARD slv_code slv_answering_rules(slv_answering *w, bool *ret_proxied, bool *ret_done);

/* pages.c: w->url is parsed. headers is replaced. */
SLV_NODISCARD slv_code slv_pages_answer(slv_answering *w, slv_buf *headers, slv_assets_answer *ret);

#endif
