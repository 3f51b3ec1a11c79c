/* SPDX-License-Identifier: MIT */
/* sluice/file.h: opened as it is or made, I/O that comes back once, and no drain before it has. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/file.h"

static struct rig r;
static struct t_filter *a;

/* An env whose files are this one: what it was opened with, and its I/O, which waits. */
static struct {
	struct env_ops ops;
	struct env_file file;
	struct env_open asked[4];
	uint32_t opens, closes;
	int results[4];
	struct env_io *pending[4];
	uint32_t pending_count;
} world;

static int world_open(struct env *e, const struct env_open *how, struct env_file **out,
		      struct err *err)
{
	int result = world.results[world.opens];

	world.asked[world.opens++] = *how;
	if (result)
		return err_set(err, -result, "path", "%s: no", how->path);
	if (how->flags & ENV_OPEN_CREATE)
		world.file.size_bytes = how->size_bytes;
	*out = &world.file;
	return 0;
}

static void world_close(struct env *e, struct env_file *f)
{
	assert_ptr_equal(f, &world.file);
	world.closes++;
}

static void world_submit(struct env *e, struct env_io *io)
{
	world.pending[world.pending_count++] = io;
}

static void world_end(int result)
{
	struct env_io *io = world.pending[--world.pending_count];

	io->result = result;
	io->done(io);
	fake_env_settle(&r.fe);
}

static int begin(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_CACHE);
	rig_attach(&r, a);
	memset(&world, 0, sizeof(world));
	world.ops = *r.fe.env.ops;
	world.ops.file_open = world_open;
	world.ops.file_close = world_close;
	world.ops.io_submit = world_submit;
	world.file.size_bytes = 1 << 20;
	world.file.align_bytes = 512;
	r.fe.env.ops = &world.ops;
	return 0;
}

static int end(void **state)
{
	rig_close(&r);
	return 0;
}

static struct sluice_file *open_file(const char *path, uint64_t size_bytes)
{
	struct sluice_file_cfg cfg = {.path = path, .size_bytes = size_bytes, .is_direct = true};
	struct sluice_error err = {0};
	struct sluice_file *file = sluice_file_open(a->f, &cfg, NULL, &err);

	assert_non_null(file);
	return file;
}

static void it_is_opened_as_it_is_and_locked(void **state)
{
	struct sluice_file *file = open_file("/flash/v.clean", 1 << 20);

	assert_int_equal(world.opens, 1);
	assert_int_equal(world.asked[0].flags, ENV_OPEN_LOCK | ENV_OPEN_DIRECT);
	assert_int_equal(sluice_file_size_bytes(file), 1 << 20);
	assert_int_equal(sluice_file_align_bytes(file), 512);
	sluice_file_close(file);
	assert_int_equal(world.closes, 1);
}

static void it_is_made_when_there_is_none(void **state)
{
	world.results[0] = -ENOENT;
	sluice_file_close(open_file("/flash/v.clean", 3 << 20));
	assert_int_equal(world.opens, 2);
	assert_true(world.asked[1].flags & ENV_OPEN_CREATE);
	assert_int_equal(world.asked[1].size_bytes, 3 << 20);
}

static void one_of_another_size_is_made_anew(void **state)
{
	char path[] = "/tmp/test_chain_file.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	world.results[1] = -ENOENT;
	sluice_file_close(open_file(path, 2 << 20));
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(world.opens, 3);
	assert_int_equal(world.closes, 2);
	assert_int_equal(world.asked[2].size_bytes, 2 << 20);
}

static void a_device_has_to_be_large_enough(void **state)
{
	struct sluice_file_cfg cfg = {.path = "/dev/flash", .size_bytes = 2 << 20};
	struct sluice_error err = {0};
	int result = 0;

	world.file.is_block_device = true;
	assert_null(sluice_file_open(a->f, &cfg, &result, &err));
	assert_int_equal(result, -ENOSPC);
	assert_non_null(strstr(err.text, "1048576"));
	assert_int_equal(world.closes, 1);
	sluice_file_close(open_file("/dev/flash", 1 << 19));
	assert_int_equal(sluice_file_remove(a->f, "/dev/flash"), -EINVAL);
	assert_int_equal(world.closes, 3);
}

