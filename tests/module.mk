# SPDX-License-Identifier: MIT
# What "make check" runs, and the long form of each part. A suite whose files are not there is left out.
#
# A line of build/check/manifest is   suite|seconds|jobs|name|command
# "seconds" limits one test, generously: a busy machine is no failure. "jobs" is how many of the suite run side by side.
# tests/lib/check.sh runs it, in two lanes: what computes, at a lower priority, and what waits more than it computes.
COMPUTING := build lint unit asan tsan models sim mutants fuzz
# Real daemons and real time: one of these that fails beside others is looked at once more, alone.
REAL_TIME := integration integration-asan integration-tsan appliance appliance-asan appliance-tsan packages console
.PHONY: check check-log-long check-layer-long check-repl-long check-whole-long check-build check-unit check-asan check-tsan check-models check-sim check-mutants check-fuzz \
	check-integration check-appliance check-policyd-kills check-reencrypt-kills check-unit-long check-matrix soak check-conformance check-console check-crash bench check-manifest

# Short forms; the check-* targets below set longer ones.
SEEDS   ?= 200000
CYCLES  ?= 20
FUZZ_S  ?= 6
# Two minutes of one core.
REPL_SEEDS ?= 50000
# Half a minute of one core.
WHOLE_SEEDS ?= 4000
# Half a minute of two cores.
LAYER_SEEDS ?= 3000
export CYCLES

MANIFEST := build/check/manifest
comma := ,
line  = $(file >>$(MANIFEST),$(1)|$(2)|$(3)|$(4)|$(5))
# Who starts threads: the others have one, and nothing that ThreadSanitizer could find. Who links pthread_create() without being
# named here fails tests/lint/test-tsan-runs-threads.sh.
THREADED = $(filter test_backend_% test_cache_filter_% test_env_% test_layer_% test_link_% test_peer_% test_reconciler% test_rest_% test_chain_thread test_events_feed \
	test_fd test_password test_replicator_answers test_ring_server_threads test_store_writers test_tgt_client,$(TESTS))
# What has a longer form, by the variables of check-unit-long.
LONG_UNIT  = test_encryption_reencrypt_kill test_encryption_reencrypt_faults test_encryption_luks test_planner_converges \
	test_cache_filter_sweep test_cache_filter_point_in_time
# Of a killed process's memory nothing is given back there: a seed would take a hundred megabytes.
NOT_RUN_asan = sim_whole
NOT_RUN_tsan = $(filter-out $(THREADED),$(TESTS))
tests_of = $(foreach t,$(filter-out $(if $(filter unit,$(1)),sim sim_repl sim_whole) $(NOT_RUN_$(1)),$(TESTS)),$(call line,$(1),$(2),4,$(t),build/$(3)/tests/$(call out,$(t))))

LINT_CHECKS       := format includes lengths forbidden licences threads cppcheck shell console
MODEL_SCRIPTS      = $(wildcard tests/models/*.sh)
MUTANT_SCRIPTS     = $(wildcard tests/sim/mutants.sh tests/sim/io_control/mutants.sh tests/sim/log/mutants.sh tests/sim/layer/mutants.sh tests/sim/repl/mutants.sh tests/sim/whole/mutants.sh tests/unit/*_mutants.sh)
SIM                = $(filter sim,$(TESTS))
CONFORMANCE_SCRIPT = $(wildcard tests/integration/test-conformance.sh)
CRASH_SCRIPT       = $(sort $(wildcard tests/integration/test-*-under-load.sh tests/fault/test-*.sh))
INTEGRATION_TESTS  = $(filter-out $(CONFORMANCE_SCRIPT) $(CRASH_SCRIPT) $(APPLIANCE_TESTS),$(sort $(wildcard \
			tests/integration/test-*.sh tests/ring/*/test-*.sh)))
