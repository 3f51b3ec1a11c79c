/* SPDX-License-Identifier: MIT */
/* KMIP answers: what is needed is found, and an answer to something else, or with too little or too
 * much in it, is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "kmip_message.h"
#include "kmip_tags.h"

static uint8_t data[4096];
static struct ttlv_writer w;

static void begin(uint32_t count, enum kmip_operation operation, uint32_t status)
{
	ttlv_start(&w, data, sizeof(data));
	ttlv_begin(&w, KMIP_RESPONSE_TAG);
	ttlv_begin(&w, TAG_RESPONSE_HEADER);
	ttlv_integer(&w, TAG_BATCH_COUNT, (int32_t)count);
	ttlv_end(&w);
	ttlv_begin(&w, TAG_BATCH_ITEM);
	ttlv_enumeration(&w, TAG_OPERATION, operation);
	ttlv_enumeration(&w, TAG_RESULT_STATUS, status);
}

static size_t end(void)
{
	ttlv_end(&w);
	ttlv_end(&w);
	assert_true(ttlv_finish(&w) > 0);
	return w.used;
}

static void parsed(enum kmip_operation operation, struct kmip_answer *a)
{
	struct err err = {0};

	if (kmip_parse(data, end(), operation, a, &err) < 0)
		fail_msg("%s", err.text);
}

static void answer_with_id(const char *id, struct kmip_answer *a)
{
	begin(1, KMIP_CREATE, 0);
	ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
	ttlv_text(&w, TAG_UNIQUE_IDENTIFIER, id);
	ttlv_end(&w);
	parsed(KMIP_CREATE, a);
}

static void an_identifier_is_found(void **state)
{
	char id[KMIP_ID_MAX + 1], many[KMIP_ID_MAX + 2];
	struct kmip_answer a;

	answer_with_id("a-1", &a);
	assert_int_equal(kmip_answer_id(&a, id, NULL), 0);
	assert_string_equal(id, "a-1");
	memset(many, 'x', sizeof(many));
	many[KMIP_ID_MAX + 1] = '\0';
	answer_with_id(many, &a);
	assert_int_equal(kmip_answer_id(&a, id, NULL), -EPROTO);
	answer_with_id("", &a);
	assert_int_equal(kmip_answer_id(&a, id, NULL), -EPROTO);
	answer_with_id("a\nb", &a);
	assert_int_equal(kmip_answer_id(&a, id, NULL), -EPROTO);
}

static void a_refusal_bears_reason_and_words(void **state)
{
	struct kmip_answer a;

	begin(1, KMIP_GET, 1);
	ttlv_enumeration(&w, TAG_RESULT_REASON, KMIP_ITEM_NOT_FOUND);
	ttlv_text(&w, TAG_RESULT_MESSAGE, "no\033such key");
	parsed(KMIP_GET, &a);
	assert_true(a.has_failed);
	assert_int_equal(a.reason, KMIP_ITEM_NOT_FOUND);
	assert_string_equal(a.message, "no?such key");
}

static void an_answer_to_something_else_is_none(void **state)
{
	struct kmip_answer a;
	struct err err = {0};
	size_t len;

	begin(1, KMIP_GET, 0);
	ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
	ttlv_end(&w);
	len = end();
	assert_int_equal(kmip_parse(data, len, KMIP_GET, &a, &err), 0);
	assert_int_equal(kmip_parse(data, len, KMIP_CREATE, &a, &err), -EPROTO);
	begin(2, KMIP_GET, 0);
	assert_int_equal(kmip_parse(data, end(), KMIP_GET, &a, &err), -EPROTO);
	begin(1, KMIP_GET, 0); /* without a payload */
	assert_int_equal(kmip_parse(data, end(), KMIP_GET, &a, &err), -EPROTO);
	/* a request is no answer */
	len = (size_t)kmip_make_about(data, sizeof(data), kmip_versions[0], KMIP_GET, "1");
	assert_int_equal(kmip_parse(data, len, KMIP_GET, &a, &err), -EPROTO);
}

static int key_of(uint32_t object, uint32_t format, size_t bytes, uint8_t key[SECRET_KEY_BYTES])
{
	struct kmip_answer a;
	uint8_t material[64];

	memset(material, 0x5a, sizeof(material));
	begin(1, KMIP_GET, 0);
	ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
	ttlv_enumeration(&w, TAG_OBJECT_TYPE, object);
	ttlv_begin(&w, TAG_SYMMETRIC_KEY);
	ttlv_begin(&w, TAG_KEY_BLOCK);
	ttlv_enumeration(&w, TAG_KEY_FORMAT_TYPE, format);
	ttlv_begin(&w, TAG_KEY_VALUE);
	ttlv_bytes(&w, TAG_KEY_MATERIAL, material, bytes);
	ttlv_end(&w);
	ttlv_end(&w);
	ttlv_end(&w);
	ttlv_end(&w);
	parsed(KMIP_GET, &a);
	return kmip_answer_key(&a, key, NULL);
}

