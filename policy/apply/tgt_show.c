/* SPDX-License-Identifier: MIT */
#include "tgt_show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

/* ---------------------------------------------------------------- lines */

struct line {
	const char *at;
	size_t len;
};

/* The next line; false at the end. */
static bool next_line(const char **p, struct line *l)
{
	const char *end;

	if (!**p)
		return false;
	end = strchrnul(*p, '\n');
	*l = (struct line){*p, (size_t)(end - *p)};
	*p = *end ? end + 1 : end;
	return true;
}

static bool is_line(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->at, text, l->len) == 0;
}

/* What stands behind prefix; NULL: the line begins otherwise. */
static const char *behind(const struct line *l, const char *prefix, size_t *len)
{
	size_t n = strlen(prefix);

	if (l->len < n || memcmp(l->at, prefix, n) != 0)
		return NULL;
	*len = l->len - n;
	return l->at + n;
}

/* An initiator's bytes need not be UTF-8; then '?' stands for what is not ASCII. */
static json_t *text_of(const char *p, size_t len)
{
	json_t *j = json_stringn(p, len);
	cleanup_free char *copy = NULL;

	if (j)
		return j;
	copy = strndup(p, len);
	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(copy ? copy : "");
}

static bool number_of(const char *p, size_t len, json_int_t *out)
{
	json_int_t n = 0;

	if (!len || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		n = n * 10 + (p[i] - '0');
	}
	*out = n;
	return true;
}

static bool number_behind(const struct line *l, const char *prefix, json_int_t *out)
{
	size_t len;
	const char *p = behind(l, prefix, &len);

	return p && number_of(p, len, out);
}

/* ---------------------------------------------------------------- sessions */

static void set_cid(json_t *sessions, json_int_t cid)
{
	json_t *s = json_array_get(sessions, json_array_size(sessions) - 1);

	if (s && json_is_null(json_object_get(s, "cid")))
		json_object_set_new(s, "cid", json_integer(cid));
}

static void set_text(json_t *sessions, const char *key, const char *p, size_t len)
{
	json_t *s = json_array_get(sessions, json_array_size(sessions) - 1);

	if (s && !*json_string_value(json_object_get(s, key)))
		json_object_set_new(s, key, text_of(p, len));
}

static void add_session(json_t *sessions, json_int_t sid)
{
	json_array_append_new(sessions, json_pack("{s:I, s:n, s:s, s:s}", "sid", sid, "cid",
						  "initiator", "", "address", ""));
}

static void session_line(json_t *sessions, const struct line *l)
{
	static const char alias[] = " alias: ";
	json_int_t n;
	size_t len;
	const char *p, *end;

	if (number_behind(l, "        I_T nexus: ", &n)) {
		add_session(sessions, n);
	} else if ((p = behind(l, "            Initiator: ", &len))) {
		end = memmem(p, len, alias, strlen(alias)); /* a name has no spaces */
		set_text(sessions, "initiator", p, end ? (size_t)(end - p) : len);
	} else if (number_behind(l, "            Connection: ", &n)) {
		set_cid(sessions, n);
	} else if ((p = behind(l, "                IP Address: ", &len))) {
		set_text(sessions, "address", p, len);
	}
}

json_t *tgt_show_connections(const char *text)
{
	json_t *sessions = json_array();
	json_int_t n;
	struct line l;
	const char *p;
	size_t len;

	while (next_line(&text, &l)) {
		if (number_behind(&l, "Session: ", &n))
			add_session(sessions, n);
		else if (number_behind(&l, "    Connection: ", &n))
			set_cid(sessions, n);
		else if ((p = behind(&l, "        Initiator: ", &len)))
			set_text(sessions, "initiator", p, len);
		else if ((p = behind(&l, "        IP Address: ", &len)))
			set_text(sessions, "address", p, len);
	}
	return sessions;
}

/* ---------------------------------------------------------------- one target */

#define LUN_HEADING "    LUN information:"

enum section { SECTION_LUNS, SECTION_ACCOUNTS, SECTION_ACL };

static void account_line(json_t *t, const char *p, size_t len)
{
	static const char outgoing[] = " (outgoing)";
	size_t n = strlen(outgoing);

	if (len > n && memcmp(p + len - n, outgoing, n) == 0)
		json_object_set_new(t, "outgoing", text_of(p, len - n));
	else
		json_array_append_new(json_object_get(t, "accounts"), text_of(p, len));
}

static void acl_line(json_t *t, const char *p, size_t len)
{
	bool is_name = len > 4 && (memcmp(p, "iqn.", 4) == 0 || memcmp(p, "eui.", 4) == 0 ||
				   memcmp(p, "naa.", 4) == 0);

	json_array_append_new(json_object_get(t, is_name ? "initiators" : "addresses"),
			      text_of(p, len));
}

static void lun_line(json_t *t, const struct line *l)
{
	json_t *luns = json_object_get(t, "luns");
	json_t *lun = json_array_get(luns, json_array_size(luns) - 1);
	json_int_t n;
	size_t len;
	const char *p;

	if (number_behind(l, "        LUN: ", &n))
		json_array_append_new(
		    luns, json_pack("{s:I, s:s, s:s}", "lun", n, "bstype", "", "path", ""));
	else if (lun && (p = behind(l, "            Backing store type: ", &len)))
		json_object_set_new(lun, "bstype", text_of(p, len));
	else if (lun && (p = behind(l, "            Backing store path: ", &len)))
		json_object_set_new(lun, "path", text_of(p, len));
}

