/* SPDX-License-Identifier: MIT */
/* test_layer_repair.c - a volume whose files are damaged says so and is put right: the plan changes
 * nothing, and what it announces is what is done. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "layer_rig.h"

#define BLOCKS 64u

static struct layer_rig rig;

static int set_up(void **state)
{
	struct backend *v;

	layer_rig_init(&rig, (uint64_t)BLOCKS * RIG_BLOCK);
	layer_rig_create(&rig, "v.img");
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_fill(&rig, v, 0, 8, 0x11);
	assert_int_equal(layer_rig_snapshot(&rig, v, "one"), 0);
	layer_rig_fill(&rig, v, 4, 8, 0x22);
	assert_int_equal(layer_rig_snapshot(&rig, v, "two"), 0);
	layer_rig_fill(&rig, v, 6, 2, 0x33);
	layer_rig_close(&rig, v);
	return 0;
}

static int tear_down(void **state)
{
	layer_rig_fini(&rig);
	return 0;
}

static void lose(const char *name)
{
	assert_int_equal(unlink(layer_rig_path(&rig, name)), 0);
}

/* How many steps there are; a step says words, if there are any. */
static size_t repair(bool is_apply, const char *words)
{
	struct err err = {0};
	json_t *steps = NULL, *o;
	bool is_said = words == NULL;
	size_t i, count;

	if (layer_repair(rig.env, layer_rig_path(&rig, "v.img"), is_apply, &steps, &err))
		fail_msg("no repair: %s", err.text);
	json_array_foreach(steps, i, o) is_said |= words && strstr(json_string_value(o), words);
	assert_true(is_said);
	count = json_array_size(steps);
	json_decref(steps);
	return count;
}

static void expect_refused(const char *words)
{
	struct backend *v;
	struct err err = {0};

	assert_int_equal(layer_rig_try_open(&rig, "v.img", NULL, &v, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, words));
	assert_non_null(strstr(err.text, "repair"));
}

static void whole_volume_needs_no_repair(void **state)
{
	assert_int_equal(repair(false, NULL), 0);
	assert_int_equal(repair(true, NULL), 0);
}

static void volume_without_its_head_becomes_its_last_snapshot(void **state)
{
	struct backend *v;

	lose("v.l3");
	expect_refused("v.l3");
	assert_true(repair(false, "layer 3") > 0);
	expect_refused("v.l3"); /* the plan changed nothing */
	assert_true(repair(true, "becomes what layer 2") > 0);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_expect(&rig, v, 0, 4, 0x11);
	layer_rig_expect(&rig, v, 4, 8, 0x22);
	layer_rig_fill(&rig, v, 4, 1, 0x44);
	layer_rig_expect(&rig, v, 4, 1, 0x44);
	assert_string_equal(layer_rig_state(v, "one"), "ready");
	assert_string_equal(layer_rig_state(v, "two"), "ready");
	layer_rig_close(&rig, v);
}

static void snapshot_whose_layer_is_lost_is_forgotten_by_name(void **state)
{
	struct backend *v;

	lose("v.l2.map");
	expect_refused("v.l2.map");
	assert_true(repair(true, "snapshot two") > 0);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_expect(&rig, v, 0, 8, 0x11);
	layer_rig_expect(&rig, v, 8, 4, 0);
	assert_string_equal(layer_rig_state(v, "one"), "ready");
	assert_string_equal(layer_rig_state(v, "two"), "absent");
	layer_rig_close(&rig, v);
	/* What was given up is still there; now it may go. */
	assert_true(layer_rig_has(&rig, "v.l2"));
	assert_true(repair(true, "v.l2 belongs to no layer") > 0);
	assert_false(layer_rig_has(&rig, "v.l2"));
	assert_int_equal(repair(false, NULL), 0);
}

static void layer_that_cannot_be_opened_just_now_is_not_given_up(void **state)
{
	struct backend *v;
	struct err err = {0};
	json_t *steps;

	assert_int_equal(rename(layer_rig_path(&rig, "v.l2"), layer_rig_path(&rig, "kept")), 0);
	assert_int_equal(symlink("v.l2", layer_rig_path(&rig, "v.l2")), 0);
	for (int is_apply = 0; is_apply < 2; is_apply++) {
		assert_int_equal(
		    layer_repair(rig.env, layer_rig_path(&rig, "v.img"), is_apply, &steps, &err),
		    -ELOOP);
		assert_non_null(strstr(err.text, "v.l2"));
	}
	assert_int_equal(rename(layer_rig_path(&rig, "kept"), layer_rig_path(&rig, "v.l2")), 0);
	assert_int_equal(repair(true, NULL), 0);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_expect(&rig, v, 8, 4, 0x22);
	assert_string_equal(layer_rig_state(v, "two"), "ready");
	layer_rig_close(&rig, v);
}

static void file_that_no_manifest_names_is_removed(void **state)
{
	struct env_open how = {
	    .path = layer_rig_path(&rig, "v.l9"), .flags = ENV_OPEN_CREATE, .size_bytes = 4096};
	struct env_file *f;

	assert_int_equal(env_file_open(rig.env, &how, &f, NULL), 0);
	env_file_close(rig.env, f);
	assert_int_equal(repair(false, "v.l9"), 1);
	assert_true(layer_rig_has(&rig, "v.l9"));
	assert_int_equal(repair(true, "v.l9"), 1);
	assert_false(layer_rig_has(&rig, "v.l9"));
}

