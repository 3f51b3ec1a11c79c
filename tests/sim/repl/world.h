/* SPDX-License-Identifier: MIT */
/*
 * world.h - two replicating nodes, the link between them, a witness, their disks, their clients and
 * an operator, on one virtual clock, from one seed.
 *
 *   clients --> node 0 [group: node, session, hot, bitmap, direct, window, resync, receiver, stage]
 *                 |  ^         logs, group's file, records, volumes: disk.c
 *              link.c          witness.c
 *                 v  |
 *   clients --> node 1 [the same objects]
 *
 * faults.c chooses what goes wrong, oracle.c knows what may be read.
 *
 * Thread: one.
 */
#ifndef SIM_REPL_WORLD_H
#define SIM_REPL_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "group.h"
#include "rng.h"
#include "timer_heap.h"

#define MS           1000000ull
#define PAGE_BYTES   4096u
#define DISK_PAGES   4608u
#define PENDING_MAX  16384u
#define FLIGHTS_MAX  512u
#define EVENTS_MAX   16384u
#define MEMBERS      2u
#define BLOCKS       14u
#define CLIENTS      7u
#define SMALL_BYTES  (64u << 10) /* the second volume, and when it has grown */
#define GROWN_BYTES  (128u << 10)
#define RECORDS_MAX  16u
#define RECORD_BYTES 49152u
#define HISTORY_MAX  128u

struct world;
struct node;

/* ---------------------------------------------------------------- events (event.c) */

struct event {
	uint64_t at_ns, order;
	void (*fn)(struct world *w, struct event *e);
	int node; /* dropped when that node has died since; -1: nobody's */
	uint32_t life;
	uint64_t a, b;
	void *p, *q;
};

struct event *event_add(struct world *w, int node, uint64_t delay_ns,
			void (*fn)(struct world *w, struct event *e));
/* The next event or timer; false: there is none before that time. */
bool world_step(struct world *w, uint64_t until_ns);

/* ---------------------------------------------------------------- disks (disk.c) */

struct page_write {
	uint32_t page;
	const uint8_t *data; /* NULL: zeros */
};

/* Pages are never changed in place: a write makes a new one. */
struct disk {
	struct env_file file; /* first */
	bool exists, is_open, is_log;
	const uint8_t *cache[DISK_PAGES], *stable[DISK_PAGES]; /* NULL: zeros */
	uint32_t page_count;
	uint64_t written, flushed; /* writes are numbered; up to flushed they are stable */
	struct page_write pending[PENDING_MAX]; /* number n is at n % PENDING_MAX */
};

enum dio_op { DIO_READ, DIO_WRITE, DIO_ZERO, DIO_SYNC, DIO_EXTENT };

struct dio {
	struct disk *disk;
	enum dio_op op;
	bool is_fua, is_hole;
	uint64_t offset_bytes, len_bytes, mark, extent_bytes;
	void *buf;
	int result;
	void (*done)(struct dio *d);
	void *ctx;
	struct node *node;
	bool is_used, is_early;
};

void disk_init(struct disk *d, uint64_t size_bytes, bool is_log);
void disk_grow(struct disk *d, uint64_t size_bytes);
/* Behind everybody's back: bytes of this value. */
void disk_damage(struct disk *d, uint32_t page, uint8_t value);
/* done() comes after a while, in any order. */
void disk_submit(struct node *n, const struct dio *d);
void disk_read_now(const struct disk *d, uint64_t offset_bytes, void *buf, uint64_t len_bytes);
/* The versions of a page that a power cut may leave, oldest first; NULL: zeros. How many. */
uint32_t disk_versions(const struct disk *d, uint32_t page, const uint8_t **versions, uint32_t max);
/* The node died: what was under way lands, or does not, or in part. */
void disk_crash(struct node *n, bool is_power_cut);
uint8_t *page_new(void);
void pages_reset(void);

/* ---------------------------------------------------------------- nodes (side_life.c, side_host.c)
 */

struct record {
	char key[32];
	uint32_t size_bytes;
	_Alignas(8) uint8_t data[RECORD_BYTES];
};

/* What of a node may fail, one bit each. */
enum part { PART_VOLUMES = 1, PART_FILE = 2, PART_LOGS = 4, PART_RECORDS = 8 };

