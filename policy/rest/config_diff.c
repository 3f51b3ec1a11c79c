/* SPDX-License-Identifier: MIT */
/*
 * config_diff.c - two configuration documents compared; see config.h. Pure.
 *
 * Creations and changes come section by section in the order of config_sections, since a volume
 * needs its datastore, its policy and its hosts; deletions come last and the other way round.
 */
#include <string.h>
#include <strings.h>

#include "config.h"
#include "json.h"

static bool is_in(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static const char *name_of(const struct config_section *c, const json_t *o)
{
	const char *name = json_string_value(json_object_get(o, c->key));

	return name ? name : "";
}

/* {name in lower case: index}, so that a thousand volumes do not cost a million comparisons. */
static void folded(const char *name, char out[256])
{
	size_t i;

	for (i = 0; i < 255 && name[i]; i++)
		out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	out[i] = '\0';
}

static json_t *index_of(const struct config_section *c, const json_t *objects)
{
	json_t *out = json_object(), *o;
	char key[256];
	size_t i;

	json_array_foreach(objects, i, o)
	{
		folded(name_of(c, o), key);
		json_object_set(out, key, o);
	}
	return out;
}

static const json_t *find(const json_t *index, const char *name)
{
	char key[256];

	folded(name, key);
	return json_object_get(index, key);
}

/* ---------------------------------------------------------------- values */

static bool has_text(const json_t *array, const char *text)
{
	const json_t *t;
	size_t i;

	json_array_foreach(array, i, t)
	{
		if (json_is_string(t) && strcasecmp(json_string_value(t), text) == 0)
			return true;
	}
	return false;
}

static bool same_set(const json_t *a, const json_t *b)
{
	const json_t *t;
	size_t i;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, t)
	{
		if (!json_is_string(t) || !has_text(b, json_string_value(t)))
			return false;
	}
	return true;
}

/* Names of other objects are the same without regard to case. */
static bool is_same(const struct config_section *c, const char *member, const json_t *from,
		    const json_t *to)
{
	if (is_in(c->sets, member))
		return same_set(from, to);
	if (json_is_string(from) && json_is_string(to) &&
	    (strcmp(member, "datastore") == 0 || strcmp(member, "policy") == 0 ||
	     strcmp(member, "peer") == 0 || strcmp(member, "name") == 0))
		return strcasecmp(json_string_value(from), json_string_value(to)) == 0;
	return json_equal(from, to);
}

static json_t *members_changed(const struct config_section *c, const json_t *from, const json_t *to)
{
	json_t *out = json_object();

	for (const char *const *m = c->members; *m; m++) {
		json_t *now = json_object_get(from, *m), *wanted = json_object_get(to, *m);

		if (!wanted || is_same(c, *m, now, wanted))
			continue;
		json_object_set_new(out, *m,
				    json_pack("{s:o, s:O}", "from",
					      now ? json_incref(now) : json_null(), "to", wanted));
	}
	return out;
}

static json_t *members_made(const struct config_section *c, const json_t *to)
{
	json_t *out = json_object();

	for (const char *const *m = c->members; *m; m++) {
		json_t *wanted = json_object_get(to, *m);

		if (wanted && strcmp(*m, c->key) != 0)
			json_object_set_new(out, *m, json_pack("{s:O}", "to", wanted));
	}
	return out;
}

/* ---------------------------------------------------------------- changes */

static void add(json_t *changes, const char *action, uint32_t section, size_t index,
		const json_t *object, json_t *members)
{
	const struct config_section *c = &config_sections[section];

	json_array_append_new(changes, json_pack("{s:s, s:s, s:s, s:o, s:i, s:I, s:O}", "action",
						 action, "object_type", c->object_type,
						 "object_name", name_of(c, object), "members",
						 members, "section", (int)section, "index",
						 (json_int_t)index, "object", object));
}

static void make_and_change(json_t *changes, uint32_t section, const json_t *now,
			    const json_t *wanted)
{
	const struct config_section *c = &config_sections[section];
	cleanup_json json_t *index = index_of(c, json_object_get(now, c->name));
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(wanted, c->name), i, o)
	{
		const json_t *was = find(index, name_of(c, o));
		json_t *members;

		if (!was) {
			add(changes, "create", section, i, o, members_made(c, o));
			continue;
		}
		members = members_changed(c, was, o);
		if (json_object_size(members) > 0)
			add(changes, "change", section, i, o, members);
		else
			json_decref(members);
	}
}

/* A section that the document does not have is not touched. */
static void take_away(json_t *changes, uint32_t section, const json_t *now, const json_t *wanted)
{
	const struct config_section *c = &config_sections[section];
	const json_t *named = json_object_get(wanted, c->name), *o;
	cleanup_json json_t *index = index_of(c, named);
	size_t i;

	if (!named)
		return;
	json_array_foreach(json_object_get(now, c->name), i, o)
	{
		if (!find(index, name_of(c, o)))
			add(changes, "delete", section, i, o, json_object());
	}
}

json_t *config_diff(const json_t *now, const json_t *wanted, struct config_prune prune)
{
	json_t *changes = json_array();

	for (uint32_t i = 0; i < config_section_count; i++)
		make_and_change(changes, i, now, wanted);
	for (uint32_t i = config_section_count; prune.is_on && i-- > 0;)
		if (strcmp(config_sections[i].name, "volumes") != 0 || prune.volumes_too)
			take_away(changes, i, now, wanted);
	return changes;
}

json_t *config_diff_public(const json_t *changes)
{
	json_t *out = json_array();
	const json_t *c;
	size_t i;

	json_array_foreach(changes, i, c)
	{
		json_t *shown = json_copy((json_t *)c);

		json_object_del(shown, "section");
		json_object_del(shown, "index");
		json_object_del(shown, "object");
		json_array_append_new(out, shown);
	}
	return json_pack("{s:o, s:b}", "changes", out, "is_same", json_array_size(changes) == 0);
}
