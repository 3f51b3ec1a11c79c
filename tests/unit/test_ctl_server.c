/* SPDX-License-Identifier: MIT */
/* The control socket, with real connections: what is malformed ends that connection alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "ctl_frame.h"
#include "ctl_server.h"
#include "fd.h"

static char folder[64], path[96];
static struct loop *loop;
static struct ctl_server *server;
static int listen_fd;
static struct ctl_call *held; /* of a "hold" request */

static void handle(void *ctx, struct ctl_call *call)
{
	struct err err;

	if (strcmp(call->request, "echo") == 0) {
		ctl_answer(call, json_pack("{s:O}", "echo", call->body));
	} else if (strcmp(call->request, "hold") == 0) {
		held = call;
	} else {
		err_set(&err, ENOENT, "name", "there is no such thing");
		ctl_answer_error(call, &err);
	}
}

static int set_up(void **state)
{
	struct ctl_server_cfg cfg = {.handler = handle, .frame_timeout_ms = 100};
	struct err err = {0};

	snprintf(folder, sizeof(folder), "/tmp/sluice-ctl-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	assert_int_equal(loop_create(&loop, &err), 0);
	listen_fd = fd_unix_listen(path, SOCK_STREAM, 0600, &err);
	assert_true(listen_fd >= 0);
	cfg.loop = loop;
	cfg.listen_fd = listen_fd;
	assert_int_equal(ctl_server_create(&cfg, &server, &err), 0);
	held = NULL;
	return 0;
}

static int tear_down(void **state)
{
	ctl_server_free(server);
	loop_free(loop);
	close(listen_fd);
	unlink(path);
	rmdir(folder);
	return 0;
}

static int client(void)
{
	int fd = fd_unix_connect(path, SOCK_STREAM);

	assert_true(fd >= 0);
	assert_int_equal(fd_set_nonblock(fd, true), 0);
	return fd;
}

static void say(int fd, const void *p, size_t len)
{
	assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), len);
}

static void ask(int fd, uint32_t id, const char *body)
{
	size_t len;
	char *frame = ctl_frame_make(CTL_REQUEST, id, body, &len);

	say(fd, frame, len);
	free(frame);
}

/* Turns the server until a whole frame is there. 1: it is in r; 0: the connection ended. */
static int hear(int fd, struct ctl_reader *r)
{
	uint64_t end_ns = clock_now_ns() + 5 * CLOCK_NS_PER_S;

	while (clock_now_ns() < end_ns) {
		char byte;
		const char *p = &byte;
		size_t one = 1;
		ssize_t n = recv(fd, &byte, 1, 0);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n < 0)
			loop_turn(loop, 20);
		else if (ctl_reader_next(r, &p, &one, NULL) == 1)
			return 1;
	}
	fail_msg("no answer");
	return 0;
}

static void expect_answer(int fd, uint32_t id, const char *part)
{
	struct ctl_reader r;

	ctl_reader_init(&r);
	assert_int_equal(hear(fd, &r), 1);
	assert_int_equal(r.header.type, CTL_ANSWER);
	assert_int_equal(r.header.request_id, id);
	assert_non_null(strstr(r.body, part));
	ctl_reader_fini(&r);
}

/* One ERROR frame with a sentence, then the end. */
static void expect_error_and_end(int fd)
{
	struct ctl_reader r;

	ctl_reader_init(&r);
	assert_int_equal(hear(fd, &r), 1);
	assert_int_equal(r.header.type, CTL_ERROR);
	assert_non_null(strstr(r.body, "\"text\""));
	assert_int_equal(hear(fd, &r), 0);
	ctl_reader_fini(&r);
	close(fd);
}

static void request_is_answered_with_its_id(void **state)
{
	int fd = client();

	ask(fd, 7, "{\"request\": \"echo\", \"x\": 5}");
	expect_answer(fd, 7, "\"ok\":true");
	ask(fd, 8, "{\"request\": \"nothing\"}");
	expect_answer(
	    fd, 8,
	    "{\"error\":{\"code\":\"ENOENT\",\"field\":\"name\",\"text\":\"there is no such thing\"}}");
	close(fd);
}

static void requests_byte_by_byte_and_many_at_once_are_the_same(void **state)
{
	int fd = client();
	size_t len;
	char *frame = ctl_frame_make(CTL_REQUEST, 1, "{\"request\":\"echo\"}", &len);

	for (size_t i = 0; i < len; i++) {
		say(fd, frame + i, 1);
		loop_turn(loop, 1);
	}
	expect_answer(fd, 1, "ok");
	for (int i = 0; i < 50; i++)
		say(fd, frame, len);
	for (int i = 0; i < 50; i++)
		expect_answer(fd, 1, "ok");
	free(frame);
	close(fd);
}

