/* SPDX-License-Identifier: MIT */
#include "scsi_cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define WORDS_MAX 8

const char scsi_cmd_help[] =
    "  tur | readcap | luns | inquiry [PAGE] | modesense PAGE | sync [LBA BLOCKS]\n"
    "  write LBA BLOCKS PATTERN [fua]     every block filled from PATTERN and its LBA; 0 is zeros\n"
    "  read LBA BLOCKS                    prints a sum and the first eight bytes\n"
    "  check LBA BLOCKS PATTERN           reads and compares with what write made\n"
    "  writesame LBA BLOCKS PATTERN [unmap] | zero LBA BLOCKS [unmap]   (zero: NDOB)\n"
    "  unmap LBA BLOCKS | lbastatus LBA\n"
    "  caw LBA OLD NEW                    patterns of one block\n"
    "  orwrite LBA BLOCKS PATTERN\n"
    "  cdb HEX [in BYTES | out HEX]\n"
    "Before any of them \"start N\" sends without waiting; then wait N [MS] | abort N | state N.\n"
    "  reset                              LOGICAL UNIT RESET\n"
    "  logout | sleep MS\n";

void scsi_cmd_fill(uint8_t *block, uint32_t block_bytes, uint64_t lba, uint64_t pattern)
{
	memset(block, 0, block_bytes);
	if (!pattern)
		return;
	for (uint32_t i = 0; i + 16 <= block_bytes; i += 16) {
		put_be64(block + i, pattern);
		put_be64(block + i + 8, lba ^ (uint64_t)i << 48);
	}
}

static int words_of(char *line, char *words[WORDS_MAX])
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \t\n", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " \t\n", &save))
		words[n++] = w;
	return n;
}

static uint64_t number(char *const words[], int n, int i)
{
	return i < n ? strtoull(words[i], NULL, 0) : 0;
}

static bool has_word(char *const words[], int n, const char *word)
{
	for (int i = 1; i < n; i++) {
		if (!strcmp(words[i], word))
			return true;
	}
	return false;
}

static int hex_bytes(const char *hex, uint8_t *out, size_t max)
{
	size_t len = strlen(hex) / 2;

	if (strlen(hex) % 2 || len > max)
		return -1;
	for (size_t i = 0; i < len; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
		char *end;

		out[i] = (uint8_t)strtoul(pair, &end, 16);
		if (*end)
			return -1;
	}
	return (int)len;
}

static int parse_raw(struct scsi_cmd *cmd, char *const words[], int n)
{
	int len = n > 1 ? hex_bytes(words[1], cmd->cdb.bytes, sizeof(cmd->cdb.bytes)) : -1;

	if (len < 6)
		return -1;
	cmd->cdb.len = len;
	if (n > 3 && !strcmp(words[2], "in")) {
		cmd->cdb.in_len = (int)number(words, n, 3);
		cmd->show = SHOW_HEX;
	} else if (n > 3 && !strcmp(words[2], "out")) {
		int out_len = hex_bytes(words[3], cmd->buf, 65536);

		if (out_len < 0)
			return -1;
		cmd->cdb.out = cmd->buf;
		cmd->cdb.out_len = out_len;
	}
	return 0;
}

/* Commands that only ask. 1: not one of them. */
static int parse_query(struct scsi_cmd *cmd, char *const words[], int n)
{
	const char *verb = words[0];

	if (!strcmp(verb, "tur")) {
		cmd->cdb = cdb_test_unit_ready();
	} else if (!strcmp(verb, "readcap")) {
		cmd->cdb = cdb_read_capacity16();
		cmd->show = SHOW_CAPACITY;
	} else if (!strcmp(verb, "luns")) {
		cmd->cdb = cdb_report_luns(512);
		cmd->show = SHOW_HEX;
	} else if (!strcmp(verb, "inquiry")) {
		cmd->cdb = cdb_inquiry(n > 1 ? (int)number(words, n, 1) : -1, 255);
		cmd->show = SHOW_HEX;
	} else if (!strcmp(verb, "modesense")) {
		cmd->cdb = cdb_mode_sense10((uint8_t)number(words, n, 1), 255);
		cmd->show = SHOW_HEX;
	} else if (!strcmp(verb, "sync")) {
		cmd->cdb = cdb_sync_cache16(cmd->lba, cmd->blocks);
	} else if (!strcmp(verb, "lbastatus")) {
		cmd->cdb = cdb_get_lba_status(cmd->lba, 512);
		cmd->show = SHOW_LBA_STATUS;
	} else if (!strcmp(verb, "cdb")) {
		return parse_raw(cmd, words, n);
	} else {
		return 1;
	}
	return 0;
}

static void fill_range(struct scsi_cmd *cmd, uint64_t pattern)
{
	for (uint32_t i = 0; i < cmd->blocks; i++)
		scsi_cmd_fill(cmd->buf + (size_t)i * cmd->block_bytes, cmd->block_bytes,
			      cmd->lba + i, pattern);
}

