/* SPDX-License-Identifier: MIT */
/*
 * link_probe.c - a filter for tests with a link to the same filter on another appliance. It says
 * what it is told to, checks what it hears, and measures.
 *
 *   talk  {"bytes_per_s"}   from now on so much is said, forever; 0: silence. Each connection's
 * bytes begin at 0 and say where they stand, so what is lost, doubled or changed is seen ping
 * {"count"}         as many questions of 4 KiB, one after the other, each answered by as much; the
 * reply has the time of one deaf  {"is_on"}         hears nothing witness
 * {"op","expected_term","term","primary","insync","lease_ms"}   asks the witness
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/filter.h"
#include "sluice/link.h"

#define NS_PER_MS  1000000ull
#define TICK_MS    5u
#define PING_BYTES 4096u

enum { PEER, WITNESS, PARAM_COUNT };

static const struct sluice_param params[PARAM_COUNT] = {
    [PEER] = {.name = "peer",
	      .type = SLUICE_TYPE_STRING,
	      .unit = "",
	      .min = 1,
	      .max = 80,
	      .help = "Whom to be linked with."},
    [WITNESS] = {.name = "witness",
		 .type = SLUICE_TYPE_STRING,
		 .unit = "",
		 .max = 80,
		 .def_string = "",
		 .help = "Whom to ask who is primary."},
};

struct side {
	struct probe *p;
	struct sluice_link *link;
	uint64_t ups, downs, received_bytes, sent_bytes, wrong_bytes;
	uint64_t said, heard; /* on this connection */
	bool is_up;
	char why[128];
};

struct probe {
	struct sluice_filter *f;
	struct side data, control;
	struct sluice_timer tick;
	char witness[88];
	uint64_t bytes_per_s, owed_bytes;
	bool is_deaf;
	uint64_t pings_left, pings, ping_began_ns;
	struct sluice_witness_call call;
	bool is_asking, is_detached;
	uint8_t page[65536];
};

static const uint8_t group_uuid[16] = "link-probe-group";

static uint8_t byte_at(uint64_t position)
{
	return (uint8_t)(position ^ position >> 8 ^ position >> 16 ^ position >> 24);
}

/* ---------------------------------------------------------------- data: a checked stream */

static void say(struct side *s)
{
	struct probe *p = s->p;

	while (s->is_up && p->owed_bytes > 0) {
		size_t len = p->owed_bytes < sizeof(p->page) ? p->owed_bytes : sizeof(p->page);
		size_t room = sluice_link_room(s->link);

		if (len > room)
			len = room;
		if (len == 0)
			return;
		for (size_t i = 0; i < len; i++)
			p->page[i] = byte_at(s->said + i);
		len = sluice_link_send(s->link, p->page, len);
		s->said += len;
		s->sent_bytes += len;
		p->owed_bytes -= len;
	}
}

static size_t data_received(void *ctx, const uint8_t *data, size_t len)
{
	struct side *s = ctx;

	if (s->p->is_deaf)
		return 0;
	for (size_t i = 0; i < len; i++)
		s->wrong_bytes += data[i] != byte_at(s->heard + i);
	s->heard += len;
	s->received_bytes += len;
	return len;
}

static void data_writable(void *ctx)
{
	say(ctx);
}

static void ticked(struct sluice_timer *t)
{
	struct probe *p = t->ctx;

	p->owed_bytes += p->bytes_per_s * TICK_MS / 1000;
	if (p->owed_bytes > (8u << 20))
		p->owed_bytes = 8u << 20;
	say(&p->data);
	sluice_timer_set(p->f, &p->tick, sluice_now_ns(p->f) + TICK_MS * NS_PER_MS);
}

/* ---------------------------------------------------------------- control: questions */

static void ask(struct probe *p)
{
	memset(p->page, 'q', PING_BYTES);
	p->control.sent_bytes += sluice_link_send(p->control.link, p->page, PING_BYTES);
}

static void ping_ended(struct probe *p, int result)
{
	uint64_t took_ns = sluice_now_ns(p->f) - p->ping_began_ns;
	struct sluice_error err = {.text = "the connection has ended"};
	char json[96];

	snprintf(json, sizeof(json), "{\"count\": %" PRIu64 ", \"one_ns\": %" PRIu64 "}", p->pings,
		 took_ns / p->pings);
	p->pings = p->pings_left = 0;
	sluice_command_done(p->f, result, json, result ? &err : NULL);
}

static size_t control_received(void *ctx, const uint8_t *data, size_t len)
{
	struct side *s = ctx;
	struct probe *p = s->p;

	if (len < PING_BYTES)
		return 0;
	s->received_bytes += PING_BYTES;
	if (data[0] == 'q') {
		memset(p->page, 'a', PING_BYTES);
		s->sent_bytes += sluice_link_send(s->link, p->page, PING_BYTES);
	} else if (p->pings && --p->pings_left > 0) {
		ask(p);
	} else if (p->pings) {
		ping_ended(p, 0);
	}
	return PING_BYTES;
}

/* ---------------------------------------------------------------- up and down */

static void went_up(void *ctx)
{
	struct side *s = ctx;

	s->is_up = true;
	s->ups++;
	s->said = s->heard = 0;
}

static void went_down(void *ctx, const char *why)
{
	struct side *s = ctx;

	s->is_up = false;
	s->downs++;
	snprintf(s->why, sizeof(s->why), "%s", why);
	if (s == &s->p->control && s->p->pings)
		ping_ended(s->p, -ECONNRESET);
}

