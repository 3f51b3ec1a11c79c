/* SPDX-License-Identifier: MIT */
/*
 * A write to a volume in RAM is whole or not at all, also when memory ends in the middle of it.
 *
 * Takes mem.c itself in, so that memory can be made to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static uint32_t slabs_left;

static int rationed_memalign(void **out, size_t align, size_t bytes)
{
	if (slabs_left == 0)
		return ENOMEM;
	slabs_left--;
	return posix_memalign(out, align, bytes);
}

#define posix_memalign rationed_memalign
#include "mem.c"

#define VOLUME_BYTES (64u << 20)
#define WRITE_BYTES  (20u * PAGE_BYTES) /* more than the first slab has */

static void ended(struct sluice_io *io) {}

static enum sluice_status submit(struct backend *b, uint8_t op, uint64_t offset_bytes,
				 uint64_t len_bytes, void *buf)
{
	struct sluice_io io = {.op = op,
			       .offset_bytes = offset_bytes,
			       .len_bytes = len_bytes,
			       .buf = buf,
			       .end = ended};

	b->ops->submit(b, &io);
	return (enum sluice_status)io.status;
}

static void write_that_memory_does_not_suffice_for_changes_nothing(void **state)
{
	struct backend_cfg cfg = {.size_bytes = VOLUME_BYTES, .block_bytes = 512};
	uint8_t *old = malloc(WRITE_BYTES), *new = malloc(WRITE_BYTES), *is = malloc(WRITE_BYTES);
	struct backend *b;
	struct err err;

	assert_true(old && new &&is);
	memset(old, 0, WRITE_BYTES);
	memset(old, 'o', PAGE_BYTES);
	memset(new, 'n', WRITE_BYTES);
	assert_int_equal(backend_mem.open(NULL, &cfg, &b, &err), 0);
	slabs_left = 1;
	assert_int_equal(submit(b, SLUICE_OP_WRITE, 0, PAGE_BYTES, old), SLUICE_OK);
	assert_int_equal(submit(b, SLUICE_OP_WRITE, 0, WRITE_BYTES, new), SLUICE_ERR_NO_SPACE);
	assert_int_equal(submit(b, SLUICE_OP_READ, 0, WRITE_BYTES, is), SLUICE_OK);
	assert_memory_equal(is, old, WRITE_BYTES);
	/* With memory, and what is left of the first slab is not lost. */
	slabs_left = 1;
	assert_int_equal(submit(b, SLUICE_OP_WRITE, 512, WRITE_BYTES, new), SLUICE_OK);
	assert_int_equal(submit(b, SLUICE_OP_READ, 512, WRITE_BYTES, is), SLUICE_OK);
	assert_memory_equal(is, new, WRITE_BYTES);
	assert_int_equal(submit(b, SLUICE_OP_WRITE, LEAF_BYTES, WRITE_BYTES, new), SLUICE_OK);
	b->ops->close(b);
	free(old);
	free(new);
	free(is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(write_that_memory_does_not_suffice_for_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
