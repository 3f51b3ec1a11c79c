/* SPDX-License-Identifier: MIT */
/* Killed before any statement that changes something, a process leaves each change whole or absent,
 * and what it was told is done stays done. */
#include "store_rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate.h"

#define CHANGES        3
#define STATEMENTS_MAX 2000u

static struct rig rig;

static void set_fault(unsigned at)
{
	char text[32];

	snprintf(text, sizeof(text), "kill:%u", at);
	setenv("SLUICE_FAULT", text, 1);
}

/* Runs work in a process that is killed at statement "at"; true: it was, false: it came to its end.
 */
static bool run_killed(unsigned at, void (*work)(int done), int *done_count)
{
	int done[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		close(done[0]);
		set_fault(at);
		work(done[1]);
		_exit(0);
	}
	close(done[1]);
	for (*done_count = 0; read(done[0], &byte, 1) == 1;)
		(*done_count)++;
	close(done[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* From nothing: the database is made, then changed. One byte for each change that is done. */
static void make_and_change(int done)
{
	struct err err = {0};
	struct store *s;

	if (store_open(rig.path, rig.backups, true, &s, &err) < 0)
		_exit(1);
	for (int k = 1; k <= CHANGES; k++)
		if (rig_change(s, k, &err) < 0 || write(done, "", 1) != 1)
			_exit(2);
	store_close(s);
}

static void each_change_is_whole_or_absent_after_a_kill(void **state)
{
	bool is_killed = true;

	for (unsigned at = 1; is_killed; at++) {
		struct err err = {0};
		int done, there;

		assert_true(at < STATEMENTS_MAX);
		rig_folder(&rig);
		is_killed = run_killed(at, make_and_change, &done);
		must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
		there = rig_count_changes(rig.s);
		if (there != done)
			fail_msg("statement %u: %d changes there, %d were answered", at, there,
				 done);
		must(rig_change(rig.s, there + 1, &err), err);
		rig_assert_whole(rig.path);
		rig_end(&rig);
	}
}

/* ---------------------------------------------------------------- migrations */

/* The real migrations, then these two. */
static const struct migration invented[] = {
    {"colour", "ALTER TABLE volumes ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';"
	       "UPDATE volumes SET colour = 'blue', description = 'two';"},
    {"extra", "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;"
	      "INSERT INTO extra SELECT id FROM volumes;"},
};
static struct migration list[32];
#define NEWEST (migration_count + 2)

static void open_newer(int done)
{
	struct err err = {0};
	struct store *s;

	migrate_use(list, NEWEST);
	if (store_open(rig.path, rig.backups, true, &s, &err) < 0)
		_exit(1);
	store_close(s);
}

static void a_migration_is_whole_or_absent_after_a_kill(void **state)
{
	bool is_killed = true;

	assert_true(NEWEST <= sizeof(list) / sizeof(list[0]));
	memcpy(list, migrations, migration_count * sizeof(list[0]));
	memcpy(list + migration_count, invented, sizeof(invented));
	for (unsigned at = 1; is_killed; at++) {
		struct err err = {0};
		int done;

		assert_true(at < STATEMENTS_MAX);
		rig_folder(&rig);
		migrate_use(list, migration_count);
		must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
		must(rig_change(rig.s, 1, &err), err);
		store_close(rig.s);
		is_killed = run_killed(at, open_newer, &done);
		migrate_use(list, NEWEST);
		must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
		assert_int_equal(store_schema_version(rig.s), NEWEST);
		assert_int_equal(rig_count_changes(rig.s), 1);
		rig_assert_whole(rig.path);
		rig_end(&rig);
		migrate_use(NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_change_is_whole_or_absent_after_a_kill),
	    cmocka_unit_test(a_migration_is_whole_or_absent_after_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
