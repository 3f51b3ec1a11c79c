/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "mode.h"
#include "sluice/file.h"

#define SHRINK_BLOCKS 256u
#define SHRINK_NS     1000000ull

/* ---------------------------------------------------------------- state */

static void let_go(struct volume *v)
{
	switch (v->state) {
	case VOLUME_SERVING:
	case VOLUME_PREPARING:
		request_release_held(v);
		if (!v->warming.has_begun)
			warming_begin(v);
		break;
	case VOLUME_DEGRADED:
		request_fail_held(v, SLUICE_ERR_NOT_READY);
		break;
	case VOLUME_STARTING:
	case VOLUME_RECOVERING:
	case VOLUME_SWITCHING:
	case VOLUME_CLEARING:
		break;
	}
}

void volume_set_state(struct volume *v, enum volume_state state, const char *text)
{
	bool is_news = state == VOLUME_DEGRADED && v->state != VOLUME_DEGRADED;
	char copy[sizeof(v->state_text)];

	snprintf(copy, sizeof(copy), "%s", text ? text : "");
	memcpy(v->state_text, copy, sizeof(copy));
	v->state = state;
	v->may_hit = state == VOLUME_SERVING || state == VOLUME_PREPARING;
	sluice_ready_set(v->f, state == VOLUME_DEGRADED && !v->wblog.is_readable
				   ? SLUICE_ERR_NOT_READY
				   : SLUICE_OK);
	if (is_news)
		sluice_report(v->f, "cache_degraded", "%s", v->state_text);
	let_go(v);
	settle_check(v);
}

uint64_t volume_dirty_bytes(const struct volume *v)
{
	struct sluice_rlog_stats s;

	if (!v->wblog.log || !v->wblog.is_readable)
		return v->wblog.dirty_at_failure * BLOCK_BYTES;
	sluice_rlog_stats(v->wblog.log, &s);
	return (s.dirty_blocks + s.zero_blocks) * BLOCK_BYTES;
}

enum cache_admit volume_admission(struct volume *v, const struct sluice_io *io)
{
	enum seq_kind kind = SEQ_RANDOM;

	if (io->op == SLUICE_OP_READ || io->op == SLUICE_OP_WRITE)
		kind = seq_note(&v->seq, io->offset_bytes, io->len_bytes);
	v->stats.sequential_reads += io->op == SLUICE_OP_READ && kind == SEQ_STREAM;
	return seq_admission(kind, v->cfg.has_scan_admission, v->cfg.is_pinned);
}

/* ---------------------------------------------------------------- memory */

static void shrink(struct sluice_timer *t)
{
	struct volume *v = t->ctx;

	if (!ram_shrink_step(v->ram, SHRINK_BLOCKS))
		sluice_timer_set(v->f, t, sluice_now_ns(v->f) + SHRINK_NS);
}

void volume_ram_resize(struct volume *v)
{
	uint64_t share = group_ram_share(v->g, v, v->cfg.ram_bytes);
	int r;

	if (share == v->ram_share_bytes)
		return;
	r = ram_resize(v->ram, share);
	if (r < 0)
		share = v->ram_share_bytes;
	if (share < v->cfg.ram_bytes)
		sluice_report(v->f, "cache_ram_short",
			      "%" PRIu64 " bytes of memory are asked for and %" PRIu64
			      " can be had: %s",
			      v->cfg.ram_bytes, share,
			      r < 0 ? "the appliance has no more"
				    : "the datastore's ram_bytes leave no more");
	if (share < v->ram_share_bytes)
		sluice_timer_set(v->f, &v->shrink_timer, sluice_now_ns(v->f) + SHRINK_NS);
	v->ram_share_bytes = share;
}

static void evicted(void *ctx, uint64_t block, const void *data)
{
	struct volume *v = ctx;

	if (v->clean)
		flash_read_add(v->clean, block, data);
}

static void open_clean_tier(struct volume *v)
{
	struct sluice_error err = {{0}, {0}};
	char path[512];

	if (v->cfg.flash_read_bytes == 0)
		return;
	group_flash_path(v->g, sluice_volume_uuid(v->f), ".clean", path, sizeof(path));
	if (gather_prepare(v) < 0)
		snprintf(err.text, sizeof(err.text), "no memory");
	else if (wblog_mark_check(v, &err) == 0)
		v->clean = flash_read_open(v->f, path, v->cfg.flash_read_bytes, &err);
	if (!v->clean)
		sluice_report(v->f, "cache_flash_failed", "there is no read cache on flash: %s",
			      err.text);
}

