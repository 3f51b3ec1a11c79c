/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own files, in this process (tgt_stub), against fake_filterd, in another one: open,
 * serve, lose the server, abort, close with commands in flight. What the sanitizers find is a
 * failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "tgt_stub.h"

extern char **environ;
static char dir[] = "/tmp/sluice-module.XXXXXX";
static char socket_path[64], disk_path[64], fake_path[512];
static pid_t fake;

static void fake_start(const char *mode)
{
	char *argv[] = {fake_path, socket_path, disk_path, (char *)"16", (char *)mode, NULL};
	posix_spawn_file_actions_t actions;
	int fds[2];
	char c;

	assert_int_equal(pipe(fds), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	assert_int_equal(posix_spawn(&fake, fake_path, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1); /* "ready" */
	close(fds[0]);
}

static void fake_kill(void)
{
	kill(fake, SIGKILL);
	waitpid(fake, NULL, 0);
}

static void rw10(struct scsi_lu *lu, struct stub_cmd *c, bool is_write, uint32_t lba,
		 uint16_t blocks)
{
	uint8_t cdb[10] = {is_write ? 0x2a : 0x28};

	put_be32(cdb + 2, lba);
	put_be16(cdb + 7, blocks);
	stub_send(lu, c, 5, cdb, sizeof(cdb), is_write ? blocks * 512u : 0,
		  is_write ? 0 : blocks * 512u);
}

static void must_be_good(struct stub_cmd *c, unsigned limit_ms)
{
	assert_true(stub_run_until(&c->is_over, limit_ms));
	assert_int_equal(c->status, SAM_STAT_GOOD);
}

static void test_serves(void **state)
{
	struct stub_cmd *c = stub_cmd_new(), *many[300];
	struct scsi_lu *lu;

	fake_start(NULL);
	lu = stub_lun_open("v", socket_path);
	assert_non_null(lu);
	assert_true(lu->attrs.online);
	assert_int_equal(lu->size, 16 << 20);
	memset(c->data, 0x77, STUB_DATA_BYTES);
	rw10(lu, c, true, 8, 2048);
	must_be_good(c, 2000);
	/* More than there are slots, so some wait in the FIFO. */
	for (unsigned i = 0; i < 300; i++) {
		many[i] = stub_cmd_new();
		rw10(lu, many[i], false, 8 + i, 8);
	}
	for (unsigned i = 0; i < 300; i++) {
		must_be_good(many[i], 5000);
		assert_int_equal(many[i]->data[4095], 0x77);
		stub_cmd_free(many[i]);
	}
	rw10(lu, c, false, 0x7fffffff, 8);
	assert_true(stub_run_until(&c->is_over, 2000));
	assert_int_equal(c->status, SAM_STAT_CHECK_CONDITION);
	assert_int_equal(scsi_get_in_transfer_len(&c->scmd), 0);
	assert_true(stub_lun_close(lu));
	stub_cmd_free(c);
	fake_kill();
}

static void test_comes_online_when_the_server_comes(void **state)
{
	static const uint8_t tur[6], inquiry[6] = {0x12, 0, 0, 0, 96};
	struct stub_cmd *c = stub_cmd_new();
	struct scsi_lu *lu;
	uint16_t asc;

	unlink(socket_path);
	lu = stub_lun_open("v", socket_path);
	assert_non_null(lu);
	assert_false(lu->attrs.online);
	stub_send(lu, c, 5, tur, 6, 0, 0);
	assert_true(c->is_over);
	assert_int_equal(c->status, SAM_STAT_CHECK_CONDITION);
	assert_int_equal(c->scmd.sense_buffer[2], NOT_READY);
	stub_send(lu, c, 5, inquiry, 6, 0, 96);
	assert_int_equal(c->status, SAM_STAT_GOOD);
	assert_memory_equal(c->data + 8, "SLUICE  VIRTUAL DISK    ", 24);
	assert_int_equal(scsi_get_in_transfer_len(&c->scmd), 36);
	fake_start(NULL);
	for (unsigned i = 0; i < 100 && !lu->attrs.online; i++)
		stub_run(20);
	assert_true(lu->attrs.online);
	assert_true(stub_unit_attentions(&asc) > 0);
	assert_int_equal(asc, ASC_INQUIRY_DATA_HAS_CHANGED);
	stub_send(lu, c, 5, tur, 6, 0, 0);
	must_be_good(c, 2000);
	assert_true(stub_lun_close(lu));
	stub_cmd_free(c);
	fake_kill();
}

static void test_held_commands_survive_a_kill(void **state)
{
	struct stub_cmd *c = stub_cmd_new();
	struct scsi_lu *lu;

	fake_start("hold");
	lu = stub_lun_open("v", socket_path);
	memset(c->data, 0x42, STUB_DATA_BYTES);
	rw10(lu, c, true, 0, 64);
	stub_run(100);
	assert_false(c->is_over);
	assert_false(stub_lun_close(lu));
	fake_kill();
	fake_start(NULL);
	must_be_good(c, 3000);
	memset(c->data, 0, STUB_DATA_BYTES);
	rw10(lu, c, false, 0, 64);
	must_be_good(c, 2000);
	assert_int_equal(c->data[32767], 0x42);
	assert_true(stub_lun_close(lu));
	stub_cmd_free(c);
	fake_kill();
}

/* A volume was deleted and another one made under its name: what waits is not for that one. */
static void test_held_commands_do_not_reach_another_volume_of_that_name(void **state)
{
	struct stub_cmd *c = stub_cmd_new();
	struct scsi_lu *lu;
	uint8_t disk[512];
	int fd;

	unlink(disk_path);
	fake_start("hold");
	lu = stub_lun_open("v", socket_path);
	memset(c->data, 0x43, STUB_DATA_BYTES);
	rw10(lu, c, true, 0, 64);
	stub_run(50);
	fake_kill();
	fake_start("another");
	stub_run(300);
	assert_false(c->is_over);
	fd = open(disk_path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, disk, sizeof(disk)), sizeof(disk));
	assert_int_equal(disk[0], 0);
	close(fd);
	fake_kill();
	fake_start(NULL);
	must_be_good(c, 3000);
	assert_true(stub_lun_close(lu));
	stub_cmd_free(c);
	fake_kill();
}

static void test_abort_reaches_the_server_and_is_answered(void **state)
{
	struct stub_cmd *c = stub_cmd_new();
	struct scsi_lu *lu;
	struct mgmt_req *m;

	fake_start("hold");
	lu = stub_lun_open("v", socket_path);
	rw10(lu, c, false, 0, 8);
	stub_run(50);
	m = stub_abort(c);
	assert_true(stub_run_until(&c->is_over, 2000));
	assert_int_equal(c->status, SAM_STAT_TASK_ABORTED);
	assert_int_equal(m->busy, 0);
	assert_int_not_equal(m->function, ABORT_TASK); /* which tgtd would answer "no such task" */
	assert_true(stub_lun_close(lu));
	stub_cmd_free(c);
	fake_kill();
}

static void test_store_closed_under_way_ends_its_commands(void **state)
{
	struct stub_cmd *c = stub_cmd_new();
	struct scsi_lu *lu;

	fake_start("hold");
	lu = stub_lun_open("v", socket_path);
	rw10(lu, c, false, 0, 8);
	stub_run(50);
	/* tgtadm's path= does so: the old store is closed, whatever runs. */
	lu->bst->bs_close(lu);
	assert_int_equal(lu->bst->bs_open(lu, lu->path, &lu->fd, &lu->size), 0);
	stub_run(50);
	fake_kill();
	assert_true(stub_run_until(&c->is_over, 8000));
	assert_int_equal(c->status, SAM_STAT_BUSY);
	assert_true(stub_lun_close(lu));
	stub_cmd_free(c);
}

static int suite_start(void **state)
{
	char *slash;

	if (!mkdtemp(dir) || readlink("/proc/self/exe", fake_path, sizeof(fake_path) - 32) < 0)
		return -1;
	slash = strstr(fake_path, "/tests/");
	if (!slash)
		return -1;
	snprintf(slash, 32, "/bin/fake_filterd");
	snprintf(socket_path, sizeof(socket_path), "%s/ring.sock", dir);
	snprintf(disk_path, sizeof(disk_path), "%s/disk", dir);
	return stub_start() ? 0 : -1;
}

static int suite_stop(void **state)
{
	stub_stop();
	unlink(socket_path);
	unlink(disk_path);
	return rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_serves),
	    cmocka_unit_test(test_comes_online_when_the_server_comes),
	    cmocka_unit_test(test_held_commands_survive_a_kill),
	    cmocka_unit_test(test_held_commands_do_not_reach_another_volume_of_that_name),
	    cmocka_unit_test(test_abort_reaches_the_server_and_is_answered),
	    cmocka_unit_test(test_store_closed_under_way_ends_its_commands),
	};

	if (stub_answer_version(argc, argv))
		return 0;
	return cmocka_run_group_tests(tests, suite_start, suite_stop);
}
