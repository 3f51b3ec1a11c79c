/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

void oracle_fill(uint8_t *data, uint32_t sector, uint32_t version)
{
	uint64_t word = version ? (uint64_t)version << 32 | sector : 0;

	for (uint32_t i = 0; i < SECTOR / 8; i++)
		memcpy(data + (size_t)i * 8, &word, 8);
}

void image_init(struct image *m, uint32_t sectors)
{
	memset(m, 0, sizeof(*m));
	image_grow(m, sectors);
}

void image_grow(struct image *m, uint32_t sectors)
{
	for (; m->sectors < sectors; m->sectors++) {
		m->live[m->sectors] = 0;
		m->is_loose[m->sectors] = false;
		m->count[m->sectors] = 1;
		m->may[m->sectors][0] = 0;
	}
}

static bool may_be(const struct image *m, uint32_t sector, uint32_t version)
{
	for (uint32_t i = 0; i < m->count[sector]; i++)
		if (m->may[sector][i] == version)
			return true;
	return false;
}

static void add(struct image *m, uint32_t sector, uint32_t version)
{
	if (may_be(m, sector, version))
		return;
	if (m->count[sector] == ORACLE_VERSIONS) /* the oldest is let go: less is allowed */
		memmove(&m->may[sector][0], &m->may[sector][1],
			--m->count[sector] * sizeof(m->may[0][0]));
	m->may[sector][m->count[sector]++] = version;
}

void image_begin(struct image *m, uint32_t sector, uint32_t version)
{
	add(m, sector, version);
	m->live[sector] = UNKNOWN;
	m->is_loose[sector] = true;
}

void image_end(struct image *m, uint32_t sector, uint32_t version, bool is_ok, bool is_durable)
{
	if (!is_ok)
		return;
	m->live[sector] = version;
	m->is_loose[sector] = false;
	if (is_durable) {
		m->count[sector] = 1;
		m->may[sector][0] = version;
	}
}

void image_flushed(struct image *m)
{
	for (uint32_t i = 0; i < m->sectors; i++) {
		if (m->live[i] == UNKNOWN)
			continue;
		m->count[i] = 1;
		m->may[i][0] = m->live[i];
		m->is_loose[i] = false;
	}
}

void image_closed(struct image *m)
{
	for (uint32_t i = 0; i < m->sectors; i++) {
		if (m->is_loose[i] && m->count[i] > 1)
			m->live[i] = UNKNOWN;
		m->is_loose[i] = false;
	}
}

void image_crash(struct image *m, bool is_power_cut)
{
	for (uint32_t i = 0; is_power_cut && i < m->sectors; i++)
		if (m->count[i] > 1)
			m->live[i] = UNKNOWN;
	image_closed(m);
}

const char *image_check(struct image *m, const uint8_t *data, bool is_settling,
			bool is_after_power_cut)
{
	static char text[120];

	for (uint32_t s = 0; s < m->sectors; s++) {
		uint64_t first, word;
		uint32_t version;

		memcpy(&first, data + (size_t)s * SECTOR, 8);
		version = (uint32_t)(first >> 32);
		for (uint32_t i = 1; i < SECTOR / 8; i++) {
			memcpy(&word, data + (size_t)s * SECTOR + (size_t)i * 8, 8);
			if (word != first) {
				snprintf(text, sizeof(text), "sector %u is torn", s);
				return text;
			}
		}
		if ((version && (uint32_t)first != s) || !may_be(m, s, version) ||
		    (m->live[s] != UNKNOWN && m->live[s] != version)) {
			snprintf(
			    text, sizeof(text),
			    "sector %u has version %u of sector %u, it should have %u (%u may be)",
			    s, version, (uint32_t)first, m->live[s], m->count[s]);
			return text;
		}
	}
	for (uint32_t s = 0; is_settling && s < m->sectors; s++) {
		uint64_t first;

		memcpy(&first, data + (size_t)s * SECTOR, 8);
		m->live[s] = (uint32_t)(first >> 32);
		if (is_after_power_cut) {
			m->count[s] = 1;
			m->may[s][0] = m->live[s];
		}
	}
	return NULL;
}
