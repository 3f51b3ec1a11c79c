/* SPDX-License-Identifier: MIT */
/* fake_host.c - see fake_host.h. */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR 512u

static void event(struct fake *f, struct fake_event e)
{
	if (f->event_count < sizeof(f->events) / sizeof(f->events[0]))
		f->events[f->event_count++] = e;
}

/* ---------------------------------------------------------------- disk */

static void set_mapped(struct fake *f, uint64_t offset, uint64_t len, bool is_mapped)
{
	memset(f->is_mapped + offset / SECTOR, is_mapped, len / SECTOR);
}

static void disk_extent(struct fake *f, struct sluice_io *io)
{
	uint64_t at = io->offset_bytes / SECTOR, end = at + io->len_bytes / SECTOR, n = at;

	io->extent_is_hole = !f->is_mapped[at];
	while (n < end && f->is_mapped[n] == f->is_mapped[at])
		n++;
	io->extent_bytes = (n - at) * SECTOR;
}

static void disk_do(struct fake *f, struct sluice_io *io)
{
	uint8_t *p = f->disk + io->offset_bytes;

	switch (io->op) {
	case SLUICE_OP_READ:
		memcpy(io->buf, p, io->len_bytes);
		break;
	case SLUICE_OP_WRITE:
		memcpy(p, io->buf, io->len_bytes);
		set_mapped(f, io->offset_bytes, io->len_bytes, true);
		break;
	case SLUICE_OP_FLUSH:
		f->flushes++;
		break;
	case SLUICE_OP_UNMAP:
		if (!f->is_lazy)
			memset(p, 0, io->len_bytes);
		set_mapped(f, io->offset_bytes, io->len_bytes, false);
		break;
	case SLUICE_OP_WRITE_ZEROES:
		if (!f->is_lazy)
			memset(p, 0, io->len_bytes);
		set_mapped(f, io->offset_bytes, io->len_bytes, !(io->flags & SLUICE_IO_MAY_UNMAP));
		break;
	default:
		disk_extent(f, io);
		break;
	}
}

/* ---------------------------------------------------------------- host */

static struct sluice_io *host_io_get(void *ctx)
{
	struct fake *f = ctx;
	struct list_node *n = f->out < f->pool_limit ? list_pop_front(&f->free) : NULL;
	struct fake_io *x;

	if (!n) {
		f->is_starved = true;
		return NULL;
	}
	x = list_entry(n, struct fake_io, node);
	assert_false(x->is_used);
	x->is_used = true;
	f->out++;
	return &x->io;
}

static void host_io_put(void *ctx, struct sluice_io *io)
{
	struct fake *f = ctx;
	struct fake_io *x = (struct fake_io *)io;

	assert_true(x->is_used);
	x->is_used = false;
	list_push_back(&f->free, &x->node);
	f->out--;
	if (f->is_starved) {
		f->is_starved = false;
		scsi_lun_io_available(f->lun);
	}
}

static void complete(struct fake *f, struct fake_io *x)
{
	if (x->io.flags & SLUICE_IO_ABORTED)
		x->io.status = SLUICE_ERR_ABORTED;
	if (x->io.status == SLUICE_OK)
		disk_do(f, &x->io);
	x->fn(&x->io, x->fn_ctx);
}

static void host_io_submit(void *ctx, struct sluice_io *io,
			   void (*fn)(struct sluice_io *io, void *fn_ctx), void *fn_ctx)
{
	struct fake *f = ctx;
	struct fake_io *x = (struct fake_io *)io;

	assert_true(x->is_used);
	assert_true(io->op == SLUICE_OP_FLUSH || io->len_bytes > 0);
	assert_int_equal(io->offset_bytes % f->cfg.block_bytes, 0);
	assert_int_equal(io->len_bytes % f->cfg.block_bytes, 0);
	assert_true(io->offset_bytes + io->len_bytes <= f->cfg.size_bytes);
	assert_int_equal((uintptr_t)io->buf % SECTOR, 0);
	assert_true((io->buf != NULL) == (io->op == SLUICE_OP_READ || io->op == SLUICE_OP_WRITE));
	x->fn = fn;
	x->fn_ctx = fn_ctx;
	event(f, (struct fake_event){.kind = FAKE_IO,
				     .op = io->op,
				     .flags = io->flags,
				     .offset_bytes = io->offset_bytes,
				     .len_bytes = io->len_bytes});
	if (f->submitted++ == f->fail_nth)
		io->status = (uint8_t)f->fail_status;
	if (f->is_holding)
		list_push_back(&f->held, &x->node);
	else
		complete(f, x);
}

