/* SPDX-License-Identifier: MIT */
/*
 * config.h - the whole desired configuration as one document: written, compared, applied.
 *
 *   {"format": 1, "datastores": [...], "key_providers": [...], "keys": [...], "policies": [...],
 *    "hosts": [...], "host_groups": [...], "portals": [...], "volumes": [...], "peers": [...],
 *    "replications": [...], "snapshot_schedules": [...]}
 *
 *   config_sections.c  which sections and members there are; checking a document. Pure.
 *   config_export.c    the document of what is wanted now
 *   config_diff.c      two documents compared. Pure.
 *   config_apply.c     a difference carried out, by the resources' own routes
 *   config.c           the routes
 *
 * There are no secrets in an export. A key provider that needs one (a passphrase, a client's
 * private key) is made by hand before a document that names it is applied; keys bear the names that
 * they have at their provider ("provider_key_id", not compared), by which they are taken over. A
 * peer is entered by its address, and paired by the one-time "code" that it may bear; a
 * replication is made once its peer is paired, and stands in the document of the side it began on.
 * In a document that is applied a host may bear "chap_secret"; a new host with a chap_user and
 * without a secret gets one, which is told once. A section or a member that is left out is not
 * compared: what is not named is not touched, unless "prune" says that it goes.
 *
 * Thread: main.
 */
#ifndef REST_CONFIG_H
#define REST_CONFIG_H

#include "rest.h"

#define CONFIG_FORMAT 1

struct config_section {
	const char *name, *object_type; /* "host_groups", "host_group" */
	const char *path;               /* its routes: "/host-groups" */
	const char *key;                /* the member that names an object */
	const char *const *members;     /* in the order of an export; ends with NULL */
	const char *const *sets;        /* arrays whose order means nothing; ends with NULL */
	const char *const *write_only;  /* secrets: taken, never compared or shown */
};
/* In the order in which things are made; they go in the opposite one. */
extern const struct config_section config_sections[];
extern const uint32_t config_section_count;

/*
 * A document from outside: known sections and members, keys there and not twice, format 1 if it is
 * named. Errors: -EINVAL with the field, "volumes[3].size".
 */
int must_check config_check(const json_t *document, struct err *err);
/* Checks rules, IQNs, addresses and portals, and writes them as the database does, so that they
 * compare. Changes document. */
int must_check config_normalise(struct store *s, json_t *document, struct err *err);

/* The document of what is wanted now, sorted by name. New reference. */
json_t *config_export(struct store *s, struct err *err);

struct config_prune {
	bool is_on, volumes_too;
};
/*
 * [{"action": "create"|"change"|"delete", "object_type", "object_name", "members": {name: {"from"?,
 * "to"?}}, and for config_apply.c: "section", "index", "object"}], in the order of carrying out.
 * now: config_export()'s; wanted: checked and normalised. New reference.
 */
json_t *config_diff(const json_t *now, const json_t *wanted, struct config_prune prune);
/* A copy without what is for config_apply.c, {"changes": [...], "is_same"}. New reference. */
json_t *config_diff_public(const json_t *changes);

/* Carries changes out, each by its route's function; in the request's transaction. secrets: {host:
 * secret} of those that were made. */
int must_check config_apply(struct request *q, const json_t *changes, json_t *secrets,
			    struct err *err);

#endif
