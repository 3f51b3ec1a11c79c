/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_pace.h - how long a walk rests after a zone. Pure: time comes as an argument.
 *
 * While nobody is there, it goes as fast as its parameter says. While initiators are, it takes
 *
 *   - at most 3 % of the time: what it does between two of their I/Os costs them time on the
 *     worker and on the datastore's queue, as long as a zone lasts;
 *   - and moves at most 5 % of the bytes that they move: a datastore pays for a zone after it has
 *     ended as well (what was flushed goes on to the medium; a budget of bytes is used up), and
 *     that does not show in how long the zone took. A zone is moved three times: it is read, goes
 *     to the journal and is written.
 *
 * So that it never stops for ever, it does at least 1 MiB/s; but where that would be more than 5 %
 * of the time, the datastore is a slow one, and 5 % of the time it is. No rest is longer than a
 * minute.
 */
#ifndef ENCRYPTION_REENCRYPT_PACE_H
#define ENCRYPTION_REENCRYPT_PACE_H

#include <stdint.h>

struct pace_zone {
	uint64_t limit_bytes_per_s; /* the parameter; 0: none */
	uint64_t moved_bytes;       /* of the zone; 0: a hole, or nothing but zeros */
	uint64_t took_ns;           /* from its begin to its end */
	/* What initiators did since the zone before had ended, and how long ago that was. */
	uint64_t since_ns, ios, io_bytes;
};

uint64_t pace_rest_ns(const struct pace_zone *z);

#endif
