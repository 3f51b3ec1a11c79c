/* SPDX-License-Identifier: MIT */
/*
 * serve.h - a volume that serves: its rings, its one logical unit and its chain, tied together.
 *
 *   ring_server --struct ring_cmd--> serve --struct scsi_task--> scsi_lun --struct sluice_io-->
 * chain ^                             |  one task per slot, preallocated
 *        +-------- ring_response ------+
 *
 * A file of its own, because the daemon and the simulator link it unchanged: it knows env and
 * nothing of sockets, threads and plans. There is one scsi_lun for all rings of a volume, so its
 * range lock is what makes COMPARE AND WRITE atomic across tgtd processes.
 *
 * Order of calls: serve_create; for each ring serve_admit, serve_ring_open, then poll / rescan /
 * kick per turn of the loop, serve_ring_drain, serve_ring_close; serve_destroy when no ring is
 * left. Thread: owner worker of the volume, all of it.
 */
#ifndef FILTERD_SERVE_H
#define FILTERD_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"
#include "env.h"
#include "err.h"
#include "scsi.h"
#include "wire/ring.h"

struct serve;
struct serve_ring;

/* EXTENDED COPY's way to other volumes; fn is called exactly once, on the caller's worker. */
struct serve_peers {
	bool (*find)(void *ctx, const uint8_t naa[16], uint64_t *size_bytes, uint32_t *block_bytes);
	/* op is SLUICE_OP_READ (fills buf) or SLUICE_OP_WRITE (reads buf). */
	void (*io)(void *ctx, uint8_t op, const uint8_t naa[16], uint64_t offset_bytes,
		   uint32_t len_bytes, void *buf,
		   void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx);
	void *ctx;
};

struct serve_cfg {
	struct env *env;
	struct chain *chain; /* outlives the serve; gives size and op mask */
	const char *volume;  /* for log lines; outlives the serve */
	uint8_t uuid[16];
	uint32_t block_bytes;
	uint32_t max_ios; /* the chain's: chain_cfg.max_ios */
	bool is_wce;      /* write_cache: volatile */
	bool is_readonly;
	const struct serve_peers *peers; /* NULL: only within this volume; outlives the serve */
	/* Space of the datastore for LOG SENSE; NULL: unknown. */
	void (*provisioning)(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes);
	void *provisioning_ctx;
};

/* Errors: -ENOMEM. */
int must_check serve_create(const struct serve_cfg *cfg, struct serve **out, struct err *err);
/* No ring is open and serve_tasks() is 0. */
void serve_destroy(struct serve *s);

struct scsi_lun *serve_lun(struct serve *s);
/* Commands that are being executed, of all rings, and peers' I/O. */
uint32_t serve_tasks(const struct serve *s);
uint32_t serve_ring_count(const struct serve *s); /* live and draining ones */

/* After chain_grow(), and after filters changed. */
void serve_set_size(struct serve *s, uint64_t size_bytes);
void serve_refresh_ops(struct serve *s);
/* See scsi_lun_set_state(). */
void serve_set_state(struct serve *s, enum sluice_status state);

/* ---------------------------------------------------------------- rings */

/*
 * May one more ring be opened? I9: not before every dead ring of the volume has drained, since an
 * old command must not land after a new one. And reservations live inside tgtd, so that a second
 * live ring needs is_shared. Errors: -EAGAIN a ring drains, ask again soon; -EBUSY another ring is
 * live. The sentence is in err.
 */
int must_check serve_admit(const struct serve *s, bool is_shared, struct err *err);

struct serve_ring_cfg {
	void *base; /* mapped, size_bytes long, outlives the ring */
	uint64_t size_bytes;
	struct env_bell *wake; /* rings the client; may be NULL */
	uint64_t incarnation;  /* of this server; greater after each restart */
	/*
	 * Garbage was seen (RING-5): nothing more is taken. Called once, possibly within open, poll
	 * or rescan; the owner then drains and closes the ring, not before that call has returned.
	 */
	void (*broken)(struct serve_ring *r, void *ctx, const char *text);
	void *ctx;
};

/*
 * Opens a ring and at once executes again, in cmd_seq order, what an earlier incarnation left
 * unfinished. Calls:  broken() possibly before return, then also with 0 as the result Errors:
 * -EPROTO a header that does not fit, -ENOMEM
 */
int must_check serve_ring_open(struct serve *s, const struct serve_ring_cfg *cfg,
			       struct serve_ring **out, struct err *err);

/*
 * A volume with several rings must have all of them back before it executes anything again: who
 * held a range's lock when the last server died goes before every command of every ring, in the
 * order of claims. So: prepare for each ring, which takes nothing yet, then one serve_recover().
 * serve_ring_open() is both at once.
 */
int must_check serve_ring_prepare(struct serve *s, const struct serve_ring_cfg *cfg,
				  struct serve_ring **out, struct err *err);
void serve_recover(struct serve *s);

/* Takes up to budget commands. Returns how many. Aborts are looked for in awake and rescan. */
uint32_t serve_ring_poll(struct serve_ring *r, uint32_t budget);
/* Every 100 ms: looks for aborts and for commands that the queue lost. Returns the rescues. */
uint32_t serve_ring_rescan(struct serve_ring *r);
/* Nothing runs, waits or is to be told, and its commands may be taken. */
bool serve_ring_is_quiet(const struct serve_ring *r);
/* Once per turn of the loop, after all polls. */
void serve_ring_kick(struct serve_ring *r);
/* True: there is work after all, do not sleep. */
bool serve_ring_before_sleep(struct serve_ring *r);
void serve_ring_awake(struct serve_ring *r);

/*
 * Takes nothing more from now on; what was taken goes on to its end and is answered.
 * Calls: fn exactly once, from env_post(), when nothing is in flight any more
 */
void serve_ring_drain(struct serve_ring *r, void (*fn)(struct serve_ring *r, void *ctx), void *ctx);
/* Drained, and never before fn was called. */
void serve_ring_close(struct serve_ring *r);

struct serve_ring_info {
	uint64_t generation;
	uint32_t slot_count;
	uint32_t in_flight;
	uint64_t commands, rescues, aborts;
	bool is_draining, is_broken;
};
void serve_ring_info(const struct serve_ring *r, struct serve_ring_info *out);

#endif
