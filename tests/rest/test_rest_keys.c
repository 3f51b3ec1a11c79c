/* SPDX-License-Identifier: MIT */
/* Keys and their providers by REST: what is not right is refused with its field; a passphrase
 * stands in no row, whatever is asked; a key that a volume needs is not deleted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "durable.h"
#include "rest_rig.h"

#define WORDS "five words that nobody guesses"
#define VAULT                                                                                      \
	"{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",\"passphrase\":"     \
	"\"" WORDS "\"}"

static int begin(void **state)
{
	int rc = rig_open(state);

	expect(202, "POST", "/key-providers", VAULT);
	return rc;
}

static void note_version(const char *key, json_int_t version, const char *id)
{
	struct err err = {0};
	int64_t key_id = store_id_of(rig.app.store, &table_keys, key, &err);

	rig_note(&table_keys, key, json_pack("{s:I, s:s}", "version", version, "state", "active"));
	if (store_begin(rig.app.store, &err) ||
	    store_key_version_add(rig.app.store, key_id, version, id, &err) ||
	    store_commit(rig.app.store, &err))
		fail_msg("%s", err.text);
}

static void make_key(const char *name)
{
	char body[100];

	snprintf(body, sizeof(body), "{\"name\":\"%s\",\"provider\":\"vault\"}", name);
	expect(202, "POST", "/keys", body);
}

static void use_key(const char *volume, const char *key)
{
	struct err err = {0};
	struct store *s = rig.app.store;
	int64_t volume_id = store_id_of(s, &table_volumes, volume, &err);

	if (store_begin(s, &err) ||
	    store_volume_key_put(s, volume_id, store_id_of(s, &table_keys, key, &err), 1, true,
				 &err) ||
	    store_commit(s, &err))
		fail_msg("%s", err.text);
}

/* ---------------------------------------------------------------- */

static void what_a_kind_does_not_have_is_refused(void **state)
{
	refused(422, "servers", "kmip", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"native\",\"opened_by\":\"credential\","
		"\"opened_from\":\"c\",\"servers\":[\"h:1\"]}");
	refused(422, "opened_by", "missing", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"native\"}");
	refused(422, "type", "type", "POST", "/key-providers", "{\"name\":\"a\"}");
	refused(422, "passphrase", "12", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"native\",\"opened_by\":\"passphrase\","
		"\"passphrase\":\"short\"}");
	refused(422, "opened_from", "absolute", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"native\",\"opened_by\":\"key_file\","
		"\"opened_from\":\"x\"}");
	refused(422, "servers", "servers", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"kmip\"}");
	refused(422, "servers", "1 to 8", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"kmip\",\"servers\":[]}");
	refused(422, "servers", "without kmip://", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"kmip\",\"servers\":[\"kmip://h:1\"]}");
	refused(
	    422, "ca_certificates", "PEM", "POST", "/key-providers",
	    "{\"name\":\"a\",\"type\":\"kmip\",\"servers\":[\"h:1\"],\"ca_certificates\":\"x\"}");
	refused(422, "passphrase", "native", "POST", "/key-providers",
		"{\"name\":\"a\",\"type\":\"kmip\",\"servers\":[\"h:1\"],\"passphrase\":\"" WORDS
		"\"}");
	refused(422, "state", "state", "PATCH", "/key-providers/vault", "{\"state\":\"ok\"}");
	refused(422, "opened_by", "opened_by", "PATCH", "/key-providers/vault",
		"{\"opened_by\":\"key_file\"}");
	refused(422, "servers", "kmip", "PATCH", "/key-providers/vault", "{\"servers\":[\"h:1\"]}");
}

static void assert_nowhere(const char *secret)
{
	static const char *const files[] = {"sluice.db", "sluice.db-wal"};

	for (size_t i = 0; i < 2; i++) {
		char path[200], *bytes = NULL;
		size_t len = 0;

		snprintf(path, sizeof(path), "%s/%s", rig.dir, files[i]);
		if (durable_read(path, 64 << 20, &bytes, &len, NULL) < 0)
			continue;
		assert_null(memmem(bytes, len, secret, strlen(secret)));
		free(bytes);
	}
}

static void a_passphrase_stands_in_no_row(void **state)
{
	assert_null(strstr(rig.text, WORDS));
	expect(200, "GET", "/key-providers/vault", NULL);
	assert_null(strstr(rig.text, WORDS));
	expect(202, "PATCH", "/key-providers/vault", "{\"passphrase\":\"another long sentence\"}");
	expect(202, "POST", "/key-providers/vault/unlock",
	       "{\"passphrase\":\"another long sentence\"}");
	expect(202, "POST", "/key-providers/vault/export",
	       "{\"file\":\"b\",\"passphrase\":\"another long sentence\"}");
	expect(200, "GET", "/tasks", NULL);
	assert_null(strstr(rig.text, "another long"));
	/* refused ones are in the audit trail, too */
	expect(404, "POST", "/key-providers/nobody/unlock",
	       "{\"passphrase\":\"a sentence for nobody\"}");
	assert_nowhere(WORDS);
	assert_nowhere("another long sentence");
	assert_nowhere("a sentence for nobody");
}

