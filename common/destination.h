/* SPDX-License-Identifier: MIT */
/*
 * destination.h - how an administrator writes where webhooks may lead, and where keys are kept.
 *
 *   hooks.example.com[:443]     https to that name, as long as its addresses are public
 *   http://10.0.0.5[:80]        plain http
 *   [fd00::5]:8443              a literal address, private or not
 *   hooks.lan:443!private       a name that may lead to a private address
 *   kmip://kms.lan[:5696]!private   a key server: a connection that policyd encrypts itself
 *
 * A file of its own because policyd, which keeps the list, refuses what egressd, which uses it,
 * would not take. Pure.
 */
#ifndef COMMON_DESTINATION_H
#define COMMON_DESTINATION_H

#include "err.h"

#define DESTINATIONS_MAX 256u

/* Errors: -EINVAL. */
int must_check destination_check(const char *field, const char *text, struct err *err);

#endif
