/* SPDX-License-Identifier: MIT */
/* test_keys_secret.c - memory for keys is left out of core files, also where it cannot be locked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret.h"

/* The flags of the mapping that holds p have this word. */
static bool has_flag(const void *p, const char *word)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool is_it = false, has = false;
	unsigned long from, to;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_it = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (is_it && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, word) != NULL;
	}
	fclose(f);
	return has;
}

static void it_is_locked_and_in_no_core(void **state)
{
	uint8_t *p = secret_alloc(32);

	assert_non_null(p);
	assert_true(has_flag(p, " dd"));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which lock nothing */
	assert_true(has_flag(p, " lo"));
#endif
	secret_free(p, 32);
}

static void may_lock_nothing(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	const struct rlimit limit = {0, 0};

	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	assert_int_equal(syscall(SYS_capset, &head, none), 0);
}

/* In a process of its own, which gives its rights up. */
static void it_is_in_no_core_where_it_cannot_be_locked(void **state)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		uint8_t *p;

		may_lock_nothing();
		p = secret_alloc(32);
		_exit(!p || has_flag(p, " lo") ? 2 : !has_flag(p, " dd"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_locked_and_in_no_core),
	    cmocka_unit_test(it_is_in_no_core_where_it_cannot_be_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
