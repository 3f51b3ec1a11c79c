/* SPDX-License-Identifier: MIT */
/*
 * glue.h - the filter around the engine: which volumes make a group, and the SDK as its host.
 *
 *   attach() of each volume --> the set (all groups of a datastore) --all members are there-->
 * opened detach() of any of them --> the group stops; it opens again when all are there again
 *
 *   glue.c        members, opening, stopping       glue_io.c     initiators' I/O, drain
 *   glue_host.c   host.h by the SDK                replication.c table, parameters, commands
 *   glue_annex.c  what other filters keep beside the volumes, as one more member
 *   glue_seal.c   what the logs hold of volumes that are encrypted below
 *   glue_link.c   channels to the peer
 *   glue_ready.c  what initiators hear while it does not serve
 *
 * The leader's handle owns logs, records, the file of marks and the link.
 *
 * Thread: owner worker; a datastore's volumes share it.
 */
#ifndef REPLICATION_GLUE_H
#define REPLICATION_GLUE_H

#include "group.h"
#include "sluice/companion.h"
#include "sluice/file.h"
#include "sluice/filter.h"
#include "sluice/seal.h"

#define GLUE_NAME_BYTES   128u
#define GLUE_MARKS_SUFFIX "rmarks"

struct glue_params {
	char group_hex[40], peer[GLUE_NAME_BYTES], witness[GLUE_NAME_BYTES];
	uint8_t group_uuid[16];
	bool is_leader;
	uint16_t member;
	uint32_t members;
	struct repl_group_cfg cfg;
};

enum glue_state {
	GLUE_WAITING, /* for members, or for their keys */
	GLUE_OPENING,
	GLUE_OPEN,
	GLUE_FAILED,
	GLUE_STOPPING,
};

struct glue_volume;

/* An I/O between submit() and its end. */
struct glue_io {
	struct repl_io io; /* first: the engine's */
	struct sluice_token *token;
	struct glue_volume *v;
	struct glue_io *next; /* until the group is open */
	bool is_read;         /* went past the engine */
};

struct glue_group {
	struct sluice_group *set;
	struct glue_group *next;
	uint8_t uuid[16];
	struct glue_volume *members[REPL_MEMBERS_MAX];
	struct glue_volume *leader; /* of this opening */
	struct sluice_filter *f;    /* the leader's handle; stays until the stop has ended */
	enum glue_state state;
	char why[256]; /* FAILED */
	bool is_serving, is_stopped_late;
	bool is_removed; /* by an administrator: nothing of it is kept */
	struct repl_group *g;
	struct repl_host host;
	struct sluice_link *links[SLUICE_LINK_CHANNELS];
	struct sluice_file *file;
	struct glue_link {
		struct glue_group *gg;
		enum sluice_link_channel ch;
	} ends[SLUICE_LINK_CHANNELS];
	char witness[GLUE_NAME_BYTES];
	struct glue_annex {
		struct sluice_file *file;
		struct sluice_timer timer;
		uint32_t reads; /* under way, of filters above */
		bool is_to_be_told;
		bool is_empty; /* it was never written */
		uint8_t role;  /* enum sluice_companion_role, as told */
	} annex;
	struct glue_log_seal {
		struct sluice_rlog_seal hooks;
		struct glue_group *gg;
		enum repl_log which;
	} log_seals[REPL_LOGS];
	struct sluice_seal *seals[REPL_MEMBERS_MAX]; /* while it is open, of those in sealed */
	uint64_t sealed;                             /* members, bits */
	bool waits_for_keys;                         /* WAITING: all members are there */
	struct repl_snapshot *no_snapshot; /* that is answered by the timer: there is no volume */
	struct sluice_timer no_snapshot_timer;
	/* Initiators wait while it may serve soon. */
	enum glue_patience {
		GLUE_PATIENCE_FRESH,
		GLUE_PATIENCE_RUNS,
		GLUE_PATIENCE_LOST,
	} patience;
	struct sluice_timer open_timer, own_timer, stop_timer, key_timer, patience_timer;
	/* Own I/O that waits: for room, or for a drain's end. */
	struct repl_own *own_first, *own_last;
};

