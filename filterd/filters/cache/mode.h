/* SPDX-License-Identifier: MIT */
/*
 * mode.h - what a volume's mode does with I/O while it serves. One file each.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_MODE_H
#define CACHE_MODE_H

#include "request.h"
#include "settings.h"

struct mode {
	/* Begins an I/O; the verdict as request.h says. */
	enum sluice_verdict (*start)(struct request *r);
	/* A write has reached the datastore: what becomes of it in the cache. */
	void (*wrote)(struct request *r);
	bool has_log;
};

extern const struct mode mode_write_through, mode_write_back, mode_write_around, mode_read_only;

const struct mode *mode_of(enum settings_mode mode);

#endif
