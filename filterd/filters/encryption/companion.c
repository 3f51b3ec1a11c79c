/* SPDX-License-Identifier: MIT */
#include "companion.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define STORE_KEPT                                                                                 \
	"kept" /* '1': the volume has a companion, also before its keeper is attached              \
		*/
#define WAIT_NS  (20ull * 1000 * 1000)
#define RETRY_NS (1000ull * 1000 * 1000)

static void look(struct companion *c);

/* ---------------------------------------------------------------- small things */

void companion_files_free(struct companion *c)
{
	for (uint32_t i = 0; i < COMPANION_HEADERS; i++) {
		free(c->files[i].data);
		c->files[i] = (struct companion_file){NULL, 0};
	}
	free(c->sidecar);
	c->sidecar = NULL;
}

static void companion_free(struct companion *c)
{
	companion_files_free(c);
	free(c->pages);
	free(c);
}

bool companion_was_left(struct companion *c)
{
	if (!c->is_gone)
		return false;
	companion_free(c);
	return true;
}

/* The chain does not count as drained while one is under way, so in detach() there is none. */
static void io_ended(struct sluice_companion_io *io)
{
	struct companion *c = io->ctx;

	c->io_fn(io);
	sluice_drain_release(c->e->f);
}

int companion_io(struct companion *c, enum sluice_companion_op op, uint64_t offset_bytes, void *buf,
		 uint64_t len_bytes, void (*fn)(struct sluice_companion_io *io))
{
	int rc;

	c->io = (struct sluice_companion_io){.op = op,
					     .offset_bytes = offset_bytes,
					     .len_bytes = len_bytes,
					     .buf = buf,
					     .fn = io_ended,
					     .ctx = c};
	c->io_fn = fn;
	rc = sluice_companion_submit(c->e->f, &c->io);
	if (rc == 0)
		sluice_drain_hold(c->e->f);
	return rc;
}

bool companion_is_closed(const struct encryption *e)
{
	return e->companion && e->companion->is_closed;
}

bool companion_is_replica(const struct encryption *e)
{
	return e->companion && e->companion->is_closed && !e->companion->is_loaded;
}

static void look_fired(struct sluice_timer *t)
{
	look(t->ctx);
}

static void look_in(struct companion *c, uint64_t ns)
{
	c->timer.fn = look_fired;
	c->timer.ctx = c;
	sluice_timer_set(c->e->f, &c->timer, sluice_now_ns(c->e->f) + ns);
}

/* ---------------------------------------------------------------- load */

static void go_on(struct companion *c)
{
	struct encryption *e = c->e;
	struct sluice_error err = {{0}, {0}};
	struct job *j = job_new(e);
	int rc = -ENOMEM;

	if (j) {
		c->is_closed = false;
		c->is_loaded = true;
		key_begin(e, &j->keys->kept);
		rc = reencrypt_attach(e, &err);
	}
	if (rc == 0) {
		companion_hold_look(c);
		job_go(j);
		return;
	}
	job_free(j);
	c->is_closed = true;
	c->is_loaded = false;
	key_close(e, STATE_LOCKED, "no memory to begin with what has come; it is tried again");
	companion_hold_look(c);
	c->must_look = true;
	look_in(c, RETRY_NS);
}

/* As the companion says. */
static int take_words(struct companion *c, bool with_walk)
{
	struct encryption *e = c->e;
	const struct companion_dir *d = &c->dir;
	int rc = reencrypt_put_flag(e, "clear", d->clear == '1');

	if (d->formatted && rc == 0)
		rc = sluice_store_put(e->f, "formatted", &d->formatted, 1);
	if (rc == 0)
		rc = sluice_store_put(e->f, "walks", &d->walks, sizeof(d->walks));
	if (rc == 0 && with_walk)
		rc = reencrypt_put_kind(e, (enum reencrypt_kind)(d->kind - '0'));
	return rc;
}

static void failed(struct companion *c, const char *what)
{
	sluice_report(c->e->f, "encryption_companion_failed",
		      "%s could not be brought from or to the volume's replica; it is tried again, "
		      "and nothing is served meanwhile",
		      what);
	c->must_look = true;
	look_in(c, RETRY_NS);
}

static void first_put(void *ctx, int result)
{
	struct companion *c = ctx;

	if (result < 0)
		failed(c, "the volume's header");
	else if (c->role == SLUICE_COMPANION_PRIMARY)
		go_on(c);
	else
		look(c);
}

static void taken_all(struct companion *c, int result)
{
	if (result == 0)
		result = take_words(c, true);
	if (result == -ENODATA && c->role == SLUICE_COMPANION_PRIMARY) {
		companion_put(c->e, false, first_put, c);
		return;
	}
	if (result < 0) {
		failed(c, "the volume's header");
		return;
	}
	c->header_changed = false;
	c->taken_sequence = c->dir.sequence;
	if (c->role == SLUICE_COMPANION_PRIMARY)
		go_on(c);
	else
		look(c);
}

