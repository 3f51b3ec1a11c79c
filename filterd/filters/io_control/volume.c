/* SPDX-License-Identifier: MIT */
#include "volume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "settings.h"

#define NS_PER_MS       1000000ull
#define SMALL_BYTES     4096u
#define TELL_OVERDUE_NS (60ull * 1000 * NS_PER_MS)

/* ---------------------------------------------------------------- life */

static void volume_free(struct volume *v)
{
	if (!v)
		return;
	for (int i = 0; i < LANE_COUNT; i++)
		free(v->lanes[i].client);
	free(v);
}

static struct volume *volume_new(struct sluice_filter *f)
{
	struct volume *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->f = f;
	v->g = sluice_group_state(sluice_group(f));
	v->era = 1;
	v->held.prev = v->held.next = &v->held;
	for (int i = 0; i < LANE_COUNT; i++) {
		v->lanes[i].client = calloc(1, mclock_client_bytes());
		if (!v->lanes[i].client) {
			volume_free(v);
			return NULL;
		}
	}
	return v;
}

static int enlist(struct volume *v, uint64_t now_ns)
{
	struct mclock_config initiators = settings_initiators(&v->cfg);
	struct mclock_config background = settings_background(&v->cfg);
	struct mclock *m = v->g->mclock;
	int r = mclock_add(m, v->lanes[LANE_VOLUME].client, &initiators, now_ns);

	if (r < 0)
		return r;
	r = mclock_add(m, v->lanes[LANE_BACKGROUND].client, &background, now_ns);
	if (r < 0) {
		mclock_remove(m, v->lanes[LANE_VOLUME].client);
		return r;
	}
	v->next = v->g->volumes;
	v->g->volumes = v;
	v->g->volume_count++;
	return 0;
}

#define PROMISE_KEY "reservation"

/* What this volume was promised, restarts included: a promise is kept even if the datastore has
 * since been measured to do less. A volume that does not come up for that would be worse. */
static uint64_t promised_iops(struct sluice_filter *f)
{
	uint64_t iops = 0;
	size_t len = 0;

	if (sluice_store_get(f, PROMISE_KEY, &iops, sizeof(iops), &len) < 0 || len != sizeof(iops))
		return 0;
	return iops;
}

static void promise(struct sluice_filter *f, uint64_t iops)
{
	if (iops != promised_iops(f) && sluice_store_put(f, PROMISE_KEY, &iops, sizeof(iops)) < 0)
		sluice_log(
		    f, LOG_WARNING,
		    "the reservation could not be noted; after a restart it is checked anew");
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
	if (r == 0 && v->cfg.reservation_iops > promised_iops(f))
		r = group_admit(v->g, v->cfg.reservation_iops, 0, err);
	if (r == 0) {
		r = enlist(v, sluice_now_ns(f));
		if (r < 0)
			snprintf(
			    err->text, sizeof(err->text),
			    "datastore '%s' has %u volumes under I/O control, and no more are possible",
			    sluice_group_datastore(v->g->host), v->g->volume_count);
	}
	if (r < 0) {
		volume_free(v);
		return r;
	}
	promise(f, v->cfg.reservation_iops);
	sluice_state_set(f, v);
	return 0;
}

/* Of the ring and of the scheduler's queue. */
static void take_out(struct request *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
	r->is_held = false;
	r->v->lanes[r->lane].held--;
}

/* The I/Os in flight will not be told of: the controller must not wait for them. */
static void give_up_in_flight(struct volume *v, uint64_t now_ns)
{
	v->era++;
	for (; v->in_flight > 0; v->in_flight--)
		control_done(&v->g->control, 0, 0, false, now_ns);
}

