// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session_int.h"

static struct session_meta *find(struct repl_session *s, uint16_t member, const char *key)
{
	for (uint32_t i = 0; i < s->meta_count; i++)
		if (s->metas[i].member == member && strcmp(s->metas[i].head.key, key) == 0)
			return &s->metas[i];
	return NULL;
}

static void send_one(struct repl_session *s, struct session_meta *m)
{
	struct repl_header h;

	if (m->is_acked || m->is_sent || !s->is_ready)
		return;
	frame_begin(&h, REPL_META, s->node->record.term, m->head.version);
	h.member = m->member;
	m->is_sent = group_send(s->g, SLUICE_LINK_CONTROL, &h, m->data,
				sizeof(m->head) + m->size_bytes) == 0;
}

int session_meta_put(struct repl_session *s, uint16_t member, const char *key, uint64_t version,
		     const void *data, size_t size_bytes)
{
	struct session_meta *m = find(s, member, key);
	uint8_t *copy;

	if (strlen(key) >= sizeof(m->head.key) || size_bytes > REPL_PAYLOAD_MAX - sizeof(m->head))
		return -EINVAL;
	if (!m && s->meta_count == SESSION_METAS)
		return -ENOSPC;
	copy = malloc(sizeof(m->head) + size_bytes);
	if (!copy)
		return -ENOMEM;
	if (!m)
		m = &s->metas[s->meta_count++];
	free(m->data);
	memset(m, 0, sizeof(*m));
	memcpy(m->head.key, key, strlen(key));
	m->head.version = version;
	m->member = member;
	m->size_bytes = size_bytes;
	m->data = copy;
	memcpy(copy, &m->head, sizeof(m->head));
	if (size_bytes)
		memcpy(copy + sizeof(m->head), data, size_bytes);
	send_one(s, m);
	return 0;
}

/* A new connection: what the peer has not acknowledged goes out again. */
void session_meta_send(struct repl_session *s)
{
	for (uint32_t i = 0; i < s->meta_count; i++) {
		s->metas[i].is_sent = false;
		send_one(s, &s->metas[i]);
	}
}

static bool key_is_valid(const char key[32])
{
	const char *end = memchr(key, 0, 32);
	size_t len = end ? (size_t)(end - key) : 32;

	if (len == 0 || len == 32)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= '0' && key[i] <= '9') ||
		      key[i] == '_'))
			return false;
	return true;
}

void session_meta_received(struct repl_session *s, const struct repl_header *h,
			   const uint8_t *payload)
{
	struct repl_meta m;
	struct repl_header ack;
	int rc;

	memcpy(&m, payload, sizeof(m));
	if (h->raw_bytes < sizeof(m) || h->member >= s->host->member_count ||
	    !key_is_valid(m.key)) {
		session_reset(s, "META is malformed");
		return;
	}
	rc = s->host->ops->meta_received(s->host->ctx, h->member, m.key, m.version,
					 payload + sizeof(m), h->raw_bytes - sizeof(m));
	frame_begin(&ack, REPL_META_ACK, s->node->record.term, m.version);
	frame_set_status(&ack, rc == 0 ? SLUICE_OK : SLUICE_ERR_IO);
	ack.member = h->member;
	group_send(s->g, SLUICE_LINK_CONTROL, &ack, &m, sizeof(m));
}

void session_meta_acked(struct repl_session *s, const struct repl_header *h,
			const struct repl_meta *m)
{
	struct repl_meta copy;
	struct session_meta *own;

	memcpy(&copy, m, sizeof(copy));
	if (!key_is_valid(copy.key))
		return;
	own = find(s, h->member, copy.key);
	if (own && own->head.version == copy.version && frame_status(h) == SLUICE_OK)
		own->is_acked = true;
}

void session_meta_free(struct repl_session *s)
{
	for (uint32_t i = 0; i < s->meta_count; i++)
		free(s->metas[i].data);
	s->meta_count = 0;
}
