/* SPDX-License-Identifier: MIT */
#include "companion.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"

#define PIPE_MS 5000 /* for whoever writes the keys */

struct job *job_new(struct encryption *e)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->keys = secret_alloc(sizeof(*j->keys));
	if (!j->keys) {
		free(j);
		return NULL;
	}
	j->e = e;
	j->fd = -1;
	j->luks = e->luks;
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	export_drop(j->export);
	free(j->header_bytes);
	secret_free(j->keys);
	free(j);
}

/* ---------------------------------------------------------------- helper */

/* The key's bytes, as they come; the pipe's writer may be late. */
static int read_kek(struct job *j, uint8_t *kek)
{
	struct pollfd p = {.fd = j->fd, .events = POLLIN};
	size_t got = 0;

	while (got < LUKS_KEK_BYTES) {
		ssize_t n =
		    poll(&p, 1, PIPE_MS) == 1 ? read(j->fd, kek + got, LUKS_KEK_BYTES - got) : -1;

		if (n <= 0) {
			snprintf(
			    j->luks.text, sizeof(j->luks.text),
			    "the key has %zu bytes, or came too slowly; %u bytes are wanted for "
			    "each key",
			    got, LUKS_KEK_BYTES);
			return -EINVAL;
		}
		got += (size_t)n;
	}
	return 0;
}

static void run(struct sluice_work *w)
{
	struct job *j = w->ctx;

	for (uint32_t i = 0; i < j->kek_count && j->result == 0; i++)
		j->result = read_kek(j, j->keys->keks[i]);
	if (j->run && j->result == 0)
		j->result = j->run(j);
	if (j->result == 0 && !j->leaves_no_header)
		j->result = luks_look(&j->luks, &j->header, &j->was_restored);
}

/* ---------------------------------------------------------------- worker */

static void answer(struct encryption *e, int result, const char *text)
{
	char json[ENCRYPTION_STATUS_BYTES];
	struct sluice_error err = {{0}, {0}};

	if (result < 0) {
		snprintf(err.text, sizeof(err.text), "%s", text[0] ? text : strerror(-result));
		sluice_command_done(e->f, result, NULL, &err);
		return;
	}
	encryption_status(e->f, json, sizeof(json));
	sluice_command_done(e->f, 0, json, NULL);
}

void job_fail(struct job *j, int result, const char *text)
{
	struct encryption *e = j->e;

	e->job = NULL;
	job_free(j);
	answer(e, result, text);
}

static void look_done(struct sluice_work *w)
{
	struct job *j = w->ctx;

	key_looked(j->e, j->result, &j->header, j->was_restored, j->luks.text);
	reencrypt_look_around(j->e);
	job_free(j);
}

static void command_ended(void *ctx, int result)
{
	struct job *j = ctx;
	struct encryption *e = j->e;
	char text[LUKS_TEXT_BYTES];
	int rc;

	if (result < 0) {
		j->result = result;
		snprintf(j->luks.text, sizeof(j->luks.text),
			 "the change could not be brought to the volume's replica, and is "
			 "undone; try again when this side serves");
	}
	e->job = NULL;
	if (j->result == 0) {
		e->header = j->header;
		j->done(j);
	} else if (j->failed) {
		j->failed(j);
	}
	rc = j->result;
	memcpy(text, j->luks.text, sizeof(text));
	job_free(j);
	if (result < 0)
		companion_restart(e);
	answer(e, rc, text);
}

/* What a replica needs is in the stream before anything is written that needs it. */
static void command_done(struct sluice_work *w)
{
	struct job *j = w->ctx;

	if (j->result == 0 && j->changes_header)
		companion_put(j->e, j->leaves_no_header, command_ended, j);
	else
		command_ended(j, 0);
}

void job_go(struct job *j)
{
	j->work.run = run;
	j->work.done = j->run ? command_done : look_done;
	j->work.ctx = j;
	sluice_work_submit(j->e->f, &j->work);
}
