// SPDX-License-Identifier: MIT
/* operator.c - the administrators of both nodes: keys, roles, and what they do until it works. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node.h"
#include "world.h"

/* ---------------------------------------------------------------- keys */

static void key_done(void *ctx, int result, const char *reply_json, const struct err *err)
{
	struct node *n = ctx;

	(void)reply_json;
	n->is_keying = false;
	close(n->key_fd);
	n->key_fd = -1;
	world_say(n->w, "node %d: the key: %d %s", n->id, result, result ? err->text : "");
}

static void give_key(struct node *n, const char *command)
{
	char kek[32];
	int fds[2];

	if (pipe(fds))
		return;
	memset(kek, 'k', sizeof(kek));
	if (write(fds[1], kek, sizeof(kek)) != (ssize_t)sizeof(kek))
		world_fail(n->w, "a pipe takes no 32 bytes");
	close(fds[1]);
	n->is_keying = true;
	n->key_fd = fds[0];
	world_say(n->w, "node %d: %s", n->id, command);
	world_inside(true);
	chain_command(n->chain, "encryption", command, "{\"discard_data\": true}", fds[0], key_done,
		      n);
	world_inside(false);
}

/* On a replica the header comes from the other side. */
void operator_keys(struct node *n)
{
	if (!n->w->has[F_ENCRYPTION] || n->is_keying || n->ready == SLUICE_OK)
		return;
	if (side_status_has(n, "encryption", "\"state\":\"locked\""))
		give_key(n, "unlock");
	else if (side_status_has(n, "encryption", "\"state\":\"unformatted\""))
		give_key(n, "format");
}

/* ---------------------------------------------------------------- roles */

static const struct repl_node_record *record_of(const struct node *n)
{
	for (uint32_t i = 0; i < n->record_count; i++)
		if (strcmp(n->records[i].key, "replication/node") == 0)
			return (const struct repl_node_record *)n->records[i].data;
	return NULL;
}

static enum repl_node_state state_of(const struct node *n)
{
	const struct repl_node_record *r = record_of(n);

	return r ? (enum repl_node_state)r->state : REPL_STANDALONE;
}

static bool is_primary(const struct node *n)
{
	return state_of(n) == REPL_PRIMARY_PAIR || state_of(n) == REPL_PRIMARY_ALONE;
}

/* It was refused: nothing was given up. */
static void take_back(struct world *w)
{
	w->was_forced = w->undo.was_forced;
	w->current = w->undo.current;
	w->survey = w->undo.survey;
	w->survey_is_point = w->undo.survey_is_point;
	for (uint32_t i = 0; i < CELLS; i++)
		w->cells[i].is_any = w->undo.is_any[i];
}

static void command_done(void *ctx, int result, const char *reply_json, const struct err *err)
{
	struct node *n = ctx;

	(void)reply_json;
	n->is_commanding = false;
	world_say(n->w, "node %d: the command ended with %d %s", n->id, result,
		  result ? err->text : "");
	if (n->is_forcing && result)
		take_back(n->w);
	n->is_forcing = false;
}

bool operator_command(struct node *n, const char *name, const char *args)
{
	if (n->state != NODE_OPEN || n->is_commanding || side_is_stalled(n))
		return false;
	n->is_commanding = true;
	world_say(n->w, "node %d: operator: %s %s", n->id, name, args);
	world_inside(true);
	chain_command(n->chain, "replication", name, args, -1, command_done, n);
	world_inside(false);
	return true;
}

/* What only the other side has is given up, if it comes to that. */
static void take_over(struct node *n, const char *name, const char *args)
{
	const struct repl_node_record *r = record_of(n);

	if (!r || n->state != NODE_OPEN || n->is_commanding || side_is_stalled(n))
		return;
	n->w->undo.was_forced = n->w->was_forced;
	n->w->undo.current = n->w->current;
	n->w->undo.survey = n->w->survey;
	n->w->undo.survey_is_point = n->w->survey_is_point;
	for (uint32_t i = 0; i < CELLS; i++)
		n->w->undo.is_any[i] = n->w->cells[i].is_any;
	n->is_forcing = true;
	n->w->was_forced = true;
	n->w->current = n->w->forced = strstr(args, "peer") ? 1 - n->id : n->id;
	oracle_forced(n->w, r->is_consistent && !strstr(name, "resolve"));
	operator_command(n, name, args);
}

