/* SPDX-License-Identifier: MIT */
#include "tgt_ops.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "tgt_imitator.h"
#include "tgt_show.h"

#define ARGS_BYTES    1024u
#define IMITATORS_MAX 16u /* ended in one look */

/* A comma ends a value in tgtd's eyes; nothing that REST lets in has one, a path of ours might. */
static int value_check(const char *value, struct err *err)
{
	if (strpbrk(value, ",\n"))
		return err_set(err, EINVAL, "", "tgtd takes no comma or line end in '%.100s'",
			       value);
	return 0;
}

static int ask(struct tgt_client *c, struct tgt_request q, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int ask(struct tgt_client *c, struct tgt_request q, struct err *err, const char *fmt, ...)
{
	char args[ARGS_BYTES];
	va_list ap;
	int len, rc;

	va_start(ap, fmt);
	len = vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(args))
		rc = err_set(err, ENAMETOOLONG, "", "a request to tgtd has at most %u characters",
			     ARGS_BYTES - 1);
	else {
		q.args = len ? args : NULL;
		rc = tgt_client_ask(c, &q, NULL, err);
	}
	explicit_bzero(args, sizeof(args));
	return rc;
}

/* Already so: fine. */
static int unless(int rc, int fine)
{
	return rc == fine ? 0 : rc;
}

int tgt_target_new(struct tgt_client *c, int32_t tid, const char *iqn, struct err *err)
{
	struct tgt_request q = {.mode = TGT_TARGET, .op = TGT_NEW, .tid = tid};
	int rc = value_check(iqn, err);

	return rc ? rc : ask(c, q, err, "targetname=%s", iqn);
}

int tgt_target_delete(struct tgt_client *c, int32_t tid, struct err *err)
{
	struct tgt_request q = {.mode = TGT_TARGET, .op = TGT_DELETE, .tid = tid};

	return unless(ask(c, q, err, "%s", ""), -ENOENT);
}

int tgt_lun_new(struct tgt_client *c, int32_t tid, uint64_t lun, const char *volume,
		const char *ring_socket, struct err *err)
{
	struct tgt_request q = {.mode = TGT_LUN, .op = TGT_NEW, .tid = tid, .lun = lun};
	int rc = value_check(volume, err);

	if (rc == 0)
		rc = value_check(ring_socket, err);
	if (rc == 0)
		rc = ask(c, q, err, "path=%s,bstype=sluice,bsopts=socket=%s", volume, ring_socket);
	if (rc == -EINVAL || rc == -EIO)
		return err_set(err, -rc, "",
			       "tgtd refuses a logical unit for volume %s: either it runs without "
			       "the module bs_sluice.so, or the module refuses it; tgtd's log says "
			       "which",
			       volume);
	return rc;
}

int tgt_lun_delete(struct tgt_client *c, int32_t tid, uint64_t lun, struct err *err)
{
	struct tgt_request q = {.mode = TGT_LUN, .op = TGT_DELETE, .tid = tid, .lun = lun};

	return unless(ask(c, q, err, "%s", ""), -ENOENT);
}

int tgt_account_new(struct tgt_client *c, const char *user, const char *secret, struct err *err)
{
	struct tgt_request q = {.mode = TGT_ACCOUNT, .op = TGT_NEW};
	int rc = value_check(user, err);

	return rc ? rc : ask(c, q, err, "user=%s,password=%s", user, secret);
}

int tgt_account_delete(struct tgt_client *c, const char *user, struct err *err)
{
	struct tgt_request q = {.mode = TGT_ACCOUNT, .op = TGT_DELETE};
	int rc = value_check(user, err);

	return rc ? rc : unless(ask(c, q, err, "user=%s", user), -ENOENT);
}

int tgt_account_bind(struct tgt_client *c, int32_t tid, const char *user, bool is_outgoing,
		     struct err *err)
{
	struct tgt_request q = {
	    .mode = TGT_ACCOUNT, .op = TGT_BIND, .tid = tid, .is_outgoing = is_outgoing};
	int rc = value_check(user, err);

