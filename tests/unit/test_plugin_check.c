/* SPDX-License-Identifier: MIT */
/* plugin_check(): a table is refused for one fault, and the fault is named. */
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "plugin.h"

static const char *const choices[] = {"a", "b", NULL};
static struct sluice_param params[2];
static struct sluice_filter_ops ops;
static struct err err;

static int good_table(void **state)
{
	params[0] = (struct sluice_param){
	    .name = "wait_us", .type = SLUICE_TYPE_U64, .unit = "us", .max = 9, .help = "h"};
	params[1] = (struct sluice_param){.name = "mode",
					  .type = SLUICE_TYPE_ENUM,
					  .unit = "",
					  .choices = choices,
					  .def = 1,
					  .help = "h"};
	ops = (struct sluice_filter_ops){.abi = SLUICE_SDK_ABI,
					 .struct_bytes = sizeof(ops),
					 .name = "good_1",
					 .version = "1",
					 .help = "h",
					 .cls = SLUICE_CLASS_CACHE,
					 .op_mask = SLUICE_OPS_ALL,
					 .params = params,
					 .param_count = 2};
	return 0;
}

#define refused(code, says)                                                                        \
	do {                                                                                       \
		assert_int_equal(plugin_check(&ops, &err), -(code));                               \
		if (!strstr(err.text, says))                                                       \
			fail_msg("'%s' does not say '%s'", err.text, says);                        \
	} while (0)

static void a_good_table_passes(void **state)
{
	assert_int_equal(plugin_check(&ops, &err), 0);
	ops.param_count = 0;
	ops.params = NULL;
	assert_int_equal(plugin_check(&ops, &err), 0);
}

static void another_abi_is_refused_with_both_versions(void **state)
{
	char ours[32];

	snprintf(ours, sizeof(ours), "this filterd has %u", SLUICE_SDK_ABI);
	ops.abi = 77;
	ops.name = NULL; /* nothing behind the ABI is looked at */
	refused(EPROTO, "SDK ABI 77");
	refused(EPROTO, ours);
	ops.abi = SLUICE_SDK_ABI;
	ops.struct_bytes = 8;
	refused(EPROTO, "table has 8 bytes");
}

static int settles(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *error)
{
	return 0;
}

static void who_keeps_dirty_data_is_not_transparent(void **state)
{
	ops.settle = settles;
	assert_int_equal(plugin_check(&ops, &err), 0);
	ops.flags = SLUICE_FILTER_TRANSPARENT;
	refused(EINVAL, "keeps dirty data");
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = {
	    NULL, "", "Upper", "dash-ed", "dot.ted", "../x", "a23456789012345678901234567890123"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ops.name = bad[i];
		refused(EINVAL, "[a-z0-9_]{1,32}");
	}
	ops.name = "a2345678901234567890123456789012";
	assert_int_equal(plugin_check(&ops, &err), 0);
}

static void class_ops_flags_and_sizes_are_checked(void **state)
{
	ops.cls = (enum sluice_class)150;
	refused(EINVAL, "class 150");
	good_table(NULL);
	ops.op_mask = 0;
	refused(EINVAL, "declares ops 0x0");
	ops.op_mask = 1u << 20;
	refused(EINVAL, "0x100000");
	good_table(NULL);
	ops.flags = 4;
	refused(EINVAL, "unknown flags 0x4");
	good_table(NULL);
	ops.io_ctx_bytes = 1 << 20;
	refused(EINVAL, "1048576 bytes per I/O");
	good_table(NULL);
	ops.version = NULL;
	refused(EINVAL, "no version");
	good_table(NULL);
	ops.help = NULL;
	refused(EINVAL, "no help");
}

