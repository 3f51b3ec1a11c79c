/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cdb.c - hostile commands against the SCSI device server, over a small disk in memory.
 *
 * The input is a script: the unit's shape, then commands (CDB, lengths, data) and events (complete
 * an I/O, fail it, abort a command, change the state or the op mask). The disk checks each I/O as a
 * backend would; the end checks that each command ended exactly once and nothing is left.
 *
 * fuzz-units: scsi common
 * Built by "make fuzz"; with any compiler and -DFUZZ_REPLAY it runs the files given as arguments,
 * once each.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "scsi.h"

#define DISK_BYTES (1u << 20)
#define DATA_BYTES (64u << 10)
#define COMMANDS   16u
#define IOS        8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct held {
	struct sluice_io io; /* first */
	bool is_out, is_held;
	void (*fn)(struct sluice_io *io, void *fn_ctx);
	void *fn_ctx;
};

struct command {
	struct scsi_task *task;
	uint8_t *data;
	bool is_running;
};

static struct {
	struct scsi_lun *lun;
	struct scsi_lun_cfg cfg;
	uint8_t disk[DISK_BYTES];
	struct held ios[IOS];
	bool is_starved, is_holding;
	uint32_t bufs;
	struct command commands[COMMANDS];
	uint32_t ios_done;
} z;

/* The script. What is behind its end reads as zeros. */
static const uint8_t *script;
static size_t script_left;

static uint8_t next_u8(void)
{
	if (script_left == 0)
		return 0;
	script_left--;
	return *script++;
}

/* ---------------------------------------------------------------- host */

static struct sluice_io *io_get(void *ctx)
{
	for (uint32_t i = 0; i < IOS; i++) {
		if (!z.ios[i].is_out) {
			z.ios[i].is_out = true;
			return &z.ios[i].io;
		}
	}
	z.is_starved = true;
	return NULL;
}

static void io_put(void *ctx, struct sluice_io *io)
{
	struct held *h = (struct held *)io;

	assert(h->is_out && !h->is_held);
	h->is_out = false;
	if (z.is_starved) {
		z.is_starved = false;
		scsi_lun_io_available(z.lun);
	}
}

static void complete(struct held *h, enum sluice_status status)
{
	struct sluice_io *io = &h->io;
	uint8_t *p = z.disk + io->offset_bytes;

	h->is_held = false;
	z.ios_done++;
	io->status = (uint8_t)status;
	if (status == SLUICE_OK && io->op == SLUICE_OP_READ)
		memcpy(io->buf, p, io->len_bytes);
	else if (status == SLUICE_OK && io->op == SLUICE_OP_WRITE)
		memcpy(p, io->buf, io->len_bytes);
	else if (status == SLUICE_OK &&
		 (io->op == SLUICE_OP_UNMAP || io->op == SLUICE_OP_WRITE_ZEROES))
		memset(p, 0, io->len_bytes);
	io->extent_is_hole = io->op == SLUICE_OP_EXTENT && io->offset_bytes / 8192 % 2;
	io->extent_bytes = 8192 - io->offset_bytes % 8192;
	h->fn(io, h->fn_ctx);
}

static void io_submit(void *ctx, struct sluice_io *io,
		      void (*fn)(struct sluice_io *io, void *fn_ctx), void *fn_ctx)
{
	struct held *h = (struct held *)io;

	assert(h->is_out && !h->is_held);
	assert(io->op < SLUICE_OP_COUNT);
	assert(io->offset_bytes % z.cfg.block_bytes == 0 && io->len_bytes % z.cfg.block_bytes == 0);
	assert(io->offset_bytes <= DISK_BYTES && io->len_bytes <= DISK_BYTES - io->offset_bytes);
	assert((io->len_bytes == 0) == (io->op == SLUICE_OP_FLUSH));
	assert((io->buf != NULL) == (io->op == SLUICE_OP_READ || io->op == SLUICE_OP_WRITE));
	assert((uintptr_t)io->buf % 512 == 0);
	h->fn = fn;
	h->fn_ctx = fn_ctx;
	h->is_held = true;
	if (!z.is_holding)
		complete(h, SLUICE_OK);
}