BENCH_SCRIPT       = $(wildcard tests/perf/bench.sh tests/perf/bench_policy.sh)
# Of packages: what takes seconds. Whole images, guests, and another build for comparison are check-packages' alone.
PACKAGE_TESTS     := $(sort $(wildcard tests/packages/test-*.sh))
PACKAGE_LONG      := $(filter %-same-bytes.sh %-linux-initiator.sh %-rpm-into-a-root.sh tests/packages/test-appliance-%,$(PACKAGE_TESTS))
PACKAGE_SHORT     := $(filter-out $(PACKAGE_LONG),$(PACKAGE_TESTS))
# Two appliances cost much, and what a sanitizer would see in one of these it sees in the first of each kind.
TWO_SIDES         := $(filter-out %-sync-pair.sh %-refuse-intruders.sh,$(wildcard tests/integration/test-replication-*.sh tests/integration/test-links-*.sh))
# What a tool of the tests does, and what a stock tool does with the content: the daemon does the same as everywhere.
OF_TOOLS          := $(wildcard tests/integration/test-verifying-load-sees-damage.sh tests/integration/test-ext4-image-travels.sh)
# A guest costs most of its time in the guest, which no sanitizer looks into.
GUEST_TESTS       := $(shell grep -lE '/guest[.]sh' tests/integration/test-*.sh)
# With policyd or a gateway: they wait more than they compute, so several run side by side.
APPLIANCE_TESTS   := $(sort $(wildcard tests/integration/test-cli-*.sh tests/integration/test-openapi-*.sh) \
			$(filter-out %-under-load.sh,$(shell grep -lE '/(appliance|reconcile|gateway|replicated)[.]sh' tests/integration/test-*.sh)))
# Sanitized, what parses bytes of strangers, is cut off in the middle or carries content, and what has threads. What policyd does with
# its database and its plans is the same code as in test_rest_* and test_reconciler*, which run in all variants.
APPLIANCE_ASAN     = $(foreach w,cli-endures egress gateway-certificate gateway-clients gateway-limits gateway-path gateway-sessions \
			gateway-smuggling gateway-streams keys-kmip keys-native keys-open openapi-matches policyd-bad policyd-damaged policyd-huge \
			policyd-slow policyd-streams reconcile-daemons reconcile-volume replicate-operations rest-config rest-transfer-bad \
			rest-transfer-in rest-transfer-luks rest-volumes-concurrent rest-webhooks,$(filter tests/integration/test-$(w)%,$(APPLIANCE_TESTS)))
APPLIANCE_TSAN     = $(foreach w,api-says keys-open policyd-changes reconcile-daemons reconcile-killed-at rest-events \
			rest-stats rest-transfer-in rest-webhooks,$(filter tests/integration/test-$(w)%,$(APPLIANCE_TESTS)))
# One worker and one command at a time: two threads do not meet there in a way that they do not in the others.
ONE_AT_A_TIME     := $(foreach w,abort-is cache-flash-device cache-never datastore-not datastore-filter-set-interrupted encryption-image \
			encryption-locked encryption-never encryption-nothing filterctl lun-before lun-over peers-pair plan-survives qemu \
			reservations systemd volume-not grow-raises snapshot-missing snapshot-repair,$(wildcard tests/integration/test-$(w)*.sh))
# A browser before a whole appliance. The short form: set-up to a first volume, every view, a policy's life.
CONSOLE_SHORT      = $(foreach w,first-use policy views,$(wildcard tests/console/test-console-$(w).sh))
CONSOLE_LONG       = $(sort $(wildcard tests/console/test-console-*.sh))

# Builds that the other lane waits for; make's own variables would bring a job server that is not there.
build_line = $(call line,build,1500,1,$(1),env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory -j$(JOBS) CC="$(CC)" $(2))

