/* SPDX-License-Identifier: MIT */
/* test_encryption_filter_order.c - who is called when, and who sees what: clear above, ciphertext
 * below, at either place in the chain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "encryption_rig.h"

static char calls[256];
static uint8_t seen_down[4096], seen_up[4096]; /* by the one above or below that is looked at */
static const void *buf_down, *buf_up;
static const char *looked_at;

static void note(const char *who, const char *what, const struct sluice_io *io)
{
	size_t n = strlen(calls);
	bool is_down = what[0] == '>';

	snprintf(calls + n, sizeof(calls) - n, "%s%s ", who, what);
	if (strcmp(who, looked_at) != 0 || !io->buf)
		return;
	memcpy(is_down ? seen_down : seen_up, io->buf, sizeof(seen_down));
	*(is_down ? &buf_down : &buf_up) = io->buf;
}

static enum sluice_verdict above_submit(struct sluice_filter *f, struct sluice_io *io)
{
	note("above", ">", io);
	return SLUICE_PASS;
}

static enum sluice_verdict above_done(struct sluice_filter *f, struct sluice_io *io)
{
	note("above", "<", io);
	return SLUICE_PASS;
}

static enum sluice_verdict below_submit(struct sluice_filter *f, struct sluice_io *io)
{
	note("below", ">", io);
	return SLUICE_PASS;
}

static enum sluice_verdict below_done(struct sluice_filter *f, struct sluice_io *io)
{
	note("below", "<", io);
	return SLUICE_PASS;
}

static const struct sluice_filter_ops replication = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(replication),
    .name = "above",
    .version = "1",
    .help = "Looks.",
    .cls = SLUICE_CLASS_REPLICATION,
    .op_mask = SLUICE_OPS_ALL,
    .submit = above_submit,
    .done = above_done,
};

static const struct sluice_filter_ops cache = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(cache),
    .name = "below",
    .version = "1",
    .help = "Looks.",
    .cls = SLUICE_CLASS_CACHE,
    .op_mask = SLUICE_OPS_ALL,
    .submit = below_submit,
    .done = below_done,
};

static void scene(struct rig *r, const char *who)
{
	rig_format(r);
	rig_attach_other(r, &replication);
	rig_attach_other(r, &cache);
	looked_at = who;
	calls[0] = '\0';
	rig_fill(r->check, 4096, 5);
}

static void below_sees_ciphertext_in_another_buffer(void **state)
{
	static uint8_t raw[4096];
	struct rig r;

	rig_open(&r, 512, "");
	scene(&r, "below");
	assert_int_equal(rig_write(&r, 0, 4096, 5), SLUICE_OK);
	assert_string_equal(calls, "above> below> below< above< ");
	assert_memory_not_equal(seen_down, r.check, 512);
	assert_ptr_not_equal(buf_down, r.buf);
	assert_ptr_equal(buf_down, buf_up);
	rig_raw(&r, 0, 4096, raw);
	assert_memory_equal(seen_down, raw, 4096);
	rig_check(&r, 0, 4096, 5);
	assert_memory_equal(seen_up, raw, 4096); /* of the read: not decrypted yet */
	rig_close(&r);
}

static void above_sees_clear_data_in_the_initiators_buffer(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	scene(&r, "above");
	assert_int_equal(rig_write(&r, 0, 4096, 5), SLUICE_OK);
	assert_memory_equal(seen_down, r.check, 4096);
	assert_memory_equal(seen_up, r.check, 4096);
	assert_ptr_equal(buf_down, r.buf);
	assert_ptr_equal(buf_up, r.buf);
	rig_check(&r, 0, 4096, 5);
	assert_memory_equal(seen_up, r.check, 4096);
	rig_close(&r);
}

/* Position 150: what stands above by its class sees ciphertext, too. */
static void above_replication_its_data_is_ciphertext(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_int_equal(rig_detach(&r), 0);
	r.position = 150;
	assert_int_equal(rig_try_attach(&r, ""), 0);
	scene(&r, "above");
	assert_int_equal(rig_write(&r, 0, 4096, 5), SLUICE_OK);
	assert_string_equal(calls, "above> below> below< above< ");
	assert_memory_not_equal(seen_down, r.check, 512);
	rig_check(&r, 0, 4096, 5);
	assert_memory_not_equal(seen_up, r.check, 512);
	rig_close(&r);
}

/* Its journal would hold the volume in clear. */
static void below_replication_it_is_refused(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_int_equal(rig_detach(&r), 0);
	rig_attach_other(&r, &replication);
	assert_int_equal(rig_try_attach(&r, "allow_filters_before=true"), -EINVAL);
	r.position = 150;
	assert_int_equal(rig_try_attach(&r, ""), 0);
	rig_close(&r);
}

static void a_locked_volume_reaches_nobody_below(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	scene(&r, "below");
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	assert_int_equal(rig_write(&r, 0, 4096, 5), SLUICE_ERR_LOCKED);
	assert_int_equal(rig_io(&r, SLUICE_OP_READ, 0, 4096, r.buf), SLUICE_ERR_LOCKED);
	assert_int_equal(rig_write(&r, 0, 3 << 20, 5), SLUICE_ERR_LOCKED);
	assert_string_equal(calls, "above> above< above> above< above> above< ");
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(below_sees_ciphertext_in_another_buffer),
	    T(above_sees_clear_data_in_the_initiators_buffer),
	    T(above_replication_its_data_is_ciphertext),
	    T(below_replication_it_is_refused),
	    T(a_locked_volume_reaches_nobody_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