static void malformed_frames_end_their_connection_and_no_other(void **state)
{
	static const struct ctl_header bad[] = {
	    {.magic = 0x12345678, .version = 1, .type = CTL_REQUEST, .body_bytes = 4},
	    {.magic = CTL_MAGIC, .version = 0, .type = CTL_REQUEST, .body_bytes = 4},
	    {.magic = CTL_MAGIC, .version = 99, .type = CTL_REQUEST, .body_bytes = 4},
	    {.magic = CTL_MAGIC, .version = 1, .type = 77, .body_bytes = 4},
	    {.magic = CTL_MAGIC, .version = 1, .type = CTL_REQUEST, .body_bytes = 0},
	    {.magic = CTL_MAGIC, .version = 1, .type = CTL_REQUEST, .body_bytes = CTL_BODY_MAX + 1},
	    {.magic = CTL_MAGIC, .version = 1, .type = CTL_REQUEST, .body_bytes = UINT32_MAX},
	};
	static const char *const bodies[] = {"x",
					     "[]",
					     "{}",
					     "{\"request\":1}",
					     "{\"request\":\"a\",\"request\":\"b\"}",
					     "{\"request\":\"echo\"",
					     "\xff\xfe",
					     "{\"request\":\"ec\\u0000ho\"}"};
	int other = client();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = client();

		say(fd, &bad[i], sizeof(bad[i]));
		expect_error_and_end(fd);
		ask(other, 5, "{\"request\": \"echo\"}");
		expect_answer(other, 5, "ok");
	}
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		int fd = client();

		ask(fd, 3, bodies[i]);
		expect_error_and_end(fd);
	}
	ask(other, 6, "{\"request\": \"echo\"}");
	expect_answer(other, 6, "ok");
	assert_int_equal(ctl_server_clients(server), 1);
	close(other);
}

static void client_that_sends_an_answer_frame_is_sent_away(void **state)
{
	size_t len;
	char *frame = ctl_frame_make(CTL_ANSWER, 1, "{\"request\":\"echo\"}", &len);
	int fd = client();

	say(fd, frame, len);
	free(frame);
	expect_error_and_end(fd);
}

static void half_a_frame_times_out_but_silence_does_not(void **state)
{
	struct ctl_header h = {
	    .magic = CTL_MAGIC, .version = 1, .type = CTL_REQUEST, .body_bytes = 100};
	int silent = client(), fd = client();

	say(fd, &h, sizeof(h));
	expect_error_and_end(fd);
	ask(silent, 9, "{\"request\": \"echo\"}");
	expect_answer(silent, 9, "ok");
	close(silent);
}

static void client_that_leaves_before_its_answer_harms_nobody(void **state)
{
	int fd = client();

	ask(fd, 1, "{\"request\": \"hold\"}");
	while (!held)
		loop_turn(loop, 20);
	close(fd);
	while (ctl_server_clients(server) > 0)
		loop_turn(loop, 20);
	assert_null(held->conn);
	ctl_answer(held, NULL);
}

static void late_answer_comes_after_an_earlier_one_of_a_later_request(void **state)
{
	int fd = client();

	ask(fd, 1, "{\"request\": \"hold\"}");
	ask(fd, 2, "{\"request\": \"echo\"}");
	expect_answer(fd, 2, "ok");
	ctl_answer(held, NULL);
	expect_answer(fd, 1, "ok");
	close(fd);
}

static void one_client_too_many_is_told_so(void **state)
{
	int fds[CTL_CLIENTS_MAX], one_more;

	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		fds[i] = client();
		loop_turn(loop, 20);
	}
	assert_int_equal(ctl_server_clients(server), CTL_CLIENTS_MAX);
	one_more = client();
	expect_error_and_end(one_more);
	ask(fds[0], 1, "{\"request\": \"echo\"}");
	expect_answer(fds[0], 1, "ok");
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fds[i]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(request_is_answered_with_its_id),
	    T(requests_byte_by_byte_and_many_at_once_are_the_same),
	    T(malformed_frames_end_their_connection_and_no_other),
	    T(client_that_sends_an_answer_frame_is_sent_away),
	    T(half_a_frame_times_out_but_silence_does_not),
	    T(client_that_leaves_before_its_answer_harms_nobody),
	    T(late_answer_comes_after_an_earlier_one_of_a_later_request),
	    T(one_client_too_many_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
