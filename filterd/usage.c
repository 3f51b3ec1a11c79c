/* SPDX-License-Identifier: MIT */
#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX           ".img"
#define SUFFIX_LEN       (sizeof(SUFFIX) - 1)
#define STAT_BLOCK_BYTES 512ull /* of st_blocks, whatever st_blksize says */
#define ENTRIES_AT_FIRST 64u

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct usage_entry *)a)->name, ((const struct usage_entry *)b)->name);
}

/* The length of the volume's name in an image's file name; 0: not an image. */
static size_t name_len(const char *file)
{
	size_t len = strlen(file);

	if (len <= SUFFIX_LEN || len - SUFFIX_LEN > PARSE_NAME_MAX ||
	    strcmp(file + len - SUFFIX_LEN, SUFFIX) != 0)
		return 0;
	return len - SUFFIX_LEN;
}

static int add(struct usage *u, uint32_t *room, const char *file, size_t len, const struct stat *st)
{
	struct usage_entry *e;

	if (u->count == *room) {
		uint32_t more = *room ? *room * 2 : ENTRIES_AT_FIRST;

		e = reallocarray(u->entries, more, sizeof(*e));
		if (!e)
			return -ENOMEM;
		u->entries = e;
		*room = more;
	}
	e = &u->entries[u->count++];
	memcpy(e->name, file, len);
	e->name[len] = '\0';
	e->allocated_bytes = (uint64_t)st->st_blocks * STAT_BLOCK_BYTES;
	return 0;
}

int usage_scan(const char *path, struct usage *out)
{
	DIR *dir = opendir(path);
	const struct dirent *d;
	uint32_t room = 0;
	int rc = 0;

	*out = (struct usage){0};
	if (!dir)
		return -errno;
	while (rc == 0 && (d = readdir(dir))) {
		size_t len = name_len(d->d_name);
		struct stat st;

		if (len && fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			rc = add(out, &room, d->d_name, len, &st);
	}
	closedir(dir);
	if (rc < 0)
		usage_free(out);
	else if (out->count)
		qsort(out->entries, out->count, sizeof(*out->entries), by_name);
	return rc;
}

void usage_free(struct usage *u)
{
	free(u->entries);
	*u = (struct usage){0};
}

uint64_t usage_get(const struct usage *u, const char *volume)
{
	struct usage_entry key = {.allocated_bytes = 0};
	const struct usage_entry *e;
	size_t len = strlen(volume);

	if (!u->count || len > PARSE_NAME_MAX)
		return 0;
	memcpy(key.name, volume, len + 1);
	e = bsearch(&key, u->entries, u->count, sizeof(key), by_name);
	return e ? e->allocated_bytes : 0;
}
