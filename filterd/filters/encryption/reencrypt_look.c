/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_look.c - where the walk may take long steps. A hole is right on either side of the
 * watermark, so nothing has to be read or written there: a zone may be as long as the hole. What is
 * found here is a hint, since nothing is held meanwhile; the walk asks once more when the zone is
 * its own.
 *
 * Forward it is the run that begins at the watermark; backward the one that ends there, which is
 * the last of those in the window before it.
 *
 * A data run that was found is remembered, so that there is one question for each run and not for
 * each zone.
 */
#include <string.h>

#include "reencrypt.h"

#define WINDOW_BYTES (1ull << 30) /* so much is held at a time, for some milliseconds */
#define RUNS_MAX     256u         /* looked through, backward */

static uint64_t room_bytes(const struct reencrypt *re)
{
	uint64_t size_bytes = sluice_volume_size_bytes(re->e->f);

	if (re->is_backward)
		return re->watermark_bytes;
	return re->watermark_bytes < size_bytes ? size_bytes - re->watermark_bytes : 0;
}

static uint64_t window_bytes(const struct reencrypt *re)
{
	uint64_t room = room_bytes(re);

	return room < WINDOW_BYTES ? room : WINDOW_BYTES;
}

bool look_is_known_data(const struct reencrypt *re)
{
	uint64_t at = re->watermark_bytes;

	return re->is_backward ? re->data_bytes < at && at <= re->data_end_bytes
			       : re->data_bytes <= at && at < re->data_end_bytes;
}

static void found_data(struct reencrypt *re, uint64_t from_bytes, uint64_t to_bytes)
{
	re->data_bytes = from_bytes;
	re->data_end_bytes = to_bytes;
	walk_zone_of_data(re);
}

/* Short ones are not worth it, but at the end. */
static void found_hole(struct reencrypt *re, uint64_t from_bytes, uint64_t to_bytes)
{
	uint64_t len_bytes = to_bytes - from_bytes;

	if (len_bytes < room_bytes(re))
		len_bytes -= len_bytes % UNIT_BYTES;
	if (len_bytes < room_bytes(re) && len_bytes < re->e->reencrypt_zone_bytes)
		walk_zone_of_data(re);
	else
		walk_zone_of_hole(re, re->is_backward ? to_bytes - len_bytes : from_bytes,
				  len_bytes);
}

static void looked(struct sluice_own_io *own)
{
	struct reencrypt *re = own->ctx;
	uint64_t from_bytes = own->offset_bytes, to_bytes = from_bytes + own->extent_bytes;
	uint64_t end_bytes = from_bytes + own->len_bytes;

	if (own->status != SLUICE_OK || own->extent_bytes == 0 || to_bytes > end_bytes)
		found_data(re, from_bytes, end_bytes); /* who cannot tell has data everywhere */
	else if (re->is_backward && to_bytes < end_bytes && ++re->look_runs < RUNS_MAX) {
		re->look_bytes = to_bytes;
		look_again(re);
	} else if (re->is_backward && to_bytes < end_bytes) {
		found_data(re, to_bytes, end_bytes);
	} else if (own->extent_is_hole) {
		found_hole(re, from_bytes, to_bytes);
	} else {
		found_data(re, from_bytes, to_bytes);
	}
}

void look_again(struct reencrypt *re)
{
	uint64_t end_bytes =
	    re->is_backward ? re->watermark_bytes : re->watermark_bytes + window_bytes(re);

	if (walk_submit(re, SLUICE_OP_EXTENT, re->look_bytes, end_bytes - re->look_bytes, NULL,
			looked) < 0)
		found_data(re, re->look_bytes, end_bytes);
}

void look_begin(struct reencrypt *re)
{
	re->step = STEP_LOOK;
	re->look_runs = 0;
	re->look_bytes = re->watermark_bytes - (re->is_backward ? window_bytes(re) : 0);
	look_again(re);
}
