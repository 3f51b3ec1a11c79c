// SPDX-License-Identifier: MIT
// device.c - see device.h.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "mclock.h"

#define MS           1000000ull
#define GC_MISSED_NS (1000 * 1000 * MS)
#define POSITIONS    65536u
#define SEEK_US      10000.0

static double root(double x)
{
	double r = x > 1 ? x : 1;

	for (int i = 0; i < 30 && x > 0; i++)
		r = (r + x / r) / 2;
	return x > 0 ? r : 0;
}

static uint64_t spread(struct device *d, double us)
{
	double part = (double)rng_below(&d->rng, 20001) / 10000 - 1; /* -1 to 1 */

	return (uint64_t)(us * 1000 * (1 + part * d->spec.spread_pct / 100));
}

static double slowness(const struct device *d, uint64_t at_ns)
{
	return d->spec.slow_at_ms && at_ns >= d->start_ns + d->spec.slow_at_ms * MS
		   ? d->spec.slow_factor
		   : 1;
}

static double cost_us(const struct device *d, const struct device_io *io, uint64_t at_ns)
{
	uint64_t units = (io->len_bytes + MCLOCK_UNIT_BYTES - 1) / MCLOCK_UNIT_BYTES;

	return d->spec.service_us * (double)units * slowness(d, at_ns);
}

static void collect_garbage(struct device *d, uint64_t at_ns)
{
	if (at_ns > d->gc_at_ns + GC_MISSED_NS) /* the clock jumped */
		d->gc_at_ns = at_ns;
	while (at_ns >= d->gc_at_ns) {
		uint64_t end_ns = d->gc_at_ns + d->spec.gc_ms * MS;

		for (uint32_t i = 0; i < d->spec.servers; i++)
			if (d->free_ns[i] < end_ns)
				d->free_ns[i] = end_ns;
		d->gc_at_ns = end_ns + rng_range(&d->rng, 1, 2ull * d->spec.gc_every_ms * MS);
	}
}

static void serve_fifo(struct device *d, struct device_io *io, uint64_t now_ns)
{
	uint32_t first = 0;
	uint64_t begin_ns, end_ns;

	for (uint32_t i = 1; i < d->spec.servers; i++)
		if (d->free_ns[i] < d->free_ns[first])
			first = i;
	begin_ns = d->free_ns[first] > now_ns ? d->free_ns[first] : now_ns;
	if (d->spec.model == DEVICE_SSD && begin_ns >= d->gc_at_ns) {
		collect_garbage(d, begin_ns);
		serve_fifo(d, io, now_ns);
		return;
	}
	d->free_ns[first] = begin_ns + spread(d, cost_us(d, io, begin_ns));
	end_ns = d->free_ns[first];
	if (d->spec.outlier_per_mille && rng_below(&d->rng, 1000) < d->spec.outlier_per_mille)
		end_ns += d->spec.outlier_ms * MS;
	events_put(d->events, end_ns, EVENT_DONE, io);
}

static void disk_next(struct device *d, uint64_t now_ns)
{
	struct device_io **at = &d->waiting, *io;
	double way, us;

	if (!d->waiting)
		return;
	while (*at && (*at)->position < d->head)
		at = &(*at)->next;
	if (!*at)
		at = &d->waiting; /* back to the beginning */
	io = *at;
	*at = io->next;
	way = (double)(io->position > d->head ? io->position - d->head : d->head - io->position) /
	      POSITIONS;
	us = SEEK_US * root(way) * slowness(d, now_ns) + cost_us(d, io, now_ns);
	d->head = io->position;
	d->is_moving = true;
	events_put(d->events, now_ns + spread(d, us), EVENT_DONE, io);
}

static void disk_submit(struct device *d, struct device_io *io, uint64_t now_ns)
{
	struct device_io **at = &d->waiting;

	io->position = (uint32_t)rng_below(&d->rng, POSITIONS);
	while (*at && (*at)->position <= io->position)
		at = &(*at)->next;
	io->next = *at;
	*at = io;
	if (!d->is_moving)
		disk_next(d, now_ns);
}

void device_submit(struct device *d, struct device_io *io, uint64_t now_ns)
{
	if (d->spec.model == DEVICE_DISK)
		disk_submit(d, io, now_ns);
	else
		serve_fifo(d, io, now_ns);
}

bool device_done(struct device *d, struct device_io *io, uint64_t now_ns)
{
	if (d->spec.model == DEVICE_DISK) {
		d->is_moving = false;
		disk_next(d, now_ns);
	}
	if (!io->is_external)
		return false;
	if (now_ns < d->start_ns + d->spec.external_to_ms * MS)
		device_submit(d, io, now_ns);
	return true;
}

double device_capacity(const struct device_spec *s)
{
	if (s->model == DEVICE_DISK)
		return 1e6 / (s->service_us + SEEK_US / 4);
	return s->servers * 1e6 / s->service_us *
	       (s->model == DEVICE_SSD
		    ? (double)s->gc_every_ms / (double)(s->gc_every_ms + s->gc_ms)
		    : 1);
}

/* The I/Os from outside begin as if one had just ended. */
static void external_begin(struct device *d)
{
	if (!d->spec.external_qd)
		return;
	d->external = calloc(d->spec.external_qd, sizeof(*d->external));
	assert(d->external);
	for (uint32_t i = 0; i < d->spec.external_qd; i++) {
		d->external[i].is_external = true;
		d->external[i].len_bytes = 16384;
		events_put(d->events, d->start_ns + d->spec.external_from_ms * MS, EVENT_OUTSIDE,
			   &d->external[i]);
	}
}

void device_init(struct device *d, const struct device_spec *spec, struct events *events,
		 uint64_t seed, uint64_t start_ns)
{
	memset(d, 0, sizeof(*d));
	assert(spec->servers >= 1 && spec->servers <= DEVICE_SERVERS_MAX);
	d->spec = *spec;
	d->events = events;
	d->start_ns = start_ns;
	rng_seed(&d->rng, seed * 3 + 1);
	if (spec->model == DEVICE_SSD)
		d->gc_at_ns = start_ns + rng_range(&d->rng, 1, 2ull * spec->gc_every_ms * MS);
	external_begin(d);
}

void device_free(struct device *d)
{
	free(d->external);
}
