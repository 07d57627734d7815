/*
 * pack_int.h - packed forms of static files: made once, by a thread of their own that yields to
 * everything else, when a file is asked for the first time; until they are there the file goes out
 * as it is.
 *
 * Files of an account's store, which never change, have theirs beside them (FILE.br, FILE.gz).
 * Those of a directory have them in `dir`, by the file's tag, which changes when the file does;
 * what was not made lately is removed there when the thread starts.
 *
 * Any thread. Limits: SLV_PACK_KNOWN_MAX files are remembered, further ones go out as they are.
 */
#ifndef SLV_EDGE_PACK_INT_H
#define SLV_EDGE_PACK_INT_H

#include "assets/assets.h"
#include "assets/form.h"

#define SLV_PACK_KNOWN_MAX 500000u

typedef struct slv_packer slv_packer;

/* dir: made when it is needed; copied. */
slv_packer *slv_packer_new(const char *dir);
/* Waits for the piece under way. Accepts NULL, returns NULL. */
slv_packer *slv_packer_free(slv_packer *p);

/* The forms that are there, bits 1 << coding. Asks for them when it is not known. */
unsigned slv_packer_have(slv_packer *p, const slv_asset *asset, bool immutable);
/* Where a form is. */
SLV_NODISCARD slv_code slv_packer_path(const slv_packer *p, const slv_asset *asset, bool immutable,
                                       slv_coding coding, slv_buf *out);
/* A form was not there after all: it is made again. */
void slv_packer_lost(slv_packer *p, const slv_asset *asset, bool immutable);

#endif
