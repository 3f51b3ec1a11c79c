/* SPDX-License-Identifier: MIT */
/* args.c - a command's words into path, query and body. One value: args_value.c. */
#include "cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static bool is_option(const struct arg *a)
{
	return a->name[0] == '-';
}

static const struct arg *option_find(const struct command *cmd, const char *word, size_t len)
{
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (is_option(a) && strlen(a->name) == len && strncmp(a->name, word, len) == 0)
			return a;
	return NULL;
}

static const struct arg *place_find(const struct command *cmd, int place)
{
	for (const struct arg *a = cmd->args; a && a->name; a++)
		if (a->name[0] && !is_option(a) &&
		    (place-- == 0 || a->type == ARG_PARAMETERS)) /* all the rest */
			return a;
	return NULL;
}

/* ---------------------------------------------------------------- putting a value in its place */

struct path_values {
	json_t *values; /* parameter: text */
};

static json_t **holder(struct call *call, struct path_values *path, enum arg_place place)
{
	switch (place) {
	case TO_PATH:
		return &path->values;
	case TO_QUERY:
		return &call->query;
	case TO_COMMAND:
		return &call->own;
	default:
		return &call->body;
	}
}

/* A query name is always text. */
static json_t *as_text(json_t *value)
{
	json_t *text = NULL;

	if (json_is_string(value))
		return value;
	if (json_is_integer(value))
		text = json_sprintf("%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		text = json_string(json_is_true(value) ? "1" : "0");
	json_decref(value);
	return text ? text : json_string("");
}

static int put(struct cli *c, struct call *call, struct path_values *path, const struct arg *a,
	       const char *text, struct err *err)
{
	json_t **to = holder(call, path, a->place), *value = NULL;
	int rc;

	if (!*to)
		*to = json_object();
	value = json_incref(json_object_get(*to, a->member));
	rc = args_value(c, a, text, &value, err);
	if (rc < 0) {
		json_decref(value);
		return rc;
	}
	if (a->place == TO_QUERY || a->place == TO_PATH)
		value = as_text(value);
	if (!(a->flags & ARG_WHOLE_BODY)) {
		json_object_set_new(*to, a->member, value);
		return 0;
	}
	rc = json_is_object(value)
		 ? 0
		 : err_set(err, EINVAL, a->name, "%s does not hold a JSON object", text);
	if (rc == 0)
		json_object_update(*to, value);
	json_decref(value);
	return rc;
}

static int take_option(struct cli *c, struct call *call, struct path_values *path, int argc,
		       char *const *argv, int *i, struct err *err)
{
	const char *word = argv[*i], *value = NULL;
	size_t len = strcspn(word, "=");
	const struct arg *a = option_find(call->command, word, len);

	if (!a)
		return err_set(err, EINVAL, word, "'%s' has no option %.*s", call->command->words,
			       (int)len, word);
	if (word[len] == '=')
		value = word + len + 1;
	if (a->type == ARG_FLAG || a->type == ARG_OFF) {
		if (value)
			return err_set(err, EINVAL, a->name, "%s takes no value", a->name);
		value = "";
	} else if (!value) {
		if (*i + 1 >= argc)
			return err_set(err, EINVAL, a->name, "%s needs a value: %s %s", a->name,
				       a->name, help_value_word(a));
		value = argv[++*i];
	}
	return put(c, call, path, a, value, err);
}

/* ---------------------------------------------------------------- what was not written */

static int fill_one(struct cli *c, struct call *call, struct path_values *path, const struct arg *a,
		    struct err *err)
{
	json_t **to = holder(call, path, a->place);

	if (a->type == ARG_FIXED)
		return put(c, call, path, a, a->values, err);
	if (*to && (json_object_get(*to, a->member) || (a->flags & ARG_WHOLE_BODY)))
		return 0;
	if (a->flags & ARG_EMPTY)
		return put(c, call, path, a, "", err);
	if (a->type == ARG_SECRET && (a->flags & ARG_PROMPT))
		return put(c, call, path, a, "-", err);
	if (a->flags & ARG_REQUIRED)
		return err_set(err, EINVAL, a->name, "%s is missing: %s", a->name, a->help);
	return 0;
}

static int where_split(struct call *call, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(call->own, "where"), i, item)
	{
		const char *text = json_string_value(item);
		size_t len = strcspn(text, "=");

		if (len == 0 || text[len] == '\0')
			return err_set(err, EINVAL, "--where",
				       "--where: '%.80s' is not column=value", text);
		if (!call->query)
			call->query = json_object();
		json_object_setn_new(call->query, text, len, json_string(text + len + 1));
	}
	return 0;
}

static void name_take(struct call *call, const struct path_values *path)
{
	const char *name = json_string_value(json_object_get(path->values, "name"));

	if (!name)
		name = json_string_value(json_object_get(path->values, "id"));
	if (!name)
		name = json_string_value(json_object_get(path->values, "key"));
	if (!name)
		name = json_string_value(json_object_get(call->body, "name"));
	snprintf(call->name, sizeof(call->name), "%s", name ? name : "");
}

