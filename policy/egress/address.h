/* SPDX-License-Identifier: MIT */
/*
 * address.h - may a name that somebody else's name server answered for lead here? Pure.
 *
 * A webhook's name is looked up outside; whoever answers could point it at this machine, at the
 * management network, or at a cloud's metadata service. So only addresses of the public internet
 * pass, unless the administrator's entry says otherwise (allow.h).
 */
#ifndef EGRESS_ADDRESS_H
#define EGRESS_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* IPv4 and IPv6; an IPv6 address that wraps an IPv4 one is judged by that one. Others: false. */
bool address_is_public(const struct sockaddr *address);

#endif
