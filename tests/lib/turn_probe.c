/* SPDX-License-Identifier: MIT */
/*
 * turn_probe.c - a scheduler for tests that lets the appliance's own I/O wait until it is told, and
 * never an initiator's: so that something in the background is under way for certain.
 *
 *   hold    from now on what comes in the background waits
 *   step    the first of them goes
 *   go      all go, and nothing waits any more
 *   status  {"held": N}
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/filter.h"

#define HELD_MAX    64u
#define DEADLINE_MS 600000u

struct probe {
	struct sluice_token *held[HELD_MAX];
	uint32_t count;
	bool is_holding;
};

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	sluice_state_set(f, p);
	return 0;
}

static void detach(struct sluice_filter *f)
{
	free(sluice_state(f));
}

static void let_go(struct probe *p, uint32_t count)
{
	struct sluice_token *t;

	for (; count > 0 && p->count > 0; count--) {
		t = p->held[0];
		memmove(p->held, p->held + 1, --p->count * sizeof(*p->held));
		sluice_resume(t);
	}
}

static void drain(struct sluice_filter *f, bool begin)
{
	if (begin)
		let_go(sluice_state(f), HELD_MAX);
}

static enum sluice_verdict submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct probe *p = sluice_state(f);
	struct sluice_token *t;

	if (!p->is_holding || !(io->flags & SLUICE_IO_OWN) || (io->flags & SLUICE_IO_URGENT) ||
	    p->count == HELD_MAX)
		return SLUICE_PASS;
	t = sluice_defer(f, io, DEADLINE_MS);
	if (!t)
		return SLUICE_PASS;
	p->held[p->count++] = t;
	return SLUICE_DEFER;
}

static void on_abort(struct sluice_filter *f, struct sluice_io *io)
{
	struct probe *p = sluice_state(f);

	for (uint32_t i = 0; i < p->count; i++) {
		struct sluice_token *t = p->held[i];

		if (sluice_token_io(t) != io)
			continue;
		memmove(p->held + i, p->held + i + 1, (--p->count - i) * sizeof(*p->held));
		sluice_resume(t);
		return;
	}
}

static int command(struct sluice_filter *f, const struct sluice_command *cmd,
		   struct sluice_error *err)
{
	struct probe *p = sluice_state(f);

	if (strcmp(cmd->name, "hold") == 0) {
		p->is_holding = true;
		return 0;
	}
	if (strcmp(cmd->name, "step") == 0) {
		let_go(p, 1);
		return 0;
	}
	if (strcmp(cmd->name, "go") == 0) {
		p->is_holding = false;
		let_go(p, HELD_MAX);
		return 0;
	}
	snprintf(err->text, sizeof(err->text), "there is no command '%s'", cmd->name);
	return -EINVAL;
}

static size_t status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct probe *p = sluice_state(f);

	return (size_t)snprintf(json, size_bytes, "{\"held\": %u}", p->count);
}

static const struct sluice_filter_ops ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(ops),
    .name = "turn_probe",
    .version = "1",
    .help = "For tests: holds what the appliance does in the background.",
    .cls = SLUICE_CLASS_IO_CONTROL,
    .op_mask = SLUICE_OPS_ALL,
    .attach = attach,
    .detach = detach,
    .drain = drain,
    .submit = submit,
    .abort = on_abort,
    .command = command,
    .status = status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &ops;
}
