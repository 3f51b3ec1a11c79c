/* SPDX-License-Identifier: MIT */
/*
 * passthru.c - the filter that does nothing: the one to copy from.
 *
 * It counts what goes by. It is built once for each class, so that a chain can be filled with it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sluice/filter.h"

#ifndef PASSTHRU_CLASS
#define PASSTHRU_CLASS SLUICE_CLASS_INSPECTION
#define PASSTHRU_NAME  "passthru"
#endif

struct passthru { /* one per volume; only its worker touches it, so it needs no lock */
	uint64_t down, up;
};

static int passthru_attach(struct sluice_filter *f, const union sluice_value *values,
			   struct sluice_error *err)
{
	struct passthru *p = calloc(1, sizeof(*p));

	if (!p) {
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	sluice_state_set(f, p);
	return 0;
}

static void passthru_detach(struct sluice_filter *f)
{
	free(sluice_state(f));
}

static enum sluice_verdict passthru_submit(struct sluice_filter *f, struct sluice_io *io)
{
	((struct passthru *)sluice_state(f))->down++;
	return SLUICE_PASS;
}

static enum sluice_verdict passthru_done(struct sluice_filter *f, struct sluice_io *io)
{
	((struct passthru *)sluice_state(f))->up++;
	return SLUICE_PASS;
}

static size_t passthru_status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct passthru *p = sluice_state(f);

	return (size_t)snprintf(json, size_bytes, "{\"down\":%" PRIu64 ",\"up\":%" PRIu64 "}",
				p->down, p->up);
}

static const struct sluice_filter_ops passthru_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(passthru_ops),
    .name = PASSTHRU_NAME,
    .version = "1",
    .help = "Passes every I/O and counts it.",
    .cls = PASSTHRU_CLASS,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .attach = passthru_attach,
    .detach = passthru_detach,
    .submit = passthru_submit,
    .done = passthru_done,
    .status = passthru_status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &passthru_ops;
}
