/*
 * esbuild.h - the bundler's process: finding it, starting it, packets in both directions.
 *
 * esbuild runs as a service on its standard input and output. A packet is a u32 length, a u32 of 2
 * * id + (1 for an answer), and a value: null, boolean, u32, string, bytes, array or map. Both
 * sides ask and answer. Values are read into the tree of doc.h (bytes become a STRING) and written
 * with the put functions below.
 *
 * Threads: loop only. Limits: SLV_ESBUILD_PACKET_MAX bytes of a packet; beyond it, or when a packet
 * is malformed, the process is ended.
 */
#ifndef SLV_BUNDLE_ESBUILD_H
#define SLV_BUNDLE_ESBUILD_H

#include "aio/loop.h"
#include "base/buf.h"
#include "fmt/doc.h"

#define SLV_ESBUILD_PACKET_MAX ((size_t)256 << 20)

/* ---- where it is ---- */

typedef struct slv_esbuild_place {
    char binary[4096];
    char version[32];
    /* It works on what strangers sent: it may read no file but itself and has no network. What it
     * bundles must come from memory. Set by whoever asks for it. */
    bool sealed;
} slv_esbuild_place;

/* Looks in node_modules of project_dir and its parents, then beside the program
   (PREFIX/lib/selvage), then in the source tree; the variable SELVAGE_ESBUILD names a binary
   outright. SLV_E_NOTFOUND says in one line what to do. */
SLV_NODISCARD slv_code slv_esbuild_find(const char *project_dir, slv_esbuild_place *ret,
                                        slv_err *err);

/* ---- the process ---- */

typedef struct slv_esbuild slv_esbuild;

typedef struct slv_esbuild_handlers {
    void *user;
    /* An answer to our question `id`, or a question of its own (answer it with slv_esbuild_answer).
       value is valid during the call. */
    void (*answer)(void *user, uint32_t id, const slv_node *value);
    void (*question)(void *user, uint32_t id, const slv_node *value);
    /* The process ended though nobody asked it to. Nothing follows. */
    void (*ended)(void *user, const char *text);
} slv_esbuild_handlers;

SLV_NODISCARD slv_code slv_esbuild_start(slv_loop *loop, const slv_esbuild_place *place,
                                         const slv_esbuild_handlers *handlers, slv_esbuild **ret,
                                         slv_err *err);
/* Ends the process; no handler is called any more. Only inside the handler `ended`, not the others.
 * Accepts NULL, returns NULL. */
slv_esbuild *slv_esbuild_free(slv_esbuild *e);
SLV_DEFINE_CLEANUP(slv_esbuild *, slv_esbuild_free);

/* Bytes of memory that the process has; 0 when that is not known. */
uint64_t slv_esbuild_memory(const slv_esbuild *e);

/* value is an encoded map. Returns the id that the answer will have. */
uint32_t slv_esbuild_ask(slv_esbuild *e, slv_str value);
void slv_esbuild_answer(slv_esbuild *e, uint32_t id, slv_str value);

/* ---- values ---- */

/* Each appends; they fail (with the buffer's limit) by setting the buffer's limit to 0, so that
   check once with slv_esbuild_put_ok. A map or array of n is followed by its n members (key, then
   value) or items. */
void slv_esbuild_put_null(slv_buf *b);
void slv_esbuild_put_bool(slv_buf *b, bool v);
void slv_esbuild_put_number(slv_buf *b, uint32_t v);
void slv_esbuild_put_string(slv_buf *b, slv_str s);
void slv_esbuild_put_bytes(slv_buf *b, slv_str s);
void slv_esbuild_put_array(slv_buf *b, uint32_t n);
void slv_esbuild_put_map(slv_buf *b, uint32_t n);
void slv_esbuild_put_key(slv_buf *b, const char *key);
bool slv_esbuild_put_ok(const slv_buf *b);

/* One whole value; strings borrow from bytes. SLV_E_PARSE when it is malformed. */
SLV_NODISCARD slv_code slv_esbuild_decode(slv_str bytes, slv_arena *arena, slv_node **ret,
                                          slv_err *err);

#endif
