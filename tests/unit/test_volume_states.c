/* SPDX-License-Identifier: MIT */
/* A volume's life on a virtual clock: opened, refused, waiting for a lock, changed, closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume.h"
#include "volume_rig.h"

#define MS 1000000ull

static struct fake_env fe;
static struct volume *volume;
static struct plan_volume plan;
static struct rig_ring client;
static uint32_t events, drains;
static int attach_result;

struct answer {
	uint32_t count;
	int result;
	struct err err;
};

static void done(void *ctx, int result, const struct err *err)
{
	struct answer *a = ctx;

	a->count++;
	a->result = result;
	if (err)
		a->err = *err;
}

static void on_event(void *ctx, const char *v, const char *filter, const char *kind,
		     const char *text)
{
	events++;
}

static void on_changed(void *ctx, struct volume *v) {}

static void on_drain_rings(void *ctx, struct volume *v)
{
	drains++;
}

static void on_blocking(void *ctx, bool begins) {}

static int filter_attach(struct sluice_filter *f, const union sluice_value *values,
			 struct sluice_error *err)
{
	if (attach_result)
		snprintf(err->text, sizeof(err->text), "no, not today");
	return attach_result;
}

static const struct sluice_filter_ops filter = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(filter),
    .name = "plain",
    .version = "1",
    .help = "passes",
    .cls = SLUICE_CLASS_INSPECTION,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .attach = filter_attach,
};

static const struct sluice_filter_ops *on_find_filter(void *ctx, const char *name)
{
	return strcmp(name, "plain") == 0 ? &filter : NULL;
}

static struct volume_host host = {
    .event = on_event,
    .changed = on_changed,
    .drain_rings = on_drain_rings,
    .blocking = on_blocking,
    .find_filter = on_find_filter,
};

static int set_up(void **state)
{
	struct volume_cfg cfg = {.env = &fe.env,
				 .plan = &plan,
				 .type = "rig",
				 .image_path = "/nowhere",
				 .host = &host,
				 .incarnation = 5};
	struct err err = {0};

	rig_backend_reset();
	fake_env_init(&fe, 1);
	events = drains = 0;
	attach_result = 0;
	host.notes_changes = false;
	memset(&plan, 0, sizeof(plan));
	snprintf(plan.name, sizeof(plan.name), "v");
	plan.size_bytes = RIG_SIZE_BYTES / 2;
	plan.block_bytes = 512;
	assert_int_equal(volume_create(&cfg, &volume, &err), 0);
	rig_ring_init(&client);
	return 0;
}

static int tear_down(void **state)
{
	volume_destroy(volume);
	rig_ring_fini(&client);
	fake_env_fini(&fe);
	return 0;
}

static void open_now(void)
{
	struct answer a = {0};

	volume_open(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, 0);
	assert_int_equal(volume_state(volume), VOLUME_SERVING);
}

static void close_now(void)
{
	struct answer a = {0};

	volume_close(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, 0);
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
	assert_false(rig_backend.is_open);
}

static void opens_serves_and_closes_again_and_again(void **state)
{
	for (int i = 0; i < 3; i++) {
		open_now();
		assert_int_equal(volume_admit(volume, NULL), 0);
		close_now();
		assert_int_equal(volume_admit(volume, NULL), -EAGAIN);
	}
	assert_int_equal(rig_backend.closes, 3);
}

static void waits_for_a_locked_image_and_serves_within_10_ms_of_its_release(void **state)
{
	struct answer a = {0};

	rig_backend.open_result = -EAGAIN;
	volume_open(volume, done, &a);
	fake_env_advance(&fe, 1000 * MS);
	assert_int_equal(volume_state(volume), VOLUME_OPENING);
	assert_int_equal(a.count, 0);
	assert_true(rig_backend.opens >= 100);
	rig_backend.open_result = 0;
	fake_env_advance(&fe, 10 * MS);
	assert_int_equal(volume_state(volume), VOLUME_SERVING);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, 0);
	close_now();
}

static void who_asked_hears_after_5_s_that_the_image_is_locked_and_the_wait_goes_on(void **state)
{
	struct answer a = {0};

	rig_backend.open_result = -EAGAIN;
	volume_open(volume, done, &a);
	fake_env_advance(&fe, 5010 * MS);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, -EAGAIN);
	assert_int_equal(volume_state(volume), VOLUME_OPENING);
	rig_backend.open_result = 0;
	fake_env_advance(&fe, 10 * MS);
	assert_int_equal(volume_state(volume), VOLUME_SERVING);
	assert_int_equal(a.count, 1);
	close_now();
}

static void close_ends_a_wait_for_the_lock(void **state)
{
	struct answer a = {0};

	rig_backend.open_result = -EAGAIN;
	volume_open(volume, done, &a);
	fake_env_advance(&fe, 100 * MS);
	close_now();
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, -ECANCELED);
	fake_env_advance(&fe, 1000 * MS);
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
}

static void image_that_does_not_open_leaves_a_failed_volume_with_the_reason(void **state)
{
	struct answer a = {0};

	rig_backend.open_result = -ENOENT;
	volume_open(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, -ENOENT);
	assert_int_equal(volume_state(volume), VOLUME_FAILED);
	assert_string_equal(volume_reason(volume), "the rig refuses to open");
	assert_int_equal(events, 1);
	rig_backend.open_result = 0;
	open_now();
	close_now();
}

static void with_filters(const char *one, const char *two)
{
	struct plan_filter f = {.name = ""};

	snprintf(f.name, sizeof(f.name), "%s", one);
	assert_int_equal(
	    plan_put_filter((struct plan_volume *)(uintptr_t)volume_plan(volume), &f, NULL), 0);
	if (!two)
		return;
	snprintf(f.name, sizeof(f.name), "%s", two);
	assert_int_equal(
	    plan_put_filter((struct plan_volume *)(uintptr_t)volume_plan(volume), &f, NULL), 0);
}

static void filter_that_is_not_there_or_refuses_takes_the_open_back(void **state)
{
	struct answer a = {0}, b = {0};

	with_filters("plain", "absent");
	volume_open(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, -ENOENT);
	assert_non_null(strstr(a.err.text, "absent"));
	assert_false(rig_backend.is_open);
	attach_result = -EPERM;
	volume_open(volume, done, &b);
	fake_env_settle(&fe);
	assert_int_equal(b.count, 1);
	assert_true(b.result < 0);
	assert_non_null(strstr(b.err.text, "not today"));
	assert_int_equal(volume_state(volume), VOLUME_FAILED);
	assert_false(rig_backend.is_open);
}

static void one_request_at_a_time(void **state)
{
	struct answer a = {0}, b = {0};

	open_now();
	volume_flush(volume, done, &a);
	volume_grow(volume, RIG_SIZE_BYTES, done, &b);
	assert_int_equal(b.result, -EBUSY);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, 0);
	close_now();
}

static void grows_online_and_refuses_to_shrink(void **state)
{
	struct answer a = {0}, b = {0}, c = {0};

	open_now();
	volume_grow(volume, RIG_SIZE_BYTES, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, 0);
	assert_int_equal(volume_size_bytes(volume), RIG_SIZE_BYTES);
	volume_grow(volume, RIG_SIZE_BYTES / 2, done, &b);
	fake_env_settle(&fe);
	assert_int_equal(b.result, -EINVAL);
	assert_string_equal(b.err.field, "size_bytes");
	volume_grow(volume, 2 * RIG_SIZE_BYTES, done, &c);
	fake_env_settle(&fe);
	assert_int_equal(c.result, -ENOSPC);
	assert_int_equal(volume_size_bytes(volume), RIG_SIZE_BYTES);
	close_now();
}

static void filters_come_and_go_while_it_serves(void **state)
{
	struct plan_filter f = {.name = "plain"};
	struct answer a = {0}, b = {0}, c = {0}, d = {0};

	volume_attach(volume, &f, done, &a);
	assert_int_equal(a.result, -ENOTCONN);
	open_now();
	volume_attach(volume, &f, done, &b);
	fake_env_settle(&fe);
	assert_int_equal(b.result, 0);
	assert_int_equal(volume_plan(volume)->filter_count, 1);
	volume_attach(volume, &f, done, &c);
	fake_env_settle(&fe);
	assert_int_equal(c.result, -EEXIST);
	volume_detach(volume, "plain", done, &d);
	fake_env_settle(&fe);
	assert_int_equal(d.result, 0);
	assert_int_equal(volume_plan(volume)->filter_count, 0);
	close_now();
}

/* Else nobody could open it again. */
static void filter_can_be_taken_out_of_a_volume_that_is_not_open(void **state)
{
	struct answer a = {0}, b = {0}, c = {0};

	with_filters("plain", "absent");
	volume_open(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(volume_state(volume), VOLUME_FAILED);
	volume_detach(volume, "absent", done, &b);
	fake_env_settle(&fe);
	assert_int_equal(b.result, 0);
	assert_int_equal(volume_plan(volume)->filter_count, 1);
	open_now();
	close_now();
	volume_quarantine(volume, "plain", "it crashed three times");
	volume_detach(volume, "plain", done, &c);
	assert_int_equal(c.result, 0);
	assert_int_equal(volume_state(volume), VOLUME_QUARANTINED);
	open_now();
	assert_int_equal(volume_plan(volume)->filter_count, 0);
	close_now();
}

static void close_ring(struct serve_ring *r, void *ctx)
{
	serve_ring_close(r);
}

static void close_waits_for_its_rings_and_their_commands(void **state)
{
	struct serve_ring_cfg cfg = {
	    .base = client.base, .size_bytes = client.h->total_bytes, .incarnation = 5};
	struct serve_ring *r;
	struct answer a = {0};

	open_now();
	assert_int_equal(serve_ring_open(volume_serve(volume), &cfg, &r, NULL), 0);
	volume_close(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(drains, 1);
	assert_int_equal(volume_state(volume), VOLUME_DRAINING);
	assert_string_equal(volume_reason(volume), "it waits for its initiators' commands to end");
	assert_int_equal(volume_admit(volume, NULL), -EAGAIN);
	serve_ring_drain(r, close_ring, NULL);
	fake_env_settle(&fe);
	volume_ring_gone(volume);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 1);
	assert_int_equal(volume_state(volume), VOLUME_CLOSED);
	assert_string_equal(volume_reason(volume), "");
}

/* What a crash would take back must not be seen by anybody yet. */
static void changes_are_noted_before_they_are_in_force(void **state)
{
	struct serve_ring_cfg cfg = {
	    .base = client.base, .size_bytes = client.h->total_bytes, .incarnation = 5};
	struct plan_filter f = {.name = "plain"};
	struct answer a = {0}, b = {0}, c = {0};
	struct serve_ring *r;

	host.notes_changes = true;
	open_now();
	assert_int_equal(serve_ring_open(volume_serve(volume), &cfg, &r, NULL), 0);
	volume_attach(volume, &f, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.result, 0);
	rig_submit_write(&client, 0, 0, 1, 0x11);
	serve_ring_poll(r, 8);
	fake_env_settle(&fe);
	assert_int_equal(rig_backend.submits, 0);
	volume_flush(volume, done, &b);
	assert_int_equal(b.result, -EBUSY);
	volume_confirm(volume);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 0), SCSI_GOOD);
	volume_grow(volume, RIG_SIZE_BYTES, done, &c);
	fake_env_settle(&fe);
	assert_int_equal(c.result, 0);
	rig_submit_read(&client, 1, RIG_SIZE_BYTES / 2 / 512, 1);
	serve_ring_poll(r, 8);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 1), SCSI_CHECK_CONDITION);
	volume_confirm(volume);
	volume_confirm(volume); /* nothing waits any more */
	rig_submit_read(&client, 2, RIG_SIZE_BYTES / 2 / 512, 1);
	serve_ring_poll(r, 8);
	fake_env_settle(&fe);
	assert_int_equal(rig_take(&client, 2), SCSI_GOOD);
	serve_ring_drain(r, close_ring, NULL);
	fake_env_settle(&fe);
	close_now();
}

