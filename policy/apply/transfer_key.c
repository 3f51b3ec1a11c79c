/* SPDX-License-Identifier: MIT */
/* transfer_key.c - keys for tasks, and what the database is told of them; see
 * transfer_encryption.h. Thread: the job's, but for key_came(). */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "json.h"
#include "keys.h"
#include "log.h"
#include "store_link.h"
#include "transfer_encryption.h"

#define ANSWER_MS 20u
#define RETRY_MS  2000u

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

/* ---------------------------------------------------------------- which key */

int transfer_key_wanted(struct encrypting *e, struct key_of *out, struct err *err)
{
	cleanup_json json_t *rows = store_encrypted_volumes(e->job->store, err);
	char provider[KEY_NAME_BYTES], id[KEY_ID_BYTES];
	const char *wanted = "";
	const json_t *row;
	size_t i;

	if (!rows)
		return -err->code;
	json_array_foreach(rows, i, row)
	{
		if (json_integer_value(json_object_get(row, "id")) == e->volume_id)
			wanted = text_of(json_object_get(row, "parameters"), "key_id");
	}
	if (!key_names_split(wanted, out->name, &out->version))
		return err_set(err, EINVAL, "key_id",
			       "the policy of volume %s names no key: give its encryption rule "
			       "the parameter key_id, the name of a key of sluice key list",
			       e->job->object);
	return key_names_find(e->job->store, out->name, &out->version, provider, id, err);
}

int transfer_key_of_header(const json_t *status, struct key_of *out, struct err *err)
{
	const char *key_id = text_of(status, "key_id");

	if (key_names_split(key_id, out->name, &out->version) && out->version > 0)
		return 0;
	return err_set(err, ENOKEY, "", "its header does not say which key opens it ('%.80s')",
		       key_id);
}

/* ---------------------------------------------------------------- getting it */

/* Between the job and the provider's thread; whoever comes last frees it. */
enum { ASKED, THERE, GIVEN_UP };
struct answer {
	atomic_int state;
	struct key_answer key;
};

static void answer_free(struct answer *a)
{
	if (a)
		fd_close(&a->key.fd);
	free(a);
}

static void key_came(void *ctx, struct key_answer *key)
{
	struct answer *a = ctx;

	a->key = *key;
	if (atomic_exchange(&a->state, THERE) == GIVEN_UP)
		answer_free(a);
}

static void give_up(struct answer *a)
{
	if (atomic_exchange(&a->state, GIVEN_UP) == THERE)
		answer_free(a);
}

/* Asked once. NULL: with err, -EAGAIN if it may be tried again. */
static struct answer *ask(struct encrypting *e, const char *provider, const char *id,
			  struct err *err)
{
	const struct apply_cfg *cfg = e->job->owner->cfg;
	struct answer *a = calloc(1, sizeof(*a));

	if (!a || !cfg->key_get) {
		free(a);
		err_set(err, a ? ENOSYS : ENOMEM, "", "keys cannot be had here");
		return NULL;
	}
	a->key.fd = -1;
	if (cfg->key_get(cfg->keys, provider, id, key_came, a, err) < 0) {
		/* just after a start its thread may not be there yet */
		err->code = err->code == ENOENT ? EAGAIN : err->code;
		free(a);
		return NULL;
	}
	while (atomic_load(&a->state) != THERE) {
		if (transfer_flow_must_stop(e->job, err)) {
			give_up(a);
			return NULL;
		}
		(void)transfers_wait(e->job->owner, ANSWER_MS);
	}
	return a;
}

/* It may come by itself, or by what somebody does elsewhere. */
static bool may_come(enum key_state state)
{
	return state == KEY_PENDING || state == KEY_LOCKED || state == KEY_UNREACHABLE ||
	       state == KEY_REFUSED;
}

/* The pipe; -EAGAIN not yet. */
static int get_once(struct encrypting *e, const char *provider, const char *id, struct err *err)
{
	struct answer *a = ask(e, provider, id, err);
	int fd;

	if (!a)
		return -err->code;
	fd = a->key.fd;
	a->key.fd = -1;
	if (a->key.state != KEY_OK) {
		*err = a->key.err;
		err->code = may_come(a->key.state) ? EAGAIN : err->code ? err->code : ENOKEY;
		fd_close(&fd);
		fd = -err->code;
	}
	answer_free(a);
	return fd;
}

int transfer_key_get(struct encrypting *e, const struct key_of *key, struct err *err)
{
	char provider[KEY_NAME_BYTES], id[KEY_ID_BYTES], text[200];
	int64_t version = key->version;
	int fd = key_names_find(e->job->store, key->name, &version, provider, id, err);

	if (fd < 0)
		return fd;
	while ((fd = get_once(e, provider, id, err)) == -EAGAIN) {
		snprintf(text, sizeof(text), "waiting for key %.60s: %.110s", key->name, err->text);
		transfer_note_progress(e->job, e->job->progress_pct, text);
		(void)transfers_wait(e->job->owner, RETRY_MS);
	}
	return fd;
}

/* ---------------------------------------------------------------- notes */

static int put(struct encrypting *e, const struct key_of *key, struct err *err)
{
	struct store *s = e->job->store;
	int64_t key_id = 0;

	if (key && (key_id = store_id_of(s, &table_keys, key->name, err)) == 0)
		return -err->code;
	return store_volume_key_put(s, e->volume_id, key_id, key ? key->version : 0, key != NULL,
				    err);
}

int transfer_key_note(struct encrypting *e, const struct key_of *key, struct err *err)
{
	int rc = store_begin(e->job->store, err);

	if (rc == 0)
		rc = put(e, key, err);
	if (rc == 0)
		rc = store_commit(e->job->store, err);
	if (rc < 0)
		store_rollback(e->job->store);
	return rc;
}

enum { LOG_LINE_BYTES = 400 };

/* kind NULL: a line in the task's log. */
static void write_down(struct encrypting *e, const char *severity, const char *kind,
		       const char *text)
{
	struct store *s = e->job->store;
	struct err err = {0};
	int rc = store_begin(s, &err);

	if (rc == 0 && kind &&
	    store_event_add(s, severity, kind, "volume", e->job->object, text, NULL, &err) < 0)
		rc = -err.code;
	if (rc == 0)
		rc = store_task_log(s, e->job->task_id, text, &err);
	if (rc == 0)
		rc = store_commit(s, &err);
	if (rc == 0)
		return;
	store_rollback(s);
	log_warn("task %" PRId64 ": not noted ('%s'): %s", e->job->task_id, text, err.text);
}

void transfer_key_log(struct encrypting *e, const char *fmt, ...)
{
	char text[LOG_LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_down(e, "", NULL, text);
}

void transfer_key_event(struct encrypting *e, const char *severity, const char *kind,
			const char *fmt, ...)
{
	char text[LOG_LINE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_down(e, severity, kind, text);
}
