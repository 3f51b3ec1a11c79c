/* SPDX-License-Identifier: MIT */
/* test_encryption_filter_states.c - locked and unlocked, over commands, restarts and refusals. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "encryption_rig.h"

static void assert_closed(struct rig *r, enum sluice_status wanted)
{
	static const enum sluice_op ops[] = {SLUICE_OP_READ, SLUICE_OP_WRITE, SLUICE_OP_UNMAP,
					     SLUICE_OP_WRITE_ZEROES, SLUICE_OP_EXTENT};
	static uint8_t before[65536], after[65536];

	rig_raw(r, 0, sizeof(before), before);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		assert_int_equal(rig_io(r, ops[i], 0, 4096, r->buf), wanted);
	assert_int_equal(rig_io(r, SLUICE_OP_FLUSH, 0, 0, NULL), SLUICE_OK);
	rig_raw(r, 0, sizeof(after), after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(r->ready, wanted);
}

static void nothing_passes_before_the_format_or_without_the_key(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_string_equal(rig_state(&r), "unformatted");
	assert_closed(&r, SLUICE_ERR_LOCKED);
	assert_true(rig_command(&r, "unlock", "{}", "a") < 0);
	rig_format(&r);
	assert_string_equal(rig_state(&r), "unlocked");
	assert_int_equal(r.ready, SLUICE_OK);
	assert_int_equal(rig_write(&r, 0, 4096, 1), SLUICE_OK);
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	assert_closed(&r, SLUICE_ERR_LOCKED);
	assert_int_equal(rig_command(&r, "unlock", "{}", "b"), -EKEYREJECTED);
	assert_closed(&r, SLUICE_ERR_LOCKED);
	assert_true(rig_command(&r, "unlock", "{}", "") < 0);
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	rig_check(&r, 0, 4096, 1);
	assert_non_null(
	    strstr(r.kinds, "encryption_unlocked encryption_locked encryption_unlocked"));
	rig_close(&r);
}

/* As after a crash: the host's keyring has it. */
static void a_restart_serves_at_once_with_the_kept_key(void **state)
{
	struct rig r;

	rig_open(&r, 4096, "");
	rig_format(&r);
	assert_int_equal(rig_write(&r, 0, 65536, 1), SLUICE_OK);
	r.kinds[0] = '\0';
	rig_restart(&r);
	assert_string_equal(rig_state(&r), "unlocked");
	rig_check(&r, 0, 65536, 1);
	assert_string_equal(r.kinds, "");
	/* Also when the header has gone meanwhile; but not without saying so. */
	rig_remove(&r, "luks");
	rig_remove(&r, "luksbackup");
	rig_restart(&r);
	rig_check(&r, 0, 65536, 1);
	assert_string_equal(r.kinds, "encryption_header_damaged ");
	rig_close(&r);
}

static void a_restart_without_the_key_waits_for_it(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	rig_format(&r);
	assert_int_equal(rig_write(&r, 0, 65536, 1), SLUICE_OK);
	memset(r.secrets, 0, sizeof(r.secrets));
	rig_restart(&r);
	assert_string_equal(rig_state(&r), "locked");
	assert_closed(&r, SLUICE_ERR_LOCKED);
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	rig_check(&r, 0, 65536, 1);
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	rig_restart(&r);
	assert_string_equal(rig_state(&r), "locked"); /* the keyring has forgotten it, too */
	rig_close(&r);
}

static void a_key_that_cannot_be_kept_is_not_served_with(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	r.key_put_result = -EPERM;
	assert_int_equal(rig_command(&r, "format", "{}", "a"), -EPERM);
	assert_non_null(strstr(r.err.text, "RLIMIT_MEMLOCK"));
	assert_closed(&r, SLUICE_ERR_LOCKED);
	r.key_put_result = 0;
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	assert_int_equal(r.ready, SLUICE_OK);
	rig_close(&r);
}

static void a_damaged_header_is_told_from_a_missing_key(void **state)
{
	struct rig r;
	char path[128];
	FILE *f;

	rig_open(&r, 512, "");
	rig_format(&r);
	memset(r.secrets, 0, sizeof(r.secrets));
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/v.luks%s", r.folder, i ? "backup" : "");
		f = fopen(path, "w");
		assert_non_null(f);
		fputs("this was a header", f);
		fclose(f);
	}
	rig_restart(&r);
	assert_string_equal(rig_state(&r), "damaged");
	assert_closed(&r, SLUICE_ERR_NOT_READY);
	assert_true(rig_command(&r, "unlock", "{}", "a") < 0);
	assert_true(rig_command(&r, "format", "{}", "a") < 0);
	rig_close(&r);
}

static void a_lost_header_is_told_from_one_that_was_never_made(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	rig_format(&r);
	rig_remove(&r, "luks");
	rig_remove(&r, "luksbackup");
	memset(r.secrets, 0, sizeof(r.secrets));
	rig_restart(&r);
	assert_string_equal(rig_state(&r), "damaged");
	assert_closed(&r, SLUICE_ERR_NOT_READY);
	assert_true(rig_command(&r, "format", "{}", "a") < 0);
	assert_int_equal(rig_detach(&r), -EBUSY);
	/* Who gives it up says so. */
	assert_int_equal(rig_command(&r, "erase", "{\"confirm\":\"v\"}", ""), 0);
	rig_restart(&r);
	assert_string_equal(rig_state(&r), "unformatted");
	rig_close(&r);
}

