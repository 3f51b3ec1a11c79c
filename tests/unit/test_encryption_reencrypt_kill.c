/* SPDX-License-Identifier: MIT */
/*
 * test_encryption_reencrypt_kill.c - encrypt in place, decrypt in place and deep rekey, killed or
 * without power at every kind of step, under I/O: every sector is readable and right afterwards,
 * and the next process ends what the one before began. REENCRYPT_KILLS sets how often for each of
 * the three; make check-unit-long does it 500 times, of which the short form has the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reencrypt_rig.h"

#define T(name) cmocka_unit_test(name)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KILLS 12
#else
#define KILLS 40
#endif

static uint32_t kills_wanted(void)
{
	const char *text = getenv("REENCRYPT_KILLS");

	return text ? (uint32_t)strtoul(text, NULL, 10) : KILLS;
}

static uint32_t next(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(*random >> 8) * below >> 24);
}

enum { ENCRYPT, DECRYPT, REKEY };

static const struct life begins[] = {
    [ENCRYPT] = {.command = "encrypt_in_place", .args = "{\"key_id\":\"a\"}", .keks = "a"},
    [DECRYPT] = {.command = "decrypt_in_place", .args = "{\"confirm\":\"v\"}"},
    [REKEY] = {.command = "rekey_deep", .args = "{\"key_id\":\"b\"}", .keks = "ab"},
};

static bool is_done(const struct world *w, int kind)
{
	if (world_has(w, "reencrypt"))
		return false;
	if (kind == REKEY)
		return strstr(w->kinds, "reencrypt_done") != NULL;
	return world_has(w, kind == ENCRYPT ? "formatted" : "clear") &&
	       !world_has(w, kind == ENCRYPT ? "clear" : "formatted");
}

static void live(struct world *w, const struct life *how)
{
	assert_int_equal(run_life(w, how), LIFE_ENDED);
}

static void assert_end(struct world *w, int kind)
{
	live(w, &(struct life){.seed = 1, .is_quiet = true});
	assert_string_equal(w->state, kind == DECRYPT ? "clear" : "unlocked");
	assert_int_equal(world_try_kek(w, kind == REKEY ? 'b' : 'a') == 0, kind != DECRYPT);
	assert_int_not_equal(world_try_kek(w, kind == REKEY ? 'a' : 'b'), 0);
	if (kind != DECRYPT)
		assert_int_equal(world_clear_sectors(w), 0);
}

/* Until it has ended; how often it died on the way. */
static uint32_t go_through(struct world *w, int kind, bool cuts_power, uint32_t *random)
{
	uint32_t kills = 0, lives = 0;

	while (!is_done(w, kind)) {
		struct life how = {0};
		enum life_end end;

		assert_true(lives++ < 1000);
		/* What had not begun is begun again; what had, goes on by itself. */
		if (!world_has(w, "reencrypt"))
			how = begins[kind];
		how.seed = next(random, 1u << 24);
		how.dies_at = 1 + next(random, lives % 4 ? 90 : 25);
		end = run_life(w, &how);
		assert_int_not_equal(end, LIFE_WRONG);
		assert_false(world_sidecar_tells(w)); /* in clear */
		kills += end == LIFE_KILLED;
		if (end == LIFE_KILLED && cuts_power && next(random, 2)) /* or a kill before it */
			world_cut_power(w, how.seed);
	}
	return kills;
}

static void kill_often(int kind, bool cuts_power)
{
	uint32_t random = (uint32_t)kind * 7 + cuts_power, kills = 0;

	while (kills < (kills_wanted() + 1) / 2) {
		struct world *w = world_open(next(&random, 2) ? 512 : 4096);

		world_fill_clear(w, next(&random, 5));
		if (kind != ENCRYPT)
			live(w, &begins[ENCRYPT]);
		w->kinds[0] = '\0';
		kills += go_through(w, kind, cuts_power, &random);
		assert_end(w, kind);
		world_close(w);
	}
}

/* ---------------------------------------------------------------- cancelled on the way */

static void cancel_half_way(struct world *w)
{
	while (strcmp(life_word(), "running") == 0) {
		if (life_done_bytes() >= WORLD_BYTES / 2)
			LIFE_CHECK(life_command("reencrypt_cancel", NULL, NULL) == 0);
		life_turn();
	}
}

static void cancel_often(int kind)
{
	uint32_t random = (uint32_t)kind + 100, kills = 0;

	while (kills < kills_wanted() / 5) {
		struct world *w = world_open(512);

		world_fill_clear(w, 1 + next(&random, 4));
		if (kind != ENCRYPT)
			live(w, &begins[ENCRYPT]);
		w->kinds[0] = '\0';
		for (uint32_t lives = 0; !strstr(w->kinds, "cancelled"); lives++) {
			struct life how = {0};
			enum life_end end;

			assert_true(lives < 1000);
			if (!world_has(w, "reencrypt"))
				how = begins[kind];
			how.seed = next(&random, 1u << 24);
			how.dies_at = 20 + next(&random, 200);
			how.script = cancel_half_way;
			end = run_life(w, &how);
			assert_int_not_equal(end, LIFE_WRONG);
			kills += end == LIFE_KILLED;
			if (end == LIFE_KILLED && next(&random, 2))
				world_cut_power(w, how.seed);
		}
		live(w, &(struct life){.seed = 1, .is_quiet = true});
		assert_string_equal(w->state, kind == ENCRYPT ? "clear" : "unlocked");
		world_close(w);
	}
}

static void a_cancelled_encryption_survives_kills(void **state)
{
	cancel_often(ENCRYPT);
}

static void a_cancelled_decryption_survives_kills(void **state)
{
	cancel_often(DECRYPT);
}

static void a_cancelled_deep_rekey_survives_kills(void **state)
{
	cancel_often(REKEY);
}

/* ---------------------------------------------------------------- to the end */

static void encrypt_in_place_survives_kills(void **state)
{
	kill_often(ENCRYPT, false);
}

static void encrypt_in_place_survives_power_cuts(void **state)
{
	kill_often(ENCRYPT, true);
}

static void decrypt_in_place_survives_kills(void **state)
{
	kill_often(DECRYPT, false);
}

static void decrypt_in_place_survives_power_cuts(void **state)
{
	kill_often(DECRYPT, true);
}

static void deep_rekey_survives_kills(void **state)
{
	kill_often(REKEY, false);
}

static void deep_rekey_survives_power_cuts(void **state)
{
	kill_often(REKEY, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_cancelled_encryption_survives_kills),
	    T(a_cancelled_decryption_survives_kills),
	    T(a_cancelled_deep_rekey_survives_kills),
	    T(encrypt_in_place_survives_kills),
	    T(deep_rekey_survives_kills),
	    T(decrypt_in_place_survives_kills),
	    T(encrypt_in_place_survives_power_cuts),
	    T(decrypt_in_place_survives_power_cuts),
	    T(deep_rekey_survives_power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
