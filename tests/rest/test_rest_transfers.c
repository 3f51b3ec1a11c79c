/* SPDX-License-Identifier: MIT */
/* What an earlier policyd left half copied is ended and named at the next start; while a volume is
 * copied nothing else is done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rest_rig.h"
#include "transfer.h"

static char missing_socket[100];

static int open_with_volumes(void **state)
{
	int rc = rig_open(state), fd;
	char path[200];

	rig_datastore(0, 0);
	expect(202, "POST", "/volumes",
	       "{\"name\":\"a\",\"datastore\":\"fast\",\"size_bytes\":1048576}");
	expect(202, "POST", "/volumes",
	       "{\"name\":\"b\",\"datastore\":\"fast\",\"size_bytes\":1048576}");
	snprintf(path, sizeof(path), "%s/data", rig.transfer_dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0 && ftruncate(fd, 4096) == 0);
	close(fd);
	snprintf(missing_socket, sizeof(missing_socket), "%s/filterd.sock", rig.dir);
	rig.cfg.filterd_socket = missing_socket;
	return rc;
}

static void start(void)
{
	struct err err;

	if (transfers_start(&rig.cfg, NULL, &rig.app.transfers, &err))
		fail_msg("%s", err.text);
}

/* Waits for it; the dispatcher is a thread of its own. */
static void task_ends(json_int_t id, const char *state)
{
	char path[40];

	snprintf(path, sizeof(path), "/tasks/%lld", (long long)id);
	for (int i = 0; i < 500; i++) {
		expect(200, "GET", path, NULL);
		if (strcmp(said("state"), "queued") != 0 && strcmp(said("state"), "running") != 0)
			break;
		poll(NULL, 0, 20);
	}
	assert_string_equal(said("state"), state);
}

static void volume_is(const char *name, const char *transfer, const char *desired_state)
{
	char path[40];

	snprintf(path, sizeof(path), "/volumes/%s", name);
	expect(200, "GET", path, NULL);
	assert_string_equal(said("transfer"), transfer);
	assert_string_equal(said("desired_state"), desired_state);
}

/* As if a thread had begun it and filterd had given it a number. */
static void was_running(json_int_t id)
{
	json_t *changes = json_pack("{s:s, s:{s:s, s:b, s:[i]}}", "state", "running", "parameters",
				    "file", "data", "may_have_begun", 1, "filterd_transfers", 7);
	struct err err = {0};

	if (store_begin(rig.app.store, &err) ||
	    store_note(rig.app.store, &table_tasks, id, changes, &err) ||
	    store_commit(rig.app.store, &err))
		fail_msg("%s", err.text);
	json_decref(changes);
}

static void half_an_import_is_stopped_and_named(void **state)
{
	json_int_t id;

	expect(202, "POST", "/volumes/a/import", "{\"file\":\"data\"}");
	id = said_number("task_id");
	was_running(id);
	volume_is("a", "import", "online");
	start();
	task_ends(id, "failed");
	assert_non_null(strstr(said("error_text"), "restarted"));
	volume_is("a", "", "offline");
	assert_non_null(strstr(said("running_error"), "not usable"));
}

static void half_an_export_harms_nothing(void **state)
{
	char part[200];
	json_int_t id;

	expect(202, "POST", "/volumes/a/export", "{\"file\":\"out\"}");
	id = said_number("task_id");
	was_running(id);
	close(transfer_file_make(rig.transfer_dir, id, NULL));
	start();
	task_ends(id, "failed");
	volume_is("a", "", "online");
	transfers_stop(rig.app.transfers);
	rig.app.transfers = NULL;
	snprintf(part, sizeof(part), "%s/.transfer-%lld", rig.transfer_dir, (long long)id);
	assert_int_not_equal(access(part, F_OK), 0);
}

static void half_a_clone_frees_its_source(void **state)
{
	char path[60];
	json_int_t id;

	expect(202, "POST", "/volumes", "{\"name\":\"c\",\"clone_of\":\"a\"}");
	id = said_number("task_id");
	volume_is("a", "export", "online");
	volume_is("c", "import", "online");
	start();
	/* It waits for filterd; a cancel ends it all the same. */
	snprintf(path, sizeof(path), "/tasks/%lld/cancel", (long long)id);
	expect(200, "POST", path, NULL);
	task_ends(id, "cancelled");
	volume_is("a", "", "online");
	volume_is("c", "", "offline");
}

