/*
 * asset_store.h - the static files of accounts, by their content: shared by all workers and Pages
 * projects of an account, and by all their versions.
 *
 * A file is named by its hash: the first 32 hexadecimal digits of BLAKE3 over (base64 of the
 * content, then the extension without its dot), as wrangler computes it. It lies at
 * STATE/v1/<account>/assets/<first 2 digits>/<32 digits> and never changes. Which files there are,
 * and the Content-Type that each was uploaded with, are rows of the catalog (catalog/pages.h); a
 * file is durable before its row is.
 *
 * A *manifest* is a file too (extension "manifest"): JSON, paths to {"hash","size","type"}; that of
 * a version is named in its row's `assets`, {"manifest":"<hash>","files":n,"config":{...}}.
 *
 * Uploads are told apart by tokens (fmt/jwt.h) that carry all that is known of them, so that they
 * go on after a restart of the server.
 *
 * Threading: the store is used by any thread; a batch by one thread at a time.
 * Calls that read or write files block.
 *
 * Limits: SLV_ASSETS_FILE_MAX bytes a file, SLV_ASSETS_FILES_MAX files a manifest.
 * Rules: the control API's contract, sections 7 and 15; docs/formats/assets.md.
 */
#ifndef SLV_HOST_ASSET_STORE_H
#define SLV_HOST_ASSET_STORE_H

#include "assets/assets.h"
#include "base/arena.h"
#include "fmt/doc.h"

#define SLV_ASSET_HASH ((size_t)32) /* digits */
#define SLV_ASSET_MANIFEST_MAX ((size_t)25 << 20)
#define SLV_PAGES_FILES_MAX 20000u   /* of a Pages deployment */
#define SLV_ASSET_SESSION_S 3600     /* how long a session, or its completion, may be used */
#define SLV_ASSET_GRACE_MS 172800000 /* files that nothing names stay as long after they were */

typedef struct slv_asset_store slv_asset_store;

/* state_dir: slv_state_dir(). secret_key: of the server, tokens are signed with a key made of it;
 * both copied. */
slv_asset_store *slv_asset_store_new(const char *state_dir, slv_str secret_key);
slv_asset_store *slv_asset_store_free(slv_asset_store *s); /* accepts NULL, returns NULL */
SLV_DEFINE_CLEANUP(slv_asset_store *, slv_asset_store_free);

/* Appends the path of a file. */
SLV_NODISCARD slv_code slv_asset_path(const slv_asset_store *s, slv_str account, slv_str hash,
                                      slv_buf *out);
/* SLV_E_NOTFOUND when it is not there. Blocks. */
SLV_NODISCARD slv_code slv_asset_size(const slv_asset_store *s, slv_str account, slv_str hash,
                                      uint64_t *ret, slv_err *err);

/* ---- writing ---- */

/* Files that become durable together. */
typedef struct slv_asset_batch slv_asset_batch;

SLV_NODISCARD slv_code slv_asset_batch_new(slv_asset_store *s, slv_str account,
                                           slv_asset_batch **ret, slv_err *err);
/* Drops what was not committed. Accepts NULL, returns NULL. */
slv_asset_batch *slv_asset_batch_free(slv_asset_batch *b);
SLV_DEFINE_CLEANUP(slv_asset_batch *, slv_asset_batch_free);
/* One file after the other: begin, its base64 text in pieces, end. hash: what the uploader says
 * that it is. */
SLV_NODISCARD slv_code slv_asset_begin(slv_asset_batch *b, slv_err *err);
/* SLV_E_PARSE: no base64 as it has to be (RFC 4648, padded); SLV_E_LIMIT: the file is too large. */
SLV_NODISCARD slv_code slv_asset_text(slv_asset_batch *b, slv_str base64, slv_err *err);
SLV_NODISCARD slv_code slv_asset_end(slv_asset_batch *b, slv_str hash, uint64_t *ret_size,
                                     slv_err *err);
/* The files that ended, and whether their hash is right for an extension. */
size_t slv_asset_batch_count(const slv_asset_batch *b);
slv_str slv_asset_batch_hash(const slv_asset_batch *b, size_t i);
bool slv_asset_batch_is(const slv_asset_batch *b, size_t i, slv_str extension);
/* It is not kept; the places of those behind it stay. */
void slv_asset_batch_drop(slv_asset_batch *b, size_t i);
/* Every file that ended is durable under its name, and the batch empty. */
SLV_NODISCARD slv_code slv_asset_commit(slv_asset_batch *b, slv_err *err);
/* Whether a stored file's name is right with that extension: SLV_E_DENIED if not. */
SLV_NODISCARD slv_code slv_asset_verify(const slv_asset_store *s, slv_str account, slv_str hash,
                                        slv_str extension, slv_err *err);

