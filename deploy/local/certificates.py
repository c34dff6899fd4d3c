"""A certificate authority for one machine: made once, kept in a folder, good for brokers and their operator."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 3650


class Authority:
    """`ca.pem` is for all; each certificate is a file `<name>.pem`: its key, then itself."""

    def __init__(self, folder: Path, name: str = "pinzhi local CA") -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder, self.ca = folder, folder / "ca.pem"
        self._key_file = folder / "ca.key"
        if not self.ca.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = (
                _builder(name, name, key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .sign(key, hashes.SHA256())
            )
            _write(self._key_file, _private(key))
            _write(self.ca, certificate.public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str, *hosts: str) -> Path:
        """For a server that is reached as `hosts`, or for a client of this name. One that is there is kept."""
        path = self.folder / f"{name}.pem"
        if path.exists():
            return path
        signer = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        issuer = x509.load_pem_x509_certificate(self.ca.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
        builder = (
            _builder(name, issuer.subject.rfc4514_string().removeprefix("CN="), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        certificate = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
        _write(path, _private(key) + certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _builder(name: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.rename(path)
