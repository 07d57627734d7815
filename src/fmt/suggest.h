/*
 * suggest.h - "did you mean": the known word that a mistyped one is closest to. Any thread.
 */
#ifndef SLV_FMT_SUGGEST_H
#define SLV_FMT_SUGGEST_H

#include "base/str.h"

#define SLV_SUGGEST_WORD_MAX 64 /* longer words have no suggestion */

/* Edits (insert, delete, replace, swap of neighbours) from a to b; SIZE_MAX when either is too
 * long. */
size_t slv_edit_distance(slv_str a, slv_str b);
/* The closest of n words within a third of the length of the given one; NULL when none is near.
   Words may contain NULL entries, which are skipped. Case, '-' and '_' do not count as differences.
 */
const char *slv_suggest(slv_str given, const char *const words[], size_t n);

#endif
