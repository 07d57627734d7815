/*
 * op_r2_int.h - an operation on a bucket: op_r2.c has its course, op_r2_body.c its texts and the
 * content that goes out.
 */
#ifndef SLV_EDGE_OP_R2_INT_H
#define SLV_EDGE_OP_R2_INT_H

#include "edge/r2_transfer.h"
#include "edge/resource_int.h"
#include "fmt/doc.h"
#include "state/kinds.h"

typedef struct r2_op {
    slv_op op;
    slv_call call;
    const struct op_row *row;
    slv_shard *shard;
    slv_store *store;
    slv_arena arena;
    bool called;        /* the call is under way */
    bool joining, dead; /* its end has to wait for slv_body_join to return */
    slv_code code;
    int64_t now_ms;
    /* in */
    slv_str key, upload, bytes, sum;
    bool has_cond, has_ssec, bad_class, bad_limit, streams;
    uint8_t sum_kind;
    uint8_t ssec[32];
    uint64_t length;
    uint32_t part;
    slv_r2_cond cond;
    slv_r2_get_options get;
    slv_r2_put_options put;
    slv_r2_list_options page;
    slv_node *list; /* keys, or parts */
    slv_r2_push *push;
    slv_sink sink;
    /* out */
    slv_r2_found found;
    slv_buf text;
} r2_op;

/* [key, version, size, etag, uploaded, class, http, custom, checksums, ssec]: what jslib/r2.js
 * makes an R2Object of; 0 for metadata that was not asked for. */
SLV_NODISCARD slv_code slv_r2_object_json(slv_buf *out, const slv_r2_object *o);
/* {"objects": [...], "prefixes": [...], "cursor"?}. On any thread. */
SLV_NODISCARD slv_code slv_r2_list_json(slv_r2 *r2, const slv_r2_list_options *page, slv_buf *out,
                                        slv_err *err);
/* The reader's bytes. Frees itself like any source. */
slv_source *slv_r2_source_new_take(slv_shard *shard, slv_r2_reader *reader);

#endif
