/* SPDX-License-Identifier: MIT */
/*
 * planner.h - what has to be done so that filterd and tgtd run what the database wants. Pure: two
 * JSON documents in, an ordered list of steps out; the same input gives the same steps, and where
 * desired and running agree there are none.
 *
 *   planner.c          order of it all
 *   plan_view.c        both documents indexed, what is to become of each volume
 *   plan_datastores.c  plan_groups.c  plan_volumes.c  plan_filters.c  plan_needs.c
 *   plan_replication.c  plan_snapshots.c    towards filterd
 *   plan_targets.c  plan_access.c  plan_accounts.c  plan_portals.c    towards tgtd
 *
 * desired: store_desired().  running:
 *   {"filterd": {"is_up": bool,
 *      "datastores": [{"name", "type", "path", "is_buffered", "used_bytes", "available_bytes",
 *                      "filters": [{"filter", "params": {name: text}}]}],
 *      "volumes": [{"name", "uuid", "datastore", "size_bytes", "block_bytes", "write_cache",
 * "is_open", "state": "open|closed|...", "reason", "rings", "allocated_bytes", "filter_state": text
 * or null, "filters":
 * [{"filter", "class": number, "on_failure", "params": {name: text}, "is_bypassed"}]}]}, "tgtd":
 * {"is_up": bool, "pid", "targets": [{"tid", "iqn", "state", "luns": [{"lun", "bstype", "path"}],
 * "addresses": [text], "initiators": [iqn], "accounts": [user], "outgoing": user or null,
 *                   "sessions": [{"sid", "cid", "initiator", "address"}]}],
 *      "accounts": [{"user", "changed_ms"}],   changed_ms: which secret we put there, 0: not known
 *      "portals": ["127.0.0.1:3260"]}}
 * Without is_up the rest is absent and nothing is planned for that daemon.
 *
 * A step: {"step": "volume.create", "object_type": "volume", "object_name": "web-1",
 *          "text": "create volume web-1, 10G on fast", "arguments": {...}}. No secret stands in a
 * step; account.create names the host, and who carries it out opens the seal.
 *
 * How it is carried out: in order; a step that fails ends the plan for its object (the same
 * object_type and object_name) but for acl.unbind and session.close, which are always right; other
 * objects' steps go on. Then look and plan again, at once if anything was done: some things take
 * two plans (a changed secret, CHAP turned on), and only a plan without steps says that all is as
 * it should be. All steps of a volume's target bear the volume as object.
 *
 * What a binding means: tgtd lets in whom its list of names OR its list of addresses has, so only
 * names are ever bound; a host's addresses are enforced by ending sessions from elsewhere when they
 * are seen. plan_access.c says more.
 *
 * Rules:
 * - What the database does not know is never deleted: a volume of filterd's without a row is
 *   reported (planner_strangers), not exported and not touched. Targets and accounts that bear our
 * mark (IQN base; bstype sluice) and have no row are removed, others' are left alone.
 * - A volume that has been created once and is gone is an error for people, never made anew empty.
 *   The same name with another UUID is not ours: nothing is done with it.
 * - Nothing is reachable before its access list stands: target, LUN, accounts, and the binding of
 *   addresses and initiators last. What withdraws access comes before what grants any, and ends the
 *   sessions of whom it concerns.
 * - A target with CHAP, or without any host, always has one account whose secret nobody knows (the
 * guard), so that the list is never empty while a secret changes: to tgtd an empty list means no
 * CHAP at all.
 * - A volume is unexported before it is closed, closed before it is deleted; filters are changed
 *   while it runs; a datastore is removed when no volume is left on it.
 * - What a filter does for a whole datastore is set before it comes into a volume's chain there,
 * and goes back to its defaults when the database has nothing for it; nothing is lost if that
 * fails.
 * - An encryption is never taken out of a chain, but of a volume that is in clear: its data would
 * be lost. What wants that is a
 * problem for people. A write-back cache without a place for its log is one, too.
 * - A replicated volume is exported where the status of its replication filter says that it serves
 * ("replication" {"is_serving", "role", "state", ...} of the running volume), and withdrawn where
 * it says that it does not; the filter leaves a chain only while its replication is "ending".
 * - Snapshots are no part of a plan: one that is gone is told, and never made anew. What shows one
 * ("snapshot_of") or begins as one ("clone_from") waits for the volume that has it.
 * - While the database has no portal at all, tgtd's own stay.
 * - Growing only; a smaller size than the running one is refused by REST and skipped here.
 */
#ifndef POLICY_PLANNER_H
#define POLICY_PLANNER_H

#include <jansson.h>

#include "err.h"

/*
 * The steps, by name, with their arguments:
 *   datastore.add {name, type, path, is_buffered}      datastore.remove {name}
 *   datastore.filter.set {name, filter, params}        params {}: the filter's defaults
 *   volume.create {name, uuid, datastore, size_bytes, block_bytes, write_cache, is_thin, filters,
 *                  snapshot_of {volume, snapshot} of an exposure, has_image of a clone}
 *   snapshot.clone {volume, snapshot, image, is_linked}   a clone's image, by its name
 *   volume.open {name}   volume.close {name}   volume.delete {name}   volume.grow {name,
 * size_bytes} filter.attach {name, filter, on_failure, params}   filter.set {...}   filter.detach
 * {name, filter} portal.add {name}    portal.remove {name} target.create {iqn}  target.delete {iqn}
 *   lun.create {iqn, lun, volume}                      lun.delete {iqn, lun}
 *   account.create {user, host | volume | guard: true, changed_ms}   account.delete {user}
 *   account.bind {iqn, user, is_outgoing}              account.unbind {iqn, user, is_outgoing}
 *   acl.bind {iqn, address | initiator}                acl.unbind {iqn, address | initiator}
 *   session.close {iqn, sid, cid, initiator}
 */
json_t *planner_steps(const json_t *desired, const json_t *running, const char *iqn_base);

/* [{"name", "uuid", "datastore", "size_bytes"}] of filterd's volumes that the database does not
 * know. */
json_t *planner_strangers(const json_t *desired, const json_t *running);
/* [{"object_type", "object_name", "text"}]: what no step can mend and a person must see (a volume
 * that is gone, another UUID, CHAP and no CHAP on one target, sizes that shrank). */
json_t *planner_problems(const json_t *desired, const json_t *running);

#endif
