/* SPDX-License-Identifier: MIT */
/*
 * check.h - what a request may look like before anything is done with it. Pure.
 *
 * Errors: a sentence for the client; the number becomes the status (reply.h).
 */
#ifndef GATEWAY_CHECK_H
#define GATEWAY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define CHECK_URI_BYTES_MAX    8192u
#define CHECK_HEADERS_MAX      64u
#define CHECK_HEADER_BYTES_MAX 16384u /* names and values of all of them */

/*
 * The address as the client sent it, still escaped. Refused: what is not plain ASCII, a broken
 * escape, an escaped zero, control character, slash or backslash, and every spelling of "." and
 * ".." as a segment. So policyd never sees two spellings of one path.
 */
int must_check check_uri(const char *uri, struct err *err);

/* True: the request comes from our own pages or from no page at all. NULL: the header was not sent.
 * Origin must be https:// and exactly what Host says; Sec-Fetch-Site same-origin or none. */
bool check_is_own_site(const char *origin, const char *fetch_site, const char *host);

/* A name or address with an optional port, and nothing that could end up in a header or a link. */
bool check_host(const char *host);

/* Printable, tabs included. */
bool check_value(const char *value);

#endif
