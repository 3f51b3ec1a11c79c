/* SPDX-License-Identifier: MIT */
/*
 * follow.h - Server-Sent Events, read from a stream of pieces of any length. Pure.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#define FOLLOW_LINE_MAX 65536u

struct follow {
	char line[FOLLOW_LINE_MAX]; /* the one that is not whole yet */
	size_t line_len;
	char topic[64];
	char *data; /* lines of "data:" of the event under way */
	size_t data_len;
	bool is_skipping; /* a line that is too long */
	/* One event; false: enough. */
	bool (*fn)(void *ctx, const char *topic, const char *data);
	void *ctx;
};

/* False: fn said enough. Begin with all zero but fn and ctx. */
bool follow_feed(struct follow *f, const char *bytes, size_t len);
void follow_end(struct follow *f);

#endif
