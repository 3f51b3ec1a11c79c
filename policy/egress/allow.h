/* SPDX-License-Identifier: MIT */
/*
 * allow.h - the destinations that an administrator has allowed, and which of them a URL means.
 *
 * How an entry is written: common/destination.h. A literal address may be private, since it is what
 * the administrator wrote; a name only with "!private".
 *
 * Names are compared without regard to case, numbers in the one form that libcurl makes of them
 * ("0x7f.1" is 127.0.0.1). There are no wildcards.
 *
 * Thread: main.
 */
#ifndef EGRESS_ALLOW_H
#define EGRESS_ALLOW_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define ALLOW_KMIP_PORT "5696"

struct allow_entry {
	char host[256]; /* an IPv6 address stands in brackets */
	uint16_t port;
	bool is_plain;       /* http; else https */
	bool is_kmip;        /* neither: a key server */
	bool may_be_private; /* literal, or "!private" */
};

struct allow_list {
	struct allow_entry *entries;
	uint32_t count;
};

int must_check allow_parse(const char *text, struct allow_entry *out, struct err *err);
/* Replaces the list by an array of strings; after an error the old one stays. */
int must_check allow_set(struct allow_list *l, const json_t *hosts, struct err *err);
void allow_fini(struct allow_list *l);

/* Takes a URL apart: a handle for CURLOPT_CURLU, and what of the list allows it. Owns: *out is the
 * caller's. Errors: -EINVAL no URL, or with a user in it; -EACCES not on the list. */
int must_check allow_url(const struct allow_list *l, const char *text, CURLU **out,
			 struct allow_entry *entry, struct err *err);

/* The same for "kmip://host[:port]", for which nothing but such an entry will do. */
int must_check allow_kmip(const struct allow_list *l, const char *text, struct allow_entry *entry,
			  struct err *err);

#endif
