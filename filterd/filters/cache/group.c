/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "volume.h"

int group_create(struct sluice_group *g, const union sluice_value *values, struct sluice_error *err)
{
	struct group *own = calloc(1, sizeof(*own));
	int r;

	if (!own) {
		snprintf(err->text, sizeof(err->text), "no memory");
		return -ENOMEM;
	}
	r = settings_group(values, &own->cfg, err);
	if (r < 0) {
		free(own);
		return r;
	}
	own->host = g;
	sluice_group_state_set(g, own);
	return 0;
}

void group_destroy(struct sluice_group *g)
{
	free(sluice_group_state(g));
}

static bool is_twin(const struct volume *v, const struct volume *other)
{
	return v != other &&
	       memcmp(sluice_volume_uuid(v->f), sluice_volume_uuid(other->f), 16) == 0;
}

static uint64_t flash_of(const struct settings_volume *cfg)
{
	uint64_t log = cfg->mode == MODE_WRITE_BACK ? cfg->flash_bytes : 0;

	return log + cfg->flash_read_bytes;
}

static uint64_t flash_used(const struct group *g, const struct volume *without)
{
	uint64_t sum = 0;

	for (const struct volume *o = g->volumes; o; o = o->next_of_group) {
		if (o != without && !(without && is_twin(without, o)))
			sum += flash_of(&o->cfg);
	}
	return sum;
}

static uint64_t ram_used(const struct group *g)
{
	uint64_t sum = 0;

	for (const struct volume *o = g->volumes; o; o = o->next_of_group)
		sum += o->ram_share_bytes;
	return sum;
}

static int check_next(struct group *g, struct sluice_error *err)
{
	uint64_t used = flash_used(g, NULL);

	if (used > 0 && strcmp(g->cfg.flash_path, g->cfg_next.flash_path) != 0) {
		snprintf(err->field, sizeof(err->field), "flash_path");
		snprintf(err->text, sizeof(err->text),
			 "volumes have %" PRIu64
			 " bytes on '%.120s': take them off write-back and flash first",
			 used, g->cfg.flash_path);
		return -EBUSY;
	}
	if (used > g->cfg_next.flash_bytes) {
		snprintf(err->field, sizeof(err->field), "flash_bytes");
		snprintf(err->text, sizeof(err->text),
			 "volumes have %" PRIu64 " bytes of flash already, more than %" PRIu64,
			 used, g->cfg_next.flash_bytes);
		return -EBUSY;
	}
	return 0;
}

int group_reconfigure(struct sluice_group *host, enum sluice_phase phase,
		      const union sluice_value *values, struct sluice_error *err)
{
	struct group *g = sluice_group_state(host);
	int r;

	switch (phase) {
	case SLUICE_PREPARE:
		r = settings_group(values, &g->cfg_next, err);
		return r < 0 ? r : check_next(g, err);
	case SLUICE_COMMIT:
		if (strcmp(g->cfg.flash_path, g->cfg_next.flash_path) != 0)
			memset(g->flash_uuid, 0, sizeof(g->flash_uuid));
		g->cfg = g->cfg_next;
		for (struct volume *v = g->volumes; v; v = v->next_of_group)
			volume_ram_resize(v);
		return 0;
	case SLUICE_ABORT:
	case SLUICE_HELD: /* of events alone */
		return 0;
	}
	return 0;
}

size_t group_status(struct sluice_group *host, char *json, size_t size_bytes)
{
	const struct group *g = sluice_group_state(host);
	uint64_t dirty = 0;
	int n;

	for (const struct volume *v = g->volumes; v; v = v->next_of_group)
		dirty += volume_dirty_bytes(v);
	n = snprintf(json, size_bytes,
		     "{\"volumes\":%u,\"ram_bytes\":%" PRIu64 ",\"ram_used_bytes\":%" PRIu64
		     ",\"flash_bytes\":%" PRIu64 ",\"flash_used_bytes\":%" PRIu64
		     ",\"dirty_bytes\":%" PRIu64 "}",
		     g->volume_count, g->cfg.ram_bytes, ram_used(g), g->cfg.flash_bytes,
		     flash_used(g, NULL), dirty);
	return n > 0 ? (size_t)n : 0;
}

