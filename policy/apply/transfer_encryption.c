/* SPDX-License-Identifier: MIT */
/* transfer_encryption.c - see transfer_encryption.h. Thread: the job's. */
#include "transfer_encryption.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fd.h"
#include "json.h"
#include "model.h"
#include "store_link.h"

#define LOOK_MS 500u

struct operation {
	const char *kind, *command;
	const char *walk; /* the filter's word for it; NULL: done when it is answered */
	/* 0: it was sent; reply's is in status */
	int (*begin)(struct encrypting *e, const json_t *status, struct err *err);
	/* What is true now; status: after it. */
	int (*ended)(struct encrypting *e, const json_t *status, bool is_cancelled,
		     struct err *err);
};

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static int64_t number_of(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

static bool is_state(const json_t *status, const char *word)
{
	return strcmp(text_of(status, "state"), word) == 0;
}

/* ---------------------------------------------------------------- filterd */

/* Takes args (NULL: none); fd -1: no key. The filter's status, new reference. */
static json_t *command(struct encrypting *e, const char *name, json_t *args, int fd,
		       struct err *err)
{
	cleanup_json json_t *request = json_pack(
	    "{s:s, s:s, s:s, s:s, s:o}", "request", "filter.command", "name", e->job->object,
	    "filter", e->filter, "command", name, "args", args ? args : json_object());
	cleanup_json json_t *answer = NULL;

	if (!request) {
		err_set(err, ENOMEM, "", "no memory for a request to sluice-filterd");
		return NULL;
	}
	answer = ctl_client_ask(&e->job->filterd.ctl, request, fd, err);
	return answer ? json_incref(json_object_get(answer, "reply")) : NULL;
}

static int find_filter(struct encrypting *e, struct err *err)
{
	struct job *j = e->job;
	cleanup_json json_t *row = store_get(j->store, &table_volumes, j->object, err);
	cleanup_json json_t *name = json_pack("{s:s}", "name", j->object), *answer = NULL;
	const json_t *volume, *f;
	size_t i;

	if (!row)
		return -err->code;
	e->volume_id = number_of(row, "id");
	answer = filterd_ask(&j->filterd, "volume.show", name, err);
	if (!answer)
		return err->code == ENOENT ? err_set(err, EAGAIN, "", "it is not open yet")
					   : -err->code;
	volume = json_object_get(answer, "volume");
	if (strcasecmp(text_of(row, "uuid"), text_of(volume, "uuid")) != 0)
		return err_set(err, EEXIST, "", "sluice-filterd has another volume by the name %s",
			       j->object);
	if (!is_state(volume, "serving"))
		return err_set(err, EAGAIN, "", "it is %s", text_of(volume, "state"));
	json_array_foreach(json_object_get(volume, "filters"), i, f)
	{
		if ((uint32_t)number_of(f, "class") != model_class_number("encryption"))
			continue;
		snprintf(e->filter, sizeof(e->filter), "%s", text_of(f, "filter"));
		return 0;
	}
	return err_set(err, EINVAL, "",
		       "volume %s has no encryption; a policy with a rule of the class encryption "
		       "gives it one",
		       j->object);
}

/* ---------------------------------------------------------------- what is begun */

/* Before the command: who dies in between must know afterwards whether it was taken. */
static int note_beginning(struct encrypting *e, const json_t *status, struct err *err)
{
	json_t *p = e->job->parameters;
	cleanup_json json_t *change = NULL;
	int rc;

	json_object_set_new(p, "walks_done", json_integer(number_of(status, "walks_done")));
	json_object_set_new(p, "walks_cancelled",
			    json_integer(number_of(status, "walks_cancelled")));
	change = json_pack("{s:O}", "parameters", p);
	rc = store_begin(e->job->store, err);
	if (rc == 0)
		rc = store_note(e->job->store, &table_tasks, e->job->task_id, change, err);
	if (rc == 0)
		rc = store_commit(e->job->store, err);
	if (rc < 0)
		store_rollback(e->job->store);
	return rc;
}

/* Sends the operation's command with what is in fd; fd is closed. */
static int send(struct encrypting *e, const json_t *status, json_t *args, int fd, struct err *err)
{
	cleanup_json json_t *owned = args, *reply = NULL;
	int rc = e->op->walk ? note_beginning(e, status, err) : 0;

	if (rc == 0) {
		reply = command(e, e->op->command, json_incref(owned), fd, err);
		rc = reply ? 0 : -err->code;
	}
	fd_close(&fd);
	return rc;
}

static json_t *key_id_args(const struct key_of *key)
{
	char text[128];

	snprintf(text, sizeof(text), "%s:%" PRId64, key->name, key->version);
	return json_pack("{s:s}", "key_id", text);
}

/* Should this not be written now, it is when the task ends, or the volume is looked at again. */
static void note_now(struct encrypting *e, const struct key_of *key)
{
	struct err err = {0};

	if (transfer_key_note(e, key, &err) < 0)
		transfer_key_log(e, "which key it needs is noted later: %s", err.text);
}

static int begin_encrypt(struct encrypting *e, const json_t *status, struct err *err)
{
	struct key_of key = {.version = 0};
	int fd, rc;

	if (!is_state(status, "clear") && !is_state(status, "unformatted"))
		return err_set(err, EEXIST, "", "volume %s is encrypted already; it is %s",
			       e->job->object, text_of(status, "state"));
	if (json_is_true(json_object_get(status, "is_erased")))
		return err_set(err, ENODATA, "",
			       "volume %s was erased: what it holds is noise; delete it",
			       e->job->object);
	rc = transfer_key_wanted(e, &key, err);
	if (rc == 0)
		rc = key_names_claim(e->job->store, e->volume_id, key.name, key.version, err);
	if (rc < 0)
		return rc;
	fd = transfer_key_get(e, &key, err);
	rc = fd < 0 ? fd : send(e, status, key_id_args(&key), fd, err);
	if (rc == 0)
		note_now(e, &key);
	else if (!filterd_is_gone(err))
		note_now(e, NULL);
	if (rc == 0)
		transfer_key_log(
		    e, "its header was made with version %" PRId64 " of key %s; the walk begins",
		    key.version, key.name);
	return rc;
}

/* What opens it now, and what is to. */
static int both_keys(struct encrypting *e, const struct key_of *old, const struct key_of *new_key,
		     struct err *err)
{
	int first = transfer_key_get(e, old, err), second, both;

	if (first < 0)
		return first;
	second = transfer_key_get(e, new_key, err);
	both = second < 0 ? second : key_names_join(first, second, err);
	fd_close(&first);
	if (second >= 0)
		fd_close(&second);
	return both;
}

static int begin_rekey(struct encrypting *e, const json_t *status, struct err *err)
{
	struct key_of old = {.version = 0}, key = {.version = 0};
	int fd, rc = transfer_key_of_header(status, &old, err);

	if (rc == 0)
		rc = transfer_key_wanted(e, &key, err);
	if (rc < 0)
		return rc;
	if (!e->op->walk && strcmp(old.name, key.name) == 0 && old.version == key.version) {
		transfer_key_log(e, "version %" PRId64 " of key %s opens it already", key.version,
				 key.name);
		return 0;
	}
	fd = both_keys(e, &old, &key, err);
	rc = fd < 0 ? fd : send(e, status, key_id_args(&key), fd, err);
	if (rc == 0)
		note_now(e, &key);
	if (rc == 0)
		transfer_key_log(e,
				 "version %" PRId64 " of key %s opens it now, not version %" PRId64
				 " of key %s any more%s",
				 key.version, key.name, old.version, old.name,
				 e->op->walk ? "; the walk to a new volume key begins" : "");
	return rc;
}

static int begin_confirmed(struct encrypting *e, const json_t *status, struct err *err)
{
	int rc = send(e, status, json_pack("{s:s}", "confirm", e->job->object), -1, err);

	if (rc == 0 && e->op->walk)
		transfer_key_log(e, "the walk begins");
	return rc;
}

static int begin_plain(struct encrypting *e, const json_t *status, struct err *err)
{
	return send(e, status, NULL, -1, err);
}

/* ---------------------------------------------------------------- what has ended */

static int ended_encrypt(struct encrypting *e, const json_t *status, bool is_cancelled,
			 struct err *err)
{
	struct key_of key = {.version = 0};
	int rc;

	if (is_cancelled)
		return transfer_key_note(e, NULL, err);
	rc = transfer_key_of_header(status, &key, err);
	if (rc == 0)
		rc = transfer_key_note(e, &key, err);
	if (rc == 0)
		transfer_key_event(e, "info", "volume.encrypted",
				   "all of volume %s is encrypted; version %" PRId64
				   " of key %s opens it",
				   e->job->object, key.version, key.name);
	return rc;
}

static int ended_decrypt(struct encrypting *e, const json_t *status, bool is_cancelled,
			 struct err *err)
{
	int rc;

	if (is_cancelled)
		return 0;
	rc = transfer_key_note(e, NULL, err);
	if (rc == 0)
		transfer_key_event(e, "warning", "volume.decrypted",
				   "all of volume %s is in clear on its datastore; no key is "
				   "needed for it any more",
				   e->job->object);
	return rc;
}

/* A cancelled one has the new wrapping key all the same. */
static int ended_rekey(struct encrypting *e, const json_t *status, bool is_cancelled,
		       struct err *err)
{
	struct key_of key = {.version = 0};
	int rc = transfer_key_of_header(status, &key, err);

	if (rc == 0)
		rc = transfer_key_note(e, &key, err);
	if (rc == 0 && !is_cancelled)
		transfer_key_event(e, "info", "volume.rekeyed",
				   e->op->walk ? "volume %s has a new volume key, opened by "
						 "version %" PRId64 " of key %s"
					       : "volume %s is opened by version %" PRId64
						 " of key %s",
				   e->job->object, key.version, key.name);
	return rc;
}

/* Proof: the filter has overwritten both headers, read them back and removed them, or it would have
 * refused; now the key that used to open it is tried once more. */
static int ended_erase(struct encrypting *e, const json_t *status, bool is_cancelled,
		       struct err *err)
{
	struct err tried = {0};
	cleanup_json json_t *known = store_volume_key(e->job->store, e->volume_id, err);
	struct key_of key = {.version = number_of(known, "version")};
	cleanup_json json_t *opened = NULL;
	int fd, rc;

	if (!json_is_true(json_object_get(status, "is_erased")))
		return err_set(err, EIO, "", "volume %s is %s after it was erased", e->job->object,
			       text_of(status, "state"));
	if (key.version) {
		snprintf(key.name, sizeof(key.name), "%s", text_of(known, "key"));
		fd = transfer_key_get(e, &key, &tried);
		opened = fd < 0 ? NULL : command(e, "unlock", NULL, fd, &tried);
		if (fd >= 0)
			fd_close(&fd);
		transfer_key_log(e, "version %" PRId64 " of key %s: %s", key.version, key.name,
				 opened ? "OPENS IT" : tried.text);
	}
	if (opened)
		return err_set(err, EIO, "", "key %s still opens volume %s", key.name,
			       e->job->object);
	rc = transfer_key_note(e, NULL, err);
	if (rc == 0)
		transfer_key_event(e, "warning", "volume.erased",
				   "the LUKS headers of volume %s are overwritten, were read back "
				   "and removed: nothing opens its data any more",
				   e->job->object);
	return rc;
}

/* ---------------------------------------------------------------- all of them */

static const struct operation operations[] = {
    {"encryption.encrypt", "encrypt_in_place", "encrypt", begin_encrypt, ended_encrypt},
    {"encryption.decrypt", "decrypt_in_place", "decrypt", begin_confirmed, ended_decrypt},
    {"encryption.rekey", "rekey_deep", "rekey", begin_rekey, ended_rekey},
    {"encryption.rekey", "rekey_shallow", NULL, begin_rekey, ended_rekey},
    {"encryption.erase", "erase", NULL, begin_confirmed, ended_erase},
    {"encryption.pause", "reencrypt_pause", NULL, begin_plain, NULL},
    {"encryption.resume", "reencrypt_resume", NULL, begin_plain, NULL},
};

static const struct operation *operation_of(const struct job *j)
{
	bool is_deep = json_is_true(json_object_get(j->parameters, "is_deep"));
	bool is_rekey = strcmp(j->kind, "encryption.rekey") == 0;

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].kind, j->kind) == 0 &&
		    (!is_rekey || is_deep == (operations[i].walk != NULL)))
			return &operations[i];
	return NULL;
}

