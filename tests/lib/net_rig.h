/* SPDX-License-Identifier: MIT */
/*
 * net_rig.h - appliances of a test in one process: each with a folder, a loop, a worker's env and a
 * port on loopback, turned by rig_turn() on the one thread of the test.
 *
 *     rig_begin -> rig_pair -> rig_link_open ... rig_until(condition) -> rig_end
 */
#ifndef TESTS_NET_RIG_H
#define TESTS_NET_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env.h"
#include "loop.h"
#include "net.h"
#include "net_int.h"

#define RIG_NODES 3

struct rig_node {
	char name[8]; /* "a", "b", "c": what the others call it */
	char *dir;
	struct loop *loop;
	struct env *env;
	struct net *net;
	int listen_fd;
	uint16_t port;
};

extern struct rig_node rig[RIG_NODES];
extern const uint8_t rig_group[16];

void rig_begin(void);
void rig_end(void);
/* The daemon of that node starts anew, with what is on its disk. */
void rig_restart(uint32_t node);
void rig_turn(void);
/* Turns until is_true(ctx), at most ms. */
bool rig_until(bool (*is_true)(void *ctx), void *ctx, uint32_t ms);
void rig_for_ms(uint32_t ms);

/* A result that comes later. */
struct rig_reply {
	bool is_there;
	int code; /* 0 or positive errno */
	char text[384];
	json_t *more;
};
void rig_reply_fn(void *ctx, const struct err *err, json_t *more); /* a net_fn; ctx a rig_reply */
void rig_wait(struct rig_reply *r);
void rig_reply_fini(struct rig_reply *r);

/* offerer makes a code, joiner joins through port (0: the offerer's own). */
void rig_pair_through(uint32_t offerer, uint32_t joiner, uint16_t port);
void rig_pair(uint32_t offerer, uint32_t joiner);

/* One end of a link that notes what happens to it. */
struct rig_link {
	struct rig_node *node;
	struct net_link *end;
	struct sluice_link_cfg cfg;
	uint32_t ups, downs;
	bool is_up;
	char why[200];
	uint8_t *data; /* received and used */
	size_t len, room;
	bool is_deaf; /* uses nothing */
	uint64_t offered, writables;
};

int rig_link_open(struct rig_link *l, uint32_t node, uint32_t peer, enum sluice_link_channel ch);
void rig_link_close(struct rig_link *l);
bool rig_link_is_up(void *l);
bool rig_link_is_down(void *l);
/* Sends it all, turning meanwhile. */
void rig_link_say(struct rig_link *l, const void *data, size_t len);
/* Waits for as many bytes in all, true if they came. */
bool rig_link_hears(struct rig_link *l, size_t len, uint32_t ms);

/* A bare TLS connection with a node's key, for what no appliance would say. */
struct rig_spoke {
	struct talk *talk; /* NULL: it is over */
	bool is_ready, is_over;
	char why[160];
	uint8_t in[4096];
	size_t len;
};

void rig_spoke_dial(struct rig_spoke *s, uint32_t from, uint16_t port, const char *alpn);
bool rig_spoke_is_ready(void *s);
bool rig_spoke_is_over(void *s);
bool rig_spoke_hears(struct rig_spoke *s, size_t len); /* so much in all, or more */
void rig_spoke_close(struct rig_spoke *s);

#endif
