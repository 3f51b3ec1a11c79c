/* SPDX-License-Identifier: MIT */
/* Pairing: whoever knows the code becomes a peer, once; whoever sits in between, does not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net_rig.h"
#include "pair.h"

static int set_up(void **state)
{
	rig_begin();
	return 0;
}

static int tear_down(void **state)
{
	rig_end();
	return 0;
}

static void offer_code(uint32_t node, const char *name, char code[PAIR_CODE_BYTES])
{
	json_t *offer;
	struct err err;

	assert_int_equal(net_offer(rig[node].net, name, &offer, &err), 0);
	memcpy(code, json_string_value(json_object_get(offer, "code")), PAIR_CODE_BYTES);
	json_decref(offer);
}

static int join(uint32_t node, const char *name, uint16_t port, const char *code)
{
	struct rig_reply r = {0};
	int result;

	net_join(rig[node].net, name, "127.0.0.1", port, code, rig_reply_fn, &r);
	rig_wait(&r);
	result = r.code;
	rig_reply_fini(&r);
	return result;
}

static void both_know_each_other_durably(void **state)
{
	struct pin pin;

	rig_pair(0, 1);
	rig_restart(0);
	rig_restart(1);
	assert_true(pins_by_name(&rig[0].net->pins, "b", &pin));
	assert_memory_equal(pin.fingerprint, rig[1].net->own.fingerprint, 32);
	assert_memory_equal(pin.uuid, rig[1].net->own.uuid, 16);
	assert_int_equal(pin.port, rig[1].port);
	assert_string_equal(pin.address, "127.0.0.1");
	assert_true(pins_by_name(&rig[1].net->pins, "a", &pin));
	assert_memory_equal(pin.fingerprint, rig[0].net->own.fingerprint, 32);
}

static void a_code_is_good_once(void **state)
{
	char code[PAIR_CODE_BYTES];

	offer_code(0, "b", code);
	assert_int_equal(join(1, "a", rig[0].port, code), 0);
	assert_int_equal(join(2, "a", rig[0].port, code), EACCES);
	assert_int_equal(rig[0].net->pins.count, 1);
	assert_int_equal(rig[2].net->pins.count, 0);
}

static void a_code_may_be_typed_badly(void **state)
{
	char code[PAIR_CODE_BYTES], typed[64] = {0}, again[PAIR_CODE_BYTES];
	size_t n = 0;
	struct err err;

	offer_code(0, "b", code);
	for (size_t i = 0; code[i]; i++) {
		if (code[i] != '-')
			typed[n++] = code[i] == '0'   ? 'o'
				     : code[i] == '1' ? 'l'
						      : (char)(code[i] | 0x20);
		else
			typed[n++] = ' ';
	}
	assert_int_equal(pair_code_normalise(typed, again, &err), 0);
	assert_string_equal(again, code);
	assert_int_equal(pair_code_normalise("12345", again, &err), -EINVAL);
	assert_int_equal(join(1, "a", rig[0].port, typed), 0);
}

static void three_wrong_codes_end_the_offer(void **state)
{
	char code[PAIR_CODE_BYTES];

	offer_code(0, "b", code);
	for (int i = 0; i < 3; i++)
		assert_int_equal(join(1, "a", rig[0].port, "00000-00000-00000-00000"), EACCES);
	assert_int_equal(join(1, "a", rig[0].port, code), EACCES);
	assert_int_equal(rig[0].net->pins.count + rig[1].net->pins.count, 0);
}

static void withdrawn_is_withdrawn(void **state)
{
	char code[PAIR_CODE_BYTES];

	offer_code(0, "b", code);
	net_withdraw(rig[0].net);
	assert_int_equal(join(1, "a", rig[0].port, code), EACCES);
}

/* ---------------------------------------------------------------- in between */

/* What the joiner says, passed on word by word over a connection with another key, proves nothing.
 */