static void host_io_abort(void *ctx, struct sluice_io *io)
{
	struct fake *f = ctx;

	assert_true(((struct fake_io *)io)->is_used);
	io->flags |= SLUICE_IO_ABORTED;
	f->aborts++;
}

static void *host_buf_get(void *ctx, uint32_t size_bytes)
{
	struct fake *f = ctx;
	void *p = NULL;

	if (f->bufs_out >= f->buf_limit)
		return NULL;
	assert_int_equal(posix_memalign(&p, 4096, size_bytes), 0);
	memset(p, 0xee, size_bytes);
	f->bufs_out++;
	return p;
}

static void host_buf_put(void *ctx, void *buf, uint32_t size_bytes)
{
	struct fake *f = ctx;

	memset(buf, 0xdd, size_bytes); /* the size is that of the get, or ASan says so */
	free(buf);
	f->bufs_out--;
}

static void host_note_compared(void *ctx, struct scsi_task *t)
{
	struct fake *f = ctx;

	f->compared++;
	event(f, (struct fake_event){.kind = FAKE_COMPARED, .task = t});
}

static void host_note_progress(void *ctx, struct scsi_task *t, uint64_t progress)
{
	struct fake *f = ctx;

	assert_true(progress > 0);
	f->last_progress = progress;
	event(f, (struct fake_event){.kind = FAKE_PROGRESS, .len_bytes = progress, .task = t});
}

static bool host_peer_find(void *ctx, const uint8_t naa[16], uint64_t *size_bytes,
			   uint32_t *block_bytes)
{
	struct fake *f = ctx;
	uint8_t theirs[16];

	if (!f->peer)
		return false;
	scsi_naa_from_uuid(f->peer->cfg.uuid, theirs);
	*size_bytes = f->peer->cfg.size_bytes;
	*block_bytes = f->peer->cfg.block_bytes;
	return memcmp(theirs, naa, sizeof(theirs)) == 0;
}

static void peer_ended(struct scsi_peer_io *p)
{
	struct fake_peer_io *x = p->ctx;

	x->is_used = false;
	x->fn(x->fn_ctx, (enum sluice_status)p->status);
}

static void peer_io(struct fake *f, uint8_t op, uint64_t offset_bytes, uint32_t len_bytes,
		    void *buf, void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	struct fake_peer_io *x = f->peer_ios;

	while (x->is_used)
		assert_true(++x < f->peer_ios + 4);
	*x = (struct fake_peer_io){.is_used = true, .fn = fn, .fn_ctx = fn_ctx, .fake = f};
	x->peer = (struct scsi_peer_io){.op = op,
					.offset_bytes = offset_bytes,
					.len_bytes = len_bytes,
					.buf = buf,
					.end = peer_ended,
					.ctx = x};
	scsi_peer_submit(f->peer->lun, &x->peer);
}

static void host_peer_read(void *ctx, const uint8_t naa[16], uint64_t offset_bytes,
			   uint32_t len_bytes, void *buf,
			   void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	peer_io(ctx, SLUICE_OP_READ, offset_bytes, len_bytes, buf, fn, fn_ctx);
}

static void host_peer_write(void *ctx, const uint8_t naa[16], uint64_t offset_bytes,
			    uint32_t len_bytes, const void *buf,
			    void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx)
{
	peer_io(ctx, SLUICE_OP_WRITE, offset_bytes, len_bytes, (void *)(uintptr_t)buf, fn, fn_ctx);
}

static void host_provisioning(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes)
{
	*used_bytes = 300ull << 20;
	*available_bytes = 700ull << 20;
}

