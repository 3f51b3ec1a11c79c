/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <errno.h>
#include <string.h>

static const json_t *member(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return v && !json_is_null(v) ? v : NULL;
}

static int missing(const char *key, struct err *err)
{
	return err_set(err, EINVAL, key, "%s is missing", key);
}

static int wrong(const char *key, const char *wanted, struct err *err)
{
	return err_set(err, EINVAL, key, "%s must be %s", key, wanted);
}

int json_opt_string(const json_t *obj, const char *key, const char **out, struct err *err)
{
	const json_t *v = member(obj, key);

	if (!v)
		return 0;
	if (!json_is_string(v))
		return wrong(key, "a string", err);
	if (strlen(json_string_value(v)) != json_string_length(v))
		return wrong(key, "a string without zero bytes", err);
	*out = json_string_value(v);
	return 0;
}

int json_get_string(const json_t *obj, const char *key, const char **out, struct err *err)
{
	return member(obj, key) ? json_opt_string(obj, key, out, err) : missing(key, err);
}

int json_opt_u64(const json_t *obj, const char *key, uint64_t min, uint64_t max, uint64_t *out,
		 struct err *err)
{
	const json_t *v = member(obj, key);
	json_int_t i;

	if (!v)
		return 0;
	if (!json_is_integer(v))
		return wrong(key, "a whole number", err);
	i = json_integer_value(v);
	if (i < 0 || (uint64_t)i < min || (uint64_t)i > max)
		return err_set(err, ERANGE, key, "%s: %lld is outside %llu to %llu", key,
			       (long long)i, (unsigned long long)min, (unsigned long long)max);
	*out = (uint64_t)i;
	return 0;
}

int json_get_u64(const json_t *obj, const char *key, uint64_t min, uint64_t max, uint64_t *out,
		 struct err *err)
{
	return member(obj, key) ? json_opt_u64(obj, key, min, max, out, err) : missing(key, err);
}

int json_opt_bool(const json_t *obj, const char *key, bool *out, struct err *err)
{
	const json_t *v = member(obj, key);

	if (!v)
		return 0;
	if (!json_is_boolean(v))
		return wrong(key, "true or false", err);
	*out = json_is_true(v);
	return 0;
}

int json_opt_array(const json_t *obj, const char *key, json_t **out, struct err *err)
{
	json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_array(v))
		return wrong(key, "an array", err);
	*out = v;
	return 0;
}

int json_only(const json_t *obj, const char *const *keys, struct err *err)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)obj, key, v)
	{
		size_t i = 0;

		while (keys[i] && strcmp(keys[i], key) != 0)
			i++;
		if (!keys[i])
			return err_set(err, EINVAL, key, "'%.60s' is not known here", key);
	}
	return 0;
}

json_t *json_parse(const char *text, size_t len, const char *what, struct err *err)
{
	json_error_t at;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);

	if (!j)
		err_set(err, EINVAL, "", "%s is not JSON: %s in line %d, column %d", what, at.text,
			at.line, at.column);
	return j;
}
