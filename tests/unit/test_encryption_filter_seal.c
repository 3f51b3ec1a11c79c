/* SPDX-License-Identifier: MIT */
/* test_encryption_filter_seal.c - what a filter above that sees clear data seals with the help of
 * the encryption below: opens after a restart and after a deep rekey that was killed anywhere, not
 * while the volume is locked, and not with another volume's key. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "encryption_rig.h"
#include "sluice/seal.h"

/* The filter above, with what it keeps on its medium. */
static struct {
	struct sluice_filter *f;
	uint8_t wrapped[SLUICE_SEAL_WRAP_BYTES];
	size_t size_bytes;
	struct sluice_seal *s;
	uint32_t changes, rekeys;
	int store_result; /* not 0: it cannot be stored */
} above;

static const uint8_t tweak[SLUICE_SEAL_TWEAK_BYTES] = {1, 2, 3};

static int store(void)
{
	uint8_t wrapped[SLUICE_SEAL_WRAP_BYTES];
	size_t n = 0;
	int rc = sluice_seal_wrap(above.f, above.s, wrapped, &n);

	rc = rc ? rc : above.store_result;
	if (rc == 0) {
		memcpy(above.wrapped, wrapped, n);
		above.size_bytes = n;
	}
	return rc;
}

static void changed(struct sluice_filter *f)
{
	above.changes++;
}

static int rekeyed(struct sluice_filter *f)
{
	above.rekeys++;
	return store();
}

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	above.f = f;
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

static void scene(struct rig *r, const char *params)
{
	rig_open(r, 512, params);
	rig_format(r);
	memset(&above, 0, sizeof(above));
	rig_attach_other(r, &replication);
	assert_int_equal(sluice_seal_state(above.f), SLUICE_SEAL_READY);
	assert_int_equal(sluice_seal_make(above.f, &above.s), 0);
	assert_int_equal(store(), 0);
}

/* What was sealed by another handle is opened by what is stored. */
static void expect_opens(const uint8_t sealed[4096])
{
	struct sluice_seal *s = NULL;
	uint8_t data[4096], want[4096];

	assert_int_equal(sluice_seal_open(above.f, above.wrapped, above.size_bytes, &s), 0);
	memcpy(data, sealed, sizeof(data));
	assert_int_equal(sluice_seal_get(s, 1, tweak, data, sizeof(data)), 0);
	memset(want, 'w', sizeof(want));
	assert_memory_equal(data, want, sizeof(data));
	sluice_seal_close(s);
}

static void seal(uint8_t sealed[4096])
{
	uint8_t data[4096];

	memset(data, 'w', sizeof(data));
	assert_int_equal(sluice_seal_put(above.s, 1, tweak, data, sealed, sizeof(data)), 0);
	assert_memory_not_equal(sealed, data, 64);
	/* Another key, and another tweak, give something else. */
	assert_int_equal(sluice_seal_put(above.s, 2, tweak, data, data, sizeof(data)), 0);
	assert_memory_not_equal(sealed, data, 64);
}

static void leave(struct rig *r)
{
	sluice_seal_close(above.s);
	rig_close(r);
}

static void what_is_stored_opens_it_again(void **state)
{
	struct rig r;
	uint8_t sealed[4096];

	scene(&r, "");
	seal(sealed);
	expect_opens(sealed);
	leave(&r);
}

static void a_locked_volume_opens_nothing_until_it_is_unlocked(void **state)
{
	struct rig r;
	struct sluice_seal *s = NULL;
	uint8_t sealed[4096];
	uint32_t changes;

	scene(&r, "");
	seal(sealed);
	changes = above.changes;
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	assert_true(above.changes > changes);
	assert_int_equal(sluice_seal_state(above.f), SLUICE_SEAL_LOCKED);
	assert_int_equal(sluice_seal_open(above.f, above.wrapped, above.size_bytes, &s), -ENOKEY);
	assert_int_equal(sluice_seal_make(above.f, &s), -ENOKEY);
	assert_int_equal(store(), -ENOKEY);
	/* What is under way with an open handle can end. */
	seal(sealed);
	changes = above.changes;
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	assert_true(above.changes > changes);
	expect_opens(sealed);
	leave(&r);
}

static void an_erased_volume_opens_nothing_ever(void **state)
{
	struct rig r;
	struct sluice_seal *s = NULL;
	char args[64];

	scene(&r, "");
	snprintf(args, sizeof(args), "{\"confirm\":\"%s\"}", sluice_volume_name(above.f));
	assert_int_equal(rig_command(&r, "erase", args, ""), 0);
	assert_int_equal(sluice_seal_state(above.f), SLUICE_SEAL_LOCKED);
	rig_format(&r);
	assert_int_equal(sluice_seal_state(above.f), SLUICE_SEAL_READY);
	assert_int_equal(sluice_seal_open(above.f, above.wrapped, above.size_bytes, &s),
			 -EKEYREJECTED);
	leave(&r);
}

static void no_volume_turns_into_clear_or_out_of_it_below(void **state)
{
	struct rig r;
	char args[64];

	scene(&r, "");
	snprintf(args, sizeof(args), "{\"confirm\":\"%s\"}", sluice_volume_name(above.f));
	assert_int_equal(rig_command(&r, "decrypt_in_place", args, ""), -EBUSY);
	assert_non_null(strstr(r.err.text, "replication stands above"));
	leave(&r);
	rig_open(&r, 512, "serve_clear=true");
	memset(&above, 0, sizeof(above));
	rig_attach_other(&r, &replication);
	assert_int_equal(sluice_seal_state(above.f), SLUICE_SEAL_NONE);
	assert_int_equal(rig_command(&r, "encrypt_in_place", "{}", "a"), -EBUSY);
	leave(&r);
}

static void above_the_encryption_nothing_is_sealed(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_int_equal(rig_detach(&r), 0);
	r.position = 150;
	assert_int_equal(rig_try_attach(&r, ""), 0);
	rig_format(&r);
	memset(&above, 0, sizeof(above));
	rig_attach_other(&r, &replication);
	assert_int_equal(sluice_seal_state(above.f), SLUICE_SEAL_NONE);
	assert_int_equal(sluice_seal_make(above.f, &above.s), -ENOKEY);
	leave(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_is_stored_opens_it_again),
	    T(a_locked_volume_opens_nothing_until_it_is_unlocked),
	    T(an_erased_volume_opens_nothing_ever),
	    T(no_volume_turns_into_clear_or_out_of_it_below),
	    T(above_the_encryption_nothing_is_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
