/* SPDX-License-Identifier: MIT */
/*
 * glue.c - which volumes make a group; its opening when all are there, its stop when one goes.
 */
#include "glue.h"
#include "mark.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct glue_set {
	struct glue_group *first;
};

int glue_set_create(struct sluice_group *s, const union sluice_value *values,
		    struct sluice_error *err)
{
	struct glue_set *set = calloc(1, sizeof(*set));

	if (!set) {
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	sluice_group_state_set(s, set);
	return 0;
}

void glue_set_destroy(struct sluice_group *s)
{
	struct glue_set *set = sluice_group_state(s);

	while (set->first) {
		struct glue_group *gg = set->first;

		set->first = gg->next;
		sluice_group_timer_cancel(s, &gg->key_timer);
		sluice_group_timer_cancel(s, &gg->patience_timer);
		free(gg);
	}
	free(set);
}

/* A datastore has no settings for it: the volumes' parameters say all. */
int glue_set_reconfigure(struct sluice_group *s, enum sluice_phase phase,
			 const union sluice_value *values, struct sluice_error *err)
{
	return 0;
}

size_t glue_set_status(struct sluice_group *s, char *json, size_t size_bytes)
{
	const struct glue_set *set = sluice_group_state(s);
	uint32_t groups = 0, open = 0;
	int n;

	for (const struct glue_group *gg = set->first; gg; gg = gg->next) {
		groups++;
		open += gg->state == GLUE_OPEN;
	}
	n = snprintf(json, size_bytes, "{\"groups\":%u,\"open\":%u}", groups, open);
	return n < 0 ? 0 : (size_t)n < size_bytes ? (size_t)n : size_bytes - 1;
}

static struct glue_group *group_of(struct sluice_group *s, const uint8_t uuid[16])
{
	struct glue_set *set = sluice_group_state(s);
	struct glue_group *gg;

	for (gg = set->first; gg; gg = gg->next) {
		if (memcmp(gg->uuid, uuid, 16) == 0)
			return gg;
	}
	gg = calloc(1, sizeof(*gg));
	if (!gg)
		return NULL;
	gg->set = s;
	memcpy(gg->uuid, uuid, 16);
	gg->next = set->first;
	set->first = gg;
	return gg;
}

static void fail(struct glue_group *gg, const char *why)
{
	snprintf(gg->why, sizeof(gg->why), "%s", why);
	gg->state = GLUE_FAILED;
	if (gg->leader)
		sluice_report(gg->leader->f, "replication_failed", "%s", why);
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (gg->members[m])
			glue_waiting_end(gg->members[m], SLUICE_ERR_NOT_READY);
	}
	glue_ready_all(gg);
}

/* ---------------------------------------------------------------- open */

static void parts_free(struct glue_group *gg)
{
	glue_links_close(gg);
	if (gg->g)
		group_destroy(gg->g);
	gg->g = NULL;
	if (gg->file)
		sluice_file_close(gg->file);
	gg->file = NULL;
	glue_annex_close(gg);
	glue_seal_close(gg);
	gg->f = NULL;
	gg->leader = NULL;
	sluice_group_timer_cancel(gg->set, &gg->own_timer);
}

static void maybe_open(struct glue_group *gg);

static void stopped(void *ctx);

static void stopped_tick(struct sluice_timer *t)
{
	stopped(t->ctx);
}

static void stopped(void *ctx)
{
	struct glue_group *gg = ctx;

	if (gg->annex.reads) { /* they end by themselves, soon */
		gg->stop_timer.fn = stopped_tick;
		gg->stop_timer.ctx = gg;
		sluice_group_timer_set(gg->set, &gg->stop_timer,
				       sluice_group_now_ns(gg->set) + 1000000);
		return;
	}
	if (gg->is_removed)
		glue_host_forget(gg);
	gg->is_removed = false;
	parts_free(gg);
	gg->state = GLUE_WAITING;
	maybe_open(gg);
}

static void stop(struct glue_group *gg)
{
	gg->state = GLUE_STOPPING;
	gg->is_serving = false;
	glue_annex_stop(gg);
	glue_ready_all(gg);
	glue_links_close(gg);
	group_stop(gg->g, stopped, gg);
}

