/* SPDX-License-Identifier: MIT */
/* A call of one policy plane reaches the other one's, and its answer comes back; or the caller
 * hears why not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "net_rig.h"

static json_t *body;
static bool is_taker_there = true;

static bool is_there(void *ctx)
{
	return is_taker_there;
}

static int set_up(void **state)
{
	rig_begin();
	rig_pair(0, 1);
	body = json_pack("{s:s}", "what", "policies");
	return 0;
}

static int tear_down(void **state)
{
	json_decref(body);
	rig_end();
	return 0;
}

static void an_answer_comes_back(void **state)
{
	struct rig_reply caller = {0}, taker = {0};
	json_t *answer = json_pack("{s:[i]}", "list", 7);
	uint64_t id;
	struct err err;

	net_call(rig[0].net, "b", body, 10000, rig_reply_fn, &caller);
	net_take_call(rig[1].net, 10000, is_there, rig_reply_fn, &taker);
	rig_wait(&taker);
	assert_string_equal(json_string_value(json_object_get(taker.more, "peer")), "a");
	assert_true(json_equal(json_object_get(taker.more, "body"), body));
	id = (uint64_t)json_integer_value(json_object_get(taker.more, "call"));
	assert_int_equal(net_answer_call(rig[1].net, id, answer, &err), 0);
	assert_int_equal(net_answer_call(rig[1].net, id, answer, &err), -ENOENT);
	rig_wait(&caller);
	assert_int_equal(caller.code, 0);
	assert_true(json_equal(json_object_get(caller.more, "answer"), answer));
	json_decref(answer);
	rig_reply_fini(&caller);
	rig_reply_fini(&taker);
}

static void nobody_to_take_it_is_told(void **state)
{
	struct rig_reply caller = {0};

	net_call(rig[0].net, "b", body, 15000, rig_reply_fn, &caller);
	rig_wait(&caller);
	assert_int_equal(caller.code, EREMOTEIO);
	assert_non_null(strstr(caller.text, "takes no calls"));
	rig_reply_fini(&caller);
}

static void a_late_answer_goes_nowhere(void **state)
{
	struct rig_reply caller = {0}, taker = {0};
	uint64_t id;
	struct err err;

	net_call(rig[0].net, "b", body, 300, rig_reply_fn, &caller);
	net_take_call(rig[1].net, 10000, is_there, rig_reply_fn, &taker);
	rig_wait(&taker);
	rig_wait(&caller);
	assert_int_equal(caller.code, ETIMEDOUT);
	id = (uint64_t)json_integer_value(json_object_get(taker.more, "call"));
	rig_for_ms(50);
	assert_int_equal(net_answer_call(rig[1].net, id, body, &err), 0);
	rig_for_ms(50);
	rig_reply_fini(&caller);
	rig_reply_fini(&taker);
}

static void a_peer_that_is_gone_is_told(void **state)
{
	struct rig_reply caller = {0}, taker = {0};

	net_take_call(rig[1].net, 10000, is_there, rig_reply_fn, &taker);
	net_call(rig[0].net, "b", body, 10000, rig_reply_fn, &caller);
	rig_wait(&taker);
	rig_restart(1); /* it has taken the call and never answers */
	rig_wait(&caller);
	assert_int_not_equal(caller.code, 0);
	rig_reply_fini(&caller);
	net_call(rig[0].net, "nobody", body, 10000, rig_reply_fn, &caller);
	rig_wait(&caller);
	assert_int_equal(caller.code, ENOENT);
	rig_reply_fini(&caller);
	rig_reply_fini(&taker);
}

/* The policy daemon that waited has died: the next one gets the call. */
static void a_call_is_not_given_to_nobody(void **state)
{
	struct rig_reply caller = {0}, dead = {0}, taker = {0};

	net_take_call(rig[1].net, 60000, is_there, rig_reply_fn, &dead);
	is_taker_there = false;
	net_call(rig[0].net, "b", body, 10000, rig_reply_fn, &caller);
	rig_wait(&dead);
	assert_true(json_is_null(json_object_get(dead.more, "call")));
	is_taker_there = true;
	net_take_call(rig[1].net, 10000, is_there, rig_reply_fn, &taker);
	rig_wait(&taker);
	assert_true(json_equal(json_object_get(taker.more, "body"), body));
	rig_restart(1);
	rig_wait(&caller);
	rig_reply_fini(&caller);
	rig_reply_fini(&dead);
	rig_reply_fini(&taker);
}

static void waiting_for_a_call_ends_without_one(void **state)
{
	struct rig_reply first = {0}, second = {0};

	net_take_call(rig[1].net, 60000, is_there, rig_reply_fn, &first);
	net_take_call(rig[1].net, 50, is_there, rig_reply_fn, &second);
	assert_true(first.is_there); /* another one took its place */
	rig_wait(&second);
	assert_true(json_is_null(json_object_get(second.more, "call")));
	rig_reply_fini(&first);
	rig_reply_fini(&second);
}

static void what_is_too_big_is_refused_here(void **state)
{
	struct rig_reply caller = {0};
	static char big[(256u << 10) + 2];
	json_t *j;

	memset(big, 'x', sizeof(big) - 1);
	j = json_pack("{s:s}", "text", big);
	net_call(rig[0].net, "b", j, 1000, rig_reply_fn, &caller);
	assert_int_equal(caller.code, EFBIG);
	rig_reply_fini(&caller);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_answer_comes_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nobody_to_take_it_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_late_answer_goes_nowhere, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_peer_that_is_gone_is_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_call_is_not_given_to_nobody, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(waiting_for_a_call_ends_without_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_too_big_is_refused_here, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
