/* SPDX-License-Identifier: MIT */
/* What a filter computes is told from samples, of the filter alone and of all kinds of its calls.
 */
#include "rig.h"

#define IOS       1220u
#define SUBMIT_NS 1000u

static struct rig r;
static struct t_filter *slow, *fast;

static void computes(struct t_filter *t, struct sluice_io *io)
{
	t->rig->fe.now_ns += SUBMIT_NS;
}

static int open_two(void **state)
{
	rig_open(&r);
	slow = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	fast = rig_filter(&r, "B", SLUICE_CLASS_CACHE);
	rig_attach(&r, slow);
	rig_attach(&r, fast);
	slow->on_submit_hook = computes;
	return 0;
}

static int close_two(void **state)
{
	rig_close(&r);
	return 0;
}

static uint64_t cpu_ns(uint32_t index)
{
	struct chain_filter_info info;

	chain_filter_info(r.c, index, &info);
	return info.cpu_ns;
}

/* Calls of submit() and done() take turns: a sample of every 64th would only see one of them. */
static void a_filter_is_told_what_its_own_code_takes(void **state)
{
	uint64_t exact_ns = (uint64_t)IOS * SUBMIT_NS, sample_ns = 61u * SUBMIT_NS;

	for (uint32_t i = 0; i < IOS; i++, r.log[0] = 0)
		rig_go(&r, SLUICE_OP_READ);
	assert_in_range(cpu_ns(0), exact_ns - sample_ns, exact_ns + sample_ns);
	assert_int_equal(cpu_ns(1), 0);
	assert_int_equal(chain_backend_cpu_ns(r.c), 0);
}

static void waiting_is_not_computing(void **state)
{
	r.be.is_manual = true;
	slow->on_submit_hook = NULL;
	for (uint32_t i = 0; i < IOS; i++) {
		rig_go(&r, SLUICE_OP_READ);
		fake_env_advance(&r.fe, MS);
		rig_end(&r, SLUICE_OK);
		r.log[0] = 0;
	}
	assert_int_equal(cpu_ns(0), 0);
	assert_int_equal(cpu_ns(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_filter_is_told_what_its_own_code_takes, open_two,
					    close_two),
	    cmocka_unit_test_setup_teardown(waiting_is_not_computing, open_two, close_two),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
