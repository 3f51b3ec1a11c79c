/* SPDX-License-Identifier: MIT */
/*
 * sdk_companion.c - sluice/companion.h: brings the one user and the one keeper of a chain together.
 *
 * Calls go straight through, inside of whatever call into a filter they come from. The role is
 * remembered, so that neither has to be attached first.
 */
#include <errno.h>

#include "chain_int.h"
#include "sluice/companion.h"

void sdk_companion_link(void) {}

static bool is_above(const struct sluice_filter *a, const struct sluice_filter *b)
{
	return a && b && a->position < b->position;
}

static void tell(struct companion *m)
{
	if (m->user && m->changed)
		m->changed(m->user, (enum sluice_companion_role)m->role);
}

void sluice_companion_keep(struct sluice_filter *keeper,
			   void (*submit)(struct sluice_filter *keeper,
					  struct sluice_companion_io *io))
{
	struct companion *m = &keeper->chain->companion;

	m->keeper = keeper;
	m->submit = submit;
	m->role = SLUICE_COMPANION_NONE;
	if (is_above(m->user, keeper))
		tell(m);
}

bool sluice_companion_is_kept(const struct sluice_filter *user)
{
	return is_above(user, user->chain->companion.keeper);
}

enum sluice_companion_role sluice_companion_role(const struct sluice_filter *user)
{
	const struct companion *m = &user->chain->companion;

	return is_above(user, m->keeper) ? (enum sluice_companion_role)m->role
					 : SLUICE_COMPANION_NONE;
}

void sluice_companion_tell(struct sluice_filter *keeper, enum sluice_companion_role role)
{
	struct companion *m = &keeper->chain->companion;

	if (m->keeper != keeper)
		return;
	m->role = (uint8_t)role;
	if (is_above(m->user, keeper))
		tell(m);
}

void sluice_companion_use(struct sluice_filter *user,
			  void (*changed)(struct sluice_filter *user,
					  enum sluice_companion_role role))
{
	user->chain->companion.user = user;
	user->chain->companion.changed = changed;
}

int sluice_companion_submit(struct sluice_filter *user, struct sluice_companion_io *io)
{
	struct companion *m = &user->chain->companion;

	if (!is_above(user, m->keeper))
		return -ENODEV;
	io->next = NULL;
	m->submit(m->keeper, io);
	return 0;
}

void companion_leave(struct sluice_filter *f)
{
	struct companion *m = &f->chain->companion;

	if (m->user == f)
		m->user = NULL;
	if (m->keeper != f)
		return;
	m->keeper = NULL;
	m->role = SLUICE_COMPANION_NONE;
	tell(m);
}
