/* SPDX-License-Identifier: MIT */
/* A full disk is said, nothing is half done, and with space again all goes on. */
#include "store_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANGES        3
#define STATEMENTS_MAX 2000u

static struct rig rig;

/* ---------------------------------------------------------------- by the fault point */

static int change_again_after_full(int *full)
{
	struct err err = {0};

	for (int k = 1; k <= CHANGES; k++) {
		int rc = rig_change(rig.s, k, &err);

		if (rc == -ENOSPC && strstr(err.text, "full")) {
			(*full)++;
			if (store_in_transaction(rig.s) || rig_count_changes(rig.s) != k - 1)
				return 3;
			rc = rig_change(rig.s, k, &err);
		}
		if (rc < 0)
			return 4;
	}
	return rig_count_changes(rig.s) == CHANGES ? 0 : 5;
}

/* 0: the disk was full at that statement and all went well; 1: it came to its end before. */
static int run_full(unsigned at)
{
	struct err err = {0};
	char text[32];
	int rc, full = 0;

	snprintf(text, sizeof(text), "enospc:%u", at);
	setenv("SLUICE_FAULT", text, 1);
	rc = store_open(rig.path, rig.backups, true, &rig.s, &err);
	if (rc == -ENOSPC) {
		full++;
		rc = store_open(rig.path, rig.backups, true, &rig.s, &err);
	}
	if (rc < 0)
		return 2;
	rc = change_again_after_full(&full);
	store_close(rig.s);
	return rc ? rc : !full;
}

static void full_at_any_statement_leaves_nothing_half_done(void **state)
{
	int status = 0;

	for (unsigned at = 1; WEXITSTATUS(status) == 0; at++) {
		pid_t pid;

		assert_true(at < STATEMENTS_MAX);
		rig_folder(&rig);
		pid = fork();
		if (pid == 0)
			_exit(run_full(at));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) > 1)
			fail_msg("statement %u: step %d", at, WEXITSTATUS(status));
		rig_assert_whole(rig.path);
		rig_end(&rig);
	}
}

/* ---------------------------------------------------------------- for real */

static int fill_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char page[4096] = {1};

	while (write(fd, page, sizeof(page)) > 0)
		;
	return close(fd);
}

static int check_full(void)
{
	struct err err = {0};
	char backup[100], filler[100];
	struct stat st;
	int rc = 0, k = 0;

	snprintf(backup, sizeof(backup), "%s/copy.db", rig.dir);
	snprintf(filler, sizeof(filler), "%s/filler", rig.dir);
	if (store_open(rig.path, rig.backups, true, &rig.s, &err) < 0)
		return 10;
	if (rig_change(rig.s, ++k, &err) < 0)
		return 11;
	fill_file(filler);
	while (rc == 0 && k < 2000)
		rc = rig_change(rig.s, ++k, &err);
	if (rc != -ENOSPC || !strstr(err.text, "full") || rig_count_changes(rig.s) != k - 1)
		return 12;
	if (store_backup(rig.s, backup, &err) != -ENOSPC || stat(backup, &st) == 0)
		return 13;
	rc = rig_change(rig.s, k, &err);
	if (rc == 0 || rig_count_changes(rig.s) != k - 1)
		return 14;
	unlink(filler);
	if (rig_change(rig.s, k, &err) < 0 || rig_count_changes(rig.s) != k)
		return 15;
	store_close(rig.s);
	rig.s = NULL;
	rig_assert_whole(rig.path);
	/* not even the log's index can be made now: said as what it is, and not as damage */
	fill_file(filler);
	rc = store_open(rig.path, rig.backups, true, &rig.s, &err);
	if (rc != -ENOSPC) {
		fprintf(stderr, "%s\n", err.text);
		return 16;
	}
	unlink(filler);
	if (store_open(rig.path, rig.backups, true, &rig.s, &err) < 0)
		return 17;
	rc = rig_count_changes(rig.s) == k ? 0 : 18;
	store_close(rig.s);
	return rc;
}

/* Space for the log, none for a backup of what is larger. */
static int check_no_room_for_a_backup(void)
{
	struct err err = {0};
	char filler[100];
	int rc;

	snprintf(filler, sizeof(filler), "%s/filler", rig.dir);
	if (store_open(rig.path, rig.backups, true, &rig.s, &err) < 0)
		return 20;
	if (rig_change(rig.s, 1, &err) < 0)
		return 21;
	store_close(rig.s);
	fill_file(filler);
	if (truncate(filler, lseek(open(filler, O_RDONLY | O_CLOEXEC), 0, SEEK_END) - 80 * 1024))
		return 22;
	rc = store_open(rig.path, rig.backups, true, &rig.s, &err);
	if (rc < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 23;
	}
	rc = rig_count_changes(rig.s) == 1 ? 0 : 24;
	store_close(rig.s);
	return rc;
}

#define NOT_ALLOWED 77

/* check runs on a file system of its own, which is two MiB large. */
static void run_on_small_disk(int (*check)(void))
{
	int status;
	pid_t pid;

	rig_folder(&rig);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("store-test", rig.dir, "tmpfs", 0, "size=2m") < 0)
			_exit(NOT_ALLOWED);
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rig_end(&rig);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_ALLOWED) {
		print_message("skipped: a file system of its own needs root (unshare, mount)\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_disk_that_is_really_full_is_said(void **state)
{
	run_on_small_disk(check_full);
}

static void no_room_for_a_backup_is_no_reason_to_stay_down(void **state)
{
	run_on_small_disk(check_no_room_for_a_backup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(full_at_any_statement_leaves_nothing_half_done),
	    cmocka_unit_test(a_disk_that_is_really_full_is_said),
	    cmocka_unit_test(no_room_for_a_backup_is_no_reason_to_stay_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
