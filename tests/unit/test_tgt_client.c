/* SPDX-License-Identifier: MIT */
/* tgtd's management socket: requests, refusals as sentences, and a tgtd that is gone, silent or
 * talks nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fake_tgtd.h"
#include "json.h"
#include "tgt_ops.h"

static char folder[64], path[96];
static struct fake_tgtd *fake;
static struct tgt_client client;

static int set_up(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-tgt-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket.0", folder);
	fake = fake_tgtd_start(path);
	client = (struct tgt_client){.path = path, .timeout_ms = 5000};
	return 0;
}

static int tear_down(void **state)
{
	if (fake)
		fake_tgtd_stop(fake);
	rmdir(folder);
	return 0;
}

static void a_target_is_made_seen_and_removed(void **state)
{
	cleanup_json json_t *targets = NULL, *none = NULL;
	const json_t *t;
	struct err err = {0};

	assert_int_equal(tgt_target_new(&client, 3, "iqn.a:x", &err), 0);
	assert_int_equal(tgt_lun_new(&client, 3, 1, "vol-1", "/run/ring.sock", &err), 0);
	assert_int_equal(tgt_account_new(&client, "guard", "aaaaaaaaaaaa", &err), 0);
	assert_int_equal(tgt_account_bind(&client, 3, "guard", false, &err), 0);
	assert_int_equal(tgt_acl_bind(&client, 3, NULL, "iqn.b:y", &err), 0);
	assert_int_equal(tgt_targets(&client, &targets, &err), 0);
	t = json_array_get(targets, 0);
	assert_string_equal(json_string_value(json_object_get(t, "iqn")), "iqn.a:x");
	assert_int_equal(json_array_size(json_object_get(t, "luns")), 2);
	assert_int_equal(json_array_size(json_object_get(t, "accounts")), 1);
	assert_int_equal(client.life.pid, getpid());
	assert_int_equal(tgt_target_delete(&client, 3, &err), 0);
	assert_int_equal(tgt_targets(&client, &none, &err), 0);
	assert_int_equal(json_array_size(none), 0);
}

static void what_is_so_already_is_no_error(void **state)
{
	struct err err = {0};

	assert_int_equal(tgt_target_new(&client, 3, "iqn.a:x", &err), 0);
	assert_int_equal(tgt_acl_bind(&client, 3, "ALL", NULL, &err), 0);
	assert_int_equal(tgt_acl_bind(&client, 3, "ALL", NULL, &err), 0);
	assert_int_equal(tgt_acl_unbind(&client, 3, "ALL", NULL, &err), 0);
	assert_int_equal(tgt_acl_unbind(&client, 3, "ALL", NULL, &err), 0);
	assert_int_equal(tgt_lun_delete(&client, 3, 1, &err), 0);
	assert_int_equal(tgt_account_delete(&client, "nobody", &err), 0);
	assert_int_equal(tgt_target_delete(&client, 9, &err), 0);
	assert_int_equal(tgt_target_new(&client, 3, "iqn.a:z", &err), -EEXIST);
}

static void only_the_session_that_is_meant_is_ended(void **state)
{
	cleanup_json json_t *sessions = NULL;
	struct err err = {0};

	assert_int_equal(tgt_target_new(&client, 3, "iqn.a:x", &err), 0);
	fake_tgtd_add_session(fake, "iqn.a:x", 7, "iqn.b:y");
	assert_int_equal(tgt_session_close(&client, 3, 7, 0, "iqn.b:another", &err), 0);
	assert_int_equal(tgt_connections(&client, 3, &sessions, &err), 0);
	assert_int_equal(json_array_size(sessions), 1);
	assert_int_equal(tgt_session_close(&client, 3, 7, 0, "iqn.b:y", &err), 0);
	json_decref(sessions);
	assert_int_equal(tgt_connections(&client, 3, &sessions, &err), 0);
	assert_int_equal(json_array_size(sessions), 0);
}

static void every_refusal_is_a_sentence(void **state)
{
	const char *sentence;

	assert_int_equal(tgt_client_errno(0, &sentence), 0);
	for (uint32_t code = 1; code < 40; code++) {
		int rc = tgt_client_errno(code, &sentence);

		assert_true(rc > 0);
		assert_non_null(sentence);
	}
	assert_int_equal(tgt_client_errno(19, &sentence), EBUSY);
	assert_int_equal(tgt_client_errno(20, &sentence), EBUSY);
	assert_int_equal(tgt_client_errno(17, &sentence), EINVAL);
}

static void a_busy_unit_is_not_deleted(void **state)
{
	struct err err = {0};

	assert_int_equal(tgt_target_new(&client, 3, "iqn.a:x", &err), 0);
	fake_tgtd_refuse(fake, 2, 1, 20);
	assert_int_equal(tgt_lun_delete(&client, 3, 1, &err), -EBUSY);
	assert_non_null(strstr(err.text, "commands"));
	assert_false(tgt_client_is_gone(&err));
}

static void no_secret_stands_in_a_refusal(void **state)
{
	struct err err = {0};

	fake_tgtd_refuse(fake, 7, 0, 17);
	assert_int_equal(tgt_account_new(&client, "u1", "topSecret00001", &err), -EINVAL);
	assert_null(strstr(err.text, "topSecret"));
}

static void a_comma_is_not_smuggled_in(void **state)
{
	uint32_t before = fake_tgtd_requests(fake);
	struct err err = {0};

	assert_int_equal(tgt_account_new(&client, "u1,password=x", "topSecret00001", &err),
			 -EINVAL);
	assert_int_equal(tgt_lun_new(&client, 3, 1, "v,bstype=rdwr", "/r", &err), -EINVAL);
	assert_int_equal(tgt_acl_bind(&client, 3, "ALL,initiator-name=x", NULL, &err), -EINVAL);
	assert_int_equal(fake_tgtd_requests(fake), before);
}

static void gone(enum fake_fault fault, uint32_t timeout_ms)
{
	cleanup_json json_t *portals = NULL;
	struct err err = {0};

	client.timeout_ms = timeout_ms;
	fake_tgtd_fault(fake, fault);
	assert_true(tgt_portals(&client, &portals, &err) < 0);
	assert_true(tgt_client_is_gone(&err));
}

static void a_tgtd_that_breaks_off_is_gone(void **state)
{
	gone(FAKE_CLOSES, 5000);
	gone(FAKE_CUT_HEAD, 5000);
	gone(FAKE_CUT_BODY, 5000);
}

static void a_silent_tgtd_costs_the_time_limit(void **state)
{
	uint64_t from_ns = clock_now_ns();

	gone(FAKE_SILENT, 100);
	assert_true(clock_now_ns() - from_ns < 3 * CLOCK_NS_PER_S);
}

static void a_senseless_length_is_refused(void **state)
{
	cleanup_json json_t *portals = NULL;
	struct err err = {0};

	fake_tgtd_fault(fake, FAKE_BAD_LENGTH);
	assert_int_equal(tgt_portals(&client, &portals, &err), -EBADMSG);
}

static void a_new_life_is_told_from_the_old_one(void **state)
{
	cleanup_json json_t *portals = NULL, *again = NULL;
	struct tgt_life first;
	struct err err = {0};

	assert_int_equal(tgt_portals(&client, &portals, &err), 0);
	first = client.life;
	fake_tgtd_stop(fake);
	fake = NULL;
	assert_int_equal(tgt_portals(&client, &again, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, path));
	fake = fake_tgtd_start(path);
	assert_int_equal(tgt_portals(&client, &again, &err), 0);
	assert_false(tgt_life_equal(&first, &client.life));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_target_is_made_seen_and_removed),
	    TEST(what_is_so_already_is_no_error),
	    TEST(only_the_session_that_is_meant_is_ended),
	    TEST(every_refusal_is_a_sentence),
	    TEST(a_busy_unit_is_not_deleted),
	    TEST(no_secret_stands_in_a_refusal),
	    TEST(a_comma_is_not_smuggled_in),
	    TEST(a_tgtd_that_breaks_off_is_gone),
	    TEST(a_silent_tgtd_costs_the_time_limit),
	    TEST(a_senseless_length_is_refused),
	    TEST(a_new_life_is_told_from_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
