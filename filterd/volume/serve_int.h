/* SPDX-License-Identifier: MIT */
/* serve_int.h - what serve.c and serve_host.c share. Nobody else includes it. */
#ifndef FILTERD_SERVE_INT_H
#define FILTERD_SERVE_INT_H

#include "list.h"
#include "ring_server.h"
#include "serve.h"
#include "serve_buf.h"

/* One I/O between scsi and chain: chain_submit() carries one pointer, scsi wants two. */
struct serve_io {
	struct serve_io *next_free;
	void (*fn)(struct sluice_io *io, void *fn_ctx);
	void *fn_ctx;
	struct serve *serve;
};

/* EXTENDED COPY within the volume itself. */
#define SERVE_OWN_PEERS 8u
struct serve_own_peer {
	struct scsi_peer_io peer;
	struct serve *serve;
	struct serve_own_peer *next_free;
	void (*fn)(void *fn_ctx, enum sluice_status status);
	void *fn_ctx;
};

struct serve {
	struct serve_cfg cfg;
	uint8_t naa[16];
	struct scsi_lun *lun;
	struct list_node rings;
	uint64_t claims;      /* by all rings: the order of a replay */
	struct serve_io *ios; /* [cfg.max_ios] */
	struct serve_io *free_io;
	bool is_starved; /* io_get() said NULL and the LUN waits */
	struct serve_buf_pool bufs;
	struct serve_own_peer own_peers[SERVE_OWN_PEERS];
	struct serve_own_peer *free_own_peer;
};

/* One slot's command. It is free again only when the client has seen DONE and has submitted anew,
 * so the slot's number is its only allocator. */
struct serve_task {
	struct list_node node; /* of serve_ring.running */
	struct serve_ring *ring;
	uint32_t slot;
	bool is_abort_sent;
	struct scsi_task task; /* scsi_task_bytes() long */
};

struct serve_ring {
	struct list_node node; /* of serve.rings */
	struct serve *serve;
	struct ring_server server;
	struct serve_ring_cfg cfg;
	uint8_t *tasks; /* [slot_count] of task_bytes */
	size_t task_bytes;
	struct list_node running;
	uint32_t running_count;
	uint64_t aborts;
	bool is_recovered;  /* else nothing is taken yet */
	bool is_recovering; /* within serve_recover() */
	bool is_draining;
	bool is_broken_told;
	bool is_drain_posted;
	struct env_msg drain_msg;
	void (*drain_fn)(struct serve_ring *r, void *ctx);
	void *drain_ctx;
};

extern const struct scsi_host serve_host; /* its ctx is the struct serve */

/* Pools behind serve_host. */
int must_check serve_host_init(struct serve *s, struct err *err);
void serve_host_fini(struct serve *s);

#endif
