# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# guest.sh - a Linux guest under QEMU without hardware help: a real kernel as initiator. Source it after harness.sh.
#
#   guest_run LIMIT_S SCRIPT [DRIVE...]   runs the shell script (text) in the guest with these drives, /dev/vda and
#                                         on: files or iscsi:// URLs; its output is in $T/guest.out; fails like it
#   guest_begin NAME SCRIPT [DRIVE...]    the same in the background: start_bg's process NAME; output in $T/NAME.out
#   guest_said NAME WORDS                 whether that guest has printed them
#
# A drive may bear options behind a comma: "FILE,readonly=on". GUEST_MORE holds further words for QEMU, GUEST_EXTRA
# further archives (cpio.gz) over the guest's files.
GUEST=$ROOT/build/guest
GUEST_MORE=()
GUEST_EXTRA=()

guest_prepare() {
	[ -s "$GUEST/initrd" ] || [ -z "${NO_GUEST:-}" ] || exit 77
	"$ROOT/scripts/make-guest.sh" >&2 || die "the guest could not be made"
}

# guest_words NAME SCRIPT [DRIVE...]  QEMU's arguments in GUEST_WORDS.
guest_words() {
	local name=$1 script=$2 folder drive
	shift 2
	guest_prepare
	folder=$(mktemp -d "$T/guest.XXXXXX")
	printf '%s\n' "$script" >"$folder/script"
	(cd "$folder" && echo script | cpio -o -H newc --quiet) | gzip -1 >"$folder/more"
	cat "$GUEST/initrd" "${GUEST_EXTRA[@]}" "$folder/more" >"$folder/initrd"
	GUEST_WORDS=(-accel tcg -cpu max -m 384 -smp 1 -nodefaults -no-user-config -display none -no-reboot
		-kernel "$GUEST/vmlinuz" -initrd "$folder/initrd"
		# A guest that got no processor time while its kernel looked whether timers work would panic.
		-append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on no_timer_check" -serial "file:$T/$name.out")
	GUEST_WORDS+=("${GUEST_MORE[@]}")
	for drive in "$@"; do
		GUEST_WORDS+=(-drive "if=virtio,format=raw,cache=none,discard=unmap,file=$drive")
	done
}

guest_begin() {
	local name=$1
	guest_words "$@"
	: >"$T/$name.out"
	start_bg "$name" qemu-system-x86_64 "${GUEST_WORDS[@]}"
}

guest_said() { grep -qa -- "$2" "$T/$1.out"; }

guest_run() {
	local limit=$1
	shift
	guest_words guest "$@"
	: >"$T/guest.out"
	timeout -k 5 "$limit" qemu-system-x86_64 "${GUEST_WORDS[@]}" </dev/null >"$T/guest.err" 2>&1 ||
		die "the guest ended badly: $(tail -n 20 "$T/guest.err" "$T/guest.out")"
	tr -d '\r' <"$T/guest.out" >"$T/guest.text"
	[ "$(sed -n 's/^GUEST-EXIT //p' "$T/guest.text")" = 0 ] || die "the guest's script failed: $(tail -n 30 "$T/guest.text")"
}
