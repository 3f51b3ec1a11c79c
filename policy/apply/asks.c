/* SPDX-License-Identifier: MIT */
#include "asks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "filterd_client.h"
#include "json.h"

struct ask {
	struct list_node node;
	struct asks *owner;
	int64_t id;
	json_t *volumes, *arguments; /* copies of its own: its thread reads them */
	const char *request;         /* of static storage */
	struct filterd_client filterd;
	pthread_t thread;
	int fd; /* of its connection, to shut it down */
	json_t *answer;
	struct err err;
	bool is_ended; /* the lock */
};

void asks_init(struct asks *a, const char *socket, void (*wake)(void *ctx), void *ctx)
{
	*a = (struct asks){.socket = socket, .wake = wake, .ctx = ctx};
	list_init(&a->jobs);
	pthread_mutex_init(&a->lock, NULL);
}

static bool names_meet(const json_t *a, const json_t *b)
{
	const json_t *x, *y;
	size_t i, k;

	json_array_foreach(a, i, x)
	{
		json_array_foreach(b, k, y)
		{
			if (strcmp(json_string_value(x), json_string_value(y)) == 0)
				return true;
		}
	}
	return false;
}

bool asks_is_busy(const struct asks *a, const json_t *volumes)
{
	struct list_node *n;

	list_for_each (n, &a->jobs)
		if (names_meet(list_entry(n, struct ask, node)->volumes, volumes))
			return true;
	return false;
}

bool asks_has(const struct asks *a, int64_t id)
{
	struct list_node *n;

	list_for_each (n, &a->jobs)
		if (list_entry(n, struct ask, node)->id == id)
			return true;
	return false;
}

/* ---------------------------------------------------------------- one request */

static void *ask_main(void *ctx)
{
	struct ask *j = ctx;
	struct asks *a = j->owner;

	j->answer = filterd_ask(&j->filterd, j->request, j->arguments, &j->err);
	pthread_mutex_lock(&a->lock);
	j->is_ended = true;
	pthread_mutex_unlock(&a->lock);
	a->wake(a->ctx);
	return NULL;
}

static void ask_free(struct ask *j)
{
	filterd_client_fini(&j->filterd);
	fd_close(&j->fd);
	json_decref(j->volumes);
	json_decref(j->arguments);
	json_decref(j->answer);
	free(j);
}

static int connect_and_start(struct ask *j, struct err *err)
{
	int rc = filterd_client_init(&j->filterd, j->owner->socket, 0, err);

	if (rc == 0) {
		rc = filterd_look(&j->filterd, err); /* connects */
		rc = rc < 0 ? rc : 0;
	}
	if (rc)
		return rc;
	j->fd = fcntl(j->filterd.ctl.fd, F_DUPFD_CLOEXEC, 0);
	if (j->fd < 0 || pthread_create(&j->thread, NULL, ask_main, j) != 0)
		return err_set(err, EAGAIN, "", "no thread for a request");
	return 0;
}

int asks_begin(struct asks *a, int64_t id, const json_t *volumes, const char *request,
	       json_t *arguments, struct err *err)
{
	struct ask *j = a->count < ASKS_MAX ? calloc(1, sizeof(*j)) : NULL;
	int rc;

	if (!j) {
		json_decref(arguments);
		return err_set(err, EAGAIN, "", "other requests are under way");
	}
	*j = (struct ask){.owner = a,
			  .id = id,
			  .fd = -1,
			  .request = request,
			  .volumes = json_deep_copy(volumes),
			  .arguments = json_deep_copy(arguments)};
	json_decref(arguments);
	rc = connect_and_start(j, err);
	if (rc) {
		ask_free(j);
		return rc;
	}
	list_push_back(&a->jobs, &j->node);
	a->count++;
	return 0;
}

/* ---------------------------------------------------------------- all of them */

static bool has_ended(struct ask *j)
{
	bool is_ended;

	pthread_mutex_lock(&j->owner->lock);
	is_ended = j->is_ended;
	pthread_mutex_unlock(&j->owner->lock);
	return is_ended;
}

static void take_out(struct ask *j)
{
	pthread_join(j->thread, NULL);
	list_del(&j->node);
	j->owner->count--;
}

void asks_reap(struct asks *a,
	       void (*fn)(void *ctx, int64_t id, const json_t *answer, const struct err *err),
	       void *ctx)
{
	struct list_node *n, *next;

	list_for_each_safe (n, next, &a->jobs) {
		struct ask *j = list_entry(n, struct ask, node);

		if (!has_ended(j))
			continue;
		take_out(j);
		fn(ctx, j->id, j->answer, j->answer ? NULL : &j->err);
		ask_free(j);
	}
}

void asks_fini(struct asks *a)
{
	struct list_node *n, *next;

	if (!a->socket)
		return;
	list_for_each_safe (n, next, &a->jobs) {
		struct ask *j = list_entry(n, struct ask, node);

		shutdown(j->fd, SHUT_RDWR);
		take_out(j);
		ask_free(j);
	}
	pthread_mutex_destroy(&a->lock);
	a->socket = NULL;
}
