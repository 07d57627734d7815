/*
 * version_int.h - what a version keeps beside its public part. Private to plat.
 */
#ifndef SLV_PLAT_VERSION_INT_H
#define SLV_PLAT_VERSION_INT_H

#include "fmt/sourcemap.h"
#include "plat/version.h"

/* The decoded source map, made at the first call; NULL when there is none or it is malformed. Any
 * thread. */
const slv_sourcemap *slv_version_sourcemap(slv_version *v);

#endif