static void quarantined_volume_opens_only_when_told_to(void **state)
{
	volume_quarantine(volume, "plain", "it crashed three times");
	assert_int_equal(volume_state(volume), VOLUME_QUARANTINED);
	assert_int_equal(volume_admit(volume, NULL), -EAGAIN);
	assert_string_equal(volume_reason(volume), "it crashed three times");
	open_now();
	assert_string_equal(volume_reason(volume), "");
	close_now();
}

static void failed_flush_is_told(void **state)
{
	struct answer a = {0};

	open_now();
	rig_backend.fail_status = SLUICE_ERR_IO;
	volume_flush(volume, done, &a);
	fake_env_settle(&fe);
	assert_int_equal(a.result, -EIO);
	rig_backend.fail_status = 0;
	close_now();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    T(opens_serves_and_closes_again_and_again),
	    T(waits_for_a_locked_image_and_serves_within_10_ms_of_its_release),
	    T(who_asked_hears_after_5_s_that_the_image_is_locked_and_the_wait_goes_on),
	    T(close_ends_a_wait_for_the_lock),
	    T(image_that_does_not_open_leaves_a_failed_volume_with_the_reason),
	    T(filter_that_is_not_there_or_refuses_takes_the_open_back),
	    T(one_request_at_a_time),
	    T(grows_online_and_refuses_to_shrink),
	    T(filters_come_and_go_while_it_serves),
	    T(filter_can_be_taken_out_of_a_volume_that_is_not_open),
	    T(close_waits_for_its_rings_and_their_commands),
	    T(changes_are_noted_before_they_are_in_force),
	    T(quarantined_volume_opens_only_when_told_to),
	    T(failed_flush_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
