/*
 * sourcemap.h - source maps, version 3: from a place in generated code to the place in the source.
 * Any thread; a map does not change after slv_sourcemap_new.
 *
 * The mappings stay encoded; a place is found by decoding from the nearest of the kept line starts,
 * so a map costs little more than its text. Index maps ("sections") are refused.
 *
 * Limits: SLV_SOURCEMAP_MAX bytes of JSON. Malformed mappings are SLV_E_PARSE.
 */
#ifndef SLV_FMT_SOURCEMAP_H
#define SLV_FMT_SOURCEMAP_H

#include "base/str.h"

#define SLV_SOURCEMAP_MAX ((size_t)128 << 20)

typedef struct slv_sourcemap slv_sourcemap;

typedef struct slv_source_place {
    slv_str source;     /* as the map names it, with its sourceRoot in front */
    uint32_t line, col; /* from 1 */
    slv_str name;       /* of the identifier; empty when the map gives none */
} slv_source_place;

/* Copies json. */
SLV_NODISCARD slv_code slv_sourcemap_new(slv_str json, slv_sourcemap **ret, slv_err *err);
slv_sourcemap *slv_sourcemap_free(slv_sourcemap *m);
SLV_DEFINE_CLEANUP(slv_sourcemap *, slv_sourcemap_free);

/* line and col from 1, col in UTF-16 units. False when nothing of a source stands there. Strings
 * live as long as m. */
bool slv_sourcemap_find(const slv_sourcemap *m, uint32_t line, uint32_t col, slv_source_place *ret);
/* Number of sources and their names. */
size_t slv_sourcemap_source_count(const slv_sourcemap *m);
slv_str slv_sourcemap_source(const slv_sourcemap *m, size_t i);
/* Embedded text of a source (sourcesContent); ptr NULL when the map has none. */
slv_str slv_sourcemap_content(const slv_sourcemap *m, size_t i);

#endif
