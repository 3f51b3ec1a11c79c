/* SPDX-License-Identifier: MIT */
/*
 * identity.h - who a volume is, from its UUID alone: NAA id, serial number, T10 id.
 *
 * Never from target or LUN numbers: two appliances must not look like two paths to one disk. Pure.
 */
#ifndef FILTERD_SCSI_IDENTITY_H
#define FILTERD_SCSI_IDENTITY_H

#include <stdint.h>

#define IDENTITY_SERIAL_CHARS 32u
#define IDENTITY_T10_CHARS    20u /* 8 of vendor, 12 of digest: what fits a copy target descriptor */

void identity_naa(const uint8_t uuid[16], uint8_t naa[16]);
void identity_serial(const uint8_t uuid[16], char serial[IDENTITY_SERIAL_CHARS + 1]);
/* The first 8 characters behind the vendor differ from volume to volume: ESXi merges two that do
 * not. */
void identity_t10(const uint8_t uuid[16], char id[IDENTITY_T10_CHARS + 1]);

#endif
