// SPDX-License-Identifier: MIT
/* run.c - one seed: a world is made, things go wrong, then nothing does any more and it must come
 * right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "world.h"

static struct world *world;
static struct event *event_pool;

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (!w->opt->is_verbose)
		return;
	printf("%12.6f  ", (double)w->now_ns / 1e9);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

_Noreturn void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	memory_off();
	printf("FAILED seed %llu at %.6f s: ", (unsigned long long)w->seed,
	       (double)w->now_ns / 1e9);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	longjmp(*w->escape, 1);
}

/* Calls from the group into the world and back nest. */
static int depth;

void world_inside(bool is_inside)
{
	depth += is_inside ? 1 : -1;
	if (depth > 0)
		memory_on(false);
	else
		memory_off();
}

static void choose(struct world *w)
{
	w->is_sync = chance(w, 70);
	w->has_witness = chance(w, 45);
	w->holds = chance(w, w->has_witness ? 25 : 60);
	w->is_durable = chance(w, 60);
	w->may_force = chance(w, 25) || w->opt->splits || w->opt->cut_resyncs;
	w->bias = w->opt->slow_disks ? (int)rng_below(&w->rng, 3) : BIAS_NONE;
	/* Where points in time are judged, each write counts. */
	w->is_loose = !w->is_durable && w->is_sync && !w->may_force;
	w->block_bytes = chance(w, 50) ? 512 : 4096;
	w->link_delay_us = (uint32_t)(chance(w, 70) ? rng_range(&w->rng, 20, 500)
						    : rng_range(&w->rng, 500, 40000));
	w->journal_bytes = (uint32_t)rng_range(&w->rng, 344, chance(w, 60) ? 400 : 1024) << 10;
	w->stage_bytes = (uint32_t)rng_range(&w->rng, 768, chance(w, 95) ? 1280 : 4096) << 10;
	w->ops_left = w->opt->ops / 2 + rng_below(&w->rng, w->opt->ops);
	if (chance(w, 10))
		w->ops_left *= 3; /* enough for a journal to run over */
	w->fault_until_ns = (w->opt->fault_ms / 2 + rng_below(&w->rng, w->opt->fault_ms)) * MS;
	world_say(w, "%s, %switness, %s, %s, blocks of %u, delay %u us, journal %u KiB%s",
		  w->is_sync ? "sync" : "async", w->has_witness ? "" : "no ",
		  w->holds ? "hold" : "continue", w->is_durable ? "durable" : "volatile",
		  w->block_bytes, w->link_delay_us, w->journal_bytes >> 10,
		  w->may_force ? ", force" : "");
}

static void make_node(struct world *w, int id)
{
	static const uint64_t sizes[MEMBERS] = {(4u << 20) + (256u << 10), SMALL_BYTES};
	uint64_t member_sizes[MEMBERS];
	struct node *n = &w->nodes[id];

	n->w = w;
	n->id = id;
	n->is_up = n->is_started = n->is_serving = false;
	n->group = NULL;
	n->life = 0;
	n->record_count = 0;
	n->flight_count = 0;
	memset(n->flights, 0, sizeof(n->flights));
	for (uint32_t m = 0; m < MEMBERS; m++) {
		member_sizes[m] = sizes[m];
		disk_init(&n->volumes[m], sizes[m], false);
	}
	disk_init(&n->file, group_file_bytes(member_sizes, MEMBERS), false);
	for (int i = 0; i < REPL_LOGS; i++) {
		n->logs[i].exists = false;
		n->logs[i].is_open = false;
	}
}

/* The replica to be was made from a copy, which is not the same any more: no client touches these
 * pages. */
static void copy_before(struct world *w)
{
	for (uint32_t i = 0; i < 12; i++) {
		uint32_t page = (uint32_t)rng_range(&w->rng, 300, 900);
		uint8_t value = (uint8_t)rng_range(&w->rng, 1, 200);

		disk_damage(&w->nodes[0].volumes[0], page, value);
		if (chance(w, 75))
			disk_damage(&w->nodes[1].volumes[0], page,
				    chance(w, 70) ? value : (uint8_t)(value + 1));
	}
}

