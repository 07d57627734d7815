/*
 * stack.h - places in a version's script as places in its sources: for stacks, console lines, error
 * pages.
 *
 * Threads: any; the source map is read once, at the first need, and kept with the version. A
 * version without a map, and places that are not in its script, stay as they are.
 */
#ifndef SLV_PLAT_STACK_H
#define SLV_PLAT_STACK_H

#include "base/buf.h"
#include "plat/version.h"

/* Appends text with every "<main_name>:LINE:COL" in it replaced by "SOURCE:LINE:COL". */
SLV_NODISCARD slv_code slv_stack_map(slv_version *v, slv_str text, slv_buf *out);

#endif
