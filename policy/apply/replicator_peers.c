/* SPDX-License-Identifier: MIT */
/*
 * replicator_peers.c - filterd's pins against the database's rows.
 *
 * A pin comes by a pairing, ours (the row bears the code) or the other's (somebody offered a code
 * here): a row is made for it. It goes when its row is deleted. A row whose pin has gone is lost;
 * it is paired anew by giving it a code.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "replicator_int.h"
#include "store_link.h"

#define PEERS_MS      1000u
#define HELLO_MS      10000u
#define HELLO_WAIT_MS 1500u

static const json_t *named(const json_t *list, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (strcasecmp(replicator_text(one, "name"), name) == 0)
			return one;
	}
	return NULL;
}

static void complain(const char *what, const struct err *err)
{
	if (!filterd_is_gone(err))
		log_warn("%s: %s", what, err->text);
}

/* ---------------------------------------------------------------- joining */

static void end_tasks(struct replicator *r, const char *peer, const char *kind,
		      const struct err *error)
{
	struct err err = {0};
	cleanup_json json_t *tasks = replicator_open_tasks(r->store, "peer", peer, &err);
	const json_t *task;
	size_t i;

	json_array_foreach(tasks, i, task)
	{
		if (replicator_is_text(task, "kind", kind))
			replicator_end(r, task, error);
	}
}

static json_t *join_request(struct replicator *r, const json_t *row, struct err *err)
{
	const char *name = replicator_text(row, "name");
	char place[100], *code;
	json_t *q;

	snprintf(place, sizeof(place), "peer:%s:code", name);
	code = sealer_open_box(r->cfg.sealer, place, replicator_text(row, "code_sealed"), err);
	if (!code)
		return NULL;
	q = json_pack("{s:s, s:s, s:I, s:s}", "name", name, "address",
		      replicator_text(row, "address"), "port", replicator_number(row, "port"),
		      "code", code);
	OPENSSL_cleanse(code, strlen(code));
	free(code);
	return q;
}

/* The code is used up either way. */
static void joined(struct replicator *r, const json_t *row, const struct err *error)
{
	const char *name = replicator_text(row, "name");
	struct err err = {0};
	char text[400];

	if (error)
		replicator_note(r, &table_peers, row,
				json_pack("{s:n, s:s}", "code_sealed", "state_text", error->text),
				&err);
	else
		replicator_note(r, &table_peers, row,
				json_pack("{s:n, s:s, s:s}", "code_sealed", "state_text", "",
					  "state", "paired"),
				&err);
	snprintf(text, sizeof(text), error ? "pairing with %s failed: %.300s" : "paired with %s",
		 name, error ? error->text : "");
	replicator_event(r, error ? "warning" : "info",
			 error ? "peer.pairing_failed" : "peer.paired", "peer", name, text, &err);
	end_tasks(r, name, "peer.join", error);
	r->peers_ns = 0;
}

static void join(struct replicator *r, const json_t *row)
{
	struct err err = {0};
	cleanup_json json_t *q = join_request(r, row, &err), *answer = NULL;

	if (q)
		answer = filterd_ask(&r->filterd, "peer.join", q, &err);
	if (q && !answer && filterd_is_gone(&err))
		return; /* it is asked again when it is back; the code may be used up by then */
	joined(r, row, answer ? NULL : &err);
}

/* ---------------------------------------------------------------- forgetting */

static void forget(struct replicator *r, const json_t *row)
{
	const char *name = replicator_text(row, "name");
	cleanup_json json_t *q = json_pack("{s:s}", "name", name), *answer = NULL;
	struct err err = {0};
	int rc;

	answer = filterd_ask(&r->filterd, "peer.forget", q, &err);
	if (!answer && (err.code != ENOENT || filterd_is_gone(&err))) {
		complain("a peer is not forgotten", &err);
		return;
	}
	rc = store_begin(r->store, &err);
	if (rc == 0)
		rc = store_delete(r->store, &table_peers, replicator_number(row, "id"), 0, &err);
	if (rc == 0)
		rc = store_commit(r->store, &err);
	if (rc < 0)
		store_rollback(r->store);
	end_tasks(r, name, "peer.delete", rc < 0 ? &err : NULL);
}

/* ---------------------------------------------------------------- pins */

static bool is_as_pinned(const json_t *row, const json_t *pin)
{
	return replicator_is_text(row, "state", "paired") &&
	       replicator_is_text(row, "appliance_uuid", replicator_text(pin, "uuid")) &&
	       replicator_is_text(row, "fingerprint_sha256", replicator_text(pin, "fingerprint"));
}

static void note_pin(struct replicator *r, const json_t *row, const json_t *pin)
{
	struct err err = {0};

	if (!is_as_pinned(row, pin))
		replicator_note(r, &table_peers, row,
				json_pack("{s:s, s:s, s:s, s:s}", "state", "paired", "state_text",
					  "", "appliance_uuid", replicator_text(pin, "uuid"),
					  "fingerprint_sha256",
					  replicator_text(pin, "fingerprint")),
				&err);
}

