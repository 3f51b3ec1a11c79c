#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""grub-bios.py DISK BOOT CORE SECTOR: makes a disk image start by BIOS, as grub-bios-setup does for real disks.

BOOT goes into the first sector around the partition table and is told where CORE begins. CORE's first sector is told
where the rest of it is: one entry of a list at its end, of a start sector, a count and a segment in memory.
"""
import struct
import sys

KERNEL_SECTOR = 0x5C  # in BOOT: where CORE begins
DRIVE_CHECK = 0x66    # in BOOT: a jump that is made harmless, so that the BIOS's drive number is believed
TABLE = 0x1B8         # from here on the first sector is the partition table's
LIST_ENTRY = 512 - 12
FIRST_SEGMENT = 0x800 + (512 >> 4)


def main():
    disk, boot, core, sector = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    boot = bytearray(open(boot, "rb").read())
    core = bytearray(open(core, "rb").read())
    count = (len(core) + 511) // 512
    if count > 2048:
        sys.exit("GRUB's core has %d sectors; there is room for 2048" % count)
    struct.pack_into("<Q", boot, KERNEL_SECTOR, sector)
    boot[DRIVE_CHECK:DRIVE_CHECK + 2] = b"\x90\x90"
    struct.pack_into("<QHH", core, LIST_ENTRY, sector + 1, count - 1, FIRST_SEGMENT)
    with open(disk, "r+b") as image:
        image.write(boot[:TABLE])
        image.seek(510)
        image.write(b"\x55\xaa")
        image.seek(sector * 512)
        image.write(core)


if __name__ == "__main__":
    main()
