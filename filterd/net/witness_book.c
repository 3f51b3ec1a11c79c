/* SPDX-License-Identifier: MIT */
/*
 * witness_book.c - the registers that we keep for others: one durable file, and the questions of
 * peers about them. The rules are witness.c's.
 *
 * A change is on disk before it is answered; one that cannot be written is not made. Renewing a
 * lease writes nothing: after a restart every lease counts as given a moment ago.
 *
 * Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "greet.h"
#include "json.h"
#include "log.h"
#include "net_int.h"
#include "witness.h"

#define BOOK_VERSION   1u
#define BOOK_MAX       256u
#define FILE_BYTES_MAX (1u << 20)

struct witness_book {
	struct witness_register registers[BOOK_MAX];
	uint32_t count;
};

/* ---------------------------------------------------------------- JSON */

static json_t *register_json(const struct witness_register *r)
{
	json_t *members = json_array();
	char group[37], primary[37], member[37];

	parse_uuid_format(r->group_uuid, group);
	parse_uuid_format(r->primary_uuid, primary);
	for (uint32_t i = 0; i < r->member_count; i++) {
		parse_uuid_format(r->members[i], member);
		json_array_append_new(members, json_string(member));
	}
	return json_pack("{s:s, s:I, s:s, s:i, s:i, s:o}", "group", group, "term",
			 (json_int_t)r->term, "primary", primary, "insync", (int)r->insync,
			 "lease_ms", (int)r->lease_ms, "members", members);
}

static int get_uuid(const json_t *j, const char *key, uint8_t uuid[16], struct err *err)
{
	const char *word;
	int rc = json_get_string(j, key, &word, err);

	return rc ? rc : parse_uuid(key, word, uuid, err);
}

static int register_from_json(const json_t *j, struct witness_register *r, struct err *err)
{
	uint64_t insync, lease_ms;
	json_t *members = NULL, *one;
	size_t i;

	memset(r, 0, sizeof(*r));
	if (get_uuid(j, "group", r->group_uuid, err) < 0 ||
	    get_uuid(j, "primary", r->primary_uuid, err) < 0 ||
	    json_get_u64(j, "term", 1, INT64_MAX, &r->term, err) < 0 ||
	    json_get_u64(j, "insync", 0, 3, &insync, err) < 0 ||
	    json_get_u64(j, "lease_ms", 0, WITNESS_LEASE_MAX_MS, &lease_ms, err) < 0 ||
	    json_opt_array(j, "members", &members, err) < 0)
		return -EINVAL;
	r->insync = (uint8_t)insync;
	r->lease_ms = (uint32_t)lease_ms;
	json_array_foreach(members, i, one)
	{
		if (r->member_count == WITNESS_MEMBERS || !json_is_string(one) ||
		    parse_uuid("members", json_string_value(one), r->members[r->member_count++],
			       err) < 0)
			return err_set(err, EINVAL, "members", "its members are damaged");
	}
	return 0;
}

static int save(const char *path, const struct witness_register *registers, uint32_t count,
		struct err *err)
{
	json_t *list = json_array();
	cleanup_json json_t *j =
	    json_pack("{s:i, s:o}", "version", (int)BOOK_VERSION, "registers", list);
	cleanup_free char *text = NULL;

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, register_json(&registers[i]));
	text = json_dumps(j, JSON_INDENT(1));
	if (!text)
		return err_set(err, ENOMEM, "", "no memory for the witness's registers");
	return durable_write(path, text, strlen(text), err);
}

static int load(struct witness_book *b, const json_t *j, struct err *err)
{
	json_t *list = json_object_get(j, "registers"), *one;
	size_t i;

	if (json_integer_value(json_object_get(j, "version")) != (json_int_t)BOOK_VERSION ||
	    !json_is_array(list) || json_array_size(list) > BOOK_MAX)
		return err_set(err, EINVAL, "", "it is of another version, or damaged");
	json_array_foreach(list, i, one)
	{
		if (register_from_json(one, &b->registers[i], err) < 0)
			return -EINVAL;
		witness_restarted(&b->registers[i], clock_now_ns());
		b->count++;
	}
	return 0;
}

int witness_book_open(struct net *n, struct err *err)
{
	cleanup_free char *text = NULL;
	cleanup_json json_t *j = NULL;
	struct err why = {0};
	size_t len = 0;
	int rc;

	n->book = calloc(1, sizeof(*n->book));
	if (!n->book)
		return err_set(err, ENOMEM, "", "no memory");
	rc = durable_read(n->book_path, FILE_BYTES_MAX, &text, &len, err);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	j = json_parse(text, len, "it", &why);
	if (!j || load(n->book, j, &why) < 0)
		return err_set(
		    err, EBADMSG, "",
		    "%s, what this appliance witnesses for others, cannot be read: %.200s; "
		    "restore it from a backup: without it both sides of a group could be "
		    "promoted",
		    n->book_path, why.text);
	return 0;
}

void witness_book_close(struct net *n)
{
	free(n->book);
	n->book = NULL;
}

/* ---------------------------------------------------------------- questions of peers */

