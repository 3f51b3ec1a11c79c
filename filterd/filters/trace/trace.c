/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the last I/Os of a volume and how many there were, to be read in its status.
 *
 * It writes down each I/O when it comes up again, into a ring that is allocated when attached; so
 * it costs one record per I/O and no memory later.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sluice/filter.h"

struct record {
	uint64_t id, nexus_id, offset_bytes, len_bytes, latency_us;
	uint8_t op, status;
	uint16_t flags;
};

struct trace {
	uint64_t ios[SLUICE_OP_COUNT];
	uint64_t errors[SLUICE_OP_COUNT];
	uint64_t count; /* records written; the ring holds the last entries of them */
	uint64_t entries;
	struct record ring[];
};

static const char *const op_names[SLUICE_OP_COUNT] = {"read",  "write",        "flush",
						      "unmap", "write_zeroes", "extent"};

static const struct sluice_param trace_params[] = {
    {.name = "entries",
     .type = SLUICE_TYPE_U64,
     .unit = "",
     .min = 1,
     .max = 65536,
     .def = 128,
     .help = "How many of the last I/Os are kept."},
};

static int trace_attach(struct sluice_filter *f, const union sluice_value *values,
			struct sluice_error *err)
{
	struct trace *t = calloc(1, sizeof(*t) + values[0].u64 * sizeof(t->ring[0]));

	if (!t) {
		snprintf(err->field, sizeof(err->field), "entries");
		snprintf(err->text, sizeof(err->text), "no memory for %" PRIu64 " entries",
			 values[0].u64);
		return -ENOMEM;
	}
	t->entries = values[0].u64;
	sluice_state_set(f, t);
	return 0;
}

static void trace_detach(struct sluice_filter *f)
{
	free(sluice_state(f));
}

static enum sluice_verdict trace_done(struct sluice_filter *f, struct sluice_io *io)
{
	struct trace *t = sluice_state(f);
	struct record *r = &t->ring[t->count++ % t->entries];

	t->ios[io->op]++;
	t->errors[io->op] += io->status != SLUICE_OK;
	r->id = io->id;
	r->nexus_id = io->nexus_id;
	r->offset_bytes = io->offset_bytes;
	r->len_bytes = io->len_bytes;
	r->latency_us = (sluice_now_ns(f) - io->start_ns) / 1000;
	r->op = io->op;
	r->status = io->status;
	r->flags = io->flags;
	return SLUICE_PASS;
}

/* ---------------------------------------------------------------- status */

struct text {
	char *at;
	size_t room, used;
};

/* False, and nothing added, when it does not fit with some room for what closes the object. */
#define TEXT_TAIL_BYTES 8u
static bool text_add(struct text *t, const char *s, int n)
{
	if (n < 0 || t->used + (size_t)n + TEXT_TAIL_BYTES > t->room)
		return false;
	for (int i = 0; i < n; i++)
		t->at[t->used++] = s[i];
	return true;
}

static bool add_counts(const struct trace *t, struct text *out)
{
	char s[160];

	for (int op = 0; op < SLUICE_OP_COUNT; op++) {
		int n =
		    snprintf(s, sizeof(s), "%s\"%s\":{\"ios\":%" PRIu64 ",\"errors\":%" PRIu64 "}",
			     op ? "," : "{\"ops\":{", op_names[op], t->ios[op], t->errors[op]);

		if (!text_add(out, s, n))
			return false;
	}
	return text_add(out, "},\"last\":[", 10);
}

static bool add_record(const struct record *r, bool is_first, struct text *out)
{
	char s[320];
	int n = snprintf(s, sizeof(s),
			 "%s{\"id\":%" PRIu64 ",\"op\":\"%s\",\"offset_bytes\":%" PRIu64
			 ",\"len_bytes\":%" PRIu64 ",\"status\":%u,\"flags\":%u,\"nexus\":%" PRIu64
			 ",\"latency_us\":%" PRIu64 "}",
			 is_first ? "" : ",", r->id, op_names[r->op], r->offset_bytes, r->len_bytes,
			 (unsigned)r->status, (unsigned)r->flags, r->nexus_id, r->latency_us);

	return text_add(out, s, n);
}

/* Newest first, as many as there is room for. */
static size_t trace_status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	const struct trace *t = sluice_state(f);
	uint64_t kept = t->count < t->entries ? t->count : t->entries;
	struct text out = {.at = json, .room = size_bytes};

	if (!add_counts(t, &out))
		return (size_t)snprintf(json, size_bytes, "{}");
	for (uint64_t i = 1; i <= kept; i++) {
		if (!add_record(&t->ring[(t->count - i) % t->entries], i == 1, &out))
			break;
	}
	return out.used + (size_t)snprintf(json + out.used, size_bytes - out.used, "]}");
}

static const struct sluice_filter_ops trace_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(trace_ops),
    .name = "trace",
    .version = "1",
    .help = "Keeps the last I/Os and counts them by op.",
    .cls = SLUICE_CLASS_INSPECTION,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .params = trace_params,
    .param_count = sizeof(trace_params) / sizeof(trace_params[0]),
    .attach = trace_attach,
    .detach = trace_detach,
    .done = trace_done,
    .status = trace_status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &trace_ops;
}
