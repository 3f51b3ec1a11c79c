/* SPDX-License-Identifier: MIT */
/*
 * transfers.h - imports and exports that somebody asked for on the control socket: started with the
 * descriptor that came along, listed while they run and for a while after, cancelled.
 *
 * The content moves on the volume's worker (transfer.h). The answer to the start comes at once; how
 * it went is asked for. They do not survive filterd: after a restart nobody knows the number.
 *
 * Thread: main.
 */
#ifndef FILTERD_TRANSFERS_H
#define FILTERD_TRANSFERS_H

#include <jansson.h>

#include "manager.h"

#define TRANSFERS_MAX 64u /* running and ended together; the oldest ended one makes room */

/* Takes *fd on success and sets it to -1. *id: its number. Errors: -EBUSY, -ENOENT, -ENOTCONN,
 * -EINVAL not a file, pipe or socket, -ENOSPC. */
int must_check transfers_start(struct manager *m, const char *volume, const char *direction,
			       uint64_t size_bytes, int *fd, uint64_t *id, struct err *err) ON_MAIN;
/* {"transfer", "volume", "direction", "state", "done_bytes", "size_bytes", "error"}; NULL with
 * -ENOENT. */
json_t *transfers_show(const struct manager *m, uint64_t id, struct err *err) ON_MAIN;
int must_check transfers_cancel(struct manager *m, uint64_t id, struct err *err) ON_MAIN;
void transfers_free_all(struct manager *m) ON_MAIN; /* none runs any more */

#endif
