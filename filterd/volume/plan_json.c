/* SPDX-License-Identifier: MIT */
/* plan_json.c - the plan's only outward form; the file and the control protocol share it. Thread:
 * main. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "plan.h"

static const char *const write_cache_words[] = {"durable", "volatile"};
static const char *const on_failure_words[] = {"hold", "bypass"};

static int one_of(const char *field, const char *text, const char *const words[2], struct err *err)
{
	for (int i = 0; i < 2; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return err_set(err, EINVAL, field, "%s: '%.60s' is neither %s nor %s", field, text,
		       words[0], words[1]);
}

static json_t *params_to_json(const struct plan_filter *f)
{
	json_t *params = json_object();

	for (uint32_t i = 0; i < f->param_count; i++)
		json_object_set_new(params, f->names[i], json_string(f->values[i]));
	return params;
}

json_t *plan_filter_to_json(const struct plan_filter *f)
{
	json_t *j;

	j = json_pack("{s:s, s:s, s:o}", "filter", f->name, "on_failure",
		      on_failure_words[f->on_failure], "params", params_to_json(f));
	if (j && f->position)
		json_object_set_new(j, "position", json_integer(f->position));
	return j;
}

/* A parameter's value is text to us; numbers and booleans are taken for convenience. */
static char *value_text(const json_t *v)
{
	char *text = NULL;

	if (json_is_string(v) && json_string_length(v) <= PLAN_VALUE_MAX &&
	    strlen(json_string_value(v)) == json_string_length(v))
		return strdup(json_string_value(v));
	if (json_is_boolean(v))
		return strdup(json_is_true(v) ? "true" : "false");
	if (json_is_integer(v) && asprintf(&text, "%lld", (long long)json_integer_value(v)) >= 0)
		return text;
	return NULL;
}

static int params_from_json(json_t *params, struct plan_filter *f, struct err *err)
{
	size_t count = json_object_size(params);
	const char *key;
	json_t *value;

	if (!json_is_object(params))
		return err_set(err, EINVAL, "params", "filter %s: params must be an object",
			       f->name);
	if (count > PLAN_PARAMS_MAX)
		return err_set(err, EINVAL, "params",
			       "filter %s: %zu parameters; at most %u are taken", f->name, count,
			       PLAN_PARAMS_MAX);
	f->names = calloc(count + 1, sizeof(*f->names));
	f->values = calloc(count + 1, sizeof(*f->values));
	if (!f->names || !f->values)
		return err_set(err, ENOMEM, "", "no memory");
	json_object_foreach(params, key, value)
	{
		f->names[f->param_count] = strdup(key);
		f->values[f->param_count] = value_text(value);
		f->param_count++;
		if (!f->values[f->param_count - 1])
			return err_set(
			    err, EINVAL, key,
			    "filter %s: %.60s must be text of at most %u characters, a whole number or "
			    "a boolean",
			    f->name, key, PLAN_VALUE_MAX);
	}
	return 0;
}

int plan_filter_from_json(const json_t *j, struct plan_filter *out, struct err *err)
{
	static const char *const keys[] = {"filter", "on_failure", "params", "position", NULL};
	const char *name = "", *on_failure = "hold";
	uint64_t position = 0;
	json_t *params;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!json_is_object(j))
		return err_set(err, EINVAL, "filters", "a filter must be an object");
	if ((rc = json_only(j, keys, err)) || (rc = json_get_string(j, "filter", &name, err)) ||
	    (rc = parse_name("filter", name, err)) ||
	    (rc = json_opt_string(j, "on_failure", &on_failure, err)) ||
	    (rc = json_opt_u64(j, "position", 0, 900, &position, err)))
		return rc;
	rc = one_of("on_failure", on_failure, on_failure_words, err);
	if (rc < 0)
		return rc;
	out->on_failure = (enum on_failure)rc;
	out->position = (uint32_t)position;
	snprintf(out->name, sizeof(out->name), "%s", name);
	params = json_object_get(j, "params");
	rc = params ? params_from_json(params, out, err) : 0;
	if (rc)
		plan_filter_fini(out);
	return rc;
}

