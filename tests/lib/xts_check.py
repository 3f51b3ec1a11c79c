#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""xts_check.py IMAGE HEADER KEY-FILE SECTOR-BYTES PLAIN - decrypts an image with another implementation.

The volume key comes from the stock cryptsetup, the cipher from python3-cryptography, the tweak from the kernel's
documentation of dm-crypt. Holes are zeros. Byte for byte the same as PLAIN, or status 1.
"""
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def volume_key(image, header, key_file):
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "key")
    subprocess.run(["cryptsetup", "luksDump", "--batch-mode", "--header", header, "--dump-volume-key",
                    "--volume-key-file", path, "--key-file", key_file, image], check=True,
                   stdout=subprocess.DEVNULL)
    with open(path, "rb") as f:
        key = f.read()
    os.unlink(path)
    os.rmdir(folder)
    return key


def main():
    image, header, key_file, sector_bytes, plain = sys.argv[1:]
    sector_bytes = int(sector_bytes)
    key = volume_key(image, header, key_file)
    holes = sectors = 0
    with open(image, "rb") as raw, open(plain, "rb") as wanted:
        while True:
            at = raw.tell()
            sector = raw.read(sector_bytes)
            if not sector:
                break
            sectors += 1
            if any(sector):
                tweak = (at // 512).to_bytes(16, "little")
                d = Cipher(algorithms.AES(key), modes.XTS(tweak)).decryptor()
                sector = d.update(sector) + d.finalize()
            else:
                holes += 1
            if sector != wanted.read(sector_bytes):
                sys.exit(f"byte {at} on differs")
        if wanted.read(1):
            sys.exit("the image is shorter")
    print(f"{sectors} sectors of {sector_bytes}, {holes} of them holes")


main()
