/* SPDX-License-Identifier: MIT */
/*
 * crc32c.h - the checksum of the record log and of replication, for filters.
 *
 * Thread: any.
 */
#ifndef SLUICE_CRC32C_H
#define SLUICE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) as iSCSI has it. crc: 0, or the sum of what comes before data. */
uint32_t sluice_crc32c(uint32_t crc, const void *data, size_t len_bytes);

#endif