/* Of a datastore: a name and parameters, nothing else. */
static json_t *groups_to_json(const struct plan_datastore *d)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < d->filter_count; i++)
		json_array_append_new(a, json_pack("{s:s, s:o}", "filter", d->filters[i].name,
						   "params", params_to_json(&d->filters[i])));
	return a;
}

int plan_group_from_json(const json_t *j, struct plan_filter *out, struct err *err)
{
	static const char *const keys[] = {"filter", "params", NULL};

	memset(out, 0, sizeof(*out));
	return json_is_object(j) && json_only(j, keys, err) < 0
		   ? -err->code
		   : plan_filter_from_json(j, out, err);
}

static int groups_from_json(const json_t *groups, struct plan_datastore *d, struct err *err)
{
	size_t i;
	json_t *j;

	json_array_foreach(groups, i, j)
	{
		struct plan_filter f;
		int rc = plan_group_from_json(j, &f, err);

		if (rc)
			return rc;
		if (plan_find_group(d, f.name))
			rc = err_set(err, EEXIST, "filters", "filter %s is named twice", f.name);
		else
			rc = plan_put_group(d, &f, err);
		plan_filter_fini(&f);
		if (rc)
			return rc;
	}
	return 0;
}

json_t *plan_datastore_to_json(const struct plan_datastore *d)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:b}", "name", d->name, "type", d->type, "path",
			      d->path, "worker", (int)d->worker, "buffered", d->is_buffered);

	/* Without these, the plan is one that older versions read too. */
	if (j && memcmp(d->uuid, (uint8_t[16]){0}, 16) != 0) {
		char uuid[37];

		parse_uuid_format(d->uuid, uuid);
		json_object_set_new(j, "uuid", json_string(uuid));
	}
	if (j && d->filter_count)
		json_object_set_new(j, "filters", groups_to_json(d));
	return j;
}

int plan_datastore_from_json(const json_t *j, struct plan_datastore **out, struct err *err)
{
	static const char *const keys[] = {"name",     "type",    "path", "worker",
					   "buffered", "filters", "uuid", NULL};
	const char *name = "", *type = "", *path = "", *uuid = NULL;
	const json_t *worker = json_object_get(j, "worker");
	bool is_buffered = false, is_any;
	uint64_t index = 0;
	struct plan_datastore *d;
	json_t *filters = NULL;
	int rc;

	if (!json_is_object(j))
		return err_set(err, EINVAL, "datastores", "a datastore must be an object");
	is_any = !worker || (json_is_integer(worker) && json_integer_value(worker) == -1);
	if ((rc = json_only(j, keys, err)) || (rc = json_get_string(j, "name", &name, err)) ||
	    (rc = parse_name("name", name, err)) || (rc = json_get_string(j, "type", &type, err)) ||
	    (rc = json_opt_string(j, "path", &path, err)) ||
	    (rc = json_opt_bool(j, "buffered", &is_buffered, err)) ||
	    (rc = json_opt_string(j, "uuid", &uuid, err)) ||
	    (rc = json_opt_array(j, "filters", &filters, err)) ||
	    (!is_any && (rc = json_opt_u64(j, "worker", 0, 255, &index, err))))
		return rc;
	d = calloc(1, sizeof(*d));
	if (!d || !(d->path = strdup(path))) {
		free(d);
		return err_set(err, ENOMEM, "", "no memory");
	}
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->type, sizeof(d->type), "%s", type);
	d->worker = is_any ? -1 : (int32_t)index;
	d->is_buffered = is_buffered;
	rc = uuid ? parse_uuid("uuid", uuid, d->uuid, err) : 0;
	if (rc == 0 && filters)
		rc = groups_from_json(filters, d, err);
	if (rc)
		plan_datastore_free(d);
	else
		*out = d;
	return rc;
}

