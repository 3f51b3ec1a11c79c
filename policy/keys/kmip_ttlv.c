/* SPDX-License-Identifier: MIT */
#include "kmip_ttlv.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

/* ---------------------------------------------------------------- writing */

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* Room for an item with its head and padding, zeroed; NULL: it does not fit. */
static uint8_t *item(struct ttlv_writer *w, uint32_t tag, enum ttlv_type type, size_t len)
{
	size_t all = TTLV_HEAD_BYTES + padded(len);
	uint8_t *p = w->data + w->used;

	if (w->has_failed || len > TTLV_MESSAGE_BYTES || w->room - w->used < all) {
		w->has_failed = true;
		return NULL;
	}
	memset(p, 0, all);
	put_be32(p, tag << 8 | type);
	put_be32(p + 4, (uint32_t)len);
	w->used += all;
	return p + TTLV_HEAD_BYTES;
}

void ttlv_start(struct ttlv_writer *w, uint8_t *data, size_t room)
{
	*w = (struct ttlv_writer){.data = data, .room = room};
}

void ttlv_begin(struct ttlv_writer *w, uint32_t tag)
{
	size_t at = w->used;

	if (w->depth == TTLV_DEPTH_MAX)
		w->has_failed = true;
	if (item(w, tag, TTLV_STRUCTURE, 0))
		w->open[w->depth++] = at;
}

void ttlv_end(struct ttlv_writer *w)
{
	size_t at;

	if (w->has_failed)
		return;
	if (w->depth == 0) {
		w->has_failed = true;
		return;
	}
	at = w->open[--w->depth];
	put_be32(w->data + at + 4, (uint32_t)(w->used - at - TTLV_HEAD_BYTES));
}

void ttlv_integer(struct ttlv_writer *w, uint32_t tag, int32_t value)
{
	uint8_t *p = item(w, tag, TTLV_INTEGER, 4);

	if (p)
		put_be32(p, (uint32_t)value);
}

void ttlv_enumeration(struct ttlv_writer *w, uint32_t tag, uint32_t value)
{
	uint8_t *p = item(w, tag, TTLV_ENUM, 4);

	if (p)
		put_be32(p, value);
}

static void blob(struct ttlv_writer *w, uint32_t tag, enum ttlv_type type, const void *bytes,
		 size_t len)
{
	uint8_t *p = item(w, tag, type, len);

	if (p && len)
		memcpy(p, bytes, len);
}

void ttlv_text(struct ttlv_writer *w, uint32_t tag, const char *text)
{
	blob(w, tag, TTLV_TEXT, text, strlen(text));
}

void ttlv_bytes(struct ttlv_writer *w, uint32_t tag, const void *bytes, size_t len)
{
	blob(w, tag, TTLV_BYTES, bytes, len);
}

long ttlv_finish(const struct ttlv_writer *w)
{
	if (w->has_failed)
		return -ENOSPC;
	return w->depth ? -EINVAL : (long)w->used;
}

/* ---------------------------------------------------------------- reading */

long ttlv_message_bytes(const uint8_t head[TTLV_HEAD_BYTES], uint32_t tag)
{
	uint32_t len = get_be32(head + 4);

	if (get_be32(head) != (tag << 8 | TTLV_STRUCTURE) || len % 8)
		return -EPROTO;
	return len > TTLV_MESSAGE_BYTES - TTLV_HEAD_BYTES ? -EMSGSIZE
							  : (long)(len + TTLV_HEAD_BYTES);
}

static bool is_length(enum ttlv_type type, uint32_t len)
{
	switch (type) {
	case TTLV_INTEGER:
	case TTLV_ENUM:
	case TTLV_INTERVAL:
		return len == 4;
	case TTLV_LONG:
	case TTLV_BOOL:
	case TTLV_TIME:
		return len == 8;
	case TTLV_STRUCTURE:
	case TTLV_BIG:
		return len % 8 == 0;
	case TTLV_TEXT:
	case TTLV_BYTES:
		return true;
	}
	return false;
}

/* One item out of len bytes; returns what it takes of them, 0: it is not right. */
static size_t take(const uint8_t *p, size_t len, struct ttlv_item *out)
{
	uint32_t head;

	if (len < TTLV_HEAD_BYTES)
		return 0;
	head = get_be32(p);
	*out = (struct ttlv_item){.tag = head >> 8,
				  .type = (enum ttlv_type)(head & 0xff),
				  .value = p + TTLV_HEAD_BYTES,
				  .len = get_be32(p + 4)};
	if (!is_length(out->type, out->len) || out->len > len - TTLV_HEAD_BYTES ||
	    padded(out->len) > len - TTLV_HEAD_BYTES)
		return 0;
	for (size_t i = out->len; i < padded(out->len); i++)
		if (out->value[i] != 0)
			return 0;
	return TTLV_HEAD_BYTES + padded(out->len);
}

/* Depth first, without recursion: ends[] are the ends of the structures that we are in. */
static bool is_sound(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *ends[TTLV_DEPTH_MAX];
	uint32_t depth = 0, items = 0;
	struct ttlv_item i;
	size_t n;

	ends[depth++] = end;
	while (depth > 0) {
		if (p == ends[depth - 1]) {
			depth--;
			continue;
		}
		n = take(p, (size_t)(ends[depth - 1] - p), &i);
		if (n == 0 || ++items > TTLV_ITEMS_MAX)
			return false;
		if (i.type != TTLV_STRUCTURE) {
			p += n;
			continue;
		}
		if (depth == TTLV_DEPTH_MAX)
			return false;
		p = i.value;
		ends[depth++] = i.value + i.len;
	}
	return true;
}

int ttlv_check(const uint8_t *data, size_t len, struct ttlv_item *out)
{
	size_t n;

	if (len > TTLV_MESSAGE_BYTES)
		return -EPROTO;
	n = take(data, len, out);
	if (n == 0 || n != len || out->type != TTLV_STRUCTURE)
		return -EPROTO;
	return is_sound(out->value, out->value + out->len) ? 0 : -EPROTO;
}

bool ttlv_next(const struct ttlv_item *parent, const struct ttlv_item *after, struct ttlv_item *out)
{
	const uint8_t *end = parent->value + parent->len;
	const uint8_t *p = after ? after->value + padded(after->len) : parent->value;

	return p < end && take(p, (size_t)(end - p), out) > 0;
}

bool ttlv_find(const struct ttlv_item *parent, uint32_t tag, enum ttlv_type type,
	       struct ttlv_item *out)
{
	bool is_there = ttlv_next(parent, NULL, out);

	while (is_there && (out->tag != tag || out->type != type))
		is_there = ttlv_next(parent, out, out);
	return is_there;
}

uint32_t ttlv_number(const struct ttlv_item *i)
{
	return i->type == TTLV_INTEGER || i->type == TTLV_ENUM ? get_be32(i->value) : 0;
}

void ttlv_string(const struct ttlv_item *i, char *text, size_t size)
{
	size_t n = i->len < size - 1 ? i->len : size - 1;

	for (size_t k = 0; k < n; k++)
		text[k] = i->value[k] >= ' ' && i->value[k] <= '~' ? (char)i->value[k] : '?';
	text[n] = '\0';
}
