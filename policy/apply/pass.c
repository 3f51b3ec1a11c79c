/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "apply_failures.h"
#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "json.h"
#include "log.h"
#include "planner.h"
#include "store_link.h"

/* ---------------------------------------------------------------- what tgtd was given
 * In a file beside the database and not in it: a database that is restored from a backup must not
 * bring along what an earlier tgtd, or this one earlier, had.
 */

#define MEMORY_MAX (8u << 20)

static int memory_load(struct pass *p, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int n = snprintf(p->memory_path, sizeof(p->memory_path), "%s-tgtd", p->cfg->db_path);

	if (n < 0 || (size_t)n >= sizeof(p->memory_path))
		return err_set(err, ENAMETOOLONG, "", "the database's path is too long: %s",
			       p->cfg->db_path);
	if (durable_read(p->memory_path, MEMORY_MAX, &text, &len, err) == 0)
		p->memory = json_parse(text, len, p->memory_path, err);
	if (p->memory)
		observer_remember(&p->observer, p->memory);
	return 0; /* without it all is given again */
}

static void memory_save(struct pass *p)
{
	cleanup_json json_t *memory = observer_memory(&p->observer);
	cleanup_free char *text = NULL;
	struct err err;

	if (!memory || json_equal(memory, p->memory))
		return;
	text = json_dumps(memory, JSON_COMPACT);
	if (text && durable_write(p->memory_path, text, strlen(text), &err) < 0)
		log_warn("after a restart tgtd will be given all CHAP secrets again: %s", err.text);
	json_decref(p->memory);
	p->memory = json_deep_copy(memory); /* apply goes on changing what memory is made of */
}

/* ---------------------------------------------------------------- life */

int pass_init(struct pass *p, const struct apply_cfg *cfg, bool (*must_stop)(void *ctx),
	      void (*wake)(void *ctx), void *ctx, struct err *err)
{
	int rc;

	*p = (struct pass){.cfg = cfg,
			   .must_stop = must_stop,
			   .ctx = ctx,
			   .failures = json_object(),
			   .done = json_object(),
			   .running = json_object()};
	slow_steps_init(&p->slow, cfg->filterd_socket, wake, ctx);
	if (!p->failures || !p->done || !p->running)
		return err_set(err, ENOMEM, "", "no memory for the reconciler");
	rc = store_open(cfg->db_path, cfg->backup_dir, false, &p->store, err);
	if (rc == 0)
		rc = observer_init(&p->observer, cfg, err);
	if (rc == 0)
		rc = outcome_init(&p->outcome, p->store, cfg, err);
	if (rc == 0)
		rc = memory_load(p, err);
	return rc;
}

void pass_fini(struct pass *p)
{
	json_t *const all[] = {p->failures,  p->running, p->steps, p->problems,
			       p->strangers, p->done,    p->memory};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_decref(all[i]);
	slow_steps_fini(&p->slow);
	outcome_fini(&p->outcome);
	if (p->observer.secrets)
		observer_fini(&p->observer);
	if (p->store)
		store_close(p->store);
}

void pass_round_begin(struct pass *p)
{
	json_object_clear(p->done);
	p->round_ms = clock_wall_ms();
	p->round_steps = 0;
}

/* ---------------------------------------------------------------- look and plan */

static void replace(json_t **slot, json_t *fresh)
{
	json_decref(*slot);
	*slot = fresh;
}

/* Done by the last pass, and to be done again: it has had no effect yet. */
static void note_repeated(struct pass *p)
{
	uint64_t now_ns = clock_now_ns();
	const json_t *step;
	size_t i;

	if (!json_object_size(p->done))
		return;
	json_array_foreach(p->steps, i, step)
	{
		cleanup_free char *text = json_dumps(step, JSON_COMPACT | JSON_SORT_KEYS);
		char key[FAILURES_KEY_BYTES];
		struct err err;

		if (!text || !json_object_get(p->done, text))
			continue;
		failures_key(step, key);
		err_set(&err, EAGAIN, "", "%s: asked for, and not seen to be done yet",
			apply_text(step, "text"));
		failures_add(p->failures, key, &err, now_ns);
	}
}

static int look_and_plan(struct pass *p, const json_t *desired, struct err *err)
{
	json_t *running = observer_observe(&p->observer);

	if (!running)
		return err_set(err, ENOMEM, "", "no memory for what the daemons say");
	replace(&p->running, running);
	replace(&p->steps, planner_steps(desired, running, p->cfg->iqn_base));
	replace(&p->problems, planner_problems(desired, running));
	replace(&p->strangers, planner_strangers(desired, running));
	if (!p->steps || !p->problems || !p->strangers)
		return err_set(err, ENOMEM, "", "no memory for a plan");
	failures_keep(p->failures, p->steps);
	note_repeated(p);
	json_object_clear(p->done);
	return 0;
}