static void nothing_else_is_done_meanwhile(void **state)
{
	expect(202, "POST", "/volumes/a/export", "{\"file\":\"out\"}");
	refused(409, "", "export", "POST", "/volumes/a/export", "{\"file\":\"out2\"}");
	refused(409, "", "export", "POST", "/volumes/a/import", "{\"file\":\"data\"}");
	refused(409, "", "export", "PATCH", "/volumes/a", "{\"size_bytes\":2097152}");
	refused(409, "", "export", "DELETE", "/volumes/a?confirm=a", NULL);
	refused(409, "", "export", "POST", "/volumes", "{\"name\":\"c\",\"clone_of\":\"a\"}");
	expect(404, "GET", "/volumes/c", NULL);
}

static void who_is_logged_in_is_not_cut_off(void **state)
{
	rig.sessions = json_pack("[{s:s, s:s}]", "volume", "a", "initiator", "iqn.x:esx-1");
	refused(409, "", "iqn.x:esx-1", "POST", "/volumes/a/import", "{\"file\":\"data\"}");
	refused(409, "", "iqn.x:esx-1", "GET", "/volumes/a/content", NULL);
	refused(409, "", "iqn.x:esx-1", "POST", "/volumes", "{\"name\":\"c\",\"clone_of\":\"a\"}");
	volume_is("a", "", "online");
}

static void files_have_plain_names(void **state)
{
	static const char *const names[] = {"",    ".",           "..",        ".data",
					    "a/b", "/etc/passwd", "a\\u0000b", "a\\nb"};
	char body[60];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(body, sizeof(body), "{\"file\":\"%s\"}", names[i]);
		assert_true(ask("POST", "/volumes/a/import", body) >= 400);
		assert_true(ask("POST", "/volumes/a/export", body) >= 400);
	}
	expect(200, "GET", "/transfers/files", NULL);
	assert_int_equal(said_number("total"), 1);
	volume_is("a", "", "online");
}

static void exports_have_a_known_format(void **state)
{
	refused(422, "format", "qcow2", "POST", "/volumes/a/export",
		"{\"file\":\"out\",\"format\":\"qcow2\"}");
	refused(422, "format", "string", "POST", "/volumes/a/export",
		"{\"file\":\"out\",\"format\":7}");
	refused(422, "format", "", "POST", "/volumes/a/import",
		"{\"file\":\"data\",\"format\":\"luks\"}");
	volume_is("a", "", "online");
	expect(202, "POST", "/volumes/a/export", "{\"file\":\"out\",\"format\":\"luks\"}");
	volume_is("a", "export", "online");
}

static void clones_fit_their_source(void **state)
{
	refused(422, "size_bytes", "1M", "POST", "/volumes",
		"{\"name\":\"c\",\"clone_of\":\"a\",\"size_bytes\":524288}");
	refused(422, "block_bytes", "512", "POST", "/volumes",
		"{\"name\":\"c\",\"clone_of\":\"a\",\"block_bytes\":4096}");
	refused(422, "clone_of", "none", "POST", "/volumes",
		"{\"name\":\"c\",\"clone_of\":\"none\"}");
	refused(422, "clone_of", "string", "POST", "/volumes", "{\"name\":\"c\",\"clone_of\":7}");
	refused(409, "name", "a", "POST", "/volumes", "{\"name\":\"A\",\"clone_of\":\"a\"}");
	volume_is("a", "", "online");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_with_volumes, rig_close)
	    TEST(half_an_import_is_stopped_and_named), TEST(half_an_export_harms_nothing),
	    TEST(half_a_clone_frees_its_source),       TEST(nothing_else_is_done_meanwhile),
	    TEST(who_is_logged_in_is_not_cut_off),     TEST(files_have_plain_names),
	    TEST(exports_have_a_known_format),         TEST(clones_fit_their_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
