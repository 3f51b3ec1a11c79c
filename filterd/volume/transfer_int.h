/* SPDX-License-Identifier: MIT */
/* transfer_int.h - what transfer.c, transfer_import.c and transfer_export.c share. */
#ifndef FILTERD_TRANSFER_INT_H
#define FILTERD_TRANSFER_INT_H

#include "transfer.h"

void transfer_end(struct transfer *t, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* True, and t has ended: cancelled. Called between two pieces. */
bool transfer_is_over(struct transfer *t);
/* next(t) after a while, which grows up to 100 ms as long as nothing moves. */
void transfer_wait(struct transfer *t, void (*next)(struct transfer *t));
/* run on a helper thread, then next(t) here. run sets work_result. */
void transfer_work(struct transfer *t, void (*run)(struct env_work *w),
		   void (*next)(struct env_work *w));
/* One I/O of op at offset_bytes; ended() gets it, and puts it back with chain_io_put(). False: the
 * pool is empty, again() is called later. */
bool transfer_io(struct transfer *t, uint8_t op, uint64_t len_bytes, void *buf,
		 void (*ended)(struct sluice_io *io), void (*again)(struct transfer *t));

void transfer_import(struct transfer *t);
void transfer_export(struct transfer *t);

#endif