/* What follows the heading of the logical units; all of it tgtd's own and ours. */
static void trusted_part(json_t *t, const char *p, const char *end)
{
	enum section section = SECTION_LUNS;
	struct line l;

	while (p < end && next_line(&p, &l)) {
		size_t len = 0;
		const char *entry = behind(&l, "        ", &len);

		if (is_line(&l, "    Account information:"))
			section = SECTION_ACCOUNTS;
		else if (is_line(&l, "    ACL information:"))
			section = SECTION_ACL;
		else if (section == SECTION_LUNS)
			lun_line(t, &l);
		else if (entry && section == SECTION_ACCOUNTS)
			account_line(t, entry, len);
		else if (entry)
			acl_line(t, entry, len);
	}
}

/* t's lines are from p to end. */
static int read_target(json_t *t, const char *p, const char *end, struct err *err)
{
	const char *from = p, *tail = NULL;
	bool is_nexus = false;
	struct line l;

	while (p < end && next_line(&p, &l))
		if (is_line(&l, LUN_HEADING))
			tail = l.at;
	if (!tail)
		return err_set(err, EBADMSG, "", "tgtd prints target %s without logical units",
			       json_string_value(json_object_get(t, "iqn")));
	p = from;
	while (p < tail && next_line(&p, &l)) {
		size_t len;
		const char *state = is_nexus ? NULL : behind(&l, "        State: ", &len);

		if (is_line(&l, "    I_T nexus information:"))
			is_nexus = true;
		else if (is_nexus)
			session_line(json_object_get(t, "sessions"), &l);
		else if (state)
			json_object_set_new(t, "state", text_of(state, len));
	}
	trusted_part(t, tail, end);
	return 0;
}

/* ---------------------------------------------------------------- all targets */

/* "Target 7: iqn..." behind some spaces, as a new target. */
static json_t *heading(const struct line *l, const char *prefix)
{
	size_t len;
	const char *p = behind(l, prefix, &len);
	const char *colon = p ? memmem(p, len, ": ", 2) : NULL;
	json_t *iqn;
	json_int_t tid;

	if (!colon || !number_of(p, (size_t)(colon - p), &tid))
		return NULL;
	iqn = text_of(colon + 2, len - (size_t)(colon + 2 - p));
	return json_pack("{s:I, s:o, s:s, s:[], s:[], s:[], s:[], s:n, s:[]}", "tid", tid, "iqn",
			 iqn, "state", "", "luns", "addresses", "initiators", "accounts",
			 "outgoing", "sessions");
}

static int by_tid(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "tid"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "tid"));

	return x < y ? -1 : x > y;
}

/* tgtd prints the targets by number, and the drivers' lists in the order of creation. */
json_t *tgt_show_list(const char *drivers)
{
	json_t *unsorted = json_array(), *sorted = json_array();
	size_t count;
	json_t **all;
	struct line l;

	while (next_line(&drivers, &l)) {
		json_t *t = heading(&l, "        Target ");

		if (t)
			json_array_append_new(unsorted, t);
	}
	count = json_array_size(unsorted);
	all = calloc(count + 1, sizeof(*all));
	for (size_t i = 0; all && i < count; i++)
		all[i] = json_array_get(unsorted, i);
	if (all)
		qsort(all, count, sizeof(*all), by_tid);
	for (size_t i = 0; all && i < count; i++)
		json_array_append(sorted, all[i]);
	free(all);
	json_decref(unsorted);
	return sorted;
}

static bool is_heading_of(const struct line *l, const json_t *t)
{
	char text[300];

	snprintf(text, sizeof(text), "Target %" JSON_INTEGER_FORMAT ": %s",
		 json_integer_value(json_object_get(t, "tid")),
		 json_string_value(json_object_get(t, "iqn")));
	return is_line(l, text);
}

static int false_text(struct err *err)
{
	return err_set(err, EBADMSG, "",
		       "what tgtd prints of its targets does not fit its list of them: either they "
		       "were changed just now, or an initiator's alias imitates them; look at "
		       "'tgtadm --op show --mode target'");
}

int tgt_show_targets(const char *text, const char *drivers, json_t **out, struct err *err)
{
	cleanup_json json_t *targets = tgt_show_list(drivers);
	size_t count = json_array_size(targets), i = 0;
	const char *from = NULL;
	struct line l;
	int rc = 0;

	while (rc == 0 && next_line(&text, &l)) {
		size_t len;

		if (!behind(&l, "Target ", &len))
			continue;
		if (i == count || !is_heading_of(&l, json_array_get(targets, i)))
			return false_text(err);
		if (i)
			rc = read_target(json_array_get(targets, i - 1), from, l.at, err);
		from = text;
		i++;
	}
	if (rc == 0 && i != count)
		rc = false_text(err);
	if (rc == 0 && count)
		rc = read_target(json_array_get(targets, count - 1), from, text, err);
	if (rc == 0)
		*out = json_incref(targets);
	return rc;
}

/* ---------------------------------------------------------------- accounts, portals */

json_t *tgt_show_accounts(const char *text)
{
	json_t *users = json_array();
	struct line l;

	while (next_line(&text, &l)) {
		size_t len;
		const char *user = behind(&l, "    ", &len);

		if (user)
			json_array_append_new(users, text_of(user, len));
	}
	return users;
}

json_t *tgt_show_portals(const char *text)
{
	json_t *portals = json_array();
	struct line l;

	while (next_line(&text, &l)) {
		size_t len;
		const char *p = behind(&l, "Portal: ", &len);
		const char *comma = p ? memchr(p, ',', len) : NULL;

		if (comma)
			json_array_append_new(portals, text_of(p, (size_t)(comma - p)));
	}
	return portals;
}