json_t *plan_volume_to_json(const struct plan_volume *v)
{
	json_t *filters = json_array(), *j;
	char uuid[37];

	parse_uuid_format(v->uuid, uuid);
	for (uint32_t i = 0; i < v->filter_count; i++)
		json_array_append_new(filters, plan_filter_to_json(&v->filters[i]));
	j = json_pack("{s:s, s:s, s:s, s:I, s:i, s:s, s:b, s:b, s:b, s:o}", "name", v->name,
		      "datastore", v->datastore, "uuid", uuid, "size_bytes",
		      (json_int_t)v->size_bytes, "block_bytes", (int)v->block_bytes, "write_cache",
		      write_cache_words[v->write_cache], "shared", v->is_shared, "readonly",
		      v->is_readonly, "open", v->is_open, "filters", filters);
	/* Without it, the plan is one that older versions read too. */
	if (j && v->shows.volume[0])
		json_object_set_new(j, "snapshot_of", plan_shows_to_json(v));
	return j;
}

json_t *plan_shows_to_json(const struct plan_volume *v)
{
	if (!v->shows.volume[0])
		return json_null();
	return json_pack("{s:s, s:s}", "volume", v->shows.volume, "snapshot", v->shows.snapshot);
}

static int shows_from_json(const json_t *j, struct plan_volume *v, struct err *err)
{
	static const char *const keys[] = {"volume", "snapshot", NULL};
	const char *volume = "", *snapshot = "";
	uint8_t uuid[16];
	int rc;

	if (!j || json_is_null(j))
		return 0;
	if (!json_is_object(j))
		return err_set(err, EINVAL, "snapshot_of", "snapshot_of must be an object");
	if ((rc = json_only(j, keys, err)) || (rc = json_get_string(j, "volume", &volume, err)) ||
	    (rc = parse_name("volume", volume, err)) ||
	    (rc = json_get_string(j, "snapshot", &snapshot, err)) ||
	    (rc = parse_uuid("snapshot", snapshot, uuid, err)))
		return rc;
	snprintf(v->shows.volume, sizeof(v->shows.volume), "%s", volume);
	parse_uuid_format(uuid, v->shows.snapshot);
	v->is_readonly = true;
	return 0;
}

static int filters_from_json(const json_t *filters, struct plan_volume *v, struct err *err)
{
	size_t i;
	json_t *j;

	json_array_foreach(filters, i, j)
	{
		struct plan_filter f;
		int rc = plan_filter_from_json(j, &f, err);

		if (rc)
			return rc;
		if (plan_find_filter(v, f.name))
			rc = err_set(err, EEXIST, "filters", "filter %s is named twice", f.name);
		else
			rc = plan_put_filter(v, &f, err);
		plan_filter_fini(&f);
		if (rc)
			return rc;
	}
	return 0;
}

static int volume_words(const json_t *j, struct plan_volume *v, struct err *err)
{
	const char *name = "", *datastore = "", *uuid = NULL, *write_cache = "durable";
	int rc;

	if ((rc = json_get_string(j, "name", &name, err)) || (rc = parse_name("name", name, err)) ||
	    (rc = json_get_string(j, "datastore", &datastore, err)) ||
	    (rc = parse_name("datastore", datastore, err)) ||
	    (rc = json_opt_string(j, "uuid", &uuid, err)) ||
	    (uuid && (rc = parse_uuid("uuid", uuid, v->uuid, err))) ||
	    (rc = json_opt_string(j, "write_cache", &write_cache, err)))
		return rc;
	rc = one_of("write_cache", write_cache, write_cache_words, err);
	if (rc < 0)
		return rc;
	v->write_cache = (enum write_cache)rc;
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->datastore, sizeof(v->datastore), "%s", datastore);
	return 0;
}

