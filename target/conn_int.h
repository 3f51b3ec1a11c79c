/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn_int.h - what the files of a connection share. Nobody else includes it.
 *
 *   conn.c        open, close, timer, event handlers, the ring's host
 *   conn_meet.c   DOWN, GREETING, LIVE, LEAVING: connect, messages, loss
 */
#ifndef TARGET_CONN_INT_H
#define TARGET_CONN_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "conn.h"
#include "conn_memory.h"
#include "conn_socket.h"
#include "ring_client.h"

#define CONN_TROUBLE_BYTES 512u

enum conn_state { CONN_DOWN, CONN_GREETING, CONN_LIVE, CONN_LEAVING };

struct conn {
	struct scsi_lu *lu;
	enum conn_state state;
	bool is_orphan;
	int sock; /* -1 while DOWN */
	int timer_fd;
	uint64_t timer_period_ns;
	uint64_t next_attempt_ns;
	uint32_t attempts;          /* in vain, since the last WELCOME */
	uint64_t submitted_at_tick; /* to see an idle period */
	uint64_t rescues_told, garbage_told;
	struct conn_memory memory;
	struct ring_client *client;
	struct event_data flush_event;
	uint64_t generation;
	char volume[RING_VOLUME_BYTES];
	uint8_t uuid[16]; /* of the volume that has answered; zeros: none yet */
	char socket_path[CONN_SOCKET_PATH_BYTES];
	char last_word[CONN_TROUBLE_BYTES]; /* the last trouble that was logged */
};

/* conn.c */
void conn_on_socket(int fd, int events, void *data);
/* A server has answered: the next conn_open() may wait for one again. */
void conn_answered(void);

/* conn_meet.c */
/* Connects and says HELLO; trouble is logged, once. */
void conn_meet(struct conn *c, uint64_t now_ns);
/* Takes every message that has arrived, and the loss of the connection. */
void conn_receive(struct conn *c);
/* The pause between attempts. */
uint64_t conn_retry_ns(const struct conn *c);

#endif
