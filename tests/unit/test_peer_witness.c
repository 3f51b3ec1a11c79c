/* SPDX-License-Identifier: MIT */
/* The witness: one register per group, by compare-and-swap, with a lease; durable, and only for the
 * group's two appliances. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "net_rig.h"
#include "witness.h"

#define MS 1000000ull

static const uint8_t a[16] = "appliance-a", b[16] = "appliance-b", c[16] = "appliance-c";
static struct witness_register reg;
static uint64_t now_ns = 1000 * MS;

static int ask(enum sluice_witness_op op, const uint8_t caller[16], uint64_t expected_term,
	       uint64_t term, const uint8_t primary[16], uint64_t lease_ms)
{
	struct witness_request q = {.op = op,
				    .expected_term = expected_term,
				    .wanted = {.term = term, .insync = 3},
				    .lease_ms = lease_ms};
	struct witness_register next;
	bool must_store;
	int rc;

	memcpy(q.caller_uuid, caller, 16);
	if (primary)
		memcpy(q.wanted.primary_uuid, primary, 16);
	rc = witness_apply(&reg, &q, now_ns, &next, &must_store);
	if (rc == 0)
		reg = next;
	return rc;
}

static void reset(void)
{
	memset(&reg, 0, sizeof(reg));
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 0, 1, a, 5000), 0);
}

static void a_swap_needs_the_term(void **state)
{
	reset();
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 0, 2, a, 5000), -ESTALE);
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 1, 1, a, 5000), -EINVAL);
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 1, 2, a, 5000), 0);
	assert_int_equal(reg.term, 2);
}

static void another_primary_waits_for_the_lease(void **state)
{
	reset();
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), -EBUSY);
	now_ns += 4999 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), -EBUSY);
	assert_int_equal(ask(SLUICE_WITNESS_RENEW, a, 1, 0, NULL, 5000), 0);
	now_ns += 4999 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), -EBUSY);
	now_ns += 1 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), 0);
	assert_memory_equal(reg.primary_uuid, b, 16);
	assert_int_equal(ask(SLUICE_WITNESS_RENEW, a, 1, 0, NULL, 5000), -ESTALE);
	assert_int_equal(ask(SLUICE_WITNESS_RENEW, a, 2, 0, NULL, 5000), -ESTALE);
}

static void the_primary_hands_over_at_once(void **state)
{
	reset();
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 1, 2, b, 5000), 0);
	assert_memory_equal(reg.primary_uuid, b, 16);
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 2, 3, a, 5000), -EBUSY);
}

static void a_lease_is_given_back(void **state)
{
	reset();
	assert_int_equal(ask(SLUICE_WITNESS_RENEW, a, 1, 0, NULL, 0), 0);
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), 0);
}

static void a_third_one_is_refused(void **state)
{
	reset();
	now_ns += 60000 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), 0);
	now_ns += 60000 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, c, 2, 3, c, 5000), -EACCES);
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, a, 2, 3, c, 5000), -EACCES);
}

static void a_restart_gives_the_lease_anew(void **state)
{
	reset();
	now_ns += 4000 * MS;
	witness_restarted(&reg, now_ns);
	now_ns += 4999 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), -EBUSY);
	now_ns += 1 * MS;
	assert_int_equal(ask(SLUICE_WITNESS_SWAP, b, 1, 2, b, 5000), 0);
}

/* ---------------------------------------------------------------- over the network */

static bool is_answered;
static int result;
static struct sluice_witness_register now;

static void answered(void *ctx, int rc, const struct sluice_witness_register *r)
{
	assert_false(is_answered);
	is_answered = true;
	result = rc;
	now = *r;
}

static bool is_it(void *ctx)
{
	return is_answered;
}

static int ask_peer(uint32_t node, enum sluice_witness_op op, uint64_t expected_term, uint64_t term,
		    uint32_t primary)
{
	struct sluice_witness_call call = {.op = op,
					   .expected_term = expected_term,
					   .wanted = {.term = term, .insync = 1},
					   .lease_ms = 400};

	memcpy(call.wanted.primary_uuid, rig[primary].net->own.uuid, 16);
	is_answered = false;
	net_host(rig[node].net)
	    ->witness(rig[node].net, rig[node].env, "c", rig_group, &call, answered, NULL);
	assert_false(is_answered);
	assert_true(rig_until(is_it, NULL, 3500));
	return result;
}

static void two_ask_a_third(void **state)
{
	rig_begin();
	rig_pair(2, 0);
	rig_pair(2, 1);
	assert_int_equal(ask_peer(0, SLUICE_WITNESS_READ, 0, 0, 0), 0);
	assert_int_equal(now.term, 0);
	assert_int_equal(ask_peer(0, SLUICE_WITNESS_SWAP, 0, 1, 0), 0);
	assert_int_equal(now.term, 1);
	assert_int_equal(ask_peer(1, SLUICE_WITNESS_SWAP, 1, 2, 1), -EBUSY);
	assert_memory_equal(now.primary_uuid, rig[0].net->own.uuid, 16);
	assert_true(now.lease_left_ms > 0 && now.lease_left_ms <= 400);
	assert_int_equal(ask_peer(0, SLUICE_WITNESS_RENEW, 1, 0, 0), 0);
	rig_restart(2);
	assert_int_equal(ask_peer(1, SLUICE_WITNESS_SWAP, 5, 6, 1), -ESTALE);
	assert_int_equal(now.term, 1);
	rig_for_ms(500);
	assert_int_equal(ask_peer(1, SLUICE_WITNESS_SWAP, 1, 2, 1), 0);
	assert_int_equal(ask_peer(0, SLUICE_WITNESS_RENEW, 1, 0, 0), -ESTALE);
	assert_memory_equal(now.primary_uuid, rig[1].net->own.uuid, 16);
	rig_end();
}

static void nobody_answers_in_time(void **state)
{
	struct err err;
	struct net_change change = {.address = "192.0.2.1", .port = 9};

	rig_begin();
	assert_int_equal(ask_peer(0, SLUICE_WITNESS_READ, 0, 0, 0), -EHOSTUNREACH);
	rig_pair(2, 0);
	assert_int_equal(net_set_peer(rig[0].net, "c", &change, &err), 0);
	assert_true(ask_peer(0, SLUICE_WITNESS_READ, 0, 0, 0) < 0);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_swap_needs_the_term),
	    cmocka_unit_test(another_primary_waits_for_the_lease),
	    cmocka_unit_test(the_primary_hands_over_at_once),
	    cmocka_unit_test(a_lease_is_given_back),
	    cmocka_unit_test(a_third_one_is_refused),
	    cmocka_unit_test(a_restart_gives_the_lease_anew),
	    cmocka_unit_test(two_ask_a_third),
	    cmocka_unit_test(nobody_answers_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
