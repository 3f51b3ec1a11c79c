/* SPDX-License-Identifier: MIT */
/* kmip_answer.c - answers; see kmip_message.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kmip_message.h"
#include "kmip_tags.h"

static int garbage(struct err *err, const char *what)
{
	return err_set(err, EPROTO, "", "the key server's answer is not KMIP: %s", what);
}

/* The header must say that there is one item, the message must hold just that. */
static int the_item(const struct ttlv_item *message, struct ttlv_item *item, struct err *err)
{
	struct ttlv_item header, count;

	if (!ttlv_next(message, NULL, &header) || header.tag != TAG_RESPONSE_HEADER ||
	    !ttlv_find(&header, TAG_BATCH_COUNT, TTLV_INTEGER, &count))
		return garbage(err, "it has no header");
	if (ttlv_number(&count) != 1 || !ttlv_next(message, &header, item) ||
	    item->tag != TAG_BATCH_ITEM || item->type != TTLV_STRUCTURE)
		return garbage(err, "it does not answer one request");
	return 0;
}

/* Why it failed; operation and payload need not be there. */
static void failure(const struct ttlv_item *item, struct kmip_answer *out)
{
	struct ttlv_item i;

	out->has_failed = true;
	if (ttlv_find(item, TAG_RESULT_REASON, TTLV_ENUM, &i))
		out->reason = ttlv_number(&i);
	if (ttlv_find(item, TAG_RESULT_MESSAGE, TTLV_TEXT, &i))
		ttlv_string(&i, out->message, sizeof(out->message));
}

int kmip_parse(const uint8_t *data, size_t len, enum kmip_operation operation,
	       struct kmip_answer *out, struct err *err)
{
	struct ttlv_item message, item, i;

	memset(out, 0, sizeof(*out));
	if (ttlv_check(data, len, &message) < 0 || message.tag != KMIP_RESPONSE_TAG)
		return garbage(err, "its encoding is broken");
	if (the_item(&message, &item, err) < 0)
		return -EPROTO;
	if (!ttlv_find(&item, TAG_RESULT_STATUS, TTLV_ENUM, &i))
		return garbage(err, "it has no result");
	if (ttlv_number(&i) != STATUS_SUCCESS) {
		failure(&item, out);
		return 0;
	}
	if (!ttlv_find(&item, TAG_OPERATION, TTLV_ENUM, &i) || ttlv_number(&i) != operation)
		return garbage(err, "it answers another operation");
	if (!ttlv_find(&item, TAG_RESPONSE_PAYLOAD, TTLV_STRUCTURE, &out->payload))
		return garbage(err, "it has no payload");
	return 0;
}

/* ---------------------------------------------------------------- payloads */

static int id_of(const struct ttlv_item *i, char id[KMIP_ID_MAX + 1], struct err *err)
{
	if (i->len == 0 || i->len > KMIP_ID_MAX)
		return garbage(err, "a key's identifier is empty or over 128 characters");
	for (uint32_t k = 0; k < i->len; k++)
		if (i->value[k] <= ' ' || i->value[k] > '~')
			return garbage(err, "a key's identifier has odd characters");
	ttlv_string(i, id, KMIP_ID_MAX + 1);
	return 0;
}

int kmip_answer_id(const struct kmip_answer *a, char id[KMIP_ID_MAX + 1], struct err *err)
{
	struct ttlv_item i;

	if (!ttlv_find(&a->payload, TAG_UNIQUE_IDENTIFIER, TTLV_TEXT, &i))
		return garbage(err, "it has no identifier");
	return id_of(&i, id, err);
}

int kmip_answer_located(const struct kmip_answer *a, char id[KMIP_ID_MAX + 1], struct err *err)
{
	struct ttlv_item i;
	uint32_t count = 0;

	for (bool is_there = ttlv_next(&a->payload, NULL, &i); is_there;
	     is_there = ttlv_next(&a->payload, &i, &i)) {
		if (i.tag != TAG_UNIQUE_IDENTIFIER || i.type != TTLV_TEXT)
			continue;
		if (++count > 1)
			return err_set(err, EEXIST, "",
				       "several keys at the key server bear the name of ours; "
				       "remove those that do not belong there");
		if (id_of(&i, id, err) < 0)
			return -EPROTO;
	}
	return (int)count;
}

