// SPDX-License-Identifier: MIT
/*
 * run.c - one seed: a world is made, things go wrong, then nothing does any more and it must come
 * right: both nodes give what clients were told, and end in peace.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "world.h"

static struct world *world;
static struct event *event_pool;

struct world *world_of_this_process(void)
{
	return world;
}

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

/* Calls from the chain into the world and back nest. */
static int depth;

void world_inside(bool is_inside)
{
	depth += is_inside ? 1 : -1;
	if (depth > 0)
		memory_on(false);
	else
		memory_off();
}

/* ---------------------------------------------------------------- the kind of run */

static void choose_filters(struct world *w)
{
	w->has[F_REPLICATION] = chance(w, 70);
	w->has[F_ENCRYPTION] = chance(w, 45);
	w->has[F_CACHE] = chance(w, 65);
	w->has[F_IO_CONTROL] = chance(w, 40);
	w->is_encryption_above = w->has[F_REPLICATION] && chance(w, 50);
	w->nodes_used = w->has[F_REPLICATION] ? 2 : 1;
	w->cache_mode = chance(w, 70) ? CACHE_WRITE_BACK : (uint32_t)rng_below(&w->rng, 4);
	w->is_journaled = chance(w, 20);
	w->flash_bytes = (uint32_t)rng_range(&w->rng, 384, 1536) << 10;
	w->limit_iops = chance(w, 50) ? 0 : (uint32_t)rng_range(&w->rng, 50, 2000);
}

static void choose(struct world *w)
{
	choose_filters(w);
	w->is_sync = chance(w, 65);
	w->has_witness = chance(w, 45);
	w->holds = chance(w, w->has_witness ? 25 : 60);
	w->is_durable = chance(w, 60);
	w->may_force = chance(w, 25);
	w->block_bytes = chance(w, 50) ? 512 : 4096;
	w->align_bytes = chance(w, 70) ? 512 : 4096;
	w->link_delay_us = (uint32_t)(chance(w, 70) ? rng_range(&w->rng, 20, 500)
						    : rng_range(&w->rng, 500, 20000));
	w->journal_bytes = (uint32_t)rng_range(&w->rng, 400, chance(w, 60) ? 512 : 1024) << 10;
	w->stage_bytes = (uint32_t)rng_range(&w->rng, 768, 1280) << 10;
	w->size_bytes = IMAGE_BYTES;
	w->ops_left = w->opt->ops / 2 + rng_below(&w->rng, w->opt->ops);
	w->fault_until_ns = (w->opt->fault_ms / 2 + rng_below(&w->rng, w->opt->fault_ms)) * MS;
	world_say(w, "%s%s%s%s%s, %s, %switness, %s, %s, blocks of %u, delay %u us%s",
		  w->has[F_REPLICATION] ? "replication " : "",
		  w->has[F_ENCRYPTION]
		      ? w->is_encryption_above ? "encryption(above) " : "encryption(below) "
		      : "",
		  w->has[F_CACHE] ? "cache " : "", w->has[F_IO_CONTROL] ? "io_control " : "",
		  w->is_journaled ? "journaled" : "", w->is_sync ? "sync" : "async",
		  w->has_witness ? "" : "no ", w->holds ? "hold" : "continue",
		  w->is_durable ? "durable" : "volatile", w->block_bytes, w->link_delay_us,
		  w->may_force ? ", force" : "");
}

static void make_node(struct world *w, int id)
{
	struct node *n = &w->nodes[id];

	n->w = w;
	n->id = id;
	n->is_up = false;
	n->state = NODE_DOWN;
	n->chain = NULL;
	n->key_fd = -1;
	n->life = 0;
	n->record_count = n->key_count = n->flight_count = 0;
	n->has_failed = n->is_changing = n->is_commanding = n->is_keying = n->is_forcing = false;
	memset(n->flights, 0, sizeof(n->flights));
	memset(n->links, 0, sizeof(n->links));
	for (uint32_t i = 0; i < DISKS_MAX; i++)
		n->disks[i].exists = n->disks[i].is_open = false;
	memcpy(n->plan.has, w->has, sizeof(n->plan.has));
	n->plan.size_bytes = w->size_bytes;
	n->plan.cache_mode = w->cache_mode;
}

static void init(struct world *w, const struct options *opt, uint64_t seed)
{
	w->opt = opt;
	w->seed = seed;
	rng_seed(&w->rng, seed);
	w->now_ns = 1000 * MS;
	w->order = 1;
	w->event_count = 0;
	for (uint32_t i = 0; i < EVENTS_MAX; i++)
		w->free_events[i] = &event_pool[i];
	w->free_count = EVENTS_MAX;
	w->is_blocked[0] = w->is_blocked[1] = false;
	w->is_witness_blocked[0] = w->is_witness_blocked[1] = false;
	w->conn_number = 0;
	memset(&w->witness, 0, sizeof(w->witness));
	w->current = 0;
	w->was_forced = w->has_faults = w->has_clients = w->is_ending = false;
	w->next_value = w->forces = 0;
	w->written_since_force = 0;
	w->was_demoted = false;
	depth = 0;
	files_reset();
	pages_reset();
	memory_begin();
	link_init(w);
	choose(w);
	make_node(w, 0);
	make_node(w, 1);
	oracle_init(w);
}

