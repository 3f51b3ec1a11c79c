/* SPDX-License-Identifier: MIT */
/*
 * manager_snapshot.c - snapshots of one volume or of several at one point, whatever workers and
 * datastores they are on.
 *
 *   main:    prepare to all ──▶ hold to all ──▶ record ──▶ release to all ──▶ record removed
 *                  └── one fails ──▶ cancel to the others ──▶ its sentence
 *
 * The record, one file in the folder "groups", is the decision: a volume that is opened with a
 * pending snapshot carries it out if its group's record is there, and undoes it if not. All are
 * held when it is written, and nobody's I/O goes on before it is durable; so a kill at any moment
 * leaves all of the group or none of it. A record whose members could not all say so stays, and is
 * removed when the next start finds them all opened.
 *
 * Thread: main, but for what says worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "errand.h"
#include "json.h"
#include "log.h"

enum step { STEP_PREPARE, STEP_HOLD, STEP_RELEASE, STEP_CANCEL };

struct member {
	struct snapshots *all;
	struct mvolume *mv;
	const char *snapshot, *name; /* of the request's body */
	bool is_begun;               /* its volume has a request under way */
};

struct snapshots {
	struct manager *manager;
	manager_fn fn;
	void *ctx;
	json_t *body; /* the strings' owner */
	char group[37];
	char *record; /* path */
	uint64_t created_ms;
	enum step step;
	uint32_t missing; /* answers of this step */
	uint32_t already; /* members that have this snapshot: it was asked for before */
	uint64_t held_us;
	bool is_staged; /* the record, not yet in its place */
	struct err err; /* the first failure */
	uint32_t count;
	struct member members[];
};

/* ---------------------------------------------------------------- worker */

static struct member *member_of(const struct errand *j)
{
	return (struct member *)j->more;
}

static void run_prepare(struct errand *j) ON_WORKER
{
	const struct member *mb = member_of(j);
	const struct volume_snapshot s = {.snapshot = mb->snapshot,
					  .name = mb->name,
					  .group = mb->all->group,
					  .created_ms = mb->all->created_ms};

	volume_snapshot_prepare(j->mv->volume, &s, errand_ended, j);
}

static void run_hold(struct errand *j) ON_WORKER
{
	volume_snapshot_hold(j->mv->volume, errand_ended, j);
}

static void released(void *ctx, int result, const struct err *err) ON_WORKER
{
	struct errand *j = ctx;

	j->number = volume_held_us(j->mv->volume);
	errand_ended(j, result, err);
}

static void run_release(struct errand *j) ON_WORKER
{
	volume_snapshot_release(j->mv->volume, released, j);
}

/* Its own sentence is not the reason. */
static void cancelled(void *ctx, int result, const struct err *err) ON_WORKER
{
	errand_ended(ctx, 0, NULL);
}

static void run_cancel(struct errand *j) ON_WORKER
{
	volume_snapshot_cancel(j->mv->volume, cancelled, j);
}

/* ---------------------------------------------------------------- main */

static void next(struct snapshots *s) ON_MAIN;

static void back(struct errand *j) ON_MAIN
{
	struct member *mb = member_of(j);
	struct snapshots *s = mb->all;

	if (j->result && !s->err.code)
		s->err = j->err;
	s->already += s->step == STEP_PREPARE && j->result == -EEXIST;
	if (s->step == STEP_RELEASE || s->step == STEP_CANCEL || j->result)
		mb->is_begun = false;
	if (s->step == STEP_RELEASE && j->number > s->held_us)
		s->held_us = j->number;
	if (--s->missing == 0)
		next(s);
}

/* To all that have begun; next() when all have answered, at once if there is none. */
static void go(struct snapshots *s, enum step step, void (*run)(struct errand *j)) ON_MAIN
{
	s->step = step;
	s->missing = 1;
	for (uint32_t i = 0; i < s->count; i++) {
		struct member *mb = &s->members[i];
		struct errand *j = mb->is_begun ? errand_make(mb->mv, run, back, NULL, NULL) : NULL;

		if (!mb->is_begun)
			continue;
		if (!j) { /* one that waits must not wait for ever */
			log_error("no memory for a snapshot; starting again");
			abort();
		}
		j->more = mb;
		s->missing++;
		errand_start(j);
	}
	if (--s->missing == 0)
		next(s);
}

static void finish(struct snapshots *s) ON_MAIN
{
	struct manager *m = s->manager;

	for (uint32_t i = 0; i < s->count; i++) {
		s->members[i].mv->is_changing = false;
		s->members[i].mv->may_settle = false;
	}
	if (s->err.code && s->step == STEP_RELEASE) { /* decided, and so it is */
		log_warn("snapshots of group %s are made, but a manifest does not say so yet: %s",
			 s->group, s->err.text);
		manager_event(m, "", "", "snapshot_record_stays", s->err.text);
		s->err.code = 0;
	} else if (!s->err.code && unlink(s->record) < 0 && errno != ENOENT) {
		log_warn("%s could not be removed: %s", s->record, strerror(errno));
	}
	if (s->is_staged)
		durable_unstage(s->record);
	s->fn(s->ctx, s->err.code ? &s->err : NULL,
	      s->err.code ? NULL : json_pack("{s:I}", "held_us", (json_int_t)s->held_us));
	free(s->record);
	json_decref(s->body);
	free(s);
}

