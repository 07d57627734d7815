/*
 * multipart.h - bodies of multipart/form-data (RFC 7578) as clients send them: whole, in place, or
 * in pieces of any size. Any thread; a reader is used by one thread at a time.
 *
 * Names may be percent-escaped, as browsers and wrangler write quotes and line ends. What stands
 * before the first delimiter is refused, what follows the last one is passed over.
 *
 * Limits: SLV_MULTIPART_HEAD_MAX bytes of a part's fields, a boundary of 70 characters.
 */
#ifndef SLV_FMT_MULTIPART_H
#define SLV_FMT_MULTIPART_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_MULTIPART_HEAD_MAX ((size_t)16 << 10)
#define SLV_MULTIPART_BOUNDARY_MAX ((size_t)70)

typedef struct slv_multipart_part {
    slv_str name, filename, type; /* filename.ptr NULL: a text field; type empty: none was given */
    slv_str body;                 /* of slv_multipart_next alone */
} slv_multipart_part;

/* The boundary of a Content-Type; SLV_STR_NULL when it is not multipart/form-data. In the arena, or
 * borrowed. */
slv_str slv_multipart_boundary(slv_str content_type, slv_arena *arena);
/* The boundary that a body without Content-Type begins with; SLV_STR_NULL: none. Borrowed. */
slv_str slv_multipart_sniff(slv_str body);

/* The next part of a whole body; *at begins at 0. False: no more, or (*at == SIZE_MAX) malformed.
 * Strings borrow from body, or live in the arena. */
bool slv_multipart_next(slv_str body, slv_str boundary, size_t *at, slv_arena *arena,
                        slv_multipart_part *ret);

/* ---- in pieces ---- */

typedef struct slv_multipart_ops {
    /* The strings are borrowed for the call. */
    slv_code (*begin)(void *arg, const slv_multipart_part *part, slv_err *err);
    slv_code (*data)(void *arg, slv_str bytes, slv_err *err);
    slv_code (*end)(void *arg, slv_err *err);
} slv_multipart_ops;

typedef struct slv_multipart {
    const slv_multipart_ops *ops;
    void *arg;
    slv_buf held; /* what is not told yet */
    char delimiter[SLV_MULTIPART_BOUNDARY_MAX + 5];
    size_t delimiter_len;
    int state;
} slv_multipart;

/* ops and arg are borrowed. SLV_E_PARSE: no boundary can be that. */
SLV_NODISCARD slv_code slv_multipart_init(slv_multipart *m, slv_str boundary,
                                          const slv_multipart_ops *ops, void *arg, slv_err *err);
/* SLV_E_PARSE, SLV_E_LIMIT, or what an op failed with; nothing more may be added then. */
SLV_NODISCARD slv_code slv_multipart_add(slv_multipart *m, slv_str bytes, slv_err *err);
/* SLV_E_PARSE: the body is cut off. */
SLV_NODISCARD slv_code slv_multipart_end(slv_multipart *m, slv_err *err);
void slv_multipart_done(slv_multipart *m);
SLV_DEFINE_CLEANUP_DONE(slv_multipart, slv_multipart_done);

#endif
