/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "settings.h"
#include "volume.h"

#define PERIOD_NS   (CONTROL_PERIOD_MS * 1000000ull)
#define SWEEP_TICKS 10u
/* Limits and reservations lose nothing by it (MCLOCK_BURST_MIN_MS, MCLOCK_LATE_MS), and a hundred
 * limited volumes cost a few thousand timers a second instead of one for each I/O. */
#define WAKE_LEAST_NS 200000ull

static void tick(struct sluice_timer *t);
static void woken(struct sluice_timer *t);

int group_create(struct sluice_group *host, const union sluice_value *values,
		 struct sluice_error *err)
{
	struct control_config cfg = settings_group(values);
	struct group *g = calloc(1, sizeof(*g));
	/* Of its pages, only those of the clients that there are get used. */
	struct mclock *m = calloc(1, mclock_bytes(MCLOCK_CLIENTS_MAX));

	if (!g || !m) {
		free(g);
		free(m);
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	g->host = host;
	g->mclock = m;
	g->period.fn = tick;
	g->wake.fn = woken;
	g->period.ctx = g->wake.ctx = g;
	mclock_init(m, MCLOCK_CLIENTS_MAX, sluice_group_now_ns(host));
	control_init(&g->control, &cfg, sluice_group_now_ns(host));
	sluice_group_state_set(host, g);
	return 0;
}

void group_destroy(struct sluice_group *host)
{
	struct group *g = sluice_group_state(host);

	sluice_group_timer_cancel(host, &g->period);
	sluice_group_timer_cancel(host, &g->wake);
	free(g->mclock);
	free(g);
}

int group_reconfigure(struct sluice_group *host, enum sluice_phase phase,
		      const union sluice_value *values, struct sluice_error *err)
{
	struct group *g = sluice_group_state(host);
	uint64_t now_ns = sluice_group_now_ns(host);
	struct control_config cfg;

	if (phase != SLUICE_COMMIT)
		return 0; /* the table has checked every value, and all go together */
	cfg = settings_group(values);
	control_configure(&g->control, &cfg, now_ns);
	group_pump(g, now_ns);
	if (!g->is_ticking)
		group_tick_begin(g, now_ns); /* it may have news to tell */
	return 0;
}

uint64_t group_reserved_iops(const struct group *g)
{
	uint64_t sum = 0;

	for (const struct volume *v = g->volumes; v; v = v->next)
		sum += v->cfg.reservation_iops;
	return sum;
}

int group_admit(const struct group *g, uint64_t want_iops, uint64_t had_iops,
		struct sluice_error *err)
{
	uint64_t others = group_reserved_iops(g) - had_iops;
	struct control_figures fig;

