/* SPDX-License-Identifier: MIT */
#include "companion.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 4096u
#define JOURNAL_AT   (2ull * RECORD_BYTES)
#define FILE_BYTES   (JOURNAL_AT + REENCRYPT_MAX_ZONE_BYTES)
#define SUFFIX       "reencrypt"
#define PATH_BYTES   4096

/* ---------------------------------------------------------------- open and close */

int recorder_open(struct recorder *r, struct sluice_filter *f, struct sluice_error *err)
{
	struct sluice_file_cfg cfg = {.size_bytes = FILE_BYTES};
	char path[PATH_BYTES];
	int rc;

	memset(r, 0, sizeof(*r));
	r->f = f;
	rc = sluice_sidecar_path(f, SUFFIX, path, sizeof(path));
	if (rc < 0)
		return rc;
	r->page = aligned_alloc(RECORD_BYTES, 2 * RECORD_BYTES);
	r->journal = aligned_alloc(RECORD_BYTES, REENCRYPT_MAX_ZONE_BYTES);
	cfg.path = path;
	rc = -ENOMEM;
	if (r->page && r->journal)
		r->file = sluice_file_open(f, &cfg, &rc, err);
	if (r->file)
		return 0;
	recorder_close(r);
	return rc;
}

void recorder_close(struct recorder *r)
{
	if (r->file)
		sluice_file_close(r->file);
	free(r->page);
	free(r->journal);
	memset(r, 0, sizeof(*r));
}

/* ---------------------------------------------------------------- records */

static bool digest(const void *data, size_t bytes, uint8_t out[REENCRYPT_DIGEST_BYTES])
{
	return EVP_Digest(data, bytes, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool has_digest(const void *data, size_t bytes, const uint8_t *wanted)
{
	uint8_t is[REENCRYPT_DIGEST_BYTES];

	return digest(data, bytes, is) && memcmp(is, wanted, sizeof(is)) == 0;
}

static bool is_in_volume(const struct recorder *r, const struct reencrypt_record *rec)
{
	uint64_t size_bytes = sluice_volume_size_bytes(r->f);

	return rec->zone_bytes <= REENCRYPT_MAX_ZONE_BYTES && rec->zone_bytes <= size_bytes &&
	       rec->zone_offset_bytes <= size_bytes - rec->zone_bytes &&
	       (rec->watermark_bytes <= size_bytes || rec->state == REENCRYPT_DONE);
}

static bool is_whole(const struct recorder *r, const struct reencrypt_record *rec)
{
	return rec->magic == REENCRYPT_MAGIC && rec->version == REENCRYPT_VERSION &&
	       memcmp(rec->volume, sluice_volume_uuid(r->f), sizeof(rec->volume)) == 0 &&
	       rec->kind >= REENCRYPT_ENCRYPT && rec->kind <= REENCRYPT_REKEY &&
	       rec->state >= REENCRYPT_IDLE && rec->state <= REENCRYPT_DONE &&
	       (rec->zone_bytes != 0) == (rec->state == REENCRYPT_COPYING) &&
	       is_in_volume(r, rec) &&
	       has_digest(rec, offsetof(struct reencrypt_record, digest), rec->digest);
}

static void submit(struct recorder *r, enum sluice_file_op op, uint64_t offset_bytes, void *buf,
		   uint64_t len_bytes, void (*fn)(struct sluice_file_io *io))
{
	r->io = (struct sluice_file_io){.op = op,
					.offset_bytes = offset_bytes,
					.len_bytes = len_bytes,
					.buf = buf,
					.fn = fn,
					.ctx = r};
	sluice_file_submit(r->file, &r->io);
}

/* ---------------------------------------------------------------- load */

/* The newer of the two, or, if its journal turned out to be torn, the other one. */
static void choose(struct recorder *r, bool is_newer_torn)
{
	struct reencrypt_record recs[2];
	bool are_whole[2];
	int newer;

	for (int i = 0; i < 2; i++) {
		memcpy(&recs[i], r->page + i * RECORD_BYTES, sizeof(recs[i]));
		are_whole[i] = is_whole(r, &recs[i]);
	}
	newer = are_whole[1] && (!are_whole[0] || recs[1].sequence > recs[0].sequence);
	memset(&r->newest, 0, sizeof(r->newest));
	if (!are_whole[newer])
		return;
	r->sequence = recs[newer].sequence;
	r->place = is_newer_torn ? !newer : newer;
	if (!is_newer_torn || (are_whole[!newer] && recs[!newer].state == REENCRYPT_IDLE))
		r->newest = recs[r->place];
}

static void loaded(struct recorder *r, int result)
{
	r->is_busy = false;
	r->fn(r->ctx, result == 0 && !r->newest.state ? -ENODATA : result);
}

static void synced(struct sluice_file_io *io)
{
	loaded(io->ctx, io->result);
}

/* What was read may be in the page cache only, and is going to be relied on. */
static void sync_before_use(struct recorder *r, int result)
{
	if (result == 0 && r->newest.state)
		submit(r, SLUICE_FILE_SYNC, 0, NULL, 0, synced);
	else
		loaded(r, result);
}

static void journal_read(struct sluice_file_io *io)
{
	struct recorder *r = io->ctx;

	if (io->result == 0 &&
	    !has_digest(r->journal, r->newest.zone_bytes, r->newest.journal_digest))
		choose(r, true);
	sync_before_use(r, io->result);
}

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + RECORD_BYTES - 1) / RECORD_BYTES * RECORD_BYTES;
}

