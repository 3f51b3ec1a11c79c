/* SPDX-License-Identifier: MIT */
/*
 * webhook.h - events to those who asked to be told by HTTP: at least once, in order, each webhook
 * for itself.
 *
 *   webhook.c        the thread: who is due, what was delivered, tests
 *   webhook_send.c   one event to one webhook, through sluice-egressd
 *   webhook_sign.c   body, signature, which events a webhook wants, when to try again. Pure.
 *
 * webhooks.last_event_id is how far one has got; it is written after each delivery, so a crash
 * between delivery and writing sends that event twice, and none is left out. A webhook that does
 * not take an event is asked again after 5 s, 10 s ... an hour; its events wait in the database.
 *
 * Order of calls: start, stop. Thread: main; the deliveries are on a thread of their own.
 */
#ifndef POLICY_WEBHOOK_H
#define POLICY_WEBHOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct webhook;
struct sealer;
struct store;
struct ctl_client;

#define WEBHOOK_BACKOFF_FIRST_MS 5000u
#define WEBHOOK_BACKOFF_LAST_MS  (60u * 60u * 1000u)
#define WEBHOOK_TIMEOUT_MS       10000u
#define WEBHOOK_SIGNATURE_BYTES  100u /* "t=...,v1=<64 digits>" and a zero byte */

/* Strings outlive it. */
struct webhook_cfg {
	const char *db_path, *backup_dir;
	const char *egress_socket;
	const struct sealer *sealer;
};

int must_check webhook_start(const struct webhook_cfg *cfg, struct webhook **out, struct err *err);
void webhook_stop(struct webhook *w); /* waits for the delivery under way */

/* ---------------------------------------------------------------- webhook_sign.c */

/* The place of a webhook's secret in the sealer: "webhook:name". */
void webhook_seal_name(const char *name, char out[96]);
/* The body of an event's row; the caller frees. NULL: no memory. */
char *webhook_body(const json_t *event);
/* "t=<s>,v1=<hex HMAC-SHA256(secret, s + "." + body)>" */
void webhook_sign(const char *secret, const char *body, uint64_t unix_s,
		  char out[WEBHOOK_SIGNATURE_BYTES]);
/* kinds and min_severity of the webhook's row against the event's. */
bool webhook_wants(const json_t *hook, const json_t *event);
/* How long after the last of so many failures in a row it is tried again. */
uint32_t webhook_backoff_ms(uint64_t failures);

/* ---------------------------------------------------------------- webhook_send.c */

/*
 * Posts event to hook (a row with its sealed secret) and waits for the answer. 0: taken (2xx).
 * status: what there is to say, "200" or why not. Errors: -EREMOTEIO it answered something else;
 * -EKEYREJECTED its secret cannot be opened; egressd's.
 */
int must_check webhook_send(struct ctl_client *egress, const struct sealer *sealer,
			    const json_t *hook, const json_t *event, char *status,
			    uint32_t status_bytes, struct err *err);

#endif
