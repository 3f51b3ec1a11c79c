/* SPDX-License-Identifier: MIT */
/*
 * world.h - the whole chain, simulated: two appliances, on each a volume with the real chain, the
 * real filters and the real backend, on one virtual clock, from one seed.
 *
 *   clients --> appliance 0 [chain: encryption? replication? encryption? cache? io_control? -->
 * dir] |  ^            env: env.c, sdisk.c     host: host.c       life: side.c link.c witness.c v |
 *   clients --> appliance 1 [the same]
 *
 * A seed draws which filters there are and how they are set, what clients do and what goes wrong.
 * Then nothing goes wrong any more: it has to come right, both appliances have to give the clients
 * what they were told (each is read through its own chain, after a hand-over), and both have to
 * end in peace.
 *
 * tests/sim/repl looks into replication's engine; this one looks at what a client sees, and at the
 * seams between the filters. The plug-ins are the product's objects but for three files: LUKS
 * headers and locked memory (luks_sim.c, secret_sim.c), which only cost time here.
 *
 * Small files that filters read and write on helpers (headers, the flash's mark) are real ones, in
 * a folder of this process; they are durable when they are written.
 *
 * Thread: one.
 */
#ifndef SIM_WHOLE_WORLD_H
#define SIM_WHOLE_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "chain.h"
#include "env.h"
#include "groups.h"
#include "net_host.h"
#include "rng.h"
#include "timer_heap.h"

#define MS             1000000ull
#define PAGE_BYTES     4096u
#define DISK_PAGES     8192u
#define PENDING_MAX    8192u
#define DISKS_MAX      16u
#define FLIGHTS_MAX    512u
#define EVENTS_MAX     16384u
#define CLIENTS        8u
#define CELLS_EACH     3u
#define CELLS          (CLIENTS * CELLS_EACH)
#define VERSIONS_MAX   192u
#define IMAGE_BYTES    ((4u << 20) + (256u << 10))
#define GROWN_BYTES    (IMAGE_BYTES + (128u << 10))
#define RECORDS_MAX    32u
#define RECORD_BYTES   16384u
#define KEYS_MAX       8u
#define FILTERS_MAX    4u
#define PATH_MAX_BYTES 128u

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

/* ---------------------------------------------------------------- disks (sdisk.c) */

/* What of a node may fail, one bit each. */
enum part { PART_IMAGE = 1, PART_FLASH = 2, PART_LOGS = 4, PART_FILES = 8, PART_RECORDS = 16 };

struct page_write {
	uint32_t page;
	const uint8_t *data; /* NULL: zeros */
};

/* Pages are never changed in place: a write makes a new one. */
struct sdisk {
	struct env_file file; /* first */
	char path[PATH_MAX_BYTES];
	enum part part;
	bool exists, is_open, may_tear;
	const uint8_t *cache[DISK_PAGES], *stable[DISK_PAGES]; /* NULL: zeros */
	uint32_t page_count;
	uint64_t written, flushed; /* writes are numbered; up to flushed they are stable */
	struct page_write pending[PENDING_MAX]; /* number n is at n % PENDING_MAX */
};

struct flight {
	struct env_io *io;
	uint64_t mark; /* SYNC: writes up to this one become stable */
	bool is_used;
};

struct sdisk *sdisk_find(struct node *n, const char *path);
/* NULL: no room for another one. */
struct sdisk *sdisk_make(struct node *n, const char *path, uint64_t size_bytes);
void sdisk_submit(struct node *n, struct env_io *io);
void sdisk_read_now(const struct sdisk *d, uint64_t offset_bytes, void *buf, uint64_t len_bytes);
/* The node died: what was under way lands, or does not, or in part. */
void sdisk_crash(struct node *n, bool is_power_cut);
void pages_reset(void);

/* ---------------------------------------------------------------- nodes */

struct record {
	char key[64];
	uint32_t size_bytes;
	_Alignas(8) uint8_t data[RECORD_BYTES];
};

struct kept_key {
	char name[64];
	uint32_t size_bytes;
	uint8_t data[256];
};

enum filter_id { F_REPLICATION, F_ENCRYPTION, F_CACHE, F_IO_CONTROL };

/* What a node's volume is, as its plan says; durable. */
struct plan {
	bool has[FILTERS_MAX];
	uint64_t size_bytes;
	uint32_t cache_mode; /* enum cache_mode */
};

enum cache_mode { CACHE_WRITE_THROUGH, CACHE_WRITE_BACK, CACHE_WRITE_AROUND, CACHE_READ_ONLY };

