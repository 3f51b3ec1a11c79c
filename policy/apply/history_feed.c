/* SPDX-License-Identifier: MIT */
/* history_feed.c - see history_feed.h. */
#include "history_feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "history.h"
#include "json.h"
#include "parse.h"

int history_feed_open(struct history_feed *h, const char *path, struct err *err)
{
	memset(h, 0, sizeof(*h));
	return history_open(path, &h->history, err);
}

void history_feed_close(struct history_feed *h)
{
	if (h->history)
		history_close(h->history);
	h->history = NULL;
	json_decref(h->known);
	h->known = NULL;
	figures_clear(&h->figures);
}

static uint64_t number(const json_t *j, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(j, key));

	return v > 0 ? (uint64_t)v : 0;
}

static uint32_t small(const json_t *j, const char *key)
{
	uint64_t v = number(j, key);

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static json_t *by_name(const json_t *rows)
{
	json_t *out = json_object(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_object_set(out, json_string_value(json_object_get(row, "name")), row);
	}
	return out;
}

static struct history_sample sample_of(const json_t *v, const json_t *row)
{
	return (struct history_sample){
	    .volume_id = json_integer_value(json_object_get(row, "id")),
	    .read_iops = small(v, "read_iops"),
	    .write_iops = small(v, "write_iops"),
	    .read_bytes_per_s = number(v, "read_bytes_per_s"),
	    .write_bytes_per_s = number(v, "write_bytes_per_s"),
	    .read_p50_us = small(v, "read_p50_us"),
	    .read_p99_us = small(v, "read_p99_us"),
	    .write_p50_us = small(v, "write_p50_us"),
	    .write_p99_us = small(v, "write_p99_us"),
	    .allocated_bytes = number(row, "allocated_bytes"),
	    .cache_reads_per_s = small(v, "cache_reads_per_s"),
	    .cache_hits_per_s = small(v, "cache_hits_per_s"),
	    .dirty_bytes = number(v, "dirty_bytes"),
	    .lag_ms = number(v, "lag_ms"),
	};
}

static int add(struct history_feed *h, const json_t *figures, const json_t *rows, int64_t wall_ms,
	       struct err *err)
{
	const json_t *volumes = json_object_get(figures, "volumes"), *v;
	cleanup_json json_t *names = by_name(rows);
	cleanup_free struct history_sample *samples = NULL;
	uint32_t count = 0;
	size_t i;

	if (json_array_size(volumes) == 0)
		return 0;
	samples = calloc(json_array_size(volumes), sizeof(*samples));
	if (!samples)
		return err_set(err, ENOMEM, "", "no memory for the history's samples");
	json_array_foreach(volumes, i, v)
	{
		const json_t *row =
		    json_object_get(names, json_string_value(json_object_get(v, "name")));

		/* A volume that the database does not know has no history. */
		if (row)
			samples[count++] = sample_of(v, row);
	}
	return count ? history_add(h->history, wall_ms, samples, count, err) : 0;
}

/* A volume that is gone leaves nothing: its number may become another's. */
static int forget_gone(struct history_feed *h, const json_t *rows, struct err *err)
{
	json_t *now = json_object(), *row, *unused;
	const char *key;
	char id[24];
	size_t i;
	int rc = 0;

	json_array_foreach(rows, i, row)
	{
		snprintf(id, sizeof(id), "%lld",
			 (long long)json_integer_value(json_object_get(row, "id")));
		json_object_set_new(now, id, json_true());
	}
	json_object_foreach(h->known, key, unused)
	{
		uint64_t gone = 0;

		if (rc == 0 && !json_object_get(now, key) &&
		    parse_u64("id", key, 1, INT64_MAX, &gone, err) == 0)
			rc = history_forget(h->history, (int64_t)gone, err);
	}
	json_decref(h->known);
	h->known = now;
	return rc;
}

static int64_t slot_of(int64_t wall_ms)
{
	return wall_ms / (int64_t)(HISTORY_STEP_S * 1000u);
}

bool history_feed_is_due(const struct history_feed *h, int64_t wall_ms)
{
	return slot_of(wall_ms) != h->last_slot;
}

int history_feed_step(struct history_feed *h, const json_t *volumes, const json_t *rows,
		      uint64_t now_ns, int64_t wall_ms, struct err *err)
{
	cleanup_json json_t *figures = figures_step(&h->figures, volumes, now_ns);
	bool is_first = h->last_slot == 0;
	int rc = forget_gone(h, rows, err);

	h->last_slot = slot_of(wall_ms);
	if (rc < 0)
		return rc;
	/* The first reading has nothing before it: no rates yet. */
	return is_first ? 0 : add(h, figures, rows, wall_ms, err);
}
