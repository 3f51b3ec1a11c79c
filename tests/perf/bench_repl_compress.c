/* SPDX-License-Identifier: MIT */
/*
 * bench_repl_compress.c - what lz4 and zstd cost and gain on replication's payloads: text, a
 * database's pages (half text, half zeros), and ciphertext, in payloads of 4, 64 and 256 KiB.
 *
 * Prints plain MB per second of CPU time, checksum included, out and in, and what is left on the
 * wire.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compress.h"

#define SOURCE_BYTES (4u << 20)
#define RUN_NS       300000000ull

static uint8_t source[SOURCE_BYTES], room[REPL_PAYLOAD_MAX], back[REPL_PAYLOAD_MAX];

enum kind { TEXT, PAGES, CIPHERTEXT };

static void fill(enum kind kind)
{
	uint64_t x = 88172645463325252ull;
	size_t at = 0;

	while (at < SOURCE_BYTES) {
		char line[96];
		int n;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (kind == CIPHERTEXT) {
			memcpy(source + at, &x, 8);
			at += 8;
			continue;
		}
		if (kind == PAGES && at % 8192 >= 4096) {
			memset(source + at, 0, 8192 - at % 8192);
			at += 8192 - at % 8192;
			continue;
		}
		n = snprintf(line, sizeof(line), "%llu row of account %llu, balance %llu.%02llu;\n",
			     (unsigned long long)(x >> 40), (unsigned long long)(x & 0xffff),
			     (unsigned long long)(x >> 20 & 0xfffff),
			     (unsigned long long)(x % 100));
		for (int i = 0; i < n && at < SOURCE_BYTES; i++)
			source[at++] = (uint8_t)line[i];
	}
}

static void measure(struct compress *c, const char *what, uint8_t comp, uint32_t bytes)
{
	uint64_t begin = clock_now_ns(), out_ns = 0, in_ns = 0, plain = 0, stored = 0;

	for (size_t at = 0; clock_now_ns() - begin < RUN_NS; at = (at + bytes) % SOURCE_BYTES) {
		uint64_t t0 = clock_thread_cpu_ns(), t1;
		struct frame f;

		frame_begin(&f.header, REPL_WRITE, 1, 1);
		frame_set_payload(&f.header, source + at, bytes);
		f.stored = compress_payload(c, comp, &f.header, source + at, room);
		t1 = clock_thread_cpu_ns();
		if (!compress_plain(c, &f, back))
			abort();
		in_ns += clock_thread_cpu_ns() - t1;
		out_ns += t1 - t0;
		plain += bytes;
		stored += f.header.stored_bytes;
	}
	printf("%-10s %-4s %4u KiB  out %6.0f MB/s  in %6.0f MB/s  wire %5.1f %%\n", what,
	       comp == REPL_COMP_NONE  ? "none"
	       : comp == REPL_COMP_LZ4 ? "lz4"
				       : "zstd",
	       bytes >> 10, (double)plain * 1e3 / (double)out_ns,
	       (double)plain * 1e3 / (double)in_ns, 100.0 * (double)stored / (double)plain);
}

int main(void)
{
	static const char *const names[] = {"text", "pages", "ciphertext"};
	static const uint32_t sizes[] = {4096, 65536, 262144};

	for (enum kind k = TEXT; k <= CIPHERTEXT; k++) {
		fill(k);
		for (uint8_t comp = REPL_COMP_NONE; comp <= REPL_COMP_ZSTD; comp++)
			for (uint32_t i = 0; i < 3; i++) {
				struct compress *c = compress_new();

				if (!c)
					return 1;
				measure(c, names[k], comp, sizes[i]);
				compress_free(c);
			}
	}
	return 0;
}
