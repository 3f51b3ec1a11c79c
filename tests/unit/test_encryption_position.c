/* SPDX-License-Identifier: MIT */
/* test_encryption_position.c - encryption stands above replication unless its parameter says else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan.h"

#define T(name) cmocka_unit_test(name)

static const struct sluice_param params[] = {
    {.name = "allow_filters_before", .type = SLUICE_TYPE_BOOL, .max = 1}};
static const struct sluice_filter_ops encryption = {
    .name = "encryption", .cls = SLUICE_CLASS_ENCRYPTION, .params = params, .param_count = 1};

static uint32_t position(const struct sluice_filter_ops *ops, uint32_t asked, char *value)
{
	char name[] = "allow_filters_before", *names[] = {name}, *values[] = {value};
	const struct plan_filter f = {
	    .position = asked, .names = names, .values = values, .param_count = value ? 1 : 0};
	struct chain_filter_cfg cfg;

	plan_filter_cfg(&f, ops, &cfg);
	return cfg.position;
}

static void it_stands_above_replication_by_default(void **state)
{
	char yes[] = "true", no[] = "no", nonsense[] = "perhaps";

	assert_int_equal(position(&encryption, 0, NULL), 150);
	assert_int_equal(position(&encryption, 0, no), 150);
	assert_int_equal(position(&encryption, 0, nonsense), 150);
	assert_int_equal(position(&encryption, 0, yes), 400);
	assert_int_equal(position(&encryption, 400, NULL), 400);
	assert_int_equal(position(&encryption, 150, yes), 150);
}

static void others_stand_at_their_class(void **state)
{
	static const struct sluice_filter_ops plain = {.name = "x", .cls = SLUICE_CLASS_ENCRYPTION};
	static const struct sluice_filter_ops cache = {.name = "cache", .cls = SLUICE_CLASS_CACHE};

	assert_int_equal(position(&plain, 0, NULL), 400);
	assert_int_equal(position(&cache, 0, NULL), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(it_stands_above_replication_by_default),
	    T(others_stand_at_their_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
