/* SPDX-License-Identifier: MIT */
#include "allow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "destination.h"
#include "parse.h"

static bool is_literal(const char *host)
{
	struct in_addr v4;

	return host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1;
}

static int part(CURLU *u, CURLUPart what, unsigned flags, char **out)
{
	*out = NULL;
	return curl_url_get(u, what, out, flags) == CURLUE_OK && *out ? 0 : -EINVAL;
}

/* What a name or an address is made of: no wildcards, and nothing to print by surprise. */
static bool is_host(const char *host)
{
	return host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-_:[]")] == '\0';
}

static bool is_scheme(const char *scheme)
{
	return strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0 ||
	       strcmp(scheme, "kmip") == 0;
}

/* Scheme, host and port of a URL. */
static int destination(CURLU *u, const char *text, struct allow_entry *out, struct err *err)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	uint64_t number = 0;
	int rc = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (part(u, CURLUPART_SCHEME, 0, &scheme) == 0 && strcmp(scheme, "kmip") == 0 &&
	    part(u, CURLUPART_PORT, 0, &port) < 0)
		curl_url_set(u, CURLUPART_PORT, ALLOW_KMIP_PORT, 0);
	curl_free(port);
	if (scheme && part(u, CURLUPART_HOST, 0, &host) == 0 &&
	    part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port) == 0 &&
	    strlen(host) < sizeof(out->host) && is_host(host) && is_scheme(scheme))
		rc = parse_u64("port", port, 1, UINT16_MAX, &number, NULL);
	if (rc == 0) {
		memcpy(out->host, host, strlen(host) + 1);
		out->port = (uint16_t)number;
		out->is_plain = strcmp(scheme, "http") == 0;
		out->is_kmip = strcmp(scheme, "kmip") == 0;
		out->may_be_private = is_literal(host);
	} else {
		err_set(err, EINVAL, "url",
			"'%.200s' names no destination; what is meant is https://host:port/...",
			text);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	return rc;
}

int allow_parse(const char *text, struct allow_entry *out, struct err *err)
{
	const char *mark = strstr(text, "!private");
	int len = (int)(mark ? (size_t)(mark - text) : strlen(text));
	char url[400];
	CURLU *u;
	int rc = destination_check("hosts", text, err);

	if (rc < 0)
		return rc;
	snprintf(url, sizeof(url), "%s%.*s", strstr(text, "://") ? "" : "https://", len, text);
	u = curl_url();
	if (!u)
		return err_set(err, ENOMEM, "hosts", "no memory");
	if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		rc = destination(u, text, out, err);
	else
		rc = err_set(err, EINVAL, "hosts", "'%.200s' is no destination", text);
	curl_url_cleanup(u);
	if (rc == 0)
		out->may_be_private |= mark != NULL;
	return rc;
}

int allow_set(struct allow_list *l, const json_t *hosts, struct err *err)
{
	size_t count = json_array_size(hosts);
	struct allow_entry *entries;

	if (count > DESTINATIONS_MAX)
		return err_set(err, E2BIG, "hosts", "%zu destinations; %u are the most", count,
			       DESTINATIONS_MAX);
	entries = calloc(count + 1, sizeof(*entries));
	if (!entries)
		return err_set(err, ENOMEM, "hosts", "no memory");
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(hosts, i));
		int rc = text ? allow_parse(text, &entries[i], err)
			      : err_set(err, EINVAL, "hosts", "entry %zu is no string", i);

		if (rc < 0) {
			free(entries);
			return rc;
		}
	}
	free(l->entries);
	l->entries = entries;
	l->count = (uint32_t)count;
	return 0;
}

void allow_fini(struct allow_list *l)
{
	free(l->entries);
	memset(l, 0, sizeof(*l));
}

/* Two entries may differ in "!private" alone; the wider one counts. */
static bool find(const struct allow_list *l, struct allow_entry *d)
{
	bool is_there = false;

	for (uint32_t i = 0; i < l->count; i++) {
		const struct allow_entry *e = &l->entries[i];

		if (e->port == d->port && e->is_plain == d->is_plain && e->is_kmip == d->is_kmip &&
		    strcasecmp(e->host, d->host) == 0) {
			is_there = true;
			d->may_be_private |= e->may_be_private;
		}
	}
	return is_there;
}

int allow_url(const struct allow_list *l, const char *text, CURLU **out, struct allow_entry *entry,
	      struct err *err)
{
	CURLU *u = curl_url();
	int rc;

	if (!u)
		return err_set(err, ENOMEM, "", "no memory");
	if (curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER) != CURLUE_OK)
		rc = err_set(err, EINVAL, "url",
			     "'%.200s' is no URL, or has a user in it; what is meant is "
			     "https://host:port/...",
			     text);
	else
		rc = destination(u, text, entry, err);
	if (rc == 0 && !find(l, entry))
		rc = err_set(err, EACCES, "url",
			     "%s://%s:%u is not among the allowed destinations; an administrator "
			     "can add it to the setting egress_allow",
			     entry->is_plain ? "http" : "https", entry->host, entry->port);
	if (rc < 0) {
		curl_url_cleanup(u);
		return rc;
	}
	*out = u;
	return 0;
}

int allow_kmip(const struct allow_list *l, const char *text, struct allow_entry *entry,
	       struct err *err)
{
	CURLU *u = curl_url();
	int rc = 0;

	if (!u)
		return err_set(err, ENOMEM, "", "no memory");
	if (strncmp(text, "kmip://", 7) != 0 ||
	    curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER) !=
		CURLUE_OK)
		rc = err_set(err, EINVAL, "server",
			     "'%.200s' is no key server; what is meant is kmip://host:port", text);
	else
		rc = destination(u, text, entry, err);
	curl_url_cleanup(u);
	if (rc == 0 && !find(l, entry))
		rc = err_set(err, EACCES, "server",
			     "kmip://%s:%u is not among the allowed destinations; an administrator "
			     "can add it to the setting egress_allow",
			     entry->host, entry->port);
	return rc;
}