check-manifest:
	$(shell mkdir -p $(dir $(MANIFEST)))
	$(file >$(MANIFEST))
	$(if $(BUILDS_TOO),$(call build_line,asan,VARIANT=asan variant-tests)$(call build_line,tsan,VARIANT=tsan variant-tests))
	$(if $(BUILDS_TOO),$(call build_line,package,package-for-tests)$(call build_line,fuzz targets,fuzz))
	$(foreach c,$(LINT_CHECKS),$(call line,lint,300,2,$(c),scripts/lint.sh $(c)))
	$(call line,lint,300,2,tests/lint/test-lint-sees-faults.sh,tests/lint/test-lint-sees-faults.sh)
	$(call tests_of,unit,120,release)
	$(call line,unit,60,4,tests/lint/test-tsan-runs-threads.sh,tests/lint/test-tsan-runs-threads.sh)
	$(call tests_of,asan,240,asan)
	$(call tests_of,tsan,240,tsan)
	$(foreach s,$(MODEL_SCRIPTS),$(call line,models,300,2,$(s),$(s)))
	$(foreach s,$(SIM),$(call line,sim,300,1,$(SEEDS) seeds,build/release/tests/sim --count $(SEEDS) --jobs $(JOBS)))
	$(foreach s,$(filter sim_io_control,$(TESTS)),$(call line,sim,120,1,io_control properties,build/release/tests/$(s) --properties --count 20000))
	$(foreach s,$(filter sim_log,$(TESTS)),$(call line,sim,300,1,record log$(comma) $(SEEDS) seeds,build/release/tests/$(s) --count $(SEEDS) --jobs $(JOBS)))
	$(foreach s,$(filter sim_log,$(TESTS)),$(call line,sim,300,1,record log$(comma) every short workload,build/release/tests/$(s) --exhaustive 2 --nested 1))
	$(foreach s,$(filter sim_log,$(TESTS)),$(call line,sim,300,1,record log$(comma) faults,build/release/tests/$(s) --faults --count 300))
	$(foreach s,$(filter sim_layer,$(TESTS)),$(call line,sim,300,1,layers$(comma) $(LAYER_SEEDS) seeds,build/release/tests/$(s) --count $(LAYER_SEEDS) --jobs $(JOBS)))
	$(foreach s,$(filter sim_repl,$(TESTS)),$(call line,sim,600,1,replication$(comma) $(REPL_SEEDS) seeds,build/release/tests/$(s) --count $(REPL_SEEDS) --jobs $(JOBS)))
	$(foreach s,$(filter sim_whole,$(TESTS)),$(call line,sim,600,1,whole chain$(comma) $(WHOLE_SEEDS) seeds,build/release/tests/$(s) --count $(WHOLE_SEEDS) --jobs $(JOBS)))
	$(foreach s,$(filter sim_repl,$(TESTS)),$(call line,sim,300,1,replication$(comma) slow disks,build/release/tests/$(s) --slow-disks --count 5000 --jobs $(JOBS)))
	$(foreach s,$(filter sim_repl,$(TESTS)),$(call line,sim,300,1,replication$(comma) forced splits,build/release/tests/$(s) --splits --count 8000 --jobs $(JOBS)))
	$(foreach s,$(filter sim_repl,$(TESTS)),$(call line,sim,300,1,replication$(comma) forced splits on slow disks,build/release/tests/$(s) --splits --slow-disks --count 2000 --jobs $(JOBS)))
	$(foreach s,$(filter sim_repl,$(TESTS)),$(call line,sim,300,1,replication$(comma) resyncs cut off,build/release/tests/$(s) --cut-resyncs --count 2000 --jobs $(JOBS)))
	$(foreach s,$(MUTANT_SCRIPTS),$(call line,mutants,600,2,$(subst /,-,$(patsubst tests/%.sh,%,$(s))),$(s)))
	$(foreach f,$(FUZZ),$(call line,fuzz,$(shell expr $(FUZZ_S) + 60),2,$(f),scripts/fuzz.sh $(f) $(FUZZ_S)))
	$(foreach s,$(INTEGRATION_TESTS),$(call line,integration,120,5,$(s),$(s)))
	$(foreach v,asan tsan,$(foreach s,$(filter-out $(GUEST_TESTS) $(TWO_SIDES) $(OF_TOOLS) $(if $(filter tsan,$(v)),$(ONE_AT_A_TIME)),$(filter tests/integration/%,$(INTEGRATION_TESTS))),$(call line,integration-$(v),240,5,$(s),env VARIANT=$(v) $(s))))
	$(foreach s,$(APPLIANCE_TESTS),$(call line,appliance,180,8,$(s),$(s)))
	$(foreach s,$(APPLIANCE_ASAN),$(call line,appliance-asan,300,7,$(s),env VARIANT=asan $(s)))
	$(foreach s,$(APPLIANCE_TSAN),$(call line,appliance-tsan,300,7,$(s),env VARIANT=tsan $(s)))
	$(foreach s,$(PACKAGE_SHORT),$(call line,packages,150,2,$(s),$(s)))
	$(if $(PACKAGES_TOO),$(foreach s,$(PACKAGE_LONG),$(call line,packages-long,1500,1,$(s),$(s))))
	$(foreach s,$(CONSOLE_SHORT),$(call line,console,180,2,$(s),$(s)))
	$(foreach s,$(CONFORMANCE_SCRIPT),$(call line,conformance,900,1,$(s),$(s)))
	$(foreach s,$(CRASH_SCRIPT),$(call line,crash,1800,2,$(s),$(s)))
	$(foreach s,$(BENCH_SCRIPT),$(call line,bench,300,1,$(s) --smoke,$(s) --smoke))
	@:

