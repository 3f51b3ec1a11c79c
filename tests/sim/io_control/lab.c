// SPDX-License-Identifier: MIT
// lab.c - see lab.h: clients, and the run.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "lab_path.h"

#define MS            1000000ull
#define NS_PER_S      1000000000ull
#define IOS_PER_CHUNK 1024u

static struct lab_io *io_get(struct lab *lab)
{
	struct lab_io *io = lab->free_ios;

	if (!io) {
		struct lab_io *chunk = calloc(IOS_PER_CHUNK, sizeof(*chunk));

		assert(chunk && lab->io_chunks < 64);
		lab->all_ios[lab->io_chunks++] = chunk;
		for (uint32_t i = 0; i < IOS_PER_CHUNK; i++) {
			chunk[i].next = lab->free_ios;
			lab->free_ios = &chunk[i];
		}
		io = lab->free_ios;
	}
	lab->free_ios = io->next;
	memset(io, 0, sizeof(*io));
	return io;
}

static void client_submit(struct lab_client *c)
{
	struct lab_io *io = io_get(c->lab);

	io->client = c;
	io->arrived_ns = c->lab->now_ns;
	io->request.len_bytes =
	    (uint64_t)c->spec->len_bytes
	    << (c->spec->len_doublings ? rng_below(&c->lab->rng, c->spec->len_doublings + 1) : 0);
	io->device.len_bytes = io->request.len_bytes;
	c->outstanding++;
	lab_path_submit(c->lab, io);
}

/* Exponential with the mean; the logarithm by halves, exact enough for arrivals. */
static uint64_t next_arrival_ns(struct lab_client *c)
{
	double u = ((double)rng_below(&c->lab->rng, 1u << 30) + 1) / (1u << 30), ln = 0, y;

	while (u < 0.5) {
		u *= 2;
		ln += 0.69314718;
	}
	y = (1 - u) / (1 + u);
	ln += 2 * (y + y * y * y / 3 + y * y * y * y * y / 5);
	return (uint64_t)(ln * NS_PER_S / c->spec->rate_iops) + 1;
}

static void client_start(struct lab_client *c)
{
	c->is_stopped = false;
	if (c->spec->qd) {
		while (c->outstanding < c->spec->qd)
			client_submit(c);
		return;
	}
	events_put(&c->lab->events, c->lab->now_ns + next_arrival_ns(c), EVENT_ARRIVAL, c);
}

static void client_arrival(struct lab_client *c)
{
	if (c->is_stopped || c->lab->is_draining)
		return;
	if (c->outstanding < LAB_WAITING_MAX)
		client_submit(c);
	events_put(&c->lab->events, c->lab->now_ns + next_arrival_ns(c), EVENT_ARRIVAL, c);
}

static void account(struct lab *lab, const struct lab_io *io)
{
	uint64_t slot = (lab->now_ns - lab->spec.start_ns) / LAB_SLOT_NS;
	struct lab_client *c = io->client;

	if (slot < LAB_SLOTS_MAX) {
		struct lab_slot *s = &lab->slot[slot];

		s->device_ns += lab->now_ns - io->dispatched_ns;
		s->ios++;
		s->units[c - lab->client] += (uint32_t)latency_units(io->request.len_bytes);
	}
	if (lab->now_ns < lab->measure_from_ns)
		return;
	tally_add(&lab->at_device, lab->now_ns - io->dispatched_ns, io->request.len_bytes);
	tally_add(&c->total, lab->now_ns - io->arrived_ns, io->request.len_bytes);
}

static void io_done(struct lab *lab, struct lab_io *io)
{
	struct lab_client *c = io->client;

	account(lab, io);
	lab_path_done(lab, io);
	io->next = lab->free_ios;
	lab->free_ios = io;
	c->outstanding--;
	if (c->spec->qd && !c->is_stopped && !lab->is_draining && c->outstanding < c->spec->qd)
		client_submit(c);
	lab_path_pump(lab);
}

static void tick(struct lab *lab)
{
	uint64_t slot = (lab->now_ns - lab->spec.start_ns) / LAB_SLOT_NS;

	lab_path_tick(lab);
	if (slot < LAB_SLOTS_MAX && lab->control.state == CONTROL_THROTTLING)
		lab->slot[slot].window = lab->control.window.whole;
	events_put(&lab->events, lab->now_ns + CONTROL_PERIOD_MS * MS, EVENT_TICK, NULL);
}

static void happen(struct lab *lab, const struct event *e)
{
	struct device_io *dio = e->what;

	lab->now_ns = e->at_ns;
	switch (e->kind) {
	case EVENT_DONE:
		if (!device_done(&lab->device, dio, lab->now_ns))
			io_done(lab,
				(struct lab_io *)((char *)dio - offsetof(struct lab_io, device)));
		break;
	case EVENT_OUTSIDE:
		device_submit(&lab->device, dio, lab->now_ns);
		break;
	case EVENT_ARRIVAL:
		client_arrival(e->what);
		break;
	case EVENT_START:
		client_start(e->what);
		break;
	case EVENT_STOP:
		((struct lab_client *)e->what)->is_stopped = true;
		break;
	case EVENT_TICK:
		tick(lab);
		break;
	case EVENT_WAKE:
		lab->wake_ns = UINT64_MAX;
		lab_path_pump(lab);
		break;
	}
}

