/* SPDX-License-Identifier: MIT */
/*
 * transfer_encryption.h - tasks that change what a volume is encrypted with: between
 * transfer_encryption.c, which leads them, and transfer_key.c, which brings keys and notes in the
 * database which of them the volume needs.
 *
 *   kind                 parameters                  a walk (reencrypt.h of the filter)
 *   encryption.encrypt                               yes
 *   encryption.decrypt                               yes
 *   encryption.rekey     {"is_deep": bool}           if it is deep
 *   encryption.erase, .pause, .resume                no
 *
 * A walk belongs to filterd and goes on by itself, whoever is restarted. Its task is not ended when
 * policyd stops: the next one finds it running and follows on. What came of a walk that nobody
 * watched tell the filter's counters of ended walks, compared with those from before, which stand
 * in the task ("walks_done", "walks_cancelled") since before the command was sent.
 *
 * Thread: the job's.
 */
#ifndef POLICY_TRANSFER_ENCRYPTION_H
#define POLICY_TRANSFER_ENCRYPTION_H

#include "key_names.h"
#include "transfer_int.h"

struct encrypting {
	struct job *job;
	const struct operation *op;
	char filter[64];
	int64_t volume_id;
	bool is_cancel_sent;
};

/* A key by its name and version. */
struct key_of {
	char name[KEY_NAME_BYTES];
	int64_t version;
};

/* ---------------------------------------------------------------- transfer_key.c */

/* The key that the volume's policy names, in its newest version. */
int must_check transfer_key_wanted(struct encrypting *e, struct key_of *out, struct err *err);
/* The key that the header names. */
int must_check transfer_key_of_header(const json_t *status, struct key_of *out, struct err *err);
/* The reading end of a pipe with it; waits for its provider as long as that takes. Errors:
 * -ECANCELED, -ESHUTDOWN, what the provider says. */
int must_check transfer_key_get(struct encrypting *e, const struct key_of *key, struct err *err);

/* Which key the volume needs from now on; NULL: none. */
int must_check transfer_key_note(struct encrypting *e, const struct key_of *key, struct err *err);
/* A line in the task's log; and what everybody may know. */
void transfer_key_log(struct encrypting *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void transfer_key_event(struct encrypting *e, const char *severity, const char *kind,
			const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
