/* SPDX-License-Identifier: MIT */
/*
 * mode_write_around.c - a write goes to the datastore; blocks that are cached are renewed, and none
 * is taken in.
 */
#include "mode.h"
#include "passing.h"

static void wrote(struct request *r)
{
	coherence_end(r, r->io->buf, CACHE_REFRESH);
}

const struct mode mode_write_around = {.start = passing_start, .wrote = wrote};
