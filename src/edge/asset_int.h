/*
 * asset_int.h - static files of a version, answered by main without an isolate.
 *
 *     asset.c      an answer to a client
 *     asset_form.c its body: the file, a part of it, or what it was packed to (pack.c)
 *     op_asset.c   an answer to a worker: env.ASSETS.fetch(), and calls of workers that have assets
 *
 * Which file it is and which headers it gets is assets/assets.h's to say. Loop thread only; the
 * file is opened on it, and read as edge/file_int.h says.
 */
#ifndef SLV_EDGE_ASSET_INT_H
#define SLV_EDGE_ASSET_INT_H

#include "assets/assets.h"
#include "edge/edge_int.h"

#define SLV_ASSET_HEADERS_MAX ((size_t)256 << 10)

/* The body of an answer. *ret NULL: there is none. A file that is not there any more makes the
 * answer a 404 without one. */
typedef struct slv_asset_body {
    slv_source *source;
    uint64_t length;
} slv_asset_body;
slv_asset_body slv_asset_open(slv_shard *shard, slv_assets_answer *answer, bool wanted);
/* The same in the form that the client of ex asks for: a part (206, 416), or packed where a packed
 * form is there. answer's status and headers follow, the latter in out. */
slv_asset_body slv_asset_open_as(slv_shard *shard, const slv_exchange *ex, const slv_assets *assets,
                                 slv_assets_answer *answer, slv_buf *out);

/* True: the request is for the assets of the version, and has been answered. */
bool slv_asset_request(slv_shard *shard, slv_exchange *ex, slv_version *version);

/* A call by fetch() of a worker. op is answered when true; the body of the request is the
 * caller's. outside: the version's own worker has its share of the requests. */
SLV_NODISCARD slv_code slv_asset_call(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m,
                                      slv_version *version, bool outside, bool *ret_taken,
                                      slv_err *err);

#endif