static void what_is_asked_becomes_a_task(void **state)
{
	static const struct {
		const char *path, *body, *kind;
	} asked[] = {
	    {"/key-providers/vault/test", NULL, "key_provider.test"},
	    {"/key-providers/vault/unlock", "{\"passphrase\":\"" WORDS "\"}",
	     "key_provider.unlock"},
	    {"/keys", "{\"name\":\"k\",\"provider\":\"vault\"}", "key.create"},
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char path[40];

		expect(202, "POST", asked[i].path, asked[i].body);
		snprintf(path, sizeof(path), "/tasks/%lld", (long long)said_number("task_id"));
		expect(200, "GET", path, NULL);
		assert_string_equal(said("kind"), asked[i].kind);
		assert_string_equal(said("state"), "queued");
	}
	refused(422, "file", "plain name", "POST", "/key-providers/vault/export",
		"{\"file\":\"../b\",\"passphrase\":\"" WORDS "\"}");
	refused(422, "passphrase", "passphrase", "POST", "/key-providers/vault/unlock", "{}");
}

static void a_dry_run_asks_for_nothing(void **state)
{
	expect(200, "POST", "/keys?dry_run=1", "{\"name\":\"dry\",\"provider\":\"vault\"}");
	expect(404, "GET", "/keys/dry", NULL);
	expect(200, "POST", "/key-providers/vault/unlock?dry_run=1",
	       "{\"passphrase\":\"" WORDS "\"}");
}

static void a_key_needs_its_provider(void **state)
{
	refused(422, "provider", "no key provider", "POST", "/keys",
		"{\"name\":\"k\",\"provider\":\"nobody\"}");
	refused(422, "provider_key_id", "visible", "POST", "/keys",
		"{\"name\":\"k\",\"provider\":\"vault\",\"provider_key_id\":\"a b\"}");
	make_key("k");
	refused(409, "", "in use by key k", "DELETE", "/key-providers/vault", NULL);
	expect(204, "DELETE", "/keys/k", NULL);
	expect(204, "DELETE", "/key-providers/vault", NULL);
	expect(404, "GET", "/key-providers/vault", NULL);
}

static void only_an_active_key_is_rotated(void **state)
{
	make_key("k");
	refused(409, "", "only an active key", "POST", "/keys/k/rotate", NULL);
	note_version("k", 1, "id-1");
	expect(202, "POST", "/keys/k/rotate", NULL);
	assert_int_equal(said_number("version"), 2);
	note_version("k", 2, "id-2");
	expect(200, "GET", "/keys/k", NULL);
	assert_non_null(strstr(rig.text, "retired"));
	assert_non_null(strstr(rig.text, "id-2"));
}

static void a_key_that_a_volume_needs_stays(void **state)
{
	rig_datastore(0, 0);
	expect(202, "POST", "/volumes",
	       "{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":1048576}");
	make_key("k");
	note_version("k", 1, "id-1");
	use_key("v", "k");
	expect(200, "GET", "/keys/k", NULL);
	assert_non_null(strstr(rig.text, "\"volume\":\"v\""));
	refused(409, "", "in use by volume v", "DELETE", "/keys/k", NULL);
	refused(409, "", "in use by volume", "DELETE", "/keys/k?destroy=true&confirm=k", NULL);
	expect(200, "GET", "/keys/k", NULL);
	assert_string_equal(said("state"), "active");
}

static void destroying_wants_the_name_once_more(void **state)
{
	make_key("k");
	note_version("k", 1, "id-1");
	refused(422, "confirm", "confirm=k", "DELETE", "/keys/k?destroy=true", NULL);
	refused(422, "confirm", "confirm=k", "DELETE", "/keys/k?destroy=true&confirm=K2", NULL);
	expect(202, "DELETE", "/keys/k?destroy=true&confirm=k", NULL);
	assert_string_equal(said("state"), "destroying");
	refused(409, "", "destroying", "POST", "/keys/k/rotate", NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, rig_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_a_kind_does_not_have_is_refused),
	    TEST(a_passphrase_stands_in_no_row),
	    TEST(what_is_asked_becomes_a_task),
	    TEST(a_dry_run_asks_for_nothing),
	    TEST(a_key_needs_its_provider),
	    TEST(only_an_active_key_is_rotated),
	    TEST(a_key_that_a_volume_needs_stays),
	    TEST(destroying_wants_the_name_once_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
