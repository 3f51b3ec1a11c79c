/* SPDX-License-Identifier: MIT */
/* test_encryption_reencrypt_words.c - pause, resume and cancel, locks and refusals, over restarts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "reencrypt_rig.h"
#include "sluice/filter.h"

#define T(name) cmocka_unit_test(name)
#define HALF    (WORLD_BYTES / 2)

static const struct life encrypt = {
    .seed = 1, .command = "encrypt_in_place", .args = "{\"key_id\":\"a\"}", .keks = "a"};
static const struct life decrypt = {
    .seed = 2, .command = "decrypt_in_place", .args = "{\"confirm\":\"v\"}"};
static const struct life rekey = {
    .seed = 3, .command = "rekey_deep", .args = "{\"key_id\":\"b\"}", .keks = "ab"};
static const struct life rest = {.seed = 4};

static enum life_end live(struct world *w, const struct life *how, void (*script)(struct world *w))
{
	struct life with = *how;

	with.script = script;
	return run_life(w, &with);
}

static struct world *open_clear(void)
{
	struct world *w = world_open(512);

	world_fill_clear(w, 1);
	return w;
}

static struct world *open_encrypted(void)
{
	struct world *w = open_clear();

	assert_int_equal(live(w, &encrypt, NULL), LIFE_ENDED);
	assert_string_equal(w->state, "unlocked");
	assert_int_equal(world_clear_sectors(w), 0);
	return w;
}

/* ---------------------------------------------------------------- pause */

static void pause_half_way(struct world *w)
{
	life_turns_until("running", HALF);
	LIFE_CHECK(life_command("reencrypt_pause", NULL, NULL) == 0);
	life_turns_until("paused", HALF);
	LIFE_CHECK(life_command("reencrypt_status", NULL, NULL) == 0);
}

static void pause_and_die(struct world *w)
{
	pause_half_way(w);
	life_turns_until("paused", HALF);
	life_kill();
}

static void is_paused_and_goes_on(struct world *w)
{
	int64_t done_bytes;

	life_turns_until("paused", HALF);
	done_bytes = life_done_bytes();
	LIFE_CHECK(done_bytes < WORLD_BYTES);
	LIFE_CHECK(life_command("reencrypt_pause", NULL, NULL) == 0);
	LIFE_CHECK(life_done_bytes() == done_bytes);
	LIFE_CHECK(life_command("reencrypt_resume", NULL, NULL) == 0);
}

static void a_pause_outlives_the_process(void **state)
{
	struct world *w = open_encrypted();

	assert_int_equal(live(w, &rekey, pause_and_die), LIFE_KILLED);
	assert_int_equal(live(w, &rest, is_paused_and_goes_on), LIFE_ENDED);
	assert_non_null(strstr(w->kinds, "reencrypt_done"));
	assert_int_equal(world_try_kek(w, 'b'), 0);
	assert_int_equal(world_try_kek(w, 'a'), -EKEYREJECTED);
	world_close(w);
}

/* ---------------------------------------------------------------- cancel */

static void cancel_half_way(struct world *w)
{
	life_turns_until("running", HALF);
	LIFE_CHECK(life_command("reencrypt_cancel", NULL, NULL) == 0);
	LIFE_CHECK(strcmp(life_word(), "cancelling") == 0);
	LIFE_CHECK(life_command("reencrypt_cancel", NULL, NULL) == -EALREADY);
}

static void a_cancelled_walk_leaves_what_was(void **state)
{
	struct world *w = open_clear();

	assert_int_equal(live(w, &encrypt, cancel_half_way), LIFE_ENDED);
	assert_string_equal(w->state, "clear");
	assert_non_null(strstr(w->kinds, "reencrypt_cancelled"));
	assert_int_not_equal(world_try_kek(w, 'a'), 0);
	assert_int_equal(live(w, &encrypt, NULL), LIFE_ENDED);
	assert_int_equal(live(w, &decrypt, cancel_half_way), LIFE_ENDED);
	assert_string_equal(w->state, "unlocked");
	assert_int_equal(world_clear_sectors(w), 0);
	assert_int_equal(live(w, &rekey, cancel_half_way), LIFE_ENDED);
	assert_non_null(strstr(w->kinds, "reencrypt_cancelled"));
	/* What wraps the key has changed, the key has not. */
	assert_int_equal(world_try_kek(w, 'b'), 0);
	assert_int_equal(live(w, &rest, NULL), LIFE_ENDED);
	world_close(w);
}

static void cancel_and_die(struct world *w)
{
	cancel_half_way(w);
	while (life_done_bytes() > HALF - 2 * WORLD_ZONE)
		life_turn();
	life_kill();
}

