/* SPDX-License-Identifier: MIT */
/* transfer_job.c - one task, from its row to its end, by a table of kinds. Thread: the job's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "json.h"
#include "tgt_ops.h"
#include "transfer_int.h"

#define FILTERD_LIMIT_MS 10000u
#define TGT_LIMIT_MS     5000u
#define PIPE_BYTES       (1 << 20)
#define VERDICT_MS       30000u

static const char *parameter(const struct job *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j->parameters, name));

	return text ? text : "";
}

static bool is_stream(const struct job *j)
{
	return json_is_true(json_object_get(j->parameters, "is_stream"));
}

static int stream_take(struct job *j, struct err *err)
{
	int fd = transfers_stream_take(j->owner, j->task_id);

	return fd >= 0 ? fd
		       : err_set(err, ECONNRESET, "",
				 "whoever was at the other end is not there any more");
}

/* ---------------------------------------------------------------- import */

/* An end of the data is not the end of the content when the client broke off. */
static int stream_was_whole(struct job *j, struct err *err)
{
	uint64_t until_ns = clock_now_ns() + VERDICT_MS * CLOCK_NS_PER_MS;
	int verdict;

	while ((verdict = transfers_stream_verdict(j->owner, j->task_id)) == -EAGAIN &&
	       clock_now_ns() < until_ns)
		if (!transfers_wait(j->owner, 100))
			break;
	return verdict == 1 ? 0
			    : err_set(err, ECONNRESET, "",
				      "the client broke off before all of the content had come");
}

static int run_import(struct job *j, struct err *err)
{
	struct flow f = {.volume = j->object, .direction = "import"};
	json_t *size = json_object_get(j->parameters, "size_bytes");
	int rc;

	if (is_stream(j)) {
		f.fd = stream_take(j, err);
		f.size_bytes = (uint64_t)json_integer_value(size);
	} else {
		f.fd = transfer_file_open(j->owner->cfg->transfer_dir, parameter(j, "file"),
					  &f.size_bytes, err);
	}
	if (f.fd < 0)
		return f.fd;
	rc = transfer_flow_begin(j, &f, err);
	fd_close(&f.fd);
	if (rc)
		return rc;
	j->has_begun = true;
	rc = transfer_flow_follow(j, &f, 1, err);
	return rc || !is_stream(j) ? rc : stream_was_whole(j, err);
}

/* ---------------------------------------------------------------- export */

/* Takes fd. */
static int export_raw(struct job *j, int fd, struct err *err)
{
	struct flow f = {.volume = j->object, .direction = "export", .fd = fd};
	int rc = transfer_flow_begin(j, &f, err);

	fd_close(&f.fd);
	return rc ? rc : transfer_flow_follow(j, &f, 1, err);
}

/* fd stays open here, to be made durable at the end. */
static int export_into(struct job *j, int fd, struct err *err)
{
	int copy;

	if (strcmp(parameter(j, "format"), "luks") == 0)
		return transfer_luks_export(j, fd, err);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy >= 0 ? export_raw(j, copy, err)
			 : err_set(err, errno, "", "no descriptor: %s", strerror(errno));
}

static int run_export(struct job *j, struct err *err)
{
	const char *dir = j->owner->cfg->transfer_dir;
	int fd, rc;

	fd = is_stream(j) ? stream_take(j, err) : transfer_file_make(dir, j->task_id, err);
	if (fd < 0)
		return fd;
	/* A stream must not stay open here: its reader waits for the last writer to go. */
	if (is_stream(j))
		return export_raw(j, fd, err);
	rc = export_into(j, fd, err);
	if (!rc)
		rc = transfer_file_keep(dir, j->task_id, parameter(j, "file"), fd, err);
	close(fd);
	if (rc)
		transfer_file_drop(dir, j->task_id);
	return rc;
}

/* ---------------------------------------------------------------- clone */

static int run_clone(struct job *j, struct err *err)
{
	struct flow f[2] = {{.volume = parameter(j, "source"), .direction = "export", .fd = -1},
			    {.volume = j->object, .direction = "import", .fd = -1}};
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "", "no pipe: %s", strerror(errno));
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	f[1].fd = ends[0];
	f[0].fd = ends[1];
	j->has_begun = true; /* a clone is no clone before it is whole */
	/* The new volume first: it is made meanwhile, and the source is kept from its hosts no
	 * longer than it must be. */
	rc = transfer_flow_begin(j, &f[1], err);
	if (!rc)
		rc = transfer_flow_begin(j, &f[0], err);
	fd_close(&f[0].fd);
	fd_close(&f[1].fd);
	if (!rc)
		return transfer_flow_follow(j, f, 2, err);
	transfer_flow_cancel(j, &f[1]);
	return rc;
}

