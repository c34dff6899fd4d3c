"""The shapes under the name by which the pages know them."""

from services.gateway.schemas import *  # noqa: F403
