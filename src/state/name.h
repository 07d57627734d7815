/*
 * name.h - names that a tenant may choose, as names of files. Any thread.
 *
 * Lower-case letters, digits, '-' and '_' stand for themselves; every other byte is % and two
 * lower-case hex digits (a capital too: some file systems hold no two names that differ in case
 * only). The empty name is a lone %. What would be longer than SLV_NAME_WHOLE bytes is cut and gets
 * %% and the SHA-256 of the name: that cannot be read back, so whoever makes such a file keeps the
 * name in another beside it. No encoded name holds a dot.
 */
#ifndef SLV_STATE_NAME_H
#define SLV_STATE_NAME_H

#include "base/buf.h"

#define SLV_NAME_WHOLE ((size_t)160)
/* No encoded name is longer. */
#define SLV_NAME_MAX ((size_t)160)

/* Appends the encoded form. */
SLV_NODISCARD slv_code slv_name_encode(slv_str name, slv_buf *out);
/* Appends the name. SLV_E_PARSE: this is no encoded name. SLV_E_UNSUPPORTED: it was cut. */
SLV_NODISCARD slv_code slv_name_decode(slv_str encoded, slv_buf *out);

#endif
