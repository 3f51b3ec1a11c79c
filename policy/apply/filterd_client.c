/* SPDX-License-Identifier: MIT */
#include "filterd_client.h"

#include <errno.h>
#include <string.h>

#include "json.h"

int filterd_client_init(struct filterd_client *f, const char *socket, uint32_t timeout_ms,
			struct err *err)
{
	f->was_connected = false;
	return ctl_client_init(&f->ctl, socket, "sluice-filterd", timeout_ms, err);
}

void filterd_client_fini(struct filterd_client *f)
{
	ctl_client_fini(&f->ctl);
}

json_t *filterd_ask(struct filterd_client *f, const char *request, const json_t *arguments,
		    struct err *err)
{
	cleanup_json json_t *q = json_pack("{s:s}", "request", request);

	if (!q || (arguments && json_object_update_missing(q, (json_t *)arguments) < 0)) {
		err_set(err, ENOMEM, "", "no memory for a request to sluice-filterd");
		return NULL;
	}
	return ctl_client_ask(&f->ctl, q, -1, err);
}

bool filterd_is_gone(const struct err *err)
{
	switch (err->code) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ETIMEDOUT:
	case EPIPE:
	case ESHUTDOWN: /* it is about to end */
		return true;
	default:
		/* filterd's own ENOENT and EACCES speak of names, paths and the like. */
		return strcmp(err->field, "socket") == 0;
	}
}

int filterd_look(struct filterd_client *f, struct err *err)
{
	bool is_same = f->was_connected && f->ctl.fd >= 0;
	cleanup_json json_t *answer = filterd_ask(f, "hello", NULL, err);

	if (!answer && err->code == ECONNRESET) {
		/* The old one's end of the connection; there may be a new one. */
		is_same = false;
		answer = filterd_ask(f, "hello", NULL, err);
	}
	f->was_connected = answer != NULL;
	return answer ? is_same : -err->code;
}

/* ---------------------------------------------------------------- observing */

/* The rows of one list, page by page. New reference. */
static json_t *pages(struct filterd_client *f, const char *request, const char *list,
		     struct err *err)
{
	cleanup_json json_t *all = json_array(), *after = json_string("");

	for (;;) {
		cleanup_json json_t *arguments =
		    json_pack("{s:O, s:i}", "after", after, "limit", (int)FILTERD_PAGE);
		cleanup_json json_t *answer =
		    arguments ? filterd_ask(f, request, arguments, err) : NULL;
		const json_t *next = json_object_get(answer, "next");

		if (!answer)
			return NULL;
		if (json_array_extend(all, json_object_get(answer, list)) < 0) {
			err_set(err, EPROTO, "", "sluice-filterd answers %s without a list %s",
				request, list);
			return NULL;
		}
		if (!json_is_string(next))
			return json_incref(all);
		if (strcmp(json_string_value(next), json_string_value(after)) <= 0) {
			err_set(err, EPROTO, "", "sluice-filterd's pages of %s go in circles",
				request);
			return NULL;
		}
		json_decref(after);
		after = json_copy((json_t *)next);
	}
}

/* filterd's words for a datastore, in ours. */
static json_t *datastores_of(const json_t *status)
{
	json_t *list = json_copy(json_object_get(status, "datastores"));
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
	{
		json_object_set(d, "is_buffered", json_object_get(d, "buffered"));
		json_object_del(d, "buffered");
	}
	return list;
}

json_t *filterd_observe(struct filterd_client *f, struct err *err)
{
	cleanup_json json_t *status = filterd_ask(f, "status", NULL, err);
	json_t *volumes, *out;

	if (!status)
		return NULL;
	volumes = pages(f, "volumes", "volumes", err);
	if (!volumes)
		return NULL;
	out = json_pack("{s:b, s:O, s:o, s:o}", "is_up", 1, "incarnation",
			json_object_get(status, "incarnation"), "datastores", datastores_of(status),
			"volumes", volumes);
	if (!out)
		err_set(err, EPROTO, "", "sluice-filterd's status lacks what a status has");
	f->was_connected = out != NULL;
	return out;
}

json_t *filterd_filters(struct filterd_client *f, struct err *err)
{
	cleanup_json json_t *answer = filterd_ask(f, "filters", NULL, err);
	json_t *list = json_object_get(answer, "filters");

	if (answer && !list)
		err_set(err, EPROTO, "", "sluice-filterd answers filters without a list");
	return json_incref(list);
}
