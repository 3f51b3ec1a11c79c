/* SPDX-License-Identifier: MIT */
/* test_encryption_xts.c - the cipher gives what the standard says, and leaves holes alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xts.h"

#define T(name) cmocka_unit_test(name)

static void unhex(const char *hex, uint8_t *out)
{
	for (size_t i = 0; hex[2 * i]; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

static struct xts *standard_key(uint32_t sector_bytes)
{
	struct xts *x;
	uint8_t key[XTS_KEY_BYTES];

	unhex("2718281828459045235360287471352662497757247093699959574966967627"
	      "3141592653589793238462643383279502884197169399375105820974944592",
	      key);
	assert_int_equal(xts_new(key, sector_bytes, &x), 0);
	return x;
}

/* IEEE 1619-2007, annex B, vectors 10 to 14: data units of 512 bytes, 00 01 02 ... ff twice. The
 * first and the last 32 bytes of each. */
static void the_standards_vectors_hold(void **state)
{
	static const struct {
		uint64_t unit;
		const char *first, *last;
	} vectors[] = {
	    {0xff, "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b",
	     "773dad38014bd2092fa755c824bb5e54c4f36ffda9fcea70b9c6e693e148c151"},
	    {0xffff, "77a31251618a15e6b92d1d66dffe7b50b50bad552305ba0217a610688eff7e11",
	     "54fbff89eeaeea791f4a7ab1f9868294a4f9e27b42af8100cb9d59cef9645803"},
	    {0xffffff, "e387aaa58ba483afa7e8eb469778317ecf4cf573aa9d4eac23f2cdf914e4e200",
	     "ed242c8900dd1fa965bc950dfce09b132263a1eef52dd6888c309f5a7d712826"},
	    {0xffffffff, "bf53d2dade78e822a4d949a9bc6766b01b06a8ef70d26748c6a7fc36d80ae4c5",
	     "f6516139420fcff3b7361d86322c4bd84c82f335abb152c4a93411373aaa8220"},
	    {0xffffffffff, "64497e5a831e4a932c09be3e5393376daa599548b816031d224bbf50a818ed23",
	     "6975be5e0b4efce51cd3e70c25a1fbbbd609d273ad5b0d59631c531f6a0a57b9"},
	};
	struct xts *x = standard_key(512);

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t plain[512], out[512], wanted[32];

		for (size_t b = 0; b < 512; b++)
			plain[b] = (uint8_t)b;
		assert_int_equal(xts_encrypt(x, vectors[i].unit * 512, plain, out, 512), 0);
		unhex(vectors[i].first, wanted);
		assert_memory_equal(out, wanted, 32);
		unhex(vectors[i].last, wanted);
		assert_memory_equal(out + 480, wanted, 32);
		assert_int_equal(xts_decrypt(x, vectors[i].unit * 512, out, 512), 0);
		assert_memory_equal(out, plain, 512);
	}
	xts_free(x);
}

/* As dm-crypt without iv_large_sectors: a larger sector goes on where the small one of the same
 * place ends, so both begin alike. */
static void the_tweak_counts_512_bytes_whatever_a_sector_is(void **state)
{
	struct xts *small = standard_key(512), *large = standard_key(4096);
	uint8_t plain[8192], a[8192], b[8192];

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(xts_encrypt(small, 1 << 20, plain, a, sizeof(a)), 0);
	assert_int_equal(xts_encrypt(large, 1 << 20, plain, b, sizeof(b)), 0);
	assert_memory_equal(a, b, 512);
	assert_memory_equal(a + 4096, b + 4096, 512);
	assert_memory_not_equal(a + 512, b + 512, 512);
	xts_free(small);
	xts_free(large);
}

static void holes_are_read_as_zeros_among_data(void **state)
{
	static const uint8_t zeros[4096];
	struct xts *x = standard_key(4096);
	uint8_t plain[4 * 4096], out[4 * 4096];

	memset(plain, 0x5a, sizeof(plain));
	assert_int_equal(xts_encrypt(x, 0, plain, out, sizeof(out)), 0);
	memset(out + 4096, 0, 4096);
	memset(out + 3 * 4096, 0, 4095); /* but one byte */
	assert_int_equal(xts_decrypt(x, 0, out, sizeof(out)), 0);
	assert_memory_equal(out, plain, 4096);
	assert_memory_equal(out + 4096, zeros, 4096);
	assert_memory_equal(out + 2 * 4096, plain, 4096);
	assert_memory_not_equal(out + 3 * 4096, zeros, 4096);
	xts_free(x);
}

static void zeros_that_were_written_are_not_holes(void **state)
{
	static const uint8_t zeros[4096];
	struct xts *x = standard_key(512);
	uint8_t out[4096];

	assert_int_equal(xts_encrypt(x, 0, zeros, out, sizeof(out)), 0);
	for (size_t i = 0; i < sizeof(out); i += 512)
		assert_memory_not_equal(out + i, zeros, 512);
	assert_int_equal(xts_decrypt(x, 0, out, sizeof(out)), 0);
	assert_memory_equal(out, zeros, sizeof(out));
	xts_free(x);
}

static void the_same_data_is_other_at_each_place(void **state)
{
	struct xts *x = standard_key(512);
	uint8_t plain[1024], out[1024];

	memset(plain, 1, sizeof(plain));
	assert_int_equal(xts_encrypt(x, 0, plain, out, sizeof(out)), 0);
	assert_memory_not_equal(out, out + 512, 512);
	/* In place, and past 2 TiB. */
	assert_int_equal(xts_encrypt(x, 1ull << 45, out, out, sizeof(out)), 0);
	assert_int_equal(xts_decrypt(x, 1ull << 45, out, sizeof(out)), 0);
	assert_int_equal(xts_decrypt(x, 0, out, sizeof(out)), 0);
	assert_memory_equal(out, plain, sizeof(out));
	xts_free(x);
}

static void bad_keys_and_sectors_are_refused(void **state)
{
	uint8_t key[XTS_KEY_BYTES];
	struct xts *x;

	memset(key, 3, sizeof(key));
	assert_int_equal(xts_new(key, 512, &x), -EKEYREJECTED);
	key[0] = 4;
	assert_int_equal(xts_new(key, 1024, &x), -EINVAL);
	assert_int_equal(xts_new(key, 0, &x), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_standards_vectors_hold),
	    T(the_tweak_counts_512_bytes_whatever_a_sector_is),
	    T(holes_are_read_as_zeros_among_data),
	    T(zeros_that_were_written_are_not_holes),
	    T(the_same_data_is_other_at_each_place),
	    T(bad_keys_and_sectors_are_refused),
	};

	if (xts_set_up() < 0) {
		puts("skipped: this machine's OpenSSL has no AES-256-XTS");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
