/* SPDX-License-Identifier: MIT */
/*
 * keys.h - the keys that wrap volumes' keys (KEKs): who keeps them, whether they can be had, and
 * how the reconciler gets one.
 *
 *   keys.c         the set of providers; a thread that keeps it what the database says
 *   keys_worker.c  a thread for each provider: it may be slow, and only its own keys wait
 *   keys_task.c    what REST asked for: tasks of key providers; keys_task_key.c of keys
 *   keys_note.c    what the database is told
 *   provider.h     one provider: native.h a keystore file, kmip.h key servers
 *
 *   REST --task, passphrase in memory--> worker --> keystore file
 *   reconciler --key_get()-------------> worker --> TLS over egressd --> key server
 *
 * Key material stays in locked memory (secret.h) and leaves only through a pipe. It is never in the
 * database, in an answer, in an event or in the log.
 *
 * Thread: start and stop main's; the others any. A provider's callbacks come on its worker's.
 */
#ifndef POLICY_KEYS_KEYS_H
#define POLICY_KEYS_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "key_state.h"

#define KEYS_PROVIDERS_MAX  32u
#define KEYS_PASSPHRASE_MIN 12u
#define KEYS_PASSPHRASE_MAX 1000u

struct keys;
struct sealer;

/* Strings outlive it. */
struct keys_cfg {
	const char *db_path, *backup_dir;
	const char *keys_dir;        /* keystore files */
	const char *transfer_dir;    /* bundles */
	const char *credentials_dir; /* systemd's; NULL: none */
	const char *egress_socket;
	const struct sealer *sealer;
	void (*changed_fn)(void *ctx); /* something was noted in the database; may be NULL */
	void *ctx;
};

int must_check keys_start(const struct keys_cfg *cfg, struct keys **out, struct err *err);
void keys_stop(struct keys *k); /* ends what is under way; NULL is fine */
/* The database has something new for it, or will have in a moment; returns at once. */
void keys_wake(struct keys *k);

/*
 * A passphrase for a task that is being made in this transaction: it is kept in locked memory until
 * the task takes it, for a few minutes at most. Errors: -EDQUOT too many wait; -ENOMEM.
 */
int must_check keys_hand_over(struct keys *k, int64_t task_id, const char *passphrase,
			      struct err *err);

/* ---------------------------------------------------------------- getting a key */

struct key_answer {
	enum key_state state;
	struct err err; /* unless KEY_OK: the sentence */
	/* KEY_OK: the reading end of a pipe that holds the key, 32 bytes, and then its end; the
	 * callback's. Else -1. */
	int fd;
};
typedef void (*key_get_fn)(void *ctx, struct key_answer *a);

/*
 * Asks for a key by its provider's name and its name there (key_versions.provider_key_id).
 * Calls:   fn exactly once iff 0 was returned, on the provider's worker; it must not block. It may
 *          be called while keys_stop() waits: then with KEY_UNREACHABLE.
 * Errors:  -ENOENT no such provider; -ENOMEM
 */
int must_check key_get(struct keys *k, const char *provider, const char *provider_key_id,
		       key_get_fn fn, void *ctx, struct err *err);

#endif
