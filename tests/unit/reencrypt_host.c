/* SPDX-License-Identifier: MIT */
/* reencrypt_host.c - the host of a life: store, keyring and sidecars of the world. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "reencrypt_life.h"

#define CHECK(cond) LIFE_CHECK(cond)

static struct world *w;

static void report(void *ctx, const char *filter, const char *kind, const char *text)
{
	size_t n = strlen(w->kinds);

	snprintf(w->kinds + n, sizeof(w->kinds) - n, "%s ", kind);
	if (getenv("REENCRYPT_VERBOSE"))
		fprintf(stderr, "%s: %s\n", kind, text);
	CHECK(!strstr(kind, "misuse") && !strstr(kind, "hung"));
}

static int sidecar_path(void *ctx, const char *suffix, char *path, size_t size_bytes)
{
	snprintf(path, size_bytes, "%s/v.%s", w->folder, suffix);
	return 0;
}

static int find(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (strcmp(w->secrets[i].name, name) == 0)
			return i;
	return -1;
}

static int key_put(void *ctx, const char *filter, const char *name, const void *key,
		   size_t size_bytes)
{
	int i = find(name) >= 0 ? find(name) : find("");

	snprintf(w->secrets[i].name, sizeof(w->secrets[i].name), "%s", name);
	memcpy(w->secrets[i].secret, key, size_bytes);
	w->secrets[i].bytes = size_bytes;
	return 0;
}

static int key_get(void *ctx, const char *filter, const char *name, void *key, size_t room_bytes,
		   size_t *size_bytes)
{
	int i = find(name);

	if (i < 0)
		return -ENOKEY;
	memcpy(key, w->secrets[i].secret, w->secrets[i].bytes);
	*size_bytes = w->secrets[i].bytes;
	return 0;
}

static void key_forget(void *ctx, const char *filter, const char *name)
{
	int i = find(name);

	if (i >= 0)
		memset(&w->secrets[i], 0, sizeof(w->secrets[i]));
}

static int record_of(const char *key)
{
	int i = 0;

	while (w->records[i].key[0] && strcmp(w->records[i].key, key) != 0)
		CHECK(++i < 6);
	return i;
}

static int store_put(void *ctx, const char *filter, const char *key, const void *data,
		     size_t size_bytes)
{
	int i = record_of(key);

	CHECK(size_bytes <= sizeof(w->records[i].value));
	memcpy(w->records[i].value, data, size_bytes);
	w->records[i].bytes = size_bytes;
	snprintf(w->records[i].key, sizeof(w->records[i].key), "%s", key);
	return 0;
}

static int store_get(void *ctx, const char *filter, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	int i = record_of(key);

	if (!w->records[i].key[0])
		return -ENOENT;
	CHECK(w->records[i].bytes <= room_bytes);
	memcpy(data, w->records[i].value, w->records[i].bytes);
	*size_bytes = w->records[i].bytes;
	return 0;
}

static void ready(void *ctx, enum sluice_status status) {}

void host_open(struct world *world, struct chain_host *out)
{
	w = world;
	*out = (struct chain_host){.report = report,
				   .sidecar_path = sidecar_path,
				   .store_put = store_put,
				   .store_get = store_get,
				   .key_put = key_put,
				   .key_get = key_get,
				   .key_forget = key_forget,
				   .ready = ready};
}
