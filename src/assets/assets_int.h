/*
 * assets_int.h - the parts of a set. Private to assets.
 *
 *     assets.c    the set, and the rules of run_worker_first
 *     scan.c      reading a directory
 *     ignore.c    .assetsignore
 *     redirects.c, headers.c, rules.c, pattern.c   the files of rules
 *     find.c      which file a path means
 *     answer.c    what a request gets
 *     type.c      content types
 */
#ifndef SLV_ASSETS_ASSETS_INT_H
#define SLV_ASSETS_ASSETS_INT_H

#include <stdatomic.h>

#include "assets/assets.h"
#include "assets/headers.h"
#include "assets/redirects.h"
#include "base/map.h"
#include "base/vec.h"

#define SLV_ASSETS_MEMORY ((size_t)256 << 20) /* paths, names, rules */

struct slv_assets {
    _Atomic unsigned refs;
    slv_arena arena; /* every string */
    slv_assets_config config;
    SLV_VEC(slv_asset) files;
    SLV_MAP(uint32_t) index; /* path -> files */
    slv_redirects redirects;
    slv_header_rules headers;
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

#endif
