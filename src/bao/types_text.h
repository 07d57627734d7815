/*
 * types_text.h - the text of bao.d.ts. Private to bao.
 */
#ifndef SLV_BAO_TYPES_TEXT_H
#define SLV_BAO_TYPES_TEXT_H

extern const char slv_bao_types_text[];

#endif
