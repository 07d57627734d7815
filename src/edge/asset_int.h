/*
 * asset_int.h - static files of a version, answered by main without an isolate.
 *
 *     asset.c      an answer to a client
 *     asset_form.c its body: the file, a part of it, or what it was packed to (pack.c)
 *     asset_cache.c small files in memory
 *     op_asset.c   an answer to a worker: env.ASSETS.fetch(), and calls of workers that have assets
 *
 * Which file it is and which headers it gets is assets/assets.h's to say. Loop thread only; the
 * file is opened on it, and read as edge/file_int.h says.
 */
#ifndef SLV_EDGE_ASSET_INT_H
#define SLV_EDGE_ASSET_INT_H

#include "assets/assets.h"
#include "assets/form.h"
#include "edge/edge_int.h"

#define SLV_ASSET_HEADERS_MAX ((size_t)256 << 10)
#define SLV_ASSET_CACHED_MAX ((uint64_t)32 << 10) /* the largest file that is kept in memory */
#define SLV_ASSET_CACHE_MAX ((size_t)4 << 20)     /* all of them, on each loop */

/* The body of an answer. *ret NULL: there is none. A file that is not there any more makes the
 * answer a 404 without one. */
typedef struct slv_asset_body {
    slv_source *source;
    slv_str bytes; /* instead of a source: all of it, until the end of the turn */
    int fd;        /* instead of either: a file, of which length bytes from `from` on; -1: none */
    uint64_t from, length;
} slv_asset_body;
slv_asset_body slv_asset_open(slv_shard *shard, slv_assets_answer *answer, bool wanted);
/* The same in the form that the client of ex asks for: a part (206, 416), or packed where a packed
 * form is there. answer's status and headers follow, the latter in out. */
slv_asset_body slv_asset_open_as(slv_shard *shard, const slv_exchange *ex, const slv_assets *assets,
                                 slv_assets_answer *answer, slv_buf *out);

/* asset_cache.c: contents of small files in memory. get: it is there. fill: what was opened is read
 * and kept, unless it is too large or not in the kernel's memory. *ret is borrowed for the turn. */
bool slv_asset_cache_get(slv_shard *shard, const slv_asset *asset, slv_coding coding, slv_str *ret);
bool slv_asset_cache_fill(slv_shard *shard, const slv_asset *asset, slv_coding coding, int fd,
                          uint64_t size, slv_str *ret);
void slv_asset_cache_free(slv_shard *shard);

/* True: the request is for the assets of the version, and has been answered. */
bool slv_asset_request(slv_shard *shard, slv_exchange *ex, slv_version *version);

/* A call by fetch() of a worker. op is answered when true; the body of the request is the
 * caller's. outside: the version's own worker has its share of the requests. */
SLV_NODISCARD slv_code slv_asset_call(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m,
                                      slv_version *version, bool outside, bool *ret_taken,
                                      slv_err *err);

#endif
