/* SPDX-License-Identifier: GPL-2.0-only */
#include "pr.h"

#include <assert.h>
#include <stdlib.h>

#include "lun.h"
#include "ops.h"

/* One PREEMPT AND ABORT and the commands it waits for. */
struct pr_preempt {
	struct pr_preempt *next;
	struct scsi_cmd *cmd;
	uint32_t left; /* victims that are not NULL */
	uint32_t count;
	struct scsi_cmd *victims[];
};

/* ------------------------------------------------------------------ who lost its registration */

static bool is_registered(const struct scsi_lu *lu, uint64_t nexus_id)
{
	tgt_for_each(node, &lu->registration_list)
	{
		if (tgt_entry(node, struct registration, registration_siblings)->nexus_id ==
		    nexus_id)
			return true;
	}
	return false;
}

/* The registered nexuses but one, into ids if there is room for them; their number. */
static size_t registered(const struct scsi_lu *lu, uint64_t but_nexus_id, uint64_t *ids,
			 size_t room)
{
	size_t count = 0;

	tgt_for_each(node, &lu->registration_list)
	{
		uint64_t id = tgt_entry(node, struct registration, registration_siblings)->nexus_id;

		if (id == but_nexus_id)
			continue;
		if (count < room)
			ids[count] = id;
		count++;
	}
	return count;
}

/* ------------------------------------------------------------------ their commands */

/* Under way in the ring. What still waits in tgtd's queue meets the new reservation when its turn
 * comes. */
static bool is_victim(const struct scsi_cmd *cmd, const struct scsi_lu *lu)
{
	return cmd->dev == lu && cmd_async(cmd) && cmd_processed(cmd);
}

/* Those of one nexus, after the count that are there already; the new number. */
static size_t commands_of(const struct it_nexus *nexus, const struct scsi_lu *lu,
			  struct scsi_cmd **victims, size_t room, size_t count)
{
	tgt_for_each(node, &nexus->cmd_list)
	{
		struct scsi_cmd *cmd = tgt_entry(node, struct scsi_cmd, c_hlist);

		if (!is_victim(cmd, lu))
			continue;
		if (count < room)
			victims[count] = cmd;
		count++;
	}
	return count;
}

/* Of all nexuses of ids[] that are registered no more, as far as there is room; their number. */
static size_t commands_of_preempted(const struct scsi_lu *lu, const uint64_t *ids, size_t id_count,
				    struct scsi_cmd **victims, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < id_count; i++) {
		const struct it_nexus *nexus = it_nexus_lookup(lu->tgt->tid, ids[i]);

		if (nexus && !is_registered(lu, ids[i]))
			count = commands_of(nexus, lu, victims, room, count);
	}
	return count;
}

/* ------------------------------------------------------------------ PREEMPT AND ABORT */

static int preempt(int host_no, struct scsi_cmd *cmd)
{
	struct service_action *sa = find_service_action(lun_of(cmd->dev)->pr_out, PR_OUT_PREEMPT);

	return sa->cmd_perform(host_no, cmd);
}

/* Makes cmd wait for the commands of the preempted. 0: nothing to wait for. */
static int abort_preempted(struct scsi_cmd *cmd, const uint64_t *ids, size_t id_count)
{
	struct lun *l = lun_of(cmd->dev);
	size_t count = commands_of_preempted(l->lu, ids, id_count, NULL, 0);
	struct pr_preempt *p;

	if (count == 0)
		return 0;
	p = calloc(1, sizeof(*p) + count * sizeof(p->victims[0]));
	if (!p)
		return -1;
	p->cmd = cmd;
	p->count = p->left = (uint32_t)count;
	commands_of_preempted(l->lu, ids, id_count, p->victims, count);
	p->next = l->preempts;
	l->preempts = p;
	return 1;
}

