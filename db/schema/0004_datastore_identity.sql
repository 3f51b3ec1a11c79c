-- SPDX-License-Identifier: MIT
-- 0004: which folder a datastore is: the UUID of the mark that sluice-filterd made in it. With it, a filterd that
-- has forgotten everything does not take a mount point without its disk for the datastore.

ALTER TABLE datastores ADD COLUMN uuid TEXT NOT NULL DEFAULT '' CHECK (length(uuid) <= 36);