check-build:
	@scripts/install-deps.sh packages
	@scripts/fetch-tgt-headers.sh
	@scripts/make-guest.sh
	@echo 'sluice: building; the variants of the sanitizers and the fuzz targets while the first tests run'
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests console-tools compile_commands.json

## check: as root: install what tests need, build all variants, run a short form of every suite
check:
	+@$(MAKE) --no-print-directory check-build
	@$(MAKE) --no-print-directory check-manifest BUILDS_TOO=1
	@tests/lib/check.sh -c '$(COMPUTING)' -a '$(REAL_TIME)' $(MANIFEST); rc=$$?; [ -z "$$SUDO_UID" ] || chown -R "$$SUDO_UID:$$SUDO_GID" build; exit $$rc

suite = @$(MAKE) --no-print-directory check-manifest && tests/lib/check.sh $(MANIFEST) $(1)

## check-unit: unit tests, release
check-unit:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release variant-tests
	$(call suite,unit)
## check-asan: the same with AddressSanitizer and UBSan
check-asan:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan variant-tests
	$(call suite,asan)
## check-tsan: the same with ThreadSanitizer
check-tsan:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=tsan variant-tests
	$(call suite,tsan)
## check-integration: real initiators against real daemons (root; VARIANT=asan or tsan for a sanitized filterd)
check-integration:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=$(VARIANT) product
	$(call suite,$(if $(filter release,$(VARIANT)),integration,integration-$(VARIANT)))
## check-appliance: the whole appliance by REST and command line (root; VARIANT=asan or tsan)
check-appliance:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=$(VARIANT) product
	$(call suite,$(if $(filter release,$(VARIANT)),appliance,appliance-$(VARIANT)))
## check-policyd-kills: kill -9 of policyd before each changing SQLite statement of 23 operations
check-policyd-kills:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	KILL_STEP=1 tests/integration/test-policyd-killed-under-load.sh
## check-reencrypt-kills: kill -9 of filterd in encrypt, deep rekey and decrypt in place, under load (KILLS=170 each, root)
check-reencrypt-kills: export KILLS ?= 170
check-reencrypt-kills: export RATE ?= 65536
check-reencrypt-kills: export ZONE ?= 65536
check-reencrypt-kills: export FILL ?= 20000
check-reencrypt-kills:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	tests/integration/test-encryption-rekey-killed-under-load.sh
## check-unit-long: the unit tests that try points or seeds, each point of them (a quarter of an hour)
check-unit-long: export REENCRYPT_KILLS ?= 500
check-unit-long: export REENCRYPT_STRIDE ?= 1
check-unit-long: export LUKS_KILLS ?= 60
check-unit-long: export CACHE_SWEEP_STEP ?= 1
check-unit-long: export CACHE_MOMENTS ?= 100
check-unit-long: PLANNER_SEEDS ?= 40000
check-unit-long:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=$(VARIANT) $(LONG_UNIT:%=$(B)/tests/%)
	set -e; for t in $(LONG_UNIT); do SEEDS=$(PLANNER_SEEDS) $(B)/tests/$$t; done
