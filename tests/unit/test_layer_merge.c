/* SPDX-License-Identifier: MIT */
/* test_layer_merge.c - snapshots that go and clones that come to stand alone: nobody sees other
 * data by it, whatever an earlier process left behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "layer_rig.h"

#define BLOCKS 64u

static struct layer_rig rig;

static int set_up(void **state)
{
	layer_rig_init(&rig, (uint64_t)BLOCKS * RIG_BLOCK);
	layer_rig_create(&rig, "v.img");
	return 0;
}

static int tear_down(void **state)
{
	layer_rig_fini(&rig);
	return 0;
}

static struct backend *with_snapshots(void)
{
	struct backend *v = layer_rig_open(&rig, "v.img", NULL);

	layer_rig_fill(&rig, v, 0, 8, 0x11);
	assert_int_equal(layer_rig_snapshot(&rig, v, "one"), 0);
	layer_rig_fill(&rig, v, 4, 16, 0x22);
	assert_int_equal(layer_rig_snapshot(&rig, v, "two"), 0);
	layer_rig_fill(&rig, v, 6, 2, 0x33);
	return v;
}

static void full_clone_comes_to_stand_alone_and_the_snapshot_may_go(void **state)
{
	struct backend *v = with_snapshots(), *c;

	assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", false), 0);
	c = layer_rig_open(&rig, "c.img", NULL);
	layer_rig_fill(&rig, c, 0, 1, 0x44);
	layer_rig_wait_alone(&rig, "c.layers");
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_wait_state(&rig, v, "two", "absent");
	for (int i = 0; i < 2; i++) {
		layer_rig_expect(&rig, c, 0, 1, 0x44);
		layer_rig_expect(&rig, c, 1, 3, 0x11);
		layer_rig_expect(&rig, c, 4, 16, 0x22);
		layer_rig_expect(&rig, c, 20, BLOCKS - 20, 0);
		layer_rig_close(&rig, c);
		c = layer_rig_open(&rig, "c.img", NULL);
	}
	layer_rig_close(&rig, c);
	layer_rig_close(&rig, v);
}

/* Killed when the image had a name and no bytes: it is made again, and of whatever snapshot. But
 * what is somebody else's stays. */
static void clone_that_a_kill_left_without_bytes_is_made_again(void **state)
{
	struct backend *v = with_snapshots(), *c;

	assert_int_equal(layer_rig_clone(&rig, v, "one", "c.img", true), 0);
	layer_rig_cut(&rig, "c.img", 0);
	assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", true), 0);
	c = layer_rig_open(&rig, "c.img", NULL);
	layer_rig_expect(&rig, c, 0, 4, 0x11);
	layer_rig_expect(&rig, c, 4, 16, 0x22);
	layer_rig_expect(&rig, c, 20, BLOCKS - 20, 0);
	layer_rig_close(&rig, c);
	assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", true), -EEXIST);
	layer_rig_create(&rig, "other.img");
	layer_rig_cut(&rig, "other.img", 0);
	assert_int_equal(layer_rig_clone(&rig, v, "two", "other.img", true), -EEXIST);
	layer_rig_close(&rig, v);
}

/* Its manifest is not written over, nor removed after that. */
static void clone_leaves_a_volume_alone_that_cannot_be_opened_just_now(void **state)
{
	struct backend *v = with_snapshots(), *other;

	layer_rig_create(&rig, "c.img");
	other = layer_rig_open(&rig, "c.img", NULL);
	assert_int_equal(layer_rig_snapshot(&rig, other, "one"), 0);
	layer_rig_fill(&rig, other, 0, 4, 0x99);
	layer_rig_close(&rig, other);
	assert_int_equal(rename(layer_rig_path(&rig, "c.img"), layer_rig_path(&rig, "kept")), 0);
	assert_int_equal(symlink("c.img", layer_rig_path(&rig, "c.img")), 0);
	assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", true), -ELOOP);
	assert_int_equal(rename(layer_rig_path(&rig, "kept"), layer_rig_path(&rig, "c.img")), 0);
	other = layer_rig_open(&rig, "c.img", NULL);
	layer_rig_expect(&rig, other, 0, 4, 0x99);
	assert_string_equal(layer_rig_state(other, "one"), "ready");
	layer_rig_close(&rig, other);
	layer_rig_close(&rig, v);
}

