/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - work of tasks that takes its time and is no step of a plan: a volume's content in,
 * out, or into another volume; a flush; the end of a session.
 *
 * REST writes a task (queued) and volumes.transfer in one transaction; this finds the task in the
 * database, so nothing is begun that was not committed, and nothing that was committed is lost. It
 * looks four times a second: what would wake it comes before the commit.
 *
 *   transfer.c        the dispatcher: which tasks run, what to do at start and end
 *   transfer_job.c    one task on a thread of its own, from its row to its end
 *   transfer_command.c  requests that take as long as it takes: a flush, what caches are told
 *   transfer_flow.c   the data: filterd is given a descriptor, asked how far it is, told to cancel
 *   transfer_luks.c   exports in the format "luks", which the encryption filter makes
 *   transfer_encryption.h  encrypt, decrypt and rekey in place, erase
 *   transfer_note.c   what the database is told
 *   transfer_file.c   files, in transfer_dir and nowhere else
 *
 *      REST --task--> dispatcher --thread--> filterd <==content==> file, pipe of main, 2nd volume
 *
 * Kinds and their parameters: volume.import, volume.export {"file"} or {"is_stream": true}, an
 * export with {"format": "luks"} as well;
 * volume.clone {"source"}; volume.flush; cache.flush, cache.warm, cache.drop {"filter", "command",
 * "args"}; session.close {"tid", "sid", "cid", "initiator"}; encryption.* as
 * in transfer_encryption.h.
 * The reconciler leaves tasks of these kinds alone, keeps a volume with transfer set open, and
 * exports it again when it is ''.
 *
 * Thread: start, stop and the stream functions main; everything else its own.
 */
#ifndef POLICY_TRANSFER_H
#define POLICY_TRANSFER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "reconciler.h"

#define TRANSFER_RUNNING_MAX 4u  /* with content; more are queued */
#define TRANSFER_COMMAND_MAX 16u /* flushes and the like */
#define TRANSFER_WALK_MAX    16u /* encryptions of whole volumes */
#define TRANSFER_STREAMS_MAX 16u /* that main holds one end of */

struct transfers;

/* Ends what an earlier policyd left half done, then begins. cfg, r outlive it. */
int must_check transfers_start(const struct apply_cfg *cfg, struct reconciler *r,
			       struct transfers **out, struct err *err);
void transfers_stop(struct transfers *t); /* cancels what runs, joins, frees; NULL is fine */

/* True: a task of this kind is ended here and by nobody else. Pure. */
bool transfer_is_kind(const char *kind);

/*
 * filterd's end of a pipe for the task that is being made in this transaction; if it is undone, the
 * descriptor is closed by and by. Owns: fd on success. Errors: -EBUSY too many.
 */
int must_check transfers_stream(struct transfers *t, int64_t task_id, int fd, struct err *err);
/* All of an import's stream was sent, or the client broke off: then what was read is not kept as
 * good. */
void transfers_stream_ended(struct transfers *t, int64_t task_id, bool is_whole);

/* ---------------------------------------------------------------- files; any thread */

/* A plain name: no '/', no '.' at its beginning, no control characters. */
int must_check transfer_file_check(const char *name, struct err *err);
/* A regular file to read, never by a symbolic link; raw, as far as its first bytes tell. Returns
 * the descriptor. Errors: -ENOENT, -EINVAL, -EACCES. */
int must_check transfer_file_open(const char *dir, const char *name, uint64_t *size_bytes,
				  struct err *err);
/* -EEXIST when there is one of this name. */
int must_check transfer_file_is_free(const char *dir, const char *name, struct err *err);
/* A new file that has its name only once it is whole: made, then kept or dropped. */
int must_check transfer_file_make(const char *dir, int64_t task_id, struct err *err);
int must_check transfer_file_keep(const char *dir, int64_t task_id, const char *name, int fd,
				  struct err *err);
void transfer_file_drop(const char *dir, int64_t task_id);
void transfer_file_clean(const char *dir); /* all that were neither kept nor dropped */
/* [{"name", "size_bytes", "changed_ms"}] by name. New reference. */
json_t *transfer_file_list(const char *dir, struct err *err);

#endif