static void run_until(struct lab *lab, uint64_t until_ns)
{
	struct event e;

	while (events_take(&lab->events, until_ns, &e)) {
		happen(lab, &e);
		lab_path_check(lab);
	}
	lab->now_ns = until_ns;
}

void lab_run(struct lab *lab, uint64_t until_ms)
{
	run_until(lab, lab->spec.start_ns + until_ms * MS);
}

static void client_init(struct lab *lab, uint32_t i)
{
	struct lab_client *c = &lab->client[i];
	const struct lab_client_spec *s = &lab->spec.client[i];
	struct mclock_config qos = s->qos;
	uint64_t start_ns = lab->spec.start_ns;

	c->spec = s;
	c->lab = lab;
	c->limit_at_ns = start_ns;
	qos.reservation_iops = capacity_reserve_iops(qos.reservation_iops);
	c->mclock = calloc(1, mclock_client_bytes());
	assert(c->mclock);
	if (mclock_add(lab->mclock, c->mclock, &qos, start_ns) != 0)
		assert(!"the lab has more clients than its scheduler");
	events_put(&lab->events, start_ns, EVENT_START, c);
	if (s->stop_ms)
		events_put(&lab->events, start_ns + s->stop_ms * MS, EVENT_STOP, c);
	if (s->resume_ms)
		events_put(&lab->events, start_ns + s->resume_ms * MS, EVENT_START, c);
}

void lab_init(struct lab *lab, const struct lab_spec *spec)
{
	memset(lab, 0, sizeof(*lab));
	lab->spec = *spec;
	lab->now_ns = spec->start_ns;
	lab->wake_ns = UINT64_MAX;
	lab->measure_from_ns = spec->start_ns + spec->warm_ms * MS;
	rng_seed(&lab->rng, spec->seed);
	lab->slot = calloc(LAB_SLOTS_MAX, sizeof(*lab->slot));
	lab->mclock = calloc(1, mclock_bytes(LAB_CLIENTS_MAX));
	assert(lab->slot && lab->mclock);
	device_init(&lab->device, &lab->spec.device, &lab->events, spec->seed, spec->start_ns);
	control_init(&lab->control, &spec->control, spec->start_ns);
	mclock_init(lab->mclock, LAB_CLIENTS_MAX, spec->start_ns);
	events_put(&lab->events, spec->start_ns + CONTROL_PERIOD_MS * MS, EVENT_TICK, NULL);
	for (uint32_t i = 0; i < spec->clients; i++)
		client_init(lab, i);
}

/* Ticks go on for ever: run from tick to tick. */
static void run_dry(struct lab *lab)
{
	for (uint32_t i = 0; i < 100000 && (lab->in_flight || mclock_queued(lab->mclock)); i++)
		run_until(lab, lab->now_ns + CONTROL_PERIOD_MS * MS);
}

void lab_sleep(struct lab *lab, uint64_t ns)
{
	struct event e;

	for (uint32_t i = 0; i < lab->spec.clients; i++)
		lab->client[i].is_stopped = true;
	run_dry(lab);
	while (events_take(&lab->events, UINT64_MAX, &e))
		; /* arrivals and the next tick: as if they had never been said */
	lab->now_ns += ns;
	lab->wake_ns = UINT64_MAX;
	lab->measure_from_ns = UINT64_MAX;
	events_put(&lab->events, lab->now_ns + CONTROL_PERIOD_MS * MS, EVENT_TICK, NULL);
	for (uint32_t i = 0; i < lab->spec.clients; i++)
		client_start(&lab->client[i]);
}

void lab_drain(struct lab *lab)
{
	lab->is_draining = true;
	lab_path_drain(lab);
	run_dry(lab);
}

void lab_free(struct lab *lab)
{
	for (uint32_t i = 0; i < lab->spec.clients; i++)
		free(lab->client[i].mclock);
	for (uint32_t i = 0; i < lab->io_chunks; i++)
		free(lab->all_ios[i]);
	events_free(&lab->events);
	device_free(&lab->device);
	free(lab->mclock);
	free(lab->slot);
}

double lab_seconds(const struct lab *lab)
{
	return (double)(lab->now_ns - lab->measure_from_ns) / NS_PER_S;
}

double lab_iops(const struct lab *lab, uint32_t client)
{
	return (double)lab->client[client].total.count / lab_seconds(lab);
}

double lab_total_iops(const struct lab *lab)
{
	return (double)lab->at_device.count / lab_seconds(lab);
}

double lab_latency_us(const struct lab *lab, uint32_t from_slot, uint32_t slots)
{
	uint64_t sum_ns = 0, ios = 0;

	for (uint32_t i = from_slot; i < from_slot + slots && i < LAB_SLOTS_MAX; i++) {
		sum_ns += lab->slot[i].device_ns;
		ios += lab->slot[i].ios;
	}
	return ios ? (double)sum_ns / (double)ios / 1000 : 0;
}

double lab_units_per_s(const struct lab *lab, uint32_t client, uint32_t from_slot, uint32_t slots)
{
	uint64_t units = 0;

	for (uint32_t i = from_slot; i < from_slot + slots && i < LAB_SLOTS_MAX; i++)
		units += lab->slot[i].units[client];
	return (double)units * NS_PER_S / ((double)slots * LAB_SLOT_NS);
}
