/* SPDX-License-Identifier: MIT */
#include "transfers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand.h"
#include "fd.h"
#include "log.h"
#include "ring_listener.h"
#include "transfer.h"

struct mtransfer {
	struct list_node node; /* manager.transfers, oldest first */
	uint64_t id;
	char volume[PARSE_NAME_MAX + 1];
	uint64_t size_bytes;
	bool is_running;
	int result;
	struct err err;
	struct transfer transfer;
};

static const char *direction_word(const struct mtransfer *t)
{
	return t->transfer.direction == TRANSFER_IMPORT ? "import" : "export";
}

static void run_transfer(struct errand *j) ON_WORKER
{
	struct mtransfer *t = j->ctx;

	volume_transfer(j->mv->volume, &t->transfer, errand_ended, j);
}

static void back_transfer(struct errand *j)
{
	struct mtransfer *t = j->ctx;

	j->mv->is_changing = false;
	t->is_running = false;
	t->result = j->result;
	t->err = j->err;
	fd_close(&t->transfer.fd);
	if (t->result)
		log_warn("volume %s: %s failed: %s", t->volume, direction_word(t), t->err.text);
	else
		log_info("volume %s: %s done", t->volume, direction_word(t));
}

static struct mtransfer *find(const struct manager *m, uint64_t id, struct err *err)
{
	struct list_node *n;

	list_for_each (n, &m->transfers) {
		struct mtransfer *t = list_entry(n, struct mtransfer, node);

		if (t->id == id)
			return t;
	}
	err_set(err, ENOENT, "transfer",
		"there is no transfer %llu; sluice-filterd forgets them when it restarts",
		(unsigned long long)id);
	return NULL;
}

/* One more fits, after the oldest ended one has gone if need be. */
static bool make_room(struct manager *m)
{
	struct mtransfer *oldest = NULL;
	struct list_node *n;
	uint32_t count = 0;

	list_for_each (n, &m->transfers) {
		struct mtransfer *t = list_entry(n, struct mtransfer, node);

		count++;
		if (!oldest && !t->is_running)
			oldest = t;
	}
	if (count < TRANSFERS_MAX)
		return true;
	if (!oldest)
		return false;
	list_del(&oldest->node);
	free(oldest);
	return true;
}

static int check_volume(const struct manager *m, const struct mvolume *mv, const char *volume,
			struct err *err)
{
	if (!mv)
		return err_set(err, ENOENT, "name", "there is no volume %s", volume);
	if (m->is_stopping || mv->is_changing)
		return err_set(err, EBUSY, "name", "volume %s has another request under way",
			       volume);
	if (mv->state != VOLUME_SERVING)
		return err_set(err, ENOTCONN, "name", "volume %s is %s, not serving; open it first",
			       volume, volume_state_word(mv->state));
	if (ring_listener_count(m->rings, mv))
		return err_set(err, EBUSY, "name",
			       "volume %s is in use by tgtd; take its LUN away first", volume);
	return 0;
}

/* A regular file, or a pipe or socket that does not block from now on. */
static int check_fd(int fd, bool *is_file, struct err *err)
{
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, EBADF, "", "the request has to bring a descriptor along");
	*is_file = S_ISREG(st.st_mode);
	if (*is_file)
		return 0;
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return err_set(err, EINVAL, "",
			       "the descriptor is no regular file, pipe or stream socket");
	rc = fd_set_nonblock(fd, true);
	return rc ? err_set(err, -rc, "", "the descriptor: %s", strerror(-rc)) : 0;
}

int transfers_start(struct manager *m, const char *volume, const char *direction,
		    uint64_t size_bytes, int *fd, uint64_t *id, struct err *err)
{
	bool is_import = strcmp(direction, "import") == 0;
	struct mvolume *mv = manager_find(m, volume);
	struct mtransfer *t;
	struct errand *j;
	bool is_file = false;
	int rc = check_volume(m, mv, volume, err);

	if (rc)
		return rc;
	if (!is_import && strcmp(direction, "export") != 0)
		return err_set(err, EINVAL, "direction", "\"%s\": say import or export", direction);
	rc = check_fd(*fd, &is_file, err);
	if (rc)
		return rc;
	if (size_bytes > mv->size_bytes)
		return err_set(err, EFBIG, "size_bytes",
			       "volume %s has %llu bytes; %llu do not fit", volume,
			       (unsigned long long)mv->size_bytes, (unsigned long long)size_bytes);
	t = make_room(m) ? calloc(1, sizeof(*t)) : NULL;
	j = t ? errand_make(mv, run_transfer, back_transfer, NULL, t) : NULL;
	if (!j) {
		free(t);
		return err_set(err, ENOSPC, "", "%u transfers are under way already",
			       TRANSFERS_MAX);
	}
	memcpy(t->volume, mv->plan->name, sizeof(t->volume));
	t->id = ++m->transfer_last_id;
	t->size_bytes = mv->size_bytes;
	t->is_running = true;
	t->transfer.direction = is_import ? TRANSFER_IMPORT : TRANSFER_EXPORT;
	t->transfer.is_file = is_file;
	t->transfer.expected_bytes = is_import ? size_bytes : 0;
	t->transfer.fd = *fd;
	*fd = -1;
	*id = t->id;
	list_push_back(&m->transfers, &t->node);
	mv->is_changing = true;
	log_info("volume %s: %s begins", volume, direction_word(t));
	errand_start(j);
	return 0;
}

json_t *transfers_show(const struct manager *m, uint64_t id, struct err *err)
{
	const struct mtransfer *t = find(m, id, err);
	json_t *error = NULL;

	if (!t)
		return NULL;
	if (!t->is_running && t->result)
		error = json_pack("{s:s, s:s, s:s}", "code", strerrorname_np(-t->result), "field",
				  t->err.field, "text", t->err.text);
	return json_pack(
	    "{s:I, s:s, s:s, s:s, s:I, s:I, s:o?}", "transfer", (json_int_t)t->id, "volume",
	    t->volume, "direction", direction_word(t), "state",
	    t->is_running             ? "running"
	    : t->result == -ECANCELED ? "cancelled"
	    : t->result               ? "failed"
				      : "succeeded",
	    "done_bytes",
	    (json_int_t)atomic_load_explicit(&t->transfer.done_bytes, memory_order_relaxed),
	    "size_bytes", (json_int_t)t->size_bytes, "error", error);
}

int transfers_cancel(struct manager *m, uint64_t id, struct err *err)
{
	struct mtransfer *t = find(m, id, err);

	if (!t)
		return -ENOENT;
	if (!t->is_running)
		return err_set(err, EALREADY, "transfer", "transfer %llu has ended",
			       (unsigned long long)id);
	atomic_store_explicit(&t->transfer.must_cancel, true, memory_order_relaxed);
	return 0;
}

void transfers_free_all(struct manager *m)
{
	while (!list_is_empty(&m->transfers))
		free(list_entry(list_pop_front(&m->transfers), struct mtransfer, node));
}
