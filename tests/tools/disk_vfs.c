/* SPDX-License-Identifier: MIT */
#include "disk_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define MAGIC     0x534c554943455631ull /* "SLUICEV1" */
#define WRITE_MAX (128u << 10)

enum { FILES = 3 };

static const struct {
	const char *suffix;
	uint64_t from_bytes, len_bytes;
} places[FILES] = {
    {"-wal", 49ull << 20, 15ull << 20},
    {"-journal", 33ull << 20, 16ull << 20},
    {"", 1ull << 20, 32ull << 20},
};

static struct {
	struct initiator *in;
	int limit_ms;
	bool is_there[FILES];
	uint64_t size_bytes[FILES];
	uint8_t *bounce; /* WRITE_MAX and a block at each end */
} disk;

struct disk_file {
	sqlite3_file base; /* first: SQLite casts */
	int number;
	bool goes_at_close;
};

/* ---------------------------------------------------------------- the disk */

static int run(const struct cdb *c)
{
	struct outcome out;

	return initiator_simple(disk.in, c, disk.limit_ms, &out) == SCSI_STATUS_GOOD ? 0 : -1;
}

static int blocks_read(uint64_t lba, uint32_t blocks, uint8_t *to)
{
	struct cdb c = cdb_read16(lba, blocks, disk.in->block_bytes, false);

	c.in_buf = to;
	return run(&c);
}

static int blocks_write(uint64_t lba, uint32_t blocks, const uint8_t *from)
{
	struct cdb c = cdb_write16(lba, blocks, disk.in->block_bytes, from, false);

	return run(&c);
}

/* One command: whole blocks around [at, at + len), of which only that changes. */
static int write_around(uint64_t at, const uint8_t *from, uint32_t len)
{
	uint32_t bb = disk.in->block_bytes, before = (uint32_t)(at % bb);
	uint64_t first = at / bb, last = (at + len - 1) / bb;
	uint32_t blocks = (uint32_t)(last - first + 1);

	if (before && blocks_read(first, 1, disk.bounce))
		return -1;
	if ((at + len) % bb && (blocks > 1 || !before) &&
	    blocks_read(last, 1, disk.bounce + (size_t)(blocks - 1) * bb))
		return -1;
	memcpy(disk.bounce + before, from, len);
	return blocks_write(first, blocks, disk.bounce);
}

static int read_around(uint64_t at, uint8_t *to, uint32_t len)
{
	uint32_t bb = disk.in->block_bytes;
	uint64_t first = at / bb, last = (at + len - 1) / bb;

	if (blocks_read(first, (uint32_t)(last - first + 1), disk.bounce))
		return -1;
	memcpy(to, disk.bounce + at % bb, len);
	return 0;
}

static int head_write(void)
{
	uint8_t block[4096] = {0};

	put_be64(block, MAGIC);
	for (int i = 0; i < FILES; i++) {
		put_be64(block + 8 + 16 * i, disk.is_there[i]);
		put_be64(block + 16 + 16 * i, disk.size_bytes[i]);
	}
	return blocks_write(0, 1, block);
}

