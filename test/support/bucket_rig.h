/*
 * bucket_rig.h - buckets in the test's own directory, as a library: what is put in, and what comes
 * out. Failures of what should work are shown.
 */
#ifndef SLV_TEST_BUCKET_RIG_H
#define SLV_TEST_BUCKET_RIG_H

#include "r2/r2.h"

#define T0 INT64_C(1700000000000) /* when the tests begin, in ms */

slv_r2 *open_bucket(const char *name);
/* How many files of content the bucket has. */
size_t blob_files(const char *bucket);

/* An upload of these bytes, written in uneven pieces; sealed where there is a key. */
slv_r2_upload *fill(slv_r2 *r2, slv_str bytes);
slv_r2_upload *fill_ssec(slv_r2 *r2, slv_str bytes, const uint8_t *key);
slv_code put_at(slv_r2 *r2, slv_str key, slv_str bytes, const slv_r2_cond *cond, int64_t now_ms,
                slv_err *err);
slv_code put(slv_r2 *r2, const char *key, slv_str bytes);
/* The bytes that a get gives, in pieces of `step`. */
slv_code read_all(slv_r2 *r2, slv_str key, const slv_r2_get_options *options, size_t step,
                  slv_buf *out, slv_r2_found *found, slv_err *err);

/* Bytes that differ from seed to seed; the caller frees them. */
char *pattern(size_t len, uint64_t seed);

#endif
