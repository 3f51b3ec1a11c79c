/* SPDX-License-Identifier: MIT */
/* A hundred writers at once: no change is lost, and who is told to try again can do just that. */
#include "store_rig.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 100
#define CHANGES 3

static struct rig rig;

static int begin(void **state)
{
	struct err err;

	rig_begin(&rig);
	must(store_begin(rig.s, &err), err);
	rig_add(&rig, &table_datastores, "{s:s, s:s, s:i}", "name", "fast", "type", "mem",
		"overcommit_limit_pct", 0);
	return store_commit(rig.s, &err);
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

/* Reads, adds one, writes: what is lost without a lock that begins before the reading. */
static int change_once(struct store *s, struct err *err)
{
	cleanup_json json_t *row = NULL, *changes = NULL, *now = NULL;
	int64_t id;
	int rc = store_begin(s, err);

	if (rc < 0)
		return rc;
	id = store_id_of(s, &table_datastores, "fast", err);
	row = store_get_id(s, &table_datastores, id, err);
	changes = json_pack("{s:I}", "overcommit_limit_pct",
			    json_integer_value(json_object_get(row, "overcommit_limit_pct")) + 1);
	now = store_update(s, &table_datastores, id, changes,
			   json_integer_value(json_object_get(row, "revision")), err);
	rc = now ? store_commit(s, err) : -err->code;
	if (rc < 0)
		store_rollback(s);
	return rc;
}

static int write_many(int go)
{
	struct err err = {0};
	struct store *s;
	char byte;

	if (store_open(rig.path, rig.backups, false, &s, &err) < 0 || read(go, &byte, 1) != 0)
		return 1;
	for (int i = 0; i < CHANGES; i++) {
		int rc = change_once(s, &err);

		while (rc == -EAGAIN) /* told so after 5 s, on a slow machine */
			rc = change_once(s, &err);
		if (rc < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	store_close(s);
	return 0;
}

static void no_change_of_a_hundred_writers_is_lost(void **state)
{
	cleanup_json json_t *row = NULL;
	pid_t pids[WRITERS];
	struct err err;
	int go[2], status, failed = 0;

	store_close(rig.s);
	rig.s = NULL;
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(go[1]);
			_exit(write_many(go[0]));
		}
		assert_true(pids[i] > 0);
	}
	close(go[0]);
	close(go[1]); /* all begin now */
	for (int i = 0; i < WRITERS; i++) {
		waitpid(pids[i], &status, 0);
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	assert_int_equal(failed, 0);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	row = store_get(rig.s, &table_datastores, "fast", &err);
	assert_int_equal(json_integer_value(json_object_get(row, "overcommit_limit_pct")),
			 WRITERS * CHANGES);
	assert_int_equal(json_integer_value(json_object_get(row, "revision")),
			 1 + WRITERS * CHANGES);
}

#define THREADS 8

static void *write_in_thread(void *failed)
{
	struct err err = {0};
	struct store *s;

	if (store_open(rig.path, rig.backups, false, &s, &err) < 0)
		return failed;
	for (int i = 0; i < CHANGES; i++) {
		int rc = change_once(s, &err);

		while (rc == -EAGAIN)
			rc = change_once(s, &err);
		if (rc < 0)
			return failed;
	}
	store_close(s);
	return NULL;
}

static void threads_with_a_store_each_do_not_meet(void **state)
{
	cleanup_json json_t *before = NULL, *after = NULL;
	pthread_t threads[THREADS];
	struct err err;
	void *failed;

	before = store_get(rig.s, &table_datastores, "fast", &err);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_in_thread, &rig), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	after = store_get(rig.s, &table_datastores, "fast", &err);
	assert_int_equal(json_integer_value(json_object_get(after, "revision")),
			 json_integer_value(json_object_get(before, "revision")) +
			     THREADS * CHANGES);
}

static void a_reader_is_not_held_up_by_a_writer(void **state)
{
	cleanup_json json_t *row = NULL;
	struct store *reader;
	struct err err;

	must(store_open(rig.path, rig.backups, false, &reader, &err), err);
	must(store_begin(rig.s, &err), err);
	rig_add_volume(&rig, "half");
	row = store_get(reader, &table_datastores, "fast", &err);
	assert_non_null(row);
	assert_null(store_get(reader, &table_volumes, "half", &err));
	store_rollback(rig.s);
	store_close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_change_of_a_hundred_writers_is_lost),
	    cmocka_unit_test(threads_with_a_store_each_do_not_meet),
	    cmocka_unit_test(a_reader_is_not_held_up_by_a_writer),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
