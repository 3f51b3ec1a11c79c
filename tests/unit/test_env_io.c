/* SPDX-License-Identifier: MIT */
/* test_env_io.c - every disk operation of env_linux on real files, by io_uring and by the thread
 * pool. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend_rig.h"
#include "clock.h"
#include "env_linux.h"

#define FILE_BYTES (8u << 20)
#define LIMIT_NS   (30 * CLOCK_NS_PER_S)

struct rigged {
	struct env *env;
	struct env_file *file;
	char *folder;
	char *path;
	uint8_t *buf, *back;
};

static struct rigged t;

static int setup_mode(bool is_uring_off)
{
	struct env_linux_cfg cfg = {.is_uring_off = is_uring_off};
	struct env_open how = {.flags = ENV_OPEN_CREATE | ENV_OPEN_DIRECT | ENV_OPEN_LOCK,
			       .size_bytes = FILE_BYTES};
	struct err err;

	t.folder = rig_folder_make();
	t.path = rig_path(t.folder, "file");
	how.path = t.path;
	t.buf = aligned_alloc(4096, FILE_BYTES);
	t.back = aligned_alloc(4096, FILE_BYTES);
	for (uint32_t i = 0; i < FILE_BYTES; i++)
		t.buf[i] = (uint8_t)(i * 2654435761u >> 13) | 1;
	return env_linux_create(&cfg, &t.env, &err) || env_file_open(t.env, &how, &t.file, &err);
}

static int setup_uring(void **state)
{
	return setup_mode(false);
}

static int setup_pool(void **state)
{
	return setup_mode(true);
}

static int teardown(void **state)
{
	env_file_close(t.env, t.file);
	env_linux_destroy(t.env);
	free(t.path);
	rig_folder_remove(t.folder);
	free(t.buf);
	free(t.back);
	return 0;
}

static uint32_t done_count;

static void on_done(struct env_io *io)
{
	done_count++;
}

static struct env_io io_make(enum env_io_op op, void *buf, uint64_t offset, uint64_t len)
{
	return (struct env_io){.op = op,
			       .file = t.file,
			       .buf = buf,
			       .offset_bytes = offset,
			       .len_bytes = len,
			       .done = on_done};
}

static int run(struct env_io *io)
{
	done_count = 0;
	io->result = 1;
	env_io_submit(t.env, io);
	assert_int_equal(done_count, 0); /* never before submit returns */
	assert_int_equal(env_linux_quiesce(t.env, LIMIT_NS), 0);
	assert_int_equal(done_count, 1);
	return io->result;
}

