/* SPDX-License-Identifier: MIT */
/* A damaged database is refused with the backup and the command that help, nothing is changed, and
 * the command does help. */
#include "store_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096

static struct rig rig;
static struct err err;
static char wal[80];

/* A database with a volume, and a backup of it; closed. */
static int begin(void **state)
{
	memset(&err, 0, sizeof(err));
	rig_begin(&rig);
	rig_add_datastore(&rig);
	rig_add_volume(&rig, "v1");
	rig_restart(&rig);
	store_close(rig.s);
	rig.s = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", rig.path);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

/* A process that adds a volume and is killed: the change is in the log alone. */
static void change_and_be_killed(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (store_open(rig.path, rig.backups, false, &rig.s, &err) == 0)
			rig_add_volume(&rig, "late");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void copy_of_word_after(const char *text, const char *mark, char *out, size_t size)
{
	const char *at = strstr(text, mark);

	assert_non_null(at);
	snprintf(out, size, "%s", at + strlen(mark));
}

static void assert_refused(const char *what)
{
	size_t before_size, after_size, wal_before_size, wal_after_size;
	char *before = rig_read(rig.path, &before_size), *after;
	char *wal_before = rig_read(wal, &wal_before_size), *wal_after;

	if (store_open(rig.path, rig.backups, true, &rig.s, &err) != -EUCLEAN)
		fail_msg("%s: %s", what, rig.s ? "was opened" : err.text);
	after = rig_read(rig.path, &after_size);
	wal_after = rig_read(wal, &wal_after_size);
	if (before_size != after_size || memcmp(before, after, before_size) != 0)
		fail_msg("%s: the file was changed", what);
	if (wal_before_size != wal_after_size ||
	    memcmp(wal_before, wal_after, wal_before_size) != 0)
		fail_msg("%s: the log was changed", what);
	free(before);
	free(after);
	free(wal_before);
	free(wal_after);
}

/* What the sentence says is done, and the volume of the backup is there. */
static void assert_restore_helps(void)
{
	cleanup_json json_t *volume = NULL;
	char backup[200];

	copy_of_word_after(err.text, "sluice-policyd --restore ", backup, sizeof(backup));
	must(store_restore(rig.path, backup, &err), err);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	volume = store_get(rig.s, &table_volumes, "v1", &err);
	assert_non_null(volume);
	store_close(rig.s);
	rig.s = NULL;
	rig_assert_whole(rig.path);
}

static void write_at(const char *path, off_t at, int byte, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char junk[PAGE_BYTES];

	memset(junk, byte, sizeof(junk));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, count, at), count);
	close(fd);
}

static void any_garbled_page_is_seen(void **state)
{
	size_t size;
	char *whole = rig_read(rig.path, &size), what[40];

	assert_int_equal(size % PAGE_BYTES, 0);
	for (size_t page = 0; page < size / PAGE_BYTES; page++) {
		FILE *f;

		write_at(rig.path, (off_t)(page * PAGE_BYTES), 0x5a, PAGE_BYTES);
		snprintf(what, sizeof(what), "page %zu", page);
		assert_refused(what);
		f = fopen(rig.path, "we");
		assert_int_equal(fwrite(whole, 1, size, f), size);
		fclose(f);
	}
	free(whole);
	write_at(rig.path, 2 * PAGE_BYTES, 0x5a, PAGE_BYTES);
	assert_refused("page 2");
	assert_restore_helps();
}

static void a_cut_file_is_seen(void **state)
{
	struct stat st;

	assert_int_equal(stat(rig.path, &st), 0);
	/* A whole page at least: the last one may be a table's that is empty, zeroes to its end,
	 * and what is missing of a page is read as zeroes. */
	for (off_t size = st.st_size - PAGE_BYTES; size > 0; size = size * 3 / 4) {
		assert_int_equal(truncate(rig.path, size), 0);
		assert_refused("cut");
	}
	assert_restore_helps();
}

static void an_empty_file_is_seen(void **state)
{
	assert_int_equal(truncate(rig.path, 0), 0);
	assert_refused("empty");
	assert_non_null(strstr(err.text, "not a SQLite database"));
	assert_restore_helps();
}

static void what_is_no_database_is_seen(void **state)
{
	assert_int_equal(truncate(rig.path, 0), 0);
	write_at(rig.path, 0, 'x', 3000);
	assert_refused("text");
	assert_restore_helps();
}

static void a_database_of_another_program_is_seen(void **state)
{
	sqlite3 *db;

	unlink(rig.path);
	assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "CREATE TABLE t (a); PRAGMA user_version = 1", NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	assert_refused("another program's");
	assert_non_null(strstr(err.text, "another program"));
	assert_restore_helps();
}

static void a_log_that_is_gone_is_seen(void **state)
{
	change_and_be_killed();
	assert_int_equal(unlink(wal), 0);
	assert_refused("log gone");
	assert_non_null(strstr(err.text, "1 changes are missing"));
	assert_restore_helps();
}

static void a_log_that_is_garbled_is_seen(void **state)
{
	change_and_be_killed();
	write_at(wal, 60, 0x5a, 40);
	assert_refused("log garbled");
	assert_restore_helps();
}

static void a_log_that_is_whole_is_read(void **state)
{
	cleanup_json json_t *late = NULL;

	change_and_be_killed();
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	late = store_get(rig.s, &table_volumes, "late", &err);
	assert_non_null(late);
}

static void a_file_that_is_gone_is_not_begun_anew(void **state)
{
	struct stat st;

	unlink(rig.path);
	assert_refused("gone");
	assert_int_not_equal(stat(rig.path, &st), 0);
	assert_restore_helps();
}

static void without_a_backup_that_is_said(void **state)
{
	cleanup_json json_t *backups = store_backups(rig.backups, &err);

	for (size_t i = 0; i < json_array_size(backups); i++)
		unlink(json_string_value(json_object_get(json_array_get(backups, i), "path")));
	assert_int_equal(truncate(rig.path, 0), 0);
	assert_refused("no backup");
	assert_non_null(strstr(err.text, "no good backup"));
	unlink(rig.path);
	assert_refused("gone, no backup");
}

static void a_damaged_backup_is_passed_over(void **state)
{
	const char *newest, *second;
	cleanup_json json_t *backups = NULL;

	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	rig_add_volume(&rig, "v2");
	rig_restart(&rig);
	store_close(rig.s);
	rig.s = NULL;
	backups = store_backups(rig.backups, &err);
	assert_int_equal(json_array_size(backups), 2);
	newest = json_string_value(json_object_get(json_array_get(backups, 0), "path"));
	second = json_string_value(json_object_get(json_array_get(backups, 1), "path"));
	write_at(newest, PAGE_BYTES, 0x5a, PAGE_BYTES);
	assert_int_equal(truncate(rig.path, 0), 0);
	assert_refused("newest backup is damaged");
	assert_string_equal(strstr(err.text, "--restore ") + strlen("--restore "), second);
	assert_int_equal(store_restore(rig.path, newest, &err), -EUCLEAN);
	assert_refused("still");
	assert_restore_helps();
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(any_garbled_page_is_seen),
	    EACH(a_cut_file_is_seen),
	    EACH(an_empty_file_is_seen),
	    EACH(what_is_no_database_is_seen),
	    EACH(a_database_of_another_program_is_seen),
	    EACH(a_log_that_is_gone_is_seen),
	    EACH(a_log_that_is_garbled_is_seen),
	    EACH(a_log_that_is_whole_is_read),
	    EACH(a_file_that_is_gone_is_not_begun_anew),
	    EACH(without_a_backup_that_is_said),
	    EACH(a_damaged_backup_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
