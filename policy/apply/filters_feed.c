/* SPDX-License-Identifier: MIT */
/* filters_feed.c - see filters_feed.h. */
#include "filters_feed.h"

#include <errno.h>

#include "clock.h"
#include "ctl_client.h"
#include "json.h"
#include "store_link.h"

void filters_feed_free(struct filters_feed *f)
{
	json_decref(f->chains);
	json_decref(f->after);
	*f = (struct filters_feed){0};
}

/* Not there any more, or not yet, is an answer like others; an older filterd knows no such request.
 */
static json_t *ask(struct ctl_client *client, const char *request, const char *name,
		   struct err *err)
{
	cleanup_json json_t *q = json_pack("{s:s, s:s}", "request", request, "name", name);
	struct err mine = {0};
	json_t *answer = client->fd < 0 ? NULL : ctl_client_ask(client, q, -1, &mine);

	if (!answer && mine.code && mine.code != ENOENT && mine.code != ENOSYS)
		*err = mine;
	return answer;
}

json_t *filters_feed_datastores(struct store *s, struct ctl_client *client, struct err *err)
{
	cleanup_json json_t *names = store_datastores_filtered(s, err);
	json_t *out = json_object();
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		cleanup_json json_t *answer =
		    ask(client, "datastore.filters", json_string_value(name), err);
		json_t *filters = json_object_get(answer, "filters");

		if (json_is_array(filters))
			json_object_set(out, json_string_value(name), filters);
	}
	return out;
}

/* ---------------------------------------------------------------- chains */

static void look_at(struct filters_feed *f, struct ctl_client *client, const char *volume,
		    struct err *err)
{
	cleanup_json json_t *answer = ask(client, "volume.show", volume, err);
	json_t *statuses = json_object();
	const json_t *filter;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(answer, "volume"), "filters"), i, filter)
	{
		const char *name = json_string_value(json_object_get(filter, "filter"));
		json_t *status = json_object_get(filter, "status");

		if (name && json_is_object(status))
			json_object_set(statuses, name, status);
	}
	if (answer)
		json_object_set_new(f->chains, volume,
				    json_pack("{s:I, s:O}", "at_ms", (json_int_t)clock_wall_ms(),
					      "filters", statuses));
	json_decref(statuses);
}

/* From where the last turn ended; behind the last one it begins anew. */
static void look_in_turn(struct filters_feed *f, struct store *s, struct ctl_client *client,
			 struct err *err)
{
	const char *after = f->after ? json_string_value(f->after) : "";
	cleanup_json json_t *names = store_volumes_filtered(s, after, FILTERS_FEED_VOLUMES, err);
	size_t count = json_array_size(names);

	for (size_t i = 0; i < count; i++)
		look_at(f, client, json_string_value(json_array_get(names, i)), err);
	json_decref(f->after);
	f->after =
	    count == FILTERS_FEED_VOLUMES ? json_incref(json_array_get(names, count - 1)) : NULL;
}

/* {volume: {filter: status}} of what is not too old, which is forgotten. */
static json_t *fresh(struct filters_feed *f)
{
	json_int_t now_ms = (json_int_t)clock_wall_ms();
	json_t *out = json_object(), *chain;
	const char *volume;
	void *next;

	json_object_foreach_safe(f->chains, next, volume, chain)
	{
		json_int_t at_ms = json_integer_value(json_object_get(chain, "at_ms"));

		if (at_ms + (json_int_t)FILTERS_FEED_KEPT_MS < now_ms || at_ms > now_ms)
			json_object_del(f->chains, volume);
		else
			json_object_set_new(out, volume,
					    json_deep_copy(json_object_get(chain, "filters")));
	}
	return out;
}

json_t *filters_feed_chains(struct filters_feed *f, struct store *s, struct ctl_client *client,
			    const json_t *asked, struct err *err)
{
	const char *volume;
	json_t *is_asked;

	if (!f->chains)
		f->chains = json_object();
	json_object_foreach((json_t *)asked, volume, is_asked)
	{
		look_at(f, client, volume, err);
	}
	look_in_turn(f, s, client, err);
	return fresh(f);
}
