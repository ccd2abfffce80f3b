# SPDX-License-Identifier: Apache-2.0
"""What tests of HTTP over TCP share."""
import json
import os
import re
import subprocess

import under


def address():
    """Where the collector serves, as it says."""
    url = json.loads(under.http("GET", "/api/ps")[1])["http"]
    return re.fullmatch(r"https?://(.*)/", url).group(1)


def certificate():
    """A certificate for localhost, and its key: files."""
    cert, key = (os.path.join(under.TMP, n) for n in ("cert.pem", "key.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-out", cert, "-keyout",
                    key], check=True, capture_output=True, timeout=60)
    return cert, key
