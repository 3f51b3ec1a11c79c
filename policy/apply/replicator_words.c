/* SPDX-License-Identifier: MIT */
/* replicator_words.c - what the state of a replication means, and what to do. Pure. */
#include <inttypes.h>
#include <stdio.h>

#include "replicator_int.h"

static const struct {
	const char *state, *severity, *text;
} words[] = {
    {"primary_pair", "info", "this side serves, and both have every acknowledged write"},
    {"secondary_insync", "info", "this side is the replica and has every acknowledged write"},
    {"secondary_syncing", "info",
     "this side is the replica; it follows, and is complete up to its last mark"},
    {"outdated", "warning",
     "this side does not serve: the other one has gone on without it, and brings it up to date "
     "when it is reached. Should the other one be lost for good: promote with force"},
    {"diverged", "critical",
     "both sides have written without the other one, and nothing is served here: compare what "
     "was written, and say which side is kept: sluice replication resolve"},
    {"standalone", "warning", "this side has not been told what it is yet"},
    {"waiting_for_members", "info", "it waits for the other volumes of the group"},
    {"waiting_for_keys", "warning",
     "a volume of the group is locked, and nothing is served or received before it is unlocked"},
    {"opening", "info", "its logs are being opened"},
    {"failed", "error", "its logs or records cannot be used: see the events of its volumes"},
    {"stopping", "info", "it is being stopped"},
};

static void say(struct replicator_words *out, const char *severity, const char *text)
{
	out->severity = severity;
	snprintf(out->text, sizeof(out->text), "%s", text);
}

static void alone(const json_t *status, struct replicator_words *out)
{
	bool is_up = json_is_true(json_object_get(status, "peer_up"));
	bool is_async = replicator_is_text(status, "mode", "async");

	if (!json_is_true(json_object_get(status, "is_serving")))
		say(out, "error",
		    "this side was primary and does not serve before its role is confirmed: the "
		    "peer does that when it is reached; without it: sluice replication confirm, "
		    "once you are sure that the peer was not promoted");
	else if (!is_up)
		say(out, "warning",
		    "this side serves and the peer is not reached: changes are noted, and sent "
		    "when it is back");
	else if (is_async)
		say(out, "info", "this side serves; the replica follows");
	else
		say(out, "info", "this side serves; the replica is being brought up to date");
}

void replicator_words(const json_t *row, const json_t *status, struct replicator_words *out)
{
	const char *state = replicator_text(status, "state");

	if (!status) {
		say(out, "info",
		    replicator_is_text(row, "phase", "ending") ? "it is being ended"
							       : "it is being made");
		return;
	}
	if (replicator_is_text(status, "state", "primary_alone")) {
		alone(status, out);
		return;
	}
	if (replicator_is_text(status, "state", "primary_pair") &&
	    !json_is_true(json_object_get(status, "is_serving"))) {
		say(out, "error",
		    "this side is primary and I/O waits: the peer is not reached. When it is back "
		    "all goes on; to go on without it: sluice replication promote --force");
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (replicator_is_text(status, "state", words[i].state)) {
			say(out, words[i].severity, words[i].text);
			return;
		}
	say(out, "info", state);
}
