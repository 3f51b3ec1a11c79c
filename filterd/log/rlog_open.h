/* SPDX-License-Identifier: MIT */
/*
 * rlog_open.h - the door to the record log for those who have an env and no filter: the host's own
 * sluice_rlog_open(), the simulators and the tools.
 *
 * Thread: the env's worker.
 */
#ifndef RLOG_OPEN_H
#define RLOG_OPEN_H

#include "env.h"
#include "sluice/rlog.h"

/*
 * As sluice_rlog_open(). cfg is copied. fn comes exactly once unless the log is closed before it,
 * never before return. After a result other than 0 the log takes no call but sluice_rlog_close().
 * Errors: NULL with err filled: no memory, or a cfg that cannot be.
 */
struct sluice_rlog *rlog_open_env(struct env *env, const struct sluice_rlog_cfg *cfg,
				  void (*fn)(void *ctx, const struct sluice_rlog_opened *how),
				  void *ctx, struct sluice_error *err);
/*
 * A process that was killed, for simulators: frees all memory and closes nothing; no callback
 * comes. The env forgets the I/O, timers and messages that are under way by itself.
 */
void rlog_abandon(struct sluice_rlog *log);

#endif
