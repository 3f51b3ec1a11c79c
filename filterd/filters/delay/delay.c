/* SPDX-License-Identifier: MIT */
/*
 * delay.c - makes a volume slow: each I/O waits on its way down.
 *
 * One timer and one token per I/O, both in the I/O's own context, so nothing is allocated. What
 * waits is on a list; a drain lets all of it go at once, and an abort lets its I/O go.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sluice/filter.h"

#define DELAY_MAX_US 10000000u
#define SPARE_MS     1500u /* beyond the delay, before the host calls us hung */

enum { PARAM_READ_US, PARAM_WRITE_US, PARAM_FLUSH_US, PARAM_JITTER_PCT, PARAM_COUNT };

struct waiting {
	struct sluice_timer timer;
	struct sluice_token *token;
	struct sluice_filter *f;
	struct waiting *prev, *next;
};

struct delay {
	uint64_t us[SLUICE_OP_COUNT];
	uint64_t jitter_pct;
	uint64_t delayed;
	uint32_t held;
	struct waiting head; /* of a ring; only its prev and next count */
};

#define PARAM_US(op, what)                                                                         \
	{                                                                                          \
		.name = op "_us", .type = SLUICE_TYPE_U64, .unit = "us", .max = DELAY_MAX_US,      \
		.help = "How long " what " wait."                                                  \
	}

static const struct sluice_param delay_params[PARAM_COUNT] = {
    [PARAM_READ_US] = PARAM_US("read", "reads"),
    [PARAM_WRITE_US] = PARAM_US("write", "writes, unmaps and zeroing"),
    [PARAM_FLUSH_US] = PARAM_US("flush", "flushes"),
    [PARAM_JITTER_PCT] = {.name = "jitter_pct",
			  .type = SLUICE_TYPE_U64,
			  .unit = "pct",
			  .max = 100,
			  .help = "How far the wait varies to both sides, at random."},
};

static void set_values(struct delay *d, const union sluice_value *values)
{
	uint64_t read_us = values[PARAM_READ_US].u64, write_us = values[PARAM_WRITE_US].u64;

	d->us[SLUICE_OP_READ] = d->us[SLUICE_OP_EXTENT] = read_us;
	d->us[SLUICE_OP_WRITE] = d->us[SLUICE_OP_UNMAP] = d->us[SLUICE_OP_WRITE_ZEROES] = write_us;
	d->us[SLUICE_OP_FLUSH] = values[PARAM_FLUSH_US].u64;
	d->jitter_pct = values[PARAM_JITTER_PCT].u64;
}

static int delay_attach(struct sluice_filter *f, const union sluice_value *values,
			struct sluice_error *err)
{
	struct delay *d = calloc(1, sizeof(*d));

	if (!d) {
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	d->head.prev = d->head.next = &d->head;
	set_values(d, values);
	sluice_state_set(f, d);
	return 0;
}

/* No longer ours. */
static struct sluice_token *take_out(struct waiting *w)
{
	struct delay *d = sluice_state(w->f);

	w->prev->next = w->next;
	w->next->prev = w->prev;
	d->held--;
	return w->token;
}

static void let_go(struct waiting *w)
{
	sluice_timer_cancel(w->f, &w->timer);
	sluice_resume(take_out(w));
}

/* What is still here was taken back by the host; only its timers are left. */
static void delay_detach(struct sluice_filter *f)
{
	struct delay *d = sluice_state(f);

	while (d->head.next != &d->head) {
		struct waiting *w = d->head.next;

		sluice_timer_cancel(f, &w->timer);
		take_out(w);
	}
	free(d);
}

static int delay_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
			     const union sluice_value *values, struct sluice_error *err)
{
	if (phase == SLUICE_COMMIT)
		set_values(sluice_state(f), values);
	return 0;
}

static void delay_drain(struct sluice_filter *f, bool begin)
{
	struct delay *d = sluice_state(f);

	while (begin && d->head.next != &d->head)
		let_go(d->head.next);
}

static void timer_fired(struct sluice_timer *t)
{
	sluice_resume(take_out(t->ctx));
}

static uint64_t wait_us(struct sluice_filter *f, const struct delay *d, uint8_t op)
{
	uint64_t us = d->us[op], swing_us = us * d->jitter_pct / 100;

	return swing_us == 0 ? us : us - swing_us + sluice_random_u64(f) % (2 * swing_us + 1);
}

static enum sluice_verdict delay_submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct delay *d = sluice_state(f);
	struct waiting *w = sluice_io_ctx(f, io);
	uint64_t us = wait_us(f, d, io->op);

	if (us == 0)
		return SLUICE_PASS;
	w->token = sluice_defer(f, io, (uint32_t)(us / 1000) + SPARE_MS);
	if (!w->token)
		return SLUICE_PASS; /* the chain drains */
	w->f = f;
	w->timer.fn = timer_fired;
	w->timer.ctx = w;
	w->prev = d->head.prev;
	w->next = &d->head;
	w->prev->next = w->next->prev = w;
	d->held++;
	d->delayed++;
	sluice_timer_set(f, &w->timer, sluice_now_ns(f) + us * 1000);
	return SLUICE_DEFER;
}

static void delay_abort(struct sluice_filter *f, struct sluice_io *io)
{
	let_go(sluice_io_ctx(f, io));
}

static size_t delay_status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct delay *d = sluice_state(f);

	return (size_t)snprintf(json, size_bytes, "{\"delayed\":%" PRIu64 ",\"held\":%u}",
				d->delayed, d->held);
}

static const struct sluice_filter_ops delay_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(delay_ops),
    .name = "delay",
    .version = "1",
    .help = "Makes I/O wait.",
    .cls = SLUICE_CLASS_DATA_PROVIDER,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .io_ctx_bytes = sizeof(struct waiting),
    .params = delay_params,
    .param_count = PARAM_COUNT,
    .attach = delay_attach,
    .detach = delay_detach,
    .reconfigure = delay_reconfigure,
    .drain = delay_drain,
    .submit = delay_submit,
    .abort = delay_abort,
    .status = delay_status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &delay_ops;
}
