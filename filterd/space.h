/* SPDX-License-Identifier: MIT */
/*
 * space.h - how full a datastore is: asked of its file system every few seconds, for LOG SENSE,
 * status and the warning before it is full.
 *
 * The question may hang with the file system, so it is asked on a helper thread of the datastore's
 * worker; everybody else reads the last answer.
 *
 * Order of calls: start; stop; free after stopped().
 * Thread: owner worker of the datastore; space_get() any.
 */
#ifndef FILTERD_SPACE_H
#define FILTERD_SPACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "usage.h"

#define SPACE_PERIOD_MS 5000u
#define SPACE_WARN_PCT  80u
#define SPACE_RELAX_PCT 75u /* below it the next crossing warns again */

struct space {
	struct env *env;                              /* const */
	const char *path;                             /* const; outlives the space */
	void (*warn)(void *ctx, uint32_t used_pct);   /* const; upwards over SPACE_WARN_PCT */
	void *ctx;                                    /* const */
	_Atomic uint64_t used_bytes, available_bytes; /* 0, 0: not known */
	struct env_work work;
	struct env_timer timer;
	uint64_t probed_used_bytes, probed_available_bytes; /* helper, between run() and done() */
	int probe_result;                                   /* the same */
	struct usage probed_usage;                          /* the same */
	struct usage usage;                                 /* owner worker */
	bool is_probing, must_stop, has_warned;
	void (*stopped)(void *ctx);
};

/* env, path, warn and ctx are set. */
void space_start(struct space *s);
/* stopped(ctx) once, possibly before return. */
void space_stop(struct space *s, void (*stopped)(void *ctx));
void space_get(const struct space *s, uint64_t *used_bytes, uint64_t *available_bytes);

/* What the image of this volume takes; 0: not known. Thread: owner worker. */
uint64_t space_allocated_bytes(const struct space *s, const char *volume);
/* After stopped(). */
void space_fini(struct space *s);

/* Pure: percent, rounded up; 0 of nothing. */
uint32_t space_used_pct(uint64_t used_bytes, uint64_t available_bytes);

#endif