/* Under I/O, so that the decision itself takes a rename alone. */
static int stage_record(struct snapshots *s) ON_MAIN
{
	cleanup_free char *text = NULL;
	json_t *j = json_pack("{s:s, s:[]}", "group", s->group, "volumes");
	int rc;

	for (uint32_t i = 0; i < s->count; i++)
		json_array_append_new(json_object_get(j, "volumes"),
				      json_string(s->members[i].mv->plan->name));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (!text)
		return err_set(&s->err, ENOMEM, "", "no memory");
	manager_beat_blocking(&s->manager->shared->main, true);
	rc = durable_stage(s->record, text, strlen(text), &s->err);
	manager_beat_blocking(&s->manager->shared->main, false);
	s->is_staged = rc == 0;
	return rc;
}

static int publish_record(struct snapshots *s) ON_MAIN
{
	int rc;

	manager_beat_blocking(&s->manager->shared->main, true);
	rc = durable_publish(s->record, &s->err);
	manager_beat_blocking(&s->manager->shared->main, false);
	s->is_staged = false;
	return rc;
}

static void next(struct snapshots *s)
{
	if (s->already == s->count)
		s->err.code = 0; /* whoever asks again has lost the first answer */
	if (s->already == s->count || s->step == STEP_RELEASE || s->step == STEP_CANCEL) {
		finish(s);
	} else if (s->err.code) {
		go(s, STEP_CANCEL, run_cancel);
	} else if (s->step == STEP_PREPARE) {
		if (stage_record(s) < 0)
			go(s, STEP_CANCEL, run_cancel);
		else
			go(s, STEP_HOLD, run_hold);
	} else if (publish_record(s) < 0) {
		unlink(s->record); /* it may be there after all: nobody has seen it yet */
		go(s, STEP_CANCEL, run_cancel);
	} else {
		go(s, STEP_RELEASE, run_release);
	}
}

/* ---------------------------------------------------------------- the request */

static int take_member(struct snapshots *s, const json_t *j, struct err *err) ON_MAIN
{
	static const char *const keys[] = {"volume", "snapshot", "name", NULL};
	struct member *mb = &s->members[s->count];
	const char *volume = "";
	uint8_t uuid[16];
	int rc;

	if (!json_is_object(j))
		return err_set(err, EINVAL, "members", "a member must be an object");
	if ((rc = json_only(j, keys, err)) || (rc = json_get_string(j, "volume", &volume, err)) ||
	    (rc = json_get_string(j, "snapshot", &mb->snapshot, err)) ||
	    (rc = parse_uuid("snapshot", mb->snapshot, uuid, err)) ||
	    (rc = json_get_string(j, "name", &mb->name, err)))
		return rc;
	if (strlen(mb->name) == 0 || strlen(mb->name) > SNAPSHOT_NAME_MAX)
		return err_set(err, EINVAL, "name",
			       "a snapshot's name has 1 to %u characters, not %zu",
			       SNAPSHOT_NAME_MAX, strlen(mb->name));
	for (uint32_t i = 0; i < s->count; i++)
		if (strcmp(s->members[i].mv->plan->name, volume) == 0)
			return err_set(err, EINVAL, "members", "volume %.64s is named twice",
				       volume);
	mb->mv = manager_find(s->manager, volume);
	if (!mb->mv)
		return err_set(err, ENOENT, "volume", "there is no volume %.64s", volume);
	if (mb->mv->is_changing)
		return err_set(err, EBUSY, "volume",
			       "volume %s has another request under way; try again when it has "
			       "ended",
			       volume);
	mb->all = s;
	mb->is_begun = true;
	s->count++;
	return 0;
}

static int take_request(struct snapshots *s, const json_t *members, const char *group,
			struct err *err) ON_MAIN
{
	uint8_t uuid[16];
	size_t i;
	json_t *j;
	int rc = 0;

	json_array_foreach(members, i, j)
	{
		rc = take_member(s, j, err);
		if (rc)
			return rc;
	}
	/* One alone is a group of its own. */
	rc = parse_uuid("group", group ? group : s->members[0].snapshot, uuid, err);
	if (rc)
		return rc;
	parse_uuid_format(uuid, s->group);
	rc = durable_mkdir(s->manager->groups_path, err);
	if (rc == 0 && asprintf(&s->record, "%s/%s", s->manager->groups_path, s->group) < 0)
		rc = err_set(err, ENOMEM, "", "no memory");
	return rc;
}

void manager_snapshot(struct manager *m, const json_t *body, manager_fn fn, void *ctx)
{
	json_t *members = json_object_get(body, "members");
	size_t count = json_array_size(members);
	struct snapshots *s = calloc(1, sizeof(*s) + (count ? count : 1) * sizeof(struct member));
	const char *group = NULL;
	struct err err = {0};
	int rc = 0;

	if (!s)
		rc = err_set(&err, ENOMEM, "", "no memory");
	else if (m->is_stopping)
		rc = err_set(&err, ESHUTDOWN, "", "sluice-filterd is stopping");
	else if (!json_is_array(members) || count == 0 || count > SNAPSHOT_MEMBERS_MAX)
		rc = err_set(&err, EINVAL, "members", "members names 1 to %u volumes, not %zu",
			     SNAPSHOT_MEMBERS_MAX, count);
	else
		rc = json_opt_string(body, "group", &group, &err);
	if (rc == 0) {
		s->manager = m;
		s->body = json_deep_copy(body);
		rc = take_request(s, json_object_get(s->body, "members"), group, &err);
	}
	if (rc) {
		if (s) {
			free(s->record);
			json_decref(s->body);
		}
		free(s);
		fn(ctx, &err, NULL);
		return;
	}
	s->fn = fn;
	s->ctx = ctx;
	s->created_ms = clock_wall_ms();
	for (uint32_t i = 0; i < s->count; i++)
		s->members[i].mv->is_changing = s->members[i].mv->may_settle = true;
	go(s, STEP_PREPARE, run_prepare);
}
