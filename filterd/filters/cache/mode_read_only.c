/* SPDX-License-Identifier: MIT */
/*
 * mode_read_only.c - a write goes to the datastore, and cached copies of its blocks are dropped.
 */
#include "mode.h"
#include "passing.h"

static void wrote(struct request *r)
{
	coherence_end(r, NULL, CACHE_REFRESH);
}

const struct mode mode_read_only = {.start = passing_start, .wrote = wrote};
