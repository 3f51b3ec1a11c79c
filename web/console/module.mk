# SPDX-License-Identifier: MIT
# The web console: our files and three small libraries, copied together into build/console, which webd serves as
# it is. Nothing is bundled or compiled; a file in the browser is the file here.
CONSOLE      := build/console
CONSOLE_SRCS := $(shell find web/console -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg')
CONSOLE_LOCK := web/console/package.json web/console/package-lock.json web/console/.npmrc

# $(1) folder, $(2) options: what the lock file names, each checked against the hash that stands there.
define npm_rule
build/$(1)/done: $(CONSOLE_LOCK)
	@mkdir -p $$(@D)
	$$(call say,NPM,build/$(1))
	$(Q)cp $$^ $$(@D)/ && cd $$(@D) && npm ci --silent $(2) >npm.log 2>&1 </dev/null || { cat npm.log >&2; \
		echo 'sluice: npm could not fetch the libraries of the console; check the network and "npm ping".' >&2; exit 1; }
	@touch $$@
endef
$(eval $(call npm_rule,npm,--omit=dev))
$(eval $(call npm_rule,npm-dev,))
.PHONY: console-tools
console-tools: build/npm-dev/done


.PHONY: console
## console: the web console, into build/console
console: $(CONSOLE).done
product: $(CONSOLE).done
$(CONSOLE).done: $(CONSOLE_SRCS) web/console/install.sh build/npm/done
	$(call say,COPY,$(CONSOLE))
	$(Q)web/console/install.sh build/npm/node_modules $(CONSOLE)
	@touch $@