/* ---------------------------------------------------------------- do */

struct doing {
	struct apply apply;
	json_t *failed;  /* {"volume/web-1": true}: in this pass */
	json_t *created; /* {volume: true}: made and not in the database yet */
	bool is_gone[2]; /* enum apply_daemon: it went away in this pass */
	uint32_t tried;
};

static bool is_gone(enum apply_daemon daemon, const struct err *err)
{
	if (err->code == ETIMEDOUT) /* of one request; whether it is down the next look says */
		return false;
	return daemon == APPLY_FILTERD ? filterd_is_gone(err) : tgt_client_is_gone(err);
}

/* What it stands on could not be made: it fails for the same reason. */
static bool lacks_ground(const struct pass *p, const json_t *step, struct err *err)
{
	const char *datastore = apply_text(json_object_get(step, "arguments"), "datastore");
	char key[FAILURES_KEY_BYTES];
	bool is_final;

	if (!*datastore)
		return false;
	snprintf(key, sizeof(key), "datastore/%s", datastore);
	if (!failures_get(p->failures, key, err, &is_final))
		return false;
	err_prefix(err, "datastore %s", datastore);
	return true;
}

static bool must_skip(const struct pass *p, const struct doing *d, const json_t *step,
		      const char *key)
{
	const char *name = apply_text(step, "step");
	int daemon = apply_daemon(name);

	if (daemon >= 0 && d->is_gone[daemon])
		return true;
	if (json_object_get(d->failed, key))
		return !apply_withdraws(name);
	/* It serves meanwhile, so hosts may come and go; and closing ends what is under way. */
	if (daemon == APPLY_FILTERD && slow_steps_has(&p->slow, key))
		return strcmp(name, "volume.close") != 0;
	return failures_waits(p->failures, key, clock_now_ns());
}

static void note_done(struct pass *p, const json_t *step)
{
	cleanup_free char *text = json_dumps(step, JSON_COMPACT | JSON_SORT_KEYS);

	p->round_steps++;
	if (text)
		json_object_set_new(p->done, text, json_true());
}

static void succeeded(struct pass *p, struct doing *d, const json_t *step)
{
	note_done(p, step);
	if (strcmp(apply_text(step, "step"), "volume.create") == 0)
		json_object_set_new(d->created, apply_text(step, "object_name"), json_true());
	log_debug("reconciler: %s", apply_text(step, "text"));
}

static void failed(struct pass *p, struct doing *d, const json_t *step, const char *key,
		   const struct err *err)
{
	int daemon = apply_daemon(apply_text(step, "step"));

	if (daemon >= 0 && is_gone((enum apply_daemon)daemon, err)) {
		d->is_gone[daemon] = true;
		return;
	}
	json_object_set_new(d->failed, key, json_true());
	failures_add(p->failures, key, err, clock_now_ns());
	log_info("reconciler: %s: %s", apply_text(step, "text"), err->text);
}

/* Nobody may write to a volume before the database knows that it exists. */
static int note_created(struct pass *p, struct doing *d, const char *step, struct err *err)
{
	int rc;

	if (!json_object_size(d->created) || strcmp(step, "lun.create") != 0)
		return 0;
	rc = outcome_created(&p->outcome, d->apply.desired, d->created, err);
	json_object_clear(d->created);
	return rc;
}

/* A slow one has ended since the last pass. */
static void slow_ended(void *ctx, const char *key, const json_t *step, const struct err *err)
{
	struct pass *p = ctx;

	if (!err)
		note_done(p, step);
	else if (!is_gone(APPLY_FILTERD, err))
		failures_add(p->failures, key, err, clock_now_ns());
	log_info("reconciler: %s: %s", apply_text(step, "text"), err ? err->text : "done");
}

/* 0, SLOW_STEPS_GO_ON or -errno. */
static int do_step(struct pass *p, struct doing *d, const json_t *step, const char *key,
		   struct err *err)
{
	*err = (struct err){0};
	if (lacks_ground(p, step, err))
		return -err->code;
	if (slow_steps_is(p->running, step))
		return slow_steps_run(&p->slow, key, step, err);
	return apply_step(&d->apply, step, err);
}

