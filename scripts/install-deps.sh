#!/bin/bash
# SPDX-License-Identifier: MIT
#
# install-deps.sh build|test|packages [--list] - installs what building, testing or packaging needs and is not there yet.
#
# Asks dpkg first, so that it takes no time and needs neither root nor network when all is there.
# Installing Debian's tgt would start a tgtd on port 3260 at once and at every boot; we only need the program,
# so services are kept from starting while packages are unpacked, and tgt's unit is left disabled.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/say.sh

# Compiler, libraries that the daemons link, tgtd itself, and what fetches and unpacks tgt's headers.
build_packages=(gcc libc6-dev make pkg-config dpkg-dev ca-certificates tgt liburing-dev libjansson-dev
	libsystemd-dev libsqlite3-dev libmicrohttpd-dev libcurl4-openssl-dev libssl-dev libgnutls28-dev libseccomp-dev
	libcryptsetup-dev liblz4-dev libzstd-dev libxxhash-dev openssl libcap2-bin iproute2 util-linux)
# Initiators, unit test library, model checker, linters, and clang for fuzzing and thread annotations.
test_packages=(python3 libcmocka-dev libiscsi-dev libiscsi-bin qemu-utils qemu-block-extra e2fsprogs spin
	clang libclang-rt-dev clang-format cppcheck shellcheck jq gojq procps python3-yaml curl mandoc ccache
	qemu-system-x86 busybox-static cpio kmod cryptsetup-bin chromium fonts-inter python3-pykmip)
# What fetches the console's few libraries. Not asked for by name where npm came with Node.js from elsewhere.
command -v npm >/dev/null || build_packages+=(nodejs npm)
# Debian packages and RPMs, their checkers, roots to install them into, and the appliance's image.
packaging_packages=(debhelper fakeroot lintian rpm rpmlint debootstrap mmdebstrap grub-pc-bin grub-efi-amd64-bin
	grub-common dosfstools mtools fdisk systemd bash-completion)

what=${1:-}
case $what in
packages) packages=("${build_packages[@]}" "${test_packages[@]}" "${packaging_packages[@]}") ;;
build) packages=("${build_packages[@]}") ;;
test) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
*) die "say install-deps.sh build, test or packages." ;;
esac
if [ "${2:-}" = --list ]; then
	printf '%s\n' "${packages[@]}"
	exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	die "only Debian and its relatives are supported here; on this system install what corresponds to:" \
		"${packages[*]}."
fi

missing=()
for package in "${packages[@]}"; do
	# "installed" only: a removed package whose configuration stayed is known to dpkg, too.
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
		missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" -eq 0 ] || die "these packages are missing: ${missing[*]}; run" \
	"\"sudo scripts/install-deps.sh $what\" (or the make command with sudo)."

policy=/usr/sbin/policy-rc.d
policy_kept=
log=$(mktemp) || exit 1

restore()
{
	rm -f "$log"
	if [ "$policy_kept" = moved ]; then
		mv -f "$policy.sluice-kept" "$policy"
	elif [ "$policy_kept" = made ]; then
		rm -f "$policy"
	fi
}
trap restore EXIT
trap 'exit 130' INT TERM

# Debian's way to say "do not start services while installing" (invoke-rc.d(8)).
forbid_service_starts()
{
	if [ -e "$policy" ]; then
		mv -f "$policy" "$policy.sluice-kept" || die "cannot put $policy aside while installing."
		policy_kept=moved
	else
		policy_kept=made
	fi
	printf '#!/bin/sh\nexit 101\n' >"$policy" || die "cannot write $policy."
	chmod 755 "$policy"
}

install_missing()
{
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "${missing[@]}" >"$log" 2>&1 </dev/null
}

give_up()
{
	local reason

	reason=$(grep -m1 -E '^E: ' "$log" | cut -c4-)
	die "$1 (${reason:-no reason given}); $2"
}

brings_tgt=
[[ " ${missing[*]} " == *" tgt "* ]] && brings_tgt=1
[ -z "$brings_tgt" ] || forbid_service_starts

say "installing ${#missing[@]} packages: ${missing[*]}"
# With package lists already there, one call is enough; if not, or if they are out of date, fetch them first.
if ! install_missing; then
	say "fetching the package lists"
	apt-get update -o APT::Update::Error-Mode=any >"$log" 2>&1 </dev/null ||
		give_up "the package lists could not be fetched" "check the network and /etc/apt, then run it again."
	install_missing || give_up "the packages could not be installed" \
		"try \"apt-get install ${missing[*]}\" by hand to see why."
fi

if [ -n "$brings_tgt" ] && [ -d /run/systemd/system ]; then
	systemctl disable tgt.service >/dev/null 2>&1
	say "tgt is installed, its own service stays off (systemctl enable --now tgt would start it)"
fi
say "packages installed"
