/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct manifest *manifest_new(void)
{
	return calloc(1, sizeof(struct manifest));
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	free(m->layers);
	free(m->snapshots);
	free(m->holds);
	free(m);
}

/* An array of count elements; never NULL for want of elements. */
static void *array_copy(const void *from, uint32_t count, size_t size)
{
	void *to = calloc(count + 1, size);

	if (to && count > 0)
		memcpy(to, from, count * size);
	return to;
}

struct manifest *manifest_copy(const struct manifest *m)
{
	struct manifest *c = manifest_new();

	if (!c)
		return NULL;
	*c = *m;
	c->layers = array_copy(m->layers, m->layer_count, sizeof(*m->layers));
	c->snapshots = array_copy(m->snapshots, m->snapshot_count, sizeof(*m->snapshots));
	c->holds = array_copy(m->holds, m->hold_count, sizeof(*m->holds));
	if (c->layers && c->snapshots && c->holds)
		return c;
	manifest_free(c);
	return NULL;
}

struct manifest_layer *manifest_layer(const struct manifest *m, uint32_t number)
{
	uint32_t low = 0, high = m->layer_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (m->layers[mid].number == number)
			return &m->layers[mid];
		if (m->layers[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct manifest_snapshot *manifest_snapshot(const struct manifest *m, const char *uuid)
{
	for (uint32_t i = 0; i < m->snapshot_count; i++)
		if (strcmp(m->snapshots[i].uuid, uuid) == 0)
			return &m->snapshots[i];
	return NULL;
}

uint32_t manifest_children(const struct manifest *m, uint32_t number, uint32_t *one)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->layer_count; i++) {
		if (m->layers[i].parent != number)
			continue;
		*one = m->layers[i].number;
		count++;
	}
	return count;
}

bool manifest_has_snapshot(const struct manifest *m, uint32_t number)
{
	for (uint32_t i = 0; i < m->snapshot_count; i++)
		if (m->snapshots[i].layer == number && !m->snapshots[i].is_deleting)
			return true;
	return m->pending_group[0] && m->pending.layer == number;
}

#define ADD(m, array, count, what)                                                                 \
	({                                                                                         \
		void *at_ = realloc((m)->array, ((size_t)(m)->count + 1) * sizeof(*(m)->array));   \
		if (at_) {                                                                         \
			(m)->array = at_;                                                          \
			(m)->array[(m)->count++] = (what);                                         \
		}                                                                                  \
		at_ != NULL;                                                                       \
	})

bool manifest_add_layer(struct manifest *m, const struct manifest_layer *l)
{
	return ADD(m, layers, layer_count, *l);
}

bool manifest_add_snapshot(struct manifest *m, const struct manifest_snapshot *s)
{
	return ADD(m, snapshots, snapshot_count, *s);
}

bool manifest_add_hold(struct manifest *m, uint32_t layer, const char *path)
{
	struct manifest_hold h = {.layer = layer};

	assert(strlen(path) < sizeof(h.path));
	memcpy(h.path, path, strlen(path) + 1);
	return ADD(m, holds, hold_count, h);
}

void manifest_drop_layer(struct manifest *m, uint32_t number)
{
	struct manifest_layer *l = manifest_layer(m, number);
	uint32_t i = (uint32_t)(l - m->layers);

	memmove(l, l + 1, (m->layer_count - i - 1) * sizeof(*l));
	m->layer_count--;
	for (i = m->hold_count; i-- > 0;) /* of clones that are gone */
		if (m->holds[i].layer == number)
			m->holds[i] = m->holds[--m->hold_count];
	if (m->merge_from == number || m->merge_to == number)
		m->merge_from = m->merge_to = 0;
}

void manifest_drop_snapshot(struct manifest *m, const char *uuid)
{
	struct manifest_snapshot *s = manifest_snapshot(m, uuid);
	uint32_t i = (uint32_t)(s - m->snapshots);

	memmove(s, s + 1, (m->snapshot_count - i - 1) * sizeof(*s));
	m->snapshot_count--;
}

bool manifest_decide(struct manifest *m, bool is_yes)
{
	struct manifest_layer l = {.number = m->pending_head,
				   .parent = m->head,
				   .size_bytes = manifest_layer(m, m->head)->size_bytes,
				   .has_map = true};

	if (is_yes) {
		if (!manifest_add_layer(m, &l) || !manifest_add_snapshot(m, &m->pending))
			return false;
		m->head = m->pending_head;
	}
	m->pending_group[0] = '\0';
	m->pending_head = 0;
	return true;
}
