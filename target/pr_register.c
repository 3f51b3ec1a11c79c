/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pr_register.c - REGISTER, REGISTER AND IGNORE EXISTING KEY, RELEASE in place of tgtd's.
 *
 * tgtd raises RESERVATIONS RELEASED for the wrong nexuses and for the wrong reservation types, both
 * when the holder unregisters and when it releases. It is due to the registered others, and only if
 * the reservation was shared by registrants (SPC-4 5.13.11.2.2 and .3). The registrations
 * themselves are tgtd's structures: it looks at them for every command.
 */
#include <stdlib.h>

#include "bytes.h"
#include "ops.h"
#include "pr.h"

#define PARAMETER_BYTES     24u
#define FLAGS_NOT_SUPPORTED 0x0d /* SPEC_I_PT, ALL_TG_PT, APTPL */

static struct registration *own_registration(const struct scsi_cmd *cmd)
{
	tgt_for_each(node, &cmd->dev->registration_list)
	{
		struct registration *reg =
		    tgt_entry(node, struct registration, registration_siblings);

		if (reg->nexus_id == cmd->it_nexus->itn_id && reg->ctime == cmd->it_nexus->ctime)
			return reg;
	}
	return NULL;
}

static bool is_all_registrants(uint8_t type)
{
	return type == PR_TYPE_WRITE_EXCLUSIVE_ALLREG || type == PR_TYPE_EXCLUSIVE_ACCESS_ALLREG;
}

static bool is_registrants_only(uint8_t type)
{
	return type == PR_TYPE_WRITE_EXCLUSIVE_REGONLY || type == PR_TYPE_EXCLUSIVE_ACCESS_REGONLY;
}

static bool is_holder(const struct scsi_lu *lu, const struct registration *reg)
{
	return lu->pr_holder &&
	       (lu->pr_holder == reg || is_all_registrants(lu->pr_holder->pr_type));
}

/* The keys. False: *asc says what is wrong with the parameter list. */
static bool parse(struct scsi_cmd *cmd, uint64_t *key, uint64_t *new_key, uint16_t *asc)
{
	const uint8_t *p = scsi_get_out_buffer(cmd);

	*asc = ASC_PARAMETER_LIST_LENGTH_ERR;
	if (get_be32(cmd->scb + 5) != PARAMETER_BYTES || scsi_get_out_length(cmd) < PARAMETER_BYTES)
		return false;
	*asc = ASC_INVALID_FIELD_IN_PARMS;
	if (p[20] & FLAGS_NOT_SUPPORTED)
		return false;
	*key = get_be64(p);
	*new_key = get_be64(p + 8);
	return true;
}

static void tell_registrants(struct scsi_lu *lu)
{
	tgt_for_each(node, &lu->registration_list)
	{
		const struct registration *reg =
		    tgt_entry(node, struct registration, registration_siblings);

		ua_sense_add_it_nexus(reg->nexus_id, lu, ASC_RESERVATIONS_RELEASED);
	}
}

static void list_unlink(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

static void list_append(struct list_head *head, struct list_head *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static void unregister(struct scsi_lu *lu, struct registration *reg)
{
	struct registration *holder = lu->pr_holder;

	list_unlink(&reg->registration_siblings);
	if (holder == reg && is_all_registrants(reg->pr_type) &&
	    lu->registration_list.next != &lu->registration_list) {
		/* Whoever is left holds it. */
		lu->pr_holder = tgt_entry(lu->registration_list.next, struct registration,
					  registration_siblings);
		lu->pr_holder->pr_type = reg->pr_type;
		lu->pr_holder->pr_scope = reg->pr_scope;
	} else if (holder == reg) {
		lu->pr_holder = NULL;
		if (is_registrants_only(reg->pr_type))
			tell_registrants(lu);
	}
	free(reg);
}

static int add_registration(struct scsi_cmd *cmd, uint64_t key)
{
	struct registration *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return ops_sense(cmd, ILLEGAL_REQUEST, ASC_INSUFFICENT_REGISTRATION_RESOURCES);
	reg->key = key;
	reg->nexus_id = cmd->cmd_itn_id;
	reg->ctime = cmd->it_nexus->ctime;
	list_append(&cmd->dev->registration_list, &reg->registration_siblings);
	cmd->dev->prgeneration++;
	return SAM_STAT_GOOD;
}

int pr_register(int host_no, struct scsi_cmd *cmd)
{
	bool ignores_key = (cmd->scb[1] & 0x1f) == PR_OUT_REGISTER_AND_IGNORE_EXISTING_KEY;
	struct registration *reg = own_registration(cmd);
	uint64_t key, new_key;
	uint16_t asc;

	if (!parse(cmd, &key, &new_key, &asc))
		return ops_sense(cmd, ILLEGAL_REQUEST, asc);
	if (!ignores_key && key != (reg ? reg->key : 0))
		return SAM_STAT_RESERVATION_CONFLICT;
	if (!reg && new_key)
		return add_registration(cmd, new_key);
	if (reg && new_key)
		reg->key = new_key;
	else if (reg)
		unregister(cmd->dev, reg);
	cmd->dev->prgeneration++;
	return SAM_STAT_GOOD;
}

int pr_release(int host_no, struct scsi_cmd *cmd)
{
	struct registration *reg = own_registration(cmd), *holder = cmd->dev->pr_holder;
	uint8_t scope = cmd->scb[2] >> 4, type = cmd->scb[2] & 0x0f;
	uint64_t key, new_key;
	uint16_t asc;

	if (!parse(cmd, &key, &new_key, &asc))
		return ops_sense(cmd, ILLEGAL_REQUEST, asc);
	if (!reg || key != reg->key)
		return SAM_STAT_RESERVATION_CONFLICT;
	if (!is_holder(cmd->dev, reg))
		return SAM_STAT_GOOD;
	if (holder->pr_scope != scope || holder->pr_type != type)
		return ops_sense(cmd, ILLEGAL_REQUEST,
				 ASC_INVALID_RELEASE_OF_PERSISTENT_RESERVATION);
	cmd->dev->pr_holder = NULL;
	holder->pr_scope = 0;
	holder->pr_type = 0;
	if (!is_registrants_only(type) && !is_all_registrants(type))
		return SAM_STAT_GOOD;
	tgt_for_each(node, &cmd->dev->registration_list)
	{
		const struct registration *other =
		    tgt_entry(node, struct registration, registration_siblings);

		if (other != reg)
			ua_sense_add_it_nexus(other->nexus_id, cmd->dev, ASC_RESERVATIONS_RELEASED);
	}
	return SAM_STAT_GOOD;
}
