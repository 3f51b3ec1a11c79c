/* SPDX-License-Identifier: MIT */
/*
 * alert_watch.h - alerts begin and end: measurements against the rules' numbers, with hysteresis;
 * rows in alerts, an event each time. What stands when policyd starts goes on standing.
 *
 * Thread: the sampler's.
 */
#ifndef POLICY_ALERT_WATCH_H
#define POLICY_ALERT_WATCH_H

#include "alert_rules.h"
#include "model.h"
#include "store.h"

#define ALERT_WATCH_STEP_S 5u

struct alert_watch {
	struct alert_state *states; /* of what is not well, or is becoming well */
	uint32_t count, room;
	bool is_loaded;
	json_t *events; /* recent ones: {"kind", "object_type", "object_name", "text", "at_ms"} */
	int64_t last_event_id;
};

/* The built-in rules that the database does not have yet. In a transaction of its own. */
int must_check alert_watch_install(struct store *s, struct err *err);

/* One round. figures, chains, running: as in alert_facts; the rest is read from s. *changed: how
 * many alerts began, changed or ended. After an error all is read anew the next time. */
int must_check alert_watch_step(struct alert_watch *w, struct store *s, const json_t *figures,
				const json_t *chains, const json_t *running, int64_t now_ms,
				uint32_t *changed, struct err *err);
void alert_watch_free(struct alert_watch *w);

#endif