/* A disk of zeros has no files. */
static int head_read(void)
{
	uint8_t block[4096];

	if (blocks_read(0, 1, block))
		return -1;
	if (get_be64(block) == 0)
		return 0;
	if (get_be64(block) != MAGIC)
		return -1;
	for (int i = 0; i < FILES; i++) {
		disk.is_there[i] = get_be64(block + 8 + 16 * i) != 0;
		disk.size_bytes[i] = get_be64(block + 16 + 16 * i);
		if (disk.size_bytes[i] > places[i].len_bytes)
			return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- a file's methods */

static int number_of(sqlite3_file *f)
{
	return ((struct disk_file *)f)->number;
}

static int file_remove(int number)
{
	disk.is_there[number] = false;
	disk.size_bytes[number] = 0;
	return head_write() ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

static int file_close(sqlite3_file *f)
{
	return ((struct disk_file *)f)->goes_at_close ? file_remove(number_of(f)) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int amount, sqlite3_int64 offset)
{
	int n = number_of(f);
	uint64_t at = (uint64_t)offset, len = (uint64_t)amount, size = disk.size_bytes[n];
	uint64_t have = at >= size ? 0 : size - at < len ? size - at : len;

	memset(to, 0, len);
	if (len > WRITE_MAX || (have && read_around(places[n].from_bytes + at, to, (uint32_t)have)))
		return SQLITE_IOERR_READ;
	return have < len ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *f, const void *from, int amount, sqlite3_int64 offset)
{
	int n = number_of(f);
	uint64_t end = (uint64_t)offset + (uint64_t)amount;

	if (end > places[n].len_bytes)
		return SQLITE_FULL;
	if ((uint32_t)amount > WRITE_MAX ||
	    write_around(places[n].from_bytes + (uint64_t)offset, from, (uint32_t)amount))
		return SQLITE_IOERR_WRITE;
	if (end <= disk.size_bytes[n])
		return SQLITE_OK;
	disk.size_bytes[n] = end;
	return head_write() ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	disk.size_bytes[number_of(f)] = (uint64_t)size;
	return head_write() ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int file_sync(sqlite3_file *f, int flags)
{
	struct cdb c = cdb_sync_cache16(0, 0);

	(void)f;
	(void)flags;
	return run(&c) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)disk.size_bytes[number_of(f)];
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *f, int level)
{
	(void)f;
	(void)level;
	return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *f, int *is_reserved)
{
	(void)f;
	*is_reserved = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int what, void *arg)
{
	(void)f;
	(void)what;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int file_sector_bytes(sqlite3_file *f)
{
	(void)f;
	return (int)disk.in->block_bytes;
}

static int file_promises(sqlite3_file *f)
{
	(void)f;
	return 0; /* the least: SQLite trusts its syncs alone */
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_bytes,
    .xDeviceCharacteristics = file_promises,
};

/* ---------------------------------------------------------------- names */

/* By its ending; the database's own name is any other. */
static int number_of_name(const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < FILES; i++) {
		size_t ending = strlen(places[i].suffix);

		if (len >= ending && strcmp(name + len - ending, places[i].suffix) == 0)
			return i;
	}
	return FILES - 1;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct disk_file *file = (struct disk_file *)f;

	(void)vfs;
	file->base.pMethods = NULL;
	if (!name)
		return SQLITE_CANTOPEN; /* a temporary file: they are to be in memory */
	file->number = number_of_name(name);
	file->goes_at_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	if (!disk.is_there[file->number]) {
		if (!(flags & SQLITE_OPEN_CREATE))
			return SQLITE_CANTOPEN;
		disk.is_there[file->number] = true;
		disk.size_bytes[file->number] = 0;
		if (head_write())
			return SQLITE_CANTOPEN;
	}
	file->base.pMethods = &methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
	int number = number_of_name(name);

	(void)vfs;
	(void)is_synced;
	return disk.is_there[number] ? file_remove(number) : SQLITE_IOERR_DELETE_NOENT;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *may)
{
	(void)vfs;
	(void)flags;
	*may = disk.is_there[number_of_name(name)];
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)size, "%s", name);
	return SQLITE_OK;
}

int disk_vfs_register(struct initiator *in, int limit_ms)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *system = sqlite3_vfs_find(NULL);

	disk.in = in;
	disk.limit_ms = limit_ms;
	disk.bounce = calloc(1, WRITE_MAX + 2 * 4096);
	if (!disk.bounce || !system || in->block_bytes > 4096 ||
	    in->blocks * in->block_bytes < DISK_VFS_BYTES_MIN || head_read()) {
		snprintf(in->error, sizeof(in->error), "the disk is no place for a database: %s",
			 "it is smaller than 64 MiB, cannot be read, or has something else on it");
		return -1;
	}
	vfs = *system; /* its clock, its random numbers, its sleep */
	vfs.iVersion = 1;
	vfs.szOsFile = (int)sizeof(struct disk_file);
	vfs.mxPathname = 64;
	vfs.zName = DISK_VFS_NAME;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	vfs.xFullPathname = vfs_full_path;
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? 0 : -1;
}
