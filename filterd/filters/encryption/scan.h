/* SPDX-License-Identifier: MIT */
/* scan.h - is a volume empty? See scan.c. Thread: owner worker. */
#ifndef ENCRYPTION_SCAN_H
#define ENCRYPTION_SCAN_H

#include <stdbool.h>

#include "sluice/filter.h"

struct scan {
	struct sluice_own_io own;
	struct sluice_filter *f;
	bool may_discard;
	uint64_t at_bytes;
	void (*done)(struct scan *s, int result, const char *text);
	void *ctx;
};

/* done exactly once iff 0 was returned, never before return: 0, -ENOTEMPTY, -ECANCELED or -EIO. */
int scan_begin(struct scan *s, struct sluice_filter *f, bool may_discard,
	       void (*done)(struct scan *s, int result, const char *text), void *ctx);

#endif
