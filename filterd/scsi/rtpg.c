/* SPDX-License-Identifier: MIT */
/*
 * rtpg.c - REPORT TARGET PORT GROUPS: one group, active/optimized, implicit.
 *
 * The same on every path, as ESXi believes any path's report for all ports.
 * Source: SPC-4 6.37.
 */
#include "rtpg.h"

#include "bytes.h"
#include "task.h"

#define FORMAT_EXTENDED 1
#define GROUP_BYTES     12u

void rtpg_report(struct task_state *s)
{
	uint8_t p[8 + GROUP_BYTES] = {0};
	uint32_t header_bytes = s->cdb.control == FORMAT_EXTENDED ? 8 : 4;
	uint8_t *g = p + header_bytes;

	put_be32(p, header_bytes - 4 + GROUP_BYTES);
	if (s->cdb.control == FORMAT_EXTENDED)
		p[4] = FORMAT_EXTENDED << 4;
	g[0] = 0x00; /* active/optimized */
	g[1] = 0x01; /* which is all that there is */
	put_be16(g + 2, RTPG_GROUP);
	g[7] = 1; /* ports */
	put_be16(g + 10, RTPG_PORT);
	task_end_data(s, p, header_bytes + GROUP_BYTES, s->cdb.alloc_bytes);
}
