/* SPDX-License-Identifier: MIT */
/*
 * settings.c - /settings: the few values of the appliance as a whole, by a table of what each may
 * be. Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "destination.h"
#include "json.h"
#include "settings.h"
#include "tables.h"
#include "volume_rows.h"

#define NAME_TEXT_MAX 80u

struct setting {
	const char *key, *unit, *help;
	const char *def;                                    /* as JSON; NULL: of cfg */
	int (*check)(const json_t *value, struct err *err); /* NULL: nobody may set it */
};

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int check_name(const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);

	if (text && strlen(text) <= NAME_TEXT_MAX && is_plain(text))
		return 0;
	return err_set(
	    err, EINVAL, "value",
	    "appliance_name must be a text of at most %u bytes without control characters",
	    NAME_TEXT_MAX);
}

static int check_hosts(const json_t *value, struct err *err)
{
	const json_t *h;
	size_t i;

	if (!json_is_array(value) || json_array_size(value) > DESTINATIONS_MAX)
		return err_set(err, EINVAL, "value",
			       "egress_allow must be a list of at most %u texts, "
			       "[\"hooks.example.com:443\"]",
			       DESTINATIONS_MAX);
	json_array_foreach(value, i, h)
	{
		const char *text = json_string_value(h);

		if (destination_check("value", text ? text : "", err) < 0)
			return -err->code;
	}
	return 0;
}

static int check_seconds(const json_t *value, json_int_t min, json_int_t max, struct err *err)
{
	json_int_t s = json_integer_value(value);

	if (json_is_integer(value) && s >= min && s <= max)
		return 0;
	return err_set(err, ERANGE, "value",
		       "the value must be a whole number of seconds, %lld to %lld", (long long)min,
		       (long long)max);
}

static int check_idle(const json_t *value, struct err *err)
{
	return check_seconds(value, 60, 24 * 3600, err);
}

static int check_max(const json_t *value, struct err *err)
{
	return check_seconds(value, 300, 7 * 24 * 3600, err);
}

static const struct setting settings[] = {
    {"appliance_name", "",
     "What this appliance is called in console and messages; \"\": as the machine.", "\"\"",
     check_name},
    {"egress_allow", "",
     "Where webhooks may lead: \"name:port\" for https, \"http://address:port\", \"name:port!private\" "
     "for a name of your own network; and key servers, \"kmip://name:port\".",
     "[]", check_hosts},
    {"iqn_base", "", "What every target's IQN begins with; an option of sluice-policyd.", NULL,
     NULL},
    {"session_idle_s", "s", "A browser's session ends after this long without a request.", "900",
     check_idle},
    {"session_max_s", "s", "A browser's session ends after this long in any case.", "43200",
     check_max},
};
#define COUNT (sizeof(settings) / sizeof(settings[0]))

static json_t *value_of(struct request *q, const struct setting *s)
{
	json_t *value = s->check ? store_setting(q->store, s->key) : NULL;

	if (value)
		return value;
	return s->def ? json_loads(s->def, JSON_DECODE_ANY, NULL)
		      : json_string(q->app->cfg->iqn_base);
}

json_t *settings_appliance_name(struct store *store)
{
	json_t *name = store_setting(store, "appliance_name");
	char machine[NAME_TEXT_MAX + 1] = "";

	if (json_string_length(name))
		return name;
	json_decref(name);
	gethostname(machine, NAME_TEXT_MAX);
	return json_string(machine);
}

static json_t *shown(struct request *q, const struct setting *s)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:b}", "key", s->key, "value", value_of(q, s),
			 "unit", s->unit, "help", s->help, "is_read_only", s->check == NULL);
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	json_t *items = json_array();

	for (size_t i = 0; i < COUNT; i++)
		json_array_append_new(items, shown(q, &settings[i]));
	r->body = json_pack("{s:o, s:n, s:i}", "items", items, "next_cursor", "total", (int)COUNT);
	return 0;
}

static const struct setting *find(const char *key, struct err *err)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	err_set(err, ENOENT, "key", "there is no setting %.60s", key);
	return NULL;
}

static int put(struct request *q, struct reply *r, struct err *err)
{
	static const char *const only[] = {"value", NULL};
	const struct setting *s = find(q->segments[0], err);
	json_t *value = json_object_get(q->body, "value");

	if (!s)
		return -err->code;
	if (!s->check)
		return err_set(err, EACCES, "key", "%s is read-only here", s->key);
	if (!value)
		return err_set(err, EINVAL, "value", "value is missing");
	if (json_only(q->body, only, err) < 0 || s->check(value, err) < 0 ||
	    store_setting_put(q->store, s->key, value, err) < 0)
		return -err->code;
	r->body = shown(q, s);
	return rest_event(q, "info", "setting.changed", "setting", s->key, err,
			  "setting %s was changed by %s", s->key, q->actor.name);
}

const struct route settings_routes[] = {
    {"GET", "/settings", REST_VIEWER, 0, list, "setting", NULL},
    {"PUT", "/settings/{key}", REST_ADMIN, ROUTE_NO_RECONCILE, put, "setting", NULL},
    {.method = NULL},
};