enum node_state { NODE_DOWN, NODE_OPENING, NODE_OPEN, NODE_STOPPING };

/* This node's end of a channel. */
struct net_link {
	struct node *n;
	enum sluice_link_channel ch;
	struct sluice_link_cfg cfg;
	bool is_open;
};

struct node {
	struct env env; /* first */
	struct world *w;
	int id;
	uint32_t life;
	bool is_up;
	enum node_state state;
	uint64_t clock_offset_ns;
	struct timer_heap timers;
	struct sdisk disks[DISKS_MAX];
	struct flight flights[FLIGHTS_MAX];
	uint32_t flight_count;
	struct record records[RECORDS_MAX];
	uint32_t record_count;
	struct kept_key keys[KEYS_MAX]; /* the parent's: gone with the power */
	uint32_t key_count;
	struct plan plan, next_plan;
	struct chain *chain;
	struct groups *groups;
	struct backend *backend;
	struct chain_host host;
	uint32_t attached;
	enum sluice_status ready;
	struct net_link links[SLUICE_LINK_CHANNELS];
	bool is_commanding; /* one command to replication, one to encryption */
	bool is_keying;
	bool is_forcing; /* that command gives up what the other side has */
	int key_fd;
	bool is_changing; /* of filters, size, or a point */
	bool has_failed;  /* what failed is tried again by a restart */
	char values[16][64];
	uint32_t slow;              /* latency times this */
	uint32_t failing, fail_pct; /* enum part: its I/O fails that often, for a while */
	bool must_restart;          /* before all is well again */
	uint64_t stalled_until_ns;  /* nothing of it runs */
	bool is_refusing;           /* it says that it did not come up */
};

/* side.c */
void side_start(struct node *n);
void side_die(struct node *n, bool is_power_cut);
void side_stop(struct node *n); /* in peace, then down */
uint64_t side_now_ns(const struct node *n);
bool side_is_stalled(const struct node *n);
bool side_serves(const struct node *n); /* initiators would be let through */
/* The filter's place in the chain, from the top; -1: it has none. */
int side_filter_index(const struct node *n, const char *name);
/* Does the filter's status have this text in it? */
bool side_status_has(struct node *n, const char *filter, const char *text);
/* side_change.c: changes of the volume under I/O. */
void side_change_cache(struct node *n);
void side_change_io_control(struct node *n);
void side_grow(struct node *n);
void side_point(struct node *n);
void side_flush(struct node *n);
/* side_filters.c */
void filters_load(void);                                              /* once in a process */
int filters_attach_next(struct node *n, chain_done_fn fn, void *ctx); /* 0: all are there */
void filters_cfg(struct node *n, enum filter_id id, const struct plan *plan,
		 struct chain_filter_cfg *cfg);
const struct sluice_filter_ops *filters_ops(enum filter_id id);
/* operator.c: formats, unlocks, tells roles. */
void operator_keys(struct node *n);
bool operator_command(struct node *n, const char *name, const char *args);
void operator_any(struct node *n);
void operator_try(struct world *w, bool may_force);
/* A replica grows first. */
bool operator_may_grow(const struct node *n);
/* A follower is there again: what was given up by force is history. */
void operator_look(struct world *w);
bool operator_is_right(struct world *w);

/* env.c, host.c */
void env_begin(struct node *n);
void host_begin(struct node *n);
const struct net_host *link_host(struct node *n);
void files_begin(void); /* the folder of this process */
void files_reset(void); /* and everything in it */
void files_end(void);
void file_path(const struct node *n, const char *name, char *path, size_t size_bytes);

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
	uint64_t tries;
	uint32_t falling[2]; /* down() is on its way to that node, of this life */
};

#define LINK_ROOM_BYTES (3u << 20)   /* one way: sent and not used yet */
#define LINK_SEND_BYTES (128u << 10) /* of them: not arrived yet */

void link_init(struct world *w);
void link_node_died(struct world *w, int node);
/* In the middle of what is under way; with is_half_open one end does not hear of it. */
void link_cut(struct world *w, enum sluice_link_channel ch, bool is_half_open);
void link_unblocked(struct world *w);

/* ---------------------------------------------------------------- witness (witness.c) */

struct witness {
	struct sluice_witness_register reg;
	uint64_t lease_until_ns;
};
void witness_ask(void *ctx, struct env *env, const char *peer, const uint8_t group_uuid[16],
		 const struct sluice_witness_call *call,
		 void (*fn)(void *fn_ctx, int result, const struct sluice_witness_register *now),
		 void *fn_ctx);

