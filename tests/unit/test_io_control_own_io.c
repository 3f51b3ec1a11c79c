/* SPDX-License-Identifier: MIT */
/* The appliance's own I/O takes what initiators leave, and is never quite starved. */
#include "io_control_rig.h"

#include <string.h>

#define OWNS 16

static struct rig r;

/* A filter above io_control that keeps some I/Os of its own under way, as a write-back does. */
static struct {
	struct sluice_filter *f;
	struct sluice_own_io own[OWNS];
	uint64_t ended;
	bool is_stopping;
} writer;

static uint8_t data[4096];

static void own_ended(struct sluice_own_io *own)
{
	assert_int_equal(own->status, SLUICE_OK);
	writer.ended++;
	if (!writer.is_stopping)
		assert_int_equal(sluice_own_submit(writer.f, own), 0);
}

static uint16_t flags;

static void write_back(void)
{
	for (int i = 0; i < OWNS; i++) {
		writer.own[i] = (struct sluice_own_io){.op = SLUICE_OP_WRITE,
						       .flags = flags,
						       .len_bytes = 4096,
						       .buf = data,
						       .fn = own_ended};
		assert_int_equal(sluice_own_submit(writer.f, &writer.own[i]), 0);
	}
}

static int writer_attach(struct sluice_filter *f, const union sluice_value *values,
			 struct sluice_error *err)
{
	writer.f = f;
	return 0;
}

static void writer_drain(struct sluice_filter *f, bool begin)
{
	writer.is_stopping = begin;
}

static const struct sluice_filter_ops writer_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(writer_ops),
    .name = "writer",
    .version = "1",
    .help = "A test's.",
    .cls = SLUICE_CLASS_CACHE,
    .op_mask = SLUICE_OPS_ALL,
    .attach = writer_attach,
    .drain = writer_drain,
};

static void open_writer(const char *group)
{
	memset(&writer, 0, sizeof(writer));
	rig_open(&r, 4, 2000, 2);
	rig_attach_other(&r, 0, &writer_ops);
	rig_attach(&r, 0, "");
	rig_attach(&r, 1, "");
	rig_group(&r, group);
	writer.is_stopping = false;
	write_back();
}

static void alone_it_has_the_device(void **state)
{
	open_writer("enabled=true,threshold_mode=manual,threshold_us=5000");
	rig_run_ms(&r, 5000);
	assert_in_range(writer.ended, 9900, 10000);
	rig_close(&r);
}

static void under_congestion_initiators_come_first(void **state)
{
	open_writer("enabled=true,threshold_mode=manual,threshold_us=5000");
	rig_load(&r, 1, 48, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	rig_forget(&r);
	writer.ended = 0;
	rig_run_ms(&r, 10000);
	assert_true(r.v[1].ended > 19400);
	assert_in_range(writer.ended, 250, 400); /* a trickle: one in 64 */
	assert_true(rig_status(&r, 0, "background.queued") > 0);
	rig_close(&r);
}

static void what_an_initiator_waits_for_is_the_volumes(void **state)
{
	struct sluice_figures sum;

	flags = SLUICE_IO_URGENT;
	open_writer("enabled=true,threshold_mode=manual,threshold_us=5000");
	flags = 0;
	chain_figures(r.v[0].c, &sum);
	assert_null(sum.throttle);
	rig_load(&r, 1, OWNS, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	rig_forget(&r);
	writer.ended = 0;
	rig_run_ms(&r, 10000);
	assert_in_range(writer.ended, 9000, 11000); /* half, as equal shares have it */
	assert_int_equal(rig_status(&r, 0, "background.served"), 0);
	chain_figures(r.v[0].c, &sum);
	assert_non_null(sum.throttle);
	assert_true(strcmp(sum.throttle, "share") == 0 || strcmp(sum.throttle, "window") == 0);
	rig_close(&r);
}

static void without_control_they_are_equal(void **state)
{
	open_writer("enabled=false");
	rig_load(&r, 1, OWNS, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 2000);
	assert_in_range(writer.ended, 1900, 2100);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(alone_it_has_the_device),
	    T(under_congestion_initiators_come_first),
	    T(what_an_initiator_waits_for_is_the_volumes),
	    T(without_control_they_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
