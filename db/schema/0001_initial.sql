-- SPDX-License-Identifier: MIT
-- 0001: the desired state of an appliance, and the records of what was done to it.
--
-- Column names are the names in REST, CLI and console. Times are *_ms since 1970 UTC. "revision" grows by one with
-- each change and is the ETag. *_sealed columns hold AES-256-GCM boxes of the sealer in base64, never clear text.
-- JSON is only looked at from outside (GLOB): with trusted_schema off, SQLite 3.40 runs no JSON function in a CHECK.

CREATE TABLE settings (
	key TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL CHECK (length(value) > 0)
) STRICT;

-- ---------------------------------------------------------------- storage

CREATE TABLE datastores (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	type TEXT NOT NULL CHECK (type IN ('dir', 'block', 'mem')),
	path TEXT NOT NULL DEFAULT '',
	is_buffered INTEGER NOT NULL DEFAULT 0 CHECK (is_buffered IN (0, 1)),
	description TEXT NOT NULL DEFAULT '',
	overcommit_limit_pct INTEGER NOT NULL DEFAULT 0 CHECK (overcommit_limit_pct BETWEEN 0 AND 100000), -- 0: none
	is_deleting INTEGER NOT NULL DEFAULT 0 CHECK (is_deleting IN (0, 1)),
	-- as last seen of filterd
	running_state TEXT NOT NULL DEFAULT 'pending' CHECK (running_state IN ('pending', 'online', 'failed')),
	running_error TEXT NOT NULL DEFAULT '',
	used_bytes INTEGER NOT NULL DEFAULT 0,
	available_bytes INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE policies (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	description TEXT NOT NULL DEFAULT '',
	is_bundled INTEGER NOT NULL DEFAULT 0 CHECK (is_bundled IN (0, 1)),
	version INTEGER NOT NULL DEFAULT 1,         -- the newest
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_versions (
	policy_id INTEGER NOT NULL REFERENCES policies (id) ON DELETE CASCADE,
	version INTEGER NOT NULL CHECK (version > 0),
	author TEXT NOT NULL DEFAULT '',
	comment TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (policy_id, version)
) STRICT;

CREATE TABLE policy_rules (
	policy_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	class TEXT NOT NULL,
	filter TEXT NOT NULL,
	parameters TEXT NOT NULL DEFAULT '{}' CHECK (parameters GLOB '{*}'), -- {name: value as text}
	on_failure TEXT NOT NULL DEFAULT 'hold' CHECK (on_failure IN ('hold', 'bypass')),
	PRIMARY KEY (policy_id, version, class),
	FOREIGN KEY (policy_id, version) REFERENCES policy_versions (policy_id, version) ON DELETE CASCADE
) STRICT;

CREATE TABLE volumes (
	id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	datastore_id INTEGER NOT NULL REFERENCES datastores (id),
	description TEXT NOT NULL DEFAULT '',
	size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
	block_bytes INTEGER NOT NULL DEFAULT 512 CHECK (block_bytes IN (512, 4096)),
	write_cache TEXT NOT NULL DEFAULT 'durable' CHECK (write_cache IN ('durable', 'volatile')),
	is_thin INTEGER NOT NULL DEFAULT 1 CHECK (is_thin IN (0, 1)),
	desired_state TEXT NOT NULL DEFAULT 'online' CHECK (desired_state IN ('online', 'offline', 'deleting')),
	transfer TEXT NOT NULL DEFAULT '' CHECK (transfer IN ('', 'import', 'export')), -- open, but not exported
	-- as last seen of filterd and tgtd
	running_state TEXT NOT NULL DEFAULT 'pending'
		CHECK (running_state IN ('pending', 'online', 'offline', 'failed', 'locked')),
	running_error TEXT NOT NULL DEFAULT '',
	allocated_bytes INTEGER NOT NULL DEFAULT 0,
	is_created INTEGER NOT NULL DEFAULT 0 CHECK (is_created IN (0, 1)), -- filterd has had it: never make it anew
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX volumes_by_datastore ON volumes (datastore_id);

CREATE TABLE assignments (
	volume_id INTEGER PRIMARY KEY REFERENCES volumes (id) ON DELETE CASCADE,
	policy_id INTEGER NOT NULL REFERENCES policies (id),
	version INTEGER NOT NULL,
	assigned_ms INTEGER NOT NULL,
	FOREIGN KEY (policy_id, version) REFERENCES policy_versions (policy_id, version)
) STRICT;
CREATE INDEX assignments_by_policy ON assignments (policy_id);

CREATE TABLE compliance (
	volume_id INTEGER PRIMARY KEY REFERENCES volumes (id) ON DELETE CASCADE,
	status TEXT NOT NULL
		CHECK (status IN ('compliant', 'non_compliant', 'unknown', 'not_applicable', 'out_of_date')),
	causes TEXT NOT NULL DEFAULT '[]' CHECK (causes GLOB '[[]*]'), -- sentences
	checked_ms INTEGER NOT NULL
) STRICT;

-- What filterd's filters are and take, as last seen; so a policy can be checked while filterd is down.
CREATE TABLE filters (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	class TEXT NOT NULL,
	version TEXT NOT NULL DEFAULT '',
	help TEXT NOT NULL DEFAULT '',
	is_transparent INTEGER NOT NULL DEFAULT 0 CHECK (is_transparent IN (0, 1)),
	is_installed INTEGER NOT NULL DEFAULT 1 CHECK (is_installed IN (0, 1)), -- filterd has it loaded
	is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),     -- an administrator's choice
	parameters TEXT NOT NULL DEFAULT '[]' CHECK (parameters GLOB '[[]*]'),
	seen_ms INTEGER NOT NULL,
	revision INTEGER NOT NULL DEFAULT 1
) STRICT;

-- ---------------------------------------------------------------- access

CREATE TABLE hosts (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	iqn TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(iqn) BETWEEN 1 AND 223),
	addresses TEXT NOT NULL DEFAULT '[]' CHECK (addresses GLOB '[[]*]'), -- IPv4/IPv6, CIDR; []: any
	description TEXT NOT NULL DEFAULT '',
	chap_user TEXT NOT NULL DEFAULT '',        -- '': no CHAP
	chap_secret_sealed TEXT,
	chap_changed_ms INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX hosts_by_chap_user ON hosts (chap_user) WHERE chap_user <> '';

CREATE TABLE host_groups (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	description TEXT NOT NULL DEFAULT '',
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE host_group_members (
	group_id INTEGER NOT NULL REFERENCES host_groups (id) ON DELETE CASCADE,
	host_id INTEGER NOT NULL REFERENCES hosts (id),
	PRIMARY KEY (group_id, host_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE portals (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,                 -- "address:port", IPv6 in brackets
	address TEXT NOT NULL,
	port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
	running_state TEXT NOT NULL DEFAULT 'pending' CHECK (running_state IN ('pending', 'online', 'failed')),
	running_error TEXT NOT NULL DEFAULT '',
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

-- One target per volume, and LUN 1 in it. Every target is reachable on every portal: tgtd knows no groups of them.
CREATE TABLE targets (
	volume_id INTEGER PRIMARY KEY REFERENCES volumes (id) ON DELETE CASCADE,
	iqn TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(iqn) BETWEEN 1 AND 223),
	lun INTEGER NOT NULL DEFAULT 1 CHECK (lun BETWEEN 1 AND 16383),
	mutual_user TEXT NOT NULL DEFAULT '',      -- mutual CHAP: what the target says of itself; '': none
	mutual_secret_sealed TEXT,
	mutual_changed_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE volume_access (
	volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
	host_id INTEGER REFERENCES hosts (id),
	group_id INTEGER REFERENCES host_groups (id),
	CHECK ((host_id IS NULL) <> (group_id IS NULL)),
	UNIQUE (volume_id, host_id),
	UNIQUE (volume_id, group_id)
) STRICT;

-- ---------------------------------------------------------------- beyond this machine

CREATE TABLE peers (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	address TEXT NOT NULL,
	port INTEGER NOT NULL DEFAULT 3262 CHECK (port BETWEEN 1 AND 65535),
	fingerprint_sha256 TEXT NOT NULL DEFAULT '',
	description TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL DEFAULT 'configured' CHECK (state IN ('configured', 'paired', 'lost')),
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

-- What is known of keys; the keys themselves never come near this file.
CREATE TABLE keys (
	id INTEGER PRIMARY KEY,
	key_id TEXT NOT NULL UNIQUE,
	provider TEXT NOT NULL,
	algorithm TEXT NOT NULL,
	version INTEGER NOT NULL DEFAULT 1,
	state TEXT NOT NULL CHECK (state IN ('active', 'retired', 'destroyed', 'unavailable')),
	volume_id INTEGER REFERENCES volumes (id) ON DELETE SET NULL,
	created_ms INTEGER NOT NULL,
	rotated_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE webhooks (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	url TEXT NOT NULL,
	kinds TEXT NOT NULL DEFAULT '[]' CHECK (kinds GLOB '[[]*]'), -- event kinds, "volume.*"; []: all
	min_severity TEXT NOT NULL DEFAULT 'warning' CHECK (min_severity IN ('info', 'warning', 'error', 'critical')),
	is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
	secret_sealed TEXT NOT NULL,
	last_event_id INTEGER NOT NULL DEFAULT 0,  -- delivered, or given up
	last_status TEXT NOT NULL DEFAULT '',
	last_attempt_ms INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0,       -- in a row
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

-- ---------------------------------------------------------------- work and records

CREATE TABLE tasks (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,                        -- "volume.create", "volume.export", "backup"
	object_type TEXT NOT NULL DEFAULT '',
	object_name TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
	progress_pct INTEGER NOT NULL DEFAULT 0 CHECK (progress_pct BETWEEN 0 AND 100),
	text TEXT NOT NULL DEFAULT '',             -- what it does or waits for now
	error_code TEXT NOT NULL DEFAULT '',
	error_text TEXT NOT NULL DEFAULT '',
	is_cancellable INTEGER NOT NULL DEFAULT 0 CHECK (is_cancellable IN (0, 1)),
	is_cancel_wanted INTEGER NOT NULL DEFAULT 0 CHECK (is_cancel_wanted IN (0, 1)),
	parameters TEXT NOT NULL DEFAULT '{}' CHECK (parameters GLOB '{*}'),
	actor TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	started_ms INTEGER NOT NULL DEFAULT 0,
	ended_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tasks_open ON tasks (object_type, object_name) WHERE state IN ('queued', 'running');

CREATE TABLE task_log (
	id INTEGER PRIMARY KEY,
	task_id INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	at_ms INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;
CREATE INDEX task_log_by_task ON task_log (task_id);

CREATE TABLE events (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms INTEGER NOT NULL,
	severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
	kind TEXT NOT NULL,                        -- "volume.created", "filter.hung", "daemon.restarted"
	object_type TEXT NOT NULL DEFAULT '',
	object_name TEXT NOT NULL DEFAULT '',
	text TEXT NOT NULL,
	details TEXT NOT NULL DEFAULT '{}' CHECK (details GLOB '{*}')
) STRICT;

CREATE TABLE alert_rules (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,                 -- "datastore-capacity"; the rules are built in, their numbers are not
	metric TEXT NOT NULL,
	unit TEXT NOT NULL DEFAULT '',
	help TEXT NOT NULL DEFAULT '',
	warning REAL,                              -- NULL: never
	error REAL,
	clear_margin_pct REAL NOT NULL DEFAULT 5 CHECK (clear_margin_pct BETWEEN 0 AND 100), -- hysteresis
	raise_after_s INTEGER NOT NULL DEFAULT 0,
	clear_after_s INTEGER NOT NULL DEFAULT 0,
	is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
	revision INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE alerts (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	rule TEXT NOT NULL,
	object_type TEXT NOT NULL,
	object_name TEXT NOT NULL,
	severity TEXT NOT NULL CHECK (severity IN ('warning', 'error')),
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'acknowledged', 'cleared')),
	value REAL NOT NULL,
	threshold REAL NOT NULL,
	text TEXT NOT NULL,
	raised_ms INTEGER NOT NULL,
	changed_ms INTEGER NOT NULL,
	cleared_ms INTEGER NOT NULL DEFAULT 0,
	acknowledged_by TEXT NOT NULL DEFAULT '',
	revision INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, object_type, object_name) WHERE state <> 'cleared';

-- A chain: hash = SHA-256(hash of the row before, this row); a row that was changed or taken out shows.
CREATE TABLE audit (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms INTEGER NOT NULL,
	actor TEXT NOT NULL,                       -- "root (local)", "user:anna", "token:ci"
	role TEXT NOT NULL DEFAULT '',
	address TEXT NOT NULL DEFAULT '',          -- '': this machine
	method TEXT NOT NULL,
	path TEXT NOT NULL,
	status INTEGER NOT NULL,
	object_type TEXT NOT NULL DEFAULT '',
	object_name TEXT NOT NULL DEFAULT '',
	summary TEXT NOT NULL DEFAULT '',          -- what was asked for, secrets left out
	hash TEXT NOT NULL
) STRICT;

-- ---------------------------------------------------------------- who may

CREATE TABLE users (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	password_hash TEXT NOT NULL,               -- "scrypt$17$8$1$salt$hash", base64
	is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
	failed_logins INTEGER NOT NULL DEFAULT 0,  -- in a row
	locked_until_ms INTEGER NOT NULL DEFAULT 0,
	last_login_ms INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	token_hash TEXT NOT NULL UNIQUE,           -- SHA-256, hex: the token has 256 random bits
	user_id INTEGER REFERENCES users (id) ON DELETE CASCADE, -- NULL: made by local root
	created_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL,
	last_used_ms INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE sessions (
	id INTEGER PRIMARY KEY,
	session_hash TEXT NOT NULL UNIQUE,
	csrf_hash TEXT NOT NULL,
	user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	address TEXT NOT NULL DEFAULT '',
	agent TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	last_seen_ms INTEGER NOT NULL,
	expires_ms INTEGER NOT NULL                -- absolute; the idle limit is counted from last_seen_ms
) STRICT;

-- Answers to requests that bore an Idempotency-Key, for a day.
CREATE TABLE idempotency (
	key TEXT NOT NULL,
	actor TEXT NOT NULL,
	request_hash TEXT NOT NULL,
	status INTEGER NOT NULL,
	body TEXT NOT NULL,
	location TEXT NOT NULL DEFAULT '',
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (key, actor)
) STRICT;

-- Grows by one with each transaction that changed something; what is newer, a database or a copy of it, is told by it.
CREATE TABLE generation (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	commits INTEGER NOT NULL
) STRICT;
INSERT INTO generation (id, commits) VALUES (1, 1);
