/* SPDX-License-Identifier: MIT */
/* Backups: made at start when something has changed, taken while others write, few of them kept,
 * readable by their owner alone, and put back with the old database aside. */
#include "store_rig.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig rig;
static struct err err;

static int begin(void **state)
{
	memset(&err, 0, sizeof(err));
	rig_begin(&rig);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static size_t count_backups(void)
{
	cleanup_json json_t *list = store_backups(rig.backups, &err);

	assert_non_null(list);
	return json_array_size(list);
}

static void a_start_keeps_a_backup_only_if_something_has_changed(void **state)
{
	assert_int_equal(count_backups(), 0);
	rig_restart(&rig);
	assert_int_equal(count_backups(), 1);
	rig_restart(&rig);
	assert_int_equal(count_backups(), 1);
	rig_add_datastore(&rig);
	rig_restart(&rig);
	assert_int_equal(count_backups(), 2);
}

static void eight_backups_are_kept_and_other_files_stay(void **state)
{
	cleanup_json json_t *list = NULL;
	char own[100];

	must(rig_change(rig.s, 1, &err), err);
	rig_restart(&rig);
	snprintf(own, sizeof(own), "%s/before-the-move.db", rig.backups);
	must(store_backup(rig.s, own, &err), err);
	for (int k = 2; k < 13; k++) {
		must(rig_change(rig.s, k, &err), err);
		rig_restart(&rig);
	}
	list = store_backups(rig.backups, &err);
	assert_int_equal(json_array_size(list), STORE_BACKUPS_KEPT + 1);
	assert_int_equal(access(own, F_OK), 0);
	for (size_t i = 1; i < json_array_size(list); i++)
		assert_true(
		    json_integer_value(json_object_get(json_array_get(list, i), "created_ms")) <=
		    json_integer_value(json_object_get(json_array_get(list, i - 1), "created_ms")));
	assert_int_equal(
	    json_integer_value(json_object_get(json_array_get(list, 0), "schema_version")),
	    store_schema_version(rig.s));
	assert_true(json_integer_value(json_object_get(json_array_get(list, 0), "size_bytes")) >
		    4096);
}

static void all_files_are_the_owners_alone(void **state)
{
	const char *const folders[] = {rig.dir, rig.backups};
	struct dirent *entry;
	int seen = 0;

	rig_add_datastore(&rig);
	chmod(rig.path, 0644);
	rig_restart(&rig);
	rig_add_volume(&rig, "v1");
	for (int i = 0; i < 2; i++) {
		DIR *dir = opendir(folders[i]);

		while ((entry = readdir(dir))) {
			char path[400];
			struct stat st;

			snprintf(path, sizeof(path), "%s/%s", folders[i], entry->d_name);
			assert_int_equal(lstat(path, &st), 0);
			if (!S_ISREG(st.st_mode))
				continue;
			if ((st.st_mode & 0777) != 0600)
				fail_msg("%s has mode %o", path, st.st_mode & 0777);
			seen++;
		}
		closedir(dir);
	}
	assert_true(seen >= 4); /* database, log, its index, backup */
}

static void a_copy_taken_while_others_write_is_whole(void **state)
{
	struct store *copy;
	char path[100];
	int go[2], status, there;
	pid_t pid;

	must(rig_change(rig.s, 1, &err), err);
	store_close(rig.s); /* locks do not go through a fork */
	rig.s = NULL;
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		if (store_open(rig.path, rig.backups, false, &rig.s, &err) < 0)
			_exit(1);
		for (int k = 2; k < 60; k++)
			if (rig_change(rig.s, k, &err) < 0 || write(go[1], "", 1) != 1)
				_exit(2);
		store_close(rig.s);
		_exit(0);
	}
	must(store_open(rig.path, rig.backups, false, &rig.s, &err), err);
	for (int i = 0; i < 5; i++) {
		char byte;

		assert_int_equal(read(go[0], &byte, 1), 1); /* it writes now */
		snprintf(path, sizeof(path), "%s/copy-%d.db", rig.dir, i);
		must(store_backup(rig.s, path, &err), err);
		rig_assert_whole(path);
		must(store_open(path, rig.backups, false, &copy, &err), err);
		there = rig_count_changes(copy);
		assert_true(there > i);
		store_close(copy);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	close(go[0]);
	close(go[1]);
	assert_int_equal(store_backup(rig.s, path, &err), -EEXIST);
}

static bool is_there(const char *tail)
{
	DIR *dir = opendir(rig.dir);
	struct dirent *entry;
	bool found = false;

	while ((entry = readdir(dir)))
		found = found ||
			(strstr(entry->d_name, "before-restore-") &&
			 strcmp(entry->d_name + strlen(entry->d_name) - strlen(tail), tail) == 0);
	closedir(dir);
	return found;
}

static void a_restore_puts_the_old_database_aside_with_its_log(void **state)
{
	char copy[100], wal[100];
	int status;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s/copy.db", rig.dir);
	snprintf(wal, sizeof(wal), "%s-wal", rig.path);
	must(rig_change(rig.s, 1, &err), err);
	must(store_backup(rig.s, copy, &err), err);
	store_close(rig.s);
	rig.s = NULL;
	pid = fork(); /* changes that are in the log alone */
	if (pid == 0) {
		if (store_open(rig.path, rig.backups, false, &rig.s, &err) == 0)
			_exit(rig_change(rig.s, 2, &err) < 0);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(wal, F_OK), 0);
	must(store_restore(rig.path, copy, &err), err);
	assert_true(is_there("-wal"));
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	assert_int_equal(rig_count_changes(rig.s), 1); /* the old log was not replayed */
	must(rig_change(rig.s, 2, &err), err);
	rig_restart(&rig);
	assert_int_equal(rig_count_changes(rig.s), 2);
}

static void a_database_in_use_is_no_backup(void **state)
{
	cleanup_json json_t *list = NULL;

	must(rig_change(rig.s, 1, &err), err);
	list = store_backups(rig.dir, &err);
	assert_int_equal(json_array_size(list), 0);
}

static void the_count_of_commits_goes_on_after_a_restore(void **state)
{
	uint64_t before;
	char copy[100];

	snprintf(copy, sizeof(copy), "%s/copy.db", rig.dir);
	must(store_backup(rig.s, copy, &err), err);
	must(rig_change(rig.s, 1, &err), err);
	before = store_data_version(rig.s);
	store_close(rig.s);
	rig.s = NULL;
	must(store_restore(rig.path, copy, &err), err);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	assert_true(store_data_version(rig.s) > before);
	assert_int_equal(rig_count_changes(rig.s), 0);
}

static void an_old_copy_in_its_place_is_refused_until_it_is_restored(void **state)
{
	char copy[100];

	snprintf(copy, sizeof(copy), "%s/copy.db", rig.dir);
	must(rig_change(rig.s, 1, &err), err);
	must(store_backup(rig.s, copy, &err), err);
	must(rig_change(rig.s, 2, &err), err);
	store_close(rig.s);
	rig.s = NULL;
	assert_int_equal(rename(copy, rig.path), 0);
	assert_int_equal(store_open(rig.path, rig.backups, true, &rig.s, &err), -EUCLEAN);
	must(store_restore(rig.path, rig.path, &err), err);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	assert_int_equal(rig_count_changes(rig.s), 1);
}

static void an_open_database_is_not_restored_over(void **state)
{
	char copy[100];

	snprintf(copy, sizeof(copy), "%s/copy.db", rig.dir);
	must(rig_change(rig.s, 1, &err), err);
	must(store_backup(rig.s, copy, &err), err);
	must(rig_change(rig.s, 2, &err), err);
	assert_int_equal(store_restore(rig.path, copy, &err), -EBUSY);
	assert_non_null(strstr(err.text, "stop sluice-policyd"));
	assert_int_equal(rig_count_changes(rig.s), 2);
}

static void what_is_no_backup_is_not_restored(void **state)
{
	char other[100];
	FILE *f;

	snprintf(other, sizeof(other), "%s/other.db", rig.dir);
	store_close(rig.s);
	rig.s = NULL;
	assert_int_equal(store_restore(rig.path, other, &err), -ENOENT);
	f = fopen(other, "we");
	fputs("no database", f);
	fclose(f);
	assert_int_equal(store_restore(rig.path, other, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "other.db cannot be restored"));
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
}

static void a_backup_inside_a_transaction_is_refused(void **state)
{
	char copy[100];

	snprintf(copy, sizeof(copy), "%s/copy.db", rig.dir);
	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_backup(rig.s, copy, &err), -ENOTRECOVERABLE);
	store_rollback(rig.s);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_start_keeps_a_backup_only_if_something_has_changed),
	    EACH(eight_backups_are_kept_and_other_files_stay),
	    EACH(all_files_are_the_owners_alone),
	    EACH(a_copy_taken_while_others_write_is_whole),
	    EACH(a_restore_puts_the_old_database_aside_with_its_log),
	    EACH(a_database_in_use_is_no_backup),
	    EACH(the_count_of_commits_goes_on_after_a_restore),
	    EACH(an_old_copy_in_its_place_is_refused_until_it_is_restored),
	    EACH(an_open_database_is_not_restored_over),
	    EACH(what_is_no_backup_is_not_restored),
	    EACH(a_backup_inside_a_transaction_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