/* ---------------------------------------------------------------- errands */

static int run_flush(struct job *j, struct err *err)
{
	cleanup_json json_t *name = json_pack("{s:s}", "name", j->object), *answer = NULL;

	answer = transfer_command_ask(j, "volume.flush", name, err);
	return answer ? 0 : -err->code;
}

static int run_cache(struct job *j, struct err *err)
{
	cleanup_json json_t *answer = NULL;
	cleanup_json json_t *arguments = json_pack(
	    "{s:s, s:s, s:s, s:O*}", "name", j->object, "filter", parameter(j, "filter"), "command",
	    parameter(j, "command"), "args", json_object_get(j->parameters, "args"));

	answer = transfer_command_ask(j, "filter.command", arguments, err);
	return answer ? 0 : -err->code;
}

static int run_session_close(struct job *j, struct err *err)
{
	struct tgt_client tgt = {.path = j->owner->cfg->tgt_socket, .timeout_ms = TGT_LIMIT_MS};
	uint64_t tid, sid, cid;
	int rc;

	if ((rc = json_get_u64(j->parameters, "tid", 0, INT32_MAX, &tid, err)) ||
	    (rc = json_get_u64(j->parameters, "sid", 0, INT64_MAX, &sid, err)) ||
	    (rc = json_get_u64(j->parameters, "cid", 0, UINT32_MAX, &cid, err)))
		return rc;
	return tgt_session_close(&tgt, (int32_t)tid, sid, (uint32_t)cid, parameter(j, "initiator"),
				 err);
}

/* ---------------------------------------------------------------- all kinds */

static const struct kind {
	const char *word;
	enum transfer_lane lane;
	int (*run)(struct job *j, struct err *err);
} kinds[] = {
    {"volume.import", LANE_CONTENT, run_import},
    {"volume.export", LANE_CONTENT, run_export},
    {"volume.clone", LANE_CONTENT, run_clone},
    {"volume.flush", LANE_COMMAND, run_flush},
    {"cache.flush", LANE_COMMAND, run_cache},
    {"cache.warm", LANE_COMMAND, run_cache},
    {"cache.drop", LANE_COMMAND, run_cache},
    {"session.close", LANE_ERRAND, run_session_close},
    {"encryption.encrypt", LANE_WALK, transfer_encryption},
    {"encryption.decrypt", LANE_WALK, transfer_encryption},
    {"encryption.rekey", LANE_WALK, transfer_encryption},
    {"encryption.erase", LANE_COMMAND, transfer_encryption},
    {"encryption.pause", LANE_COMMAND, transfer_encryption},
    {"encryption.resume", LANE_COMMAND, transfer_encryption},
};

static const struct kind *kind_of(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}

bool transfer_is_kind(const char *kind)
{
	return kind_of(kind) != NULL;
}

enum transfer_lane transfer_lane(const char *kind)
{
	const struct kind *k = kind_of(kind);

	return k ? k->lane : LANE_ERRAND;
}

bool transfer_is_lasting(const char *kind)
{
	return transfer_lane(kind) == LANE_WALK;
}

bool transfer_has_content(const char *kind)
{
	return transfer_lane(kind) == LANE_CONTENT;
}

static void run(struct job *j)
{
	const struct apply_cfg *cfg = j->owner->cfg;
	struct err err = {0};
	int rc;

	transfer_note_running(j);
	rc = filterd_client_init(&j->filterd, cfg->filterd_socket, FILTERD_LIMIT_MS, &err);
	if (!rc) {
		rc = kind_of(j->kind)->run(j, &err);
		filterd_client_fini(&j->filterd);
	}
	if (rc != -ESHUTDOWN || !transfer_is_lasting(j->kind))
		transfer_note_end(j, rc, &err);
}

void *transfer_job_main(void *ctx)
{
	struct job *j = ctx;
	struct transfers *t = j->owner;

	run(j);
	transfers_stream_forget(t, j->task_id);
	store_close(j->store);
	if (t->reconciler)
		reconciler_wake(t->reconciler);
	pthread_mutex_lock(&t->lock);
	j->is_ended = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}
