/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pipe_init(struct pipe *p, size_t size)
{
	*p = (struct pipe){.data = malloc(size), .size = size};
	return p->data ? 0 : -ENOMEM;
}

void pipe_fini(struct pipe *p)
{
	free(p->data);
	*p = (struct pipe){0};
}

size_t pipe_room(const struct pipe *p)
{
	return p->size - p->fill;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t pipe_put(struct pipe *p, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len && p->fill < p->size) {
		size_t end = (p->start + p->fill) % p->size;
		size_t n = least(least(len - done, p->size - p->fill), p->size - end);

		memcpy(p->data + end, data + done, n);
		p->fill += n;
		done += n;
	}
	return done;
}

size_t pipe_take(struct pipe *p, char *out, size_t max)
{
	size_t done = 0;

	while (done < max && p->fill) {
		size_t n = least(least(max - done, p->fill), p->size - p->start);

		memcpy(out + done, p->data + p->start, n);
		p->start = (p->start + n) % p->size;
		p->fill -= n;
		done += n;
	}
	return done;
}
