/* SPDX-License-Identifier: MIT */
/* test_backend_open.c - bad images, full disks, growth: a clear sentence or the right status. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend_rig.h"
#include "env_linux.h"

#define MIB (1u << 20)

static struct rig rig;
static struct backend_cfg cfg;
static char *folder, *path;
static uint8_t *buf;
static struct err err;

static int setup(void **state)
{
	folder = rig_folder_make();
	path = rig_path(folder, "image");
	buf = aligned_alloc(4096, MIB);
	memset(buf, 0xa5, MIB);
	cfg = (struct backend_cfg){.path = path, .size_bytes = MIB, .block_bytes = 512};
	rig = (struct rig){.go_on = rig_turn};
	return env_linux_create(NULL, &rig.env, NULL);
}

static int teardown(void **state)
{
	env_linux_destroy(rig.env);
	free(path);
	rig_folder_remove(folder);
	free(buf);
	return 0;
}

static int create(void)
{
	return backend_dir.create(rig.env, &cfg, false, &err);
}

static int open_volume(void)
{
	err = (struct err){0};
	return backend_dir.open(rig.env, &cfg, &rig.backend, &err);
}

static void close_volume(void)
{
	rig.backend->ops->close(rig.backend);
}

static enum sluice_status do_io(enum sluice_op op, uint64_t offset, uint64_t len)
{
	return rig_do(&rig, op, offset, len, buf, 0);
}

static void backends_are_found_by_name(void **state)
{
	assert_ptr_equal(backend_find("dir"), &backend_dir);
	assert_ptr_equal(backend_find("block"), &backend_block);
	assert_ptr_equal(backend_find("mem"), &backend_mem);
	assert_null(backend_find("floppy"));
}

static void missing_image_is_named(void **state)
{
	assert_int_equal(open_volume(), -ENOENT);
	assert_non_null(strstr(err.text, path));
}

static void image_shorter_than_its_volume_is_refused_with_both_sizes(void **state)
{
	assert_int_equal(create(), 0);
	cfg.size_bytes = 2 * MIB;
	assert_int_equal(open_volume(), -EINVAL);
	assert_non_null(strstr(err.text, "1048576"));
	assert_non_null(strstr(err.text, "2097152"));
}

static void empty_image_and_odd_sizes_are_refused(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	cfg.size_bytes = 0;
	assert_int_equal(open_volume(), -EINVAL);
	cfg.size_bytes = 1000;
	assert_int_equal(create(), -EINVAL);
	assert_string_equal(err.field, "size_bytes");
	cfg.size_bytes = UINT64_MAX - 511;
	assert_int_equal(create(), -EFBIG);
}

static void image_that_exists_is_not_made_again(void **state)
{
	assert_int_equal(create(), 0);
	assert_int_equal(create(), -EEXIST);
}

static void image_is_open_once_at_a_time(void **state)
{
	struct backend *first;

	assert_int_equal(create(), 0);
	assert_int_equal(open_volume(), 0);
	first = rig.backend;
	assert_int_equal(open_volume(), -EAGAIN);
	assert_non_null(strstr(err.text, "another process"));
	first->ops->close(first);
	assert_int_equal(open_volume(), 0);
	close_volume();
}

static void file_is_no_device(void **state)
{
	assert_int_equal(create(), 0);
	assert_int_equal(backend_block.open(rig.env, &cfg, &rig.backend, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not a block device"));
}

static void readonly_volume_reads_and_refuses_changes(void **state)
{
	assert_int_equal(create(), 0);
	cfg.is_readonly = true;
	assert_int_equal(open_volume(), 0);
	assert_int_equal(do_io(SLUICE_OP_READ, 0, 4096), SLUICE_OK);
	assert_int_equal(do_io(SLUICE_OP_FLUSH, 0, 0), SLUICE_OK);
	assert_int_equal(do_io(SLUICE_OP_WRITE, 0, 4096), SLUICE_ERR_READ_ONLY);
	assert_int_equal(do_io(SLUICE_OP_UNMAP, 0, 4096), SLUICE_ERR_READ_ONLY);
	close_volume();
}

static void range_past_the_end_is_an_error_even_when_it_wraps(void **state)
{
	const struct backend_ops *all[] = {&backend_dir, &backend_mem};

	assert_int_equal(create(), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(all[i]->open(rig.env, &cfg, &rig.backend, &err), 0);
		assert_int_equal(do_io(SLUICE_OP_READ, MIB, 512), SLUICE_ERR_IO);
		assert_int_equal(do_io(SLUICE_OP_WRITE, MIB - 512, 1024), SLUICE_ERR_IO);
		assert_int_equal(do_io(SLUICE_OP_UNMAP, UINT64_MAX - 511, 1024), SLUICE_ERR_IO);
		assert_int_equal(do_io(SLUICE_OP_UNMAP, 512, UINT64_MAX - 511), SLUICE_ERR_IO);
		assert_int_equal(do_io(SLUICE_OP_COUNT, 0, 512) != SLUICE_OK, 1);
		close_volume();
	}
}

static int grow_result, grow_calls;

static void on_grown(void *ctx, int result)
{
	grow_result = result;
	grow_calls++;
}

static int grow(uint64_t new_size_bytes)
{
	grow_calls = 0;
	rig.backend->ops->grow(rig.backend, new_size_bytes, on_grown, NULL);
	while (grow_calls == 0)
		rig.go_on(&rig);
	assert_int_equal(grow_calls, 1);
	return grow_result;
}

static void volume_grows_and_the_new_part_reads_as_zeros(void **state)
{
	const struct backend_ops *all[] = {&backend_dir, &backend_mem};

	assert_int_equal(create(), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(all[i]->open(rig.env, &cfg, &rig.backend, &err), 0);
		assert_int_equal(do_io(SLUICE_OP_WRITE, 0, MIB), SLUICE_OK);
		assert_int_equal(grow(MIB), 0);
		assert_int_equal(grow(MIB - 512), -EINVAL);
		assert_int_equal(grow(UINT64_MAX - 511), -EFBIG);
		assert_int_equal(rig.backend->size_bytes, MIB);
		assert_int_equal(grow(64ull * MIB + 512), 0);
		assert_int_equal(rig.backend->size_bytes, 64ull * MIB + 512);
		assert_int_equal(do_io(SLUICE_OP_READ, 64ull * MIB, 512), SLUICE_OK);
		assert_true(buf[0] == 0 && memcmp(buf, buf + 1, 511) == 0);
		assert_int_equal(do_io(SLUICE_OP_READ, MIB - 512, 512), SLUICE_OK);
		assert_int_equal(buf[0], 0xa5);
		memset(buf, 0xa5, MIB);
		assert_int_equal(do_io(SLUICE_OP_WRITE, 64ull * MIB, 512), SLUICE_OK);
		close_volume();
	}
	cfg.size_bytes = 64ull * MIB + 512;
	assert_int_equal(open_volume(), 0);
	close_volume();
}

static void volume_of_a_tib_in_ram_costs_little(void **state)
{
	cfg.size_bytes = 1ull << 40;
	assert_int_equal(backend_mem.open(rig.env, &cfg, &rig.backend, &err), 0);
	assert_int_equal(do_io(SLUICE_OP_WRITE, cfg.size_bytes - MIB, MIB), SLUICE_OK);
	assert_int_equal(rig_do(&rig, SLUICE_OP_UNMAP, 0, cfg.size_bytes - 4096, NULL, 0),
			 SLUICE_OK);
	{
		struct rig_io *x = rig_submit(&rig, SLUICE_OP_EXTENT, 0, cfg.size_bytes, NULL, 0);

		assert_true(x->io.extent_is_hole);
		assert_int_equal(x->io.extent_bytes, cfg.size_bytes - 4096);
		assert_int_equal(rig_wait(&rig, x), SLUICE_OK);
	}
	close_volume();
}

/* A file system of 4 MiB, seen by this process only. */
static bool small_disk_mount(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", folder, "tmpfs", 0, "size=4m") == 0;
}

