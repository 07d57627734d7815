/*
 * toml_int.h - what the two halves of the TOML parser share: toml.c (tables and keys), toml_value.c
 * (scalars). Private to fmt.
 */
#ifndef SLV_FMT_TOML_INT_H
#define SLV_FMT_TOML_INT_H

#include "base/map.h"
#include "fmt/doc.h"
#include "fmt/scan_int.h"

/* How a table or array came to be, which decides who may add to it. */
typedef enum toml_form {
    TOML_PLAIN,    /* scalars, arrays that were written as a value */
    TOML_IMPLICIT, /* [a] when only [a.b] was written: may still be declared */
    TOML_HEADER,   /* [a] */
    TOML_DOTTED,   /* a in a.b = 1: open to further dotted keys */
    TOML_INLINE,   /* { } : closed */
    TOML_TABLES,   /* array of [[a]] */
} toml_form;

typedef struct toml {
    slv_scan s;
    int depth;
    slv_arena *arena;
    slv_err *err;
    SLV_MAP(slv_node *) members; /* (table, name) to member */
    slv_buf name;                /* scratch for their keys */
} toml;

static inline int toml_peek(const toml *p)
{
    return slv_scan_peek(&p->s, 0);
}
slv_code slv_toml_fail(toml *p, size_t at, const char *what);
slv_code slv_toml_fail_memory(toml *p);

/* One of the four kinds of strings, at its quote. Multi-line ones only where allowed. */
SLV_NODISCARD slv_code slv_toml_string(toml *p, bool multiline, slv_str *ret);
/* Number, boolean or date into n. */
SLV_NODISCARD slv_code slv_toml_scalar(toml *p, slv_node *n);

#endif
