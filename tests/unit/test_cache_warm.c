/* SPDX-License-Identifier: MIT */
/* warm.h: the list survives; any damage is seen; the plan reads each block once, adjacent ones
 * together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc.h"
#include "rng.h"
#include "warm.h"

static const uint8_t uuid[16] = "volume number 1";
static const uint8_t other_uuid[16] = "volume number 2";

#define VOLUME_BLOCKS (1ull << 40)

static uint64_t *some_blocks(size_t count, uint64_t seed)
{
	uint64_t *blocks = calloc(count + 1, sizeof(*blocks)), at = 1;
	struct rng rng;

	rng_seed(&rng, seed);
	for (size_t i = 0; i < count; i++) {
		at = rng_pct(&rng, 60) ? at + 1 : rng_below(&rng, VOLUME_BLOCKS);
		blocks[i] = at % VOLUME_BLOCKS;
	}
	return blocks;
}

static void encode(uint64_t *blocks, size_t count, uint8_t **data, size_t *size_bytes)
{
	assert_int_equal(warm_encode(uuid, blocks, count, data, size_bytes), 0);
}

static void what_was_encoded_is_decoded(void **state)
{
	static const size_t counts[] = {0, 1, 2, 4095, 4096, 4097, 30000};

	for (uint32_t n = 0; n < sizeof(counts) / sizeof(*counts); n++) {
		uint64_t *blocks = some_blocks(counts[n], n + 1);
		struct warm_list list;
		size_t size_bytes;
		uint8_t *data;

		encode(blocks, counts[n], &data, &size_bytes);
		assert_int_equal(warm_decode(uuid, VOLUME_BLOCKS, data, size_bytes, &list), 0);
		assert_int_equal(list.count, counts[n]);
		/* blocks are in the order of the file now. */
		assert_memory_equal(list.blocks, blocks, counts[n] * sizeof(*blocks));
		warm_list_free(&list);
		free(data);
		free(blocks);
	}
}

static void the_hottest_piece_is_the_first(void **state)
{
	uint64_t *blocks = calloc(3 * WARM_PIECE_BLOCKS, sizeof(*blocks));
	struct warm_list list;
	size_t size_bytes;
	uint8_t *data;

	for (uint32_t i = 0; i < 3 * WARM_PIECE_BLOCKS; i++)
		blocks[i] = 1000000 - i;
	encode(blocks, 3 * WARM_PIECE_BLOCKS, &data, &size_bytes);
	assert_in_range(size_bytes, 0, 3 * WARM_PIECE_BLOCKS + 100); /* adjacent: a byte each */
	assert_int_equal(warm_decode(uuid, VOLUME_BLOCKS, data, size_bytes, &list), 0);
	for (uint32_t i = 0; i < WARM_PIECE_BLOCKS; i++)
		assert_int_equal(list.blocks[i], 1000001 - WARM_PIECE_BLOCKS + i);
	warm_list_free(&list);
	free(data);
	free(blocks);
}

static void every_damage_is_seen(void **state)
{
	uint64_t *blocks = some_blocks(300, 9);
	struct warm_list list;
	size_t size_bytes;
	uint8_t *data;

	encode(blocks, 300, &data, &size_bytes);
	for (size_t i = 0; i < size_bytes * 8; i++) {
		data[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(warm_decode(uuid, VOLUME_BLOCKS, data, size_bytes, &list), 0);
		assert_null(list.blocks);
		data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t n = 0; n < size_bytes; n++)
		assert_int_not_equal(warm_decode(uuid, VOLUME_BLOCKS, data, n, &list), 0);
	assert_int_equal(warm_decode(other_uuid, VOLUME_BLOCKS, data, size_bytes, &list), -EXDEV);
	free(data);
	free(blocks);
}

/* Whoever can write the file can make its checksum right; it still must not hurt. */
static void a_forged_list_is_survived(void **state)
{
	struct rng rng;

	rng_seed(&rng, 8);
	for (uint32_t n = 0; n < 20000; n++) {
		uint64_t *blocks = some_blocks(20, n);
		struct warm_list list;
		size_t size_bytes;
		uint32_t crc;
		uint8_t *data;

		encode(blocks, 20, &data, &size_bytes);
		for (uint32_t i = 0; i < 3; i++)
			data[rng_range(&rng, 30, size_bytes - 1)] = (uint8_t)rng_u64(&rng);
		crc = cache_crc32c(cache_crc32c(0, data, 12), data + 16, size_bytes - 16);
		for (uint32_t i = 0; i < 4; i++)
			data[12 + i] = (uint8_t)(crc >> i * 8);
		memcpy(data + 16, uuid, 16);
		if (!warm_decode(uuid, 1000, data, size_bytes, &list)) {
			for (size_t i = 0; i < list.count; i++)
				assert_true(list.blocks[i] < 1000);
			warm_list_free(&list);
		}
		free(data);
		free(blocks);
	}
}

static void blocks_past_the_end_are_left_out(void **state)
{
	uint64_t blocks[] = {5, 99, 100, 101, 7};
	struct warm_list list;
	size_t size_bytes;
	uint8_t *data;

	encode(blocks, 5, &data, &size_bytes);
	assert_int_equal(warm_decode(uuid, 100, data, size_bytes, &list), 0);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.blocks[2], 99);
	warm_list_free(&list);
	free(data);
}

