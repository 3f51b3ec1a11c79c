/* SPDX-License-Identifier: MIT */
/*
 * transfer_command.c - a request to filterd that takes as long as it takes: a cache that is flushed
 * has to write all that is dirty to a datastore that may be slow.
 *
 * The answer is waited for by a thread of its own, on a connection of its own, without a limit;
 * meanwhile the job asks on the job's connection how much is left, for the task's text. When
 * policyd stops, the connection is shut down under the waiting thread; filterd carries on by
 * itself.
 *
 * Thread: the job's, and the one that waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fd.h"
#include "json.h"
#include "transfer_int.h"

#define LOOK_MS 1000u

struct waiting {
	struct transfers *owner;
	struct filterd_client filterd; /* the waiting thread's, once that runs */
	const char *request;
	const json_t *arguments;
	json_t *answer;
	struct err err;
	bool is_ended; /* the owner's lock */
};

static void *wait_main(void *ctx)
{
	struct waiting *w = ctx;

	w->answer = filterd_ask(&w->filterd, w->request, w->arguments, &w->err);
	pthread_mutex_lock(&w->owner->lock);
	w->is_ended = true;
	pthread_cond_broadcast(&w->owner->changed);
	pthread_mutex_unlock(&w->owner->lock);
	return NULL;
}

enum wait_result { WAIT_ENDED, WAIT_GOES_ON, WAIT_STOPPED };

/* LOOK_MS, less when it ends or policyd stops. */
static enum wait_result wait_a_moment(struct waiting *w)
{
	uint64_t until_ns = clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	struct transfers *t = w->owner;
	enum wait_result result;
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	while (rc == 0 && !w->is_ended && !t->is_stopping)
		rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	result = w->is_ended ? WAIT_ENDED : t->is_stopping ? WAIT_STOPPED : WAIT_GOES_ON;
	pthread_mutex_unlock(&t->lock);
	return result;
}

/* What the filters of its chain say of themselves. */
static void note_left(struct job *j)
{
	cleanup_json json_t *name = json_pack("{s:s}", "name", j->object);
	struct err err;
	cleanup_json json_t *answer = filterd_ask(&j->filterd, "volume.show", name, &err);
	const json_t *filters = json_object_get(json_object_get(answer, "volume"), "filters"), *f;
	char text[160];
	size_t i;

	json_array_foreach(filters, i, f)
	{
		const json_t *left = json_object_get(json_object_get(f, "status"), "dirty_bytes");

		if (!json_is_integer(left))
			continue;
		snprintf(text, sizeof(text), "destaging, %lld bytes left",
			 (long long)json_integer_value(left));
		transfer_note_progress(j, 0, text);
	}
}

/* Until the answer is there. False: policyd stops. */
static bool follow(struct job *j, struct waiting *w)
{
	enum wait_result result;

	while ((result = wait_a_moment(w)) == WAIT_GOES_ON)
		note_left(j);
	return result == WAIT_ENDED;
}

json_t *transfer_command_ask(struct job *j, const char *request, const json_t *arguments,
			     struct err *err)
{
	struct waiting w = {.owner = j->owner, .request = request, .arguments = arguments};
	cleanup_fd int fd = -1;
	pthread_t thread;
	bool goes_on;

	if (filterd_client_init(&w.filterd, j->owner->cfg->filterd_socket, 0, err) < 0)
		return NULL;
	/* Connected here, so that there is something to shut down. */
	if (filterd_look(&w.filterd, err) < 0 ||
	    (fd = fcntl(w.filterd.ctl.fd, F_DUPFD_CLOEXEC, 0)) < 0 ||
	    pthread_create(&thread, NULL, wait_main, &w) != 0) {
		if (!err->code)
			err_set(err, EAGAIN, "", "no thread for a command");
		filterd_client_fini(&w.filterd);
		return NULL;
	}
	goes_on = follow(j, &w);
	if (!goes_on)
		shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	filterd_client_fini(&w.filterd);
	if (!w.answer)
		*err = w.err;
	if (!w.answer && !goes_on)
		err_set(
		    err, ESHUTDOWN, "",
		    "sluice-policyd stopped before it had ended; sluice-filterd goes on with it");
	return w.answer;
}
