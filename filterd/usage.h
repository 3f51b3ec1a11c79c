/* SPDX-License-Identifier: MIT */
/*
 * usage.h - how much of a folder of images each image really takes.
 *
 * One pass over the folder gives all of them; asked together with the file system's space, on the
 * same helper thread, since either question hangs when the file system does.
 *
 * Thread: usage_scan() any; a table belongs to who holds it.
 */
#ifndef FILTERD_USAGE_H
#define FILTERD_USAGE_H

#include <stdint.h>

#include "parse.h"

struct usage_entry {
	char name[PARSE_NAME_MAX + 1]; /* the volume's */
	uint64_t allocated_bytes;
};

struct usage {
	struct usage_entry *entries; /* sorted by name */
	uint32_t count;
};

/* Fills an empty table with what can be read; -errno, and the table stays empty, if the folder
 * cannot. */
int usage_scan(const char *path, struct usage *out) __attribute__((warn_unused_result));
void usage_free(struct usage *u);
/* 0: not known. */
uint64_t usage_get(const struct usage *u, const char *volume);

#endif