	if (rc)
		return rc;
	rc = ask(c, q, err, "user=%s", user);
	/* The one outgoing account may be another one's. */
	return is_outgoing ? rc : unless(rc, -EEXIST);
}

int tgt_account_unbind(struct tgt_client *c, int32_t tid, const char *user, bool is_outgoing,
		       struct err *err)
{
	struct tgt_request q = {
	    .mode = TGT_ACCOUNT, .op = TGT_UNBIND, .tid = tid, .is_outgoing = is_outgoing};
	int rc = value_check(user, err);

	return rc ? rc : unless(ask(c, q, err, "user=%s", user), -ENOENT);
}

static int acl(struct tgt_client *c, enum tgt_op op, int32_t tid, const char *address,
	       const char *initiator, struct err *err)
{
	struct tgt_request q = {.mode = TGT_TARGET, .op = op, .tid = tid};
	const char *value = address ? address : initiator;
	int rc = value_check(value, err);

	return rc ? rc
		  : ask(c, q, err, "%s=%s", address ? "initiator-address" : "initiator-name",
			value);
}

int tgt_acl_bind(struct tgt_client *c, int32_t tid, const char *address, const char *initiator,
		 struct err *err)
{
	return unless(acl(c, TGT_BIND, tid, address, initiator, err), -EEXIST);
}

int tgt_acl_unbind(struct tgt_client *c, int32_t tid, const char *address, const char *initiator,
		   struct err *err)
{
	return unless(acl(c, TGT_UNBIND, tid, address, initiator, err), -ENOENT);
}

int tgt_session_close(struct tgt_client *c, int32_t tid, uint64_t sid, uint32_t cid,
		      const char *initiator, struct err *err)
{
	struct tgt_request q = {
	    .mode = TGT_CONNECTION, .op = TGT_DELETE, .tid = tid, .sid = sid, .cid = cid};
	cleanup_json json_t *sessions = NULL;
	int rc = tgt_connections(c, tid, &sessions, err);
	size_t i;
	json_t *s;

	if (rc)
		return unless(rc, -ENOENT);
	json_array_foreach(sessions, i, s)
	{
		const char *name = json_string_value(json_object_get(s, "initiator"));

		if (json_integer_value(json_object_get(s, "sid")) == (json_int_t)sid &&
		    json_integer_value(json_object_get(s, "cid")) == (json_int_t)cid &&
		    strcmp(name, initiator) == 0)
			return unless(ask(c, q, err, "%s", ""), -ENOENT);
	}
	return 0;
}

static int portal_ask(struct tgt_client *c, enum tgt_op op, const char *portal, struct err *err)
{
	struct tgt_request q = {.mode = TGT_PORTAL, .op = op};
	int rc = value_check(portal, err);

	return rc ? rc : ask(c, q, err, "portal=%s", portal);
}

int tgt_portal_new(struct tgt_client *c, const char *portal, struct err *err)
{
	int rc = portal_ask(c, TGT_NEW, portal, err);

	if (rc == -EINVAL)
		return err_set(err, EADDRNOTAVAIL, "address",
			       "tgtd cannot listen on %s: this machine does not have the address, "
			       "or the port is taken; tgtd's log says which",
			       portal);
	return rc;
}

int tgt_portal_delete(struct tgt_client *c, const char *portal, struct err *err)
{
	return portal_ask(c, TGT_DELETE, portal, err);
}

/* ---------------------------------------------------------------- questions */

static int show(struct tgt_client *c, enum tgt_mode mode, int32_t tid, char **text, struct err *err)
{
	struct tgt_request q = {.mode = mode, .op = TGT_SHOW, .tid = tid};

	return tgt_client_ask(c, &q, text, err);
}

static int targets_once(struct tgt_client *c, json_t **out, struct err *err)
{
	cleanup_free char *drivers = NULL, *text = NULL;
	int rc = show(c, TGT_DRIVER, TGT_ALL_TARGETS, &drivers, err);

	if (rc == 0)
		rc = show(c, TGT_TARGET, TGT_ALL_TARGETS, &text, err);
	return rc ? rc : tgt_show_targets(text, drivers, out, err);
}