static void tell_erased(struct companion *c)
{
	if (c->header_changed && !c->dir.headers[0].slot)
		sluice_report(c->e->f, "encryption_erased",
			      "the side that serves has destroyed the LUKS2 header, and this side "
			      "has done the same");
}

/* A replica: its header may be unlocked in advance. What cannot be read now comes again whole. */
static void taken_headers(struct companion *c, int result)
{
	struct encryption *e = c->e;
	struct job *j;

	if (result == 0) {
		c->taken_sequence = c->dir.sequence;
		tell_erased(c);
		if (c->header_changed || e->state != STATE_UNLOCKED) {
			c->header_changed = false;
			key_close(e, STATE_LOCKED, "the volume waits for its key");
			(void)take_words(c, false);
			j = job_new(e);
			if (j)
				job_go(j);
		}
	} else {
		e->has_looked = true;
	}
	if (c->must_look)
		look_in(c, WAIT_NS);
}

/* ---------------------------------------------------------------- roles */

/* True: nothing of before is under way any more. */
static bool is_free(struct companion *c)
{
	struct encryption *e = c->e;

	if (c->doing != COMPANION_IDLE || e->job)
		return false;
	return !e->re || reencrypt_drop(e);
}

static void look(struct companion *c)
{
	if (!c->is_closed)
		return;
	if (!is_free(c)) {
		look_in(c, WAIT_NS);
		return;
	}
	c->must_look = false;
	if (c->role == SLUICE_COMPANION_PRIMARY)
		companion_take(c, true, taken_all);
	else if (c->role == SLUICE_COMPANION_REPLICA)
		companion_take(c, false, taken_headers);
	else if (!sluice_companion_is_kept(c->e->f) && !c->waits_for_keeper)
		go_on(c);
}

static void close_up(struct companion *c)
{
	struct encryption *e = c->e;

	companion_hold_begin(c);
	c->is_closed = true;
	c->is_loaded = false;
	c->taken_sequence = 0;
	e->has_looked = false;
	companion_hold_look(c);
	key_close(e, STATE_LOCKED, "the volume waits for what its other copy knows");
}

static void note_kept(struct encryption *e, bool is_kept)
{
	if (reencrypt_put_flag(e, STORE_KEPT, is_kept) < 0)
		sluice_report(e->f, "encryption_companion_failed",
			      "that the volume is%s replicated could not be noted",
			      is_kept ? "" : " not");
}

static void changed(struct sluice_filter *f, enum sluice_companion_role role)
{
	struct encryption *e = sluice_state(f);
	struct companion *c = e->companion;
	bool is_kept = sluice_companion_is_kept(f);

	if (!c || (role == SLUICE_COMPANION_PRIMARY && c->role == role && c->is_loaded))
		return;
	if (is_kept && (c->waits_for_keeper || c->role == SLUICE_COMPANION_NONE))
		note_kept(e, true);
	else if (!is_kept)
		note_kept(e, false);
	c->waits_for_keeper = false;
	c->role = role;
	if (is_kept && (!c->is_closed || role == SLUICE_COMPANION_PRIMARY))
		close_up(c);
	companion_hold_look(c);
	c->must_look = true;
	look(c);
}

/* ---------------------------------------------------------------- attach, detach */

void companion_restart(struct encryption *e)
{
	struct companion *c = e->companion;

	if (!c || !sluice_companion_is_kept(e->f))
		return;
	close_up(c);
	c->must_look = true;
	look_in(c, WAIT_NS);
}

static bool is_noted(struct encryption *e)
{
	size_t size_bytes = 0;
	char word = '0';

	return sluice_store_get(e->f, STORE_KEPT, &word, 1, &size_bytes) == 0 && word == '1';
}

int companion_attach(struct encryption *e, struct sluice_error *err)
{
	struct companion *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	if (c)
		c->pages = aligned_alloc(COMPANION_PAGE, 2u * COMPANION_PAGE);
	if (c && c->pages)
		rc = reencrypt_next_paths(e, &c->next);
	if (rc < 0) {
		if (c)
			companion_free(c);
		return encryption_refuse(err, "", rc, "no memory, or no place for headers");
	}
	c->e = e;
	c->luks = e->luks;
	e->companion = c;
	c->role = sluice_companion_role(e->f);
	c->waits_for_keeper = is_noted(e) && !sluice_companion_is_kept(e->f);
	if (c->waits_for_keeper || sluice_companion_is_kept(e->f)) {
		close_up(c);
		look_in(c, 0);
	}
	sluice_companion_use(e->f, changed);
	return 0;
}

void companion_detach(struct encryption *e)
{
	struct companion *c = e->companion;

	if (c)
		companion_hold_end(c);
	e->companion = NULL;
	if (!c)
		return;
	sluice_timer_cancel(e->f, &c->timer);
	if (c->doing == COMPANION_IDLE)
		companion_free(c);
	else
		c->is_gone = true;
}