static void a_cancel_outlives_the_process(void **state)
{
	struct world *w = open_encrypted();

	assert_int_equal(live(w, &rekey, cancel_and_die), LIFE_KILLED);
	assert_int_equal(live(w, &rest, NULL), LIFE_ENDED);
	assert_non_null(strstr(w->kinds, "reencrypt_cancelled"));
	world_close(w);
}

/* ---------------------------------------------------------------- locks */

static void lock_half_way(struct world *w)
{
	LIFE_CHECK(life_command("lock", NULL, NULL) == -EBUSY);
	pause_half_way(w);
	while (life_command("lock", NULL, NULL) == -EBUSY)
		life_turn();
	life_word();
	LIFE_CHECK(strcmp(w->state, "locked") == 0);
	life_kill();
}

/* One key opens both halves. */
static void unlock(struct world *w)
{
	LIFE_CHECK(strcmp(w->state, "locked") == 0);
	(void)life_command("reencrypt_resume", NULL, NULL);
	LIFE_CHECK(life_command("unlock", NULL, "a") == -EKEYREJECTED);
	LIFE_CHECK(strcmp(life_word(), "waiting") == 0);
	LIFE_CHECK(life_command("unlock", NULL, "b") == 0);
}

static void a_walk_waits_for_the_key(void **state)
{
	struct world *w = open_encrypted();
	struct life quiet = rekey;

	quiet.is_quiet = true;
	assert_int_equal(live(w, &quiet, lock_half_way), LIFE_KILLED);
	assert_int_equal(live(w, &rest, unlock), LIFE_ENDED);
	assert_non_null(strstr(w->kinds, "reencrypt_done"));
	world_close(w);
}

static void die_half_way(struct world *w)
{
	life_turns_until("running", HALF);
	life_kill();
}

static void a_walk_goes_on_when_the_keyring_was_lost(void **state)
{
	struct world *w = open_encrypted();

	assert_int_equal(live(w, &rekey, die_half_way), LIFE_KILLED);
	memset(w->secrets, 0, sizeof(w->secrets));
	assert_int_equal(live(w, &rest, unlock), LIFE_ENDED);
	assert_non_null(strstr(w->kinds, "reencrypt_done"));
	world_close(w);
}

/* ---------------------------------------------------------------- refusals */

static void is_refused_much(struct world *w)
{
	LIFE_CHECK(life_command("rekey_deep", NULL, "bc") == -EBUSY);
	LIFE_CHECK(life_command("rekey_shallow", NULL, "bc") == -EBUSY);
	LIFE_CHECK(life_command("erase", "{\"confirm\":\"v\"}", NULL) == -EBUSY);
	LIFE_CHECK(life_command("format", NULL, "a") == -EBUSY);
	/* Its header and its halves would be of no one moment. */
	LIFE_CHECK(life_command("export", NULL, "a") == -EBUSY);
	LIFE_CHECK(strstr(w->error, "reencrypt_cancel") != NULL);
	LIFE_CHECK(life_command("reencrypt_what", NULL, NULL) == -EINVAL);
	LIFE_CHECK(life_event(SLUICE_EVENT_SNAPSHOT) == -EBUSY);
	LIFE_CHECK(life_detach() == -EBUSY);
	LIFE_CHECK(strstr(w->error, "different keys") != NULL);
}

static void is_refused_all(struct world *w)
{
	LIFE_CHECK(life_command("reencrypt_cancel", NULL, NULL) == -ENOENT);
	LIFE_CHECK(life_command("encrypt_in_place", NULL, "a") == -EEXIST);
	LIFE_CHECK(life_command("decrypt_in_place", NULL, NULL) == -EINVAL);
	LIFE_CHECK(life_command("rekey_deep", NULL, NULL) == -EINVAL);
	LIFE_CHECK(life_command("rekey_deep", NULL, "xy") == -EKEYREJECTED);
	LIFE_CHECK(life_detach() == -EBUSY);
}

static void what_would_disturb_it_is_refused(void **state)
{
	struct world *w = open_encrypted();

	assert_int_equal(live(w, &rekey, is_refused_much), LIFE_ENDED);
	assert_int_equal(live(w, &rest, is_refused_all), LIFE_ENDED);
	assert_string_equal(w->state, "unlocked");
	world_close(w);
}

/* A new volume key, and who wraps it stays who it was. */
static void a_deep_rekey_may_keep_the_wrapping_key(void **state)
{
	struct world *w = open_encrypted();
	struct life same = rekey;

	same.keks = "aa";
	same.args = "{\"key_id\":\"a\"}";
	assert_int_equal(live(w, &same, NULL), LIFE_ENDED);
	assert_string_equal(w->state, "unlocked");
	assert_non_null(strstr(w->kinds, "reencrypt_done"));
	assert_int_equal(world_try_kek(w, 'a'), 0);
	world_close(w);
}

