"""`python -m deploy.scaffold domain|migration SERVICE NAME`, as the Makefile calls it."""

import re
import sys

from deploy.scaffold.domain import new_domain
from deploy.scaffold.migration import new_migration
from deploy.topology import SERVICES

_MAKES = {"domain": new_domain, "migration": new_migration}


def main(arguments: list[str]) -> int:
    names = [service.name for service in SERVICES]
    match arguments:
        case [kind, service, name] if kind in _MAKES and service in names and re.fullmatch(r"[a-z][a-z0-9_]+", name):
            try:
                written = _MAKES[kind](service, name)
            except ValueError as error:
                print(error, file=sys.stderr)
                return 1
            print("\n".join(str(path) for path in written))
            return 0
    wanted = f"SERVICE is one of {', '.join(names)}; NAME is lower case with underscores"
    print(f"make new-domain SERVICE= NAME=, or make migration SERVICE= NAME=: {wanted}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