/* It may have come between the look at the sizes and now. */
static void grow_late(struct glue_group *gg)
{
	for (uint16_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (gg->members[m] && !gg->members[m]->is_gone)
			group_grown(gg->g, m, sluice_volume_size_bytes(gg->members[m]->f));
	}
}

static void started(void *ctx, int result, const struct sluice_error *err)
{
	struct glue_group *gg = ctx;
	struct sluice_error e = {{0}, {0}};

	if (gg->is_stopped_late) {
		gg->is_stopped_late = false;
		stop(gg);
		return;
	}
	if (result < 0 && glue_seal_waits(gg)) { /* locked meanwhile */
		gg->state = GLUE_FAILED;
		glue_seal_look(gg, 0);
		return;
	}
	if (result < 0) {
		fail(gg, err ? err->text : "the group's records cannot be read");
		return;
	}
	gg->state = GLUE_OPEN;
	grow_late(gg);
	if (glue_links_open(gg, &e) < 0)
		sluice_report(gg->f, "replication_no_link", "%s", e.text);
	glue_annex_look(gg);
	glue_ready_all(gg);
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (gg->members[m])
			glue_waiting_go(gg->members[m]);
	}
	glue_keys_changed(gg);
}

static int host_fill(struct glue_group *gg, struct sluice_error *err)
{
	struct repl_host *h = &gg->host;
	const struct glue_params *p = &gg->leader->p;

	*h = (struct repl_host){.member_count = p->members + 1, .has_witness = p->witness[0] != 0};
	glue_host_fill(gg);
	memcpy(h->group_uuid, gg->uuid, 16);
	sluice_appliance_uuid(gg->f, h->own_uuid);
	if (sluice_peer_uuid(gg->f, p->peer, h->peer_uuid) < 0) {
		snprintf(err->text, sizeof(err->text),
			 "'%.60s' is no paired appliance: pair it, then open the volume again",
			 p->peer);
		return -ENOENT;
	}
	memcpy(gg->witness, p->witness, sizeof(gg->witness));
	h->block_bytes = sluice_volume_block_bytes(gg->f);
	h->is_durable = true;
	for (uint32_t m = 0; m < p->members; m++) {
		const struct sluice_filter *f = gg->members[m]->f;

		h->member_size_bytes[m] = sluice_volume_size_bytes(f);
		h->is_durable &= sluice_volume_is_durable(f);
		if (sluice_volume_block_bytes(f) != h->block_bytes) {
			snprintf(err->text, sizeof(err->text),
				 "the volumes of a group need the same block size");
			return -EINVAL;
		}
	}
	h->member_size_bytes[p->members] = p->members * SLUICE_COMPANION_BYTES;
	h->file_bytes = group_file_bytes(h->member_size_bytes, h->member_count);
	return 0;
}

static int file_open(struct glue_group *gg, struct sluice_error *err)
{
	char path[512];
	struct sluice_file_cfg cfg = {
	    .path = path, .size_bytes = gg->host.file_bytes, .is_direct = false};
	int r = 0;

	if (sluice_sidecar_path(gg->f, GLUE_MARKS_SUFFIX, path, sizeof(path)) < 0) {
		snprintf(err->text, sizeof(err->text), "the path of the marks is too long");
		return -ENAMETOOLONG;
	}
	gg->file = sluice_file_open(gg->f, &cfg, &r, err);
	return gg->file ? 0 : r;
}

static void open_now(struct sluice_timer *t)
{
	struct glue_group *gg = t->ctx;
	struct sluice_error err = {{0}, {0}};

	if (gg->state != GLUE_OPENING)
		return;
	if (glue_seal_waits(gg)) {
		gg->state = GLUE_WAITING;
		maybe_open(gg);
		return;
	}
	gg->f = gg->leader->f;
	if (glue_seal_open(gg, &err) < 0 || host_fill(gg, &err) < 0 || file_open(gg, &err) < 0 ||
	    glue_annex_open(gg, &err) < 0) {
		fail(gg, err.text);
		return;
	}
	gg->g = group_create(&gg->host, &gg->leader->p.cfg);
	if (!gg->g) {
		fail(gg, "no memory for the group");
		return;
	}
	group_start(gg->g, started, gg);
}

