/* SPDX-License-Identifier: MIT */
/*
 * alert_rows.h - alerts' states to and from the database.
 *
 * Thread: the sampler's.
 */
#ifndef POLICY_ALERT_ROWS_H
#define POLICY_ALERT_ROWS_H

#include "model.h"
#include "store.h"

struct alert_state {
	char rule[64], object_type[48], object_name[256], text[400];
	struct model_alert alert;
	double value, threshold;
	int64_t alert_id; /* its row; 0: none */
	bool is_measured; /* this round */
	bool is_changed;  /* alert.level has, this round */
};

/* Rows of alerts that are not over. New reference. */
json_t *alert_rows_open(struct store *s, struct err *err);
/* Every row of a table. New reference. */
json_t *alert_rows_all(struct store *s, const struct store_table *t, struct err *err);
void alert_rows_to_state(const json_t *row, struct alert_state *st);
/* What is_changed, in one transaction, with an event each. No transaction when nothing has. */
int must_check alert_rows_write(struct store *s, struct alert_state *states, uint32_t count,
				int64_t now_ms, uint32_t *changed, struct err *err);

#endif