static void linked_clone_stays_on_its_snapshot(void **state)
{
	struct backend *v = with_snapshots(), *c;

	assert_int_equal(layer_rig_clone(&rig, v, "one", "c.img", true), 0);
	c = layer_rig_open(&rig, "c.img", NULL);
	assert_int_equal(layer_rig_delete(&rig, v, "one"), -EBUSY);
	layer_rig_fill(&rig, v, 0, 8, 0x55);
	layer_rig_expect(&rig, c, 0, 8, 0x11);
	layer_rig_close(&rig, c);
	assert_int_equal(layer_remove(rig.env, layer_rig_path(&rig, "c.img"), NULL), 0);
	assert_int_equal(layer_rig_delete(&rig, v, "one"), 0);
	layer_rig_wait_state(&rig, v, "one", "absent");
	layer_rig_close(&rig, v);
}

/* A first write's data reached the clone's file, and its process was killed before the map said so:
 * it stays what the snapshot holds, zeros. Several: a copy may be over before the first read. */
static void full_clone_shows_nothing_that_a_killed_first_write_left(void **state)
{
	struct backend *v = with_snapshots(), *c;

	for (int i = 0; i < 6; i++) {
		assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", false), 0);
		layer_rig_poke(&rig, "c.img", 30 * RIG_BLOCK, 0xee, RIG_BLOCK);
		c = layer_rig_open(&rig, "c.img", NULL);
		layer_rig_expect(&rig, c, 20, BLOCKS - 20, 0);
		layer_rig_wait_alone(&rig, "c.layers");
		layer_rig_expect(&rig, c, 20, BLOCKS - 20, 0);
		layer_rig_close(&rig, c);
		assert_int_equal(layer_remove(rig.env, layer_rig_path(&rig, "c.img"), NULL), 0);
	}
	layer_rig_close(&rig, v);
}

/* Its process was killed before the copy of the manifest that lets go. */
static void clone_whose_copy_is_behind_holds_its_snapshot_until_it_is_opened(void **state)
{
	struct backend *v = with_snapshots(), *c;
	char *text = NULL, path[256];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s", layer_rig_path(&rig, "c.layers.copy"));
	assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", false), 0);
	assert_int_equal(env_text_read(rig.env, path, 1u << 20, &text, &n, NULL), 0);
	c = layer_rig_open(&rig, "c.img", NULL);
	layer_rig_wait_alone(&rig, "c.layers");
	layer_rig_close(&rig, c);
	assert_int_equal(env_text_write(rig.env, path, text, n, NULL), 0);
	free(text);
	assert_int_equal(layer_rig_delete(&rig, v, "two"), -EBUSY);
	layer_rig_close(&rig, layer_rig_open(&rig, "c.img", NULL));
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_close(&rig, v);
}

static void wait_for_a_failure(void)
{
	while (layer_rig_failures() == 0)
		rig_turn(&(struct rig){.env = rig.env});
}

/* "two" is being merged with "three" and its own file is half replaced when the disk is full.
 * Whatever else is deleted then, over restarts, "two" is not given back. */
static void snapshot_whose_blocks_began_to_be_replaced_is_not_given_back(void **state)
{
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_snapshot(&rig, v, "three"), 0);
	layer_rig_fill(&rig, v, 40, 1, 0x66);
	layer_rig_close(&rig, v);
	layer_rig_fail_writes("v.l2.map", NULL);
	v = layer_rig_open(&rig, "v.img", NULL);
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	wait_for_a_failure();
	assert_int_equal(layer_rig_delete(&rig, v, "one"), 0);
	layer_rig_close(&rig, v);
	layer_rig_fail_writes("v.l2.map", "v.img");
	v = layer_rig_open(&rig, "v.img", NULL);
	wait_for_a_failure();
	assert_int_equal(layer_rig_cancel(&rig, v, "two"), -EINPROGRESS);
	layer_rig_close(&rig, v);

	layer_rig_fail_writes(NULL, NULL);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_wait_state(&rig, v, "two", "absent");
	layer_rig_wait_state(&rig, v, "one", "absent");
	layer_rig_expect(&rig, v, 40, 1, 0x66);
	layer_rig_expect(&rig, v, 6, 2, 0x33);
	assert_int_equal(layer_rig_revert(&rig, v, "three"), 0);
	layer_rig_expect(&rig, v, 0, 4, 0x11);
	layer_rig_expect(&rig, v, 4, 2, 0x22);
	layer_rig_expect(&rig, v, 6, 2, 0x33);
	layer_rig_expect(&rig, v, 8, 12, 0x22);
	layer_rig_expect(&rig, v, 20, BLOCKS - 20, 0);
	layer_rig_close(&rig, v);
}

