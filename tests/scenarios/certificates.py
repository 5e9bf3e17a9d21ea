"""An authority and the certificates it signs, made by the openssl command."""

import subprocess

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   capture_output=True, timeout=30)


class Authority:
    """Signs certificates; everything lies in `directory`, which it makes."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory
        self.certificate = directory / "authority.pem"
        self._key = directory / "authority.key"
        openssl("req", "-x509", *KEY, "-keyout", self._key, "-out",
                self.certificate, "-days", 2, "-subj", "/CN=authority",
                "-addext", "basicConstraints=critical,CA:TRUE")

    def sign(self, name, days=2):
        """(certificate, key) for this machine; negative days have expired."""
        certificate, key, asked = (self.directory / f"{name}.{suffix}"
                                   for suffix in ("pem", "key", "csr"))
        openssl("req", *KEY, "-keyout", key, "-out", asked,
                "-subj", f"/CN={name}", "-addext", NAMES)
        openssl("x509", "-req", "-in", asked, "-CA", self.certificate,
                "-CAkey", self._key, "-CAcreateserial",
                "-copy_extensions", "copy", "-days", days, "-out", certificate)
        return certificate, key