/* An administrator says where it is; filterd dials there. */
static void move_pin(struct replicator *r, const json_t *row, const json_t *pin)
{
	const char *address = replicator_text(row, "address");
	cleanup_json json_t *q = NULL, *answer = NULL;
	struct err err = {0};

	if (!*address || strcmp(address, "-") == 0 ||
	    (replicator_is_text(pin, "address", address) &&
	     replicator_number(pin, "port") == replicator_number(row, "port")))
		return;
	q = json_pack("{s:s, s:s, s:I}", "name", replicator_text(pin, "name"), "address", address,
		      "port", replicator_number(row, "port"));
	answer = filterd_ask(&r->filterd, "peer.set", q, &err);
	if (!answer && !filterd_is_gone(&err) && !replicator_is_text(row, "state_text", err.text))
		replicator_note(r, &table_peers, row, json_pack("{s:s}", "state_text", err.text),
				&err);
}

static void adopt(struct replicator *r, const json_t *pin)
{
	const char *address = replicator_text(pin, "address");
	json_int_t port = replicator_number(pin, "port");
	cleanup_json json_t *row =
	    json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "name", replicator_text(pin, "name"),
		      "address", *address ? address : "-", "port", port ? port : 3262,
		      "fingerprint_sha256", replicator_text(pin, "fingerprint"), "appliance_uuid",
		      replicator_text(pin, "uuid"), "state", "paired");
	cleanup_json json_t *made = NULL;
	struct err err = {0};
	char text[200];

	if (store_begin(r->store, &err) < 0)
		return;
	made = store_insert(r->store, &table_peers, row, &err);
	if (!made || store_commit(r->store, &err) < 0) {
		store_rollback(r->store);
		complain("a paired appliance is not entered", &err);
		return;
	}
	snprintf(text, sizeof(text), "paired with %s, which had the code",
		 replicator_text(pin, "name"));
	replicator_event(r, "info", "peer.paired", "peer", replicator_text(pin, "name"), text,
			 &err);
}

/* ---------------------------------------------------------------- who answers */

static void hello(struct replicator *r, const json_t *row)
{
	const char *name = replicator_text(row, "name");
	json_int_t now_ms = (json_int_t)clock_wall_ms();
	cleanup_json json_t *answer = NULL;
	struct err err = {0};

	if (now_ms < replicator_number(r->hellos, name))
		return;
	answer = replicator_call(&r->filterd, name, "hello", NULL, HELLO_WAIT_MS, &err);
	json_object_set_new(r->hellos, name, json_integer((json_int_t)clock_wall_ms() + HELLO_MS));
	if (answer)
		replicator_note(r, &table_peers, row,
				json_pack("{s:I, s:s%, s:s}", "last_seen_ms", now_ms, "version",
					  replicator_text(answer, "software"),
					  strnlen(replicator_text(answer, "software"), 79),
					  "state_text", ""),
				&err);
	else if (!filterd_is_gone(&err) && !replicator_is_text(row, "state_text", err.text))
		replicator_note(r, &table_peers, row, json_pack("{s:s}", "state_text", err.text),
				&err);
}

static void look_at(struct replicator *r, const json_t *row, const json_t *pins)
{
	const json_t *pin = named(pins, replicator_text(row, "name"));
	struct err err = {0};

	if (json_is_true(json_object_get(row, "is_deleting"))) {
		forget(r, row);
	} else if (*replicator_text(row, "code_sealed")) {
		join(r, row);
	} else if (pin) {
		note_pin(r, row, pin);
		move_pin(r, row, pin);
		hello(r, row);
	} else if (replicator_is_text(row, "state", "paired")) {
		replicator_note(r, &table_peers, row,
				json_pack("{s:s, s:s}", "state", "lost", "state_text",
					  "sluice-filterd does not know its key any more: pair it "
					  "anew with a code"),
				&err);
	}
}

void replicator_peers_round(struct replicator *r)
{
	cleanup_json json_t *rows = NULL, *answer = NULL;
	const json_t *row, *pins;
	struct err err = {0};
	size_t i;

	if (clock_now_ns() < r->peers_ns)
		return;
	r->peers_ns = clock_now_ns() + PEERS_MS * CLOCK_NS_PER_MS;
	answer = filterd_ask(&r->filterd, "peer.list", NULL, &err);
	rows = answer ? replicator_rows(r->store, &table_peers, &err) : NULL;
	pins = json_object_get(answer, "peers");
	if (!rows)
		return;
	json_array_foreach(rows, i, row)
	{
		if (!replicator_is_stopping(r))
			look_at(r, row, pins);
	}
	json_array_foreach(pins, i, row)
	{
		if (!named(rows, replicator_text(row, "name")))
			adopt(r, row);
	}
}
