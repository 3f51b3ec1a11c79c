/* SPDX-License-Identifier: MIT */
/*
 * crc.h - CRC32C, of the processor where it has one. Thread: any.
 *
 * A plug-in sees only its own folder and the SDK, so it has its own.
 */
#ifndef CACHE_CRC_H
#define CACHE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of data after what crc was made of; 0 to begin with. */
uint32_t cache_crc32c(uint32_t crc, const void *data, size_t size_bytes);
/* The same without the processor's help, for its test. */
uint32_t cache_crc32c_plain(uint32_t crc, const void *data, size_t size_bytes);

#endif
