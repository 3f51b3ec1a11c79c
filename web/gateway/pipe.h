/* SPDX-License-Identifier: MIT */
/*
 * pipe.h - a queue of bytes with a fixed size, between the one who has data and the one who sends
 * it on. Pure.
 *
 * Its size is what bounds webd's memory: who finds it full stops reading from its own side.
 */
#ifndef GATEWAY_PIPE_H
#define GATEWAY_PIPE_H

#include <stddef.h>

#include "err.h"

struct pipe {
	char *data;
	size_t size, start, fill;
};

int must_check pipe_init(struct pipe *p, size_t size); /* -ENOMEM */
void pipe_fini(struct pipe *p);                        /* fine on zeros */
size_t pipe_room(const struct pipe *p);
/* Both return how many bytes they moved. */
size_t pipe_put(struct pipe *p, const char *data, size_t len);
size_t pipe_take(struct pipe *p, char *out, size_t max);

#endif
