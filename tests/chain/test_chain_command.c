/* SPDX-License-Identifier: MIT */
/* An administrator's commands: answered at once or later, one at a time, never lost. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct rig r;
static struct t_filter *a;
static int command_result;
static bool answers_inside;
static const struct sluice_command *seen;

struct answer {
	uint32_t count;
	int result;
	char reply[256];
	struct err err;
};

static void answered(void *ctx, int result, const char *reply_json, const struct err *err)
{
	struct answer *got = ctx;

	got->count++;
	got->result = result;
	assert_true((result < 0) == (err != NULL) && (result < 0) == (reply_json == NULL));
	if (err)
		got->err = *err;
	else
		snprintf(got->reply, sizeof(got->reply), "%s", reply_json);
}

static int on_command(struct sluice_filter *f, const struct sluice_command *cmd,
		      struct sluice_error *err)
{
	assert_string_equal(r.blame, "A");
	assert_string_equal(cmd->reply_json, "{}");
	seen = cmd;
	rig_log(&r, "%s%s ", cmd->name, cmd->args_json);
	if (answers_inside)
		sluice_command_done(f, command_result, "{\"inside\":1}", err);
	if (answers_inside || command_result == SLUICE_PENDING)
		return SLUICE_PENDING;
	if (command_result < 0)
		snprintf(err->text, sizeof(err->text), "12 bytes are dirty, not 7");
	else
		snprintf(cmd->reply_json, cmd->reply_bytes, "{\"dropped_bytes\":7}");
	return command_result;
}

static int open_one(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_CACHE);
	a->ops.command = on_command;
	rig_attach(&r, a);
	command_result = 0;
	answers_inside = false;
	return 0;
}

static int close_one(void **state)
{
	rig_close(&r);
	return 0;
}

static struct answer command(const char *filter, int fd)
{
	static struct answer got; /* outlives a pending one */

	memset(&got, 0, sizeof(got));
	chain_command(r.c, filter, "drop", "{\"dirty_bytes\":7}", fd, answered, &got);
	return got;
}

static void a_reply_comes_back(void **state)
{
	struct answer got = command("A", 42);

	assert_int_equal(got.count, 1);
	assert_int_equal(got.result, 0);
	assert_string_equal(got.reply, "{\"dropped_bytes\":7}");
	rig_expect(&r, "drop{\"dirty_bytes\":7} ");
	assert_string_equal(r.blame, "");
}

static void a_refusal_has_the_filters_sentence(void **state)
{
	struct answer got;

	command_result = -ERANGE;
	got = command("A", -1);
	assert_int_equal(got.result, -ERANGE);
	assert_non_null(strstr(got.err.text, "12 bytes are dirty, not 7"));
	assert_non_null(strstr(got.err.text, "'drop'"));
}

static void one_may_be_answered_inside(void **state)
{
	struct answer got;

	answers_inside = true;
	got = command("A", -1);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.reply, "{\"inside\":1}");
	rig_expect_quiet(&r);
}

static void a_pending_one_keeps_its_descriptor_and_a_second_one_is_refused(void **state)
{
	struct answer first = {0}, second = {0};

	command_result = SLUICE_PENDING;
	chain_command(r.c, "A", "unlock", "{}", 42, answered, &first);
	assert_int_equal(first.count, 0);
	chain_command(r.c, "A", "drop", "{}", -1, answered, &second);
	assert_int_equal(second.result, -EBUSY);
	assert_non_null(strstr(second.err.text, "'unlock'"));
	assert_int_equal(seen->fd, 42);
	assert_string_equal(seen->name, "unlock");
	rig_go(&r, SLUICE_OP_READ); /* it holds up nothing */
	rig_expect(&r, "unlock{} A>=A<!");
	sluice_command_done(a->f, 0, "{\"keys\":1}", NULL);
	assert_int_equal(first.count, 1);
	assert_string_equal(first.reply, "{\"keys\":1}");
	command_result = 0;
	chain_command(r.c, "A", "drop", "{}", -1, answered, &second);
	assert_int_equal(second.result, 0);
}

static void a_long_one_is_told_once_and_goes_on(void **state)
{
	struct answer got = {0};
	uint32_t reports = r.reports;

	command_result = SLUICE_PENDING;
	chain_command(r.c, "A", "flush", "{}", -1, answered, &got);
	fake_env_advance(&r.fe, 3900 * MS);
	rig_expect_quiet(&r);
	fake_env_advance(&r.fe, 200 * MS);
	rig_expect_report(&r, "filter_command_slow", "A");
	fake_env_advance(&r.fe, 600 * 1000 * MS);
	assert_int_equal(r.reports, reports + 1);
	assert_int_equal(got.count, 0);
	sluice_command_done(a->f, -EIO, NULL, &(struct sluice_error){.text = "it went wrong"});
	assert_int_equal(got.result, -EIO);
	assert_non_null(strstr(got.err.text, "it went wrong"));
}

static void a_detach_ends_the_one_under_way(void **state)
{
	struct answer got = {0};

	command_result = SLUICE_PENDING;
	chain_command(r.c, "A", "warm", "{}", -1, answered, &got);
	assert_int_equal(rig_detach(&r, "A"), 0);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.result, -ECANCELED);
}

static void what_cannot_be_commanded_is_said(void **state)
{
	struct t_filter *b = rig_filter(&r, "B", SLUICE_CLASS_INSPECTION);

	rig_attach(&r, b);
	assert_int_equal(command("none", -1).result, -ENOENT);
	assert_int_equal(command("B", -1).result, -EOPNOTSUPP);
	sluice_command_done(b->f, 0, "{}", NULL);
	rig_expect_report(&r, "filter_misuse", "B");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_reply_comes_back),
	    TEST(a_refusal_has_the_filters_sentence),
	    TEST(one_may_be_answered_inside),
	    TEST(a_pending_one_keeps_its_descriptor_and_a_second_one_is_refused),
	    TEST(a_long_one_is_told_once_and_goes_on),
	    TEST(a_detach_ends_the_one_under_way),
	    TEST(what_cannot_be_commanded_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
