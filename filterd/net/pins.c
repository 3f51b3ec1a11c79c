/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "durable.h"
#include "json.h"

#define PINS_VERSION   1u
#define FILE_BYTES_MAX (1u << 20)

static const char *const dials_words[] = {"auto", "always", "never"};

const char *pins_dials_word(enum pin_dials dials)
{
	return dials_words[dials];
}

int pins_parse_dials(const char *word, enum pin_dials *out, struct err *err)
{
	for (unsigned i = 0; i < sizeof(dials_words) / sizeof(dials_words[0]); i++) {
		if (strcmp(word, dials_words[i]) == 0) {
			*out = (enum pin_dials)i;
			return 0;
		}
	}
	return err_set(err, EINVAL, "dials", "dials is '%.20s'; say auto, always or never", word);
}

int pins_parse_address(const char *text, char address[PINS_ADDRESS_BYTES], struct err *err)
{
	uint8_t binary[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, binary) != 1 ||
	    !inet_ntop(family, binary, address, PINS_ADDRESS_BYTES))
		return err_set(
		    err, EINVAL, "address",
		    "'%.60s' is no IP address; a peer is reached by its address, not by a "
		    "host's name",
		    text);
	return 0;
}

void pins_fingerprint_format(const uint8_t fingerprint[32], char text[65])
{
	for (unsigned i = 0; i < 32; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", fingerprint[i]);
}

static int parse_fingerprint(const char *text, uint8_t fingerprint[32], struct err *err)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < 64; i++) {
		const char *at = text[i] ? strchr(digits, text[i]) : NULL;

		if (!at)
			return err_set(err, EINVAL, "fingerprint",
				       "the fingerprint has no 64 hex digits");
		fingerprint[i / 2] = (uint8_t)(fingerprint[i / 2] << 4 | (at - digits));
	}
	return 0;
}

/* ---------------------------------------------------------------- JSON */

json_t *pins_to_json(const struct pin *peer)
{
	char uuid[37], fingerprint[65];

	parse_uuid_format(peer->uuid, uuid);
	pins_fingerprint_format(peer->fingerprint, fingerprint);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "name", peer->name, "uuid", uuid,
			 "fingerprint", fingerprint, "address", peer->address, "port",
			 (int)peer->port, "dials", pins_dials_word(peer->dials));
}

static int pin_from_json(const json_t *j, struct pin *out, struct err *err)
{
	const char *name, *uuid, *fingerprint, *address, *dials = "auto";
	uint64_t port;

	memset(out, 0, sizeof(*out));
	if (json_get_string(j, "name", &name, err) < 0 || parse_name("name", name, err) < 0 ||
	    json_get_string(j, "uuid", &uuid, err) < 0 ||
	    parse_uuid("uuid", uuid, out->uuid, err) < 0 ||
	    json_get_string(j, "fingerprint", &fingerprint, err) < 0 ||
	    parse_fingerprint(fingerprint, out->fingerprint, err) < 0 ||
	    json_get_string(j, "address", &address, err) < 0 ||
	    json_get_u64(j, "port", 0, UINT16_MAX, &port, err) < 0 ||
	    json_opt_string(j, "dials", &dials, err) < 0 ||
	    pins_parse_dials(dials, &out->dials, err) < 0)
		return -EINVAL;
	if (address[0] && pins_parse_address(address, out->address, err) < 0)
		return -EINVAL;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->port = (uint16_t)port;
	return 0;
}

static int fill(struct pins *p, const json_t *j, struct err *err)
{
	json_t *list = json_object_get(j, "peers"), *one;
	size_t i;

	if (json_integer_value(json_object_get(j, "version")) != (json_int_t)PINS_VERSION ||
	    !json_is_array(list) || json_array_size(list) > PINS_MAX)
		return err_set(err, EINVAL, "", "it is of another version, or damaged");
	json_array_foreach(list, i, one)
	{
		if (pin_from_json(one, &p->peers[i], err) < 0)
			return -EINVAL;
		p->count++;
	}
	return 0;
}

int pins_load(struct pins *p, const char *path, struct err *err)
{
	cleanup_free char *text = NULL;
	cleanup_json json_t *j = NULL;
	struct err why = {0};
	size_t len = 0;
	int rc;

	p->path = path;
	p->count = 0;
	pthread_mutex_init(&p->lock, NULL);
	rc = durable_read(path, FILE_BYTES_MAX, &text, &len, err);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	j = json_parse(text, len, "it", &why);
	if (!j || fill(p, j, &why) < 0)
		return err_set(
		    err, EBADMSG, "",
		    "%s, the list of paired appliances, cannot be read: %.200s; restore it "
		    "from a backup, or remove it and pair every peer anew",
		    path, why.text);
	return 0;
}

