// SPDX-License-Identifier: MIT
/* host.c - what the chain asks of its volume: records, names of sidecars, the keyring, reports. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct node *n = ctx;

	world_say(n->w, "node %d: %s reports %s: %s", n->id, filter, kind, text);
	if (strcmp(kind, "filter_misuse") == 0 || strcmp(kind, "filter_hung") == 0)
		world_fail(n->w, "node %d: %s: %s: %s", n->id, filter, kind, text);
}

/* ---------------------------------------------------------------- records */

static struct record *find_record(struct node *n, const char *filter, const char *key)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s", filter, key);
	for (uint32_t i = 0; i < n->record_count; i++)
		if (strcmp(n->records[i].key, name) == 0)
			return &n->records[i];
	return NULL;
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	struct node *n = ctx;
	struct record *r = find_record(n, filter, key);

	assert(size_bytes <= RECORD_BYTES);
	if (n->failing & PART_RECORDS && chance(n->w, n->fail_pct))
		return -EIO;
	if (!r) {
		assert(n->record_count < RECORDS_MAX);
		r = &n->records[n->record_count++];
		snprintf(r->key, sizeof(r->key), "%s/%s", filter, key);
	}
	memcpy(r->data, data, size_bytes);
	r->size_bytes = (uint32_t)size_bytes;
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	const struct record *r = find_record(ctx, filter, key);

	if (!r)
		return -ENOENT;
	if (r->size_bytes > room_bytes)
		return -ENOSPC;
	memcpy(data, r->data, r->size_bytes);
	*size_bytes = r->size_bytes;
	return 0;
}

static int sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	char name[64];

	snprintf(name, sizeof(name), "volume.%s", suffix);
	file_path(ctx, name, path, size_bytes);
	return 0;
}

/* ---------------------------------------------------------------- keyring */

static struct kept_key *find_key(struct node *n, const char *name)
{
	for (uint32_t i = 0; i < n->key_count; i++)
		if (strcmp(n->keys[i].name, name) == 0)
			return &n->keys[i];
	return NULL;
}

static int key_put(void *ctx, const char *filter, const char *name, const void *key,
		   size_t size_bytes)
{
	struct node *n = ctx;
	struct kept_key *k = find_key(n, name);

	(void)filter;
	if (size_bytes > sizeof(k->data))
		return -EINVAL;
	if (!k && n->key_count == KEYS_MAX)
		return -ENOSPC;
	if (!k)
		k = &n->keys[n->key_count++];
	snprintf(k->name, sizeof(k->name), "%s", name);
	memcpy(k->data, key, size_bytes);
	k->size_bytes = (uint32_t)size_bytes;
	return 0;
}

static int key_get(void *ctx, const char *filter, const char *name, void *key, size_t room_bytes,
		   size_t *size_bytes)
{
	const struct kept_key *k = find_key(ctx, name);

	(void)filter;
	if (!k)
		return -ENOKEY;
	if (k->size_bytes > room_bytes)
		return -ENOSPC;
	memcpy(key, k->data, k->size_bytes);
	*size_bytes = k->size_bytes;
	return 0;
}

static void key_forget(void *ctx, const char *filter, const char *name)
{
	struct node *n = ctx;
	struct kept_key *k = find_key(n, name);

	(void)filter;
	if (k)
		*k = n->keys[--n->key_count];
}

static void ready(void *ctx, enum sluice_status status)
{
	struct node *n = ctx;

	if (n->ready != status)
		world_say(n->w, "node %d: initiators hear %u", n->id, status);
	n->ready = status;
}

void host_begin(struct node *n)
{
	n->host = (struct chain_host){.report = report,
				      .store_put = store_put,
				      .store_get = store_get,
				      .sidecar_path = sidecar_path,
				      .key_put = key_put,
				      .key_get = key_get,
				      .key_forget = key_forget,
				      .ready = ready,
				      .ctx = n,
				      .net = link_host(n)};
}
