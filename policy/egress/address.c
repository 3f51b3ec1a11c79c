/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* The registries of addresses with a special purpose: RFC 6890 and what was added since. */
static const struct range4 {
	uint32_t first;
	uint8_t prefix_bits;
} not_public4[] = {
    {V4(0, 0, 0, 0), 8},       /* this network */
    {V4(10, 0, 0, 0), 8},      /* private */
    {V4(100, 64, 0, 0), 10},   /* carriers' NAT; some clouds' metadata */
    {V4(127, 0, 0, 0), 8},     /* loopback */
    {V4(169, 254, 0, 0), 16},  /* link-local; metadata at 169.254.169.254 */
    {V4(172, 16, 0, 0), 12},   /* private */
    {V4(192, 0, 0, 0), 24},    /* protocol assignments */
    {V4(192, 0, 2, 0), 24},    /* documentation */
    {V4(192, 88, 99, 0), 24},  /* 6to4 relays */
    {V4(192, 168, 0, 0), 16},  /* private */
    {V4(198, 18, 0, 0), 15},   /* benchmarks */
    {V4(198, 51, 100, 0), 24}, /* documentation */
    {V4(203, 0, 113, 0), 24},  /* documentation */
    {V4(224, 0, 0, 0), 4},     /* multicast */
    {V4(240, 0, 0, 0), 4},     /* reserved, broadcast */
};

/* Inside 2000::/3, which alone is public. */
static const struct range6 {
	uint8_t first[4];
	uint8_t prefix_bits;
} not_public6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments, Teredo, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4: wraps any IPv4 address */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static bool is_public4(uint32_t a)
{
	for (size_t i = 0; i < sizeof(not_public4) / sizeof(not_public4[0]); i++) {
		uint32_t mask = ~0u << (32 - not_public4[i].prefix_bits);

		if ((a & mask) == not_public4[i].first)
			return false;
	}
	return true;
}

static uint32_t big_endian32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_public6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};    /* 64:ff9b::/96 */

	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return is_public4(big_endian32(a + 12));
	if ((a[0] & 0xe0) != 0x20)
		return false;
	for (size_t i = 0; i < sizeof(not_public6) / sizeof(not_public6[0]); i++) {
		uint32_t mask = ~0u << (32 - not_public6[i].prefix_bits);

		if ((big_endian32(a) & mask) == big_endian32(not_public6[i].first))
			return false;
	}
	return true;
}

bool address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		return is_public4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return is_public6(v6.sin6_addr.s6_addr);
	default:
		return false;
	}
}
