/* SPDX-License-Identifier: MIT */
/* IQNs, CHAP names and secrets: what is taken, and what a refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "model.h"

static void a_good_iqn_is_taken_in_lower_case(void **state)
{
	static const struct {
		const char *text, *out;
	} good[] = {
	    {"iqn.2026-01.org.example:Web1", "iqn.2026-01.org.example:web1"},
	    {"iqn.1991-05.com.microsoft:win-1.ad.local",
	     "iqn.1991-05.com.microsoft:win-1.ad.local"},
	    {"iqn.1998-01.com.vmware", "iqn.1998-01.com.vmware"},
	    {"EUI.02004567A425678D", "eui.02004567a425678d"},
	    {"naa.52004567BA64678D", "naa.52004567ba64678d"},
	    {"naa.62004567ba64678d0123456789abcdef", "naa.62004567ba64678d0123456789abcdef"},
	};
	char out[224];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};

		assert_int_equal(model_iqn_check("iqn", good[i].text, out, &err), 0);
		assert_string_equal(out, good[i].out);
	}
}

static void a_bad_iqn_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
	    {"", "no iSCSI name"},
	    {"web1", "no iSCSI name"},
	    {"iqn.2026-13.org.example", "no iSCSI name"},
	    {"iqn.2026-00.org.example", "no iSCSI name"},
	    {"iqn.26-01.org.example", "no iSCSI name"},
	    {"iqn.2026-01", "no iSCSI name"},
	    {"iqn.2026-01.", "no iSCSI name"},
	    {"iqn.2026-01.:x", "no iSCSI name"},
	    {"iqn.2026-01.org.example:a b", "may hold"},
	    {"iqn.2026-01.org.example:a_b", "may hold"},
	    {"iqn.2026-01.org.example:a\n", "may hold"},
	    {"iqn.2026-01.org.example:\xc3\xa4", "may hold"},
	    {"eui.02004567A425678", "no iSCSI name"},
	    {"naa.5200", "no iSCSI name"},
	};
	char out[224], text[300];
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(model_iqn_check("iqn", bad[i].text, out, &err), -EINVAL);
		assert_string_equal(err.field, "iqn");
		assert_non_null(strstr(err.text, bad[i].says));
	}
	memset(text, 'a', sizeof(text));
	memcpy(text, "iqn.2026-01.", 12);
	text[224] = '\0';
	assert_int_equal(model_iqn_check("iqn", text, out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "223"));
	text[223] = '\0';
	assert_int_equal(model_iqn_check("iqn", text, out, &err), 0);
}

static void two_volumes_never_get_one_iqn(void **state)
{
	static const char base[] = "iqn.2026-01.org.sluice:host7";
	char a[224], b[224], long_base[260], long_name[90];

	model_iqn_make(base, "Web-1.x", "01234567-89ab-cdef-0123-456789abcdef", a);
	assert_string_equal(a, "iqn.2026-01.org.sluice:host7:web-1.x");
	model_iqn_make(base, "web_1", "01234567-89ab-cdef-0123-456789abcdef", a);
	assert_string_equal(a, "iqn.2026-01.org.sluice:host7:web-1-01234567");
	model_iqn_make(base, "web-1", "76543210-89ab-cdef-0123-456789abcdef", b);
	assert_string_not_equal(a, b);
	memset(long_base, 'b', sizeof(long_base));
	memset(long_name, 'n', sizeof(long_name));
	long_name[80] = '\0';
	for (size_t n = 100; n < sizeof(long_base);
	     n++) { /* never too long, never without the UUID */
		long_base[n] = '\0';
		model_iqn_make(long_base, long_name, "01234567-89ab-cdef-0123-456789abcdef", a);
		assert_true(strlen(a) <= 223);
		assert_true(n + 1 + 80 <= 223 || strstr(a, "-01234567"));
		long_base[n] = 'b';
	}
}

static void an_iqn_that_we_make_is_one_that_we_take(void **state)
{
	char iqn[224], out[224];

	model_iqn_make("iqn.2026-01.org.sluice:host7", "A__Z.9", "01234567-89ab", iqn);
	assert_int_equal(model_iqn_check("iqn", iqn, out, NULL), 0);
	assert_string_equal(iqn, out);
}

static void chap_users_are_what_tgtd_can_store_and_print(void **state)
{
	static const char *const good[] = {"anna", "iqn.2026-01.org.example:web1", "a@b",
					   "A_1.2-3"};
	static const char *const bad[] = {"",    "a b",      "a,b",           "a(outgoing)",
					  "a=b", "\xc3\xa4", MODEL_CHAP_GUARD};
	char text[130];
	struct err err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(model_chap_user_check("chap_user", good[i], NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(model_chap_user_check("chap_user", bad[i], &err), -EINVAL);
		assert_string_equal(err.field, "chap_user");
	}
	assert_non_null(strstr(err.text, "the appliance uses"));
	memset(text, 'a', 64);
	text[64] = '\0';
	assert_int_equal(model_chap_user_check("chap_user", text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "63"));
}

static void a_refused_secret_is_not_in_the_sentence(void **state)
{
	static const char *const bad[] = {"elevenchars", "seventeencharsxxx", "twelve chars",
					  "ninechar\tXYZ", "tw\xc3\xa4lvechars"};
	struct err err;

	assert_int_equal(model_chap_secret_check("chap_secret", "twelvechars1", NULL), 0);
	assert_int_equal(model_chap_secret_check("chap_secret", "sixteen,chars=1!", NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(model_chap_secret_check("chap_secret", bad[i], &err), -EINVAL);
		assert_string_equal(err.field, "chap_secret");
		assert_null(strstr(err.text, bad[i]));
	}
}

static void a_made_secret_uses_all_96_bits_and_is_taken(void **state)
{
	uint8_t random[16];
	bool seen[256] = {false};
	char out[17];
	int count = 0;

	for (int start = 0; start < 64; start += 16) {
		for (int i = 0; i < 16; i++)
			random[i] = (uint8_t)(start + i);
		model_chap_secret_make(random, out);
		assert_int_equal(strlen(out), 16);
		assert_int_equal(model_chap_secret_check("s", out, NULL), 0);
		for (int i = 0; i < 16; i++)
			seen[(unsigned char)out[i]] = true;
	}
	for (int i = 0; i < 256; i++)
		count += seen[i];
	assert_int_equal(count, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_iqn_is_taken_in_lower_case),
	    cmocka_unit_test(a_bad_iqn_is_refused_with_the_reason),
	    cmocka_unit_test(two_volumes_never_get_one_iqn),
	    cmocka_unit_test(an_iqn_that_we_make_is_one_that_we_take),
	    cmocka_unit_test(chap_users_are_what_tgtd_can_store_and_print),
	    cmocka_unit_test(a_refused_secret_is_not_in_the_sentence),
	    cmocka_unit_test(a_made_secret_uses_all_96_bits_and_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