static void records_read(struct sluice_file_io *io)
{
	struct recorder *r = io->ctx;

	if (io->result == 0)
		choose(r, false);
	if (io->result == 0 && r->newest.state == REENCRYPT_COPYING)
		submit(r, SLUICE_FILE_READ, JOURNAL_AT, r->journal,
		       whole_pages(r->newest.zone_bytes), journal_read);
	else
		sync_before_use(r, io->result);
}

void recorder_load(struct recorder *r, void (*fn)(void *ctx, int result), void *ctx)
{
	r->fn = fn;
	r->ctx = ctx;
	r->is_busy = true;
	submit(r, SLUICE_FILE_READ, 0, r->page, 2ull * RECORD_BYTES, records_read);
}

/* ---------------------------------------------------------------- put */

static void ended(struct recorder *r, int result)
{
	if (result == 0) {
		r->newest = r->next;
		r->place = !r->place;
	}
	r->is_busy = false;
	r->fn(r->ctx, result);
}

static void companion_has_record(void *ctx, int result)
{
	ended(ctx, result);
}

/* The first record of a walk also clears the other place: what the walk before has left there may
 * have a greater sequence. The directory does not speak of this walk yet. */
static void companion_has_journal(void *ctx, int result)
{
	struct recorder *r = ctx;
	bool is_first = r->newest.state == 0;

	if (is_first) {
		memcpy(r->page + RECORD_BYTES, r->page, RECORD_BYTES);
		memset(r->page, 0, RECORD_BYTES);
	}
	if (result < 0)
		ended(r, result);
	else if (is_first)
		companion_put_record(sluice_state(r->f), 0, r->page, 2ull * RECORD_BYTES,
				     companion_has_record, r);
	else
		companion_put_record(sluice_state(r->f), (uint64_t)!r->place * RECORD_BYTES,
				     r->page, RECORD_BYTES, companion_has_record, r);
}

/* It is on this disk; now where the replica finds it, in one order with the data. */
static void put_ended(struct sluice_file_io *io)
{
	struct recorder *r = io->ctx;
	int result = io->result ? io->result : r->failed;

	if (result < 0)
		ended(r, result);
	else if (r->has_zone)
		companion_put_record(sluice_state(r->f), JOURNAL_AT, r->journal,
				     whole_pages(r->next.zone_bytes), companion_has_journal, r);
	else
		companion_has_journal(r, 0);
}

static void record_written(struct sluice_file_io *io)
{
	if (io->result == 0)
		submit(io->ctx, SLUICE_FILE_SYNC, 0, NULL, 0, put_ended);
	else
		put_ended(io);
}

static void record_write(struct recorder *r)
{
	memset(r->page, 0, RECORD_BYTES);
	memcpy(r->page, &r->next, sizeof(r->next));
	submit(r, SLUICE_FILE_WRITE, !r->place * RECORD_BYTES, r->page, RECORD_BYTES,
	       record_written);
}

static void journal_written(struct sluice_file_io *io)
{
	if (io->result == 0)
		record_write(io->ctx);
	else
		put_ended(io);
}

void recorder_put(struct recorder *r, const struct reencrypt_record *rec, const void *zone,
		  void (*fn)(void *ctx, int result), void *ctx)
{
	bool has_digests = true;

	r->fn = fn;
	r->ctx = ctx;
	r->is_busy = true;
	r->has_zone = zone != NULL;
	r->next = *rec;
	r->next.magic = REENCRYPT_MAGIC;
	r->next.version = REENCRYPT_VERSION;
	memcpy(r->next.volume, sluice_volume_uuid(r->f), sizeof(r->next.volume));
	r->next.sequence = ++r->sequence;
	if (zone) {
		has_digests = digest(zone, rec->zone_bytes, r->next.journal_digest);
		memcpy(r->journal, zone, rec->zone_bytes);
		memset(r->journal + rec->zone_bytes, 0,
		       whole_pages(rec->zone_bytes) - rec->zone_bytes);
	}
	has_digests = has_digests &&
		      digest(&r->next, offsetof(struct reencrypt_record, digest), r->next.digest);
	if (!has_digests)
		memset(&r->next, 0, sizeof(r->next)); /* no whole record */
	r->failed = has_digests ? 0 : -ENOMEM;
	if (zone)
		submit(r, SLUICE_FILE_WRITE, JOURNAL_AT, r->journal, whole_pages(rec->zone_bytes),
		       journal_written);
	else
		record_write(r);
}
