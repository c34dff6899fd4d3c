"""Files that belong to records: decision documents, test reports, certificates, photographs.

    content     what a file is and whether it may be kept, by its bytes
    store       where the bytes are, under their SHA-256
    scanner     the seam for a virus scanner
    models      who put a file there and who may see it
    records     what a record that names a file asks and tells
    api         `attachments_router(service)`

A record refers to a file by its SHA-256, so that what was decided on can be proven later.
"""

from shared.attachments.content import Limits
from shared.attachments.scanner import NullScanner, Scanner
from shared.attachments.store import BlobStore, DiskStore, MemoryStore

__all__ = ["BlobStore", "DiskStore", "Limits", "MemoryStore", "NullScanner", "Scanner"]