/* What is confirmed here is confirmed there: the appliance wants the name twice. */
static void confirm_add(struct call *call)
{
	if (!(call->command->flags & COMMAND_CONFIRMS))
		return;
	if (!call->query)
		call->query = json_object();
	json_object_set_new(call->query, "confirm", json_string(call->name));
}

/* ---------------------------------------------------------------- the path */

static int append(char **text, size_t *at, const char *more, size_t len)
{
	char *grown = realloc(*text, *at + len + 1);

	if (!grown)
		return -ENOMEM;
	memcpy(grown + *at, more, len);
	*at += len;
	grown[*at] = '\0';
	*text = grown;
	return 0;
}

static int append_escaped(char **text, size_t *at, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	int rc = escaped ? append(text, at, escaped, strlen(escaped)) : -ENOMEM;

	curl_free(escaped);
	return rc;
}

/* {name} and the like become their values. */
static char *path_expand(const char *pattern, const json_t *values)
{
	bool is_outside = strcmp(pattern, "/healthz") == 0 || strcmp(pattern, "/readyz") == 0 ||
			  strcmp(pattern, "/metrics") == 0;
	char *text = NULL;
	size_t at = 0;
	int rc = append(&text, &at, is_outside ? "" : "/api/v1", is_outside ? 0 : 7);

	while (rc == 0 && *pattern) {
		size_t len = strcspn(pattern, "{");
		char key[32];

		rc = append(&text, &at, pattern, len);
		pattern += len;
		if (rc < 0 || !*pattern)
			break;
		len = strcspn(pattern, "}");
		snprintf(key, sizeof(key), "%.*s", (int)len - 1, pattern + 1);
		rc = append_escaped(&text, &at, json_string_value(json_object_get(values, key)));
		pattern += len + 1;
	}
	if (rc == 0)
		return text;
	free(text);
	return NULL;
}

char *args_target(const char *path, const json_t *query)
{
	char *text = NULL;
	const char *key;
	json_t *value;
	size_t at = 0;
	int rc = append(&text, &at, path, strlen(path));
	const char *mark = "?";

	json_object_foreach((json_t *)query, key, value)
	{
		if (rc == 0)
			rc = append(&text, &at, mark, 1);
		if (rc == 0)
			rc = append_escaped(&text, &at, key);
		if (rc == 0)
			rc = append(&text, &at, "=", 1);
		if (rc == 0 && json_string_length(value))
			rc = append_escaped(&text, &at, json_string_value(value));
		mark = "&";
	}
	if (rc == 0)
		return text;
	free(text);
	return NULL;
}

/* ---------------------------------------------------------------- all of it */

static int take_words(struct cli *c, struct call *call, struct path_values *path, int argc,
		      char *const *argv, struct err *err)
{
	bool is_literal = false;
	int place = 0, rc = 0;

	for (int i = 0; i < argc && rc == 0; i++) {
		const struct arg *a;

		if (!is_literal && strcmp(argv[i], "--") == 0) {
			is_literal = true;
			continue;
		}
		if (!is_literal && argv[i][0] == '-' && argv[i][1] != '\0') {
			rc = take_option(c, call, path, argc, argv, &i, err);
			continue;
		}
		a = place_find(call->command, place++);
		if (!a)
			return err_set(err, EINVAL, "", "'%.80s' is too much for sluice %s",
				       argv[i], call->command->words);
		rc = put(c, call, path, a, argv[i], err);
	}
	return rc;
}

int args_parse(struct cli *c, const struct command *cmd, int argc, char *const *argv,
	       struct call *out, struct err *err)
{
	struct path_values path = {NULL};
	int rc;

	memset(out, 0, sizeof(*out));
	out->command = cmd;
	rc = take_words(c, out, &path, argc, argv, err);
	for (const struct arg *a = cmd->args; rc == 0 && a && a->name; a++)
		rc = fill_one(c, out, &path, a, err);
	if (rc == 0)
		rc = where_split(out, err);
	if (rc == 0) {
		name_take(out, &path);
		confirm_add(out);
		out->path = path_expand(cmd->path, path.values);
		if (!out->path)
			rc = err_set(err, ENOMEM, "", "no memory");
	}
	if (rc == 0 && !out->body &&
	    (strcmp(cmd->method, "PATCH") == 0 || strcmp(cmd->method, "PUT") == 0))
		rc = cmd->run ? 0
			      : err_set(err, EINVAL, "",
					"nothing to change is given; 'sluice help "
					"%s' lists what can be",
					cmd->words);
	json_decref(path.values);
	if (rc < 0)
		args_free(out);
	return rc;
}

void args_free(struct call *call)
{
	free(call->path);
	json_decref(call->query);
	json_decref(call->body);
	json_decref(call->own);
	memset(call, 0, sizeof(*call));
}
