/* SPDX-License-Identifier: MIT */
/*
 * command.c - an operator's commands to a group.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "group_int.h"

typedef int command_fn(struct repl_group *g, struct repl_group_command *c,
		       struct sluice_error *err);

static int pause_it(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	if (g->node->record.state == REPL_PRIMARY_PAIR) {
		snprintf(err->text, sizeof(err->text),
			 "the peer is in sync, and every write waits for it: there is nothing to "
			 "pause; set the mode to async, or remove the replication");
		return -EBUSY;
	}
	g->is_paused = true;
	return 0;
}

static int resume(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	g->is_paused = false;
	group_advance(g);
	return 0;
}

static int promote(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	return session_promote(g->session, c->is_forced, err);
}

static int demote(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	return session_demote(g->session, err);
}

static int handover(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	return session_handover(g->session, err);
}

static int confirm(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	return session_confirm(g->session, err);
}

static int resolve(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	return session_resolve(g->session, c->keeps_own, err);
}

static int verify(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	struct resync *rs = &g->resync;

	if (!node_is_primary(g->node) || !g->is_peer_ready) {
		snprintf(
		    err->text, sizeof(err->text),
		    "verify compares this side with its peer: it runs on the primary while the "
		    "peer is connected");
		return -ENOTCONN;
	}
	if (rs->what != RESYNC_NONE) {
		snprintf(err->text, sizeof(err->text),
			 "a %s is under way; try again when it has ended",
			 rs->what == RESYNC_VERIFY ? "verify" : "resync");
		return -EBUSY;
	}
	if (g->is_draining) {
		snprintf(err->text, sizeof(err->text),
			 "the role is being handed over; verify on the other side afterwards");
		return -EBUSY;
	}
	rs->repairs = c->repairs;
	rs->different_blocks = rs->repaired_blocks = rs->verify_done_bytes = 0;
	rs->verify_total_bytes = rs->verify_failed_bytes = 0;
	for (uint32_t m = 0; m < g->host.member_count; m++)
		rs->verify_total_bytes += g->host.member_size_bytes[m];
	rs->verify_state = VERIFY_RUNNING;
	resync_begin(g, RESYNC_VERIFY);
	if (rs->what == RESYNC_VERIFY || rs->verify_state != VERIFY_RUNNING)
		return 0;
	rs->verify_state = VERIFY_IDLE;
	snprintf(err->text, sizeof(err->text),
		 "what was under way for the last pass has not ended yet; try again in a moment");
	return -EBUSY;
}

static int verify_cancel(struct repl_group *g, struct repl_group_command *c,
			 struct sluice_error *err)
{
	if (g->resync.what == RESYNC_VERIFY)
		resync_cancel(g);
	return 0;
}

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
    {"pause", pause_it},  {"resume", resume},     {"promote", promote},
    {"demote", demote},   {"handover", handover}, {"confirm", confirm},
    {"resolve", resolve}, {"verify", verify},     {"verify_cancel", verify_cancel},
};

int group_command(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err)
{
	snprintf(c->reply, sizeof(c->reply), "{}");
	if (!g->is_started || g->is_stopping) {
		snprintf(err->text, sizeof(err->text), "the group is not open yet; try again");
		return -EBUSY;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(c->name, commands[i].name) == 0)
			return commands[i].run(g, c, err);
	}
	snprintf(err->text, sizeof(err->text),
		 "replication knows pause, resume, promote, demote, handover, confirm, resolve, "
		 "verify, verify_cancel, remove, meta_put and status, and not '%.40s'",
		 c->name);
	return -EINVAL;
}
