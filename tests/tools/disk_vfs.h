/* SPDX-License-Identifier: MIT */
/*
 * disk_vfs.h - SQLite's files on a LUN: the database, its journal and its log of changes are each a
 * range of an iSCSI disk, so that what SQLite writes and in which order is what the disk is given.
 *
 *   block 0            which files there are, and their sizes: written when one grows, shrinks or
 * goes 1 MiB ... 33 MiB   the database        33 MiB ... 49 MiB   -journal        49 MiB ... 64 MiB
 * -wal
 *
 * A write of SQLite's is one WRITE command (the blocks at its edges are read before), a sync is one
 * SYNCHRONIZE CACHE; nothing is kept back, combined or put in another order. Locks mean nothing:
 * one process has the disk. Shared memory there is none, so a log of changes needs
 * locking_mode=exclusive.
 *
 * Thread: one, the caller's. Order: disk_vfs_register, sqlite3_open_v2(..., DISK_VFS_NAME).
 */
#ifndef TOOLS_DISK_VFS_H
#define TOOLS_DISK_VFS_H

#include "initiator.h"

#define DISK_VFS_NAME      "disk"
#define DISK_VFS_BYTES_MIN (64ull << 20)

/* Reads which files there are. in outlives every database. 0, or -1 with a sentence in in->error.
 */
int disk_vfs_register(struct initiator *in, int limit_ms);

#endif