static struct witness_register *find(struct witness_book *b, const uint8_t group_uuid[16])
{
	for (uint32_t i = 0; i < b->count; i++)
		if (memcmp(b->registers[i].group_uuid, group_uuid, 16) == 0)
			return &b->registers[i];
	return NULL;
}

static int request_from_json(const json_t *j, struct witness_request *q, uint8_t group_uuid[16],
			     struct err *err)
{
	uint64_t op, insync = 0;

	memset(q, 0, sizeof(*q));
	if (get_uuid(j, "group", group_uuid, err) < 0 ||
	    json_get_u64(j, "act", 0, SLUICE_WITNESS_SWAP, &op, err) < 0 ||
	    json_opt_u64(j, "expected_term", 0, INT64_MAX, &q->expected_term, err) < 0 ||
	    json_opt_u64(j, "lease_ms", 0, WITNESS_LEASE_MAX_MS, &q->lease_ms, err) < 0)
		return -EINVAL;
	q->op = (enum sluice_witness_op)op;
	if (q->op != SLUICE_WITNESS_SWAP)
		return 0;
	if (json_get_u64(j, "term", 1, INT64_MAX, &q->wanted.term, err) < 0 ||
	    json_get_u64(j, "insync", 0, 3, &insync, err) < 0 ||
	    get_uuid(j, "primary", q->wanted.primary_uuid, err) < 0)
		return -EINVAL;
	q->wanted.insync = (uint8_t)insync;
	return 0;
}

/* Into the book, and onto the disk if that is wanted. */
static int keep(struct net *n, const struct witness_register *r, bool must_store, struct err *err)
{
	struct witness_book *b = n->book;
	struct witness_register *at = find(b, r->group_uuid), before = {0};
	bool is_new = !at;
	int rc = 0;

	if (is_new && b->count == BOOK_MAX)
		return err_set(err, ENOSPC, "", "the witness has %u groups, the most", BOOK_MAX);
	if (is_new)
		at = &b->registers[b->count++];
	else
		before = *at;
	*at = *r;
	if (must_store)
		rc = save(n->book_path, b->registers, b->count, err);
	if (rc == 0)
		return 0;
	*at = before;
	if (is_new)
		b->count--;
	return rc;
}

static json_t *answer_json(int result, const struct witness_register *r)
{
	json_t *j = register_json(r);

	json_object_set_new(j, "result", json_integer(-result));
	json_object_set_new(j, "lease_left_ms",
			    json_integer((json_int_t)witness_lease_left_ms(r, clock_now_ns())));
	return j;
}

/* The text may have the peer's own words in it, as often as it likes. */
static void complain(const char *peer, const char *text)
{
	static struct log_limit limit;
	char quoted[300];

	greet_quote(text, strlen(text), quoted, sizeof(quoted));
	if (log_limit_pass(&limit, 5))
		log_warn("peers: %s asked the witness in vain: %s", peer, quoted);
}

void witness_book_asked(struct net *n, struct rpc_question *q, const json_t *body)
{
	cleanup_json json_t *j = NULL;
	struct witness_register none = {0}, next;
	const struct witness_register *r;
	struct witness_request ask;
	bool must_store;
	struct err err = {0};
	int rc = request_from_json(body, &ask, none.group_uuid, &err);

	if (rc == 0) {
		r = find(n->book, none.group_uuid);
		if (!r)
			r = &none;
		memcpy(ask.caller_uuid, rpc_asker_uuid(q), 16);
		rc = witness_apply(r, &ask, clock_now_ns(), &next, &must_store);
		if (rc == 0 && ask.op != SLUICE_WITNESS_READ)
			rc = keep(n, &next, must_store, &err);
		j = answer_json(rc, rc ? r : &next);
	}
	if (rc && rc != -ESTALE && rc != -EBUSY)
		complain(rpc_asker(q), err.text[0] ? err.text : strerror(-rc));
	if (!j)
		j = json_pack("{s:i}", "result", -rc);
	rpc_tell(q, j);
}

/* ---------------------------------------------------------------- for people */

json_t *net_witness_list(struct net *n)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < n->book->count; i++) {
		json_t *one = answer_json(0, &n->book->registers[i]);

		json_object_del(one, "result");
		json_array_append_new(list, one);
	}
	return json_pack("{s:o}", "registers", list);
}

int net_witness_forget(struct net *n, const uint8_t group_uuid[16], struct err *err)
{
	struct witness_book *b = n->book;
	struct witness_register *r = find(b, group_uuid), gone, *last;
	int rc;

	if (!r)
		return err_set(err, ENOENT, "group", "no such group is witnessed here");
	if (witness_lease_left_ms(r, clock_now_ns()) > 0)
		return err_set(
		    err, EBUSY, "group",
		    "the primary of that group has a lease of this witness; stop it first");
	last = &b->registers[b->count - 1];
	gone = *r;
	*r = *last;
	*last = gone; /* the order does not matter */
	rc = save(n->book_path, b->registers, b->count - 1, err);
	if (rc == 0)
		b->count--;
	return rc;
}
