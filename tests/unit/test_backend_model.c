/* SPDX-License-Identifier: MIT */
/* test_backend_model.c - every backend returns what was written last, whatever ran beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend_model.h"
#include "env_linux.h"
#include "fake_disk.h"

#define IOS         1500
#define IOS_FLUSHED 400 /* each with a flush of a real disk: fewer */

static void step_turn(struct model *m)
{
	env_linux_turn(m->rig->env, ENV_LINUX_TURN_MAX_NS);
}

struct variant {
	const char *backend;
	bool is_uring_off;
	bool is_buffered;
	enum write_cache write_cache;
	uint32_t block_bytes;
	uint64_t size_bytes;
	bool is_any_memory;
};

static void run_on_linux(const struct variant *v, uint64_t seed)
{
	struct env_linux_cfg env_cfg = {.is_uring_off = v->is_uring_off};
	char *folder = rig_folder_make(), *path = rig_path(folder, "image");
	struct backend_cfg cfg = {.path = path,
				  .size_bytes = v->size_bytes,
				  .block_bytes = v->block_bytes,
				  .write_cache = v->write_cache,
				  .is_buffered = v->is_buffered};
	const struct backend_ops *ops = backend_find(v->backend);
	struct rig rig = {.go_on = rig_turn};
	struct model m = {.size_bytes = v->size_bytes,
			  .block_bytes = v->block_bytes,
			  .io_max_bytes = 300 << 10,
			  .is_any_memory = v->is_any_memory,
			  .step = step_turn};
	uint32_t ios = v->write_cache == WRITE_CACHE_DURABLE ? IOS_FLUSHED : IOS;
	struct err err = {0};

	assert_int_equal(env_linux_create(&env_cfg, &rig.env, &err), 0);
	assert_int_equal(ops->create(rig.env, &cfg, false, &err), 0);
	assert_int_equal(ops->open(rig.env, &cfg, &rig.backend, &err), 0);
	model_init(&m, &rig, seed);
	model_run(&m, ios);
	assert_int_equal(m.ended, ios);
	assert_int_equal(m.failed, 0);
	model_check_all(&m);
	ops->close(rig.backend);
	if (strcmp(v->backend, "mem") != 0) { /* and after it was opened anew */
		assert_int_equal(ops->open(rig.env, &cfg, &rig.backend, &err), 0);
		model_check_all(&m);
		ops->close(rig.backend);
	}
	model_fini(&m);
	env_linux_destroy(rig.env);
	free(path);
	rig_folder_remove(folder);
}

static void durable_volume_on_a_file_past_the_page_cache(void **state)
{
	run_on_linux(
	    &(struct variant){"dir", false, false, WRITE_CACHE_DURABLE, 512, 4 << 20, false}, 1);
}

static void volatile_volume_on_a_file_past_the_page_cache(void **state)
{
	run_on_linux(
	    &(struct variant){"dir", false, false, WRITE_CACHE_VOLATILE, 4096, 4 << 20, false}, 2);
}

static void volume_on_a_file_through_the_page_cache(void **state)
{
	run_on_linux(
	    &(struct variant){"dir", false, true, WRITE_CACHE_VOLATILE, 512, 4 << 20, true}, 3);
}

static void volume_of_an_odd_number_of_blocks_and_io_from_any_memory(void **state)
{
	run_on_linux(&(struct variant){"dir", false, false, WRITE_CACHE_VOLATILE, 512,
				       (4 << 20) + 1536, true},
		     4);
}

static void volume_on_a_file_by_the_thread_pool(void **state)
{
	run_on_linux(&(struct variant){"dir", true, false, WRITE_CACHE_DURABLE, 512, 4 << 20, true},
		     5);
}

static void volume_in_ram(void **state)
{
	run_on_linux(
	    &(struct variant){"mem", false, false, WRITE_CACHE_DURABLE, 512, (4 << 20) + 512, true},
	    6);
}

/* ---------------------------------------------------------------- a disk with large blocks, any
 * order */

static struct fake_disk disk;

static void step_disk(struct model *m)
{
	fake_disk_step(&disk, rig_random(&m->random));
}

static void go_on(struct rig *r)
{
	fake_disk_step(&disk, 0);
}

/* RING-2 at the medium: what a power cut would leave has each acknowledged change of a durable
 * volume. */
static void acknowledged(struct model *m, uint64_t offset_bytes, uint64_t len_bytes)
{
	assert_memory_equal(disk.medium + offset_bytes, m->want + offset_bytes, len_bytes);
}

static void run_on_fake(uint64_t seed, uint32_t align, uint32_t block)
{
	struct backend_cfg cfg = {.path = "fake", .block_bytes = block, .size_bytes = 64 << 10};
	struct rig rig = {.env = &disk.env, .go_on = go_on};
	struct model m = {.size_bytes = 64 << 10,
			  .block_bytes = block,
			  .io_max_bytes = 8 << 10,
			  .is_any_memory = seed % 2,
			  .step = step_disk,
			  .acknowledged = acknowledged};

	fake_disk_init(&disk, 64 << 10, align);
	assert_int_equal(backend_dir.open(&disk.env, &cfg, &rig.backend, NULL), 0);
	model_init(&m, &rig, seed);
	model_run(&m, 300);
	assert_int_equal(m.failed, 0);
	model_check_all(&m);
	rig.backend->ops->close(rig.backend);
	model_fini(&m);
	fake_disk_fini(&disk);
}

static void unaligned_changes_of_one_block_never_undo_one_another(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++)
		run_on_fake(seed, 4096, 512);
}

static void aligned_disk_in_any_order_keeps_what_it_acknowledged(void **state)
{
	for (uint64_t seed = 1; seed <= 50; seed++)
		run_on_fake(seed, 512, 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(durable_volume_on_a_file_past_the_page_cache),
	    cmocka_unit_test(volatile_volume_on_a_file_past_the_page_cache),
	    cmocka_unit_test(volume_on_a_file_through_the_page_cache),
	    cmocka_unit_test(volume_of_an_odd_number_of_blocks_and_io_from_any_memory),
	    cmocka_unit_test(volume_on_a_file_by_the_thread_pool),
	    cmocka_unit_test(volume_in_ram),
	    cmocka_unit_test(unaligned_changes_of_one_block_never_undo_one_another),
	    cmocka_unit_test(aligned_disk_in_any_order_keeps_what_it_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
