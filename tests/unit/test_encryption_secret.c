/* SPDX-License-Identifier: MIT */
/* test_encryption_secret.c - keys lie in memory that no core file holds, and are wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"
#include "xts.h"

#define T(name) cmocka_unit_test(name)

/* Of the mapping that holds p: the kernel's words for it. */
static void flags_of(const void *p, char *flags, size_t size_bytes)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	uintptr_t from = 0, to = 0;
	char line[512];

	assert_non_null(f);
	flags[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		uintptr_t a, b;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &a, &b) == 2) {
			from = a;
			to = b;
		} else if (strncmp(line, "VmFlags:", 8) == 0 && (uintptr_t)p >= from &&
			   (uintptr_t)p < to) {
			snprintf(flags, size_bytes, "%.200s", line);
		}
	}
	fclose(f);
}

static void assert_hidden(const void *p)
{
	char flags[256];

	flags_of(p, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
#if !defined(SLUICE_ASAN) && !defined(SLUICE_TSAN) /* they leave mlock() out */
	assert_non_null(strstr(flags, " lo"));
#endif
}

static void pieces_are_hidden_and_zeroed(void **state)
{
	static const uint8_t zeros[SECRET_MAX_BYTES];
	void *kept[300];

	for (uint32_t i = 0; i < 300; i++) {
		size_t bytes = 1 + i * 27;
		uint8_t *p = secret_alloc(bytes);

		assert_non_null(p);
		assert_memory_equal(p, zeros, bytes);
		assert_hidden(p);
		memset(p, 0xee, bytes);
		kept[i] = p;
	}
	for (uint32_t i = 0; i < 300; i++)
		secret_free(kept[i]);
	for (uint32_t i = 0; i < 300; i++) {
		kept[i] = secret_alloc(1 + i * 27);
		assert_memory_equal(kept[i], zeros, 1 + i * 27);
	}
	for (uint32_t i = 0; i < 300; i++)
		secret_free(kept[i]);
	assert_null(secret_alloc(SECRET_MAX_BYTES + 1));
	secret_free(NULL);
}

static void openssl_allocates_there_between_begin_and_end(void **state)
{
	void *before = OPENSSL_malloc(100), *in, *nested;
	char flags[256];

	secret_begin();
	in = OPENSSL_malloc(100);
	secret_begin();
	secret_end();
	nested = OPENSSL_zalloc(3000);
	secret_end();
	assert_hidden(in);
	assert_hidden(nested);
	flags_of(before, flags, sizeof(flags));
	assert_null(strstr(flags, " dd"));
	memset(in, 0x77, 100);
	in = OPENSSL_realloc(in, 4000); /* outside; what it held goes along */
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(((uint8_t *)in)[i], 0x77);
	assert_hidden(in);
	OPENSSL_free(in);
	OPENSSL_free(nested);
	before = OPENSSL_realloc(before, 200000);
	OPENSSL_free(before);
	OPENSSL_free(OPENSSL_malloc(0));
}

/* As many contexts as an appliance has volumes. */
static void a_thousand_keys_fit(void **state)
{
	static struct xts *x[1000];
	uint8_t key[XTS_KEY_BYTES];

	for (uint32_t i = 0; i < 1000; i++) {
		memset(key, 1, sizeof(key));
		memcpy(key, &i, sizeof(i));
		assert_int_equal(xts_new(key, 512, &x[i]), 0);
	}
	for (uint32_t i = 0; i < 1000; i++)
		xts_free(x[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(pieces_are_hidden_and_zeroed),
	    T(openssl_allocates_there_between_begin_and_end),
	    T(a_thousand_keys_fit),
	};

	if (!secret_set_up() || xts_set_up() < 0) {
		puts("OpenSSL was in use before its allocator could be set");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