/* What set_up made. */
static void expect_all(struct backend *v)
{
	layer_rig_expect(&rig, v, 0, 4, 0x11);
	layer_rig_expect(&rig, v, 4, 2, 0x22);
	layer_rig_expect(&rig, v, 6, 2, 0x33);
	layer_rig_expect(&rig, v, 8, 4, 0x22);
	layer_rig_expect(&rig, v, 12, BLOCKS - 12, 0);
	assert_string_equal(layer_rig_state(v, "one"), "ready");
	assert_string_equal(layer_rig_state(v, "two"), "ready");
}

static void lost_manifest_is_taken_from_its_copy_and_no_file_goes(void **state)
{
	struct backend *v;

	lose("v.layers");
	expect_refused("v.layers");
	assert_true(repair(false, "its copy takes its place") > 0);
	assert_false(layer_rig_has(&rig, "v.layers"));
	assert_true(repair(true, "its copy takes its place") > 0);
	assert_true(layer_rig_has(&rig, "v.l2"));
	assert_true(layer_rig_has(&rig, "v.l3"));
	v = layer_rig_open(&rig, "v.img", NULL);
	expect_all(v);
	layer_rig_close(&rig, v);
	assert_int_equal(repair(false, NULL), 0);
}

/* Killed between the manifest of a revert and its copy: what is written since is seen by a later
 * repair too. */
static void copy_that_a_kill_left_behind_is_written_at_open(void **state)
{
	struct backend *v = layer_rig_open(&rig, "v.img", NULL);

	assert_int_equal(rename(layer_rig_path(&rig, "v.layers.copy"), layer_rig_path(&rig, "old")),
			 0);
	assert_int_equal(layer_rig_revert(&rig, v, "one"), 0);
	layer_rig_close(&rig, v);
	assert_int_equal(rename(layer_rig_path(&rig, "old"), layer_rig_path(&rig, "v.layers.copy")),
			 0);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_fill(&rig, v, 2, 1, 0x77);
	layer_rig_close(&rig, v);
	lose("v.layers");
	assert_true(repair(true, "its copy takes its place") > 0);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_expect(&rig, v, 0, 2, 0x11);
	layer_rig_expect(&rig, v, 2, 1, 0x77);
	layer_rig_expect(&rig, v, 3, 5, 0x11);
	layer_rig_expect(&rig, v, 8, 4, 0);
	assert_string_equal(layer_rig_state(v, "two"), "ready");
	layer_rig_close(&rig, v);
}

/* It is not taken for a plain image, which would be zeros. */
static void clone_without_its_manifest_says_so_before_it_is_ever_opened(void **state)
{
	struct backend *v = layer_rig_open(&rig, "v.img", NULL);
	struct err err = {0};
	json_t *steps = NULL;

	assert_int_equal(layer_rig_clone(&rig, v, "one", "c.img", true), 0);
	layer_rig_close(&rig, v);
	lose("c.layers");
	assert_int_equal(layer_rig_try_open(&rig, "c.img", NULL, &v, &err), -EUCLEAN);
	assert_int_equal(layer_repair(rig.env, layer_rig_path(&rig, "c.img"), true, &steps, &err),
			 0);
	json_decref(steps);
	v = layer_rig_open(&rig, "c.img", NULL);
	layer_rig_expect(&rig, v, 0, 8, 0x11);
	layer_rig_close(&rig, v);
}

static void volume_whose_first_layer_is_lost_is_not_repaired(void **state)
{
	struct err err = {0};
	json_t *steps = NULL;

	lose("v.img");
	assert_int_equal(layer_repair(rig.env, layer_rig_path(&rig, "v.img"), true, &steps, &err),
			 -EUCLEAN);
	assert_non_null(strstr(err.text, "backup"));
}

/* Both slots: there is no older generation to fall back to. */
static void damaged_map_page_is_an_error_and_not_other_data(void **state)
{
	static uint8_t buf[RIG_BLOCK] __attribute__((aligned(4096)));
	struct backend *v;
	struct rig io = {.env = rig.env, .go_on = rig_turn};

	layer_rig_poke(&rig, "v.l2.map", 100, 0xa5, 3000);
	layer_rig_poke(&rig, "v.l2.map", 4096 + 100, 0xa5, 3000);
	v = layer_rig_open(&rig, "v.img", NULL);
	io.backend = v;
	assert_int_equal(rig_do(&io, SLUICE_OP_READ, 0, RIG_BLOCK, buf, 0), SLUICE_ERR_CORRUPT);
	layer_rig_close(&rig, v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(whole_volume_needs_no_repair),
	    TEST(volume_without_its_head_becomes_its_last_snapshot),
	    TEST(snapshot_whose_layer_is_lost_is_forgotten_by_name),
	    TEST(layer_that_cannot_be_opened_just_now_is_not_given_up),
	    TEST(file_that_no_manifest_names_is_removed),
	    TEST(lost_manifest_is_taken_from_its_copy_and_no_file_goes),
	    TEST(copy_that_a_kill_left_behind_is_written_at_open),
	    TEST(clone_without_its_manifest_says_so_before_it_is_ever_opened),
	    TEST(volume_whose_first_layer_is_lost_is_not_repaired),
	    TEST(damaged_map_page_is_an_error_and_not_other_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