struct glue_volume {
	struct sluice_filter *f;
	struct glue_group *gg;
	struct glue_params p, next_p;
	bool is_gone, is_draining;
	struct glue_io *wait_first, *wait_last; /* the group is not open yet */
	struct sluice_companion_io *call_first; /* glue_annex.c: to begin in the next turn */
	struct sluice_timer call_timer;
};

/* glue.c */
int glue_attach(struct sluice_filter *f, const union sluice_value *values,
		struct sluice_error *err);
void glue_detach(struct sluice_filter *f);
int glue_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
		     const union sluice_value *values, struct sluice_error *err);
int glue_event(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
	       struct sluice_error *err);
int glue_set_create(struct sluice_group *s, const union sluice_value *values,
		    struct sluice_error *err);
void glue_set_destroy(struct sluice_group *s);
int glue_set_reconfigure(struct sluice_group *s, enum sluice_phase phase,
			 const union sluice_value *values, struct sluice_error *err);
size_t glue_set_status(struct sluice_group *s, char *json, size_t size_bytes);
/* A member was locked, or unlocked: the group stops, or may open. */
void glue_keys_changed(struct glue_group *gg);

/* glue_ready.c: after each change of what it says. */
void glue_ready_all(struct glue_group *gg);

/* glue_host.c */
void glue_host_fill(struct glue_group *gg);
void glue_host_forget(struct glue_group *gg);
void glue_own_pump(struct glue_group *gg);
void glue_own_abort(struct glue_group *gg, const struct glue_volume *v);

/* glue_annex.c */
bool glue_annex_exists(const struct sluice_filter *f); /* the volume leads, and has had one */
void glue_annex_attach(struct glue_volume *v);
void glue_annex_detach(struct glue_volume *v);
int glue_annex_open(struct glue_group *gg, struct sluice_error *err);
void glue_annex_close(struct glue_group *gg);
void glue_annex_forget(struct glue_group *gg);
bool glue_annex_is(const struct glue_group *gg, uint16_t member);
/* The engine's I/O on that member; false: no memory, try again. */
bool glue_annex_own(struct glue_group *gg, struct repl_own *o);
/* Whether this side writes may have changed. */
void glue_annex_look(struct glue_group *gg);
/* The group stops: nobody writes from now on. */
void glue_annex_stop(struct glue_group *gg);

/* glue_link.c */
int glue_links_open(struct glue_group *gg, struct sluice_error *err);
void glue_links_close(struct glue_group *gg);

/* glue_seal.c */
/* May it be replicated as it is encrypted? */
int glue_seal_check(struct sluice_filter *f, bool is_leader, struct sluice_error *err);
void glue_seal_attach(struct glue_volume *v);
void glue_seal_report(struct glue_group *gg); /* that it waits */
/* A member's key is not there. */
bool glue_seal_waits(const struct glue_group *gg);
/* Before the logs are; -ENOKEY: glue_seal_waits(). */
int glue_seal_open(struct glue_group *gg, struct sluice_error *err);
void glue_seal_close(struct glue_group *gg);                   /* the logs are closed */
void glue_seal_look(struct glue_group *gg, uint64_t after_ns); /* glue_keys_changed() then */
void glue_seal_forget(struct glue_group *gg);
/* For the log's cfg; NULL: no member is sealed. */
const struct sluice_rlog_seal *glue_seal_of(struct glue_group *gg, enum repl_log which);

/* glue_io.c */
enum sluice_verdict glue_submit(struct sluice_filter *f, struct sluice_io *io);
enum sluice_verdict glue_done(struct sluice_filter *f, struct sluice_io *io);
void glue_abort(struct sluice_filter *f, struct sluice_io *io);
void glue_drain(struct sluice_filter *f, bool begin);
void glue_waiting_go(struct glue_volume *v);
void glue_waiting_end(struct glue_volume *v, enum sluice_status status);

/* replication.c */
bool glue_uuid_read(const char *hex, uint8_t uuid[16]); /* 32 digits */
int glue_params_read(const union sluice_value *values, struct glue_params *p,
		     struct sluice_error *err);

#endif