/* ---------------------------------------------------------------- clients and oracle */

/* Something that was written there; the first version of a cell is zeros. */
struct version {
	uint64_t value;
	uint64_t began, acked; /* in the order of events; acked 0: never */
};

struct cell {
	uint64_t offset_bytes;
	uint32_t len_bytes;
	struct version versions[2 * VERSIONS_MAX];
	struct version given_up[VERSIONS_MAX]; /* by a force: only the side that was left has it */
	uint32_t count, given_up_count;
	uint32_t now;  /* what is older may not be read any more */
	uint32_t base; /* nor after a power cut */
	bool is_any;   /* after a promotion by force: whatever there was, until it is read */
};

struct client {
	struct world *w;
	int id, node;
	uint32_t life;
	bool is_busy;
	uint8_t op;
	bool is_fua;
	uint32_t first, cells; /* of its own */
	uint32_t versions[CELLS_EACH];
	uint64_t began_ns, turn, force;
	uint32_t flush_now[CELLS]; /* FLUSH: what it makes persistent */
	struct sluice_io *io;
	uint8_t *buf;
};

void clients_begin(struct world *w);
void clients_node_died(struct world *w, int node);

void oracle_init(struct world *w);
/* It is within the volume, on both nodes. */
bool oracle_has_grown(const struct world *w, const struct cell *c);
bool oracle_has_room(const struct cell *c);
/* Returns the version's index. */
uint32_t oracle_began(struct world *w, uint32_t cell, uint64_t value);
void oracle_acked(struct world *w, uint32_t cell, uint32_t version, bool is_persistent);
void oracle_flushed(struct world *w, const uint32_t now[CELLS]);
void oracle_read(struct world *w, uint32_t cell, uint64_t value, int node);
void oracle_power_cut(struct world *w);
/* An operator takes a replica for the truth. */
void oracle_forced(struct world *w, bool is_consistent);
/* The side that was forced has written nothing and yielded: what was given up is there. */
void oracle_yielded(struct world *w);
/* The other side follows: what was given up is gone. */
void oracle_followed(struct world *w);
/* What the image itself holds while nothing is under way, where nothing encrypts. */
void oracle_image(struct world *w, const struct node *n);

/* ---------------------------------------------------------------- faults (faults.c) */

void faults_begin(struct world *w);
void faults_end(struct world *w);

/* ---------------------------------------------------------------- the world (run.c) */

struct options {
	bool is_verbose;
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
	bool has[FILTERS_MAX];
	bool is_sync, holds, has_witness, is_durable, may_force, is_encryption_above;
	uint32_t block_bytes, align_bytes, link_delay_us, journal_bytes, stage_bytes;
	uint32_t cache_mode, limit_iops, is_journaled, flash_bytes;
	uint64_t size_bytes; /* wanted */
	uint32_t nodes_used; /* 1 without replication */

	struct node nodes[2];
	struct link_channel link[SLUICE_LINK_CHANNELS];
	bool is_blocked[2];         /* from node n to the other */
	bool is_witness_blocked[2]; /* node n and the witness */
	uint32_t conn_number;
	struct witness witness;
	struct cell cells[CELLS];
	struct client clients[CLIENTS];
	int current;                  /* the node whose word counts */
	bool was_forced;              /* since both were equal last */
	uint64_t forces;              /* so many: an I/O of before does not count */
	uint32_t written_since_force; /* changes, acknowledged and persistent */
	int forced;                   /* the node that was; it may take seconds to be primary */
	bool was_demoted;             /* since then, by an operator who takes risks */
	uint32_t survey;      /* cells that are to be read before anything is written; a bit each */
	bool survey_is_whole; /* nothing may have been lost since it began */
	bool survey_is_point; /* and together they have to be a point in time */
	struct {
		bool was_forced, survey_is_point, is_any[CELLS];
		int current;
		uint32_t survey;
	} undo; /* a promotion by force that is refused */
	bool has_faults, has_clients, is_ending;
	uint64_t next_value, ops_left, fault_until_ns;
	uint64_t reads, writes, points;
	jmp_buf *escape;
};

/* Ends this seed: says why, with what repeats it. */
_Noreturn void world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct world *world_of_this_process(void);
/* 0: all is well. */
int run_seed(const struct options *opt, uint64_t seed);
void world_inside(bool is_inside); /* the simulated process allocates from now on */

static inline bool chance(struct world *w, uint32_t pct)
{
	return rng_pct(&w->rng, pct);
}

#endif
