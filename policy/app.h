/* SPDX-License-Identifier: MIT */
/*
 * app.h - what lives as long as policyd: its parts, made in main.c and handed to every resource.
 *
 * Thread: main.
 */
#ifndef POLICY_APP_H
#define POLICY_APP_H

#include <stdint.h>

#include "loop.h"
#include "reconciler.h"
#include "store.h"

struct auth;
struct history;
struct http_server;
struct keys;
struct replicator;
struct snapshotter;
struct sse;
struct transfers;
struct webhook;

struct app {
	struct loop *loop;
	struct store *store; /* main's own */
	struct history *history;
	struct reconciler *reconciler;
	struct sampler *sampler;
	struct sealer *sealer;
	struct transfers *transfers; /* import, export, clone: transfer.h */
	struct auth *auth;
	struct sse *sse;
	struct http_server *http;
	struct keys *keys;               /* who keeps them, and what they are asked: keys/keys.h */
	struct snapshotter *snapshotter; /* apply/snapshotter.h */
	struct replicator *replicator;   /* paired appliances; apply/replicator.h */
	struct webhook *webhook;         /* delivers them; see apply/webhook.h */
	const struct apply_cfg *cfg;
	const char *run_dir, *state_dir, *backup_dir, *transfer_dir;
	const char *egress_socket;
	const char *samples_dir; /* bundled policies */
	uint64_t started_ns;
};

#endif
