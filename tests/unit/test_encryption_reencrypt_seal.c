/* SPDX-License-Identifier: MIT */
/*
 * test_encryption_reencrypt_seal.c - a deep rekey that is killed anywhere: what a filter above has
 * sealed before it opens in every life after it, by what that filter had stored; and when the walk
 * is over the old key opens it no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "reencrypt_rig.h"
#include "sluice/seal.h"

/* The medium of the filter above; outlives processes. */
static struct {
	uint8_t wrapped[SLUICE_SEAL_WRAP_BYTES], sealed[4096];
	size_t size_bytes, first_bytes, most_bytes;
	bool fails; /* nothing can be stored */
} * kept;

static struct sluice_filter *above;
static const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES] = {9};

static int store(const struct sluice_seal *s)
{
	uint8_t wrapped[SLUICE_SEAL_WRAP_BYTES];
	size_t n = 0;
	int rc = kept->fails ? -5 : sluice_seal_wrap(above, s, wrapped, &n);

	if (rc)
		return rc;
	memcpy(kept->wrapped, wrapped, n);
	kept->size_bytes = n;
	kept->most_bytes = n > kept->most_bytes ? n : kept->most_bytes;
	return 0;
}

static int rekeyed(struct sluice_filter *f)
{
	struct sluice_seal *s = NULL;
	int rc;

	LIFE_CHECK(sluice_seal_open(f, kept->wrapped, kept->size_bytes, &s) == 0);
	rc = store(s);
	sluice_seal_close(s);
	return rc;
}

static void changed(struct sluice_filter *f) {}

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	above = f;
	sluice_seal_use(f, changed, rekeyed);
	return 0;
}

static const struct sluice_filter_ops replication = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(replication),
    .name = "above",
    .version = "1",
    .help = "Seals.",
    .cls = SLUICE_CLASS_REPLICATION,
    .op_mask = SLUICE_OPS_ALL,
    .attach = attach,
};

static void first_look(struct world *w)
{
	struct sluice_seal *s = NULL;
	uint8_t data[4096];

	memset(data, 'w', sizeof(data));
	LIFE_CHECK(sluice_seal_make(above, &s) == 0);
	LIFE_CHECK(store(s) == 0);
	LIFE_CHECK(sluice_seal_put(s, 0, tweak, data, kept->sealed, sizeof(data)) == 0);
	sluice_seal_close(s);
	kept->first_bytes = kept->size_bytes;
}

static void look(struct world *w)
{
	struct sluice_seal *s = NULL;
	uint8_t data[4096], want[4096];

	if (sluice_seal_state(above) != SLUICE_SEAL_READY)
		return;
	memset(want, 'w', sizeof(want));
	memcpy(data, kept->sealed, sizeof(data));
	LIFE_CHECK(sluice_seal_open(above, kept->wrapped, kept->size_bytes, &s) == 0);
	LIFE_CHECK(sluice_seal_get(s, 0, tweak, data, sizeof(data)) == 0);
	LIFE_CHECK(memcmp(data, want, sizeof(data)) == 0);
	sluice_seal_close(s);
}

static struct world *begin(void)
{
	struct world *w = world_open(512);
	const struct life encrypt = {.seed = 1,
				     .command = "encrypt_in_place",
				     .args = "{\"key_id\":\"a\"}",
				     .keks = "a",
				     .is_quiet = true};
	const struct life first = {
	    .seed = 1, .script = first_look, .above = &replication, .is_quiet = true};

	memset(kept, 0, sizeof(*kept));
	world_fill_clear(w, 1);
	assert_int_equal(run_life(w, &encrypt), LIFE_ENDED);
	assert_int_equal(run_life(w, &first), LIFE_ENDED);
	return w;
}

static const struct life rekey = {.seed = 1,
				  .command = "rekey_deep",
				  .args = "{\"key_id\":\"b\"}",
				  .keks = "ab",
				  .script = look,
				  .above = &replication,
				  .is_quiet = true};

/* Every moment in the long form, which test_encryption_reencrypt_kill has, too. */
static uint32_t kill_stride(void)
{
	return getenv("REENCRYPT_KILLS") ? 1 : 23;
}

static void a_rekey_that_is_killed_anywhere_leaves_it_openable(void **state)
{
	const struct life quiet = {
	    .seed = 1, .script = look, .above = &replication, .is_quiet = true};
	enum life_end end = LIFE_KILLED;

	for (uint32_t at = 1; end == LIFE_KILLED; at += kill_stride()) {
		struct world *w = begin();
		struct life how = rekey;

		how.dies_at = at;
		end = run_life(w, &how);
		assert_int_not_equal(end, LIFE_WRONG);
		assert_int_equal(run_life(w, &quiet), LIFE_ENDED); /* ends what it finds */
		assert_int_equal(run_life(w, &quiet), LIFE_ENDED);
		assert_string_equal(w->state, "unlocked");
		assert_int_equal(kept->size_bytes, kept->first_bytes);
		if (end == LIFE_ENDED)
			assert_true(kept->most_bytes > kept->first_bytes);
		world_close(w);
	}
}

static void a_rekey_does_not_begin_when_the_wrap_cannot_be_stored(void **state)
{
	struct world *w = begin();
	struct life how = rekey;
	const struct life quiet = {
	    .seed = 1, .script = look, .above = &replication, .is_quiet = true};

	kept->fails = true;
	how.fail_at = 1000000; /* the command may be refused */
	assert_int_equal(run_life(w, &how), LIFE_ENDED);
	assert_non_null(strstr(w->error, "the second key could not be kept"));
	kept->fails = false;
	assert_int_equal(run_life(w, &quiet), LIFE_ENDED);
	assert_int_equal(world_try_kek(w, 'b'),
			 0); /* the KEK is the new one; the key is the old one */
	assert_int_equal(kept->size_bytes, kept->first_bytes);
	world_close(w);
}

static int setup(void **state)
{
	kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return kept == MAP_FAILED;
}

static int teardown(void **state)
{
	return munmap(kept, sizeof(*kept));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rekey_that_is_killed_anywhere_leaves_it_openable),
	    cmocka_unit_test(a_rekey_does_not_begin_when_the_wrap_cannot_be_stored),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
