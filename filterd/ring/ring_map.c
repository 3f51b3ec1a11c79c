/* SPDX-License-Identifier: MIT */
#include "ring_map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "wire/ring.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The largest ring there can be. */
static uint64_t max_bytes(void)
{
	struct ring_header h;

	ring_layout(&h, RING_SLOTS_MAX, RING_ARENA_MAX);
	return h.total_bytes;
}

static int check_size(int memfd, uint64_t *size_bytes, struct err *err)
{
	struct statfs fs;
	struct stat st;

	/* Huge pages can run out at the first touch, which is a SIGBUS in whoever touches. */
	if (fstatfs(memfd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return err_set(err, EPROTO, "memfd",
			       "the ring's memory is not made of ordinary pages (memfd_create "
			       "without MFD_HUGETLB)");
	if (fstat(memfd, &st) < 0)
		return err_set(err, errno, "memfd", "the ring's memory cannot be examined: %s",
			       strerror(errno));
	if (st.st_size < (off_t)RING_PAGE_BYTES || (uint64_t)st.st_size > max_bytes() ||
	    st.st_size % RING_PAGE_BYTES != 0)
		return err_set(
		    err, EPROTO, "memfd",
		    "the ring's memory has %lld bytes; a ring has a multiple of %u up to %llu",
		    (long long)st.st_size, RING_PAGE_BYTES, (unsigned long long)max_bytes());
	*size_bytes = (uint64_t)st.st_size;
	return 0;
}

int ring_map_open(struct ring_map *m, int memfd, struct err *err)
{
	int seals = fcntl(memfd, F_GET_SEALS), rc;
	uint64_t size_bytes;
	void *base;

	if (seals < 0)
		return err_set(err, EPROTO, "memfd", "the ring's descriptor is not a memfd: %s",
			       strerror(errno));
	if ((seals & SEALS) != SEALS)
		return err_set(
		    err, EPROTO, "memfd",
		    "the ring's memory has seals %#x; it needs shrink, grow and seal (%#x)",
		    (unsigned)seals, (unsigned)SEALS);
	rc = check_size(memfd, &size_bytes,
			err); /* after the seals: now it cannot change any more */
	if (rc)
		return rc;
	base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (base == MAP_FAILED)
		return err_set(err, errno, "memfd",
			       "%llu bytes of ring memory cannot be mapped: %s",
			       (unsigned long long)size_bytes, strerror(errno));
	/* Initiators' data in clear, also of encrypted volumes: not for core files. */
	(void)madvise(base, size_bytes, MADV_DONTDUMP);
	m->base = base;
	m->size_bytes = size_bytes;
	return 0;
}

void ring_map_close(struct ring_map *m)
{
	if (m->base)
		munmap(m->base, m->size_bytes);
	m->base = NULL;
	m->size_bytes = 0;
}