static void wait_for_keys(struct glue_group *gg, bool has_waited)
{
	glue_ready_all(gg);
	if (has_waited)
		return;
	glue_seal_report(gg);
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (gg->members[m])
			glue_waiting_end(gg->members[m], SLUICE_ERR_LOCKED);
	}
}

/* Not inside of attach(): own I/O is possible only when that has returned. */
static void maybe_open(struct glue_group *gg)
{
	bool has_waited = gg->waits_for_keys;
	uint32_t members = 0, count = 0;

	gg->leader = NULL;
	gg->waits_for_keys = false;
	for (uint32_t m = 0; m < REPL_MEMBERS_MAX; m++) {
		if (!gg->members[m])
			continue;
		count++;
		if (!gg->members[m]->p.is_leader)
			continue;
		gg->leader = gg->members[m];
		members = gg->leader->p.members;
	}
	if (gg->state != GLUE_WAITING || !gg->leader || count != members)
		return;
	for (uint32_t m = 0; m < members; m++) {
		if (!gg->members[m])
			return;
	}
	gg->waits_for_keys = glue_seal_waits(gg);
	if (gg->waits_for_keys) {
		wait_for_keys(gg, has_waited);
		return;
	}
	gg->state = GLUE_OPENING;
	gg->open_timer.fn = open_now;
	gg->open_timer.ctx = gg;
	sluice_group_timer_set(gg->set, &gg->open_timer, sluice_group_now_ns(gg->set));
}

static void wait_anew(struct glue_group *gg)
{
	parts_free(gg);
	gg->state = GLUE_WAITING;
	maybe_open(gg);
}

void glue_keys_changed(struct glue_group *gg)
{
	bool waits = glue_seal_waits(gg);

	if (gg->state == GLUE_WAITING)
		maybe_open(gg);
	else if (gg->state == GLUE_OPEN && waits)
		stop(gg);
	else if (gg->state == GLUE_FAILED && waits && gg->annex.reads)
		glue_seal_look(gg, 1000000); /* they end by themselves, soon */
	else if (gg->state == GLUE_FAILED && waits)
		wait_anew(gg); /* no key stays, and it tries again when they are back */
}

/* ---------------------------------------------------------------- attach, detach */

static int refuse(struct sluice_error *err, const char *field, const char *text)
{
	snprintf(err->field, sizeof(err->field), "%s", field);
	snprintf(err->text, sizeof(err->text), "%s", text);
	return -EINVAL;
}

int glue_attach(struct sluice_filter *f, const union sluice_value *values, struct sluice_error *err)
{
	struct glue_volume *v = calloc(1, sizeof(*v));
	struct glue_group *gg;
	int r;

	if (!v)
		return -ENOMEM;
	v->f = f;
	r = glue_params_read(values, &v->p, err);
	if (r == 0)
		r = glue_seal_check(f, v->p.is_leader, err);
	gg = r == 0 ? group_of(sluice_group(f), v->p.group_uuid) : NULL;
	if (r == 0 && !gg)
		r = -ENOMEM;
	if (r == 0 && gg->members[v->p.member])
		r = refuse(err, "member", "another volume of the group has this member number");
	if (r < 0) {
		free(v);
		return r;
	}
	v->gg = gg;
	gg->members[v->p.member] = v;
	sluice_state_set(f, v);
	glue_ready_all(gg);
	glue_annex_attach(v);
	glue_seal_attach(v);
	maybe_open(gg);
	return 0;
}