## check-console: all of the console's tests in Chromium; pictures of every view in build/console-shots (root)
check-console:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests console-tools
	@rm -rf build/console-shots
	SHOTS=1 tests/lib/run-tests.sh -j 1 $(CONSOLE_LONG)
## check-conformance: iscsi-test-cu, one process per test
check-conformance:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	$(call suite,conformance)
## check-crash: kill -9 under a verifying load (CYCLES=100)
check-crash: CYCLES := $(if $(filter command line environment,$(origin CYCLES)),$(CYCLES),100)
check-crash:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	@$(MAKE) --no-print-directory check-manifest && CYCLES=$(CYCLES) tests/lib/check.sh $(MANIFEST) crash
## check-matrix: all combinations of filters, the long form; writes docs/matrix.md (root; ROWS="rxci rc" CELLS=kill JOBS=2 RESUME=1 CONFORMANCE=regex)
check-matrix:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	tests/matrix/check-matrix.sh
## soak: all combinations under load with kills, snapshots, rekeys and failovers (HOURS=0.2, root)
HOURS ?= 0.2
soak:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	tests/soak/soak.sh $(HOURS)
## check-models: spin models of the ring and their mutations, the long form (half an hour, 8 GB)
check-models:
	tests/models/run-models.sh --long
## check-sim: the simulator, SEEDS=1000000
check-sim: SEEDS_LONG := $(if $(filter command line environment,$(origin SEEDS)),$(SEEDS),1000000)
check-sim:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	@$(MAKE) --no-print-directory check-manifest SEEDS=$(SEEDS_LONG) && tests/lib/check.sh -t 7200 $(MANIFEST) sim
## check-log-long: the record log: LOG_SEEDS=10000000, all workloads of 3 operations, rare mutants (an hour)
LOG_SEEDS ?= 10000000
check-log-long:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/tests/sim_log build/release/bin/sim_log_mutants
	build/release/tests/sim_log --count $(LOG_SEEDS) --jobs $(JOBS)
	build/release/tests/sim_log --exhaustive 3 --nested 2
	build/release/tests/sim_log --faults --count 5000
	tests/sim/log/mutants.sh --long
## check-repl-long: two nodes that replicate, from seeds without end (REPL_FIRST=1)
REPL_FIRST ?= 1
check-repl-long:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/tests/sim_repl
	build/release/tests/sim_repl --endless --first $(REPL_FIRST) --jobs $(JOBS)
## check-whole-long: two appliances with all filters, SEEDS=1000000 (two hours of one core; WHOLE_FIRST=1)
WHOLE_FIRST ?= 1
check-whole-long: WHOLE_SEEDS_LONG := $(if $(filter command line environment,$(origin SEEDS)),$(SEEDS),1000000)
check-whole-long:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/tests/sim_whole
	build/release/tests/sim_whole --first $(WHOLE_FIRST) --count $(WHOLE_SEEDS_LONG) --jobs $(JOBS)
## check-layer-long: volumes with snapshots killed anywhere: LAYER_SEEDS=100000, 40 scripts at each of their calls
check-layer-long: LAYER_SEEDS_LONG := $(if $(filter command line environment,$(origin LAYER_SEEDS)),$(LAYER_SEEDS),100000)
check-layer-long:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/tests/sim_layer
	build/release/tests/sim_layer --count $(LAYER_SEEDS_LONG) --jobs $(JOBS)
	build/release/tests/sim_layer --enumerate 40
## check-mutants: every deliberate fault must be caught
check-mutants:
	$(call suite,mutants)
## check-fuzz: every fuzz target, FUZZ_S=60 seconds each
check-fuzz: fuzz
	$(call suite,fuzz)
## bench: against plain tgt in the same run; prints a table
bench:
	+@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release tests
	@$(if $(BENCH_SCRIPT),$(BENCH_SCRIPT),echo 'sluice: there is no benchmark yet')
