/* SPDX-License-Identifier: MIT */
/*
 * model.h - what a valid policy, name, address and secret is; whether a volume complies; when an
 * alert begins and ends. Pure: JSON in, verdict out; no database, no clock, no sockets.
 *
 *   rules.c        policy rules against the filters that there are
 *   rules_diff.c   two sets of rules compared
 *   params.c       one filter's parameters against its table
 *   datastore_filter.c  a filter that works for a whole datastore
 *   access.c       IQNs, CHAP names and secrets
 *   address.c      addresses, networks, portals
 *   compliance.c   desired against running, with causes
 *   alert.c        thresholds with hysteresis
 *   schedule.c     when a snapshot schedule is due, and what it keeps: schedule.h
 */
#ifndef POLICY_MODEL_H
#define POLICY_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* ---------------------------------------------------------------- classes and rules */

/* "inspection" ... "io_control" and its number (DESIGN: 100 to 800); 0: no such class. */
uint32_t model_class_number(const char *word);
const char *model_class_word(uint32_t number); /* NULL: no such class */

/*
 * rules: [{"class", "filter", "on_failure"?, "parameters"?}]; class may be left out: it is the
 * filter's. filters: rows of the table filters. On success *out is a copy in class order in which
 * class, on_failure and every parameter stand, each value as text. Errors: -EINVAL, -ERANGE, field
 * "rules[2].parameters.delay_us": filter not installed (names what is), disabled, wrong class, a
 * class twice, unknown or bad parameter (value, range, unit), bypass of what is not transparent.
 */
int must_check model_rules_check(const json_t *rules, const json_t *filters, json_t **out,
				 struct err *err);
/* {"added": [rule], "removed": [rule], "changed": [{"class", "filter", "from_filter"?,
 * "parameters": {name: {"from", "to"}}, "on_failure"?: {...}}], "is_same": bool} */
json_t *model_rules_diff(const json_t *from, const json_t *to);

/*
 * A filter for a whole datastore: is it installed and enabled, does it take parameters of a
 * datastore at all, does none of the datastore's others (all: its filters, [{"filter"}]) stand in
 * its class. filters: rows of the table filters. given: {name: value}, NULL: all defaults. On
 * success *out is {name: text}, every one there. Errors: -ENOENT, -EINVAL, -ERANGE, -EEXIST, with
 * the field "parameters.peak_pct".
 */
int must_check model_datastore_filter_check(const char *filter, const json_t *given,
					    const json_t *all, const json_t *filters, json_t **out,
					    struct err *err);

/* ---------------------------------------------------------------- access */

/* RFC 3720 3.2.6: iqn., eui. and naa. names; lower-cases into out. */
int must_check model_iqn_check(const char *field, const char *text, char out[224], struct err *err);
/* base + ":" + the volume's name in lower case; what an IQN may not bear becomes '-', and then the
 * UUID's first 8 digits are added, so that two names never meet. */
void model_iqn_make(const char *base, const char *volume, const char *uuid, char out[224]);
/* An IPv4 or IPv6 address, with /prefix or without, written canonically into out. */
int must_check model_address_check(const char *field, const char *text, char out[64],
				   struct err *err);
/* Whether address (of a session) is allowed, or lies in it if that is a network. */
bool model_address_matches(const char *allowed, const char *address);
/* "10.0.0.1:3260", "[::]:3260"; 0.0.0.0 and [::] are all addresses. */
int must_check model_portal_check(const char *address, uint64_t port, char name[80],
				  struct err *err);
/* The account that keeps a target's list from being empty: see planner.h. No one may be called so.
 */
#define MODEL_CHAP_GUARD "sluice-guard"
int must_check model_chap_user_check(const char *field, const char *text, struct err *err);
/* 12 to 16 characters (Windows takes no more), at least 96 bits if made by us: 16 of a 64-letter
 * alphabet. random: 16 bytes. */
int must_check model_chap_secret_check(const char *field, const char *text, struct err *err);
void model_chap_secret_make(const uint8_t random[16], char out[17]);

/* ---------------------------------------------------------------- compliance */

enum model_status {
	MODEL_COMPLIANT,
	MODEL_NON_COMPLIANT,
	MODEL_UNKNOWN,        /* filterd is down, or has not been asked yet */
	MODEL_NOT_APPLICABLE, /* no policy is assigned and no filter runs */
	MODEL_OUT_OF_DATE,    /* the policy has a newer version than the one that is assigned */
};
const char *model_status_word(enum model_status s);
/* desired: a volume of store_desired(); running: one of running.filterd.volumes, NULL: not there;
 * is_known false: filterd does not answer. causes: array of sentences, appended to. */
enum model_status model_compliance(const json_t *desired, const json_t *running, bool is_known,
				   json_t *causes);

/* ---------------------------------------------------------------- alerts */

struct model_alert_rule {
	double warning, error;   /* NaN: never */
	double clear_margin_pct; /* cleared below threshold * (1 - margin/100) */
	uint32_t raise_after_s, clear_after_s;
};
enum model_level { MODEL_LEVEL_OK, MODEL_LEVEL_WARNING, MODEL_LEVEL_ERROR };
struct model_alert {                /* zeroed at first */
	enum model_level level;     /* what is shown */
	enum model_level candidate; /* what the value says */
	uint64_t candidate_since_ms;
};
/* Takes one measurement; true: level has changed. */
bool model_alert_step(struct model_alert *a, const struct model_alert_rule *r, double value,
		      uint64_t now_ms);

#endif