int kmip_answer_state(const struct kmip_answer *a, enum kmip_state *out, struct err *err)
{
	struct ttlv_item attribute, name, value;
	char text[16];

	if (!ttlv_find(&a->payload, TAG_ATTRIBUTE, TTLV_STRUCTURE, &attribute) ||
	    !ttlv_find(&attribute, TAG_ATTRIBUTE_NAME, TTLV_TEXT, &name) ||
	    !ttlv_find(&attribute, TAG_ATTRIBUTE_VALUE, TTLV_ENUM, &value))
		return garbage(err, "it does not tell the key's state");
	ttlv_string(&name, text, sizeof(text));
	*out = (enum kmip_state)ttlv_number(&value);
	if (strcmp(text, "State") != 0 || *out < KMIP_PRE_ACTIVE ||
	    *out > KMIP_DESTROYED_COMPROMISED)
		return garbage(err, "it does not tell the key's state");
	return 0;
}

int kmip_answer_key(const struct kmip_answer *a, uint8_t key[SECRET_KEY_BYTES], struct err *err)
{
	struct ttlv_item type, symmetric, block, format, value, material;

	if (!ttlv_find(&a->payload, TAG_OBJECT_TYPE, TTLV_ENUM, &type) ||
	    ttlv_number(&type) != OBJECT_SYMMETRIC_KEY ||
	    !ttlv_find(&a->payload, TAG_SYMMETRIC_KEY, TTLV_STRUCTURE, &symmetric) ||
	    !ttlv_find(&symmetric, TAG_KEY_BLOCK, TTLV_STRUCTURE, &block) ||
	    !ttlv_find(&block, TAG_KEY_FORMAT_TYPE, TTLV_ENUM, &format) ||
	    ttlv_number(&format) != KEY_FORMAT_RAW ||
	    !ttlv_find(&block, TAG_KEY_VALUE, TTLV_STRUCTURE, &value) ||
	    !ttlv_find(&value, TAG_KEY_MATERIAL, TTLV_BYTES, &material))
		return garbage(err, "it bears no symmetric key in raw form");
	if (material.len != SECRET_KEY_BYTES)
		return err_set(err, EPROTO, "",
			       "the key at the key server has %u bytes; only keys of %u bytes "
			       "(AES-256) can be used",
			       material.len, SECRET_KEY_BYTES);
	memcpy(key, material.value, SECRET_KEY_BYTES);
	return 0;
}

int kmip_answer_version(const struct kmip_answer *a, struct kmip_version *out, struct err *err)
{
	struct ttlv_item i, major, minor;
	uint32_t best = KMIP_VERSIONS;

	for (bool is_there = ttlv_next(&a->payload, NULL, &i); is_there;
	     is_there = ttlv_next(&a->payload, &i, &i)) {
		if (i.tag != TAG_PROTOCOL_VERSION || i.type != TTLV_STRUCTURE ||
		    !ttlv_find(&i, TAG_MAJOR, TTLV_INTEGER, &major) ||
		    !ttlv_find(&i, TAG_MINOR, TTLV_INTEGER, &minor))
			continue;
		for (uint32_t k = 0; k < best; k++)
			if (ttlv_number(&major) == kmip_versions[k].major &&
			    ttlv_number(&minor) == kmip_versions[k].minor)
				best = k;
	}
	if (best == KMIP_VERSIONS)
		return err_set(err, EPROTONOSUPPORT, "",
			       "the key server speaks none of KMIP 1.2, 1.3 and 1.4");
	*out = kmip_versions[best];
	return 0;
}

void kmip_answer_server(const struct kmip_answer *a, char *missing, size_t missing_size,
			char *vendor, size_t vendor_size)
{
	static const struct {
		enum kmip_operation operation;
		const char *name;
	} needed[] = {{KMIP_CREATE, "Create"},     {KMIP_LOCATE, "Locate"},
		      {KMIP_GET, "Get"},           {KMIP_GET_ATTRIBUTES, "Get Attributes"},
		      {KMIP_ACTIVATE, "Activate"}, {KMIP_REVOKE, "Revoke"},
		      {KMIP_DESTROY, "Destroy"}};
	uint64_t there = 0;
	struct ttlv_item i;
	size_t used = 0;

	for (bool is_there = ttlv_next(&a->payload, NULL, &i); is_there;
	     is_there = ttlv_next(&a->payload, &i, &i))
		if (i.tag == TAG_OPERATION && ttlv_number(&i) < 64)
			there |= 1ull << ttlv_number(&i);
	missing[0] = vendor[0] = '\0';
	for (size_t k = 0; k < sizeof(needed) / sizeof(needed[0]) && used < missing_size; k++)
		if (!(there >> needed[k].operation & 1))
			used += (size_t)snprintf(missing + used, missing_size - used, "%s%s",
						 used ? ", " : "", needed[k].name);
	if (ttlv_find(&a->payload, TAG_VENDOR_IDENTIFICATION, TTLV_TEXT, &i))
		ttlv_string(&i, vendor, vendor_size);
}
