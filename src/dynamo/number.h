/*
 * number.h - numbers of DynamoDB: decimal, exact, up to 38 significant digits, magnitude 1E-130 to
 * 9.9999999999999999999999999999999999999E+125, and zero.
 *
 * A number is held as bytes whose order (slv_str_cmp) is the order of the numbers, and which are
 * equal exactly when the numbers are; they are what is stored, what keys are made of, and as many
 * as AWS counts for the size of a number:
 *
 *   zero       80
 *   positive   80+x  then for every two digits (base 100, first one not zero) 1 + value
 *   negative   7F-x  then for every two digits 101 - value, then 66 (102)
 *   x          exponent of 100, from 0 for the smallest magnitude to 127; trailing zero pairs are
 *              not written
 *
 * Threads: any. Errors are set in the scope, in AWS's words.
 */
#ifndef SLV_DYNAMO_NUMBER_H
#define SLV_DYNAMO_NUMBER_H

#include "base/buf.h"
#include "dynamo/scope.h"

#define SLV_DYN_NUM_DIGITS 38
#define SLV_DYN_NUM_MAX ((size_t)22)       /* bytes of the longest */
#define SLV_DYN_NUM_TEXT_MAX ((size_t)256) /* longest text: sign, "0.", 130 zeros, 38 digits */

typedef struct slv_dyn_num {
    uint8_t len;
    uint8_t bytes[SLV_DYN_NUM_MAX];
} slv_dyn_num;

/* Parses text as AWS does: sign, digits with a point anywhere, exponent; no space, no "Infinity".
   SLV_E_INVAL with the validation message otherwise. */
SLV_NODISCARD slv_code slv_dyn_num_parse(slv_dyn_scope *sc, slv_str text, slv_dyn_num *ret);
/* Writes the number without exponent, as AWS answers it; returns the number of bytes. num must be
   the bytes of a number (slv_dyn_num_valid). */
size_t slv_dyn_num_text(slv_str num, char out[SLV_DYN_NUM_TEXT_MAX]);
SLV_NODISCARD slv_code slv_dyn_num_put(slv_str num, slv_buf *out);
/* a + b, or a - b. SLV_E_INVAL where the result has more digits or is out of range. */
SLV_NODISCARD slv_code slv_dyn_num_add(slv_dyn_scope *sc, slv_str a, slv_str b, bool minus,
                                       slv_dyn_num *ret);
/* False where bytes are not what slv_dyn_num_parse makes: for what is read from a disk. */
bool slv_dyn_num_valid(slv_str bytes);
void slv_dyn_num_from_u64(uint64_t v, slv_dyn_num *ret);
/* The value where it is an integer that fits; false otherwise (TTL reads it so). */
bool slv_dyn_num_to_i64(slv_str num, int64_t *ret);

static inline slv_str slv_dyn_num_view(const slv_dyn_num *n)
{
    return slv_str_make(n->bytes, n->len);
}

#endif
