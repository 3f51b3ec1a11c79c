/* SPDX-License-Identifier: MIT */
/*
 * cert_make.h - the self-signed certificate of a first start: ECDSA P-256, 825 days, for this
 * machine's name, its addresses and localhost. Thread: main.
 */
#ifndef GATEWAY_CERT_MAKE_H
#define GATEWAY_CERT_MAKE_H

#include "err.h"

#define CERT_MAKE_DAYS 825

/* Writes both files. A key that is there already stays and gets a certificate: a start that was
 * killed in between, or an administrator's key. */
int must_check cert_make(const char *key_path, const char *crt_path, struct err *err);

#endif
