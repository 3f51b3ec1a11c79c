/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "volume.h"

/* ---------------------------------------------------------------- words */

static const char *state_word(const struct volume *v)
{
	static const char *const words[] = {
	    [VOLUME_STARTING] = "recovering", [VOLUME_RECOVERING] = "recovering",
	    [VOLUME_PREPARING] = "preparing", [VOLUME_SWITCHING] = "preparing",
	    [VOLUME_CLEARING] = "recovering", [VOLUME_SERVING] = "serving",
	    [VOLUME_DEGRADED] = "degraded",
	};

	if (v->state == VOLUME_SERVING && v->settle.is_on)
		return "settling";
	return words[v->state];
}

/* Text of ours and of the system, as a JSON string's content. */
static void quote(const char *text, char *out, size_t size_bytes)
{
	size_t n = 0;

	for (; *text && n + 3 < size_bytes; text++) {
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		out[n++] = (unsigned char)*text < ' ' ? ' ' : *text;
	}
	out[n] = '\0';
}

static uint32_t hit_pct(const struct volume_stats *s)
{
	uint32_t oldest = s->second > VOLUME_HIT_SECONDS ? s->second - VOLUME_HIT_SECONDS : 0;
	uint64_t reads = s->reads - s->then[oldest % (VOLUME_HIT_SECONDS + 1)].reads;
	uint64_t hits = s->read_hits - s->then[oldest % (VOLUME_HIT_SECONDS + 1)].read_hits;

	return reads ? (uint32_t)(hits * 100 / reads) : 0;
}

/* ---------------------------------------------------------------- the object */

struct out {
	char *at;
	size_t left, length;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct out *o, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(o->at, o->left, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	o->length += (size_t)n;
	n = (size_t)n < o->left ? n : (int)o->left;
	o->at += n;
	o->left -= (size_t)n;
}

static void put_ram(struct out *o, const struct volume *v)
{
	struct ram_figures r;

	ram_figures(v->ram, &r);
	put(o,
	    "\"ram\":{\"bytes\":%" PRIu64 ",\"used_bytes\":%" PRIu64 ",\"hits\":%" PRIu64
	    ",\"evictions\":%" PRIu64 ",\"is_warming\":%s,\"warm_done_blocks\":%" PRIu64
	    ",\"warm_total_blocks\":%" PRIu64 "},",
	    r.size_bytes, r.used_bytes, r.hits, r.evictions, v->warming.is_on ? "true" : "false",
	    warming_done_blocks(v), v->warming.total_blocks);
}

static void put_flash(struct out *o, const struct volume *v, const struct sluice_rlog_stats *s)
{
	struct flash_read_figures c = {0};

	if (v->clean)
		flash_read_figures(v->clean, &c);
	put(o,
	    "\"flash\":{\"log_bytes\":%" PRIu64 ",\"log_used_bytes\":%" PRIu64
	    ",\"clean_bytes\":%" PRIu64 ",\"clean_used_bytes\":%" PRIu64 ",\"hits\":%" PRIu64 "},",
	    s->capacity_blocks * BLOCK_BYTES, s->used_blocks * BLOCK_BYTES, c.size_bytes,
	    c.used_bytes, c.hits);
}

static void put_dirty(struct out *o, const struct volume *v, const struct sluice_rlog_stats *s)
{
	uint64_t now_ns = sluice_now_ns(v->f);
	bool is_dirty = s->dirty_blocks + s->zero_blocks > 0 && s->oldest_ns > 0;
	uint64_t age_ns = is_dirty && now_ns > s->oldest_ns ? now_ns - s->oldest_ns : 0;

	put(o,
	    "\"dirty_bytes\":%" PRIu64 ",\"dirty_age_ms\":%" PRIu64 ",\"dirty_max_bytes\":%" PRIu64
	    ",\"writers_waiting\":%u,\"destaged_bytes\":%" PRIu64
	    ",\"destage_bytes_per_s\":%" PRIu64 ",\"coalesced_bytes\":%" PRIu64
	    ",\"epoch\":%" PRIu64 ",\"recovery_ms\":%" PRIu64 "}",
	    volume_dirty_bytes(v), age_ns / 1000000,
	    s->capacity_blocks * v->cfg.dirty_max_pct / 100 * BLOCK_BYTES, v->backlog.waiting.count,
	    s->destaged_blocks * BLOCK_BYTES, v->destage.is_running ? v->destage.bytes_per_s : 0,
	    s->coalesced_blocks * BLOCK_BYTES, s->epoch, v->wblog.recovery_ns / 1000000);
}

size_t status_volume(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct volume *v = sluice_state(f);
	struct out o = {.at = json, .left = size_bytes};
	struct sluice_rlog_stats s = {0};
	char text[512];

	if (v->wblog.log && v->wblog.is_readable)
		sluice_rlog_stats(v->wblog.log, &s);
	quote(v->state_text, text, sizeof(text));
	put(&o, "{\"mode\":\"%s\",\"state\":\"%s\",\"state_text\":\"%s\",",
	    settings_mode_name(v->cfg.mode), state_word(v), text);
	put_ram(&o, v);
	put_flash(&o, v, &s);
	put(&o,
	    "\"reads\":%" PRIu64 ",\"read_hits\":%" PRIu64
	    ",\"hit_pct\":%u,\"sequential_reads\":%" PRIu64 ",",
	    v->stats.reads, v->stats.read_hits, hit_pct(&v->stats), v->stats.sequential_reads);
	put_dirty(&o, v, &s);
	return o.length;
}

void status_figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	struct volume *v = sluice_state(f);
	struct volume_stats *s = &v->stats;
	uint32_t at = ++s->second % (VOLUME_HIT_SECONDS + 1);

	backlog_watch(v);
	s->then[at].reads = s->reads;
	s->then[at].read_hits = s->read_hits;
	sum->reads += s->reads;
	sum->read_hits += s->read_hits;
	sum->dirty_bytes += volume_dirty_bytes(v);
	if (v->backlog.waiting.count > 0)
		sum->throttle = "dirty";
	if (v->state != VOLUME_SERVING || v->settle.is_on)
		sum->state = state_word(v);
	else if (v->warming.is_on)
		sum->state = "warming";
}
