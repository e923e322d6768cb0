"""Certificates and tokens for a test API server, by openssl's command line."""

import os
import subprocess

# In kube-apiserver's format of --token-auth-file: token,user,uid,"group,group".
TOKENS = ('admin-token,admin,1,"system:masters"\n'
          'metallbd-token,system:serviceaccount:metallbd-system:metallbd,2,"system:serviceaccounts"\n'
          'nobody-token,nobody,3\n')
EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
NAMES = "IP:127.0.0.1,IP:::1,IP:10.77.0.5,IP:fd77::5,DNS:kubernetes,DNS:kubernetes.default.svc,DNS:localhost"


def _openssl(*args):
    subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True)


def make(directory):
    """ca.crt, apiserver.{crt,key}, admin.{crt,key}, a second CA other-ca.crt, sa.{key,pub}, tokens.csv."""
    def path(name):
        return os.path.join(directory, name)

    def issue(name, subject, extensions):
        with open(path(name + ".ext"), "w", encoding="ascii") as f:
            f.write(extensions)
        _openssl("req", *EC, "-subj", subject, "-keyout", path(name + ".key"), "-out", path(name + ".csr"))
        _openssl("x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
                 "-CAcreateserial", "-days", "30", "-out", path(name + ".crt"), "-extfile", path(name + ".ext"))

    os.makedirs(directory, exist_ok=True)
    for ca in ("ca", "other-ca"):
        _openssl("req", "-x509", *EC, "-days", "30", "-subj", f"/CN=metallb test {ca}",
                 "-keyout", path(ca + ".key"), "-out", path(ca + ".crt"))
    issue("apiserver", "/CN=kube-apiserver", f"subjectAltName={NAMES}\nextendedKeyUsage=serverAuth\n")
    issue("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth\n")
    _openssl("genrsa", "-out", path("sa.key"), "2048")
    _openssl("rsa", "-in", path("sa.key"), "-pubout", "-out", path("sa.pub"))
    with open(path("tokens.csv"), "w", encoding="ascii") as f:
        f.write(TOKENS)
    return directory
