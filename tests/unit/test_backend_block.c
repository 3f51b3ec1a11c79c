/* SPDX-License-Identifier: MIT */
/*
 * test_backend_block.c - a volume on a block device, here a loop device over a file.
 *
 * Also where direct I/O wants 4096 bytes of a volume with blocks of 512: the loop device says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend_model.h"
#include "env_linux.h"

#define DEVICE_BYTES (8u << 20)

static char *folder;
static char device[64];
static int loop_fd = -1;

/* 0, or -errno when this machine has no loop devices to give. */
static int loop_attach(uint32_t sector_bytes)
{
	char *path = rig_path(folder, "device");
	struct loop_config config = {.block_size = sector_bytes};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, rc;
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	free(path);
	if (control < 0 || file < 0 || ftruncate(file, DEVICE_BYTES)) {
		rc = -errno;
		goto close_files;
	}
	number = ioctl(control, LOOP_CTL_GET_FREE);
	snprintf(device, sizeof(device), "/dev/loop%d", number);
	loop_fd = number < 0 ? -1 : open(device, O_RDWR | O_CLOEXEC);
	config.fd = (uint32_t)file;
	rc = loop_fd < 0 || ioctl(loop_fd, LOOP_CONFIGURE, &config) ? -errno : 0;
	if (rc && loop_fd >= 0) {
		close(loop_fd);
		loop_fd = -1;
	}
close_files:
	if (control >= 0)
		close(control);
	if (file >= 0)
		close(file);
	return rc;
}

static int setup(void **state)
{
	folder = rig_folder_make();
	return 0;
}

static int teardown(void **state)
{
	if (loop_fd >= 0) {
		ioctl(loop_fd, LOOP_CLR_FD);
		close(loop_fd);
		loop_fd = -1;
	}
	rig_folder_remove(folder);
	return 0;
}

static void step_turn(struct model *m)
{
	env_linux_turn(m->rig->env, ENV_LINUX_TURN_MAX_NS);
}

static void run_on(uint32_t sector_bytes, bool is_uring_off)
{
	struct env_linux_cfg env_cfg = {.is_uring_off = is_uring_off};
	struct backend_cfg cfg = {
	    .path = device, .block_bytes = 512, .write_cache = WRITE_CACHE_VOLATILE};
	struct rig rig = {.go_on = rig_turn};
	struct model m = {.size_bytes = DEVICE_BYTES,
			  .block_bytes = 512,
			  .io_max_bytes = 200 << 10,
			  .is_any_memory = true,
			  .step = step_turn};
	struct backend *second;
	struct err err = {0};
	int rc = loop_attach(sector_bytes);

	if (rc) {
		print_message("no loop device: %s\n", strerror(-rc));
		skip();
	}
	assert_int_equal(env_linux_create(&env_cfg, &rig.env, &err), 0);
	assert_int_equal(backend_block.create(rig.env, &cfg, false, &err), 0);
	assert_int_equal(backend_block.open(rig.env, &cfg, &rig.backend, &err), 0);
	assert_int_equal(rig.backend->size_bytes, DEVICE_BYTES);
	assert_int_equal(backend_block.open(rig.env, &cfg, &second, &err), -EAGAIN);
	assert_int_equal(backend_dir.open(rig.env, &cfg, &second, &err), -EAGAIN);
	model_init(&m, &rig, sector_bytes);
	model_run(&m, 250);
	assert_int_equal(m.failed, 0);
	model_check_all(&m);
	rig.backend->ops->close(rig.backend);
	assert_int_equal(backend_dir.open(rig.env, &cfg, &second, &err), -EINVAL);
	assert_int_equal(backend_block.open(rig.env, &cfg, &rig.backend, &err), 0);
	model_check_all(&m);
	rig.backend->ops->close(rig.backend);
	model_fini(&m);
	env_linux_destroy(rig.env);
}

static void device_with_small_sectors(void **state)
{
	run_on(512, false);
}

static void device_with_sectors_larger_than_the_blocks(void **state)
{
	run_on(4096, false);
}

static void device_with_large_sectors_by_the_thread_pool(void **state)
{
	run_on(4096, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(device_with_small_sectors, setup, teardown),
	    cmocka_unit_test_setup_teardown(device_with_sectors_larger_than_the_blocks, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(device_with_large_sectors_by_the_thread_pool, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
