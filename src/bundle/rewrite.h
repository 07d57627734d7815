/*
 * rewrite.h - a script whose asynchronous context is carried through its suspensions
 * (docs/internals/async-context.md): the work of a child of ours, `selvage __rewrite`, sandboxed
 * like an isolate, for each script one.
 *
 * Threads: loop only. Limits: SLV_REWRITE_MS from the start to the result.
 *
 * On the child's standard input: str script, str source map (empty: none), end. On its standard
 * output: u8 1, str script, str source map; or u8 0 and a text that says why not.
 */
#ifndef SLV_BUNDLE_REWRITE_H
#define SLV_BUNDLE_REWRITE_H

#include "aio/loop.h"
#include "base/buf.h"

#define SLV_REWRITE_MS 120000

typedef struct slv_rewrite slv_rewrite;

/* Once, from the loop. err: it failed, and script and map are empty; else they are valid during the
 * call. The rewrite may be freed in it. */
typedef void (*slv_rewrite_done)(void *user, slv_str script, slv_str map, const slv_err *err);

/* Whether a script can notice: it names node:async_hooks, or what else sets values for code that
 * runs later. */
bool slv_rewrite_wanted(slv_str script);

/* script and map are copied. */
SLV_NODISCARD slv_code slv_rewrite_start(slv_loop *loop, slv_str script, slv_str map,
                                         slv_rewrite_done done, void *user, slv_rewrite **ret,
                                         slv_err *err);
/* Bytes that the child has resident. */
uint64_t slv_rewrite_memory(const slv_rewrite *r);
/* Ends the child; done is not called any more. Accepts NULL, returns NULL. */
slv_rewrite *slv_rewrite_free(slv_rewrite *r);
SLV_DEFINE_CLEANUP(slv_rewrite *, slv_rewrite_free);

#endif