static int open_side(struct probe *p, struct side *s, const char *peer,
		     enum sluice_link_channel channel, struct sluice_error *err)
{
	struct sluice_link_cfg cfg = {.peer = peer,
				      .channel = channel,
				      .up = went_up,
				      .received = channel ? control_received : data_received,
				      .writable = data_writable,
				      .down = went_down,
				      .ctx = s};

	memcpy(cfg.group_uuid, group_uuid, 16);
	s->p = p;
	s->link = sluice_link_open(p->f, &cfg, err);
	return s->link ? 0 : -ENOTCONN;
}

static int attach(struct sluice_filter *f, const union sluice_value *values,
		  struct sluice_error *err)
{
	struct probe *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->f = f;
	snprintf(p->witness, sizeof(p->witness), "%s", values[WITNESS].string);
	rc = open_side(p, &p->data, values[PEER].string, SLUICE_LINK_DATA, err);
	if (rc == 0) {
		rc = open_side(p, &p->control, values[PEER].string, SLUICE_LINK_CONTROL, err);
		if (rc)
			sluice_link_close(p->data.link);
	}
	if (rc) {
		free(p);
		return rc;
	}
	p->tick = (struct sluice_timer){.fn = ticked, .ctx = p};
	sluice_timer_set(f, &p->tick, sluice_now_ns(f) + TICK_MS * NS_PER_MS);
	sluice_state_set(f, p);
	return 0;
}

static void detach(struct sluice_filter *f)
{
	struct probe *p = sluice_state(f);

	sluice_timer_cancel(f, &p->tick);
	sluice_link_close(p->data.link);
	sluice_link_close(p->control.link);
	p->is_detached = true;
	if (!p->is_asking) /* else with its answer */
		free(p);
}

/* ---------------------------------------------------------------- commands */

/* The number behind "key": in a flat object; the tests write nothing else. */
static uint64_t number(const char *json, const char *key)
{
	char quoted[40];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = strstr(json, quoted);
	return at ? strtoull(at + strlen(quoted) + strspn(at + strlen(quoted), ": "), NULL, 10) : 0;
}

static void witness_said(struct sluice_witness_call *c)
{
	struct probe *p = c->ctx;
	char json[200];

	p->is_asking = false;
	if (p->is_detached) {
		free(p);
		return;
	}
	snprintf(json, sizeof(json),
		 "{\"result\": %d, \"term\": %" PRIu64 ", \"primary\": %u, \"insync\": %u, "
		 "\"lease_left_ms\": %" PRIu64 "}",
		 c->result, c->now.term, c->now.primary_uuid[15], c->now.insync,
		 c->now.lease_left_ms);
	sluice_command_done(p->f, 0, json, NULL);
}

static int ask_witness(struct probe *p, const char *json)
{
	struct sluice_witness_call *c = &p->call;

	memset(c, 0, sizeof(*c));
	c->op = (enum sluice_witness_op)number(json, "op");
	c->expected_term = number(json, "expected_term");
	c->wanted.term = number(json, "term");
	c->wanted.insync = (uint8_t)number(json, "insync");
	c->lease_ms = number(json, "lease_ms");
	if (number(json, "primary") == 1)
		sluice_appliance_uuid(p->f, c->wanted.primary_uuid);
	c->fn = witness_said;
	c->ctx = p;
	p->is_asking = true;
	sluice_witness_submit(p->f, p->witness, group_uuid, c);
	return SLUICE_PENDING;
}

static int command(struct sluice_filter *f, const struct sluice_command *cmd,
		   struct sluice_error *err)
{
	struct probe *p = sluice_state(f);

	if (strcmp(cmd->name, "talk") == 0) {
		p->bytes_per_s = number(cmd->args_json, "bytes_per_s");
		p->owed_bytes = 0;
		return 0;
	}
	if (strcmp(cmd->name, "deaf") == 0) {
		p->is_deaf = number(cmd->args_json, "is_on");
		sluice_link_read_on(p->data.link);
		return 0;
	}
	if (strcmp(cmd->name, "witness") == 0)
		return ask_witness(p, cmd->args_json);
	if (strcmp(cmd->name, "ping") == 0 && p->control.is_up) {
		p->pings = p->pings_left = number(cmd->args_json, "count");
		p->ping_began_ns = sluice_now_ns(f);
		ask(p);
		return SLUICE_PENDING;
	}
	snprintf(err->text, sizeof(err->text), "'%s' is no command, or there is no link",
		 cmd->name);
	return -EINVAL;
}

static size_t side_json(const struct side *s, char *json, size_t size_bytes)
{
	return (size_t)snprintf(json, size_bytes,
				"{\"is_up\": %s, \"ups\": %" PRIu64 ", \"downs\": %" PRIu64
				", \"sent_bytes\": %" PRIu64 ", \"received_bytes\": %" PRIu64
				", \"wrong_bytes\": %" PRIu64 ", \"why\": \"%s\"}",
				s->is_up ? "true" : "false", s->ups, s->downs, s->sent_bytes,
				s->received_bytes, s->wrong_bytes, s->why);
}

static size_t status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	struct probe *p = sluice_state(f);
	char data[400], control[400];

	side_json(&p->data, data, sizeof(data));
	side_json(&p->control, control, sizeof(control));
	return (size_t)snprintf(json, size_bytes, "{\"data\": %s, \"control\": %s}", data, control);
}

static const struct sluice_filter_ops ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(struct sluice_filter_ops),
    .name = "link_probe",
    .version = "1",
    .help = "Talks to the same filter of another appliance; for tests.",
    .cls = SLUICE_CLASS_REPLICATION,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .params = params,
    .param_count = PARAM_COUNT,
    .attach = attach,
    .detach = detach,
    .command = command,
    .status = status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &ops;
}
