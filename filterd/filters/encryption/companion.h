/* SPDX-License-Identifier: MIT */
/*
 * companion.h - what an encrypted volume needs to be read, kept in one order with its data where
 * the volume has a second copy (sluice/companion.h): headers, and how far a re-encryption has come.
 *
 *     0      4096     64 KiB                   4 MiB    8 MiB    12 MiB
 *     | dir  | dir    | sidecar "reencrypt"    | slot 0 | slot 1 | slot 2 |
 *
 * The directory says which slot holds which header, with digests, and what the state store says. It
 * is written where the newest one is not, after the slots it names; so at any point of the stream
 * the newest whole directory is right. The sidecar's records and journal lie as in the file
 * (reencrypt_record.h) and follow the same rules.
 *
 * While the volume has a companion, the companion is the truth, and the files beside the image are
 * working copies: nothing that depends on a change goes on before the companion has it too.
 *
 *     attach, or a keeper comes --> CLOSED: nothing is served, a walk of before is dropped
 *     told REPLICA  --> take(headers): locked, may be unlocked in advance
 *     told PRIMARY  --> take(all) --none there?--> put() --> as attach() without a companion
 *     told NONE (the keeper has left) --> as attach()
 *
 * R1 to R6 (reencrypt.h) hold on a replica, since it is what this disk would be had the power gone
 * at that point of the stream: with async replication all that was written until then, with sync
 * replication all that was acknowledged and some of what was under way.
 *
 *     companion.c       roles: close, take, load
 *     companion_take.c  from the companion to the files
 *     companion_put.c   from the files to the companion
 *     companion_hold.c  I/O that waits until the volume is open again
 *
 * Thread: owner worker; files on helpers.
 */
#ifndef ENCRYPTION_COMPANION_H
#define ENCRYPTION_COMPANION_H

#include "reencrypt.h"
#include "sluice/companion.h"

#define COMPANION_MAGIC      0x4e504d43u /* "CMPN" */
#define COMPANION_VERSION    1u
#define COMPANION_PAGE       4096u
#define COMPANION_SIDECAR_AT (64u << 10)
#define COMPANION_SLOTS      3u
#define COMPANION_SLOT_BYTES (4u << 20)
#define COMPANION_SLOT_AT(i) ((uint64_t)(4u << 20) + (uint64_t)(i)*COMPANION_SLOT_BYTES)
#define COMPANION_HEADERS    2u /* "luks", "luksnext" */
#define COMPANION_IO_BYTES   (1u << 20)

struct companion_header {
	uint32_t slot; /* + 1; 0: there is none */
	uint32_t size_bytes;
	uint8_t digest[32];
};

struct companion_dir {
	uint32_t magic;
	uint16_t version;
	/* As in the state store; formatted: 0 when nothing was noted. */
	char formatted, clear;
	uint8_t volume[16];
	uint64_t sequence;
	struct walks walks;
	struct companion_header headers[COMPANION_HEADERS];
	char kind;
	char reserved[7];
	uint8_t digest[32]; /* SHA-256 of all before it */
};
_Static_assert(sizeof(struct companion_dir) == 160, "the directory's layout is on disk");

struct companion_file {
	uint8_t *data; /* 4096-aligned, padded with zeros; NULL: there is none */
	uint32_t size_bytes;
};

enum companion_doing { COMPANION_IDLE, COMPANION_TAKES, COMPANION_PUTS };
enum companion_patience {
	COMPANION_PATIENCE_FRESH,
	COMPANION_PATIENCE_RUNS, /* initiators wait */
	COMPANION_PATIENCE_LOST
};

struct companion {
	struct encryption *e;
	enum sluice_companion_role role; /* as told last */
	bool is_closed;                  /* nothing is served, no walk is begun */
	bool is_loaded;                  /* as PRIMARY: taken, served */
	bool must_look;                  /* told since the last look */
	bool waits_for_keeper;           /* which is not attached yet */
	bool is_gone;                    /* detached while a helper works */
	enum companion_doing doing;
	struct companion_dir dir; /* newest; sequence 0: none */
	int place;                /* 0 or 1: where it is */
	uint64_t taken_sequence;  /* of a replica: its headers are here */
	struct sluice_timer timer;
	struct sluice_work work;
	struct sluice_companion_io io;
	void (*io_fn)(struct sluice_companion_io *io);
	uint8_t *pages; /* two */
	struct companion_file files[COMPANION_HEADERS];
	uint8_t *sidecar; /* as the file, whole */
	struct luks luks, next;
	bool header_changed; /* by the take: kept keys may be another header's */
	int result;
	/* take */
	bool takes_sidecar, is_other; /* is_other: the header here, before */
	void (*taken)(struct companion *c, int result);
	/* put */
	struct companion_dir new_dir;
	uint32_t step;
	uint64_t at_bytes;
	bool leaves_no_header;
	void (*fn)(void *ctx, int result);
	void *ctx;
	/* reencrypt_record.c's */
	struct sluice_companion_io record_io;
	void (*record_fn)(void *ctx, int result);
	void *record_ctx;
	/* companion_hold.c's */
	enum companion_patience patience;
	bool may_open; /* when it closed: no key is needed, or it is kept */
	struct sluice_timer patience_timer;
	struct flight *held_first, *held_last;
};

int companion_attach(struct encryption *e, struct sluice_error *err);
void companion_detach(struct encryption *e);
bool companion_is_closed(const struct encryption *e);
/* This side holds the replica: what changes anything is for the other one. */
bool companion_is_replica(const struct encryption *e);

/*
 * Headers and state as they are on this disk. fn, maybe before return: 0: they are in the stream,
 * or there is no companion; -EBUSY: this side does not write any more.
 */
void companion_put(struct encryption *e, bool leaves_no_header, void (*fn)(void *ctx, int result),
		   void *ctx);
/* I/O waits: the volume may be open soon. */
bool companion_holds(const struct encryption *e);
/* While companion_holds(). */
enum sluice_verdict companion_hold(struct encryption *e, struct flight *fl, struct sluice_io *io);
void companion_hold_drain(struct encryption *e);
void companion_hold_abort(struct encryption *e, const struct sluice_io *io);
/* A change on this disk did not get there: what is there counts, and is taken again. */
void companion_restart(struct encryption *e);
/* Part of the sidecar, after it is on this disk. fn as above; data stays until then. */
void companion_put_record(struct encryption *e, uint64_t offset_bytes, const void *data,
			  uint64_t len_bytes, void (*fn)(void *ctx, int result), void *ctx);

/* ---------------------------------------------------------------- of these files alone */

/* Reads the directory; then headers (and, if with_sidecar, all) are brought to this disk. done():
 * -ENODATA there is no directory. */
void companion_take(struct companion *c, bool with_sidecar,
		    void (*done)(struct companion *c, int result));
/* It is about to be closed; something of it has changed; it goes. */
void companion_hold_begin(struct companion *c);
void companion_hold_look(struct companion *c);
void companion_hold_end(struct companion *c);
void companion_files_free(struct companion *c);
int companion_io(struct companion *c, enum sluice_companion_op op, uint64_t offset_bytes, void *buf,
		 uint64_t len_bytes, void (*fn)(struct sluice_companion_io *io));
bool companion_digest(const void *data, size_t bytes, uint8_t out[32]);
/* A helper of a detached filter came back: true, and all is freed. */
bool companion_was_left(struct companion *c);

#endif
