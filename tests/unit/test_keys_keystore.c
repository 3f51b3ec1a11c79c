/* SPDX-License-Identifier: MIT */
/* A keystore gives back what it was given, to who has what opens it and to nobody else; every
 * change is whole or not there; a destroyed key does not come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "keystore.h"

#define LOG_N 4u /* scrypt in no time */

static char dir[64], path[100], backup[100], bundle[100], other[100];
static const struct keystore_secret right = {BOX_SCRYPT, "correct horse", 13, LOG_N};
static const struct keystore_secret wrong = {BOX_SCRYPT, "correct house", 13, LOG_N};
static const struct keystore_secret words = {BOX_SCRYPT, "bundle words", 12, LOG_N};
static const struct keystore_secret key_file = {BOX_HKDF, "0123456789abcdef0123456789abcdef", 32,
						0};

static int begin(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/keystore-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/store", dir);
	snprintf(backup, sizeof(backup), "%s/store.bak", dir);
	snprintf(bundle, sizeof(bundle), "%s/bundle", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

static int end(void **state)
{
	char again[120];

	snprintf(again, sizeof(again), "%s.bak", other);
	unlink(path);
	unlink(backup);
	unlink(bundle);
	unlink(other);
	unlink(again);
	return rmdir(dir);
}

static struct keystore *made(const char *where, const struct keystore_secret *s)
{
	struct keystore *k = NULL;
	struct err err = {0};

	if (keystore_make(where, s, &k, &err) < 0)
		fail_msg("%s", err.text);
	return k;
}

static struct keystore *opened(const struct keystore_secret *s)
{
	struct keystore *k = NULL;
	struct err err = {0};

	if (keystore_open(path, s, &k, &err) < 0)
		fail_msg("%s", err.text);
	return k;
}

static void is_refused(int code, const struct keystore_secret *s)
{
	struct keystore *k = NULL;
	struct err err = {0};

	assert_int_equal(keystore_open(path, s, &k, &err), -code);
	assert_true(err.text[0] != '\0');
}

static void get(const struct keystore *k, const char *id, uint8_t key[SECRET_KEY_BYTES])
{
	struct err err = {0};

	if (keystore_get(k, id, key, &err) != KEY_OK)
		fail_msg("%s", err.text);
}

static void keys_outlive_the_process(const struct keystore_secret *s)
{
	uint8_t first[SECRET_KEY_BYTES], again[SECRET_KEY_BYTES], zero[SECRET_KEY_BYTES] = {0};
	char id[KEYSTORE_ID_BYTES], same[KEYSTORE_ID_BYTES], second[KEYSTORE_ID_BYTES];
	struct keystore *k = made(path, s);
	struct stat st;

	assert_int_equal(keystore_add(k, "one", id, NULL), 0);
	assert_int_equal(keystore_add(k, "one", same, NULL), 0);
	assert_string_equal(id, same);
	assert_int_equal(keystore_add(k, "two", second, NULL), 0);
	get(k, id, first);
	assert_memory_not_equal(first, zero, sizeof(zero));
	assert_int_equal(keystore_retire(k, id, NULL), 0);
	keystore_close(k);
	k = opened(s);
	assert_int_equal(keystore_count(k), 2);
	get(k, id, again);
	assert_memory_equal(first, again, sizeof(first));
	get(k, second, again);
	assert_memory_not_equal(first, again, sizeof(first));
	assert_int_equal(keystore_get(k, "00000000-0000-4000-8000-000000000000", again, NULL),
			 KEY_UNKNOWN);
	assert_int_equal(keystore_get(k, "../etc/passwd", again, NULL), KEY_UNKNOWN);
	keystore_close(k);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void with_a_passphrase(void **state)
{
	keys_outlive_the_process(&right);
	is_refused(EKEYREJECTED, &wrong);
	is_refused(EKEYREJECTED, &key_file);
}

static void with_a_key(void **state)
{
	static const struct keystore_secret short_key = {BOX_HKDF, "too short", 9, 0};
	struct keystore *k;

	keys_outlive_the_process(&key_file);
	is_refused(EKEYREJECTED, &right);
	assert_int_equal(keystore_make(other, &short_key, &k, NULL), -EINVAL);
}

static bool holds(const char *file, const uint8_t *what, size_t what_len)
{
	char *bytes = NULL;
	size_t len = 0;
	bool is_there;

	assert_int_equal(durable_read(file, 1 << 20, &bytes, &len, NULL), 0);
	is_there = memmem(bytes, len, what, what_len) != NULL;
	free(bytes);
	return is_there;
}

static void no_key_stands_in_a_file(void **state)
{
	uint8_t key[SECRET_KEY_BYTES];
	char id[KEYSTORE_ID_BYTES];
	struct keystore *k = made(path, &right);

	assert_int_equal(keystore_add(k, "a name", id, NULL), 0);
	get(k, id, key);
	assert_int_equal(keystore_export(k, bundle, &words, NULL), 0);
	keystore_close(k);
	assert_false(holds(path, key, 16));
	assert_false(holds(bundle, key, 16));
	assert_false(holds(path, (const uint8_t *)"a name", 6));
}

static void every_damaged_byte_is_noticed(void **state)
{
	struct keystore *k = made(path, &right);
	char id[KEYSTORE_ID_BYTES], *bytes = NULL;
	size_t len = 0;
	int fd;

	assert_int_equal(keystore_add(k, "one", id, NULL), 0);
	keystore_close(k);
	assert_int_equal(durable_read(path, 1 << 20, &bytes, &len, NULL), 0);
	/* Not a bit that makes scrypt's parameter a great one: that alone takes a GiB and seconds.
	 */
	for (size_t i = 0; i < len; i++) {
		struct err err = {0};

		fd = open(path, O_RDWR);
		bytes[i] ^= 0x08;
		assert_int_equal(pwrite(fd, bytes + i, 1, (off_t)i), 1);
		/* which of the two is open: a wrong passphrase looks like damage */
		assert_true(keystore_open(path, &right, &k, &err) < 0);
		bytes[i] ^= 0x08;
		assert_int_equal(pwrite(fd, bytes + i, 1, (off_t)i), 1);
		close(fd);
	}
	keystore_close(opened(&right));
	for (size_t n = 0; n < len; n += 7) {
		assert_int_equal(truncate(path, (off_t)n), 0);
		is_refused(EUCLEAN, &right);
		assert_int_equal(durable_write(path, bytes, len, NULL), 0);
	}
	free(bytes);
}

static void a_file_asks_for_no_endless_memory(void **state)
{
	struct keystore *k = made(path, &right);
	uint8_t log_n = 24;
	int fd;

	keystore_close(k);
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, &log_n, 1, 15), 1);
	close(fd);
	is_refused(EUCLEAN, &right);
}

static void nothing_is_written_over(void **state)
{
	struct keystore *k = made(path, &right), *again = NULL;

	assert_int_equal(keystore_make(path, &right, &again, NULL), -EEXIST);
	assert_int_equal(keystore_export(k, path, &words, NULL), -EEXIST);
	keystore_close(k);
}

static void the_one_before_is_kept(void **state)
{
	struct keystore *k = made(path, &right);
	char id[KEYSTORE_ID_BYTES], second[KEYSTORE_ID_BYTES];
	uint8_t key[SECRET_KEY_BYTES];

	assert_int_equal(keystore_add(k, "one", id, NULL), 0);
	assert_int_equal(keystore_add(k, "two", second, NULL), 0);
	keystore_close(k);
	assert_int_equal(rename(backup, path), 0);
	k = opened(&right);
	get(k, id, key);
	assert_int_equal(keystore_get(k, second, key, NULL), KEY_UNKNOWN);
	keystore_close(k);
}

static void another_passphrase_takes_over(void **state)
{
	struct keystore *k = made(path, &right);
	char id[KEYSTORE_ID_BYTES];
	uint8_t first[SECRET_KEY_BYTES], again[SECRET_KEY_BYTES];

	assert_int_equal(keystore_add(k, "one", id, NULL), 0);
	get(k, id, first);
	assert_int_equal(keystore_reseal(k, &words, NULL), 0);
	keystore_close(k);
	is_refused(EKEYREJECTED, &right);
	k = opened(&words);
	get(k, id, again);
	assert_memory_equal(first, again, sizeof(first));
	keystore_close(k);
}

static void a_destroyed_key_does_not_come_back(void **state)
{
	struct keystore *k = made(path, &right);
	char id[KEYSTORE_ID_BYTES], anew[KEYSTORE_ID_BYTES];
	uint8_t key[SECRET_KEY_BYTES];

	assert_int_equal(keystore_add(k, "one", id, NULL), 0);
	assert_int_equal(keystore_export(k, bundle, &words, NULL), 0);
	assert_int_equal(keystore_destroy(k, id, NULL), 0);
	assert_int_equal(keystore_get(k, id, key, NULL), KEY_DESTROYED);
	assert_int_equal(keystore_import(k, bundle, &words, NULL), 0);
	assert_int_equal(keystore_get(k, id, key, NULL), KEY_DESTROYED);
	assert_int_equal(keystore_retire(k, id, NULL), -ENOKEY);
	assert_int_equal(keystore_add(k, "one", anew, NULL), 0);
	assert_string_not_equal(id, anew);
	keystore_close(k);
	/* not out of the copy before, either */
	assert_int_equal(rename(backup, path), 0);
	k = opened(&right);
	assert_int_equal(keystore_get(k, id, key, NULL), KEY_DESTROYED);
	keystore_close(k);
}

static void a_bundle_carries_keys_elsewhere(void **state)
{
	struct keystore *k = made(path, &right), *there = made(other, &key_file);
	char one[KEYSTORE_ID_BYTES], two[KEYSTORE_ID_BYTES];
	uint8_t first[SECRET_KEY_BYTES], again[SECRET_KEY_BYTES];

	assert_int_equal(keystore_add(k, "one", one, NULL), 0);
	assert_int_equal(keystore_add(k, "two", two, NULL), 0);
	get(k, one, first);
	assert_int_equal(keystore_export(k, bundle, &words, NULL), 0);
	assert_int_equal(keystore_import(there, bundle, &wrong, NULL), -EKEYREJECTED);
	assert_int_equal(keystore_count(there), 0);
	assert_int_equal(keystore_import(there, path, &right, NULL), -EUCLEAN);
	assert_int_equal(keystore_import(there, bundle, &words, NULL), 2);
	assert_int_equal(keystore_import(there, bundle, &words, NULL), 0);
	get(there, one, again);
	assert_memory_equal(first, again, sizeof(first));
	keystore_close(k);
	keystore_close(there);
}

static void many_keys_find_room(void **state)
{
	struct keystore *k = made(path, &right);
	char id[KEYSTORE_ID_BYTES], first[KEYSTORE_ID_BYTES], name[20];
	uint8_t key[SECRET_KEY_BYTES], again[SECRET_KEY_BYTES];

	assert_int_equal(keystore_add(k, "first", first, NULL), 0);
	get(k, first, key);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "key %d", i);
		assert_int_equal(keystore_add(k, name, id, NULL), 0);
	}
	keystore_close(k);
	k = opened(&right);
	assert_int_equal(keystore_count(k), 101);
	get(k, first, again);
	assert_memory_equal(key, again, sizeof(key));
	keystore_close(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(with_a_passphrase),
	    TEST(with_a_key),
	    TEST(no_key_stands_in_a_file),
	    TEST(every_damaged_byte_is_noticed),
	    TEST(a_file_asks_for_no_endless_memory),
	    TEST(nothing_is_written_over),
	    TEST(the_one_before_is_kept),
	    TEST(another_passphrase_takes_over),
	    TEST(a_destroyed_key_does_not_come_back),
	    TEST(a_bundle_carries_keys_elsewhere),
	    TEST(many_keys_find_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
