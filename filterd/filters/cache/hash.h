/* SPDX-License-Identifier: MIT */
/*
 * hash.h - block numbers to buckets. Pure.
 */
#ifndef CACHE_HASH_H
#define CACHE_HASH_H

#include <stdint.h>

/* Finalizer of MurmurHash3 (public domain): every bit of the key reaches every bit of the hash. */
static inline uint64_t cache_hash(uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ull;
	return key ^ key >> 33;
}

/* 0 .. n-1 out of a hash's upper half, without a division. */
static inline uint32_t cache_hash_scale(uint64_t hash, uint32_t n)
{
	return (uint32_t)((hash >> 32) * n >> 32);
}

#endif
