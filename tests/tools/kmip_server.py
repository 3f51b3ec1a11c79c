#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kmip_server.py DIR PORT [EXTRA...] - PyKMIP's server on 127.0.0.1, for tests: certificates from DIR (ca.pem,
server.pem, server.key), its database in DIR/kmip.db. Debian's python3-pykmip lives with /usr/bin/python3 alone.

Two things in PyKMIP 0.10 stand in the way of today's Python and OpenSSL and are put right here: ssl.wrap_socket() is
gone from Python 3.12, and its own list of ciphers leaves nothing at OpenSSL's usual level of strength but a few.
"""
import logging
import os
import ssl
import sys
import warnings

warnings.filterwarnings("ignore")
from kmip.services.server import KmipServer  # noqa: E402


def wrap_socket(sock, keyfile, certfile, server_side, cert_reqs, ssl_version, ca_certs, do_handshake_on_connect,
                suppress_ragged_eofs, ciphers):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if os.environ.get("KMIP_TLS12"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certfile, keyfile)
    context.load_verify_locations(ca_certs)
    context.verify_mode = cert_reqs
    return context.wrap_socket(sock, server_side=server_side, do_handshake_on_connect=do_handshake_on_connect,
                               suppress_ragged_eofs=suppress_ragged_eofs)


def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    ssl.wrap_socket = wrap_socket
    os.makedirs(f"{folder}/policy", exist_ok=True)
    server = KmipServer(
        hostname="127.0.0.1", port=port, certificate_path=f"{folder}/server.pem", key_path=f"{folder}/server.key",
        ca_path=f"{folder}/ca.pem", auth_suite="TLS1.2", config_path=None, log_path=f"{folder}/kmip-server.log",
        policy_path=f"{folder}/policy", enable_tls_client_auth=True, logging_level="INFO",
        database_path=f"{folder}/kmip.db")
    logging.getLogger("kmip").setLevel(logging.INFO)
    with server:
        server.serve()


main()
