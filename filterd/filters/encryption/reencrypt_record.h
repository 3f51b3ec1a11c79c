/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_record.h - the sidecar "reencrypt": what stands on disk while a volume changes what it
 * is encrypted with.
 *
 *     0        4096     8192
 *     | record | record | journal, one zone        |
 *
 * A record is written where the newest that is known to be on disk is not, so a torn one leaves
 * that; of two whole ones the greater sequence counts. A COPYING record is followed by an IDLE one
 * before the next zone, so one journal will do: when it is overwritten, the newest record that is
 * on disk does not speak of it. A COPYING record whose journal does not have its digest was torn,
 * and nothing had begun.
 *
 * Little-endian, as this machine; the magic tells. The volume's UUID is in it, so that a sidecar
 * that strayed is not believed.
 *
 * Thread: owner worker. One call at a time; fn never before it has returned.
 */
#ifndef ENCRYPTION_REENCRYPT_RECORD_H
#define ENCRYPTION_REENCRYPT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/file.h"

#define REENCRYPT_MAGIC          0x454e4352u /* "RCNE" */
#define REENCRYPT_VERSION        1u
#define REENCRYPT_MAX_ZONE_BYTES (1u << 20)
#define REENCRYPT_DIGEST_BYTES   32u

enum reencrypt_kind { REENCRYPT_ENCRYPT = 1, REENCRYPT_DECRYPT = 2, REENCRYPT_REKEY = 3 };
enum reencrypt_state { REENCRYPT_IDLE = 1, REENCRYPT_COPYING = 2, REENCRYPT_DONE = 3 };

struct reencrypt_record {
	uint32_t magic;
	uint16_t version;
	uint8_t kind;             /* enum reencrypt_kind */
	uint8_t state;            /* enum reencrypt_state */
	uint8_t volume[16];       /* uuid */
	uint64_t sequence;        /* grows by one with each record */
	uint64_t watermark_bytes; /* COPYING: once the journal has been brought down */
	uint64_t zone_offset_bytes, zone_bytes; /* COPYING */
	uint32_t is_backward;                   /* a cancel: zones from below the watermark */
	uint32_t is_paused;
	uint8_t journal_digest[REENCRYPT_DIGEST_BYTES]; /* COPYING */
	uint8_t digest[REENCRYPT_DIGEST_BYTES];         /* SHA-256 of all before it */
};

_Static_assert(sizeof(struct reencrypt_record) == 128, "the record's layout is on disk");

struct recorder {
	struct sluice_filter *f;
	struct sluice_file *file;
	struct sluice_file_io io;
	struct reencrypt_record newest; /* that is known to be on disk; state 0: none */
	struct reencrypt_record next;   /* under way */
	uint64_t sequence;              /* the last that was tried */
	int place;                      /* 0 or 1: where newest is */
	int failed;                     /* 0 or -errno, before anything was written */
	uint8_t *page;                  /* 4096-aligned, two records */
	bool is_busy, has_zone;         /* a call is under way; with a journal */
	uint8_t *journal;               /* room for one zone, for reading it */
	void (*fn)(void *ctx, int result);
	void *ctx;
};

/* Makes the file if there is none. 0 or -errno with err. */
int recorder_open(struct recorder *r, struct sluice_filter *f, struct sluice_error *err);
void recorder_close(struct recorder *r);
/* newest, and its journal if it is COPYING; both are on stable storage then, whatever the process
 * before had come to. -ENODATA no whole record of this volume; -EIO... */
void recorder_load(struct recorder *r, void (*fn)(void *ctx, int result), void *ctx);
/* zone: the journal's bytes, of a COPYING record; stays until fn. 0: it is on stable storage. */
void recorder_put(struct recorder *r, const struct reencrypt_record *rec, const void *zone,
		  void (*fn)(void *ctx, int result), void *ctx);

#endif