static void the_filter_stays_while_the_volume_needs_it(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	rig_format(&r);
	assert_int_equal(rig_write(&r, 0, 4096, 1), SLUICE_OK);
	assert_int_equal(rig_detach(&r), -EBUSY);
	assert_non_null(strstr(r.err.text, "the volume is encrypted"));
	rig_check(&r, 0, 4096, 1);
	assert_int_equal(rig_set(&r, "sector_bytes=512,key_id=other"), 0);
	rig_check(&r, 0, 4096, 1);
	assert_int_equal(rig_command(&r, "lock", "{}", ""), 0);
	assert_int_equal(rig_detach(&r), -EBUSY);
	assert_true(rig_command(&r, "erase", "{\"confirm\":\"w\"}", "") < 0);
	assert_int_equal(rig_command(&r, "erase", "{\"confirm\":\"v\"}", ""), 0);
	assert_string_equal(rig_state(&r), "unformatted");
	assert_closed(&r, SLUICE_ERR_LOCKED);
	assert_int_equal(rig_detach(&r), 0);
	assert_int_equal(r.ready, SLUICE_OK);
	assert_int_equal(rig_try_attach(&r, ""), 0);
	rig_close(&r);
}

static void the_sector_size_is_fixed_with_the_format(void **state)
{
	struct rig r;

	rig_open(&r, 4096, "");
	assert_int_equal(rig_set(&r, "sector_bytes=512"), 0);
	rig_format(&r);
	assert_int_equal(rig_figure(&r, "sector_bytes"), 512);
	assert_int_equal(rig_set(&r, "sector_bytes=4096"), -EBUSY);
	assert_int_equal(rig_write(&r, 0, 65536, 1), SLUICE_OK);
	/* The header says it, whatever the parameters say at the next start. */
	snprintf(r.params, sizeof(r.params), "sector_bytes=4096");
	memset(r.secrets, 0, sizeof(r.secrets));
	rig_restart(&r);
	assert_int_equal(rig_command(&r, "unlock", "{}", "a"), 0);
	assert_int_equal(rig_figure(&r, "sector_bytes"), 512);
	rig_check(&r, 0, 65536, 1);
	rig_close(&r);
}

static void a_volume_with_data_is_formatted_only_on_purpose(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_int_equal(rig_detach(&r), 0);
	assert_int_equal(rig_write(&r, 200 << 20, 4096, 1), SLUICE_OK);
	assert_int_equal(rig_try_attach(&r, ""), 0);
	assert_int_equal(rig_command(&r, "format", "{}", "a"), -ENOTEMPTY);
	assert_non_null(strstr(r.err.text, "holds data at byte 209715200"));
	assert_string_equal(rig_state(&r), "unformatted");
	assert_int_equal(rig_command(&r, "format", "{\"discard_data\":true}", "a"), 0);
	rig_check_zeros(&r, 200 << 20, 4096);
	rig_close(&r);
}

static void commands_say_what_is_wrong(void **state)
{
	struct rig r;

	rig_open(&r, 512, "");
	assert_true(rig_command(&r, "open", "{}", "a") < 0);
	assert_non_null(strstr(r.err.text, "there are format, unlock, lock"));
	assert_true(rig_command(&r, "format", "{\"key_id\":\"a\\\"b\"}", "a") < 0);
	assert_true(rig_command(&r, "format", "{\"key_id\":7}", "a") < 0);
	rig_format(&r);
	assert_int_equal(rig_command(&r, "status", "{}", ""), 0);
	assert_non_null(strstr(r.reply, "\"key_id\":\"k\""));
	assert_true(rig_command(&r, "rekey_shallow", "{\"key_id\":\"n\"}", "a") < 0); /* half */
	assert_int_equal(rig_command(&r, "rekey_shallow", "{\"key_id\":\"n\"}", "ab"), 0);
	assert_non_null(strstr(r.reply, "\"key_id\":\"n\""));
	rig_close(&r);
}

static void rekeyed(void *ctx, int result, const char *reply_json, const struct err *err)
{
	rig_ended(ctx, result, err);
}

static void snapshot(struct rig *r, struct rig_ending *e)
{
	static const struct sluice_event ev = {.kind = SLUICE_EVENT_SNAPSHOT, .name = "s"};

	e->result = -EINPROGRESS;
	chain_event(r->c, &ev, rig_ended, e);
	rig_settle(r);
}

static void a_snapshot_while_the_header_changes_is_to_be_tried_again(void **state)
{
	struct rig_ending rekey = {-EINPROGRESS, ""}, point;
	char keks[64];
	int fds[2];
	struct rig r;

	rig_open(&r, 512, "");
	rig_format(&r);
	memset(keks, 'a', 32);
	memset(keks + 32, 'b', 32);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], keks, sizeof(keks)), sizeof(keks));
	close(fds[1]);
	chain_command(r.c, "encryption", "rekey_shallow", "{\"key_id\":\"n\"}", fds[0], rekeyed,
		      &rekey);
	assert_int_equal(rekey.result, -EINPROGRESS);
	snapshot(&r, &point);
	assert_int_equal(point.result, -EAGAIN);
	assert_non_null(strstr(point.text, "try again"));
	assert_int_equal(rekey.result, 0);
	close(fds[0]);
	snapshot(&r, &point);
	assert_int_equal(point.result, 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(nothing_passes_before_the_format_or_without_the_key),
	    T(a_restart_serves_at_once_with_the_kept_key),
	    T(a_restart_without_the_key_waits_for_it),
	    T(a_key_that_cannot_be_kept_is_not_served_with),
	    T(a_damaged_header_is_told_from_a_missing_key),
	    T(a_lost_header_is_told_from_one_that_was_never_made),
	    T(the_filter_stays_while_the_volume_needs_it),
	    T(the_sector_size_is_fixed_with_the_format),
	    T(a_volume_with_data_is_formatted_only_on_purpose),
	    T(commands_say_what_is_wrong),
	    T(a_snapshot_while_the_header_changes_is_to_be_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
