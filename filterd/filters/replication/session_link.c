// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "session_int.h"

/* ---------------------------------------------------------------- connections */

static void forget_greetings(struct repl_session *s)
{
	s->ch[SLUICE_LINK_DATA].is_greeted = false;
	s->ch[SLUICE_LINK_CONTROL].is_greeted = false;
	s->has_state = s->has_misfit = false;
	if (!s->is_ready)
		return;
	s->is_ready = false;
	group_peer_gone(s->g);
	session_event(s, EV_PEER_DOWN);
}

void session_reset(struct repl_session *s, const char *why)
{
	forget_greetings(s);
	for (int i = 0; i < SLUICE_LINK_CHANNELS; i++)
		if (s->ch[i].is_up)
			s->host->ops->link_reset(s->host->ctx, (enum sluice_link_channel)i, why);
}

static void send_hello(struct repl_session *s, enum sluice_link_channel ch)
{
	struct repl_hello hello;
	struct repl_header h;

	memset(&hello, 0, sizeof(hello));
	memcpy(hello.group_uuid, s->host->group_uuid, 16);
	memcpy(hello.appliance_uuid, s->host->own_uuid, 16);
	hello.version_newest = REPL_VERSION;
	hello.version_oldest = REPL_VERSION_OLDEST;
	hello.channel = (uint8_t)ch;
	hello.member_count = (uint8_t)s->host->member_count;
	hello.block_bytes = s->host->block_bytes;
	hello.credit_bytes = receiver_credit_bytes(group_receiver(s->g));
	hello.session = s->life;
	memcpy(hello.member_size_bytes, s->host->member_size_bytes,
	       sizeof(hello.member_size_bytes));
	frame_begin(&h, REPL_HELLO, s->node->record.term, 0);
	group_send(s->g, ch, &h, &hello, sizeof(hello));
}

void session_link_up(struct repl_session *s, enum sluice_link_channel ch)
{
	s->ch[ch].is_up = true;
	s->ch[ch].is_greeted = false;
	s->ch[ch].up_ns = session_now_ns(s);
	if (!s->is_stopped)
		send_hello(s, ch);
}

void session_link_down(struct repl_session *s, enum sluice_link_channel ch, const char *why)
{
	enum sluice_link_channel other =
	    ch == SLUICE_LINK_DATA ? SLUICE_LINK_CONTROL : SLUICE_LINK_DATA;
	bool was_greeted = s->ch[ch].is_greeted;

	s->ch[ch].is_up = false;
	if (s->is_stopped)
		return;
	/* The two belong together: what was in the one's buffers is lost to both. */
	if (was_greeted && s->ch[other].is_up)
		s->host->ops->link_reset(s->host->ctx, other, why);
	forget_greetings(s);
}

/* ---------------------------------------------------------------- HELLO */

#define MISFIT "the two sides' volumes differ in size"

/* A replica grows first. Were it refused until the primary has grown too, what waits for it there
 * would keep the primary from growing. For the same reason a primary hears a smaller peer out that
 * takes itself for one, too: it may not know yet that a replica has taken over that had grown. */
static bool do_sizes_fit(const struct repl_session *s, const struct repl_hello *hello)
{
	const struct repl_host *host = s->host;
	bool is_primary = node_is_primary(s->node);

	for (uint32_t m = 0; m < host->member_count; m++) {
		uint64_t own = host->member_size_bytes[m], peer = hello->member_size_bytes[m];

		if (is_primary ? peer < own : peer > own)
			return false;
	}
	return true;
}

/* NULL: this is the peer. */
static const char *find_fault(const struct repl_session *s, enum sluice_link_channel ch,
			      const struct repl_hello *hello)
{
	const struct repl_host *host = s->host;

	if (memcmp(hello->group_uuid, host->group_uuid, 16) != 0)
		return "HELLO is of another group";
	if (memcmp(hello->appliance_uuid, host->peer_uuid, 16) != 0)
		return "HELLO is of another appliance than the group's peer";
	if (hello->version_oldest > REPL_VERSION || hello->version_newest < REPL_VERSION_OLDEST)
		return "the peer speaks no version of the protocol that this side knows";
	if (hello->channel != ch)
		return "HELLO came on the other channel";
	if (hello->member_count != host->member_count || hello->block_bytes != host->block_bytes)
		return "the two sides' volumes differ in number or block size";
	if (!do_sizes_fit(s, hello) && !node_is_primary(s->node))
		return MISFIT;
	return NULL;
}

static void refuse(struct repl_session *s, enum sluice_link_channel ch, const char *why)
{
	struct repl_header h;

	frame_begin(&h, REPL_ERROR, s->node->record.term, 0);
	group_send(s->g, ch, &h, why, strlen(why));
	session_reset(s, why);
}

static void be_ready(struct repl_session *s);

