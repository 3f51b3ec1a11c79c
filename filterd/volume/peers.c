/* SPDX-License-Identifier: MIT */
#include "peers.h"

#include <assert.h>
#include <string.h>

void peers_init(struct peers *p)
{
	pthread_mutex_init(&p->mutex, NULL);
	list_init(&p->entries);
}

void peers_fini(struct peers *p)
{
	assert(list_is_empty(&p->entries));
	pthread_mutex_destroy(&p->mutex);
}

/* Under the mutex. */
static struct peers_entry *find_locked(struct peers *p, const uint8_t naa[16])
{
	struct list_node *n;

	list_for_each (n, &p->entries) {
		struct peers_entry *e = list_entry(n, struct peers_entry, node);

		if (memcmp(e->naa, naa, sizeof(e->naa)) == 0)
			return e;
	}
	return NULL;
}

static bool port_find(void *ctx, const uint8_t naa[16], uint64_t *size_bytes, uint32_t *block_bytes)
{
	struct peers_port *port = ctx;
	struct peers_entry *e;

	pthread_mutex_lock(&port->peers->mutex);
	e = find_locked(port->peers, naa);
	if (e) {
		*size_bytes = e->size_bytes;
		*block_bytes = e->block_bytes;
	}
	pthread_mutex_unlock(&port->peers->mutex);
	return e != NULL;
}

static void removed_msg(struct env_msg *m)
{
	struct peers_entry *e = m->ctx;

	e->fn(e->ctx);
}

/* Under the mutex; on the entry's worker. By message, as the LUN may still be on the stack. */
static void removed_check(struct peers_entry *e)
{
	if (!e->is_removed || e->pins > 0)
		return;
	e->removed_msg.fn = removed_msg;
	e->removed_msg.ctx = e;
	env_post(e->env, &e->removed_msg);
}

/* Back on the worker that asked. */
static void answer_msg(struct env_msg *m)
{
	struct peers_op *op = m->ctx;
	struct peers_port *port = op->port;
	void (*fn)(void *, enum sluice_status) = op->fn;
	void *fn_ctx = op->fn_ctx;
	enum sluice_status status = op->status;

	op->next_free = port->free;
	port->free = op;
	fn(fn_ctx, status);
}

/* On the entry's worker. */
static void io_ended(struct scsi_peer_io *io)
{
	struct peers_op *op = io->ctx;
	struct peers_entry *e = op->entry;

	op->status = (enum sluice_status)io->status;
	pthread_mutex_lock(&e->peers->mutex);
	e->pins--;
	removed_check(e);
	pthread_mutex_unlock(&e->peers->mutex);
	op->msg.fn = answer_msg;
	env_post(op->port->env, &op->msg);
}

static void submit_msg(struct env_msg *m)
{
	struct peers_op *op = m->ctx;

	scsi_peer_submit(op->entry->lun, &op->peer);
}

static void port_io(void *ctx, uint8_t op_code, const uint8_t naa[16], uint64_t offset_bytes,
		    uint32_t len_bytes, void *buf,
		    void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	struct peers_port *port = ctx;
	struct peers_op *op = port->free;
	struct peers_entry *e;

	if (!op) {
		fn(fn_ctx, SLUICE_ERR_BUSY);
		return;
	}
	pthread_mutex_lock(&port->peers->mutex);
	e = find_locked(port->peers, naa);
	if (e)
		e->pins++;
	pthread_mutex_unlock(&port->peers->mutex);
	if (!e) {
		fn(fn_ctx, SLUICE_ERR_NOT_READY);
		return;
	}
	port->free = op->next_free;
	op->entry = e;
	op->fn = fn;
	op->fn_ctx = fn_ctx;
	op->peer = (struct scsi_peer_io){
	    .op = op_code,
	    .offset_bytes = offset_bytes,
	    .len_bytes = len_bytes,
	    .buf = buf,
	    .end = io_ended,
	    .ctx = op,
	};
	op->msg.fn = submit_msg;
	op->msg.ctx = op;
	env_post(e->env, &op->msg);
}

void peers_port_init(struct peers_port *port, struct peers *p, struct env *env)
{
	memset(port, 0, sizeof(*port));
	port->serve = (struct serve_peers){.find = port_find, .io = port_io, .ctx = port};
	port->peers = p;
	port->env = env;
	for (uint32_t i = 0; i < PEERS_PORT_OPS; i++) {
		port->ops[i].port = port;
		port->ops[i].next_free = port->free;
		port->free = &port->ops[i];
	}
}

void peers_add(struct peers *p, struct peers_entry *e)
{
	e->peers = p;
	e->pins = 0;
	e->is_removed = false;
	pthread_mutex_lock(&p->mutex);
	list_push_back(&p->entries, &e->node);
	pthread_mutex_unlock(&p->mutex);
}

void peers_set_size(struct peers_entry *e, uint64_t size_bytes)
{
	pthread_mutex_lock(&e->peers->mutex);
	e->size_bytes = size_bytes;
	pthread_mutex_unlock(&e->peers->mutex);
}

void peers_remove(struct peers_entry *e, void (*fn)(void *ctx), void *ctx)
{
	e->fn = fn;
	e->ctx = ctx;
	pthread_mutex_lock(&e->peers->mutex);
	list_del(&e->node);
	e->is_removed = true;
	removed_check(e);
	pthread_mutex_unlock(&e->peers->mutex);
}
