/* SPDX-License-Identifier: MIT */
/*
 * wait.c - following a task until it ends. On a terminal one line changes in place, elsewhere each
 * new text is a line of its own, so that a log stays readable.
 */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "print.h"
#include "value.h"

#define STEP_MIN_MS 50u
#define STEP_MAX_MS 1000u

struct waiting {
	struct cli *c;
	char shown[VALUE_BYTES_MAX];
	bool is_terminal, has_line;
};

static const char *text_of(const json_t *task, const char *member)
{
	const char *text = json_string_value(json_object_get(task, member));

	return text ? text : "";
}

/* "volume.create web-1", or the kind alone where nothing has a name. */
static void title(const json_t *task, char *text, size_t text_bytes)
{
	const char *name = text_of(task, "object_name");

	snprintf(text, text_bytes, "%s%s%s", text_of(task, "kind"), name[0] ? " " : "", name);
}

static void progress(struct waiting *w, const json_t *task)
{
	char line[VALUE_BYTES_MAX];
	const char *text = text_of(task, "text");
	char what[VALUE_BYTES_MAX / 2];

	if (w->c->is_json)
		return;
	title(task, what, sizeof(what));
	snprintf(line, sizeof(line), "%s: %lld%%%s%s", what,
		 (long long)json_integer_value(json_object_get(task, "progress_pct")),
		 text[0] ? ", " : "", text);
	value_tame(line);
	if (strcmp(line, w->shown) == 0 || (!w->is_terminal && !text[0]))
		return;
	snprintf(w->shown, sizeof(w->shown), "%s", line);
	fprintf(w->c->log, w->is_terminal ? "\r\033[K%.110s" : "%s\n", line);
	fflush(w->c->log);
	w->has_line = w->is_terminal;
}

/* CLI_OK, CLI_REFUSED; -1: it goes on. */
static int verdict(struct waiting *w, int64_t task_id, const json_t *task)
{
	const char *state = text_of(task, "state");
	char what[VALUE_BYTES_MAX / 2];

	if (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0)
		return -1;
	if (w->has_line)
		fputs("\r\033[K", w->c->log);
	title(task, what, sizeof(what));
	if (strcmp(state, "succeeded") == 0) {
		if (!w->c->is_json)
			print_line(w->c->out, "%s: done", what);
		return CLI_OK;
	}
	print_line(w->c->log, "sluice: %s: %s", what,
		   text_of(task, "error_text")[0] ? text_of(task, "error_text") : state);
	fprintf(w->c->log, "  'sluice task show %lld' tells the steps.\n", (long long)task_id);
	return CLI_REFUSED;
}

static int given_up(struct waiting *w, int64_t task_id)
{
	if (w->has_line)
		fputc('\n', w->c->log);
	fprintf(w->c->log,
		"sluice: task %lld still goes on after %llu s. What you asked for is kept and will "
		"be done.\n  'sluice task show %lld' tells how it goes, 'sluice status' what is "
		"down.\n",
		(long long)task_id, (unsigned long long)w->c->wait_limit_s, (long long)task_id);
	return CLI_REFUSED;
}

int wait_task(struct cli *c, int64_t task_id)
{
	struct waiting w = {.c = c, .is_terminal = isatty(fileno(c->log)) == 1};
	uint64_t end_ns = clock_now_ns() + c->wait_limit_s * CLOCK_NS_PER_S;
	int step_ms = STEP_MIN_MS, rc;
	char path[64];

	snprintf(path, sizeof(path), "/tasks/%lld", (long long)task_id);
	for (;;) {
		json_t *task = run_get(c, path, false, &rc);

		if (!task)
			return rc;
		rc = verdict(&w, task_id, task);
		if (rc < 0 && c->wait_limit_s && clock_now_ns() >= end_ns)
			rc = given_up(&w, task_id);
		if (rc < 0)
			progress(&w, task);
		json_decref(task);
		if (rc >= 0)
			return rc;
		poll(NULL, 0, step_ms);
		step_ms = step_ms * 3 / 2 < (int)STEP_MAX_MS ? step_ms * 3 / 2 : (int)STEP_MAX_MS;
	}
}