/* The chain is drained. What is still here was taken back by the host when it bypassed us. */
void volume_detach(struct sluice_filter *f)
{
	struct volume *v = sluice_state(f), **at;
	struct group *g = v->g;
	uint64_t now_ns = sluice_now_ns(f);

	while (v->held.next != &v->held) {
		struct request *r = v->held.next;

		mclock_cancel(g->mclock, &r->q, now_ns);
		take_out(r);
	}
	give_up_in_flight(v, now_ns);
	for (at = &g->volumes; *at != v; at = &(*at)->next)
		;
	*at = v->next;
	g->volume_count--;
	for (int i = 0; i < LANE_COUNT; i++)
		mclock_remove(g->mclock, v->lanes[i].client);
	volume_free(v);
	group_pump(g, now_ns);
}

int volume_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
		       const union sluice_value *values, struct sluice_error *err)
{
	struct volume *v = sluice_state(f);
	uint64_t now_ns = sluice_now_ns(f);
	struct mclock_config initiators, background;
	int r;

	switch (phase) {
	case SLUICE_PREPARE:
		r = settings_volume(values, &v->cfg_next, err);
		return r < 0 ? r
			     : group_admit(v->g, v->cfg_next.reservation_iops,
					   v->cfg.reservation_iops, err);
	case SLUICE_COMMIT:
		v->cfg = v->cfg_next;
		promise(f, v->cfg.reservation_iops);
		initiators = settings_initiators(&v->cfg);
		background = settings_background(&v->cfg);
		mclock_configure(v->g->mclock, v->lanes[LANE_VOLUME].client, &initiators, now_ns);
		mclock_configure(v->g->mclock, v->lanes[LANE_BACKGROUND].client, &background,
				 now_ns);
		group_pump(v->g, now_ns);
		return 0;
	case SLUICE_ABORT:
	case SLUICE_HELD: /* of events alone */
		return 0;
	}
	return 0;
}

/* ---------------------------------------------------------------- down */

/* A flush must not wait behind what it is to make persistent, and an extent query moves nothing. */
static inline bool is_controlled(const struct sluice_io *io)
{
	return io->op != SLUICE_OP_FLUSH && io->op != SLUICE_OP_EXTENT;
}

/* Unmapping and zeroing move no data, whatever their length. */
static inline uint64_t cost_bytes(const struct sluice_io *io)
{
	bool moves_data = io->op == SLUICE_OP_READ || io->op == SLUICE_OP_WRITE;

	return moves_data || io->len_bytes < SMALL_BYTES ? io->len_bytes : SMALL_BYTES;
}

/* Own I/O that an initiator waits for (a cache's read miss) is the volume's as if it were the
 * initiator's. */
static inline uint8_t lane_of(const struct sluice_io *io)
{
	bool is_background = (io->flags & SLUICE_IO_OWN) && !(io->flags & SLUICE_IO_URGENT);

	return is_background ? LANE_BACKGROUND : LANE_VOLUME;
}

static inline void dispatched(struct volume *v, struct request *r, uint64_t now_ns)
{
	uint64_t units = latency_units(r->q.len_bytes);

	if (v->in_flight++ == 0)
		v->ended_ns = now_ns;
	r->dispatched_ns = now_ns;
	r->era = v->era;
	meter_add(&v->units, units, now_ns);
	group_dispatched(v->g, units, now_ns);
}

static enum sluice_verdict hold(struct volume *v, struct request *r, struct sluice_io *io,
				uint64_t now_ns)
{
	r->token = sluice_defer(v->f, io, VOLUME_HOLD_MAX_MS + VOLUME_SPARE_MS);
	if (!r->token) {
		dispatched(v, r, now_ns); /* the chain drains */
		return SLUICE_PASS;
	}
	r->is_held = true;
	r->prev = v->held.prev;
	r->next = &v->held;
	r->prev->next = r->next->prev = r;
	v->lanes[r->lane].held++;
	mclock_push(v->g->mclock, v->lanes[r->lane].client, &r->q, now_ns);
	group_pump(v->g, now_ns);
	if (!v->g->is_ticking)
		group_tick_begin(v->g, now_ns);
	return SLUICE_DEFER;
}

