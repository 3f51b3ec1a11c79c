-- SPDX-License-Identifier: MIT
-- 0006: snapshots of volumes, what makes them by itself, and volumes that come from one. What a snapshot holds is
-- sluice-filterd's; here is which there are to be, which were made by whom, and what is made of them.

CREATE TABLE snapshot_schedules (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 60),
	description TEXT NOT NULL DEFAULT '',
	every TEXT NOT NULL CHECK (every IN ('hour', 'day', 'week')),
	at TEXT NOT NULL DEFAULT '00:00' CHECK (length(at) = 5),   -- local time; of 'hour' the minutes alone
	weekday TEXT NOT NULL DEFAULT 'sunday'
		CHECK (weekday IN ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')),
	keep_hourly INTEGER NOT NULL DEFAULT 0 CHECK (keep_hourly BETWEEN 0 AND 1000),
	keep_daily INTEGER NOT NULL DEFAULT 0 CHECK (keep_daily BETWEEN 0 AND 1000),
	keep_weekly INTEGER NOT NULL DEFAULT 0 CHECK (keep_weekly BETWEEN 0 AND 1000),
	policy_id INTEGER REFERENCES policies (id),                -- and all volumes that have this policy
	is_group INTEGER NOT NULL DEFAULT 0 CHECK (is_group IN (0, 1)), -- all of them at one point in time
	is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
	last_due_ms INTEGER NOT NULL DEFAULT 0,                    -- the point in time that it last ran for
	last_run_ms INTEGER NOT NULL DEFAULT 0,                    -- and when that was
	last_text TEXT NOT NULL DEFAULT '',
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshot_schedule_volumes (
	schedule_id INTEGER NOT NULL REFERENCES snapshot_schedules (id) ON DELETE CASCADE,
	volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
	PRIMARY KEY (schedule_id, volume_id)
) STRICT;
CREATE INDEX snapshot_schedule_volumes_by_volume ON snapshot_schedule_volumes (volume_id);

-- Snapshots of several volumes at one point in time.
CREATE TABLE snapshot_groups (
	id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	description TEXT NOT NULL DEFAULT '',
	schedule_id INTEGER REFERENCES snapshot_schedules (id) ON DELETE SET NULL,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshots (
	id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
	volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
	name TEXT NOT NULL COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	description TEXT NOT NULL DEFAULT '',
	group_id INTEGER REFERENCES snapshot_groups (id) ON DELETE SET NULL,
	schedule_id INTEGER REFERENCES snapshot_schedules (id) ON DELETE SET NULL, -- NULL: made by hand; retention keeps off
	is_adopted INTEGER NOT NULL DEFAULT 0 CHECK (is_adopted IN (0, 1)), -- filterd had it, and nobody here knew
	-- creating: asked for; missing: filterd does not have it any more
	state TEXT NOT NULL DEFAULT 'creating' CHECK (state IN ('creating', 'ready', 'deleting', 'degraded', 'missing')),
	state_text TEXT NOT NULL DEFAULT '',
	-- as last seen of filterd
	parent TEXT NOT NULL DEFAULT '',           -- the snapshot's UUID below it
	own_bytes INTEGER NOT NULL DEFAULT 0,
	size_bytes INTEGER NOT NULL DEFAULT 0,
	done_bytes INTEGER NOT NULL DEFAULT 0,
	total_bytes INTEGER NOT NULL DEFAULT 0,
	-- what opens it, if the volume was encrypted then
	key_id INTEGER REFERENCES keys (id),
	key_version INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL,
	UNIQUE (volume_id, name)
) STRICT;
CREATE INDEX snapshots_by_group ON snapshots (group_id);
CREATE INDEX snapshots_by_schedule ON snapshots (schedule_id);

-- A volume that is a snapshot seen from outside, read-only ("exposure"), or began as one and still needs it: a
-- "linked" clone as long as it lives, a "full" one until all is copied.
CREATE TABLE volume_origins (
	volume_id INTEGER PRIMARY KEY REFERENCES volumes (id) ON DELETE CASCADE,
	snapshot_id INTEGER NOT NULL REFERENCES snapshots (id),
	kind TEXT NOT NULL CHECK (kind IN ('exposure', 'linked', 'full'))
) STRICT;
CREATE INDEX volume_origins_by_snapshot ON volume_origins (snapshot_id);
