/* SPDX-License-Identifier: MIT */
/*
 * calls.c - requests from one policy plane to another: carried by rpc.c, kept here until the local
 * policy daemon takes them, and again until it has answered. Nothing in here knows what they mean.
 *
 *   peer --> WAITING --peer.take--> TAKEN --peer.answer--> answered
 *               5 s                   60 s                           then the peer hears why not
 *
 * Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "greet.h"
#include "json.h"
#include "net_int.h"

#define CALLS_MAX   64u
#define WAITING_MS  5000u
#define TAKEN_MS    60000u
#define TAKE_MAX_MS 60000u

struct call {
	struct list_node node;
	struct calls *calls;
	struct rpc_question *question;
	uint64_t id;
	json_t *body;
	struct loop_timer timer;
	bool is_taken;
};

struct calls {
	struct net *net;
	struct list_node list; /* oldest first */
	uint32_t count;
	uint64_t last_id;
	/* who waits for the next one; fn NULL: nobody */
	bool (*is_there)(void *ctx);
	net_fn fn;
	void *ctx;
	struct loop_timer timer;
};

static void call_over(struct call *c, const json_t *answer)
{
	loop_timer_cancel(c->calls->net->cfg.loop, &c->timer);
	list_del(&c->node);
	c->calls->count--;
	rpc_tell(c->question, answer);
	json_decref(c->body);
	free(c);
}

static json_t *error_json(const char *code, const char *text)
{
	return json_pack("{s:{s:s, s:s, s:s}}", "error", "code", code, "field", "", "text", text);
}

static void call_late(struct loop_timer *t)
{
	struct call *c = t->ctx;
	cleanup_json json_t *j =
	    c->is_taken
		? error_json("ETIMEDOUT", "the policy daemon there has not answered in time")
		: error_json("EHOSTDOWN", "the policy daemon there takes no calls now");

	call_over(c, j);
}

/* ---------------------------------------------------------------- taken */

static void hand_out(struct calls *s, struct call *c)
{
	net_fn fn = s->fn;

	s->fn = NULL;
	loop_timer_cancel(s->net->cfg.loop, &s->timer);
	if (!c) {
		fn(s->ctx, NULL, json_pack("{s:n}", "call"));
		return;
	}
	c->is_taken = true;
	loop_timer_set(s->net->cfg.loop, &c->timer, clock_now_ns() + TAKEN_MS * CLOCK_NS_PER_MS);
	fn(s->ctx, NULL,
	   json_pack("{s:I, s:s, s:O}", "call", (json_int_t)c->id, "peer", rpc_asker(c->question),
		     "body", c->body));
}

static void nobody_called(struct loop_timer *t)
{
	hand_out(t->ctx, NULL);
}

static struct call *next_waiting(struct calls *s)
{
	struct list_node *at;

	list_for_each (at, &s->list)
		if (!list_entry(at, struct call, node)->is_taken)
			return list_entry(at, struct call, node);
	return NULL;
}

void net_take_call(struct net *n, uint32_t wait_ms, bool (*is_there)(void *ctx), net_fn fn,
		   void *ctx)
{
	struct calls *s = n->calls;
	struct call *c = next_waiting(s);

	if (s->fn)
		hand_out(s, NULL);
	s->is_there = is_there;
	s->fn = fn;
	s->ctx = ctx;
	if (c || wait_ms == 0 || n->is_stopped) {
		hand_out(s, c);
		return;
	}
	if (wait_ms > TAKE_MAX_MS)
		wait_ms = TAKE_MAX_MS;
	s->timer = (struct loop_timer){.fn = nobody_called, .ctx = s};
	loop_timer_set(n->cfg.loop, &s->timer, clock_now_ns() + wait_ms * CLOCK_NS_PER_MS);
}

int net_answer_call(struct net *n, uint64_t id, const json_t *answer, struct err *err)
{
	struct list_node *at;

	list_for_each (at, &n->calls->list) {
		struct call *c = list_entry(at, struct call, node);

		if (c->id == id && c->is_taken) {
			cleanup_json json_t *j = json_pack("{s:O}", "answer", answer);

			call_over(c, j);
			return 0;
		}
	}
	return err_set(err, ENOENT, "call", "nobody waits for an answer to call %llu any more",
		       (unsigned long long)id);
}

/* ---------------------------------------------------------------- asked */

void calls_asked(struct net *n, struct rpc_question *q, const json_t *body)
{
	struct calls *s = n->calls;
	json_t *inner = json_object_get(body, "body");
	struct call *c =
	    s->count < CALLS_MAX && json_is_object(inner) ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		cleanup_json json_t *j = error_json("EBUSY", "too many calls wait there");

		rpc_tell(q, j);
		return;
	}
	c->calls = s;
	c->question = q;
	c->id = ++s->last_id;
	c->body = json_incref(inner);
	c->timer = (struct loop_timer){.fn = call_late, .ctx = c};
	loop_timer_set(n->cfg.loop, &c->timer, clock_now_ns() + WAITING_MS * CLOCK_NS_PER_MS);
	list_push_back(&s->list, &c->node);
	s->count++;
	if (s->fn)
		hand_out(s, s->is_there(s->ctx) ? c : NULL);
}

/* ---------------------------------------------------------------- asking */

struct asking {
	net_fn fn;
	void *ctx;
};

static void asked_back(void *ctx, const json_t *answer, const struct err *err)
{
	struct asking *a = ctx;
	json_t *body = json_object_get(answer, "answer");
	const json_t *error = json_object_get(answer, "error");
	const char *text = json_string_value(json_object_get(error, "text"));
	char quoted[300];
	struct err why;

	if (err) {
		a->fn(a->ctx, err, NULL);
	} else if (body) {
		a->fn(a->ctx, NULL, json_pack("{s:O}", "answer", body));
	} else {
		text = text ? text : "no answer";
		greet_quote(text, strlen(text), quoted, sizeof(quoted));
		err_set(&why, EREMOTEIO, "", "the peer: %s", quoted);
		a->fn(a->ctx, &why, NULL);
	}
	free(a);
}

void net_call(struct net *n, const char *peer, const json_t *body, uint32_t timeout_ms, net_fn fn,
	      void *ctx)
{
	struct asking *a = calloc(1, sizeof(*a));
	cleanup_json json_t *j = json_pack("{s:s, s:O}", "op", "call", "body", body);
	struct err err;

	if (!a || !j) {
		free(a);
		err_set(&err, ENOMEM, "", "no memory for a call");
		fn(ctx, &err, NULL);
		return;
	}
	*a = (struct asking){.fn = fn, .ctx = ctx};
	rpc_ask(n, peer, j, timeout_ms, asked_back, a);
}

/* ---------------------------------------------------------------- made and ended */

int calls_create(struct net *n, struct err *err)
{
	n->calls = calloc(1, sizeof(*n->calls));
	if (!n->calls)
		return err_set(err, ENOMEM, "", "no memory");
	n->calls->net = n;
	list_init(&n->calls->list);
	return 0;
}

void calls_stop(struct net *n)
{
	struct calls *s = n->calls;

	if (!s)
		return;
	if (s->fn)
		hand_out(s, NULL);
	while (!list_is_empty(&s->list))
		call_late(&list_entry(s->list.next, struct call, node)->timer);
}

void calls_free(struct net *n)
{
	free(n->calls);
	n->calls = NULL;
}
