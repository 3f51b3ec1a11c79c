/* SPDX-License-Identifier: MIT */
/* config_sections.c - what a configuration document may hold; see config.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "datastores.h"
#include "json.h"
#include "model.h"
#include "policies.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const none[] = {NULL};

const struct config_section config_sections[] = {
    {"datastores", "datastore", "/datastores", "name",
     LIST("name", "type", "path", "is_buffered", "description", "overcommit_limit_pct", "filters"),
     none, none},
    /* Who keeps keys, and keys by their names: never what opens a keystore, nor a key. */
    {"key_providers", "key_provider", "/key-providers", "name",
     LIST("name", "type", "description", "opened_by", "opened_from", "servers", "server_name",
	  "ca_certificates", "client_certificate", "timeout_ms"),
     none, none},
    {"keys", "key", "/keys", "name", LIST("name", "provider", "description"), none,
     LIST("provider_key_id")},
    {"policies", "policy", "/policies", "name", LIST("name", "description", "rules"), none, none},
    {"hosts", "host", "/hosts", "name",
     LIST("name", "iqn", "addresses", "description", "chap_user"), LIST("addresses"),
     LIST("chap_secret")},
    {"host_groups", "host_group", "/host-groups", "name", LIST("name", "description", "members"),
     LIST("members"), none},
    {"portals", "portal", "/portals", "name", LIST("name", "address", "port"), none, none},
    {"volumes", "volume", "/volumes", "name",
     LIST("name", "datastore", "size_bytes", "block_bytes", "write_cache", "is_thin", "description",
	  "desired_state", "policy", "hosts", "host_groups"),
     LIST("hosts", "host_groups"), none},
    /* A peer is entered; to be paired it needs a code, good once. */
    {"peers", "peer", "/peers", "name", LIST("name", "address", "port", "description"), none,
     LIST("code")},
    {"replications", "replication", "/replications", "name",
     LIST("name", "peer", "volumes", "peer_datastore", "description", "mode", "when_peer_is_lost",
	  "witness", "rpo_target_ms", "rpo_warning_ms", "rpo_error_ms", "bandwidth_bytes_per_s",
	  "bandwidth_day_bytes_per_s", "day_from_h", "day_to_h", "backpressure_max_ms",
	  "compression", "journal_bytes", "stage_bytes"),
     none, none},
    {"snapshot_schedules", "snapshot_schedule", "/snapshot-schedules", "name",
     LIST("name", "description", "every", "at", "weekday", "keep_hourly", "keep_daily",
	  "keep_weekly", "policy", "is_group", "is_enabled", "volumes"),
     LIST("volumes"), none},
};
const uint32_t config_section_count = sizeof(config_sections) / sizeof(config_sections[0]);

