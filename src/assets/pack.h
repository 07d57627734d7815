/*
 * pack.h - files packed by gzip and brotli, once. Blocks on disk and processor; any thread.
 */
#ifndef SLV_ASSETS_PACK_H
#define SLV_ASSETS_PACK_H

#include <stdatomic.h>

#include "assets/form.h"
#include "base/err.h"

/* Writes what `from` holds, packed, as `to` (in one step: a file of that name is always whole).
 * *ret_size: its bytes. SLV_E_LIMIT: it would not be smaller by an eighth at least, and was not
 * written. SLV_E_CANCELED: *stop became true. */
SLV_NODISCARD slv_code slv_pack_file(const char *from, const char *to, slv_coding coding,
                                     const atomic_bool *stop, uint64_t *ret_size, slv_err *err);

#endif
