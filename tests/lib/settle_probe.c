/* SPDX-License-Identifier: MIT */
/*
 * settle_probe.c - a filter for tests that behaves as one with dirty data does: what is written
 * counts as dirty until it is settled, which takes its time; it keeps a sidecar and a file of its
 * own, and has commands.
 *
 *   size    the length of what comes with the command's descriptor: {"bytes": N}
 *   wait    ends when "settle_ms" are over
 *   put     keeps a secret; get says its length
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/filter.h"

#define NS_PER_MS 1000000ull

enum { SETTLE_MS, IS_REFUSING, KEEPS, PARAM_COUNT };

static const struct sluice_param params[PARAM_COUNT] = {
    [SETTLE_MS] = {.name = "settle_ms",
		   .type = SLUICE_TYPE_U64,
		   .unit = "ms",
		   .max = 1000000,
		   .help = "Settling takes so long."},
    [IS_REFUSING] = {.name = "is_refusing",
		     .type = SLUICE_TYPE_BOOL,
		     .unit = "",
		     .help = "It does not settle."},
    [KEEPS] = {.name = "keeps",
	       .type = SLUICE_TYPE_STRING,
	       .unit = "",
	       .max = 200,
	       .def_string = "",
	       .help = "A file that it keeps while the volume exists."},
};

struct probe {
	struct sluice_filter *f;
	struct sluice_timer settle_timer, wait_timer;
	uint64_t settle_ms, dirty_bytes;
	bool is_refusing;
	char keeps[208];
};

static int touch(const char *path, struct sluice_error *err)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0) {
		snprintf(err->text, sizeof(err->text), "%.200s: %s", path, strerror(errno));
		return -EIO;
	}
	close(fd);
	return 0;
}

static void take(struct probe *p, const union sluice_value *values)
{
	p->settle_ms = values[SETTLE_MS].u64;
	p->is_refusing = values[IS_REFUSING].u64;
	snprintf(p->keeps, sizeof(p->keeps), "%s", values[KEEPS].string);
}

static void is_settled(struct sluice_timer *t)
{
	struct probe *p = t->ctx;

	p->dirty_bytes = 0;
	sluice_settled(p->f, 0, NULL);
}

static void is_over(struct sluice_timer *t)
{
	struct probe *p = t->ctx;

	sluice_command_done(p->f, 0, "{\"waited\": true}", NULL);
}

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	struct probe *p = calloc(1, sizeof(*p));
	char path[4096];
	int r;

	if (!p)
		return -ENOMEM;
	p->f = f;
	p->settle_timer = (struct sluice_timer){.fn = is_settled, .ctx = p};
	p->wait_timer = (struct sluice_timer){.fn = is_over, .ctx = p};
	take(p, values);
	r = sluice_sidecar_path(f, "probe", path, sizeof(path));
	if (r == 0)
		r = touch(path, err);
	if (r == 0 && p->keeps[0])
		r = touch(p->keeps, err);
	if (r < 0) {
		free(p);
		return r;
	}
	sluice_state_set(f, p);
	return 0;
}

static void detach(struct sluice_filter *f)
{
	struct probe *p = sluice_state(f);

	sluice_timer_cancel(f, &p->settle_timer);
	sluice_timer_cancel(f, &p->wait_timer);
	free(p);
}

static int reconfigure(struct sluice_filter *f, enum sluice_phase phase,
		       const union sluice_value *values, struct sluice_error *err)
{
	if (phase == SLUICE_COMMIT)
		take(sluice_state(f), values);
	return 0;
}

static int event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		 struct sluice_error *err)
{
	struct probe *p = sluice_state(f);

	if (ev->kind == SLUICE_EVENT_DELETE && phase == SLUICE_COMMIT && p->keeps[0])
		unlink(p->keeps);
	return 0;
}

static int settle(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err)
{
	struct probe *p = sluice_state(f);

	if (phase == SLUICE_SETTLE_END) {
		sluice_timer_cancel(f, &p->settle_timer);
		return 0;
	}
	if (p->is_refusing) {
		snprintf(err->text, sizeof(err->text), "%llu bytes cannot be brought down",
			 (unsigned long long)p->dirty_bytes);
		return -EIO;
	}
	sluice_timer_set(f, &p->settle_timer, sluice_now_ns(f) + p->settle_ms * NS_PER_MS);
	return SLUICE_PENDING;
}

static int command(struct sluice_filter *f, const struct sluice_command *cmd,
		   struct sluice_error *err)
{
	struct probe *p = sluice_state(f);
	char text[256];
	size_t len = 0;
	ssize_t n = cmd->fd < 0 ? 0 : read(cmd->fd, text, sizeof(text));
	int r;

	if (strcmp(cmd->name, "wait") == 0) {
		sluice_timer_set(f, &p->wait_timer, sluice_now_ns(f) + p->settle_ms * NS_PER_MS);
		return SLUICE_PENDING;
	}
	if (strcmp(cmd->name, "size") == 0 && n > 0) {
		snprintf(cmd->reply_json, cmd->reply_bytes, "{\"bytes\": %zd, \"args\": %s}", n,
			 cmd->args_json);
		return 0;
	}
	if (strcmp(cmd->name, "put") == 0 && n > 0)
		return sluice_key_put(f, "secret", text, (size_t)n);
	if (strcmp(cmd->name, "get") == 0) {
		r = sluice_key_get(f, "secret", text, sizeof(text), &len);
		if (r == 0)
			snprintf(cmd->reply_json, cmd->reply_bytes, "{\"bytes\": %zu}", len);
		return r;
	}
	snprintf(err->text, sizeof(err->text), "there is no command '%s', or nothing came with it",
		 cmd->name);
	return -EINVAL;
}

static enum sluice_verdict submit(struct sluice_filter *f, struct sluice_io *io)
{
	struct probe *p = sluice_state(f);

	if (io->op == SLUICE_OP_WRITE)
		p->dirty_bytes += io->len_bytes;
	return SLUICE_PASS;
}

static void figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	const struct probe *p = sluice_state(f);

	sum->dirty_bytes += p->dirty_bytes;
	if (p->dirty_bytes)
		sum->state = "dirty";
}

static const struct sluice_filter_ops ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(ops),
    .name = "settle_probe",
    .version = "1",
    .help = "For tests: has dirty data, a sidecar and commands.",
    .cls = SLUICE_CLASS_CACHE,
    .op_mask = SLUICE_OPS_ALL,
    .params = params,
    .param_count = PARAM_COUNT,
    .attach = attach,
    .detach = detach,
    .reconfigure = reconfigure,
    .event = event,
    .settle = settle,
    .command = command,
    .submit = submit,
    .figures = figures,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &ops;
}