static void a_relayed_proof_is_refused(void **state)
{
	struct peer_pair m = {.magic = PEER_PAIR_MAGIC, .version = PEER_VERSION};
	char code[PAIR_CODE_BYTES];
	struct pair_session s;
	struct rig_spoke spoke;
	struct peer_pair answer;
	struct pair_key key;

	offer_code(0, "b", code);
	assert_int_equal(pair_key_derive(code, &key), 0);
	memcpy(m.uuid, rig[1].net->own.uuid, 16);
	rig_spoke_dial(&spoke, 2, rig[0].port, PEER_ALPN_PAIR);
	assert_true(rig_until(rig_spoke_is_ready, &spoke, 5000));
	/* As b would have made it towards c, of that session, but for b's key. */
	memcpy(s.joiner_fingerprint, rig[1].net->own.fingerprint, 32);
	memcpy(s.offerer_fingerprint, rig[2].net->own.fingerprint, 32);
	assert_int_equal(pair_session_export(talk_ssl(spoke.talk), &s), 0);
	assert_int_equal(pair_prove(&key, &s, &m, NULL, m.proof), 0);
	assert_int_equal(talk_send(spoke.talk, &m, sizeof(m)), 0);
	assert_true(rig_spoke_hears(&spoke, sizeof(answer)));
	memcpy(&answer, spoke.in, sizeof(answer));
	assert_int_equal(answer.status, PEER_REFUSED);
	assert_int_equal(rig[0].net->pins.count, 0);
	rig_spoke_close(&spoke);
}

/* Somebody who answers with another code, or with the joiner's own proof, gets no trust. */
static void an_offerer_without_the_code_is_not_believed(void **state)
{
	char code[PAIR_CODE_BYTES], other[PAIR_CODE_BYTES];

	offer_code(0, "b", code);
	offer_code(2, "b", other);
	assert_int_equal(join(1, "a", rig[2].port, code), EACCES);
	assert_int_equal(rig[1].net->pins.count + rig[2].net->pins.count, 0);
	assert_int_equal(join(1, "a", rig[0].port, code), 0);
}

static void each_proof_is_another(void **state)
{
	struct peer_pair first = {.magic = 1}, second = {.magic = 2};
	struct pair_session s = {.exported = {1}};
	struct pair_key key = {.k = {1}}, wrong = {.k = {2}};
	uint8_t one[32], two[32];

	assert_int_equal(pair_prove(&key, &s, &first, NULL, one), 0);
	assert_int_equal(pair_prove(&key, &s, &first, &second, two), 0);
	assert_memory_not_equal(one, two, 32);
	memcpy(first.proof, one, 32);
	assert_true(pair_is_proved(&key, &s, &first, NULL));
	assert_false(pair_is_proved(&wrong, &s, &first, NULL));
	s.exported[31] ^= 1;
	assert_false(pair_is_proved(&key, &s, &first, NULL));
	s.exported[31] ^= 1;
	s.joiner_fingerprint[0] ^= 1;
	assert_false(pair_is_proved(&key, &s, &first, NULL));
	s.joiner_fingerprint[0] ^= 1;
	first.port ^= 1;
	assert_false(pair_is_proved(&key, &s, &first, NULL));
}

static void a_damaged_list_or_key_is_never_replaced(void **state)
{
	struct net_cfg cfg = {.loop = rig[0].loop, .state_dir = rig[0].dir};
	static const char *const files[] = {"net/peers.json", "net/identity.pem"};
	struct net *n = NULL;
	struct err err;

	for (int i = 0; i < 2; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", rig[0].dir, files[i]);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs("{\"version\": 1, \"peers\": [{}]}", f);
		fclose(f);
		assert_int_equal(net_create(&cfg, &n, &err), -EBADMSG);
		assert_non_null(strstr(err.text, path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(both_know_each_other_durably, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_code_is_good_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_code_may_be_typed_badly, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(three_wrong_codes_end_the_offer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(withdrawn_is_withdrawn, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_relayed_proof_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_offerer_without_the_code_is_not_believed, set_up,
					    tear_down),
	    cmocka_unit_test(each_proof_is_another),
	    cmocka_unit_test_setup_teardown(a_damaged_list_or_key_is_never_replaced, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