static int do_io(enum env_io_op op, void *buf, uint64_t offset, uint64_t len)
{
	struct env_io io = io_make(op, buf, offset, len);

	return run(&io);
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static void what_was_written_is_read(void **state)
{
	assert_true(t.file->align_bytes <= 4096);
	assert_int_equal(t.file->size_bytes, FILE_BYTES);
	assert_int_equal(do_io(ENV_IO_WRITE, t.buf, 0, FILE_BYTES), 0);
	assert_int_equal(do_io(ENV_IO_SYNC, NULL, 0, 0), 0);
	assert_int_equal(do_io(ENV_IO_READ, t.back, 0, FILE_BYTES), 0);
	assert_memory_equal(t.buf, t.back, FILE_BYTES);
	assert_int_equal(do_io(ENV_IO_READ, t.back, 4096, 8192), 0);
	assert_memory_equal(t.buf + 4096, t.back, 8192);
}

static void a_durable_write_is_read_as_any_other(void **state)
{
	struct env_io io = io_make(ENV_IO_WRITE, t.buf, 8192, 16384);

	assert_true(t.file->has_durable_writes);
	io.is_durable = true;
	assert_int_equal(run(&io), 0);
	assert_int_equal(do_io(ENV_IO_READ, t.back, 8192, 16384), 0);
	assert_memory_equal(t.buf, t.back, 16384);
}

static void read_past_the_end_is_an_error(void **state)
{
	assert_int_equal(do_io(ENV_IO_READ, t.back, FILE_BYTES - 4096, 8192), -EIO);
	assert_int_equal(do_io(ENV_IO_READ, t.back, FILE_BYTES, 4096), -EIO);
}

static void punched_and_zeroed_ranges_read_as_zeros_and_their_neighbours_stay(void **state)
{
	const enum env_io_op ops[] = {ENV_IO_PUNCH, ENV_IO_ZERO};

	for (int i = 0; i < 2; i++) {
		const uint64_t at = 64 << 10, len = 1 << 20;

		assert_int_equal(do_io(ENV_IO_WRITE, t.buf, 0, FILE_BYTES), 0);
		assert_int_equal(do_io(ops[i], NULL, at, len), 0);
		assert_int_equal(do_io(ENV_IO_READ, t.back, 0, FILE_BYTES), 0);
		assert_memory_equal(t.back, t.buf, at);
		assert_true(is_zero(t.back + at, len));
		assert_memory_equal(t.back + at + len, t.buf + at + len, FILE_BYTES - at - len);
	}
}

static void extent_tells_holes_from_data(void **state)
{
	struct env_io io = io_make(ENV_IO_EXTENT, NULL, 0, FILE_BYTES);

	assert_int_equal(run(&io), 0);
	assert_true(io.result_is_hole);
	assert_int_equal(io.result_extent_bytes, FILE_BYTES);
	assert_int_equal(do_io(ENV_IO_WRITE, t.buf, 1 << 20, 1 << 20), 0);
	io = io_make(ENV_IO_EXTENT, NULL, 0, FILE_BYTES);
	assert_int_equal(run(&io), 0);
	assert_true(io.result_is_hole);
	assert_int_equal(io.result_extent_bytes, 1 << 20);
	io = io_make(ENV_IO_EXTENT, NULL, 1 << 20, FILE_BYTES - (1 << 20));
	assert_int_equal(run(&io), 0);
	assert_false(io.result_is_hole);
	assert_int_equal(io.result_extent_bytes, 1 << 20);
	io = io_make(ENV_IO_EXTENT, NULL, 1 << 20, 4096);
	assert_int_equal(run(&io), 0);
	assert_int_equal(io.result_extent_bytes, 4096);
	assert_int_equal(do_io(ENV_IO_ALLOCATE, NULL, 0, FILE_BYTES), 0);
}

static void resize_makes_room(void **state)
{
	assert_int_equal(do_io(ENV_IO_RESIZE, NULL, 2 * FILE_BYTES, 0), 0);
	assert_int_equal(t.file->size_bytes, 2 * FILE_BYTES);
	assert_int_equal(do_io(ENV_IO_WRITE, t.buf, FILE_BYTES, FILE_BYTES), 0);
	assert_int_equal(do_io(ENV_IO_READ, t.back, FILE_BYTES, FILE_BYTES), 0);
	assert_memory_equal(t.buf, t.back, FILE_BYTES);
}

static void registered_memory_works_like_any_other(void **state)
{
	int rc = t.env->ops->memory_register(t.env, t.buf, FILE_BYTES);

	if (rc)
		print_message("memory is not registered here: %s\n", strerror(-rc));
	assert_int_equal(do_io(ENV_IO_WRITE, t.buf + 4096, 0, 1 << 20), 0);
	assert_int_equal(do_io(ENV_IO_READ, t.back, 0, 1 << 20), 0);
	assert_memory_equal(t.back, t.buf + 4096, 1 << 20);
	memset(t.buf, 0, 1 << 20);
	assert_int_equal(do_io(ENV_IO_READ, t.buf, 0, 1 << 20), 0);
	assert_memory_equal(t.back, t.buf, 1 << 20);
	if (rc == 0)
		t.env->ops->memory_unregister(t.env, t.buf);
	assert_int_equal(do_io(ENV_IO_READ, t.buf + 8192, 0, 1 << 20), 0);
	assert_memory_equal(t.back, t.buf + 8192, 1 << 20);
}

/* A turn sleeps 100 ms at most: without a wake-up by the completion this takes 10 s. */
static void completion_ends_the_sleep(void **state)
{
	uint64_t start_ns = clock_now_ns();

	for (int i = 0; i < 100; i++)
		assert_int_equal(do_io(ENV_IO_READ, t.back, 0, 4096), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(do_io(ENV_IO_EXTENT, NULL, 0, 4096), 0);
	assert_true(clock_now_ns() - start_ns < 5 * CLOCK_NS_PER_S);
}

/* More than the kernel's queues hold. */
static void many_at_once_all_end(void **state)
{
	enum { COUNT = 6000 };
	struct env_io *ios = calloc(COUNT, sizeof(*ios));

	assert_int_equal(do_io(ENV_IO_WRITE, t.buf, 0, FILE_BYTES), 0);
	done_count = 0;
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t at = (uint64_t)(i % (FILE_BYTES / 4096)) * 4096;

		ios[i] = io_make(ENV_IO_READ, t.back + at, at, 4096);
		env_io_submit(t.env, &ios[i]);
	}
	assert_int_equal(env_linux_in_flight(t.env), COUNT);
	assert_int_equal(env_linux_quiesce(t.env, LIMIT_NS), 0);
	assert_int_equal(done_count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(ios[i].result, 0);
	assert_memory_equal(t.buf, t.back, FILE_BYTES);
	free(ios);
}

static void file_opened_for_reading_refuses_writes(void **state)
{
	struct env_open how = {.path = t.path, .flags = ENV_OPEN_READONLY | ENV_OPEN_DIRECT};
	struct env_io io = io_make(ENV_IO_WRITE, t.buf, 0, 4096);
	struct env_file *f;

	assert_int_equal(env_file_open(t.env, &how, &f, NULL), 0);
	assert_true(f->is_readonly);
	io.file = f;
	assert_int_equal(run(&io), -EBADF);
	env_file_close(t.env, f);
}

static void uring_is_used_where_it_should(void **state)
{
	const char *off = getenv("SLUICE_NO_IO_URING");
	bool is_forced_off = off && strcmp(off, "1") == 0;

	if (!env_linux_has_uring(t.env))
		print_message("%s\n", is_forced_off ? "io_uring is off by the environment"
						    : "this kernel has no io_uring");
	assert_false(is_forced_off && env_linux_has_uring(t.env));
}

static void pool_is_used_where_it_should(void **state)
{
	assert_false(env_linux_has_uring(t.env));
}

#define BOTH(f)                                                                                    \
	{#f " (io_uring)", f, setup_uring, teardown, NULL},                                        \
	{                                                                                          \
#f " (pool)", f, setup_pool, teardown, NULL                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(uring_is_used_where_it_should, setup_uring, teardown),
	    cmocka_unit_test_setup_teardown(pool_is_used_where_it_should, setup_pool, teardown),
	    BOTH(what_was_written_is_read),
	    BOTH(a_durable_write_is_read_as_any_other),
	    BOTH(read_past_the_end_is_an_error),
	    BOTH(punched_and_zeroed_ranges_read_as_zeros_and_their_neighbours_stay),
	    BOTH(extent_tells_holes_from_data),
	    BOTH(resize_makes_room),
	    BOTH(registered_memory_works_like_any_other),
	    BOTH(completion_ends_the_sleep),
	    BOTH(many_at_once_all_end),
	    BOTH(file_opened_for_reading_refuses_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