static int preempt_and_abort(int host_no, struct scsi_cmd *cmd)
{
	size_t room = registered(cmd->dev, cmd->cmd_itn_id, NULL, 0);
	uint64_t *ids = calloc(room + 1, sizeof(*ids));
	int status, rc;

	if (!ids)
		return SAM_STAT_BUSY;
	registered(cmd->dev, cmd->cmd_itn_id, ids, room);
	status = preempt(host_no, cmd);
	if (status != SAM_STAT_GOOD) {
		free(ids);
		return status;
	}
	rc = abort_preempted(cmd, ids, room);
	free(ids);
	/* Without memory to wait the reservation has changed all the same; what matters is not to
	 * claim that the others' commands have ended. */
	if (rc < 0)
		return ops_sense(cmd, ABORTED_COMMAND, NO_ADDITIONAL_SENSE);
	if (rc > 0)
		set_cmd_async(
		    cmd); /* the ring's next tick asks pr_wants_abort() for each command */
	return SAM_STAT_GOOD;
}

bool pr_wants_abort(struct scsi_cmd *cmd)
{
	for (const struct pr_preempt *p = lun_of(cmd->dev)->preempts; p; p = p->next)
		for (uint32_t i = 0; i < p->count; i++)
			if (p->victims[i] == cmd)
				return true;
	return false;
}

void pr_command_ended(struct scsi_lu *lu, const struct scsi_cmd *cmd)
{
	for (struct pr_preempt *p = lun_of(lu)->preempts; p; p = p->next)
		for (uint32_t i = 0; i < p->count; i++)
			if (p->victims[i] == cmd) {
				p->victims[i] = NULL;
				p->left--;
			}
}

void pr_finish(struct scsi_lu *lu)
{
	struct pr_preempt **at = &lun_of(lu)->preempts;

	while (*at) {
		struct pr_preempt *p = *at;

		if (p->left > 0) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		target_cmd_io_done(p->cmd, SAM_STAT_GOOD);
		free(p);
		at = &lun_of(lu)->preempts; /* tgtd may have run other commands */
	}
}

/* ------------------------------------------------------------------ tables */

/* tgtd's own tables are shared by all LUNs, so this LUN gets a copy. */
static void copy_actions(struct service_action *to, const struct service_action *from)
{
	unsigned n = 0;

	for (; from[n].cmd_perform; n++) {
		assert(n + 2 < LUN_PR_ACTIONS);
		to[n] = from[n];
	}
	to[n] = (struct service_action){0};
}

/* Replaces or adds one. */
static void set_action(struct service_action *table, uint32_t action,
		       int (*perform)(int, struct scsi_cmd *))
{
	unsigned n = 0;

	while (table[n].cmd_perform && table[n].service_action != action)
		n++;
	assert(n + 1 < LUN_PR_ACTIONS);
	if (!table[n].cmd_perform)
		table[n + 1] = (struct service_action){0};
	table[n] = (struct service_action){.service_action = action, .cmd_perform = perform};
}

void pr_init(struct scsi_lu *lu)
{
	struct device_type_operations *ops = lu->dev_type_template.ops;
	struct lun *l = lun_of(lu);

	copy_actions(l->pr_in, ops[PERSISTENT_RESERVE_IN].service_actions);
	copy_actions(l->pr_out, ops[PERSISTENT_RESERVE_OUT].service_actions);
	set_action(l->pr_in, PR_IN_READ_FULL_STATUS, pr_read_full_status);
	set_action(l->pr_out, PR_OUT_REGISTER, pr_register);
	set_action(l->pr_out, PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY, pr_register);
	set_action(l->pr_out, PR_OUT_RELEASE, pr_release);
	set_action(l->pr_out, PR_OUT_PREEMPT_AND_ABORT, preempt_and_abort);
	ops[PERSISTENT_RESERVE_IN].service_actions = l->pr_in;
	ops[PERSISTENT_RESERVE_OUT].service_actions = l->pr_out;
}

void pr_exit(struct scsi_lu *lu)
{
	assert(!lun_of(lu)->preempts);
}