static void is_in_clear(struct world *w)
{
	LIFE_CHECK(strcmp(w->state, "clear") == 0);
	LIFE_CHECK(life_command("format", NULL, "a") == -ENOTEMPTY);
	LIFE_CHECK(life_command("erase", "{\"confirm\":\"v\"}", NULL) == -ENOENT);
	LIFE_CHECK(life_command("unlock", NULL, "a") == -ENOENT);
	LIFE_CHECK(life_command("rekey_deep", NULL, "ab") == -EBUSY);
}

static void a_decrypted_volume_lets_the_filter_go(void **state)
{
	struct world *w = open_encrypted();
	struct life gone = decrypt;

	gone.detaches = true;
	assert_int_equal(run_life(w, &gone), LIFE_ENDED);
	assert_true(world_clear_sectors(w) > 0);
	/* Attached again it serves what there is. */
	assert_int_equal(live(w, &rest, is_in_clear), LIFE_ENDED);
	assert_string_equal(w->state, "clear");
	world_close(w);
}

/* ---------------------------------------------------------------- holes */

static void cancel_near_the_end(struct world *w)
{
	life_turns_until("running", HALF);
	LIFE_CHECK(life_command("reencrypt_cancel", NULL, NULL) == 0);
}

static uint32_t steps_of(struct world *w, const struct life *how, void (*script)(struct world *w))
{
	struct life quiet = *how;

	quiet.is_quiet = true;
	quiet.script = script;
	assert_int_equal(run_life(w, &quiet), LIFE_ENDED);
	return w->steps;
}

/* Sixteen zones of data take more than a hundred steps; a hole is one zone, there and back. */
static void holes_are_jumped_over(void **state)
{
	struct world *w = world_open(512);
	uint32_t of_holes, of_data;

	of_holes = steps_of(w, &encrypt, NULL);
	world_close(w);
	w = world_open(512);
	world_fill_clear(w, 1);
	of_data = steps_of(w, &encrypt, NULL);
	assert_true(of_data > of_holes + 90);
	world_close(w);
	w = world_open(512);
	world_fill_clear(w, 3); /* half of it holes, the end one of them */
	assert_true(steps_of(w, &encrypt, cancel_near_the_end) < of_data);
	assert_string_equal(w->state, "clear");
	world_close(w);
}

/* ---------------------------------------------------------------- a lost sidecar */

static void is_damaged(struct world *w)
{
	LIFE_CHECK(strcmp(w->state, "damaged") == 0);
	LIFE_CHECK(strcmp(life_word(), "broken") == 0);
	life_kill();
}

static void nothing_is_served_without_the_sidecar(void **state)
{
	static uint8_t records[8192];
	struct world *w = open_encrypted();

	assert_int_equal(live(w, &rekey, die_half_way), LIFE_KILLED);
	memcpy(records, w->file, sizeof(records));
	memset(w->file, 0, sizeof(records));
	assert_int_equal(live(w, &rest, is_damaged), LIFE_KILLED);
	memcpy(w->file, records, sizeof(records));
	assert_int_equal(live(w, &rest, NULL), LIFE_ENDED);
	assert_non_null(strstr(w->kinds, "reencrypt_done"));
	world_close(w);
}

/* Who can write beside the image makes a deep rekey a decryption: its digest is right, but the host
 * knows better, and nothing comes to be in clear. */
static void a_sidecar_of_another_kind_is_not_believed(void **state)
{
	static uint8_t file[8192];
	struct world *w = open_encrypted();
	struct world *other = open_encrypted();

	assert_int_equal(live(other, &decrypt, die_half_way), LIFE_KILLED);
	assert_int_equal(live(w, &rekey, die_half_way), LIFE_KILLED);
	memcpy(file, w->file, sizeof(file));
	memcpy(w->file, other->file, sizeof(file));
	assert_int_equal(live(w, &rest, is_damaged), LIFE_KILLED);
	assert_int_equal(world_clear_sectors(w), 0);
	memcpy(w->file, file, sizeof(file));
	assert_int_equal(live(w, &rest, NULL), LIFE_ENDED);
	assert_int_equal(world_clear_sectors(w), 0);
	world_close(other);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_pause_outlives_the_process),
	    T(a_cancelled_walk_leaves_what_was),
	    T(a_cancel_outlives_the_process),
	    T(a_walk_waits_for_the_key),
	    T(a_walk_goes_on_when_the_keyring_was_lost),
	    T(what_would_disturb_it_is_refused),
	    T(a_deep_rekey_may_keep_the_wrapping_key),
	    T(a_decrypted_volume_lets_the_filter_go),
	    T(holes_are_jumped_over),
	    T(nothing_is_served_without_the_sidecar),
	    T(a_sidecar_of_another_kind_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