/* ---------------------------------------------------------------- to the end */

static void run_until(struct world *w, uint64_t until_ns)
{
	while (world_step(w, until_ns))
		;
	w->now_ns = until_ns;
}

static bool has_come_right(struct world *w)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (w->clients[i].is_busy)
			return false;
	return !w->survey && operator_is_right(w) && !w->nodes[w->current].is_changing;
}

static void say_all(struct world *w)
{
	static char json[32768];

	for (uint32_t i = 0; i < w->nodes_used && w->opt->is_verbose; i++) {
		struct node *n = &w->nodes[i];

		for (uint32_t f = 0; n->chain && f < chain_filter_count(n->chain); f++) {
			(void)chain_filter_status(n->chain, f, json, sizeof(json));
			world_say(w, "node %u, filter %u: %s", i, f, json);
		}
	}
}

static void come_right(struct world *w)
{
	uint32_t right_s = 0;

	for (uint32_t s = 0; s < 400; s++) {
		run_until(w, w->now_ns + 1000 * MS);
		operator_look(w);
		if (s % 3 == 2)
			operator_try(w, s > 100);
		if (s == 5)
			w->ops_left = 30;
		if (s == 12)
			w->ops_left = 0;
		for (uint32_t i = 0; i < w->nodes_used; i++)
			if (!w->nodes[i].is_up)
				side_start(&w->nodes[i]);
		right_s = s > 12 && has_come_right(w) ? right_s + 1 : 0;
		if (right_s >= 3)
			return;
	}
	say_all(w);
	if (w->survey)
		world_fail(w, "node %d does not answer: cells %x are not read", w->current,
			   w->survey);
	for (uint32_t i = 0; i < w->nodes_used; i++)
		if (w->nodes[i].is_changing)
			world_fail(w, "node %u: a change does not end", i);
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (w->clients[i].is_busy)
			world_fail(w, "client %u waits for node %d: op %u, since %.6f s", i,
				   w->clients[i].node, w->clients[i].op,
				   (double)w->clients[i].began_ns / 1e9);
	world_fail(w, "it does not come right: node 0 %s, node 1 %s",
		   side_serves(&w->nodes[0]) ? "serves" : "does not serve",
		   side_serves(&w->nodes[1]) ? "serves" : "does not serve");
}

/* Each cell is read once, through that node's chain. */
static void read_all(struct world *w, int node)
{
	w->current = node;
	w->survey = 0;
	for (uint32_t i = 0; i < CELLS; i++)
		if (oracle_has_grown(w, &w->cells[i]))
			w->survey |= 1u << i;
	w->survey_is_point = false;
	w->survey_is_whole = true; /* the next one that is asked has to say the same */
	for (uint32_t s = 0; s < 100 && w->survey; s++)
		run_until(w, w->now_ns + 500 * MS);
	if (w->survey)
		world_fail(w, "in the end node %d does not answer all reads", node);
}

static void hand_over(struct world *w)
{
	int to = 1 - w->current;

	for (uint32_t s = 0; s < 100 && !side_serves(&w->nodes[to]); s++) {
		if (s % 10 == 1)
			operator_command(&w->nodes[w->current], "handover", "{}");
		else if (s % 10 == 0)
			operator_command(&w->nodes[w->current], "resume", "{}");
		run_until(w, w->now_ns + 1000 * MS);
	}
	if (!side_serves(&w->nodes[to])) {
		say_all(w);
		world_fail(w, "in the end the role is not handed over to node %d", to);
	}
	read_all(w, to);
}

static void end_in_peace(struct world *w)
{
	w->has_clients = false;
	w->is_ending = true;
	run_until(w, w->now_ns + 6000 * MS);
	for (uint32_t s = 0; s < 60 && (w->nodes[0].is_up || w->nodes[1].is_up); s++) {
		for (uint32_t i = 0; i < w->nodes_used; i++)
			side_stop(&w->nodes[i]);
		run_until(w, w->now_ns + 1000 * MS);
	}
	for (uint32_t i = 0; i < w->nodes_used; i++)
		if (w->nodes[i].is_up)
			world_fail(w, "in the end node %u does not stop", i);
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
	for (uint32_t i = 0; i < world->nodes_used; i++)
		side_start(&world->nodes[i]);
	clients_begin(world);
	run_until(world, world->now_ns + rng_below(&world->rng, 6000) * MS);
	faults_begin(world);
	while (world->fault_until_ns) {
		uint64_t ns = world->fault_until_ns < 1000 * MS ? world->fault_until_ns : 1000 * MS;

		run_until(world, world->now_ns + ns);
		operator_look(world);
		world->fault_until_ns -= ns;
	}
	faults_end(world);
	come_right(world);
	read_all(world, world->current);
	if (world->nodes_used == 2)
		hand_over(world);
	end_in_peace(world);
	return 0;
}
