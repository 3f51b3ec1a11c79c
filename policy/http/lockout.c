/* SPDX-License-Identifier: MIT */
#include "lockout.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_BYTES 160u
#define FORGET_MS (24ull * 3600u * 1000u)
#define KNOWN_MS  (30ull * FORGET_MS) /* an address that this account has logged in from */

enum kind { KIND_PAIR, KIND_ADDRESS, KIND_ACCOUNT, KIND_COUNT };

static const struct {
	uint32_t free;
	uint64_t most_ms;
} limits[KIND_COUNT] = {
    [KIND_PAIR] = {3, 900000},
    [KIND_ADDRESS] = {10, 900000},
    [KIND_ACCOUNT] = {20, 30000},
};

struct entry {
	char key[KEY_BYTES]; /* "": not used */
	uint32_t failures;
	uint64_t last_ms;    /* of the last attempt */
	uint64_t success_ms; /* of a pair: when it last logged in; 0: never */
};

struct lockout {
	struct entry entries[LOCKOUT_ENTRIES];
};

struct lockout *lockout_create(void)
{
	return calloc(1, sizeof(struct lockout));
}

void lockout_free(struct lockout *l)
{
	free(l);
}

/* An IPv6 address stands for its /64: whoever has one has them all. */
static void place_of(const char *address, char *out, size_t size)
{
	uint32_t colons = 0;
	size_t i;

	snprintf(out, size, "%s", address);
	if (!strchr(address, ':'))
		return;
	for (i = 0; out[i]; i++)
		if (out[i] == ':' && (++colons == 4 || out[i + 1] == ':'))
			break;
	out[i] = '\0';
}

static void key_of(enum kind kind, const char *account, const char *address, char key[KEY_BYTES])
{
	char place[64];

	place_of(address, place, sizeof(place));
	if (kind == KIND_ADDRESS)
		snprintf(key, KEY_BYTES, "address %s", place);
	else if (kind == KIND_ACCOUNT)
		snprintf(key, KEY_BYTES, "account %.80s", account);
	else
		snprintf(key, KEY_BYTES, "pair %.80s %s", account, place);
}

static struct entry *find(const struct lockout *l, const char *key)
{
	for (uint32_t i = 0; i < LOCKOUT_ENTRIES; i++)
		if (strcasecmp(l->entries[i].key, key) == 0)
			return (struct entry *)(uintptr_t)&l->entries[i];
	return NULL;
}

static struct entry *find_or_make(struct lockout *l, const char *key)
{
	struct entry *e = find(l, key), *oldest = &l->entries[0];

	if (e)
		return e;
	for (uint32_t i = 0; i < LOCKOUT_ENTRIES; i++) {
		e = &l->entries[i];
		if (!e->key[0]) {
			oldest = e;
			break;
		}
		if (e->last_ms < oldest->last_ms)
			oldest = e;
	}
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->key, sizeof(oldest->key), "%s", key);
	return oldest;
}

static uint64_t until_ms(const struct entry *e, enum kind kind)
{
	uint64_t delay_ms = 1000;
	uint32_t over;

	if (!e || e->failures <= limits[kind].free)
		return 0;
	over = e->failures - limits[kind].free - 1;
	delay_ms = over > 20 ? limits[kind].most_ms : delay_ms << over;
	return e->last_ms + (delay_ms < limits[kind].most_ms ? delay_ms : limits[kind].most_ms);
}

static void age(struct entry *e, uint64_t now_ms)
{
	if (e && e->failures && now_ms > e->last_ms + FORGET_MS)
		e->failures = 0;
}

static bool is_known(const struct entry *pair, uint64_t now_ms)
{
	return pair && pair->success_ms && now_ms < pair->success_ms + KNOWN_MS;
}

uint64_t lockout_try(struct lockout *l, const char *account, const char *address, uint64_t now_ms)
{
	struct entry *entries[KIND_COUNT];
	char key[KEY_BYTES];
	uint64_t latest_ms = 0;

	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		key_of(kind, account, address, key);
		entries[kind] = find(l, key);
		age(entries[kind], now_ms);
		if (kind == KIND_ACCOUNT && is_known(entries[KIND_PAIR], now_ms))
			continue;
		if (until_ms(entries[kind], kind) > latest_ms)
			latest_ms = until_ms(entries[kind], kind);
	}
	if (latest_ms > now_ms)
		return latest_ms - now_ms;
	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		struct entry *e;

		key_of(kind, account, address, key);
		e = find_or_make(l, key);
		e->failures++;
		e->last_ms = now_ms;
	}
	return 0;
}

void lockout_success(struct lockout *l, const char *account, const char *address, uint64_t now_ms)
{
	char key[KEY_BYTES];
	struct entry *e;

	key_of(KIND_PAIR, account, address, key);
	e = find_or_make(l, key);
	e->failures = 0;
	e->last_ms = e->success_ms = now_ms;
	key_of(KIND_ACCOUNT, account, address, key);
	e = find(l, key);
	if (e)
		e->failures = 0;
	/* the address keeps its other failures: one good account must not wash away guesses at
	 * others */
	key_of(KIND_ADDRESS, account, address, key);
	e = find(l, key);
	if (e && e->failures)
		e->failures--;
}

void lockout_forget(struct lockout *l, const char *account)
{
	char key[KEY_BYTES], prefix[KEY_BYTES];
	struct entry *e;

	key_of(KIND_ACCOUNT, account, "", key);
	e = find(l, key);
	if (e)
		e->failures = 0;
	snprintf(prefix, sizeof(prefix), "pair %.80s ", account);
	for (uint32_t i = 0; i < LOCKOUT_ENTRIES; i++)
		if (strncasecmp(l->entries[i].key, prefix, strlen(prefix)) == 0)
			l->entries[i].failures = 0;
}

uint32_t lockout_account(const struct lockout *l, const char *account, uint64_t *out_until_ms)
{
	char key[KEY_BYTES];
	const struct entry *e;

	key_of(KIND_ACCOUNT, account, "", key);
	e = find(l, key);
	*out_until_ms = until_ms(e, KIND_ACCOUNT);
	return e ? e->failures : 0;
}
