/* SPDX-License-Identifier: MIT */
#include "apply_failures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

#define FIRST_BUSY_MS 100u
#define FIRST_MS      1000u
#define LAST_MS       60000u
#define LAST_BUSY_MS                                                                               \
	4000u /* what is merely busy becomes free at some moment, and is waited for                \
	       */

void failures_key(const json_t *object, char key[FAILURES_KEY_BYTES])
{
	const char *type = json_string_value(json_object_get(object, "object_type"));
	const char *name = json_string_value(json_object_get(object, "object_name"));

	snprintf(key, FAILURES_KEY_BYTES, "%s/%s", type ? type : "", name ? name : "");
}

/* Time alone may mend these. */
static bool is_busy(int code)
{
	return code == EBUSY || code == EAGAIN || code == ENOTCONN || code == ENOMEM ||
	       code == ETIMEDOUT;
}

static uint64_t pause_ms(bool busy, json_int_t fails)
{
	uint64_t ms = busy ? FIRST_BUSY_MS : FIRST_MS, last_ms = busy ? LAST_BUSY_MS : LAST_MS;

	while (fails-- > 1 && ms < last_ms)
		ms *= 2;
	return ms < last_ms ? ms : last_ms;
}

void failures_add(json_t *failures, const char *key, const struct err *err, uint64_t now_ns)
{
	const json_t *old = json_object_get(failures, key);
	json_int_t fails = json_integer_value(json_object_get(old, "fails")) + 1;
	bool is_told = json_is_true(json_object_get(old, "is_told"));
	bool busy = is_busy(err->code);
	uint64_t next_ns = now_ns + pause_ms(busy, fails) * CLOCK_NS_PER_MS;

	json_object_set_new(failures, key,
			    json_pack("{s:i, s:s, s:s, s:I, s:b, s:b, s:I, s:I}", "code", err->code,
				      "field", err->field, "text", err->text, "fails", fails,
				      "is_final", !busy, "is_told", is_told, "next_ns",
				      (json_int_t)next_ns, "at_ms", (json_int_t)clock_wall_ms()));
}

static uint64_t time_of(const json_t *failure)
{
	return (uint64_t)json_integer_value(json_object_get(failure, "next_ns"));
}

bool failures_waits(const json_t *failures, const char *key, uint64_t now_ns)
{
	const json_t *f = json_object_get(failures, key);

	return f && time_of(f) > now_ns;
}

void failures_hurry(json_t *failures)
{
	const char *key;
	json_t *f;

	json_object_foreach(failures, key, f)
	{
		json_object_set_new(f, "next_ns", json_integer(0));
		json_object_set_new(f, "fails", json_integer(0));
	}
}

void failures_keep(json_t *failures, const json_t *steps)
{
	json_t *wanted, *f;
	char key[FAILURES_KEY_BYTES];
	const json_t *step;
	const char *k;
	size_t i;
	void *tmp;

	if (!json_object_size(failures))
		return;
	wanted = json_object();
	json_array_foreach(steps, i, step)
	{
		failures_key(step, key);
		json_object_set_new(wanted, key, json_true());
	}
	json_object_foreach_safe(failures, tmp, k, f)
	{
		if (!json_object_get(wanted, k))
			json_object_del(failures, k);
	}
	json_decref(wanted);
}

uint64_t failures_next_ns(const json_t *failures)
{
	uint64_t next_ns = UINT64_MAX;
	const char *key;
	json_t *f;

	json_object_foreach((json_t *)failures, key, f)
	{
		if (time_of(f) < next_ns)
			next_ns = time_of(f);
	}
	return next_ns;
}

bool failures_get(const json_t *failures, const char *key, struct err *err, bool *is_final)
{
	const json_t *f = json_object_get(failures, key);

	if (!f)
		return false;
	err_set(err, (int)json_integer_value(json_object_get(f, "code")),
		json_string_value(json_object_get(f, "field")), "%s",
		json_string_value(json_object_get(f, "text")));
	*is_final = json_is_true(json_object_get(f, "is_final"));
	return true;
}

bool failures_tell(json_t *failures, const char *key)
{
	json_t *f = json_object_get(failures, key);

	if (!f || json_is_true(json_object_get(f, "is_told")) ||
	    !json_is_true(json_object_get(f, "is_final")))
		return false;
	json_object_set_new(f, "is_told", json_true());
	return true;
}
