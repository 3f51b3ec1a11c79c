/* SPDX-License-Identifier: MIT */
/*
 * report.c - what filters say and what is to be said about them, brought to the owner worker.
 *
 * A message may be on its way when the chain ends (a filter's thread spoke last), so messages do
 * not point at the chain but at a link that outlives it: counted references, and the chain's
 * pointer taken out when the chain ends. Only the owner reads that pointer.
 *
 * Misuse is counted where it happens, on any thread, and told by one message at a time, at the 1st,
 * 2nd, 4th, 8th ... time; a filter that misbehaves with every I/O does not flood the log.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "group_int.h"
#include "log.h"

struct report_link {
	struct chain *c;   /* owner worker; NULL: it has ended, or groups is set */
	struct groups *gs; /* the same; of reports about a datastore */
	atomic_uint refs;
	atomic_bool is_misuse_posted;
	struct env_msg misuse_msg;
};

struct report {
	struct env_msg msg;
	struct report_link *link;
	char filter[40];
	char code[40];
	char text[400];
};

static void link_put(struct report_link *l)
{
	/* Release: our uses are over; acquire: so are everybody's when we free. */
	if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1)
		free(l);
}

static void tell(struct chain *c, const char *filter, const char *kind, const char *text)
{
	if (c->host.report)
		c->host.report(c->host.ctx, filter, kind, text);
	else
		log_warn("volume '%s': %s: %s", c->volume, kind, text);
}

static void tell_of_datastore(struct groups *gs, const char *filter, const char *kind,
			      const char *text)
{
	if (gs->report)
		gs->report(gs->ctx, filter, kind, text);
	else
		log_warn("datastore '%s', filter %s: %s: %s", gs->datastore, filter, kind, text);
}

void report_host(struct chain *c, const char *filter, const char *kind, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tell(c, filter, kind, text);
}

/* ---------------------------------------------------------------- misuse */

static const char *misuse_text(enum misuse kind)
{
	switch (kind) {
	case MISUSE_NONE:
		break;
	case MISUSE_FINISH:
		return "finished a token twice, or after the host had taken it back; ignored";
	case MISUSE_DEFER:
		return "asked for a token of an I/O that is not in its submit() or done(); refused";
	case MISUSE_VERDICT:
		return "gave a verdict that is none or disagrees with its token; the I/O failed";
	case MISUSE_SWAP:
		return "swapped an I/O's buffer out of its turn, or is transparent; ignored";
	case MISUSE_LEAK:
		return "was detached with timers set or buffers kept";
	case MISUSE_RESULT:
		return "told the result of something that was not under way, or let go of a drain it did not hold; ignored";
	}
	return "broke a rule";
}

static const char *slot_name(const struct chain *c, uint32_t slot)
{
	for (uint32_t i = 0; i < c->filter_count; i++) {
		if (c->filters[i]->slot == slot)
			return c->filters[i]->ops->name;
	}
	return "(detached)";
}

static void tell_misuse(struct chain *c, uint32_t slot)
{
	uint64_t n = atomic_load_explicit(&c->misuse_count[slot], memory_order_relaxed);
	enum misuse kind = atomic_load_explicit(&c->misuse_kind[slot], memory_order_relaxed);
	const char *name = slot_name(c, slot);

	if (n == 0 || (c->misuse_told[slot] != 0 && n < c->misuse_told[slot] * 2))
		return;
	c->misuse_told[slot] = n;
	report_host(c, name, "filter_misuse", "filter '%s' %s (%llu times so far)", name,
		    misuse_text(kind), (unsigned long long)n);
}

static void misuse_arrived(struct env_msg *m)
{
	struct report_link *l = m->ctx;

	/* Acquire: before the counts are read, so that one counted after this posts again. */
	atomic_exchange_explicit(&l->is_misuse_posted, false, memory_order_acq_rel);
	for (uint32_t i = 0; l->c && i < CHAIN_MAX_FILTERS; i++)
		tell_misuse(l->c, i);
	link_put(l);
}

void report_misuse(struct chain *c, uint32_t slot, enum misuse kind)
{
	struct report_link *l = c->link;

	atomic_store_explicit(&c->misuse_kind[slot], kind, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->misuse_count[slot], 1, memory_order_relaxed);
	/* Release: the count before the flag. */
	if (atomic_exchange_explicit(&l->is_misuse_posted, true, memory_order_acq_rel))
		return;
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	env_post(c->env, &l->misuse_msg);
}

struct report_link *report_link_new(struct chain *c, struct groups *gs)
{
	struct report_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->c = c;
	l->gs = gs;
	atomic_init(&l->refs, 1);
	atomic_init(&l->is_misuse_posted, false);
	l->misuse_msg = (struct env_msg){.fn = misuse_arrived, .ctx = l};
	return l;
}

void report_link_close(struct report_link *l)
{
	l->c = NULL;
	l->gs = NULL;
	link_put(l);
}

/* ---------------------------------------------------------------- SDK */

void sluice_log(const struct sluice_filter *f, int priority, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write((enum log_level)priority, "volume '%s' filter '%s': %s", f->chain->volume,
		  f->ops->name, text);
}

static void report_arrived(struct env_msg *m)
{
	struct report *r = list_entry(m, struct report, msg);

	if (r->link->c)
		tell(r->link->c, r->filter, r->code, r->text);
	else if (r->link->gs)
		tell_of_datastore(r->link->gs, r->filter, r->code, r->text);
	link_put(r->link);
	free(r);
}

static void send(struct report_link *l, struct env *env, const char *filter, const char *code,
		 const char *fmt, va_list ap)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r) {
		log_warn("filter '%s': no memory to report '%s'", filter, code);
		return;
	}
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	snprintf(r->filter, sizeof(r->filter), "%s", filter);
	snprintf(r->code, sizeof(r->code), "%s", code);
	r->msg.fn = report_arrived;
	r->link = l;
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	env_post(env, &r->msg);
}

void sluice_report(struct sluice_filter *f, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send(f->chain->link, f->chain->env, f->ops->name, code, fmt, ap);
	va_end(ap);
}

void sluice_group_report(struct sluice_group *g, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send(g->all->link, g->all->env, g->ops->name, code, fmt, ap);
	va_end(ap);
}