static void io_abort(void *ctx, struct sluice_io *io)
{
	assert(((struct held *)io)->is_held);
	io->flags |= SLUICE_IO_ABORTED;
}

static void *buf_get(void *ctx, uint32_t size_bytes)
{
	void *p = NULL;

	if (z.bufs == 12 || posix_memalign(&p, 4096, size_bytes) != 0)
		return NULL;
	z.bufs++;
	return p;
}

static void buf_put(void *ctx, void *buf, uint32_t size_bytes)
{
	memset(buf, 0xdd, size_bytes);
	free(buf);
	z.bufs--;
}

static void note_compared(void *ctx, struct scsi_task *t)
{
	assert(t->cdb[0] == 0x89);
}

static void note_progress(void *ctx, struct scsi_task *t, uint64_t progress)
{
	assert(t->cdb[0] == 0x83 && progress > 0);
}

static bool peer_find(void *ctx, const uint8_t naa[16], uint64_t *size_bytes, uint32_t *block_bytes)
{
	*size_bytes = DISK_BYTES;
	*block_bytes = naa[15] % 2 ? 512 : 4096;
	return naa[14] % 2;
}

static void peer_read(void *ctx, const uint8_t naa[16], uint64_t offset_bytes, uint32_t len_bytes,
		      void *buf, void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	assert(offset_bytes <= DISK_BYTES && len_bytes <= DISK_BYTES - offset_bytes &&
	       len_bytes > 0);
	memset(buf, 'p', len_bytes);
	fn(fn_ctx, naa[13] % 4 ? SLUICE_OK : SLUICE_ERR_IO);
}

static void peer_write(void *ctx, const uint8_t naa[16], uint64_t offset_bytes, uint32_t len_bytes,
		       const void *buf, void (*fn)(void *fn_ctx, enum sluice_status status),
		       void *fn_ctx)
{
	assert(offset_bytes <= DISK_BYTES && len_bytes <= DISK_BYTES - offset_bytes &&
	       len_bytes > 0);
	fn(fn_ctx, naa[12] % 4 ? SLUICE_OK : SLUICE_ERR_NO_SPACE);
}

static void provisioning(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes)
{
	*used_bytes = *available_bytes = UINT64_MAX;
}

static const struct scsi_host host = {
    .io_get = io_get,
    .io_put = io_put,
    .io_submit = io_submit,
    .io_abort = io_abort,
    .buf_get = buf_get,
    .buf_put = buf_put,
    .note_compared = note_compared,
    .note_progress = note_progress,
    .peer_find = peer_find,
    .peer_read = peer_read,
    .peer_write = peer_write,
    .provisioning = provisioning,
};

/* ---------------------------------------------------------------- commands and events */

static void command_end(struct scsi_task *t)
{
	struct command *c = t->ctx;

	assert(c->is_running);
	assert((t->status == SCSI_CHECK_CONDITION) == (t->sense_bytes > 0));
	assert(t->sense_bytes <= SCSI_SENSE_BYTES);
	assert(t->status == SCSI_GOOD || t->in_actual_bytes == 0);
	c->is_running = false;
	free(c->task);
	free(c->data);
}

/* An opcode of the table more often than not. */
static uint8_t pick_opcode(uint8_t v)
{
	static const uint8_t opcodes[] = {
	    0x00, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1d, 0x1e, 0x25, 0x28, 0x2a, 0x2e,
	    0x2f, 0x34, 0x35, 0x41, 0x42, 0x4d, 0x55, 0x5a, 0x83, 0x84, 0x88, 0x89, 0x8a,
	    0x8b, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0x9e, 0xa3, 0xa8, 0xaa, 0xae, 0xaf};

	return v < 192 ? opcodes[v % sizeof(opcodes)] : v;
}

