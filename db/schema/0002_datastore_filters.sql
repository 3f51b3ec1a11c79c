-- SPDX-License-Identifier: MIT
-- 0002: filters that work for a whole datastore, with parameters of the datastore's own. Such a filter stands in the
-- chain of every volume on it, by itself with its defaults, unless the volume's policy has a rule of its class.

CREATE TABLE datastore_filters (
	datastore_id INTEGER NOT NULL REFERENCES datastores (id) ON DELETE CASCADE,
	filter TEXT NOT NULL CHECK (length(filter) > 0),
	parameters TEXT NOT NULL DEFAULT '{}' CHECK (parameters GLOB '{*}'), -- {name: value as text}
	PRIMARY KEY (datastore_id, filter)
) STRICT, WITHOUT ROWID;

ALTER TABLE filters ADD COLUMN group_parameters TEXT NOT NULL DEFAULT '[]' CHECK (group_parameters GLOB '[[]*]');