static void each_fault_of_a_parameter_is_named(void **state)
{
	params[0].min = 10;
	refused(EINVAL, "min is above its max");
	good_table(NULL);
	params[0].def = 10;
	refused(EINVAL, "default is outside");
	good_table(NULL);
	params[0].name = "wait";
	refused(EINVAL, "does not end in its unit");
	good_table(NULL);
	params[0].unit = NULL;
	refused(EINVAL, "no unit");
	good_table(NULL);
	params[0].help = NULL;
	refused(EINVAL, "no help");
	good_table(NULL);
	params[0].name = "Wait_us";
	refused(EINVAL, "parameter 0");
	good_table(NULL);
	params[1].name = "wait_us";
	refused(EINVAL, "twice");
	good_table(NULL);
	params[1].choices = NULL;
	refused(EINVAL, "no choices");
	good_table(NULL);
	params[1].def = 2;
	refused(EINVAL, "index of a choice");
	good_table(NULL);
	params[1].type = (enum sluice_type)9;
	refused(EINVAL, "type is unknown");
	good_table(NULL);
	params[1] = (struct sluice_param){
	    .name = "b", .type = SLUICE_TYPE_BOOL, .unit = "", .def = 2, .help = "h"};
	refused(EINVAL, "neither 0 nor 1");
	params[1] = (struct sluice_param){.name = "s",
					  .type = SLUICE_TYPE_STRING,
					  .unit = "",
					  .max = 2,
					  .def_string = "abc",
					  .help = "h"};
	refused(EINVAL, "longer than its max");
	good_table(NULL);
	ops.params = NULL;
	refused(EINVAL, "without a table");
}

static int g_create(struct sluice_group *g, const union sluice_value *values,
		    struct sluice_error *e)
{
	return 0;
}

static void g_destroy(struct sluice_group *g) {}

static int g_reconfigure(struct sluice_group *g, enum sluice_phase phase,
			 const union sluice_value *values, struct sluice_error *e)
{
	return 0;
}

static size_t g_status(struct sluice_group *g, char *json, size_t size_bytes)
{
	return 0;
}

static void give_group(void)
{
	good_table(NULL);
	ops.group_create = g_create;
	ops.group_destroy = g_destroy;
	ops.group_reconfigure = g_reconfigure;
	ops.group_status = g_status;
	ops.group_params = params;
	ops.group_param_count = 2;
}

static void a_group_is_whole_or_none(void **state)
{
	give_group();
	assert_int_equal(plugin_check(&ops, &err), 0);
	ops.group_params = NULL;
	ops.group_param_count = 0;
	assert_int_equal(plugin_check(&ops, &err), 0);
	ops.group_create = NULL;
	refused(EINVAL, "has 3 of group_create");
	give_group();
	ops.group_destroy = NULL;
	refused(EINVAL, "have all four, or none");
	give_group();
	ops.group_reconfigure = NULL;
	refused(EINVAL, "have all four, or none");
	give_group();
	ops.group_status = NULL;
	refused(EINVAL, "have all four, or none");
	good_table(NULL);
	ops.group_params = params;
	ops.group_param_count = 1;
	refused(EINVAL, "of a group that it does not have");
}

static void a_groups_parameters_are_checked_like_its_own(void **state)
{
	static struct sluice_param one = {
	    .name = "rate", .type = SLUICE_TYPE_U64, .unit = "pct", .max = 9, .help = "h"};

	give_group();
	ops.group_params = &one;
	ops.group_param_count = 1;
	refused(EINVAL, "parameter rate: its name does not end in its unit");
	ops.group_params = NULL;
	refused(EINVAL, "without a table");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_good_table_passes, good_table),
	    cmocka_unit_test_setup(another_abi_is_refused_with_both_versions, good_table),
	    cmocka_unit_test_setup(who_keeps_dirty_data_is_not_transparent, good_table),
	    cmocka_unit_test_setup(names_are_checked, good_table),
	    cmocka_unit_test_setup(class_ops_flags_and_sizes_are_checked, good_table),
	    cmocka_unit_test_setup(each_fault_of_a_parameter_is_named, good_table),
	    cmocka_unit_test_setup(a_group_is_whole_or_none, good_table),
	    cmocka_unit_test_setup(a_groups_parameters_are_checked_like_its_own, good_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
