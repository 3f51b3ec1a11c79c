/* SPDX-License-Identifier: MIT */
/* confine.h - what sluice-policyd gives up once its files and sockets are open. */
#ifndef POLICY_CONFINE_H
#define POLICY_CONFINE_H

#include "err.h"

/* Capabilities and system calls; for every thread that is made afterwards. Thread: the only one. */
int must_check confine(struct err *err);

#endif
