/* SPDX-License-Identifier: MIT */
/* listen.h - "ADDR:PORT" or "[ADDR]:PORT" to a listening TCP socket. Thread: main. */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "err.h"

/* Literal addresses only; [::] takes IPv4 as well. A descriptor or -errno. */
int must_check listen_tcp(const char *field, const char *text, struct err *err);

#endif
