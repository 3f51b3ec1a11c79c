/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <assert.h>
#include <string.h>

void device_init(struct device *d, const char *name, uint32_t sector_bytes)
{
	d->name = name;
	d->sector_bytes = sector_bytes;
	d->exists = d->is_existence_stable = d->is_open = d->has_forgotten = false;
	d->written = d->flushed = 0;
	d->pending_first = d->pending_count = 0;
	d->data_used = 0;
	d->file = (struct env_file){.align_bytes = 1};
}

void device_create(struct device *d, uint64_t size_bytes)
{
	assert(size_bytes > 0 && size_bytes <= DEVICE_BYTES_MAX &&
	       size_bytes % d->sector_bytes == 0);
	d->exists = true;
	d->is_existence_stable = false;
	d->file.size_bytes = size_bytes;
	memset(d->stable, 0, size_bytes);
	memset(d->cache, 0, size_bytes);
	d->flushed = d->written;
	d->pending_first = d->pending_count = 0;
	d->data_used = 0;
}

void device_copy(struct device *to, const struct device *from)
{
	memcpy(to, from, offsetof(struct device, data));
	memcpy(to->data, from->data, from->data_used);
	memcpy(to->stable, from->stable, from->file.size_bytes);
	memcpy(to->cache, from->cache, from->file.size_bytes);
}

/* ---------------------------------------------------------------- writes and flushes */

static const struct device_write *nth(const struct device *d, uint32_t i)
{
	return &d->pending[(d->pending_first + i) % DEVICE_PENDING_MAX];
}

static void drop_oldest(struct device *d)
{
	d->pending_first = (d->pending_first + 1) % DEVICE_PENDING_MAX;
	d->flushed++;
	if (--d->pending_count == 0)
		d->data_used = 0;
}

static void settle_oldest(struct device *d)
{
	const struct device_write *w = nth(d, 0);

	memcpy(d->stable + w->offset_bytes, d->data + w->data_at, w->len_bytes);
	drop_oldest(d);
}

/* The drive's cache is full: it writes the oldest back, as drives do. */
static void make_room(struct device *d, uint64_t len_bytes)
{
	while (d->pending_count == DEVICE_PENDING_MAX)
		settle_oldest(d);
	if (d->data_used + len_bytes <= DEVICE_DATA_MAX)
		return;
	while (d->pending_count > 0)
		settle_oldest(d);
}

void device_write(struct device *d, uint64_t offset_bytes, const void *buf, uint64_t len_bytes)
{
	struct device_write *w;

	assert(d->exists && offset_bytes % d->sector_bytes == 0 &&
	       len_bytes % d->sector_bytes == 0 && offset_bytes + len_bytes <= d->file.size_bytes);
	make_room(d, len_bytes);
	w = &d->pending[(d->pending_first + d->pending_count++) % DEVICE_PENDING_MAX];
	w->offset_bytes = (uint32_t)offset_bytes;
	w->len_bytes = (uint32_t)len_bytes;
	w->data_at = d->data_used;
	memcpy(d->data + w->data_at, buf, len_bytes);
	memcpy(d->cache + offset_bytes, buf, len_bytes);
	d->data_used += w->len_bytes;
	d->written++;
}

static bool is_pending(const struct device *d, uint64_t offset_bytes, uint64_t len_bytes)
{
	for (uint32_t i = 0; i < d->pending_count; i++) {
		const struct device_write *w = nth(d, i);

		if (w->offset_bytes < offset_bytes + len_bytes &&
		    offset_bytes < w->offset_bytes + w->len_bytes)
			return true;
	}
	return false;
}

void device_write_durable(struct device *d, uint64_t offset_bytes, const void *buf,
			  uint64_t len_bytes)
{
	/* What is older must not come down over it later. */
	while (is_pending(d, offset_bytes, len_bytes))
		settle_oldest(d);
	device_write(d, offset_bytes, buf, len_bytes);
	memcpy(d->stable + offset_bytes, buf, len_bytes);
}

void device_write_torn(struct device *d, struct rng *r, uint64_t offset_bytes, const void *buf,
		       uint64_t len_bytes)
{
	uint64_t mask = rng_u64(r);

	for (uint64_t at = 0; at < len_bytes; at += d->sector_bytes) {
		if (mask & 1)
			device_write(d, offset_bytes + at, (const uint8_t *)buf + at,
				     d->sector_bytes);
		mask = rng_rotl(mask, 63);
	}
}

void device_read(const struct device *d, uint64_t offset_bytes, void *buf, uint64_t len_bytes)
{
	assert(d->exists && offset_bytes + len_bytes <= d->file.size_bytes);
	memcpy(buf, d->cache + offset_bytes, len_bytes);
}

void device_flush(struct device *d, uint64_t mark)
{
	while (d->flushed < mark)
		settle_oldest(d);
	d->is_existence_stable = true;
}

