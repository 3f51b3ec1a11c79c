/* SPDX-License-Identifier: MIT */
/*
 * group.h - the caches of one datastore: how much memory and flash they may take together, and
 * where the flash is.
 *
 * Memory: who comes gets what is left, and an event says when that is less than asked for. Flash: a
 * log is as large as asked for or not made at all.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_GROUP_H
#define CACHE_GROUP_H

#include "settings.h"
#include "sluice/filter.h"

struct volume;

struct group {
	struct sluice_group *host;
	struct settings_group cfg, cfg_next;
	struct volume *volumes; /* linked by next_of_group */
	uint32_t volume_count;
	uint8_t flash_uuid[16]; /* of the folder's mark, as soon as one volume knows it */
};

int group_create(struct sluice_group *g, const union sluice_value *values,
		 struct sluice_error *err);
void group_destroy(struct sluice_group *g);
int group_reconfigure(struct sluice_group *g, enum sluice_phase phase,
		      const union sluice_value *values, struct sluice_error *err);
size_t group_status(struct sluice_group *g, char *json, size_t size_bytes);

void group_join(struct group *g, struct volume *v);
void group_leave(struct group *g, struct volume *v);

/* So much of want_bytes as is left. */
uint64_t group_ram_share(const struct group *g, const struct volume *v, uint64_t want_bytes);
/*
 * May v have flash for its log and its clean tier? Another filter of the same volume, which v is
 * about to replace, does not count. -EINVAL or -ENOSPC with the figures in err.
 */
int group_flash_check(const struct group *g, const struct volume *v,
		      const struct settings_volume *want, struct sluice_error *err);
/* Is another filter of v's volume attached: the one that takes its place, or whose place it takes?
 */
bool group_has_twin(const struct group *g, const struct volume *v);
/* The flash is a device, not a folder. */
bool group_flash_is_device(const struct group *g);
#define GROUP_UUID_TEXT 37u
void group_uuid_text(const uint8_t uuid[16], char text[GROUP_UUID_TEXT]);
/* A volume with this UUID is attached. */
bool group_has_uuid(const struct group *g, const uint8_t uuid[16]);
/* <flash_path>/<uuid><suffix>, or the device's own path. */
void group_flash_path(const struct group *g, const uint8_t uuid[16], const char *suffix, char *path,
		      size_t size_bytes);

#endif
