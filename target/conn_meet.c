/* SPDX-License-Identifier: GPL-2.0-only */
/* conn_meet.c - the ways into and out of each state of a connection. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_int.h"
#include "lun.h"

/* The pause after so many attempts in vain: a restart is over in a moment, an outage may last. */
#define RETRY_SOON_NS    (20 * CLOCK_NS_PER_MS)
#define RETRY_SOON       10u
#define RETRY_NS         (100 * CLOCK_NS_PER_MS)
#define RETRY_OFTEN      300u
#define RETRY_LONG_NS    (1000 * CLOCK_NS_PER_MS)
#define RETRY_REFUSED_NS (5000 * CLOCK_NS_PER_MS) /* the reason does not pass by itself */

static bool is_trouble_new(struct conn *c, const char *text)
{
	if (strcmp(c->last_word, text) == 0)
		return false;
	snprintf(c->last_word, sizeof(c->last_word), "%s", text);
	return true;
}

/* One line for each change of trouble, not one for each attempt. */
#define log_trouble(c, ...)                                                                        \
	do {                                                                                       \
		char text_[CONN_TROUBLE_BYTES];                                                    \
		snprintf(text_, sizeof(text_), __VA_ARGS__);                                       \
		if (is_trouble_new(c, text_) && !(c)->is_orphan)                                   \
			tgt_log((c)->lu, "%s", text_);                                             \
	} while (0)

uint64_t conn_retry_ns(const struct conn *c)
{
	if (c->attempts < RETRY_SOON)
		return RETRY_SOON_NS;
	return c->attempts < RETRY_OFTEN ? RETRY_NS : RETRY_LONG_NS;
}

/* The connection is over and nobody else holds the memory yet. */
static void lost(struct conn *c, uint64_t now_ns, uint64_t retry_after_ns)
{
	tgt_event_del(c->sock);
	close(c->sock);
	c->sock = -1;
	c->state = CONN_DOWN;
	c->next_attempt_ns = now_ns + retry_after_ns;
	ring_client_detached(c->client, now_ns);
}

static void fill_hello(const struct conn *c, struct ring_msg_hello *h)
{
	static uint64_t instance;

	if (instance == 0)
		instance = conn_memory_random();
	*h = (struct ring_msg_hello){
	    .type = RING_MSG_HELLO,
	    .abi_newest = RING_ABI,
	    .abi_oldest = RING_ABI_OLDEST,
	    .tgtd_pid = (uint32_t)getpid(),
	    .generation = c->generation,
	    .tgtd_instance = instance,
	};
	memcpy(h->volume, c->volume, sizeof(h->volume));
	memcpy(h->uuid, c->uuid, sizeof(h->uuid));
}

static int greet(struct conn *c)
{
	struct ring_msg_hello hello;
	int fd = conn_socket_connect(c->socket_path), rc;

	if (fd < 0)
		return fd;
	fill_hello(c, &hello);
	/* Watched first: once HELLO is out, its HUP may not be missed. */
	rc = tgt_event_add(fd, EPOLLIN | EPOLLRDHUP, conn_on_socket, c);
	if (rc == 0) {
		rc = conn_socket_hello(fd, &hello, &c->memory);
		if (rc)
			tgt_event_del(fd);
	}
	if (rc) {
		close(fd);
		return rc < 0 ? rc : -EIO;
	}
	c->sock = fd;
	c->state = CONN_GREETING;
	return 0;
}

void conn_meet(struct conn *c, uint64_t now_ns)
{
	int rc;

	c->attempts++;
	c->next_attempt_ns = now_ns + conn_retry_ns(c);
	rc = greet(c);
	if (rc == 0)
		return;
	if (rc == -EACCES)
		log_trouble(
		    c,
		    "the process that listens at %s is neither root's nor user sluice's: not "
		    "trusted with volume %s",
		    c->socket_path, c->volume);
	else
		log_trouble(
		    c,
		    "volume %s: sluice-filterd does not answer at %s (%s); the LUN comes online "
		    "when it does",
		    c->volume, c->socket_path, strerror(-rc));
}

/* We are done with this server, but it may not be done with the ring: its HUP will say so. */
static void leave(struct conn *c, const char *why)
{
	log_trouble(c, "volume %s: %s; waiting for sluice-filterd to let go of the ring", c->volume,
		    why);
	shutdown(c->sock, SHUT_WR);
	c->state = CONN_LEAVING;
}

static void on_welcome(struct conn *c, const struct ring_msg_welcome *w, uint64_t now_ns)
{
	if (c->state != CONN_GREETING || w->abi < RING_ABI_OLDEST || w->abi > RING_ABI) {
		leave(c, "an unexpected WELCOME");
		return;
	}
	if (!c->is_orphan && !lun_welcome(c->lu, w)) {
		leave(c, "the volume of that name is not the one that this LUN has shown");
		return;
	}
	c->state = CONN_LIVE;
	c->attempts = 0;
	memcpy(c->uuid, w->uuid, sizeof(c->uuid));
	conn_answered();
	if (c->last_word[0] && !c->is_orphan)
		tgt_log(c->lu, "volume %s: served again (incarnation %llu)", c->volume,
			(unsigned long long)w->incarnation);
	c->last_word[0] = '\0';
	ring_client_attached(c->client, now_ns);
}

static void on_refuse(struct conn *c, const struct ring_msg_refuse *r, uint64_t now_ns)
{
	if (c->state != CONN_GREETING) {
		leave(c, "an unexpected REFUSE");
		return;
	}
	log_trouble(c, "volume %s: refused: %s", c->volume, r->text);
	lost(c, now_ns, r->may_retry ? conn_retry_ns(c) : RETRY_REFUSED_NS);
}

static void on_message(struct conn *c, const union ring_msg *msg, uint64_t now_ns)
{
	if (c->state == CONN_LEAVING)
		return;
	switch (msg->type) {
	case RING_MSG_WELCOME:
		on_welcome(c, &msg->welcome, now_ns);
		break;
	case RING_MSG_REFUSE:
		on_refuse(c, &msg->refuse, now_ns);
		break;
	default: /* RING_MSG_NOTICE */
		if (c->state == CONN_LIVE && !c->is_orphan)
			lun_notice(c->lu, &msg->notice);
		break;
	}
}

/* Everything that has arrived. */
void conn_receive(struct conn *c)
{
	uint64_t now_ns = clock_now_ns();
	union ring_msg msg;
	int rc = 0;

	while (c->sock >= 0 && (rc = conn_socket_receive(c->sock, &msg)) > 0)
		on_message(c, &msg, now_ns);
	if (c->sock < 0)
		return;
	if (rc == -EPROTO && c->state != CONN_LEAVING) {
		leave(c, "a message that does not belong to this protocol");
	} else if (rc == -ECONNRESET) {
		bool was_live = c->state == CONN_LIVE;

		if (was_live)
			log_trouble(c,
				    "volume %s: lost sluice-filterd; commands wait for its return",
				    c->volume);
		/* The next server may listen already: its parent kept the socket. */
		lost(c, now_ns, was_live ? 0 : conn_retry_ns(c));
	}
}
