/* SPDX-License-Identifier: MIT */
/* A sluice-filterd starts although its killed predecessor is not quite gone; two never serve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_lock.h"

#define DYING_MS 300

static char dir[] = "/tmp/run-lock-XXXXXX";

/* Another process that has the lock and ends after so long. */
static pid_t predecessor(int for_ms)
{
	int ready[2], fd;
	struct err err;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (run_lock_take(dir, &fd, &err) == 0 && write(ready[1], "", 1) == 1)
			poll(NULL, 0, for_ms);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void lock_of_a_dying_predecessor_is_waited_for(void **state)
{
	pid_t pid = predecessor(DYING_MS);
	struct err err;
	int fd = -1;

	assert_int_equal(run_lock_take(dir, &fd, &err), 0);
	assert_true(fd >= 0);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void one_that_goes_on_is_named_after_the_wait(void **state)
{
	pid_t pid = predecessor(60000);
	struct err err;
	int fd = -1;

	assert_int_equal(run_lock_take(dir, &fd, &err), -EBUSY);
	assert_non_null(strstr(err.text, "another sluice-filterd"));
	assert_int_equal(fd, -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lock_of_a_dying_predecessor_is_waited_for),
	    cmocka_unit_test(one_that_goes_on_is_named_after_the_wait),
	};
	char path[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(path, sizeof(path), "%s/filterd.lock", dir);
	unlink(path);
	rmdir(dir);
	return failed;
}
