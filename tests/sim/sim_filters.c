/* SPDX-License-Identifier: MIT */
#include "sim_filters.h"

#include <assert.h>
#include <stdlib.h>

#include "list.h"

#define DEADLINE_MS 2000u

/* Per filter and volume. */
struct state {
	struct list_node held;
};

/* Per I/O. */
struct held {
	struct sluice_timer timer;
	struct sluice_token *token;
	struct list_node node;
};

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	struct state *s = calloc(1, sizeof(*s));

	assert(s);
	list_init(&s->held);
	sluice_state_set(f, s);
	return 0;
}

static void detach(struct sluice_filter *f)
{
	struct state *s = sluice_state(f);

	assert(list_is_empty(&s->held));
	free(s);
}

static void resume(struct sluice_timer *t)
{
	struct held *h = t->ctx;

	list_del(&h->node);
	sluice_resume(h->token);
}

static enum sluice_verdict perhaps_defer(struct sluice_filter *f, struct sluice_io *io)
{
	struct state *s = sluice_state(f);
	struct held *h = sluice_io_ctx(f, io);
	uint64_t chance = sluice_random_u64(f);

	if (chance % 4 != 0)
		return SLUICE_PASS;
	h->token = sluice_defer(f, io, DEADLINE_MS);
	if (!h->token)
		return SLUICE_PASS;
	h->timer = (struct sluice_timer){.fn = resume, .ctx = h};
	list_push_back(&s->held, &h->node);
	sluice_timer_set(f, &h->timer, sluice_now_ns(f) + chance / 4 % 300000);
	return SLUICE_DEFER;
}

static void drain(struct sluice_filter *f, bool begin)
{
	struct state *s = sluice_state(f);
	struct list_node all, *n;

	list_init(&all);
	if (begin)
		list_splice_back(&all, &s->held);
	while ((n = list_pop_front(&all))) {
		struct held *h = list_entry(n, struct held, node);

		sluice_timer_cancel(f, &h->timer);
		sluice_resume(h->token);
	}
}

#define FILTER(filter_name, filter_class)                                                          \
	{                                                                                          \
		.abi = SLUICE_SDK_ABI, .struct_bytes = sizeof(struct sluice_filter_ops),           \
		.name = filter_name, .version = "1", .help = "Defers by chance.",                  \
		.cls = filter_class, .op_mask = SLUICE_OPS_ALL,                                    \
		.flags = SLUICE_FILTER_TRANSPARENT, .io_ctx_bytes = sizeof(struct held),           \
		.attach = attach, .detach = detach, .drain = drain, .submit = perhaps_defer,       \
		.done = perhaps_defer,                                                             \
	}

const struct sluice_filter_ops sim_filters[SIM_FILTERS] = {
    FILTER("sim_top", SLUICE_CLASS_INSPECTION),
    FILTER("sim_middle", SLUICE_CLASS_CACHE),
    FILTER("sim_bottom", SLUICE_CLASS_IO_CONTROL),
};
