/* SPDX-License-Identifier: MIT */
/* manager_datastore.c - main's half of one datastore: made, its space watched, ended. Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "errand.h"
#include "identity.h"
#include "log.h"
#include "ring_listener.h"

struct mdatastore *manager_find_datastore(const struct manager *m, const char *name)
{
	struct list_node *n;

	list_for_each (n, &m->datastores) {
		struct mdatastore *d = list_entry(n, struct mdatastore, node);

		if (strcmp(d->plan->name, name) == 0)
			return d;
	}
	return NULL;
}

/* ---------------------------------------------------------------- space */

static void warned_msg(struct loop_msg *msg) ON_MAIN
{
	struct mdatastore *d = msg->ctx;
	struct manager *m = d->manager;
	struct list_node *n;
	char text[200];

	if (!d->plan)
		return;
	snprintf(
	    text, sizeof(text),
	    "datastore %s is %u %% full; when nothing is left, writes to its thin volumes pause",
	    d->plan->name, d->warned_pct);
	log_warn("%s", text);
	manager_datastore_event(m, d->name, "", "datastore_filling", text);
	list_for_each (n, &m->volumes) {
		struct mvolume *mv = list_entry(n, struct mvolume, node);

		if (mv->datastore == d)
			ring_listener_notice(m->rings, mv, RING_NOTICE_THRESHOLD, d->warned_pct);
	}
}

/* On the worker. Crossings are at least one probe apart, so the message is home again. */
static void space_warn(void *ctx, uint32_t used_pct)
{
	struct mdatastore *d = ctx;

	d->warned_pct = used_pct;
	d->warned_msg.fn = warned_msg;
	d->warned_msg.ctx = d;
	loop_post(d->manager->loop, &d->warned_msg);
}

static void start_msg(struct env_msg *msg)
{
	struct mdatastore *d = msg->ctx;

	space_start(&d->space);
}

static void stopped_msg(struct loop_msg *msg)
{
	struct mdatastore *d = msg->ctx;

	d->ended(d);
}

static void space_stopped(void *ctx)
{
	struct mdatastore *d = ctx;

	if (d->is_removed) { /* here: a report of them may be on its way */
		groups_free(d->groups);
		d->groups = NULL;
	}
	d->stopped_msg.fn = stopped_msg;
	d->stopped_msg.ctx = d;
	loop_post(d->manager->loop, &d->stopped_msg);
}

static void stop_msg(struct env_msg *msg)
{
	struct mdatastore *d = msg->ctx;

	if (strcmp(d->type, "dir") == 0)
		space_stop(&d->space, space_stopped);
	else
		space_stopped(d);
}

void manager_end_datastore(struct mdatastore *d, void (*ended)(struct mdatastore *d))
{
	d->ended = ended;
	if (d->is_changing) /* again when that is over */
		return;
	d->stop_msg.fn = stop_msg;
	d->stop_msg.ctx = d;
	env_post(d->worker->env, &d->stop_msg);
}

/* ---------------------------------------------------------------- made and ended */

void manager_free_datastore(struct mdatastore *d)
{
	list_del(&d->node);
	space_fini(&d->space);
	groups_free(d->groups);
	free(d->path);
	free(d);
}

int manager_make_datastore(struct manager *m, struct plan_datastore *plan, struct err *err)
{
	struct mdatastore *d = calloc(1, sizeof(*d));
	int rc;

	if (!d || !(d->path = strdup(plan->path))) {
		free(d);
		return err_set(err, ENOMEM, "", "no memory for datastore %s", plan->name);
	}
	d->manager = m;
	d->plan = plan;
	snprintf(d->name, sizeof(d->name), "%s", plan->name);
	snprintf(d->type, sizeof(d->type), "%s", plan->type);
	if (plan->worker >= (int32_t)m->worker_count)
		log_warn("datastore %s names worker %d; there are %u, so another one takes it",
			 plan->name, (int)plan->worker, m->worker_count);
	d->worker = m->workers[(plan->worker >= 0 ? (uint32_t)plan->worker : m->next_worker++) %
			       m->worker_count];
	d->space.env = d->worker->env;
	d->space.path = d->path;
	d->space.warn = space_warn;
	d->space.ctx = d;
	rc = manager_make_groups(d, err);
	if (rc) {
		list_init(&d->node);
		manager_free_datastore(d);
		return rc;
	}
	list_push_back(&m->datastores, &d->node);
	if (strcmp(d->type, "dir") == 0) {
		d->start_msg.fn = start_msg;
		d->start_msg.ctx = d;
		env_post(d->worker->env, &d->start_msg);
	}
	return 0;
}

/* ---------------------------------------------------------------- requests */

static int claim(struct manager *m, struct plan_datastore *d, struct err *err)
{
	const struct list_node *n;

	if (plan_find_datastore(&m->plan, d->name))
		return 0; /* refused for its name */
	if (identity_claim(d->path, d->name, d->uuid, err) < 0)
		return -err->code;
	list_for_each (n, &m->plan.datastores) {
		const struct plan_datastore *other = list_entry(n, struct plan_datastore, node);

		if (memcmp(other->uuid, d->uuid, sizeof(d->uuid)) == 0)
			return err_set(err, EEXIST, "path",
				       "%s is the folder of datastore %s already (%s)", d->path,
				       other->name, other->path);
	}
	return 0;
}

int manager_add_datastore(struct manager *m, struct plan_datastore *d, struct err *err)
{
	bool is_dir = strcmp(d->type, "dir") == 0;
	struct stat st;
	int rc = 0;

	if (d->filter_count)
		rc = err_set(err, EINVAL, "filters",
			     "add the datastore first, then set its filters' parameters with "
			     "datastore.filter.set");
	else if (is_dir && (stat(d->path, &st) < 0 || !S_ISDIR(st.st_mode)))
		rc = err_set(err, ENOENT, "path", "%s is not a folder; make it first", d->path);
	else if (strcmp(d->type, "block") == 0 && stat(d->path, &st) < 0)
		rc = err_set(err, ENOENT, "path", "there is no device %s", d->path);
	else if (d->worker >= (int32_t)m->worker_count)
		rc = err_set(err, ERANGE, "worker", "worker %d: there are %u, numbered from 0",
			     (int)d->worker, m->worker_count);
	if (rc == 0 && is_dir)
		rc = claim(m, d, err);
	if (rc == 0)
		rc = plan_add_datastore(&m->plan, d, err);
	if (rc) {
		plan_datastore_free(d);
		return rc;
	}
	rc = manager_make_datastore(m, d, err);
	if (rc) {
		plan_remove_datastore(&m->plan, d);
		return rc;
	}
	return manager_save(m, err);
}

int manager_remove_datastore(struct manager *m, const char *name, struct err *err)
{
	struct mdatastore *d = manager_find_datastore(m, name);
	const struct plan_volume *v = d ? plan_volume_on(&m->plan, name) : NULL;
	int rc;

	if (!d)
		return err_set(err, ENOENT, "name", "there is no datastore %s", name);
	if (v)
		return err_set(err, EBUSY, "name",
			       "datastore %s still has volume %s; delete its volumes first", name,
			       v->name);
	if (d->is_changing)
		return err_set(err, EBUSY, "name",
			       "datastore %s has another request under way; try again when it has "
			       "ended",
			       name);
	plan_remove_datastore(&m->plan, d->plan);
	d->plan = NULL;
	d->is_removed = true;
	list_del(&d->node);
	rc = manager_save(m, err);
	manager_end_datastore(d, manager_free_datastore);
	return rc;
}
