/* SPDX-License-Identifier: MIT */
/*
 * sdk_link.c - links and the witness for filters (sluice/link.h) over what the host's network is
 * (net_host.h).
 *
 * Each callback comes inside a walk with the filter named for the watching parent, so that the I/Os
 * which it lets go move after it has returned. A call to the witness that is under way keeps a
 * detached filter in memory, as a log does; it does not keep the chain from being drained.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"
#include "net_host.h"

void sdk_link_link(void) {}

struct sluice_link {
	struct sluice_filter *f;
	const struct net_host *net;
	struct net_link *end;
	struct sluice_link_cfg cfg;
	uint32_t depth; /* of callbacks on the stack */
	bool is_closed;
};

static void enter(struct sluice_filter *f)
{
	walk_enter(f->chain);
	blame_begin(f);
}

static void leave(struct sluice_filter *f)
{
	blame_end(f);
	walk_leave(f->chain);
}

/* ---------------------------------------------------------------- callbacks */

static void begin(struct sluice_link *l)
{
	l->depth++;
	enter(l->f);
}

static void end(struct sluice_link *l)
{
	struct sluice_filter *f = l->f;

	if (--l->depth == 0 && l->is_closed)
		free(l);
	leave(f);
}

static void link_up(void *ctx)
{
	struct sluice_link *l = ctx;

	begin(l);
	l->cfg.up(l->cfg.ctx);
	end(l);
}

static size_t link_received(void *ctx, const uint8_t *data, size_t len)
{
	struct sluice_link *l = ctx;
	size_t used;

	begin(l);
	used = l->cfg.received(l->cfg.ctx, data, len);
	end(l);
	return used;
}

static void link_writable(void *ctx)
{
	struct sluice_link *l = ctx;

	begin(l);
	l->cfg.writable(l->cfg.ctx);
	end(l);
}

static void link_down(void *ctx, const char *why)
{
	struct sluice_link *l = ctx;

	begin(l);
	l->cfg.down(l->cfg.ctx, why);
	end(l);
}

/* ---------------------------------------------------------------- links */

struct sluice_link *sluice_link_open(struct sluice_filter *f, const struct sluice_link_cfg *cfg,
				     struct sluice_error *err)
{
	const struct net_host *net = f->chain->host.net;
	struct sluice_link *l = net ? calloc(1, sizeof(*l)) : NULL;
	struct sluice_link_cfg coat = *cfg;
	struct err why = {0};
	int rc;

	if (!l) {
		snprintf(err->text, sizeof(err->text), "%s",
			 net ? "no memory for a link" : "there is no network for filters here");
		return NULL;
	}
	l->f = f;
	l->net = net;
	l->cfg = *cfg;
	coat.up = link_up;
	coat.received = link_received;
	coat.writable = link_writable;
	coat.down = link_down;
	coat.ctx = l;
	rc = net->open(net->ctx, f->chain->env, &coat, &l->end, &why);
	if (rc == 0)
		return l;
	snprintf(err->field, sizeof(err->field), "%s", why.field);
	snprintf(err->text, sizeof(err->text), "%.*s", (int)sizeof(err->text) - 1, why.text);
	free(l);
	return NULL;
}

void sluice_link_close(struct sluice_link *l)
{
	l->net->close(l->end);
	l->end = NULL;
	l->is_closed = true;
	if (l->depth == 0)
		free(l);
}

size_t sluice_link_send(struct sluice_link *l, const void *data, size_t len)
{
	return l->net->send(l->end, data, len);
}

size_t sluice_link_room(const struct sluice_link *l)
{
	return l->net->room(l->end);
}

void sluice_link_read_on(struct sluice_link *l)
{
	l->net->read_on(l->end);
}

void sluice_link_reset(struct sluice_link *l, const char *why)
{
	l->net->reset(l->end, why);
}

/* ---------------------------------------------------------------- witness */

struct witness_coat {
	struct sluice_filter *f;
	struct env_msg msg; /* when there is no network to ask */
};

_Static_assert(sizeof(struct witness_coat) <= sizeof(((struct sluice_witness_call *)NULL)->host),
	       "fits in host[]");

static struct witness_coat *witness_coat(struct sluice_witness_call *c)
{
	return (struct witness_coat *)c->host;
}

static void witness_done(void *ctx, int result, const struct sluice_witness_register *now)
{
	struct sluice_witness_call *c = ctx;
	struct sluice_filter *f = witness_coat(c)->f;

	c->result = result;
	c->now = now ? *now : (struct sluice_witness_register){0};
	f->calls--;
	enter(f);
	c->fn(c);
	leave(f);
	leave_check(f);
}

static void witness_nowhere(struct env_msg *m)
{
	witness_done(m->ctx, -EHOSTUNREACH, NULL);
}

void sluice_witness_submit(struct sluice_filter *f, const char *witness_peer,
			   const uint8_t group_uuid[16], struct sluice_witness_call *c)
{
	const struct net_host *net = f->chain->host.net;
	struct witness_coat *coat = witness_coat(c);

	*coat = (struct witness_coat){.f = f, .msg = {.fn = witness_nowhere, .ctx = c}};
	f->calls++;
	if (net)
		net->witness(net->ctx, f->chain->env, witness_peer, group_uuid, c, witness_done, c);
	else
		env_post(f->chain->env, &coat->msg);
}

/* ---------------------------------------------------------------- names */

void sluice_appliance_uuid(const struct sluice_filter *f, uint8_t uuid[16])
{
	const struct net_host *net = f->chain->host.net;

	memset(uuid, 0, 16);
	if (net)
		net->own_uuid(net->ctx, uuid);
}

int sluice_peer_uuid(const struct sluice_filter *f, const char *peer, uint8_t uuid[16])
{
	const struct net_host *net = f->chain->host.net;

	return net ? net->peer_uuid(net->ctx, peer, uuid) : -ENOENT;
}
