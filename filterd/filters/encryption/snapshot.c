/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include "companion.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_CHARS 32u /* a UUID without its dashes is just as long as a record's name may be */

const char *const snapshot_sidecars[] = {"luks", "luksbackup", NULL};

void snapshot_read_origins(struct encryption *e)
{
	char path[LUKS_PATH_BYTES];
	ssize_t n;
	int fd;

	e->luks.origins[0] = '\0';
	if (sluice_sidecar_path(e->f, "origin", path, sizeof(path)) < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	n = read(fd, e->luks.origins, sizeof(e->luks.origins) - 1);
	e->luks.origins[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void record_name(const char *uuid, char out[KEY_CHARS + 1])
{
	size_t n = 0;

	for (; *uuid && n < KEY_CHARS; uuid++)
		if (*uuid != '-')
			out[n++] = *uuid >= 'A' && *uuid <= 'F' ? (char)(*uuid - 'A' + 'a') : *uuid;
	out[n] = '\0';
}

/* Which DEK the data has now. */
static const char *present(const struct encryption *e)
{
	switch (e->state) {
	case STATE_UNFORMATTED:
		return "unformatted";
	case STATE_CLEAR:
		return "clear";
	default:
		return e->header.digest;
	}
}

static int note(struct encryption *e, const char *uuid, struct sluice_error *err)
{
	const char *now = present(e);
	char name[KEY_CHARS + 1];
	int rc;

	if (!*now && companion_is_closed(e)) /* the replica of a volume that has just begun */
		return encryption_refuse(err, "filter", -EAGAIN,
					 "the header has not come from the other side yet; try "
					 "again in a moment");
	if (!*now)
		return encryption_refuse(
		    err, "filter", -EIO,
		    "the header cannot be read, so nobody knows with which key "
		    "the snapshot would be read");
	record_name(uuid, name);
	rc = sluice_store_put(e->f, name, now, strlen(now));
	if (rc < 0)
		return encryption_refuse(err, "filter", rc,
					 "which key the snapshot has could not be noted");
	return 0;
}

static int check_same(struct encryption *e, const char *uuid, struct sluice_error *err)
{
	char name[KEY_CHARS + 1], then[LUKS_DIGEST_BYTES] = "";
	size_t size_bytes = 0;
	int rc;

	record_name(uuid, name);
	rc = sluice_store_get(e->f, name, then, sizeof(then) - 1, &size_bytes);
	if (rc == 0 && size_bytes < sizeof(then))
		then[size_bytes] = '\0';
	if (rc == 0 && strcmp(then, present(e)) == 0)
		return 0;
	return encryption_refuse(
	    err, "filter", -EBUSY,
	    "the snapshot is of a time when the volume had another key, or none, and it would be "
	    "noise with this one; clone the snapshot: the clone has the header of that time");
}

int snapshot_event(struct encryption *e, enum sluice_phase phase, const struct sluice_event *ev,
		   struct sluice_error *err)
{
	if (phase == SLUICE_COMMIT || phase == SLUICE_ABORT)
		e->is_at_point = false;
	if (phase != SLUICE_PREPARE)
		return 0;
	if (e->re)
		return encryption_refuse(err, "filter", -EBUSY, SNAPSHOT_HALVES);
	if (!e->has_looked || e->job) /* of itself over soon: schedules try again */
		return encryption_refuse(err, "filter", -EAGAIN,
					 "the header is being read or changed; try again in a "
					 "moment");
	if (ev->uuid) {
		int rc = ev->kind == SLUICE_EVENT_SNAPSHOT ? note(e, ev->uuid, err)
							   : check_same(e, ev->uuid, err);

		if (rc < 0)
			return rc;
	}
	e->is_at_point = true;
	return 0;
}
