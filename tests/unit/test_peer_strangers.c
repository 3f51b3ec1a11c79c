/* SPDX-License-Identifier: MIT */
/* The port for peers is open to everybody: whoever is no peer gets nothing and stops nobody. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "greet.h"
#include "net_rig.h"

static struct rig_link one, two;

static int set_up(void **state)
{
	rig_begin();
	rig_pair(0, 1);
	return 0;
}

static int tear_down(void **state)
{
	rig_end();
	return 0;
}

static int raw_connect(uint32_t node)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(rig[node].port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
	return fd;
}

/* The other side has closed it. */
static bool is_over(void *ctx)
{
	char piece[4096];
	ssize_t n;

	while ((n = recv(*(int *)ctx, piece, sizeof(piece), 0)) > 0)
		;
	return n == 0 || errno != EAGAIN;
}

static void links_work(void)
{
	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	assert_int_equal(rig_link_open(&two, 1, 0, SLUICE_LINK_DATA), 0);
	assert_true(rig_until(rig_link_is_up, &one, 10000));
	assert_true(rig_until(rig_link_is_up, &two, 10000));
	rig_link_say(&one, "through", 7);
	assert_true(rig_link_hears(&two, 7, 5000));
	rig_link_close(&one);
	rig_link_close(&two);
	rig_for_ms(20);
}

static void garbage_ends_its_own_connection(void **state)
{
	static const char garbage[300] = "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n";
	int fd = raw_connect(0);

	rig_for_ms(20);
	assert_int_equal(send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL), sizeof(garbage));
	assert_true(rig_until(is_over, &fd, 3000));
	close(fd);
	links_work();
}

static void silence_ends_in_time(void **state)
{
	int fd = raw_connect(0);

	assert_false(rig_until(is_over, &fd, 3000));
	assert_true(rig_until(is_over, &fd, 4000));
	close(fd);
}

#define SILENT_ONES 200

/* 64 places on either side, and what is only just being turned away. */
static bool most_are_over(void *fds)
{
	int open = 0;

	for (int i = 0; i < SILENT_ONES; i++)
		open += !is_over((int *)fds + i);
	return open <= 130;
}

static void two_hundred_silent_ones_do_not_keep_a_peer_out(void **state)
{
	int fds[SILENT_ONES];

	for (int i = 0; i < SILENT_ONES; i++) {
		fds[i] = raw_connect(i % 2);
		if (i % 10 == 0)
			rig_for_ms(2);
	}
	links_work();
	assert_true(rig_until(most_are_over, fds, 3000)); /* silence alone ends them later */
	for (int i = 0; i < SILENT_ONES; i++)
		close(fds[i]);
}

static void an_unknown_key_gets_nothing(void **state)
{
	struct peer_hello hello;
	struct rig_spoke spoke;

	greet_hello(&hello, rig_group, 0);
	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	rig_spoke_dial(&spoke, 2, rig[0].port, PEER_ALPN_LINK);
	assert_true(rig_until(rig_spoke_is_over, &spoke, 5000));
	assert_int_equal(spoke.len, 0);
	rig_spoke_dial(&spoke, 2, rig[0].port, PEER_ALPN_CALL);
	assert_true(rig_until(rig_spoke_is_over, &spoke, 5000));
	assert_int_equal(one.ups, 0);
	rig_link_close(&one);
	rig_for_ms(20);
}

/* A third appliance that is paired has no part in the group of two others. */
static void another_peer_does_not_get_the_link(void **state)
{
	struct peer_hello hello;
	struct peer_answer a;
	struct rig_spoke spoke;

	rig_pair(0, 2);
	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	greet_hello(&hello, rig_group, SLUICE_LINK_DATA);
	rig_spoke_dial(&spoke, 2, rig[0].port, PEER_ALPN_LINK);
	assert_true(rig_until(rig_spoke_is_ready, &spoke, 5000));
	assert_int_equal(talk_send(spoke.talk, &hello, sizeof(hello)), 0);
	assert_true(rig_spoke_hears(&spoke, sizeof(a)));
	memcpy(&a, spoke.in, sizeof(a));
	assert_int_equal(a.status, PEER_NOT_OPEN);
	assert_int_equal(one.ups, 0);
	rig_spoke_close(&spoke);
	rig_link_close(&one);
	rig_for_ms(20);
}

static struct peer_answer greet_with(uint8_t newest, uint8_t oldest, uint32_t magic)
{
	struct peer_hello hello;
	struct peer_answer a;
	struct rig_spoke spoke;

	greet_hello(&hello, rig_group, SLUICE_LINK_DATA);
	hello.version_newest = newest;
	hello.version_oldest = oldest;
	hello.magic = htole32(magic);
	rig_spoke_dial(&spoke, 1, rig[0].port, PEER_ALPN_LINK);
	assert_true(rig_until(rig_spoke_is_ready, &spoke, 5000));
	assert_int_equal(talk_send(spoke.talk, &hello, sizeof(hello)), 0);
	assert_true(rig_spoke_hears(&spoke, sizeof(a)));
	memcpy(&a, spoke.in, sizeof(a));
	rig_spoke_close(&spoke);
	return a;
}

