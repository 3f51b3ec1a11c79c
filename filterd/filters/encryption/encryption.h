/* SPDX-License-Identifier: MIT */
/*
 * encryption.h - one encrypted volume, as the filter's files share it.
 *
 *     encryption.c  the table: parameters, attach, detach, events, status
 *     key.h         states, and what the host's keyring keeps
 *     command.c     format, unlock, lock, rekey_shallow, erase    job.h  their work on a helper
 *     scan.c        whether the volume is empty, before it is formatted
 *     crypt_io.c    reads and writes
 *     reencrypt.h   encrypt and decrypt in place, deep rekey
 *     companion.h   the same on a replicated volume
 *     snapshot.h    headers of snapshots and clones
 *     seal.h        keys for filters above that see clear data    seal_keys.h  how they are kept
 *     xts.h         the cipher    luks.h  the header    secret.h  memory for keys
 *
 *                     format              lock, or a start without a key
 *     UNFORMATTED -----------> UNLOCKED <----------------------------------> LOCKED
 *          ^                      |                   unlock                   |
 *          +------- erase --------+--------------------------------------------+
 *     DAMAGED: the header is unreadable or another volume's, and so is its backup.
 *     CLEAR:   the volume's data is not encrypted yet, or not any more, and is passed as it is.
 *
 * Only UNLOCKED and CLEAR pass data. Everything else fails closed: nothing is read or written in
 * between.
 *
 * Thread: owner worker.
 */
#ifndef ENCRYPTION_ENCRYPTION_H
#define ENCRYPTION_ENCRYPTION_H

#include <stdbool.h>

#include "luks.h"
#include "sluice/filter.h"
#include "xts.h"

enum state { STATE_UNFORMATTED, STATE_LOCKED, STATE_UNLOCKED, STATE_DAMAGED, STATE_CLEAR };

struct write;
struct job;
struct reencrypt;
struct export;
struct companion;

/* One I/O that is under way below, or held; see reencrypt_map.c. */
struct flight {
	struct flight *prev, *next; /* NULL: it is not under way */
	struct flight *held_next;
	struct sluice_io *io;
	struct sluice_token *token; /* while held */
};

/* The last export, or the one under way. */
enum export_state { EXPORT_NONE, EXPORT_RUNNING, EXPORT_DONE, EXPORT_FAILED, EXPORT_CANCELLED };
struct export_note {
	enum export_state state;
	bool must_cancel, was_written;
	uint64_t id, done_bytes, total_bytes;
	char text[160];
};

/* Walks of this volume that came to their end, or back to their beginning; kept in the store, so
 * that whoever has begun one sees what came of it, whoever was restarted meanwhile. */
struct walks {
	uint32_t done, cancelled;
};

struct encryption {
	struct sluice_filter *f;
	enum state state;
	bool is_at_point;           /* a snapshot is being made: the header stays as it is */
	char text[LUKS_TEXT_BYTES]; /* why it is not UNLOCKED */
	struct xts *xts;            /* iff UNLOCKED */
	uint32_t sector_bytes;      /* the header's; before there is one, the parameter's */
	struct luks_info header;    /* as last looked at */
	bool has_looked;
	struct job *job; /* a command under way */
	/* parameters */
	uint32_t wanted_sector_bytes;
	char key_id[LUKS_KEY_ID_BYTES];
	bool may_filters_before;
	bool is_clear_before; /* what an unformatted volume holds is served in clear */
	uint64_t reencrypt_zone_bytes, reencrypt_bytes_per_s;
	struct flight flights; /* head */
	uint64_t flight_count; /* all that have been */
	uint64_t flight_bytes; /* that they read and wrote */
	struct walks walks;
	bool has_noted_none;  /* the store says that the header was destroyed */
	struct reencrypt *re; /* while the volume changes what it is encrypted with */
	/* crypt_io.c */
	struct write *first, *last; /* writes that wait for a buffer */
	uint32_t waiting;
	struct sluice_timer retry;
	uint64_t encrypted_bytes, decrypted_bytes, deferred_writes;
	struct luks luks;            /* paths; helpers get a copy */
	struct companion *companion; /* NULL: it is detached, or about to be attached */
	struct export *exporting;    /* NULL: none is under way */
	struct export_note export;
};

const char *key_state_word(enum state s);

/* ---------------------------------------------------------------- command.c */

int command_start(struct sluice_filter *f, const struct sluice_command *cmd,
		  struct sluice_error *err);

/* ---------------------------------------------------------------- crypt_io.c */

#define CRYPT_IO_CTX_BYTES 192u
enum sluice_verdict crypt_io_submit(struct sluice_filter *f, struct sluice_io *io);
enum sluice_verdict crypt_io_done(struct sluice_filter *f, struct sluice_io *io);
bool crypt_io_is_open(const struct encryption *e);
/* What was held by reencrypt_map.c goes on. */
void crypt_io_go_on(struct encryption *e, struct flight *fl);
/* What I/O is answered with while it is not UNLOCKED. */
enum sluice_status crypt_io_closed_status(const struct encryption *e);
/* The volume was locked: what waits fails. */
void crypt_io_locked(struct encryption *e);

/* ---------------------------------------------------------------- export.c */

void export_was_written(struct encryption *e); /* somebody above us wrote, or is about to */

/* ---------------------------------------------------------------- encryption.c */

#define ENCRYPTION_STATUS_BYTES 8192u
#define ENCRYPTION_NO_SECRET_MEMORY                                                                \
	"no locked memory for keys; raise the limit RLIMIT_MEMLOCK of sluice-filterd"

size_t encryption_status(struct sluice_filter *f, char *json, size_t size_bytes);
/* Fills err; returns result. */
int encryption_refuse(struct sluice_error *err, const char *field, int result, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int encryption_check_key_id(const char *id, struct sluice_error *err);

#endif