static void greeted(struct repl_session *s, enum sluice_link_channel ch,
		    const struct repl_hello *hello)
{
	enum sluice_link_channel other =
	    ch == SLUICE_LINK_DATA ? SLUICE_LINK_CONTROL : SLUICE_LINK_DATA;
	const char *fault = find_fault(s, ch, hello);

	if (fault || s->ch[ch].is_greeted) {
		refuse(s, ch, fault ? fault : "HELLO came twice");
		return;
	}
	if (s->ch[other].is_greeted && s->ch[other].life != hello->session) {
		session_reset(s, "the peer has been started again");
		return;
	}
	s->ch[ch].is_greeted = true;
	s->has_misfit |= !do_sizes_fit(s, hello);
	s->peer_version = hello->version_newest;
	s->ch[ch].life = hello->session;
	if (ch == SLUICE_LINK_DATA)
		s->credit_bytes = hello->credit_bytes;
	if (!s->ch[other].is_greeted)
		return;
	session_send_state(s);
	if (s->has_state)
		be_ready(s);
}

/* ---------------------------------------------------------------- STATE */

static void be_ready(struct repl_session *s)
{
	struct repl_actions out;

	s->has_state = false;
	if (s->node->is_failed)
		return;
	if (s->has_misfit && !node_state_is_primary(s->state.state)) {
		refuse(s, SLUICE_LINK_CONTROL, MISFIT);
		return;
	}
	s->is_lost_told = false;
	s->heard_ns = session_now_ns(s);
	node_peer_state(s->node, &s->state, s->lineage, s->heard_ns, &out);
	if (!s->is_ready) {
		s->is_ready = true;
		s->is_acting = true; /* what the group says to it comes after the actions */
		group_peer_ready(s->g, s->credit_bytes);
		s->is_acting = false;
		session_act(s, &out);
		session_ping(s);
		session_meta_send(s);
		return;
	}
	session_act(s, &out);
}

static void state_came(struct repl_session *s, const struct repl_header *h, const uint8_t *payload)
{
	memcpy(&s->state, payload, sizeof(s->state));
	if (s->state.lineage_count > REPL_LINEAGE_MAX || s->state.state > REPL_DIVERGED ||
	    h->raw_bytes != sizeof(s->state) + s->state.lineage_count * sizeof(struct repl_reign)) {
		refuse(s, SLUICE_LINK_CONTROL, "STATE is malformed");
		return;
	}
	memcpy(s->lineage, payload + sizeof(s->state),
	       s->state.lineage_count * sizeof(struct repl_reign));
	s->has_state = true;
	if (s->ch[SLUICE_LINK_DATA].is_greeted)
		be_ready(s);
}

/* ---------------------------------------------------------------- PING and PONG */

void session_ping(struct repl_session *s)
{
	struct repl_header h;

	s->pinged_ns = session_now_ns(s);
	frame_begin(&h, REPL_PING, s->node->record.term, s->pinged_ns);
	group_send(s->g, SLUICE_LINK_CONTROL, &h, NULL, 0);
}

static void pong(struct repl_session *s, uint64_t value)
{
	struct repl_header h;

	frame_begin(&h, REPL_PONG, s->node->record.term, value);
	if (node_pinged(s->node, session_now_ns(s)))
		h.flags |= REPL_PROMISE;
	group_send(s->g, SLUICE_LINK_CONTROL, &h, NULL, 0);
}

static void ponged(struct repl_session *s, const struct repl_header *h)
{
	uint64_t now_ns = session_now_ns(s);
	struct repl_actions out;

	if (!(h->flags & REPL_PROMISE) || h->value > now_ns)
		return;
	node_promised(s->node, h->value, now_ns, &out);
	session_act(s, &out);
}

/* ---------------------------------------------------------------- frames */

static void role_came(struct repl_session *s, const uint8_t *payload)
{
	struct repl_actions out;
	struct repl_role role;

	memcpy(&role, payload, sizeof(role));
	node_role(s->node, &role, session_now_ns(s), &out);
	session_act(s, &out);
}

static void log_error(struct repl_session *s, enum sluice_link_channel ch,
		      const struct repl_header *h, const void *payload)
{
	char text[256];

	snprintf(text, sizeof(text), "the peer ends the %s connection: %.*s",
		 ch == SLUICE_LINK_DATA ? "data" : "control",
		 (int)(h->raw_bytes < 200 ? h->raw_bytes : 200), (const char *)payload);
	s->host->ops->log(s->host->ctx, 4, text);
	session_reset(s, "the peer reported an error");
}

void session_frame(struct repl_session *s, enum sluice_link_channel ch, const struct repl_header *h,
		   const void *payload)
{
	if (s->is_stopped)
		return;
	if (h->type == REPL_HELLO) {
		struct repl_hello hello;

		memcpy(&hello, payload, sizeof(hello));
		greeted(s, ch, &hello);
		return;
	}
	if (h->type == REPL_ERROR) {
		log_error(s, ch, h, payload);
		return;
	}
	if (!s->ch[ch].is_greeted) {
		/* After a reset of our own, what was under way still arrives. */
		return;
	}
	s->heard_ns = session_now_ns(s);
	switch (h->type) {
	case REPL_STATE:
		state_came(s, h, payload);
		break;
	case REPL_PING:
		pong(s, h->value);
		break;
	case REPL_PONG:
		ponged(s, h);
		break;
	case REPL_ROLE:
		if (s->is_ready)
			role_came(s, payload);
		break;
	case REPL_META:
		session_meta_received(s, h, payload);
		break;
	case REPL_META_ACK:
		session_meta_acked(s, h, payload);
		break;
	case REPL_BYE:
		session_reset(s, "the peer stops");
		break;
	default:
		refuse(s, ch, "a frame came on the wrong channel");
		break;
	}
}
