/*
 * yaml_doc.h - a YAML document to a tree of fmt/doc.h, as the usual JavaScript parser reads it.
 *
 * Plain scalars become null, booleans and numbers by the core schema of YAML 1.2, everything else
 * (dates too) strings. Numbers are written as JSON writes them. Aliases share the children of what
 * they name; merge keys ("<<") are followed. An empty text is null. Any thread.
 *
 * Errors: SLV_E_PARSE with "LINE:COL: what was wrong" for bad syntax, a key that is given twice, an
 * alias without its anchor, a tag that is not known, more than one document; SLV_E_LIMIT past the
 * limits below.
 */
#ifndef SLV_BAO_YAML_DOC_H
#define SLV_BAO_YAML_DOC_H

#include "fmt/doc.h"

#define SLV_YAML_MAX ((size_t)1 << 20) /* bytes of text */
#define SLV_YAML_DEPTH_MAX 64
#define SLV_YAML_MEMBERS_MAX 4096 /* of one mapping */

SLV_NODISCARD slv_code slv_yaml_parse(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err);

#endif
