/* SPDX-License-Identifier: MIT */
/*
 * glue_link.c - the group's channels to its peer. What comes goes to the engine as long as there is
 * one.
 *
 * Thread: the group's.
 */
#include <errno.h>
#include <string.h>

#include "glue.h"

static void link_up(void *ctx)
{
	struct glue_link *l = ctx;

	if (l->gg->g)
		group_link_up(l->gg->g, l->ch);
}

static size_t link_received(void *ctx, const uint8_t *data, size_t len)
{
	struct glue_link *l = ctx;

	return l->gg->g ? group_link_received(l->gg->g, l->ch, data, len) : len;
}

static void link_writable(void *ctx)
{
	struct glue_link *l = ctx;

	if (l->gg->g)
		group_link_writable(l->gg->g, l->ch);
}

static void link_down(void *ctx, const char *why)
{
	struct glue_link *l = ctx;

	if (l->gg->g)
		group_link_down(l->gg->g, l->ch, why);
}

int glue_links_open(struct glue_group *gg, struct sluice_error *err)
{
	for (uint32_t ch = 0; ch < SLUICE_LINK_CHANNELS; ch++) {
		struct sluice_link_cfg cfg = {.peer = gg->leader->p.peer,
					      .channel = (enum sluice_link_channel)ch,
					      .up = link_up,
					      .received = link_received,
					      .writable = link_writable,
					      .down = link_down,
					      .ctx = &gg->ends[ch]};

		gg->ends[ch] = (struct glue_link){gg, (enum sluice_link_channel)ch};
		memcpy(cfg.group_uuid, gg->uuid, 16);
		gg->links[ch] = sluice_link_open(gg->f, &cfg, err);
		if (!gg->links[ch])
			return -ENOTCONN;
	}
	return 0;
}

void glue_links_close(struct glue_group *gg)
{
	for (uint32_t ch = 0; ch < SLUICE_LINK_CHANNELS; ch++) {
		if (gg->links[ch])
			sluice_link_close(gg->links[ch]);
		gg->links[ch] = NULL;
	}
}
