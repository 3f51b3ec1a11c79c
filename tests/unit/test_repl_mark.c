/* SPDX-License-Identifier: MIT */
/* A primary's marks: where they stand in the stream, what is durable of them, and that MAKE is
 * never said when what comes after may be at the replica. The group around them is invented. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

static struct repl_group g;
static struct repl_node node;
static struct sluice_rlog_stats stats;
static uint8_t record[sizeof(struct marks_record)], version;
static size_t record_bytes;
static int record_error;
static bool is_primary, has_bits;
static uint32_t sent, reports;
static struct repl_mark last;
static struct repl_timer *timer;

bool group_is_primary(const struct repl_group *x)
{
	return is_primary;
}

uint64_t group_now_ns(const struct repl_group *x)
{
	return 1;
}

bool group_has_bits(const struct repl_group *x, uint32_t kinds)
{
	return has_bits;
}

void window_kick(struct repl_group *x) {}
void gate_check(struct repl_group *x) {}
void direct_pump(struct repl_group *x) {}

uint8_t session_version(const struct repl_session *s)
{
	return version;
}

void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *out)
{
	*out = stats;
}

int group_send(struct repl_group *x, enum sluice_link_channel ch, struct repl_header *h,
	       const void *payload, size_t bytes)
{
	assert_int_equal(h->type, REPL_MARK);
	assert_int_equal(ch, SLUICE_LINK_DATA);
	assert_int_equal(bytes, sizeof(last));
	memcpy(&last, payload, sizeof(last));
	sent++;
	return 0;
}

static int put(void *ctx, const char *key, const void *data, size_t bytes)
{
	assert_string_equal(key, "marks");
	if (record_error)
		return record_error;
	memcpy(record, data, bytes);
	record_bytes = bytes;
	return 0;
}

static int get(void *ctx, const char *key, void *data, size_t room, size_t *bytes)
{
	if (!record_bytes)
		return -ENOENT;
	memcpy(data, record, record_bytes);
	*bytes = record_bytes;
	return 0;
}

static void timer_set(void *ctx, struct repl_timer *t, uint64_t deadline_ns)
{
	timer = t;
}

static void timer_cancel(void *ctx, struct repl_timer *t)
{
	timer = NULL;
}

static void report(void *ctx, const char *code, const char *text)
{
	reports++;
}

static void later(void)
{
	struct repl_timer *t = timer;

	timer = NULL;
	if (t)
		t->fn(t);
}

static int setup(void **state)
{
	static const struct repl_host_ops ops = {.record_put = put,
						 .record_get = get,
						 .timer_set = timer_set,
						 .timer_cancel = timer_cancel,
						 .report = report};

	memset(&g, 0, sizeof(g));
	memset(&node, 0, sizeof(node));
	g.host.ops = &ops;
	g.node = &node;
	node.peer.state = REPL_SECONDARY_INSYNC;
	g.is_serving = g.is_peer_ready = g.may_send = g.journal.is_open = true;
	g.track = TRACK_DIRECT;
	stats = (struct sluice_rlog_stats){.next_seq = 8, .tail_seq = 8};
	version = REPL_VERSION;
	record_bytes = 0;
	record_error = 0;
	is_primary = true;
	has_bits = false;
	sent = reports = 0;
	timer = NULL;
	mark_init(&g);
	return 0;
}

static const uint8_t *uuid_of(uint8_t n)
{
	static uint8_t uuid[16];

	uuid[0] = n;
	return uuid;
}

static void say(enum mark_event ev, uint8_t n)
{
	group_mark(&g, ev, 0, uuid_of(n), "monday");
}

static void make(uint8_t n)
{
	say(MARK_PREPARE, n);
	say(MARK_HELD, n);
	say(MARK_COMMIT, n);
}

static const struct mark *mark(uint32_t i)
{
	return &g.marks.record.m[i];
}

static void ack(uint32_t what, uint8_t n, uint8_t status)
{
	struct repl_mark m = {.what = what};
	struct repl_header h;

	memcpy(m.snapshot, uuid_of(n), 16);
	frame_begin(&h, REPL_MARK_ACK, 1, 0);
	frame_set_payload(&h, &m, sizeof(m));
	frame_set_status(&h, status);
	mark_ack(&g, &h, &m);
}

/* As after a start, with what was durable. */
static void restart(void)
{
	mark_init(&g);
	mark_load(&g);
	sent = 0;
}

