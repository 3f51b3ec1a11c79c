/* SPDX-License-Identifier: MIT */
/*
 * node_rig.h - two node machines, a wire and a witness, each a variable: the tests say when what
 * arrives. Actions are carried out at once; records are copies.
 */
#ifndef NODE_RIG_H
#define NODE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node.h"

#define MS 1000000ull

struct rig_side {
	struct repl_node node;
	struct repl_node_record durable;
	bool has_record, is_up;
	bool was_asked[16]; /* by kind of action, since rig_forget() */
	uint64_t head_lsn;
	struct sluice_witness_call call;
	bool is_calling;
	char last_report[64];
};

struct rig {
	struct rig_side side[2];
	struct repl_node_cfg cfg;
	struct sluice_witness_register reg;
	uint64_t lease_until_ns, now_ns;
	bool is_linked, is_witness_up, drops_roles, store_fails;
	bool holds_applied; /* APPLY_STAGED takes long: the test says node_applied() */
};

/* Side 0 is the volume that is to be replicated, side 1 the replica to be. */
void rig_init(struct rig *r, const struct repl_node_cfg *cfg);
void rig_start(struct rig *r, int n, enum repl_node_state initial);
void rig_crash(struct rig *r, int n);
void rig_link(struct rig *r, bool is_up);
/* Time goes on in ticks; lost is told after the silence; witness and pings are answered. */
void rig_pass(struct rig *r, uint64_t ms);
void rig_forget(struct rig *r);
bool rig_asked(const struct rig *r, int n, enum repl_action_kind kind);
/* Resync and admission, as the engine would: afterwards PAIR. */
void rig_make_pair(struct rig *r);
#define RIG_EVENT(r, n, call)                                                                      \
	do {                                                                                       \
		struct repl_actions out_;                                                          \
		struct repl_node *node_ = &(r)->side[n].node;                                      \
		uint64_t now_ = (r)->now_ns, head_ = (r)->side[n].head_lsn;                        \
		(void)now_, (void)head_;                                                           \
		call;                                                                              \
		rig_carry_out(r, n, &out_);                                                        \
	} while (0)
void rig_carry_out(struct rig *r, int n, struct repl_actions *out);
enum repl_node_state rig_state(const struct rig *r, int n);

#endif
