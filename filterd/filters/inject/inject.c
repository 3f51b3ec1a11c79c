/* SPDX-License-Identifier: MIT */
/*
 * inject.c - faults on purpose: fail, corrupt, hang, crash or delay the I/Os that a rule picks.
 *
 * rule.c says which; this file does it. What hangs or waits is on a list, so that a drain can let
 * it go, unless the rule is stubborn: then only the host's deadline ends it, which is what it is
 * for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "rule.h"
#include "sluice/filter.h"

#ifndef INJECT_NAME
#define INJECT_NAME  "inject"
#define INJECT_CLASS SLUICE_CLASS_INSPECTION
#endif

#define SPARE_MS 1500u /* beyond a delay, before the host calls us hung */

struct held {
	struct sluice_timer timer;
	struct sluice_token *token;
	struct sluice_filter *f;
	struct held *prev, *next;
};

struct inject {
	struct rule rule;
	uint32_t held_count;
	struct held head; /* of a ring; only its prev and next count */
};

static int inject_attach(struct sluice_filter *f, const union sluice_value *values,
			 struct sluice_error *err)
{
	struct inject *j = calloc(1, sizeof(*j));

	if (!j) {
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	j->head.prev = j->head.next = &j->head;
	rule_set(&j->rule, values);
	sluice_state_set(f, j);
	return 0;
}

static struct sluice_token *take_out(struct held *h)
{
	struct inject *j = sluice_state(h->f);

	h->prev->next = h->next;
	h->next->prev = h->prev;
	j->held_count--;
	return h->token;
}

static void let_go(struct held *h)
{
	sluice_timer_cancel(h->f, &h->timer);
	sluice_resume(take_out(h));
}

/* What is still here was taken back by the host; only its timers are left. */
static void inject_detach(struct sluice_filter *f)
{
	struct inject *j = sluice_state(f);

	while (j->head.next != &j->head) {
		struct held *h = j->head.next;

		sluice_timer_cancel(f, &h->timer);
		take_out(h);
	}
	free(j);
}

static int inject_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
			      const union sluice_value *values, struct sluice_error *err)
{
	struct inject *j = sluice_state(f);

	if (phase == SLUICE_COMMIT)
		rule_set(&j->rule, values);
	return 0;
}

static void inject_drain(struct sluice_filter *f, bool begin)
{
	struct inject *j = sluice_state(f);

	if (!begin || (j->rule.action == ACTION_HANG && j->rule.is_stubborn))
		return;
	while (j->head.next != &j->head)
		let_go(j->head.next);
}

static void inject_abort(struct sluice_filter *f, struct sluice_io *io)
{
	const struct inject *j = sluice_state(f);

	if (!j->rule.is_stubborn)
		let_go(sluice_io_ctx(f, io));
}

/* ---------------------------------------------------------------- faults */

static void timer_fired(struct sluice_timer *t)
{
	sluice_resume(take_out(t->ctx));
}

static enum sluice_verdict hold(struct sluice_filter *f, struct sluice_io *io, bool is_delay)
{
	struct inject *j = sluice_state(f);
	struct held *h = sluice_io_ctx(f, io);
	uint64_t deadline_ms = is_delay ? j->rule.delay_us / 1000 + SPARE_MS : j->rule.deadline_ms;

	h->token = sluice_defer(f, io, (uint32_t)deadline_ms);
	if (!h->token)
		return SLUICE_PASS; /* the chain drains */
	h->f = f;
	h->timer.fn = timer_fired;
	h->timer.ctx = h;
	h->prev = j->head.prev;
	h->next = &j->head;
	h->prev->next = h->next->prev = h;
	j->held_count++;
	if (is_delay)
		sluice_timer_set(f, &h->timer, sluice_now_ns(f) + j->rule.delay_us * 1000);
	return SLUICE_DEFER;
}

static enum sluice_verdict act(struct sluice_filter *f, struct sluice_io *io, enum way way)
{
	struct inject *j = sluice_state(f);
	uint64_t random = sluice_random_u64(f);

	if (!rule_hits(&j->rule, io, way, random))
		return SLUICE_PASS;
	switch (j->rule.action) {
	case ACTION_NONE:
		break;
	case ACTION_FAIL:
		io->status = (uint8_t)j->rule.status;
		return SLUICE_FAIL;
	case ACTION_CORRUPT:
		((uint8_t *)io->buf)[(random >> 8) % io->len_bytes] ^= 0xff;
		break;
	case ACTION_HANG:
		return hold(f, io, false);
	case ACTION_CRASH:
		abort();
	case ACTION_DELAY:
		return hold(f, io, true);
	}
	return SLUICE_PASS;
}

static enum sluice_verdict inject_submit(struct sluice_filter *f, struct sluice_io *io)
{
	return act(f, io, WAY_DOWN);
}

static enum sluice_verdict inject_done(struct sluice_filter *f, struct sluice_io *io)
{
	return act(f, io, WAY_UP);
}

static int inject_event(struct sluice_filter *f, enum sluice_phase phase,
			const struct sluice_event *ev, struct sluice_error *err)
{
	const struct inject *j = sluice_state(f);
	enum refusal r = j->rule.refusal;

	if (ev->kind != SLUICE_EVENT_SNAPSHOT && ev->kind != SLUICE_EVENT_REVERT &&
	    ev->kind != SLUICE_EVENT_CLONE)
		return 0;
	if (phase == SLUICE_HELD && r == REFUSE_CRASH_HELD)
		abort();
	if ((phase != SLUICE_PREPARE || r != REFUSE_PREPARE) &&
	    (phase != SLUICE_HELD || r != REFUSE_HELD))
		return 0;
	snprintf(err->text, sizeof(err->text), "it was told to");
	return -ECANCELED;
}

static size_t inject_status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct inject *j = sluice_state(f);

	return (size_t)snprintf(json, size_bytes,
				"{\"matched\":%" PRIu64 ",\"acted\":%" PRIu64 ",\"held\":%u}",
				j->rule.matched, j->rule.acted, j->held_count);
}

static struct sluice_filter_ops inject_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(inject_ops),
    .name = INJECT_NAME,
    .version = "1",
    .help = "Makes faults on purpose.",
    .cls = INJECT_CLASS,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .io_ctx_bytes = sizeof(struct held),
    .params = rule_params,
    .attach = inject_attach,
    .detach = inject_detach,
    .reconfigure = inject_reconfigure,
    .event = inject_event,
    .drain = inject_drain,
    .submit = inject_submit,
    .done = inject_done,
    .abort = inject_abort,
    .status = inject_status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	inject_ops.param_count = rule_param_count;
	return &inject_ops;
}
