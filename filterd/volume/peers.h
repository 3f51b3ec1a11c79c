/* SPDX-License-Identifier: MIT */
/*
 * peers.h - EXTENDED COPY between volumes, also of different workers: a table of LUNs, I/O by
 * message.
 *
 *   worker of A                                      worker of B
 *   port --find, pin--> entry(B)
 *        --env_post------------------------------->  scsi_peer_submit under B's range lock
 *        fn  <------------------------------------   unpin, env_post
 *
 * Thread: any for the table, which has the one lock (peers.mutex, held for a list walk, never
 * across a call); a port belongs to its volume's worker, an entry to its own.
 */
#ifndef FILTERD_PEERS_H
#define FILTERD_PEERS_H

#include <pthread.h>

#include "env.h"
#include "list.h"
#include "scsi.h"
#include "serve.h"

#define PEERS_PORT_OPS 16u /* I/Os of one volume to others at once; past that BUSY */

struct peers {
	pthread_mutex_t mutex;
	struct list_node entries; /* under mutex */
};

/* A volume that others may copy from and to. Embedded in the volume. */
struct peers_entry {
	struct list_node node;
	struct peers *peers;
	struct env *env;
	struct scsi_lun *lun;
	uint8_t naa[16];
	uint64_t size_bytes; /* under mutex */
	uint32_t block_bytes;
	uint32_t pins;   /* under mutex: others' I/Os on the way */
	bool is_removed; /* under mutex */
	struct env_msg removed_msg;
	void (*fn)(void *ctx);
	void *ctx;
};

struct peers_port;

struct peers_op {
	struct env_msg msg;
	struct scsi_peer_io peer;
	struct peers_port *port;
	struct peers_entry *entry;
	struct peers_op *next_free;
	enum sluice_status status;
	void (*fn)(void *fn_ctx, enum sluice_status status);
	void *fn_ctx;
};

/* A volume's way to the others: gives serve_cfg.peers. Embedded in the volume. */
struct peers_port {
	struct serve_peers serve; /* ctx is this port */
	struct peers *peers;
	struct env *env;
	struct peers_op ops[PEERS_PORT_OPS];
	struct peers_op *free;
};

void peers_init(struct peers *p);
void peers_fini(struct peers *p);

void peers_port_init(struct peers_port *port, struct peers *p, struct env *env);

/* Thread: owner worker of e's volume. e's env, lun, naa, size and block are filled. */
void peers_add(struct peers *p, struct peers_entry *e);
void peers_set_size(struct peers_entry *e, uint64_t size_bytes);
/* From now on nobody finds it. fn once, by message, when others' I/O on it has ended. */
void peers_remove(struct peers_entry *e, void (*fn)(void *ctx), void *ctx);

#endif
