/* SPDX-License-Identifier: MIT */
#include "pace.h"

#define NS_PER_S 1000000000ull

uint64_t pace_rate(uint64_t bytes_per_s, uint64_t day_bytes_per_s, uint32_t day_from_h,
		   uint32_t day_to_h, uint32_t hour)
{
	bool is_day;

	if (day_bytes_per_s == 0 || day_from_h == day_to_h)
		return bytes_per_s;
	if (day_from_h < day_to_h)
		is_day = hour >= day_from_h && hour < day_to_h;
	else
		is_day = hour >= day_from_h || hour < day_to_h;
	return is_day ? day_bytes_per_s : bytes_per_s;
}

void pace_set(struct pace *p, uint64_t bytes_per_s, uint64_t now_ns)
{
	if (p->bytes_per_s == bytes_per_s)
		return;
	*p = (struct pace){.bytes_per_s = bytes_per_s, .last_ns = now_ns};
}

/* The bucket holds what comes in a tenth of a second; what is owed is paid first. */
static void refill(struct pace *p, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns > p->last_ns ? now_ns - p->last_ns : 0;
	uint64_t most = p->bytes_per_s / 10;
	uint64_t more;

	if (passed_ns > NS_PER_S)
		passed_ns = NS_PER_S;
	more = (uint64_t)((unsigned __int128)p->bytes_per_s * passed_ns / NS_PER_S);
	if (more == 0)
		return;
	p->last_ns = now_ns;
	if (p->owed_bytes >= more) {
		p->owed_bytes -= more;
		return;
	}
	p->left_bytes += more - p->owed_bytes;
	p->owed_bytes = 0;
	if (p->left_bytes > most)
		p->left_bytes = most;
}

uint64_t pace_wait_ns(struct pace *p, uint64_t now_ns)
{
	if (p->bytes_per_s == 0)
		return 0;
	refill(p, now_ns);
	if (p->owed_bytes == 0)
		return 0;
	return (uint64_t)((unsigned __int128)p->owed_bytes * NS_PER_S / p->bytes_per_s) + 1;
}

void pace_took(struct pace *p, uint64_t bytes)
{
	if (p->bytes_per_s == 0)
		return;
	if (bytes <= p->left_bytes) {
		p->left_bytes -= bytes;
		return;
	}
	p->owed_bytes += bytes - p->left_bytes;
	p->left_bytes = 0;
}