void glue_detach(struct sluice_filter *f)
{
	struct glue_volume *v = sluice_state(f);
	struct glue_group *gg = v->gg;

	v->is_gone = true;
	glue_annex_detach(v);
	glue_waiting_end(v, SLUICE_ERR_NOT_READY);
	gg->members[v->p.member] = NULL;
	glue_own_abort(gg, v);
	switch (gg->state) {
	case GLUE_OPEN:
		stop(gg);
		break;
	case GLUE_OPENING:
		if (gg->g) {
			gg->is_stopped_late = true;
			group_cancel_start(gg->g);
		} else {
			gg->state = GLUE_WAITING;
		}
		break;
	case GLUE_FAILED:
		parts_free(gg);
		gg->state = GLUE_WAITING;
		break;
	case GLUE_WAITING:
	case GLUE_STOPPING:
		break;
	}
	if (gg->is_removed && gg->state == GLUE_WAITING) {
		gg->f = f;
		glue_host_forget(gg);
		gg->f = NULL;
		gg->is_removed = false;
	}
	free(v);
}

static bool is_same_group(const struct glue_params *a, const struct glue_params *b)
{
	return memcmp(a->group_uuid, b->group_uuid, 16) == 0 && a->is_leader == b->is_leader &&
	       a->member == b->member && a->members == b->members && !strcmp(a->peer, b->peer) &&
	       !strcmp(a->witness, b->witness) && a->cfg.journal_bytes == b->cfg.journal_bytes &&
	       a->cfg.stage_bytes == b->cfg.stage_bytes;
}

int glue_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
		     const union sluice_value *values, struct sluice_error *err)
{
	struct glue_volume *v = sluice_state(f);
	int r;

	if (phase == SLUICE_ABORT)
		return 0;
	if (phase == SLUICE_PREPARE) {
		r = glue_params_read(values, &v->next_p, err);
		if (r == 0 && !is_same_group(&v->p, &v->next_p))
			r = refuse(err, "group",
				   "group, peer, witness, members and sizes of the logs stay; "
				   "remove the replication and set it up anew to change them");
		return r;
	}
	v->p = v->next_p;
	if (v->p.is_leader && v->gg->state == GLUE_OPEN)
		group_reconfigure(v->gg->g, &v->p.cfg);
	return 0;
}

/* Never a reason to refuse it: what the replica has of it is told by the status. */
static void tell_snapshot(struct glue_volume *v, enum sluice_phase phase,
			  const struct sluice_event *ev)
{
	static const enum mark_event events[] = {[SLUICE_PREPARE] = MARK_PREPARE,
						 [SLUICE_COMMIT] = MARK_COMMIT,
						 [SLUICE_ABORT] = MARK_ABORT,
						 [SLUICE_HELD] = MARK_HELD};
	bool is_deleted = ev->kind == SLUICE_EVENT_SNAPSHOT_DELETED;
	uint8_t uuid[16];
	char hex[33];
	uint32_t n = 0;

	for (const char *c = ev->uuid; c && *c && n < 32; c++) {
		if (*c != '-')
			hex[n++] = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
	}
	hex[n] = 0;
	if (v->gg->state != GLUE_OPEN || !glue_uuid_read(hex, uuid))
		return;
	if (is_deleted && phase != SLUICE_COMMIT)
		return;
	group_mark(v->gg->g, is_deleted ? MARK_DELETED : events[phase], v->p.member, uuid,
		   ev->name);
}

int glue_event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
	       struct sluice_error *err)
{
	struct glue_volume *v = sluice_state(f);

	if (ev->kind == SLUICE_EVENT_GROW && phase == SLUICE_COMMIT && v->gg->state == GLUE_OPEN)
		group_grown(v->gg->g, v->p.member, ev->new_size_bytes);
	if (ev->kind == SLUICE_EVENT_REVERT && phase == SLUICE_PREPARE) {
		snprintf(err->text, sizeof(err->text),
			 "the volume is replicated, and its copy would stay as it is; take the "
			 "replication away, revert, and replicate again; or clone the snapshot");
		return -EBUSY;
	}
	if (ev->kind == SLUICE_EVENT_SNAPSHOT || ev->kind == SLUICE_EVENT_SNAPSHOT_DELETED)
		tell_snapshot(v, phase, ev);
	if (ev->kind == SLUICE_EVENT_DETACH && phase == SLUICE_PREPARE && v->p.is_leader)
		v->gg->is_removed = true;
	return 0;
}