static void init(struct world *w, const struct options *opt, uint64_t seed)
{
	w->opt = opt;
	w->seed = seed;
	rng_seed(&w->rng, seed);
	w->now_ns = 1000 * MS;
	w->order = 0;
	w->event_count = 0;
	for (uint32_t i = 0; i < EVENTS_MAX; i++)
		w->free_events[i] = &event_pool[i];
	w->free_count = EVENTS_MAX;
	w->is_blocked[0] = w->is_blocked[1] = false;
	w->is_witness_blocked[0] = w->is_witness_blocked[1] = false;
	w->conn_number = 0;
	memset(&w->witness, 0, sizeof(w->witness));
	w->current = 0;
	w->was_forced = w->has_faults = w->has_clients = false;
	w->next_value = 0;
	depth = 0;
	pages_reset();
	memory_begin();
	link_init(w);
	choose(w);
	oracle_init(w);
	make_node(w, 0);
	make_node(w, 1);
	if (chance(w, 30))
		copy_before(w);
}

static void run_until(struct world *w, uint64_t until_ns)
{
	while (world_step(w, until_ns))
		;
	w->now_ns = until_ns;
}

static bool has_come_right(const struct world *w)
{
	enum repl_node_state a = side_recorded_state(&w->nodes[w->current]);
	enum repl_node_state b = side_recorded_state(&w->nodes[1 - w->current]);

	if (!w->nodes[w->current].is_serving)
		return false;
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (w->clients[i].is_busy)
			return false;
	if (w->is_sync)
		return a == REPL_PRIMARY_PAIR && b == REPL_SECONDARY_INSYNC;
	return a == REPL_PRIMARY_ALONE && b == REPL_SECONDARY_SYNCING;
}

static bool is_equal(const struct world *w)
{
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (side_value(&w->nodes[0], i) != side_value(&w->nodes[1], i))
			return false;
	return true;
}

static void come_right(struct world *w)
{
	uint32_t right_s = 0;

	for (uint32_t s = 0; s < 400; s++) {
		run_until(w, w->now_ns + 1000 * MS);
		if (s % 3 == 2)
			operator_try(w, s > 100, s > 300);
		if (s == 5)
			w->ops_left = 30;
		if (s == 15)
			w->has_clients = false;
		for (int i = 0; i < 2; i++)
			if (!w->nodes[i].is_up)
				side_start(&w->nodes[i]);
		right_s =
		    s > 15 && has_come_right(w) && snapshots_have_come_right(w) ? right_s + 1 : 0;
		if (right_s >= 3 && is_equal(w))
			return;
		if (right_s >= 30)
			return; /* oracle_final() says what differs */
	}
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (w->clients[i].is_busy)
			world_say(w, "client %u waits for node %d: op %u block %u step %u legs %u",
				  i, w->clients[i].node, w->clients[i].io.op, w->clients[i].block,
				  w->clients[i].io.step, w->clients[i].io.legs);
	for (int i = 0; i < 2 && w->opt->is_verbose; i++) {
		char json[8192];

		if (w->nodes[i].group && group_status_json(w->nodes[i].group, json, sizeof(json)))
			world_say(w, "node %d: %s", i, json);
	}
	world_fail(w, "it does not come right: node 0 is %s%s, node 1 is %s%s",
		   node_state_name(side_recorded_state(&w->nodes[0])),
		   w->nodes[0].is_serving ? " and serves" : "",
		   node_state_name(side_recorded_state(&w->nodes[1])),
		   w->nodes[1].is_serving ? " and serves" : "");
}

int run_seed(const struct options *opt, uint64_t seed)
{
	jmp_buf escape;

	if (!world) {
		world = calloc(1, sizeof(*world));
		event_pool = calloc(EVENTS_MAX, sizeof(*event_pool));
		if (!world || !event_pool)
			abort();
	}
	world->escape = &escape;
	if (setjmp(escape))
		return 1;
	init(world, opt, seed);
	side_start(&world->nodes[0]);
	side_start(&world->nodes[1]);
	clients_begin(world);
	snapshots_begin(world);
	run_until(world, world->now_ns + rng_below(&world->rng, 6000) * MS);
	faults_begin(world);
	run_until(world, world->now_ns + world->fault_until_ns);
	faults_end(world);
	come_right(world);
	if (chance(world, 10)) {
		operator_repairs(world);
		run_until(world, world->now_ns + 20000 * MS);
	}
	oracle_final(world);
	snapshots_final(world);
	return 0;
}