/* ---------------------------------------------------------------- following a walk */

static void show(struct encrypting *e, const json_t *walk)
{
	uint64_t done_bytes = (uint64_t)number_of(walk, "done_bytes");
	uint64_t total_bytes = (uint64_t)number_of(walk, "total_bytes");
	const char *state = text_of(walk, "state"), *why = text_of(walk, "text");
	char text[200];

	snprintf(text, sizeof(text), "%s, %" PRIu64 " of %" PRIu64 " MiB%s%.130s", state,
		 done_bytes >> 20, total_bytes >> 20, why[0] ? ": " : "", why);
	transfer_note_progress(
	    e->job, total_bytes ? (uint32_t)((unsigned __int128)done_bytes * 99 / total_bytes) : 0,
	    text);
}

static int follow(struct encrypting *e, const json_t *walk, struct err *err)
{
	struct err refused = {0};
	int rc;

	if (strcmp(text_of(walk, "kind"), e->op->walk ? e->op->walk : "") != 0 ||
	    !json_object_get(e->job->parameters, "walks_done"))
		return err_set(err, EALREADY, "",
			       "volume %s is being changed already: '%s' is under way; wait for "
			       "its end, or cancel its task",
			       e->job->object, text_of(walk, "kind"));
	show(e, walk);
	rc = transfer_flow_must_stop(e->job, err);
	if (rc == -ECANCELED && !e->is_cancel_sent) {
		json_t *reply = command(e, "reencrypt_cancel", NULL, -1, &refused);

		e->is_cancel_sent = reply || refused.code == EALREADY;
		if (e->is_cancel_sent)
			transfer_key_log(e, "the walk goes back to where it began");
		json_decref(reply);
	}
	return rc == -ECANCELED ? 0 : rc;
}

