/* SPDX-License-Identifier: MIT */
/*
 * greet.h - the first words of a link: what the dialer asks for, what the acceptor answers. Pure.
 */
#ifndef NET_GREET_H
#define NET_GREET_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "wire/peer.h"

void greet_hello(struct peer_hello *h, const uint8_t group_uuid[16], uint8_t channel);
/* 0 and the version to speak, or -EPROTO with a sentence. */
int must_check greet_check_hello(const struct peer_hello *h, uint8_t *version, char *why,
				 size_t why_bytes);
void greet_answer(struct peer_answer *a, uint8_t version, enum peer_status status,
		  const char *text);
/* 0, or -EPROTO and -ECONNREFUSED with a sentence. */
int must_check greet_check_answer(const struct peer_answer *a, char *why, size_t why_bytes);

/* The peer's words for people: printable, whatever was sent. */
void greet_quote(const char *text, size_t text_bytes, char *out, size_t out_bytes);

#endif
