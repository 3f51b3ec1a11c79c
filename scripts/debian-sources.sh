#!/bin/bash
# SPDX-License-Identifier: MIT
#
# debian-sources.sh - prints this machine's Debian sources as one-line entries, for roots that are made of the same
# packages. Third parties' sources stay out.
set -eu
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
	awk '$1 == "Debian" && !seen[$0]++ { print "deb", $2, $3, $4 }'
