/*
 * type_table.h - extensions and their types, sorted by extension: made at build time from the npm
 * package mime by tools/mime_types.py. Private to assets.
 */
#ifndef SLV_ASSETS_TYPE_TABLE_H
#define SLV_ASSETS_TYPE_TABLE_H

typedef struct slv_type_row {
    const char *extension, *type;
} slv_type_row;

extern const slv_type_row slv_type_rows[];
extern const unsigned slv_type_row_count;

#endif
