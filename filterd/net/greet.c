/* SPDX-License-Identifier: MIT */
#include "greet.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void greet_quote(const char *text, size_t text_bytes, char *out, size_t out_bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < text_bytes && text[i] && n + 1 < out_bytes; i++)
		out[n++] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
	out[n] = '\0';
}

void greet_hello(struct peer_hello *h, const uint8_t group_uuid[16], uint8_t channel)
{
	memset(h, 0, sizeof(*h));
	h->magic = htole32(PEER_HELLO_MAGIC);
	h->version_newest = PEER_VERSION;
	h->version_oldest = PEER_VERSION_OLDEST;
	h->channel = channel;
	memcpy(h->group_uuid, group_uuid, 16);
}

int greet_check_hello(const struct peer_hello *h, uint8_t *version, char *why, size_t why_bytes)
{
	if (le32toh(h->magic) != PEER_HELLO_MAGIC || h->version_oldest > h->version_newest) {
		snprintf(why, why_bytes, "the peer does not speak our protocol");
		return -EPROTO;
	}
	if (h->version_newest < PEER_VERSION_OLDEST || h->version_oldest > PEER_VERSION) {
		snprintf(why, why_bytes, "versions %u to %u are wanted, %u to %u are spoken here",
			 h->version_oldest, h->version_newest, PEER_VERSION_OLDEST, PEER_VERSION);
		return -EPROTO;
	}
	*version = h->version_newest < PEER_VERSION ? h->version_newest : (uint8_t)PEER_VERSION;
	return 0;
}

void greet_answer(struct peer_answer *a, uint8_t version, enum peer_status status, const char *text)
{
	memset(a, 0, sizeof(*a));
	a->magic = htole32(PEER_ANSWER_MAGIC);
	a->version = version;
	a->status = (uint8_t)status;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

int greet_check_answer(const struct peer_answer *a, char *why, size_t why_bytes)
{
	char text[sizeof(a->text)];

	if (le32toh(a->magic) != PEER_ANSWER_MAGIC) {
		snprintf(why, why_bytes, "the peer does not speak our protocol");
		return -EPROTO;
	}
	if (a->status != PEER_OK) {
		greet_quote(a->text, sizeof(a->text), text, sizeof(text));
		snprintf(why, why_bytes, "the peer: %s", text);
		return -ECONNREFUSED;
	}
	if (a->version < PEER_VERSION_OLDEST || a->version > PEER_VERSION) {
		snprintf(why, why_bytes, "the peer chose version %u, %u to %u are spoken here",
			 a->version, PEER_VERSION_OLDEST, PEER_VERSION);
		return -EPROTO;
	}
	return 0;
}
