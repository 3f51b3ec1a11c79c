-- SPDX-License-Identifier: MIT
-- 0005: which volumes have a copy on a paired appliance. The same group has a row on both sides, each with its own
-- name for the other one. Settings that are NULL come from the policy of the group's first volume, or are the filter's.

ALTER TABLE peers ADD COLUMN appliance_uuid TEXT NOT NULL DEFAULT '' CHECK (length(appliance_uuid) <= 36);
ALTER TABLE peers ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN last_seen_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE peers ADD COLUMN state_text TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN code_sealed TEXT; -- until it is paired by it
ALTER TABLE peers ADD COLUMN is_deleting INTEGER NOT NULL DEFAULT 0 CHECK (is_deleting IN (0, 1));

CREATE TABLE replications (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	group_uuid TEXT NOT NULL UNIQUE CHECK (length(group_uuid) = 36),
	peer_id INTEGER NOT NULL REFERENCES peers (id),
	peer_datastore TEXT NOT NULL DEFAULT '',
	description TEXT NOT NULL DEFAULT '',
	initial_role TEXT NOT NULL DEFAULT 'primary' CHECK (initial_role IN ('primary', 'secondary')),
	-- pending: the peer has not made its side yet; attaching: the filter comes into the chains; active; ending: it goes
	phase TEXT NOT NULL DEFAULT 'pending' CHECK (phase IN ('pending', 'attaching', 'active', 'ending')),
	mode TEXT CHECK (mode IN ('sync', 'async')),
	when_peer_is_lost TEXT CHECK (when_peer_is_lost IN ('hold', 'continue')),
	witness TEXT NOT NULL DEFAULT '',          -- a paired appliance's name; '': none
	rpo_target_ms INTEGER,
	rpo_warning_ms INTEGER,
	rpo_error_ms INTEGER,
	bandwidth_bytes_per_s INTEGER,
	bandwidth_day_bytes_per_s INTEGER,
	day_from_h INTEGER,
	day_to_h INTEGER,
	backpressure_max_ms INTEGER,
	compression TEXT CHECK (compression IN ('none', 'lz4', 'zstd')),
	journal_bytes INTEGER,
	stage_bytes INTEGER,
	told_revision INTEGER NOT NULL DEFAULT 0,  -- the peer has the settings of this revision
	-- as last seen of filterd
	role TEXT NOT NULL DEFAULT 'none' CHECK (role IN ('none', 'primary', 'secondary')),
	state TEXT NOT NULL DEFAULT 'pending',
	state_text TEXT NOT NULL DEFAULT '',
	state_since_ms INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX replications_by_peer ON replications (peer_id);

CREATE TABLE replication_members (
	replication_id INTEGER NOT NULL REFERENCES replications (id) ON DELETE CASCADE,
	member INTEGER NOT NULL CHECK (member BETWEEN 0 AND 63),
	volume_id INTEGER NOT NULL UNIQUE REFERENCES volumes (id),
	PRIMARY KEY (replication_id, member)
) STRICT;
