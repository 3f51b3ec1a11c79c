/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void oracle_init(struct oracle *o)
{
	o->count = 1;
	o->acked_d1 = o->acked_d2 = 0;
	o->next_version = 1;
	o->states[0] = (struct oracle_state){{0}};
}

bool oracle_has_room(const struct oracle *o)
{
	return o->count + 64 < ORACLE_STATES_MAX && o->next_version + 64 < ORACLE_VERSIONS_MAX;
}

uint32_t oracle_newest(const struct oracle *o)
{
	return o->count - 1;
}

static struct oracle_state *next_state(struct oracle *o)
{
	assert(o->count < ORACLE_STATES_MAX);
	o->states[o->count] = o->states[o->count - 1];
	return &o->states[o->count++];
}

uint32_t oracle_write(struct oracle *o, uint32_t block, uint32_t block_count, bool is_whole,
		      uint32_t *first_version)
{
	struct oracle_state *s = next_state(o);

	*first_version = o->next_version;
	for (uint32_t i = 0; i < block_count; i++) {
		if (i > 0 && !is_whole)
			s = next_state(o);
		s->version[block + i] = o->next_version++;
	}
	return oracle_newest(o);
}

uint32_t oracle_zero(struct oracle *o, uint32_t block, uint32_t block_count)
{
	struct oracle_state *s = next_state(o);

	/* One extent of any length: it is not split. */
	for (uint32_t i = 0; i < block_count; i++)
		s->version[block + i] = 0;
	return oracle_newest(o);
}

uint32_t oracle_drop(struct oracle *o, const struct oracle_state *now)
{
	*next_state(o) = *now;
	return oracle_newest(o);
}

void oracle_acked(struct oracle *o, uint32_t state, bool is_d2)
{
	assert(state < o->count);
	if (state > o->acked_d1)
		o->acked_d1 = state;
	if (is_d2 && state > o->acked_d2)
		o->acked_d2 = state;
}

int64_t oracle_find(const struct oracle *o, const struct oracle_state *found, uint32_t oldest,
		    uint32_t newest)
{
	for (int64_t i = newest; i >= (int64_t)oldest; i--)
		if (memcmp(&o->states[i], found, sizeof(*found)) == 0)
			return i;
	return -1;
}

void oracle_cut(struct oracle *o, uint32_t state)
{
	o->count = state + 1;
	o->acked_d1 = o->acked_d2 = state;
}

bool oracle_may_read(const struct oracle *o, uint32_t block, uint32_t version)
{
	for (uint32_t i = o->acked_d1; i < o->count; i++)
		if (o->states[i].version[block] == version)
			return true;
	return false;
}

void oracle_fill(void *buf, uint32_t block_bytes, uint32_t block, uint32_t version)
{
	uint64_t word = (uint64_t)version << 8 | block, *at = buf;

	for (uint32_t i = 0; i < block_bytes / 8; i++)
		at[i] = word;
}

uint32_t oracle_version(const void *buf, uint32_t block_bytes, uint32_t block)
{
	const uint64_t *at = buf;

	for (uint32_t i = 1; i < block_bytes / 8; i++)
		if (at[i] != at[0])
			return ORACLE_TORN;
	if (at[0] == 0)
		return 0;
	return (at[0] & 0xff) == block ? (uint32_t)(at[0] >> 8) : ORACLE_TORN;
}

void oracle_print(const struct oracle_state *s, char *text, size_t size_bytes)
{
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < ORACLE_BLOCKS && n < size_bytes; i++)
		n += (size_t)snprintf(text + n, size_bytes - n,
				      s->version[i] == ORACLE_TORN ? "%s?" : "%s%u", i ? " " : "",
				      s->version[i]);
}
