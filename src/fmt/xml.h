/*
 * xml.h - the little XML that S3 speaks: a writer, and a reader of documents that are elements and
 * text.
 *
 * The reader takes XML 1.0 with the five named and all numeric character references, comments,
 * CDATA and processing instructions; attributes are skipped, prefixes of names cut. A document type
 * is refused (SLV_E_PARSE), so that there are no entities to expand. Any thread.
 *
 * Limits: SLV_XML_DEPTH_MAX levels; memory by the arena (SLV_E_LIMIT).
 */
#ifndef SLV_FMT_XML_H
#define SLV_FMT_XML_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_XML_DEPTH_MAX 32

typedef struct slv_xml slv_xml;
struct slv_xml {
    slv_str name; /* without prefix */
    slv_str text; /* all text directly inside, references resolved */
    slv_xml *first, *last, *next;
};

SLV_NODISCARD slv_code slv_xml_parse(slv_str text, slv_arena *arena, slv_xml **ret_root,
                                     slv_err *err);
/* First child of that name; NULL: none, or node is NULL. */
const slv_xml *slv_xml_child(const slv_xml *node, const char *name);
/* The next sibling of the same name. */
const slv_xml *slv_xml_again(const slv_xml *node);
/* The child's text, without white space around; empty: none. */
slv_str slv_xml_text(const slv_xml *node, const char *name);

/* ---- writing; each appends ---- */

SLV_NODISCARD slv_code slv_xml_put_head(slv_buf *out);
/* "<name>", "</name>". */
SLV_NODISCARD slv_code slv_xml_open(slv_buf *out, const char *name);
SLV_NODISCARD slv_code slv_xml_close(slv_buf *out, const char *name);
/* Escaped; characters that XML cannot hold become numeric references, as S3 writes them. */
SLV_NODISCARD slv_code slv_xml_put_text(slv_buf *out, slv_str text);
/* "<name>text</name>" */
SLV_NODISCARD slv_code slv_xml_put(slv_buf *out, const char *name, slv_str text);
SLV_NODISCARD slv_code slv_xml_put_number(slv_buf *out, const char *name, uint64_t value);

#endif
