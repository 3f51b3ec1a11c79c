/* SPDX-License-Identifier: MIT */
/*
 * address.c - IPv4 and IPv6 addresses, networks and portals.
 *
 * The canonical form is also what tgtd can compare: it takes a network only with all host bits
 * zero, and /32, /128 and 0.0.0.0/0 match nothing at all there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "parse.h"

struct network {
	int family;
	uint8_t bytes[16];
	uint32_t len_bytes, prefix_bits;
};

/* text without prefix: "10.0.0.1", "fd00::1", "[fd00::1]". */
static bool read_address(const char *text, struct network *n)
{
	char plain[INET6_ADDRSTRLEN];
	size_t len = strnlen(text, sizeof(plain) + 2);

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = '\0';
	memset(n, 0, sizeof(*n));
	n->family = strchr(plain, ':') ? AF_INET6 : AF_INET;
	n->len_bytes = n->family == AF_INET6 ? 16 : 4;
	n->prefix_bits = n->len_bytes * 8;
	return inet_pton(n->family, plain, n->bytes) == 1;
}

static void clear_host_bits(struct network *n)
{
	for (uint32_t bit = n->prefix_bits; bit < n->len_bytes * 8; bit++)
		n->bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
}

static int read_network(const char *field, const char *text, struct network *n, struct err *err)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strnlen(text, 64);
	uint64_t prefix_bits = 0;
	char address[64];

	snprintf(address, sizeof(address), "%.*s", (int)(len < 63 ? len : 63), text);
	if (len >= sizeof(address) || !read_address(address, n))
		return err_set(
		    err, EINVAL, field,
		    "%s: '%.60s' is no IPv4 or IPv6 address; write it like 10.0.0.1, 10.0.0.0/24 "
		    "or fd00::/64",
		    field, text);
	if (!slash)
		return 0;
	if (parse_u64(field, slash + 1, 1, n->prefix_bits, &prefix_bits, NULL) < 0)
		return err_set(err, ERANGE, field,
			       "%s: '%.60s' has a prefix outside 1 to %u; leave the address out if "
			       "every one is meant",
			       field, text, n->prefix_bits);
	n->prefix_bits = (uint32_t)prefix_bits;
	clear_host_bits(n);
	return 0;
}

/* Nothing that an initiator can come from: "this host", mapped IPv4, multicast. */
static bool is_no_peer(const struct network *n)
{
	static const uint8_t zeros[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (n->family == AF_INET)
		return n->bytes[0] == 0 || n->bytes[0] >= 224;
	return memcmp(n->bytes, zeros, 16) == 0 || memcmp(n->bytes, mapped, 12) == 0 ||
	       n->bytes[0] == 0xff;
}

int model_address_check(const char *field, const char *text, char out[64], struct err *err)
{
	struct network n;
	char plain[INET6_ADDRSTRLEN];
	int rc = read_network(field, text, &n, err);

	if (rc)
		return rc;
	if (is_no_peer(&n))
		return err_set(
		    err, EINVAL, field,
		    "%s: no initiator can have the address %.60s; leave it out if every one is "
		    "meant, and write IPv4 as 10.0.0.1",
		    field, text);
	inet_ntop(n.family, n.bytes, plain, sizeof(plain));
	if (n.prefix_bits == n.len_bytes * 8)
		snprintf(out, 64, "%s", plain);
	else
		snprintf(out, 64, "%s/%u", plain, n.prefix_bits);
	return 0;
}

bool model_address_matches(const char *allowed, const char *address)
{
	struct network n, a;

	if (read_network("", allowed, &n, NULL) < 0 || !read_address(address, &a) ||
	    a.family != n.family)
		return false;
	a.prefix_bits = n.prefix_bits;
	clear_host_bits(&a);
	return memcmp(a.bytes, n.bytes, n.len_bytes) == 0;
}

int model_portal_check(const char *address, uint64_t port, char name[80], struct err *err)
{
	struct network n;
	char plain[INET6_ADDRSTRLEN];

	if (!read_address(address, &n))
		return err_set(err, EINVAL, "address",
			       "address: '%.60s' is no IPv4 or IPv6 address; 0.0.0.0 and [::] are "
			       "all of this machine's",
			       address);
	if (port < 1 || port > 65535)
		return err_set(err, ERANGE, "port",
			       "port: %llu is outside 1 to 65535; iSCSI's is 3260",
			       (unsigned long long)port);
	inet_ntop(n.family, n.bytes, plain, sizeof(plain));
	snprintf(name, 80, n.family == AF_INET6 ? "[%s]:%u" : "%s:%u", plain, (unsigned)port);
	return 0;
}
