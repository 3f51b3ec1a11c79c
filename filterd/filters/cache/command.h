/* SPDX-License-Identifier: MIT */
/*
 * command.h - an administrator's words to a volume's cache.
 *
 *   flush  {}                        all that is dirty now goes to the datastore
 *   drop   {}                        clean copies are forgotten, dirty data stays
 *   drop   {"dirty_bytes": N}        dirty data too, if N is what there is of it
 *   drop   {"unknown": true}         of a log that nobody can read
 *   drop   {"owner": "UUID"}         of another volume, which is no more, on the flash device
 *   warm   {}                        the list of hot blocks is read again
 *
 * Thread: owner worker.
 */
#ifndef CACHE_COMMAND_H
#define CACHE_COMMAND_H

#include "sluice/filter.h"

int command_run(struct sluice_filter *f, const struct sluice_command *cmd,
		struct sluice_error *err);

#endif
