/* SPDX-License-Identifier: MIT */
/*
 * rlog_crc.h - CRC32C (Castagnoli) as a register: no inversion before or after, so that it is
 * linear:  rlog_crc(seed, data) == rlog_crc(0, data) ^ rlog_crc(seed, zeros of that length).
 * The map uses that: it keeps each block's unseeded sum and needs no record to check a block.
 *
 * By the processor's instruction where it has one. Pure. Thread: any.
 */
#ifndef RLOG_CRC_H
#define RLOG_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t rlog_crc(uint32_t state, const void *data, size_t len_bytes);
/* len_bytes zeros, without memory for them. */
uint32_t rlog_crc_zeros(uint32_t state, size_t len_bytes);
/* The same as rlog_crc() in plain C, for processors without the instruction. */
uint32_t rlog_crc_plain(uint32_t state, const void *data, size_t len_bytes);

#endif
