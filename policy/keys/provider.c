/* SPDX-License-Identifier: MIT */
#include "provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler.h"
#include "secret.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

void provider_seal_name(const char *name, char out[112])
{
	snprintf(out, 112, "key-provider:%.80s:tls", name);
}

static int init_kmip(struct provider *p, const struct provider_cfg *cfg, const json_t *row,
		     struct err *err)
{
	const json_t *servers = json_object_get(row, "servers");
	struct kmip_cfg kmip = {
	    .egress_socket = cfg->egress_socket,
	    .server_name = text_of(row, "server_name"),
	    .ca_pem = text_of(row, "ca_certificates"),
	    .certificate_pem = text_of(row, "client_certificate"),
	    .timeout_ms = (uint32_t)json_integer_value(json_object_get(row, "timeout_ms")),
	    .stop_fd = cfg->stop_fd,
	};
	char place[112], *key;
	int rc;

	for (size_t i = 0; i < json_array_size(servers) && i < KMIP_SERVERS_MAX; i++)
		kmip.servers[kmip.server_count++] = json_string_value(json_array_get(servers, i));
	provider_seal_name(text_of(row, "name"), place);
	key = sealer_open_box(cfg->sealer, place, text_of(row, "client_key_sealed"), err);
	if (!key)
		return -err->code;
	kmip.key_pem = key;
	rc = kmip_open(&kmip, &p->kmip, err);
	secret_wipe(key, strlen(key));
	free(key);
	return rc;
}

int provider_init(struct provider *p, const struct provider_cfg *cfg, const json_t *row,
		  struct err *err)
{
	*p = (struct provider){
	    .is_kmip = strcmp(text_of(row, "type"), "kmip") == 0,
	    .revision = json_integer_value(json_object_get(row, "revision")),
	};
	if (p->is_kmip)
		return init_kmip(p, cfg, row, err);
	return native_init(&p->native, row, cfg->keys_dir, cfg->credentials_dir, err);
}

void provider_fini(struct provider *p)
{
	kmip_close(p->kmip);
	native_fini(&p->native);
	memset(p, 0, sizeof(*p));
}

/* ---------------------------------------------------------------- keys */

/* What native answers with numbers. */
static enum key_state state_of(int rc, const struct err *err)
{
	if (rc >= 0)
		return KEY_OK;
	switch (err->code) {
	case EAGAIN:
		return KEY_LOCKED;
	case ENOKEY:
		return KEY_UNKNOWN;
	default:
		return KEY_FAILED;
	}
}

enum key_state provider_check(struct provider *p, char *text, size_t size, struct err *err)
{
	return p->is_kmip ? kmip_check(p->kmip, text, size, err)
			  : native_check(&p->native, text, size, err);
}

enum key_state provider_create(struct provider *p, const char *name, char id[PROVIDER_ID_MAX + 1],
			       struct err *err)
{
	if (p->is_kmip)
		return kmip_create(p->kmip, name, id, err);
	if (native_is_open(&p->native, err) < 0)
		return KEY_LOCKED;
	return state_of(keystore_add(p->native.store, name, id, err), err);
}

enum key_state provider_get(struct provider *p, const char *id, uint8_t key[SECRET_KEY_BYTES],
			    struct err *err)
{
	if (p->is_kmip)
		return kmip_get(p->kmip, id, key, err);
	if (native_is_open(&p->native, err) < 0)
		return KEY_LOCKED;
	return keystore_get(p->native.store, id, key, err);
}

enum key_state provider_look(struct provider *p, const char *id, struct err *err)
{
	uint8_t *key;
	enum key_state state;

	if (p->is_kmip)
		return kmip_look(p->kmip, id, err);
	key = secret_alloc(SECRET_KEY_BYTES);
	if (!key) {
		err_set(err, ENOMEM, "", "no memory for a key");
		return KEY_FAILED;
	}
	state = provider_get(p, id, key, err);
	secret_free(key, SECRET_KEY_BYTES);
	return state;
}

/* At a key server the old version stays active: volumes still need it. */
enum key_state provider_retire(struct provider *p, const char *id, struct err *err)
{
	if (p->is_kmip)
		return KEY_OK;
	if (native_is_open(&p->native, err) < 0)
		return KEY_LOCKED;
	return state_of(keystore_retire(p->native.store, id, err), err);
}

enum key_state provider_destroy(struct provider *p, const char *id, struct err *err)
{
	if (p->is_kmip)
		return kmip_destroy(p->kmip, id, err);
	if (native_is_open(&p->native, err) < 0)
		return KEY_LOCKED;
	return state_of(keystore_destroy(p->native.store, id, err), err);
}
