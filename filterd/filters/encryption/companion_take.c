/* SPDX-License-Identifier: MIT */
/*
 * companion_take.c - from the companion to the files beside the image.
 *
 *     directory --> slots, each with its digest --> [sidecar] --> helper: files --> done()
 *
 * Files that are right already are left alone. What the directory does not name is destroyed.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "companion.h"
#include "luks_file.h"

#define SIDECAR_BYTES (2u * COMPANION_PAGE + REENCRYPT_MAX_ZONE_BYTES)

bool companion_digest(const void *data, size_t bytes, uint8_t out[32])
{
	return EVP_Digest(data, bytes, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool is_whole(const struct companion *c, const struct companion_dir *d)
{
	uint8_t is[32];

	if (d->magic != COMPANION_MAGIC || d->version != COMPANION_VERSION || d->sequence == 0 ||
	    memcmp(d->volume, sluice_volume_uuid(c->e->f), sizeof(d->volume)) != 0 ||
	    !companion_digest(d, offsetof(struct companion_dir, digest), is) ||
	    memcmp(is, d->digest, sizeof(is)) != 0 || d->kind < '0' || d->kind > '3')
		return false;
	for (uint32_t i = 0; i < COMPANION_HEADERS; i++)
		if (d->headers[i].slot > COMPANION_SLOTS ||
		    d->headers[i].size_bytes > COMPANION_SLOT_BYTES ||
		    (d->headers[i].slot && !d->headers[i].size_bytes))
			return false;
	return true;
}

static void choose(struct companion *c)
{
	struct companion_dir dirs[2];

	c->dir = (struct companion_dir){0};
	for (int i = 0; i < 2; i++) {
		memcpy(&dirs[i], c->pages + (size_t)i * COMPANION_PAGE, sizeof(dirs[i]));
		if (!is_whole(c, &dirs[i]) || dirs[i].sequence <= c->dir.sequence)
			continue;
		c->dir = dirs[i];
		c->place = i;
	}
}

static void end(struct companion *c, int result)
{
	void (*done)(struct companion * c, int result) = c->taken;

	companion_files_free(c);
	c->doing = COMPANION_IDLE;
	done(c, result);
}

/* ---------------------------------------------------------------- helper */

static bool is_there(const struct companion_file *wanted, const char *path)
{
	void *data = NULL;
	size_t bytes = 0;
	bool is = luks_file_read(path, &data, &bytes) == 0 && bytes == wanted->size_bytes &&
		  memcmp(data, wanted->data, bytes) == 0;

	free(data);
	return is;
}

static int put_file(const struct companion_file *from, struct luks *l)
{
	int rc = 0;

	if (!is_there(from, l->header)) {
		rc = luks_file_write(l->fresh, from->data, from->size_bytes);
		if (rc == 0)
			rc = luks_file_rename(l->fresh, l->header);
	}
	return rc ? rc : luks_file_copy(l->header, l->fresh, l->backup);
}

static int put_sidecar(struct companion *c)
{
	char path[LUKS_PATH_BYTES];
	int rc = sluice_sidecar_path(c->e->f, "reencrypt", path, sizeof(path));

	if (rc == 0 && c->dir.kind != '0')
		rc = luks_file_write(path, c->sidecar, SIDECAR_BYTES);
	else if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
		rc = -errno;
	return rc;
}

static void work(struct sluice_work *w)
{
	struct companion *c = w->ctx;
	struct luks *files[COMPANION_HEADERS] = {&c->luks, &c->next};

	c->result = 0;
	for (uint32_t i = 0; i < COMPANION_HEADERS && c->result == 0; i++)
		c->result =
		    c->files[i].data ? put_file(&c->files[i], files[i]) : luks_erase(files[i]);
	if (c->result == 0 && c->takes_sidecar)
		c->result = put_sidecar(c);
}

static void worked(struct sluice_work *w)
{
	struct companion *c = w->ctx;

	if (companion_was_left(c))
		return;
	end(c, c->result);
}

static void compare(struct sluice_work *w)
{
	struct companion *c = w->ctx;

	c->is_other = c->files[0].data ? !is_there(&c->files[0], c->luks.header)
				       : access(c->luks.header, F_OK) == 0;
}

/* The kept keys belong to the header that is there. They go before it does: a kill in between must
 * not leave them beside another one. */