/* ---- manifests ---- */

/* Stores text as a file of the account, durable; ret_hash gets its name. */
SLV_NODISCARD slv_code slv_asset_manifest_put(slv_asset_store *s, slv_str account, slv_str text,
                                              char ret_hash[SLV_ASSET_HASH + 1], slv_err *err);
/* Replaces what is in out. */
SLV_NODISCARD slv_code slv_asset_manifest_get(const slv_asset_store *s, slv_str account,
                                              slv_str hash, slv_buf *out, slv_err *err);

/* ---- sweeping ---- */

/* The account's files that rows named until now, and what was begun and never ended, are removed;
 * those that came since slv_asset_sweep_begin stay. One sweep at a time. Blocks. */
void slv_asset_sweep_begin(slv_asset_store *s);
void slv_asset_sweep_remove(slv_asset_store *s, slv_str account, slv_str hash);
void slv_asset_sweep_end(slv_asset_store *s, int64_t now_ms);
/* What a row's `assets` names: calls back for the manifest and for every file in it, which may be
 * more than once for one. Blocks. */
SLV_NODISCARD slv_code slv_asset_named(const slv_asset_store *s, slv_str account,
                                       slv_str assets_json,
                                       void (*each)(void *arg, slv_str account, slv_str hash),
                                       void *arg, slv_err *err);
/* The same of a manifest by its name. */
SLV_NODISCARD slv_code slv_asset_named_by(const slv_asset_store *s, slv_str account,
                                          slv_str manifest,
                                          void (*each)(void *arg, slv_str account, slv_str hash),
                                          void *arg, slv_err *err);

/* ---- tokens ---- */

typedef enum slv_asset_token_kind {
    SLV_ASSET_SESSION,  /* files of a worker's manifest may be uploaded */
    SLV_ASSET_COMPLETE, /* they are all there: the worker's upload may name them */
    SLV_ASSET_PAGES,    /* files of a Pages project may be uploaded */
} slv_asset_token_kind;

typedef struct slv_asset_token {
    slv_asset_token_kind kind;
    slv_str account;
    slv_str name, dispatch; /* of the worker, or of the project */
    slv_str id;             /* SESSION: of the session's row; COMPLETE: hash of the manifest */
    uint64_t files;         /* COMPLETE: in the manifest */
    int64_t expires_s;
} slv_asset_token;

SLV_NODISCARD slv_code slv_asset_token_put(const slv_asset_store *s, const slv_asset_token *token,
                                           slv_buf *out);
/* SLV_E_DENIED with a reason: no token of ours, of another kind, or expired. */
SLV_NODISCARD slv_code slv_asset_token_get(const slv_asset_store *s, slv_asset_token_kind kind,
                                           slv_str text, int64_t now_s, slv_arena *arena,
                                           slv_asset_token *ret, slv_err *err);

/* ---- versions ---- */

/* What an upload says of its static files. */
typedef struct slv_asset_claim {
    slv_str account, worker, dispatch;
    const slv_node *metadata; /* of the upload: `assets` and `keep_assets` */
    slv_str previous;         /* `assets` of the version before; empty: none */
    int64_t now_s;
} slv_asset_claim;

/* The `assets` of the new version's row, in the arena; empty: it has none. SLV_E_DENIED: the token
 * is not good; SLV_E_INVAL: the metadata names a field that cannot be. Does not block. */
SLV_NODISCARD slv_code slv_asset_claim_check(const slv_asset_store *s, const slv_asset_claim *claim,
                                             slv_arena *arena, slv_str *ret, slv_err *err);

/* The `assets` of a Pages deployment's row, in the arena. */
typedef struct slv_asset_pages {
    slv_str manifest; /* hash */
    uint64_t files;
    slv_str headers, redirects, routes; /* texts of the files */
} slv_asset_pages;
SLV_NODISCARD slv_code slv_asset_pages_row(const slv_asset_pages *about, slv_arena *arena,
                                           slv_str *ret);

typedef struct slv_asset_set_options {
    bool has_worker;
    bool navigation_prefers_it; /* assets_navigation_prefers_asset_serving */
} slv_asset_set_options;

/* The set that a row's `assets` describes, of a version or of a Pages deployment. Reads the
 * manifest: blocks. */
SLV_NODISCARD slv_code slv_asset_set_load(const slv_asset_store *s, slv_str account,
                                          slv_str assets_json, const slv_asset_set_options *options,
                                          slv_assets **ret, slv_err *err);

#endif