static int parse_data(struct scsi_cmd *cmd, char *const words[], int n)
{
	const char *verb = words[0];
	uint32_t bb = cmd->block_bytes;

	if (!strcmp(verb, "read") || !strcmp(verb, "check")) {
		cmd->cdb = cdb_read16(cmd->lba, cmd->blocks, bb, has_word(words, n, "fua"));
		cmd->show = *verb == 'r' ? SHOW_READ : SHOW_CHECK;
	} else if (!strcmp(verb, "write") || !strcmp(verb, "orwrite")) {
		fill_range(cmd, cmd->pattern);
		cmd->cdb = *verb == 'w' ? cdb_write16(cmd->lba, cmd->blocks, bb, cmd->buf,
						      has_word(words, n, "fua"))
					: cdb_orwrite16(cmd->lba, cmd->blocks, bb, cmd->buf);
	} else if (!strcmp(verb, "writesame")) {
		scsi_cmd_fill(cmd->buf, bb, cmd->lba, cmd->pattern);
		cmd->cdb = cdb_write_same16(cmd->lba, cmd->blocks, bb, cmd->buf,
					    has_word(words, n, "unmap"));
	} else if (!strcmp(verb, "zero")) {
		cmd->cdb =
		    cdb_write_same16_ndob(cmd->lba, cmd->blocks, has_word(words, n, "unmap"));
	} else if (!strcmp(verb, "unmap")) {
		cmd->cdb = cdb_unmap(cmd->lba, cmd->blocks, cmd->buf);
	} else if (!strcmp(verb, "caw")) {
		scsi_cmd_fill(cmd->buf, bb, cmd->lba, number(words, n, 2));
		scsi_cmd_fill(cmd->buf + bb, bb, cmd->lba, number(words, n, 3));
		cmd->cdb = cdb_compare_and_write(cmd->lba, 1, bb, cmd->buf);
	} else {
		return -1;
	}
	return 0;
}

int scsi_cmd_parse(const char *line, uint32_t block_bytes, struct scsi_cmd *cmd, char *error,
		   size_t error_size)
{
	char *copy = strdup(line), *words[WORDS_MAX] = {0};
	size_t data_bytes;
	int n, rc = -1;

	memset(cmd, 0, sizeof(*cmd));
	n = copy ? words_of(copy, words) : 0;
	cmd->lba = number(words, n, 1);
	cmd->blocks = (uint32_t)number(words, n, 2);
	cmd->pattern = number(words, n, 3);
	cmd->block_bytes = block_bytes ? block_bytes : 512;
	data_bytes = (size_t)cmd->blocks * cmd->block_bytes;
	cmd->buf = calloc(1, data_bytes > (8u << 20) ? 65536 : data_bytes + 65536);
	if (n > 0 && cmd->buf) {
		rc = parse_query(cmd, words, n);
		if (rc > 0)
			rc = parse_data(cmd, words, n);
	}
	if (rc)
		snprintf(error, error_size, "cannot read '%s'; say 'help'", line);
	free(copy);
	return rc;
}

void scsi_cmd_free(struct scsi_cmd *cmd)
{
	free(cmd->buf);
	cmd->buf = NULL;
}

static void format_hex(const struct outcome *out, char *text, size_t size)
{
	size_t at = (size_t)snprintf(text, size, "good ");

	for (size_t i = 0; i < out->data_len && at + 3 < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%02x", out->data[i]);
}

static void format_read(const struct outcome *out, char *text, size_t size)
{
	uint64_t sum = 14695981039346656037ull;

	for (size_t i = 0; i < out->data_len; i++)
		sum = (sum ^ out->data[i]) * 1099511628211ull;
	snprintf(text, size, "good sum=%016" PRIx64 " first=%016" PRIx64, sum,
		 out->data_len >= 8 ? get_be64(out->data) : 0);
}

static void format_check(const struct scsi_cmd *cmd, const struct outcome *out, char *text,
			 size_t size)
{
	uint8_t *want = malloc(cmd->block_bytes);

	snprintf(text, size, "good");
	for (uint32_t i = 0; want && i < cmd->blocks; i++) {
		const uint8_t *got = out->data + (size_t)i * cmd->block_bytes;

		scsi_cmd_fill(want, cmd->block_bytes, cmd->lba + i, cmd->pattern);
		if ((size_t)(i + 1) * cmd->block_bytes > out->data_len ||
		    memcmp(want, got, cmd->block_bytes)) {
			snprintf(text, size, "differs lba=%" PRIu64, cmd->lba + i);
			break;
		}
	}
	free(want);
}

static void format_lba_status(const struct outcome *out, char *text, size_t size)
{
	static const char *const states[] = {"mapped", "hole", "anchored", "other"};
	size_t at = (size_t)snprintf(text, size, "good");

	for (size_t i = 8;
	     i + 16 <= out->data_len && i + 12 <= get_be32(out->data) + 4u && at + 64 < size;
	     i += 16)
		at += (size_t)snprintf(text + at, size - at, " %" PRIu64 "+%u=%s",
				       get_be64(out->data + i), get_be32(out->data + i + 8),
				       states[out->data[i + 12] & 3]);
}

void scsi_cmd_format(const struct scsi_cmd *cmd, const struct outcome *out, char *text, size_t size)
{
	char word[64];

	if (out->status != SCSI_STATUS_GOOD || cmd->show == SHOW_STATUS) {
		int n = snprintf(text, size, "%s", outcome_text(out, word, sizeof(word)));

		if (out->has_information)
			snprintf(text + n, size - (size_t)n, " information=%" PRIu64,
				 out->information);
		return;
	}
	if (cmd->show == SHOW_HEX)
		format_hex(out, text, size);
	else if (cmd->show == SHOW_CAPACITY && out->data_len >= 16)
		snprintf(text, size,
			 "good blocks=%" PRIu64 " block_bytes=%u exponent=%u lbpme=%u lbprz=%u",
			 get_be64(out->data) + 1, get_be32(out->data + 8), out->data[13] & 15u,
			 out->data[14] >> 7, out->data[14] >> 6 & 1u);
	else if (cmd->show == SHOW_READ)
		format_read(out, text, size);
	else if (cmd->show == SHOW_CHECK)
		format_check(cmd, out, text, size);
	else
		format_lba_status(out, text, size);
}