void pins_fini(struct pins *p)
{
	if (p->path)
		pthread_mutex_destroy(&p->lock);
	p->path = NULL;
}

static int save(const char *path, const struct pin *peers, uint32_t count, struct err *err)
{
	cleanup_json json_t *j = json_object();
	cleanup_free char *text = NULL;
	json_t *list = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, pins_to_json(&peers[i]));
	json_object_set_new(j, "version", json_integer(PINS_VERSION));
	json_object_set_new(j, "peers", list);
	text = json_dumps(j, JSON_INDENT(1));
	if (!text)
		return err_set(err, ENOMEM, "", "no memory for the list of paired appliances");
	return durable_write(path, text, strlen(text), err);
}

/* ---------------------------------------------------------------- changes: main alone writes */

static void take_over(struct pins *p, const struct pin *peers, uint32_t count)
{
	pthread_mutex_lock(&p->lock);
	memcpy(p->peers, peers, sizeof(p->peers));
	p->count = count;
	pthread_mutex_unlock(&p->lock);
}

static uint32_t index_of(const struct pins *p, const char *name)
{
	uint32_t i = 0;

	while (i < p->count && strcmp(p->peers[i].name, name) != 0)
		i++;
	return i;
}

int pins_put(struct pins *p, const struct pin *peer, struct err *err)
{
	struct pin peers[PINS_MAX];
	uint32_t at = index_of(p, peer->name), count = p->count;
	int rc;

	for (uint32_t i = 0; i < p->count; i++) {
		const struct pin *other = &p->peers[i];

		if (i != at && (memcmp(other->uuid, peer->uuid, 16) == 0 ||
				memcmp(other->fingerprint, peer->fingerprint, 32) == 0))
			return err_set(
			    err, EEXIST, "name",
			    "that appliance is paired already, as '%s'; forget that one first",
			    other->name);
	}
	if (at == PINS_MAX)
		return err_set(err, ENOSPC, "name", "there are %u paired appliances, the most",
			       PINS_MAX);
	memcpy(peers, p->peers, sizeof(peers));
	peers[at] = *peer;
	if (at == count)
		count++;
	rc = save(p->path, peers, count, err);
	if (rc == 0)
		take_over(p, peers, count);
	return rc;
}

int pins_remove(struct pins *p, const char *name, struct err *err)
{
	struct pin peers[PINS_MAX] = {0};
	uint32_t at = index_of(p, name), count = 0;
	int rc;

	if (at == p->count)
		return err_set(err, ENOENT, "name", "no peer named '%s' is paired", name);
	for (uint32_t i = 0; i < p->count; i++)
		if (i != at)
			peers[count++] = p->peers[i];
	rc = save(p->path, peers, count, err);
	if (rc == 0)
		take_over(p, peers, count);
	return rc;
}

/* ---------------------------------------------------------------- questions */

static bool find(struct pins *p, bool (*is_it)(const struct pin *peer, const void *key),
		 const void *key, struct pin *out)
{
	bool is_found = false;

	pthread_mutex_lock(&p->lock);
	for (uint32_t i = 0; i < p->count && !is_found; i++) {
		is_found = is_it(&p->peers[i], key);
		if (is_found && out)
			*out = p->peers[i];
	}
	pthread_mutex_unlock(&p->lock);
	return is_found;
}

static bool is_named(const struct pin *peer, const void *key)
{
	return strcmp(peer->name, key) == 0;
}

static bool has_fingerprint(const struct pin *peer, const void *key)
{
	return memcmp(peer->fingerprint, key, 32) == 0;
}

static bool has_uuid(const struct pin *peer, const void *key)
{
	return memcmp(peer->uuid, key, 16) == 0;
}

bool pins_by_name(struct pins *p, const char *name, struct pin *out)
{
	return find(p, is_named, name, out);
}

bool pins_by_fingerprint(struct pins *p, const uint8_t fingerprint[32], struct pin *out)
{
	return find(p, has_fingerprint, fingerprint, out);
}

bool pins_by_uuid(struct pins *p, const uint8_t uuid[16], struct pin *out)
{
	return find(p, has_uuid, uuid, out);
}
