/* SPDX-License-Identifier: MIT */
/*
 * witness_ask.c - a filter's question to the witness, from its worker over main to the peer and
 * back. Once a second per group, so it may allocate.
 *
 * Thread: witness_ask() the worker; what is named home the worker again; the rest main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "net_int.h"

#define ANSWER_MS 2500u /* sluice/link.h promises 3 s in all */

struct witness_question {
	struct net *net;
	struct env *env;
	char peer[PARSE_NAME_MAX + 1];
	uint8_t group_uuid[16];
	struct sluice_witness_call call; /* a copy: what is asked */
	void (*fn)(void *fn_ctx, int result, const struct sluice_witness_register *now);
	void *fn_ctx;
	int result;
	struct sluice_witness_register now;
	struct loop_msg there;
	struct env_msg back;
};

static void home(struct env_msg *m)
{
	struct witness_question *w = m->ctx;

	w->fn(w->fn_ctx, w->result, &w->now);
	free(w);
}

static int read_answer(struct witness_question *w, const json_t *answer)
{
	uint64_t result, insync = 0;
	const char *primary = NULL;
	struct err err;

	if (json_get_u64(answer, "result", 0, 4095, &result, &err) < 0)
		return -EHOSTUNREACH;
	if (result != 0 && result != ESTALE && result != EBUSY)
		return -EHOSTUNREACH; /* it said in its own log what it minds */
	if (json_get_u64(answer, "term", 0, INT64_MAX, &w->now.term, &err) < 0 ||
	    json_get_u64(answer, "insync", 0, 3, &insync, &err) < 0 ||
	    json_get_u64(answer, "lease_left_ms", 0, UINT32_MAX, &w->now.lease_left_ms, &err) < 0 ||
	    json_get_string(answer, "primary", &primary, &err) < 0 ||
	    parse_uuid("primary", primary, w->now.primary_uuid, &err) < 0)
		return -EHOSTUNREACH;
	w->now.insync = (uint8_t)insync;
	return -(int)result;
}

static void answered(void *ctx, const json_t *answer, const struct err *err)
{
	struct witness_question *w = ctx;

	if (err)
		w->result = err->code == ETIMEDOUT ? -ETIMEDOUT : -EHOSTUNREACH;
	else
		w->result = read_answer(w, answer);
	env_post(w->env, &w->back);
}

static json_t *question_json(const struct witness_question *w)
{
	const struct sluice_witness_call *c = &w->call;
	char group[37], primary[37];

	parse_uuid_format(w->group_uuid, group);
	parse_uuid_format(c->wanted.primary_uuid, primary);
	return json_pack("{s:s, s:s, s:i, s:I, s:I, s:s, s:i, s:I}", "op", "witness", "group",
			 group, "act", (int)c->op, "expected_term", (json_int_t)c->expected_term,
			 "term", (json_int_t)c->wanted.term, "primary", primary, "insync",
			 (int)c->wanted.insync, "lease_ms", (json_int_t)c->lease_ms);
}

static void ask_there(struct loop_msg *m)
{
	struct witness_question *w = m->ctx;
	cleanup_json json_t *j = question_json(w);

	rpc_ask(w->net, w->peer, j, ANSWER_MS, answered, w);
}

void witness_ask(void *ctx, struct env *env, const char *peer, const uint8_t group_uuid[16],
		 const struct sluice_witness_call *call,
		 void (*fn)(void *fn_ctx, int result, const struct sluice_witness_register *now),
		 void *fn_ctx)
{
	struct witness_question *w = calloc(1, sizeof(*w));

	if (!w)
		abort(); /* fn must come, and never from here */
	w->net = ctx;
	w->env = env;
	snprintf(w->peer, sizeof(w->peer), "%s", peer);
	memcpy(w->group_uuid, group_uuid, 16);
	w->call = *call;
	w->fn = fn;
	w->fn_ctx = fn_ctx;
	w->result = -EHOSTUNREACH;
	w->there = (struct loop_msg){.fn = ask_there, .ctx = w};
	w->back = (struct env_msg){.fn = home, .ctx = w};
	loop_post(w->net->cfg.loop, &w->there);
}