/* As filterd does when a volume that nobody uses is told to forget a snapshot. */
static void snapshot_of_a_closed_volume_is_deleted_and_merged_at_the_next_open(void **state)
{
	struct backend *v = with_snapshots();

	layer_rig_close(&rig, v);
	v = layer_rig_open(&rig, "v.img", NULL);
	assert_int_equal(layer_rig_delete(&rig, v, "one"), 0);
	layer_rig_close(&rig, v); /* at once */
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_wait_state(&rig, v, "one", "absent");
	layer_rig_close(&rig, v);
	assert_false(layer_rig_has(&rig, "v.l2"));
	v = layer_rig_open(&rig, "v.img", "two");
	layer_rig_expect(&rig, v, 0, 4, 0x11);
	layer_rig_expect(&rig, v, 4, 16, 0x22);
	layer_rig_close(&rig, v);
}

/* What an earlier process wrote it may not have flushed: a power cut would leave a map of an older
 * generation than the one that the next write is to follow. */
static void map_that_was_opened_is_flushed_before_its_first_write(void **state)
{
	struct backend *v = with_snapshots();

	layer_rig_close(&rig, v);
	layer_rig_forget();
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_fill(&rig, v, 30, 1, 0x77);
	assert_true(layer_rig_was_flushed_first("v.l3.map", "v.l3.map"));
	layer_rig_close(&rig, v);
}

/* A process put a head over the layer and was killed before it flushed it. */
static void layer_that_is_merged_away_is_flushed_before_its_blocks_are_copied(void **state)
{
	struct backend *v = with_snapshots();

	layer_rig_fill(&rig, v, 20, 40, 0x44); /* more than "two" has: its blocks go up */
	assert_int_equal(layer_rig_snapshot(&rig, v, "three"), 0);
	layer_rig_close(&rig, v);
	layer_rig_forget();
	v = layer_rig_open(&rig, "v.img", NULL);
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_wait_state(&rig, v, "two", "absent");
	assert_true(layer_rig_was_flushed_first("v.l2", "v.l3"));
	assert_true(layer_rig_was_flushed_first("v.l2.map", "v.l3"));
	layer_rig_expect(&rig, v, 8, 12, 0x22);
	layer_rig_expect(&rig, v, 20, 40, 0x44);
	layer_rig_close(&rig, v);
}

/* A process was killed as it grew the plain image: its length may be gone after a power cut, and a
 * manifest that names it would name too much. */
static void plain_image_is_flushed_before_the_first_manifest_names_it(void **state)
{
	struct backend *v;

	layer_rig_fail_flushes("v.img");
	v = layer_rig_open(&rig, "v.img", NULL);
	assert_int_equal(layer_rig_snapshot(&rig, v, "one"), -EIO);
	assert_false(layer_rig_has(&rig, "v.layers"));
	layer_rig_close(&rig, v);
}

/* A scheduler that grants nothing until it is told to. */
static struct {
	void (*granted)(void *ctx);
	void *ctx;
	bool is_open;
} gate;

static bool ask(void *ctx, bool is_write, uint64_t offset_bytes, uint64_t len_bytes,
		void (*granted)(void *granted_ctx), void *granted_ctx)
{
	gate.granted = granted;
	gate.ctx = granted_ctx;
	return !gate.is_open;
}

static void end(void *ctx, bool is_ok) {}

static void cancel(void *ctx)
{
	gate.granted = NULL;
}

/* "three", from after a growth, goes down into "two", from before: both stand beside the volume,
 * until it is reverted to "three" in the middle of it. */
