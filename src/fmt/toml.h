/*
 * toml.h - TOML 1.0 to the tree of doc.h. Any thread.
 *
 * Dates and times become strings (their text, with is_date set); inf and nan keep their names;
 * integers are decimal.
 *
 * Limits: SLV_TOML_MAX bytes, SLV_TOML_DEPTH_MAX nested values; memory by the arena (SLV_E_LIMIT).
 * Errors are SLV_E_PARSE with "LINE:COL: what is wrong".
 */
#ifndef SLV_FMT_TOML_H
#define SLV_FMT_TOML_H

#include "fmt/doc.h"

#define SLV_TOML_MAX ((size_t)4 << 20)
#define SLV_TOML_DEPTH_MAX 100

SLV_NODISCARD slv_code slv_toml_parse(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err);

#endif