static void compared(struct sluice_work *w)
{
	struct companion *c = w->ctx;

	if (companion_was_left(c))
		return;
	if (c->is_other) {
		c->header_changed = true;
		key_forget(c->e);
		sluice_key_forget(c->e->f, REENCRYPT_NEXT_KEY);
	}
	c->work.run = work;
	c->work.done = worked;
	sluice_work_submit(c->e->f, &c->work);
}

static void go_to_work(struct companion *c)
{
	c->work.run = compare;
	c->work.done = compared;
	c->work.ctx = c;
	sluice_work_submit(c->e->f, &c->work);
}

/* ---------------------------------------------------------------- reading */

static void read_next(struct companion *c);

static void sidecar_read(struct sluice_companion_io *io)
{
	struct companion *c = io->ctx;

	if (io->result) {
		end(c, io->result);
		return;
	}
	c->at_bytes += io->len_bytes;
	read_next(c);
}

static void slot_read(struct sluice_companion_io *io)
{
	struct companion *c = io->ctx;
	const struct companion_header *h = &c->dir.headers[c->step];
	struct companion_file *file = &c->files[c->step];
	uint8_t is[32];

	if (io->result) {
		end(c, io->result);
		return;
	}
	c->at_bytes += io->len_bytes;
	if (c->at_bytes >= h->size_bytes) {
		if (!companion_digest(file->data, h->size_bytes, is) ||
		    memcmp(is, h->digest, sizeof(is)) != 0) {
			end(c, -EBADMSG);
			return;
		}
		c->step++;
		c->at_bytes = 0;
	}
	read_next(c);
}

static uint64_t piece(uint64_t left_bytes)
{
	uint64_t whole = (left_bytes + COMPANION_PAGE - 1) / COMPANION_PAGE * COMPANION_PAGE;

	return whole < COMPANION_IO_BYTES ? whole : COMPANION_IO_BYTES;
}

static void read_slot(struct companion *c)
{
	const struct companion_header *h = &c->dir.headers[c->step];
	struct companion_file *file = &c->files[c->step];

	if (!file->data) {
		file->data = aligned_alloc(COMPANION_PAGE, COMPANION_SLOT_BYTES);
		file->size_bytes = h->size_bytes;
	}
	if (!file->data ||
	    companion_io(c, SLUICE_COMPANION_READ, COMPANION_SLOT_AT(h->slot - 1) + c->at_bytes,
			 file->data + c->at_bytes, piece(h->size_bytes - c->at_bytes),
			 slot_read) < 0)
		end(c, file->data ? -ENODEV : -ENOMEM);
}

static void read_next(struct companion *c)
{
	while (c->step < COMPANION_HEADERS && !c->dir.headers[c->step].slot)
		c->step++;
	if (c->step < COMPANION_HEADERS) {
		read_slot(c);
		return;
	}
	if (!c->takes_sidecar || c->dir.kind == '0' || c->at_bytes >= SIDECAR_BYTES) {
		go_to_work(c);
		return;
	}
	if (!c->sidecar)
		c->sidecar = aligned_alloc(COMPANION_PAGE, SIDECAR_BYTES);
	if (!c->sidecar ||
	    companion_io(c, SLUICE_COMPANION_READ, COMPANION_SIDECAR_AT + c->at_bytes,
			 c->sidecar + c->at_bytes, piece(SIDECAR_BYTES - c->at_bytes),
			 sidecar_read) < 0)
		end(c, c->sidecar ? -ENODEV : -ENOMEM);
}

static void dir_read(struct sluice_companion_io *io)
{
	struct companion *c = io->ctx;

	if (io->result == 0)
		choose(c);
	if (io->result || c->dir.sequence == 0) {
		end(c, io->result ? io->result : -ENODATA);
		return;
	}
	if (!c->takes_sidecar && c->dir.sequence == c->taken_sequence) {
		end(c, -EALREADY);
		return;
	}
	c->step = 0;
	c->at_bytes = 0;
	read_next(c);
}

void companion_take(struct companion *c, bool with_sidecar,
		    void (*done)(struct companion *c, int result))
{
	c->doing = COMPANION_TAKES;
	c->takes_sidecar = with_sidecar;
	c->taken = done;
	if (companion_io(c, SLUICE_COMPANION_READ, 0, c->pages, 2ull * COMPANION_PAGE, dir_read) <
	    0)
		end(c, -ENODEV);
}
