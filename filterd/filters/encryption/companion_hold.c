/* SPDX-License-Identifier: MIT */
/*
 * companion_hold.c - what initiators hear while it is not known yet what the volume's companion
 * says.
 *
 * After a kill of filterd this takes as long as replication takes to be sure of its role, a second
 * or so: no reason to fail a command. So I/O waits, PATIENCE_MS at most, as it does in replication
 * itself. Then what waited and what comes ends as not ready, until the companion has been read. A
 * replica answers so at once, and so does a volume without the key that it would need: waiting
 * would not open it.
 *
 *     FRESH --closed, and may open soon--> RUNS --PATIENCE_MS--> LOST
 *       ^---------------- open, or a replica ----+----------------+
 *
 * Thread: owner worker.
 */
#include "companion.h"

#include "job.h"

#define PATIENCE_MS 7000u  /* ESXi wants an answer within 8 s */
#define TOKEN_MS    60000u /* never due: the patience ends first */

bool companion_holds(const struct encryption *e)
{
	return e->companion && e->companion->is_closed &&
	       e->companion->patience == COMPANION_PATIENCE_RUNS;
}

static bool may_wait(const struct companion *c)
{
	return c->is_closed && c->role != SLUICE_COMPANION_REPLICA && c->may_open;
}

/* ---------------------------------------------------------------- the line */

static void append(struct companion *c, struct flight *fl)
{
	fl->held_next = NULL;
	if (c->held_first)
		c->held_last->held_next = fl;
	else
		c->held_first = fl;
	c->held_last = fl;
}

static struct flight *take_all(struct companion *c)
{
	struct flight *fl = c->held_first;

	c->held_first = c->held_last = NULL;
	return fl;
}

/* Each goes its way, or fails if the volume is closed. */
static void release(struct companion *c)
{
	struct encryption *e = c->e;
	struct flight *next;

	for (struct flight *fl = take_all(c); fl; fl = next) {
		next = fl->held_next;
		if (!c->is_closed && reencrypt_holds(e, fl->io))
			reencrypt_hold_on(e, fl);
		else
			crypt_io_go_on(e, fl);
	}
}

enum sluice_verdict companion_hold(struct encryption *e, struct flight *fl, struct sluice_io *io)
{
	fl->io = io;
	fl->token = sluice_defer(e->f, io, TOKEN_MS);
	if (!fl->token) {
		/* The chain drains, so it must be decided now; BUSY is sent again. */
		io->status = SLUICE_ERR_BUSY;
		return SLUICE_FAIL;
	}
	append(e->companion, fl);
	return SLUICE_DEFER;
}

void companion_hold_drain(struct encryption *e)
{
	struct flight *next;

	for (struct flight *fl = take_all(e->companion); fl; fl = next) {
		next = fl->held_next;
		sluice_fail(fl->token, SLUICE_ERR_BUSY);
	}
}

void companion_hold_abort(struct encryption *e, const struct sluice_io *io)
{
	struct companion *c = e->companion;
	struct flight *next, *aborted = NULL;

	for (struct flight *fl = take_all(c); fl; fl = next) {
		next = fl->held_next;
		if (fl->io == io)
			aborted = fl;
		else
			append(c, fl);
	}
	if (aborted)
		sluice_fail(aborted->token, SLUICE_ERR_ABORTED);
}

/* ---------------------------------------------------------------- patience */

static void lose_patience(struct sluice_timer *t)
{
	struct companion *c = t->ctx;

	c->patience = COMPANION_PATIENCE_LOST;
	sluice_ready_set(c->e->f, crypt_io_closed_status(c->e));
	release(c);
}

void companion_hold_begin(struct companion *c)
{
	struct job *room = job_new(c->e);

	c->may_open = !room || !key_is_needed(c->e) || key_kept(c->e, &room->keys->kept);
	job_free(room);
}

void companion_hold_look(struct companion *c)
{
	struct sluice_filter *f = c->e->f;

	if (!may_wait(c)) {
		sluice_timer_cancel(f, &c->patience_timer);
		c->patience = COMPANION_PATIENCE_FRESH;
	} else if (c->patience == COMPANION_PATIENCE_FRESH) {
		c->patience = COMPANION_PATIENCE_RUNS;
		c->patience_timer.fn = lose_patience;
		c->patience_timer.ctx = c;
		sluice_timer_set(f, &c->patience_timer,
				 sluice_now_ns(f) + PATIENCE_MS * 1000000ull);
	}
	if (c->is_closed)
		sluice_ready_set(f,
				 companion_holds(c->e) ? SLUICE_OK : crypt_io_closed_status(c->e));
	if (c->patience != COMPANION_PATIENCE_RUNS)
		release(c);
}

void companion_hold_end(struct companion *c)
{
	sluice_timer_cancel(c->e->f, &c->patience_timer);
	c->patience = COMPANION_PATIENCE_LOST;
	companion_hold_drain(c->e);
}
