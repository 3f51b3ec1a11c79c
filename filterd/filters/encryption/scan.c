/* SPDX-License-Identifier: MIT */
/*
 * scan.c - before a volume is formatted: is it empty? What is there would be read as noise
 * afterwards, and would lie on the disk in clear. So data is refused, or, if the administrator says
 * so, turned into holes first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scan.h"

#define STEP_BYTES (1ull << 30)
#define TEXT_BYTES 256u

static void step_ended(struct sluice_own_io *own);

static int submit(struct scan *s, uint8_t op, uint64_t len_bytes)
{
	s->own =
	    (struct sluice_own_io){.op = op,
				   .flags = op == SLUICE_OP_WRITE_ZEROES ? SLUICE_IO_MAY_UNMAP : 0,
				   .offset_bytes = s->at_bytes,
				   .len_bytes = len_bytes,
				   .fn = step_ended,
				   .ctx = s};
	return sluice_own_submit(s->f, &s->own);
}

static int look(struct scan *s)
{
	uint64_t left_bytes = sluice_volume_size_bytes(s->f) - s->at_bytes;

	return submit(s, SLUICE_OP_EXTENT, left_bytes < STEP_BYTES ? left_bytes : STEP_BYTES);
}

static void refuse_data(struct scan *s)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text),
		 "the volume holds data at byte %llu, which would be lost: use an empty volume, or "
		 "say \"discard_data\": true to give that data up",
		 (unsigned long long)s->at_bytes);
	s->done(s, -ENOTEMPTY, text);
}

static void failed(struct scan *s, uint8_t status)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text),
		 "whether the volume is empty could not be found out (I/O status %u)", status);
	s->done(s, status == SLUICE_ERR_ABORTED ? -ECANCELED : -EIO, text);
}

static void step_ended(struct sluice_own_io *own)
{
	struct scan *s = own->ctx;
	int rc = 0;

	if (own->status != SLUICE_OK) {
		failed(s, own->status);
		return;
	}
	if (own->op == SLUICE_OP_WRITE_ZEROES) {
		s->at_bytes += own->len_bytes;
	} else if (own->extent_is_hole) {
		s->at_bytes += own->extent_bytes;
	} else if (s->may_discard) {
		rc = submit(s, SLUICE_OP_WRITE_ZEROES, own->extent_bytes);
		if (rc < 0)
			failed(s, SLUICE_ERR_BUSY);
		return;
	} else {
		refuse_data(s);
		return;
	}
	if (s->at_bytes >= sluice_volume_size_bytes(s->f))
		s->done(s, 0, "");
	else if (look(s) < 0)
		failed(s, SLUICE_ERR_BUSY);
}

int scan_begin(struct scan *s, struct sluice_filter *f, bool may_discard,
	       void (*done)(struct scan *s, int result, const char *text), void *ctx)
{
	*s = (struct scan){.f = f, .may_discard = may_discard, .done = done, .ctx = ctx};
	return look(s);
}
