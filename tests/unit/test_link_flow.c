/* SPDX-License-Identifier: MIT */
/* A link's flow: who does not read stops the sender and costs a bounded amount of memory; both go
 * on when it reads again; keys change on the way. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net_rig.h"
#include "stream.h"
#include "wire/peer.h"

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

static void open_both(void)
{
	assert_int_equal(rig_link_open(&one, 0, 1, SLUICE_LINK_DATA), 0);
	assert_int_equal(rig_link_open(&two, 1, 0, SLUICE_LINK_DATA), 0);
	assert_true(rig_until(rig_link_is_up, &one, 10000));
	assert_true(rig_until(rig_link_is_up, &two, 10000));
}

static void close_both(void)
{
	rig_link_close(&one);
	rig_link_close(&two);
	rig_for_ms(20);
}

static void who_does_not_read_stops_the_sender(void **state)
{
	static uint8_t data[1 << 20];
	const struct net_host *h = net_host(rig[0].net);
	uint64_t sent = 0, before;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13);
	open_both();
	two.is_deaf = true;
	for (int i = 0; i < 3000; i++) {
		sent += h->send(one.end, data + sent % sizeof(data),
				sizeof(data) - sent % sizeof(data));
		rig_turn();
	}
	before = sent;
	rig_for_ms(200);
	assert_int_equal(h->room(one.end), 0);
	assert_int_equal(h->send(one.end, data, 1), 0);
	assert_true(two.offered >= SLUICE_LINK_UNREAD_BYTES);
	assert_true(two.offered < SLUICE_LINK_UNREAD_BYTES + (64u << 10));
	two.is_deaf = false;
	net_host(rig[1].net)->read_on(two.end);
	assert_true(rig_link_hears(&two, before, 10000));
	rig_for_ms(50);
	assert_true(one.writables > 0);
	assert_int_equal(two.len, before);
	for (size_t i = 0; i < two.len; i++)
		assert_int_equal(two.data[i], data[i % sizeof(data)]);
	close_both();
}

/* A heartbeat on the control channel does not wait behind data that nobody reads. */
static void a_full_data_channel_leaves_control_alone(void **state)
{
	static uint8_t data[1 << 20];
	struct rig_link beat, heard;
	const struct net_host *h = net_host(rig[0].net);

	open_both();
	assert_int_equal(rig_link_open(&beat, 0, 1, SLUICE_LINK_CONTROL), 0);
	assert_int_equal(rig_link_open(&heard, 1, 0, SLUICE_LINK_CONTROL), 0);
	assert_true(rig_until(rig_link_is_up, &beat, 10000));
	assert_true(rig_until(rig_link_is_up, &heard, 10000));
	two.is_deaf = true;
	for (int i = 0; i < 1000; i++) {
		h->send(one.end, data, sizeof(data));
		rig_turn();
	}
	rig_link_say(&beat, "beat", 4);
	assert_true(rig_link_hears(&heard, 4, 1000));
	rig_link_close(&beat);
	rig_link_close(&heard);
	close_both();
}

/* ---------------------------------------------------------------- keys */

struct half {
	struct stream *stream;
	uint64_t received, wrong;
	bool is_over;
};

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 31 + (i >> 9));
}

static size_t half_received(void *ctx, const uint8_t *data, size_t len)
{
	struct half *h = ctx;

	for (size_t i = 0; i < len; i++)
		h->wrong += data[i] != byte_at(h->received + i);
	h->received += len;
	return len;
}

static void half_writable(void *ctx) {}

static void half_ended(void *ctx, const char *why)
{
	((struct half *)ctx)->is_over = true;
}

static const struct stream_ops half_ops = {
    .received = half_received, .writable = half_writable, .ended = half_ended};

static void make_halves(struct half *a, struct half *b, uint32_t key_records)
{
	int fds[2];
	SSL *client, *server;
	bool is_done = false;
	struct err err;
	struct stream_cfg cfg = {.env = rig[0].env, .ops = &half_ops, .key_records = key_records};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	client = tls_new(&rig[0].net->tls, PEER_ALPN_LINK);
	server = tls_new(&rig[1].net->tls, NULL);
	SSL_set_fd(client, fds[0]);
	SSL_set_fd(server, fds[1]);
	for (int i = 0; i < 20 && !is_done; i++) {
		int one_way = SSL_do_handshake(client), other_way = SSL_do_handshake(server);

		is_done = one_way == 1 && other_way == 1;
	}
	assert_true(is_done);
	cfg.ssl = client;
	cfg.fd = fds[0];
	cfg.ctx = a;
	assert_int_equal(stream_new(&cfg, &a->stream, &err), 0);
	cfg.ssl = server;
	cfg.fd = fds[1];
	cfg.ctx = b;
	assert_int_equal(stream_new(&cfg, &b->stream, &err), 0);
}

static void keys_change_on_the_way(void **state)
{
	struct half a = {0}, b = {0};
	struct stream_figures f;
	uint8_t piece[5000];
	uint64_t said = 0;

	make_halves(&a, &b, 10);
	while (said < 3000000) {
		size_t n;

		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = byte_at(said + i);
		n = stream_send(a.stream, piece, sizeof(piece));
		said += n;
		rig_turn();
	}
	rig_for_ms(50);
	assert_int_equal(b.received, said);
	assert_int_equal(b.wrong, 0);
	assert_false(a.is_over || b.is_over);
	stream_figures(a.stream, &f);
	assert_true(f.records > said / 5000 / 4); /* the key's own among them */
	stream_free(a.stream);
	rig_for_ms(20);
	assert_true(b.is_over);
	stream_free(b.stream);
	rig_for_ms(5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_does_not_read_stops_the_sender, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_full_data_channel_leaves_control_alone, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(keys_change_on_the_way, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
