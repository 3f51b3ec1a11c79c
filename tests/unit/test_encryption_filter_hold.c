/* SPDX-License-Identifier: MIT */
/*
 * After a start an encrypted volume with a second copy does not know yet what that one has. Its
 * initiators wait for it, for some seconds, as long as it may open at all.
 */
#include "encryption_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/companion.h"

#define ENCRYPTION_PLACE 150u
#define LEN              16384u

/* ---------------------------------------------------------------- the keeper, in memory */

static struct {
	struct sluice_filter *f;
	uint8_t *companion;
	struct sluice_timer timer;
	struct sluice_companion_io *pending;
} keeper;

static void companion_tick(struct sluice_timer *t)
{
	struct sluice_companion_io *io = keeper.pending;
	uint8_t *at = keeper.companion + io->offset_bytes;

	keeper.pending = NULL;
	io->result = 0;
	if (io->op == SLUICE_COMPANION_READ)
		memcpy(io->buf, at, io->len_bytes);
	else
		memcpy(at, io->buf, io->len_bytes);
	io->fn(io);
}

static void companion_submit(struct sluice_filter *f, struct sluice_companion_io *io)
{
	assert_null(keeper.pending);
	keeper.pending = io;
	keeper.timer.fn = companion_tick;
	sluice_timer_set(f, &keeper.timer, sluice_now_ns(f));
}

static int keeper_attach(struct sluice_filter *f, const union sluice_value *values,
			 struct sluice_error *err)
{
	keeper.f = f;
	memset(&keeper.timer, 0, sizeof(keeper.timer));
	sluice_companion_keep(f, companion_submit);
	return 0;
}

static void keeper_detach(struct sluice_filter *f)
{
	sluice_timer_cancel(f, &keeper.timer);
}

static enum sluice_verdict keeper_submit(struct sluice_filter *f, struct sluice_io *io)
{
	return SLUICE_PASS;
}

static const struct sluice_filter_ops keeper_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(keeper_ops),
    .name = "keeper",
    .version = "1",
    .help = "Keeps a companion.",
    .cls = SLUICE_CLASS_REPLICATION,
    .op_mask = SLUICE_OPS_ALL,
    .attach = keeper_attach,
    .detach = keeper_detach,
    .submit = keeper_submit,
};

static const struct sluice_filter_ops other_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(other_ops),
    .name = "other",
    .version = "1",
    .help = "Is attached, for which the chain drains.",
    .cls = SLUICE_CLASS_DATA_CAPTURE,
    .op_mask = SLUICE_OPS_ALL,
    .submit = keeper_submit,
};

/* ---------------------------------------------------------------- records of any size */

static struct {
	char key[33];
	uint8_t value[64];
	size_t bytes;
} records[8];

static uint32_t record_at(const char *key)
{
	uint32_t i = 0;

	while (records[i].key[0] && strcmp(records[i].key, key) != 0)
		assert_true(++i < 8);
	return i;
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	uint32_t i = record_at(key);

	assert_true(size_bytes <= sizeof(records[i].value));
	snprintf(records[i].key, sizeof(records[i].key), "%s", key);
	memcpy(records[i].value, data, size_bytes);
	records[i].bytes = size_bytes;
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	uint32_t i = record_at(key);

	if (!records[i].key[0])
		return -ENOENT;
	*size_bytes = records[i].bytes;
	if (*size_bytes > room_bytes)
		return -ENOSPC;
	memcpy(data, records[i].value, *size_bytes);
	return 0;
}

/* ---------------------------------------------------------------- a volume that was started again
 */

static void go(struct rig *r, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i++) {
		while (fake_env_run_work(&r->fe))
			fake_env_settle(&r->fe);
		fake_env_advance(&r->fe, 1 * MS);
	}
}

static void start_again(struct rig *r)
{
	rig_restart(r);
	rig_attach_other(r, &keeper_ops);
}

static void volume_open(struct rig *r)
{
	memset(records, 0, sizeof(records));
	memset(keeper.companion, 0, SLUICE_COMPANION_BYTES);
	rig_open(r, 512, "");
	r->host.store_put = store_put;
	r->host.store_get = store_get;
	r->position = ENCRYPTION_PLACE;
	rig_restart(r);
	rig_format(r);
	assert_int_equal(rig_write(r, 0, LEN, 1), SLUICE_OK);
	rig_attach_other(r, &keeper_ops);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_PRIMARY);
	go(r, 200);
	rig_check(r, 0, LEN, 1);
}

static uint8_t data[2][LEN];

/* A read and a write. */
static void two_begin(struct rig *r)
{
	r->ended = 0;
	rig_fill(data[1], LEN, 2);
	rig_start(r, SLUICE_OP_READ, 0, LEN, data[0]);
	rig_start(r, SLUICE_OP_WRITE, LEN, LEN, data[1]);
	go(r, 1);
}

/* ---------------------------------------------------------------- tests */

