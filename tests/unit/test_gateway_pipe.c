/* SPDX-License-Identifier: MIT */
/* test_gateway_pipe.c - what goes into the queue comes out, in order, and never more than fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pipe.h"

static void a_full_pipe_takes_nothing(void **state)
{
	struct pipe p;
	char out[16];

	assert_int_equal(pipe_init(&p, 8), 0);
	assert_int_equal(pipe_put(&p, "abcdefghij", 10), 8);
	assert_int_equal(pipe_room(&p), 0);
	assert_int_equal(pipe_put(&p, "x", 1), 0);
	assert_int_equal(pipe_take(&p, out, 3), 3);
	assert_int_equal(pipe_put(&p, "xyz!", 4), 3);
	assert_int_equal(pipe_take(&p, out, sizeof(out)), 8);
	assert_memory_equal(out, "defghxyz", 8);
	assert_int_equal(pipe_take(&p, out, 1), 0);
	pipe_fini(&p);
}

static void bytes_keep_their_order(void **state)
{
	struct pipe p;
	uint32_t put = 0, taken = 0, seed = 1;

	assert_int_equal(pipe_init(&p, 97), 0);
	while (taken < 100000) {
		char buf[64];
		size_t n, i;

		seed = seed * 1664525u + 1013904223u;
		n = seed >> 26;
		for (i = 0; i < n; i++)
			buf[i] = (char)((put + i) % 251);
		put += (uint32_t)pipe_put(&p, buf, n);
		n = pipe_take(&p, buf, (seed >> 20) % 64);
		for (i = 0; i < n; i++)
			assert_int_equal(buf[i], (char)((taken + i) % 251));
		taken += (uint32_t)n;
		assert_int_equal(pipe_room(&p), 97 - (put - taken));
	}
	pipe_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_full_pipe_takes_nothing),
	    cmocka_unit_test(bytes_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
