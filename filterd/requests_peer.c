/* SPDX-License-Identifier: MIT */
/* requests_peer.c - what is asked about other appliances: pairing, calls, the witness. Thread:
 * main. */
#include <errno.h>

#include "json.h"
#include "net.h"
#include "requests_int.h"
#include "wire/peer.h"

#define CALL_MAX_MS     60000u
#define CALL_DEFAULT_MS 30000u

/* NULL: there is no network here, and the call is answered. */
static struct net *net_of(struct requests *c, struct ctl_call *call)
{
	struct err err;

	if (!c->net)
		requests_refused(call,
				 (err_set(&err, ENOTCONN, "", "there is no network here"), &err));
	return c->net;
}

static bool has_only(struct ctl_call *call, const char *const *keys)
{
	struct err err;

	if (json_only(call->body, keys, &err) == 0)
		return true;
	requests_refused(call, &err);
	return false;
}

static void answer(struct ctl_call *call, int rc, const struct err *err, json_t *more)
{
	requests_answered(call, rc ? err : NULL, rc ? NULL : more);
}

void requests_peer_identity(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);

	if (n && requests_has_only(call, NULL, NULL))
		ctl_answer(call, net_identity(n));
}

void requests_peer_list(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);

	if (n && requests_has_only(call, NULL, NULL))
		ctl_answer(call, net_peers(n));
}

void requests_peer_offer(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);
	const char *name = n ? requests_get_name(call) : NULL;
	json_t *offer = NULL;
	struct err err;
	int rc;

	if (!name || !requests_has_only(call, "name", NULL))
		return;
	rc = net_offer(n, name, &offer, &err);
	answer(call, rc, &err, offer);
}

void requests_peer_withdraw(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);

	if (!n || !requests_has_only(call, NULL, NULL))
		return;
	net_withdraw(n);
	ctl_answer(call, NULL);
}

void requests_peer_join(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "name", "address", "port", "code", NULL};
	struct net *n = net_of(c, call);
	const char *name = n ? requests_get_name(call) : NULL, *address, *code;
	uint64_t port = PEER_PORT;
	struct err err;

	if (!name || !has_only(call, keys))
		return;
	if (json_get_string(call->body, "address", &address, &err) < 0 ||
	    json_get_string(call->body, "code", &code, &err) < 0 ||
	    json_opt_u64(call->body, "port", 1, UINT16_MAX, &port, &err) < 0)
		requests_refused(call, &err);
	else
		net_join(n, name, address, (uint16_t)port, code, requests_answered, call);
}

void requests_peer_set(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "name", "address", "port", "dials", NULL};
	struct net *n = net_of(c, call);
	const char *name = n ? requests_get_name(call) : NULL;
	struct net_change change = {.port = -1};
	uint64_t port = 0;
	struct err err;

	if (!name || !has_only(call, keys))
		return;
	if (json_opt_string(call->body, "address", &change.address, &err) < 0 ||
	    json_opt_string(call->body, "dials", &change.dials, &err) < 0 ||
	    json_opt_u64(call->body, "port", 1, UINT16_MAX, &port, &err) < 0) {
		requests_refused(call, &err);
		return;
	}
	if (port)
		change.port = (int32_t)port;
	answer(call, net_set_peer(n, name, &change, &err), &err, NULL);
}

void requests_peer_forget(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);
	const char *name = n ? requests_get_name(call) : NULL;
	struct err err;

	if (name && requests_has_only(call, "name", NULL))
		answer(call, net_forget_peer(n, name, &err), &err, NULL);
}

/* ---------------------------------------------------------------- calls */

void requests_peer_call(struct requests *c, struct ctl_call *call)
{
	static const char *const keys[] = {"request", "name", "body", "timeout_ms", NULL};
	struct net *n = net_of(c, call);
	const char *name = n ? requests_get_name(call) : NULL;
	json_t *body = json_object_get(call->body, "body");
	uint64_t timeout_ms = CALL_DEFAULT_MS;
	struct err err;

	if (!name || !has_only(call, keys))
		return;
	if (json_opt_u64(call->body, "timeout_ms", 1, CALL_MAX_MS, &timeout_ms, &err) < 0)
		requests_refused(call, &err);
	else if (!json_is_object(body))
		requests_refused(call, (err_set(&err, EINVAL, "body", "body is no object"), &err));
	else
		net_call(n, name, body, (uint32_t)timeout_ms, requests_answered, call);
}

static bool is_there(void *ctx)
{
	return ((const struct ctl_call *)ctx)->conn != NULL;
}

void requests_peer_take(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);
	uint64_t wait_ms = 0;
	struct err err;

	if (!n || !requests_has_only(call, "wait_ms", NULL))
		return;
	if (json_opt_u64(call->body, "wait_ms", 0, CALL_MAX_MS, &wait_ms, &err) < 0)
		requests_refused(call, &err);
	else
		net_take_call(n, (uint32_t)wait_ms, is_there, requests_answered, call);
}

void requests_peer_answer(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);
	json_t *body = json_object_get(call->body, "body");
	uint64_t id = 0;
	struct err err;

	if (!n || !requests_has_only(call, "call", "body"))
		return;
	if (json_get_u64(call->body, "call", 1, INT64_MAX, &id, &err) < 0)
		requests_refused(call, &err);
	else if (!json_is_object(body))
		requests_refused(call, (err_set(&err, EINVAL, "body", "body is no object"), &err));
	else
		answer(call, net_answer_call(n, id, body, &err), &err, NULL);
}

/* ---------------------------------------------------------------- witness */

void requests_witness_list(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);

	if (n && requests_has_only(call, NULL, NULL))
		ctl_answer(call, net_witness_list(n));
}

void requests_witness_forget(struct requests *c, struct ctl_call *call)
{
	struct net *n = net_of(c, call);
	const char *word;
	uint8_t group[16];
	struct err err;

	if (!n || !requests_has_only(call, "group", NULL))
		return;
	if (json_get_string(call->body, "group", &word, &err) < 0 ||
	    parse_uuid("group", word, group, &err) < 0)
		requests_refused(call, &err);
	else
		answer(call, net_witness_forget(n, group, &err), &err, NULL);
}
