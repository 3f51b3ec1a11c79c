/* SPDX-License-Identifier: MIT */
#include "destination.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "parse.h"

#define TEXT_MAX 300u
#define HOST_MAX 255u

/* Takes prefix away from the beginning of *text. */
static bool skip(char **text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*text, prefix, len) != 0)
		return false;
	*text += len;
	return true;
}

/* Takes mark away from the end of text. */
static void cut(char *text, const char *mark)
{
	size_t len = strlen(text), mark_len = strlen(mark);

	if (len >= mark_len && strcmp(text + len - mark_len, mark) == 0)
		text[len - mark_len] = '\0';
}

/* A name or an IPv4 address, or an IPv6 address in brackets. No wildcards. */
static bool is_host(const char *host)
{
	size_t len = strlen(host);
	char address[INET6_ADDRSTRLEN];
	struct in6_addr v6;

	if (host[0] != '[')
		return len > 0 && len <= HOST_MAX &&
		       host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789.-_")] == '\0';
	if (len < 3 || len - 2 >= sizeof(address) || host[len - 1] != ']')
		return false;
	memcpy(address, host + 1, len - 2);
	address[len - 2] = '\0';
	return inet_pton(AF_INET6, address, &v6) == 1;
}

/* Without scheme and mark: "host" or "host:port". */
static bool is_host_and_port(char *text)
{
	char *port = strrchr(text, ':');
	uint64_t number;

	if (!port || strchr(port, ']'))
		return is_host(text);
	*port++ = '\0';
	return is_host(text) && parse_u64("port", port, 1, UINT16_MAX, &number, NULL) == 0;
}

int destination_check(const char *field, const char *text, struct err *err)
{
	char copy[TEXT_MAX + 1], *rest = copy;
	size_t len = strnlen(text, TEXT_MAX + 1);

	if (len <= TEXT_MAX) {
		memcpy(copy, text, len + 1);
		cut(copy, "!private");
		if (!skip(&rest, "https://") && !skip(&rest, "kmip://"))
			skip(&rest, "http://");
		if (is_host_and_port(rest))
			return 0;
	}
	return err_set(err, EINVAL, field,
		       "'%.200s' is no destination; what is meant is host:port, http://host:port, "
		       "kmip://host:port, or one of these with !private behind it",
		       text);
}