/* ---------------------------------------------------------------- its volumes */

void group_join(struct group *g, struct volume *v)
{
	v->next_of_group = g->volumes;
	g->volumes = v;
	g->volume_count++;
}

void group_leave(struct group *g, struct volume *v)
{
	struct volume **at = &g->volumes;

	while (*at != v)
		at = &(*at)->next_of_group;
	*at = v->next_of_group;
	g->volume_count--;
}

uint64_t group_ram_share(const struct group *g, const struct volume *v, uint64_t want_bytes)
{
	uint64_t others = ram_used(g) - v->ram_share_bytes;
	uint64_t left = g->cfg.ram_bytes > others ? g->cfg.ram_bytes - others : 0;

	return want_bytes < left ? want_bytes : left;
}

bool group_has_twin(const struct group *g, const struct volume *v)
{
	for (const struct volume *o = g->volumes; o; o = o->next_of_group) {
		if (is_twin(v, o))
			return true;
	}
	return false;
}

bool group_flash_is_device(const struct group *g)
{
	return strncmp(g->cfg.flash_path, "/dev/", 5) == 0;
}

/* A device belongs to one volume, whole, as its log. */
static int device_check(const struct group *g, const struct volume *v,
			const struct settings_volume *want, struct sluice_error *err)
{
	if (want->flash_read_bytes > 0) {
		snprintf(err->field, sizeof(err->field), "flash_read_bytes");
		snprintf(
		    err->text, sizeof(err->text),
		    "'%.120s' is a device, which holds one log and no read cache; use a folder "
		    "for that",
		    g->cfg.flash_path);
		return -EINVAL;
	}
	if (flash_used(g, v) > 0) {
		snprintf(err->text, sizeof(err->text),
			 "'%.120s' is a device and has another volume's log already",
			 g->cfg.flash_path);
		return -ENOSPC;
	}
	return 0;
}

int group_flash_check(const struct group *g, const struct volume *v,
		      const struct settings_volume *want, struct sluice_error *err)
{
	uint64_t used = flash_used(g, v), asked = flash_of(want);

	if (asked == 0)
		return 0;
	snprintf(err->field, sizeof(err->field), "flash_bytes");
	if (!g->cfg.flash_path[0]) {
		snprintf(err->text, sizeof(err->text),
			 "datastore '%.60s' has no flash: set its flash_path and flash_bytes first",
			 sluice_group_datastore(g->host));
		return -EINVAL;
	}
	if (used + asked > g->cfg.flash_bytes) {
		snprintf(err->text, sizeof(err->text),
			 "%" PRIu64 " bytes of flash are asked for, and of the datastore's %" PRIu64
			 " others have %" PRIu64,
			 asked, g->cfg.flash_bytes, used);
		return -ENOSPC;
	}
	return group_flash_is_device(g) ? device_check(g, v, want, err) : 0;
}

void group_uuid_text(const uint8_t uuid[16], char text[GROUP_UUID_TEXT])
{
	static const uint8_t dash_before[16] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};
	size_t at = 0;

	for (int i = 0; i < 16; i++)
		at += (size_t)snprintf(text + at, GROUP_UUID_TEXT - at, "%s%02x",
				       dash_before[i] ? "-" : "", uuid[i]);
}

bool group_has_uuid(const struct group *g, const uint8_t uuid[16])
{
	for (const struct volume *o = g->volumes; o; o = o->next_of_group) {
		if (memcmp(sluice_volume_uuid(o->f), uuid, 16) == 0)
			return true;
	}
	return false;
}

void group_flash_path(const struct group *g, const uint8_t uuid[16], const char *suffix, char *path,
		      size_t size_bytes)
{
	char text[GROUP_UUID_TEXT];

	if (group_flash_is_device(g)) {
		snprintf(path, size_bytes, "%s", g->cfg.flash_path);
		return;
	}
	group_uuid_text(uuid, text);
	snprintf(path, size_bytes, "%s/%s%s", g->cfg.flash_path, text, suffix);
}
