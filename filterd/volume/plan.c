/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void plan_init(struct plan *p)
{
	list_init(&p->datastores);
	list_init(&p->volumes);
	list_init(&p->gone);
}

void plan_fini(struct plan *p)
{
	while (!list_is_empty(&p->volumes))
		plan_remove_volume(p, list_entry(p->volumes.next, struct plan_volume, node));
	while (!list_is_empty(&p->datastores))
		plan_remove_datastore(p,
				      list_entry(p->datastores.next, struct plan_datastore, node));
	while (!list_is_empty(&p->gone))
		free(list_entry(list_pop_front(&p->gone), struct plan_gone, node));
}

/* Made with the object, so that its removal cannot fail. */
static struct plan_gone *gone_of(enum plan_kind kind, const char *name)
{
	struct plan_gone *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	list_init(&g->node);
	g->kind = kind;
	snprintf(g->name, sizeof(g->name), "%s", name);
	return g;
}

struct plan_datastore *plan_find_datastore(const struct plan *p, const char *name)
{
	struct list_node *n;

	list_for_each (n, &p->datastores) {
		struct plan_datastore *d = list_entry(n, struct plan_datastore, node);

		if (strcmp(d->name, name) == 0)
			return d;
	}
	return NULL;
}

struct plan_volume *plan_find_volume(const struct plan *p, const char *name)
{
	struct list_node *n;