static void in_direct_it_goes_at_once(void **state)
{
	say(MARK_PREPARE, 1);
	assert_true(record_bytes > 0); /* before the snapshot is made */
	say(MARK_HELD, 1);
	assert_int_equal(sent, 0);
	say(MARK_COMMIT, 1);
	assert_int_equal(sent, 1);
	assert_int_equal(last.what, REPL_MARK_MAKE);
	assert_string_equal(last.name, "monday");
	assert_false(mark_is_to_go(&g));
	assert_true(mark_is_pending(&g));
	ack(REPL_MARK_MAKE, 1, SLUICE_OK);
	assert_int_equal(mark(0)->state, MARK_MADE);
	assert_false(mark_is_pending(&g));
}

static void changes_wait_for_one_that_has_no_connection(void **state)
{
	g.is_peer_ready = false;
	make(1);
	assert_true(mark_is_to_go(&g));
	g.is_peer_ready = true;
	mark_pump(&g);
	assert_int_equal(last.what, REPL_MARK_MAKE);
	assert_false(mark_is_to_go(&g));
}

static void whose_answer_was_lost_in_direct_is_only_asked_for(void **state)
{
	make(1);
	mark_link_down(&g);
	mark_pump(&g);
	assert_int_equal(sent, 2);
	assert_int_equal(last.what, REPL_MARK_FIND);
	ack(REPL_MARK_FIND, 1, SLUICE_ERR_FAILED);
	assert_int_equal(mark(0)->state, MARK_LOST);
	assert_non_null(strstr(mark(0)->why, "connection"));
	assert_int_equal(reports, 1);
}

static void in_the_journal_windows_end_there_and_wait(void **state)
{
	g.track = TRACK_JOURNAL;
	stats = (struct sluice_rlog_stats){.next_seq = 8, .tail_seq = 5, .dirty_blocks = 3};
	make(1);
	assert_int_equal(mark_cut_seq(&g), 7);
	assert_false(mark_is_due(&g));
	assert_int_equal(sent, 0);
	stats.next_seq = 20;
	stats.tail_seq = 8;
	g.window.is_running = true; /* the window that ended there is not acknowledged */
	mark_pump(&g);
	assert_int_equal(sent, 0);
	g.window.is_running = false;
	assert_true(mark_is_due(&g));
	mark_pump(&g);
	assert_int_equal(last.what, REPL_MARK_MAKE);
	assert_true(mark_is_due(&g)); /* until it is answered */
	mark_link_down(&g);
	mark_pump(&g);
	assert_int_equal(last.what, REPL_MARK_MAKE); /* nothing came after it */
	ack(REPL_MARK_MAKE, 1, SLUICE_OK);
	assert_false(mark_is_due(&g));
	assert_int_equal(mark_cut_seq(&g), UINT64_MAX);
}

static void a_journal_that_is_given_up_takes_its_marks_along(void **state)
{
	g.track = TRACK_JOURNAL;
	stats = (struct sluice_rlog_stats){.next_seq = 8, .tail_seq = 5, .dirty_blocks = 3};
	make(1);
	mark_give_up(&g, "a resync");
	assert_int_equal(mark(0)->state, MARK_LOST);
	assert_int_equal(mark_cut_seq(&g), UINT64_MAX);
	assert_int_equal(sent, 0);
}

static void amid_a_resync_it_is_lost_at_once(void **state)
{
	g.track = TRACK_BITMAP;
	make(1);
	has_bits = true;
	g.track = TRACK_JOURNAL;
	make(2);
	assert_int_equal(mark(0)->state, MARK_LOST);
	assert_int_equal(mark(1)->state, MARK_LOST);
	assert_int_equal(sent, 0);
	assert_int_equal(reports, 2);
}