	if (want_iops <= had_iops || capacity_admits(&g->control.capacity, others, want_iops))
		return 0;
	control_figures(&g->control, &fig);
	snprintf(err->field, sizeof(err->field), "reservation_iops");
	snprintf(err->text, sizeof(err->text),
		 "a reservation of %" PRIu64
		 " IOPS does not fit on datastore '%s': it was measured to do "
		 "%" PRIu64 " (in units of 32 KiB), %" PRIu64
		 " are reserved by other volumes, so %" PRIu64 " are left",
		 want_iops, sluice_group_datastore(g->host), fig.capacity_iops, others,
		 others < fig.capacity_iops ? fig.capacity_iops - others : 0);
	return -ERANGE;
}

/* ---------------------------------------------------------------- what goes */

static void wake_at(struct group *g, uint64_t now_ns)
{
	uint64_t next_ns = mclock_next_ns(g->mclock, now_ns);

	if (next_ns == UINT64_MAX)
		return;
	if (next_ns < now_ns + WAKE_LEAST_NS)
		next_ns = now_ns + WAKE_LEAST_NS;
	/* One that fires too early finds nothing and comes back here. */
	if (g->wake_ns != 0 && g->wake_ns <= next_ns)
		return;
	g->wake_ns = next_ns;
	sluice_group_timer_set(g->host, &g->wake, next_ns);
}

void group_pump(struct group *g, uint64_t now_ns)
{
	struct mclock_request *q;
	enum mclock_why why;

	while ((q = mclock_pop(g->mclock, now_ns, control_has_room(&g->control),
			       group_is_throttling(g), &why)) != NULL)
		volume_let_go(q, now_ns);
	if (mclock_queued(g->mclock) > 0)
		wake_at(g, now_ns);
}

static void woken(struct sluice_timer *t)
{
	struct group *g = t->ctx;

	g->wake_ns = 0;
	group_pump(g, sluice_group_now_ns(g->host));
}

/* ---------------------------------------------------------------- each period */

#define MS_TENTHS(us) (us) / 1000, (us) / 100 % 10

static void tell_begins(struct group *g, const struct control_figures *fig, uint64_t now_ns)
{
	g->begun_ns = now_ns;
	sluice_group_report(
	    g->host, "io_control_throttling_begins",
	    "latency of %u.%u ms is above the threshold of %u.%u ms: at most %u I/Os at once from now "
	    "on, shared among %u volumes; %u I/Os wait",
	    MS_TENTHS(fig->latency_us), MS_TENTHS(fig->threshold_us), fig->window, g->volume_count,
	    mclock_queued(g->mclock));
}

static void tell_ends(struct group *g, const struct control_figures *fig, uint64_t now_ns)
{
	uint64_t ms = g->begun_ns ? (now_ns - g->begun_ns) / 1000000 : 0;

	sluice_group_report(
	    g->host, "io_control_throttling_ends",
	    "latency is %u.%u ms, the threshold %u.%u ms: nobody waits by shares any more, after "
	    "%" PRIu64 ".%u s",
	    MS_TENTHS(fig->latency_us), MS_TENTHS(fig->threshold_us), ms / 1000,
	    (unsigned)(ms / 100 % 10));
}

static void tell(struct group *g, enum control_news news, uint64_t now_ns)
{
	struct control_figures fig;

	if (news == CONTROL_NO_NEWS)
		return;
	control_figures(&g->control, &fig);
	switch (news) {
	case CONTROL_NO_NEWS:
		break;
	case CONTROL_BEGINS:
		tell_begins(g, &fig, now_ns);
		break;
	case CONTROL_ENDS:
		tell_ends(g, &fig, now_ns);
		break;
	case CONTROL_EXTERNAL_LOAD:
		sluice_group_report(
		    g->host, "io_control_external_load",
		    "latency stays at %u.%u ms (threshold %u.%u ms) although we sent less: somebody else "
		    "loads this device; throttling pauses, it would help them and not us",
		    MS_TENTHS(fig.latency_us), MS_TENTHS(fig.threshold_us));
		break;
	case CONTROL_RELEARNED:
		sluice_group_report(g->host, "io_control_relearned",
				    "the device behaves like another one: the threshold and the "
				    "capacity are learned anew; until then %u.%u ms count",
				    MS_TENTHS(fig.threshold_us));
		break;
	}
}

static void sweep(struct group *g, uint64_t now_ns)
{
	for (struct volume *v = g->volumes; v; v = v->next)
		volume_sweep(v, now_ns);
}

/* A datastore without I/O, congestion and news costs no timer. */
static bool is_needed(const struct group *g)
{
	return g->is_active || mclock_queued(g->mclock) > 0 || g->control.in_flight > 0 ||
	       g->control.state != CONTROL_FREE;
}

void group_tick_begin(struct group *g, uint64_t now_ns)
{
	g->is_ticking = true;
	sluice_group_timer_set(g->host, &g->period, now_ns + PERIOD_NS);
}

static void tick(struct sluice_timer *t)
{
	struct group *g = t->ctx;
	uint64_t now_ns = sluice_group_now_ns(g->host);

	g->is_ticking = false;
	tell(g, control_tick(&g->control, mclock_queued(g->mclock), now_ns), now_ns);
	if (++g->ticks % SWEEP_TICKS == 0)
		sweep(g, now_ns);
	group_pump(g, now_ns);
	if (is_needed(g) && !g->is_ticking)
		group_tick_begin(g, now_ns);
	g->is_active = false;
}
