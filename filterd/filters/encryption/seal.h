/* SPDX-License-Identifier: MIT */
/* seal.h - the encryption as provider of sluice/seal.h. Thread: owner worker. */
#ifndef ENCRYPTION_SEAL_H
#define ENCRYPTION_SEAL_H

#include "encryption.h"

/* At the end of attach(). */
void seal_attach(struct encryption *e);
/* The keys of a walk have come, or gone: what filters above have stored is wrapped anew. */
int seal_rekey(struct encryption *e);
/* Replication stands above and sees clear data: 0, or a refusal of what would leave its logs with
 * blocks of both kinds. */
int seal_check_stays(const struct encryption *e, struct sluice_error *err);

#endif