static void a_refusal_says_why(void **state)
{
	struct sluice_file_cfg cfg = {.path = "/flash/v.clean", .size_bytes = 4096};
	struct sluice_error err = {0};
	int result = 0;

	world.results[0] = -EAGAIN;
	assert_null(sluice_file_open(a->f, &cfg, &result, &err));
	assert_int_equal(result, -EAGAIN);
	assert_string_equal(err.text, "/flash/v.clean: no");
}

static uint32_t ended;

static void io_ended(struct sluice_file_io *io)
{
	ended++;
}

static struct sluice_file_io a_write(void *buf)
{
	return (struct sluice_file_io){.op = SLUICE_FILE_WRITE,
				       .offset_bytes = 8192,
				       .len_bytes = 4096,
				       .buf = buf,
				       .fn = io_ended};
}

static void its_io_goes_down_and_comes_back_once(void **state)
{
	struct sluice_file *file = open_file("/flash/v.clean", 1 << 20);
	static uint8_t buf[4096];
	struct sluice_file_io io = a_write(buf);

	ended = 0;
	sluice_file_submit(file, &io);
	assert_int_equal(world.pending_count, 1);
	assert_int_equal(world.pending[0]->op, ENV_IO_WRITE);
	assert_int_equal(world.pending[0]->offset_bytes, 8192);
	assert_int_equal(world.pending[0]->len_bytes, 4096);
	assert_ptr_equal(world.pending[0]->buf, buf);
	assert_int_equal(ended, 0);
	world_end(-EIO);
	assert_int_equal(ended, 1);
	assert_int_equal(io.result, -EIO);
	sluice_file_close(file);
}

static void a_drain_waits_for_it(void **state)
{
	struct sluice_file *file = open_file("/flash/v.clean", 1 << 20);
	static uint8_t buf[4096];
	struct sluice_file_io io = a_write(buf);

	sluice_file_submit(file, &io);
	assert_int_equal(rig_drain(&r), -EINPROGRESS);
	world_end(0);
	assert_int_equal(r.done_count, 2); /* the attachment and the drain */
	assert_int_equal(r.result, 0);
	chain_release(r.c);
	sluice_file_close(file);
}

static struct sluice_token *held;

static void resume_held(struct sluice_file_io *io)
{
	sluice_resume(held);
	/* The I/O moves when this has returned. */
	rig_log(&r, "fn ");
}

static void its_end_lets_an_io_go(void **state)
{
	struct sluice_file *file = open_file("/flash/v.clean", 1 << 20);
	static uint8_t buf[4096];
	struct sluice_file_io io = a_write(buf);

	a->on_submit = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_READ);
	rig_log(&r, "| ");
	held = rig_token(a);
	io.fn = resume_held;
	r.log[0] = '\0';
	sluice_file_submit(file, &io);
	world_end(0);
	rig_expect(&r, "fn =A<!");
	sluice_file_close(file);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_opened_as_it_is_and_locked, begin, end),
	    cmocka_unit_test_setup_teardown(it_is_made_when_there_is_none, begin, end),
	    cmocka_unit_test_setup_teardown(one_of_another_size_is_made_anew, begin, end),
	    cmocka_unit_test_setup_teardown(a_device_has_to_be_large_enough, begin, end),
	    cmocka_unit_test_setup_teardown(a_refusal_says_why, begin, end),
	    cmocka_unit_test_setup_teardown(its_io_goes_down_and_comes_back_once, begin, end),
	    cmocka_unit_test_setup_teardown(a_drain_waits_for_it, begin, end),
	    cmocka_unit_test_setup_teardown(its_end_lets_an_io_go, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