static void start_command(struct command *c)
{
	struct scsi_task *t = calloc(1, scsi_task_bytes());
	uint32_t filled, shape = next_u8();
	static const uint32_t lengths[] = {0, 24, 76, 512, 1024, 4096, 8192, DATA_BYTES};

	assert(t && posix_memalign((void **)&c->data, 4096, DATA_BYTES) == 0);
	memset(c->data, 0, DATA_BYTES);
	c->task = t;
	for (uint32_t i = 0; i < 16; i++)
		t->cdb[i] = next_u8();
	t->cdb[0] = pick_opcode(t->cdb[0]);
	if (shape & 1) /* small addresses: most random ones are out of range */
		memset(t->cdb + 2, 0, t->cdb[0] >= 0x80 && t->cdb[0] < 0xa0 ? 7 : 2);
	t->cdb_bytes = shape & 2 ? 16 : next_u8() % (SCSI_CDB_BYTES + 1);
	t->out_bytes = shape & 4 ? lengths[shape >> 5] : next_u8() * 3u;
	t->in_bytes = shape & 8 ? lengths[shape >> 5] : next_u8() * 3u;
	t->data_bytes = DATA_BYTES;
	t->data = c->data;
	t->is_compared = shape & 16;
	t->progress = shape & 16 ? (uint64_t)next_u8() << (next_u8() % 57) : 0;
	t->nexus_id = next_u8() % 3;
	filled = next_u8();
	for (uint32_t i = 0; i < filled; i++)
		c->data[i] = next_u8();
	if (t->cdb[0] == 0x83 && filled > 48) /* a target that is there */
		scsi_naa_from_uuid(z.cfg.uuid, c->data + 24);
	t->end = command_end;
	t->ctx = c;
	c->is_running = true;
	scsi_execute(z.lun, t);
}

static void complete_some(uint8_t which, enum sluice_status status)
{
	for (uint32_t i = 0; i < IOS; i++) {
		struct held *h = &z.ios[(which + i) % IOS];

		if (h->is_held) {
			complete(h, status);
			return;
		}
	}
}

static void one_event(void)
{
	uint8_t v = next_u8();
	struct command *c = &z.commands[v >> 4];

	switch (v & 15) {
	case 0:
		complete_some(v >> 4, SLUICE_OK);
		break;
	case 1:
		complete_some(v >> 4, (enum sluice_status)(next_u8() % SLUICE_STATUS_COUNT));
		break;
	case 2:
		if (c->is_running)
			scsi_abort(z.lun, c->task);
		break;
	case 3:
		scsi_lun_set_state(z.lun, (enum sluice_status)(next_u8() % SLUICE_STATUS_COUNT));
		break;
	case 4:
		scsi_lun_set_state(z.lun, SLUICE_OK);
		break;
	case 5:
		scsi_lun_set_op_mask(z.lun, next_u8());
		break;
	case 6:
		scsi_lun_set_op_mask(z.lun, SLUICE_OPS_ALL);
		break;
	case 7:
		z.is_holding = v & 16;
		break;
	default:
		if (!c->is_running)
			start_command(c);
		break;
	}
}

static bool is_held(void)
{
	for (uint32_t i = 0; i < IOS; i++) {
		if (z.ios[i].is_held)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	script = data;
	script_left = size;
	memset(&z, 0, sizeof(z));
	z.cfg = (struct scsi_lun_cfg){
	    .host = &host,
	    .uuid = {1, 2, 3},
	    .size_bytes = DISK_BYTES,
	    .block_bytes = next_u8() % 2 ? 512 : 4096,
	    .physical_block_bytes = 4096,
	    .op_mask = SLUICE_OPS_ALL,
	    .max_transfer_bytes = DATA_BYTES,
	};
	assert(scsi_lun_create(&z.cfg, &z.lun) == 0);
	while (script_left > 0)
		one_event();
	scsi_lun_set_state(z.lun, SLUICE_OK);
	z.is_holding = false;
	while (is_held())
		complete_some(0, SLUICE_OK);
	for (uint32_t i = 0; i < COMMANDS; i++)
		assert(!z.commands[i].is_running);
	assert(scsi_lun_tasks(z.lun) == 0 && z.bufs == 0);
	scsi_lun_destroy(z.lun);
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	static uint8_t input[1u << 20];

	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");
		size_t bytes;

		if (!in) {
			fprintf(stderr, "fuzz_cdb: cannot open %s\n", argv[i]);
			return 1;
		}
		bytes = fread(input, 1, sizeof(input), in);
		fclose(in);
		LLVMFuzzerTestOneInput(input, bytes);
	}
	printf("fuzz_cdb: %d inputs replayed\n", argc - 1);
	return 0;
}
#endif
