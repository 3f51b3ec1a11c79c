/* SPDX-License-Identifier: MIT */
/* planner_world_filterd.c - a filterd: datastores, volumes, filters. It keeps its plan for ever. */
#include "planner_world.h"

#include <stdio.h>
#include <string.h>

static bool datastore_add(struct world *w, const json_t *a)
{
	if (world_find(world_list(w->filterd, "datastores"), "name", world_text(a, "name")))
		return false;
	json_array_append_new(world_list(w->filterd, "datastores"), json_deep_copy(a));
	return true;
}

static bool datastore_remove(struct world *w, const json_t *a)
{
	const char *name = world_text(a, "name");
	json_t *d = world_find(world_list(w->filterd, "datastores"), "name", name);

	if (!d || world_find(world_list(w->filterd, "volumes"), "datastore", name))
		return false;
	world_take_out(world_list(w->filterd, "datastores"), d);
	return true;
}

/* Takes the place of what it had; a datastore's filters are kept even where they are nothing. */
static bool datastore_filter_set(struct world *w, const json_t *a)
{
	json_t *d = world_find(world_list(w->filterd, "datastores"), "name", world_text(a, "name"));
	json_t *filters = world_list(d, "filters"), *f;

	if (!d)
		return false;
	if (!filters)
		json_object_set_new(d, "filters", filters = json_array());
	f = world_find(filters, "filter", world_text(a, "filter"));
	if (!f)
		json_array_append_new(filters,
				      f = json_pack("{s:s}", "filter", world_text(a, "filter")));
	json_object_set(f, "params", json_object_get(a, "params"));
	return true;
}

static uint32_t class_of(const char *filter)
{
	return filter[0] == 't' ? 100 : 800; /* t..., the others */
}

static json_t *filter_from(const json_t *a)
{
	return json_pack("{s:s, s:i, s:s, s:O, s:b}", "filter", world_text(a, "filter"), "class",
			 (int)class_of(world_text(a, "filter")), "on_failure",
			 world_text(a, "on_failure"), "params", json_object_get(a, "params"),
			 "is_bypassed", 0);
}

static bool volume_create(struct world *w, const json_t *a)
{
	const char *uuid = world_text(a, "uuid"), *name = world_text(a, "name");
	json_t *volume, *filters = json_array(), *f;
	size_t i;

	if (json_object_get(w->created, uuid))
		world_fault(w, "volume %s is created a second time", name);
	if (world_find(world_list(w->filterd, "volumes"), "name", name) ||
	    !world_find(world_list(w->filterd, "datastores"), "name", world_text(a, "datastore"))) {
		json_decref(filters);
		return false;
	}
	json_array_foreach(json_object_get(a, "filters"), i, f)
	{
		json_array_append_new(filters, filter_from(f));
	}
	volume = json_deep_copy(a);
	json_object_set_new(volume, "filters", filters);
	json_object_set_new(volume, "state", json_string("serving"));
	json_array_append_new(world_list(w->filterd, "volumes"), volume);
	json_object_set_new(w->created, uuid, json_true());
	return true;
}

static json_t *volume_of(struct world *w, const json_t *a)
{
	return world_find(world_list(w->filterd, "volumes"), "name", world_text(a, "name"));
}

static bool set_state(struct world *w, const json_t *a, const char *state)
{
	json_t *v = volume_of(w, a);

	if (v)
		json_object_set_new(v, "state", json_string(state));
	return v != NULL;
}

static bool volume_open(struct world *w, const json_t *a)
{
	return set_state(w, a, "serving");
}

static bool volume_close(struct world *w, const json_t *a)
{
	if (world_luns(w, world_text(a, "name")))
		world_fault(w, "volume %s is closed while it is exported", world_text(a, "name"));
	return set_state(w, a, "closed");
}

static bool volume_delete(struct world *w, const json_t *a)
{
	json_t *v = volume_of(w, a);
	const json_t *row =
	    world_find(world_list(w->desired, "volumes"), "name", world_text(a, "name"));

	if (!v)
		return false;
	if (strcmp(world_text(row, "desired_state"), "deleting") != 0 ||
	    strcmp(world_text(row, "uuid"), world_text(v, "uuid")) != 0)
		world_fault(w, "data of volume %s is deleted and nobody asked for it",
			    world_text(a, "name"));
	if (strcmp(world_text(v, "state"), "closed") != 0 || world_luns(w, world_text(a, "name")))
		world_fault(w, "volume %s is deleted while it is in use", world_text(a, "name"));
	world_take_out(world_list(w->filterd, "volumes"), v);
	return true;
}

static bool is_serving(const json_t *v)
{
	return strcmp(world_text(v, "state"), "serving") == 0;
}

static bool volume_grow(struct world *w, const json_t *a)
{
	json_t *v = volume_of(w, a), *size = json_object_get(a, "size_bytes");

	if (!v || !is_serving(v))
		return false;
	if (json_integer_value(size) <= json_integer_value(json_object_get(v, "size_bytes")))
		world_fault(w, "volume %s is made smaller", world_text(a, "name"));
	json_object_set(v, "size_bytes", size);
	return true;
}

static bool filter_attach(struct world *w, const json_t *a)
{
	json_t *v = volume_of(w, a), *f;
	size_t i;

	if (!v || !is_serving(v))
		return false;
	json_array_foreach(world_list(v, "filters"), i, f)
	{
		if (class_of(world_text(f, "filter")) == class_of(world_text(a, "filter")))
			return false;
	}
	json_array_append_new(world_list(v, "filters"), filter_from(a));
	return true;
}

static bool filter_detach(struct world *w, const json_t *a)
{
	json_t *v = volume_of(w, a);
	json_t *f = world_find(world_list(v, "filters"), "filter", world_text(a, "filter"));

	if (!f)
		return false;
	world_take_out(world_list(v, "filters"), f);
	return true;
}

static bool filter_set(struct world *w, const json_t *a)
{
	return is_serving(volume_of(w, a)) && filter_detach(w, a) && filter_attach(w, a);
}

const struct world_op world_filterd_ops[] = {
    {"datastore.add", datastore_add},
    {"datastore.remove", datastore_remove},
    {"datastore.filter.set", datastore_filter_set},
    {"volume.create", volume_create},
    {"volume.open", volume_open},
    {"volume.close", volume_close},
    {"volume.delete", volume_delete},
    {"volume.grow", volume_grow},
    {"filter.attach", filter_attach},
    {"filter.set", filter_set},
    {"filter.detach", filter_detach},
    {NULL, NULL},
};
