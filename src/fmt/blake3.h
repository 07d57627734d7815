/*
 * blake3.h - BLAKE3 of bytes that come in pieces: 32 bytes, without key.
 *
 * Static files are named by it. A slv_blake3 is plain data (no pointer): it may be copied, so that
 * several ends are tried after one beginning. Used by one thread at a time.
 * Rule: the BLAKE3 specification (O'Connor, Aumasson, Neves, Wilcox-O'Hearn), sections 2 and 5.1.
 */
#ifndef SLV_FMT_BLAKE3_H
#define SLV_FMT_BLAKE3_H

#include "base/str.h"

#define SLV_BLAKE3_LEN ((size_t)32)
#define SLV_BLAKE3_DEPTH 54 /* of the tree over 2^64 bytes */

typedef struct slv_blake3 {
    uint32_t cv[8];    /* of the chunk under way */
    uint64_t chunk;    /* its number */
    uint8_t block[64]; /* of the chunk, not compressed yet */
    uint8_t block_len, blocks;
    uint8_t depth;
    uint32_t stack[SLV_BLAKE3_DEPTH][8]; /* left subtrees that wait for their right ones */
} slv_blake3;

void slv_blake3_init(slv_blake3 *b);
void slv_blake3_add(slv_blake3 *b, slv_str bytes);
/* b may go on being added to. */
void slv_blake3_end(const slv_blake3 *b, uint8_t out[SLV_BLAKE3_LEN]);

#endif