/* The next release speaks with this one, the one after it need not. */
static void versions_are_agreed(void **state)
{
	struct peer_answer a;

	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	a = greet_with(PEER_VERSION + 1, PEER_VERSION, PEER_HELLO_MAGIC);
	assert_int_equal(a.status, PEER_OK);
	assert_int_equal(a.version, PEER_VERSION);
	rig_for_ms(50);
	a = greet_with(PEER_VERSION + 2, PEER_VERSION + 1, PEER_HELLO_MAGIC);
	assert_int_equal(a.status, PEER_REFUSED);
	assert_non_null(strstr(a.text, "version"));
	a = greet_with(PEER_VERSION_OLDEST - 1, 0, PEER_HELLO_MAGIC);
	assert_int_equal(a.status, PEER_REFUSED);
	a = greet_with(PEER_VERSION, PEER_VERSION, 12345);
	assert_int_equal(a.status, PEER_REFUSED);
	rig_link_close(&one);
	rig_for_ms(20);
}

/* A peer that was broken into sends lengths and JSON of its own. */
static void lengths_of_a_peer_are_not_believed(void **state)
{
	static const uint32_t lengths[] = {PEER_BODY_MAX + 1, UINT32_MAX, 5};
	struct peer_frame f = {
	    .magic = htole32(PEER_FRAME_MAGIC), .version = htole16(1), .type = htole16(PEER_ASK)};

	for (size_t i = 0; i < 3; i++) {
		struct rig_spoke spoke;

		f.body_bytes = htole32(lengths[i]);
		rig_spoke_dial(&spoke, 1, rig[0].port, PEER_ALPN_CALL);
		assert_true(rig_until(rig_spoke_is_ready, &spoke, 5000));
		assert_int_equal(talk_send(spoke.talk, &f, sizeof(f)), 0);
		assert_int_equal(talk_send(spoke.talk, "[[[[[", 5), 0);
		assert_true(rig_until(rig_spoke_is_over, &spoke, 5000));
	}
	links_work();
}

/* Questions of a broken peer, a few bytes turned over: its own connection may end, and no more. */
static void spoilt_questions_harm_nobody(void **state)
{
	static const char *const questions[] = {
	    "{\"op\":\"witness\",\"group\":\"00112233-4455-6677-8899-aabbccddeeff\",\"act\":2,"
	    "\"expected_term\":0,\"term\":1,\"insync\":3,\"lease_ms\":100,"
	    "\"primary\":\"00112233-4455-6677-8899-aabbccddeeff\"}",
	    "{\"op\":\"call\",\"body\":{\"a\":[1,2,{\"b\":null}]}}", "{\"op\":7}", "{}"};
	uint64_t seed = 88172645463325252ull;

	for (int round = 0; round < 30; round++) {
		const char *text = questions[round % 4];
		struct peer_frame f = {.magic = htole32(PEER_FRAME_MAGIC),
				       .version = htole16(1),
				       .type = htole16(PEER_ASK),
				       .body_bytes = htole32((uint32_t)strlen(text))};
		uint8_t frame[600];
		size_t len = sizeof(f) + strlen(text);
		struct rig_spoke spoke;

		memcpy(frame, &f, sizeof(f));
		memcpy(frame + sizeof(f), text, strlen(text));
		for (int i = 0; i < 1 + round % 3; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			frame[seed % len] ^= (uint8_t)(1u << (seed >> 32) % 8);
		}
		rig_spoke_dial(&spoke, 1, rig[0].port, PEER_ALPN_CALL);
		assert_true(rig_until(rig_spoke_is_ready, &spoke, 5000));
		assert_int_equal(talk_send(spoke.talk, frame, len), 0);
		rig_for_ms(4);
		rig_spoke_close(&spoke);
	}
	links_work();
}

static void a_forgotten_peer_is_a_stranger(void **state)
{
	struct err err;

	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	assert_int_equal(rig_link_open(&two, 1, 0, SLUICE_LINK_DATA), 0);
	assert_true(rig_until(rig_link_is_up, &one, 10000));
	assert_true(rig_until(rig_link_is_up, &two, 10000));
	assert_int_equal(net_forget_peer(rig[0].net, "b", &err), 0);
	assert_true(rig_until(rig_link_is_down, &one, 5000));
	assert_true(rig_until(rig_link_is_down, &two, 5000));
	rig_for_ms(500);
	assert_int_equal(one.ups + two.ups, 2);
	rig_link_close(&one);
	rig_link_close(&two);
	rig_for_ms(20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(garbage_ends_its_own_connection, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(silence_ends_in_time, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(two_hundred_silent_ones_do_not_keep_a_peer_out, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(an_unknown_key_gets_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_peer_does_not_get_the_link, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(versions_are_agreed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(lengths_of_a_peer_are_not_believed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(spoilt_questions_harm_nobody, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_forgotten_peer_is_a_stranger, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
