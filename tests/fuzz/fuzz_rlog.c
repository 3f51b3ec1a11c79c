/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rlog.c - hostile bytes on a log's medium: superblock, records and checkpoint as a whole
 * image that is opened, and looked at as far as it opens.
 *
 * The input is XORed over a real log, which the first run makes, so that no input at all is a log
 * that opens and each bit of it is damage; then, so that the checksums do not stop everything, its
 * first byte says which of them are made right before the log is opened.
 *
 * fuzz-units: log fake_env common
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_env.h"
#include "rlog_bytes.h"
#include "rlog_crc.h"
#include "rlog_format.h"
#include "rlog_open.h"

#define BLOCK      128u
#define LOG_BLOCKS 24u
#define IMAGE_MAX  (16u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct fake_env fe; /* first */
	struct env_ops ops;
	struct env_file file;
	struct list_node ios;
	uint8_t image[IMAGE_MAX];
	bool is_opened, is_closed, is_done;
	struct sluice_rlog_opened how;
} z;

static int op_file_open(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	if (how->flags & ENV_OPEN_CREATE)
		return -EEXIST; /* the file is there, empty the first time */
	*out = &z.file;
	return 0;
}

static void op_file_close(struct env *e, struct env_file *f) {}

static void op_io_submit(struct env *e, struct env_io *io)
{
	assert(io->op == ENV_IO_SYNC || (io->offset_bytes <= z.file.size_bytes &&
					 io->len_bytes <= z.file.size_bytes - io->offset_bytes));
	list_push_back(&z.ios, &io->node);
}

static void run(void)
{
	struct list_node *n;

	for (fake_env_settle(&z.fe); (n = list_pop_front(&z.ios)); fake_env_settle(&z.fe)) {
		struct env_io *io = list_entry(n, struct env_io, node);

		if (io->op == ENV_IO_READ)
			memcpy(io->buf, z.image + io->offset_bytes, io->len_bytes);
		else if (io->op == ENV_IO_WRITE)
			memcpy(z.image + io->offset_bytes, io->buf, io->len_bytes);
		io->result = 0;
		io->done(io);
	}
}

static void on_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	z.how = *how;
	z.is_opened = true;
}

static void on_closed(void *ctx)
{
	z.is_closed = true;
}

static void on_read(struct sluice_rlog_read *r)
{
	z.is_done = true;
}

static void on_destaged(struct sluice_rlog_destage *d)
{
	z.is_done = true;
}

static void sink_submit(void *ctx, struct sluice_rlog_sink_io *io)
{
	assert(io->op == SLUICE_RLOG_SINK_FLUSH || io->block_count > 0);
	io->result = 0;
	io->fn(io);
}

/* What a forger would do who knows the format. */
static void make_right(uint8_t which, uint64_t size)
{
	uint32_t seed = rlog_seed_log(z.image + 16);
	struct rlog_super s;

	if (which & 1)
		put_le32(z.image + 252, rlog_crc(seed, z.image, 252));
	if (rlog_super_decode(z.image, size, &s) != RLOG_SUPER_VALID)
		return;
	for (uint64_t b = s.geo.log_start; (which & 2) && (b + 1) * BLOCK <= size; b++) {
		uint8_t *h = z.image + b * BLOCK;
		uint32_t record = rlog_seed_record(seed, get_le32(h + 16), get_le64(h + 24));
		uint32_t crc = rlog_crc_zeros(rlog_crc(record, h, 8), 4);

		put_le32(h + 8, rlog_crc(crc, h + 12, BLOCK - 12));
	}
	if ((which & 4) && s.has_checkpoint) {
		uint64_t at = ((uint64_t)s.geo.checkpoint_start +
			       s.checkpoint_slot * (uint64_t)s.geo.checkpoint_blocks) *
			      BLOCK;

		put_le32(z.image + 144, rlog_crc(seed, z.image + at, s.checkpoint_bytes));
		put_le32(z.image + 252, rlog_crc(seed, z.image, 252));
	}
}

