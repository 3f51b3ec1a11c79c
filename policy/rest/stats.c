/* SPDX-License-Identifier: MIT */
/* stats.c - /stats: figures of the last second and of the last day. Thread: main. */
#include "stats.h"

#include <errno.h>

#include "app.h"
#include "clock.h"
#include "history.h"
#include "json.h"
#include "parse.h"
#include "tables.h"
#include "volume_rows.h"

#define POINTS_MAX   2000u
#define POINTS_USUAL 360u
#define DAY_MS       (24ull * 3600u * 1000u)

const char *const stats_history_query[] = {"from_ms", "to_ms", "points", NULL};

static int number(struct request *q, const char *name, uint64_t max, uint64_t *out, struct err *err)
{
	const char *text = request_query(q, name);

	return text ? parse_u64(name, text, 0, max, out, err) : 0;
}

/* A number may have been another volume's before: nothing from before this one was made. */
static uint64_t born_ms(struct request *q, int64_t volume_id)
{
	struct err err;
	cleanup_json json_t *row =
	    volume_id ? store_get_id(q->store, &table_volumes, volume_id, &err) : NULL;

	return rows_u64(row, "created_ms");
}

int stats_history_of(struct request *q, struct reply *r, int64_t volume_id, struct err *err)
{
	uint64_t now_ms = clock_wall_ms(), to_ms = now_ms, from_ms, points = POINTS_USUAL;
	json_t *samples;

	if (number(q, "to_ms", INT64_MAX, &to_ms, err) < 0)
		return -err->code;
	from_ms = to_ms > DAY_MS ? to_ms - DAY_MS : 0;
	if (number(q, "from_ms", INT64_MAX, &from_ms, err) < 0 ||
	    number(q, "points", POINTS_MAX, &points, err) < 0)
		return -err->code;
	if (from_ms > to_ms)
		return err_set(err, ERANGE, "from_ms", "from_ms is later than to_ms");
	if (from_ms < born_ms(q, volume_id))
		from_ms = born_ms(q, volume_id);
	if (to_ms < from_ms)
		to_ms = from_ms;
	samples = history_get(q->app->history, volume_id, (int64_t)from_ms, (int64_t)to_ms,
			      (uint32_t)(points ? points : POINTS_USUAL), err);
	if (!samples)
		return -err->code;
	r->body = json_pack("{s:I, s:I, s:i, s:o}", "from_ms", (json_int_t)from_ms, "to_ms",
			    (json_int_t)to_ms, "step_s", (int)HISTORY_STEP_S, "points", samples);
	return 0;
}

static int now(struct request *q, struct reply *r, struct err *err)
{
	r->body = sampler_figures(q->app->sampler);
	return r->body ? 0 : err_set(err, ENOMEM, "", "no memory for the figures");
}

static int history(struct request *q, struct reply *r, struct err *err)
{
	return stats_history_of(q, r, 0, err);
}

const struct route stats_routes[] = {
    {"GET", "/stats", REST_VIEWER, 0, now, "stats", NULL},
    {"GET", "/stats/history", REST_VIEWER, 0, history, "stats", stats_history_query},
    {.method = NULL},
};
