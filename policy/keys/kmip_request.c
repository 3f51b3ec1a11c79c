/* SPDX-License-Identifier: MIT */
/* kmip_request.c - requests; see kmip_message.h. */
#include "kmip_message.h"
#include "kmip_tags.h"

const struct kmip_version kmip_versions[KMIP_VERSIONS] = {{1, 4}, {1, 3}, {1, 2}};

static void begin(struct ttlv_writer *w, uint8_t *data, size_t room, struct kmip_version v,
		  enum kmip_operation operation)
{
	ttlv_start(w, data, room);
	ttlv_begin(w, KMIP_REQUEST_TAG);
	ttlv_begin(w, TAG_REQUEST_HEADER);
	ttlv_begin(w, TAG_PROTOCOL_VERSION);
	ttlv_integer(w, TAG_MAJOR, v.major);
	ttlv_integer(w, TAG_MINOR, v.minor);
	ttlv_end(w);
	ttlv_integer(w, TAG_MAXIMUM_RESPONSE_SIZE, (int32_t)TTLV_MESSAGE_BYTES);
	ttlv_integer(w, TAG_BATCH_COUNT, 1);
	ttlv_end(w);
	ttlv_begin(w, TAG_BATCH_ITEM);
	ttlv_enumeration(w, TAG_OPERATION, operation);
	ttlv_begin(w, TAG_REQUEST_PAYLOAD);
}

static long end(struct ttlv_writer *w)
{
	ttlv_end(w); /* payload, item, message */
	ttlv_end(w);
	ttlv_end(w);
	return ttlv_finish(w);
}

static void attribute_begin(struct ttlv_writer *w, const char *name)
{
	ttlv_begin(w, TAG_ATTRIBUTE);
	ttlv_text(w, TAG_ATTRIBUTE_NAME, name);
}

static void attribute_name(struct ttlv_writer *w, const char *name)
{
	attribute_begin(w, "Name");
	ttlv_begin(w, TAG_ATTRIBUTE_VALUE);
	ttlv_text(w, TAG_NAME_VALUE, name);
	ttlv_enumeration(w, TAG_NAME_TYPE, NAME_TYPE_TEXT);
	ttlv_end(w);
	ttlv_end(w);
}

long kmip_make_discover(uint8_t *data, size_t room, struct kmip_version v)
{
	struct ttlv_writer w;

	begin(&w, data, room, v, KMIP_DISCOVER_VERSIONS);
	for (uint32_t i = 0; i < KMIP_VERSIONS; i++) {
		ttlv_begin(&w, TAG_PROTOCOL_VERSION);
		ttlv_integer(&w, TAG_MAJOR, kmip_versions[i].major);
		ttlv_integer(&w, TAG_MINOR, kmip_versions[i].minor);
		ttlv_end(&w);
	}
	return end(&w);
}

long kmip_make_query(uint8_t *data, size_t room, struct kmip_version v)
{
	struct ttlv_writer w;

	begin(&w, data, room, v, KMIP_QUERY);
	ttlv_enumeration(&w, TAG_QUERY_FUNCTION, QUERY_OPERATIONS);
	ttlv_enumeration(&w, TAG_QUERY_FUNCTION, QUERY_SERVER_INFORMATION);
	return end(&w);
}

long kmip_make_create(uint8_t *data, size_t room, struct kmip_version v, const char *name)
{
	struct ttlv_writer w;

	begin(&w, data, room, v, KMIP_CREATE);
	ttlv_enumeration(&w, TAG_OBJECT_TYPE, OBJECT_SYMMETRIC_KEY);
	ttlv_begin(&w, TAG_TEMPLATE_ATTRIBUTE);
	attribute_begin(&w, "Cryptographic Algorithm");
	ttlv_enumeration(&w, TAG_ATTRIBUTE_VALUE, ALGORITHM_AES);
	ttlv_end(&w);
	attribute_begin(&w, "Cryptographic Length");
	ttlv_integer(&w, TAG_ATTRIBUTE_VALUE, 8 * (int32_t)SECRET_KEY_BYTES);
	ttlv_end(&w);
	attribute_begin(&w, "Cryptographic Usage Mask");
	ttlv_integer(&w, TAG_ATTRIBUTE_VALUE, USAGE_ENCRYPT | USAGE_DECRYPT);
	ttlv_end(&w);
	attribute_name(&w, name);
	ttlv_end(&w);
	return end(&w);
}

long kmip_make_locate(uint8_t *data, size_t room, struct kmip_version v, const char *name)
{
	struct ttlv_writer w;

	begin(&w, data, room, v, KMIP_LOCATE);
	ttlv_integer(&w, TAG_MAXIMUM_ITEMS, 2); /* one more than is right, to see that it is so */
	attribute_name(&w, name);
	return end(&w);
}

long kmip_make_about(uint8_t *data, size_t room, struct kmip_version v,
		     enum kmip_operation operation, const char *id)
{
	struct ttlv_writer w;

	begin(&w, data, room, v, operation);
	ttlv_text(&w, TAG_UNIQUE_IDENTIFIER, id);
	if (operation == KMIP_GET)
		ttlv_enumeration(&w, TAG_KEY_FORMAT_TYPE, KEY_FORMAT_RAW);
	if (operation == KMIP_GET_ATTRIBUTES)
		ttlv_text(&w, TAG_ATTRIBUTE_NAME, "State");
	if (operation == KMIP_REVOKE) {
		ttlv_begin(&w, TAG_REVOCATION_REASON);
		ttlv_enumeration(&w, TAG_REVOCATION_REASON_CODE, REVOCATION_CESSATION);
		ttlv_end(&w);
	}
	return end(&w);
}
