/*
 * jsonpush.h - JSON (RFC 8259) that comes in pieces of any size and is told as it comes: for bodies
 * too large for a tree. Strings that are values are told in pieces as well.
 *
 * Strict but for one thing: whether strings are valid UTF-8 is not looked at. Escaped lone
 * surrogates become U+FFFD. Any thread; a reader is used by one thread at a time.
 *
 * Limits: SLV_JSONPUSH_DEPTH levels, SLV_JSONPUSH_NAME bytes of a member's name or a number
 * (SLV_E_LIMIT).
 */
#ifndef SLV_FMT_JSONPUSH_H
#define SLV_FMT_JSONPUSH_H

#include "base/buf.h"

#define SLV_JSONPUSH_DEPTH 32
#define SLV_JSONPUSH_NAME ((size_t)256)

/* Strings are borrowed for the call. What an op fails with ends the reading. */
typedef struct slv_jsonpush_ops {
    slv_code (*open)(void *arg, bool array, slv_err *err);
    slv_code (*close)(void *arg, bool array, slv_err *err);
    slv_code (*name)(void *arg, slv_str name, slv_err *err);
    slv_code (*text)(void *arg, slv_str piece, bool last, slv_err *err); /* piece may be empty */
    slv_code (*literal)(void *arg, slv_str text, slv_err *err); /* a number, true, false, null */
} slv_jsonpush_ops;

typedef struct slv_jsonpush {
    const slv_jsonpush_ops *ops;
    void *arg;
    uint64_t at;                 /* bytes that were read: for messages */
    uint32_t arrays;             /* bit i: level i is an array */
    uint8_t depth, state, after; /* after: what follows the string under way */
    uint32_t high;               /* a surrogate that waits for its other half */
    uint8_t held_len;
    char held[SLV_JSONPUSH_NAME]; /* a name, a number, an escape */
    uint8_t escape_len;
    char escape[6];
} slv_jsonpush;

/* ops and arg are borrowed. There is nothing to be released. */
void slv_jsonpush_init(slv_jsonpush *p, const slv_jsonpush_ops *ops, void *arg);
/* SLV_E_PARSE ("byte N: what was expected"), SLV_E_LIMIT, or what an op failed with. */
SLV_NODISCARD slv_code slv_jsonpush_add(slv_jsonpush *p, slv_str bytes, slv_err *err);
/* SLV_E_PARSE: the text is cut off. */
SLV_NODISCARD slv_code slv_jsonpush_end(slv_jsonpush *p, slv_err *err);

#endif