int plan_volume_from_json(const json_t *j, struct plan_volume **out, struct err *err)
{
	static const char *const keys[] = {
	    "name",   "datastore", "uuid", "size_bytes", "block_bytes", "write_cache",
	    "shared", "readonly",  "open", "filters",    "snapshot_of", NULL};
	uint64_t size_bytes = 0, block_bytes = 512;
	struct plan_volume *v;
	json_t *filters = NULL;
	int rc;

	if (!json_is_object(j))
		return err_set(err, EINVAL, "volumes", "a volume must be an object");
	v = calloc(1, sizeof(*v));
	if (!v)
		return err_set(err, ENOMEM, "", "no memory");
	v->is_open = true;
	if ((rc = json_only(j, keys, err)) || (rc = volume_words(j, v, err)) ||
	    (rc = json_opt_u64(j, "size_bytes", 0, PLAN_SIZE_MAX, &size_bytes, err)) ||
	    (rc = json_opt_u64(j, "block_bytes", 512, 4096, &block_bytes, err)) ||
	    (rc = json_opt_bool(j, "shared", &v->is_shared, err)) ||
	    (rc = json_opt_bool(j, "readonly", &v->is_readonly, err)) ||
	    (rc = json_opt_bool(j, "open", &v->is_open, err)) ||
	    (rc = json_opt_array(j, "filters", &filters, err)) ||
	    (rc = shows_from_json(json_object_get(j, "snapshot_of"), v, err)) ||
	    (filters && (rc = filters_from_json(filters, v, err))))
		goto free_volume;
	if (block_bytes != 512 && block_bytes != 4096) {
		rc =
		    err_set(err, EINVAL, "block_bytes", "block_bytes: %llu is neither 512 nor 4096",
			    (unsigned long long)block_bytes);
		goto free_volume;
	}
	v->size_bytes = size_bytes;
	v->block_bytes = (uint32_t)block_bytes;
	*out = v;
	return 0;
free_volume:
	plan_volume_free(v);
	return rc;
}

static int objects_from_json(const json_t *datastores, const json_t *volumes, struct plan *out,
			     struct err *err)
{
	size_t i;
	json_t *j;
	int rc;

	json_array_foreach(datastores, i, j)
	{
		struct plan_datastore *d = NULL;

		rc = plan_datastore_from_json(j, &d, err);
		if (rc || (rc = plan_add_datastore(out, d, err))) {
			plan_datastore_free(d);
			return rc;
		}
	}
	json_array_foreach(volumes, i, j)
	{
		struct plan_volume *v = NULL;

		rc = plan_volume_from_json(j, &v, err);
		if (rc || (rc = plan_add_volume(out, v, err))) {
			plan_volume_free(v);
			return rc;
		}
	}
	return 0;
}

int plan_check_version(const json_t *j, struct err *err)
{
	uint64_t version = 0;
	int rc;

	if (!json_is_object(j))
		return err_set(err, EINVAL, "", "the plan must be an object");
	if ((rc = json_get_u64(j, "version", 0, UINT32_MAX, &version, err)))
		return rc;
	if (version != PLAN_VERSION)
		return err_set(err, EPROTO, "version",
			       "the plan has version %llu, this program reads version %u",
			       (unsigned long long)version, PLAN_VERSION);
	return 0;
}

int plan_from_json(const json_t *j, struct plan *out, struct err *err)
{
	static const char *const keys[] = {"version", "datastores", "volumes", NULL};
	json_t *datastores = NULL, *volumes = NULL;
	int rc = plan_check_version(j, err);

	if (rc || (rc = json_only(j, keys, err)) ||
	    (rc = json_opt_array(j, "datastores", &datastores, err)) ||
	    (rc = json_opt_array(j, "volumes", &volumes, err)))
		return rc;
	rc = objects_from_json(datastores, volumes, out, err);
	if (rc)
		plan_fini(out);
	return rc;
}
