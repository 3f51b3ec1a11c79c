/* SPDX-License-Identifier: MIT */
/* RING-5: only memory that can neither shrink, grow nor run out of pages is mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring_map.h"
#include "wire/ring.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int make(off_t size_bytes, int seals)
{
	int fd = memfd_create("ring", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size_bytes), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void maps_a_sealed_memfd(void **state)
{
	int fd = make(65536, SEALS);
	struct ring_map m;

	(void)state;
	assert_int_equal(ring_map_open(&m, fd, NULL), 0);
	close(fd);
	assert_int_equal(m.size_bytes, 65536);
	memset(m.base, 1, m.size_bytes);
	ring_map_close(&m);
	assert_null(m.base);
}

static void refuses_missing_seals(void **state)
{
	const int seals[] = {0, F_SEAL_SHRINK, F_SEAL_GROW | F_SEAL_SEAL,
			     F_SEAL_SHRINK | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_GROW};

	(void)state;
	for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++) {
		int fd = make(65536, seals[i]);
		struct ring_map m;
		struct err err = {0};

		assert_int_equal(ring_map_open(&m, fd, &err), -EPROTO);
		assert_non_null(strstr(err.text, "seals"));
		close(fd);
	}
}

static void refuses_sizes_that_no_ring_has(void **state)
{
	const off_t sizes[] = {0, 100, 4097, (off_t)RING_ARENA_MAX * 2};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int fd = make(sizes[i], SEALS);
		struct ring_map m;

		assert_int_equal(ring_map_open(&m, fd, NULL), -EPROTO);
		close(fd);
	}
}

static void refuses_what_cannot_be_written(void **state)
{
	int fd = make(65536, F_SEAL_WRITE | SEALS);
	struct ring_map m;
	struct err err = {0};

	(void)state;
	assert_true(ring_map_open(&m, fd, &err) < 0);
	assert_non_null(strstr(err.text, "mapped"));
	close(fd);
}

static void refuses_other_files(void **state)
{
	int fds[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct ring_map m;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(ring_map_open(&m, fds[0], NULL), -EPROTO);
	assert_int_equal(ring_map_open(&m, null, NULL), -EPROTO);
	assert_int_equal(ring_map_open(&m, -1, NULL), -EPROTO);
	close(fds[0]);
	close(fds[1]);
	close(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(maps_a_sealed_memfd),
	    cmocka_unit_test(refuses_missing_seals),
	    cmocka_unit_test(refuses_sizes_that_no_ring_has),
	    cmocka_unit_test(refuses_what_cannot_be_written),
	    cmocka_unit_test(refuses_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
