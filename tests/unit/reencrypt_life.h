/* SPDX-License-Identifier: MIT */
/* reencrypt_life.h - one life in the world of reencrypt_rig.h, between its files. */
#ifndef TESTS_REENCRYPT_LIFE_H
#define TESTS_REENCRYPT_LIFE_H

#include "fake_env.h"
#include "reencrypt_rig.h"

void sector_fill(uint8_t *p, uint32_t index, uint32_t stamp);
bool sector_check(struct world *w, const uint8_t *p, uint32_t index);

void life_load(void); /* plug-ins, once, before the fork */
void life_run(struct world *w, const struct life *how);

/* ---------------------------------------------------------------- reencrypt_host.c */

struct chain_host;
void host_open(struct world *world, struct chain_host *out);

/* ---------------------------------------------------------------- reencrypt_disk.c */

struct backend;

/* The image and the sidecar of w, as what env and chain want. */
struct backend *disk_open(struct world *w, const struct life *how, struct fake_env *fe);
/* One I/O that is pending, or a helper's job: a step, which may be the last. False: there is none.
 */
bool disk_step(void);
uint32_t disk_random(uint32_t below);

#endif
