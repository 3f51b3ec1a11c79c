/* SPDX-License-Identifier: MIT */
/* The queue of outgoing frames over a link that takes a few bytes at a time, and goes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frame_out.h"

static struct {
	uint8_t wire[1 << 16];
	size_t len, room;
	struct frame_out q;
	int sent, dropped;
	struct frame_out_item *push_next;
} t;

static uint64_t now_ns(void *ctx)
{
	return 5000000000ull;
}

static size_t link_send(void *ctx, enum sluice_link_channel ch, const void *data, size_t len)
{
	size_t n = len < t.room ? len : t.room;

	assert_int_equal(ch, SLUICE_LINK_DATA);
	assert_true(len > 0);
	memcpy(t.wire + t.len, data, n);
	t.len += n;
	t.room -= n;
	return n;
}

static const struct repl_host_ops ops = {.now_ns = now_ns, .link_send = link_send};
static const struct repl_host host = {.ops = &ops};

static void ended(struct frame_out_item *it, bool is_sent)
{
	struct frame_out_item *next = t.push_next;

	if (is_sent)
		t.sent++;
	else
		t.dropped++;
	t.push_next = NULL;
	if (next)
		frame_out_push(&t.q, next);
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.room = sizeof(t.wire);
	frame_out_init(&t.q, &host, SLUICE_LINK_DATA);
	frame_out_up(&t.q);
	return 0;
}

static void make(struct frame_out_item *it, uint64_t value, const void *data, size_t len)
{
	memset(it, 0, sizeof(*it));
	frame_begin(&it->header, REPL_WRITE, 1, value);
	frame_set_range(&it->header, 0, 0, len);
	frame_set_payload(&it->header, data, len);
	it->payload = data;
	it->fn = ended;
}

/* The wire holds whole frames with these values, nothing else. */
static void expect_wire(const uint64_t *values, size_t count)
{
	char why[FRAME_WHY_BYTES];
	struct frame f;
	size_t at = 0, used = 0;

	for (size_t i = 0; i < count; i++, at += used) {
		assert_int_equal(
		    frame_next(SLUICE_LINK_DATA, t.wire + at, t.len - at, &f, &used, why),
		    FRAME_OK);
		assert_int_equal(f.header.value, values[i]);
		assert_int_equal(f.header.time_ms, 5000);
		assert_true(frame_plain_is_right(&f.header, f.stored));
	}
	assert_int_equal(at, t.len);
}

static void goes_out_byte_by_byte(void **state)
{
	struct frame_out_item a, b;
	struct repl_header h;

	t.room = 0;
	make(&a, 1, "some payload", 12);
	make(&b, 2, "more of it", 10);
	frame_out_push(&t.q, &a);
	frame_begin(&h, REPL_CREDIT, 1, 3);
	assert_int_equal(frame_out_copy(&t.q, &h, NULL, 0), 0);
	frame_out_push(&t.q, &b);
	assert_int_equal(t.q.queued_bytes, 3 * 64 + 22);
	for (int i = 0; i < 3 * 64 + 22; i++) {
		assert_true(t.sent < 2);
		t.room = 1;
		frame_out_writable(&t.q);
	}
	assert_int_equal(t.sent, 2);
	assert_int_equal(t.q.queued_bytes, 0);
	assert_int_equal(t.q.sent_plain_bytes, 22);
	assert_int_equal(t.q.sent_wire_bytes, 3 * 64 + 22);
	expect_wire((uint64_t[]){1, 3, 2}, 3);
}

static void one_may_push_the_next(void **state)
{
	struct frame_out_item a, b;

	make(&a, 1, "x", 1);
	make(&b, 2, "y", 1);
	t.push_next = &b;
	frame_out_push(&t.q, &a);
	assert_int_equal(t.sent, 2);
	expect_wire((uint64_t[]){1, 2}, 2);
}

static void a_lost_connection_takes_all_with_it(void **state)
{
	struct frame_out_item a, b, c;
	struct repl_header h;

	make(&a, 1, "x", 1);
	make(&b, 2, "y", 1);
	make(&c, 3, "z", 1);
	t.room = 70;
	frame_out_push(&t.q, &a);
	frame_out_push(&t.q, &b);
	frame_begin(&h, REPL_CREDIT, 1, 3);
	assert_int_equal(frame_out_copy(&t.q, &h, NULL, 0), 0);
	assert_int_equal(t.sent, 1);
	frame_out_down(&t.q);
	assert_int_equal(t.dropped, 1);
	frame_out_push(&t.q, &c);
	assert_int_equal(t.dropped, 2);
	assert_int_equal(frame_out_copy(&t.q, &h, NULL, 0), -ENOTCONN);
	/* The next connection begins with a whole frame. */
	t.len = 0;
	t.room = sizeof(t.wire);
	frame_out_up(&t.q);
	frame_out_push(&t.q, &c);
	expect_wire((uint64_t[]){3}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(goes_out_byte_by_byte, setup),
	    cmocka_unit_test_setup(one_may_push_the_next, setup),
	    cmocka_unit_test_setup(a_lost_connection_takes_all_with_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
