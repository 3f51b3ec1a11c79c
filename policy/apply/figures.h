/* SPDX-License-Identifier: MIT */
/*
 * figures.h - from counters that only grow to rates and percentiles: two readings of filterd and
 * the time between them. Pure.
 *
 * filterd counts from its own start and per volume, so what has become less was begun anew: after
 * a restart the new count is all that is known, and is taken as the difference.
 *
 * Thread: one at a time.
 */
#ifndef POLICY_FIGURES_H
#define POLICY_FIGURES_H

#include <jansson.h>
#include <stdint.h>

struct figures {
	json_t *before; /* {name: volume as filterd told it} */
	uint64_t before_ns;
};

/* Over this long without a reading, the next one is a new beginning: an hour's count is no rate. */
#define FIGURES_GAP_MAX_NS (60ull * 1000000000ull)

/*
 * volumes: filterd's [{"name", "read": {"ios", "bytes", "errors", "buckets": [[index, count]...]},
 * "write": {...}, "other": {"ios", "errors"}, "layers": [{"layer", "latency_ns"}]}],
 * top layer first, each with what it and all below it took; read at now_ns. And what its filters
 * say together: "reads" and "read_hits" (counters), "dirty_bytes", "lag_ms", "throttle" and "state"
 * (as of now; words or null). An older filterd has none of these.
 * Returns sampler_figures()'s document without at_ms; the first reading gives zeroes. New
 * reference.
 */
json_t *figures_step(struct figures *f, const json_t *volumes, uint64_t now_ns);
void figures_clear(struct figures *f);
/* The document when nothing is known: no volumes, a total of zeroes. New reference. */
json_t *figures_none(void);

#endif