static void close_clean_tier(struct volume *v)
{
	bool is_to_remove = v->clean && v->wblog.is_deleted;
	char path[512];

	flash_read_close(v->clean);
	if (!is_to_remove)
		return;
	group_flash_path(v->g, sluice_volume_uuid(v->f), ".clean", path, sizeof(path));
	sluice_file_remove(v->f, path);
}

/* ---------------------------------------------------------------- life */

/* The filter whose place this one takes has let go of its log, file and memory. */
static void start(struct sluice_timer *t)
{
	struct volume *v = t->ctx;

	volume_ram_resize(v);
	wblog_look(v);
	open_clean_tier(v);
	wblog_begin(v);
}

void volume_put(struct volume *v)
{
	if (!v || --v->refs > 0)
		return;
	ram_destroy(v->ram);
	gather_free(v);
	partial_free(v);
	free(v);
}

static struct volume *volume_new(struct sluice_filter *f)
{
	struct volume *v = calloc(1, sizeof(*v));
	struct ram_cfg cfg = {.evicted = evicted, .ctx = v};

	if (!v)
		return NULL;
	v->refs = 1;
	v->f = f;
	v->g = sluice_group_state(sluice_group(f));
	v->size_bytes = sluice_volume_size_bytes(f);
	if (ram_create(&cfg, &v->ram) < 0) {
		volume_put(v);
		return NULL;
	}
	requests_init(&v->held);
	spans_init(&v->spans);
	own_init(v);
	backlog_init(v);
	destage_init(v);
	warming_init(v);
	salvage_init(v);
	v->start_timer = (struct sluice_timer){.fn = start, .ctx = v};
	v->shrink_timer = (struct sluice_timer){.fn = shrink, .ctx = v};
	return v;
}

int volume_attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	struct volume *v = volume_new(f);
	int r;

	if (!v) {
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	r = settings_volume(values, &v->cfg, err);
	if (r == 0)
		r = group_flash_check(v->g, v, &v->cfg, err);
	if (r < 0) {
		volume_put(v);
		return r;
	}
	v->mode = mode_of(v->cfg.mode);
	seq_init(&v->seq, v->cfg.sequential_cutoff_bytes);
	group_join(v->g, v);
	sluice_state_set(f, v);
	sluice_timer_set(f, &v->start_timer, sluice_now_ns(f));
	return 0;
}

void volume_detach(struct sluice_filter *f)
{
	struct volume *v = sluice_state(f);

	sluice_timer_cancel(f, &v->start_timer);
	sluice_timer_cancel(f, &v->shrink_timer);
	v->is_gone = true;
	destage_end(v);
	salvage_end(v);
	own_end(v);
	warming_end(v);
	wblog_end(v, v->settle.is_on);
	close_clean_tier(v);
	group_leave(v->g, v);
	volume_put(v);
}

void volume_drain(struct sluice_filter *f, bool begin)
{
	struct volume *v = sluice_state(f);

	settle_drain(v, begin);
	if (!begin) {
		warming_continue(v);
		salvage_continue(v);
	}
}

/* The last block of a volume whose size is no multiple of a block has become another one. */
static void grown(struct volume *v, uint64_t new_size_bytes)
{
	ram_invalidate(v->ram, v->size_bytes / BLOCK_BYTES, 1);
	v->size_bytes = new_size_bytes;
}

/* Settling comes before these; the datastore may have failed since. What holds I/O is clean only
 * then. */
static bool wants_clean(enum sluice_event_kind kind, enum sluice_phase phase)
{
	if (kind == SLUICE_EVENT_SNAPSHOT || kind == SLUICE_EVENT_REVERT)
		return phase == SLUICE_HELD;
	return phase == SLUICE_PREPARE &&
	       (kind == SLUICE_EVENT_FLUSH || kind == SLUICE_EVENT_DETACH);
}

int volume_event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		 struct sluice_error *err)
{
	struct volume *v = sluice_state(f);

	if (ev->kind == SLUICE_EVENT_GROW && phase == SLUICE_COMMIT)
		grown(v, ev->new_size_bytes);
	if (wants_clean(ev->kind, phase))
		return wblog_check_clean(v, err);
	if (phase == SLUICE_COMMIT && ev->kind == SLUICE_EVENT_DELETE)
		v->wblog.is_deleted = true;
	if (ev->kind == SLUICE_EVENT_REVERT && phase == SLUICE_COMMIT) {
		ram_invalidate_all(v->ram);
		if (v->clean)
			flash_read_invalidate(v->clean, 0, UINT64_MAX);
	}
	return 0;
}