struct node {
	struct env env; /* first; of its record logs */
	struct world *w;
	int id;
	uint32_t life;
	bool is_up, is_started, is_serving, is_refusing;
	uint64_t clock_offset_ns;
	struct timer_heap timers;
	struct disk volumes[MEMBERS], file, logs[REPL_LOGS];
	struct dio flights[FLIGHTS_MAX];
	uint32_t flight_count;
	struct record records[RECORDS_MAX];
	uint32_t record_count;
	struct repl_group *group;
	struct repl_group_command command;
	bool is_commanding;
	uint32_t slow;              /* latency times this */
	uint32_t failing, fail_pct; /* enum part: its I/O fails that often, for a while */
	bool must_restart;          /* before all is well again */
	uint64_t stalled_until_ns;  /* nothing of it runs: a machine that was suspended */
	void *bufs[3][64];
	uint32_t buf_count[3];
	bool has_word;    /* of the peer, the witness or an operator, in this life */
	bool is_promoted; /* in this life, and has not served since: all it has is persistent */
};

void side_start(struct node *n);
void side_die(struct node *n, bool is_power_cut);
void side_stop(struct node *n); /* in peace, then down */
uint64_t side_now_ns(const struct node *n);
const struct repl_host_ops *side_host_ops(void);
void side_env_init(struct node *n);
/* What this node's volumes read as, and what its record says. */
uint64_t side_value(const struct node *n, uint32_t block);
/* What it may read as after a power cut, oldest first, what it reads as now last; how many. */
uint32_t side_values(const struct node *n, uint32_t block, uint64_t *values, uint32_t max);
const struct repl_node *side_machine(const struct node *n); /* NULL when down */
enum repl_node_state side_recorded_state(const struct node *n);
const struct repl_node_record *side_record(const struct node *n); /* NULL: it has none */
bool side_may_answer(const struct node *n);
bool side_is_stalled(const struct node *n);

/* ---------------------------------------------------------------- link (link.c) */

struct link_way {
	uint8_t *data; /* under way: room for LINK_ROOM_BYTES */
	uint32_t len;
	uint32_t arrived;                /* of them: at the receiver, maybe unread */
	bool wants_writable, is_stopped; /* is_stopped: the receiver used nothing */
	bool is_moving;
};

struct link_conn {
	uint32_t number;        /* 0: none */
	bool is_up[2];          /* at that end; a half-open one at one end alone */
	bool is_told[2];        /* the node there has heard up() */
	struct link_way way[2]; /* from end 0, from end 1 */
};

struct link_channel {
	struct link_conn conn;
	uint32_t falling[2]; /* down() is on its way to that node, of this life */
};

#define LINK_ROOM_BYTES (3u << 20)   /* one way: sent and not used yet */
#define LINK_SEND_BYTES (128u << 10) /* of them: not arrived yet */

void link_init(struct world *w);
size_t link_send(struct node *n, enum sluice_link_channel ch, const void *data, size_t len);
size_t link_room(struct node *n, enum sluice_link_channel ch);
void link_read_on(struct node *n, enum sluice_link_channel ch);
void link_reset(struct node *n, enum sluice_link_channel ch, const char *why);
void link_node_died(struct world *w, int node);
/* In the middle of what is under way; with is_half_open one end does not hear of it. */
void link_cut(struct world *w, enum sluice_link_channel ch, bool is_half_open);
void link_unblocked(struct world *w);
void link_old_frame(struct world *w, int to);

/* ---------------------------------------------------------------- witness (witness.c) */

struct witness {
	struct sluice_witness_register reg;
	uint64_t lease_until_ns;
};
void witness_submit(struct node *n, struct sluice_witness_call *c);

/* ---------------------------------------------------------------- clients and oracle */

struct block {
	uint16_t member;
	uint32_t len_bytes;
	uint64_t offset_bytes;
	/* What may be read: in order of issue; the first one is certain or was read. */
	uint64_t may[HISTORY_MAX];
	uint32_t may_count;
	bool is_loose; /* a power cut may take the newest ones: what was read settles nothing */
	/* Changes in the order of the log, for points in time. */
	struct {
		uint64_t lsn, value;
		uint64_t head; /* what came after it was acknowledged has a larger lsn */
	} history[HISTORY_MAX];
	uint32_t history_count;
};

struct client {
	struct world *w;
	int id, node;
	uint32_t life, block;
	bool is_busy, is_write;
	uint64_t pair_term; /* of the pair that served when it began; 0: none did */
	uint64_t value, began_ns, turn;
	struct repl_io io;
	uint8_t *buf;
};

void clients_begin(struct world *w);
void clients_node_died(struct world *w, int node);
void clients_settle(struct world *w); /* no new ones; those that wait are given up by a kill */

