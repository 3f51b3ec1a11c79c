/* SPDX-License-Identifier: MIT */
/*
 * session.h - a browser's session travels in a cookie that its scripts cannot read. Pure.
 *
 * policyd makes sessions and returns them in the reply to a login; here they move into the cookie,
 * so that the console's scripts never see one.
 */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include <stddef.h>

#include "err.h"

#define SESSION_COOKIE     "__Host-sluice"
#define SESSION_VALUE_MAX  256u
#define SESSION_HEADER_MAX (SESSION_VALUE_MAX + 96u)

/* Takes "session" out of a login's reply: *out is the body without it, allocated; set_cookie the
 * header's value, or "" when there was none. Errors: -EPROTO not what policyd sends; -ENOMEM. */
int must_check session_begin(const char *body, size_t len, char **out,
			     char set_cookie[SESSION_HEADER_MAX]);
/* The value of Set-Cookie that makes the browser forget it. */
const char *session_forget(void);
/* Our cookie among those of a request. 1: found; 0: none; -EINVAL: twice, or not one of ours. */
int session_find(const char *cookies, char value[SESSION_VALUE_MAX]);

#endif
