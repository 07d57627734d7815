/*
 * assets.h - the static files of a worker: which there are, the rules of `_headers` and
 * `_redirects`, and what a request for a path gets.
 *
 * A set of assets belongs to a version and never changes; any thread may ask it, and references are
 * counted atomically. Where a file's bytes are is told (`file`); they are read by who sends them.
 *
 * Limits: SLV_ASSETS_FILES_MAX files of SLV_ASSETS_FILE_MAX bytes (SLV_E_LIMIT).
 * Rule: platform specification 10.1; where it says nothing, the reference's own asset worker.
 */
#ifndef SLV_ASSETS_ASSETS_H
#define SLV_ASSETS_ASSETS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "fmt/doc.h"

#define SLV_ASSETS_FILES_MAX 100000u
#define SLV_ASSETS_FILE_MAX ((uint64_t)25 << 20)
#define SLV_ASSETS_RULES_MAX 100u /* of run_worker_first */
#define SLV_ASSETS_RULE_MAX 100u  /* characters of one */

typedef enum slv_html_handling {
    SLV_HTML_AUTO_TRAILING_SLASH,
    SLV_HTML_FORCE_TRAILING_SLASH,
    SLV_HTML_DROP_TRAILING_SLASH,
    SLV_HTML_NONE,
} slv_html_handling;

typedef enum slv_not_found_handling {
    SLV_NOT_FOUND_NONE,
    SLV_NOT_FOUND_404_PAGE,
    SLV_NOT_FOUND_SINGLE_PAGE,
} slv_not_found_handling;

/* The [assets] table; strings are borrowed. */
typedef struct slv_assets_config {
    slv_str directory; /* empty: there are no assets */
    slv_str binding;   /* empty: none */
    slv_html_handling html;
    slv_not_found_handling not_found;
    bool worker_first;           /* run_worker_first = true */
    const slv_str *worker_rules; /* run_worker_first = [...] */
    size_t worker_rule_count;
    bool has_worker;            /* else every request is for the assets */
    bool navigation_prefers_it; /* assets_navigation_prefers_asset_serving */
    bool pages;                 /* the rules of Pages; html and not_found are then not looked at */
    slv_str routes;             /* of Pages: the text of _routes.json (routes.h); empty: none */
} slv_assets_config;

/* SLV_E_PARSE: rules of run_worker_first that cannot be; the error names them. */
SLV_NODISCARD slv_code slv_assets_check(const slv_assets_config *config, slv_err *err);

typedef struct slv_asset {
    slv_str path; /* "/about.html" */
    slv_str file; /* where its bytes are */
    slv_str type; /* Content-Type, empty: not known */
    uint64_t size;
    char etag[33]; /* 32 hexadecimal digits */
} slv_asset;

typedef struct slv_assets slv_assets;

/* Reads the directory (absolute; config->directory is not looked at). What stands in `_headers` and
 * `_redirects` and is no rule is appended to warnings, a line each. Blocks on the disk.
 * SLV_E_NOTFOUND: no such directory; SLV_E_LIMIT: too many files or too large a one, named. */
SLV_NODISCARD slv_code slv_assets_scan(const slv_assets_config *config, const char *dir,
                                       slv_assets **ret, slv_buf *warnings, slv_err *err);

/* What an upload's metadata says in `assets.config`, in the arena (absent fields: the defaults);
 * NULL is an empty one. SLV_E_INVAL: the field that cannot be is named. */
typedef struct slv_assets_upload {
    slv_assets_config config;
    slv_str headers, redirects; /* texts of the files of rules */
} slv_assets_upload;
SLV_NODISCARD slv_code slv_assets_upload_read(const slv_node *config, slv_arena *arena,
                                              slv_assets_upload *ret, slv_err *err);

/* The set of a manifest, {"/path": {"hash", "size", "type"}}: a file's bytes are DIR/XX/HASH (XX:
 * its first two digits), its tag is the hash. upload->config is taken as it is. SLV_E_INVAL: an
 * entry that cannot be is named; SLV_E_LIMIT as above. Does not look at the files. */
SLV_NODISCARD slv_code slv_assets_from_manifest(const slv_assets_upload *upload,
                                                const slv_node *manifest, slv_str dir,
                                                slv_assets **ret, slv_buf *warnings, slv_err *err);
/* Returns a. */
slv_assets *slv_assets_ref(slv_assets *a);
/* Accepts NULL, returns NULL. */
slv_assets *slv_assets_unref(slv_assets *a);
SLV_DEFINE_CLEANUP(slv_assets *, slv_assets_unref);

size_t slv_assets_count(const slv_assets *a);
const slv_asset *slv_assets_at(const slv_assets *a, size_t i); /* i < count */
bool slv_assets_has_worker(const slv_assets *a);
/* Whether each file is named by what it holds, and never changes: a set of a manifest. */
bool slv_assets_immutable(const slv_assets *a);
/* NULL: no such file. */
const slv_asset *slv_assets_get(const slv_assets *a, slv_str path);

/* A request, as a worker would see it. */
typedef struct slv_assets_request {
    slv_str method;
    slv_str url; /* normalised, with scheme and host */
    slv_str if_none_match, fetch_mode;
    bool authorization, range; /* it has these fields */
} slv_assets_request;

/* Who answers a request that comes from outside: true the assets, false the worker. SLV_E_LIMIT,
 * SLV_E_PARSE: the URL. */
SLV_NODISCARD slv_code slv_assets_route(const slv_assets *a, const slv_assets_request *r,
                                        bool *ret);

typedef struct slv_assets_answer {
    uint16_t status;
    slv_str headers;        /* "name:value\n" each; in the buffer that was given */
    const slv_asset *asset; /* whose bytes are the body; NULL: there is none */
    const slv_asset *found; /* the same, and with 304 whose bytes it would be */
} slv_assets_answer;

/* The answer, also to `env.ASSETS.fetch()`. headers is replaced. */
SLV_NODISCARD slv_code slv_assets_answer_to(const slv_assets *a, const slv_assets_request *r,
                                            slv_buf *headers, slv_assets_answer *ret);

/* The Content-Type that a file's name says; empty: none. */
slv_str slv_assets_type(slv_str name);
/* Extension number n of those that have the type, whatever parameters follow it; empty past the
 * last one. */
slv_str slv_assets_type_extension(slv_str type, size_t n);

/* ---- names of contents ---- */

/* "html" of "/a/b.html", empty for "/a/b" and "/a/.b": what a hash is made with. */
slv_str slv_assets_extension(slv_str path);
/* The first 32 hexadecimal digits of BLAKE3 over base64 of the bytes and the extension: what
 * wrangler calls a file in manifests. */
SLV_NODISCARD slv_code slv_assets_hash(slv_str bytes, slv_str extension, char ret[static 33]);
bool slv_assets_hash_valid(slv_str hash); /* 32 lower-case hexadecimal digits */

#endif