void oracle_init(struct world *w);
void oracle_began(struct world *w, uint32_t block, uint64_t value);
/* is_loose: a power cut of that node may take it. */
void oracle_acked(struct world *w, uint32_t block, uint64_t value, int node, bool is_loose);
/* head: the newest lsn when it was acknowledged; all ones: it never was. */
void oracle_ran(struct world *w, uint32_t block, uint64_t lsn, uint64_t value, uint64_t head,
		int node);
void oracle_read(struct world *w, uint32_t block, uint64_t value, int node);
/* Its stages are below. */
void oracle_started(struct world *w, int node);
/* A node begins to serve. */
void oracle_serves(struct world *w, int node);
/* It stops, or dies. */
void oracle_serves_no_more(struct world *w, int node);
void oracle_record(struct world *w, int node, const struct repl_node_record *before,
		   const struct repl_node_record *after);
void oracle_final(struct world *w);
const char *oracle_point_in_time(struct world *w, int node);

/* ---------------------------------------------------------------- snapshots (snapshot.c) */

#define SNAPSHOTS_MAX 100u

struct sim_snapshot {
	int node; /* whose operator made it */
	uint32_t life;
	uint16_t member;
	enum { SNAPSHOT_PREPARED, SNAPSHOT_DRAINING, SNAPSHOT_HELD } step;
	uint64_t since_ns;
	bool is_committed, is_deleted, is_there[2];
	bool may_be_unnoted; /* records failed when it was deleted */
	uint64_t value[2][BLOCKS];
};

void snapshots_begin(struct world *w);
/* The chain holds the member's I/O there. */
bool snapshot_holds(const struct world *w, int node, uint16_t member);
void snapshot_submit(void *node, struct repl_snapshot *c); /* of host.h */
bool snapshots_have_come_right(const struct world *w);     /* both nodes are up */
void snapshots_final(struct world *w);

/* ---------------------------------------------------------------- faults (faults.c) */

void faults_begin(struct world *w);
void faults_end(struct world *w);
void operator_try(struct world *w, bool may_force, bool is_told);
void operator_repairs(struct world *w);
/* The record "stages" is new: a resync is staged, or what of it came is given up. */
void fault_in_stage(struct node *n, const void *stages);

/* ---------------------------------------------------------------- the world (run.c) */

struct options {
	bool is_verbose;
	bool splits;       /* operators force a promotion while the other side goes on */
	bool slow_reads;   /* volumes are read in the time of many writes */
	bool slow_disks;   /* what a volume's read returns is early, what is written lands late */
	bool cut_resyncs;  /* a staged resync is cut off, the replica forced, and that cut off */
	uint32_t ops;      /* of clients, about */
	uint32_t fault_ms; /* how long things go wrong */
};

struct world {
	const struct options *opt;
	uint64_t seed;
	struct rng rng;
	uint64_t now_ns, order;
	struct event *heap[EVENTS_MAX];
	uint32_t event_count;
	struct event *free_events[EVENTS_MAX];
	uint32_t free_count;

	/* the kind of run */
	bool is_sync, holds, has_witness, is_durable, may_force;
	/* What goes wrong most: nothing in particular, volumes that fail, the role that goes on. */
	enum { BIAS_NONE, BIAS_FAILING, BIAS_ROLES } bias;
	bool is_loose; /* volatile, and clients do not always ask for FUA */
	uint32_t block_bytes, link_delay_us, journal_bytes, stage_bytes;

	struct node nodes[2];
	struct link_channel link[SLUICE_LINK_CHANNELS];
	bool is_blocked[2];         /* from node n to the other */
	bool is_witness_blocked[2]; /* node n and the witness */
	uint32_t conn_number;
	struct witness witness;
	struct block blocks[BLOCKS];
	struct client clients[CLIENTS];
	int current;     /* the node whose word counts */
	bool was_forced; /* since both were equal last */
	bool has_faults, has_clients;
	uint64_t next_value, ops_left, fault_until_ns;
	struct rng snapshot_rng;
	struct sim_snapshot snapshots[SNAPSHOTS_MAX], *snapshot_now;
	uint32_t snapshot_count;
	jmp_buf *escape;
};

/* Ends this seed: says why, with what repeats it. */
_Noreturn void world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 0: all is well. */
int run_seed(const struct options *opt, uint64_t seed);
void world_inside(bool is_inside); /* the simulated process allocates from now on */

static inline bool chance(struct world *w, uint32_t pct)
{
	return rng_pct(&w->rng, pct);
}

#endif