/* ---------------------------------------------------------------- one look */

static int end(struct encrypting *e, bool is_cancelled, struct err *err)
{
	cleanup_json json_t *status = command(e, "status", NULL, -1, err);
	int rc = status ? 0 : -err->code;

	if (rc == 0 && e->op->ended)
		rc = e->op->ended(e, status, is_cancelled, err);
	return rc == 0 && is_cancelled
		   ? err_set(err, ECANCELED, "", "it was cancelled; volume %s is what it was",
			     e->job->object)
		   : rc;
}

/* The walk is not there: it has ended, or was never begun. */
static bool was_walked(const struct encrypting *e, const json_t *status, bool *is_cancelled)
{
	const json_t *p = e->job->parameters;

	*is_cancelled = false;
	if (!e->op->walk || !json_object_get(p, "walks_done"))
		return false;
	*is_cancelled = number_of(status, "walks_cancelled") != number_of(p, "walks_cancelled");
	return *is_cancelled || number_of(status, "walks_done") != number_of(p, "walks_done");
}

static int turn(struct encrypting *e, bool *is_ended, struct err *err)
{
	cleanup_json json_t *status = NULL;
	bool is_cancelled;
	const json_t *walk;
	int rc = find_filter(e, err);

	if (rc < 0)
		return rc;
	status = command(e, "status", NULL, -1, err);
	if (!status)
		return -err->code;
	walk = json_object_get(status, "reencrypt");
	if (json_is_object(walk) && (e->op->walk || e->op->ended))
		return follow(e, walk, err);
	if (!was_walked(e, status, &is_cancelled)) {
		rc = transfer_flow_must_stop(e->job, err);
		if (rc == 0)
			rc = e->op->begin(e, status, err);
		if (rc < 0 || e->op->walk)
			return rc;
	}
	rc = end(e, is_cancelled, err);
	*is_ended = rc == 0;
	return rc;
}

