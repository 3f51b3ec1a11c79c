/* SPDX-License-Identifier: GPL-2.0-only */
#include "conn_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static int make_memfd(struct conn_memory *m)
{
	m->memfd = memfd_create("sluice-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->memfd < 0)
		return -errno;
	if (ftruncate(m->memfd, (off_t)m->size_bytes) < 0)
		return -errno;
	/* The other side checks these before it maps: a size that can change is a SIGBUS at will.
	 */
	if (fcntl(m->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	m->base = mmap(NULL, m->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->memfd, 0);
	if (m->base == MAP_FAILED) {
		m->base = NULL;
		return -errno;
	}
	return 0;
}

int conn_memory_open(struct conn_memory *m, uint64_t size_bytes)
{
	int rc;

	*m = (struct conn_memory){
	    .memfd = -1, .kick_fd = -1, .wake_fd = -1, .size_bytes = size_bytes};
	rc = make_memfd(m);
	if (rc == 0) {
		m->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		m->wake_fd = m->kick_fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (m->wake_fd < 0)
			rc = -errno;
	}
	if (rc)
		conn_memory_close(m);
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void conn_memory_close(struct conn_memory *m)
{
	if (m->base)
		munmap(m->base, m->size_bytes);
	m->base = NULL;
	close_fd(&m->memfd);
	close_fd(&m->kick_fd);
	close_fd(&m->wake_fd);
}

uint64_t conn_memory_random(void)
{
	uint64_t v = 0;

	/* Cannot fail for 8 bytes once the system has booted; before that it must not block tgtd.
	 */
	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v) || v == 0)
		v = (uint64_t)getpid() << 32 | ((uintptr_t)&v & 0xffffffff) | 1;
	return v;
}
