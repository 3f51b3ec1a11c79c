/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <inttypes.h>
#include <stdio.h>

#include "volume.h"

static const char *throttled_by(enum mclock_why why)
{
	switch (why) {
	case MCLOCK_BY_LIMIT_IOPS:
		return "limit_iops";
	case MCLOCK_BY_LIMIT_BYTES:
		return "limit_bytes";
	case MCLOCK_BY_WINDOW:
		return "window";
	case MCLOCK_BY_SHARE:
		return "share";
	case MCLOCK_NONE:
	case MCLOCK_BY_RESERVATION:
		break;
	}
	return "none";
}

/* The word of struct sluice_figures; NULL: nothing waits. */
static const char *throttle_word(enum mclock_why why)
{
	switch (why) {
	case MCLOCK_BY_LIMIT_IOPS:
	case MCLOCK_BY_LIMIT_BYTES:
		return "limit";
	case MCLOCK_BY_WINDOW:
		return "window";
	case MCLOCK_BY_SHARE:
		return "share";
	case MCLOCK_NONE:
	case MCLOCK_BY_RESERVATION:
		break;
	}
	return NULL;
}

static const char *state_name(enum control_state s)
{
	switch (s) {
	case CONTROL_FREE:
		break;
	case CONTROL_THROTTLING:
		return "throttling";
	case CONTROL_EXTERNAL:
		return "external_load";
	}
	return "free";
}

/* In hundredths. */
static uint64_t share_pct_x100(struct volume *v, uint64_t now_ns)
{
	uint64_t all = meter_read(&v->g->units, now_ns);

	return all ? meter_read(&v->units, now_ns) * 10000 / all : 0;
}

size_t status_volume(struct sluice_filter *f, char *json, size_t size_bytes)
{
	struct volume *v = sluice_state(f);
	uint64_t now_ns = sluice_now_ns(f), share = share_pct_x100(v, now_ns);
	const struct mclock_config *cfg = &v->cfg;
	struct mclock_figures fig, own;
	struct control_figures all;

	mclock_figures(v->g->mclock, v->lanes[LANE_VOLUME].client, now_ns, &fig);
	mclock_figures(v->g->mclock, v->lanes[LANE_BACKGROUND].client, now_ns, &own);
	control_figures(&v->g->control, &all);
	return (size_t)snprintf(
	    json, size_bytes,
	    "{\"shares\":%u,\"limit_iops\":%" PRIu64 ",\"limit_bytes_per_s\":%" PRIu64
	    ",\"reservation_iops\":%" PRIu64 ",\"is_reservation_checked\":%s,\"queued\":%u,"
	    "\"in_flight\":%u,\"throttled_by\":\"%s\",\"served\":%" PRIu64
	    ",\"served_by_reservation\":%" PRIu64 ",\"waited_us_avg\":%" PRIu64
	    ",\"overdue\":%" PRIu64 ",\"effective_share_pct\":%" PRIu64 ".%02" PRIu64
	    ",\"tags\":{\"reservation_us\":%" PRId64 ",\"limit_us\":%" PRId64
	    ",\"share_us\":%" PRId64 "},\"background\":{\"queued\":%u,\"served\":%" PRIu64 "}}",
	    cfg->shares, cfg->limit_iops, cfg->limit_bytes_per_s, cfg->reservation_iops,
	    all.capacity_iops ? "true" : "false", fig.queued + own.queued, v->in_flight,
	    throttled_by(fig.waits_by), fig.served, fig.served_by_reservation,
	    fig.served ? fig.waited_ns / fig.served / 1000 : 0, v->overdue, share / 100,
	    share % 100, fig.r_tag_ns / 1000, fig.l_tag_ns / 1000, fig.p_tag_ns / 1000, own.queued,
	    own.served);
}

void status_figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	struct volume *v = sluice_state(f);
	struct mclock_figures fig;

	mclock_figures(v->g->mclock, v->lanes[LANE_VOLUME].client, sluice_now_ns(f), &fig);
	if (!sum->throttle) /* else a filter above holds initiators already */
		sum->throttle = throttle_word(fig.waits_by);
}

size_t status_group(struct sluice_group *host, char *json, size_t size_bytes)
{
	const struct group *g = sluice_group_state(host);
	const struct control_config *cfg = &g->control.cfg;
	struct control_figures fig;

	control_figures(&g->control, &fig);
	return (size_t)snprintf(
	    json, size_bytes,
	    "{\"enabled\":%s,\"state\":\"%s\",\"latency_us\":%u,\"threshold_us\":%u,"
	    "\"threshold_mode\":\"%s\",\"is_threshold_learned\":%s,\"window_ios\":%u,"
	    "\"in_flight\":%u,\"queued\":%u,\"throughput_iops\":%" PRIu64
	    ",\"capacity_iops\":%" PRIu64 ",\"reserved_iops\":%" PRIu64 ",\"volumes\":%u}",
	    cfg->is_enabled ? "true" : "false", state_name(fig.state), fig.latency_us,
	    fig.threshold_us, cfg->is_automatic ? "automatic" : "manual",
	    fig.is_threshold_learned ? "true" : "false", fig.window, fig.in_flight,
	    mclock_queued(g->mclock), fig.throughput_iops, fig.capacity_iops,
	    group_reserved_iops(g), g->volume_count);
}
