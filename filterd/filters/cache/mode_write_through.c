/* SPDX-License-Identifier: MIT */
/*
 * mode_write_through.c - a write goes to the datastore, and into the cache when it is there.
 */
#include "mode.h"
#include "passing.h"

static void wrote(struct request *r)
{
	coherence_end(r, r->io->buf, (enum cache_admit)r->admit);
}

const struct mode mode_write_through = {.start = passing_start, .wrote = wrote};

const struct mode *mode_of(enum settings_mode mode)
{
	static const struct mode *const modes[] = {
	    [MODE_WRITE_THROUGH] = &mode_write_through,
	    [MODE_WRITE_BACK] = &mode_write_back,
	    [MODE_WRITE_AROUND] = &mode_write_around,
	    [MODE_READ_ONLY] = &mode_read_only,
	};

	return modes[mode];
}
