/* SPDX-License-Identifier: MIT */
/*
 * sim_cache - how many reads a cache answers, by the policy that chooses what stays.
 *
 *   sim_cache [--reads N] [--table]
 *
 * Every trace goes through every policy at several sizes of cache; the first fifth of a trace only
 * warms it. Prints the hit ratios as a table for docs/performance.md and checks what S3-FIFO was
 * chosen for: that scans do not spoil it, that loops do not defeat it, and that it is nowhere much
 * worse than LRU.
 * --table checks nothing. All of it comes from one seed and is the same on every machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "trace.h"

#define WORSE_MAX_PCT 5.0 /* of LRU's hit ratio, relative */

static const struct policy *const policies[] = {&policy_lru, &policy_arc, &policy_lirs,
						&policy_s3fifo, &policy_filter};
enum { LRU, ARC, LIRS, S3FIFO, FILTER, POLICY_COUNT };

static const uint32_t sizes_pct[] = {1, 5, 10, 20, 40};
#define SIZE_COUNT (sizeof(sizes_pct) / sizeof(*sizes_pct))

struct row {
	enum trace_kind kind;
	uint32_t size_pct;
	double hit_pct[POLICY_COUNT];
};

static double hit_pct(const struct policy *p, enum trace_kind kind, uint32_t slots, uint64_t reads)
{
	void *state = p->create(slots, TRACE_KEYS);
	uint64_t hits = 0, warm = reads / 5;
	struct trace t;

	trace_begin(&t, kind, slots, 1);
	for (uint64_t i = 0; i < warm; i++)
		(void)p->access(state, trace_next(&t));
	for (uint64_t i = warm; i < reads; i++)
		hits += p->access(state, trace_next(&t));
	trace_end(&t);
	p->destroy(state);
	return 100.0 * (double)hits / (double)(reads - warm);
}

static void print_row(const struct row *r)
{
	printf("| %s | %u %% |", trace_name(r->kind), r->size_pct);
	for (uint32_t p = 0; p < POLICY_COUNT; p++)
		printf(" %.1f |", r->hit_pct[p]);
	printf(" %+.1f |\n", r->hit_pct[S3FIFO] - r->hit_pct[LRU]);
	(void)fflush(stdout);
}

/* What may not be: a sentence, or NULL. */
static const char *fault_of(const struct row *r)
{
	double lru = r->hit_pct[LRU], ours = r->hit_pct[S3FIFO], filter = r->hit_pct[FILTER];

	if (r->kind == TRACE_SCANNED && ours < lru + 2)
		return "less than 2 points better than LRU although the trace is full of scans";
	if (r->kind == TRACE_SCANNED && filter < lru + 2)
		return "the filter is less than 2 points better than LRU on scans";
	if (r->kind == TRACE_LOOP && (ours < 50 || lru > 1))
		return "a loop defeats it";
	if (ours < lru * (1 - WORSE_MAX_PCT / 100))
		return "worse than LRU by more than 5 % of its hits";
	if (filter < lru * (1 - WORSE_MAX_PCT / 100))
		return "the filter is worse than LRU by more than 5 % of its hits";
	return NULL;
}

static void print_head(uint64_t reads)
{
	printf("Hit ratios in %%, %llu reads of %u blocks; sizes in %% of the blocks.\n\n",
	       (unsigned long long)reads, TRACE_KEYS);
	printf("| trace | cache |");
	for (uint32_t p = 0; p < POLICY_COUNT; p++)
		printf(" %s |", policies[p]->name);
	printf(" S3-FIFO - LRU |\n|---|---:|");
	for (uint32_t p = 0; p <= POLICY_COUNT; p++)
		printf("---:|");
	printf("\n");
}

int main(int argc, char **argv)
{
	uint64_t reads = 400000;
	uint32_t faults = 0;
	bool is_table = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--table")) {
			is_table = true;
		} else if (!strcmp(argv[i], "--reads") && i + 1 < argc) {
			reads = strtoull(argv[++i], NULL, 10);
		} else {
			fprintf(stderr, "sim_cache [--reads N] [--table]\n");
			return 2;
		}
	}
	print_head(reads);
	for (uint32_t k = 0; k < TRACE_COUNT; k++)
		for (uint32_t s = 0; s < SIZE_COUNT; s++) {
			struct row r = {.kind = (enum trace_kind)k, .size_pct = sizes_pct[s]};
			const char *fault;

			for (uint32_t p = 0; p < POLICY_COUNT; p++)
				r.hit_pct[p] = hit_pct(policies[p], r.kind,
						       TRACE_KEYS / 100 * r.size_pct, reads);
			print_row(&r);
			fault = is_table ? NULL : fault_of(&r);
			if (fault)
				printf("FAULT: %s, %u %%: %s\n", trace_name(r.kind), r.size_pct,
				       fault);
			faults += fault != NULL;
		}
	trace_forget();
	return faults ? 1 : 0;
}
