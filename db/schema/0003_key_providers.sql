-- SPDX-License-Identifier: MIT
-- 0003: who keeps the keys of encrypted volumes, and what is known of keys: names, versions, who uses them. The keys
-- themselves never come near this file.

CREATE TABLE key_providers (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	type TEXT NOT NULL CHECK (type IN ('native', 'kmip')),
	description TEXT NOT NULL DEFAULT '',
	-- native: what opens its keystore file
	opened_by TEXT NOT NULL DEFAULT '' CHECK (opened_by IN ('', 'passphrase', 'credential', 'key_file')),
	opened_from TEXT NOT NULL DEFAULT '',      -- the credential's name, the key file's path
	is_made INTEGER NOT NULL DEFAULT 0 CHECK (is_made IN (0, 1)), -- the file was there: never make it anew
	-- KMIP
	servers TEXT NOT NULL DEFAULT '[]' CHECK (servers GLOB '[[]*]'), -- "host:port", asked in this order
	server_name TEXT NOT NULL DEFAULT '',      -- what their certificates are for; '': the host
	ca_certificates TEXT NOT NULL DEFAULT '',
	client_certificate TEXT NOT NULL DEFAULT '',
	client_key_sealed TEXT,                    -- of TLS
	timeout_ms INTEGER NOT NULL DEFAULT 5000 CHECK (timeout_ms BETWEEN 100 AND 60000),
	-- as last seen
	state TEXT NOT NULL DEFAULT 'pending'
		CHECK (state IN ('pending', 'ok', 'locked', 'unreachable', 'refused', 'failed')),
	state_text TEXT NOT NULL DEFAULT '',
	state_since_ms INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;

DROP TABLE keys; -- nothing could make one until now
CREATE TABLE keys (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 80),
	uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36), -- "sluice/<uuid>/<version>" is its name at the provider
	provider_id INTEGER NOT NULL REFERENCES key_providers (id),
	description TEXT NOT NULL DEFAULT '',
	algorithm TEXT NOT NULL DEFAULT 'aes-256',
	version INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0), -- the newest that is there; 0: none yet
	state TEXT NOT NULL DEFAULT 'pending'
		CHECK (state IN ('pending', 'active', 'revoked', 'destroyed', 'missing', 'failed', 'destroying')),
	state_text TEXT NOT NULL DEFAULT '',
	rotated_ms INTEGER NOT NULL DEFAULT 0,
	revision INTEGER NOT NULL DEFAULT 1,
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX keys_by_provider ON keys (provider_id);

CREATE TABLE key_versions (
	key_id INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
	version INTEGER NOT NULL CHECK (version > 0),
	provider_key_id TEXT NOT NULL CHECK (length(provider_key_id) > 0),
	state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired', 'destroyed')),
	created_ms INTEGER NOT NULL,
	PRIMARY KEY (key_id, version)
) STRICT, WITHOUT ROWID;

-- Which key opens the header of a volume. A row is there from before the header is made until the volume is gone,
-- erased or decrypted.
CREATE TABLE volume_keys (
	volume_id INTEGER PRIMARY KEY REFERENCES volumes (id) ON DELETE CASCADE,
	key_id INTEGER NOT NULL REFERENCES keys (id),
	version INTEGER NOT NULL CHECK (version > 0),
	is_formatted INTEGER NOT NULL DEFAULT 0 CHECK (is_formatted IN (0, 1)), -- a header was made with it
	changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX volume_keys_by_key ON volume_keys (key_id);
