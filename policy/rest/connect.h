/* SPDX-License-Identifier: MIT */
/*
 * connect.h - what to type on an initiator to use one volume. Pure: facts in, lines out.
 *
 * tgtd takes CHAP algorithm 7 (SHA-256) for SHA-1, so an initiator that offers more than MD5 fails
 * to log in: each help says MD5 where CHAP is used. Secrets never stand in the lines; where one is
 * needed, the line asks for it.
 */
#ifndef REST_CONNECT_H
#define REST_CONNECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CONNECT_PORTALS_MAX 16u

struct connect_facts {
	const char *volume, *iqn;
	const char *const *portals; /* "10.0.0.1:3260", "[fd00::1]:3260"; wildcards replaced */
	uint32_t portal_count;
	uint32_t lun;
	const char *initiator_iqn; /* of a host that may reach it; NULL: none may */
	const char *chap_user;     /* NULL: no CHAP */
	const char *mutual_user;   /* NULL: no mutual CHAP */
};

/* [{"initiator": "linux|esxi|windows|qemu|libvirt", "title", "lines": [text]}] New reference. */
json_t *connect_help(const struct connect_facts *f);

/*
 * The portal's name as an initiator can use it: a wildcard address becomes that of the Host header
 * (the address at which the person reaches this machine), or this machine's name where the header
 * is missing or names the loopback. Others stay as they are.
 */
void connect_portal(const char *name, const char *host_header, const char *machine, char out[300]);

#endif
