# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# kmip.sh - a PyKMIP server, certificates, and a proxy that misbehaves. Source it after harness.sh.
#
#   kmip_certificates          an authority, a server's certificate, clients "client" and "client2", one of another
#                              authority ("stranger"), all in $T/kmip
#   kmip_start / kmip_kill     the server on 127.0.0.1:$KMIP_PORT
#   kmip_proxy_start           a proxy on $KMIP_PROXY_PORT; kmip_mode MODE...: see tests/tools/kmip_proxy.py
#   pykmip METHOD ARGUMENT...  what another client of the same name does there: revoke ID, destroy ID, state ID
KMIP_PORT=5696
KMIP_PROXY_PORT=5697
KMIP_DIR=$T/kmip

/usr/bin/python3 -c 'import kmip' 2>/dev/null || skip "PyKMIP is not there: apt-get install python3-pykmip"

kmip_openssl() { openssl "$@" 2>>"$T/openssl.log" || die "openssl $1: $(tail -n 3 "$T/openssl.log")"; }

# kmip_authority NAME
kmip_authority() {
	kmip_openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Test authority $1" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
		-keyout "$KMIP_DIR/$1.key" -out "$KMIP_DIR/$1.pem"
}

# kmip_certificate NAME AUTHORITY EXTENSION...
kmip_certificate() {
	local name=$1 authority=$2
	shift 2
	printf '%s\n' "keyUsage=critical,digitalSignature" "$@" >"$KMIP_DIR/$name.ext"
	kmip_openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-keyout "$KMIP_DIR/$name.key" -out "$KMIP_DIR/$name.csr"
	kmip_openssl x509 -req -in "$KMIP_DIR/$name.csr" -CA "$KMIP_DIR/$authority.pem" -CAkey "$KMIP_DIR/$authority.key" \
		-CAcreateserial -days 30 -extfile "$KMIP_DIR/$name.ext" -out "$KMIP_DIR/$name.pem"
}

kmip_certificates() {
	mkdir -p "$KMIP_DIR"
	kmip_authority ca
	kmip_authority other
	kmip_certificate server ca extendedKeyUsage=serverAuth "subjectAltName=IP:127.0.0.1,DNS:localhost"
	kmip_certificate client ca extendedKeyUsage=clientAuth
	kmip_certificate client2 ca extendedKeyUsage=clientAuth
	kmip_certificate stranger other extendedKeyUsage=clientAuth
}

kmip_is_up() { timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; }
kmip_start() {
	start_bg kmip /usr/bin/python3 "$ROOT/tests/tools/kmip_server.py" "$KMIP_DIR" "$KMIP_PORT"
	wait_until 20 "the KMIP server" kmip_is_up "$KMIP_PORT"
}
kmip_kill() { kill_bg kmip KILL; }

kmip_mode() { echo "$*" >"$T/kmip.mode"; }
kmip_proxy_start() {
	kmip_mode pass
	start_bg kmip-proxy python3 "$ROOT/tests/tools/kmip_proxy.py" "$KMIP_PROXY_PORT" "$KMIP_PORT" "$T/kmip.mode"
	wait_until 10 "the proxy" kmip_is_up "$KMIP_PROXY_PORT"
}

pykmip() {
	timeout 20 /usr/bin/python3 - "$KMIP_DIR" "$KMIP_PORT" "$@" <<'END' 2>/dev/null
import sys
import ssl
from kmip.pie.client import ProxyKmipClient
from kmip.core import enums
folder, port, what, uid = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
with ProxyKmipClient(hostname="127.0.0.1", port=port, cert=f"{folder}/client.pem", key=f"{folder}/client.key",
                     ca=f"{folder}/ca.pem", ssl_version="PROTOCOL_TLSv1_2") as c:
    if what == "revoke":
        c.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, uid)
    elif what == "destroy":
        c.destroy(uid)
    elif what == "state":
        print(c.get_attributes(uid, ["State"])[1][0].attribute_value.value.name)
END
}