static void use(struct sluice_rlog *log)
{
	struct sluice_rlog_sink sink = {.submit = sink_submit, .max_ios = 4};
	static uint8_t buf[64 * BLOCK];
	struct sluice_rlog_run r;

	for (uint64_t b = 0; b < 40; b += r.block_count) {
		struct sluice_rlog_read rd = {.block = b, .buf = buf, .fn = on_read};

		sluice_rlog_lookup(log, b, 40 - b, &r);
		assert(r.block_count > 0 && r.block_count <= 40 - b);
		rd.block_count = r.block_count;
		z.is_done = r.what != SLUICE_RLOG_HAS_DATA;
		if (!z.is_done)
			sluice_rlog_read(log, &rd);
		run();
		assert(z.is_done);
	}
	for (uint32_t i = 0; i < 30; i++) {
		struct sluice_rlog_destage d = {.max_bytes = 1000, .fn = on_destaged};

		z.is_done = false;
		sluice_rlog_destage(log, &sink, &d);
		run();
		assert(z.is_done);
	}
}

static void begin(struct sluice_rlog_cfg *cfg)
{
	memset(&z, 0, sizeof(z));
	fake_env_init(&z.fe, 1);
	z.ops = *z.fe.env.ops;
	z.ops.file_open = op_file_open;
	z.ops.file_close = op_file_close;
	z.ops.io_submit = op_io_submit;
	z.fe.env.ops = &z.ops;
	list_init(&z.ios);
	*cfg = (struct sluice_rlog_cfg){
	    .path = "log", .block_bytes = BLOCK, .reserve_blocks = 4, .checkpoint_bytes = 1000};
	cfg->size_bytes = rlog_geometry_size(BLOCK, LOG_BLOCKS, true);
	assert(cfg->size_bytes <= IMAGE_MAX);
	z.file.size_bytes = cfg->size_bytes;
	z.file.align_bytes = 1;
}

static struct sluice_rlog *open_log(const struct sluice_rlog_cfg *cfg)
{
	struct sluice_error err;
	struct sluice_rlog *log = rlog_open_env(&z.fe.env, cfg, on_opened, NULL, &err);

	assert(log);
	run();
	assert(z.is_opened);
	return log;
}

static void end(struct sluice_rlog *log)
{
	sluice_rlog_close(log, on_closed, NULL);
	run();
	assert(z.is_closed);
	fake_env_fini(&z.fe);
}

static void on_appended(struct sluice_rlog_entry *e)
{
	z.is_done = e->result == 0;
}

/* A log with data, zeros, two epochs and a tail that has moved; not closed cleanly. */
static void make_real(uint8_t *image)
{
	static uint8_t data[3 * BLOCK] = "some data";
	struct sluice_rlog_cfg cfg;
	struct sluice_rlog *log;

	begin(&cfg);
	cfg.may_create = true;
	memset(cfg.owner_uuid, 7, sizeof(cfg.owner_uuid));
	cfg.generation = 3;
	log = open_log(&cfg);
	assert(z.how.result == 0);
	for (uint32_t i = 0; i < 6; i++) {
		struct sluice_rlog_sink sink = {.submit = sink_submit, .max_ios = 4};
		struct sluice_rlog_destage d = {.max_bytes = 300, .fn = on_destaged};
		struct sluice_rlog_entry e = {.kind =
						  i % 3 == 2 ? SLUICE_RLOG_ZERO : SLUICE_RLOG_DATA,
					      .is_durable = true,
					      .block = i * 5,
					      .block_count = 1 + i % 3,
					      .buf = data,
					      .fn = on_appended};

		sluice_rlog_append(log, &e);
		run();
		assert(z.is_done);
		if (i == 3)
			sluice_rlog_destage(log, &sink, &d);
		run();
	}
	memcpy(image, z.image, cfg.size_bytes);
	end(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t real[IMAGE_MAX];
	static bool is_real;
	struct sluice_rlog_cfg cfg;
	struct sluice_rlog *log;

	if (!is_real)
		make_real(real);
	is_real = true;
	if (size < 1)
		return 0;
	begin(&cfg);
	memcpy(z.image, real, cfg.size_bytes);
	for (uint64_t i = 0; i < cfg.size_bytes && i + 1 < size; i++)
		z.image[i] ^= data[i + 1];
	make_right(data[0], cfg.size_bytes);
	/* Everybody's. */
	memcpy(cfg.owner_uuid, z.image + 32, 16);
	cfg.generation = get_le64(z.image + 48);
	log = open_log(&cfg);
	assert(size > 1 || (data[0] & 7) || z.how.result == 0); /* nothing was changed */
	if (z.how.result == 0)
		use(log);
	end(log);
	return 0;
}