static int do_steps(struct pass *p, struct doing *d, struct err *err)
{
	const json_t *step;
	size_t i;

	json_array_foreach(p->steps, i, step)
	{
		char key[FAILURES_KEY_BYTES];
		struct err refusal;
		int rc;

		if (p->must_stop(p->ctx))
			return 0;
		failures_key(step, key);
		if (must_skip(p, d, step, key))
			continue;
		rc = note_created(p, d, apply_text(step, "step"), err);
		if (rc < 0)
			return rc;
		rc = do_step(p, d, step, key, &refusal);
		if (rc == SLOW_STEPS_GO_ON)
			continue;
		d->tried++;
		if (rc < 0)
			failed(p, d, step, key, &refusal);
		else
			succeeded(p, d, step);
	}
	return 0;
}

static int carry_out(struct pass *p, const json_t *desired, uint32_t *tried, struct err *err)
{
	struct doing d = {.apply = {.cfg = p->cfg,
				    .filterd = &p->observer.filterd_client,
				    .tgt = &p->observer.tgt_client,
				    .desired = desired,
				    .secrets = p->observer.secrets},
			  .failed = json_object(),
			  .created = json_object()};
	int rc = apply_begin(&d.apply, p->running, err);

	if (rc == 0)
		rc = do_steps(p, &d, err);
	apply_end(&d.apply);
	json_decref(d.failed);
	json_decref(d.created);
	*tried = d.tried;
	return rc;
}

/* ---------------------------------------------------------------- a pass */

static int note(struct pass *p, const json_t *desired, const json_t *tasks, struct err *err)
{
	cleanup_json json_t *slow = slow_steps_texts(&p->slow, &p->observer.filterd_client);
	struct outcome_view v = {.observer = &p->observer,
				 .desired = desired,
				 .running = p->running,
				 .steps = p->steps,
				 .problems = p->problems,
				 .tasks = tasks,
				 .failures = p->failures,
				 .slow = slow};

	memory_save(p);
	return outcome_note(&p->outcome, &v, err);
}

enum pass_result pass_run(struct pass *p, struct err *err)
{
	/* Tasks first: the desired state that is read after them has what they are about. */
	cleanup_json json_t *tasks = outcome_open_tasks(&p->outcome, err);
	cleanup_json json_t *desired = tasks ? store_desired(p->store, err) : NULL;
	uint32_t tried = 0;

	slow_steps_reap(&p->slow, slow_ended, p);
	if (!desired || look_and_plan(p, desired, err) < 0)
		return PASS_FAILED;
	if (note(p, desired, tasks, err) < 0 || carry_out(p, desired, &tried, err) < 0)
		return PASS_FAILED;
	return tried || p->outcome.has_removed ? PASS_AGAIN : PASS_DONE;
}

/* ---------------------------------------------------------------- health */

static json_t *daemon_health(const struct observer_daemon *d)
{
	return json_pack("{s:b, s:I, s:s}", "is_up", d->is_up, "since_ms", (json_int_t)d->since_ms,
			 "text", d->text);
}

/* Objects that are not as wanted yet. */
static json_int_t pending(const struct pass *p)
{
	json_t *objects = json_object();
	char key[FAILURES_KEY_BYTES];
	const json_t *step;
	json_int_t count;
	size_t i;

	json_array_foreach(p->steps, i, step)
	{
		failures_key(step, key);
		json_object_set_new(objects, key, json_true());
	}
	count = (json_int_t)json_object_size(objects);
	json_decref(objects);
	return count;
}

/* The planner's, and what was refused. */
static json_t *all_problems(const struct pass *p)
{
	json_t *all = p->problems ? json_copy(p->problems) : json_array();
	const char *key;
	json_t *f;

	json_object_foreach(p->failures, key, f)
	{
		const char *slash = strchr(key, '/');

		if (slash && json_is_true(json_object_get(f, "is_final")))
			json_array_append_new(all, json_pack("{s:s%, s:s, s:O}", "object_type", key,
							     (size_t)(slash - key), "object_name",
							     slash + 1, "text",
							     json_object_get(f, "text")));
	}
	return all;
}

json_t *pass_health(const struct pass *p)
{
	return json_pack(
	    "{s:o, s:o, s:I, s:i, s:I, s:o, s:o}", "filterd", daemon_health(&p->observer.filterd),
	    "tgtd", daemon_health(&p->observer.tgtd), "last_round_ms", (json_int_t)p->round_ms,
	    "last_round_steps", (int)p->round_steps, "pending", pending(p), "problems",
	    all_problems(p), "strangers", p->strangers ? json_incref(p->strangers) : json_array());
}
