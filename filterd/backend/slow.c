/* SPDX-License-Identifier: MIT */
/*
 * slow.c - a datastore for tests and demonstrations: volumes in RAM (mem.c) behind one device of so
 * many servers, so that its latency rises with the load as a real one's does.
 *
 *     datastore add slow1 --type slow --path servers=4,service_us=2000
 *
 *     volumes --> queue --> [server 1] --> mem        a request takes service_us for each begun
 *                      \--> [server n] -/             32 KiB; 4 servers of 2 ms do 2,000 a second
 *
 * Volumes of the same path share the device, whose queue is what they compete for. They are all on
 * their datastore's one worker, so the list of devices is the thread's own and needs no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "parse.h"

#define SERVERS_MAX    64u
#define SERVICE_US_MAX 10000000u
#define UNIT_BYTES     32768u
#define NS_PER_US      1000u

struct device {
	struct device *next;
	char *path;
	uint32_t refs; /* open volumes */
	uint64_t servers, service_us;
	uint64_t free_ns[SERVERS_MAX]; /* when each server is done with what it has */
};

struct slow {
	struct backend b; /* first */
	struct backend *mem;
	struct device *device;
	struct env *env;
};

struct slow_io { /* in the I/O's bottom context; mem.c uses none of it */
	struct env_timer timer;
	struct slow *s;
};

static _Thread_local struct device *devices;

/* ---------------------------------------------------------------- the device */

static int parse_word(struct device *d, const char *word, struct err *err)
{
	if (strncmp(word, "servers=", 8) == 0)
		return parse_u64("path", word + 8, 1, SERVERS_MAX, &d->servers, err);
	if (strncmp(word, "service_us=", 11) == 0)
		return parse_u64("path", word + 11, 1, SERVICE_US_MAX, &d->service_us, err);
	return err_set(err, EINVAL, "path",
		       "a slow datastore's path is servers=N,service_us=N; '%.40s' is neither",
		       word);
}

static int parse_path(struct device *d, const char *path, struct err *err)
{
	char words[128], *word, *rest = words;
	int rc = 0;

	snprintf(words, sizeof(words), "%s", path);
	d->servers = 1;
	d->service_us = 10000;
	while (rc == 0 && (word = strsep(&rest, ",")) != NULL && *word)
		rc = parse_word(d, word, err);
	return rc;
}

static int device_get(const char *path, struct device **out, struct err *err)
{
	struct device *d = devices;
	int rc;

	while (d && strcmp(d->path, path) != 0)
		d = d->next;
	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d || !(d->path = strdup(path))) {
			free(d);
			return err_set(err, ENOMEM, "path", "no memory for a slow datastore");
		}
		rc = parse_path(d, path, err);
		if (rc) {
			free(d->path);
			free(d);
			return rc;
		}
		d->next = devices;
		devices = d;
	}
	d->refs++;
	*out = d;
	return 0;
}

static void device_put(struct device *d)
{
	struct device **at = &devices;

	if (--d->refs > 0)
		return;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	free(d->path);
	free(d);
}

/* The server that is free first takes it; the time when it will be done. */
static uint64_t serve(struct device *d, uint64_t len_bytes, uint64_t now_ns)
{
	uint64_t units = len_bytes ? (len_bytes - 1) / UNIT_BYTES + 1 : 1;
	uint64_t *first = &d->free_ns[0];

	for (uint32_t i = 1; i < d->servers; i++)
		if (d->free_ns[i] < *first)
			first = &d->free_ns[i];
	if (*first < now_ns)
		*first = now_ns;
	*first += units * d->service_us * NS_PER_US;
	return *first;
}

/* ---------------------------------------------------------------- the backend */

static void served(struct env_timer *t)
{
	struct sluice_io *io = t->ctx;
	struct slow *s = ((struct slow_io *)io->bottom)->s;

	s->mem->ops->submit(s->mem, io);
}

static void slow_submit(struct backend *b, struct sluice_io *io)
{
	struct slow *s = (struct slow *)b;
	struct slow_io *sio = io->bottom;
	bool moves_data = io->op == SLUICE_OP_READ || io->op == SLUICE_OP_WRITE;

	if (io->op == SLUICE_OP_FLUSH || io->op == SLUICE_OP_EXTENT) {
		s->mem->ops->submit(s->mem, io);
		return;
	}
	sio->s = s;
	sio->timer.fn = served;
	sio->timer.ctx = io;
	env_timer_set(s->env, &sio->timer,
		      serve(s->device, moves_data ? io->len_bytes : 0, env_now_ns(s->env)));
}

static int slow_create(struct env *e, const struct backend_cfg *cfg, bool is_full, struct err *err)
{
	struct device d;
	int rc = parse_path(&d, cfg->path, err);

	return rc ? rc : backend_mem.create(e, cfg, is_full, err);
}

static int slow_open(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		     struct err *err)
{
	struct slow *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, ENOMEM, "path", "no memory for a slow volume");
	rc = device_get(cfg->path, &s->device, err);
	if (rc) {
		free(s);
		return rc;
	}
	rc = backend_mem.open(e, cfg, &s->mem, err);
	if (rc) {
		device_put(s->device);
		free(s);
		return rc;
	}
	s->env = e;
	s->b.ops = &backend_slow;
	s->b.size_bytes = s->mem->size_bytes;
	s->b.io_ctx_bytes = sizeof(struct slow_io);
	*out = &s->b;
	return 0;
}

static void slow_close(struct backend *b)
{
	struct slow *s = (struct slow *)b;

	backend_mem.close(s->mem);
	device_put(s->device);
	free(s);
}

static void slow_grow(struct backend *b, uint64_t new_size_bytes, void (*fn)(void *ctx, int result),
		      void *ctx)
{
	struct slow *s = (struct slow *)b;

	backend_mem.grow(s->mem, new_size_bytes, fn, ctx);
	b->size_bytes = s->mem->size_bytes;
}

const struct backend_ops backend_slow = {
    .name = "slow",
    .op_mask = SLUICE_OPS_ALL | SLUICE_WRITES_ARE_ATOMIC,
    .create = slow_create,
    .open = slow_open,
    .close = slow_close,
    .submit = slow_submit,
    .grow = slow_grow,
};
