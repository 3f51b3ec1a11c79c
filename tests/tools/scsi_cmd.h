/* SPDX-License-Identifier: MIT */
/*
 * scsi_cmd.h - one line of text to one SCSI command, and its outcome back to one line.
 *
 * Kept apart from the session loop because it is pure.
 */
#ifndef TOOLS_SCSI_CMD_H
#define TOOLS_SCSI_CMD_H

#include "initiator.h"

enum scsi_cmd_show { SHOW_STATUS, SHOW_HEX, SHOW_CAPACITY, SHOW_READ, SHOW_CHECK, SHOW_LBA_STATUS };

struct scsi_cmd {
	struct cdb cdb;
	uint8_t *buf; /* data for the target */
	enum scsi_cmd_show show;
	uint64_t lba, pattern;
	uint32_t blocks, block_bytes;
};

/* The help text: every command with its words. */
extern const char scsi_cmd_help[];

/* 0, or -1 with a sentence in error. scsi_cmd_free() in both cases. */
int scsi_cmd_parse(const char *line, uint32_t block_bytes, struct scsi_cmd *cmd, char *error,
		   size_t error_size);
void scsi_cmd_free(struct scsi_cmd *cmd);
void scsi_cmd_format(const struct scsi_cmd *cmd, const struct outcome *out, char *text,
		     size_t size);

/* The content of a block that "write LBA N PATTERN" makes; pattern 0 is zeros. */
void scsi_cmd_fill(uint8_t *block, uint32_t block_bytes, uint64_t lba, uint64_t pattern);

#endif
