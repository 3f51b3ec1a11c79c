/* SPDX-License-Identifier: MIT */
/* uuid.h - new identities. Thread: any. */
#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#include "err.h"

/* Version 4: random. -EIO: the system gives no random bytes. */
int must_check uuid_make(char text[37], struct err *err);

#endif
