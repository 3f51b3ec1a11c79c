/* SPDX-License-Identifier: MIT */
/*
 * io_list.h - queues of initiators' I/Os; one io is in one of them at most.
 */
#ifndef REPLICATION_IO_LIST_H
#define REPLICATION_IO_LIST_H

#include "group.h"

static inline void io_list_push(struct repl_io_list *l, struct repl_io *io)
{
	io->next = NULL;
	io->prev = l->last;
	if (l->last)
		l->last->next = io;
	else
		l->first = io;
	l->last = io;
	l->count++;
}

static inline void io_list_remove(struct repl_io_list *l, struct repl_io *io)
{
	if (io->prev)
		io->prev->next = io->next;
	else
		l->first = io->next;
	if (io->next)
		io->next->prev = io->prev;
	else
		l->last = io->prev;
	io->next = io->prev = NULL;
	l->count--;
}

static inline struct repl_io *io_list_pop(struct repl_io_list *l)
{
	struct repl_io *io = l->first;

	if (io)
		io_list_remove(l, io);
	return io;
}

static inline bool io_list_has(const struct repl_io_list *l, const struct repl_io *io)
{
	for (const struct repl_io *i = l->first; i; i = i->next) {
		if (i == io)
			return true;
	}
	return false;
}

#endif