static bool is_in(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static int refuse(struct err *err, const struct config_section *c, size_t index, const char *member,
		  const char *why)
{
	char field[64];

	snprintf(field, sizeof(field), "%s[%zu]%s%s", c->name, index, member ? "." : "",
		 member ? member : "");
	return err_set(err, EINVAL, field, "%s: %s", field, why);
}

/* ---------------------------------------------------------------- shape */

static bool is_portal(const struct config_section *c)
{
	return strcmp(c->name, "portals") == 0;
}

static int object_check(const struct config_section *c, size_t index, const json_t *object,
			struct err *err)
{
	const char *member, *key = is_portal(c) ? "address" : c->key;
	json_t *value;

	if (!json_is_object(object))
		return refuse(err, c, index, NULL, "must be an object");
	json_object_foreach((json_t *)object, member, value)
	{
		if (!is_in(c->members, member) && !is_in(c->write_only, member))
			return refuse(err, c, index, member, "there is no such member");
		if (is_in(c->sets, member) && !json_is_array(value))
			return refuse(err, c, index, member, "must be an array");
	}
	if (!json_is_string(json_object_get(object, key)))
		return refuse(err, c, index, key, "must be there, as a string");
	return 0;
}

/* Names are the same without regard to case. */
static int twice_check(const struct config_section *c, const json_t *objects, struct err *err)
{
	cleanup_json json_t *seen = json_object();
	const json_t *o;
	size_t i, k;

	json_array_foreach(objects, i, o)
	{
		const char *text = json_string_value(json_object_get(o, c->key));
		char name[256];

		if (!text)
			continue;
		for (k = 0; text[k] && k + 1 < sizeof(name); k++)
			name[k] = text[k] >= 'A' && text[k] <= 'Z' ? (char)(text[k] + 32) : text[k];
		name[k] = '\0';
		if (json_object_get(seen, name))
			return refuse(err, c, i, c->key, "this name stands there twice");
		json_object_set_new(seen, name, json_true());
	}
	return 0;
}

static int section_check(const struct config_section *c, const json_t *objects, struct err *err)
{
	const json_t *o;
	size_t i;

	if (!json_is_array(objects))
		return err_set(err, EINVAL, c->name, "%s must be an array", c->name);
	json_array_foreach(objects, i, o)
	{
		if (object_check(c, i, o, err) < 0)
			return -EINVAL;
	}
	return twice_check(c, objects, err);
}

static const struct config_section *section_of(const char *name)
{
	for (uint32_t i = 0; i < config_section_count; i++)
		if (strcmp(config_sections[i].name, name) == 0)
			return &config_sections[i];
	return NULL;
}

int config_check(const json_t *document, struct err *err)
{
	const json_t *format = json_object_get(document, "format");
	const char *name;
	json_t *value;

	if (format && json_integer_value(format) != CONFIG_FORMAT)
		return err_set(err, EINVAL, "format",
			       "format must be %d; this document is of another Sluice",
			       CONFIG_FORMAT);
	json_object_foreach((json_t *)document, name, value)
	{
		const struct config_section *c = section_of(name);

		if (strcmp(name, "format") == 0)
			continue;
		if (!c)
			return err_set(
			    err, EINVAL, name,
			    "there is no section %.40s; there are datastores, "
			    "key_providers, keys, policies, hosts, host_groups, portals, "
			    "volumes, peers, replications and snapshot_schedules",
			    name);
		if (section_check(c, value, err) < 0)
			return -EINVAL;
	}
	return 0;
}

/* ---------------------------------------------------------------- as the database writes it */

/* Puts the place before an error's field: "hosts[2].iqn". */
static int placed(struct err *err, const char *section, size_t index, int rc)
{
	char field[64];

	snprintf(field, sizeof(field), "%s[%zu].%.30s", section, index, err->field);
	memcpy(err->field, field, sizeof(err->field));
	return rc;
}

/* In the order of an export. */
static void sort_filters(json_t *filters)
{
	for (size_t i = 1; i < json_array_size(filters); i++)
		for (size_t k = i; k > 0; k--) {
			json_t *a = json_array_get(filters, k - 1), *b = json_array_get(filters, k);

			if (strcmp(json_string_value(json_object_get(a, "filter")),
				   json_string_value(json_object_get(b, "filter"))) <= 0)
				break;
			json_incref(a);
			json_array_set(filters, k - 1, b);
			json_array_set_new(filters, k, a);
		}
}

static int datastore_normalise(struct store *s, json_t *o, struct err *err)
{
	json_t *filters = json_object_get(o, "filters");

	if (!filters)
		return 0;
	if (!json_is_array(filters))
		return err_set(err, EINVAL, "filters", "filters must be an array");
	if (datastore_filters_check(s, filters, err) < 0)
		return -err->code;
	sort_filters(filters);
	return 0;
}

static int policy_normalise(struct store *s, json_t *o, struct err *err)
{
	const json_t *rules = json_object_get(o, "rules");
	json_t *checked;

	if (!rules)
		return 0;
	checked = policies_check_rules(s, rules, err);
	return checked ? json_object_set_new(o, "rules", checked) : -err->code;
}

static int addresses_normalise(json_t *o, struct err *err)
{
	const json_t *addresses = json_object_get(o, "addresses"), *a;
	cleanup_json json_t *made = json_array();
	char text[64];
	size_t i;

	if (!addresses)
		return 0;
	json_array_foreach(addresses, i, a)
	{
		if (!json_is_string(a))
			return err_set(err, EINVAL, "addresses", "addresses must be texts");
		if (model_address_check("addresses", json_string_value(a), text, err) < 0)
			return -err->code;
		json_array_append_new(made, json_string(text));
	}
	return json_object_set(o, "addresses", made);
}

static int host_normalise(struct store *s, json_t *o, struct err *err)
{
	const char *iqn = json_string_value(json_object_get(o, "iqn"));
	char text[224];

	if (iqn) {
		if (model_iqn_check("iqn", iqn, text, err) < 0)
			return -err->code;
		json_object_set_new(o, "iqn", json_string(text));
	}
	return addresses_normalise(o, err);
}

static int portal_normalise(struct store *s, json_t *o, struct err *err)
{
	const char *address = json_string_value(json_object_get(o, "address"));
	uint64_t port = 3260;
	char name[80];

	if (json_opt_u64(o, "port", 1, 65535, &port, err) < 0 ||
	    model_portal_check(address, port, name, err) < 0)
		return -err->code;
	json_object_set_new(o, "name", json_string(name));
	json_object_set_new(o, "port", json_integer((json_int_t)port));
	return 0;
}

/* An empty name is none. */
static int policy_name_normalise(struct store *s, json_t *o, struct err *err)
{
	const json_t *policy = json_object_get(o, "policy");

	if (json_is_string(policy) && json_string_length(policy) == 0)
		json_object_set_new(o, "policy", json_null());
	return 0;
}

int config_normalise(struct store *s, json_t *document, struct err *err)
{
	static const struct {
		const char *section;
		int (*fn)(struct store *s, json_t *o, struct err *err);
	} steps[] = {
	    {"datastores", datastore_normalise}, {"policies", policy_normalise},
	    {"hosts", host_normalise},           {"portals", portal_normalise},
	    {"volumes", policy_name_normalise},  {"snapshot_schedules", policy_name_normalise},
	};
	json_t *o;
	size_t k;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		json_array_foreach(json_object_get(document, steps[i].section), k, o)
		{
			int rc = steps[i].fn(s, o, err);

			if (rc < 0)
				return placed(err, steps[i].section, k, rc);
		}
	}
	/* Two spellings of one portal are one. */
	return json_object_get(document, "portals")
		   ? twice_check(section_of("portals"), json_object_get(document, "portals"), err)
		   : 0;
}
