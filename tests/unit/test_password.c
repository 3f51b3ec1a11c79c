/* SPDX-License-Identifier: MIT */
/* Passwords: what may be one, that hashes hold, and that never more than two are worked out at
 * once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "slow.h"

#define LOG_N 12u /* quick enough for a test */

static void hash_fits_its_password_alone(void **state)
{
	char one[PASSWORD_HASH_MAX], two[PASSWORD_HASH_MAX];

	assert_int_equal(password_hash("red house nine oaks", LOG_N, one), 0);
	assert_int_equal(password_hash("red house nine oaks", LOG_N, two), 0);
	assert_string_not_equal(one, two); /* salt */
	assert_memory_equal(one, "scrypt$12$8$1$", 14);
	assert_true(password_verify("red house nine oaks", one));
	assert_true(password_verify("red house nine oaks", two));
	assert_false(password_verify("red house nine oakz", one));
	assert_false(password_verify("", one));
}

static void a_damaged_hash_fits_nothing(void **state)
{
	static const char *const bad[] = {
	    "",
	    "scrypt",
	    "scrypt$17$8$1$x$y",
	    "scrypt$63$8$1$AAAAAAAAAAAAAAAAAAAAAA==$x",
	    "md5$abc",
	    "scrypt$12$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=!",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(password_verify("anything", bad[i]));
}

static void nobody_has_no_password(void **state)
{
	char nobody[PASSWORD_HASH_MAX];

	password_nobody(LOG_N, nobody);
	assert_memory_equal(nobody, "scrypt$12$8$1$", 14);
	assert_false(password_verify("", nobody));
	assert_false(password_verify("password", nobody));
}

static void bad_passwords_are_refused(void **state)
{
	static const char *const bad[] = {
	    "short",
	    "elevenchars",
	    "aaaaaaaaaaaaaaaa",
	    "abababababababab",
	    "password1234",
	    "Password!2345",
	    "123456789012",
	    "qwertyuiop123",
	    "asdfghjklzxcvbn",
	    "iloveyou2024!!",
	    "letmeinletmein",
	    "administrator1",
	    "adminadmin123",
	    "sluice-12345678",
	    "changeme2026!",
	    "welcome123456",
	    "1q2w3e4r5t6y",
	    "my-anna-is-best",
	    "passwordpassword",
	    "qwertyqwerty12",
	    "correcthorse123",
	    "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};

		if (password_check("password", bad[i], "anna", &err) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(err.field, "password");
	}
}

static void good_passwords_are_taken(void **state)
{
	static const char *const good[] = {
	    "red house nine oaks",    "grüne Wiese, 12 Kühe",
	    "kV9#mPq2$xLw",           "        spaces count     x y z",
	    "пароль из четырёх слов",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};

		if (password_check("password", good[i], "anna", &err) < 0)
			fail_msg("'%s': %s", good[i], err.text);
	}
}

static void length_is_limited_in_characters(void **state)
{
	char text[PASSWORD_MAX + 2] = "";
	struct err err = {0};

	for (unsigned i = 0; i < PASSWORD_CHARS_MAX; i++)
		snprintf(text + strlen(text), 4, "%s",
			 i % 7 == 0 ? "ü" : (char[2]){'a' + i % 23, 0});
	assert_int_equal(password_check("password", text, "anna", &err), 0);
	snprintf(text + strlen(text), 2, "x");
	assert_int_equal(password_check("password", text, "anna", &err), -ENAMETOOLONG);
}

/* ---------------------------------------------------------------- the threads */

static uint32_t done_count;

static void on_done(struct password_job *job)
{
	done_count++;
	free(job);
}

static int add(struct password_pool *p, struct slow *slow, struct err *err)
{
	struct password_job *job = calloc(1, sizeof(*job));
	int rc;

	job->slow = slow;
	job->done = on_done;
	rc = password_pool_add(p, job, err);
	if (rc < 0)
		free(job);
	return rc;
}

static void two_at_once_and_a_bounded_queue(void **state)
{
	struct slow slow[64] = {0};
	struct password_pool *p;
	struct loop *loop;
	struct err err = {0};
	uint32_t taken = 0;

	assert_int_equal(loop_create(&loop, &err), 0);
	assert_int_equal(password_pool_start(loop, 15, &p, &err), 0);
	for (uint32_t i = 0; i < 64; i++) {
		snprintf(slow[taken].new_password, sizeof(slow[taken].new_password), "password %u",
			 i);
		if (add(p, &slow[taken], &err) == 0)
			taken++;
		else
			assert_int_equal(err.code, EDQUOT);
	}
	assert_in_range(taken, PASSWORD_QUEUE, 63);
	while (done_count < taken)
		loop_turn(loop, 1000);
	assert_in_range(password_pool_peak(p), 1, PASSWORD_THREADS);
	assert_true(password_verify("password 0", slow[0].new_hash));
	password_pool_stop(p);
	loop_free(loop);
}

static void a_wrong_old_password_hashes_no_new_one(void **state)
{
	struct slow slow = {0};
	struct password_pool *p;
	struct loop *loop;
	struct err err = {0};

	done_count = 0;
	assert_int_equal(loop_create(&loop, &err), 0);
	assert_int_equal(password_pool_start(loop, LOG_N, &p, &err), 0);
	assert_int_equal(password_hash("right", LOG_N, slow.verify_hash), 0);
	snprintf(slow.verify_password, sizeof(slow.verify_password), "wrong");
	snprintf(slow.new_password, sizeof(slow.new_password), "new");
	assert_int_equal(add(p, &slow, &err), 0);
	while (done_count == 0)
		loop_turn(loop, 1000);
	assert_false(slow.is_verified);
	assert_string_equal(slow.new_hash, "");
	password_pool_stop(p);
	loop_free(loop);
}

static void stopping_leaves_nothing(void **state)
{
	struct slow slow[8] = {0};
	struct password_pool *p;
	struct loop *loop;
	struct err err = {0};

	assert_int_equal(loop_create(&loop, &err), 0);
	assert_int_equal(password_pool_start(loop, LOG_N, &p, &err), 0);
	for (uint32_t i = 0; i < 8; i++) {
		snprintf(slow[i].new_password, sizeof(slow[i].new_password), "x");
		assert_int_equal(add(p, &slow[i], &err), 0);
	}
	password_pool_stop(p);
	loop_turn(loop, 0); /* those that were done */
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hash_fits_its_password_alone),
	    cmocka_unit_test(a_damaged_hash_fits_nothing),
	    cmocka_unit_test(nobody_has_no_password),
	    cmocka_unit_test(bad_passwords_are_refused),
	    cmocka_unit_test(good_passwords_are_taken),
	    cmocka_unit_test(length_is_limited_in_characters),
	    cmocka_unit_test(two_at_once_and_a_bounded_queue),
	    cmocka_unit_test(a_wrong_old_password_hashes_no_new_one),
	    cmocka_unit_test(stopping_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