static void io_waits_until_it_is_known_what_the_other_copy_has(void **state)
{
	struct rig r;

	volume_open(&r);
	start_again(&r);
	two_begin(&r);
	go(&r, 3000);
	assert_int_equal(r.ended, 0);
	assert_int_equal(r.ready, SLUICE_OK);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_PRIMARY);
	go(&r, 200);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_OK);
	rig_fill(r.check, LEN, 1);
	assert_memory_equal(data[0], r.check, LEN);
	rig_check(&r, LEN, LEN, 2);
	go(&r, 8000); /* nothing of the patience is left */
	assert_int_equal(r.ready, SLUICE_OK);
	rig_check(&r, 0, LEN, 1);
	rig_close(&r);
}

static void who_has_waited_long_enough_is_told(void **state)
{
	struct rig r;

	volume_open(&r);
	start_again(&r);
	go(&r, 3000);
	two_begin(&r);
	go(&r, 3900);
	assert_int_equal(r.ended, 0);
	go(&r, 200); /* 7 s since the start, not since the I/O */
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_ERR_NOT_READY);
	assert_int_equal(r.ready, SLUICE_ERR_NOT_READY);
	two_begin(&r);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_ERR_NOT_READY);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_PRIMARY);
	go(&r, 200);
	assert_int_equal(r.ready, SLUICE_OK);
	rig_check(&r, 0, LEN, 1);
	rig_close(&r);
}

static void without_its_key_it_answers_at_once(void **state)
{
	struct rig r;

	volume_open(&r);
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	start_again(&r);
	assert_int_equal(r.ready, SLUICE_ERR_NOT_READY);
	two_begin(&r);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_ERR_NOT_READY);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_PRIMARY);
	go(&r, 200);
	assert_int_equal(r.ready, SLUICE_ERR_LOCKED);
	two_begin(&r);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_ERR_LOCKED);
	rig_close(&r);
}

static void a_replica_answers_at_once(void **state)
{
	struct rig r;

	volume_open(&r);
	start_again(&r);
	two_begin(&r);
	go(&r, 1000);
	assert_int_equal(r.ended, 0);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_REPLICA);
	go(&r, 1);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_ERR_NOT_READY);
	assert_int_equal(r.ready, SLUICE_ERR_NOT_READY);
	two_begin(&r);
	assert_int_equal(r.ended, 2);
	rig_close(&r);
}

static void what_waits_is_let_go_by_a_drain_and_an_abort(void **state)
{
	struct sluice_io *io;
	struct rig r;

	volume_open(&r);
	start_again(&r);
	r.ended = 0;
	rig_start(&r, SLUICE_OP_READ, 0, LEN, data[0]);
	io = rig_start(&r, SLUICE_OP_READ, LEN, LEN, data[1]);
	go(&r, 100);
	assert_int_equal(r.ended, 0);
	chain_abort(r.c, io);
	go(&r, 1);
	assert_int_equal(r.ended, 1);
	assert_int_equal(r.last_status, SLUICE_ERR_ABORTED);
	rig_attach_other(&r, &other_ops);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_ERR_BUSY);
	two_begin(&r);
	assert_int_equal(r.ended, 0);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_PRIMARY);
	go(&r, 200);
	assert_int_equal(r.ended, 2);
	assert_int_equal(r.last_status, SLUICE_OK);
	rig_close(&r);
}

/* Its header comes from the primary, a moment after the pair has begun. */
static void a_snapshot_of_a_replica_without_header_is_to_be_tried_again(void **state)
{
	static const struct sluice_event snapshot = {.kind = SLUICE_EVENT_SNAPSHOT, .uuid = "1"};
	struct rig_ending e = {-EINPROGRESS, ""};
	struct rig r;

	memset(records, 0, sizeof(records));
	memset(keeper.companion, 0, SLUICE_COMPANION_BYTES);
	rig_open(&r, 512, "");
	r.host.store_put = store_put;
	r.host.store_get = store_get;
	r.position = ENCRYPTION_PLACE;
	start_again(&r);
	sluice_companion_tell(keeper.f, SLUICE_COMPANION_REPLICA);
	go(&r, 100);
	chain_event(r.c, &snapshot, rig_ended, &e);
	rig_settle(&r);
	assert_int_equal(e.result, -EAGAIN);
	assert_non_null(strstr(e.text, "try again"));
	rig_close(&r);
}

static int set_up(void **state)
{
	keeper.companion = calloc(1, SLUICE_COMPANION_BYTES);
	return keeper.companion ? 0 : -1;
}

static int tear_down(void **state)
{
	free(keeper.companion);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(io_waits_until_it_is_known_what_the_other_copy_has),
	    T(who_has_waited_long_enough_is_told),
	    T(without_its_key_it_answers_at_once),
	    T(a_replica_answers_at_once),
	    T(what_waits_is_let_go_by_a_drain_and_an_abort),
	    T(a_snapshot_of_a_replica_without_header_is_to_be_tried_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