	list_for_each (n, &p->volumes) {
		struct plan_volume *v = list_entry(n, struct plan_volume, node);

		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

struct plan_volume *plan_volume_on(const struct plan *p, const char *datastore)
{
	struct list_node *n;

	list_for_each (n, &p->volumes) {
		struct plan_volume *v = list_entry(n, struct plan_volume, node);

		if (strcmp(v->datastore, datastore) == 0)
			return v;
	}
	return NULL;
}

/* There is one of this name again: its file is not to be removed, but written anew. */
static void forget_gone(struct plan *p, enum plan_kind kind, const char *name)
{
	struct list_node *n, *next;

	for (n = p->gone.next; n != &p->gone; n = next) {
		struct plan_gone *g = list_entry(n, struct plan_gone, node);

		next = n->next;
		if (g->kind != kind || strcmp(g->name, name) != 0)
			continue;
		list_del(&g->node);
		free(g);
	}
}

int plan_add_datastore(struct plan *p, struct plan_datastore *d, struct err *err)
{
	bool has_path = strcmp(d->type, "dir") == 0 || strcmp(d->type, "block") == 0;

	if (plan_find_datastore(p, d->name))
		return err_set(err, EEXIST, "name", "datastore %s exists already", d->name);
	if (!backend_find(d->type))
		return err_set(err, EINVAL, "type",
			       "datastore %s: type '%s' is not dir, block or mem", d->name,
			       d->type);
	if (has_path && d->path[0] != '/')
		return err_set(err, EINVAL, "path",
			       "datastore %s: the path must begin with '/', '%.80s' does not",
			       d->name, d->path);
	d->gone = gone_of(PLAN_DATASTORE, d->name);
	if (!d->gone)
		return err_set(err, ENOMEM, "", "no memory");
	forget_gone(p, PLAN_DATASTORE, d->name);
	d->is_changed = true;
	list_push_back(&p->datastores, &d->node);
	return 0;
}

static bool is_uuid_taken(const struct plan *p, const uint8_t uuid[16])
{
	struct list_node *n;

	list_for_each (n, &p->volumes) {
		if (memcmp(list_entry(n, struct plan_volume, node)->uuid, uuid, 16) == 0)
			return true;
	}
	return false;
}

struct plan_volume *plan_shows(const struct plan *p, const char *volume, const char *snapshot)
{
	struct list_node *n;

	list_for_each (n, &p->volumes) {
		struct plan_volume *v = list_entry(n, struct plan_volume, node);

		if (strcmp(v->shows.volume, volume) == 0 &&
		    (!snapshot || strcasecmp(v->shows.snapshot, snapshot) == 0))
			return v;
	}
	return NULL;
}

/* The two share files, so they share a datastore and with it a worker. */
static int check_shown(const struct plan *p, const struct plan_volume *v, struct err *err)
{
	const struct plan_volume *of;

	if (!v->shows.volume[0])
		return 0;
	of = plan_find_volume(p, v->shows.volume);
	if (of && strcmp(of->datastore, v->datastore) != 0)
		return err_set(err, EINVAL, "datastore",
			       "volume %s shows a snapshot of volume %s, which is on datastore %s, "
			       "not %s",
			       v->name, of->name, of->datastore, v->datastore);
	return 0;
}

int plan_add_volume(struct plan *p, struct plan_volume *v, struct err *err)
{
	const struct plan_datastore *d = plan_find_datastore(p, v->datastore);
	const struct plan_volume *other;

	if (plan_find_volume(p, v->name))
		return err_set(err, EEXIST, "name", "volume %s exists already", v->name);
	if (!d)
		return err_set(err, ENOENT, "datastore", "there is no datastore %s; add it first",
			       v->datastore);
	if (is_uuid_taken(p, v->uuid))
		return err_set(
		    err, EEXIST, "uuid",
		    "volume %s: another volume has this UUID; initiators would take the two for one",
		    v->name);
	if (v->size_bytes % v->block_bytes != 0)
		return err_set(err, EINVAL, "size_bytes",
			       "volume %s: %llu bytes is no multiple of %u", v->name,
			       (unsigned long long)v->size_bytes, v->block_bytes);
	if (v->size_bytes == 0 && strcmp(d->type, "block") != 0)
		return err_set(err, EINVAL, "size_bytes", "volume %s needs a size", v->name);
	other = strcmp(d->type, "block") == 0 ? plan_volume_on(p, v->datastore) : NULL;
	if (other)
		return err_set(err, EEXIST, "datastore", "device %s already is volume %s", d->path,
			       other->name);
	if (check_shown(p, v, err) < 0)
		return -err->code;
	v->gone = gone_of(PLAN_VOLUME, v->name);
	if (!v->gone)
		return err_set(err, ENOMEM, "", "no memory");
	forget_gone(p, PLAN_VOLUME, v->name);
	v->is_changed = true;
	list_push_back(&p->volumes, &v->node);
	return 0;
}

void plan_remove_datastore(struct plan *p, struct plan_datastore *d)
{
	list_del(&d->node);
	list_push_back(&p->gone, &d->gone->node);
	d->gone = NULL;
	plan_datastore_free(d);
}

void plan_forget_volume(struct plan *p, struct plan_volume *v)
{
	if (!v->gone)
		return;
	list_del(&v->node);
	list_push_back(&p->gone, &v->gone->node);
	v->gone = NULL;
}

void plan_remove_volume(struct plan *p, struct plan_volume *v)
{
	plan_forget_volume(p, v);
	plan_volume_free(v);
}

void plan_datastore_free(struct plan_datastore *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->filter_count; i++)
		plan_filter_fini(&d->filters[i]);
	free(d->filters);
	free(d->gone);
	free(d->path);
	free(d);
}

void plan_volume_free(struct plan_volume *v)
{
	if (!v)
		return;
	for (uint32_t i = 0; i < v->filter_count; i++)
		plan_filter_fini(&v->filters[i]);
	free(v->gone);
	free(v);
}

struct plan_volume *plan_volume_copy(const struct plan_volume *v)
{
	struct plan_volume *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *v;
	c->gone = NULL;
	list_init(&c->node);
	c->filter_count = 0;
	for (uint32_t i = 0; i < v->filter_count; i++) {
		if (plan_filter_copy(&c->filters[i], &v->filters[i]) < 0) {
			plan_volume_free(c);
			return NULL;
		}
		c->filter_count++;
	}
	return c;
}

char *plan_image_path(const struct plan_datastore *d, const struct plan_volume *v)
{
	char *path = NULL;

	if (strcmp(d->type, "dir") != 0)
		return strdup(d->path);
	return asprintf(&path, "%s/%s.img", d->path, v->name) < 0 ? NULL : path;
}

void plan_set_open(struct plan_volume *v, bool is_open)
{
	v->is_changed = v->is_changed || v->is_open != is_open;
	v->is_open = is_open;
}

void plan_set_size(struct plan_volume *v, uint64_t size_bytes)
{
	v->is_changed = v->is_changed || v->size_bytes != size_bytes;
	v->size_bytes = size_bytes;
}

struct plan_filter *plan_find_filter(struct plan_volume *v, const char *name)
{
	for (uint32_t i = 0; i < v->filter_count; i++)
		if (strcmp(v->filters[i].name, name) == 0)
			return &v->filters[i];
	return NULL;
}

void plan_filter_fini(struct plan_filter *f)
{
	for (uint32_t i = 0; i < f->param_count; i++) {
		free(f->names[i]);
		free(f->values[i]);
	}
	free(f->names);
	free(f->values);
	f->names = NULL;
	f->values = NULL;
	f->param_count = 0;
}

int plan_filter_copy(struct plan_filter *to, const struct plan_filter *from)
{
	*to = *from;
	to->param_count = 0;
	to->names = calloc(from->param_count + 1, sizeof(*to->names));
	to->values = calloc(from->param_count + 1, sizeof(*to->values));
	if (!to->names || !to->values)
		goto no_memory;
	for (uint32_t i = 0; i < from->param_count; i++) {
		to->names[i] = strdup(from->names[i]);
		to->values[i] = strdup(from->values[i]);
		to->param_count++;
		if (!to->names[i] || !to->values[i])
			goto no_memory;
	}
	return 0;
no_memory:
	plan_filter_fini(to);
	return -ENOMEM;
}

int plan_put_filter(struct plan_volume *v, const struct plan_filter *f, struct err *err)
{
	struct plan_filter copy, *old = plan_find_filter(v, f->name);

	if (!old && v->filter_count == PLAN_FILTERS_MAX)
		return err_set(err, ENOSPC, "filters",
			       "volume %s has %u filters, one of each class, already", v->name,
			       PLAN_FILTERS_MAX);
	if (plan_filter_copy(&copy, f) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	if (old)
		plan_filter_fini(old);
	else
		old = &v->filters[v->filter_count++];
	*old = copy;
	v->is_changed = true;
	return 0;
}

void plan_drop_filter(struct plan_volume *v, const char *name)
{
	struct plan_filter *f = plan_find_filter(v, name);
	uint32_t at;

	if (!f)
		return;
	at = (uint32_t)(f - v->filters);
	plan_filter_fini(f);
	v->filter_count--;
	v->is_changed = true;
	memmove(f, f + 1, (v->filter_count - at) * sizeof(*f));
}

struct plan_filter *plan_find_group(const struct plan_datastore *d, const char *name)
{
	for (uint32_t i = 0; i < d->filter_count; i++)
		if (strcmp(d->filters[i].name, name) == 0)
			return &d->filters[i];
	return NULL;
}

int plan_put_group(struct plan_datastore *d, const struct plan_filter *f, struct err *err)
{
	struct plan_filter copy, *old = plan_find_group(d, f->name), *more;

	if (!old && d->filter_count == PLAN_GROUPS_MAX)
		return err_set(err, ENOSPC, "filter",
			       "datastore %s has parameters of %u filters already", d->name,
			       PLAN_GROUPS_MAX);
	if (plan_filter_copy(&copy, f) < 0)
		return err_set(err, ENOMEM, "", "no memory");
	if (old) {
		plan_filter_fini(old);
		*old = copy;
		d->is_changed = true;
		return 0;
	}
	more = realloc(d->filters, (d->filter_count + 1) * sizeof(*more));
	if (!more) {
		plan_filter_fini(&copy);
		return err_set(err, ENOMEM, "", "no memory");
	}
	d->filters = more;
	d->filters[d->filter_count++] = copy;
	d->is_changed = true;
	return 0;
}

void plan_drop_group(struct plan_datastore *d, const char *name)
{
	struct plan_filter *f = plan_find_group(d, name);
	uint32_t at;

	if (!f)
		return;
	at = (uint32_t)(f - d->filters);
	plan_filter_fini(f);
	d->filter_count--;
	d->is_changed = true;
	memmove(f, f + 1, (d->filter_count - at) * sizeof(*f));
}

#define ABOVE_REPLICATION 150u

/* Encryption stands above replication, unless its parameter lets filters stand before it. A filter
 * without that parameter stands at its class's place, as all others do. */
static uint32_t position_of(const struct plan_filter *f, const struct sluice_filter_ops *ops)
{
	static const char name[] = "allow_filters_before";
	bool may_be_before = true;

	if (f->position)
		return f->position;
	for (uint32_t i = 0; ops->cls == SLUICE_CLASS_ENCRYPTION && i < ops->param_count; i++)
		if (strcmp(ops->params[i].name, name) == 0)
			may_be_before = ops->params[i].def != 0;
	for (uint32_t i = 0; ops->cls == SLUICE_CLASS_ENCRYPTION && i < f->param_count; i++)
		if (strcmp(f->names[i], name) == 0)
			/* A word that is none is refused when the parameters are parsed. */
			(void)!parse_bool(name, f->values[i], &may_be_before, NULL);
	return may_be_before ? (uint32_t)ops->cls : ABOVE_REPLICATION;
}

void plan_filter_cfg(const struct plan_filter *f, const struct sluice_filter_ops *ops,
		     struct chain_filter_cfg *out)
{
	*out = (struct chain_filter_cfg){
	    .ops = ops,
	    .on_failure = f->on_failure,
	    .position = position_of(f, ops),
	    .names = (const char *const *)f->names,
	    .values = (const char *const *)f->values,
	    .value_count = f->param_count,
	};
}