enum sluice_verdict volume_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct volume *v = sluice_state(f);
	struct request *r = sluice_io_ctx(f, io);
	uint64_t now_ns;
	struct lane *lane;

	if (!is_controlled(io))
		return SLUICE_PASS;
	now_ns = sluice_now_ns(f);
	r->v = v;
	r->lane = lane_of(io);
	r->q.len_bytes = cost_bytes(io);
	lane = &v->lanes[r->lane];
	if (!v->is_draining &&
	    (lane->held > 0 || !group_may_pass(v->g, lane->client, r->q.len_bytes, now_ns)))
		return hold(v, r, io, now_ns);
	dispatched(v, r, now_ns);
	return SLUICE_PASS;
}

void volume_let_go(struct mclock_request *q, uint64_t now_ns)
{
	struct request *r = (struct request *)q;

	take_out(r);
	dispatched(r->v, r, now_ns);
	sluice_resume(r->token);
}

/* Past the scheduler, uncharged. */
static void let_go_anyway(struct request *r, uint64_t now_ns)
{
	mclock_cancel(r->v->g->mclock, &r->q, now_ns);
	volume_let_go(&r->q, now_ns);
}

/* ---------------------------------------------------------------- up */

enum sluice_verdict volume_done(struct sluice_filter *f, struct sluice_io *io)
{
	struct volume *v = sluice_state(f);
	const struct request *r = sluice_io_ctx(f, io);
	uint64_t now_ns, latency_ns;

	if (r->era != v->era)
		return SLUICE_PASS;
	now_ns = sluice_now_ns(f);
	/* 0 means that the device did not do it, and an error says nothing about its speed. */
	latency_ns = now_ns > r->dispatched_ns ? now_ns - r->dispatched_ns : 1;
	v->in_flight--;
	v->ended_ns = now_ns;
	control_done(&v->g->control, io->status == SLUICE_OK ? latency_ns : 0, r->q.len_bytes,
		     io->op != SLUICE_OP_READ, now_ns);
	if (mclock_queued(v->g->mclock) > 0)
		group_pump(v->g, now_ns);
	return SLUICE_PASS;
}

/* ---------------------------------------------------------------- out of turn */

/* The host ends it as aborted when it comes back: it never reaches the device. */
void volume_abort(struct sluice_filter *f, struct sluice_io *io)
{
	struct request *r = sluice_io_ctx(f, io);

	if (!r->is_held)
		return;
	mclock_cancel(r->v->g->mclock, &r->q, sluice_now_ns(f));
	take_out(r);
	sluice_resume(r->token);
}

void volume_drain(struct sluice_filter *f, bool begin)
{
	struct volume *v = sluice_state(f);

	v->is_draining = begin;
	while (begin && v->held.next != &v->held)
		let_go_anyway(v->held.next, sluice_now_ns(f));
}

static void tell_overdue(struct volume *v, uint64_t now_ns)
{
	if (v->overdue_told_ns != 0 && now_ns - v->overdue_told_ns < TELL_OVERDUE_NS)
		return;
	v->overdue_told_ns = now_ns;
	sluice_report(
	    v->f, "io_control_limit_too_low",
	    "I/Os have waited for %u s and go on now, before their initiator gives up on them "
	    "(%" PRIu64 " so far): limit_iops %" PRIu64 " and limit_bytes_per_s %" PRIu64
	    " are less than the initiator's queue needs; raise them or lower its queue depth",
	    VOLUME_HOLD_MAX_MS / 1000, v->overdue, v->cfg.limit_iops, v->cfg.limit_bytes_per_s);
}

void volume_sweep(struct volume *v, uint64_t now_ns)
{
	uint64_t overdue = v->overdue;

	while (v->held.next != &v->held &&
	       now_ns - v->held.next->q.queued_ns >= VOLUME_HOLD_MAX_MS * NS_PER_MS) {
		v->overdue++;
		let_go_anyway(v->held.next, now_ns);
	}
	if (v->overdue != overdue)
		tell_overdue(v, now_ns);
	if (v->in_flight > 0 && now_ns - v->ended_ns >= VOLUME_LOST_MS * NS_PER_MS)
		give_up_in_flight(v, now_ns);
}