/* The list's sessions may be an alias's invention: who is connected is what the connections say. */
static int complete(struct tgt_client *c, json_t *t, struct err *err)
{
	json_t *known = NULL;
	int rc;

	if (json_array_size(json_object_get(t, "sessions")) == 0)
		return 0;
	rc =
	    tgt_connections(c, (int32_t)json_integer_value(json_object_get(t, "tid")), &known, err);
	if (rc == 0)
		json_object_set_new(t, "sessions", known);
	return unless(rc, -ENOENT);
}

/* He loses his access and his session; whoever is still meant to get in is let in again by the
 * next plan, and what is to be taken away from him can be taken away now. */
static int shut_out(struct tgt_client *c, int32_t tid, const json_t *session, struct err *err)
{
	const char *initiator = json_string_value(json_object_get(session, "initiator"));
	int rc = tgt_acl_unbind(c, tid, NULL, initiator, err);

	log_warn("%.223s at %.60s has an alias that imitates what tgtd prints; its session at "
		 "target %d is ended",
		 initiator, json_string_value(json_object_get(session, "address")), tid);
	return rc ? rc
		  : tgt_session_close(c, tid,
				      (uint64_t)json_integer_value(json_object_get(session, "sid")),
				      (uint32_t)json_integer_value(json_object_get(session, "cid")),
				      initiator, err);
}

/* 1: somebody was; 0: nobody is found. */
static int shut_out_imitator(struct tgt_client *c, struct err *err)
{
	cleanup_free char *drivers = NULL, *text = NULL;
	cleanup_json json_t *targets = NULL, *session = NULL;
	json_int_t tid = 0;
	json_t *t;
	size_t i;
	int rc = show(c, TGT_DRIVER, TGT_ALL_TARGETS, &drivers, err);

	if (rc == 0)
		rc = show(c, TGT_TARGET, TGT_ALL_TARGETS, &text, err);
	if (rc)
		return rc;
	targets = tgt_show_list(drivers);
	json_array_foreach(targets, i, t)
	{
		json_t *known = NULL;

		rc = tgt_connections(c, (int32_t)json_integer_value(json_object_get(t, "tid")),
				     &known, err);
		if (rc)
			return unless(rc, -ENOENT);
		json_object_set_new(t, "sessions", known);
	}
	session = tgt_imitator_find(text, targets, &tid);
	rc = session ? shut_out(c, (int32_t)tid, session, err) : 0;
	return rc ? rc : session != NULL;
}

int tgt_targets(struct tgt_client *c, json_t **out, struct err *err)
{
	struct err ignored;
	json_t *t, *targets = NULL;
	size_t i;
	int rc = targets_once(c, &targets, err);

	if (rc == -EBADMSG) /* somebody may have made or deleted one between the two answers */
		rc = targets_once(c, &targets, err);
	for (i = 0; rc == -EBADMSG && i < IMITATORS_MAX && shut_out_imitator(c, &ignored) > 0; i++)
		rc = targets_once(c, &targets, err);
	if (rc)
		return rc;
	json_array_foreach(targets, i, t)
	{
		rc = complete(c, t, err);
		if (rc) {
			json_decref(targets);
			return rc;
		}
	}
	*out = targets;
	return 0;
}

static int show_as(struct tgt_client *c, enum tgt_mode mode, int32_t tid,
		   json_t *(*fn)(const char *text), json_t **out, struct err *err)
{
	cleanup_free char *text = NULL;
	int rc = show(c, mode, tid, &text, err);

	if (rc == 0)
		*out = fn(text);
	return rc;
}

int tgt_accounts(struct tgt_client *c, json_t **out, struct err *err)
{
	return show_as(c, TGT_ACCOUNT, TGT_ALL_TARGETS, tgt_show_accounts, out, err);
}

int tgt_portals(struct tgt_client *c, json_t **out, struct err *err)
{
	return show_as(c, TGT_PORTAL, TGT_ALL_TARGETS, tgt_show_portals, out, err);
}

int tgt_connections(struct tgt_client *c, int32_t tid, json_t **out, struct err *err)
{
	return show_as(c, TGT_CONNECTION, tid, tgt_show_connections, out, err);
}