void operator_any(struct node *n)
{
	static const char *const harmless[] = {"pause",    "resume",  "confirm", "handover",
					       "handover", "promote", "verify",  "verify_cancel"};
	struct world *w = n->w;
	uint32_t i = (uint32_t)rng_below(&w->rng, w->may_force ? 12 : 8);

	if (w->nodes_used == 1)
		return;
	if (i < 8)
		operator_command(n, harmless[i], "{}");
	else if (i < 10 && !is_primary(n))
		take_over(n, "promote", "{\"force\": true}");
	else if (i == 10 && operator_command(n, "demote", "{}"))
		w->was_demoted = true;
	else if (state_of(n) == REPL_DIVERGED)
		take_over(n, "resolve",
			  chance(w, 50) ? "{\"keep\": \"own\"}" : "{\"keep\": \"peer\"}");
}

/* All faults are over: what an administrator would do until it works again. */
void operator_try(struct world *w, bool may_force)
{
	struct node *n = &w->nodes[w->current], *o = &w->nodes[1 - w->current];

	if (w->nodes_used == 1)
		return;
	if (chance(w, 30)) {
		operator_command(n, "resume", "{}");
		operator_command(o, "resume", "{}");
		return;
	}
	if (side_serves(n) || side_serves(o))
		return;
	if (state_of(n) == REPL_DIVERGED)
		take_over(n, "resolve", "{\"keep\": \"own\"}");
	else if (state_of(o) == REPL_DIVERGED && state_of(n) != REPL_OUTDATED)
		take_over(o, "resolve", "{\"keep\": \"own\"}");
	else if (is_primary(n))
		operator_command(n, "confirm", "{}");
	else if (is_primary(o))
		operator_command(o, "confirm", "{}");
	else if (chance(w, 60) || !may_force)
		operator_command(chance(w, 50) ? n : o, "promote", "{}");
	else
		take_over(n, "promote", "{\"force\": true}");
}

bool operator_may_grow(const struct node *n)
{
	const struct world *w = n->w;

	return w->nodes_used == 1 || !is_primary(n) ||
	       w->nodes[1 - n->id].plan.size_bytes == w->size_bytes;
}

static bool follows(const struct node *o)
{
	enum repl_node_state s = state_of(o);

	return s == REPL_SECONDARY_INSYNC ||
	       (s == REPL_SECONDARY_SYNCING && !o->w->is_sync && record_of(o)->is_consistent);
}

void operator_look(struct world *w)
{
	struct node *n = &w->nodes[w->current], *o = &w->nodes[1 - w->current];

	if (!w->was_forced) {
		if (w->nodes_used == 2 && !side_serves(n) && side_serves(o))
			w->current = o->id;
		return;
	}
	/* The one that was forced has yielded. */
	if (!is_primary(n) && is_primary(o) && side_serves(o)) {
		w->current = o->id;
		oracle_yielded(w);
	} else if (!w->survey && is_primary(n) && side_serves(n) && follows(o) && !side_serves(o)) {
		w->was_forced = false;
		oracle_followed(w);
	}
}

bool operator_is_right(struct world *w)
{
	struct node *n = &w->nodes[w->current], *o = &w->nodes[1 - w->current];

	if (!side_serves(n))
		return false;
	if (w->nodes_used == 1)
		return true;
	if (w->is_sync)
		return state_of(n) == REPL_PRIMARY_PAIR && state_of(o) == REPL_SECONDARY_INSYNC;
	return state_of(n) == REPL_PRIMARY_ALONE && state_of(o) == REPL_SECONDARY_SYNCING &&
	       record_of(o)->is_consistent;
}