/* ---------------------------------------------------------------- the whole */

/* True: it passes, by itself or by somebody's doing. */
static bool is_not_yet(struct encrypting *e, const struct err *err)
{
	if (filterd_is_gone(err)) {
		fd_close(&e->job->filterd.ctl.fd);
		return true;
	}
	return err->code == EBUSY || err->code == EAGAIN || err->code == ENOTCONN;
}

/* Says why. A walk that has begun is cancelled through filterd alone, when that is there. */
static int wait_for(struct job *j, struct err *err)
{
	bool has_begun = json_object_get(j->parameters, "walks_done") != NULL;
	char text[200];
	int rc;

	snprintf(text, sizeof(text), "waiting: %.180s", err->text);
	transfer_note_progress(j, j->progress_pct, text);
	rc = transfer_flow_must_stop(j, err);
	return rc == -ECANCELED && has_begun ? 0 : rc;
}

int transfer_encryption(struct job *j, struct err *err)
{
	struct encrypting e = {.job = j, .op = operation_of(j)};
	bool is_ended = false;
	int rc;

	if (!e.op)
		return err_set(err, EINVAL, "", "there is no task %s", j->kind);
	for (;;) {
		*err = (struct err){0};
		rc = turn(&e, &is_ended, err);
		if (is_ended || (rc < 0 && !is_not_yet(&e, err)))
			return rc;
		if (rc < 0 && (rc = wait_for(j, err)) < 0)
			return rc;
		(void)transfers_wait(j->owner, LOOK_MS);
	}
}