static void layers_that_a_revert_takes_while_they_are_merged_keep_their_end(void **state)
{
	static const struct layer_turns turns = {ask, end, cancel};
	struct backend *v = with_snapshots();

	assert_int_equal(layer_rig_grow(&rig, v, 2 * BLOCKS), 0);
	layer_rig_fill(&rig, v, 2 * BLOCKS - 1, 1, 0x77);
	assert_int_equal(layer_rig_snapshot(&rig, v, "three"), 0);
	assert_int_equal(layer_rig_revert(&rig, v, "one"), 0);
	gate.granted = NULL;
	gate.is_open = false;
	layer_set_turns(v, &turns, NULL);
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	while (!gate.granted)
		rig_turn(&(struct rig){.env = rig.env});
	assert_int_equal(layer_rig_revert(&rig, v, "one"), 0);
	assert_int_equal(layer_rig_revert(&rig, v, "three"), 0);
	gate.is_open = true;
	gate.granted(gate.ctx);
	layer_rig_wait_state(&rig, v, "two", "absent");
	assert_int_equal(layer_rig_delete(&rig, v, "one"), 0);
	layer_rig_wait_state(&rig, v, "one", "absent");
	for (int i = 0; i < 2; i++) {
		layer_rig_expect(&rig, v, 0, 4, 0x11);
		layer_rig_expect(&rig, v, 8, 12, 0x22);
		layer_rig_expect(&rig, v, 6, 2, 0x33);
		layer_rig_expect(&rig, v, BLOCKS, BLOCKS - 1, 0);
		layer_rig_expect(&rig, v, 2 * BLOCKS - 1, 1, 0x77);
		layer_rig_close(&rig, v);
		v = layer_rig_open(&rig, "v.img", NULL);
	}
	layer_rig_close(&rig, v);
}

static void merge_to_the_end(void)
{
	gate.is_open = true;
	gate.granted(gate.ctx);
	while (layer_rig_has(&rig, "v.l2"))
		rig_turn(&(struct rig){.env = rig.env});
}

/* Of which it is the origin's layer, or its own volume's. */
static void layer_that_is_merged_away_as_it_is_opened_is_not_missed(void **state)
{
	static const struct layer_turns turns = {ask, end, cancel};

	for (int is_view = 0; is_view < 2; is_view++) {
		struct backend *v = with_snapshots(), *other;

		layer_rig_fill(&rig, v, 20, 40, 0x44); /* more than "two" has: its blocks go up */
		assert_int_equal(layer_rig_snapshot(&rig, v, "three"), 0);
		assert_int_equal(layer_rig_clone(&rig, v, "three", "c.img", true), 0);
		gate.granted = NULL;
		gate.is_open = false;
		layer_set_turns(v, &turns, NULL);
		assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
		while (!gate.granted)
			rig_turn(&(struct rig){.env = rig.env});
		layer_rig_before_open("v.l2", merge_to_the_end);
		other = is_view ? layer_rig_open(&rig, "v.img", "three")
				: layer_rig_open(&rig, "c.img", NULL);
		assert_false(layer_rig_has(&rig, "v.l2"));
		layer_rig_expect(&rig, other, 0, 4, 0x11);
		layer_rig_expect(&rig, other, 6, 2, 0x33);
		layer_rig_expect(&rig, other, 8, 12, 0x22);
		layer_rig_expect(&rig, other, 20, 40, 0x44);
		layer_rig_close(&rig, other);
		layer_rig_close(&rig, v);
		tear_down(state);
		set_up(state);
	}
}

/* Of the map of layer 3: what is done to it, and whether its slot is zeros at the second write. */
static struct {
	char calls[16];
	uint32_t count, slot;
	bool is_wiped;
} map;

static void on_map_call(enum env_io_op op)
{
	char what = op == ENV_IO_WRITE ? 'W' : op == ENV_IO_SYNC ? 'S' : 0;

	if (what == 'W' && strchr(map.calls, 'W'))
		map.is_wiped = layer_rig_is_zero(&rig, "v.l3.map", map.slot);
	if (what && map.count + 1 < sizeof(map.calls))
		map.calls[map.count++] = what;
}

/* A power cut took the first sector of the slot where the next generation goes. */
static struct backend *open_torn(uint32_t slot)
{
	layer_rig_poke(&rig, "v.l3.map", (uint64_t)slot * RIG_BLOCK, 0, 512);
	memset(&map, 0, sizeof(map));
	map.slot = slot;
	layer_rig_watch("v.l3.map", on_map_call);
	return layer_rig_open(&rig, "v.img", NULL);
}

/* The lost sector may be the same in both writes: if that alone gets there of the second, the first
 * is whole, and a block is there that was found not to be. */
