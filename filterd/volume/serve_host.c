/* SPDX-License-Identifier: MIT */
/*
 * serve_host.c - what the device server needs from its surroundings, given by the chain, the slot
 * and the volume's pools. A file of its own, because it is the only place where scsi and chain
 * meet.
 *
 * Thread: owner worker.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "serve_int.h"

static struct serve_task *task_of(struct scsi_task *t)
{
	return list_entry(t, struct serve_task, task);
}

static struct sluice_io *host_io_get(void *ctx)
{
	struct serve *s = ctx;
	struct sluice_io *io = chain_io_get(s->cfg.chain);

	if (!io)
		s->is_starved = true;
	return io;
}

static void host_io_put(void *ctx, struct sluice_io *io)
{
	struct serve *s = ctx;

	chain_io_put(s->cfg.chain, io);
	if (s->is_starved) {
		s->is_starved = false;
		scsi_lun_io_available(s->lun);
	}
}

static void io_ended(struct sluice_io *io)
{
	struct serve_io *x = chain_io_owner(io);
	void (*fn)(struct sluice_io *, void *) = x->fn;
	void *fn_ctx = x->fn_ctx;

	x->next_free = x->serve->free_io;
	x->serve->free_io = x;
	fn(io, fn_ctx);
}

static void host_io_submit(void *ctx, struct sluice_io *io,
			   void (*fn)(struct sluice_io *io, void *fn_ctx), void *fn_ctx)
{
	struct serve *s = ctx;
	struct serve_io *x = s->free_io;

	assert(x); /* as many as the chain's pool has */
	s->free_io = x->next_free;
	x->fn = fn;
	x->fn_ctx = fn_ctx;
	chain_submit(s->cfg.chain, io, io_ended, x);
}

static void host_io_abort(void *ctx, struct sluice_io *io)
{
	struct serve *s = ctx;

	chain_abort(s->cfg.chain, io);
}

static void *host_buf_get(void *ctx, uint32_t size_bytes)
{
	struct serve *s = ctx;

	return serve_buf_get(&s->bufs, size_bytes);
}

static void host_buf_put(void *ctx, void *buf, uint32_t size_bytes)
{
	struct serve *s = ctx;

	serve_buf_put(&s->bufs, buf, size_bytes);
}

static void host_note_compared(void *ctx, struct scsi_task *t)
{
	struct serve_task *x = task_of(t);

	ring_server_compared(&x->ring->server, x->slot);
}

static void host_note_progress(void *ctx, struct scsi_task *t, uint64_t bytes)
{
	struct serve_task *x = task_of(t);

	ring_server_progress(&x->ring->server, x->slot, bytes);
}

/* ---------------------------------------------------------------- EXTENDED COPY */

static bool is_own(const struct serve *s, const uint8_t naa[16])
{
	return memcmp(naa, s->naa, sizeof(s->naa)) == 0;
}

static bool host_peer_find(void *ctx, const uint8_t naa[16], uint64_t *size_bytes,
			   uint32_t *block_bytes)
{
	struct serve *s = ctx;
	const struct serve_peers *peers = s->cfg.peers;

	if (is_own(s, naa)) {
		*size_bytes = chain_size_bytes(s->cfg.chain);
		*block_bytes = s->cfg.block_bytes;
		return true;
	}
	return peers && peers->find(peers->ctx, naa, size_bytes, block_bytes);
}

static void own_peer_ended(struct scsi_peer_io *p)
{
	struct serve_own_peer *x = p->ctx;
	enum sluice_status status = (enum sluice_status)p->status;
	void (*fn)(void *, enum sluice_status) = x->fn;
	void *fn_ctx = x->fn_ctx;

	x->next_free = x->serve->free_own_peer;
	x->serve->free_own_peer = x;
	fn(fn_ctx, status);
}

static void own_peer_io(struct serve *s, uint8_t op, uint64_t offset_bytes, uint32_t len_bytes,
			void *buf, void (*fn)(void *fn_ctx, enum sluice_status status),
			void *fn_ctx)
{
	struct serve_own_peer *x = s->free_own_peer;

	if (!x) {
		fn(fn_ctx, SLUICE_ERR_BUSY);
		return;
	}
	s->free_own_peer = x->next_free;
	x->fn = fn;
	x->fn_ctx = fn_ctx;
	x->peer = (struct scsi_peer_io){
	    .op = op,
	    .offset_bytes = offset_bytes,
	    .len_bytes = len_bytes,
	    .buf = buf,
	    .end = own_peer_ended,
	    .ctx = x,
	};
	scsi_peer_submit(s->lun, &x->peer);
}

static void peer_io(struct serve *s, uint8_t op, const uint8_t naa[16], uint64_t offset_bytes,
		    uint32_t len_bytes, void *buf,
		    void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	const struct serve_peers *peers = s->cfg.peers;

	if (is_own(s, naa))
		own_peer_io(s, op, offset_bytes, len_bytes, buf, fn, fn_ctx);
	else if (peers)
		peers->io(peers->ctx, op, naa, offset_bytes, len_bytes, buf, fn, fn_ctx);
	else
		fn(fn_ctx, SLUICE_ERR_NOT_READY);
}

static void host_peer_read(void *ctx, const uint8_t naa[16], uint64_t offset_bytes,
			   uint32_t len_bytes, void *buf,
			   void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	peer_io(ctx, SLUICE_OP_READ, naa, offset_bytes, len_bytes, buf, fn, fn_ctx);
}

static void host_peer_write(void *ctx, const uint8_t naa[16], uint64_t offset_bytes,
			    uint32_t len_bytes, const void *buf,
			    void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	/* A write's buffer is read-only by contract; the type serves reads too. */
	peer_io(ctx, SLUICE_OP_WRITE, naa, offset_bytes, len_bytes, (void *)(uintptr_t)buf, fn,
		fn_ctx);
}

static void host_provisioning(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes)
{
	struct serve *s = ctx;

	*used_bytes = 0;
	*available_bytes = 0;
	if (s->cfg.provisioning)
		s->cfg.provisioning(s->cfg.provisioning_ctx, used_bytes, available_bytes);
}

const struct scsi_host serve_host = {
    .io_get = host_io_get,
    .io_put = host_io_put,
    .io_submit = host_io_submit,
    .io_abort = host_io_abort,
    .buf_get = host_buf_get,
    .buf_put = host_buf_put,
    .note_compared = host_note_compared,
    .note_progress = host_note_progress,
    .peer_find = host_peer_find,
    .peer_read = host_peer_read,
    .peer_write = host_peer_write,
    .provisioning = host_provisioning,
};

int serve_host_init(struct serve *s, struct err *err)
{
	serve_buf_init(&s->bufs);
	s->ios = calloc(s->cfg.max_ios ? s->cfg.max_ios : 1, sizeof(*s->ios));
	if (!s->ios)
		return err_set(err, ENOMEM, "", "volume %s: no memory for %u I/Os", s->cfg.volume,
			       s->cfg.max_ios);
	for (uint32_t i = 0; i < s->cfg.max_ios; i++) {
		s->ios[i].serve = s;
		s->ios[i].next_free = s->free_io;
		s->free_io = &s->ios[i];
	}
	for (uint32_t i = 0; i < SERVE_OWN_PEERS; i++) {
		s->own_peers[i].serve = s;
		s->own_peers[i].next_free = s->free_own_peer;
		s->free_own_peer = &s->own_peers[i];
	}
	return 0;
}

void serve_host_fini(struct serve *s)
{
	serve_buf_fini(&s->bufs);
	free(s->ios);
	s->ios = NULL;
}