static void a_file_keeps_the_list(void **state)
{
	char folder[] = "/tmp/test_cache_warm.XXXXXX", path[100], aside[110];
	uint64_t *blocks = some_blocks(5000, 2);
	struct warm_list list;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/v.warm", folder);
	(void)snprintf(aside, sizeof(aside), "%s.new", path);
	assert_int_equal(warm_load(path, uuid, VOLUME_BLOCKS, &list), -ENOENT);
	assert_int_equal(warm_save(path, uuid, blocks, 3), 0);
	assert_int_equal(warm_save(path, uuid, blocks, 5000), 0);
	assert_int_equal(warm_load(path, uuid, VOLUME_BLOCKS, &list), 0);
	assert_int_equal(list.count, 5000);
	assert_memory_equal(list.blocks, blocks, 5000 * sizeof(*blocks));
	warm_list_free(&list);
	assert_int_not_equal(access(aside, F_OK), 0);
	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(warm_load(path, uuid, VOLUME_BLOCKS, &list), -EBADMSG);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(warm_load(path, uuid, VOLUME_BLOCKS, &list), -EBADMSG);
	assert_int_equal(truncate(path, 1ll << 40), 0);
	assert_int_equal(warm_load(path, uuid, VOLUME_BLOCKS, &list), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(warm_load(path, uuid, VOLUME_BLOCKS, &list), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(warm_save(path, uuid, blocks, 3), -ENOENT);
	free(blocks);
}

static bool is_multiple_of_seven(void *ctx, uint64_t block)
{
	return block % 7 == 0;
}

static void the_plan_reads_adjacent_blocks_together(void **state)
{
	uint64_t numbers[300], block, count;
	struct warm_list list = {.blocks = numbers, .count = 300};
	struct warm_plan plan;

	for (uint32_t i = 0; i < 200; i++)
		numbers[i] = 10 + i;
	for (uint32_t i = 200; i < 300; i++)
		numbers[i] = i * 10;
	warm_plan_init(&plan, &list, NULL, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(warm_plan_next(&plan, &block, &count));
		assert_int_equal(block, 10 + i * 64);
		assert_int_equal(count, i < 3 ? 64 : 8);
	}
	assert_int_equal(warm_plan_done(&plan), 200);
	assert_true(warm_plan_next(&plan, &block, &count));
	assert_int_equal(count, 1);
}

static void the_plan_passes_over_what_is_there(void **state)
{
	uint64_t numbers[100], block, count, sum = 0, expected = 0;
	struct warm_list list = {.blocks = numbers, .count = 100};
	struct warm_plan plan;

	for (uint32_t i = 0; i < 100; i++) {
		numbers[i] = i;
		expected += i % 7 ? i : 0;
	}
	warm_plan_init(&plan, &list, is_multiple_of_seven, NULL);
	while (warm_plan_next(&plan, &block, &count))
		for (uint64_t i = 0; i < count; i++)
			sum += block + i;
	assert_int_equal(sum, expected);
	assert_int_equal(warm_plan_done(&plan), 100);
}

static void the_checksum_is_crc32c(void **state)
{
	uint8_t zeros[32] = {0}, data[1000];
	struct rng rng;

	/* RFC 3720 B.4 */
	assert_int_equal(cache_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(cache_crc32c(0, "123456789", 9), 0xe3069283);
	rng_seed(&rng, 1);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rng_u64(&rng);
	for (uint32_t n = 0; n < 300; n++)
		assert_int_equal(cache_crc32c(n, data + n, n), cache_crc32c_plain(n, data + n, n));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_encoded_is_decoded),
	    cmocka_unit_test(the_hottest_piece_is_the_first),
	    cmocka_unit_test(every_damage_is_seen),
	    cmocka_unit_test(a_forged_list_is_survived),
	    cmocka_unit_test(blocks_past_the_end_are_left_out),
	    cmocka_unit_test(a_file_keeps_the_list),
	    cmocka_unit_test(the_plan_reads_adjacent_blocks_together),
	    cmocka_unit_test(the_plan_passes_over_what_is_there),
	    cmocka_unit_test(the_checksum_is_crc32c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
