/* SPDX-License-Identifier: MIT */
/* env_watch.c - the descriptors that a worker watches, in a table by number. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "env_linux_int.h"

#define ROOM_FIRST 64u

static int room_ensure(struct env_linux *l, uint32_t fd)
{
	uint32_t room = l->watch_room ? l->watch_room : ROOM_FIRST;
	struct env_watch *table;

	while (room <= fd)
		room *= 2;
	if (room == l->watch_room)
		return 0;
	table = realloc(l->watches, room * sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (uint32_t i = l->watch_room; i < room; i++)
		table[i] = (struct env_watch){0};
	l->watches = table;
	l->watch_room = room;
	return 0;
}

static bool is_watched(const struct env_linux *l, int fd)
{
	return fd >= 0 && (uint32_t)fd < l->watch_room && l->watches[fd].fn;
}

static int control(struct env_linux *l, int op, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events};

	ev.data.u64 = (uint64_t)l->watches[fd].generation << 32 | (uint32_t)fd;
	return epoll_ctl(l->epoll_fd, op, fd, &ev) ? -errno : 0;
}

int env_linux_watch(struct env *e, int fd, env_linux_fd_fn fn, void *ctx)
{
	struct env_linux *l = env_linux_of(e);
	int rc;

	if (fd < 0)
		return -EBADF;
	if (is_watched(l, fd))
		return -EEXIST;
	rc = room_ensure(l, (uint32_t)fd);
	if (rc)
		return rc;
	l->watches[fd].generation++;
	rc = control(l, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP);
	if (rc)
		return rc;
	l->watches[fd].fn = fn;
	l->watches[fd].ctx = ctx;
	return 0;
}

int env_linux_watch_events(struct env *e, int fd, uint32_t events)
{
	struct env_linux *l = env_linux_of(e);

	return is_watched(l, fd) ? control(l, EPOLL_CTL_MOD, fd, events) : -ENOENT;
}

void env_linux_unwatch(struct env *e, int fd)
{
	struct env_linux *l = env_linux_of(e);

	if (!is_watched(l, fd))
		return;
	control(l, EPOLL_CTL_DEL, fd, 0);
	l->watches[fd].fn = NULL;
}

void env_watch_dispatch(struct env_linux *l, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		uint32_t generation = (uint32_t)(events[i].data.u64 >> 32);

		/* An earlier callback of this batch may have ended this watch, or begun another. */
		if (is_watched(l, fd) && l->watches[fd].generation == generation)
			l->watches[fd].fn(l->watches[fd].ctx, fd, events[i].events);
	}
}