static void keep_sectors(struct device *d, const struct device_write *w, uint64_t mask)
{
	for (uint32_t at = 0; at < w->len_bytes; at += d->sector_bytes) {
		if (mask & 1)
			memcpy(d->stable + w->offset_bytes + at, d->data + w->data_at + at,
			       d->sector_bytes);
		mask = rng_rotl(mask, 63);
	}
}

void device_flush_failed(struct device *d, struct rng *r, uint64_t mark)
{
	if (!d->has_forgotten)
		d->forgotten_from = d->flushed + 1;
	d->has_forgotten = true;
	while (d->flushed < mark) {
		keep_sectors(d, nth(d, 0), rng_u64(r) | rng_u64(r));
		drop_oldest(d);
	}
}

/* ---------------------------------------------------------------- power cuts */

enum cut_style { CUT_NOTHING, CUT_ALL, CUT_SOME, CUT_SHUFFLED, CUT_SHUFFLED_PART, CUT_STYLES };

void device_power_cut(struct device *d, struct rng *r)
{
	enum cut_style style = (enum cut_style)rng_below(r, CUT_STYLES);
	uint16_t order[DEVICE_PENDING_MAX];
	uint32_t count = style == CUT_NOTHING ? 0 : d->pending_count;

	for (uint32_t i = 0; i < count; i++)
		order[i] = (uint16_t)i;
	for (uint32_t i = count; style >= CUT_SHUFFLED && i > 1; i--) {
		uint32_t j = (uint32_t)rng_below(r, i);
		uint16_t t = order[i - 1];

		order[i - 1] = order[j];
		order[j] = t;
	}
	if (style == CUT_SHUFFLED_PART && count > 0)
		count = (uint32_t)rng_below(r, count + 1);
	for (uint32_t i = 0; i < count; i++)
		keep_sectors(d, nth(d, order[i]),
			     style == CUT_ALL ? UINT64_MAX : rng_u64(r) | rng_u64(r));
	if (d->exists && !d->is_existence_stable && rng_pct(r, 50))
		d->exists = false;
	d->is_existence_stable = true;
	d->has_forgotten = false;
	d->flushed = d->written;
	d->pending_first = d->pending_count = 0;
	d->data_used = 0;
	memcpy(d->cache, d->stable, d->file.size_bytes);
}

void device_flip_bit(struct device *d, uint64_t bit)
{
	assert(bit / 8 < d->file.size_bytes);
	d->cache[bit / 8] ^= (uint8_t)(1u << bit % 8);
	d->stable[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* ---------------------------------------------------------------- every power cut */

static void add_version(const struct device *d, struct device_doubts *out, uint32_t sector,
			const uint8_t *data)
{
	const uint8_t *stable = d->stable + (size_t)sector * d->sector_bytes;
	struct device_doubt *x = NULL;

	for (uint32_t i = 0; i < out->count && !x; i++)
		if (out->doubts[i].sector == sector)
			x = &out->doubts[i];
	if (!x) {
		if (memcmp(stable, data, d->sector_bytes) == 0)
			return;
		assert(out->count < DEVICE_DOUBTS_MAX);
		x = &out->doubts[out->count++];
		*x = (struct device_doubt){.sector = sector, .count = 1, .versions = {stable}};
	}
	for (uint32_t i = 0; i < x->count; i++)
		if (memcmp(x->versions[i], data, d->sector_bytes) == 0)
			return;
	assert(x->count < DEVICE_VERSIONS_MAX);
	x->versions[x->count++] = data;
}

void device_doubts_find(const struct device *d, struct device_doubts *out)
{
	out->count = 0;
	for (uint32_t i = 0; i < d->pending_count; i++) {
		const struct device_write *w = nth(d, i);

		for (uint32_t at = 0; at < w->len_bytes; at += d->sector_bytes)
			add_version(d, out, (w->offset_bytes + at) / d->sector_bytes,
				    d->data + w->data_at + at);
	}
	out->combinations = 1;
	for (uint32_t i = 0; i < out->count; i++)
		if (__builtin_mul_overflow(out->combinations, out->doubts[i].count,
					   &out->combinations)) {
			out->combinations = UINT64_MAX;
			return;
		}
}

void device_doubts_apply(struct device *to, const struct device_doubts *doubts, uint64_t n)
{
	for (uint32_t i = 0; i < doubts->count; i++) {
		const struct device_doubt *x = &doubts->doubts[i];

		memcpy(to->stable + (size_t)x->sector * to->sector_bytes, x->versions[n % x->count],
		       to->sector_bytes);
		n /= x->count;
	}
	to->flushed = to->written;
	to->pending_first = to->pending_count = 0;
	to->data_used = 0;
	to->is_existence_stable = true;
	memcpy(to->cache, to->stable, to->file.size_bytes);
}
