/* SPDX-License-Identifier: MIT */
/*
 * crash.h - a fatal signal leaves a note of which worker got it, then kills as it would have.
 *
 * Thread: main of the child, once, before there are others.
 */
#ifndef FILTERD_CRASH_H
#define FILTERD_CRASH_H

#include "shared.h"

void crash_watch(struct shared *shared);

#endif
