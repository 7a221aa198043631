#!/usr/bin/env bash
# py-amqp 5.1.1 (Debian 12), which Celery and kombu publish with; no broker is needed.
#
# The letters of the two 64-bit integers in a header table are the other way round than one would think. A number outside
# of 32 bits is written as `L`, which others take for unsigned, but signed: -3000000000 is `L` with a sign. And what comes as
# `l`, signed everywhere else, is read without its sign: -1 becomes 18446744073709551615.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-amqp=5.1.1-1 python3-vine=5.0.0+dfsg-3 2>/dev/null
for package in *.deb; do dpkg-deb -x "$package" .; done
PYTHONPATH=usr/lib/python3/dist-packages /usr/bin/python3 - <<'PY'
from struct import pack
from amqp import __version__
from amqp.serialization import dumps, loads

def table(letter, number):
    entry = b'\x01n' + letter + pack('>q', number)
    return pack('>I', len(entry)) + entry

def read(letter, number):
    return loads('F', table(letter, number), 0)[0][0]['n']

written = dumps('F', [{'n': -3000000000}])
print(f'py-amqp {__version__}')
print('-3000000000 is written as', written[6:7].decode(), written[7:].hex())
print('-1 that comes as l is read as', read(b'l', -1))
print('-1 that comes as L is read as', read(b'L', -1))
assert written == table(b'L', -3000000000)
assert read(b'l', -1) == 2**64 - 1
assert read(b'L', -1) == -1
PY
