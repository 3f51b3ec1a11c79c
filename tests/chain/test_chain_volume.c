/* SPDX-License-Identifier: MIT */
/* What a filter learns of its volume, where its own files are, and what it adds to the figures. */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct rig r;
static struct t_filter *a, *b;
static struct chain *c;

static int sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	int n = snprintf(path, size_bytes, "/ds/v.img.%s", suffix);

	return n < 0 || (size_t)n >= size_bytes ? -ENAMETOOLONG : 0;
}

static const struct chain_host host = {.sidecar_path = sidecar_path};
static const struct chain_host bare;

static void open_with(const struct chain_host *h, bool is_durable)
{
	struct chain_cfg cfg = {.env = &r.fe.env,
				.backend = &r.be.b,
				.volume = "vol2",
				.uuid = {0xab, [15] = 0xcd},
				.is_durable = is_durable,
				.block_bytes = 512,
				.max_ios = 1,
				.host = h};
	struct chain_filter_cfg one = {.ops = &a->ops}, two = {.ops = &b->ops};

	assert_int_equal(chain_create(&cfg, &c, NULL), 0);
	chain_attach(c, &one, rig_control_done, &r);
	chain_attach(c, &two, rig_control_done, &r);
	fake_env_settle(&r.fe);
	assert_int_equal(chain_filter_count(c), 2);
}

static void close_it(void)
{
	chain_detach_all(c);
	chain_destroy(c);
}

static int make_filters(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	b = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	return 0;
}

static int end_filters(void **state)
{
	rig_close(&r);
	return 0;
}

static void it_knows_the_uuid_and_what_completion_means(void **state)
{
	open_with(&host, true);
	assert_int_equal(sluice_volume_uuid(b->f)[0], 0xab);
	assert_int_equal(sluice_volume_uuid(b->f)[15], 0xcd);
	assert_true(sluice_volume_is_durable(b->f));
	close_it();
	open_with(&host, false);
	assert_false(sluice_volume_is_durable(b->f));
	close_it();
}

static void a_sidecar_is_beside_the_image(void **state)
{
	static const char *const wrong[] = {
	    "", "Log", "l1", "a.b", "../x", "img", "abcdefghijklmnopq"};
	char path[64];

	open_with(&host, true);
	assert_int_equal(sluice_sidecar_path(b->f, "journal", path, sizeof(path)), 0);
	assert_string_equal(path, "/ds/v.img.journal");
	assert_int_equal(sluice_sidecar_path(b->f, "abcdefghijklmnop", path, sizeof(path)), 0);
	assert_int_equal(sluice_sidecar_path(b->f, "journal", path, 8), -ENAMETOOLONG);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sluice_sidecar_path(b->f, wrong[i], path, sizeof(path)), -EINVAL);
	close_it();
	open_with(&bare, true);
	assert_int_equal(sluice_sidecar_path(b->f, "journal", path, sizeof(path)), -EINVAL);
	close_it();
}

static void a_figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	sum->lag_ms += 7;
	sum->dirty_bytes += 100;
	sum->throttle = "window";
}

static void b_figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	assert_int_equal(sum->lag_ms, 7);
	sum->reads += 10;
	sum->read_hits += 4;
	sum->dirty_bytes += 4096;
	sum->state = "warming";
}

static void figures_are_summed_from_the_top_down(void **state)
{
	struct sluice_figures sum = {.reads = 99};

	open_with(&host, true);
	chain_figures(c, &sum);
	assert_int_equal(sum.reads, 0);
	assert_null(sum.throttle);
	assert_null(sum.state);
	close_it();
	a->ops.figures = a_figures;
	b->ops.figures = b_figures;
	open_with(&host, true);
	for (int i = 0; i < 2; i++) {
		chain_figures(c, &sum);
		assert_int_equal(sum.reads, 10);
		assert_int_equal(sum.read_hits, 4);
		assert_int_equal(sum.dirty_bytes, 4196);
		assert_int_equal(sum.lag_ms, 7);
		assert_string_equal(sum.throttle, "window");
		assert_string_equal(sum.state, "warming");
	}
	close_it();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_filters, end_filters)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_knows_the_uuid_and_what_completion_means),
	    TEST(a_sidecar_is_beside_the_image),
	    TEST(figures_are_summed_from_the_top_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
