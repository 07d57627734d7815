/*
 * hash.h - SipHash-1-3 (Aumasson, Bernstein) with a key drawn once for each process: for tables
 * keyed by strangers. Any thread.
 */
#ifndef SLV_BASE_HASH_H
#define SLV_BASE_HASH_H

#include <stdint.h>

#include "base/str.h"

uint64_t slv_siphash13(const uint8_t key[16], slv_str s);
/* With the process's key; not stable between processes, never stored. */
uint64_t slv_hash(slv_str s);
/* Draws a fresh process key. For a process that has just been forked and has no tables yet. */
void slv_hash_reseed(void);

#endif