static void parts_of_a_torn_map_page_go_before_its_generation_is_written_again(void **state)
{
	struct backend *v = with_snapshots();

	layer_rig_fill(&rig, v, 30, 1, 0x77);
	layer_rig_close(&rig, v);
	v = open_torn(0);
	layer_rig_expect(&rig, v, 30, 1, 0);
	layer_rig_fill(&rig, v, 40, 1, 0x88);
	assert_string_equal(map.calls, "SWSWS");
	assert_true(map.is_wiped);
	layer_rig_close(&rig, v);
	v = layer_rig_open(&rig, "v.img", NULL);
	layer_rig_expect(&rig, v, 6, 2, 0x33);
	layer_rig_expect(&rig, v, 30, 1, 0);
	layer_rig_expect(&rig, v, 40, 1, 0x88);
	layer_rig_close(&rig, v);
}

static void parts_of_a_torn_map_page_go_before_a_merge_writes_it(void **state)
{
	struct backend *v = with_snapshots();

	layer_rig_fill(&rig, v, 20, 40, 0x44); /* more than "two" has: its blocks go up */
	assert_int_equal(layer_rig_snapshot(&rig, v, "three"), 0);
	layer_rig_close(&rig, v);
	v = open_torn(1);
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_wait_state(&rig, v, "two", "absent");
	assert_non_null(strstr(map.calls, "SWSWS"));
	assert_true(map.is_wiped);
	layer_rig_expect(&rig, v, 6, 2, 0x33);
	layer_rig_expect(&rig, v, 8, 12, 0x22);
	layer_rig_expect(&rig, v, 20, 40, 0x44);
	layer_rig_close(&rig, v);
}

/* The clone let go of its snapshot long ago, but as long as its manifest is lost nobody knows. */
static void deletion_goes_on_when_a_clone_can_be_read_again(void **state)
{
	struct backend *v = with_snapshots(), *c;

	assert_int_equal(layer_rig_clone(&rig, v, "two", "c.img", false), 0);
	c = layer_rig_open(&rig, "c.img", NULL);
	layer_rig_wait_alone(&rig, "c.layers");
	layer_rig_close(&rig, c);
	assert_int_equal(layer_rig_delete(&rig, v, "two"), 0);
	layer_rig_close(&rig, v); /* at once */
	assert_int_equal(rename(layer_rig_path(&rig, "c.layers"), layer_rig_path(&rig, "c.kept")),
			 0);
	layer_rig_hurry();
	v = layer_rig_open(&rig, "v.img", NULL);
	for (int i = 0; i < 20; i++)
		rig_turn(&(struct rig){.env = rig.env});
	assert_string_equal(layer_rig_state(v, "two"), "deleting");
	assert_int_equal(rename(layer_rig_path(&rig, "c.kept"), layer_rig_path(&rig, "c.layers")),
			 0);
	layer_rig_wait_state(&rig, v, "two", "absent");
	layer_rig_expect(&rig, v, 8, 12, 0x22);
	layer_rig_close(&rig, v);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(full_clone_comes_to_stand_alone_and_the_snapshot_may_go),
	    T(clone_that_a_kill_left_without_bytes_is_made_again),
	    T(clone_leaves_a_volume_alone_that_cannot_be_opened_just_now),
	    T(clone_whose_copy_is_behind_holds_its_snapshot_until_it_is_opened),
	    T(linked_clone_stays_on_its_snapshot),
	    T(full_clone_shows_nothing_that_a_killed_first_write_left),
	    T(snapshot_whose_blocks_began_to_be_replaced_is_not_given_back),
	    T(snapshot_of_a_closed_volume_is_deleted_and_merged_at_the_next_open),
	    T(map_that_was_opened_is_flushed_before_its_first_write),
	    T(layer_that_is_merged_away_is_flushed_before_its_blocks_are_copied),
	    T(plain_image_is_flushed_before_the_first_manifest_names_it),
	    T(layers_that_a_revert_takes_while_they_are_merged_keep_their_end),
	    T(layer_that_is_merged_away_as_it_is_opened_is_not_missed),
	    T(parts_of_a_torn_map_page_go_before_its_generation_is_written_again),
	    T(parts_of_a_torn_map_page_go_before_a_merge_writes_it),
	    T(deletion_goes_on_when_a_clone_can_be_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