static void a_start_says_make_of_what_waits_in_a_whole_journal_alone(void **state)
{
	g.track = TRACK_JOURNAL;
	stats = (struct sluice_rlog_stats){.next_seq = 8, .tail_seq = 5, .dirty_blocks = 3};
	make(1);
	later();
	say(MARK_PREPARE, 2);
	restart();
	assert_int_equal(mark(0)->state, MARK_WAITING);
	assert_int_equal(mark_cut_seq(&g), 7);
	assert_int_equal(mark(1)->state, MARK_FINDING); /* who knows whether it was made */
	g.record.has_pass = 1;
	restart();
	assert_int_equal(mark(0)->state, MARK_FINDING);
}

static void nothing_is_sent_to_who_is_no_secondary_or_too_old(void **state)
{
	node.peer.state = REPL_OUTDATED;
	make(1);
	assert_int_equal(sent, 0);
	assert_int_equal(mark(0)->state, MARK_WAITING);
	node.peer.state = REPL_SECONDARY_INSYNC;
	version = 1;
	mark_pump(&g);
	assert_int_equal(sent, 0);
	assert_int_equal(mark(0)->state, MARK_LOST);
}

static void a_deletion_is_durable_and_goes_when_it_can(void **state)
{
	make(1);
	ack(REPL_MARK_MAKE, 1, SLUICE_OK);
	g.is_peer_ready = false;
	say(MARK_DELETED, 1);
	restart();
	assert_int_equal(mark(0)->state, MARK_DELETING);
	g.is_peer_ready = true;
	mark_pump(&g);
	assert_int_equal(last.what, REPL_MARK_DELETE);
	ack(REPL_MARK_DELETE, 1, SLUICE_OK);
	assert_int_equal(g.marks.record.count, 0);
}

static void what_was_never_sent_needs_no_deletion_there(void **state)
{
	g.is_peer_ready = false;
	make(1);
	say(MARK_DELETED, 1);
	assert_int_equal(g.marks.record.count, 0);
	say(MARK_PREPARE, 2);
	say(MARK_ABORT, 2);
	assert_int_equal(g.marks.record.count, 0);
}

static void the_oldest_that_are_over_make_room(void **state)
{
	for (uint32_t i = 0; i < MARKS_MAX + 2; i++) {
		make((uint8_t)i);
		ack(REPL_MARK_MAKE, (uint8_t)i, SLUICE_OK);
	}
	assert_int_equal(g.marks.record.count, MARKS_MAX);
	assert_int_equal(mark(0)->snapshot[0], 2);
}

static void a_record_that_fails_is_told_and_the_snapshot_goes_on(void **state)
{
	record_error = -EIO;
	make(1);
	assert_int_equal(mark(0)->state, MARK_LOST);
	assert_int_equal(sent, 0);
	record_error = 0;
	later();
	assert_true(record_bytes > 0);
}

static void the_status_is_json_whatever_a_name_holds(void **state)
{
	char json[2048];
	size_t n;

	group_mark(&g, MARK_PREPARE, 3, uuid_of(1), "a\"b\\c\n");
	n = mark_json(&g, json, sizeof(json));
	assert_int_equal(n, strlen(json));
	assert_string_equal(json,
			    ",\"snapshots\":[{\"member\":3,\"state\":\"pending\",\"snapshot\":"
			    "\"01000000-0000-0000-0000-000000000000\",\"name\":\"a\\\"b\\\\c?"
			    "\",\"why\":\"\"}]");
	assert_int_equal(mark_json(&g, json, 100), 0); /* no room for anything */
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(in_direct_it_goes_at_once),
	    T(changes_wait_for_one_that_has_no_connection),
	    T(whose_answer_was_lost_in_direct_is_only_asked_for),
	    T(in_the_journal_windows_end_there_and_wait),
	    T(a_journal_that_is_given_up_takes_its_marks_along),
	    T(amid_a_resync_it_is_lost_at_once),
	    T(a_start_says_make_of_what_waits_in_a_whole_journal_alone),
	    T(nothing_is_sent_to_who_is_no_secondary_or_too_old),
	    T(a_deletion_is_durable_and_goes_when_it_can),
	    T(what_was_never_sent_needs_no_deletion_there),
	    T(the_oldest_that_are_over_make_room),
	    T(a_record_that_fails_is_told_and_the_snapshot_goes_on),
	    T(the_status_is_json_whatever_a_name_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
