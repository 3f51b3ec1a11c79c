/* SPDX-License-Identifier: MIT */
/*
 * crc32c.h - CRC-32C (Castagnoli), as iSCSI has it: by the processor's instruction where it has
 * one. Pure. Thread: any.
 */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of what had crc (0: nothing) and of data behind it. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len_bytes);

#endif