static void full_disk_is_told_apart_and_passes_when_space_is_given_back(void **state)
{
	uint32_t written = 0;

	if (!small_disk_mount()) {
		print_message("no small file system can be mounted here: %s\n", strerror(errno));
		skip();
	}
	cfg.size_bytes = 8ull * MIB;
	assert_int_equal(backend_dir.create(rig.env, &cfg, true, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "8388608"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(create(), 0);
	assert_int_equal(open_volume(), 0);
	while (written < 8 && do_io(SLUICE_OP_WRITE, written * MIB, MIB) == SLUICE_OK)
		written++;
	assert_true(written >= 3 && written < 8);
	assert_int_equal(do_io(SLUICE_OP_WRITE, written * MIB, MIB), SLUICE_ERR_NO_SPACE);
	assert_int_equal(do_io(SLUICE_OP_READ, 0, MIB), SLUICE_OK);
	assert_int_equal(do_io(SLUICE_OP_UNMAP, 0, 2 * MIB), SLUICE_OK);
	assert_int_equal(do_io(SLUICE_OP_WRITE, written * MIB, MIB), SLUICE_OK);
	assert_false(rig.backend->is_failed);
	close_volume();
	umount2(folder, MNT_DETACH);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(backends_are_found_by_name),
	    T(missing_image_is_named),
	    T(image_shorter_than_its_volume_is_refused_with_both_sizes),
	    T(empty_image_and_odd_sizes_are_refused),
	    T(image_that_exists_is_not_made_again),
	    T(image_is_open_once_at_a_time),
	    T(file_is_no_device),
	    T(readonly_volume_reads_and_refuses_changes),
	    T(range_past_the_end_is_an_error_even_when_it_wraps),
	    T(volume_grows_and_the_new_part_reads_as_zeros),
	    T(volume_of_a_tib_in_ram_costs_little),
	    T(full_disk_is_told_apart_and_passes_when_space_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
