/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_map.c - which key where, and what I/O waits for the zone under way.
 *
 * Every medium access that has come in is a flight until it ends, from before its first byte is
 * encrypted until after its last is decrypted. A zone begins when no flight touches it, and what
 * touches it then is not a flight but held; so the watermark never moves under a flight's feet.
 */
#include <string.h>

#include "reencrypt.h"

#define HOLD_MS 60000u /* a datastore that stalls must not look like a filter that hangs */

/* ---------------------------------------------------------------- keys */

struct xts *reencrypt_key_below(const struct reencrypt *re)
{
	if (re->kind == REENCRYPT_REKEY)
		return re->next;
	return re->kind == REENCRYPT_ENCRYPT ? re->e->xts : NULL;
}

struct xts *reencrypt_key_above(const struct reencrypt *re)
{
	return re->kind == REENCRYPT_ENCRYPT ? NULL : re->e->xts;
}

/* The key at offset_bytes, and how much of len_bytes has it. */
static struct xts *key_at(const struct encryption *e, uint64_t offset_bytes, uint64_t *len_bytes)
{
	const struct reencrypt *re = e->re;

	if (!re || re->phase == PHASE_PREPARING)
		return e->xts;
	if (offset_bytes >= re->watermark_bytes)
		return reencrypt_key_above(re);
	if (*len_bytes > re->watermark_bytes - offset_bytes)
		*len_bytes = re->watermark_bytes - offset_bytes;
	return reencrypt_key_below(re);
}

bool map_is_clear(const struct encryption *e, uint64_t offset_bytes, uint64_t len_bytes)
{
	while (len_bytes) {
		uint64_t part_bytes = len_bytes;

		if (key_at(e, offset_bytes, &part_bytes))
			return false;
		offset_bytes += part_bytes;
		len_bytes -= part_bytes;
	}
	return true;
}

int map_encrypt(const struct encryption *e, uint64_t offset_bytes, const void *from, void *to,
		uint64_t len_bytes)
{
	int rc = 0;

	for (uint64_t at = 0; at < len_bytes && rc == 0;) {
		uint64_t part_bytes = len_bytes - at;
		struct xts *key = key_at(e, offset_bytes + at, &part_bytes);

		if (key)
			rc = xts_encrypt(key, offset_bytes + at, (const char *)from + at,
					 (char *)to + at, part_bytes);
		else
			memcpy((char *)to + at, (const char *)from + at, part_bytes);
		at += part_bytes;
	}
	return rc;
}

int map_decrypt(const struct encryption *e, uint64_t offset_bytes, void *buf, uint64_t len_bytes)
{
	int rc = 0;

	for (uint64_t at = 0; at < len_bytes && rc == 0;) {
		uint64_t part_bytes = len_bytes - at;
		struct xts *key = key_at(e, offset_bytes + at, &part_bytes);

		if (key)
			rc = xts_decrypt(key, offset_bytes + at, (char *)buf + at, part_bytes);
		at += part_bytes;
	}
	return rc;
}

/* ---------------------------------------------------------------- flights */

void flight_begin(struct encryption *e, struct flight *fl, struct sluice_io *io)
{
	e->flight_count++;
	if (io->op == SLUICE_OP_READ || io->op == SLUICE_OP_WRITE)
		e->flight_bytes += io->len_bytes;
	fl->io = io;
	fl->next = &e->flights;
	fl->prev = e->flights.prev;
	fl->prev->next = fl;
	e->flights.prev = fl;
}

void flight_end(struct encryption *e, struct flight *fl)
{
	if (!fl->next)
		return;
	fl->prev->next = fl->next;
	fl->next->prev = fl->prev;
	fl->next = fl->prev = NULL;
	if (e->re && e->re->step == STEP_WAIT)
		walk_flight_ended(e->re);
}

static bool touches(const struct reencrypt *re, const struct sluice_io *io)
{
	return re->zone_bytes && io->offset_bytes < re->zone_offset_bytes + re->zone_bytes &&
	       re->zone_offset_bytes < io->offset_bytes + io->len_bytes;
}

bool reencrypt_zone_is_free(const struct reencrypt *re)
{
	const struct flight *head = &re->e->flights;

	for (const struct flight *fl = head->next; fl != head; fl = fl->next)
		if (touches(re, fl->io))
			return false;
	return true;
}

/* ---------------------------------------------------------------- held I/O */

bool reencrypt_holds(const struct encryption *e, const struct sluice_io *io)
{
	return e->re && (e->re->holds_all || touches(e->re, io));
}

static void hold(struct reencrypt *re, struct flight *fl)
{
	fl->held_next = NULL;
	if (re->first_held)
		re->last_held->held_next = fl;
	else
		re->first_held = fl;
	re->last_held = fl;
}

enum sluice_verdict reencrypt_hold(struct encryption *e, struct flight *fl, struct sluice_io *io)
{
	struct reencrypt *re = e->re;

	if (re->failure != SLUICE_OK) {
		io->status = (uint8_t)re->failure;
		return SLUICE_FAIL;
	}
	fl->io = io;
	fl->token = sluice_defer(e->f, io, HOLD_MS);
	if (!fl->token) {
		/* The chain drains, so it must be decided now; BUSY is sent again. */
		io->status = SLUICE_ERR_BUSY;
		return SLUICE_FAIL;
	}
	hold(re, fl);
	return SLUICE_DEFER;
}

void reencrypt_hold_on(struct encryption *e, struct flight *fl)
{
	if (e->re->failure != SLUICE_OK)
		sluice_fail(fl->token, e->re->failure);
	else
		hold(e->re, fl);
}

static struct flight *take_held(struct reencrypt *re)
{
	struct flight *fl = re->first_held;

	if (fl)
		re->first_held = fl->held_next;
	return fl;
}

void reencrypt_release_held(struct reencrypt *re)
{
	struct flight *fl;

	while ((fl = take_held(re)) != NULL)
		crypt_io_go_on(re->e, fl);
}

void reencrypt_fail_held(struct reencrypt *re, enum sluice_status status)
{
	struct flight *fl;

	while ((fl = take_held(re)) != NULL)
		sluice_fail(fl->token, status);
}
