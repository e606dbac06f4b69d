"""Seals and opens blobs for room devices with jwcrypto. Takes one JSON object on standard input, prints one on standard output."""

import base64
import hashlib
import json
import os
import sys

from jwcrypto import jwe, jwk

LENGTH = {"A128GCM": 16, "A256GCM": 32}


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def key(secret, salt, enc):
    # scrypt takes 32 MiB and a little; OpenSSL's own limit is 32 MiB.
    derived = hashlib.scrypt(octets(secret), salt=octets(salt), n=32768, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=LENGTH[enc])
    return jwk.JWK(kty="oct", k=text(derived))


def seal(task):
    salt = text(os.urandom(16))
    header = {"alg": "dir", "cisco-action": task["action"], "cisco-kdf": {"salt": salt, "version": "1"}, "enc": task["enc"]}
    token = jwe.JWE(octets(task["payload"]), protected=json.dumps(header), algs=["dir", task["enc"]])
    token.add_recipient(key(task["secret"], salt, task["enc"]))
    return {"blob": token.serialize(compact=True)}


def unseal(task):
    header = json.loads(octets(task["blob"].split(".")[0]))
    token = jwe.JWE(algs=["dir", header["enc"]])
    opened = {"action": header["cisco-action"]}
    try:
        token.deserialize(task["blob"], key(task["secret"], header["cisco-kdf"]["salt"], header["enc"]))
    except jwe.InvalidJWEData:
        # It opens an empty payload, and then takes it for none at all.
        if token.decryptlog != ["Success"]:
            raise
        return opened | {"payload": ""}
    return opened | {"payload": text(token.payload)}


task = json.load(sys.stdin)
try:
    answer = {"seal": seal, "open": unseal}[task["do"]](task)
except Exception as error:  # Whatever it is, the test wants to see it.
    answer = {"error": f"{type(error).__name__}: {error}"}
json.dump(answer, sys.stdout)