static const struct scsi_host fake_host = {
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

/* ---------------------------------------------------------------- life */

void fake_init(struct fake *f, uint64_t size_bytes)
{
	memset(f, 0, sizeof(*f));
	list_init(&f->free);
	list_init(&f->held);
	for (uint32_t i = 0; i < FAKE_IOS; i++)
		list_push_back(&f->free, &f->ios[i].node);
	f->pool_limit = FAKE_IOS;
	f->buf_limit = UINT32_MAX;
	f->fail_nth = FAKE_NEVER;
	f->cfg = (struct scsi_lun_cfg){
	    .host = &fake_host,
	    .host_ctx = f,
	    .uuid = {0x5a, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15},
	    .size_bytes = size_bytes,
	    .block_bytes = 512,
	    .physical_block_bytes = 4096,
	    .op_mask = SLUICE_OPS_ALL,
	    .max_transfer_bytes = 4u << 20,
	};
}

void fake_open(struct fake *f)
{
	f->disk = calloc(1, f->cfg.size_bytes);
	f->is_mapped = calloc(1, f->cfg.size_bytes / SECTOR + 1);
	assert_true(f->disk && f->is_mapped);
	assert_int_equal(scsi_lun_create(&f->cfg, &f->lun), 0);
}

void fake_close(struct fake *f)
{
	assert_int_equal(scsi_lun_tasks(f->lun), 0);
	assert_int_equal(f->out, 0);
	assert_int_equal(f->bufs_out, 0);
	scsi_lun_destroy(f->lun);
	while (f->data_kept_count > 0)
		free(f->data_kept[--f->data_kept_count]);
	free(f->disk);
	free(f->is_mapped);
}

bool fake_run_one(struct fake *f)
{
	struct list_node *n = list_pop_front(&f->held);

	if (n)
		complete(f, list_entry(n, struct fake_io, node));
	return n != NULL;
}

void fake_run(struct fake *f)
{
	while (fake_run_one(f))
		;
}

bool fake_run_at(struct fake *f, uint64_t offset_bytes)
{
	struct list_node *n;

	list_for_each (n, &f->held) {
		struct fake_io *x = list_entry(n, struct fake_io, node);

		if (x->io.offset_bytes == offset_bytes) {
			list_del(n);
			complete(f, x);
			return true;
		}
	}
	return false;
}

uint32_t fake_held(struct fake *f)
{
	struct list_node *n;
	uint32_t count = 0;

	list_for_each (n, &f->held)
		count++;
	return count;
}

/* ---------------------------------------------------------------- commands */

/* By contract the task's memory is the caller's from here on; so it is spoilt, but for the answer.
 */
static void cmd_end(struct scsi_task *t)
{
	struct fake_cmd *c = t->ctx;

	assert_false(c->is_ended);
	c->is_ended = true;
	c->order = c->fake->ended++;
	event(c->fake, (struct fake_event){.kind = FAKE_END, .task = t});
	memset(t + 1, 0xcc, scsi_task_bytes() - sizeof(*t));
}

struct fake_cmd *fake_cmd(struct fake *f, const void *cdb, uint32_t cdb_bytes)
{
	struct fake_cmd *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->fake = f;
	c->task = calloc(1, scsi_task_bytes());
	assert_non_null(c->task);
	if (f->data_kept_count > 0)
		c->data = f->data_kept[--f->data_kept_count];
	else
		assert_int_equal(posix_memalign((void **)&c->data, 4096, FAKE_DATA), 0);
	memset(c->data, 0, 4096);
	memcpy(c->task->cdb, cdb, cdb_bytes);
	c->task->cdb_bytes = cdb_bytes;
	c->task->data = c->data;
	c->task->data_bytes = FAKE_DATA;
	c->task->nexus_id = 7;
	c->task->end = cmd_end;
	c->task->ctx = c;
	return c;
}

void fake_out(struct fake_cmd *c, const void *data, uint32_t bytes)
{
	memcpy(c->data, data, bytes);
	c->task->out_bytes = bytes;
}

void fake_in(struct fake_cmd *c, uint32_t bytes)
{
	c->task->in_bytes = bytes;
}

void fake_start(struct fake_cmd *c)
{
	scsi_execute(c->fake->lun, c->task);
}

void fake_free(struct fake_cmd *c)
{
	assert_true(c->is_ended);
	free(c->task);
	if (c->fake->data_kept_count < FAKE_DATA_KEPT)
		c->fake->data_kept[c->fake->data_kept_count++] = c->data;
	else
		free(c->data);
	free(c);
}

struct fake_cmd *fake_replay(struct fake_cmd *c, bool is_compared, uint64_t progress)
{
	struct fake_cmd *r = fake_cmd(c->fake, c->task->cdb, c->task->cdb_bytes);

	fake_out(r, c->data, c->task->out_bytes);
	r->task->in_bytes = c->task->in_bytes;
	r->task->is_compared = is_compared;
	r->task->progress = progress;
	return r;
}

uint32_t fake_result(const struct fake_cmd *c)
{
	const struct scsi_task *t = c->task;

	assert_true(c->is_ended);
	if (t->status != SCSI_CHECK_CONDITION)
		return t->status;
	assert_int_equal(t->sense_bytes, 18);
	assert_int_equal(t->sense[0] & 0x7f, 0x70);
	return FAKE_SENSE(t->sense[2] & 15, t->sense[12], t->sense[13]);
}