static void only_an_aes_256_key_is_taken(void **state)
{
	uint8_t key[SECRET_KEY_BYTES], want[SECRET_KEY_BYTES];

	memset(want, 0x5a, sizeof(want));
	assert_int_equal(key_of(OBJECT_SYMMETRIC_KEY, KEY_FORMAT_RAW, 32, key), 0);
	assert_memory_equal(key, want, sizeof(want));
	assert_int_equal(key_of(OBJECT_SYMMETRIC_KEY, KEY_FORMAT_RAW, 16, key), -EPROTO);
	assert_int_equal(key_of(OBJECT_SYMMETRIC_KEY, KEY_FORMAT_RAW, 0, key), -EPROTO);
	assert_int_equal(key_of(OBJECT_SYMMETRIC_KEY, 2, 32, key), -EPROTO);
	assert_int_equal(key_of(7, KEY_FORMAT_RAW, 32, key), -EPROTO);
}

static void version(int32_t major, int32_t minor)
{
	ttlv_begin(&w, TAG_PROTOCOL_VERSION);
	ttlv_integer(&w, TAG_MAJOR, major);
	ttlv_integer(&w, TAG_MINOR, minor);
	ttlv_end(&w);
}

static void the_best_common_version_is_taken(void **state)
{
	struct kmip_answer a;
	struct kmip_version v;

	begin(1, KMIP_DISCOVER_VERSIONS, 0);
	ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
	version(2, 0);
	version(1, 2);
	version(1, 3);
	version(1, 0);
	ttlv_end(&w);
	parsed(KMIP_DISCOVER_VERSIONS, &a);
	assert_int_equal(kmip_answer_version(&a, &v, NULL), 0);
	assert_int_equal(v.minor, 3);
	begin(1, KMIP_DISCOVER_VERSIONS, 0);
	ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
	version(1, 1);
	ttlv_end(&w);
	parsed(KMIP_DISCOVER_VERSIONS, &a);
	assert_int_equal(kmip_answer_version(&a, &v, NULL), -EPROTONOSUPPORT);
}

static void two_keys_of_one_name_are_told(void **state)
{
	char id[KMIP_ID_MAX + 1];
	struct kmip_answer a;

	for (int count = 0; count <= 2; count++) {
		begin(1, KMIP_LOCATE, 0);
		ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
		for (int i = 0; i < count; i++)
			ttlv_text(&w, TAG_UNIQUE_IDENTIFIER, i ? "2" : "1");
		ttlv_end(&w);
		parsed(KMIP_LOCATE, &a);
		assert_int_equal(kmip_answer_located(&a, id, NULL), count < 2 ? count : -EEXIST);
	}
}

static void what_a_server_lacks_is_named(void **state)
{
	static const enum kmip_operation some[] = {KMIP_CREATE, KMIP_LOCATE, KMIP_GET,
						   KMIP_GET_ATTRIBUTES, KMIP_ACTIVATE};
	char missing[120], vendor[100];
	struct kmip_answer a;

	begin(1, KMIP_QUERY, 0);
	ttlv_begin(&w, TAG_RESPONSE_PAYLOAD);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		ttlv_enumeration(&w, TAG_OPERATION, some[i]);
	ttlv_text(&w, TAG_VENDOR_IDENTIFICATION, "Keys & Co");
	ttlv_end(&w);
	parsed(KMIP_QUERY, &a);
	kmip_answer_server(&a, missing, sizeof(missing), vendor, sizeof(vendor));
	assert_string_equal(missing, "Revoke, Destroy");
	assert_string_equal(vendor, "Keys & Co");
}

static void a_request_that_does_not_fit_is_refused(void **state)
{
	char id[KMIP_ID_MAX + 1];
	long whole;

	memset(id, 'k', KMIP_ID_MAX);
	id[KMIP_ID_MAX] = '\0';
	whole = kmip_make_about(data, sizeof(data), kmip_versions[0], KMIP_REVOKE, id);
	assert_true(whole > 0);
	for (size_t room = 0; room < (size_t)whole; room++)
		assert_true(kmip_make_about(data, room, kmip_versions[0], KMIP_REVOKE, id) < 0);
	assert_true(kmip_make_create(data, 100, kmip_versions[0], id) < 0);
	assert_true(kmip_make_query(data, 100, kmip_versions[0]) < 0);
	assert_true(kmip_make_discover(data, 100, kmip_versions[0]) < 0);
	assert_true(kmip_make_locate(data, 100, kmip_versions[0], id) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_identifier_is_found),
	    cmocka_unit_test(a_refusal_bears_reason_and_words),
	    cmocka_unit_test(an_answer_to_something_else_is_none),
	    cmocka_unit_test(only_an_aes_256_key_is_taken),
	    cmocka_unit_test(the_best_common_version_is_taken),
	    cmocka_unit_test(two_keys_of_one_name_are_told),
	    cmocka_unit_test(what_a_server_lacks_is_named),
	    cmocka_unit_test(a_request_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
