/* SPDX-License-Identifier: MIT */
/* test_keyring.c - the parent's table of secrets, and children that are killed while they write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyring.h"

#define T(name) cmocka_unit_test(name)
#define KILLS   60

static const uint8_t volume[16] = "volume number 1", other[16] = "volume number 2";

static struct keyring *keyring_new(void)
{
	struct err err = {0};
	struct keyring *k;

	assert_int_equal(keyring_create(&k, &err), 0);
	return k;
}

static void assert_has(struct keyring *k, const uint8_t *of, const char *name, const char *wanted)
{
	char got[KEYRING_SECRET_BYTES];
	size_t bytes = 0;

	assert_int_equal(keyring_get(k, of, name, got, sizeof(got), &bytes), 0);
	assert_int_equal(bytes, strlen(wanted));
	assert_memory_equal(got, wanted, bytes);
}

static void assert_has_not(struct keyring *k, const uint8_t *of, const char *name)
{
	char got[KEYRING_SECRET_BYTES];
	size_t bytes;

	assert_int_equal(keyring_get(k, of, name, got, sizeof(got), &bytes), -ENOKEY);
}

static void what_is_put_is_got_until_it_is_forgotten(void **state)
{
	struct keyring *k = keyring_new();

	assert_has_not(k, volume, "encryption.dek");
	assert_int_equal(keyring_put(k, volume, "encryption.dek", "one", 3), 0);
	assert_int_equal(keyring_put(k, other, "encryption.dek", "two", 3), 0);
	assert_int_equal(keyring_put(k, volume, "replication.psk", "three", 5), 0);
	assert_has(k, volume, "encryption.dek", "one");
	assert_has(k, other, "encryption.dek", "two");
	assert_int_equal(keyring_put(k, volume, "encryption.dek", "longer than before", 18), 0);
	assert_has(k, volume, "encryption.dek", "longer than before");
	assert_int_equal(keyring_count(k), 3);
	keyring_forget(k, volume, "encryption.dek");
	keyring_forget(k, volume, "encryption.dek");
	assert_has_not(k, volume, "encryption.dek");
	assert_has(k, volume, "replication.psk", "three");
	keyring_forget_volume(k, volume);
	assert_has_not(k, volume, "replication.psk");
	assert_has(k, other, "encryption.dek", "two");
	keyring_free(k);
}

static void sizes_and_room_have_limits(void **state)
{
	struct keyring *k = keyring_new();
	char secret[KEYRING_SECRET_BYTES + 1] = {1}, name[KEYRING_NAME_BYTES + 1];
	size_t bytes;

	assert_int_equal(keyring_put(k, volume, "a", secret, 0), -EINVAL);
	assert_int_equal(keyring_put(k, volume, "a", secret, sizeof(secret)), -EINVAL);
	assert_int_equal(keyring_put(k, volume, "", secret, 1), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[KEYRING_NAME_BYTES] = '\0';
	assert_int_equal(keyring_put(k, volume, name, secret, 1), -EINVAL);
	assert_int_equal(keyring_put(k, volume, "a", secret, KEYRING_SECRET_BYTES), 0);
	assert_int_equal(keyring_get(k, volume, "a", secret, KEYRING_SECRET_BYTES - 1, &bytes),
			 -ENOSPC);
	for (uint32_t i = 1; i < KEYRING_SLOTS; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(keyring_put(k, other, name, &i, sizeof(i)), 0);
	}
	assert_int_equal(keyring_put(k, other, "one too many", "x", 1), -ENOSPC);
	assert_int_equal(keyring_put(k, other, "n7", "x", 1), 0); /* a new value has a place */
	keyring_forget(k, volume, "a");
	assert_int_equal(keyring_put(k, other, "now it fits", "x", 1), 0);
	keyring_free(k);
}

/* Values of 256 equal bytes: torn ones are seen. */
static void be_killed(struct keyring *k, uint32_t us)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint8_t secret[KEYRING_SECRET_BYTES];

		keyring_recover(k);
		for (uint32_t i = 0;; i++) {
			memset(secret, (int)(i % 250 + 1), sizeof(secret));
			if (keyring_put(k, volume, "encryption.dek", secret, sizeof(secret)) < 0)
				_exit(1);
			if (i % 3 == 0 && keyring_put(k, other, "x", secret, 1 + i % 256) < 0)
				_exit(1);
			if (i % 5 == 0)
				keyring_forget(k, other, "x");
		}
	}
	usleep(us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void a_child_killed_while_it_writes_leaves_a_whole_value(void **state)
{
	struct keyring *k = keyring_new();
	uint8_t got[KEYRING_SECRET_BYTES];
	size_t bytes = 0;

	memset(got, 1, sizeof(got));
	assert_int_equal(keyring_put(k, volume, "encryption.dek", got, sizeof(got)), 0);
	for (uint32_t i = 0; i < KILLS; i++) {
		be_killed(k, 500 + i * 37);
		keyring_recover(k);
		assert_int_equal(keyring_get(k, volume, "encryption.dek", got, sizeof(got), &bytes),
				 0);
		assert_int_equal(bytes, sizeof(got));
		for (size_t b = 1; b < sizeof(got); b++)
			assert_int_equal(got[b], got[0]);
		if (keyring_get(k, other, "x", got, sizeof(got), &bytes) == 0)
			for (size_t b = 1; b < bytes; b++)
				assert_int_equal(got[b], got[0]);
		assert_true(keyring_count(k) <= 2);
	}
	keyring_free(k);
}

/* Root may lock what it wants, so this is somebody else. */
static void without_locked_memory_nothing_is_kept(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit little = {4096, 4096};
		struct keyring *k = NULL;
		struct err err;

		if (setrlimit(RLIMIT_MEMLOCK, &little) < 0 || setuid(65534) < 0)
			_exit(77);
		if (keyring_create(&k, &err) < 0)
			_exit(1);
		_exit(keyring_put(k, volume, "a", "secret", 6) == -EPERM ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
#if defined(SLUICE_ASAN) || defined(SLUICE_TSAN) /* they leave mlock() out */
	assert_int_not_equal(WEXITSTATUS(status), 1);
#else
	if (WEXITSTATUS(status) != 77)
		assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

/* 0: none, of no kind of mapping. */
static unsigned long pages_in_cores(void)
{
	FILE *f = fopen("/proc/self/coredump_filter", "re");
	char text[32] = "";

	if (!f || !fgets(text, sizeof(text), f))
		fail_msg("the kernel does not say what a core holds");
	fclose(f);
	return strtoul(text, NULL, 16);
}

static void processes_with_keys_make_no_core(void **state)
{
	struct keyring *k = keyring_new();
	int status;
	pid_t pid;

	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(pages_in_cores(), 0);
	pid = fork();
	if (pid == 0)
		_exit(prctl(PR_GET_DUMPABLE) || pages_in_cores());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	keyring_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_is_put_is_got_until_it_is_forgotten),
	    T(sizes_and_room_have_limits),
	    T(a_child_killed_while_it_writes_leaves_a_whole_value),
	    T(without_locked_memory_nothing_is_kept),
	    T(processes_with_keys_make_no_core),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
