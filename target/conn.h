/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn.h - one LUN's connection to sluice-filterd: socket, ring, timer. Never blocks tgtd.
 *
 *            +--------- connect fails, refused, HUP: ring_client_detached ----------+
 *            v                                                                      |
 *         DOWN --timer: connect, HELLO--> GREETING --WELCOME--> LIVE ---------------+
 *                                            |                   |
 *                                            +--- nonsense ------+--> LEAVING --HUP-+
 *
 * HUP is the proof that the server's process and its I/O have ended (or that it let go of this ring
 * after draining it); until then claimed slots are the server's. So a server that talks nonsense is
 * not simply hung up on: we shut down our half (LEAVING) and wait for its HUP.
 *
 * One timerfd per LUN: reconnects while DOWN, ticks the ring while commands are in flight, off
 * otherwise. A command's way out needs no system call but the bell, and that one at most once per
 * turn of tgtd's loop.
 *
 * tgtd may close a LUN's store while commands are in flight (tgtadm: path=): the connection is then
 * an orphan, which ends its commands and frees itself. Thread: tgtd's loop.
 */
#ifndef TARGET_CONN_H
#define TARGET_CONN_H

#include "tgt.h"

struct conn;

/*
 * Makes ring and connection for a volume and tries to connect. Waits for WELCOME at most
 * CONN_OPEN_WAIT_MS, and not at all while the last such wait was in vain, so a hung filterd costs
 * one wait, not one per LUN. What is not there yet is looked for by the timer. Errors: -errno of
 * memory and descriptors; a filterd that is absent, hung or refuses is not an error.
 */
#define CONN_OPEN_WAIT_MS 300
int conn_open(struct scsi_lu *lu, const char *volume, const char *socket_path, struct conn **out)
    __attribute__((warn_unused_result));

/* No commands in flight: BYE, and all is released. Otherwise the connection becomes an orphan. */
void conn_close(struct conn *c);

/* Takes a command; ops_complete() ends it, never before return. -EMSGSIZE, -ENOMEM: not taken. */
int conn_submit(struct conn *c, struct scsi_cmd *cmd) __attribute__((warn_unused_result));

/* A descriptor for lu->fd: tgtd takes a negative one for a store that is not open. */
int conn_fd(const struct conn *c);

#endif
