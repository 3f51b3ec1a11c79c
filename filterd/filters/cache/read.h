/* SPDX-License-Identifier: MIT */
/*
 * read.h - reads, in all modes: from memory at once; from below with the cache filled afterwards;
 * put together when the log or the clean tier has a part.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_READ_H
#define CACHE_READ_H

#include "request.h"

/* All of it was in memory and is in io->buf now. Of a volume whose memory may answer. */
bool read_hit(struct volume *v, const struct sluice_io *io);
enum sluice_verdict read_start(struct request *r);
/* It comes back from below. */
void read_passed(struct request *r, enum sluice_status status);

#endif
