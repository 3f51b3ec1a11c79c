/* SPDX-License-Identifier: MIT */
/*
 * provider.h - a key provider as its worker uses it, whatever its kind.
 *
 * Thread: its worker's; blocks.
 */
#ifndef POLICY_KEYS_PROVIDER_H
#define POLICY_KEYS_PROVIDER_H

#include <jansson.h>
#include <stdbool.h>

#include "kmip.h"
#include "native.h"

#define PROVIDER_ID_MAX KMIP_ID_MAX

struct sealer;

struct provider {
	bool is_kmip;
	int64_t revision; /* of the row that it was made of */
	struct kmip *kmip;
	struct native native;
};

struct provider_cfg {
	const char *keys_dir, *credentials_dir, *egress_socket;
	const struct sealer *sealer;
	int stop_fd;
};

int must_check provider_init(struct provider *p, const struct provider_cfg *cfg, const json_t *row,
			     struct err *err);
void provider_fini(struct provider *p); /* fine when zeroed */
/* The place of a provider's TLS key in the sealer. */
void provider_seal_name(const char *name, char out[112]);

enum key_state provider_check(struct provider *p, char *text, size_t size, struct err *err);
/* name is the key's for good: done twice it is one key. */
enum key_state provider_create(struct provider *p, const char *name, char id[PROVIDER_ID_MAX + 1],
			       struct err *err);
enum key_state provider_get(struct provider *p, const char *id, uint8_t key[SECRET_KEY_BYTES],
			    struct err *err);
/* Could it be had? */
enum key_state provider_look(struct provider *p, const char *id, struct err *err);
enum key_state provider_retire(struct provider *p, const char *id, struct err *err);
enum key_state provider_destroy(struct provider *p, const char *id, struct err *err);

#endif
