/* SPDX-License-Identifier: MIT */
#include "cdb.h"

#include <string.h>

#include "bytes.h"

static struct cdb cdb_new(int len, uint8_t opcode)
{
	struct cdb c = {.len = len};

	c.bytes[0] = opcode;
	return c;
}

/* The layout that most 16-byte commands share. */
static struct cdb cdb_lba16(uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	struct cdb c = cdb_new(16, opcode);

	put_be64(c.bytes + 2, lba);
	put_be32(c.bytes + 10, blocks);
	return c;
}

static void cdb_out(struct cdb *c, const uint8_t *data, size_t len)
{
	c->out = data;
	c->out_len = (int)len;
}

struct cdb cdb_test_unit_ready(void)
{
	return cdb_new(6, 0x00);
}

struct cdb cdb_inquiry(int page, int alloc)
{
	struct cdb c = cdb_new(6, 0x12);

	if (page >= 0) {
		c.bytes[1] = 1;
		c.bytes[2] = (uint8_t)page;
	}
	put_be16(c.bytes + 3, (uint16_t)alloc);
	c.in_len = alloc;
	return c;
}

struct cdb cdb_read_capacity16(void)
{
	struct cdb c = cdb_new(16, 0x9e);

	c.bytes[1] = 0x10;
	put_be32(c.bytes + 10, 32);
	c.in_len = 32;
	return c;
}

struct cdb cdb_read16(uint64_t lba, uint32_t blocks, uint32_t block_bytes, bool fua)
{
	struct cdb c = cdb_lba16(0x88, lba, blocks);

	c.bytes[1] = fua ? 0x08 : 0;
	c.in_len = (int)(blocks * block_bytes);
	return c;
}

struct cdb cdb_write16(uint64_t lba, uint32_t blocks, uint32_t block_bytes, const uint8_t *data,
		       bool fua)
{
	struct cdb c = cdb_lba16(0x8a, lba, blocks);

	c.bytes[1] = fua ? 0x08 : 0;
	cdb_out(&c, data, (size_t)blocks * block_bytes);
	return c;
}

struct cdb cdb_write_same16(uint64_t lba, uint32_t blocks, uint32_t block_bytes,
			    const uint8_t *block, bool unmap)
{
	struct cdb c = cdb_lba16(0x93, lba, blocks);

	c.bytes[1] = unmap ? 0x08 : 0;
	cdb_out(&c, block, block_bytes);
	return c;
}

struct cdb cdb_write_same16_ndob(uint64_t lba, uint32_t blocks, bool unmap)
{
	struct cdb c = cdb_lba16(0x93, lba, blocks);

	c.bytes[1] = (uint8_t)(0x01 | (unmap ? 0x08 : 0));
	return c;
}

struct cdb cdb_compare_and_write(uint64_t lba, uint8_t blocks, uint32_t block_bytes,
				 const uint8_t *both)
{
	struct cdb c = cdb_new(16, 0x89);

	put_be64(c.bytes + 2, lba);
	c.bytes[13] = blocks;
	cdb_out(&c, both, 2u * blocks * block_bytes);
	return c;
}

struct cdb cdb_orwrite16(uint64_t lba, uint32_t blocks, uint32_t block_bytes, const uint8_t *data)
{
	struct cdb c = cdb_lba16(0x8b, lba, blocks);

	cdb_out(&c, data, (size_t)blocks * block_bytes);
	return c;
}

struct cdb cdb_sync_cache16(uint64_t lba, uint32_t blocks)
{
	return cdb_lba16(0x91, lba, blocks);
}

struct cdb cdb_get_lba_status(uint64_t lba, int alloc)
{
	struct cdb c = cdb_lba16(0x9e, lba, (uint32_t)alloc);

	c.bytes[1] = 0x12;
	c.in_len = alloc;
	return c;
}

struct cdb cdb_mode_sense10(uint8_t page, int alloc)
{
	struct cdb c = cdb_new(10, 0x5a);

	c.bytes[2] = page;
	put_be16(c.bytes + 7, (uint16_t)alloc);
	c.in_len = alloc;
	return c;
}

struct cdb cdb_report_luns(int alloc)
{
	struct cdb c = cdb_new(12, 0xa0);

	put_be32(c.bytes + 6, (uint32_t)alloc);
	c.in_len = alloc;
	return c;
}

struct cdb cdb_unmap(uint64_t lba, uint32_t blocks, uint8_t *list)
{
	struct cdb c = cdb_new(10, 0x42);

	memset(list, 0, UNMAP_LIST_BYTES);
	put_be16(list, UNMAP_LIST_BYTES - 2);
	put_be16(list + 2, 16);
	put_be64(list + 8, lba);
	put_be32(list + 16, blocks);
	put_be16(c.bytes + 7, UNMAP_LIST_BYTES);
	cdb_out(&c, list, UNMAP_LIST_BYTES);
	return c;
}

struct cdb cdb_pr_out(uint8_t service_action, uint8_t type, uint64_t key, uint64_t sa_key,
		      uint8_t *list)
{
	struct cdb c = cdb_new(10, 0x5f);

	memset(list, 0, PR_OUT_LIST_BYTES);
	put_be64(list, key);
	put_be64(list + 8, sa_key);
	c.bytes[1] = service_action;
	c.bytes[2] = type;
	put_be32(c.bytes + 5, PR_OUT_LIST_BYTES);
	cdb_out(&c, list, PR_OUT_LIST_BYTES);
	return c;
}

struct cdb cdb_pr_in(uint8_t service_action, int alloc)
{
	struct cdb c = cdb_new(10, 0x5e);

	c.bytes[1] = service_action;
	put_be16(c.bytes + 7, (uint16_t)alloc);
	c.in_len = alloc;
	return c;
}

static void xcopy_target(uint8_t *p, const uint8_t *naa, uint8_t naa_len, uint32_t block_bytes)
{
	p[0] = 0xe4;
	p[4] = 1; /* binary code set */
	p[5] = 3; /* NAA, of the logical unit */
	p[7] = naa_len;
	memcpy(p + 8, naa, naa_len);
	p[29] = (uint8_t)(block_bytes >> 16);
	put_be16(p + 30, (uint16_t)block_bytes);
}

struct cdb cdb_xcopy_within(const uint8_t *naa, uint8_t naa_len, uint64_t from_lba, uint64_t to_lba,
			    uint16_t blocks, uint32_t block_bytes, uint8_t *list)
{
	struct cdb c = cdb_new(16, 0x83);
	uint8_t *seg = list + 16 + 2 * 32;

	memset(list, 0, XCOPY_LIST_BYTES);
	list[0] = 1; /* list identifier */
	put_be16(list + 2, 2 * 32);
	put_be32(list + 8, 28);
	xcopy_target(list + 16, naa, naa_len, block_bytes);
	xcopy_target(list + 48, naa, naa_len, block_bytes);
	seg[0] = 0x02; /* block to block */
	put_be16(seg + 2, 0x18);
	put_be16(seg + 4, 0);
	put_be16(seg + 6, 1);
	put_be16(seg + 10, blocks);
	put_be64(seg + 12, from_lba);
	put_be64(seg + 20, to_lba);
	put_be32(c.bytes + 10, XCOPY_LIST_BYTES);
	cdb_out(&c, list, XCOPY_LIST_BYTES);
	return c;
}
