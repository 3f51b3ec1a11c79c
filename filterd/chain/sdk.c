/* SPDX-License-Identifier: MIT */
/*
 * sdk.c - the small host services: state, contexts, the volume's figures, time, randomness,
 * records.
 *
 * The others stand with what they belong to: token.c, walk.c (buffers of an I/O), own_io.c, buf.c,
 * sdk_async.c (timers and work), report.c. sdk.symbols lists all of them.
 */
#include <errno.h>

#include "chain_int.h"
#include "clock.h"

#define STORE_KEY_MAX   32u
#define STORE_MAX_BYTES (64u << 10)
#define SUFFIX_MAX      16u

void sdk_link(void) {}

void sluice_state_set(struct sluice_filter *f, void *state)
{
	f->state = state;
}

void *sluice_state(const struct sluice_filter *f)
{
	return f->state;
}

void *sluice_io_ctx(const struct sluice_filter *f, const struct sluice_io *io)
{
	return chain_io_of(io)->contexts + f->ctx_offset;
}

const char *sluice_volume_name(const struct sluice_filter *f)
{
	return f->chain->volume;
}

uint64_t sluice_volume_size_bytes(const struct sluice_filter *f)
{
	return f->chain->size_bytes;
}

uint32_t sluice_volume_block_bytes(const struct sluice_filter *f)
{
	return f->chain->block_bytes;
}

const uint8_t *sluice_volume_uuid(const struct sluice_filter *f)
{
	return f->chain->uuid;
}

bool sluice_volume_is_durable(const struct sluice_filter *f)
{
	return f->chain->is_durable;
}

static bool is_suffix(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

	/* <image>.img could be another volume's image. */
	return n >= 1 && n <= SUFFIX_MAX && s[n] == '\0' && strcmp(s, "img") != 0;
}

int sluice_sidecar_path(const struct sluice_filter *f, const char *suffix, char *path,
			size_t size_bytes)
{
	const struct chain_host *h = &f->chain->host;

	if (!is_suffix(suffix) || !h->sidecar_path)
		return -EINVAL;
	return h->sidecar_path(h->ctx, suffix, path, size_bytes);
}

uint64_t sluice_now_ns(const struct sluice_filter *f)
{
	return env_now_ns(f->chain->env);
}

uint32_t sluice_hour_of_day(const struct sluice_filter *f)
{
	return clock_local_hour();
}

uint64_t sluice_random_u64(const struct sluice_filter *f)
{
	return env_random_u64(f->chain->env);
}

static bool is_key(const char *key)
{
	uint32_t n = 0;

	for (; key[n]; n++) {
		bool is_ok = (key[n] >= 'a' && key[n] <= 'z') || (key[n] >= '0' && key[n] <= '9') ||
			     key[n] == '_';

		if (!is_ok || n == STORE_KEY_MAX)
			return false;
	}
	return n > 0;
}

int sluice_store_put(struct sluice_filter *f, const char *key, const void *data, size_t size_bytes)
{
	const struct chain_host *h = &f->chain->host;

	if (!is_key(key) || size_bytes > STORE_MAX_BYTES)
		return -EINVAL;
	if (!h->store_put)
		return -EIO;
	return h->store_put(h->ctx, f->ops->name, key, data, size_bytes);
}

int sluice_store_get(struct sluice_filter *f, const char *key, void *data, size_t room_bytes,
		     size_t *size_bytes)
{
	const struct chain_host *h = &f->chain->host;

	if (!is_key(key))
		return -EINVAL;
	if (!h->store_get)
		return -ENOENT;
	return h->store_get(h->ctx, f->ops->name, key, data, room_bytes, size_bytes);
}
