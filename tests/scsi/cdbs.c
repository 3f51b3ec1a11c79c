/* SPDX-License-Identifier: MIT */
/* cdbs.c - see cdbs.h. */
#include "cdbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"

struct fake_cmd *cdb16(struct fake *f, uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks)
{
	uint8_t cdb[16] = {opcode, flags};

	put_be64(cdb + 2, lba);
	put_be32(cdb + 10, blocks);
	return fake_cmd(f, cdb, sizeof(cdb));
}

struct fake_cmd *cdb10(struct fake *f, uint8_t opcode, uint8_t flags, uint32_t lba, uint16_t blocks)
{
	uint8_t cdb[10] = {opcode, flags};

	put_be32(cdb + 2, lba);
	put_be16(cdb + 7, blocks);
	return fake_cmd(f, cdb, sizeof(cdb));
}

struct fake_cmd *cdb_read(struct fake *f, uint64_t lba, uint32_t blocks)
{
	struct fake_cmd *c = cdb16(f, 0x88, 0, lba, blocks);

	fake_in(c, blocks * f->cfg.block_bytes);
	return c;
}

struct fake_cmd *cdb_write(struct fake *f, uint64_t lba, uint32_t blocks, uint8_t fill)
{
	struct fake_cmd *c = cdb16(f, 0x8a, 0, lba, blocks);

	c->task->out_bytes = blocks * f->cfg.block_bytes;
	memset(c->data, fill, c->task->out_bytes);
	return c;
}

struct fake_cmd *cdb_caw(struct fake *f, uint64_t lba, uint8_t blocks, uint8_t old, uint8_t new)
{
	uint32_t bytes = blocks * f->cfg.block_bytes;
	uint8_t cdb[16] = {0x89};
	struct fake_cmd *c;

	put_be64(cdb + 2, lba);
	cdb[13] = blocks;
	c = fake_cmd(f, cdb, sizeof(cdb));
	memset(c->data, old, bytes);
	memset(c->data + bytes, new, bytes);
	c->task->out_bytes = 2 * bytes;
	return c;
}

struct fake_cmd *cdb_unmap(struct fake *f, const uint64_t *lbas, const uint32_t *blocks,
			   uint32_t count)
{
	uint16_t bytes = (uint16_t)(8 + 16 * count);
	struct fake_cmd *c = cdb10(f, 0x42, 0, 0, bytes);

	put_be16(c->data, (uint16_t)(bytes - 2));
	put_be16(c->data + 2, (uint16_t)(bytes - 8));
	for (uint32_t i = 0; i < count; i++) {
		put_be64(c->data + 8 + 16 * (size_t)i, lbas[i]);
		put_be32(c->data + 16 + 16 * (size_t)i, blocks[i]);
		put_be32(c->data + 20 + 16 * (size_t)i, 0);
	}
	c->task->out_bytes = bytes;
	return c;
}

struct fake_cmd *cdb_write_same(struct fake *f, uint64_t lba, uint32_t blocks, int pattern,
				bool is_unmap)
{
	struct fake_cmd *c =
	    cdb16(f, 0x93, (uint8_t)((is_unmap ? 8 : 0) | (pattern < 0)), lba, blocks);

	if (pattern >= 0) {
		memset(c->data, pattern, f->cfg.block_bytes);
		c->task->out_bytes = f->cfg.block_bytes;
	}
	return c;
}

uint32_t cdb_finish(struct fake_cmd *c)
{
	fake_start(c);
	fake_run(c->fake);
	return fake_result(c);
}

uint32_t cdb_run(struct fake_cmd *c)
{
	uint32_t result = cdb_finish(c);

	fake_free(c);
	return result;
}

void assert_disk(struct fake *f, uint64_t lba, uint64_t blocks, uint8_t v)
{
	const uint8_t *p = f->disk + lba * f->cfg.block_bytes;
	uint64_t bytes = blocks * f->cfg.block_bytes;

	for (uint64_t i = 0; i < bytes; i++) {
		if (p[i] != v)
			fail_msg("byte %llu of LBA %llu is %02x, not %02x", (unsigned long long)i,
				 (unsigned long long)lba, p[i], v);
	}
}
